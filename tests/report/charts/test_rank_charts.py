"""Ranks: places in proportion, gaps told and never drawn as a rank, every label free and inside."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from chart_reading import LONG, check_layout, read, rows_of

from citygauge.report.charts.base import png_of
from citygauge.report.charts.cells import percent
from citygauge.report.charts.colours import lightness
from citygauge.report.charts.plot import ACCENT, NO_DATA
from citygauge.report.charts.ranks import draw_acceptability, draw_grade_probabilities, draw_rank_intervals

GRADES = [("a", "leading"), ("b", "pioneering"), ("c", "exploring")]


def unit(i, published, median, low, high, **more):
    ranks = {"published": published, "median": median, "low": low, "high": high}
    return {"label": f"Example {i}", "described": f"unit {i}", **ranks, **more}


def drawn_replications(n, language, runs=400):
    """Scores with chance errors: labels, and the ranks in each run (runs × units)."""
    rng = np.random.default_rng(n)
    scores = np.linspace(70, 30, n) + rng.normal(0, 5, (runs, n))
    word = "示意城市" if language == "zh" else "Example city "
    return [f"{word}{i + 1:02d}" for i in range(n)], 1 + (-scores).argsort(axis=1).argsort(axis=1)


def of_ranks(n, language, label=None):
    labels, ranks = drawn_replications(n, language)
    low, median, high = np.quantile(ranks, [0.05, 0.5, 0.95], axis=0)
    far = {"far_low": ranks.min(axis=0), "far_high": ranks.max(axis=0)}
    return [
        unit(i, i + 1, float(median[i]), float(low[i]), float(high[i]))
        | {"label": label or labels[i], **{key: float(ends[i]) for key, ends in far.items()}}
        for i in range(n)
    ]


def by_said(rows, said):
    return [row for row in rows if row.get("described") == said]


def test_median_ring_and_ends_of_a_unit_lie_where_their_ranks_are():
    rows = [unit(1, 1, 2, 1, 4), unit(2, 3, 3.5, 2, 9), unit(3, 10, 8, 5, 10)]
    chart = draw_rank_intervals(rows, "en", illustrative=False)
    given, found = [], []
    for row in rows:
        ring, dot = by_said(rows_of(chart, "point"), row["described"])
        (span,) = by_said(rows_of(chart, "rule"), row["described"])
        given += [row["published"], row["median"], row["low"], row["high"]]
        found += [ring["x"], dot["x"], span["x"] + 2, span["x2"] - 2]
        assert ring["y"] == dot["y"] == span["y"]
    slope, start = np.polyfit(given, found, 1)
    assert slope > 0
    assert [start + slope * rank for rank in given] == pytest.approx(found)


def test_the_best_published_rank_is_on_top_and_a_unit_without_one_is_last():
    rows = [unit(0, None, 1, 1, 1), unit(1, 3, 1, 1, 2), unit(2, 1, 2, 1, 3), unit(3, 2, 3, 2, 3)]
    drawn = read(draw_rank_intervals(rows, "en", illustrative=False))
    heights = {word: drawn.at(word)[1] for word in drawn.words if word.startswith("Example")}
    assert sorted(heights, key=heights.get) == ["Example 2", "Example 3", "Example 1", "Example 0"]


def test_a_published_rank_outside_its_interval_has_another_shape_and_a_bold_name():
    rows = [unit(1, 1, 3, 2, 5), unit(2, 2, 2, 2, 2), unit(3, 5, 4, 1, 5)]
    chart = draw_rank_intervals(rows, "en", illustrative=False)
    diamonds = [row for row in rows_of(chart, "point") if row["shape"] == "diamond" and "described" in row]
    assert [row["described"] for row in diamonds] == ["unit 1"]
    assert [row["text"] for row in rows_of(chart, "text") if row.get("bold")] == ["Example 1"]
    assert "published rank outside" in read(chart).words
    assert "published rank outside" not in read(draw_rank_intervals(rows[1:], "en", illustrative=False)).words


def test_what_is_missing_of_a_unit_is_told_or_left_out():
    rows = [unit(1, 1, 1, 1, 2), unit(2, 2, None, None, None), unit(3, None, float("nan"), 2, 3)]
    chart = draw_rank_intervals(rows, "zh", illustrative=False)
    assert read(chart).words.count(NO_DATA["zh"]) == 1
    assert len(by_said(rows_of(chart, "point"), "unit 2")) == 1
    assert not by_said(rows_of(chart, "rule"), "unit 2")
    assert not by_said(rows_of(chart, "point"), "unit 3")
    assert len(by_said(rows_of(chart, "rule"), "unit 3")) == 1


def test_parts_of_a_long_list_have_one_axis():
    rows = of_ranks(80, "en")
    parts = [draw_rank_intervals(part, "en", last=80, illustrative=False) for part in (rows[:40], rows[40:])]
    axes = []
    for part in parts:
        drawn = read(part)
        check_layout(drawn)
        axes.append([drawn.at(word)[0] for word in ("1", "10", "80")])
    assert axes[0] == axes[1]


@pytest.mark.parametrize(
    ("n", "language"), [(1, "zh"), (2, "en"), (5, "zh"), (5, "en"), (21, "en"), (50, "zh"), (60, "en")]
)
def test_all_labels_of_rank_charts_are_inside_and_free(n, language):
    labels, ranks = drawn_replications(n, language)
    shares = [[float((ranks[:, i] == k).mean()) for k in range(1, n + 1)] for i in range(n)]
    cut = max(n // 3, 1)
    best, middle = (ranks <= cut).mean(axis=0), ((ranks > cut) & (ranks <= 2 * cut)).mean(axis=0)
    graded = [
        {"a": float(a), "b": float(b), "c": float(1 - a - b)} for a, b in zip(best, middle, strict=True)
    ]
    units = list(zip(labels, shares, graded, strict=True))
    probable = [{"label": name, "shares": own, "published": "b"} for name, _, own in units]
    placed = [
        {"label": name, "shares": own, "published": i + 1, "described": name}
        for i, (name, own, _) in enumerate(units)
    ]
    for chart in (
        draw_rank_intervals(of_ranks(n, language), language, illustrative=True),
        draw_grade_probabilities(probable, language, grades=GRADES, illustrative=True),
        draw_acceptability(placed, language, illustrative=True),
    ):
        drawn = read(chart)
        check_layout(drawn)
        assert set(labels) <= set(drawn.words)
        assert drawn.height <= 1150
    assert n > 21 or png_of(chart.to_dict(), 0.5).startswith(b"\x89PNG")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("n", [1, 40])
def test_long_names_equal_ranks_and_long_grades_fit(n, language):
    long = LONG[language]
    same = [unit(i, 1, 1, 1, 1, label=long) for i in range(n)]
    grades = [(str(i), f"{i} {long[:30]}") for i in range(5)]
    rows = [{"label": long, "shares": {"0": 1.0}, "published": "4"}] * n
    flat = [{"label": long, "shares": [1.0] * n, "published": 1, "described": long}] * n
    for chart in (
        draw_rank_intervals(same, language, illustrative=True),
        draw_grade_probabilities(rows, language, grades=grades, illustrative=True),
        draw_acceptability(flat, language, title=long * 2, illustrative=True),
    ):
        check_layout(read(chart))


def test_nothing_to_draw_is_told():
    for chart in (
        draw_rank_intervals([], "zh", illustrative=True),
        draw_grade_probabilities([], "zh", grades=GRADES, illustrative=True),
        draw_acceptability([], "zh", illustrative=True),
    ):
        assert NO_DATA["zh"] in read(chart).words


def test_parts_of_a_bar_are_as_long_as_their_probabilities():
    shares = {"a": 0.52, "b": 0.31, "c": 0.17}
    rows = [{"label": "One", "shares": shares, "published": "a"}]
    drawn = read(draw_grade_probabilities(rows, "en", grades=GRADES, illustrative=False))
    bars = [drawn.bar(f"One {name} {percent(shares[grade])}") for grade, name in GRADES]
    whole = sum(wide for _, _, wide, _ in bars)
    assert [wide / whole for _, _, wide, _ in bars] == pytest.approx([0.52, 0.31, 0.17], abs=1e-3)
    assert [left + wide for left, _, wide, _ in bars[:-1]] == pytest.approx([b[0] for b in bars[1:]], abs=0.1)
    for share, (left, _, wide, _) in zip(shares.values(), bars, strict=True):
        assert drawn.at(percent(share))[0] == pytest.approx(left + wide / 2, abs=0.5)


def test_a_probability_of_none_or_all_is_exact_and_a_small_one_is_not_printed_as_none():
    rows = [
        {"label": "Sure", "shares": {"a": 1.0, "b": 0.0, "c": 0.0}, "published": "a"},
        {"label": "Near", "shares": {"a": 0.9985, "b": 0.0015, "c": 0.0}, "published": "a"},
    ]
    drawn = read(draw_grade_probabilities(rows, "en", grades=GRADES, illustrative=False))
    said = {mark.said for mark in drawn.marks}
    assert {"Sure leading 100%", "Near leading >99%", "Near pioneering <1%"} <= said
    assert not any(line.startswith(("Sure pioneering", "Near exploring")) for line in said)


def test_a_published_grade_that_is_not_the_most_probable_is_marked():
    rows = [
        {"label": "One", "shares": {"a": 0.2, "b": 0.8}, "published": "a"},
        {"label": "Two", "shares": {"a": 0.5, "b": 0.5}, "published": "b"},
        {"label": "Three", "shares": {"b": 1.0}, "published": "c"},
        {"label": "Four", "shares": {"b": 1.0}, "published": None},
    ]
    chart = draw_grade_probabilities(rows, "en", grades=GRADES, illustrative=False)
    marked = [row["text"] for row in rows_of(chart, "text") if row.get("colour") == ACCENT]
    assert marked == ["leading", "exploring"]
    assert "–" in read(chart).words


def test_what_no_grade_takes_is_left_empty_and_a_unit_without_any_is_told():
    rows = [
        {"label": "One", "shares": {"a": 0.25, "b": None, "c": 0.5}, "published": "c"},
        {"label": "Two", "shares": {"a": None}, "published": None},
        {"label": "Three", "shares": {"a": 0.0, "b": 0.0, "c": 0.0}, "published": "a"},
    ]
    drawn = read(draw_grade_probabilities(rows, "en", grades=GRADES, illustrative=False))
    rest, part = drawn.bar("One no grade 25%"), drawn.bar("One exploring 50%")
    assert rest[2] / part[2] == pytest.approx(0.5, abs=0.01)
    assert "no grade" in drawn.words
    assert drawn.bar("Three no grade 100%")[2] == pytest.approx(4 * rest[2], abs=0.1)
    assert drawn.words.count(NO_DATA["en"]) == 1


@pytest.mark.parametrize(("count", "least"), [(2, 10), (3, 10), (5, 10), (7, 8)])
def test_grades_side_by_side_differ_in_a_grey_print(count, least):
    grades = [(str(i), f"grade {i}") for i in range(count)]
    rows = [{"label": "One", "shares": {key: 1 / count for key, _ in grades}, "published": "0"}]
    drawn = read(draw_grade_probabilities(rows, "en", grades=grades, illustrative=False))
    fills = [mark.fill for mark in drawn.marks if mark.said.startswith("One grade")]
    assert len(fills) == count
    assert all(b - a > least for a, b in pairwise(map(lightness, fills)))


def test_cells_are_darker_the_more_probable_and_blank_where_no_run_led():
    shares = [0.0, 0.02, 0.07, 0.15, 0.3, 0.46]
    rows = [{"label": "One", "shares": shares, "published": 3, "described": "One"}]
    drawn = read(draw_acceptability(rows, "en", illustrative=False))
    cells = [mark for mark in drawn.marks if mark.said.startswith("One rank")]
    assert [mark.said for mark in cells] == [
        f"One rank {i + 1} {percent(share)}" for i, share in enumerate(shares) if share
    ]
    assert all(a > b + 5 for a, b in pairwise(lightness(mark.fill) for mark in cells))


def test_the_cell_of_the_published_rank_is_outlined():
    rows = [
        {"label": "One", "shares": [0.0, 0.5, 0.5], "published": 2, "described": "One"},
        {"label": "Two", "shares": [1.0, 0.0, 0.0], "published": 3, "described": "Two"},
        {"label": "Three", "shares": [0.0, 0.5, 0.5], "published": None, "described": "Three"},
    ]
    drawn = read(draw_acceptability(rows, "en", illustrative=False))
    cell, outline = drawn.bar("One rank 2 50%"), drawn.bar("One")
    assert outline[0] + outline[2] / 2 == pytest.approx(cell[0] + cell[2] / 2, abs=0.1)
    assert outline[1] + outline[3] / 2 == pytest.approx(cell[1] + cell[3] / 2, abs=0.1)
    assert drawn.bar("Two")[0] == pytest.approx(drawn.bar("One rank 3 50%")[0] + 1, abs=0.1)
    assert "Three" not in {mark.said for mark in drawn.marks}


def test_more_than_forty_ranks_share_cells_and_their_probabilities_are_added():
    shares = [0.01] * 90 + [0.05, 0.05]
    rows = [{"label": "One", "shares": shares, "published": 92, "described": "One"}]
    drawn = read(draw_acceptability(rows, "zh", illustrative=False))
    cells = [mark.said for mark in drawn.marks if mark.said.startswith("One 排名")]
    assert len(cells) == 31
    assert cells[0] == "One 排名 1–3 3%"
    assert cells[-1] == "One 排名 91–92 10%"
    assert "各名次的概率（每格3个名次）" in drawn.words
    outline = drawn.bar("One")
    assert outline[0] == pytest.approx(drawn.bar(cells[-1])[0] + 1, abs=0.1)


def test_a_missing_probability_is_struck_through_and_not_blank():
    rows = [
        {"label": "One", "shares": [0.5, None, 0.5], "published": 1, "described": "One"},
        {"label": "Two", "shares": [None] * 3, "published": 2, "described": "Two"},
    ]
    chart = draw_acceptability(rows, "en", illustrative=False)
    slanted = [row for row in rows_of(chart, "rule") if row["x"] != row["x2"] and row["y"] != row["y2"]]
    assert len(slanted) == 1
    assert read(chart).words.count(NO_DATA["en"]) == 1
