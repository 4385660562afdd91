"""Scores by groups of units, and whether the groups differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.spread import coefficient_of_variation, kruskal_wallis, variance_parts, welch
from citygauge.analyse.statistics import statistics
from citygauge.analyse.step_table import chosen_codes
from citygauge.collect.units import Units
from citygauge.problems import Problems, Where
from citygauge.result import Result

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_SHOWN = 3  # units of illustrative data below which a figure could be that of one of them
NO_GROUP = -1

_SCORES: dict[str, Any] = {
    "group": pl.String, "low": pl.Float64, "high": pl.Float64, "code": pl.String, "level": pl.Int64,
    "n": pl.Int64, "mean": pl.Float64, "sd": pl.Float64, "cv": pl.Float64, "min": pl.Float64,
    "median": pl.Float64, "max": pl.Float64,
}  # fmt: skip
_COUNTS: dict[str, Any] = {
    "code": pl.String, "level": pl.Int64, "n_groups": pl.Int64, "n": pl.Int64, "ungrouped": pl.Int64,
}  # fmt: skip
_TESTS: dict[str, Any] = _COUNTS | dict.fromkeys(
    ("ss_between", "ss_within", "eta_squared", "omega_squared", "welch_f", "welch_df1", "welch_df2",
     "welch_p", "kruskal_h", "kruskal_p", "epsilon_squared"), pl.Float64,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grouping:
    """How units are put into groups: by the texts of an attribute, or by bins of its numbers.

    Attributes
    ----------
    attribute : str
        A column of ``units.csv``.
    edges : tuple of float, optional
        Rising limits between bins: k of them make k + 1 bins, the first and the last open. A unit at a limit
        is in the bin above it.
    quantiles : int, optional
        So many bins with about as many units each, 2 or more: limits at the quantiles of type 7 of the units
        at hand. Equal values stay together and no bin is empty, so that there may be fewer.
    labels : mapping of str to str
        Text of the attribute → name of the group; texts of the same name are one group. Not for bins.
    order : tuple of str
        Names of groups in their order, also of groups that no unit is in; others follow in the order of the
        units. Not for bins.
    """

    attribute: str
    edges: tuple[float, ...] | None = None
    quantiles: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Groups:
    """Units in their groups.

    Attributes
    ----------
    names : tuple of str
        In order; those of bins are numbers from ``1``, the lowest.
    index : (n_units,) int
        Place of each unit's group among the names, -1 = none.
    low, high : tuple of float or None
        Limits of each bin, ``low ≤ value < high``; None where it is open, and for groups that are no bins.
    """

    names: tuple[str, ...]
    index: Ints
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]

    @property
    def ungrouped(self) -> int:
        """The number of units without a group: those whose attribute is blank."""
        return int((self.index == NO_GROUP).sum())


def members(units: Units, grouping: Grouping) -> Groups:
    """Return the units in their groups.

    Parameters
    ----------
    units : Units
    grouping : Grouping

    Returns
    -------
    Groups

    Raises
    ------
    InputError
        ``analyse.unknown-attribute``; ``analyse.grouping-conflict`` for edges with quantiles, and for either
        with labels or an order; ``analyse.edges-not-rising``, ``analyse.too-few-bins``; where there are to be
        bins ``analyse.not-numeric`` and ``analyse.no-numbers``.

    Examples
    --------
    >>> units = Units(pl.DataFrame({"unit": ["a", "b", "c"], "people": ["50", "500", None]}))
    >>> found = members(units, Grouping("people", edges=(100.0, 500.0)))
    >>> found.names, found.index.tolist(), found.low, found.high
    (('1', '2', '3'), [0, 2, -1], (None, 100.0, 500.0), (100.0, 500.0, None))
    """
    _check(units, grouping)
    if grouping.edges is None and grouping.quantiles is None:
        return _by_text(units, grouping)
    values = units.numbers(grouping.attribute)
    if grouping.edges is not None:
        edges: tuple[float, ...] = tuple(float(edge) for edge in grouping.edges)
    else:
        edges = _quantile_edges(values, grouping.quantiles or 1)
    index = np.where(np.isnan(values), NO_GROUP, np.searchsorted(edges, values, side="right"))
    names = tuple(str(i) for i in range(1, len(edges) + 2))
    return Groups(names, index.astype(np.int64), (None, *edges), (*edges, None))


def grade_groups(result: Result) -> Groups:
    """Return the units by the grade of their index, the best grade first; none without a grade scale."""
    names = tuple(grade.id for grade in result.scale.grades) if result.scale else ()
    at = {name: i for i, name in enumerate(names)}
    grades = result.grades or ("",) * len(result.units)
    index = np.array([at.get(grade, NO_GROUP) for grade in grades], dtype=np.int64)
    blank = (None,) * len(names)
    return Groups(names, index, blank, blank)


def group_scores(
    result: Result, grouping: Grouping | Groups, codes: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return location and spread of the scores of each group.

    Parameters
    ----------
    result : Result
    grouping : Grouping or Groups
    codes : sequence of str, optional
        Nodes; by default the index and its pillars.

    Returns
    -------
    DataFrame
        ``group, low, high, code, level, n, mean, sd, cv, min, median, max``, group after group in their
        order; `low` and `high` limit a bin (``low ≤ value < high``, null where open). Of the group `n` units
        have a score. For the other figures see `describe`; null where they cannot be told. With a `notice`
        on illustrative data; there `min`, `median` and `max` are null, as they are figures of single units,
        which a published grade could name. Null are also all figures of groups with fewer than 3 scores, and
        where these and the units without a group are fewer than 3 together, those of the next smallest groups
        too, as the rest could be had by subtraction.

    Raises
    ------
    InputError
        As `members`; ``compare.unknown-node``.

    Examples
    --------
    >>> group_scores(result, Grouping("gdp", edges=(5000, 10000)))  # doctest: +SKIP
    """
    groups, chosen, values = _grouped(result, grouping, codes)
    counts = _counts(values, groups)
    hidden = np.zeros(counts.shape, bool)
    if result.illustrative:
        loose = (~np.isnan(values[groups.index == NO_GROUP])).sum(axis=0)
        hidden = np.column_stack([_hidden(*each) for each in zip(counts.T, loose.tolist(), strict=True)])
    names, rows = ("mean", "sd", "cv", "min", "median", "max"), []
    of_one = {"min", "median", "max"} if result.illustrative else set()
    for i, group in enumerate(groups.names):
        found = statistics(values[groups.index == i])
        found["cv"] = coefficient_of_variation(found)
        for j, code in enumerate(chosen):
            figures = [None if hidden[i, j] or name in of_one else number(found[name][j]) for name in names]
            node = code, result.framework.levels[code]
            rows.append((group, groups.low[i], groups.high[i], *node, int(counts[i, j]), *figures))
    return noticed(pl.DataFrame(rows, _SCORES, orient="row"), result)


