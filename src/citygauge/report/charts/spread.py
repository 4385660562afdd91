"""How values spread: a box with its points for each group, and all units as one swarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from citygauge.problems import Language
from citygauge.report.charts.bars import STRONG
from citygauge.report.charts.base import BAR, GREY, INK, Chart, Row, width_of
from citygauge.report.charts.layered import Layer
from citygauge.report.charts.placing import spaced, swarm
from citygauge.report.charts.plot import (
    NO_DATA,
    SMALL,
    Frame,
    beside,
    figure,
    grid_rows,
    grouped,
    known,
    label_lines,
    names,
    nothing,
    picture,
    points,
    rects,
    rules,
    said,
    texts,
)
from citygauge.report.charts.scales import Scale, across, scale_of

_POINT, _LEAST, _BOX_HEIGHT, _MOST_ROOM = 8.0, 5.5, 12.0, 170.0
_ABOVE, _FAIR, _MOST = 33.0, 22.0, 48.0  # of a group: height of its box, half that of its points


def draw_strip(
    rows: Sequence[Row], language: Language, *, title: str, decimals: int = 1, illustrative: bool
) -> Chart:
    """Return for each group a box of its quartiles and below it every unit as a point.

    The box spans the quartiles (type 7 of Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566), the line
    in it and the number above are the median, the whiskers reach the outermost values within 1.5 times the
    span of the box (Tukey 1977). Points lie aside of each other, on one another only where very many are
    alike; chance has no part.

    Parameters
    ----------
    rows : sequence of dict
        ``group, value, described`` and ``label``, the text beside the point or empty. Missing values are
        counted below the name of the group.
    title : str
        Of the axis.
    decimals : int
        Of the medians.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    groups = grouped(rows, "group")
    counted = [_counted(own, language) for own in groups.values()]
    room = max(names([*groups]).room, max(width_of(text, SMALL) for text in counted) + 20)
    frame = Frame(0, room, 24, top=14)
    found = [row["value"] for row in rows if known(row["value"])]
    scale = scale_of(found, 12, frame.width - 12, about=8)
    halves, diameter = _needed(list(groups.values()), scale)
    steps = [max(_ABOVE + 2 * half + 4, 58.0) for half in halves]
    tops = [sum(steps[:i]) for i in range(len(steps))]
    frame = replace(frame, height=sum(steps))
    grid, axis = across(scale, frame.height, title)
    boxes: list[Row] = []
    strokes: list[Row] = []
    dots: list[Row] = []
    words: list[Row] = []
    for (name, own), top, step, count in zip(groups.items(), tops, steps, counted, strict=True):
        box, line, word = _box(own, scale, top + 22, decimals)
        marks, labels = _strip(own, scale, (top + _ABOVE, top + step - 4, frame.width), diameter)
        boxes += box
        strokes += line
        dots += marks
        place = {"x": -8, "y": top + step / 2 + 20, "text": count, "align": "right"}
        words += label_lines(-8, top + step / 2, name, room - 20, align="right")
        words += [*word, *labels, {**place, "size": SMALL, "colour": GREY}]
    between = grid_rows(tops[1:], -room + 8, frame.width, upright=False)
    layers = [rules([*grid, *between]), rects(boxes), rules(strokes), _points(dots, diameter)]
    return picture([*layers, texts([*axis, *words])], language, frame, illustrative=illustrative)


