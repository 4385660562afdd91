"""Covariances and correlations of columns with gaps, each from the rows that both columns have."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from citygauge.score.treat import FLAT

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Method = Literal["pearson", "spearman", "kendall"]
METHODS: tuple[Method, ...] = get_args(Method)

LEAST_PAIRS = 3
_CELLS = 2**20  # differences at once, so that the pairs of many units do not fill the memory


def covariance(values: Array) -> Array:
    """Return the covariance of every two columns over the units that both have.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN = missing.

    Returns
    -------
    array (n_columns, n_columns)
        Divided by n - 1, with the means of the shared units; the diagonal holds the variances of all known
        values. NaN for fewer than 3 shared units. As R's ``cov(use = "pairwise.complete.obs")``, but for
        pairs of 2 units.

    Examples
    --------
    >>> covariance(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 9.0], [4.0, np.nan]])).round(3)
    array([[ 1.667,  3.5  ],
           [ 3.5  , 13.   ]])
    """
    found = np.full((values.shape[1], values.shape[1]), np.nan)
    for row in range(values.shape[1]):
        one, other = _shared(values[:, row], values[:, row:])
        n = _count(one)
        with np.errstate(invalid="ignore", divide="ignore"):
            centred, other_centred = (each - np.nansum(each, axis=0) / n for each in (one, other))
            sums = np.nansum(centred * other_centred, axis=0)
            found[row, row:] = found[row:, row] = np.where(n >= LEAST_PAIRS, sums / (n - 1), np.nan)
    return found


def correlation(values: Array, others: Array | None = None, method: Method = "pearson") -> tuple[Array, Ints]:
    """Return the correlation of every column with every other over the units that both have.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN = missing.
    others : (n_units, n_others) float, optional
        The columns to hold them against; by default the same ones.
    method : {"pearson", "spearman", "kendall"}
        Pearson's r; Spearman's, which is r of the ranks among the shared units, ties at their mean; Kendall's
        tau-b, ``(C - D) / √((P - T)(P - U))`` with C concordant and D discordant ones of P pairs of units, T
        and U tied in either column. Numbers tie where they are equal to the last bit.

    Returns
    -------
    correlation : array (n_columns, n_others), -1..1
        NaN for fewer than 3 shared units and where either column has no spread over them; on the diagonal
        too.
    n : array (n_columns, n_others) int
        The number of shared units.

    Notes
    -----
    Source of tau-b: Kendall 1945, doi:10.1093/biomet/33.3.239. As R's
    ``cor(use = "pairwise.complete.obs")`` and scipy's functions, but for pairs of 2 units.

    Examples
    --------
    >>> found, n = correlation(np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0], [4.0, np.nan]]))
    >>> found.round(3)[0, 1], n[0, 1]
    (np.float64(0.5), np.int64(3))
    """
    right = values if others is None else others
    known, known_right = ((~np.isnan(each)).astype(np.int64) for each in (values, right))
    n = known.T @ known_right
    if method == "kendall":
        found = _kendall(values, right)
    else:
        found = np.full(n.shape, np.nan)
        for row in range(values.shape[1]):
            first = row if others is None else 0
            one, other = _shared(values[:, row], right[:, first:])
            if method == "spearman":
                one, other = _ranks(one), _ranks(other)
            found[row, first:] = _pearson(one, other)
        if others is None:
            below = np.tril_indices(n.shape[0], -1)
            found[below] = found.T[below]
    found[n < LEAST_PAIRS] = np.nan
    if others is None:
        at = np.diag_indices(n.shape[0])
        found[at] = np.where(np.isnan(found[at]), np.nan, 1.0)
    return found, n


def p_value(correlation: Array, n: Ints) -> Array:
    """Return the two-sided p-value of Pearson's or Spearman's correlation by the t test.

    Parameters
    ----------
    correlation : array of float, -1..1
        Of any shape.
    n : array of int
        The number of units behind each.

    Returns
    -------
    array, 0..1
        Of ``t = r √((n - 2) / (1 - r²))`` with n - 2 degrees of freedom; 0 at r = ±1. NaN where the
        correlation is and for fewer than 3 units. Exact for Pearson's r of normal values where there is no
        correlation, else an approximation. As R's ``cor.test`` and ``scipy.stats.pearsonr``; of Spearman's as
        ``scipy.stats.spearmanr``.

    Examples
    --------
    >>> p_value(np.array([0.5, 1.0]), np.array([20, 20])).round(4)
    array([0.0248, 0.    ])
    """
    from scipy.special import betainc  # noqa: PLC0415 - slow to import

    freedom = np.where(n < LEAST_PAIRS, np.nan, n - 2.0)
    # The tail of t is a beta function of 1 - r², which keeps its digits where r is near to 1.
    return np.asarray(betainc(freedom / 2, 0.5, (1 - correlation) * (1 + correlation)))


def kendall_p_value(one: Array, other: Array) -> float:
    """Return the two-sided p-value of Kendall's tau of two columns, as `scipy.stats.kendalltau` has it.

    Parameters
    ----------
    one, other : (n_units,) float
        Units with a gap in either are left out.

    Returns
    -------
    float, 0..1
        Exact for few units without ties, else by the normal approximation with ties; NaN for fewer than 3
        shared units and without spread.

    Examples
    --------
    >>> round(kendall_p_value(np.arange(5.0), np.array([1.0, 2.0, 3.0, 5.0, 4.0])), 4)
    0.0833
    """
    from scipy.stats import kendalltau  # noqa: PLC0415 - slow to import

    known = ~np.isnan(one) & ~np.isnan(other)
    one, other = one[known], other[known]
    if one.size < LEAST_PAIRS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(kendalltau(one, other).pvalue)


def _shared(column: Array, others: Array) -> tuple[Array, Array]:
    """Return a column and others side by side, NaN where either of a pair is."""
    known = ~np.isnan(column)[:, None] & ~np.isnan(others)
    return np.where(known, column[:, None], np.nan), np.where(known, others, np.nan)


def _count(values: Array) -> Ints:
    return np.asarray((~np.isnan(values)).sum(axis=0))


def _pearson(one: Array, other: Array) -> Array:
    """Return r of each column with the one beside it; both have the same gaps."""
    (one, spread), (other, other_spread) = _centred(one), _centred(other)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.nansum(one * other, axis=0) / (
            np.sqrt(np.nansum(one * one, axis=0)) * np.sqrt(np.nansum(other * other, axis=0))
        )
    return np.where(spread & other_spread, np.clip(found, -1.0, 1.0), np.nan)


def _centred(values: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return columns around their means in units of the largest deviation, and whether they have spread."""
    size = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = values - np.nansum(values, axis=0) / _count(values)
        widest = np.fmax.reduce(np.abs(centred), axis=0, initial=0.0)
        return centred / widest, widest > FLAT * size


