"""The longest part of a list that is in order: what is left of it has to move."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from citygauge.audit.figures import Interval

Key = tuple[float | Fraction, int]
Chain = tuple[int, Any]  # a place and the chain before it
INFINITE = float("inf")


def kept(spans: Sequence[Interval]) -> tuple[int, ...]:
    """Return the places of a longest part of a list whose numbers can go down, level ones allowed.

    Numbers lie anywhere in their intervals. They can go down if no number must be above an earlier one.

    Examples
    --------
    >>> at = lambda value: Interval(Fraction(value), Fraction(value))
    >>> kept([at(9), at(3), at(7), at(7), at(5)])
    (0, 2, 3, 4)
    """
    lows, highs = [low_key(span) for span in spans], [high_key(span) for span in spans]
    ranks = {key: place for place, key in enumerate(sorted({*lows, *highs}))}
    return longest([ranks[key] for key in lows], [ranks[key] for key in highs])


def descends(spans: Sequence[Interval]) -> bool:
    """Return whether the numbers of a list can go down from each to the next."""
    cap: Key = (INFINITE, 0)
    for span in spans:
        if low_key(span) > cap:
            return False
        cap = min(cap, high_key(span))
    return True


def low_key(interval: Interval) -> Key:
    """Return a lower end, to be compared with upper ones: past its number where that is left out."""
    return (-INFINITE, 0) if interval.low is None else (interval.low, int(interval.low_open))


def high_key(interval: Interval) -> Key:
    """Return an upper end, to be compared with lower ones: before its number where that is left out."""
    return (INFINITE, 0) if interval.high is None else (interval.high, -int(interval.high_open))


def longest(lows: Sequence[int], highs: Sequence[int]) -> tuple[int, ...]:
    """Return the places of a longest part in which no low end is above an earlier high end."""
    # For each length the least cap is kept as large as can be, negated so that the list ascends.
    caps: list[int] = []
    chains: list[Chain] = []
    for place, (low, high) in enumerate(zip(lows, highs, strict=True)):
        first, last = bisect_right(caps, -high), bisect_right(caps, -low)
        before = chains[first - 1] if first else None
        moved = [(cap, chains[first + k]) for k, cap in enumerate(caps[first:last])]
        caps[first : first + 1] = [-high]
        chains[first : first + 1] = [(place, before)]
        for k, (cap, chain) in enumerate(moved, start=first + 1):
            caps[k : k + 1] = [cap]
            chains[k : k + 1] = [(place, chain)]
    return _places(chains[-1]) if chains else ()


def neighbours(keys: Sequence[Any]) -> tuple[int, ...]:
    """Return the places at which the next one of a list that should go up is lower."""
    return tuple(i for i in range(len(keys) - 1) if keys[i + 1] < keys[i])


def dense(keys: Sequence[tuple[Any, ...]]) -> list[int]:
    """Return the rank of each key among the different ones, from 0."""
    order = sorted(set(keys))
    return [bisect_left(order, key) for key in keys]


def _places(chain: Chain | None) -> tuple[int, ...]:
    found: list[int] = []
    while chain is not None:
        found.append(chain[0])
        chain = chain[1]
    return tuple(reversed(found))
