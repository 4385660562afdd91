"""What replications came to, as whole numbers that add up to the same bits in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.uint32]

SCORE_BINS = 1024
EXACT = 8192  # units up to which every rank has a bin of its own
PAIRS = 256  # units up to which pairs are counted


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each unit had which rank, score and grade, and stood ahead of which other.

    Attributes
    ----------
    n : int
        Replications counted.
    ranks : (n_units, n_bins) uint32
        Column j counts the ranks ``j * width + 1`` to ``(j + 1) * width``. A replication in which a unit has
        no score is in no column.
    width : int
        1 up to 8,192 units, so that every rank is counted by itself.
    scores : (n_units, 1024) uint32
        In equal bins from `span[0]` to `span[1]`; the outer bins hold what lies beyond as well.
    span : pair of float
    grades : (n_units, n_grades) uint32
        Columns from the best class to the worst; no column without a scale.
    ahead : (n_units, n_units) uint32 or None
        How often the unit of the row had a better rank than that of the column; None above 256 units.
    """

    n: int
    ranks: Whole
    width: int
    scores: Whole
    span: tuple[float, float]
    grades: Whole
    ahead: Whole | None

    @classmethod
    def empty(cls, n_units: int, n_grades: int, span: tuple[float, float]) -> Counts:
        """Return the counts of no replication."""
        width = bin_width(n_units)
        return cls(
            0,
            np.zeros((n_units, -(-n_units // width)), np.uint32),
            width,
            np.zeros((n_units, SCORE_BINS), np.uint32),
            span,
            np.zeros((n_units, n_grades), np.uint32),
            np.zeros((n_units, n_units), np.uint32) if n_units <= PAIRS else None,
        )

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both; they must be of the same units, bins and grades."""
        mine, theirs = (
            (each.width, each.span, each.ranks.shape, each.grades.shape) for each in (self, other)
        )
        if mine != theirs:
            raise ValueError("counts with other bins cannot be added")
        ahead = None if self.ahead is None or other.ahead is None else self.ahead + other.ahead
        return replace(
            self,
            n=self.n + other.n,
            ranks=self.ranks + other.ranks,
            scores=self.scores + other.scores,
            grades=self.grades + other.grades,
            ahead=ahead,
        )

    def of_rows(self, rows: NDArray[np.intp]) -> Counts:
        """Return the counts with the units in another order."""
        ahead = None if self.ahead is None else self.ahead[np.ix_(rows, rows)]
        return replace(
            self, ranks=self.ranks[rows], scores=self.scores[rows], grades=self.grades[rows], ahead=ahead
        )

    @property
    def ranked(self) -> NDArray[np.int64]:
        """In how many replications each unit had a rank ``(n_units,)``."""
        return np.asarray(self.ranks.sum(axis=1, dtype=np.int64))

    @property
    def _middles(self) -> Array:
        """The rank that each bin stands for."""
        return np.asarray(np.arange(self.ranks.shape[1]) * self.width + (self.width + 1) / 2, np.float64)

    def rank_quantiles(self, probabilities: Sequence[float]) -> Array:
        """Return quantiles of the ranks of each unit, exact where every rank has a bin of its own.

        Parameters
        ----------
        probabilities : sequence of float, 0..1

        Returns
        -------
        array (n_units, n_probabilities)
            Type 7 of Hyndman and Fan 1996 (doi:10.1080/00031305.1996.10473566), that of R and NumPy, over the
            replications with a rank; NaN for a unit that never had one. Where a bin holds several ranks, its
            middle stands for them.
        """
        return histogram_quantiles(self.ranks, self._middles, probabilities)

    def score_quantiles(self, probabilities: Sequence[float]) -> Array:
        """Return quantiles of the scores, exact to the width of a bin: a 1,024th of `span`."""
        low, high = self.span
        middle = low + (np.arange(SCORE_BINS) + 0.5) * (high - low) / SCORE_BINS
        return histogram_quantiles(self.scores, np.asarray(middle, np.float64), probabilities)

    def mean_ranks(self) -> Array:
        """Return the mean rank of each unit ``(n_units,)``; NaN for a unit that never had one."""
        ranked = self.ranked
        total = np.einsum("ij,j->i", self.ranks, self._middles)
        return np.asarray(np.divide(total, ranked, out=np.full(ranked.shape, np.nan), where=ranked > 0))

    def save(self, path: Path, units: Sequence[str], grades: Sequence[str]) -> None:
        """Write everything as a NumPy archive that needs no pickle; the rows are the `units`."""
        more: dict[str, Any] = {} if self.ahead is None else {"ahead": self.ahead}
        np.savez_compressed(
            path,
            unit_code=np.array(units, dtype=np.str_),
            grade=np.array(grades, dtype=np.str_),
            n=np.int64(self.n),
            ranks=self.ranks,
            width=np.int64(self.width),
            scores=self.scores,
            span=np.array(self.span),
            grades=self.grades,
            **more,
        )

    @classmethod
    def load(cls, path: Path) -> Counts:
        """Return what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            return cls(
                int(data["n"]), data["ranks"], int(data["width"]), data["scores"],
                (float(data["span"][0]), float(data["span"][1])), data["grades"],
                data.get("ahead", None),
            )  # fmt: skip


def bin_width(n_units: int) -> int:
    """Return how many ranks share a bin: the smallest power of 2 that makes no more than 8,192 bins."""
    width = 1
    while n_units > EXACT * width:
        width *= 2
    return width


def histogram_quantiles(counts: Whole, middle: Array, probabilities: Sequence[float]) -> Array:
    """Return quantiles of type 7 of counted values.

    Parameters
    ----------
    counts : (n_rows, n_bins) unsigned int
    middle : (n_bins,) float
        The value that each bin stands for, rising.
    probabilities : sequence of float, 0..1

    Returns
    -------
    array (n_rows, n_probabilities)
        NaN in a row without any count.

    Examples
    --------
    >>> histogram_quantiles(np.array([[1, 2, 0, 1]], np.uint32), np.array([1.0, 2, 3, 4]), [0.5, 0.9])
    array([[2. , 3.4]])
    """
    total = counts.sum(axis=1, dtype=np.int64)
    found = np.full((len(counts), len(probabilities)), np.nan)
    for row in np.flatnonzero(total):
        reached = np.cumsum(counts[row], dtype=np.int64)
        place = (total[row] - 1) * np.asarray(probabilities, float)
        below = np.floor(place + 1e-9 * (place - np.floor(place) > 1 - 1e-9))
        at = [np.searchsorted(reached, np.minimum(below + step, total[row] - 1), "right") for step in (0, 1)]
        low, high = middle[at[0]], middle[at[1]]
        found[row] = low + np.clip(place - below, 0, 1) * (high - low)
    return found
