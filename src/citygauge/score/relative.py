"""Scores by comparison with the other units. Each takes ``values (n_units, n_columns)``, NaN stays NaN.

`direction (n_columns,)` is 1 or -1; -1 turns the column round first, so that more is better throughout.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.score.rank import rounded

Array = NDArray[np.float64]
Ties = Literal["min", "average", "max"]
_OF_TIES = {"min": 0.0, "average": 0.5, "max": 1.0}


@np.errstate(all="ignore")
def minmax(values: Array, direction: Array, low: float = 0.0, high: float = 100.0) -> Array:
    """Return each column stretched from its minimum to its maximum onto `low` to `high`.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN stays NaN.
    direction : (n_columns,) float
        1 or -1; -1 turns the column round before it is stretched.

    Returns
    -------
    array (n_units, n_columns), low..high
        All NaN for a column without spread. Source: OECD/JRC Handbook 2008, p. 85; COINr, ``n_minmax``.

    Examples
    --------
    >>> minmax(np.array([[1.0], [3.0], [5.0]]), np.array([-1.0])).ravel()
    array([100.,  50.,   0.])
    """
    scores = values * direction
    least, most = extremes(scores)
    scores -= least
    scores /= np.where(most > least, most - least, np.nan)
    scores *= high - low
    scores += low
    return scores


@np.errstate(all="ignore")
def zscore(
    values: Array, direction: Array, mean: float = 0.0, sd: float = 1.0, divisor: str = "n-1"
) -> Array:
    """Return each column with the given mean and standard deviation.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
    mean, sd : float
        Of the result, e.g. 100 and 10 for the index of Mazziotta and Pareto.
    divisor : {"n-1", "n"}
        Standard deviation of a sample, or of the population that the units are.

    Returns
    -------
    array (n_units, n_columns)
        All NaN for a column without spread or with a single value. Source: OECD/JRC Handbook 2008, p. 85;
        COINr, ``n_zscore`` (n - 1); De Muro, Mazziotta and Pareto 2011, doi:10.1007/s11205-010-9727-z (n).

    Examples
    --------
    >>> zscore(np.array([[1.0], [2.0], [3.0]]), np.array([1.0]), 10, 2).ravel()
    array([ 8., 10., 12.])
    """
    scores = values * direction
    count = (~np.isnan(scores)).sum(axis=0) - (0.0 if divisor == "n" else 1.0)
    least, most = extremes(scores)
    scores -= means(scores)
    spread = np.sqrt(sums(scores * scores) / count)
    scores /= np.where(most > least, spread, np.nan)
    scores *= sd
    scores += mean
    return scores


@np.errstate(all="ignore")
def vector(values: Array, direction: Array) -> Array:
    """Return each column divided by its Euclidean length, ``x / sqrt(sum x²)``, turned by its direction.

    Returns
    -------
    array (n_units, n_columns), -1..1
        All NaN for a column of zeros. Source: Hwang and Yoon 1981, doi:10.1007/978-3-642-48318-9, step 1 of
        TOPSIS, where costs are turned round only when the ideal is chosen: the distances are the same.

    Examples
    --------
    >>> vector(np.array([[3.0], [4.0]]), np.array([-1.0])).ravel()
    array([-0.6, -0.8])
    """
    scale = np.nan_to_num(np.maximum(*np.abs(extremes(values))))  # sums of squares stay within doubles
    scores = values / np.where(scale > 0, scale, np.nan)
    scores *= direction / np.sqrt(sums(scores * scores))
    return scores


def rank(values: Array, direction: Array, ties: Ties = "min") -> Array:
    """Return the rank of each value from below: 1 is the worst, the best value has the highest number.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
    ties : {"min", "average", "max"}
        Which of the ranks that ties take up they all get. Values within 2⁻⁴⁰ of the range are ties.

    Returns
    -------
    array (n_units, n_columns), 1..number of values
        Source: OECD/JRC Handbook 2008, p. 83; COINr, ``n_rank``.

    Examples
    --------
    >>> rank(np.array([[4.0], [7.0], [7.0], [9.0]]), np.array([1.0]), "average").ravel()
    array([1. , 2.5, 2.5, 4. ])
    """
    ranks = np.full(values.shape[::-1], np.nan)
    for row, key in enumerate(np.ascontiguousarray(rounded(values * direction).T)):
        order = np.argsort(key)  # NaN last
        ordered = key[order]
        first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        count = np.diff(first, append=ordered.size)
        place = first + 1.0 + (count - 1.0) * _OF_TIES[ties]
        ranks[row, order] = np.repeat(place, count)
    ranks[np.isnan(values.T)] = np.nan
    return np.ascontiguousarray(ranks.T)


def borda(values: Array, direction: Array, ties: Ties = "min") -> Array:
    """Return how many places each value stands above the worst one: `rank` - 1 (COINr, ``n_borda``).

    Examples
    --------
    >>> borda(np.array([[4.0], [7.0], [9.0]]), np.array([-1.0])).ravel()
    array([2., 1., 0.])
    """
    return rank(values, direction, ties) - 1.0


@np.errstate(all="ignore")
def percentile_rank(
    values: Array, direction: Array, ties: Ties = "min", onto: tuple[float, float] = (0.0, 1.0)
) -> Array:
    """Return the place of each value between the worst and the best, ``(rank - 1) / (n - 1)``.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
    ties : {"min", "average", "max"}
        As for `rank`.
    onto : pair of float
        What 0 and 1 become.

    Returns
    -------
    array (n_units, n_columns)
        n is the number of values of the column; NaN where it is 1. Source: COINr, ``n_prank``.

    Examples
    --------
    >>> percentile_rank(np.array([[4.0], [7.0], [9.0]]), np.array([1.0])).ravel()
    array([0. , 0.5, 1. ])
    """
    others = (~np.isnan(values)).sum(axis=0) - 1.0
    shares = rank(values, direction, ties) - 1.0
    shares /= np.where(others > 0, others, np.nan)
    return onto[0] + shares * (onto[1] - onto[0])


@np.errstate(all="ignore")
def ampi(
    values: Array,
    direction: Array,
    reference: Array | None = None,
    posts: tuple[Array, Array] | None = None,
) -> Array:
    """Return each column on the scale of the adjusted Mazziotta-Pareto index: 100 is the reference.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
    reference : (n_columns,) float, optional
        What becomes 100; by default, and where NaN, the mean of the column.
    posts : pair of (n_columns,) float, optional
        Lowest and highest value of all periods; by default, and where NaN, of the column.

    Returns
    -------
    array (n_units, n_columns), about 70..130
        ``70 + 60 (x - (reference - half)) / (2 half)`` with ``half = (high - low) / 2``, and 200 minus that
        for the direction -1. All NaN for a column without spread. Source: Mazziotta and Pareto 2016,
        doi:10.1007/s11205-015-0998-2.

    Examples
    --------
    >>> ampi(np.array([[10.0], [20.0], [30.0]]), np.array([1.0])).ravel()
    array([ 70., 100., 130.])
    """
    least, most = extremes(values)
    if posts is not None:
        least, most = (
            np.where(np.isnan(post), end, post) for post, end in zip(posts, (least, most), strict=True)
        )
    centre = means(values)
    if reference is not None:
        centre = np.where(np.isnan(reference), centre, reference)
    scores = values - centre
    scores *= direction * 60.0
    scores /= np.where(most > least, most - least, np.nan)
    scores += 100.0
    return scores


def extremes(values: Array) -> tuple[Array, Array]:
    """Return minimum and maximum of every column, NaN for an empty one, without a warning."""
    return np.fmin.reduce(values, axis=0, initial=np.nan), np.fmax.reduce(values, axis=0, initial=np.nan)


@np.errstate(all="ignore")
def means(values: Array) -> Array:
    """Return the mean of every column, NaN for an empty one, without a warning."""
    return np.asarray(sums(values) / (~np.isnan(values)).sum(axis=0))


def sums(values: Array) -> Array:
    """Return the sum of what is known in every column, 0 for an empty one."""
    total = values.sum(axis=0)
    return np.asarray(np.nansum(values, axis=0) if np.isnan(total).any() else total)
