"""The evidence of how sure the ranks are: an assessment under everything that may vary, for one chapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from math import isnan
from typing import Any

import polars as pl

from citygauge.analyse.robust.answers_pairs import dominance
from citygauge.analyse.robust.factors import Drawn
from citygauge.analyse.robust.robustness import Robustness, own_spec, robustness
from citygauge.analyse.robust.sensitivity import SHIFT
from citygauge.analyse.robust.spec import with_factors
from citygauge.analyse.robust.stability import weight_stability
from citygauge.problems import Problems
from citygauge.report.book.theme import Theme
from citygauge.result import Result

Maker = Callable[[Callable[[], Robustness]], pl.DataFrame]

PAIRED = 60  # units up to which every pair is drawn; of more, charts show so many of the first
_UNITS: dict[str, Any] = {
    "unit_code": pl.String, "rank": pl.Int64, "rank_median": pl.Float64, "rank_p05": pl.Float64,
    "rank_p95": pl.Float64, "rank_min": pl.Int64, "rank_max": pl.Int64, "rank_width": pl.Float64,
    "mean_abs_shift": pl.Float64, "p_own": pl.Float64, "p_other": pl.Float64,
}  # fmt: skip
_FACTORS: dict[str, Any] = {
    "factor": pl.String, "kind": pl.String, "key": pl.String, "levels": pl.List(pl.Int64),
    "codes": pl.List(pl.String), "share": pl.Float64, "amount": pl.Float64, "n": pl.Int64,
    "labels": pl.List(pl.String),
}  # fmt: skip
_TORNADO: dict[str, Any] = {
    "factor": pl.String, "low": pl.Float64, "high": pl.Float64, "low_level": pl.String,
    "high_level": pl.String, "chooses": pl.Boolean,
}  # fmt: skip


def robust_evidence(result: Result, theme: Theme) -> Mapping[str, Callable[[], pl.DataFrame]]:
    """Return the tables of how sure the ranks are; none where the theme leaves the chapter out.

    ``robust_units``: ranks published, median and at the ends of the 90 % interval, and the probability of the
    published grade. ``robust_grades``: the probability of each grade. ``robust_chances``: that of each rank,
    and of standing before each other unit. ``robust_run``: how often and from which seed. ``robust_factors``:
    what varies. ``robust_indices`` or, where factors depend on each other, ``robust_effects``: on which of
    them the mean rank shift depends; ``robust_tornado``: how far each alone moves it. ``robust_weights``:
    between which weights of a pillar things stay as they are. All raise InputError where fewer than two units
    have a rank, where nothing varies, and where the specification of the workspace cannot run.
    """
    if not theme.robust.chapter:
        return {}
    found = cache(partial(_robustness, result, theme))
    makers: Mapping[str, Maker] = {
        "robust_units": _units, "robust_grades": _grades, "robust_chances": _chances, "robust_run": _run,
        "robust_factors": _factors, "robust_indices": _indices, "robust_effects": _effects,
        "robust_tornado": _tornado, "robust_weights": _weights,
    }  # fmt: skip
    return {name: partial(make, found) for name, make in makers.items()}


def _robustness(result: Result, theme: Theme) -> Robustness:
    """Draw what the workspace says, no more often than the theme allows."""
    problems = Problems()
    spec = with_factors(own_spec(result.workspace), result.framework)
    ranked = int((result.ranks[:, 0] > 0).sum())
    if ranked < 2:
        problems.add("chapter.few-ranked", count=ranked)
    elif not spec.factor:
        problems.add("chapter.nothing-varies")
    problems.raise_errors()
    most = {"n": min(spec.n, theme.robust.replications), "samples": min(spec.samples, theme.robust.samples)}
    return robustness(result, spec.model_copy(update=most))


def _units(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return where each unit stands, best published rank first."""
    found = of()
    grades = dict(zip(found.units, found.result.grades or ("",) * len(found.units), strict=True))
    widths = dict(found.stability.select("unit_code", "rank_width").iter_rows())
    rows = []
    for row in found.summary.to_dicts():
        unit = row["unit_code"]
        own = row.get(f"p_grade_{grades[unit]}") if grades[unit] else None
        other = None if own is None else round(1 - own, 12)
        more = {"rank": row["rank_published"], "rank_width": widths.get(unit), "p_own": own, "p_other": other}
        rows.append({name: {**row, **more}[name] for name in _UNITS})
    return pl.DataFrame(rows, _UNITS)


