"""Reads drawn charts back from their SVG: texts with their boxes, marks with what is said of them."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import numpy as np

from citygauge.report.charts.base import svg, width_of

_MOVE = re.compile(r"(translate|rotate)\(([^)]*)\)")
LONG = {
    "zh": "国家新型智慧城市建设示范区内常住人口人均一般公共预算支出占地区生产总值比重的年度变化情况",
    "en": "Annual change of general public budget expenditure per permanent resident as a share of product",
}


@dataclass(frozen=True)
class Text:
    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    said: str
    x: float
    y: float
    path: str
    fill: str
    kind: str

    @property
    def numbers(self) -> list[float]:
        return [float(n) for n in re.findall(r"-?\d+\.?\d*", self.path)]


@dataclass(frozen=True)
class Drawn:
    width: float
    height: float
    texts: list[Text]
    marks: list[Mark]

    def bar(self, said: str) -> tuple[float, float, float, float]:
        """Return left, top, width and height of the rectangle of which something is said."""
        mark = next(m for m in self.marks if m.said == said and m.kind == "rect mark")
        found = re.fullmatch(r"M([-\d.]+),([-\d.]+)h([-\d.]+)v([-\d.]+)h[-\d.]+Z", mark.path)
        assert found, mark.path
        x, y, wide, high = map(float, found.groups())
        return mark.x + x, mark.y + y, wide, high

    @property
    def words(self) -> list[str]:
        return [text.text for text in self.texts]

    @property
    def whole(self) -> str:
        return "".join(self.words).replace(" ", "")

    def at(self, text: str) -> tuple[float, float]:
        """Return the middle of a text."""
        left, top, right, bottom = next(t.box for t in self.texts if t.text == text)
        return (left + right) / 2, (top + bottom) / 2


def read(chart) -> Drawn:
    """Return what a chart draws; the width of a text is reckoned, as fonts differ between machines."""
    root = ET.fromstring(svg(chart))
    drawn = Drawn(float(root.get("width")), float(root.get("height")), [], [])
    _walk(root, 0.0, 0.0, drawn)
    return drawn


def check_layout(drawn: Drawn, *, widest: float = 720) -> None:
    """Assert that no text leaves the picture, that none lies on another, and that the picture fits a page."""
    assert drawn.width <= widest
    for text in drawn.texts:
        left, top, right, bottom = text.box
        assert left >= -0.5, text
        assert top >= -0.5, text
        assert right <= drawn.width + 0.5, (text, drawn.width)
        assert bottom <= drawn.height + 0.5, (text, drawn.height)
    boxes = np.array([text.box for text in drawn.texts]).reshape(-1, 4)
    across = np.minimum.outer(boxes[:, 2], boxes[:, 2]) - np.maximum.outer(boxes[:, 0], boxes[:, 0])
    down = np.minimum.outer(boxes[:, 3], boxes[:, 3]) - np.maximum.outer(boxes[:, 1], boxes[:, 1])
    lie_on = np.triu((across > 0.5) & (down > 0.5), 1)
    assert not lie_on.any(), [(drawn.texts[i].text, drawn.texts[j].text) for i, j in np.argwhere(lie_on)]


def layers_of(chart, kind: str) -> list[tuple[dict, list[dict]]]:
    """Return the layers of one kind of mark with their rows."""
    whole = chart.to_dict()
    return [
        (layer["mark"], whole["datasets"][layer["data"]["name"]])
        for layer in whole["layer"]
        if layer["mark"]["type"] == kind
    ]


def rows_of(chart, kind: str) -> list[dict]:
    """Return the rows of all layers of one kind of mark."""
    return [row for _, rows in layers_of(chart, kind) for row in rows]


def _walk(node, x: float, y: float, drawn: Drawn) -> None:
    dx, dy, turn = _moved(node.get("transform", ""))
    x, y = x + dx, y + dy
    tag = node.tag.rpartition("}")[2]
    if tag == "text" and (node.text or "").strip() and node.get("stroke") != "white":
        drawn.texts.append(Text(node.text, _box(node, x, y, turn)))
    if node.get("aria-label") and node.get("role") == "graphics-symbol" and tag in {"path", "line"}:
        kind = node.get("aria-roledescription", "")
        drawn.marks.append(Mark(node.get("aria-label"), x, y, node.get("d", ""), node.get("fill", ""), kind))
    for child in node:
        _walk(child, x, y, drawn)


def _moved(transform: str) -> tuple[float, float, float]:
    x = y = turn = 0.0
    for kind, inside in _MOVE.findall(transform):
        numbers = [float(n) for n in inside.split(",")]
        if kind == "translate":
            x, y = x + numbers[0], y + numbers[1]
        else:
            turn = numbers[0]
    return x, y, turn


def _box(node, x: float, y: float, turn: float) -> tuple[float, float, float, float]:
    """Return the box of the letters: the anchor is on the base line, capitals are 0.72 of the size high."""
    size = float(node.get("font-size").removesuffix("px"))
    wide = width_of(node.text, size)
    start = {"start": 0.0, "middle": -wide / 2, "end": -wide}[node.get("text-anchor", "start")]
    up, down = 0.72 * size, 0.12 * size
    if math.isclose(turn % 360, 270):
        return x - up, y - start - wide, x + down, y - start
    return x + start, y - up, x + start + wide, y + down
