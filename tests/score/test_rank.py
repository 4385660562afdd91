"""Ranks: the contract's rule for ties, held against a plain reference."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from citygauge.score.rank import rank


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
