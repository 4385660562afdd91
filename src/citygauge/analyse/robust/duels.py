"""Copeland's scores compiled, for many replications: the same numbers as those of `score.outranking`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.robust.kernel import UNKNOWN, compiled, pack
from citygauge.score.means import counted, whole_shares

Array = NDArray[np.float64]

_FINE = 2**11  # of the exact shares of weights, one of the coarse shares that most pairs are told apart by


def copeland(values: Array, weights: Array) -> Array:
    """Return Copeland scores, bit for bit those of `score.outranking.copeland`.

    Parameters
    ----------
    values : (n_units, n_children) float
        NaN = missing.
    weights : (n_children,) float
        Non-negative, any scale.

    Returns
    -------
    array (n_units,)
        Whole numbers; NaN where no child with a weight has a value.

    Notes
    -----
    Each pair is first compared by weights rounded to 2⁻²⁹ of their sum in 32 bits, and by the exact ones
    where the lead is within what that rounding may come to.

    Examples
    --------
    >>> copeland(np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 2.0]]), np.array([3.0, 1.0]))
    array([ 2.,  0., -2.])
    """
    values, weights = counted(values, weights)
    n = values.shape[0]
    if not weights.size or not n:
        return np.full(n, np.nan)
    tops, lows = _places(values)
    shares, doubt = whole_shares(weights), weights.size // 2 + 2  # each coarse share is off by at most a half
    coarse = np.rint(shares / _FINE).astype(np.int32)
    if (shares == shares[0]).all():  # then leads are compared by their numbers, which are exact
        coarse, doubt = np.ones(shares.size, np.int32), -1
    scores, lead = np.zeros(n, np.int64), np.empty(n, np.int32)
    _duel(tops, lows, shares, coarse, doubt, lead, scores)
    return np.where(np.isnan(values).all(axis=1), np.nan, scores.astype(float))


def _places(values: Array) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the places of the values in their columns, twice: missing ones are behind all, or before all."""
    n, children = values.shape
    keys, bits = np.empty((children, n), np.int64), n.bit_length()
    pack(np.ascontiguousarray(values.T), keys, bits)
    keys.sort(axis=1)
    tops, lows = np.empty((2, children, n), np.int32)
    _write_places(keys, bits, tops, lows)
    return tops, lows


@compiled
def _write_places(keys: Any, bits: int, tops: Any, lows: Any) -> None:
    """Write places from sorted keys; equal ones share one, higher ones are better."""
    children, n = keys.shape
    for c in range(children):
        place, last = 0, keys[c, 0] >> bits
        for p in range(n):
            key, unit = keys[c, p] >> bits, keys[c, p] & ((1 << bits) - 1)
            place = p if key != last else place
            last = key
            tops[c, unit] = -place if key < UNKNOWN else -n - 1
            lows[c, unit] = -place if key < UNKNOWN else n + 1


@compiled
def _duel(tops: Any, lows: Any, shares: Any, coarse: Any, doubt: int, lead: Any, scores: Any) -> None:
    """Add up the outcomes of all pairs; places are ``(n_children, n_units)``."""
    children, n = tops.shape
    zero = np.int32(0)
    for i in range(n):
        lead[i:] = 0
        for c in range(0, children - 1, 2):
            s, t = coarse[c], coarse[c + 1]
            a, b, e, f = tops[c, i:], lows[c, i:], tops[c + 1, i:], lows[c + 1, i:]
            a0, b0, e0, f0 = a[0], b[0], e[0], f[0]
            ahead = lead[i:]
            for j in range(ahead.size):
                first = (s if a0 > b[j] else zero) - (s if b0 < a[j] else zero)
                ahead[j] += first + (t if e0 > f[j] else zero) - (t if f0 < e[j] else zero)
        if children % 2:
            s, a, b, ahead = coarse[-1], tops[-1, i:], lows[-1, i:], lead[i:]
            for j in range(ahead.size):
                ahead[j] += (s if a[0] > b[j] else zero) - (s if b[0] < a[j] else zero)
        for j in range(i + 1, n):
            ours = np.int64(lead[j])
            if abs(ours) <= doubt:
                ours = _exact(tops, lows, shares, i, j)
            outcome = np.int64(ours > 0) - np.int64(ours < 0)
            scores[i] += outcome
            scores[j] -= outcome


@compiled
def _exact(tops: Any, lows: Any, shares: Any, i: int, j: int) -> Any:
    """Return the lead of one unit over another by exact shares, 0 where that is all rounding."""
    lead = np.int64(0)
    for c in range(shares.size):
        lead += shares[c] * (np.int64(tops[c, i] > lows[c, j]) - np.int64(lows[c, i] < tops[c, j]))
    return lead if abs(lead) > shares.size else np.int64(0)
