"""Bars: one value a row, upright columns for few, groups of series, and counts beside amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, GREY, INK, WIDTH, Chart, Row, width_of
from citygauge.report.charts.colours import CATEGORIES, taken
from citygauge.report.charts.plot import (
    ACCENT,
    EDGE,
    NO_DATA,
    SMALL,
    Frame,
    figure,
    grid_rows,
    grouped,
    keys_of,
    known,
    label_lines,
    legend,
    names,
    nothing,
    picture,
    points,
    rects,
    rules,
    said,
    texts,
)
from citygauge.report.charts.scales import Scale, across, scale_of, upwards
from citygauge.report.charts.words import balanced, keeps_words

STRONG = "#1d5c8f"
_LINES, _TALL = 5, 190


def draw_bars(
    rows: Sequence[Row],
    language: Language,
    *,
    title: str,
    decimals: int = 1,
    reference: tuple[float, str] | None = None,
    illustrative: bool,
) -> Chart:
    """Return a lying bar for each row, in the order given, with its value where nothing hides it.

    Parameters
    ----------
    rows : sequence of dict
        ``key, label, value, described`` and, where there are any, ``sd`` (a whisker of one standard deviation
        to either side; the values then stand in a column on the right) and ``highlight`` (darker, and its
        label bold). A missing value is said in words.
    language : {"zh", "en"}
    title : str
        Of the axis.
    decimals : int
        Of the values.
    reference : (float, str), optional
        A line across all bars, such as the overall mean, and its label.
    illustrative : bool
        Whether the notice is due.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    left = names([row["label"] for row in rows], [_is_strong(row) for row in rows])
    room = max(width_of(_printed(row, decimals, language)) for row in rows) + 12
    frame = Frame(left.height + 4, left.room, top=30 if reference else 12)
    is_spread = any(_has_sd(row) for row in rows)
    ends = [end for row in rows for end in _ends(row)] + ([reference[0]] if reference else [])
    below = room if not is_spread and min(ends, default=0) < 0 else 0
    scale = _from_zero(rows, ends, below, frame.width - room)
    grid, axis = across(scale, frame.height, title)
    placed = list(zip(rows, left.middles, strict=True))
    bars = [_lying(row, scale, y, left.step * 0.62) for row, y in placed if known(row["value"])]
    whiskers = [line for row, y in placed if _has_sd(row) for line in _whisker(row, scale, y, upright=False)]
    column = frame.width if is_spread else None
    values = [_value(row, scale, y, _printed(row, decimals, language), column) for row, y in placed]
    line, name = _reference(reference, scale, frame)
    values = [_off(row, line[0]["x"]) if line else row for row in values]
    zero = grid_rows([scale(0)], 0, frame.height, colour=EDGE)
    layers = [rules(grid), rects(bars), rules(line, strokeDash=[5, 3], strokeWidth=1.4), rules(whiskers)]
    layers += [rules(zero), texts([*left.texts, *axis, *name, *values])]
    return picture(layers, language, frame, illustrative=illustrative)


