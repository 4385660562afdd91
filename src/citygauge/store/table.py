"""Importing somebody's table: what is recorded already never changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl

from citygauge.collect.observations import ROW, observation_ids
from citygauge.collect.periods import note_unusual
from citygauge.collect.resolve import current
from citygauge.collect.rivals import VOICES, agreement
from citygauge.collect.table import Cell, cells_frame, read_table
from citygauge.files import Sheet, read_sheet
from citygauge.framework.model import CHANNELS
from citygauge.problems import Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.record import described, locked, note_taken_id, record
from citygauge.workspace import Workspace, open_workspace

# Python would take full-width digits and 1_000 for numbers; a table of facts does not.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?")

_Fact = Mapping[str, Any]  # a row of the observations


@dataclass(frozen=True, slots=True)
class TableImport:
    """What is said about a file that is imported: its source, and how its facts are to be read.

    With `correct`, differing values are recorded as corrections; `corrects` names the source whose facts
    are corrected, which is needed where several tell them.
    """

    sheet: str | None = None
    period: str | None = None
    channel: str | None = None
    correct: bool = False
    collected_at: str | None = None
    source: Source = field(default_factory=lambda: Source(""))
    corrects: str = ""


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
    empty cell says nothing about a figure that is known. A source that is given an id of its own is another
    one: what it says of a fact is recorded beside what the others say, and `SourceChoice` says which counts.

    Raises
    ------
    InputError
        With all problems of the table; the workspace is then as it was.
    """
    with locked(folder):
        return _import_table(open_workspace(folder), file, how)


def _import_table(workspace: Workspace, file: Path, how: TableImport) -> Imported:
    problems = Problems()
    if how.channel is not None and how.channel not in CHANNELS:
        values = {"value": how.channel, "allowed": list(CHANNELS)}
        problems.add("import.unknown-channel", Where("--channel"), **values)
    if how.sheet is not None and file.suffix.lower() == ".csv":
        problems.add("import.sheet-of-csv", Where(file.name), sheet=how.sheet)
    sheet = read_sheet(file, problems, how.sheet)
    problems.raise_errors()
    assert sheet is not None
    cells = read_table(sheet, workspace.framework, workspace.units, how.period, problems)
    cells = _once(cells, sheet, problems)
    note_unusual((cell.period for cell in cells), Where(file.name), problems)
    problems.raise_errors()
    source = _complete_source(file, sheet, how.source, workspace, problems)
    added, known, corrected = against_known(cells, workspace, how, source, file.name, problems)
    problems.raise_errors()
    if not added.height:
        problems.add("import.nothing-new", Where(file.name), count=known)
        return Imported(0, 0, known, problems.warnings)
    record(workspace, added, [source], {source.file: file}, problems)
    return Imported(added.height - corrected, corrected, known, problems.warnings)


def against_known(
    cells: Sequence[Cell],
    workspace: Workspace,
    how: TableImport,
    source: Source,
    file: str,
    problems: Problems,
) -> tuple[pl.DataFrame, int, int]:
    """Return the facts to add, how many are known already, and how many of those to add are corrections."""
    recorded = _recorded(workspace)
    known_sources = set(workspace.observations.frame["source"].drop_nulls())
    if how.corrects and how.corrects not in known_sources:
        near = get_close_matches(how.corrects, known_sources, 3) or sorted(known_sources)
        problems.add("import.corrects-unknown", Where("--corrects"), value=how.corrects, near=near)
    fresh: list[Cell] = []
    beside: list[tuple[Cell, _Fact]] = []
    known = corrected = 0
    for cell in cells:
        channel = cell.extra.get("channel", how.channel)
        there = recorded.get((cell.unit, cell.indicator, cell.period or ""), [])
        # A fact without a channel may be any channel's: telling it again is no second fact.
        there = [row for row in there if None in (channel, row["channel"]) or row["channel"] == channel]
        mine = _of_this_source(there, cell, source, how)
        if not mine and there and _state(cell) == "missing":
            known += 1
        elif not mine:
            fresh.append(cell)
            beside += [(cell, row) for row in there if row["state"] != "missing"][:1]
        elif any(_says_nothing_new(cell, row) for row in mine):
            known += 1
        elif (old := _to_correct(cell, mine, how, file, problems)) is not None:
            corrected += 1
            fresh.append(replace(cell, extra={**cell.extra, "supersedes": old["_id"]}))
    _note_beside(beside, workspace, source, file, problems)
    return cells_frame(fresh, source.id, how.channel, how.collected_at), known, corrected


