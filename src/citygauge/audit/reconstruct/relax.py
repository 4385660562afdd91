"""Which printed figures give way where not all can hold: as few as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from citygauge.audit.findings import Repair
from citygauge.audit.published import Published
from citygauge.audit.reconstruct.model import Claim, Model
from citygauge.audit.reconstruct.program import Program
from citygauge.audit.reconstruct.usual import ROOM, with_usual

TRIED = 40  # sets of as few figures that are compared


@dataclass(frozen=True)
class Relaxed:
    """A model that can hold, and the figures that were given up for it."""

    model: Model
    figures: tuple[str, ...] = ()


def relax(published: Published, model: Model, repairs: Sequence[Repair] = ()) -> Relaxed | None:
    """Return the model without the figures that cannot hold; None where nothing helps.

    The figures of the first repair give way if the rest can hold then. Else, of all smallest sets of figures
    without which the rest can hold: the one that leaves a usual rule of weights (equal, by count) open to the
    most parents, and of those the one whose figures are missed by least, in units of their last place.
    """
    if Program(model, shrink=ROOM).holds:
        return Relaxed(model)
    for repair in repairs:
        if Program(model.without(repair.figures), shrink=ROOM).holds:
            return Relaxed(model.without(repair.figures), repair.figures)
    options = _smallest(model)
    if not options:
        return None
    best = min(options, key=lambda figures: (*_loss(published, model, figures), sorted(figures)))
    return Relaxed(model.without(best), tuple(sorted(best)))


def _smallest(model: Model) -> list[frozenset[str]]:
    """Return smallest sets of figures without which the rest can hold."""
    figures = {claim.figure for claim in model.claims if claim.figure and claim.kind in ("mean", "unit")}
    program = Program(model, shrink=ROOM)
    found: list[frozenset[str]] = []
    while len(found) < TRIED:
        few = program.fewest(figures, found)
        if few is None or (found and len(few) > len(found[0])):
            break
        found.append(few)
    return found


def _loss(published: Published, model: Model, figures: frozenset[str]) -> tuple[int, float]:
    """Return at how many parents no usual rule is left, and by how many last places figures are missed."""
    rest = model.without(figures)
    usual = with_usual(published, rest, ("equal", "count"))[1]
    program = Program(rest)
    missed = sum(_missed(program, claim) for claim in model.claims if claim.figure in figures)
    return len(model.unpublished) - len(usual), missed


def _missed(program: Program, claim: Claim) -> float:
    """Return how far a claim is from what the rest allows, in units of its last place."""
    members = np.zeros(len(program.model.units), bool)
    if claim.kind == "mean":
        members = program.model.member[claim.place]
    else:
        members[claim.place] = True
    ends = program.range(members, claim.node)
    if ends is None:
        return np.inf
    step = claim.step or 0.01 * (program.model.scale[1] - program.model.scale[0])
    return float(max(0.0, claim.low - ends[1], ends[0] - claim.high)) / step
