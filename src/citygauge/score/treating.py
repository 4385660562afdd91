"""Treatment: what a method does about outliers, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from citygauge.faults import RuleError
from citygauge.indicators.table import Table
from citygauge.problems import Problems
from citygauge.score.plain import Plain, exception
from citygauge.score.treat import POWERED, Array, Limits, Treated, moments, transformed, winsorise_then

TransformName = Literal["log", "log_plus_one", "log_by_skew", "log_signed", "boxcox", "yeojohnson"]


class TreatColumn(Plain):
    """Outlier treatment of a column; see `score.treat`.

    `how` is what is done to a column that fails the limits `skew` and `kurtosis`, or with `always` to every
    one. ``winsorise_then`` pulls in up to `max_points` points, or as many as it takes (``all``); where the
    column still fails, `then` is applied to the untreated column, or with `combine` to the winsorised one.
    `power` is that of ``boxcox`` and ``yeojohnson``; left out, it is the most likely one.
    """

    how: Literal["none", "winsorise_then", TransformName] = "none"
    max_points: int | Literal["all"] = 5
    skew: float = Field(2.0, gt=0)
    kurtosis: float = 3.5
    then: Literal["none", TransformName] = "log"
    combine: bool = False
    always: bool = False
    power: float | None = Field(None, ge=-20, le=20)

    @property
    def ignored(self) -> frozenset[str]:
        """The settings without effect beside the others; ``none`` only switches off, it keeps them all."""
        if self.how == "none":
            return frozenset()
        wins = self.how == "winsorise_then"
        found = set() if wins else {"max_points", "then", "combine"}
        if wins and self.then == "none":
            found.add("combine")
        if (self.then if wins else self.how) not in POWERED:
            found.add("power")
        return frozenset(found)

    @model_validator(mode="after")
    def _settings_have_effect(self) -> TreatColumn:
        if self.max_points != "all" and self.max_points < 0:
            raise RuleError(
                'max_points is a number of at least 0, or "all"', 'max_points 应为不小于 0 的数，或 "all"'
            )
        default = {name: TreatColumn.model_fields[name].default for name in self.ignored}
        if idle := sorted(name for name, value in default.items() if getattr(self, name) != value):
            means = f"{self.how}, then {self.then}," if self.how == "winsorise_then" else self.how
            raise RuleError(f"{means} takes no {', '.join(idle)}", f"{means} 不接受 {'、'.join(idle)}")
        if self.how == "winsorise_then" and self.always and self.max_points == "all":
            raise RuleError(
                "always needs the number of points to winsorise in max_points",
                "always 需要在 max_points 中写明缩尾的个数",
            )
        return self

    @property
    def limits(self) -> Limits:
        """When a column fails."""
        return Limits(self.skew, self.kurtosis)

    def apply(self, column: Array) -> Treated:
        """Return what this makes of a column that is to be treated."""
        if self.how != "winsorise_then":
            return transformed(column, self.limits, self.how, self.power)
        most = None if self.max_points == "all" else self.max_points
        then = None if self.then == "none" else self.then
        return winsorise_then(
            column, most, self.limits, then, power=self.power, combine=self.combine, always=self.always
        )


class Treat(TreatColumn):
    """Outlier treatment of all columns, with exceptions by code."""

    exclude: tuple[str, ...] = ()
    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def of(self, code: str) -> TreatColumn:
        """Return the treatment of one column: the defaults with its exceptions.

        An exception keeps every default that it does not name and that still has an effect beside it.
        """
        if code in self.exclude:
            return TreatColumn(how="none")
        own = self.by.get(code, {})
        default = self.model_dump(include=set(TreatColumn.model_fields))
        names = {"how": self.how, "then": self.then, **{n: own[n] for n in ("how", "then") if n in own}}
        # Validated on its own, a wrong name is refused below with everything else that is wrong.
        idle = TreatColumn.model_construct(**names).ignored
        kept = {name: value for name, value in default.items() if name not in idle}
        return TreatColumn(**{**kept, **own})

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Treat:
        for code in self.by:
            with exception(code):
                self.of(code)
        return self


def treat_columns(
    table: Table, settings: Treat, problems: Problems | None = None
) -> tuple[Table, dict[str, Treated]]:
    """Return the table with outliers treated, and what was done to each column that was to be treated.

    Columns whose figures a transform drives out of the range of doubles stay as they are: an error.
    Columns that still fail are a warning. Both are noted in `problems`; without it errors are raised.
    """
    found = Problems() if problems is None else problems
    rules = [settings.of(c) if c in settings.by or c in settings.exclude else settings for c in table.codes]
    skewness, kurtosis = moments(table.values)
    details: dict[str, Treated] = {}
    values = table.values.copy()
    broken, failing = [], []
    for column, (code, rule) in enumerate(zip(table.codes, rules, strict=True)):
        fails = rule.limits.fail(skewness[column], kurtosis[column])
        if rule.how == "none" or not (fails or rule.always):
            continue
        treated = rule.apply(values[:, column])
        if np.isinf(treated.values).any() or (np.isnan(treated.values) > np.isnan(values[:, column])).any():
            broken.append(code)
            continue
        details[code] = treated
        failing += [] if treated.passes else [code]
        values[:, column] = treated.values
    if broken:
        found.add("treat.overflow", codes=broken)
    if failing:
        found.add("treat.still-fails", codes=failing)
    if problems is None:
        found.raise_errors()
    return table.with_values(values), details


def treatment_details(treatment: Mapping[str, Treated]) -> pl.DataFrame:
    """Return one row for each treated column: its moments before and after, and what was done.

    Examples
    --------
    >>> column = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 99])
    >>> treated = TreatColumn(how="winsorise_then").apply(column)
    >>> treatment_details({"a": treated}).select("code", "how", "points_winsorised", "passes_after").row(0)
    ('a', 'winsorise', 1, True)
    """
    rows = [
        {
            "code": code,
            "how": "+".join(["winsorise"] * bool(done.points) + [done.transform] * bool(done.transform)),
            "skew_before": done.skewness[0],
            "kurtosis_before": done.kurtosis[0],
            "fails_before": done.failed,
            "points_winsorised": done.points,
            "transform": done.transform,
            "power": done.power,
            "skew_after": done.skewness[1],
            "kurtosis_after": done.kurtosis[1],
            "passes_after": done.passes,
        }
        for code, done in treatment.items()
    ]
    text, number, yes = pl.String(), pl.Float64(), pl.Boolean()
    schema = {
        **{"code": text, "how": text, "skew_before": number, "kurtosis_before": number},
        **{"fails_before": yes, "points_winsorised": pl.Int64(), "transform": text, "power": number},
        **{"skew_after": number, "kurtosis_after": number, "passes_after": yes},
    }
    return pl.DataFrame(rows, schema=schema).fill_nan(None)
