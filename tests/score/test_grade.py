"""Grades: explicit lower edges, on any range, at exactly the edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import citygauge as cg
from citygauge.problems import Problems
from citygauge.score.grade import GradeScale, grade, grade_scale


def smart() -> GradeScale:
    scale = grade_scale("smart-2021", None, Problems())
    assert scale is not None
    return scale


def test_the_edges_of_table_3_2_belong_to_the_better_class() -> None:
    scores = np.array([0.85, 0.8499999, 0.70, 0.6999, 0.0, 1.0, np.nan, 0.6 + 0.25, 0.1 * 7])
    assert grade(scores, smart()) == [
        "leading", "pioneering", "pioneering", "exploring", "exploring", "leading", "", "leading",
        "pioneering",
    ]  # fmt: skip


def test_edges_move_with_the_range_of_the_scores() -> None:
    assert grade(np.array([85.0, 84.99, 70.0]), smart(), (0, 100)) == ["leading", "pioneering", "pioneering"]


def test_the_stages_are_marked_as_assumed_and_the_grades_are_not() -> None:
    stages = grade_scale("smart-stages", None, Problems())
    assert stages is not None
    assert stages.assumed
    assert not smart().assumed
    assert [g.name["zh"] for g in stages.grades] == ["智慧化", "智能化", "信息化"]


SCALE = '[[grade]]\nid = "good"\nfrom = 0.6\nname_en = "Good"\n[[grade]]\nid = "other"\nname_en = "Other"\n'
METHOD = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "own"\n'


def test_a_workspace_may_bring_its_own_scale(workspace: Callable[..., Path]) -> None:
    folder = workspace(**{"grades/own.toml": SCALE}, method__toml=METHOD)
    assert cg.assess(cg.open(folder)).grades == ("good", "good", "other")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ('["score"]', ["1", "2", "3"]),
        ('["size"]', ["2", "1", "3"]),
        ('["circle", "unit"]', ["1", "2", "3"]),
    ],
)
def test_units_inside_a_grade_stand_in_the_order_asked_for(
    workspace: Callable[..., Path], order: str, expected: list[str]
) -> None:
    folder = workspace(**{"grades/own.toml": SCALE}, method__toml=METHOD + f"order = {order}\n")
    assert cg.assess(cg.open(folder)).grade_list["unit_code"].to_list() == expected
