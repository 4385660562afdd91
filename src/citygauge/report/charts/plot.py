"""Marks placed by the pixel: what the statistical charts are drawn with, so that nothing is cut off."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from citygauge.problems import Language
from citygauge.report.charts.base import GREY, RULE, SIZE, WIDTH, Chart, Row, width_of
from citygauge.report.charts.layered import Layer, layer, layered, text_layers
from citygauge.report.charts.placing import Box, label_places, nearest
from citygauge.report.charts.words import balanced, clipped, wrap

NO_DATA: Mapping[Language, str] = {"zh": "无数据", "en": "no data"}
WIDEST, ROOM = 720, 230  # of the whole picture; what labels left of the plot may take of it
SMALL = 11
FAINT, ACCENT, EDGE = "#c4cad0", "#b3341f", "#8b949c"


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of the plot and the room around it, in pixels."""

    height: float
    left: float = 16
    right: float = 16
    top: float = 16
    bottom: float = 44
    wanted: float = WIDTH

    @property
    def width(self) -> float:
        """The width of the plot: as wanted, or what a picture of the widest size leaves for it."""
        return float(math.floor(max(min(self.wanted, WIDEST - self.left - self.right), 160)))


@dataclass(frozen=True, slots=True)
class Names:
    """The labels left of a plot: their texts, the middle and height of each row, and the room they need."""

    texts: list[Row]
    middles: list[float]
    step: float
    room: float

    @property
    def height(self) -> float:
        """The height of all rows."""
        return self.step * len(self.middles)


def known(value: Any) -> bool:
    """Tell whether a value is a number: neither missing nor infinite."""
    return isinstance(value, int | float) and math.isfinite(value)


def figure(value: Any, decimals: int, *, sign: bool = False) -> str:
    """Return a number as printed in a chart, with a real minus; a dash where it is missing.

    Examples
    --------
    >>> figure(-1234.56, 1), figure(-0.2, 0), figure(None, 2), figure(2.0, 1, sign=True)
    ('−1,234.6', '0', '–', '+2.0')
    """
    if not known(value):
        return "–"
    text = f"{value:+,.{decimals}f}" if sign else f"{value:,.{decimals}f}"
    is_zero = not any(char in "123456789" for char in text)
    return (text.lstrip("+-") if is_zero else text).replace("-", "−")


def picture(
    layers: Iterable[Sequence[Layer]], language: Language, frame: Frame, *, illustrative: bool
) -> Chart:
    """Return the layers as one chart of the size of the frame, with the notice above where one is due."""
    drawn = [layer for group in layers for layer in group]
    padding = {"left": frame.left, "right": frame.right, "top": frame.top, "bottom": frame.bottom}
    return layered(drawn, language, (frame.width, frame.height), padding, illustrative=illustrative)


def nothing(language: Language, *, illustrative: bool) -> Chart:
    """Return the picture for no rows: the words that there are no data."""
    frame = Frame(60, bottom=16)
    words = {"x": frame.width / 2, "y": 30, "text": NO_DATA[language], "align": "center", "colour": GREY}
    return picture([texts([words])], language, frame, illustrative=illustrative)


def rects(rows: Sequence[Row], **mark: Any) -> list[Layer]:
    """Return rectangles from ``x, x2, y, y2, colour``."""
    return _drawn(rows, "rect", ("x", "x2", "y", "y2"), {"color": "colour"}, mark)


def rules(rows: Sequence[Row], **mark: Any) -> list[Layer]:
    """Return straight lines from ``x, x2, y, y2, colour``."""
    return _drawn(rows, "rule", ("x", "x2", "y", "y2"), {"color": "colour"}, {"strokeWidth": 1, **mark})


def points(rows: Sequence[Row], **mark: Any) -> list[Layer]:
    """Return points from ``x, y, colour`` and, where not a filled circle, ``fill, shape``."""
    whole = [{"fill": row["colour"], "shape": "circle", **row} for row in rows]
    channels = {"stroke": "colour", "fill": "fill", "shape": "shape"}
    return _drawn(whole, "point", ("x", "y"), channels, {"size": 40, "opacity": 1, **mark})


def lines(rows: Sequence[Row], **mark: Any) -> list[Layer]:
    """Return broken lines from ``x, y, line, colour``: the rows of one `line` are joined in their order."""
    joined = {"color": "colour", "detail": "line", "order": "step"}
    return _drawn([{**row, "step": i} for i, row in enumerate(rows)], "line", ("x", "y"), joined, mark)


def bands(rows: Sequence[Row], colour: str, opacity: float) -> list[Layer]:
    """Return the area between two lines from ``x, y, y2``."""
    return _drawn(rows, "area", ("x", "y", "y2"), {}, {"color": colour, "opacity": opacity})


def texts(rows: Sequence[Row]) -> list[Layer]:
    """Return texts from ``x, y, text`` with `y` at their middle.

    Style is given by ``align, size, bold, colour, angle, halo`` where it is not the usual one; `halo` keeps
    what lies behind off the letters.
    """
    return text_layers(rows)


def label_lines(
    x: float, y: float, text: str, room: float, *, most: int = 2, pitch: float = 13, **style: Any
) -> list[Row]:
    """Return the rows of a text broken into at most `most` lines around the height `y`."""
    found = balanced(text, room, style.get("size", SIZE), lines=most)
    start = y - pitch * (len(found) - 1) / 2
    return [{"x": x, "y": start + i * pitch, "text": line, **style} for i, line in enumerate(found)]


