"""A returned workbook is held against what was sent out; a book that was rebuilt is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from citygauge.collect.citybook.entries import Reading
from citygauge.collect.citybook.form import entry_line, form_hash
from citygauge.collect.citybook.layout import (
    COLUMNS,
    FACTS_COLUMNS,
    FIRST_ROW,
    FIRST_SHEET,
    HEADER_ROW,
    IDENTITY_FIELDS,
    LAYOUT,
    MAGIC,
    TABLES,
    Book,
    Given,
    Identity,
    Table,
    address,
    digest,
    evidence_table,
    prints_of,
)
from citygauge.collect.citybook.raw import RawSheet, read_raw
from citygauge.collect.citybook.texts import LANGUAGES, say
from citygauge.collect.units import Units
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

_STATE = [column.key for column in FACTS_COLUMNS].index("recorded_state")  # blank in headings
Prints = Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a returned book must be about."""

    framework: Framework
    units: Units
    period: str


def open_book(path: Path, expected: Expected, problems: Problems) -> Reading | None:
    """Return a book that is ours, unchanged but for its entries; None where it is refused.

    Rows may stand in another order as long as each is there once; that is said.
    """
    sheets = read_raw(path, problems)
    if sheets is None:
        return None
    found = identify(sheets)
    if found is None:
        problems.add("collect.not-ours", Where(path.name))
        return None
    noted, (identity, prints) = Problems(), found
    known = identity.kind in TABLES and identity.layout == LAYOUT and identity.language in LANGUAGES
    if not known:
        noted.add("collect.unknown-layout", Where(path.name), kind=identity.kind, layout=identity.layout,
                  known=LAYOUT)  # fmt: skip
    else:
        _check_identity(path.name, identity, prints, expected, noted)
        _check_sheets(path.name, sheets, identity, noted)
    book = Book(identity, ())
    tables = []
    for key in () if noted.errors else TABLES[identity.kind]:
        name = say("sheets", key, book.language)
        structure = _Structure(path.name, name, key, sheets[name], prints, noted)
        tables.append(structure.table(expected.framework, book))
    problems.extend(noted)
    if noted.errors:
        return None
    named = {key: sheets[say("sheets", key, book.language)] for key in TABLES[identity.kind]}
    return Reading(path.name, replace(book, tables=tuple(tables)), named)


def identify(sheets: Mapping[str, RawSheet]) -> tuple[Identity, Prints] | None:
    """Return what a workbook says about itself; None where it is none of ours."""
    sheet = next((sheet for sheet in sheets.values() if sheet.text(0, 0) == MAGIC), None)
    if sheet is None:
        return None
    told = {name: sheet.text(row, 1) for row, name in enumerate(IDENTITY_FIELDS, 1)}
    first = 1 + len(IDENTITY_FIELDS)
    prints = [(sheet.text(r, 0), sheet.text(r, 1), sheet.text(r, 2)) for r in range(first, sheet.n_rows)]
    return Identity(**told), [line for line in prints if line[0]]


def has_entries(sheets: Mapping[str, RawSheet], identity: Identity) -> bool:
    """Tell whether anything was filled in; the numbers that the evidence sheet starts with do not count."""
    for key in TABLES.get(identity.kind, ()):
        columns = COLUMNS[key]
        first = 1 if key == "evidence" else sum(not column.owner for column in columns)
        sheet = sheets.get(say("sheets", key, identity.tongue))
        if sheet and any(row >= FIRST_ROW and first <= at < len(columns) for row, at in sheet.cells):
            return True
    return False


def _check_identity(
    file: str, identity: Identity, prints: Prints, expected: Expected, problems: Problems
) -> None:
    """Note a book of another city, period or framework, and an identification that was changed."""
    where = Where(file)
    if digest(identity, prints) != identity.digest:
        problems.add("collect.identification-changed", where)
    ours = form_hash(expected.framework)
    if identity.framework_hash != ours:
        values = {"code": identity.framework or "–", "own": expected.framework.code or "–"}
        hashes = {"hash": identity.framework_hash[:12] or "–", "own_hash": ours[:12]}
        problems.add("collect.other-framework", where, **values, **hashes)
    if identity.period != expected.period:
        problems.add("collect.other-period", where, period=identity.period or "–", own=expected.period)
    if identity.unit not in expected.units.position:
        problems.add("collect.unknown-city", where, unit=identity.unit, name=identity.unit_name)
    named = file.partition("_")[0]
    if named != identity.unit and named in expected.units.position:
        names = dict(zip(expected.units.codes, expected.units.names("zh"), strict=True))
        values = {"named": f"{names[named]} {named}", "unit": f"{identity.unit_name} {identity.unit}"}
        problems.add("collect.another-citys-book", where, **values)


def _check_sheets(file: str, sheets: Mapping[str, RawSheet], identity: Identity, problems: Problems) -> None:
    """Note sheets that are missing, renamed or additional."""
    language = identity.tongue
    needed = {say("sheets", key, language): key for key in TABLES[identity.kind]}
    needed[say("sheets", "identification", language)] = "identification"
    front = say("sheets", FIRST_SHEET[identity.kind], language)
    extra = [name for name in sheets if name not in needed and name != front]
    for name, key in needed.items():
        if name in sheets:
            continue
        headers = [column.header(language) for column in COLUMNS.get(key, ())]
        like = next((other for other in extra if _looks_like(sheets[other], headers)), None)
        if like is None:
            problems.add("collect.sheet-missing", Where(file), sheet=name)
        else:
            extra.remove(like)
            problems.add("collect.sheet-renamed", Where(file, like), sheet=name, found=like)
    if extra:
        problems.add("collect.extra-sheet", Where(file), sheets=extra)


