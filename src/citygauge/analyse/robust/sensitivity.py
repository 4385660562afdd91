"""What the ranks depend on: sensitivity indices of a model, all outputs at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import cpu_count
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import number
from citygauge.analyse.robust.draws import Stream
from citygauge.analyse.robust.model import Draws, Model
from citygauge.analyse.robust.ranking import padded, ranks_of
from citygauge.analyse.robust.shapley import ShapleySums
from citygauge.analyse.robust.simulate import block_size, blocks
from citygauge.analyse.robust.sobol import Indices, Sums

Array = NDArray[np.float64]
Made = TypeVar("Made")

SHIFT, GRADE_CHANGES, RANK = "mean_abs_rank_change", "grade_changes", "rank:"
_FEW = 1000  # outputs from which on samples are summed in fewer groups, to keep memory flat
_FEW_CHANGES = 10  # of a rank or of grades, in all samples
_SUBSETS = 10  # factors up to which all subsets of them are redrawn
_INDICES: dict[str, Any] = {
    "output": pl.String, "factor": pl.String, "S1": pl.Float64, "S1_low": pl.Float64, "S1_high": pl.Float64,
    "ST": pl.Float64, "ST_low": pl.Float64, "ST_high": pl.Float64,
}  # fmt: skip
_EFFECTS: dict[str, Any] = {
    "output": pl.String, "factor": pl.String, "effect": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Outputs:
    """What of a replication is looked at: the shift of all ranks, grades that change, and every rank.

    Attributes
    ----------
    published : (n_units,) int
        Ranks that shifts are taken from; 0 = none.
    grades : (n_units,) int
        Number of the published grade of each unit, -1 without one.
    names : tuple of str
        ``mean_abs_rank_change``, ``grade_changes`` where there are grades, then ``rank:`` and the unit.
    """

    published: NDArray[np.int64]
    grades: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls, published: NDArray[Any], grades: NDArray[Any], units: tuple[str, ...], *, graded: bool
    ) -> Outputs:
        """Return the outputs of a run."""
        names = (SHIFT, *((GRADE_CHANGES,) if graded else ()), *(RANK + unit for unit in units))
        return cls(published.astype(np.int64), grades.astype(np.int64), names)

    @property
    def base(self) -> Array:
        """The outputs as published ``(n_outputs,)``: no shift, and the published ranks."""
        ranks = np.where(self.published > 0, self.published, 0.0)
        return np.concatenate([np.zeros(len(self.names) - ranks.size), ranks])

    def take(self, scores: Array, edges: Array | None) -> Array:
        """Return the outputs of replications ``(n, n_outputs)``; NaN for ranks that do not exist."""
        n_units = self.published.size
        ranks = ranks_of(scores, n_units).astype(np.float64)
        ranks[ranks == 0] = np.nan
        parts = [mean_shift(ranks, self.published)[:, None]]
        if GRADE_CHANGES in self.names:
            changes = np.full((len(ranks), 1), np.nan)
            if edges is not None:
                reached = scores[:, :n_units, None] >= edges[:, None, :]
                grade = np.where(reached.any(axis=2), reached.argmax(axis=2), -1)
                changes[:, 0] = (grade != self.grades).sum(axis=1)
            parts.append(changes)
        return np.concatenate([*parts, ranks], axis=1)


def mean_shift(ranks: Array, published: NDArray[Any]) -> Array:
    """Return the mean over units of the distance between rank and published rank ``(n_replications,)``.

    Units without one of the two are left out; NaN where that is all.
    """
    known = ~np.isnan(ranks) & (published > 0)
    off = np.where(known, np.abs(ranks - published), 0.0)
    count = known.sum(axis=1)
    found = np.full(len(ranks), np.nan)
    return np.asarray(np.divide(off.sum(axis=1), count, out=found, where=count > 0))


def sobol(model: Model, outputs: Outputs, samples: int, threads: int | None = None) -> Indices:
    """Return Sobol indices of first and total order of all factors for all outputs.

    Parameters
    ----------
    model : Model
        With independent factors: every combination of its settings can run.
    outputs : Outputs
    samples : int
        Base samples; each takes two runs more than there are factors.

    Returns
    -------
    Indices
        Rows as `model.names`, columns as `outputs.names`, with intervals of 95 %.
    """
    groups = 1024 if len(outputs.names) <= _FEW else 256
    sums = Sums(len(model.names), len(outputs.names), offset=outputs.base, groups=groups)

    def design(part: tuple[int, int]) -> list[Array]:
        one, other = model.draws(*part, "A"), model.draws(*part, "B")
        mixed = (one.with_factors_of(other, (name,)) for name in model.names)
        return _outcomes(model, outputs, [one, other, *mixed])

    for a, b, *ab in _in_order(design, _parts(model, samples, len(model.names) + 2), threads):
        sums.add(a, b, np.stack(ab))
    return _without_rare(sums.indices(rng=np.random.default_rng([model.seed, 1])), outputs, samples)


def _without_rare(found: Indices, outputs: Outputs, samples: int) -> Indices:
    """Blank the indices of ranks and grades that changed in a handful of runs: these tell of chance alone.

    A change is by one or more, so that there were at most twice as many as samples times the variance.
    """
    counted = np.array([name != SHIFT for name in outputs.names])
    rare = counted & (found.variance * 2 * samples < _FEW_CHANGES)
    ends = ("first", "total", "first_low", "first_high", "total_low", "total_high")
    return replace(found, **{name: np.where(rare, np.nan, getattr(found, name)) for name in ends})


def shapley(model: Model, outputs: Outputs, samples: int, threads: int | None = None) -> pl.DataFrame:
    """Return Shapley effects, which share out the variance also where factors depend on each other.

    Parameters
    ----------
    model : Model
        With at most ten factors.
    outputs : Outputs
    samples : int
        Base samples; each takes a run for every subset of the factors.

    Returns
    -------
    DataFrame
        ``output, factor, effect, low, high``; the effects of an output come to 1.
    """
    names = model.names
    groups = 1024 if len(outputs.names) <= _FEW else 256
    sums = ShapleySums(len(names), len(outputs.names), groups=groups)
    subsets = [
        [name for bit, name in enumerate(names) if mask >> bit & 1] for mask in range(1, 2 ** len(names))
    ]

    def design(part: tuple[int, int]) -> list[Array]:
        one, other = model.draws(*part, "A"), model.draws(*part, "B")
        again = Stream(model.seed, "\0combination", "B", 1).uniforms(*part)
        redrawn = (model.redrawn(one, other, subset, again) for subset in subsets)
        return _outcomes(model, outputs, [one, *redrawn])

    for y, *changed in _in_order(design, _parts(model, samples, len(subsets) + 1), threads):
        sums.add(y, np.stack(changed))
    found = sums.effects(rng=np.random.default_rng([model.seed, 1]))
    rows = [
        (output, factor, *(number(each[i, j]) for each in (found.effect, found.low, found.high)))
        for j, output in enumerate(outputs.names)
        for i, factor in enumerate(names)
    ]
    return pl.DataFrame(rows, schema=_EFFECTS, orient="row")


def can_share(model: Model) -> bool:
    """Tell whether a model has few enough factors for Shapley effects."""
    return len(model.names) <= _SUBSETS


def indices_table(found: Indices, outputs: Iterable[str], factors: Iterable[str]) -> pl.DataFrame:
    """Return indices as ``output, factor, S1, S1_low, S1_high, ST, ST_low, ST_high``; null for NaN."""
    columns = (
        found.first, found.first_low, found.first_high, found.total, found.total_low, found.total_high,
    )  # fmt: skip
    names = tuple(factors)
    rows = [
        (output, factor, *(number(each[i, j]) for each in columns))
        for j, output in enumerate(outputs)
        for i, factor in enumerate(names)
    ]
    return pl.DataFrame(rows, schema=_INDICES, orient="row")


def _parts(model: Model, samples: int, runs: int) -> Iterator[tuple[int, int]]:
    """Yield blocks of base samples whose runs together are about a block of replications, or a few."""
    size = max(16, min(block_size(model) * 4 // runs, 2**22 // padded(len(model.units)) // runs))
    return blocks(0, samples, size)


def _outcomes(model: Model, outputs: Outputs, samples: Sequence[Draws]) -> list[Array]:
    """Return the outputs of several samples of one size, run together: each variant is then one block."""
    return np.split(outputs.take(*model.run(Draws.joined(samples))), len(samples))


def _in_order(
    make: Callable[[tuple[int, int]], Made], parts: Iterable[tuple[int, int]], threads: int | None
) -> Iterator[Made]:
    """Yield what is made of the parts in their order, made on threads, a few at a time."""
    workers = threads or cpu_count() or 1
    if workers == 1:
        yield from map(make, parts)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Made]] = deque()
        for part in parts:
            waiting.append(pool.submit(make, part))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
