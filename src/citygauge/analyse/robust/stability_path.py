"""The index as a function of the weight of one node among its siblings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.indicators.table import Table
from citygauge.result import Result
from citygauge.score.aggregate import MEANS, Step, aggregate
from citygauge.score.aggregating import Plan
from citygauge.score.points import adjustment, with_nothing_earned
from citygauge.score.steps import plan_of

Array = NDArray[np.float64]
Whole = NDArray[np.intp]

_BY_ROW = frozenset({"arithmetic", "geometric", "harmonic"})  # weights may differ from row to row
_ALONE = frozenset({*MEANS, "median", "owa", "mpi", "coupling"})  # a unit's score hangs on nobody else's
_ROWS = 2**14  # rows at once; more of them would leave the processor's cache


@dataclass(frozen=True, slots=True)
class _RowStep(Step):
    """A mean in which every row has weights of its own, ``(n_rows, n_children)``."""

    by_row: Array | None = None

    def combine(self, values: Array) -> Array:
        """Return the score of the one parent ``(n_rows, 1)``; see `means` for each mean."""
        assert self.by_row is not None
        counts = ~np.isnan(values) & (self.by_row > 0)
        weights = np.where(counts, self.by_row, 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.how == "geometric":
                terms = np.log(values)
            elif self.how == "harmonic":
                terms = np.where(values < 0, np.nan, 1 / np.abs(values))
            else:
                terms = values
            means = np.vecdot(np.where(counts, terms, 0.0), weights) / weights.sum(axis=1)
            if self.how == "geometric":
                means = np.exp(means)
            elif self.how == "harmonic":
                means = 1 / means
        return np.asarray(means)[:, None]


@dataclass(frozen=True, slots=True)
class _Way:
    """The steps from the parent of the node up to the index in one stratum; columns are those they need."""

    scores: Array
    applicable: NDArray[np.bool_]
    steps: tuple[Step, ...]
    rest: Array  # weights of the children where the node has none
    own: Array  # and where it has all

    def by_row(self, rows: Whole, weights: Array) -> Array:
        """Return the index of one unit under one weight in each row."""
        found = np.empty(rows.size)
        for start in range(0, rows.size, _ROWS):
            part = slice(start, start + _ROWS)
            mixed = weights[part, None] * (self.own - self.rest) + self.rest
            first = self.steps[0]
            step = _RowStep(
                first.how, first.parents, first.children, first.weights, first.members, first.limits,
                first.adjust, first.parameters, mixed,
            )  # fmt: skip
            nodes = aggregate(self.scores[rows[part]], self.applicable[rows[part]], (step, *self.steps[1:]))
            found[part] = nodes.values[:, 0]
        return found

    def under(self, weight: float) -> Array:
        """Return the index of all units under one weight."""
        mixed = weight * (self.own - self.rest) + self.rest
        steps = (replace(self.steps[0], weights=mixed[:, None]), *self.steps[1:])
        return aggregate(self.scores, self.applicable, steps).values[:, 0]


@dataclass(frozen=True, slots=True)
class WeightPath:
    """How the index of every unit follows the weight of one node, all else as it is.

    `weight` is the present one. `is_straight` tells whether all means on the way are arithmetic with nothing
    on top of them; gaps can still bend it. `is_smooth` tells whether the index of a unit is a continuous
    function of the weight alone, so that units can be computed one by one.
    """

    ways: tuple[_Way, ...]
    weight: float
    is_straight: bool
    is_smooth: bool

    def of(self, rows: Whole, weights: Array) -> Array:
        """Return the index of one unit under one weight in each row; for smooth paths alone."""
        return _mean([way.by_row(rows, weights) for way in self.ways])

    def under(self, weights: Array) -> Array:
        """Return the index of all units under each weight, ``(n_units, n_weights)``."""
        n = len(self.ways[0].scores)
        if self.is_smooth:
            rows = np.repeat(np.arange(n), weights.size)
            return self.of(rows, np.tile(weights, n)).reshape(n, weights.size)
        found = [np.column_stack([way.under(float(weight)) for weight in weights]) for way in self.ways]
        return _mean(found)


@dataclass(frozen=True, slots=True)
class Ground:
    """What all paths of a result start from: the plan and, in each stratum, the scores of all nodes."""

    framework: Framework
    shares: Mapping[str, float]
    plan: Plan
    strata: tuple[tuple[Array, Array, NDArray[np.bool_]], ...]  # own scores, all scores, applicable

    @classmethod
    def of(cls, result: Result) -> Ground:
        """Return the ground of a result."""
        plan = plan_of(result.method, result.framework, result.shares)
        tables = [each.normalised for each in result.strata.values()] or [result.normalised]
        strata = tuple(_stratum(table, plan, result.framework) for table in tables)
        return cls(result.framework, result.shares, plan, strata)

    def path(self, code: str) -> WeightPath:
        """Return how the index follows the weight of a node that has a sibling with a weight."""
        framework, shares = self.framework, self.shares
        above = list(framework.ancestors(code))
        siblings = framework.children(above[0])
        counted = framework.counted(above[0])
        whole = sum(shares[other] for other in counted)
        rest = sum(shares[other] for other in counted if other != code)
        codes = [
            framework.root.code,
            *(child for parent in reversed(above) for child in framework.children(parent)),
        ]
        at = {each: i for i, each in enumerate(codes)}
        steps = tuple(self._step(parent, at) for parent in above)
        columns = [framework.codes.index(each) for each in codes]
        on_way = [at[parent] for parent in above]
        weights = np.array([
            shares[other] / rest if other in counted and other != code else 0.0 for other in siblings
        ])  # fmt: skip
        own = np.array([float(other == code) for other in siblings])
        ways = []
        for alone, full, applicable in self.strata:
            scores = full[:, columns]
            scores[:, on_way] = alone[:, [columns[i] for i in on_way]]
            ways.append(_Way(scores, applicable[:, columns], steps, weights, own))
        is_plain = all(step.how == "arithmetic" and step.adjust is None for step in steps)
        vetoes = any(step.adjust is not None and step.adjust.vetoes for step in steps)
        is_alone = steps[0].how in _BY_ROW and all(step.how in _ALONE for step in steps)
        return WeightPath(tuple(ways), shares[code] / whole, is_plain, is_alone and not vetoes)

    def _step(self, parent: str, at: Mapping[str, int]) -> Step:
        """Return the step of one parent, its nodes numbered by `at`."""
        children, rule = self.framework.children(parent), self.plan.rules[parent]
        counted = set(self.framework.counted(parent))
        members = np.array([[float(child in counted)] for child in children])
        weights = np.array([[self.shares[child] if child in counted else 0.0] for child in children])
        return Step(
            rule.how, np.array([at[parent]]), np.array([at[child] for child in children]), weights, members,
            np.array([rule.min_availability]),
            adjustment(self.framework, [parent], children, self.plan.onto), dict(rule.parameters),
        )  # fmt: skip


def _stratum(table: Table, plan: Plan, framework: Framework) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return scores of their own, those of all nodes, and where there is anything to score."""
    columns = [framework.codes.index(code) for code in table.codes]
    shape = (len(table.units), len(framework))
    scores, applicable = np.full(shape, np.nan), np.ones(shape, bool)
    scores[:, columns], applicable[:, columns] = table.values, table.applicable
    filled, _ = with_nothing_earned(scores, framework, plan.onto[0])
    nodes = aggregate(filled, applicable, plan.steps)
    return filled, nodes.values, nodes.applicable


def _mean(parts: Sequence[Array]) -> Array:
    """Return the mean over strata, gaps left out."""
    if len(parts) == 1:
        return parts[0]
    stacked = np.stack(parts)
    count = (~np.isnan(stacked)).sum(axis=0)
    return np.where(count > 0, np.nansum(stacked, axis=0) / np.maximum(count, 1), np.nan)
