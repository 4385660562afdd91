"""Regional sensitivity and PAWN against scipy and SALib, cases known by thought, and chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, chi2_contingency, ks_2samp

from citygauge.analyse.robust.regional import pawn, regional


def test_a_threshold_of_one_factor_parts_its_settings_and_leaves_the_others():
    x = np.random.default_rng(1).random((4000, 2))
    found = regional(x, x[:, :1] > 0.3, [False, False])
    assert found.distances[0, 0] == 1.0
    assert found.distances[1, 0] < 0.05
    assert found.p_values[0, 0] < 1e-100
    assert found.p_values[1, 0] > 0.01


def test_a_sum_parts_both_of_its_terms_by_the_distance_that_is_known():
    """Given x + y > 1 of two uniform numbers F(x) = x², else 2x - x²: at most 1/2 apart, at x = 1/2."""
    x = np.random.default_rng(2).random((40_000, 2))
    found = regional(x, x.sum(axis=1, keepdims=True) > 1, [False, False])
    np.testing.assert_allclose(found.distances[:, 0], 0.5, atol=0.02)


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, (30, 2), elements=st.one_of(st.floats(0, 1), st.integers(0, 2).map(float))),
    arrays(bool, (30, 3)),
)
def test_distance_and_p_value_are_those_of_scipy_with_ties_too(x, conditions):
    found = regional(x, conditions, [False, False], least=1)
    for factor in range(2):
        for output in range(3):
            met = conditions[:, output]
            if not 0 < met.sum() < 30:
                assert np.isnan(found.distances[factor, output])
                continue
            want = ks_2samp(x[met, factor], x[~met, factor])
            assert found.distances[factor, output] == pytest.approx(want.statistic, abs=1e-14)
            assert found.p_values[factor, output] == pytest.approx(want.pvalue, rel=1e-9)


def test_of_many_runs_the_p_value_is_the_limit_for_large_samples():
    rng = np.random.default_rng(3)
    x = rng.random((5000, 1))
    met = rng.random((5000, 4)) < 0.2 + 0.1 * x
    found = regional(x, met, [False])
    for output in range(4):
        sides = x[met[:, output], 0], x[~met[:, output], 0]
        want = ks_2samp(*sides, method="asymp")
        assert found.distances[0, output] == pytest.approx(want.statistic)
        assert found.p_values[0, output] == pytest.approx(want.pvalue)
        assert found.p_values[0, output] == pytest.approx(ks_2samp(*sides, method="exact").pvalue, rel=0.1)


def test_categories_by_hand():
    """Of 20 runs with the condition 10, 6 and 4 have the categories, of 20 without it 2, 6 and 12."""
    codes = np.repeat([0.0, 1, 2, 0, 1, 2], [10, 6, 4, 2, 6, 12])[:, None]
    met = np.repeat([True, False], 20)[:, None]
    found = regional(codes, met, [True])
    assert found.distances[0, 0] == pytest.approx((8 + 0 + 8) / 20 / 2)
    want = chi2_contingency([[10, 6, 4], [2, 6, 12]], correction=False).pvalue
    assert found.p_values[0, 0] == pytest.approx(want)
    assert (found.met[0, 0], found.unmet[0, 0]) == (20, 20)


def test_which_number_a_category_has_does_not_count():
    rng = np.random.default_rng(5)
    codes, met = rng.integers(0, 4, (200, 1)).astype(float), rng.random((200, 2)) < 0.4
    other = np.array([7.0, -1, 3, 0])[codes.astype(int)]
    one, same = regional(codes, met, [True]), regional(other, met, [True])
    np.testing.assert_allclose(one.distances, same.distances)
    np.testing.assert_allclose(one.p_values, same.p_values)


@pytest.mark.parametrize("is_category", [False, True])
@pytest.mark.parametrize("runs", [400, 3000])
def test_factors_without_any_part_raise_a_false_alarm_no_more_often_than_said(is_category, runs):
    rng = np.random.default_rng(6)
    x = rng.integers(0, 5, (runs, 4)).astype(float) if is_category else rng.random((runs, 4))
    found = regional(x, rng.random((runs, 100)) < 0.3, [is_category] * 4)
    alarms = int((found.p_values < 0.05).sum())
    assert binom.ppf(1e-3, 400, 0.03) <= alarms <= binom.ppf(1 - 1e-3, 400, 0.05)


def test_too_few_runs_on_a_side_are_nan_and_not_0():
    x = np.arange(40.0)[:, None]
    met = np.zeros((40, 4), bool)
    met[:9, 0] = met[:10, 1] = met[:31, 2] = True
    found = regional(x, met, [False])
    assert np.isnan(found.distances[0]).tolist() == [True, False, True, True]
    assert np.isnan(found.p_values[0]).tolist() == [True, False, True, True]
    assert found.met[0].tolist() == [9, 10, 31, 0]


def test_a_factor_that_never_moves_is_at_0():
    met = np.arange(60)[:, None] % 2 == 0
    found = regional(np.full((60, 2), 3.0), met, [False, True])
    np.testing.assert_array_equal(found.distances, 0)
    np.testing.assert_array_equal(found.p_values, 1)


def test_gaps_leave_out_runs_and_nothing_else():
    rng = np.random.default_rng(8)
    x, met = rng.random((300, 2)), (rng.random((300, 2)) < 0.5).astype(float)
    x[:50, 0], met[40:90, 1] = np.nan, np.nan
    found = regional(x, met, [False, False])
    want = regional(x[90:], met[90:], [False, False])
    assert found.distances[0, 0] == regional(x[50:], met[50:], [False, False]).distances[0, 0]
    assert found.distances[0, 1] == want.distances[0, 1]
    assert found.met[0, 1] == want.met[0, 1]
    assert found.unmet[1, 0] == (met[:, 0] == 0).sum()


def test_blocks_of_outputs_change_nothing(monkeypatch):
    rng = np.random.default_rng(9)
    x, y = rng.random((100, 3)), rng.random((100, 7))
    whole = regional(x, y > 0.5, [False] * 3), pawn(x, y, [False] * 3, slices=4)
    monkeypatch.setattr("citygauge.analyse.robust.regional._CELLS", 250)
    parts = regional(x, y > 0.5, [False] * 3), pawn(x, y, [False] * 3, slices=4)
    np.testing.assert_array_equal(whole[0].distances, parts[0].distances)
    np.testing.assert_array_equal(whole[1].median, parts[1].median)


def test_pawn_of_an_identity_is_known():
    """Of y = x in 10 equal slices F differs from all of them by 0.9, 0.8 … 0.5, 0.5 … 0.9."""
    x = (np.arange(1000.0) / 1000)[:, None]
    found = pawn(x, x, [False])
    assert found.slices[0, 0] == 10
    assert found.largest[0, 0] == pytest.approx(0.9)
    assert found.median[0, 0] == pytest.approx(0.7)


def test_pawn_agrees_with_scipy_slice_by_slice_whatever_ties_and_gaps():
    rng = np.random.default_rng(10)
    x = np.column_stack([rng.random(500), rng.integers(0, 3, 500)])
    y = np.column_stack([rng.integers(1, 20, 500) + np.rint(8 * x[:, 0]), x[:, 1] + rng.normal(size=500)])
    y[::7, 1] = np.nan
    found = pawn(x, y, [False, True], slices=5)
    cut = np.quantile(x[:, 0], [0.2, 0.4, 0.6, 0.8])
    labels = np.searchsorted(cut, x[:, 0], side="right"), x[:, 1].astype(int)
    for factor, label in enumerate(labels):
        for output in range(2):
            known = ~np.isnan(y[:, output])
            far = [
                ks_2samp(y[known & (label == i), output], y[known, output]).statistic
                for i in range(label.max() + 1)
            ]
            assert found.median[factor, output] == pytest.approx(np.median(far))
            assert found.largest[factor, output] == pytest.approx(np.max(far))


def test_pawn_is_that_of_salib_but_for_the_runs_on_the_upper_limit_that_it_drops():
    analyze = pytest.importorskip("SALib.analyze.pawn").analyze
    rng = np.random.default_rng(12)
    x = rng.uniform(-np.pi, np.pi, (2000, 3))
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[-np.pi, np.pi]] * 3}
    want = analyze(problem, x, y, S=10)
    found = pawn(x, y[:, None], [False] * 3)
    np.testing.assert_allclose(found.median[:, 0], want["median"], atol=0.004)
    np.testing.assert_allclose(found.largest[:, 0], want["maximum"], atol=0.006)


def test_pawn_of_a_factor_without_any_part_is_about_what_chance_gives():
    rng = np.random.default_rng(13)
    found = pawn(rng.random((5000, 1)), rng.random((5000, 40)), [False])
    # A slice of 500 in 5,000 strays by 0.87 / √500 · √0.9 in the mean of Kolmogorov's distribution.
    assert found.median.mean() == pytest.approx(0.8687 * np.sqrt(0.9 / 500), rel=0.08)


def test_pawn_of_few_settings_or_few_runs():
    x = np.column_stack([np.repeat([1.0, 2.0], 30), np.full(60, 5.0), np.arange(60) // 6])
    y = np.column_stack([x[:, 0], np.full(60, 2.0), np.full(60, np.nan)])
    found = pawn(x, y, [False, False, True])
    assert found.largest[0, 0] == pytest.approx(0.5)
    np.testing.assert_array_equal(found.largest[1, :2], 0)  # one setting is one slice, of all runs
    assert found.largest[0, 1] == 0  # one outcome alone
    assert np.isnan(found.median[2]).all()  # categories of 6 runs
    assert np.isnan(found.median[:, 2]).all()
    assert found.slices.tolist() == [[2, 2, 0], [1, 1, 0], [0, 0, 0]]


def test_shapes_and_values_that_do_not_fit_are_refused():
    x, y = np.zeros((20, 2)), np.zeros((20, 1))
    for settings_, categorical in ((x[:, 0], [False]), (x, [False])):
        with pytest.raises(ValueError, match="runs × factors"):
            regional(settings_, y, categorical)
    with pytest.raises(ValueError, match="whole numbers"):
        pawn(x + 0.5, y, [False, True])
    with pytest.raises(ValueError, match="20 runs"):
        regional(x, y[:5], [False, False])
    with pytest.raises(ValueError, match="20 runs"):
        pawn(x, y[:, 0], [False, False])
    with pytest.raises(ValueError, match="met"):
        regional(x, y + 0.5, [False, False])
