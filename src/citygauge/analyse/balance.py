"""How even a unit's pillars are, and which of its nodes lie lowest against all units."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.step_table import chosen_codes
from citygauge.result import Result
from citygauge.score.balance import coupling, mpi
from citygauge.score.means import arithmetic, counted, geometric
from citygauge.score.ranges import ranges
from citygauge.score.rank import RESOLUTION

Array = NDArray[np.float64]

_BALANCE: dict[str, Any] = {
    "unit_code": pl.String, "n": pl.Int64, "coupling": pl.Float64, "coordination": pl.Float64,
    "penalty": pl.Float64, "cv": pl.Float64, "weakest": pl.String, "weakest_value": pl.Float64,
    "strongest": pl.String, "strongest_value": pl.Float64, "spread": pl.Float64,
}  # fmt: skip
_STANDING: dict[str, Any] = {
    "unit_code": pl.String, "code": pl.String, "value": pl.Float64, "mean": pl.Float64,
    "difference": pl.Float64, "z": pl.Float64, "rank": pl.Int64, "n": pl.Int64,
}  # fmt: skip


def evenness(values: Array, weights: Array) -> tuple[Array, Array, Array, Array]:
    """Return how even the parts of units are: coupling, coordination, penalty and coefficient of variation.

    Parameters
    ----------
    values : (n_units, n_parts) float
        Shares of the range of the scores, from 0 to 1. NaN = missing, left out.
    weights : (n_parts,) float
        Non-negative, any scale; a part of weight 0 is left out.

    Returns
    -------
    coupling : array (n_units,)
        ``C``, the geometric over the arithmetic mean of the parts, all with the same weight: 0 where a part
        is at 0, 1 where all are equal, a single one too. NaN where all are 0.
    coordination : array (n_units,)
        ``D = √(C·T)`` with the weighted mean ``T``; 0 where a part is at 0.
    penalty : array (n_units,)
        ``S²/M = M·cv²``, what the Mazziotta-Pareto index takes from the weighted mean ``M``.
    cv : array (n_units,)
        ``S/M`` with the weighted population standard deviation. NaN where the mean is 0 or less.

        All are NaN where no part has a value; coupling and coordination where one is below 0.

    Notes
    -----
    Source: Tang et al. 2021, doi:10.1016/j.scs.2021.103405 (`score.balance.coupling`); De Muro, Mazziotta and
    Pareto 2011, doi:10.1007/s11205-010-9727-z (`score.balance.mpi`).

    Examples
    --------
    >>> found = evenness(np.array([[0.25, 1.0], [0.5, 0.5]]), np.array([1.0, 1.0]))
    >>> [each.round(3).tolist() for each in found]
    [[0.8, 1.0], [0.707, 0.707], [0.225, 0.0], [0.6, 0.0]]
    """
    values, weights = counted(values, weights)
    if not weights.size:
        nothing = np.full(len(values), np.nan)
        return nothing, nothing, nothing, nothing
    values = np.where((values < 0) & (values > -RESOLUTION), 0.0, values)  # 0 itself, but for rounding
    alike = np.ones((weights.size, 1))
    together, plain = geometric(values, alike)[:, 0], arithmetic(values, alike)[:, 0]
    mean = arithmetic(values, weights[:, None])[:, 0]
    penalty = mean - mpi(values, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        coupled = np.where(plain > 0, together / plain, np.nan)
        deviation = np.sqrt(arithmetic((values - mean[:, None]) ** 2, weights[:, None])[:, 0])
        cv = np.where(mean > 0, deviation / mean, np.nan)
    return coupled, coupling(values, weights, 0.0, 1.0), penalty, cv


def shortfalls(values: Array) -> tuple[Array, Array, Array]:
    """Return how far each value lies from the mean of its column, in points and in standard deviations.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN is left out.

    Returns
    -------
    mean : array (n_columns,)
    difference, z : arrays (n_units, n_columns)
        ``x - mean`` and that over the standard deviation of the sample (``n - 1``). `difference` is 0 where
        it is no more than the rounding of the column; `z` is NaN where a column has no spread.

    Examples
    --------
    >>> mean, difference, z = shortfalls(np.array([[1.0], [2.0], [3.0]]))
    >>> mean.tolist(), difference.ravel().tolist(), z.ravel().tolist()
    ([2.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0])
    """
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    mean = np.where(n > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
    size = np.abs(np.where(known, values, 0.0)).max(axis=0, initial=0.0)
    difference = values - mean
    difference = np.where(np.abs(difference) <= RESOLUTION * size, 0.0, difference)
    difference = np.where(known, difference, np.nan)
    square = np.where(known, difference, 0.0) ** 2
    sd = np.sqrt(square.sum(axis=0) / np.maximum(n - 1, 1))
    return mean, difference, difference / np.where(sd > 0, sd, np.nan)


def balance(result: Result) -> pl.DataFrame:
    """Return how even the pillars of each unit are.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        ``unit_code, n, coupling, coordination, penalty, cv, weakest, weakest_value, strongest,
        strongest_value, spread``. `n` pillars that count in the index have a score. The coupling degree and
        the degree of coordination run from 0 to 1; `penalty` is what the Mazziotta-Pareto index would take
        off the mean, as a share of the range; `cv` is the coefficient of variation (see `evenness`; weights
        are those of the run). Scores are brought to 0..1 by the range that the method gives each pillar;
        the four are null where it gives none, as under z-scores. `weakest` and `strongest` are the pillars
        with the lowest and the highest score, of ties the first in the tree, with their scores and the
        difference, `spread`; where pillars have different known ranges their shares of these are compared,
        and `spread` is null. On illustrative data under neutral names, with a `notice`.

    Examples
    --------
    >>> balance(result).sort("coordination").head()  # doctest: +SKIP
    """
    framework, table = result.framework, result.aggregated
    pillars = framework.counted(framework.root.code)
    values = table.values[:, [table.codes.index(code) for code in pillars]]
    spans = [ranges(result.method, framework)[code] for code in pillars]
    low, high = (np.array([np.nan if span is None else span[end] for span in spans]) for end in (0, 1))
    shares = (values - low) / (high - low)
    is_known = not np.isnan(low).any()
    weights = np.array([result.shares[code] for code in pillars])
    figures = evenness(shares if is_known else np.full(shares.shape, np.nan), weights)
    is_one_scale = len(set(spans)) == 1
    rows = []
    for row in _shown_order(result):
        n, compared = int((~np.isnan(values[row])).sum()), (shares if is_known else values)[row]
        ends: list[Any] = [None] * 5
        if n:
            least, most = int(np.nanargmin(compared)), int(np.nanargmax(compared))
            low_end, high_end = float(values[row, least]), float(values[row, most])
            spread = high_end - low_end if is_one_scale else None
            ends = [pillars[least], low_end, pillars[most], high_end, spread]
        rows.append((result.row_labels[row], n, *(number(each[row]) for each in figures), *ends))
    return noticed(pl.DataFrame(rows, _BALANCE, orient="row"), result)


def standings(result: Result, level: int = 2) -> pl.DataFrame:
    """Return how far each unit lies from the mean of all units in every node of a level.

    Parameters
    ----------
    result : Result
    level : int
        Depth of the nodes: 1 pillars, 2 dimensions; bonuses, deductions and vetoes are not among them.

    Returns
    -------
    DataFrame
        ``unit_code, code, value, mean, difference, z, rank, n``, units in order, nodes in tree order;
        `difference` = value − mean in points, `z` the same in standard deviations of all units (divisor
        n − 1); `rank` the place among the `n` units with a score, 1 = highest. Null without a score. On
        illustrative data under neutral names, with a `notice`.

    Raises
    ------
    InputError
        ``compare.unknown-level``.

    Examples
    --------
    >>> standings(result, level=1).head()  # doctest: +SKIP
    """
    framework, table = result.framework, result.aggregated
    codes = chosen_codes(table, framework, "aggregated", level, None)
    codes = tuple(code for code in codes if not framework.roles[code])
    at = [table.codes.index(code) for code in codes]
    values = table.values[:, at]
    mean, difference, z = shortfalls(values)
    known = (~np.isnan(values)).sum(axis=0)
    rows = []
    for row in _shown_order(result):
        for column, code in enumerate(codes):
            figures = values[row, column], mean[column], difference[row, column], z[row, column]
            place = int(result.ranks[row, at[column]]) or None
            rows.append((result.row_labels[row], code, *map(number, figures), place, int(known[column])))
    return noticed(pl.DataFrame(rows, _STANDING, orient="row"), result)


def short_boards(result: Result, level: int = 2, n: int = 3) -> pl.DataFrame:
    """Return the nodes in which each unit lies furthest below the mean of all units.

    Parameters
    ----------
    result : Result
    level : int
        See `standings`.
    n : int
        At most so many of each unit.

    Returns
    -------
    DataFrame
        ``unit_code, place, code, value, mean, difference, z, rank, n`` as in `standings`, with `difference`
        below 0: `place` 1 has the lowest `z`, ties go in tree order. A unit that is nowhere below the mean
        has no row. On illustrative data under neutral names, with a `notice`.

    Raises
    ------
    InputError
        ``compare.unknown-level``.

    Examples
    --------
    >>> short_boards(result, level=1, n=1)  # doctest: +SKIP
    """
    below = standings(result, level).filter(pl.col("difference") < 0)
    place = pl.col("z").rank("ordinal").over("unit_code").cast(pl.Int64).alias("place")
    order = {label: i for i, label in enumerate(result.row_labels[row] for row in _shown_order(result))}
    at = pl.col("unit_code").replace_strict(order, return_dtype=pl.Int64)
    columns = ["unit_code", "place", *below.columns[1:]]
    return below.with_columns(place).filter(pl.col("place") <= n).sort(at, "place").select(columns)


def _shown_order(result: Result) -> list[int]:
    """Return the rows as they are shown: neutral names by number, which says nothing of the units."""
    rows = range(len(result.row_labels))
    return sorted(rows, key=lambda i: result.row_labels[i]) if result.illustrative else list(rows)
