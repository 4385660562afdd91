"""Weights that the data suggest for the children of one parent: entropy, CRITIC, components, factors.

Each function takes ``values (n_units, n_children)``, turned so that higher is better, NaN = missing, and
returns shares ``(n_children,)`` that are not negative and add to 1. Such weights say how much the children
differ, or agree, in these data; they say nothing about how much they matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.problems import Problems, Where

Array = NDArray[np.float64]
WeighterName = Literal["entropy", "critic", "pca", "pca_squared", "factor"]

LEAST_ROWS = 3
TIE = 1e-9  # eigenvalues and correlations nearer than this are equal but for rounding


class NoWeightsError(ValueError):
    """Values from which a method can draw no weights."""


class NegativeColumnsError(NoWeightsError):
    """Something is negative in certain columns: their numbers, from 0, are in `columns`."""

    def __init__(self, message: str, columns: NDArray[np.intp]) -> None:
        self.columns: tuple[int, ...] = tuple(columns.tolist())
        super().__init__(f"{message}: columns {list(self.columns)}")


class NegativeValuesError(NegativeColumnsError):
    """Columns have negative values, of which no share of a total can be taken."""


class NegativeLoadingsError(NegativeColumnsError):
    """The first component counts certain columns against the others."""


class TooFewRowsError(NoWeightsError):
    """There are fewer complete rows than a correlation needs; `rows` is how many there are."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        super().__init__(f"{rows} complete rows, at least {LEAST_ROWS} are needed")


class NoFirstComponentError(NoWeightsError):
    """Two components explain the same, so that neither is the first."""


@dataclass(frozen=True, slots=True)
class Components:
    """Principal components of the correlation matrix, the one that explains most first.

    `loadings` (n_children, n_components) has columns of length 1, each with a sum that is not negative;
    `eigenvalues`, `explained` and `cumulative` (n_components,) are variances and their shares.
    """

    loadings: Array
    eigenvalues: Array
    explained: Array
    cumulative: Array


@dataclass(frozen=True, slots=True)
class Factors:
    """Rotated factors: `loadings` (n_children, n_factors), and what each `explained` of their variance."""

    loadings: Array
    explained: Array


def entropy(values: Array) -> Array:
    """Return shares in proportion to how unevenly each child is spread over the units.

    Parameters
    ----------
    values : (n_units, n_children) float
        At least 0. Each column is judged by its own known values, whatever is missing elsewhere.

    Returns
    -------
    array (n_children,)
        ``d / sum d`` with ``d = 1 + sum(p ln p) / ln n``, p the shares of the n units in the total of the
        column and ``0 ln 0 = 0``. A column without spread, or with fewer than two values, gets 0; if all
        are so, the shares are equal. They depend on where 0 lies, so give values on a ratio scale. Source:
        Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x; Zeleny 1982, *Multiple Criteria Decision
        Making*.

    Raises
    ------
    NegativeValuesError
        Shares of a total have no meaning then.

    Examples
    --------
    >>> entropy(np.array([[1.0, 5.0], [3.0, 5.0]]))
    array([1., 0.])
    """
    negative = np.flatnonzero((values < 0).any(axis=0))
    if negative.size:
        raise NegativeValuesError("entropy needs values of at least 0", negative)
    return _shares(np.array([_divergence(column[~np.isnan(column)]) for column in values.T]))


def critic(values: Array) -> Array:
    """Return shares in proportion to the spread of each child times its disagreement with the others.

    Parameters
    ----------
    values : (n_units, n_children) float

    Returns
    -------
    array (n_children,)
        ``C / sum C`` with ``C_j = s_j sum_k (1 - r_jk)``, s the standard deviation (n - 1) of the column
        stretched onto 0..1, r Pearson's correlation. Spread is that of all known values of a column, r of
        the units known in both. A column without spread gets 0 and is left out of the sums of the others,
        as is a pair with fewer than 3 units; if nothing is left, the shares are equal. Source: Diakoulaki,
        Mavrotas and Papayannakis 1995, doi:10.1016/0305-0548(94)00059-H, eq. 5 and 6.

    Examples
    --------
    >>> critic(np.array([[0.0, 0.0, 9.0], [1.0, 2.0, 0.0], [2.0, 4.0, 9.0]])).round(3)
    array([0.232, 0.232, 0.536])
    """
    spread = np.zeros(values.shape[1])
    for number, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if _varies(known):
            spread[number] = np.std((known - known.min()) / np.ptp(known), ddof=1)
    conflict = 1.0 - _pairwise(values)
    return _shares(spread * np.where(np.isnan(conflict), 0.0, conflict).sum(axis=1))


