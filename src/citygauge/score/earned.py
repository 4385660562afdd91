"""Scores that are earned whatever the others do: fixed goalposts, rubrics, schemes of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import RubricLevel, Scheme
from citygauge.score.rank import RESOLUTION

Array = NDArray[np.float64]


@np.errstate(all="ignore")
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
    rises = np.asarray(direction) > 0
    share = values - np.where(rises, low, high)
    share /= np.where(low == high, np.nan, np.where(rises, high - low, low - high))
    if cut:
        np.clip(share, 0.0, 1.0, out=share)
    share *= onto[1] - onto[0]
    share += onto[0]
    return share


def scaled(
    values: Array, direction: Array, low: float = 0.0, high: float = 100.0, scale: float = 100.0
) -> Array:
    """Return ``(x - low) / (high - low) * scale``, and ``(high - x) / (high - low) * scale`` turned round.

    Parameters
    ----------
    values : (n_units, n_columns) float
    direction : (n_columns,) float
        With -1 the low end is the best, as for goalposts that are not cut.
    low, high : float
        What becomes 0 and `scale`, in the unit of the values.

    Returns
    -------
    array (n_units, n_columns)
        Without bounds. Source: COINr, ``n_scaled``, which for the direction -1 gives the same but for a
        constant, ``(low + high) / (high - low) * scale`` less.

    Examples
    --------
    >>> scaled(np.array([[10.0], [60.0]]), np.array([-1.0]), 0, 50).ravel()
    array([ 80., -20.])
    """
    ends = np.full(values.shape[1], low), np.full(values.shape[1], high)
    return goalposts(values, direction, ends, (0.0, scale), cut=False)


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
