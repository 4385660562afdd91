"""Whether enough replications were drawn: how sure each figure is that was read off them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, log10
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.intervals import NORMAL_975
from citygauge.analyse.robust.answers import OFTEN, TOP, Ints, at_most, nullable, share
from citygauge.analyse.robust.counts import Array, Counts

QUANTILES = {"rank_p05": 0.05, "rank_median": 0.5, "rank_p95": 0.95}
RANK_WIDTH = 1.0
P_WIDTH = 0.02
RESERVE = 0.03
GAP = 0.1  # of what an interval spans: with less between its ends, a hundred times as many draws may not do

_Figure = tuple[str, Array, Array, Array, NDArray[np.bool_]]  # name, estimate, low, high, whether on a gap


@dataclass(frozen=True)
class Convergence:
    """Whether the figures stand still.

    Attributes
    ----------
    n : int
        Replications drawn.
    enough : bool
        Whether no interval that is judged is wider than it may be.
    needed : int
        About how many replications it takes; `n` where they are enough.
    table : DataFrame
        One row for each unit and figure, see `convergence`.
    """

    n: int
    enough: bool
    needed: int
    table: pl.DataFrame

    @property
    def verdict(self) -> Literal["enough", "draw more"]:
        """The answer as a code; the shells say it in words."""
        return "enough" if self.enough else "draw more"

    @cached_property
    def widest(self) -> pl.DataFrame:
        """The row of `table` with the widest interval of each figure, among the units that are judged."""
        found = self.table.filter("judged")
        found = found.filter(pl.col("width") == pl.col("width").max().over("figure"))
        return found.unique("figure", keep="first", maintain_order=True)


def convergence(
    counts: Counts,
    units: Sequence[str],
    grade_ids: Sequence[str] = (),
    top: int = TOP,
    tolerance: tuple[float, float] | None = None,
) -> Convergence:
    """Return 95 % intervals of what replications say of each unit, and whether these were enough.

    Parameters
    ----------
    counts : Counts
    units : sequence of str
    grade_ids : sequence of str
        As the columns of `Counts.grades`.
    top : int
        The k of ``p_top``.
    tolerance : (ranks, probability), both above 0, optional
        How wide an interval may be, from end to end: by default a hundredth of the ranking and at least 1
        rank, see `rank_tolerance`, and 0.02 (±0.01).

    Returns
    -------
    Convergence
        Its table: ``unit_code``; ``figure``, one of ``rank_p05, rank_median, rank_p95, p_grade_<id>,
        p_top``; ``estimate, low, high``; ``width`` = high - low; ``tolerance``; ``open``, whether a quantile
        lies on a gap between the ranks `low` and `high`, see below; ``judged``, whether the figure counts for
        the verdict and for ``needed``: it is not open, and the unit had a rank in at least 95 % of the
        replications, for of the others it is open whether they have a rank at all; ``enough``, whether the
        width is within tolerance; ``n_ranked``. Figures are null for a unit that never had a rank.

    Raises
    ------
    ValueError
        For a tolerance that is not above 0.

    Notes
    -----
    Of quantiles, see `quantile_intervals`; of probabilities, see `wilson`. ``needed`` goes by the rule that
    widths fall with 1/√n: n · max (width / tolerance)², and where nothing is judged, what a probability of
    one half takes, which is enough there; 3 % more, rounded up to two digits. It is a rough figure, for ranks
    are whole numbers, and their widths fall in steps; draw so many and ask again. The intervals are for
    replications drawn independently; those of quasi-random draws are on the safe side.

    A unit that is third or ninth, one half each, has no median that more replications would settle: it jumps
    from one to the other however many are drawn. ``open`` are quantiles of which that is so as far as can be
    seen: the interval is wider than tolerated, both its ends were drawn, and of the replications that it
    spans (`order_statistics`; about 3.9 √(n p (1-p))) fewer than a tenth lie strictly between the ranks at
    its ends. Such a rank is known: it is one of the two.

    Examples
    --------
    >>> from dataclasses import replace
    >>> ranks = np.array([[90, 10], [10, 90]], np.uint32)
    >>> found = convergence(replace(Counts.empty(2, 0, (0.0, 1.0)), n=100, ranks=ranks), ["a", "b"], top=1)
    >>> found.verdict, found.needed
    ('draw more', 3700)
    """
    n_units, ranked = len(counts.ranks), counts.ranked
    tolerance = tolerance or (rank_tolerance(n_units), P_WIDTH)
    if not all(each > 0 for each in tolerance):
        raise ValueError(f"tolerances must be above 0, not {tolerance}")
    figures = [*_quantiles(counts), *_shares(counts, grade_ids, top)]
    often = share(ranked, np.full(n_units, counts.n)) >= OFTEN
    frames = []
    for name, estimate, low, high, on_gap in figures:
        width, allowed = high - low, tolerance[name not in QUANTILES]
        is_open = on_gap & (width > allowed)
        columns = {
            "estimate": estimate, "low": low, "high": high, "width": width,
            "tolerance": np.full(n_units, allowed, float), "open": is_open, "judged": often & ~is_open,
            "enough": width <= allowed, "n_ranked": ranked,
        }  # fmt: skip
        named = {"unit_code": pl.Series(units, dtype=pl.String)}
        named |= {"figure": pl.Series([name] * n_units, dtype=pl.String)}
        frames.append(pl.DataFrame(named | {key: nullable(each) for key, each in columns.items()}))
    table = pl.concat(frames).with_columns(
        enough=pl.when(pl.col("width").is_not_null()).then("enough")
    )  # null, not false, of nothing
    widths = table.filter("judged")
    ratio = (widths["width"] / widths["tolerance"]).max()
    if isinstance(ratio, float):
        enough, least = ratio <= 1, _rounded(counts.n * ratio**2)
    else:
        least = _rounded((NORMAL_975 / tolerance[1]) ** 2)
        enough = counts.n >= least
    return Convergence(counts.n, enough, counts.n if enough else least, table)


def rank_tolerance(n_units: int) -> float:
    """Return how wide the interval of a quantile of ranks may be: a hundredth of the ranking, at least 1."""
    return max(RANK_WIDTH, n_units / 100)


def _rounded(n: float) -> int:
    """Return some more than `n`, lest what was asked for falls short by a hair."""
    n *= 1 + RESERVE
    digit = int(10 ** max(floor(log10(n)) - 1, 0))
    return ceil(n / digit) * digit


def _quantiles(counts: Counts) -> list[_Figure]:
    """Return the quantiles of the ranks by name, with their intervals."""
    asked = list(QUANTILES.values())
    found, (low, high) = counts.rank_quantiles(asked), quantile_intervals(counts, asked)
    gaps = _on_gaps(counts, asked)
    return [(name, found[:, i], low[:, i], high[:, i], gaps[:, i]) for i, name in enumerate(QUANTILES)]


def _shares(counts: Counts, grade_ids: Sequence[str], top: int) -> list[_Figure]:
    """Return the probabilities by name, with their intervals; they never lie on a gap."""
    graded = counts.grades.sum(axis=1, dtype=np.int64)
    asked = [
        (f"p_grade_{grade}", n.astype(float), graded)
        for grade, n in zip(grade_ids, counts.grades.T, strict=True)
    ]
    limits = np.full(len(counts.ranks), top, np.int64)
    asked.append(("p_top", at_most(counts, limits), counts.ranked))
    no_gap = np.zeros(len(counts.ranks), np.bool_)
    return [(name, share(part, of), *wilson(part, of), no_gap) for name, part, of in asked]


def _on_gaps(counts: Counts, probabilities: Sequence[float]) -> NDArray[np.bool_]:
    """Tell whether (nearly) nothing lies strictly between the ends of the interval of a quantile."""
    ranked = counts.ranked
    below, above = _ends(ranked, probabilities)
    drawn = (below > 0) & (above <= ranked[:, None])
    found = np.zeros(below.shape, np.bool_)
    for row in np.flatnonzero(drawn.any(axis=1)):
        reached = np.cumsum(counts.ranks[row], dtype=np.int64)
        first, last = (
            np.searchsorted(reached, np.clip(ends[row], 1, ranked[row])) for ends in (below, above)
        )
        between = reached[np.maximum(last - 1, 0)] - reached[first]
        found[row] = (last > first) & (between < GAP * (above[row] - below[row]))
    return found & drawn


def _ends(ranked: Ints, probabilities: Sequence[float]) -> tuple[Ints, Ints]:
    """Return the places of `order_statistics` of each unit, each ``(n_units, n_probabilities)``."""
    sizes, at = np.unique(ranked, return_inverse=True)
    low, high = np.stack([order_statistics(sizes, each) for each in probabilities], axis=-1)[:, at]
    return low, high


def order_statistics(n: Ints, probability: float) -> tuple[Ints, Ints]:
    """Return between which order statistics a quantile lies with at least 95 % probability.

    Parameters
    ----------
    n : (n_samples,) int
        Sizes of samples drawn independently.
    probability : float, above 0 and below 1
        Of the quantile.

    Returns
    -------
    low, high : arrays (n_samples,) int
        Counted from 1, of the values in rising order: with B binomial (n, p), low is the largest l with
        P(B < l) ≤ 0.025, and high the smallest u with P(B ≥ u) ≤ 0.025. 0 and n + 1 where no value of so
        small a sample is low or high enough: that side is open. With ties, as ranks have them, the
        probability is higher still.

    Notes
    -----
    Source: David and Nagaraja 2003, Order Statistics, 3rd ed., section 7.1, doi:10.1002/0471722162.

    Examples
    --------
    >>> order_statistics(np.array([10, 1000]), 0.5)
    (array([  2, 469]), array([  9, 532]))
    """
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    low, high = (np.asarray(binom.ppf(tail, n, probability), np.int64) for tail in (0.025, 0.975))
    return low, high + 1


def quantile_intervals(counts: Counts, probabilities: Sequence[float]) -> tuple[Array, Array]:
    """Return 95 % intervals of quantiles of the ranks of each unit.

    Parameters
    ----------
    counts : Counts
    probabilities : sequence of float, above 0 and below 1

    Returns
    -------
    low, high : arrays (n_units, n_probabilities)
        The ranks at the places of `order_statistics`; where a side is open, the first and the last rank that
        there is. Where a bin holds several ranks, its outer ends. NaN for a unit that never had a rank.

    Examples
    --------
    >>> from dataclasses import replace
    >>> ranks = np.array([[60, 40], [40, 60]], np.uint32)
    >>> quantile_intervals(replace(Counts.empty(2, 0, (0.0, 1.0)), n=100, ranks=ranks), [0.5])
    (array([[1.],
           [1.]]), array([[2.],
           [2.]]))
    """
    n_units, ranked = len(counts.ranks), counts.ranked
    ends = np.stack(_ends(ranked, probabilities))
    low, high = np.full((2, n_units, len(probabilities)), np.nan)
    for row in np.flatnonzero(ranked):
        reached = np.cumsum(counts.ranks[row], dtype=np.int64)
        below, above = ends[:, row]
        first, last = (np.searchsorted(reached, places) for places in (below, np.minimum(above, ranked[row])))
        low[row] = np.where(below > 0, first * counts.width + 1, 1)
        high[row] = np.where(above > ranked[row], n_units, np.minimum((last + 1) * counts.width, n_units))
    return low, high


def wilson(part: Array, of: NDArray[np.integer]) -> tuple[Array, Array]:
    """Return the ends of the 95 % interval of a probability of which `part` in `of` cases were seen.

    Parameters
    ----------
    part : array of float, 0..of
        Of any shape.
    of : array of int
        Of the same shape.

    Returns
    -------
    low, high : arrays, 0..1
        ``(p + z²/2n ∓ z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`` with z = 1.96; never of no width, also where
        nothing or everything was seen. NaN of no case.

    Notes
    -----
    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> low, high = wilson(np.array([81.0]), np.array([263]))
    >>> low.round(4), high.round(4)
    (array([0.2553]), array([0.3662]))
    """
    p, n = share(part, of), np.where(of > 0, of, np.nan)
    square = NORMAL_975**2
    centre = (p + square / (2 * n)) / (1 + square / n)
    reach = NORMAL_975 * np.sqrt(p * (1 - p) / n + square / (4 * n**2)) / (1 + square / n)
    low = np.where(part == 0, p, np.clip(centre - reach, 0.0, 1.0))
    return low, np.where(part == of, p, np.clip(centre + reach, 0.0, 1.0))
