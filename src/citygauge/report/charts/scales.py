"""From values to pixels: round axes and their lines, computed here so that labels can be placed by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from citygauge.report.charts.base import GREY, Row, width_of
from citygauge.report.charts.plot import figure, grid_rows, known


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight or logarithmic way from the values `low` … `high` to the pixels `start` … `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values on the axis: steps of 1, 2 or 5 times a power of ten; on a log axis 1, 2, 5."""
        if self.log:
            return _log_ticks(self.low, self.high, about)
        step = _step(self.low, self.high, about)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(i * step, 12) for i in range(first, last + 1)]


def scale_of(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    zero: bool = False,
    log: bool = False,
    about: int = 5,
) -> Scale:
    """Return a scale with round ends that holds all values; from zero where `zero` says so.

    The ends are multiples of a step that gives `about` so many ticks. A logarithmic one leaves out what is
    not above zero. One value alone stands in the middle.

    Examples
    --------
    >>> scale_of([3.1, 8.7], 0, 100, zero=True)
    Scale(low=0.0, high=10.0, start=0, end=100, log=False)
    """
    found = [value for value in values if known(value) and (value > 0 or not log)]
    low, high = min(found, default=1 if log else 0), max(found, default=10 if log else 1)
    if log:
        ends = sorted([*_log_steps(low, high)])
        below, above = [t for t in ends if t <= low * (1 + 1e-9)], [t for t in ends if t >= high * (1 - 1e-9)]
        return Scale(below[-1], above[0] if above[0] > below[-1] else above[1], start, end, log=True)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = abs(low) / 10 or 1.0
        low, high = (low - half, high + half) if low or not zero else (0.0, 1.0)
    step = _step(low, high, about)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end)


def roomy(values: Sequence[float], room: float, end: float) -> Scale:
    """Return a scale from 0 to `end` that leaves `room` for texts beside the outermost values, and no more.

    Examples
    --------
    >>> scale = roomy([5, 10], 30, 200)
    >>> scale.start, scale(10)
    (30.0, 170.0)
    """
    whole = scale_of(values, 0, 1)
    first, last = whole(min(values, default=0.0)), whole(max(values, default=1.0))
    right = end - room
    left = min(max((room - first * right) / (1 - first), 8.0), room) if first < 1 else 8.0
    return replace(whole, start=left, end=max(right, min((right - (1 - last) * left) / last, end - 8.0)))


def tick_texts(ticks: Sequence[float], *, unit: str = "") -> list[str]:
    """Return the ticks as text, all with the decimals that their step needs."""
    decimals = max((_decimals(tick) for tick in ticks), default=0)
    if all(tick > 0 for tick in ticks) and len(ticks) > 1 and ticks[-1] / ticks[0] > 50:
        return [figure(tick, _decimals(tick)) + unit for tick in ticks]  # a log axis: each its own
    return [figure(tick, decimals) + unit for tick in ticks]


def across(scale: Scale, bottom: float, title: str) -> tuple[list[Row], list[Row]]:
    """Return the grid and the texts of an axis below the plot; ticks whose texts would touch are thinned."""
    for about in range(8, 1, -1):
        ticks = scale.ticks(about)
        words = tick_texts(ticks)
        widest = max((width_of(word, 11) for word in words), default=0)
        if all(scale(b) - scale(a) > widest + 18 for a, b in pairwise(ticks)):
            break
    grid = grid_rows([scale(tick) for tick in ticks], 0, bottom)
    shown = [{"x": scale(t), "y": bottom + 12, "text": w} for t, w in zip(ticks, words, strict=True)]
    style = {"align": "center", "colour": GREY, "size": 11}
    middle = (scale.start + scale.end) / 2
    title_row = {"x": middle, "y": bottom + 31, "text": title, "align": "center", "size": 11}
    return grid, [{**row, **style} for row in shown] + [title_row] * bool(title)


def upwards(scale: Scale, right: float) -> tuple[list[Row], list[Row], float]:
    """Return the grid and the texts of an axis left of the plot, and the room that the texts need."""
    about = max(2, int(abs(scale.end - scale.start) / 34))
    ticks = scale.ticks(about)
    words = tick_texts(ticks)
    grid = grid_rows([scale(tick) for tick in ticks], 0, right, upright=False)
    rows = [
        {"x": -8, "y": scale(t), "text": w, "align": "right", "colour": GREY, "size": 11}
        for t, w in zip(ticks, words, strict=True)
    ]
    return grid, rows, max((width_of(word, 11) for word in words), default=0) + 16


def _step(low: float, high: float, about: int) -> float:
    """Return the step of 1, 2 or 5 times a power of ten that gives about so many ticks."""
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next((power * m for m in (1.0, 2.0, 5.0) if power * m >= raw * 0.99), power * 10)


def _decimals(value: float) -> int:
    text = f"{value:.10f}".rstrip("0")
    return len(text.split(".")[1])


def _log_steps(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    return [m * 10.0**power for power in powers for m in (1, 2, 5)]


def _log_ticks(low: float, high: float, about: int) -> list[float]:
    inside = [t for t in _log_steps(low, high) if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
    if len(inside) <= about + 2:
        return inside
    return [t for t in inside if math.isclose(math.log10(t), round(math.log10(t)))] or inside
