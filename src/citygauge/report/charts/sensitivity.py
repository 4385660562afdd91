"""What results hang on: indices of factors, one factor at a time, how far weights may move, convergence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, GREY, INK, Chart, Row, width_of
from citygauge.report.charts.cells import percent
from citygauge.report.charts.colours import CATEGORIES, DASHES, SHAPES, taken
from citygauge.report.charts.layered import Layer
from citygauge.report.charts.order import DOWN, UP
from citygauge.report.charts.plot import (
    ACCENT,
    EDGE,
    NO_DATA,
    SMALL,
    Frame,
    figure,
    grid_rows,
    grouped,
    known,
    legend,
    lines,
    names,
    nothing,
    picture,
    points,
    rects,
    rules,
    said,
    texts,
    upright,
)
from citygauge.report.charts.scales import Scale, across, roomy, scale_of, upwards
from citygauge.report.charts.words import clipped

_ORDERS = {"zh": ("一阶指数", "总效应指数"), "en": ("first order", "total")}
_VARIANCE = {"zh": "占输出方差的份额", "en": "share of the variance of the output"}
_CONSTANT = {"zh": "输出不变，无指数", "en": "constant output, no index"}
_SETTINGS = {"zh": ("因素取低值", "因素取高值"), "en": ("factor at its low end", "factor at its high end")}
_STABLE = {"zh": ("结论不变的权重区间", "现权重"), "en": ("the conclusion holds", "present weight")}
_WEIGHT = {"zh": "权重", "en": "weight"}
_RUNS = {"zh": "模拟次数（对数刻度）", "en": "replications (logarithmic)"}
_COLOURS = CATEGORIES[:2]
_TICK = "M-.15,-1h.3v2h-.3Z"
_TALL, _TEXT_ROOM = 240.0, 130.0


def draw_sobol(
    rows: Sequence[Row],
    language: Language,
    *,
    title: str = "",
    decimals: int = 2,
    illustrative: bool,
) -> Chart:
    """Return for each factor a bar of its first order index above one of its total index, with intervals.

    Parameters
    ----------
    rows : sequence of dict
        ``label, first, first_low, first_high, total, total_low, total_high, described``, drawn in the order
        given. A bar whose interval is not known has no whisker. Where neither index is known the output is
        constant, which is said in words; where one is not known, that there are no data.
    title : str
        Of the axis, which reaches from 0 to 1 at least; estimates may lie a little outside.
    decimals : int
        Of the indices.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    left = names([row["label"] for row in rows], steps=(32, 28))
    entries = [(name, c, "square") for name, c in zip(_ORDERS[language], _COLOURS, strict=True)]
    marks, told, top = legend(entries, Frame(0, left.room).width, left.room - 16)
    frame = Frame(left.height, left.room, top=top + 8)
    ends = [0.0, 1.0, *(end for row in rows for key in _KINDS for end in _reach(row, key))]
    room = width_of(figure(-1.0, decimals), SMALL) + 10
    scale = Scale(min(ends), max(ends), 6, frame.width - room)
    grid, axis = across(scale, frame.height, clipped(title or _VARIANCE[language], frame.width, SMALL))
    bars: list[Row] = []
    whiskers: list[Row] = []
    words: list[Row] = [*left.texts, *axis, *told]
    thick = (left.step - 8) / 2
    for row, middle in zip(rows, left.middles, strict=True):
        if not any(known(row[key]) for key in _KINDS):
            text = {"x": scale(0) + 5, "y": middle, "text": _CONSTANT[language]}
            words.append({**text, "size": SMALL, "colour": GREY, "halo": True})
            continue
        for key, colour, name, turn in zip(_KINDS, _COLOURS, _ORDERS[language], (-0.5, 0.5), strict=True):
            y = middle + turn * thick
            if known(row[key]):
                own = f"{row['label']} {name} {figure(row[key], decimals)}"
                described = row.get("described") or own
                bar = {
                    "x": scale(0),
                    "x2": scale(row[key]),
                    "y": y - thick / 2 + 0.5,
                    "y2": y + thick / 2 - 0.5,
                }
                bars.append({**bar, "colour": colour, "described": described})
            whiskers += _whisker(row, key, scale, y)
            words.append(_index(row, key, scale, y, decimals, language))
    zero = grid_rows([scale(0)], 0, frame.height, colour=EDGE)
    layers = [rules(grid), rects(bars), rules(whiskers), rules(zero), points(marks, size=90), texts(words)]
    return picture(layers, language, frame, illustrative=illustrative)


