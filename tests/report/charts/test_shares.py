"""Shares: angles and areas in proportion, every name told, nothing cut off, no gap drawn as zero."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from math import atan2, pi
from typing import Any

import numpy as np
import pytest
from drawn import Drawn, Shape
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from citygauge.problems import Language
from citygauge.report.charts.areas import squarify
from citygauge.report.charts.colours import lightness
from citygauge.report.charts.placing import spaced
from citygauge.report.charts.shares import draw_donut, draw_grade_shares, draw_treemap

NUMBER = re.compile(r"-?[\d.]+")
LONG = "信息（数据）资源标准规范与跨部门共享交换体系建设水平"


def parts(*values: float | None, label: str = "part", key: str = "value") -> list[dict[str, Any]]:
    return [{"label": f"{label} {i}", key: v, "described": f"about {i}"} for i, v in enumerate(values)]


def turn(shape: Shape, centre: tuple[float, float]) -> float:
    """The share of the round that a part of a ring takes, from the ends of its outer edge."""
    outer = [float(number) for number in NUMBER.findall(shape.outline.split("L")[0])]
    ends = [(x + shape.x, y + shape.y) for x, y in (outer[:2], outer[-2:])]
    angles = [atan2(x - centre[0], centre[1] - y) / (2 * pi) for x, y in ends]
    return (angles[1] - angles[0]) % 1


def area(shape: Shape) -> float:
    width, height = shape.size
    return width * height


def test_squarify_gives_the_layout_of_the_paper() -> None:
    # The example of Bruls, Huizing & van Wijk (2000): the two of 6 fill the left half, 4 and 3 lie beside one
    # another on top of the right half, and the rest below them.
    boxes = squarify([6, 6, 4, 3, 2, 2, 1], (0, 0, 6, 4))
    assert boxes[0] == pytest.approx((0, 0, 3, 2))
    assert boxes[1] == pytest.approx((0, 2, 3, 2))
    assert boxes[2] == pytest.approx((3, 0, 12 / 7, 7 / 3))
    assert boxes[3] == pytest.approx((3 + 12 / 7, 0, 9 / 7, 7 / 3))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_rectangles_are_in_proportion_fill_the_box_and_do_not_overlap(areas: list[float]) -> None:
    boxes = squarify(areas, (10, 20, 300, 200))
    for value, (x, y, width, height) in zip(areas, boxes, strict=True):
        assert width * height == pytest.approx(value / sum(areas) * 60000, rel=1e-6)
        assert x >= 10 - 1e-6
        assert y >= 20 - 1e-6
        assert x + width <= 310 + 1e-6
        assert y + height <= 220 + 1e-6
    for one, other in combinations(boxes, 2):
        across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
        down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
        assert min(across, down) <= 1e-6


@given(st.lists(st.floats(0, 300), min_size=1, max_size=12).map(sorted))
@settings(max_examples=60, deadline=None)
def test_labels_are_spread_as_an_isotonic_regression_would(wanted: list[float]) -> None:
    gaps = 20.0 * np.arange(len(wanted))
    fitted = isotonic_regression(np.array(wanted) - gaps).x
    expected = np.clip(fitted, 0, 300 - gaps[-1]) + gaps
    assert spaced(wanted, 20, 0, 300) == pytest.approx(expected.tolist(), abs=1e-6)


def test_angles_of_the_ring_are_in_proportion_and_begin_at_the_top() -> None:
    values = [0.3, 0.2, 0.25, 0.15, 0.1]
    drawn = Drawn(
        draw_donut(parts(*values), "en", middle="weights\nsum to 100%", illustrative=True), png=True
    )
    drawn.check()
    shapes = [drawn.told(f"about {i}")[0] for i in range(5)]
    lines = [text for text in drawn.texts if text.text in {"weights", "sum to 100%"}]
    ys = [y for shape in shapes for _, y in shape.points]
    centre = (drawn.width / 2, (min(ys) + max(ys)) / 2)
    assert shapes[0].points[0] == pytest.approx((centre[0], min(ys)))
    assert (lines[0].top + lines[1].bottom) / 2 == pytest.approx(centre[1], abs=2)
    assert [turn(shape, centre) for shape in shapes] == pytest.approx(values, abs=1e-4)
    assert {"30%", "20%", "25%", "15%", "10%", "weights", "sum to 100%"} <= set(drawn.words)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "values", [(), (1.0,), (0.5, 0.5), (0.97, *[0.003] * 10), (*[1.0] * 16,), (0.0, 0.0)]
)
def test_rings_of_any_parts_have_every_label_and_no_overlap(
    values: tuple[float, ...], language: Language
) -> None:
    rows = [{**row, "label": f"{row['label']} {LONG}"} for row in parts(*values)]
    drawn = Drawn(draw_donut(rows, language, illustrative=False))
    drawn.check()
    assert len([word for word in drawn.words if word.startswith("part ")]) == len(values)
    assert len([s for s in drawn.shapes if s.told]) == len([v for v in values if v])
    if values == (0.0, 0.0):
        assert drawn.words.count("–") == 2


def test_a_missing_share_is_told_below_the_ring_and_a_zero_is_a_zero() -> None:
    drawn = Drawn(draw_donut(parts(1, None, 0, float("nan")), "en", illustrative=False))
    assert "not given: part 1, part 3" in drawn.words
    assert "0%" in drawn.words
    assert not drawn.told("about 1")


def test_grades_are_as_high_as_their_counts_and_dark_to_light() -> None:
    drawn = Drawn(draw_grade_shares(parts(7, 22, 21, key="count"), "zh", illustrative=False), png=True)
    drawn.check()
    shapes = [drawn.told(f"about {i}")[0] for i in range(3)]
    heights = [shape.size[1] for shape in shapes]
    assert [h / sum(heights) for h in heights] == pytest.approx([0.14, 0.44, 0.42], abs=1e-3)
    assert all(b - a > 10 for a, b in pairwise(lightness(shape.fill) for shape in shapes))
    assert {"7座城市 · 14%", "22座城市 · 44%", "21座城市 · 42%"} <= set(drawn.words)


@pytest.mark.parametrize("counts", [(), (1,), (0, 0), (50, 0, 0), (1, 48, 1), (96, 1, 1, 1, 1), (*[3] * 12,)])
def test_any_counts_of_grades_are_all_told(counts: tuple[int, ...]) -> None:
    drawn = Drawn(draw_grade_shares(parts(*counts, key="count"), "en", decimals=1, illustrative=True))
    drawn.check()
    assert [word for word in drawn.words if word.startswith("part ")] == [
        f"part {i}" for i in range(len(counts))
    ]
    said = ["1 city" if count == 1 else f"{count} cities" for count in counts]
    assert [word.split(" · ")[0] for word in drawn.words if " · " in word] == said


def test_a_grade_without_count_is_told_below() -> None:
    drawn = Drawn(draw_grade_shares(parts(2, None, key="count"), "zh", illustrative=False))
    assert "未给出：part 1" in drawn.words


def tree(*leaves: tuple[str, str, float | None]) -> list[dict[str, Any]]:
    codes = (
        {"": ""} | {dimension: dimension[0] for _, dimension, _ in leaves} | {d[0]: "" for _, d, _ in leaves}
    )
    rows = [
        {"code": c, "parent": p, "label": f"node {c}", "value": None, "described": f"about {c}"}
        for c, p in codes.items()
        if c
    ]
    return rows + [
        {"code": c, "parent": p, "label": f"leaf {c}", "value": v, "described": f"about {c}"}
        for c, p, v in leaves
    ]


def test_areas_of_the_treemap_are_in_proportion_on_all_levels() -> None:
    leaves = [("a", "P1", 4.0), ("b", "P1", 2.0), ("c", "P2", 3.0), ("d", "Q1", 2.0), ("e", "Q1", 1.0)]
    drawn = Drawn(draw_treemap(tree(*leaves), "en", illustrative=True), png=True)
    drawn.check()
    areas = {code: area(drawn.told(f"about {code}")[0]) for code, _, _ in leaves}
    for code, _, value in leaves:
        assert areas[code] / sum(areas.values()) == pytest.approx(value / 12, rel=1e-4)
    assert {"node P 75.0%", "node Q 25.0%", "node P1 50.0%", "leaf a", "33.3%"} <= set(drawn.words)


def test_names_that_do_not_fit_are_numbered_and_told_below() -> None:
    leaves = [("a", "P1", 100.0), *((f"s{i}", "P1", 0.2) for i in range(6))]
    rows = [{**row, "label": f"{row['label']} interoperability"} for row in tree(*leaves)]
    drawn = Drawn(draw_treemap(rows, "en", illustrative=False))
    drawn.check()
    for i in range(6):
        assert any(f"leaf s{i} interoperability 0.2%" in word for word in drawn.words)


def test_a_leaf_without_value_takes_no_area_and_is_told() -> None:
    drawn = Drawn(draw_treemap(tree(("a", "P1", 1.0), ("b", "P1", None)), "zh", illustrative=False))
    assert "未给出：leaf b" in drawn.words
    assert not drawn.told("about b")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("shape", [(0, 0, 0), (1, 1, 1), (2, 1, 1), (5, 2, 3), (9, 2, 4)])
def test_treemaps_of_any_size_have_no_overlap(shape: tuple[int, int, int], language: Language) -> None:
    pillars, dimensions, each = shape
    leaves = [
        (f"{p}{d}{i}", f"{'ABCDEFGHI'[p]}{d}", 1.0 + (p * 7 + d * 3 + i) % 5)
        for p in range(pillars)
        for d in range(dimensions)
        for i in range(each)
    ]
    rows = [{**row, "label": LONG[: 4 + len(row["label"])] + row["label"]} for row in tree(*leaves)]
    drawn = Drawn(draw_treemap(rows, language, illustrative=False))
    drawn.check()
    assert len([s for s in drawn.shapes if s.told]) >= len(leaves)


def test_shares_are_written_with_the_decimals_they_need() -> None:
    drawn = Drawn(draw_donut(parts(0.125, 0.875), "en", decimals=2, illustrative=False))
    assert {"12.5%", "87.5%"} <= set(drawn.words)
    drawn = Drawn(draw_donut(parts(1, 1, 1), "en", decimals=1, illustrative=False))
    assert drawn.words.count("33.3%") == 3
