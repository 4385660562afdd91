"""Normalisation against hand calculation, analytic cases and invariants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from citygauge.framework.rubric import parse_rubric
from citygauge.score.normalise import (
    ampi,
    borda,
    distance_to_max,
    distance_to_reference,
    distance_to_target,
    fraction_of_max,
    goalposts,
    minmax,
    percentile_rank,
    rank,
    rubric,
    scaled,
    vector,
    zscore,
)

ONE = np.array([1.0])
columns = hnp.arrays(
    float,
    st.tuples(st.integers(2, 12), st.integers(1, 4)),
    elements=st.integers(-1000, 1000).map(float) | st.just(float("nan")),
)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_minmax_by_hand() -> None:
    values = column(2, 4, 10, np.nan)
    np.testing.assert_allclose(minmax(values, ONE, 0, 100).ravel(), [0, 25, 100, np.nan])
    np.testing.assert_allclose(minmax(values, -ONE, 1, 100).ravel(), [100, 75.25, 1, np.nan])


def test_zscore_has_the_mean_and_deviation_it_is_asked_for() -> None:
    scores = zscore(column(3, 5, 7, 13), ONE, 10, 2)
    assert scores.mean() == pytest.approx(10)
    assert scores.std(ddof=1) == pytest.approx(2)


@pytest.mark.parametrize("values", [column(5, 5, 5), column(7), column(np.nan, np.nan), column(0.1 + 0.2)])
def test_a_column_without_spread_has_no_relative_score(values: np.ndarray) -> None:
    assert np.isnan(minmax(values, ONE)).all()
    assert np.isnan(zscore(values, ONE)).all()


def test_goalposts_do_not_need_spread_and_know_the_direction() -> None:
    posts = (np.array([0.0]), np.array([10.0]))
    values = column(2, 12, -3)
    np.testing.assert_allclose(goalposts(values, ONE, posts).ravel(), [0.2, 1, 0])
    np.testing.assert_allclose(goalposts(values, -ONE, posts).ravel(), [0.8, 0, 1])
    np.testing.assert_allclose(goalposts(values, ONE, posts, (0, 100), cut=False).ravel(), [20, 120, -30])


def test_the_education_index_of_undps_technical_note_example() -> None:
    """HDR technical note 1: 18 expected and 15 mean years are the posts; 12.3 of 18 years gives 0.683."""
    share = goalposts(column(12.3), ONE, (np.array([0.0]), np.array([18.0])))
    assert share[0, 0] == pytest.approx(0.6833, abs=5e-5)


def test_a_rubric_scores_its_levels_and_nothing_else() -> None:
    levels = parse_rubric("0: 无 | none ; 1: 部分 | partial ; 3=0.9: 完整 | complete")
    scores = rubric(column(0, 1, 3, 2, np.nan), [levels], (0, 100)).ravel()
    np.testing.assert_allclose(scores, [0, 100 / 3, 90, np.nan, np.nan])


@given(columns, st.sampled_from([1.0, -1.0]))
def test_minmax_stays_on_its_range_and_turns_with_the_direction(values: np.ndarray, sign: float) -> None:
    direction = np.full(values.shape[1], sign)
    scores = minmax(values, direction, 0, 100)
    assert not (scores < 0).any()
    assert not (scores > 100 + 1e-9).any()
    np.testing.assert_allclose(scores, 100 - minmax(values, -direction, 0, 100), atol=1e-9)


DIRECTIONS = st.sampled_from([1.0, -1.0])
NONE = np.array([np.nan])
# Every method as a function of values and direction, with fixed rules for those that need one.
METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "minmax": minmax,
    "zscore": zscore,
    "zscore_n": lambda x, d: zscore(x, d, 100, 10, "n"),
    "scaled": scaled,
    "vector": vector,
    "rank": rank,
    "rank_average": lambda x, d: rank(x, d, "average"),
    "rank_max": lambda x, d: rank(x, d, "max"),
    "borda": borda,
    "percentile_rank": percentile_rank,
    "distance_to_max": distance_to_max,
    "distance_to_reference": lambda x, d: distance_to_reference(x, d, np.full(d.shape, 12.5)),
    "distance_to_reference_cut": lambda x, d: distance_to_reference(x, d, np.full(d.shape, 12.5), cut=True),
    "distance_to_target": lambda x, d: distance_to_target(
        x, d, (np.full(d.shape, np.nan), np.full(d.shape, 12.5))
    ),
    "distance_to_target_uncut": lambda x, d: distance_to_target(
        x, d, (np.full(d.shape, 12.5), np.full(d.shape, np.nan)), cut=False
    ),
    "fraction_of_max": fraction_of_max,
    "goalposts": lambda x, d: goalposts(x, d, (np.full(d.shape, -500.0), np.full(d.shape, 500.0))),
    "ampi": ampi,
}
# What a change of the unit of measure, factor and shift, leaves as it is; a factor alone leaves more.
AFFINE = ("minmax", "zscore", "zscore_n", "rank", "rank_average", "rank_max", "borda", "percentile_rank",
          "distance_to_max", "ampi")  # fmt: skip
RATIO = (*AFFINE, "vector", "fraction_of_max")


@given(columns, DIRECTIONS, st.sampled_from(list(METHODS)))
def test_a_better_value_never_scores_lower_by_any_method(values: np.ndarray, sign: float, how: str) -> None:
    scores = METHODS[how](values, np.full(values.shape[1], sign))
    assert not np.isinf(scores).any()
    for raw, scored in zip(values.T, scores.T, strict=True):
        known = ~np.isnan(raw)
        order = np.argsort(sign * raw[known], kind="stable")
        kept = scored[known][order]
        assert np.isnan(scored[~known]).all()
        assert np.isnan(kept).all() or (np.diff(kept) >= -1e-9 * max(1, np.abs(kept).max())).all()
        equal = np.diff(raw[known][order]) == 0
        assert np.isnan(kept).all() or (np.diff(kept)[equal] == 0).all()


@given(columns, DIRECTIONS, st.integers(1, 50), st.integers(-50, 50), st.sampled_from(RATIO))
def test_relative_methods_do_not_change_with_the_unit_of_measure(
    values: np.ndarray, sign: float, factor: int, shift: int, how: str
) -> None:
    direction = np.full(values.shape[1], sign)
    other = values * factor + (shift if how in AFFINE else 0)
    np.testing.assert_allclose(METHODS[how](other, direction), METHODS[how](values, direction), atol=1e-7)


@given(columns, DIRECTIONS, st.sampled_from(list(METHODS)))
def test_the_order_of_the_units_does_not_matter_to_any_method(
    values: np.ndarray, sign: float, how: str
) -> None:
    order = np.random.default_rng(7).permutation(values.shape[0])
    direction = np.full(values.shape[1], sign)
    np.testing.assert_allclose(
        METHODS[how](values[order], direction), METHODS[how](values, direction)[order], rtol=1e-9, atol=1e-9
    )


@given(columns, st.sampled_from(list(METHODS)))
def test_each_column_is_normalised_by_itself(values: np.ndarray, how: str) -> None:
    direction = np.where(np.arange(values.shape[1]) % 2, 1.0, -1.0)
    together = METHODS[how](values, direction)
    for at in range(values.shape[1]):
        alone = METHODS[how](values[:, [at]], direction[[at]])
        np.testing.assert_allclose(together[:, [at]], alone, rtol=1e-12)


@pytest.mark.parametrize("how", METHODS)
@pytest.mark.parametrize("values", [column(), column(np.nan), column(5), column(5, 5, np.nan), column(0, 0)])
def test_no_method_warns_of_a_column_that_says_nothing(how: str, values: np.ndarray) -> None:
    given = values.copy()
    for direction in (ONE, -ONE):
        scores = METHODS[how](values, direction)
        assert scores.shape == values.shape
        assert np.isnan(scores[np.isnan(values)]).all()
        assert not np.isinf(scores).any()
    np.testing.assert_array_equal(values, given)


@given(columns, DIRECTIONS, st.sampled_from(["min", "average", "max"]))
def test_ranks_equal_those_of_scipy(values: np.ndarray, sign: float, ties: str) -> None:
    own = rank(values, np.full(values.shape[1], sign), ties)  # type: ignore[arg-type]
    np.testing.assert_array_equal(own, rankdata(sign * values, ties, axis=0, nan_policy="omit"))


def test_ties_that_a_computer_splits_are_ties() -> None:
    split = column(0.1 + 0.2, 0.3, 0.5, 0.1)
    np.testing.assert_array_equal(rank(split, ONE).ravel(), [2, 2, 4, 1])
    np.testing.assert_array_equal(rank(split, -ONE, "max").ravel(), [3, 3, 1, 4])
    np.testing.assert_array_equal(borda(split, ONE, "average").ravel(), [1.5, 1.5, 3, 0])
    np.testing.assert_allclose(percentile_rank(split, ONE, "max", (0, 100)).ravel() * 3, [200, 200, 300, 0])


def test_the_deviation_of_a_population_divides_by_n() -> None:
    scores = zscore(column(2, 4, 4, 4, 5, 5, 7, 9), ONE, 100, 10, "n")  # population deviation 2, mean 5
    np.testing.assert_allclose(scores.ravel(), [85, 95, 95, 95, 100, 100, 110, 120])


def test_vector_normalisation_equals_that_of_pymcdm_and_has_length_one() -> None:
    from pymcdm.normalizations import vector_normalization  # noqa: PLC0415 - slow to import

    values = np.random.default_rng(5).lognormal(size=(9, 3))
    own = vector(values, np.ones(3))
    for at in range(3):
        np.testing.assert_allclose(own[:, at], vector_normalization(values[:, at]))
    np.testing.assert_allclose((vector(values, -np.ones(3)) ** 2).sum(axis=0), 1)
    np.testing.assert_array_equal(vector(values, -np.ones(3)), -own)


def test_ampi_puts_the_reference_at_100_and_spans_60() -> None:
    """Mazziotta and Pareto 2016: goalposts at the reference less and plus half the range, 70 and 130."""
    values = column(10, 20, 40, np.nan)
    np.testing.assert_allclose(ampi(values, ONE, np.array([20.0])).ravel(), [80, 100, 140, np.nan])
    np.testing.assert_allclose(ampi(values, -ONE, np.array([20.0])).ravel(), [120, 100, 60, np.nan])
    of_all_years = ampi(values, ONE, np.array([20.0]), (np.array([0.0]), np.array([60.0])))
    np.testing.assert_allclose(of_all_years.ravel(), [90, 100, 120, np.nan])
    assert np.nanmean(ampi(values, ONE)) == pytest.approx(100)
    assert np.nanmax(ampi(values, ONE)) - np.nanmin(ampi(values, ONE)) == pytest.approx(60)


def test_ampi_is_its_formula_with_the_goalposts_spelt_out() -> None:
    values = np.random.default_rng(2).normal(size=(12, 4))
    reference, half = values[3], (values.max(axis=0) - values.min(axis=0)) / 2
    low, high = reference - half, reference + half
    up, down = 70 + 60 * (values - low) / (high - low), 70 + 60 * (high - values) / (high - low)
    np.testing.assert_allclose(ampi(values, np.ones(4), reference), up)
    np.testing.assert_allclose(ampi(values, -np.ones(4), reference), down)


def test_scaled_turns_round_between_its_ends() -> None:
    values = column(0, 10, 50, 60)
    np.testing.assert_allclose(scaled(values, ONE, 0, 50, 10).ravel(), [0, 2, 10, 12])
    np.testing.assert_allclose(scaled(values, -ONE, 0, 50, 10).ravel(), [10, 8, 0, -2])


def test_the_distance_to_a_reference_by_hand() -> None:
    values = column(10, 20, 30, np.nan)
    twenty = np.array([20.0])
    np.testing.assert_allclose(distance_to_reference(values, ONE, twenty).ravel(), [0, 1, 2, np.nan])
    np.testing.assert_allclose(distance_to_reference(values, -ONE, twenty).ravel(), [2, 1, 0, np.nan])
    cut = distance_to_reference(values, -ONE, twenty, (0, 100), cut=True)
    np.testing.assert_allclose(cut.ravel(), [100, 100, 0, np.nan])


@pytest.mark.parametrize("reference", [10.0, 10 + 1e-14, 5.0, np.nan])
def test_there_is_no_distance_to_a_reference_that_is_no_better_than_the_worst(reference: float) -> None:
    assert np.isnan(distance_to_reference(column(10, 20, 30), ONE, np.array([reference]))).all()


def test_the_distance_to_a_single_target_by_hand() -> None:
    values = column(10, 20, 30, np.nan)
    for targets in ((NONE, np.array([25.0])), (np.array([25.0]), NONE)):
        np.testing.assert_allclose(distance_to_target(values, ONE, targets).ravel(), [0, 2 / 3, 1, np.nan])
        np.testing.assert_allclose(
            distance_to_target(values, ONE, targets, (0, 30), cut=False).ravel(), [0, 20, 40, np.nan]
        )
        np.testing.assert_allclose(distance_to_target(values, -ONE, targets).ravel(), [1, 1, 0, np.nan])


def test_a_target_that_all_have_passed_is_met_by_all() -> None:
    values, target = column(10, 20, np.nan), (NONE, np.array([5.0]))
    np.testing.assert_array_equal(distance_to_target(values, ONE, target, (0, 9)).ravel(), [9, 9, np.nan])
    assert np.isnan(distance_to_target(values, ONE, target, cut=False)).all()
    assert np.isnan(distance_to_target(values, ONE, (NONE, np.array([10.0])))).all()


@pytest.mark.parametrize("direction", [ONE, -ONE])
@pytest.mark.parametrize("cut", [True, False])
def test_a_target_band_falls_off_to_both_sides(direction: np.ndarray, cut: bool) -> None:
    values = column(0, 5, 10, 15, 20, 30, 60, np.nan)
    band = np.array([10.0]), np.array([20.0])
    own = distance_to_target(values, direction, band, (0, 100), cut=cut).ravel()
    np.testing.assert_allclose(own, [0, 50, 100, 100, 100, 75, 0, np.nan])
    inside = distance_to_target(column(12, 15, 15), direction, band).ravel()
    np.testing.assert_array_equal(inside, [1, 1, 1])
    above = distance_to_target(column(25, 30), direction, band).ravel()
    np.testing.assert_allclose(above, [0.5, 0])


def test_the_fraction_of_the_maximum_knows_the_direction() -> None:
    values = column(2, 5, 10, np.nan)
    np.testing.assert_allclose(fraction_of_max(values, ONE, (0, 100)).ravel(), [20, 50, 100, np.nan])
    np.testing.assert_allclose(fraction_of_max(values, -ONE).ravel(), [1, 0.4, 0.2, np.nan])
    np.testing.assert_array_equal(fraction_of_max(column(0, 5, 0), -ONE).ravel(), [1, 0, 1])
    np.testing.assert_allclose(fraction_of_max(column(-2, 4), ONE).ravel(), [-0.5, 1])
    assert np.isnan(fraction_of_max(column(-2, 4), -ONE)).all()
    assert np.isnan(fraction_of_max(column(-2, -4), ONE)).all()
    assert np.isnan(fraction_of_max(column(0, 0), ONE)).all()


def test_the_units_with_the_best_and_the_worst_value_get_the_ends_exactly() -> None:
    values = np.random.default_rng(8).lognormal(size=(50, 20))
    for scores in (
        minmax(values, np.ones(20), 1, 10),
        distance_to_max(values, -np.ones(20), (1, 10)),
        percentile_rank(values, np.ones(20), onto=(1, 10)),
    ):
        assert (scores.min(axis=0) == 1).all()
        assert (scores.max(axis=0) == 10).all()
