"""What counted replications say of each unit: where it stands, how far it may move, how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.robust.counts import Array, Counts

Ints = NDArray[np.int64]

TOP = 10
OFTEN = 0.95  # a unit ranked in a smaller share of the replications is in no list of units and in no verdict
_BLOCK = 256  # rows at once, so that the histogram of many units is not copied whole


def p_top(counts: Counts, k: int = TOP) -> Array:
    """Return the share of the replications in which each unit was among the first `k`.

    Parameters
    ----------
    counts : Counts
    k : int

    Returns
    -------
    array (n_units,), 0..1
        Of the replications in which the unit had a rank; NaN for a unit that never had one. Tied units share
        the smallest rank, so that more than `k` of them may be among the first `k`. Where a bin holds several
        ranks and `k` cuts through it, it counts with its share.

    Examples
    --------
    >>> from dataclasses import replace
    >>> counts = replace(Counts.empty(2, 0, (0.0, 1.0)), n=4, ranks=np.array([[3, 1], [1, 3]], np.uint32))
    >>> p_top(counts, 1)
    array([0.75, 0.25])
    """
    return share(at_most(counts, np.full(len(counts.ranks), k, np.int64)), counts.ranked)


def summary(
    counts: Counts,
    units: Sequence[str],
    published: NDArray[np.integer],
    grade_ids: Sequence[str] = (),
    top: int = TOP,
) -> pl.DataFrame:
    """Return where each unit stands over all replications, beside its published rank.

    Parameters
    ----------
    counts : Counts
    units : sequence of str
        The codes (or neutral names) of the rows.
    published : (n_units,) int
        0 = no rank.
    grade_ids : sequence of str
        From the best class to the worst, as the columns of `Counts.grades`.
    top : int
        The k of ``p_top``.

    Returns
    -------
    DataFrame
        In the order of the published ranks, units without one last: ``unit_code, rank_published,
        rank_median, rank_p05, rank_p95``; ``p_grade_<id>`` for each class; ``rank_mean, rank_sd`` (with
        n - 1), ``rank_min, rank_max``; ``p_top``, see `p_top`; ``p_published_or_better``, the share with a
        rank no worse than the published one; ``mean_abs_shift``, the mean of |rank - published|;
        ``n_ranked``, in how many replications the unit had a rank; ``score_median, score_p05, score_p95``,
        exact to a 1,024th of the span.

        Quantiles are of type 7. Every figure is of the replications in which the unit had a rank (of grades,
        a grade); null, not 0, for a unit that never had one, and where a figure needs the published rank and
        there is none. Where a bin holds several ranks (above 8,192 units), its middle stands for them,
        ``rank_min`` and ``rank_max`` are its outer ends, and a share that cuts through it takes part of it.

    Examples
    --------
    >>> from dataclasses import replace
    >>> counts = replace(Counts.empty(2, 0, (0.0, 1.0)), n=4, ranks=np.array([[3, 1], [1, 3]], np.uint32))
    >>> found = summary(counts, ["a", "b"], np.array([1, 2]))
    >>> found.select("unit_code", "rank_published", "rank_median", "rank_mean", "mean_abs_shift").rows()
    [('a', 1, 1.0, 1.25, 0.25), ('b', 2, 2.0, 1.75, 0.25)]
    """
    ranked, known = counts.ranked, published > 0
    ranks, scores = (
        quantiles([0.5, 0.05, 0.95]).T for quantiles in (counts.rank_quantiles, counts.score_quantiles)
    )
    mean, middle = counts.mean_ranks(), _middles(counts)
    squares = _expected(counts, lambda rows: (middle - mean[rows, None]) ** 2)
    shifts = _expected(counts, lambda rows: np.abs(middle - published[rows, None]))
    graded = counts.grades.sum(axis=1, dtype=np.int64)
    first, last = _outermost(counts)
    names = ("median", "p05", "p95")
    columns = {
        **{f"rank_{name}": one for name, one in zip(names, ranks, strict=True)},
        **{f"p_grade_{grade}": share(n, graded) for grade, n in zip(grade_ids, counts.grades.T, strict=True)},
        "rank_mean": mean,
        "rank_sd": np.sqrt(share(squares, ranked - 1)),
        "rank_min": first,
        "rank_max": last,
        "p_top": p_top(counts, top),
        "p_published_or_better": np.where(known, share(at_most(counts, published), ranked), np.nan),
        "mean_abs_shift": np.where(known, share(shifts, ranked), np.nan),
        "n_ranked": ranked,
        **{f"score_{name}": one for name, one in zip(names, scores, strict=True)},
    }
    given = {"unit_code": pl.Series(units, dtype=pl.String), "rank_published": whole(published)}
    whole_numbers = {name: whole(columns[name]) for name in ("rank_min", "rank_max")}
    frame = pl.DataFrame(given | {name: nullable(one) for name, one in columns.items()} | whole_numbers)
    return frame.sort("rank_published", "unit_code", nulls_last=True)


def rank_stability(counts: Counts, units: Sequence[str]) -> pl.DataFrame:
    """Return how far the rank of each unit is open, the surest first.

    Parameters
    ----------
    counts : Counts
    units : sequence of str

    Returns
    -------
    DataFrame
        ``unit_code, rank_p05, rank_p95``; ``rank_width``, the second less the first: how many places the
        middle 90 % of the replications span; ``rank_entropy`` in bits, ``-Σ p log₂ p`` over the ranks it had
        (over bins where these hold several); ``n_ranked``, ``p_ranked``. By width, then entropy, then the
        median of its ranks, then code. Units ranked in under 95 % of the replications are not in it: what is
        open about them is whether they have a rank at all.

    Notes
    -----
    The width says in places what a reader can look up in the ranking; the entropy parts the many units of
    one width, and tells a unit that is either third or ninth (1 bit) from one that may be anything between
    (2.8 bits). 2 to the power of the entropy is the number of equally likely ranks that would be as open. The
    entropy of n replications is too low by about (number of ranks - 1) / (2 n ln 2) bits. The first and the
    last of a ranking have only one side to move to, and so come out surer than the middle.

    Source: Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x.

    Examples
    --------
    >>> from dataclasses import replace
    >>> counts = replace(Counts.empty(2, 0, (0.0, 1.0)), n=4, ranks=np.array([[2, 2], [0, 4]], np.uint32))
    >>> rank_stability(counts, ["a", "b"]).select("unit_code", "rank_width", "rank_entropy").rows()
    [('b', 0.0, 0.0), ('a', 1.0, 1.0)]
    """
    from scipy.special import entr  # noqa: PLC0415 - slow to import

    low, median, high = counts.rank_quantiles([0.05, 0.5, 0.95]).T
    ranked = counts.ranked
    bits = np.full(len(ranked), np.nan)
    for rows in _blocks(len(ranked)):
        shares = share(counts.ranks[rows], ranked[rows, None])
        bits[rows] = entr(shares).sum(axis=1) / np.log(2) + 0.0  # no -0.0
    bits = np.round(bits, 12)  # the same shares at other ranks are a tie
    columns = {
        "rank_p05": low, "rank_p95": high, "rank_width": np.round(high - low, 9), "rank_entropy": bits,
        "n_ranked": ranked, "p_ranked": share(ranked, np.full(len(ranked), counts.n)),
    }  # fmt: skip
    named = {"unit_code": pl.Series(units, dtype=pl.String)}
    frame = pl.DataFrame(named | {name: nullable(one) for name, one in columns.items()})
    frame = frame.sort("rank_width", "rank_entropy", pl.lit(pl.Series(median)), "unit_code")
    return frame.filter(pl.col("p_ranked") >= OFTEN)


def stable(counts: Counts, units: Sequence[str], k: int = 5) -> pl.DataFrame:
    """Return the `k` units whose ranks are surest, the surest first: the first rows of `rank_stability`."""
    return rank_stability(counts, units).head(k)


def disputable(counts: Counts, units: Sequence[str], k: int = 5) -> pl.DataFrame:
    """Return the `k` units whose ranks are most open, the most open first; as `rank_stability`.

    Units that are as open as each other stand by the median of their ranks there too, then by code.
    """
    frame = rank_stability(counts, units)
    return frame.sort("rank_width", "rank_entropy", descending=True, maintain_order=True).head(k)


def at_most(counts: Counts, limits: NDArray[np.integer]) -> Array:
    """Return how often each unit had its own rank of `limits` or a better one ``(n_units,)``."""
    found = np.zeros(len(limits))
    n_units, n_bins = counts.ranks.shape
    for row, limit in enumerate(np.clip(limits, 0, n_units).tolist()):
        full, part = divmod(limit, counts.width)
        found[row] = counts.ranks[row, :full].sum(dtype=np.int64)
        if part and full < n_bins:  # the last bin may hold fewer ranks than the others
            found[row] += counts.ranks[row, full] * part / min(counts.width, n_units - full * counts.width)
    return found


def share(part: NDArray[np.generic], of: NDArray[np.integer]) -> Array:
    """Return ``part / of``; NaN where `of` is not above 0."""
    found = np.full(np.broadcast_shapes(part.shape, of.shape), np.nan)
    np.divide(part, of, out=found, where=of > 0)
    return found


def nullable(values: NDArray[np.generic]) -> pl.Series:
    """Return a column in which NaN is null."""
    found = pl.Series(values)
    return found.fill_nan(None) if found.dtype.is_float() else found


def whole(values: NDArray[np.generic]) -> pl.Series:
    """Return a column of whole numbers in which 0 and NaN are null, as ranks have it."""
    return nullable(values).replace(0, None).cast(pl.Int64)


def by_rank(units: Sequence[str], published: NDArray[np.integer]) -> list[int]:
    """Return the rows in the order of their published ranks, then codes; those without a rank last."""
    return sorted(range(len(units)), key=lambda i: (published[i] or np.inf, units[i]))


def _middles(counts: Counts) -> Array:
    """Return the rank that each bin stands for."""
    return np.asarray(np.arange(counts.ranks.shape[1]) * counts.width + (counts.width + 1) / 2)


def _blocks(n: int) -> list[slice]:
    return [slice(first, first + _BLOCK) for first in range(0, n, _BLOCK)]


def _expected(counts: Counts, worth: Callable[[slice], Array]) -> Array:
    """Return the sum, over the replications of each unit, of what its ranks are worth to some rows."""
    sums = np.zeros(len(counts.ranks))
    for rows in _blocks(len(sums)):
        sums[rows] = np.einsum("ij,ij->i", counts.ranks[rows], worth(rows))
    return sums


def _outermost(counts: Counts) -> tuple[Ints, Ints]:
    """Return the smallest and the largest rank of each unit; 0 = never ranked."""
    n_units, n_bins = counts.ranks.shape
    had = counts.ranks > 0
    if not had.size:
        return np.zeros(n_units, np.int64), np.zeros(n_units, np.int64)
    ever = had.any(axis=1)
    first = np.where(ever, had.argmax(axis=1) * counts.width + 1, 0)
    last = np.where(ever, (n_bins - had[:, ::-1].argmax(axis=1)) * counts.width, 0)
    return first, np.minimum(last, n_units)
