"""Whether printed standard deviations can be: against range and mean, grades, parts of a node, and groups.

Squares are compared, never roots, so that every verdict is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from citygauge.audit.boxes import (
    Part,
    boxes_of,
    counted,
    figure_of,
    grade_figures,
    part_of,
    size_of,
    units_of,
)
from citygauge.audit.claims import Pair
from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.findings import Finding
from citygauge.audit.published import ROOT, Line, Published, dated
from citygauge.audit.spread_claims import Asked, Formula, divided, finding_of
from citygauge.audit.spread_groups import group_claims
from citygauge.audit.spread_nodes import node_claim
from citygauge.audit.squares import ANY, ZERO, Box, bhatia_davis, squares
from citygauge.audit.wording import words


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield for every printed standard deviation whether the other printed figures allow it.

    Each is held against the range and the mean of its values [1]_, of the index also against how many units
    lie in each grade; the one of a node against those of its parts (triangle inequality, Cauchy and
    Schwarz); of the index against means and standard deviations of groups (law of total variance). Where it
    is not said whether n or n − 1 divides, either may.

    Parameters
    ----------
    touching : frozenset of str, optional
        Only claims that rest on any of these figures.

    Yields
    ------
    Finding
        ``spread.CODE``, ``spread.group.NAME``, ``spread.grade.NAME``; ``spread.CODE.parts``;
        ``spread.groups.KIND``. With a period before it where there is one.

    References
    ----------
    .. [1] R. Bhatia and C. Davis (2000), A better bound on the variance, The American Mathematical Monthly
       107, 353–357, doi:10.2307/2589180.
    """
    for line in published.lines:
        if line.kind == "mean":
            for asked in _claims(published, line):
                if touching is None or touching & {asked.sd.id, *asked.figures}:
                    yield finding_of(published, asked)


def _claims(published: Published, line: Line) -> Iterator[Asked]:
    for code, node in published.nodes.items():
        sd = figure_of(published, line, f"{code}.sd")
        if sd is None:
            continue
        ends = [figure_of(published, line, f"{code}.{end}") for end in ("min", "max")]
        if node.goalposts is None or all(ends):
            yield _alone(published, line, code, sd)
        if claim := node_claim(published, line, code, sd):
            yield claim
    for part in (*map(part_of, published.groups), *map(part_of, published.grades)):
        if sd := figure_of(published, line, f"{part.key}.sd"):
            yield _inside(published, line, part, sd)
    yield from group_claims(published, line)


def _alone(published: Published, line: Line, code: str, sd: Figure) -> Asked:
    """Return the claim of a node's standard deviation against the range and mean of its scores."""
    figures = [figure_of(published, line, f"{code}.{what}") for what in ("mean", "min", "max")]
    figures.append(counted(published, line))
    if code == ROOT:
        figures += list(grade_figures(published, line))
    ids = tuple(dict.fromkeys(figure.id for figure in figures if figure))

    def limits(given: Published, formula: Formula) -> Interval | None:
        mean = _interval(given, line, f"{code}.mean")
        n = units_of(given, line)
        least, most = (_interval(given, line, f"{code}.{end}") for end in ("min", "max"))
        for boxes in _tried(given, line, code, (least, most)):
            if n is None:
                return _any_number(boxes[0], mean, formula)
            if found := squares(boxes, mean):
                return divided(Interval(found.least, found.greatest), n, formula)
        return None

    def about() -> tuple[Pair, ...]:
        ends = _ends(published, line, code)
        found = _about(published, line, figures[0], units_of(published, line), ends)
        return found + _graded(published, line) if code == ROOT else found

    return Asked(dated(line.period, f"spread.{code}"), sd, ids, limits, about)


