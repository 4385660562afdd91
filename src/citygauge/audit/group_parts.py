"""Groups under each reading of who belongs to them, and the ranges of their units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from citygauge.audit.boxes import (
    all_named,
    averaged,
    cells_of,
    figure_of,
    graded,
    met_with,
    part_of,
    ranged,
    reach,
    size_of,
    units_of,
)
from citygauge.audit.figures import Interval
from citygauge.audit.published import Group, Line, Published
from citygauge.audit.spans import combined

ONE = Fraction(1)


@dataclass(frozen=True)
class Known:
    """The printed cells of the units' index in a line's period, found once for all claims."""

    line: Line
    cells: dict[str, list[str]]

    @classmethod
    def of(cls, published: Published, line: Line) -> Known:
        """Return what is printed of the units."""
        return cls(line, cells_of(published, line))

    def ranges(self, given: Published) -> dict[str, Interval]:
        """Return the range of each named unit's index, by grade, scale and cells."""
        return met_with(given, reach(given), self.cells)

    def cells_in(self, units: Iterable[str]) -> Iterator[str]:
        """Yield the ids of the cells of some units."""
        return (key for unit in units for key in self.cells.get(unit, ()))


def readings_of(published: Published, kind: str) -> tuple[str, ...]:
    """Return the names of the readings of a kind's groups, "" for the members as given."""
    groups = [group for group in published.groups if group.kind == kind]
    others = dict.fromkeys(name for group in groups for name in group.readings)
    given = ("",) if any(group.members for group in groups) or not others else ()
    return (*given, *others)


def read_as(published: Published, kind: str, reading: str) -> Published:
    """Return the same with the members that a reading gives to the groups of a kind."""
    if not reading:
        return published
    return replace(
        published,
        groups=tuple(
            replace(group, members=group.readings.get(reading, group.members))
            if group.kind == kind
            else group
            for group in published.groups
        ),
    )


def mean_within(given: Published, known: Known, members: tuple[str, ...] | None, n: int | None) -> Interval:
    """Return what units' ranges allow for their mean; of any n of all units where they are not named."""
    ranges = known.ranges(given)
    if members:
        return averaged([ranges.get(unit, given.scale) for unit in members])
    if all_named(given):
        classes = Counter(ranges.values())
    else:
        classes = Counter()
        for grade, size in graded(given, known.line) or ():
            classes[ranged(given, grade)] += size
    classes = classes or Counter([given.scale])
    size = n if n and n <= classes.total() else 1
    low = sorted(classes, key=lambda i: (i.low is not None, i.low or 0, i.low_open))
    high = sorted(classes, key=lambda i: (i.high is None, i.high or 0, not i.high_open), reverse=True)
    least, most = _mean_of_first(low, classes, size), _mean_of_first(high, classes, size)
    return Interval(least.low, most.high, least.low_open, most.high_open)


def _mean_of_first(ranges: Iterable[Interval], classes: Counter[Interval], n: int) -> Interval:
    """Return the mean of the first n units, taken class by class: there may be a thousand million."""
    terms, left = [], n
    for interval in ranges:
        taken = min(classes[interval], left)
        terms.append((Fraction(taken, n), interval))
        left -= taken
    return combined(terms)


@dataclass(frozen=True)
class Rest:
    """The units in none of a kind's groups: what the printed means leave for their mean, and their ranges.

    Without such units `implied` is the overall mean that the groups give and `within` the printed one.
    """

    n: int
    implied: Interval
    within: Interval


def rest_of(given: Published, known: Known, groups: tuple[Group, ...]) -> Rest | None:
    """Return what is left by groups of known size; None where it cannot be told."""
    line, total = known.line, units_of(given, known.line)
    whole = figure_of(given, line, "overall.mean")
    parts = [_mean_and_size(given, known, group) for group in groups]
    sized = [(size, mean) for size, mean in parts if size]
    inside = [unit for group in groups for unit in group.members or ()]
    rest = (total or 0) - sum(size for size, _ in sized)
    if not total or whole is None or len(sized) < len(groups) or rest < 0 or len(inside) > len(set(inside)):
        return None
    by = rest or total
    implied = combined(
        (Fraction(sign * size, by), mean) for sign, size, mean in _terms(whole.interval(), total, sized, rest)
    )
    if not rest:
        return Rest(0, implied, whole.interval())
    left = tuple(unit for unit in given.units if unit not in set(inside))
    named = len(left) == rest and all(group.members for group in groups)
    return Rest(rest, implied, mean_within(given, known, left if named else None, rest))


def _terms(
    whole: Interval, total: int, sized: list[tuple[int, Interval]], rest: int
) -> Iterator[tuple[int, int, Interval]]:
    if rest:
        yield 1, total, whole
    for size, mean in sized:
        yield (-1 if rest else 1), size, mean


def _mean_and_size(given: Published, known: Known, group: Group) -> tuple[int | None, Interval]:
    """Return the size of a group and its mean: as printed, as far as its units' ranges allow it."""
    key = f"group.{group.name}"
    size = size_of(given, known.line, part_of(group))
    within = mean_within(given, known, group.members, size)
    figure = figure_of(given, known.line, f"{key}.mean")
    if figure is None:
        return size, within
    met = figure.interval().meet(within)
    return size, figure.interval() if met.empty else met
