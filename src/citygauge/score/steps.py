"""The steps on tables: labels, exceptions and states above, the array functions of this room below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from citygauge.collect.units import Units
from citygauge.framework.model import Framework
from citygauge.indicators.table import Table, mean_table
from citygauge.problems import Problems
from citygauge.score.aggregating import aggregate_nodes
from citygauge.score.imputing import impute_gaps
from citygauge.score.method import Method
from citygauge.score.normalising import normalise_columns
from citygauge.score.treat import Treated
from citygauge.score.treating import treat_columns


@dataclass(frozen=True)
class Scored:
    """The tables from filled gaps to scores; see `Result` for each."""

    imputed: Table
    treated: Table
    normalised: Table
    aggregated: Table
    treatment: Mapping[str, Treated] = field(default_factory=dict)
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
        return cls(imputed, treated, normalised, aggregated, from_measures=from_measures)


def score(
    table: Table,
    method: Method,
    framework: Framework,
    units: Units,
    shares: Mapping[str, float],
    problems: Problems,
) -> Scored:
    """Return what the method makes of a screened table of indicators."""
    imputed = impute_gaps(table, method.impute, units, framework)
    treated, treatment = treat_columns(imputed, method.treat)
    normalised = normalise_columns(treated, method.normalise, framework)
    aggregated, from_measures = aggregate_nodes(
        normalised, method.aggregate, method.normalise.range, framework, shares, problems
    )
    return Scored(imputed, treated, normalised, aggregated, treatment, from_measures)
