"""The index of one city as a function of its own indicators, everything else as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.additive import OF_ALL_UNITS
from citygauge.analyse.improve.costs import Cost, Costs
from citygauge.analyse.improve.scale import ColumnScale
from citygauge.framework.model import BONUS, DEDUCTION, VETO, Framework
from citygauge.indicators.table import IMPUTED, VALUE
from citygauge.problems import Problems
from citygauge.result import Result
from citygauge.score.aggregate import Rule, aggregate
from citygauge.score.aggregating import Plan as Aggregation
from citygauge.score.points import with_nothing_earned
from citygauge.score.steps import plan_of

Array = NDArray[np.float64]

_CURVED_STEPS = 50  # of a way whose effort is no straight line


@dataclass(frozen=True)
class Lever:
    """An indicator that can be improved, from `now` up to `best` (of a deduction or a veto: down to it).

    `steps` are the scores that it can come to where it knows no others, nearest first, and `efforts` what
    each takes; elsewhere a unit of score takes `rate`. `reach` is the whole way.
    """

    scale: ColumnScale
    now: float
    best: float
    rate: float
    steps: tuple[float, ...] = ()
    efforts: tuple[float, ...] = ()

    @property
    def code(self) -> str:
        """The code of the indicator."""
        return self.scale.code

    @property
    def reach(self) -> float:
        """How far the score can go."""
        return abs(self.best - self.now)

    @property
    def sign(self) -> float:
        """-1 where a lower score is better."""
        return -1.0 if self.best < self.now else 1.0

    def effort(self, gain: float) -> float:
        """Return the effort of a gain in score; of steps that of the step."""
        if not self.steps:
            return self.rate * gain
        if gain <= 0:
            return 0.0
        ways = [abs(step - self.now) for step in self.steps]
        return self.efforts[int(np.argmin([abs(way - gain) for way in ways]))]


@dataclass(frozen=True)
class Frozen:
    """The scores behind the index of one city, and what may be moved.

    `scores` and `applicable` ``(n_nodes,)`` are those of its own figures, NaN where there is none.
    """

    framework: Framework
    aggregation: Aggregation
    scores: Array
    applicable: NDArray[np.bool_]
    levers: tuple[Lever, ...]

    @cached_property
    def at(self) -> NDArray[np.intp]:
        """The numbers of the nodes of the levers."""
        position = {code: i for i, code in enumerate(self.framework.codes)}
        return np.array([position[lever.code] for lever in self.levers], np.intp)

    @cached_property
    def reach(self) -> Array:
        """How far each lever can go ``(n_levers,)``."""
        return np.array([lever.reach for lever in self.levers])

    @cached_property
    def signs(self) -> Array:
        """-1 for the levers of which a lower score is better."""
        return np.array([lever.sign for lever in self.levers])

    def nodes(self, gains: Array) -> Array:
        """Return the scores of all nodes ``(n, n_nodes)`` for gains ``(n, n_levers)``."""
        values = np.repeat(self.scores[None], len(gains), axis=0)
        if self.levers:
            values[:, self.at] += gains * self.signs
        filled, _ = with_nothing_earned(values, self.framework, self.aggregation.onto[0])
        applicable = np.repeat(self.applicable[None], len(gains), axis=0)
        return aggregate(filled, applicable, self.aggregation.steps).values

    def index(self, gains: Array) -> Array:
        """Return the index ``(n,)`` for gains ``(n, n_levers)``."""
        return self.nodes(gains)[:, 0]

    def effort(self, gains: Array) -> float:
        """Return what gains ``(n_levers,)`` take together."""
        return float(sum(lever.effort(g) for lever, g in zip(self.levers, gains.tolist(), strict=True)))


def frozen_of(result: Result, row: int, costs: Costs, problems: Problems) -> Frozen:
    """Return the index of a city as a function of its indicators; what stands against that is noted.

    Indicators that the city has no score of are no levers: a gap that is filled tells a fact, and improves
    nothing. They stay as they are.
    """
    framework = result.framework
    aggregation = plan_of(result.method, framework, result.shares)
    table = result.normalised
    position = {code: i for i, code in enumerate(framework.codes)}
    at = [position[code] for code in table.codes]
    scores, applicable = np.full(len(framework), np.nan), np.ones(len(framework), bool)
    scores[at], applicable[at] = table.values[row], table.applicable[row]
    bare = Frozen(framework, aggregation, scores, applicable, ())
    if result.strata:
        problems.add("improve.strata", strata=list(result.strata))
        return bare
    _refuse(framework, aggregation.rules, active_codes(bare), problems)
    levers = [
        lever
        for code in active_codes(bare)
        if not np.isnan(scores[position[code]])
        and (lever := _lever(result, row, code, costs.get(code, Cost()))) is not None
    ]
    return Frozen(framework, aggregation, scores, applicable, tuple(levers))


def active_codes(frozen: Frozen) -> tuple[str, ...]:
    """Return the nodes that bear on the index: with a weight or a role, and below no score of its own."""
    framework, found = frozen.framework, []
    shares = {
        framework.codes[child]: step.weights[row].sum()
        for step in frozen.aggregation.steps
        for row, child in enumerate(step.children)
    }
    stopped: set[str] = set()
    for at, code in enumerate(framework.codes):
        node = framework[code]
        is_idle = node.parent is not None and not node.role and not shares.get(code)
        if node.parent in stopped or is_idle:
            stopped.add(code)
            continue
        found.append(code)
        if not np.isnan(frozen.scores[at]):
            stopped.add(code)
    return tuple(found)


def is_concave(rule: Rule) -> bool:
    """Tell whether a mean never gains from making its children more unequal, so that bounds are proofs."""
    given = dict(rule.parameters)
    if rule.how == "generalised":
        return float(given["power"]) <= 1.0
    if rule.how == "owa":
        return float(given.get("orness", 0.5)) <= 0.5
    return rule.how in {"arithmetic", "geometric", "harmonic"}


def _refuse(
    framework: Framework, rules: Mapping[str, Rule], active: Sequence[str], problems: Problems
) -> None:
    """Refuse ways of aggregation under which a least effort cannot be proved."""
    chosen: dict[str, Rule] = {code: rules[code] for code in active if framework.children(code)}
    of_all = [code for code, rule in chosen.items() if rule.how in OF_ALL_UNITS]
    if of_all:
        hows = sorted({chosen[code].how for code in of_all})
        problems.add("improve.relative-method", codes=of_all, how=hows)
    inside = {
        code
        for code in chosen
        if framework.roles[code] == DEDUCTION
        and (
            chosen[code].how != "arithmetic"
            or framework[code].cap is not None
            or any(framework[child].role for child in framework.children(code))
        )
    }
    bent = [c for c, rule in chosen.items() if c not in of_all and (not is_concave(rule) or c in inside)]
    if bent:
        problems.add("improve.bent-method", codes=bent, how=sorted({chosen[code].how for code in bent}))


def _lever(result: Result, row: int, code: str, cost: Cost) -> Lever | None:
    """Return what can be done about an indicator; None where that is nothing."""
    scale = ColumnScale(result, code, row, _divisor(result, row, code))
    now, best = scale.now, scale.best
    role = result.framework.roles[code]
    if cost.steps == 0 or np.isnan(best):
        return None
    sign = -1.0 if role in {DEDUCTION, VETO} else 1.0
    best = _limited(scale, best, cost)
    if (best - now) * sign <= 1e-12:
        return None
    steps = _steps(scale, best, cost, is_veto=role == VETO)
    if steps is not None and not steps:
        return None
    if steps is None:
        return Lever(scale, now, best, _effort(scale, best, cost) / abs(best - now))
    efforts = tuple(_effort(scale, step, cost) for step in steps)
    return Lever(scale, now, steps[-1], 0.0, steps, efforts)


def _limited(scale: ColumnScale, best: float, cost: Cost) -> float:
    """Return the best score that a table of costs allows."""
    sign = -1.0 if scale.lowers else 1.0
    most = cost.most
    if most is None:
        return best
    if cost.per == "point":
        return sign * min(sign * best, sign * most)
    low, high = scale.now, best
    rises = scale.raw_of(best) > scale.raw_of(scale.now)

    def is_beyond(score: float) -> bool:
        raw = scale.raw_of(score)
        return raw > most if rises else raw < most

    if not is_beyond(best):
        return best
    if scale.steps_of_rule:
        inside = [score for score, _ in scale.steps_of_rule if not is_beyond(score)]
        return inside[-1] if inside else scale.now
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return low


def _steps(scale: ColumnScale, best: float, cost: Cost, *, is_veto: bool) -> tuple[float, ...] | None:
    """Return the scores that can be planned, None where any between can."""
    sign = -1.0 if scale.lowers else 1.0
    if is_veto:
        return (best,)
    own = tuple(score for score, _ in scale.steps_of_rule if (best - score) * sign >= -1e-12)
    if scale.steps_of_rule:
        return own
    count = cost.steps
    if count is None and cost.per == "raw" and not scale.is_straight:
        count = _CURVED_STEPS
    if count is None:
        return None
    return tuple((scale.now + (best - scale.now) * np.arange(1, count + 1) / count).tolist())


def _effort(scale: ColumnScale, score: float, cost: Cost) -> float:
    """Return what it takes to come from now to a score."""
    if cost.per == "raw":
        return cost.cost * abs(scale.raw_of(score) - scale.raw_of(scale.now))
    return cost.cost * abs(score - scale.now) / scale.point


def _divisor(result: Result, row: int, code: str) -> float:
    """Return what the recorded value of a cell is divided by on its way to the indicator."""
    node, facts = result.framework[code], result.facts
    unit = result.units.codes[row]
    if not node.denominator:
        return 1.0
    at = facts.units.index(unit)
    if facts.is_score[at, facts.codes.index(code)]:
        return 1.0
    units = result.units
    if node.denominator in units.attributes:
        below = float(units.numbers(node.denominator)[row])
    else:
        below = float(facts.values[at, facts.codes.index(node.denominator)])
    return below / node.denominator_scale


def gaps_of(result: Result, row: int, frozen: Frozen) -> tuple[str, ...]:
    """Return the indicators of the city that count, apply to it, and have no score."""
    table, active = result.normalised, set(active_codes(frozen))
    return tuple(
        code
        for column, code in enumerate(table.codes)
        if code in active
        and table.states[row, column] != VALUE
        and table.applicable[row, column]
        and not result.framework.children(code)
        and result.framework.roles[code] not in {BONUS, DEDUCTION, VETO}
    )


def imputed_of(result: Result, row: int) -> frozenset[str]:
    """Return the indicators of the city whose value was estimated."""
    table = result.imputed
    return frozenset(c for i, c in enumerate(table.codes) if table.origins[row, i] == IMPUTED)
