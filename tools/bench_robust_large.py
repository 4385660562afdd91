"""From weights to counts on threads; as a program, 3,000 units in a process of their own, for its memory."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust import kernel
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.ranking import CELLS, Counter, Ranker, padded, rank_type

Array = NDArray[np.float64]
CHILDREN, THREADS, SPAN = 52, 2, (0.0, 1.0)
KEPT = 2**22  # ranks kept before they are counted


def counted(leaves: Array, weights: Array, n_units: int) -> Counts:
    """Return the counts of replications under weights of their own."""
    rows = max(4, CELLS // leaves.shape[1] // 4 * 4)
    counter, sums = Counter(n_units, 0, SPAN, rows), np.empty((rows, leaves.shape[1]))
    for start in range(0, len(weights), rows):
        part = weights[start : start + rows]
        kernel.weighted_sums(leaves, part, sums[: len(part)])
        counter.add(sums[: len(part)])
    return counter.finish()


def ranked(leaves: Array, weights: Array, n_units: int) -> NDArray[np.uint32]:
    """Return the histogram of ranks alone of replications under weights of their own."""
    rows = max(4, CELLS // leaves.shape[1] // 4 * 4)
    ranker, sums = Ranker(n_units, rows), np.empty((rows, leaves.shape[1]))
    kept = max(rows, KEPT // n_units)
    ranks, histogram = np.empty((kept, n_units), rank_type(n_units)), np.zeros((n_units, n_units), np.uint32)
    done = 0
    for start in range(0, len(weights), rows):
        part = weights[start : start + rows]
        kernel.weighted_sums(leaves, part, sums[: len(part)])
        if done + len(part) > kept:
            kernel.count_ranks(ranks[:done], histogram, 0)
            done = 0
        ranker.write(sums[: len(part)], ranks[done : done + len(part)])
        done += len(part)
    kernel.count_ranks(ranks[:done], histogram, 0)
    return histogram


def ranks_on_threads(pool: ThreadPoolExecutor, leaves: Array, weights: Array, n_units: int) -> object:
    """Return the histogram of ranks, each thread with its part of the replications."""
    parts = np.array_split(weights, THREADS)
    return reduce(add, pool.map(lambda part: ranked(leaves, part, n_units), parts))


def on_threads(pool: ThreadPoolExecutor, leaves: Array, weights: Array, n_units: int) -> Counts:
    """Return the same, each thread with its part of the replications."""
    parts = np.array_split(weights, THREADS)
    return reduce(add, pool.map(lambda part: counted(leaves, part, n_units), parts))


def most_memory() -> float:
    """Return the most memory this process had, in MB; `getrusage` would count that of its parent as well."""
    told = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()
    return float(told[0]) / 1024


def large() -> None:
    """Print seconds, of ranks alone and of all counts, and the most memory in MB, of 3,000 x 100,000."""
    random, n_units, n = np.random.default_rng(1), 3000, 100_000
    leaves = np.zeros((CHILDREN, padded(n_units)))
    leaves[:, :n_units] = random.random((CHILDREN, n_units))
    weights = random.dirichlet(np.ones(CHILDREN) * 3, n)
    with ThreadPoolExecutor(THREADS) as pool:
        seconds = []
        for job in (ranks_on_threads, on_threads):
            job(pool, leaves, weights[:64], n_units)
            start = time.perf_counter()
            job(pool, leaves, weights, n_units)
            seconds.append(time.perf_counter() - start)
        print(*seconds, most_memory())


if __name__ == "__main__":
    large()
