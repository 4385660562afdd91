"""A plan put to the test: the city's facts replaced, and the whole assessment run again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from citygauge.analyse.improve.plan import Plan, Standing
from citygauge.collect.observations import ROW, Observations
from citygauge.corridor import assess
from citygauge.problems import InputError
from citygauge.result import Result
from citygauge.workspace import Workspace


def carried_out(result: Result, row: int, plan: Plan) -> Workspace:
    """Return the workspace in which a city has what a plan says, and nothing else is changed.

    What was told of these indicators of the city in the period goes; in its place stands one observation of
    each, with the unit of measure, the standard error and the source of the one that counted.
    """
    workspace, unit = result.workspace, result.units.codes[row]
    frame = workspace.observations.frame
    codes = [move.lever.code for move in plan.moves]
    is_own = (pl.col("unit") == unit) & pl.col("indicator").is_in(codes) & pl.col("subject").is_null()
    if result.period is not None:
        is_own &= pl.col("period").is_null() | (pl.col("period") == result.period)
    last = max(frame[ROW].to_list(), default=0)
    rows = [
        _observation(result, unit, move.lever.code, {"value": move.raw_to, ROW: last + i})
        for i, move in enumerate(plan.moves, 1)
    ]
    told = pl.DataFrame(rows, schema=frame.schema, orient="row")
    observations = Observations(pl.concat([frame.filter(~is_own), told]), workspace.observations.file)
    return replace(workspace, observations=observations, method=result.method)


def _observation(result: Result, unit: str, code: str, own: dict[str, Any]) -> dict[str, Any]:
    """Return the observation that counted of a cell with another value; a bare one where nobody told any."""
    frame = result.workspace.observations.frame
    line = int(result.facts.rows[result.facts.units.index(unit), result.facts.codes.index(code)])
    told: dict[str, Any] = dict.fromkeys(frame.columns)
    if line:
        told = frame.row(by_predicate=pl.col(ROW) == line, named=True)
    kept = {"state": "value", "origin": "observed", "supersedes": None, "note": None}
    known = {name: text for name, text in kept.items() if name in told}
    return {**told, "unit": unit, "indicator": code, "period": result.period, **known, **own}


def run_again(result: Result, row: int, plan: Plan) -> Result | None:
    """Return the assessment with a plan carried out; None where it cannot run then, or a value is unknown."""
    if any(np.isnan(move.raw_to) for move in plan.moves):
        return None
    try:
        return assess(carried_out(result, row, plan))
    except InputError:
        return None


def standing_in(again: Result, unit: str) -> Standing | None:
    """Return where a city stands in another run; None where it is not in it."""
    if unit not in again.units.codes:
        return None
    row = again.units.codes.index(unit)
    grade = again.grades[row] if again.grades else ""
    return Standing(float(again.index[row]), int(again.ranks[row, 0]), grade)
