"""Change and rates of growth between periods, gaps skipped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from citygauge.score.rank import RESOLUTION

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def ends(values: Array, when: Array) -> tuple[Ints, Ints]:
    """Return the positions of the first and the last period in which something is known; -1 where nothing is.

    Parameters
    ----------
    values : (n_periods, ...) float
        NaN where unknown.
    when : (n_periods,) float
        Time of each period, in any order.

    Examples
    --------
    >>> ends(np.array([[np.nan], [5.0], [6.0]]), np.array([2020.0, 2022.0, 2021.0]))
    (array([2]), array([1]))
    """
    nothing = np.full(values.shape[1:], -1)
    if not len(when):
        return nothing, nothing
    order = np.argsort(when, kind="stable")
    known = ~np.isnan(values[order])
    some = known.any(axis=0)
    first, last = order[known.argmax(axis=0)], order[len(order) - 1 - known[::-1].argmax(axis=0)]
    return np.where(some, first, -1), np.where(some, last, -1)


def picked(values: Array, at: Ints) -> Array:
    """Return the value of each cell in the period of that position; NaN at -1."""
    if not len(values):
        return np.full(at.shape, np.nan)
    found = np.take_along_axis(values, np.maximum(at, 0)[None], axis=0)[0]
    return np.asarray(np.where(at >= 0, found, np.nan))


def change(values: Array, when: Array) -> Array:
    """Return the last known value less the first.

    Parameters
    ----------
    values : (n_periods, ...) float
        NaN where unknown; such periods are skipped.
    when : (n_periods,) float
        Time of each period, in any order.

    Returns
    -------
    array (...)
        NaN where fewer than two periods are known.

    Examples
    --------
    >>> change(np.array([[10.0], [np.nan], [15.0]]), np.array([2018.0, 2019.0, 2020.0]))
    array([5.])
    """
    low, high, _ = _between(values, when)
    with np.errstate(over="ignore"):
        return np.asarray(high - low)


def change_percent(values: Array, when: Array) -> Array:
    """Return the change in per cent of the first known value: ``100 (last − first) / first``.

    Parameters
    ----------
    values : (n_periods, ...) float
        NaN where unknown; such periods are skipped.
    when : (n_periods,) float
        Time of each period, in any order.

    Returns
    -------
    array (...)
        NaN where fewer than two periods are known, and where the first value is zero or negative: a share of
        nothing is no number, and one of a debt has the wrong sign.

    Examples
    --------
    >>> change_percent(np.array([[10.0, 0.0], [15.0, 3.0]]), np.array([2018.0, 2019.0]))
    array([50., nan])
    """
    low, high, _ = _between(values, when)
    with np.errstate(over="ignore"):
        return np.asarray(100.0 * (high - low) / np.where(low > 0, low, np.nan))


def cagr(values: Array, when: Array) -> Array:
    """Return the compound growth per year from the first known value to the last, as a share.

    Parameters
    ----------
    values : (n_periods, ...) float
        NaN where unknown; such periods are skipped.
    when : (n_periods,) float
        Time of each period in years (the growth is per unit of it), in any order.

    Returns
    -------
    array (...)
        ``(last / first)^(1 / years) − 1``; -1 where the last value is zero. NaN where fewer than two periods
        are known, where the first value is zero or negative, and where the last is negative. Source: COINr,
        ``CAGR``, which gives infinity where the first value is zero.

    Examples
    --------
    >>> cagr(np.array([[100.0, 0.0], [121.0, 5.0]]), np.array([2018.0, 2020.0])).round(12)
    array([0.1, nan])
    """
    low, high, years = _between(values, when)
    usable = (low > 0) & (high >= 0) & (years > 0)
    with np.errstate(over="ignore"):
        ratio = np.where(usable, high, np.nan) / np.where(usable, low, 1.0)
        return np.asarray(ratio ** (1.0 / np.where(usable, years, 1.0)) - 1.0)


def trend_percent(values: Array, when: Array, per: float = 1.0) -> Array:
    """Return the slope of the line through the known values, in per cent of its value at the first of them.

    Unlike the change between two ends it uses the periods between them.

    Parameters
    ----------
    values : (n_periods, ...) float
        NaN where unknown; such periods are skipped.
    when : (n_periods,) float
        Time of each period, in any order.
    per : float
        The stretch of time the rate is for: 1 = per year where `when` is in years, 10 = per decade.

    Returns
    -------
    array (...)
        ``100 · per · b / (a + b t₁)`` with the least-squares line a + b t and t₁ the first known time; the
        line goes through both points where two are known. 0 where all known values are equal. NaN where
        fewer than two are known, and where the line is at or below zero at t₁. Source: COINr,
        ``prc_change``, which also divides by a negative value.

    Examples
    --------
    >>> values = np.array([[10.0], [11.0], [np.nan], [13.0], [15.0]])
    >>> trend_percent(values, np.array([2018.0, 2019.0, 2020.0, 2021.0, 2022.0])).round(6)
    array([12.182741])
    """
    first, _ = ends(values, when)
    _, _, years = _between(values, when)
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    when = when.reshape(-1, *[1] * (values.ndim - 1))
    since = np.where(known, when - picked(np.broadcast_to(when, values.shape), first), 0.0)
    top = np.abs(np.where(known, values, 0.0)).max(axis=0, initial=0.0)
    with np.errstate(over="ignore"):
        y = np.where(known, values, 0.0) / np.where(
            top > 0, top, 1.0
        )  # the rate is the same, and no sum overflows
        at, mean = since.sum(axis=0) / n, y.sum(axis=0) / n
        dx, dy = np.where(known, since - at, 0.0), np.where(known, y - mean, 0.0)
        square = (dx * dx).sum(axis=0)
        slope = (dx * dy).sum(axis=0) / np.where(square > 0, square, np.nan)
        base = mean - slope * at
        rate = 100.0 * per * slope / np.where(base > RESOLUTION, base, np.nan)
        steady = np.fmax.reduce(values, 0, initial=np.nan) == np.fmin.reduce(values, 0, initial=np.nan)
    return np.asarray(np.where(years > 0, np.where(steady, 0.0, rate), np.nan))


def _between(values: Array, when: Array) -> tuple[Array, Array, Array]:
    """Return the first and the last known value, and the time between; NaN unless there are two."""
    first, last = ends(values, when)
    two = first != last
    low, high = (np.where(two, picked(values, at), np.nan) for at in (first, last))
    stamps = np.broadcast_to(when.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    return low, high, np.where(two, picked(stamps, last) - picked(stamps, first), np.nan)
