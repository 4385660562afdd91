"""Facts as received: one row for each unit, indicator, subject and period; never edited."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from pathlib import Path

import polars as pl

from citygauge.collect.units import UnitMatcher, Units
from citygauge.files import Sheet, canonical_headers, frame_sheet, read_sheet
from citygauge.framework.model import CHANNELS, Framework
from citygauge.problems import Problems, Where

OBSERVATION_COLUMNS = (
    "unit", "indicator", "period", "value", "unit_of_measure", "state", "origin", "se", "channel", "source",
    "subject", "collected_by", "collected_at", "supersedes", "note",
)  # fmt: skip
STATES = ("value", "missing", "not_applicable", "not_measurable")
ORIGINS = ("observed", "derived", "imputed")
ROW = "_row"  # where in its file a fact stands; no column of a user may be called so
SCORE_UNIT = "score"  # a score handed over in place of the measurement
_IDENTITY = ("unit", "indicator", "period", "subject", "state", "value", "channel", "source", "collected_at")


@dataclass(frozen=True, slots=True)
class Observations:
    """The facts of a workspace as a table.

    `frame` has the contract's columns, `value` and `se` as Float64 (null where there is none), the rest
    text, and `ROW`, the row of the file. Rows that cannot be used are not in it; the reader names them.
    """

    frame: pl.DataFrame
    file: str = "observations.csv"

    @property
    def periods(self) -> tuple[str, ...]:
        """The periods that facts are dated with, in order."""
        return tuple(self.frame["period"].drop_nulls().unique().sort())

    def where(self, row: int, column: str | None = None) -> Where:
        """Return the place of a row of the file."""
        return Where(self.file, row=row, column=column)


def read_observations(folder: Path, problems: Problems) -> Observations | None:
    """Read ``observations.csv`` or ``observations.parquet`` of a workspace; None when neither is usable."""
    csv, parquet = folder / "observations.csv", folder / "observations.parquet"
    if csv.exists() and parquet.exists():
        problems.add("facts.two-files", Where(parquet.name))
        return None
    if parquet.exists():
        try:
            facts = frame_sheet(pl.read_parquet(parquet), parquet.name)
        except (pl.exceptions.PolarsError, OSError) as error:
            problems.add("file.not-parquet", Where(parquet.name), reason=str(error).splitlines()[0])
            return None
        return observations_of(facts, problems)
    sheet = read_sheet(csv, problems)
    return None if sheet is None else observations_of(sheet, problems)


def observations_of(sheet: Sheet, problems: Problems) -> Observations | None:
    """Return the facts of a table, with numbers as numbers; None where a needed column is missing.

    A blank `state` is ``value`` where there is a value and ``missing`` where there is none; a blank
    `origin` is ``observed``.
    """
    sheet = canonical_headers(sheet, OBSERVATION_COLUMNS)
    missing = [column for column in ("unit", "indicator", "value") if column not in sheet.frame.columns]
    if missing:
        near = {c: get_close_matches(c, sheet.frame.columns, 1) for c in missing}
        problems.add(
            "facts.missing-column",
            sheet.where(),
            columns=missing,
            found=[n for ns in near.values() for n in ns],
        )
        return None
    absent = [pl.lit(None, pl.String).alias(c) for c in OBSERVATION_COLUMNS if c not in sheet.frame.columns]
    frame = sheet.frame.drop(ROW, strict=False).with_columns(*absent).with_row_index(ROW, sheet.first_row)
    frame = frame.filter(pl.any_horizontal(pl.col("unit", "indicator", "value").is_not_null()))
    frame = _with_numbers(frame, sheet, problems)
    for column in ("unit", "indicator"):
        for row in _rows(frame, pl.col(column).is_null()):
            problems.add("facts.blank-key", Where(sheet.file, sheet.name, row, column), column=column)
    has_value = pl.col("value").is_not_null()
    frame = frame.with_columns(
        pl.coalesce("state", pl.when(has_value).then(pl.lit("value")).otherwise(pl.lit("missing"))).alias(
            "state"
        ),
        pl.coalesce("origin", pl.lit("observed")).alias("origin"),
    )
    _check_words(frame, sheet.file, problems)
    return Observations(frame, sheet.file)


def check_observations(
    observations: Observations, framework: Framework, units: Units, problems: Problems
) -> None:
    """Note facts about unknown units and indicators, wrong units of measure and impossible values."""
    frame, file = observations.frame, observations.file
    _check_units(frame, file, units, problems)
    _check_codes(frame, file, framework, problems)
    of_measure = pl.col("indicator").replace_strict({n.code: n.unit for n in framework}, default=None)
    wrong = (
        (pl.col("unit_of_measure") != of_measure)
        & (pl.col("unit_of_measure") != SCORE_UNIT)
        & (of_measure != "")
    )
    for (code, unit), rows in grouped(frame.filter(wrong), "indicator", "unit_of_measure"):
        problems.add(
            "facts.wrong-unit-of-measure", Where(file, row=rows[0], column="unit_of_measure"),
            code=code, value=unit, unit=framework[code].unit, rows=rows,
        )  # fmt: skip
    check_ranges(frame, file, framework, problems)
    if "id" in frame.columns:
        repeated = frame.filter(pl.col("id").is_not_null() & pl.col("id").is_duplicated())
        for (value,), rows in grouped(repeated, "id"):
            problems.add("facts.repeated-id", Where(file, row=rows[1], column="id"), value=value, rows=rows)
    unsourced = frame.filter(pl.col("source").is_null()).height
    if unsourced:
        problems.add("facts.no-source", Where(file, column="source"), count=unsourced, total=frame.height)


def observation_ids(frame: pl.DataFrame) -> list[str]:
    """Return the id of every observation: its `id` where the file gives one, else a hash of its content.

    Of observations that say the same in every respect the second is ``…-2``, and so on down the file.
    """
    given = frame["id"].to_list() if "id" in frame.columns else [None] * frame.height
    text = pl.concat_str(pl.col(_IDENTITY).cast(pl.String).fill_null(""), separator="\x1f").alias("text")
    content = frame.select(text).with_columns(pl.int_range(1, pl.len() + 1).over("text").alias("number"))
    return [own or _hashed(*row) for own, row in zip(given, content.iter_rows(), strict=True)]


def _hashed(text: str, number: int) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"o-{digest}" if number == 1 else f"o-{digest}-{number}"


def _with_numbers(frame: pl.DataFrame, sheet: Sheet, problems: Problems) -> pl.DataFrame:
    """Convert `value` and `se`, naming every cell that is no finite number."""
    for column in ("value", "se"):
        number = pl.col(column).cast(pl.Float64, strict=False)
        bad = frame.filter(pl.col(column).is_not_null() & (number.is_null() | ~number.is_finite()))
        for row, text in bad.select(ROW, column).iter_rows():
            problems.add("facts.not-a-number", Where(sheet.file, sheet.name, row, column), value=text)
        frame = frame.with_columns(pl.when(number.is_finite()).then(number).alias(column))
    for row in _rows(frame, pl.col("se") < 0):
        problems.add("facts.negative-se", Where(sheet.file, sheet.name, row, "se"))
    return frame


def _check_words(frame: pl.DataFrame, file: str, problems: Problems) -> None:
    for column, allowed in (("state", STATES), ("origin", ORIGINS), ("channel", CHANNELS)):
        bad = frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(allowed))
        for (value,), rows in grouped(bad, column):
            near = get_close_matches(value, allowed, 1)
            problems.add(
                f"facts.unknown-{column}", Where(file, row=rows[0], column=column), value=value, rows=rows,
                near=near, allowed=list(allowed),
            )  # fmt: skip
    for row in _rows(frame, (pl.col("state") == "value") & pl.col("value").is_null()):
        problems.add("facts.state-without-value", Where(file, row=row, column="value"))
    for row, state in _pairs(frame, (pl.col("state") != "value") & pl.col("value").is_not_null(), "state"):
        problems.add("facts.value-despite-state", Where(file, row=row, column="state"), state=state)


def _check_units(frame: pl.DataFrame, file: str, units: Units, problems: Problems) -> None:
    unknown = frame.filter(pl.col("unit").is_not_null() & ~pl.col("unit").is_in(units.codes))
    if not unknown.height:
        return
    matcher = UnitMatcher(units)
    for (value,), rows in grouped(unknown, "unit"):
        match = matcher.match(value)
        near = [match.code] if match.verdict == "found" else list(match.candidates)
        problems.add(
            "facts.unknown-unit", Where(file, row=rows[0], column="unit"), value=value, rows=rows, near=near
        )


def _check_codes(frame: pl.DataFrame, file: str, framework: Framework, problems: Problems) -> None:
    known = framework.recordable
    unknown = frame.filter(pl.col("indicator").is_not_null() & ~pl.col("indicator").is_in(known))
    for (value,), rows in grouped(unknown, "indicator"):
        near = get_close_matches(value, known, 3)
        where = Where(file, row=rows[0], column="indicator")
        problems.add("facts.unknown-indicator", where, value=value, rows=rows, near=near)
    for (value,), rows in grouped(frame.filter(pl.col("indicator") == framework.root.code), "indicator"):
        where = Where(file, row=rows[0], column="indicator")
        problems.add("facts.about-the-index", where, code=value, rows=rows)


def check_ranges(frame: pl.DataFrame, file: str, framework: Framework, problems: Problems) -> None:
    """Note rubric values that are no level, values beyond an item's bounds, and shares beyond 0 to 100."""
    measured = frame.filter(
        pl.col("value").is_not_null()
        & (pl.col("unit_of_measure").is_null() | (pl.col("unit_of_measure") != SCORE_UNIT))
    )
    for node in framework:
        if node.rubric:
            levels = [level.value for level in node.rubric]
            bad = (pl.col("indicator") == node.code) & ~pl.col("value").is_in(levels)
            for row, value in _pairs(measured, bad, "value"):
                problems.add(
                    "facts.not-a-level",
                    Where(file, row=row, column="value"),
                    code=node.code,
                    value=value,
                    levels=levels,
                )
    for item in framework.items:
        if item.low is None and item.high is None:
            continue
        low, high = (-inf if item.low is None else item.low), (inf if item.high is None else item.high)
        bad = (pl.col("indicator") == item.code) & ~pl.col("value").is_between(low, high)
        for row, value in _pairs(measured, bad, "value"):
            where = Where(file, row=row, column="value")
            problems.add("facts.beyond-bounds", where, code=item.code, value=value, low=low, high=high)
    shares = [n.code for n in framework if n.scale == "share" and not n.denominator and n.unit == "%"]
    beyond = pl.col("indicator").is_in(shares) & ~pl.col("value").is_between(0, 100)
    for code, row, value in measured.filter(beyond).select("indicator", ROW, "value").iter_rows():
        problems.add("facts.share-beyond-100", Where(file, row=row, column="value"), code=code, value=value)


def _rows(frame: pl.DataFrame, condition: pl.Expr) -> list[int]:
    return frame.filter(condition)[ROW].to_list()


def _pairs(frame: pl.DataFrame, condition: pl.Expr, column: str) -> Iterable[tuple[int, str]]:
    return frame.filter(condition).select(ROW, column).iter_rows()


def grouped(frame: pl.DataFrame, *columns: str) -> list[tuple[tuple[str, ...], list[int]]]:
    """Return the distinct values of some columns with the rows of the file they stand in."""
    grouped = frame.group_by(columns, maintain_order=True).agg(ROW)
    return [(tuple(row[:-1]), row[-1]) for row in grouped.iter_rows()]
