"""The index of many replications at once, under weights of their own, from columns on their scales."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust import kernel
from citygauge.analyse.robust.duels import copeland
from citygauge.analyse.robust.nested import VALUE, Form, Fused, form_of, fused, mean, shared, turned
from citygauge.analyse.robust.ranking import padded
from citygauge.framework.model import Framework
from citygauge.indicators.table import Table
from citygauge.score.aggregate import MEANS, Step, aggregate
from citygauge.score.aggregating import Plan
from citygauge.score.points import with_nothing_earned

Array = NDArray[np.float64]

_LEAST_POWER, _MOST_POWER = 0.01, 20.0  # between them, power sums keep their digits
_MOST_EXPONENT = 300.0  # far from where e to its power overflows, as means can lie below all of their values


@dataclass(frozen=True)
class Tree:
    """The parents of a framework with the children that count, as numbers, each after those below it."""

    framework: Framework
    parents: NDArray[np.int64]
    first: NDArray[np.int64]  # where the children of each parent begin, with an end
    children: NDArray[np.int64]
    above: NDArray[np.int64]  # parent of each node, -1 for the index and for what is no part of a mean

    @classmethod
    def of(cls, framework: Framework, alone: Collection[str] = ()) -> Tree:
        """Return the tree of a framework; of the nodes `alone` nothing below counts."""
        at = {code: i for i, code in enumerate(framework.codes)}
        off = {*alone, *(below for code in alone for below in framework.subtree(code))}
        order = [code for code in reversed(framework.aggregates) if code not in off]
        groups = [[at[child] for child in framework.counted(code)] for code in order]
        above = np.full(len(at), -1, np.int64)
        for code, group in zip(order, groups, strict=True):
            above[group] = at[code]
        return cls(
            framework,
            np.array([at[code] for code in order], np.int64),
            np.cumsum([0, *map(len, groups)]).astype(np.int64),
            np.array([child for group in groups for child in group], np.int64),
            above,
        )

    def members(self, group: int) -> list[int]:
        """Return the children of the parent of a number among the parents."""
        found: list[int] = self.children[self.first[group] : self.first[group + 1]].tolist()
        return found

    def rescaled(self, weights: Array) -> Array:
        """Return weights ``(n_replications, n_nodes)`` as shares among siblings.

        Where nothing is left of a group, its parent has no weight either.
        """
        shares = np.ascontiguousarray(weights, dtype=float).copy()
        kernel.rescale(shares, self.parents, self.first, self.children)
        return shares

    def effective(self, shares: Array) -> Array:
        """Return the weight of each node in the index ``(n_replications, n_nodes)``."""
        found = np.empty(shares.shape)
        kernel.multiply_down(np.ascontiguousarray(shares), self.above, found)
        return found


@dataclass(frozen=True)
class Scorer:
    """The index of the units of a run, from one table of columns on their scales.

    `rows` are the places of the table's units among the `n_units` of the run.
    """

    tree: Tree
    plan: Plan
    table: Table
    rows: NDArray[np.intp]
    n_units: int
    way: Literal["sum", "means", "any"]
    leaves: Array  # (n_leaves, padded units): the columns of the table, of all units of the run
    columns: NDArray[np.int64]  # the node of each leaf
    blocked: NDArray[np.bool_]  # (n_nodes, padded units): too few children, whatever the weights
    gappy: NDArray[np.bool_]  # (n_nodes,): parents of which a child has no score for some unit

    @classmethod
    def of(cls, tree: Tree, plan: Plan, table: Table, units: Sequence[str]) -> Scorer:
        """Return the scorer of a table; `units` are those of the run, among them the table's."""
        framework, place = tree.framework, {unit: i for i, unit in enumerate(units)}
        rows = np.array([place[unit] for unit in table.units], np.intp)
        at = {code: i for i, code in enumerate(framework.codes)}
        # Where all units have a score of their own, what is below does not count.
        alone = [c for c in table.codes if framework.children(c) and not np.isnan(table.column(c)).any()]
        off = {below for code in alone for below in framework.subtree(code) if below not in alone}
        off |= {code for code in alone if any(up in alone for up in framework.ancestors(code))}
        tree = Tree.of(framework, alone) if alone else tree
        has_values = np.atleast_1d(~np.isnan(table.values).all(axis=0))
        kept = [i for i, code in enumerate(table.codes) if has_values[i] and code not in off]
        leaves = np.full((len(kept), padded(len(units))), np.nan)
        leaves[:, rows] = table.values[:, kept].T + 0.0  # no -0.0, of which the inverse is -inf
        columns = np.array([at[table.codes[i]] for i in kept], np.int64)
        blocked: NDArray[np.bool_] = np.zeros((len(at), leaves.shape[1]), bool)
        gappy: NDArray[np.bool_] = np.zeros(len(at), bool)
        way = _way(tree, plan, table, kept)
        if way != "any":
            missing = _missing(tree, plan, table)
            blocked[:, rows] = (missing & np.isin(np.arange(len(at)), tree.parents)).T
            gappy[tree.above[tree.children[np.any(missing[:, tree.children], axis=0)]]] = True
            same = (blocked[:, rows].all(axis=1) == blocked[:, rows].any(axis=1)).all()
            is_whole = len(rows) == len(units) and not np.isnan(leaves[:, rows]).any()
            way = "sum" if way == "sum" and same and is_whole and not blocked[0, rows].any() else "means"
            if way == "sum":
                leaves[:, len(units) :] = 0.0
        return cls(tree, plan, table, rows, len(units), way, leaves, columns, blocked, gappy)

    def scores(self, shares: Array, values: Array | None = None) -> Array:
        """Return the index of each unit in each replication.

        Parameters
        ----------
        shares : (n_replications, n_nodes) float
            Weights among siblings, as `Tree.rescaled` gives them.
        values : (n_replications, n_rows, n_codes) float, optional
            Scores of the columns of the table in each replication, where these differ.

        Returns
        -------
        array (n_replications, n_units padded to whole vectors)
            NaN where there is no score.
        """
        slow = self._slow(shares, values)
        if slow.all():
            return self._one_by_one(shares, values)
        if values is None and self.way == "sum":
            found = np.empty((len(shares), self.leaves.shape[1]))
            weights = np.ascontiguousarray(self._weights(shares)[:, self.columns])
            kernel.weighted_sums(self.leaves, weights, found)
            found[~weights.any(axis=1)] = np.nan
        else:
            found = self._means(shares, values)
        if slow.any():
            found[slow] = self._one_by_one(shares[slow], None if values is None else values[slow])
        return found

    def _slow(self, shares: Array, values: Array | None) -> NDArray[np.bool_]:
        """Return which replications must be scored one by one ``(n_replications,)``.

        It hangs on nothing but the replication itself: another way rounds otherwise.
        """
        slow = np.full(len(shares), self.way == "any")
        if slow.all():
            return slow
        if values is not None:
            gaps = np.isnan(values) != np.isnan(self.table.values)
            slow |= gaps.any(axis=(1, 2)) | ~_fits(self.plan, values.reshape(len(values), -1))
        if self._is_cascading:  # a node left without weights may take its parent with it
            for group, parent in enumerate(self.tree.parents[:-1].tolist()):
                idle = shares[:, self.tree.members(group)] == 0
                slow |= idle.any(axis=1) if self.gappy[parent] else idle.all(axis=1)
        return slow

    @cached_property
    def _is_cascading(self) -> bool:
        """Whether a node that loses its score for want of weights can take its parent with it."""
        return any((step.limits > 0).any() for step in self.plan.steps)

    @cached_property
    def _gone(self) -> NDArray[np.bool_]:
        """The nodes without any value, if nodes that count are among them."""
        gone = np.array(self.blocked[:, self.rows].all(axis=1))
        gone[~np.isin(np.arange(gone.size), [*self.columns, *self.tree.parents])] = True
        return gone & gone[self.tree.children].any()

    def _weights(self, shares: Array) -> Array:
        """Return effective weights of nodes, those without any value left out."""
        if not self._gone.any():
            return self.tree.effective(shares)
        return self.tree.effective(self.tree.rescaled(np.where(self._gone, 0.0, shares)))

    def _one_by_one(self, shares: Array, values: Array | None) -> Array:
        """Score each replication by the steps of `assess`: for methods that hold units against each other."""
        framework = self.tree.framework
        at = [framework.codes.index(code) for code in self.table.codes]
        scores = np.full((len(self.table.units), len(framework)), np.nan)
        applicable = np.ones(scores.shape, bool)
        applicable[:, at] = self.table.applicable
        found = np.full((len(shares), self.leaves.shape[1]), np.nan)
        for r, own in enumerate(shares):
            scores[:, at] = self.table.values if values is None else values[r]
            filled, unknown = with_nothing_earned(scores, framework, self.plan.onto[0])
            nodes = aggregate(filled, applicable, self._steps(own))
            found[r, self.rows] = np.where(unknown[:, 0], np.nan, nodes.values[:, 0])
        return found

    def _steps(self, shares: Array) -> tuple[Step, ...]:
        return tuple(
            _weighed(step, step.members * shares[step.children][:, None]) for step in self.plan.steps
        )

    @cached_property
    def _forms(self) -> dict[int, Form]:
        """The form in which each parent adds up its children."""
        codes = self.tree.framework.codes
        return {i: form_of(self.plan.rules[codes[i]]) for i in self.tree.parents.tolist()}

    @cached_property
    def _fused(self) -> Fused:
        """What needs no step of its own, where the columns are those of the table."""
        groups = {
            parent: self.tree.members(group)
            for group, parent in enumerate(self.tree.parents.tolist())
            if not self.gappy[parent] and not self.blocked[parent].any()
        }
        leaves = {column: self.leaves[i : i + 1] for i, column in enumerate(self.columns.tolist())}
        return fused(groups, self._forms, leaves, len(self.gappy))

    def _means(self, shares: Array, values: Array | None) -> Array:
        """Score level by level: each parent from its children in the form its mean adds up."""
        n, wide, forms = len(shares), self.leaves.shape[1], self._forms
        at_once = self._fused if values is None else Fused({}, np.full(len(self.gappy), -1, np.int64))
        within = at_once.weights(shares) if at_once.tops else shares
        nodes: dict[int, Array] = {}
        gaps: dict[int, bool] = {}
        for leaf, column in enumerate(self.columns.tolist()):
            if at_once.above[column] < 0:
                block = self._leaf(leaf, values, n)
                nodes[column] = turned(block, forms.get(int(self.tree.above[column]), VALUE))
                gaps[column] = bool(np.isnan(block[:, : self.n_units]).any())
        for group, parent in enumerate(self.tree.parents.tolist()):
            if at_once.above[parent] >= 0:
                continue
            if parent in at_once.tops:
                leaves, columns = at_once.tops[parent]
                weights = within[:, columns]
                has_gaps, sums, known = not weights.any(axis=1).all(), np.empty((n, wide)), None
                kernel.weighted_sums(leaves, shared(weights), sums)
            else:
                inside = [child for child in self.tree.members(group) if child in nodes]
                has_gaps = not inside or any(gaps[child] for child in inside)
                has_gaps |= bool((shares[:, inside] == 0).any())
                parts = [(nodes.pop(child), np.ascontiguousarray(shares[:, child])) for child in inside]
                sums, known = _added_up(parts, (n, wide), has_gaps=has_gaps)
            nodes[parent] = mean(sums, known, forms[parent], forms.get(int(self.tree.above[parent]), VALUE))
            if self.blocked[parent].any():
                nodes[parent][:, self.blocked[parent]] = np.nan
            gaps[parent] = has_gaps or bool(self.blocked[parent].any())
        return nodes[0]

    def _leaf(self, leaf: int, values: Array | None, n: int) -> Array:
        """Return the scores of a leaf ``(1 or n_replications, padded units)``."""
        if values is None:
            return self.leaves[leaf : leaf + 1]
        code = self.tree.framework.codes[self.columns[leaf]]
        block = np.full((n, self.leaves.shape[1]), np.nan)
        block[:, self.rows] = values[:, :, self.table.codes.index(code)] + 0.0
        return block


