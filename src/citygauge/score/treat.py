"""Outliers: winsorise a few points, or transform, where skewness and kurtosis say a column is not usable.

Source: COINr, ``Treat`` (Becker et al. 2022, doi:10.21105/joss.04567); the rule of the two limits follows
the JRC's practice (skewness 2, kurtosis 3.5). Every transform is increasing, so that directions stand.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLAT = 1e-14  # a smaller deviation, as a share of the largest value, is a rounding error
NO_SKEW = 1e-9  # a smaller skewness is the rounding error of a symmetric column


@dataclass(frozen=True, slots=True)
class Limits:
    """When a column fails: ``|skewness| >= skew`` and ``kurtosis >= kurtosis`` (excess, both adjusted)."""

    skew: float = 2.0
    kurtosis: float = 3.5

    def fail(self, skewness: float, kurtosis: float) -> bool:
        """Tell whether a column with these moments fails; one whose moments are undefined passes."""
        slack = 1e-12 * max(1.0, abs(self.kurtosis))  # a moment that equals its limit on paper reaches it
        return bool(abs(skewness) >= self.skew * (1 - 1e-12) and kurtosis >= self.kurtosis - slack)


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
        squares = centred * centred
        m2, m3, m4 = (np.nansum(each, axis=0) / n for each in (squares, squares * centred, squares * squares))
        spread = m2 > (FLAT * np.nanmax(np.abs(values), axis=0, initial=0.0)) ** 2
        skewness, kurtosis = _adjusted(n, m2, m3, m4)
    return np.where(spread & (n > 2), skewness, np.nan), np.where(spread & (n > 3), kurtosis, np.nan)


def fails(column: Array, limits: Limits) -> bool:
    """Return whether a column ``(n_units,)`` fails the limits."""
    return limits.fail(*_moments_of(column))


def winsorise(
    column: Array, max_points: int | None, limits: Limits, *, always: bool = False
) -> tuple[Array, NDArray[np.int8]]:
    """Return the column with its extreme points pulled in until it passes or `max_points` are treated.

    With positive skewness the maximum is set to the next lower value, else the minimum to the next higher
    one. Points that tie at the extreme move together and count each, so the limit can be passed. Two
    different values always stay: a column is never levelled.

    Parameters
    ----------
    column : (n_units,) float
        NaN stays NaN.
    max_points : int or None
        None = as many as it takes.
    always : bool
        Go on to `max_points`, whether or not the column passes.

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
    while max_points is None or np.count_nonzero(moved) < max_points:
        skewness, kurtosis = _moments_of(values)
        if np.isnan(skewness) or not (always or limits.fail(skewness, kurtosis)):
            break
        high = skewness >= 0
        at = values == (np.nanmax(values) if high else np.nanmin(values))
        rest = values[~at & ~np.isnan(values)]
        if rest.min() == rest.max():
            break
        values[at] = rest.max() if high else rest.min()
        moved[at] = 1 if high else -1
    return values, moved


def log(column: Array) -> Array:
    """Return ``ln(x - min + 0.01 (max - min))``, defined for values of any sign (COINr, ``log_CT``)."""
    low, high = np.nanmin(column), np.nanmax(column)
    return np.asarray(np.log(column - low + 0.01 * (high - low)))


def log_plus_one(column: Array) -> Array:
    """Return ``ln(x - min + 1)``; the result depends on the unit of measure (COINr, ``log_CT_orig``).

    Examples
    --------
    >>> log_plus_one(np.array([5.0, 4.0 + np.e])).round(3)
    array([0., 1.])
    """
    return np.asarray(np.log1p(column - np.nanmin(column)))


def log_by_skew(column: Array) -> Array:
    """Return `log` of a column with positive skewness, else its mirror image (COINr, ``log_CT_plus``).

    The mirror image, ``-ln(max + 0.01 (max - min) - x)``, draws out the upper end as `log` does the lower
    one; both increase with x.
    """
    return log(column) if _moments_of(column)[0] > NO_SKEW else -log(-column)


