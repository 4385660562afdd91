"""Ranks of many replications at once, and counting them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust import kernel
from citygauge.analyse.robust.counts import SCORE_BINS, Counts

Array = NDArray[np.float64]
Ranks: TypeAlias = NDArray[np.unsignedinteger[Any]]

CELLS = 2**15  # scores at once, so that they stay in a processor's cache
_KEPT, _MOST_KEPT = 2**20, 2**23  # ranks kept before they are counted, the more the larger a histogram is
_SMALL = 256  # units up to which a plain sort is the quickest
_MOST_DIGITS = 16  # bits of the digit that others are sorted by


def padded(n_units: int) -> int:
    """Return the units with room for whole vectors of the processor."""
    return -(-n_units // 8) * 8


def ranks_of(scores: Array, n_units: int) -> Ranks:
    """Return the ranks of each replication by the rule of `score.rank.rank`.

    Parameters
    ----------
    scores : (n_replications, n_units or more) float
        NaN = no score. Columns from `n_units` on are not looked at.

    Returns
    -------
    array (n_replications, n_units) of unsigned int
        1 = highest, ties share the smallest rank, 0 = no score.

    Examples
    --------
    >>> ranks_of(np.array([[0.3, 0.1 + 0.2, np.nan, 0.9]]), 4)
    array([[2, 2, 0, 1]], dtype=uint16)
    """
    ranks = np.empty((len(scores), n_units), rank_type(n_units))
    rows = max(1, CELLS // max(n_units, 1))
    ranker, scores = Ranker(n_units, min(rows, len(scores))), np.ascontiguousarray(scores)
    for start in range(0, len(scores), rows):
        ranker.write(scores[start : start + rows], ranks[start : start + rows])
    return ranks


def rank_type(n_units: int) -> type[np.uint16] | type[np.uint32]:
    """Return the smallest type that holds every rank."""
    return np.uint16 if n_units < 2**16 else np.uint32


class Ranker:
    """Ranks blocks of up to `rows` replications in memory taken once: taking it anew halts all threads."""

    def __init__(self, n_units: int, rows: int) -> None:
        self._n_units, self._bits = n_units, max(n_units.bit_length(), 1)
        self._keys = np.empty((rows if n_units <= _SMALL else 1, n_units), np.int64)
        self._order = np.empty(n_units, np.int64)
        self._counts = np.empty(1 << min(self._bits + 1, _MOST_DIGITS), rank_type(n_units))

    def write(self, scores: Array, ranks: Ranks) -> None:
        """Write the ranks of scores in C order, as `ranks_of` returns them."""
        if self._n_units <= _SMALL:
            self._sort_and_place(scores, ranks)
            return
        done = 0
        while done < len(scores):
            done = kernel.rank_by_digit(
                scores, done, self._keys[0], self._order, self._counts, self._bits, ranks
            )
            if done < len(scores):
                self._sort_and_place(scores[done : done + 1], ranks[done : done + 1])
                done += 1

    def _sort_and_place(self, scores: Array, ranks: Ranks) -> None:
        keys = self._keys[: len(scores)]
        if keys.size:
            kernel.pack(scores, keys, self._bits)
            keys.sort(axis=1)
            kernel.place(keys, self._bits, ranks)


class Counter:
    """Counts blocks of up to `rows` replications as they come; `finish` gives the counts."""

    def __init__(self, n_units: int, n_grades: int, span: tuple[float, float], rows: int) -> None:
        self._counts, self._ranker = Counts.empty(n_units, n_grades, span), Ranker(n_units, rows)
        self._shift = self._counts.width.bit_length() - 1
        kept = min(max(_KEPT, 2 * self._counts.ranks.size), _MOST_KEPT) // max(n_units, 1)
        kept = max(kept, rows)
        self._ranks, self._kept, self._n = np.empty((kept, n_units), rank_type(n_units)), 0, 0
        self._bins = np.empty((kept, n_units), np.uint16)
        pairs = (2, n_units, rows if self._counts.ahead is not None else 0)
        self._own, self._others = np.empty(pairs, np.uint16)

    def add(self, scores: Array, edges: Array | None = None) -> Ranks:
        """Count scores ``(n_replications, n_units or more)`` and return their ranks, until the next call.

        `edges` are the lower edges of the classes in each replication ``(n_replications, n_grades)``, from
        the best on, -inf for an open end.
        """
        counts = self._counts
        if self._kept + len(scores) > len(self._ranks):
            self._count_kept()
        kept = slice(self._kept, self._kept + len(scores))
        ranks = self._ranks[kept]
        self._ranker.write(scores, ranks)
        kernel.bin_scores(scores, *counts.span, SCORE_BINS, self._bins[kept])
        self._kept += len(scores)
        self._n += len(scores)
        if edges is not None:
            kernel.count_grades(scores, np.ascontiguousarray(edges), counts.grades)
        if counts.ahead is not None:
            kernel.count_pairs(ranks, self._own, self._others, counts.ahead)
        return ranks

    def _count_kept(self) -> None:
        """Count the ranks and bins that were kept; a histogram is walked through once for all of them."""
        kernel.count_ranks(self._ranks[: self._kept], self._counts.ranks, self._shift)
        kernel.count_ranks(self._bins[: self._kept], self._counts.scores, 0)
        self._kept = 0

    def finish(self) -> Counts:
        """Return everything counted."""
        self._count_kept()
        return replace(self._counts, n=self._n)
