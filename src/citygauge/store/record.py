"""Appending to a workspace: what is recorded never changes, and all of an operation is written or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from filelock import FileLock, Timeout

from citygauge.collect.observations import OBSERVATION_COLUMNS, ROW, check_observations, observations_of
from citygauge.collect.sources import source_frame
from citygauge.collect.subjects import Subjects, check_subjects, subjects_of
from citygauge.files import Sheet, canonical_headers, frame_sheet, read_sheet, write_csv
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import Source, sha256_of_file
from citygauge.workspace import Workspace

SUBJECTS = "subjects.csv"
LOCK, PATIENCE = ".citygauge.lock", 60.0  # seconds that a second writer waits


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a workspace for one writer, from reading what is recorded to putting the new files in place.

    Raises
    ------
    InputError
        When another writer keeps it for longer than `PATIENCE`.
    """
    if not folder.is_dir():  # whoever opens it says so
        yield
        return
    lock = FileLock(folder / LOCK, timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        values = {"folder": str(folder), "seconds": PATIENCE}
        raise InputError([Problem("file.busy", Where(str(folder)), values)]) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes it with the release; whoever waits looks for a new one
            (folder / LOCK).unlink()
        lock.release()


def record(
    workspace: Workspace,
    added: pl.DataFrame,
    sources: Iterable[Source],
    originals: Mapping[str, Path],
    problems: Problems,
    tables: Mapping[str, pl.DataFrame] | None = None,
) -> None:
    """Append observations, sources and other rows to a workspace, and keep the originals.

    Every file is written aside first and put in place at the end. Nothing is written that opening the
    workspace would then refuse.

    Parameters
    ----------
    workspace : Workspace
        Opened from a folder.
    added : DataFrame
        Observations under the contract's columns; other columns are kept. May be empty.
    sources : iterable of Source
        A source whose id is known already takes the place of the known one.
    originals : mapping
        Place inside the workspace (``originals/HASH.xlsx``) → file to copy there, unless it is there.
    problems : Problems
    tables : mapping, optional
        Name of another CSV table of the workspace → rows to append to it; it is made where there is none.

    Raises
    ------
    InputError
        With the problems of the observations; the workspace is then as it was.
    """
    folder = workspace.folder
    assert folder is not None
    drafts: dict[Path, pl.DataFrame] = {}
    subjects = _subjects(workspace, (tables or {}).get(SUBJECTS), problems)
    problems.raise_errors()
    if added.height:
        drafts[folder / workspace.observations.file] = _with_added(workspace, added, subjects, problems)
    for name, rows in (tables or {}).items():
        if rows.height:
            drafts[folder / name] = _appended(folder / name, rows, problems)
    known = {**workspace.sources, **{source.id: source for source in sources}}
    if known != workspace.sources:
        drafts[folder / "sources.csv"] = source_frame(known)
    for place, original in originals.items():
        keep(original, folder / place)
    with TemporaryDirectory(prefix=".new-", dir=folder) as aside:
        for target, frame in drafts.items():
            draft = Path(aside) / target.name
            frame.write_parquet(draft) if target.suffix == ".parquet" else write_csv(frame, draft)
        for target in drafts:
            (Path(aside) / target.name).replace(target)


def source_of(file: Path, label: str) -> Source:
    """Return a source for a file: an id from its name and hash, and where the original will be kept."""
    digest = sha256_of_file(file)
    name = label or "".join(c if c.isalnum() else "-" for c in file.stem).strip("-").lower()
    return Source(f"{name}-{digest[:8]}", sha256=digest, file=f"originals/{digest[:16]}{file.suffix.lower()}")


def described(told: Source, file: Path, sheet: Sheet) -> Source:
    """Return what is told of a file that is imported, with id, title, hash, place and range filled in."""
    made = source_of(file, "")
    return replace(
        told,
        id=told.id or made.id,
        title=told.title or file.name,
        sha256=made.sha256,
        file=made.file,
        sheet=sheet.name or "",
        cell_range=sheet.cell_range(),
    )


def note_taken_id(source: Source, workspace: Workspace, problems: Problems) -> None:
    """Note that another file has the id of a source already."""
    known = workspace.sources.get(source.id)
    if known is not None and known.sha256 != source.sha256:
        problems.add("sources.duplicate-id", Where("sources.csv", column="id"), id=source.id)


def keep(original: Path, place: Path) -> None:
    """Copy a file to its place unless something is there: what was received is never edited."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        shutil.copyfile(original, place)


def _subjects(workspace: Workspace, rows: pl.DataFrame | None, problems: Problems) -> Subjects | None:
    """Return the list of subjects as it will be."""
    known = workspace.subjects
    if rows is None or not rows.height:
        return known
    frame = pl.concat([known.frame.drop(ROW, strict=False), rows], how="diagonal")
    return subjects_of(frame_sheet(frame, SUBJECTS), problems)


def _with_added(
    workspace: Workspace, added: pl.DataFrame, subjects: Subjects | None, problems: Problems
) -> pl.DataFrame:
    """Return the table of observations with the new ones below, checked as a whole."""
    folder = workspace.folder
    assert folder is not None
    path = folder / workspace.observations.file
    before = pl.read_parquet(path) if path.suffix == ".parquet" else _as_written(path, problems)
    added = added.with_columns(
        pl.col(name).cast(dtype) for name, dtype in before.schema.items() if name in added.columns
    )
    table = pl.concat([before, added], how="diagonal")
    told = frame_sheet(table, path.name)
    first_row = told.first_row if path.suffix == ".parquet" else told.first_row + 1  # below the header
    facts = observations_of(replace(told, first_row=first_row), problems)
    if facts is not None:
        check_observations(facts, workspace.framework, workspace.units, problems)
        if subjects is not None:
            check_subjects(subjects, facts, workspace.framework, workspace.units, problems)
    problems.raise_errors()
    return table


def _appended(path: Path, rows: pl.DataFrame, problems: Problems) -> pl.DataFrame:
    """Return a CSV table with rows below; the rows alone where there is no table yet."""
    rows = rows.with_columns(pl.all().cast(pl.String))
    if not path.exists():
        return rows
    sheet = read_sheet(path, problems)
    problems.raise_errors()
    assert sheet is not None
    return pl.concat([canonical_headers(sheet, rows.columns).frame, rows], how="diagonal")


def _as_written(path: Path, problems: Problems) -> pl.DataFrame:
    """Return the table of a CSV file as text, under the contract's headers."""
    sheet = read_sheet(path, problems)
    problems.raise_errors()
    assert sheet is not None
    return canonical_headers(sheet, OBSERVATION_COLUMNS).frame
