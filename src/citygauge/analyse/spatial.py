"""Whether neighbouring units have similar scores: Moran's I, of a node as a whole and unit by unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import known_node, noticed, number
from citygauge.analyse.step_table import chosen_codes
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result

Array = NDArray[np.float64]

EARTH_RADIUS = 6371.0088  # km, the mean radius of the WGS 84 ellipsoid (IUGG)
SIGNIFICANCE = 0.05
NO_CLUSTER = "none"

_GLOBAL: dict[str, Any] = {
    "code": pl.String, "level": pl.Int64, "n": pl.Int64, "k": pl.Int64, "moran": pl.Float64,
    "expected": pl.Float64, "z": pl.Float64, "p": pl.Float64, "p_permutation": pl.Float64,
}  # fmt: skip
_LOCAL: dict[str, Any] = {
    "unit_code": pl.String, "value": pl.Float64, "lag": pl.Float64, "local_moran": pl.Float64,
    "p_permutation": pl.Float64, "cluster": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moran:
    """Moran's I with its test; each figure NaN where it cannot be told."""

    statistic: float
    expected: float
    variance: float
    z: float
    p: float
    p_permutation: float


def spatial(
    result: Result, codes: Sequence[str] | None = None, k: int = 5, permutations: int = 999, seed: int = 0
) -> pl.DataFrame:
    """Return Moran's I of the scores of nodes: whether near units have similar ones.

    Parameters
    ----------
    result : Result
        Its units need the attributes ``lat`` and ``lon``, in degrees.
    codes : sequence of str, optional
        Nodes; by default all that have children.
    k : int
        The nearest units by great circle that count as neighbours, each with the weight 1/k.
    permutations : int
        Random rearrangements of the scores; 0 for none.
    seed : int

    Returns
    -------
    DataFrame
        ``code, level, n, k, moran, expected, z, p, p_permutation``. The `n` units are those with a score
        and a place; `k` is less than asked for where they are fewer. See `morans_i`; figures are null where
        they cannot be told. Where many nodes are tested, one in twenty is below 0.05 by chance. With a
        `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-attribute`` without the coordinates, ``analyse.bad-count``,
        ``compare.unknown-node``.

    Examples
    --------
    >>> spatial(result, ["Index"], k=4)  # doctest: +SKIP
    """
    lat, lon = _places(result, k, permutations)
    table, framework = result.aggregated, result.framework
    codes = framework.aggregates if codes is None else codes
    rows = []
    for code in chosen_codes(table, framework, "aggregated", None, codes):
        values = table.column(code)
        known = ~np.isnan(values + lat + lon)
        n, near = int(known.sum()), min(k, max(int(known.sum()) - 1, 0))
        weights = neighbour_weights(distances(lat[known], lon[known]), near)
        found = morans_i(values[known], weights, permutations, np.random.default_rng(seed))
        figures = (found.statistic, found.expected, found.z, found.p, found.p_permutation)
        rows.append((code, framework.levels[code], n, near, *(number(each) for each in figures)))
    return noticed(pl.DataFrame(rows, _GLOBAL, orient="row"), result)


def local_spatial(
    result: Result, code: str | None = None, k: int = 5, permutations: int = 999, seed: int = 0
) -> pl.DataFrame:
    """Return for each unit whether it stands among units that score as it does.

    Parameters
    ----------
    result : Result
        Not of illustrative data: where a unit lies tells who it is.
    code : str, optional
        A node, by default the index.
    k, permutations, seed
        See `spatial`.

    Returns
    -------
    DataFrame
        ``unit_code, value, lag, local_moran, p_permutation, cluster``: `lag` is the mean score of the
        neighbours, `local_moran` see `local_morans_i`. `cluster` says where `p_permutation` is at most 0.05
        on which side of the mean the unit and its neighbours lie: ``high-high``, ``low-low``, ``high-low``,
        ``low-high``; else ``none``. Null for units without a score or a place. The p-values are not
        corrected for the number of units.

    Raises
    ------
    InputError
        ``analyse.not-on-illustrative``, ``analyse.unknown-attribute``, ``analyse.bad-count``,
        ``compare.unknown-node``.

    Examples
    --------
    >>> local_spatial(result).filter(cluster="high-high")  # doctest: +SKIP
    """
    if result.illustrative:
        raise InputError([Problem("analyse.not-on-illustrative")])
    node = known_node(code, result.framework)
    lat, lon = _places(result, k, permutations)
    values = result.aggregated.column(node)
    known = ~np.isnan(values + lat + lon)
    weights = neighbour_weights(distances(lat[known], lon[known]), min(k, max(int(known.sum()) - 1, 0)))
    figures = np.full((4, values.size), np.nan)
    figures[0], figures[1, known] = values, weights @ values[known]
    figures[2:, known] = local_morans_i(values[known], weights, permutations, np.random.default_rng(seed))
    centre = values[known].mean() if known.any() else np.nan
    rows = [
        (
            unit,
            *(number(each) for each in figures[:, i]),
            _cluster(figures[:, i], centre) if known[i] else None,
        )
        for i, unit in enumerate(result.row_labels)
    ]
    return pl.DataFrame(rows, _LOCAL, orient="row")


