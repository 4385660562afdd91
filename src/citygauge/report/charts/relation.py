"""How values go together: a scatter with its margins, a map of cells, and correlations."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from citygauge.problems import Language
from citygauge.report.charts.bars import STRONG
from citygauge.report.charts.base import BAR, GREY, INK, RULE, Chart, Row, width_of
from citygauge.report.charts.colours import DIVERGING, SEQUENTIAL, ink_on
from citygauge.report.charts.plot import (
    NO_DATA,
    ROOM,
    SMALL,
    Frame,
    bands,
    beside,
    figure,
    keys_of,
    known,
    lines,
    nothing,
    picture,
    points,
    rects,
    rules,
    said,
    texts,
    upright,
)
from citygauge.report.charts.scales import across, scale_of, tick_texts, upwards
from citygauge.report.charts.words import balanced, clipped, keeps_words

_MARGIN, _GAP, _BINS, _TALL = 36.0, 6.0, 20, 330.0
_DOT = 7.0
_STEPS = (-1.0, -0.8, -0.5, -0.2, 0.2, 0.5, 0.8, 1.0)


def draw_scatter(
    rows: Sequence[Row],
    language: Language,
    *,
    titles: tuple[str, str],
    fit: Sequence[Row] = (),
    log: bool = False,
    illustrative: bool,
) -> Chart:
    """Return a point for each unit, with the distribution of either value along its axis.

    Parameters
    ----------
    rows : sequence of dict
        ``x, y, described`` and ``label``, the text beside the point or empty; where no place is free the
        label is left to the pointer. A unit without one of the values, or not above zero on a logarithmic
        axis, is not drawn and counted below.
    titles : (str, str)
        Of the axes across and up.
    fit : sequence of dict
        ``x, y, low, high`` along a fitted line and its band, from left to right.
    log : bool
        Whether the axis across is logarithmic.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    there = [r for r in rows if known(r["x"]) and known(r["y"]) and (r["x"] > 0 or not log)]
    ups = [row["y"] for row in there] + [row[key] for row in fit for key in ("low", "high")]
    up = scale_of(ups, _TALL - 8, 8)
    _, _, room = upwards(up, 0)
    top, right = _MARGIN + _GAP + 10, _MARGIN + _GAP + 12
    frame = Frame(_TALL, room + 22, right, top, 44 + 20 * (len(there) < len(rows)))
    along = scale_of([row["x"] for row in [*there, *fit]], 8, frame.width - 8, log=log)
    dots = [{"x": along(r["x"]), "y": up(r["y"]), "described": said(r), "colour": "white"} for r in there]
    dots = [{**dot, "fill": STRONG if r.get("label") else BAR} for dot, r in zip(dots, there, strict=True)]
    grid, axis = across(along, frame.height, titles[0])
    grid_up, axis_up, _ = upwards(up, frame.width)
    line = [{"x": along(r["x"]), "y": up(r["y"]), "line": "fit", "colour": INK} for r in fit]
    band = [{"x": along(r["x"]), "y": up(r["low"]), "y2": up(r["high"])} for r in fit]
    named = [(dot, row["label"]) for row, dot in zip(there, dots, strict=True) if row.get("label")]
    words, leads = beside(named, dots, _DOT, (0, 0, frame.width, frame.height))
    heading = upright(titles[1], -room - 6, frame.height)
    margins = [*_margin(dots, "x", frame), *_margin(dots, "y", frame)]
    if len(there) < len(rows):
        lacking = f"{NO_DATA[language]}{'：' if language == 'zh' else ': '}{len(rows) - len(there)}"
        words.append({"x": 0, "y": frame.height + 51, "text": lacking, "size": SMALL, "colour": GREY})
    layers = [rules([*grid, *grid_up]), rects(margins), bands(band, "#9aa5ad", 0.25)]
    layers += [lines(line, strokeWidth=1.4), rules(leads), points(dots, size=52)]
    layers.append(texts([*axis, *axis_up, heading, *words]))
    return picture(layers, language, frame, illustrative=illustrative)


def draw_heat(
    rows: Sequence[Row], language: Language, *, title: str, decimals: int = 1, illustrative: bool
) -> Chart:
    """Return a map of cells, the darker the higher, with the numbers in the cells where they fit.

    Parameters
    ----------
    rows : sequence of dict
        ``row, column, value, described``; rows and columns are drawn in the order in which they first come.
        A cell that is missing is white and struck through with a dash. Fifty rows and sixteen columns fill
        a page.
    title : str
        What the cells show, above the key of the colours.
    decimals : int
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    found = [row["value"] for row in rows if known(row["value"])]
    ends = scale_of(found, 0, 1).ticks()
    look = _Look(title, decimals, SEQUENTIAL(len(ends) - 1), ends)
    return _cells(rows, language, look, illustrative=illustrative)


def draw_correlations(
    rows: Sequence[Row], language: Language, *, title: str, decimals: int = 2, illustrative: bool
) -> Chart:
    """Return a map of correlations from −1 (brown) over 0 (white) to 1 (blue), with the numbers in the cells.

    Rows as in `draw_heat`. Brown and blue are alike in a grey print: the sign is read from the number.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    look = _Look(title, decimals, DIVERGING, _STEPS)
    return _cells(rows, language, look, illustrative=illustrative)


@dataclass(frozen=True, slots=True)
class _Look:
    """What cells look like: title, decimals, and the colours with the values from which each is taken."""

    title: str
    decimals: int
    colours: Sequence[str]
    ends: Sequence[float]

    def colour(self, value: float) -> str:
        """Return the colour of a value."""
        return self.colours[min(max(bisect_right(self.ends, value) - 1, 0), len(self.colours) - 1)]