def draw_columns(
    rows: Sequence[Row], language: Language, *, title: str, decimals: int = 1, illustrative: bool
) -> Chart:
    """Return an upright column for each row with its value above it and its label in lines below it.

    Rows as in `draw_bars`. Where the labels have no room below columns they are drawn as lying bars.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    high = max((end for row in rows for end in _ends(row)), default=1)
    room = width_of(f"{figure(high, 0)}.000", SMALL) + 24
    slot = min(Frame(0, left=room, wanted=640).width / len(rows), 124)
    labels = [row["label"] for row in rows]
    below = [balanced(label, slot - 4, SMALL) for label in labels]
    shown = [_printed(row, decimals, language) for row in rows]
    if _widest(shown) > slot:  # the mean alone: the whisker shows the deviation
        shown = [_printed({**row, "sd": None}, decimals, language) for row in rows]
    if (
        max(map(len, below)) > _LINES
        or not all(keeps_words(label, slot - 4, SMALL) for label in labels)
        or _widest(shown) > slot
    ):
        return draw_bars(rows, language, title=title, decimals=decimals, illustrative=illustrative)
    bottom = 18 + 13 * max(map(len, below))
    heads = balanced(title, slot * len(rows) + room - 12, SMALL)
    frame = Frame(_TALL, room, top=20 + 13 * len(heads), bottom=bottom, wanted=slot * len(rows))
    scale = _from_zero(rows, [end for row in rows for end in _ends(row)], frame.height, 18)
    grid, axis, _ = upwards(scale, frame.width)
    placed = [(row, frame.width / len(rows) * (i + 0.5)) for i, row in enumerate(rows)]
    columns = [_standing(row, scale, x, min(slot * 0.6, 44)) for row, x in placed if known(row["value"])]
    whiskers = [line for row, x in placed if _has_sd(row) for line in _whisker(row, scale, x, upright=True)]
    values = [_above(row, scale, x, text) for (row, x), text in zip(placed, shown, strict=True)]
    words = [
        {"x": x, "y": frame.height + 13 + 13 * i, "text": line, "align": "center", "size": SMALL}
        | {"bold": _is_strong(row)}
        for (row, x), lines in zip(placed, below, strict=True)
        for i, line in enumerate(lines)
    ]
    heading = label_lines(-room + 12, -6 - 6.5 * len(heads), "\n".join(heads), WIDTH, most=4, size=SMALL)
    zero = grid_rows([scale(0)], 0, frame.width, upright=False, colour=EDGE)
    layers = [rules(grid), rects(columns), rules(whiskers), rules(zero)]
    return picture(
        [*layers, texts([*axis, *words, *values, *heading])], language, frame, illustrative=illustrative
    )


def draw_grouped_bars(
    rows: Sequence[Row], language: Language, *, title: str, decimals: int = 1, illustrative: bool
) -> Chart:
    """Return a block of lying bars for each group, one bar a series, the series in a legend on top.

    Parameters
    ----------
    rows : sequence of dict
        ``group, series, value, described``; groups and series are drawn in the order in which they first
        come, and in every block in that one order, so that a grey print can be read by position. A series
        without a row in a group is shown as missing.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    series, groups = keys_of(rows, "series"), grouped(rows, "group")
    colours, thin = taken(CATEGORIES, len(series)), 13 if len(groups) * len(series) <= 60 else 11
    block = max(thin * len(series), 26) + 12
    left = names(list(groups), steps=(block, block))
    entries = [(name, colour, "square") for name, colour in zip(series, colours, strict=True)]
    marks, words, top = legend(entries, Frame(0, left.room).width, left.room - 16)
    printed = {id(row): _printed(row, decimals, language) for row in rows}
    room = _widest([*printed.values(), NO_DATA[language]]) + 10
    frame = Frame(left.height, left.room, top=top + 10)
    ends = [end for row in rows for end in _ends(row)]
    start = room if min(ends, default=0) < 0 else 0
    scale = scale_of(ends, start, frame.width - room, zero=True, about=8)
    grid, axis = across(scale, frame.height, title)
    bars, values = [], []
    for group, middle in zip(groups, left.middles, strict=True):
        own = {row["series"]: row for row in groups[group]}
        start = middle - thin * (len(series) - 1) / 2
        for i, (name, colour) in enumerate(zip(series, colours, strict=True)):
            row, y = own.get(name, {"value": None}), start + thin * i
            if known(row["value"]):
                bars.append({**_lying(row, scale, y, thin - 2), "colour": colour})
            text = printed.get(id(row), NO_DATA[language])
            values.append({**_value(row, scale, y, text, None), "size": min(SMALL, thin - 1)})
    zero = grid_rows([scale(0)], 0, frame.height, colour=EDGE)
    layers = [rules(grid), rects(bars), rules(zero), points(marks, size=90)]
    layers.append(texts([*left.texts, *words, *axis, *values]))
    return picture(layers, language, frame, illustrative=illustrative)


