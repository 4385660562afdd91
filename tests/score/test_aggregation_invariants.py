"""What holds for all ways to aggregate, for which it does not hold, and the counter-examples by name."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from citygauge.score.balance import coupling, mpi
from citygauge.score.ideal import topsis, vikor
from citygauge.score.means import arithmetic, generalised, geometric, harmonic, median, owa
from citygauge.score.outranking import PreferenceName, copeland, promethee

NAN = float("nan")
Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


def batched(mean: Callable[..., np.ndarray], **options: float) -> Kernel:
    return lambda values, weights: mean(values, weights[:, None], **options)[:, 0]


def preferring(name: PreferenceName) -> Kernel:
    return lambda values, weights: promethee(values, weights, name, 1.5, 4)


MEANS: dict[str, Kernel] = {
    "arithmetic": batched(arithmetic),
    "geometric": batched(geometric),
    "harmonic": batched(harmonic),
    "square": batched(generalised, power=2),
    "inverse square": batched(generalised, power=-2),
    "median": median,
    "owa of the best": lambda values, weights: owa(values, weights, 0.8),
    "owa of the worst": lambda values, weights: owa(values, weights, 0.2),
}
BALANCED: dict[str, Kernel] = {
    "mpi": mpi,
    "mpi of what is worse": lambda values, weights: mpi(values, weights, "+"),
    "coupling": lambda values, weights: coupling(values, weights, 0, 20),
}
RELATIVE: dict[str, Kernel] = {
    "copeland": copeland,
    "promethee usual": preferring("usual"),
    "promethee u_shape": preferring("u_shape"),
    "promethee v_shape": preferring("v_shape"),
    "promethee level": preferring("level"),
    "promethee linear": preferring("linear"),
    "promethee gaussian": preferring("gaussian"),
    "topsis": topsis,
    "vikor": vikor,
}
ALL = MEANS | BALANCED | RELATIVE
MONOTONE = MEANS | RELATIVE

tables = hnp.arrays(float, (5, 4), elements=st.integers(0, 10).map(float) | st.just(NAN))
weightings = hnp.arrays(float, (4,), elements=st.integers(0, 9).map(float))
units, children, gains = st.integers(0, 4), st.integers(0, 3), st.sampled_from([0.5, 1, 3, 8])


def close(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=name)


@given(tables, weightings, st.sampled_from([1e-6, 0.1, 3, 1e9]))
def test_the_scale_of_the_weights_does_not_matter(
    values: np.ndarray, weights: np.ndarray, factor: float
) -> None:
    for name, score in ALL.items():
        close(name, score(values, weights * factor), score(values, weights))


@given(tables, weightings, st.permutations(range(5)), st.permutations(range(4)))
def test_the_order_of_units_and_children_does_not_matter(
    values: np.ndarray, weights: np.ndarray, rows: list[int], columns: list[int]
) -> None:
    for name, score in ALL.items():
        close(name, score(values[rows][:, columns], weights[columns]), score(values, weights)[rows])


@given(tables, weightings, st.sampled_from([NAN, 0.0, -7.0, 1e6]))
def test_a_child_without_a_weight_has_no_influence(
    values: np.ndarray, weights: np.ndarray, other: float
) -> None:
    changed, weights[0] = values.copy(), 0
    changed[::2, 0] = other
    for name, score in ALL.items():
        close(name, score(changed, weights), score(values[:, 1:], weights[1:]))


@given(tables, weightings)
def test_only_a_unit_without_a_value_is_without_a_score(values: np.ndarray, weights: np.ndarray) -> None:
    known = ~np.isnan(np.where(weights > 0, values, NAN))
    spread = [len(set(column[has])) > 1 for column, has in zip(values.T, known.T, strict=True)]
    for name, score in ALL.items():
        # Ideal and anti-ideal are one where a unit has nothing but columns without spread.
        expected = (known & spread if name == "topsis" else known).any(axis=1)
        np.testing.assert_array_equal(~np.isnan(score(values, weights)), expected, err_msg=name)


@given(tables, weightings)
def test_means_lie_between_the_worst_child_and_the_best(values: np.ndarray, weights: np.ndarray) -> None:
    counting = np.where(weights > 0, values, NAN)
    least = np.fmin.reduce(counting, axis=1) - 1e-9
    most = np.fmax.reduce(counting, axis=1) + 1e-9
    for name, score in MEANS.items():
        found = score(values, weights)
        assert not ((found < least) | (found > most)).any(), name


@given(hnp.arrays(float, (5, 1), elements=st.integers(1, 20).map(float)), weightings)
def test_children_that_are_alike_give_their_own_score_but_for_the_coupling(
    values: np.ndarray, weights: np.ndarray
) -> None:
    weights[0] += 1
    alike = np.repeat(values, 4, axis=1)
    for name, score in (MEANS | BALANCED).items():
        expected = np.sqrt(values[:, 0] / 20) * 20 if name == "coupling" else values[:, 0]
        close(name, score(alike, weights), expected)


@given(tables, weightings)
def test_means_and_balances_do_not_depend_on_other_units(values: np.ndarray, weights: np.ndarray) -> None:
    for name, score in (MEANS | BALANCED).items():
        alone = np.concatenate([score(values[[unit]], weights) for unit in range(5)])
        close(name, score(values, weights), alone)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("copeland", [[5, 2, 0], [1, 3, 2], [1, 0, 5], [4, 1, 5]]),
        ("promethee usual", [[4, 0], [0, 3], [0, 2], [3, 4]]),
        ("topsis", [[2, 2, 5], [5, 0, 3], [1, 2, 5], [3, 3, 0]]),
        ("vikor", [[4, 4, 1], [4, 5, 0], [0, 5, 5], [4, 1, 1]]),
    ],
)
def test_two_units_can_change_places_when_a_third_one_leaves(name: str, table: list[list[float]]) -> None:
    values, weights = np.array(table, float), np.ones(len(table[0]))
    before, after = ALL[name](values, weights), ALL[name](values[:-1], weights)
    assert before[0] > before[1]
    assert after[0] < after[1]


@given(tables, weightings, units, children, gains)
def test_a_better_value_never_scores_lower(
    values: np.ndarray, weights: np.ndarray, unit: int, child: int, gain: float
) -> None:
    """Of the unit's own score, on scores as they are given: normalising again may undo it."""
    better = values.copy()
    better[unit, child] += gain
    for name, score in MONOTONE.items():
        before, after = score(values, weights)[unit], score(better, weights)[unit]
        assert not after < before - 1e-9, name


