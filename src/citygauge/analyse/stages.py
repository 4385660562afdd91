"""The scores of one workspace under many methods, without doing a stage twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from citygauge.gather import Run, Year, gather, history
from citygauge.indicators.table import Table
from citygauge.problems import InputError, Problems
from citygauge.score.aggregating import Plan
from citygauge.score.conflicts import note_losses
from citygauge.score.imputing import Imputed, fill_gaps
from citygauge.score.method import Method
from citygauge.score.normalising import normalise_columns
from citygauge.score.steps import Scaled, Scored, on_scale, plan_of, scored
from citygauge.score.treating import treat_columns
from citygauge.score.weighting import shares_of
from citygauge.workspace import Workspace

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Prepared:
    """What a method makes of a workspace: the columns of each stratum, weights and plan, and all scores."""

    run: Run
    year: Year
    strata: Mapping[str, Scaled]
    shares: Mapping[str, float]
    plan: Plan
    found: Scored


class Stages:
    """The scores of a workspace under many methods, each stage done once for the settings it rests on.

    `period` is by default that of the settings; `beside` are other periods that share what the method's
    `panel` says.
    """

    def __init__(self, workspace: Workspace, period: str | None = None, beside: Sequence[str] = ()) -> None:
        self.workspace, self.period, self.beside = workspace, period, tuple(beside)
        self._kept: dict[tuple[str, ...], Any] = {}

    def nodes(self, method: Method) -> Table:
        """Return the scores of all nodes, as `assess` gives them.

        Raises
        ------
        InputError
            With all problems of the first stage that has any.
        """
        return self.prepared(method).found.aggregated

    def prepared(self, method: Method) -> Prepared:
        """Return the same with what it was made from.

        Raises
        ------
        InputError
            As `nodes`.
        """
        problems, framework = Problems(), self.workspace.framework
        run = Run.of(self.workspace, method, problems)
        period = self.period or self.workspace.chosen_period(problems)
        problems.raise_errors()
        year = self._year(run, period)
        if self.beside:
            strata, tables = self._scaled_together(run, year)
        else:
            strata = {name: self._scaled(run, year, name) for name in year.derived}
            tables = [each.normalised for each in strata.values()]
        shares = shares_of(method, framework, tables, problems)
        problems.raise_errors()
        plan = plan_of(method, framework, shares)
        found = Scored.mean([scored(each, plan, framework, problems) for each in strata.values()], framework)
        note_losses(year.whole, found, framework, plan.rules, problems)
        problems.raise_errors()
        return Prepared(run, year, strata, shares, plan, found)

    def _year(self, run: Run, period: str | None) -> Year:
        """Return what is known of a period."""
        year = self._once(run, f"gather {period}", ("screen",), lambda _: gather(run, period))
        if year.facts.is_score.any():  # whether scores handed over fit depends on the normalisation
            settings = ("screen", "normalise")
            year = self._once(run, f"gather {period}", settings, lambda _: gather(run, period))
        if year.problems.errors:
            raise InputError(year.problems)
        return year

    def _scaled_together(self, run: Run, year: Year) -> tuple[dict[str, Scaled], list[Table]]:
        """Return the columns of each stratum of the period, and the scores of all periods."""
        years = [year, *(self._year(run, period) for period in self.beside)]
        past, noted = history(run, years), Problems()
        strata, tables = {}, []
        for name in year.derived:
            parts = [each.part(name) for each in years if name in each.derived]
            found = on_scale(parts, run.method, run.workspace.framework, past.get(name, {}), noted)
            noted.raise_errors()
            strata[name] = found[0]
            tables += [each.normalised for each in found]
        return strata, tables

    def past(self, prepared: Prepared) -> dict[str, dict[str, Table]]:
        """Return the derived tables of all periods by stratum, where the method looks at other periods."""
        found: dict[str, dict[str, Table]] = self._once(
            prepared.run, "past", ("screen", "impute"), lambda _: history(prepared.run, [prepared.year])
        )
        return found

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
