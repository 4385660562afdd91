"""Means of children against hand calculation and their inequalities; availability limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import citygauge as cg
from citygauge.score.means import arithmetic, geometric

NAN = float("nan")


def one(values: list[float], weights: list[float], mean: Callable[..., np.ndarray]) -> float:
    return float(mean(np.array([values]), np.array(weights)[:, None])[0, 0])


@pytest.mark.parametrize(
    ("values", "weights", "expected_arithmetic", "expected_geometric"),
    [
        ([1, 9], [1, 1], 5, 3),
        ([2, 8, 4], [1, 1, 2], 4.5, 4),
        ([NAN, 8], [3, 1], 8, 8),
        ([0, 8], [1, 1], 4, 0),
        ([0, 8], [0, 1], 8, 8),
        ([-1, 8], [0, 1], 8, 8),
        ([NAN, NAN], [1, 1], NAN, NAN),
        ([5, 7], [0, 0], NAN, NAN),
        ([NAN, 7], [1, 0], NAN, NAN),
    ],
)
def test_means_by_hand(
    values: list[float], weights: list[float], expected_arithmetic: float, expected_geometric: float
) -> None:
    assert one(values, weights, arithmetic) == pytest.approx(expected_arithmetic, nan_ok=True)
    assert one(values, weights, geometric) == pytest.approx(expected_geometric, nan_ok=True)


def test_a_geometric_mean_of_a_negative_score_is_not_defined() -> None:
    assert np.isnan(one([-1, 8], [1, 1], geometric))


scores = hnp.arrays(float, (5, 4), elements=st.floats(0.01, 100) | st.just(NAN))
weights = hnp.arrays(float, (4, 2), elements=st.integers(1, 9).map(float))


@given(scores, weights, st.floats(0.01, 1000))
def test_means_lie_between_their_children_and_do_not_see_the_scale_of_the_weights(
    values: np.ndarray, weight: np.ndarray, factor: float
) -> None:
    for mean in (arithmetic, geometric):
        result = mean(values, weight)
        np.testing.assert_allclose(mean(values, weight * factor), result, rtol=1e-9)
        known = ~np.isnan(values).all(axis=1)
        low, high = np.nanmin(values[known], axis=1), np.nanmax(values[known], axis=1)
        assert (result[known] >= low[:, None] * (1 - 1e-9)).all()
        assert (result[known] <= high[:, None] * (1 + 1e-9)).all()
    assert not (geometric(values, weight) > arithmetic(values, weight) * (1 + 1e-9)).any()


@given(scores, weights)
def test_a_better_child_never_lowers_the_mean_and_order_does_not_matter(
    values: np.ndarray, weight: np.ndarray
) -> None:
    for mean in (arithmetic, geometric):
        better = values.copy()
        better[:, 0] = better[:, 0] + 1
        assert not (mean(better, weight) < mean(values, weight) * (1 - 1e-12)).any()
        np.testing.assert_allclose(mean(values[:, ::-1], weight[::-1]), mean(values, weight), rtol=1e-9)


LIMITED = '[normalise]\nhow = "goalposts"\n[aggregate]\nmin_availability = {}\n'


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(0.0, 0.2), (0.5, 0.2), (0.51, None)],
)
def test_a_parent_needs_its_share_of_children(
    workspace: Callable[..., Path], limit: float, expected: float | None
) -> None:
    """Unit 3 lacks indicator c, so pillar Q is empty and the index has one of two pillars."""
    result = cg.assess(cg.open(workspace(method__toml=LIMITED.format(limit))))
    value = result.scores.filter(unit_code="3", code="I")["value"].item()
    assert value == (None if expected is None else pytest.approx(expected))


def test_not_applicable_leaves_the_denominator_of_availability(workspace: Callable[..., Path]) -> None:
    facts = (
        "unit,indicator,value,state\n1,a,80,\n1,b,,not_applicable\n1,c,50,\n2,a,60,\n2,b,,missing\n2,c,70,\n"
    )
    folder = workspace(observations__csv=facts, method__toml=LIMITED.format(1.0))
    result = cg.assess(cg.open(folder))
    index = dict(result.ranking.select("unit_code", "value").iter_rows())
    assert index["1"] == pytest.approx(0.6 * 0.8 + 0.4 * 0.5)  # P is a alone, all of what applies
    assert index["2"] is None  # P has one of two


def test_a_group_that_does_not_apply_leaves_its_parents_denominator_too(
    workspace: Callable[..., Path],
) -> None:
    facts = "unit,indicator,value,state\n1,a,80,\n1,b,2,\n1,c,,not_applicable\n2,a,60,\n2,b,5,\n2,c,70,\n"
    folder = workspace(observations__csv=facts, method__toml=LIMITED.format(1.0))
    index = dict(cg.assess(cg.open(folder)).ranking.select("unit_code", "value").iter_rows())
    assert index["1"] == pytest.approx(0.8)


def test_a_flat_index_is_aggregated_in_one_step(workspace: Callable[..., Path]) -> None:
    tree = "code,parent,name_en,direction,unit,low,high\nI,,Index,,,,\na,I,a,1,%,0,100\nb,I,b,-1,days,0,10\n"
    facts = "unit,indicator,value\n1,a,80\n1,b,2\n2,a,60\n2,b,5\n"
    result = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=facts)))
    np.testing.assert_allclose(result.index[:2], [0.8, 0.55])


def test_exceptions_by_code_come_before_exceptions_by_level(workspace: Callable[..., Path]) -> None:
    method = (
        '[normalise]\nhow = "goalposts"\n'
        '[aggregate.by."1"]\nhow = "geometric"\n[aggregate.by.P]\nhow = "arithmetic"\n'
    )
    result = cg.assess(cg.open(workspace(method__toml=method)))
    assert result.scores.filter(unit_code="2", code="P")["value"].item() == pytest.approx(0.55)
