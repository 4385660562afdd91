"""One factor at a time: how far each of its levels alone moves an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from citygauge.analyse.compare import number

_ROWS: dict[str, Any] = {
    "output": pl.String, "place": pl.Int64, "factor": pl.String, "level": pl.String, "value": pl.Float64,
    "shift": pl.Float64, "swing": pl.Float64,
}  # fmt: skip


def tornado(
    base: ArrayLike,
    outcomes: ArrayLike,
    factor_of: Sequence[str],
    level_of: Sequence[object],
    outputs: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return how far each level of each factor moves each output, the factor that moves it most first.

    Parameters
    ----------
    base : (n_outputs,) float
        The outputs with every factor as it is.
    outcomes : (n_runs, n_outputs) float
        The same of runs in which one factor alone stands at another level: all levels of a choice, the low
        and the high end of a number. NaN = no outcome.
    factor_of, level_of : (n_runs,) sequence
        The factor that a run changes, and its level there.
    outputs : (n_outputs,) sequence of str, optional
        Names; by default the numbers from 0.

    Returns
    -------
    DataFrame
        ``output, place, factor, level, value, shift, swing``, a row for each output and run. `shift` is the
        value less the base; `swing` the range of base and values over the levels of the factor, so that a
        factor that moves an output both ways has the sum of both. By output in the order given, then by
        swing, largest first; equal ones in the order of the runs. `place` counts the factors, those of one
        swing share the smallest (after rounding to 2⁻⁴⁰ of the largest). A factor without any outcome, and
        every factor of an output without a base, has neither shift nor swing nor place, and stands last.

    Raises
    ------
    ValueError
        When the shapes do not fit together.

    Notes
    -----
    Source: Eschenbach 1992, Spiderplots versus tornado diagrams for sensitivity analysis, Interfaces 22(6),
    40-46, doi:10.1287/inte.22.6.40. One factor at a time shows no interactions; the total order indices do.

    Examples
    --------
    >>> found = tornado([3.0], [[3.5], [1.0], [4.0]], ["treat", "P", "P"], ["none", "low", "high"])
    >>> found.select("place", "factor", "level", "shift", "swing").rows()
    [(1, 'P', 'low', -2.0, 3.0), (1, 'P', 'high', 1.0, 3.0), (2, 'treat', 'none', 0.5, 0.5)]
    """
    start, values = np.asarray(base, dtype=float), np.asarray(outcomes, dtype=float)
    names = [str(i) for i in range(start.size)] if outputs is None else list(outputs)
    runs = len(factor_of)
    if start.ndim != 1 or values.shape != (runs, start.size) or len(level_of) != runs:
        raise ValueError(f"outcomes {values.shape} must be runs ({runs}) × outputs ({start.size})")
    if len(names) != start.size:
        raise ValueError(f"{len(names)} names for {start.size} outputs")
    shifts = values - start
    factors = list(dict.fromkeys(factor_of))
    members = {factor: [i for i, of in enumerate(factor_of) if of == factor] for factor in factors}
    swings = np.stack([_swing(shifts[members[factor]]) for factor in factors]) if factors else shifts
    rows = []
    for column, name in enumerate(names):
        own = swings[:, column]
        scale = np.fmax.reduce(own, initial=0.0) * 2.0**-40
        steps = np.rint(own / scale) if scale > 0 else own
        order = sorted(range(len(factors)), key=lambda i: np.inf if np.isnan(steps[i]) else -steps[i])
        for i in order:
            place = None if np.isnan(own[i]) else 1 + int((steps > steps[i]).sum())
            rows += [
                (name, place, factors[i], str(level_of[run]), number(values[run, column]),
                 number(shifts[run, column]), number(own[i]))
                for run in members[factors[i]]
            ]  # fmt: skip
    return pl.DataFrame(rows, schema=_ROWS, orient="row")


def _swing(shifts: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the range of no shift and the shifts of each column; NaN where there is none."""
    known = ~np.isnan(shifts).all(axis=0)
    most, least = (each.reduce(shifts, axis=0, initial=0.0) for each in (np.fmax, np.fmin))
    return np.asarray(np.where(known, most - least, np.nan))
