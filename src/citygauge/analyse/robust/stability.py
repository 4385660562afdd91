"""Between which weights of one node a unit keeps its rank, its grade and its place among the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import known_node, noticed, number, shown
from citygauge.analyse.robust.stability_ends import GRADE, RANK, TOP, Standing, ends
from citygauge.analyse.robust.stability_path import Ground
from citygauge.corridor import assess
from citygauge.framework.model import Framework
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result
from citygauge.score.ranges import ranges
from citygauge.score.rank import RESOLUTION
from citygauge.workspace import Workspace

Array = NDArray[np.float64]

KINDS = ("rank", "grade", "top")
_ROWS: dict[str, Any] = {
    "unit_code": pl.String, "name_zh": pl.String, "name_en": pl.String, "code": pl.String,
    "weight": pl.Float64, "kind": pl.String, "value": pl.String, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip
_NODES: dict[str, Any] = {
    "code": pl.String, "level": pl.Int64, "name_zh": pl.String, "name_en": pl.String, "weight": pl.Float64,
    "ranks_low": pl.Float64, "ranks_high": pl.Float64, "grades_low": pl.Float64, "grades_high": pl.Float64,
    "first_low": pl.Float64, "first_high": pl.Float64, "exact": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Stability:
    """The intervals of weights in which ranks and grades stay.

    Attributes
    ----------
    result : Result
        At the present weights.
    codes : tuple of str
        The nodes of which the weight moves.
    weights : (n_codes,) float
        The present weight of each among its siblings.
    intervals : (3, n_units, n_codes, 2) float
        Low and high end by `KINDS`: the rank stays, the grade stays, the unit stays among the first `top`.
        Each holds the present weight. NaN for a unit without a rank, without grades, and for one that is
        not among the first. Rows as in `result.units`.
    exact : (n_codes,) bool
        Whether the ends are crossings of straight lines, else they are searched for.
    top : int
    warnings : tuple of Problem
        Nodes whose weight cannot move.
    """

    result: Result
    codes: tuple[str, ...]
    weights: Array
    intervals: Array
    exact: NDArray[np.bool_]
    top: int
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row for each node, unit and kind: ``unit_code, …, code, weight, kind, value, low, high``.

        `kind` is ``rank`` with the rank as `value`, ``grade`` with the id of the grade, or ``top`` with the
        number of the first, for those among them. Rank and grade of a unit without a score are null. On
        illustrative data names are neutral, grades are null and there is a `notice`.
        """
        names, result = shown(self.result), self.result
        labels = [names[unit] for unit in result.units.codes]
        ranks = result.ranks[:, 0]
        order = sorted(range(len(labels)), key=lambda i: (ranks[i] or np.inf, labels[i][0]))
        rows = [(i, kind) for i in order for kind in self._kinds(i)]
        units, kinds = np.array(rows, dtype=np.intp).reshape(-1, 2).T
        held = self.intervals[kinds, units].transpose(1, 0, 2).reshape(-1, 2)
        repeat, count = len(self.codes), len(rows)
        frame = {
            name: [labels[i][column] for i, _ in rows] * repeat
            for column, name in enumerate(("unit_code", "name_zh", "name_en"))
        } | {
            "code": np.repeat(np.array(self.codes, object), count).tolist(),
            "weight": np.repeat(self.weights, count),
            "kind": [KINDS[kind] for _, kind in rows] * repeat,
            "value": [self._value(i, kind) for i, kind in rows] * repeat,
            "low": pl.Series(held[:, 0], nan_to_null=True),
            "high": pl.Series(held[:, 1], nan_to_null=True),
        }
        return noticed(pl.DataFrame(frame, schema=_ROWS), result)

    def _kinds(self, unit: int) -> list[int]:
        is_first = 0 < int(self.result.ranks[unit, 0]) <= self.top
        return [RANK, *[GRADE] * (self.result.scale is not None), *[TOP] * is_first]

    def _value(self, unit: int, kind: int) -> str | None:
        place = self.result.ranks[unit, 0]
        if kind == GRADE:
            return None if self.result.illustrative else self.result.grades[unit] or None
        return str(self.top) if kind == TOP else str(place) if place else None

    @cached_property
    def nodes(self) -> pl.DataFrame:
        """One row for each node: where no rank changes, no grade changes, and the first stays first.

        ``code, level, name_zh, name_en, weight, ranks_low, ranks_high, grades_low, grades_high, first_low,
        first_high, exact``; null where no unit has a rank or there are no grades. Where several units share
        the first place, all of them keep it.
        """
        framework = self.result.framework
        first = self.result.ranks[:, 0] == 1
        parts = [self.intervals[RANK], self.intervals[GRADE], self.intervals[RANK, first]]
        rows = []
        for column, code in enumerate(self.codes):
            common = [
                number(end)
                for part in parts
                for end in (
                    np.fmax.reduce(part[:, column, 0], initial=np.nan),
                    np.fmin.reduce(part[:, column, 1], initial=np.nan),
                )
            ]
            names = framework[code].label("zh"), framework[code].label("en")
            rows.append(
                (code, framework.levels[code], *names, float(self.weights[column]), *common,
                 bool(self.exact[column]))
            )  # fmt: skip
        return noticed(pl.DataFrame(rows, schema=_NODES, orient="row"), self.result)

    def __repr__(self) -> str:
        """Name the size, and no figure of any unit."""
        return f"<Stability: {len(self.codes)} nodes of {self.result!r}>"


