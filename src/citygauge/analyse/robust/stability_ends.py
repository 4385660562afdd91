"""How far one weight can move until a rank or a grade changes: exact crossings, or a search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust.stability_path import WeightPath
from citygauge.score.rank import RESOLUTION, rank

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.intp]

RANK, GRADE, TOP = range(3)
EDGE = 1e-9  # a weight of just 0 or 1 takes nodes out, which is no limit of what is near it
_CELLS, _HALVINGS = 100, 15  # a cell of the grid, halved as often, is 3e-7 wide
_PAIRS = 2**20  # pairs of units at once


@dataclass(frozen=True)
class Standing:
    """Where the units stand at the present weights.

    `edges` are the lower edges of the grades from the best down, None without a scale; `slack` is how far
    below an edge still counts as reaching it.
    """

    scores: Array
    ranks: NDArray[np.int32]
    top: int
    edges: Array | None
    slack: float = 0.0

    @property
    def size(self) -> float:
        """What differences of scores are held against, as in `rank.rounded`."""
        known = self.scores[~np.isnan(self.scores)]
        return float(max(np.ptp(known), np.abs(known).max())) if known.size else 0.0

    @property
    def tie(self) -> float:
        """The largest difference between tied scores."""
        return 1.5 * RESOLUTION * self.size

    def classes(self, scores: Array) -> NDArray[np.int64]:
        """Return how many edges each score has above it; without a scale 0."""
        edges = np.empty(0) if self.edges is None else self.edges
        return np.asarray((scores[..., None] < edges - self.slack).sum(axis=-1))

    @property
    def defined(self) -> Flags:
        """Whose rank, grade and place in the first there is to keep: ``(3, n_units)``."""
        ranked = self.ranks > 0
        graded = ranked if self.edges is not None else np.zeros_like(ranked)
        return np.stack([ranked, graded, ranked & (self.ranks <= self.top)])


def ends(path: WeightPath, standing: Standing) -> tuple[Array, bool]:
    """Return the ends of the intervals ``(3, n_units, 2)`` of rank, grade and top, and whether exact.

    An interval holds the present weight; NaN where there is nothing to keep. Exact ends are the crossings of
    straight lines. Others come from a search: the index at 101 weights from 0 to 1, and where something
    differs from the present between two of them, halving. They are the last weights at which it was seen to
    hold, less than 1e-6 off the change. What is undone before the next of the 101 weights can be missed.
    """
    slopes = _slopes(path, standing)
    found = _searched(path, standing) if slopes is None else _crossed(path.weight, slopes, standing)
    found[~standing.defined] = np.nan
    return found, slopes is not None


def _slopes(path: WeightPath, standing: Standing) -> Array | None:
    """Return how fast each index changes with the weight; None where one is no straight line."""
    if not path.is_straight:
        return None
    at = np.array([0.25, 0.75, 0.03125, 0.96875])
    found = path.under(at)
    slopes = np.asarray((found[:, 1] - found[:, 0]) / (at[1] - at[0]))
    lines = standing.scores[:, None] + slopes[:, None] * (at - path.weight)
    is_line = np.abs(lines - found) <= 1e-12 * standing.size
    gone = np.isnan(standing.scores)[:, None] & np.isnan(found)
    return slopes if (is_line | gone).all() else None


def _crossed(weight: float, slopes: Array, standing: Standing) -> Array:
    """Return the ends where straight lines cross each other and the edges."""
    n = slopes.size
    ways = np.full((3, n, 2), np.inf)  # how far down, how far up
    rows = max(1, _PAIRS // max(n, 1))
    is_top = standing.defined[TOP]
    for start in range(0, n, rows):
        units = np.arange(start, min(start + rows, n))
        gaps, far = _pairs(units, slopes, standing)
        for side, sign in enumerate((-1.0, 1.0)):
            ahead = np.where(np.signbit(far) == (sign < 0), np.abs(far), np.inf)
            ways[RANK, units, side] = np.fmin.reduce(ahead, axis=1, initial=np.inf)
            for row in np.flatnonzero(is_top[units]):
                met = np.flatnonzero(ahead[row] < np.inf)
                changes = np.where(gaps[row, met] > 0, -1, 1)
                above = int((gaps[row] > 0).sum())
                ways[TOP, units[row], side] = _until_out(above, ahead[row, met], changes, standing)
    ways[GRADE] = _until_regraded(slopes, standing)
    signs, limits = np.array([-1.0, 1.0]), np.array([0.0, 1.0])
    found = np.clip(weight + signs * ways, 0.0, 1.0)
    return np.asarray(np.where(np.abs(found - limits) < RESOLUTION, limits, found))


def _pairs(units: Whole, slopes: Array, standing: Standing) -> tuple[Array, Array]:
    """Return how far the others stand above each unit, and the way to where they cross it.

    The way is negative towards smaller weights, also where it is 0: a tie that the others win on that side.
    """
    scores, tie = standing.scores, standing.tie
    gaps, closing = scores[None, :] - scores[units, None], slopes[None, :] - slopes[units, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        far = -gaps / closing
    far = np.where(np.abs(gaps) <= tie, np.copysign(0.0, closing), far)
    # Lines less than a tie apart all the way do not cross; a line of no score has nothing to cross.
    far[(np.abs(closing) <= tie) | np.isnan(gaps)] = np.nan
    return np.where(np.abs(gaps) <= tie, 0.0, gaps), far


def _until_out(above: int, ways: Array, changes: NDArray[np.int64], standing: Standing) -> float:
    """Return how far it is until `top` others stand above a unit, from how many do and who comes and goes."""
    # At one and the same crossing those that fall go first: there they are tied, and those that rise too.
    order = np.lexsort((changes, np.round(ways, 12)))
    out = np.flatnonzero(above + np.cumsum(changes[order]) >= standing.top)
    return float(ways[order][out[0]]) if out.size else np.inf


def _until_regraded(slopes: Array, standing: Standing) -> Array:
    """Return how far it is down and up until each unit reaches another grade, ``(n_units, 2)``."""
    if standing.edges is None:
        return np.full((slopes.size, 2), np.inf)
    bounds = np.concatenate([[np.inf], standing.edges, [-np.inf]])
    own = standing.classes(standing.scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.maximum(bounds[own] - standing.scores, 0.0) / np.abs(slopes)
        fall = np.maximum(standing.scores - bounds[own + 1], 0.0) / np.abs(slopes)
    rise, fall = (np.where(np.abs(slopes) > standing.tie, way, np.inf) for way in (rise, fall))
    up, down = np.where(slopes > 0, rise, fall), np.where(slopes > 0, fall, rise)
    return np.column_stack([down, up])


@dataclass(frozen=True)
class _Tasks:
    """Units whose rank, grade or place holds in one column of the grid and not in the next."""

    kinds: Whole
    units: Whole
    sides: Whole
    good: Whole
    bad: Whole


def _searched(path: WeightPath, standing: Standing) -> Array:
    """Return the ends found on a grid and by halving its cells."""
    inner = np.linspace(0, 1, _CELLS + 1)[1:-1]
    grid = np.unique([EDGE, *inner, 1 - EDGE, path.weight])
    at = int(np.searchsorted(grid, path.weight))
    scores = path.under(grid)
    scores[:, at] = standing.scores
    ranks = rank(scores)
    own = _above(ranks) if path.is_smooth else ranks
    classes = standing.classes(scores)
    holds = np.stack([own == own[:, [at]], classes == classes[:, [at]], ranks <= standing.top])
    holds &= (ranks > 0) & standing.defined[:, :, None]
    tasks = _tasks(holds, at)
    judge = (
        _one_by_one(path, standing, scores, ranks, tasks) if path.is_smooth else _all(path, standing, tasks)
    )
    good, bad = grid[tasks.good], grid[tasks.bad]
    for _ in range(_HALVINGS if tasks.units.size else 0):
        middle = (good + bad) / 2
        held = judge(middle)
        good, bad = np.where(held, middle, good), np.where(held, bad, middle)
    found = np.broadcast_to([0.0, 1.0], (*holds.shape[:2], 2)).copy()
    found[tasks.kinds, tasks.units, tasks.sides] = good
    if path.is_smooth:  # who leaves the first and is back in the next column
        walked = _walked(path, standing, grid, scores, at)
        found[TOP, :, 0] = np.maximum(found[TOP, :, 0], walked[:, 0])
        found[TOP, :, 1] = np.minimum(found[TOP, :, 1], walked[:, 1])
    return found


def _walked(path: WeightPath, standing: Standing, grid: Array, scores: Array, at: int) -> Array:
    """Return the ends for those among the first, from all their crossings one after the other."""
    found = np.broadcast_to([0.0, 1.0], (len(scores), 2)).copy()
    for unit in np.flatnonzero(standing.defined[TOP]):
        above = scores - scores[unit] > standing.tie
        other, cell = np.nonzero(above[:, 1:] != above[:, :-1])
        was = above[other, cell]
        low, high = grid[cell], grid[cell + 1]
        own = np.full(other.size, unit)
        for _ in range(_HALVINGS if other.size else 0):
            middle = (low + high) / 2
            gaps = np.subtract(*np.split(path.of(np.r_[other, own], np.r_[middle, middle]), 2))
            held = (gaps > standing.tie) == was
            low, high = np.where(held, middle, low), np.where(held, high, middle)
        for side, sign in enumerate((-1, 1)):
            mine = (cell >= at) == (sign > 0)
            ways = np.abs((low if sign > 0 else high)[mine] - path.weight)
            changes = np.where(was[mine], -sign, sign)
            way = _until_out(int(above[:, at].sum()), ways, changes, standing)
            if way < np.inf:
                found[unit, side] = path.weight + sign * way
    return found


def _above(ranks: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Return a number that tells which units stand above each one, column by column.

    Each unit has a random number, and those above are added up: sets that differ have, but for chances of
    2⁻⁶⁴, sums that differ.
    """
    n, columns = ranks.shape
    rng = np.random.default_rng(20_260_101)
    own: NDArray[np.uint64] = rng.integers(0, 2**63, size=(n,), dtype=np.uint64)
    order: NDArray[np.intp] = np.argsort(np.where(ranks == 0, n + 1, ranks), axis=0)
    sums = np.zeros((n + 1, columns), np.uint64)
    np.cumsum(own[order], axis=0, out=sums[1:])
    return np.asarray(np.take_along_axis(sums, np.maximum(ranks - 1, 0).astype(np.intp), axis=0))


