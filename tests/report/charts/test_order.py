"""Order and change: every unit named beside its rank, and steps that add up."""

from __future__ import annotations

import numpy as np
import pytest
from chart_reading import LONG, check_layout, layers_of, read
from test_colours import VISION, lab, linear

from citygauge.report.charts.bars import STRONG
from citygauge.report.charts.base import BAR
from citygauge.report.charts.order import DOWN, UP, draw_slope, draw_waterfall


def ranks(*pairs):
    return [
        {"key": str(i), "label": f"City {i}", "a": a, "b": b, "described": f"City {i}: {a} to {b}"}
        for i, (a, b) in enumerate(pairs)
    ]


@pytest.mark.parametrize(("n", "language"), [(1, "zh"), (2, "en"), (50, "zh")])
def test_every_unit_is_named_on_both_sides_and_no_name_lies_on_another(n, language):
    rows = ranks(*((i + 1, (i * 7) % n + 1 if n > 7 else i + 1) for i in range(n)))
    rows[0]["label"] = LONG[language]
    drawn = read(draw_slope(rows, language, periods=("2021", "2023"), illustrative=True))
    check_layout(drawn)
    for i in range(1, n):
        assert sum(f"City {i}  " in f"{word}  " for word in drawn.words) == 2


def test_ties_share_a_point_and_keep_their_names_apart():
    rows = ranks(*((1, 1) for _ in range(12)))
    drawn = read(draw_slope(rows, "en", periods=("a", "b"), illustrative=False))
    check_layout(drawn)
    assert len({mark.y for mark in drawn.marks if mark.kind != "rule mark"}) == 1


def test_rank_one_is_on_top_and_lower_ranks_lie_evenly_below():
    drawn = read(draw_slope(ranks((1, 3), (2, 2), (3, 1)), "en", periods=("a", "b"), illustrative=False))
    heights = sorted({m.y for m in drawn.marks if m.kind != "rule mark"})
    assert len(heights) == 3
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1])
    assert drawn.at("City 0  1")[1] < drawn.at("City 2  3")[1]


def test_notable_moves_differ_by_colour_and_dash():
    rows = ranks((1, 9), (9, 1), (4, 5), (5, 4))
    chart = draw_slope(rows, "en", periods=("a", "b"), notable=3, illustrative=False)
    by_colour = {drawn[0]["colour"]: (mark, drawn) for mark, drawn in layers_of(chart, "rule")}
    (down, falling), (up, rising) = by_colour[DOWN], by_colour[UP]
    assert len(falling) == len(rising) == 1
    assert down["strokeDash"]
    assert "strokeDash" not in up


def test_a_unit_without_a_rank_has_no_line_and_is_named():
    rows = ranks((1, None), (2, 1), (None, None))
    drawn = read(draw_slope(rows, "en", periods=("a", "b"), illustrative=False))
    check_layout(drawn)
    assert sum("City 0" in word for word in drawn.words) == 1
    assert "not ranked: City 2" in drawn.words
    assert sum(mark.kind == "rule mark" for mark in drawn.marks) == 1


def test_slopes_without_any_rank_are_drawn():
    for rows in ([], ranks((None, None))):
        check_layout(read(draw_slope(rows, "zh", periods=("a", "b"), illustrative=False)))


def steps(*values):
    return [
        {"key": str(i), "label": f"pillar {i}", "value": value, "described": f"pillar {i}"}
        for i, value in enumerate(values)
    ]


def test_steps_of_a_waterfall_join_and_are_as_long_as_their_values():
    ends = (("before", 50.0), ("after", 55.0))
    drawn = read(draw_waterfall(steps(4.0, -2.0, 3.0), "en", ends=ends, title="", illustrative=False))
    (x0, _, w0, _), (x1, _, w1, _), (x2, _, w2, _) = (drawn.bar(f"pillar {i}") for i in range(3))
    assert (w0, w2) == pytest.approx((2 * w1, 1.5 * w1), abs=0.02)
    assert x0 + w0 == pytest.approx(x1 + w1, abs=0.02)
    assert x1 == pytest.approx(x2, abs=0.02)
    start, end = (next(m.x for m in drawn.marks if m.said.startswith(t)) for t in ("before", "after"))
    assert (start, end) == pytest.approx((x0, x2 + w2), abs=0.02)
    assert {"50.0", "55.0", "+4.0", "−2.0", "+3.0"} <= set(drawn.words)
    assert "other" not in drawn.words


def test_what_the_steps_leave_of_the_way_is_a_step_of_its_own():
    ends = (("before", 50.0), ("after", 60.0))
    drawn = read(draw_waterfall(steps(4.0, None), "en", ends=ends, title="", illustrative=False))
    assert {"other", "+6.0", "no data"} <= set(drawn.words)


@pytest.mark.parametrize(("n", "language"), [(0, "zh"), (1, "en"), (32, "zh")])
def test_no_text_of_a_waterfall_leaves_the_picture_or_lies_on_another(n, language):
    rows = steps(*((-1.0) ** i * (i % 5) for i in range(n)))
    for row in rows[:1]:
        row["label"] = LONG[language]
    ends = (("before", 40.0), ("after", 40.0 + sum(row["value"] for row in rows)))
    drawn = read(draw_waterfall(rows, language, ends=ends, title="score", illustrative=True))
    check_layout(drawn)
    assert {"before", "after"} <= set(drawn.words)


def test_without_a_start_or_an_end_there_is_nothing_to_draw():
    drawn = read(
        draw_waterfall(steps(1.0), "zh", ends=(("a", float("nan")), ("b", 1.0)), title="", illustrative=False)
    )
    assert drawn.words == ["无数据"]


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("one", "other"), [(UP, DOWN), (BAR, DOWN), (STRONG, BAR)])
def test_colours_that_mean_something_stay_apart_for_every_eye(vision, one, other):
    seen = [lab(np.array(VISION[vision]) @ linear(colour)) for colour in (one, other)]
    assert np.linalg.norm(seen[0] - seen[1]) > 15
