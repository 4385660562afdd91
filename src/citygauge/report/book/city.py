"""The evidence of one city's own report: where it stands, against whom, and what would move it most."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from citygauge.analyse.balance import standings
from citygauge.analyse.gaps import pillar_gaps, to_next_grade
from citygauge.analyse.groups import group_scores, members
from citygauge.analyse.peers import against, nearest
from citygauge.report.book.evidence import grouping_of
from citygauge.report.book.numbers import Evidence, Number
from citygauge.report.book.theme import Advice, Theme
from citygauge.result import Result

PEERS, LEADERS_WANTED = 5, 0.75
_ADVICE: dict[str, Any] = {
    "advice": pl.String, "code": pl.String, "value": pl.Float64, "mean": pl.Float64, "target": pl.Float64,
    "mean_size": pl.Float64, "mean_region": pl.Float64, "gain": pl.Float64, "effort": pl.Float64,
    "gain_per_effort": pl.Float64,
}  # fmt: skip


def city_evidence(shared: Evidence, result: Result, theme: Theme, unit: str) -> Evidence:
    """Return the tables of one unit on top of those of all units.

    ``standings`` (its scores level by level against the mean), ``peers`` (the nearest in size), ``against``
    (grade, groups, peers), ``next`` (what it lacks to the next grade), ``leader`` (what parts it from the
    first, by pillar) and ``advice``. On illustrative data size, place and groups would tell who it is, so
    that there are no peers and no groups.
    """
    makers: dict[str, Callable[[], pl.DataFrame]] = {
        "next": partial(to_next_grade, result, unit),
        "advice": partial(_advice, shared, result, theme, unit),
    }
    deepest = max(result.framework.levels.values())
    for level in (1, 2):
        makers[f"standings:{level}"] = partial(_of_unit, shared, result, unit, min(level, deepest))
    if (first := first_of(result)) != unit:
        makers["leader"] = partial(pillar_gaps, result, unit, first)
    if not result.illustrative and theme.peers:
        makers["peers"] = partial(_peers, shared, result, theme, unit)
    own = Evidence(makers, shared.decimals, parent=shared)
    makers["against"] = partial(_against, own, result, theme, unit)
    return own


def first_of(result: Result) -> str:
    """Return the label of the unit with the highest index; of equals the first."""
    return result.row_labels[int(np.nanargmax(result.index))]


def _of_unit(shared: Evidence, result: Result, unit: str, level: int) -> pl.DataFrame:
    """Return the standing of one unit, of a table that all units' reports share."""
    return shared.kept(f"standings of level {level}", partial(standings, result, level)).filter(
        pl.col("unit_code") == unit
    )


def _peers(shared: Evidence, result: Result, theme: Theme, unit: str) -> pl.DataFrame:
    known = [name for name in theme.peers if name in result.units.attributes]
    found = shared.kept("nearest", partial(nearest, result, known, PEERS))
    return found.filter(pl.col("unit_code") == unit)


def _against(own: Evidence, result: Result, theme: Theme, unit: str) -> pl.DataFrame:
    if result.illustrative:
        return against(result, unit).with_columns(mean_region=pl.lit(None, pl.Float64))
    rule = theme.groups.get("region")
    attributes = [rule.attribute] if rule and rule.attribute in result.units.attributes else []
    known = all(name in result.units.attributes for name in theme.peers) and theme.peers
    peers = own.table("peers")["peer_code"].to_list() if known and "peers" in own else []
    frame = against(result, unit, attributes, peers)
    if not attributes:
        return frame.with_columns(mean_region=pl.lit(None, pl.Float64))
    return frame.rename({f"mean_{name}": "mean_region" for name in attributes})


def _advice(shared: Evidence, result: Result, theme: Theme, unit: str) -> pl.DataFrame:
    """Return the rules that the unit's own scores fire, those with the most gain per effort first.

    A rule is fired by a node in which the unit lies below the mean of all, as printed. Its gain is what the
    index would win if the unit reached the upper quartile of all units there, at the node's weight in the
    index.
    """
    found = []
    groups = {key: _group_means(shared, result, theme, unit, key) for key in ("size", "region")}
    for rule in theme.advice:
        rows = [row for code in rule.codes if (row := _row(shared, result, unit, rule, code, groups))]
        if rows:
            gain = sum(row["gain"] for row in rows)
            found.append(
                (-gain / rule.effort, [{**row, "gain_per_effort": gain / rule.effort} for row in rows])
            )
    found.sort(key=lambda pair: pair[0])
    return pl.DataFrame([row for _, rows in found for row in rows], _ADVICE)


def _row(
    shared: Evidence,
    result: Result,
    unit: str,
    rule: Advice,
    code: str,
    groups: dict[str, dict[str, float | None]],
) -> dict[str, Any] | None:
    if code not in result.framework:
        return None
    line = shared.line("describe", code=code)
    row = result.row_labels.index(unit)
    value = float(result.aggregated.values[row, result.aggregated.codes.index(code)])
    if np.isnan(value) or not line.mean:
        return None
    if not Number(value, "", "score", shared.decimals) < line.mean:
        return None
    target = float(line.raw("p75"))
    weight = result.effective_weights.get(code, 0.0)
    return {
        "advice": rule.id, "code": code, "value": value, "mean": line.raw("mean"), "target": target,
        "mean_size": groups["size"].get(code), "mean_region": groups["region"].get(code),
        "gain": max(0.0, target - value) * weight, "effort": rule.effort,
    }  # fmt: skip


def _group_means(
    shared: Evidence, result: Result, theme: Theme, unit: str, key: Any
) -> dict[str, float | None]:
    """Return the mean of the unit's own group at every node; nothing on illustrative data."""
    if result.illustrative or f"groups:{key}" not in shared:
        return {}
    grouping = grouping_of(theme.groups[key])
    groups = members(result.units, grouping)
    at = int(groups.index[result.row_labels.index(unit)])
    if at < 0:
        return {}
    codes = [code for code in result.framework.codes if not result.framework.roles[code]]
    frame = shared.kept(f"all groups of {key}", partial(group_scores, result, grouping, codes))
    own = frame.filter(pl.col("group") == groups.names[at])
    return dict(zip(own["code"], own["mean"], strict=True))
