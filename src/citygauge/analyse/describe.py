"""What the scores of a node look like over all units."""

from __future__ import annotations

import numpy as np
import polars as pl

from citygauge.result import Result


def describe(result: Result) -> pl.DataFrame:
    """Return number, mean, standard deviation, minimum and maximum of every node's scores.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        ``code, level, n, mean, sd, min, max``, one row for each node in tree order. `sd` divides by
        n - 1 and is null for fewer than two values; all are null where nobody has a score.
    """
    values = result.aggregated.values
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / n
        sd = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / (n - 1))
    sd[n < 2] = np.nan
    least, most = (np.array(f.reduce(values, axis=0, initial=np.nan)) for f in (np.fmin, np.fmax))
    columns = {"mean": mean, "sd": sd, "min": least, "max": most}
    codes = result.framework.codes
    return pl.DataFrame(
        {
            "code": list(codes),
            "level": [result.framework.levels[code] for code in codes],
            "n": n,
            **{name: pl.Series(column).fill_nan(None) for name, column in columns.items()},
        }
    )
