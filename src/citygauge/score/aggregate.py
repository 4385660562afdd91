"""From indicators up to the index: level by level, each parent by its own method, on whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.score.balance import coupling, mpi
from citygauge.score.benefit import best_scores
from citygauge.score.ideal import topsis, vikor
from citygauge.score.means import arithmetic, generalised, geometric, harmonic, median, owa
from citygauge.score.outranking import copeland, promethee
from citygauge.score.points import Adjust, adjustment

Array = NDArray[np.float64]
AggregateName = Literal[
    "arithmetic", "geometric", "harmonic", "generalised", "median", "owa", "mpi", "coupling", "topsis",
    "vikor", "copeland", "promethee", "benefit_of_the_doubt",
]  # fmt: skip

# Means of all parents of a level at once: values (n_units, n_children), weights (n_children, n_parents).
MEANS: Mapping[str, Callable[..., Array]] = {
    "arithmetic": arithmetic,
    "geometric": geometric,
    "harmonic": harmonic,
    "generalised": generalised,
}


# One parent at a time: values (n_units, n_children), weights (n_children,).
OTHERS: Mapping[str, Callable[..., Array]] = {
    "median": median,
    "owa": owa,
    "mpi": mpi,
    "coupling": coupling,
    "topsis": topsis,
    "vikor": vikor,
    "copeland": copeland,
    "promethee": promethee,
    "benefit_of_the_doubt": best_scores,
}
AGGREGATORS: Mapping[str, Callable[..., Array]] = {**MEANS, **OTHERS}

# The parameters each method takes; a setting that its method ignores is refused.
PARAMETERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(AGGREGATORS, frozenset[str]()),
    "generalised": frozenset({"power"}),
    "owa": frozenset({"orness"}),
    "mpi": frozenset({"penalty"}),
    "vikor": frozenset({"v"}),
    "promethee": frozenset({"preference", "indifference", "threshold"}),
    "benefit_of_the_doubt": frozenset({"low", "high"}),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """How one parent is computed, with parameters, and the least share of its children that must be there."""

    how: AggregateName = "arithmetic"
    min_availability: float = 0.0
    parameters: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """The parents of one level that share a method: node numbers, weights, and limits."""

    how: AggregateName
    parents: NDArray[np.intp]
    children: NDArray[np.intp]
    weights: Array  # (n_children, n_parents)
    members: Array  # the same with 1 in place of each weight
    limits: Array  # (n_parents,)
    adjust: Adjust | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def combine(self, values: Array) -> Array:
        """Return the score of each parent ``(n_units, n_parents)`` from those of the children."""
        if self.how in MEANS:
            return MEANS[self.how](values, self.weights, **self.parameters)
        result = np.full((len(values), len(self.parents)), np.nan)
        for column, weights in enumerate(self.weights.T):
            counts = weights > 0
            if counts.any():
                result[:, column] = OTHERS[self.how](values[:, counts], weights[counts], **self.parameters)
        return result


def plan(
    framework: Framework,
    shares: Mapping[str, float],
    rules: Mapping[str, Rule],
    onto: tuple[float, float] = (0.0, 1.0),
) -> tuple[Step, ...]:
    """Return the steps from the lowest parents up to the index, made once and run on any values.

    Parameters
    ----------
    shares : mapping
        Weight of every node but the index.
    rules : mapping
        Rule of every aggregate.
    onto : pair of float
        The scores that are 0 and full marks, for bonuses, deductions and vetoes.
    """
    position = {code: i for i, code in enumerate(framework.codes)}
    groups: dict[tuple[int, AggregateName, tuple[tuple[str, Any], ...]], list[str]] = {}
    for code in framework.aggregates:
        rule = rules[code]
        groups.setdefault((framework.levels[code], rule.how, rule.parameters), []).append(code)
    steps = []
    for (_, how, parameters), parents in sorted(groups.items(), key=lambda group: group[0][0], reverse=True):
        children = [child for parent in parents for child in framework.children(parent)]
        row = {child: i for i, child in enumerate(children)}
        weights, members = np.zeros((len(children), len(parents))), np.zeros((len(children), len(parents)))
        for column, parent in enumerate(parents):
            for child in framework.counted(parent):
                weights[row[child], column], members[row[child], column] = shares[child], 1.0
        limits = np.array([rules[parent].min_availability for parent in parents])
        to, of = (np.array([position[code] for code in codes]) for codes in (parents, children))
        adjust = adjustment(framework, parents, children, onto)
        steps.append(Step(how, to, of, weights, members, limits, adjust, dict(parameters)))
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class Nodes:
    """What `aggregate` makes of scores, each ``(n_units, n_nodes)``.

    `values` are the scores of all nodes, `applicable` tells where there is anything that could be scored,
    `enough` where a parent has the share of its children that it needs, one with a weight among them.
    """

    values: Array
    applicable: NDArray[np.bool_]
    enough: NDArray[np.bool_]


def aggregate(scores: Array, applicable: NDArray[np.bool_], steps: tuple[Step, ...]) -> Nodes:
    """Return the scores of all nodes.

    Parameters
    ----------
    scores : (n_units, n_nodes) float
        Normalised scores of the leaves, and of inner nodes that have a score of their own; NaN elsewhere.
        A score of its own wins over the one its children give.
    applicable : (n_units, n_nodes) bool
        Cells that count in the denominator of availability.
    steps : tuple of Step
        From `plan`.

    Returns
    -------
    Nodes
        A parent is NaN where the share of available among applicable children is below its limit. All
        children count for that, whatever their weight (COINr, ``Aggregate`` with ``dat_thresh``). Bonuses,
        deductions and vetoes come last.
    """
    result, applies = scores.copy(), applicable.astype(float)
    enough = np.ones(scores.shape, bool)
    for step in steps:
        values, present = result[:, step.children], applies[:, step.children]
        means = step.combine(values)
        expected = present @ step.members
        known = ~np.isnan(values) * present
        share = np.divide(
            known @ step.members, expected, out=np.full(expected.shape, np.nan), where=expected > 0
        )
        reached = share >= step.limits - 1e-12
        enough[:, step.parents] = reached & (known @ step.weights > 0)
        means = np.where(reached, means, np.nan)
        if step.adjust is not None:
            means = step.adjust.apply(means, values)
        own = result[:, step.parents]
        result[:, step.parents] = np.where(np.isnan(own), means, own)
        applies[:, step.parents] = (expected > 0) | ~np.isnan(own)
    return Nodes(result, applies > 0, enough)
