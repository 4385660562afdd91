"""Charts of one city: its profile, its nodes against the mean, and what parts it from the first."""

from __future__ import annotations

from citygauge.report.book.city import first_of
from citygauge.report.book.figures.drawn import Drawn, said, spoken
from citygauge.report.book.figures.scores import score_title
from citygauge.report.book.figures.units import swarm_of
from citygauge.report.book.material import Material
from citygauge.report.charts.bars import draw_bars
from citygauge.report.charts.base import Row
from citygauge.report.charts.order import draw_waterfall
from citygauge.report.charts.profile import draw_dumbbell, draw_radar

_GAINS = 12


def place(material: Material) -> Drawn:
    """Return every unit's index on one axis, the city's own named."""
    return swarm_of(material, {material.unit})


def radar(material: Material) -> Drawn:
    """Return the profile of the pillars: the city, the mean of all, and the mean of its grade."""
    own = material.labels[material.unit]
    series = [("value", own), ("mean_all", said(material, "全部平均", "mean of all"))]
    if material.result.scale is not None and not material.illustrative:
        series.append(("mean_grade", said(material, "同梯队平均", "mean of its grade")))
    rows: list[Row] = []
    for line in material.evidence.lines("against", code=list(material.pillars)):
        axis = material.name(line.raw("code")).text
        for column, name in series:
            described = spoken(material, f"{axis}, {name}", line.raw(column))
            rows.append(
                {"axis": line.raw("code"), "label": axis, "series": name, "value": line.raw(column)}
                | {"described": described}
            )
    limits = material.result.range or (
        min(material.result.index.min(), 0.0), float(material.result.index.max())
    )  # fmt: skip
    chart = draw_radar(
        rows, material.language, limits=limits, title=score_title(material), decimals=material.decimals,
        illustrative=material.illustrative,
    )  # fmt: skip
    return Drawn(chart, tuple(rows), "radar", material.language, material.data_sources)


def dumbbell(material: Material) -> Drawn:
    """Return the city's score beside the mean of all in every child of a pillar, in tree order."""
    rows: list[Row] = []
    for line in material.evidence.lines("standings:2"):
        name = material.name(line.raw("code")).text
        described = spoken(material, name, line.raw("value"))
        rows.append(
            {"key": line.raw("code"), "label": name, "a": line.raw("mean"), "b": line.raw("value")}
            | {"described": described}
        )
    names = said(material, "全部平均", "mean of all"), material.labels[material.unit]
    chart = draw_dumbbell(
        rows, material.language, series=names, title=score_title(material), decimals=material.decimals,
        illustrative=material.illustrative,
    )  # fmt: skip
    return Drawn(chart, tuple(rows), "dumbbell", material.language, material.data_sources)


def leader(material: Material) -> Drawn:
    """Return by pillar what parts the city from the unit with the highest index."""
    result, lines = material.result, material.evidence.lines("leader")
    rows: list[Row] = []
    for line in lines:
        name, value = material.name(line.raw("code")).text, line.raw("contribution")
        gap = None if value is None else -value
        rows.append(
            {"key": line.raw("code"), "label": name, "value": gap, "described": spoken(material, name, gap)}
        )
    root = result.framework.root.code
    best = first_of(result)
    ends = tuple(
        (material.labels[unit], float(material.score(unit, root).value or 0.0))
        for unit in (material.unit, best)
    )
    chart = draw_waterfall(
        rows, material.language, ends=(ends[0], ends[1]), title=score_title(material),
        decimals=material.decimals, illustrative=material.illustrative,
    )  # fmt: skip
    note = said(
        material,
        "各部分按未取整的得分计算，相加后与总差可能相差末位一个单位。",
        "Parts are of unrounded scores; their sum may be off by one in the last digit.",
    )
    return Drawn(chart, tuple(rows), "waterfall", material.language, material.data_sources, note)


def gains(material: Material) -> Drawn:
    """Return what the index would win in each indicator at the mean of the next grade, the most first."""
    rows: list[Row] = []
    lines = [line for line in material.evidence.lines("next") if line.gain_to_next_mean]
    best = sorted(lines, key=lambda line: -line.raw("gain_to_next_mean"))[:_GAINS]
    for line in best:
        if line.raw("gain_to_next_mean") <= 0:
            continue
        name, gain = material.name(line.raw("code")).text, line.raw("gain_to_next_mean")
        described = spoken(material, name, gain, material.decimals + 1)
        rows.append({"key": line.raw("code"), "label": name, "value": gain, "described": described})
    title = said(material, "可增加的总得分", "gain of the index")
    chart = draw_bars(
        rows, material.language, title=title, decimals=material.decimals + 1,
        illustrative=material.illustrative,
    )  # fmt: skip
    return Drawn(chart, tuple(rows), "bars", material.language, material.data_sources)
