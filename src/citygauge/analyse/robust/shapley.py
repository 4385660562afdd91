"""Which factor an output varies with where factors depend on each other: Shapley effects, which come to 1."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust.resample import (
    GROUPS,
    LEVEL,
    RESAMPLES,
    bootstrap_counts,
    group_sizes,
    is_flat,
    normal_reach,
    pieces,
    ratio_spread,
)

Array = NDArray[np.float64]
Numbers: TypeAlias = NDArray[Any]  # floats, or ranks as whole numbers

LEAST_SHARE = 1e-12  # of the variance: a resample with less has drawn none of the samples that differ


@dataclass(frozen=True)
class Effects:
    """Shapley effects of factors on outputs.

    Attributes
    ----------
    effect : (n_factors, n_outputs) float
        The share of the output's variance that the factor answers for, 0..1 but for the error of an
        estimate; those of all factors come to 1. NaN, never 0, for a constant output, and for an output that
        is NaN in any run.
    low, high : (n_factors, n_outputs) float
        Ends of their intervals; NaN where none was asked for.
    variance : (n_outputs,) float
        Of the output, in its unit squared, by the runs with all factors drawn anew; 0 for a constant one.
    """

    effect: Array
    low: Array
    high: Array
    variance: Array


class ShapleySums:
    """The sums that Shapley effects need, gathered block by block.

    Parameters
    ----------
    n_factors, n_outputs : int
    groups : int
        Samples are summed in at most so many groups, sample `s` in group `s` modulo `groups`. Memory is
        ``8 n_factors groups n_outputs`` bytes, however many samples and subsets come.

    Notes
    -----
    The sums have the same bits for any sizes of the blocks, if these come in the order of the samples.

    Examples
    --------
    >>> sums = ShapleySums(1, 1)
    >>> sums.add(np.array([[1.0], [2.0]]), np.array([[[3.0], [2.0]]]))
    >>> sums.add(np.array([[4.0]]), np.array([[[1.0]]]))
    >>> sums.effects().variance  # (4 + 0 + 9) / 3 / 2
    array([2.16666667])
    """

    def __init__(self, n_factors: int, n_outputs: int, *, groups: int = GROUPS) -> None:
        self.n = 0
        self._weights = shapley_weights(n_factors)
        self._sums = np.zeros((n_factors, groups, n_outputs))
        self._low, self._high = np.full(n_outputs, np.inf), np.full(n_outputs, -np.inf)

    def add(self, y: Numbers, redrawn: Numbers) -> None:
        """Add the outputs of the next samples.

        Parameters
        ----------
        y : (n, n_outputs) numbers
        redrawn : (2**n_factors - 1, n, n_outputs) numbers
            See `shapley_effects`.

        Raises
        ------
        ValueError
            Where the shapes do not fit.
        """
        subsets, (_, groups, n_outputs) = self._weights.shape[1], self._sums.shape
        if y.ndim != 2 or y.shape[1] != n_outputs or redrawn.shape != (subsets, *y.shape):
            raise ValueError(f"outputs of shapes {y.shape}, {redrawn.shape} do not fit together")
        for rows, held in pieces(self.n, len(y), groups):
            for subset in range(subsets):
                change = np.subtract(redrawn[subset, rows], y[rows], dtype=np.float64)
                change *= change
                for factor, weight in enumerate(self._weights[:, subset]):
                    self._sums[factor, held] += weight / 2 * change
            for run in (y[rows], redrawn[-1, rows]):
                np.minimum(self._low, run.min(axis=0), out=self._low)
                np.maximum(self._high, run.max(axis=0), out=self._high)
        self.n += len(y)

    def effects(
        self, *, rng: np.random.Generator | None = None, n_boot: int = RESAMPLES, level: float = LEVEL
    ) -> Effects:
        """Return the effects by the samples so far, as `shapley_effects` does by all at once."""
        if not self.n:
            raise ValueError("effects need one sample or more")
        whole = self._sums.sum(axis=1)
        flat = is_flat(self._low, self._high)
        under = np.where(flat, np.nan, whole.sum(axis=0))
        effect, variance = whole / under, np.where(flat, 0.0, under / self.n)
        if rng is None or self.n == 1:
            none = np.full_like(effect, np.nan)
            return Effects(effect, none, none, variance)

        used = len(group_sizes(self.n, self._sums.shape[1]))
        counts = bootstrap_counts(rng, n_boot, used)
        drawn = counts @ self._sums[:, :used].sum(axis=0)
        told = drawn > LEAST_SHARE * under
        spread = [ratio_spread(counts @ own[:used], drawn, told) for own in self._sums]
        about = normal_reach(level) * np.stack(spread)
        return Effects(effect, effect - about, effect + about, variance)


def shapley_effects(
    y: Numbers,
    redrawn: Numbers,
    *,
    rng: np.random.Generator | None = None,
    n_boot: int = RESAMPLES,
    level: float = LEVEL,
) -> Effects:
    """Return the Shapley effects of factors that may depend on each other.

    Parameters
    ----------
    y : (n, n_outputs) numbers
        The outputs at `n` independent draws of all factors.
    redrawn : (2**n_factors - 1, n, n_outputs) numbers
        The outputs at the same draws with the factors of one subset drawn anew, given those outside it.
        Subset number ``s = 1, 2, …`` at place ``s - 1`` holds factor `i` where bit `i` of `s` is set (1, 2,
        1 and 2, 3, 1 and 3 …); the last, all factors, is drawn anew wholly.
    rng : Generator, optional
        What the bootstrap draws from; without it there are no intervals.
    n_boot : int
        Resamples, 2 or more.
    level : float, between 0 and 1
        The share of such intervals that are to hold the true effect.

    Returns
    -------
    Effects
        With the cost ``c(S) = mean((y - y_S)²) / 2``, which estimates E[Var(y | all but S)], the effect of
        factor `i` of `d` is the sum over the subsets S without it of
        ``(c(S and i) - c(S)) / (d C(d - 1, |S|))``, over c(all). The interval is ``effect ± z s`` with s the
        standard deviation of the resampled effects, whole samples being drawn, from 1,024 on their sums in
        groups (see `ShapleySums`).

    Raises
    ------
    ValueError
        For shapes that do not fit, no samples, `n_boot` below 2 or a `level` outside 0..1.

    Notes
    -----
    Of independent factors an effect lies between the Sobol indices of first and total order. The number of
    runs doubles with each factor. Sources: Owen 2014, doi:10.1137/130936233; Song, Nelson and Staum 2016,
    doi:10.1137/15M1048070, for the cost; its estimate is as Jansen's of the total index.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.random((2, 4000, 2))
    >>> def output(x): return x @ [[1.0], [2.0]]  # exactly 1/5 and 4/5
    >>> subsets = [np.where([1, 0], b, a), np.where([0, 1], b, a), b]
    >>> found = shapley_effects(output(a), np.stack([output(x) for x in subsets]))
    >>> found.effect.round(1).ravel().tolist()
    [0.2, 0.8]
    """
    if y.ndim != 2 or not len(y):
        raise ValueError("effects need one sample or more, in rows, of one output or more, in columns")
    sums = ShapleySums((len(redrawn) + 1).bit_length() - 1, y.shape[1])
    sums.add(y, redrawn)
    return sums.effects(rng=rng, n_boot=n_boot, level=level)


def shapley_weights(n_factors: int) -> Array:
    """Return what each factor's effect takes of each subset's cost.

    Parameters
    ----------
    n_factors : int, 1 or more

    Returns
    -------
    (n_factors, 2**n_factors - 1) float
        ``1 / (d C(d - 1, k - 1))`` where the subset of `k` holds the factor, ``- 1 / (d C(d - 1, k))`` where
        it does not; subsets in the order of `shapley_effects`. The columns come to 0, the last one to 1.

    Examples
    --------
    >>> shapley_weights(2).tolist()
    [[0.5, -0.5, 0.5], [-0.5, 0.5, 0.5]]
    """
    weights = np.empty((n_factors, 2**n_factors - 1))
    for subset in range(1, 2**n_factors):
        size = subset.bit_count()
        for factor in range(n_factors):
            inside = subset >> factor & 1
            share = 1 / (n_factors * comb(n_factors - 1, size - inside))
            weights[factor, subset - 1] = share if inside else -share
    return weights
