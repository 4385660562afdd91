"""How sure a correlation is: its 95 % interval, and what is left of it when a third column is held fixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.pairwise import Method, correlation

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NORMAL_975 = 1.959963984540054  # of the standard normal, so that 95 % lie between
LEAST_PARTIAL = 4
TOLD = 1e-12  # a column of which no larger share is left is told by another, but for rounding


def interval(found: Array, n: Ints, method: Method = "pearson") -> tuple[Array, Array]:
    """Return the ends of the 95 % interval of correlations.

    Parameters
    ----------
    found : array of float, -1..1
        Of any shape; NaN = none.
    n : array of int
        The number of units behind each.
    method : {"pearson", "spearman", "kendall"}

    Returns
    -------
    low, high : arrays, -1..1
        ``tanh(atanh(r) ∓ 1.96 s)`` with ``s = √(1 / (n - 3))`` for Pearson's r, ``√((1 + r²/2) / (n - 3))``
        for Spearman's, ``√(0.437 / (n - 4))`` for Kendall's tau. NaN where the correlation is, and for fewer
        than 4 units, of tau fewer than 5. Of ±1 both ends are ±1, which says nothing about how sure it is.

    Notes
    -----
    Approximations: of r for values that are jointly normal; of the other two poor for fewer than about 10
    units, for tau beyond ±0.8 and for Spearman's beyond ±0.95, and with many ties. Source: Fisher's z as R's
    ``cor.test`` has it; Bonett and Wright 2000, doi:10.1007/BF02294183, for tau after Fieller, Hartley and
    Pearson 1957, doi:10.1093/biomet/44.3-4.470.

    Examples
    --------
    >>> low, high = interval(np.array([0.5]), np.array([28]))
    >>> low.round(3), high.round(3)
    (array([0.156]), array([0.736]))
    """
    freedom = n - (4.0 if method == "kendall" else 3.0)
    squares = {"pearson": np.ones_like(found), "spearman": 1 + found**2 / 2}
    freedom = np.where(freedom > 0, freedom, np.nan)
    reach = NORMAL_975 * np.sqrt(squares.get(method, np.full_like(found, 0.437)) / freedom)
    with np.errstate(divide="ignore"):
        z = np.arctanh(found)
    return np.tanh(z - reach), np.tanh(z + reach)


def partial_correlation(one: Array, other: Array, given: Array) -> float:
    """Return Pearson's correlation of two columns among units that do not differ in a third.

    Parameters
    ----------
    one, other, given : (n_units,) float
        Units with a gap in any of them are left out.

    Returns
    -------
    float, -1..1
        ``(r₁₂ - r₁₃ r₂₃) / √((1 - r₁₃²)(1 - r₂₃²))``: the correlation of what is left of the two after a
        straight line on the third has been taken off each. NaN for fewer than 4 units, where a column has no
        spread, and where `given` tells one of the two to the last digit. Source: Yule 1907,
        doi:10.1098/rspa.1907.0028.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> round(partial_correlation(x + [0, 1, 0, 0, 1], x + [0, 1, 0, 1, 0], x), 3)
    0.174
    """
    columns = np.column_stack([one, other, given])
    columns = columns[~np.isnan(columns).any(axis=1)]
    if len(columns) < LEAST_PARTIAL:
        return float("nan")
    found, _ = correlation(columns)
    rest = 1 - found[:2, 2] ** 2
    if not (rest > TOLD).all():  # so of NaN
        return float("nan")
    left = (found[0, 1] - found[0, 2] * found[1, 2]) / np.sqrt(rest.prod())
    return float(np.clip(left, -1.0, 1.0))
