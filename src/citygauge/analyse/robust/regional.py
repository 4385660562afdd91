"""Which settings lead where: the runs with an outcome held against those without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST = 10  # runs on either side of which a distribution is worth the name
_EXACT = 2_000  # runs up to which the exact distribution of the distance is affordable
_CELLS = 2**21  # numbers at once


@dataclass(frozen=True, slots=True)
class Regional:
    """How far the settings of the runs that meet a condition differ from those of the others.

    Attributes
    ----------
    distances : (n_factors, n_outputs) float, 0..1
        0 = the factor has no part in whether the condition is met.
    p_values : (n_factors, n_outputs) float
        How often a factor without any part would come to such a distance or a larger one.
    met, unmet : (n_factors, n_outputs) int
        Runs on either side.
    """

    distances: Array
    p_values: Array
    met: NDArray[np.int64]
    unmet: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pawn:
    """PAWN indices ``(n_factors, n_outputs)``, 0..1: median and largest distance over the slices.

    `slices` ``(n_factors, n_outputs)`` tells how many there are.
    """

    median: Array
    largest: Array
    slices: NDArray[np.int64]


def regional(
    settings: ArrayLike, conditions: ArrayLike, categorical: ArrayLike, least: int = LEAST
) -> Regional:
    """Return for each factor how far its settings differ between the runs that meet a condition and others.

    Parameters
    ----------
    settings : (n_runs, n_factors) float
        The setting of each factor in each run: numbers, or whole numbers that stand for categories. NaN =
        the factor had no part in the run, which is left out for it.
    conditions : (n_runs, n_outputs) bool, or float with 1 and 0
        Whether a run meets a condition, such as that a unit is among the first 10. NaN = neither; left out.
    categorical : (n_factors,) bool
        Which factors are categories.
    least : int, default 10
        Fewest runs on either side.

    Returns
    -------
    Regional
        The distance of a number is Kolmogorov's and Smirnov's, the largest ``|F(x) - G(x)|`` of the
        distribution functions on either side; of categories the total variation, ``½ Σ |f - g|``. NaN where
        a side has fewer than `least` runs, which is not a distance of 0. The p-values of numbers are those of
        `scipy.stats.ks_2samp`: exact up to 2,000 runs, beyond them by its limit for large samples; those of
        categories are of the χ² test of homogeneity, rough where a category has fewer than 5 runs. Both take
        the runs as independent draws: in a quasi-random sample they are too large, and of many pairs some
        are small by chance. A factor with one setting alone has the distance 0 and the p-value 1.

    Raises
    ------
    ValueError
        When shapes do not fit together, a condition is neither 0 nor 1, or a category is no whole number.

    Notes
    -----
    Sources: Hornberger and Spear 1981, An approach to the preliminary analysis of environmental systems,
    Journal of Environmental Management 12, 7-18; Saltelli et al. 2008, Global Sensitivity Analysis: The
    Primer, ch. 5, doi:10.1002/9780470725184.

    Examples
    --------
    >>> x = np.linspace(0, 1, 100)[:, None]
    >>> regional(x, x > 0.3, [False]).distances
    array([[1.]])
    """
    factors, kinds = _checked(settings, categorical)
    wanted = np.asarray(conditions, dtype=float)
    if wanted.ndim != 2 or len(wanted) != len(factors):
        raise ValueError(f"conditions {wanted.shape} must have {len(factors)} runs")
    if not (np.isnan(wanted) | (wanted == 0) | (wanted == 1)).all():
        raise ValueError("a condition is met (1), not met (0) or unknown (NaN)")
    shape = (factors.shape[1], wanted.shape[1])
    distances, p_values = np.full(shape, np.nan), np.full(shape, np.nan)
    met, unmet = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for factor in range(shape[0]):
        known = ~np.isnan(factors[:, factor])
        column = factors[known, factor]
        for part in _parts(len(column), shape[1]):
            sides = wanted[known, part] == 1, wanted[known, part] == 0
            inside, outside = (side.sum(axis=0) for side in sides)
            met[factor, part], unmet[factor, part] = inside, outside
            enough = (inside >= least) & (outside >= least)
            told = _of_categories if kinds[factor] else _of_numbers
            at = np.arange(shape[1])[part][enough]
            found = told(column, sides[0][:, enough], sides[1][:, enough])
            distances[factor, at], p_values[factor, at] = found
    return Regional(distances, p_values, met, unmet)


def pawn(
    settings: ArrayLike, outcomes: ArrayLike, categorical: ArrayLike, slices: int = 10, least: int = LEAST
) -> Pawn:
    """Return how far the distribution of each output differs where one factor is held in a slice.

    Parameters
    ----------
    settings, categorical
        As in `regional`.
    outcomes : (n_runs, n_outputs) float
        NaN = none; the run is left out for that output.
    slices : int, default 10
        Into how many parts the runs are cut by the quantiles of a number, equal settings never apart; each
        category is a slice.
    least : int, default 10
        Fewest runs of a slice; smaller ones are passed over.

    Returns
    -------
    Pawn
        Median and maximum over the slices of the largest ``|F(y) - F(y | slice)|``, with F of all runs. NaN
        where no slice is left. A factor without any part does not come to 0, because a slice of n runs
        strays from all of them by about ``0.87 / √n``: hold factors against one that is drawn at random and
        has no part.

    Raises
    ------
    ValueError
        When shapes do not fit together or a category is no whole number.

    Notes
    -----
    Sources: Pianosi and Wagener 2015, doi:10.1016/j.envsoft.2015.01.004; from one sample with slices Pianosi
    and Wagener 2018, doi:10.1016/j.envsoft.2018.07.019.

    Examples
    --------
    >>> x = np.linspace(0, 1, 100)[:, None]
    >>> found = pawn(x, x, [False], slices=4)
    >>> found.median, found.largest
    (array([[0.625]]), array([[0.75]]))
    """
    factors, kinds = _checked(settings, categorical)
    values = np.asarray(outcomes, dtype=float)
    if values.ndim != 2 or len(values) != len(factors):
        raise ValueError(f"outcomes {values.shape} must have {len(factors)} runs")
    shape = (factors.shape[1], values.shape[1])
    median, largest = np.full(shape, np.nan), np.full(shape, np.nan)
    counts = np.zeros(shape, np.int64)
    labels = [_slices(factors[:, i], None if kinds[i] else slices) for i in range(shape[0])]
    for part in _parts(len(values), shape[1]):
        order = np.argsort(values[:, part], axis=0)
        rising = np.take_along_axis(values[:, part], order, axis=0)
        last = np.ones(rising.shape, bool)  # of several runs with the same outcome
        last[:-1] = rising[1:] != rising[:-1]
        usable = ~np.isnan(rising)
        for factor, label in enumerate(labels):
            far = _far(label[order], usable, last, least)
            counts[factor, part] = (~np.isnan(far)).sum(axis=0)
            largest[factor, part] = np.fmax.reduce(far, axis=0, initial=np.nan)
            median[factor, part] = _median(far)
    return Pawn(median, largest, counts)


def _checked(settings: ArrayLike, categorical: ArrayLike) -> tuple[Array, Flags]:
    """Return settings and which are categories, of shapes that fit together."""
    factors, kinds = np.asarray(settings, dtype=float), np.asarray(categorical, dtype=bool)
    if factors.ndim != 2 or kinds.shape != (factors.shape[1],):
        raise ValueError(f"settings {factors.shape} must be runs × factors ({kinds.size})")
    codes = factors[:, kinds]
    if (codes[~np.isnan(codes)] % 1 != 0).any():
        raise ValueError("categories are whole numbers")
    return factors, kinds


def _parts(runs: int, outputs: int) -> Iterator[slice]:
    """Give the outputs in blocks that fit into memory."""
    step = max(1, _CELLS // max(runs, 1))
    for start in range(0, outputs, step):
        yield slice(start, min(start + step, outputs))


def _of_numbers(column: Array, inside: Flags, outside: Flags) -> tuple[Array, Array]:
    """Return Kolmogorov's and Smirnov's distance of each output, and its p-value."""
    from scipy.stats import ks_2samp, kstwo  # noqa: PLC0415 - slow to import

    order = np.argsort(column)
    last = np.flatnonzero(np.diff(column[order], append=np.inf) != 0)  # of several runs with one setting
    n, m = inside.sum(axis=0), outside.sum(axis=0)
    one, other = (np.cumsum(side[order], axis=0)[last] for side in (inside, outside))
    distances = np.abs(one / n - other / m).max(axis=0, initial=0.0)
    if column.size > _EXACT:
        return distances, np.asarray(kstwo.sf(distances, np.round(n * m / (n + m))))
    pairs = zip(inside.T, outside.T, strict=True)
    return distances, np.array([ks_2samp(column[a], column[b]).pvalue for a, b in pairs])


def _of_categories(column: Array, inside: Flags, outside: Flags) -> tuple[Array, Array]:
    """Return the total variation of each output, and the p-value of the χ² test of homogeneity."""
    from scipy.stats import chi2  # noqa: PLC0415 - slow to import

    members = (column == np.unique(column)[:, None]).astype(float)
    seen = np.stack([members @ inside, members @ outside])  # sides, categories, outputs
    sizes, totals = seen.sum(axis=1, keepdims=True), seen.sum(axis=0)
    shares = seen / sizes
    expected = sizes * totals / sizes.sum(axis=0)
    excess = np.divide((seen - expected) ** 2, expected, out=np.zeros_like(seen), where=expected > 0)
    freedom = np.maximum((totals > 0).sum(axis=0) - 1, 1)
    p_values = chi2.sf(excess.sum(axis=(0, 1)), freedom)
    return np.abs(shares[0] - shares[1]).sum(axis=0) / 2, np.asarray(p_values)


def _slices(column: Array, count: int | None) -> NDArray[np.int64]:
    """Return the number of the slice of each run, -1 where the factor had no part; each category is one."""
    known = ~np.isnan(column)
    found = np.full(column.size, -1)
    if count is None or not known.any():
        found[known] = np.unique(column[known], return_inverse=True)[1]
        return found
    edges = np.quantile(column[known], np.arange(1, count) / count)
    found[known] = np.searchsorted(edges, column[known], side="right")
    return found


def _far(label: NDArray[np.int64], usable: Flags, last: Flags, least: int) -> Array:
    """Return how far each slice is from all runs, ``(n_slices, n_outputs)``, NaN where it is too small.

    `label` is the slice of each run in the order of the outcomes, column by column.
    """
    taken = usable & (label >= 0)
    whole = np.cumsum(taken, axis=0)
    found = np.full((int(label.max(initial=-1)) + 1, label.shape[1]), np.nan)
    for number in range(len(found)):
        own = np.cumsum(taken & (label == number), axis=0)
        enough = own[-1] >= max(least, 1)
        gaps = np.abs(own[:, enough] / own[-1, enough] - whole[:, enough] / whole[-1, enough])
        found[number, enough] = np.where(last[:, enough], gaps, 0.0).max(axis=0)
    return found


def _median(values: Array) -> Array:
    """Return the median of each column, gaps left out; NaN where there is nothing."""
    found = np.full(values.shape[1], np.nan)
    known = ~np.isnan(values).all(axis=0)
    if known.any():
        found[known] = np.nanmedian(values[:, known], axis=0)
    return found
