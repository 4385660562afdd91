"""Whether a unit's change of rank between two periods is more than what methods and errors make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.robust.answers import Ints, nullable, share, whole
from citygauge.analyse.robust.answers_pairs import TOLD
from citygauge.analyse.robust.counts import Counts, Whole

Verdict = Literal["better", "worse", "same", "unclear"]

_BLOCK = 256  # rows at once, so that the histograms of many units are not copied whole


@dataclass(frozen=True, eq=False)
class Period:
    """The replications of one period.

    Attributes
    ----------
    counts : Counts
    units : sequence of str
        The codes of its rows.
    published : (n_units,) int
        0 = no rank.
    """

    counts: Counts
    units: Sequence[str]
    published: NDArray[np.integer]


def change(before: Period, after: Period, paired: Whole | None = None) -> pl.DataFrame:
    """Return how likely each unit is to have a better, a worse or the same rank as in an earlier period.

    Parameters
    ----------
    before, after : Period
    paired : (n_units, 2 m - 1) unsigned int, optional
        How often the rank in `after` less that in `before` was -(m - 1) … m - 1, in replications that drew
        the same for both periods; the rows are the units of `after`. Without it, the two periods are taken
        as drawn independently.

    Returns
    -------
    DataFrame
        One row for each unit of either period, in the order of the published ranks of `after`, then of
        `before`: ``unit_code, rank_before, rank_after`` as published; ``rank_change`` = before - after
        (positive = up); ``median_before, median_after`` over the replications; ``p_better``, ``p_same``,
        ``p_worse``, which add up to 1; ``verdict``: that of the three which has at least 0.95, else
        ``unclear``. Null where a unit lacks a rank in either.

    Raises
    ------
    ValueError
        When `paired` has other rows than `after`, or no middle.

    Notes
    -----
    Without pairs, ``p_better = Σ P(after = r) P(before > r)``, from whole numbers, without rounding. With
    pairs, the share of the replications with a better rank, among those with both.

    Pairing matters: a choice of method (these weights, that normalisation) holds for both periods alike. A
    unit that is second under one choice and ninth under the other, in both periods, has not moved under
    either; drawn independently it seems to have risen in a quarter of the cases and fallen in another. So
    independent draws overstate the doubt about a change wherever ranks depend on the same choices in both
    periods; they are right for errors of data that are new in each period.

    Ranks are among the units of their period: where units came or went, run both periods over the units that
    they share. Where bins hold several ranks (above 8,192 units), ranks of one bin are the same rank.

    Examples
    --------
    >>> from dataclasses import replace
    >>> empty, places = Counts.empty(2, 0, (0.0, 1.0)), np.array([2, 1])
    >>> one = Period(replace(empty, n=4, ranks=np.array([[0, 4], [4, 0]], np.uint32)), ["a", "b"], places)
    >>> two = Period(replace(empty, n=4, ranks=np.array([[1, 3], [3, 1]], np.uint32)), ["a", "b"], places)
    >>> change(one, two).select("unit_code", "p_better", "p_same", "p_worse", "verdict").rows()
    [('b', 0.0, 0.75, 0.25, 'unclear'), ('a', 0.25, 0.75, 0.0, 'unclear')]
    """
    units = list(dict.fromkeys([*after.units, *before.units]))
    rows_before, rows_after = (_rows(period, units) for period in (before, after))
    here = np.flatnonzero((rows_before >= 0) & (rows_after >= 0))
    better, same, total = np.zeros((3, len(units)), np.int64)
    if paired is None:
        better[here], same[here], total[here] = _independent(
            before.counts, after.counts, rows_before[here], rows_after[here]
        )
    else:
        if len(paired) != len(after.units) or paired.shape[1] % 2 == 0:
            raise ValueError("pairs need a row for each unit of the later period, and a middle column")
        middle, rows = paired.shape[1] // 2, rows_after[here]
        better[here] = paired[:, :middle].sum(axis=1, dtype=np.int64)[rows]
        same[here] = paired[rows, middle]
        total[here] = paired.sum(axis=1, dtype=np.int64)[rows]
    chances = {"better": better, "same": same, "worse": total - better - same}
    shares = {verdict: share(n, total) for verdict, n in chances.items()}
    ranks = [_of(period.published, rows) for period, rows in ((before, rows_before), (after, rows_after))]
    medians = [
        _of(period.counts.rank_quantiles([0.5])[:, 0], rows)
        for period, rows in ((before, rows_before), (after, rows_after))
    ]
    first, last = (whole(each) for each in ranks)
    frame = pl.DataFrame(
        {
            "unit_code": pl.Series(units, dtype=pl.String),
            "rank_before": first, "rank_after": last, "rank_change": first - last,
            "median_before": nullable(medians[0]), "median_after": nullable(medians[1]),
            **{f"p_{verdict}": nullable(each) for verdict, each in shares.items()},
        }
    )  # fmt: skip
    sure = [pl.when(pl.col(f"p_{code}") >= TOLD).then(pl.lit(code)) for code in chances]
    unclear = pl.when(pl.col("p_same").is_not_null()).then(pl.lit("unclear"))
    return frame.with_columns(verdict=pl.coalesce(*sure, unclear)).sort(
        "rank_after", "rank_before", "unit_code", nulls_last=True
    )


def _rows(period: Period, units: Sequence[str]) -> Ints:
    """Return the row of each unit in a period; -1 = not in it."""
    at = {unit: row for row, unit in enumerate(period.units)}
    return np.array([at.get(unit, -1) for unit in units], np.int64)


def _of(values: NDArray[np.generic], rows: Ints) -> NDArray[np.float64]:
    """Return the values of the rows; NaN for units that are not in the period."""
    found = np.full(len(rows), np.nan)
    found[rows >= 0] = values[rows[rows >= 0]]
    return found


def _independent(
    before: Counts, after: Counts, rows_before: Ints, rows_after: Ints
) -> tuple[Ints, Ints, Ints]:
    """Return of how many pairs of replications the later has the better, and the same rank, and all."""
    width = max(before.width, after.width)
    n_bins = max(-(-each.ranks.shape[1] * each.width // width) for each in (before, after))
    better, same, total = np.zeros((3, len(rows_before)), np.int64)
    for first in range(0, len(rows_before), _BLOCK):
        block = slice(first, first + _BLOCK)
        old = _binned(before, rows_before[block], width, n_bins)
        new = _binned(after, rows_after[block], width, n_bins)
        of_old = old.sum(axis=1)
        better[block] = np.einsum("ij,ij->i", new, of_old[:, None] - np.cumsum(old, axis=1))
        same[block] = np.einsum("ij,ij->i", new, old)
        total[block] = of_old * new.sum(axis=1)
    return better, same, total


def _binned(counts: Counts, rows: Ints, width: int, n_bins: int) -> Ints:
    """Return rows of the histogram in `n_bins` bins of `width` ranks each, a multiple of their own."""
    several = width // counts.width
    found = np.zeros((len(rows), n_bins * several), np.int64)
    found[:, : counts.ranks.shape[1]] = counts.ranks[rows]
    return np.asarray(found.reshape(len(rows), n_bins, several).sum(axis=2))
