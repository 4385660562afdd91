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
from pathlib import Path, PurePosixPath
from typing import Literal

from citygauge.problems import Problems
from citygauge.xlsx import read_cells

CellKind = Literal["text", "number", "percent", "date", "boolean", "error", "uncomputed"]
Place = tuple[int, int]

_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s>])")
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
        """The number that the cell holds as a number; None for text and everything else."""
        try:
            return float(self.text) if self.kind in {"number", "percent"} else None
        except ValueError:
            return None


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


def read_raw(path: Path, problems: Problems) -> dict[str, RawSheet] | None:
    """Return the sheets of a workbook by name; None where it cannot be read (the reason is noted)."""
    frames = read_cells(path, problems)
    if frames is None:
        return None
    special = _special_cells(path)
    sheets = {}
    for name, frame in frames.items():
        cells = {
            (row, column): RawCell(text)
            for column, texts in enumerate(frame.iter_columns())
            for row, text in enumerate(texts)
            if text is not None and text != ""
        }
        told, merged = special.get(name, ({}, ()))
        for place, cell in told.items():  # a date's text is the reader's, every other figure the file's own
            cells[place] = replace(cell, text=cells[place].text) if _is_date(cell, place, cells) else cell
        sheets[name] = RawSheet(cells, merged)
    return sheets


def _is_date(cell: RawCell, place: Place, cells: Mapping[Place, RawCell]) -> bool:
    return cell.kind == "date" and place in cells


def _special_cells(path: Path) -> dict[str, tuple[dict[Place, RawCell], tuple[tuple[Place, Place], ...]]]:
    """Return for each sheet the cells that are not text, and the merged ranges."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            formats = _formats(_part(archive, "xl/styles.xml"))
            for name, part in _parts(archive):
                content = _part(archive, part)
                found[name] = (dict(_special(content, formats)), tuple(_merged(content)))
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
        return found
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
    try:
        return archive.read(name)
    except KeyError:
        return b""


def _special(content: bytes, formats: Mapping[int, CellKind]) -> Iterator[tuple[Place, RawCell]]:
    """Give every cell of a sheet that is not text."""
    for chunk in _CELL.split(content)[1:]:
        head, _, body = chunk.partition(b">")
        told = _attributes(head.decode("utf-8", "replace"))
        place = _place(told.get("r", ""))
        if place is None or head.endswith(b"/"):
            continue
        kind, found = told.get("t", "n"), _VALUE.search(body)
        text = unescape(found[1].decode("utf-8", "replace")) if found else ""
        if not text and (formula := _FORMULA.search(body)):
            yield place, RawCell("=" + unescape(formula[1].decode("utf-8", "replace")), "uncomputed")
        elif text and kind == "n":
            yield place, RawCell(text, formats.get(int(told.get("s", "0") or 0), "number"))
        elif text and kind in _TYPES:
            yield place, RawCell(text, _TYPES[kind])


def _merged(content: bytes) -> Iterator[tuple[Place, Place]]:
    for merge in _elements(content, "mergeCell"):
        first, _, last = merge.get("ref", "").partition(":")
        start, end = _place(first), _place(last or first)
        if start is not None and end is not None:
            yield start, end


def _formats(styles: bytes) -> dict[int, CellKind]:
    """Return which styles show a number as a percentage or as a date."""
    codes = {int(own.get("numFmtId", "0")): own.get("formatCode", "") for own in _elements(styles, "numFmt")}
    _, _, used = styles.partition(b"cellXfs")
    used, _, _ = used.partition(b"cellXfs")
    found: dict[int, CellKind] = {}
    for index, style in enumerate(_elements(used, "xf")):
        number = int(style.get("numFmtId", "0") or 0)
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


def _place(text: str) -> Place | None:
    """Return row and column, counted from 0, of an address; None where it is none."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]) - 1, column - 1
