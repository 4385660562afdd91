"""Charts of how sure the ranks are: intervals, probabilities, pairs, and on what they depend."""

from __future__ import annotations

from citygauge.report.book.figures.drawn import Drawn, said
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Line, Number
from citygauge.report.book.robust import PAIRED
from citygauge.report.book.sureness import Sureness
from citygauge.report.charts.bars import draw_bars
from citygauge.report.charts.base import Row
from citygauge.report.charts.cells import percent
from citygauge.report.charts.dominance import draw_dominance
from citygauge.report.charts.ranks import draw_acceptability, draw_grade_probabilities, draw_rank_intervals
from citygauge.report.charts.sensitivity import draw_sobol, draw_tornado

_RATIO = 2
# What the fields of a chart are called in its table, where the shorter word means something else.
_TOLD = {
    f"{one}{end}": f"{other}{end}"
    for one, other in (("first", "first_order"), ("total", "total_effect"))
    for end in ("", "_low", "_high")
}


def rank_intervals(material: Material) -> Drawn:
    """Return the interval of each unit's rank with its median and the published rank, the best on top."""
    rows: list[Row] = []
    for line in _units(material):
        name = material.labels[line.raw("unit_code")]
        described = said(
            material,
            f"{name}：公布第{line.rank.text}位，中位{line.rank_median.text}，区间{_between(material, line)}",
            f"{name}: published {line.rank.text}, median {line.rank_median.text}, "
            f"interval {_between(material, line)}",
        )
        rows.append(
            {
                "label": name, "published": line.raw("rank"), "median": line.raw("rank_median"),
                "low": line.raw("rank_p05"), "high": line.raw("rank_p95"),
                "far_low": line.raw("rank_min"), "far_high": line.raw("rank_max"), "described": described,
            }
        )  # fmt: skip
    chart = draw_rank_intervals(rows, material.language, illustrative=material.illustrative)
    return Drawn(chart, tuple(rows), "intervals", material.language, material.data_sources)


def _between(material: Material, line: Line) -> str:
    return said(material, "—", "–").join((line.rank_p05.text, line.rank_p95.text))


def _units(material: Material) -> list[Line]:
    return material.evidence.lines("robust_units")[:PAIRED]


def grade_chances(material: Material) -> Drawn:
    """Return the probability of each grade for each unit."""
    scale = material.result.scale
    assert scale is not None
    grades = [(grade.id, material.grade_name(grade.id).text) for grade in scale.grades]
    own = dict(zip(material.result.row_labels, material.result.grades, strict=True))
    chances: dict[str, dict[str, float | None]] = {}
    for unit, grade, chance in material.evidence.table("robust_grades").iter_rows():
        chances.setdefault(unit, {})[grade] = chance
    rows: list[Row] = []
    for line in _units(material):
        unit = line.raw("unit_code")
        label, shares = material.labels[unit], chances[unit]
        told = [f"{name} {percent(shares.get(grade))}" for grade, name in grades]
        described = label + said(material, "：", ": ") + said(material, "，", ", ").join(told)
        rows.append(
            {"label": label, "shares": shares, "published": own[unit] or None, "described": described}
        )
    chart = draw_grade_probabilities(
        rows, material.language, grades=grades, illustrative=material.illustrative
    )
    names = dict(grades)
    kept = tuple(
        {
            "label": row["label"], "grade": names.get(row["published"] or "", ""),
            **{name: row["shares"].get(grade) for grade, name in grades}, "described": row["described"],
        }
        for row in rows
    )  # fmt: skip
    return Drawn(chart, kept, "shares", material.language, material.data_sources)


def rank_chances(material: Material) -> Drawn:
    """Return how probable every rank is for each unit."""
    table = {row["unit_code"]: row for row in material.evidence.table("robust_chances").to_dicts()}
    rows: list[Row] = []
    for line in _units(material):
        unit = line.raw("unit_code")
        shares, width = table[unit]["shares"], table[unit]["width"]
        label = material.labels[unit]
        best = max(((share or 0.0, -i) for i, share in enumerate(shares)), default=(0.0, 0))
        place = 1 - best[1] * width
        described = said(
            material,
            f"{label}：最可能的名次为第{place}位，概率{percent(best[0])}",
            f"{label}: most probable rank {place}, {percent(best[0])}",
        )
        rows.append({"label": label, "shares": shares, "published": line.raw("rank"), "described": described})
    chart = draw_acceptability(rows, material.language, illustrative=material.illustrative)
    kept = tuple(_flat(row) | {f"{i}": share for i, share in enumerate(row["shares"], 1)} for row in rows)
    return Drawn(chart, kept, "heat", material.language, material.data_sources)


def _flat(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("shares", "before")}