def components(values: Array) -> Components:
    """Return the principal components of the children's correlation matrix.

    Parameters
    ----------
    values : (n_units, n_children) float
        Units with a gap are left out.

    Returns
    -------
    Components
        As many as there are children with spread; a child without spread loads 0 on each. The sign of a
        component is arbitrary: here each column of loadings has a sum of at least 0, and where that is 0, a
        first entry above it. Source: OECD/JRC Handbook 2008, step 3; COINr, ``get_PCA``.

    Raises
    ------
    TooFewRowsError
        Fewer than 3 units are complete.

    Examples
    --------
    >>> components(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])).explained.round(9)
    array([1., 0.])
    """
    complete = values[~np.isnan(values).any(axis=1)]
    if complete.shape[0] < LEAST_ROWS:
        raise TooFewRowsError(complete.shape[0])
    varying = np.array([_varies(column) for column in complete.T], dtype=bool)
    number = int(varying.sum())
    if not number:
        return Components(np.zeros((values.shape[1], 0)), *(np.zeros(0) for _ in range(3)))
    correlation = np.atleast_2d(np.corrcoef(complete[:, varying], rowvar=False))
    eigenvalues, vectors = np.linalg.eigh(correlation)
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0.0), vectors[:, ::-1]
    loadings = np.zeros((values.shape[1], number))
    loadings[varying] = vectors * _signs(vectors)
    explained = eigenvalues / number
    return Components(loadings, eigenvalues, explained, np.cumsum(explained))


def pca(values: Array, negative: Literal["refuse", "square"] = "refuse") -> Array:
    """Return shares in proportion to the loadings on the first principal component.

    Parameters
    ----------
    values : (n_units, n_children) float
        Units with a gap are left out.
    negative : str
        ``refuse`` takes the loadings as they are and refuses negative ones, with which a mean would leave
        its scale; ``square`` takes their squares, which add to 1.

    Returns
    -------
    array (n_children,)
        A child without spread gets 0; if none has any, the shares are equal. Source: COINr, ``get_PCA``
        (whose weights are not scaled to 1 and may be negative); OECD/JRC Handbook 2008, p. 89.

    Raises
    ------
    NegativeLoadingsError
        A child runs against the others; its column is named.
    NoFirstComponentError
        Two components explain the same: the children have nothing in common that could be the first.
    TooFewRowsError
        Fewer than 3 units are complete.

    Examples
    --------
    >>> pca(np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 1.0], [4.0, 5.0]]))
    array([0.5, 0.5])
    """
    found = components(values)
    if not found.eigenvalues.size:
        return _shares(np.zeros(values.shape[1]))
    if found.eigenvalues.size > 1 and found.eigenvalues[0] - found.eigenvalues[1] < TIE:
        raise NoFirstComponentError("the first two components explain the same")
    first = found.loadings[:, 0]
    if negative == "square":
        return _shares(first**2)
    against = np.flatnonzero(first < -TIE)
    if against.size:
        raise NegativeLoadingsError("the first component counts these against the others", against)
    return _shares(np.maximum(first, 0.0))


def factors(values: Array, number: int | None = None) -> Factors:
    """Return the leading components as factors, rotated by varimax so that each child loads on few.

    Parameters
    ----------
    values : (n_units, n_children) float
        Units with a gap are left out.
    number : int, optional
        How many are kept. By default those that have an eigenvalue above 1 and explain more than 10 %
        each, then as many more as it takes to explain 60 % together, and any that equal the last one.

    Returns
    -------
    Factors
        Loadings are correlations of child and factor; varimax is that of rows of length 1 (Kaiser 1958,
        doi:10.1007/BF02289233). Source: OECD/JRC Handbook 2008, p. 89-90.
    """
    found = components(values)
    if number is None:
        strong = np.count_nonzero((found.eigenvalues > 1.0 + TIE) & (found.explained > 0.1))
        enough = 1 + np.searchsorted(found.cumulative, 0.6 + TIE)
        number = max(int(strong), int(enough))
        # A cut between components that explain the same would be one by chance.
        while number < found.eigenvalues.size and np.ptp(found.eigenvalues[number - 1 : number + 1]) < TIE:
            number += 1
    kept = slice(0, min(max(number, 1), found.eigenvalues.size))
    rotated = _varimax(found.loadings[:, kept] * np.sqrt(found.eigenvalues[kept]))
    variance = (rotated**2).sum(axis=0)
    return Factors(rotated, variance / variance.sum() if variance.size else variance)


