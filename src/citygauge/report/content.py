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
from citygauge.framework.model import VETO, Framework
from citygauge.problems import Language
from citygauge.report.marks import Marks, figure, pillars, short
from citygauge.report.record import run_record
from citygauge.report.roles import role_cells, role_heads, role_rows, stake, veto_rows
from citygauge.result import NOTICE, Result
from citygauge.score.grade import GradeScale

Content = dict[str, Any]


def report_content(result: Result, language: Language) -> Content:
    """Return everything the report shows in one language, as plain data that JSON can carry.

    Figures are text as they are printed; beside them stand the numbers that bars are drawn from. The same
    run gives the same content.
    """
    marks = Marks(result)
    words = words_of(marks, language)
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
        "summary": _summary(marks, language, words),
        "grades": grades,
        "scale_title": _in(result.scale.title, language) if result.scale else "",
        "stages": _grade_rows(result, result.stage_scale, result.stages, language, named=False),
        "stages_assumed": result.stage_scale is not None and result.stage_scale.assumed,
        "means": means,
        "alt_means": _alt_means(marks, language, stats),
        **_points(marks, language, words),
        "grade_bars": grade_rows(result, language) if graded else [],
        "ranking_bars": ranking_rows(result, language),
        "caption_second": words["figure_grades" if graded else "figure_ranking"],
        "alt_second": _alt_grades(result, language) if graded else _alt_ranking(marks, words),
        "statistics": _statistics(marks, language, stats),
        "statistics_axis": shares_axis(marks, (row[end] for row in means for end in ("from", "to", "mean"))),
        "pillars": [result.framework[code].label(language) for code in pillars(result.framework)],
        "ranking": _ranking(marks, language),
        "ranking_axis": axis(marks.points(result.framework.root.code, float(v)) for v in result.index),
        "tree": _tree(marks, language, words),
        "warnings": [problem.text(language) for problem in result.warnings],
        "sources": [
            source.citation() + (f" {source.url}" if source.url else "")
            for source in result.workspace.sources.values()
        ],
        "colophon": words["colophon"].format(
            version=version("citygauge"), **{k: h[:16] for k, h in run["hashes"].items()}
        ),
    }


def _points(marks: Marks, language: Language, words: Mapping[str, str]) -> Content:
    """Return what the report says of points and of what comes on top of the means; blank without them."""
    framework = marks.result.framework
    return {
        "marked": bool(marks.full),
        "full_marks": marks.whole(framework.root.code),
        "role_heads": role_heads(marks.result, words),
        "has_vetoes": any(node.role == VETO for node in framework),
        "vetoes": veto_rows(marks, language),
        "roles": role_rows(marks, language, words),
    }


def texts(language: Language) -> dict[str, str]:
    """Return the texts of the report in a language."""
    words: dict[str, str] = _all_texts()[language]
    return words


def words_of(marks: Marks, language: Language) -> dict[str, str]:
    """Return the texts of the report in a language, those about points where scores are shown in points."""
    in_points: dict[str, str] = _all_texts()["points"][language]
    return {**texts(language), **(in_points if marks.full else {})}


@cache
def _all_texts() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("citygauge").joinpath("report", "texts.toml").read_text(encoding="utf-8")
    )


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


def shares_axis(marks: Marks, values: Iterable[float | None]) -> dict[str, Any]:
    """Return the axis of scores of several nodes: in per cent of the full marks where there are any."""
    found = axis(values)
    unit = "%" if marks.full else ""
    return {**found, "ticks": [{**tick, "label": tick["label"] + unit} for tick in found["ticks"]]}


def share_of(marks: Marks, score: float) -> float:
    """Return where a score stands on the axis of `shares_axis`."""
    return marks.rate(score) if marks.full else score


