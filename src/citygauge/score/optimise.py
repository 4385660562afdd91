"""Weights fitted so that the children of a parent count in the index as much as they are meant to.

Source: Becker, Saisana, Paruolo and Vandecasteele 2017, doi:10.1016/j.ecolind.2017.03.011; COINr,
``get_opt_weights``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.problems import Problems, Where
from citygauge.score.importance import correlations

Array = NDArray[np.float64]
Goal = Literal["balance", "infomax"]
Why = Literal["", "undefined", "bounds", "solver"]

TOLERANCE = 1e-6
STEP = 1e-6
LEAST_SUM = 1e-3  # of the correlations: keeps their shares finite on the way


@dataclass(frozen=True, slots=True)
class Optimised:
    """Fitted weights, and what they reach.

    `weights`, `reached` and `target` are (n_children,) and add to 1, save that with the goal ``infomax``
    there is no target (all NaN). `correlations` are those with the index. `residual` is the largest distance
    of `reached` from `target`. Where not `converged`, `why` says ``undefined`` (a correlation does not
    exist; `offenders` have none), ``bounds`` (weights of the `offenders` stand at a limit, and beyond it
    the target would be nearer) or ``solver`` (the search found nothing better).
    """

    weights: Array
    reached: Array
    target: Array
    correlations: Array
    residual: float
    converged: bool
    why: Why
    offenders: tuple[int, ...]


def optimise(
    children: Array,
    aggregate: Callable[[Array], Array],
    target: Array | Literal["equal"] = "equal",
    bounds: tuple[float, float] = (0.0, 1.0),
    *,
    goal: Goal = "balance",
    starts: int = 6,
    rng: np.random.Generator | None = None,
) -> Optimised:
    """Return the weights with which the children's correlations with the index are as wanted.

    Parameters
    ----------
    children : (n_units, n_children) float
        Scores of the children whose weights are fitted; NaN leaves a unit out for that child. They must
        not depend on these weights.
    aggregate : callable
        Weights (n_children,) that add to 1 → index (n_units,), through all levels above.
    target : (n_children,) float or "equal"
        How much each child is to count, of any scale, positive.
    bounds : pair of float, within 0..1
        The least and the largest weight.
    goal : str
        ``balance``: the correlations, as shares of their sum, are those of the target. ``infomax``: the
        mean correlation is as high as can be; the target is ignored.
    starts : int
        From how many weights the search begins: the target, equal weights, and random ones.
    rng : Generator, optional
        For the random starts; by default one with a fixed seed.

    Returns
    -------
    Optimised
        `converged` only if the target is reached within 1e-6, or for ``infomax`` if the solver ended at a
        maximum. For an arithmetic mean of complete scores with correlations R and standard deviations s,
        the weights are in proportion to ``R⁻¹ t / s`` for the target t, where that is not negative, and to
        ``1 / s`` for ``infomax``. Unlike COINr's, weights are never negative.

    Raises
    ------
    ValueError
        The bounds leave no weights, or the target is no positive number for each child; `check` says so in
        words for users.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 0.0], [3.0, 1.0]])
    >>> found = optimise(x, lambda weights: x @ weights)
    >>> found.weights.round(6), found.correlations.round(6), found.converged
    (array([0.25, 0.75]), array([0.707107, 0.707107]), True)
    """
    count = children.shape[1]
    wanted = np.ones(count) if isinstance(target, str) else np.asarray(target, dtype=float)
    if _unreachable(bounds, count) or wanted.shape != (count,) or _wrong(wanted).size:
        raise ValueError(f"no weights of {count} children with bounds {bounds} and target {target}")
    wanted = wanted / wanted.sum()
    search = _Search(children, aggregate, wanted, goal)
    equal = np.full(count, 1.0 / count)
    undefined = np.flatnonzero(np.isnan(search.correlate(equal)))
    if undefined.size:
        return _result(search, equal, "undefined", undefined)
    draws = (rng or np.random.default_rng(0)).dirichlet(np.ones(count), max(starts - 2, 0))
    ends: list[tuple[Array, bool]] = []
    for start in (wanted, equal, *draws):
        ends.append(_descend(search, start, bounds))
        if goal == "balance" and _distance(search, ends[-1][0]) <= TOLERANCE / 1000:
            break
    weights, ended = min(ends, key=lambda end: search.loss(end[0]))
    if goal == "infomax":
        return _result(search, weights, "" if ended else "solver", np.array([], dtype=int))
    if _distance(search, weights) <= TOLERANCE:
        return _result(search, weights, "", np.array([], dtype=int))
    low, high = bounds
    at_limit = np.flatnonzero((weights <= low + TOLERANCE) | (weights >= high - TOLERANCE))
    return _result(search, weights, "bounds" if at_limit.size else "solver", at_limit)


def check(
    parent: str,
    codes: Sequence[str],
    target: Array | Literal["equal"],
    bounds: tuple[float, float],
    problems: Problems,
) -> None:
    """Note what `optimise` would refuse: bounds that leave no weights, and targets that are not positive.

    Parameters
    ----------
    parent : str
    codes : sequence of str
        The children.
    target, bounds
        As for `optimise`; a target that lacks a child has NaN there.
    problems : Problems
    """
    if _unreachable(bounds, len(codes)):
        low, high = bounds
        problems.add("importance.bad-bounds", Where(), parent=parent, low=low, high=high, count=len(codes))
    if not isinstance(target, str) and (wrong := _wrong(target)).size:
        problems.add("importance.bad-target", Where(), parent=parent, codes=[codes[i] for i in wrong])


def explain(found: Optimised, parent: str, codes: Sequence[str], problems: Problems) -> None:
    """Note why weights did not reach their target; nothing where they did.

    Parameters
    ----------
    found : Optimised
    parent : str
    codes : sequence of str
        The children, in the order of the weights.
    problems : Problems
    """
    offenders = [codes[i] for i in found.offenders]
    if found.why == "undefined":
        problems.add("importance.undefined", Where(), parent=parent, codes=offenders)
    elif found.why == "bounds":
        problems.add("importance.not-reached-bounds", Where(), parent=parent, codes=offenders)
    elif found.why == "solver" and np.isnan(found.residual):
        problems.add("importance.no-maximum", Where(), parent=parent)
    elif found.why == "solver":
        problems.add("importance.not-reached-solver", Where(), parent=parent, distance=found.residual)


@dataclass(frozen=True, slots=True)
class _Search:
    children: Array
    aggregate: Callable[[Array], Array]
    target: Array
    goal: Goal

    def correlate(self, weights: Array) -> Array:
        return correlations(self.children, self.aggregate(weights / weights.sum()))

    def shares(self, weights: Array) -> Array:
        r = self.correlate(weights)
        return np.asarray(r / max(float(r.sum()), LEAST_SUM))

    def rest(self, weights: Array) -> Array:
        """Return what the solver makes small: distances from the target, or from a correlation of 1."""
        return self.shares(weights) - self.target if self.goal == "balance" else self.correlate(weights)

    def loss(self, weights: Array) -> float:
        rest = self.rest(weights)
        value = float(rest @ rest) if self.goal == "balance" else -float(rest.mean())
        return value if np.isfinite(value) else 1e3

    def slope(self, weights: Array) -> Array:
        """Return the derivative of the loss by each weight."""
        # Of the distances, not of their squares: a difference of squares near 0 is all rounding.
        step = STEP * weights.sum()
        rows = []
        for unit in np.eye(weights.size):
            back = min(step, float(weights @ unit))  # no weight below 0
            apart = self.rest(weights + step * unit) - self.rest(weights - back * unit)
            rows.append(apart / (step + back))
        towards = 2.0 * self.rest(weights) if self.goal == "balance" else np.full(len(rows), -1 / len(rows))
        return np.asarray(np.nan_to_num(np.array(rows) @ towards))


def _descend(search: _Search, start: Array, bounds: tuple[float, float]) -> tuple[Array, bool]:
    """Return where the search from these weights ends, and whether the solver calls it an optimum."""
    from scipy.optimize import Bounds, LinearConstraint, minimize  # noqa: PLC0415 - slow to import

    low, high = bounds
    # Weights times spreads are of one size, however different the scales of the children are.
    spread: Array = np.nanstd(search.children, axis=0)
    spread /= spread.mean()

    # The solver's one tolerance also holds for the sum of the weights, so it must stay above rounding.
    enlarge = 100.0 if search.goal == "balance" else 10.0

    def loss(scaled: Array) -> float:
        return enlarge * search.loss(scaled / spread)

    def slope(scaled: Array) -> Array:
        return np.asarray(enlarge * search.slope(scaled / spread) / spread)

    found = minimize(
        loss,
        _within(start, low, high) * spread,
        jac=slope,
        method="SLSQP",
        bounds=Bounds(low * spread, high * spread),
        constraints=LinearConstraint(1.0 / spread, 1.0, 1.0),
        options={"maxiter": 300, "ftol": 1e-14},
    )
    return _within(found.x / spread, low, high), bool(found.success)


def _within(weights: Array, low: float, high: float) -> Array:
    """Return the nearest weights that keep to the bounds and add to 1, as the solver's may not do."""
    lower, upper = low - weights.max(), high - weights.min()
    for _ in range(80):
        shift = (lower + upper) / 2
        if np.clip(weights + shift, low, high).sum() < 1.0:
            lower = shift
        else:
            upper = shift
    return np.asarray(np.clip(weights + upper, low, high))


def _distance(search: _Search, weights: Array) -> float:
    return float(np.abs(search.shares(weights) - search.target).max())


def _result(search: _Search, weights: Array, why: Why, offenders: NDArray[np.intp]) -> Optimised:
    balance = search.goal == "balance"
    target = search.target if balance else np.full(weights.size, np.nan)
    return Optimised(
        weights,
        search.shares(weights),
        target,
        search.correlate(weights),
        _distance(search, weights) if balance else float("nan"),
        not why,
        why,
        tuple(offenders.tolist()),
    )


def _unreachable(bounds: tuple[float, float], count: int) -> bool:
    low, high = bounds
    return not (0.0 <= low <= high <= 1.0 and low * count <= 1.0 + 1e-12 and high * count >= 1.0 - 1e-12)


def _wrong(target: Array) -> NDArray[np.intp]:
    return np.flatnonzero(~(np.isfinite(target) & (target > 0)))
