"""The least and the largest that means and single scores can be, over all tables that meet the figures."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.audit.reconstruct.model import ALL, Array, Model
from citygauge.audit.reconstruct.program import Program, Terms

Ends = tuple[float | None, float | None]
SLACK = 1e-6  # of the scale: how far the ends of a conic answer are moved out, for its precision


def has_conic() -> bool:
    """Return whether the solver for spreads is there."""
    return find_spec("clarabel") is not None


@dataclass(frozen=True)
class Cone:
    """A program with every printed largest spread as a cone; least spreads, which are no cone, are left out.

    A class counts with the mean of its units, whose spread is at most theirs: the ends are exact for the
    linear figures and the largest spreads, and no table is outside.
    """

    program: Program

    @cached_property
    def parts(self) -> tuple[Any, Array, list[Any]]:
        """Rows ``A x + s = b`` and their cones, but for the node whose weight is 1."""
        import clarabel  # noqa: PLC0415 - an extra, slow to import
        from scipy.sparse import vstack  # noqa: PLC0415 - slow to import

        program = self.program
        upper, most, equal, right = program.matrices
        weights = [{program.weight(node): -1.0} for node in range(len(program.model.codes))]
        positive = program.sparse(weights)
        blocks = [equal, upper, positive]
        cones = [
            clarabel.ZeroConeT(equal.shape[0]),
            clarabel.NonnegativeConeT(upper.shape[0] + positive.shape[0]),
        ]
        for rows in self._spreads():
            blocks.append(program.sparse(rows))
            cones.append(clarabel.SecondOrderConeT(len(rows)))
        sides = np.concatenate([right, most, np.zeros(sum(block.shape[0] for block in blocks[2:]))])
        return vstack(blocks, format="csc"), sides, cones

    def _spreads(self) -> Iterator[list[Terms]]:
        program, model = self.program, self.program.model
        for claim in model.claims:
            if claim.kind != "sd" or not np.isfinite(claim.high):
                continue
            members = model.member[claim.place]
            mean = program.mean(members, claim.node)
            sizes = np.bincount(program.classes[members], minlength=program.n_classes)
            rows: list[Terms] = [{program.weight(claim.node): -claim.high}]
            for row in np.flatnonzero(sizes):
                root = float(np.sqrt(sizes[row] / members.sum()))
                terms = {k: root * value for k, value in mean.items()}
                own = program.share(int(row), claim.node)
                rows.append({**terms, own: terms.get(own, 0.0) - root})
            yield rows

    def least(self, objective: Terms, base: int) -> float | None:
        """Return the least value of a sum with weight 1 at a node; None where no answer is sure."""
        import clarabel  # noqa: PLC0415 - an extra, slow to import
        from scipy.sparse import csc_array, vstack  # noqa: PLC0415 - slow to import

        program = self.program
        matrix, sides, cones = self.parts
        fixed = csc_array(program.sparse([{program.weight(base): 1.0}]))
        costs = np.zeros(program.width)
        for k, value in objective.items():
            costs[k] = value
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        found = clarabel.DefaultSolver(
            csc_array((program.width, program.width)), costs, vstack([fixed, matrix], format="csc"),
            np.concatenate([[1.0], sides]), [clarabel.ZeroConeT(1), *cones], settings,
        ).solve()  # fmt: skip
        return float(found.obj_val_dual) if found.status == clarabel.SolverStatus.Solved else None


@dataclass(frozen=True)
class Quantity:
    """A mean of some units at a node, or the score of a single one of them."""

    kind: str
    of: str
    node: int
    members: NDArray[np.bool_]


def quantities(model: Model) -> list[Quantity]:
    """Return all means over sets of units, and the single scores of each grade; without grades of all."""
    found = [
        Quantity("mean", name, node, row)
        for name, row in zip(model.sets, model.member, strict=True)
        for node in range(len(model.codes))
    ]
    grades = [name for name in model.sets if name.startswith("grade.")] or [ALL]
    return found + [
        Quantity("score", name, node, model.member[model.sets.index(name)])
        for name in grades
        for node in model.leaves
    ]


def envelopes(model: Model, values: Array, codes: Collection[str] | None = None) -> pl.DataFrame:
    """Return the ends of every mean and of single scores, beside what draws show of them.

    Parameters
    ----------
    values : (n_draws, n_units, n_nodes) float
    codes : collection of str, optional
        The nodes that are asked for, by default all.

    Returns
    -------
    DataFrame
        ``quantity, of, code, low, high, low_spread, high_spread, p05, p50, p95``: ends from the linear
        figures (exact), with the largest spreads too (exact for those, blank without the solver), and
        percentiles of the draws. Least spreads are in neither, so that the ends are never too narrow.
    """
    conic = has_conic()
    whole = Program(model)
    cone = Cone(whole)
    single = _singles(model, whole)
    rows = []
    for quantity in quantities(model):
        if codes is not None and model.codes[quantity.node] not in codes:
            continue
        if quantity.kind == "mean":
            pairs = [(whole, cone, quantity.members)]
            drawn = values[:, quantity.members, quantity.node].mean(axis=1)
        else:
            pairs = [single[c] for c in np.unique(whole.classes[quantity.members])]
            drawn = values[:, quantity.members, quantity.node].ravel()
        low, high = _widest([program.range(who, quantity.node) for program, _, who in pairs])
        tight: Ends = (None, None)
        if conic:
            tight = _widest([_conic(each, who, quantity.node) for _, each, who in pairs])
        p05, p50, p95 = np.percentile(drawn, [5, 50, 95])
        rows.append((quantity.kind, quantity.of, model.codes[quantity.node], low, high,
                     *_inner(tight, (low, high)), p05, p50, p95))  # fmt: skip
    names = ["quantity", "of", "code", "low", "high", "low_spread", "high_spread", "p05", "p50", "p95"]
    kinds: list[Any] = [pl.String] * 3 + [pl.Float64] * 7
    return pl.DataFrame(rows, dict(zip(names, kinds, strict=True)), orient="row")


def _singles(model: Model, whole: Program) -> dict[int, tuple[Program, Cone, NDArray[np.bool_]]]:
    """Return for each class a program in which one unit of it stands alone."""
    found = {}
    for c in range(whole.n_classes):
        unit = int(np.flatnonzero(whole.classes == c)[0])
        program = Program(model, alone=unit)
        found[c] = (program, Cone(program), np.arange(len(model.units)) == unit)
    return found


def _conic(cone: Cone, members: NDArray[np.bool_], node: int) -> tuple[float, float] | None:
    objective = cone.program.mean(members, node)
    low = cone.least(objective, node)
    high = cone.least({k: -value for k, value in objective.items()}, node)
    if low is None or high is None:
        return None
    slack = SLACK * (cone.program.model.scale[1] - cone.program.model.scale[0])
    return low - slack, -high + slack


def _widest(ends: list[tuple[float, float] | None]) -> Ends:
    """Return the ends of several ranges together; blank where any is not known."""
    known = [each for each in ends if each is not None]
    if not known or len(known) < len(ends):
        return None, None
    return min(low for low, _ in known), max(high for _, high in known)


def _inner(tight: Ends, wide: Ends) -> Ends:
    """Return ends no wider than those without the spreads; blank ones stay blank."""
    low = None if tight[0] is None or wide[0] is None else max(tight[0], wide[0])
    high = None if tight[1] is None or wide[1] is None else min(tight[1], wide[1])
    return low, high
