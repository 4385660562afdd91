"""Moran's I by hand and by enumerating every arrangement, distances by other formulas, and the tables."""

from __future__ import annotations

from itertools import permutations
from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import erfc

import citygauge as cg
from citygauge.analyse.spatial import (
    EARTH_RADIUS,
    distances,
    local_morans_i,
    local_spatial,
    morans_i,
    neighbour_weights,
    spatial,
)
from citygauge.problems import InputError

LINE = np.eye(6, k=1) + np.eye(6, k=-1)
VALUES = np.array([1.0, 2.0, 2.0, 5.0, 7.0, 13.0])


def lattice(side: int) -> np.ndarray:
    """Return weights of 1 between squares of a board that share an edge."""
    x, y = np.divmod(np.arange(side * side), side)
    apart = np.abs(np.subtract.outer(x, x)) + np.abs(np.subtract.outer(y, y))
    return (apart == 1).astype(float)


def by_loops(values: np.ndarray, weights: np.ndarray) -> float:
    """Moran's I as it is defined, pair by pair."""
    n, mean = len(values), sum(values) / len(values)
    above = sum(weights[i, j] * (values[i] - mean) * (values[j] - mean) for i in range(n) for j in range(n))
    return n / weights.sum() * above / sum((value - mean) ** 2 for value in values)


def test_a_chessboard_has_moran_minus_one():
    board = np.add.outer(np.arange(4), np.arange(4)).ravel() % 2
    assert morans_i(board.astype(float), lattice(4)).statistic == pytest.approx(-1)


def test_two_halves_of_a_board_by_hand():
    # 24 edges on a board of 4 × 4, 4 of them between the halves: (2 · 20 - 2 · 4) / 48.
    board = np.repeat([1.0, -1.0], 8)
    assert morans_i(board, lattice(4)).statistic == pytest.approx(2 / 3)


@pytest.mark.parametrize("weights", [LINE, neighbour_weights(np.abs(np.subtract.outer(VALUES, VALUES)), 2)])
def test_expectation_and_variance_are_those_of_all_arrangements(weights):
    # The second weights are row-standardised and not symmetrical.
    every = [by_loops(np.array(order), weights) for order in permutations(VALUES)]
    found = morans_i(VALUES, weights)
    assert found.statistic == pytest.approx(by_loops(VALUES, weights), rel=1e-12)
    assert found.expected == pytest.approx(np.mean(every), rel=1e-9) == -1 / 5
    assert found.variance == pytest.approx(np.var(every), rel=1e-9)
    assert found.z == pytest.approx((found.statistic - np.mean(every)) / np.std(every), rel=1e-9)


def test_the_permutation_p_is_near_that_of_all_arrangements():
    every = np.array([by_loops(np.array(order), LINE) for order in permutations(VALUES)])
    exact = (np.abs(every + 0.2) >= abs(by_loops(VALUES, LINE) + 0.2) - 1e-12).mean()
    found = morans_i(VALUES, LINE, 9999, np.random.default_rng(1))
    assert found.p_permutation == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 9999) + 1e-4)
    assert 2 * 1.96 > found.z > 0
    assert morans_i(VALUES, LINE, 99, np.random.default_rng(7)) == morans_i(
        VALUES, LINE, 99, np.random.default_rng(7)
    )


def test_at_a_z_of_two_the_normal_p_is_that_of_the_tables():
    found = morans_i(VALUES, LINE)
    assert found.p == pytest.approx(erfc(abs(found.z) / np.sqrt(2)), rel=1e-12)


@given(arrays(float, 6, elements=st.integers(-9, 9).map(float)), st.floats(0.5, 20), st.floats(-50, 50))
def test_moran_does_not_depend_on_the_scale(values, factor, shift):
    one, other = morans_i(values, LINE), morans_i(values * factor + shift, LINE)
    np.testing.assert_allclose(other.statistic, one.statistic, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other.p, one.p, rtol=1e-5, atol=1e-9)


@given(arrays(float, 6, elements=st.integers(-9, 9).map(float)), st.permutations(range(6)))
def test_moran_does_not_depend_on_the_order_of_the_units(values, order):
    mixed = morans_i(values[order], LINE[np.ix_(order, order)])
    np.testing.assert_allclose(mixed.statistic, morans_i(values, LINE).statistic, atol=1e-9)


