"""How a workbook is laid out: sheets, columns, rows, and the identification that comes back with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

from citygauge.collect.citybook.texts import say
from citygauge.files import column_letter
from citygauge.problems import Language
from citygauge.provenance import sha256_of

Kind = Literal["form", "confirmation"]
Owner = Literal["", "city", "institute"]
Given = str | float | None

MAGIC = "CityGauge"
LAYOUT = "2"
HEADER_ROW = 2  # counted from 0: title, hint, header, then the rows
FIRST_ROW = 3
EVIDENCE_ROWS = 100
LARGEST = 1e15  # beyond it a spreadsheet no longer keeps every whole number


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet; `owner` says who fills it, nobody by default.

    `choices` names the group of texts that its drop-down offers, `is_number` asks for numbers.
    """

    key: str
    width: float
    owner: Owner = ""
    choices: str = ""
    is_number: bool = False
    is_centred: bool = False

    def header(self, language: Language) -> str:
        """Return what stands at the head of the column."""
        return say("columns", self.key, language)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet: what stands in its protected cells, and what its entry may be.

    `levels` are offered for the value, `limits` bound it; `preset` is what stands in an entry cell from the
    start. A heading has no entries. A row of a returned book is held back where its protected cells are not
    those that were sent out.
    """

    code: str = ""
    given: tuple[Given, ...] = ()
    is_heading: bool = False
    levels: tuple[str, ...] = ()
    limits: tuple[float | None, float | None] = (None, None)
    preset: Mapping[str, str] = field(default_factory=dict)
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet with a table: `key` names it, the protected columns come first."""

    key: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    @property
    def n_given(self) -> int:
        """The number of protected columns."""
        return sum(not column.owner for column in self.columns)

    def at(self, key: str) -> int:
        """Return the position of a column."""
        return next(i for i, column in enumerate(self.columns) if column.key == key)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a workbook says about itself, every field text."""

    kind: str
    layout: str = LAYOUT
    language: str = "zh"
    workspace: str = ""
    framework: str = ""
    framework_hash: str = ""
    unit: str = ""
    unit_name: str = ""
    period: str = ""
    contact: str = ""
    digest: str = ""

    @property
    def tongue(self) -> Language:
        """The language of the book."""
        return "zh" if self.language == "zh" else "en"


IDENTITY_FIELDS = tuple(f.name for f in fields(Identity))


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook for one city, before anybody has filled it.

    `elsewhere` counts the items that others measure; `received` are the prints that a returned book came
    with: they say what was sent out, whatever its cells have become.
    """

    identity: Identity
    tables: tuple[Table, ...]
    notice: str = ""
    elsewhere: int = 0
    received: tuple[tuple[str, str, str], ...] = ()

    @property
    def language(self) -> Language:
        """The language of the workbook."""
        return self.identity.tongue

    def signed(self) -> Book:
        """Return the book with the digest of its protected content in the identification."""
        return replace(self, identity=replace(self.identity, digest=digest(self.identity, self.prints())))

    def prints(self) -> list[tuple[str, str, str]]:
        """Return sheet, code and the prints of the protected cells, for each protected row in order."""
        if self.received:
            return list(self.received)
        found = []
        for table in self.tables:
            header = [column.header(self.language) for column in table.columns]
            found.append((table.key, "", prints_of(header)))
            found += [(table.key, line.code, prints_of(line.given)) for line in table.lines if line.code]
        return found


FORM_COLUMNS = (
    Column("code", 18),
    Column("name", 30),
    Column("definition", 46),
    Column("unit_of_measure", 13, is_centred=True),
    Column("last", 13),
    Column("last_period", 14, is_centred=True),
    Column("value", 18, "city", is_number=True),
    Column("state", 12, "city", "states"),
    Column("evidence", 14, "city"),
    Column("note", 30, "city"),
)
EVIDENCE_COLUMNS = (
    Column("number", 8, "city"),
    Column("title", 46, "city"),
    Column("kind", 22, "city", "kinds"),
    Column("date", 14, "city"),
    Column("place", 44, "city"),
    Column("page", 14, "city"),
)
FACTS_COLUMNS = (
    Column("code", 18),
    Column("name", 28),
    Column("recorded", 14),
    Column("unit_of_measure", 12, is_centred=True),
    Column("recorded_state", 11, is_centred=True),
    Column("origin", 10, is_centred=True),
    Column("source", 26),
    Column("score", 9),
    Column("observation", 18),
    Column("answer", 10, "city", "answers"),
    Column("appealed", 14, "city", is_number=True),
    Column("appealed_state", 12, "city", "states"),
    Column("reason", 30, "city"),
    Column("evidence", 12, "city"),
    Column("decision", 11, "institute", "decisions"),
    Column("reviewer", 12, "institute"),
    Column("remark", 24, "institute"),
)
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "form": FORM_COLUMNS,
    "facts": FACTS_COLUMNS,
    "evidence": EVIDENCE_COLUMNS,
}
TABLES: Mapping[str, tuple[str, str]] = {"form": ("form", "evidence"), "confirmation": ("facts", "evidence")}
FIRST_SHEET: Mapping[str, str] = {"form": "guide", "confirmation": "letter"}


def evidence_table() -> Table:
    """Return the sheet for the evidence: numbered rows, nothing on it protected but its head."""
    lines = (Line(preset={"number": str(number)}) for number in range(1, EVIDENCE_ROWS + 1))
    return Table("evidence", EVIDENCE_COLUMNS, tuple(lines))


def title_of(key: str, identity: Identity) -> str:
    """Return the title of a sheet: it says whose it is, so that a sheet of another book is noticed."""
    named = {"unit": identity.unit_name, "code": identity.unit, "period": identity.period}
    return say(key, "title", identity.tongue, **named)


def prints_of(cells: Iterable[Given]) -> str:
    """Return one short print for each cell, by which a change of its text is noticed."""
    return " ".join(hashlib.sha256(plain(cell).encode()).hexdigest()[:8] for cell in cells)


def plain(cell: Given) -> str:
    """Return a cell as text in the form in which cells are compared: white space does not matter.

    Spreadsheets keep fifteen digits of a number that they save again, some of them no more.
    """
    if isinstance(cell, float):
        return f"{cell:.12g}"
    return " ".join((cell or "").split())


def digest(identity: Identity, prints: Iterable[tuple[str, str, str]]) -> str:
    """Return the digest over the identification and the prints of all protected cells."""
    told = {name: plain(text) for name, text in asdict(identity).items() if name != "digest"}
    return sha256_of({"identity": told, "prints": [list(line) for line in prints]})


def address(row: int, column: int) -> str:
    """Return the address of a cell counted from 0.

    >>> address(16, 6)
    'G17'
    """
    return f"{column_letter(column)}{row + 1}"
