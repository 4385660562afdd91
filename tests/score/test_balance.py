"""The penalty of Mazziotta and Pareto and the degree of coupling, against the means that they amount to."""

from __future__ import annotations

from fractions import Fraction
from math import isnan, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from citygauge.score.balance import coupling, mpi
from citygauge.score.means import arithmetic, harmonic

NAN = float("nan")


def one(values: list[float], weights: list[float], score: object, **options: object) -> float:
    return float(score(np.array([values], float), np.array(weights, float), **options)[0])  # type: ignore[operator]


@pytest.mark.parametrize(
    ("values", "weights", "less", "more"),
    [
        ([100, 100, 100], [1, 1, 1], 100, 100),
        ([90, 110], [1, 1], 99, 101),
        ([70, 130], [1, 1], 91, 109),
        ([80, 110], [2, 1], 90 - 200 / 90, 90 + 200 / 90),
        ([80, NAN, 110], [2, 5, 1], 90 - 200 / 90, 90 + 200 / 90),
        ([80, -9, 110], [2, 0, 1], 90 - 200 / 90, 90 + 200 / 90),
        ([42, NAN], [1, 1], 42, 42),
        ([0, 0], [1, 1], 0, 0),
        ([-1, 1], [1, 1], NAN, NAN),
        ([-3, -3], [1, 1], NAN, NAN),
        ([NAN, NAN], [1, 1], NAN, NAN),
        ([1, 2], [0, 0], NAN, NAN),
    ],
)
def test_penalties_by_hand(values: list[float], weights: list[float], less: float, more: float) -> None:
    assert one(values, weights, mpi) == pytest.approx(less, nan_ok=True)
    assert one(values, weights, mpi, penalty="+") == pytest.approx(more, nan_ok=True)


scores = hnp.arrays(float, (5, 4), elements=st.integers(1, 140).map(float))
weight = hnp.arrays(float, (4,), elements=st.integers(1, 9).map(float))


@given(scores)
def test_two_children_of_one_weight_have_their_harmonic_mean(values: np.ndarray) -> None:
    """M - S²/M is 2xy/(x + y): the figures of an index published for two indicators follow from it."""
    two = values[:, :2]
    np.testing.assert_allclose(mpi(two, np.ones(2)), harmonic(two, np.ones((2, 1)))[:, 0], rtol=1e-12)


@given(scores, weight)
def test_penalties_make_the_contraharmonic_mean_and_its_mirror(
    values: np.ndarray, weights: np.ndarray
) -> None:
    """M + S²/M = Σwx²/Σwx, exactly; the other lies as far on the other side of the mean."""
    exact = []
    for row in values.astype(int).tolist():
        pairs = list(zip(row, weights.astype(int).tolist(), strict=True))
        exact.append(float(Fraction(sum(w * x * x for x, w in pairs), sum(w * x for x, w in pairs))))
    mean = arithmetic(values, weights[:, None])[:, 0]
    np.testing.assert_allclose(mpi(values, weights, penalty="+"), exact, rtol=1e-12)
    np.testing.assert_allclose(mpi(values, weights), 2 * mean - exact, rtol=1e-10, atol=1e-10)


@given(scores)
def test_penalties_are_the_deviation_times_the_coefficient_of_variation(values: np.ndarray) -> None:
    spread = np.std(values, axis=1) * stats.variation(values, axis=1)
    np.testing.assert_allclose(mpi(values, np.ones(4)), values.mean(axis=1) - spread, rtol=1e-10, atol=1e-10)


def test_the_index_of_standardised_scores_has_the_mean_of_100() -> None:
    """z-scores with mean 100 and deviation 10, as the index is defined: M averages to 100 over all units."""
    raw = np.random.default_rng(2).lognormal(size=(50, 6))
    normalised = 100 + 10 * stats.zscore(raw, axis=0)
    both = (mpi(normalised, np.ones(6)) + mpi(normalised, np.ones(6), penalty="+")) / 2
    assert both.mean() == pytest.approx(100)


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [
        ([0.25, 1], [1, 1], 0.5**0.5),
        ([0.36, 0.36, 0.36], [1, 2, 3], 0.6),
        ([0.25, 1], [1, 3], (0.5 / 0.625 * 0.8125) ** 0.5),
        ([0.25, NAN, 1], [1, 9, 1], 0.5**0.5),
        ([0.25, 0, 1], [1, 0, 1], 0.5**0.5),
        ([0, 1], [1, 1], 0),
        ([0, 0], [1, 1], 0),
        ([1, 1], [1, 1], 1),
        ([-1e-17, 1], [1, 1], 0),
        ([-0.1, 1], [1, 1], NAN),
        ([-0.1, 0], [1, 1], NAN),
        ([NAN, NAN], [1, 1], NAN),
        ([0.5, 0.5], [0, 0], NAN),
    ],
)
def test_couplings_by_hand_on_every_range(values: list[float], weights: list[float], expected: float) -> None:
    for low, high in ((0, 1), (0, 100), (70, 130)):
        placed = [low + value * (high - low) for value in values]
        found = one(placed, weights, coupling, low=low, high=high)
        assert found == pytest.approx(low + expected * (high - low), nan_ok=True)


@given(hnp.arrays(float, (4, 3), elements=st.sampled_from([NAN, 0, 0.1, 0.4, 1])), st.integers(1, 5))
def test_couplings_are_the_root_of_degree_and_development(values: np.ndarray, heavy: int) -> None:
    """C = n (Πu)^(1/n) / Σu and T = Σwu / Σw, D = sqrt(C T), in plain Python."""
    found = coupling(values, np.array([heavy, 1.0, 2.0]), 0, 1)
    for row, value in zip(values, found, strict=True):
        pairs = [(u, w) for u, w in zip(row, (heavy, 1, 2), strict=True) if not isnan(u)]
        if not pairs:
            assert isnan(value)
            continue
        together, total = prod(u for u, _ in pairs) ** (1 / len(pairs)), sum(u for u, _ in pairs)
        degree = len(pairs) * together / total if total else 0
        development = sum(u * w for u, w in pairs) / sum(w for _, w in pairs)
        assert value == pytest.approx((degree * development) ** 0.5)


def test_no_units() -> None:
    assert mpi(np.empty((0, 2)), np.ones(2)).shape == (0,)
    assert coupling(np.empty((0, 2)), np.ones(2), 0, 1).shape == (0,)
