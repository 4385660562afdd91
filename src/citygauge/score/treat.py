"""Outliers: winsorise a few points, or transform, where skewness and kurtosis say a column is not usable.

Source: COINr, ``Treat`` (Becker et al. 2022, doi:10.21105/joss.04567); the rule of the two limits follows
the JRC's practice (skewness 2, kurtosis 3.5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a column fails: ``|skewness| >= skew`` and ``kurtosis >= kurtosis`` (excess, both adjusted)."""

    skew: float = 2.0
    kurtosis: float = 3.5

    def fail(self, skewness: float, kurtosis: float) -> bool:
        """Tell whether a column with these moments fails; one whose moments are undefined passes."""
        return abs(skewness) >= self.skew and kurtosis >= self.kurtosis


def moments(values: Array) -> tuple[Array, Array]:
    """Return the adjusted skewness and excess kurtosis of every column.

    Parameters
    ----------
    values : (n_units, n_columns) float
        NaN is left out.

    Returns
    -------
    skewness, kurtosis : arrays (n_columns,)
        "Type 2" as in Excel and SAS (Joanes and Gill 1998, doi:10.1111/1467-9884.00122); NaN for a column
        without spread or with too few values (3 and 4).
    """
    n = (~np.isnan(values)).sum(axis=0).astype(float)
    with np.errstate(all="ignore"):
        centred = values - np.nansum(values, axis=0) / n
        m2, m3, m4 = (np.nansum(centred**power, axis=0) / n for power in (2, 3, 4))
        spread = m2 > (1e-14 * np.nanmax(np.abs(values), axis=0, initial=0.0)) ** 2
        skewness = m3 / m2**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
        kurtosis = ((n + 1) * (m4 / m2**2 - 3) + 6) * (n - 1) / ((n - 2) * (n - 3))
    return np.where(spread & (n > 2), skewness, np.nan), np.where(spread & (n > 3), kurtosis, np.nan)


def fails(column: Array, limits: Limits) -> bool:
    """Return whether a column ``(n_units,)`` fails the limits."""
    skewness, kurtosis = moments(column[:, None])
    return limits.fail(skewness[0], kurtosis[0])


def winsorise(column: Array, max_points: int, limits: Limits) -> tuple[Array, NDArray[np.int8]]:
    """Return the column with its extreme points pulled in until it passes or `max_points` are treated.

    With positive skewness the maximum is set to the next lower value, else the minimum to the next higher
    one. Points that tie at the extreme move together and count each, so the limit can be passed.

    Returns
    -------
    values : (n_units,) float
    moved : (n_units,) int
        1 where a high, -1 where a low point was moved.

    Examples
    --------
    >>> values, moved = winsorise(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 99]), 5, Limits())
    >>> values[-1], moved[-1]
    (np.float64(9.0), np.int8(1))
    """
    values, moved = column.copy(), np.zeros(column.shape, np.int8)
    while np.count_nonzero(moved) < max_points and fails(values, limits):
        high = moments(values[:, None])[0][0] >= 0
        extreme = np.nanmax(values) if high else np.nanmin(values)
        at = values == extreme
        rest = values[~at & ~np.isnan(values)]
        values[at] = rest.max() if high else rest.min()
        moved[at] = 1 if high else -1
    return values, moved


def log(column: Array) -> Array:
    """Return ``ln(x - min + 0.01 (max - min))``, defined for values of any sign (COINr, ``log_CT``)."""
    low, high = np.nanmin(column), np.nanmax(column)
    return np.asarray(np.log(column - low + 0.01 * (high - low)))


TRANSFORMS: dict[str, Callable[[Array], Array]] = {"log": log}


@dataclass(frozen=True, slots=True)
class Treated:
    """The outcome for one column.

    `words` says per value what happened (``""``, ``winhi``, ``winlo`` or the name of a transform); a
    column that still fails has `passes` False.
    """

    values: Array
    words: NDArray[np.str_]
    passes: bool


def winsorise_then(column: Array, max_points: int, limits: Limits, then: str | None) -> Treated:
    """Return the column winsorised, or transformed where winsorising does not make it pass.

    Parameters
    ----------
    column : (n_units,) float
        NaN stays NaN.
    max_points : int
        Number of points that may be winsorised.
    then : str or None
        Name of a transform in `TRANSFORMS`, applied to the **untreated** column.
    """
    values, moved = winsorise(column, max_points, limits)
    words = np.select([moved == 1, moved == -1], ["winhi", "winlo"], "")
    passes = not fails(values, limits)
    if passes or then is None:
        return Treated(values, words, passes)
    return transformed(column, limits, then)


def transformed(column: Array, limits: Limits, how: str) -> Treated:
    """Return the column transformed by one of `TRANSFORMS`."""
    values = TRANSFORMS[how](column)
    words = np.where(np.isnan(column), "", how)
    return Treated(values, words, not fails(values, limits))
