"""An assessment as a function of random numbers: every combination of settings prepared once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust.draws import Stream
from citygauge.analyse.robust.factors import Drawn, varied_weights
from citygauge.analyse.robust.noise import Noise
from citygauge.analyse.robust.ranking import padded
from citygauge.analyse.robust.rerun import rerun
from citygauge.analyse.robust.scoring import Scorer, Tree
from citygauge.indicators.table import Table
from citygauge.score.method import Method
from citygauge.score.steps import Part

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Stratum:
    """One stratum of a variant: its scorer, and what its columns are made of where the data vary.

    `places` are the numbers that the uncertain cells take: a fact of the unit itself is drawn once for all
    strata.
    """

    scorer: Scorer
    part: Part | None = None
    past: Mapping[str, Table] = field(default_factory=dict)
    noise: Noise | None = None
    places: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class Variant:
    """One combination of settings, ready to be scored.

    Attributes
    ----------
    weights : (n_choices, n_nodes) float
        Under each of the weights that can be chosen.
    edges : (n_grades,) float
        Lower edges of the grades, best first, -inf where open.
    span : float
        What the share by which edges move is taken of.
    """

    method: Method
    strata: tuple[Stratum, ...]
    weights: Array
    edges: Array
    span: float


@dataclass(frozen=True)
class Draws:
    """Replications: the numbers of each factor ``(n, width)``, and the levels of those that choose."""

    uniforms: Mapping[str, Array]
    levels: Mapping[str, Whole]

    def __len__(self) -> int:
        return len(next(iter(self.uniforms.values()))) if self.uniforms else 0

    @classmethod
    def joined(cls, parts: Sequence[Draws]) -> Draws:
        """Return the replications of several samples, one after the other."""
        first = parts[0]
        return cls(
            {name: np.concatenate([each.uniforms[name] for each in parts]) for name in first.uniforms},
            {name: np.concatenate([each.levels[name] for each in parts]) for name in first.levels},
        )

    def part(self, rows: slice | NDArray[np.intp]) -> Draws:
        """Return some of the replications."""
        return Draws(
            {name: each[rows] for name, each in self.uniforms.items()},
            {name: each[rows] for name, each in self.levels.items()},
        )

    def with_factors_of(self, other: Draws, names: Sequence[str]) -> Draws:
        """Return the replications with some factors drawn as in another sample."""
        return Draws(
            {name: (other if name in names else self).uniforms[name] for name in self.uniforms},
            {name: (other if name in names else self).levels[name] for name in self.levels},
        )


@dataclass(frozen=True)
class Model:
    """What a specification makes of a workspace; it can be sent to other processes.

    Attributes
    ----------
    units : tuple of str
    factors : tuple of Drawn
    choosing : tuple of str
        The factors whose levels make a variant, in order.
    variants : tuple of Variant
    number : array of int
        The variant of each combination of levels of the `choosing` factors; -1 where it cannot run.
    grades : tuple of str
        Ids of the classes, best first; none where some of the variants have no range for them to stand on.
    is_one_scale : bool
        Whether the scores of all variants can be held against each other.
    """

    seed: int
    units: tuple[str, ...]
    tree: Tree
    factors: tuple[Drawn, ...]
    choosing: tuple[str, ...]
    variants: tuple[Variant, ...]
    number: NDArray[np.int64]
    grades: tuple[str, ...]
    is_one_scale: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the factors."""
        return tuple(each.name for each in self.factors)

    def draws(self, first: int, n: int, matrix: str = "A") -> Draws:
        """Return `n` replications from number `first` on, the same whatever is drawn beside them."""
        uniforms = {
            each.name: Stream(self.seed, each.name, matrix, each.width).uniforms(first, n)
            for each in self.factors
        }
        levels = {each.name: each.levels(uniforms[each.name]) for each in self.factors if each.n_levels}
        if (self.number < 0).any():
            levels |= self._possible(Stream(self.seed, "\0combination", matrix, 1).uniforms(first, n))
        return Draws(uniforms, levels)

    @cached_property
    def _odds(self) -> Array:
        """The chance of each combination of levels, 0 for those that cannot run."""
        odds = np.where(self.number >= 0, 1.0, 0.0)
        for axis, name in enumerate(self.choosing):
            drawn = next(each for each in self.factors if each.name == name)
            odds = odds * np.reshape(drawn.odds, [-1 if i == axis else 1 for i in range(odds.ndim)])
        return odds

    def _possible(self, uniforms: Array) -> dict[str, Whole]:
        """Return levels of combinations that can run, each with its chance among these."""
        places = np.unravel_index(_drawn_from(self._odds.ravel(), uniforms[:, 0]), self.number.shape)
        return {n: np.asarray(place, np.int64) for n, place in zip(self.choosing, places, strict=True)}

    def redrawn(self, one: Draws, other: Draws, names: Sequence[str], uniforms: Array) -> Draws:
        """Return replications with some factors drawn anew, given what the rest of them is.

        Parameters
        ----------
        one, other : Draws
            The replications, and where numbers of the redrawn factors come from.
        names : sequence of str
            The factors to redraw.
        uniforms : (n, 1) float
            For combinations of settings, where some cannot run.
        """
        found = one.with_factors_of(other, names)
        moved = [axis for axis, name in enumerate(self.choosing) if name in names]
        if not moved or not (self.number < 0).any():
            return found
        fixed = [axis for axis in range(len(self.choosing)) if axis not in moved]
        levels = {name: each.copy() for name, each in found.levels.items()}
        held = np.stack([one.levels[self.choosing[axis]] for axis in fixed], axis=1) if fixed else None
        groups = np.zeros((1, 0), np.int64) if held is None else np.unique(held, axis=0)
        for group in groups:
            rows = np.arange(len(one)) if held is None else np.flatnonzero((held == group).all(axis=1))
            at: list[Any] = [slice(None)] * len(self.choosing)
            for axis, level in zip(fixed, group, strict=True):
                at[axis] = level
            odds = self._odds[tuple(at)]
            places = np.unravel_index(_drawn_from(odds.ravel(), uniforms[rows, 0]), odds.shape)
            for axis, place in zip(moved, places, strict=True):
                levels[self.choosing[axis]][rows] = place
        return Draws(found.uniforms, levels)

    def variant_of(self, draws: Draws) -> Whole:
        """Return the number of the variant of each replication ``(n,)``."""
        if not self.choosing:
            return np.zeros(len(draws), np.int64)
        return np.asarray(self.number[tuple(draws.levels[name] for name in self.choosing)], np.int64)

    def run(self, draws: Draws) -> tuple[Array, Array | None]:
        """Return what the replications come to.

        Returns
        -------
        scores : (n_replications, n_units padded to whole vectors)
        edges : (n_replications, n_grades) or None
            Lower edges of the grades; None without a scale.
        """
        variant = self.variant_of(draws)
        scores = np.empty((len(draws), padded(len(self.units))))
        edges = np.empty((len(draws), len(self.grades))) if self.grades else None
        for number in np.unique(variant):
            rows = np.flatnonzero(variant == number)
            is_all = rows.size == len(draws)
            chosen = self.variants[number]
            own = draws if is_all else draws.part(rows)
            found = self._scores(chosen, own)
            if is_all:
                scores = found
            else:
                scores[rows] = found
            if edges is not None:
                edges[rows] = self._edges(chosen, own)
        return scores, edges

    def all_shares(self, draws: Draws) -> Array:
        """Return the weights among siblings in each replication, of whatever variant ``(n, n_nodes)``."""
        found, variant = np.empty((len(draws), len(self.tree.above))), self.variant_of(draws)
        for number in np.unique(variant):
            rows = np.flatnonzero(variant == number)
            found[rows] = self.shares(self.variants[number], draws.part(rows))
        return found

    def shares(self, variant: Variant, draws: Draws) -> Array:
        """Return the weights among siblings in each replication ``(n, n_nodes)``."""
        choice = np.zeros(len(draws), np.int64)
        for each in self.factors:
            if each.n_levels and (each.factor.key == "weights" or each.kind == "weights"):
                choice = draws.levels[each.name]
        weights = variant.weights[choice]
        for each in self.factors:
            if each.kind == "weights" and not each.n_levels:
                weights = varied_weights(each, draws.uniforms[each.name], weights, self.tree)
            elif each.kind == "leave_out":
                assert each.nodes is not None
                level = draws.levels[each.name]
                gone = np.flatnonzero(level > 0)
                weights[gone, each.nodes[level[gone] - 1]] = 0.0
        return self.tree.rescaled(weights)

    def _scores(self, variant: Variant, draws: Draws) -> Array:
        shares, found = self.shares(variant, draws), []
        values: list[Array | None] = [None] * len(variant.strata)
        data = next((each for each in self.factors if each.kind == "data"), None)
        if data is not None:
            values = list(self._data(variant, draws.uniforms[data.name]))
        for stratum, own in zip(variant.strata, values, strict=True):
            found.append(stratum.scorer.scores(shares, own))
        return strata_mean(found)

    def _data(self, variant: Variant, uniforms: Array) -> list[Array]:
        """Return the columns on their scales of each stratum, with the facts drawn anew."""
        found = []
        for stratum in variant.strata:
            part, noise = stratum.part, stratum.noise
            assert part is not None
            assert noise is not None
            drawn = noise.values(part.table.values, uniforms[:, stratum.places])
            again = rerun(part, variant.method, self.tree.framework, drawn, stratum.past)
            found.append(again.values)
        return found

    def _edges(self, variant: Variant, draws: Draws) -> Array:
        edges = np.broadcast_to(variant.edges, (len(draws), variant.edges.size))
        for each in self.factors:
            if each.factor.edges is not None:
                moved = edges.copy()
                size = each.factor.edges * variant.span
                moved[:, : each.width] += size * (2 * draws.uniforms[each.name] - 1)
                edges = -np.sort(-moved, axis=1)
        return np.asarray(edges)


def strata_mean(scores: Sequence[Array]) -> Array:
    """Return the mean over strata of scores of the same shape, gaps left out."""
    if len(scores) == 1:
        return scores[0]
    known = sum((~np.isnan(each)).astype(float) for each in scores)
    total = sum(np.nan_to_num(each, nan=0.0) for each in scores)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


def _drawn_from(odds: Array, uniforms: Array) -> Whole:
    """Return the place that each number draws by the odds of the places."""
    reached = np.cumsum(odds)
    at = np.searchsorted(reached, uniforms * reached[-1], side="right")
    return np.asarray(np.minimum(at, np.flatnonzero(odds)[-1]), np.int64)
