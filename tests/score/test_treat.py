"""Outlier treatment: moments against their textbook formulas, the rule at its edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from citygauge.score.treat import (
    POWERED,
    TRANSFORMS,
    Limits,
    boxcox,
    fails,
    likeliest_power,
    log,
    log_by_skew,
    log_plus_one,
    log_signed,
    moments,
    transformed,
    winsorise,
    winsorise_then,
    yeojohnson,
)

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


columns = st.lists(st.integers(-500, 500).map(float) | st.just(float("nan")), max_size=25).map(np.array)
NO_SPREAD = [np.full(9, 0.1), np.array([1.0]), np.full(4, np.nan), np.array([]), np.array([2.0, np.nan, 2.0])]


def test_a_column_of_two_values_is_never_levelled() -> None:
    """Winsorising the ones of a rare yes/no indicator would leave nothing to compare."""
    rare = np.array([0.0] * 60 + [1.0])
    assert fails(rare, Limits())
    for most in (5, None):
        values, moved = winsorise(rare, most, Limits())
        np.testing.assert_array_equal(values, rare)
        assert not moved.any()
    values, _ = winsorise(np.array([0.0] * 60 + [1.0, 7.0]), None, Limits(), always=True)
    assert set(values) == {0.0, 1.0}


def test_without_a_number_of_points_as_many_move_as_it_takes() -> None:
    column = np.concatenate([np.linspace(0, 1, 40), np.geomspace(10, 1e6, 12)])
    values, moved = winsorise(column, None, Limits())
    assert not fails(values, Limits())
    assert np.count_nonzero(moved) > 5
    fewer, _ = winsorise(column, np.count_nonzero(moved) - 1, Limits())
    assert fails(fewer, Limits())


def test_points_are_moved_always_where_that_is_asked_for() -> None:
    even = np.arange(1.0, 11)
    assert not fails(even, Limits())
    treated = winsorise_then(even, 2, Limits(), "log", always=True)
    np.testing.assert_array_equal(np.sort(treated.values), [2, 2, 3, 4, 5, 6, 7, 8, 9, 9])
    assert (treated.points, treated.failed, treated.passes) == (2, False, True)
    assert winsorise_then(even, 2, Limits(), "log").points == 0


@pytest.mark.parametrize("column", NO_SPREAD)
@pytest.mark.parametrize("how", TRANSFORMS)
def test_a_column_without_spread_stays_as_it_is(column: np.ndarray, how: str) -> None:
    for treated in (
        transformed(column, Limits(), how),
        winsorise_then(column, 5, Limits(), how),
        winsorise_then(column, 5, Limits(), how, combine=True, always=True),
    ):
        np.testing.assert_array_equal(treated.values, column)
        assert treated.passes
        assert (treated.points, treated.transform, set(treated.words) <= {""}) == (0, "", True)


@given(columns, st.sampled_from([(how, None) for how in TRANSFORMS] + [(how, 1.5) for how in POWERED]))
def test_every_transform_keeps_gaps_and_the_order_of_the_values(
    column: np.ndarray, way: tuple[str, float | None]
) -> None:
    after = transformed(column, Limits(), *way).values
    np.testing.assert_array_equal(np.isnan(after), np.isnan(column))
    known = ~np.isnan(column)
    order = np.argsort(column[known], kind="stable")
    rises = np.diff(after[known][order])
    assert (rises >= 0).all()
    assert np.isfinite(after[known]).all()
    if way[0].startswith("log"):
        assert (rises[np.diff(column[known][order]) > 0] > 0).all()


@given(columns.filter(lambda column: column.size > 3), st.sampled_from(["winsorise", *TRANSFORMS]))
def test_the_order_of_the_units_does_not_matter(column: np.ndarray, how: str) -> None:
    def treated(values: np.ndarray) -> np.ndarray:
        if how == "winsorise":
            return winsorise_then(values, 3, Limits(1, 1), None).values
        return transformed(values, Limits(), how).values

    order = np.random.default_rng(3).permutation(column.size)
    np.testing.assert_allclose(treated(column[order]), treated(column)[order], rtol=1e-9, atol=1e-9)


def test_the_logarithms_by_hand() -> None:
    column = np.array([-3.0, 0.0, np.nan, 7.0])
    np.testing.assert_allclose(log_plus_one(column), [0, np.log(4), np.nan, np.log(11)])
    np.testing.assert_allclose(log_signed(column), [-np.log(4), 0, np.nan, np.log(8)])


def test_the_logarithm_by_skew_draws_out_the_crowded_end_and_stays_increasing() -> None:
    np.testing.assert_array_equal(log_by_skew(SKEWED), log(SKEWED))
    mirrored = log_by_skew(-SKEWED)
    np.testing.assert_allclose(mirrored, -log(SKEWED))
    assert (np.diff(mirrored) < 0).all()  # as the column itself falls
    assert abs(moments(mirrored[:, None])[0][0]) < abs(moments(SKEWED[:, None])[0][0])


def test_a_symmetric_column_takes_one_branch_whatever_its_rounding_errors() -> None:
    column = np.array([-0.3, -0.1, 0.0, 0.1, 0.3]) + 0.7
    np.testing.assert_allclose(log_by_skew(column[::-1])[::-1], log_by_skew(column))


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_boxcox_with_a_power_is_its_formula_on_the_shifted_column(power: float) -> None:
    y = SKEWED - SKEWED.min() + 1
    expected = np.log(y) if power == 0 else (y**power - 1) / power
    np.testing.assert_allclose(boxcox(SKEWED, power), expected)
    np.testing.assert_allclose(boxcox(SKEWED - 77, power), expected)  # the shift goes with the column


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
def test_yeojohnson_with_a_power_is_its_formula_on_both_sides(power: float) -> None:
    """Yeo and Johnson 2000, eq. 2.1."""
    x, other = np.array([-4.0, -0.5, 0.0, 0.5, 4.0]), 2 - power
    up = np.log1p(np.abs(x)) if power == 0 else ((np.abs(x) + 1) ** power - 1) / power
    down = np.log1p(np.abs(x)) if other == 0 else ((np.abs(x) + 1) ** other - 1) / other
    np.testing.assert_allclose(yeojohnson(x, power), np.where(x >= 0, up, -down))


def test_a_power_left_out_is_the_most_likely_one() -> None:
    """The log-likelihood is nowhere higher on a grid, with scipy's likelihood as the independent judge."""
    column = np.append(np.random.default_rng(1).lognormal(size=80), np.nan)
    known = column[:-1]
    grid = np.linspace(-3, 3, 121)
    for how, judge, x in (
        ("boxcox", stats.boxcox_llf, known - known.min() + 1),
        ("yeojohnson", stats.yeojohnson_llf, known),
    ):
        power = likeliest_power(column, how)
        assert judge(power, x) >= max(judge(each, x) for each in grid)
        treated = transformed(column, Limits(), how)
        assert treated.power == power
        np.testing.assert_array_equal(treated.values, TRANSFORMS[how](column, power))


