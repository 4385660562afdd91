"""The first report: one self-contained page about one run."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any

import jinja2
import numpy as np

from citygauge.analyse.describe import describe
from citygauge.problems import Language
from citygauge.report.charts import FONTS, grades_chart, means_chart, ranking_chart, svg
from citygauge.report.record import run_record
from citygauge.result import NOTICE, Result
from citygauge.score.grade import GradeScale


def page(result: Result, language: Language) -> str:
    """Return the report of a run as one HTML page that needs no network.

    It shows the framework with its weights, grades, means with standard deviations, scores and ranks, two
    charts, what was noted, the sources and the hashes. The same run gives the same bytes.
    """
    words: dict[str, str] = _texts()[language]
    decimals = result.decimals
    run = run_record(result)
    has_grades = result.scale is not None
    second = "grades" if has_grades else "ranking"
    return _template().render(
        language=language,
        t=words,
        fonts=FONTS[language],
        run=run,
        heading=result.workspace.settings.name(language) or words["title"],
        description=getattr(result.workspace.settings, f"description_{language}"),
        illustrative=result.illustrative,
        short_notice=NOTICE[language],
        summary=_summary(result, language, words),
        grades=_grade_rows(result, result.scale, result.grades, language, words, named=True),
        scale_title=result.scale.title.get(language, "") if result.scale else "",
        stages=_grade_rows(result, result.stage_scale, result.stages, language, words, named=False),
        stages_assumed=result.stage_scale is not None and result.stage_scale.assumed,
        chart_means=svg(means_chart(result, language)),
        alt_means=_alt_means(result, language, words, decimals),
        chart_second=svg(grades_chart(result, language) if has_grades else ranking_chart(result, language)),
        caption_second=words[f"figure_{second}"],
        alt_second=_alt_grades(result, language, words)
        if has_grades
        else _alt_ranking(result, words, decimals),
        statistics=_statistics(result, language, decimals),
        pillars=[result.framework[code].label(language) for code in _pillars(result)],
        ranking=_ranking(result, language, decimals),
        tree=_tree(result, language),
        warnings=[problem.text(language) for problem in result.warnings],
        sources=[
            source.citation() + (f" {source.url}" if source.url else "")
            for source in result.workspace.sources.values()
        ],
        colophon=words["colophon"].format(
            version=version("citygauge"), **{k: h[:16] for k, h in run["hashes"].items()}
        ),
    )


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("citygauge").joinpath("report", "texts.toml").read_text(encoding="utf-8")
    )


@cache
def _template() -> jinja2.Template:
    source = (
        resources.files("citygauge")
        .joinpath("report", "templates", "page.html.jinja")
        .read_text(encoding="utf-8")
    )
    return jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string(source)


def _figure(value: float | None, decimals: int) -> str:
    """Write a figure with its decimals, a true minus sign, and a dash for none."""
    return "–" if value is None or np.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")


def _summary(result: Result, language: Language, words: dict[str, str]) -> list[tuple[str, str]]:
    method, named = result.method, _texts()["methods"][language]
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
    result: Result,
    scale: GradeScale | None,
    grades: tuple[str, ...],
    language: Language,
    words: dict[str, str],
    *,
    named: bool,
) -> list[dict[str, str]]:
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
                "edge": "–" if edge is None else f"≥ {_figure(edge, 2 if abs(edge) < 10 else 0)}",
                "count": str(count),
                "share": f"{count / max(total, 1):.0%}",
                "members": words["separator"].join(members),
            }
        )
    return rows


def _statistics(result: Result, language: Language, decimals: int) -> list[dict[str, Any]]:
    indicators = set(result.framework.indicators)
    parents = {
        node.code
        for node in result.framework
        if node.code not in indicators and node.parent not in indicators
    }
    return [
        {
            "code": row["code"],
            "level": row["level"],
            "name": result.framework[row["code"]].label(language),
            "n": row["n"],
            **{name: _figure(row[name], decimals) for name in ("mean", "sd", "min", "max")},
        }
        for row in describe(result).to_dicts()
        if row["code"] in parents
    ]


def _pillars(result: Result) -> tuple[str, ...]:
    return result.framework.children(result.framework.root.code)


def _ranking(result: Result, language: Language, decimals: int) -> list[dict[str, Any]]:
    columns = [result.aggregated.codes.index(code) for code in _pillars(result)]
    row_of = {label: i for i, label in enumerate(result.row_labels)}
    return [
        {
            "rank": row["rank"] or "–",
            "name": row[f"name_{language}"],
            "value": _figure(row["value"], decimals),
            "pillars": [
                _figure(result.aggregated.values[row_of[row["unit_code"]], c], decimals) for c in columns
            ],
        }
        for row in result.ranking.to_dicts()
    ]


def _tree(result: Result, language: Language) -> list[dict[str, Any]]:
    indicators = set(result.framework.indicators)
    return [
        {
            "code": node.code,
            "level": result.framework.levels[node.code],
            "name": node.label(language),
            "weight": f"{result.shares[node.code]:.1%}" if node.parent else "",
            "effective": f"{result.effective_weights[node.code]:.2%}",
        }
        for node in result.framework
        if node.parent not in indicators and not _below(result, node.code, indicators)
    ]


def _below(result: Result, code: str, indicators: set[str]) -> bool:
    """Tell whether a node lies below an indicator (it is a measure)."""
    parent = result.framework[code].parent
    while parent is not None:
        if parent in indicators:
            return True
        parent = result.framework[parent].parent
    return False


def _alt_means(result: Result, language: Language, words: dict[str, str], decimals: int) -> str:
    stats = [row for row in describe(result).to_dicts() if row["level"] == 1 and row["mean"] is not None]
    best, worst = max(stats, key=lambda row: row["mean"]), min(stats, key=lambda row: row["mean"])
    return words["alt_means"].format(
        best=result.framework[best["code"]].label(language),
        best_value=_figure(best["mean"], decimals),
        worst=result.framework[worst["code"]].label(language),
        worst_value=_figure(worst["mean"], decimals),
    )


def _alt_ranking(result: Result, words: dict[str, str], decimals: int) -> str:
    top, bottom = (
        _figure(float(extreme), decimals) for extreme in (np.nanmax(result.index), np.nanmin(result.index))
    )
    return words["alt_ranking"].format(n=len(result.units), top=top, bottom=bottom)


def _alt_grades(result: Result, language: Language, words: dict[str, str]) -> str:
    assert result.scale is not None
    counts = [f"{g.name.get(language, g.id)} {result.grades.count(g.id)}" for g in result.scale.grades]
    return words["alt_grades"].format(counts=words["separator"].join(counts))
