"""Pairs: shades that a grey print and every kind of eye tell apart, cells that say their pair."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from chart_reading import LONG, check_layout, read, rows_of
from test_colours import VISION, lab, linear

from citygauge.report.charts.base import png_of
from citygauge.report.charts.colours import lightness
from citygauge.report.charts.dominance import BEFORE, draw_dominance
from citygauge.report.charts.plot import NO_DATA


def pairs(n, label="Example city {:02d}"):
    scores = np.linspace(60, 40, n) + np.random.default_rng(n).normal(0, 6, (300, n))
    before = (scores[:, :, None] > scores[:, None, :]).mean(axis=0)
    return [
        {"label": label.format(i + 1), "before": before[i].tolist(), "described": f"row {i}"}
        for i in range(n)
    ]


def test_shades_fall_evenly_in_a_grey_print_with_a_neutral_one_in_the_middle():
    light = [lightness(colour) for colour in BEFORE]
    assert all(a > b + 7 for a, b in pairwise(light))
    _, green, blue = lab(linear(BEFORE[3]))
    assert abs(green) < 2
    assert abs(blue) < 2


@pytest.mark.parametrize("vision", VISION)
def test_neighbouring_shades_and_mirrored_ones_differ_for_every_kind_of_eye(vision):
    seen = [lab(np.array(VISION[vision]) @ linear(colour)) for colour in BEFORE]
    assert min(np.linalg.norm(a - b) for a, b in pairwise(seen)) > 10
    assert min(np.linalg.norm(seen[i] - seen[-1 - i]) for i in range(3)) > 20


def test_each_cell_says_its_pair_and_the_diagonal_is_blank():
    rows = [
        {"label": "A", "before": [0.5, 0.8, 1.0]},
        {"label": "B", "before": [0.2, None, 0.999]},
        {"label": "C", "before": [0.0, 0.001, 0.5]},
    ]
    drawn = read(draw_dominance(rows, "en", illustrative=False))
    assert {mark.said for mark in drawn.marks} == {
        "A before B: 80%", "A before C: 100%", "B before A: 20%",
        "B before C: >99%", "C before A: 0%", "C before B: <1%",
    }  # fmt: skip
    upper, lower = drawn.bar("A before B: 80%"), drawn.bar("B before A: 20%")
    assert upper[0] == pytest.approx(lower[0] + lower[2], abs=0.6)
    assert lower[1] == pytest.approx(upper[1] + upper[3], abs=0.6)


def test_the_shade_follows_the_probability_and_one_half_is_the_neutral_one():
    shares = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]
    rows = [{"label": f"U{i}", "before": [0.5, *shares]} for i in range(8)]
    drawn = read(draw_dominance(rows, "en", illustrative=False))
    fills = [next(m.fill for m in drawn.marks if m.said.startswith(f"U0 before U{j}:")) for j in range(1, 8)]
    assert tuple(fills) == BEFORE


def test_a_missing_probability_is_struck_through():
    rows = [{"label": "A", "before": [None, None]}, {"label": "B", "before": [0.0, None]}]
    chart = draw_dominance(rows, "zh", illustrative=False)
    assert len(rows_of(chart, "rule")) == 1
    assert [mark.said for mark in read(chart).marks] == ["B排在A之前：0%"]


@pytest.mark.parametrize(
    ("n", "language"), [(1, "zh"), (2, "en"), (5, "zh"), (5, "en"), (21, "en"), (31, "zh"), (60, "en")]
)
def test_labels_of_a_matrix_are_inside_and_free(n, language):
    name = "示意城市{:02d}" if language == "zh" else "Example city {:02d}"
    chart = draw_dominance(pairs(n, name), language, illustrative=True)
    drawn = read(chart)
    check_layout(drawn)
    assert {name.format(i + 1) for i in range(n)} <= set(drawn.words)
    assert drawn.height <= 1000
    if n > 30:
        assert {mark.said for mark in drawn.marks} == {f"row {i}" for i in range(n)}
        assert all(drawn.words.count(str(i + 1)) == 2 for i in range(n))
    assert n > 30 or png_of(chart.to_dict(), 0.5).startswith(b"\x89PNG")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("n", [1, 10])
def test_long_names_and_titles_fit(n, language):
    rows = pairs(n, LONG[language] + "{}")
    check_layout(read(draw_dominance(rows, language, title=LONG[language] * 3, illustrative=True)))


def test_no_units_are_told():
    assert NO_DATA["en"] in read(draw_dominance([], "en", illustrative=False)).words
