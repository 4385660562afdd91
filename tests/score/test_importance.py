"""Importance and implied weights against analytic cases, other implementations and invariants."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from citygauge.score.importance import correlation_ratio, correlations, implied_weights, importance

nan = np.nan
columns = hnp.arrays(
    float,
    st.tuples(st.integers(0, 12), st.just(3)),
    elements=st.integers(-9, 9).map(float) | st.just(nan),
)


def test_a_linear_parent_of_independent_children_has_squared_weights_times_variances() -> None:
    """On a full grid Var(y) = sum w² s², so that r² and eta² are both w² s² over that sum."""
    grid = np.array(list(product([0.0, 1, 2, 3, 4], [0.0, 3, 6, 9], [0.0, 1, 5])))
    weights = np.array([0.5, 0.3, 0.2])
    expected = weights**2 * grid.var(axis=0)
    expected /= expected.sum()
    found = importance(grid, grid @ weights, weights * 7)
    np.testing.assert_allclose(found.r2, expected)
    np.testing.assert_allclose(found.eta2, expected, atol=1e-9)
    np.testing.assert_allclose(found.r2_shares, expected)
    np.testing.assert_allclose(found.nominal, weights)
    assert found.units.tolist() == [60, 60, 60]


def test_a_parabola_has_no_correlation_but_all_the_importance() -> None:
    x = np.linspace(-1, 1, 201)
    found = importance(x[:, None], x**2, np.array([1.0]))
    assert found.r2[0] == pytest.approx(0, abs=1e-20)
    assert found.eta2[0] == pytest.approx(1, abs=0.01)


def test_noise_lowers_the_correlation_ratio_of_a_parabola_as_it_should() -> None:
    """Var(x²) = 4/45 for x uniform on -1..1; with noise of variance 0.01 eta² = 0.8989."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, 500)
    assert correlation_ratio(x, x**2 + rng.normal(0, 0.1, 500)) == pytest.approx(0.8989, abs=0.02)


def test_first_order_indices_of_the_ishigami_function() -> None:
    """Ishigami and Homma 1990, doi:10.1109/ISUMA.1990.151285; a = 7, b = 0.1, the indices by integration."""
    x = np.random.default_rng(1).uniform(-np.pi, np.pi, (800, 3))
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    first = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2
    second = 49 / 8
    total = 0.5 + second + 0.1 * np.pi**4 / 5 + 0.01 * np.pi**8 / 18
    found = importance(x, y, np.ones(3))
    np.testing.assert_allclose(found.eta2, [first / total, second / total, 0], atol=0.05)
    assert found.r2[1] < 0.01


def test_of_few_levels_the_correlation_ratio_is_that_of_their_means() -> None:
    rng = np.random.default_rng(4)
    x = np.repeat([0.0, 1, 5], 30)
    y = np.where(x == 1, 3.0, 0.0) + rng.normal(size=90)
    means = np.repeat(y.reshape(3, 30).mean(axis=1), 30)
    assert correlation_ratio(x, y) == pytest.approx(means.var() / y.var(), abs=1e-6)


def test_of_unrelated_columns_the_correlation_ratio_is_small() -> None:
    rng = np.random.default_rng(6)
    found = [correlation_ratio(*rng.normal(size=(2, 30))) for _ in range(200)]
    assert 0.05 < np.mean(found) < 0.11


def test_a_straight_line_is_found_however_skewed_the_child_is() -> None:
    x = np.random.default_rng(8).lognormal(0, 3, 50)
    assert correlation_ratio(x, 3 - 2 * x) == pytest.approx(1)
    assert correlation_ratio(x, np.log(x)) == pytest.approx(1, abs=0.01)


def test_one_unit_apart_from_a_tie_of_all_others_counts_by_its_correlation() -> None:
    x, y = np.r_[np.zeros(9), 1.0], np.arange(10.0)
    assert correlation_ratio(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)


def test_correlations_are_those_of_the_units_known_in_both() -> None:
    rng = np.random.default_rng(9)
    values, parent = rng.normal(size=(20, 2)), rng.normal(size=20)
    values[3, 0] = parent[5] = nan
    rest = np.delete(np.arange(20), [3, 5])
    expected = stats.pearsonr(values[rest, 0], parent[rest]).statistic
    found = importance(values, parent, np.ones(2))
    assert found.correlation[0] == pytest.approx(expected)
    assert found.units.tolist() == [18, 19]


def test_a_child_that_runs_against_the_parent_shows_by_its_sign() -> None:
    x = np.column_stack([np.arange(9.0), -np.arange(9.0)])
    found = importance(x, np.arange(9.0), np.ones(2))
    np.testing.assert_allclose(found.correlation, [1, -1])
    np.testing.assert_allclose(found.r2_shares, [0.5, 0.5])


def test_a_child_without_spread_or_with_too_few_units_has_no_importance() -> None:
    x = np.array([[1.0, 0.3, nan, 1], [2, 0.3, 5, nan], [4, 0.3, 6, nan], [3, 0.1 + 0.2, nan, nan]])
    found = importance(x, np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 1, 0]))
    assert np.isnan(found.correlation).tolist() == [False, True, True, True]
    np.testing.assert_allclose(found.eta2_shares, [1, nan, nan, nan])
    np.testing.assert_allclose(found.nominal, [0.5, 0.25, 0.25, 0])
    assert found.units.tolist() == [4, 4, 2, 1]


@pytest.mark.parametrize("parent", [np.full(5, 7.0), np.full(5, nan)])
def test_a_parent_without_spread_gives_nothing_any_importance(parent: np.ndarray) -> None:
    values = np.arange(10.0).reshape(5, 2)
    found = importance(values, parent, np.ones(2))
    assert np.isnan([found.correlation, found.r2, found.eta2, found.r2_shares, found.eta2_shares]).all()
    lost = implied_weights(values, parent)
    assert np.isnan(lost.shares).all()
    assert np.isnan(lost.fit.r2)
    assert not lost.determined


