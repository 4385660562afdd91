"""Importing facts about things inside units, with the things themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from citygauge.collect.observations import ROW, check_ranges
from citygauge.collect.resolve import current
from citygauge.collect.subject_table import SubjectFacts, read_subject_map, read_subject_table
from citygauge.collect.subjects import Subjects
from citygauge.files import is_file, read_sheet
from citygauge.problems import Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.record import described, locked, record
from citygauge.workspace import Workspace, framework_place, open_workspace

_FACT = ("unit", "subject", "indicator", "period")


@dataclass(frozen=True, slots=True)
class ImportedSubjects:
    """How many subjects and facts were new, how many facts were known, and how many rows were left out."""

    subjects: int
    facts: int
    known: int
    left_out: int
    warnings: tuple[Problem, ...]


def import_subjects(
    folder: Path, file: Path, how: str, told: Source, collected_at: str | None = None
) -> ImportedSubjects:
    """Add the subjects and facts of a wide table to a workspace; the original is kept by its hash.

    Parameters
    ----------
    how : str
        Name of a map in ``imports/`` of the workspace or its framework, or the path of one.
    told : Source
        What is known of the table; id, hash and file are filled in.

    Raises
    ------
    InputError
        With all problems of map and table; the workspace is then as it was. A fact that differs from the
        recorded one is a problem, one that repeats it is not recorded again.
    """
    with locked(folder):
        return _import_subjects(open_workspace(folder), file, how, told, collected_at)


def _import_subjects(
    workspace: Workspace, file: Path, how: str, told: Source, collected_at: str | None
) -> ImportedSubjects:
    problems = Problems()
    rules = read_subject_map(map_place(workspace, how), problems)
    sheet = read_sheet(file, problems)
    problems.raise_errors()
    assert rules is not None
    assert sheet is not None
    found = read_subject_table(sheet, rules, workspace.framework, workspace.units, problems)
    problems.raise_errors()
    assert found is not None
    source = described(told, file, sheet)
    subjects = _new_subjects(workspace.subjects, found.subjects, problems)
    facts = _new_facts(workspace, found, file.name, problems)
    told_of = found.facts.rename({"_at": ROW}).with_columns(pl.lit(None, pl.String).alias("unit_of_measure"))
    check_ranges(told_of, file.name, workspace.framework, problems)
    problems.raise_errors()
    known = found.facts.height - facts.height
    if not facts.height and not subjects.height:
        problems.add("import.nothing-new", Where(file.name), count=known)
        return ImportedSubjects(0, 0, known, found.left_out, problems.warnings)
    facts = facts.with_columns(
        pl.col("value").map_elements(_shortest, return_dtype=pl.String),
        pl.lit("observed").alias("origin"),
        pl.lit(source.id).alias("source"),
        pl.lit(collected_at, pl.String).alias("collected_at"),
    )
    record(workspace, facts, [source], {source.file: file}, problems, {"subjects.csv": subjects})
    return ImportedSubjects(subjects.height, facts.height, known, found.left_out, problems.warnings)


def map_place(workspace: Workspace, how: str) -> Path:
    """Return where a map stands: a path, else beside the workspace's or its framework's files."""
    folder = workspace.folder
    assert folder is not None
    place = framework_place(workspace.settings.framework, folder)
    places = [
        Path(how),
        folder / "imports" / f"{how}.toml",
        (place if place.is_dir() else place.parent) / "imports" / f"{how}.toml",
    ]
    return next((path for path in places if is_file(path)), places[1])


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _new_subjects(known: Subjects, found: pl.DataFrame, problems: Problems) -> pl.DataFrame:
    """Return the subjects that are not listed yet; one whose attributes differ is a problem."""
    both = found.join(known.frame, on="subject", suffix="_known")
    for column in (name for name in found.columns[1:] if f"{name}_known" in both.columns):
        old, new = pl.col(f"{column}_known"), pl.col(column)
        changed = both.filter(old.ne_missing(new))
        if changed.height:
            before, now = changed.select(old, new).row(0)
            values = {"old": before or "–", "new": now or "–", "subjects": changed["subject"].to_list()}
            where = known.where(changed[ROW][0], column)
            problems.add("subjects.changed", where, column=column, **values)
    return found.join(known.frame, on="subject", how="anti", maintain_order="left")


def _new_facts(workspace: Workspace, found: SubjectFacts, file: str, problems: Problems) -> pl.DataFrame:
    """Return the facts that are not recorded yet; one that differs from the recorded one is a problem."""
    recorded = current(workspace.observations, Problems()).filter(pl.col("subject").is_not_null())
    both = found.facts.join(
        recorded.select(*_FACT, ROW, pl.col("value").alias("_old"), pl.col("state").alias("_old_state")),
        on=_FACT, nulls_equal=True,
    )  # fmt: skip
    changed = both.filter(
        pl.col("value").ne_missing(pl.col("_old")) | (pl.col("state") != pl.col("_old_state"))
    )
    for row in changed.iter_rows(named=True):
        where = Where(file, row=row["_at"], column=row["cell"])
        values = {"old": _told(row["_old"]), "new": _told(row["value"]), "row": row[ROW]}
        problems.add("subjects.value-changed", where, subject=row["subject"], code=row["indicator"], **values)
    fresh = found.facts.join(both, on=_FACT, how="anti", nulls_equal=True, maintain_order="left")
    return fresh.drop("_at")


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:.15g}"
