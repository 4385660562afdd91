"""Nearest units by hand and by rescaled attributes; one unit against groups that leave it out."""

from __future__ import annotations

from math import log
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import citygauge as cg
from citygauge.analyse.peers import against, alike, log_distances, nearest
from citygauge.problems import InputError
from conftest import SOURCED

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
UNITS = """\
unit,name_zh,name_en,gdp,people,word,circle
1,苏州,Suzhou,1000,10,x,east
2,台州,Taizhou,100,10,y,east
3,成都,Chengdu,10,10,z,
"""
SIZES = arrays(float, st.tuples(st.integers(2, 7), st.integers(1, 3)), elements=st.floats(0.1, 1e6))


@given(SIZES)
def test_distances_are_those_of_standardised_logarithms(values):
    logs = [[log(x) for x in column] for column in values.T]
    found = log_distances(values)
    scaled = [[(x - fmean(own)) / stdev(own) if max(own) > min(own) else 0.0 for x in own] for own in logs]
    for i, j in np.ndindex(found.shape):
        expected = sum((own[i] - own[j]) ** 2 for own in scaled) ** 0.5
        assert found[i, j] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_units_without_a_size_above_zero_are_left_out():
    found = log_distances(np.array([[1.0, 2.0], [0.0, 2.0], [-1.0, 2.0], [np.nan, 2.0], [np.e, 2.0]]))
    assert np.isnan(found[1:4]).all()
    assert found[0, [0, 4]] == pytest.approx([0, 2**0.5])  # two logarithms 0 and 1 have the deviation √½
    assert np.isnan(log_distances(np.array([[np.nan]]))).all()
    assert log_distances(np.array([[5.0]])).tolist() == [[0.0]]


def codes(error):
    return [problem.code for problem in error.value.problems]


@pytest.fixture
def result(workspace):
    return cg.assess(cg.open(workspace(units__csv=UNITS, observations__csv=SOURCED)))


def test_the_nearest_come_first_and_ties_by_code(result):
    # Logarithms 3, 2, 1 of base ten: one standard deviation apart. An attribute without spread adds nothing.
    found = nearest(result, ["gdp", "people"])
    assert found.select("unit_code", "place", "peer_code").rows() == [
        ("1", 1, "2"), ("1", 2, "3"), ("2", 1, "1"), ("2", 2, "3"), ("3", 1, "2"), ("3", 2, "1"),
    ]  # fmt: skip
    assert found["distance"].to_list() == pytest.approx([1, 2, 1, 1, 1, 2])
    assert nearest(result, ["gdp"], k=1).height == 3
    assert nearest(result, []).is_empty()


def test_a_unit_without_the_attribute_has_no_row(workspace):
    units = UNITS.replace("成都,Chengdu,10,", "成都,Chengdu,,")
    found = nearest(cg.assess(cg.open(workspace(units__csv=units, observations__csv=SOURCED))), ["gdp"])
    assert found.select("unit_code", "peer_code").rows() == [("1", "2"), ("2", "1")]


def test_attributes_that_are_unknown_or_no_numbers_are_refused_together(result):
    with pytest.raises(InputError) as refused:
        nearest(result, ["gpd", "word"])
    assert codes(refused) == ["analyse.unknown-attribute", "analyse.no-numbers"]


def test_means_of_groups_and_peers_leave_the_unit_out(result):
    # The indices are 0.68, 0.61 and 0.24, the pillars P 0.8, 0.55, 0.2.
    found = against(result, "1", ["circle"], peers=["1", "2", "3"])
    assert found["code"].to_list() == ["I", "P", "Q"]
    row = found.row(1, named=True)
    assert (row["value"], row["rank"], row["n"]) == (pytest.approx(0.8), 1, 3)
    assert row["mean_all"] == pytest.approx(1.55 / 3)
    assert (row["mean_circle"], row["n_circle"]) == (pytest.approx(0.55), 1)
    assert (row["mean_peers"], row["n_peers"]) == (pytest.approx(0.375), 2)
    assert (row["mean_grade"], row["n_grade"]) == (None, 0)
    assert list(row)[-2:] == ["mean_circle", "n_circle"]


def test_a_blank_attribute_makes_no_group(result):
    row = against(result, "3", ["circle"]).row(0, named=True)
    assert (row["mean_circle"], row["n_circle"]) == (None, 0)
    assert alike([None, "", "a"], 1).tolist() == [False] * 3


def test_a_missing_score_counts_in_no_mean(workspace):
    result = cg.assess(cg.open(workspace(units__csv=UNITS)))  # unit 3 has no Q
    row = against(result, "2", peers=["3"]).row(2, named=True)
    assert (row["n"], row["mean_peers"], row["n_peers"]) == (2, None, 0)
    assert row["mean_all"] == pytest.approx(0.6)
    assert against(result, "3").row(2, named=True)["value"] is None


def test_the_grade_is_compared_without_the_unit(workspace):
    method = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "smart-2021"\n'
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED, method__toml=method)))
    row = against(result, "3").row(0, named=True)  # all three are exploring
    assert (row["mean_grade"], row["n_grade"]) == (pytest.approx((0.68 + 0.61) / 2), 2)


def test_unknown_units_peers_and_attributes_are_refused(result):
    with pytest.raises(InputError) as refused:
        against(result, "11")
    assert codes(refused) == ["analyse.unknown-unit"]
    with pytest.raises(InputError) as refused:
        against(result, "1", ["circel"], peers=["7", "8"])
    assert codes(refused) == ["analyse.unknown-attribute", "analyse.unknown-unit", "analyse.unknown-unit"]


def test_on_illustrative_data_nothing_tells_who_is_meant(workspace):
    method = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "smart-2021"\n'
    files = {"assessment__toml": ILLUSTRATIVE, "observations__csv": SOURCED, "method__toml": method}
    result = cg.assess(cg.open(workspace(**files)))
    unit = result.row_labels[0]
    for ask in (
        lambda: nearest(result, ["size"]),
        lambda: against(result, unit, ["circle"]),
        lambda: against(result, unit, peers=[result.row_labels[1]]),
    ):
        with pytest.raises(InputError) as refused:
            ask()
        assert codes(refused) == ["analyse.not-on-illustrative"]
    row = against(result, unit).row(0, named=True)
    assert (row["mean_grade"], row["n_grade"]) == (None, 2)  # a mean of two would tell either to the other
    assert row["mean_all"] == pytest.approx(0.51)
    assert row["notice"]
