"""The map by which an SDMX data message is read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citygauge.collect.observations import STATES
from citygauge.faults import RuleError, faults_of, note_not_toml, reasoned
from citygauge.files import is_file
from citygauge.framework.model import CHANNELS
from citygauge.problems import Problem, Problems, Where

# CL_OBS_STATUS 2.2 of the SDMX content-oriented guidelines; every other code goes with a value.
STATUS_STATES = {"H": "missing", "L": "missing", "M": "not_applicable", "O": "missing", "Q": "missing"}
# Eurostat's own flags, in which I is no imputation: c stands for confidential, z for not applicable.
FLAG_STATES = {"C": "missing", "Z": "not_applicable"}
FLAGS = "OBS_FLAG"

Condition = Mapping[str, str | tuple[str, ...]]


class SdmxMap(BaseModel):
    """How a message is read: ``imports/NAME.toml``. Without any key it is the built-in map.

    `unit`, `period`, `status`, `measure` and `multiplier` name the dimension or attribute that holds each.
    `indicators` gives for each code of the framework the values that its observations have
    (``[indicators.a]``, ``SUBJECT = "X1"``, ``SEX = ["T", "_T"]``); without it the values of the dimension
    `indicator` are the codes. Observations that do not meet `where` are left out.

    The observations of one indicator must be alike in every other dimension; those of `may_differ` need not.

    A unit is found by the table `units` (code of the message → unit), else by `unit_attribute`, a column
    of ``units.csv`` that holds the message's codes (ISO 3166, NUTS …), else by code, name or alias.
    `other_units` says what becomes of areas that are no unit. `states` adds to `STATUS_STATES`, or
    overrides it; `measures` gives the unit of measure for a code of the message; `factors` a number for
    each indicator that the value is multiplied by, after the message's own power of ten.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    unit: str = "REF_AREA"
    period: str = "TIME_PERIOD"
    indicator: str = "INDICATOR"
    status: str = "OBS_STATUS"
    measure: str = "UNIT_MEASURE"
    multiplier: str = "UNIT_MULT"
    indicators: Mapping[str, Condition] = Field(default_factory=dict)
    where: Condition = Field(default_factory=dict)
    units: Mapping[str, str] = Field(default_factory=dict)
    unit_attribute: str | None = None
    other_units: Literal["refuse", "leave_out"] = "refuse"
    states: Mapping[str, str] = Field(default_factory=dict)
    measures: Mapping[str, str] = Field(default_factory=dict)
    factors: Mapping[str, float] = Field(default_factory=dict)
    may_differ: tuple[str, ...] = ()
    channel: str | None = None

    @model_validator(mode="after")
    def _words_hold(self) -> SdmxMap:
        if bad := [code for code, number in self.factors.items() if not isfinite(number) or number == 0]:
            named = ", ".join(bad)
            raise RuleError(f"factors must be numbers other than 0: {named}", f"倍数应为非零的数字：{named}")
        if bad := [state for state in self.states.values() if state not in STATES]:
            known, named = ", ".join(STATES), ", ".join(bad)
            raise RuleError(f"states are {known}, not {named}", f"状态只能是 {known}，不能是 {named}")
        if self.channel is not None and self.channel not in CHANNELS:
            known = ", ".join(CHANNELS)
            raise RuleError(f"a channel is one of {known}", f"采集渠道应为下列之一：{known}")
        return self

    @property
    def needed(self) -> list[str]:
        """The dimensions and attributes that a message must have."""
        told = [name for condition in self.indicators.values() for name in condition]
        kind = told if self.indicators else [self.indicator]
        return list(dict.fromkeys([self.unit, self.period, *kind, *self.where]))


def read_sdmx_map(path: Path, problems: Problems) -> SdmxMap | None:
    """Read a map and note what is wrong with it; None where it cannot be used."""
    if not is_file(path):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    try:
        return SdmxMap(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        note_not_toml(error, path.name, problems)
    except ValidationError as error:
        for key, _, en, zh in faults_of(error, SdmxMap):
            where = Where(path.name, column=key or None)
            problems.extend([reasoned(Problem("sdmx.bad-map", where, {"key": key or path.name}), en, zh)])
    return None
