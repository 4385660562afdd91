"""Importing the tables of a statistical yearbook: what is recorded already never changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from citygauge.collect.periods import note_unusual
from citygauge.collect.resolve import current
from citygauge.collect.table import Cell
from citygauge.collect.units import Units
from citygauge.collect.yearbook.checks import check_facts, check_sums
from citygauge.collect.yearbook.grid import read_grids
from citygauge.collect.yearbook.layout import Skipped
from citygauge.collect.yearbook.mapping import YearbookMap, map_text, read_yearbook_map
from citygauge.collect.yearbook.read import Fact, Reading, Target, names_left_out, read_yearbook
from citygauge.files import Sheet, is_file
from citygauge.framework.model import CHANNELS
from citygauge.problems import Problems, Where
from citygauge.provenance import Source
from citygauge.store.record import described, locked, note_taken_id, record
from citygauge.store.table import Imported, TableImport, against_known
from citygauge.workspace import Workspace, framework_place, open_workspace

_PLAIN_NAME = re.compile(r"[\w\-. ]+")


@dataclass(frozen=True, slots=True)
class YearbookImport:
    """How a file is imported: by which map, and what is said of it.

    Parameters
    ----------
    map, save_map : str, optional
        Name of a map in ``imports/`` (or its path) to read by; name under which to keep the one found.
    sheet : str, optional
        The one sheet to read; all by default.
    period : str, optional
        The period of figures that the file gives none.
    channel : str
    correct : bool
        Record differing values as corrections.
    dry_run : bool
        Read and check, and write nothing.
    """

    map: str | None = None
    save_map: str | None = None
    sheet: str | None = None
    period: str | None = None
    channel: str | None = None
    correct: bool = False
    collected_at: str | None = None
    source: Source = field(default_factory=lambda: Source(""))
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ImportedYearbook(Imported):
    """What came of it: counts and warnings as of any table, what was left out, the facts and the map."""

    skipped: tuple[Skipped, ...] = ()
    facts: tuple[Fact, ...] = ()
    found: YearbookMap = field(default_factory=YearbookMap)
    saved: str | None = None


def import_yearbook(folder: Path, file: Path, how: YearbookImport) -> ImportedYearbook:
    """Add the facts of a yearbook's tables to a workspace, and say what was left out and why.

    The file is kept under ``originals/`` by its hash, every fact names its sheet and cell, and nothing
    that is recorded changes: see `citygauge.store.table.import_table`. What looks implausible beside the
    other cities or the year before is a warning and is recorded all the same.

    Raises
    ------
    InputError
        With all problems of map and file; the workspace is then as it was.
    """
    with locked(folder):
        return _import_yearbook(open_workspace(folder), file, how)


def _import_yearbook(workspace: Workspace, file: Path, how: YearbookImport) -> ImportedYearbook:
    problems = Problems()
    mapped = read_yearbook_map(map_place(workspace, how.map), problems) if how.map is not None else None
    channel = how.channel or (mapped.channel if mapped is not None else None) or "statistics"
    if channel not in CHANNELS:
        values = {"value": channel, "allowed": list(CHANNELS)}
        problems.add("import.unknown-channel", Where("--channel"), **values)
    saved = _place_to_save(workspace, how.save_map, problems)
    grids = read_grids(file, problems, how.sheet)
    problems.raise_errors()
    target = Target(workspace.framework, workspace.units, mapped, how.period)
    reading = read_yearbook(grids, target, problems)
    note_unusual((fact.period for fact in reading.facts), Where(file.name), problems)
    _note_nothing(reading, file.name, how.save_map, problems)
    problems.raise_errors()
    _note_names(reading, workspace.units, file.name, problems)
    check_facts(reading.facts, _recorded(workspace), workspace.framework, file.name, problems)
    check_sums(reading.sums, file.name, problems)
    source = _source(file, how.source, reading, workspace, problems)
    table = TableImport(None, how.period, channel, how.correct, how.collected_at, source)
    added, known, corrected = against_known(_cells(reading), workspace, table, source, file.name, problems)
    problems.raise_errors()
    if not added.height and reading.facts:
        problems.add("import.nothing-new", Where(file.name), count=known)
    found = _with_source(reading.found, source, channel)
    if not how.dry_run:
        if added.height:
            record(workspace, added, [source], {source.file: file}, problems)
        if saved is not None:
            saved.parent.mkdir(exist_ok=True)
            saved.write_text(map_text(found, reading.headers), encoding="utf-8")
    place = None if saved is None or how.dry_run else f"imports/{saved.name}"
    counts = (added.height - corrected, corrected, known, problems.warnings)
    return ImportedYearbook(*counts, tuple(reading.skipped), tuple(reading.facts), found, place)


def map_place(workspace: Workspace, how: str) -> Path:
    """Return where a map stands: a path, else beside the workspace's or its framework's files."""
    folder = workspace.folder
    assert folder is not None
    place = framework_place(workspace.settings.framework, folder)
    beside = place if place.is_dir() else place.parent
    places = [Path(how), folder / "imports" / f"{how}.toml", beside / "imports" / f"{how}.toml"]
    return next((path for path in places if is_file(path)), places[1])


def _place_to_save(workspace: Workspace, name: str | None, problems: Problems) -> Path | None:
    """Return where a new map will stand; one that is there already is never written over."""
    if name is None:
        return None
    assert workspace.folder is not None
    place = workspace.folder / "imports" / f"{name}.toml"
    if not _PLAIN_NAME.fullmatch(name) or name.startswith("."):
        problems.add("yearbook.map-name", Where(column="--save-map"), name=name)
        return None
    if place.exists():
        problems.add("yearbook.map-exists", Where(str(place)), name=name)
        return None
    return place


def _note_nothing(reading: Reading, file: str, save_map: str | None, problems: Problems) -> None:
    """Note a file without facts; where a map is to be saved, it can be filled in and read by."""
    if reading.facts or problems.errors:
        return
    headers = [header for of_sheet in reading.headers.values() for header in of_sheet]
    if save_map is not None and headers:
        problems.add("yearbook.map-to-fill", Where(file), name=save_map, headers=headers)
    else:
        problems.add("yearbook.no-facts", Where(file), headers=headers)


def _recorded(workspace: Workspace) -> Mapping[tuple[str, str], Mapping[str, float]]:
    """Return the figures that are recorded: (unit, indicator) → period → value."""
    frame = current(workspace.observations, Problems())
    frame = frame.filter(
        pl.col("subject").is_null() & pl.col("value").is_not_null() & pl.col("period").is_not_null()
    )
    found: dict[tuple[str, str], dict[str, float]] = {}
    for unit, code, period, value in frame.select("unit", "indicator", "period", "value").iter_rows():
        found.setdefault((unit, code), {})[period] = value
    return found


def _note_names(reading: Reading, units: Units, file: str, problems: Problems) -> None:
    """Note labels that are no city, and assessed units that the file says nothing about."""
    strange = {text: near for text, near in names_left_out(reading.skipped) if text}
    if strange:
        near = list(dict.fromkeys(name for names in strange.values() for name in names))
        problems.add("yearbook.rows-unplaced", Where(file), labels=list(strange), near=near)
    told = {fact.unit for fact in reading.facts}
    absent = [name for code, name in zip(units.codes, units.names("zh"), strict=True) if code not in told]
    if len(told) > 1 and absent:
        problems.add("yearbook.units-absent", Where(file), count=len(absent), units=absent)


def _cells(reading: Reading) -> list[Cell]:
    """Return the facts as cells of a table."""
    return [
        Cell(
            fact.row, fact.unit, fact.indicator, fact.period,
            None if fact.value is None else f"{fact.value.normalize():f}", fact.cell,
            {"state": fact.state, **({"note": fact.note} if fact.note else {})},
        )
        for fact in reading.facts
    ]  # fmt: skip


def _source(file: Path, told: Source, reading: Reading, workspace: Workspace, problems: Problems) -> Source:
    """Return the source of a file: what is told, else what the map says; an id used already is a problem."""
    by_map = reading.found.source
    told = replace(
        told,
        producer=told.producer or by_map.producer,
        title=told.title or by_map.title,
        url=told.url or by_map.url,
        licence=told.licence or by_map.licence,
    )
    sheets = "; ".join(filter(None, reading.sheets))
    source = described(told, file, Sheet(pl.DataFrame(), file.name, sheets or None))
    note_taken_id(source, workspace, problems)
    return source


def _with_source(found: YearbookMap, source: Source, channel: str) -> YearbookMap:
    """Return a map with what is the same for the next year's file: producer, address, licence, channel."""
    told = found.source.model_copy(
        update={"producer": source.producer, "url": source.url, "licence": source.licence}
    )
    return found.model_copy(update={"source": told, "channel": channel})
