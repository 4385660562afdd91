"""What HiGHS makes of a linear system, in floating point: where to look for the exact answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from citygauge.audit.exact import Rows
from citygauge.audit.figures import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLEAR, FINEST = 1e-7, 12
FEW = 40  # rows of several unknowns up to which the exact simplex needs no proposal


class Proposal(NamedTuple):
    """A point near which the answer lies, and the rows that decide it."""

    near: dict[str, Fraction]
    rows: list[int]


class _Part(NamedTuple):
    """Inequalities ``matrix @ x ≤ limit`` or equalities, by entries, each with the row that it comes from."""

    at: list[int]
    columns: list[int]
    values: list[float]
    limits: list[float]
    rows: list[int]

    def add(self, row: int, terms: list[tuple[int, float]], limit: float, sign: float) -> None:
        self.at.extend([len(self.limits)] * len(terms))
        self.columns.extend(column for column, _ in terms)
        self.values.extend(sign * value for _, value in terms)
        self.limits.append(sign * limit)
        self.rows.append(row)


class _Answer(NamedTuple):
    """The point, how far inside all inequalities it lies, and the rows with a price."""

    point: NDArray[Any]
    margin: float
    priced: list[int]


def feasible(rows: Rows) -> Proposal:
    """Return the point furthest inside all inequalities, and the rows that keep it from going further.

    The equalities are among the rows proposed. Where these contradict each other, the point that comes
    nearest to all. Nothing for a few rows: without HiGHS they are settled sooner.
    """
    equal = [row for row, (_, within) in enumerate(rows) if _is_equal(within)]
    if _few(rows):
        return Proposal({}, equal)
    names = _names(rows)
    for relaxed in (False, True):
        answer = _solved(rows, names, None, relaxed=relaxed)
        if answer is not None:
            margin = answer.margin
            digits = FINEST if margin < CLEAR else min(FINEST, 2 - math.floor(math.log10(margin)))
            near = _grid(names, answer.point, digits)
            if margin > CLEAR:
                return Proposal(near, equal)
            return Proposal(near, answer.priced if margin < -CLEAR else [*equal, *answer.priced])
    return Proposal({}, equal)


def highest(rows: Rows, objective: Mapping[str, Fraction]) -> Proposal:
    """Return where a sum is highest, and the rows that stop it; nothing where HiGHS finds no end."""
    equal = [row for row, (_, within) in enumerate(rows) if _is_equal(within)]
    if not _few(rows):
        names = _names(rows)
        answer = _solved(rows, names, [-float(objective.get(name, 0)) for name in names])
        if answer is not None:
            return Proposal(_grid(names, answer.point, FINEST), [*equal, *answer.priced])
    return Proposal({}, equal)


def _few(rows: Rows) -> bool:
    return sum(len(coefficients) > 1 for coefficients, _ in rows) <= FEW


def _is_equal(within: Interval) -> bool:
    return within.low is not None and within.low == within.high


def _names(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for coefficients, _ in rows for name in coefficients))


def _parts(rows: Rows, names: list[str], *, margin: bool, relaxed: bool) -> tuple[_Part, _Part]:
    """Return the inequalities and the equalities, each row divided by its greatest coefficient.

    With a margin each inequality has one more unknown, by which its limit is moved in; `relaxed`: so have the
    equalities, as two inequalities.
    """
    index = {name: i for i, name in enumerate(names)}
    upper, fixed = _Part([], [], [], [], []), _Part([], [], [], [], [])
    for row, (coefficients, within) in enumerate(rows):
        size = max((abs(float(c)) for c in coefficients.values()), default=0.0) or 1.0
        terms = [(index[name], float(c) / size) for name, c in coefficients.items()]
        if _is_equal(within) and not relaxed:
            fixed.add(row, terms, float(within.low or 0) / size, 1.0)
            continue
        for end, sign in ((within.high, 1.0), (within.low, -1.0)):
            if end is not None:
                own = [*terms, (len(names), sign)] if margin else terms
                upper.add(row, own, float(end) / size, sign)
    return upper, fixed


def _solved(
    rows: Rows, names: list[str], cost: list[float] | None, *, relaxed: bool = False
) -> _Answer | None:
    """Return where the cost is lowest, or without one the margin widest; None where HiGHS finds nothing."""
    import numpy as np  # noqa: PLC0415 - slow to import
    from scipy.optimize import linprog  # noqa: PLC0415 - slow to import
    from scipy.sparse import csc_array  # noqa: PLC0415 - slow to import

    margin = cost is None
    parts = _parts(rows, names, margin=margin, relaxed=relaxed)
    unknowns = len(names) + margin
    if not names:
        return None
    matrices: list[Any] = [
        csc_array((part.values, (part.at, part.columns)), shape=(len(part.limits), unknowns))
        for part in parts
    ]
    answer: Any = linprog(
        np.asarray([*(cost or [0.0] * len(names)), *([-1.0] * margin)]),
        A_ub=matrices[0],
        b_ub=np.asarray(parts[0].limits),
        A_eq=matrices[1],
        b_eq=np.asarray(parts[1].limits),
        bounds=[(None, None)] * len(names) + [(None, 1.0)] * margin,
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if answer.status != 0:
        return None
    prices = np.concatenate([answer.ineqlin.marginals, answer.eqlin.marginals])
    order = [*parts[0].rows, *parts[1].rows]
    priced = sorted({order[i] for i in np.flatnonzero(np.abs(prices) > 1e-9)})
    return _Answer(answer.x[: len(names)], float(answer.x[-1]) if margin else 0.0, priced)


def _grid(names: list[str], point: NDArray[Any], digits: int) -> dict[str, Fraction]:
    scale = 10**digits
    return {name: Fraction(round(float(x) * scale), scale) for name, x in zip(names, point, strict=False)}