def group_tests(
    result: Result, grouping: Grouping | Groups, codes: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return whether the scores differ between groups, and how much of their differences groups explain.

    Parameters
    ----------
    result : Result
    grouping : Grouping or Groups
    codes : sequence of str, optional
        Nodes; by default the index and its pillars.

    Returns
    -------
    DataFrame
        ``code, level, n_groups, n, ungrouped``, and the figures of `variance_parts`
        (``ss_between, ss_within, eta_squared, omega_squared``), `welch`
        (``welch_f, welch_df1, welch_df2, welch_p``) and `kruskal_wallis`
        (``kruskal_h, kruskal_p, epsilon_squared``), null where a test cannot be made. `n` units with a score
        are in `n_groups` groups, `ungrouped` ones with a score are in none. With a `notice` on illustrative
        data; there the figures are null where a group, or what is in none, has one or two scores.

    Raises
    ------
    InputError
        As `group_scores`.

    Notes
    -----
    The p-values are those of one test each, and take the units for a sample. Where all units of a country are
    assessed the shares explained say more; where many nodes are tested some p-values are small by chance.

    Examples
    --------
    >>> group_tests(result, Grouping("economic_circle"))  # doctest: +SKIP
    """
    groups, chosen, values = _grouped(result, grouping, codes)
    counts, rows = _counts(values, groups), []
    for j, code in enumerate(chosen):
        column, of_each = values[:, j], counts[counts[:, j] > 0, j]
        loose = int((~np.isnan(column)).sum() - of_each.sum())
        figures: list[float | None] = [None] * (len(_TESTS) - len(_COUNTS))
        small = [n for n in (*of_each.tolist(), loose) if 0 < n < LEAST_SHOWN]
        if not (result.illustrative and small):
            found = [test(column, groups.index) for test in (variance_parts, welch, kruskal_wallis)]
            figures = [number(figure) for test in found for figure in test]
        rows.append((code, result.framework.levels[code], of_each.size, int(of_each.sum()), loose, *figures))
    return noticed(pl.DataFrame(rows, _TESTS, orient="row"), result)


def _check(units: Units, grouping: Grouping) -> None:
    """Refuse a grouping that cannot be made, with all that is wrong."""
    problems, name = Problems(), grouping.attribute
    is_known = name in units.attributes
    if not is_known:
        problems.add("analyse.unknown-attribute", Where(), name=name, known=list(units.attributes))
    bins = [key for key in ("edges", "quantiles") if getattr(grouping, key) is not None]
    words = [key for key in ("labels", "order") if getattr(grouping, key)]
    if bins and len(bins) + len(words) > 1:
        problems.add("analyse.grouping-conflict", Where(), name=name, keys=bins + words)
    if grouping.edges is not None and not _is_rising(grouping.edges):
        problems.add("analyse.edges-not-rising", Where(), name=name, edges=list(grouping.edges))
    if grouping.quantiles is not None and grouping.quantiles < 2:
        problems.add("analyse.too-few-bins", Where(), name=name, value=grouping.quantiles)
    if is_known and bins:
        numbers, texts = units.numbers(name), units.texts(name)
        told = [text for text in texts if not _is_blank(text)]
        if not told:
            problems.add("analyse.no-numbers", Where(), name=name)
        pairs = zip(texts, numbers, strict=True)
        odd = [text for text, value in pairs if not _is_blank(text) and not np.isfinite(value)]
        if odd:
            problems.add("analyse.not-numeric", Where(), name=name, values=list(dict.fromkeys(odd)))
    problems.raise_errors()


def _is_rising(edges: Sequence[float]) -> bool:
    limits = np.asarray(edges, dtype=float)
    return bool(limits.size and np.isfinite(limits).all() and (np.diff(limits) > 0).all())


def _is_blank(text: str | None) -> bool:
    return text is None or not text.strip()


def _by_text(units: Units, grouping: Grouping) -> Groups:
    texts = [None if _is_blank(text) else text for text in units.texts(grouping.attribute)]
    named = [None if text is None else grouping.labels.get(text, text) for text in texts]
    names = tuple(dict.fromkeys([*grouping.order, *(name for name in named if name is not None)]))
    place = {name: i for i, name in enumerate(names)}
    index = np.array([NO_GROUP if name is None else place[name] for name in named], dtype=np.int64)
    return Groups(names, index, (None,) * len(names), (None,) * len(names))


def _quantile_edges(values: Array, bins: int) -> tuple[float, ...]:
    """Return the quantiles between values, so that no bin is empty."""
    rising = np.sort(values[~np.isnan(values)])
    # In whole numbers, as a quantile that is a unit's value must not lie a rounding error above it.
    low, rest = np.divmod(np.arange(1, bins) * (rising.size - 1), bins)
    above = np.minimum(low + 1, rising.size - 1)
    edges = rising[low] + (rising[above] - rising[low]) * rest / bins
    below, first = np.unique(np.searchsorted(rising, edges), return_index=True)
    return tuple(edges[first[below > 0]].tolist())


def _grouped(
    result: Result, grouping: Grouping | Groups, codes: Sequence[str] | None
) -> tuple[Groups, tuple[str, ...], Array]:
    """Return the groups of the assessed units, and their scores at the nodes that are asked for."""
    framework, table = result.framework, result.aggregated
    root = framework.root.code
    asked = (root, *framework.counted(root)) if codes is None else codes
    chosen = chosen_codes(table, framework, "aggregated", None, asked)
    at = [table.codes.index(code) for code in chosen]
    groups = grouping if isinstance(grouping, Groups) else members(result.units, grouping)
    return groups, chosen, table.values[:, at]


def _counts(values: Array, groups: Groups) -> Ints:
    """Return how many units of each group have a score at each node."""
    known = (~np.isnan(values)).astype(np.int64)
    rows = [known[groups.index == i].sum(axis=0) for i in range(len(groups.names))]
    return np.array(rows, dtype=np.int64).reshape(len(rows), values.shape[1])


def _hidden(counts: Ints, loose: int) -> NDArray[np.bool_]:
    """Return the groups of which figures could tell of one unit, by themselves or by subtraction."""
    hidden = (counts > 0) & (counts < LEAST_SHOWN)
    for group in np.argsort(counts, kind="stable"):
        if not 0 < counts[hidden].sum() + loose < LEAST_SHOWN:
            break
        hidden[group] |= counts[group] > 0
    return hidden
