"""A city's way up: plans of least effort for a grade or a rank, proved, run again, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.improve.check import run_again, standing_in
from citygauge.analyse.improve.costs import costs_of
from citygauge.analyse.improve.frozen import Frozen, active_codes, frozen_of, gaps_of, imputed_of
from citygauge.analyse.improve.goal import Goal, goal_of, row_of
from citygauge.analyse.improve.plan import Plan, Standing, answers, plan_of, standing_of
from citygauge.analyse.improve.search import is_reached, least_effort
from citygauge.analyse.improve.sure import Share, data_spec, margins, shares_reached, weight_specs
from citygauge.corridor import assess
from citygauge.problems import InputError, Problem, Problems
from citygauge.result import Result
from citygauge.workspace import Workspace

FACTS = "facts"  # the name of what makes scores uncertain, beside those of `weight_specs`
_TRIES, _NEAR = 12, 0.02  # steps to a sure plan, and how near it is to be, in spreads of the noise
_PLANS: dict[str, Any] = {
    "plan": pl.Int64, "kind": pl.String, "indicators": pl.Int64, "effort": pl.Float64, "bound": pl.Float64,
    "gap": pl.Float64, "proved": pl.Boolean, "codes": pl.String,
}  # fmt: skip
_STEPS: dict[str, Any] = {
    "plan": pl.Int64, "code": pl.String, "name_zh": pl.String, "name_en": pl.String, "score_from": pl.Float64,
    "score_to": pl.Float64, "raw_from": pl.Float64, "raw_to": pl.Float64, "unit_of_measure": pl.String,
    "imputed": pl.Boolean, "effort": pl.Float64, "gain": pl.Float64,
}  # fmt: skip
_CHECK: dict[str, Any] = {
    "plan": pl.Int64, "stage": pl.String, "index": pl.Float64, "rank": pl.Int64, "grade": pl.String,
    "reached": pl.Boolean,
}  # fmt: skip
_SENSITIVITY: dict[str, Any] = {
    "plan": pl.Int64, "what": pl.String, "share": pl.Float64, "se": pl.Float64, "draws": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Plans:
    """The outcome of `improve`, immutable.

    Attributes
    ----------
    result : Result
        The assessment as it is.
    row : int
        The row of the city among its units.
    goal : Goal
        What was asked for; `aimed` is the score that the plans aim at, higher where they are to be sure.
    now : Standing
    plans : tuple of Plan
        Least effort first; none where the city is there already.
    again : mapping
        Number of a plan → the assessment with the plan carried out; None where it could not run.
    shares : mapping
        Number of a plan and what varies → the share of draws in which it arrives.
    frozen : Frozen
        The index as a function of the city's indicators.
    gaps : tuple of str
        Indicators that apply to the city and have no score: they stay as they are.
    sure : float or None
    warnings : tuple of Problem
    """

    result: Result
    row: int
    goal: Goal
    aimed: float
    now: Standing
    plans: tuple[Plan, ...]
    again: Mapping[int, Result | None]
    shares: Mapping[tuple[int, str], Share]
    frozen: Frozen
    gaps: tuple[str, ...] = ()
    sure: float | None = None
    warnings: tuple[Problem, ...] = field(default=())

    @property
    def unit(self) -> str:
        """The code that stands beside the figures; a neutral name on illustrative data."""
        return self.result.row_labels[self.row]

    @property
    def is_there(self) -> bool:
        """Whether the city has reached the goal already."""
        return not self.plans

    @property
    def top(self) -> Standing:
        """Where the city would stand with everything at its best."""
        index = float(self.frozen.index(self.frozen.reach[None])[0])
        return standing_of(self.result, self.row, index)

    def checked(self, plan: Plan) -> Standing | None:
        """Return where the city stands when the assessment is run again with a plan; None if it cannot."""
        again = self.again[plan.number]
        return None if again is None else standing_in(again, self.result.units.codes[self.row])

    def arrives(self, plan: Plan) -> bool | None:
        """Tell whether a plan reaches the goal when everything is run again; None if that cannot be told.

        A rank is held against the others as they come out then.
        """
        found = self.checked(plan)
        if found is None:
            return None
        if self.goal.rank is not None:
            return 0 < found.rank <= self.goal.rank
        return self.goal.reached(found.index)

    @cached_property
    def table(self) -> pl.DataFrame:
        """The plans, one row each: ``plan, kind, indicators, effort, bound, gap, proved, codes``."""
        rows = [
            (
                plan.number, plan.kind, len(plan.moves), plan.effort, plan.bound, plan.gap, plan.gap == 0,
                " ".join(move.lever.code for move in plan.moves),
            )
            for plan in self.plans
        ]  # fmt: skip
        return self._told(rows, _PLANS)

    @cached_property
    def steps(self) -> pl.DataFrame:
        """What each plan does to each indicator, the largest `gain` in the index first.

        ``plan, code, name_zh, name_en, score_from, score_to, raw_from, raw_to, unit_of_measure, imputed,
        effort, gain``: normalised scores, and values as they are recorded; `imputed` tells that the value
        from which the plan starts was estimated.
        """
        imputed = imputed_of(self.result, self.row)
        rows = []
        for plan in self.plans:
            for move in plan.moves:
                code = move.lever.code
                node = self.result.framework[code]
                rows.append(
                    (
                        plan.number, code, node.label("zh"), node.label("en"), move.score_from, move.score_to,
                        number(move.raw_from), number(move.raw_to), move.lever.scale.unit or None,
                        code in imputed, move.effort, number(move.share),
                    )
                )  # fmt: skip
        return self._told(rows, _STEPS)

    @cached_property
    def check(self) -> pl.DataFrame:
        """Where the city stands ``before``, as ``planned``, and when all is ``rerun``, by plan.

        ``plan, stage, index, rank, grade, reached``; on illustrative data without `grade`.
        """
        rows: list[tuple[Any, ...]] = []
        for plan in self.plans:
            stages = ("before", self.now), ("planned", plan.planned), ("rerun", self.checked(plan))
            for stage, standing in stages:
                reached = self.arrives(plan) if stage == "rerun" else stage == "planned"
                if standing is None:
                    rows.append((plan.number, stage, None, None, None, reached))
                    continue
                grade = None if self.result.illustrative else standing.grade or None
                rows.append(
                    (plan.number, stage, number(standing.index), standing.rank or None, grade, reached)
                )
        return self._told(rows, _CHECK)

    @cached_property
    def sensitivity(self) -> pl.DataFrame:
        """In which share of draws each plan arrives, the plan carried out and all run again.

        ``plan, what, share, se, draws``; `what` is ``weights_25``, ``weights_unstated`` or ``facts``.
        """
        rows = [
            (plan, what, share.value, share.se, share.draws) for (plan, what), share in self.shares.items()
        ]
        return self._told(rows, _SENSITIVITY)

    def _told(self, rows: list[Any], schema: dict[str, Any]) -> pl.DataFrame:
        return noticed(pl.DataFrame(rows, schema=schema, orient="row"), self.result)

    def __repr__(self) -> str:
        """Name the goal and how many plans there are, and no figure of any unit."""
        return f"<Plans: {len(self.plans)} for {self.goal.name_en} of {self.result!r}>"


def improve(
    source: Workspace | Result,
    city: str,
    to: str | int,
    *,
    costs: Path | str | pl.DataFrame | Mapping[str, float] | None = None,
    sure: float | None = None,
    plans: int = 5,
) -> Plans:
    """Return the least that a city must improve to reach a grade or a rank, and other ways to it.

    Parameters
    ----------
    source : Workspace or Result
        A workspace is assessed by its own method first.
    city : str
        Code, Chinese or English name; on illustrative data a neutral name.
    to : str or int
        A grade by its id or name, or how it begins; or a rank, 1 = first.
    costs : path, DataFrame or mapping, optional
        ``code, cost, per, max, steps``, see `Cost`. By default each point, a hundredth of the range of an
        indicator's score, takes an effort of 1.
    sure : float, optional
        With which probability the goal is to be reached where figures are uncertain, between 0 and 1.
    plans : int
        How many plans at most.

    Returns
    -------
    Plans

    Raises
    ------
    InputError
        With everything that is wrong with what was asked; and ``improve.out-of-reach`` where nothing reaches
        the goal, with the best that does come of it.

    Notes
    -----
    While effort is minimised the scale and the other cities stay as they are. An indicator can go up to the
    end of its scale where this is fixed (goalposts, target, rubric, points), else up to the best value that
    a city has now. Gaps of the city stay gaps. Rubrics, counts, ranks, yes and no know no values between.
    Then each plan is carried out in the facts and the whole assessment is run again, so that whatever moves
    with the city (extremes, means, ranks) moves: `Plans.check`.

    With `sure` the target is raised until the plan arrives in that share of 2,000 draws of the figures, and
    in that of 2,000 fresh ones. Where figures vary by the same amount whatever the plan and the index is a
    sum, that is the least effort of all with this probability; elsewhere it is a plan that has it.

    Examples
    --------
    >>> improve(workspace, "长沙", 10).steps  # doctest: +SKIP
    """
    result = source if isinstance(source, Result) else assess(source)
    problems = Problems()
    row = row_of(result, city, problems)
    prices = costs_of(costs, result.framework, problems)
    goal = None if row is None else goal_of(result, row, to, problems)
    if sure is not None and not 0 < sure < 1:
        problems.add("improve.bad-sure", value=sure)
    if plans < 1:
        problems.add("improve.bad-count", value=plans)
    if row is not None and np.isnan(result.index[row]):
        problems.add("improve.no-score", unit=result.row_labels[row])
        row = None
    frozen = None if row is None else frozen_of(result, row, prices, problems)
    problems.raise_errors()
    if row is None or goal is None or frozen is None:  # a name that is no city is a warning in a table
        raise InputError(problems)
    return _planned(result, row, frozen, goal, (sure, plans))


def _planned(result: Result, row: int, frozen: Frozen, goal: Goal, asked: tuple[float | None, int]) -> Plans:
    """Return the plans for a goal that makes sense."""
    sure, count = asked
    problems = Problems()
    gaps = gaps_of(result, row, frozen)
    if gaps:
        problems.add("improve.gaps", codes=list(gaps))
    unit = result.units.codes[row]
    now = standing_of(result, row, float(result.index[row]))
    uncertain = data_spec(result)
    if sure is not None and uncertain is None:
        raise InputError([Problem("improve.no-spread")])
    plain = Plans(result, row, goal, goal.value, now, (), {}, {}, frozen, gaps, sure, problems.warnings)
    is_there = goal.reached(now.index)
    if is_there and sure is not None and uncertain is not None:
        is_there = shares_reached(result, unit, goal, {FACTS: uncertain})[FACTS].value >= sure
    if is_there:
        return plain
    if not is_reached(np.array([plain.top.index]), goal)[0]:
        raise InputError([_out_of_reach(plain)])
    aimed = goal if sure is None else _raised(plain, sure)
    found = answers(frozen, aimed, count)
    made = tuple(plan_of(result, row, frozen, answer, (i, kind)) for i, (kind, answer) in enumerate(found, 1))
    again = {plan.number: run_again(result, row, plan) for plan in made}
    if failed := [plan.number for plan in made if again[plan.number] is None]:
        problems.add("improve.not-rerun", plans=failed)
    specs = weight_specs(result) | ({} if uncertain is None else {FACTS: uncertain})
    shares = {
        (plan.number, what): share
        for plan in made
        if (other := again[plan.number]) is not None and unit in other.units.codes
        for what, share in shares_reached(other, unit, goal, specs, "B").items()
    }
    done = replace(plain, aimed=aimed.value, plans=made, again=again, shares=shares)
    if missed := [plan.number for plan in made if done.arrives(plan) is False]:
        problems.add("improve.scale-moved", plans=missed)
    return replace(done, warnings=problems.warnings)


def _out_of_reach(plans: Plans) -> Problem:
    """Return what says how far the city can come, and what holds it back."""
    result, frozen, top = plans.result, plans.frozen, plans.top
    levers = {lever.code: lever for lever in frozen.levers}
    held = []
    for code in active_codes(frozen):
        at = frozen.framework.codes.index(code)
        if np.isnan(frozen.scores[at]):
            continue
        lever = levers.get(code)
        best = frozen.scores[at] if lever is None else lever.best
        column = result.method.normalise.of(code, result.framework.roles[code])
        low, high = result.method.normalise.onto(code)
        known = result.normalised.column(code)
        lowers = (lever.sign if lever else 1.0) < 0
        end = (low if lowers else high) if column.range is not None else float(np.nanmax(known))
        if abs(best - end) > 1e-9 * max(1.0, abs(high - low)):
            held.append(code)
    values = {
        "unit": plans.unit, "to": f"{plans.goal.name_zh} / {plans.goal.name_en}",
        "need": round(plans.goal.value, 6), "best": round(top.index, 6), "rank": top.rank,
        "codes": held, "gaps": list(plans.gaps),
    }  # fmt: skip
    return Problem("improve.out-of-reach", values=values)


def _raised(plans: Plans, sure: float) -> Goal:
    """Return the goal with its target raised until the plan for it arrives as surely as it should.

    The plan is searched for on one sample of draws, and has to hold on another.
    """
    room = plans.top.index - plans.goal.value
    at_best = _surplus(plans, room, sure, "A")
    if at_best[0] < 0:
        values = {"sure": sure, "most": round(at_best[2], 3), "unit": plans.unit}
        raise InputError([Problem("improve.not-sure", values=values)])
    low, high = 0.0, room
    at, (surplus, spread, _) = 0.0, _surplus(plans, 0.0, sure, "A")
    if surplus >= 0:
        high = 0.0
    for _ in range(_TRIES):
        if high == 0 or 0 <= surplus <= _NEAR * spread:
            break
        guess = at - surplus  # exact where the noise is the same whatever the plan
        at = guess if low < guess < high else (low + high) / 2
        surplus, spread, _ = _surplus(plans, at, sure, "A")
        low, high = (low, at) if surplus >= 0 else (at, high)
    for _ in range(_TRIES):
        surplus, spread, _ = _surplus(plans, high, sure, "B")
        if surplus >= 0 or high >= room:
            break
        high = min(high - surplus + _NEAR * spread, room)
    return replace(plans.goal, value=plans.goal.value + high)


def _surplus(plans: Plans, raised: float, sure: float, matrix: str) -> tuple[float, float, float]:
    """Return of the plan for a raised target: what the draw that must still arrive has over, and more.

    Its quantile of the margins, their spread, and the probability of arriving.
    """
    result, row, goal = plans.result, plans.row, plans.goal
    unit, spec = result.units.codes[row], data_spec(result)
    assert spec is not None
    answer = least_effort(plans.frozen, replace(goal, value=goal.value + raised))
    plan = None if answer is None else plan_of(result, row, plans.frozen, answer, (0, "best"))
    # A target of what the city has already takes no plan.
    again = run_again(result, row, plan) if plan is not None and plan.moves else result
    if plan is None or again is None or unit not in again.units.codes:
        return -np.inf, 0.0, 0.0
    found = np.sort(margins(again, unit, goal, spec, matrix)) + goal.slack
    missing = found[int(np.floor((1 - sure) * found.size + 1e-9))]  # so many may stay behind
    known = found[np.isfinite(found)]
    return float(missing), float(known.std()) if known.size else 0.0, float((found >= 0).mean())
