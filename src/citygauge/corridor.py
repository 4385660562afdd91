"""The corridor: facts → roll up → derive → screen → impute → treat → normalise → aggregate → grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from citygauge.gather import Run, Year, gather, history, raise_errors
from citygauge.indicators.screen import availability
from citygauge.panel import Panel
from citygauge.problems import Problems
from citygauge.result import Result
from citygauge.score.conflicts import check_effects, note_losses, note_lost_in_stratum
from citygauge.score.grade import grade
from citygauge.score.method import Method
from citygauge.score.ranges import ranges
from citygauge.score.rank import rank
from citygauge.score.steps import Scored, on_scale, plan_of, scored
from citygauge.score.weight import effective_weights
from citygauge.score.weighting import shares_of
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
    run = Run.of(workspace, method, problems)
    period = workspace.chosen_period(problems)
    problems.raise_errors()
    return _results(run, [period], problems)[0]


def assess_panel(
    workspace: Workspace, method: Method | None = None, periods: Sequence[str] | None = None
) -> Panel:
    """Return the results of several periods: on one scale, or each on its own, as the method's `panel` says.

    Parameters
    ----------
    workspace : Workspace
    method : Method, optional
        In place of the workspace's own.
    periods : sequence of str, optional
        By default those of the settings, else every period that there are facts of.

    Raises
    ------
    InputError
        With all problems of all periods; each names its period.
    """
    problems = Problems(workspace.warnings)
    run = Run.of(workspace, method, problems)
    chosen = workspace.chosen_periods(problems, periods)
    problems.raise_errors()
    results = _results(run, chosen, problems)
    return Panel(dict(zip(chosen, results, strict=True)))


def _results(run: Run, periods: Sequence[str | None], problems: Problems) -> list[Result]:
    """Return the result of each period; `problems` holds what was noted before, of no period."""
    method, framework = run.method, run.workspace.framework
    years = [gather(run, period) for period in periods]
    raise_errors(problems, years)
    check_effects(method, framework, {code for year in years for code in year.whole.codes}, problems)
    past = history(run, years)
    strata = {}
    for stratum in dict.fromkeys(name for year in years for name in year.derived):
        own = [year for year in years if stratum in year.derived]
        parts = [year.part(stratum) for year in own]
        scaled = on_scale(parts, method, framework, past.get(stratum, {}), problems)
        strata[stratum] = {year.period: one for year, one in zip(own, scaled, strict=True)}
    raise_errors(problems, years)
    tables = [one.normalised for by_period in strata.values() for one in by_period.values()]
    shares = shares_of(method, framework, tables, problems)
    raise_errors(problems, years)
    plan, found = plan_of(method, framework, shares), []
    for year in years:
        noted = Problems()
        in_strata = {
            stratum: scored(by_period[year.period], plan, framework, noted)
            for stratum, by_period in strata.items()
            if year.period in by_period
        }
        for stratum, one in in_strata.items() if len(in_strata) > 1 else ():
            note_lost_in_stratum(stratum, one, noted)
        year.problems.add_once(noted)
        whole = Scored.mean(list(in_strata.values()), framework)
        note_losses(year.whole, whole, framework, plan.rules, year.problems)
        found.append((year, in_strata, whole))
    raise_errors(problems, years)
    return [_result(run, *each, shares, problems) for each in found]


def _result(
    run: Run,
    year: Year,
    strata: Mapping[str, Scored],
    whole: Scored,
    shares: Mapping[str, float],
    problems: Problems,
) -> Result:
    workspace, method = run.workspace, run.method
    framework = workspace.framework
    index, onto = whole.aggregated.values[:, 0], ranges(method, framework)[framework.root.code]
    return Result(
        workspace, method, year.units, year.facts, year.whole, year.whole.of_units(year.keep),
        whole.imputed, whole.treated, whole.normalised, whole.aggregated,
        rolled=year.rolled,
        screening=year.screening,
        imputation=whole.imputation,
        treatment=whole.treatment,
        from_measures=whole.from_measures,
        strata=strata if workspace.strata else {},
        ranks=rank(whole.aggregated.values),
        availability=availability(whole.imputed, framework),
        shares=shares,
        effective_weights=effective_weights(framework, shares),
        scale=run.scale,
        stage_scale=run.stages,
        grades=tuple(grade(index, run.scale, onto)) if run.scale else (),
        stages=tuple(grade(index, run.stages, onto)) if run.stages else (),
        period=year.period,
        noted=(*problems.warnings, *year.problems.warnings),
    )  # fmt: skip
