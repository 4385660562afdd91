"""Shares of a whole: a ring of weights, a treemap of effective weights, and a column of grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, cos, isfinite, pi, sin

from citygauge.problems import Language
from citygauge.report.charts.areas import Box, ring, squarify
from citygauge.report.charts.base import GREY, Chart, Row, width_of
from citygauge.report.charts.colours import CATEGORIES, SEQUENTIAL, ink_on, mixed, taken
from citygauge.report.charts.placing import spaced
from citygauge.report.charts.sheet import LINE, WIDE, Sheet, corners, line_of, path, told
from citygauge.report.charts.words import balanced, clipped, keeps_words, wrap
from citygauge.report.marks import rounded

_OUTER, _INNER, _BESIDE = 118.0, 72.0, 38.0  # radii of the ring, and from it to its labels
_HIGH = 500.0  # of the treemap
_COLUMN, _TALL, _SLOT = 120.0, 180.0, 38.0  # of the grades
_LEADER = "#a9b4be"
_GIVEN = {"zh": "未给出：", "en": "not given: "}
_CITIES = {"zh": ("{}座城市", "{}座城市"), "en": ("{} city", "{} cities")}


def draw_donut(
    rows: Sequence[Row], language: Language, *, middle: str = "", decimals: int = 1, illustrative: bool
) -> Chart:
    """Return a ring of shares with a label beside each, clockwise from the top in the order of the rows.

    Parameters
    ----------
    rows : sequence of dict
        ``label``, ``value`` (at least 0; None or NaN where it is missing, which is told below the ring) and
        ``described``.
    middle : str
        What stands in the middle, such as the sum and what is shared; a line feed begins a line.
    decimals : int
        Of the per cent, at most: where fewer tell all of them, fewer are written.
    """
    sheet = Sheet(language)
    known = [row for row in rows if _is_known(row["value"])]
    total = sum(row["value"] for row in known)
    decimals = next((n for n in range(decimals) if _are_told(known, total, n)), decimals)
    room = WIDE / 2 - _OUTER - _BESIDE - 6
    labels = [[*wrap(row["label"], room, lines=2), _percent(row["value"], total, decimals)] for row in known]
    slot = LINE * max((len(lines) for lines in labels), default=0) + 6
    shares = [row["value"] / total if total else 1 / len(known) for row in known]
    middles = [sum(shares[:i]) + share / 2 for i, share in enumerate(shares)]
    is_left = [at > 0.5 for at in middles]
    if slot * max(is_left.count(True), is_left.count(False)) > 2 * _OUTER + 48:
        labels = [
            [f"{clipped(row['label'], room - width_of(lines[-1]) - 8)} {lines[-1]}"]
            for row, lines in zip(known, labels, strict=True)
        ]
        slot = LINE + 6
    high = max(2 * _OUTER + 48, slot * is_left.count(True), slot * is_left.count(False))
    centre = (WIDE / 2, high / 2)
    for row, at, share, fill in zip(known, middles, shares, taken(CATEGORIES, len(known)), strict=True):
        if row["value"]:
            outline = ring(centre, (_INNER, _OUTER), at - share / 2, at + share / 2)
            sheet.shape(outline, fill, edge="#ffffff", wide=1.5, described=told(row))
    for side in (False, True):
        found = [(m, lines) for m, lines, left in zip(middles, labels, is_left, strict=True) if left is side]
        _beside(sheet, found[::-1] if side else found, centre, slot)
    if known:
        lines = balanced(middle, 2 * _INNER - 30, 14, lines=4) if middle else []
        top = centre[1] - line_of(14) * len(lines) / 2
        sheet.lines(centre[0], top, lines, align="center", bold=True, size=14)
    return sheet.chart(_missing(sheet, rows, high if known else 0.0), illustrative=illustrative)


def draw_grade_shares(
    rows: Sequence[Row], language: Language, *, decimals: int = 0, illustrative: bool
) -> Chart:
    """Return a column parted into grades, the best on top and darkest, with how many cities each holds.

    Parameters
    ----------
    rows : sequence of dict
        ``label``, ``count`` (None where it is missing) and ``described``; best grade first.
    decimals : int
        Of the per cent.
    """
    sheet = Sheet(language)
    known = [row for row in rows if _is_known(row["count"])]
    total = sum(row["count"] for row in known)
    tall = max(_TALL, _SLOT * len(known)) if known else 0.0
    left, top, middles = WIDE / 2 - _COLUMN - 60, 0.0, []
    for row, fill in zip(known, SEQUENTIAL(len(known) + 1)[:0:-1], strict=True):
        height = tall * row["count"] / total if total else 0.0
        if height:
            sheet.box(left, top, (_COLUMN, height), fill, edge="#ffffff", described=told(row))
        if height >= LINE:
            style: Row = {"align": "center", "bold": True, "colour": ink_on(fill)}
            sheet.text(left + _COLUMN / 2, top + height / 2, f"{row['count']:g}", **style)
        middles.append(top + height / 2)
        top += height
    right = left + _COLUMN
    places = spaced(middles, _SLOT, _SLOT / 2 - 2, tall - _SLOT / 2 + 2)
    for row, wanted, y in zip(known, middles, places, strict=True):
        if total:
            sheet.line([(right + 2, wanted), (right + 18, y), (right + 24, y)], _LEADER)
        name = clipped(row["label"], WIDE - right - 30, 13)
        sheet.text(right + 30, y - 8, name, bold=True, size=13, described=told(row))
        share = _percent(row["count"], total, decimals)
        counted = _CITIES[language][row["count"] != 1].format(f"{row['count']:g}")
        sheet.text(right + 30, y + 9, f"{counted} · {share}", colour=GREY)
    return sheet.chart(_missing(sheet, rows, tall, "count"), illustrative=illustrative)


def draw_treemap(rows: Sequence[Row], language: Language, *, decimals: int = 1, illustrative: bool) -> Chart:
    """Return a treemap in which every area is as large as its share of the whole.

    Parameters
    ----------
    rows : sequence of dict
        ``code``, ``parent`` (a code; one that no row has makes a top node), ``label``, ``value`` (of the
        nodes without children; others are the sums of theirs), ``described``. Up to three levels: the first
        has a colour each, the second a thick border and a heading, the third a thin border. A name that does
        not fit is a number whose name stands below; a missing value takes no area and is told below.
    decimals : int
        Of the per cent.

    Notes
    -----
    Squarified layout of Bruls, Huizing & van Wijk (2000), doi:10.1007/978-3-7091-6783-0_4.
    """
    below: dict[str, list[Row]] = {}
    codes = {row["code"] for row in rows}
    for row in rows:
        below.setdefault(row["parent"] if row["parent"] in codes else "", []).append(row)
    plan = _Treemap(Sheet(language), below, decimals)
    tops = [row for row in below.get("", []) if plan.sum(row) > 0]
    boxes = squarify([plan.sum(row) for row in tops], (0.0, 0.0, WIDE, _HIGH))
    for row, box, colour in zip(tops, boxes, taken(CATEGORIES, len(tops)), strict=True):
        plan.put(row, box, mixed(colour, "#ffffff", 0.6))
    leaves = [row for row in rows if row["code"] not in below]
    height = _missing(plan.sheet, leaves, plan.key(_HIGH) if tops else 0.0)
    return plan.sheet.chart(height, illustrative=illustrative)


class _Treemap:
    """Puts nodes into their boxes, headings over what lies below them."""

    def __init__(self, sheet: Sheet, below: Mapping[str, Sequence[Row]], decimals: int) -> None:
        self.sheet, self.below, self.decimals = sheet, below, decimals
        self.keyed: list[tuple[str, str]] = []
        self.hidden: list[tuple[str, str]] = []  # leaves with no room for a number
        self.total = sum(self.sum(row) for row in below.get("", []))

    def sum(self, row: Row) -> float:
        """Return the value of a node: of its leaves together where it has any."""
        if row["code"] in self.below:
            return sum(self.sum(child) for child in self.below[row["code"]])
        return float(row["value"]) if _is_known(row["value"]) else 0.0

    def put(self, row: Row, box: Box, fill: str, depth: int = 0, free: float = 0.0) -> None:
        """Put a node into its box, which is covered by headings down to `free`."""
        x, y, width, height = box
        share = _percent(self.sum(row), self.total, self.decimals)
        children = [child for child in self.below.get(row["code"], []) if self.sum(child) > 0]
        top = max(y, free)
        if not children:
            self.sheet.box(x, y, (width, height), fill, edge="#ffffff", described=told(row))
            self._label(row["label"], share, (x, top, width, y + height - top), depth)
            return
        head = self._heading(row["label"], share, (x, top, width, y + height - top), depth)
        boxes = squarify([self.sum(child) for child in children], box)
        for child, inside in zip(children, boxes, strict=True):
            self.put(child, inside, fill, depth + 1, top + head)
        if head:  # over the edges of what lies below, which would cross the text
            strip = path(corners(x, top, width, head), closed=True)
            self.sheet.shape(strip, fill, described=told(row))
        edges = path(corners(x, top, width, y + height - top), closed=True)
        self.sheet.shape(edges, None, edge="#ffffff", wide=3 if depth else 6)

    def _heading(self, label: str, share: str, box: Box, depth: int) -> float:
        """Put the name of a node and its share on top of its box; return how high that is."""
        x, top, width, height = box
        size = 11 if depth else 13
        room = width - 14
        lines = [f"{label} {share}"]
        if width_of(lines[0], size) > room:
            is_high = height >= 5 * line_of(size)
            lines = balanced(f"{label} {share}", room, size) if width_of(label, size) > room else [label]
            lines += [share] * (is_high and len(lines) == 1)
        if len(lines) > 2 or height < 2.5 * line_of(size) * len(lines) or not keeps_words(label, room, size):
            lines = [self._numbered(label, share)]
        if height < 2 * line_of(size) or width_of(lines[0], size) > room:
            return 0.0
        self.sheet.lines(x + 7, top + 5, lines, bold=True, size=size)
        return line_of(size) * len(lines) + 6

    def _label(self, label: str, share: str, box: Box, depth: int) -> None:
        """Put the name of a leaf into its box, and its share, where they fit; else a number."""
        x, y, width, height = box
        size = 10
        for size in (11, 10) if depth else (13, 11):
            lines = balanced(label, width - 13, size)
            most = int((height - 6) / line_of(size))
            if len(lines) <= min(most, 4) and keeps_words(label, width - 13, size):
                at = self.sheet.lines(x + 7, y + 4, lines, size=size, bold=not depth)
                if most > len(lines) and width_of(share, size) <= width - 13:
                    self.sheet.text(x + 7, at + line_of(size) / 2, share, size=size, colour="#3c444c")
                return
        number = str(len(self.keyed) + 1)
        if width >= width_of(number, size) + 6 and height >= size:
            self._numbered(label, share)
            self.sheet.text(x + width / 2, y + height / 2, number, size=size, align="center")
        else:
            self.hidden.append((label, share))

    def _numbered(self, label: str, share: str) -> str:
        """Return the number under which a name is told below."""
        self.keyed.append((f"{len(self.keyed) + 1}  {label}", share))
        return str(len(self.keyed))

    def key(self, top: float) -> float:
        """Put the names that did not fit below the boxes in one or two columns; return where they end."""
        entries = [*self.keyed, *self.hidden]
        room = WIDE / 2 - 6
        if len(entries) < 12 and any(width_of(f"{name} {share}", 10) > room for name, share in entries):
            room = WIDE
        texts = [f"{clipped(name, room - width_of(share, 10) - 6, 10)} {share}" for name, share in entries]
        half = len(texts) if room == WIDE else ceil(len(texts) / 2)
        ends = [top]
        for x, column in ((0.0, texts[:half]), (WIDE / 2 + 6, texts[half:])):
            ends.append(self.sheet.lines(x, top + 8, column, size=10, colour=GREY) if column else top)
        return max(ends)


def _beside(
    sheet: Sheet, labels: Sequence[tuple[float, Sequence[str]]], centre: tuple[float, float], slot: float
) -> None:
    """Put labels of one side of the ring beside it, each with a line from its part."""
    wanted = [centre[1] - (_OUTER + 9) * cos(2 * pi * middle) for middle, _ in labels]
    places = spaced(wanted, slot, slot / 2, 2 * centre[1] - slot / 2)
    for (middle, lines), y in zip(labels, places, strict=True):
        sign = 1 if middle <= 0.5 else -1
        out = [
            (centre[0] + r * sin(2 * pi * middle), centre[1] - r * cos(2 * pi * middle))
            for r in (_OUTER + 1, _OUTER + 9)
        ]
        x = centre[0] + sign * (_OUTER + _BESIDE)
        sheet.line([*out, (x - sign * 18, y), (x - sign * 6, y)], _LEADER)
        style = {"align": "left" if sign > 0 else "right"}
        top = sheet.lines(x, y - LINE * len(lines) / 2, lines[:-1], **style)
        sheet.text(x, top + LINE / 2, lines[-1], bold=len(lines) > 1, **style)


def _missing(sheet: Sheet, rows: Sequence[Row], top: float, key: str = "value") -> float:
    """Tell below a picture which rows have no value, and return where it then ends."""
    names = [row["label"] for row in rows if not _is_known(row[key])]
    if not names:
        return top
    joined = ("、" if sheet.language == "zh" else ", ").join(names)
    lines = wrap(_GIVEN[sheet.language] + joined, WIDE, lines=3)
    return sheet.lines(0, top + 10, lines, colour=GREY)


def _are_told(rows: Sequence[Row], total: float, decimals: int) -> bool:
    """Tell whether so many decimals write every share in per cent as it is."""
    parts = [100 * row["value"] / total for row in rows if total]
    return all(abs(part - round(part, decimals)) < 1e-9 for part in parts)


def _percent(part: float, total: float, decimals: int) -> str:
    return f"{rounded(100 * part / total, decimals)}%" if total else "–"


def _is_known(value: float | None) -> bool:
    return value is not None and isfinite(value)
