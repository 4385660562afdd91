"""The best-worst method: the most important thing is compared to all, and all to the least important."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Liang, Brunelli and Rezaei 2020: what the best is to the worst → limits for 3, 4, … 9 things.
LIMITS: dict[int, tuple[float, ...]] = {
    3: (0.1667, 0.1667, 0.1667, 0.1667, 0.1667, 0.1667, 0.1667),
    4: (0.1121, 0.1529, 0.1898, 0.2206, 0.2527, 0.2577, 0.2683),
    5: (0.1354, 0.1994, 0.2306, 0.2546, 0.2716, 0.2844, 0.2960),
    6: (0.1330, 0.1990, 0.2643, 0.3044, 0.3144, 0.3221, 0.3262),
    7: (0.1294, 0.2457, 0.2819, 0.3029, 0.3144, 0.3251, 0.3403),
    8: (0.1309, 0.2521, 0.2958, 0.3154, 0.3408, 0.3620, 0.3657),
    9: (0.1359, 0.2681, 0.3062, 0.3337, 0.3517, 0.3620, 0.3662),
}


@dataclass(frozen=True, slots=True)
class BestWorst:
    """Weights ``(n,)`` that add to 1, the largest deviation ξ of the model, the ratio, and its limit."""

    weights: Array
    deviation: float
    ratio: float
    limit: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A judgement (`to_worst` or from the best) of a thing, what was said, what would fit, and the ratio."""

    item: int
    to_worst: bool
    said: float
    better: float
    ratio: float


def best_worst(best_to_other: ArrayLike, other_to_worst: ArrayLike) -> BestWorst:
    """Return the weights that come nearest to the two rows of judgements.

    Parameters
    ----------
    best_to_other : (n,) float in 1..9
        How many times the best thing is more important than each; 1 for the best itself.
    other_to_worst : (n,) float in 1..9
        How many times each is more important than the worst thing; 1 for the worst itself.

    Returns
    -------
    BestWorst
        The weights minimise the deviation ξ under ``|w_B - a_Bj·w_j| ≤ ξ``,
        ``|w_j - a_jW·w_W| ≤ ξ``, Σ w = 1, w ≥ 0 (Rezaei 2016, doi:10.1016/j.omega.2015.12.001, model 19;
        HiGHS; the judgements are those of Rezaei 2015, doi:10.1016/j.omega.2014.11.009). For ratio and limit
        see `input_ratio` and `ratio_limit`.

    Raises
    ------
    ValueError
        Where the rows differ in length, are not in 1..9, or have no best or no worst.

    Examples
    --------
    >>> best_worst([2, 1, 4, 2, 8], [4, 8, 2, 4, 1]).weights.round(4)
    array([0.2105, 0.4211, 0.1053, 0.2105, 0.0526])
    """
    from scipy.optimize import linprog  # noqa: PLC0415 - slow to import

    to_other, to_worst = _checked(best_to_other, other_to_worst)
    n = len(to_other)
    best, worst = ends(to_other, to_worst)
    one = np.eye(n)
    gaps = np.vstack([one[best] - to_other[:, None] * one, one - to_worst[:, None] * one[worst]])
    rows = np.column_stack([np.vstack([gaps, -gaps]), np.full(4 * n, -1.0)])
    found = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=rows,
        b_ub=np.zeros(4 * n),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        method="highs",
    )
    assert found.x is not None, found.message
    weights = np.maximum(found.x[:n], 0.0)
    limit = ratio_limit(n, to_other[worst])
    return BestWorst(
        weights / weights.sum(), max(0.0, float(found.x[n])), input_ratio(to_other, to_worst), limit
    )


