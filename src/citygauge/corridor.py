"""The corridor: facts → derive → screen → impute → treat → normalise → aggregate → grade."""

from __future__ import annotations

import numpy as np

from citygauge.collect.resolve import resolve
from citygauge.indicators.derive import derive
from citygauge.indicators.screen import availability, screen
from citygauge.problems import Problems
from citygauge.result import Result
from citygauge.score.conflicts import (
    check_method,
    check_scores_handed_over,
    note_losses,
    note_unused_schemes,
)
from citygauge.score.grade import grade, grade_scale
from citygauge.score.method import Method
from citygauge.score.rank import rank
from citygauge.score.steps import aggregate_nodes, impute_gaps, normalise_columns, treat_columns
from citygauge.score.weight import effective_weights, sibling_weights
from citygauge.workspace import Workspace


def assess(workspace: Workspace, method: Method | None = None) -> Result:
    """Return the scores, ranks and grades of a workspace, with every step on the way.

    Parameters
    ----------
    workspace : Workspace
    method : Method, optional
        In place of the workspace's own.

    Raises
    ------
    InputError
        With all problems of the combination of method, framework and facts.
    """
    problems = Problems(workspace.warnings)
    method, framework = method or workspace.method, workspace.framework
    units, period = workspace.assessed_units(problems), workspace.chosen_period(problems)
    check_method(method, framework, workspace.units, problems)
    note_unused_schemes(method, framework, problems)
    shares = sibling_weights(framework, method.weights, problems)
    folder, grades = workspace.folder, method.grades
    scale = grade_scale(grades.scale, folder, problems) if grades.scale else None
    stages = grade_scale(grades.stages, folder, problems) if grades.stages else None
    problems.raise_errors()

    facts = resolve(workspace.observations, framework, units.codes, period, problems)
    check_scores_handed_over(facts, method, framework, problems)
    derived = derive(facts, framework, units, problems)
    problems.raise_errors()
    keep = screen(
        derived, framework, method.screen.min_availability, method.screen.include, method.screen.exclude
    )
    screened, units = derived.of_units(keep), units.select(np.array(units.codes)[keep])
    imputed = impute_gaps(screened, method.impute, units, framework)
    treated, treatment = treat_columns(imputed, method.treat)
    normalised = normalise_columns(treated, method.normalise, framework)
    aggregated, from_measures = aggregate_nodes(normalised, method, framework, shares, problems)
    note_losses(derived, treated, normalised, aggregated, problems)
    problems.raise_errors()

    index, onto = aggregated.values[:, 0], method.normalise.range
    return Result(
        workspace, method, units, facts, derived, screened, imputed, treated, normalised, aggregated,
        ranks=rank(aggregated.values),
        availability=availability(imputed, framework),
        shares=shares,
        effective_weights=effective_weights(framework, shares),
        treatment=treatment,
        from_measures=from_measures,
        scale=scale,
        stage_scale=stages,
        grades=tuple(grade(index, scale, onto)) if scale else (),
        stages=tuple(grade(index, stages, onto)) if stages else (),
        period=period,
        noted=problems.warnings,
    )  # fmt: skip