@dataclass(frozen=True, slots=True)
class _Duels(Step):
    """Copeland's scores by the compiled way."""

    def combine(self, values: Array) -> Array:
        found = np.full((len(values), len(self.parents)), np.nan)
        for column, weights in enumerate(self.weights.T):
            if (weights > 0).any():
                found[:, column] = copeland(values, weights)
        return found


def _weighed(step: Step, weights: Array) -> Step:
    """Return a step with other weights."""
    if step.how != "copeland":
        return replace(step, weights=weights)
    return _Duels(
        step.how, step.parents, step.children, weights, step.members, step.limits, step.adjust,
        step.parameters,
    )  # fmt: skip


def _added_up(
    parts: Sequence[tuple[Array, Array]], shape: tuple[int, int], *, has_gaps: bool
) -> tuple[Array, Array | None]:
    """Return the weighted sums of children, and the weights that are known, None where these come to 1."""
    sums = np.zeros(shape)
    if has_gaps:
        known = np.zeros(shape)
        for values, weights in parts:
            kernel.add_child(values, weights, sums, known)
        return sums, known
    whole = shared(np.stack([weights for _, weights in parts], axis=1))
    for i, (values, _) in enumerate(parts):
        kernel.add_whole_child(values, np.ascontiguousarray(whole[:, i]), sums)
    return sums, None