def test_winsorised_points_may_be_transformed_as_well() -> None:
    column = np.append(np.geomspace(1, 1e6, 30), np.nan)
    limits = Limits(0.5, 0.5)
    wins, moved = winsorise(column, 2, limits)
    assert fails(wins, limits)
    treated = winsorise_then(column, 2, limits, "log_plus_one", combine=True)
    np.testing.assert_allclose(treated.values, np.log(wins - 1 + 1))
    assert treated.words[:-1].tolist() == [
        "winhi+log_plus_one" if move else "log_plus_one" for move in moved[:-1]
    ]
    assert treated.words[-1] == ""
    assert (treated.points, treated.transform) == (2, "log_plus_one")


def test_the_moments_before_and_after_are_those_of_the_column_and_the_result() -> None:
    column = np.concatenate([np.linspace(1, 2, 60), [50.0, 60.0]])
    treated = winsorise_then(column, 1, Limits(), "boxcox", power=-1.0)
    assert treated.failed
    for at, values in enumerate((column, treated.values)):
        assert treated.skewness[at] == pytest.approx(stats.skew(values, bias=False))
        assert treated.kurtosis[at] == pytest.approx(stats.kurtosis(values, bias=False))
    assert (treated.points, treated.transform, treated.power) == (0, "boxcox", -1.0)


@given(columns)
def test_one_column_has_the_moments_that_it_has_among_others(column: np.ndarray) -> None:
    skewness, kurtosis = moments(np.column_stack([column, column]))
    treated = winsorise_then(column, 0, Limits(), None)
    np.testing.assert_allclose(treated.skewness, [skewness[0]] * 2, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(treated.kurtosis, [kurtosis[0]] * 2, rtol=1e-9, atol=1e-9)
