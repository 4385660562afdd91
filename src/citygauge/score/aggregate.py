"""From indicators up to the index: weighted means of the children, level by level, on whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.score.points import Adjust, adjustment

Array = NDArray[np.float64]
AggregateName = Literal["arithmetic", "geometric"]
Aggregator = Callable[[Array, Array], Array]


def arithmetic(values: Array, weights: Array) -> Array:
    """Return weighted arithmetic means; missing children are skipped with their weights.

    Parameters
    ----------
    values : (n_units, n_children) float
        NaN = missing.
    weights : (n_children, n_parents) float
        Non-negative, 0 where a node is no child of the parent; any scale.

    Returns
    -------
    array (n_units, n_parents)
        NaN where no child with a weight has a value. Source: OECD/JRC Handbook 2008, p. 103.

    Examples
    --------
    >>> arithmetic(np.array([[1.0, 4.0], [np.nan, 4.0]]), np.array([[2.0], [1.0]])).ravel()
    array([2., 4.])
    """
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0) @ weights, known @ weights)


def geometric(values: Array, weights: Array) -> Array:
    """Return weighted geometric means; shapes as in `arithmetic`.

    A child at 0 with a positive weight makes the parent 0; a negative one makes it NaN, because the mean
    is not defined there. Source: OECD/JRC Handbook 2008, p. 104.

    Examples
    --------
    >>> geometric(np.array([[1.0, 4.0], [0.0, 4.0]]), np.array([[1.0], [1.0]])).ravel()
    array([2., 0.])
    """
    known = ~np.isnan(values)
    positive = known & (values > 0)
    logs = np.log(np.where(positive, values, 1.0)) @ weights
    counts = (weights > 0).astype(float)
    means = np.exp(_ratio(logs, known @ weights))
    means = np.where((values == 0) @ counts > 0, means * 0.0, means)
    return np.where((known & (values < 0)) @ counts > 0, np.nan, means)


AGGREGATORS: dict[str, Aggregator] = {"arithmetic": arithmetic, "geometric": geometric}


@dataclass(frozen=True, slots=True)
class Rule:
    """How one parent is computed: the mean, and the least share of its children that must be there."""

    how: AggregateName = "arithmetic"
    min_availability: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """The parents of one level that share a mean: node numbers, weights, and limits."""

    how: AggregateName
    parents: NDArray[np.intp]
    children: NDArray[np.intp]
    weights: Array  # (n_children, n_parents)
    members: Array  # the same with 1 in place of each weight
    limits: Array  # (n_parents,)
    adjust: Adjust | None = None


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
    groups: dict[tuple[int, AggregateName], list[str]] = {}
    for code in framework.aggregates:
        groups.setdefault((framework.levels[code], rules[code].how), []).append(code)
    steps = []
    for (_, how), parents in sorted(groups.items(), reverse=True):
        children = [child for parent in parents for child in framework.children(parent)]
        row = {child: i for i, child in enumerate(children)}
        weights, members = np.zeros((len(children), len(parents))), np.zeros((len(children), len(parents)))
        for column, parent in enumerate(parents):
            for child in framework.counted(parent):
                weights[row[child], column], members[row[child], column] = shares[child], 1.0
        limits = np.array([rules[parent].min_availability for parent in parents])
        to, of = (np.array([position[code] for code in codes]) for codes in (parents, children))
        adjust = adjustment(framework, parents, children, onto)
        steps.append(Step(how, to, of, weights, members, limits, adjust))
    return tuple(steps)


def aggregate(scores: Array, applicable: NDArray[np.bool_], steps: tuple[Step, ...]) -> Array:
    """Return the scores of all nodes.

    Parameters
    ----------
    scores : (n_units, n_nodes) float
        Normalised scores of the leaves, and of inner nodes that have a score of their own; NaN elsewhere.
        A score of its own wins over the mean of the children.
    applicable : (n_units, n_nodes) bool
        Cells that count in the denominator of availability.
    steps : tuple of Step
        From `plan`.

    Returns
    -------
    array (n_units, n_nodes)
        A parent is NaN where the share of available among applicable children is below its limit. All
        children count for that, whatever their weight (COINr, ``Aggregate`` with ``dat_thresh``). Bonuses,
        deductions and vetoes come after the mean.
    """
    result, applies = scores.copy(), applicable.astype(float)
    for step in steps:
        values, present = result[:, step.children], applies[:, step.children]
        means = AGGREGATORS[step.how](values, step.weights)
        expected = present @ step.members
        share = _ratio(((~np.isnan(values)) * present) @ step.members, expected)
        means = np.where(share >= step.limits - 1e-12, means, np.nan)
        if step.adjust is not None:
            means = step.adjust.apply(means, values)
        own = result[:, step.parents]
        result[:, step.parents] = np.where(np.isnan(own), means, own)
        applies[:, step.parents] = (expected > 0) | ~np.isnan(own)
    return result


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