def _inside(published: Published, line: Line, part: Part, sd: Figure) -> Asked:
    """Return the claim of a group's standard deviation against the range and mean of its units."""
    mean = figure_of(published, line, f"{part.key}.mean")
    n = figure_of(published, line, f"{part.key}.n")
    ids = tuple(figure.id for figure in (mean, n, counted(published, line)) if figure)

    def limits(given: Published, formula: Formula) -> Interval | None:
        within = _interval(given, line, f"{part.key}.mean")
        size = size_of(given, line, part)
        every = boxes_of(given, line, (part,)) or ()
        boxes = [replace(box, group="") for box in every if box.group == part.key]
        if size is None or not boxes:
            scale = _scaled(given, size or 1)
            if scale is None:
                return None
            if size is None:
                return _any_number(scale, within, formula)
            boxes = [scale]
        found = squares(boxes, within)
        return (
            divided(Interval(found.least, found.greatest), sum(b.n for b in boxes), formula)
            if found
            else None
        )

    def about() -> tuple[Pair, ...]:
        scale = (told(published.scale.low or ZERO), told(published.scale.high or ZERO))
        return _about(published, line, mean, size_of(published, line, part), scale)

    return Asked(dated(line.period, f"spread.{part.key}"), sd, ids, limits, about)


def _tried(given: Published, line: Line, code: str, ends: tuple[Interval, Interval]) -> Iterator[list[Box]]:
    """Yield the ranges of a node's scores, then without the grades, which may be at fault themselves."""
    n = units_of(given, line) or 1
    least, most = ends
    scale = Interval() if given.nodes[code].goalposts else given.scale
    low = least.low if least.low is not None else scale.low
    high = most.high if most.high is not None else scale.high
    if low is None or high is None or low > high:
        return
    if code == ROOT and (graded := boxes_of(given, line)):
        cut = [replace(box, low=max(box.low, low), high=min(box.high, high)) for box in graded]
        if len(cut) > 1 and all(box.low <= box.high for box in cut):
            yield cut
    firm = [
        Box(1, end.low, end.high) for end in ends if end.low is not None and end.high is not None and n > 2
    ]
    rest = n - len(firm)
    yield [*firm, Box(rest, low, high)]


def _any_number(box: Box, mean: Interval, formula: Formula) -> Interval:
    """Return the variances of any number of values in a range; ÷ (n − 1) at most doubles it."""
    greatest = bhatia_davis(box.low, box.high, mean)
    return Interval(ZERO, greatest * (1 if formula == "population" else 2))


def _interval(given: Published, line: Line, name: str) -> Interval:
    figure = figure_of(given, line, name)
    return figure.interval().closed if figure else ANY


def _scaled(given: Published, n: int) -> Box | None:
    low, high = given.scale.low, given.scale.high
    return None if low is None or high is None else Box(n, low, high)


def _ends(published: Published, line: Line, code: str) -> tuple[str, str]:
    """Return the printed ends of a node's scores in words, else those of the scale."""
    found = []
    for name, end in (("min", published.scale.low), ("max", published.scale.high)):
        figure = figure_of(published, line, f"{code}.{name}")
        found.append(figure.printed() if figure else told(end or ZERO))
    return found[0], found[1]


def _about(
    published: Published, line: Line, mean: Figure | None, n: int | None, ends: tuple[str, str]
) -> tuple[Pair, ...]:
    """Return what limits a standard deviation, in words."""
    found = [words("spreads.cities", n=n)] if n else []
    if mean:
        found.append(words("spreads.mean", mean=mean.printed()))
    return (*found, words("spreads.ends", low=ends[0], high=ends[1]))


def _graded(published: Published, line: Line) -> tuple[Pair, ...]:
    """Return how many units lie in each grade, in words."""
    boxes = boxes_of(published, line) or ()
    if len(boxes) < 2:
        return ()
    ranges: dict[tuple[Fraction, Fraction], int] = {}
    for box in boxes:
        ranges[box.low, box.high] = ranges.get((box.low, box.high), 0) + box.n
    return tuple(
        words("spreads.some", n=n, low=told(low), high=told(high)) for (low, high), n in ranges.items()
    )
