"""Where one unit stands: its scores and ranks, what it does well and badly, and its place in its group."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number, shown
from citygauge.analyse.step_table import (
    SCORED,
    Step,
    chosen_codes,
    directions,
    handed_over,
    step_table,
)
from citygauge.collect.observations import SCORE_UNIT
from citygauge.indicators.table import IMPUTED
from citygauge.problems import InputError, Problem, Where
from citygauge.result import Result
from citygauge.score.rank import rank

Array = NDArray[np.float64]

STRENGTH, WEAKNESS = "strength", "weakness"
MAX_TIED = 0.25

_NODE: dict[str, Any] = {
    "unit_code": pl.String, "code": pl.String, "level": pl.Int64, "name_zh": pl.String, "name_en": pl.String,
}  # fmt: skip
_SUMMARY: dict[str, Any] = _NODE | {"value": pl.Float64, "rank": pl.Int64, "n": pl.Int64}
_PLACES: dict[str, Any] = {
    "unit_code": pl.String, "code": pl.String, "name_zh": pl.String, "name_en": pl.String,
    "parent": pl.String, "value": pl.Float64, "unit_of_measure": pl.String, "denominator": pl.String,
    "rank": pl.Int64, "n": pl.Int64, "better": pl.Int64, "tied": pl.Int64, "worse": pl.Int64,
    "share_at_least_as_good": pl.Float64,
}  # fmt: skip
_GROUPS: dict[str, Any] = {
    "unit_code": pl.String, "name_zh": pl.String, "name_en": pl.String, "group": pl.String,
    "code": pl.String, "value": pl.Float64, "rank": pl.Int64, "n": pl.Int64,
}  # fmt: skip


def unit_summary(result: Result, unit: str, levels: Sequence[int] | None = None) -> pl.DataFrame:
    """Return the scores and ranks of one unit, level by level.

    Parameters
    ----------
    result : Result
    unit : str
        Its code; on illustrative data its neutral name.
    levels : sequence of int, optional
        Depths, in this order; by default all that have nodes with children.

    Returns
    -------
    DataFrame
        ``unit_code, code, level, name_zh, name_en, value, rank, n``: the place among the `n` units with a
        score, 1 = highest, null without one. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, ``compare.unknown-level``.

    Notes
    -----
    Source: COINr, ``get_unit_summary`` (Becker et al. 2022, doi:10.21105/joss.04567).

    Examples
    --------
    >>> unit_summary(result, "AUT", levels=[0, 1])  # doctest: +SKIP
    """
    row, framework, table = _row(result, unit), result.framework, result.aggregated
    if levels is None:
        levels = sorted({framework.levels[code] for code in framework.aggregates})
    codes = [code for level in levels for code in chosen_codes(table, framework, "aggregated", level, None)]
    known = (~np.isnan(table.values)).sum(axis=0)
    rows = []
    for code in codes:
        at, node = table.codes.index(code), framework[code]
        value, place = number(table.values[row, at]), int(result.ranks[row, at]) or None
        names = node.label("zh"), node.label("en")
        rows.append((unit, code, framework.levels[code], *names, value, place, int(known[at])))
    return noticed(pl.DataFrame(rows, _SUMMARY, orient="row"), result)


def indicator_places(result: Result, unit: str, step: Step = "derived") -> pl.DataFrame:
    """Return where one unit stands in every indicator.

    Parameters
    ----------
    result : Result
    unit : str
        Its code; on illustrative data its neutral name.
    step : str
        See `step_table`; by default values as measured, divided by their denominators, ``raw`` before that.
        Where less is better, values are turned for the comparison.

    Returns
    -------
    DataFrame
        ``unit_code, code, name_zh, name_en, parent, value, unit_of_measure, denominator, rank, n, better,
        tied, worse, share_at_least_as_good``, one row for each leaf, in tree order; bonuses,
        deductions and vetoes are not among them. Of `n` units with a
        value, `better` have a better one, `tied` the same (the unit itself among them) and `worse` a worse
        one; ``rank = better + 1``, and ``share_at_least_as_good = (better + tied) / n``. All are null where
        the unit has no value of its own: missing, or imputed. `denominator` is what the value has been
        divided by; a score has the unit ``score``. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, ``analyse.unknown-choice``.

    Examples
    --------
    >>> indicator_places(result, "AUT").sort("rank").head()  # doctest: +SKIP
    """
    row, framework, table = _row(result, unit), result.framework, step_table(result, step)
    row = table.units.index(result.units.codes[row])
    codes = [c for c in chosen_codes(table, framework, step, None, None) if not framework.roles[c]]
    at = [table.codes.index(code) for code in codes]
    values = np.where(table.origins[:, at] == IMPUTED, np.nan, table.values[:, at])
    counts = places(values * directions(result, codes, step))
    is_score, rows = handed_over(result, codes), []
    for column, code in enumerate(codes):
        node, known = framework[code], not np.isnan(values[row, column])
        n, better, tied = (int(each[row, column]) for each in counts)
        share = (better + tied) / n if known else None
        figures = (better + 1, n, better, tied, n - better - tied) if known else (None,) * 5
        words = node.label("zh"), node.label("en"), node.parent
        scored = step in SCORED or is_score[column]
        unit_of_measure = SCORE_UNIT if scored else node.unit or None
        divided_by = None if scored or step == "raw" else node.denominator or None
        rows.append(
            (unit, code, *words, number(values[row, column]), unit_of_measure, divided_by, *figures, share)
        )
    return noticed(pl.DataFrame(rows, _PLACES, orient="row"), result)


def strengths_and_weaknesses(
    result: Result, unit: str, n: int = 5, step: Step = "derived", max_tied: float = MAX_TIED
) -> pl.DataFrame:
    """Return the indicators in which one unit stands best and worst among all units.

    Parameters
    ----------
    result : Result
    unit : str
        Its code; on illustrative data its neutral name.
    n : int
        At most so many of each.
    step : str
        See `indicator_places`.
    max_tied : float
        Indicators in which more than this share of the units have the same value as the unit are left out;
        1 leaves none out.

    Returns
    -------
    DataFrame
        ``kind`` (``strength`` or ``weakness``) and the columns of `indicator_places`. A strength is an
        indicator with more units behind than ahead; those with the smallest share of units ahead come first,
        then those that fewest units share, then in tree order. A weakness is the same from below, the worst
        one first.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, ``analyse.unknown-choice``.

    Notes
    -----
    COINr's ``get_str_weak`` lists the smallest and largest ranks whatever is shared: a yes that most units
    share is rank 1 and a strength. It also leaves out every indicator in which the unit has the largest rank,
    so that a true last place is no weakness there, and a unit that is behind everywhere has strengths.

    Examples
    --------
    >>> strengths_and_weaknesses(result, "AUT", n=3)  # doctest: +SKIP
    """
    frame = indicator_places(result, unit, step)
    kept = frame.drop_nulls("rank").filter(pl.col("tied") <= max_tied * pl.col("n"))
    found = []
    for kind, ahead, behind in ((STRENGTH, "better", "worse"), (WEAKNESS, "worse", "better")):
        some = kept.filter(pl.col(behind) > pl.col(ahead))
        order = [pl.col(ahead) / pl.col("n"), pl.col("tied") / pl.col("n")]
        some = some.sort(order, maintain_order=True).head(n)
        found.append(some.select(pl.lit(kind).alias("kind"), pl.all()))
    return pl.concat(found)


def group_ranks(result: Result, attribute: str, codes: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the rank of each unit among the units of its group.

    Parameters
    ----------
    result : Result
    attribute : str
        Of the units, such as a region or a class of size; its values are the groups.
    codes : sequence of str, optional
        Nodes; by default all that have children.

    Returns
    -------
    DataFrame
        ``unit_code, name_zh, name_en, group, code, value, rank, n``: the place among the `n` units of the
        group with a score. Units without a group have no rank. On illustrative data under neutral names, with
        a `notice`, and without `group` and `n`, which would tell who is meant.

    Raises
    ------
    InputError
        ``analyse.unknown-attribute``, ``compare.unknown-node``.

    Notes
    -----
    Source: COINr, ``get_results(use = "groupranks")``.

    Examples
    --------
    >>> group_ranks(result, "GDP_group").filter(code="Index")  # doctest: +SKIP
    """
    units, table, framework = result.units, result.aggregated, result.framework
    if attribute not in units.attributes:
        told = {"name": attribute, "known": list(units.attributes)}
        raise InputError([Problem("analyse.unknown-attribute", Where(), told)])
    codes = framework.aggregates if codes is None else codes
    chosen = chosen_codes(table, framework, "aggregated", None, codes)
    values = table.values[:, [table.codes.index(code) for code in chosen]]
    groups = units.texts(attribute)
    ranks, counts = ranks_within(values, groups)
    names = shown(result)
    order = sorted(range(len(units)), key=lambda i: names[units.codes[i]][0])
    rows = [
        (
            *names[units.codes[i]], groups[i], code, number(values[i, column]),
            int(ranks[i, column]) or None, int(counts[i, column]) if groups[i] is not None else None,
        )
        for i in (order if result.illustrative else range(len(units)))
        for column, code in enumerate(chosen)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, _GROUPS, orient="row")
    return noticed(frame.drop("group", "n") if result.illustrative else frame, result)


