"""The blocks of a document on their way into a page: with ids, ranks of headings, and text as markup."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from citygauge.report.book.document import (
    Block,
    Bound,
    Cell,
    Document,
    Figure,
    Grid,
    Heading,
    Reference,
    Span,
    Spans,
    plain,
)
from citygauge.report.charts.base import width_of

_NOT_IN_ID = re.compile(r"[^\w.-]+")
_WORDS = {Heading: "section", Figure: "figure", Grid: "table"}
_NARROWEST, _WIDEST, _ROOM = 3.0, 11.0, 1.5  # of a column of texts, and beside them, in heights of the font


@dataclass(frozen=True)
class Placed:
    """A block with its kind in lower case, its id, and of a heading the rank in the page (2 to 4)."""

    kind: str
    block: Block
    id: str = ""
    rank: int = 0


@dataclass(frozen=True)
class Entry:
    """A line of the contents and those below it."""

    id: str
    number: str
    text: str
    below: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class Column:
    """A column of a table as the page shows it; `is_head` where its cells name their rows."""

    head: str
    align: str
    share: str
    narrowest: str
    is_head: bool


def placed_blocks(document: Document) -> list[Placed]:
    """Return the blocks in order; no two ids are alike, and no rank of a heading is skipped."""
    taken: set[str] = set()
    found, rank = [], 1
    for block in document.blocks:
        key, kind = "", type(block).__name__.lower()
        if isinstance(block, Heading | Figure | Grid):
            name = block.key or block.number or plain(block.spans if isinstance(block, Heading) else ())
            key = _free(f"{_WORDS[type(block)]}-{_NOT_IN_ID.sub('-', name)}", taken)
        if isinstance(block, Heading):
            rank = min(block.level + 1, rank + 1)
        found.append(Placed(kind, block, key, rank))
    return found


def _free(wanted: str, taken: set[str]) -> str:
    """Return an id that is not taken, and take it."""
    found, count = wanted, 1
    while found in taken:
        count += 1
        found = f"{wanted}-{count}"
    taken.add(found)
    return found


def ids_of(blocks: list[Placed]) -> Mapping[str, str]:
    """Return what cross references call a block → its id in the page."""
    found: dict[str, str] = {}
    for one in blocks:
        if key := getattr(one.block, "key", ""):
            found.setdefault(key, one.id)
    return found


def chapters(blocks: list[Placed]) -> list[list[Placed]]:
    """Return the blocks by chapter; those before the first stand alone."""
    found: list[list[Placed]] = []
    for one in blocks:
        if not found or (isinstance(one.block, Heading) and one.rank == 2):
            found.append([])
        found[-1].append(one)
    return found


def contents(blocks: list[Placed]) -> list[Entry]:
    """Return the headings as a tree."""
    top: list[Entry] = []
    for one in blocks:
        if isinstance(one.block, Heading):
            line = top
            for _ in range(one.rank - 2):
                line = line[-1].below
            line.append(Entry(one.id, one.block.number, plain(one.block.spans)))
    return top


def markup(spans: Spans, ids: Mapping[str, str]) -> Markup:
    """Return spans as markup: numbers with their value and source, cross references as links."""
    return Markup("").join(_span(span, ids) for span in spans)


def _span(span: Span, ids: Mapping[str, str]) -> Markup:
    if isinstance(span, Reference):
        to = ids.get(span.to)
        return Markup('<a href="#{}">{}</a>').format(to, span.text) if to else escape(span.text)
    text = escape(span.text)
    if isinstance(span, Bound) and not isinstance(span.value, str):
        text = Markup('<data value="{}" data-source="{}">{}</data>').format(
            _written(span.value), span.source, text
        )
    if span.emphasis:
        text = Markup("<em>{}</em>").format(text)
    return Markup("<strong>{}</strong>").format(text) if span.strong else text


def _written(value: float | None) -> str:
    """Return a number in full precision; blank for none."""
    return "" if value is None or not math.isfinite(value) else repr(value)


def columns_of(grid: Grid) -> tuple[Column, ...]:
    """Return the columns of a table; rows are named by merged ones on the left and by the first of texts."""
    merged = [any(cell and cell.down > 1 for cell in cells) for cells in _cells(grid)]
    texts = [i for i, column in enumerate(grid.columns) if column.align == "left"]
    first = next((i for i in texts if not merged[i]), texts[0] if texts else 0)
    whole = sum(column.width for column in grid.columns) or 1.0
    return tuple(
        Column(
            column.head,
            column.align,
            f"{100 * column.width / whole:.1f}%",
            f"{_narrowest(cells, column.head, column.align):.1f}em",
            i == first or (merged[i] and i < first),
        )
        for i, (column, cells) in enumerate(zip(grid.columns, _cells(grid), strict=True))
    )


def _cells(grid: Grid) -> Iterator[list[Cell | None]]:
    for i in range(len(grid.columns)):
        yield [row[i] for row in grid.rows]


def _narrowest(cells: list[Cell | None], head: str, align: str) -> float:
    """Return the width below which a column is scrolled rather than squeezed."""
    longest = max((width_of(plain(cell.spans), 1) for cell in cells if cell), default=0.0)
    if align == "left":
        return min(max(longest, _NARROWEST), _WIDEST) + _ROOM
    return max(longest, min(width_of(head, 1), _NARROWEST)) + _ROOM


def told(mapping: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the plain entries of a mapping as texts; blank ones are left out."""
    for key, value in mapping.items():
        if isinstance(value, bool):
            yield key, str(value).lower()
        elif isinstance(value, str | int | float) and value != "":
            yield key, str(value)