def draw_counts(
    rows: Sequence[Row], language: Language, *, titles: Sequence[str], decimals: int = 0, illustrative: bool
) -> Chart:
    """Return bars of counts and, beside them, bars of amounts, one row for each province or other kind.

    Parameters
    ----------
    rows : sequence of dict
        ``key, label, count, described`` and, for the second panel, ``amount``.
    titles : sequence of str
        Of the counts and, where there are amounts, of the amounts.
    decimals : int
        Of the amounts.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    fields = [("count", 0), ("amount", decimals)][: len(titles)]
    left = names([row["label"] for row in rows])
    frame = Frame(left.height + 4, left.room, top=34, bottom=12)
    part = (frame.width - 28 * (len(fields) - 1)) / len(fields)
    layers, words = [], [*left.texts]
    for i, ((field, places), heading) in enumerate(zip(fields, titles, strict=False)):
        start = i * (part + 28)
        own = [{**row, "value": row.get(field)} for row in rows]
        printed = [_printed(row, places, language) for row in own]
        ends = [end for row in own for end in _ends(row)]
        scale = scale_of(ends, start, start + part - _widest(printed) - 8, zero=True, about=8)
        placed = list(zip(own, left.middles, printed, strict=True))
        bars = [_lying(row, scale, y, left.step * 0.62) for row, y, _ in placed if known(row["value"])]
        words += [_value(row, scale, y, text, None) for row, y, text in placed]
        words += label_lines(start, -15, heading, part, bold=True, size=SMALL)
        layers += [rects(bars), rules(grid_rows([scale(0)], 0, frame.height, colour=EDGE))]
    return picture([*layers, texts(words)], language, frame, illustrative=illustrative)


def _is_strong(row: Row) -> bool:
    return bool(row.get("highlight"))


def _has_sd(row: Row) -> bool:
    return known(row["value"]) and known(row.get("sd"))


def _ends(row: Row) -> list[float]:
    """Return what the axis must reach for a row: its value, or both ends of its whisker."""
    if not known(row["value"]):
        return []
    sd = row["sd"] if _has_sd(row) else 0.0
    return [row["value"] - sd, row["value"] + sd]


def _printed(row: Row, decimals: int, language: Language) -> str:
    if not known(row["value"]):
        return NO_DATA[language]
    text = figure(row["value"], decimals)
    return f"{text} ± {figure(row['sd'], decimals)}" if _has_sd(row) else text


def _widest(shown: Sequence[str]) -> float:
    return max((width_of(text, SMALL) for text in shown), default=0.0)


def _from_zero(rows: Sequence[Row], ends: Sequence[float], start: float, end: float) -> Scale:
    """Return the scale of bars with whiskers; where only these reach below zero, it ends where they do."""
    scale = scale_of(ends, start, end, zero=True, about=8)
    is_above = all(row["value"] >= 0 for row in rows if known(row["value"]))
    return replace(scale, low=min(0.0, *ends)) if is_above and len(ends) else scale


def _off(row: Row, line: float) -> Row:
    """Return a text beside a bar, moved past a line across all bars where this would cross it."""
    wide = width_of(row["text"], row["size"])
    is_crossed = row["align"] == "left" and row["x"] - 3 < line < row["x"] + wide + 3
    return {**row, "x": line + 5} if is_crossed else row


def _lying(row: Row, scale: Scale, y: float, thick: float) -> Row:
    place = {"x": scale(0), "x2": scale(row["value"]), "y": y - thick / 2, "y2": y + thick / 2}
    return {**place, "colour": STRONG if _is_strong(row) else BAR, "described": said(row)}


def _standing(row: Row, scale: Scale, x: float, thick: float) -> Row:
    place = {"y": scale(0), "y2": scale(row["value"]), "x": x - thick / 2, "x2": x + thick / 2}
    return {**place, "colour": STRONG if _is_strong(row) else BAR, "described": said(row)}


def _whisker(row: Row, scale: Scale, middle: float, *, upright: bool) -> list[Row]:
    """Return the line of a whisker and its two caps."""
    low, high = scale(row["value"] - row["sd"]), scale(row["value"] + row["sd"])
    along, over = ("y", "x") if upright else ("x", "y")
    found = [{along: low, f"{along}2": high, over: middle, f"{over}2": middle}]
    found += [{along: end, f"{along}2": end, over: middle - 3, f"{over}2": middle + 3} for end in (low, high)]
    return [{**line, "colour": INK} for line in found]


def _value(row: Row, scale: Scale, y: float, text: str, column: float | None) -> Row:
    """Return the text of a value: in the column where there is one, else at the end of its bar."""
    style = {"y": y, "text": text, "size": SMALL, "bold": _is_strong(row), "halo": True}
    if not known(row["value"]):
        style |= {"colour": GREY}
    if column is not None:
        return {**style, "x": column, "align": "right"}
    at = scale(row["value"]) if known(row["value"]) else scale(0)
    is_left = known(row["value"]) and row["value"] < 0
    return {**style, "x": at - 5 if is_left else at + 5, "align": "right" if is_left else "left"}


def _above(row: Row, scale: Scale, x: float, text: str) -> Row:
    """Return the text of a column's value: above it and its whisker, below where it hangs down."""
    ends = _ends(row)
    is_down = bool(ends) and row["value"] < 0
    at = scale(min(ends)) + 9 if is_down else scale(max(ends, default=0)) - 9
    colour = INK if ends else GREY
    place = {"x": x, "y": at, "text": text, "align": "center", "size": SMALL}
    return {**place, "colour": colour, "bold": _is_strong(row), "halo": True}


def _reference(
    reference: tuple[float, str] | None, scale: Scale, frame: Frame
) -> tuple[list[Row], list[Row]]:
    """Return the line of a reference across all bars and its label above, kept within the plot."""
    if reference is None:
        return [], []
    at, half = scale(reference[0]), width_of(reference[1], SMALL) / 2
    x = min(max(at, half - frame.left + 4), frame.width - half)
    line = {"x": at, "x2": at, "y": -6, "y2": frame.height, "colour": ACCENT}
    name = {"x": x, "y": -15, "text": reference[1], "align": "center", "size": SMALL, "colour": ACCENT}
    return [line], [name]
