"""What maps of probabilities share: how a share is printed, its shade, and the key of the shades."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from citygauge.report.charts.base import GREY, Row, width_of
from citygauge.report.charts.plot import SMALL, figure, known, label_lines
from citygauge.report.charts.words import clipped

ALMOST = 1e-9  # less of a share is an error of rounding
_SWATCH, TITLE_ROOM, KEY_ROOM = 36.0, 13.0, 44.0  # width of a shade; height of a title's line, of the rest


@dataclass(frozen=True, slots=True)
class Shades:
    """Colours and the values at which each begins; the last value is where the last colour ends."""

    colours: Sequence[str]
    ends: Sequence[float]

    def __call__(self, value: float) -> str:
        """Return the colour of a value."""
        return self.colours[min(max(bisect_right(self.ends, value) - 1, 0), len(self.colours) - 1)]

    @property
    def width(self) -> float:
        """The width of the key in pixels."""
        return _SWATCH * len(self.colours)

    def key(self, title: str, x: float, y: float, room: float) -> tuple[list[Row], list[Row]]:
        """Return the swatches from x on around the height y, and their texts: the title stands above."""
        boxes = [
            {"x": x + _SWATCH * i, "x2": x + _SWATCH * (i + 1), "y": y - 5, "y2": y + 5, "colour": colour}
            for i, colour in enumerate(self.colours)
        ]
        style = {"y": y + 13, "align": "center", "size": 10, "colour": GREY}
        words: list[Row] = [
            {"x": x + _SWATCH * i, "text": f"{figure(100 * end, 0)}%", **style}
            for i, end in enumerate(self.ends)
        ]
        lines = label_lines(x - 10, 0, title, room, size=SMALL)
        last = y - 17 - lines[-1]["y"]
        return boxes, words + [{**line, "y": line["y"] + last} for line in lines]


def percent(share: Any, decimals: int = 0) -> str:
    """Return a share as printed in per cent: what is neither none nor all is not printed as if it were.

    Examples
    --------
    >>> [percent(share) for share in (None, 0, 0.005, 0.5, 0.995, 1)]
    ['–', '0%', '<1%', '50%', '>99%', '100%']
    """
    if not known(share):
        return "–"
    text, step = figure(100 * share, decimals), 10.0**-decimals
    if share > ALMOST and text == figure(0, decimals):
        return f"<{figure(step, decimals)}%"
    if share < 1 - ALMOST and text == figure(100, decimals):
        return f">{figure(100 - step, decimals)}%"
    return f"{text}%"


def title_lines(title: str, room: float) -> int:
    """Return how many lines the title of a key takes."""
    return len(label_lines(0, 0, title, room, size=SMALL))


def left_labels(labels: Sequence[str], pitch: float, most: float) -> tuple[list[Row], float]:
    """Return labels of one line each, so far apart, and the room that they need left of the plot."""
    size = 12 if pitch >= 13 else 10
    shown = [clipped(label, most, size) for label in labels]
    rows: list[Row] = [
        {"x": -8, "y": pitch * (i + 0.5), "text": text, "align": "right", "size": size}
        for i, text in enumerate(shown)
    ]
    return rows, max((width_of(text, size) for text in shown), default=0.0) + 20


def best_first(rows: Sequence[Row]) -> list[Row]:
    """Return rows by their published rank, then by their median; those without a rank come last."""
    far = float("inf")
    ranks = [[row.get(key) for key in ("published", "median")] for row in rows]
    keys = [tuple(rank if known(rank) else far for rank in pair) for pair in ranks]
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: keys[i])]
