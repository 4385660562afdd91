"""Diagrams without numbers: successive stages, an architecture, dated events, cards of contents."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, GREY, Chart, Row, width_of
from citygauge.report.charts.colours import SEQUENTIAL, ink_on
from citygauge.report.charts.sheet import EDGE, LINE, WIDE, Sheet, corners, line_of, path, side_by_side, told
from citygauge.report.charts.words import balanced, fitted, keeps_words, wrap

Point = tuple[float, float]

_TIP, _GAP, _HEAD = 18.0, 12.0, 14
_STAGES, _CARDS, _ITEMS = 4, 3, 4  # side by side
_TITLE = 100.0  # width of the name of a band
_BAND, _RULE = "#eaf0f5", "#b3bec8"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNDATED = {"zh": "日期不详", "en": "undated"}


def draw_stages(rows: Sequence[Row], language: Language, *, illustrative: bool) -> Chart:
    """Return successive stages as arrows from light to dark, with what marks each of them below.

    Parameters
    ----------
    rows : sequence of dict
        ``label`` (a line feed begins a line), ``items`` (texts) and ``described``, the first stage first.
    """
    sheet = Sheet(language)
    fills = SEQUENTIAL(len(rows) + 1)[1:]
    per_line = side_by_side(len(rows), _STAGES)
    top = 0.0
    for first in range(0, len(rows), per_line):
        line = rows[first : first + per_line]
        width = (WIDE - _TIP) / per_line
        labels = [balanced(row["label"], width - 2 * _TIP - 8, _HEAD, lines=3) for row in line]
        height = line_of(_HEAD) * max(map(len, labels)) + 28
        bottoms = []
        for i, (row, label) in enumerate(zip(line, labels, strict=True)):
            x, fill = i * width, fills[first + i]
            sheet.shape(_chevron(x, top, (width - 4, height), first + i > 0), fill, described=told(row))
            style = {"align": "center", "bold": True, "size": _HEAD, "colour": ink_on(fill)}
            at = top + (height - line_of(_HEAD) * len(label)) / 2
            sheet.lines(x + (width + _TIP) / 2, at, label, **style)
            indent = x + _TIP
            bottoms.append(_bullets(sheet, (indent, top + height + 10), row["items"], width - _TIP - _GAP))
        top = max(bottoms) + _GAP
    return sheet.chart(top - _GAP, illustrative=illustrative)


def draw_blocks(rows: Sequence[Row], language: Language, *, illustrative: bool) -> Chart:
    """Return an architecture: rows of blocks above one another, and columns that stand beside all of them.

    Parameters
    ----------
    rows : sequence of dict
        ``row`` (any text; rows of equal `row` and `side` are one band), ``label``, ``items`` (texts),
        ``side`` (``""``, or ``"left"`` or ``"right"`` for a column) and ``described``; the top row first.
    """
    sheet = Sheet(language)
    sides = {side: _merged(rows, side) for side in ("left", "", "right")}
    columns = {side: len(sides[side]) for side in ("left", "right")}
    wide = min(104.0, 300 / max(sum(columns.values()), 1))
    start = columns["left"] * (wide + _GAP)
    room = WIDE - start - columns["right"] * (wide + _GAP)
    plans = [_plan_band(row, room) for row in sides[""]]
    needed = [_column_height(row, wide) for side in ("left", "right") for row in sides[side]]
    spare = max(0.0, max(needed, default=0.0) - sum(p[1] for p in plans) - _GAP * (len(plans) - 1))
    top = 0.0
    for row, (lines, height) in zip(sides[""], plans, strict=True):
        tall = height + spare / len(plans)
        _band(sheet, (start, top, room, tall), row, lines)
        top += tall + _GAP
    bottom = max(top - _GAP, max(needed, default=0.0))
    for side, x in (("left", 0.0), ("right", start + room + _GAP)):
        for i, row in enumerate(sides[side]):
            _column(sheet, (x + i * (wide + _GAP), wide, bottom), row)
    return sheet.chart(bottom, illustrative=illustrative, corner=3)


def draw_timeline(rows: Sequence[Row], language: Language, *, illustrative: bool) -> Chart:
    """Return dated events down a line, earliest first, in turn at its right and its left.

    The distances along the line do not stand for time.

    Parameters
    ----------
    rows : sequence of dict
        ``date`` (``2014`` or ``2014-08``; empty or None where it is not known: such events come last),
        ``label``, ``issuer`` (may be empty) and ``described``.
    """
    sheet = Sheet(language)
    centre, reach = WIDE / 2, 26.0
    ends, dot = [0.0, 0.0], -22.0
    for i, row in enumerate(sorted(rows, key=lambda row: str(row["date"] or "9999"))):
        sign = -1 if i % 2 else 1
        room = WIDE / 2 - reach - 2
        texts = balanced(row["label"], room, lines=5)
        issuers = wrap(row["issuer"], room, 11, lines=2) if row["issuer"] else []
        y = max(ends[i % 2] + LINE / 2, dot + 30)
        style = {"align": "left" if sign > 0 else "right"}
        x = centre + sign * reach
        date = _date(row["date"], language)
        at = sheet.lines(x, y - LINE / 2, [date], bold=True, size=13, colour="#1c5583", **style)
        at = sheet.lines(x, at, texts, described=told(row), **style)
        at = sheet.lines(x, at, issuers, size=11, colour=GREY, **style)
        sheet.line([(centre, y), (centre + sign * (reach - 6), y)], _RULE)
        sheet.shape(_disc(centre, y, 5), "#1c5583", edge="#ffffff", wide=1.5, described=told(row))
        ends[i % 2], dot = at + 14, y
    bottom = max(*ends, 14.0) - 14
    if rows:
        sheet.line([(centre, 0), (centre, bottom)], _RULE)
    return sheet.chart(bottom, illustrative=illustrative)


def draw_breakdown(rows: Sequence[Row], language: Language, *, illustrative: bool) -> Chart:
    """Return kinds of content as cards, three in a line: the kind on top and its items below.

    Parameters
    ----------
    rows : sequence of dict
        ``label``, ``items`` (texts; none is told by a dash) and ``described``.
    """
    sheet = Sheet(language)
    per_line = side_by_side(len(rows), _CARDS)
    width = (WIDE - _GAP * (per_line - 1)) / per_line
    head = SEQUENTIAL(7)[5]
    top = 0.0
    for first in range(0, len(rows), per_line):
        line = rows[first : first + per_line]
        labels = [balanced(row["label"], width - 2 * EDGE, 13, lines=3) for row in line]
        height = line_of(13) * max(map(len, labels)) + 12
        body = max(_bullets(None, (0, 0), row["items"], width - 2 * EDGE) for row in line) + 2 * EDGE
        for i, (row, label) in enumerate(zip(line, labels, strict=True)):
            x = i * (width + _GAP)
            sheet.box(x, top, (width, height + body), "#f6f8fa", edge="#cfd8e0", described=told(row))
            sheet.shape(path(corners(x, top, width, height), closed=True), head, described=told(row))
            at = top + (height - line_of(13) * len(label)) / 2
            sheet.lines(x + EDGE, at, label, bold=True, size=13, colour=ink_on(head))
            _bullets(sheet, (x + EDGE, top + height + EDGE), row["items"], width - 2 * EDGE)
        top += height + body + _GAP
    return sheet.chart(top - _GAP, illustrative=illustrative)


def _bullets(sheet: Sheet | None, place: Point, items: Sequence[str], width: float) -> float:
    """Put items below one another, each after a dot; return where they end. Without a sheet only measure."""
    x, at = place
    for item in items or ["–"]:
        lines = balanced(item, width - 12)
        if sheet:
            if items:
                sheet.shape(_disc(x + 3, at + LINE / 2, 2), BAR)
            sheet.lines(x + 12, at, lines)
        at += LINE * len(lines) + 3
    return at


def _merged(rows: Sequence[Row], side: str) -> list[Row]:
    """Return one row for each band or column of a side, with the items of all its rows."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["side"] == side:
            known = found.setdefault(row["row"], {**row, "items": []})
            known["items"] = [*known["items"], *row["items"]]
    return list(found.values())


