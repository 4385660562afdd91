"""Weights of a method: those of the framework or a set, or those that the scores themselves give."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.framework.model import Framework
from citygauge.indicators.table import Table, stacked
from citygauge.problems import Problems
from citygauge.score.aggregating import aggregate_nodes
from citygauge.score.method import Method
from citygauge.score.steps import plan_of
from citygauge.score.weight import EQUAL, GIVEN, sibling_weights
from citygauge.score.weight_data import WEIGHTERS, from_data


def check_weights(name: str, framework: Framework, problems: Problems) -> None:
    """Note weights that are neither known by name nor a set of the framework, or both."""
    known = {*GIVEN, *WEIGHTERS, *framework.weight_sets}
    if name not in known:
        problems.add("method.unknown-weights", name=name, known=sorted(known))
    taken = sorted({*GIVEN, *WEIGHTERS} & framework.weight_sets.keys())
    if taken:
        problems.add("weights.reserved-name", names=taken)


def shares_of(
    method: Method, framework: Framework, tables: Sequence[Table], problems: Problems
) -> dict[str, float]:
    """Return the weight of every node but the index, as its share among its siblings.

    Parameters
    ----------
    tables : sequence of Table
        Normalised scores: of one period, or of all that share weights, and of all strata.

    Returns
    -------
    dict
        code → share. Weights from data are computed from the lowest parents up, those of a level from the
        scores that the weights below give. A group of one, and bonuses, deductions and vetoes, are left as
        they are.
    """
    name = method.weights
    if name not in WEIGHTERS:
        return sibling_weights(framework, name, problems)
    shares = sibling_weights(framework, EQUAL, problems)
    for level in sorted({framework.levels[code] for code in framework.aggregates}, reverse=True):
        plan = plan_of(method, framework, shares)
        each = [aggregate_nodes(table, plan, framework, Problems())[0] for table in tables]
        nodes = stacked(each, framework.codes)
        for parent in framework.aggregates:
            children = framework.counted(parent)
            if framework.levels[parent] == level and len(children) > 1:
                values = nodes.values[:, [nodes.codes.index(child) for child in children]]
                shares |= from_data(values, children, parent, name, problems)
    return shares
