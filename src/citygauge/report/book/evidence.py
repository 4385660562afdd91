"""The tables a report is written from: one name each, computed when a chapter first asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import polars as pl

from citygauge.analyse.balance import balance, short_boards
from citygauge.analyse.clusters import cluster_profiles, clusters
from citygauge.analyse.consistency import consistency
from citygauge.analyse.correlation import correlations
from citygauge.analyse.coverage import availability_by_node, coverage, planned
from citygauge.analyse.describe import child_gaps, describe
from citygauge.analyse.economy import relation
from citygauge.analyse.frontier import efficiency
from citygauge.analyse.groups import Grouping, grade_groups, group_scores, group_tests
from citygauge.analyse.layers import layer_paths, layer_scores, layer_statistics
from citygauge.analyse.spatial import spatial
from citygauge.analyse.weights import weights_table
from citygauge.report.book.numbers import Evidence
from citygauge.report.book.robust import robust_evidence
from citygauge.report.book.theme import GroupRule, Theme
from citygauge.result import Result

Makers = Mapping[str, Callable[[], pl.DataFrame]]
LEAST_RELATED = 8  # units with a score below which no relation is told


def evidence_of(result: Result, theme: Theme) -> Evidence:
    """Return the tables of a result under a theme: those whose attributes and layers are there.

    Tables of groups are named ``groups:size`` and ``tests:size`` by the theme's key; all others as the
    functions of `analyse` that make them.
    """
    decimals = result.decimals if theme.decimals is None else theme.decimals
    parts = _of_nodes(result), _of_groups(result, theme), _of_units(result, theme)
    return Evidence(
        {name: make for part in parts for name, make in part.items()} | {**robust_evidence(result, theme)},
        decimals,
    )


def _of_nodes(result: Result) -> Makers:
    graded = {"grades": partial(_grades, result)} if result.scale is not None else {}
    return {
        **graded,
        "describe": partial(describe, result),
        "child_gaps": partial(child_gaps, result),
        "weights": partial(_weights, result),
        "counts": partial(_counts, result),
        "coverage": partial(coverage, result),
        "planned": partial(planned, result.framework),
        "availability": partial(availability_by_node, result),
        **(_of_relations(result) if _scored(result) >= LEAST_RELATED else {}),
    }


def _of_relations(result: Result) -> Makers:
    return {
        "consistency": lambda: consistency(result).rename({"group": "code"}),
        "correlations": partial(_correlations, result),
        "clusters": partial(clusters, result),
        "cluster_profiles": partial(cluster_profiles, result),
    }


def _of_groups(result: Result, theme: Theme) -> Makers:
    framework = result.framework
    below = [code for pillar in framework.counted(framework.root.code) for code in framework.counted(pillar)]
    codes = [framework.root.code, *framework.counted(framework.root.code), *below]
    makers: dict[str, Callable[[], pl.DataFrame]] = {}
    if result.scale is not None:
        makers["groups:grade"] = partial(group_scores, result, grade_groups(result), codes)
    for key, rule in theme.groups.items():
        if rule.attribute in result.units.attributes:
            grouping = grouping_of(rule)
            makers[f"groups:{key}"] = partial(group_scores, result, grouping)
            makers[f"tests:{key}"] = partial(group_tests, result, grouping)
    size = theme.groups.get("size")
    if size and "groups:size" in makers and _scored(result) >= LEAST_RELATED:
        makers["relation"] = partial(relation, result, size.attribute)
    return makers


def _of_units(result: Result, theme: Theme) -> Makers:
    makers: dict[str, Callable[[], pl.DataFrame]] = {
        "ranking": lambda: result.ranking,
        "balance": partial(balance, result),
        "short_boards": partial(short_boards, result),
    }
    if {"lat", "lon"} <= set(result.units.attributes) and _scored(result) >= LEAST_RELATED:
        makers["spatial"] = partial(spatial, result)
    if theme.layers and all(code in result.framework for one in theme.layers.values() for code in one.codes):
        layers: dict[str, Sequence[str]] = {key: list(layer.codes) for key, layer in theme.layers.items()}
        makers |= {
            "layer_scores": partial(layer_scores, result, layers),
            "layers": partial(layer_statistics, result, layers),
            "paths": partial(layer_paths, result, layers),
            "efficiency": partial(efficiency, result, layers),
        }
    return makers


def grouping_of(rule: GroupRule) -> Grouping:
    """Return how a theme's rule puts units into groups."""
    if rule.edges:
        return Grouping(rule.attribute, edges=rule.edges)
    if rule.quantiles:
        return Grouping(rule.attribute, quantiles=rule.quantiles)
    return Grouping(rule.attribute, order=rule.order)


def _scored(result: Result) -> int:
    return int((~np.isnan(result.index)).sum())


def _weights(result: Result) -> pl.DataFrame:
    """Return the weight of each node among its siblings and in the index."""
    return weights_table(result).select("code", "parent", "level", "weight", "effective_weight")


def _counts(result: Result) -> pl.DataFrame:
    """Return how many things of each kind there are: ``key, n``."""
    framework = result.framework
    known = result.aggregated.values[:, 0]
    rows = {
        "units": len(result.units),
        "scored": int((~np.isnan(known)).sum()),
        "left_out": len(result.derived.units) - len(result.units),
        "pillars": len(framework.counted(framework.root.code)),
        "dimensions": sum(1 for code in framework.aggregates if framework.levels[code] == 2),
        "indicators": len(framework.indicators),
        "facts": result.workspace.observations.frame.height,
        "sources": len(result.workspace.sources),
        "imputed": result.imputation.height,
        "warnings": len(result.warnings),
    }
    return pl.DataFrame({"key": list(rows), "n": list(rows.values())})


def _grades(result: Result) -> pl.DataFrame:
    """Return the grades, best first: how many units each holds, their share, and its lower edge."""
    assert result.scale is not None
    graded = sum(1 for grade in result.grades if grade)
    edges = result.scale.edges(result.range)
    rows = [
        (
            grade.id,
            grade.name.get("zh", grade.id),
            grade.name.get("en", grade.id),
            count,
            count / graded,
            edge,
        )
        for grade, edge in zip(result.scale.grades, edges, strict=True)
        for count in (result.grades.count(grade.id),)
    ]
    return pl.DataFrame(rows, ["grade", "name_zh", "name_en", "count", "share", "edge"], orient="row")


def _correlations(result: Result) -> pl.DataFrame:
    """Return the correlation of every two pillars."""
    return correlations(result, level=1)
