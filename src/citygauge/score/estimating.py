"""The methods of imputation: what each needs, what it fills the gaps of a column with, and from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from citygauge.collect.units import Units
from citygauge.faults import RuleError
from citygauge.framework.model import Framework
from citygauge.indicators.impute import (
    group_mean,
    group_median,
    knn,
    mean,
    median,
    row_mean,
    to_levels,
)
from citygauge.indicators.impute_learn import iterative
from citygauge.indicators.impute_time import Carried, latest, linear, step, times
from citygauge.indicators.table import IMPUTED, Table
from citygauge.problems import Problems
from citygauge.score.plain import LARGEST, Plain

Array = NDArray[np.float64]
ImputeName = Literal[
    "none", "mean", "median", "group_mean", "group_median", "row_mean", "constant",
    "latest", "linear", "step", "knn", "iterative",
]  # fmt: skip
PARAMETERS: Mapping[str, frozenset[str]] = {
    "none": frozenset(),
    "mean": frozenset(),
    "median": frozenset(),
    "group_mean": frozenset({"group"}),
    "group_median": frozenset({"group"}),
    "row_mean": frozenset({"within", "normalise_first"}),
    "constant": frozenset({"value"}),
    "latest": frozenset({"max_years"}),
    "linear": frozenset(),
    "step": frozenset(),
    "knn": frozenset({"neighbours"}),
    "iterative": frozenset({"seed", "draw"}),
}
_NEEDED = {"group_mean": "group", "group_median": "group", "constant": "value"}
OVER_TIME = frozenset({"latest", "linear", "step"})
_LEARNT = frozenset({"knn", "iterative"})
_NEIGHBOURS = 5


class ImputeColumn(Plain):
    """How the gaps of a column are filled; see `indicators.impute`, ``impute_time`` and ``impute_learn``.

    `group` is an attribute of the units; `within` the level of the node whose indicators ``row_mean`` takes
    (left out: the parent), on the scale 0..1 unless `normalise_first` is false; `value` what ``constant``
    fills in; `max_years` how far back ``latest`` may go (in periods where these are no years); `neighbours`
    how many units ``knn`` takes, 5 where left out; `draw` the number of the draw that ``iterative`` fills in
    place of the expectation, and `seed` that of its random numbers, 0 where left out.
    """

    how: ImputeName = "none"
    group: str | None = None
    within: int | None = Field(None, ge=0)
    normalise_first: bool | None = None
    value: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    max_years: float | None = Field(None, gt=0)
    neighbours: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0)
    draw: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _parameters_fit(self) -> ImputeColumn:
        named = {name for name in ImputeColumn.model_fields if getattr(self, name) is not None} - {"how"}
        taken = PARAMETERS[self.how]
        if strange := sorted(named - taken):
            takes = f"it takes {', '.join(sorted(taken))}" if taken else "it takes nothing"
            raise RuleError(
                f"{self.how} takes no {', '.join(strange)}; {takes}",
                f"{self.how} 不接受 {'、'.join(strange)}",
            )
        if (needed := _NEEDED.get(self.how)) and needed not in named:
            what = "the attribute of the units" if needed == "group" else "what gaps are filled with"
            own = "城市的一个属性" if needed == "group" else "用来填补的数值"
            raise RuleError(f"{self.how} needs `{needed}`, {what}", f"{self.how} 需要 `{needed}`，即{own}")
        return self


@dataclass(frozen=True)
class Known:
    """What estimates are made from; in `values` the columns that are not filled are blank."""

    table: Table
    values: Array
    units: Units
    framework: Framework
    history: Mapping[str, Table]
    period: str | None
    problems: Problems


@dataclass(frozen=True)
class Found:
    """Estimates for all columns, and what the details say of each cell, by column."""

    values: Array
    notes: Mapping[str, Callable[[int, int], str | None]] = field(default_factory=dict)


def is_open(framework: Framework, code: str) -> bool:
    """Tell whether gaps of a code may be filled; see `fill_gaps`."""
    return not (framework.children(code) or framework.roles[code])


def estimates_of(rule: ImputeColumn, columns: list[int], known: Known) -> Found | None:
    """Return the estimates of a method; None where it noted why there are none."""
    if rule.how == "constant":
        return Found(np.full(known.values.shape, rule.value, float))
    if rule.how in {"mean", "median"}:
        return Found((mean if rule.how == "mean" else median)(known.values))
    if rule.group is not None:
        groups = known.units.texts(rule.group)
        kernel = group_mean if rule.how == "group_mean" else group_median
        return Found(kernel(known.values, groups), {"group": lambda row, _: groups[row]})
    if rule.how == "row_mean":
        return _row_means(rule, columns, known)
    return (_over_time if rule.how in OVER_TIME else _from_alike)(rule, columns, known)


def _from_alike(rule: ImputeColumn, columns: list[int], known: Known) -> Found:
    """Return what units that are alike, or regressions over all units, say."""
    values, units = known.values, known.table.units
    if rule.how == "knn":
        estimates, donors = knn(values, rule.neighbours or _NEIGHBOURS)
        gap = {cell: i for i, cell in enumerate(zip(*np.nonzero(np.isnan(values)), strict=True))}

        def names(row: int, column: int) -> str:
            return ";".join(units[donor] for donor in np.flatnonzero(donors[gap[row, column]]))

        return Found(estimates, {"neighbours": names})
    rows, order = in_order(known.table)
    sorted_estimates, settled = iterative(values[np.ix_(rows, order)], rule.seed or 0, rule.draw)
    estimates = np.empty_like(values)
    estimates[np.ix_(rows, order)] = sorted_estimates
    if not settled:
        known.problems.add("impute.not-settled", codes=[known.table.codes[column] for column in columns])
    return Found(estimates)


def in_order(table: Table) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows and the columns of a table by their codes: regressions in turns depend on an order."""
    return np.argsort(np.array(table.units, dtype=str)), np.argsort(np.array(table.codes, dtype=str))


