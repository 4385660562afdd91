"""The index of a city as a mixed-integer program, with tangents in place of means that are no sums."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.improve.frozen import Frozen, Lever, active_codes
from citygauge.score.aggregate import Rule
from citygauge.score.points import adjustment

Array = NDArray[np.float64]

_LEAST = 1e-6  # where tangents are taken instead of at 0, as a share of the scale
_SCALE = 1000.0
_NODES = 500  # of the search for whole numbers: a limit that gives the same on every machine


@dataclass(frozen=True, slots=True)
class Solution:
    """What the solver found: gains ``(n_levers,)``, the objective, and a bound below which nothing lies."""

    gains: Array
    objective: float
    bound: float


@dataclass
class Program:
    """A mixed-integer program: least effort such that the index is at least the target.

    Scores stand in it as shares of `unit`, and `levers` are the places of the gains; `used` are 1 where a
    lever is moved. `curved` are the nodes that tangents are added for: their own place, their rule, and
    places and weights of their children.
    """

    unit: float = 1.0
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    rows: list[tuple[Mapping[int, float], float, float]] = field(default_factory=list)
    levers: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    curved: dict[str, tuple[int, Rule, tuple[str, ...], list[int], Array]] = field(default_factory=dict)
    root: int = 0
    target: tuple[Mapping[int, float], float, float] | None = None

    def variable(self, low: float, high: float, cost: float = 0.0, *, whole: bool = False) -> int:
        """Add a variable and return its place."""
        self.low.append(low)
        self.high.append(high)
        self.cost.append(cost)
        self.whole.append(int(whole))
        return len(self.low) - 1

    def row(self, parts: Mapping[int, float], low: float = -np.inf, high: float = np.inf) -> None:
        """Add a row: ``low ≤ Σ part · variable ≤ high``, in thousandths, for the solver's fixed tolerance."""
        scaled = {at: _SCALE * part for at, part in parts.items()}
        self.rows.append((scaled, _SCALE * low, _SCALE * high))

    def aim(self, value: float) -> None:
        """Ask that the index is at least a score."""
        self.rows = [row for row in self.rows if row is not self.target]
        self.row({self.root: 1.0}, low=value / self.unit)
        self.target = self.rows[-1]

    def solve(self, objective: Mapping[int, float] | None = None) -> Solution | None:
        """Return the best solution by HiGHS; None where there is none.

        Source: Huangfu and Hall 2018, doi:10.1007/s12532-017-0130-5.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - slow to import
        from scipy.sparse import csr_array  # noqa: PLC0415 - slow to import

        n = len(self.low)
        costs = np.array(self.cost)
        if objective is not None:
            costs = np.zeros(n)
            costs[list(objective)] = list(objective.values())
        cells = [(i, at, part) for i, (parts, _, _) in enumerate(self.rows) for at, part in parts.items()]
        lines, places, parts = zip(*cells, strict=True)
        matrix = csr_array((parts, (lines, places)), shape=(len(self.rows), n))
        lows, highs = (np.array([row[k] for row in self.rows]) for k in (1, 2))
        with _silence():
            done: Any = milp(
                costs,
                integrality=np.array(self.whole),
                bounds=Bounds(np.array(self.low), np.array(self.high)),
                constraints=LinearConstraint(matrix, lows, highs),
                options={"mip_rel_gap": 0.0, "node_limit": _NODES},
            )
        if done.x is None:
            return None
        bound = done.mip_dual_bound if any(self.whole) else None
        found = float(done.fun)
        below = found if bound is None or not np.isfinite(bound) else min(float(bound), found)
        return Solution(done.x[self.levers] * self.unit, found, below)

    def add_tangents(self, nodes: Mapping[str, float]) -> int:
        """Add the tangent of every curved node at the scores of its children; return how many."""
        for place, rule, children, places, weights in self.curved.values():
            point = np.maximum([nodes[child] / self.unit for child in children], _LEAST)
            value, slopes = tangent(rule, point, weights)
            parts = {place: 1.0}
            for at, slope in zip(places, slopes.tolist(), strict=True):
                parts[at] = parts.get(at, 0.0) - slope
            self.row(parts, high=value - float(slopes @ point))
        return len(self.curved)


def tangent(rule: Rule, point: Array, weights: Array) -> tuple[float, Array]:
    """Return the value of a concave mean at a point and its slopes there.

    Parameters
    ----------
    rule : Rule
        ``geometric``, ``harmonic``, ``generalised`` with a power up to 1, ``owa`` with an orness up to 0.5.
    point : (n_children,) float
        Above 0.
    weights : (n_children,) float
        With the sum 1.

    Returns
    -------
    value : float
    slopes : (n_children,) float
        A concave mean lies nowhere above ``value + slopes · (y - point)``. All are homogeneous, so that
        ``slopes · point = value``.

    Examples
    --------
    >>> value, slopes = tangent(Rule("geometric"), np.array([1.0, 4.0]), np.array([0.5, 0.5]))
    >>> value, slopes.tolist()
    (2.0, [1.0, 0.25])
    """
    given = dict(rule.parameters)
    if rule.how == "owa":
        order = np.argsort(-point, kind="stable")
        reached = np.cumsum(weights[order])
        steps = np.diff((reached / reached[-1]) ** (1 / given.get("orness", 0.5) - 1), prepend=0.0)
        slopes = np.empty(point.size)
        slopes[order] = steps
        return float(slopes @ point), slopes
    power = {"geometric": 0.0, "harmonic": -1.0}.get(rule.how, float(given.get("power", 1.0)))
    if power == 0:
        value = float(np.exp(weights @ np.log(point)))
        return value, value * weights / point
    top = float(point.min() if power < 0 else point.max())
    value = top * float(weights @ (point / top) ** power) ** (1 / power)
    return value, weights * (point / value) ** (power - 1.0)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the process from writing to its standard output.

    HiGHS prints a line about itself, past Python, when it repairs a solution: it would stand in the middle
    of a command's JSON.
    """
    try:
        kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # there is no standard output
        yield
        return
    try:
        _flush()
        os.dup2(nowhere, 1)
        yield
    finally:
        _flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _flush() -> None:
    """Have what the process holds back written where it was meant to go."""
    if sys.stdout is not None:
        sys.stdout.flush()
    with suppress(OSError, TypeError, AttributeError):  # no C library by that way, as on Windows
        ctypes.CDLL(None).fflush(None)


