"""Breaks in series: from when on facts of an indicator or a unit cannot be compared with earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from citygauge.collect.observations import ROW, Observations, grouped
from citygauge.collect.periods import is_usual, usual_form
from citygauge.collect.units import UnitMatcher, Units
from citygauge.files import Sheet, canonical_headers, frame_sheet, read_sheet
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

BREAK_COLUMNS = ("indicator", "unit", "from_period", "kind", "note_zh", "note_en")
KINDS = ("definition", "boundary", "source")


@dataclass(frozen=True, slots=True)
class Break:
    """One break: from `from_period` on.

    Parameters
    ----------
    indicator : str
        Code of a node or an item; blank for all.
    unit : str
        Code of a unit; blank for all.
    from_period : str
        The first period of the new series.
    kind : str
        One of `KINDS`: another definition, another boundary of the unit, another source.
    note_zh, note_en : str
        What changed.
    """

    indicator: str
    unit: str
    from_period: str
    kind: str
    note_zh: str = ""
    note_en: str = ""


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={ROW: pl.UInt32, **dict.fromkeys(BREAK_COLUMNS, pl.String)})


@dataclass(frozen=True)
class Breaks:
    """The breaks of a workspace, as a table with the columns of ``breaks.csv``."""

    frame: pl.DataFrame = field(default_factory=_nothing)
    file: str = "breaks.csv"

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[Break]:
        for row in self.frame.select(BREAK_COLUMNS).iter_rows():
            yield Break(*(text or "" for text in row))

    def where(self, row: int | None = None, column: str | None = None) -> Where:
        """Return the place of a row of the file."""
        return Where(self.file, row=row, column=column)


def read_breaks(folder: Path, problems: Problems) -> Breaks | None:
    """Read ``breaks.csv`` of a workspace; without the file there are none. None where it is unusable."""
    path = folder / "breaks.csv"
    if not path.exists() and not path.is_symlink():
        return Breaks()
    sheet = read_sheet(path, problems)
    return None if sheet is None else breaks_of(sheet, problems)


def breaks_of(sheet: Sheet | pl.DataFrame, problems: Problems) -> Breaks | None:
    """Return the breaks of a table; None where a needed column is missing."""
    if isinstance(sheet, pl.DataFrame):
        sheet = frame_sheet(sheet, "breaks")
    sheet = canonical_headers(sheet, BREAK_COLUMNS)
    missing = [column for column in ("from_period", "kind") if column not in sheet.frame.columns]
    if missing:
        problems.add("breaks.missing-column", sheet.where(), columns=missing, found=sheet.frame.columns)
        return None
    frame = sheet.frame.drop(ROW, strict=False).with_row_index(ROW, sheet.first_row)
    absent = [pl.lit(None, pl.String).alias(name) for name in BREAK_COLUMNS if name not in frame.columns]
    frame = frame.with_columns(*absent).filter(pl.any_horizontal(pl.col(BREAK_COLUMNS).is_not_null()))
    breaks = Breaks(frame, sheet.file)
    for column in ("from_period", "kind"):
        for row in frame.filter(pl.col(column).is_null())[ROW].to_list():
            problems.add("breaks.blank-cell", breaks.where(row, column), column=column)
    for (value,), rows in grouped(_others(frame, "kind", KINDS), "kind"):
        near = get_close_matches(value, KINDS, 1)
        where = breaks.where(rows[0], "kind")
        problems.add("breaks.unknown-kind", where, value=value, rows=rows, near=near, allowed=list(KINDS))
    return breaks


def check_breaks(
    breaks: Breaks, observations: Observations, framework: Framework, units: Units, problems: Problems
) -> None:
    """Note breaks of unknown indicators and units, and from periods that no fact is dated with."""
    known = framework.recordable
    for (value,), rows in grouped(_others(breaks.frame, "indicator", known), "indicator"):
        near = get_close_matches(value, known, 3)
        where = breaks.where(rows[0], "indicator")
        problems.add("breaks.unknown-indicator", where, value=value, rows=rows, near=near)
    strange = grouped(_others(breaks.frame, "unit", units.codes), "unit")
    matcher = UnitMatcher(units) if strange else None
    for (value,), rows in strange:
        assert matcher is not None
        match = matcher.match(value)
        near = [match.code] if match.verdict == "found" else list(match.candidates)
        where = breaks.where(rows[0], "unit")
        problems.add("breaks.unknown-unit", where, value=value, rows=rows, near=near)
    periods = observations.periods
    for (value,), rows in grouped(_others(breaks.frame, "from_period", periods), "from_period"):
        where = breaks.where(rows[0], "from_period")
        if is_usual(value):
            problems.add("breaks.unknown-period", where, value=value, rows=rows, known=periods)
        else:
            near = [form] if (form := usual_form(value)) else []
            problems.add("breaks.bad-period", where, value=value, rows=rows, near=near, known=periods)


def concerned(code: str, framework: Framework) -> frozenset[str]:
    """Return the nodes whose recorded values a break of a code cuts; all nodes where the code is blank.

    These are the node itself with all below it, what roll-up rules make of any of them, and the indicators
    that are divided by any of them. Scores of the nodes above are made of such values, and are not named.
    """
    if not code:
        return frozenset(framework.codes)
    found = {code} if code not in framework else {code, *framework.subtree(code)}
    while True:
        rules = framework.rollups
        made = {rule.code for rule in rules if found.intersection((*rule.sources, *rule.where))}
        made |= {row.code for row in framework.lookups if found.intersection(row.when)}
        made |= {node.code for node in framework if node.denominator in found}
        if made <= found:
            return frozenset(found.intersection(framework.codes))
        found |= made


def _others(frame: pl.DataFrame, column: str, known: Sequence[str]) -> pl.DataFrame:
    return frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(list(known)))