@settings(max_examples=60, deadline=None)
@given(columns)
def test_importance_does_not_change_with_units_of_measure_or_their_order(values: np.ndarray) -> None:
    children, parent = values[:, :2], values[:, 2]
    found = importance(children, parent, np.ones(2))
    order = np.random.default_rng(2).permutation(values.shape[0])
    again = importance(children[order] * 8 - 4, 2 - parent[order], np.full(2, 4.0))
    np.testing.assert_allclose(again.correlation, -found.correlation, atol=1e-9)
    np.testing.assert_allclose(again.eta2, found.eta2, atol=1e-6)
    known = found.eta2[~np.isnan(found.eta2)]
    assert ((known >= 0) & (known <= 1)).all()


def test_a_weighted_sum_gives_its_weights_back_on_whatever_scale() -> None:
    x = np.random.default_rng(1).normal(size=(30, 4)) * [1, 10, 0.1, 1]
    weights = np.array([0.1, 0.2, 0.7, 0.0])
    found = implied_weights(x, 12 + 5 * (x @ weights))
    np.testing.assert_allclose(found.shares, weights, atol=1e-9)
    np.testing.assert_allclose(found.plain.weights, 5 * weights, atol=1e-9)
    assert found.fit.intercept == pytest.approx(12)
    assert found.fit.r2 == pytest.approx(1)
    assert found.determined
    assert found.units == 30


def test_the_index_of_asem_implies_its_weights(reference: Callable[[str], Path]) -> None:
    scores = pl.read_csv(reference("asem/step7_aggregated_amean.csv"))
    found = implied_weights(scores.select("Conn", "Sust").to_numpy(), scores["Index"].to_numpy())
    np.testing.assert_allclose(found.shares, [0.5, 0.5], atol=1e-9)
    printed = pl.read_csv(reference("asem/corr_subindex_vs_index.csv"))["Correlation"]
    r = correlations(scores.select("Conn", "Sust").to_numpy(), scores["Index"].to_numpy())
    np.testing.assert_allclose(r, printed, atol=1e-9)


def test_one_child_is_simple_regression() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=25)
    y = 2 * x + rng.normal(size=25)
    found, expected = implied_weights(x[:, None], y), stats.linregress(x, y)
    for fit in (found.fit, found.plain):
        assert fit.weights[0] == pytest.approx(expected.slope)
        assert fit.errors[0] == pytest.approx(expected.stderr)
        assert fit.intercept == pytest.approx(expected.intercept)
        assert fit.r2 == pytest.approx(expected.rvalue**2)


def test_of_several_children_each_is_the_regression_on_what_the_others_leave() -> None:
    """Frisch and Waugh 1933, doi:10.2307/1907330; errors for n - 4 degrees of freedom, not n - 2."""
    rng = np.random.default_rng(12)
    x = rng.normal(size=(40, 3)) + rng.normal(size=(40, 1))
    y = x @ [1.0, 2.0, 0.5] + rng.normal(size=40)
    found = implied_weights(x, y).plain
    others = np.column_stack([np.ones(40), x[:, 1:]])
    left = [side - others @ np.linalg.lstsq(others, side)[0] for side in (x[:, 0], y)]
    expected = stats.linregress(*left)
    assert found.weights[0] == pytest.approx(expected.slope)
    assert found.errors[0] == pytest.approx(expected.stderr * np.sqrt(38 / 36))


def test_a_child_that_would_count_against_is_left_out_where_no_weight_may_be_negative() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(50, 3))
    y = x @ [0.6, 0.4, -0.5] + 0.1 * rng.normal(size=50)
    found = implied_weights(x, y)
    assert found.plain.weights[2] == pytest.approx(-0.5, abs=0.05)
    assert found.shares[2] == 0
    assert np.isnan(found.fit.errors[2])
    assert found.fit.r2 < found.plain.r2
    alone = implied_weights(x[:, :2], y)
    np.testing.assert_allclose(found.fit.weights[:2], alone.plain.weights)
    np.testing.assert_allclose(found.fit.errors[:2], alone.plain.errors)


def test_where_every_child_counts_against_there_are_no_shares() -> None:
    x = np.arange(6.0)[:, None]
    found = implied_weights(x, -x[:, 0])
    assert np.isnan(found.shares).all()
    assert found.fit.weights.tolist() == [0.0]
    assert found.fit.r2 == pytest.approx(0)


def test_weights_that_others_would_fit_as_well_are_said_to_be_undetermined() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20, 2))
    twice = np.column_stack([x, x[:, 0] * 3 + 1])
    assert not implied_weights(twice, x.sum(axis=1)).determined
    assert np.isnan(implied_weights(twice, x.sum(axis=1)).plain.errors).all()
    few = implied_weights(x[:3], x[:3].sum(axis=1))
    assert not few.determined
    assert np.isnan(few.plain.errors).all()


def test_units_with_a_gap_and_children_without_spread_leave_the_weights_alone() -> None:
    rng = np.random.default_rng(7)
    x = np.column_stack([rng.normal(size=(20, 2)), np.full(20, 5.0)])
    y = x @ [0.3, 0.7, 9.0]
    x[4, 1] = y[6] = nan
    found = implied_weights(x, y)
    np.testing.assert_allclose(found.shares, [0.3, 0.7, 0], atol=1e-9)
    assert (found.units, found.determined) == (18, True)
    assert np.isnan(found.plain.errors[2])
