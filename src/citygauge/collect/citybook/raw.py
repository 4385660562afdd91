"""A workbook as it comes back: the text of every cell, and what kind of cell it is.

Readers of tables give TRUE as 1 and 12.3 % as 0.123. A city that typed them meant something else, so the
kind of each cell is taken from the file itself, and so is which cells were merged.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Literal

import polars as pl

from citygauge.collect.citybook.texts import LANGUAGES, say
from citygauge.files import column_letter
from citygauge.problems import Problems, Where
from citygauge.xlsx import read_cells

CellKind = Literal["text", "number", "percent", "date", "boolean", "error", "uncomputed"]
Place = tuple[int, int]
SHEETS = ("form", "facts", "evidence", "identification")

MAX_SHEETS = 100
MAX_PART_BYTES = 30_000_000  # a form of 5,000 rows takes 3 MB
OURS = frozenset(say("sheets", key, language) for key in SHEETS for language in LANGUAGES)
_OTHER_FORMATS = {".ods", ".fods", ".xls", ".xlsb", ".csv"}
_UTF16 = {b"\xff\xfe", b"\xfe\xff"}
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip

_OPENED = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s/>])([^>]*)>")
_FIGURE = re.compile(r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?")
_VALUE, _FORMULA = (
    re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]+)<"),
    re.compile(rb"<(?:\w+:)?f(?=[\s>/])[^>]*>([^<]*)"),
)
_TYPES: Mapping[str, CellKind] = {"b": "boolean", "e": "error", "d": "date"}
_NAMED = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ADDRESS = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
_PERCENT_IDS = {9, 10}
_DATE_IDS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}


@dataclass(frozen=True, slots=True)
class RawCell:
    """A cell that is not empty: its text and its kind."""

    text: str
    kind: CellKind = "text"

    @property
    def number(self) -> float | None:
        """The number that the cell holds as a number; None for text, what is not finite and all else."""
        if self.kind not in {"number", "percent"} or not _FIGURE.fullmatch(self.text):
            return None
        value = float(self.text)
        return value if isfinite(value) else None


@dataclass(frozen=True, slots=True)
class RawSheet:
    """The cells of a sheet that are not empty, by row and column counted from 0, and its merged ranges."""

    cells: Mapping[Place, RawCell] = field(default_factory=dict)
    merged: tuple[tuple[Place, Place], ...] = ()

    def text(self, row: int, column: int) -> str:
        """Return the text of a cell; empty where there is nothing."""
        cell = self.cells.get((row, column))
        return cell.text if cell else ""

    @property
    def n_rows(self) -> int:
        """The number of rows down to the last cell that is not empty."""
        return max((row for row, _ in self.cells), default=-1) + 1


_Special = tuple[dict[Place, RawCell], tuple[tuple[Place, Place], ...]]


def read_raw(path: Path, problems: Problems) -> dict[str, RawSheet] | None:
    """Return the sheets of a workbook by name; None where it cannot be read (the reason is noted)."""
    if path.suffix.casefold() in _OTHER_FORMATS and path.is_file():
        problems.add("collect.not-xlsx", Where(path.name))
        return None
    if (count := _n_sheets(path)) > MAX_SHEETS:
        problems.add("collect.too-many-sheets", Where(path.name), count=count, limit=MAX_SHEETS)
        return None
    frames = read_cells(path, problems)
    if frames is None:
        return None
    noted = Problems()
    special = _special_cells(path, noted) if OURS.intersection(frames) else {}
    if not noted.errors and not OURS.intersection(frames) <= set(special):
        noted.add("collect.not-xlsx", Where(path.name))
    problems.extend(noted)
    if noted.errors:
        return None
    return {name: _sheet(frame, special.get(name, ({}, ()))) for name, frame in frames.items()}


def _sheet(frame: pl.DataFrame, special: _Special) -> RawSheet:
    """Return a sheet: the reader's text, except in the cells that hold something else."""
    cells = {
        (row, column): RawCell(text)
        for column, texts in enumerate(frame.iter_columns())
        for row, text in enumerate(texts)
        if text is not None and text != ""
    }
    told, merged = special
    for place, cell in told.items():  # a date's text is the reader's, every other figure the file's own
        cells[place] = replace(cell, text=cells[place].text) if _is_date(cell, place, cells) else cell
    return RawSheet(cells, merged)


def _is_date(cell: RawCell, place: Place, cells: Mapping[Place, RawCell]) -> bool:
    return cell.kind == "date" and place in cells


