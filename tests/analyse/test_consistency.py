"""Cronbach's alpha and components: other formulas, analytic cases, edges, and the groups of a result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import citygauge as cg
from citygauge.analyse.consistency import (
    component_loadings,
    consistency,
    cronbach_alpha,
    explained_variance,
    standardised_alpha,
)
from citygauge.problems import InputError


def by_sums(values: np.ndarray) -> float:
    """Alpha by the variance of the sum over all columns, as in the books."""
    k = values.shape[1]
    return k / (k - 1) * (1 - values.var(axis=0, ddof=1).sum() / values.sum(axis=1).var(ddof=1))


@given(
    arrays(float, st.tuples(st.integers(3, 20), st.integers(2, 5)), elements=st.integers(-50, 50).map(float))
)
def test_alpha_without_gaps_is_that_of_the_variance_of_the_sum(values):
    if values.sum(axis=1).var() > 1e-3:
        assert cronbach_alpha(values) == pytest.approx(by_sums(values), rel=1e-9, abs=1e-9)
        if values.std(axis=0).min() > 0:
            scaled = (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)
            if scaled.sum(axis=1).var() > 1e-6:
                want = by_sums(scaled)
                assert standardised_alpha(values) == pytest.approx(want, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("k", "r"), [(2, 0.5), (5, 0.2), (4, 0.0)])
def test_columns_that_all_correlate_alike_have_the_alpha_of_spearman_and_brown(k, r):
    # With a covariance matrix of 1 and r, alpha = k r / (1 + (k - 1) r).
    noise = np.random.default_rng(0).normal(size=(50, k))
    noise -= noise.mean(axis=0)
    white = np.linalg.qr(noise)[0] * np.sqrt(49)
    values = white @ np.linalg.cholesky(np.where(np.eye(k) == 1, 1.0, r)).T
    want = k * r / (1 + (k - 1) * r)
    assert cronbach_alpha(values) == pytest.approx(want, abs=1e-9)
    assert standardised_alpha(values * np.arange(1, k + 1)) == pytest.approx(want, abs=1e-9)


def test_columns_that_say_the_same_have_alpha_one():
    values = np.arange(9.0)[:, None] + np.zeros(4)
    assert cronbach_alpha(values) == pytest.approx(1.0, rel=1e-12)
    assert standardised_alpha(values) == pytest.approx(1.0, rel=1e-12)


def test_columns_that_cancel_out_have_no_alpha():
    x = np.arange(5.0)
    assert np.isnan(cronbach_alpha(np.column_stack([x, -x])))
    assert np.isnan(standardised_alpha(np.column_stack([x, -7 * x])))


def test_gaps_are_left_out_pair_by_pair():
    values = np.array([[1.0, 2.0, np.nan], [2.0, 1.0, 3.0], [3.0, 5.0, 4.0], [4.0, 4.0, 9.0]])
    c12 = np.cov(values[:, 0], values[:, 1])[0, 1]
    c13, c23 = (np.cov(values[1:, i], values[1:, 2])[0, 1] for i in (0, 1))
    variances = values[:, 0].var(ddof=1) + values[:, 1].var(ddof=1) + values[1:, 2].var(ddof=1)
    off = 2 * (c12 + c13 + c23)
    assert cronbach_alpha(values) == pytest.approx(9 * (off / 6) / (off + variances))


def test_there_is_no_alpha_of_one_column_of_two_units_and_of_nothing():
    for function in (cronbach_alpha, standardised_alpha):
        assert np.isnan(function(np.arange(5.0)[:, None]))
        assert np.isnan(function(np.array([[1.0, 2.0], [2.0, 3.0]])))
        assert np.isnan(function(np.full((5, 3), np.nan)))
        assert np.isnan(function(np.empty((5, 0))))
        assert np.isnan(function(np.ones((5, 3))))


def test_a_constant_column_goes_with_nothing_and_has_no_standardised_alpha():
    x = np.array([1.0, 2.0, 3.0, 5.0])
    values = np.column_stack([x, x, np.full(4, 0.3)])
    # 3 / 2 (1 - 2 v / 4 v)
    assert cronbach_alpha(values) == pytest.approx(0.75)
    assert np.isnan(standardised_alpha(values))


UNITS = "unit,name_zh,name_en\n" + "".join(f"{i},城{i},City {i}\n" for i in range(1, 6))
A, B, C = [80, 60, 40, 50, 70], [2, 5, 10, 6, 1], [50, 70, 30, 20, 60]


def facts_of(c: list[int | str]) -> str:
    rows = [f"{i},a,{a}\n{i},b,{b}\n{i},c,{x}\n" for i, (a, b, x) in enumerate(zip(A, B, c, strict=True), 1)]
    return "unit,indicator,value\n" + "".join(rows)


@pytest.fixture
def result(workspace: Callable[..., Path]) -> cg.Result:
    return cg.assess(cg.open(workspace(units__csv=UNITS, observations__csv=facts_of(C))))


def test_every_node_with_children_has_a_row(result):
    rows = {row["group"]: row for row in consistency(result).to_dicts()}
    assert list(rows) == ["I", "P", "Q"]
    scores = np.column_stack([np.array(A) / 100, 1 - np.array(B) / 10])
    assert rows["P"]["alpha"] == pytest.approx(by_sums(scores))
    assert (rows["P"]["k"], rows["P"]["n_complete"]) == (2, 5)
    assert (rows["Q"]["k"], rows["Q"]["alpha"], rows["Q"]["alpha_standardised"]) == (1, None, None)


def test_any_list_of_nodes_has_a_row_under_its_name(result):
    rows = consistency(result, {"leaves": ["a", "b", "c"], "mixed": ["P", "c"]})
    assert rows.select("group", "k").rows() == [("leaves", 3), ("mixed", 2)]
    turned = consistency(result, {"leaves": ["a", "b", "c"]}, "raw")
    assert turned["alpha_standardised"][0] == pytest.approx(rows["alpha_standardised"][0])
    assert turned["alpha"][0] != pytest.approx(rows["alpha"][0])
    # Before aggregation only P and Q are made of columns.
    assert consistency(result, step="raw")["group"].to_list() == ["P", "Q"]


def test_components_explain_the_eigenvalues_of_the_correlations(result):
    rows = explained_variance(result, codes=["a", "b", "c"])
    own = np.linalg.eigvalsh(np.corrcoef([A, [-b for b in B], C]))[::-1]
    np.testing.assert_allclose(rows["eigenvalue"], own, atol=1e-12)
    np.testing.assert_allclose(rows["sd"], np.sqrt(own), atol=1e-6)
    np.testing.assert_allclose(rows["explained"], own / 3, atol=1e-12)
    assert rows["cumulative"][-1] == pytest.approx(1.0)
    assert explained_variance(result)["component"].to_list() == [1, 2]
    loadings = component_loadings(result, "P")
    first = loadings.filter(component=1)["loading"].to_list()
    assert first == [pytest.approx(np.sqrt(0.5))] * 2
    assert loadings["code"].to_list() == ["a", "a", "b", "b"]


def test_a_node_without_spread_has_no_component(workspace):
    level = facts_of([50] * 5)
    result = cg.assess(cg.open(workspace(units__csv=UNITS, observations__csv=level)))
    assert explained_variance(result, "Q").height == 0
    assert explained_variance(result, codes=["a", "b", "c"]).height == 2


def test_a_node_without_children_and_too_few_complete_units_are_refused(workspace, result):
    with pytest.raises(InputError) as caught:
        explained_variance(result, "a")
    assert [p.code for p in caught.value.problems] == ["analyse.no-children"]
    with pytest.raises(InputError) as caught:
        explained_variance(result, "zz")
    assert [p.code for p in caught.value.problems] == ["compare.unknown-node"]
    gaps = facts_of([50, 60, "", "", ""])
    few = cg.assess(cg.open(workspace(units__csv=UNITS, observations__csv=gaps)))
    with pytest.raises(InputError) as caught:
        component_loadings(few, codes=["a", "c"])
    assert [p.code for p in caught.value.problems] == ["analyse.too-few-units"]
    assert caught.value.problems[0].values["rows"] == 2
    assert consistency(few, {"x": ["a", "c"]})["alpha"].to_list() == [None]


def test_the_tables_of_illustrative_data_carry_the_notice(workspace):
    settings = 'framework = "framework.csv"\nillustrative = true\n'
    folder = workspace(assessment__toml=settings, units__csv=UNITS, observations__csv=facts_of(C))
    result = cg.assess(cg.open(folder))
    for frame in (consistency(result), explained_variance(result), component_loadings(result)):
        assert frame.columns[-1] == "notice"