@given(tables, units, children, gains)
def test_a_better_value_never_couples_less_where_all_weights_are_equal(
    values: np.ndarray, unit: int, child: int, gain: float
) -> None:
    """The root of the geometric mean: C is G/A and T is A."""
    better = values.copy()
    better[unit, child] += gain
    before, after = (coupling(table, np.ones(4), 0, 20) for table in (values, better))
    assert not after[unit] < before[unit] - 1e-9
    close("coupling", before, np.sqrt(geometric(values, np.ones((4, 1)))[:, 0] * 20))


def test_an_index_of_mazziotta_and_pareto_can_fall_where_a_value_rises() -> None:
    """It falls where a child is above M + Σwx² / 2MΣw: on the adjusted scale at 125 beside five at 70."""
    row = [70, 70, 70, 70, 70]
    scores = mpi(np.array([[*row, 125.0], [*row, 130.0]]), np.ones(6))
    exact = []
    for top in (125, 130):
        mean = Fraction(sum([*row, top]), 6)
        exact.append(float(2 * mean - Fraction(sum(x * x for x in [*row, top]), 6) / mean))
    assert scores == pytest.approx(exact)
    assert scores[1] < scores[0]


def test_an_index_of_poverty_of_mazziotta_and_pareto_can_fall_where_a_value_rises() -> None:
    """It falls where a child is below Σwx² / 2MΣw, here 45: the contraharmonic mean of 0 to 30, 90 and 90."""
    scores = mpi(np.array([[0.0, 90, 90], [30, 90, 90]]), np.ones(3), "+")
    assert scores == pytest.approx([16200 / 180, 17100 / 210])
    assert scores[1] < scores[0]


def test_a_coupling_with_unequal_weights_can_fall_where_a_value_rises() -> None:
    """The weights count in T but not in C: 0.9 to 1 in a child with one hundredth of the weight."""
    scores = coupling(np.array([[0.9, 0.1], [1.0, 0.1]]), np.array([1.0, 99.0]), 0, 1)
    assert scores[0] ** 2 == pytest.approx(0.3 / 0.5 * (0.009 + 0.099))
    assert scores[1] < scores[0]
