"""How far values can lie apart: exact ends of their sum of squares around the mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, product
from math import isqrt, lcm, prod

from citygauge.audit.figures import Interval

ZERO = Fraction(0)
ANY = Interval()
TRIED = 5000  # placements of whole units at the ends of their ranges that are gone through


@dataclass(frozen=True, slots=True)
class Box:
    """So many units, each with a value between two ends, in a group ("" for none)."""

    n: int
    low: Fraction
    high: Fraction
    group: str = ""


@dataclass(frozen=True, slots=True)
class Squares:
    """Least and greatest sum of squares around the mean, both ends taken as allowed.

    `exact`: `greatest` can be reached; otherwise it is a limit that is not passed.
    """

    least: Fraction
    greatest: Fraction
    exact: bool


def squares(
    boxes: Sequence[Box], mean: Interval = ANY, means: Mapping[str, Interval] | None = None
) -> Squares | None:
    """Return how far apart values can lie, given their ranges, their mean and the means of their groups.

    Parameters
    ----------
    boxes : sequence of Box
        Ranges of the values, n ≥ 1 each.
    mean : Interval
        Of all values.
    means : mapping of str to Interval, optional
        Of the values of a group; groups never share a value.

    Returns
    -------
    Squares or None
        None where no values have such means. Open ends are taken as closed.

    Notes
    -----
    The least sum has every value at one common level, or at the end of its range nearest to it; a mean only
    narrows the levels of its group. The greatest sum has all values but one at an end of their ranges: for
    one range it is the inequality of Bhatia and Davis, Σ (x − m)² ≤ n (high − m) (m − low), less what the
    odd value costs. Where there are too many placements to try, or means of groups, each square is held
    below its chord, x² ≤ (low + high) x − low · high, which is the inequality itself for each range.

    References
    ----------
    R. Bhatia and C. Davis (2000), A better bound on the variance, The American Mathematical Monthly 107,
    353–357, doi:10.2307/2589180.

    Examples
    --------
    Four scores from 0 to 1 with the mean 0.5: all alike, or two at each end.

    >>> found = squares([Box(4, Fraction(0), Fraction(1))], Interval(Fraction(1, 2), Fraction(1, 2)))
    >>> found.least == 0, found.greatest == 1, found.exact
    (True, True, True)
    """
    return _squares(tuple(boxes), mean, tuple((means or {}).items()))


@lru_cache(maxsize=512)  # rounding rules that differ in open ends alone ask the same again
def _squares(
    boxes: tuple[Box, ...], mean: Interval, means: tuple[tuple[str, Interval], ...]
) -> Squares | None:
    within = dict(means)
    narrowed: list[Box] = []
    for name in dict.fromkeys(box.group for box in boxes):
        group = _narrowed([box for box in boxes if box.group == name], within.get(name, ANY))
        if group is None:
            return None
        narrowed += group
    levels = _narrowed(narrowed, mean)
    if levels is None:
        return None
    greatest, exact = None, not within and _placements(boxes) <= TRIED
    if exact:
        greatest = _placed(boxes, mean)
    if greatest is None:
        greatest = _under_chords(boxes, mean, within)
    return Squares(_least(levels), greatest, exact)


def bhatia_davis(low: Fraction, high: Fraction, mean: Interval = ANY) -> Fraction:
    """Return the greatest variance (÷ n) of any number of values in a range: (high − mean) × (mean − low).

    >>> bhatia_davis(Fraction(0), Fraction(1), Interval(Fraction(4, 5), Fraction(9, 10)))
    Fraction(4, 25)
    """
    middle = (low + high) / 2
    if mean.low is not None:
        middle = max(middle, mean.low)
    if mean.high is not None:
        middle = min(middle, mean.high)
    return max((high - middle) * (middle - low), ZERO)


def root_above(value: Fraction) -> Fraction:
    """Return a fraction not below a square root, nor above it by more than 1e-12 (exact for a square).

    >>> root_above(Fraction(1, 4))
    Fraction(1, 2)
    """
    above, below = isqrt(value.numerator), isqrt(value.denominator)
    if above * above == value.numerator and below * below == value.denominator:
        return Fraction(above, below)
    return Fraction(isqrt(value.numerator * 10**24 // value.denominator) + 1, 10**12)


def root_below(value: Fraction) -> Fraction:
    """Return a fraction not above a square root, nor below it by more than 1e-12 (exact for a square)."""
    above = root_above(value)
    return above if above * above == value else above - Fraction(1, 10**12)


def _level(boxes: Sequence[Box], total: Fraction) -> Fraction:
    """Return the level to which values are cut so that they add up to a total within reach."""
    ends = sorted({end for box in boxes for end in (box.low, box.high)})
    reached = [sum((box.n * _cut(end, box) for box in boxes), ZERO) for end in ends]
    for (low, high), (first, last) in zip(pairwise(ends), pairwise(reached), strict=True):
        if first <= total <= last:
            return low if first == last else low + (high - low) * (total - first) / (last - first)
    return ends[0]


def _cut(value: Fraction, box: Box) -> Fraction:
    return min(max(value, box.low), box.high)


def _narrowed(boxes: Sequence[Box], mean: Interval) -> list[Box] | None:
    """Return the ranges in which values at a common level have the mean; None where no values have it."""
    n = sum(box.n for box in boxes)
    low, high = sum((box.n * box.low for box in boxes), ZERO), sum((box.n * box.high for box in boxes), ZERO)
    if (mean.low is not None and n * mean.low > high) or (mean.high is not None and n * mean.high < low):
        return None
    found = list(boxes)
    if mean.low is not None and n * mean.low > low:
        level = _level(boxes, n * mean.low)
        found = [replace(box, low=_cut(level, box)) for box in found]
    if mean.high is not None and n * mean.high < high:
        level = _level(boxes, n * mean.high)
        found = [replace(new, high=_cut(level, old)) for new, old in zip(found, boxes, strict=True)]
    return found


def _least(boxes: Sequence[Box]) -> Fraction:
    """Return the least sum of squares of values in their ranges: the level that is its own mean."""
    n = sum(box.n for box in boxes)
    ends = sorted({end for box in boxes for end in (box.low, box.high)})
    over = [n * end - sum((box.n * _cut(end, box) for box in boxes), ZERO) for end in ends]
    level = ends[0]
    for low, high, first, last in zip(ends, ends[1:], over, over[1:], strict=False):
        if first <= 0 <= last:
            level = low if first == last else low - (high - low) * first / (last - first)
            break
    return sum((box.n * (_cut(level, box) - level) ** 2 for box in boxes), ZERO)


def _pieces(boxes: Sequence[Box]) -> list[tuple[Fraction, Fraction]]:
    """Return the steepness of the chords and how far each goes, the steepest first."""
    return sorted(((b.low + b.high, b.n * (b.high - b.low)) for b in boxes if b.high > b.low), reverse=True)


def _between(
    pieces: Sequence[tuple[Fraction, Fraction]], first: Fraction, last: Fraction
) -> tuple[Fraction, list[tuple[Fraction, Fraction]]]:
    """Return the rise over the first part of a path, and what follows of it up to a second mark."""
    rise, place, rest = ZERO, ZERO, []
    for slope, length in pieces:
        before = min(max(first - place, ZERO), length)
        after = min(max(last - place, ZERO), length)
        rise += slope * before
        if after > before:
            rest.append((slope, after - before))
        place += length
    return rise, rest


def _ends(boxes: Sequence[Box], mean: Interval) -> tuple[Fraction, Fraction, Fraction]:
    """Return the sum of the lower ends, and the least and greatest sum that the mean allows."""
    n = sum(box.n for box in boxes)
    base, top = sum((box.n * box.low for box in boxes), ZERO), sum((box.n * box.high for box in boxes), ZERO)
    low = base if mean.low is None else max(base, n * mean.low)
    return base, low, top if mean.high is None else min(top, n * mean.high)


def _under_chords(boxes: Sequence[Box], mean: Interval, means: Mapping[str, Interval]) -> Fraction:
    value, start, pieces = ZERO, ZERO, []
    for name in dict.fromkeys(box.group for box in boxes):
        group = [box for box in boxes if box.group == name]
        base, low, high = _ends(group, means.get(name, ANY))
        rise, rest = _between(_pieces(group), low - base, high - base)
        value += sum((box.n * box.low**2 for box in group), ZERO) + rise
        start += low
        pieces += rest
    _, low, high = _ends(boxes, mean)
    rise, rest = _between(sorted(pieces, reverse=True), low - start, high - start)
    value, total, n = value + rise, max(low, start), sum(box.n for box in boxes)
    best = value - total**2 / n
    for slope, length in rest:
        turn = min(max(n * slope / 2, total), total + length)
        best = max(best, value + slope * (turn - total) - turn**2 / n)
        value, total = value + slope * length, total + length
        best = max(best, value - total**2 / n)
    return best


def _placements(boxes: Sequence[Box]) -> int:
    sizes = [box.n + 1 for box in boxes if box.high > box.low]
    return sum(prod(sizes) // size for size in sizes)


def _placed(boxes: Sequence[Box], mean: Interval) -> Fraction | None:
    """Return the greatest sum of squares over all placements with at most one value inside its range."""
    _, low, high = _ends(boxes, mean)
    scale = lcm(low.denominator, high.denominator, *(e.denominator for b in boxes for e in (b.low, b.high)))
    whole = [(box.n, int(box.low * scale), int(box.high * scale)) for box in boxes]
    first, last, n = int(low * scale), int(high * scale), sum(box.n for box in boxes)
    moving = [box for box in whole if box[2] > box[1]]
    still = [box for box in whole if box[2] == box[1]]
    total = sum(k * a for k, a, _ in still)
    square = sum(k * a * a for k, a, _ in still)
    found = [n * square - total * total] if not moving and first <= total <= last else []
    for at, free in enumerate(moving):
        others = moving[:at] + moving[at + 1 :]
        for counts in product(*(range(k + 1) for k, _, _ in others)):
            sums = total + sum(k * a + up * (b - a) for up, (k, a, b) in zip(counts, others, strict=True))
            powers = square + sum(
                k * a * a + up * (b * b - a * a) for up, (k, a, b) in zip(counts, others, strict=True)
            )
            found += _with_free(free, (sums, powers), (first, last), n)
    return Fraction(max(found), n * scale**2) if found else None


def _with_free(
    free: tuple[int, int, int], rest: tuple[int, int], ends: tuple[int, int], n: int
) -> Iterator[int]:
    """Yield n² times the variance: the free units' sum at an end of the total, or each of them at an end."""
    k, a, b = free
    sums, powers = rest
    width = b - a
    for end in ends:
        room = end - sums - k * a
        if 0 <= room <= k * width:
            up, odd = divmod(room, width)
            inside = (a + odd) ** 2 - a * a if up < k else 0
            yield n * (powers + k * a * a + up * (b * b - a * a) + inside) - end * end
    least = max(-((sums + k * a - ends[0]) // width), 0)
    most = min((ends[1] - sums - k * a) // width, k)
    if least > most:
        return
    turn = (n * (a + b) // 2 - sums - k * a) // width  # a parabola that opens downwards in the number up
    for up in {min(max(turn + step, least), most) for step in (0, 1)}:
        reached = sums + k * a + up * width
        yield n * (powers + k * a * a + up * (b * b - a * a)) - reached * reached