def _plan_band(row: Row, room: float) -> tuple[list[list[list[str]]], float]:
    """Return the blocks of a band, line by line and each as lines of text, and how high the band is."""
    items = row["items"]
    most = side_by_side(len(items), _ITEMS)
    counts = range(most, 0, -1)
    fit = [n for n in counts if all(width_of(item) <= _block(room, n) - 12 for item in items)]
    whole = [n for n in counts if all(keeps_words(item, _block(room, n) - 12) for item in items)]
    count = max([n for n in fit if n > 1 or most == 1], default=max(whole, default=1))
    texts = [balanced(item, _block(room, count) - 12, lines=3) for item in items]
    lines = [texts[i : i + count] for i in range(0, len(texts), count)]
    high = sum(LINE * max(map(len, line)) + 12 + 8 for line in lines) + 12
    return lines, max(high, LINE * len(_title(row)[0]) + 20)


def _title(row: Row, width: float = _TITLE) -> tuple[list[str], Row]:
    """Return the name of a band or column in lines, and their style: smaller where a word would be broken."""
    lines, size = fitted(row["label"], width, (13, 11), lines=4)
    return lines, {"align": "center", "bold": True, "size": size}


def _block(room: float, count: int) -> float:
    """Return how wide each of some blocks beside one another is."""
    return (room - _TITLE - 24) / count - 8


