"""Why units stand elsewhere under another method: what each part in which the two differ contributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from math import factorial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from citygauge.analyse.compare import known_node, noticed, number, shown
from citygauge.analyse.stages import Stages
from citygauge.corridor import assess
from citygauge.indicators.table import Table
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result
from citygauge.score.method import Grades, Method
from citygauge.score.ranges import ranges
from citygauge.score.rank import RESOLUTION, rank
from citygauge.workspace import Workspace

Array = NDArray[np.float64]
Change = tuple[str, str | None]  # a part of a method, and the key of an exception below its `by`

# The parts that bear on scores; grades, rounding and what periods share change none of one period.
PARTS = ("weights", "screen", "impute", "treat", "normalise", "aggregate")
IDLE = ("grades", "panel", "round")
MOST = 8

_ROWS: dict[str, Any] = {
    "unit_code": pl.String, "name_zh": pl.String, "name_en": pl.String, "part": pl.String,
    "rank_shift": pl.Float64, "score_shift": pl.Float64, "orders": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class Causes:
    """What each part contributes to the shift of each unit from one method to another.

    Attributes
    ----------
    result : Result
        Of the first method.
    code : str
        The node whose ranks and scores these are.
    parts : tuple of str
        What differs and changes something: keys of a method, such as ``normalise`` or
        ``normalise.by.CODE``.
    idle : tuple of str
        What differs and changes nothing here.
    units : tuple of str
        Those with a rank under both methods.
    rank_shifts : (n_parts, n_units) float
        Places gained by each part; above 0 stands better under the other method. The parts add up to the
        whole shift. NaN where no order of the parts can run.
    score_shifts : (n_parts, n_units) float
        The same of scores; NaN where the scores are not on the same scale all along.
    orders : (n_units,) int
        How many of the orders in which the parts, idle ones too, can be swapped one after the other the
        shares rest on; all `n_orders` where every combination can run and gives the unit a score.
    n_orders : int
    warnings : tuple of Problem
        Which combinations could not run.
    """

    result: Result
    code: str
    parts: tuple[str, ...]
    idle: tuple[str, ...]
    units: tuple[str, ...]
    rank_shifts: Array
    score_shifts: Array
    orders: NDArray[np.int64]
    n_orders: int
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row for each unit and part: ``unit_code, …, part, rank_shift, score_shift, orders``.

        Names are neutral on illustrative data, and there is a `notice`.
        """
        names = shown(self.result)
        order = sorted(range(len(self.units)), key=lambda i: names[self.units[i]][0])
        rows = [
            (
                *names[self.units[i]], part, number(self.rank_shifts[row, i]),
                number(self.score_shifts[row, i]), int(self.orders[i]),
            )
            for i in order
            for row, part in enumerate(self.parts)
        ]  # fmt: skip
        return noticed(pl.DataFrame(rows, schema=_ROWS, orient="row"), self.result)

    def __repr__(self) -> str:
        """Name the parts, and no figure of any unit."""
        return f"<Causes at {self.code}: {', '.join(self.parts) or 'no difference'}; {self.result!r}>"