def _ranks(values: Array) -> Array:
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

    return np.asarray(rankdata(values, axis=0, nan_policy="omit"), dtype=float)


def _kendall(values: Array, others: Array) -> Array:
    """Return tau-b of every column with every other: products of the signs of all differences."""
    if not (values.size and others.size):
        return np.full((values.shape[1], others.shape[1]), np.nan)
    agreeing, apart, other_apart = (np.zeros((values.shape[1], others.shape[1])) for _ in range(3))
    same = values is others
    rows = max(1, _CELLS // (len(values) * max(values.shape[1], others.shape[1])))
    for start in range(0, len(values), rows):
        sign, known = _signs(values, start, start + rows)
        other_sign, other_known = (sign, known) if same else _signs(others, start, start + rows)
        agreeing += sign.T @ other_sign
        apart += np.abs(sign).T @ other_known
        if not same:
            other_apart += known.T @ np.abs(other_sign)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = agreeing / (np.sqrt(apart) * np.sqrt(apart.T if same else other_apart))
    return np.asarray(np.clip(found, -1.0, 1.0))


def _signs(values: Array, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the signs of the differences of some rows to all rows, 0 at gaps, and where there is no gap."""
    differences = (values[start:stop, None, :] - values[None, :, :]).reshape(-1, values.shape[1])
    # Single precision is exact: fewer than 2²⁴ ones are added up at once, whatever the number of units.
    known = (~np.isnan(differences)).astype(np.float32)
    return np.nan_to_num(np.sign(differences).astype(np.float32)), known
