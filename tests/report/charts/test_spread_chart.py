"""Spread: quartiles as published, swarms in which no point hides another, cuts where they belong."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from chart_reading import LONG, check_layout, read, rows_of
from hypothesis import given
from hypothesis import strategies as st

from citygauge.report.charts.placing import label_places, nearest, spaced, swarm, touches
from citygauge.report.charts.plot import EDGE
from citygauge.report.charts.spread import draw_beeswarm, draw_strip

NUMBERS = np.random.default_rng(7).normal(50, 12, 60).round(1).tolist()


def strip_rows(values, group="东部"):
    return [
        {"group": group, "value": value, "label": "", "described": f"{group} {i}"}
        for i, value in enumerate(values)
    ]


def bee_rows(values, strong=()):
    return [
        {"key": str(i), "label": f"City {i}", "value": v, "highlight": i in strong, "described": f"City {i}"}
        for i, v in enumerate(values)
    ]


def dots(drawn):
    return [mark for mark in drawn.marks if mark.kind != "rect mark"]


def test_the_median_and_the_box_are_quartiles_of_type_7():
    # Hyndman & Fan type 7 by hand for 1, 2, 3, 4, 10: positions 2, 3, 4 of five.
    drawn = read(draw_strip(strip_rows([10, 1, 3, 2, 4]), "zh", title="", illustrative=False))
    assert "3.0" in drawn.words
    at = {float(i): mark.x for i, mark in zip([10, 1, 3, 2, 4], dots(drawn), strict=True)}
    assert drawn.at("3.0")[0] == pytest.approx(at[3.0], abs=0.5)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("sizes", [(1,), (2, 0), (50, 3, 12)])
def test_no_text_of_a_strip_leaves_the_picture_or_lies_on_another(language, sizes):
    rows = [
        row
        for i, n in enumerate(sizes)
        for row in strip_rows(NUMBERS[:n] or [None], LONG[language][: 30 - i] if not i else f"group {i}")
    ]
    for row in rows[::6]:
        row["label"] = "示意城市" if language == "zh" else "Example"
    drawn = read(draw_strip(rows, language, title="score", illustrative=True))
    check_layout(drawn)
    assert f"n = {sizes[0]}" in drawn.words


def test_missing_values_are_counted_and_not_drawn():
    drawn = read(draw_strip(strip_rows([1.0, None, 2.0, math.nan]), "en", title="", illustrative=False))
    assert len(dots(drawn)) == 2
    assert "n = 2, no data 2" in drawn.words


@pytest.mark.parametrize("values", [NUMBERS, [5.0] * 30, [1.0], [1.0, 1.0]])
def test_no_point_of_a_beeswarm_lies_on_another_and_all_keep_their_value(values):
    drawn = read(draw_beeswarm(bee_rows(values), "zh", title="", illustrative=False))
    places = [(mark.x, mark.y) for mark in dots(drawn)]
    assert len(places) == len(values)
    assert all(math.dist(a, b) > 3 for a, b in combinations(places, 2))
    if len(set(values)) > 1:
        slope, start = np.polyfit(values, [x for x, _ in places], 1)
        assert [x for x, _ in places] == pytest.approx([start + slope * v for v in values], abs=0.01)
    drawn_again = read(draw_beeswarm(bee_rows(values), "zh", title="", illustrative=False))
    assert drawn_again == drawn


@pytest.mark.parametrize("language", ["zh", "en"])
def test_highlighted_units_are_named_and_cuts_stand_at_their_values(language):
    rows = bee_rows([*NUMBERS, 52.0, None], strong={0, 1, 2, 3})
    cuts = [(40.0, "先行期"), (52.0, "领先期")]
    drawn = read(draw_beeswarm(rows, language, title="score", cuts=cuts, illustrative=True))
    check_layout(drawn)
    assert all(f"City {i} {NUMBERS[i]:.1f}" in drawn.words for i in range(4))
    at_52 = next(mark.x for mark in drawn.marks if mark.said == "City 60")
    assert drawn.at("领先期")[0] == pytest.approx(at_52, abs=1)
    assert any("City 61" in word for word in drawn.words)  # without a value: said below


def test_no_rows_say_so():
    for draw in (draw_strip, draw_beeswarm):
        assert read(draw([], "en", title="", illustrative=False)).words == ["no data"]
    drawn = read(draw_beeswarm(bee_rows([None, None]), "en", title="", illustrative=False))
    check_layout(drawn)


@given(st.lists(st.floats(0, 300), max_size=40), st.floats(1, 20))
def test_spaced_places_keep_their_order_their_gap_and_their_limits(wanted, gap):
    found = spaced(wanted, gap, 0, 300)
    least = min(gap, 300 / max(len(wanted) - 1, 1))
    ordered = sorted(found)
    assert all(b - a >= least - 1e-6 for a, b in pairwise(ordered))
    assert all(-1e-6 <= at <= 300 + 1e-6 for at in found)
    assert [i for _, i in sorted(zip(wanted, range(len(wanted)), strict=True))] == [
        i for _, i in sorted(zip(found, range(len(found)), strict=True))
    ]


def test_places_that_are_apart_already_stay():
    assert spaced([1.0, 30.0, 90.0], 10, 0, 100) == [1.0, 30.0, 90.0]


@given(st.lists(st.floats(0, 200).map(lambda x: round(x, 2)), max_size=40))
def test_points_of_a_swarm_never_touch(places):
    offsets, diameter = swarm(places, 6, 1000)
    assert diameter == 6
    found = list(zip(places, offsets, strict=True))
    assert all(math.dist(a, b) >= 6 - 1e-3 for a, b in combinations(found, 2))


def test_a_swarm_too_thick_for_its_room_is_made_finer():
    offsets, diameter = swarm([0.0] * 9, 8, 20)
    assert diameter < 8
    assert max(map(abs, offsets)) <= 20
    assert len(set(offsets)) == 9


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=15))
def test_labels_lie_neither_on_each_other_nor_outside(anchors):
    sizes = [(30.0, 12.0)] * len(anchors)
    boxes = [
        (x - 15, y - 6, x + 15, y + 6)
        for x, y in (at for at in label_places(anchors, sizes, (0, 0, 100, 100)) if at is not None)
    ]
    assert not any(touches(a, b) for a, b in combinations(boxes, 2))
    assert all(a >= 0 and b >= 0 and c <= 100 and d <= 100 for a, b, c, d in boxes)


@pytest.mark.parametrize("alike", [0, 12])
def test_the_points_of_many_units_in_many_groups_stay_large_enough_to_be_seen(alike):
    groups = [[*NUMBERS[i:50], *NUMBERS[:i]] for i in range(6)]
    groups[2][:alike] = [99.0] * alike
    rows = [row for i, values in enumerate(groups) for row in strip_rows(values, f"group {i}")]
    chart = draw_strip(rows, "en", title="score", illustrative=False)
    marks = dots(read(chart))
    assert len(marks) == 300
    for mark in marks:
        diameter = mark.numbers[0] * 2  # the outline of a circle begins at its radius
        assert diameter >= 5
    for one, other in combinations(marks, 2):
        assert math.dist((one.x, one.y), (other.x, other.y)) >= 5
    assert read(chart).height <= 560


def test_lines_from_points_to_their_labels_reach_both():
    values = [45.2, 53.1, 58.4, 59.5, 62.8, 62.8, 65.2, 78.3, *NUMBERS[:42]]
    chart = draw_beeswarm(bee_rows(values, range(8)), "en", title="", illustrative=False)
    drawn = read(chart)
    assert sum(text.text.startswith("City") for text in drawn.texts) == 8
    boxes = [text.box for text in drawn.texts if text.text.startswith("City")]
    plot = chart.to_dict()["padding"]
    leads = [row for row in rows_of(chart, "rule") if row["colour"] == EDGE]
    assert leads
    for lead in leads:
        start = lead["x"] + plot["left"], lead["y"] + plot["top"]
        end = lead["x2"] + plot["left"], lead["y2"] + plot["top"]
        assert min(math.dist(start, (dot.x, dot.y)) for dot in dots(drawn)) < 7
        assert min(math.dist(end, nearest(end, box)) for box in boxes) < 5
        assert math.dist(start, end) >= 4


def test_a_label_takes_a_place_to_which_the_way_is_free():
    wall = (8.0, -40.0, 12.0, 40.0)
    (place,) = label_places([(0.0, 0.0)], [(10.0, 10.0)], (-5.0, -9.0, 60.0, 60.0), [wall])
    assert place is not None
    assert place[0] < 8
