"""Whether the parts of a node measure one thing: Cronbach's alpha, and what principal components explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import known_node, noticed, number
from citygauge.analyse.pairwise import correlation, covariance
from citygauge.analyse.step_table import Step, chosen_codes, directions, step_table
from citygauge.indicators.table import Table
from citygauge.problems import InputError, Problem, Where
from citygauge.result import Result
from citygauge.score.weight_data import LEAST_ROWS, Components, TooFewRowsError, components

Array = NDArray[np.float64]

_ALPHA: dict[str, Any] = {
    "group": pl.String, "k": pl.Int64, "n_complete": pl.Int64, "alpha": pl.Float64,
    "alpha_standardised": pl.Float64,
}  # fmt: skip
_VARIANCE: dict[str, Any] = {
    "component": pl.Int64, "eigenvalue": pl.Float64, "sd": pl.Float64, "explained": pl.Float64,
    "cumulative": pl.Float64, "n_complete": pl.Int64,
}  # fmt: skip
_LOADINGS: dict[str, Any] = {"code": pl.String, "component": pl.Int64, "loading": pl.Float64}


def cronbach_alpha(values: Array) -> float:
    """Return Cronbach's alpha of columns as they are.

    Parameters
    ----------
    values : (n_units, k) float
        On one scale and turned so that higher is better. NaN is left out pair by pair.

    Returns
    -------
    float
        At most 1: ``k² c̄ / Σ C``, with C the covariance matrix (`covariance`) and c̄ the mean of what is off
        its diagonal; equal to ``k / (k - 1) · (1 - Σ var / var(sum))`` where nothing is missing. Below 0
        where the columns work against each other. A column without spread counts as one that goes with
        nothing. NaN for fewer than 2 columns, where any two share fewer than 3 units, and where the
        covariances add up to 0.

    Notes
    -----
    Source: Cronbach 1951, doi:10.1007/BF02310555; COINr, ``get_cronbach``.

    Examples
    --------
    >>> cronbach_alpha(np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]))
    1.0
    """
    return _alpha(covariance(values))


def standardised_alpha(values: Array) -> float:
    """Return Cronbach's alpha of columns that are each brought to the same spread.

    Parameters
    ----------
    values : (n_units, k) float
        Turned so that higher is better, on any scale. NaN is left out pair by pair.

    Returns
    -------
    float
        At most 1: ``k r̄ / (1 + (k - 1) r̄)`` with r̄ the mean correlation of two columns. NaN as in
        `cronbach_alpha`, and where a column has no spread.

    Notes
    -----
    Source: OECD/JRC Handbook 2008, step 4.

    Examples
    --------
    >>> round(standardised_alpha(np.array([[1.0, 20.0], [2.0, 30.0], [3.0, 40.0]])), 9)
    1.0
    """
    return _alpha(correlation(values)[0])


def consistency(
    result: Result,
    groups: Mapping[str, Sequence[str]] | None = None,
    step: Step = "aggregated",
) -> pl.DataFrame:
    """Return Cronbach's alpha of the children of every node, or of any list of nodes.

    Parameters
    ----------
    result : Result
    groups : mapping of str to sequence of str, optional
        Name → codes. By default every node with children that count in its mean; bonuses, deductions and
        vetoes do not.
    step : str
        See `step_table`. Before normalisation, columns where less is better are turned; as they are still on
        different scales there, only the standardised alpha can be read.

    Returns
    -------
    DataFrame
        ``group, k, n_complete, alpha, alpha_standardised``: of `k` columns, complete in `n_complete` units;
        null where it cannot be told. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-choice``, ``analyse.not-at-step``, ``compare.unknown-node``.

    Examples
    --------
    >>> consistency(result, {"all": result.framework.leaves})  # doctest: +SKIP
    """
    framework, table = result.framework, step_table(result, step)
    if groups is None:
        there = set(table.codes)
        counted = {code: framework.counted(code) for code in framework.aggregates}
        groups = {code: below for code, below in counted.items() if below and there.issuperset(below)}
    rows = []
    for name, codes in groups.items():
        chosen = chosen_codes(table, framework, step, None, codes)
        values = _turned(result, table, chosen, step)
        complete = int((~np.isnan(values).any(axis=1)).sum())
        rows.append(
            (name, len(chosen), complete, number(cronbach_alpha(values)), number(standardised_alpha(values)))
        )
    return noticed(pl.DataFrame(rows, _ALPHA, orient="row"), result)


def explained_variance(
    result: Result,
    parent: str | None = None,
    codes: Sequence[str] | None = None,
    step: Step = "aggregated",
) -> pl.DataFrame:
    """Return how much each principal component of the children of a node explains.

    Parameters
    ----------
    result : Result
    parent : str, optional
        By default the index.
    codes : sequence of str, optional
        Any nodes, in place of the children of one.
    step : str
        See `step_table`.

    Returns
    -------
    DataFrame
        ``component, eigenvalue, sd, explained, cumulative, n_complete``, the largest first: variances of the
        correlation matrix of the units without a gap, their roots and their shares in the sum; a node without
        spread has no component. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.no-children``, ``analyse.too-few-units`` for fewer than 3 complete units,
        ``analyse.unknown-choice``, ``analyse.not-at-step``, ``compare.unknown-node``.

    Notes
    -----
    See `score.weight_data.components`. Source: OECD/JRC Handbook 2008, step 4; COINr, ``get_PCA``.

    Examples
    --------
    >>> explained_variance(result, "Social")  # doctest: +SKIP
    """
    _, found, complete = _components(result, parent, codes, step)
    shares = zip(
        found.eigenvalues.tolist(), np.sqrt(found.eigenvalues).tolist(), found.explained.tolist(),
        found.cumulative.tolist(), strict=True,
    )  # fmt: skip
    rows = [(i, *share, complete) for i, share in enumerate(shares, 1)]
    return noticed(pl.DataFrame(rows, _VARIANCE, orient="row"), result)


def component_loadings(
    result: Result,
    parent: str | None = None,
    codes: Sequence[str] | None = None,
    step: Step = "aggregated",
) -> pl.DataFrame:
    """Return what each child of a node has to do with each principal component.

    Parameters
    ----------
    result, parent, codes, step
        See `explained_variance`.

    Returns
    -------
    DataFrame
        ``code, component, loading``; the loadings of a component have squares that add to 1. Its sign is
        arbitrary: here their sum is at least 0. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        As `explained_variance`.

    Examples
    --------
    >>> component_loadings(result, "Social").filter(component=1)  # doctest: +SKIP
    """
    chosen, found, _ = _components(result, parent, codes, step)
    rows = [
        (code, number_of + 1, float(found.loadings[row, number_of]))
        for row, code in enumerate(chosen)
        for number_of in range(found.eigenvalues.size)
    ]
    return noticed(pl.DataFrame(rows, _LOADINGS, orient="row"), result)


def _alpha(matrix: Array) -> float:
    """Return alpha from covariances; from correlations the standardised one."""
    k, total = matrix.shape[0], float(matrix.sum())
    if k < 2 or np.isnan(total) or abs(total) <= 1e-12 * float(np.abs(matrix).sum()):
        return float("nan")
    return float(k / (k - 1) * (total - np.trace(matrix)) / total)


def _turned(result: Result, table: Table, codes: Sequence[str], step: Step) -> Array:
    """Return columns of a table in which higher is better."""
    values = table.values[:, [table.codes.index(code) for code in codes]]
    return np.asarray(values * directions(result, codes, step))


def _components(
    result: Result, parent: str | None, codes: Sequence[str] | None, step: Step
) -> tuple[tuple[str, ...], Components, int]:
    """Return the nodes, their components, and the number of units that have them all."""
    framework, table = result.framework, step_table(result, step)
    node = known_node(parent, framework)
    if codes is None and not framework.counted(node):
        raise InputError([Problem("analyse.no-children", Where(), {"code": node})])
    chosen = chosen_codes(table, framework, step, None, codes or framework.counted(node))
    values = _turned(result, table, chosen, step)
    try:
        found = components(values)
    except TooFewRowsError as error:
        told = {"codes": list(chosen), "rows": error.rows, "least": LEAST_ROWS}
        raise InputError([Problem("analyse.too-few-units", Where(), told)]) from error
    return chosen, found, int((~np.isnan(values).any(axis=1)).sum())
