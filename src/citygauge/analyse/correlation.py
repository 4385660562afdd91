"""How nodes go together: within their groups, with what they are part of, and with the size of the units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.pairwise import METHODS, Method, correlation, kendall_p_value, p_value
from citygauge.analyse.step_table import Step, chosen_codes, known_choice, step_table
from citygauge.framework.model import Framework
from citygauge.indicators.table import Table
from citygauge.problems import Problems, Where
from citygauge.result import Result
from citygauge.score.rank import rounded

Array = NDArray[np.float64]

_PAIRS: dict[str, Any] = {"code": pl.String, "other": pl.String}
_FAMILY: dict[str, Any] = {
    "code": pl.String, "level": pl.Int64, "ancestor": pl.String, "ancestor_level": pl.Int64,
}  # fmt: skip
_SIZES: dict[str, Any] = {"code": pl.String, "denominator": pl.String, "is_divided": pl.Boolean}
_FIGURES: dict[str, Any] = {"correlation": pl.Float64, "n": pl.Int64, "p_value": pl.Float64}


def correlations(
    result: Result,
    *,
    level: int | None = None,
    codes: Sequence[str] | None = None,
    step: Step = "aggregated",
    method: Method = "pearson",
    within: int | None = None,
    significance: float | None = None,
) -> pl.DataFrame:
    """Return the correlation of every two nodes over the units that have both.

    Parameters
    ----------
    result : Result
    level : int, optional
        All nodes of this depth.
    codes : sequence of str, optional
        Nodes, in place of a level. By default all leaves.
    step : str
        See `step_table`; ``aggregated`` has the scores of all nodes, those of leaves as normalised. Before
        normalisation values are as measured: where less is better, the sign is the other way round.
    method : {"pearson", "spearman", "kendall"}
        See `correlation`; for the last two values tie as ranks do, after rounding to 2⁻⁴⁰ of the range.
    within : int, optional
        Only pairs that lie under the same node of this level, such as 1 = the same pillar.
    significance : float, optional
        Largest p-value; a correlation with a larger one is null.

    Returns
    -------
    DataFrame
        ``code, other, correlation, n, p_value``, each pair once, in tree order, and first ``group`` with
        `within`. `n` units have both. `correlation` and `p_value` are null for fewer than 3 of them and where
        either node has no spread. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-choice``, ``analyse.not-at-step``, ``compare.unknown-level``,
        ``compare.unknown-node``.

    Notes
    -----
    The p-values are two-sided: the t test (`p_value`), for Kendall's tau scipy's. Source: COINr,
    ``get_corr`` (Becker et al. 2022, doi:10.21105/joss.04567).

    Examples
    --------
    >>> correlations(result, level=1, method="spearman")  # doctest: +SKIP
    """
    known_choice(method, METHODS)
    table = step_table(result, step)
    chosen = chosen_codes(table, result.framework, step, level, codes)
    above = dict(_groups(result.framework, chosen, within))
    pairs = [
        (one, other)
        for i, one in enumerate(chosen)
        for other in chosen[i + 1 :]
        if above[one] == above[other] and (within is None or above[one])
    ]
    figures = _figures(_columns(table, chosen), None, _places(chosen, pairs), method, significance)
    frame = pl.DataFrame(
        [(*pair, *row) for pair, row in zip(pairs, figures, strict=True)], _PAIRS | _FIGURES, orient="row"
    )
    if within is not None:
        groups = pl.Series("group", [above[one] for one, _ in pairs], dtype=pl.String)
        frame = frame.select(groups, pl.all())
    return noticed(frame, result)


def correlation_matrix(
    result: Result,
    *,
    level: int | None = None,
    codes: Sequence[str] | None = None,
    step: Step = "aggregated",
    method: Method = "pearson",
) -> pl.DataFrame:
    """Return the correlations of nodes as a square: ``code``, and a column for each node.

    Parameters
    ----------
    result, level, codes, step, method
        See `correlations`.

    Returns
    -------
    DataFrame
        The diagonal is 1, null where the node has no spread. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        As `correlations`.

    Examples
    --------
    >>> correlation_matrix(result, level=1)  # doctest: +SKIP
    """
    known_choice(method, METHODS)
    table = step_table(result, step)
    chosen = chosen_codes(table, result.framework, step, level, codes)
    found, _ = correlation(_compared(_columns(table, chosen), method), None, method)
    columns = {code: pl.Series(found[:, i]).fill_nan(None) for i, code in enumerate(chosen)}
    return noticed(pl.DataFrame({"code": pl.Series(chosen, dtype=pl.String), **columns}), result)


def correlation_flags(
    result: Result,
    *,
    above: float = 0.9,
    below: float = -0.4,
    within: int = 1,
    step: Step = "aggregated",
    method: Method = "pearson",
    significance: float = 0.05,
) -> pl.DataFrame:
    """Return the pairs of leaves in a group that say the same, or that work against each other.

    Parameters
    ----------
    result : Result
    above, below : float
        Correlations above the first are ``high``: the two may count the same thing twice. Those below the
        second are ``low``: in a mean the two cancel out.
    within : int
        The level of the groups, 1 = pillars.
    step, method
        See `correlations`.
    significance : float
        Only correlations with at most this p-value.

    Returns
    -------
    DataFrame
        ``group, code, other, correlation, n, p_value, flag``, in tree order. With a `notice` on illustrative
        data.

    Raises
    ------
    InputError
        As `correlations`.

    Notes
    -----
    Source: COINr, ``get_corr_flags``.

    Examples
    --------
    >>> correlation_flags(result, above=0.75)  # doctest: +SKIP
    """
    frame = correlations(result, step=step, method=method, within=within, significance=significance)
    found = pl.col("correlation")
    flag = pl.when(found > above).then(pl.lit("high")).when(found < below).then(pl.lit("low"))
    kept = [name for name in frame.columns if name != "notice"]
    return frame.select(*kept, flag.alias("flag"), *frame.columns[len(kept) :]).drop_nulls("flag")


def correlations_with_parents(
    result: Result,
    *,
    level: int | None = None,
    codes: Sequence[str] | None = None,
    family: bool = False,
    method: Method = "pearson",
    significance: float | None = None,
) -> pl.DataFrame:
    """Return the correlation of nodes with the node that they are part of.

    Parameters
    ----------
    result : Result
    level, codes
        See `correlations`; by default all nodes below the index.
    family : bool
        With every node above, up to the index, not the parent alone.
    method, significance
        See `correlations`.

    Returns
    -------
    DataFrame
        ``code, level, ancestor, ancestor_level, correlation, n, p_value``, in tree order, the parent first.
        With a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-choice``, ``compare.unknown-level``, ``compare.unknown-node``.

    Notes
    -----
    A node counts in its parent, so that the correlation is not 0 even where nothing else goes with it.
    Source: COINr, ``get_corr(withparent)``; OECD/JRC Handbook 2008, step 8.

    Examples
    --------
    >>> correlations_with_parents(result, level=1)  # doctest: +SKIP
    """
    known_choice(method, METHODS)
    framework, table = result.framework, result.aggregated
    if level is None and codes is None:
        codes = framework.codes[1:]
    chosen = chosen_codes(table, framework, "aggregated", level, codes)
    pairs = [
        (code, above)
        for code in chosen
        for i, above in enumerate(framework.ancestors(code))
        if family or not i
    ]
    used = list(dict.fromkeys(code for pair in pairs for code in pair))
    figures = _figures(_columns(table, used), None, _places(used, pairs), method, significance)
    rows = [
        (code, framework.levels[code], above, framework.levels[above], *found)
        for (code, above), found in zip(pairs, figures, strict=True)
    ]
    return noticed(pl.DataFrame(rows, _FAMILY | _FIGURES, orient="row"), result)


def correlations_with_denominators(
    result: Result,
    *,
    denominators: Sequence[str] | None = None,
    above: float = 0.0,
    step: Step = "raw",
    method: Method = "pearson",
    significance: float | None = None,
) -> pl.DataFrame:
    """Return the correlation of leaves with the size of the units: what may have to be divided by it.

    Parameters
    ----------
    result : Result
    denominators : sequence of str, optional
        Attributes of the units, or codes; by default those that the framework divides by.
    above : float
        Only correlations larger than this in absolute value; at 0 all, those that cannot be told too.
    step, method, significance
        See `correlations`; by default values as recorded, before they are divided.

    Returns
    -------
    DataFrame
        ``code, denominator, is_divided, correlation, n, p_value``; `is_divided` tells whether the framework
        divides the one by the other. With a `notice` on illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-attribute``, ``analyse.no-numbers``, ``analyse.unknown-choice``.

    Notes
    -----
    Source: COINr, ``get_denom_corr``.

    Examples
    --------
    >>> correlations_with_denominators(result, above=0.7)  # doctest: +SKIP
    """
    known_choice(method, METHODS)
    framework, table = result.framework, step_table(result, step)
    named = list(dict.fromkeys(node.denominator for node in framework if node.denominator))
    sizes = _sizes(result, table, named if denominators is None else denominators)
    chosen = chosen_codes(table, framework, step, None, None)
    places = [(i, j) for i, code in enumerate(chosen) for j, size in enumerate(sizes) if size != code]
    others = np.column_stack(list(sizes.values())) if sizes else np.empty((len(table.units), 0))
    figures = _figures(_columns(table, chosen), others, places, method, significance)
    names = list(sizes)
    rows = [
        (chosen[i], names[j], framework[chosen[i]].denominator == names[j], *found)
        for (i, j), found in zip(places, figures, strict=True)
        if above <= 0 or (found[0] is not None and abs(found[0]) > above)
    ]
    return noticed(pl.DataFrame(rows, _SIZES | _FIGURES, orient="row"), result)


def _figures(
    values: Array,
    others: Array | None,
    places: Iterable[tuple[int, int]],
    method: Method,
    significance: float | None,
) -> Iterator[tuple[float | None, int, float | None]]:
    """Give correlation, number of units and p-value of pairs of columns."""
    values = _compared(values, method)
    right = values if others is None else _compared(others, method)
    found, n = correlation(values, None if others is None else right, method)
    p_values = None if method == "kendall" else p_value(found, n)
    for i, j in places:
        p = kendall_p_value(values[:, i], right[:, j]) if p_values is None else float(p_values[i, j])
        is_shown = significance is None or p <= significance
        yield (number(found[i, j]) if is_shown else None, int(n[i, j]), number(p))


def _places(codes: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    place = {code: i for i, code in enumerate(codes)}
    return [(place[one], place[other]) for one, other in pairs]


def _columns(table: Table, codes: Sequence[str]) -> Array:
    return table.values[:, [table.codes.index(code) for code in codes]]


def _compared(values: Array, method: Method) -> Array:
    """Return values in which mathematical ties are ties where a method goes by order."""
    return values if method == "pearson" else rounded(values)


def _groups(
    framework: Framework, codes: Sequence[str], within: int | None
) -> Iterator[tuple[str, str | None]]:
    """Give each code with the node of a level that it lies under; None where there is none, or no level."""
    for code in codes:
        above = (each for each in framework.ancestors(code) if framework.levels[each] == within)
        yield code, next(above, None)


def _sizes(result: Result, table: Table, names: Sequence[str]) -> dict[str, Array]:
    """Return denominators by name, in the order of a table's units; what is no number is noted."""
    units = result.workspace.units.select(table.units)
    raw = step_table(result, "raw")
    rows = [raw.units.index(unit) for unit in table.units]
    found: dict[str, Array] = {}
    problems = Problems()
    for name in dict.fromkeys(names):
        if name in units.attributes:
            found[name] = units.numbers(name)
        elif name in raw.codes:
            found[name] = raw.column(name)[rows]
        else:
            problems.add("analyse.unknown-attribute", Where(), name=name, known=list(units.attributes))
            continue
        if np.isnan(found[name]).all():
            problems.add("analyse.no-numbers", Where(), name=name)
    problems.raise_errors()
    return found
