"""What comes back from the cities: good rows are recorded, faulty ones wait, their books are marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from citygauge.collect.citybook.confirmation import read_confirmation
from citygauge.collect.citybook.entries import Evidence, Reading, content_of, messages
from citygauge.collect.citybook.fill import Answer, read_form
from citygauge.collect.citybook.read import Expected, open_book
from citygauge.collect.citybook.texts import say
from citygauge.collect.citybook.write import Filled, write_book
from citygauge.collect.observations import observation_ids
from citygauge.collect.resolve import current
from citygauge.files import read_sheet
from citygauge.framework.model import Node
from citygauge.framework.rubric import number_text
from citygauge.problems import Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.appeals import LOG, logged_replies
from citygauge.store.citybook import WORKBOOKS, book_period, notice_of
from citygauge.store.record import record, source_of
from citygauge.workspace import Workspace, open_workspace

RETURNED = "returned"
EVIDENCE = "evidence.csv"
_PREFERRED = "statistics"


@dataclass(frozen=True, slots=True)
class Receipt:
    """When books are read: the moment that is recorded, and the period if it is not the settings'."""

    at: str
    period: str | None = None

    @property
    def today(self) -> str:
        """The day, as ``2024-06-30``."""
        return self.at[:10]


@dataclass(frozen=True, slots=True)
class BookOutcome:
    """What became of one file: how many rows were new, changed, known, wait for correction, stay blank."""

    file: str
    kind: str = ""
    unit: str = ""
    new: int = 0
    corrected: int = 0
    known: int = 0
    waiting: int = 0
    blank: int = 0
    to_correct: str = ""

    @property
    def recorded(self) -> int:
        """How many facts were recorded, or rows of a confirmation logged."""
        return self.new + self.corrected


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all files, and every problem of them."""

    books: tuple[BookOutcome, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Book:
    """A book that could be opened, its source, and what is to be recorded of it."""

    path: Path
    reading: Reading
    source: Source
    rows: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    outcome: BookOutcome = field(default_factory=lambda: BookOutcome(""))

    @property
    def unit(self) -> str:
        return self.reading.book.identity.unit

    @property
    def kind(self) -> str:
        return self.reading.book.identity.kind


def read_books(folder: Path, files: Iterable[Path], receipt: Receipt) -> Outcome:
    """Read returned workbooks into a workspace and return what became of each.

    Nothing that is recorded changes: a value that differs from the city's earlier one is a new observation
    that supersedes it. A book that was rebuilt, or is about something else, is refused whole; of the others
    the faulty rows alone are left out, and the book is written back with these cells marked.

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
    workspace, problems = open_workspace(folder), Problems()
    period = book_period(workspace, receipt.period, problems)
    problems.raise_errors()
    expected = Expected(workspace.framework, workspace.units, period)
    opened, refused = [], []
    for path in _workbooks(files, problems):
        reading = open_book(path, expected, problems)
        if reading is None:
            refused.append(BookOutcome(path.name))
            continue
        notice = notice_of(workspace, reading.language)
        reading.book = replace(reading.book, notice=notice)
        opened.append(_Book(path, reading, _source_of(path, reading, workspace, receipt)))
    books, doubled = _one_for_each_city(opened, problems)
    for kind, take in (("form", _take_form), ("confirmation", _take_confirmation)):
        chosen = [book for book in books if book.kind == kind]
        for book in chosen:
            take(book, workspace, receipt)
        if _record(workspace, chosen, receipt):
            workspace = open_workspace(folder)
    for book in books:
        problems.extend(book.reading.problems)
        if book.reading.faulty:
            marked = _write_marked(book, folder / WORKBOOKS / RETURNED)
            book.outcome = replace(book.outcome, to_correct=str(marked))
    return Outcome((*(book.outcome for book in books), *refused, *doubled), tuple(problems))


