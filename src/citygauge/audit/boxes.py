"""What grades and printed scores tell of each unit's index, and of how many units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.published import ROOT, Grade, Group, Line, Published, dated
from citygauge.audit.spans import combined
from citygauge.audit.squares import Box

REST = "rest"


@dataclass(frozen=True, slots=True)
class Part:
    """A group or grade by the start of its ids (``group.NAME``), and its members where they are known."""

    key: str
    names: tuple[str, str]
    members: tuple[str, ...] | None


def figure_of(published: Published, line: Line, name: str) -> Figure | None:
    """Return a figure of a line's period, e.g. ``group.NAME.mean``."""
    return published.figures.get(dated(line.period, name))


def whole(figure: Figure | None) -> int | None:
    """Return a printed count, None where it is none."""
    if figure is None or figure.step or figure.sign != "=" or figure.value % 1 or figure.value < 1:
        return None
    return int(figure.value)


def counted(published: Published, line: Line) -> Figure | None:
    """Return the printed number of units, of the period or of all."""
    return figure_of(published, line, "units.n") or published.figures.get("units.n")


def units_of(published: Published, line: Line) -> int | None:
    """Return how many units there are."""
    return whole(counted(published, line)) or (len(published.units) if all_named(published) else None)


def all_named(published: Published) -> bool:
    """Return whether the named units are all there are, not just those in the lists of some grades."""
    if all(grade.members is not None for grade in published.grades):
        return bool(published.units)
    listed = {unit for grade in published.grades for unit in grade.members or ()}
    return not listed.issuperset(published.units)


def part_of(item: Group | Grade) -> Part:
    """Return a group or grade as a part of the units."""
    start = "group" if isinstance(item, Group) else "grade"
    return Part(f"{start}.{item.name}", (item.name_zh or item.name, item.name_en or item.name), item.members)


def size_of(published: Published, line: Line, part: Part) -> int | None:
    """Return how many units a part has: its members, else what is printed."""
    return len(part.members) if part.members else whole(figure_of(published, line, f"{part.key}.n"))


def graded(published: Published, line: Line) -> list[tuple[Grade, int]] | None:
    """Return how many units each grade has, None where that is not known of all units."""
    sizes = [(grade, size_of(published, line, part_of(grade))) for grade in published.grades]
    known = [(grade, size) for grade, size in sizes if size is not None]
    total = units_of(published, line)
    complete = bool(known) and len(known) == len(sizes)
    return known if complete and sum(size for _, size in known) == total else None


def grade_figures(published: Published, line: Line) -> Iterator[Figure]:
    """Yield the printed sizes on which `graded` rests."""
    for grade in published.grades:
        figure = figure_of(published, line, f"grade.{grade.name}.n")
        if figure and not grade.members:
            yield figure


def ranged(published: Published, grade: Grade) -> Interval:
    """Return the values of the index in a grade, within the scale."""
    return grade.range.meet(published.scale)


def reach(published: Published) -> dict[str, Interval]:
    """Return the values that each named unit's index can have by its grade."""
    found = dict.fromkeys(published.units, published.scale)
    for grade in published.grades:
        for unit in grade.members or ():
            met = found.get(unit, published.scale).meet(ranged(published, grade))
            found[unit] = published.scale if met.empty else met
    return found


def cells_of(published: Published, line: Line) -> dict[str, list[str]]:
    """Return the ids of the cells that print a unit's index in a period."""
    found: dict[str, list[str]] = {}
    for other in published.lines:
        if other.kind == "unit" and other.period == line.period and other.id(ROOT) in published.figures:
            found.setdefault(other.unit, []).append(other.id(ROOT))
    return found


def met_with(
    published: Published, ranges: Mapping[str, Interval], cells: Mapping[str, list[str]]
) -> dict[str, Interval]:
    """Return ranges narrowed to what is printed of the units, where the two meet."""
    found = dict(ranges)
    for unit, keys in cells.items():
        for key in keys:
            if unit in found and key in published.figures:
                met = found[unit].meet(published.figures[key].interval())
                found[unit] = found[unit] if met.empty else met
    return found


def averaged(ranges: Sequence[Interval]) -> Interval:
    """Return the mean of numbers in intervals.

    Examples
    --------
    >>> low, high = Interval(Fraction(0), Fraction(1, 2)), Interval(Fraction(1, 2), Fraction(1))
    >>> str(averaged([low, high]))
    '[0.25, 0.75]'
    """
    return combined((Fraction(1, len(ranges)), interval) for interval in ranges)


def boxes_of(published: Published, line: Line, parts: tuple[Part, ...] = ()) -> list[Box] | None:
    """Return the ranges of the units' indices, by the parts that they are in; the others are in ``rest``.

    Without parts the grades count alone. None where the number of units, of a part, or the scale is unknown
    or the parts do not fit the units.
    """
    total, scale = units_of(published, line), published.scale
    if total is None or scale.low is None or scale.high is None:
        return None
    inside = {unit: part.key for part in parts for unit in part.members or ()}
    listed = (
        all(part.members for part in parts) if parts else all(grade.members for grade in published.grades)
    )
    if listed and len(published.units) == total and set(inside) <= set(published.units):
        if len(inside) != sum(len(part.members or ()) for part in parts):
            return None
        ranges = reach(published)
        return _counted(Counter((ranges[unit], inside.get(unit, REST)) for unit in published.units))
    sizes = graded(published, line) if all(part.key.startswith("grade.") for part in parts) else None
    if sizes is not None:
        return _counted(Counter({(ranged(published, g), f"grade.{g.name}"): n for g, n in sizes}))
    counts = {part.key: size_of(published, line, part) for part in parts}
    known = {key: size for key, size in counts.items() if size}
    rest = total - sum(known.values())
    if len(known) < len(counts) or rest < 0:
        return None
    found = [Box(size, scale.low, scale.high, key) for key, size in known.items()]
    return [*found, Box(rest, scale.low, scale.high, REST)] if rest else found


def _counted(sizes: Counter[tuple[Interval, str]]) -> list[Box]:
    return [
        Box(size, interval.low, interval.high, group)
        for (interval, group), size in sizes.items()
        if size and interval.low is not None and interval.high is not None
    ]
