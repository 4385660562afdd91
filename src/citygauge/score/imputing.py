"""Imputation: what a method fills gaps with, and where each estimate comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from citygauge.collect.units import Units
from citygauge.faults import RuleError
from citygauge.framework.model import Framework
from citygauge.indicators.impute import fillable, impute
from citygauge.indicators.table import IMPUTED, VALUE, Table
from citygauge.problems import Problems
from citygauge.score.estimating import (
    PARAMETERS,
    Found,
    ImputeColumn,
    Known,
    as_levels,
    estimates_of,
    is_open,
)
from citygauge.score.plain import exception

Array = NDArray[np.float64]
DETAILS = {
    "unit_code": pl.String, "code": pl.String, "value": pl.Float64, "how": pl.String,
    "from_period": pl.String, "group": pl.String, "neighbours": pl.String,
}  # fmt: skip


class Impute(ImputeColumn):
    """How gaps are filled in all columns, with exceptions by code; the codes of `exclude` keep theirs."""

    exclude: tuple[str, ...] = ()
    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def of(self, code: str) -> ImputeColumn:
        """Return the imputation of one column.

        An exception keeps every default it does not name; where it names another method, it keeps those that
        this method takes.
        """
        if code in self.exclude:
            return ImputeColumn()
        default = self.model_dump(include=set(ImputeColumn.model_fields), exclude_none=True)
        own = self.by.get(code, {})
        if own.get("how", self.how) != self.how:
            default = {n: v for n, v in default.items() if n in PARAMETERS.get(str(own["how"]), ())}
        return ImputeColumn(**{**default, **own})

    def rules(self) -> dict[str, ImputeColumn]:
        """Return the default (under the key "") and the exceptions."""
        return {key: self.of(key) for key in ("", *self.by)}

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Impute:
        if both := sorted(set(self.by) & set(self.exclude)):
            raise RuleError(
                f"exclude leaves the gaps of {', '.join(both)}, so that `by` says nothing to them",
                f"exclude 使 {'、'.join(both)} 的缺口不作填补，`by` 对其不起作用",
            )
        for code in self.by:
            with exception(code):
                self.of(code)
        return self


@dataclass(frozen=True)
class Imputed:
    """A table with its gaps filled, and a row of `details` for each cell that was.

    `details` has the columns ``unit_code, code, value, how``; ``from_period``, the period that the estimate
    is from ("2019", or "2019–2022" where it lies between two); ``group``, whose mean or median it is; and
    ``neighbours``, the units it was taken from, separated by ``;``. What a method does not have is null.
    """

    table: Table
    details: pl.DataFrame


def check_imputing(settings: Impute, framework: Framework, units: Units, problems: Problems) -> None:
    """Note what the imputation names that the framework, the units or this installation do not have."""
    for part, named in (("impute.by", settings.by), ("impute.exclude", settings.exclude)):
        for code in (code for code in named if code not in framework):
            near = get_close_matches(code, framework.codes, 3)
            problems.add("method.unknown-code", key=part, code=code, near=near)
    if closed := [code for code in settings.by if code in framework and not is_open(framework, code)]:
        problems.add("impute.never-filled", codes=closed)
    deepest = max(framework.levels.values())
    rules = {f"impute.by.{key}" if key else "impute": rule for key, rule in settings.rules().items()}
    for key, rule in rules.items():
        if rule.group is not None and rule.group not in units.attributes:
            known = list(units.attributes)
            problems.add("method.unknown-attribute", key=f"{key}.group", name=rule.group, known=known)
        if rule.within is not None and rule.within >= max(deepest, 1):
            problems.add("impute.unknown-level", key=f"{key}.within", level=rule.within, last=deepest - 1)
    if any(rule.how == "iterative" for rule in rules.values()) and find_spec("sklearn") is None:
        problems.add("impute.no-learn")


def fill_gaps(
    table: Table,
    settings: Impute,
    units: Units,
    framework: Framework,
    history: Mapping[str, Table] | None = None,
    period: str | None = None,
    problems: Problems | None = None,
) -> Imputed:
    """Return the table with gaps filled as the method says, and where each estimate comes from.

    Parameters
    ----------
    table : Table
        Of the units that stay. Scores of its own that an indicator made of measures lacks are no gaps: its
        measures stand for it. Bonuses, deductions and vetoes are not filled: nobody gets them for what others
        did. Cells that are not applicable stay empty. None of these serves as evidence for others either.
    settings : Impute
    units : Units
        With the attributes that group them; at least those of the table, in any order.
    framework : Framework
    history : mapping of str to Table, optional
        The derived table of every period, for ``latest``, ``linear`` and ``step``; units and codes may
        differ from the table's. A value that is itself imputed is not carried to another period.
    period : str, optional
        That of the table.
    problems : Problems, optional
        Where warnings are noted. Left out, errors are raised.

    Raises
    ------
    InputError
        ``impute.no-learn``; and ``impute.period-not-a-year`` where `problems` is left out.

    Notes
    -----
    What ``knn`` and ``iterative`` estimate for an ordinal or binary scale is the nearest level: of the rubric
    where there is one, else of those recorded. In a column with a rubric every method but ``constant`` gives
    a level, as nothing else has a score.
    """
    noted = Problems() if problems is None else problems
    opened = np.array([is_open(framework, code) for code in table.codes], bool)
    values = np.where(opened, table.values, np.nan)
    known = Known(table, values, units.select(table.units), framework, history or {}, period, noted)
    gaps = fillable(table) & opened
    rules: dict[ImputeColumn, list[int]] = {}
    for column in np.flatnonzero(gaps.any(axis=0)).tolist():
        if (rule := settings.of(table.codes[column])).how != "none":
            rules.setdefault(rule, []).append(column)
    estimates, rows = np.full(values.shape, np.nan), []
    for rule, columns in rules.items():
        with np.errstate(over="ignore", invalid="ignore"):  # figures too large for doubles are noted later
            found = estimates_of(rule, columns, known)
        if found is None:
            continue
        for column in columns:
            estimates[:, column] = as_levels(found.values[:, column], column, rule.how, known)
            new = np.flatnonzero(gaps[:, column] & ~np.isnan(estimates[:, column]))
            rows += [_detail(int(row), column, estimates[row, column], rule.how, table, found) for row in new]
        _note_left(columns, gaps & np.isnan(estimates), table, noted)
    filled = impute(table, estimates)
    _note_mostly_imputed(filled, gaps & ~np.isnan(estimates), noted)
    if problems is None:
        noted.raise_errors()
    details = pl.DataFrame([row[2:] for row in sorted(rows, key=_place)], schema=DETAILS, orient="row")
    return Imputed(filled, details)


def drawn(settings: Impute, number: int, seed: int | None = None) -> Impute:
    """Return the settings with every ``iterative`` in them filling in the draw of this number, from 1 on.

    Raises
    ------
    ValueError
        When the method fills no column by ``iterative``.

    Examples
    --------
    >>> drawn(Impute(how="iterative"), 3, seed=7).draw
    3
    """
    keys = [key for key, rule in settings.rules().items() if rule.how == "iterative"]
    if not keys:
        raise ValueError("draws need how = 'iterative' under impute or one of its exceptions")
    data = settings.model_dump(exclude_none=True)
    for key in keys:
        part = data["by"][key] if key else data
        part.update({"draw": number} if seed is None else {"draw": number, "seed": seed})
    return Impute(**data)


def draws(
    table: Table, settings: Impute, units: Units, framework: Framework, n: int, seed: int | None = None
) -> Array:
    """Return the values of tables that each hold another draw of what might stand in the gaps.

    Parameters
    ----------
    table, settings, units, framework
        As for `fill_gaps`, without other periods: gaps that are filled from these stay. Columns that are
        filled otherwise than by ``iterative`` are the same in each table.
    n : int
        How many tables.
    seed : int, optional
        In place of the method's.

    Returns
    -------
    array (n, n_units, n_codes)
        Draw k is what the method fills in with ``draw = k``, whatever `n`.

    Raises
    ------
    ValueError
        When the method fills no column by ``iterative``.
    InputError
        ``impute.no-learn`` where scikit-learn is not installed.
    """
    tables = np.empty((n, *table.values.shape))
    for layer in range(n):
        chosen = drawn(settings, layer + 1, seed)
        tables[layer] = fill_gaps(table, chosen, units, framework).table.values
    return tables


def _detail(row: int, column: int, value: float, how: str, table: Table, found: Found) -> tuple[Any, ...]:
    """Return a row of the details, with its place in the table in front."""
    notes = [found.notes[name](row, column) if name in found.notes else None for name in list(DETAILS)[4:]]
    return (row, column, table.units[row], table.codes[column], float(value), how, *notes)


def _place(row: tuple[Any, ...]) -> tuple[int, int]:
    return row[0], row[1]


def _note_left(columns: list[int], left: NDArray[np.bool_], table: Table, problems: Problems) -> None:
    if codes := [table.codes[column] for column in columns if left[:, column].any()]:
        units = [unit for unit, gaps in zip(table.units, left, strict=True) if gaps[columns].any()]
        problems.add("impute.gaps-left", codes=codes, units=units)


def _note_mostly_imputed(filled: Table, new: NDArray[np.bool_], problems: Problems) -> None:
    has_value = filled.states == VALUE
    imputed = (has_value & (filled.origins == IMPUTED)).sum(axis=0)
    mostly = (imputed * 2 > has_value.sum(axis=0)) & new.any(axis=0)
    if mostly.any():
        problems.add("impute.mostly-imputed", codes=[filled.codes[i] for i in np.flatnonzero(mostly)])