def _tasks(holds: Flags, at: int) -> _Tasks:
    """Return what has to be searched: downwards and upwards from column `at`, the first that fails."""
    parts = []
    for side, step in enumerate((-1, 1)):
        seen = holds[..., at::step] if step > 0 else holds[..., at::-1]
        fails = ~seen & seen[..., :1]
        kinds, units = np.nonzero(fails.any(axis=-1))
        first = np.argmax(fails[kinds, units], axis=-1)
        bad = at + step * first
        parts.append((kinds, units, np.full(kinds.size, side), bad - step, bad))
    return _Tasks(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _all(path: WeightPath, standing: Standing, tasks: _Tasks) -> Callable[[Array], Flags]:
    """Return what judges tasks by the index of all units under each weight."""

    def judge(weights: Array) -> Flags:
        distinct, column = np.unique(weights, return_inverse=True)
        scores = path.under(distinct)
        ranks = rank(scores)[tasks.units, column]
        own = standing.classes(scores[tasks.units, column])
        held = [ranks == standing.ranks[tasks.units],
                own == standing.classes(standing.scores)[tasks.units],
                ranks <= standing.top]  # fmt: skip
        return np.choose(tasks.kinds, held).astype(bool) & (ranks > 0)

    return judge


def _one_by_one(
    path: WeightPath, standing: Standing, scores: Array, ranks: NDArray[np.int32], tasks: _Tasks
) -> Callable[[Array], Flags]:
    """Return what judges tasks by the index of each unit and of those that cross it in the cell."""
    task, other, was = _crossing(standing, scores, tasks)
    before = ranks[tasks.units, tasks.good]
    classes = standing.classes(standing.scores)[tasks.units]

    def judge(weights: Array) -> Flags:
        found = path.of(np.concatenate([tasks.units, other]), np.concatenate([weights, weights[task]]))
        own, others = found[: tasks.units.size], found[tasks.units.size :]
        now = others - own[task] > standing.tie
        crossed = np.bincount(task[now != was], minlength=own.size)
        places = before + np.bincount(task, now.astype(float) - was, own.size)
        held = [crossed == 0, standing.classes(own) == classes, places <= standing.top]
        return np.choose(tasks.kinds, held).astype(bool) & ~np.isnan(own)

    return judge


def _crossing(standing: Standing, scores: Array, tasks: _Tasks) -> tuple[Whole, Whole, Flags]:
    """Return the pairs (task, other unit) of which the order differs between the ends of the task's cell.

    With them, whether the other one is above at the end where all is as it was.
    """
    found = []
    ranked = np.flatnonzero(tasks.kinds != GRADE)
    rows = max(1, _PAIRS // max(len(scores), 1))
    by_column = np.ascontiguousarray(scores.T)
    for start in range(0, ranked.size, rows):
        some = ranked[start : start + rows]
        above = [
            by_column[column] - scores[tasks.units[some], column][:, None] > standing.tie
            for column in (tasks.good[some], tasks.bad[some])
        ]
        row, other = np.nonzero(above[0] != above[1])
        found.append((some[row], other, above[0][row, other]))
    if not found:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, bool)
    task, other, was = (np.concatenate(each) for each in zip(*found, strict=True))
    return task, other, was
