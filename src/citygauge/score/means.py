"""Means of children: batched ones for many parents at once, and those that sort, for one parent at a time.

All skip missing children together with their weights. Weights are never negative, on any scale, and a child
of weight 0 has no influence, whatever its value.
"""

from __future__ import annotations

from math import fsum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Number = TypeVar("Number", np.float64, np.int64)

WHOLE = 2**40  # what the weights of all children come to as whole numbers


def arithmetic(values: Array, weights: Array) -> Array:
    """Return weighted arithmetic means; missing children are skipped with their weights.

    Parameters
    ----------
    values : (n_units, n_children) float
        NaN = missing.
    weights : (n_children, n_parents) float
        Non-negative, 0 where a node is no child of the parent; any scale.

    Returns
    -------
    array (n_units, n_parents)
        NaN where no child with a weight has a value. Source: OECD/JRC Handbook 2008, p. 103.

    Examples
    --------
    >>> arithmetic(np.array([[1.0, 4.0], [np.nan, 4.0]]), np.array([[2.0], [1.0]])).ravel()
    array([2., 4.])
    """
    sums = _weigh(values, weights)
    if not np.isnan(sums).any():  # no gaps: what follows would add and divide the same
        return _ratio(sums, weights.sum(axis=0))
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0) @ weights, known @ weights)


def geometric(values: Array, weights: Array) -> Array:
    """Return weighted geometric means; shapes as in `arithmetic`.

    A child at 0 with a positive weight makes the parent 0; a negative one makes it NaN, because the mean
    is not defined there. Source: OECD/JRC Handbook 2008, p. 104.

    Examples
    --------
    >>> geometric(np.array([[1.0, 4.0], [0.0, 4.0]]), np.array([[1.0], [1.0]])).ravel()
    array([2., 0.])
    """
    if values.min(initial=1) > 0:  # no gaps either
        return np.exp(_ratio(_weigh(np.log(values), weights), weights.sum(axis=0)))
    logs = np.log(np.where(values > 0, values, 1.0)) @ weights
    return _unless_lost(np.exp(_ratio(logs, ~np.isnan(values) @ weights)), values, weights)


def harmonic(values: Array, weights: Array) -> Array:
    """Return weighted harmonic means, ``Σw / Σ(w/x)``; shapes as in `arithmetic`.

    A child at 0 with a positive weight makes the parent 0, the limit; a negative one makes it NaN.
    COINr, ``a_hmean`` (Becker et al. 2022, doi:10.21105/joss.04567), has the same values above 0.

    Examples
    --------
    >>> harmonic(np.array([[1.0, 3.0], [0.0, 3.0]]), np.array([[1.0], [1.0]])).ravel()
    array([1.5, 0. ])
    """
    least = np.finfo(float).tiny  # the inverse of anything smaller is infinite
    if values.min(initial=1) >= least:  # no gaps either
        with np.errstate(over="ignore"):
            return _ratio(weights.sum(axis=0), _weigh(1 / values, weights))
    inverses = np.where(values > 0, 1 / np.maximum(values, least), 0.0)
    with np.errstate(over="ignore"):
        below = inverses @ weights
    return _unless_lost(_ratio(~np.isnan(values) @ weights, below), values, weights)


def generalised(values: Array, weights: Array, power: float) -> Array:
    """Return weighted power means, ``(Σwx^p / Σw)^(1/p)``; shapes as in `arithmetic`.

    Parameters
    ----------
    values, weights
        As in `arithmetic`; missing children are skipped, where COINr's ``a_genmean`` gives up.
    power : float
        Finite. 1 is the arithmetic mean, 0 the geometric (the limit), -1 the harmonic; towards the
        infinities the mean goes to the best or the worst child, without overflow on the way.

    Returns
    -------
    array (n_units, n_parents)
        NaN where no child with a weight has a value, and, for powers other than 1, where one is negative.
        With a power of 0 or below, a child at 0 makes the parent 0. Source: Hardy, Littlewood and Pólya
        1934, Inequalities, ch. II.

    Examples
    --------
    >>> generalised(np.array([[1.0, 7.0]]), np.array([[1.0], [1.0]]), power=2).ravel()
    array([5.])
    """
    named = {1.0: arithmetic, 0.0: geometric, -1.0: harmonic}
    if float(power) in named:
        return named[float(power)](values, weights)
    means = np.empty((values.shape[0], weights.shape[1]))
    for parent, column in enumerate(weights.T):
        children, share = counted(values, column)
        usable = np.where(children > 0, children, np.nan)
        extreme = np.fmax if power > 0 else np.fmin
        scale = extreme.reduce(usable, axis=1, initial=np.nan)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            # Against the extreme child nothing grows without bound, and near power 0 no digits are lost.
            excess = np.where(children == 0, 0.0, usable)
            excess /= scale[:, None]
            np.log(excess, out=excess)
            excess *= power
            mean = arithmetic(np.expm1(excess, out=excess), share[:, None])[:, 0]
            means[:, parent] = scale * np.exp(np.log1p(mean) / power)
        means[(children == 0).any(axis=1) & np.isnan(scale), parent] = 0.0
    return _unless_lost(means, values, weights) if power < 0 else _unless_negative(means, values, weights)


