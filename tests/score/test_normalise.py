"""Normalisation against hand calculation, analytic cases and invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from citygauge.framework.rubric import parse_rubric
from citygauge.score.normalise import goalposts, minmax, rubric, zscore

ONE = np.array([1.0])
columns = hnp.arrays(
    float,
    st.tuples(st.integers(2, 12), st.integers(1, 4)),
    elements=st.integers(-1000, 1000).map(float) | st.just(float("nan")),
)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_minmax_by_hand() -> None:
    values = column(2, 4, 10, np.nan)
    np.testing.assert_allclose(minmax(values, ONE, 0, 100).ravel(), [0, 25, 100, np.nan])
    np.testing.assert_allclose(minmax(values, -ONE, 1, 100).ravel(), [100, 75.25, 1, np.nan])


def test_zscore_has_the_mean_and_deviation_it_is_asked_for() -> None:
    scores = zscore(column(3, 5, 7, 13), ONE, 10, 2)
    assert scores.mean() == pytest.approx(10)
    assert scores.std(ddof=1) == pytest.approx(2)


@pytest.mark.parametrize("values", [column(5, 5, 5), column(7), column(np.nan, np.nan), column(0.1 + 0.2)])
def test_a_column_without_spread_has_no_relative_score(values: np.ndarray) -> None:
    assert np.isnan(minmax(values, ONE)).all()
    assert np.isnan(zscore(values, ONE)).all()


def test_goalposts_do_not_need_spread_and_know_the_direction() -> None:
    posts = (np.array([0.0]), np.array([10.0]))
    values = column(2, 12, -3)
    np.testing.assert_allclose(goalposts(values, ONE, posts).ravel(), [0.2, 1, 0])
    np.testing.assert_allclose(goalposts(values, -ONE, posts).ravel(), [0.8, 0, 1])
    np.testing.assert_allclose(goalposts(values, ONE, posts, (0, 100), cut=False).ravel(), [20, 120, -30])


def test_the_education_index_of_undps_technical_note_example() -> None:
    """HDR technical note 1: 18 expected and 15 mean years are the posts; 12.3 of 18 years gives 0.683."""
    share = goalposts(column(12.3), ONE, (np.array([0.0]), np.array([18.0])))
    assert share[0, 0] == pytest.approx(0.6833, abs=5e-5)


def test_a_rubric_scores_its_levels_and_nothing_else() -> None:
    levels = parse_rubric("0: 无 | none ; 1: 部分 | partial ; 3=0.9: 完整 | complete")
    scores = rubric(column(0, 1, 3, 2, np.nan), [levels], (0, 100)).ravel()
    np.testing.assert_allclose(scores, [0, 100 / 3, 90, np.nan, np.nan])


@given(columns, st.sampled_from([1.0, -1.0]))
def test_minmax_stays_on_its_range_and_turns_with_the_direction(values: np.ndarray, sign: float) -> None:
    direction = np.full(values.shape[1], sign)
    scores = minmax(values, direction, 0, 100)
    assert not (scores < 0).any()
    assert not (scores > 100 + 1e-9).any()
    np.testing.assert_allclose(scores, 100 - minmax(values, -direction, 0, 100), atol=1e-9)


@given(columns, st.integers(1, 50), st.integers(-50, 50))
def test_minmax_does_not_change_with_the_unit_of_measure(values: np.ndarray, factor: int, shift: int) -> None:
    direction = np.ones(values.shape[1])
    np.testing.assert_allclose(
        minmax(values * factor + shift, direction), minmax(values, direction), atol=1e-7
    )


@given(columns)
def test_a_better_value_never_scores_lower(values: np.ndarray) -> None:
    direction = np.ones(values.shape[1])
    posts = (np.full(values.shape[1], -500.0), np.full(values.shape[1], 500.0))
    for scores in (minmax(values, direction), zscore(values, direction), goalposts(values, direction, posts)):
        for raw, scored in zip(values.T, scores.T, strict=True):
            order = np.argsort(raw[~np.isnan(raw)], kind="stable")
            kept = scored[~np.isnan(raw)][order]
            assert np.isnan(kept).all() or (np.diff(kept) >= -1e-12).all()


@given(columns)
def test_the_order_of_the_units_does_not_matter(values: np.ndarray) -> None:
    order = np.random.default_rng(7).permutation(values.shape[0])
    direction = np.ones(values.shape[1])
    for function in (minmax, zscore):
        np.testing.assert_allclose(
            function(values[order], direction), function(values, direction)[order], atol=1e-9
        )
