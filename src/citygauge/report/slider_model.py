"""What the page of movable weights computes with: the tree above what is fixed, scores, ranks and edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from citygauge.indicators.table import Table
from citygauge.problems import Language, Problems
from citygauge.report.marks import Marks
from citygauge.result import Result
from citygauge.score.aggregate import MEANS, Nodes, aggregate
from citygauge.score.aggregating import Plan
from citygauge.score.points import adjustment, with_nothing_earned
from citygauge.score.rank import RESOLUTION
from citygauge.score.steps import plan_of
from citygauge.score.weight import BY_COUNT, sibling_weights

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Movable:
    """The part of a result that is computed anew when weights move.

    A node is *live* where a browser recomputes it: its method is one of the four means, so are those of all
    nodes above it, and the node is no bonus, deduction or veto. Everything right below live nodes that is not
    live itself is taken as it was scored.
    """

    result: Result

    @cached_property
    def plan(self) -> Plan:
        """How the result computed its nodes."""
        return plan_of(self.result.method, self.result.framework, self.result.shares)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The normalised scores, of each stratum where there are strata."""
        strata = self.result.strata.values()
        return tuple(each.normalised for each in strata) or (self.result.normalised,)

    @cached_property
    def live(self) -> tuple[str, ...]:
        """The codes of the live nodes in tree pre-order; empty where the index itself is not."""
        framework, scored = self.result.framework, self._scored_themselves
        found: dict[str, None] = {}
        for code in framework.aggregates:
            above = framework[code].parent
            reached = above is None or (above in found and not framework[code].role)
            if reached and code not in scored and self.plan.rules[code].how in MEANS:
                found[code] = None
        return tuple(found)

    @cached_property
    def _scored_themselves(self) -> frozenset[str]:
        """The aggregates that have a score of their own for every unit, so that no weight below counts."""
        codes = [code for code in self.result.framework.aggregates if code in self.tables[0].codes]
        return frozenset(
            code
            for code in codes
            if all(code in each.codes and not np.isnan(each.column(code)).any() for each in self.tables)
        )

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The codes that the page knows: the live nodes and all their children, in tree pre-order."""
        framework, live = self.result.framework, set(self.live)
        return tuple(code for code in framework.codes if code in live or framework[code].parent in live)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The live nodes with two children or more whose weights can be moved."""
        return tuple(code for code in self.live if len(self.result.framework.counted(code)) > 1)

    @cached_property
    def fixed(self) -> tuple[str, ...]:
        """The nodes below live ones that have a weight and weights below them, all of which stay."""
        framework, live = self.result.framework, set(self.live)
        return tuple(
            code
            for code in self.shown
            if code not in live and framework.children(code) and not framework[code].role
            and code not in self._scored_themselves
        )  # fmt: skip

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The rows of the units as they were ranked, so that their place says no more than the rank does."""
        row_of = {label: row for row, label in enumerate(self.result.row_labels)}
        return tuple(row_of[label] for label in self.result.ranking["unit_code"])


def slider_model(movable: Movable, language: Language) -> dict[str, Any]:
    """Return what the scripts of the page compute with, as plain data that JSON can carry.

    Returns
    -------
    dict
        ``units`` (names as `Result.labels` shows them, in the order of their ranks), ``published`` (ranks,
        0 = none), ``nodes`` in tree pre-order with their ``rule`` where they are live, ``layers`` (one for
        each stratum: the scores that are given and the rows that are not applicable, by node), ``edges`` of
        the grades, ``marks`` in which scores are shown, and ``rest``: the weights that cannot be moved.
    """
    result, order = movable.result, list(movable.order)
    labels, ranks = result.labels(language), result.ranks[order, 0]
    graded = _graded(result, language)
    return {
        "units": [labels[row] for row in order],
        "published": [int(rank) for rank in ranks],
        "nodes": _nodes(movable, language),
        "layers": [_layer(movable, table) for table in movable.tables] if movable.live else [],
        "index": None if movable.live else _numbers(result.index[order]),
        **graded,
        "marks": _marks(result),
        "rest": _rest(movable),
    }


def _nodes(movable: Movable, language: Language) -> list[dict[str, Any]]:
    """Return the nodes with their weights: as used, and by the number of indicators below."""
    result, place = movable.result, {code: i for i, code in enumerate(movable.shown)}
    counts = sibling_weights(result.framework, BY_COUNT, Problems())
    found = []
    for code in movable.shown:
        node = result.framework[code]
        found.append(
            {
                "code": code,
                "name": node.label(language),
                "parent": place.get(node.parent or "", -1),
                "share": 1.0 if node.parent is None else result.shares[code],
                "byCount": 1.0 if node.parent is None else counts[code],
                "role": bool(node.role),
                "rule": _rule(movable, code, place) if code in movable.live else None,
            }
        )
    return found


def _rule(movable: Movable, code: str, place: dict[str, int]) -> dict[str, Any]:
    """Return how a live node is computed, with what comes on top of its mean."""
    rule, framework = movable.plan.rules[code], movable.result.framework
    children = framework.children(code)
    told: dict[str, Any] = {"how": rule.how, "least": rule.min_availability, **dict(rule.parameters)}
    adjust = adjustment(framework, [code], children, movable.plan.onto)
    if adjust is not None:
        gains = zip(children, adjust.gains[:, 0], strict=True)
        told["adjust"] = {
            "low": adjust.low,
            "least": _number(adjust.least[0]),
            "most": _number(adjust.most[0]),
            "gains": [[place[child], float(gain)] for child, gain in gains if gain],
            "vetoes": [[place[children[child]], float(most)] for child, _, most in adjust.vetoes],
        }
    return told


def _layer(movable: Movable, table: Table) -> dict[str, Any]:
    """Return the scores that stay, by node, and the rows that do not count in availability."""
    framework, order, live = movable.result.framework, list(movable.order), set(movable.live)
    scores, nodes = _scored(movable, table)
    values, gaps = [], []
    for code in movable.shown:
        at = framework.codes.index(code)
        column = scores[order, at] if code in live else nodes.values[order, at]
        values.append(None if np.isnan(column).all() else _numbers(column))
        gaps.append([] if code in live else np.flatnonzero(~nodes.applicable[order, at]).tolist())
    return {"values": values, "gaps": gaps}


def _scored(movable: Movable, table: Table) -> tuple[Array, Nodes]:
    """Return the scores that nodes have of themselves, and those of all nodes, as `aggregate_nodes` does."""
    framework = movable.result.framework
    columns = [framework.codes.index(code) for code in table.codes]
    shape = (len(table.units), len(framework))
    scores, applicable = np.full(shape, np.nan), np.ones(shape, bool)
    scores[:, columns], applicable[:, columns] = table.values, table.applicable
    filled, _ = with_nothing_earned(scores, framework, movable.plan.onto[0])
    return scores, aggregate(filled, applicable, movable.plan.steps)


def _graded(result: Result, language: Language) -> dict[str, Any]:
    """Return the edges of the grades; on illustrative data no grade stands beside a unit."""
    scale = result.scale
    if scale is None:
        return {"edges": None}
    low, high = result.range or (scale.low, scale.high)
    return {
        "edges": scale.edges(result.range),
        "slack": abs(high - low) * RESOLUTION,
        "grades": [grade.name.get(language) or grade.id for grade in scale.grades],
        "gradesShown": not result.illustrative,
    }


def _marks(result: Result) -> dict[str, Any]:
    """Return how scores are written: with their decimals, or in points of the full marks."""
    marks, root = Marks(result), result.framework.root.code
    if root not in marks.full:
        return {"decimals": result.decimals}
    low, high = result.method.normalise.range or (0.0, 1.0)
    return {"decimals": marks.decimals, "full": marks.full[root], "low": low, "high": high}


def _rest(movable: Movable) -> list[list[Any]]:
    """Return the weights that cannot be moved, so that a set of weights can hold all there are."""
    framework, shares = movable.result.framework, movable.result.shares
    moved, found = set(movable.live), []
    for parent in framework.aggregates:
        children = framework.counted(parent)
        if parent not in moved and any(shares[child] for child in children):
            found += [[child, shares[child]] for child in children]
    return found


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(column: Array | Sequence[float]) -> list[float | None]:
    return [_number(value) for value in column]
