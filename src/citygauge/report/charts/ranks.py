"""How sure ranks are: their intervals, the probabilities of grades, and of every rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import ceil

from citygauge.problems import Language
from citygauge.report.charts.base import BAR, GRADES, GREY, INK, Chart, Row, width_of
from citygauge.report.charts.cells import (
    ALMOST,
    KEY_ROOM,
    TITLE_ROOM,
    Shades,
    best_first,
    left_labels,
    percent,
    title_lines,
)
from citygauge.report.charts.colours import SEQUENTIAL, ink_on
from citygauge.report.charts.plot import (
    ACCENT,
    EDGE,
    NO_DATA,
    ROOM,
    SMALL,
    Frame,
    figure,
    grid_rows,
    known,
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
from citygauge.report.charts.scales import Scale
from citygauge.report.charts.words import clipped

_WORDS = {
    "zh": ("{}%区间", "最好至最差", "中位排名", "公布排名", "公布排名在区间外"),
    "en": ("{}% interval", "best to worst", "median rank", "published rank", "published rank outside"),
}
_RANK = {"zh": "排名", "en": "rank"}
_PUBLISHED = {"zh": "公布等级", "en": "published grade"}
_NO_GRADE = {"zh": "未评级", "en": "no grade"}
_CHANCE = {"zh": "各名次的概率", "en": "probability of each rank"}
_BINNED = {"zh": "（每格{}个名次）", "en": " ({} ranks in a cell)"}
_LINE, _SPAN, _OUTSIDE = "M-1,-.1h2v.2h-2Z", "M-1,-.5h2v1h-2Z", "diamond"
_COLUMNS, _GRADE_ROOM = 40, 110.0
_SHADES = Shades(SEQUENTIAL(7), (0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1))


def draw_rank_intervals(
    rows: Sequence[Row],
    language: Language,
    *,
    share: int = 90,
    last: int | None = None,
    illustrative: bool,
) -> Chart:
    """Return for each unit the interval of its rank, a dot for the median and a ring for the published rank.

    The best published rank is on top. A published rank outside the interval is a diamond in another colour,
    and the name of the unit is bold. Sixty units fill a page; of more, draw parts with one `last`.

    Parameters
    ----------
    rows : sequence of dict
        ``label, published, median, low, high, described`` and, where the whole span is to be shown,
        ``far_low, far_high``. What is missing is not drawn; a unit without interval and median is said to
        have no data.
    share : int
        How many per cent of the replications lie in an interval.
    last : int, optional
        The last rank on the axis; at least the last of the rows.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    rows = best_first(rows)
    outside = [_is_outside(row) for row in rows]
    labels = [clipped(row["label"], ROOM) if len(rows) > 30 else row["label"] for row in rows]
    left = names(labels, outside, steps=(22, 15))
    marks, words, top = _rank_legend(rows, language, share, Frame(0, left.room, 24).width, left.room - 16)
    frame = Frame(left.height, left.room, 24, top=top + 26)
    ends = [row[key] for row in rows for key in _PLACES if known(row.get(key))]
    scale = _ranked(max([*ends, last or 1]), 10, frame.width - 4)
    grid, axis = _rank_axis(scale, frame.height, _RANK[language])
    guides = grid_rows(left.middles, 0, frame.width, upright=False, colour="#f1f1f1")
    placed = list(zip(rows, left.middles, strict=True))
    words += [
        {"x": 6, "y": y, "text": NO_DATA[language], "size": SMALL, "colour": GREY, "halo": True}
        for row, y in placed
        if not any(known(row.get(key)) for key in ("median", "low", "high"))
    ]
    rings = [_ring(row, scale, y) for row, y in placed if known(row["published"])]
    dots = [
        {"x": scale(row["median"]), "y": y, "colour": INK, "described": said(row)}
        for row, y in placed
        if known(row["median"])
    ]
    layers = [rules(guides), rules(grid), rules(_spans(placed, scale, "far_low", "far_high", EDGE))]
    layers.append(rules(_spans(placed, scale, "low", "high", "#9fbfd9"), strokeWidth=6))
    layers += [points(rings, size=90, strokeWidth=1.5), points(dots, size=22, strokeWidth=0)]
    dot = [mark for mark in marks if mark["colour"] == INK]
    layers += [points([m for m in marks if m not in dot], size=90, strokeWidth=1.5)]
    layers += [points(dot, size=22, strokeWidth=0), texts([*left.texts, *axis, *words])]
    return picture(layers, language, frame, illustrative=illustrative)


