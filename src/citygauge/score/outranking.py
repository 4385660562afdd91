"""Units held against each other in pairs: the outranking matrix, Copeland's scores and PROMETHEE.

Values count as equal where they are after rounding to 2⁻⁴⁰ of the range (`rank.rounded`), and weights are
compared as whole numbers, so that one half is one half and no order of rows or columns matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.score.means import counted, whole_shares
from citygauge.score.rank import RESOLUTION, rounded

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
PreferenceName = Literal["usual", "u_shape", "v_shape", "level", "linear", "gaussian"]

ROWS = 8  # of pairs compared at once: the row of ten thousand units then fits the processor's cache
CELLS = 2**15  # numbers at once in the Gaussian preference, for the same reason
TILE = 256  # rows of the matrix turned over at once


def outranking_matrix(values: Array, weights: Array) -> Array:
    """Return for each pair of units the share of the weight on which the first is ahead, ties by half.

    Parameters
    ----------
    values : (n_units, n_children) float
        Higher is better. NaN = missing: a pair is compared on the children known for both, whose weights
        are brought to a sum of 1.
    weights : (n_children,) float
        Non-negative, any scale; a child of weight 0 has no influence.

    Returns
    -------
    array (n_units, n_units)
        Entry (i, j) and entry (j, i) come to 1, also on the diagonal, 0.5 each. 0.5 where a pair has no
        child in common. Source: OECD/JRC Handbook 2008, the non-compensatory multi-criteria approach;
        COINr, ``outrankMatrix``, has 0 on the diagonal and, with gaps, entries that depend on the order of
        rows.

    Examples
    --------
    >>> outranking_matrix(np.array([[3.0, 1.0], [2.0, 1.0]]), np.array([3.0, 1.0]))
    array([[0.5  , 0.875],
           [0.125, 0.5  ]])
    """
    values, weights = counted(values, weights)
    n = values.shape[0]
    matrix = np.zeros((n, n))
    if not weights.size:
        return matrix + 0.5
    for start, ahead in _leads(values, weights):
        matrix[start : start + ahead.shape[0], start:] = ahead
    known, shares = ~np.isnan(values), whole_shares(weights).astype(float)
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        share = matrix[start:stop, start:]
        common = (known[start:stop] * shares) @ known[start:].T
        np.divide(share, 2 * common, out=share, where=share != 0)
        matrix[stop:, start:stop] = -share[:, stop - start :].T
        square = np.triu(share[:, : stop - start])
        matrix[start:stop, start:stop] = square - square.T
    matrix += 0.5
    return matrix


def copeland(values: Array, weights: Array) -> Array:
    """Return Copeland scores: the units that a unit outranks, less those that outrank it.

    Parameters
    ----------
    values, weights
        As in `outranking_matrix`.

    Returns
    -------
    array (n_units,)
        Whole numbers from -(n_units - 1) to n_units - 1: 1 for each unit against which more than half of
        the weight of the children known for both is won, -1 for each against which it is lost, 0 where the
        halves are equal or nothing is known for both. NaN where no child with a weight has a value. Source:
        Copeland 1951 in Saari and Merlin 1996, doi:10.1007/BF01212012; COINr, ``a_copeland``.

    Examples
    --------
    >>> copeland(np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 2.0]]), np.array([3.0, 1.0]))
    array([ 2.,  0., -2.])
    """
    values, weights = counted(values, weights)
    scores = np.zeros(values.shape[0])
    for start, ahead in _leads(values, weights):
        rows = ahead.shape[0]
        outcomes = np.sign(ahead, dtype=np.int64)
        scores[start : start + rows] += outcomes.sum(axis=1)
        scores[start + rows :] -= outcomes[:, rows:].sum(axis=0)
    return np.where(np.isnan(values).all(axis=1), np.nan, scores)


def _leads(values: Array, weights: Array) -> Iterator[tuple[int, Whole]]:
    """Yield rows of the upper triangle: the weight won less the weight lost, 0 where that is all rounding.

    The array is used again for the next rows.
    """
    n = values.shape[0]
    if not weights.size:
        return
    above, below = _places(values)
    shares = whole_shares(weights)
    groups = [np.flatnonzero(shares == share) for share in np.unique(shares)]
    # A sum of at most 127 signs fits in one byte, and bytes are what makes this quick.
    parts = [part for group in groups for part in np.split(group, range(127, group.size, 127))]
    buffers = [np.empty(ROWS * n, kind) for kind in (np.int64, np.int64, np.int8, np.bool_)]
    for start in range(0, n, ROWS):
        shape = (min(ROWS, n - start), n - start)
        ahead, product, signs, wins = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in buffers)
        ahead[...] = 0
        for part in parts:
            signs[...] = 0
            for child in part:
                rows, others = slice(start, start + shape[0]), slice(start, None)
                np.greater(above[child, rows, None], below[child, others], out=wins)
                signs += wins.view(np.int8)
                np.less(below[child, rows, None], above[child, others], out=wins)
                signs -= wins.view(np.int8)
            ahead += np.multiply(signs, shares[part[0]], out=product)
        ahead[np.abs(ahead, out=product) <= weights.size] = 0
        yield start, ahead


def _places(values: Array) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the places of the values in their columns, twice: missing ones are behind all, or before all."""
    n, children = values.shape
    kind = np.int16 if n < np.iinfo(np.int16).max else np.int32
    above = np.full((children, n), -1, kind)
    below = np.full((children, n), np.iinfo(kind).max, kind)
    for child, keys in enumerate(rounded(values).T):
        known = ~np.isnan(keys)
        above[child, known] = below[child, known] = np.searchsorted(np.sort(keys[known]), keys[known])
    return above, below


