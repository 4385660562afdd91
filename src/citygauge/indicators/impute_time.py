"""Filling gaps from what is known of the same unit in other periods."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FINE = 1e-9  # so much nearer than the limit is as near


@dataclass(frozen=True)
class Carried:
    """Estimates for one period, and the periods they come from.

    `values` is ``(n_units, n_indicators)``, NaN where there is no estimate. `first` and `last` are positions
    of periods, the same one where only one was used, and -1 where there is no estimate.
    """

    values: Array
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def times(periods: Sequence[str]) -> tuple[Array, bool]:
    """Return where periods stand in time, and whether that is said in years.

    Periods that are all numbers stand at these numbers. Otherwise they stand one step apart, in the order of
    their text.

    Examples
    --------
    >>> times(["2021", "2018"])
    (array([2021., 2018.]), True)
    >>> times(["2021-Q2", "2020-Q4"])
    (array([1., 0.]), False)
    """
    if all(_NUMBER.fullmatch(period) for period in periods):
        return np.array([float(period) for period in periods]), True
    order = {period: step for step, period in enumerate(sorted(set(periods)))}
    return np.array([float(order[period]) for period in periods]), False


def latest(values: Array, when: Array, at: float, longest: float | None = None) -> Carried:
    """Return the last value that each unit had before a time.

    Parameters
    ----------
    values : (n_periods, n_units, n_indicators) float
        NaN where unknown.
    when : (n_periods,) float
        Time of each period, in any order.
    at : float
        The time to be filled; a value at the time itself counts.
    longest : float, optional
        How far back a value may be.

    Returns
    -------
    Carried
        NaN where nothing is known up to `at`, or too long ago. Source: COINr, ``impute_panel`` with
        ``imp_type = "latest"`` and ``max_time``.

    Examples
    --------
    >>> latest(np.array([[[5.0]], [[7.0]], [[np.nan]]]), np.array([2018.0, 2019.0, 2020.0]), 2020.0).values
    array([[7.]])
    """
    before = _nearest(values, when, at, forward=False)
    if longest is not None and len(when):
        ago = at - when[before]
        before = np.where(ago <= longest + _FINE, before, -1)
    return Carried(_taken(values, before), before, before)


def step(values: Array, when: Array, at: float) -> Carried:
    """Return the last value up to a time, and before the first one the first.

    Parameters
    ----------
    values : (n_periods, n_units, n_indicators) float
        NaN where unknown.
    when : (n_periods,) float
        Time of each period, in any order.
    at : float
        The time to be filled.

    Returns
    -------
    Carried
        NaN where nothing is known in any period. Source: COINr, ``impute_panel`` with
        ``imp_type = "constant"``.

    Examples
    --------
    >>> step(np.array([[[np.nan]], [[7.0]]]), np.array([2018.0, 2019.0]), 2018.0).values
    array([[7.]])
    """
    before = _nearest(values, when, at, forward=False)
    source = np.where(before >= 0, before, _nearest(values, when, at, forward=True))
    return Carried(_taken(values, source), source, source)


def linear(values: Array, when: Array, at: float) -> Carried:
    """Return what lies at a time on the line between the nearest values around it; outside, the nearest one.

    Parameters
    ----------
    values : (n_periods, n_units, n_indicators) float
        NaN where unknown.
    when : (n_periods,) float
        Time of each period, in any order.
    at : float
        The time to be filled.

    Returns
    -------
    Carried
        NaN where nothing is known in any period; a single value is repeated. With v₁ at t₁ and v₂ at t₂
        around t: v₁ + (v₂ − v₁)(t − t₁)/(t₂ − t₁). Source: COINr, ``impute_panel`` with
        ``imp_type = "linear-constant"``.

    Examples
    --------
    >>> linear(np.array([[[1.0]], [[np.nan]], [[4.0]]]), np.array([2018.0, 2019.0, 2021.0]), 2019.0).values
    array([[2.]])
    """
    if not len(when):
        return latest(values, when, at)
    before, after = (_nearest(values, when, at, forward=ahead) for ahead in (False, True))
    first, last = np.where(before >= 0, before, after), np.where(after >= 0, after, before)
    gap = when[last] - when[first]
    share = np.where(gap > 0, (at - when[first]) / np.where(gap > 0, gap, 1.0), 0.0)
    low, high = _taken(values, first), _taken(values, last)
    return Carried(low + (high - low) * share, first, last)


def _nearest(values: Array, when: Array, at: float, *, forward: bool) -> NDArray[np.int64]:
    """Return the nearest period with a value on one side of a time, or at it; -1 where there is none."""
    found = np.full(values.shape[1:], -1)
    on_side = when >= at if forward else when <= at
    for period in sorted(np.flatnonzero(on_side), key=lambda period: abs(when[period] - at), reverse=True):
        found = np.where(np.isnan(values[period]), found, period)
    return found


def _taken(values: Array, source: NDArray[np.int64]) -> Array:
    if not len(values):
        return np.full(source.shape, np.nan)
    picked = np.take_along_axis(values, np.maximum(source, 0)[None], axis=0)[0]
    return np.where(source >= 0, picked, np.nan)
