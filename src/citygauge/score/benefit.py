"""The benefit of the doubt: every unit is weighed in the way that favours it most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_FIRST, _MORE = 40, 10  # rows that a linear program starts with, and is given when some were missing
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Benefit:
    """Scores ``(n_units,)`` and the weights ``(n_units, n_children)`` that give them."""

    scores: Array
    weights: Array


def benefit_of_the_doubt(
    values: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None
) -> Benefit:
    """Return for each unit the best score that any weights give it, and these weights.

    Parameters
    ----------
    values : (n_units, n_children) float, 0 or more
        More is better. NaN = missing: the child has no part in the score of the unit, and earns it nothing
        where the unit is the yardstick of another one.
    low, high : float or (n_children,) float in [0, 1], optional
        Least and largest share of a child in the score of a unit (pie-shares); none by default. A unit with
        gaps whose children with values could not fill its score has their `high` stretched in proportion.

    Returns
    -------
    Benefit
        The score of unit k is the largest Σ_j w_j·y_kj with weights w_j ≥ 0 under which no unit i has more
        than 1 (Σ_j w_j·y_ij ≤ 1) and, with bounds, low_j ≤ w_j·y_kj / Σ_j w_j·y_kj ≤ high_j. It lies in
        [0, 1] and, without bounds, does not depend on the units of measure. The weights are those of one
        best solution; there may be others. They refer to the values as given; NaN where the unit has a gap,
        0 where no unit has more than 0. A unit without any value has the score NaN. A child with the value 0
        has the share 0, so that under a `low` above 0 the score is 0: bring the values onto a range above 0.

    Raises
    ------
    ValueError
        On a negative or infinite value, and on bounds that no shares can meet.

    Notes
    -----
    Source: Cherchye, Moesen, Rogge and Van Puyenbroeck 2007, doi:10.1007/s11205-006-9029-7; OECD/JRC
    Handbook 2008, p. 92-93. Each linear program (HiGHS) begins with the yardsticks that are near and is given
    those that it turns out to miss, so that the answer is the one with all of them.

    Examples
    --------
    >>> benefit_of_the_doubt([[4.0, 1.0], [1.0, 4.0], [2.0, 2.0]]).scores.round(3)
    array([1. , 1. , 0.8])
    """
    table = np.asarray(values, dtype=float)
    if table.ndim != 2:
        raise ValueError("values must have two dimensions, units and children")
    if np.isinf(table).any() or (table < 0).any():
        raise ValueError("values must be finite and not negative; bring them onto a scale from 0 first")
    least, most = _bounds(low, high, table.shape[1])
    gaps = np.isnan(table)
    filled = np.where(gaps, 0.0, table)
    top = filled.max(axis=0, initial=0.0)
    size = np.where(top > 0, top, 1.0)
    scaled = filled / size
    scores, weights = np.full(len(table), np.nan), np.zeros_like(scaled)
    solved = np.zeros_like(scaled)
    for turn, unit in enumerate(np.argsort(-scaled.sum(axis=1), kind="stable")):
        known = ~gaps[unit]
        if not known.any():
            continue
        shares = None if low is None and high is None else (least, _roomy(most, known))
        weights[unit] = solved[turn] = _favour(scaled, unit, known, shares, solved[:turn])
        scores[unit] = min(float(scaled[unit] @ weights[unit]), 1.0)
    return Benefit(scores, np.where(gaps, np.nan, weights / size))


def best_scores(values: Array, weights: Array, low: float | None = None, high: float | None = None) -> Array:
    """Return the scores of `benefit_of_the_doubt` as an aggregation: each unit has weights of its own.

    Parameters
    ----------
    values : (n_units, n_children) float, 0 or more
    weights : (n_children,) float
        Of the method; they do not count.
    low, high : float in [0, 1], optional
        Least and largest share of a child in the score of a unit.

    Returns
    -------
    array (n_units,), 0..1
        All NaN where any value is negative, for which the method is not defined.

    Examples
    --------
    >>> best_scores(np.array([[4.0, 1.0], [1.0, 4.0], [2.0, 2.0]]), np.ones(2)).round(3)
    array([1. , 1. , 0.8])
    """
    if (values < 0).any():
        return np.full(len(values), np.nan)
    return benefit_of_the_doubt(values, low, high).scores


def _favour(
    table: Array, unit: int, known: NDArray[np.bool_], shares: tuple[Array, Array] | None, solved: Array
) -> Array:
    """Solve the linear program of one unit, on the columns as parts of their largest value."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - slow to import

    own, yardsticks = table[unit, known], table[:, known]
    if not own.any():
        return np.zeros(table.shape[1])
    own = own / own.max()
    # What suited a unit like this one tells which yardsticks will bind.
    guess = solved[np.argmax(solved[:, known] @ own)][known] if len(solved) else np.ones(known.sum())
    rows = np.union1d(yardsticks.argmax(axis=0), np.argsort(-(yardsticks @ guess), kind="stable")[:_FIRST])
    room = Bounds(0.0, np.where(yardsticks.max(axis=0) > 0, np.inf, 0.0))
    pie = np.zeros((0, len(own)))
    if shares is not None:
        least, most = (np.diag(own) - np.outer(share[known], own) for share in shares)
        pie = np.vstack([-least, most])
    while True:
        matrix = np.vstack([yardsticks[rows], pie])
        limit = np.repeat([1.0, 0.0], [len(rows), len(pie)])
        # Without integers milp is HiGHS's solver for linear programs, with less ado than linprog.
        found = milp(-own, bounds=room, constraints=LinearConstraint(matrix, -np.inf, limit))
        assert found.x is not None, found.message
        weights = np.maximum(found.x, 0.0)
        reached = yardsticks @ weights
        worst = np.argsort(-reached, kind="stable")[:_MORE]
        missed = np.setdiff1d(worst[reached[worst] > 1.0 + _TOLERANCE], rows)
        if not len(missed):
            break
        rows = np.union1d(rows, missed)
    result = np.zeros(table.shape[1])
    result[known] = weights / max(1.0, float(reached.max()))
    return result


def _bounds(low: ArrayLike | None, high: ArrayLike | None, n: int) -> tuple[Array, Array]:
    least = np.broadcast_to(np.asarray(0.0 if low is None else low, dtype=float), (n,))
    most = np.broadcast_to(np.asarray(1.0 if high is None else high, dtype=float), (n,))
    fits = (least >= 0).all() and (most <= 1).all() and (least <= most).all()
    if not fits or (n and (least.sum() > 1 + 1e-12 or most.sum() < 1 - 1e-12)):
        raise ValueError(
            "no shares lie between low and high: each low must be from 0 to its high, each high at most 1, "
            "all low together at most 1 and all high together at least 1"
        )
    return least, most


def _roomy(most: Array, known: NDArray[np.bool_]) -> Array:
    """Stretch the upper bounds of the children that have values, where together they leave a gap."""
    room = float(most[known].sum())
    return most / room if 0 < room < 1 else most
