"""What a run will take, from what short runs took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, log
from time import perf_counter

import numpy as np

from citygauge.analyse.robust.cluster_files import FAN_IN
from citygauge.analyse.robust.counts import PAIRS, SCORE_BINS, Counts, bin_width
from citygauge.analyse.robust.model import Model
from citygauge.analyse.robust.simulate import block_size, count

_LONG, _SHORT = 20.0, 0.5  # seconds of a task, at most and at least
_LEAST = 64  # replications that are timed
_TASKS, _OVERHEAD = 4, 10  # tasks of a worker at least, work for each second of moving counts


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model took on one core.

    Attributes
    ----------
    each : float
        Seconds for a replication.
    moving : float
        Seconds to take the memory of counts, to write them and to read them again, for each byte.
    stored : float
        Bytes on the disk for a byte in memory.
    """

    n_units: int
    n_grades: int
    each: float
    moving: float
    stored: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take.

    Attributes
    ----------
    seconds : float
        Of all workers together at their work, from the start to the end.
    computing, moving : float
        Core seconds that go into replications, and into writing, reading and adding up counts.
    chunk : int
        Replications of a task.
    chunks : int
    memory : int
        Bytes that a worker needs for counts, at most: two that are added up, and their sum.
    disk : int
        Bytes in the folder, at most.
    """

    seconds: float
    computing: float
    moving: float
    chunk: int
    chunks: int
    memory: int
    disk: int


def counts_bytes(n_units: int, n_grades: int = 0) -> int:
    """Return the bytes that the counts of so many units take.

    Examples
    --------
    >>> counts_bytes(3_000) / 3_000  # a bin for each rank, 1,024 for scores
    16096.0
    """
    bins = ceil(n_units / bin_width(n_units)) + SCORE_BINS + n_grades
    return 4 * n_units * (bins + (n_units if n_units <= PAIRS else 0))


def task_seconds(total: float, moving: float, workers: int) -> float:
    """Return how long a task should be.

    20 s, or what gives each worker four tasks where that is less; ten times what it takes to move its counts
    where that is more, but no more than a worker's share; half a second at least.

    Parameters
    ----------
    total : float
        Core seconds of the whole run.
    moving : float
        Seconds to write the counts of a task and to read them.

    Examples
    --------
    >>> task_seconds(100_000, 0.1, 10), task_seconds(400, 0.1, 10), task_seconds(400, 2.0, 10)
    (20.0, 10.0, 20.0)
    """
    share = total / workers
    return max(min(_LONG, share / _TASKS), min(_OVERHEAD * moving, share), _SHORT)


def measure(model: Model, span: tuple[float, float], seconds: float = 2.0) -> Measured:
    """Return what a model takes on one core of this machine, by a run of about so many seconds.

    With many units it takes longer, until replications and not the memory of the counts make up the time.
    """
    count(model, 0, 4, span, threads=1)  # compiles what is not compiled yet, and takes the memory once
    n = max(block_size(model), _LEAST)
    took, less, fewer = _timed(model, n, span)[0], 0.0, 0
    while took < max(seconds / 2, 2 * less) or not fewer:
        fewer, less, n = n, took, 4 * n
        counts = None  # its memory is for the next
        took, counts = _timed(model, n, span)
    assert counts is not None
    each = (took - less) / (n - fewer)
    size = counts_bytes(len(model.units), len(model.grades))
    moving, stored = _moved(counts)
    moving += max(0.0, less - each * fewer)  # what a task takes before its first replication
    return Measured(len(model.units), len(model.grades), each, moving / size, stored / size)


def _timed(model: Model, n: int, span: tuple[float, float]) -> tuple[float, Counts]:
    start = perf_counter()
    counts = count(model, 0, n, span, threads=1)
    return perf_counter() - start, counts


def _moved(counts: Counts) -> tuple[float, float]:
    """Return the seconds to pack counts and to unpack them, and the bytes when packed."""
    stream, start = BytesIO(), perf_counter()
    np.savez_compressed(stream, ranks=counts.ranks, scores=counts.scores, grades=counts.grades)
    stored = stream.tell()
    stream.seek(0)
    with np.load(stream) as data:
        for name in data:
            data[name]
    return perf_counter() - start, stored


def estimate(measured: Sequence[Measured], n_units: int, n: int, workers: int) -> Estimate:
    """Return what `n` replications of `n_units` will take on so many cores like the one that was measured.

    Seconds for a replication grow between sizes, and beyond them, as a power of the units, through the two
    measured sizes that lie nearest; through one, as ``units × log(units)``. Every part is written once and
    read once; there are a seventh more parts than chunks.

    Parameters
    ----------
    measured : sequence of Measured
        Of models that differ in their units, by `measure`.
    n_units, n, workers : int

    Raises
    ------
    ValueError
        When nothing was measured.

    Examples
    --------
    >>> small, large = Measured(1_000, 0, 1e-5, 2e-8, 0.1), Measured(10_000, 0, 1.2e-4, 2e-8, 0.1)
    >>> found = estimate([small, large], 100_000, 10**6, workers=64)
    >>> round(found.computing)  # 12 times for ten times the units: 1.2e-4 s × 12 × 10**6
    1440
    """
    if not measured:
        raise ValueError("nothing was measured")
    each, near = _each(measured, n_units)
    size = counts_bytes(n_units, near.n_grades)
    move = near.moving * size
    chunk = max(1, min(n, ceil(task_seconds(each * n, move, workers) / each)))
    chunks = ceil(n / chunk)
    parts, level = chunks, chunks
    while level > 1:
        level = ceil(level / FAN_IN)
        parts += level
    computing, moving = each * n, move * parts
    rounds = ceil(chunks / workers)
    seconds = rounds * (each * min(chunk, n) + move) + (moving - chunks * move) / workers
    disk = round(near.stored * size * min(chunks, FAN_IN * workers))
    return Estimate(seconds, computing, moving, chunk, chunks, 3 * size, disk)


def _each(measured: Sequence[Measured], n_units: int) -> tuple[float, Measured]:
    """Return the seconds for a replication, and the measurement whose size lies nearest."""
    order = sorted(measured, key=lambda one: abs(log(one.n_units / n_units)))
    near = order[0]
    if len(order) == 1:
        grown = n_units * log(n_units + 1) / (near.n_units * log(near.n_units + 1))
        return near.each * grown, near
    other = order[1]
    power = log(other.each / near.each) / log(other.n_units / near.n_units)
    return float(near.each * (n_units / near.n_units) ** power), near