def log_signed(column: Array) -> Array:
    """Return ``sign(x) ln(1 + |x|)``: 0 stays 0, and both signs are drawn in alike.

    Examples
    --------
    >>> log_signed(np.array([-9.0, 0.0, 9.0])).round(3)
    array([-2.303,  0.   ,  2.303])
    """
    return np.asarray(np.sign(column) * np.log1p(np.abs(column)))


def boxcox(column: Array, power: float | None = None) -> Array:
    """Return ``(y^power - 1) / power`` of ``y = x - min + 1``, ``ln(y)`` for the power 0.

    Parameters
    ----------
    column : (n_units,) float
        Of any sign: it is shifted first, as by COINr, ``boxcox(makepos = TRUE)``. NaN stays NaN.
    power : float, optional
        λ; by default the most likely one, see `likeliest_power`. Source: Box and Cox 1964,
        doi:10.1111/j.2517-6161.1964.tb00553.x.

    Examples
    --------
    >>> boxcox(np.array([0.0, 3.0, 8.0]), 0.5)
    array([0., 2., 4.])
    """
    from scipy.special import boxcox as on_positive  # noqa: PLC0415 - slow to import

    chosen = likeliest_power(column, "boxcox") if power is None else power
    return np.asarray(on_positive(column - np.nanmin(column) + 1.0, chosen))


def yeojohnson(column: Array, power: float | None = None) -> Array:
    """Return the transform of Yeo and Johnson, a Box-Cox transform on both sides of 0.

    Parameters
    ----------
    column : (n_units,) float
        Of any sign; NaN stays NaN.
    power : float, optional
        λ; by default the most likely one, see `likeliest_power`. Source: Yeo and Johnson 2000,
        doi:10.1093/biomet/87.4.954, eq. 2.1.

    Examples
    --------
    >>> yeojohnson(np.array([-3.0, 0.0, 3.0]), 0.5).round(3)
    array([-4.667,  0.   ,  2.   ])
    """
    from scipy.stats import yeojohnson as with_gaps_filled  # noqa: PLC0415 - slow to import

    chosen = likeliest_power(column, "yeojohnson") if power is None else power
    known = ~np.isnan(column)
    values = np.full(column.shape, np.nan)
    values[known] = with_gaps_filled(column[known], chosen)
    return values


def likeliest_power(column: Array, how: str) -> float:
    """Return the power under which the transformed column is most likely normal (maximum likelihood).

    Parameters
    ----------
    column : (n_units,) float
        With at least two different values.
    how : {"boxcox", "yeojohnson"}
    """
    from scipy.stats import boxcox_normmax, yeojohnson_normmax  # noqa: PLC0415 - slow to import

    known = np.sort(column[~np.isnan(column)])  # sorted, so that the order of the units changes no digit
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's, where it holds the power back from an overflow
        if how == "boxcox":
            return float(boxcox_normmax(known - known[0] + 1.0, method="mle"))
        return float(yeojohnson_normmax(known))


TRANSFORMS: dict[str, Callable[..., Array]] = {
    "log": log,
    "log_plus_one": log_plus_one,
    "log_by_skew": log_by_skew,
    "log_signed": log_signed,
    "boxcox": boxcox,
    "yeojohnson": yeojohnson,
}
POWERED = ("boxcox", "yeojohnson")


@dataclass(frozen=True, slots=True)
class Treated:
    """The outcome for one column.

    `words` says per value what happened (``""``, ``winhi``, ``winlo``, the name of a transform, or
    ``winhi+`` and ``winlo+`` with one where both were done); a column that still fails has `passes` False.
    `points` counts the winsorised values that stand in the result, `transform` and its `power` are blank and
    NaN without one. `skewness` and `kurtosis` stand before and after.
    """

    values: Array
    words: NDArray[np.str_]
    passes: bool
    skewness: tuple[float, float] = (np.nan, np.nan)
    kurtosis: tuple[float, float] = (np.nan, np.nan)
    failed: bool = True
    points: int = 0
    transform: str = ""
    power: float = np.nan


