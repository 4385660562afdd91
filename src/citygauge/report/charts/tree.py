"""An index tree from left to right: boxes, elbows between them, and the leaves as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, GREY, INK, Chart, Row
from citygauge.report.charts.sheet import EDGE, LINE, WIDE, Sheet, told, widest
from citygauge.report.charts.words import balanced
from citygauge.report.marks import short

_ELBOW, _SPACE, _AFTER = 36, 6, 10
_SHARE = 64  # from the names of the leaves to the end of their weights
_FILLS = ("#dbe7f1", "#eef4f9")
_RULE = "#b3bec8"


def draw_tree(rows: Sequence[Row], language: Language, *, decimals: int = 1, illustrative: bool) -> Chart:
    """Return a tree from left to right, parents as boxes and the nodes of the last column as lines.

    Parameters
    ----------
    rows : sequence of dict
        ``code``, ``parent`` (a code; one that no row has makes a root), ``label``, ``weight`` (share of its
        parent, 0 to 1, or None), ``depth`` (gives the column; the smallest is the leftmost) and
        ``described``; siblings in their order.
    decimals : int
        The most that a weight in % is written with.
    """
    codes = {row["code"] for row in rows}
    children: dict[str, list[Row]] = {}
    for row in rows:
        children.setdefault(row["parent"] if row["parent"] in codes else "", []).append(row)
    first = min((row["depth"] for row in rows), default=0)
    columns = max((row["depth"] for row in rows), default=0) - first + 1
    widths = _columns([[row["label"] for row in rows if row["depth"] - first == i] for i in range(columns)])
    sheet = Sheet(language, max(sum(widths) + _ELBOW * (columns - 1), 240.0))
    draft = _Draft(sheet, children, first, widths, decimals)
    top = 0.0
    for root in children.get("", []):
        _, top = draft.put(root, top)
    return sheet.chart(max(top - _AFTER, LINE), illustrative=illustrative, corner=3)


class _Draft:
    """Puts nodes on a sheet, each beside the middle of its children."""

    def __init__(
        self,
        sheet: Sheet,
        children: Mapping[str, Sequence[Row]],
        first: int,
        widths: Sequence[float],
        decimals: int,
    ) -> None:
        self.sheet, self.children, self.first = sheet, children, first
        self.widths, self.decimals = widths, decimals
        self.lefts = [sum(widths[:i]) + _ELBOW * i for i in range(len(widths))]
        self.reach = self._reach()

    def put(self, row: Row, top: float) -> tuple[float, float]:
        """Put a node and all below it; return its middle and where the next one may begin."""
        column = row["depth"] - self.first
        below = self.children.get(row["code"], [])
        is_leaf = not below and column > 0 and column == len(self.lefts) - 1
        text, share = self._texts(row, column, is_leaf=is_leaf)
        height = LINE * max(len(text) + bool(share and not is_leaf), 1) + (2 if is_leaf else 14)
        start, middles = top + max(0.0, (height - self._needed(below)) / 2), []
        for child in below:
            middle, start = self.put(child, start)
            middles.append(middle)
        middle = (middles[0] + middles[-1]) / 2 if middles else top + height / 2
        if middle - height / 2 < top:
            middle = top + height / 2
        if is_leaf:
            self._leaf(row, column, middle - LINE * len(text) / 2, text, share)
        else:
            self._box(row, column, (middle, height), text, share)
        for at in middles:
            self._elbow(column, middle, at)
        after = _SPACE / 2 if is_leaf else _AFTER
        end = start + (_AFTER if column + 2 == len(self.lefts) else 0.0) if below else 0.0
        return middle, max(end, middle + height / 2 + after)

    def _needed(self, rows: Sequence[Row]) -> float:
        """Return about how high the children of a node are, to put few of them beside its middle."""
        if any(row["code"] in self.children for row in rows):
            return float("inf")
        found = 0.0
        for row in rows:
            column = row["depth"] - self.first
            is_leaf = column > 0 and column == len(self.lefts) - 1
            text, share = self._texts(row, column, is_leaf=is_leaf)
            lines = len(text) + bool(share and not is_leaf)
            found += LINE * max(lines, 1) + ((2 + _SPACE / 2) if is_leaf else 14 + _AFTER)
        return found

    def _reach(self) -> float:
        """Return how far right of its column the weights of the leaves end, not too far from their names."""
        last = len(self.lefts) - 1
        rows = [row for below in self.children.values() for row in below if row["depth"] - self.first == last]
        names = [line for row in rows for line in self._texts(row, last, is_leaf=True)[0]]
        return min(self.widths[last], 6 + widest(names) + _SHARE)

    def _texts(self, row: Row, column: int, *, is_leaf: bool) -> tuple[list[str], str]:
        """Return the label of a node in lines, and its weight."""
        share = "" if row["weight"] is None else f"{short(100 * row['weight'], self.decimals)}%"
        room = self.widths[column] - (6 + _SHARE if is_leaf else 2 * EDGE)
        text = balanced(row["label"], room, lines=2 if is_leaf else 4)
        return text, share

    def _leaf(self, row: Row, column: int, top: float, text: Sequence[str], share: str) -> None:
        left = self.lefts[column]
        self.sheet.lines(left + 6, top, text, described=told(row))
        if share:
            middle = top + LINE * len(text) / 2
            self.sheet.text(left + self.reach, middle, share, align="right", colour=GREY)

    def _box(
        self, row: Row, column: int, place: tuple[float, float], text: Sequence[str], share: str
    ) -> None:
        middle, height = place
        width = self.widths[column]
        fill = _FILLS[min(column, 1)]
        top = middle - height / 2
        self.sheet.box(self.lefts[column], top, (width, height), fill, edge=BAR, described=told(row))
        x, at = self.lefts[column] + width / 2, top + 7
        at = self.sheet.lines(x, at, text, align="center", bold=column == 0)
        if share:
            self.sheet.text(x, at + LINE / 2, share, align="center", colour=GREY if column else INK)

    def _elbow(self, column: int, middle: float, at: float) -> None:
        """Put the line from a node to one of its children."""
        start, end = self.lefts[column] + self.widths[column], self.lefts[column + 1]
        turn = start + _ELBOW / 2
        if abs(middle - at) < 4:  # straight, not with a kink
            middle = at
        self.sheet.line([(start, middle), (turn, middle), (turn, at), (end, at)], _RULE)


def _columns(labels: Sequence[Sequence[str]]) -> list[float]:
    """Return how wide the columns are: what their labels need, the last one, of lines of text, the most."""
    last = len(labels) - 1
    if last <= 0:
        return [200.0] * len(labels)
    most = (WIDE - _ELBOW * last) / (last + 1.5)
    widths = [min(max(widest(own) + 2 * EDGE + 8, 90.0), most) for own in labels[:-1]]
    return [*widths, min(widest(labels[-1]) + 7 + _SHARE, WIDE - _ELBOW * last - sum(widths))]