def distances(lat: Array, lon: Array) -> Array:
    """Return the great-circle distance of every two places in km.

    Parameters
    ----------
    lat, lon : (n,) float
        Degrees north and east.

    Returns
    -------
    array (n, n)
        0 to 20015 km on a sphere of 6371.0088 km; within 0.6 % of the ellipsoid. NaN where a coordinate is.

    Notes
    -----
    Haversine: ``2 R arcsin √(sin²(Δφ/2) + cos φ₁ cos φ₂ sin²(Δλ/2))``. Source: R. W. Sinnott, Virtues of the
    haversine, Sky and Telescope 68 (1984), 159.

    Examples
    --------
    >>> float(distances(np.array([0.0, 0.0]), np.array([0.0, 90.0]))[0, 1].round(1))
    10007.6
    """
    phi, lam = np.radians(lat), np.radians(lon)
    across = np.sin((phi[:, None] - phi) / 2) ** 2
    along = np.cos(phi)[:, None] * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(across + along, 0.0, 1.0))))


def neighbour_weights(distance: Array, k: int) -> Array:
    """Return weights of the `k` nearest others: 1/k each, 0 for all else and for oneself.

    Parameters
    ----------
    distance : (n, n) float
        No NaN. Of equally far ones, to 1e-6, those first in order count.
    k : int
        0 ≤ k < n, or 0 for no units.

    Returns
    -------
    array (n, n), rows add up to 1 (to 0 with `k` = 0)

    Examples
    --------
    >>> neighbour_weights(np.abs(np.subtract.outer([0.0, 1, 5], [0.0, 1, 5])), 1).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    weights = np.zeros(distance.shape)
    if k:
        apart = np.round(distance, 6) + np.diag(np.full(len(distance), np.inf))
        nearest = np.argsort(apart, axis=1, kind="stable")[:, :k]
        np.put_along_axis(weights, nearest, 1.0 / k, axis=1)
    return weights


def morans_i(
    values: Array, weights: Array, permutations: int = 0, rng: np.random.Generator | None = None
) -> Moran:
    """Return Moran's I of values with its expectation, variance and p-values.

    Parameters
    ----------
    values : (n,) float
        No NaN.
    weights : (n, n) float
        At least 0, with zeros on the diagonal; need not be symmetrical.
    permutations : int
    rng : Generator, optional
        By default one with the seed 0.

    Returns
    -------
    Moran
        ``I = n / S₀ · Σᵢⱼ wᵢⱼ zᵢ zⱼ / Σ zᵢ²`` with z the differences from the mean and S₀ = Σ wᵢⱼ; above its
        expectation ``-1 / (n - 1)`` where near values are alike. The variance is that under randomisation,
        `p` two-sided by the normal distribution. `p_permutation` is the share of rearrangements, the
        observed one among them, whose I lies at least as far from the expectation, on either side. NaN for
        all but the expectation for fewer than 3 values, for equal ones and without weights; for the test with
        fewer than 4, and where no arrangement differs from another.

    Notes
    -----
    Source: P. A. P. Moran, Notes on continuous stochastic phenomena, Biometrika 37 (1950), 17-23,
    doi:10.1093/biomet/37.1-2.17; variance: A. D. Cliff and J. K. Ord, Spatial Processes, Pion 1981. PySAL's
    pseudo p-value is one-sided, so about half of this one.

    Examples
    --------
    >>> row = np.eye(5, k=1) + np.eye(5, k=-1)
    >>> round(morans_i(np.arange(1.0, 6.0), row).statistic, 12)
    0.5
    """
    n, total = values.size, float(weights.sum())
    expected = -1.0 / (n - 1) if n > 1 else np.nan
    z = values - values.mean() if n else values
    if n < 3 or total == 0 or np.ptp(values) <= 1e-12 * np.abs(values).max():
        return Moran(np.nan, expected, np.nan, np.nan, np.nan, np.nan)
    found = float(n / total * (z @ weights @ z) / (z @ z))
    variance = _variance(z, weights)
    if not variance > 1e-12:  # also NaN, of fewer than 4 values
        return Moran(found, expected, variance, np.nan, np.nan, np.nan)
    from scipy.stats import norm  # noqa: PLC0415 - slow to import

    score = (found - expected) / float(np.sqrt(variance))
    p_permutation = np.nan
    if permutations:
        rng = np.random.default_rng(0) if rng is None else rng
        mixed = rng.permuted(np.broadcast_to(z, (permutations, n)), axis=1)
        drawn = n / total * np.einsum("ri,ri->r", mixed @ weights, mixed) / (z @ z)
        p_permutation = _share_as_far(drawn - expected, found - expected)
    return Moran(found, expected, variance, score, float(2 * norm.sf(abs(score))), p_permutation)


def local_morans_i(
    values: Array, weights: Array, permutations: int = 0, rng: np.random.Generator | None = None
) -> Array:
    """Return the local Moran's I of each value, and its p-value by conditional permutation.

    Parameters
    ----------
    values, weights, permutations, rng
        See `morans_i`.

    Returns
    -------
    array (2, n)
        First ``Iᵢ = zᵢ / m₂ · Σⱼ wᵢⱼ zⱼ`` with m₂ = Σ z² / n: above 0 where a value and its neighbours lie on
        the same side of the mean. They add up to S₀ I. Then the share of arrangements of the other values
        among the other places, the observed one among them, whose Iᵢ lies at least as far from its
        expectation ``-zᵢ² / m₂ / (n - 1) · Σⱼ wᵢⱼ``, on either side. NaN as in `morans_i`.

    Notes
    -----
    Source: L. Anselin, Local indicators of spatial association, Geographical Analysis 27 (1995), 93-115,
    doi:10.1111/j.1538-4632.1995.tb00338.x, equations 12 and 13.

    Examples
    --------
    >>> row = np.eye(5, k=1) + np.eye(5, k=-1)
    >>> local_morans_i(np.arange(1.0, 6.0), row)[0].tolist()
    [1.0, 1.0, 0.0, 1.0, 1.0]
    """
    n, figures = values.size, np.full((2, values.size), np.nan)
    if n < 3 or weights.sum() == 0 or np.ptp(values) <= 1e-12 * np.abs(values).max():
        return figures
    z = values - values.mean()
    own = z / (z @ z / n)
    figures[0] = own * (weights @ z)
    if permutations:
        rng = np.random.default_rng(0) if rng is None else rng
        for i in range(n):
            others = np.delete(np.arange(n), i)
            mixed = rng.permuted(np.broadcast_to(z[others], (permutations, n - 1)), axis=1)
            expected = -own[i] * z[i] / (n - 1) * weights[i].sum()
            drawn = own[i] * (mixed @ weights[i, others])
            figures[1, i] = _share_as_far(drawn - expected, figures[0, i] - expected)
    return figures


def _variance(z: Array, weights: Array) -> float:
    """Return the variance of Moran's I when every arrangement is as likely; NaN for fewer than 4."""
    n = z.size
    if n < 4:
        return float("nan")
    s0 = weights.sum()
    s1 = ((weights + weights.T) ** 2).sum() / 2
    s2 = ((weights.sum(axis=0) + weights.sum(axis=1)) ** 2).sum()
    kurtosis = (z**4).mean() / (z**2).mean() ** 2
    first = n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    second = kurtosis * ((n * n - n) * s1 - 2 * n * s2 + 6 * s0**2)
    return float((first - second) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - 1 / (n - 1) ** 2)


