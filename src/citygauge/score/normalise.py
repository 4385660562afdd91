"""Indicators on one scale. Each function takes ``values (n_units, n_columns)`` and leaves NaN as NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import RubricLevel, Scheme
from citygauge.score.rank import RESOLUTION

Array = NDArray[np.float64]
NormaliseName = Literal["minmax", "zscore", "goalposts", "rubric", "points"]

# The parameters each method takes; a setting that its method ignores is refused.
PARAMETERS: dict[str, frozenset[str]] = {
    "minmax": frozenset({"low", "high"}),
    "zscore": frozenset({"mean", "sd"}),
    "goalposts": frozenset({"low", "high", "scale", "cut", "log"}),
    "rubric": frozenset({"scale"}),
    "points": frozenset({"scale"}),
}


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
    turned = values * direction
    least, most = _extremes(turned)
    with np.errstate(all="ignore"):
        return np.where(most > least, (turned - least) / (most - least) * (high - low) + low, np.nan)


def zscore(values: Array, direction: Array, mean: float = 0.0, sd: float = 1.0) -> Array:
    """Return each column with the given mean and standard deviation (n - 1).

    All NaN for a column without spread or with a single value. Source: OECD/JRC Handbook 2008, p. 85;
    COINr, ``n_zscore``.

    Examples
    --------
    >>> zscore(np.array([[1.0], [2.0], [3.0]]), np.array([1.0]), 10, 2).ravel()
    array([ 8., 10., 12.])
    """
    turned = values * direction
    count = (~np.isnan(turned)).sum(axis=0)
    least, most = _extremes(turned)
    with np.errstate(all="ignore"):
        centred = turned - np.nansum(turned, axis=0) / count
        spread = np.sqrt(np.nansum(centred**2, axis=0) / (count - 1))
        return np.where(most > least, centred / spread * sd + mean, np.nan)


def goalposts(
    values: Array,
    direction: Array,
    posts: tuple[Array, Array],
    onto: tuple[float, float] = (0.0, 1.0),
    *,
    cut: bool = True,
) -> Array:
    """Return how far each value stands between two fixed posts.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
        With -1 the low post is the best.
    posts : pair of (n_columns,) float
        The low and the high post, in the unit of the values.
    onto : pair of float
        What the worst and the best post become.
    cut : bool
        Values beyond a post count as the post.

    Returns
    -------
    array (n_units, n_columns)
        Source: UNDP, HDR 2023/24 technical note 1, eq. 1; COINr, ``n_goalposts``.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> goalposts(np.array([[52.5], [90.0]]), one, (one * 20, one * 85)).ravel()
    array([0.5, 1. ])
    """
    low, high = posts
    share = np.where(direction > 0, values - low, high - values) / (high - low)
    if cut:
        share = np.clip(share, 0.0, 1.0)
    return np.asarray(onto[0] + share * (onto[1] - onto[0]))


def rubric(
    values: Array, levels: Sequence[Sequence[RubricLevel]], onto: tuple[float, float] = (0.0, 1.0)
) -> Array:
    """Return the score that each column's rubric gives to the recorded level; NaN for a value that is none.

    Parameters
    ----------
    values : (n_units, n_columns) float
        Recorded levels.
    levels : sequence of rubrics
        One for each column.
    onto : pair of float
        What the scores 0 and 1 of a rubric become.
    """
    scores = np.full(values.shape, np.nan)
    for column, rungs in enumerate(levels):
        for rung in rungs:
            scores[values[:, column] == rung.value, column] = rung.score
    return onto[0] + scores * (onto[1] - onto[0])


def points(
    values: Array, schemes: Sequence[Scheme], full: Array, onto: tuple[float, float] = (0.0, 1.0)
) -> Array:
    """Return the share of its full marks that each recorded value earns under its column's scheme.

    Parameters
    ----------
    values : (n_units, n_columns) float
        What was recorded: a figure that falls into a band, or how many things or faults were counted.
    schemes : sequence of Scheme
        One for each column.
    full : (n_columns,) float
        Full marks. A count earns at most these, and what is taken off for faults is at most these.
    onto : pair of float
        What nothing and full marks become.

    Returns
    -------
    array (n_units, n_columns)
        Bands are exact at their edges; a value within 2⁻⁴⁰ of an edge, in proportion to it, counts as the
        edge, so that a quotient that is 0.85 on paper is 0.85. Source: the form of scoring is that of the
        inspection indicators for government websites (国办秘函〔2019〕19号): so many points off for each
        fault, never more than the item has.

    Examples
    --------
    >>> from citygauge.framework.scheme import parse_scheme
    >>> bands = parse_scheme(">=90: 5 ; >=80: 3 ; else: 0")
    >>> points(np.array([[90.0], [89.9], [12.0]]), [bands], np.array([5.0])).ravel()
    array([1. , 0.6, 0. ])
    >>> points(np.array([[1.0], [7.0]]), [parse_scheme("each: -0.5")], np.array([2.0])).ravel()
    array([0.75, 0.  ])
    """
    earned = np.empty(values.shape)
    for column, (scheme, marks) in enumerate(zip(schemes, full, strict=True)):
        counted = values[:, column]
        if scheme.bands:
            earned[:, column] = _in_bands(counted, scheme)
        else:
            start = marks if scheme.each < 0 else 0.0
            earned[:, column] = np.clip(start + scheme.each * counted, 0.0, marks)
    return np.asarray(onto[0] + earned / full * (onto[1] - onto[0]))


def _in_bands(values: Array, scheme: Scheme) -> Array:
    found = np.where(np.isnan(values), np.nan, scheme.otherwise)
    for band in reversed(scheme.bands):  # the first that holds the value has the last word
        is_edge = np.abs(values - band.edge) <= abs(band.edge) * RESOLUTION
        beyond = values > band.edge if scheme.upward else values < band.edge
        found[is_edge | beyond if band.closed else beyond & ~is_edge] = band.points
    return found


def _extremes(values: Array) -> tuple[Array, Array]:
    """Return minimum and maximum of every column, NaN for an empty one, without a warning."""
    return np.fmin.reduce(values, axis=0, initial=np.nan), np.fmax.reduce(values, axis=0, initial=np.nan)