def draw_grade_probabilities(
    rows: Sequence[Row],
    language: Language,
    *,
    grades: Sequence[tuple[str, str]],
    illustrative: bool,
) -> Chart:
    """Return a bar for each unit, parted by the probability of each grade, and the published grade beside it.

    A published grade that is not the most probable one is in another colour and bold.

    Parameters
    ----------
    rows : sequence of dict
        ``label``, ``shares`` (the probability of each grade by its id, 0 to 1) and ``published`` (the id of
        the grade or None), in the order in which they are drawn. What the shares leave of 1 is drawn empty.
        Where none is known this is said in words.
    grades : sequence of (str, str)
        Id and name, the best first.
    """
    if not rows:
        return nothing(language, illustrative=illustrative)
    titles = dict(grades)
    colours = _grade_colours(len(grades))
    labels = [clipped(row["label"], ROOM) if len(rows) > 30 else row["label"] for row in rows]
    left = names(labels, steps=(22, 15))
    shown = [clipped(titles.get(row["published"], "–"), _GRADE_ROOM, SMALL) for row in rows]
    head = _PUBLISHED[language]
    right = max(width_of(text, SMALL) for text in (*shown, head)) * 1.08 + 20
    frame = Frame(left.height, left.room, right)
    entries = [(name, colour, "square") for (_, name), colour in zip(grades, colours, strict=True)]
    if any(_rest(row) > 5e-4 for row in rows):
        entries.append((_NO_GRADE[language], EDGE, "square"))
    marks, words, top = legend(entries, frame.width, left.room - 16)
    marks = [{**mark, "fill": "white"} if mark["colour"] == EDGE else mark for mark in marks]
    frame = replace(frame, top=top + 18, bottom=30)
    marks, words = _raised(marks, 14), _raised(words, 14)
    words.append({"x": frame.width + 10, "y": -9, "text": head, "size": SMALL, "colour": GREY})
    size = SMALL if left.step >= 17 else 10
    bars: list[Row] = []
    empty: list[Row] = []
    for row, y, text in zip(rows, left.middles, shown, strict=True):
        own, told = _parts(row, grades, colours, (frame.width, y, left.step - 3, size))
        bars, words = bars + own, words + told
        is_known = any(map(known, row["shares"].values()))
        if not is_known:
            words.append({"x": 6, "y": y, "text": NO_DATA[language], "size": size, "colour": GREY})
        elif _rest(row) > 5e-4:
            empty.append(_empty(row, frame.width, y, left.step - 3, _NO_GRADE[language]))
        is_odd = is_known and row["published"] in titles and _most_probable(row) != row["published"]
        place = {"x": frame.width + 10, "y": y, "text": text, "size": SMALL}
        words.append({**place, "bold": is_odd, "colour": ACCENT if is_odd else INK})
    axis = _percent_axis(frame.width, frame.height)
    layers = [rects(bars, stroke="white", strokeWidth=1), rects(empty, filled=False, strokeWidth=1)]
    layers += [points(marks, size=90, strokeWidth=1), texts([*left.texts, *axis, *words])]
    return picture(layers, language, frame, illustrative=illustrative)


def draw_acceptability(
    rows: Sequence[Row], language: Language, *, title: str = "", illustrative: bool
) -> Chart:
    """Return a map of units by ranks, the darker the more probable, the cell of the published rank outlined.

    A cell that no replication reaches is blank. More than forty ranks are put together, equally many in a
    cell. The best published rank is on top; sixty units fill a page.

    Parameters
    ----------
    rows : sequence of dict
        ``label``, ``shares`` (the probability of the ranks 1, 2, …, 0 to 1) and ``published``. A share that
        is missing is struck through; of a unit without any this is said in words.
    title : str
        What the cells show, above the key of the shades.

    Notes
    -----
    Rank acceptability indices of Lahdelma & Salminen (2001), doi:10.1287/opre.49.3.444.11220.
    """
    ranks = max((len(row["shares"]) for row in rows), default=0)
    if not ranks:
        return nothing(language, illustrative=illustrative)
    rows, each = best_first(rows), ceil(ranks / _COLUMNS)
    count = ceil(ranks / each)
    high = min(26.0, max(14.0, 840 / len(rows)))
    labels, room = left_labels([row["label"] for row in rows], high, ROOM)
    room = max(room, width_of(_RANK[language], SMALL) + 20)
    wide = min(Frame(0, room).width / count, 56.0)
    whole = wide * count
    frame = Frame(high * len(rows), room, wanted=max(whole, 400.0), bottom=14)
    title = (title or _CHANCE[language]) + (_BINNED[language].format(each) if each > 1 else "")
    lines = title_lines(title, frame.width + room - 22)
    frame = replace(frame, top=20 + KEY_ROOM + TITLE_ROOM * lines)
    heads = _rank_heads(ranks, each, wide)
    corner = {"x": -8, "y": -10, "text": _RANK[language], "align": "right", "size": SMALL, "colour": GREY}
    cells, outlines, strokes, words = _unit_cells(rows, language, (wide, high, each), (count, ranks))
    boxes, told = _SHADES.key(title, 22 - room, -48, frame.width + room - 22)
    x = 22 - room + _SHADES.width + 26
    mark: Row = {"x": x, "y": -48, "colour": INK, "fill": "white", "shape": "square"}
    told.append({"x": x + 12, "y": -48, "text": _WORDS[language][3], "size": SMALL})
    lattice = grid_rows([high * i for i in range(len(rows) + 1)], 0, whole, upright=False)
    lattice += grid_rows([0, whole], 0, frame.height)
    layers = [rules(lattice), rects(cells, stroke="white", strokeWidth=0.5), rules(strokes)]
    layers += [rects(outlines, filled=False, strokeWidth=1.6), rects(boxes), points([mark], size=90)]
    layers.append(texts([*labels, corner, *heads, *words, *told]))
    return picture(layers, language, frame, illustrative=illustrative)