def test_where_everyone_is_a_neighbour_there_is_nothing_to_test():
    all_others = (np.ones((6, 6)) - np.eye(6)) / 5
    found = morans_i(VALUES, all_others, 99)
    assert found.statistic == pytest.approx(-1 / 5)
    assert np.isnan([found.z, found.p, found.p_permutation]).all()


def test_without_spread_without_units_and_with_few_there_is_no_moran():
    for values in (np.full(6, 0.1 + 0.2), np.zeros(6)):
        assert np.isnan(morans_i(values, LINE, 9).statistic)
        assert np.isnan(local_morans_i(values, LINE, 9)).all()
    assert np.isnan(morans_i(np.array([]), np.zeros((0, 0))).expected)
    assert np.isnan(morans_i(np.array([1.0]), np.zeros((1, 1))).statistic)
    assert np.isnan(morans_i(VALUES, np.zeros((6, 6))).statistic)
    three = morans_i(np.array([1.0, 2.0, 4.0]), LINE[:3, :3], 99)
    assert not np.isnan(three.statistic)
    assert np.isnan([three.variance, three.z, three.p, three.p_permutation]).all()


def test_local_figures_by_hand():
    # Mean 5, z = -4 -3 -3 0 2 8, m₂ = 102 / 6 = 17.
    want = np.array([-4 * -3, -3 * (-4 - 3), -3 * -3, 0, 2 * 8, 8 * 2]) / 17
    found, _ = local_morans_i(VALUES, LINE)
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-15)
    assert found.sum() == pytest.approx(LINE.sum() * morans_i(VALUES, LINE).statistic)


def test_local_p_values_are_near_those_of_all_arrangements_of_the_others():
    _, p = local_morans_i(VALUES, LINE, 9999, np.random.default_rng(3))
    z = VALUES - VALUES.mean()
    for i in range(6):
        others = [z[j] for j in range(6) if j != i]
        lags = np.array([np.insert(np.array(order), i, 0.0) @ LINE[i] for order in permutations(others)])
        away = np.abs(z[i] * (lags - lags.mean()))
        exact = (away >= abs(z[i] * (z @ LINE[i] - lags.mean())) - 1e-9).mean()
        assert p[i] == pytest.approx(exact, abs=0.025)


def test_distances_are_those_of_the_angle_between_two_places():
    lat, lon = np.array([39.9, 31.2, 90.0, -12.0, 0.0]), np.array([116.4, 121.5, 5.0, 300.0, -179.5])
    phi, lam = np.radians(lat), np.radians(lon)
    towards = np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    angle = np.arctan2(np.linalg.norm(np.cross(towards[:, None], towards[None]), axis=2), towards @ towards.T)
    np.testing.assert_allclose(distances(lat, lon), EARTH_RADIUS * angle, atol=1e-6)
    opposite = distances(np.array([40.0, -40.0]), np.array([116.0, -64.0]))
    assert opposite[0, 1] == pytest.approx(pi * EARTH_RADIUS)


def test_neighbours_are_the_nearest_and_ties_are_taken_in_order():
    apart = np.abs(np.subtract.outer([0.0, 1.0, 2.0, 9.0], [0.0, 1.0, 2.0, 9.0]))
    weights = neighbour_weights(apart, 1)
    assert weights.argmax(axis=1).tolist() == [1, 0, 1, 2]
    np.testing.assert_allclose(neighbour_weights(apart, 2).sum(axis=1), 1)
    assert neighbour_weights(np.zeros((0, 0)), 0).shape == (0, 0)
    same = neighbour_weights(np.zeros((3, 3)), 1)  # three units at one place
    assert np.diag(same).tolist() == [0, 0, 0]


UNITS = "unit,name_en,lat,lon\n" + "".join(f"{i},City {i},30,{100 + i}\n" for i in range(1, 9))
FACTS = "unit,indicator,value\n" + "".join(
    f"{i},{code},{value}\n" for i in range(1, 9) for code, value in (("a", 10 * i), ("b", 5), ("c", 50 + i))
)


def assessed(workspace, **files):
    return cg.assess(cg.open(workspace(**({"units__csv": UNITS, "observations__csv": FACTS} | files))))