def weight_stability(
    source: Result | Workspace, codes: Sequence[str] | None = None, top: int = 10
) -> Stability:
    """Return between which weights of each node every unit keeps its rank, grade and place in the top.

    The weight of one node at a time moves from 0 to 1 among its siblings, which share the rest in the
    proportions they have. Nothing but the aggregation is done again, as in `leave_one_out`, which is the
    weight 0.

    Parameters
    ----------
    source : Result or Workspace
        A workspace is assessed by its own method first.
    codes : sequence of str, optional
        By default all nodes that have a sibling with a weight.
    top : int, default 10
        How many are the first.

    Returns
    -------
    Stability

    Raises
    ------
    InputError
        ``compare.unknown-node``; ``stability.no-weight`` for the index and for bonuses, deductions and
        vetoes; ``analyse.bad-count`` for a `top` below 1.

    Notes
    -----
    Where the means from the node up to the index are arithmetic, nothing is added, capped or vetoed on the
    way, and no gap bends it, the index of a unit is a straight line in the weight ``w``,
    ``f(w) = f(w₀) + b·(w - w₀)``, and the ends are exact: lines of two units cross at
    ``w₀ + (f₁ - f₂) / (b₂ - b₁)``, an edge ``e`` between grades is met at ``w₀ + (e - f) / b``. A rank ends
    at the first crossing with any other unit. That the index is such a line is not taken for granted: it is
    drawn through two weights and held against two others and the present.

    Otherwise the ends are searched for: the index is computed at 101 weights, and where something differs
    from the present, the cell before is halved until it is less than 1e-6 wide. The end is then the last
    weight at which all was seen to be as it is. What changes and changes back between two of the 101
    weights can be missed: two units that cross twice there, and under methods that compare units with each
    other, or jump, anything.

    Whether an end itself belongs to the interval is left open: there units are tied, or an edge is met.
    So are the weights 0 and 1, where nodes go out of the index as a whole: ends of 0 and 1 tell that all
    holds arbitrarily near to them. Source of the idea: the weight stability interval of Mareschal 1988,
    Weight stability intervals in multicriteria decision aid, European Journal of Operational Research 33,
    54-64, doi:10.1016/0377-2217(88)90254-8.

    Examples
    --------
    >>> weight_stability(result, codes=["Services"]).table  # doctest: +SKIP
    """
    problems = Problems()
    if top < 1:
        problems.add("analyse.bad-count", name="top", value=top, least=1)
    framework = source.framework
    asked = _asked(framework, codes, problems)
    problems.raise_errors()
    result = source if isinstance(source, Result) else assess(source)
    chosen = [code for code in asked if _movable(code, framework, result.shares)]
    if codes is not None and (alone := [code for code in asked if code not in chosen]):
        problems.add("stability.alone", Where(), codes=alone)
    ground, standing = Ground.of(result), _standing(result, top)
    weights, exact = np.empty(len(chosen)), np.empty(len(chosen), bool)
    intervals = np.empty((len(KINDS), len(result.units), len(chosen), 2))
    for column, code in enumerate(chosen):
        path = ground.path(code)
        weights[column] = path.weight
        intervals[:, :, column], exact[column] = ends(path, standing)
    return Stability(result, tuple(chosen), weights, intervals, exact, top, problems.warnings)


def _asked(framework: Framework, codes: Sequence[str] | None, problems: Problems) -> tuple[str, ...]:
    """Return the nodes with a weight, or those that are named; what has none is noted."""
    weighed = {code for parent in framework.aggregates for code in framework.counted(parent)}
    if codes is None:
        return tuple(code for code in framework.codes if code in weighed)
    for code in codes:
        try:
            known_node(code, framework)
        except InputError as error:
            problems.extend(error.problems)
    if weightless := [code for code in codes if code in framework and code not in weighed]:
        problems.add("stability.no-weight", Where(), codes=weightless)
    return tuple(dict.fromkeys(codes))


def _movable(code: str, framework: Framework, shares: Mapping[str, float]) -> bool:
    """Tell whether there are siblings that can take over what a node gives up."""
    siblings = framework.counted(framework[code].parent or "")
    return any(shares[other] > 0 for other in siblings if other != code)


def _standing(result: Result, top: int) -> Standing:
    """Return where the units stand, with the grades' edges on the range of the index."""
    scale = result.scale
    if scale is None:
        return Standing(result.index, result.ranks[:, 0], top, None)
    onto = ranges(result.method, result.framework)[result.framework.root.code]
    low, high = onto or (scale.low, scale.high)
    edges = np.array([edge for edge in scale.edges(onto) if edge is not None])
    return Standing(result.index, result.ranks[:, 0], top, edges, abs(high - low) * RESOLUTION)
