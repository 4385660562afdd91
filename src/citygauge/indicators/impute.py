"""Filling gaps from what is known of other units; every filled cell is marked as imputed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from citygauge.indicators.table import IMPUTED, NOT_APPLICABLE, VALUE, Table


def group_mean(values: NDArray[np.float64], groups: Sequence[str | None]) -> NDArray[np.float64]:
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
    means = np.full(values.shape, np.nan)
    for group in {group for group in groups if group is not None}:
        members = np.array([own == group for own in groups])
        known = ~np.isnan(values[members])
        count = known.sum(axis=0)
        total = np.where(known, values[members], 0.0).sum(axis=0)
        means[members] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means


def impute(table: Table, estimates: NDArray[np.float64]) -> Table:
    """Return the table with gaps filled from the estimates; not applicable cells stay empty."""
    fill = (table.states != VALUE) & (table.states != NOT_APPLICABLE) & ~np.isnan(estimates)
    return replace(
        table,
        values=np.where(fill, estimates, table.values),
        states=np.where(fill, VALUE, table.states).astype(np.int8),
        origins=np.where(fill, IMPUTED, table.origins).astype(np.int8),
    )
