"""The scores of one workspace under many methods, without doing a stage twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from citygauge.gather import Run, Year, gather, history
from citygauge.indicators.table import Table
from citygauge.problems import InputError, Problems
from citygauge.score.conflicts import note_losses
from citygauge.score.imputing import Imputed, fill_gaps
from citygauge.score.method import Method
from citygauge.score.normalising import normalise_columns
from citygauge.score.steps import Scaled, Scored, plan_of, scored
from citygauge.score.treating import treat_columns
from citygauge.score.weighting import shares_of
from citygauge.workspace import Workspace

Kept = TypeVar("Kept")


class Stages:
    """The scores of a workspace under many methods, each stage done once for the settings it rests on."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._kept: dict[tuple[str, ...], Any] = {}

    def nodes(self, method: Method) -> Table:
        """Return the scores of all nodes, as `assess` gives them.

        Raises
        ------
        InputError
            With all problems of the first stage that has any.
        """
        problems, framework = Problems(), self.workspace.framework
        run = Run.of(self.workspace, method, problems)
        period = self.workspace.chosen_period(problems)
        problems.raise_errors()
        year = self._once(run, "gather", ("screen",), lambda _: gather(run, period))
        if year.facts.is_score.any():  # whether scores handed over fit depends on the normalisation
            year = self._once(run, "gather", ("screen", "normalise"), lambda _: gather(run, period))
        if year.problems.errors:
            raise InputError(year.problems)
        strata = {name: self._scaled(run, year, name) for name in year.derived}
        shares = shares_of(method, framework, [each.normalised for each in strata.values()], problems)
        problems.raise_errors()
        plan = plan_of(method, framework, shares)
        found = Scored.mean([scored(each, plan, framework, problems) for each in strata.values()], framework)
        note_losses(year.whole, found, framework, plan.rules, problems)
        problems.raise_errors()
        return found.aggregated

    def _scaled(self, run: Run, year: Year, stratum: str) -> Scaled:
        """Return the columns of a stratum on their scales."""
        method, framework = run.method, run.workspace.framework
        part = year.part(stratum)

        def fill(noted: Problems) -> Imputed:
            past = self._once(run, "past", ("screen", "impute"), lambda _: history(run, [year]))
            own = past.get(stratum, {})
            return fill_gaps(part.table, method.impute, part.units, framework, own, year.period, noted)

        imputed = self._once(run, f"fill {stratum}", ("screen", "impute"), fill).table
        treated = self._once(
            run, f"treat {stratum}", ("screen", "impute", "treat"),
            lambda noted: treat_columns(imputed, method.treat, noted)[0],
        )  # fmt: skip
        normalised = self._once(
            run, f"normalise {stratum}", ("screen", "impute", "treat", "normalise"),
            lambda noted: normalise_columns(treated, method.normalise, framework, noted),
        )  # fmt: skip
        return Scaled(imputed, treated, normalised)

    def _once(self, run: Run, stage: str, settings: Sequence[str], make: Callable[[Problems], Kept]) -> Kept:
        """Return what a stage makes under these settings, made when it is first asked for."""
        key = (stage, *(getattr(run.method, part).model_dump_json() for part in settings))
        if key not in self._kept:
            noted = Problems()
            made = make(noted)
            noted.raise_errors()
            self._kept[key] = made
        found: Kept = self._kept[key]
        return found
