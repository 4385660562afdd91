"""Relations: points where their values are, cells as dark as their values, gaps shown as gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from chart_reading import LONG, check_layout, layers_of, read, rows_of

from citygauge.report.charts.relation import draw_correlations, draw_heat, draw_scatter

RNG = np.random.default_rng(11)


def scatter_rows(n, labels=()):
    xs, ys = 10 ** RNG.uniform(3, 4.7, n), RNG.normal(50, 15, n)
    return [
        {
            "x": float(x),
            "y": float(y),
            "label": f"Example {i}" if i in labels else "",
            "described": f"unit {i}",
        }
        for i, (x, y) in enumerate(zip(xs, ys, strict=True))
    ]


def cells(rows, columns, value):
    return [
        {"row": r, "column": c, "value": value(i, j), "described": f"{r} / {c}"}
        for i, r in enumerate(rows)
        for j, c in enumerate(columns)
    ]


def luma(colour):
    return sum(w * int(colour[i : i + 2], 16) for w, i in ((0.299, 1), (0.587, 3), (0.114, 5)))


@pytest.mark.parametrize("log", [False, True])
def test_points_lie_where_their_values_are(log):
    rows = scatter_rows(20)
    drawn = read(draw_scatter(rows, "en", titles=("x", "y"), log=log, illustrative=False))
    at = {mark.said: mark for mark in drawn.marks if mark.said.startswith("unit")}
    xs = [math.log(row["x"]) if log else row["x"] for row in rows]
    for values, places in (
        (xs, [at[row["described"]].x for row in rows]),
        ([row["y"] for row in rows], [at[row["described"]].y for row in rows]),
    ):
        assert abs(np.corrcoef(values, places)[0, 1]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("n", "language"), [(1, "zh"), (2, "en"), (50, "zh"), (50, "en")])
def test_labels_of_a_scatter_lie_on_nothing_and_inside(language, n):
    rows = scatter_rows(n, labels=range(12))
    fit = [
        {"x": 1000.0, "y": 30.0, "low": 20.0, "high": 40.0},
        {"x": 5e4, "y": 60.0, "low": 40.0, "high": 80.0},
    ]
    titles = (LONG[language][:30], LONG[language])
    drawn = read(draw_scatter(rows, language, titles=titles, fit=fit, log=True, illustrative=True))
    check_layout(drawn)
    assert sum(word.startswith("Example") for word in drawn.words) >= min(n, 10)


def test_a_unit_without_a_value_is_counted_and_not_drawn_at_zero():
    rows = [*scatter_rows(5), {"x": None, "y": 3.0, "label": "a", "described": "lacking"}]
    rows.append({"x": 0.0, "y": 3.0, "label": "b", "described": "no logarithm"})
    drawn = read(draw_scatter(rows, "en", titles=("x", "y"), log=True, illustrative=False))
    assert not {"lacking", "no logarithm"} & {mark.said for mark in drawn.marks}
    assert "no data: 2" in drawn.words
    drawn = read(draw_scatter(rows, "en", titles=("x", "y"), illustrative=False))
    assert "no data: 1" in drawn.words


def test_margins_hold_every_point_once():
    rows = [{"x": float(x), "y": 1.0, "label": "", "described": f"u{x}"} for x in (0, 0, 0, 10)]
    bars = rows_of(draw_scatter(rows, "en", titles=("x", "y"), illustrative=False), "rect")
    heights = sorted(bar["y2"] - bar["y"] for bar in bars if bar["y2"] < 0)
    assert heights[1] == pytest.approx(3 * heights[0])


@pytest.mark.parametrize(
    ("rows", "columns", "language"), [(1, 1, "zh"), (2, 3, "en"), (12, 8, "zh"), (50, 16, "en")]
)
def test_a_heat_map_fits_a_page_and_every_number_fits_its_cell(rows, columns, language):
    units = [f"示意城市 {i:02d}" if language == "zh" else f"Example city {i:02d}" for i in range(rows)]
    heads = [LONG[language][i : i + 14].strip() for i in range(columns)]
    given = cells(units, heads, lambda i, j: (i * 7 + j * 3) % 101)
    given[-1]["value"] = None
    drawn = read(draw_heat(given, language, title="得分", decimals=1, illustrative=True))
    check_layout(drawn)
    assert drawn.height <= 1100
    assert set(units) <= set(drawn.words)
    assert drawn.words.count("–") == 1


def test_cells_are_the_darker_the_higher_also_in_grey():
    values = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    drawn = read(
        draw_heat(cells(["u"], list("abcdef"), lambda i, j: values[j]), "en", title="", illustrative=False)
    )
    greys = [luma(mark.fill) for mark in drawn.marks if mark.kind == "rect mark"]
    assert greys == sorted(greys, reverse=True)
    assert greys[0] - greys[-1] > 120


def test_numbers_in_cells_have_the_contrast_of_wcag():
    given = cells(["u"], list("abcdef"), lambda i, j: 20.0 * j)
    chart = draw_heat(given, "en", title="", illustrative=False)
    inks = {row["text"]: row["colour"] for row in rows_of(chart, "text") if row.get("size") == 12}
    boxes = layers_of(chart, "rect")[0][1]
    for row, box in zip(given, boxes, strict=True):
        light, dark = sorted((wcag(inks[f"{row['value']:.1f}"]), wcag(box["colour"])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def wcag(colour):
    linear = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in linear]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_cell_that_no_row_names_is_missing_too():
    given = cells(["u", "v"], ["a", "b"], lambda i, j: 1.0)[:-1]
    drawn = read(draw_heat(given, "en", title="", illustrative=False))
    assert drawn.words.count("–") == 1
    assert "v b no data" in {mark.said for mark in drawn.marks}


@pytest.mark.parametrize(("n", "language"), [(1, "zh"), (2, "en"), (10, "zh"), (16, "en")])
def test_correlations_print_every_number_with_its_sign(n, language):
    names = [LONG[language][i : i + 12].strip() for i in range(n)]
    given = cells(names, names, lambda i, j: 1.0 if i == j else -0.5 if (i + j) % 2 else 0.25)
    drawn = read(draw_correlations(given, language, title="r", illustrative=True))
    check_layout(drawn)
    assert drawn.words.count("1.00") == n
    assert drawn.words.count("−0.50") == sum(row["value"] == -0.5 for row in given)


def test_opposite_correlations_have_different_colours_and_none_is_white():
    values = [-1.0, 0.0, 1.0]
    given = cells(["u"], ["a", "b", "c"], lambda i, j: values[j])
    drawn = read(draw_correlations(given, "en", title="", illustrative=False))
    low, none, high = (mark.fill for mark in drawn.marks if mark.kind == "rect mark")
    assert len({low, none, high}) == 3
    assert luma(none) > 230


def test_no_rows_say_so():
    assert read(draw_heat([], "zh", title="", illustrative=False)).words == ["无数据"]
    assert read(draw_correlations([], "zh", title="", illustrative=False)).words == ["无数据"]
    assert read(draw_scatter([], "zh", titles=("", ""), illustrative=False)).words == ["无数据"]


def test_a_map_of_nothing_but_gaps_is_drawn():
    given = cells(["u", "v"], ["a", "b"], lambda i, j: None)
    drawn = read(draw_heat(given, "en", title="score", illustrative=False))
    assert drawn.words.count("–") == 4
