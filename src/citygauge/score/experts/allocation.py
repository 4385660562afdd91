"""Points given by a panel: the shares they stand for, how far the experts agree, and who stands apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_APART = 3.5  # modified z-score from which a value is an outlier (Iglewicz and Hoaglin 1993)
_LEAST_APART = 0.05  # five points of a hundred are no dissent, however close the others are
_LEAST_EXPERTS = 4


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kendall's W, the intraclass correlation and the mean correlation of pairs; NaN where not defined."""

    concordance: float
    intraclass: float
    correlation: float


def shares(points: ArrayLike) -> Array:
    """Return the points of each expert as shares that add to 1.

    Parameters
    ----------
    points : (n_experts, n_codes) float, 0 or more
        A budget given out, or swings with 100 for the best. NaN leaves the shares of the whole row NaN.

    Returns
    -------
    array (n_experts, n_codes)
        NaN for an expert whose points are all 0. Source: OECD/JRC Handbook 2008, step 6 (budget
        allocation); von Winterfeldt and Edwards 1986, Decision Analysis and Behavioral Research (swings).

    Examples
    --------
    >>> shares([[60, 30, 10], [100, 50, 50]])
    array([[0.6 , 0.3 , 0.1 ],
           [0.5 , 0.25, 0.25]])
    """
    table = np.asarray(points, dtype=float)
    if (table < 0).any() or np.isinf(table).any():
        raise ValueError("points must be finite and not negative")
    total = table.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, table / np.where(total > 0, total, 1.0), np.nan)


def agreement(weights: ArrayLike) -> Agreement:
    """Return how far the experts agree; experts with a gap are left out.

    Parameters
    ----------
    weights : (n_experts, n_codes) float
        One row for each expert.
    """
    table = _complete(weights)
    return Agreement(kendall_w(table), intraclass(table), mean_correlation(table))


def kendall_w(values: ArrayLike) -> float:
    """Return Kendall's coefficient of concordance, from 0 (no agreement on the order) to 1 (the same order).

    Parameters
    ----------
    values : (n_experts, n_codes) float
        Only the order inside each row counts; ties share their mean rank, values that differ by less than
        1e-12 are ties. Experts with a gap are left out.

    Returns
    -------
    float
        W = 12·S / (m²·(n³ - n) - m·Σ T), with S the squared deviations of the rank sums and T = Σ (t³ - t)
        over the ties of an expert. NaN for fewer than two experts or codes, or where all is tied. Source:
        Kendall and Gibbons 1990, Rank Correlation Methods, ch. 6.

    Examples
    --------
    >>> kendall_w([[3, 2, 1], [30, 20, 10], [3, 2, 1]])
    1.0
    """
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

    table = np.round(_complete(values), 12)
    m, n = table.shape
    if m < 2 or n < 2:
        return float("nan")
    sums = rankdata(table, axis=1).sum(axis=0)
    ties = sum(
        float((counts**3 - counts).sum())
        for counts in (np.unique(row, return_counts=True)[1] for row in table)
    )
    whole = m**2 * (n**3 - n) - m * ties
    return float(12 * ((sums - sums.mean()) ** 2).sum() / whole) if whole > 0 else float("nan")


def intraclass(values: ArrayLike) -> float:
    """Return the intraclass correlation ICC(3,1) of single experts, from -1 / (k - 1) to 1 for k of them.

    Parameters
    ----------
    values : (n_experts, n_codes) float
        Experts with a gap are left out.

    Returns
    -------
    float
        (BMS - EMS) / (BMS + (k - 1)·EMS). This is the form without an effect of the judges, because all
        experts share out the same whole. NaN for fewer than two experts or codes, or where no figure differs.
        Source: Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420.

    Examples
    --------
    >>> intraclass([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    1.0
    """
    table = _complete(values).T
    n, k = table.shape
    if n < 2 or k < 2 or np.ptp(table) <= 1e-12:
        return float("nan")
    mean = table.mean()
    codes, judges = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    between = k * float(((codes - mean) ** 2).sum()) / (n - 1)
    error = float(((table - codes - judges + mean) ** 2).sum()) / ((n - 1) * (k - 1))
    whole = between + (k - 1) * error
    return (between - error) / whole if whole > 1e-15 else float("nan")


def mean_correlation(values: ArrayLike) -> float:
    """Return the mean Pearson correlation over all pairs of experts.

    Experts with a gap or with the same figure for all codes have no correlation and are left out; NaN where
    fewer than two remain.

    Examples
    --------
    >>> round(mean_correlation([[3, 2, 1], [6, 4, 2], [1, 2, 3]]), 4)
    -0.3333
    """
    table = _complete(values)
    table = table[np.ptp(table, axis=1) > 1e-12] if table.size else table
    if len(table) < 2:
        return float("nan")
    pairs = np.asarray(np.corrcoef(table))[np.triu_indices(len(table), 1)]
    return float(pairs.mean())


def standing_apart(weights: ArrayLike) -> NDArray[np.bool_]:
    """Tell which experts weigh far otherwise than the rest of the panel.

    Parameters
    ----------
    weights : (n_experts, n_codes) float
        Shares that add to 1 in each row, without gaps.

    Returns
    -------
    array (n_experts,) bool
        The distance of an expert is half the sum of the differences to the medians: the share of the whole
        that is placed elsewhere. Apart is who has more than 0.05 and a modified z-score of the distance above
        3.5 (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers). Nobody in a panel below four.

    Examples
    --------
    >>> standing_apart([[0.5, 0.5], [0.5, 0.5], [0.48, 0.52], [0.9, 0.1]])
    array([False, False, False,  True])
    """
    table = np.asarray(weights, dtype=float)
    if len(table) < _LEAST_EXPERTS:
        return np.zeros(len(table), dtype=bool)
    distance: Array = np.abs(table - np.median(table, axis=0)).sum(axis=1) / 2
    middle = float(np.median(distance))
    usual = float(np.median(np.abs(distance - middle)))
    far: NDArray[np.bool_] = distance > max(middle + _APART * usual / 0.6745 + 1e-12, _LEAST_APART + 1e-12)
    return far


def _complete(values: ArrayLike) -> Array:
    table = np.asarray(values, dtype=float)
    whole: Array = table[~np.isnan(table).any(axis=1)]
    return whole
