"""What was looked at inside the units: sites, services, venues, respondents, with their attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import polars as pl

from citygauge.collect.observations import ROW, Observations, grouped
from citygauge.collect.units import Units
from citygauge.files import Sheet, canonical_headers, frame_sheet, read_sheet
from citygauge.framework.check import cycles
from citygauge.framework.model import Framework
from citygauge.framework.rollup import UNIT, Condition, Lookup, Rollup
from citygauge.problems import Problems, Where

SUBJECT_COLUMNS = ("subject", "unit", "kind", "parent")


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={ROW: pl.UInt32, **dict.fromkeys(SUBJECT_COLUMNS, pl.String)})


@dataclass(frozen=True)
class Subjects:
    """The things inside units that observations are about.

    `frame` has ``subject`` (id, unique), ``unit``, ``kind``, ``parent`` (the thing it belongs to, blank for
    the unit itself) and one text column for each attribute.
    """

    frame: pl.DataFrame = field(default_factory=_nothing)
    file: str = "subjects.csv"

    def __len__(self) -> int:
        return self.frame.height

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return tuple(c for c in self.frame.columns if c not in (*SUBJECT_COLUMNS, ROW))

    def where(self, row: int | None = None, column: str | None = None) -> Where:
        """Return the place of a row of the file."""
        return Where(self.file, row=row, column=column)

    def of_units(self, units: Sequence[str]) -> Subjects:
        """Return those inside some units."""
        return Subjects(self.frame.filter(pl.col("unit").is_in(list(units))), self.file)

    def meeting(self, condition: Condition) -> Subjects:
        """Return those whose attributes have one of the values named for each; see `Rollup.where`."""
        return Subjects(self.frame.filter(meets(condition)), self.file)


def meets(condition: Condition, column: Callable[[str], str] = str) -> pl.Expr:
    """Return the condition as an expression on attributes; a blank attribute equals blank text only.

    `column` gives the column that holds an attribute.
    """
    found = pl.lit(True)
    for name, values in condition.items():
        found = found & pl.col(column(name)).fill_null("").is_in(list(values))
    return found


def read_subjects(folder: Path, problems: Problems) -> Subjects | None:
    """Read ``subjects.csv`` of a workspace; without the file there are none. None where it is unusable."""
    path = folder / "subjects.csv"
    if not path.is_file():
        return Subjects()
    sheet = read_sheet(path, problems)
    return None if sheet is None else subjects_of(sheet, problems)


def subjects_of(sheet: Sheet | pl.DataFrame, problems: Problems) -> Subjects | None:
    """Return the subjects of a table; None where a needed column is missing."""
    if isinstance(sheet, pl.DataFrame):
        sheet = frame_sheet(sheet, "subjects")
    sheet = canonical_headers(sheet, SUBJECT_COLUMNS)
    missing = [column for column in ("subject", "unit", "kind") if column not in sheet.frame.columns]
    if missing:
        problems.add("subjects.missing-column", sheet.where(), columns=missing, found=sheet.frame.columns)
        return None
    frame = sheet.frame.drop(ROW, strict=False).with_row_index(ROW, sheet.first_row)
    if "parent" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.String).alias("parent"))
    frame = frame.filter(pl.any_horizontal(pl.col("subject", "unit", "kind").is_not_null()))
    subjects = Subjects(frame, sheet.file)
    for column in ("subject", "unit", "kind"):
        for row in frame.filter(pl.col(column).is_null())[ROW].to_list():
            problems.add("subjects.blank-cell", subjects.where(row, column), column=column)
    repeated = frame.filter(pl.col("subject").is_not_null() & pl.col("subject").is_duplicated())
    for (subject,), rows in grouped(repeated, "subject"):
        problems.add("subjects.repeated", subjects.where(rows[1], "subject"), value=subject, rows=rows)
    for row in frame.filter(pl.col("kind") == UNIT)[ROW].to_list():
        problems.add("subjects.kind-of-unit", subjects.where(row, "kind"))
    _check_parents(subjects, problems)
    return subjects


def _check_parents(subjects: Subjects, problems: Problems) -> None:
    """Note parents that are unknown, of another unit, or in a circle."""
    frame = subjects.frame
    above = frame.select(pl.col("subject").alias("parent"), pl.col("unit").alias("_unit_above"))
    below = frame.filter(pl.col("parent").is_not_null()).join(
        above.unique("parent"), on="parent", how="left", maintain_order="left"
    )
    for (value,), rows in grouped(below.filter(pl.col("_unit_above").is_null()), "parent"):
        near = get_close_matches(value, frame["subject"].drop_nulls().to_list()[:10_000], 3)
        where = subjects.where(rows[0], "parent")
        problems.add("subjects.unknown-parent", where, value=value, rows=rows, near=near)
    apart = below.filter(pl.col("_unit_above") != pl.col("unit"))
    for (value,), rows in grouped(apart, "parent"):
        problems.add("subjects.parent-elsewhere", subjects.where(rows[0], "parent"), value=value, rows=rows)
    parent_of = dict(below.filter(pl.col("subject").is_not_null()).select("subject", "parent").iter_rows())
    for circle in cycles(parent_of):
        problems.add("subjects.circle", Where(subjects.file, column="parent"), subjects=circle)


def check_subjects(
    subjects: Subjects, observations: Observations, framework: Framework, units: Units, problems: Problems
) -> None:
    """Note subjects of unknown units, facts about unknown subjects, and rules that fit neither."""
    for (value,), rows in grouped(
        subjects.frame.filter(pl.col("unit").is_not_null() & ~pl.col("unit").is_in(units.codes)), "unit"
    ):
        near = get_close_matches(value, units.codes, 3)
        where = subjects.where(rows[0], "unit")
        problems.add("subjects.unknown-unit", where, value=value, rows=rows, near=near)
    _check_facts(subjects, observations, framework, problems)
    if not len(subjects):
        return
    kinds = set(subjects.frame["kind"].drop_nulls().unique())
    for rule in (rule for rule in framework.rollups if rule.kind in kinds):
        _check_names(rule, subjects, framework, problems)
        if rule.how == "weighted" and rule.weights in subjects.attributes:
            _check_weights(rule, subjects, problems)
    _check_way_up(subjects, framework, problems)


def _check_facts(
    subjects: Subjects, observations: Observations, framework: Framework, problems: Problems
) -> None:
    """Note facts about things nobody listed, under another unit, or that no rule takes up."""
    items = {item.code for item in framework.items}
    about = observations.frame.filter(pl.col("subject").is_not_null())
    bare = observations.frame.filter(pl.col("subject").is_null() & pl.col("indicator").is_in(list(items)))
    for (code,), rows in grouped(bare, "indicator"):
        where = observations.where(rows[0], "subject")
        problems.add("facts.item-without-subject", where, code=code, rows=rows)
    if not about.height:
        return
    listed = subjects.frame.select("subject", pl.col("unit").alias("_listed_unit"), "kind").unique("subject")
    about = about.join(listed, on="subject", how="left", maintain_order="left")
    for (value,), rows in grouped(about.filter(pl.col("kind").is_null()), "subject"):
        where = observations.where(rows[0], "subject")
        problems.add("facts.unknown-subject", where, value=value, rows=rows)
    for (value,), rows in grouped(about.filter(pl.col("_listed_unit") != pl.col("unit")), "subject"):
        where = observations.where(rows[0], "unit")
        problems.add("facts.subject-of-other-unit", where, value=value, rows=rows)
    taken = {(code, rule.kind) for rule in framework.rollups for code in rule.sources}
    taken |= {(name, rule.kind) for rule in framework.rollups for name in _lookup_names(rule, framework)}
    taken |= {(rule.code, rule.to) for rule in framework.rollups}
    known = about.filter(pl.col("kind").is_not_null())
    for (code, kind), rows in grouped(known, "indicator", "kind"):
        if (code, kind) not in taken and code not in items:
            where = observations.where(rows[0], "subject")
            problems.add("facts.subject-without-rule", where, code=code, kind=kind, rows=rows)


def _lookup_names(rule: Rollup, framework: Framework) -> set[str]:
    names = set(rule.where) if rule.kind == rule.to else set()
    return names | {name for row in rows_of(rule, framework) for name in row.when if rule.how == "lookup"}


def rows_of(rule: Rollup, framework: Framework) -> list[Lookup]:
    """Return the rows of a rule's lookup table."""
    return [row for row in framework.lookups if row.code == rule.code]


