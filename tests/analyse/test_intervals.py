"""Intervals of correlations against published and other implementations; partial ones against residuals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, spearmanr

from citygauge.analyse.intervals import interval, partial_correlation

# Hollander and Wolfe 1973, p. 187: the example of R's cor.test.
LIGHTNESS = np.array([44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1])
PANEL = np.array([2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8])


def ends(found: float, n: int, method: str) -> tuple[float, float]:
    low, high = interval(np.array([found]), np.array([n]), method)
    return float(low[0]), float(high[0])


def test_the_interval_of_pearsons_r_is_that_of_scipy():
    found = pearsonr(LIGHTNESS, PANEL)
    assert found.statistic == pytest.approx(0.5711816, abs=5e-8)  # as R prints it
    want = found.confidence_interval(0.95)
    assert ends(found.statistic, 9, "pearson") == (pytest.approx(want.low), pytest.approx(want.high))


def test_the_interval_of_spearmans_is_that_of_bonetts_own_package():
    """R package statpsych, example of ci.spear: 0.8699639 in 0.5840951 .. 0.9638297."""
    y = [21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19]
    x = [67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51]
    found = spearmanr(x, y).statistic
    assert found == pytest.approx(0.8699639, abs=5e-8)
    assert ends(found, 15, "spearman") == (
        pytest.approx(0.5840951, abs=5e-8), pytest.approx(0.9638297, abs=5e-8),
    )  # fmt: skip


def test_the_interval_of_tau_is_that_of_the_formula():
    tau = kendalltau(LIGHTNESS, PANEL).statistic
    assert tau == pytest.approx(4 / 9)
    z = 0.5 * np.log((1 + 4 / 9) / (1 - 4 / 9))
    want = [
        (np.exp(2 * e) - 1) / (np.exp(2 * e) + 1)
        for e in (z - 1.959964 * 0.0874**0.5, z + 1.959964 * 0.0874**0.5)
    ]
    assert ends(tau, 9, "kendall") == (pytest.approx(want[0], abs=1e-6), pytest.approx(want[1], abs=1e-6))


@pytest.mark.parametrize(("method", "least"), [("pearson", 4), ("spearman", 4), ("kendall", 5)])
def test_too_few_units_have_no_interval(method, least):
    assert np.isnan(ends(0.3, least - 1, method)).all()
    assert not np.isnan(ends(0.3, least, method)).any()
    assert np.isnan(ends(float("nan"), 50, method)).all()
    assert ends(1.0, 50, method) == (1.0, 1.0)
    assert ends(-1.0, 50, method) == (-1.0, -1.0)


@given(st.floats(-0.99, 0.99), st.integers(5, 500), st.sampled_from(["pearson", "spearman", "kendall"]))
def test_an_interval_holds_its_correlation_and_turns_with_it(r, n, method):
    low, high = ends(r, n, method)
    assert -1 <= low <= r <= high <= 1
    assert ends(-r, n, method) == (pytest.approx(-high), pytest.approx(-low))
    wider = ends(r, n - 1, method) if n > 5 else (low, high)
    assert wider[0] <= low
    assert high <= wider[1]


def test_a_partial_correlation_is_that_of_the_residuals():
    rng = np.random.default_rng(3)
    given_ = rng.normal(size=40)
    one, other = given_ + rng.normal(size=40), 0.5 * given_ + rng.normal(size=40)

    def left(y):
        return y - np.polyval(np.polyfit(given_, y, 1), given_)

    want = pearsonr(left(one), left(other)).statistic
    assert partial_correlation(one, other, given_) == pytest.approx(want, abs=1e-12)
    gaps = [np.append(column, [np.nan, 9.0][i % 2]) for i, column in enumerate((one, other, given_))]
    assert partial_correlation(*gaps) == pytest.approx(want, abs=1e-12)


def test_where_the_third_column_tells_one_of_the_two_nothing_is_left():
    x, y = np.arange(6.0), np.array([1.0, 3, 2, 5, 4, 6])
    assert np.isnan(partial_correlation(x, y, 3 * x + 0.1))
    assert np.isnan(partial_correlation(x, y, np.ones(6)))
    assert np.isnan(partial_correlation(x, np.ones(6), y))
    assert np.isnan(partial_correlation(x[:3], y[:3], np.array([1.0, 0, 0])))
    assert np.isnan(partial_correlation(np.full(6, np.nan), y, x))
