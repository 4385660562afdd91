"""Importing somebody's table: what is recorded already never changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl

from citygauge.collect.observations import ROW, observation_ids
from citygauge.collect.resolve import current
from citygauge.collect.table import Cell, cells_frame, read_table
from citygauge.files import Sheet, read_sheet
from citygauge.framework.model import CHANNELS
from citygauge.problems import Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.record import described, locked, record
from citygauge.workspace import Workspace, open_workspace

# Python would take full-width digits and 1_000 for numbers; a table of facts does not.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?")


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
    with locked(folder):
        return _import_table(open_workspace(folder), file, how)


def _import_table(workspace: Workspace, file: Path, how: TableImport) -> Imported:
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
    record(workspace, added, [source], {source.file: file}, problems)
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
    source = described(told, file, sheet)
    known = workspace.sources.get(source.id)
    if known is not None and known.sha256 != source.sha256:
        problems.add("sources.duplicate-id", Where("sources.csv", column="id"), id=source.id)
    return source
