"""Short cuts for tables without gaps: the same figures and ranks as the long way gives."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from citygauge.score.means import arithmetic, generalised, geometric, harmonic
from citygauge.score.rank import rank

NAN = float("nan")
scores = hnp.arrays(
    float,
    st.tuples(st.integers(1, 8), st.just(5)),
    elements=st.sampled_from([1e-300, 0.5, 1.0, 3.0, 70.0, 1e9]),
)
weights = hnp.arrays(float, (5, 2), elements=st.sampled_from([0.0, 0.1, 1.0, 4.0]))
MEANS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "arithmetic": arithmetic,
    "geometric": geometric,
    "harmonic": harmonic,
    "square": lambda values, weights: generalised(values, weights, 2.0),
    "inverse square": lambda values, weights: generalised(values, weights, -2.0),
}


@pytest.mark.parametrize("name", MEANS)
@given(scores, weights)
def test_a_unit_scores_the_same_beside_one_with_gaps(
    name: str, values: np.ndarray, weights: np.ndarray
) -> None:
    mean = MEANS[name]
    for other in ([NAN] * 5, [1.0, NAN, 0.0, NAN, 2.0]):
        beside = mean(np.vstack([values, other]), weights)[:-1]
        np.testing.assert_allclose(mean(values, weights), beside, rtol=1e-12)


@pytest.mark.parametrize("name", MEANS)
@given(scores, weights)
def test_a_child_without_weight_that_is_missing_changes_nothing(
    name: str, values: np.ndarray, weights: np.ndarray
) -> None:
    mean = MEANS[name]
    gap = np.full((values.shape[0], 1), NAN)
    with_gap = mean(np.hstack([values, gap]), np.vstack([weights, [[0.0, 0.0]]]))
    np.testing.assert_allclose(with_gap, mean(values, weights), rtol=1e-12)


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_a_table_without_units_or_children_has_no_means(name: str, shape: tuple[int, int]) -> None:
    found = MEANS[name](np.ones(shape), np.ones((shape[1], 1)))
    assert found.shape == (shape[0], 1)
    assert np.isnan(found).all()


def test_index_and_ranks_of_ten_thousand_units_are_those_of_exact_fractions() -> None:
    random = np.random.default_rng(2)
    values, weights = random.integers(0, 4, (10_000, 52)) / 3, random.integers(1, 9, 52) / 7
    index = arithmetic(values, weights[:, None])
    thirds, sevenths = np.rint(values * 3).astype(int), np.rint(weights * 7).astype(int)
    whole = thirds @ sevenths
    expected = [float(Fraction(int(total), 3 * int(sevenths.sum()))) for total in whole]
    np.testing.assert_allclose(index[:, 0], expected, rtol=1e-13)
    descending = np.sort(-whole)
    assert np.array_equal(rank(index)[:, 0], 1 + np.searchsorted(descending, -whole))
