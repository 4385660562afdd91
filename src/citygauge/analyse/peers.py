"""One unit among units like it: which are nearest to it in size, and how it stands against groups."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.unit_profile import _row
from citygauge.framework.model import Framework
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result

Array = NDArray[np.float64]

LEAST_SHOWN = 3  # on illustrative data the mean of fewer units would tell a figure of one of them

_NEAREST: dict[str, Any] = {
    "unit_code": pl.String, "place": pl.Int64, "peer_code": pl.String, "distance": pl.Float64,
}  # fmt: skip
_AGAINST: dict[str, Any] = {
    "unit_code": pl.String, "code": pl.String, "level": pl.Int64, "value": pl.Float64, "rank": pl.Int64,
    "n": pl.Int64, "mean_all": pl.Float64, "mean_grade": pl.Float64, "n_grade": pl.Int64,
    "mean_peers": pl.Float64, "n_peers": pl.Int64,
}  # fmt: skip


def log_distances(values: Array) -> Array:
    """Return the distances of units in standardised logarithms of their attributes.

    Parameters
    ----------
    values : (n_units, n_attributes) float
        Above 0; a unit with anything else, NaN too, is left out.

    Returns
    -------
    array (n_units, n_units)
        Euclidean; logarithms with mean 0 and standard deviation 1 (divisor n − 1) over the units that are
        there. An attribute without spread adds nothing. NaN for units that are left out.

    Notes
    -----
    The unit of measure of an attribute does not matter. Attributes that go together count as many times as
    there are of them.

    Examples
    --------
    >>> log_distances(np.array([[1.0], [10.0], [100.0], [0.0]]))[0]
    array([ 0.,  1.,  2., nan])
    """
    from scipy.spatial.distance import cdist  # noqa: PLC0415 - slow to import

    usable = (values > 0).all(axis=1) & np.isfinite(values).all(axis=1)
    found = np.full((len(values), len(values)), np.nan)
    if usable.any():
        logs = np.log(values[usable])
        sd = logs.std(axis=0, ddof=1) if len(logs) > 1 else np.zeros(logs.shape[1])
        has_spread = np.ptp(logs, axis=0) > 0
        scaled = (logs - logs.mean(axis=0)) / np.where(has_spread, sd, 1.0) * has_spread
        found[np.ix_(usable, usable)] = cdist(scaled, scaled)
    return found


def nearest(result: Result, attributes: Sequence[str], k: int = 5) -> pl.DataFrame:
    """Return for each unit the units that are most like it in size.

    Parameters
    ----------
    result : Result
    attributes : sequence of str
        Columns of ``units.csv`` with numbers, such as GDP and population.
    k : int
        At most so many of each unit.

    Returns
    -------
    DataFrame
        ``unit_code, place, peer_code, distance``, by distance (see `log_distances`), ties by the code.
        Distances are standardised over the units of the result that have all attributes above 0; the others
        are left out and have no rows.

    Raises
    ------
    InputError
        ``analyse.not-on-illustrative``, for attributes would tell who is meant;
        ``analyse.unknown-attribute``, ``analyse.no-numbers``.

    Examples
    --------
    >>> nearest(result, ["gdp", "resident_population"], k=3)  # doctest: +SKIP
    """
    _refuse_illustrative(result)
    units, problems = result.units, Problems()
    chosen = list(dict.fromkeys(attributes))
    _note_unknown(result, chosen, problems)
    numbers = [units.numbers(name) for name in chosen if name in units.attributes]
    for name, column in zip([name for name in chosen if name in units.attributes], numbers, strict=True):
        if np.isnan(column).all():
            problems.add("analyse.no-numbers", Where(), name=name)
    problems.raise_errors()
    if not chosen:
        return pl.DataFrame(schema=_NEAREST)
    distances = log_distances(np.column_stack(numbers))
    rows = []
    for row, unit in enumerate(units.codes):
        near = [i for i in range(len(units)) if i != row and not np.isnan(distances[row, i])]
        near.sort(key=lambda i: (round(float(distances[row, i]), 12), units.codes[i]))
        rows += [
            (unit, place, units.codes[i], float(distances[row, i]))
            for place, i in enumerate(near[: max(k, 0)], 1)
        ]
    return pl.DataFrame(rows, _NEAREST, orient="row")


def against(
    result: Result, unit: str, group_attributes: Sequence[str] = (), peers: Sequence[str] = ()
) -> pl.DataFrame:
    """Return how one unit stands against all units, its grade, its groups and its peers, node by node.

    Parameters
    ----------
    result : Result
    unit : str
        Its code; on illustrative data its neutral name.
    group_attributes : sequence of str
        Attributes of the units, the texts of which are groups.
    peers : sequence of str
        Codes of units, such as those of `nearest`.

    Returns
    -------
    DataFrame
        ``unit_code, code, level, value, rank, n, mean_all, mean_grade, n_grade, mean_peers, n_peers`` and
        for each attribute ``mean_<attribute>, n_<attribute>``; one row for each node above the indicators,
        in tree order. `rank` is the place among the `n` units with a score, and `mean_all` their mean, the
        unit's own score in it. **The means of grade, group and peers leave the unit itself out**, and their
        `n` counts the other units with a score at the node; a mean of none is null. A unit without a grade,
        or with a blank attribute, has nobody beside it there. On illustrative data the mean of fewer than 3
        units is null, and there is a `notice`.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, also for peers; ``analyse.unknown-attribute``;
        ``analyse.not-on-illustrative`` for groups and peers, which narrow down who is meant.

    Examples
    --------
    >>> against(result, "330100", ["economic_circle"])  # doctest: +SKIP
    """
    if group_attributes or peers:
        _refuse_illustrative(result)
    row, units, table = _row(result, unit), result.units, result.aggregated
    problems, groups = Problems(), list(dict.fromkeys(group_attributes))
    _note_unknown(result, groups, problems)
    for peer in dict.fromkeys(peers):
        if peer not in units.codes:
            near = get_close_matches(peer, units.codes, 3)
            problems.add("analyse.unknown-unit", Where(), unit=peer, near=near)
    problems.raise_errors()
    same = {"grade": alike(result.grades or [None] * len(units), row)}
    same["peers"] = np.array([code in peers for code in units.codes], bool)
    same |= {name: alike(units.texts(name), row) for name in groups}
    least = LEAST_SHOWN if result.illustrative else 1
    rows = []
    for code in _above_indicators(result.framework):
        at = table.codes.index(code)
        column = table.values[:, at]
        whole, n = mean_of_others(column, np.ones(len(units), bool), None)
        figures: list[float | int | None] = []
        for members in same.values():
            mean, count = mean_of_others(column, members, row)
            figures += [number(mean) if count >= least else None, count]
        place = int(result.ranks[row, at]) or None
        whole_mean = number(whole) if n >= least else None
        own = unit, code, result.framework.levels[code], number(column[row]), place, n, whole_mean
        rows.append((*own, *figures))
    schema = dict(_AGAINST)
    for name in groups:
        schema |= {f"mean_{name}": pl.Float64, f"n_{name}": pl.Int64}
    return noticed(pl.DataFrame(rows, schema, orient="row"), result)


def mean_of_others(values: Array, members: NDArray[np.bool_], row: int | None) -> tuple[float, int]:
    """Return the mean of the members' values without that of one row, and how many these are.

    Parameters
    ----------
    values : (n_units,) float
        NaN is left out.
    members : (n_units,) bool
    row : int or None
        Left out; None leaves nobody out.

    Returns
    -------
    mean, n : float, int
        NaN and 0 where nobody is left.

    Examples
    --------
    >>> mean_of_others(np.array([1.0, 3.0, 5.0, np.nan]), np.array([True] * 4), 0)
    (4.0, 2)
    """
    counts = members & ~np.isnan(values)
    if row is not None:
        counts[row] = False
    n = int(counts.sum())
    return (float(values[counts].mean()) if n else float("nan")), n


def alike(texts: Sequence[str | None], row: int) -> NDArray[np.bool_]:
    """Return who has the same text as a row; nobody where it is blank.

    Examples
    --------
    >>> alike(["a", "b", "a", None], 0).tolist(), alike(["a", None, None], 1).tolist()
    ([True, False, True, False], [False, False, False])
    """
    return np.array([bool(text) and text == texts[row] for text in texts], bool)


def _above_indicators(framework: Framework) -> list[str]:
    """Return the index, pillars and dimensions: the nodes below which indicators stand."""
    found: set[str] = set()
    for indicator in framework.indicators:
        found.update(framework.ancestors(indicator))
    return [code for code in framework.codes if code in found]


def _refuse_illustrative(result: Result) -> None:
    if result.illustrative:
        raise InputError([Problem("analyse.not-on-illustrative", Where(), {})])


def _note_unknown(result: Result, names: Sequence[str], problems: Problems) -> None:
    known = list(result.units.attributes)
    for name in names:
        if name not in known:
            problems.add("analyse.unknown-attribute", Where(), name=name, known=known)
