"""How far values lie apart: within a column, and between groups of units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from citygauge.score.rank import RESOLUTION, rank

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_GROUPS = 2


class Parts(NamedTuple):
    """The squares of a column taken apart by group; see `variance_parts`."""

    between: float
    within: float
    eta_squared: float
    omega_squared: float


class Welch(NamedTuple):
    """Welch's test of equal means; see `welch`."""

    f: float
    df1: float
    df2: float
    p: float


class KruskalWallis(NamedTuple):
    """The test of Kruskal and Wallis; see `kruskal_wallis`."""

    h: float
    p: float
    epsilon_squared: float


def gini(values: Array) -> Array:
    """Return the Gini coefficient of every column.

    Parameters
    ----------
    values : (n_units, n_columns) float
        At least 0, on a scale with a true zero. NaN is left out.

    Returns
    -------
    array (n_columns,), 0..(n - 1) / n
        ``Σ_i (2 i - n - 1) x_(i) / (n Σ x)`` with the values in rising order: half the mean absolute
        difference of all n² pairs, over the mean. 0 where all have the same, ``(n - 1) / n`` where one unit
        has all. There is no small-sample correction, which would multiply by ``n / (n - 1)``. NaN for fewer
        than two values, where any is below 0, and where all are 0.

    Notes
    -----
    Source, also of the correction: Deltas 2003, doi:10.1162/rest.2003.85.1.226.

    Examples
    --------
    >>> gini(np.array([[1.0, 0.0], [3.0, 0.0], [np.nan, 4.0]])).round(3)
    array([0.25 , 0.667])
    """
    n = (~np.isnan(values)).sum(axis=0)
    rising = np.nan_to_num(np.sort(values, axis=0))  # NaN is last
    least, most = (f.reduce(values, axis=0, initial=np.nan) for f in (np.fmin, np.fmax))
    places = 2.0 * np.arange(1, len(values) + 1)[:, None] - n - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (places * rising).sum(axis=0) / (n * rising.sum(axis=0))
        defined = (n > 1) & (least >= 0) & (most > 0)
    return np.where(defined, np.where(least == most, 0.0, np.clip(found, 0.0, 1.0)), np.nan)


def coefficient_of_variation(figures: Mapping[str, Array]) -> Array:
    """Return the standard deviation over the mean of every column.

    Parameters
    ----------
    figures : mapping of str to array (n_columns,)
        ``mean``, ``sd``, ``min`` and ``max`` of the columns, as `analyse.statistics.statistics` has them.

    Returns
    -------
    array (n_columns,), at least 0
        NaN where there is no deviation and where the mean is not above 0; a mean that is no more than the
        rounding error of a sum (2⁻⁴⁰ of the largest value), such as that of z-scores, is 0.

    Examples
    --------
    >>> column = {"mean": [4.0, 0.0], "sd": [1.0, 1.0], "min": [3.0, -1.0], "max": [5.0, 1.0]}
    >>> coefficient_of_variation({name: np.array(each) for name, each in column.items()})
    array([0.25,  nan])
    """
    size = np.maximum(np.abs(figures["min"]), np.abs(figures["max"]))
    with np.errstate(invalid="ignore", divide="ignore"):
        is_above = figures["mean"] > RESOLUTION * size
        return np.where(is_above, figures["sd"] / figures["mean"], np.nan)


def variance_parts(values: Array, groups: Ints) -> Parts:
    """Return how much of the differences of units lies between groups, and how much within them.

    Parameters
    ----------
    values : (n_units,) float
        NaN is left out.
    groups : (n_units,) int
        The group of each unit, -1 = none; these are left out.

    Returns
    -------
    Parts
        ``between = Σ_g n_g (x̄_g - x̄)²`` and ``within = Σ_g Σ_i (x_gi - x̄_g)²``, which add up to ``total``;
        NaN without a value, 0 where all are equal. ``eta_squared = between / total``, 0..1, and
        ``omega_squared = (between - (k - 1) m) / (total + m)`` with ``m = within / (n - k)``, at most 1: the
        share in the population that the units stand for, below 0 where groups differ less than chance would
        have it. Both are NaN for fewer than two groups with a value and where all are equal, the second also
        where no group has two.

    Notes
    -----
    Source of omega squared: Kirk 1996, doi:10.1177/0013164496056005002.

    Examples
    --------
    >>> variance_parts(np.array([1.0, 3.0, 5.0, 7.0]), np.array([0, 0, 1, 1]))
    Parts(between=16.0, within=4.0, eta_squared=0.8, omega_squared=0.6363636363636364)
    """
    values, groups, ranks = _known(values, groups)
    if not values.size:
        return Parts(*[np.nan] * 4)
    if np.ptp(ranks) == 0:
        return Parts(0.0, 0.0, np.nan, np.nan)
    n, mean = _counts_and_means(values, groups)
    between = float((n * (mean - values.mean()) ** 2).sum())
    within = float(((values - mean[groups]) ** 2).sum())
    k, total = n.size, between + within
    if k < LEAST_GROUPS:
        return Parts(between, within, np.nan, np.nan)
    noise = within / (values.size - k) if values.size > k else np.nan
    return Parts(between, within, between / total, (between - (k - 1) * noise) / (total + noise))


