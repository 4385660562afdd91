"""All linear figures as one program over classes of units that are alike, weights unknown or not.

With ``share = weight in the index × mean score of the class`` a parent is the sum of its children, in every
class, and every figure is linear in shares and weights: nothing is lost by unknown weights. As all of it can
be scaled, the mean score of a class at any node is found by setting that node's weight to 1 (Charnes and
Cooper 1962, doi:10.1002/nav.3800090303). Means over the units of a class lose nothing either: a table in
which units of a class are alike meets the linear figures whenever any table does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citygauge.audit.reconstruct.model import Array, Claim, Model

Terms = dict[int, float]


@dataclass(frozen=True)
class Inequality:
    """``Σ coefficient × unknown ≤ 0``, because of a figure; ``= 0`` for what always holds."""

    terms: Terms
    figure: str = ""
    equal: bool = False


@dataclass(frozen=True)
class Program:
    """The linear figures of a model, for mean scores of classes of units.

    Attributes
    ----------
    alone : int or None
        A unit that is a class of its own.
    shrink : float
        Share of half the width of each printed interval by which its ends are drawn in: above 0 it asks for
        room, not only for a table at the edge of rounding.
    """

    model: Model
    alone: int | None = None
    shrink: float = 0.0

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The class of each unit."""
        ends = self.model.ends("unit")
        n = len(self.model.units)
        own = np.zeros((n, 1))
        if self.alone is not None:
            own[self.alone] = 1.0
        profile = np.hstack([self.model.member.T.astype(float), ends.reshape(n, -1), own])
        return np.unique(profile, axis=0, return_inverse=True)[1].reshape(-1)

    @cached_property
    def n_classes(self) -> int:
        """How many classes there are."""
        return int(self.classes.max()) + 1

    @property
    def width(self) -> int:
        """How many unknowns there are: a share for each class and node, then the weights."""
        return (self.n_classes + 1) * len(self.model.codes)

    def share(self, row: int, node: int) -> int:
        """Return the number of the unknown share of a class at a node."""
        return row * len(self.model.codes) + node

    def weight(self, node: int) -> int:
        """Return the number of the unknown weight of a node in the index."""
        return self.n_classes * len(self.model.codes) + node

    def mean(self, members: NDArray[np.bool_], node: int) -> Terms:
        """Return the mean over some units at a node, times the weight of the node."""
        sizes = np.bincount(self.classes[members], minlength=self.n_classes)
        return {self.share(row, node): size / members.sum() for row, size in enumerate(sizes) if size}

    @cached_property
    def rows(self) -> tuple[Inequality, ...]:
        """Everything that must hold."""
        return (*self._tree(), *(row for claim in self._claims() for row in self._ends(claim)))

    def _tree(self) -> Iterator[Inequality]:
        for node, below in enumerate(self.model.children):
            if below:
                for row in range(self.n_classes):
                    terms = {self.share(row, child): 1.0 for child in below}
                    yield Inequality({self.share(row, node): -1.0, **terms}, equal=True)
                yield Inequality(
                    {self.weight(node): -1.0, **{self.weight(k): 1.0 for k in below}}, equal=True
                )

    def _claims(self) -> Iterator[Claim]:
        """Yield the linear claims, those of units once for each class."""
        seen = set()
        for claim in self.model.claims:
            place = int(self.classes[claim.place]) if claim.kind == "unit" else claim.place
            key = (claim.figure, claim.kind, place, claim.node, claim.low, claim.high)
            if claim.kind != "sd" and key not in seen:
                seen.add(key)
                yield claim

    def _ends(self, claim: Claim) -> Iterator[Inequality]:
        node = claim.node
        base = self.weight(node)
        if claim.kind == "weight":
            terms, base = {self.weight(node): 1.0}, self.weight(self.model.parents[node])
        elif claim.kind == "mean":
            terms = self.mean(self.model.member[claim.place], node)
        else:
            terms = {self.share(int(self.classes[claim.place]), node): 1.0}
        low, high = claim.low, claim.high
        if claim.figure and np.isfinite(high - low):
            low, high = low + self.shrink * (high - low) / 2, high - self.shrink * (high - low) / 2
        elif claim.figure:  # a limit on one side asks for room too, in terms of the scale
            room = self.shrink * 1e-3 * (self.model.scale[1] - self.model.scale[0])
            low, high = low + room, high - room
        if low == high:
            yield Inequality({**terms, base: -low}, claim.figure, equal=True)
            return
        if np.isfinite(low):
            yield Inequality({**{k: -value for k, value in terms.items()}, base: low}, claim.figure)
        if np.isfinite(high):
            yield Inequality({**terms, base: -high}, claim.figure)

    @cached_property
    def matrices(self) -> tuple[Any, Any, Any, Any]:
        """Sparse matrices and right sides: at most, and equal."""
        kinds = [[row.terms for row in self.rows if row.equal is equal] for equal in (False, True)]
        upper, equal = (self.sparse(terms) for terms in kinds)
        return upper, np.zeros(len(kinds[0])), equal, np.zeros(len(kinds[1]))

    def sparse(self, rows: list[Terms]) -> Any:
        """Return terms as a sparse matrix."""
        from scipy.sparse import csr_array  # noqa: PLC0415 - slow to import

        data = [value for terms in rows for value in terms.values()]
        at = ([i for i, terms in enumerate(rows) for _ in terms], [k for terms in rows for k in terms])
        return csr_array((data, at), shape=(len(rows), self.width))

    def least(
        self, objective: Terms, base: int = 0, weights: Array | None = None
    ) -> tuple[float, Array] | None:
        """Return the least value of a sum and where it is taken, with weight 1 at a node; None if none is.

        Parameters
        ----------
        base : int
            The node whose weight is 1: the root, or the node at which a mean is asked for.
        weights : (n_nodes,) float, optional
            Given weights of all nodes in the index.
        """
        from scipy.optimize import linprog  # noqa: PLC0415 - slow to import

        costs = np.zeros(self.width)
        for k, value in objective.items():
            costs[k] = value
        bounds = np.full((self.width, 2), [-np.inf, np.inf])
        bounds[self.weight(0) :, 0] = 0.0
        bounds[self.weight(base)] = 1.0
        if weights is not None:
            bounds[self.weight(0) :] = weights[:, None]
        upper, most, equal, right = self.matrices
        found = linprog(
            costs, upper, most, equal, right, [(low, high) for low, high in bounds.tolist()], method="highs"
        )
        if found.status != 0 or found.x is None or found.fun is None:
            return None
        return float(found.fun), np.asarray(found.x, float)

    @cached_property
    def holds(self) -> bool:
        """Whether a table meets all linear figures."""
        return self.least({}) is not None

    def fewest(
        self, figures: Collection[str], refused: Collection[frozenset[str]] = ()
    ) -> frozenset[str] | None:
        """Return a smallest set of figures without which the rest can hold, others than those refused.

        Parameters
        ----------
        figures : collection of str
            Those that may give way.
        refused : collection of frozenset
            Sets that are not to be returned, nor any larger one.

        Returns
        -------
        frozenset or None
            None where the rest cannot hold without all of them.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - slow to import

        names = sorted(figures)
        column = {name: self.width + i for i, name in enumerate(names)}
        total = self.width + len(names)
        large = 4 * max(1.0, *(abs(end) for end in self.model.scale))
        data, at, most, least = [], ([], []), [], []  # type: ignore[var-annotated]

        def add(terms: Terms, low: float, high: float) -> None:
            for k, value in terms.items():
                data.append(value)
                at[0].append(len(most))
                at[1].append(k)
            least.append(low)
            most.append(high)

        for row in self.rows:
            slack = {column[row.figure]: -large} if row.figure in column else {}
            add({**row.terms, **slack}, 0.0 if row.equal and not slack else -np.inf, 0.0)
            if row.equal and slack:
                add({**{k: -v for k, v in row.terms.items()}, **slack}, -np.inf, 0.0)
        for each in refused:
            add({column[name]: 1.0 for name in each}, -np.inf, len(each) - 1.0)
        from scipy.sparse import csr_array  # noqa: PLC0415 - slow to import

        low, high = np.full(total, -np.inf), np.full(total, np.inf)
        low[self.weight(0) :] = 0.0
        low[self.weight(0)] = high[self.weight(0)] = 1.0
        high[self.width :] = 1.0
        whole = np.zeros(total)
        whole[self.width :] = 1
        found = milp(
            whole,
            constraints=LinearConstraint(csr_array((data, at), shape=(len(most), total)), least, most),
            bounds=Bounds(low, high),
            integrality=whole.astype(np.int64),
        )
        if found.x is None:
            return None
        return frozenset(name for name in names if found.x[column[name]] > 0.5)

    def range(self, members: NDArray[np.bool_], node: int) -> tuple[float, float] | None:
        """Return the least and the largest mean of some units at a node, None where no table meets all."""
        objective = self.mean(members, node)
        low = self.least(objective, node)
        high = self.least({k: -value for k, value in objective.items()}, node)
        return None if low is None or high is None else (low[0], -high[0])
