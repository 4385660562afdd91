"""A city's way up: the index from where it is to where a plan brings it, one improvement after the other."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, INK, Chart, Row, width_of
from citygauge.report.charts.plot import (
    ACCENT,
    EDGE,
    SMALL,
    Frame,
    Names,
    figure,
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


def draw_way(
    rows: Sequence[Row],
    ends: tuple[Row, Row],
    language: Language,
    *,
    title: str,
    goal: tuple[float, str],
    decimals: int,
    illustrative: bool,
) -> Chart:
    """Return a bar for each improvement, each beginning where the one above it ends.

    Parameters
    ----------
    rows : sequence of dict
        ``label, start, end, described``: the index before and after each improvement, in their order.
    ends : pair of dict
        ``label, value, described``: where the city is and where the plan brings it, drawn as points in the
        first and the last row.
    title : str
        Of the axis.
    goal : (float, str)
        The index that was asked for, drawn as a line, and its label.
    decimals : int
        Of the rises.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    first, last = ends
    labels = [first["label"], *(row["label"] for row in rows), last["label"]]
    left = names(labels, [True, *[False] * len(rows), True])
    shown = [figure(row["end"] - row["start"], decimals, sign=True) for row in rows]
    room = max(width_of(text, SMALL) for text in [*shown, figure(last["value"], decimals)]) + 12
    frame = Frame(left.height + 4, left.room, top=30)
    reached = [end for row in rows for end in (row["start"], row["end"])]
    scale = scale_of([*reached, first["value"], last["value"], goal[0]], 8, frame.width - room)
    grid, axis = across(scale, frame.height, title)
    bars, links, words = _steps(rows, shown, left, scale)
    dots = []
    for end, y in zip(ends, (left.middles[0], left.middles[-1]), strict=True):
        at = scale(end["value"])
        dots.append({"x": at, "y": y, "colour": INK, "described": said(end)})
        text = figure(end["value"], decimals)
        words.append({"x": at + 8, "y": y, "text": text, "size": SMALL, "bold": True, "halo": True})
    at, wide = scale(goal[0]), width_of(goal[1], SMALL) / 2
    line = {"x": at, "x2": at, "y": -6, "y2": frame.height, "colour": ACCENT}
    x = min(max(at, wide - frame.left + 4), frame.width - wide)
    words.append({"x": x, "y": -15, "text": goal[1], "align": "center", "size": SMALL, "colour": ACCENT})
    layers = [rules(grid), rects(bars), rules(links), rules([line]), points(dots, size=60)]
    return picture([*layers, texts([*left.texts, *axis, *words])], language, frame, illustrative=illustrative)


def _steps(
    rows: Sequence[Row], shown: Sequence[str], left: Names, scale: Scale
) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the bars, the lines from each to the next, and what each adds beside it."""
    bars, links, words, half = [], [], [], left.step * 0.31
    for row, y, text in zip(rows, left.middles[1:-1], shown, strict=True):
        start, end = scale(row["start"]), scale(row["end"])
        colour = BAR if row["end"] >= row["start"] else ACCENT
        place = {"x": start, "x2": end, "y": y - half, "y2": y + half}
        bars.append({**place, "colour": colour, "described": said(row)})
        links.append({"x": end, "x2": end, "y": y, "y2": y + left.step, "colour": EDGE})
        words.append({"x": max(start, end) + 5, "y": y, "text": text, "size": SMALL, "halo": True})
    return bars, links, words
