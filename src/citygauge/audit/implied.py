"""What the printed figures below a node allow for it, in exact fractions.

The figures of one line hang on a tree, so intervals carried from the leaves upwards are exact: the parts of
a parent are free of one another, and so are the weights below different parents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from citygauge.audit import joint
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.linear import Row, System
from citygauge.audit.published import Line, Published
from citygauge.audit.rules import Status

ONE, ZERO = Fraction(1), Fraction(0)
shares = joint.shares


def compared(printed: Interval, implied: Interval) -> Status:
    """Return whether two intervals meet, ``touches`` where only ends do that one of them leaves out.

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> compared(Interval(half, Fraction(1)), Interval(Fraction(0), half, high_open=True))
    'touches'
    """
    if not printed.meet(implied).empty:
        return "holds"
    return "cannot" if printed.closed.meet(implied.closed).empty else "touches"


def mixed(weights: Mapping[str, Interval], parts: Mapping[str, Interval]) -> Interval:
    """Return all weighted means of numbers in intervals, for all weights in theirs that add up to 1.

    Weights count with their ends. An end of the mean is open where every way to reach it uses an open end.

    Examples
    --------
    >>> some = Interval(Fraction(0), Fraction(1))
    >>> fifth = Interval(Fraction(1, 5), Fraction(1, 5))
    >>> str(mixed({"a": some, "b": some}, {"a": fifth, "b": some}))
    '[0, 1]'
    """
    low, low_open = _least(weights, {key: (part.low, part.low_open) for key, part in parts.items()})
    turned = {key: (None if p.high is None else -p.high, p.high_open) for key, p in parts.items()}
    high, high_open = _least(weights, turned)
    return Interval(low, None if high is None else -high, low_open, high_open)


def summed(published: Published, line: Line, code: str) -> bool:
    """Return whether a node is a weighted mean of its children in a line that prints anything below it."""
    children = published.children(code)
    if not children or published.nodes[code].how != "arithmetic":
        return False
    if any(published.nodes[child].goalposts for child in children):
        return False
    return any(True for child in children for _ in nearest(published, line, child))


def nearest(published: Published, line: Line, code: str) -> Iterator[Figure]:
    """Yield the figure of a node, or where it has none the nearest printed ones below it."""
    if figure := published.at(line, code):
        yield figure
        return
    for child in published.children(code):
        yield from nearest(published, line, child)


def resting_on(published: Published, line: Line, code: str) -> tuple[str, ...]:
    """Return the ids of a parent's figure, of the figures of its parts, and of their printed weights."""
    own = published.at(line, code)
    found = [own.id] if own else []
    parents = [code]
    for parent in parents:
        for child in published.children(parent):
            if weight := published.weight(child, line.period):
                found.append(weight.id)
            if figure := published.at(line, child):
                found.append(figure.id)
            elif published.children(child):
                parents.append(child)
    return tuple(dict.fromkeys(sorted(found, key=lambda key: key.endswith(".weight"))))


def open_rule(published: Published, figures: tuple[str, ...]) -> bool:
    """Return whether any of some figures may have been rounded in several ways."""
    known = (published.figures[key] for key in figures)
    return any(f.rule == "unknown" and f.step and not f.tolerance and f.sign == "=" for f in known)


def around(published: Published, line: Line, code: str) -> Interval:
    """Return the values of a node that its own figure allows or, without one, the figures below it."""
    within = Interval() if published.nodes[code].goalposts else published.scale
    if figure := published.at(line, code):
        met = figure.interval().meet(within)
        return figure.interval() if met.empty else met
    if summed(published, line, code):
        below = implied(published, line, code)
        return within if below is None or below.meet(within).empty else below.meet(within)
    return within


def implied(published: Published, line: Line, code: str) -> Interval | None:
    """Return the values of a parent that its parts allow; None where printed weights cannot add up."""
    weights = shares(published, code, line.period)
    if weights is None:
        return None
    return mixed(weights, {child: around(published, line, child) for child in weights})


def tree_status(published: Published, line: Line) -> Status:
    """Return whether all figures of a line can hold together, level upon level."""
    roots = [code for code, node in published.nodes.items() if node.parent is None]
    if all(_attained(published, line, root, closed=False) for root in roots):
        return "holds"
    closed = all(_attained(published, line, root, closed=True) for root in roots)
    return "touches" if closed else "cannot"


def parent_system(published: Published, lines: tuple[Line, ...], code: str) -> System:
    """Return the rows of a parent's figure and those of its parts, in some lines."""
    rows: list[Row] = []
    for line in lines:
        nodes = [code]
        for node in nodes:
            if figure := published.at(line, node):
                rows.append(Row({line.id(node): ONE}, figure.interval(), (figure.id,)))
            if published.nodes[node].goalposts is None:
                rows.append(Row({line.id(node): ONE}, published.scale))
            if node == code or (published.at(line, node) is None and summed(published, line, node)):
                rows += joint.parent_rows(published, line, node)
                nodes.extend(published.children(node))
    return System(tuple(rows))


def _attained(published: Published, line: Line, code: str, *, closed: bool) -> Interval | None:
    """Return the values of a node that all figures at and below it allow; None where there are none."""
    within = Interval() if published.nodes[code].goalposts else published.scale
    if figure := published.at(line, code):
        own = figure.interval().closed if closed else figure.interval()
        within = own if own.meet(within).empty else own.meet(within)
    parts = {c: _attained(published, line, c, closed=closed) for c in published.children(code)}
    known = {child: part for child, part in parts.items() if part is not None}
    if len(known) < len(parts):
        return None
    weights = shares(published, code, line.period) if summed(published, line, code) else None
    met = within.meet(mixed(weights, known)) if weights else within
    return None if met.empty else met


def _least(
    weights: Mapping[str, Interval], ends: Mapping[str, tuple[Fraction | None, bool]]
) -> tuple[Fraction | None, bool]:
    """Return the smallest weighted mean and whether it is open: the rest goes to the smallest part first."""
    given = {key: _low(weight) for key, weight in weights.items()}
    rest = ONE - sum(given.values(), ZERO)
    for key in sorted(ends, key=lambda key: (ends[key][0] is not None, ends[key][0] or ZERO, ends[key][1])):
        more = min(rest, _high(weights[key]) - given[key])
        given[key] += more
        rest -= more
    used = [(weight, *ends[key]) for key, weight in given.items() if weight]
    if any(end is None for _, end, _ in used):
        return None, False
    total = sum((weight * end for weight, end, _ in used if end is not None), ZERO)
    return total, any(is_open for *_, is_open in used)


def _low(end: Interval) -> Fraction:
    return ZERO if end.low is None else end.low


def _high(end: Interval) -> Fraction:
    return ONE if end.high is None else end.high
