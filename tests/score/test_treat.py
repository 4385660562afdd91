"""Outlier treatment: moments against their textbook formulas, the rule at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from citygauge.score.treat import Limits, fails, log, moments, transformed, winsorise, winsorise_then

SKEWED = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 99])


def test_moments_equal_the_excel_formulas() -> None:
    """SKEW and KURT as Excel documents them, for the ten values of its own example in KURT's help page."""
    values = np.array([3.0, 4, 5, 2, 3, 4, 5, 6, 4, 7])
    skewness, kurtosis = moments(values[:, None])
    assert skewness[0] == pytest.approx(0.359543071, abs=1e-9)
    assert kurtosis[0] == pytest.approx(-0.151799637, abs=1e-9)


@pytest.mark.parametrize(
    "values", [np.full(9, 0.1), np.array([1.0]), np.array([1.0, 2.0]), np.full(4, np.nan), np.array([])]
)
def test_a_column_without_moments_passes(values: np.ndarray) -> None:
    assert not fails(values, Limits(0.1, 0.1))


def test_winsorising_pulls_the_extreme_to_its_neighbour_and_stops_when_the_column_passes() -> None:
    values, moved = winsorise(SKEWED, 5, Limits())
    np.testing.assert_array_equal(values, [1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
    np.testing.assert_array_equal(moved, [0] * 9 + [1])


def test_a_low_extreme_is_pulled_up() -> None:
    values, moved = winsorise(-SKEWED, 5, Limits())
    assert values[-1] == -9
    assert moved[-1] == -1


def test_tied_extremes_move_together_and_may_pass_the_limit() -> None:
    column = np.concatenate([np.linspace(1, 2, 60), [50.0, 50.0, 60.0]])
    values, moved = winsorise(column, 2, Limits(0.5, 0.5))
    assert (moved == 1).sum() == 3  # 60 became 50; then three tied at 50, one point below the limit
    assert values.max() == 2.0


def test_no_points_allowed_means_no_points_moved() -> None:
    values, moved = winsorise(SKEWED, 0, Limits())
    np.testing.assert_array_equal(values, SKEWED)
    assert not moved.any()


def test_the_transform_takes_the_untreated_column() -> None:
    treated = winsorise_then(SKEWED, 1, Limits(0.1, -10.0), "log")
    np.testing.assert_allclose(treated.values, np.log(SKEWED - 1 + 0.01 * 98))
    assert set(treated.words) == {"log"}


def test_without_a_transform_the_winsorised_column_stands_and_says_that_it_fails() -> None:
    treated = winsorise_then(SKEWED, 1, Limits(0.0001, -10.0), None)
    assert not treated.passes
    assert treated.values.max() == 9


def test_the_logarithm_keeps_gaps_and_order() -> None:
    treated = transformed(np.array([5.0, np.nan, -3.0, 100.0]), Limits(), "log")
    assert np.isnan(treated.values[1])
    assert treated.values[2] < treated.values[0] < treated.values[3]
    assert log(np.array([0.0, 100.0]))[0] == pytest.approx(np.log(1.0))
