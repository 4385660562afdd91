"""One factor at a time by hand, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from citygauge.analyse.robust.tornado import tornado


def test_the_factor_that_moves_most_comes_first_for_each_output_apart():
    outcomes = [[1.0, 9.0], [4.0, 10.0], [3.5, 30.0]]
    found = tornado([3.0, 10.0], outcomes, ["w", "w", "t"], [0.5, 1.5, "none"], ["shift", "rank of A"])
    assert found.columns == ["output", "place", "factor", "level", "value", "shift", "swing"]
    assert found.rows() == [
        ("shift", 1, "w", "0.5", 1.0, -2.0, 3.0), ("shift", 1, "w", "1.5", 4.0, 1.0, 3.0),
        ("shift", 2, "t", "none", 3.5, 0.5, 0.5), ("rank of A", 1, "t", "none", 30.0, 20.0, 20.0),
        ("rank of A", 2, "w", "0.5", 9.0, -1.0, 1.0), ("rank of A", 2, "w", "1.5", 10.0, 0.0, 1.0),
    ]  # fmt: skip


def test_a_swing_counts_from_the_base_where_all_levels_lie_on_one_side():
    found = tornado([1.0], [[3.0], [5.0]], ["a", "a"], ["x", "y"])
    assert found["swing"].to_list() == [4.0, 4.0]  # and not the 2 between the levels
    assert found["output"].to_list() == ["0", "0"]


def test_factors_of_one_swing_share_a_place_and_keep_their_order():
    outcomes = [[0.3], [0.1 + 0.2], [0.9], [0.0]]
    found = tornado([0.0], outcomes, ["b", "a", "c", "idle"], ["l"] * 4)
    assert found.select("factor", "place").rows() == [("c", 1), ("b", 2), ("a", 2), ("idle", 4)]
    assert found["swing"].to_list()[-1] == 0.0


def test_what_is_missing_is_no_shift_of_0():
    nan = np.nan
    outcomes = [[nan, 1.0], [nan, nan], [2.0, 1.0], [nan, 0.5]]
    found = tornado([1.0, nan], outcomes, ["gone", "gone", "half", "half"], ["l", "h", "l", "h"])
    assert found.filter(output="0").select("factor", "level", "place", "value", "shift", "swing").rows() == [
        ("half", "l", 1, 2.0, 1.0, 1.0), ("half", "h", 1, None, None, 1.0),
        ("gone", "l", None, None, None, None), ("gone", "h", None, None, None, None),
    ]  # fmt: skip
    without_base = found.filter(output="1")
    assert without_base["value"].to_list() == [1.0, None, 1.0, 0.5]
    assert without_base["shift"].null_count() == without_base["place"].null_count() == 4


def test_a_linear_model_swings_by_its_coefficients():
    rng = np.random.default_rng(4)
    slopes, base = rng.normal(size=(5, 3)), rng.normal(size=5)
    runs = [(i, step) for i in range(5) for step in (-1.0, 1.0)]
    outcomes = np.array([(base + step * np.eye(5)[i]) @ slopes for i, step in runs])
    found = tornado(base @ slopes, outcomes, [f"x{i}" for i, _ in runs], [step for _, step in runs])
    for output in range(3):
        rows = found.filter(output=str(output))
        want = np.argsort(-np.abs(slopes[:, output]))
        assert rows["factor"].to_list()[::2] == [f"x{i}" for i in want]
        np.testing.assert_allclose(rows["swing"].to_numpy()[::2], 2 * np.abs(slopes[want, output]))


def test_no_run_makes_an_empty_table():
    assert tornado([1.0, 2.0], np.empty((0, 2)), [], []).height == 0


@pytest.mark.parametrize(
    ("base", "outcomes", "factors", "levels", "names"),
    [
        ([1.0], [[1.0, 2.0]], ["a"], ["l"], None),
        ([1.0], [[1.0]], ["a", "b"], ["l", "h"], None),
        ([1.0], [[1.0]], ["a"], [], None),
        ([[1.0]], [[1.0]], ["a"], ["l"], None),
        ([1.0], [[1.0]], ["a"], ["l"], ["x", "y"]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(base, outcomes, factors, levels, names):
    with pytest.raises(ValueError, match="outputs"):
        tornado(base, outcomes, factors, levels, names)
