"""On which page a block will about stand: what the contents show until Word has counted itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from unicodedata import east_asian_width

from citygauge.report.book.document import (
    Block,
    Box,
    Cards,
    Figure,
    Grid,
    Heading,
    Paragraph,
    plain,
)
from citygauge.report.book.word.tables import CARDS_IN_ROW, WHOLE_ROWS

_HEADING = ((38.0, 30.0), (24.0, 22.0), (20.0, 16.0))  # a line of each level, and the space around it
_LINE, _SMALL = 17.0, 13.0


@dataclass(frozen=True, slots=True)
class Paper:
    """The size of the text on a page, in points."""

    width: float
    height: float


def pages_of(
    blocks: Sequence[Block],
    paper: Paper,
    size: Callable[[Figure], tuple[float, float]],
    breaks: Sequence[bool],
    first: int,
) -> list[int]:
    """Return the page of each block, reckoned from the lengths of texts and the sizes of pictures.

    Parameters
    ----------
    size : callable
        The width and height of the picture of a figure, in points.
    breaks : sequence of bool
        Whether a block begins a page.
    first : int
        The page of the first block.
    """
    page, used = first, 0.0
    found: list[int] = []
    for place, block in enumerate(blocks):
        height, whole = _height(block, paper, size)
        least = height if whole else min(height, 2 * _LINE)
        if isinstance(block, Heading):
            least += 3 * _LINE  # it takes the next lines along
        if place and (breaks[place] or (used and used + least > paper.height)):
            page, used = page + 1, 0.0
        found.append(page)
        used += height
        while used > paper.height:
            page, used = page + 1, used - paper.height
    return found


def lines_in(text: str, width: float, size: float) -> int:
    """Return about how many lines of a width a text takes; a full-width character is as wide as high."""
    length = sum(1.0 if east_asian_width(char) in "WF" else 0.52 for char in text) * size
    return max(1, ceil(length / width)) if width > 0 else 1


def _height(block: Block, paper: Paper, size: Callable[[Figure], tuple[float, float]]) -> tuple[float, bool]:
    """Return how high a block is, and whether it stays whole."""
    if isinstance(block, Figure):
        return size(block)[1] + _captioned(block, paper) + 10.0, True
    if isinstance(block, Grid):
        return _captioned(block, paper) + _rows(block, paper), len(block.rows) <= WHOLE_ROWS
    if isinstance(block, Heading):
        line, around = _HEADING[block.level - 1]
        return lines_in(plain(block.spans), paper.width, 18.0) * line + around, True
    if isinstance(block, Cards):
        return ceil(len(block.cards) / CARDS_IN_ROW) * 70.0 + 8.0, True
    if isinstance(block, Box):
        inner = sum(_height(one, Paper(paper.width - 20.0, paper.height), size)[0] for one in block.blocks)
        return inner + 40.0, False
    items = (block.spans,) if isinstance(block, Paragraph) else block.items
    return sum(lines_in(plain(item), paper.width - 21.0, 10.5) * _LINE + 4.0 for item in items), False


def _captioned(block: Figure | Grid, paper: Paper) -> float:
    lines = lines_in(plain(block.caption), paper.width, 9.5) + lines_in(plain(block.source), paper.width, 8.5)
    return lines * _SMALL + 20.0


def _rows(block: Grid, paper: Paper) -> float:
    total = sum(column.width for column in block.columns) or 1.0
    widths = [paper.width * column.width / total - 8.0 for column in block.columns]
    rows = [
        max(
            lines_in(plain(cell.spans), width, 9.0) if cell else 1
            for cell, width in zip(row, widths, strict=False)
        )
        for row in block.rows
        if row
    ]
    return sum(lines * _SMALL + 5.0 for lines in [1, *rows])