def _check_names(rule: Rollup, subjects: Subjects, framework: Framework, problems: Problems) -> None:
    """Note attributes that no subject has and codes that are none."""
    attributes, codes = set(subjects.attributes), set(framework.recordable)
    asked = codes if rule.kind == rule.to else set()
    named = {name for name in rule.where if name not in asked} | ({rule.by} if rule.by else set())
    if isinstance(rule.weights, str) and rule.weights:
        named.add(rule.weights)
    in_table = _lookup_names(rule, framework) - codes
    for name in sorted((named | in_table) - attributes):
        near = get_close_matches(name, [*attributes, *codes], 3)
        problems.add(
            "rollup.unknown-attribute",
            Where("rollups.csv"),
            code=rule.code,
            name=name,
            near=near or sorted(attributes),
        )
    if isinstance(rule.weights, str) or not rule.by or rule.by not in attributes:
        return
    met = subjects.frame.filter(pl.col("kind") == rule.kind)[rule.by].drop_nulls().unique().to_list()
    if strange := sorted(set(met) - set(rule.weights)):
        problems.add(
            "rollup.no-weight",
            Where("rollups.csv", column="weights"),
            code=rule.code,
            by=rule.by,
            values=strange,
        )


def _check_weights(rule: Rollup, subjects: Subjects, problems: Problems) -> None:
    """Note things whose weight is no number of 0 or more."""
    name = str(rule.weights)
    weight = pl.col(name).cast(pl.Float64, strict=False)
    usable = (weight.is_finite() & (weight >= 0)).fill_null(False)
    bad = subjects.frame.filter((pl.col("kind") == rule.kind) & ~usable)
    if bad.height:
        where, things = subjects.where(bad[ROW][0], name), bad["subject"].to_list()
        problems.add("subjects.bad-weight", where, code=rule.code, name=name, subjects=things)


def _check_way_up(subjects: Subjects, framework: Framework, problems: Problems) -> None:
    """Note things whose values a rule would carry to a parent of a kind that they do not have."""
    ways = {(rule.kind, rule.to) for rule in framework.rollups if rule.to not in {rule.kind, UNIT}}
    above = kinds_above(subjects)
    for kind, to in sorted(ways):
        lost = above.filter((pl.col("kind") == kind) & (pl.col("parent_kind") != to))
        if lost.height:
            things, where = lost["subject"].to_list(), Where(subjects.file, column="parent")
            problems.add("subjects.no-way-up", where, kind=kind, to=to, count=len(things), subjects=things)


def kinds_above(subjects: Subjects) -> pl.DataFrame:
    """Return ``subject, parent, kind, parent_kind``; the kind above a thing without parent is the unit."""
    above = subjects.frame.select(pl.col("subject").alias("parent"), pl.col("kind").alias("parent_kind"))
    joined = subjects.frame.select("subject", "parent", "kind").join(above, on="parent", how="left")
    return joined.with_columns(pl.col("parent_kind").fill_null(UNIT))
