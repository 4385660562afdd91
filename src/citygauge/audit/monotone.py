"""What printed parts allow for a mean of them: each step rises with its parts, so ends go to ends.

Rational ends stay exact. An end that is not rational (a logarithm, a root) is rounded outwards, by less than
10⁻⁴⁹: a range is never too narrow, so it never turns down a figure that can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import isqrt, lcm, log, prod

from citygauge.audit.figures import Interval
from citygauge.audit.published import Goalposts, How

ZERO, ONE = Fraction(0), Fraction(1)
SLACK = Fraction(1, 10**50)  # far above the error of 60 digits, far below any printed place
LARGEST_ROOT = 1000
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
POSITIVE = Interval(low=ZERO)


def score(raw: Interval, posts: Goalposts, scale: Interval) -> Interval:
    """Return the scores that raw values have between their goalposts, on the scale of the index.

    Parameters
    ----------
    raw : Interval
        Raw values, e.g. years or dollars; not empty.
    posts : Goalposts
        With a `low` above its `high` a smaller value is better.
    scale : Interval
        Of a score; 0 to 1 where an end of it is missing.

    Returns
    -------
    Interval
        Inside the scale. An end is open only where its raw end is open and lies between the goalposts: what
        lies beyond a goalpost has the same score as the goalpost itself.

    Notes
    -----
    ``low + (high − low) · (f(x) − f(a)) ÷ (f(b) − f(a))`` for goalposts a and b, kept within the scale, f
    the identity or the natural logarithm: UNDP, Human Development Report 2023/24, Technical note 1.

    Examples
    --------
    >>> years = Interval(Fraction(139, 10), Fraction(15), high_open=True)
    >>> str(score(years, Goalposts(Decimal(0), Decimal(15)), Interval(Fraction(0), Fraction(100))))
    '[92.6667, 100)'
    """
    low, high = sorted((Fraction(posts.low), Fraction(posts.high)))
    if low == high or (posts.scaling == "log" and low <= 0):
        return _stretched(Interval(ZERO, ONE), scale)
    ends = (
        ZERO if raw.low is None else _share(raw.low, low, high, posts.scaling, up=False),
        ONE if raw.high is None else _share(raw.high, low, high, posts.scaling, up=True),
    )
    low_open = raw.low is not None and raw.low_open and low <= raw.low < high
    high_open = raw.high is not None and raw.high_open and low < raw.high <= high
    if posts.low > posts.high:
        return _stretched(Interval(ONE - ends[1], ONE - ends[0], high_open, low_open), scale)
    return _stretched(Interval(*ends, low_open, high_open), scale)


def mean(how: How, parts: Sequence[Interval], weights: Sequence[Interval]) -> Interval:
    """Return what a weighted mean can be, each part and each weight anywhere in its interval.

    Parameters
    ----------
    how : str
        ``arithmetic``, ``geometric`` or ``harmonic``; for the last two, parts count from 0 up and a part of
        0 with any weight makes the mean 0.
    parts : sequence of Interval
        Not empty, and each its own: no unknown stands behind two of them.
    weights : sequence of Interval
        At least 0; some choice of them adds up to 1.

    Returns
    -------
    Interval
        Exact for arithmetic and harmonic means and for geometric means that are rational; other ends are
        rounded outwards. With weights that are one number each, an end is open where it is not attained.
        Unbounded where a geometric or harmonic mean has a part that lies below 0.

    Notes
    -----
    Each mean rises with each part. At given parts it is extreme where the largest or the smallest parts
    have as much weight as they can.

    Examples
    --------
    >>> half = Interval(Fraction(1, 2), Fraction(1, 2))
    >>> parts = Interval(Fraction(1, 4), Fraction(1, 4)), Interval(Fraction(9, 10), Fraction(1), False, True)
    >>> str(mean("arithmetic", parts, (half, half))), str(mean("geometric", parts, (half, half)))
    ('[0.575, 0.625)', '[0.4743, 0.5)')
    """
    if how != "arithmetic":
        parts = [part.meet(POSITIVE) for part in parts]
        if any(part.empty for part in parts):
            return Interval()
    low, low_open = _end(how, parts, weights, up=False)
    high, high_open = _end(how, parts, weights, up=True)
    return Interval(low, high, low_open, high_open)


def average(parts: Sequence[Interval]) -> Interval:
    """Return what the plain mean of numbers can be, each in its interval.

    >>> str(average([Interval(Fraction(0), Fraction(1)), Interval(Fraction(1), Fraction(2), True)]))
    '(0.5, 1.5]'
    """
    lows, highs = [part.low for part in parts], [part.high for part in parts]
    low = None if None in lows else sum((x for x in lows if x is not None), ZERO) / len(parts)
    high = None if None in highs else sum((x for x in highs if x is not None), ZERO) / len(parts)
    return Interval(low, high, any(p.low_open for p in parts), any(p.high_open for p in parts))


def smallest(parts: Sequence[Interval]) -> Interval:
    """Return what the smallest of numbers can be, each in its interval.

    >>> str(smallest([Interval(Fraction(0), Fraction(3)), Interval(Fraction(1), Fraction(2), True, True)]))
    '[0, 2)'
    """
    return _turned(largest([_turned(part) for part in parts]))


def largest(parts: Sequence[Interval]) -> Interval:
    """Return what the largest of numbers can be, each in its interval.

    >>> str(largest([Interval(Fraction(0), Fraction(3)), Interval(Fraction(1), Fraction(2), True, True)]))
    '(1, 3]'
    """
    low, low_open = max(
        ((part.low, part.low_open) for part in parts if part.low is not None), default=(None, False)
    )
    if any(part.high is None for part in parts):
        return Interval(low, None, low_open)
    high, closed = max((part.high, not part.high_open) for part in parts if part.high is not None)
    return Interval(low, high, low_open, not closed)


def spread(parts: Sequence[Interval], sample: bool = False) -> Interval:
    """Return a range that holds every standard deviation of numbers, each in its interval.

    Parameters
    ----------
    parts : sequence of Interval
        With both ends; at least one, for `sample` at least two.
    sample : bool
        Divided by n − 1 rather than n.

    Returns
    -------
    Interval
        The lower end is the smallest that there is; the upper one may be too high, by no more than the
        spread of the rounding itself, never too low (the largest variance over a box is NP-hard: S. Ferson
        et al. 2002, "Computing variance for interval data is NP-hard", ACM SIGACT News 33(2), 108–118,
        doi:10.1145/564585.564604). Both are rounded outwards.

    Notes
    -----
    Smallest: ``min over t of Σ (distance of t from the interval)² ÷ n``. Largest: a standard deviation is
    a seminorm, so with middles m and half widths h ``sd(x) ≤ sd(m) + √(Σ h² ÷ n)``.

    Examples
    --------
    >>> str(spread([Interval(Fraction(0), Fraction(0)), Interval(Fraction(1), Fraction(1))]))
    '[0.5, 0.5]'
    """
    pairs = [(part.low, part.high) for part in parts if part.low is not None and part.high is not None]
    common = lcm(*(end.denominator for pair in pairs for end in pair))
    ends = [(int(low * common), int(high * common)) for low, high in pairs]
    n, unit = len(ends), (len(ends) - sample) * common**2
    middles = [low + high for low, high in ends]  # twice the middles
    squares = Fraction(n * sum(middle**2 for middle in middles) - sum(middles) ** 2, 4 * n)
    halves = Fraction(sum((high - low) ** 2 for low, high in ends), 4)
    return Interval(
        _square_root(_least_squares(ends) / unit, up=False),
        _square_root(squares / unit, up=True) + _square_root(halves / unit, up=True),
    )


def _turned(part: Interval) -> Interval:
    low, high = part.low, part.high
    return Interval(
        None if high is None else -high, None if low is None else -low, part.high_open, part.low_open
    )


def _least_squares(ends: Sequence[tuple[int, int]]) -> Fraction:
    """Least sum of squared distances of a point from intervals: it falls, then rises, in the point."""

    def squares(point: Fraction) -> Fraction:
        return sum((max(low - point, point - high, ZERO) ** 2 for low, high in ends), ZERO)

    def slope(point: int) -> int:
        return sum(min(point - low, 0) + max(point - high, 0) for low, high in ends)

    points = sorted({end for pair in ends for end in pair})
    first, last = 0, len(points) - 1
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if slope(points[middle]) <= 0 else (first, middle)
    if slope(points[last]) <= 0:
        return squares(Fraction(points[last]))
    rising = Fraction(slope(points[last]) - slope(points[first]), points[last] - points[first])
    return squares(points[first] - slope(points[first]) / rising)


def _square_root(value: Fraction, up: bool) -> Fraction:
    exact = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    if exact**2 == value:
        return exact
    places = 10**50
    return Fraction(isqrt(value.numerator * places**2 // value.denominator) + up, places)


def _stretched(share: Interval, scale: Interval) -> Interval:
    if scale.low is None or scale.high is None or share.low is None or share.high is None:
        return share
    width = scale.high - scale.low
    return Interval(
        scale.low + width * share.low, scale.low + width * share.high, share.low_open, share.high_open
    )


@lru_cache(maxsize=65536)
def _share(value: Fraction, low: Fraction, high: Fraction, scaling: str, up: bool) -> Fraction:
    """Where a value lies between two goalposts, 0 to 1."""
    if value <= low or value >= high:
        return ZERO if value <= low else ONE
    if scaling == "linear":
        return (value - low) / (high - low)
    start = _ln(low)
    share = EXACT.divide(EXACT.subtract(_ln(value), start), EXACT.subtract(_ln(high), start))
    return min(max(Fraction(share) + (SLACK if up else -SLACK), ZERO), ONE)


@lru_cache(maxsize=65536)
def _ln(value: Fraction) -> Decimal:
    return EXACT.ln(EXACT.divide(Decimal(value.numerator), Decimal(value.denominator)))


def _end(
    how: How, parts: Sequence[Interval], weights: Sequence[Interval], up: bool
) -> tuple[Fraction | None, bool]:
    """One end of a mean, and whether it is open."""
    ends = [part.high if up else part.low for part in parts]
    opens = [part.high_open if up else part.low_open for part in parts]
    counted = [(weight.high or ZERO) > 0 for weight in weights]
    if any(end is None and used for end, used in zip(ends, counted, strict=True)):
        return None, False
    values = [ZERO if end is None else end for end in ends]
    value = _value(how, values, _shares(values, weights, up), up)
    if value == 0 and how != "arithmetic":
        zeros = [o for o, v, used in zip(opens, values, counted, strict=True) if used and v == 0]
        return value, not up and all(zeros)
    sure = any(o and (weight.low or ZERO) > 0 for o, weight in zip(opens, weights, strict=True))
    return value, sure or all(o for o, used in zip(opens, counted, strict=True) if used)


def _shares(values: Sequence[Fraction], weights: Sequence[Interval], up: bool) -> list[Fraction]:
    """Weights that add up to 1, as much as can be on the largest (or the smallest) values."""
    chosen = [weight.low or ZERO for weight in weights]
    left = ONE - sum(chosen, ZERO)
    if not left:
        return chosen
    for i in sorted(range(len(values)), key=lambda i: values[i], reverse=up):
        high = weights[i].high
        more = left if high is None else min(left, high - chosen[i])
        chosen[i] += more
        left -= more
    return chosen


def _value(how: How, values: Sequence[Fraction], weights: Sequence[Fraction], up: bool) -> Fraction:
    pairs = [(value, weight) for value, weight in zip(values, weights, strict=True) if weight]
    if how == "arithmetic":
        return sum((value * weight for value, weight in pairs), ZERO)
    if any(value == 0 for value, _ in pairs):
        return ZERO
    if how == "harmonic":
        return 1 / sum((weight / value for value, weight in pairs), ZERO)
    return _geometric(pairs, up)


def _geometric(pairs: Sequence[tuple[Fraction, Fraction]], up: bool) -> Fraction:
    """Weighted geometric mean: p with pᵏ = Π xᵏʷ where p is rational, else rounded outwards."""
    k = lcm(*(weight.denominator for _, weight in pairs))
    if k <= LARGEST_ROOT:
        product = prod((value ** int(weight * k) for value, weight in pairs), start=ONE)
        if (root := _rational_root(product, k)) is not None:
            return root
    total = Decimal(0)
    for value, weight in pairs:
        share = EXACT.divide(Decimal(weight.numerator), Decimal(weight.denominator))
        total = EXACT.add(total, EXACT.multiply(share, _ln(value)))
    return Fraction(EXACT.exp(total)) * (ONE + SLACK if up else ONE - SLACK)


def _rational_root(value: Fraction, k: int) -> Fraction | None:
    """The k-th root of a fraction where it is a fraction of numbers below 10¹², else None."""
    roots = []
    for number in (value.numerator, value.denominator):
        size = log(number) / k
        root = round(2.718281828459045**size) if size < 27 else 0
        if root**k != number:
            return None
        roots.append(root)
    return Fraction(*roots)
