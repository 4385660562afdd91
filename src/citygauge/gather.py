"""What is known of each period before anything is compared: facts rolled up, derived and screened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.collect.resolve import Facts, resolve, subject_facts, with_rolled_up
from citygauge.collect.subjects import Subjects
from citygauge.collect.units import Units
from citygauge.indicators.derive import derive, note_silence
from citygauge.indicators.rollup import RolledUp, roll_up, strata_of
from citygauge.indicators.table import Table, mean_table
from citygauge.problems import Problems
from citygauge.score.conflicts import check_method, check_scores_handed_over, note_unused_schemes
from citygauge.score.estimating import OVER_TIME
from citygauge.score.foresight import note_conflicts
from citygauge.score.grade import GradeScale, grade_scale
from citygauge.score.method import Method
from citygauge.score.screening import screen_units
from citygauge.score.steps import Part
from citygauge.score.weighting import check_weights
from citygauge.workspace import Workspace


@dataclass(frozen=True)
class Run:
    """What holds in every period of a run."""

    workspace: Workspace
    method: Method
    units: Units
    subjects: Subjects
    scale: GradeScale | None
    stages: GradeScale | None

    @classmethod
    def of(cls, workspace: Workspace, method: Method | None, problems: Problems) -> Run:
        """Check a method against a workspace and choose units, things inside them, and grade scales."""
        method, framework = method or workspace.method, workspace.framework
        units, subjects = workspace.assessed_units(problems), workspace.chosen_subjects(problems)
        check_method(method, framework, workspace.units, problems)
        check_weights(method.weights, framework, problems)
        note_unused_schemes(method, framework, problems)
        if not problems.errors:
            note_conflicts(method, framework, bool(method.grades.scale or method.grades.stages), problems)
        folder, grades = workspace.folder, method.grades
        scale = grade_scale(grades.scale, folder, problems) if grades.scale else None
        stages = grade_scale(grades.stages, folder, problems) if grades.stages else None
        return cls(workspace, method, units, subjects.of_units(units.codes), scale, stages)


@dataclass(frozen=True)
class Year:
    """What is known of one period.

    `derived` holds the table of each stratum, `whole` their mean; `screening` tells of every unit whether
    and why it stays, `units` are those that do. What is noted of the period stands in `problems`.
    """

    period: str | None
    facts: Facts
    rolled: RolledUp
    derived: Mapping[str, Table]
    whole: Table
    keep: NDArray[np.bool_]
    screening: pl.DataFrame
    units: Units
    problems: Problems = field(default_factory=Problems)

    def part(self, stratum: str) -> Part:
        """Return the screened table of a stratum."""
        return Part(self.period, self.derived[stratum].of_units(self.keep), self.units, self.problems)


def gather(run: Run, period: str | None) -> Year:
    """Return what is known of a period; errors are noted in its `problems`."""
    workspace, framework, problems = run.workspace, run.workspace.framework, Problems()
    told_by = workspace.settings.sources
    inside = subject_facts(workspace.observations, run.subjects, framework, period, problems, told_by)
    rolled = roll_up(inside, run.subjects, framework, workspace.strata, problems)
    told = resolve(workspace.observations, framework, run.units.codes, period, problems, told_by)
    derived, noted = {}, Problems()
    for name, part in strata_of(rolled, workspace.strata).items():
        facts = with_rolled_up(told, part, noted)
        check_scores_handed_over(facts, run.method, framework, noted)
        derived[name] = derive(facts, framework, run.units, noted)
    problems.add_once(noted)
    whole = mean_table(derived.values(), framework.codes)
    if not problems.errors:
        note_silence(whole, framework, problems)
    screened = screen_units(whole, framework, run.method.screen)
    units = run.units.select(np.array(run.units.codes)[screened.keep])
    return Year(period, told, rolled, derived, whole, screened.keep, screened.units, units, problems)


def history(run: Run, years: Iterable[Year]) -> dict[str, dict[str, Table]]:
    """Return the derived tables of all periods by stratum, where the method looks at other periods."""
    if not any(rule.how in OVER_TIME for rule in run.method.impute.rules().values()):
        return {}
    known = {year.period: year for year in years}
    found: dict[str, dict[str, Table]] = {}
    for period in run.workspace.observations.periods:
        year = known.get(period) or gather(run, period)
        for stratum, table in year.derived.items():
            found.setdefault(stratum, {})[period] = table
    return found


def raise_errors(problems: Problems, years: Sequence[Year]) -> None:
    """Raise everything noted if any of it is an error, each with its period where there are several."""
    every = Problems(problems)
    for year in years:
        every.extend(year.problems.in_period(year.period) if len(years) > 1 else year.problems)
    every.raise_errors()
