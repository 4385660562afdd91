"""Every normalisation and aggregation beside pymcdm, scikit-criteria and a plain way, timed in turns.

A ratio says how many times longer the other one takes for the same figures, which are compared first. A read
is the time to go once through the 10,000 × 52 values, which no method can do without. The pairs of
10,000 units are too many for the others and stand alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import skcriteria
from numpy.typing import NDArray
from pymcdm import methods as mcdm
from pymcdm import normalizations as scales
from pymcdm.helpers import normalize_matrix
from scipy.optimize import linprog
from scipy.stats import gmean, hmean, pmean, rankdata
from skcriteria.agg.simple import WeightedProductModel, WeightedSumModel
from skcriteria.agg.topsis import TOPSIS
from skcriteria.agg.vikor import VIKOR
from skcriteria.preprocessing.scalers import MaxAbsScaler, MinMaxScaler, StandarScaler, VectorScaler
from threadpoolctl import threadpool_limits

from citygauge.framework.model import RubricLevel
from citygauge.framework.scheme import parse_scheme
from citygauge.score import normalise as by
from citygauge.score.aggregate import MEANS, OTHERS
from citygauge.score.benefit import benefit_of_the_doubt
from citygauge.score.means import arithmetic
from citygauge.score.outranking import copeland, promethee
from citygauge.score.rank import rank

Array = NDArray[np.float64]
Job = Callable[[], Any]
UNITS, CHILDREN, NODES = 10_000, 52, 74
REPEATS = 7
NEAR_TIES = 3  # others rank two of 10,000 values apart that are the same but for rounding
UP = np.ones(CHILDREN)
LEVELS = tuple(RubricLevel(level, level / 4) for level in range(5))
SCHEME = parse_scheme(">=80: 5 ; >=40: 3 ; else: 0")


@dataclass(frozen=True)
class Row:
    """A method: our way, and the others' to the same figures."""

    name: str
    ours: Job
    pymcdm: Job | None = None
    skcriteria: Job | None = None
    plain: Job | None = None
    size: tuple[int, int] = (UNITS, CHILDREN)


def raced(jobs: Sequence[Job], repeats: int = REPEATS) -> list[float]:
    """Return the median time of each job in seconds; they take turns, and the first round does not count."""
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(repeats + 1):
        for job, own in zip(jobs, times, strict=True):
            start = time.perf_counter()
            job()
            own.append(time.perf_counter() - start)
    return [median(own[1:]) for own in times]


def world(units: int = UNITS, children: int = CHILDREN) -> tuple[Array, Array]:
    """Return values from 1 to 100 and weights that come to 1."""
    random = np.random.default_rng(1)
    return random.uniform(1.0, 100.0, (units, children)), random.dirichlet(np.ones(children))


def relative(values: Array) -> list[Row]:
    """Return the normalisations that compare a unit with the others."""
    frame, decision = pd.DataFrame(values), skcriteria.mkdm(values, [max] * CHILDREN)
    post = np.full(CHILDREN, 50.0)

    def mcdm_of(scale: Callable[..., Array]) -> Job:
        return lambda: normalize_matrix(values, scale, None)

    def criteria_of(scaler: Any) -> Job:
        return lambda: scaler.transform(decision).matrix

    return [
        Row("minmax", lambda: by.minmax(values, UP, 0, 1), mcdm_of(scales.minmax_normalization),
            criteria_of(MinMaxScaler("matrix")),
            lambda: (frame - frame.min()) / (frame.max() - frame.min())),
        Row("zscore", lambda: by.zscore(values, UP, divisor="n"), None,
            criteria_of(StandarScaler("matrix")), lambda: (frame - frame.mean()) / frame.std(ddof=0)),
        Row("vector", lambda: by.vector(values, UP), mcdm_of(scales.vector_normalization),
            criteria_of(VectorScaler("matrix")), lambda: frame / np.sqrt((frame**2).sum())),
        Row("fraction_of_max", lambda: by.fraction_of_max(values, UP), mcdm_of(scales.linear_normalization),
            criteria_of(MaxAbsScaler("matrix")), lambda: frame / frame.max()),
        Row("distance_to_max", lambda: by.distance_to_max(values, UP), mcdm_of(scales.minmax_normalization),
            criteria_of(MinMaxScaler("matrix")),
            lambda: 1 - (frame.max() - frame) / (frame.max() - frame.min())),
        Row("distance_to_reference", lambda: by.distance_to_reference(values, UP, values[0]),
            plain=lambda: (frame - frame.min()) / (frame.iloc[0] - frame.min())),
        Row("distance_to_target", lambda: by.distance_to_target(values, UP, (post * np.nan, post)),
            plain=lambda: ((frame - frame.min()) / (post - frame.min())).clip(upper=1)),
        Row("ampi", lambda: by.ampi(values, UP),
            plain=lambda: 100 + 60 * (frame - frame.mean()) / (frame.max() - frame.min())),
        Row("rank", lambda: by.rank(values, UP), plain=lambda: frame.rank(method="min")),
        Row("borda", lambda: by.borda(values, UP), plain=lambda: frame.rank(method="min") - 1),
        Row("percentile_rank", lambda: by.percentile_rank(values, UP),
            plain=lambda: (frame.rank(method="min") - 1) / (UNITS - 1)),
    ]  # fmt: skip