def input_ratio(best_to_other: ArrayLike, other_to_worst: ArrayLike) -> float:
    """Return the input-based consistency ratio: 0 where the judgements fit together, 1 at the worst.

    It is ``max_j |a_Bj·a_jW - a_BW| / (a_BW² - a_BW)``, and 0 where a_BW = 1. Source: Liang, Brunelli and
    Rezaei 2020, doi:10.1016/j.omega.2019.102175. Parameters and errors as for `best_worst`.

    Examples
    --------
    >>> round(input_ratio([2, 1, 4, 3, 8], [4, 8, 2, 3, 1]), 4)
    0.0179
    """
    to_other, to_worst = _checked(best_to_other, other_to_worst)
    best, worst = ends(to_other, to_worst)
    # Where the two rows differ about best and worst, the larger figure keeps the ratio in its range.
    whole = max(to_other[worst], to_worst[best])
    return float(np.abs(to_other * to_worst - whole).max() / (whole**2 - whole)) if whole > 1 else 0.0


def ratio_limit(n: int, best_to_worst: float) -> float | None:
    """Return the ratio up to which judgements count as consistent; None where the table does not say.

    The table knows 3 to 9 things and a best that is 3 to 9 times the worst, in whole numbers. Source: Liang,
    Brunelli and Rezaei 2020, doi:10.1016/j.omega.2019.102175.

    Examples
    --------
    >>> ratio_limit(5, 8)
    0.2958
    """
    row = LIMITS.get(round(best_to_worst)) if float(best_to_worst).is_integer() else None
    return row[n - 3] if row and 3 <= n <= 9 else None


def changes(best_to_other: ArrayLike, other_to_worst: ArrayLike, limit: float) -> tuple[Change, ...]:
    """Return the changes, one judgement at a time, that bring the input-based ratio to the limit soonest.

    Each step tries every judgement but the one between best and worst at all whole numbers from 1 to that
    one, and takes the change after which the ratio, and then the sum of its parts, is lowest.

    Examples
    --------
    >>> changes([1, 2, 8], [8, 7, 1], 0.1)[0].better
    4.0
    """
    rows = np.array(_checked(best_to_other, other_to_worst))
    found: list[Change] = []
    done: set[tuple[int, int]] = set()
    while (ratio := input_ratio(*rows)) > limit:
        choices = [tried for tried in _tries(rows) if (tried[1].item, int(tried[1].to_worst)) not in done]
        if not choices:
            break
        _, change = min(choices, key=lambda choice: choice[0])
        if change.ratio >= ratio - 1e-12:
            break
        found.append(change)
        done.add((change.item, int(change.to_worst)))
        rows[int(change.to_worst), change.item] = change.better
    return tuple(found)


def ends(best_to_other: Array, other_to_worst: Array) -> tuple[int, int]:
    """Return the numbers of the best and the worst thing; of several the one furthest from the other end."""
    bests, worsts = best_to_other == 1, other_to_worst == 1
    best = int(np.argmax(np.where(bests, other_to_worst, -np.inf)))
    worst = int(np.argmax(np.where(worsts, best_to_other, -np.inf)))
    return best, worst


def _tries(rows: Array) -> Iterator[tuple[tuple[float, ...], Change]]:
    best, worst = ends(*rows)
    whole = rows[0, worst]
    for side in (0, 1):
        for item in range(rows.shape[1]):
            if item in {best, worst}:
                continue
            for better in map(float, range(1, int(whole) + 1)):
                trial = rows.copy()
                trial[side, item] = better
                if better == rows[side, item] or ends(*trial) != (best, worst):
                    continue
                ratio = input_ratio(*trial)
                rest = float(np.abs(trial[0] * trial[1] - whole).sum())
                moved = abs(float(np.log(better / rows[side, item])))
                yield (ratio, rest, moved), Change(item, bool(side), float(rows[side, item]), better, ratio)


def _checked(best_to_other: ArrayLike, other_to_worst: ArrayLike) -> tuple[Array, Array]:
    to_other, to_worst = np.asarray(best_to_other, dtype=float), np.asarray(other_to_worst, dtype=float)
    if to_other.ndim != 1 or to_other.shape != to_worst.shape or not len(to_other):
        raise ValueError("the two rows of judgements must have the same length")
    both = np.concatenate([to_other, to_worst])
    if not ((both >= 1) & (both <= 9)).all():
        raise ValueError("judgements must be numbers from 1 to 9")
    if not (to_other == 1).any() or not (to_worst == 1).any():
        raise ValueError("one thing must be 1 in the first row (the best) and one in the second (the worst)")
    return to_other, to_worst
