"""Weights that are not printed, drawn evenly from those that the printed means allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from citygauge.audit.reconstruct.kernel import compiled
from citygauge.audit.reconstruct.model import ALL, EDGE, Array, Model
from citygauge.audit.reconstruct.program import Program

STEPS = 30  # moves between two draws, for each child of a parent


class Polytopes:
    """For each parent, the weights of its children for which its mean can be what the others allow."""

    def __init__(self, model: Model) -> None:
        self.model = model
        ends = model.ends("weight")[0]
        self.fixed = np.where(np.arange(len(model.codes)) == 0, 1.0, ends[:, 0])
        self.limits = {node: _limits(model, node) for node in model.unpublished}
        self.ends = ends
        self.now = self._first()

    def draw(self, random: np.random.Generator) -> Array:
        """Return weights of all nodes in their parents, the next of a walk over the polytopes."""
        for node, limits in self.limits.items():
            below = list(self.model.children[node])
            own = self.now[below]
            walk(own, self.ends[below], limits, random, STEPS * len(below))
            self.now[below] = own
        return self.now.copy()

    def _first(self) -> Array:
        """Return weights that meet everything, away from the ends."""
        program = Program(self.model)
        corners = []
        for node in self.model.unpublished:
            for child in self.model.children[node]:
                for sign in (1.0, -1.0):
                    found = program.least({program.weight(child): sign})
                    if found is not None:
                        corners.append(found[1][program.weight(0) :])
        weights = self.fixed.copy()
        if not corners:
            return weights
        whole = np.mean(corners, axis=0)
        for node in self.model.unpublished:
            below = list(self.model.children[node])
            weights[below] = whole[below] / whole[below].sum() if whole[node] > EDGE else 1 / len(below)
        return weights


def _limits(model: Model, node: int) -> Array:
    """Return rows ``(coefficients…, most)`` that the weights of children must meet, from means alone."""
    program = Program(model)
    everyone = model.member[model.sets.index(ALL)]
    parent = program.range(everyone, node) or model.scale
    means = model.ends("mean")[model.sets.index(ALL), list(model.children[node])]
    means = np.clip(means, *model.scale)
    slack = EDGE * (model.scale[1] - model.scale[0])
    return np.array([[*means[:, 0], parent[1] + slack], [*-means[:, 1], -parent[0] + slack]])


@compiled
def walk(weights: Any, ends: Any, limits: Any, random: Any, steps: int) -> None:
    """Walk over weights that add up to 1, each between its ends, within linear limits; in place."""
    n = weights.size
    for _ in range(steps):
        i = int(random.random() * n)
        j = int(random.random() * (n - 1))
        j += j >= i
        low = max(ends[i, 0] - weights[i], weights[j] - ends[j, 1])
        high = min(ends[i, 1] - weights[i], weights[j] - ends[j, 0])
        for row in range(limits.shape[0]):
            at = limits[row, n]
            for k in range(n):
                at -= limits[row, k] * weights[k]
            slope = limits[row, i] - limits[row, j]
            if slope > 0.0:
                high = min(high, at / slope)
            elif slope < 0.0:
                low = max(low, at / slope)
        share = random.random()
        if low < high:
            delta = low + share * (high - low)
            weights[i] += delta
            weights[j] -= delta
