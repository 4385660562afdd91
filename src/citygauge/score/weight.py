"""Weights among siblings, and what each node finally counts in the index."""

from __future__ import annotations

from collections.abc import Mapping

from citygauge.framework.model import Framework
from citygauge.problems import Problems

DEFAULT, EQUAL, BY_COUNT = GIVEN = ("default", "equal", "by_count")


def sibling_weights(framework: Framework, name: str, problems: Problems) -> dict[str, float]:
    """Return the weight of every node but the index, as its share among its siblings.

    Parameters
    ----------
    name : str
        ``default`` (the framework's own), ``equal``, ``by_count`` (in proportion to the indicators below,
        so that every indicator counts the same), or a weight set; a set may name some groups of siblings
        only, the others keep their default. A set that does not exist is noted.

    Returns
    -------
    dict
        code → share; the shares of a group add to 1. Blank weights are the full marks of the nodes, where
        there are any, else equal. A group all of whose weights are 0 has shares 0, and so has what is no part
        of the mean of its parent: bonuses, deductions and vetoes.
    """
    known = {*GIVEN, *framework.weight_sets}
    if name not in known:
        problems.add("method.unknown-weights", name=name, known=sorted(known))
        return {}
    chosen: Mapping[str, float] = framework.weight_sets.get(name, {})
    own = {
        node.code: framework.points.get(node.code) if node.weight is None else node.weight
        for node in framework
    }
    shares = {node.code: 0.0 for node in framework if node.role}
    for parent in framework.aggregates:
        children = framework.counted(parent)
        if name == BY_COUNT:
            given: list[float | None] = [float(_indicators_below(framework, code)) for code in children]
        else:
            given = [1.0 if name == EQUAL else chosen.get(code, own[code]) for code in children]
        weights = [1.0 if weight is None else weight for weight in given]
        total = sum(weights)
        shares |= {code: w / total if total else 0.0 for code, w in zip(children, weights, strict=True)}
    return shares


def effective_weights(framework: Framework, shares: Mapping[str, float]) -> dict[str, float]:
    """Return the product of the shares from the index down to each node; the index has 1.

    Examples
    --------
    A pillar with a share of 0.3 and four equal children gives each of them 0.075. Source: COINr,
    ``get_eff_weights``.
    """
    effective = {framework.root.code: 1.0}
    for node in framework.nodes[1:]:
        assert node.parent is not None
        effective[node.code] = effective[node.parent] * shares[node.code]
    return effective


def _indicators_below(framework: Framework, code: str) -> int:
    """Return how many indicators a node holds; a part of an indicator counts by its leaves."""
    indicators = set(framework.indicators)
    if code in indicators:
        return 1
    below = [c for c in framework.subtree(code) if c in indicators and not framework.roles[c]]
    return len(below) or len(framework.leaves_under(code))
