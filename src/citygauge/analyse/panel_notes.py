"""What a reader of several periods must know before comparing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from citygauge.analyse.trends import lie_before, relevant_breaks
from citygauge.collect.breaks import concerned
from citygauge.indicators.impute_time import times
from citygauge.panel import Panel
from citygauge.problems import Problem, Problems
from citygauge.result import Result
from citygauge.score.normalise import RELATIVE


def panel_notes(panel: Panel) -> tuple[Problem, ...]:
    """Return what a reader of trends must know: breaks, units that come and go, scales of their own."""
    problems = Problems()
    shown = relevant_breaks(panel)
    if shown.height:
        periods = sorted(set(shown["from_period"]))
        codes = sorted(set(shown["indicator"].drop_nulls())) or ["–"]
        problems.add("panel.breaks", count=shown.height, codes=codes, periods=periods)
    if filled := _filled_over_breaks(panel):
        problems.add("panel.imputed-over-break", codes=filled)
    if gone := _not_always_there(panel):
        problems.add("panel.units-differ", units=gone)
    if (moved := _relative(panel)) and panel.last.method.panel.normalise == "each":
        problems.add("panel.scales-of-their-own", codes=moved)
    if not times(panel.periods)[1]:
        problems.add("panel.periods-in-text-order", periods=panel.periods)
    return problems.warnings


def _relative(panel: Panel) -> list[str]:
    """Return the leaves that are scored by comparing units with each other."""
    roles, normalise = panel.framework.roles, panel.last.method.normalise
    return [code for code in panel.framework.leaves if normalise.of(code, roles[code]).how in RELATIVE]


def _not_always_there(panel: Panel) -> list[str]:
    """Return the labels of the units that have a score of the index in some periods only."""
    scored = Counter(
        unit
        for result in panel.results.values()
        for unit, score in zip(result.units.codes, result.index, strict=True)
        if not np.isnan(score)
    )
    gone = {unit for unit, n in scored.items() if n < len(panel.periods)}
    labels = [panel.label_of[unit] for unit in panel.last.derived.units if unit in gone]
    return sorted(labels) if panel.illustrative else labels


def _filled_over_breaks(panel: Panel) -> list[str]:
    """Return the indicators in which a gap is filled from the far side of a break."""
    workspace, found = panel.last.workspace, set()
    breaks = [(one, concerned(one.indicator, panel.framework)) for one in workspace.breaks]
    for period, result in panel.results.items() if breaks else ():
        for unit, code, source in _carried(result):
            ends = [source] if source in workspace.observations.periods else source.split("–")
            for one, codes in breaks:
                if code in codes and one.unit in {"", unit}:
                    before = lie_before([period, *ends], one.from_period)
                    if before.any() and not before.all():
                        found.add(code)
    return [code for code in panel.framework.codes if code in found]


def _carried(result: Result) -> Iterator[tuple[str, str, str]]:
    """Give unit and code of each cell that was filled from other periods, and these periods."""
    for run in result.strata.values() if result.strata else (result,):
        rows = run.imputation.drop_nulls("from_period")
        yield from rows.select("unit_code", "code", "from_period").iter_rows()
