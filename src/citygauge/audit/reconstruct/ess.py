"""How many independent draws chains are worth, and whether they agree (Vehtari et al. 2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def bulk_ess(draws: Array) -> float:
    """Return the effective sample size of the bulk of a quantity.

    Parameters
    ----------
    draws : (n_chains, n_draws) float

    Returns
    -------
    float
        Of the rank-normalised, split chains, with the sum of autocorrelations cut where Geyer's pairs turn
        negative; at most ``N log10 N`` of N draws; NaN below 4 draws a chain or where nothing varies.

    Notes
    -----
    Source: Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021, doi:10.1214/20-BA1221, section 4 and 3.2.

    Examples
    --------
    >>> draws = np.random.default_rng(1).random((4, 500))
    >>> 1500 < bulk_ess(draws) < 2500
    True
    """
    if draws.shape[1] < 4 or not np.ptp(draws) > 0:
        return float("nan")
    return _ess(_normal_scores(_split(draws)))


def rank_rhat(draws: Array) -> float:
    """Return the rank-normalised split R-hat of a quantity: the larger of bulk and folded.

    Parameters
    ----------
    draws : (n_chains, n_draws) float

    Returns
    -------
    float
        1 where chains agree; NaN below 4 draws a chain or where nothing varies.

    Notes
    -----
    Source: Vehtari et al. 2021, doi:10.1214/20-BA1221, equations 4 and 13–15.

    Examples
    --------
    >>> draws = np.random.default_rng(1).random((4, 500))
    >>> rank_rhat(draws) < 1.01 < rank_rhat(draws + np.arange(4)[:, None])
    True
    """
    if draws.shape[1] < 4 or not np.ptp(draws) > 0:
        return float("nan")
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves))
    return max(_rhat(_normal_scores(halves)), _rhat(_normal_scores(folded)))


def _split(draws: Array) -> Array:
    """Return each chain as two; of an odd number of draws the middle one goes."""
    half = draws.shape[1] // 2
    return np.vstack([draws[:, :half], draws[:, -half:]])


def _normal_scores(draws: Array) -> Array:
    """Return the normal quantiles of the ranks, ties at their mean rank."""
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

    ranks = rankdata(draws, axis=None).reshape(draws.shape)
    return np.asarray(ndtri((ranks - 0.375) / (draws.size + 0.25)), float)


def _rhat(draws: Array) -> float:
    n = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean()
    between = draws.mean(axis=1).var(ddof=1)
    return float(np.sqrt((n - 1) / n + between / within)) if within > 0 else float("inf")


def _ess(draws: Array) -> float:
    chains, n = draws.shape
    moved = np.fft.rfft(draws - draws.mean(axis=1, keepdims=True), 2 * n, axis=1)
    autocovariance = np.fft.irfft(np.abs(moved) ** 2, axis=1)[:, :n] / n
    within = autocovariance[:, 0].mean() * n / (n - 1)
    pooled = within * (n - 1) / n + draws.mean(axis=1).var(ddof=1)
    if not pooled > 0:
        return float("nan")
    correlation = 1 - (within - autocovariance.mean(axis=0) * n / (n - 1)) / pooled
    correlation[0] = 1.0
    pairs = correlation[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: negative[0] if negative.size else None])
    total = chains * n
    return float(min(total / max(2 * kept.sum() - 1, 1 / np.log10(total)), total * np.log10(total)))