def draw_tornado(
    rows: Sequence[Row],
    language: Language,
    *,
    base: tuple[float, str],
    title: str,
    ends: tuple[str, str] | None = None,
    illustrative: bool,
) -> Chart:
    """Return how far each factor alone moves an output off its base, the widest swing on top.

    Where both ends of a factor lie on one side of the base, its bar is parted lengthwise.

    Parameters
    ----------
    rows : sequence of dict
        ``label, low, high`` (the output at the low and at the high end of the factor), ``low_text,
        high_text`` (beside the ends) and ``described``. A missing end is not drawn; where both are, this is
        said in words and the row is last.
    base : (float, str)
        The output with no factor moved, and its label above the line.
    title : str
        Of the axis.
    ends : (str, str), optional
        What the two colours are in the legend; the low and the high end of the factor unless given.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    rows = sorted(rows, key=lambda row: -_swing(row, base[0]))
    left = names([row["label"] for row in rows], steps=(26, 24))
    shown = zip(ends or _SETTINGS[language], (DOWN, UP), strict=True)
    marks, told, top = legend([(n, c, "square") for n, c in shown], Frame(0, left.room).width, left.room - 16)
    marks, told = ([{**row, "y": row["y"] - 20} for row in part] for part in (marks, told))
    frame = Frame(left.height, left.room, top=top + 24)
    found = [row[key] for row in rows for key in ("low", "high") if known(row[key])]
    texts_of = [clipped(row[f"{key}_text"], _TEXT_ROOM, 10) for row in rows for key in ("low", "high")]
    room = max(width_of(text, 10) for text in texts_of) + 10
    scale = roomy([*found, base[0]], room, frame.width)
    grid, axis = across(scale, frame.height, clipped(title, frame.width, SMALL))
    bars: list[Row] = []
    words: list[Row] = [*left.texts, *axis, *told]
    for row, y in zip(rows, left.middles, strict=True):
        own, beside = _ends(row, base[0], scale, (y, left.step - 4))
        bars, words = bars + own, words + beside
        if not own:
            text = {"x": scale(base[0]) + 6, "y": y, "text": NO_DATA[language], "halo": True}
            words.append({**text, "size": SMALL, "colour": GREY})
    words.append(_kept({"x": scale(base[0]), "y": -12, "text": base[1], "colour": ACCENT}, frame))
    line = grid_rows([scale(base[0])], -4, frame.height, colour=ACCENT)
    layers = [rules(grid), rects(bars), rules(line), points(marks, size=90), texts(words)]
    return picture(layers, language, frame, illustrative=illustrative)


def draw_stability(
    rows: Sequence[Row],
    language: Language,
    *,
    title: str = "",
    meaning: str = "",
    decimals: int = 0,
    illustrative: bool,
) -> Chart:
    """Return for each weight the interval in which a conclusion holds, with a tick at the present weight.

    Parameters
    ----------
    rows : sequence of dict
        ``label, low, high, now, described``: shares of 0 to 1, drawn in the order given. Where the interval
        is not known this is said in words.
    title : str
        Of the axis, which reaches from 0 to 100 %.
    meaning : str
        What holds within an interval, for the legend; that the conclusion holds unless given.
    decimals : int
        Of the per cent.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    left = names([row["label"] for row in rows])
    shown = [_span(row, decimals, language) for row in rows]
    right = max(width_of(text, SMALL) for text in shown) + 20
    frame = Frame(left.height, left.room, right)
    stable, present = _STABLE[language]
    entries = [(meaning or stable, BAR, "square"), (present, INK, _TICK)]
    marks, told, top = legend(entries, frame.width, left.room - 16)
    frame = replace(frame, top=top + 8)
    scale = Scale(0, 100, 6, frame.width - 6)
    unit = _PER_CENT[language]
    heading = clipped(title or _WEIGHT[language], frame.width - width_of(unit, SMALL), SMALL)
    grid, axis = across(scale, frame.height, heading + unit)
    bars, ticks, words = [], [], [*left.texts, *axis, *told]
    for row, y, text in zip(rows, left.middles, shown, strict=True):
        thick = min(left.step * 0.5, 12)
        if known(row["low"]) and known(row["high"]):
            low, high = scale(100 * row["low"]), scale(100 * row["high"])
            place = {"x": low, "x2": max(high, low + 1), "y": y - thick / 2, "y2": y + thick / 2}
            bars.append({**place, "colour": BAR, "described": said(row)})
        if known(row["now"]):
            x, half = scale(100 * row["now"]), thick / 2 + 3
            ticks.append({"x": x, "x2": x, "y": y - half, "y2": y + half, "colour": INK})
        colour = INK if known(row["low"]) and known(row["high"]) else GREY
        words.append({"x": frame.width + 10, "y": y, "text": text, "size": SMALL, "colour": colour})
    layers = [rules(grid), rects(bars), rules(ticks, strokeWidth=2), points(marks, size=90, strokeWidth=0)]
    return picture([*layers, texts(words)], language, frame, illustrative=illustrative)


