"""Fitted weights against closed solutions, COINr, and what must hold of any weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from citygauge.problems import Problems
from citygauge.score.aggregate import arithmetic, geometric
from citygauge.score.optimise import Optimised, check, explain, optimise

CORRELATED = np.array([[1.0, 0.6, 0.3], [0.6, 1.0, 0.1], [0.3, 0.1, 1.0]])
SPREADS = np.array([1.0, 20.0, 0.3])


def scores_with(correlation: np.ndarray, spreads: np.ndarray, units: int = 40) -> np.ndarray:
    """Return scores that have exactly this correlation matrix and these standard deviations."""
    raw = np.random.default_rng(1).normal(size=(units, spreads.size))
    white = np.linalg.qr(raw - raw.mean(axis=0))[0] * np.sqrt(units - 1)
    return 50 + white @ np.linalg.cholesky(correlation).T * spreads


def mean_of(children: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda weights: arithmetic(children, weights[:, None])[:, 0]


def solution(correlation: np.ndarray, spreads: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return weights with correlations in proportion to the target: cor(x, index) ~ R (w s) = t."""
    raw = np.linalg.solve(correlation, target) / spreads
    return raw / raw.sum()


@pytest.mark.parametrize("target", [[1.0, 1.0, 1.0], [0.5, 0.3, 0.2], [3.0, 2.5, 2.0]])
def test_three_children_of_known_correlation_have_a_closed_solution(target: list[float]) -> None:
    x, wanted = scores_with(CORRELATED, SPREADS), np.array(target)
    expected = solution(CORRELATED, SPREADS, wanted)
    found = optimise(x, mean_of(x), wanted)
    assert (expected > 0).all()
    np.testing.assert_allclose(found.weights, expected, atol=1e-9)
    np.testing.assert_allclose(found.reached, wanted / wanted.sum(), atol=1e-9)
    r = np.corrcoef(np.column_stack([x @ found.weights, x]), rowvar=False)[0, 1:]
    np.testing.assert_allclose(found.correlations, r)
    assert (found.converged, found.why, found.offenders) == (True, "", ())
    assert found.residual < 1e-9


def test_the_most_informed_index_weighs_by_one_over_the_spread() -> None:
    """The sum of correlations 1'Rv / sqrt(v'Rv), v = w s, is largest at v = 1, whatever R is."""
    x = scores_with(CORRELATED, SPREADS)
    found = optimise(x, mean_of(x), goal="infomax")
    np.testing.assert_allclose(found.weights, (1 / SPREADS) / (1 / SPREADS).sum(), atol=1e-6)
    assert found.converged
    assert np.isnan(found.residual)
    assert np.isnan(found.target).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10**6))
def test_random_children_reach_the_closed_solution_or_say_that_there_is_none(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, count)) * 0.3 + np.eye(count) + 0.3
    covariance = mixed @ mixed.T
    spread = np.sqrt(np.diag(covariance))
    correlation, spreads = covariance / np.outer(spread, spread), rng.uniform(0.1, 10, count)
    target = rng.uniform(0.5, 1.5, count)
    expected = solution(correlation, spreads, target)
    assume(np.abs(expected).min() > 1e-3)
    x = scores_with(correlation, spreads)
    found = optimise(x, mean_of(x), target, starts=3)
    assert (found.weights >= 0).all()
    assert found.weights.sum() == pytest.approx(1)
    if (expected > 0).all():
        np.testing.assert_allclose(found.weights, expected, atol=1e-6)
        assert found.converged
    else:
        assert (found.converged, found.why) == (False, "bounds")
        assert found.residual > 1e-6


def test_the_sub_indexes_of_asem_balance_as_coinr_balances_them(reference: Callable[[str], Path]) -> None:
    scores = pl.read_csv(reference("asem/step7_aggregated_amean.csv"))
    x = scores.select("Conn", "Sust").to_numpy()
    printed = pl.read_csv(reference("asem/optimised_weights_level3_balance_equal.csv"))
    found = optimise(x, mean_of(x), "equal")
    np.testing.assert_allclose(found.weights, printed["OptWeight"], atol=1e-6)
    np.testing.assert_allclose(found.reached, printed["Obtained"], atol=1e-6)
    np.testing.assert_allclose(found.target, printed["Desired"])


