"""What a city entered, sheet by sheet: rows with their cells, the evidence list, and the marks on faults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches

from citygauge.collect.citybook.layout import FIRST_ROW, Book, Line, Table, address, plain
from citygauge.collect.citybook.numbers import trimmed
from citygauge.collect.citybook.raw import Place, RawCell, RawSheet
from citygauge.collect.citybook.texts import choices, meant, say
from citygauge.problems import Language, Problem, Problems, Where

_SEPARATORS = re.compile(r"[;；,，、\s]+")
_DATE = re.compile(
    r"([0-9]{4})(?:年|[-/.年]([0-9]{1,2})(?:月|[-/.月]([0-9]{1,2})日?)?)?(?:[ T]00:00:00(?:[.]0+)?)?"
)
_DIGITS = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One item of a city's evidence."""

    number: str
    title: str
    kind: str
    date: str
    place: str
    page: str


@dataclass(slots=True)
class Reading:
    """One returned book while it is read: where its cells are, what is wrong, which cells to mark."""

    file: str
    book: Book
    sheets: Mapping[str, RawSheet]
    problems: Problems = field(default_factory=Problems)
    faulty: dict[str, dict[Place, list[Problem]]] = field(default_factory=dict)

    @property
    def language(self) -> Language:
        """The language of the book."""
        return self.book.language

    def sheet_name(self, key: str) -> str:
        """Return the name of a sheet as it stands in the file."""
        return say("sheets", key, self.language)

    def where(self, table: Table, row: int, column: str | int) -> Where:
        """Return the place of a cell of the file, its address and header included."""
        at = column if isinstance(column, int) else table.at(column)
        header = f" ({table.columns[at].header(self.language)})" if at < len(table.columns) else ""
        return Where(self.file, self.sheet_name(table.key), row + 1, f"{address(row, at)}{header}")

    def cell(self, table: Table, row: int, column: str) -> RawCell | None:
        """Return an entry cell; None where it is blank."""
        cell = self.sheets[table.key].cells.get((row, table.at(column)))
        return cell if cell is not None and trimmed(cell.text) else None

    def text(self, table: Table, row: int, column: str) -> str:
        """Return the text of an entry cell on one line; empty where it is blank."""
        cell = self.cell(table, row, column)
        return " ".join(trimmed(cell.text).split()) if cell else ""

    def take(self, table: Table, place: Place, noted: Problems) -> bool:
        """Take over what was noted about a cell, mark it where that is an error, and tell whether it is."""
        self.problems.extend(noted)
        if noted.errors:
            self.faulty.setdefault(table.key, {}).setdefault(place, []).extend(noted.errors)
        return bool(noted.errors)

    def note(self, table: Table, row: int, column: str | int, problem: Problem) -> None:
        """Take over one problem of a cell."""
        at = column if isinstance(column, int) else table.at(column)
        self.take(table, (row, at), Problems([problem]))

    def lines(self, table: Table) -> Iterator[tuple[int, Line]]:
        """Give each row that is to be filled and is not held back, with its line of the book."""
        for row, line in enumerate(table.lines, FIRST_ROW):
            if not line.is_heading and not line.is_held:
                yield row, line

    def n_held(self, table: Table) -> int:
        """Return how many rows hold entries and are held back because their protected cells were changed."""
        held = [row for row, line in enumerate(table.lines, FIRST_ROW) if line.is_held]
        keys = [column.key for column in table.columns if column.owner]
        return sum(any(self.cell(table, row, key) for key in keys) for row in held)


def read_choice(reading: Reading, table: Table, row: int, column: str) -> tuple[str, bool]:
    """Return the key of the word that was chosen (empty where none was), and whether it is one."""
    text = reading.text(table, row, column)
    group = table.columns[table.at(column)].choices
    found = meant(group, text) if text else ""
    if found is None:
        allowed = choices(group, reading.language)
        near = get_close_matches(text, allowed, 1, 0.3)
        where = reading.where(table, row, column)
        values = {"value": text, "allowed": [*near, *(word for word in allowed if word not in near)]}
        reading.note(table, row, column, Problem("collect.unknown-choice", where, values))
        return "", False
    return found, True


def read_evidence(reading: Reading, today: str) -> tuple[dict[str, Evidence], set[str]]:
    """Return the items of evidence that can be used, by number, and every number that is listed at all."""
    table = next(table for table in reading.book.tables if table.key == "evidence")
    found: dict[str, Evidence] = {}
    first: dict[str, int] = {}
    same: dict[tuple[str, ...], str] = {}
    keys = ("title", "kind", "date", "place", "page")
    for row, _ in reading.lines(table):
        number, told = reading.text(table, row, "number"), [reading.text(table, row, key) for key in keys]
        if not any(told):
            continue
        before = len(reading.problems.errors)
        if not number:
            problem = Problem("collect.evidence-without-number", reading.where(table, row, "number"))
            reading.note(table, row, "number", problem)
        elif number in first:
            values = {"number": number, "rows": [first[number] + 1, row + 1]}
            where = reading.where(table, row, "number")
            reading.note(table, row, "number", Problem("collect.evidence-number-repeated", where, values))
            found.pop(number, None)
        else:
            first[number] = row
        item = _item(reading, table, row, number, today)
        if len(reading.problems.errors) == before:
            found[number] = item
            key = (item.title, item.place, item.page)
            if key in same:
                values = {"numbers": [same[key], number], "title": item.title}
                where = reading.where(table, row, "title")
                reading.note(table, row, "title", Problem("collect.evidence-twice", where, values))
            same.setdefault(key, number)
    return found, set(first)


