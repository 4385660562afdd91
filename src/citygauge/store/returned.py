"""What comes back from the cities: good rows are recorded, faulty ones wait, their books are marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from citygauge.collect.citybook.confirmation import read_confirmation
from citygauge.collect.citybook.entries import Reading
from citygauge.collect.citybook.fill import Answer, read_form
from citygauge.collect.citybook.form import CITY
from citygauge.collect.citybook.layout import title_of
from citygauge.collect.citybook.read import Expected, open_book
from citygauge.collect.citybook.texts import say
from citygauge.collect.observations import observation_ids
from citygauge.collect.resolve import current
from citygauge.framework.model import Node
from citygauge.framework.rubric import number_text
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.appeals import LOG, logged_replies
from citygauge.store.citybook import WORKBOOKS, book_period, notice_of
from citygauge.store.received import (
    EVIDENCE,
    BookOutcome,
    Correction,
    ReceivedBook,
    listed_evidence,
    new_evidence,
    one_for_each_city,
    told,
    workbooks_in,
    write_marked,
)
from citygauge.store.record import locked, record, source_of
from citygauge.workspace import Workspace, open_workspace

RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Receipt:
    """When books are read: the moment that is recorded, and the period if it is not the settings'.

    With `reviewed` the institute vouches that the decisions in the confirmations are its own.
    """

    at: str
    period: str | None = None
    reviewed: bool = False

    @property
    def today(self) -> str:
        """The day, as ``2024-06-30``."""
        return self.at[:10]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all files, and every problem of them."""

    books: tuple[BookOutcome, ...]
    problems: tuple[Problem, ...]


def read_books(folder: Path, files: Iterable[Path], receipt: Receipt) -> Outcome:
    """Read returned workbooks into a workspace and return what became of each.

    Nothing that is recorded changes: a value that differs from the city's earlier one is a new observation
    that supersedes it; from a file that was read before nothing is recorded again. A book about something
    else is refused whole; of the others the faulty rows alone are left out, and the book is written back with
    these cells marked. A book that cannot be worked with stops none of the others.

    Parameters
    ----------
    folder : Path
        The workspace.
    files : iterable of Path
        Workbooks, or folders of workbooks.
    receipt : Receipt

    Raises
    ------
    InputError
        When the workspace cannot be opened or no period is given; problems of the books are in the outcome.
    """
    with locked(folder):
        return _read_books(folder, files, receipt)


def _read_books(folder: Path, files: Iterable[Path], receipt: Receipt) -> Outcome:
    workspace, problems = open_workspace(folder), Problems()
    period = book_period(workspace, receipt.period, problems)
    problems.raise_errors()
    expected = Expected(workspace.framework, workspace.units, period)
    opened, refused = [], []
    for path in workbooks_in(files, problems):
        book = _opened(path, expected, workspace, receipt, problems)
        if book is None:
            refused.append(BookOutcome(path.name))
        else:
            opened.append(book)
    books, doubled = one_for_each_city(opened, problems)
    for kind, take in (("form", _take_form), ("confirmation", _take_confirmation)):
        chosen = [book for book in books if book.kind == kind]
        for book in chosen:
            _guarded(take, book, workspace, receipt)
        if _record(workspace, chosen):
            workspace = open_workspace(folder)
    for book in books:
        if book.reading.faulty:
            _add_marked(book, folder / WORKBOOKS / RETURNED)
        problems.extend(book.reading.problems)
    return Outcome((*(book.outcome for book in books), *refused, *doubled), tuple(problems))


def _opened(
    path: Path, expected: Expected, workspace: Workspace, receipt: Receipt, problems: Problems
) -> ReceivedBook | None:
    """Return a book with its source; None where it is refused, or where working with it breaks off."""
    noted = Problems()
    try:
        reading = open_book(path, expected, noted)
        problems.extend(noted)
        if reading is None:
            return None
        reading.book = replace(reading.book, notice=notice_of(workspace, reading.language))
        source = _source_of(path, reading, workspace, receipt)
    except Exception as error:  # a broken file must not stop the batch
        problems.add("collect.book-failed", Where(path.name), reason=_reason(error))
        return None
    known = next((old for old in workspace.sources.values() if old.sha256 == source.sha256), None)
    return ReceivedBook(path, reading, known or source, known is not None)


