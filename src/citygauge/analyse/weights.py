"""What weights do: what each node counts in its parent beside what its weight says, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.indicators.table import mean_table
from citygauge.problems import Problems
from citygauge.result import NOTICE, Result
from citygauge.score.aggregating import aggregate_nodes
from citygauge.score.importance import implied_weights, importance
from citygauge.score.optimise import Goal, Optimised, check, explain, optimise
from citygauge.score.steps import plan_of

Array = NDArray[np.float64]


def weights_table(result: Result) -> pl.DataFrame:
    """Return what each node counts in its parent beside its weight.

    Returns
    -------
    DataFrame
        One row for each node below the index: ``code, parent, level, weight`` (share among its siblings),
        ``effective_weight`` (share in the index), ``correlation`` with the parent, ``importance`` (the
        correlation ratio, 0..1), ``importance_share`` (among its siblings, to be held against `weight`) and
        ``implied_weight`` (share under a non-negative regression of the parent on its children). Blank where
        a measure is not defined: no spread, fewer than 3 units, or too few for a regression. Bonuses,
        deductions and vetoes have weights of 0 and no measures. Source: Paruolo, Saisana and Saltelli 2013,
        doi:10.1111/j.1467-985X.2012.01059.x.
    """
    framework, table = result.framework, result.aggregated
    measures: dict[str, tuple[float, ...]] = {}
    for parent in framework.aggregates:
        children = framework.counted(parent)
        values = np.column_stack([table.column(child) for child in children])
        nominal = np.array([result.shares[child] for child in children])
        told = importance(values, table.column(parent), nominal)
        implied = implied_weights(values, table.column(parent))
        columns = (told.correlation, told.eta2, told.eta2_shares, implied.shares)
        measures |= dict(zip(children, zip(*columns, strict=True), strict=True))
    names = ("correlation", "importance", "importance_share", "implied_weight")
    codes = framework.codes[1:]
    nothing = (np.nan,) * len(names)
    frame = pl.DataFrame(
        {
            "code": list(codes),
            "parent": [framework[code].parent for code in codes],
            "level": [framework.levels[code] for code in codes],
            "weight": [result.shares[code] for code in codes],
            "effective_weight": [result.effective_weights[code] for code in codes],
            **{
                name: pl.Series([float(measures.get(code, nothing)[i]) for code in codes]).fill_nan(None)
                for i, name in enumerate(names)
            },
        }
    )
    return frame.with_columns(pl.lit(NOTICE["en"]).alias("notice")) if result.illustrative else frame


def optimised_weights(
    result: Result,
    parents: Sequence[str],
    problems: Problems,
    target: Literal["equal", "nominal"] | Mapping[str, float] = "nominal",
    bounds: tuple[float, float] = (0.0, 1.0),
    goal: Goal = "balance",
) -> dict[str, Optimised]:
    """Return weights under which the children of each parent count in it as they are meant to.

    Parameters
    ----------
    parents : sequence of str
        Each is taken on its own, from the lowest up; the weights found below it hold for those above.
    problems : Problems
        Takes what stands against it: bounds or targets that cannot be (errors), and targets that were not
        reached, with the reason (warnings).
    target : {"equal", "nominal"} or mapping
        ``nominal``: each child counts as much as its weight says; ``equal``: all the same; or code → amount.
    bounds : pair of float, within 0..1
        The least and the largest share.
    goal : {"balance", "infomax"}
        See `citygauge.score.optimise.optimise`.

    Returns
    -------
    dict
        Parent → weights, the importances they reach and whether the search converged. Importance is Pearson's
        correlation with the parent's score. Parents with one child are left out. Source: Becker et al. 2017,
        doi:10.1016/j.ecolind.2017.03.011.
    """
    framework, shares = result.framework, dict(result.shares)
    found: dict[str, Optimised] = {}
    for parent in sorted(parents, key=lambda code: framework.levels[code], reverse=True):
        children = framework.counted(parent)
        if len(children) < 2:
            continue
        nominal = np.array([result.shares[child] for child in children])
        wanted: Array | Literal["equal"] = nominal
        if target == "equal":
            wanted = "equal"
        elif not isinstance(target, str):
            wanted = np.array([target.get(child, np.nan) for child in children])
        before = len(problems.errors)
        check(parent, children, wanted, bounds, problems)
        if len(problems.errors) > before:
            continue
        score = _scored_with(result, parent, shares)
        nodes = score(dict(zip(children, nominal, strict=True)))
        values = np.column_stack([nodes[:, framework.codes.index(child)] for child in children])
        at = framework.codes.index(parent)

        own_score = partial(_own_score, score, children, at)
        found[parent] = optimise(values, own_score, wanted, bounds, goal=goal)
        explain(found[parent], parent, children, problems)
        shares |= dict(zip(children, found[parent].weights.tolist(), strict=True))
    return found


_Scorer = Callable[[Mapping[str, float]], Array]


def _scored_with(result: Result, parent: str, shares: Mapping[str, float]) -> _Scorer:
    """Return a function from weights of some nodes to the scores of all, the other weights as they are."""
    tables = [stratum.normalised for stratum in result.strata.values()] or [result.normalised]

    def score(weights: Mapping[str, float]) -> Array:
        plan = plan_of(result.method, result.framework, {**shares, **weights})
        each = [aggregate_nodes(table, plan, result.framework, Problems())[0] for table in tables]
        return mean_table(each, result.framework.codes).values

    return score


def _own_score(score: _Scorer, children: Sequence[str], at: int, weights: Array) -> Array:
    return score(dict(zip(children, weights.tolist(), strict=True)))[:, at]
