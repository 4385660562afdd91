"""Pairwise judgements against Saaty's published examples, another implementation, and exhaustive search."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gmean

from citygauge.score.experts.ahp import (
    LIMIT,
    SCALE,
    connected,
    group_judgements,
    priorities,
    random_index,
    repairs,
)

NAN = float("nan")


def judged(n: int, upper: list[float]) -> np.ndarray:
    """Return the reciprocal matrix with these judgements above the diagonal, row by row."""
    matrix = np.eye(n)
    for (i, j), value in zip(combinations(range(n), 2), upper, strict=True):
        matrix[i, j], matrix[j, i] = value, 1 / value
    return matrix


# Coffee, wine, tea, beer, sodas, milk, water. Saaty 2008, Decision making with the analytic hierarchy
# process, Int. J. Services Sciences 1(1), 83-98: relative consumption of drinks in the United States.
DRINKS = judged(
    7,
    [
        *(9, 5, 2, 1, 1, 1 / 2),
        *(1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 9),
        *(1 / 3, 1 / 4, 1 / 3, 1 / 9),
        *(1 / 2, 1, 1 / 3),
        *(2, 1 / 2),
        1 / 3,
    ],
)


def test_saaty_2008_drinks_has_the_published_weights_and_consistency_ratio() -> None:
    found = priorities(DRINKS)
    assert found.weights.round(3).tolist() == [0.177, 0.019, 0.042, 0.116, 0.190, 0.129, 0.327]
    assert round(found.ratio, 3) == 0.022


def test_saaty_2005_choice_of_a_city_has_the_published_priorities() -> None:
    """Saaty 2005, Theory and Applications of the Analytic Network Process: where to live."""
    goal = judged(5, [1 / 5, 3, 1 / 2, 5, 7, 1, 7, 1 / 4, 3, 7])  # culture, family, housing, jobs, transport
    cities = [  # Bethesda, Boston, Pittsburgh, Santa Fe
        judged(4, [1 / 2, 1, 1 / 2, 2.5, 1, 1 / 2.5]),
        judged(4, [2, 1 / 3, 4, 1 / 8, 2, 9]),
        judged(4, [5, 1 / 2, 2.5, 1 / 9, 1 / 4, 7]),
        judged(4, [1 / 2, 3, 4, 6, 8, 1]),
        judged(4, [1.5, 1 / 2, 4, 1 / 3.5, 2.5, 9]),
    ]
    total = priorities(goal).weights @ np.array([priorities(city).weights for city in cities])
    assert total.round(3).tolist() == [0.229, 0.275, 0.385, 0.111]


@pytest.mark.parametrize("n", [3, 4, 5, 7, 9])
def test_weights_and_index_are_those_of_pymcdm(n: int) -> None:
    ahp = pytest.importorskip("pymcdm.weights.subjective").AHP
    matrix = judged(n, list(np.random.default_rng(n).choice(SCALE, n * (n - 1) // 2)))
    other, own = ahp(matrix=matrix), priorities(matrix)
    np.testing.assert_allclose(own.weights, other(), rtol=1e-9)
    assert own.index == pytest.approx(other.get_cr() * ahp.RI_M[n - 1], rel=1e-9)


positive = st.lists(st.floats(1.0, 9.0), min_size=2, max_size=8).map(np.array)


@given(positive)
def test_consistent_judgements_give_back_the_weights_they_come_from(weights: np.ndarray) -> None:
    found = priorities(weights[:, None] / weights[None])
    np.testing.assert_allclose(found.weights, weights / weights.sum(), rtol=1e-7)
    assert found.ratio == pytest.approx(0, abs=1e-9)


@given(st.lists(st.sampled_from(list(SCALE)), min_size=10, max_size=10), st.permutations(range(5)))
def test_weights_follow_the_order_of_the_things(upper: list[float], order: list[int]) -> None:
    matrix = judged(5, upper)
    turned = priorities(matrix[np.ix_(order, order)])
    np.testing.assert_allclose(turned.weights, priorities(matrix).weights[order], rtol=1e-7)


@given(st.lists(st.sampled_from(list(SCALE)), min_size=10, max_size=10), st.data())
@settings(deadline=None)
def test_a_missing_judgement_stands_for_the_ratio_of_the_weights(
    upper: list[float], data: st.DataObject
) -> None:
    """Harker 1987: the matrix filled with w_i/w_j has the same principal eigenvector and eigenvalue."""
    matrix = judged(5, upper)
    pairs = list(combinations(range(5), 2))
    for i, j in data.draw(st.lists(st.sampled_from(pairs), max_size=5, unique=True)):
        matrix[i, j] = matrix[j, i] = NAN
    if not connected(~np.isnan(matrix)):
        with pytest.raises(ValueError, match="connect"):
            priorities(matrix)
        return
    found = priorities(matrix)
    filled = np.where(np.isnan(matrix), found.weights[:, None] / found.weights[None], matrix)
    whole = priorities(filled)
    np.testing.assert_allclose(whole.weights, found.weights, rtol=1e-6)
    assert whole.eigenvalue == pytest.approx(found.eigenvalue, rel=1e-9)


def test_judgements_that_form_a_tree_are_consistent_by_themselves() -> None:
    chain = np.array([[1, 2, NAN], [1 / 2, 1, 3], [NAN, 1 / 3, 1]])
    found = priorities(chain)
    np.testing.assert_allclose(found.weights, [0.6, 0.3, 0.1])
    assert (found.ratio, random_index(3, missing=1)) == (0, 0)


def test_the_random_index_is_saatys_table_and_goes_on_beyond_it() -> None:
    assert [random_index(n) for n in (1, 2, 3, 9)] == [0, 0, 0.58, 1.45]
    assert random_index(16) == pytest.approx((2.7699 * 16 - 4.3513 - 16) / 15)
    assert random_index(4, missing=1) == pytest.approx(0.6)


def test_one_thing_and_two_things_are_always_consistent() -> None:
    assert priorities([[1.0]]).weights.tolist() == [1.0]
    pair = priorities([[1, 4], [1 / 4, 1]])
    np.testing.assert_allclose(pair.weights, [0.8, 0.2])
    assert pair.ratio == 0


def test_the_mean_of_several_experts_is_geometric_and_stays_reciprocal() -> None:
    rng = np.random.default_rng(1)
    three = np.array([judged(4, list(rng.choice(SCALE, 6))) for _ in range(3)])
    mean = group_judgements(three)
    np.testing.assert_allclose(mean, gmean(three, axis=0))
    np.testing.assert_allclose(mean * mean.T, 1)


def test_a_mean_is_over_those_who_judged_the_pair() -> None:
    first, second = judged(3, [2, 4, 2]), judged(3, [8, NAN, NAN])
    mean = group_judgements([first, second])
    assert (mean[0, 1], mean[0, 2]) == (pytest.approx(4), pytest.approx(4))
    assert np.isnan(group_judgements([second])[0, 2])


def test_one_mistaken_judgement_is_found_and_set_right() -> None:
    weights = np.array([8.0, 4.0, 2.0, 1.0])
    matrix = weights[:, None] / weights[None]
    matrix[0, 3], matrix[3, 0] = 1 / 8, 8.0
    (repair,) = repairs(matrix)
    assert (repair.row, repair.column, repair.said, repair.better) == (0, 3, 1 / 8, 8.0)
    assert repair.ratio == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_first_change_is_the_best_of_all_single_changes(seed: int) -> None:
    matrix = judged(4, list(np.random.default_rng(seed).choice(SCALE, 6)))
    least = min(
        (max(np.linalg.eigvals(changed(matrix, i, j, value)).real), i, j)
        for i, j in combinations(range(4), 2)
        for value in SCALE
    )
    first = repairs(matrix)[0]
    assert first.ratio == pytest.approx((least[0] - 4) / 3 / 0.9)
    assert first.ratio < priorities(matrix).ratio


def changed(matrix: np.ndarray, i: int, j: int, value: float) -> np.ndarray:
    other = matrix.copy()
    other[i, j], other[j, i] = value, 1 / value
    return other


def test_the_changes_together_bring_the_ratio_below_the_limit() -> None:
    matrix = judged(6, list(np.random.default_rng(5).choice(SCALE, 15)))
    assert priorities(matrix).ratio > 0.5
    for repair in repairs(matrix):
        matrix = changed(matrix, repair.row, repair.column, repair.better)
        assert priorities(matrix).ratio == pytest.approx(repair.ratio)
    assert priorities(matrix).ratio < LIMIT
    assert repairs(matrix) == ()


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 2]], "square"),
        ([[1, 2], [2, 1]], "reciprocal"),
        ([[1, 2], [NAN, 1]], "reciprocal"),
        ([[1, -2], [-1 / 2, 1]], "positive"),
        ([[1, NAN], [NAN, 1]], "connect"),
    ],
)
def test_what_is_no_matrix_of_judgements_is_refused(matrix: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        priorities(matrix)