def read_numbers(
    reading: Reading, table: Table, row: int, listed: set[str], usable: Mapping[str, Evidence]
) -> tuple[tuple[str, ...], bool]:
    """Return the evidence numbers of a row and whether all of them stand for a usable item."""
    parts = [part for part in _SEPARATORS.split(reading.text(table, row, "evidence")) if part]
    numbers = tuple(dict.fromkeys(parts))
    where = reading.where(table, row, "evidence")
    if len(numbers) < len(parts):
        twice = sorted({number for number in parts if parts.count(number) > 1})
        reading.note(
            table, row, "evidence", Problem("collect.evidence-named-twice", where, {"numbers": twice})
        )
    unknown = [number for number in numbers if number not in listed]
    if unknown:
        values = {"numbers": unknown, "known": sorted(listed, key=_in_order)}
        reading.note(table, row, "evidence", Problem("collect.unknown-evidence", where, values))
    faulty = [number for number in numbers if number in listed and number not in usable]
    if faulty:
        reading.note(table, row, "evidence", Problem("collect.faulty-evidence", where, {"numbers": faulty}))
    return numbers, not unknown and not faulty


def note_unused(reading: Reading, evidence: Mapping[str, Evidence], used: set[str]) -> None:
    """Note items of evidence to which no row refers."""
    table = next(table for table in reading.book.tables if table.key == "evidence")
    for row, _ in reading.lines(table):
        number = reading.text(table, row, "number")
        if number in evidence and number not in used:
            where = reading.where(table, row, "number")
            values = {"number": number, "title": evidence[number].title}
            reading.note(table, row, "number", Problem("collect.evidence-unused", where, values))


def note_strays(reading: Reading) -> None:
    """Note what was typed outside the cells that are to be filled, and cells that were merged."""
    for table in reading.book.tables:
        raw, width = reading.sheets[table.key], len(table.columns)
        for row, at in sorted(raw.cells):
            index = row - FIRST_ROW
            if at < width and (row < FIRST_ROW or _is_open(table, index, at)):
                continue
            text = trimmed(raw.cells[row, at].text)
            if text:
                where = reading.where(table, row, at)
                reading.note(table, row, at, Problem("collect.outside-the-form", where, {"value": text}))
        for (top, left), (bottom, right) in raw.merged:
            if bottom >= FIRST_ROW and left < width:
                where = reading.where(table, top, left)
                cells = f"{address(top, left)}:{address(bottom, right)}"
                reading.note(table, top, left, Problem("collect.merged-cells", where, {"range": cells}))


def _is_open(table: Table, index: int, at: int) -> bool:
    """Tell whether something may stand in a cell of a row: it is given, or to be filled."""
    return index < len(table.lines) and (at < table.n_given or not table.lines[index].is_heading)


def is_merged(reading: Reading, table: Table, row: int) -> bool:
    """Tell whether a row has cells that were merged with others."""
    return any(top <= row <= bottom for (top, _), (bottom, _) in reading.sheets[table.key].merged)


def iso_date(text: str) -> str | None:
    """Return a date as ``2024-06-30``, ``2024-06`` or ``2024``; None where it is none.

    >>> iso_date("2024年6月"), iso_date("2024/6/30"), iso_date("30.6.24")
    ('2024-06', '2024-06-30', None)
    """
    match = _DATE.fullmatch(text) or _DIGITS.fullmatch(text)
    if match is None:
        return None
    year, month, day = match.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return "-".join(f"{int(part):02d}" for part in (year, month, day) if part)


def content_of(reading: Reading) -> tuple[tuple[str, str, str], ...]:
    """Return everything that was entered, so that two books for one city can be compared."""
    found = []
    for table in reading.book.tables:
        for (row, at), cell in sorted(reading.sheets[table.key].cells.items()):
            if row >= FIRST_ROW and at >= table.n_given:
                found.append((table.key, address(row, at), plain(cell.number or cell.text)))
    return tuple(found)


def _item(reading: Reading, table: Table, row: int, number: str, today: str) -> Evidence:
    """Return one item of evidence, noting what is wrong with it."""
    title, told = reading.text(table, row, "title"), reading.text(table, row, "date")
    if not title:
        where = reading.where(table, row, "title")
        problem = Problem("collect.evidence-without-title", where, {"number": number})
        reading.note(table, row, "title", problem)
    kind, _ = read_choice(reading, table, row, "kind")
    day, where = iso_date(told), reading.where(table, row, "date")
    if told and day is None:
        reading.note(table, row, "date", Problem("collect.bad-date", where, {"value": told}))
    elif day and day > today[: len(day)]:
        reading.note(
            table, row, "date", Problem("collect.future-date", where, {"value": told, "today": today})
        )
    place, page = reading.text(table, row, "place"), reading.text(table, row, "page")
    return Evidence(number, title, kind, day or "", place, page)


def _in_order(number: str) -> tuple[int, str]:
    return (int(number) if number.isdecimal() else 10**9, number)


def messages(problems: Sequence[Problem], language: Language) -> list[str]:
    """Return what a note on a faulty cell says."""
    gap = "" if language == "zh" else " "
    return [f"{problem.message(language)}{gap}{problem.hint(language)}" for problem in problems]