def _guarded(
    take: Callable[[ReceivedBook, Workspace, Receipt], None],
    book: ReceivedBook, workspace: Workspace, receipt: Receipt,
) -> None:  # fmt: skip
    """Take in a book; one that breaks it off is given up, and the others are taken in."""
    try:
        take(book, workspace, receipt)
    except InputError as error:
        book.give_up(Problems(error.problems))
    except Exception as error:  # a broken book must not stop the batch
        book.give_up(Problems([Problem("collect.book-failed", Where(book.path.name),
                                       {"reason": _reason(error)})]))  # fmt: skip


def _add_marked(book: ReceivedBook, folder: Path) -> None:
    """Write the marked copy of a book; where that fails its facts stand all the same."""
    try:
        marked = write_marked(book, folder)
    except Exception as error:  # what is recorded must still be told
        values = {"reason": _reason(error), "folder": str(folder)}
        book.reading.problems.add("collect.no-marked-copy", Where(book.path.name), **values)
        return
    book.outcome = replace(book.outcome, to_correct=str(marked))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _source_of(path: Path, reading: Reading, workspace: Workspace, receipt: Receipt) -> Source:
    """Return the source that a book is: the city made it."""
    identity = reading.book.identity
    producer = dict(zip(workspace.units.codes, workspace.units.names("zh"), strict=True))[identity.unit]
    key = reading.book.tables[0].key
    return replace(source_of(path, ""), producer=producer, title=title_of(key, identity), date=receipt.today)


def _take_form(book: ReceivedBook, workspace: Workspace, receipt: Receipt) -> None:
    """Find out which answers of a form are new, changed or known; conflicts with others' facts are noted."""
    reading, identity = book.reading, book.reading.book.identity
    form = read_form(reading, workspace.framework, receipt.today)
    recorded = _recorded(workspace, identity.unit, identity.period)
    counts, waiting, stale = {"new": 0, "corrected": 0, "known": 0}, form.waiting, list[str]()
    corrections = []
    for answer in form.answers:
        node = workspace.framework[answer.code]
        old = _earlier(recorded.get(answer.code, []), book.source, workspace)
        word = _compared(answer, old, book.source, workspace)
        if word == "differs":
            assert old is not None
            _note_difference(reading, answer, old, workspace)
            waiting += 1
            continue
        if book.is_known and word != "known":
            stale.append(f"{answer.cell.partition('!')[2]} ({answer.code})")
            word = "known"
        counts[word] += 1
        if word != "known":
            row = fact_row(identity.unit, identity.period, node, answer, book.source)
            supersedes = old["_id"] if old else None
            book.rows.append({**row, "collected_at": receipt.at, "supersedes": supersedes})
        if word == "corrected":
            assert old is not None
            corrections.append(
                Correction(identity.unit, answer.code, answer.cell, told(old["value"], old["state"]),
                           told(answer.value, answer.state))
            )  # fmt: skip
    if stale:
        reading.problems.add("collect.read-before", Where(reading.file), cells=stale)
    book.evidence = form.evidence
    book.outcome = BookOutcome(
        book.path.name, book.kind, book.unit, counts["new"], counts["corrected"], counts["known"], waiting,
        form.blank, corrections=tuple(corrections),
    )  # fmt: skip


def _recorded(workspace: Workspace, unit: str, period: str) -> dict[str, list[dict[str, Any]]]:
    """Return the facts that count for a unit and period, by indicator, each with its id."""
    frame = current(workspace.observations, Problems())
    frame = frame.with_columns(pl.Series("_id", observation_ids(frame), dtype=pl.String))
    mine = (pl.col("unit") == unit) & pl.col("subject").is_null() & (pl.col("period") == period)
    recorded: dict[str, list[dict[str, Any]]] = {}
    for row in frame.filter(mine).iter_rows(named=True):
        recorded.setdefault(row["indicator"], []).append(row)
    return recorded


def fact_row(unit: str, period: str | None, node: Node, answer: Answer, source: Source) -> dict[str, Any]:
    """Return an answer as a row of ``observations.csv``."""
    return {
        "unit": unit, "indicator": node.code, "period": period, "value": answer.text,
        "unit_of_measure": node.unit or None, "state": answer.state, "origin": "observed",
        "channel": CITY, "source": source.id, "collected_by": source.producer,
        "note": answer.note or None, "cell": answer.cell, "evidence": ";".join(answer.evidence) or None,
    }  # fmt: skip


