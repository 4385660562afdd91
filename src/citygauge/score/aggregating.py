"""Aggregation: how a method makes the score of every node, and what it notes on the way."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from citygauge.faults import RuleError
from citygauge.framework.model import Framework
from citygauge.indicators.table import DERIVED, MISSING, NOT_APPLICABLE, VALUE, Table
from citygauge.problems import Problems
from citygauge.score.aggregate import MEANS, PARAMETERS, AggregateName, Nodes, Rule, Step, aggregate
from citygauge.score.outranking import PreferenceName, promethee
from citygauge.score.plain import Plain, exception
from citygauge.score.points import note_vetoes, with_nothing_earned

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """How the nodes are computed: the rule of each, the steps, and the scores that are 0 and full marks."""

    rules: Mapping[str, Rule]
    steps: tuple[Step, ...]
    onto: tuple[float, float]


_POSITIVE = frozenset({"geometric", "harmonic", "generalised", "mpi", "coupling", "benefit_of_the_doubt"})


class AggregateNode(Plain):
    """How a parent is computed, and the least share of its children that must be there.

    `power` belongs to ``generalised``, `orness` to ``owa``, `penalty` to ``mpi``, `v` to ``vikor``,
    `preference` with `indifference` and `threshold` (in scores) to ``promethee``; `low` and `high` bound the
    share of each child in a unit's own score under ``benefit_of_the_doubt``.
    """

    how: AggregateName = "arithmetic"
    min_availability: float = Field(0.0, ge=0, le=1)
    power: float | None = Field(None, ge=-100, le=100)
    orness: float | None = Field(None, gt=0, lt=1)
    penalty: Literal["-", "+"] | None = None
    v: float | None = Field(None, ge=0, le=1)
    preference: PreferenceName | None = None
    indifference: float | None = Field(None, ge=0)
    threshold: float | None = Field(None, gt=0)
    low: float | None = Field(None, ge=0, le=1)
    high: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _parameters_fit(self) -> AggregateNode:
        taken = PARAMETERS[self.how]
        if strange := sorted(self.parameters.keys() - taken):
            what = f"it takes {', '.join(sorted(taken))}" if taken else "it takes none"
            has = f"可用的有：{'、'.join(sorted(taken))}" if taken else "它没有参数"
            raise RuleError(
                f"{self.how} takes no {', '.join(strange)}; {what}",
                f"{self.how} 不接受 {'、'.join(strange)}；{has}",
            )
        if self.how == "generalised" and self.power is None:
            raise RuleError(
                "generalised needs `power`: 1 is the arithmetic mean, -1 the harmonic, 0 the geometric",
                "generalised 需要 `power`：1 为算术平均，-1 为调和平均，0 为几何平均",
            )
        if self.how == "promethee":  # says itself which limits its preference needs
            try:
                promethee(np.zeros((1, 1)), np.ones(1), **self.parameters)
            except ValueError as error:
                raise RuleError(
                    str(error).replace("None", "nothing"),
                    f"偏好函数 {self.preference} 需要 indifference（不小于 0）与 threshold（大于 0）中相应的"
                    "参数，且前者应小于后者",
                ) from None
        if self.low is not None and self.high is not None and self.low > self.high:
            raise RuleError(
                f"low ({self.low:g}) must not be above high ({self.high:g})",
                f"low（{self.low:g}）不应大于 high（{self.high:g}）",
            )
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that are set."""
        names = AggregateNode.model_fields.keys() - {"how", "min_availability"}
        return {name: value for name in sorted(names) if (value := getattr(self, name)) is not None}


class Aggregate(AggregateNode):
    """Aggregation of all parents, with exceptions by the level of the parent (``"0"``) or its code."""

    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def rules(self, framework: Framework) -> dict[str, Rule]:
        """Return the rule of every aggregate; a code's own exception comes before its level's."""
        found = {}
        for code in framework.aggregates:
            chosen = self.of(code, framework)
            found[code] = Rule(chosen.how, chosen.min_availability, tuple(chosen.parameters.items()))
        return found

    def of(self, code: str, framework: Framework) -> AggregateNode:
        """Return the settings of one parent: the defaults, the exception of its level, and its own.

        Raises
        ------
        pydantic.ValidationError
            Where these do not fit together, which shows only in a framework; `check_method` says so.
        """
        level = str(framework.levels[code])
        return self._node(self.by.get(level, {}) if level not in framework else {}, self.by.get(code, {}))

    def _node(self, *exceptions: Mapping[str, Any]) -> AggregateNode:
        """Return the settings with exceptions; another method drops the parameters that it does not take."""
        settings = self.model_dump(include=set(AggregateNode.model_fields), exclude_none=True)
        for own in exceptions:
            if own.get("how", settings["how"]) != settings["how"]:
                keeps = PARAMETERS.get(str(own["how"]), frozenset()) | {"min_availability"}
                settings = {name: value for name, value in settings.items() if name in keeps}
            settings |= own
        return AggregateNode(**settings)

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Aggregate:
        for code, own in self.by.items():
            with exception(code):
                self._try_on(code, own)
        return self

    def _try_on(self, code: str, own: Mapping[str, Any]) -> None:
        """Raise what is wrong with an exception, unless there is a level on whose exception it fits."""
        bases = [self.by[key] for key in self.by if key.isdigit() and key != code]
        try:
            self._node(own)
        except ValidationError:
            for base in bases:
                with suppress(ValidationError):
                    self._node(base, own)
                    return
            raise


