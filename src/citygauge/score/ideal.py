"""Scores by distance: how near a unit is to the best, and how far from the worst, that any unit reaches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from citygauge.score.means import counted
from citygauge.score.rank import RESOLUTION

Array = NDArray[np.float64]


def topsis(values: Array, weights: Array) -> Array:
    """Return the relative closeness of each unit to the ideal: 1 at the ideal, 0 at the anti-ideal.

    Parameters
    ----------
    values : (n_units, n_children) float
        Normalised scores, higher is better; not normalised again. The classic method divides each column
        by its Euclidean length first. NaN = missing: left out of both distances of the unit, which is the
        same as to share its weight out among the unit's other children.
    weights : (n_children,) float
        Non-negative, any scale; a child of weight 0 has no influence.

    Returns
    -------
    array (n_units,)
        ``d⁻ / (d⁺ + d⁻)`` with the Euclidean distances of the weighted scores ``w x`` from the largest and
        from the smallest of each column, `d⁺` and `d⁻`. NaN where no child with a weight has a value, and
        where all that a unit has are columns without spread, because ideal and anti-ideal are one there.
        Source: Hwang and Yoon 1981, doi:10.1007/978-3-642-48318-9, p. 128.

    Examples
    --------
    >>> topsis(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.6, 0.8]))
    array([0.42857143, 0.57142857, 1.        ])
    """
    values, weights = counted(values, weights)
    least, most, spread = _extremes(values)
    shares = np.where(spread > 0, weights / weights.max(initial=0.0), 0.0)
    below, above = _length((most - values) * shares), _length((values - least) * shares)
    with np.errstate(invalid="ignore"):
        return np.asarray(above / (below + above))


def vikor(values: Array, weights: Array, v: float = 0.5) -> Array:
    """Return ``1 - Q`` of VIKOR: 1 for the best compromise, 0 for the worst.

    Parameters
    ----------
    values, weights, v
        As in `vikor_parts`.

    Returns
    -------
    array (n_units,)
        `Q` turned round, so that higher is better; NaN where no child with a weight has a value. It places
        the units of one table between its best and its worst, and moves when units come or go.

    Examples
    --------
    >>> vikor(np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.9]]), np.array([1.0, 1.0]))
    array([0., 0., 1.])
    """
    return 1 - vikor_parts(values, weights, v)[2]


def vikor_parts(values: Array, weights: Array, v: float = 0.5) -> tuple[Array, Array, Array]:
    """Return `S`, `R` and `Q` of VIKOR: group utility, individual regret and the compromise of both.

    Parameters
    ----------
    values : (n_units, n_children) float
        Scores of any normalisation that keeps distances in proportion, higher is better. NaN = missing:
        skipped, and the weights of the unit's other children are brought to a sum of 1, in `S` and `R`.
    weights : (n_children,) float
        Non-negative, any scale; a child of weight 0 has no influence.
    v : float
        Between 0 and 1: how much `S`, the view of the majority, counts against `R`, the view of the
        opponent.

    Returns
    -------
    tuple of arrays (n_units,)
        Lower is better in all. ``S = Σ w (x⁺ - x) / (x⁺ - x⁻)`` and ``R = max w (x⁺ - x) / (x⁺ - x⁻)`` with
        the largest and smallest of each column, `x⁺` and `x⁻`; a column without spread adds nothing.
        ``Q = v (S - S⁺) / (S⁻ - S⁺) + (1 - v) (R - R⁺) / (R⁻ - R⁺)`` with the smallest and the largest of
        all units, ``⁺`` and ``⁻``; a part without spread is 0. NaN where no child with a weight has a
        value. Source: Opricovic and Tzeng 2004, doi:10.1016/S0377-2217(03)00020-1, p. 447.

    Examples
    --------
    >>> [part.tolist() for part in vikor_parts(np.array([[1.0, 0.0], [0.0, 0.5]]), np.array([3.0, 1.0]))]
    [[0.25, 0.75], [0.25, 0.75], [0.0, 1.0]]
    """
    values, weights = counted(values, weights)
    _, most, spread = _extremes(values)
    known = ~np.isnan(values)
    total = known @ weights
    total = np.where(total > 0, total, np.nan)
    regrets = most - values
    regrets *= weights / np.where(spread == 0, np.inf, spread)  # a column without spread adds nothing
    regrets[~known] = 0.0
    utility, regret = regrets.sum(axis=1) / total, regrets.max(axis=1, initial=0.0) / total
    return utility, regret, v * _placed(utility) + (1 - v) * _placed(regret)


def _extremes(values: Array) -> tuple[Array, Array, Array]:
    """Return the least, the most and the spread of each column: 0 where only rounding errors differ."""
    least = np.fmin.reduce(values, axis=0, initial=np.nan)
    most = np.fmax.reduce(values, axis=0, initial=np.nan)
    spread = most - least
    flat = ~(spread > RESOLUTION * np.maximum(np.abs(least), np.abs(most)))
    return least, most, np.where(flat, 0.0, spread)


def _length(differences: Array) -> Array:
    return np.asarray(np.sqrt(np.nansum(differences**2, axis=1)))


def _placed(parts: Array) -> Array:
    """Bring the smallest to 0 and the largest to 1; all to 0 where they are alike."""
    least, _, spread = _extremes(parts)
    return np.asarray((parts - least) / spread if spread > 0 else parts * 0.0)
