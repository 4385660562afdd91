"""What a wrong figure may have been meant to be: slips of the hand, neighbours, and its own parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import islice, pairwise
from math import ceil, floor

from citygauge.audit.figures import Figure, Interval, Rule
from citygauge.audit.joint import fixed
from citygauge.audit.published import Line, Published

# How likely a form is, from 0 to 1: a stale sum explains itself, a wrong digit explains anything.
PLAUSIBLE = {
    "recomputed": 0.75, "transposed": 0.7, "equal_weights": 0.65, "count_weights": 0.6, "swapped": 0.6,
    "shifted": 0.55, "digit": 0.5, "copied": 0.1,
}  # fmt: skip

WAYS: dict[Rule, str] = {
    "truncated": ROUND_DOWN, "half_even": ROUND_HALF_EVEN, "half_down": ROUND_HALF_DOWN,
}  # fmt: skip
UNBOUNDED = 10_000  # steps that a figure is moved either way at most, where nothing bounds it


def slips(figure: Figure) -> Iterator[tuple[Decimal, str]]:
    """Yield the values that one slip turns into what is printed: neighbouring digits, the point, a digit.

    Examples
    --------
    >>> figure = Figure("x", Decimal("0.73"), Decimal("0.01"))
    >>> [(str(value), form) for value, form in slips(figure) if form != "digit"]
    [('7.03', 'transposed'), ('0.37', 'transposed'), ('7.30', 'shifted')]
    """
    value, step = figure.value, grain(figure)
    text = str(abs(value))
    places = [i for i, sign in enumerate(text) if sign.isdigit()]
    for one, other in pairwise(places):
        swapped = list(text)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        if swapped != list(text):
            yield _as_printed("".join(swapped), value), "transposed"
    for power in (1, -1):
        shifted = value.scaleb(power)
        if shifted and shifted == rounded(Fraction(shifted), step):
            yield rounded(Fraction(shifted), step), "shifted"
    for place in reversed(places):
        for digit in "0123456789":
            if digit != text[place]:
                yield _as_printed(text[:place] + digit + text[place + 1 :], value), "digit"


def grain(figure: Figure) -> Decimal:
    """Return one unit of the last place of a figure, of an exact one too."""
    return figure.step or Decimal(1).scaleb(int(figure.value.as_tuple().exponent))


def own_means(published: Published, line: Line, code: str) -> Iterator[tuple[str, dict[str, Fraction]]]:
    """Yield the usual weights for a parent whose weights are not printed, by form."""
    children = published.children(code)
    parts = [published.at(line, child) for child in children]
    if len(children) < 2 or any(part is None or part.sign != "=" for part in parts):
        return
    if published.nodes[code].how != "arithmetic" or any(published.weight(c, line.period) for c in children):
        return
    counts = {child: published.nodes[child].indicators for child in children}
    total = sum(count or 0 for count in counts.values())
    if "equal" in published.usual_weights:
        yield "equal_weights", dict.fromkeys(children, Fraction(1, len(children)))
    if "count" in published.usual_weights and all(counts.values()):
        yield "count_weights", {child: Fraction(count or 0, total) for child, count in counts.items()}


def printed_mean(published: Published, line: Line, code: str) -> Fraction | None:
    """Return the mean of a parent's parts as printed, by printed weights; None where they are not."""
    children = published.children(code)
    parts = [published.at(line, child) for child in children]
    weights = [published.weight(child, line.period) for child in children]
    if not children or published.nodes[code].how != "arithmetic":
        return None
    pairs = [(w, p) for w, p in zip(weights, parts, strict=True) if w is not None and p is not None]
    if len(pairs) < len(children) or not all(fixed(w) and p.sign == "=" for w, p in pairs):
        return None
    total = sum((Fraction(w.value) for w, _ in pairs), Fraction(0))
    whole = sum((Fraction(w.value) * Fraction(p.value) for w, p in pairs), Fraction(0))
    return whole / total if total else None


