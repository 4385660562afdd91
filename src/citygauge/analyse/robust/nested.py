"""Nested means as sums: the form in which each parent adds up its children, and what one sum can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust import kernel

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Form = tuple[Literal["value", "log", "inverse", "power"], float]

VALUE: Form = ("value", 1.0)


@dataclass(frozen=True)
class Fused:
    """Parents that are one weighted sum over all leaves below them, as the means on the way have one form.

    `tops` maps each of them to its leaves, in that form and as numbers of nodes; `above` is the parent of
    each node below them, -1 for other nodes.
    """

    tops: Mapping[int, tuple[Array, Whole]]
    above: Whole

    def weights(self, shares: Array) -> Array:
        """Return the weight of each node in the sum that it is in ``(n_replications, n_nodes)``."""
        found = np.empty(shares.shape)
        kernel.multiply_within(np.ascontiguousarray(shares), self.above, found)
        return found


def fused(
    groups: Mapping[int, Sequence[int]], forms: Mapping[int, Form], leaves: Mapping[int, Array], n_nodes: int
) -> Fused:
    """Return what can be added up at once.

    Parameters
    ----------
    groups : mapping
        The children of each parent of which none lacks a score, the deepest first.
    forms : mapping
        The form in which each parent adds up its children.
    leaves : mapping
        Scores of the leaves ``(1, n_units)``.
    n_nodes : int
    """
    below: dict[int, dict[int, Array]] = {}
    above: Whole = np.full(n_nodes, -1, np.int64)
    for parent, members in groups.items():
        found: dict[int, Array] = {}
        for child in members:
            if child in below and forms[child] == forms[parent]:
                found |= below[child]
            elif child in leaves:
                found[child] = turned(leaves[child], forms[parent])
            else:
                break
        else:
            if not any(np.isinf(leaf).any() for leaf in found.values()):  # of which 0 times is not 0
                below[parent] = found
                above[list(members)] = parent
    tops = {
        parent: (np.concatenate(list(found.values())), np.array(list(found), np.int64))
        for parent, found in below.items()
        if above[parent] < 0
    }
    return Fused(tops, above)


def form_of(rule: Any) -> Form:
    """Return the form in which a parent adds up its children, and the power if it is one."""
    if rule.how == "generalised":
        power = float(dict(rule.parameters)["power"])
        named: dict[float, Form] = {1.0: VALUE, 0.0: ("log", 1.0), -1.0: ("inverse", 1.0)}
        return named.get(power, ("power", power))
    forms: dict[str, Form] = {"arithmetic": VALUE, "geometric": ("log", 1.0), "harmonic": ("inverse", 1.0)}
    return forms[rule.how]


def turned(values: Array, form: Form) -> Array:
    """Return values in the form in which they are added up."""
    kind, power = form
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if kind == "log":
            return np.log(values)
        if kind == "inverse":
            return 1 / values
        return np.power(values, power) if kind == "power" else values


def shared(weights: Array) -> Array:
    """Return weights ``(n_replications, n_children)`` that come to 1, NaN where there are none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(weights / kernel.totals(np.ascontiguousarray(weights))[:, None])


def mean(sums: Array, known: Array | None, own: Form, above: Form) -> Array:
    """Return means from sums of children in the form that the parent above adds up; the sums are lost.

    `known` are the weights that the sums come to, None for 1.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if known is not None:
            np.divide(sums, known, out=sums)
        if own == above:
            return sums
        if own[0] == "log":
            np.exp(sums, out=sums)
        elif own[0] == "inverse":
            np.divide(1, sums, out=sums)
        elif own[0] == "power":
            np.power(sums, 1 / own[1], out=sums)
        if above[0] == "log":
            return np.log(sums, out=sums)
        return turned(sums, above)
