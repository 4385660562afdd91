"""Writing to a workspace: create it, import into it; all of an operation or nothing."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl
import tomli_w

from citygauge.collect.coinr import read_idata
from citygauge.collect.observations import (
    OBSERVATION_COLUMNS,
    ROW,
    check_observations,
    observation_ids,
    observations_of,
)
from citygauge.collect.resolve import current
from citygauge.collect.sources import source_frame
from citygauge.collect.table import Cell, cells_frame, read_table
from citygauge.collect.units import units_of
from citygauge.files import Sheet, canonical_headers, frame_sheet, is_file, read_sheet, write_csv
from citygauge.framework.coinr import read_imeta
from citygauge.framework.model import CHANNELS
from citygauge.framework.read import read_framework
from citygauge.framework.write import write_framework
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import SOURCE_COLUMNS, Source, sha256_of_file
from citygauge.score.method import Method
from citygauge.workspace import SETTINGS, Workspace, find_framework, open_workspace

# Python would take full-width digits and 1_000 for numbers; a table of facts does not.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?")
_EMPTY_UNITS = ("unit", "name_zh", "name_en", "aliases")


def new_workspace(folder: Path, framework: str, units: Path | None = None) -> None:
    """Create a workspace for a framework: its own copy of the tree, weight sets and method, and empty tables.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty.
    framework : str
        Name of a built-in framework, or a path that `read_framework` takes.
    units : Path, optional
        A table of units to start from, CSV or XLSX.

    Raises
    ------
    InputError
        With everything wrong; the folder is then not created.
    """
    problems = Problems()
    place = find_framework(framework, problems)
    problems.raise_errors()
    assert place is not None
    tree = read_framework(place)
    sheet = read_sheet(units, problems) if units else None
    listed = units_of(sheet, problems) if sheet else None
    problems.raise_errors()
    with _new_folder(folder) as draft:
        write_framework(tree, draft / "framework.csv")
        shipped = (place if place.is_dir() else place.parent) / "method.toml"
        text = shipped.read_text(encoding="utf-8") if shipped.is_file() else Method().to_toml()
        (draft / "method.toml").write_text(text, encoding="utf-8", newline="\n")
        settings = {
            "name_zh": tree.title.get("zh", ""),
            "name_en": tree.title.get("en", "") or tree.root.label("en"),
        }
        _write_settings(draft, settings)
        write_csv(listed.frame if listed else _empty(_EMPTY_UNITS), draft / "units.csv")
        write_csv(_empty(OBSERVATION_COLUMNS), draft / "observations.csv")
        write_csv(_empty(SOURCE_COLUMNS), draft / "sources.csv")


def import_coinr(folder: Path, data: Path, meta: Path) -> Workspace:
    """Create a workspace from COINr's pair of tables and return it.

    Both files are kept under ``originals/`` by their hash. The method is CityGauge's default (min-max 0 to
    100, arithmetic means); nothing of COINr's settings is in the two tables.

    Raises
    ------
    InputError
        With all problems of both files; the folder is then not created.
    """
    problems = Problems()
    content = read_imeta(meta, problems)
    if not is_file(data):
        problems.add("file.not-found", Where(str(data)), path=str(data))
    problems.raise_errors()
    source = replace(_source_of(data, "iData"), title=f"COINr iData: {data.name}")
    tables = read_idata(data, content, source.id, problems) if content else None
    problems.raise_errors()
    assert content is not None
    assert tables is not None
    units, observations = tables
    meta_source = replace(_source_of(meta, "iMeta"), title=f"COINr iMeta: {meta.name}")
    with _new_folder(folder) as draft:
        write_framework(content.framework, draft / "framework.csv")
        (draft / "method.toml").write_text(Method().to_toml(), encoding="utf-8", newline="\n")
        periods = observations["period"].drop_nulls().unique()
        settings = {"name_en": content.framework.root.label("en")}
        _write_settings(draft, settings | ({"period": periods[0]} if len(periods) == 1 else {}))
        write_csv(units, draft / "units.csv")
        write_csv(observations, draft / "observations.csv")
        write_csv(source_frame({s.id: s for s in (source, meta_source)}), draft / "sources.csv")
        for original, kept in ((data, source), (meta, meta_source)):
            _keep(original, draft / kept.file)
    return open_workspace(folder)


@dataclass(frozen=True, slots=True)
class TableImport:
    """What is said about a file that is imported: its source, and how its facts are to be read."""

    sheet: str | None = None
    period: str | None = None
    channel: str | None = None
    correct: bool = False
    collected_at: str | None = None
    source: Source = field(default_factory=lambda: Source(""))


@dataclass(frozen=True, slots=True)
class Imported:
    """How many facts were new, corrections, or already there, and what was noted."""

    new: int
    corrected: int
    known: int
    warnings: tuple[Problem, ...]


def import_table(folder: Path, file: Path, how: TableImport) -> Imported:
    """Add the facts of a CSV or XLSX table to a workspace.

    The file is kept under ``originals/`` by its hash, every fact names its cell, and nothing that is
    already recorded changes: a differing value is a problem, or with ``how.correct`` a new observation
    that supersedes the old one. A figure where ``missing`` was recorded supersedes it in any case, and an
    empty cell says nothing about a figure that is known.

    Raises
    ------
    InputError
        With all problems of the table; the workspace is then as it was.
    """
    workspace = open_workspace(folder)
    problems = Problems()
    if how.channel is not None and how.channel not in CHANNELS:
        values = {"value": how.channel, "rows": [], "near": [], "allowed": list(CHANNELS)}
        problems.add("facts.unknown-channel", Where(column="--channel"), **values)
    sheet = read_sheet(file, problems, how.sheet)
    problems.raise_errors()
    assert sheet is not None
    cells = read_table(sheet, workspace.framework, workspace.units, how.period, problems)
    cells = _once(cells, sheet, problems)
    problems.raise_errors()
    source = _complete_source(file, sheet, how.source, workspace, problems)
    added, known, corrected = _against_known(cells, workspace, how, source, file.name, problems)
    problems.raise_errors()
    if not added.height:
        problems.add("import.nothing-new", Where(file.name), count=known)
        return Imported(0, 0, known, problems.warnings)
    _record(workspace, added, source, file, problems)
    return Imported(added.height - corrected, corrected, known, problems.warnings)


def _against_known(
    cells: Sequence[Cell],
    workspace: Workspace,
    how: TableImport,
    source: Source,
    file: str,
    problems: Problems,
) -> tuple[pl.DataFrame, int, int]:
    """Return the facts to add, how many are known already, and how many of those to add are corrections."""
    frame = current(workspace.observations, Problems())
    frame = frame.with_columns(pl.Series("_id", observation_ids(frame), dtype=pl.String))
    key = ("unit", "indicator", "period")
    recorded: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in frame.filter(pl.col("subject").is_null()).iter_rows(named=True):
        recorded.setdefault(tuple(row[name] for name in key), []).append(row)
    fresh: list[Cell] = []
    known = corrected = 0
    for cell in cells:
        channel = cell.extra.get("channel", how.channel)
        there = recorded.get((cell.unit, cell.indicator, cell.period or ""), [])
        # A fact without a channel may be any channel's: telling it again is no second fact.
        old = next(
            (row for row in there if None in (channel, row["channel"]) or row["channel"] == channel), None
        )
        if old is None:
            fresh.append(cell)
        elif _says_nothing_new(cell, old):
            known += 1
        elif (
            how.correct or old["state"] == "missing"
        ):  # a figure takes the place of a gap without being asked
            corrected += 1
            fresh.append(replace(cell, extra={**cell.extra, "supersedes": old["_id"]}))
        else:
            values = {"old": _told(old["value"]), "new": _told(cell.value), "row": old[ROW]}
            where = Where(file, row=cell.row, column=cell.cell)
            problems.add("import.value-changed", where, unit=cell.unit, code=cell.indicator, **values)
    return cells_frame(fresh, source.id, how.channel, how.collected_at), known, corrected


def _says_nothing_new(cell: Cell, old: Mapping[str, Any]) -> bool:
    """Tell whether a cell repeats what is recorded; an empty one says nothing about a known figure."""
    state = cell.extra.get("state", "missing" if cell.value is None else "value")
    if state == "missing":
        return True
    same = old["value"] == (None if cell.value is None else float(cell.value))
    return same and bool(old["state"] == state)


def _told(value: float | str | None) -> str:
    """Write a value for a sentence; nothing is a dash."""
    return "–" if value is None else f"{float(value):.15g}"


def _once(cells: Sequence[Cell], sheet: Sheet, problems: Problems) -> list[Cell]:
    """Return repeated facts once; note numbers that are none, and facts told twice differently."""
    seen: dict[tuple[str, str, str | None, str | None], tuple[Cell, tuple[float | None, str]]] = {}
    for cell in cells:
        is_number = cell.value is None or _NUMBER.fullmatch(cell.value) is not None
        number = None if cell.value is None else float(cell.value) if is_number else float("nan")
        where = Where(sheet.file, sheet.name, cell.row, cell.cell)
        if number is not None and not isfinite(number):
            problems.add("facts.not-a-number", where, value=cell.value or "")
            continue
        told = (number, cell.extra.get("state", "missing" if number is None else "value"))
        key = (cell.unit, cell.indicator, cell.period, cell.extra.get("channel"))
        first, before = seen.setdefault(key, (cell, told))
        if before != told:
            rows = [first.row, cell.row]
            problems.add("import.repeated-fact", where, unit=cell.unit, code=cell.indicator, rows=rows)
    return [cell for cell, _ in seen.values()]


def _complete_source(
    file: Path, sheet: Sheet, told: Source, workspace: Workspace, problems: Problems
) -> Source:
    """Return the source with id, hash, file, sheet and range filled in; an id used already is a problem."""
    made = _source_of(file, "")
    source = replace(
        told,
        id=told.id or made.id,
        title=told.title or file.name,
        sha256=made.sha256,
        file=made.file,
        sheet=sheet.name or "",
        cell_range=sheet.cell_range(),
    )
    known = workspace.sources.get(source.id)
    if known is not None and known.sha256 != source.sha256:
        problems.add("sources.duplicate-id", Where("sources.csv", column="id"), id=source.id)
    return source


def _record(
    workspace: Workspace, added: pl.DataFrame, source: Source, file: Path, problems: Problems
) -> None:
    """Append observations and source; every file is written aside first and put in place at the end."""
    folder = workspace.folder
    assert folder is not None
    path = folder / workspace.observations.file
    is_parquet = path.suffix == ".parquet"
    before = pl.read_parquet(path) if is_parquet else _as_written(path, problems)
    added = added.with_columns(
        pl.col(name).cast(dtype) for name, dtype in before.schema.items() if name in added.columns
    )
    table = pl.concat([before, added], how="diagonal")
    facts = observations_of(frame_sheet(table, path.name), problems)
    if facts is not None:  # nothing is written that opening the workspace would then refuse
        check_observations(facts, workspace.framework, workspace.units, problems)
    problems.raise_errors()
    sources = source_frame({**workspace.sources, source.id: source})
    _keep(file, folder / source.file)
    drafts = {folder / f".{name}.new": folder / name for name in (path.name, "sources.csv")}
    for draft, target in drafts.items():
        frame = table if target == path else sources
        frame.write_parquet(draft) if draft.suffixes[-2:-1] == [".parquet"] else write_csv(frame, draft)
    for draft, target in drafts.items():
        draft.replace(target)


def _as_written(path: Path, problems: Problems) -> pl.DataFrame:
    """Return the table of a CSV file as text, under the contract's headers."""
    sheet = read_sheet(path, problems)
    problems.raise_errors()
    assert sheet is not None
    return canonical_headers(sheet, OBSERVATION_COLUMNS).frame


def _source_of(file: Path, label: str) -> Source:
    """Return a source for a file: an id from its name and hash, and where the original will be kept."""
    digest = sha256_of_file(file)
    name = label or "".join(c if c.isalnum() else "-" for c in file.stem).strip("-").lower()
    return Source(f"{name}-{digest[:8]}", sha256=digest, file=f"originals/{digest[:16]}{file.suffix.lower()}")


def _keep(original: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        shutil.copyfile(original, place)


def _write_settings(folder: Path, settings: Mapping[str, str]) -> None:
    data = {"framework": "framework.csv", **{key: value for key, value in settings.items() if value}}
    (folder / SETTINGS).write_text(tomli_w.dumps(data), encoding="utf-8", newline="\n")


def _empty(columns: Iterable[str]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that takes its name only when everything in it is written."""
    values = {"folder": str(folder)}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError([Problem("new.folder-exists", Where(str(folder)), values)])
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError:  # something above it is a file
        raise InputError([Problem("new.folder-exists", Where(str(folder.parent)), values)]) from None
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        draft.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
