"""The best-worst method against Rezaei's published examples, hand calculation and another optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from citygauge.score.experts.best_worst import best_worst, changes, ends, input_ratio, ratio_limit


def test_rezaei_2016_buying_a_car_consistent() -> None:
    """Omega 64, 126-130, doi:10.1016/j.omega.2015.12.001, example 1: five criteria for a car."""
    found = best_worst([2, 1, 4, 2, 8], [4, 8, 2, 4, 1])
    assert found.weights.round(4).tolist() == [0.2105, 0.4211, 0.1053, 0.2105, 0.0526]
    assert (found.deviation, found.ratio) == (pytest.approx(0, abs=1e-9), 0)


def test_rezaei_2016_buying_a_car_not_quite_consistent() -> None:
    """The same paper, example 2, linear model."""
    found = best_worst([2, 1, 4, 3, 8], [4, 8, 2, 3, 1])
    assert found.weights.round(4).tolist() == [0.2295, 0.4481, 0.1148, 0.1530, 0.0546]
    assert round(found.deviation, 4) == 0.0109
    assert found.ratio == pytest.approx((3 * 3 - 8) / (64 - 8))


def test_three_things_by_hand() -> None:
    """w3 - 8·w1 = ξ, 2·w2 - w3 = ξ, 5·w1 - w2 = ξ: weights 2, 9 and 17 of 28, ξ = 1 of 28."""
    found = best_worst([8, 2, 1], [1, 5, 8])
    np.testing.assert_allclose(found.weights * 28, [2, 9, 17], rtol=1e-9)
    assert found.deviation * 28 == pytest.approx(1)
    assert found.ratio == pytest.approx((2 * 5 - 8) / 56)
    assert found.limit == 0.1309


@pytest.mark.parametrize("seed", range(5))
def test_no_other_weights_deviate_less(seed: int) -> None:
    """Sequential quadratic programming from several starts, another way to the same minimum."""
    rng = np.random.default_rng(seed)
    to_other, to_worst = rng.integers(2, 8, 5).astype(float), rng.integers(2, 8, 5).astype(float)
    to_other[0], to_other[4] = 1, 8
    to_worst[0], to_worst[4] = 8, 1
    found = best_worst(to_other, to_worst)

    def gaps(x: np.ndarray) -> np.ndarray:
        off = np.concatenate([x[0] - to_other * x[:5], x[:5] - to_worst * x[4]])
        return x[5] - np.concatenate([off, -off])

    conditions = [
        {"type": "eq", "fun": lambda x: x[:5].sum() - 1},
        {"type": "ineq", "fun": gaps},
    ]
    best = min(
        minimize(
            lambda x: x[5], np.append(rng.dirichlet(np.ones(5)), 1.0), bounds=[(0, 1)] * 6,
            constraints=conditions, method="SLSQP", options={"ftol": 1e-14, "maxiter": 500},
        ).fun
        for _ in range(4)
    )  # fmt: skip
    assert found.deviation == pytest.approx(best, abs=1e-7)
    assert (gaps(np.append(found.weights, found.deviation)) >= -1e-9).all()


@given(st.permutations([1, 2, 4, 8]))
def test_judgements_that_fit_together_give_the_weights_they_say(to_other: list[int]) -> None:
    to_worst = [8 / value for value in to_other]
    found = best_worst(to_other, to_worst)
    np.testing.assert_allclose(found.weights, np.array(to_worst) / 15, rtol=1e-7)
    assert found.ratio == 0


def test_equally_important_things_have_equal_weights() -> None:
    found = best_worst([1, 1, 1], [1, 1, 1])
    np.testing.assert_allclose(found.weights, 1 / 3)
    assert (found.ratio, found.limit) == (0, None)


def test_one_thing_has_the_whole_weight() -> None:
    assert best_worst([1], [1]).weights.tolist() == [1.0]


def test_of_several_best_the_one_furthest_from_the_worst_is_taken() -> None:
    assert ends(np.array([1.0, 1.0, 5.0]), np.array([4.0, 5.0, 1.0])) == (1, 2)


def test_the_ratio_is_1_where_a_thing_is_both_like_the_worst_and_like_the_best() -> None:
    assert input_ratio([1, 5, 5], [5, 5, 1]) == 1.0


@pytest.mark.parametrize(
    ("n", "best_to_worst", "limit"),
    [(3, 3, 0.1667), (4, 5, 0.1994), (5, 8, 0.2958), (6, 7, 0.3029), (9, 9, 0.3662), (3, 4, 0.1121)],
)
def test_limits_are_those_of_liang_2020(n: int, best_to_worst: int, limit: float) -> None:
    """Liang, Brunelli and Rezaei 2020, doi:10.1016/j.omega.2019.102175, limits of the input-based ratio."""
    assert ratio_limit(n, best_to_worst) == limit


@pytest.mark.parametrize(("n", "best_to_worst"), [(2, 5), (10, 5), (4, 2), (4, 4.5)])
def test_there_is_no_limit_where_the_table_has_none(n: int, best_to_worst: float) -> None:
    assert ratio_limit(n, best_to_worst) is None


def test_the_first_change_is_the_best_of_all_single_changes() -> None:
    rows = np.array([[1.0, 6.0, 3.0, 7.0, 8.0], [8.0, 5.0, 2.0, 4.0, 1.0]])
    least = 1.0
    for side in (0, 1):
        for item in (1, 2, 3):
            for better in range(1, 9):
                trial = rows.copy()
                trial[side, item] = better
                least = min(least, input_ratio(*trial))
    first, *more = changes(*rows, limit=0.1)
    assert first.ratio == pytest.approx(least)
    assert [first, *more][-1].ratio <= 0.1
    assert changes(*rows, limit=1.0) == ()


@pytest.mark.parametrize(
    ("to_other", "to_worst", "message"),
    [
        ([1, 2], [2, 1, 1], "length"),
        ([1, 10], [9, 1], "from 1 to 9"),
        ([1, float("nan")], [2, 1], "from 1 to 9"),
        ([2, 3], [3, 1], "the best"),
    ],
)
def test_what_are_no_two_rows_of_judgements_is_refused(
    to_other: list[float], to_worst: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        best_worst(to_other, to_worst)
