"""The cells of a file as they stand, with what is merged, and tables turned on their side."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from citygauge.collect.citybook.numbers import plain_number
from citygauge.files import column_letter, csv_text, is_file
from citygauge.problems import Problems, Where
from citygauge.xlsx import Marks, Range, read_marked

MAX_CELLS = 500_000  # of a sheet: no printed table comes near, and each cell is looked at several times
_PACKED = re.compile(r"[\w:, ]+\\\w+[^\n]*", re.IGNORECASE)  # the first line of Eurostat's own files
_SEPARATORS = (",", "\t", ";")
Place = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """The cells of a sheet as text, blank ones as ``""``, and its merged ranges.

    `marks` are what a workbook says beside its cells.
    """

    file: str
    sheet: str | None
    rows: tuple[tuple[str, ...], ...]
    merged: tuple[Range, ...] = ()
    marks: Marks = field(default_factory=Marks)

    def is_hidden(self, row: int, column: int) -> bool:
        """Tell whether a cell stands in a row or column that is hidden."""
        return row in self.marks.rows or column in self._hidden_columns

    @cached_property
    def _hidden_columns(self) -> frozenset[int]:
        found: list[int] = []
        for first, last in sorted(self.marks.columns):  # a workbook may claim any ranges, and many
            begin = max(first, found[-1] + 1 if found else 0)
            found += range(begin, min(last + 1, self.width))
        return frozenset(found)

    def hidden_lines(self) -> list[tuple[Literal["row", "column"], str]]:
        """Return what is hidden where something stands in it: a row or a column, and its address."""
        rows = [row for row in sorted(self.marks.rows) if row < len(self.rows) and any(self.rows[row])]
        columns = [
            column
            for column in sorted(self._hidden_columns)
            if any(self.own(row, column) for row in range(len(self.rows)))
        ]
        lead = f"{self.sheet}!" if self.sheet else ""
        found: list[tuple[Literal["row", "column"], str]] = [("row", f"{lead}{row + 1}") for row in rows]
        return [*found, *(("column", f"{lead}{column_letter(column)}") for column in columns)]

    @cached_property
    def width(self) -> int:
        """The number of columns."""
        return max(map(len, self.rows), default=0)

    def own(self, row: int, column: int) -> str:
        """Return the text that stands in a cell itself."""
        cells = self.rows[row]
        return cells[column] if column < len(cells) else ""

    def shown(self, row: int, column: int) -> str:
        """Return the text that a reader sees in a cell: in a merged range everywhere that of the first."""
        return self.own(*self.origin.get((row, column), (row, column)))

    @cached_property
    def origin(self) -> Mapping[Place, Place]:
        """The first cell of the range for every cell of a merged range."""
        found: dict[Place, Place] = {}
        room = 2 * self.width * len(self.rows)
        for first, left, last, right in self.merged:
            bottom, end = min(last, len(self.rows) - 1), min(right, self.width - 1)
            room -= max(0, bottom - first + 1) * max(0, end - left + 1)
            if room < 0:  # ranges that overlap: no program writes them
                break
            for row in range(first, bottom + 1):
                for column in range(left, end + 1):
                    found.setdefault((row, column), (first, left))
        return found

    def address(self, row: int, column: int) -> str:
        """Return the address of a cell: ``Sheet1!C5`` in a workbook, ``C5`` in a CSV file."""
        address = f"{column_letter(column)}{row + 1}"
        return f"{self.sheet}!{address}" if self.sheet else address

    def where(self, row: int | None = None, column: int | None = None) -> Where:
        """Return the place of a row and column counted from 0."""
        letter = None if column is None else column_letter(column)
        return Where(self.file, self.sheet, None if row is None else row + 1, letter)


@dataclass(frozen=True)
class View:
    """Some rows and columns of a grid, turned on their side where the cities stand across the top."""

    grid: Grid
    row_ids: tuple[int, ...]
    column_ids: tuple[int, ...]
    turned: bool = False

    @property
    def height(self) -> int:
        """The number of rows of the view."""
        return len(self.column_ids if self.turned else self.row_ids)

    @property
    def width(self) -> int:
        """The number of columns of the view."""
        return len(self.row_ids if self.turned else self.column_ids)

    def place(self, row: int, column: int) -> Place:
        """Return row and column in the grid."""
        if self.turned:
            return self.row_ids[column], self.column_ids[row]
        return self.row_ids[row], self.column_ids[column]

    def own(self, row: int, column: int) -> str:
        """Return the text that stands in a cell itself."""
        return self.grid.own(*self.place(row, column))

    def shown(self, row: int, column: int) -> str:
        """Return the text that a reader sees in a cell."""
        return self.grid.shown(*self.place(row, column))

    def is_merged(self, row: int, column: int) -> bool:
        """Tell whether a cell belongs to a merged range."""
        return self.place(row, column) in self.grid.origin

    def address(self, row: int, column: int) -> str:
        """Return the address of a cell in the file."""
        return self.grid.address(*self.place(row, column))

    def line_address(self, *, row: int | None = None, column: int | None = None) -> str:
        """Return the address of a row (``5``) or a column (``C``) of the view in the file."""
        index = self.place(row or 0, column or 0)
        is_row = (row is not None) != self.turned
        address = str(index[0] + 1) if is_row else column_letter(index[1])
        return f"{self.grid.sheet}!{address}" if self.grid.sheet else address


def read_grids(path: Path, problems: Problems, sheet: str | None = None) -> list[Grid]:
    """Return the sheets of a workbook, or the one of a CSV file; none where it cannot be read.

    Parameters
    ----------
    path : Path
        ``.xlsx``, ``.xlsm``; or ``.csv``, ``.tsv``, ``.txt`` in UTF-8 with or without BOM or in GB18030,
        parted by commas, tabs or semicolons.
    sheet : str, optional
        The one sheet that is wanted.
    """
    if not is_file(path):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return []
    suffix = path.suffix.lower()
    if suffix in {".csv", ".tsv", ".txt"}:
        if sheet is not None:
            problems.add("import.sheet-of-csv", Where(path.name), sheet=sheet)
        rows = _csv_rows(path, problems)
        grids = [] if rows is None else [Grid(path.name, None, rows)]
    elif suffix in {".xlsx", ".xlsm"}:
        found = read_marked(path, problems, None if sheet is None else [sheet]) or {}
        grids = []
        for name, (frame, marks) in found.items():
            if frame.height * frame.width > MAX_CELLS:
                cells = frame.height * frame.width
                problems.add("yearbook.too-large", Where(path.name, name), cells=cells, limit=MAX_CELLS)
                continue
            cells_of = tuple(
                tuple(_shown(cell, (i, j), marks) for j, cell in enumerate(row))
                for i, row in enumerate(frame.iter_rows())
            )
            asked_for = replace(marks, hidden=marks.hidden and sheet is None)
            grids.append(Grid(path.name, name, cells_of, marks.merged, asked_for))
    else:
        problems.add("file.unknown-kind", Where(path.name), kind=suffix or path.name)
        return []
    return grids


def _shown(cell: str | None, place: Place, marks: Marks) -> str:
    """Return the text of a cell; a truth value is no number, and a formula without its result no gap."""
    if place in marks.booleans:
        return "TRUE" if cell == "1" else "FALSE"
    return "=" if place in marks.formulas and not cell else (cell or "").strip()


def _csv_rows(path: Path, problems: Problems) -> tuple[tuple[str, ...], ...] | None:
    """Return the rows of a CSV file, however long each is: a title is shorter than a row of figures."""
    text = csv_text(path, problems)
    if text is None:
        return None
    if packed := _PACKED.match(text):
        problems.add("yearbook.packed-labels", Where(path.name, row=1), header=packed[0].strip())
        return None
    rows = _parted(text, path.name, problems)
    if rows is None:
        return None
    if not any(map(any, rows)):
        problems.add("file.empty", Where(path.name))
        return None
    cells = len(rows) * max(map(len, rows))
    if cells > MAX_CELLS:
        problems.add("yearbook.too-large", Where(path.name), cells=cells, limit=MAX_CELLS)
        return None
    return rows


def _parted(text: str, file: str, problems: Problems) -> tuple[tuple[str, ...], ...] | None:
    """Return the cells of a text; None where a quotation mark is open or a cell too long."""
    separator = _separator(text)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        rows = tuple(tuple(map(str.strip, row)) for row in lines)
    except csv.Error as error:
        if "field limit" in str(error):
            problems.add("yearbook.long-cell", Where(file), limit=csv.field_size_limit())
        else:
            problems.add("file.broken-quote", Where(file))
        return None
    swallowed = [row for row, cells in enumerate(rows, 1) if any(_holds_rows(c, separator) for c in cells)]
    if swallowed:
        problems.add("file.broken-quote", Where(file, row=swallowed[0]))
        return None
    return rows


def _holds_rows(cell: str, separator: str) -> bool:
    """Tell whether a cell of several lines has swallowed rows of the table: 见注, then 宿州市,7."""
    for line in cell.splitlines()[1:]:
        first, *rest = (part.strip() for part in line.split(separator))
        if first and plain_number(first) is None and any(plain_number(part) is not None for part in rest):
            return True
    return False


def _separator(text: str) -> str:
    """Return what parts the cells: the sign that most lines hold equally often, the comma among equals."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]

    def agreeing(sign: str) -> int:
        counts = Counter(line.count(sign) for line in lines if sign in line)
        return max(counts.values(), default=0)

    return max(_SEPARATORS, key=lambda sign: (agreeing(sign), -_SEPARATORS.index(sign)))
