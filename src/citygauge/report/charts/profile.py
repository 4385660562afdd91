"""Profiles: a radar of few axes, parallel coordinates of many units, and two values a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from citygauge.problems import Language
from citygauge.report.charts.bars import draw_grouped_bars
from citygauge.report.charts.base import GREY, INK, RULE, Chart, Row, width_of
from citygauge.report.charts.colours import CATEGORIES, DASHES, SHAPES, taken
from citygauge.report.charts.layered import Layer
from citygauge.report.charts.placing import spaced
from citygauge.report.charts.plot import (
    FAINT,
    NO_DATA,
    SMALL,
    Frame,
    figure,
    grid_rows,
    grouped,
    keys_of,
    known,
    legend,
    lines,
    names,
    nothing,
    picture,
    points,
    rules,
    said,
    texts,
    upright,
)
from citygauge.report.charts.scales import Scale, across, roomy, scale_of, tick_texts, upwards
from citygauge.report.charts.words import balanced, clipped

_RADIUS, _AROUND, _TALL = 138.0, 130.0, 250.0
_ENDS = ("#c6793b", "#1d5c8f")


def draw_radar(
    rows: Sequence[Row],
    language: Language,
    *,
    limits: tuple[float, float],
    title: str = "",
    decimals: int = 1,
    illustrative: bool,
) -> Chart:
    """Return the profile of one or a few series over three to ten axes that start from one middle.

    Parameters
    ----------
    rows : sequence of dict
        ``axis, label, series, value`` and ``described``: axes and series in the order in which they first
        come, the axes clockwise from the top. `label` is the name of the axis; below it stand the values of
        the series in their order. A missing value breaks the line. Below three axes there is no figure, so
        that bars are drawn.
    limits : (float, float)
        What the middle and the outer ring stand for.
    title : str
        Of the values, used where bars are drawn.
    decimals : int
        Of the values.
    """
    axes, series = keys_of(rows, "axis"), keys_of(rows, "series")
    if len(axes) < 3:
        bars = [{**row, "group": row["label"]} for row in rows]
        return draw_grouped_bars(bars, language, title=title, decimals=decimals, illustrative=illustrative)
    at = {(row["axis"], row["series"]): row for row in rows}
    entries = list(zip(series, taken(CATEGORIES, len(series)), taken(SHAPES, len(series)), strict=True))
    marks, words, top = legend(entries, 2 * (_RADIUS + _AROUND))
    ends = [row["x"] + width_of(row["text"], SMALL) for row in words]
    around = _heads(axes, at, series, (0.0, 0.0), decimals)
    half = max(_RADIUS, max(ends, default=0.0) / 2, *(map(_reach, around)))
    high = min(row["y"] for row in around) - 9, max(row["y"] for row in around) + 9
    frame = Frame(high[1] - high[0], 12, 12, top + 6, 8, wanted=2 * half)
    middle = (frame.width / 2, -high[0])
    shift = (frame.width - max(ends, default=0.0)) / 2
    marks, words = ([{**row, "x": row["x"] + shift} for row in part] for part in (marks, words))
    scale = Scale(*limits, 0, _RADIUS)
    web, rings = _web(scale, middle, len(axes))
    drawn: list[Layer] = []
    dots: list[Row] = []
    for i, (name, colour, shape) in enumerate(entries):
        own = [at.get((axis, name), {}) for axis in axes]
        places = [_place(row.get("value"), scale, middle, k, len(axes)) for k, row in enumerate(own)]
        drawn += lines(_runs(places, colour), strokeWidth=2.2, strokeDash=list(DASHES[i % len(DASHES)]))
        look = {"colour": "white", "fill": colour, "shape": shape}
        found = [(p, said(row)) for p, row in zip(places, own, strict=True) if p is not None]
        dots += [{"x": x, "y": y, "described": told, **look} for (x, y), told in found]
    heads = _heads(axes, at, series, middle, decimals)
    layers = [web, drawn, points(marks, size=70), points(dots, size=75, strokeWidth=1)]
    return picture([*layers, texts([*rings, *words, *heads])], language, frame, illustrative=illustrative)


def draw_parallel(
    rows: Sequence[Row], language: Language, *, title: str, decimals: int = 1, illustrative: bool
) -> Chart:
    """Return a line for each unit over upright axes with one scale; the highlighted ones stand out.

    Parameters
    ----------
    rows : sequence of dict
        ``unit, axis, value, label, highlight, described``: axes in the order in which they first come.
        `label` is the name of the unit, written at the right of a highlighted line with its last value. A
        missing value breaks the line.
    title : str
        Of the common scale.
    decimals : int
        Of the values beside the names.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    axes, units = keys_of(rows, "axis"), grouped(rows, "unit")
    scale = scale_of([row["value"] for row in rows if known(row["value"])], _TALL, 0)
    strong = [unit for unit, own in units.items() if any(row.get("highlight") for row in own)]
    ends = [_end(units[unit], axes, decimals) for unit in strong]
    _, ticks, left = upwards(scale, 0)
    right = min(max((width_of(text, SMALL) for _, text in ends), default=0), 180) + 30
    step = (720 - left - right - 60) / max(len(axes) - 1, 1)
    parts = [balanced(name, min(step, 120) - 6, SMALL, lines=3) for name in axes]
    top = 13 * max(map(len, parts)) + 24
    left = max(left + 18, max(width_of(line, SMALL) for line in parts[0]) / 2 + 8)
    frame = Frame(_TALL, left, right, top, 16, wanted=max(step * (len(axes) - 1), 160))
    at = {axis: frame.width * i / max(len(axes) - 1, 1) for i, axis in enumerate(axes)}
    heads = [
        {"x": at[axis], "y": -16 - 13 * (len(part) - 1 - i), "text": line, "align": "center", "size": SMALL}
        for axis, part in zip(axes, parts, strict=True)
        for i, line in enumerate(part)
    ]
    heading = upright(title, 14 - left, _TALL)
    faint = [unit for unit in units if unit not in strong]
    quiet, small = _threads(units, faint, at, scale, [FAINT] * len(faint))
    layers = [rules(grid_rows(list(at.values()), 0, _TALL)), lines(quiet, strokeWidth=1, opacity=0.8)]
    layers.append(points(small, size=12, opacity=0.8))
    heights = spaced([_last(units[u], axes, scale) for u in strong], 15, 0, _TALL)
    for i, (unit, colour) in enumerate(zip(strong, taken(CATEGORIES, len(strong)), strict=True)):
        bold, dots = _threads(units, [unit], at, scale, [colour])
        layers.append(lines(bold, strokeWidth=2.6, strokeDash=list(DASHES[i % len(DASHES)])))
        layers.append(points([{**dot, "shape": SHAPES[i % len(SHAPES)]} for dot in dots], size=60))
        name = {"x": frame.width + 14, "y": heights[i], "text": clipped(ends[i][1], 180, SMALL)}
        heads.append({**name, "size": SMALL, "bold": True, "colour": INK})
    layers.append(rules(_leads(strong, units, axes, scale, heights, frame.width)))
    return picture([*layers, texts([*heads, heading, *ticks])], language, frame, illustrative=illustrative)


