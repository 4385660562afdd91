"""Weights that are not printed, taken as equal or by the number of indicators where the figures allow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from citygauge.audit.published import Published
from citygauge.audit.reconstruct.model import Claim, Model
from citygauge.audit.reconstruct.program import Program

Weights = Literal["drawn", "equal", "count"]
ROOM = 1e-3  # of half a printed interval: what only touches leaves no room to draw from


def usual_claims(published: Published, model: Model, node: int, how: Weights) -> list[Claim]:
    """Return the weights below a parent by a usual rule; none where indicators are not counted."""
    below = model.children[node]
    parts: Sequence[int | None] = [1] * len(below)
    if how == "count":
        parts = [published.nodes[model.codes[child]].indicators for child in below]
    if not all(parts):
        return []
    known = [part or 0 for part in parts]
    shares = [part / sum(known) for part in known]
    return [Claim("", "weight", 0, k, share, share) for k, share in zip(below, shares, strict=True)]


def with_usual(
    published: Published, model: Model, rules: Sequence[Weights]
) -> tuple[Model, dict[str, Weights]]:
    """Return the model with the first usual rule that the figures allow at each parent, all taken together.

    A parent at which no rule leaves room stays open; the second item says which rule each other one has.
    """
    chosen: dict[str, Weights] = {}
    for node in model.unpublished:
        for how in rules:
            claims = usual_claims(published, model, node, how)
            tried = model.and_(claims)
            if claims and Program(tried, shrink=ROOM).holds:
                model = tried
                chosen[model.codes[node]] = how
                break
    return model, chosen
