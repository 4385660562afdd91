"""What became of the tables of a report in a file that somebody edited."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from citygauge.report.book.document import Bound, Cell, Grid, Text, plain
from citygauge.report.book.word.alignment import LIKE, alike, pairs
from citygauge.report.book.word.changes import Change, changes
from citygauge.report.book.word.expected import Said, said
from citygauge.report.book.word.numerals import key_of, narrowed, pieces
from citygauge.report.book.word.reading import Block, Table

_ABOVE = 3  # blocks above a table among which its caption stands


def matched(grids: Sequence[Grid], blocks: Sequence[Block], words: re.Pattern[str]) -> dict[int, int]:
    """Return for each table of a report the place of the block that it became, where there is one.

    Tables are told by the words in their cells, whatever their order, and like ones by their captions.
    """
    scores = []
    own = [_words_in(texts_of(grid), words) for grid in grids]
    for place, block in enumerate(blocks):
        if not isinstance(block, Table) or max(len(block.rows), *map(len, block.rows or [[]])) < 2:
            continue
        above = {_squeezed(one) for one in blocks[max(0, place - _ABOVE) : place] if isinstance(one, str)}
        cells = _words_in(block.columns(), words)
        for number, grid in enumerate(grids):
            shared = len(own[number] & cells) / len(own[number]) if own[number] else float(not cells)
            caption = _squeezed(f"{grid.label}{plain(grid.caption)}") in above
            scores.append((shared + 0.5 * caption, -number, -place))
    found: dict[int, int] = {}
    for score, number, place in sorted(scores, reverse=True):
        if score >= LIKE and -number not in found and -place not in found.values():
            found[-number] = -place
    return found


def texts_of(grid: Grid) -> list[list[str]]:
    """Return the texts of a table by row and column, the head first; a merged cell says its text in each."""
    made = [[column.head for column in grid.columns]]
    above, reach = [""] * len(grid.columns), [0] * len(grid.columns)
    for row in grid.rows:
        for j, cell in enumerate(row):
            if cell is not None:
                above[j], reach[j] = plain(cell.spans), cell.down
            elif reach[j] <= 0:
                above[j] = ""
            reach[j] -= 1
        made.append(list(above))
    return made


class GridCheck:
    """Compares one table, row by row and column by column, with what it became."""

    def __init__(
        self, grid: Grid, now: Sequence[Sequence[str]], words: re.Pattern[str], *, chinese: bool
    ) -> None:
        self._grid, self._now, self._words, self._chinese = grid, now, words, chinese
        self._before = texts_of(grid)
        self._heads = now[0] if now else []
        self._columns = self._matched_columns()
        self._rows = pairs(
            [self._row(row, list(self._columns)) for row in self._before],
            [self._row(row, list(self._columns.values())) for row in now],
            alike,
        )

    def changes(self) -> Iterator[tuple[str, Change]]:
        """Yield each change with the table, the row and the column that it is in."""
        heads = tuple(Cell((Text(column.head),)) for column in self._grid.columns)
        for i, row in enumerate([heads, *self._grid.rows]):
            for j, cell in enumerate(row):
                if cell is None:
                    continue
                expected = said(cell.spans, "")
                for change in changes(expected, self._text(i, j), self._words):
                    if (
                        i in self._rows or change.kind == "gone"
                    ):  # of a row that is gone the names are no news
                        yield self._where(i, self._name(i), self._before[0][j]), change
        yield from self._new()
        yield from self._turned()

    def _matched_columns(self) -> dict[int, int]:
        """Return the column that each of the report's became: by its head, else by its place."""
        ours, heads = self._before[0], self._heads
        found = pairs(
            [key_of(text, self._words) for text in ours], [key_of(text, self._words) for text in heads], alike
        )
        if len(heads) == len(ours):
            rest = [j for j in range(len(heads)) if j not in found.values()]
            found |= dict(zip([j for j in range(len(ours)) if j not in found], rest, strict=True))
        return found

    def _row(self, row: Sequence[str], columns: Sequence[int]) -> tuple[str, str]:
        """Return a row as one text: its cells in certain columns."""
        keys = [key_of(row[j] if j < len(row) else "", self._words) for j in columns]
        return "|".join(key for key, _ in keys), "|".join(mask for _, mask in keys)

    def _text(self, row: int, column: int) -> str:
        """Return what stands now in a cell of the report; blank for nothing."""
        line = self._now[self._rows[row]] if row in self._rows else []
        at = self._columns.get(column, len(line))
        return line[at] if at < len(line) else ""

    def _name(self, row: int) -> str:
        """Return what a row of the report is called: by the first name in it, else by its first words."""
        if not row:
            return ""
        for cell in self._grid.rows[row - 1]:
            for span in cell.spans if cell else ():
                if isinstance(span, Bound) and span.source.startswith("name|"):
                    return span.text
        return self._first(self._before[row])

    @staticmethod
    def _first(row: Sequence[str]) -> str:
        return next((text for text in row if any(not piece.number for piece in pieces(text))), "")

    def _where(self, row: int, name: str, head: str) -> str:
        if self._chinese:
            line = f"第{row}行" if row else "表头"
            return f"{self._grid.label}，{line}{f'（{name}）' if name else ''}，“{head}”列"
        line = f"row {row}" if row else "head"
        return f"{self._grid.label}, {line}{f' ({name})' if name else ''}, column “{head}”"

    def _new(self) -> Iterator[tuple[str, Change]]:
        """Yield the numbers in rows and columns that the report does not have."""
        rows, columns = set(self._rows.values()), set(self._columns.values())
        for i, row in enumerate(self._now):
            for j, text in enumerate(row):
                if i not in rows or j not in columns:
                    head = self._heads[j] if j < len(self._heads) else ""
                    for change in changes(Said("", ""), text, self._words):
                        yield self._where(i, self._first(row) if i else "", head), change

    def _turned(self) -> Iterator[tuple[str, Change]]:
        """Yield that the rows stand in another order, from the first to the last that moved."""
        ours = sorted(self._rows)
        theirs = sorted(ours, key=lambda i: self._rows[i])
        moved = [at for at, (i, k) in enumerate(zip(ours, theirs, strict=True)) if i != k]
        if moved:
            comma = "、" if self._chinese else ", "
            part = slice(moved[0], moved[-1] + 1)
            before, now = (comma.join(map(self._name, order[part])) for order in (ours, theirs))
            yield self._grid.label, Change("order", before, now, "")


def _words_in(rows: Sequence[Sequence[str]], words: re.Pattern[str]) -> set[str]:
    return {key_of(text, words)[1] for row in rows for text in row} - {"", "#"}


def _squeezed(text: str) -> str:
    return "".join(narrowed(text).split())