_PLACES = ("published", "median", "low", "high", "far_low", "far_high")


def _is_outside(row: Row) -> bool:
    """Tell whether a published rank is not one of its interval."""
    ends = [row[key] for key in ("low", "published", "high")]
    return all(map(known, ends)) and not ends[0] <= ends[1] <= ends[2]


def _rank_legend(
    rows: Sequence[Row], language: Language, share: int, width: float, beside: float
) -> tuple[list[Row], list[Row], float]:
    """Return the legend of what is drawn, above the ranks along the top."""
    within, far, median, published, outside = _WORDS[language]
    entries = [(within.format(share), "#9fbfd9", _SPAN)]
    if any(known(row.get("far_low")) and known(row.get("far_high")) for row in rows):
        entries.append((far, EDGE, _LINE))
    entries += [(median, INK, "circle"), (published, BAR, "circle")]
    if any(map(_is_outside, rows)):
        entries.append((outside, ACCENT, _OUTSIDE))
    marks, words, top = legend(entries, width, beside)
    marks = [{**m, "fill": "white"} if m["colour"] in {BAR, ACCENT} else m for m in marks]
    return _raised(marks, 18), _raised(words, 18), top


def _raised(rows: Sequence[Row], by: float) -> list[Row]:
    return [{**row, "y": row["y"] - by} for row in rows]


def _ranked(last: float, start: float, end: float) -> Scale:
    """Return the scale of ranks, the first on the left; one rank alone stands in the middle."""
    return Scale(1, last, start, end) if last > 1 else Scale(0, 2, start, end)


def _rank_axis(scale: Scale, bottom: float, title: str) -> tuple[list[Row], list[Row]]:
    """Return the grid and the texts of whole ranks above and below the plot, the first among them."""
    last = max(round(scale.high), 1) if scale.low else 1
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**6) if last / s <= 12)
    ranks = [1, *(rank for rank in range(step, last + 1, step) if rank > 1 and rank - 1 >= step / 2)]
    grid = grid_rows([scale(rank) for rank in ranks], 0, bottom)
    style = {"align": "center", "colour": GREY, "size": SMALL}
    words = [{"x": scale(r), "y": y, "text": figure(r, 0), **style} for y in (-9, bottom + 12) for r in ranks]
    middle = (scale.start + scale.end) / 2
    return grid, [*words, {"x": middle, "y": bottom + 31, "text": title, "align": "center", "size": SMALL}]


def _spans(placed: Sequence[tuple[Row, float]], scale: Scale, low: str, high: str, colour: str) -> list[Row]:
    """Return a lying line between two ranks of each unit; one of no length is a dot as high as wide."""
    return [
        {"x": scale(row[low]) - 2, "x2": scale(row[high]) + 2, "y": y, "y2": y, "colour": colour}
        | {"described": said(row)}
        for row, y in placed
        if known(row.get(low)) and known(row.get(high))
    ]


def _ring(row: Row, scale: Scale, y: float) -> Row:
    place = {"x": scale(row["published"]), "y": y, "fill": "white", "described": said(row)}
    return {**place, "colour": ACCENT, "shape": _OUTSIDE} if _is_outside(row) else {**place, "colour": BAR}


def _grade_colours(count: int) -> Sequence[str]:
    """Return a colour for each grade, the best darkest."""
    return GRADES[:count] if count <= len(GRADES) else SEQUENTIAL(count)[::-1]


def _rest(row: Row) -> float:
    """Return what the known shares of a unit leave of 1; nothing where none is known."""
    shares = [share for share in row["shares"].values() if known(share)]
    return 1 - sum(shares) if shares else 0.0


def _most_probable(row: Row) -> str:
    """Return the grade of the highest share: the published one where it is among the highest."""
    shares = {grade: share for grade, share in row["shares"].items() if known(share)}
    highest = max(shares.values())
    is_among = shares.get(row["published"], -1.0) >= highest
    return str(row["published"]) if is_among else max(shares, key=shares.__getitem__)


