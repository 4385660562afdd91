"""Tables as they stand in files: CSV and XLSX read as text, with the place of every cell kept.

Nothing is converted here: a cell is text or empty, so that whoever knows what it should be can say
exactly which cell is not. Workbooks are read in a process of their own (`citygauge.xlsx`), because a few
kilobytes can claim a billion cells.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl

from citygauge.problems import Problems, Where
from citygauge.text import visible
from citygauge.xlsx import read_one, sheet_names
from citygauge.xlsx_child import text_of

__all__ = [
    "Sheet",
    "canonical_headers",
    "column_letter",
    "exists",
    "frame_sheet",
    "is_file",
    "read_sheet",
    "sheet_names",
    "text_of",
    "write_csv",
]

_BLANK_LINES = re.compile(r"\A(?:[ \t]*\r?\n)+")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text with the place it came from.

    `frame` holds one String column per header, empty cells as null; its first row stands in row
    `first_row` of the file (the header in the row above).
    """

    frame: pl.DataFrame
    file: str
    name: str | None = None
    first_row: int = 2
    letters: Mapping[str, str] | None = None

    def where(self, index: int | None = None, column: str | None = None) -> Where:
        """Return the place of a row (counted from 0 in `frame`) and column."""
        row = None if index is None else self.first_row + index
        if column is not None and self.letters is not None and column in self.letters:
            column = f"{self.letters[column]} ({column})"
        return Where(self.file, self.name, row, column)

    def cell_range(self) -> str:
        """Return the addresses of the first and last cell, header included: ``A1:F51``."""
        letters = list((self.letters or {}).values())
        last = self.first_row + self.frame.height - 1
        return f"{letters[0]}{self.first_row - 1}:{letters[-1]}{last}" if letters else ""

    def cell(self, index: int, column: str) -> str:
        """Return the address of a cell: ``Sheet1!C5`` in a workbook, ``C5`` in a CSV file."""
        letter = (self.letters or {}).get(column, column)
        address = f"{letter}{self.first_row + index}"
        return f"{self.name}!{address}" if self.name else address


def read_sheet(path: Path, problems: Problems, sheet: str | None = None) -> Sheet | None:
    """Read a CSV or XLSX file as text; None when it cannot be read (the reason is in `problems`).

    Parameters
    ----------
    path : Path
        ``.csv`` (UTF-8 with or without BOM, or GB18030) or ``.xlsx``.
    sheet : str, optional
        Name of the sheet; the first one by default.
    """
    if not is_file(path):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    suffix = path.suffix.lower()
    if suffix == ".csv":
        rows = _csv_rows(path, problems)
        return None if rows is None else _with_header(rows, path.name, None, problems)
    if suffix in {".xlsx", ".xlsm"}:
        read = read_one(path, problems, sheet)
        return None if read is None else _with_header(read[1], path.name, read[0], problems)
    problems.add("file.unknown-kind", Where(path.name), kind=suffix or path.name)
    return None