def means_rows(
    result: Result, language: Language, stats: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return a row for each pillar and dimension: its mean, and one standard deviation to both sides."""
    framework, marks = result.framework, Marks(result)
    deepest = (
        2 if max(framework.levels[code] for code in framework.codes if not framework.roles[code]) > 2 else 1
    )
    return [
        {
            "key": row["code"],
            "label": ("　" if row["level"] > 1 else "") + framework[row["code"]].label(language),
            "mean": share_of(marks, row["mean"]),
            "described": f"{row['code']}: {_described(marks, row['code'], row['mean'])}",
            "from": share_of(marks, row["mean"] - (row["sd"] or 0.0)),
            "to": share_of(marks, row["mean"] + (row["sd"] or 0.0)),
            "level": str(row["level"]),
        }
        for row in stats
        if 1 <= row["level"] <= deepest and row["mean"] is not None and not framework.roles[row["code"]]
    ]


def _described(marks: Marks, code: str, score: float) -> str:
    """Write a score for those who hear a chart: with a plain minus, as speech needs it."""
    if code in marks.full:
        return marks.out_of(code, score).replace("−", "-")
    return f"{score:.{marks.result.decimals}f}"


def ranking_rows(result: Result, language: Language) -> list[dict[str, Any]]:
    """Return a row for each unit with a score, best first; neutral names on illustrative data."""
    name, root, marks = f"name_{language}", result.framework.root.code, Marks(result)
    return [
        {
            "key": row["unit_code"],
            "label": f"{row['rank']}  {row[name]}",
            "value": marks.points(root, row["value"]),
            "described": f"{row['rank']} {row[name]}: {_described(marks, root, row['value'])}",
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


def _summary(marks: Marks, language: Language, words: dict[str, str]) -> list[tuple[str, str]]:
    result = marks.result
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
        (words["full"], stake(marks, result.framework.root.code, words)),
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
    edges = scale.edges(result.range)
    total = sum(1 for grade in grades if grade)
    marks, root = Marks(result), result.framework.root.code
    rows = []
    for grade, edge in zip(scale.grades, edges, strict=True):
        count = grades.count(grade.id)
        members = [row[f"name_{language}"] for row in shown if row["grade"] == grade.id]
        rows.append(
            {
                "name": grade.name.get(language, grade.id),
                "edge": "–" if edge is None else f"≥ {_edge(marks, root, edge)}",
                "count": str(count),
                "share": f"{count / max(total, 1):.0%}",
                "part": count / max(total, 1),
                "members": texts(language)["separator"].join(members),
            }
        )
    return rows


def _edge(marks: Marks, root: str, edge: float) -> str:
    """Write the lower edge of a grade, in points where the index has full marks."""
    if root in marks.full:
        return short(marks.points(root, edge), marks.decimals)
    return figure(edge, 2 if abs(edge) < 10 else 0)


def shown_nodes(framework: Framework) -> set[str]:
    """Return the nodes whose scores are described: everything above the indicators, and every pillar.

    Bonuses, deductions and vetoes are told in lines of their own.
    """
    measured = {
        *framework.indicators,
        *_measures(framework),
        *(c for c in framework.codes if framework.roles[c]),
    }
    return {code for code in framework.codes if code not in measured} | set(pillars(framework))


def _statistics(marks: Marks, language: Language, stats: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    framework = marks.result.framework
    shown = shown_nodes(framework)
    return [
        {
            "code": row["code"],
            "level": row["level"],
            "name": framework[row["code"]].label(language),
            "full": marks.whole(row["code"]) or "–",
            "n": row["n"],
            "bar": _bar(marks, row["mean"], row["sd"]),
            **{name: marks.number(row["code"], row[name]) for name in ("mean", "min", "max")},
            "sd": marks.apart(row["code"], row["sd"]),
        }
        for row in stats
        if row["code"] in shown
    ]


def _bar(marks: Marks, mean: float | None, sd: float | None) -> dict[str, float | None]:
    """Return a mean and a standard deviation as lengths on the axis of shares."""
    if mean is None:
        return {"mean": None, "sd": sd}
    at = share_of(marks, mean)
    return {"mean": at, "sd": None if sd is None else (share_of(marks, mean + sd) - at if marks.full else sd)}


def _ranking(marks: Marks, language: Language) -> list[dict[str, Any]]:
    result = marks.result
    root, shown = result.framework.root.code, pillars(result.framework)
    columns = {code: result.aggregated.column(code) for code in shown}
    row_of = {label: i for i, label in enumerate(result.row_labels)}
    return [
        {
            "rank": row["rank"] or "–",
            "name": row[f"name_{language}"],
            "value": marks.out_of(root, row["value"]),
            "bar": None if row["value"] is None else marks.points(root, row["value"]),
            "pillars": [marks.out_of(code, float(columns[code][row_of[row["unit_code"]]])) for code in shown],
            "roles": role_cells(marks, row_of[row["unit_code"]]),
        }
        for row in result.ranking.to_dicts()
    ]


def _tree(marks: Marks, language: Language, words: Mapping[str, str]) -> list[dict[str, Any]]:
    result = marks.result
    framework, measures = result.framework, _measures(result.framework)
    return [
        {
            "code": node.code,
            "level": framework.levels[node.code],
            "kind": words[framework.roles[node.code]] if framework.roles[node.code] else "",
            "name": node.label(language),
            "full": stake(marks, node.code, words),
            **_weights(result, node.code),
        }
        for node in framework
        if node.code not in measures
    ]


def _weights(result: Result, code: str) -> dict[str, str]:
    """Return the shares of a node among its siblings and in the index; what is no part of a mean has none."""
    if result.framework.roles[code]:
        return {"weight": "–", "effective": "–"}
    return {
        "weight": f"{result.shares[code]:.1%}" if result.framework[code].parent else "",
        "effective": f"{result.effective_weights[code]:.2%}",
    }


def _measures(framework: Framework) -> set[str]:
    """Return the nodes below indicators."""
    return {below for code in framework.indicators for below in framework.subtree(code)}


def _alt_means(marks: Marks, language: Language, stats: Iterable[Mapping[str, Any]]) -> str:
    shown = pillars(marks.result.framework)
    known = [row for row in stats if row["code"] in shown and row["mean"] is not None]
    if not known:  # every score is what a veto left
        return words_of(marks, language)["statistics"]
    best, worst = max(known, key=lambda row: row["mean"]), min(known, key=lambda row: row["mean"])
    told = {}
    for word, row in (("best", best), ("worst", worst)):
        share = f"{figure(share_of(marks, row['mean']), 1)}%" if marks.full else None
        told[word] = marks.result.framework[row["code"]].label(language)
        told[f"{word}_value"] = share or figure(row["mean"], marks.result.decimals)
    return words_of(marks, language)["alt_means"].format(**told)


def _alt_ranking(marks: Marks, words: dict[str, str]) -> str:
    result, root = marks.result, marks.result.framework.root.code
    top, bottom = (
        marks.out_of(root, float(extreme)) for extreme in (np.nanmax(result.index), np.nanmin(result.index))
    )
    return words["alt_ranking"].format(n=len(result.units), top=top, bottom=bottom)


def _alt_grades(result: Result, language: Language) -> str:
    words = texts(language)
    counts = [f"{row['label']} {row['count']}" for row in grade_rows(result, language)]
    return words["alt_grades"].format(counts=words["separator"].join(counts))
