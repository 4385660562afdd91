"""Which changes of rank between two periods are sure: the same replications drawn for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from citygauge.analyse.compare import noticed
from citygauge.analyse.robust.answers_change import Period, change
from citygauge.analyse.robust.counts import Counts, Whole
from citygauge.analyse.robust.model import Model
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.ranking import Counter
from citygauge.analyse.robust.robustness import own_spec
from citygauge.analyse.robust.simulate import block_size, blocks, score_span
from citygauge.analyse.robust.spec import SPEC, Spec, with_factors
from citygauge.analyse.stages import Stages
from citygauge.corridor import assess_panel
from citygauge.faults import reasoned
from citygauge.problems import Problem, Problems, Where
from citygauge.workspace import Workspace


def rank_changes(workspace: Workspace, before: str, after: str, spec: Spec | None = None) -> pl.DataFrame:
    """Return how likely each unit is to have moved up or down between two periods.

    Parameters
    ----------
    workspace : Workspace
    before, after : str
        Periods, the earlier one first. Both are scored together, as the method's `panel` says.
    spec : Spec, optional
        By default as in `robustness`. What a replication draws holds for both periods.

    Returns
    -------
    DataFrame
        See `answers_change.change`. Under neutral names on illustrative data: those of the later period.

    Raises
    ------
    InputError
        As `robustness` and `assess_panel`; ``robust.data-over-periods`` where the data vary, whose errors
        are new in each period.
    """
    chosen = own_spec(workspace) if spec is None else with_factors(spec, workspace.framework)
    problems = Problems()
    if data := next((factor for factor in chosen.factor if factor.data), None):
        problems.add("robust.data-over-periods", Where(SPEC), name=data.name)
    problems.raise_errors()
    panel = assess_panel(workspace, periods=[before, after])
    results = [panel.results[period] for period in (before, after)]
    models = [
        model_of(result, chosen, Stages(workspace, period, beside=[other]))
        for result, period, other in zip(results, (before, after), (after, before), strict=True)
    ]
    models = _with_shared(models, problems)
    problems.raise_errors()
    counted, paired = _counted(models[0], models[1], chosen.n)
    labels = panel.label_of
    periods = [
        Period(own, [labels.get(unit, unit) for unit in result.units.codes], result.ranks[:, 0])
        for own, result in zip(counted, results, strict=True)
    ]
    return noticed(change(periods[0], periods[1], paired), panel.last)


def _with_shared(models: Sequence[Model], problems: Problems) -> list[Model]:
    """Return the models without what cannot run in all of them, so that each draw holds for all."""
    able = np.logical_and.reduce([model.number >= 0 for model in models])
    if not able.any():
        values = {"count": able.size, "total": able.size}
        why = "none runs in both periods", "没有一种能在两个时期都运行"
        problems.extend([reasoned(Problem("robust.impossible", Where(SPEC), values), *why)])
    return [replace(model, number=np.where(able, model.number, -1)) for model in models]


def _counted(before: Model, after: Model, n: int) -> tuple[list[Counts], Whole]:
    """Return the counts of both periods, and of the differences of rank ``(n_units of after, 2 m - 1)``."""
    models = (before, after)
    most = max(len(model.units) for model in models)
    paired = np.zeros((len(after.units), 2 * most - 1), np.uint32)
    place = {unit: row for row, unit in enumerate(before.units)}
    shared = [(row, place[unit]) for row, unit in enumerate(after.units) if unit in place]
    size = min(map(block_size, models))
    counters = [Counter(len(m.units), len(m.grades), score_span(m), size) for m in models]
    for first, some in blocks(0, n, size):
        ranks = []
        for model, counter in zip(models, counters, strict=True):
            scores, edges = model.run(model.draws(first, some))
            ranks.append(counter.add(scores, edges).astype(np.int64))
        for row, earlier in shared:
            was, now = ranks[0][:, earlier], ranks[1][:, row]
            both = (was > 0) & (now > 0)
            moved = (now - was)[both] + most - 1
            paired[row] += np.bincount(moved, minlength=paired.shape[1]).astype(np.uint32)
    return [counter.finish() for counter in counters], paired
