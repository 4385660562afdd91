"""What becomes of the index when one node is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import known_node, noticed, number, shown, whole
from citygauge.corridor import assess
from citygauge.framework.model import Framework
from citygauge.indicators.table import Table, mean_table
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result
from citygauge.score.aggregate import plan
from citygauge.score.aggregating import aggregate_nodes
from citygauge.score.rank import rank
from citygauge.score.steps import plan_of
from citygauge.workspace import Workspace

_ROWS: dict[str, Any] = {
    "unit_code": pl.String, "name_zh": pl.String, "name_en": pl.String, "removed": pl.String,
    "value": pl.Float64, "rank": pl.Int64, "shift": pl.Int64,
}  # fmt: skip
_SUMMARY: dict[str, Any] = {
    "removed": pl.String, "level": pl.Int64, "name_zh": pl.String, "name_en": pl.String, "n": pl.Int64,
    "mean_abs_shift": pl.Float64, "max_abs_shift": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, repr=False)
class LeftOut:
    """The index with one node left out at a time.

    Attributes
    ----------
    result : Result
        With everything in.
    codes : tuple of str
        The nodes that were left out.
    scores : (n_units, n_codes) float
        The index without each of them; NaN where nothing is left to score. Rows as in `result.units`.
    ranks : (n_units, n_codes) int
        1 = highest, 0 = no value.
    warnings : tuple of Problem
        Nodes that could not be left out.
    """

    result: Result
    codes: tuple[str, ...]
    scores: NDArray[np.float64]
    ranks: NDArray[np.int32]
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def shifts(self) -> NDArray[np.float64]:
        """Rank with everything in less the rank without the node: above 0 stands better without it."""
        before = self.result.ranks[:, :1]
        known = (before > 0) & (self.ranks > 0)
        return np.where(known, before - self.ranks.astype(float), np.nan)

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row for each node left out and unit: ``unit_code, …, removed, value, rank, shift``.

        Names are neutral on illustrative data, and there is a `notice`.
        """
        names = shown(self.result)
        ranks = np.where(self.ranks == 0, np.nan, self.ranks.astype(float))
        before = self.result.ranks[:, 0]
        order = sorted(
            range(len(before)), key=lambda i: (before[i] or np.inf, names[self.result.units.codes[i]][0])
        )
        rows = [
            (
                *names[self.result.units.codes[i]], code, number(self.scores[i, column]),
                whole(ranks[i, column]), whole(self.shifts[i, column]),
            )
            for column, code in enumerate(self.codes)
            for i in order
        ]  # fmt: skip
        return noticed(pl.DataFrame(rows, schema=_ROWS, orient="row"), self.result)

    @cached_property
    def summary(self) -> pl.DataFrame:
        """One row for each node left out: ``removed, level, …, n, mean_abs_shift, max_abs_shift``.

        The figures are those of the `n` units with a rank both with and without it.
        """
        framework, rows = self.result.framework, []
        for column, code in enumerate(self.codes):
            shifts = np.abs(self.shifts[:, column])
            shifts = shifts[~np.isnan(shifts)]
            mean, most = (float(shifts.mean()), int(shifts.max())) if shifts.size else (None, None)
            names = framework[code].label("zh"), framework[code].label("en")
            rows.append((code, framework.levels[code], *names, shifts.size, mean, most))
        return noticed(pl.DataFrame(rows, schema=_SUMMARY, orient="row"), self.result)

    def __repr__(self) -> str:
        """Name the size, and no figure of any unit."""
        return f"<LeftOut: {len(self.codes)} nodes of {self.result!r}>"


def leave_one_out(
    source: Result | Workspace, level: int | None = None, codes: Sequence[str] | None = None
) -> LeftOut:
    """Return the index with the weight of one node at a time set to 0, all else as it is.

    Nothing but the aggregation is done again: gaps filled, outliers treated and columns normalised stay, and
    so do the other weights in proportion, also where they come from the data.

    Parameters
    ----------
    source : Result or Workspace
        A workspace is assessed by its own method first.
    level : int, optional
        All nodes of this depth: 1 = pillars.
    codes : sequence of str, optional
        Nodes, in place of a level. By default all nodes below the index that have a weight.

    Returns
    -------
    LeftOut

    Raises
    ------
    InputError
        ``compare.unknown-node``, ``compare.unknown-level``; ``compare.no-weight`` for the index and for
        bonuses, deductions and vetoes, which are no part of a mean.

    Notes
    -----
    Where a node is all that its parent is made of, the parent is left out with it; where that is the index,
    there is nothing left, and the node is passed over with the warning ``compare.nothing-left``. Source:
    COINr, ``remove_elements`` (Becker et al. 2022, doi:10.21105/joss.04567).

    Examples
    --------
    >>> leave_one_out(result, level=1).summary  # doctest: +SKIP
    """
    problems = Problems()
    framework = source.framework
    chosen = _chosen(framework, level, codes, problems)
    problems.raise_errors()
    result = source if isinstance(source, Result) else assess(source)
    tables = [each.normalised for each in result.strata.values()] or [result.normalised]
    base = plan_of(result.method, framework, result.shares)
    kept, columns = [], []
    for code in chosen:
        shares = _without(code, result.shares, framework, result.normalised)
        if shares is None:
            problems.add("compare.nothing-left", code=code)
            continue
        steps = replace(base, steps=plan(framework, shares, base.rules, base.onto))
        nodes = [aggregate_nodes(table, steps, framework, Problems())[0] for table in tables]
        columns.append(mean_table(nodes, framework.codes).values[:, 0])
        kept.append(code)
    scores = np.column_stack(columns) if columns else np.empty((len(result.units), 0))
    return LeftOut(result, tuple(kept), scores, rank(scores), problems.warnings)


def _chosen(
    framework: Framework, level: int | None, codes: Sequence[str] | None, problems: Problems
) -> tuple[str, ...]:
    """Return the nodes to leave out; what cannot be is noted."""
    weighed = {code for parent in framework.aggregates for code in framework.counted(parent)}
    if codes is not None:
        for code in codes:
            try:
                known_node(code, framework)
            except InputError as error:
                problems.extend(error.problems)
        if weightless := [code for code in codes if code in framework and code not in weighed]:
            problems.add("compare.no-weight", Where(), codes=weightless)
        return tuple(dict.fromkeys(codes))
    if level is None:
        return tuple(code for code in framework.codes if code in weighed)
    deepest = max(framework.levels.values())
    if not 1 <= level <= deepest:
        problems.add("compare.unknown-level", Where(), level=level, last=deepest)
    return tuple(code for code in framework.codes if code in weighed and framework.levels[code] == level)


def _without(
    code: str, shares: Mapping[str, float], framework: Framework, table: Table
) -> dict[str, float] | None:
    """Return the shares with that of one node 0; None where the index is made of it alone."""
    if shares[code] == 0:
        return dict(shares)
    parent = framework[code].parent or ""
    siblings = [other for other in framework.counted(parent) if other != code]
    rest = sum(shares[other] for other in siblings)
    if rest == 0:
        if parent == framework.root.code:
            return None
        # A parent with scores of its own, or added as a bonus, does not go with its last child.
        if parent not in table.codes and not framework[parent].role:
            return _without(parent, shares, framework, table)
    return {**shares, code: 0.0, **{other: shares[other] / rest for other in siblings if rest}}
