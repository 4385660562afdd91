"""The index's standard deviation against means and standard deviations of groups: the law of total variance.

The sum of squares around the common mean is that within the groups plus that between their means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from citygauge.audit.boxes import Part, boxes_of, counted, figure_of, part_of, units_of
from citygauge.audit.claims import Pair
from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.findings import Bound
from citygauge.audit.published import ROOT, Line, Published, dated
from citygauge.audit.spans import combined
from citygauge.audit.spread_claims import Asked, Formula, divided, squared, times
from citygauge.audit.squares import ANY, ZERO, Box, Squares, root_above, squares
from citygauge.audit.wording import names, words

GRADES = "grade"
ONE = Fraction(1)


def group_claims(published: Published, line: Line) -> Iterator[Asked]:
    """Yield the claim of the index's standard deviation against the groups of each kind, and the grades."""
    sd = figure_of(published, line, f"{ROOT}.sd")
    if sd is None:
        return
    kinds: dict[str, list[Part]] = {}
    for group in published.groups:
        kinds.setdefault(group.kind, []).append(part_of(group))
    if published.grades:
        kinds.setdefault(GRADES, [part_of(grade) for grade in published.grades])
    for kind, listed in kinds.items():
        parts = tuple(listed)
        known = [figure for part in parts for figure in _figures(published, line, part)]
        if not known:
            continue
        if boxes_of(published, line, parts):
            yield _known(published, line, kind, parts, sd)
        elif (limit := _limit(published, line, parts)) is not None:
            yield _limited(published, line, kind, (parts, sd), limit)


def _figures(published: Published, line: Line, part: Part) -> Iterator[Figure]:
    for what in ("mean", "sd"):
        if figure := figure_of(published, line, f"{part.key}.{what}"):
            yield figure


def _known(published: Published, line: Line, kind: str, parts: tuple[Part, ...], sd: Figure) -> Asked:
    figures = [figure_of(published, line, f"{ROOT}.mean"), counted(published, line)]
    for part in parts:
        figures += [*_figures(published, line, part), figure_of(published, line, f"{part.key}.n")]
    ids = tuple(dict.fromkeys(figure.id for figure in figures if figure))

    def limits(given: Published, formula: Formula) -> Interval | None:
        found = _sums(given, line, parts, formula)
        return divided(found, units_of(given, line) or 1, formula) if found else None

    def about() -> tuple[Pair, ...]:
        return (words("spreads.groups", parts=names([part.names for part in parts])),)

    return Asked(dated(line.period, f"spread.groups.{kind}"), sd, ids, limits, about)


def _sums(given: Published, line: Line, parts: tuple[Part, ...], formula: Formula) -> Interval | None:
    """Return the sums of squares that groups allow; None where their means already cannot be."""
    boxes = boxes_of(given, line, parts)
    if not boxes:
        return None
    means = {
        part.key: figure.interval().closed
        for part in parts
        if (figure := figure_of(given, line, f"{part.key}.mean"))
    }
    whole = figure_of(given, line, f"{ROOT}.mean")
    mean = whole.interval().closed if whole else ANY
    found = squares(boxes, mean, means)
    if found is None:
        return None
    ends = Interval(found.least, found.greatest)
    inside = Interval(ZERO, ZERO)
    between: list[Box] = []
    for key in dict.fromkeys(box.group for box in boxes):
        own = [replace(box, group="") for box in boxes if box.group == key]
        alone = squares(own, means.get(key, ANY))
        if alone is None:
            return None
        sd = figure_of(given, line, f"{key}.sd")
        inside = combined([(ONE, inside), (ONE, _printed(sd, own, formula, alone))])
        between.append(_middle(own, means.get(key, ANY)))
    apart = squares(between, mean)
    if apart is None:
        return None
    met = ends.meet(combined([(ONE, inside), (ONE, Interval(apart.least, apart.greatest))]))
    # Nothing fits: the printed deviations of groups contradict one another, whichever the whole has.
    return Interval(met.low, met.high) if not met.empty else Interval(Fraction(-1), Fraction(-1))


def _printed(sd: Figure | None, own: list[Box], formula: Formula, alone: Squares) -> Interval:
    """Return the sum of squares inside a group, as printed where that can be."""
    ends = Interval(alone.least, alone.greatest)
    if sd is None:
        return ends
    n = sum(box.n for box in own)
    by = n if formula == "population" else n - 1
    met = ends.meet(times(squared(sd.interval()), Fraction(by)))
    return ends if met.empty else met


def _middle(own: list[Box], mean: Interval) -> Box:
    """Return the range of a group's mean, which counts for each of its units."""
    n = sum(box.n for box in own)
    low = sum((box.n * box.low for box in own), ZERO) / n
    high = sum((box.n * box.high for box in own), ZERO) / n
    met = Interval(low, high).meet(mean)
    assert met.low is not None
    assert met.high is not None
    return Box(n, met.low, met.high)


def _limit(published: Published, line: Line, parts: tuple[Part, ...]) -> Fraction | None:
    """Return the largest standard deviation that is printed of groups, None where one has no limit."""
    highs = []
    for part in parts:
        sd = figure_of(published, line, f"{part.key}.sd")
        high = sd.interval().high if sd else None
        if high is None:
            return None
        highs.append(high)
    return max(highs)


def _limited(
    published: Published, line: Line, kind: str, claim: tuple[tuple[Part, ...], Figure], limit: Fraction
) -> Asked:
    """Return what follows where groups of unknown members and size all have a small deviation."""
    parts, sd = claim
    ids = tuple(f.id for part in parts for f in _figures(published, line, part) if f.id.endswith(".sd"))
    low = squared(sd.interval()).low or ZERO
    condition: Pair | None = None
    bounds: tuple[Bound, ...] = ()
    if (gap := low - limit**2) > 0:
        condition = words("spreads.differ", least=told(root_above(gap)))
        bounds = (Bound(*words("spreads.between"), Interval(gap)),)

    def limits(given: Published, formula: Formula) -> Interval | None:
        return Interval(ZERO, None)

    def about() -> tuple[Pair, ...]:
        return (words("spreads.within", parts=names([part.names for part in parts]), limit=told(limit)),)

    return Asked(dated(line.period, f"spread.groups.{kind}"), sd, ids, limits, about, condition, bounds)
