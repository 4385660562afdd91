"""What the scores of a node look like over all units, and which of its parts stand out."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from citygauge.analyse.compare import noticed
from citygauge.analyse.spread import coefficient_of_variation, gini
from citygauge.analyse.statistics import statistics
from citygauge.result import Result
from citygauge.score.rank import rank

_GAPS: dict[str, Any] = {
    "code": pl.String, "level": pl.Int64, "n_children": pl.Int64, "highest": pl.String,
    "highest_mean": pl.Float64, "lowest": pl.String, "lowest_mean": pl.Float64, "gap": pl.Float64,
}  # fmt: skip


def describe(result: Result) -> pl.DataFrame:
    """Return location, spread and inequality of every node's scores.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        ``code, level, n, mean, sd, cv, gini, min, p25, median, p75, max, gap``, one row for each node in tree
        order; `n` units have a score. `sd` divides by n - 1 and is null for fewer than two. `cv` is
        ``sd / mean``, null where the mean is not above 0 (`coefficient_of_variation`). `gini` is without
        small-sample correction, null for fewer than two, where any score is below 0 and where all are 0 (see
        `analyse.spread.gini`); both say little on scales whose zero is arbitrary. `p25`, `median` and `p75`
        are quantiles of type 7, linear between the order statistics at ``(n - 1) p`` (Hyndman and Fan 1996,
        doi:10.1080/00031305.1996.10473566). ``gap = max - min``. All are null where nobody has a score.

    Examples
    --------
    >>> describe(result).filter(level=1).sort("cv", descending=True)  # doctest: +SKIP
    """
    values, codes = result.aggregated.values, result.framework.codes
    found = statistics(values)
    columns = {
        "mean": found["mean"], "sd": found["sd"], "cv": coefficient_of_variation(found), "gini": gini(values),
        "min": found["min"], "p25": found["q25"], "median": found["median"], "p75": found["q75"],
        "max": found["max"], "gap": found["max"] - found["min"],
    }  # fmt: skip
    return pl.DataFrame(
        {
            "code": list(codes),
            "level": [result.framework.levels[code] for code in codes],
            "n": (~np.isnan(values)).sum(axis=0),
            **{name: pl.Series(column).fill_nan(None) for name, column in columns.items()},
        }
    )


def child_gaps(result: Result) -> pl.DataFrame:
    """Return for every parent the child with the highest and the one with the lowest mean score.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        ``code, level, n_children, highest, highest_mean, lowest, lowest_mean, gap``, one row for each node
        with children that count in its mean (bonuses, deductions and vetoes do not), in tree order.
        `n_children` of them have a score of any unit; each mean is over the units that have that child's
        score. Of several with the same mean, compared as in `score.rank.rank`, the first in tree order is
        named. ``gap = highest_mean - lowest_mean``; 0 with a single child, null with none. Means are
        comparable where the children are normalised onto one scale. With a `notice` on illustrative data.

    Examples
    --------
    >>> child_gaps(result).filter(level=0)  # doctest: +SKIP
    """
    framework = result.framework
    means = dict(describe(result).select("code", "mean").drop_nulls().iter_rows())
    rows = []
    for code in framework.aggregates:
        if not framework.counted(code):
            continue
        children = [child for child in framework.counted(code) if child in means]
        ends: list[Any] = [None] * 5
        if children:
            column = np.array([[means[child]] for child in children])
            high, low = (children[int(np.argmax(rank(each)[:, 0] == 1))] for each in (column, -column))
            ends = [high, means[high], low, means[low], means[high] - means[low]]
        rows.append((code, framework.levels[code], len(children), *ends))
    return noticed(pl.DataFrame(rows, _GAPS, orient="row"), result)