def program_of(frozen: Frozen, target: float, limits: Array | None = None, *, with_used: bool) -> Program:
    """Return the program of the least effort that brings the index to a target.

    Parameters
    ----------
    frozen : Frozen
    target : float
    limits : (n_levers,) float, optional
        The largest gains; by default the whole way.
    with_used : bool
        Whether to say of each lever if it is moved at all.
    """
    most = frozen.reach if limits is None else limits
    moved = [max(abs(lever.now), abs(lever.best)) for lever in frozen.levers]
    program = Program(unit=max([1e-12, abs(target), *moved]))
    place: dict[str, int] = {}
    for lever, limit in zip(frozen.levers, most.tolist(), strict=True):
        place[lever.code] = _lever(program, lever, limit, with_used=with_used)
    now = dict(zip(frozen.framework.codes, frozen.nodes(np.zeros((1, len(frozen.levers))))[0], strict=True))
    active = set(active_codes(frozen))
    for at in range(len(frozen.framework) - 1, -1, -1):  # children before their parents
        code = frozen.framework.codes[at]
        if code not in active or code in place or np.isnan(now[code]):
            continue
        inner = any(child in place for child in frozen.framework.children(code))
        if np.isnan(frozen.scores[at]) and inner:
            place[code] = _parent(program, frozen, code, place, now)
    root = frozen.framework.root.code
    program.root = place[root]
    program.aim(target)
    return program


def _lever(program: Program, lever: Lever, limit: float, *, with_used: bool) -> int:
    """Add the gain and the score of a lever; return the place of its score."""
    unit, reach = program.unit, limit / program.unit
    if lever.steps:
        gain = program.variable(0.0, reach)
        ways = [abs(step - lever.now) / unit for step in lever.steps]
        picks = [program.variable(0.0, 1.0, effort, whole=True) for effort in lever.efforts]
        program.row({gain: -1.0, **dict(zip(picks, ways, strict=True))}, 0.0, 0.0)
        program.row(dict.fromkeys(picks, 1.0), high=1.0)
    else:
        gain = program.variable(0.0, reach, lever.rate * unit)
    program.levers.append(gain)
    if with_used:
        mark = program.variable(0.0, 1.0, whole=True)
        program.row({gain: 1.0, mark: -reach}, high=0.0)
        program.used.append(mark)
    score = program.variable(-np.inf, np.inf)
    program.row({score: 1.0, gain: -lever.sign}, lever.now / unit, lever.now / unit)
    return score