def draw_beeswarm(
    rows: Sequence[Row],
    language: Language,
    *,
    title: str,
    cuts: Sequence[tuple[float, str]] = (),
    decimals: int = 1,
    illustrative: bool,
) -> Chart:
    """Return every unit as a point on one axis, with the limits of the grades as lines.

    Parameters
    ----------
    rows : sequence of dict
        ``key, label, value, highlight, described``; the highlighted ones are darker and named with their
        value. Units without a value are named, or counted where they are many, below the axis.
    title : str
        Of the axis.
    cuts : sequence of (float, str)
        From what value each class reaches, and its name.
    decimals : int
        Of the values beside the names.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    there = [row for row in rows if known(row["value"])]
    ends = [*(row["value"] for row in there), *(at for at, _ in cuts)]
    scale = scale_of(ends, 10, Frame(0, 24, 24).width - 10, about=8)
    places = [scale(row["value"]) for row in there]
    offsets, diameter = swarm(places, _POINT + 3, _MOST_ROOM)
    is_named = any(row.get("highlight") for row in there)
    half = max(map(abs, offsets), default=0) + diameter / 2 + (36 if is_named else 12)
    lacking = _lacking([row["label"] for row in rows if not known(row["value"])], language)
    frame = Frame(round(2 * half), 24, 24, 40 if cuts else 14, 64 if lacking else 44)
    placed = list(zip(there, places, offsets, strict=True))
    dots = [{"x": x, "y": half + dy, "described": said(row), **_look(row)} for row, x, dy in placed]
    strong = [(row, dot) for row, dot in zip(there, dots, strict=True) if row.get("highlight")]
    labelled = [(dot, f"{row['label']} {figure(row['value'], decimals)}") for row, dot in strong]
    kept = [(scale(at) - 1, 0.0, scale(at) + 1, frame.height) for at, _ in cuts]
    words, leads = beside(labelled, dots, diameter, (0, 0, frame.width, frame.height), kept)
    grid, axis = across(scale, frame.height, title)
    limits = grid_rows([scale(at) for at, _ in cuts], -8, frame.height, colour=GREY)
    words += [*axis, *_cut_names(cuts, scale, frame)]
    words.append({"x": 0, "y": frame.height + 51, "text": lacking, "size": SMALL, "colour": GREY})
    marks = _points(dots, diameter)
    layers = [rules(grid), rules(limits, strokeDash=[4, 3]), rules(leads), marks]
    return picture([*layers, texts(words)], language, frame, illustrative=illustrative)


def _box(
    rows: Sequence[Row], scale: Scale, y: float, decimals: int
) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the box, the lines of median and whiskers, and the text of the median; nothing below two."""
    values = np.array([row["value"] for row in rows if known(row["value"])], dtype=float)
    if values.size < 2:
        return [], [], []
    first, median, third = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    reach = 1.5 * (third - first)
    low = float(values[values >= first - reach].min())
    high = float(values[values <= third + reach].max())
    up, down = y - _BOX_HEIGHT / 2, y + _BOX_HEIGHT / 2
    box = {"x": scale(first), "x2": scale(third), "y": up, "y2": down, "colour": "#d3e2ef"}
    arms = [(low, first), (third, high)]
    lines = [{"x": scale(a), "x2": scale(b), "y": y, "y2": y, "colour": GREY} for a, b in arms]
    lines += grid_rows([scale(low), scale(high)], y - 3, y + 3, colour=GREY)
    # Two lines side by side: the median is bold in the layer of the whiskers.
    lines += grid_rows([scale(median) + d for d in (-0.5, 0.5)], up - 1, down + 1, colour=INK)
    word = {"x": scale(median), "y": up - 9, "text": figure(median, decimals), "align": "center"}
    return [box], lines, [{**word, "size": SMALL, "bold": True, "halo": True}]


def _needed(groups: Sequence[Sequence[Row]], scale: Scale) -> tuple[list[float], float]:
    """Return half the height that the points of each group need, and the diameter of all points."""
    places = [[scale(row["value"]) for row in rows if known(row["value"])] for rows in groups]
    found = sorted(swarm(own, _POINT, _FAIR - _POINT / 2, least=_LEAST)[1] for own in places)
    diameter = found[(len(found) - 1) // 2]
    offsets = [swarm(own, diameter, _MOST, least=diameter)[0] for own in places]
    return [max(map(abs, own), default=0.0) + diameter / 2 for own in offsets], diameter


def _strip(
    rows: Sequence[Row], scale: Scale, room: tuple[float, float, float], diameter: float
) -> tuple[list[Row], list[Row]]:
    """Return the points of a group between two heights, and the labels of those that have one."""
    top, bottom, width = room
    there = [row for row in rows if known(row["value"])]
    places = [scale(row["value"]) for row in there]
    offsets, _ = swarm(places, diameter, (bottom - top - diameter) / 2, least=diameter)
    dots = [
        {"x": x, "y": (top + bottom) / 2 + dy, "described": said(row), **_look(row)}
        for row, x, dy in zip(there, places, offsets, strict=True)
    ]
    labelled = [(dot, row["label"]) for row, dot in zip(there, dots, strict=True) if row.get("label")]
    words, _ = beside(labelled, dots, diameter, (0, top, width, bottom))
    return dots, words


def _cut_names(cuts: Sequence[tuple[float, str]], scale: Scale, frame: Frame) -> list[Row]:
    """Return the names of the classes above their limits, moved aside where they would touch."""
    widest = max((width_of(name, SMALL) for _, name in cuts), default=0.0)
    places = spaced([scale(at) for at, _ in cuts], widest + 8, widest / 2, frame.width - widest / 2)
    return [
        {"x": x, "y": -16, "text": name, "align": "center", "size": SMALL, "colour": GREY}
        for x, (_, name) in zip(places, cuts, strict=True)
    ]


def _look(row: Row) -> Row:
    return {"colour": STRONG if row.get("highlight") else BAR}


def _points(dots: Sequence[Row], diameter: float) -> list[Layer]:
    """Return points as wide as a diameter, with a gap of half a pixel between those that stand closest."""
    return points(dots, size=(diameter - 0.5) ** 2, strokeWidth=0)


def _counted(rows: Sequence[Row], language: Language) -> str:
    """Return how many values a group has, and how many are missing."""
    lacking = sum(not known(row["value"]) for row in rows)
    text = f"n = {len(rows) - lacking}"
    return f"{text}, {NO_DATA[language]} {lacking}" if lacking else text


def _lacking(labels: Sequence[str], language: Language) -> str:
    """Return the names of the units without a value, or how many they are."""
    if not labels:
        return ""
    joined = f"{NO_DATA[language]}{'：' if language == 'zh' else ': '}"
    named = joined + ("、" if language == "zh" else ", ").join(labels)
    return named if width_of(named, SMALL) <= Frame(0).width else f"{joined}{len(labels)}"
