"""Order and change: ranks before and after as slopes, and what adds up from one score to another."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.problems import Language
from citygauge.report.charts.base import GREY, INK, SIZE, Chart, Row, width_of
from citygauge.report.charts.placing import spaced
from citygauge.report.charts.plot import (
    EDGE,
    FAINT,
    NO_DATA,
    SMALL,
    Frame,
    figure,
    grid_rows,
    known,
    label_lines,
    legend,
    names,
    nothing,
    picture,
    points,
    rects,
    rules,
    said,
    texts,
)
from citygauge.report.charts.scales import Scale, across, roomy
from citygauge.report.charts.words import clipped

UP, DOWN = "#1d5c8f", "#c6793b"
_OFF, _SIDE = 16.0, 180.0
_WORDS = {
    "zh": ("上升", "下降", "基本不变", "未列入排名", "其他"),
    "en": ("up", "down", "about the same", "not ranked", "other"),
}


def draw_slope(
    rows: Sequence[Row],
    language: Language,
    *,
    periods: tuple[str, str],
    notable: int = 3,
    illustrative: bool,
) -> Chart:
    """Return the ranks of units in two periods, or under two methods, joined by a line for each unit.

    Parameters
    ----------
    rows : sequence of dict
        ``key, label, a, b, described``: the ranks before and after, 1 on top; units with one rank share a
        point. A rank that is missing has no line; the unit is named on the other side alone, and below it
        where both are missing.
    periods : (str, str)
        Above the two sides.
    notable : int
        By how many ranks a unit must have moved to be drawn in colour: up whole, down dashed.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    ranks = [row[key] for row in rows for key in ("a", "b") if known(row[key])]
    sides = [[row for row in rows if known(row[key])] for key in ("a", "b")]
    height = max(_OFF * (max(map(len, sides)) - 1), 60.0)
    scale = _ranked(min(ranks, default=1), max(ranks, default=1), height)
    side = min(max(width_of(row["label"], SMALL) for row in rows), _SIDE) + 44
    marks, words, top = _key(rows, language, notable)
    missing = _missing(rows, language)
    frame = Frame(height, side + 16, side + 16, top + 34, 48 if missing else 20, wanted=260)
    drawn = [row for row in rows if known(row["a"]) and known(row["b"])]
    strokes = {
        kind: [_slope(r, scale, frame.width, kind) for r in drawn if _kind(r, notable) == kind]
        for kind in (2, 1, 0)
    }
    dots = []
    for key, x, own in (("a", 0.0, sides[0]), ("b", frame.width, sides[1])):
        dots += [_end(row, row[key], x, scale, notable) for row in own]
        words += _names(own, key, x, scale, notable)
    for x, text in zip((0.0, frame.width), periods, strict=True):
        head = {"x": x, "y": -18, "text": clipped(text, side + 90, SIZE)}
        words.append({**head, "align": "center", "bold": True})
    leads = [lead for row in words for lead in _lead(row)]
    words += label_lines(-side, height + 28, missing, frame.width + 2 * side, size=SMALL, colour=GREY)
    layers = [rules(grid_rows([0, frame.width], -4, height + 4)), rules(strokes[2], strokeWidth=1)]
    layers += [rules(strokes[0], strokeWidth=2), rules(strokes[1], strokeWidth=2, strokeDash=[6, 3])]
    layers += [rules(leads), points(dots, size=30), points(marks, size=60)]
    layers.append(texts(words))
    return picture(layers, language, frame, illustrative=illustrative)


def draw_waterfall(
    rows: Sequence[Row],
    language: Language,
    *,
    ends: tuple[tuple[str, float], tuple[str, float]],
    title: str,
    decimals: int = 1,
    illustrative: bool,
) -> Chart:
    """Return what leads from one score to another, step by step.

    Parameters
    ----------
    rows : sequence of dict
        ``key, label, value`` and ``described``: what each adds or takes, in the order given. A missing value
        moves nothing and is said in words; whatever the steps leave of the way is drawn as a step of its own.
    ends : ((str, float), (str, float))
        Label and value of the start and of the end.
    title : str
        Of the axis, which need not begin at zero: start and end are points.
    decimals : int
        Of the values.
    """
    (first, start), (last, end) = ends
    if not known(start) or not known(end):
        return nothing(language, illustrative=illustrative)
    steps, levels = _levels(rows, start, end, decimals, language)
    left = names([first, *(row["label"] for row in steps), last], [True, *[False] * len(steps), True])
    room = max(width_of(figure(level, decimals, sign=True), SIZE) for level in levels) + 14
    room = max(room, width_of(NO_DATA[language], SMALL) + 14)
    frame = Frame(left.height + 4, left.room, top=12)
    scale = roomy([*levels, end], room, frame.width)
    grid, axis = across(scale, frame.height, title)
    middles, thick = left.middles, left.step * 0.62
    bars, words = [], []
    for row, y, level in zip(steps, middles[1:-1], levels[:-1], strict=True):
        bars += _bar(row, scale, level, (y, thick), decimals)
        words.append(_amount(row, scale, level, y, decimals, language))
    joints = [
        {"x": scale(at), "x2": scale(at), "y": a, "y2": b, "colour": EDGE}
        for at, a, b in zip(levels, middles, middles[1:], strict=False)
    ]
    dots = []
    for text, value, y in ((first, start, middles[0]), (last, end, middles[-1])):
        place, shown = {"x": scale(value), "y": y}, figure(value, decimals)
        dots.append({**place, "colour": INK, "shape": "diamond", "described": f"{text} {shown}"})
        words.append({"x": scale(value) + 10, "y": y, "text": shown, "bold": True, "halo": True})
    layers = [rules(grid), rules(joints), rects(bars), points(dots, size=90)]
    return picture([*layers, texts([*left.texts, *axis, *words])], language, frame, illustrative=illustrative)


