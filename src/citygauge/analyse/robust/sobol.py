"""Which factor an output varies with: Sobol indices of first and total order, all outputs at once."""

from __future__ import annotations

from dataclasses import dataclass
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
Ints = NDArray[np.int64]

LEAST_SHARE = 1e-12  # of the variance: a resample with less has drawn none of the samples that differ


@dataclass(frozen=True)
class Indices:
    """Sobol indices of factors for outputs.

    Attributes
    ----------
    first, total : (n_factors, n_outputs) float
        The share of the output's variance that goes with the factor alone, and with the factor and all its
        interactions; 0..1, but for the error of an estimate. NaN, never 0, for a constant output, which has
        no variance to share out, and for an output that is NaN in any run.
    first_low, first_high, total_low, total_high : (n_factors, n_outputs) float
        Ends of their intervals; NaN where none was asked for.
    variance : (n_outputs,) float
        Of the output, in its unit squared; 0 for a constant one.
    """

    first: Array
    total: Array
    first_low: Array
    first_high: Array
    total_low: Array
    total_high: Array
    variance: Array


class Sums:
    """The sums that the indices of a design need, gathered block by block.

    Parameters
    ----------
    n_factors, n_outputs : int
    offset : (n_outputs,) float, optional
        Taken off the outputs before they are multiplied, to keep the digits: best near their means, such as
        the outputs of the published method. The result is the same for any. 0 by default.
    groups : int
        Samples are summed in at most so many groups, sample `s` in group `s` modulo `groups`. Memory is
        ``8 (3 n_factors + 2) groups n_outputs`` bytes, however many samples come.

    Notes
    -----
    The sums have the same bits for any sizes of the blocks, if these come in the order of the samples.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, z = rng.random((2000, 2)), rng.random((2000, 2))
    >>> def output(x): return x @ [[1.0], [2.0]]
    >>> sums = Sums(2, 1)
    >>> for rows in (slice(0, 700), slice(700, 2000)):
    ...     one, other = x[rows], z[rows]
    ...     mixed = [np.where(np.arange(2) == factor, other, one) for factor in range(2)]
    ...     sums.add(output(one), output(other), np.stack([output(both) for both in mixed]))
    >>> sums.indices().total.round(1).ravel().tolist()  # exactly 1/5 and 4/5
    [0.2, 0.8]
    """

    def __init__(
        self, n_factors: int, n_outputs: int, *, offset: Array | None = None, groups: int = GROUPS
    ) -> None:
        self.n = 0
        self.n_factors = n_factors
        self.offset = np.zeros(n_outputs) if offset is None else np.asarray(offset, dtype=np.float64)
        if self.offset.shape != (n_outputs,):
            raise ValueError("offset needs one value for each output")
        self._sums = np.zeros((3 * n_factors + 2, groups, n_outputs))
        self._low, self._high = np.full(n_outputs, np.inf), np.full(n_outputs, -np.inf)

    def add(self, a: Numbers, b: Numbers, ab: Numbers) -> None:
        """Add the outputs of the next samples.

        Parameters
        ----------
        a, b : (n, n_outputs) numbers
            Of the two independent draws of all factors.
        ab : (n_factors, n, n_outputs) numbers
            Of the first draw with one factor taken from the second.

        Raises
        ------
        ValueError
            Where the shapes do not fit.
        """
        d, (_, groups, n_outputs) = self.n_factors, self._sums.shape
        if a.ndim != 2 or a.shape[1] != n_outputs or b.shape != a.shape or ab.shape != (d, *a.shape):
            raise ValueError(f"outputs of shapes {a.shape}, {b.shape}, {ab.shape} do not fit together")
        for rows, held in pieces(self.n, len(a), groups):
            one, other = a[rows] - self.offset, b[rows] - self.offset
            change = np.subtract(ab[:, rows], a[rows], dtype=np.float64)  # ranks may be unsigned
            self._sums[:d, held] += other * change
            self._sums[d : 2 * d, held] += change
            self._sums[2 * d : 3 * d, held] += change * change
            for draw in (one, other):
                self._sums[3 * d, held] += draw
                self._sums[3 * d + 1, held] += draw * draw
            for run in (a[rows], b[rows]):
                np.minimum(self._low, run.min(axis=0), out=self._low)
                np.maximum(self._high, run.max(axis=0), out=self._high)
        self.n += len(a)

    def indices(
        self,
        *,
        centred: bool = True,
        rng: np.random.Generator | None = None,
        n_boot: int = RESAMPLES,
        level: float = LEVEL,
    ) -> Indices:
        """Return the indices by the samples so far, as the function `indices` does by all at once."""
        if not self.n:
            raise ValueError("indices need one sample or more")
        d, n = self.n_factors, self.n
        whole = self._sums.sum(axis=1)
        mean = whole[-2] / (2 * n)
        off = mean if centred else -self.offset
        flat = is_flat(self._low, self._high)
        variance = np.where(flat, 0.0, (whole[-1] - 2 * n * mean**2) / (2 * n - 1))
        under = np.where(flat, np.nan, variance)
        first = (whole[:d] - off * whole[d : 2 * d]) / n / under
        total = whole[2 * d : 3 * d] / (2 * n) / under
        none = np.full_like(first, np.nan)
        found = Indices(first, total, none, none, none, none, variance)
        return found if rng is None or n == 1 else self._with_ends(found, off, (rng, n_boot, level))

    def _with_ends(self, found: Indices, off: Array, by: tuple[np.random.Generator, int, float]) -> Indices:
        """Indices with their intervals."""
        (rng, n_boot, level), d, n = by, self.n_factors, self.n
        sizes = group_sizes(n, self._sums.shape[1])[:, None]
        sums, under = self._sums[:, : len(sizes)], found.variance
        mean = sums[-2].sum(axis=0) / (2 * n)
        centres = sums[-2] - 2 * sizes * mean
        squares = sums[-1] - 2 * mean * sums[-2] + 2 * sizes * mean**2
        counts = bootstrap_counts(rng, n_boot, len(sizes))
        drawn = counts @ sizes
        redrawn = (counts @ squares - (counts @ centres) ** 2 / (2 * drawn)) / (2 * drawn - 1)
        told = redrawn > LEAST_SHARE * np.where(under > 0, under, np.nan)

        step = _step(squares, sizes)
        spread = np.empty((2, *found.first.shape))
        for i in range(d):
            change = sums[2 * d + i]
            alone = ratio_spread(counts @ (sums[i] - off * sums[d + i]), drawn * redrawn, told)
            with np.errstate(divide="ignore", invalid="ignore"):  # of constant outputs
                unseen = np.sqrt(step * _step(change, sizes)) / n / under
            spread[0, i] = np.hypot(alone, unseen)
            spread[1, i] = ratio_spread(counts @ change, 2 * drawn * redrawn, told)
        first, total = found.first, found.total
        about = normal_reach(level) * spread
        factor = np.exp(np.divide(about[1], total, out=np.zeros_like(total), where=total > 0))
        return Indices(
            first, total, first - about[0], first + about[0], total / factor, total * factor, found.variance
        )


