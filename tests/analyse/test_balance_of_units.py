"""Balance of pillars and short boards against formulas written out by hand, with gaps, ties and one unit."""

from __future__ import annotations

from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import gmean, variation

import citygauge as cg
from citygauge.analyse.balance import balance, evenness, short_boards, shortfalls
from citygauge.problems import InputError

NAN = float("nan")
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
positive = arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(0.01, 1.0))


@given(positive)
def test_under_equal_weights_the_figures_are_those_of_scipy(values):
    coupled, coordination, penalty, cv = evenness(values, np.ones(values.shape[1]))
    mean, spread = values.mean(axis=1), variation(values, axis=1)
    assert coupled == pytest.approx(gmean(values, axis=1) / mean)
    assert coordination == pytest.approx(np.sqrt(gmean(values, axis=1)))  # √(g/m · m)
    assert cv == pytest.approx(spread, abs=1e-9)
    assert penalty == pytest.approx(mean * spread**2, abs=1e-12)


def test_weights_count_in_all_but_the_coupling_degree():
    coupled, coordination, penalty, cv = (x[0] for x in evenness(np.array([[0.25, 1.0]]), np.array([3.0, 1])))
    mean = 0.75 * 0.25 + 0.25
    variance = 0.75 * (0.25 - mean) ** 2 + 0.25 * (1 - mean) ** 2
    assert coupled == pytest.approx(0.5 / 0.625)
    assert coordination == pytest.approx((0.8 * mean) ** 0.5)
    assert (penalty, cv) == (pytest.approx(variance / mean), pytest.approx(variance**0.5 / mean))


def test_parts_at_zero_below_it_and_missing():
    values = np.array([[0.0, 0.0], [0.0, 1.0], [-0.5, 1.0], [NAN, NAN], [NAN, 0.4]])
    coupled, coordination, penalty, cv = evenness(values, np.ones(2))
    assert coupled == pytest.approx(np.array([NAN, 0, NAN, NAN, 1]), nan_ok=True)
    assert coordination == pytest.approx(np.array([0, 0, NAN, NAN, 0.4**0.5]), nan_ok=True)
    assert penalty == pytest.approx(np.array([0, 0.5, 2.25, NAN, 0]), nan_ok=True)  # 0.75² / 0.25
    assert cv == pytest.approx(np.array([NAN, 1, 3, NAN, 0]), nan_ok=True)
    assert all(np.isnan(each).all() for each in evenness(values, np.zeros(2)))


def test_pillars_of_each_unit_are_compared(workspace):
    # Unit 1: P = 0.8, Q = 0.5; unit 2: P = 0.55, Q = 0.7; unit 3: P = 0.2 alone.
    rows = balance(cg.assess(cg.open(workspace()))).rows(named=True)
    assert [(row["weakest"], row["strongest"], row["n"]) for row in rows] == [
        ("Q", "P", 2), ("P", "Q", 2), ("P", "P", 1),
    ]  # fmt: skip
    assert rows[0]["spread"] == pytest.approx(0.3)
    assert rows[0]["coupling"] == pytest.approx(0.4**0.5 / 0.65)
    assert rows[0]["coordination"] == pytest.approx((0.4**0.5 / 0.65 * 0.68) ** 0.5)
    assert rows[0]["cv"] == pytest.approx((0.6 * 0.12**2 + 0.4 * 0.18**2) ** 0.5 / 0.68)
    assert (rows[2]["coupling"], rows[2]["penalty"], rows[2]["spread"]) == (pytest.approx(1), 0, 0)


def test_without_a_range_of_the_scores_only_the_ends_are_told(workspace):
    method = '[normalise]\nhow = "zscore"\n'
    rows = balance(cg.assess(cg.open(workspace(method__toml=method))))
    names = ("coupling", "coordination", "penalty", "cv")
    assert [rows[name].null_count() for name in names] == [3] * 4
    assert rows["spread"].null_count() == 0


