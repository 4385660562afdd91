"""The corridor: facts → roll up → derive → screen → impute → treat → normalise → aggregate → grade."""

from __future__ import annotations

import numpy as np

from citygauge.collect.resolve import resolve, subject_facts, with_rolled_up
from citygauge.indicators.derive import derive, note_silence
from citygauge.indicators.rollup import roll_up, strata_of
from citygauge.indicators.screen import availability, screen
from citygauge.indicators.table import mean_table
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
from citygauge.score.steps import Scored, score
from citygauge.score.weight import effective_weights, sibling_weights
from citygauge.workspace import Workspace


def assess(workspace: Workspace, method: Method | None = None) -> Result:
    """Return the scores, ranks and grades of a workspace, with every step on the way.

    Where the framework or the settings name strata, all steps run in each stratum apart, and every table
    of the result holds the means over them.

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
    subjects = workspace.chosen_subjects(problems)
    check_method(method, framework, workspace.units, problems)
    note_unused_schemes(method, framework, problems)
    shares = sibling_weights(framework, method.weights, problems)
    folder, grades = workspace.folder, method.grades
    scale = grade_scale(grades.scale, folder, problems) if grades.scale else None
    stages = grade_scale(grades.stages, folder, problems) if grades.stages else None
    problems.raise_errors()

    subjects = subjects.of_units(units.codes)
    inside = subject_facts(workspace.observations, subjects, framework, period, problems)
    rolled = roll_up(inside, subjects, framework, workspace.strata, problems)
    told = resolve(workspace.observations, framework, units.codes, period, problems)
    derived, noted = {}, Problems()
    for name, part in strata_of(rolled, workspace.strata).items():
        facts = with_rolled_up(told, part, noted)
        check_scores_handed_over(facts, method, framework, noted)
        derived[name] = derive(facts, framework, units, noted)
    problems.add_once(noted)
    problems.raise_errors()
    whole = mean_table(derived.values(), framework.codes)
    note_silence(whole, framework, problems)
    keep = screen(
        whole, framework, method.screen.min_availability, method.screen.include, method.screen.exclude
    )
    units = units.select(np.array(units.codes)[keep])
    noted = Problems()
    strata = {
        name: score(table.of_units(keep), method, framework, units, shares, noted)
        for name, table in derived.items()
    }
    problems.add_once(noted)
    scored = Scored.mean(list(strata.values()), framework)
    note_losses(whole, scored.treated, scored.normalised, scored.aggregated, problems)
    problems.raise_errors()

    index, onto = scored.aggregated.values[:, 0], method.normalise.range
    return Result(
        workspace, method, units, told, whole, whole.of_units(keep),
        scored.imputed, scored.treated, scored.normalised, scored.aggregated,
        rolled=rolled,
        treatment=scored.treatment,
        from_measures=scored.from_measures,
        strata=strata if workspace.strata else {},
        ranks=rank(scored.aggregated.values),
        availability=availability(scored.imputed, framework),
        shares=shares,
        effective_weights=effective_weights(framework, shares),
        scale=scale,
        stage_scale=stages,
        grades=tuple(grade(index, scale, onto)) if scale else (),
        stages=tuple(grade(index, stages, onto)) if stages else (),
        period=period,
        noted=problems.warnings,
    )  # fmt: skip
