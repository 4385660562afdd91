"""The layers of a model above one another: what goes in, what is made of it, and what it brings about."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, GREY, INK, Chart, Row
from citygauge.report.charts.sheet import EDGE, LINE, WIDE, Sheet, path, side_by_side, told
from citygauge.report.charts.words import balanced, fitted, keeps_words, wrap
from citygauge.report.marks import figure, short

_SIDE, _GAP, _MOST, _BETWEEN = 132, 12, 4, 30
_BAND, _NAME = "#eaf0f5", 13
_WEIGHT = {"zh": "权重 {}%", "en": "weight {}%"}


def draw_layers(
    rows: Sequence[Row],
    language: Language,
    *,
    value_title: str = "",
    decimals: int = 2,
    illustrative: bool,
) -> Chart:
    """Return the layers of a model as bands, the first one at the bottom, with arrows upwards between them.

    Parameters
    ----------
    rows : sequence of dict
        ``layer`` (any text; equal for the boxes of one band, bands in the order in which they first appear),
        ``layer_label`` (a line feed begins a line), ``code``, ``label``, ``weight`` (share of the whole,
        0 to 1, or None), ``value`` (a score, or None) and ``described``.
    value_title : str
        What `value` is, such as a mean score. Without it no values are written; with it a value that is
        missing is written as a dash.
    decimals : int
        Of the values. Weights have up to one.
    """
    sheet = Sheet(language)
    bands: dict[str, list[Row]] = {}
    for row in rows:
        bands.setdefault(row["layer"], []).append(row)
    top = 0.0
    for place, band in enumerate(reversed(bands.values())):
        if place:
            _arrows(sheet, top)
            top += _BETWEEN
        top = _band(sheet, top, band, value_title, decimals)
    return sheet.chart(top, illustrative=illustrative, corner=3)


def _band(sheet: Sheet, top: float, rows: Sequence[Row], value_title: str, decimals: int) -> float:
    """Put one layer and return where it ends."""
    beside, size = fitted(rows[0]["layer_label"], _SIDE - 2 * EDGE, (_NAME, 11), lines=5)
    names = [row["label"] for row in rows]
    counts = range(side_by_side(len(rows), _MOST), 0, -1)
    whole = (n for n in counts if all(keeps_words(name, _wide(n) - 2 * EDGE, _NAME) for name in names))
    per_line = next(whole, 1)
    width = _wide(per_line)
    texts = [_texts(row, sheet.language, width - 2 * EDGE, value_title, decimals) for row in rows]
    lines = [range(i, min(i + per_line, len(rows))) for i in range(0, len(rows), per_line)]
    heights = [max(18 * len(texts[i][0]) + LINE * len(texts[i][1]) for i in line) + 16 for line in lines]
    height = max(sum(heights) + _GAP * (len(lines) + 1), 18 * len(beside) + 2 * _GAP)
    sheet.box(0, top, (WIDE, height), _BAND)
    label_top = top + (height - 18 * len(beside)) / 2
    for i, text in enumerate(beside):
        sheet.text(_SIDE / 2, label_top + 18 * i + 9, text, align="center", bold=True, size=size)
    y = top + (height - sum(heights) - _GAP * (len(lines) - 1)) / 2
    for line, tall in zip(lines, heights, strict=True):
        left = _SIDE + (WIDE - _SIDE - len(line) * width - _GAP * (len(line) - 1)) / 2
        for at, i in enumerate(line):
            x = left + at * (width + _GAP)
            sheet.box(x, y, (width, tall), "#ffffff", edge=BAR, described=told(rows[i]))
            _put(sheet, (x + width / 2, y, tall), texts[i])
        y += tall + _GAP
    return top + height


def _wide(count: int) -> float:
    """Return how wide each of some boxes beside one another is."""
    return (WIDE - _SIDE - _GAP * (count + 1)) / count


def _texts(
    row: Row, language: Language, width: float, value_title: str, decimals: int
) -> tuple[list[str], list[str]]:
    """Return the lines of a box: its name, and its numbers."""
    numbers = []
    if row["weight"] is not None:
        numbers.append(_WEIGHT[language].format(short(100 * row["weight"], 1)))
    if value_title:
        numbers.append(f"{value_title} {figure(row['value'], decimals)}")
    return balanced(row["label"], width, _NAME, lines=3), [w for text in numbers for w in wrap(text, width)]


def _put(sheet: Sheet, place: tuple[float, float, float], texts: tuple[list[str], list[str]]) -> None:
    """Put the lines of a box into its middle."""
    x, y, tall = place
    names, numbers = texts
    at = y + (tall - 18 * len(names) - LINE * len(numbers)) / 2
    for name in names:
        sheet.text(x, at + 9, name, align="center", bold=True, size=_NAME, colour=INK)
        at += 18
    sheet.lines(x, at, numbers, align="center", colour=GREY)


def _arrows(sheet: Sheet, top: float) -> None:
    """Put arrows that point up into the space between two layers."""
    wide = WIDE - _SIDE
    for middle in (_SIDE + wide * part for part in (0.25, 0.5, 0.75)):
        tip, foot, wing = top + 4, top + _BETWEEN - 4, top + 15
        half, stem = 15, 7
        right = [(middle, tip), (middle + half, wing), (middle + stem, wing), (middle + stem, foot)]
        left = [(2 * middle - x, y) for x, y in reversed(right[1:])]
        sheet.shape(path([*right, *left], closed=True), "#b7c3cf")