def test_the_table_holds_the_figures_of_the_kernel(workspace):
    result = assessed(workspace)
    rows = spatial(result, ["P", "b"], k=1, permutations=99)
    assert rows.columns == ["code", "level", "n", "k", "moran", "expected", "z", "p", "p_permutation"]
    row = rows.row(0, named=True)
    # Each but the first has its western neighbour: east to west distances are equal and ties go in order.
    weights = np.zeros((8, 8))
    weights[0, 1] = 1
    weights[np.arange(1, 8), np.arange(7)] = 1
    assert (row["code"], row["level"], row["n"], row["k"]) == ("P", 1, 8, 1)
    assert row["moran"] == pytest.approx(by_loops(np.arange(8.0), weights))
    assert row["expected"] == pytest.approx(-1 / 7)
    assert rows.row(1, named=True)["moran"] is None  # everybody has the same
    assert spatial(result)["code"].to_list() == ["I", "P", "Q"]


def test_units_without_a_place_or_a_score_are_left_out(workspace):
    gone = UNITS.replace("8,City 8,30,108", "8,City 8,,108").replace("7,City 7,30", "7,City 7,95")
    facts = FACTS.replace("6,a,60", "6,a,").replace("6,b,5\n", "6,b,\n")
    result = assessed(workspace, units__csv=gone, observations__csv=facts)
    assert spatial(result, ["P", "Q"], k=50)["n", "k"].rows() == [(5, 4), (6, 5)]
    rows = local_spatial(result, "P", k=2, permutations=19)
    assert rows.filter(unit_code="8").drop("unit_code", "value").row(0) == (None,) * 4
    assert rows.filter(unit_code="6").drop("unit_code").row(0) == (None,) * 5
    assert rows["cluster"].null_count() == 3


def test_without_any_score_all_figures_are_null(workspace):
    only = "unit,indicator,value\n" + "".join(f"{i},c,{i}\n" for i in range(1, 9))
    result = assessed(workspace, observations__csv=only)
    assert spatial(result, ["P"]).row(0) == ("P", 1, 0, 0, *(None,) * 5)
    assert local_spatial(result, "P")["local_moran"].null_count() == 8


@pytest.mark.parametrize(("few", "many", "word", "other"), [(90, 10, "high", "low"), (10, 90, "low", "high")])
def test_clusters_say_on_which_side_of_the_mean_a_unit_and_its_neighbours_lie(
    workspace, few, many, word, other
):
    # Ten units far away from the rest are alike, and one of the rest is as they are.
    places = "unit,name_en,lat,lon\n" + "".join(
        f"{i},City {i},30,{100 + (20 if i > 30 else 0) + i / 100}\n" for i in range(1, 41)
    )
    facts = "unit,indicator,value\n" + "".join(
        f"{i},a,{few if i > 30 or i == 5 else many}\n{i},b,5\n{i},c,50\n" for i in range(1, 41)
    )
    facts = facts.replace(f"34,a,{few}", f"34,a,{many}")
    result = assessed(workspace, units__csv=places, observations__csv=facts)
    found = dict(local_spatial(result, "P").select("unit_code", "cluster").rows())
    assert found["36"] == found["40"] == f"{word}-{word}"
    assert found["34"] == f"{other}-{word}"
    assert found["15"] == "none"
    assert set(local_spatial(result, "Q")["cluster"]) == {"none"}
    row = local_spatial(result, "P", k=2).filter(unit_code="34").row(0, named=True)
    assert row["value"] == pytest.approx((many / 100 + 0.5) / 2)
    assert row["lag"] == pytest.approx((few / 100 + 0.5) / 2)


def test_problems_name_what_is_missing_or_wrong(workspace):
    bare = cg.assess(cg.open(workspace()))
    with pytest.raises(InputError) as caught:
        spatial(bare, k=0, permutations=-1)
    assert [p.code for p in caught.value.problems] == [
        "analyse.unknown-attribute", "analyse.unknown-attribute", "analyse.bad-count", "analyse.bad-count",
    ]  # fmt: skip
    assert [p.values["name"] for p in caught.value.problems] == ["lat", "lon", "k", "permutations"]
    with pytest.raises(InputError) as caught:
        spatial(assessed(workspace), ["Z"])
    assert caught.value.problems[0].code == "compare.unknown-node"


def test_on_illustrative_data_there_are_no_local_figures(workspace):
    result = assessed(workspace, assessment__toml='framework = "framework.csv"\nillustrative = true\n')
    with pytest.raises(InputError) as caught:
        local_spatial(result)
    assert caught.value.problems[0].code == "analyse.not-on-illustrative"
    rows = spatial(result)
    assert "notice" in rows.columns
    assert "unit_code" not in rows.columns