def test_the_range_does_not_matter_to_what_is_compared_on_it(workspace):
    one = balance(cg.assess(cg.open(workspace())))
    other = balance(
        cg.assess(cg.open(workspace(method__toml='[normalise]\nhow = "goalposts"\nscale = 100\n')))
    )
    for name in ("coupling", "coordination", "penalty", "cv"):
        assert other[name].to_list() == pytest.approx(one[name].to_list())
    assert other["spread"].to_list() == pytest.approx((100 * one["spread"]).to_list())


def test_equal_pillars_name_the_first_as_weakest_and_strongest(workspace):
    facts = "unit,indicator,value\n1,a,50\n1,b,5\n1,c,50\n"
    row = balance(cg.assess(cg.open(workspace(observations__csv=facts)))).row(0, named=True)
    assert (row["weakest"], row["strongest"], row["spread"], row["coupling"]) == ("P", "P", 0, 1)
    assert row["cv"] == pytest.approx(0)


def test_a_unit_without_scores_has_nothing(workspace):
    facts = "unit,indicator,value\n1,a,50\n1,b,5\n1,c,50\n"
    row = balance(cg.assess(cg.open(workspace(observations__csv=facts)))).row(2, named=True)
    assert row.pop("unit_code") == "3"
    assert row.pop("n") == 0
    assert set(row.values()) == {None}


@given(arrays(float, st.tuples(st.integers(1, 8), st.integers(1, 3)), elements=st.integers(0, 9).map(float)))
def test_shortfalls_are_deviations_of_a_sample(values):
    mean, difference, z = shortfalls(values)
    for column in range(values.shape[1]):
        own = values[:, column].tolist()
        assert mean[column] == pytest.approx(fmean(own))
        assert difference[:, column] == pytest.approx([x - fmean(own) for x in own], abs=1e-12)
        if len(set(own)) > 1:
            assert z[:, column] == pytest.approx([(x - fmean(own)) / stdev(own) for x in own], abs=1e-12)
        else:
            assert np.isnan(z[:, column]).all()


def test_the_lowest_nodes_of_a_unit_come_first(workspace):
    result = cg.assess(cg.open(workspace()))
    found = short_boards(result, level=2)
    # a: 0.8, 0.6, 0.4; b: 0.8, 0.5, 0; c: 0.5, 0.7, none.
    assert found.select("unit_code", "place", "code").rows() == [
        ("1", 1, "c"), ("3", 1, "b"), ("3", 2, "a"),
    ]  # fmt: skip
    z_b = (0 - fmean([0.8, 0.5, 0])) / stdev([0.8, 0.5, 0])
    row = found.row(1, named=True)
    assert (row["z"], row["rank"], row["n"]) == (pytest.approx(z_b), 3, 3)
    assert row["difference"] == pytest.approx(-1.3 / 3)
    assert found["n"].to_list() == [2, 3, 3]
    assert short_boards(result, n=1).height == 2
    assert short_boards(result, level=1).select("unit_code", "code").rows() == [("1", "Q"), ("3", "P")]


def test_nobody_is_short_where_all_are_alike_or_alone(workspace):
    for units in ("1", "123"):
        facts = "unit,indicator,value\n" + "".join(
            f"{unit},a,70\n{unit},b,3\n{unit},c,10\n" for unit in units
        )
        assert short_boards(cg.assess(cg.open(workspace(observations__csv=facts)))).is_empty()


def test_a_level_that_is_not_there_is_refused(workspace):
    with pytest.raises(InputError) as refused:
        short_boards(cg.assess(cg.open(workspace())), level=7)
    assert refused.value.problems[0].code == "compare.unknown-level"


def test_illustrative_units_stand_under_neutral_names_in_their_order(workspace):
    result = cg.assess(cg.open(workspace(assessment__toml=ILLUSTRATIVE)))
    for frame in (balance(result), short_boards(result)):
        names = frame["unit_code"].to_list()
        assert names == sorted(names)
        assert all(name.startswith("示意城市") for name in names)
        assert frame["notice"].null_count() == 0
