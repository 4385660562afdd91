"""Correlations against pandas and scipy, their edges, and the pairs that tables hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau, pearsonr, spearmanr

import citygauge as cg
from citygauge.analyse.correlation import (
    correlation_flags,
    correlation_matrix,
    correlations,
    correlations_with_denominators,
    correlations_with_parents,
)
from citygauge.analyse.pairwise import METHODS, correlation, covariance, kendall_p_value, p_value
from citygauge.problems import InputError

VALUES = st.one_of(st.integers(-5, 5).map(float), st.just(float("nan")))
GRIDS = arrays(float, st.tuples(st.integers(0, 9), st.integers(1, 4)), elements=VALUES)


@pytest.mark.parametrize("method", METHODS)
@given(values=GRIDS)
@settings(max_examples=40)
def test_correlations_of_columns_with_gaps_and_ties_equal_pandas(method, values):
    found, n = correlation(values, None, method)
    want = pd.DataFrame(values).corr(method=method, min_periods=3).to_numpy(copy=True)
    np.fill_diagonal(want, np.where(np.isnan(np.diag(found)), np.nan, np.diag(want)))
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)
    known = ~np.isnan(values)
    assert n.tolist() == [[int((a & b).sum()) for b in known.T] for a in known.T]
    np.testing.assert_array_equal(found, found.T)


@given(values=GRIDS)
@settings(max_examples=40)
def test_covariances_equal_pandas(values):
    want = pd.DataFrame(values).cov(min_periods=3).to_numpy(copy=True)
    np.testing.assert_allclose(covariance(values), want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_columns_against_others_are_a_part_of_all_against_all(method):
    values = np.random.default_rng(1).normal(size=(20, 5)).round(1)
    values[3, 0] = values[7, 4] = np.nan
    whole, n = correlation(values, None, method)
    part, n_part = correlation(values[:, :2], values[:, 2:], method)
    np.testing.assert_allclose(part, whole[:2, 2:], rtol=1e-12)
    np.testing.assert_array_equal(n_part, n[:2, 2:])


@pytest.mark.parametrize("method", METHODS)
def test_there_is_none_for_a_constant_column_two_pairs_or_no_value(method):
    gap = np.nan
    values = np.array(
        [
            [1.0, 0.1, 1.0, gap, 7.0],
            [2.0, 0.1, 3.0, gap, 7.0],
            [4.0, 0.1, gap, gap, 7.0],
            [3.0, 0.1, gap, gap, 8.0],
            [gap, 0.1, 2.0, gap, 9.0],
        ]
    )
    found, n = correlation(values, None, method)
    assert n[0].tolist() == [4, 4, 2, 0, 4]
    assert np.isnan(found[1]).all()  # no spread
    assert np.isnan(found[3]).all()  # no value
    assert np.isnan(found[0, 2])  # two pairs
    assert found[0, 0] == found[2, 2] == found[4, 4] == 1.0
    assert not np.isnan(found[0, 4])
    # Over the units of the third column, only two values of the last one are left.
    assert not np.isnan(found[2, 4])
    level = values.copy()
    level[4, 4] = 7.0
    assert np.isnan(correlation(level, None, method)[0][2, 4])


def test_a_constant_part_of_a_column_with_a_huge_value_elsewhere_has_no_correlation():
    values = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0], [np.nan, 1e15]])
    assert np.isnan(correlation(values)[0][0, 1])
    values[0, 1] = 4.0
    want = pearsonr(values[:3, 0], values[:3, 1]).statistic
    assert correlation(values)[0][0, 1] == pytest.approx(want, rel=1e-12)


def test_equal_columns_correlate_by_one_and_opposite_ones_by_minus_one():
    x = np.random.default_rng(0).normal(size=30)
    for method in METHODS:
        found, n = correlation(np.column_stack([x, 3 * x + 1, -x]), None, method)
        np.testing.assert_allclose(found, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], atol=1e-12)
        assert np.abs(found).max() <= 1
        assert p_value(found, n)[0, 0] == 0


def test_no_column_and_no_unit_give_empty_tables_of_the_right_shape():
    for method in METHODS:
        assert correlation(np.empty((5, 0)), None, method)[0].shape == (0, 0)
        assert correlation(np.empty((5, 2)) * np.nan, np.empty((5, 0)), method)[0].shape == (2, 0)
        assert np.isnan(correlation(np.empty((0, 2)), None, method)[0]).all()


@given(
    arrays(float, st.tuples(st.integers(3, 40), st.just(2)), elements=st.integers(-9, 9).map(float)),
)
@settings(max_examples=60)
def test_p_values_equal_scipy(values):
    if not np.ptp(values, axis=0).all():
        return
    x, y = values.T
    for method, test in (("pearson", pearsonr), ("spearman", spearmanr)):
        found, n = correlation(values, None, method)
        want = test(x, y)
        assert found[0, 1] == pytest.approx(want.statistic, rel=1e-9, abs=1e-12)
        if abs(found[0, 1]) < 1 - 1e-9:
            assert p_value(found, n)[0, 1] == pytest.approx(want.pvalue, rel=1e-6, abs=1e-12)
    assert kendall_p_value(x, y) == pytest.approx(kendalltau(x, y).pvalue, rel=1e-9)


def test_p_values_need_three_units_and_spread():
    assert np.isnan(p_value(np.array([0.5, np.nan]), np.array([2, 9]))).all()
    assert np.isnan(kendall_p_value(np.array([1.0, 2.0, np.nan]), np.array([1.0, 2.0, 3.0])))
    assert np.isnan(kendall_p_value(np.ones(5), np.arange(5.0)))


def test_a_critical_value_of_the_t_table_has_its_p_value():
    # t = 2.228 at 10 degrees of freedom leaves 5 % in both tails (any table of Student's t).
    t = 2.228
    r = t / np.sqrt(10 + t**2)
    assert p_value(np.array([r]), np.array([12]))[0] == pytest.approx(0.05, abs=5e-5)


def test_kendall_of_many_columns_takes_well_under_two_seconds():
    values = np.random.default_rng(0).normal(size=(51, 49))
    started = time.perf_counter()
    found, _ = correlation(values, None, "kendall")
    assert time.perf_counter() - started < 2
    assert found[0, 1] == pytest.approx(kendalltau(values[:, 0], values[:, 1]).statistic, rel=1e-12)


def test_kendall_is_the_same_in_parts_as_at_once(monkeypatch):
    values = np.random.default_rng(2).integers(0, 4, (30, 3)).astype(float)
    whole, _ = correlation(values, None, "kendall")
    monkeypatch.setattr("citygauge.analyse.pairwise._CELLS", 200)
    np.testing.assert_allclose(correlation(values, None, "kendall")[0], whole, rtol=1e-14)


UNITS = """\
unit,name_zh,name_en,size,word,circle
1,苏州,Suzhou,30,x,east
2,台州,Taizhou,20,x,east
3,成都,Chengdu,10,x,west
4,西安,Xi'an,,x,west
"""
FACTS = """\
unit,indicator,value
1,a,80
1,b,2
1,c,50
2,a,60
2,b,5
2,c,70
3,a,40
3,b,10
3,c,20
4,a,50
4,b,6
4,c,
"""


@pytest.fixture
def result(workspace: Callable[..., Path]) -> cg.Result:
    return cg.assess(cg.open(workspace(units__csv=UNITS, observations__csv=FACTS)))


def test_a_table_of_pairs_has_each_pair_once(result):
    rows = correlations(result).to_dicts()
    assert [(row["code"], row["other"], row["n"]) for row in rows] == [
        ("a", "b", 4),
        ("a", "c", 3),
        ("b", "c", 3),
    ]
    # a and b as normalised: b counts the other way round.
    want = pearsonr([80, 60, 40, 50], [-2, -5, -10, -6])
    assert rows[0]["correlation"] == pytest.approx(want.statistic)
    assert rows[0]["p_value"] == pytest.approx(want.pvalue)
    assert correlations(result, step="raw")["correlation"][0] == pytest.approx(-want.statistic)


def test_pairs_can_be_kept_within_groups_and_a_level_chosen(result):
    rows = correlations(result, within=1)
    assert rows.select("group", "code", "other").rows() == [("P", "a", "b")]
    assert correlations(result, level=1).select("code", "other").rows() == [("P", "Q")]
    assert correlations(result, codes=["I", "a"]).height == 1
    assert correlations(result, level=0).height == 0
    assert correlations(result, level=1, within=1).height == 0


def test_what_is_not_significant_is_empty_and_keeps_its_p_value(result):
    rows = correlations(result, method="spearman", significance=0.01)
    kept = rows["p_value"] <= 0.01
    assert rows["correlation"].is_null().to_list() == (~kept).to_list()
    assert rows["p_value"].null_count() == 0
    # Three and four units in the same order: no correlation but the one of ±1 is that sure.
    assert rows.filter(kept)["correlation"].to_list() == [1.0]


@pytest.mark.parametrize("method", METHODS)
def test_a_matrix_is_square_and_has_the_figures_of_the_pairs(result, method):
    square = correlation_matrix(result, method=method)
    assert square.columns == ["code", "a", "b", "c"]
    assert [square["a"][0], square["b"][1]] == [1.0, 1.0]
    assert square["a"][1] == square["b"][0] == correlations(result, method=method)["correlation"][0]


def test_nodes_are_held_against_their_parents_and_their_family(result):
    rows = correlations_with_parents(result)
    pairs = [("P", "I"), ("a", "P"), ("b", "P"), ("Q", "I"), ("c", "Q")]
    assert rows.select("code", "ancestor").rows() == pairs
    assert rows.filter(code="c")["correlation"].to_list() == [pytest.approx(1.0)]
    family = correlations_with_parents(result, codes=["a"], family=True)
    assert family.select("ancestor", "ancestor_level").rows() == [("P", 1), ("I", 0)]
    values = result.aggregated
    want = pearsonr(values.column("a"), values.column("P")).statistic
    assert family["correlation"][0] == pytest.approx(want)
    assert correlations_with_parents(result, level=0).height == 0


def test_pairs_that_say_the_same_and_pairs_that_cancel_out_are_flagged(workspace):
    tree = "code,parent,level,name_en,direction,low,high\nI,,0,Index,,,\n" + "".join(
        f"{code},I,1,{code},1,0,100\n" for code in "abc"
    )
    facts = "unit,indicator,value\n" + "".join(
        f"{i},a,{10 * i}\n{i},b,{10 * i + i % 2}\n{i},c,{90 - 10 * i}\n" for i in range(1, 7)
    )
    units = "unit,name_en\n" + "".join(f"{i},City {i}\n" for i in range(1, 7))
    folder = workspace(framework__csv=tree, observations__csv=facts, units__csv=units)
    result = cg.assess(cg.open(folder))
    rows = correlation_flags(result, within=0).select("group", "code", "other", "flag").rows()
    assert rows == [("I", "a", "b", "high"), ("I", "a", "c", "low"), ("I", "b", "c", "low")]
    assert correlation_flags(result, above=1.0, below=-1.0, within=0).height == 0
    assert correlation_flags(result, within=1).height == 0


def test_sizes_are_attributes_of_the_units_or_indicators(result):
    rows = correlations_with_denominators(result, denominators=["size", "c"], step="raw")
    assert rows.filter(denominator="size")["n"].to_list() == [3, 3, 3]
    assert rows.filter(code="a", denominator="size")["correlation"][0] == pytest.approx(1.0)
    assert rows.filter(denominator="c")["code"].to_list() == ["a", "b"]
    assert not rows["is_divided"].any()
    assert correlations_with_denominators(result).height == 0
    large = correlations_with_denominators(result, denominators=["size"], above=0.95, method="kendall")
    assert dict(large.select("code", "correlation").iter_rows()) == {"a": 1.0, "b": -1.0}


def test_the_denominators_of_the_framework_are_the_default(workspace):
    tree = (
        "code,parent,level,name_en,direction,denominator,low,high\nI,,0,Index,,,,\n"
        "a,I,1,A,1,size,0,9\nb,I,1,B,-1,,0,10\nc,I,1,C,1,,0,100\n"
    )
    rows = correlations_with_denominators(cg.assess(cg.open(workspace(framework__csv=tree))))
    pairs = [("a", "size", True), ("b", "size", False), ("c", "size", False)]
    assert rows.select("code", "denominator", "is_divided").rows() == pairs


def test_a_size_that_is_none_is_refused_with_all_others(result):
    with pytest.raises(InputError) as caught:
        correlations_with_denominators(result, denominators=["size", "sice", "word"])
    assert [p.code for p in caught.value.problems] == ["analyse.unknown-attribute", "analyse.no-numbers"]


def test_unknown_methods_levels_and_nodes_are_refused(result):
    for code, wanted in (
        ("analyse.unknown-choice", {"method": "phi"}),
        ("compare.unknown-level", {"level": 7}),
        ("compare.unknown-node", {"codes": ["zz"]}),
        ("analyse.not-at-step", {"codes": ["I"], "step": "treated"}),
    ):
        with pytest.raises(InputError) as caught:
            correlations(result, **wanted)
        assert [p.code for p in caught.value.problems] == [code]


def test_the_tables_of_illustrative_data_carry_the_notice(workspace):
    settings_ = 'framework = "framework.csv"\nillustrative = true\n'
    result = cg.assess(cg.open(workspace(assessment__toml=settings_)))
    frames = [
        correlations(result), correlation_matrix(result), correlation_flags(result),
        correlations_with_parents(result), correlations_with_denominators(result, denominators=["size"]),
    ]  # fmt: skip
    assert all(frame.columns[-1] == "notice" for frame in frames)
