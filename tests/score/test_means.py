"""Means against COINr's figures, SciPy's means, repetition of values and arithmetic by hand."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from citygauge.score.means import arithmetic, generalised, geometric, harmonic, median, owa, whole_shares

NAN = float("nan")
BATCHED: dict[str, Callable[..., np.ndarray]] = {
    "arithmetic": arithmetic,
    "geometric": geometric,
    "harmonic": harmonic,
    "power 3": lambda values, weights: generalised(values, weights, 3),
    "power -2.5": lambda values, weights: generalised(values, weights, -2.5),
}


def one(
    values: list[float], weights: list[float], mean: Callable[..., np.ndarray], **options: float
) -> float:
    return float(mean(np.array([values]), np.array(weights)[:, None], **options)[0, 0])


def alone(
    values: list[float], weights: list[float], mean: Callable[..., np.ndarray], **options: float
) -> float:
    return float(mean(np.array([values]), np.array(weights, float), **options)[0])


@pytest.mark.parametrize(
    ("values", "weights", "expected_harmonic", "expected_square", "expected_inverse_square"),
    [
        ([3, 6], [1, 1], 4, 22.5**0.5, (36 * 9 * 2 / 45) ** 0.5),
        ([2, 4, 4], [2, 1, 1], 8 / 3, 10**0.5, 6.4**0.5),
        ([NAN, 8], [3, 1], 8, 8, 8),
        ([0, 8], [1, 1], 0, 32**0.5, 0),
        ([0, 0], [1, 1], 0, 0, 0),
        ([0, 8], [0, 1], 8, 8, 8),
        ([-1, 8], [0, 1], 8, 8, 8),
        ([-1, 8], [1, 1], NAN, NAN, NAN),
        ([-1, 0], [1, 1], NAN, NAN, NAN),
        ([NAN, NAN], [1, 1], NAN, NAN, NAN),
        ([5, 7], [0, 0], NAN, NAN, NAN),
        ([NAN, 7], [1, 0], NAN, NAN, NAN),
    ],
)
def test_means_by_hand(
    values: list[float],
    weights: list[float],
    expected_harmonic: float,
    expected_square: float,
    expected_inverse_square: float,
) -> None:
    assert one(values, weights, harmonic) == pytest.approx(expected_harmonic, nan_ok=True)
    assert one(values, weights, generalised, power=2) == pytest.approx(expected_square, nan_ok=True)
    assert one(values, weights, generalised, power=-2) == pytest.approx(expected_inverse_square, nan_ok=True)


def test_means_equal_the_cases_computed_with_coinr(reference: Callable[[str], Path]) -> None:
    """Becker et al. 2022, doi:10.21105/joss.04567; a_genmean is given no gaps there."""
    index, inputs, outputs = (
        pl.read_csv(reference(f"asem/function_cases_{part}.csv")) for part in ("index", "inputs", "outputs")
    )
    means = {"a_amean": arithmetic, "a_gmean": geometric, "a_hmean": harmonic}
    compared = 0
    for case, name, parameters in index.select("case", "fn", "params").iter_rows():
        if not name.startswith("a_"):
            continue
        rows = inputs.filter(pl.col("case") == case)
        values = rows["x"].cast(float).fill_null(NAN).to_list()
        weights = rows["second"].cast(float).to_list()
        expected = outputs.filter(pl.col("case") == case)["y"].cast(float).fill_null(NAN).item()
        if name == "a_genmean":
            found = one(values, weights, generalised, power=float(parameters.removeprefix("p=")))
        else:
            found = one(values, weights, means[name])
        assert found == pytest.approx(expected, rel=1e-12, nan_ok=True), case
        compared += 1
    assert compared == 35


scores = hnp.arrays(float, (5, 4), elements=st.floats(0.01, 100))
weight = hnp.arrays(float, (4,), elements=st.integers(1, 9).map(float))


@given(scores, weight, st.sampled_from([-700, -3.3, -1, -0.1, 0, 0.1, 0.5, 1, 2, 40]))
def test_power_means_equal_scipys(values: np.ndarray, weights: np.ndarray, power: float) -> None:
    weights_of_rows = np.broadcast_to(weights, values.shape)
    scale = values.max(axis=1) if power > 0 else values.min(axis=1)  # SciPy's overflow without
    expected = scale * stats.pmean(values / scale[:, None], power, axis=1, weights=weights_of_rows)
    np.testing.assert_allclose(generalised(values, weights[:, None], power)[:, 0], expected, rtol=1e-10)


@given(scores, weight)
def test_harmonic_and_geometric_means_equal_scipys(values: np.ndarray, weights: np.ndarray) -> None:
    weights_of_rows = np.broadcast_to(weights, values.shape)
    for mean, other in ((harmonic, stats.hmean), (geometric, stats.gmean)):
        expected = other(values, axis=1, weights=weights_of_rows)
        np.testing.assert_allclose(mean(values, weights[:, None])[:, 0], expected, rtol=1e-12)


@given(scores, weight)
def test_power_means_rise_with_the_power_from_the_worst_child_to_the_best(
    values: np.ndarray, weights: np.ndarray
) -> None:
    powers = [-1e6, -30, -1, -1e-9, 0, 1e-9, 0.7, 1, 3, 30, 1e6]
    means = np.array([generalised(values, weights[:, None], power)[:, 0] for power in powers])
    assert (np.diff(means, axis=0) >= -1e-12 * means[1:]).all()
    np.testing.assert_allclose(means[0], values.min(axis=1), rtol=1e-5)
    np.testing.assert_allclose(means[-1], values.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(means[[3, 5]], means[[4, 4]], rtol=1e-6)


@pytest.mark.parametrize("power", [-300, -1, 300, 1e6])
def test_a_parent_is_not_lost_beside_one_of_another_size(power: float) -> None:
    values = np.array([[1e-3, 1e-3, 1e9, 1e9], [1e200, 1e200, 1e-200, 1e-200]])
    weights = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    np.testing.assert_allclose(generalised(values, weights, power), values[:, ::2], rtol=1e-12)


@pytest.mark.parametrize("name", BATCHED)
def test_many_parents_at_once_are_each_as_if_alone(name: str) -> None:
    random = np.random.default_rng(5)
    values = np.where(random.random((20, 6)) < 0.2, NAN, random.random((20, 6)) + 0.1)
    weights = random.integers(0, 3, (6, 4)).astype(float)
    together = BATCHED[name](values, weights)
    for parent in range(4):
        members = weights[:, parent] > 0
        single = BATCHED[name](values[:, members], weights[members][:, [parent]])
        np.testing.assert_allclose(together[:, [parent]], single, rtol=1e-12)


def test_no_units_and_no_children_give_nothing_to_score() -> None:
    for mean in BATCHED.values():
        assert mean(np.empty((0, 3)), np.ones((3, 2))).shape == (0, 2)
        assert np.isnan(mean(np.empty((2, 0)), np.empty((0, 1)))).all()
    for sorting in (median, owa):
        assert sorting(np.empty((0, 3)), np.ones(3)).shape == (0,)
        assert np.isnan(sorting(np.ones((2, 1)), np.zeros(1))).all()
        assert np.isnan(sorting(np.full((2, 2), NAN), np.ones(2))).all()


gappy = hnp.arrays(float, (6, 5), elements=st.integers(-9, 9).map(float) | st.just(NAN))
counts = hnp.arrays(int, (5,), elements=st.integers(0, 4))


@given(gappy)
def test_a_median_with_equal_weights_is_numpys(values: np.ndarray) -> None:
    found = median(values, np.full(5, 0.1))
    for row, value in zip(values, found, strict=True):
        known = row[~np.isnan(row)]
        assert value == np.median(known) if known.size else np.isnan(value)


@given(gappy, counts)
def test_a_weighted_median_is_the_median_of_values_repeated_by_their_weights(
    values: np.ndarray, weights: np.ndarray
) -> None:
    found = median(values, weights / 7)
    for row, value in zip(values, found, strict=True):
        repeated = np.repeat(row, weights)
        known = repeated[~np.isnan(repeated)]
        assert value == np.median(known) if known.size else np.isnan(value)


def test_halves_of_decimal_weights_are_halves() -> None:
    assert alone([1, 2, 3], [0.1, 0.2, 0.3], median) == 2.5
    assert alone([1, 2, 3], [0.1, 0.7, 0.8], median) == 2.5
    assert alone([1, 2, 3], [0.1, 0.7, 0.80001], median) == 3


def test_ordered_weights_with_importances_by_hand() -> None:
    """The best 1 has 6 of 30, then 0.7 has 10, 0.6 has 9 and 0.5 has 5; squares 36, 256, 625, 900 of 900."""
    by_hand = Fraction(36 * 10 + 220 * 7 + 369 * 6 + 275 * 5, 9000)
    assert alone([0.7, 1, 0.5, 0.6], [1, 0.6, 0.5, 0.9], owa, orness=1 / 3) == pytest.approx(float(by_hand))


@given(gappy, counts, st.floats(0.02, 1))
def test_ordered_weights_add_up_what_the_quantifier_says_of_each_level(
    values: np.ndarray, weights: np.ndarray, orness: float
) -> None:
    """The Choquet integral: the least value, and each step above it by the weight of those that reach it."""
    found = owa(values, weights.astype(float), orness)
    for row, value in zip(values, found, strict=True):
        pairs = [(x, w) for x, w in zip(row, weights, strict=True) if w > 0 and not np.isnan(x)]
        if not pairs:
            assert np.isnan(value)
            continue
        total = sum(w for _, w in pairs)
        levels = sorted({x for x, _ in pairs})
        expected = levels[0]
        for low, high in pairwise(levels):
            share = sum(w for x, w in pairs if x >= high) / total
            expected += (high - low) * share ** (1 / orness - 1)
        assert value == pytest.approx(expected, abs=1e-9)


@given(gappy, counts)
def test_ordered_weights_at_one_half_are_the_arithmetic_mean(values: np.ndarray, weights: np.ndarray) -> None:
    expected = arithmetic(values, weights[:, None].astype(float))[:, 0]
    np.testing.assert_allclose(owa(values, weights.astype(float)), expected, atol=1e-12)


def test_ordered_weights_go_from_the_worst_child_to_the_best() -> None:
    found = [alone([3, 1, 2], [1, 1, 1], owa, orness=orness) for orness in (0.0001, 0.2, 0.5, 0.8, 1)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(1)
    assert found[2] == pytest.approx(2)
    assert found[-1] == 3


def test_whole_shares_are_equal_where_weights_are_and_come_to_all() -> None:
    assert set(whole_shares(np.full(49, 1 / 49)).tolist()) == {round(2**40 / 49)}
    shares = whole_shares(np.random.default_rng(1).random(52))
    assert abs(int(shares.sum()) - 2**40) <= 26
