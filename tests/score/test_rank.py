"""Ranks: the contract's rule for ties, held against a plain reference."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from citygauge.score import rank as module
from citygauge.score.rank import rank, rounded


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_one_is_the_highest_and_ties_share_the_smallest_rank() -> None:
    assert rank(column(5, 9, 5, np.nan, 1)).ravel().tolist() == [2, 1, 2, 0, 4]


def test_sums_that_differ_in_their_last_bits_are_ties() -> None:
    assert rank(column(0.1 + 0.2, 0.3, 0.7 + 0.1, 0.8)).ravel().tolist() == [3, 3, 1, 1]


def test_a_constant_column_is_one_tie_whatever_its_rounding_errors() -> None:
    third = 1 / 3
    assert set(rank(column(0.7, 0.1 * 7, third + third + 0.1 / 3 * 1.0, 0.7)).ravel()[[0, 1, 3]]) == {1}


def test_one_unit_and_no_unit() -> None:
    assert rank(column(4)).ravel().tolist() == [1]
    assert rank(column(np.nan)).ravel().tolist() == [0]
    assert rank(np.empty((0, 2))).shape == (0, 2)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40))
def test_ranks_equal_a_count_of_the_larger_ones(whole: list[int]) -> None:
    values = [Fraction(number, 7) for number in whole]
    expected = [1 + sum(other > own for other in values) for own in values]
    assert rank(column(*(number / 7 for number in whole))).ravel().tolist() == expected


def test_a_table_of_many_columns_has_the_ranks_of_its_columns() -> None:
    random = np.random.default_rng(5)
    table = random.integers(-300, 300, (700, 200)) / 7
    table[random.random(table.shape) < 0.1] = np.nan
    table[:, 3], table[:, 4] = np.nan, 0.0
    expected = np.nan_to_num(rankdata(-table, method="min", axis=0, nan_policy="omit"))
    assert np.array_equal(rank(table), expected)
    assert np.array_equal(rank(np.asfortranarray(table)), expected)
    for column, ranks in zip(table.T, expected.T, strict=True):
        assert np.array_equal(rank(column[:, None])[:, 0], ranks)
    assert rank(table).dtype == np.int32


def test_more_units_than_a_packed_key_has_room_for_are_ranked_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(6).integers(0, 40, (90, 3)) / 7
    table[::8, 1] = np.nan
    packed = rank(table)
    monkeypatch.setattr(module, "_MANY", table.shape[0])
    assert np.array_equal(rank(table), packed)


def test_the_largest_key_leaves_room_for_the_last_place() -> None:
    places = module._MANY - 1
    missing, best = (int(1 / module.RESOLUTION) + 1), -int(1 / module.RESOLUTION)
    assert (missing << places.bit_length()) + places < 2**63
    assert best << places.bit_length() >= -(2**63)


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-300, 1.0, 1e300])
def test_the_size_of_the_numbers_does_not_matter(size: float) -> None:
    assert rank(column(3 * size, 5 * size, -size, 3 * size)).ravel().tolist() == [2, 1, 4, 2]


def test_values_a_few_steps_of_the_range_apart_are_no_ties() -> None:
    step = 2.0**-40
    near = column(1, 1 - 3 * step, 1 - step * 3.4, 1 - step * 0.4, 0)
    assert rank(near).ravel().tolist() == [1, 3, 3, 1, 5]


def test_a_mathematical_tie_on_both_sides_of_an_edge_between_keys_is_a_tie() -> None:
    a, b, c = 67.75515986101247, 80.38846030656288, 3.1695436810603272
    first, second = ((a + b) + c) / 3, ((c + b) + a) / 3
    assert first != second
    assert rank(column(first, second, 100, 0)).ravel().tolist() == [2, 2, 1, 4]


def test_keys_are_whole_and_no_larger_than_what_fits() -> None:
    values = np.random.default_rng(7).normal(size=(50, 4)) * [1e-320, 1e-9, 1.0, 1e200]
    keys = rounded(values)
    assert np.array_equal(keys, np.rint(keys))
    assert np.abs(keys).max() <= 2**40
    np.testing.assert_allclose(
        keys[:, 1:] / 2**40, values[:, 1:] / np.ptp(values[:, 1:], axis=0), atol=2**-40
    )
