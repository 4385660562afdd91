"""Ranks under which mathematical ties are ties, whatever the last bits of a sum say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESOLUTION = 2.0**-40
_MANY = 2**22  # units: with as many of them a key and a place no longer fit in 64 bits
_CELLS = 2**15  # keys at once; more of them would leave the processor's cache


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column as whole multiples of 2⁻⁴⁰ of its range, for comparisons.

    The range of a column is the larger of its spread and its largest absolute value, so that a column of
    equal values does not fall apart into its rounding errors.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN stays NaN.

    Returns
    -------
    array (n_units, n_columns), -2⁴⁰..2⁴⁰

    Examples
    --------
    >>> rounded(np.array([[0.3], [0.1 + 0.2], [0.6]])).ravel() / 2**40
    array([0.5, 0.5, 1. ])
    """
    least, most = (
        np.fmin.reduce(values, axis=0, initial=np.nan),
        np.fmax.reduce(values, axis=0, initial=np.nan),
    )
    size = np.maximum(most - least, np.maximum(np.abs(least), np.abs(most)))
    with np.errstate(invalid="ignore"):
        keys = values / np.where(size > 0, size, 1.0)
    keys /= RESOLUTION
    return np.rint(keys, out=keys)


def rank(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the rank of each value in its column: 1 is the highest, ties share the smallest rank.

    Parameters
    ----------
    values : (n_units, n_columns) float

    Returns
    -------
    array (n_units, n_columns) int
        0 where the value is NaN. Values are compared after rounding to 2⁻⁴⁰ of the range (`rounded`);
        neighbours of which the rounded values are the same or next to each other are ties.

    Examples
    --------
    >>> rank(np.array([[0.3], [0.1 + 0.2], [np.nan], [0.9]])).ravel()
    array([2, 2, 0, 1], dtype=int32)
    """
    keys = np.ascontiguousarray(rounded(values).T)
    ranks = np.empty(keys.shape, np.int32)
    rows = max(1, _CELLS // max(keys.shape[1], 1))
    for start in range(0, keys.shape[0], rows):
        _rank_rows(keys[start : start + rows], ranks[start : start + rows])
    return np.ascontiguousarray(ranks.T)


def _rank_rows(keys: NDArray[np.float64], ranks: NDArray[np.int32]) -> None:
    """Write the ranks of the keys of each row."""
    n = keys.shape[1]
    unknown = np.isnan(keys)
    falling = np.where(unknown, 1 / RESOLUTION + 1, -keys).astype(np.int64)
    if n < _MANY:  # whole numbers sort much faster than they can tell their places, so each carries its own
        bits = n.bit_length()
        falling <<= bits
        falling |= np.arange(n)
        falling.sort(axis=1)
        order = falling & ((1 << bits) - 1)
        falling >>= bits
    else:
        order = np.argsort(falling, axis=1)
        falling = np.take_along_axis(falling, order, axis=1)
    first = np.ones(keys.shape, np.int32)
    differs = falling[:, 1:] - falling[:, :-1] > 1  # a tie may fall on both sides of an edge between keys
    np.multiply(differs, np.arange(2, n + 1, dtype=np.int32), out=first[:, 1:])
    np.maximum.accumulate(first, axis=1, out=first)
    np.put_along_axis(ranks, order, first, axis=1)
    ranks[unknown] = 0
