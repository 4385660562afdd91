"""Treatment: what a method does about outliers, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from citygauge.indicators.table import Table
from citygauge.score.plain import Plain
from citygauge.score.treat import Limits, Treated, moments, transformed, winsorise_then


class TreatColumn(Plain):
    """Outlier treatment of a column; see `score.treat`."""

    how: Literal["none", "winsorise_then", "log"] = "none"
    max_points: int = Field(5, ge=0)
    skew: float = Field(2.0, gt=0)
    kurtosis: float = 3.5
    then: Literal["none", "log"] = "log"


class Treat(TreatColumn):
    """Outlier treatment of all columns, with exceptions by code."""

    exclude: tuple[str, ...] = ()
    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def of(self, code: str) -> TreatColumn:
        """Return the treatment of one column: the defaults with its exceptions."""
        if code in self.exclude:
            return TreatColumn(how="none")
        return TreatColumn(
            **{**self.model_dump(include=set(TreatColumn.model_fields)), **self.by.get(code, {})}
        )

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Treat:
        for code in self.by:
            self.of(code)
        return self


def treat_columns(table: Table, settings: Treat) -> tuple[Table, dict[str, Treated]]:
    """Return the table with outliers treated, and what was done to each column that failed its limits."""
    rules = [settings.of(c) if c in settings.by or c in settings.exclude else settings for c in table.codes]
    skewness, kurtosis = moments(table.values)
    details: dict[str, Treated] = {}
    values = table.values.copy()
    for column, (code, rule) in enumerate(zip(table.codes, rules, strict=True)):
        limits = Limits(rule.skew, rule.kurtosis)
        if rule.how == "none" or not limits.fail(skewness[column], kurtosis[column]):
            continue
        if rule.how == "winsorise_then":
            then = None if rule.then == "none" else rule.then
            details[code] = winsorise_then(values[:, column], rule.max_points, limits, then)
        else:
            details[code] = transformed(values[:, column], limits, rule.how)
        values[:, column] = details[code].values
    return table.with_values(values), details
