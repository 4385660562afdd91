"""Which design a list of runs follows: Saltelli's, a full factorial, or none that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CHANCE = 1e-6  # that runs drawn at random look like Saltelli's design: above it the sample is too small


@dataclass(frozen=True)
class Saltelli:
    """Runs in blocks: A, B, A with the first factor taken from B, A with the second, and so on.

    Attributes
    ----------
    factors : tuple of str
        Each named by the first of its columns, one ending in ``how`` first; in the order of their blocks.
    columns : tuple of tuple of str
        The columns of each, in the order they were given.
    n : int
        Runs in a block.
    levels : (n_runs, n_factors) int
        The setting of each factor, numbered from 0 in order of appearance.
    """

    factors: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    n: int
    levels: Ints


@dataclass(frozen=True)
class Factorial:
    """Every combination of the factors' settings in one run.

    Attributes
    ----------
    factors : tuple of str
        Each named by the first of its columns, one ending in ``how`` first; in the order of these.
    columns : tuple of tuple of str
        The columns of each, in the order they were given.
    n : int
        Runs.
    levels : (n, n_factors) int
        The setting of each factor, numbered from 0 in order of appearance.
    """

    factors: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    n: int
    levels: Ints


def recognise(columns: Mapping[str, Sequence[str]]) -> Saltelli | Factorial | None:
    """Return the design that runs follow, with its factors found by how their columns vary.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        The settings of each column as text, one for each run, in the order of the runs.

    Returns
    -------
    Saltelli, Factorial or None
        A factor may have several columns (a method of normalisation and its bounds); a column that does not
        vary belongs to none. Of a full factorial, in any order of its runs, columns belong together where
        their settings do not meet equally often; it has two factors or more. In Saltelli's design, of
        ``n (d + 2)`` runs, the columns of a factor come from B together. None where neither fits, where
        more than one number of factors does, and where runs drawn at random would look like it with a chance
        above 10⁻⁶ (of one yes-or-no factor that needs n = 20, of two n = 6).

    Raises
    ------
    ValueError
        For columns of different lengths.

    Notes
    -----
    The order of the blocks is that of Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018, section 3.

    Examples
    --------
    >>> found = recognise({"treat.how": ["a", "a", "b", "b"], "round": ["x", "y", "x", "y"]})
    >>> found.factors, found.levels.tolist()
    (('treat.how', 'round'), [[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> recognise({"treat.how": ["a", "a", "b"], "round": ["x", "y", "x"]}) is None
    True
    """
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError("the columns must be of one length")
    coded = {name: _codes(column) for name, column in columns.items()}
    varying = {name: codes for name, codes in coded.items() if codes.any()}
    if not varying:
        return None
    names, codes = list(varying), np.column_stack(list(varying.values()))
    return _factorial(names, codes) or _saltelli(names, codes)


def _codes(settings: Sequence[object]) -> Ints:
    """Settings numbered from 0 in order of appearance."""
    number: dict[object, int] = {}
    return np.array([number.setdefault(setting, len(number)) for setting in settings], dtype=np.int64)


def _levels(codes: Ints, groups: Sequence[Sequence[int]]) -> Ints:
    """The setting of each factor, of all its columns together."""
    return np.column_stack([_codes(list(map(tuple, codes[:, group].tolist()))) for group in groups])


def _named(names: Sequence[str], groups: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(names[place] for place in group) for group in groups)


def _factors(columns: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(next((name for name in own if name.endswith("how")), own[0]) for own in columns)


def _factorial(names: Sequence[str], codes: Ints) -> Factorial | None:
    """A full factorial of two factors or more."""
    groups: list[list[int]] = []
    for place in range(len(names)):
        joined = [group for group in groups if any(_depend(codes[:, place], codes[:, i]) for i in group)]
        groups = [group for group in groups if group not in joined]
        groups.append(sorted([place, *(i for group in joined for i in group)]))
    groups.sort()
    levels = _levels(codes, groups)
    counts = [int(count) + 1 for count in levels.max(axis=0)]
    if len(groups) < 2 or np.prod(counts, dtype=float) != len(codes):
        return None
    if np.unique(np.ravel_multi_index(tuple(levels.T), counts)).size != len(codes):
        return None
    columns = _named(names, groups)
    return Factorial(_factors(columns), columns, len(codes), levels)


def _depend(one: Ints, other: Ints) -> bool:
    """Whether two columns' settings do not meet as often as those of two factors of a factorial do."""
    if (one.max() + 1) * (other.max() + 1) > len(one):
        return True
    pairs = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(pairs, (one, other), 1)
    return bool((pairs * len(one) != np.outer(pairs.sum(axis=1), pairs.sum(axis=0))).any())


def _saltelli(names: Sequence[str], codes: Ints) -> Saltelli | None:
    """Saltelli's design, where the runs can be read as one in one way only."""
    found = []
    for d in range(1, len(names) + 1):
        n, rest = divmod(len(codes), d + 2)
        if rest or not n:
            continue
        groups = _taken(codes.reshape(d + 2, n, -1))
        if groups is not None and _chance(codes, groups, n) <= log(CHANCE):
            columns = _named(names, groups)
            found.append(Saltelli(_factors(columns), columns, n, _levels(codes, groups)))
    return found[0] if len(found) == 1 else None


def _taken(blocks: Ints) -> list[list[int]] | None:
    """The columns that each block after the second takes from the second, all others being the first's."""
    as_first, as_second = (blocks[2:] == blocks[0]).all(axis=1), (blocks[2:] == blocks[1]).all(axis=1)
    taken: Flags = as_second & ~as_first
    fits = (as_first | as_second).all() and taken.any(axis=1).all() and (taken.sum(axis=0) == 1).all()
    return [np.flatnonzero(own).tolist() for own in taken] if fits else None


def _chance(codes: Ints, groups: Sequence[Sequence[int]], n: int) -> float:
    """The logarithm of the chance that independent draws would meet as often as the design asks for."""
    d = len(groups)
    levels = _levels(codes, groups)
    meet = sum(log(float(((np.bincount(own) / len(own)) ** 2).sum())) for own in levels.T)
    return d * log(d) + n * d * meet
