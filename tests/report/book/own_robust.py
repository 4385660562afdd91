"""How sure ranks are, computed anew from the random numbers of a run: a plain mean of means, and counting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

import citygauge as cg
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.spec import default_spec

Array = NDArray[np.float64]
Row = dict[str, float]
DRAWN, SHARE, SEED = 10_000, 0.25, 1
NAMES = {
    "zh": {1: "一级指标的权重", 2: "二级指标的权重", 3: "三级指标的权重", 4: "四级指标的权重"},
    "en": {1: "weights of the pillars", 2: "weights of the dimensions", 3: "weights of the indicators",
           4: "weights of the measures"},
}  # fmt: skip
FIXED = {"interval": "90%", "low": "5%", "high": "95%", "rank_width": "1", "points": "2"}


@dataclass(frozen=True)
class OwnRobust:
    """An index of weighted arithmetic means under weights that move by up to a quarter.

    `children` and `share` are the tree and its weights, `leaves` the scores that do not vary, `cuts` the
    lower edges of the grades, the best first, with None for the last.
    """

    result: cg.Result
    root: str
    children: Mapping[str, list[str]]
    share: Mapping[str, float]
    leaves: Mapping[str, Array]
    cuts: Mapping[str, float | None]

    @cached_property
    def moved(self) -> dict[str, Array]:
        """The weight of each node in each replication, before it is brought to a sum of 1."""
        model = model_of(self.result, default_spec(self.result.framework, seed=SEED))
        draws, found = model.draws(0, DRAWN), {}
        for each in model.factors:
            assert each.nodes is not None
            for column, node in enumerate(each.nodes):
                code = self.result.framework.codes[node]
                if code in self.share:
                    uniform = draws.uniforms[each.name][:, column]
                    found[code] = self.share[code] * (1 + SHARE * (2 * uniform - 1))
        return found

    def scores(self, weights: Mapping[str, Array]) -> Array:
        """Return the index of every unit in every replication."""
        n = len(next(iter(weights.values())))

        def of(code: str) -> Array:
            if code in self.leaves:
                return np.broadcast_to(self.leaves[code], (n, len(self.leaves[code])))
            top: Any = 0.0
            below: Any = 0.0
            for child in self.children[code]:
                x, w = of(child), weights.get(child, np.full(n, self.share[child]))[:, None]
                top, below = top + np.where(np.isnan(x), 0.0, x) * w, below + ~np.isnan(x) * w
            return np.asarray(top / below)

        return of(self.root)

    @cached_property
    def drawn(self) -> Array:
        return self.scores(self.moved)

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """One more than the number of units that are better, in each replication."""
        return np.stack([ranked(row) for row in self.drawn])

    @cached_property
    def published(self) -> NDArray[np.int64]:
        return ranked(self.result.index)

    def graded(self, scores: Array) -> NDArray[np.int64]:
        edges = [cut for cut in self.cuts.values() if cut is not None]
        return np.asarray(sum((scores < edge - 1e-12).astype(int) for edge in edges))

    def unit(self, row: int) -> Row:
        """Return what is told of a unit."""
        own = self.ranks[:, row]
        low, median, high = np.quantile(own, (0.05, 0.5, 0.95)).tolist()
        rank = int(self.published[row])
        other = self.graded(self.drawn[:, row]) != self.graded(self.result.index[row])
        return {
            "rank": rank, "rank_median": median, "rank_p05": low, "rank_p95": high, "rank_width": high - low,
            "mean_abs_shift": float(abs(own - rank).mean()), "p_other": float(other.mean()),
        }  # fmt: skip

    @cached_property
    def units(self) -> list[Row]:
        return [self.unit(row) for row in range(len(self.published))]

    def chance(self, row: int, grade: str) -> float:
        return float((self.graded(self.drawn[:, row]) == list(self.cuts).index(grade)).mean())

    def over(self, what: str) -> float:  # noqa: PLR0911 - one case each
        """Return a number of units, or their mean shift."""
        rows = self.units
        widths = [round(row["rank_width"], 1) for row in rows]
        match what:
            case "narrow":
                return sum(width <= 3 for width in widths)
            case "median":
                return sum(row["rank_median"] == row["rank"] for row in rows)
            case "outside":
                return sum(not row["rank_p05"] <= row["rank"] <= row["rank_p95"] for row in rows)
            case "unsteady":
                return sum(round(row["p_other"], 3) > 0.1 for row in rows)
            case "graded" | "all":
                return len(rows)
            case "surest" | "openest":
                return widths.count(min(widths) if what == "surest" else max(widths))
        return float(np.mean([row["mean_abs_shift"] for row in rows]))

    def weights(self, code: str) -> Row:
        """Return where the lines of two units, or of a unit and an edge, cross next to the present weight."""
        siblings = self.children[self.root]
        x = {each: self.scores_of(each) for each in siblings}
        w0, rest = self.share[code], [each for each in siblings if each != code]
        share = np.array([self.share[each] for each in rest])
        others = np.column_stack([x[each] for each in rest]) @ share / share.sum()
        f, slope = w0 * x[code] + (1 - w0) * others, x[code] - others
        pairs = list(combinations(range(f.size), 2))
        first = self.published == 1
        of_first = [(i, j) for i, j in pairs if first[i] or first[j]]
        edges = [cut for cut in self.cuts.values() if cut is not None]
        with np.errstate(divide="ignore", invalid="ignore"):
            met = [w0 + (edge - f) / slope for edge in edges]
            crossed = {
                "ranks": np.array([w0 + (f[i] - f[j]) / (slope[j] - slope[i]) for i, j in pairs]),
                "first": np.array([w0 + (f[i] - f[j]) / (slope[j] - slope[i]) for i, j in of_first]),
                "grades": np.concatenate(met) if met else np.array([]),
            }
        found: Row = {"weight": w0}
        for what, at in crossed.items():
            found[f"{what}_low"] = float(max([0.0, *at[(at < w0)]]))
            found[f"{what}_high"] = float(min([1.0, *at[(at > w0)]]))
        return found

    def scores_of(self, code: str) -> Array:
        return self.result.aggregated.values[:, self.result.aggregated.codes.index(code)]

    def total_effects(self, n: int = 8192) -> dict[int, float]:
        """Return the share of the variance of the mean rank change that goes if all but one level is held.

        Jansen's estimator (1999, doi:10.1016/S0010-4655(98)00154-4) on random numbers of its own.
        """
        random, framework = np.random.default_rng(7), self.result.framework
        levels = sorted({framework.levels[code] for code in self.moved})
        one, other = (
            {code: self.share[code] * (1 + SHARE * (2 * random.random(n) - 1)) for code in self.moved}
            for _ in range(2)
        )

        def shift(weights: Mapping[str, Array]) -> Array:
            ranks = np.stack([ranked(row) for row in self.scores(weights)])
            return np.asarray(abs(ranks - self.published).mean(axis=1))

        def without(level: int) -> Array:
            return shift({c: (other if framework.levels[c] == level else one)[c] for c in one})

        base = shift(one)
        return {level: float(((base - without(level)) ** 2).mean() / 2 / base.var()) for level in levels}


def ranked(scores: Array) -> NDArray[np.int64]:
    """Return ranks from the highest, those that differ by less than noise alike."""
    steps = np.rint(scores * 2.0**40 / max(float(np.ptp(scores)), 1.0))
    return np.asarray(1 + (steps[None, :] > steps[:, None]).sum(axis=1))
