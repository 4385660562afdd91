"""The steps from a screened table to columns on their scales, for many replications of it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.indicators.impute import fillable
from citygauge.indicators.table import Table
from citygauge.problems import Problems
from citygauge.score.estimating import ImputeColumn, Known, as_levels, estimates_of, is_open
from citygauge.score.imputing import Impute, fill_gaps
from citygauge.score.method import Method
from citygauge.score.normalise import RELATIVE
from citygauge.score.normalising import Normalise, normalise_columns
from citygauge.score.steps import Part
from citygauge.score.treat import TRANSFORMS, Limits, moments
from citygauge.score.treating import Treat, TreatColumn

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
# What is filled in does not depend on the other columns.
_BY_COLUMN = frozenset({"mean", "median", "group_mean", "group_median", "constant"})


@dataclass(frozen=True)
class Rerun:
    """Scores of many replications.

    `values` ``(n_replications, n_units, n_codes)`` are the normalised scores; `lost`
    ``(n_replications, n_codes)`` marks the columns that the method refuses in a replication: their scores are
    NaN.
    """

    values: Array
    lost: Flags


def rerun(
    part: Part,
    method: Method,
    framework: Framework,
    values: Array,
    history: Mapping[str, Table] | None = None,
) -> Rerun:
    """Return the columns of many replications on their scales, each as `score.steps.on_scale` gives it.

    Parameters
    ----------
    part : Part
        The screened table of one period; problems are not noted in it.
    method : Method
    framework : Framework
    values : (n_replications, n_units, n_codes) float
        What stands in the table in place of its values; NaN exactly where it has none.
    history : mapping of str to Table, optional
        The derived tables of all periods, for imputation over time.

    Returns
    -------
    Rerun
        What would be a warning in a run is dropped. What would be an error about a column, such as a target
        at the worst value, loses the column in that replication alone.

    Raises
    ------
    InputError
        Where gaps cannot be filled at all, whatever the values.

    Notes
    -----
    Replications stand side by side as columns of one table, so that each step is one call. Means over a
    unit's other columns, nearest neighbours, regressions and estimates from other periods are computed
    replication by replication.

    Examples
    --------
    >>> import polars as pl
    >>> from citygauge.collect.units import Units
    >>> from citygauge.framework.model import Node
    >>> tree = Framework((Node("I"), Node("a", "I", direction=1)))
    >>> states, units = np.zeros((3, 1), np.int8), ("1", "2", "3")
    >>> table = Table(units, ("a",), np.array([[1.0], [2.0], [5.0]]), states, states)
    >>> part = Part(None, table, Units(pl.DataFrame({"unit": units})), Problems())
    >>> again = np.array([[[1.0], [2.0], [5.0]], [[1.0], [4.0], [5.0]]])
    >>> rerun(part, Method(), tree, again).values[:, :, 0]
    array([[  0.,  25., 100.],
           [  0.,  75., 100.]])
    """
    lost = np.zeros((len(values), values.shape[2]), bool)
    if not values.size:
        return Rerun(np.full(values.shape, np.nan), lost)
    filled = _filled(part, method.impute, framework, values, history or {})
    treated, transformed = _treated(filled, part.table.codes, method.treat, lost)
    for column, code in enumerate(part.table.codes):
        if transformed[:, column].any() and method.normalise.of(code, framework.roles[code]).has_anchor:
            lost[:, column] |= transformed[:, column]
    scores = _normalised(treated, part.table, method.normalise, framework, lost)
    return Rerun(np.where(lost[:, None, :], np.nan, scores), lost)


def _beside(values: Array) -> Array:
    """Return replications ``(n, n_units, n_codes)`` as ``(n_units, n_codes * n)``, those of a code together.

    Rows lie one behind the other in memory as in any table: sums over units depend on it in the last digit.
    """
    return np.ascontiguousarray(values.transpose(1, 2, 0).reshape(values.shape[1], -1))


def _apart(columns: Array, n: int) -> Array:
    """Undo `_beside`."""
    return columns.reshape(len(columns), -1, n).transpose(2, 0, 1)


def _table(table: Table, values: Array, columns: list[int]) -> Table:
    """Return some columns of a table, each with all its replications, as one table."""
    n = len(values)
    codes = tuple(table.codes[column] for column in columns for _ in range(n))
    states, origins = (np.repeat(array[:, columns], n, axis=1) for array in (table.states, table.origins))
    return Table(table.units, codes, _beside(values[:, :, columns]), states, origins)


def _filled(
    part: Part, settings: Impute, framework: Framework, values: Array, history: Mapping[str, Table]
) -> Array:
    """Return the replications with their gaps filled."""
    table = part.table
    opened = np.array([is_open(framework, code) for code in table.codes], bool)
    gaps = fillable(table) & opened
    rules: dict[ImputeColumn, list[int]] = {}
    for column in np.flatnonzero(gaps.any(axis=0)).tolist():
        if (rule := settings.of(table.codes[column])).how != "none":
            rules.setdefault(rule, []).append(column)
    found = values.copy()
    if any(rule.how not in _BY_COLUMN for rule in rules):
        for layer, one in enumerate(values):
            noted = Problems()
            given = replace(table, values=one)
            done = fill_gaps(given, settings, part.units, framework, history, part.period, noted)
            noted.raise_errors()
            found[layer] = done.table.values
        return found
    for rule, columns in rules.items():
        estimates = _estimates(rule, columns, part, framework, values)
        fill = gaps[None, :, columns] & ~np.isnan(estimates)
        found[:, :, columns] = np.where(fill, estimates, values[:, :, columns])
    return found


def _estimates(
    rule: ImputeColumn, columns: list[int], part: Part, framework: Framework, values: Array
) -> Array:
    """Return what a method that goes by columns fills in."""
    given, units = _table(part.table, values, columns), part.units.select(part.table.units)
    known = Known(given, given.values, units, framework, {}, part.period, Problems())
    everyone = list(range(len(given.codes)))
    with np.errstate(over="ignore", invalid="ignore"):
        estimates = estimates_of(rule, everyone, known)
    assert estimates is not None
    found = estimates.values
    for column in (column for column in everyone if framework[given.codes[column]].rubric):
        found[:, column] = as_levels(found[:, column], column, rule.how, known)
    return _apart(found, len(values))


def _treated(values: Array, codes: tuple[str, ...], settings: Treat, lost: Flags) -> tuple[Array, Flags]:
    """Return the replications with outliers treated, and which columns of which one were transformed.

    Columns that leave the range of doubles stay as they are and are lost.
    """
    rules: dict[TreatColumn, list[int]] = {}
    for column, code in enumerate(codes):
        if (rule := settings.of(code)).how != "none":
            rules.setdefault(rule, []).append(column)
    found, transformed = values.copy(), np.zeros(lost.shape, bool)
    for rule, columns in rules.items():
        given = _beside(values[:, :, columns])
        chosen = np.flatnonzero(_fail(given, rule.limits) | rule.always)
        if not chosen.size:
            continue
        after, is_transformed = _apply(given[:, chosen], rule)
        broken = np.isinf(after).any(axis=0) | (np.isnan(after) > np.isnan(given[:, chosen])).any(axis=0)
        treated = given.copy()
        treated[:, chosen[~broken]] = after[:, ~broken]
        found[:, :, columns] = _apart(treated, len(values))
        where = np.unravel_index(chosen, (len(columns), len(values)))
        at = where[1], np.array(columns)[where[0]]
        lost[at] |= broken
        transformed[at] = is_transformed & ~broken
    return found, transformed


def _fail(columns: Array, limits: Limits) -> Flags:
    """Return which columns fail the limits."""
    skewness, kurtosis = moments(columns)
    return _beyond(skewness, kurtosis, limits)


def _beyond(skewness: Array, kurtosis: Array, limits: Limits) -> Flags:
    """Return `Limits.fail` of many columns."""
    slack = 1e-12 * max(1.0, abs(limits.kurtosis))
    return np.asarray((np.abs(skewness) >= limits.skew * (1 - 1e-12)) & (kurtosis >= limits.kurtosis - slack))


def _apply(columns: Array, rule: TreatColumn) -> tuple[Array, Flags]:
    """Return columns as treated by a rule, and which were transformed."""
    after, transformed = columns.copy(), np.zeros(columns.shape[1], bool)
    if rule.how != "winsorise_then" or rule.always:
        for at, column in enumerate(columns.T):
            done = rule.apply(column)
            after[:, at], transformed[at] = done.values, bool(done.transform)
        return after, transformed
    _winsorise(after, rule)
    if rule.then == "none":
        return after, transformed
    failing = np.flatnonzero(_fail(after, rule.limits))
    start = after if rule.combine else columns
    given = () if rule.power is None else (rule.power,)
    for column in failing:  # all have some spread, else they would not fail
        with np.errstate(over="ignore", invalid="ignore"):
            after[:, column] = TRANSFORMS[rule.then](start[:, column], *given)
    transformed[failing] = True
    return after, transformed


def _winsorise(columns: Array, rule: TreatColumn) -> None:
    """Pull in the extreme points of failing columns in place, all columns at once; see `treat.winsorise`."""
    most = len(columns) + 1 if rule.max_points == "all" else rule.max_points
    open_ = np.arange(columns.shape[1])
    moved = np.zeros(columns.shape, bool)
    while True:
        open_ = open_[moved[:, open_].sum(axis=0) < most]
        if not open_.size:
            return
        given = columns[:, open_]
        skewness, kurtosis = moments(given)
        sign = np.where(skewness >= 0, 1.0, -1.0)
        turned = given * sign
        at = turned == np.fmax.reduce(turned, axis=0)
        rest = np.where(at, np.nan, turned)
        following = np.fmax.reduce(rest, axis=0)
        go = _beyond(skewness, kurtosis, rule.limits) & (np.fmin.reduce(rest, axis=0) < following)
        at &= go
        columns[:, open_] = np.where(at, following * sign, given)
        moved[:, open_] |= at
        open_ = open_[go]


def _normalised(values: Array, table: Table, settings: Normalise, framework: Framework, lost: Flags) -> Array:
    """Return the replications on their scales."""
    found = np.full(values.shape, np.nan)
    kinds: dict[bool, list[int]] = {True: [], False: []}
    for column, code in enumerate(table.codes):
        kinds[settings.of(code, framework.roles[code]).how in RELATIVE].append(column)
    n, rows = len(values), len(table.units)
    for is_relative, columns in kinds.items():
        if not columns:
            continue
        noted = Problems()
        if is_relative:
            scored = normalise_columns(_table(table, values, columns), settings, framework, noted)
            found[:, :, columns] = _apart(scored.values, n)
        else:
            # Fixed rules look at one figure alone, so that replications may stand below each other.
            scored = normalise_columns(_below(table, values, columns), settings, framework, noted)
            found[:, :, columns] = scored.values.reshape(n, rows, -1)
        named = {code for problem in noted.errors for code in problem.values["codes"]}
        if named:
            _find_lost(values, table, settings, framework, lost, [table.codes.index(c) for c in named])
    return found


def _below(table: Table, values: Array, columns: list[int]) -> Table:
    """Return some columns of a table with its replications below each other."""
    n = len(values)
    codes, shape = tuple(table.codes[column] for column in columns), (n * len(table.units), len(columns))
    states, origins = (np.tile(array[:, columns], (n, 1)) for array in (table.states, table.origins))
    return Table(table.units * n, codes, values[:, :, columns].reshape(shape), states, origins)


def _find_lost(
    values: Array, table: Table, settings: Normalise, framework: Framework, lost: Flags, columns: list[int]
) -> None:
    """Mark the replications in which columns that are refused in some of them are refused."""
    for layer, one in enumerate(values):
        noted = Problems()
        normalise_columns(_below(table, one[None], columns), settings, framework, noted)
        for code in {code for problem in noted.errors for code in problem.values["codes"]}:
            lost[layer, table.codes.index(code)] = True
