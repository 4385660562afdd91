"""Boxes, outlines and lines of text placed in pixels, drawn as one chart: what the diagrams are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from typing import Any

from citygauge.problems import Language
from citygauge.report.charts.base import GREY, SIZE, Chart, Row, width_of
from citygauge.report.charts.layered import Layer, layer, layered, text_layers

WIDE = 680
LINE = 16  # height of a line of text of the usual size
EDGE = 10
_NONE = {"zh": "没有可显示的数据", "en": "no data to show"}


@dataclass
class Sheet:
    """A sheet, measured in pixels from its upper left corner.

    Lines lie below boxes, boxes below shapes, shapes below text. Boxes that are `described`, which can be
    pointed at and are read aloud, lie above others, described shapes below; else what came later lies above.
    """

    language: Language
    width: float = WIDE
    _boxes: list[Row] = field(default_factory=list)
    _lines: list[Row] = field(default_factory=list)
    _shapes: list[Row] = field(default_factory=list)
    _texts: list[Row] = field(default_factory=list)

    def box(
        self, x: float, y: float, size: tuple[float, float], fill: str, *, edge: str = "", described: str = ""
    ) -> None:
        """Put a rectangle of a width and a height, its upper left corner at x, y."""
        ends = {"x": x, "y": y, "x2": x + size[0], "y2": y + size[1]}
        self._boxes.append({**ends, "fill": fill, "edge": edge or fill, "described": described})

    def line(self, points: Sequence[tuple[float, float]], colour: str = GREY) -> None:
        """Put a line through points."""
        self._lines.append({"x": 0, "y": 0, "path": path(points), "edge": colour})

    def shape(
        self, outline: str, fill: str | None, *, edge: str = "", wide: float = 1, described: str = ""
    ) -> None:
        """Put a shape given by its outline, an SVG path, with an edge so many pixels wide."""
        look = {"fill": fill, "edge": edge or fill, "wide": wide, "described": described}
        self._shapes.append({"x": 0, "y": 0, "path": outline, **look})

    def text(self, x: float, y: float, text: str, *, described: str = "", **style: Any) -> None:
        """Put one line of text, the middle of its height at y.

        `style` may hold ``align`` (left, center, right), ``size``, ``bold`` and ``colour``.
        """
        self._texts.append({"x": x, "y": y, "text": text, "described": described, **style})

    def lines(self, x: float, top: float, texts: Sequence[str], **style: Any) -> float:
        """Put lines of text below one another and return where the next one would begin."""
        pitch = line_of(style.get("size", SIZE))
        for i, text in enumerate(texts):
            self.text(x, top + pitch * (i + 0.5), text, **style)
        return top + pitch * len(texts)

    def chart(self, height: float, *, illustrative: bool, corner: float = 0) -> Chart:
        """Return what was put on the sheet as a chart of a height."""
        if not (self._boxes or self._lines or self._shapes or self._texts):
            height = 3 * LINE
            self.text(self.width / 2, height / 2, _NONE[self.language], align="center", colour=GREY)
        padding = dict.fromkeys(("left", "right", "top", "bottom"), EDGE)
        size = (self.width, round(height))
        return layered(self._layers(corner), self.language, size, padding, illustrative=illustrative)

    def _layers(self, corner: float) -> list[Layer]:
        """Return one layer for each kind of mark, described or not, and one of all texts."""
        layers = []
        symbol = {"x": "x", "y": "y", "shape": "path", "stroke": "edge"}
        if self._lines:
            mark = {"filled": False, "size": 4, "opacity": 1, "strokeWidth": 1.2, "aria": False}
            layers.append(layer("point", self._lines, symbol, mark))
        rect = {"x": "x", "y": "y", "x2": "x2", "y2": "y2", "stroke": "edge", "fill": "fill"}
        for is_told, rows in groupby(sorted(self._boxes, key=_is_told), _is_told):
            mark = {"strokeWidth": 1, "cornerRadius": corner, "aria": is_told}
            layers.append(layer("rect", list(rows), {**rect, **_told(is_told)}, mark))
        filled = {**symbol, "fill": "fill", "strokeWidth": "wide"}
        for is_told, rows in groupby(sorted(self._shapes, key=_is_told, reverse=True), _is_told):
            mark = {"filled": True, "size": 4, "opacity": 1, "aria": is_told}
            layers.append(layer("point", list(rows), {**filled, **_told(is_told)}, mark))
        return [*layers, *text_layers(self._texts, is_told=True)]


def path(points: Sequence[tuple[float, float]], *, closed: bool = False) -> str:
    """Return a line through points as an SVG path."""
    return "M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in points) + "Z" * closed


def corners(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """Return the corners of a rectangle, from the upper left one clockwise."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def line_of(size: float) -> float:
    """Return how high a line of text of a size is."""
    return LINE * size / SIZE


def side_by_side(number: int, most: int) -> int:
    """Return how many of a number stand in a line of at most so many, lines about equally long."""
    return max(ceil(number / max(ceil(number / most), 1)), 1)


def widest(texts: Sequence[str], size: float = SIZE) -> float:
    """Return the width of the widest text, 0 without any."""
    return max((width_of(text, size) for text in texts), default=0.0)


def told(row: Row) -> str:
    """Return the spoken line of a row, or its label where it has none."""
    return str(row.get("described") or row["label"])


def _told(is_told: bool) -> dict[str, str]:
    return {"description": "described", "tooltip": "described"} if is_told else {}


def _is_told(row: Row) -> bool:
    return bool(row["described"])
