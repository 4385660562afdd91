"""Charts of scores over all units: means, spreads, grades, groups, correlations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from citygauge.report.book.figures.drawn import Drawn, said, spoken
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Line
from citygauge.report.book.reading import Reading
from citygauge.report.book.theme import GroupKey
from citygauge.report.charts.bars import draw_bars, draw_columns, draw_counts, draw_grouped_bars
from citygauge.report.charts.base import Row
from citygauge.report.charts.relation import draw_correlations
from citygauge.report.charts.shares import draw_grade_shares
from citygauge.report.charts.spread import draw_strip


def mean_title(material: Material) -> str:
    """Return what an axis of mean scores is called."""
    return said(material, "平均指数", "mean score")


def score_title(material: Material) -> str:
    """Return what an axis of scores is called."""
    return said(material, "得分", "score")


def node_columns(material: Material, code: str) -> Drawn:
    """Return the mean and the standard deviation of the children of a node."""
    rows = _mean_rows(material, Reading(material).children(code))
    title = mean_title(material) + said(
        material, "（须线为±1个标准差）", " (whiskers: ±1 standard deviation)"
    )
    chart = draw_columns(
        rows, material.language, title=title, decimals=material.decimals, illustrative=material.illustrative
    )
    return Drawn(chart, tuple(rows), "columns", material.language, material.data_sources)


def node_strip(material: Material, code: str) -> Drawn:
    """Return how the scores of the children of a node are spread over the units."""
    codes = Reading(material).children(code)
    return strip(material, [(material.name(child).text, _scores(material, child)) for child in codes])


def layer_strip(material: Material) -> Drawn:
    """Return how the scores of the layers are spread over the units."""
    frame = material.evidence.table("layer_scores")
    groups = []
    for key, layer in material.theme.layers.items():
        part = frame.filter(pl.col("layer") == key)
        scores = dict(zip(part["unit_code"], part["value"], strict=True))
        groups.append((layer.name[material.language], scores))
    return strip(material, groups)


def strip(material: Material, groups: Sequence[tuple[str, dict[str, float | None]]]) -> Drawn:
    """Return the spread of scores in groups; units are not named where nothing of them is told."""
    is_told = material.units_shown != "grades"
    rows: list[Row] = [
        {
            "group": name, "value": value, "label": "",
            "described": spoken(material, f"{name}, {material.labels[unit]}", value) if is_told else name,
        }
        for name, scores in groups
        for unit, value in (scores.items() if is_told else _by_value(scores))
    ]  # fmt: skip
    chart = draw_strip(
        rows, material.language, title=score_title(material), decimals=material.decimals,
        illustrative=material.illustrative,
    )  # fmt: skip
    kept = tuple(rows) if is_told else ()
    return Drawn(chart, kept, "strip", material.language, material.data_sources)


def _by_value(scores: dict[str, float | None]) -> list[tuple[str, float | None]]:
    """Return scores in their own order, where that of the units would tell whose they are."""
    return sorted(scores.items(), key=lambda pair: (pair[1] is None, pair[1] or 0.0))


def pillars(material: Material) -> Drawn:
    """Return the means of the pillars, the highest first, against the mean of the index."""
    rows = _mean_rows(material, Reading(material).by_mean(material.pillars), with_sd=False)
    return _against_mean(material, rows)


def leaf_bars(material: Material, code: str) -> Drawn:
    """Return the means of all leaves below a node, the highest first, against the mean of the index."""
    framework = material.result.framework
    below = [
        leaf
        for leaf in framework.indicators
        if code in framework.ancestors(leaf) and material.evidence.line("describe", code=leaf).mean
    ]
    rows = _mean_rows(material, Reading(material).by_mean(below), with_sd=False)
    return _against_mean(material, rows)


def _against_mean(material: Material, rows: list[Row]) -> Drawn:
    mean = material.evidence.line("describe", code=material.result.framework.root.code).mean
    label = said(material, f"总体平均指数 {mean.text}", f"overall mean {mean.text}")
    chart = draw_bars(
        rows, material.language, title=mean_title(material), decimals=material.decimals,
        reference=(mean.value, label), illustrative=material.illustrative,
    )  # fmt: skip
    return Drawn(chart, tuple(rows), "bars", material.language, material.data_sources)


def _mean_rows(material: Material, codes: Sequence[str], *, with_sd: bool = True) -> list[Row]:
    rows: list[Row] = []
    for code in codes:
        line, name = material.evidence.line("describe", code=code), material.name(code).text
        spread = {"sd": line.sd.value} if with_sd else {}
        spoken_sd = said(material, "，标准差", ", SD ") + line.sd.text if with_sd else ""
        described = spoken(material, name, line.mean.value) + spoken_sd
        rows.append({"key": code, "label": name, "value": line.mean.value, "described": described, **spread})
    return rows


def grade_shares(material: Material) -> Drawn:
    """Return how many units each grade holds, and their share."""
    rows: list[Row] = []
    for line in material.evidence.lines("grades"):
        label = material.grade_name(line.raw("grade")).text
        described = f"{label} {line.count.text} ({line.share.text})"
        rows.append({"label": label, "count": line.raw("count"), "described": described})
    chart = draw_grade_shares(rows, material.language, illustrative=material.illustrative)
    return Drawn(chart, tuple(rows), "columns", material.language, material.data_sources)


def group_bars(material: Material, key: GroupKey) -> Drawn:
    """Return the mean and the standard deviation of the index in the groups of a rule."""
    reading, rows = Reading(material), list[Row]()
    for line in material.evidence.lines(f"groups:{key}", code=material.result.framework.root.code):
        label = _group_label(reading, key, line)
        described = spoken(material, label, line.mean.value)
        rows.append(
            {
                "key": label,
                "label": label,
                "value": line.mean.value,
                "sd": line.sd.value,
                "described": described,
            }
        )
    title = mean_title(material) + said(
        material, "（须线为±1个标准差）", " (whiskers: ±1 standard deviation)"
    )
    chart = draw_columns(
        rows, material.language, title=title, decimals=material.decimals, illustrative=material.illustrative
    )
    return Drawn(chart, tuple(rows), "columns", material.language, material.data_sources)


def group_pillars(material: Material, key: GroupKey) -> Drawn:
    """Return the means of the index and the pillars in the groups of a rule."""
    reading, rows = Reading(material), list[Row]()
    for code in (material.result.framework.root.code, *material.pillars):
        for line in material.evidence.lines(f"groups:{key}", code=code):
            group, series = material.name(code).text, _group_label(reading, key, line)
            described = spoken(material, f"{group}, {series}", line.mean.value)
            rows.append({"group": group, "series": series, "value": line.mean.value, "described": described})
    chart = draw_grouped_bars(
        rows, material.language, title=mean_title(material), decimals=material.decimals,
        illustrative=material.illustrative,
    )  # fmt: skip
    return Drawn(chart, tuple(rows), "bars", material.language, material.data_sources)


def grade_pillars(material: Material) -> Drawn:
    """Return the means of the index and the pillars in the grades."""
    rows: list[Row] = []
    for code in (material.result.framework.root.code, *material.pillars):
        for line in material.evidence.lines("groups:grade", code=code):
            group, series = material.name(code).text, material.grade_name(line.raw("group")).text
            described = spoken(material, f"{group}, {series}", line.mean.value)
            rows.append({"group": group, "series": series, "value": line.mean.value, "described": described})
    chart = draw_grouped_bars(
        rows, material.language, title=mean_title(material), decimals=material.decimals,
        illustrative=material.illustrative,
    )  # fmt: skip
    return Drawn(chart, tuple(rows), "bars", material.language, material.data_sources)


def _group_label(reading: Reading, key: GroupKey, line: Line) -> str:
    name = reading.group_name(key, line).text
    return f"{name}（{line.n.text}个）" if reading.material.language == "zh" else f"{name} ({line.n.text})"


def places(material: Material) -> Drawn:
    """Return how many units lie in each place, and the sum of their size; facts, so named on any data."""
    rule, size = material.theme.groups["place"], material.theme.groups.get("size")
    units = material.result.units
    places = units.texts(rule.attribute)
    amounts = material.sizes
    names = dict.fromkeys(place for place in places if place)
    rows: list[Row] = []
    for place in names:
        here = [i for i, other in enumerate(places) if other == place]
        label = rule.names[place][material.language] if place in rule.names else place
        amount = float(np.nansum(amounts[here]))
        rows.append(
            {
                "key": place,
                "label": label,
                "count": len(here),
                "amount": amount,
                "described": f"{label} {len(here)}",
            }
        )
    rows.sort(key=lambda row: (-row["count"], -row["amount"]))
    object_name = material.theme.object[material.language]
    titles = [said(material, f"{object_name}数", f"number of {object_name}")]
    if size:
        titles.append(material.size_title)
    else:
        rows = [{k: v for k, v in row.items() if k != "amount"} for row in rows]
    chart = draw_counts(rows, material.language, titles=titles, illustrative=False)
    return Drawn(chart, tuple(rows), "bars", material.language, material.data_sources)


def correlations(material: Material) -> Drawn:
    """Return the correlation of every two pillars."""
    frame = material.evidence.table("correlations")
    found = {frozenset((a, b)): r for a, b, r in frame.select("code", "other", "correlation").iter_rows()}
    rows: list[Row] = []
    for a in material.pillars:
        for b in material.pillars:
            r = 1.0 if a == b else found.get(frozenset((a, b)))
            names = material.name(a).text, material.name(b).text
            described = spoken(material, f"{names[0]} – {names[1]}", r, 2)
            rows.append({"row": names[0], "column": names[1], "value": r, "described": described})
    chart = draw_correlations(
        rows, material.language, title=said(material, "相关系数", "correlation"),
        illustrative=material.illustrative,
    )  # fmt: skip
    told = tuple(row for row in rows if row["row"] < row["column"])
    return Drawn(chart, told, "heat", material.language, material.data_sources)


def _scores(material: Material, code: str) -> dict[str, float | None]:
    result = material.result
    column = result.aggregated.values[:, result.aggregated.codes.index(code)]
    return {
        result.row_labels[row]: None if np.isnan(column[row]) else float(column[row])
        for row in material.shown_rows
    }