def shapley(values: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return what each part contributes to the way from no part to all of them, by Shapley values.

    Parameters
    ----------
    values : (2**n_parts, n_units) float
        What comes out with each set of parts; bit i of the row number tells whether part i is in. NaN where a
        set gives nothing; any number of units at once.

    Returns
    -------
    shares : (n_parts, n_units) float
        The mean of what part i adds over all orders in which the parts come in one after the other, of those
        orders all of whose sets have a value. The shares add up to the last row less the first. NaN where
        there is no such order.
    orders : (n_units,) int
        The number of these orders, at most ``n_parts!``.

    Notes
    -----
    With all sets there, ``φᵢ = Σ |S|! (n - |S| - 1)! / n! · (v(S ∪ i) - v(S))`` over the sets without i; the
    counts of orders before and after a set take the place of the factorials where some are missing. Source:
    L. S. Shapley, A value for n-person games, in: Contributions to the Theory of Games II (1953), 307–317,
    doi:10.1515/9781400881970-018. The restriction to orders that can run is an addition.

    Examples
    --------
    >>> shares, orders = shapley(np.array([[0.0], [1.0], [2.0], [5.0]]))
    >>> shares.ravel().tolist(), orders.tolist()
    ([2.0, 3.0], [2])
    """
    n_sets, n_units = values.shape
    n_parts = n_sets.bit_length() - 1
    bits = [1 << part for part in range(n_parts)]
    known = ~np.isnan(values)
    before, after = np.zeros((n_sets, n_units), np.int64), np.zeros((n_sets, n_units), np.int64)
    before[0], after[-1] = known[0], known[-1]
    for row in range(1, n_sets):
        before[row] = known[row] * sum(before[row ^ bit] for bit in bits if row & bit)
    for row in range(n_sets - 2, -1, -1):
        after[row] = known[row] * sum(after[row | bit] for bit in bits if not row & bit)
    orders = before[-1]
    shares = np.full((n_parts, n_units), np.nan)
    for part, bit in enumerate(bits):
        without = np.array([row for row in range(n_sets) if not row & bit])
        counts = before[without] * after[without | bit]
        gains = np.where(counts > 0, values[without | bit] - values[without], 0.0)
        shares[part] = np.divide((counts * gains).sum(axis=0), orders, out=shares[part], where=orders > 0)
    return shares, orders


def causes(workspace: Workspace, a: Method, b: Method, code: str | None = None) -> Causes:
    """Return what each part of two methods contributes to the shift of each unit from one to the other.

    The parts in which the methods differ are swapped in all combinations, and the shift of each unit is
    shared out among them by Shapley values (`shapley`).

    Parameters
    ----------
    workspace : Workspace
    a, b : Method
        From and to.
    code : str, optional
        The node whose ranks and scores are explained; by default the index.

    Raises
    ------
    InputError
        ``compare.unknown-node``, and the problems of a method that cannot run by itself.

    Notes
    -----
    Parts are ``weights, screen, impute, treat, normalise, aggregate``. Exceptions by code or level
    (``normalise.by.CODE``) are parts of their own as long as there are at most 8 in all and each of them can
    be swapped alone. A combination that cannot run, and one that leaves a unit without a rank, is passed
    over: the shares then rest on the orders that avoid it (`orders`). Scores are compared where all
    combinations have one range, or where normalisation and aggregation are the same.

    Examples
    --------
    >>> causes(workspace, one, other).table  # doctest: +SKIP
    """
    node = known_node(code, workspace.framework)
    result = assess(workspace, a.replace(grades=Grades()))
    parts = parts_of(a, b)
    tables, failed, same_scale = _all_runs(workspace, (a, b), parts, node)
    units = result.derived.units
    scores, ranks = np.full((2, len(tables), len(units)), np.nan)
    place = {unit: i for i, unit in enumerate(units)}
    for row, table in enumerate(tables):
        if table is not None:
            at = [place[unit] for unit in table.units]
            scores[row, at] = table.column(node)
            found = rank(table.column(node)[:, None])[:, 0].astype(float)
            ranks[row, at] = np.where(found == 0, np.nan, found)
    ran = np.array([table is not None for table in tables])
    moves = np.array([_moves(ranks, scores, ran, 1 << part) for part in range(len(parts))], bool)
    both = ~np.isnan(ranks[0]) & ~np.isnan(ranks[-1])
    ranks, scores = ranks[:, both], scores[:, both]
    rank_shifts, orders = shapley(-ranks)
    score_shifts = shapley(scores)[0] if same_scale else np.full(rank_shifts.shape, np.nan)
    kept = tuple(unit for unit, is_in in zip(units, both, strict=True) if is_in)
    noted = Problems()
    possible = int(shapley(np.where(ran, 0.0, np.nan)[:, None])[1][0])
    _note_failed(failed, len(tables), possible, factorial(len(parts)), noted)
    _note_orders(kept, orders, possible, result, noted)
    return Causes(
        result, node, tuple(name for name, moved in zip(parts, moves, strict=True) if moved),
        (*(name for name, moved in zip(parts, moves, strict=True) if not moved), *_idle(a, b)),
        kept, rank_shifts[moves], score_shifts[moves], orders, factorial(len(parts)), noted.warnings,
    )  # fmt: skip


def parts_of(a: Method, b: Method) -> dict[str, tuple[Change, ...]]:
    """Return the parts in which two methods differ, each with the changes that it stands for."""
    coarse = {part: _changes(a, b, part) for part in PARTS}
    coarse = {part: changes for part, changes in coarse.items() if changes}
    room = MOST - len(coarse)
    found: dict[str, tuple[Change, ...]] = {}
    for part, changes in coarse.items():
        if len(changes) - 1 <= room and _each_alone(a, b, part, changes):
            room -= len(changes) - 1
            found |= {f"{part}.by.{key}" if key else part: ((part, key),) for _, key in changes}
        else:
            found[part] = changes
    return found


def _changes(a: Method, b: Method, part: str) -> tuple[Change, ...]:
    """Return the settings of a part and the exceptions below it that differ."""
    one, other = getattr(a, part), getattr(b, part)
    if not hasattr(one, "by"):
        return ((part, None),) if one != other else ()
    rest = [each.model_dump(exclude={"by"}) for each in (one, other)]
    keys = [key for key in dict.fromkeys([*one.by, *other.by]) if one.by.get(key) != other.by.get(key)]
    return (*([(part, None)] if rest[0] != rest[1] else []), *((part, key) for key in keys))


def _each_alone(a: Method, b: Method, part: str, changes: Sequence[Change]) -> bool:
    """Tell whether every combination of the changes of a part is a method."""
    several = chain.from_iterable(combinations(changes, n) for n in range(len(changes) + 1))
    try:
        for chosen in several:
            _mixed(a, b, chosen)
    except ValidationError:
        return False
    return True


def _mixed(a: Method, b: Method, changes: Sequence[Change]) -> Method:
    """Return the first method with some of the changes that make it the second, and without grades."""
    mixed: dict[str, Any] = {"grades": Grades(), "panel": a.panel}
    for part in PARTS:
        keys = {key for changed, key in changes if changed == part}
        one, other = getattr(a, part), getattr(b, part)
        base = other if None in keys else one
        if isinstance(base, BaseModel) and hasattr(one, "by"):
            below = {k: (other if k in keys else one).by.get(k) for k in dict.fromkeys([*one.by, *other.by])}
            settings = base.model_dump(exclude={"by"}, exclude_unset=True)
            base = type(base)(**settings, by={k: v for k, v in below.items() if v is not None})
        mixed[part] = base
    return Method(**mixed)


def _idle(a: Method, b: Method) -> Iterator[str]:
    return (part for part in IDLE if getattr(a, part) != getattr(b, part))


def _moves(ranks: Array, scores: Array, ran: NDArray[np.bool_], bit: int) -> bool:
    """Tell whether a part changes any rank or score in any combination, or cannot be seen to change none."""
    without = np.array([row for row in range(len(ranks)) if not row & bit])
    without = without[ran[without] & ran[without | bit]]
    if not without.size:
        return True
    slack = RESOLUTION * np.nanmax(np.abs(scores), initial=0.0)
    same_rank = np.array_equal(ranks[without], ranks[without | bit], equal_nan=True)
    apart = np.abs(scores[without] - scores[without | bit])
    return not same_rank or bool((np.nan_to_num(apart) > slack).any())


def _all_runs(
    workspace: Workspace, methods: tuple[Method, Method], parts: Mapping[str, tuple[Change, ...]], node: str
) -> tuple[list[Table | None], dict[str, tuple[Problem, ...]], bool]:
    """Return the nodes under each combination, why others fail, and whether all share a scale."""
    stages, names, spans = Stages(workspace), list(parts), set()
    tables: list[Table | None] = []
    failed: dict[str, tuple[Problem, ...]] = {}
    for row in range(1 << len(parts)):
        chosen = [name for i, name in enumerate(names) if row >> i & 1]
        method = _mixed(*methods, [change for name in chosen for change in parts[name]])
        try:
            tables.append(stages.nodes(method))
            spans.add(ranges(method, workspace.framework)[node])
        except InputError as error:
            if len(chosen) in {0, len(parts)}:
                raise
            tables.append(None)
            failed[" + ".join(chosen)] = error.problems
    is_bounded = len(spans) == 1 and None not in spans
    rescaled = any(name.startswith(("normalise", "aggregate")) for name in names)
    return tables, failed, is_bounded or not rescaled


def _note_failed(
    failed: Mapping[str, Sequence[Problem]], total: int, orders: int, all_orders: int, problems: Problems
) -> None:
    """Note combinations that cannot run, with the codes of their problems."""
    if failed:
        codes = {p.code for told in failed.values() for p in told if p.severity == "error"}
        problems.add(
            "compare.cannot-run", Where(), count=len(failed), total=total, combinations=list(failed),
            reasons=sorted(codes), orders=orders, all_orders=all_orders,
        )  # fmt: skip


def _note_orders(
    units: Sequence[str], orders: NDArray[np.int64], possible: int, result: Result, problems: Problems
) -> None:
    """Note units whose shares rest on fewer orders than can run, or on none."""
    label = {unit: names[0] for unit, names in shown(result).items()}
    none = [label[unit] for unit, count in zip(units, orders, strict=True) if count == 0]
    fewer = [label[unit] for unit, count in zip(units, orders, strict=True) if 0 < count < possible]
    if none:
        problems.add("compare.no-order", Where(), units=sorted(none))
    if fewer:
        least = int(orders[orders > 0].min())
        problems.add("compare.fewer-orders", Where(), units=sorted(fewer), least=least, possible=possible)
