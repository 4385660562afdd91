"""Charts in which every unit is seen: on the map, on one axis, against its size, node by node."""

from __future__ import annotations

import numpy as np

from citygauge.analyse.economy import band
from citygauge.report.book.figures.drawn import Drawn, said, spoken
from citygauge.report.book.figures.scores import mean_title, places, score_title
from citygauge.report.book.material import Material
from citygauge.report.book.reading import Reading
from citygauge.report.charts.base import Row
from citygauge.report.charts.map import map_chart, map_note
from citygauge.report.charts.outlines import has_outlines
from citygauge.report.charts.profile import draw_parallel
from citygauge.report.charts.relation import draw_heat, draw_scatter
from citygauge.report.charts.spread import draw_beeswarm

_NAMED = 8  # units that are named in a chart of many


def objects(material: Material) -> Drawn:
    """Return the units on the map by their size; without outlines or places, bars by province.

    Names, places and sizes are facts about the units and no figure of the assessment, so they are told on
    illustrative data too; the dots carry grades only where these are published.
    """
    units = material.result.units
    if not has_outlines() or not {"lat", "lon"} <= set(units.attributes):
        return places(material)
    amounts = material.sizes
    names, grades = units.names(material.language), material.result.named_grades or ("",) * len(units)
    rows: list[Row] = []
    for name, lat, lon, amount, grade in zip(
        names, units.numbers("lat"), units.numbers("lon"), amounts, grades, strict=True
    ):
        if np.isnan(lat) or np.isnan(lon):
            continue
        colour = material.grade_name(grade).text if grade else ""
        known = None if np.isnan(amount) else float(amount)
        rows.append(
            {
                "lon": float(lon), "lat": float(lat), "label": name, "size": known, "colour": colour,
                "described": spoken(material, name, known, 0),
            }
        )  # fmt: skip
    chart = map_chart(rows, material.language, value_title=material.size_title, illustrative=False)
    note = map_note(material.language)
    return Drawn(chart, tuple(rows), "map", material.language, material.data_sources, note)


def swarm(material: Material) -> Drawn:
    """Return every unit's index on one axis, the edges of the grades as lines."""
    ranks = material.result.ranks[:, 0]
    last = int(ranks.max(initial=0))
    shown = zip(material.result.row_labels, ranks, strict=True)
    named = {unit for unit, rank in shown if 0 < rank <= _NAMED or (rank and rank == last)}
    return swarm_of(material, named if material.units_shown == "named" else set())


def swarm_of(material: Material, named: set[str]) -> Drawn:
    """Return every unit's index on one axis with the names of some."""
    result, rows = material.result, list[Row]()
    is_told = material.units_shown != "grades"
    for row in material.shown_rows:
        unit, value = result.row_labels[row], result.index[row]
        known, name = None if np.isnan(value) else float(value), material.labels[unit]
        described = spoken(material, name, known) if is_told or unit in named else ""
        rows.append(
            {
                "key": unit, "label": name if is_told or unit in named else "", "value": known,
                "highlight": unit in named, "described": described,
            }
        )  # fmt: skip
    cuts = []
    if result.scale is not None:
        edges = result.scale.edges(result.range)
        grades = zip(result.scale.grades, edges, strict=True)
        cuts = [(edge, material.grade_name(grade.id).text) for grade, edge in grades if edge is not None]
    chart = draw_beeswarm(
        rows, material.language, title=score_title(material), cuts=cuts, decimals=material.decimals,
        illustrative=material.illustrative,
    )  # fmt: skip
    kept = tuple(row for row in rows if is_told or row["key"] in named)
    return Drawn(chart, kept, "swarm", material.language, material.data_sources)


def scatter(material: Material) -> Drawn:
    """Return the index against the size of the units, with the fitted line and its band."""
    result, amounts, rows = material.result, material.sizes, list[Row]()
    order = np.argsort(-np.nan_to_num(amounts))[:_NAMED]
    best = np.argsort(np.where(result.ranks[:, 0] > 0, result.ranks[:, 0], 10**6))[:_NAMED]
    named = {int(i) for i in (*order, *best)}
    for i, unit in enumerate(result.row_labels):
        if np.isnan(result.index[i]) or not amounts[i] > 0:
            continue
        name = material.labels[unit]
        described = spoken(material, name, float(result.index[i]))
        rows.append(
            {
                "x": float(amounts[i]), "y": float(result.index[i]),
                "label": name if i in named else "", "described": described,
            }
        )  # fmt: skip
    titles = (material.size_title, score_title(material))
    chart = draw_scatter(
        rows, material.language, titles=titles, log=True, fit=_fit(rows), illustrative=material.illustrative
    )
    return Drawn(chart, tuple(rows), "scatter", material.language, material.data_sources)


def _fit(rows: list[Row]) -> list[Row]:
    """Return the line through the scores on the logarithm of the size, and its band."""
    x, y = np.log2([row["x"] for row in rows]), np.array([row["y"] for row in rows])
    at = np.linspace(x.min(), x.max(), 40)
    fit, low, high = band(x, y, at)
    return [
        {"x": float(2**place), "y": float(a), "low": float(b), "high": float(c)}
        for place, a, b, c in zip(at, fit, low, high, strict=True)
    ]


def heat(material: Material) -> Drawn:
    """Return the scores of all units at the children of the pillars, the best unit on top."""
    result, rows = material.result, list[Row]()
    codes = [code for pillar in material.pillars for code in Reading(material).children(pillar)]
    ranked = sorted(
        (int(rank) or 10**6, unit) for unit, rank in zip(result.row_labels, result.ranks[:, 0], strict=True)
    )
    places_of = {code: result.aggregated.codes.index(code) for code in codes}
    at = {unit: i for i, unit in enumerate(result.row_labels)}
    for _, unit in ranked:
        for code in codes:
            value = result.aggregated.values[at[unit], places_of[code]]
            known = None if np.isnan(value) else float(value)
            names = material.labels[unit], material.name(code).text
            rows.append(
                {
                    "row": names[0], "column": names[1], "value": known,
                    "described": spoken(material, f"{names[0]}, {names[1]}", known),
                }
            )  # fmt: skip
    chart = draw_heat(
        rows,
        material.language,
        title=score_title(material),
        decimals=material.decimals,
        illustrative=material.illustrative,
    )
    return Drawn(chart, tuple(rows), "heat", material.language, material.data_sources)


def cluster_lines(material: Material) -> Drawn:
    """Return the mean profile of each cluster over the pillars."""
    rows: list[Row] = []
    for line in material.evidence.lines("cluster_profiles", code=list(material.pillars)):
        number = line.raw("cluster")
        series = said(material, f"第{number}类", f"type {number}")
        axis = material.name(line.raw("code")).text
        described = spoken(material, f"{series}, {axis}", line.raw("mean"))
        rows.append(
            {
                "axis": axis,
                "unit": series,
                "label": series,
                "value": line.raw("mean"),
                "highlight": True,
                "described": described,
            }
        )
    chart = draw_parallel(
        rows, material.language, title=mean_title(material), decimals=material.decimals,
        illustrative=material.illustrative,
    )  # fmt: skip
    return Drawn(chart, tuple(rows), "lines", material.language, material.data_sources)
