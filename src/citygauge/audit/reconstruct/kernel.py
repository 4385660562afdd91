"""Compiled hit-and-run: moves along a line through a table, on the part of it that meets every figure.

A line moves the scores of some units at some nodes at the rates in `rate`; every mean moves linearly with it
and every variance as a parabola, so that the part that meets the figures is a union of intervals, and the
next table is drawn evenly from it. Source: Smith 1984, doi:10.1287/opre.32.6.1296.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numba as nb
import numpy as np

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

if TYPE_CHECKING:

    def compiled(kernel: Kernel) -> Kernel:  # noqa: D103
        ...
else:
    compiled = nb.njit(nogil=True, cache=True)

_MANY = 512  # holes on one line; beyond, the line is left


@compiled
def refresh(state: Any, tree: Any, sets: Any) -> None:
    """Add up the scores of parents, and the sums and squares of every set, from scratch."""
    values, weights, first, second = state
    parents, member = tree[0], sets[0]
    n_units, n_nodes = values.shape
    for k in range(n_nodes):
        if tree[1][k]:
            values[:, k] = 0.0
    for k in range(n_nodes - 1, 0, -1):
        p = parents[k]
        for u in range(n_units):
            values[u, p] += weights[k] * values[u, k]
    first[:], second[:] = 0.0, 0.0
    for s in range(member.shape[0]):
        for u in range(n_units):
            if member[s, u]:
                for k in range(n_nodes):
                    first[s, k] += values[u, k]
                    second[s, k] += values[u, k] * values[u, k]


@compiled
def _effect(rate: Any, values: Any, rows: Any, k: int, s: int, member: Any) -> Any:
    """Return how sum and squares of a set move: ``a δ`` and ``b δ + c δ²``."""
    a, b, c = 0.0, 0.0, 0.0
    for u in rows:
        if member[s, u]:
            d = rate[u, k]
            a += d
            b += 2.0 * values[u, k] * d
            c += d * d
    return a, b, c


@compiled
def _between(low: float, high: float, at: float, slope: float, ends: Any) -> Any:
    """Narrow a chord so that ``at + slope δ`` stays between two ends."""
    if slope == 0.0:
        return low, high
    one, other = (ends[0] - at) / slope, (ends[1] - at) / slope
    if slope < 0.0:
        one, other = other, one
    return max(low, one), min(high, other)


@compiled
def _roots(a: float, b: float, c: float) -> Any:
    """Return whether ``a δ² + b δ + c`` with a > 0 falls below 0, and between which ends."""
    inside = b * b - 4.0 * a * c
    if inside <= 0.0:
        return False, 0.0, 0.0
    q = -0.5 * (b + np.sqrt(inside)) if b >= 0.0 else -0.5 * (b - np.sqrt(inside))
    if q == 0.0:
        return False, 0.0, 0.0
    one, other = q / a, c / q
    return True, min(one, other), max(one, other)


@compiled
def _chord(state: Any, sets: Any, bands: Any, line: Any, holes: Any) -> Any:
    """Return the ends of the chord and how many holes it has; (1, 0, 0) where there is none."""
    values, _, first, second = state
    member, sizes, told = sets
    unit_ends, mean_ends, var_ends = bands
    rate, rows, nodes = line
    low, high, found = -np.inf, np.inf, 0
    for k in nodes:
        for u in rows:
            low, high = _between(low, high, values[u, k], rate[u, k], unit_ends[u, k])
        for s in range(member.shape[0]):
            if not told[s, k]:
                continue
            a, b, c = _effect(rate, values, rows, k, s, member)
            n = sizes[s]
            low, high = _between(low, high, first[s, k] / n, a / n, mean_ends[s, k])
            if told[s, k] < 2 or (c == 0.0 and b == 0.0):
                continue
            mean = first[s, k] / n
            square = c / n - (a / n) * (a / n)
            linear = b / n - 2.0 * mean * a / n
            var = second[s, k] / n - mean * mean
            if square <= 1e-14 * (c / n):  # the whole set moves as one: its spread stays
                continue
            if var_ends[s, k, 1] < np.inf:
                is_met, one, other = _roots(square, linear, var - var_ends[s, k, 1])
                if not is_met:
                    return 1.0, 0.0, 0
                low, high = max(low, one), min(high, other)
            if var_ends[s, k, 0] > 0.0:
                is_hole, one, other = _roots(square, linear, var - var_ends[s, k, 0])
                if is_hole and found < holes.shape[0]:
                    holes[found, 0], holes[found, 1] = one, other
                    found += 1
                elif is_hole:
                    return 1.0, 0.0, 0
    return low, high, found


@compiled
def _pick(low: float, high: float, holes: Any, found: int, share: float) -> float:
    """Return the point at a share of what holes leave of a chord; 0 where nothing is left."""
    if found == 0:
        return min(low + share * (high - low), high)
    for i in range(1, found):
        for j in range(i, 0, -1):
            if holes[j - 1, 0] <= holes[j, 0]:
                break
            for end in range(2):
                holes[j, end], holes[j - 1, end] = holes[j - 1, end], holes[j, end]
    total, at = 0.0, low
    for i in range(found):
        total += max(0.0, min(holes[i, 0], high) - at)
        at = max(at, holes[i, 1])
    total += max(0.0, high - at)
    if not total > 0.0:
        return 0.0
    left, at = share * total, low
    for i in range(found):
        free = max(0.0, min(holes[i, 0], high) - at)
        if left < free:
            return at + left
        left -= free
        at = max(at, holes[i, 1])
    return min(at + left, high)


@compiled
def _go(state: Any, sets: Any, line: Any, delta: float) -> None:
    """Move the table along a line."""
    values, _, first, second = state
    member, _, told = sets
    rate, rows, nodes = line
    for k in nodes:
        for s in range(member.shape[0]):
            if told[s, k]:
                a, b, c = _effect(rate, values, rows, k, s, member)
                first[s, k] += a * delta
                second[s, k] += (b + c * delta) * delta
        for u in rows:
            values[u, k] += rate[u, k] * delta


@compiled
def _tighten(state: Any, sets: Any, nodes: Any, bands: Any, aims: Any) -> None:
    """Pull the ends of each variance that is not where it should be up to where it has come."""
    _, _, first, second = state
    member, sizes, told = sets
    var_ends = bands[2]
    for k in nodes:
        for s in range(member.shape[0]):
            if told[s, k] == 2:
                mean = first[s, k] / sizes[s]
                var = second[s, k] / sizes[s] - mean * mean
                var_ends[s, k, 0] = max(var_ends[s, k, 0], min(var, aims[s, k, 0]))
                var_ends[s, k, 1] = min(var_ends[s, k, 1], max(var, aims[s, k, 1]))


@compiled
def _aim_scores(state: Any, tree: Any, rate: Any, cells: Any, rates: Any, nodes: Any) -> int:
    """Fill the rates of all nodes above some moved cells; return how many nodes move."""
    parents, weights = tree[0], state[1]
    count = 0
    for i in range(cells.shape[0]):
        u, k, d = cells[i, 0], cells[i, 1], rates[i]
        while k >= 0:
            seen = False
            for j in range(count):
                seen = seen or nodes[j] == k
            if not seen:
                nodes[count] = k
                count += 1
                for other in range(cells.shape[0]):
                    rate[cells[other, 0], k] = 0.0
            rate[u, k] += d
            d *= weights[k]
            k = parents[k]
    return count


@compiled
def _score_line(state: Any, tree: Any, random: Any, cells: Any, rates: Any) -> int:
    """Choose cells to move and their rates: one or two units at a leaf, or two leaves of one or two units."""
    values, weights = state[0], state[1]
    parents, leaves, n = tree[0], tree[2], values.shape[0]
    kind = random.random()
    u, leaf = int(random.random() * n), leaves[int(random.random() * leaves.size)]
    cells[0, 0], cells[0, 1], rates[0] = u, leaf, 1.0
    if kind < 0.4 or (n == 1 and leaves.size == 1):
        return 1
    if (kind < 0.7 and n > 1) or leaves.size == 1:
        v = int(random.random() * (n - 1))
        cells[1, 0], cells[1, 1], rates[1] = v + (v >= u), leaf, -1.0
        return 2
    other = leaves[int(random.random() * leaves.size)]
    mine, its, a, b = 1.0, 1.0, leaf, other
    while parents[a] >= 0:
        mine *= weights[a]
        a = parents[a]
    while parents[b] >= 0:
        its *= weights[b]
        b = parents[b]
    if other == leaf or mine < 1e-9 or its < 1e-9:
        return 1
    larger = max(mine, its)
    rates[0] = its / larger
    cells[1, 0], cells[1, 1], rates[1] = u, other, -mine / larger
    if kind < 0.85 or n == 1:
        return 2
    v = int(random.random() * (n - 1))
    cells[2, 0], cells[2, 1], rates[2] = v + (v >= u), leaf, -rates[0]
    cells[3, 0], cells[3, 1], rates[3] = v + (v >= u), other, -rates[1]
    return 4


@compiled
def sweep(state: Any, tree: Any, sets: Any, bands: Any, random: Any, times: int, aims: Any) -> None:
    """Do some sweeps, each of as many moves as there are cells.

    Parameters
    ----------
    state : (values, weights, first, second)
        Scores ``(n_units, n_nodes)``, shares in the parent ``(n_nodes,)``, sums and sums of squares
        ``(n_sets, n_nodes)``; all but the weights are changed in place.
    tree : (parents, is_parent, leaves)
    sets : (member, sizes, told)
        `told` is 0 where nothing is printed of a set and node, 1 for a mean, 2 with a spread.
    bands : (unit_ends, mean_ends, var_ends)
        Ends that hold already; with `aims` those of the variance are pulled in as the table moves.
    aims : (n_sets, n_nodes, 2) or (0, 0, 2)
        Where variances must come to; empty once they are there.
    """
    n_units, n_nodes = state[0].shape
    rate = np.zeros((n_units, n_nodes))
    nodes = np.empty(n_nodes, np.int64)
    cells, rates = np.zeros((4, 2), np.int64), np.zeros(4)
    rows, holes = np.zeros(2, np.int64), np.empty((_MANY, 2))
    pulls = aims.shape[0] > 0
    for _ in range(times):
        refresh(state, tree, sets)
        for _ in range(n_units * tree[2].size):
            moved = _score_line(state, tree, random, cells, rates)
            count = _aim_scores(state, tree, rate, cells[:moved], rates[:moved], nodes)
            rows[0], rows[1] = cells[0, 0], cells[moved - 1, 0]
            line = (rate, rows[: 1 if rows[0] == rows[1] else 2], nodes[:count])
            # Two units may also trade their scores at a leaf outright: its mean and spread stay.
            swap = 0.0
            if moved == 2 and rows[0] != rows[1] and random.random() < 0.5:
                swap = state[0][rows[1], cells[0, 1]] - state[0][rows[0], cells[0, 1]]
            _step(state, sets, bands, line, holes, random, swap)
            if pulls:
                _tighten(state, sets, nodes[:count], bands, aims)
    refresh(state, tree, sets)


@compiled
def _step(state: Any, sets: Any, bands: Any, line: Any, holes: Any, random: Any, swap: float) -> None:
    """Move to a point drawn evenly from what the figures leave of a line, or to a given one if it is left."""
    low, high, found = _chord(state, sets, bands, line, holes)
    share = random.random()
    if not low < high:
        return
    if swap == 0.0:
        _go(state, sets, line, _pick(low, high, holes, found, share))
        return
    is_left = low < swap < high
    for i in range(found):
        is_left = is_left and not holes[i, 0] < swap < holes[i, 1]
    if is_left:
        _go(state, sets, line, swap)
