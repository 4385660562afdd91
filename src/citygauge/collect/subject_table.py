"""Facts about things inside units out of a wide table: a row for each thing, a column for each answer."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citygauge.collect.observations import STATES
from citygauge.collect.subjects import SUBJECT_COLUMNS
from citygauge.collect.units import UnitMatcher, Units, note_matches
from citygauge.faults import faults_of, note_not_toml, reasoned
from citygauge.files import Sheet, column_letter, is_file
from citygauge.framework.model import Framework
from citygauge.framework.rollup import UNIT
from citygauge.problems import Problem, Problems, Where

ROW_NUMBER = "#"
SEPARATOR = ":"  # between the parts of an id: unit, kind, columns
_ROW = "_at"


class Parent(BaseModel):
    """The thing that a row's thing belongs to: its kind, the columns of its id, and its attributes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str
    id: tuple[str, ...] = Field(min_length=1)
    attributes: tuple[str, ...] = ()


class SubjectMap(BaseModel):
    """How a table is read: ``imports/NAME.toml``.

    `unit` is the column with the unit, `id` the columns that make the thing's id, ``#`` being the number of
    the row (for tables in which nothing else tells two things apart); `attributes` and
    `indicators` name a column for each attribute and code. `values` gives the number or the state that a
    text stands for, whatever its case; blank cells say nothing. Rows that do not meet `where` (column →
    texts) are left out. `attribute_values` replaces texts of an attribute; a blank one removes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str
    unit: str
    id: tuple[str, ...] = Field(min_length=1)
    parent: Parent | None = None
    attributes: Mapping[str, str] = Field(default_factory=dict)
    attribute_values: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    indicators: Mapping[str, str] = Field(min_length=1)
    values: Mapping[str, float | str] = Field(default_factory=dict)
    where: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    channel: str | None = None
    period: str | None = None

    @model_validator(mode="after")
    def _names_hold(self) -> SubjectMap:
        above = self.parent.attributes if self.parent else ()
        if strange := [name for name in above if name not in self.attributes]:
            raise ValueError(f"parent.attributes names what is not under attributes: {', '.join(strange)}")
        if taken := [name for name in self.attributes if name in SUBJECT_COLUMNS]:
            raise ValueError(f"an attribute cannot be called {', '.join(taken)}")
        if self.kind == UNIT or (self.parent and self.parent.kind == UNIT):
            raise ValueError("the kind unit is that of the units themselves")
        return self

    @property
    def columns(self) -> list[str]:
        """All columns of the table that are used."""
        above = self.parent.id if self.parent else ()
        used = [
            self.unit,
            *self.id,
            *above,
            *self.attributes.values(),
            *self.indicators.values(),
            *self.where,
        ]
        return [column for column in dict.fromkeys(used) if column != ROW_NUMBER]


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What a table holds: subjects with attributes, and facts with the cell each stands in."""

    subjects: pl.DataFrame
    facts: pl.DataFrame
    left_out: int


