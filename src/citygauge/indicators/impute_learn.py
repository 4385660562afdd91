"""Filling gaps by regressions of each indicator on the others, and drawing what might stand in them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citygauge.indicators.impute import standardised
from citygauge.problems import InputError, Problem

Array = NDArray[np.float64]
_ROUNDS = 25
_ROUNDS_OF_A_DRAW = 10  # a draw never settles


def iterative(values: Array, seed: int = 0, draw: int | None = None) -> tuple[Array, bool]:
    """Return what regressions on the other columns expect in each gap, and whether they settled.

    Columns are standardised first, so that units of measure do not matter. Each column with gaps is regressed
    on all others, gaps filled with what the last round said, until nothing changes.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.
    seed : int
        Of the draws; the expectation itself takes no chances.
    draw : int, optional
        Instead of the expectation, the draw of this number, from 1 on, from the posterior distribution. It
        depends on `seed` and `draw` alone.

    Returns
    -------
    estimates : array (n_units, n_indicators)
        For the cells that are NaN in `values`, the others as they are. What lies beyond the range of what is
        known of its column, draws included, becomes the end of the range. NaN in a column of which nothing is
        known; in one without spread, its value.
    settled : bool
        False where the last round still changed something; always True for a draw.

    Raises
    ------
    InputError
        ``impute.no-learn`` where scikit-learn is not installed.

    Notes
    -----
    ``IterativeImputer`` of scikit-learn with Bayesian ridge regression: van Buuren and Groothuis-Oudshoorn
    (2011), doi:10.18637/jss.v045.i03. Cutting to the range makes the spread of draws near its ends too small.

    Examples
    --------
    >>> import pytest
    >>> _ = pytest.importorskip("sklearn")
    >>> values = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0], [2.5, np.nan]])
    >>> estimates, settled = iterative(values)
    >>> bool(abs(estimates[4, 1] - 25) < 0.1), settled
    (True, True)
    """
    scaled, centre, spread = standardised(values)
    varies = (spread > 0) & np.isfinite(spread)
    estimates = np.where(np.isnan(values), np.where(spread == 0, centre, np.nan), values)
    if not varies.any() or not np.isnan(values[:, varies]).any():
        return estimates, True
    # A column of zeros is something to regress on where there is no other; it changes no estimate.
    known = np.column_stack([scaled[:, varies], np.zeros(len(values))])
    filled, settled = _fitted(known, _random_state(seed, draw))
    back = filled[:, :-1] * spread[varies] + centre[varies]
    bounds = np.nanmin(values[:, varies], axis=0), np.nanmax(values[:, varies], axis=0)
    given = values[:, varies]
    estimates[:, varies] = np.where(np.isnan(given), np.clip(back, *bounds), given)
    return estimates, settled


def draws(values: Array, n: int, seed: int = 0) -> Array:
    """Return tables in which every gap holds one draw of what might stand there.

    Parameters
    ----------
    values : (n_units, n_indicators) float
        NaN where unknown.
    n : int
        How many tables.
    seed : int
        Draw k of a seed is the same whatever `n`.

    Returns
    -------
    array (n, n_units, n_indicators)
        Each as from `iterative` with ``draw`` = 1 … n. The spread over them is what is not known of the gaps:
        carry it to the result by computing the index of each table (multiple imputation).

    Raises
    ------
    InputError
        ``impute.no-learn`` where scikit-learn is not installed.

    Examples
    --------
    >>> draws(np.array([[1.0, 2.0], [3.0, 4.0]]), n=2).shape
    (2, 2, 2)
    """
    tables = [iterative(values, seed, number)[0] for number in range(1, n + 1)]
    return np.array(tables).reshape(n, *values.shape)


def _random_state(seed: int, draw: int | None) -> int | None:
    if draw is None:
        return None
    rng = np.random.default_rng([seed, draw])
    return int(rng.integers(2**32 - 1))


def _fitted(known: Array, random_state: int | None) -> tuple[Array, bool]:
    imputer_class, convergence = _sklearn()
    imputer = imputer_class(
        max_iter=_ROUNDS if random_state is None else _ROUNDS_OF_A_DRAW,
        skip_complete=True,
        sample_posterior=random_state is not None,
        random_state=random_state,
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", convergence)
        filled = np.asarray(imputer.fit_transform(known), dtype=float)
    others = [each for each in told if not issubclass(each.category, convergence)]
    for each in others:
        warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return filled, len(others) == len(told)


def _sklearn() -> tuple[Any, type[Warning]]:
    try:
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - an extra, slow to import
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401, PLC0415
        from sklearn.impute import IterativeImputer  # noqa: PLC0415
    except ImportError as error:
        raise InputError([Problem("impute.no-learn")]) from error
    return IterativeImputer, ConvergenceWarning
