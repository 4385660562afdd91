"""The tables of units in a publication: their rows, their names, and how their numbers are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.published import Line, Published, dated
from citygauge.audit.wording import words

Pair = tuple[str, str]
FINEST = 10**24  # a denominator above it stands for an end that was rounded outwards
ENOUGH = 10  # cells that all end in 0: one column in 10¹⁰ by chance
RULES = ("half_up", "half_even", "half_down", "truncated")


@dataclass(frozen=True)
class Table:
    """The rows of one table in one period."""

    name: str
    period: str
    lines: tuple[Line, ...]

    @property
    def id(self) -> str:
        """Its name after its period, as in the ids of its cells."""
        return dated(self.period, self.name)

    @property
    def place(self) -> Pair:
        """How it is called in a sentence."""
        if self.period:
            return words("cells.place_of", table=self.name, period=self.period)
        return words("cells.place", table=self.name)

    def touched(self, published: Published, touching: frozenset[str] | None) -> tuple[Line, ...]:
        """Return the rows with one of some figures; all of them where it is a weight, or for None."""
        if touching is None or any(key.endswith(".weight") for key in touching):
            return self.lines
        starts = {key.rpartition("/")[0] for key in touching if "/" in key}
        return tuple(line for line in self.lines if line.id("").rpartition("/")[0] in starts)


def tables(published: Published) -> tuple[Table, ...]:
    """Return the tables of units, each period of one apart, in their order."""
    lines: dict[tuple[str, str], list[Line]] = {}
    for line in published.lines:
        if line.kind == "unit":
            lines.setdefault((line.table, line.period), []).append(line)
    return tuple(Table(name, period, tuple(rows)) for (name, period), rows in lines.items())


def node_name(published: Published, code: str) -> Pair:
    """Return the names of a node, its code for want of one."""
    node = published.nodes[code]
    return node.name_zh or node.name_en or code, node.name_en or node.name_zh or code


def unit_name(published: Published, unit: str) -> Pair:
    """Return the names of a unit, what the table calls it for want of one."""
    known = published.units.get(unit)
    return (known.name or unit, known.name_en or known.name or unit) if known else (unit, unit)


def joined(*texts: Pair) -> Pair:
    """Return sentences one after the other."""
    return "".join(zh for zh, _ in texts), " ".join(en for _, en in texts if en)


def rules_named(rules: Sequence[str]) -> Pair:
    """Return the names of rounding rules, or that there is none."""
    pairs = [words(f"cells.{rule}") for rule in RULES if rule in rules] or [words("cells.no_rule")]
    return "、".join(zh for zh, _ in pairs), ", ".join(en for _, en in pairs)


def places(figure: Figure) -> int:
    """Return the decimals in which numbers about a figure are told: two more than it has."""
    return max(4, 2 - int(figure.value.as_tuple().exponent))


def told_ends(interval: Interval, figure: Figure) -> tuple[str, str]:
    """Return both ends of what is allowed for a figure, in words that stand between others."""
    low = "-∞" if interval.low is None else told(interval.low, places(figure))
    return low, "∞" if interval.high is None else told(interval.high, places(figure))


def told_gap(gap: Fraction, digits: int, up: bool = False) -> str:
    """Return a distance in decimals, never told as larger (`up`: as smaller) than it is, and not as 0."""
    while gap and gap * 10**digits < 1:
        digits += 1
    places = 10 ** (digits + 1)
    return told(Fraction((ceil if up else floor)(gap * places), places), digits + 1)


def plainly(interval: Interval) -> Interval:
    """Return an interval with ends that are not rational rounded outwards to 12 places, others exact."""
    low, high = interval.low, interval.high
    if low is not None and low.denominator > FINEST:
        low = Fraction(floor(low * 10**12), 10**12)
    if high is not None and high.denominator > FINEST:
        high = Fraction(ceil(high * 10**12), 10**12)
    return Interval(low, high, interval.low_open, interval.high_open)


def coarser(published: Published, table: Table) -> tuple[Published, dict[str, int]]:
    """Return the same with the decimals that whole columns really use, where fewer than is said.

    A column of which no cell uses the last place, of enough cells that this is no chance, was printed to
    fewer places. Second: the decimals of each such node.
    """
    used: dict[str, int] = {}
    figures = dict(published.figures)
    for code in published.nodes:
        cells = [figure for line in table.lines if (figure := published.at(line, code))]
        if len(cells) < ENOUGH or any(cell.tolerance or cell.sign != "=" for cell in cells):
            continue
        digits = max(max(-int(cell.value.normalize().as_tuple().exponent), 0) for cell in cells)
        if all(0 < cell.step < Decimal(1).scaleb(-digits) for cell in cells):
            used[code] = digits
            figures |= {cell.id: replace(cell, step=Decimal(1).scaleb(-digits)) for cell in cells}
    return replace(published, figures=figures), used
