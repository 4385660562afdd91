"""Scores by the distance from the worst value to something better: the best, a reference, a target.

Each takes ``values (n_units, n_columns)`` and leaves NaN as NaN; `direction (n_columns,)` is 1 or -1. The
share of the way is 0 at the worst value; `onto` says what the shares 0 and 1 become.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from citygauge.score.rank import RESOLUTION
from citygauge.score.relative import extremes, minmax

Array = NDArray[np.float64]
UNIT = (0.0, 1.0)


def distance_to_max(values: Array, direction: Array, onto: tuple[float, float] = UNIT) -> Array:
    """Return the share of the way from the worst to the best value, ``1 - (max - x) / (max - min)``.

    Returns
    -------
    array (n_units, n_columns)
        All NaN for a column without spread. Source: COINr, ``n_dist2max``.

    Examples
    --------
    >>> distance_to_max(np.array([[1.0], [2.0], [5.0]]), np.array([1.0])).ravel()
    array([0.  , 0.25, 1.  ])
    """
    return minmax(values, direction, *onto)


@np.errstate(all="ignore")
def distance_to_reference(
    values: Array,
    direction: Array,
    reference: Array,
    onto: tuple[float, float] = UNIT,
    *,
    cut: bool = False,
) -> Array:
    """Return the share of the way from the worst value to a reference, ``1 - (ref - x) / (ref - min)``.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
        With -1 both the values and the reference are turned round.
    reference : (n_columns,) float
        What scores 1.
    onto : pair of float
    cut : bool
        Values better than the reference count as the reference.

    Returns
    -------
    array (n_units, n_columns)
        All NaN where the reference is missing or no better than the worst value. Source: OECD/JRC Handbook
        2008, p. 85; COINr, ``n_dist2ref``.

    Examples
    --------
    >>> distance_to_reference(np.array([[1.0], [3.0], [6.0]]), np.array([1.0]), np.array([3.0])).ravel()
    array([0. , 1. , 2.5])
    """
    shares = values * direction
    least, way = _way(shares, reference * direction)
    shares -= least
    shares /= np.where(way > 0, way, np.nan)
    return _onto(shares, onto, cut=cut)


@np.errstate(all="ignore")
def distance_to_target(
    values: Array,
    direction: Array,
    targets: tuple[Array, Array],
    onto: tuple[float, float] = UNIT,
    *,
    cut: bool = True,
) -> Array:
    """Return the share of the way from the worst value to a target, or to the nearer end of a target band.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
        Not used by a band, which says itself what is best.
    targets : pair of (n_columns,) float
        Lower and upper end of the band. One of them NaN: a single target, in the direction of the column.
    onto : pair of float
    cut : bool
        Values beyond a single target count as the target.

    Returns
    -------
    array (n_units, n_columns)
        Single target: ``(x - min) / (target - min)``, for the direction -1 ``(max - x) / (max - target)``.
        A target that the worst value has passed already is met by all, 1; NaN without `cut`. NaN too for a
        target equal to the worst value. Band: 1 inside, ``(x - min) / (low - min)`` below, ``(max - x) /
        (max - high)`` above. Source: COINr, ``n_dist2targ``, for the single target.

    Examples
    --------
    >>> one, none = np.array([1.0]), np.array([np.nan])
    >>> distance_to_target(np.array([[1.0], [3.0], [6.0]]), one, (none, 5 * one)).ravel()
    array([0. , 0.5, 1. ])
    >>> distance_to_target(np.array([[1.0], [3.0], [6.0]]), one, (2 * one, 4 * one)).ravel()
    array([0., 1., 0.])
    """
    low, high = targets
    single = np.where(np.isnan(low), high, low)
    shares = values * direction
    least, way = _way(shares, single * direction)
    shares -= least
    shares /= np.where(way > 0, way, np.nan)
    if cut:
        shares[:, way < 0] = np.where(np.isnan(values[:, way < 0]), np.nan, 1.0)
    scores = _onto(shares, onto, cut=cut)
    band = ~np.isnan(low) & ~np.isnan(high)
    if band.any():
        scores[:, band] = _onto(_to_band(values[:, band], low[band], high[band]), onto, cut=False)
    return scores


@np.errstate(all="ignore")
def _to_band(values: Array, low: Array, high: Array) -> Array:
    least, most = extremes(values)
    from_below, from_above = (values - least) / (low - least), (most - values) / (most - high)
    inside = np.where(np.isnan(values), np.nan, 1.0)
    return np.where(values < low, from_below, np.where(values > high, from_above, inside))


@np.errstate(all="ignore")
def fraction_of_max(values: Array, direction: Array, onto: tuple[float, float] = UNIT) -> Array:
    """Return each value as a fraction of the best one: ``x / max``, for the direction -1 ``min / x``.

    Returns
    -------
    array (n_units, n_columns)
        All NaN where the fractions say nothing: a maximum of 0 or less, or for the direction -1 a negative
        value. Where the least is 0 and less is better, 0 scores 1 and all else 0. Source: COINr,
        ``n_fracmax``, which does not turn a column round.

    Examples
    --------
    >>> fraction_of_max(np.array([[2.0], [4.0], [8.0]]), np.array([-1.0])).ravel()
    array([1.  , 0.5 , 0.25])
    """
    least, most = extremes(values)
    shares = values / np.where(most > 0, most, np.nan)
    falls = direction < 0
    if falls.any():
        shares[:, falls] = np.where(values[:, falls] == 0, 1.0, least[falls] / values[:, falls])
        shares[:, falls & (least < 0)] = np.nan
    return _onto(shares, onto, cut=False)


@np.errstate(all="ignore")
def is_at_worst(values: Array, direction: Array, goal: Array) -> NDArray[np.bool_]:
    """Return whether the goal of each column equals its worst value, so that there is no way to measure."""
    return np.asarray(_way(values * direction, goal * direction)[1] == 0)


def _way(turned: Array, goal: Array) -> tuple[Array, Array]:
    """Return the worst value and how far the goal is from it; 0 within 2⁻⁴⁰ of the values' size."""
    least, most = extremes(turned)
    way = goal - least
    size = np.maximum(most - least, np.maximum(np.abs(least), np.abs(most)))
    return least, np.where(np.abs(way) <= size * RESOLUTION, 0.0, way)


def _onto(shares: Array, onto: tuple[float, float], *, cut: bool) -> Array:
    if cut:
        np.minimum(shares, 1.0, out=shares)
    if onto != UNIT:
        shares *= onto[1] - onto[0]
        shares += onto[0]
    return shares