def median(values: Array, weights: Array) -> Array:
    """Return weighted medians: half the weight lies on either side.

    Parameters
    ----------
    values : (n_units, n_children) float
        NaN = missing, skipped with its weight.
    weights : (n_children,) float
        Non-negative, any scale. Equal weights give the plain median.

    Returns
    -------
    array (n_units,)
        The value at which the weights added from below pass one half; midway to the next one where they
        come to just one half. NaN where no child with a weight has a value. Source: Cormen et al. 2009,
        Introduction to Algorithms, 3rd ed., problem 9-2.

    Examples
    --------
    >>> median(np.array([[1.0, 2.0, 9.0], [1.0, np.nan, 9.0]]), np.array([1.0, 1.0, 2.0]))
    array([5.5, 9. ])
    """
    values, weights = counted(values, weights)
    if not weights.size:
        return np.full(values.shape[0], np.nan)
    order, shares = _sorted(values, whole_shares(weights))
    reached = np.cumsum(shares, axis=1)
    total, slack = reached[:, -1:], weights.size  # each share is a rounded number
    lower = np.argmax(2 * reached >= total - slack, axis=1)
    upper = np.argmax(2 * reached > total + slack, axis=1)
    rows = np.arange(values.shape[0])
    return np.asarray((order[rows, lower] + order[rows, upper]) / 2)


def owa(values: Array, weights: Array, orness: float = 0.5) -> Array:
    """Return ordered weighted averages: weights go to places in the order, with importances.

    ``Σ (Q(s_j) - Q(s_{j-1})) b_j`` with the children ``b`` from the best to the worst, ``s_j`` the share of
    the weights of the best `j`, and the quantifier ``Q(r) = r^(1/orness - 1)``.

    Parameters
    ----------
    values, weights
        As in `median`.
    orness : float
        Between 0 and 1: 0.5 is the weighted arithmetic mean, towards 1 the best child counts most, towards
        0 the worst.

    Returns
    -------
    array (n_units,)
        NaN where no child with a weight has a value. Source: Yager 1988, doi:10.1109/21.87068; with
        importances Yager 1996, Quantifier guided aggregation using OWA operators, International Journal of
        Intelligent Systems 11, 49-73.

    Examples
    --------
    >>> owa(np.array([[1.0, 3.0]]), np.array([1.0, 1.0]), orness=1 / 3)
    array([1.5])
    """
    values, weights = counted(values, weights)
    if not weights.size:
        return np.full(values.shape[0], np.nan)
    order, shares = _sorted(-values, weights)
    reached = np.cumsum(shares, axis=1)
    quantified = _ratio(reached, reached[:, -1:]) ** (1 / orness - 1)
    steps = np.diff(quantified, axis=1, prepend=0.0)
    means = (np.where(np.isnan(order), 0.0, -order) * steps).sum(axis=1)
    return np.where(reached[:, -1] > 0, means, np.nan)


def counted(values: Array, weights: Array) -> tuple[Array, Array]:
    """Return the children that have a weight, with their weights ``(n_children,)``."""
    used = weights > 0
    return values[:, used], weights[used]


def whole_shares(weights: Array) -> Whole:
    """Return weights as whole numbers that come to 2⁴⁰, each off by at most one half.

    Sums of them are exact in any order, so that half of the weight is half of it. Where such a sum is held
    against a limit, the number of weights is its uncertainty.

    Examples
    --------
    >>> whole_shares(np.array([0.3, 0.1])) / 2**40
    array([0.75, 0.25])
    """
    return np.rint(weights * (WHOLE / fsum(weights))).astype(np.int64)


def _sorted(values: Array, shares: NDArray[Number]) -> tuple[Array, NDArray[Number]]:
    """Sort each row upwards, NaN last, and bring the shares along, 0 for NaN."""
    order = np.argsort(values, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    return values, np.where(np.isnan(values), shares.dtype.type(0), shares[order])


def _weigh(values: Array, weights: Array) -> Array:
    """Return ``values @ weights``; a single parent is added up row by row, without threads.

    The threads of a matrix product gain nothing to speak of there, and wait for many milliseconds where
    other work holds a processor.
    """
    if weights.shape[1] == 1:
        return np.asarray(np.vecdot(values, weights[:, 0]))[:, None]
    return values @ weights


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _unless_lost(means: Array, values: Array, weights: Array) -> Array:
    """Put 0 where a child with a weight is 0, then NaN where one is negative."""
    return _unless_negative(np.where(_met(values == 0, weights), 0.0, means), values, weights)


def _unless_negative(means: Array, values: Array, weights: Array) -> Array:
    return np.where(_met(values < 0, weights), np.nan, means)


def _met(marks: NDArray[np.bool_], weights: Array) -> NDArray[np.bool_]:
    """Return where a parent has a marked child with a weight."""
    if not marks.any():
        return np.zeros((), bool)
    return np.asarray(marks @ (weights > 0).astype(float) > 0)
