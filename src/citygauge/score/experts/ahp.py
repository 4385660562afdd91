"""The analytic hierarchy process: weights from how many times one thing counts more than another.

A matrix of judgements ``(n, n)`` holds in row i and column j how many times i is more important than j, from
1/9 to 9, its reciprocal on the other side and 1 on the diagonal; NaN = not judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LIMIT = 0.10  # the consistency ratio up to which judgements are taken as consistent
SCALE = np.array([1 / k for k in range(9, 1, -1)] + [float(k) for k in range(1, 10)])
RANDOM_INDEX = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)
_TRIED = 36  # judgements most out of line that a repair looks at: all of them up to nine things


@dataclass(frozen=True, slots=True)
class Priorities:
    """Weights ``(n,)`` that add to 1, the principal eigenvalue, the consistency index and its ratio."""

    weights: Array
    eigenvalue: float
    index: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Repair:
    """A judgement (row over column), what was said, what would fit better, and the ratio after that."""

    row: int
    column: int
    said: float
    better: float
    ratio: float


def priorities(judgements: ArrayLike) -> Priorities:
    """Return the weights of a matrix of judgements as its principal eigenvector, and how consistent it is.

    Parameters
    ----------
    judgements : (n, n) float
        Positive and reciprocal, NaN = not judged. Judged pairs must connect all n things.

    Returns
    -------
    Priorities
        Weights w with A·w = λ·w for the largest eigenvalue λ; index (λ - n) / (n - 1); ratio = index /
        `random_index`. Below three things, and where the judged pairs form a tree, the ratio is 0. A missing
        judgement stands for w_i/w_j: its cell becomes 0 and the diagonal cell grows by 1 (Harker).

    Raises
    ------
    ValueError
        Where the matrix is not square, positive and reciprocal, or the pairs do not connect all things.

    Notes
    -----
    Source: Saaty 1977, doi:10.1016/0022-2496(77)90033-5; Saaty 1980, The Analytic Hierarchy Process; Harker
    1987, doi:10.1016/0270-0255(87)90503-3.

    Examples
    --------
    >>> found = priorities([[1, 2, 6], [1 / 2, 1, 3], [1 / 6, 1 / 3, 1]])
    >>> found.weights.round(3), round(found.ratio, 6)
    (array([0.6, 0.3, 0.1]), 0.0)
    """
    matrix = _checked(judgements)
    if not connected(~np.isnan(matrix)):
        raise ValueError("the judged pairs do not connect all things that are compared")
    values, vectors = np.linalg.eig(_harker(matrix))
    largest = int(np.argmax(values.real))
    weights = np.abs(vectors[:, largest].real)
    index, ratio = _consistency(matrix, float(values[largest].real))
    return Priorities(weights / weights.sum(), float(values[largest].real), index, ratio)


def group_judgements(matrices: ArrayLike) -> Array:
    """Return the geometric mean of the judgements of several experts, pair by pair.

    Parameters
    ----------
    matrices : (n_experts, n, n) float
        NaN = not judged; the mean is over the experts who judged the pair, NaN where nobody did.

    Returns
    -------
    array (n, n)
        It keeps reciprocal judgements reciprocal, as an arithmetic mean does not. Source: Aczél and Saaty
        1983, doi:10.1016/0022-2496(83)90028-7.

    Examples
    --------
    >>> group_judgements([[[1, 2], [1 / 2, 1]], [[1, 8], [1 / 8, 1]]])
    array([[1.  , 4.  ],
           [0.25, 1.  ]])
    """
    logs = np.log(np.array([_checked(matrix) for matrix in np.asarray(matrices, dtype=float)]))
    known = ~np.isnan(logs)
    count = known.sum(axis=0)
    means = np.where(known, logs, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count > 0, np.exp(means), np.nan)


def random_index(n: int, missing: int = 0) -> float:
    """Return the mean consistency index of random judgements of n things, with that many pairs not judged.

    Up to 15 things it is the table of Saaty 1980, The Analytic Hierarchy Process: ``0, 0, 0.58, 0.90, 1.12,
    1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59``; beyond it (1.7699·n - 4.3513) / (n - 1)
    (Alonso and Lamata 2006, doi:10.1142/S0218488506004114). For missing pairs it shrinks in a line down to 0
    where the judged pairs form a tree, as Ágoston and Csató found it nearly to do (2022,
    doi:10.1016/j.omega.2021.102576).

    Examples
    --------
    >>> random_index(4), random_index(4, missing=3)
    (0.9, 0.0)
    """
    whole = RANDOM_INDEX[n - 1] if n <= len(RANDOM_INDEX) else (1.7699 * n - 4.3513) / (n - 1)
    spare = (n - 1) * (n - 2) // 2
    return whole * max(0.0, 1 - missing / spare) if spare else 0.0


def repairs(judgements: ArrayLike, limit: float = LIMIT) -> tuple[Repair, ...]:
    """Return the changes, one judgement at a time, that bring the consistency ratio below the limit soonest.

    Parameters
    ----------
    judgements : (n, n) float
        As for `priorities`.
    limit : float
        The ratio to come below; 0.10 is Saaty's.

    Returns
    -------
    tuple of Repair
        Empty where the ratio is below the limit already. Each step tries the judgements most out of line with
        the weights (all up to nine things, else the 36 furthest off) at all 17 values of the scale, and takes
        the change after which the ratio is lowest. No judgement is changed twice.

    Examples
    --------
    >>> repairs([[1, 3, 1 / 9], [1 / 3, 1, 3], [9, 1 / 3, 1]])[0].better
    9.0
    """
    matrix = _checked(judgements).copy()
    found: list[Repair] = []
    n = len(matrix)
    open_pairs = {(i, j) for i in range(n) for j in range(i + 1, n) if matrix[i, j] > 0}
    state = priorities(matrix)
    while state.ratio >= limit and open_pairs:
        best = min(_changes(matrix, state.weights, open_pairs), key=lambda change: change.ratio)
        if best.ratio >= state.ratio - 1e-12:
            break
        found.append(best)
        matrix[best.row, best.column], matrix[best.column, best.row] = best.better, 1 / best.better
        open_pairs.discard((best.row, best.column))
        state = priorities(matrix)
    return tuple(found)


def connected(judged: NDArray[np.bool_]) -> bool:
    """Tell whether the judged pairs lead from each thing to every other one."""
    return bool(reached(judged).all())


def reached(judged: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which things the judged pairs lead to from the first one."""
    seen = np.zeros(len(judged), dtype=bool)
    seen[:1] = True
    for _ in range(len(judged)):
        seen = seen | judged[seen].any(axis=0)
    return seen