def _n_sheets(path: Path) -> int:
    """Return how many sheets a workbook lists; 0 where that cannot be told."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(1 for _ in _elements(_part(archive, "xl/workbook.xml"), "sheet"))
    except _UNREADABLE:
        return 0


def _special_cells(path: Path, problems: Problems) -> dict[str, _Special]:
    """Return for each sheet of ours the cells that are not text, and the merged ranges."""
    found: dict[str, _Special] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            formats = _formats(_part(archive, "xl/styles.xml"))
            for name, part in _parts(archive):
                if name in found:
                    problems.add("collect.sheet-repeated", Where(path.name, name))
                elif name in OURS:
                    cells = _Cells(_part(archive, part), formats)
                    found[name] = (dict(cells), tuple(_merged(cells.content)))
                    for place in cells.repeated:
                        problems.add("collect.cell-repeated", Where(path.name, name, column=place))
    except _UNREADABLE:
        return {}
    return found


def _parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Give the name of each sheet with the part of the file that holds it."""
    targets = {}
    for link in _elements(_part(archive, "xl/_rels/workbook.xml.rels"), "Relationship"):
        target = link.get("Target", "")
        place = target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
        targets[link.get("Id", "")] = place
    for sheet in _elements(_part(archive, "xl/workbook.xml"), "sheet"):
        link_id = next((value for key, value in sheet.items() if key.endswith(":id")), "")
        if link_id in targets:
            yield sheet.get("name", ""), targets[link_id]


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a part of a file; one that is too large for a book of ours is not unpacked further."""
    try:
        with archive.open(name) as part:
            content = part.read(MAX_PART_BYTES + 1)
    except KeyError:
        return b""
    if len(content) > MAX_PART_BYTES:
        raise OSError(name)
    if content[:2] in _UTF16:
        return content.decode("utf-16").encode()
    return content


@dataclass(slots=True)
class _Cells:
    """The cells of a sheet that are not text; `repeated` are addresses that stand there more than once."""

    content: bytes
    formats: Mapping[int, CellKind]
    repeated: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Place, RawCell]]:
        row, column, seen = -1, -1, set[Place]()
        found = list(_OPENED.finditer(self.content))
        ends = [*(match.start() for match in found[1:]), len(self.content)]
        for match, end in zip(found, ends, strict=False):
            told = _attributes(match[2].decode("utf-8", "replace"))
            if match[1] == b"row":
                row, column = _whole(told["r"]) - 1 if "r" in told else row + 1, -1
                continue
            place = _place(told.get("r", "")) or (row, column + 1)
            column = place[1]
            if place in seen:
                self.repeated.append(f"{column_letter(place[1])}{place[0] + 1}")
            seen.add(place)
            cell = None if match[2].endswith(b"/") else self._cell(told, self.content[match.end() : end])
            if cell is not None:
                yield place, cell

    def _cell(self, told: Mapping[str, str], body: bytes) -> RawCell | None:
        kind, found = told.get("t", "n"), _VALUE.search(body)
        text = unescape(found[1].decode("utf-8", "replace")) if found else ""
        if not text and (formula := _FORMULA.search(body)):
            return RawCell("=" + unescape(formula[1].decode("utf-8", "replace")), "uncomputed")
        if text and kind == "n":
            style = told.get("s", "0")
            shown = self.formats.get(_whole(style), "number")
            return RawCell(text.strip(), shown) if _FIGURE.fullmatch(text.strip()) else RawCell(text)
        return RawCell(text, _TYPES[kind]) if text and kind in _TYPES else None


def _merged(content: bytes) -> Iterator[tuple[Place, Place]]:
    for merge in _elements(content, "mergeCell"):
        first, _, last = merge.get("ref", "").partition(":")
        start, end = _place(first), _place(last or first)
        if start is not None and end is not None:
            yield start, end


def _formats(styles: bytes) -> dict[int, CellKind]:
    """Return which styles show a number as a percentage or as a date."""
    codes = {
        _whole(own.get("numFmtId", "")): own.get("formatCode", "") for own in _elements(styles, "numFmt")
    }
    _, _, used = styles.partition(b"cellXfs")
    used, _, _ = used.partition(b"cellXfs")
    found: dict[int, CellKind] = {}
    for index, style in enumerate(_elements(used, "xf")):
        number = _whole(style.get("numFmtId", ""))
        code = _QUOTED.sub("", codes.get(number, "")).casefold()
        if number in _PERCENT_IDS or "%" in code:
            found[index] = "percent"
        elif number in _DATE_IDS or (code != "general" and re.search("[ymdhs]", code)):
            found[index] = "date"
    return found


def _elements(content: bytes, name: str) -> Iterator[dict[str, str]]:
    """Give the attributes of every element of a name."""
    for match in re.finditer(rb"<(?:\w+:)?" + name.encode() + rb"\s([^>]*)>", content):
        yield _attributes(match[1].decode("utf-8", "replace"))


def _attributes(text: str) -> dict[str, str]:
    return {name: unescape(double or single) for name, double, single in _NAMED.findall(text)}


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _place(text: str) -> Place | None:
    """Return row and column, counted from 0, of an address; None where it is none."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]) - 1, column - 1