def _parts(
    row: Row,
    grades: Sequence[tuple[str, str]],
    colours: Sequence[str],
    place: tuple[float, float, float, float],
) -> tuple[list[Row], list[Row]]:
    """Return the parts of a bar and the probabilities in those with room for them."""
    width, y, thick, size = place
    shares = [row["shares"].get(grade) for grade, _ in grades]
    amounts = [share if known(share) else 0.0 for share in shares]
    edges = [0.0, *accumulate(amounts)]
    bars, words = [], []
    for (_, name), colour, share, (a, b) in zip(grades, colours, shares, pairwise(edges), strict=True):
        if not known(share) or share <= ALMOST:
            continue
        text = percent(share)
        ends = {"x": width * a, "x2": width * b, "y": y - thick / 2, "y2": y + thick / 2}
        bars.append({**ends, "colour": colour, "described": f"{row['label']} {name} {text}"})
        if width * (b - a) >= width_of(text, size) + 6:
            style = {"align": "center", "size": size, "colour": ink_on(colour)}
            words.append({"x": width * (a + b) / 2, "y": y, "text": text, **style})
    return bars, words


def _empty(row: Row, width: float, y: float, thick: float, name: str) -> Row:
    """Return the outline of what the grades leave of a bar."""
    rest = _rest(row)
    ends = {"x": width * (1 - rest), "x2": width, "y": y - thick / 2 + 0.5, "y2": y + thick / 2 - 0.5}
    return {**ends, "colour": EDGE, "described": f"{row['label']} {name} {percent(rest)}"}


def _percent_axis(width: float, bottom: float) -> list[Row]:
    shown = [(width * part / 4, f"{25 * part}%") for part in range(5)]
    style = {"y": bottom + 12, "align": "center", "colour": GREY, "size": SMALL}
    return [{"x": x, "text": text, **style} for x, text in shown]


def _rank_heads(ranks: int, each: int, wide: float) -> list[Row]:
    """Return the ranks above the columns, as many as have room."""
    spans = [(first, min(first + each - 1, ranks)) for first in range(1, ranks + 1, each)]
    shown = [f"{a}–{b}" if b > a else f"{a}" for a, b in spans]
    stride = ceil((max(width_of(text, 10) for text in shown) + 4) / wide)
    style = {"y": -10, "align": "center", "size": 10, "colour": GREY}
    return [{"x": wide * (j + 0.5), "text": shown[j], **style} for j in range(0, len(shown), stride)]


def _binned(shares: Sequence[float | None], each: int) -> list[float | None]:
    """Return the shares of each cell, missing where one of its ranks is."""
    bins = [shares[first : first + each] for first in range(0, len(shares), each)]
    return [sum(part) if all(map(known, part)) else None for part in bins]  # type: ignore[arg-type]


def _unit_cells(
    rows: Sequence[Row], language: Language, sizes: tuple[float, float, int], counts: tuple[int, int]
) -> tuple[list[Row], list[Row], list[Row], list[Row]]:
    """Return the cells that are reached, the outlines of the published ranks, strokes of gaps, and texts."""
    (wide, high, each), (count, ranks) = sizes, counts
    room = wide - 4 >= width_of("100%", 10)
    cells, outlines, strokes, words = [], [], [], []
    for i, row in enumerate(rows):
        y, shares = high * i, _binned(row["shares"], each)
        if not any(map(known, shares)):
            words.append(
                {"x": 6, "y": y + high / 2, "text": NO_DATA[language], "size": SMALL, "colour": GREY}
            )
            shares = []
        for j, share in enumerate(shares):
            box = {"x": wide * j, "x2": wide * (j + 1), "y": y, "y2": y + high}
            if not known(share):
                strokes.append({**box, "y": y + high, "y2": y, "colour": EDGE})
            elif share and share > ALMOST:
                text, fill = percent(share), _SHADES(share)
                span = f"{each * j + 1}–{min(each * j + each, ranks)}" if each > 1 else f"{j + 1}"
                described = f"{row['label']} {_RANK[language]} {span} {text}"
                cells.append({**box, "colour": fill, "described": described})
                style = {"align": "center", "size": 10, "colour": ink_on(fill)}
                place = {"x": wide * (j + 0.5), "y": y + high / 2}
                words += [{**place, "text": text, **style}] * room
        if known(row["published"]) and (at := (round(row["published"]) - 1) // each) < count:
            ends = {"x": wide * at + 1, "x2": wide * (at + 1) - 1, "y": y + 1, "y2": y + high - 1}
            outlines.append({**ends, "colour": INK, "described": said(row)})
    return cells, outlines, strokes, words
