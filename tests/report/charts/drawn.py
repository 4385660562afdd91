"""What a drawn chart holds, read from its SVG: texts with their boxes, shapes with their outlines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

from citygauge.report.charts.base import png_of, svg_of, width_of

_MOVED = re.compile(r"translate\(([-\d.]+),\s*([-\d.]+)\)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Text:
    """A text with the box it needs: a full-width character is as wide as the font is high, others 0.6."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float


@dataclass(frozen=True)
class Shape:
    told: str
    outline: str
    x: float
    y: float
    fill: str

    @property
    def points(self) -> list[tuple[float, float]]:
        found = [float(number) for number in _NUMBER.findall(self.outline)]
        return [(x + self.x, y + self.y) for x, y in zip(found[::2], found[1::2], strict=False)]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of an outline `Mx,yhwvhh-wZ` as the renderer writes rectangles."""
        width, height = re.search(r"h([\d.]+)v([\d.]+)", self.outline).groups()  # type: ignore[union-attr]
        return float(width), float(height)


class Drawn:
    """A chart as it was drawn."""

    def __init__(self, chart: Any, *, png: bool = False) -> None:
        specification = chart.to_dict()
        if png:
            assert png_of(specification, 0.5).startswith(b"\x89PNG")
        self.svg = svg_of(specification)
        root = ElementTree.fromstring(self.svg)
        self.width, self.height = float(root.get("width", 0)), float(root.get("height", 0))
        self.texts: list[Text] = []
        self.shapes: list[Shape] = []
        self._walk(root, 0.0, 0.0)

    @property
    def words(self) -> list[str]:
        return [text.text for text in self.texts]

    def told(self, line: str) -> list[Shape]:
        return [shape for shape in self.shapes if shape.told == line]

    def check(self) -> None:
        """No text is cut off, and none lies on another."""
        for text in self.texts:
            assert -0.1 <= text.left <= text.right <= self.width + 0.1, text
            assert -0.1 <= text.top <= text.bottom <= self.height + 0.1, text
        for one, other in combinations(self.texts, 2):
            beside = one.right <= other.left + 0.5 or other.right <= one.left + 0.5
            assert beside or one.bottom <= other.top + 0.5 or other.bottom <= one.top + 0.5, (one, other)
        assert self.width <= 720

    def _walk(self, node: ElementTree.Element, x: float, y: float) -> None:
        moved = _MOVED.search(node.get("transform", ""))
        if moved:
            x, y = x + float(moved[1]), y + float(moved[2])
        tag = node.tag.rpartition("}")[2]
        if tag == "text" and node.text:
            self._text(node, x, y)
        elif tag == "path" and node.get("class") not in {"background", "foreground"}:
            told = node.get("aria-label", "")
            self.shapes.append(Shape(told, node.get("d", ""), x, y, node.get("fill", "")))
        for child in node:
            self._walk(child, x, y)

    def _text(self, node: ElementTree.Element, x: float, y: float) -> None:
        size = float(node.get("font-size", "12").removesuffix("px"))
        wide = width_of(node.text or "", size)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[node.get("text-anchor", "start")]
        self.texts.append(Text(node.text or "", left, y - 0.8 * size, left + wide, y + 0.2 * size, size))