_MOVES = ((0, UP, "triangle-up"), (1, DOWN, "triangle-down"), (2, "#9aa4ad", "circle"))


def _levels(
    rows: Sequence[Row], start: float, end: float, decimals: int, language: Language
) -> tuple[list[Row], list[float]]:
    """Return the steps, with one for what they leave of the way, and where each begins and the last ends."""
    steps = [*rows]
    rest = end - start - sum(row["value"] for row in rows if known(row["value"]))
    if abs(rest) >= 0.5 * 10.0**-decimals:
        steps.append({"key": "", "label": _WORDS[language][4], "value": rest})
    levels = [start]
    for row in steps:
        levels.append(levels[-1] + (row["value"] if known(row["value"]) else 0.0))
    return steps, levels


def _ranked(low: float, high: float, height: float) -> Scale:
    """Return the scale of ranks, the first on top; one rank alone stands in the middle."""
    return Scale(low, high, 0, height) if high > low else Scale(low - 1, high + 1, 0, height)


def _key(rows: Sequence[Row], language: Language, notable: int) -> tuple[list[Row], list[Row], float]:
    """Return the legend of the moves that there are, above the names of the periods."""
    kinds = {_kind(row, notable) for row in rows}
    entries = [(_WORDS[language][i], colour, shape) for i, colour, shape in _MOVES if i in kinds]
    marks, words, top = legend(entries, 320)
    higher = [[{**row, "y": row["y"] - 30} for row in part] for part in (marks, words)]
    return higher[0], higher[1], top


def _missing(rows: Sequence[Row], language: Language) -> str:
    """Return which units have no rank at all, as text; empty where all have."""
    labels = [row["label"] for row in rows if not known(row["a"]) and not known(row["b"])]
    colon, comma = ("：", "、") if language == "zh" else (": ", ", ")
    return f"{_WORDS[language][3]}{colon}{comma.join(labels)}" if labels else ""


def _kind(row: Row, notable: int) -> int:
    """Return whether a unit moved up (0), down (1) or about nowhere (2)."""
    moved = row["a"] - row["b"] if known(row["a"]) and known(row["b"]) else 0
    return 2 if abs(moved) < max(notable, 1) else 0 if moved > 0 else 1


def _slope(row: Row, scale: Scale, width: float, kind: int) -> Row:
    place = {"x": 0, "x2": width, "y": scale(row["a"]), "y2": scale(row["b"])}
    return {**place, "colour": FAINT if kind == 2 else _MOVES[kind][1], "described": said(row)}


def _end(row: Row, rank: float, x: float, scale: Scale, notable: int) -> Row:
    _, colour, shape = _MOVES[_kind(row, notable)]
    return {"x": x, "y": scale(rank), "colour": colour, "shape": shape, "described": said(row)}


def _names(rows: Sequence[Row], key: str, x: float, scale: Scale, notable: int) -> list[Row]:
    """Return rank and name of each unit beside one side, as near to its rank as the others allow."""
    ordered = sorted(rows, key=lambda row: row[key])
    at = [scale(row[key]) for row in ordered]
    places = spaced(at, _OFF - 2, 0, scale.end)
    is_left = key == "a"
    found = []
    for row, y, point in zip(ordered, places, at, strict=True):
        name, rank = clipped(row["label"], _SIDE, SMALL), figure(row[key], 0)
        style = {"size": SMALL, "bold": _kind(row, notable) < 2, "align": "right" if is_left else "left"}
        text = f"{name}  {rank}" if is_left else f"{rank}  {name}"
        found.append({"x": x + (-16 if is_left else 16), "y": y, "text": text, "point": point, **style})
    return found


def _lead(row: Row) -> list[Row]:
    """Return a short line from a name to its point, where it is a name of a unit."""
    if "point" not in row:
        return []
    toward = 11 if row["align"] == "right" else -11
    line = {"x": row["x"] + 2 * toward / 11, "x2": row["x"] + toward, "y": row["y"], "y2": row["point"]}
    return [{**line, "colour": FAINT}]


def _bar(row: Row, scale: Scale, level: float, place: tuple[float, float], decimals: int) -> list[Row]:
    """Return the bar of a step from one level to the next; none for what is missing."""
    if not known(row["value"]):
        return []
    y, thick = place
    ends = {"x": scale(level), "x2": scale(level + row["value"]), "y": y - thick / 2, "y2": y + thick / 2}
    told = row.get("described") or f"{row['label']} {figure(row['value'], decimals, sign=True)}"
    return [{**ends, "colour": UP if row["value"] >= 0 else DOWN, "described": told}]


def _amount(row: Row, scale: Scale, level: float, y: float, decimals: int, language: Language) -> Row:
    """Return the text of a step with its sign, on the side to which it leads."""
    if not known(row["value"]):
        text = {"x": scale(level) + 6, "y": y, "text": NO_DATA[language], "colour": GREY}
        return {**text, "size": SMALL, "halo": True}
    is_down = row["value"] < 0
    x = scale(level + row["value"]) + (-6 if is_down else 6)
    text = {"x": x, "y": y, "text": figure(row["value"], decimals, sign=True), "size": SMALL}
    return {**text, "align": "right" if is_down else "left", "halo": True}
