"""A returned workbook is held against what was sent out; a book about something else is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from citygauge.collect.citybook.entries import Reading
from citygauge.collect.citybook.form import asked, form_hash
from citygauge.collect.citybook.layout import (
    COLUMNS,
    FIRST_ROW,
    FIRST_SHEET,
    HEADER_ROW,
    IDENTITY_FIELDS,
    LAYOUT,
    MAGIC,
    TABLES,
    Book,
    Identity,
    digest,
)
from citygauge.collect.citybook.raw import RawSheet, read_raw
from citygauge.collect.citybook.structure import Prints, Structure
from citygauge.collect.citybook.texts import LANGUAGES, say
from citygauge.collect.units import Units
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where


@dataclass(frozen=True, slots=True)
class Expected:
    """What a returned book must be about."""

    framework: Framework
    units: Units
    period: str


def open_book(path: Path, expected: Expected, problems: Problems) -> Reading | None:
    """Return a book that is ours; None where it is refused, which `problems` tells.

    Rows may stand in another order, each is found by its code. Rows whose protected cells were changed, or
    that were inserted or repeated, are held back and noted in the reading.
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
    reading = None if noted.errors else _held_against(path.name, sheets, found, expected, noted)
    problems.extend(noted)
    return reading


def _held_against(
    file: str, sheets: Mapping[str, RawSheet], found: tuple[Identity, Prints], expected: Expected,
    problems: Problems,
) -> Reading | None:  # fmt: skip
    """Return the book with its rows as they stand; None where a sheet is another book's or lost its head."""
    identity, prints = found
    elsewhere = asked(expected.framework)[1] if identity.kind == "form" else 0
    book = Book(identity, (), elsewhere=elsewhere)
    named = {key: sheets[say("sheets", key, book.language)] for key in TABLES[identity.kind]}
    parts = [Structure(file, key, sheet, book, prints) for key, sheet in named.items()]
    tables = tuple(part.table(expected.framework) for part in parts)
    for part in parts:
        problems.extend(part.refusals)
    if problems.errors:
        return None
    received = tuple(line for part in parts for line in part.in_order())
    reading = Reading(file, replace(book, tables=tables, received=received), named)
    for part, table in zip(parts, tables, strict=True):
        for (row, at), problem in part.faults:
            reading.note(table, row, at, problem)
    return reading


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