def _band(
    sheet: Sheet, box: tuple[float, float, float, float], row: Row, lines: Sequence[Sequence[Sequence[str]]]
) -> None:
    """Put a band: its name at the left, its blocks beside it."""
    x, y, width, height = box
    sheet.box(x, y, (width, height), _BAND, described=told(row))
    title, style = _title(row)
    at = y + (height - line_of(style["size"]) * len(title)) / 2
    sheet.lines(x + 10 + _TITLE / 2, at, title, **style)
    if not lines:
        return
    tall = (height - 4 - 8 * (len(lines) + 1)) / len(lines)
    wide = _block(width, max(map(len, lines)))
    for i, line in enumerate(lines):
        for j, text in enumerate(line):
            item = row["items"][i * len(lines[0]) + j]
            left, top = x + _TITLE + 20 + j * (wide + 8), y + 10 + i * (tall + 8)
            sheet.box(left, top, (wide, tall), "#ffffff", edge=BAR, described=item)
            sheet.lines(left + wide / 2, top + (tall - LINE * len(text)) / 2, text, align="center")


def _column_height(row: Row, wide: float) -> float:
    """Return how high a column beside the bands must be to hold its name and its blocks."""
    title = LINE * len(_title(row, wide - 12)[0]) + 24
    return title + sum(LINE * len(balanced(item, wide - 24, lines=4)) + 18 for item in row["items"])


def _column(sheet: Sheet, place: tuple[float, float, float], row: Row) -> None:
    """Put a column of a height beside the bands: its name on top, its blocks below."""
    x, wide, height = place
    sheet.box(x, 0, (wide, height), _BAND, described=told(row))
    title, style = _title(row, wide - 12)
    if not row["items"]:
        sheet.lines(x + wide / 2, (height - line_of(style["size"]) * len(title)) / 2, title, **style)
        return
    at = sheet.lines(x + wide / 2, 10, title, **style) + 8
    tall = (height - at - 2) / len(row["items"])
    for item in row["items"]:
        lines = balanced(item, wide - 24, lines=4)
        sheet.box(x + 8, at, (wide - 16, tall - 8), "#ffffff", edge=BAR, described=item)
        sheet.lines(x + wide / 2, at + (tall - 8 - LINE * len(lines)) / 2, lines, align="center")
        at += tall


def _chevron(x: float, y: float, size: tuple[float, float], is_notched: bool) -> str:
    """Return an arrow to the right as an outline, its point as far out as its notch is deep."""
    width, height = size
    points = [
        (x, y),
        (x + width, y),
        (x + width + _TIP, y + height / 2),
        (x + width, y + height),
        (x, y + height),
    ]
    return path([*points, (x + _TIP, y + height / 2)] if is_notched else points, closed=True)


def _disc(x: float, y: float, radius: float) -> str:
    """Return a disc as an outline."""
    arc = f"A{radius},{radius},0,1,1,"
    return f"M{x - radius:.2f},{y:.2f}{arc}{x + radius:.2f},{y:.2f}{arc}{x - radius:.2f},{y:.2f}Z"


def _date(date: str | None, language: Language) -> str:
    """Write a year, or a year and a month; a text of another form stays as it is."""
    if not date:
        return _UNDATED[language]
    year, _, month = str(date).partition("-")
    if not month.isdecimal() or not 1 <= int(month) <= 12:
        return f"{date}年" if language == "zh" and str(date).isdecimal() else str(date)
    return f"{year}年{int(month)}月" if language == "zh" else f"{_MONTHS[int(month) - 1]} {year}"