def _row_means(rule: ImputeColumn, columns: list[int], known: Known) -> Found:
    framework, codes = known.framework, known.table.codes
    families = [_family(framework, code, rule.within) for code in codes]
    if rule.normalise_first is not False:
        direction = np.array([float(framework[code].direction or 1) for code in codes])
        return Found(row_mean(known.values, families, direction))
    measures: dict[str, set[tuple[str, str, float]]] = {}
    for family, node in zip(families, map(framework.__getitem__, codes), strict=True):
        if is_open(framework, node.code):
            unit = node.unit, node.denominator, node.denominator_scale
            measures.setdefault(family, set()).add(unit)
    if mixed := [codes[column] for column in columns if len(measures[families[column]]) > 1]:
        known.problems.add("impute.row-mean-mixed-units", codes=mixed)
    return Found(row_mean(known.values, families))


def _family(framework: Framework, code: str, within: int | None) -> str:
    """Return the parent of a node, or the node above it at a level."""
    node = framework[code]
    while node.parent is not None:
        node = framework[node.parent]
        if within is None or framework.levels[node.code] <= within:
            break
    return node.code


def _over_time(rule: ImputeColumn, columns: list[int], known: Known) -> Found | None:
    codes = [known.table.codes[column] for column in columns]
    if known.period is None or not set(known.history) - {known.period}:
        known.problems.add("impute.no-history", how=rule.how, codes=codes)
        return None
    tables = {**known.history, known.period: known.table}
    periods = sorted(tables)
    when, in_years = times(periods)
    if not in_years and rule.how == "linear":
        known.problems.add("impute.period-not-a-year", periods=periods)
        return None
    if not in_years:
        known.problems.add("impute.periods-in-text-order", how=rule.how, periods=periods)
    past = np.array([_aligned(tables[period], known.table) for period in periods])
    at = float(when[periods.index(known.period)])
    if rule.how == "latest":
        carried = latest(past, when, at, rule.max_years)
    else:
        carried = (linear if rule.how == "linear" else step)(past, when, at)
    return Found(carried.values, {"from_period": lambda row, column: _source(carried, periods, row, column)})


def _aligned(table: Table, like: Table) -> Array:
    """Return what was recorded or derived in a table for the units and codes of another, NaN elsewhere."""
    found = np.full(like.values.shape, np.nan)
    row_of, column_of = ({name: i for i, name in enumerate(names)} for names in (table.units, table.codes))
    rows = [i for i, unit in enumerate(like.units) if unit in row_of]
    columns = [i for i, code in enumerate(like.codes) if code in column_of]
    own = np.where(table.origins == IMPUTED, np.nan, table.values)
    picked = [row_of[like.units[i]] for i in rows], [column_of[like.codes[i]] for i in columns]
    found[np.ix_(rows, columns)] = own[np.ix_(*picked)]
    return found


def _source(carried: Carried, periods: Sequence[str], row: int, column: int) -> str:
    first, last = periods[carried.first[row, column]], periods[carried.last[row, column]]
    return first if first == last else f"{first}–{last}"


def as_levels(estimates: Array, column: int, how: str, known: Known) -> Array:
    """Return estimates for a column as levels where its scale has nothing else; see `fill_gaps`."""
    node = known.framework[known.table.codes[column]]
    recorded = known.values[:, column]
    recorded = recorded[~np.isnan(recorded)]
    levels = [level.value for level in node.rubric]
    if not set(recorded.tolist()) <= set(levels):  # scores were handed over in place of levels
        levels = []
    if how == "constant" or not (levels or (how in _LEARNT and node.scale in {"ordinal", "binary"})):
        return estimates
    return to_levels(estimates, levels or np.unique(recorded).tolist())
