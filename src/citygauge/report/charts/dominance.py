"""Pairs of units: how probable it is that one comes before the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from citygauge.problems import Language
from citygauge.report.charts.base import GREY, Chart, Row, width_of
from citygauge.report.charts.cells import KEY_ROOM, TITLE_ROOM, Shades, left_labels, percent, title_lines
from citygauge.report.charts.colours import ink_on
from citygauge.report.charts.plot import (
    EDGE,
    SMALL,
    Frame,
    known,
    nothing,
    picture,
    rects,
    rules,
    said,
    texts,
)
from citygauge.report.charts.words import clipped

# Light sand for never, grey for as often as not, dark blue for always: the darker the more probable, so that
# a grey print reads as the colours do.
BEFORE = ("#fdf4e3", "#f0d094", "#d7b46f", "#a3a3a1", "#6086ae", "#2f699c", "#12375a")
_SHADES = Shades(BEFORE, (0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1))
_TITLE = {
    "zh": "行中城市排在列中城市之前的概率",
    "en": "probability that the city of the row comes before that of the column",
}
_PAIR = {"zh": "{}排在{}之前：{}", "en": "{} before {}: {}"}
_SPOKEN = 30  # units up to which every cell is read aloud; of more, each row as a whole
_HEAD = 120.0


def draw_dominance(rows: Sequence[Row], language: Language, *, title: str = "", illustrative: bool) -> Chart:
    """Return a matrix of how probable it is that the unit of a row comes before that of a column.

    Cells around one half are grey. Beyond thirty units the columns are numbered as the rows are. Sixty fill
    a page.

    Parameters
    ----------
    rows : sequence of dict
        ``label``, ``before`` (for each unit, in the order of the rows, the probability of coming before it,
        0 to 1; that of a unit against itself is not looked at) and ``described``, which is read aloud where
        there are more than thirty units. A missing probability is struck through.
    title : str
        What the cells show, above the key of the shades.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    count, given = len(rows), [row["label"] for row in rows]
    is_many = count > _SPOKEN
    high = min(26.0, max(13.0, 780 / count))
    labels, room = left_labels(given, high, 120 if is_many else 200)
    if is_many:
        numbers = [{**row, "text": f"{i + 1}", "colour": GREY} for i, row in enumerate(labels)]
        labels, room = [*numbers, *({**row, "x": -34} for row in labels)], room + 26
    most = Frame(0, room).width / count
    widest = max(width_of(label, SMALL) for label in given) + 10
    is_level = not is_many and widest <= most
    wide = max(min(most, 56.0), widest * is_level)
    heads, top = _level(given, wide) if is_level else _heads(given, wide, is_numbered=is_many)
    frame = Frame(high * count, room, wanted=max(wide * count, 300.0), bottom=14)
    title = title or _TITLE[language]
    lines = title_lines(title, frame.width + room - 22)
    frame = replace(frame, top=top + KEY_ROOM + TITLE_ROOM * lines)
    cells, strokes, words = _cells(rows, language, wide, high)
    boxes, told = _SHADES.key(title, 22 - room, -top - 28, frame.width + room - 22)
    edge = {"x": 0, "x2": wide * count, "y": 0, "y2": high * count, "colour": EDGE}
    whole = [
        {**edge, "y": high * i, "y2": high * (i + 1), "described": said(row)} for i, row in enumerate(rows)
    ]
    layers = [rects(whole, opacity=0)] if is_many else []
    layers += [rects(cells, stroke="white", strokeWidth=0.5), rules(strokes), rects(boxes)]
    layers += [rects([edge], filled=False, strokeWidth=0.5), texts([*labels, *heads, *words, *told])]
    return picture(layers, language, frame, illustrative=illustrative)


def _level(labels: Sequence[str], wide: float) -> tuple[list[Row], float]:
    """Return the names of the columns level above them, and the height that they take."""
    style = {"y": -10, "align": "center", "size": SMALL}
    return [{"x": wide * (j + 0.5), "text": text, **style} for j, text in enumerate(labels)], 20.0


def _heads(labels: Sequence[str], wide: float, *, is_numbered: bool) -> tuple[list[Row], float]:
    """Return the names of the columns upright above them, or their numbers, and the height that they take."""
    if is_numbered:
        size = 10 if wide >= 13 else 9
        is_level = width_of("00", size) + 1 <= wide and len(labels) < 100
        style: Row = {"size": size, "colour": GREY} | ({"align": "center"} if is_level else {"angle": 270})
        shown = [f"{i + 1}" for i in range(len(labels))]
        top = 20.0 if is_level else width_of(shown[-1], size) + 14
    else:
        style = {"size": SMALL if wide >= 14 else 10, "angle": 270}
        shown = [clipped(label, _HEAD, style["size"]) for label in labels]
        top = max(width_of(text, style["size"]) for text in shown) + 14
    y = -9 if "align" in style else -6
    return [{"x": wide * (j + 0.5), "y": y, "text": text, **style} for j, text in enumerate(shown)], top


def _cells(
    rows: Sequence[Row], language: Language, wide: float, high: float
) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the cells off the diagonal, strokes for those that are missing, and the numbers that fit."""
    is_told, has_room = len(rows) <= _SPOKEN, wide - 4 >= width_of("100%", 10)
    cells, strokes, words = [], [], []
    for i, row in enumerate(rows):
        for j, (other, share) in enumerate(zip(rows, row["before"], strict=True)):
            box: Row = {"x": wide * j, "x2": wide * (j + 1), "y": high * i, "y2": high * (i + 1)}
            if i == j:
                continue
            if not known(share):
                strokes.append({**box, "y": box["y2"], "y2": box["y"], "colour": GREY})
                continue
            fill, text = _SHADES(share), percent(share)
            told = (
                {"described": _PAIR[language].format(row["label"], other["label"], text)} if is_told else {}
            )
            cells.append({**box, "colour": fill, **told})
            style = {"align": "center", "size": 10, "colour": ink_on(fill)}
            words += [{"x": wide * (j + 0.5), "y": high * (i + 0.5), "text": text, **style}] * has_room
    return cells, strokes, words
