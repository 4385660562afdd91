"""A printed figure and the exact interval of the numbers that print so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal, get_args

Rule = Literal["half_up", "half_even", "half_down", "truncated", "unknown"]
Sign = Literal["=", ">", ">=", "<", "<="]
RULES: tuple[Rule, ...] = get_args(Rule)
SINGLE: tuple[Rule, ...] = ("half_up", "half_even", "half_down", "truncated")


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two exact ends, each of which belongs to it unless it is open; None is no end.

    Examples
    --------
    >>> str(Interval(Fraction(139, 200), Fraction(141, 200), high_open=True))
    '[0.695, 0.705)'
    """

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: Fraction) -> bool:
        """Whether a number lies inside."""
        under = self.low is not None and (value < self.low or (self.low_open and value == self.low))
        over = self.high is not None and (value > self.high or (self.high_open and value == self.high))
        return not (under or over)

    def __str__(self) -> str:
        left = "(" if self.low_open or self.low is None else "["
        right = ")" if self.high_open or self.high is None else "]"
        low = "-∞" if self.low is None else told(self.low)
        high = "∞" if self.high is None else told(self.high)
        return f"{left}{low}, {high}{right}"

    @property
    def empty(self) -> bool:
        """Whether no number lies inside."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meet(self, other: Interval) -> Interval:
        """Return the numbers that lie in both; it may be empty."""
        low, low_open = max(
            ((end.low, end.low_open) for end in (self, other) if end.low is not None),
            default=(None, False),
        )
        high, not_open = min(
            ((end.high, not end.high_open) for end in (self, other) if end.high is not None),
            default=(None, True),
        )
        return Interval(low, high, low_open, not not_open)

    def touches(self, other: Interval) -> bool:
        """Whether two intervals share no more than one end that is open in either."""
        met = self.meet(other)
        return met.empty and met.low == met.high

    @property
    def closed(self) -> Interval:
        """The interval with its ends."""
        return replace(self, low_open=False, high_open=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed figure.

    Attributes
    ----------
    id : str
        Unique in its publication: ``S.mean``, ``overall.sd``, ``grade.leading.n`` (see `published`).
    value : Decimal
        As printed, trailing zeros kept.
    step : Decimal
        One unit of the last printed place, e.g. 0.01; 0 for a figure that is exact (a count, a formula's
        constant).
    rule : Rule
        How it was rounded; ``unknown``: to the nearest, a tie either way (and `truncated` is tried too where
        a claim fails).
    sign : str
        ``=`` for a printed number; ``>`` and so on where only a limit is printed ("above 0.30").
    tolerance : Decimal
        Half the width of a figure that is given with one, e.g. a weight of "about 0.3 ± 0.02".
    name_zh, name_en : str
        What it is, as a phrase.
    where : str
        Where it is printed, e.g. ``表 3-13``.
    """

    id: str
    value: Decimal
    step: Decimal = Decimal(0)
    rule: Rule = "unknown"
    sign: Sign = "="
    tolerance: Decimal = Decimal(0)
    name_zh: str = ""
    name_en: str = ""
    where: str = ""

    def interval(self, rule: Rule | None = None) -> Interval:
        """Return the numbers that print so, under its own rule unless another is given.

        ``half_up`` rounds a tie away from zero, ``half_down`` towards it, ``half_even`` to the even digit,
        ``truncated`` cuts off towards zero. ``unknown`` takes both ends of rounding to the nearest.

        Examples
        --------
        >>> str(Figure("x", Decimal("0.70"), Decimal("0.01"), "half_up").interval())
        '[0.695, 0.705)'
        """
        return _interval(self.value, self.step, rule or self.rule, self.sign, self.tolerance)

    def printed(self) -> str:
        """Return the figure as it is printed."""
        return f"{'' if self.sign == '=' else self.sign + ' '}{self.value}"


def told(value: Fraction, digits: int = 4) -> str:
    """Return a number in decimals: all of them where they end within six places, else rounded to `digits`.

    Examples
    --------
    >>> told(Fraction(1429, 2000)), told(Fraction(3, 29))
    ('0.7145', '0.1034')
    """
    scaled = value * 10**6
    if scaled.denominator == 1:
        text = f"{Decimal(int(scaled)) / 10**6:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{round(float(value), digits):.{digits}f}"


@lru_cache(maxsize=65536)  # the checks ask for the same few intervals thousands of times
def _interval(value: Decimal, step: Decimal, rule: Rule, sign: Sign, tolerance: Decimal) -> Interval:
    exact = Fraction(value)
    if tolerance:
        half = Fraction(tolerance)
        return Interval(exact - half, exact + half)
    if sign != "=":
        return _limit(sign, exact)
    return _rounded(exact, Fraction(step), rule) if step else Interval(exact, exact)


def _limit(sign: Sign, value: Fraction) -> Interval:
    if sign.startswith(">"):
        return Interval(low=value, low_open=sign == ">")
    return Interval(high=value, high_open=sign == "<")


def _truncated(value: Fraction, step: Fraction) -> Interval:
    if value == 0:
        return Interval(-step, step, low_open=True, high_open=True)
    if value > 0:
        return Interval(value, value + step, high_open=True)
    return Interval(value - step, value, low_open=True)


def _rounded(value: Fraction, step: Fraction, rule: Rule) -> Interval:
    if rule == "truncated":
        return _truncated(value, step)
    low, high = value - step / 2, value + step / 2
    if rule == "unknown":
        return Interval(low, high)
    if rule == "half_even":
        odd = bool((value / step) % 2)
        return Interval(low, high, odd, odd)
    outwards = rule == "half_up"
    if value == 0:
        return Interval(low, high, outwards, outwards)
    return Interval(low, high, low_open=(value > 0) != outwards, high_open=(value > 0) == outwards)