def earned(values: Array) -> list[Row]:
    """Return the normalisations by fixed rules, the same for all columns."""
    frame, levels = pd.DataFrame(values), np.floor(values / 20)
    recorded, worth = pd.DataFrame(levels), {rung.value: rung.score for rung in LEVELS}
    post = np.full(CHILDREN, 50.0)
    return [
        Row("scaled", lambda: by.scaled(values, UP, 0, 50), plain=lambda: frame / 50 * 100),
        Row("goalposts", lambda: by.goalposts(values, UP, (post / 5, post)),
            plain=lambda: ((frame - 10) / 40).clip(0, 1)),
        Row("rubric", lambda: by.rubric(levels, [LEVELS] * CHILDREN), plain=lambda: recorded.replace(worth)),
        Row("points", lambda: by.points(values, [SCHEME] * CHILDREN, UP * 5),
            plain=lambda: np.select([values >= 80, values >= 40], [1.0, 0.6], 0.0)),
    ]  # fmt: skip


def aggregations(values: Array, weights: Array) -> list[Row]:
    """Return every aggregation but those of pairs; each ranks the units by its scores in the end."""
    decision = skcriteria.mkdm(values, [max] * CHILDREN, weights=weights)
    equal, steps = np.full(CHILDREN, 1 / CHILDREN), np.linspace(0, 1, CHILDREN + 1) ** (1 / 0.3 - 1)

    def ours(how: str, of: Array = weights, **settings: float) -> Job:
        if how in MEANS:
            return lambda: with_ranks(MEANS[how](values, of[:, None], **settings)[:, 0])
        return lambda: with_ranks(OTHERS[how](values, of, **settings))

    def plain(scores: Callable[[], Any]) -> Job:
        def ranked() -> Array:
            found = np.asarray(scores())
            return np.stack([found, rankdata(-found, method="min")])

        return ranked

    def mcdm_of(method: Any, to_ours: Callable[[Array], Array] = np.asarray) -> Job:
        return plain(lambda: to_ours(method(values, weights, UP, validation=False)))

    def criteria_of(method: Any, score: str, to_ours: Callable[[Array], Array] = np.asarray) -> Job:
        def ranked() -> Array:
            found = method.evaluate(decision)
            return np.stack([to_ours(found.e_[score]), found.rank_])

        return ranked

    def coupled() -> Array:
        shares = values / 100
        return np.asarray(100 * np.sqrt(gmean(shares, axis=1) / shares.mean(axis=1) * (shares @ weights)))

    return [
        Row("arithmetic", ours("arithmetic"), mcdm_of(mcdm.WSM(as_it_is)),
            criteria_of(WeightedSumModel(), "score"), plain(lambda: values @ weights)),
        Row("geometric", ours("geometric"), mcdm_of(mcdm.WPM(as_it_is)),
            criteria_of(WeightedProductModel(), "score", lambda logs: 10**logs),
            plain(lambda: gmean(values, weights=weights, axis=1))),
        Row("harmonic", ours("harmonic"), plain=plain(lambda: hmean(values, weights=weights, axis=1))),
        Row("generalised, 3", ours("generalised", power=3.0),
            plain=plain(lambda: pmean(values, 3, weights=weights, axis=1))),
        Row("median", ours("median", equal), plain=plain(lambda: np.median(values, axis=1))),
        Row("owa, 0.3", ours("owa", equal, orness=0.3),
            plain=plain(lambda: np.sort(values, axis=1)[:, ::-1] @ np.diff(steps))),
        Row("mpi", ours("mpi", equal),
            plain=plain(lambda: values.mean(axis=1) - values.var(axis=1) / values.mean(axis=1))),
        Row("coupling", ours("coupling", low=0.0, high=100.0), plain=plain(coupled)),
        Row("topsis", ours("topsis"), mcdm_of(mcdm.TOPSIS(as_it_is)), criteria_of(TOPSIS(), "similarity")),
        Row("vikor", ours("vikor"), mcdm_of(mcdm.VIKOR(), lambda q: 1 - q),
            criteria_of(VIKOR(use_compromise_set=False), "q_k", lambda q: 1 - q)),
    ]  # fmt: skip


def as_it_is(column: Array, cost: bool = False) -> Array:
    """Leave a column that is normalised already."""
    return column


def with_ranks(scores: Array) -> Array:
    """Return scores and their ranks."""
    return np.stack([scores, rank(scores[:, None])[:, 0]])


