"""The printed means as one linear system: parents and children, grades and groups of units.

Unknown weights stay unknown: with ``share = weight × mean`` of each child a parent is the sum of the shares,
and a share lies between the weight times the ends of the child's printed figure. This is exact for a line of
figures, as a box; weights are common to all lines of a period.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

from citygauge.audit.boxes import all_named
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.linear import Row, System
from citygauge.audit.published import ROOT, Line, Published

ONE, ZERO = Fraction(1), Fraction(0)
NOTHING = Interval(ZERO, ZERO)
SHARE = Interval(ZERO, ONE)
_TOTALS = (1, 100, 10, 1000)  # what printed weights may add up to, the most usual first


def system_of(published: Published) -> System:
    """Return all printed means that must hold together."""
    rows = [row for line in published.lines for row in line_rows(published, line)]
    rows += [row for line in published.lines if line.kind == "mean" for row in class_rows(published, line)]
    return System(tuple(rows))


def line_rows(published: Published, line: Line) -> Iterator[Row]:
    """Yield the rows of a line: each figure in its interval, each linear parent from its children."""
    for code, node in published.nodes.items():
        name = line.id(code)
        if figure := published.at(line, code):
            yield Row({name: ONE}, figure.interval(), (figure.id,))
        if node.goalposts is None:
            yield Row({name: ONE}, published.scale)
    for code in published.nodes:
        if linear(published, line, code):
            yield from parent_rows(published, line, code)


def linear(published: Published, line: Line, code: str) -> bool:
    """Return whether a parent's figure is a weighted sum of its children's, and any of them is printed."""
    children = published.children(code)
    if not children or published.nodes[code].how != "arithmetic":
        return False
    if any(published.nodes[child].goalposts for child in children):
        return False
    whole = line.kind == "unit" or all(published.nodes[c].how == "arithmetic" for c in published.nodes)
    return whole and all(published.at(line, child) or published.children(child) for child in children)


def parent_rows(published: Published, line: Line, code: str) -> Iterator[Row]:
    """Yield the rows that tie a parent to its children, with weights as far as they are printed."""
    children = published.children(code)
    weights = [published.weight(child, line.period) for child in children]
    known = [weight for weight in weights if weight is not None]
    parts = shares(published, code, line.period)
    if parts and len(known) == len(children) and all(fixed(weight) for weight in known):
        terms = {line.id(child): part.low or ZERO for child, part in parts.items()}
        yield Row({line.id(code): -ONE, **terms}, NOTHING, tuple(weight.id for weight in known))
        return
    yield from weight_rows(published, code, line.period)
    yield from _share_rows(published, line, code, parts or dict.fromkeys(children, SHARE))


def shares(published: Published, code: str, period: str = "") -> dict[str, Interval] | None:
    """Return the share of each child in its parent: a single number, what is printed of it, or 0 to 1.

    Printed weights may add up to 1, 100, 10 or 1,000, the first that fits; those that are single numbers to
    anything. None where the printed ones cannot add up.
    """
    children = published.children(code)
    printed = {child: published.weight(child, period) for child in children}
    given = {child: figure.interval() for child, figure in printed.items() if figure is not None}
    values = [end.low for end in given.values() if end.low is not None and end.low == end.high]
    if len(values) == len(children):
        total = sum(values, ZERO)
        return _fixed(given, total) if total > 0 and min(values) >= 0 else None
    for total in map(Fraction, _TOTALS):
        whole = Interval(ZERO, total)
        ends = {child: given.get(child, whole).meet(whole) for child in children}
        if any(end.empty for end in ends.values()):
            continue
        if sum(_low(end) for end in ends.values()) <= total <= sum(_high(end) for end in ends.values()):
            alone = len(children) == 1
            return {child: Interval(ONE, ONE) if alone else _over(end, total) for child, end in ends.items()}
    return None


def _fixed(given: Mapping[str, Interval], total: Fraction) -> dict[str, Interval]:
    return {child: _over(end, total) for child, end in given.items()}


def _over(end: Interval, total: Fraction) -> Interval:
    return Interval(_low(end) / total, _high(end) / total)


def _low(end: Interval) -> Fraction:
    return ZERO if end.low is None else end.low


def _high(end: Interval) -> Fraction:
    return ONE if end.high is None else end.high


def fixed(weight: Figure) -> bool:
    """Return whether a printed weight is one number."""
    ends = weight.interval()
    return ends.low == ends.high


def weight_rows(published: Published, code: str, period: str = "") -> Iterator[Row]:
    """Yield what holds for the weights below a parent: at least 0, together 1, near what is printed.

    Printed weights that cannot add up tie nothing: they are a fault of their own.
    """
    children = published.children(code)
    parts = shares(published, code, period) or {}
    yield Row({weight_name(child, period): ONE for child in children}, Interval(ONE, ONE))
    for child in children:
        yield Row({weight_name(child, period): ONE}, SHARE)
        if (weight := published.weight(child, period)) and child in parts:
            yield Row({weight_name(child, period): ONE}, parts[child], (weight.id,))


def weight_name(code: str, period: str = "") -> str:
    """Return the name of an unknown weight."""
    return f"weight:{period}:{code}"


def _share_rows(
    published: Published, line: Line, code: str, weights: Mapping[str, Interval]
) -> Iterator[Row]:
    names = {child: f"share:{line.id(child)}" for child in weights}
    yield Row({line.id(code): -ONE, **dict.fromkeys(names.values(), ONE)}, NOTHING)
    ends = {child: f.interval() for child in weights if (f := published.at(line, child))}
    for child, share in names.items():
        end = ends.get(child, published.scale)
        figures = (line.id(child),) if child in ends else ()
        weight = weight_name(child, line.period)
        printed = published.weight(child, line.period)
        # An open end of a part leaves its share open just where its weight cannot be 0.
        both = (*figures, *([printed.id] if printed else [])) if weights[child].low else ()
        if end.low is not None:
            yield Row({share: ONE, weight: -end.low}, Interval(low=ZERO), figures)
            if both and end.low_open:
                yield Row({share: ONE, weight: -end.low}, Interval(low=ZERO, low_open=True), both)
        if end.high is not None:
            yield Row({share: ONE, weight: -end.high}, Interval(high=ZERO), figures)
            if both and end.high_open:
                yield Row({share: ONE, weight: -end.high}, Interval(high=ZERO, high_open=True), both)
    if len(ends) == len(weights):
        yield from _open_rows(line, code, ends)


def _open_rows(line: Line, code: str, ends: Mapping[str, Interval]) -> Iterator[Row]:
    """Yield that a parent lies off an end that is open for every part: some weight is not 0."""
    figures = tuple(line.id(child) for child in ends)
    names = {child: weight_name(child, line.period) for child in ends}
    lows = {names[child]: -end.low for child, end in ends.items() if end.low is not None and end.low_open}
    highs = {names[child]: -end.high for child, end in ends.items() if end.high is not None and end.high_open}
    if len(lows) == len(ends):
        yield Row({line.id(code): ONE, **lows}, Interval(low=ZERO, low_open=True), figures)
    if len(highs) == len(ends):
        yield Row({line.id(code): ONE, **highs}, Interval(high=ZERO, high_open=True), figures)


def class_of(published: Published, unit: str) -> tuple[str, ...]:
    """Return the class of a unit: ``grade.NAME`` (blank without one), then each ``group.NAME``.

    Units of one class are alike in the means.
    """
    grade = next((f"grade.{g.name}" for g in published.grades if unit in (g.members or ())), "")
    groups = (f"group.{group.name}" for group in published.groups if unit in (group.members or ()))
    return (grade, *groups)


def classes_of(published: Published) -> Counter[tuple[str, ...]]:
    """Return the classes of the units, with how many units each has; empty where not all are named."""
    if not all_named(published):
        return Counter()
    return Counter(class_of(published, unit) for unit in published.units)


def class_rows(published: Published, line: Line) -> Iterator[Row]:
    """Yield the rows of the mean index of each class: in its grade, and groups and all units as printed."""
    sizes = classes_of(published)
    total = sum(sizes.values())
    if not total or (published.grades and any(not key[0] for key in sizes)):
        return
    names = {key: f"class:{line.period}:{'|'.join(key)}" for key in sizes}
    ranges = {f"grade.{grade.name}": grade.range for grade in published.grades}
    for key, name in names.items():
        yield Row({name: ONE}, published.scale)
        if key[0]:
            yield Row({name: ONE}, ranges[key[0]], (f"{key[0]}.range",))
    whole = {names[key]: Fraction(size, total) for key, size in sizes.items()}
    yield Row({line.id(ROOT): -ONE, **whole}, NOTHING, ("units",))
    prefix = f"{line.period}:" if line.period else ""
    for part, members in _parts(published):
        figure = published.figures.get(f"{prefix}{part}.mean")
        inside = {key: size for key, size in sizes.items() if part in key}
        if figure is not None and members:
            terms = {names[key]: Fraction(size, members) for key, size in inside.items()}
            yield Row({figure.id: ONE}, figure.interval(), (figure.id,))
            yield Row({figure.id: -ONE, **terms}, NOTHING, (f"{part}.members",))


def _parts(published: Published) -> Iterator[tuple[str, int]]:
    """Yield the groups and grades whose members are known, with how many they are."""
    for group in published.groups:
        if group.members:
            yield f"group.{group.name}", len(group.members)
    for grade in published.grades:
        if grade.members:
            yield f"grade.{grade.name}", len(grade.members)