def read_subject_map(path: Path, problems: Problems) -> SubjectMap | None:
    """Read a map and note what is wrong with it; None where it cannot be used."""
    if not is_file(path):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    try:
        return SubjectMap(**tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        note_not_toml(error, path.name, problems)
    except ValidationError as error:
        for key, _, en, zh in faults_of(error, SubjectMap):
            where = Where(path.name, column=key or None)
            problems.extend([reasoned(Problem("import.bad-map", where, {"key": key or path.name}), en, zh)])
    return None


def read_subject_table(
    sheet: Sheet, how: SubjectMap, framework: Framework, units: Units, problems: Problems
) -> SubjectFacts | None:
    """Return the subjects and facts of a table; None where it lacks what the map names.

    Cells that are neither a number nor one of the map's texts are problems, each text with its cells.
    """
    missing = [column for column in how.columns if column not in sheet.frame.columns]
    if missing:
        problems.add("import.map-columns", sheet.where(), columns=missing, found=sheet.frame.columns)
    unknown = [code for code in how.indicators if code not in framework.recordable]
    if unknown:
        problems.add("import.map-codes", sheet.where(), codes=unknown)
    if missing or unknown:
        return None
    rows = sheet.frame.with_row_index(_ROW, sheet.first_row)
    frame = rows = rows.filter(~pl.all_horizontal(pl.exclude(_ROW).is_null()))
    for column, texts in how.where.items():
        frame = frame.filter(pl.col(column).is_in(list(texts)).fill_null(False))
    frame = _with_units(frame, sheet, how, units, problems)
    frame = _with_ids(frame, sheet, how, problems)
    subjects = _subjects(frame, how, sheet, problems)
    return SubjectFacts(subjects, _facts(frame, sheet, how, problems), rows.height - frame.height)


def _with_units(
    frame: pl.DataFrame, sheet: Sheet, how: SubjectMap, units: Units, problems: Problems
) -> pl.DataFrame:
    """Add the code of each row's unit; rows of known places that are not assessed are left out and named."""
    matcher = UnitMatcher(units)
    rows: dict[str, list[int]] = {}
    for text, row in frame.select(how.unit, _ROW).iter_rows():
        rows.setdefault(text or "", []).append(row)
    if blank := rows.pop("", []):
        problems.add("units.no-code", Where(sheet.file, sheet.name, blank[0], how.unit))
    matches = {text: matcher.match(text) for text in rows}
    note_matches(matches, rows, sheet.where(), problems)
    codes = {text: match.code for text, match in matches.items() if match.verdict == "found"}
    found = pl.col(how.unit).replace_strict(codes, default=None, return_dtype=pl.String)
    return frame.with_columns(found.alias("_unit")).filter(pl.col("_unit").is_not_null())


def _with_ids(frame: pl.DataFrame, sheet: Sheet, how: SubjectMap, problems: Problems) -> pl.DataFrame:
    """Add the id of each row's thing and of its parent; a blank part or a repeated id is a problem."""
    above = how.parent.id if how.parent else ()
    for column in dict.fromkeys(name for name in (*how.id, *above) if name != ROW_NUMBER):
        for row in frame.filter(pl.col(column).is_null())[_ROW].to_list():
            problems.add("subjects.blank-cell", Where(sheet.file, sheet.name, row, column), column=column)
    frame = frame.with_columns(_id(how.kind, how.id).alias("_subject"))
    repeated = frame.filter(pl.col("_subject").is_not_null() & pl.col("_subject").is_duplicated())
    for subject, group in repeated.group_by("_subject", maintain_order=True):
        rows = group[_ROW].to_list()
        where = Where(sheet.file, sheet.name, rows[1], how.id[-1])
        problems.add("subjects.repeated", where, value=subject[0], rows=rows)
    parent = _id(how.parent.kind, how.parent.id) if how.parent else pl.lit(None, pl.String)
    return frame.with_columns(parent.alias("_parent"))


def _id(kind: str, columns: Sequence[str]) -> pl.Expr:
    parts = [pl.col(_ROW if column == ROW_NUMBER else column).cast(pl.String) for column in columns]
    return pl.concat_str("_unit", pl.lit(kind), *parts, separator=SEPARATOR)


def _subjects(frame: pl.DataFrame, how: SubjectMap, sheet: Sheet, problems: Problems) -> pl.DataFrame:
    """Return the things of the rows and their parents with their attributes."""
    attributes = []
    for name, column in how.attributes.items():
        replaced = pl.col(column).replace(dict(how.attribute_values.get(name, {})))
        attributes.append(pl.when(replaced != "").then(replaced).alias(name))
    own = frame.select(
        pl.col("_subject").alias("subject"), pl.col("_unit").alias("unit"), pl.lit(how.kind).alias("kind"),
        pl.col("_parent").alias("parent"), *attributes,
    )  # fmt: skip
    if how.parent is None:
        return own
    kept = list(how.parent.attributes)
    grouped = own.group_by("parent", "unit", maintain_order=True)
    above = grouped.agg(pl.col(name).drop_nulls().unique(maintain_order=True) for name in kept)
    for name in kept:
        several = above.filter(pl.col(name).list.len() > 1)
        if several.height:
            values = {"name": name, "subjects": several["parent"].to_list()}
            problems.add("import.parts-disagree", sheet.where(), **values)
    single = [pl.when(pl.col(n).list.len() == 1).then(pl.col(n).list.first()).alias(n) for n in kept]
    parents = above.select(
        pl.col("parent").alias("subject"), "unit", pl.lit(how.parent.kind).alias("kind"),
        pl.lit(None, pl.String).alias("parent"), *single,
    )  # fmt: skip
    return pl.concat([parents, own], how="diagonal").select(*SUBJECT_COLUMNS, *how.attributes)


def _facts(frame: pl.DataFrame, sheet: Sheet, how: SubjectMap, problems: Problems) -> pl.DataFrame:
    """Return a row for each cell that says something."""
    letters = sheet.letters or {name: column_letter(i) for i, name in enumerate(sheet.frame.columns)}
    parts = []
    for code, column in how.indicators.items():
        cell = pl.concat_str(pl.lit(letters[column]), pl.col(_ROW).cast(pl.String))
        if sheet.name:
            cell = pl.concat_str(pl.lit(f"{sheet.name}!"), cell)
        part = frame.filter(pl.col(column).is_not_null()).select(
            pl.col("_unit").alias("unit"), pl.lit(code).alias("indicator"), pl.col(column).alias("_text"),
            pl.col("_subject").alias("subject"), cell.alias("cell"), _ROW,
        )  # fmt: skip
        parts.append(part)
    told = pl.concat(parts)
    numbers = {k.lower(): float(v) for k, v in how.values.items() if not isinstance(v, str)}
    states = {k.lower(): v for k, v in how.values.items() if isinstance(v, str)}
    text = pl.col("_text").str.to_lowercase()
    number = pl.coalesce(
        text.replace_strict(numbers, default=None, return_dtype=pl.Float64),
        pl.col("_text").cast(pl.Float64, strict=False),
    )
    state = text.replace_strict(states, default=None, return_dtype=pl.String)
    told = told.with_columns(number.alias("value"), state.alias("_state"))
    bad = told.filter(pl.col("_state").is_null() & (pl.col("value").is_null() | ~pl.col("value").is_finite()))
    for (answer,), group in bad.group_by("_text", maintain_order=True):
        where = Where(sheet.file, sheet.name, group[_ROW][0])
        known = [*how.values]
        cells = group["cell"].to_list()
        problems.add("import.unknown-answer", where, value=answer, cells=cells, known=known)
    for name in sorted(set(states.values()) - set(STATES[1:])):
        problems.add("import.map-state", sheet.where(), value=name, states=list(STATES[1:]))
    state = pl.coalesce("_state", pl.lit("value"))
    value = pl.when(pl.col("_state").is_null()).then(pl.col("value"))
    return told.with_columns(state.alias("state"), value.alias("value")).select(
        "unit", "indicator", pl.lit(how.period, pl.String).alias("period"), "value", "state",
        pl.lit(how.channel, pl.String).alias("channel"), "subject", "cell", _ROW,
    )  # fmt: skip
