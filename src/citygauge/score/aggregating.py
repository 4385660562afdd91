"""Aggregation: how a method makes the score of every node, and what it notes on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from citygauge.framework.model import Framework
from citygauge.indicators.table import DERIVED, MISSING, NOT_APPLICABLE, VALUE, Table
from citygauge.problems import Problems
from citygauge.score.aggregate import AGGREGATORS, AggregateName, Rule, aggregate, plan
from citygauge.score.plain import Plain
from citygauge.score.points import note_vetoes, with_nothing_earned

Array = NDArray[np.float64]


class AggregateNode(Plain):
    """How a parent is computed, and the least share of its children that must be there."""

    how: AggregateName = "arithmetic"
    min_availability: float = Field(0.0, ge=0, le=1)


class Aggregate(AggregateNode):
    """Aggregation of all parents, with exceptions by the level of the parent (``"0"``) or its code."""

    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def rules(self, framework: Framework) -> dict[str, Rule]:
        """Return the rule of every aggregate; a code's own exception comes before its level's."""
        default = self.model_dump(include=set(AggregateNode.model_fields))
        found = {}
        for code in framework.aggregates:
            by_level = (
                self.by.get(str(framework.levels[code]), {})
                if str(framework.levels[code]) not in framework
                else {}
            )
            chosen = AggregateNode(**{**default, **by_level, **self.by.get(code, {})})
            found[code] = Rule(chosen.how, chosen.min_availability)
        return found

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Aggregate:
        for own in self.by.values():
            AggregateNode(**{**self.model_dump(include=set(AggregateNode.model_fields)), **own})
        return self


def aggregate_nodes(
    table: Table,
    settings: Aggregate,
    onto: tuple[float, float] | None,
    framework: Framework,
    shares: Mapping[str, float],
    problems: Problems,
) -> tuple[Table, Table | None]:
    """Return the scores of all nodes, and what the measures say of indicators with scores of their own.

    `onto` is the range of the scores below, where they have one. Where a score of its own and the measures
    below differ, the own one stands and the difference is noted.
    """
    position = {code: i for i, code in enumerate(framework.codes)}
    columns = [position[code] for code in table.codes]
    shape = (len(table.units), len(framework))
    scores, applicable = np.full(shape, np.nan), np.ones(shape, bool)
    scores[:, columns], applicable[:, columns] = table.values, table.applicable
    rules, onto = settings.rules(framework), onto or (0.0, 1.0)
    steps = plan(framework, shares, rules, onto)
    filled, unknown = with_nothing_earned(scores, framework, onto[0])
    values = np.where(unknown, np.nan, aggregate(filled, applicable, steps))
    _note_negative(values, framework, rules, problems)
    note_vetoes(table, framework, onto[0], problems)
    result = _node_table(table, framework, values)
    own = [code for code in table.codes if framework.children(code)]
    if not own:
        return result, None
    at = [position[code] for code in own]
    scores[:, at] = np.nan
    filled, unknown = with_nothing_earned(scores, framework, onto[0])
    below = _node_table(table, framework, np.where(unknown, np.nan, aggregate(filled, applicable, steps)))
    from_measures = Table(
        below.units, tuple(own), below.values[:, at], below.states[:, at], below.origins[:, at]
    )
    _note_differences(table, from_measures, problems)
    return result, from_measures


def _node_table(table: Table, framework: Framework, values: Array) -> Table:
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    origins = np.full(values.shape, DERIVED, np.int8)
    for column, code in enumerate(table.codes):
        at = framework.codes.index(code)
        gone = np.isnan(values[:, at]) & (table.states[:, column] == NOT_APPLICABLE)
        states[gone, at] = NOT_APPLICABLE
        origins[:, at] = np.where(np.isnan(table.values[:, column]), DERIVED, table.origins[:, column])
    return Table(table.units, framework.codes, values, states, origins)


def _note_negative(
    values: Array, framework: Framework, rules: Mapping[str, Rule], problems: Problems
) -> None:
    """A geometric mean of negative scores is not defined: refuse rather than leave silent gaps."""
    position = {code: i for i, code in enumerate(framework.codes)}
    for code, rule in rules.items():
        if AGGREGATORS[rule.how] is not AGGREGATORS["geometric"]:
            continue
        below = [child for child in framework.counted(code) if (values[:, position[child]] < 0).any()]
        if below:
            problems.add("method.geometric-of-negative", code=code, codes=below)


def _note_differences(table: Table, from_measures: Table, problems: Problems) -> None:
    for code in from_measures.codes:
        own, measured = table.column(code), from_measures.column(code)
        differ = np.abs(own - measured) > 1e-9 * np.maximum(1.0, np.abs(own))
        if differ.any():
            units = [unit for unit, differs in zip(table.units, differ, strict=True) if differs]
            largest = float(np.nanmax(np.abs(own - measured)))
            problems.add("facts.own-score-differs", code=code, units=units, largest=largest)