def _share_as_far(drawn: Array, found: float) -> float:
    """Return the share of differences at least as large as the one found, which is one of them."""
    as_far = np.abs(drawn) >= abs(found) * (1 - 1e-9) - 1e-15
    return float((1 + as_far.sum()) / (1 + drawn.size))


def _cluster(figures: Array, centre: float) -> str:
    """Return the side of the mean on which a value and its neighbours lie, where the test says so."""
    value, lag, _, p = figures
    if not p <= SIGNIFICANCE:
        return NO_CLUSTER
    return f"{'high' if value > centre else 'low'}-{'high' if lag > centre else 'low'}"


def _places(result: Result, k: int, permutations: int) -> tuple[Array, Array]:
    """Return latitude and longitude of the units; refuse where the units or the settings do not allow it."""
    problems, known = Problems(), result.units.attributes
    for name in ("lat", "lon"):
        if name not in known:
            problems.add("analyse.unknown-attribute", Where("units.csv"), name=name, known=list(known))
    for name, count, least in (("k", k, 1), ("permutations", permutations, 0)):
        if count < least:
            problems.add("analyse.bad-count", name=name, value=count, least=least)
    problems.raise_errors()
    lat, lon = (result.units.numbers(name) for name in ("lat", "lon"))
    return np.where(np.abs(lat) <= 90, lat, np.nan), np.where(np.abs(lon) <= 180, lon, np.nan)
