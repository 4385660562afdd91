"""Profiles: points at their distance and angle, lines that break where a value is missing, pairs in order."""

from __future__ import annotations

import math

import pytest
from chart_reading import LONG, check_layout, layers_of, read, rows_of

from citygauge.report.charts.profile import draw_dumbbell, draw_parallel, draw_radar


def radar_rows(n, values=lambda k, s: 20.0 * s + 5 * k + 10, series=("苏州", "均值"), language="zh"):
    return [
        {"axis": f"p{k}", "label": LONG[language][k : k + 9].strip(), "series": name, "value": values(k, s),
         "described": f"{k} {name}"}
        for k in range(n)
        for s, name in enumerate(series)
    ]  # fmt: skip


def test_a_point_of_the_radar_lies_at_the_distance_of_its_value_clockwise_from_the_top():
    rows = radar_rows(4, lambda k, s: (100.0, 50.0, 50.0, 25.0)[k], series=("a",))
    drawn = read(draw_radar(rows, "en", limits=(0, 100), illustrative=False))
    at = [(m.x, m.y) for k in range(4) for m in drawn.marks if m.said == f"{k} a"]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = at
    middle = (x0, y1)  # above it the first, beside it the second
    assert math.dist(at[0], middle) == pytest.approx(2 * math.dist(at[1], middle), abs=0.01)
    assert math.dist(at[0], middle) == pytest.approx(4 * math.dist(at[3], middle), abs=0.01)
    assert y0 < y1 < y2
    assert x3 < x0 < x1
    assert (x2, y3) == pytest.approx(middle)


@pytest.mark.parametrize(("n", "language"), [(1, "zh"), (2, "en"), (3, "zh"), (5, "en"), (10, "en")])
def test_no_text_of_a_radar_leaves_the_picture_or_lies_on_another(n, language):
    rows = radar_rows(n, lambda k, s: 10.0 * k if s else 100.0, language=language)
    rows[-1]["value"] = None
    drawn = read(draw_radar(rows, language, limits=(0, 100), title="score", illustrative=True))
    check_layout(drawn)
    assert all(row["label"].replace(" ", "") in drawn.whole for row in rows)
    assert {"苏州", "均值"} <= set(drawn.words)


def test_a_missing_value_breaks_the_figure_and_is_a_dash():
    rows = radar_rows(5, series=("a",))
    rows[1]["value"] = None
    chart = draw_radar(rows, "en", limits=(0, 100), illustrative=False)
    drawn = read(chart)
    assert "–" in drawn.words
    assert "1 a" not in {mark.said for mark in drawn.marks}
    sides = {row["line"] for row in rows_of(chart, "line") if not row["line"].startswith("ring")}
    assert len(sides) == 3  # of five sides those to and from the gap are left out


def test_series_differ_by_dash_and_shape_and_not_by_colour_alone():
    chart = draw_radar(radar_rows(5), "zh", limits=(0, 100), illustrative=False)
    dashes = {tuple(mark["strokeDash"]) for mark, _ in layers_of(chart, "line") if "strokeDash" in mark}
    shapes = {row["shape"] for row in rows_of(chart, "point")}
    assert len(dashes) == 2
    assert len(shapes) == 2


def parallel_rows(n_units, n_axes, strong=(), language="en"):
    return [
        {"unit": f"u{u}", "axis": LONG[language][a : a + 12].strip(), "value": (u * 17 + a * 29) % 100.0,
         "label": f"Example {u}", "highlight": u in strong, "described": f"u{u} {a}"}
        for u in range(n_units)
        for a in range(n_axes)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("n_units", "n_axes", "language"), [(1, 1, "zh"), (2, 2, "en"), (50, 5, "zh"), (50, 10, "en")]
)
def test_highlighted_units_are_named_beside_parallel_axes(n_units, n_axes, language):
    rows = parallel_rows(n_units, n_axes, {0, 3, 6, 9}, language)
    drawn = read(draw_parallel(rows, language, title="score", illustrative=True))
    check_layout(drawn)
    for u in {0, 3, 6, 9} & set(range(n_units)):
        assert any(word.startswith(f"Example {u} ") for word in drawn.words)
    assert not any(word.startswith("Example 1 ") for word in drawn.words)


def test_a_missing_value_breaks_the_line_over_parallel_axes():
    rows = parallel_rows(1, 5)
    rows[2]["value"] = None
    chart = draw_parallel(rows, "en", title="", illustrative=False)
    parts = {row["line"] for row in rows_of(chart, "line")}
    assert len(parts) == 2


def pairs(*values):
    return [
        {"key": str(i), "label": f"row {i}", "a": a, "b": b, "described": f"row {i}"}
        for i, (a, b) in enumerate(values)
    ]


def test_both_ends_of_a_dumbbell_lie_on_one_scale():
    rows = pairs((10.0, 30.0), (30.0, 10.0), (20.0, 20.0))
    drawn = read(draw_dumbbell(rows, "en", series=("mean", "city"), title="", illustrative=False))
    by = {}
    for mark in drawn.marks:
        by.setdefault(mark.said, []).append((mark.fill, mark.x))
    (_, a0), (_, b0) = sorted(by["row 0"], key=lambda m: m[0] != "white")
    (_, a1), (_, b1) = sorted(by["row 1"], key=lambda m: m[0] != "white")
    assert (a0, b0) == (b1, a1)
    assert b0 > a0
    assert {x for _, x in by["row 2"]} == {(a0 + b0) / 2}


@pytest.mark.parametrize(("n", "language"), [(1, "zh"), (2, "en"), (31, "zh")])
def test_no_text_of_a_dumbbell_leaves_the_picture_or_lies_on_another(n, language):
    rows = pairs(*(((i * 7) % 50, (i * 11) % 60 + 3.0) for i in range(n)))
    rows[0]["label"] = LONG[language]
    rows[-1]["a"] = None
    names = {"zh": ("全部城市均值", "苏州"), "en": ("mean of all cities", "Suzhou")}[language]
    drawn = read(draw_dumbbell(rows, language, series=names, title="score", illustrative=True))
    check_layout(drawn)
    assert drawn.words.count({"zh": "无数据", "en": "no data"}[language]) == 1


def test_no_rows_say_so():
    assert read(draw_radar([], "zh", limits=(0, 1), illustrative=False)).words == ["无数据"]
    assert read(draw_parallel([], "zh", title="", illustrative=False)).words == ["无数据"]
    assert read(draw_dumbbell([], "zh", series=("a", "b"), title="", illustrative=False)).words == ["无数据"]
