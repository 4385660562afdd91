"""Estimates by regression: where the truth is known, and by their properties."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

from citygauge import InputError
from citygauge.indicators import impute_learn
from citygauge.indicators.impute_learn import draws, iterative

pytest.importorskip("sklearn")
NAN = np.nan


def correlated(units: int = 60, seed: int = 3, missing: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Return a table whose columns share one factor, with gaps, and the truth."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(units, 1))
    truth = factor * [1, 2, -1, 5] + rng.normal(scale=0.3, size=(units, 4)) * [1, 2, 1, 5] + [0, 10, 5, 100]
    gaps = rng.random(truth.shape) < missing
    gaps[0] = False
    return np.where(gaps, NAN, truth), truth


def test_a_column_that_is_a_line_of_another_is_restored():
    x = np.linspace(0, 10, 30)
    values = np.column_stack([x, 3 * x + 1])
    values[[4, 17], 1] = NAN
    estimates, settled = iterative(values)
    np.testing.assert_allclose(estimates[[4, 17], 1], 3 * x[[4, 17]] + 1, rtol=1e-3)
    assert settled


def test_regressions_come_nearer_to_the_truth_than_means():
    values, truth = correlated()
    gaps = np.isnan(values)
    spread = truth.std(axis=0)
    error = ((iterative(values)[0] - truth) / spread)[gaps]
    of_means = ((np.nanmean(values, axis=0) - truth) / spread)[gaps]
    assert np.sqrt((error**2).mean()) < 0.5 * np.sqrt((of_means**2).mean())


def test_known_values_stay_to_the_last_digit():
    values, _ = correlated()
    known = ~np.isnan(values)
    np.testing.assert_array_equal(iterative(values)[0][known], values[known])
    np.testing.assert_array_equal(iterative(values, 1, 2)[0][known], values[known])


@pytest.mark.parametrize("draw", [None, 1])
def test_units_of_measure_do_not_matter(draw):
    values, _ = correlated()
    scale, shift = np.array([1e-3, 1.0, 1e6, 7.0]), np.array([0.0, 5.0, -3.0, 1e3])
    first, second = iterative(values, 0, draw)[0], iterative(values * scale + shift, 0, draw)[0]
    np.testing.assert_allclose((first * scale + shift), second, rtol=1e-6)


def test_estimates_stay_in_the_range_of_what_is_known():
    rng = np.random.default_rng(1)
    x = rng.random(50)
    values = np.column_stack([np.append(x, [5.0, -5.0]), np.append(x, [NAN, NAN])])  # far outside
    for draw in (None, 1, 2):
        estimates = iterative(values, 0, draw)[0][-2:, 1]
        assert (estimates >= x.min()).all()
        assert (estimates <= x.max()).all()
    np.testing.assert_allclose(iterative(values)[0][-2:, 1], [x.max(), x.min()])


def test_empty_and_constant_columns():
    values, _ = correlated()
    odd = np.column_stack([values, np.full(60, NAN), np.full(60, 7.0)])
    odd[5, 5] = NAN
    estimates, _ = iterative(odd)
    assert np.isnan(estimates[:, 4]).all()
    assert (estimates[:, 5] == 7).all()
    np.testing.assert_allclose(estimates[:, :4], iterative(values)[0], rtol=1e-9)


def test_the_only_column_is_filled_with_its_mean_or_drawn_from_its_spread():
    values = np.array([[1.0], [2.0], [6.0], [NAN]])
    assert iterative(values)[0][3, 0] == pytest.approx(3)
    drawn = draws(values, 5)[:, 3, 0]
    assert len(set(drawn)) == 5
    assert ((drawn >= 1) & (drawn <= 6)).all()


def test_one_unit_and_no_known_value():
    assert np.isnan(iterative(np.array([[1.0, NAN]]))[0][0, 1])
    assert np.isnan(iterative(np.full((3, 2), NAN))[0]).all()


def test_a_draw_depends_on_its_number_and_the_seed_alone():
    values, _ = correlated()
    many, few = draws(values, 4, seed=7), draws(values, 2, seed=7)
    np.testing.assert_array_equal(many[:2], few)
    np.testing.assert_array_equal(many[2], iterative(values, 7, 3)[0])
    gaps = np.isnan(values)
    inside = gaps & (many[0] > np.nanmin(values, axis=0)) & (many[0] < np.nanmax(values, axis=0))
    assert inside.sum() > gaps.sum() / 2
    assert (many[0][inside] != many[1][inside]).all()
    assert (many[0][inside] != draws(values, 1, seed=8)[0][inside]).all()
    assert draws(values, 0).shape == (0, *values.shape)


def test_the_expectation_takes_no_chances():
    values, _ = correlated()
    np.random.seed(1)
    first = iterative(values, 1)[0]
    np.random.seed(2)
    np.testing.assert_array_equal(first, iterative(values, 2)[0])


def test_draws_spread_round_the_expectation_as_wide_as_the_noise():
    values, truth = correlated(units=80, missing=0.0)
    values[3, 1] = NAN
    drawn = draws(values, 30)[:, 3, 1]
    others = np.column_stack([np.ones(80), truth[:, [0, 2, 3]]])
    known = np.arange(80) != 3
    coefficients, residual, *_ = np.linalg.lstsq(others[known], truth[known, 1], rcond=None)
    noise = np.sqrt(residual[0] / (79 - 4))
    assert drawn.mean() == pytest.approx(others[3] @ coefficients, abs=0.5 * noise)
    assert 0.6 * noise < drawn.std() < 1.5 * noise


def test_rounds_that_do_not_settle_are_told_and_not_warned_of(monkeypatch):
    values, _ = correlated()
    monkeypatch.setattr(impute_learn, "_ROUNDS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimates, settled = iterative(values)
    assert not settled
    assert not np.isnan(estimates).any()


def test_without_scikit_learn_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.experimental", None)
    with pytest.raises(InputError) as caught:
        iterative(correlated()[0])
    (problem,) = caught.value.problems
    assert problem.code == "impute.no-learn"
    assert all('pip install "citygauge[learn]"' in problem.hint(language) for language in ("en", "zh"))


def test_a_table_without_gaps_needs_no_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.experimental", None)
    values = correlated(missing=0.0)[0]
    np.testing.assert_array_equal(iterative(values)[0], values)