def welch(values: Array, groups: Ints) -> Welch:
    """Return Welch's test of equal means of groups that may differ in spread.

    Parameters
    ----------
    values, groups
        See `variance_parts`.

    Returns
    -------
    Welch
        ``f``, its degrees of freedom ``df1, df2``, and ``p``, 0..1. With ``w_g = n_g / s_g²``, ``W = Σ w_g``,
        ``x̄ = Σ w_g x̄_g / W`` and ``Λ = Σ (1 - w_g / W)² / (n_g - 1)`` over k groups:
        ``f = Σ w_g (x̄_g - x̄)² / (k - 1) / (1 + 2 (k - 2) Λ / (k² - 1))``, ``df1 = k - 1``,
        ``df2 = (k² - 1) / (3 Λ)``. All are NaN for fewer than two groups with a value, and where any of these
        has a single one or no spread. With two groups f is the square of Welch's t.

    Notes
    -----
    Source: Welch 1951, doi:10.1093/biomet/38.3-4.330; as R's ``oneway.test``.

    Examples
    --------
    >>> found = welch(np.array([1.0, 3.0, 5.0, 7.0]), np.array([0, 0, 1, 1]))
    >>> found.f, found.df1, found.df2, round(found.p, 4)
    (8.0, 1.0, 2.0, 0.1056)
    """
    from scipy.special import fdtrc  # noqa: PLC0415 - slow to import

    values, groups, ranks = _known(values, groups)
    n, mean = _counts_and_means(values, groups)
    k = n.size
    if k < LEAST_GROUPS or any(np.ptp(ranks[groups == group]) == 0 for group in range(k)):
        return Welch(*[np.nan] * 4)
    weight = n * (n - 1) / np.bincount(groups, (values - mean[groups]) ** 2)
    share = weight / weight.sum()
    uneven = float(((1 - share) ** 2 / (n - 1)).sum())
    apart = float((weight * (mean - (share * mean).sum()) ** 2).sum())
    f = apart / (k - 1) / (1 + 2 * (k - 2) * uneven / (k**2 - 1))
    df1, df2 = float(k - 1), (k**2 - 1) / (3 * uneven)
    return Welch(f, df1, df2, float(fdtrc(df1, df2, f)))


def kruskal_wallis(values: Array, groups: Ints) -> KruskalWallis:
    """Return the test of Kruskal and Wallis: whether the ranks of some groups are higher than of others.

    Parameters
    ----------
    values, groups
        See `variance_parts`. Values tie as ranks do (`score.rank.rank`).

    Returns
    -------
    KruskalWallis
        ``h``, at least 0 and corrected for ties; ``p``, 0..1, by the χ² distribution with k - 1 degrees of
        freedom, which is rough where groups have fewer than 5 units; ``epsilon_squared = h / (n - 1)``, 0..1.
        All are NaN for fewer than two groups with a value, where no group has two, and where all values are
        equal.

    Notes
    -----
    Source: Kruskal and Wallis 1952, doi:10.1080/01621459.1952.10483441, by ``scipy.stats.kruskal``. Epsilon
    squared is the variance of the ranks that lies between the groups, over all of it.

    Examples
    --------
    >>> found = kruskal_wallis(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1]))
    >>> round(found.h, 6), round(found.p, 4), round(found.epsilon_squared, 6)
    (2.4, 0.1213, 0.8)
    """
    from scipy.stats import kruskal  # noqa: PLC0415 - slow to import

    values, groups, ranks = _known(values, groups)
    k = int(groups.max(initial=-1)) + 1
    if k < LEAST_GROUPS or values.size <= k or np.ptp(ranks) == 0:
        return KruskalWallis(*[np.nan] * 3)
    found = kruskal(*(-ranks[groups == group] for group in range(k)))
    h = float(found.statistic)
    return KruskalWallis(h, float(found.pvalue), h / (values.size - 1))


def _known(values: Array, groups: Ints) -> tuple[Array, Ints, Ints]:
    """Return the known values of grouped units, their groups numbered without a gap, and their ranks."""
    kept = ~np.isnan(values) & (groups >= 0)
    values = values[kept]
    numbered = np.unique(groups[kept], return_inverse=True)[1].astype(np.int64)
    return values, numbered, rank(values[:, None])[:, 0].astype(np.int64)


def _counts_and_means(values: Array, groups: Ints) -> tuple[Ints, Array]:
    n = np.bincount(groups)
    return n, np.bincount(groups, values) / n
