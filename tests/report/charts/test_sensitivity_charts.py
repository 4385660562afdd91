"""Sensitivity: bars and whiskers in proportion, ends on their sides, a gap told and never drawn as zero."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from chart_reading import LONG, check_layout, read, rows_of

from citygauge.report.charts.base import png_of
from citygauge.report.charts.colours import lightness
from citygauge.report.charts.plot import NO_DATA
from citygauge.report.charts.sensitivity import (
    draw_convergence,
    draw_sobol,
    draw_stability,
    draw_tornado,
)


def index(label, first, total, half=0.05):
    row = {"label": label, "first": first, "total": total}
    for key, value in (("first", first), ("total", total)):
        row |= {
            f"{key}_{end}": None if value is None else value + turn * half
            for end, turn in (("low", -1), ("high", 1))
        }
    return row


def move(label, low, high):
    return {"label": label, "low": low, "high": high, "low_text": f"{label} −", "high_text": f"{label} +"}


def weight(label, low, high, now):
    return {"label": label, "low": low, "high": high, "now": now, "described": f"weight {label}"}


def lengths(drawn, *said):
    return [drawn.bar(line)[2] for line in said]


def test_bars_of_indices_are_in_proportion_and_first_lies_above_total():
    drawn = read(draw_sobol([index("A", 0.2, 0.6), index("B", 0.1, 0.4)], "en", illustrative=False))
    said = ("A first order 0.20", "A total 0.60", "B first order 0.10", "B total 0.40")
    found = lengths(drawn, *said)
    assert [length / found[1] for length in found] == pytest.approx([1 / 3, 1, 1 / 6, 2 / 3], abs=0.01)
    assert drawn.bar(said[0])[1] < drawn.bar(said[1])[1] < drawn.bar(said[2])[1]


def test_whiskers_end_where_the_interval_does():
    chart = draw_sobol([index("A", 0.2, 0.6, 0.1)], "en", illustrative=False)
    flat = [row for row in rows_of(chart, "rule") if row["y"] == row["y2"]]
    bars = {row["described"]: row for row in rows_of(chart, "rect")}
    one = (bars["A total 0.60"]["x2"] - bars["A total 0.60"]["x"]) / 0.6
    zero = bars["A total 0.60"]["x"]
    ends = [((row["x"] - zero) / one, (row["x2"] - zero) / one) for row in flat]
    assert ends == [pytest.approx((0.1, 0.3)), pytest.approx((0.5, 0.7))]


def test_an_estimate_below_zero_hangs_left_of_the_line():
    chart = draw_sobol([index("A", -0.1, 0.3)], "en", illustrative=False)
    bar = next(row for row in rows_of(chart, "rect") if row["described"] == "A first order −0.10")
    total = next(row for row in rows_of(chart, "rect") if row["described"] == "A total 0.30")
    assert (bar["x2"] - bar["x"]) / (total["x2"] - total["x"]) == pytest.approx(-1 / 3)
    check_layout(read(chart))


def test_a_constant_output_has_no_index_and_says_so_while_zero_is_zero():
    rows = [index("A", None, None), index("B", 0.0, 0.0, 0.0), index("C", 0.1, None)]
    words = read(draw_sobol(rows, "en", illustrative=False)).words
    assert words.count("constant output, no index") == 1
    assert words.count("0.00") == 2
    assert words.count(NO_DATA["en"]) == 1
    assert "输出不变，无指数" in read(draw_sobol(rows, "zh", illustrative=False)).words


def test_the_two_orders_differ_in_a_grey_print():
    drawn = read(draw_sobol([index("A", 0.4, 0.5)], "en", illustrative=False))
    first, total = (mark.fill for mark in drawn.marks if mark.said.startswith("A"))
    assert abs(lightness(first) - lightness(total)) > 16


def test_the_widest_swing_is_on_top_and_bars_are_in_proportion():
    rows = [move("A", 9.0, 11.0), move("B", 16.0, 7.0), move("C", None, None), move("D", None, 10.5)]
    drawn = read(draw_tornado(rows, "en", base=(10.0, "base"), title="rank", illustrative=False))
    heights = {name: drawn.at(name)[1] for name in "ABCD"}
    assert sorted(heights, key=heights.get) == ["B", "A", "D", "C"]
    found = lengths(drawn, "B B −", "B B +", "A A −", "A A +", "D D +")
    assert [length / found[0] for length in found] == pytest.approx([1, 0.5, 1 / 6, 1 / 6, 1 / 12], abs=0.01)
    left, right = drawn.bar("A A −"), drawn.bar("A A +")
    assert left[0] + left[2] == pytest.approx(right[0], abs=0.1)
    assert drawn.bar("B B −")[0] == pytest.approx(right[0], abs=0.1)
    assert NO_DATA["en"] in drawn.words


def test_two_ends_on_one_side_of_the_base_are_both_seen():
    rows = [move("A", 12.0, 14.0), move("B", 10.0, 14.0), move("C", 10.0, 10.0)]
    drawn = read(draw_tornado(rows, "en", base=(10.0, "base"), title="rank", illustrative=False))
    check_layout(drawn)
    low, high = drawn.bar("A A −"), drawn.bar("A A +")
    assert low[1] + low[3] <= high[1] + 0.01
    assert low[2] / high[2] == pytest.approx(0.5, abs=0.01)


def test_the_present_weight_lies_in_its_interval_on_an_axis_of_per_cent():
    rows = [weight("A", 0.24, 0.41, 0.3), weight("B", 0.0, 1.0, 0.5), weight("C", 0.2, 0.2, 0.2)]
    chart = draw_stability(rows, "en", illustrative=False)
    drawn = read(chart)
    whole = drawn.bar("weight B")
    own = drawn.bar("weight A")
    assert own[2] / whole[2] == pytest.approx(0.17, abs=0.002)
    assert (own[0] - whole[0]) / whole[2] == pytest.approx(0.24, abs=0.002)
    ticks = [row["x"] for row in rows_of(chart, "rule") if row["x"] == row["x2"] and row["y"] > 0]
    start = min(row["x"] for row in rows_of(chart, "rect"))
    assert [(x - start) / whole[2] for x in ticks] == pytest.approx([0.3, 0.5, 0.2], abs=0.002)
    assert {"24%–41%", "0%–100%", "20%"} <= set(drawn.words)
    assert drawn.bar("weight C")[2] >= 1


def test_an_interval_that_is_not_known_is_told_and_not_drawn():
    rows = [weight("A", None, 0.4, 0.3), weight("B", 0.1, 0.4, None)]
    drawn = read(draw_stability(rows, "zh", meaning="首位不变", illustrative=False))
    assert NO_DATA["zh"] in drawn.words
    assert "首位不变" in drawn.words
    assert {mark.said for mark in drawn.marks} == {"weight B"}


def widths(series, scale, missing=()):
    counts = [2**k for k in range(7, 14)]
    return [
        {"series": series, "n": n, "described": f"{series} {n}"}
        | {"width": None if n in missing else scale / math.sqrt(n)}
        for n in counts
    ]


def test_a_line_falls_as_its_widths_do_and_stands_on_a_logarithmic_axis():
    chart = draw_convergence(widths("A", 90), "en", title="width", illustrative=False)
    ((_, *rest),) = [rows_of(chart, "line")]
    places = [row["x"] for row in rows_of(chart, "line")]
    steps = [b - a for a, b in pairwise(places)]
    assert len(rest) == 6
    assert steps == pytest.approx([steps[0]] * 6)
    heights = [row["y"] for row in rows_of(chart, "line")]
    falls = [b - a for a, b in pairwise(heights)]
    assert [b / a for a, b in pairwise(falls)] == pytest.approx([1 / math.sqrt(2)] * 5)


def test_a_missing_width_breaks_the_line():
    rows = widths("A", 90, missing=(512,))
    chart = draw_convergence(rows, "en", title="width", illustrative=False)
    assert {row["line"] for row in rows_of(chart, "line")} == {"A 0", "A 1"}
    assert "A 512" not in {mark.said for mark in read(chart).marks}
    rows = [{**row, "width": None} for row in rows]
    assert NO_DATA["en"] in read(draw_convergence(rows, "en", title="width", illustrative=False)).words


@pytest.mark.parametrize(
    ("n", "language", "is_long"),
    [
        (1, "zh", False),
        (8, "en", False),
        (40, "zh", False),
        (1, "en", True),
        (8, "zh", True),
        (40, "en", True),
    ],
)
def test_labels_of_sensitivity_charts_are_inside_and_free(n, language, is_long):
    long = LONG[language]
    labels = [long if is_long else f"{long[:4]} {i}" for i in range(n)]
    text = long if is_long else long[:8]
    indices = [index(label, 0.5 / (i + 1), 0.6 / (i + 1)) for i, label in enumerate(labels)]
    moves = [
        move("m", 10 - 5 / (i + 1), 10 + (7 if i % 3 else -7) / (i + 1))
        | {"label": label, "low_text": text, "high_text": text}
        for i, label in enumerate(labels)
    ]
    weights = [weight(label, 0.1, 0.3, 0.2) for label in labels]
    names = [f"{i} {label}" for i, label in enumerate(labels[:8])]
    series = [row for i, name in enumerate(names) for row in widths(name, 40 + 30 * i)]
    for chart in (
        draw_sobol(indices, language, title=text, illustrative=True),
        draw_tornado(moves, language, base=(10.0, text), title=text, illustrative=True),
        draw_stability(weights, language, title=text, meaning=text, decimals=1, illustrative=True),
        draw_convergence(series, language, title=text, goal=(1.0, text), illustrative=True),
    ):
        check_layout(read(chart))
        assert n != 8 or png_of(chart.to_dict(), 0.5).startswith(b"\x89PNG")


def test_all_values_equal_and_a_goal_alone_are_drawn():
    rows = [move("A", 0.0, 0.0), move("B", 0.0, 0.0)]
    check_layout(read(draw_tornado(rows, "en", base=(0.0, "base"), title="x", illustrative=False)))
    flat = [{"series": "A", "n": 100, "width": 0.0, "described": "A"}]
    chart = draw_convergence(flat, "en", title="width", goal=(0.0, "enough"), illustrative=False)
    check_layout(read(chart))
    check_layout(read(draw_sobol([index("A", 1.0, 1.0, 0.0)], "en", illustrative=False)))


def test_nothing_to_draw_is_told():
    for chart in (
        draw_sobol([], "en", illustrative=True),
        draw_tornado([], "en", base=(0.0, ""), title="", illustrative=True),
        draw_stability([], "en", illustrative=True),
        draw_convergence([], "en", title="", illustrative=True),
    ):
        assert NO_DATA["en"] in read(chart).words
