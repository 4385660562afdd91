"""The least effort for a target: the program solved, its plan brought just to the target, and the proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.improve.frozen import Frozen
from citygauge.analyse.improve.goal import Goal
from citygauge.analyse.improve.program import Program, program_of

Array = NDArray[np.float64]
Restrict = Callable[[Program, Frozen], None]

PRECISION = 1e-6  # of the solver, as a share of the effort
_WHOLE_ROUNDS = 20  # where whole numbers are looked for, which takes longer
_ROUNDS, _IDLE = 200, 8  # rounds of tangents, and of them without a better plan or bound
_ROOM = 1e-6  # of a way: for the solver where all go evenly
_TINY = 1e-7  # of a way; less is the solver's noise


@dataclass(frozen=True, slots=True)
class Answer:
    """Gains ``(n_levers,)`` that reach the target, their effort, and the effort below which nothing does.

    `gap` is the part of the effort that is not proved to be needed: 0 is a proof of optimality, to the
    precision of the solver (10⁻⁶).
    """

    gains: Array
    effort: float
    bound: float

    @property
    def gap(self) -> float:
        """The part of the effort that is not proved to be needed."""
        if self.effort <= 0:
            return 0.0
        gap = (self.effort - self.bound) / self.effort
        return 0.0 if gap <= PRECISION else float(gap)

    @property
    def used(self) -> frozenset[int]:
        """The numbers of the levers that are moved."""
        return frozenset(np.flatnonzero(self.gains > 0).tolist())


def least_effort(
    frozen: Frozen, goal: Goal, restrict: Restrict | None = None, limits: Array | None = None
) -> Answer | None:
    """Return the least effort that reaches a goal; None where nothing does.

    Parameters
    ----------
    frozen : Frozen
    goal : Goal
    restrict : callable, optional
        Adds rows to the program, of which `used` says what is moved.
    limits : (n_levers,) float, optional
        The largest gains; by default the whole way.

    Returns
    -------
    Answer or None

    Notes
    -----
    Sums are exact rows. For geometric and other concave means the set that reaches the target is convex:
    tangents at each solution cut off what does not reach it (Kelley 1960, doi:10.1137/0108053; with whole
    numbers Duran and Grossmann 1986, doi:10.1007/BF02592064), and the optimum of the program with tangents
    is a bound below any effort that does. Each solution is raised, or lowered, along its own indicators
    until it just reaches the target; the best of these is returned once it meets the bound.
    """
    if not frozen.levers:
        return None
    limits = frozen.reach if limits is None else limits
    program = program_of(frozen, goal.value, limits, with_used=restrict is not None)
    if restrict is not None:
        restrict(program, frozen)
    codes = frozen.framework.codes
    if program.curved:
        for share in (0.0, 0.5, 1.0):
            nodes = frozen.nodes(share * limits[None])[0]
            program.add_tangents(dict(zip(codes, nodes.tolist(), strict=True)))
    best: Answer | None = None
    bound, raised, idle = 0.0, 0.0, 0
    for _ in range(_WHOLE_ROUNDS if any(program.whole) else _ROUNDS):
        found = program.solve()
        if found is None:
            return best
        risen = found.bound > bound + PRECISION * max(bound, 1.0) and not raised
        bound = bound if raised else max(bound, found.bound)
        gains = tidy(frozen, found.gains, limits)
        exact = just_reached(frozen, gains, goal, limits)
        if exact is not None and (best is None or frozen.effort(exact) < best.effort):
            best, risen = Answer(exact, frozen.effort(exact), bound), True
        idle = 0 if risen else idle + 1
        if best is not None:
            best = Answer(best.gains, best.effort, bound)
            if best.gap == 0 or idle > _IDLE:
                return best
        if program.curved:
            nodes = frozen.nodes(gains[None])[0]
            program.add_tangents(dict(zip(codes, nodes.tolist(), strict=True)))
        elif best is None:  # the solver took its tolerance: ask for a little more
            raised += 1e-8 * program.unit
            program.aim(goal.value + raised)
        else:
            return best
    return best


def tidy(frozen: Frozen, gains: Array, limits: Array) -> Array:
    """Return gains without the noise of the solver: none, whole, or a step where they are next to it."""
    found = np.clip(gains, 0.0, limits)
    found[found <= _TINY * limits] = 0.0
    full = found >= (1 - _TINY) * limits
    found[full] = limits[full]
    for i, lever in enumerate(frozen.levers):
        if lever.steps and found[i] > 0:
            ways = np.array([abs(step - lever.now) for step in lever.steps])
            found[i] = ways[int(np.argmin(np.abs(ways - found[i])))]
    return found


def just_reached(frozen: Frozen, gains: Array, goal: Goal, limits: Array) -> Array | None:
    """Return gains raised or lowered together, where they have no steps, until the goal is just reached.

    None where it is not within their reach.
    """
    free = np.array([not lever.steps for lever in frozen.levers]) & (gains > 0)
    up = np.where(free, np.maximum(limits - gains, 0.0), 0.0)

    def along(share: Array) -> Array:
        share = share[:, None]
        down = np.where(free, gains, 0.0)
        return gains + np.where(share >= 0, share * up, share * down)

    low, high = -1.0, 1.0
    if not is_reached(frozen.index(along(np.array([high])))[0], goal):
        return None
    for _ in range(9):
        shares = np.linspace(low, high, 65)
        reached = is_reached(frozen.index(along(shares)), goal)
        first = int(np.argmax(reached))
        high = float(shares[first])
        low = float(shares[max(first - 1, 0)])
        if first == 0:
            break
    return np.asarray(along(np.array([high]))[0])


def is_reached(index: Array, goal: Goal) -> NDArray[np.bool_]:
    """Tell which scores are enough, the target itself on the safe side of a rounding."""
    return np.asarray(index >= goal.value - goal.slack / 2)


def not_all_of(used: Sequence[frozenset[int]], less: int) -> Restrict:
    """Return what leaves out at least `less` of the indicators of each earlier plan (all, of fewer)."""

    def restrict(program: Program, frozen: Frozen) -> None:
        for earlier in used:
            most = len(earlier) - min(less, len(earlier))
            program.row({program.used[i]: 1.0 for i in earlier}, high=float(most))

    return restrict


def at_most(count: int) -> Restrict:
    """Return what allows no more than so many indicators to be moved."""

    def restrict(program: Program, frozen: Frozen) -> None:
        program.row(dict.fromkeys(program.used, 1.0), high=float(count))

    return restrict


def _even(steps: Sequence[float], now: float, reach: float, share: float) -> float:
    """Return how far a lever may go at a share of its way: to the next step at or beyond it."""
    if not steps:
        return share * reach
    ways = sorted(abs(step - now) for step in steps)
    return next((way for way in ways if way >= share * reach * (1 - 1e-12)), reach) if share > 0 else 0.0


def fewest(frozen: Frozen, goal: Goal) -> int:
    """Return the least number of indicators that reach a goal when they go all the way; 0 where none do.

    The index rises with every indicator, so that a set of them reaches the goal if it does at full length.
    """
    program = program_of(frozen, goal.value, with_used=True)
    codes = frozen.framework.codes
    count = dict.fromkeys(program.used, 1.0)
    program.add_tangents(dict(zip(codes, frozen.nodes(frozen.reach[None])[0].tolist(), strict=True)))
    for _ in range(_WHOLE_ROUNDS):
        found = program.solve(count)
        if found is None:
            return 0
        used = tidy(frozen, found.gains, frozen.reach) > 0
        gains = np.where(used, frozen.reach, 0.0)
        nodes = frozen.nodes(gains[None])[0]
        if is_reached(nodes[:1], goal)[0]:
            return int(used.sum())
        if not program.curved:
            return round(found.objective)
        program.add_tangents(dict(zip(codes, nodes.tolist(), strict=True)))
    return 0


def even_limits(frozen: Frozen, goal: Goal) -> Array:
    """Return how far each indicator goes where all go the same share of their way, steps rounded up."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        reached = bool(is_reached(frozen.index(_evenly(frozen, middle)[None]), goal)[0])
        low, high = (low, middle) if reached else (middle, high)
    return _evenly(frozen, min(high + _ROOM, 1.0))


def _evenly(frozen: Frozen, share: float) -> Array:
    return np.array([_even(each.steps, each.now, each.reach, share) for each in frozen.levers])
