"""Means that pay for balance: a unit whose children differ scores below one whose children are alike."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.score.means import arithmetic, counted, geometric
from citygauge.score.rank import RESOLUTION

Array = NDArray[np.float64]


def mpi(values: Array, weights: Array, penalty: Literal["-", "+"] = "-") -> Array:
    """Return Mazziotta-Pareto indices, ``M ± S²/M``: means with a penalty on what the children differ.

    Parameters
    ----------
    values : (n_units, n_children) float
        NaN = missing, skipped with its weight. The index is defined on scores normalised to z-scores with
        mean 100 and standard deviation 10, the adjusted index on min-max scores from 70 to 130: it differs
        in nothing else.
    weights : (n_children,) float
        Non-negative, any scale; a child of weight 0 has no influence.
    penalty : {"-", "+"}
        "-" where more is better (a welfare index), "+" where more is worse (a poverty index).

    Returns
    -------
    array (n_units,)
        `M` is the weighted mean, ``S² = Σw(x - M)² / Σw`` the weighted population variance, so that the
        penalty is `S` times the coefficient of variation ``S / M``. NaN where no child with a weight has a
        value and where the mean is negative or 0, unless all children are 0. A child that is far ahead can
        lower the index by gaining more. Source: De Muro, Mazziotta and Pareto 2011,
        doi:10.1007/s11205-010-9727-z; adjusted: Mazziotta and Pareto 2016, doi:10.1007/s11205-015-0998-2;
        weights: Mazziotta and Pareto, Weighting in composite indices construction,
        https://rieds-journal.org/rieds/article/view/154.

    Examples
    --------
    >>> mpi(np.array([[100.0, 100.0], [90.0, 110.0]]), np.array([1.0, 1.0]))
    array([100.,  99.])
    """
    values, weights = counted(values, weights)
    mean = arithmetic(values, weights[:, None])
    variance = arithmetic((values - mean) ** 2, weights[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        paid = np.where(mean > 0, variance / mean, np.where((mean == 0) & (variance == 0), 0.0, np.nan))
    return np.asarray(mean - paid if penalty == "-" else mean + paid)[:, 0]


def coupling(values: Array, weights: Array, low: float, high: float) -> Array:
    """Return coupling coordination degrees, ``sqrt(C·T)``, on the range of the scores.

    Parameters
    ----------
    values : (n_units, n_children) float
        Scores from `low` to `high`, brought to 0..1 first. NaN = missing, left out of `C` and `T`.
    weights : (n_children,) float
        Non-negative, any scale; they count in `T` alone. A child of weight 0 is left out of both.
    low, high : float
        The scores that are 0 and 1.

    Returns
    -------
    array (n_units,)
        ``low + sqrt(C·T) (high - low)``, where the coupling degree `C` is the geometric over the arithmetic
        mean of the children, all with the same weight, and the development `T` their weighted mean. `low`
        where a child is at `low`; NaN where one is below it and where no child with a weight has a value.
        It is no mean: children alike at a share `u` of the range come to its root, above all of them. With
        weights that differ, a better child can lower it.
        Source: Tang et al. 2021, doi:10.1016/j.scs.2021.103405 (not the changed `C` of Wang et al. 2021,
        doi:10.31497/zrzyxb.20210319).

    Examples
    --------
    >>> coupling(np.array([[25.0, 100.0], [64.0, 64.0]]), np.array([1.0, 1.0]), low=0, high=100)
    array([70.71067812, 80.        ])
    """
    values, weights = counted(values, weights)
    shares = (values - low) / (high - low)
    shares = np.where((shares < 0) & (shares > -RESOLUTION), 0.0, shares)  # low itself, but for rounding
    alike = np.ones((weights.size, 1))
    together, mean = geometric(shares, alike), arithmetic(shares, alike)
    with np.errstate(invalid="ignore", divide="ignore"):
        coupled = np.where(together == 0, together, together / mean)
    return np.asarray(low + np.sqrt(coupled * arithmetic(shares, weights[:, None])) * (high - low))[:, 0]