def _workbooks(files: Iterable[Path], problems: Problems) -> Iterable[Path]:
    """Give the files, and the workbooks of the folders; a spreadsheet's lock files are none."""
    for path in files:
        if not path.is_dir():
            yield path
            continue
        found = sorted(p for p in path.glob("*.xlsx") if not p.name.startswith(("~$", ".")))
        if not found:
            problems.add("collect.empty-folder", Where(str(path)))
        yield from found


def _one_for_each_city(books: Sequence[_Book], problems: Problems) -> tuple[list[_Book], list[BookOutcome]]:
    """Return one book of each kind for each city; two that differ are refused, two that agree are one."""
    kept, refused = [], []
    groups: dict[tuple[str, str], list[_Book]] = {}
    for book in books:
        groups.setdefault((book.kind, book.unit), []).append(book)
    for group in groups.values():
        if len({content_of(book.reading) for book in group}) == 1:
            kept.append(group[0])
            refused += [BookOutcome(book.path.name, book.kind, book.unit) for book in group[1:]]
            continue
        for book in group:
            others = [other.path.name for other in group if other is not book]
            name = book.reading.book.identity.unit_name
            problems.add("collect.two-books", Where(book.path.name), unit=name, files=others)
            refused.append(BookOutcome(book.path.name, book.kind, book.unit))
    return kept, refused


def _source_of(path: Path, reading: Reading, workspace: Workspace, receipt: Receipt) -> Source:
    """Return the source that a book is: the city made it."""
    identity = reading.book.identity
    producer = dict(zip(workspace.units.codes, workspace.units.names("zh"), strict=True))[identity.unit]
    key = reading.book.tables[0].key
    title = say(key, "title", identity.tongue, unit=identity.unit_name, period=identity.period)
    return replace(source_of(path, ""), producer=producer, title=title, date=receipt.today)


def _take_form(book: _Book, workspace: Workspace, receipt: Receipt) -> None:
    """Find out which answers of a form are new, changed or known; conflicts with others' facts are noted."""
    reading, identity = book.reading, book.reading.book.identity
    form = read_form(reading, workspace.framework, receipt.today)
    frame = current(workspace.observations, Problems())
    frame = frame.with_columns(pl.Series("_id", observation_ids(frame), dtype=pl.String))
    recorded: dict[str, list[dict[str, Any]]] = {}
    mine = (pl.col("unit") == identity.unit) & pl.col("subject").is_null()
    for row in frame.filter(mine & (pl.col("period") == identity.period)).iter_rows(named=True):
        recorded.setdefault(row["indicator"], []).append(row)
    told = workspace.observations.frame.filter(mine & (pl.col("source") == book.source.id))["indicator"]
    read_before, counts, waiting = set(told), {"new": 0, "corrected": 0, "known": 0}, form.waiting
    for answer in form.answers:
        node = workspace.framework[answer.code]
        old = _earlier(recorded.get(answer.code, []), channel_of(node), book.source, workspace)
        word = "known" if answer.code in read_before else _compared(answer, old, book.source, workspace)
        if word == "differs":
            assert old is not None
            _note_difference(reading, answer, old, workspace)
            waiting += 1
            continue
        counts[word] += 1
        if word != "known":
            row = fact_row(identity.unit, identity.period, node, answer, book.source)
            supersedes = old["_id"] if old else None
            book.rows.append({**row, "collected_at": receipt.at, "supersedes": supersedes})
    book.evidence = form.evidence
    book.outcome = BookOutcome(
        book.path.name, book.kind, book.unit, counts["new"], counts["corrected"], counts["known"], waiting,
        form.blank,
    )  # fmt: skip


def channel_of(node: Node) -> str:
    """Return the channel of what a city reports: statistics, unless the framework names others only."""
    return _PREFERRED if not node.channels or _PREFERRED in node.channels else node.channels[0]


def fact_row(unit: str, period: str | None, node: Node, answer: Answer, source: Source) -> dict[str, Any]:
    """Return an answer as a row of ``observations.csv``."""
    return {
        "unit": unit, "indicator": node.code, "period": period, "value": answer.text,
        "unit_of_measure": node.unit or None, "state": answer.state, "origin": "observed",
        "channel": channel_of(node), "source": source.id, "collected_by": source.producer,
        "note": answer.note or None, "cell": answer.cell, "evidence": ";".join(answer.evidence) or None,
    }  # fmt: skip