def factor(values: Array, number: int | None = None) -> Array:
    """Return shares from rotated factors: each child counts in the factor that it makes up most of.

    Parameters
    ----------
    values : (n_units, n_children) float
        Units with a gap are left out.
    number : int, optional
        How many factors are kept; see `factors` for the default.

    Returns
    -------
    array (n_children,)
        The largest, over the factors, of a child's share in the factor's sum of squared loadings, times the
        share of that factor in the variance that all kept factors explain; scaled to add to 1. Squares make
        the sign of a loading irrelevant. Equal where no child has any spread. Source: Nicoletti, Scarpetta
        and Boylaud 2000, doi:10.1787/215182844604, as in OECD/JRC Handbook 2008, p. 89-90.

    Raises
    ------
    TooFewRowsError
        Fewer than 3 units are complete.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0, 5.0], [2.0, 2.0, 3.0], [3.0, 3.0, 3.0], [4.0, 4.0, 5.0]])
    >>> factor(x, 2).round(6)  # two that are one, and one alone
    array([0.333333, 0.333333, 0.333333])
    """
    found = factors(values, number)
    if not found.explained.size:
        return _shares(np.zeros(values.shape[1]))
    squares = found.loadings**2
    total = squares.sum(axis=0)
    within = np.divide(squares, total, out=np.zeros_like(squares), where=total > 0)
    home = within.argmax(axis=1)
    return _shares(within[np.arange(home.size), home] * found.explained[home])


WEIGHTERS: dict[WeighterName, Callable[[Array], Array]] = {
    "entropy": entropy,
    "critic": critic,
    "pca": pca,
    "pca_squared": lambda values: pca(values, "square"),
    "factor": factor,
}


def from_data(
    values: Array, codes: Sequence[str], parent: str, how: WeighterName, problems: Problems
) -> dict[str, float]:
    """Return code → share for the children of a parent, or nothing where the data give no weights.

    Parameters
    ----------
    values : (n_units, n_children) float
        Scores of the children, higher is better.
    codes : sequence of str
        The children, in the order of the columns.
    parent : str
        For the message only.
    how : str
        A name in `WEIGHTERS`.
    problems : Problems
        Why there are no weights is noted here.
    """
    try:
        shares = WEIGHTERS[how](values)
    except NegativeLoadingsError as refused:
        against = [codes[column] for column in refused.columns]
        problems.add("importance.negative-loadings", Where(), parent=parent, codes=against)
    except NegativeValuesError as refused:
        below = [codes[column] for column in refused.columns]
        problems.add("importance.negative-values", Where(), parent=parent, codes=below)
    except TooFewRowsError as refused:
        problems.add("importance.too-few-units", Where(), parent=parent, count=refused.rows, least=LEAST_ROWS)
    except NoFirstComponentError:
        problems.add("importance.no-first-component", Where(), parent=parent, codes=list(codes))
    else:
        return dict(zip(codes, shares.tolist(), strict=True))
    return {}


def _shares(raw: Array) -> Array:
    total = raw.sum()
    return np.asarray(raw / total) if total > 0 else np.full(raw.size, 1.0 / max(raw.size, 1))


def _signs(vectors: Array) -> Array:
    """Return 1 or -1 for each column: its sum becomes positive, or its first entry where the sum is 0."""
    sums = vectors.sum(axis=0)
    first = vectors[(np.abs(vectors) > TIE).argmax(axis=0), np.arange(vectors.shape[1])]
    return np.where(np.where(np.abs(sums) > TIE, sums, first) < 0, -1.0, 1.0)


def _varies(known: Array) -> bool:
    """Tell whether a column has spread beyond the rounding of its values."""
    return bool(known.size > 1 and np.ptp(known) > 1e-12 * np.abs(known).max())


def _divergence(known: Array) -> float:
    if not _varies(known):
        return 0.0
    parts = known / known.sum()
    positive = parts[parts > 0]
    return max(0.0, 1.0 + float((positive * np.log(positive)).sum()) / float(np.log(known.size)))


def _pairwise(values: Array) -> Array:
    """Return Pearson correlations of the units known in both columns; NaN where there is none."""
    count = values.shape[1]
    result = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(i + 1, count):
            pair = values[:, [i, j]]
            pair = pair[~np.isnan(pair).any(axis=1)]
            if pair.shape[0] >= LEAST_ROWS and all(_varies(column) for column in pair.T):
                r = float(np.corrcoef(pair[:, 0], pair[:, 1])[0, 1])
                result[i, j] = result[j, i] = 1.0 if r > 1.0 - 1e-12 else r
    return result


def _varimax(loadings: Array, turns: int = 1000) -> Array:
    """Return the loadings turned so that the variance of their squares, in rows of length 1, is largest."""
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    rows = np.divide(loadings, length, out=np.zeros_like(loadings), where=length > 0)
    rotation, reached = np.eye(rows.shape[1]), 0.0
    for _ in range(turns):
        turned = rows @ rotation
        left, strength, right = np.linalg.svd(
            rows.T @ (turned**3 - turned * (turned**2).mean(axis=0)), full_matrices=False
        )
        rotation = left @ right
        if strength.sum() <= reached * (1 + 1e-12):
            break
        reached = strength.sum()
    return np.asarray(rows @ rotation * length)
