"""Replications of a ranking: what they cost, as a share of what the machine can do, and beside others.

From weights to the finished counts of ranks, scores and pairs, then with the draws as well; aggregation,
sensitivity indices and duels. Data are drawn anew for each round, because a processor learns the branches of
data that it has seen. With ``--plots FOLDER`` the cost against units and replications is drawn.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import bench_robust_large
import numpy as np
import polars as pl
import skcriteria
from bench_robust_large import CHILDREN, SPAN, THREADS, on_threads, ranks_on_threads
from numpy.typing import NDArray
from pymcdm import methods as mcdm
from SALib.analyze import sobol as salib
from scipy.stats import rankdata
from skcriteria.agg.simple import WeightedSumModel
from skcriteria.pipelines import mkpipe
from skcriteria.preprocessing.scalers import MinMaxScaler
from threadpoolctl import threadpool_limits

import citygauge as cg
from citygauge.analyse.robust import duels
from citygauge.analyse.robust.factors import Drawn, chosen_nodes
from citygauge.analyse.robust.model import Model, Stratum, Variant
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.ranking import padded
from citygauge.analyse.robust.resample import RESAMPLES
from citygauge.analyse.robust.scoring import Scorer, Tree
from citygauge.analyse.robust.sensitivity import Outputs, sobol
from citygauge.analyse.robust.simulate import count
from citygauge.analyse.robust.spec import Factor, Spec, WeightDraws
from citygauge.framework.model import Framework
from citygauge.indicators.table import Table
from citygauge.score import outranking
from citygauge.score.steps import plan_of

Array = NDArray[np.float64]
BLOCK = 64  # replications of 1,000 units at once, as a run has them
# Seconds of COINr 1.1.14 on R 4.2.2 for its own example (51 units, 49 indicators), timed on a machine like
# this one when the reference results were made; not run here.
COINR = {"1,000 replications": 120.0, "600 Sobol runs": 80.0}
LIMITS = {(50, 10_000): (4, 1), (1000, 10_000): (50, 30), (3000, 100_000): (2500, 1800)}  # ms: limit, aim


def best(job: Callable[[Any], object], make: Callable[[], Any], repeats: int = 7) -> float:
    """Return the least time of a job in seconds, on data made anew each time; the first does not count."""
    times = []
    for _ in range(repeats + 1):
        data = make()
        start = time.perf_counter()
        job(data)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def machine() -> tuple[float, float]:
    """Return what the machine can do on all threads: GFLOP/s of a matrix product, GB/s of a copy."""
    random = np.random.default_rng(1)
    a, big = random.random((1536, 1536)), random.random(2**24)
    flops = 2 * 1536**3 / best(lambda _: a @ a, lambda: None)
    target, half = np.empty_like(big), big.size // 2

    def copy(pool: ThreadPoolExecutor) -> None:
        parts = (slice(0, half), slice(half, None))
        list(pool.map(lambda part: np.copyto(target[part], big[part]), parts))

    with ThreadPoolExecutor(THREADS) as pool:
        bandwidth = 2 * big.nbytes / best(lambda _: copy(pool), lambda: None)
    return flops / 1e9, bandwidth / 1e9


def table_of(n_units: int, codes: tuple[str, ...]) -> Table:
    """Return scores between 0.05 and 1 of all units."""
    values = np.random.default_rng(n_units).uniform(0.05, 1.0, (n_units, len(codes)))
    still = np.zeros(values.shape, np.int8)
    return Table(tuple(f"u{i}" for i in range(n_units)), codes, values, still, still)


def model(n_units: int, factors: tuple[Factor, ...], how: dict[str, Any] | None = None) -> Model:
    """Return a model of units under the built-in framework: 52 indicators, 16 dimensions, 5 pillars."""
    framework = smart()
    table, tree = table_of(n_units, framework.leaves), Tree.of(framework)
    shares = dict.fromkeys(framework.codes, 1.0)
    method = cg.Method(aggregate=how or {})
    plan = plan_of(method, framework, shares)
    scorer = Scorer.of(tree, plan, table, table.units)
    weights = tree.rescaled(np.ones((1, len(framework))))
    variant = Variant(method, (Stratum(scorer),), weights, np.empty(0), 0.0)
    at = {code: i for i, code in enumerate(framework.codes)}
    drawn = []
    for factor in factors:
        assert factor.weights is not None
        codes = chosen_nodes(framework, factor.weights.levels, factor.weights.codes)
        drawn.append(Drawn(factor, len(codes), nodes=np.array([at[code] for code in codes])))
    return Model(1, table.units, tree, tuple(drawn), (), (variant,), np.zeros((), np.int64), ())


def smart() -> Framework:
    """Return the built-in framework down to its indicators."""
    whole = cg.builtin("smart-2021")
    return Framework(tuple(node for node in whole if whole.levels[node.code] <= 3))


def draws_of_weights() -> tuple[Factor, ...]:
    """Return each weight varied by up to a quarter, a factor for each level."""
    return tuple(
        Factor(name=f"weights.{level}", weights=WeightDraws(share=0.25, levels=(level,)))
        for level in (1, 2, 3)
    )


def rivals() -> dict[str, float]:
    """Return seconds for one replication of 50 units by others."""
    values = np.random.default_rng(1).random((50, CHILDREN)) + 0.01
    pipe, weighted = mkpipe(MinMaxScaler("matrix"), WeightedSumModel()), mcdm.WSM()
    random = np.random.default_rng(2)

    def skcriteria_pipeline(weights: Array) -> object:
        return pipe.evaluate(skcriteria.mkdm(values, [max] * CHILDREN, weights=weights)).rank_

    def pymcdm_sum(weights: Array) -> object:
        return rankdata(-weighted(values, weights, np.ones(CHILDREN)))

    jobs = {"scikit-criteria": skcriteria_pipeline, "pymcdm": pymcdm_sum}
    return {name: best(job, lambda: random.dirichlet(np.ones(CHILDREN)), 31) for name, job in jobs.items()}


def share(n: float, limit: float) -> str:
    """Return a rate as a share of what the machine can do."""
    return f"{n / limit:5.0%}"


def kernels(flops: float, others: dict[str, float]) -> None:
    """Print the time from weights to counts, and with the draws, beside others."""
    random = np.random.default_rng(3)
    with ThreadPoolExecutor(THREADS) as pool:
        for n_units, n in ((50, 10_000), (1000, 10_000)):
            leaves = np.zeros((CHILDREN, padded(n_units)))
            leaves[:, :n_units] = random.random((CHILDREN, n_units))
            own, whole = (
                best(
                    lambda weights, job=job, leaves=leaves, n_units=n_units: job(
                        pool, leaves, weights, n_units
                    ),
                    lambda n=n: random.dirichlet(np.ones(CHILDREN) * 3, n),
                )
                for job in (ranks_on_threads, on_threads)
            )
            line(f"{n_units:,} x {CHILDREN} x {n:,}", own, n_units, n, flops)
            line("  with scores and pairs counted too", whole, n_units, 0, flops)
            if n_units == 50:
                ratios = "   ".join(f"{name} {each * n / own:,.0f} x" for name, each in others.items())
                print(f"{'':34}{ratios}   (COINr, not run here: "
                      f"{COINR['1,000 replications'] * n / 1000 / own:,.0f} x)")  # fmt: skip
    for n_units, n in ((50, 10_000), (1000, 10_000)):
        of, firsts = model(n_units, draws_of_weights()), iter(range(0, 10**9, n))
        drawn = best(lambda first, of=of, n=n: count(of, first, n, SPAN), lambda firsts=firsts: next(firsts))
        line(f"{n_units:,} x {CHILDREN} x {n:,}, with draws", drawn, n_units, n, flops)
    child = [sys.executable, bench_robust_large.__file__]
    told = subprocess.run(child, check=True, capture_output=True).stdout.split()
    seconds, whole, memory = map(float, told)
    line(f"3,000 x {CHILDREN} x 100,000", seconds, 3000, 100_000, flops)
    line("  with scores counted too", whole, 3000, 0, flops)
    print(f"{'':34}{memory:9.0f} MB at most, < 500")


def line(name: str, seconds: float, n_units: int, n: int, flops: float) -> None:
    """Print one time, per unit and replication, and its share of a matrix product."""
    if not n:
        print(f"{name:34}{seconds * 1e3:9.2f} ms")
        return
    limit = LIMITS.get((n_units, n))
    told = f"   <= {limit[0]:,} ms, aim {limit[1]:,}" if limit and "draws" not in name else ""
    each, rate = seconds / n_units / n * 1e9, 2 * CHILDREN * n_units * n / seconds / 1e9
    print(f"{name:34}{seconds * 1e3:9.2f} ms {each:7.2f} ns   {share(rate, flops)} of GEMM{told}")


def aggregations(bandwidth: float) -> None:
    """Print the cost of the index by nested means, for each unit and replication."""
    n_units, n = 1000, 1024
    geometric = {"how": "geometric"}
    with ThreadPoolExecutor(THREADS) as pool:
        for name, how in {
            "arithmetic": {},
            "geometric at the index": {"by": {"0": geometric}},
            "geometric at two levels": {"by": {"0": geometric, "2": geometric}},
            "geometric, harmonic": {"by": {"1": geometric, "2": {"how": "harmonic"}}},
        }.items():
            of = model(n_units, draws_of_weights(), how)
            variant, firsts = of.variants[0], iter(range(0, 10**9, n))
            scorer = variant.strata[0].scorer

            def scored(shares: Array, scorer: Scorer = scorer) -> None:
                for start in range(0, len(shares), BLOCK):
                    scorer.scores(shares[start : start + BLOCK])

            def job(shares: Array, scored: Callable[[Array], None] = scored) -> None:
                list(pool.map(scored, np.array_split(shares, THREADS)))

            def make(of: Model = of, variant: Variant = variant, firsts: Iterator[int] = firsts) -> Array:
                return of.shares(variant, of.draws(next(firsts), n))

            own = best(job, make) / n_units / n * 1e9
            rate = share(CHILDREN * 8 / own, bandwidth)
            print(f"nested means, {name:24}{own:6.1f} ns   {rate} of a copy of the leaves   <= 40, aim 15")


def indices() -> None:
    """Print the time of Sobol indices with intervals, beside SALib's one output at a time."""
    n, n_units = 1024, 50
    of = chosen_and_drawn(n_units)
    outputs = Outputs.of(np.arange(1, n_units + 1), np.full(n_units, -1), of.units, graded=False)
    own = best(lambda _: sobol(of, outputs, n), lambda: None, 3)
    print(f"Sobol, {len(of.factors)} factors, {len(outputs.names)} outputs, N = {n:,}: {own * 1e3:.0f} ms"
          "   <= 250 ms, aim 80 (runs, indices and intervals)")  # fmt: skip
    problem = {"num_vars": 8, "names": list("abcdefgh"), "bounds": [[0, 1]] * 8}
    random = np.random.default_rng(1)

    def analyse(y: Array) -> object:
        return salib.analyze(problem, y, calc_second_order=False, num_resamples=RESAMPLES, seed=1)

    one = best(analyse, lambda: random.random(n * 10), 1)
    print(f"{'':34}SALib, the indices alone: {one * len(outputs.names) / own:.0f} x;  COINr, 600 runs, one "
          f"output, not run here: {COINR['600 Sobol runs'] / own:,.0f} x")  # fmt: skip


