"""Books that came back: where they are found, what becomes of each, and their marked copies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from citygauge.collect.citybook.entries import Evidence, Reading, content_of, messages
from citygauge.collect.citybook.texts import say
from citygauge.collect.citybook.write import Filled, write_book
from citygauge.files import read_sheet
from citygauge.framework.rubric import number_text
from citygauge.problems import Problems, Where
from citygauge.provenance import Source

EVIDENCE = "evidence.csv"
_READ = {".xlsx", ".xlsm"}


@dataclass(frozen=True, slots=True)
class Correction:
    """A fact that took the place of another: the cell it stands in, and both values (or states)."""

    unit: str
    indicator: str
    cell: str
    old: str
    new: str


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
    corrections: tuple[Correction, ...] = ()

    @property
    def recorded(self) -> int:
        """How many facts were recorded, or rows of a confirmation logged."""
        return self.new + self.corrected


@dataclass(slots=True)
class ReceivedBook:
    """A book that could be opened, its source, and what is to be recorded of it.

    `is_known` tells that the very file was read before; `twins` are other files with the same content.
    """

    path: Path
    reading: Reading
    source: Source
    is_known: bool = False
    has_failed: bool = False
    twins: list[ReceivedBook] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    outcome: BookOutcome = field(default_factory=lambda: BookOutcome(""))

    @property
    def unit(self) -> str:
        """The code of the city."""
        return self.reading.book.identity.unit

    @property
    def kind(self) -> str:
        """Form or confirmation."""
        return self.reading.book.identity.kind

    def give_up(self, problems: Problems) -> None:
        """Record nothing of the book, for reasons that are noted."""
        self.reading.problems.extend(problems)
        self.rows, self.log, self.evidence, self.has_failed = [], [], {}, True
        self.outcome = BookOutcome(self.path.name, self.kind, self.unit)


def told(value: float | None, state: str) -> str:
    """Return a fact as text: its value, or the state that stands for it."""
    return number_text(value) if state == "value" else state


def workbooks_in(files: Iterable[Path], problems: Problems) -> Iterator[Path]:
    """Give the files, and the workbooks of the folders; what else is in a folder is named.

    A spreadsheet's lock files (``~$…``) and hidden files are none.
    """
    for path in files:
        if not path.is_dir():
            yield path
            continue
        seen = [p for p in sorted(path.iterdir()) if not p.name.startswith(("~$", "."))]
        found = [p for p in seen if p.suffix.casefold() in _READ and not p.is_dir()]
        passed = [p.name for p in seen if p not in found]
        if passed:
            problems.add("collect.passed-over", Where(str(path)), files=passed)
        if not found:
            problems.add("collect.empty-folder", Where(str(path)))
        yield from found


def one_for_each_city(
    books: Sequence[ReceivedBook], problems: Problems
) -> tuple[list[ReceivedBook], list[BookOutcome]]:
    """Return one book of each kind for each city; two that differ are refused, two that agree are one."""
    kept, refused = [], []
    groups: dict[tuple[str, str], list[ReceivedBook]] = {}
    for book in books:
        groups.setdefault((book.kind, book.unit), []).append(book)
    for group in groups.values():
        if len({content_of(book.reading) for book in group}) == 1:
            group[0].twins = group[1:]
            kept.append(group[0])
            refused += [BookOutcome(book.path.name, book.kind, book.unit) for book in group[1:]]
            continue
        for book in group:
            others = [other.path.name for other in group if other is not book]
            name = book.reading.book.identity.unit_name
            problems.add("collect.two-books", Where(book.path.name), unit=name, files=others)
            refused.append(BookOutcome(book.path.name, book.kind, book.unit))
    return kept, refused


def listed_evidence(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of ``evidence.csv``."""
    if not (folder / EVIDENCE).exists():
        return []
    problems = Problems()
    sheet = read_sheet(folder / EVIDENCE, problems)
    problems.raise_errors()
    return sheet.frame.to_dicts() if sheet else []


def new_evidence(book: ReceivedBook, listed: Sequence[Mapping[str, Any]]) -> list[dict[str, str | None]]:
    """Return the whole list of a book, a number being one of its own source; none where it is known."""
    rows = [
        {
            "unit": book.unit,
            **{key: text or None for key, text in asdict(item).items()},
            "source": book.source.id,
        }
        for item in book.evidence.values()
    ]
    own = [row for row in listed if row["unit"] == book.unit]
    last = {_item(row) for row in own if row["source"] == own[-1]["source"]}
    brings = book.rows or book.log
    is_same = not brings and {_item(row) for row in rows} == last
    is_listed = any(row["source"] == book.source.id for row in own)
    return [] if is_same or is_listed or (book.is_known and not brings) else rows


def _item(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[key] or "" for key in ("number", "title", "kind", "date", "place", "page"))


def write_marked(book: ReceivedBook, folder: Path) -> Path:
    """Write a book back as it was filled, its faulty cells marked; an equal copy that is there serves.

    Nothing is written over.
    """
    reading = book.reading
    suffix = f"_{say('words', 'to_correct', reading.language)}"
    stem = book.path.stem.split(suffix)[0] + suffix
    folder.mkdir(parents=True, exist_ok=True)
    marks = {
        key: {place: messages(problems, reading.language) for place, problems in cells.items()}
        for key, cells in reading.faulty.items()
    }
    cells = {key: sheet.cells for key, sheet in reading.sheets.items()}
    draft = Path(tempfile.mkdtemp(prefix=".marked-", dir=folder))
    try:
        write_book(reading.book.signed(), draft / "copy.xlsx", Filled(cells, marks))
        content, number = (draft / "copy.xlsx").read_bytes(), 1
        while (target := folder / (f"{stem}.xlsx" if number == 1 else f"{stem}-{number}.xlsx")).exists():
            if target.read_bytes() == content:
                return target
            number += 1
        return (draft / "copy.xlsx").replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
