"""What each indicator looks like over all units: location, spread, shape, gaps, zeros, ties, and flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed
from citygauge.analyse.step_table import Step, chosen_codes, step_table
from citygauge.collect.observations import STATES
from citygauge.framework.model import Framework
from citygauge.indicators.table import IMPUTED, VALUE, Table
from citygauge.result import Result
from citygauge.score.rank import rounded
from citygauge.score.treat import Limits, moments

Array = NDArray[np.float64]

QUANTILES = {"q5": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a column is flagged; the defaults are those of COINr's ``get_stats``, zeros the other way round.

    Attributes
    ----------
    min_available : float
        Least share of units with a value, among those to which the indicator applies; 0..1.
    max_zeros : float
        Largest share of the values that may be zero; 0..1.
    min_unique : float
        Least share of different values among the values; 0..1.
    outliers : Limits
        Skewness and kurtosis from which on a column has outliers, if it reaches both.
    """

    min_available: float = 0.65
    max_zeros: float = 0.5
    min_unique: float = 0.5
    outliers: Limits = field(default_factory=Limits)


def indicator_statistics(
    result: Result,
    step: Step = "derived",
    thresholds: Thresholds | None = None,
    codes: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return the statistics of every indicator at a step.

    Parameters
    ----------
    result : Result
    step : str
        ``raw``, ``derived`` (divided by the denominators), ``screened``, ``imputed``, ``treated``,
        ``normalised`` or ``aggregated``; see `step_table`.
    thresholds : Thresholds, optional
    codes : sequence of str, optional
        Nodes; by default all leaves.

    Returns
    -------
    DataFrame
        See `table_statistics`; with a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-choice``, ``analyse.not-at-step``, ``compare.unknown-node``.

    Examples
    --------
    >>> indicator_statistics(result, "raw").filter("outliers")  # doctest: +SKIP
    """
    table = step_table(result, step)
    chosen = chosen_codes(table, result.framework, step, None, codes)
    frame = table_statistics(_columns(table, chosen), result.framework, thresholds or Thresholds())
    return noticed(frame, result)


def table_statistics(table: Table, framework: Framework, thresholds: Thresholds) -> pl.DataFrame:
    """Return the statistics of every column of a table.

    Parameters
    ----------
    table : Table
    framework : Framework
    thresholds : Thresholds

    Returns
    -------
    DataFrame
        ``code, level``; counts of units ``available, missing, not_measurable, not_applicable`` (which add up
        to all units) and ``imputed`` (of those available); ``zeros`` (imputed ones do not count), ``unique``
        (different values) and ``same`` (units that share the most frequent value); ``min, q5, q25, median,
        mean, q75, q95, max, sd, skew, kurtosis`` (see `statistics`); ``share_available`` of the units to
        which the indicator applies, ``share_zeros, share_unique, share_same`` of the values; the flags
        ``few_available, many_zeros, few_unique, outliers``. What cannot be said is null.
    """
    states = {word: (table.states == i).sum(axis=0) for i, word in enumerate(STATES)}
    is_imputed = (table.states == VALUE) & (table.origins == IMPUTED)
    unique, same = ties(table.values)
    counts = {
        "available": states.pop("value"), **states,
        "imputed": is_imputed.sum(axis=0),
        "zeros": ((table.values == 0) & ~is_imputed).sum(axis=0),
        "unique": unique, "same": same,
    }  # fmt: skip
    figures = statistics(table.values)
    moments_of = zip(figures["skew"].tolist(), figures["kurtosis"].tolist(), strict=True)
    available = pl.col("available")
    applicable = pl.sum_horizontal("available", "missing", "not_measurable")
    frame = pl.DataFrame(
        {
            "code": pl.Series(table.codes, dtype=pl.String),
            "level": pl.Series([framework.levels[code] for code in table.codes], dtype=pl.Int64),
            **{name: pl.Series(count, dtype=pl.Int64) for name, count in counts.items()},
            **{name: pl.Series(column).fill_nan(None) for name, column in figures.items()},
        }
    )
    shares = {
        "share_available": available / applicable,
        "share_zeros": pl.col("zeros") / available,
        "share_unique": pl.col("unique") / available,
        "share_same": pl.col("same") / available,
    }
    return frame.with_columns(**{name: share.fill_nan(None) for name, share in shares.items()}).with_columns(
        few_available=pl.col("share_available") < thresholds.min_available,
        many_zeros=pl.col("share_zeros") > thresholds.max_zeros,
        few_unique=pl.col("share_unique") < thresholds.min_unique,
        outliers=pl.Series([thresholds.outliers.fail(*each) for each in moments_of], dtype=pl.Boolean),
    )


def statistics(values: Array) -> dict[str, Array]:
    """Return location, spread and shape of every column.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN is left out.

    Returns
    -------
    dict of arrays (n_columns,)
        ``min, q5, q25, median, mean, q75, q95, max, sd, skew, kurtosis``, in the unit of the values but for
        the last two. Quantiles are of type 7 (Hyndman and Fan 1996, doi:10.1080/00031305.1996.10473566):
        linear between the order statistics at ``(n - 1) p``. `sd` divides by n - 1, 0 for equal values, NaN
        for fewer than two. `skew` and `kurtosis` are the adjusted ones of `score.treat.moments`, NaN for a
        column without spread and for fewer than three and four values. All are NaN where there is no value.

    Notes
    -----
    Source: COINr, ``get_stats`` (Becker et al. 2022, doi:10.21105/joss.04567).

    Examples
    --------
    >>> found = statistics(np.array([[1.0], [2.0], [3.0], [np.nan], [10.0]]))
    >>> found["mean"], found["median"], found["q25"]
    (array([4.]), array([2.5]), array([1.75]))
    """
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    least, most = (np.array(f.reduce(values, axis=0, initial=np.nan)) for f in (np.fmin, np.fmax))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / n
        sd = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / (n - 1))
    sd[n < 2] = np.nan
    sd[(n > 1) & (least == most)] = 0.0
    shares = list(QUANTILES.values())
    quantiles = np.full((len(shares), values.shape[1]), np.nan)
    for column in np.flatnonzero(n):
        quantiles[:, column] = np.quantile(values[known[:, column], column], shares)
    q5, q25, median, q75, q95 = quantiles
    skew, kurtosis = moments(values)
    return {
        "min": least, "q5": q5, "q25": q25, "median": median, "mean": mean, "q75": q75, "q95": q95,
        "max": most, "sd": sd, "skew": skew, "kurtosis": kurtosis,
    }  # fmt: skip


def ties(values: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many different values each column has, and how many units share the most frequent one.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN is left out. Values are compared as ranks are: after rounding to 2⁻⁴⁰ of the range.

    Returns
    -------
    unique, same : arrays (n_columns,) int
        Both 0 where there is no value.

    Examples
    --------
    >>> ties(np.array([[0.3], [0.1 + 0.2], [0.4], [np.nan]]))
    (array([2]), array([2]))
    """
    keys = rounded(values)
    counts = [np.unique(column[~np.isnan(column)], return_counts=True)[1] for column in keys.T]
    unique = np.array([each.size for each in counts], dtype=np.int64)
    return unique, np.array([each.max(initial=0) for each in counts], dtype=np.int64)


def _columns(table: Table, codes: Sequence[str]) -> Table:
    at = [table.codes.index(code) for code in codes]
    return Table(table.units, tuple(codes), table.values[:, at], table.states[:, at], table.origins[:, at])