def test_pillars_are_fitted_to_the_index_through_the_levels_between(reference: Callable[[str], Path]) -> None:
    """Correlations with the index, not with the parent, come out equal: recomputed from its three levels."""
    scores = pl.read_csv(reference("asem/step7_aggregated_amean.csv"))
    pillars = scores.select("ConEcFin", "Instit", "P2P", "Physical", "Political").to_numpy()
    other = scores["Sust"].to_numpy()

    def index(weights: np.ndarray) -> np.ndarray:
        return (pillars @ weights + other) / 2

    found = optimise(pillars, index, [3.0, 4, 4, 4, 3])
    r = np.corrcoef(np.column_stack([index(found.weights), pillars]), rowvar=False)[0, 1:]
    np.testing.assert_allclose(found.reached, r / r.sum(), atol=1e-9)
    assert found.converged == (np.abs(r / r.sum() - np.array([3, 4, 4, 4, 3]) / 18).max() <= 1e-6)
    assert found.converged == (found.why == "")


def test_what_is_unrelated_above_the_parent_changes_no_weight() -> None:
    both = scores_with(np.block([[CORRELATED, np.zeros((3, 1))], [np.zeros((1, 3)), np.eye(1)]]), np.ones(4))
    x, other = both[:, :3], both[:, 3]
    found = optimise(x, lambda weights: 0.5 * (x @ weights) + 0.5 * other)
    np.testing.assert_allclose(found.weights, solution(CORRELATED, np.ones(3), np.ones(3)), atol=1e-9)


def test_a_geometric_mean_with_gaps_is_balanced_too() -> None:
    x = scores_with(CORRELATED, np.array([5.0, 9.0, 3.0]))
    x[0, 0] = x[7, 2] = np.nan
    found = optimise(x, lambda weights: geometric(x, weights[:, None])[:, 0])
    index = geometric(x, found.weights[:, None])[:, 0]
    known = ~np.isnan(x)
    r = np.array([np.corrcoef(x[k, i], index[k])[0, 1] for i, k in enumerate(known.T)])
    assert found.converged
    np.testing.assert_allclose(r / r.sum(), np.full(3, 1 / 3), atol=1e-6)


def test_the_order_of_the_children_does_not_matter() -> None:
    x = scores_with(CORRELATED, SPREADS)
    found = optimise(x, mean_of(x), np.array([3.0, 2.0, 2.0]))
    turned = optimise(x[:, ::-1], mean_of(x[:, ::-1]), np.array([2.0, 2.0, 3.0]))
    np.testing.assert_allclose(turned.weights[::-1], found.weights, atol=1e-9)


def test_weights_keep_to_their_bounds_and_say_where_these_stand_in_the_way() -> None:
    """Without bounds 1/s, 0.25 and 0.75 (two uncorrelated children with spreads 3 and 1)."""
    x = scores_with(np.eye(2), np.array([3.0, 1.0]))
    free = optimise(x, mean_of(x), bounds=(0.1, 0.8))
    np.testing.assert_allclose(free.weights, [0.25, 0.75], atol=1e-9)
    held = optimise(x, mean_of(x), bounds=(0.4, 1.0))
    np.testing.assert_allclose(held.weights, [0.4, 0.6], atol=1e-9)
    assert (held.converged, held.why, held.offenders) == (False, "bounds", (0,))
    r = np.array([1.2, 0.6]) / np.hypot(1.2, 0.6)
    np.testing.assert_allclose(held.correlations, r, atol=1e-9)
    assert held.residual == pytest.approx(2 / 3 - 1 / 2)