def _earlier(
    rows: Sequence[dict[str, Any]], channel: str, source: Source, workspace: Workspace
) -> dict[str, Any] | None:
    """Return what is recorded for an answer: the city's own fact, else one of the same channel."""
    own = [row for row in rows if _is_own(row, source, workspace)]
    same = [row for row in rows if row["channel"] in {None, channel}]
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


def _take_confirmation(book: _Book, workspace: Workspace, receipt: Receipt) -> None:
    """Find out which replies are to be logged and which appeals change a fact."""
    read = read_confirmation(book.reading, workspace.framework, receipt.today)
    taken = logged_replies(book.reading, read.replies, book.source, workspace, receipt.at)
    book.log, book.rows, book.evidence = taken.log, taken.rows, read.evidence
    book.outcome = BookOutcome(
        book.path.name, book.kind, book.unit, new=len(taken.log) - len(taken.rows),
        corrected=len(taken.rows), known=taken.known, waiting=read.waiting + taken.waiting, blank=read.blank,
    )  # fmt: skip


def _record(workspace: Workspace, books: Sequence[_Book], receipt: Receipt) -> bool:
    """Record what the books say that is new, all of it or nothing; tell whether there was any."""
    assert workspace.folder is not None
    listed = _listed_evidence(workspace.folder)
    evidence = {book.path: _new_evidence(book, listed) for book in books}
    bringing = [book for book in books if book.rows or book.log or evidence[book.path]]
    if not bringing:
        return False
    rows = [row for book in bringing for row in book.rows]
    tables = {
        EVIDENCE: pl.DataFrame([row for book in bringing for row in _evidence_rows(book)]),
        LOG: pl.DataFrame([row for book in bringing for row in book.log], infer_schema_length=None),
    }
    record(
        workspace,
        pl.DataFrame(rows, infer_schema_length=None),
        [book.source for book in bringing],
        {book.source.file: book.path for book in bringing},
        Problems(),
        tables,
    )
    return True


def _listed_evidence(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of ``evidence.csv``."""
    if not (folder / EVIDENCE).exists():
        return []
    problems = Problems()
    sheet = read_sheet(folder / EVIDENCE, problems)
    problems.raise_errors()
    return sheet.frame.to_dicts() if sheet else []


def _new_evidence(book: _Book, listed: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the list of a book differs from the city's last one."""
    own = [row for row in listed if row["unit"] == book.unit]
    last = {_item(row) for row in own if row["source"] == own[-1]["source"]}
    return {_item(row) for row in _evidence_rows(book)} != last and bool(book.evidence)


def _item(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[key] or "" for key in ("number", "title", "kind", "date", "place", "page"))


def _evidence_rows(book: _Book) -> list[dict[str, str | None]]:
    """Return the whole list of a book; a number is one of its own source."""
    return [
        {
            "unit": book.unit,
            **{key: text or None for key, text in asdict(item).items()},
            "source": book.source.id,
        }
        for item in book.evidence.values()
    ]


def _write_marked(book: _Book, folder: Path) -> Path:
    """Write a book back as it was filled, with its faulty cells marked; nothing is written over."""
    reading = book.reading
    suffix = f"_{say('words', 'to_correct', reading.language)}"
    stem = book.path.stem.split(suffix)[0] + suffix
    folder.mkdir(parents=True, exist_ok=True)
    marks = {
        key: {place: messages(problems, reading.language) for place, problems in cells.items()}
        for key, cells in reading.faulty.items()
    }
    cells = {key: sheet.cells for key, sheet in reading.sheets.items()}
    number = 1
    while (target := folder / (f"{stem}.xlsx" if number == 1 else f"{stem}-{number}.xlsx")).exists():
        number += 1
    write_book(reading.book.signed(), target, Filled(cells, marks))
    return target
