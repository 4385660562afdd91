"""Filling gaps from what is known of the same period; every filled cell is marked as imputed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from citygauge.indicators.table import IMPUTED, NOT_APPLICABLE, VALUE, Table

Array = NDArray[np.float64]
_TIE = 1e-9  # distances that differ by less, in proportion, are the same on paper


def mean(values: Array) -> Array:
    """Return each cell's mean over the known values of its column.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.

    Returns
    -------
    array (n_units, n_indicators)
        NaN in a column of which nothing is known. Source: COINr, ``i_mean``.

    Examples
    --------
    >>> mean(np.array([[1.0], [3.0], [np.nan]]))[2]
    array([2.])
    """
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.broadcast_to(np.where(count > 0, total / np.maximum(count, 1), np.nan), values.shape).copy()


def median(values: Array) -> Array:
    """Return each cell's median over the known values of its column.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.

    Returns
    -------
    array (n_units, n_indicators)
        The mean of the two middle values where their number is even; NaN in a column of which nothing is
        known. Source: COINr, ``i_median``.

    Examples
    --------
    >>> median(np.array([[1.0], [3.0], [np.nan], [50.0]]))[2]
    array([3.])
    """
    ordered = np.sort(values, axis=0)  # NaN last
    count = (~np.isnan(values)).sum(axis=0)
    columns = np.arange(values.shape[1])
    if not len(values):
        return values.copy()
    low = ordered[np.maximum(count - 1, 0) // 2, columns]
    high = ordered[np.minimum(count // 2, len(values) - 1), columns]
    return np.broadcast_to(np.where(low == high, low, low / 2 + high / 2), values.shape).copy()


def group_mean(values: Array, groups: Sequence[str | None]) -> Array:
    """Return each cell's mean over the known values of its unit's group.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.
    groups : sequence of str or None
        Group of each unit; a unit without one gets no estimate.

    Returns
    -------
    array (n_units, n_indicators)
        NaN where nobody in the group has a value, or the unit has no group. Source: COINr, ``i_mean_grp``.

    Examples
    --------
    >>> group_mean(np.array([[1.0], [3.0], [np.nan], [8.0]]), ["a", "a", "a", "b"])[2]
    array([2.])
    """
    return _by_group(mean, values, groups)


def group_median(values: Array, groups: Sequence[str | None]) -> Array:
    """Return each cell's median over the known values of its unit's group.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.
    groups : sequence of str or None
        Group of each unit; a unit without one gets no estimate.

    Returns
    -------
    array (n_units, n_indicators)
        NaN where nobody in the group has a value, or the unit has no group. Source: COINr, ``i_median_grp``.

    Examples
    --------
    >>> group_median(np.array([[1.0], [3.0], [np.nan], [8.0]]), ["a", "a", "a", "b"])[2]
    array([2.])
    """
    return _by_group(median, values, groups)


def row_mean(values: Array, families: Sequence[str], direction: Array | None = None) -> Array:
    """Return the mean of what a unit has in the other columns of the same family.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.
    families : sequence of str
        Family of each column, such as its parent.
    direction : (n_indicators,) {1, -1}, optional
        With it, columns are brought on 0..1 by their minimum and maximum, 1 being best, the mean is taken
        there and brought back on the column's own scale. Without it the values are averaged as they are.

    Returns
    -------
    array (n_units, n_indicators)
        NaN where the unit has nothing else in the family. On the scale 0..1 a column without spread says
        nothing about others, and its own estimate is the one value it has; a column of which nothing is
        known has no scale to be brought back on. Source: COINr, ``Impute`` with ``impute_by = "row"``,
        `direction` being ``normalise_first = TRUE``.

    Examples
    --------
    >>> row_mean(np.array([[0.0, 10.0], [1.0, 30.0], [0.5, np.nan]]), ["P", "P"], np.array([1.0, 1.0]))[2, 1]
    np.float64(20.0)
    """
    family = np.array(families)
    if direction is None:
        return _mean_of_others(values, family)
    turned = values * direction
    low, high = _extremes(turned)
    spread = high - low
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.where(spread > 0, (turned - low) / spread, np.nan)
    means = _mean_of_others(scaled, family)
    estimates = (means * spread + low) * direction
    elsewhere = _mean_of_others(values, family)
    return np.where((spread == 0) & ~np.isnan(elsewhere), low * direction, estimates)


def knn(values: Array, neighbours: int = 5) -> tuple[Array, NDArray[np.bool_]]:
    """Return the mean over the units most alike that have the value, and which units these are.

    Columns are standardised first, so that units of measure do not matter.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.
    neighbours : int
        How many units to take, at least 1; all of those as far away as the last one, and fewer where
        fewer have a value.

    Returns
    -------
    estimates : array (n_units, n_indicators)
        For the cells that are NaN in `values`, the others as they are. NaN where no unit with a value shares
        a known column with the unit. Columns without spread tell nothing of how alike two units are.
    donors : array (n_gaps, n_units) of bool
        The units that each gap was filled from, gaps in the order of ``numpy.nonzero``.

    Notes
    -----
    The distance is Euclidean over the columns both units have, times (number of columns / number of shared
    ones): Dixon (1979), doi:10.1109/TSMC.1979.4310090. It is that of scikit-learn's ``KNNImputer``, which
    does not tell its donors, breaks ties at random, and takes the column's mean where it finds none.

    Examples
    --------
    >>> values = np.array([[1.0, 10.0], [2.0, 20.0], [9.0, 90.0], [1.9, np.nan]])
    >>> estimates, donors = knn(values, neighbours=1)
    >>> estimates[3, 1], donors[0]
    (np.float64(20.0), array([False,  True, False, False]))
    """
    distance = _distances(values)
    estimates = values.copy()
    gaps = np.nonzero(np.isnan(values))
    donors = np.zeros((len(gaps[0]), len(values)), bool)
    for gap, (row, column) in enumerate(zip(*gaps, strict=True)):
        able = ~np.isnan(values[:, column]) & ~np.isnan(distance[row])
        if not able.any():
            continue
        near = np.sort(distance[row, able])
        limit = near[min(neighbours, len(near)) - 1]
        donors[gap] = able & (distance[row] <= limit * (1 + _TIE))
        estimates[row, column] = values[donors[gap], column].mean()
    return estimates, donors


def standardised(values: Array) -> tuple[Array, Array, Array]:
    """Return the columns with mean 0 and standard deviation 1, and the mean and deviation they had.

    A column without spread has the deviation 0 and becomes 0 where it is known; one of which nothing is known
    stays NaN.
    """
    centre = mean(values)[:1].reshape(-1)
    low, high = _extremes(values)
    away = values - centre
    spread = np.where(
        high > low, np.sqrt(mean(away**2)[:1].reshape(-1)), np.where(np.isnan(low), np.nan, 0.0)
    )
    return np.where(spread > 0, away / np.where(spread > 0, spread, 1.0), away * 0.0), centre, spread


def to_levels(estimates: Array, levels: Sequence[float]) -> Array:
    """Return each estimate as the nearest of some levels, the lower one half-way; NaN stays.

    Examples
    --------
    >>> to_levels(np.array([0.4, 1.5, np.nan]), [0, 1, 2])
    array([ 0.,  1., nan])
    """
    if not len(levels):
        return estimates
    steps = np.sort(np.asarray(levels, float))
    nearest = steps[np.abs(np.nan_to_num(estimates)[..., None] - steps).argmin(axis=-1)]
    return np.where(np.isnan(estimates), np.nan, nearest)


def impute(table: Table, estimates: Array) -> Table:
    """Return the table with gaps filled from the estimates; not applicable cells stay empty."""
    fill = fillable(table) & ~np.isnan(estimates)
    return replace(
        table,
        values=np.where(fill, estimates, table.values),
        states=np.where(fill, VALUE, table.states).astype(np.int8),
        origins=np.where(fill, IMPUTED, table.origins).astype(np.int8),
    )


def fillable(table: Table) -> NDArray[np.bool_]:
    """Return which cells of a table are gaps: applicable, and without a value."""
    return np.asarray((table.states != VALUE) & (table.states != NOT_APPLICABLE))


def _by_group(kernel: Callable[[Array], Array], values: Array, groups: Sequence[str | None]) -> Array:
    estimates = np.full(values.shape, np.nan)
    for group in {group for group in groups if group is not None}:
        members = np.array([own == group for own in groups])
        estimates[members] = kernel(values[members])
    return estimates


def _mean_of_others(values: Array, family: NDArray[np.str_]) -> Array:
    """Return the mean over a unit's known values in the family of each column, the column itself left out."""
    same = (family[:, None] == family[None, :]) & ~np.eye(len(family), dtype=bool)
    known = ~np.isnan(values)
    count = known.astype(float) @ same
    total = np.where(known, values, 0.0) @ same
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


def _extremes(values: Array) -> tuple[Array, Array]:
    """Return minimum and maximum of every column; NaN of one of which nothing is known."""
    known = ~np.isnan(values)
    low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    some = known.any(axis=0)
    return np.where(some, low, np.nan), np.where(some, high, np.nan)


def _distances(values: Array) -> Array:
    """Return how far units are from each other, NaN where they share no column, and from themselves."""
    scaled, _, spread = standardised(values)
    scaled = scaled[:, spread > 0]
    known = ~np.isnan(scaled)
    filled = np.where(known, scaled, 0.0)
    shared = known.astype(float) @ known.T
    distance = np.full((len(values), len(values)), np.nan)
    for row in range(len(values)):
        both = known & known[row]
        total = np.where(both, (filled - filled[row]) ** 2, 0.0).sum(axis=1)
        able = shared[row] > 0
        distance[row, able] = np.sqrt(total[able] * scaled.shape[1] / shared[row, able])
    np.fill_diagonal(distance, np.nan)
    return distance
