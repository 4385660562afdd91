"""Bonuses, deductions, caps and vetoes: what comes on top of a mean where a scheme counts in points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import BONUS, DEDUCTION, VETO, Band, Framework, Node, Scheme, adds_up
from citygauge.indicators.table import Table
from citygauge.problems import Problems

Array = NDArray[np.float64]

FIRES = Scheme(bands=(Band(0.0, 1.0, closed=False),))  # a veto that says nothing else fires above 0


@dataclass(frozen=True, slots=True)
class Adjust:
    """What the parents of one step get after their means.

    `gains` (n_children, n_parents) holds the points of a bonus per point of its parent, those of a deduction
    with a minus, 0 elsewhere. `vetoes` are (child, parent, most that the parent keeps). `least` and `most`
    (n_parents,) bound the scores; infinite where nothing is added or taken away.
    """

    gains: Array
    vetoes: tuple[tuple[int, int, float], ...]
    least: Array
    most: Array
    low: float

    def apply(self, means: Array, values: Array) -> Array:
        """Return means with bonuses and deductions, within their bounds, and vetoes last.

        Parameters
        ----------
        means : (n_units, n_parents) float
        values : (n_units, n_children) float
            Scores of all children; a bonus, deduction or veto that is NaN does nothing.

        Returns
        -------
        array (n_units, n_parents)
            NaN where the mean is, unless a veto fired: scoring ends there, with the veto's limit.
        """
        scores = np.clip(means + np.nan_to_num(values - self.low) @ self.gains, self.least, self.most)
        for child, parent, most in self.vetoes:
            fired = values[:, child] > self.low
            scores[fired, parent] = np.fmin(scores[fired, parent], most)
        return scores


def adjustment(
    framework: Framework, parents: Sequence[str], children: Sequence[str], onto: tuple[float, float]
) -> Adjust | None:
    """Return what the parents of one step get after their means; None where it is nothing.

    Parameters
    ----------
    onto : pair of float
        The scores that are 0 and full marks.
    """
    low, high = onto
    gains = np.zeros((len(children), len(parents)))
    least, most = np.full(len(parents), -np.inf), np.full(len(parents), np.inf)
    vetoes: list[tuple[int, int, float]] = []
    row = {child: i for i, child in enumerate(children)}
    for column, parent in enumerate(parents):
        below = [framework[child] for child in framework.children(parent)]
        if framework[parent].cap is None and not any(node.role or node.cap is not None for node in below):
            continue
        whole = framework.points.get(parent, np.nan)
        cap = framework[parent].cap
        least[column], most[column] = low, high if cap is None else low + (high - low) * cap / whole
        for node in below:
            if node.role == VETO:
                limit = low if node.points is None else low + (high - low) * node.points / whole
                vetoes.append((row[node.code], column, limit))
            elif node.role:
                sign = 1.0 if node.role == BONUS else -1.0
                gains[row[node.code], column] = sign * framework.points[node.code] / whole
    return Adjust(gains, tuple(vetoes), least, most, low) if np.isfinite(least).any() else None


def as_scored(framework: Framework, code: str) -> Node:
    """Return a node as its values are scored: deductions and vetoes grow with the value, whatever is better.

    A veto that has neither scheme nor rubric nor goalposts fires on any value above 0.
    """
    node, role = framework[code], framework.roles[code]
    if node.scheme is not None and node.points is None:
        node = replace(node, points=framework.points.get(code))
    if role == VETO:
        scheme = node.scheme or (None if node.rubric or node.low is not None else FIRES)
        return replace(node, direction=1, scheme=scheme, points=scheme.most if scheme else None)
    return replace(node, direction=1) if role == DEDUCTION else node


def with_nothing_earned(scores: Array, framework: Framework, low: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return scores in which a missing part of a bonus or deduction earns nothing, and where all is missing.

    Parameters
    ----------
    scores : (n_units, n_nodes) float

    Returns
    -------
    pair of array (n_units, n_nodes)
        The second marks the nodes inside bonuses and deductions below which nothing is known.
    """
    filled, unknown = scores.copy(), np.zeros(scores.shape, bool)
    inside = [code for code in framework.codes if framework.roles[code] in {BONUS, DEDUCTION}]
    position = {code: i for i, code in enumerate(framework.codes)}
    for code in reversed(inside):
        at, below = position[code], [position[child] for child in framework.children(code)]
        unknown[:, at] = np.isnan(scores[:, at])
        if below:
            unknown[:, at] &= unknown[:, below].all(axis=1)
        else:
            filled[unknown[:, at], at] = low
    return filled, unknown


def note_vetoes(table: Table, framework: Framework, low: float, problems: Problems) -> None:
    """Note each veto that fired, and the vetoes and deductions that nobody looked at for some units."""
    silent: list[str] = []
    gaps = np.zeros(len(table.units), bool)
    for code in framework.leaves:
        role = framework.roles[code]
        if role not in {VETO, DEDUCTION}:
            continue
        values = table.column(code)
        if (fired := values > low).any() and role == VETO:
            units = [unit for unit, is_hit in zip(table.units, fired, strict=True) if is_hit]
            problems.add("facts.veto-fired", code=code, parent=framework[code].parent, units=units)
        missing = np.isnan(values) & table.applicable[:, table.codes.index(code)]
        if missing.any():
            silent.append(code)
            gaps |= missing
    if silent:
        problems.add("facts.not-checked", codes=silent, count=int(gaps.sum()))


def marks_under(framework: Framework, shares: Mapping[str, float]) -> dict[str, float]:
    """Return the full marks of the nodes under the weights of a run.

    Under the framework's own weights these are the points it states. Under others the children of a parent
    share its marks in proportion to their weights, so that they still add up to it.

    Parameters
    ----------
    shares : mapping
        Weight of each node among its siblings, from `sibling_weights`.
    """
    stated = framework.points
    found: dict[str, float] = {}
    for node in framework:
        own = stated.get(node.code)
        if own is None or node.role == VETO:
            continue
        whole, above = found.get(node.parent or ""), stated.get(node.parent or "")
        if whole is not None and above is not None and node.parent is not None:
            if node.role:
                own = own if whole == above else own * whole / above
            elif adds_up([framework[child] for child in framework.counted(node.parent)], stated):
                share = whole * shares[node.code]
                own = own if isclose(own, share, rel_tol=1e-9) else share
        found[node.code] = own
    return found