def _cells(rows: Sequence[Row], language: Language, look: _Look, *, illustrative: bool) -> Chart:
    """Return cells in colours with their numbers, and the key of the colours."""
    units, columns = keys_of(rows, "row"), keys_of(rows, "column")
    at = {(row["row"], row["column"]): row for row in rows}
    decimals, room = look.decimals, min(max(width_of(unit) for unit in units), ROOM) + 20
    frame = Frame(0, room, wanted=max((96.0 if len(columns) < 8 else 46.0) * len(columns), 300))
    most = frame.width / len(columns)
    level = (w for w in (64.0, 72.0, 80.0, 88.0, 96.0) if w <= most and _are_level(columns, w))
    wide = next(level, min(most, 64.0))
    heads, top = _heads(columns, wide)
    high = min(26.0, max(14.0, (960 - top) / len(units)))
    frame = Frame(high * len(units), room, top=top + 58, wanted=max(wide * len(columns), 300), bottom=14)
    size = next((s for s in (12, 11, 10) if s < high and _fits(rows, decimals, wide - 3, s)), 0)
    boxes, words, gaps = [], [], []
    for i, unit in enumerate(units):
        y = high * (i + 0.5)
        words.append({"x": -8, "y": y, "text": clipped(unit, room - 20), "align": "right"})
        for j, column in enumerate(columns):
            row, x = at.get((unit, column), {"value": None}), wide * (j + 0.5)
            box = {"x": x - wide / 2, "x2": x + wide / 2, "y": y - high / 2, "y2": y + high / 2}
            described = said(row) or f"{unit} {column} {NO_DATA[language]}"
            is_known = known(row["value"])
            fill = look.colour(row["value"]) if is_known else "#ffffff"
            boxes.append({**box, "colour": fill, "described": described})
            if not is_known:
                gaps.append({**box, "y": box["y2"], "y2": box["y"], "colour": RULE})
            if size or not is_known:
                text = figure(row["value"], decimals)
                style = {"align": "center", "size": size or 10, "colour": ink_on(fill) if is_known else GREY}
                words.append({"x": x, "y": y, "text": text, **style, "halo": not is_known})
    swatches, told = _key(look, frame, top)
    layers = [rects(boxes, stroke="white", strokeWidth=1), rules(gaps), rects(swatches)]
    return picture([*layers, texts([*words, *heads, *told])], language, frame, illustrative=illustrative)


def _heads(columns: Sequence[str], wide: float) -> tuple[list[Row], float]:
    """Return the names of the columns above them, level where they fit in four lines, else upright."""
    if _are_level(columns, wide):
        broken = [balanced(name, wide - 4, SMALL) for name in columns]
        rows = [
            {"x": wide * (j + 0.5), "y": -10 - 13 * (len(part) - 1 - i), "text": line, "align": "center"}
            for j, part in enumerate(broken)
            for i, line in enumerate(part)
        ]
        return [{**row, "size": SMALL} for row in rows], 13.0 * max(map(len, broken)) + 8
    most = 2 if wide >= 25 else 1
    parts = [balanced(name, 140 if most > 1 else 190, SMALL, lines=most) for name in columns]
    rows = [
        {"x": wide * (j + 0.5) + 12 * (i - (len(part) - 1) / 2), "y": -7, "text": line, "angle": 270}
        for j, part in enumerate(parts)
        for i, line in enumerate(part)
    ]
    longest = max(width_of(line, SMALL) for part in parts for line in part)
    return [{**row, "size": SMALL} for row in rows], longest + 14


def _are_level(columns: Sequence[str], wide: float) -> bool:
    """Tell whether the names of columns stand level in up to four lines, no word broken."""
    room = wide - 4
    return all(keeps_words(n, room, SMALL) and len(balanced(n, room, SMALL)) <= 4 for n in columns)


def _key(look: _Look, frame: Frame, top: float) -> tuple[list[Row], list[Row]]:
    """Return the swatches of the colours with the values at which each begins, and the title above them."""
    shown = tick_texts(look.ends)
    wide = max(34.0, max(width_of(text, 10) for text in shown) + 6)
    start, y = -frame.left + 22.0, -top - 24
    boxes = [
        {"x": start + wide * i, "x2": start + wide * (i + 1), "y": y - 6, "y2": y + 4, "colour": colour}
        for i, colour in enumerate(look.colours)
    ]
    style = {"align": "center", "size": 10, "colour": GREY}
    words: list[Row] = [
        {"x": start + wide * i, "y": y + 12, "text": text, **style} for i, text in enumerate(shown)
    ]
    whole = frame.width + frame.left - 16
    words.append({"x": start - 10, "y": y - 17, "text": clipped(look.title, whole, SMALL), "size": SMALL})
    return boxes, words


def _fits(rows: Sequence[Row], decimals: int, room: float, size: float) -> bool:
    return all(width_of(figure(row["value"], decimals), size) <= room for row in rows)


def _margin(dots: Sequence[Row], axis: str, frame: Frame) -> list[Row]:
    """Return the bars of a histogram along the top (`x`) or the right (`y`) of the plot."""
    whole = frame.width if axis == "x" else frame.height
    counts, edges = np.histogram([dot[axis] for dot in dots], bins=_BINS, range=(0, whole))
    highest = max(int(counts.max()), 1)
    found = []
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        long = _MARGIN * count / highest
        if not count:
            continue
        if axis == "x":
            found.append({"x": low + 0.5, "x2": high - 0.5, "y": -_GAP - long, "y2": -_GAP})
        else:
            start = frame.width + _GAP
            found.append({"x": start, "x2": start + long, "y": low + 0.5, "y2": high - 0.5})
    return [{**bar, "colour": "#b9cfe2"} for bar in found]
