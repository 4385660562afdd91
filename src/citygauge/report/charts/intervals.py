"""Intervals one under the other: what is printed, and what the other figures allow."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, INK, Chart, Row, width_of
from citygauge.report.charts.plot import (
    ACCENT,
    SMALL,
    Frame,
    known,
    names,
    nothing,
    picture,
    points,
    rects,
    rules,
    texts,
)
from citygauge.report.charts.scales import Scale, across, scale_of

_THICK = 5.0
_WANTED = 340  # of the plot; labels stand left of it and intervals right of it


def draw_intervals(
    rows: Sequence[Row], language: Language, *, title: str = "", illustrative: bool = False
) -> Chart:
    """Return one bar for each interval, a full end where the end belongs to it and a ring where it does not.

    Parameters
    ----------
    rows : sequence of dict
        ``label, low, high, low_open, high_open, text, is_claimed``; an end without limit is None and the bar
        runs off the plot there. What is claimed is drawn in another colour, and between its bar and the next
        the gap is shaded where they do not meet.
    title : str
        Of the axis.
    """
    ends = [row[end] for row in rows for end in ("low", "high") if known(row[end])]
    if not ends:
        return nothing(language, illustrative=illustrative)
    left = names([row["label"] for row in rows], [row["is_claimed"] for row in rows], steps=(28, 24))
    right = max(width_of(row["text"], SMALL) for row in rows) + 24
    frame = Frame(left.height, left.room, right, wanted=_WANTED)
    scale = _with_room(scale_of(ends, 8, frame.width - 8), ends)
    grid, axis = across(scale, frame.height, title)
    gap = _gap(rows, scale, frame.height)
    bars, caps, words = [], [], []
    for row, y in zip(rows, left.middles, strict=True):
        start = scale(row["low"]) if known(row["low"]) else 0.0
        end = scale(row["high"]) if known(row["high"]) else frame.width
        colour = ACCENT if row["is_claimed"] else BAR
        bars.append({"x": start, "x2": end, "y": y - _THICK / 2, "y2": y + _THICK / 2, "colour": colour})
        for side, x in (("low", start), ("high", end)):
            if known(row[side]):
                fill = "white" if row[f"{side}_open"] else colour
                said = f"{row['label']} {row['text']}"
                caps.append({"x": x, "y": y, "colour": colour, "fill": fill, "described": said})
        words.append({"x": frame.width + 12, "y": y, "text": row["text"], "size": SMALL, "colour": INK})
    layers = [rects(gap), rules(grid), rects(bars), points(caps, size=46, strokeWidth=1.5)]
    return picture([*layers, texts([*left.texts, *axis, *words])], language, frame, illustrative=illustrative)


def _with_room(scale: Scale, ends: Sequence[float]) -> Scale:
    """Return a scale on which the outermost ends do not lie on the edge of the plot."""
    room = (max(ends) - min(ends)) * 0.08
    return scale_of([min(ends) - room, max(ends) + room], scale.start, scale.end)


def _gap(rows: Sequence[Row], scale: Scale, height: float) -> list[Row]:
    """Return the gap between what is claimed and the first other interval, where they lie apart."""
    claimed = next((row for row in rows if row["is_claimed"]), None)
    other = next((row for row in rows if not row["is_claimed"]), None)
    if claimed is None or other is None:
        return []
    for lower, upper in ((claimed, other), (other, claimed)):
        if known(lower["high"]) and known(upper["low"]) and lower["high"] < upper["low"]:
            x, x2 = scale(lower["high"]), scale(upper["low"])
            return [{"x": x, "x2": x2, "y": 0, "y2": height, "colour": "#f6e7e3"}]
    return []
