"""Plans: which indicators go how far, what that takes, and the five that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.additive import Cells, Rescorer
from citygauge.analyse.improve.frozen import Frozen, Lever
from citygauge.analyse.improve.goal import Goal
from citygauge.analyse.improve.search import (
    PRECISION,
    Answer,
    at_most,
    even_limits,
    fewest,
    least_effort,
    not_all_of,
)
from citygauge.result import Result
from citygauge.score.grade import grade
from citygauge.score.rank import rank

Array = NDArray[np.float64]
Kind = Literal["best", "few", "spread", "other"]

_ORDER: tuple[Kind, ...] = ("best", "few", "other", "spread")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a city stands: its index, its rank (0 = none) and the id of its grade; blank without a scale."""

    index: float
    rank: int
    grade: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One indicator of a plan: its scores and raw values before and after, and what that takes and brings.

    `share` is what it adds to the index; the shares of a plan add up to its whole rise.
    """

    lever: Lever
    score_from: float
    score_to: float
    raw_from: float
    raw_to: float
    effort: float
    share: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to the goal: its moves, the largest rise first, and what is proved of it.

    `bound` is an effort below which no plan of its kind lies, `gap` the part of the effort above it.
    """

    number: int
    kind: Kind
    moves: tuple[Move, ...]
    effort: float
    bound: float
    gap: float
    planned: Standing


def answers(frozen: Frozen, goal: Goal, count: int) -> list[tuple[Kind, Answer]]:
    """Return up to so many ways to a goal that really differ, least effort first.

    The first takes the least effort, the next the fewest indicators (with the least effort among these), then
    no indicator goes further than it must where all go evenly; each further one takes the least effort
    without two (at last, without one) of the indicators of every plan before it.
    """
    found: list[tuple[Kind, Answer]] = []
    for kind, answer in _special(frozen, goal):
        if answer is not None and len(found) < count and _is_new(answer, [one for _, one in found]):
            found.append((kind, answer))
    less = 2
    while found and len(found) < count and less:
        answer = least_effort(frozen, goal, not_all_of([one.used for kind, one in found], less))
        if answer is None or not _is_new(answer, [one for _, one in found]):
            less -= 1
        else:
            found.append(("other", answer))
    unit = PRECISION * max((one.effort for _, one in found), default=1.0)
    return sorted(found, key=lambda each: (round(each[1].effort / unit / 10), _ORDER.index(each[0])))


def _special(frozen: Frozen, goal: Goal) -> Iterator[tuple[Kind, Answer | None]]:
    best = least_effort(frozen, goal)
    if best is None:
        return
    count = fewest(frozen, goal)
    few = None
    while 0 < count < len(best.used) and few is None:
        few = least_effort(frozen, goal, at_most(count))
        count += 1
    if few is not None and few.effort <= best.effort * (1 + PRECISION):  # as cheap: fewer are better
        yield "best", few
    else:
        yield "best", best
        yield "few", few
    yield "spread", least_effort(frozen, goal, limits=even_limits(frozen, goal))


def _is_new(answer: Answer, others: list[Answer]) -> bool:
    """Tell whether a plan differs from all others in more than the noise of the solver."""
    return all(
        answer.used != other.used or np.abs(answer.gains - other.gains).max() > 1e-4 * answer.gains.max()
        for other in others
    )


def plan_of(result: Result, row: int, frozen: Frozen, answer: Answer, named: tuple[int, Kind]) -> Plan:
    """Return an answer as a plan, with raw values and what each move adds to the index."""
    moved = sorted(answer.used)
    shares = _shares(result, row, frozen, answer.gains)
    moves = []
    for i in moved:
        lever, gain = frozen.levers[i], float(answer.gains[i])
        score = lever.now + lever.sign * gain
        scale = lever.scale
        moves.append(
            Move(
                lever, lever.now, score, scale.raw_of(lever.now), scale.raw_of(score), lever.effort(gain),
                float(shares[frozen.at[i]]),
            )
        )  # fmt: skip
    moves.sort(key=lambda move: -move.share)
    index = float(frozen.index(answer.gains[None])[0])
    standing = standing_of(result, row, index)
    return Plan(*named, tuple(moves), answer.effort, answer.bound, answer.gap, standing)


def _shares(result: Result, row: int, frozen: Frozen, gains: Array) -> Array:
    """Return what each node's move adds to the index, as a Shapley value; see `Rescorer.shares`."""
    now = Cells.of(result, row, ("",))
    values = now.values.copy()
    values[0, frozen.at] += gains * frozen.signs
    return Rescorer.of(result).shares(now, Cells(now.strata, values, now.applicable))


def standing_of(result: Result, row: int, index: float) -> Standing:
    """Return where a city would stand with an index, the others as they are."""
    scores = result.index.copy()
    scores[row] = index
    place = int(rank(scores[:, None])[row, 0])
    told = grade(np.array([index]), result.scale, result.range)[0] if result.scale else ""
    return Standing(index, place, told)