def names(
    labels: Sequence[str], bold: Sequence[bool] = (), *, steps: tuple[float, float] = (22, 17)
) -> Names:
    """Return labels in up to two lines, one row each; rows are lower where there are more than thirty."""
    room = min(max((width_of(text) for text in labels), default=0), ROOM)
    is_broken = any(len(wrap(text, room, SIZE, lines=2)) > 1 for text in labels)
    step = max(27 if is_broken else 0, steps[0] if len(labels) <= 30 else steps[1])
    middles = [step * (i + 0.5) for i in range(len(labels))]
    rows = [
        row
        for text, y, strong in zip(labels, middles, bold or [False] * len(labels), strict=True)
        for row in label_lines(-8, y, text, room, align="right", bold=strong)
    ]
    return Names(rows, middles, step, max((width_of(row["text"]) for row in rows), default=0) + 20)


def legend(
    entries: Sequence[tuple[str, str, str]], width: float, beside: float = 0.0
) -> tuple[list[Row], list[Row], float]:
    """Return points and texts of a legend above the plot, and its height.

    The entries are name, colour and shape; they go on in a further line where one is full. One that is wider
    than the plot begins up to `beside` left of it.
    """
    whole = sum(width_of(name, SMALL) + 32 for name, _, _ in entries) - 16
    first = -beside if whole > width else 0.0
    x, width, line = 0.0, width - first, 0
    marks: list[Row] = []
    words: list[Row] = []
    for name, colour, shape in entries:
        shown = clipped(name, width - 24, SMALL)
        wide = width_of(shown, SMALL)
        if x and x + 16 + wide > width:
            x, line = 0.0, line + 1
        marks.append({"x": first + x + 6, "y": 17.0 * line, "colour": colour, "shape": shape})
        words.append({"x": first + x + 16, "y": 17.0 * line, "text": shown, "size": SMALL})
        x += 16 + wide + 16
    height = 17.0 * (line + 1) + 6 if entries else 0.0
    up = height - 4
    return [{**m, "y": m["y"] - up} for m in marks], [{**w, "y": w["y"] - up} for w in words], height + 6


def upright(title: str, x: float, height: float) -> Row:
    """Return the title of an axis that goes up, read from below, its middle at x and half the height."""
    shown = clipped(title, height, SMALL)
    return {"x": x, "y": height / 2, "text": shown, "align": "center", "size": SMALL, "angle": 270}


def beside(
    labelled: Sequence[tuple[Row, str]],
    dots: Sequence[Row],
    diameter: float,
    within: Box,
    kept: Sequence[Box] = (),
) -> tuple[list[Row], list[Row]]:
    """Return texts at free places near their points, and lines to those that stand off.

    Texts lie neither on points nor on what is to be `kept` free. One that finds no place is left out: it is
    still what the pointer shows.
    """
    r = diameter / 2
    taken = [(dot["x"] - r, dot["y"] - r, dot["x"] + r, dot["y"] + r) for dot in dots]
    sizes = [(width_of(text, SMALL) + 2, 13.0) for _, text in labelled]
    anchors = [(dot["x"], dot["y"]) for dot, _ in labelled]
    found = label_places(anchors, sizes, within, [*taken, *kept], clear=r + 3)
    words, leads = [], []
    for (dot, text), place, (width, _) in zip(labelled, found, sizes, strict=True):
        if place is None:
            continue
        x, y = place
        words.append({"x": x, "y": y, "text": text, "align": "center", "size": SMALL, "halo": True})
        end = nearest((dot["x"], dot["y"]), (x - width / 2, y - 6, x + width / 2, y + 6))
        away = math.dist((dot["x"], dot["y"]), end)
        if away > r + 4.5:
            start = [dot[axis] + (to - dot[axis]) * r / away for axis, to in zip("xy", end, strict=True)]
            leads.append({"x": start[0], "x2": end[0], "y": start[1], "y2": end[1], "colour": EDGE})
    return words, leads


def said(row: Row) -> str:
    """Return the spoken line of a row; its label where it has none."""
    return str(row.get("described") or row.get("label") or "")


def keys_of(rows: Sequence[Row], field: str) -> list[Any]:
    """Return the values of a field in the order in which they first come."""
    return list(dict.fromkeys(row[field] for row in rows))


def grouped(rows: Sequence[Row], field: str) -> dict[Any, list[Row]]:
    """Return the rows by the value of a field, in the order in which the values first come."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[field], []).append(row)
    return found


def grid_rows(
    places: Sequence[float], start: float, end: float, *, upright: bool = True, colour: str = RULE
) -> list[Row]:
    """Return lines at places along one axis, from `start` to `end` of the other."""
    along, over = ("x", "y") if upright else ("y", "x")
    return [{along: at, f"{along}2": at, over: start, f"{over}2": end, "colour": colour} for at in places]


def _drawn(
    rows: Sequence[Row],
    kind: str,
    places: Sequence[str],
    channels: Mapping[str, str],
    mark: Mapping[str, Any],
) -> list[Layer]:
    """Return a layer whose places are pixels and whose colours and shapes are those of the rows."""
    if not rows:
        return []
    encoded = {**{place: place for place in places}, **channels}
    speaks = any(row.get("described") for row in rows)
    if speaks:
        encoded |= {"description": "described", "tooltip": "described"}
    return [layer(kind, rows, encoded, {"aria": speaks, **mark})]