def indices(
    a: Numbers,
    b: Numbers,
    ab: Numbers,
    *,
    centred: bool = True,
    rng: np.random.Generator | None = None,
    n_boot: int = RESAMPLES,
    level: float = LEVEL,
) -> Indices:
    """Return the Sobol indices of first and total order by the runs of a Saltelli design.

    Parameters
    ----------
    a, b : (n, n_outputs) numbers
        The outputs at two independent draws of all factors, n times. The factors must be independent of each
        other; their kind does not matter, categories too.
    ab : (n_factors, n, n_outputs) numbers
        The outputs at the first draw with one factor taken from the second.
    centred : bool
        Take the mean of `a` and `b` off the outputs first. Without, the error of the first order grows with
        the mean over the standard deviation, beyond use for a rank of 40 ± 1; so does COINr, whose figures
        `centred=False` gives. The total order is the same.
    rng : Generator, optional
        What the bootstrap draws from; without it there are no intervals.
    n_boot : int
        Resamples, 2 or more: 250 tell the length of an interval to 4.5 %.
    level : float, between 0 and 1
        The share of such intervals that are to hold the true index.

    Returns
    -------
    Indices
        ``S_i = mean(y_B (y_ABi - y_A)) / V`` and ``T_i = mean((y_ABi - y_A)²) / 2V`` with V the variance
        (n - 1) of `a` and `b` together. Estimates: they may pass 0 and 1, and their sum may.

    Raises
    ------
    ValueError
        For shapes that do not fit, no samples, `n_boot` below 2 or a `level` outside 0..1.

    Notes
    -----
    Whole samples are drawn again with replacement, from 1,024 samples on their sums in groups (see `Sums`),
    and V is estimated anew in each resample; the mean taken off stays, it counts in the second order only.
    Of the standard deviation s of the resampled indices the intervals are ``S ± z s`` and
    ``T exp(± z s / T)``. A resample without any sample that differs is left out.

    To s of the first order ``g_y g_i / (n V)`` is added in quadrature: what one more sample would add in
    which both runs step. `g_y²` is the spread (m₄ - m₂²)/m₂ of the squared deviations of the output, `g_i²`
    of those of its changes with the factor. For smooth outputs that is nothing; but of an output that steps
    in a few of 1,000 samples only, such as the rank of a unit that is nearly sure, no sample may show a
    coincidence, and the bootstrap alone is then far too sure. An interval from 0 to 0 says that no sample
    changed with the factor: the total index may still be of the order of the output's
    ``3 (largest step)² / (2 n V)``.

    Sources: Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018, table 2 (b) and (f), the latter Jansen's,
    doi:10.1016/S0010-4655(98)00154-4; bootstrap as Archer, Saltelli and Sobol 1997,
    doi:10.1080/00949659708811825, the kind of interval and the addition by measured coverage.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.random((4000, 2)), rng.random((4000, 2))
    >>> ab = np.stack([np.column_stack([b[:, 0], a[:, 1]]), np.column_stack([a[:, 0], b[:, 1]])])
    >>> weights = np.array([[1.0], [2.0]])  # exactly 1/5 and 4/5
    >>> found = indices(a @ weights, b @ weights, ab @ weights, rng=rng)
    >>> found.first.round(1).ravel().tolist()
    [0.2, 0.8]
    >>> bool(found.total_low[1, 0] < 0.8 < found.total_high[1, 0])
    True
    """
    if a.ndim != 2 or not len(a):
        raise ValueError("indices need one sample or more, in rows, of one output or more, in columns")
    sums = Sums(len(ab), a.shape[1], offset=(a.mean(axis=0) + b.mean(axis=0)) / 2 if centred else None)
    sums.add(a, b, ab)
    return sums.indices(centred=centred, rng=rng, n_boot=n_boot, level=level)