def chosen_and_drawn(n_units: int) -> Model:
    """Return a model of eight factors: four choices of method, and four groups of weights."""
    framework = smart()
    random = np.random.default_rng(1)
    facts = [
        {"unit": f"u{i}", "indicator": code, "value": value}
        for code in framework.leaves
        for i, value in enumerate(random.lognormal(size=n_units))
    ]
    units = pl.DataFrame({"unit": [f"u{i}" for i in range(n_units)]})
    plain = Framework(
        tuple(replace(node, rubric=(), low=None, high=None, scheme=None) for node in framework), code="bench"
    )
    method = cg.Method(normalise={"how": "minmax", "low": 1, "high": 100})
    result = cg.assess(cg.from_frames(plain, units, pl.DataFrame(facts), method))
    choices = (
        Factor(key="treat", values=({"how": "none"}, {"how": "winsorise_then", "max_points": 5})),
        Factor(key="normalise", values=({"how": "minmax", "low": 1, "high": 100}, {"how": "rank"})),
        Factor(key="aggregate.by.0", values=({"how": "arithmetic"}, {"how": "geometric"})),
        Factor(key="aggregate.by.1", values=({"how": "arithmetic"}, {"how": "geometric"})),
    )
    able = chosen_nodes(framework, (), ())
    weights = tuple(
        Factor(name=f"w{i}", weights=WeightDraws(share=0.25, codes=tuple(able[i::4]))) for i in range(4)
    )
    return model_of(result, Spec(factor=(*choices, *weights)))


