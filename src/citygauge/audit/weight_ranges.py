"""Parents whose weights are not printed: which weights are possible, in exact fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from citygauge.audit import joint
from citygauge.audit.figures import Interval
from citygauge.audit.implied import (
    ONE,
    ZERO,
    around,
    compared,
    implied,
    mixed,
    open_rule,
    resting_on,
    summed,
)
from citygauge.audit.joint import shares
from citygauge.audit.linear import Row, System
from citygauge.audit.parents import named, weights_printed
from citygauge.audit.published import Line, Published
from citygauge.audit.resting import only
from citygauge.audit.rules import Judged, Status, judged

_RANK: tuple[Status, ...] = ("holds", "touches", "cannot")


@dataclass(frozen=True)
class Parent:
    """A parent whose weights are not all printed, and the lines that print it; all of one period."""

    published: Published
    code: str
    lines: tuple[Line, ...]
    figures: tuple[str, ...]

    @property
    def name(self) -> tuple[str, str]:
        """Its name."""
        return named(self.published, self.lines[0], self.code)

    @property
    def children(self) -> tuple[str, ...]:
        """Its parts."""
        return self.published.children(self.code)

    @property
    def printed(self) -> str:
        """The parent's figure in the first line."""
        return self.published.figures[self.figures[0]].printed()

    def judged(self, weights: Mapping[str, Fraction] | None = None) -> Judged:
        """Return the verdict with some weights, or with any."""
        return judged(
            only(self.published, self.figures),
            lambda given: _status(given, self, weights),
            open_rule(self.published, self.figures),
        )

    @cached_property
    def rules(self) -> dict[tuple[str, ...], dict[str, Fraction]]:
        """The weights under each usual rule that can be told and meets what is printed, alike ones once."""
        allowed = shares(self.published, self.code, self.lines[0].period) or {}
        found: dict[tuple[str, ...], dict[str, Fraction]] = {}
        for rule in self.published.usual_weights:
            weights = _usual(self.published, self.code, rule)
            if weights is None or any(weight not in allowed[c] for c, weight in weights.items()):
                continue
            alike = next((names for names, known in found.items() if known == weights), ())
            found.pop(alike, None)
            found[(*alike, rule)] = weights
        return found

    @cached_property
    def by_rule(self) -> dict[tuple[str, ...], Judged]:
        """The verdict under each usual rule."""
        return {rules: self.judged(weights) for rules, weights in self.rules.items()}

    def fits(self, rule: str) -> bool | None:
        """Return whether a usual rule gives the printed figure, rounded to the nearest; None if untried."""
        return next((usable(found) for rules, found in self.by_rule.items() if rule in rules), None)


def usable(found: Judged) -> bool:
    """Return whether a claim holds under some way of rounding to the nearest."""
    return found.verdict != "impossible" and found.rules != ("truncated",)


def weight_system(parent: Parent) -> System:
    """Return the rows that the weights below a parent must meet, its parts' figures taken out.

    The unknowns are the weights alone (`joint.weight_name`): a part may lie anywhere in its interval, so
    only the ends count.
    """
    period = parent.lines[0].period
    names = {child: joint.weight_name(child, period) for child in parent.children}
    rows = [Row(dict.fromkeys(names.values(), ONE), Interval(ONE, ONE))]
    for child, share in (shares(parent.published, parent.code, period) or {}).items():
        weight = parent.published.weight(child, period)
        rows.append(Row({names[child]: ONE}, share, (weight.id,) if weight else ()))
    for line in parent.lines:
        own = around(parent.published, line, parent.code)
        parts = {child: around(parent.published, line, child) for child in parent.children}
        figures = tuple(
            key for key in resting_on(parent.published, line, parent.code) if ".weight" not in key
        )
        lows = {names[c]: p.low for c, p in parts.items() if p.low is not None}
        highs = {names[c]: p.high for c, p in parts.items() if p.high is not None}
        if own.high is not None and len(lows) == len(parts):
            is_open = own.high_open or all(part.low_open for part in parts.values())
            rows.append(Row(lows, Interval(high=own.high, high_open=is_open), figures))
        if own.low is not None and len(highs) == len(parts):
            is_open = own.low_open or all(part.high_open for part in parts.values())
            rows.append(Row(highs, Interval(low=own.low, low_open=is_open), figures))
    return System(tuple(rows))