def _earlier(rows: Sequence[dict[str, Any]], source: Source, workspace: Workspace) -> dict[str, Any] | None:
    """Return what is recorded for an answer: the city's own fact, else one of the same channel."""
    own = [row for row in rows if _is_own(row, source, workspace)]
    same = [row for row in rows if row["channel"] in {None, CITY}]
    return next(iter([*own, *same]), None)


def _is_own(row: Mapping[str, Any], source: Source, workspace: Workspace) -> bool:
    known = workspace.sources.get(row["source"] or "")
    return known is not None and known.producer == source.producer


def _compared(answer: Answer, old: Mapping[str, Any] | None, source: Source, workspace: Workspace) -> str:
    """Tell whether an answer is ``new``, ``corrected``, ``known`` or ``differs`` from another's fact."""
    if old is None:
        return "new"
    same = old["value"] == answer.value and old["state"] == answer.state
    if _is_own(old, source, workspace):
        evidence = ";".join(answer.evidence)
        unchanged = (old.get("evidence") or "", old["note"] or "") == (evidence, answer.note)
        return "known" if same and unchanged else "corrected"
    if same or answer.state == "missing":  # a gap says nothing about a figure that somebody else knows
        return "known"
    return "corrected" if old["state"] == "missing" else "differs"


def _note_difference(reading: Reading, answer: Answer, old: Mapping[str, Any], workspace: Workspace) -> None:
    """Note that somebody else's fact for the same channel says something else."""
    table = reading.book.tables[0]
    row = next(row for row, line in reading.lines(table) if line.code == answer.code)
    source = workspace.sources.get(old["source"] or "")
    la = reading.language
    values = {
        "new": answer.text or say("states", answer.state, la),
        "old": number_text(old["value"]) or say("states", old["state"], la),
        "source": source.citation() if source else "–",
    }
    where = reading.where(table, row, "value")
    reading.note(table, row, "value", Problem("collect.differs-from-recorded", where, values))


def _take_confirmation(book: ReceivedBook, workspace: Workspace, receipt: Receipt) -> None:
    """Find out which replies are to be logged and which appeals change a fact."""
    read = read_confirmation(book.reading, workspace.framework, receipt.today)
    taken = logged_replies(book, read.replies, workspace, receipt.at, is_reviewed=receipt.reviewed)
    book.log, book.rows, book.evidence = taken.log, taken.rows, read.evidence
    book.outcome = BookOutcome(
        book.path.name, book.kind, book.unit, new=len(taken.log) - len(taken.rows),
        corrected=len(taken.rows), known=taken.known, waiting=read.waiting + taken.waiting, blank=read.blank,
        corrections=tuple(taken.corrections),
    )  # fmt: skip


def _record(workspace: Workspace, books: Sequence[ReceivedBook]) -> bool:
    """Record what the books say that is new, and that they were read; tell whether anything was written.

    All of it is recorded at once. Where the workspace would not open with it, each book is tried by itself.
    """
    assert workspace.folder is not None
    read = [book for book in books if not book.has_failed]
    try:
        return _record_all(workspace, read)
    except InputError as error:
        if len(read) == 1:
            read[0].give_up(Problems(error.problems))
            return False
    written = [_record(open_workspace(workspace.folder), [book]) for book in read]
    return any(written)


def _record_all(workspace: Workspace, books: Sequence[ReceivedBook]) -> bool:
    assert workspace.folder is not None
    listed = listed_evidence(workspace.folder)
    sources = {
        file.source.id: file for book in books for file in (book, *book.twins)
        if not file.is_known
    }  # fmt: skip
    if not sources and not any(book.rows or book.log for book in books):
        return False
    tables = {
        EVIDENCE: pl.DataFrame([row for book in books for row in new_evidence(book, listed)]),
        LOG: pl.DataFrame([row for book in books for row in book.log], infer_schema_length=None),
    }
    record(
        workspace,
        pl.DataFrame([row for book in books for row in book.rows], infer_schema_length=None),
        [file.source for file in sources.values()],
        {file.source.file: file.path for file in sources.values()},
        Problems(),
        tables,
    )
    return True
