"""Chains of tables: how far apart draws are kept so that they are worth as many independent ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from math import ceil
from os import cpu_count

import numpy as np

from citygauge.audit.reconstruct.ess import bulk_ess, rank_rhat
from citygauge.audit.reconstruct.kernel import sweep
from citygauge.audit.reconstruct.model import Array, Model
from citygauge.audit.reconstruct.start import Chain, Ready, Starts, Stuck, meet_spreads, ready
from citygauge.audit.reconstruct.weights import Polytopes

CHAINS = 4
TRIES = 400  # weights drawn for one start, of which the figures together may allow few
STUCK = 12  # starts at which a spread must be out of reach before it is given up
PILOT, LONGEST = 200, 32  # tables of a pilot, and sweeps between two of them at most
WARM = 100
APART = 4.0  # autocorrelation times between two kept draws
SCORES = 40  # single scores that are watched


class CannotMeetError(Exception):
    """Spreads that could not be reached, as (set, node); none where no weights were found at all."""

    def __init__(self, spreads: tuple[tuple[int, int], ...]) -> None:
        self.spreads = spreads
        super().__init__(spreads)


@dataclass(frozen=True)
class Draws:
    """Tables that meet all figures.

    Attributes
    ----------
    scores : (n, n_units, n_leaves) float
    weights : (n, n_nodes) float
        Share of each node in its parent.
    sweeps : int
        Sweeps between two draws of a chain, or before each draw where weights are drawn.
    watched : tuple of str
    ess, rhat : (n_watched,) float
        Of what is watched, NaN where it does not vary.
    """

    scores: Array
    weights: Array
    sweeps: int
    watched: tuple[str, ...]
    ess: Array
    rhat: Array

    @property
    def effective(self) -> float:
        """The smallest effective sample size of anything watched."""
        known = self.ess[np.isfinite(self.ess)]
        return float(known.min()) if known.size else float("nan")


class Sampler:
    """Makes draws of one model."""

    def __init__(self, model: Model, seed: int) -> None:
        self.model, self.seed = model, seed
        self.given: Ready = ready(model)
        self.starts, self.polytopes = Starts(model), Polytopes(model)
        self.classes = self.starts.programs[0].classes
        self.is_drawn = bool(model.unpublished)
        leaves = [(u, k) for k in model.leaves for u in range(len(model.units))]
        self.cells = [leaves[int(i)] for i in np.linspace(0, len(leaves) - 1, min(SCORES, len(leaves)))]

    def draw(self, n: int, tell: Callable[[int], None] | None = None) -> Draws:
        """Return `n` draws; `tell` hears how many there are."""
        workers = max(1, min(CHAINS, cpu_count() or 1))
        with ThreadPoolExecutor(workers) as pool:
            apart = ceil(sum(pool.map(self._pilot, range(CHAINS))) / CHAINS)
            sizes = [len(range(c, n, CHAINS)) for c in range(CHAINS)]
            found = list(pool.map(lambda c: self._chain(c, sizes[c], apart, tell), range(CHAINS)))
        # Draws of the chains in turn, so that any first part of them is one of all chains.
        order = np.argsort([i * CHAINS + c for c in range(CHAINS) for i in range(sizes[c])])
        scores, weights = (np.concatenate([pair[k] for pair in found])[order] for k in (0, 1))
        shortest = min(sizes)
        seen = [self._watch(*pair)[:shortest] for pair in found]
        traces = np.stack(seen)  # (chains, draws, watched)
        ess = np.array([bulk_ess(traces[..., q]) for q in range(traces.shape[2])])
        rhat = np.array([rank_rhat(traces[..., q]) for q in range(traces.shape[2])])
        return Draws(scores, weights, apart, self.watched, ess, rhat)

    def _random(self, chain: int, purpose: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self.seed, 2 * chain + purpose]))

    def _start(self, polytopes: Polytopes, random: np.random.Generator) -> Chain:
        """Return a chain that meets everything, at weights drawn for it."""
        spreads: list[tuple[int, int]] = []
        stuck = 0
        for _ in range(TRIES):
            chain = self.starts.begin(polytopes.draw(random), random)
            if chain is None:
                continue
            left: Stuck | None = meet_spreads(chain, self.given)
            if left is None:
                return chain
            stuck += 1
            spreads += left.spreads
            if stuck == STUCK:
                break
        raise CannotMeetError(tuple(sorted(set(spreads), key=lambda each: (-spreads.count(each), each))))

    def _run(self, chain: Chain, times: int) -> None:
        """Do sweeps, and deal out anew who is who among units that the figures do not tell apart."""
        given = self.given
        sweep(chain.state, given.tree, given.sets, given.bands, chain.random, times, np.zeros((0, 0, 2)))
        values = chain.state[0]
        rows = np.argsort(self.classes, kind="stable")
        mixed = np.lexsort((chain.random.random(rows.size), self.classes))
        values[rows] = values[mixed]

    def _pilot(self, c: int) -> int:
        """Return the sweeps after which a chain has forgotten where it was."""
        random = self._random(c, 0)
        chain = self._start(deepcopy(self.polytopes), random)
        self._run(chain, WARM)
        apart = 1  # sweeps between two that are looked at, more where they tell little
        while True:
            scores, weights = self._record(chain, PILOT, apart)
            seen = self._watch(scores, weights)
            ess = np.array([bulk_ess(seen[None, :, q]) for q in range(seen.shape[1])])
            least = np.nanmin(ess) if np.isfinite(ess).any() else float(PILOT)
            if least > 10 or apart >= LONGEST:
                return ceil(APART * PILOT * apart / max(1.0, least))
            apart *= 2

    def _record(self, chain: Chain, n: int, apart: int) -> tuple[Array, Array]:
        scores = np.empty((n, len(self.model.units), len(self.model.leaves)))
        weights = np.empty((n, len(self.model.codes)))
        for i in range(n):
            self._run(chain, apart)
            scores[i], weights[i] = chain.state[0][:, list(self.model.leaves)], chain.state[1]
        return scores, weights

    def _chain(self, c: int, n: int, apart: int, tell: Callable[[int], None] | None) -> tuple[Array, Array]:
        random, polytopes = self._random(c, 1), deepcopy(self.polytopes)
        parts = []
        chain = None
        for _ in range(n):
            if chain is None or self.is_drawn:
                chain = self._start(polytopes, random)
                self._run(chain, max(0, WARM - apart))
            parts.append(self._record(chain, 1, apart))
            if tell is not None:
                tell(1)
        empty = (len(self.model.units), len(self.model.leaves)), (len(self.model.codes),)
        scores, weights = (
            [np.empty((0, *shape)), *(part[k] for part in parts)] for k, shape in enumerate(empty)
        )
        return np.concatenate(scores), np.concatenate(weights)

    def _watch(self, scores: Array, weights: Array) -> Array:
        """Return what is watched of draws, ``(n_draws, n_watched)``."""
        model = self.model
        values = model.values(scores, weights)
        place = {leaf: i for i, leaf in enumerate(model.leaves)}
        parts = [
            values.mean(axis=1),
            values.std(axis=1),
            np.stack([values[:, row, 0].mean(axis=1) for row in model.member], axis=1),
            weights,
            np.stack([scores[:, u, place[k]] for u, k in self.cells], axis=1),
        ]
        return np.concatenate(parts, axis=1)

    @property
    def watched(self) -> tuple[str, ...]:
        """Names of what is watched."""
        codes = self.model.codes
        return (
            *(f"mean {code}" for code in codes), *(f"sd {code}" for code in codes),
            *(f"mean {name}" for name in self.model.sets), *(f"weight {code}" for code in codes),
            *(f"score {u + 1} {codes[k]}" for u, k in self.cells),
        )  # fmt: skip
