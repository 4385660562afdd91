"""The measures of a table on a page: columns wide enough for their words, a size of type that fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from citygauge.report.book.document import Cell, Grid, Spans, plain
from citygauge.report.typesetting import LONG, broken, clean, width

TEXT_WIDTH = 481.0  # points between the margins
_WIDE = 727.0  # the same on a page that lies on its side
_SIZES = (8.5, 8.0, 7.5, 7.0)
_SMALLEST = 6.0
_MANY = 8  # columns: beyond, they stand closer together
_INDENT = 0.9  # of the size of the type, for each step
_TOGETHER = 6  # rows: up to here merged rows are kept on one page
_LONG = 20  # lines of a table from which it may go on over the page
_TALL = 25  # lines of a row, or of merged rows, from which they may go on over the page
# What should not break: a word, a number, and of Chinese writing about four characters.
_WORD = re.compile(r"[^\s\u200b\u2e80-\u9fff\uff00-\uffef]+|[\u2e80-\u9fff\uff00-\uffef]{1,4}")
_NARROW, _BROAD = frozenset("iljftI.,;:'|!()[]/ "), frozenset("mwMW@%—…")


def sheet(grid: Grid, spans: Callable[[Spans], list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the columns and the cells of a table as they are set.

    Columns have their shares of the width, but none is narrower than its longest word; where that cannot
    be, the type is set smaller, then the page is laid on its side (``wide``), and then words are broken.
    """
    inset = 4.0 if len(grid.columns) <= _MANY else 2.5
    size, text, needs = _size(grid, inset)
    widths = _shared([column.width for column in grid.columns], needs, text)
    room = [int((wide - 2 * inset) / (0.62 * size)) for wide in widths]
    lines = _lines(grid, room)
    rows = []
    for i, row in enumerate(grid.rows):
        cells: list[dict[str, Any]] = []
        for j, cell in enumerate(row):
            if cell is None and _is_covered(grid.rows, i, j):
                continue
            down = _reach(grid.rows, i, j)
            whole = down <= _TOGETHER and sum(lines[i : i + down]) <= _TALL
            made = _cell(cell or Cell(()), room[j], spans)
            cells.append({**made, "down": down, "whole": whole, "align": grid.columns[j].align})
        rows.append(cells)
    heads = [{"s": _fitted(clean(c.head), room[j]), "align": c.align} for j, c in enumerate(grid.columns)]
    return {
        "size": size, "inset": inset, "wide": text > TEXT_WIDTH, "widths": widths, "heads": heads,
        "rows": rows, "tied": max(lines[-1:], default=0) <= _TALL, "long": sum(lines) > _LONG,
    }  # fmt: skip


def _cell(cell: Cell, room: int, spans: Callable[[Spans], list[dict[str, Any]]]) -> dict[str, Any]:
    """Return one cell as it is set in a column of so many characters."""
    made = [{**span, "s": _fitted(span["s"], room)} for span in spans(cell.spans)]
    return {"spans": made, "indent": cell.indent * _INDENT, "strong": cell.strong}


def _lines(grid: Grid, room: Sequence[int]) -> list[int]:
    """Return about how many lines each row of a table takes; a merged cell counts for its share."""
    taken = [
        [-(-width(plain(cell.spans)) // (max(room[j], 1) * cell.down)) for j, cell in enumerate(row) if cell]
        for row in grid.rows
    ]
    return [max([1, *lines]) for lines in taken]


def _is_covered(rows: Sequence[Sequence[Cell | None]], i: int, j: int) -> bool:
    """Tell whether a cell above reaches over this place."""
    for above in range(i - 1, -1, -1):
        cell = rows[above][j]
        if cell is not None:
            return above + cell.down > i
    return False


def _reach(rows: Sequence[Sequence[Cell | None]], i: int, j: int) -> int:
    """Return how many rows a cell takes: no more than there are, and none that has a cell of its own."""
    cell = rows[i][j]
    if cell is None:
        return 1
    last = i + 1
    while last < min(i + cell.down, len(rows)) and rows[last][j] is None:
        last += 1
    return last - i


def _size(grid: Grid, inset: float) -> tuple[float, float, list[float]]:
    """Return the size of type, the width of the text, and the least widths of the columns."""
    ems = [_widest(grid, j) for j in range(len(grid.columns))]
    choices = [(size, text) for text in (TEXT_WIDTH, _WIDE) for size in _SIZES]
    for size, text in [*choices, (_SMALLEST, _WIDE)]:
        needs = [em * size + 2 * inset + 0.5 for em in ems]
        if sum(needs) <= text:
            return size, text, needs
    spare = min(2 * inset + _SMALLEST, _WIDE / len(ems))
    scale = max(_WIDE - spare * len(ems), 0.0) / sum(need - spare for need in needs)
    return _SMALLEST, _WIDE, [spare + (need - spare) * scale for need in needs]


def _widest(grid: Grid, j: int) -> float:
    """Return the width of the longest word of a column in ems, its indent included."""
    cells = [row[j] for row in grid.rows]
    found = [_ems(grid.columns[j].head, strong=True)]
    found += [
        _ems(
            plain(cell.spans),
            strong=cell.strong or any(getattr(span, "strong", False) for span in cell.spans),
        )
        + cell.indent * _INDENT
        for cell in cells
        if cell is not None
    ]
    return max(found)


def _ems(text: str, *, strong: bool) -> float:
    """Return about the width of the longest part of a text that cannot break, in ems."""
    words = (part for word in _WORD.findall(text) for part in _parts(word))
    return max((sum(map(_em, word)) for word in words), default=0.0) * (1.07 if strong else 1.0)


def _parts(word: str) -> list[str]:
    return broken(word).split("\u200b") if len(word) >= LONG else [word]


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.36
    if char in _BROAD:
        return 0.92
    return 1.0 if width(char) == 2 else 0.72 if char.isupper() else 0.57


def _shared(shares: Sequence[float], needs: Sequence[float], text: float) -> list[float]:
    """Return the widths of columns by their shares, none below its need; together they fill the text's."""
    fixed: set[int] = set()
    while True:
        left = text - sum(needs[j] for j in fixed)
        total = sum(max(shares[j], 0.01) for j in range(len(shares)) if j not in fixed)
        widths = [needs[j] if j in fixed else left * max(shares[j], 0.01) / total for j in range(len(shares))]
        short = {j for j in range(len(shares)) if j not in fixed and widths[j] < needs[j] - 1e-9}
        if not short or len(fixed | short) == len(shares):
            return widths if not short else [text * need / sum(needs) for need in needs]
        fixed |= short


def _fitted(text: str, room: int) -> str:
    """Return a text whose words can break where they are longer than the column."""
    most = max(room, 1)

    def fit(word: re.Match[str]) -> str:
        return word[0] if sum(map(_em, word[0])) <= 0.62 * most + 0.3 else broken(word[0], max(most - 1, 1))

    return _WORD.sub(fit, text)
