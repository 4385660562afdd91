"""What each factor of a specification does with its random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust import kernel
from citygauge.analyse.robust.scoring import Tree
from citygauge.analyse.robust.spec import Factor
from citygauge.framework.model import Framework

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_LEAST = 1e-280  # quotients by smaller sums leave the range of doubles


@dataclass(frozen=True)
class Drawn:
    """A factor made ready: how many numbers it takes, and among how many levels it chooses (0: none).

    `nodes` are the numbers of the nodes that it is about, for factors on weights.
    """

    factor: Factor
    width: int
    labels: tuple[str, ...] = ()
    odds: tuple[float, ...] = ()
    nodes: NDArray[np.int64] | None = None

    @property
    def name(self) -> str:
        """The name of the factor."""
        return self.factor.name

    @cached_property
    def kind(self) -> str:
        """What kind of factor it is, see `Factor`."""
        return self.factor.kind

    @property
    def n_levels(self) -> int:
        """Among how many levels it chooses; 0 for what is drawn from a range."""
        return len(self.labels)

    def levels(self, uniforms: Array) -> Whole:
        """Return the level chosen in each replication ``(n,)`` from numbers ``(n, 1)``."""
        edges = np.cumsum(self.odds) / np.sum(self.odds)
        return np.asarray(np.searchsorted(edges[:-1], uniforms[:, 0], side="right"), np.int64)


def chosen_nodes(framework: Framework, levels: Sequence[int], codes: Sequence[str]) -> list[str]:
    """Return the nodes with a weight that are of some depths, or named; all where neither is given."""
    weighed = [child for parent in framework.aggregates for child in framework.counted(parent)]
    inside = set(weighed)
    wanted = [
        code
        for code in framework.codes
        if code in inside
        and (not levels or framework.levels[code] in levels)
        and (not codes or code in codes)
    ]
    alone = {c for p in framework.aggregates if len(s := framework.counted(p)) == 1 for c in s}
    return [code for code in wanted if code not in alone]


def varied_weights(drawn: Drawn, uniforms: Array, weights: Array, tree: Tree) -> Array:
    """Return weights ``(n, n_nodes)`` with those of the factor's nodes drawn anew around them."""
    rule, nodes = drawn.factor.weights, drawn.nodes
    assert rule is not None
    assert nodes is not None
    found = weights.copy()
    if rule.share is not None:
        found[:, nodes] *= 1 + rule.share * (2 * uniforms - 1)
        return found
    from scipy.special import gammaincinv  # noqa: PLC0415 - slow to import

    assert rule.concentration is not None
    # A Dirichlet draw is gamma draws brought to a sum of 1, which `Tree.rescaled` does.
    shapes = weights[:, nodes] * rule.concentration
    drawn_here = np.where(shapes > 0, gammaincinv(np.maximum(shapes, 1e-9), uniforms), 0.0)
    for parent in np.unique(tree.above[nodes]):  # siblings that do not vary keep their part of the whole
        own = np.flatnonzero(tree.above[nodes] == parent)
        sums = kernel.totals(np.ascontiguousarray(drawn_here[:, own]))
        before = kernel.totals(np.ascontiguousarray(weights[:, nodes[own]]))
        lost = (sums < _LEAST) & (before > 0)  # all too small for doubles: the largest has everything
        for row in np.flatnonzero(lost):
            drawn_here[row, own] = _largest(shapes[row, own], uniforms[row, own])
            sums[row] = 1.0
        factor = np.divide(before, sums, out=np.zeros_like(sums), where=sums > 0)
        found[:, nodes[own]] = drawn_here[:, own] * factor[:, None]
    return found


def _largest(shapes: Array, uniforms: Array) -> Array:
    """Return 1 at the largest of gamma draws near 0, where ``u = xᵃ / Γ(a + 1)``, and 0 elsewhere."""
    from scipy.special import gammaln  # noqa: PLC0415 - slow to import

    least = np.maximum(shapes, 1e-300)
    logs = (np.log(np.maximum(uniforms, 2.0**-54)) + gammaln(shapes + 1)) / least
    return np.asarray(np.arange(shapes.size) == np.argmax(np.where(shapes > 0, logs, -np.inf)), np.float64)


def label(value: object) -> str:
    """Return a setting as text: of a table its method, then what else it says."""
    if isinstance(value, Mapping):
        rest = ", ".join(f"{name}={part}" for name, part in value.items() if name != "how")
        return f"{value.get('how', '')}({rest})" if rest else str(value.get("how", ""))
    return str(value)