def exists(path: Path) -> bool:
    """Tell whether there is something at a path; nothing is at a name that no file can have."""
    try:
        return path.exists()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Tell whether a path is a file."""
    return exists(path) and path.is_file()


def frame_sheet(frame: pl.DataFrame, label: str) -> Sheet:
    """Return a data frame handed over in memory as a sheet of text, under the name `label`."""
    columns = [
        pl.when(pl.col(name).is_nan()).then(None).otherwise(pl.col(name)).cast(pl.String).alias(name)
        if dtype.is_float()
        else pl.col(name).cast(pl.String)
        for name, dtype in frame.schema.items()
    ]
    return Sheet(frame.select(columns), label, first_row=1)


def canonical_headers(sheet: Sheet, columns: Iterable[str]) -> Sheet:
    """Return the sheet with headers such as 城市 or 数值 replaced by the columns they stand for.

    Only names among `columns` are introduced, and never twice.
    """
    known = set(columns)
    renamed: dict[str, str] = {}
    taken = set(sheet.frame.columns)
    for header in sheet.frame.columns:
        key = header.strip().casefold()
        for column in (*_headers().get(key, ()), key):
            if header not in known and column in known and column not in taken:
                renamed[header] = column
                taken.add(column)
                break
    if not renamed:
        return sheet
    letters = {renamed.get(name, name): letter for name, letter in (sheet.letters or {}).items()}
    return Sheet(sheet.frame.rename(renamed), sheet.file, sheet.name, sheet.first_row, letters or None)


def finite_number(text: str) -> float | None:
    """Return the number that a cell holds; None for text and for what is not finite."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def column_letter(index: int) -> str:
    """Return a spreadsheet's letters for a column counted from 0.

    >>> column_letter(0), column_letter(27)
    ('A', 'AB')
    """
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as UTF-8 CSV; floats in the shortest form that reads back to the same double."""
    frame.write_csv(path)


@cache
def _headers() -> Mapping[str, list[str]]:
    text = resources.files("citygauge").joinpath("headers.csv").read_text(encoding="utf-8")
    table: dict[str, list[str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        table.setdefault(row["header"].casefold(), []).append(row["column"])
    return table


def csv_text(path: Path, problems: Problems) -> str | None:
    """Return the text of a CSV, UTF-8 or GB18030, with `�` for what nobody sees; None where it is none."""
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return visible(text)
        break
    where = Where(path.name)
    if content.startswith(b"PK\x03\x04"):
        problems.add("file.workbook-named-csv", where)
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_utf_16(content):
        problems.add("file.utf-16", where)
    elif b"\x00" in content:
        problems.add("file.null", Where(path.name, row=content[: content.index(0)].count(b"\n") + 1))
    else:
        problems.add("file.encoding", where)
    return None


def _is_utf_16(content: bytes) -> bool:
    """Tell whether every other byte is zero, as in UTF-16 without a mark."""
    start = content[:400]
    return len(start) > 3 and max(start[::2].count(0), start[1::2].count(0)) > 0.4 * len(start) / 2


def _csv_rows(path: Path, problems: Problems) -> pl.DataFrame | None:
    text = csv_text(path, problems)
    if text is None:
        return None
    try:
        header = next((row for row in csv.reader(io.StringIO(text)) if any(map(str.strip, row))), None)
    except csv.Error:  # a field without end
        problems.add("file.broken-quote", Where(path.name))
        return None
    if header is None:
        problems.add("file.empty", Where(path.name))
        return None
    schema = {str(i): pl.String for i in range(len(header))}
    body = _BLANK_LINES.sub("", text, count=1)
    try:
        table = pl.read_csv(io.BytesIO(body.encode()), has_header=False, schema=schema)
    except pl.exceptions.PolarsError:
        return _read_slowly(text, schema, path.name, problems)
    blank = len(text[: len(text) - len(body)].splitlines())  # the fast reader stumbles over blank first lines
    return pl.concat([pl.DataFrame({name: [None] * blank for name in schema}, schema=schema), table])


def _read_slowly(text: str, schema: Mapping[str, Any], file: str, problems: Problems) -> pl.DataFrame | None:
    """Read what the fast reader refuses, or say which rows are too long or that a quotation never ends."""
    lines = io.StringIO(text if "\n" in text else text.replace("\r", "\n"), newline="")
    try:
        rows = list(csv.reader(lines, strict=True))
    except csv.Error:
        problems.add("file.broken-quote", Where(file))
        return None
    long = [number for number, row in enumerate(rows, 1) if len(row) > len(schema)]
    if long:
        problems.add("file.ragged", Where(file, row=long[0]), rows=long, width=len(schema))
        return None
    padded = [[*row, *[None] * (len(schema) - len(row))] for row in rows]
    return pl.DataFrame(padded, schema=schema, orient="row")


def _with_header(rows: pl.DataFrame, file: str, sheet: str | None, problems: Problems) -> Sheet | None:
    """Take the first row that is not empty as header; refuse repeated headers, drop empty columns."""
    filled = (index for index, row in enumerate(rows.iter_rows()) if any(_stripped(cell) for cell in row))
    start = next(filled, None)
    if start is None:
        problems.add("file.empty", Where(file, sheet))
        return None
    header = [_stripped(cell) for cell in rows.row(start)]
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        problems.add("file.repeated-header", Where(file, sheet, start + 1), headers=repeated)
        return None
    body = rows.slice(start + 1)
    keep: list[tuple[str, int]] = [(name, i) for i, name in enumerate(header) if name]
    nameless = [
        column_letter(i) for i, name in enumerate(header) if not name and body[:, i].drop_nulls().len()
    ]
    if nameless:
        problems.add("file.column-without-header", Where(file, sheet, start + 1), columns=nameless)
    frame = body.select(_cleaned(body.columns[i]).alias(name) for name, i in keep)
    letters = {name: column_letter(i) for name, i in keep}
    return Sheet(frame, file, sheet, start + 2, letters)


def _cleaned(column: str) -> pl.Expr:
    stripped = pl.col(column).str.strip_chars()
    return pl.when(stripped == "").then(None).otherwise(stripped)


def _stripped(cell: str | None) -> str:
    return (cell or "").strip()