def draw_dumbbell(
    rows: Sequence[Row],
    language: Language,
    *,
    series: tuple[str, str],
    title: str,
    decimals: int = 1,
    illustrative: bool,
) -> Chart:
    """Return two values a row and the line between them: a city and its peers, or before and after.

    Parameters
    ----------
    rows : sequence of dict
        ``key, label, a, b, described``, in the order given. Either value may be missing; this is said in a
        column at the right.
    series : (str, str)
        The names of `a` (a hollow circle) and `b` (a filled diamond).
    title : str
        Of the axis.
    decimals : int
        Of the values.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    left = names([row["label"] for row in rows])
    entries = [(series[0], _ENDS[0], "circle"), (series[1], _ENDS[1], "diamond")]
    marks, words, top = legend(entries, Frame(0, left.room).width)
    marks[0]["fill"] = "white"
    found = [row[key] for row in rows for key in ("a", "b") if known(row[key])]
    room = max((width_of(figure(value, decimals), SMALL) for value in found), default=0) + 14
    lacks = any(not known(row["a"]) or not known(row["b"]) for row in rows)
    beside = width_of(NO_DATA[language], SMALL) + 12 if lacks else 0
    frame = Frame(left.height + 4, left.room, top=top + 8)
    scale = roomy(found, room, frame.width - beside)
    grid, axis = across(scale, frame.height, title)
    there = list(zip(rows, left.middles, strict=True))
    links = [_link(row, scale, y) for row, y in there if known(row["a"]) and known(row["b"])]
    hollow, full = _marks(there, "a", scale), _marks(there, "b", scale)
    for row, y in there:
        words += _pair(row, scale, y, decimals)
        if not known(row["a"]) or not known(row["b"]):
            note = {"x": frame.width, "y": y, "text": NO_DATA[language], "align": "right"}
            words.append({**note, "size": SMALL, "colour": GREY})
    layers = [rules(grid), rules(links, strokeWidth=3), points(hollow, size=64, strokeWidth=2)]
    layers += [points(full, size=70), points(marks, size=64, strokeWidth=2)]
    return picture([*layers, texts([*left.texts, *axis, *words])], language, frame, illustrative=illustrative)


def _link(row: Row, scale: Scale, y: float) -> Row:
    return {"x": scale(row["a"]), "x2": scale(row["b"]), "y": y, "y2": y, "colour": FAINT}


def _marks(there: Sequence[tuple[Row, float]], key: str, scale: Scale) -> list[Row]:
    """Return the marks of one of the two series: hollow circles or filled diamonds."""
    colour = _ENDS[0] if key == "a" else _ENDS[1]
    look = {"colour": colour, "fill": "white"} if key == "a" else {"colour": colour, "shape": "diamond"}
    return [
        {"x": scale(row[key]), "y": y, "described": said(row), **look} for row, y in there if known(row[key])
    ]


def _pair(row: Row, scale: Scale, y: float, decimals: int) -> list[Row]:
    """Return the texts of the two values, each on the outer side of its mark."""
    ends = sorted((row[key], key) for key in ("a", "b") if known(row[key]))
    found = []
    for i, (value, _) in enumerate(ends):
        is_left = i == 0 and len(ends) == 2
        x = scale(value) + (-9 if is_left else 9)
        text = {"x": x, "y": y, "text": figure(value, decimals), "align": "right" if is_left else "left"}
        found.append({**text, "size": SMALL, "halo": True})
    return found


def _place(
    value: float | None, scale: Scale, middle: tuple[float, float], k: int, n: int
) -> tuple[float, float] | None:
    """Return where a value lies on the k-th of n axes; what is beyond the limits lies at them."""
    if value is None or not known(value):
        return None
    out = scale(min(max(value, scale.low), scale.high))
    turn = 2 * math.pi * k / n
    return middle[0] + out * math.sin(turn), middle[1] - out * math.cos(turn)


def _runs(places: Sequence[tuple[float, float] | None], colour: str) -> list[Row]:
    """Return the sides of a figure, each a line of its own, closed where neither end is missing."""
    whole = all(place is not None for place in places)
    if whole:
        closed = [*places, places[0]]
        return [{"x": p[0], "y": p[1], "line": "whole", "colour": colour} for p in closed if p is not None]
    found = []
    for i, (a, b) in enumerate(pairwise([*places, places[0]])):
        if a is not None and b is not None:
            found += [{"x": p[0], "y": p[1], "line": f"side {i}", "colour": colour} for p in (a, b)]
    return found


def _web(scale: Scale, middle: tuple[float, float], n: int) -> tuple[list[Layer], list[Row]]:
    """Return the spokes and rings, and the values of the rings beside the upper spoke."""
    ticks = [tick for tick in scale.ticks(5) if tick > scale.low]
    if not ticks or ticks[-1] < scale.high:
        ticks.append(scale.high)
    spokes, rings = [], []
    for k in range(n):
        end = _place(scale.high, scale, middle, k, n) or middle
        spokes.append({"x": middle[0], "y": middle[1], "x2": end[0], "y2": end[1], "colour": RULE})
    for tick in ticks:
        corners = [_place(tick, scale, middle, k % n, n) or middle for k in range(n + 1)]
        rings += [{"x": x, "y": y, "line": f"ring {tick}", "colour": "#d5d9dd"} for x, y in corners]
    words = [
        {"x": middle[0] - 5, "y": middle[1] - scale(tick), "text": text, "align": "right", "halo": True}
        for tick, text in zip(ticks, tick_texts(ticks), strict=True)
    ]
    style = {"size": 10, "colour": GREY}
    return [*rules(spokes), *lines(rings, strokeWidth=1)], [{**word, **style} for word in words]


def _heads(
    axes: Sequence[str],
    at: dict[tuple[str, str], Row],
    series: Sequence[str],
    middle: tuple[float, float],
    decimals: int,
) -> list[Row]:
    """Return the names of the axes around the web, and below each the values of the series."""
    labels = {axis: row["label"] for (axis, _), row in at.items()}
    found = []
    for k, axis in enumerate(axes):
        turn = 2 * math.pi * k / len(axes)
        side, up = math.sin(turn), math.cos(turn)
        parts = balanced(labels[axis], _AROUND if abs(side) > 0.1 else 240, lines=2)
        values = " | ".join(figure(at.get((axis, name), {}).get("value"), decimals) for name in series)
        whole = [(line, True) for line in parts] + [(clipped(values, _AROUND, SMALL), False)]
        high = 14.0 * len(whole)
        x, y = middle[0] + (_RADIUS + 10) * side, middle[1] - (_RADIUS + 8) * up - high / 2 * (1 + up)
        align = "center" if abs(side) < 0.1 else "left" if side > 0 else "right"
        for i, (text, is_name) in enumerate(whole):
            style = {"size": 12, "bold": True} if is_name else {"size": SMALL, "colour": GREY}
            found.append({"x": x, "y": y + 14 * (i + 0.5), "text": text, "align": align, **style})
    return found


def _reach(row: Row) -> float:
    """Return how far a text reaches from the middle, to the left or to the right."""
    wide = width_of(row["text"], row["size"])
    return float(abs(row["x"]) + wide / (2 if row["align"] == "center" else 1))


def _threads(
    units: dict[str, list[Row]],
    chosen: Sequence[str],
    at: dict[str, float],
    scale: Scale,
    colours: Sequence[str],
) -> tuple[list[Row], list[Row]]:
    """Return lines of units over the axes, broken where a value is missing, and their points."""
    threads, dots = [], []
    for unit, colour in zip(chosen, colours, strict=True):
        values = {row["axis"]: row for row in units[unit]}
        part = 0
        for axis, x in at.items():
            row = values.get(axis)
            if row is None or not known(row["value"]):
                part += 1
                continue
            place = {"x": x, "y": scale(row["value"]), "colour": colour, "described": said(row)}
            threads.append({**place, "line": f"{unit} {part}"})
            dots.append(place)
    return [{key: v for key, v in row.items() if key != "described"} for row in threads], dots


def _final(rows: Sequence[Row], axes: Sequence[str]) -> Row | None:
    """Return the row of the last axis on which a unit has a value."""
    there = {row["axis"]: row for row in rows if known(row["value"])}
    return next((there[axis] for axis in reversed(axes) if axis in there), None)


def _end(rows: Sequence[Row], axes: Sequence[str], decimals: int) -> tuple[str, str]:
    """Return the unit of rows and the text at the end of its line."""
    row = _final(rows, axes)
    has_end = row is not None and row["axis"] == axes[-1]
    value = row["value"] if row is not None and has_end else None
    return str(rows[0]["unit"]), f"{rows[0]['label']} {figure(value, decimals)}"


def _last(rows: Sequence[Row], axes: Sequence[str], scale: Scale) -> float:
    row = _final(rows, axes)
    return _TALL if row is None else scale(row["value"])


def _leads(
    strong: Sequence[str],
    units: dict[str, list[Row]],
    axes: Sequence[str],
    scale: Scale,
    heights: Sequence[float],
    width: float,
) -> list[Row]:
    """Return short lines from the ends of the highlighted lines to their names."""
    return [
        {"x": width + 4, "x2": width + 12, "y": _last(units[unit], axes, scale), "y2": y, "colour": FAINT}
        for unit, y in zip(strong, heights, strict=True)
    ]
