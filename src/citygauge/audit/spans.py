"""Exact arithmetic on intervals of independent numbers."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from citygauge.audit.figures import Interval
from citygauge.audit.rules import Status

ZERO = Fraction(0)


def combined(terms: Iterable[tuple[Fraction, Interval]]) -> Interval:
    """Return the values of ``Σ coefficient × number`` for numbers anywhere in their intervals.

    Examples
    --------
    >>> a = Interval(Fraction(177, 200), Fraction(179, 200))  # 0.89, rounded
    >>> b = Interval(Fraction(3, 8), Fraction(77, 200))  # 0.38, rounded
    >>> str(combined([(Fraction(1), a), (Fraction(-1), b)]))
    '[0.5, 0.52]'
    """
    low: Fraction | None = ZERO
    high: Fraction | None = ZERO
    low_open = high_open = False
    for coefficient, interval in terms:
        if coefficient == 0:
            continue
        ends = [(interval.low, interval.low_open), (interval.high, interval.high_open)]
        (least, least_open), (most, most_open) = ends if coefficient > 0 else ends[::-1]
        low = None if low is None or least is None else low + coefficient * least
        high = None if high is None or most is None else high + coefficient * most
        low_open, high_open = low_open or least_open, high_open or most_open
    return Interval(low, high, low_open and low is not None, high_open and high is not None)


def quotient(over: Interval, under: Interval) -> Interval | None:
    """Return the values of a ratio; None where its denominator may be zero or negative.

    Examples
    --------
    >>> str(quotient(Interval(Fraction(8), Fraction(8)), Interval(Fraction(50), Fraction(50))))
    '[0.16, 0.16]'
    """
    if under.low is None or under.low < 0 or (under.low == 0 and not under.low_open):
        return None
    low, low_open = _least(over.low, over.low_open, under)
    mirrored = None if over.high is None else -over.high
    high, high_open = _least(mirrored, over.high_open, under)
    return Interval(low, None if high is None else -high, low_open, high_open)


def status(one: Interval, other: Interval) -> Status:
    """Return whether two intervals share a number, only an end that is left out, or nothing."""
    if not one.meet(other).empty:
        return "holds"
    return "touches" if one.touches(other) else "cannot"


def apart(one: Interval, other: Interval) -> Fraction:
    """Return the distance between two intervals, 0 where they meet or touch."""
    met = one.meet(other)
    if met.low is None or met.high is None:
        return ZERO
    return max(met.low - met.high, ZERO)


def distance(one: Interval, other: Interval) -> Interval:
    """Return the values of ``|a − b|``.

    Examples
    --------
    >>> point = Interval(Fraction(4, 5), Fraction(4, 5))
    >>> str(distance(Interval(Fraction(29, 40), Fraction(147, 200)), point))
    '[0.065, 0.075]'
    """
    gap = combined([(Fraction(1), one), (Fraction(-1), other)])
    if gap.high is not None and gap.high <= 0:
        gap = combined([(Fraction(-1), gap)])
    if gap.low is not None and gap.low >= 0:
        return gap
    if gap.low is None or gap.high is None:
        return Interval(ZERO)
    wide = max((-gap.low, not gap.low_open), (gap.high, not gap.high_open))
    return Interval(ZERO, wide[0], False, not wide[1])


def _least(low: Fraction | None, low_open: bool, under: Interval) -> tuple[Fraction | None, bool]:
    """Return the lower end of a ratio, from that of its numerator and a positive denominator."""
    if low is None or (low < 0 and not under.low):
        return None, False
    if low == 0:
        return ZERO, low_open
    if low < 0:
        assert under.low is not None
        return low / under.low, low_open or under.low_open
    if under.high is None:
        return ZERO, True
    return low / under.high, low_open or under.high_open