def aggregate_nodes(
    table: Table, plan: Plan, framework: Framework, problems: Problems
) -> tuple[Table, Table | None]:
    """Return the scores of all nodes, and what the measures say of indicators with scores of their own.

    Where a score of its own and the measures below differ, the own one stands and the difference is noted.
    """
    position = {code: i for i, code in enumerate(framework.codes)}
    columns = [position[code] for code in table.codes]
    shape = (len(table.units), len(framework))
    scores, applicable = np.full(shape, np.nan), np.ones(shape, bool)
    scores[:, columns], applicable[:, columns] = table.values, table.applicable
    steps, onto = plan.steps, plan.onto
    filled, unknown = with_nothing_earned(scores, framework, onto[0])
    nodes = aggregate(filled, applicable, steps)
    values = np.where(unknown, np.nan, nodes.values)
    _note_undefined(nodes, framework, plan.rules, problems)
    _note_alike(nodes, framework, plan.rules, problems)
    note_vetoes(table, framework, onto[0], problems)
    result = _node_table(table, framework, values, nodes.applicable)
    own = [code for code in table.codes if framework.children(code)]
    if not own:
        return result, None
    at = [position[code] for code in own]
    scores[:, at] = np.nan
    filled, unknown = with_nothing_earned(scores, framework, onto[0])
    nodes = aggregate(filled, applicable, steps)
    values = np.where(unknown, np.nan, nodes.values)
    below = _node_table(table, framework, values, nodes.applicable)
    from_measures = Table(
        below.units, tuple(own), below.values[:, at], below.states[:, at], below.origins[:, at]
    )
    _note_differences(table, from_measures, problems)
    return result, from_measures


def _node_table(table: Table, framework: Framework, values: Array, applicable: NDArray[np.bool_]) -> Table:
    gap = np.where(applicable, MISSING, NOT_APPLICABLE)
    states = np.where(np.isnan(values), gap, VALUE).astype(np.int8)
    origins = np.full(values.shape, DERIVED, np.int8)
    for column, code in enumerate(table.codes):
        at = framework.codes.index(code)
        gone = np.isnan(values[:, at]) & (table.states[:, column] == NOT_APPLICABLE)
        states[gone, at] = NOT_APPLICABLE
        origins[:, at] = np.where(np.isnan(table.values[:, column]), DERIVED, table.origins[:, column])
    return Table(table.units, framework.codes, values, states, origins)


def _note_undefined(
    nodes: Nodes, framework: Framework, rules: Mapping[str, Rule], problems: Problems
) -> None:
    """Note methods that are not defined for some scores: refuse rather than leave silent gaps."""
    position = {code: i for i, code in enumerate(framework.codes)}
    for code, rule in rules.items():
        parameters = dict(rule.parameters)
        if rule.how not in _POSITIVE or parameters.get("power") == 1:
            continue
        floor = parameters["low"] if rule.how == "coupling" else 0.0
        at = position[code]
        undefined = np.isnan(nodes.values[:, at]) & nodes.enough[:, at]
        below = [
            child
            for child in framework.counted(code)
            if (undefined & (nodes.values[:, position[child]] < floor)).any()
        ]
        if below:
            problems.add("method.negative-under-mean", code=code, how=rule.how, least=floor, codes=below)


def _note_alike(nodes: Nodes, framework: Framework, rules: Mapping[str, Rule], problems: Problems) -> None:
    """Note parents that nobody has a score of because a method finds nothing to tell their units apart by."""
    position = {code: i for i, code in enumerate(framework.codes)}
    for code, rule in rules.items():
        at = position[code]
        if rule.how in MEANS or rule.how in _POSITIVE:
            continue
        if nodes.enough[:, at].any() and np.isnan(nodes.values[:, at]).all():
            problems.add("facts.alike-below", code=code, how=rule.how)


def _note_differences(table: Table, from_measures: Table, problems: Problems) -> None:
    for code in from_measures.codes:
        own, measured = table.column(code), from_measures.column(code)
        differ = np.abs(own - measured) > 1e-9 * np.maximum(1.0, np.abs(own))
        if differ.any():
            units = [unit for unit, differs in zip(table.units, differ, strict=True) if differs]
            largest = float(np.nanmax(np.abs(own - measured)))
            problems.add("facts.own-score-differs", code=code, units=units, largest=largest)
