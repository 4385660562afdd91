"""Estimates from the same period: against NumPy, scikit-learn, hand calculation and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from citygauge.indicators.impute import (
    fillable,
    group_mean,
    group_median,
    impute,
    knn,
    mean,
    median,
    row_mean,
    standardised,
    to_levels,
)
from citygauge.indicators.table import (
    DERIVED,
    IMPUTED,
    MISSING,
    NOT_APPLICABLE,
    NOT_MEASURABLE,
    OBSERVED,
    VALUE,
    Table,
)

NAN = np.nan
figures = st.one_of(st.just(NAN), st.integers(-1000, 1000).map(float))
grids = arrays(float, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=figures)


def of_known(values: np.ndarray, statistic) -> list[float]:
    known = [column[~np.isnan(column)] for column in values.T]
    return [statistic(column) if len(column) else NAN for column in known]


@settings(max_examples=60, deadline=None)
@given(values=grids)
def test_mean_and_median_are_numpys_over_what_is_known(values):
    for kernel, statistic in ((mean, np.mean), (median, np.median)):
        np.testing.assert_allclose(
            kernel(values), np.tile(of_known(values, statistic), (len(values), 1)), atol=1e-9
        )


@settings(max_examples=40, deadline=None)
@given(values=grids, data=st.data())
def test_one_group_of_all_units_gives_what_no_groups_give(values, data):
    np.testing.assert_allclose(group_mean(values, ["g"] * len(values)), mean(values))
    np.testing.assert_allclose(group_median(values, ["g"] * len(values)), median(values))
    groups = data.draw(
        st.lists(st.sampled_from(["a", "b", None]), min_size=len(values), max_size=len(values))
    )
    own = group_median(values, groups)
    for row, group in enumerate(groups):
        members = values[[other == group for other in groups]]
        want = of_known(members, np.median) if group is not None else [NAN] * values.shape[1]
        np.testing.assert_allclose(own[row], want)


def test_the_mean_is_that_of_the_known_values_of_the_group() -> None:
    values = np.array([[1.0, NAN], [3.0, NAN], [NAN, 4.0], [10.0, 8.0]])
    means = group_mean(values, ["a", "a", "a", "b"])
    np.testing.assert_allclose(means, [[2, 4], [2, 4], [2, 4], [10, 8]])


def test_a_group_that_knows_nothing_gives_nothing() -> None:
    assert np.isnan(group_mean(np.array([[NAN], [5.0]]), ["a", "b"])[0, 0])


def test_a_unit_without_a_group_gets_no_estimate() -> None:
    means = group_mean(np.array([[2.0], [4.0], [90.0]]), [None, None, "a"])
    np.testing.assert_allclose(means.ravel(), [NAN, NAN, 90])


@pytest.mark.parametrize("kernel", [mean, median])
def test_no_units_give_no_estimates(kernel) -> None:
    assert kernel(np.empty((0, 3))).shape == (0, 3)


def test_a_row_mean_leaves_the_column_itself_and_other_families_out():
    values = np.array([[1.0, 3.0, NAN, 100.0], [NAN, NAN, 7.0, 1.0]])
    means = row_mean(values, ["P", "P", "P", "Q"])
    np.testing.assert_allclose(means, [[3, 1, 2, NAN], [7, 7, NAN, NAN]])


def test_a_row_mean_on_a_common_scale_by_hand():
    """a 0…10 better high, b 0…1000 better low: the last unit is at 0.7 of a, so at 300 of b."""
    values = np.array([[0.0, 0.0], [10.0, 1000.0], [7.0, NAN]])
    means = row_mean(values, ["P", "P"], np.array([1.0, -1.0]))
    assert means[2, 1] == pytest.approx(300)


@settings(max_examples=40, deadline=None)
@given(values=grids, factor=st.sampled_from([0.001, 2.0, 1e4]), shift=st.integers(-50, 50))
def test_on_a_common_scale_units_of_measure_do_not_matter(values, factor, shift):
    families = ["P"] * values.shape[1]
    direction = np.where(np.arange(values.shape[1]) % 2, 1.0, -1.0)
    other = values.copy()
    other[:, 0] = other[:, 0] * factor + shift
    first, second = row_mean(values, families, direction), row_mean(other, families, direction)
    first[:, 0] = first[:, 0] * factor + shift
    np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-6)


def test_a_column_without_spread_says_nothing_on_others_and_is_its_own_estimate():
    values = np.array([[4.0, 0.0, 0.0], [4.0, 1.0, 10.0], [4.0, 0.5, NAN], [NAN, 1.0, NAN]])
    means = row_mean(values, ["P"] * 3, np.ones(3))
    np.testing.assert_allclose(means[2:, 2], [5, 10])
    assert means[3, 0] == 4


def test_knn_is_that_of_scikit_learn_on_standardised_columns():
    impute_of = pytest.importorskip("sklearn.impute")
    rng = np.random.default_rng(5)
    values = rng.normal(size=(40, 7)) * 10.0 ** np.arange(7) + 3
    values[rng.random(values.shape) < 0.15] = NAN
    centre, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    for neighbours in (1, 3, 5, 100):
        learner = impute_of.KNNImputer(n_neighbors=neighbours)
        want = learner.fit_transform((values - centre) / spread) * spread + centre
        estimates, donors = knn(values, neighbours)
        np.testing.assert_allclose(estimates, want, rtol=1e-9)
        gaps = np.nonzero(np.isnan(values))
        able = (~np.isnan(values)).sum(axis=0)[gaps[1]]
        np.testing.assert_array_equal(donors.sum(axis=1), np.minimum(neighbours, able))
        for gap, (row, column) in enumerate(zip(*gaps, strict=True)):
            assert estimates[row, column] == pytest.approx(values[donors[gap], column].mean())


@settings(max_examples=40, deadline=None)
@given(values=grids, neighbours=st.integers(1, 4), data=st.data())
def test_the_order_of_units_does_not_matter_to_knn_even_at_ties(values, neighbours, data):
    order = data.draw(st.permutations(range(len(values))))
    first, second = knn(values, neighbours)[0], knn(values[order], neighbours)[0]
    np.testing.assert_allclose(first[order], second, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(values=grids, factor=st.sampled_from([0.001, -2.0, 1e4]))
def test_units_of_measure_do_not_matter_to_knn(values, factor):
    other = values.copy()
    other[:, 0] *= factor
    first, second = knn(values, 2)[0], knn(other, 2)[0]
    first[:, 0] *= factor
    np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-9)


def test_knn_takes_all_units_that_are_as_near_as_the_last_one():
    values = np.array([[0.0, 1.0], [2.0, 5.0], [9.0, 100.0], [1.0, NAN]])
    estimates, donors = knn(values, 1)
    assert estimates[3, 1] == 3
    assert donors[0].tolist() == [True, True, False, False]


def test_knn_leaves_what_nobody_can_tell():
    nothing_shared = np.array([[1.0, NAN], [2.0, NAN], [NAN, 5.0], [NAN, 6.0]])
    assert np.isnan(knn(nothing_shared)[0]).tolist() == np.isnan(nothing_shared).tolist()
    assert np.isnan(knn(np.array([[1.0, NAN]]))[0][0, 1])
    assert np.isnan(knn(np.full((3, 2), NAN))[0]).all()


def test_a_constant_column_is_filled_with_its_value_by_knn_and_moves_no_distance():
    values = np.array([[1.0, 7.0, 10.0], [2.0, 7.0, 20.0], [9.0, NAN, 90.0], [1.1, 7.0, NAN]])
    estimates, _ = knn(values, 1)
    assert (estimates[2, 1], estimates[3, 2]) == (7, 10)


def test_standardised_columns_have_mean_zero_and_deviation_one():
    values = np.array([[1.0, 5.0, NAN], [3.0, NAN, NAN], [8.0, 5.0, NAN]])
    scaled, centre, spread = standardised(values)
    assert scaled[:, 0].mean() == pytest.approx(0)
    assert scaled[:, 0].std() == pytest.approx(1)
    np.testing.assert_allclose(scaled[:, 1], [0, NAN, 0])
    np.testing.assert_allclose(centre, [4, 5, NAN])
    np.testing.assert_allclose(spread, [values[:, 0].std(), 0, NAN])


def test_the_mean_of_a_column_without_spread_leaves_no_deviation_by_rounding():
    assert standardised(np.array([[0.1], [0.1], [0.1]]))[2][0] == 0


def test_an_estimate_becomes_the_nearest_level_the_lower_one_half_way():
    levels = to_levels(np.array([-3.0, 0.5, 0.51, 1.4, 9.0, NAN]), [3, 1, 0])
    np.testing.assert_allclose(levels, [0, 0, 1, 1, 3, NAN])
    assert to_levels(np.array([0.4]), [])[0] == 0.4


def test_only_gaps_are_filled_and_they_are_marked():
    values = np.array([[1.0, NAN, NAN, NAN]])
    states = np.array([[VALUE, MISSING, NOT_APPLICABLE, NOT_MEASURABLE]], np.int8)
    table = Table(("u",), tuple("abcd"), values, states, np.array([[DERIVED] * 4], np.int8))
    assert fillable(table).tolist() == [[False, True, False, True]]
    filled = impute(table, np.full((1, 4), 9.0))
    np.testing.assert_allclose(filled.values, [[1, 9, NAN, 9]])
    assert filled.states.tolist() == [[VALUE, VALUE, NOT_APPLICABLE, VALUE]]
    assert filled.origins.tolist() == [[DERIVED, IMPUTED, DERIVED, IMPUTED]]
    assert np.isnan(table.values[0, 1])
    assert impute(table, np.full((1, 4), NAN)).states[0, 1] == MISSING != OBSERVED
