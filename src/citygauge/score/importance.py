"""How much each child of a parent finally counts in its score, beside what its weight says.

A weight is a rate of exchange between scores. How much of the differences in the parent's score goes with
a child depends also on how much the child varies and on what it varies with. Source of the comparison:
Paruolo, Saisana and Saltelli 2013, doi:10.1111/j.1467-985X.2012.01059.x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_PAIRS = 3
BANDWIDTHS = 10  # tried from the smallest that still reaches a neighbour up to the whole range
EXACT = 1e-12


@dataclass(frozen=True, slots=True)
class Importance:
    """What each child counts in the parent; all arrays are (n_children,).

    `correlation` is Pearson's r, `r2` its square, `eta2` the correlation ratio; `nominal`, `r2_shares` and
    `eta2_shares` add to 1 over the children that have one; `units` is how many units each rests on.
    """

    correlation: Array
    r2: Array
    eta2: Array
    nominal: Array
    r2_shares: Array
    eta2_shares: Array
    units: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fit:
    """A least squares fit ``parent = intercept + values @ weights``: `errors` are standard errors."""

    weights: Array
    errors: Array
    intercept: float
    r2: float


@dataclass(frozen=True, slots=True)
class Implied:
    """Weights that a parent's scores imply.

    `shares` (n_children,) add to 1 and come from the fit without negative weights, `fit`; `plain` has no
    such bound. `units` is how many complete units both rest on. Where not `determined`, other weights fit
    as well: there are too few units, or one child follows from others.
    """

    shares: Array
    fit: Fit
    plain: Fit
    units: int
    determined: bool


def correlations(values: Array, parent: Array) -> Array:
    """Return Pearson's correlation of each child with the parent, over the units known in both.

    Parameters
    ----------
    values : (n_units, n_children) float
    parent : (n_units,) float

    Returns
    -------
    array (n_children,), -1..1
        NaN where fewer than 3 units are known in both, or either has no spread among them.

    Examples
    --------
    >>> correlations(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, np.nan]]), np.array([2.0, 4.0, 6.0]))
    array([ 1., nan])
    """
    known = ~np.isnan(values) & ~np.isnan(parent)[:, None]
    units = known.sum(axis=0)
    x, y = np.where(known, values, np.nan), np.where(known, parent[:, None], np.nan)
    defined = (units >= LEAST_PAIRS) & _vary(x) & _vary(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = (np.where(known, side - np.nansum(side, axis=0) / units, 0.0) for side in (x, y))
        r = (x * y).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    return np.where(defined, np.clip(r, -1.0, 1.0), np.nan)


def correlation_ratio(child: Array, parent: Array) -> float:
    """Return which share of the parent's variance goes with the child, along whatever curve.

    Parameters
    ----------
    child, parent : (n_units,) float
        Units with a gap in either are left out.

    Returns
    -------
    float, 0..1
        ``eta² = Var(E(parent | child)) / Var(parent)``, the first-order sensitivity index. The curve is a
        local linear regression with a Gaussian kernel on the child's ranks (ties share their mean rank),
        of the bandwidth, among 10, with the least error when each unit is left out in turn; the straight
        line on the child's own values competes with them. Ranks are no loss, since eta² is the same for
        any rising transformation of the child, and they keep a few extreme units from carrying the curve.
        NaN where `correlations` has NaN. With few units it is rough: of 30 unrelated units it is about 0.07
        on average, and r² is 0.03; of a curve with many turns it finds less than there is. Source: Paruolo,
        Saisana and Saltelli 2013, doi:10.1111/j.1467-985X.2012.01059.x.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 41)
    >>> abs(correlations(x[:, None], x**2)[0]) < 1e-9, correlation_ratio(x, x**2) > 0.98
    (np.True_, True)
    """
    known = ~np.isnan(child) & ~np.isnan(parent)
    x, y = child[known], parent[known]
    r = float(correlations(x[:, None], y)[0])
    if np.isnan(r) or x.size < LEAST_PAIRS + 2:
        return r**2
    fitted, least = _line(x, y)
    ranks = _ranks(x)
    for bandwidth in np.geomspace(1.5 / x.size, 1.0, BANDWIDTHS):
        curve, error = _local_line(ranks, y, float(bandwidth))
        # A tie goes to the line: it is the simpler of two that predict alike.
        if error < least * (1 - 1e-6) - EXACT * np.var(y):
            fitted, least = curve, error
    return min(1.0, float(np.var(fitted)) / float(np.var(y)))


def importance(values: Array, parent: Array, nominal: Array) -> Importance:
    """Return what each child counts in the parent, beside what its weight says.

    Parameters
    ----------
    values : (n_units, n_children) float
        Scores of the children; NaN leaves a unit out for that child.
    parent : (n_units,) float
        Scores of the parent, or of any node above it.
    nominal : (n_children,) float
        Weights, of any scale.

    Returns
    -------
    Importance
        A child without spread, or with fewer than 3 units, has NaN. A child that runs against the parent
        shows by its negative correlation only: squares have no sign. Children overlap, so the measures
        themselves do not add to 1. Source: Paruolo, Saisana and Saltelli 2013,
        doi:10.1111/j.1467-985X.2012.01059.x.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 0.0], [3.0, 1.0]])
    >>> importance(x, x @ [0.5, 0.5], np.array([1.0, 1.0])).r2_shares.round(3)
    array([0.9, 0.1])
    """
    r = correlations(values, parent)
    eta2 = np.array([correlation_ratio(column, parent) for column in values.T])
    known = ~np.isnan(values) & ~np.isnan(parent)[:, None]
    return Importance(r, r**2, eta2, _scaled(nominal), _scaled(r**2), _scaled(eta2), known.sum(axis=0))


def implied_weights(values: Array, parent: Array) -> Implied:
    """Return the weights that reproduce the parent's scores best as a weighted sum of the children.

    Parameters
    ----------
    values : (n_units, n_children) float
    parent : (n_units,) float
        Units with any gap are left out.

    Returns
    -------
    Implied
        Least squares with an intercept, once with weights of at least 0 (Lawson and Hanson 1995,
        doi:10.1137/1.9781611971217, ch. 23) and once without that bound. The parent may be on another
        scale than the children: `shares` are free of it. Standard errors divide by n - k - 1, k the number
        of children; those of the bounded fit take it as known which weights are 0, which have none. A
        child without spread has the weight 0. Shares are NaN where no weight is positive, all is NaN where
        fewer than 2 units are complete or the parent has no spread.

    Examples
    --------
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0], [5.0, 4.0]])
    >>> found = implied_weights(x, 10 * (x @ [0.25, 0.75]) + 3)
    >>> found.shares.round(9), round(found.fit.intercept, 9), round(found.fit.r2, 9)
    (array([0.25, 0.75]), 3.0, 1.0)
    """
    from scipy.optimize import nnls  # noqa: PLC0415 - slow to import

    complete = ~np.isnan(values).any(axis=1) & ~np.isnan(parent)
    x, y = values[complete], parent[complete]
    units, count = x.shape
    if units < 2 or not _vary(y[:, None])[0]:
        nothing = Fit(np.full(count, np.nan), np.full(count, np.nan), np.nan, np.nan)
        return Implied(nothing.weights, nothing, nothing, units, determined=False)
    varying = _vary(x)
    scale = np.where(varying, np.std(x, axis=0), 1.0)
    standard = np.where(varying, (x - x.mean(axis=0)) / scale, 0.0)
    centred = y - y.mean()
    rank = int(np.linalg.matrix_rank(standard[:, varying], tol=1e-9 * np.sqrt(units))) if varying.any() else 0
    determined = bool(rank == varying.sum() and units > rank + 1)
    bounded = nnls(standard, centred)[0] / scale
    plain = np.linalg.lstsq(standard, centred, rcond=1e-10)[0] / scale
    fit = _fit(x, y, bounded, bounded > 0)
    shares = bounded / bounded.sum() if bounded.sum() > 0 else np.full(count, np.nan)
    return Implied(shares, fit, _fit(x, y, plain, varying), units, determined)


def _fit(x: Array, y: Array, weights: Array, free: NDArray[np.bool_]) -> Fit:
    """Return the fit with these weights; standard errors are those of the free ones."""
    intercept = float(y.mean() - x.mean(axis=0) @ weights)
    rest = y - intercept - x @ weights
    errors = np.full(weights.size, np.nan)
    used = x[:, free] - x[:, free].mean(axis=0)
    degrees = y.size - used.shape[1] - 1
    if used.shape[1] and degrees > 0 and np.linalg.matrix_rank(used) == used.shape[1]:
        spread = np.diag(np.linalg.inv(used.T @ used))
        errors[free] = np.sqrt(spread * (rest @ rest) / degrees)
    return Fit(weights, errors, intercept, float(1.0 - (rest @ rest) / ((y - y.mean()) ** 2).sum()))


def _vary(columns: Array) -> NDArray[np.bool_]:
    """Tell which columns have spread beyond the rounding of their values; NaN is left out."""
    least, most = (np.array(f.reduce(columns, axis=0, initial=np.nan)) for f in (np.fmin, np.fmax))
    with np.errstate(invalid="ignore"):
        return np.asarray(most - least > EXACT * np.maximum(np.abs(least), np.abs(most)))


def _scaled(measures: Array) -> Array:
    """Return the measures as shares of their sum; NaN stays NaN."""
    total = np.nansum(measures)
    return np.asarray(measures / total) if total > 0 else np.full(measures.shape, np.nan)


def _ranks(x: Array) -> Array:
    """Return mean ranks from 0 for the least possible to 1 for the highest."""
    ordered = np.sort(x)
    below, upto = np.searchsorted(ordered, x, "left"), np.searchsorted(ordered, x, "right")
    return np.asarray((below + upto - 1) / 2 / (x.size - 1))


def _left_out(y: Array, fitted: Array, leverage: Array) -> float:
    """Return the mean squared error when each unit is left out in turn; infinite where one carries itself."""
    free = 1.0 - leverage
    return float(np.mean(((y - fitted) / free) ** 2)) if free.min() > 1e-9 else float("inf")


def _line(x: Array, y: Array) -> tuple[Array, float]:
    centred = x - x.mean()
    total = centred @ centred
    fitted = y.mean() + centred * (centred @ y) / total
    return fitted, _left_out(y, fitted, 1.0 / x.size + centred**2 / total)


def _local_line(x: Array, y: Array, bandwidth: float) -> tuple[Array, float]:
    """Return the local linear regression at each unit, and its error when that unit is left out."""
    apart = x[None, :] - x[:, None]
    kernel = np.exp(-0.5 * (apart / bandwidth) ** 2)
    s0, s1, s2 = (np.sum(kernel * apart**power, axis=1) for power in (0, 1, 2))
    spread = s0 * s2 - s1**2
    # Where only one value of x is near, there is no slope to be had: the mean of its units is the fit.
    sloped = spread > 1e-10 * s0**2 * bandwidth**2
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = kernel * np.where(
            sloped[:, None], (s2[:, None] - s1[:, None] * apart) / spread[:, None], 1.0 / s0[:, None]
        )
    fitted = weights @ y
    return fitted, _left_out(y, fitted, np.diag(weights))
