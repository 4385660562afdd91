"""The scale of one indicator, frozen: how far its score can go, by which steps, at which raw values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from citygauge.collect.observations import SCORE_UNIT
from citygauge.framework.model import DEDUCTION, VETO, Node
from citygauge.result import Result
from citygauge.score import normalise as by
from citygauge.score.normalising import NormaliseColumn
from citygauge.score.points import as_scored
from citygauge.score.relative import extremes
from citygauge.score.treat import NO_SKEW, TRANSFORMS, log, moments

Array = NDArray[np.float64]

_BY_PLACE = frozenset({"rank", "borda", "percentile_rank"})
_GRID, _MOST_STEPS = 1001, 200


@dataclass(frozen=True)
class ColumnScale:
    """How the values of one indicator become scores, with the other units and the ends as they are.

    `row` is that of the city among the units of the result, `divisor` what its recorded value is divided by.
    """

    result: Result
    code: str
    row: int
    divisor: float = 1.0

    @cached_property
    def rule(self) -> NormaliseColumn:
        """The normalisation of the column."""
        return self.result.method.normalise.of(self.code, self.result.framework.roles[self.code])

    @cached_property
    def onto(self) -> tuple[float, float]:
        """What the worst and the best of a bounded method become."""
        if self.rule.how == "scaled":
            return 0.0, 100.0 if self.rule.scale is None else self.rule.scale
        return self.result.method.normalise.onto(self.code)

    @cached_property
    def node(self) -> Node:
        """The node as it is scored."""
        return as_scored(self.result.framework, self.code)

    @property
    def lowers(self) -> bool:
        """Whether a higher score lowers the index: a deduction or a veto."""
        return self.result.framework.roles[self.code] in {DEDUCTION, VETO}

    @cached_property
    def scores(self) -> Array:
        """The normalised scores of all units."""
        return self.result.normalised.column(self.code)

    @cached_property
    def values(self) -> Array:
        """The treated values that were normalised."""
        return self.result.treated.column(self.code)

    @property
    def unit(self) -> str:
        """The unit of measure of the recorded value: that of the framework, ``score`` for one handed over."""
        facts = self.result.facts
        at = facts.units.index(self.result.units.codes[self.row]), facts.codes.index(self.code)
        return SCORE_UNIT if facts.is_score[at] else self.node.unit

    @property
    def now(self) -> float:
        """The score of the city."""
        return float(self.scores[self.row])

    @cached_property
    def best(self) -> float:
        """The best score that can be had: the end of a fixed scale, else the best that a unit has."""
        if self.steps_of_rule:
            return self.steps_of_rule[-1][0]
        if self.is_stepped:
            return self.now
        if self.lowers:
            return self.onto[0]
        is_cut = self.rule.how == "distance_to_reference" and self.rule.is_cut
        is_fixed = is_cut or self.rule.how in {"goalposts", "scaled", "distance_to_target", "points"}
        return self.onto[1] if is_fixed else float(np.nanmax(self.scores))

    @property
    def point(self) -> float:
        """A hundredth of the range of the scores, of an open one of what the units span."""
        if self.rule.range is not None or self.rule.how == "scaled":
            return abs(self.onto[1] - self.onto[0]) / 100.0
        span = float(np.nanmax(self.scores) - np.nanmin(self.scores))
        return (span or 1.0) / 100.0

    @cached_property
    def is_stepped(self) -> bool:
        """Whether there is nothing between the levels of the scale."""
        node, how = self.node, self.rule.how
        is_counted = how == "points" and (node.scheme is not None or bool(node.rubric))
        return how in _BY_PLACE or how == "rubric" or is_counted or bool(self.steps_of_rule)

    @cached_property
    def _is_all_or_nothing(self) -> bool:
        """Whether the least is 0 and less is better: as a fraction of it only 0 scores anything."""
        return self.rule.how == "fraction_of_max" and self.turned and bool(np.nanmin(self.values) == 0)

    @cached_property
    def steps_of_rule(self) -> tuple[tuple[float, float], ...]:
        """Score and derived value of each step that is better than now, where the scale has steps."""
        how, node = self.rule.how, self.node
        if how in _BY_PLACE or self._is_all_or_nothing:
            known = ~np.isnan(self.scores)
            pairs = zip(self.scores[known].tolist(), self._untreated(self.values[known]), strict=True)
            return self._better(pairs)
        if how == "rubric" or (how == "points" and node.rubric and node.scheme is None):
            rungs = np.array([level.value for level in node.rubric])
            found = by.rubric(rungs[:, None], [node.rubric], self.onto)[:, 0]
            return self._better(zip(found.tolist(), rungs.tolist(), strict=True))
        if how == "points" and node.scheme is not None:
            return self._of_scheme()
        return self._whole_numbers()

    def _better(self, pairs: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        """Return the steps better than now by their score, of one score the value nearest to the present."""
        here, sign = float(self.values[self.row]), -1.0 if self.lowers else 1.0
        nearest: dict[float, float] = {}
        for score, value in pairs:
            if (score - self.now) * sign > 1e-12 and (
                score not in nearest or abs(value - here) < abs(nearest[score] - here)
            ):
                nearest[score] = float(value)
        return tuple(sorted(nearest.items(), key=lambda step: step[0] * sign))

    def _of_scheme(self) -> tuple[tuple[float, float], ...]:
        scheme, full = self.node.scheme, self.node.points
        assert scheme is not None
        assert full is not None
        here = float(self.values[self.row])
        if scheme.bands:
            edges = [band.edge for band in scheme.bands]
            off = [max(abs(edge), 1.0) * 1e-6 for edge in edges]
            tried = [edge + k * step for edge, step in zip(edges, off, strict=True) for k in (-1, 0, 1)]
        else:
            rises = (scheme.each > 0) != self.lowers
            count = np.arange(1, _MOST_STEPS + 1)
            tried = [v for v in (here + count if rises else here - count) if v >= 0]
        given = np.array([value if value else 0.0 for value in tried])
        found = by.points(given[:, None], [scheme], np.array([full]), self.onto)[:, 0]
        return self._better(zip(found.tolist(), given.tolist(), strict=True))

    def _whole_numbers(self) -> tuple[tuple[float, float], ...]:
        """Return the steps of yes and no, and of whole numbers, on scales that know nothing between."""
        if self.node.scale not in {"binary", "ordinal"} or self.lowers:
            return ()
        best = float(np.nanmax(self.scores)) if self.rule.how in _OPEN else self.onto[1]
        here, there = float(self.values[self.row]), self._inverse(best)
        if not here.is_integer() or np.isnan(there) or abs(there - here) > _MOST_STEPS or best <= self.now:
            return ()
        count = int(np.floor(abs(there - here) + 1e-9))
        values = [here + np.sign(there - here) * k for k in range(1, count + 1)]
        if self.node.scale == "binary" or not values:
            values = [there]
        share = [(value - here) / (there - here) for value in values]
        return tuple((self.now + s * (best - self.now), v) for s, v in zip(share, values, strict=True))

    @property
    def is_straight(self) -> bool:
        """Whether the raw value changes in proportion to the score."""
        done = self.result.treatment.get(self.code)
        falls = self.rule.how == "fraction_of_max" and (self.node.direction or 1) < 0
        return not (self.rule.log or falls or (done is not None and done.transform))

    def value_of(self, score: float) -> float:
        """Return the derived value that has a score, NaN where the scale does not say."""
        for step, value in self.steps_of_rule:
            if abs(step - score) <= 1e-12 * max(1.0, abs(step)):
                return value
        if score == self.now:
            return float(self.result.imputed.column(self.code)[self.row])
        if self.is_stepped and not self._is_whole:
            return float("nan")
        return self._inverse(score)

    @property
    def _is_whole(self) -> bool:
        """Whether the steps are whole numbers of a scale that has scores between them too."""
        is_open = self.rule.how not in _BY_PLACE and self.rule.how not in {"rubric", "points"}
        return is_open and not self._is_all_or_nothing

    def _inverse(self, score: float) -> float:
        """Return the value that a scale without levels gives a score."""
        inverse = _INVERSES.get(self.rule.how, _between)
        with np.errstate(all="ignore"):
            return float(self._untreated(np.array([inverse(self, score)]))[0])

    def raw_of(self, score: float) -> float:
        """Return the value that would be recorded: the derived one times its divisor."""
        return self.value_of(score) * self.divisor

    def _untreated(self, values: Array) -> Array:
        """Return treated values as they were before a transform; winsorised ones are the same."""
        done = self.result.treatment.get(self.code)
        if done is None or not done.transform:
            return values
        column = self.result.imputed.column(self.code)
        low, high = np.nanmin(column), np.nanmax(column)
        given = () if np.isnan(done.power) else (done.power,)
        forward: Callable[..., Array] = TRANSFORMS[done.transform]
        if done.transform == "log_by_skew":  # the points of the grid must not turn its choice round
            rises = moments(column[:, None])[0][0] > NO_SKEW
            forward = log if rises else lambda each: -log(-each)
        found = np.empty(values.shape)
        for i, value in enumerate(values):
            left, right = low, high
            for _ in range(4):
                grid = np.concatenate(([low, high], np.linspace(left, right, _GRID)))
                made = forward(grid, *given)[2:]
                at = int(np.clip(np.searchsorted(made, value), 1, _GRID - 1))
                left, right = grid[at + 1], grid[at + 2]
            found[i] = (left + right) / 2 if right - left > 1e-9 * (high - low) else right
        return found

    @property
    def turned(self) -> bool:
        """Whether less is better."""
        return (self.node.direction or 1) < 0

    @property
    def share(self) -> Callable[[float], float]:
        """What turns a score into a share of the way."""
        low, high = self.onto
        return lambda score: (score - low) / (high - low)


_OPEN = frozenset({"minmax", "zscore", "vector", "ampi", "distance_to_max", "fraction_of_max"})


def _between(scale: ColumnScale, score: float) -> float:
    """Return the value on the straight line through the worst and the best unit."""
    known = np.flatnonzero(~np.isnan(scale.scores))
    worst, best = known[np.argmin(scale.scores[known])], known[np.argmax(scale.scores[known])]
    first, last = scale.scores[worst], scale.scores[best]
    share = (score - first) / (last - first) if last > first else np.nan
    return float(scale.values[worst] + share * (scale.values[best] - scale.values[worst]))


def _of_posts(scale: ColumnScale, score: float) -> float:
    rule, node = scale.rule, scale.node
    if rule.how == "scaled":
        low, high = rule.span
    else:
        ends = (rule.low, rule.high) if rule.low is not None else (node.low, node.high)
        low, high = (np.nan if end is None else float(end) for end in ends)
    if rule.log:
        low, high = float(np.log(low)), float(np.log(high))
    share = scale.share(score)
    value = high - share * (high - low) if scale.turned else low + share * (high - low)
    return float(np.exp(value)) if rule.log else float(value)


def _of_target(scale: ColumnScale, score: float) -> float:
    rule, node = scale.rule, scale.node
    least, most = extremes(scale.values)
    worst = float(most if scale.turned else least)
    if rule.target is not None or node.target_low is None or node.target_high is None:
        single = node.target_high if node.target_low is None else node.target_low
        goal = rule.target if rule.target is not None else single
    else:  # a band: from the side on which the city stands
        is_below = scale.values[scale.row] < node.target_low
        worst = float(least if is_below else most)
        goal = node.target_low if is_below else node.target_high
    return worst + scale.share(score) * ((np.nan if goal is None else goal) - worst)


def _of_reference(scale: ColumnScale, score: float) -> float:
    least, most = extremes(scale.values)
    worst = float(most if scale.turned else least)
    units = scale.result.treated.units
    unit = str(scale.rule.reference)
    goal = scale.values[units.index(unit)] if unit in units else np.nan
    return float(worst + scale.share(score) * (goal - worst))


def _of_fraction(scale: ColumnScale, score: float) -> float:
    least, most = extremes(scale.values)
    share = scale.share(score)
    return float(least / share if scale.turned else share * most)


_INVERSES: dict[str, Callable[[ColumnScale, float], float]] = {
    "goalposts": _of_posts,
    "points": _of_posts,
    "scaled": _of_posts,
    "distance_to_target": _of_target,
    "distance_to_reference": _of_reference,
    "fraction_of_max": _of_fraction,
}