def pairs(bandwidth: float) -> None:
    """Print the time of exact Copeland scores."""
    random, n = np.random.default_rng(1), 1000
    values = random.random((n, CHILDREN))

    def weights() -> Array:
        return np.asarray(random.dirichlet(np.ones(CHILDREN)))

    drawn = weights()
    np.testing.assert_array_equal(duels.copeland(values, drawn), outranking.copeland(values, drawn))
    own = best(lambda w: duels.copeland(values, w), weights)
    plain = best(lambda w: outranking.copeland(values, w), weights, 3)
    rate = n * n / 2 * CHILDREN * 8 / own / 1e9
    print(f"Copeland, {n:,} units on one thread {own * 1e3:9.2f} ms   {plain / own:.0f} x by NumPy"
          f"   {share(rate, bandwidth)} of a copy (from the cache)   <= 5 ms")  # fmt: skip


def plots(folder: Path) -> None:
    """Draw the cost against units and against replications."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for n_units in (20, 50, 100, 200, 500, 1000, 2000, 5000):
        of = model(n_units, draws_of_weights())
        for n in (100, 1000, 10_000):
            firsts = iter(range(0, 10**9, n))
            own = best(lambda f, of=of, n=n: count(of, f, n, SPAN), lambda firsts=firsts: next(firsts), 3)
            rows.append((n_units, n, own * 1e3, own / n_units / n * 1e9))
    frame = pl.DataFrame(rows, schema=["units", "replications", "ms", "ns"], orient="row")
    log = alt.Scale(type="log")
    for x, colour in (("units", "replications"), ("replications", "units")):
        chart = alt.Chart(frame, width=480, height=320).mark_line(point=True)
        for y, title in (("ms", "milliseconds"), ("ns", "nanoseconds for a unit and replication")):
            drawn = chart.encode(
                alt.X(f"{x}:Q", scale=log), alt.Y(f"{y}:Q", scale=log, title=title), alt.Color(f"{colour}:N")
            )
            for kind in ("svg", "png"):
                drawn.save(str(folder / f"robust_{y}_by_{x}.{kind}"))


def compare(folder: Path | None = None) -> None:
    """Print all of it; draw it into the folder if one is given."""
    flops, bandwidth = machine()
    print(
        f"\nreplications of a ranking, {THREADS} threads; GEMM {flops:.0f} GFLOP/s, copy {bandwidth:.0f} GB/s"
    )
    with threadpool_limits(1, user_api="blas"):
        kernels(flops, rivals())
        aggregations(bandwidth)
        indices()
        pairs(bandwidth)
        if folder is not None:
            plots(folder)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--plots", type=Path)
    compare(options.parse_args().plots)