def _recorded(workspace: Workspace) -> dict[tuple[str, ...], list[_Fact]]:
    """Return the facts of the units that count, by unit, indicator and period, with their ids."""
    frame = current(workspace.observations, Problems())
    ids = pl.Series("_id", observation_ids(frame), dtype=pl.String)
    found: dict[tuple[str, ...], list[_Fact]] = {}
    for row in frame.with_columns(ids).filter(pl.col("subject").is_null()).iter_rows(named=True):
        found.setdefault(tuple(row[name] for name in ("unit", "indicator", "period")), []).append(row)
    return found


def _of_this_source(there: Sequence[_Fact], cell: Cell, source: Source, how: TableImport) -> list[_Fact]:
    """Return the recorded facts that a cell repeats or corrects; the others are told by other sources.

    A source that somebody gave an id is a source of its own; a file that goes by its own name and hash may
    be a new version of any. A fact that names no source may be of any.
    """
    by_id = [row for row in there if row["_id"] == cell.extra.get("supersedes")]
    if by_id:
        return by_id
    if how.corrects:
        return [row for row in there if how.corrects in row[VOICES]]
    if source.id.endswith(f"-{source.sha256[:8]}"):
        return list(there)
    mine = [row for row in there if row["source"] is None or source.id in row[VOICES]]
    return mine or (list(there) if how.correct else [])


def _to_correct(
    cell: Cell, mine: Sequence[_Fact], how: TableImport, file: str, problems: Problems
) -> _Fact | None:
    """Return the fact that a differing cell takes the place of; None, and noted, where it must not."""
    told = [row for row in mine if row["state"] != "missing"] or mine[:1]
    values: dict[str, Any] = {"unit": cell.unit, "code": cell.indicator, "new": _told(cell.value)}
    where = Where(file, row=cell.row, column=cell.cell)
    if not (how.correct or how.corrects or told[0]["state"] == "missing"):
        problems.add("import.value-changed", where, **values, old=_told(told[0]["value"]), row=told[0][ROW])
    elif len({tuple(row[VOICES]) for row in told}) > 1:
        values |= {name: [row[key] for row in told] for name, key in (("rows", ROW), ("ids", "_id"))}
        values["sources"] = [row["source"] or "–" for row in told]
        problems.add("import.which-corrected", where, **values)
    else:  # a figure takes the place of a gap without being asked
        return told[0]
    return None


def _note_beside(
    beside: Sequence[tuple[Cell, _Fact]], workspace: Workspace, source: Source, file: str, problems: Problems
) -> None:
    """Note the facts that another source tells otherwise, beyond rounding and the tolerance."""
    tolerance, told, others = workspace.settings.sources.tolerance, [], [source.id]
    for cell, row in beside:
        value = None if cell.value is None else float(cell.value)
        if value is None or row["value"] is None:
            differs = row["state"] != _state(cell)
        else:
            differs = agreement(row["value"], value, tolerance) == "differ"
        if differs:
            old = row["state"] if row["value"] is None else _told(row["value"])
            new = _state(cell) if cell.value is None else cell.value
            told.append(f"{cell.unit}/{cell.indicator} {old} [{row[ROW]}] ≠ {new}")
            others.append(row["source"])
    if told and not set(others) <= set(workspace.settings.sources.prefer):
        sources = ", ".join(f'"{name}"' for name in dict.fromkeys(others))
        values = {"count": len(told), "total": len(beside), "told": told, "sources": sources}
        problems.add("import.told-otherwise", Where(file), **values)


def _state(cell: Cell) -> str:
    return cell.extra.get("state", "missing" if cell.value is None else "value")


def _says_nothing_new(cell: Cell, old: _Fact) -> bool:
    """Tell whether a cell repeats what is recorded; an empty one says nothing about a known figure."""
    if _state(cell) == "missing":
        return True
    same = old["value"] == (None if cell.value is None else float(cell.value))
    return same and bool(old["state"] == _state(cell))


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
        told = (number, _state(cell))
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
    source = described(told, file, sheet)
    note_taken_id(source, workspace, problems)
    return source