def places(values: Array) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return for each value how many there are in its column, how many are higher, and how many equal.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN is left out.

    Returns
    -------
    n, higher, equal : arrays (n_units, n_columns) int
        `equal` counts the value itself; values are compared as in `score.rank.rank`. `higher` and `equal` are
        0 at NaN.

    Examples
    --------
    >>> n, higher, equal = places(np.array([[1.0], [3.0], [1.0], [np.nan]]))
    >>> n.ravel().tolist(), higher.ravel().tolist(), equal.ravel().tolist()
    ([3, 3, 3, 3], [1, 0, 1, 0], [2, 1, 2, 0])
    """
    ranks = rank(values)
    n = np.broadcast_to((ranks > 0).sum(axis=0), values.shape)
    equal = np.zeros(values.shape, np.int64)
    for column in range(values.shape[1]):
        counts = np.bincount(ranks[:, column])
        counts[0] = 0
        equal[:, column] = counts[ranks[:, column]]
    return n, np.maximum(ranks - 1, 0).astype(np.int64), equal


def ranks_within(values: Array, groups: Sequence[str | None]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the rank of each value among those of its group, and how many these are.

    Parameters
    ----------
    values : (n_units, n_columns) float
    groups : sequence of str or None, (n_units,)
        None = no group.

    Returns
    -------
    ranks, n : arrays (n_units, n_columns) int
        1 = highest, ties share the smallest rank; 0 where the value is NaN or the unit has no group.

    Examples
    --------
    >>> ranks_within(np.array([[5.0], [9.0], [7.0], [8.0]]), ["a", "b", "a", None])[0].ravel().tolist()
    [2, 1, 1, 0]
    """
    ranks, n = np.zeros(values.shape, np.int32), np.zeros(values.shape, np.int64)
    for name in dict.fromkeys(each for each in groups if each is not None):
        rows = np.array([each == name for each in groups], bool)
        ranks[rows] = rank(values[rows])
        n[rows] = (~np.isnan(values[rows])).sum(axis=0)
    return ranks, n


def _row(result: Result, unit: str) -> int:
    """Return the row of a unit, by the name that it is shown under."""
    if unit not in result.row_labels:
        near = get_close_matches(unit, result.row_labels, 3)
        raise InputError([Problem("analyse.unknown-unit", Where(), {"unit": unit, "near": near})])
    return result.row_labels.index(unit)