def test_a_target_beyond_the_correlations_is_not_reached_and_says_so() -> None:
    """Two children with r = 0.9 cannot count 9 to 1: at the weights 1 and 0 it is 1 to 0.9."""
    x = scores_with(np.array([[1, 0.9], [0.9, 1]]), np.ones(2))
    found = optimise(x, mean_of(x), np.array([9.0, 1.0]))
    np.testing.assert_allclose(found.weights, [1, 0], atol=1e-9)
    np.testing.assert_allclose(found.reached, [1 / 1.9, 0.9 / 1.9], atol=1e-9)
    assert (found.converged, found.why, found.offenders) == (False, "bounds", (0, 1))
    problems = Problems()
    explain(found, "P", ["a", "b"], problems)
    (problem,) = problems.warnings
    assert problem.code == "importance.not-reached-bounds"
    assert problem.values["codes"] == ["a", "b"]


@pytest.mark.parametrize(
    "x",
    [
        np.column_stack([np.arange(5.0), np.full(5, 3.0)]),
        np.column_stack([np.arange(5.0), [1, 2, np.nan, np.nan, np.nan]]),
        np.column_stack([np.arange(5.0), np.full(5, np.nan)]),
    ],
)
def test_a_child_without_a_correlation_is_named(x: np.ndarray) -> None:
    found = optimise(x, mean_of(x))
    assert (found.converged, found.why, found.offenders) == (False, "undefined", (1,))
    np.testing.assert_allclose(found.weights, [0.5, 0.5])
    problems = Problems()
    explain(found, "P", ["a", "b"], problems)
    (problem,) = problems.errors
    assert problem.code == "importance.undefined"
    assert "b" in problem.message("zh")


def test_one_unit_has_no_correlations() -> None:
    assert optimise(np.ones((1, 2)), lambda _: np.ones(1)).why == "undefined"


def test_one_child_has_all_the_weight() -> None:
    x = np.arange(5.0)[:, None]
    found = optimise(x, mean_of(x))
    assert (found.weights.tolist(), found.converged) == ([1.0], True)


def test_an_index_that_does_not_heed_the_weights_ends_the_search_away_from_the_target() -> None:
    x = scores_with(CORRELATED, np.ones(3))
    found = optimise(x, lambda _: x @ [0.8, 0.1, 0.1])
    assert (found.converged, found.why) == (False, "solver")
    problems = Problems()
    explain(found, "P", ["a", "b", "c"], problems)
    assert [problem.code for problem in problems.warnings] == ["importance.not-reached-solver"]


def test_a_maximum_that_was_not_found_is_said_without_a_distance() -> None:
    half, none = np.array([0.5, 0.5]), np.full(2, np.nan)
    problems = Problems()
    explain(Optimised(half, half, none, half, np.nan, False, "solver", ()), "P", ["a", "b"], problems)
    assert [problem.code for problem in problems.warnings] == ["importance.no-maximum"]


def test_nothing_is_said_of_weights_that_reached_their_target() -> None:
    problems = Problems()
    weights = np.array([0.5, 0.5])
    explain(Optimised(weights, weights, weights, weights, 0.0, True, "", ()), "P", ["a", "b"], problems)
    check("P", ["a", "b"], "equal", (0.0, 1.0), problems)
    check("P", ["a", "b"], np.array([1.0, 2.0]), (0.5, 0.5), problems)
    assert not len(problems)


@pytest.mark.parametrize("bounds", [(0.4, 1.0), (0.0, 0.3), (-0.1, 1.0), (0.0, 1.1), (0.6, 0.4)])
def test_bounds_that_leave_no_weights_are_refused(bounds: tuple[float, float]) -> None:
    problems = Problems()
    check("P", ["a", "b", "c"], "equal", bounds, problems)
    assert [problem.code for problem in problems.errors] == ["importance.bad-bounds"]
    x = scores_with(CORRELATED, np.ones(3))
    with pytest.raises(ValueError, match="no weights"):
        optimise(x, mean_of(x), bounds=bounds)


def test_targets_that_are_not_positive_are_refused_by_name() -> None:
    problems = Problems()
    target = np.array([1.0, 0.0, np.nan])
    check("P", ["a", "b", "c"], target, (0.0, 1.0), problems)
    (problem,) = problems.errors
    assert problem.code == "importance.bad-target"
    assert problem.values["codes"] == ["b", "c"]
    x = scores_with(CORRELATED, np.ones(3))
    for wrong in (target, np.ones(2)):
        with pytest.raises(ValueError, match="no weights"):
            optimise(x, mean_of(x), wrong)
