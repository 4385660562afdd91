"""A node's standard deviation against those of its parts: the triangle inequality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache

from citygauge.audit.boxes import figure_of, units_of
from citygauge.audit.claims import Pair
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.implied import mixed
from citygauge.audit.joint import shares
from citygauge.audit.published import Line, Published, dated
from citygauge.audit.spread_claims import Asked, Formula, squared
from citygauge.audit.squares import ZERO, bhatia_davis, root_above
from citygauge.audit.wording import names, words

ANY_SD = Interval(ZERO)


def node_claim(published: Published, line: Line, code: str, sd: Figure) -> Asked | None:
    """Return the claim of a node's standard deviation against its parts', None where none of them is printed.

    With shares w that add up to 1, SD(Σ w x) ≤ Σ w SD(x), and SD(Σ w x) ≥ w SD(x) − Σ others. A part whose
    standard deviation is not printed has that of its own parts, or the greatest that its mean allows.
    """
    below = tuple(_below(published, line, code))
    if not below or not _mixes(published, code):
        return None
    ids = tuple(dict.fromkeys(_rests_on(published, line, code)))

    def limits(given: Published, formula: Formula) -> Interval | None:
        reach = _of_parts(given, line, code, formula)
        if reach is None or reach.low is None or (reach.low == 0 and reach.high is None):
            return None
        return squared(reach)

    name = f"spread.{code}.parts"

    def about() -> tuple[Pair, ...]:
        parts = names([(figure.name_zh or figure.id, figure.name_en or figure.id) for figure in below])
        return (words("spreads.parts", n=len(below), parts=parts),)

    return Asked(dated(line.period, name), sd, ids, limits, about)


def _mixes(published: Published, code: str) -> bool:
    children = published.children(code)
    arithmetic = published.nodes[code].how == "arithmetic"
    return bool(children) and arithmetic and not any(published.nodes[c].goalposts for c in children)


def _below(published: Published, line: Line, code: str) -> Iterator[Figure]:
    """Yield the nearest printed standard deviations below a node."""
    for child in published.children(code):
        if figure := figure_of(published, line, f"{child}.sd"):
            yield figure
        elif _mixes(published, child):
            yield from _below(published, line, child)


def _rests_on(published: Published, line: Line, code: str) -> Iterator[str]:
    """Yield the ids of the figures that limit a node's standard deviation from below it."""
    if count := figure_of(published, line, "units.n") or published.figures.get("units.n"):
        yield count.id
    for child in published.children(code):
        if weight := published.weight(child, line.period):
            yield weight.id
        if figure := figure_of(published, line, f"{child}.sd"):
            yield figure.id
            continue
        if mean := figure_of(published, line, f"{child}.mean"):
            yield mean.id
        if _mixes(published, child):
            yield from _rests_on(published, line, child)


def _of_parts(given: Published, line: Line, code: str, formula: Formula) -> Interval | None:
    weights = shares(given, code, line.period)
    if weights is None:
        return None
    parts = {child: _reach(given, line, child, formula) for child in given.children(code)}
    return _spanned(tuple(weights.items()), tuple(parts.items()))


@lru_cache(maxsize=2048)  # trying a correction changes one figure: the same is asked of most nodes again
def _spanned(weights: tuple[tuple[str, Interval], ...], parts: tuple[tuple[str, Interval], ...]) -> Interval:
    shared, below = dict(weights), dict(parts)
    low, whole = _lower(shared, below), mixed(shared, below)
    return Interval(low.low, whole.high, low.low_open, whole.high_open)


def _lower(weights: Mapping[str, Interval], parts: Mapping[str, Interval]) -> Interval:
    """Return what the part that varies most leaves over when all others work against it."""
    best = ANY_SD
    for code, part in parts.items():
        others = [other for key, other in parts.items() if key != code]
        if part.low is None or any(other.high is None for other in others):
            continue
        against = {
            key: part if key == code else Interval(-(other.high or ZERO), None, other.high_open)
            for key, other in parts.items()
        }
        left = mixed(weights, against)
        best = best.meet(Interval(left.low, None, left.low_open))
    return best


def _reach(given: Published, line: Line, code: str, formula: Formula) -> Interval:
    """Return the standard deviations that a node can have: as printed, else by its parts and its mean."""
    if figure := figure_of(given, line, f"{code}.sd"):
        printed = figure.interval().meet(ANY_SD)
        ends = ANY_SD if printed.empty else printed
        if ends.high is not None:
            return ends
        return Interval(ends.low, _widest(given, line, code, formula), ends.low_open)
    found = _of_parts(given, line, code, formula) if _mixes(given, code) else None
    alone = Interval(ZERO, _widest(given, line, code, formula))
    return found.meet(alone) if found and not found.meet(alone).empty else alone


def _widest(given: Published, line: Line, code: str, formula: Formula) -> Fraction | None:
    """Return a limit of the standard deviation by scale and mean alone."""
    low, high = given.scale.low, given.scale.high
    if low is None or high is None or given.nodes[code].goalposts:
        return None
    mean = figure_of(given, line, f"{code}.mean")
    greatest = bhatia_davis(low, high, mean.interval().closed if mean else Interval())
    n = units_of(given, line)
    if formula == "sample":
        greatest *= Fraction(n, n - 1) if n and n > 1 else 2
    return root_above(greatest)
