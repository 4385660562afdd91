"""Which units have similar profiles: Ward's clusters of the pillar scores, and how well they stand apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.step_table import chosen_codes
from citygauge.problems import Problems
from citygauge.result import Result

Array = NDArray[np.float64]

MOST_CLUSTERS = 6  # tried where no number is asked for
LEAST_UNITS = 3
LEAST_SHOWN = 3  # on illustrative data figures of fewer units would be those of one

_UNITS: dict[str, Any] = {"unit_code": pl.String, "cluster": pl.Int64, "silhouette": pl.Float64}
_PROFILES: dict[str, Any] = {
    "cluster": pl.Int64, "n": pl.Int64, "code": pl.String, "mean": pl.Float64,
}  # fmt: skip


def clusters(result: Result, codes: Sequence[str] | None = None, k: int | None = None) -> pl.DataFrame:
    """Return groups of units with similar profiles.

    Parameters
    ----------
    result : Result
    codes : sequence of str, optional
        Nodes that make the profile; by default the children of the index that count in its mean.
    k : int, optional
        The number of clusters; by default the one from 2 to 6 with the largest mean silhouette, the smallest
        of several.

    Returns
    -------
    DataFrame
        ``unit_code, cluster, silhouette``. Clusters are numbered by the mean index of their units, 1 = best.
        Both are null for a unit that lacks a score at any of the nodes, and the silhouette where there is
        one cluster alone; see `ward` and `silhouettes`. Scores are standardised first, a node without spread
        counts for nothing. Fewer clusters than asked for come where units are too much alike. On
        illustrative data under neutral names, sorted by them, with a `notice`.

    Raises
    ------
    InputError
        ``analyse.too-few-units`` for fewer than 3 complete units or fewer than `k`, ``analyse.bad-count``,
        ``compare.unknown-node``.

    Examples
    --------
    >>> clusters(result, k=3).sort("cluster")  # doctest: +SKIP
    """
    _, labels, widths = _grouped(result, codes, k)
    rows = [
        (unit, int(label) or None, number(width))
        for unit, label, width in zip(result.row_labels, labels, widths, strict=True)
    ]
    return noticed(pl.DataFrame(sorted(rows) if result.illustrative else rows, _UNITS, orient="row"), result)


def cluster_profiles(
    result: Result, codes: Sequence[str] | None = None, k: int | None = None
) -> pl.DataFrame:
    """Return the mean scores of each cluster.

    Parameters
    ----------
    result, codes, k
        See `clusters`.

    Returns
    -------
    DataFrame
        ``cluster, n, code, mean``, the index first and then the nodes of the profile; `n` units are in the
        cluster, the mean is over those with a score. On illustrative data with a `notice`, and means of
        fewer than 3 units are null.

    Raises
    ------
    InputError
        As `clusters`.

    Examples
    --------
    >>> cluster_profiles(result, k=3).pivot("cluster", index="code", values="mean")  # doctest: +SKIP
    """
    chosen, labels, _ = _grouped(result, codes, k)
    rows = []
    for label in range(1, int(labels.max(initial=0)) + 1):
        inside = labels == label
        for code in dict.fromkeys((result.framework.root.code, *chosen)):
            own = result.aggregated.column(code)[inside]
            own = own[~np.isnan(own)]
            told = own.size >= (LEAST_SHOWN if result.illustrative else 1)
            rows.append((label, int(inside.sum()), code, float(own.mean()) if told else None))
    return noticed(pl.DataFrame(rows, _PROFILES, orient="row"), result)


def standardised(values: Array) -> Array:
    """Return columns with mean 0 and standard deviation 1; zeros for one without spread.

    Parameters
    ----------
    values : (n, m) float
        No NaN; n at least 2, divided by n - 1.

    Examples
    --------
    >>> standardised(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """
    spread = values.std(axis=0, ddof=1)
    flat = np.ptp(values, axis=0) <= 1e-12 * np.abs(values).max(axis=0)
    return np.where(flat, 0.0, (values - values.mean(axis=0)) / np.where(flat, 1.0, spread))


def ward(values: Array, k: int | None = None) -> NDArray[np.int64]:
    """Return the cluster of each row by Ward's method.

    Parameters
    ----------
    values : (n, m) float
        No NaN; n at least 2.
    k : int, optional
        How many clusters at most; by default from 2 to 6 (and less than n) the number with the largest mean
        silhouette, the smallest of several.

    Returns
    -------
    array (n,) int
        From 1 in any order; fewer than `k` different ones where rows are equal.

    Notes
    -----
    Those two clusters are joined, again and again, that add least to the sum of squares within. Source:
    J. H. Ward, Hierarchical grouping to optimize an objective function, Journal of the American Statistical
    Association 58 (1963), 236-244, doi:10.1080/01621459.1963.10500845; scipy, ``linkage(method="ward")``.

    Examples
    --------
    >>> ward(np.array([[0.0], [0.1], [5.0], [5.2]])).tolist()
    [1, 1, 2, 2]
    """
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - slow to import

    joined = linkage(values, "ward")
    if k is not None:
        return np.asarray(fcluster(joined, k, "maxclust"), dtype=np.int64)
    best, most = np.ones(len(values), np.int64), -np.inf
    for count in range(2, min(MOST_CLUSTERS, len(values) - 1) + 1):
        labels = np.asarray(fcluster(joined, count, "maxclust"), dtype=np.int64)
        mean = float(silhouettes(values, labels).mean())
        if mean > most + 1e-9:  # not for NaN, of rows that are all alike
            best, most = labels, mean
    return best


def silhouettes(values: Array, labels: NDArray[np.int64]) -> Array:
    """Return for each row how much nearer its own cluster is than the next one.

    Parameters
    ----------
    values : (n, m) float
        No NaN.
    labels : (n,) int
        The cluster of each row.

    Returns
    -------
    array (n,), -1..1
        ``(b - a) / max(a, b)`` with a the mean Euclidean distance from the others of the row's cluster and b
        the smallest mean distance from another cluster; 0 for a row alone in its cluster, and where a and b
        are 0. NaN where all are in one cluster.

    Notes
    -----
    Source: P. J. Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20 (1987), 53-65,
    doi:10.1016/0377-0427(87)90125-7.

    Examples
    --------
    >>> silhouettes(np.array([[0.0], [1.0], [4.0]]), np.array([1, 1, 2])).round(3).tolist()
    [0.75, 0.667, 0.0]
    """
    names, at = np.unique(labels, return_inverse=True)
    if names.size < 2:
        return np.full(len(values), np.nan)
    from scipy.spatial.distance import cdist  # noqa: PLC0415 - slow to import

    member = np.eye(names.size)[at]
    size = member.sum(axis=0)
    total, rows = cdist(values, values) @ member, np.arange(len(values))
    own = total[rows, at] / np.maximum(size[at] - 1, 1)
    means = total / size
    means[rows, at] = np.inf
    other = means.min(axis=1)
    most = np.maximum(own, other)
    return np.asarray(np.where((size[at] > 1) & (most > 0), (other - own) / np.where(most > 0, most, 1), 0.0))


def _grouped(
    result: Result, codes: Sequence[str] | None, k: int | None
) -> tuple[tuple[str, ...], NDArray[np.int64], Array]:
    """Return the nodes, the cluster of each unit (0 for none, 1 the best), and its silhouette."""
    framework, table = result.framework, result.aggregated
    codes = framework.counted(framework.root.code) if codes is None else codes
    chosen = chosen_codes(table, framework, "aggregated", None, codes)
    values = table.values[:, [table.codes.index(code) for code in chosen]]
    whole = ~np.isnan(values).any(axis=1)
    _check(int(whole.sum()), chosen, k)
    profiles = standardised(values[whole])
    found = ward(profiles, k)
    index = result.index[whole]
    means = {name: _mean(index[found == name]) for name in np.unique(found).tolist()}
    place = {name: i for i, name in enumerate(sorted(means, key=lambda name: -means[name]), 1)}
    labels, widths = np.zeros(len(values), np.int64), np.full(len(values), np.nan)
    labels[whole] = [place[name] for name in found.tolist()]
    widths[whole] = silhouettes(profiles, found)
    return chosen, labels, widths


def _mean(index: Array) -> float:
    known = index[~np.isnan(index)]
    return float(known.mean()) if known.size else -np.inf


def _check(rows: int, codes: Sequence[str], k: int | None) -> None:
    problems = Problems()
    if k is not None and k < 1:
        problems.add("analyse.bad-count", name="k", value=k, least=1)
    least = max(LEAST_UNITS, k or 0)
    if rows < least or not codes:
        problems.add("analyse.too-few-units", codes=list(codes), rows=rows, least=least)
    problems.raise_errors()
