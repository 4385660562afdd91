"""How uncertain single facts are, as a file says: standard errors, intervals, draws and grades of quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import polars as pl

from citygauge.collect.observations import ROW, grouped
from citygauge.collect.units import UnitMatcher, Units
from citygauge.files import Sheet, canonical_headers, read_sheet
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

SPREAD_COLUMNS = ("unit", "indicator", "period", "of", "se", "low", "high", "draw", "value", "grade")
OBSERVATION, DERIVED = OF = ("observation", "derived")
Kind = Literal["value", "low", "se", "grade"]
KINDS: tuple[Kind, ...] = ("value", "low", "se", "grade")  # each by the column that tells it
_NUMBERS = ("se", "low", "high", "value")
_FACT = ("unit", "indicator", "period")


@dataclass(frozen=True, slots=True)
class Spread:
    """What a file says of the uncertainty of facts.

    `frame` has the columns `SPREAD_COLUMNS`, numbers as Float64 and `of` filled in, and `ROW`, the row of
    the file.
    """

    frame: pl.DataFrame
    file: str = "uncertainty.csv"

    def where(self, row: int | None = None, column: str | None = None) -> Where:
        """Return the place of a row of the file."""
        return Where(self.file, row=row, column=column)

    def told(self, kind: Kind, period: str | None) -> pl.DataFrame:
        """Return the rows that tell a kind of uncertainty in a period, in the order of the file.

        Rows without a period hold in every one that has none of its own for the unit and indicator.
        """
        rows = self.frame.filter(pl.all_horizontal(pl.col("unit", "indicator", kind).is_not_null()))
        if period is not None:
            rows = rows.filter(pl.col("period").is_null() | (pl.col("period") == period))
        own = pl.col("period").is_not_null()
        return rows.filter(own == own.any().over("unit", "indicator"))


def read_spread(path: Path, problems: Problems) -> Spread | None:
    """Read a file of uncertainties and note what is wrong in its cells; None where it is unusable."""
    sheet = read_sheet(path, problems)
    return None if sheet is None else spread_of(sheet, problems)


def spread_of(sheet: Sheet, problems: Problems) -> Spread | None:
    """Return the uncertainties of a table; None where a needed column is missing."""
    sheet = canonical_headers(sheet, SPREAD_COLUMNS)
    columns = sheet.frame.columns
    missing = [name for name in ("unit", "indicator") if name not in columns]
    if not any(kind in columns for kind in KINDS):
        missing.append("se")
    if missing:
        problems.add("noise.missing-column", sheet.where(), columns=missing, found=columns)
        return None
    frame = sheet.frame.drop(ROW, strict=False).with_row_index(ROW, sheet.first_row)
    absent = [pl.lit(None, pl.String).alias(name) for name in SPREAD_COLUMNS if name not in columns]
    frame = frame.with_columns(*absent).filter(pl.any_horizontal(pl.col(SPREAD_COLUMNS).is_not_null()))
    spread = Spread(frame, sheet.file)
    for column in ("unit", "indicator"):
        for row in frame.filter(pl.col(column).is_null())[ROW].to_list():
            problems.add("noise.blank-key", spread.where(row, column), column=column)
    strange = frame.filter(pl.col("of").is_not_null() & ~pl.col("of").is_in(OF))
    for (value,), rows in grouped(strange, "of"):
        where = spread.where(rows[0], "of")
        problems.add("noise.unknown-of", where, value=value, rows=rows, allowed=list(OF))
    silent = frame.filter(~pl.any_horizontal(pl.col(*_NUMBERS, "grade").is_not_null()))[ROW].to_list()
    if silent:
        problems.add("noise.nothing-said", spread.where(silent[0]), rows=silent)
    spread = Spread(_with_numbers(frame, spread, problems), sheet.file)
    _check_intervals(spread, problems)
    _check_repeated(spread, problems)
    return spread


def check_spread(
    spread: Spread, framework: Framework, units: Units, periods: Sequence[str], problems: Problems
) -> None:
    """Note uncertainties of unknown units, indicators and periods."""
    strange = grouped(_others(spread.frame, "unit", units.codes), "unit")
    matcher = UnitMatcher(units) if strange else None
    for (value,), rows in strange:
        assert matcher is not None
        match = matcher.match(value)
        near = [match.code] if match.verdict == "found" else list(match.candidates)
        problems.add("noise.unknown-unit", spread.where(rows[0], "unit"), value=value, rows=rows, near=near)
    for (value,), rows in grouped(_others(spread.frame, "indicator", framework.codes), "indicator"):
        near = get_close_matches(value, framework.codes, 3)
        where = spread.where(rows[0], "indicator")
        problems.add("noise.unknown-indicator", where, value=value, rows=rows, near=near)
    for (value,), rows in grouped(_others(spread.frame, "period", periods), "period"):
        where = spread.where(rows[0], "period")
        problems.add("noise.unknown-period", where, value=value, rows=rows, known=list(periods))


def _with_numbers(frame: pl.DataFrame, spread: Spread, problems: Problems) -> pl.DataFrame:
    """Convert what should be numbers, naming every cell that is no finite one, and fill in `of`."""
    for column in _NUMBERS:
        number = pl.col(column).cast(pl.Float64, strict=False)
        bad = frame.filter(pl.col(column).is_not_null() & (number.is_null() | ~number.is_finite()))
        for row, text in bad.select(ROW, column).iter_rows():
            problems.add("noise.not-a-number", spread.where(row, column), value=text)
        # A cell that is refused must not be taken for a blank one as well.
        refused = bad[ROW].to_list()
        kept = pl.when(pl.col(ROW).is_in(refused)).then(0.0).otherwise(number)
        frame = frame.with_columns(kept.alias(column), pl.col(ROW).is_in(refused).alias(f"_{column}"))
    return frame.with_columns(pl.col("of").fill_null(OBSERVATION))


def _check_intervals(spread: Spread, problems: Problems) -> None:
    frame = spread.frame
    for row in frame.filter(pl.col("se") < 0)[ROW].to_list():
        problems.add("noise.negative-se", spread.where(row, "se"))
    half = frame.filter(pl.col("low").is_null() != pl.col("high").is_null())[ROW].to_list()
    if half:
        problems.add("noise.half-interval", spread.where(half[0]), rows=half)
    turned = frame.filter((pl.col("low") > pl.col("high")) & ~pl.col("_low") & ~pl.col("_high"))
    for row, low, high in turned.select(ROW, "low", "high").iter_rows():
        problems.add("noise.low-above-high", spread.where(row, "low"), low=low, high=high)


def _check_repeated(spread: Spread, problems: Problems) -> None:
    """Note facts of which the file tells the same thing twice; of draws, those of the same number."""
    keyed = spread.frame.filter(pl.col("unit").is_not_null() & pl.col("indicator").is_not_null())
    told: list[tuple[pl.DataFrame, tuple[str, ...]]] = [
        (keyed.filter(pl.col(kind).is_not_null()), _FACT) for kind in KINDS if kind != "value"
    ]
    numbered = pl.col("value").is_not_null() & pl.col("draw").is_not_null()
    told.append((keyed.filter(numbered), (*_FACT, "draw")))
    seen: set[tuple[int, ...]] = set()
    for rows, key in told:
        for named, places in grouped(rows.filter(pl.struct(key).is_duplicated()), *key):
            if tuple(places) in seen:
                continue
            seen.add(tuple(places))
            unit, code = named[:2]
            problems.add("noise.repeated", spread.where(places[1]), unit=unit, code=code, rows=places)


def _others(frame: pl.DataFrame, column: str, known: Sequence[str]) -> pl.DataFrame:
    return frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(list(known)))
