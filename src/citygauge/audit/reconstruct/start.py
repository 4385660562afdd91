"""Where chains begin: tables within the linear figures, moved until every printed spread is met too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citygauge.audit.reconstruct.kernel import refresh, sweep
from citygauge.audit.reconstruct.model import FIXED, Array, Model
from citygauge.audit.reconstruct.program import Program
from citygauge.audit.reconstruct.usual import ROOM

CORNERS = 3  # random corners of the set, of which each chain begins at its own mixture
PATIENCE = 150  # rounds of sweeps without any spread coming closer
ROUNDS = 20_000
ROUND = 5


@dataclass(frozen=True)
class Ready:
    """What the compiled loops take: the tree, the sets and the ends that hold."""

    tree: tuple[NDArray[Any], ...]
    sets: tuple[NDArray[Any], ...]
    bands: tuple[Array, Array, Array]


@dataclass
class Chain:
    """A table on its way, changed in place."""

    state: tuple[Array, Array, Array, Array]
    random: np.random.Generator


@dataclass(frozen=True)
class Stuck:
    """The spreads, as (set, node), that could not be brought to where they are printed."""

    spreads: tuple[tuple[int, int], ...]


def ready(model: Model) -> Ready:
    """Return the arrays of a model."""
    parents = np.array(model.parents, np.int64)
    is_parent = np.array([bool(below) for below in model.children])
    means, spreads, told = model.ends("mean"), model.ends("sd"), model.inside("sd")
    has_mean, has_spread = np.isfinite(means).any(axis=2), np.isfinite(spreads).any(axis=2)
    printed = np.where(has_spread, 2, has_mean.astype(np.int64))
    variances = np.stack([np.maximum(told[..., 0], 0.0) ** 2, np.maximum(told[..., 1], 0.0) ** 2], axis=-1)
    tree = (parents, is_parent, np.array(model.leaves, np.int64))
    sets = (model.member, model.member.sum(axis=1).astype(float), printed)
    return Ready(tree, sets, (model.inside("unit"), model.inside("mean"), variances))


class Starts:
    """Tables that meet the linear figures, for weights drawn or given."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.programs = [Program(model, shrink=shrink) for shrink in (0.5, 0.1, ROOM)]
        self.unit_ends = model.inside("unit")

    def begin(self, weights: Array, random: np.random.Generator) -> Chain | None:
        """Return a chain at a random mixture of random corners, with room to move; None where there is none.

        Each corner is drawn inwards from the ends of the printed intervals as far as all of them allow.
        """
        model = self.model
        in_index = in_index_of(model, weights)
        for program in self.programs:
            objectives = random.normal(size=(CORNERS, program.width))
            objectives[:, program.weight(0) :] = 0.0
            points = []
            for objective in objectives:
                found = program.least(dict(enumerate(objective)), weights=in_index)
                if found is None:
                    break
                points.append(found[1])
            else:
                mixed = random.dirichlet(np.ones(CORNERS)) @ np.array(points)
                return self._chain(program, mixed, weights, random)
        return None

    def _chain(self, program: Program, mixed: Array, weights: Array, random: np.random.Generator) -> Chain:
        n_nodes = len(self.model.codes)
        in_index = in_index_of(self.model, weights)
        shares = mixed[: program.n_classes * n_nodes].reshape(program.n_classes, n_nodes)
        counts = in_index > FIXED
        scores = np.where(counts, shares / np.where(counts, in_index, 1.0), _middle(self.model))
        values = _within(np.ascontiguousarray(scores[program.classes]), self.unit_ends)
        sums = np.zeros((len(self.model.sets), n_nodes))
        return Chain((values, weights.copy(), sums, sums.copy()), random)


def in_index_of(model: Model, weights: Array) -> Array:
    """Return the weight of each node in the index from shares in the parent."""
    whole = np.ones(len(model.codes))
    for node, parent in enumerate(model.parents):
        if parent >= 0:
            whole[node] = whole[parent] * weights[node]
    return whole


def _middle(model: Model) -> Array:
    """Return a score for each node that may stand where its weight is 0: the middle of its printed mean."""
    ends = model.ends("mean")[0]
    ends = np.clip(ends, *model.scale)
    return np.asarray(ends.mean(axis=1))


def _within(values: Array, ends: Array) -> Array:
    """Return scores pulled in by what the solver may be beyond an end."""
    return np.clip(values, np.minimum(ends[..., 0], ends[..., 1]), np.maximum(ends[..., 0], ends[..., 1]))


def meet_spreads(chain: Chain, given: Ready) -> Stuck | None:
    """Move a chain until every spread is within its ends; a spread may only come closer on the way.

    Returns
    -------
    Stuck or None
        The spreads that are not there when none has come closer for long.
    """
    refresh(chain.state, given.tree, given.sets)
    aims = given.bands[2]
    printed = given.sets[2] == 2
    variance = _variances(chain, given)
    low = np.minimum(aims[..., 0], variance - FIXED)
    high = np.maximum(aims[..., 1], variance + FIXED)
    now = np.where(printed[..., None], np.stack([low, high], axis=-1), aims)
    bands = (given.bands[0], given.bands[1], now)
    none, best, idle = np.zeros((0, 0, 2)), np.inf, 0
    for _ in range(ROUNDS):
        missed = _missed(now, aims, printed)
        if missed.max(initial=0.0) == 0.0:
            sweep(chain.state, given.tree, given.sets, given.bands, chain.random, ROUND, none)
            return None
        idle = 0 if missed.sum() < 0.999 * best else idle + 1
        best = min(best, float(missed.sum())) if idle == 0 else best
        if idle > PATIENCE:
            break
        sweep(chain.state, given.tree, given.sets, bands, chain.random, ROUND, aims)
    return Stuck(tuple((int(s), int(k)) for s, k in np.argwhere(_missed(now, aims, printed) > 0)))


def _variances(chain: Chain, given: Ready) -> Array:
    _, _, first, second = chain.state
    sizes = given.sets[1][:, None]
    return np.asarray(second / sizes - (first / sizes) ** 2)


def _missed(now: Array, aims: Array, printed: Array) -> Array:
    """Return how far each variance is from its ends."""
    low, high = aims[..., 0] - now[..., 0], np.zeros(printed.shape)
    bounded = np.isfinite(aims[..., 1])
    high[bounded] = now[..., 1][bounded] - aims[..., 1][bounded]
    return np.where(printed, np.maximum(low, 0.0) + np.maximum(high, 0.0), 0.0)
