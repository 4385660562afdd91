"""TOPSIS and VIKOR against their authors' examples, pymcdm, scikit-criteria and plain Python with gaps."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
import skcriteria
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pymcdm.methods import TOPSIS, VIKOR
from skcriteria.agg.topsis import TOPSIS as OTHER_TOPSIS
from skcriteria.agg.vikor import VIKOR as OTHER_VIKOR

from citygauge.score.ideal import topsis, vikor, vikor_parts

NAN = float("nan")


def by_length(values: np.ndarray) -> np.ndarray:
    """Return columns divided by their Euclidean length, the normalisation of the classic TOPSIS."""
    return values / np.sqrt((values**2).sum(axis=0))


def test_topsis_chooses_the_fighter_aircraft_of_hwang_and_yoon() -> None:
    """Hwang and Yoon 1981, p. 133: speed, range, payload, cost, reliability and manoeuvrability."""
    aircraft = np.array(
        [
            [2.0, 1500, 20000, 5.5, 5, 9],
            [2.5, 2700, 18000, 6.5, 3, 5],
            [1.8, 2000, 21000, 4.5, 7, 7],
            [2.2, 1800, 20000, 5.0, 5, 5],
        ]
    )
    normalised = by_length(aircraft) * [1, 1, 1, -1, 1, 1]
    found = topsis(normalised, np.array([0.2, 0.1, 0.1, 0.1, 0.2, 0.3]))
    np.testing.assert_allclose(found, [0.643, 0.268, 0.613, 0.312], atol=0.001)


PRODUCTS = np.array([[5.0, 8, 4], [7, 6, 8], [8, 8, 6], [7, 4, 6]])


def test_topsis_equals_the_example_of_tzeng_and_huang() -> None:
    """Tzeng and Huang 2011, Multiple attribute decision making, in the tests of scikit-criteria."""
    found = topsis(by_length(PRODUCTS), np.array([3.0, 4.0, 3.0]))
    np.testing.assert_allclose(found, [0.5037, 0.6581, 0.7482, 0.3340], atol=0.0001)


def test_vikor_climbs_the_mountain_of_opricovic_and_tzeng() -> None:
    """Opricovic and Tzeng 2004, doi:10.1016/S0377-2217(03)00020-1: risk and altitude of three routes."""
    routes = np.array([[-1.0, 3000], [-2, 3750], [-5, 4500]])
    utility, regret, compromise = vikor_parts(routes, np.array([1.0, 1.0]))
    np.testing.assert_allclose(utility, [0.5, 0.375, 0.5])
    np.testing.assert_allclose(regret, [0.5, 0.25, 0.5])
    np.testing.assert_allclose(compromise, [1, 0, 1])
    np.testing.assert_allclose(vikor(routes, np.array([1.0, 1.0])), [0, 1, 0])


@pytest.mark.parametrize(
    ("weights", "utility", "regret", "compromise"),
    [
        (
            [1, 1, 1, 1, 1, 1, 1, 1],
            [0.692, 0.700, 0.290, 0.423, 0.280, 0.346],
            [0.125, 0.125, 0.121, 0.125, 0.067, 0.125],
            [0.991, 1.000, 0.473, 0.670, 0.000, 0.578],
        ),
        (
            [2, 2, 2, 2, 1, 1, 1, 1],
            [0.701, 0.600, 0.386, 0.365, 0.317, 0.459],
            [0.167, 0.114, 0.161, 0.167, 0.089, 0.167],
            [1.000, 0.533, 0.552, 0.563, 0.000, 0.686],
        ),
        (
            [1, 1, 1, 1, 2, 2, 2, 2],
            [0.683, 0.800, 0.193, 0.480, 0.243, 0.232],
            [0.113, 0.167, 0.080, 0.122, 0.044, 0.083],
            [0.684, 1.000, 0.147, 0.554, 0.041, 0.191],
        ),
    ],
)
def test_vikor_places_the_reservoirs_of_opricovic_and_tzeng(
    weights: list[float], utility: list[float], regret: list[float], compromise: list[float]
) -> None:
    """Opricovic and Tzeng 2007, doi:10.1016/j.ejor.2006.01.020, in the tests of scikit-criteria."""
    reservoirs = np.array(
        [
            [4184.3, 2914.0, 407.2, 251.0, 195, 244, 15, 2.41],
            [5211.9, 3630.0, 501.7, 308.3, 282, 346, 21, 1.41],
            [5021.3, 3920.5, 504.0, 278.6, 12, 56, 3, 4.42],
            [5566.1, 3957.9, 559.5, 335.3, 167, 268, 16, 3.36],
            [5060.5, 3293.5, 514.1, 284.2, 69, 90, 7, 4.04],
            [4317.9, 2925.9, 432.8, 239.3, 12, 55, 3, 4.36],
        ]
    )
    found = vikor_parts(reservoirs * [1, -1, 1, 1, -1, -1, -1, 1], np.array(weights, float))
    for part, printed in zip(found, (utility, regret, compromise), strict=True):
        np.testing.assert_allclose(part, printed, atol=0.0011)


@pytest.mark.parametrize("v", [0, 0.3, 0.5, 1])
def test_both_equal_pymcdm_and_scikit_criteria(v: float) -> None:
    random = np.random.default_rng(8)
    values, weights = random.random((40, 7)), random.dirichlet(np.ones(7))
    decision = skcriteria.mkdm(values, [max] * 7, weights=weights)
    closeness = topsis(values, weights)
    np.testing.assert_allclose(
        closeness, TOPSIS(lambda x, cost=False: x)(values, weights, np.ones(7), validation=False)
    )
    np.testing.assert_allclose(closeness, OTHER_TOPSIS().evaluate(decision).e_.similarity)
    utility, regret, compromise = vikor_parts(values, weights, v)
    np.testing.assert_allclose(compromise, VIKOR(v=v)(values, weights, np.ones(7), validation=False))
    theirs = OTHER_VIKOR(v=v).evaluate(decision).e_
    np.testing.assert_allclose(utility, theirs.s_k)
    np.testing.assert_allclose(regret, theirs.r_k)
    np.testing.assert_allclose(compromise, theirs.q_k)
    np.testing.assert_allclose(vikor(values, weights, v), 1 - theirs.q_k)


gappy = hnp.arrays(
    float, st.tuples(st.integers(1, 6), st.just(4)), elements=st.sampled_from([NAN, 0, 1, 2, 5])
)
counts = hnp.arrays(int, (4,), elements=st.integers(0, 3))


def children(values: np.ndarray, weights: np.ndarray, unit: int) -> list[tuple[float, float, float, float]]:
    """Return value, weight, least and most of the children that count for a unit."""
    return [
        (values[unit, j], weights[j], np.nanmin(values[:, j]), np.nanmax(values[:, j]))
        for j in range(values.shape[1])
        if weights[j] > 0 and not isnan(values[unit, j])
    ]


@given(gappy, counts)
def test_closeness_with_gaps_and_constant_columns_is_what_the_definition_says(
    values: np.ndarray, weights: np.ndarray
) -> None:
    found = topsis(values, weights / 7)
    for unit, closeness in enumerate(found):
        known = children(values, weights, unit)
        above = sqrt(sum((w * (x - least)) ** 2 for x, w, least, _ in known))
        below = sqrt(sum((w * (most - x)) ** 2 for x, w, _, most in known))
        expected = above / (above + below) if above + below else NAN
        assert closeness == pytest.approx(expected, nan_ok=True)


@given(gappy, counts, st.sampled_from([0, 0.5, 0.8]))
def test_compromises_with_gaps_and_constant_columns_are_what_the_definition_says(
    values: np.ndarray, weights: np.ndarray, v: float
) -> None:
    utility, regret = [], []
    for unit in range(len(values)):
        known = children(values, weights, unit)
        total = sum(w for _, w, _, _ in known)
        terms = [
            w / total * (most - x) / (most - least) if most > least else 0 for x, w, least, most in known
        ]
        utility.append(sum(terms) if known else NAN)
        regret.append(max(terms) if known else NAN)
    found = vikor_parts(values, weights / 7, v)
    np.testing.assert_allclose(found[0], utility, atol=1e-12)
    np.testing.assert_allclose(found[1], regret, atol=1e-12)
    for unit, compromise in enumerate(found[2]):
        expected = 0.0
        for part, share in ((utility, v), (regret, 1 - v)):
            known_parts = [p for p in part if not isnan(p)] or [0.0]
            spread = max(known_parts) - min(known_parts)
            expected += share * (
                (part[unit] - min(known_parts)) / (spread if spread > 1e-9 else float("inf"))
            )
        assert compromise == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_columns_that_differ_in_their_last_bits_have_no_spread() -> None:
    values = np.array([[0.3, 1.0], [0.1 + 0.2, 0.0], [0.3, 0.5]])
    assert topsis(values, np.ones(2)).tolist() == [1, 0, 0.5]
    assert vikor(values, np.ones(2)).tolist() == [1, 0, 0.5]


def test_units_that_nothing_tells_apart() -> None:
    for values in (np.array([[3.0, 4.0]]), np.full((3, 2), 7.0)):
        assert np.isnan(topsis(values, np.ones(2))).all()
        assert (vikor(values, np.ones(2)) == 1).all()
    for score in (topsis, vikor):
        assert np.isnan(score(np.full((2, 2), NAN), np.ones(2))).all()
        assert np.isnan(score(np.ones((2, 2)), np.zeros(2))).all()
        assert score(np.empty((0, 2)), np.ones(2)).shape == (0,)
