"""What the first report says, as plain data: made once, shown by the page and by the PDF."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any

import numpy as np

from citygauge.analyse.describe import describe
from citygauge.framework.model import Framework
from citygauge.problems import Language
from citygauge.report.record import run_record
from citygauge.result import NOTICE, Result
from citygauge.score.grade import GradeScale

Content = dict[str, Any]


def report_content(result: Result, language: Language) -> Content:
    """Return everything the report shows in one language, as plain data that JSON can carry.

    Figures are text as they are printed; beside them stand the numbers that bars are drawn from. The same
    run gives the same content.
    """
    words = texts(language)
    run = run_record(result)
    stats = describe(result).to_dicts()
    graded = result.scale is not None
    means = means_rows(result, language, stats)
    grades = _grade_rows(result, result.scale, result.grades, language, named=True)
    return {
        "language": language,
        "t": words,
        "run": run,
        "heading": result.workspace.settings.name(language) or words["title"],
        "framework_title": _in(result.framework.title, language),
        "description": getattr(result.workspace.settings, f"description_{language}"),
        "illustrative": result.illustrative,
        "short_notice": NOTICE[language],
        "summary": _summary(result, language, words),
        "grades": grades,
        "scale_title": _in(result.scale.title, language) if result.scale else "",
        "stages": _grade_rows(result, result.stage_scale, result.stages, language, named=False),
        "stages_assumed": result.stage_scale is not None and result.stage_scale.assumed,
        "means": means,
        "alt_means": _alt_means(result, language, stats),
        "grade_bars": grade_rows(result, language) if graded else [],
        "ranking_bars": ranking_rows(result, language),
        "caption_second": words["figure_grades" if graded else "figure_ranking"],
        "alt_second": _alt_grades(result, language) if graded else _alt_ranking(result, words),
        "statistics": _statistics(result, language, stats),
        "statistics_axis": axis(row[end] for row in means for end in ("from", "to", "mean")),
        "pillars": [result.framework[code].label(language) for code in pillars(result.framework)],
        "ranking": _ranking(result, language),
        "ranking_axis": axis(result.index),
        "tree": _tree(result, language),
        "warnings": [problem.text(language) for problem in result.warnings],
        "sources": [
            source.citation() + (f" {source.url}" if source.url else "")
            for source in result.workspace.sources.values()
        ],
        "colophon": words["colophon"].format(
            version=version("citygauge"), **{k: h[:16] for k, h in run["hashes"].items()}
        ),
    }


def texts(language: Language) -> dict[str, str]:
    """Return the texts of the report in a language."""
    words: dict[str, str] = _all_texts()[language]
    return words


@cache
def _all_texts() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("citygauge").joinpath("report", "texts.toml").read_text(encoding="utf-8")
    )


def figure(value: float | None, decimals: int) -> str:
    """Write a figure with its decimals, a true minus sign, and a dash for none."""
    return "–" if value is None or np.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")


def axis(values: Iterable[float | None]) -> dict[str, Any]:
    """Return an axis that holds 0 and all values: its round ends, and about four round ticks."""
    known = [0.0, *(float(v) for v in values if v is not None and math.isfinite(v))]
    least, most = min(known), max(known)
    rough = (most - least) / 4 or 0.25
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(times for times in (1, 2, 2.5, 5, 10) if times * power >= rough * 0.999)
    low, high = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    high = max(high, low + 1)
    ticks = [{"at": i * step, "label": f"{i * step:.6g}".replace("-", "−")} for i in range(low, high + 1)]
    return {"low": low * step, "high": high * step, "ticks": ticks}


def pillars(framework: Framework) -> tuple[str, ...]:
    """Return the codes of the nodes right below the index."""
    return framework.children(framework.root.code)


def means_rows(
    result: Result, language: Language, stats: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return a row for each pillar and dimension: its mean, and one standard deviation to both sides."""
    deepest = 2 if max(result.framework.levels.values()) > 2 else 1
    return [
        {
            "key": row["code"],
            "label": ("　" if row["level"] > 1 else "") + result.framework[row["code"]].label(language),
            "mean": row["mean"],
            "described": f"{row['code']}: {row['mean']:.{result.decimals}f}",
            "from": row["mean"] - (row["sd"] or 0.0),
            "to": row["mean"] + (row["sd"] or 0.0),
            "level": str(row["level"]),
        }
        for row in stats
        if 1 <= row["level"] <= deepest and row["mean"] is not None
    ]


def ranking_rows(result: Result, language: Language) -> list[dict[str, Any]]:
    """Return a row for each unit with a score, best first; neutral names on illustrative data."""
    name = f"name_{language}"
    return [
        {
            "key": row["unit_code"],
            "label": f"{row['rank']}  {row[name]}",
            "value": row["value"],
            "described": f"{row['rank']} {row[name]}: {row['value']:.{result.decimals}f}",
        }
        for row in result.ranking.to_dicts()
        if row["value"] is not None
    ]


def grade_rows(result: Result, language: Language) -> list[dict[str, Any]]:
    """Return a row for each grade: how many units it holds, and their share."""
    assert result.scale is not None
    total = sum(1 for grade in result.grades if grade)
    rows = []
    for grade in result.scale.grades:
        count = result.grades.count(grade.id)
        name = grade.name.get(language, grade.id)
        rows.append(
            {
                "key": grade.id,
                "label": name,
                "count": count,
                "described": f"{name}: {count}",
                "text": f"{count}  ({count / max(total, 1):.0%})",
            }
        )
    return rows