def winsorise_then(
    column: Array,
    max_points: int | None,
    limits: Limits,
    then: str | None,
    *,
    power: float | None = None,
    combine: bool = False,
    always: bool = False,
) -> Treated:
    """Return the column winsorised, or transformed where winsorising does not make it pass.

    Parameters
    ----------
    column : (n_units,) float
        NaN stays NaN.
    max_points : int or None
        Number of points that may be winsorised; None = as many as it takes.
    then : str or None
        Name of a transform in `TRANSFORMS`, applied to the **untreated** column, or with `combine` to the
        winsorised one.
    power : float, optional
        Of a transform that has one.
    combine : bool
        See `then` (COINr, ``combine_treat``).
    always : bool
        Winsorise `max_points` whether or not the column passes (COINr, ``force_win``).
    """
    values, moved = winsorise(column, max_points, limits, always=always)
    done = np.select([moved == 1, moved == -1], ["winhi", "winlo"], "")
    treated = _outcome(column, values, done, limits)
    if treated.passes or then is None:
        return replace(treated, points=int(np.count_nonzero(moved)))
    if not combine:
        return transformed(column, limits, then, power)
    both = transformed(values, limits, then, power)
    words = np.where(moved == 0, both.words, np.char.add(np.char.add(done, "+"), both.words))
    outcome = _outcome(column, both.values, words, limits)
    points = int(np.count_nonzero(moved))
    return replace(outcome, points=points, transform=both.transform, power=both.power)


def transformed(column: Array, limits: Limits, how: str, power: float | None = None) -> Treated:
    """Return the column transformed by one of `TRANSFORMS`; one without spread stays as it is."""
    known = column[~np.isnan(column)]
    if not known.size or known.min() == known.max():
        return _outcome(column, column.copy(), np.full(column.shape, ""), limits)
    chosen = (likeliest_power(column, how) if power is None else power) if how in POWERED else np.nan
    given = (chosen,) if how in POWERED else ()
    with np.errstate(over="ignore", invalid="ignore"):
        values = TRANSFORMS[how](column, *given)
    outcome = _outcome(column, values, np.where(np.isnan(column), "", how), limits)
    return replace(outcome, transform=how, power=chosen)


def _outcome(before: Array, after: Array, words: NDArray[np.str_], limits: Limits) -> Treated:
    """Return the outcome with the moments and verdicts of both ends."""
    old, new = _moments_of(before), _moments_of(after)
    ends = (old[0], new[0]), (old[1], new[1])
    return Treated(after, words, not limits.fail(*new), *ends, failed=limits.fail(*old))


def _moments_of(column: Array) -> tuple[float, float]:
    """Return the `moments` of one column, without what several columns with gaps cost."""
    known = column[~np.isnan(column)]
    n = np.float64(known.size)
    if n < 3:
        return np.nan, np.nan
    with np.errstate(all="ignore"):
        centred = known - known.sum() / n
        squares = centred * centred
        m2 = squares.sum() / n
        if not m2 > (FLAT * np.abs(known).max()) ** 2:
            return np.nan, np.nan
        skewness, kurtosis = _adjusted(n, m2, squares @ centred / n, squares @ squares / n)
    return float(skewness), float(kurtosis) if n > 3 else np.nan


def _adjusted(n: Any, m2: Any, m3: Any, m4: Any) -> tuple[Any, Any]:
    """Return skewness and excess kurtosis of a sample of n from its central moments (``G1``, ``G2``)."""
    skewness = m3 / m2**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    return skewness, ((n + 1) * (m4 / m2**2 - 3) + 6) * (n - 1) / ((n - 2) * (n - 3))
