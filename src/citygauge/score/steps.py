"""The steps of a method on tables: first every column on its scale, then the nodes above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl

from citygauge.collect.units import Units
from citygauge.framework.model import Framework
from citygauge.indicators.table import Table, mean_table, stacked, unstacked
from citygauge.problems import Problems
from citygauge.score.aggregate import plan
from citygauge.score.aggregating import Plan, aggregate_nodes
from citygauge.score.imputing import DETAILS, fill_gaps
from citygauge.score.method import Method
from citygauge.score.normalising import normalise_columns
from citygauge.score.ranges import rules_with_ranges
from citygauge.score.treat import Treated
from citygauge.score.treating import treat_columns


@dataclass(frozen=True)
class Scaled:
    """The tables from filled gaps to columns on their scales; see `Result` for each."""

    imputed: Table
    treated: Table
    normalised: Table
    treatment: Mapping[str, Treated] = field(default_factory=dict)
    imputation: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DETAILS))


@dataclass(frozen=True)
class Scored(Scaled):
    """The same with the scores of all nodes."""

    aggregated: Table = field(kw_only=True)
    from_measures: Table | None = None

    @classmethod
    def mean(cls, strata: Sequence[Scored], framework: Framework) -> Scored:
        """Return the means over strata; what was done to single columns stays with its stratum."""
        if len(strata) == 1:
            return strata[0]
        imputed, treated, normalised, aggregated = (
            mean_table([getattr(each, name) for each in strata], framework.codes)
            for name in ("imputed", "treated", "normalised", "aggregated")
        )
        own = [each.from_measures for each in strata if each.from_measures is not None]
        from_measures = mean_table(own, framework.codes) if own else None
        return cls(imputed, treated, normalised, aggregated=aggregated, from_measures=from_measures)


@dataclass(frozen=True)
class Part:
    """The screened table of one period, its units, and where its problems are noted."""

    period: str | None
    table: Table
    units: Units
    problems: Problems


def on_scale(
    parts: Sequence[Part],
    method: Method,
    framework: Framework,
    history: Mapping[str, Table],
    problems: Problems,
) -> list[Scaled]:
    """Return the columns of each period on their scales.

    Parameters
    ----------
    parts : sequence of Part
        Of one period, or of several that the method's `panel` treats and normalises together or apart.
    history : mapping
        The derived table of every period there is, for imputation over time.
    problems : Problems
        For what concerns the periods together.
    """
    codes, panel = framework.codes, method.panel
    filled = [
        fill_gaps(each.table, method.impute, each.units, framework, history, each.period, each.problems)
        for each in parts
    ]
    imputed = [each.table for each in filled]
    if panel.treat == "all":
        done, details = treat_columns(stacked(imputed, codes), method.treat, problems)
        treated, treatments = unstacked(done, imputed), _split(details, imputed)
    else:
        pairs = [
            treat_columns(table, method.treat, each.problems)
            for table, each in zip(imputed, parts, strict=True)
        ]
        treated, treatments = [table for table, _ in pairs], [details for _, details in pairs]
    for details, each in zip(treatments, parts, strict=True):
        _refuse_transformed(details, method, framework, each.problems)
    if panel.normalise == "all":
        whole = normalise_columns(stacked(treated, codes), method.normalise, framework, problems)
        normalised = unstacked(whole, treated)
    else:
        normalised = [
            normalise_columns(table, method.normalise, framework, each.problems)
            for table, each in zip(treated, parts, strict=True)
        ]
    steps = zip(imputed, treated, normalised, treatments, (each.details for each in filled), strict=True)
    return [Scaled(*each) for each in steps]


def _refuse_transformed(
    details: Mapping[str, Treated], method: Method, framework: Framework, problems: Problems
) -> None:
    """Refuse transformed figures that are held against posts, targets or levels in the unit as measured."""
    found = [
        code
        for code, done in details.items()
        if done.transform and method.normalise.of(code, framework.roles[code]).has_anchor
    ]
    if found:
        problems.add("treat.transformed-anchor", codes=found)


def _split(details: Mapping[str, Treated], parts: Sequence[Table]) -> list[dict[str, Treated]]:
    """Return what was done to columns of stacked tables, for each of the parts."""
    edges = np.cumsum([0, *(len(part.units) for part in parts)])
    return [
        {
            code: replace(done, values=done.values[low:high], words=done.words[low:high])
            for code, done in details.items()
        }
        for low, high in pairwise(edges)
    ]


def plan_of(method: Method, framework: Framework, shares: Mapping[str, float]) -> Plan:
    """Return how a method computes the nodes of a framework with given weights."""
    rules, onto = rules_with_ranges(method, framework), method.normalise.range or (0.0, 1.0)
    return Plan(rules, plan(framework, shares, rules, onto), onto)


def scored(scaled: Scaled, how: Plan, framework: Framework, problems: Problems) -> Scored:
    """Return columns on their scales with the scores of all nodes above."""
    aggregated, from_measures = aggregate_nodes(scaled.normalised, how, framework, problems)
    return Scored(
        scaled.imputed, scaled.treated, scaled.normalised, scaled.treatment, scaled.imputation,
        aggregated=aggregated, from_measures=from_measures,
    )  # fmt: skip
