"""How scores go with a size of the units, such as their GDP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.intervals import interval
from citygauge.analyse.pairwise import LEAST_PAIRS, METHODS, Method, correlation, kendall_p_value, p_value
from citygauge.analyse.step_table import chosen_codes
from citygauge.problems import InputError, Problem, Where
from citygauge.result import Result
from citygauge.score.rank import rounded
from citygauge.score.treat import FLAT

Array = NDArray[np.float64]

_RELATION: dict[str, Any] = {
    "code": pl.String, "level": pl.Int64, "n": pl.Int64, "left_out": pl.Int64, "log": pl.Boolean,
    **{
        name: pl.Float64
        for method in METHODS
        for name in (method, f"{method}_low", f"{method}_high", f"{method}_p")
    },
    "slope": pl.Float64, "intercept": pl.Float64, "r_squared": pl.Float64,
}  # fmt: skip


def relation(
    result: Result, attribute: str, codes: Sequence[str] | None = None, log: bool = True
) -> pl.DataFrame:
    """Return how the scores of nodes go with a numeric attribute of the units.

    Parameters
    ----------
    result : Result
    attribute : str
        A column of the units with numbers, such as GDP or residents.
    codes : sequence of str, optional
        Nodes; by default the index and its pillars.
    log : bool
        Take the logarithm to base 2 of the attribute first, so that cities of every size weigh alike and the
        slope is per doubling. Units where it is not above 0 are left out.

    Returns
    -------
    DataFrame
        ``code, level, n, left_out, log``, then ``pearson, pearson_low, pearson_high, pearson_p``, the same
        four of ``spearman`` and ``kendall``, then ``slope, intercept, r_squared``, in tree order. `n` units
        have a score and the attribute; `left_out` have a score and an attribute that has no logarithm. The
        intervals are at 95 % (`interval`), the p-values two-sided (`p_value`, `kendall_p_value`). `slope` is
        in points of the score, per doubling of the attribute with `log`, else per unit of it; `intercept` is
        the score on the line at an attribute of 1 with `log`, else of 0; `r_squared` is 0..1. Null for fewer
        than 3 units and where either side has no spread; a score without spread has slope 0. With a `notice`
        on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-attribute``, ``analyse.no-numbers``, ``compare.unknown-node``.

    Notes
    -----
    That scores go with wealth does not say that either makes the other, nor that the index measures wealth;
    indicators per head or per GDP hold the attribute in their denominators. Nothing is corrected for testing
    several nodes. Spearman's and Kendall's are the same with and without `log`, but for the units left out.

    Examples
    --------
    >>> relation(result, "gdp")  # doctest: +SKIP
    """
    table, framework = result.aggregated, result.framework
    size = _numbers(result, attribute)
    root = framework.root.code
    chosen = chosen_codes(
        table, framework, "aggregated", None, [root, *framework.counted(root)] if codes is None else codes
    )
    chosen = tuple(sorted(chosen, key=framework.codes.index))
    scores = table.values[:, [table.codes.index(code) for code in chosen]]
    has_score = ~np.isnan(scores)
    left_out = (has_score & (size <= 0)[:, None]).sum(axis=0) if log else np.zeros(len(chosen), np.int64)
    x = np.log2(size, where=size > 0, out=np.full(size.shape, np.nan)) if log else size
    figures = {method: _correlated(scores, x, method) for method in METHODS}
    n = (has_score & ~np.isnan(x)[:, None]).sum(axis=0)
    rows = []
    for at, code in enumerate(chosen):
        slope, intercept = line(x, scores[:, at])
        of_methods = [number(float(column[at])) for method in METHODS for column in figures[method]]
        ends = (number(slope), number(intercept), number(float(figures["pearson"][0][at]) ** 2))
        rows.append((code, framework.levels[code], int(n[at]), int(left_out[at]), log, *of_methods, *ends))
    return noticed(pl.DataFrame(rows, _RELATION, orient="row"), result)


def line(x: Array, y: Array) -> tuple[float, float]:
    """Return slope and intercept of the straight line through points by least squares.

    Parameters
    ----------
    x, y : (n_units,) float
        Units with a gap in either are left out.

    Returns
    -------
    slope, intercept : float
        Of ``y = intercept + slope x``; NaN for fewer than 3 shared units and where x has no spread.

    Examples
    --------
    >>> slope, intercept = line(np.array([1.0, 2.0, 3.0, 4.0]), np.array([5.0, 7.0, 9.0, np.nan]))
    >>> round(slope, 9), round(intercept, 9)
    (2.0, 3.0)
    """
    from scipy.stats import linregress  # noqa: PLC0415 - slow to import

    known = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[known], y[known]
    if x.size < LEAST_PAIRS or np.ptp(x) <= FLAT * np.abs(x).max():
        return float("nan"), float("nan")
    found = linregress(x, y)
    return float(found.slope), float(found.intercept)


def band(x: Array, y: Array, at: Array, level: float = 0.95) -> tuple[Array, Array, Array]:
    """Return the fitted line at some places, and where the mean lies around it.

    Parameters
    ----------
    x, y : (n,) float
        No NaN; at least 3 values and some spread in `x`.
    at : (m,) float
        Where the line is wanted.
    level : float
        Of the interval of the mean response, 0..1.

    Returns
    -------
    fit, low, high : (m,) float
        ``a + b x₀ ∓ t s √(1/n + (x₀ - x̄)² / Σ(x - x̄)²)`` with s² the residual variance on n - 2 degrees of
        freedom and t the quantile of Student's distribution. NaN where it cannot be told.

    Notes
    -----
    Source: Draper & Smith 1998, Applied Regression Analysis, 3rd ed., section 3.1, doi:10.1002/9781118625590.

    Examples
    --------
    >>> fit, low, high = band(np.arange(4.0), 2 * np.arange(4.0), np.array([5.0]))
    >>> float(fit[0])
    10.0
    """
    from scipy.stats import t as student  # noqa: PLC0415 - slow to import

    slope, intercept = line(x, y)
    fit = intercept + slope * at
    if x.size < 3 or np.isnan(slope):
        return fit, np.full_like(fit, np.nan), np.full_like(fit, np.nan)
    residuals = y - intercept - slope * x
    variance = float((residuals**2).sum()) / (x.size - 2)
    around = 1 / x.size + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    half = float(student.ppf((1 + level) / 2, x.size - 2)) * np.sqrt(variance * around)
    return fit, fit - half, fit + half


def _correlated(scores: Array, x: Array, method: Method) -> tuple[Array, Array, Array, Array]:
    """Return correlation, low, high and p-value of each column of scores with x."""
    # Mathematical ties of scores are ties; the attribute is as recorded, so that its ties are exact.
    scores = scores if method == "pearson" else rounded(scores)
    matrix, counts = correlation(scores, x[:, None], method)
    found, n = matrix[:, 0], counts[:, 0]
    if method == "kendall":
        p = np.array([kendall_p_value(column, x) for column in scores.T])
    else:
        p = p_value(found, n)
    return found, *interval(found, n, method), p


def _numbers(result: Result, attribute: str) -> Array:
    """Return an attribute of the units as numbers, NaN where it is blank; one without any is refused."""
    units = result.units
    if attribute not in units.attributes:
        told = {"name": attribute, "known": list(units.attributes)}
        raise InputError([Problem("analyse.unknown-attribute", Where(), told)])
    found = units.numbers(attribute)
    found = np.where(np.isfinite(found), found, np.nan)
    if np.isnan(found).all():
        raise InputError([Problem("analyse.no-numbers", Where(), {"name": attribute})])
    return found