def weight_ranges(parent: Parent) -> dict[str, Interval]:
    """Return the exact range of each child's weight over all weights that are possible; empty without any."""
    system, period = weight_system(parent), parent.lines[0].period
    found = {c: system.extent({joint.weight_name(c, period): ONE}) for c in parent.children}
    return {child: extent for child, extent in found.items() if extent is not None}


def nearest_to_equal(parent: Parent) -> dict[str, Fraction] | None:
    """Return possible weights whose greatest deviation from equal ones is least, or their limit."""
    system, period = weight_system(parent), parent.lines[0].period
    equal = Fraction(1, len(parent.children))
    off = "deviation"
    rows = []
    for child in parent.children:
        name = joint.weight_name(child, period)
        rows.append(Row({name: ONE, off: -ONE}, Interval(high=equal)))
        rows.append(Row({name: ONE, off: ONE}, Interval(low=equal)))
    extent = system.and_(rows).extent({off: ONE})
    if extent is None or extent.low is None:
        return None
    closed = System(tuple(Row(row.coefficients, row.within.closed) for row in system.rows))
    least = Row({off: ONE}, Interval(extent.low, extent.low))
    witness = closed.and_([*rows, least]).settle().certificate.witness
    return None if witness is None else {c: witness[joint.weight_name(c, period)] for c in parent.children}


def largest_smallest(parent: Parent) -> Interval | None:
    """Return the range of what the smallest weight can be."""
    period = parent.lines[0].period
    rows = [
        Row({joint.weight_name(c, period): ONE, "smallest": -ONE}, Interval(low=ZERO))
        for c in parent.children
    ]
    rows.append(Row({"smallest": ONE}, Interval(low=ZERO)))
    return weight_system(parent).and_(rows).extent({"smallest": ONE})


def parent_of(published: Published, code: str, period: str) -> Parent | None:
    """Return a parent whose weights are asked for; None where they are printed or nothing is summed."""
    if weights_printed(published, code, period) or shares(published, code, period) is None:
        return None
    own = [line for line in published.lines if line.period == period]
    lines = tuple(line for line in own if published.at(line, code) and summed(published, line, code))
    if not lines:
        return None
    figures = dict.fromkeys(key for line in lines for key in resting_on(published, line, code))
    return Parent(published, code, lines, tuple(figures))


def _usual(published: Published, code: str, rule: str) -> dict[str, Fraction] | None:
    """Return the weights under a usual rule; None by count where the counts are not known."""
    children = published.children(code)
    if rule == "equal":
        return dict.fromkeys(children, Fraction(1, len(children)))
    counts = {child: published.nodes[child].indicators or 0 for child in children}
    total = sum(counts.values())
    return {c: Fraction(n, total) for c, n in counts.items()} if all(counts.values()) else None


def _status(published: Published, parent: Parent, weights: Mapping[str, Fraction] | None) -> Status:
    """Return whether the parent is possible in all its lines, with some weights or any."""
    found: list[Status] = []
    for line in parent.lines:
        allowed = with_weights(published, line, parent.code, weights)
        found.append("holds" if allowed is None else compared(around(published, line, parent.code), allowed))
    worst = max(found, key=_RANK.index)
    if worst != "holds" or weights is not None or len(found) == 1:
        return worst
    return weight_system(Parent(published, parent.code, parent.lines, parent.figures)).settle().status


def with_weights(
    published: Published, line: Line, code: str, weights: Mapping[str, Fraction] | None
) -> Interval | None:
    """Return the values of a parent that its parts allow with some weights, or with any."""
    if weights is None:
        return implied(published, line, code)
    parts = {child: around(published, line, child) for child in weights}
    return mixed({child: Interval(weight, weight) for child, weight in weights.items()}, parts)


def worst_line(parent: Parent, weights: Mapping[str, Fraction] | None) -> Line:
    """Return the first line in which the weights do not give the printed figure, else the first."""
    for line in parent.lines:
        allowed = with_weights(parent.published, line, parent.code, weights)
        if allowed and compared(around(parent.published, line, parent.code), allowed) != "holds":
            return line
    return parent.lines[0]
