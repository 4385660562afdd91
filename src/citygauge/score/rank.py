"""Ranks under which mathematical ties are ties, whatever the last bits of a sum say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESOLUTION = 2.0**-40


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column as whole multiples of 2⁻⁴⁰ of its range, for comparisons.

    The range of a column is the larger of its spread and its largest absolute value, so that a column of
    equal values does not fall apart into its rounding errors.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN stays NaN.
    """
    least, most = (
        np.fmin.reduce(values, axis=0, initial=np.nan),
        np.fmax.reduce(values, axis=0, initial=np.nan),
    )
    step = np.maximum(most - least, np.maximum(np.abs(least), np.abs(most))) * RESOLUTION
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(step > 0, np.rint(values / step), values)


def rank(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the rank of each value in its column: 1 is the highest, ties share the smallest rank.

    Parameters
    ----------
    values : (n_units, n_columns) float

    Returns
    -------
    array (n_units, n_columns) int
        0 where the value is NaN.

    Examples
    --------
    >>> rank(np.array([[0.3], [0.1 + 0.2], [np.nan], [0.9]])).ravel()
    array([2, 2, 0, 1], dtype=int32)
    """
    keys = rounded(values)
    ranks = np.zeros(values.shape, np.int32)
    for column, key in enumerate(keys.T):
        known = ~np.isnan(key)
        ordered = np.sort(key[known])
        ranks[known, column] = 1 + ordered.size - np.searchsorted(ordered, key[known], side="right")
    return ranks