def exact_indices(levels: Ints, outputs: Array) -> Indices:
    """Return the Sobol indices of first and total order that a full factorial has, without error.

    Parameters
    ----------
    levels : (n_runs, n_factors) int
        Codes of each factor's level; every combination of them in one run, in any order.
    outputs : (n_runs, n_outputs) float

    Returns
    -------
    Indices
        ``S_i = Var(E[y | x_i]) / Var(y)`` and ``T_i = E[Var(y | all but x_i)] / Var(y)``, which is
        ``1 - Var(E[y | all but x_i]) / Var(y)``, with variances over the whole population (n) and levels
        equally likely. The ends of the intervals are the indices themselves.

    Raises
    ------
    ValueError
        Where a combination is absent or there twice.

    Notes
    -----
    Source: Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018.

    Examples
    --------
    >>> found = exact_indices(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [0], [0], [1]]))
    >>> found.first.round(4).ravel().tolist(), found.total.round(4).ravel().tolist()
    ([0.3333, 0.3333], [0.6667, 0.6667])
    """
    coded = [np.unique(column, return_inverse=True) for column in np.asarray(levels).T]
    shape = tuple(len(found) for found, _ in coded)
    place = np.ravel_multi_index(tuple(code for _, code in coded), shape)
    if len(outputs) != len(place) or not np.array_equal(np.sort(place), np.arange(np.prod(shape))):
        raise ValueError("the runs must hold every combination of the factors' levels once")
    grid = outputs[np.argsort(place)].reshape(*shape, -1)
    axes = tuple(range(len(shape)))
    flat = is_flat(outputs.min(axis=0), outputs.max(axis=0))
    variance = np.where(flat, 0.0, outputs.var(axis=0))
    under = np.where(flat, np.nan, variance)
    alone = [grid.mean(axis=tuple(j for j in axes if j != i)).var(axis=0) for i in axes]
    rest = [grid.var(axis=i).mean(axis=axes[:-1]) for i in axes]
    first, total = np.stack(alone) / under, np.stack(rest) / under
    return Indices(first, total, first, first, total, total, variance)


def _step(squares: Array, sizes: Array) -> Array:
    """The square of how far an output steps where it does: the spread of its squares over their mean."""
    whole: Array = squares.sum(axis=0)
    spread: Array = ((squares - sizes * whole / sizes.sum()) ** 2).sum(axis=0)
    return np.divide(spread, whole, out=np.zeros_like(spread), where=whole > 0)
