"""Imputation: what a method fills gaps with."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import model_validator

from citygauge.collect.units import Units
from citygauge.framework.model import Framework
from citygauge.indicators.impute import group_mean, impute
from citygauge.indicators.table import Table
from citygauge.score.plain import Plain


class Impute(Plain):
    """How gaps are filled: not at all, or with the mean of the unit's group (an attribute of the units)."""

    how: Literal["none", "group_mean"] = "none"
    group: str | None = None

    @model_validator(mode="after")
    def _group_is_named(self) -> Impute:
        if (self.how == "group_mean") != (self.group is not None):
            raise ValueError("group_mean needs `group`, the attribute of the units; `none` takes no group")
        return self


def impute_gaps(table: Table, settings: Impute, units: Units, framework: Framework) -> Table:
    """Return the table with gaps filled as the method says; groups are an attribute of the units.

    Scores of its own that an indicator made of measures lacks are no gaps: its measures stand for it.
    Bonuses, deductions and vetoes are not filled: nobody gets them for what others did.
    """
    if settings.how == "none" or settings.group is None:
        return table
    estimates = group_mean(table.values, units.texts(settings.group))
    closed = [bool(framework.children(code) or framework.roles[code]) for code in table.codes]
    estimates[:, closed] = np.nan
    return impute(table, estimates)