def _in(named: Mapping[str, str], language: Language) -> str:
    return named.get(language) or ""


def _summary(result: Result, language: Language, words: dict[str, str]) -> list[tuple[str, str]]:
    method, named = result.method, _all_texts()["methods"][language]
    rules = method.aggregate.rules(result.framework)
    by_level: dict[str, set[str]] = {}
    for code, rule in rules.items():
        by_level.setdefault(named[rule.how], set()).add(code)
    rows = [
        (words["objects"], words["objects_value"].format(n=len(result.units))),
        (words["indicators"], words["indicators_value"].format(n=len(result.framework.indicators))),
        (words["period"], result.period or ""),
        (words["availability"], f"{np.nanmean(result.availability[:, 0]):.1%}"),
        (words["weights"], named.get(method.weights, method.weights)),
        (words["normalisation"], named[method.normalise.how]),
        (words["aggregation"], words["separator"].join(by_level)),
    ]
    return [(name, value) for name, value in rows if value]


def _grade_rows(
    result: Result, scale: GradeScale | None, grades: tuple[str, ...], language: Language, *, named: bool
) -> list[dict[str, Any]]:
    """Return a row for each grade; names stand only where `named` and only those that may be shown."""
    if scale is None:
        return []
    shown = result.grade_list.to_dicts() if named else []
    edges = scale.edges(result.method.normalise.range)
    total = sum(1 for grade in grades if grade)
    rows = []
    for grade, edge in zip(scale.grades, edges, strict=True):
        count = grades.count(grade.id)
        members = [row[f"name_{language}"] for row in shown if row["grade"] == grade.id]
        rows.append(
            {
                "name": grade.name.get(language, grade.id),
                "edge": "–" if edge is None else f"≥ {figure(edge, 2 if abs(edge) < 10 else 0)}",
                "count": str(count),
                "share": f"{count / max(total, 1):.0%}",
                "part": count / max(total, 1),
                "members": texts(language)["separator"].join(members),
            }
        )
    return rows


def shown_nodes(framework: Framework) -> set[str]:
    """Return the nodes whose scores are described: everything above the indicators, and every pillar."""
    measured = {*framework.indicators, *_measures(framework)}
    return {code for code in framework.codes if code not in measured} | set(pillars(framework))


def _statistics(
    result: Result, language: Language, stats: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    shown = shown_nodes(result.framework)
    return [
        {
            "code": row["code"],
            "level": row["level"],
            "name": result.framework[row["code"]].label(language),
            "n": row["n"],
            "bar": {"mean": row["mean"], "sd": row["sd"]},
            **{name: figure(row[name], result.decimals) for name in ("mean", "sd", "min", "max")},
        }
        for row in stats
        if row["code"] in shown
    ]


def _ranking(result: Result, language: Language) -> list[dict[str, Any]]:
    columns = [result.aggregated.codes.index(code) for code in pillars(result.framework)]
    row_of = {label: i for i, label in enumerate(result.row_labels)}
    return [
        {
            "rank": row["rank"] or "–",
            "name": row[f"name_{language}"],
            "value": figure(row["value"], result.decimals),
            "bar": row["value"],
            "pillars": [
                figure(result.aggregated.values[row_of[row["unit_code"]], c], result.decimals)
                for c in columns
            ],
        }
        for row in result.ranking.to_dicts()
    ]


def _tree(result: Result, language: Language) -> list[dict[str, Any]]:
    framework, measures = result.framework, _measures(result.framework)
    return [
        {
            "code": node.code,
            "level": framework.levels[node.code],
            "name": node.label(language),
            "weight": f"{result.shares[node.code]:.1%}" if node.parent else "",
            "effective": f"{result.effective_weights[node.code]:.2%}",
        }
        for node in framework
        if node.code not in measures
    ]


def _measures(framework: Framework) -> set[str]:
    """Return the nodes below indicators."""
    return {below for code in framework.indicators for below in framework.subtree(code)}


def _alt_means(result: Result, language: Language, stats: Iterable[Mapping[str, Any]]) -> str:
    known = [row for row in stats if row["level"] == 1 and row["mean"] is not None]
    best, worst = max(known, key=lambda row: row["mean"]), min(known, key=lambda row: row["mean"])
    return texts(language)["alt_means"].format(
        best=result.framework[best["code"]].label(language),
        best_value=figure(best["mean"], result.decimals),
        worst=result.framework[worst["code"]].label(language),
        worst_value=figure(worst["mean"], result.decimals),
    )


def _alt_ranking(result: Result, words: dict[str, str]) -> str:
    top, bottom = (
        figure(float(extreme), result.decimals)
        for extreme in (np.nanmax(result.index), np.nanmin(result.index))
    )
    return words["alt_ranking"].format(n=len(result.units), top=top, bottom=bottom)


def _alt_grades(result: Result, language: Language) -> str:
    words = texts(language)
    counts = [f"{row['label']} {row['count']}" for row in grade_rows(result, language)]
    return words["alt_grades"].format(counts=words["separator"].join(counts))