def _looks_like(sheet: RawSheet, headers: Sequence[str]) -> bool:
    """Tell whether a sheet has these headers, or is the identification where none are given."""
    if not headers:
        return sheet.text(0, 0) == MAGIC
    return [sheet.text(HEADER_ROW, at) for at in range(len(headers))] == list(headers)


@dataclass(frozen=True)
class _Structure:
    """Holds the protected cells of one sheet against their prints."""

    file: str
    name: str
    key: str
    sheet: RawSheet
    prints: Prints
    problems: Problems

    def table(self, framework: Framework, book: Book) -> Table:
        """Return the sheet's table with its rows as they stand in the file, noting every change."""
        columns = COLUMNS[self.key]
        header = next((told for key, code, told in self.prints if key == self.key and not code), "").split()
        wanted = {code: told.split() for key, code, told in self.prints if key == self.key and code}
        if not self._check_header(columns, header):
            return Table(self.key, columns, ())
        if self.key == "evidence":
            return evidence_table()
        n_given = sum(not column.owner for column in columns)
        self._check_rows(wanted, n_given)
        lines = []
        for row in range(FIRST_ROW, FIRST_ROW + len(wanted)):
            code = self.sheet.text(row, 0)
            given: list[Given] = []
            for at in range(n_given):
                cell = self.sheet.cells.get((row, at))
                given.append(None if cell is None else cell.text if cell.number is None else cell.number)
            if code in framework:
                node = framework[code]
                is_heading = bool(framework.children(code)) if self.key == "form" else given[_STATE] is None
                lines.append(entry_line(node, tuple(given), book.language, is_heading=is_heading))
        return Table(self.key, columns, tuple(lines))

    def _print(self, row: int, at: int) -> str:
        cell = self.sheet.cells.get((row, at))
        return prints_of([None if cell is None else cell.text if cell.number is None else cell.number])

    def _where(self, row: int, at: int | None = None) -> Where:
        column = None
        if at is not None:
            header = self.sheet.text(HEADER_ROW, at)
            column = f"{address(row, at)} ({header})"
        return Where(self.file, self.name, row + 1, column)

    def _check_header(self, columns: Sequence[object], header: Sequence[str]) -> bool:
        """Note a head that was changed or moved; what stands below cannot be read then."""
        width = len(columns)
        changed = [at for at in range(width) if self._print(HEADER_ROW, at) != header[at]]
        if not changed:
            return True
        moved = [
            r for r in range(self.sheet.n_rows) if all(self._print(r, a) == header[a] for a in range(width))
        ]
        if moved and moved[0] > HEADER_ROW:
            self.problems.add("collect.row-inserted", self._where(HEADER_ROW), code="–")
        elif moved:
            self.problems.add("collect.row-deleted", self._where(moved[0]), codes=["–"])
        else:
            for at in changed:
                value = self.sheet.text(HEADER_ROW, at)
                self.problems.add("collect.protected-changed", self._where(HEADER_ROW, at), value=value)
        return False

    def _check_rows(self, wanted: Mapping[str, list[str]], n_given: int) -> None:
        """Note rows that were inserted, deleted, repeated, moved or changed."""
        rows: dict[str, int] = {}
        strange = []
        for row in self._used_rows(wanted, n_given):
            code = self.sheet.text(row, 0)
            if code in rows:
                self.problems.add(
                    "collect.row-repeated", self._where(row), code=code, rows=[rows[code] + 1, row + 1]
                )
            elif code in wanted:
                rows[code] = row
            else:
                strange.append(row)
        absent = [code for code in wanted if code not in rows]
        for row in strange:
            told = [self._print(row, at) for at in range(1, n_given)]
            renamed = next((code for code in absent if wanted[code][1:] == told), None)
            if renamed is not None:
                absent.remove(renamed)
                values = {"code": renamed, "value": self.sheet.text(row, 0)}
                self.problems.add("collect.code-changed", self._where(row, 0), **values)
            else:
                self.problems.add(
                    "collect.row-inserted", self._where(row), code=self.sheet.text(row, 0) or "–"
                )
        if absent:
            self.problems.add("collect.row-deleted", Where(self.file, self.name), codes=absent)
        for code, row in rows.items():
            for at in range(1, n_given):
                if self._print(row, at) != wanted[code][at]:
                    value = self.sheet.text(row, at)
                    self.problems.add("collect.protected-changed", self._where(row, at), value=value)
        order = [code for code, _ in sorted(rows.items(), key=lambda item: item[1])]
        if order != [code for code in wanted if code in rows]:
            moved = [code for code, own in zip(order, wanted, strict=False) if code != own]
            self.problems.add("collect.rows-reordered", Where(self.file, self.name), codes=moved)

    def _used_rows(self, wanted: Mapping[str, list[str]], n_given: int) -> Iterator[int]:
        """Give the rows of the table; what stands below the last of them is no row of ours."""
        codes = [row for row in range(FIRST_ROW, self.sheet.n_rows) if self.sheet.text(row, 0) in wanted]
        end = FIRST_ROW + len(wanted) - 1
        for row in range(FIRST_ROW, max([*codes, end]) + 1):
            if row <= max(codes, default=0) or any(self.sheet.text(row, at) for at in range(n_given)):
                yield row
