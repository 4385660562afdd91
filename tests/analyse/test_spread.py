"""Inequality and differences between groups: scipy, R's examples, formulas written out, edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from citygauge.analyse.spread import (
    coefficient_of_variation,
    gini,
    kruskal_wallis,
    variance_parts,
    welch,
)
from citygauge.analyse.statistics import statistics

TESTS = (variance_parts, welch, kruskal_wallis)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def grouped(*samples: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return samples as one column with the group of each value."""
    sizes = [len(sample) for sample in samples]
    return np.concatenate([np.array(s, float) for s in samples]), np.repeat(np.arange(len(samples)), sizes)


def by_pairs(values: np.ndarray) -> float:
    """Gini by the mean absolute difference of all pairs, each unit with itself too."""
    return np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean())


@given(arrays(float, st.integers(2, 30), elements=st.integers(0, 1000).map(float)))
def test_gini_is_half_the_mean_difference_of_all_pairs_over_the_mean(values):
    if values.max() > 0:
        assert gini(values[:, None])[0] == pytest.approx(by_pairs(values), abs=1e-12)


def test_gini_equals_the_example_of_the_r_package_phylotools():
    # Its manual page "gini" (after the package ineq) states 0.3076923.
    assert gini(column(1, 3, 2, 1, 1, 1, 4))[0] == pytest.approx(0.3076923, abs=5e-8)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_gini_of_one_to_n_and_of_one_unit_that_has_all_is_known(n):
    # Σ (2i - n - 1) i = n (n² - 1) / 6 over n · n (n + 1) / 2.
    assert gini(np.arange(1.0, n + 1)[:, None])[0] == pytest.approx((n - 1) / (3 * n))
    assert gini(column(*[0] * (n - 1), 7))[0] == pytest.approx((n - 1) / n)


def test_gini_does_not_change_with_scale_order_or_gaps_and_falls_when_all_gain_alike():
    values = np.array([[3.0], [np.nan], [9.0], [1.0], [4.0]])
    want = gini(column(1, 3, 4, 9))[0]
    assert gini(values)[0] == pytest.approx(want)
    assert gini(values * 1e6)[0] == pytest.approx(want)
    assert gini(values + 10)[0] < want


def test_gini_is_undefined_for_one_value_for_none_below_zero_and_for_all_zero():
    values = np.array([[5.0, np.nan, -1.0, 0.0, 0.3], [np.nan, np.nan, 4.0, 0.0, 0.3]])
    np.testing.assert_array_equal(gini(values), [np.nan, np.nan, np.nan, np.nan, 0.0])
    assert gini(np.empty((0, 2))).shape == (2,)
    assert gini(np.full((7, 1), 0.1))[0] == 0.0


def test_variation_is_that_of_scipy_and_undefined_where_the_mean_is_not_above_zero():
    some = np.array([3.0, 4.0, 9.0, 11.0])
    z = stats.zscore(np.array([0.1, 0.7, 0.35, 0.9, 0.15]))
    values = np.full((5, 4), np.nan)
    values[:4, 0], values[:, 1], values[:4, 2], values[0, 3] = some, z, -some, 8.0
    found = coefficient_of_variation(statistics(values))
    assert found[0] == pytest.approx(stats.variation(some, ddof=1))
    assert np.isnan(found[1:]).all()
    assert coefficient_of_variation(statistics(np.full((4, 1), 0.1)))[0] == 0.0


@given(st.lists(st.lists(st.integers(-99, 99).map(float), min_size=2, max_size=8), min_size=2, max_size=5))
def test_squares_add_up_and_give_the_classical_f(samples):
    values, groups = grouped(*samples)
    found = variance_parts(values, groups)
    assert found.between + found.within == pytest.approx(((values - values.mean()) ** 2).sum(), abs=1e-9)
    if found.within > 1e-9:
        k, n = len(samples), values.size
        f = stats.f_oneway(*samples).statistic
        assert found.eta_squared == pytest.approx(f * (k - 1) / (f * (k - 1) + n - k), abs=1e-12)
        # Omega squared from F, as in Kirk 1996.
        assert found.omega_squared == pytest.approx((k - 1) * (f - 1) / ((k - 1) * (f - 1) + n), abs=1e-9)


def test_groups_without_spread_inside_explain_all_of_it():
    found = variance_parts(*grouped([1, 1, 1], [4, 4]))
    assert found == (pytest.approx(3 * 1.2**2 + 2 * 1.8**2), 0.0, 1.0, 1.0)


def test_welch_of_the_sleep_data_is_that_of_r():
    # oneway.test(extra ~ group, sleep): F = 3.4626, denom df = 17.776, p-value = 0.07939.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = welch(*grouped(first, second))
    told = found.f, found.df1, found.df2, found.p
    assert [f"{each:.5g}" for each in told] == ["3.4626", "1", "17.776", "0.079394"]
    t = stats.ttest_ind(first, second, equal_var=False)
    assert (found.f, found.p, found.df2) == (
        pytest.approx(t.statistic**2), pytest.approx(t.pvalue), pytest.approx(t.df),
    )  # fmt: skip