def _way(tree: Tree, plan: Plan, table: Table, kept: Sequence[int]) -> Literal["sum", "means", "any"]:
    """Return how a table can be scored: in one weighted sum, by means of batches, or one by one."""
    framework, values = tree.framework, table.values[:, kept]
    is_plain = all(step.how in MEANS and step.adjust is None for step in plan.steps)
    parents, inside = set(tree.parents.tolist()), (framework.codes.index(table.codes[i]) for i in kept)
    has_roles = any(framework.roles[code] for code in framework.codes)
    if not is_plain or has_roles or any(at in parents for at in inside):
        return "any"
    if all(step.how == "arithmetic" for step in plan.steps):
        return "sum"
    return "means" if _fits(plan, values.reshape(1, -1)).all() else "any"


def _fits(plan: Plan, values: Array) -> NDArray[np.bool_]:
    """Return which rows of values can be added up in the forms of the means: defined, and without loss."""
    if all(step.how == "arithmetic" for step in plan.steps):
        return np.ones(len(values), bool)
    above = np.where(values > 0, values, np.nan)
    ends = np.stack(
        [np.fmin.reduce(above, axis=1, initial=np.nan), np.fmax.reduce(above, axis=1, initial=np.nan)]
    )
    widest = np.abs(np.log(ends)).max(axis=0)
    powers = [abs(float(step.parameters["power"])) for step in plan.steps if step.how == "generalised"]
    fits = ~(values < 0).any(axis=1)
    for power in (power for power in powers if power not in {0.0, 1.0}):
        if not _LEAST_POWER <= power <= _MOST_POWER:
            return np.zeros(len(values), bool)
        fits &= ~(power * widest > _MOST_EXPONENT)
    return np.asarray(fits)


def _missing(tree: Tree, plan: Plan, table: Table) -> NDArray[np.bool_]:
    """Return which nodes have no score, whatever their children weigh ``(n_units, n_nodes)``."""
    framework = tree.framework
    at = [framework.codes.index(code) for code in table.codes]
    scores = np.full((len(table.units), len(framework)), np.nan)
    applicable = np.ones(scores.shape, bool)
    scores[:, at], applicable[:, at] = table.values, table.applicable
    steps = tuple(replace(step, weights=step.members) for step in plan.steps)
    return np.asarray(np.isnan(aggregate(scores, applicable, steps).values))
