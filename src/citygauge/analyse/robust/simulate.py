"""Running a model: replications in blocks, on threads, counted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import pairwise
from operator import add
from os import cpu_count
from threading import Event

import numpy as np

from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.model import Model
from citygauge.analyse.robust.ranking import CELLS, Counter, padded

_PILOT = 256  # replications that fix the range of the histogram of scores
_PER_VARIANT = 32  # replications of each variant in a block, about
_MOST = 2**22  # scores in a block


def block_size(model: Model) -> int:
    """Return how many replications are drawn and scored at once; results do not depend on it."""
    wide = padded(len(model.units))
    ways = {one.scorer.way for variant in model.variants for one in variant.strata}
    # Nested means take many small steps, which are worth more work each.
    cells = max(
        CELLS if ways == {"sum"} else 2 * CELLS,
        _PER_VARIANT * wide * len(model.variants) if len(model.variants) > 1 else 0,
    )
    return max(4, min(cells, _MOST) // wide // 4 * 4)


def score_span(model: Model) -> tuple[float, float]:
    """Return the range of the histogram of scores: that of the first 256 replications, a tenth wider."""
    scores, _ = model.run(model.draws(0, _PILOT))
    known = scores[:, : len(model.units)]
    known = known[np.isfinite(known)]
    if not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    margin = (high - low) / 10 or abs(high) / 10 or 1.0
    return low - margin, high + margin


def count(model: Model, first: int, n: int, span: tuple[float, float], threads: int | None = None) -> Counts:
    """Return the counts of `n` replications from number `first` on.

    Parts of a run add up to the counts of the whole, bit for bit, however it is cut and on however many
    threads.
    """
    workers = max(1, min(threads or cpu_count() or 1, -(-n // block_size(model))))
    edges = [first + n * i // workers for i in range(workers + 1)]
    parts = [(low, high) for low, high in pairwise(edges) if high > low]
    if len(parts) <= 1:
        return _count(model, first, first + n, span)
    stop = Event()
    with ThreadPoolExecutor(workers) as pool:
        try:
            counted = pool.map(lambda part: _count(model, part[0], part[1], span, stop), parts)
            return reduce(add, counted)
        except BaseException:  # such as Ctrl-C: do not go on to the end first
            stop.set()
            raise


def _count(model: Model, low: int, high: int, span: tuple[float, float], stop: Event | None = None) -> Counts:
    rows = max(1, CELLS // padded(len(model.units)))
    counter = Counter(len(model.units), len(model.grades), span, rows)
    for first, n in blocks(low, high, block_size(model)):
        if stop is not None and stop.is_set():
            break
        scores, edges = model.run(model.draws(first, n))
        for start in range(0, n, rows):
            part = slice(start, start + rows)
            counter.add(scores[part], None if edges is None else edges[part])
    return counter.finish()


def blocks(low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the first number and the size of each block of replications."""
    for first in range(low, high, size):
        yield first, min(size, high - first)