def welch_written_out(samples: list[np.ndarray]) -> tuple[float, float, float]:
    """Welch's F and degrees of freedom, group by group."""
    k = len(samples)
    weights = [len(s) / np.var(s, ddof=1) for s in samples]
    total = sum(weights)
    grand = sum(w * np.mean(s) for w, s in zip(weights, samples, strict=True)) / total
    a = sum(w * (np.mean(s) - grand) ** 2 for w, s in zip(weights, samples, strict=True)) / (k - 1)
    rest = sum((1 - w / total) ** 2 / (len(s) - 1) for w, s in zip(weights, samples, strict=True))
    return a / (1 + 2 * (k - 2) / (k**2 - 1) * rest), k - 1, (k**2 - 1) / (3 * rest)


@pytest.mark.parametrize("seed", range(5))
def test_welch_of_several_groups_is_that_of_the_formulas_and_of_the_f_distribution(seed):
    rng = np.random.default_rng(seed)
    samples = [rng.normal(i, 1 + 3 * i, size=rng.integers(3, 12)) for i in range(3 + seed)]
    found = welch(*grouped(*(s.tolist() for s in samples)))
    f, df1, df2 = welch_written_out(samples)
    assert found[:3] == (pytest.approx(f), df1, pytest.approx(df2))
    assert found.p == pytest.approx(stats.f.sf(f, df1, df2))


def test_kruskal_wallis_of_hollander_and_wolfe_is_that_of_r():
    # kruskal.test on Hollander and Wolfe 1973, p. 116: chi-squared = 0.77143, df = 2, p-value = 0.68.
    values, groups = grouped([2.9, 3.0, 2.5, 2.6, 3.2], [3.8, 2.7, 4.0, 2.4], [2.8, 3.4, 3.7, 2.2, 2.0])
    found = kruskal_wallis(values, groups)
    assert (f"{found.h:.5f}", f"{found.p:.2f}") == ("0.77143", "0.68")
    ranks = stats.rankdata(values)
    assert found.epsilon_squared == pytest.approx(variance_parts(ranks, groups).eta_squared)


def test_kruskal_wallis_has_mathematical_ties_as_ties():
    exact = kruskal_wallis(*grouped([0.3, 0.1, 0.5], [0.3, 0.6, 0.7, 0.8]))
    noisy = kruskal_wallis(*grouped([0.1 + 0.2, 0.1, 0.5], [0.3, 0.6, 0.7, 0.8]))
    assert noisy == exact
    assert exact.h == pytest.approx(stats.kruskal([0.3, 0.1, 0.5], [0.3, 0.6, 0.7, 0.8]).statistic)


def test_gaps_and_units_without_a_group_do_not_count_and_names_of_groups_do_not_matter():
    values, groups = grouped([1, 4, 6], [9, 7, 12, 13])
    more = np.array([np.nan, *values, 99.0, np.nan])
    into = np.array([0, *np.where(groups == 0, 8, 3), -1, 5])
    for test in TESTS:
        assert test(more, into) == pytest.approx(test(values, groups))


@pytest.mark.parametrize("samples", [
    [[]], [[1.0]], [[1.0, 2.0, 4.0]], [[np.nan, np.nan], [np.nan]], [[0.3, 0.1 + 0.2], [0.3, 0.3]],
])  # fmt: skip
def test_nothing_one_group_and_a_constant_column_have_no_test(samples):
    values, groups = grouped(*samples)
    assert np.isnan(variance_parts(values, groups)[2:]).all()
    assert np.isnan(welch(values, groups)).all()
    assert np.isnan(kruskal_wallis(values, groups)).all()


def test_squares_of_nothing_are_unknown_and_those_of_a_constant_column_are_zero():
    assert np.isnan(variance_parts(*grouped([np.nan]))[:2]).all()
    assert variance_parts(*grouped([0.1, 0.1], [0.1]))[:2] == (0.0, 0.0)
    assert variance_parts(*grouped([1.0, 3.0]))[:2] == (0.0, 2.0)


def test_a_group_of_one_or_without_spread_stops_welch_alone():
    for samples in ([[1.0, 2.0, 3.0], [9.0]], [[1.0, 2.0, 3.0], [0.3, 0.1 + 0.2]]):
        values, groups = grouped(*samples)
        assert np.isnan(welch(values, groups)).all()
        assert not np.isnan(variance_parts(values, groups)).any()
        assert not np.isnan(kruskal_wallis(values, groups)).any()


def test_groups_of_one_unit_each_tell_nothing_but_their_squares():
    values, groups = grouped([1.0], [2.0], [6.0])
    between, within, eta, omega = variance_parts(values, groups)
    assert (between, within, eta) == (pytest.approx(14.0), 0.0, 1.0)
    assert np.isnan([omega, *welch(values, groups), *kruskal_wallis(values, groups)]).all()
