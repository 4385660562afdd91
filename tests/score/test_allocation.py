"""Points as shares, and how far a panel agrees, against published figures and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import friedmanchisquare, pearsonr

from citygauge.score.experts.allocation import (
    agreement,
    intraclass,
    kendall_w,
    mean_correlation,
    shares,
    standing_apart,
)

NAN = float("nan")
# Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420, table 2: six targets judged by four judges.
SHROUT_FLEISS = np.array(
    [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], dtype=float
)
table = hnp.arrays(float, (4, 6), elements=st.integers(0, 5).map(float))


def test_shares_by_hand() -> None:
    np.testing.assert_allclose(shares([[50, 30, 20], [100, 60, 40]]), [[0.5, 0.3, 0.2]] * 2)


def test_an_expert_without_points_has_no_shares() -> None:
    found = shares([[0, 0], [1, 3], [NAN, 2]])
    assert np.isnan(found[[0, 2]]).all()
    assert found[1].tolist() == [0.25, 0.75]


def test_negative_points_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        shares([[110, -10]])


def test_shrout_and_fleiss_1979_have_the_published_correlation() -> None:
    """ICC(3,1)."""
    assert round(intraclass(SHROUT_FLEISS), 2) == 0.71


@given(table)
def test_the_intraclass_correlation_keeps_its_range_and_does_not_see_the_level_of_an_expert(
    values: np.ndarray,
) -> None:
    found = intraclass(values)
    if not np.isnan(found):
        assert -1 / 3 - 1e-9 <= found <= 1 + 1e-9
        assert intraclass(values + np.array([[0], [10], [20], [30]])) == pytest.approx(found)


@given(table)
def test_kendalls_w_is_that_of_friedmans_test_with_its_ties(values: np.ndarray) -> None:
    """χ² = m·(n - 1)·W; scipy corrects for ties in its own way."""
    found = kendall_w(values)
    if np.isnan(found):
        assert (np.ptp(values, axis=1) == 0).all()
    else:
        assert found == pytest.approx(friedmanchisquare(*values.T).statistic / (4 * 5), abs=1e-9)


@given(table)
def test_the_mean_correlation_is_that_of_the_pairs(values: np.ndarray) -> None:
    rows = [row for row in values if np.ptp(row) > 0]
    pairs = [pearsonr(a, b).statistic for i, a in enumerate(rows) for b in rows[i + 1 :]]
    expected = np.mean(pairs) if pairs else NAN
    assert mean_correlation(values) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_full_agreement_is_1_and_opposite_orders_have_none() -> None:
    same = agreement([[0.5, 0.3, 0.2]] * 3)
    assert (same.concordance, same.intraclass, same.correlation) == pytest.approx((1, 1, 1))
    assert agreement([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]]).concordance == 0


@pytest.mark.parametrize("weights", [[[0.5, 0.5]], [[1.0], [1.0]], [[0.5, 0.5], [0.5, 0.5]], [[NAN, 1.0]]])
def test_agreement_is_not_defined_for_one_expert_one_code_or_equal_weights(
    weights: list[list[float]],
) -> None:
    found = agreement(weights)
    assert np.isnan([found.concordance, found.intraclass, found.correlation]).all()


def test_an_expert_with_a_gap_is_left_out() -> None:
    whole = [[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]]
    assert agreement([*whole, [NAN, 0.1, 0.9]]) == agreement(whole)


def test_who_places_the_weight_elsewhere_stands_apart() -> None:
    panel = [[0.5, 0.3, 0.2], [0.45, 0.35, 0.2], [0.5, 0.25, 0.25], [0.4, 0.4, 0.2], [0.05, 0.05, 0.9]]
    assert standing_apart(panel).tolist() == [False, False, False, False, True]
    assert standing_apart(panel[2:]).tolist() == [
        False,
        False,
        False,
    ]  # three are no panel to stand apart from


def test_a_difference_of_a_few_points_is_no_dissent() -> None:
    assert not standing_apart([[0.5, 0.5]] * 5 + [[0.46, 0.54]]).any()
    assert standing_apart([[0.5, 0.5]] * 5 + [[0.44, 0.56]]).tolist() == [False] * 5 + [True]
