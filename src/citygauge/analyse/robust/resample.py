"""Sums of terms over groups of samples, and their bootstrap: what Sobol indices and Shapley effects share."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

GROUPS = 1024  # of samples, at most: what a bootstrap draws from
RESAMPLES = 250
LEVEL = 0.95
PIECE = 128  # rows worked on at once, so that they stay in the cache
FLAT = 1e-12  # a column of a smaller relative range has no spread but for rounding


def pieces(first: int, n: int, groups: int) -> Iterator[tuple[slice, slice]]:
    """Yield the rows of a block of samples by and by, each with the groups they belong to.

    Parameters
    ----------
    first : int
        The number of the block's first sample, from 0.
    n : int
        Samples of the block.
    groups : int
        Sample `s` belongs to group `s` modulo `groups`, so that the groups are the same for any blocks.

    Examples
    --------
    >>> list(pieces(6, 3, 8))
    [(slice(0, 2, None), slice(6, 8, None)), (slice(2, 3, None), slice(0, 1, None))]
    """
    done = 0
    while done < n:
        group = (first + done) % groups
        length = min(n - done, groups - group, PIECE)
        yield slice(done, done + length), slice(group, group + length)
        done += length


def group_sizes(n: int, groups: int) -> Array:
    """Return how many of `n` samples each group holds that holds any.

    Examples
    --------
    >>> group_sizes(7, 4).tolist(), group_sizes(2, 4).tolist()
    ([2.0, 2.0, 2.0, 1.0], [1.0, 1.0])
    """
    return np.bincount(np.arange(n) % groups).astype(np.float64)


def bootstrap_counts(rng: np.random.Generator, n_boot: int, n: int) -> Array:
    """Return how often each of `n` groups is drawn in each resample, (n_boot, n) whole numbers.

    Raises
    ------
    ValueError
        For fewer than two resamples, which have no spread.

    Examples
    --------
    >>> bootstrap_counts(np.random.default_rng(1), 2, 3).sum(axis=1).tolist()
    [3.0, 3.0]
    """
    if n_boot < 2:
        raise ValueError("n_boot must be 2 or more")
    drawn = rng.integers(0, n, (n_boot, n)) + n * np.arange(n_boot)[:, None]
    return np.bincount(drawn.ravel(), minlength=n_boot * n).reshape(n_boot, n).astype(np.float64)


def ratio_spread(over: Array, under: Array, told: Flags) -> Array:
    """Return the standard deviation of resampled ratios.

    Parameters
    ----------
    over, under : (n_boot, n_outputs) float
    told : (n_boot, n_outputs) bool
        False where `under` is as good as zero, because no sample that differs was drawn: left out.

    Returns
    -------
    (n_outputs,) float
        NaN where fewer than two resamples are told, and where a sum is NaN.

    Examples
    --------
    >>> over, under = np.array([[1.0], [3.0], [5.0]]), np.array([[2.0], [2.0], [0.0]])
    >>> ratio_spread(over, under, under > 0).round(4).tolist()
    [0.7071]
    """
    found = np.divide(over, under, out=np.zeros_like(over), where=told)
    n = told.sum(axis=0)
    mean = found.sum(axis=0) / np.maximum(n, 1)
    squares = np.where(told, (found - mean) ** 2, 0.0).sum(axis=0)
    return np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)


def normal_reach(level: float) -> float:
    """Return how many standard deviations to either side hold the share `level` of a normal distribution.

    Examples
    --------
    >>> round(normal_reach(0.95), 4)
    1.96
    """
    if not 0 < level < 1:
        raise ValueError("level must lie between 0 and 1")
    return NormalDist().inv_cdf((1 + level) / 2)


def is_flat(low: Array, high: Array) -> Flags:
    """Return which columns of a smallest and a largest value are constant but for rounding.

    Examples
    --------
    >>> is_flat(np.array([1.0, 0.3]), np.array([2.0, 0.1 + 0.2])).tolist()
    [False, True]
    """
    return high - low <= FLAT * np.maximum(np.abs(low), np.abs(high))
