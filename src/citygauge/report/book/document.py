"""What a report is before it is a file: plain blocks that every writer walks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from citygauge.problems import Language, Problem

Kind = Literal["full", "city", "grade", "executive", "audit"]
Align = Literal["left", "right", "center"]
KINDS: tuple[Kind, ...] = ("full", "city", "grade", "executive")


@dataclass(frozen=True, slots=True)
class Text:
    """A run of words."""

    text: str
    strong: bool = False
    emphasis: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A number or a name as it is printed, with where it comes from.

    `source` is ``table|column|key=value,…`` for a cell of the evidence, ``fact|id`` for a declared fact and
    ``name|code`` for a name that is not the report's own wording; `value` is what was rounded for printing.
    """

    text: str
    source: str
    value: float | str | None = None
    strong: bool = False
    emphasis: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A cross reference: `text` (such as 图3-4) points at the figure, table or heading with the key `to`."""

    to: str
    text: str


Span = Text | Bound | Reference
Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 (chapter) to 3; `number` is its label (第3章, 3.2.1, 附录A), blank for none."""

    level: int
    spans: Spans
    number: str = ""
    key: str = ""
    annex: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; numbered where it is `ordered`."""

    items: tuple[Spans, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A framed text under a title of its own, such as a case."""

    title: Spans
    blocks: tuple[Paragraph | Bullets, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One key figure: what it is, the figure, and a line below it."""

    label: str
    figure: Spans
    note: Spans = ()


@dataclass(frozen=True, slots=True)
class Cards:
    """Key figures side by side."""

    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Figure:
    """A chart with its caption.

    Attributes
    ----------
    key : str
        What cross references and file names call it.
    number : str
        Such as ``3-4``; `label` puts the word before it.
    chart : dict
        A Vega-Lite specification, its size fixed.
    alt : str
        What it shows, for those who do not see it.
    source : Spans
        The source line below it.
    rows : tuple of dict
        The data that are drawn.
    """

    key: str
    number: str
    label: str
    caption: Spans
    chart: Mapping[str, Any]
    alt: str
    source: Spans
    rows: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; it reaches over `down` rows, and the rows below leave it out (None)."""

    spans: Spans
    down: int = 1
    strong: bool = False
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, its side, and its share of the width."""

    head: str
    align: Align = "left"
    width: float = 1.0


@dataclass(frozen=True)
class Grid:
    """A table with its caption; a cell that one above reaches over is None."""

    key: str
    number: str
    label: str
    caption: Spans
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell | None, ...], ...]
    source: Spans
    note: Spans = ()


Block = Heading | Paragraph | Bullets | Box | Cards | Figure | Grid


@dataclass(frozen=True)
class Look:
    """How a report looks: colours as ``#rrggbb``, families in order, a logo (PNG or SVG) or none."""

    primary: str = "#1f5582"
    accent: str = "#b5541c"
    fonts: tuple[str, ...] = ()
    logo: bytes = b""
    logo_type: str = ""


@dataclass(frozen=True)
class Front:
    """The cover and the page behind it: lines of name and text, in order."""

    title: str
    subtitle: str = ""
    organisation: str = ""
    date: str = ""
    cover: tuple[tuple[str, str], ...] = ()
    imprint: tuple[tuple[str, str], ...] = ()
    rights: str = ""


@dataclass(frozen=True)
class Document:
    """One report in one language.

    Attributes
    ----------
    notice : str
        What stands at every figure and table of illustrative data; blank otherwise.
    words : mapping
        The fixed words of the writers (contents, page, source, notice …), by key.
    meta : mapping
        Plain data that is kept readable in every file: kind, language, city, date, version, hashes.
    left_out : tuple of Problem
        Why parts that the report might have had are not in it.
    """

    language: Language
    kind: Kind
    front: Front
    blocks: tuple[Block, ...]
    look: Look = field(default_factory=Look)
    notice: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[Problem, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Figure))

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The tables, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Grid))


def plain(spans: Spans) -> str:
    """Return the words of spans as one text."""
    return "".join(span.text for span in spans)


def spans_in(block: Block) -> Iterator[Spans]:
    """Yield every line of text of a block, in reading order."""
    if isinstance(block, Heading | Paragraph):
        yield block.spans
    elif isinstance(block, Bullets):
        yield from block.items
    elif isinstance(block, Box):
        yield block.title
        for inner in block.blocks:
            yield from spans_in(inner)
    elif isinstance(block, Cards):
        for card in block.cards:
            yield from (card.figure, card.note)
    elif isinstance(block, Figure):
        yield from (block.caption, block.source)
    else:
        yield from (block.caption, *(cell.spans for row in block.rows for cell in row if cell))
        yield from (block.note, block.source)