def _changes(matrix: Array, weights: Array, pairs: set[tuple[int, int]]) -> Iterator[Repair]:
    """Give the best change of each judgement."""
    off = {pair: abs(np.log(matrix[pair] * weights[pair[1]] / weights[pair[0]])) for pair in sorted(pairs)}
    for i, j in sorted(off, key=lambda pair: -off[pair])[:_TRIED]:
        tried = np.repeat(matrix[None], len(SCALE), axis=0)
        tried[:, i, j], tried[:, j, i] = SCALE, 1 / SCALE
        largest = np.linalg.eigvals(np.array([_harker(one) for one in tried])).real.max(axis=1)
        choice = int(np.argmin(largest))
        ratio = _consistency(matrix, float(largest[choice]))[1]
        yield Repair(i, j, float(matrix[i, j]), float(SCALE[choice]), ratio)


def _harker(matrix: Array) -> Array:
    """Return the matrix with 0 for what was not judged and the diagonal that makes up for it."""
    gaps = np.isnan(matrix)
    filled = np.where(gaps, 0.0, matrix)
    np.fill_diagonal(filled, 1.0 + gaps.sum(axis=1))
    return filled


def _consistency(matrix: Array, eigenvalue: float) -> tuple[float, float]:
    n, missing = len(matrix), int(np.isnan(matrix).sum()) // 2
    index = max(0.0, (eigenvalue - n) / (n - 1)) if n > 1 else 0.0
    expected = random_index(n, missing)
    return index, index / expected if expected > 0 else 0.0


def _checked(judgements: ArrayLike) -> Array:
    matrix = np.asarray(judgements, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError("judgements must be a square matrix")
    known = ~np.isnan(matrix)
    if (known != known.T).any() or not np.allclose((matrix * matrix.T)[known], 1.0, rtol=1e-6, atol=0):
        raise ValueError("judgements must be reciprocal: row j, column i is 1 over row i, column j")
    if not (matrix[known] > 0).all() or not (np.diag(matrix) == 1).all():
        raise ValueError("judgements must be positive and 1 on the diagonal")
    return matrix
