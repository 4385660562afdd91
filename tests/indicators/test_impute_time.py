"""Estimates from other periods: against NumPy's interpolation, pandas' filling and hand calculation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from citygauge.indicators.impute_time import latest, linear, step, times

NAN = np.nan
figures = st.one_of(st.just(NAN), st.integers(-100, 100).map(float))
years = st.lists(st.integers(1990, 2030), min_size=1, max_size=6, unique=True)


@st.composite
def panels(draw):
    """Return values (n_periods, 2, 3), times in any order, and the place of the one to be filled."""
    when = draw(years)
    values = draw(arrays(float, (len(when), 2, 3), elements=figures))
    return values, np.array(when, float), draw(st.integers(0, len(when) - 1))


@settings(max_examples=60, deadline=None)
@given(panel=panels())
def test_a_line_is_numpys_interpolation(panel):
    values, when, at = panel
    found = linear(values, when, when[at])
    order = np.argsort(when)
    for cell in np.ndindex(values.shape[1:]):
        series = values[(order, *cell)]
        known = ~np.isnan(series)
        if not known.any():
            assert np.isnan(found.values[cell])
            assert (found.first[cell], found.last[cell]) == (-1, -1)
            continue
        want = np.interp(when[at], when[order][known], series[known])
        assert found.values[cell] == pytest.approx(want, rel=1e-9, abs=1e-9)
        ends = when[found.first[cell]], when[found.last[cell]]
        assert ends[0] <= ends[1]
        assert not np.isnan(values[(found.first[cell], *cell)] + values[(found.last[cell], *cell)])


@settings(max_examples=60, deadline=None)
@given(panel=panels())
def test_the_latest_value_and_the_step_are_pandas_forward_and_backward_filling(panel):
    values, when, at = panel
    flat = pd.DataFrame(values.reshape(len(when), -1), index=when).sort_index()
    for kernel, want in ((latest, flat.ffill()), (step, flat.ffill().bfill())):
        found = kernel(values, when, when[at])
        np.testing.assert_array_equal(found.values.ravel(), want.loc[when[at]].to_numpy())
        for cell in np.argwhere(found.first >= 0):
            assert found.values[tuple(cell)] == values[(found.first[tuple(cell)], *cell)]
        np.testing.assert_array_equal(found.first, found.last)
        np.testing.assert_array_equal(found.first < 0, np.isnan(found.values))


@settings(max_examples=40, deadline=None)
@given(panel=panels(), longest=st.integers(1, 20))
def test_a_value_too_long_ago_is_not_taken(panel, longest):
    values, when, at = panel
    any_age, recent = latest(values, when, when[at]), latest(values, when, when[at], longest)
    old = (any_age.first >= 0) & (when[at] - when[any_age.first] > longest)
    np.testing.assert_array_equal(recent.values, np.where(old, NAN, any_age.values))
    np.testing.assert_array_equal(recent.first, np.where(old, -1, any_age.first))


def test_years_between_count_in_full():
    values = np.array([10.0, NAN, 40.0])[:, None, None]
    found = linear(values, np.array([2015.0, 2016.0, 2020.0]), 2016.0)
    assert found.values[0, 0] == pytest.approx(16)
    assert (found.first[0, 0], found.last[0, 0]) == (0, 2)
    assert latest(values, np.array([2015.0, 2016.0, 2020.0]), 2020.0, 1).values[0, 0] == 40


def test_no_period_gives_no_estimate():
    for kernel in (latest, linear, step):
        assert np.isnan(kernel(np.empty((0, 1, 2)), np.empty(0), 2020.0).values).all()


@pytest.mark.parametrize(
    ("periods", "when", "in_years"),
    [
        (["2021", "2018"], [2021, 2018], True),
        (["2021.5", "2021"], [2021.5, 2021], True),
        (["2021-Q2", "2021-Q1", "2022-Q1"], [1, 0, 2], False),
        (["2021", "2021-06"], [0, 1], False),
        (["1e3", "2021"], [0, 1], False),
        (["nan"], [0], False),
    ],
)
def test_periods_stand_at_their_years_or_in_the_order_of_their_text(periods, when, in_years):
    found, said = times(periods)
    assert found.tolist() == when
    assert said is in_years