def pairs(material: Material) -> Drawn:
    """Return how probable it is that each unit stands before each other one."""
    table = {row["unit_code"]: row for row in material.evidence.table("robust_chances").to_dicts()}
    units = [line.raw("unit_code") for line in _units(material)]
    labels = [material.labels[unit] for unit in units]
    rows: list[Row] = []
    for i, unit in enumerate(units):
        before = table[unit]["before"]
        after = before[i + 1] if i + 1 < len(units) else None
        told = "" if after is None else percent(after)
        following = labels[i + 1] if after is not None else ""
        described = said(
            material,
            f"{labels[i]}排在{following}之前的概率为{told}",
            f"{labels[i]} before {following}: {told}",
        )
        rows.append({"label": labels[i], "before": before, "described": described if told else labels[i]})
    thing = material.theme.object[material.language]
    title = said(
        material,
        f"行中{thing}排在列中{thing}之前的概率",
        f"probability that the {thing} of the row comes before that of the column",
    )
    chart = draw_dominance(rows, material.language, title=title, illustrative=material.illustrative)
    kept = tuple(_flat(row) | dict(zip(labels, row["before"], strict=True)) for row in rows)
    return Drawn(chart, kept, "heat", material.language, material.data_sources)


def influence(material: Material) -> Drawn:
    """Return on which factors the mean rank shift depends: Sobol indices, else Shapley effects."""
    sure, rows = Sureness(material), list[Row]()
    if not (lines := material.evidence.lines("robust_indices")):
        return _effects(material)
    for line in lines:
        label = sure.factor(line, first=True).text
        told = said(
            material,
            f"一阶指数 {line.first.text}，总效应指数 {line.total_effect.text}",
            f"first order {line.first.text}, total {line.total_effect.text}",
        )
        rows.append(
            {
                "label": label, "first": line.raw("first"), "first_low": line.raw("first_from"),
                "first_high": line.raw("first_to"), "total": line.raw("total_effect"),
                "total_low": line.raw("total_from"), "total_high": line.raw("total_to"),
                "described": label + said(material, "：", ": ") + told,
            }
        )  # fmt: skip
    title = said(material, "占平均名次变化方差的份额", "share of the variance of the mean rank change")
    chart = draw_sobol(
        rows, material.language, title=title, decimals=_RATIO, illustrative=material.illustrative
    )
    kept = tuple({_TOLD.get(key, key): value for key, value in row.items()} for row in rows)
    return Drawn(chart, kept, "bars", material.language, material.data_sources)


def _effects(material: Material) -> Drawn:
    sure, rows = Sureness(material), list[Row]()
    for line in material.evidence.lines("robust_effects"):
        label = sure.factor(line, first=True).text
        described = label + said(material, "：", ": ") + line.effect.text
        rows.append(
            {"key": line.raw("factor"), "label": label, "value": line.raw("effect"), "described": described}
        )
    title = said(
        material,
        "占平均名次变化方差的份额（沙普利效应）",
        "share of the variance of the mean rank change (Shapley effect)",
    )
    chart = draw_bars(
        rows, material.language, title=title, decimals=_RATIO, illustrative=material.illustrative
    )
    return Drawn(chart, tuple(rows), "bars", material.language, material.data_sources)


def one_at_a_time(material: Material) -> Drawn:
    """Return the least and the most that each factor alone shifts the ranks."""
    sure, rows = Sureness(material), list[Row]()
    lines = material.evidence.lines("robust_tornado")
    for line in lines:
        label = sure.factor(line, first=True).text
        texts = {}
        for end in ("low", "high"):
            text = Number(line.raw(end), "", "ratio").text
            level = line.raw(f"{end}_level") if line.raw("chooses") else ""
            texts[f"{end}_text"] = f"{text} {level}".rstrip()
        told = said(material, "至", " to ").join((texts["low_text"], texts["high_text"]))
        described = label + said(material, "：", ": ") + told
        rows.append(
            {
                "label": label,
                "low": line.raw("low"),
                "high": line.raw("high"),
                **texts,
                "described": described,
            }
        )
    if any(line.raw("chooses") for line in lines):
        ends = said(material, "最小", "least"), said(material, "最大", "most")
    else:
        ends = said(material, "5%分位数", "5 % quantile"), said(material, "95%分位数", "95 % quantile")
    chart = draw_tornado(
        rows,
        material.language,
        base=(0.0, said(material, "公布的名次", "as published")),
        title=said(material, "平均名次变化（位）", "mean rank change"),
        ends=ends,
        illustrative=material.illustrative,
    )
    kept = tuple(
        {"label": row["label"], "least": row["low"], "most": row["high"], "described": row["described"]}
        for row in rows
    )
    return Drawn(chart, kept, "tornado", material.language, material.data_sources)