def _parent(
    program: Program, frozen: Frozen, code: str, place: Mapping[str, int], now: Mapping[str, float]
) -> int:
    """Add the score of a parent, below or at what its children give; return its place."""
    framework, rule = frozen.framework, frozen.aggregation.rules[code]
    weights = _weights(frozen, code, now)
    mean = program.variable(-np.inf, np.inf)
    fixed = [child for child in weights if child not in place]
    places: list[int] = []
    for child in weights:
        at = place.get(child)
        places.append(program.variable(*[now[child] / program.unit] * 2) if at is None else at)
    shares = np.array(list(weights.values())) / sum(weights.values())
    power = dict(rule.parameters).get("power")
    if rule.how == "arithmetic" or (rule.how == "generalised" and power == 1):
        parts = {mean: -1.0}
        for at, share in zip(places, shares.tolist(), strict=True):
            parts[at] = parts.get(at, 0.0) + share
        program.row(parts, 0.0, 0.0)
    elif len(fixed) < len(weights):
        program.curved[code] = (mean, rule, tuple(weights), places, shares)
    else:
        value = _mean_now(frozen, code, now) / program.unit
        program.low[mean] = program.high[mean] = value
    children = framework.children(code)
    adjust = adjustment(framework, [code], children, frozen.aggregation.onto)
    if adjust is None:
        return mean
    return _adjusted(program, (mean, _mean_now(frozen, code, now)), adjust, children, place, now)


def _weights(frozen: Frozen, code: str, now: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the children that count and have a score."""
    for step in frozen.aggregation.steps:
        parents = [frozen.framework.codes[at] for at in step.parents]
        if code in parents:
            column = step.weights[:, parents.index(code)]
            named = zip((frozen.framework.codes[at] for at in step.children), column.tolist(), strict=True)
            return {child: w for child, w in named if w > 0 and not np.isnan(now[child])}
    return {}


def _mean_now(frozen: Frozen, code: str, now: Mapping[str, float]) -> float:
    """Return the mean of a parent before bonuses, deductions and vetoes."""
    for step in frozen.aggregation.steps:
        parents = [frozen.framework.codes[at] for at in step.parents]
        if code in parents:
            values = np.array([[now[frozen.framework.codes[at]] for at in step.children]])
            return float(step.combine(values)[0, parents.index(code)])
    return float("nan")


def _adjusted(
    program: Program,
    mean: tuple[int, float],
    adjust: Any,
    children: Sequence[str],
    place: Mapping[str, int],
    now: Mapping[str, float],
) -> int:
    """Add a score with bonuses and deductions, its bounds, and the limits of vetoes that fired."""
    unit, low = program.unit, adjust.low / program.unit
    least, most = float(adjust.least[0]) / unit, float(adjust.most[0]) / unit
    at, start = mean
    parts, shift, raw_now = {at: 1.0}, 0.0, start / unit
    for child, gain in zip(children, adjust.gains[:, 0].tolist(), strict=True):
        if not gain or np.isnan(now[child]):
            continue
        raw_now += gain * (now[child] / unit - low)
        if child in place:
            parts[place[child]] = parts.get(place[child], 0.0) + gain
            shift += gain * low
        else:
            shift -= gain * (now[child] / unit - low)
    score = program.variable(-np.inf, most)
    upper = {score: 1.0, **{k: -v for k, v in parts.items()}}
    if raw_now >= least - 1e-12:
        program.row(upper, high=-shift)
    else:  # the floor holds until what is earned passes it
        above = program.variable(0.0, 1.0, whole=True)
        program.row({score: 1.0, above: least - most}, high=least)
        program.row({**upper, above: least - raw_now}, high=-shift + least - raw_now)
    for number, _, limit in adjust.vetoes:
        child = children[number]
        if np.isnan(now[child]) or now[child] <= adjust.low:
            continue
        cap = limit / unit
        if child not in place:
            program.row({score: 1.0}, high=cap)
            continue
        # The score of a veto that may go is at its lowest or as it is; between them the limit is mixed.
        way = (now[child] - adjust.low) / unit
        program.row(
            {score: 1.0, place[child]: (most - cap) / way}, high=cap + (most - cap) * now[child] / unit / way
        )
    return score