def reach(figure: Figure, allowed: Interval) -> range:
    """Return by how many steps a figure can be moved so that it may stand for a number in an interval.

    Examples
    --------
    >>> reach(Figure("x", Decimal("0.80"), Decimal("0.01")), Interval(Fraction("0.81"), Fraction("0.82")))
    range(1, 3)
    """
    step, value = Fraction(grain(figure)), Fraction(figure.value)
    low = -UNBOUNDED if allowed.low is None else floor((allowed.low - value) / step) - 1
    high = UNBOUNDED if allowed.high is None else ceil((allowed.high - value) / step) + 1
    while low <= high and moved(figure, low).interval().meet(allowed).empty:
        low += 1
    while low <= high and moved(figure, high).interval().meet(allowed).empty:
        high -= 1
    return range(low, high + 1)


def printable(figure: Figure, allowed: Interval, most: int) -> list[Decimal]:
    """Return other values that a figure can be printed as for a number in an interval, the nearest first."""
    steps = reach(figure, allowed)
    order = (sign * k for k in range(1, max(abs(steps.start), abs(steps.stop)) + 1) for sign in (1, -1))
    return [moved(figure, k).value for k in islice((k for k in order if k in steps), most)]


def moved(figure: Figure, steps: int) -> Figure:
    """Return a figure some steps of its last place away."""
    return replace(figure, value=figure.value + steps * grain(figure))


def lists_of(published: Published) -> Iterator[tuple[str, ...]]:
    """Yield lists in which two figures are easily swapped: a level of the tree, a row, a column, groups."""
    depth: dict[str, int] = {}
    for code, node in published.nodes.items():
        depth[code] = depth[node.parent] + 1 if node.parent in depth else 0
    levels = [[c for c, d in depth.items() if d == level] for level in sorted(set(depth.values()))]
    for line in published.lines:
        if line.kind == "unit":
            yield tuple(line.id(code) for code in published.nodes)
            continue
        for level in levels:
            names = [line.id(code).removesuffix("mean") for code in level]
            for what in ("mean", "sd", "min", "max"):
                yield tuple(name + what for name in names)
    tables = dict.fromkeys((line.period, line.table) for line in published.lines if line.kind == "unit")
    for period, table in tables:
        rows = [line for line in published.lines if (line.period, line.table) == (period, table)]
        for code in published.nodes:
            yield tuple(line.id(code) for line in rows)
    periods = dict.fromkeys(line.period for line in published.lines)
    for prefix in (f"{period}:" if period else "" for period in periods):
        for code in published.nodes:
            yield tuple(f"{prefix}{child}.weight" for child in published.children(code))
        for kind in dict.fromkeys(group.kind for group in published.groups):
            names = [f"{prefix}group.{group.name}." for group in published.groups if group.kind == kind]
            yield from (tuple(name + what for name in names) for what in ("mean", "sd", "n"))
        grades = [f"{prefix}grade.{grade.name}." for grade in published.grades]
        yield from (tuple(name + what for name in grades) for what in ("mean", "n", "share"))


def twin(published: Published, figure: str, lists: Iterable[tuple[str, ...]]) -> str | None:
    """Return a figure next to one, in a list or among its parts, that is printed with the same number."""
    beside = [
        key
        for among in lists
        if figure in among
        for present in [[key for key in among if key in published.figures]]
        for place in [present.index(figure)]
        for key in present[max(place - 1, 0) : place + 2]
    ]
    for line in published.lines:
        for code in published.nodes:
            if line.id(code) == figure:
                beside += [line.id(child) for child in published.children(code)]
    value = published.figures[figure].value
    same = (k for k in beside if k != figure and k in published.figures)
    return next((key for key in same if published.figures[key].value == value), None)


def rounded(value: Fraction, step: Decimal, rule: Rule = "half_up") -> Decimal:
    """Return a number at the printed place, by an unknown rule with ties away from zero."""
    steps = Decimal((value / Fraction(step)).numerator) / Decimal((value / Fraction(step)).denominator)
    return (steps.to_integral_value(WAYS.get(rule, ROUND_HALF_UP)) * step).quantize(step)


def _as_printed(text: str, value: Decimal) -> Decimal:
    return -Decimal(text) if value < 0 else Decimal(text)