def promethee(
    values: Array,
    weights: Array,
    preference: PreferenceName = "usual",
    indifference: float | None = None,
    threshold: float | None = None,
) -> Array:
    """Return net flows of PROMETHEE II: how much a unit is preferred to the others, less the reverse.

    Parameters
    ----------
    values : (n_units, n_children) float
        Higher is better. NaN = missing: the flow of a child is among the units it is known for, and a unit
        is given the mean of its children's flows by the weights of those it has.
    weights : (n_children,) float
        Non-negative, any scale; a child of weight 0 has no influence.
    preference : str
        What a lead of `d` > 0 is worth, with `q` for indifference and `p` for threshold. ``usual``: 1.
        ``u_shape``: 1 above `q`. ``v_shape``: d/p up to 1. ``level``: 1/2 above `q`, 1 above `p`.
        ``linear``: (d - q)/(p - q) from 0 to 1. ``gaussian``: 1 - exp(-d²/2p²).
    indifference, threshold : float, optional
        In points of the scores, the same for all children; 0 <= `q` < `p`.

    Returns
    -------
    array (n_units,)
        From -1 to 1: the flow of a child is ``Σ (P(a, b) - P(b, a)) / (n - 1)``, 0 where only one unit is
        known. NaN where no child with a weight has a value. All but ``gaussian`` take a sort of each column
        instead of all pairs. Source: Brans and Vincke 1985, doi:10.1287/mnsc.31.6.647; Brans, Vincke and
        Mareschal 1986, doi:10.1016/0377-2217(86)90044-5.

    Raises
    ------
    ValueError
        Where the preference needs an indifference or a threshold that is not given or not in order.

    Examples
    --------
    >>> promethee(np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 2.0]]), np.array([3.0, 1.0]))
    array([ 0.625, -0.125, -0.5  ])
    """
    flow = _flow(preference, indifference, threshold)
    values, weights = counted(values, weights)
    total, weight = np.zeros(values.shape[0]), np.zeros(values.shape[0])
    for column, share in zip(values.T, weights, strict=True):
        known = ~np.isnan(column)
        if not known.any():
            continue
        total[known] += share * flow(column[known]) / max(np.count_nonzero(known) - 1, 1)
        weight[known] += share
    return np.asarray(np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0))


def _flow(preference: PreferenceName, q: float | None, p: float | None) -> Callable[[Array], Array]:
    """Return the function from the known values of a child to their preference sums, to and fro."""
    if preference in {"u_shape", "level", "linear"} and (q is None or q < 0):
        raise ValueError(f"the preference {preference} needs an indifference of 0 or more, not {q}")
    if preference in {"v_shape", "level", "linear", "gaussian"} and (p is None or p <= 0):
        raise ValueError(f"the preference {preference} needs a threshold above 0, not {p}")
    near, far = q or 0.0, p or 0.0
    if preference in {"level", "linear"} and near >= far:
        raise ValueError(
            f"the preference {preference} needs an indifference below its threshold {p}, not {q}"
        )
    if preference == "gaussian":
        return lambda column: _gaussian(column, far)
    ahead: dict[str, Callable[[Array], Array]] = {
        "usual": lambda column: _behind(column, 0.0),
        "u_shape": lambda column: _behind(column, near),
        "v_shape": lambda column: _ramp(column, 0.0, far),
        "level": lambda column: (_behind(column, near) + _behind(column, far)) / 2,
        "linear": lambda column: _ramp(column, near, far),
    }
    return lambda column: ahead[preference](column) - ahead[preference](-column)


def _behind(column: Array, lead: float) -> Array:
    """Count for each value those that it leads by more, but for rounding."""
    if lead == 0:
        keys = rounded(column[:, None])[:, 0]
        return np.asarray(np.searchsorted(np.sort(keys), keys), float)
    slack = RESOLUTION * max(np.ptp(column), np.abs(column).max())
    return np.asarray(np.searchsorted(np.sort(column), column - (lead + slack)), float)


def _ramp(column: Array, near: float, far: float) -> Array:
    """Add up for each value what its leads are worth, from 0 at `near` to 1 at `far`."""
    column = column - column.mean()  # sums of numbers around 0 keep their digits
    ordered = np.sort(column)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    whole, some = np.searchsorted(ordered, column - far), np.searchsorted(ordered, column - near)
    partly = (some - whole) * (column - near) - (sums[some] - sums[whole])
    return np.asarray(whole + partly / (far - near))


def _gaussian(column: Array, far: float) -> Array:
    """Add up for each value what its leads are worth, less what the leads of others over it are."""
    sums = np.zeros(column.size)
    rows = max(1, CELLS // max(column.size, 1))
    for start in range(0, column.size, rows):
        stop = min(start + rows, column.size)
        leads = (column[start:stop, None] - column[start:]) / far
        worth = np.copysign(1 - np.exp(-leads * leads / 2), leads)
        sums[start:stop] += worth.sum(axis=1)
        sums[stop:] -= worth[:, stop - start :].sum(axis=0)
    return sums