def _grades(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return the probability of each grade: ``unit_code, grade, chance``, the best grade first."""
    found = of()
    rows = [
        (row["unit_code"], grade, row[f"p_grade_{grade}"])
        for row in found.summary.to_dicts()
        for grade in found.model.grades
    ]
    schema: dict[str, Any] = {"unit_code": pl.String, "grade": pl.String, "chance": pl.Float64}
    return pl.DataFrame(rows, schema, orient="row")


def _chances(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return for each unit of the first `PAIRED` the chance of every rank, and of standing before others."""
    found = of()
    order = {unit: i for i, unit in enumerate(found.units)}
    units = found.summary["unit_code"].head(PAIRED).to_list()
    rows = [order[unit] for unit in units]
    counts, width = found.counts, found.counts.width
    ranked = counts.ranked
    before = None if counts.ahead is None or len(order) > PAIRED else dominance(counts)
    frame = {
        "unit_code": units,
        "shares": [
            [float(n) / int(ranked[row]) if ranked[row] else None for n in counts.ranks[row]] for row in rows
        ],
        "before": [[] if before is None else [_known(before[row, other]) for other in rows] for row in rows],
        "width": [width] * len(rows),
    }
    schema: dict[str, Any] = {
        "unit_code": pl.String, "shares": pl.List(pl.Float64), "before": pl.List(pl.Float64),
        "width": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(frame, schema)


def _run(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return how often was drawn, from which seed, and how often it takes: ``key, n``."""
    found = of()
    check = found.convergence
    rows = {
        "replications": found.counts.n,
        "seed": found.spec.seed,
        "needed": check.needed,
        "enough": int(check.enough),
        "units": found.stability.height,
        "factors": len(found.model.factors),
    }
    return pl.DataFrame({"key": list(rows), "n": list(rows.values())})


def _factors(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return what varies: its kind, whose weights, by which share or amount, or among which settings."""
    return pl.DataFrame([_factor(drawn) for drawn in of().model.factors], _FACTORS)


def _factor(drawn: Drawn) -> dict[str, Any]:
    factor, rule = drawn.factor, drawn.factor.weights
    kind: str = factor.kind
    levels: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    share, amount = factor.edges, None
    if rule is not None:
        kind = next(name for name in ("share", "concentration", "sets") if getattr(rule, name) is not None)
        levels, codes, share, amount = rule.levels, rule.codes, rule.share, rule.concentration
    elif factor.leave_out is not None:
        level = factor.leave_out.level
        levels, codes = () if level is None else (level,), factor.leave_out.codes
    return {
        "factor": factor.name, "kind": kind, "key": factor.key, "levels": list(levels), "codes": list(codes),
        "share": share, "amount": amount, "n": factor.draws or len(drawn.labels) or None,
        "labels": list(drawn.labels) if kind == "key" else [],
    }  # fmt: skip


def _indices(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return the Sobol indices of the mean rank shift, the largest total first."""
    frame = of().indices
    names = {
        "S1": "first", "S1_low": "first_from", "S1_high": "first_to", "ST": "total_effect",
        "ST_low": "total_from", "ST_high": "total_to",
    }  # fmt: skip
    if frame is None:
        return pl.DataFrame(schema={"factor": pl.String, **dict.fromkeys(names.values(), pl.Float64)})
    own = frame.filter(pl.col("output") == SHIFT).rename(names).select("factor", *names.values())
    return own.sort("total_effect", descending=True, nulls_last=True, maintain_order=True)


def _effects(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return the Shapley effects on the mean rank shift, the largest first."""
    frame = of().effects
    names = {"effect": "effect", "low": "effect_from", "high": "effect_to"}
    if frame is None:
        return pl.DataFrame(schema={"factor": pl.String, **dict.fromkeys(names.values(), pl.Float64)})
    own = frame.filter(pl.col("output") == SHIFT).rename(names).select("factor", *names.values())
    return own.sort("effect", descending=True, nulls_last=True, maintain_order=True)


def _tornado(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return the least and the most that each factor alone shifts the ranks on average."""
    found = of()
    chooses = {each.name: bool(each.n_levels) for each in found.model.factors}
    own = found.tornado.filter((pl.col("output") == SHIFT) & pl.col("value").is_not_null())
    rows = []
    for factor in own["factor"].unique(maintain_order=True):
        levels = own.filter(pl.col("factor") == factor).sort("value", maintain_order=True)
        rows.append(
            (factor, levels["value"][0], levels["value"][-1], levels["level"][0], levels["level"][-1],
             chooses[factor])
        )  # fmt: skip
    return pl.DataFrame(rows, _TORNADO, orient="row")


def _weights(of: Callable[[], Robustness]) -> pl.DataFrame:
    """Return between which weights of each pillar ranks, grades and the first place stay."""
    result = of().result
    framework = result.framework
    nodes = weight_stability(result, framework.counted(framework.root.code)).nodes
    names = [f"{what}_{end}" for what in ("first", "grades", "ranks") for end in ("low", "high")]
    return nodes.select("code", "weight", *names)


def _known(value: float) -> float | None:
    return None if isnan(value) else float(value)