def draw_convergence(
    rows: Sequence[Row],
    language: Language,
    *,
    title: str,
    goal: tuple[float, str] | None = None,
    illustrative: bool,
) -> Chart:
    """Return how wide intervals are after more and more replications, a line for each series.

    Parameters
    ----------
    rows : sequence of dict
        ``series, n, width, described``: how many replications, and how wide the interval then is. A missing
        width breaks the line.
    title : str
        Of the axis that goes up, which begins at zero.
    goal : (float, str), optional
        A line across at the width that is enough, and its label.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    series = grouped(rows, "series")
    there = [row for row in rows if known(row["width"]) and known(row["n"]) and row["n"] > 0]
    up = scale_of([row["width"] for row in there] + ([goal[0]] if goal else []), _TALL, 8, zero=True)
    _, _, room = upwards(up, 0)
    frame = Frame(_TALL, room + 26, 24)
    looks = list(zip(*(taken(p, len(series)) for p in (CATEGORIES, SHAPES)), strict=True))
    marks, told, top = legend(
        [(name, colour, shape) for name, (colour, shape) in zip(series, looks, strict=True)], frame.width
    )
    frame = replace(frame, top=top + 10)
    along = scale_of([row["n"] for row in there], 8, frame.width - 8, log=True)
    grid, axis = across(along, frame.height, _RUNS[language])
    grid_up, axis_up, _ = upwards(up, frame.width)
    words = [*axis, *axis_up, *told, upright(title, -room - 8, frame.height)]
    strokes: list[Layer] = []
    dots: list[Row] = []
    for i, ((name, own), (colour, shape)) in enumerate(zip(series.items(), looks, strict=True)):
        placed = _line(own, along, up, name, colour)
        strokes += lines(placed, strokeDash=[*DASHES[i % len(DASHES)]], strokeWidth=1.8)
        dots += [{**at, "shape": shape} for at in placed]
    limit = []
    if goal:
        limit = grid_rows([up(goal[0])], 0, frame.width, upright=False, colour=ACCENT)
        place = {"x": 4, "y": up(goal[0]) - 9, "halo": True}
        shown = clipped(goal[1], frame.width - 8, SMALL)
        words.append({**place, "text": shown, "size": SMALL, "colour": ACCENT})
    if not there:
        middle = {"x": frame.width / 2, "y": _TALL / 2, "align": "center"}
        words.append({**middle, "text": NO_DATA[language], "colour": GREY})
    layers = [rules([*grid, *grid_up]), rules(limit, strokeDash=[4, 3]), strokes]
    layers += [points(dots, size=36), points(marks, size=60), texts(words)]
    return picture(layers, language, frame, illustrative=illustrative)


_KINDS = ("first", "total")
_PER_CENT = {"zh": "（%）", "en": " (%)"}


def _whisker(row: Row, key: str, scale: Scale, y: float) -> list[Row]:
    """Return the line of an interval and its two caps; none where an end is not known."""
    reach = _reach(row, key)
    if len(reach) < 3:
        return []
    a, b = (scale(end) for end in reach[1:])
    found = [{"x": a, "x2": b, "y": y, "y2": y}]
    found += [{"x": end, "x2": end, "y": y - 3, "y2": y + 3} for end in (a, b)]
    return [{**line, "colour": INK} for line in found]


def _index(row: Row, key: str, scale: Scale, y: float, decimals: int, language: Language) -> Row:
    """Return the text of an index right of its bar and of its interval."""
    style = {"y": y, "size": 10, "halo": True}
    if not known(row[key]):
        return {"x": scale(0) + 5, "text": NO_DATA[language], "colour": GREY, **style}
    return {"x": scale(max(0.0, *_reach(row, key))) + 5, "text": figure(row[key], decimals), **style}


def _reach(row: Row, key: str) -> list[float]:
    """Return an index and the ends of its interval, as far as they are known."""
    return [float(row[name]) for name in (key, f"{key}_low", f"{key}_high") if known(row.get(name))]


def _swing(row: Row, base: float) -> float:
    """Return how far a factor moves the output, its base counted; less than nothing where not known."""
    found = [row[key] for key in ("low", "high") if known(row[key])]
    return float(max(*found, base) - min(*found, base)) if found else -1.0


def _ends(row: Row, base: float, scale: Scale, place: tuple[float, float]) -> tuple[list[Row], list[Row]]:
    """Return the bars of the two ends of a factor and the texts beside them."""
    y, thick = place
    moves = [row[key] - base for key in ("low", "high") if known(row[key])]
    is_parted = len(moves) == 2 and (moves[0] * moves[1] > 0 or not all(moves))
    bars, words = [], []
    for key, colour, turn in (("low", DOWN, -1), ("high", UP, 1)):
        if not known(row[key]):
            continue
        top, bottom = y - thick / 2, y + thick / 2
        if is_parted:
            top, bottom = (top, y - 0.5) if turn < 0 else (y + 0.5, bottom)
        at, text = scale(row[key]), clipped(row[f"{key}_text"], _TEXT_ROOM, 10)
        described = row.get("described") or f"{row['label']} {row[f'{key}_text']}"
        bars.append(
            {"x": scale(base), "x2": at, "y": top, "y2": bottom, "colour": colour, "described": described}
        )
        other = row["low" if key == "high" else "high"]
        is_left = row[key] < base or (row[key] == base and known(other) and other > base)
        style = {"align": "right" if is_left else "left", "size": 10, "halo": True}
        words.append({"x": at - 4 if is_left else at + 4, "y": (top + bottom) / 2, "text": text, **style})
    return bars, words


def _kept(row: Row, frame: Frame) -> Row:
    """Return a text above the plot, its middle at x or as near as the plot allows."""
    text = clipped(row["text"], frame.width, SMALL)
    half = width_of(text, SMALL) / 2
    x = min(max(row["x"], half - frame.left + 4), frame.width - half)
    return {**row, "x": x, "text": text, "align": "center", "size": SMALL}


def _span(row: Row, decimals: int, language: Language) -> str:
    """Return an interval of weights as text."""
    if not (known(row["low"]) and known(row["high"])):
        return NO_DATA[language]
    low, high = percent(row["low"], decimals), percent(row["high"], decimals)
    return low if low == high else f"{low}–{high}"


def _line(rows: Sequence[Row], along: Scale, up: Scale, name: str, colour: str) -> list[Row]:
    """Return the places of a series; a missing width begins another line of the same look."""
    found: list[Row] = []
    ordered = sorted((row for row in rows if known(row["n"]) and row["n"] > 0), key=lambda row: row["n"])
    runs = [list(run) for is_known, run in groupby(ordered, lambda row: known(row["width"])) if is_known]
    for i, run in enumerate(runs):
        found += [
            {"x": along(row["n"]), "y": up(row["width"]), "line": f"{name} {i}", "colour": colour}
            | {"described": said(row) or name}
            for row in run
        ]
    return found
