"""The difference of two scores shared out among the figures behind it, whatever the way of aggregation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial, prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.problems import InputError, Problem, Where
from citygauge.result import Result
from citygauge.score.aggregate import aggregate
from citygauge.score.aggregating import Plan
from citygauge.score.points import with_nothing_earned
from citygauge.score.rank import RESOLUTION
from citygauge.score.steps import Scored, plan_of

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Nest: TypeAlias = "int | list[Nest]"

MOST_ORDERS = 720  # 6!, so that up to six siblings come in each of their orders equally often
# The score of a unit under these depends on all units at once.
OF_ALL_UNITS = frozenset({"topsis", "vikor", "copeland", "promethee", "benefit_of_the_doubt"})
_ROWS = 2048  # at once, so that a tree of hundreds of nodes stays within tens of megabytes


def nested_orders(tree: Nest, seed: int = 0) -> Ints:
    """Return orders of the numbers in a tree in which those of a branch always stand together.

    Parameters
    ----------
    tree : int or list
        Lists of lists down to the numbers ``0 … n - 1``.
    seed : int
        Of the draw, where not all orders are taken.

    Returns
    -------
    array (n_orders, n) int
        All such orders where they are no more than 720, else 720 of them: siblings up to six come in each of
        their orders equally often, more of them in drawn orders. With each order its reverse is there
        (antithetic pairs).

    Examples
    --------
    >>> nested_orders([0, [1, 2]]).tolist()
    [[0, 1, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]]
    """
    total = prod(factorial(k) for k in _branches(tree))
    turns = _every(total) if total <= MOST_ORDERS else _drawn(np.random.default_rng(seed))
    return _arranged(tree, turns)


def order_shares(score: Callable[[Flags], Array], orders: Ints) -> Array:
    """Return what each player adds to a score, as the mean over orders in which they come in one by one.

    Parameters
    ----------
    score : callable
        Of sets of players ``(n_sets, n_players) bool``, gives ``(n_sets,)``; NaN where a set has no score.
    orders : (n_orders, n_players) int

    Returns
    -------
    array (n_players,)
        The shares add up to the score of all players less that of none, for any orders, since each order
        alone does. An order on the way of which a set has no score is left out; NaN where none is left.

    Notes
    -----
    Over all orders these are Shapley values: L. S. Shapley, A value for n-person games, in: Contributions to
    the Theory of Games II (1953), 307–317, doi:10.1515/9781400881970-018.

    Examples
    --------
    >>> both = lambda sets: 6.0 * sets.all(axis=1) + sets[:, 0]
    >>> order_shares(both, np.array([[0, 1], [1, 0]])).tolist()
    [4.0, 3.0]
    """
    n_orders, n = orders.shape
    place = np.argsort(orders, axis=1)
    total, usable = np.zeros(n), 0
    batch = max(1, _ROWS // (n + 1))
    for start in range(0, n_orders, batch):
        own = place[start : start + batch]
        sets = own[:, None, :] < np.arange(n + 1)[None, :, None]
        found = score(sets.reshape(-1, n)).reshape(len(own), n + 1)
        known = ~np.isnan(found).any(axis=1)
        steps = np.diff(found[known], axis=1)
        total += np.take_along_axis(steps, own[known], axis=1).sum(axis=0)
        usable += int(known.sum())
    return total / usable if usable else np.full(n, np.nan)


@dataclass(frozen=True)
class Cells:
    """The scores that one unit's index is made of, and what applies: ``(n_strata, n_nodes)`` each.

    `strata` names the rows; without strata there is one without a name. NaN where nothing is scored.
    """

    strata: tuple[str, ...]
    values: Array
    applicable: Flags

    @classmethod
    def of(cls, result: Result, row: int, strata: Sequence[str]) -> Cells:
        """Return those of a row; a stratum that the result does not have is missing throughout."""
        tables = _tables(result)
        shape = (len(strata), len(result.framework))
        values, applicable = np.full(shape, np.nan), np.ones(shape, bool)
        for layer, name in enumerate(strata):
            if name in tables:
                table = tables[name].normalised
                at = columns(result.framework, table.codes)
                values[layer, at], applicable[layer, at] = table.values[row], table.applicable[row]
        return cls(tuple(strata), values, applicable)


@dataclass(frozen=True)
class Rescorer:
    """What computes the index of units anew from scores of leaves, by the method and weights of a result."""

    framework: Framework
    plan: Plan

    @classmethod
    def of(cls, result: Result) -> Rescorer:
        """Return that of a result; a method under which a score depends on all units is refused."""
        rules = result.method.aggregate.rules(result.framework)
        found = {code: rule.how for code, rule in rules.items() if rule.how in OF_ALL_UNITS}
        if found:
            told = {"codes": list(found), "how": sorted(set(found.values()))}
            raise InputError([Problem("analyse.not-decomposable", Where(), told)])
        return cls(result.framework, plan_of(result.method, result.framework, result.shares))

    def index(self, values: Array, applicable: Flags) -> Array:
        """Return the index ``(n_rows,)`` of cells ``(n_strata, n_rows, n_nodes)``: the mean over strata."""
        found = np.full(values.shape[:2], np.nan)
        for layer, (scores, applies) in enumerate(zip(values, applicable, strict=True)):
            filled, _ = with_nothing_earned(scores, self.framework, self.plan.onto[0])
            found[layer] = aggregate(filled, applies, self.plan.steps).values[:, 0]
        count = (~np.isnan(found)).sum(axis=0)
        return np.asarray(np.where(count > 0, np.nansum(found, axis=0) / np.maximum(count, 1), np.nan))

    def shares(self, before: Cells, after: Cells) -> Array:
        """Return what each node's own score adds to the index on the way from one unit to another.

        The leaves, and nodes above with scores of their own, are switched one after the other with their
        presence, in orders in which those of a branch come together (`nested_orders`, `order_shares`).
        ``(n_nodes,)``: 0 where nothing differs, NaN throughout where no order can run.
        """
        same = (before.values == after.values) | (np.isnan(before.values) & np.isnan(after.values))
        differs = ~(same & (before.applicable == after.applicable)).all(axis=0)
        at = np.flatnonzero(differs)
        ends = [self.index(cells.values[:, None], cells.applicable[:, None])[0] for cells in (before, after)]
        found = np.full(differs.shape, np.nan)
        if np.isnan(ends).any():
            return found
        found[:] = 0.0
        if at.size:
            is_linear = self._adds_up(before, after, at)
            orders = np.arange(at.size)[None] if is_linear else nested_orders(self._nest(at))
            found[at] = order_shares(lambda sets: self._switched(sets, at, before, after), orders)
            if np.isnan(found).any():
                found[:] = np.nan
        return found

    def _switched(self, sets: Flags, at: Ints, before: Cells, after: Cells) -> Array:
        """Return the index with the scores of the one unit, of sets of nodes those of the other."""
        shape = (len(before.strata), len(sets), len(self.framework))
        values = np.broadcast_to(before.values[:, None], shape).copy()
        applicable = np.broadcast_to(before.applicable[:, None], shape).copy()
        values[:, :, at] = np.where(sets, after.values[:, None, at], before.values[:, None, at])
        applicable[:, :, at] = np.where(sets, after.applicable[:, None, at], before.applicable[:, None, at])
        return self.index(values, applicable)

    def _adds_up(self, before: Cells, after: Cells, at: Ints) -> bool:
        """Tell whether each node adds the same in every order, so that one is enough."""
        if any(step.how != "arithmetic" or step.adjust is not None for step in self.plan.steps):
            return False
        known = ~np.isnan(before.values[:, at]) & ~np.isnan(after.values[:, at])
        return bool(known.all() and (before.applicable[:, at] == after.applicable[:, at]).all())

    def _nest(self, at: Ints) -> Nest:
        """Return the places of nodes in `at` as the tree has them, without branches that do not fork."""
        place = {self.framework.codes[node]: i for i, node in enumerate(at.tolist())}

        def below(code: str) -> list[Nest]:
            parts = [nest for child in self.framework.children(code) for nest in below(child)]
            own: list[Nest] = [place[code]] if code in place else []
            return [own + parts] if own and parts else own or ([parts] if len(parts) > 1 else parts)

        return below(self.framework.root.code)[0]


def strata_of(*results: Result) -> tuple[str, ...]:
    """Return the names of the strata that any of the results has."""
    return tuple(dict.fromkeys(name for result in results for name in _tables(result)))


def columns(framework: Framework, codes: Sequence[str]) -> list[int]:
    """Return the places of codes among the nodes."""
    position = {code: i for i, code in enumerate(framework.codes)}
    return [position[code] for code in codes]


def scored_codes(results: Sequence[Result], shares: Array | None = None) -> list[str]:
    """Return the nodes that some unit has a score of, and those that a share ``(n_nodes,)`` falls to.

    A node that nobody has a score of can bear on an index by not applying to a unit.
    """
    framework = results[0].framework
    counts = np.zeros(len(framework), bool) if shares is None else np.nan_to_num(shares) != 0
    for result in results:
        counts[columns(framework, result.normalised.codes)] |= ~np.isnan(result.normalised.values).all(axis=0)
    return [code for code, is_so in zip(framework.codes, counts.tolist(), strict=True) if is_so]


def unless_rounding(value: float, size: float) -> float:
    """Return a difference of scores of a size; 0 where it is no more than their rounding."""
    return 0.0 if abs(value) <= RESOLUTION * size else value


def _tables(result: Result) -> Mapping[str, Result | Scored]:
    return result.strata or {"": result}


def _branches(tree: Nest) -> list[int]:
    if isinstance(tree, int):
        return []
    return [len(tree), *(size for part in tree for size in _branches(part))]


def _arranged(tree: Nest, turns: Callable[[int], Ints]) -> Ints:
    """Return the orders of a tree; `turns` gives the places of so many siblings in each of the orders."""
    if isinstance(tree, int):
        return np.full((len(turns(1)), 1), tree)
    parts = [_arranged(part, turns) for part in tree]
    part_of = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    places = np.argsort(turns(len(parts))[:, part_of], axis=1, kind="stable")
    return np.take_along_axis(np.hstack(parts), places, axis=1)


def _every(total: int) -> Callable[[int], Ints]:
    """Return what numbers through all combinations of the siblings' orders, `total` of them."""
    stride = 1

    def turns(k: int) -> Ints:
        nonlocal stride
        own = np.array(list(permutations(range(k))))
        picked = own[np.arange(total) // stride % len(own)]
        stride *= len(own)
        return picked

    return turns


def _drawn(rng: np.random.Generator) -> Callable[[int], Ints]:
    """Return what draws the siblings' orders, with their reverses in the second half."""
    half = MOST_ORDERS // 2

    def turns(k: int) -> Ints:
        if factorial(k) <= MOST_ORDERS:
            own = np.array([each for each in permutations(range(k)) if each[0] <= each[-1]])
            first = own[rng.permutation(np.resize(np.arange(len(own)), half))]
        else:
            first = rng.permuted(np.tile(np.arange(k), (half, 1)), axis=1)
        return np.vstack([first, k - 1 - first])

    return turns
