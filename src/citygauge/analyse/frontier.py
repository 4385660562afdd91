"""Who makes most of what there is: data envelopment analysis of the layers of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.layers import Layer, checked_layers, chosen_steps, shown_order
from citygauge.problems import Problems, Where
from citygauge.result import Result

Array = NDArray[np.float64]
Returns = Literal["constant", "variable"]
RETURNS: tuple[Returns, ...] = get_args(Returns)

ON_FRONTIER = 1e-9  # an efficiency nearer to 1 is 1 but for the solver's rounding
NO_SLACK = 1e-7  # what the solver takes for 0
SMALLEST_PEER = 1e-9  # of the largest part that a unit could have in a mix

_EFFICIENCY: dict[str, Any] = {
    "unit_code": pl.String, "step": pl.String, "efficiency_constant": pl.Float64,
    "efficiency_variable": pl.Float64, "scale_efficiency": pl.Float64, "on_frontier": pl.Boolean,
    "n_peers": pl.Int64, "peers": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frontier:
    """What `envelopment` found.

    Attributes
    ----------
    efficiency : (n_units,) float, 0..1
        1 = no mix of units gets more of all outputs from no more inputs; NaN for units with a gap.
    lambdas : (n_units, n_units) float
        Row by row the mix of units that a unit is held against: itself alone where `efficient`. All 0 for a
        unit without outputs, NaN for one with a gap.
    efficient : (n_units,) bool
        Whether no mix gets more of any single output, or the same from less of any single input.
    """

    efficiency: Array
    lambdas: Array
    efficient: NDArray[np.bool_]


def efficiency(
    result: Result,
    layers: Mapping[str, Sequence[str]],
    source: Layer | None = None,
    target: Layer | None = None,
) -> pl.DataFrame:
    """Return how much each unit makes of one layer in another, against the best of the same units.

    Parameters
    ----------
    result : Result
    layers : mapping of str to sequence of str
        ``input``, ``output``, ``effect`` → pillars; see `layer_scores`. Each pillar is an input or an output
        of its own, so that their weights play no part.
    source, target : {"input", "output", "effect"}, optional
        Only steps from, or to, this layer; by default all three.

    Returns
    -------
    DataFrame
        ``unit_code, step, efficiency_constant, efficiency_variable, scale_efficiency, on_frontier, n_peers,
        peers``, step by step (``input→output``, ``output→effect``, ``input→effect``), in the order of the
        units. The efficiencies are those of `envelopment`, 0..1, under constant and variable returns to
        scale; `scale_efficiency` is the first divided by the second. `on_frontier` and the peers are those
        under variable returns, on it only who is `efficient`: `peers` are the units whose mix the unit is
        held against, the one with the largest part first, joined by ``;``. A unit on the frontier has no
        peers but itself: 0 and null. All is null where a pillar has no score. On illustrative data under
        neutral names, in their order, with a `notice`.

    Raises
    ------
    InputError
        As `layer_scores`; ``analyse.not-positive`` for inputs at or below 0, ``analyse.negative-output``,
        ``analyse.unknown-choice``.

    Notes
    -----
    The efficiency is relative to these units: the best are 1 whatever they waste, and one unit with a wrong
    figure moves the frontier for all. With few units nearly all are on it; a rule of thumb asks for at least
    ``max(m s, 3 (m + s))`` of them, m inputs and s outputs. Scores have no natural zero: another range of the
    normalisation gives other efficiencies. And pillars of one index are no production: the figures say who
    reaches more with a like score, not what a score makes.

    Examples
    --------
    >>> efficiency(result, {"input": ["R", "T"], "output": ["A", "M"], "effect": ["S"]})  # doctest: +SKIP
    """
    parts = checked_layers(result, layers)
    steps = chosen_steps(source, target)
    table, labels = result.aggregated, np.array(result.row_labels, dtype=object)
    columns = {layer: table.values[:, [table.codes.index(c) for c in parts[layer]]] for layer in parts}
    _check_signs(result, parts, steps)
    rows: list[tuple[Any, ...]] = []
    for start, end in steps:
        constant, variable = (envelopment(columns[start], columns[end], returns) for returns in RETURNS)
        of_scale = scale_efficiency(constant.efficiency, variable.efficiency)
        for i in shown_order(result):
            figures = (constant.efficiency[i], variable.efficiency[i], of_scale[i])
            lambdas = variable.lambdas[i]
            is_told, on_frontier = bool(~np.isnan(variable.efficiency[i])), bool(variable.efficient[i])
            peers = [j for j in np.flatnonzero(lambdas > 0) if is_told and not on_frontier]
            peers.sort(key=lambda j: (-round(lambdas[j], 9), labels[j]))
            places = (on_frontier, len(peers)) if is_told else (None, None)
            rows.append(
                (
                    labels[i], f"{start}→{end}", *(number(float(each)) for each in figures), *places,
                    ";".join(labels[peers]) or None,
                )
            )  # fmt: skip
    return noticed(pl.DataFrame(rows, _EFFICIENCY, orient="row"), result)


def envelopment(inputs: Array, outputs: Array, returns: Returns = "constant") -> Frontier:
    """Return the output-oriented efficiency of units by data envelopment analysis.

    Parameters
    ----------
    inputs : (n_units, n_inputs) float
        Above 0, each column on any ratio scale. NaN = missing.
    outputs : (n_units, n_outputs) float
        Not below 0, each column on any ratio scale. NaN = missing; units with a gap anywhere are left out of
        everything.
    returns : {"constant", "variable"}
        Returns to scale: whether a mix of units may be scaled, or only averaged.

    Returns
    -------
    Frontier
        ``efficiency = 1 / φ`` of unit o, with φ the largest number for which there are λ ≥ 0 with
        ``Σ λⱼ xⱼ ≤ xₒ`` and ``Σ λⱼ yⱼ ≥ φ yₒ``, under variable returns also ``Σ λⱼ = 1``. Among the λ that
        reach φ those are taken that leave most slack, each column in parts of its largest value. A unit of
        which all outputs are 0 has efficiency 0.

    Raises
    ------
    ValueError
        Inputs at or below 0, outputs below 0, infinite values, no column, arrays of different lengths, or an
        unknown word.

    Notes
    -----
    A unit may have efficiency 1 and not be `efficient`: it gets as much with more of one input. Each unit
    takes two linear programs (HiGHS), in which only units take part that no other one dominates. Source:
    Charnes, Cooper and Rhodes 1978, doi:10.1016/0377-2217(78)90138-8; Banker, Charnes and Cooper 1984,
    doi:10.1287/mnsc.30.9.1078.

    Examples
    --------
    >>> x, y = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [4.0], [5.0]])
    >>> envelopment(x, y).efficiency.round(3)
    array([0.5  , 1.   , 0.625])
    >>> envelopment(x, y, "variable").efficiency.round(3)
    array([1., 1., 1.])
    """
    _check_arrays(inputs, outputs, returns)
    n = len(inputs)
    known = np.flatnonzero(~np.isnan(inputs).any(axis=1) & ~np.isnan(outputs).any(axis=1))
    found, lambdas, efficient = np.full(n, np.nan), np.full((n, n), np.nan), np.zeros(n, bool)
    x, y = (_in_parts(each[known]) for each in (inputs, outputs))
    reference = _undominated(x, y)
    program = _Program(x[reference], y[reference], returns)
    lambdas[known] = 0.0
    for row, unit in enumerate(known):
        if not (y[row] > 0).any():
            found[unit] = 0.0
            continue
        factor = program.expansion(x[row], y[row])
        found[unit] = 1.0 if factor < 1 + ON_FRONTIER else 1 / factor
        mix, slack = program.mix(x[row], y[row], 1 / found[unit])
        efficient[unit] = found[unit] == 1 and slack <= NO_SLACK
        if efficient[unit]:
            lambdas[unit, unit] = 1.0
        else:
            lambdas[unit, known[reference]] = mix
    return Frontier(found, lambdas, efficient)


def scale_efficiency(constant: Array, variable: Array) -> Array:
    """Return how much of an inefficiency is the size of a unit: one efficiency divided by the other.

    Parameters
    ----------
    constant, variable : (n_units,) float, 0..1
        Efficiencies under constant and under variable returns.

    Returns
    -------
    array (n_units,), 0..1
        1 = of the best size; NaN where either is, or the second is 0. Source: Banker, Charnes and Cooper
        1984, doi:10.1287/mnsc.30.9.1078.

    Examples
    --------
    >>> scale_efficiency(np.array([0.5, 1.0]), np.array([1.0, 1.0]))
    array([0.5, 1. ])
    """
    ratio = np.divide(constant, variable, where=variable > 0, out=np.full(constant.shape, np.nan))
    return np.asarray(np.minimum(ratio, 1.0))


@dataclass(frozen=True, slots=True)
class _Program:
    """The linear programs over the units that may be peers; columns in parts of their largest values."""

    x: Array
    y: Array
    returns: Returns

    def expansion(self, inputs: Array, outputs: Array) -> float:
        """Return φ of a unit."""
        above, limits, most = self._rows(inputs, outputs)
        growth = np.append(np.zeros(inputs.size), -limits[inputs.size :])
        limits = np.append(limits[: inputs.size], np.zeros(outputs.size))
        cost = np.append(np.zeros(most.size), -1.0)
        return float(self._solved(cost, np.column_stack([above, growth]), limits, most)[-1])

    def mix(self, inputs: Array, outputs: Array, factor: float) -> tuple[Array, float]:
        """Return the λ that leave most slack at φ, and how much."""
        above, limits, most = self._rows(inputs, factor * outputs)
        cost = self.x.sum(axis=1) - self.y.sum(axis=1)
        parts = self._solved(cost * most, above, limits, most)
        mix = most * np.where(parts > SMALLEST_PEER, parts, 0.0)
        return mix, float(inputs.sum() - factor * outputs.sum() - cost @ mix)

    def _rows(self, inputs: Array, outputs: Array) -> tuple[Array, Array, Array]:
        """Return what a mix uses and, negative, what it makes, the limits of both, and the largest λ."""
        # Rows are in parts of the unit's own figures and λ in parts of the largest that the inputs allow: the
        # solver's tolerances are absolute and would blur units that are much smaller or larger than others.
        most = (inputs / self.x).min(axis=1)
        if self.returns == "variable":
            most = np.minimum(most, 1.0)
        figures = np.append(inputs, outputs)
        own = np.where(figures > 0, figures, 1.0)
        above = np.vstack([self.x.T, -self.y.T]) * most / own[:, None]
        return above, np.append(inputs, -outputs) / own, most

    def _solved(self, cost: Array, above: Array, limits: Array, most: Array) -> Array:
        from scipy.optimize import linprog  # noqa: PLC0415 - slow to import

        is_one: dict[str, Any] = {}
        if self.returns == "variable":
            counted = np.zeros((1, cost.size))
            counted[0, : most.size] = most
            is_one = {"A_eq": counted, "b_eq": [1.0]}
        solution = linprog(cost, above, limits, **is_one, method="highs")
        assert solution.status == 0, solution.message
        return np.asarray(solution.x)


def _in_parts(values: Array) -> Array:
    """Return columns in parts of their largest values; those that are 0 throughout as they are."""
    most = values.max(axis=0, initial=0.0)
    return np.asarray(values / np.where(most > 0, most, 1.0))


def _undominated(x: Array, y: Array) -> NDArray[np.intp]:
    """Return the rows that no other one matches in everything and beats in something."""
    goods = np.column_stack([-x, y])
    kept = [
        row
        for row, own in enumerate(goods)
        if not ((goods >= own).all(axis=1) & (goods > own).any(axis=1)).any()
    ]
    return np.array(kept, np.intp)


def _check_arrays(inputs: Array, outputs: Array, returns: str) -> None:
    if returns not in RETURNS:
        raise ValueError(f"returns to scale are one of {RETURNS}, not {returns!r}")
    if inputs.ndim != 2 or outputs.ndim != 2 or len(inputs) != len(outputs):
        raise ValueError(f"inputs {inputs.shape} and outputs {outputs.shape} need a row for each unit")
    if not inputs.shape[1] or not outputs.shape[1]:
        raise ValueError("at least one input and one output are needed")
    if np.isinf(inputs).any() or np.isinf(outputs).any():
        raise ValueError("inputs and outputs are finite")
    for name, wrong in (("inputs are above 0", inputs <= 0), ("outputs are not below 0", outputs < 0)):
        if wrong.any():
            raise ValueError(f"{name}: rows {np.flatnonzero(wrong.any(axis=1)).tolist()}")


def _check_signs(
    result: Result, parts: Mapping[Layer, Sequence[str]], steps: Sequence[tuple[Layer, Layer]]
) -> None:
    """Refuse inputs at or below 0 and outputs below 0, pillar by pillar."""
    problems, names = Problems(), result.row_labels
    used = {code for start, _ in steps for code in parts[start]}
    made = {code for _, end in steps for code in parts[end]} - used
    for code in result.aggregated.codes:
        column = result.aggregated.column(code)
        if code in used and (column <= 0).any():
            units = sorted(names[i] for i in np.flatnonzero(column <= 0))
            problems.add("analyse.not-positive", Where(), code=code, units=units)
        elif code in made and (column < 0).any():
            units = sorted(names[i] for i in np.flatnonzero(column < 0))
            problems.add("analyse.negative-output", Where(), code=code, units=units)
    problems.raise_errors()
