"""Groups by grade: the units of each class, in the order of the scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import citygauge as cg
from citygauge.analyse.groups import grade_groups, group_scores

DEMO = Path(__file__).parents[2] / "demo"


def test_the_groups_are_the_grades_and_their_means_those_of_their_units():
    result = cg.assess(cg.open(DEMO / "smart-2021"))
    groups = grade_groups(result)
    assert groups.names == ("leading", "pioneering", "exploring")
    assert np.bincount(groups.index).tolist() == [8, 17, 25]
    frame = group_scores(result, groups, [result.framework.root.code])
    edges = [(0.85, 2.0), (0.70, 0.85), (-1.0, 0.70)]
    expected = [result.index[(result.index >= low) & (result.index < high)].mean() for low, high in edges]
    assert np.allclose(frame["mean"].to_numpy(), expected)


def test_without_a_scale_there_are_no_groups():
    result = cg.assess(cg.open(DEMO / "city-statistics-2023"))
    groups = grade_groups(result)
    assert groups.names == ()
    assert groups.ungrouped == 50
