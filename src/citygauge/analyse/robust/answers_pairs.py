"""Which of two units stands ahead, and which units a ranking can tell from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.robust.answers import by_rank, whole
from citygauge.analyse.robust.counts import PAIRS, Array, Counts

Which = Literal["all", "neighbours", "disputable", "surest"]

TOLD = 0.95  # from this share of the replications on, one unit is surely ahead of another

_PAIRS: dict[str, Any] = {
    "unit_code": pl.String, "other_code": pl.String, "rank_gap": pl.Int64, "p_ahead": pl.Float64,
}  # fmt: skip


def dominance(counts: Counts) -> Array:
    """Return the probability that the unit of the row stands ahead of that of the column.

    Parameters
    ----------
    counts : Counts
        With pairs counted, which is so up to 256 units.

    Returns
    -------
    array (n_units, n_units), 0..1
        ``(ahead + (n - ahead - aheadᵀ) / 2) / n``: a replication in which neither stands ahead, for a tie or
        because one of them had no rank, counts half for each, so that ``P(A, B) + P(B, A) = 1``. NaN on the
        diagonal, and in the rows and columns of units that never had a rank.

    Raises
    ------
    ValueError
        When pairs were not counted.

    Notes
    -----
    Ties and absences are not counted apart. Of a unit that is often without a rank, everything is therefore
    drawn towards one half, and it can be told from fewer others.

    Examples
    --------
    >>> from dataclasses import replace
    >>> ranks, ahead = np.array([[3, 1], [2, 2]], np.uint32), np.array([[0, 2], [1, 0]], np.uint32)
    >>> dominance(replace(Counts.empty(2, 0, (0.0, 1.0)), n=4, ranks=ranks, ahead=ahead))
    array([[  nan, 0.625],
           [0.375,   nan]])
    """
    if counts.ahead is None:
        raise ValueError(f"pairs are counted for up to {PAIRS} units; here there are {len(counts.ranks)}")
    ahead = counts.ahead.astype(np.int64)
    # Whole numbers up to the division: a share of exactly 0.95 is 0.95.
    found = np.divide(ahead - ahead.T + counts.n, 2 * max(counts.n, 1))
    never = counts.ranked == 0
    found[never] = found[:, never] = np.nan
    np.fill_diagonal(found, np.nan)
    return np.asarray(found)


def pairs(
    counts: Counts,
    units: Sequence[str],
    published: NDArray[np.integer],
    which: Which = "all",
    k: int | None = None,
) -> pl.DataFrame:
    """Return how likely the better placed of two units is to stand ahead of the other.

    Parameters
    ----------
    counts : Counts
        With pairs counted, which is so up to 256 units.
    units : sequence of str
    published : (n_units,) int
        0 = no rank.
    which : {"all", "neighbours", "disputable", "surest"}
        ``neighbours`` follow each other in the published ranking, in its order. ``disputable``: nearest to
        one half first; of pairs as near, the one that stands further apart in the ranking first. ``surest``:
        furthest from one half first; of pairs as far, the one that stands closer together first, for
        there it goes without saying least.
    k : int, optional
        The first so many; all by default.

    Returns
    -------
    DataFrame
        ``unit_code``, the unit with the better published rank (of two with the same, or with none, the first
        by code; a unit without a rank stands behind those with one), ``other_code``, ``rank_gap``, the
        difference of their published ranks, null without, and ``p_ahead``, see `dominance`; 1 less that is
        the probability of the other. Pairs with a unit that never had a rank in any replication are left out.

    Raises
    ------
    ValueError
        When pairs were not counted.

    Examples
    --------
    >>> from dataclasses import replace
    >>> ranks, ahead = np.array([[3, 1], [2, 2]], np.uint32), np.array([[0, 2], [1, 0]], np.uint32)
    >>> counts = replace(Counts.empty(2, 0, (0.0, 1.0)), n=4, ranks=ranks, ahead=ahead)
    >>> pairs(counts, ["a", "b"], np.array([2, 1])).rows()
    [('b', 'a', 1, 0.375)]
    """
    order = by_rank(units, published)
    found = dominance(counts)[np.ix_(order, order)]
    places = np.asarray(published, np.int64)[order]
    reached = np.triu(~np.isnan(found), 1)
    if which == "neighbours":
        reached &= np.eye(len(order), k=1, dtype=np.bool_) & (places > 0)
    one, other = np.nonzero(reached)
    both = (places[one] > 0) & (places[other] > 0)
    apart = places[other] - places[one]
    sure, far = np.abs(found[one, other] - 0.5), np.where(both, apart, len(order))
    at = np.arange(one.size)
    if which == "disputable":
        at = np.lexsort((-far, sure))
    elif which == "surest":
        at = np.lexsort((far, -sure))
    at = at[:k]
    names = np.asarray(units, dtype=object)[order]
    gaps = [int(gap) if there else None for gap, there in zip(apart[at], both[at], strict=True)]
    columns = (names[one[at]].tolist(), names[other[at]].tolist(), gaps, found[one[at], other[at]].tolist())
    return pl.DataFrame(dict(zip(_PAIRS, columns, strict=True)), schema=_PAIRS)


def told_apart(
    counts: Counts, units: Sequence[str], published: NDArray[np.integer], level: float = TOLD
) -> pl.DataFrame:
    """Return from how many others each unit can be told, and which units cannot be told apart.

    Parameters
    ----------
    counts : Counts
        With pairs counted, which is so up to 256 units.
    units : sequence of str
    published : (n_units,) int
        0 = no rank.
    level : float, above 0.5 and up to 1
        One unit can be told from another where one of the two stands ahead with at least this probability,
        see `dominance`.

    Returns
    -------
    DataFrame
        In the order of the published ranks: ``unit_code, rank_published``; of the other units,
        ``n_above`` that are surely ahead of it, ``n_below`` surely behind, ``n_unclear`` the rest;
        ``rank_best`` = n_above + 1 and ``rank_worst`` = n_above + n_unclear + 1, the places left to it;
        ``group``, counted from 1: the published order is cut wherever *every* unit above is surely ahead of
        *every* unit below, so that units of different groups are told apart; of one group, some may be. A
        unit that never had a rank in any replication has nulls and is nobody's other; one without a
        published rank has no group, and cuts nothing.

    Raises
    ------
    ValueError
        When pairs were not counted, and for a level that would let each be ahead of the other.

    Notes
    -----
    Places are counted as Mogstad, Romano, Shaikh and Wilhelm 2024 (doi:10.1093/restud/rdad006) count them for
    confidence sets of ranks. Theirs allow for errors of sampling, and for all comparisons at once; what is
    counted here are draws of methods and data, and each pair stands for itself, so this is no confidence set.

    Examples
    --------
    >>> from dataclasses import replace
    >>> ranks, ahead = np.array([[4, 0], [0, 4]], np.uint32), np.array([[0, 4], [0, 0]], np.uint32)
    >>> counts = replace(Counts.empty(2, 0, (0.0, 1.0)), n=4, ranks=ranks, ahead=ahead)
    >>> told_apart(counts, ["a", "b"], np.array([1, 2])).drop("rank_published").rows()
    [('a', 0, 1, 0, 1, 1, 1), ('b', 1, 0, 0, 2, 2, 2)]
    """
    if not 0.5 < level <= 1:
        raise ValueError(f"a level above 0.5 and up to 1 is needed, not {level}")
    order = by_rank(units, published)
    places = np.asarray(published, np.int64)[order]
    found = dominance(counts)[np.ix_(order, order)]
    never = counts.ranked[order] == 0
    above, below = ((sides >= level).sum(axis=1) for sides in (found.T, found))
    unclear = (~never).sum() - 1 - above - below
    grouped = np.flatnonzero((places > 0) & ~never)
    groups = np.zeros(len(order), np.int64)
    groups[grouped] = _groups(found[np.ix_(grouped, grouped)], level)
    counted = {
        "n_above": above, "n_below": below, "n_unclear": unclear,
        "rank_best": above + 1, "rank_worst": above + unclear + 1,
    }  # fmt: skip
    absent = pl.Series(never)
    return pl.DataFrame(
        {
            "unit_code": pl.Series([units[i] for i in order], dtype=pl.String),
            "rank_published": whole(places),
            **{name: pl.Series(each, dtype=pl.Int64).set(absent, None) for name, each in counted.items()},
            "group": whole(groups),
        }
    )


def _groups(found: Array, level: float) -> list[int]:
    """Return the group of each unit in order; a cut where all above are surely ahead of all below."""
    groups, group = [], 1
    for row in range(len(found)):
        if row and (found[:row, row:] >= level).all():
            group += 1
        groups.append(group)
    return groups
