"""Group means against hand calculation."""

from __future__ import annotations

import numpy as np

from citygauge.indicators.impute import group_mean

NAN = np.nan


def test_the_mean_is_that_of_the_known_values_of_the_group() -> None:
    values = np.array([[1.0, NAN], [3.0, NAN], [NAN, 4.0], [10.0, 8.0]])
    means = group_mean(values, ["a", "a", "a", "b"])
    np.testing.assert_allclose(means, [[2, 4], [2, 4], [2, 4], [10, 8]])


def test_a_group_that_knows_nothing_gives_nothing() -> None:
    assert np.isnan(group_mean(np.array([[NAN], [5.0]]), ["a", "b"])[0, 0])


def test_a_unit_without_a_group_gets_no_estimate() -> None:
    means = group_mean(np.array([[2.0], [4.0], [90.0]]), [None, None, "a"])
    np.testing.assert_allclose(means.ravel(), [NAN, NAN, 90])
