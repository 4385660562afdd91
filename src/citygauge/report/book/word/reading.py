"""A Word file as people left it: its paragraphs and tables as text, changes accepted, fields as they show."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

from citygauge.report.book.word.archive import MAIN

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SPACES = {"tab": "\t", "br": " ", "cr": " ", "ptab": "\t", "noBreakHyphen": "-"}
_GONE = frozenset({"del", "moveFrom"})
# Their results say where something stands, not what is measured.
_PLACES = ("TOC", "PAGE", "NUMPAGES", "PAGEREF", "SECTIONPAGES")


@dataclass
class Cell:
    """The paragraphs of a cell, the columns it reaches over, and whether it belongs to the one above."""

    texts: list[str] = field(default_factory=list)
    across: int = 1
    below: bool = False

    @property
    def text(self) -> str:
        """What it says."""
        return " ".join(text for text in self.texts if text)


@dataclass
class Table:
    """The rows of a table."""

    rows: list[list[Cell]] = field(default_factory=list)
    gone: bool = False

    def columns(self) -> list[list[str]]:
        """Return its texts by row and column of the grid; a merged cell says its text in each of them."""
        made: list[list[str]] = []
        for row in self.rows:
            texts: list[str] = []
            for cell in row:
                at = len(texts)
                above = made[-1][at] if cell.below and made and at < len(made[-1]) else ""
                texts += [above if cell.below else cell.text] * cell.across
            made.append(texts)
        return made


@dataclass
class _Paragraph:
    text: list[str] = field(default_factory=list)
    joined: bool = False


Block = str | Table


class _Reader:
    """Takes the elements of a file in order; nothing is nested in the calls, however deep the file is."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._open: list[_Paragraph] = []
        self._tables: list[Table] = []
        self._fields: list[list[str]] = []
        self._gone = 0
        self._kept = ""
        self._in_properties = 0
        self._starts: dict[str, Callable[[ElementTree.Element], object]] = {
            "p": lambda _: self._open.append(_Paragraph()),
            "tbl": lambda _: self._tables.append(Table()),
            "tr": lambda _: [table.rows.append([]) for table in self._tables[-1:]],  # type: ignore[func-returns-value]
            "tc": lambda _: [row.append(Cell()) for row in self._rows[-1:]],  # type: ignore[func-returns-value]
            "rPr": lambda _: self._properties(1),
            "trPr": lambda _: self._properties(1),
            "fldSimple": lambda element: self._fields.append([element.get(f"{_W}instr", "")]),
        }
        self._ends: dict[str, Callable[[ElementTree.Element], None]] = {
            "p": lambda _: self._paragraph(),
            "tbl": lambda _: self._table(),
            "tr": lambda _: self._row(),
            "t": self._text,
            "instrText": self._instruction,
            "fldChar": self._field,
            "fldSimple": lambda _: self._end_of_field(),
            "gridSpan": self._across,
            "vMerge": self._below,
            "rPr": lambda _: self._properties(-1),
            "trPr": lambda _: self._properties(-1),
        }

    def start(self, element: ElementTree.Element) -> None:
        """Take the beginning of an element."""
        name = element.tag.removeprefix(_W)
        if element.tag == _FALLBACK:
            self._gone += 1
        elif name in _GONE:
            if self._in_properties:
                self._mark_gone()
            else:
                self._gone += 1
        elif name in self._starts:
            self._starts[name](element)

    def end(self, element: ElementTree.Element) -> None:
        """Take the end of an element."""
        name = element.tag.removeprefix(_W)
        if element.tag == _FALLBACK:
            self._gone -= 1
        elif name in _GONE:
            self._gone -= not self._in_properties
        elif name in self._ends:
            self._ends[name](element)
        elif name in _SPACES:
            self._say(_SPACES[name])

    def _properties(self, step: int) -> None:
        self._in_properties += step

    def _mark_gone(self) -> None:
        """Take the mark of a paragraph, or a row, as taken out."""
        if self._open:
            self._open[-1].joined = True
        elif self._tables:
            self._tables[-1].gone = True

    def _say(self, text: str) -> None:
        hidden = any(
            "".join(parts).split(None, 1)[:1] in [[place] for place in _PLACES] for parts in self._fields
        )
        if self._open and not self._gone and not hidden:
            self._open[-1].text.append(text)

    def _text(self, element: ElementTree.Element) -> None:
        self._say(element.text or "")

    def _instruction(self, element: ElementTree.Element) -> None:
        if self._fields:
            self._fields[-1].append(element.text or "")

    def _field(self, element: ElementTree.Element) -> None:
        kind = element.get(f"{_W}fldCharType")
        if kind == "begin":
            self._fields.append([])
        elif kind == "end":
            self._end_of_field()

    def _end_of_field(self) -> None:
        if self._fields:
            self._fields.pop()

    def _across(self, element: ElementTree.Element) -> None:
        value = element.get(f"{_W}val", "1")
        if self._cell is not None and value.isdigit():
            self._cell.across = max(1, min(63, int(value[:3])))  # Word has no more columns

    def _below(self, element: ElementTree.Element) -> None:
        if self._cell is not None:
            self._cell.below = element.get(f"{_W}val", "continue") == "continue"

    @property
    def _rows(self) -> list[list[Cell]]:
        return self._tables[-1].rows if self._tables else []

    @property
    def _cell(self) -> Cell | None:
        return self._rows[-1][-1] if self._rows and self._rows[-1] else None

    def _paragraph(self) -> None:
        ended = self._open.pop()
        text = self._kept + "".join(ended.text)
        self._kept = text if ended.joined else ""
        if ended.joined:
            return
        if self._cell is not None:
            self._cell.texts.append(text.strip())
        elif text.strip():
            self.blocks.append(text.strip())

    def _row(self) -> None:
        if self._tables and self._tables[-1].gone:
            self._tables[-1].gone = False
            del self._rows[-1:]

    def _table(self) -> None:
        table = self._tables.pop()
        if self._cell is not None:
            self._cell.texts += [text for row in table.rows for cell in row for text in cell.texts if text]
        else:
            self.blocks.append(table)


def blocks_in(archive: zipfile.ZipFile) -> list[Block]:
    """Return the paragraphs and tables of a Word file that was looked at, in reading order.

    Tracked changes count as accepted, fields as the result they show; contents and page numbers are left
    out. Of what is drawn twice for older programs only the first is read. Footnotes, headers and footers are
    not part of it.

    Raises
    ------
    ParseError
        When the main part is no well-formed XML.
    """
    reader = _Reader()
    parser = ElementTree.XMLParser(encoding="utf-8")
    stream = io.BytesIO(archive.read(MAIN))
    for event, element in ElementTree.iterparse(stream, events=("start", "end"), parser=parser):
        if event == "start":
            reader.start(element)
        else:
            reader.end(element)
            element.clear()
    return reader.blocks
