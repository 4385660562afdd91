"""The benefit of the doubt against geometry, the full linear program, and its invariants."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from citygauge.score.benefit import benefit_of_the_doubt

NAN = float("nan")


def full(values: np.ndarray, unit: int, low: float = 0.0, high: float = 1.0) -> float:
    """Solve one unit's program with all its rows at once: the dual without bounds, the primal with them."""
    known = ~np.isnan(values[unit])
    table = np.nan_to_num(values)[:, known]
    own = table[unit]
    if (low, high) == (0.0, 1.0):
        return float(linprog(np.ones(len(table)), A_ub=-table.T, b_ub=-own).fun)
    shares = [np.diag(own) - np.outer(np.full(len(own), high), own)]
    shares.append(np.outer(np.full(len(own), low), own) - np.diag(own))
    rows = np.vstack([table, *shares])
    return -float(linprog(-own, A_ub=rows, b_ub=[1.0] * len(table) + [0.0] * 2 * len(own)).fun)


def test_units_on_the_frontier_have_1_and_the_others_their_distance_along_the_ray() -> None:
    """(2, 2) meets the line from (4, 1) to (1, 4) at (2.5, 2.5); (1, 1) lies half as far."""
    found = benefit_of_the_doubt([[4, 1], [1, 4], [2, 2], [1, 1], [4, 0.5]])
    np.testing.assert_allclose(found.scores, [1, 1, 0.8, 0.4, 1])


def test_equal_shares_for_two_children_by_hand() -> None:
    """Shares of one half each: w = s / (2·2), and the others bind: (4 + 1)·s / 4 = 1, so that s = 0.8."""
    found = benefit_of_the_doubt([[4, 1], [1, 4], [2, 2]], low=0.5, high=0.5)
    assert found.scores[2] == pytest.approx(0.8)
    np.testing.assert_allclose(found.weights[2], [0.2, 0.2])


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.1, 0.5)])
def test_scores_are_those_of_the_program_with_all_its_rows(bounds: tuple[float, float]) -> None:
    values = np.random.default_rng(3).random((150, 5)) + 0.01
    low, high = bounds
    found = benefit_of_the_doubt(values) if low == 0 else benefit_of_the_doubt(values, low, high)
    expected = [full(values, unit, low, high) for unit in range(0, 150, 5)]
    np.testing.assert_allclose(found.scores[::5], expected, rtol=1e-6)


def test_the_weights_give_the_scores_and_keep_all_conditions() -> None:
    values = np.random.default_rng(4).random((60, 4)) * [1, 10, 100, 1000] + 0.1
    low, high = np.array([0.1, 0.1, 0.2, 0.0]), np.array([0.5, 0.5, 0.6, 0.3])
    found = benefit_of_the_doubt(values, low, high)
    parts = found.weights * values
    np.testing.assert_allclose(parts.sum(axis=1), found.scores, rtol=1e-9)
    assert (values @ found.weights.T).max() <= 1 + 1e-9
    share = parts / parts.sum(axis=1, keepdims=True)
    assert (share >= low - 1e-6).all()
    assert (share <= high + 1e-6).all()
    assert (found.scores <= benefit_of_the_doubt(values).scores + 1e-9).all()


def test_scores_do_not_depend_on_units_of_measure_or_the_order_of_units() -> None:
    rng = np.random.default_rng(5)
    values = rng.random((40, 3))
    scores = benefit_of_the_doubt(values).scores
    np.testing.assert_allclose(benefit_of_the_doubt(values * [1e-6, 1, 1e6]).scores, scores, rtol=1e-6)
    order = rng.permutation(40)
    np.testing.assert_allclose(benefit_of_the_doubt(values[order]).scores, scores[order], rtol=1e-6)


def test_a_better_value_never_scores_lower_and_one_more_child_does_not_harm() -> None:
    values = np.random.default_rng(6).random((30, 4))
    better = values.copy()
    better[7, 2] += 0.2
    scores = benefit_of_the_doubt(values).scores
    assert benefit_of_the_doubt(better).scores[7] >= scores[7] - 1e-9
    assert (scores >= benefit_of_the_doubt(values[:, :3]).scores - 1e-9).all()


def test_a_gap_has_no_weight_and_earns_nothing() -> None:
    values = np.array([[4, NAN], [1, 4], [2, 2], [NAN, NAN], [2, NAN]])
    found = benefit_of_the_doubt(values)
    np.testing.assert_allclose(found.scores, [1, 1, full(values, 2), NAN, 0.5])
    assert np.isnan(found.weights).tolist() == np.isnan(values).tolist()


def test_the_upper_bounds_stretch_where_gaps_would_leave_a_score_unfilled() -> None:
    found = benefit_of_the_doubt([[4, NAN, NAN], [2, NAN, NAN], [4, 1, 1]], high=0.4)
    assert found.scores[:2] == pytest.approx([1, 0.5])


def test_edges() -> None:
    assert benefit_of_the_doubt([[3.0, 2.0]]).scores.tolist() == [1.0]  # one unit
    assert benefit_of_the_doubt([[0.0, 0.0], [0.0, 1.0]]).scores.tolist() == [0.0, 1.0]
    np.testing.assert_allclose(benefit_of_the_doubt([[5.0, 1.0], [5.0, 2.0]]).scores, 1)  # a constant column
    nothing = benefit_of_the_doubt([[0.0, 2.0], [0.0, 1.0]])
    assert nothing.scores == pytest.approx([1, 0.5])
    assert nothing.weights[:, 0].tolist() == [0, 0]  # a column of zeros
    assert benefit_of_the_doubt(np.zeros((0, 3))).scores.shape == (0,)
    assert benefit_of_the_doubt(np.full((2, 2), NAN)).weights.shape == (2, 2)


def test_a_zero_under_a_lower_bound_leaves_no_score() -> None:
    assert benefit_of_the_doubt([[1.0, 0.0], [0.5, 0.5]], low=0.1).scores == pytest.approx([0, 1])


@pytest.mark.parametrize(
    ("values", "low", "high", "message"),
    [
        ([[-1.0, 1.0]], None, None, "negative"),
        ([[np.inf, 1.0]], None, None, "finite"),
        ([1.0, 2.0], None, None, "two dimensions"),
        ([[1.0, 1.0]], 0.6, None, "no shares"),
        ([[1.0, 1.0]], None, 0.4, "no shares"),
        ([[1.0, 1.0]], 0.5, [0.4, 0.9], "no shares"),
    ],
)
def test_values_and_bounds_that_cannot_be_used_are_refused(
    values: object, low: object, high: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        benefit_of_the_doubt(values, low, high)  # type: ignore[arg-type]