def pairs() -> list[Row]:
    """Return what compares units with each other, at a size that the others bear."""
    n = 1000
    values, weights = world(n)

    def duels() -> Array:
        scores = np.empty(n)
        for unit, own in enumerate(values):
            lead = ((own > values).astype(float) - (own < values)) @ weights
            scores[unit] = np.sign(np.where(np.abs(lead) < 1e-9, 0, lead)).sum()
        return scores

    few = values[:100, :10]

    def programs() -> Array:
        return np.array([-float(linprog(-own, few, np.ones(100)).fun or 0) for own in few])

    return [
        Row("copeland", lambda: copeland(values, weights), plain=duels, size=values.shape),
        Row("promethee", lambda: promethee(values, weights),
            lambda: mcdm.PROMETHEE_II("usual")(values, weights, UP, validation=False), size=values.shape),
        Row("promethee, linear", lambda: promethee(values, weights, "linear", 4, 12),
            lambda: mcdm.PROMETHEE_II("vshape_2", p=[12.0] * CHILDREN, q=[4.0] * CHILDREN)(
                values, weights, UP, validation=False), size=values.shape),
        Row("benefit_of_the_doubt", lambda: benefit_of_the_doubt(few).scores, plain=programs, size=few.shape),
    ]  # fmt: skip


def race(rows: Sequence[Row], values: Array, repeats: int = REPEATS) -> None:
    """Print our time, the others' as multiples of it, and ours in reads, once the figures are the same."""
    for row in rows:
        others = [job for job in (row.pymcdm, row.skcriteria, row.plain) if job is not None]
        own = row.ours()
        for job in others:
            differs = ~np.isclose(job(), own, rtol=1e-7, atol=1e-9, equal_nan=True)
            if np.count_nonzero(differs) > NEAR_TIES:
                raise AssertionError(f"{row.name}: {np.count_nonzero(differs)} figures differ")
        times = raced([row.ours, values.max, *others], repeats)
        ratios = iter(times[2:])
        cells = [
            f"{next(ratios) / times[0]:9.1f} x" if job else f"{'–':>11}"
            for job in (row.pymcdm, row.skcriteria, row.plain)
        ]
        reads = f"{times[0] / times[1]:9.0f}" if row.size == values.shape else ""
        size = f"{row.size[0]:,} x {row.size[1]}"
        print(f"{row.name:22}{size:>12} {times[0] * 1e3:9.2f} ms{''.join(cells)}{reads}")


def alone() -> None:
    """Print what every pair of 10,000 units costs."""
    values, weights = world()
    compared = UNITS * (UNITS - 1) / 2
    jobs: dict[str, Job] = {
        "copeland": lambda: copeland(values, weights),
        "promethee, gaussian": lambda: promethee(values, weights, "gaussian", threshold=20.0),
    }
    for name, job in jobs.items():
        (own,) = raced([job], 1)
        pair, size = own / compared * 1e9, f"{UNITS:,} x {CHILDREN}"
        print(
            f"{name:22}{size:>12} {own * 1e3:9.0f} ms   {pair:.0f} ns a pair, {pair / CHILDREN:.2f} a score"
        )


def score_and_rank(values: Array, weights: Array) -> None:
    """Print the time from the normalised table to the ranks, and from the raw one, beside reading it once."""
    column, frame = weights[:, None], pd.DataFrame(values)
    nodes = world(UNITS, NODES)[0]
    jobs: dict[str, tuple[Job, Job]] = {
        "normalised to ranks": (
            lambda: rank(arithmetic(values, column)),
            lambda: frame.mul(weights).sum(axis=1).rank(ascending=False, method="min").to_frame(),
        ),
        "raw, minmax, to ranks": (
            lambda: rank(arithmetic(by.minmax(values, UP), column)),
            lambda: ((frame - frame.min()) / (frame.max() - frame.min())).mul(weights).sum(axis=1)
            .rank(ascending=False, method="min").to_frame(),
        ),
        f"ranks of {NODES} nodes": (
            lambda: rank(nodes),
            lambda: pd.DataFrame(nodes).rank(ascending=False, method="min"),
        ),
    }  # fmt: skip
    for name, (ours, plain) in jobs.items():
        np.testing.assert_array_equal(ours(), plain(), err_msg=name)
        for limit in (1, None):
            with threadpool_limits(limit, user_api="blas"):
                own, read, other = raced([ours, values.max, plain], 31)
            threads = "1 BLAS thread" if limit else "all threads"
            print(
                f"{name:22}{threads:>15} {own * 1e3:9.3f} ms {other / own:8.1f} x pandas   "
                f"{own / read:.1f} reads of {read * 1e3:.3f} ms ({values.nbytes / read / 1e9:.0f} GB/s)"
            )


def compare() -> None:
    """Print all of it."""
    values, weights = world()
    print(f"\nscore and rank, {UNITS:,} x {CHILDREN}")
    score_and_rank(values, weights)
    others = f"{'pymcdm':>10}{'sk-criteria':>12}{'plain way':>10}"
    print(f"\n{'normalisations':34}{'citygauge':>12}{others}   ours in reads")
    race([*relative(values), *earned(values)], values)
    print("aggregations, each with its ranks")
    race(aggregations(values, weights), values)
    print("pairs of units, and linear programs")
    race(pairs(), values, 3)
    alone()


if __name__ == "__main__":
    compare()
