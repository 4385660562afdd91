"""Tables of what lies inside the units: values that were rolled up, and scores by stratum."""

from __future__ import annotations

import numpy as np
import polars as pl

from citygauge.indicators.rollup import WITHOUT
from citygauge.result import Result


def rolled_up(result: Result) -> pl.DataFrame:
    """Return every value that a roll-up rule made, of things and of units.

    ``unit_code, stratum, subject, kind, code, value, state, subjects``; `stratum` is blank where there are
    none, `subject` for the unit itself; `subjects` is the number of known values that went into it.
    """
    stratum = pl.when(pl.col("stratum") != WITHOUT).then("stratum").alias("stratum")
    return result.rolled.frame.rename({"unit": "unit_code"}).with_columns(stratum)


def strata_scores(result: Result) -> pl.DataFrame:
    """Return the scores of each unit and node in each stratum: ``unit_code, stratum, code, level, value``."""
    levels = result.framework.levels
    frames = []
    for name, scored in result.strata.items():
        table = scored.aggregated
        values = pl.Series(table.values.ravel()).fill_nan(None)
        units = np.repeat(np.array(table.units, dtype=object), len(table.codes)).tolist()
        frames.append(
            pl.DataFrame(
                {
                    "unit_code": units,
                    "stratum": [name] * len(units),
                    "code": list(table.codes) * len(table.units),
                    "level": [levels[code] for code in table.codes] * len(table.units),
                    "value": values,
                }
            )
        )
    return pl.concat(frames)
