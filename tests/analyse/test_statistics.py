"""Statistics of indicators against numpy, scipy and pandas; gaps, states and flags by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kurtosis, skew

import citygauge as cg
from citygauge.analyse.statistics import (
    QUANTILES,
    Thresholds,
    indicator_statistics,
    statistics,
    ties,
)
from citygauge.analyse.step_table import step_table
from citygauge.problems import InputError
from citygauge.score.treat import Limits

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
SMALL = st.one_of(st.integers(-20, 20).map(float), st.just(float("nan")))


@given(arrays(float, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=SMALL))
def test_statistics_equal_those_of_pandas_and_scipy(values):
    found, frame = statistics(values), pd.DataFrame(values)
    want = {
        "min": frame.min(), "max": frame.max(), "mean": frame.mean(), "sd": frame.std(),
        **{name: frame.quantile(share) for name, share in QUANTILES.items()},
    }  # fmt: skip
    for name, column in want.items():
        np.testing.assert_allclose(found[name], column.to_numpy(), rtol=1e-9, atol=1e-9, err_msg=name)
    for i, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if known.size > 3 and np.ptp(known):
            assert found["skew"][i] == pytest.approx(skew(known, bias=False), rel=1e-9, abs=1e-9)
            assert found["kurtosis"][i] == pytest.approx(kurtosis(known, bias=False), rel=1e-9, abs=1e-9)


@given(arrays(float, st.tuples(st.integers(1, 12), st.just(2)), elements=SMALL))
def test_ties_are_counted_as_pandas_counts_them(values):
    unique, same = ties(values)
    for i in range(values.shape[1]):
        counts = pd.Series(values[:, i]).value_counts()
        assert (unique[i], same[i]) == (counts.size, counts.max() if counts.size else 0)


def test_values_that_differ_by_a_rounding_error_are_one_value():
    assert [each.tolist() for each in ties(np.array([[0.3], [0.1 + 0.2], [0.1]]))] == [[2], [2]]


def test_quantiles_are_linear_between_order_statistics():
    found = statistics(np.arange(1.0, 12.0)[:, None])  # h = 10 p, so 5 % lies halfway from 1 to 2
    assert [found[name][0] for name in ("q5", "q25", "median", "q95")] == [1.5, 3.5, 6.0, 10.5]


def test_a_constant_column_has_no_deviation_and_no_shape():
    found = statistics(np.full((6, 1), 0.1))
    assert (found["mean"][0], found["sd"][0], found["q5"][0]) == (pytest.approx(0.1), 0.0, 0.1)
    assert np.isnan(found["skew"][0])
    assert np.isnan(found["kurtosis"][0])


def test_one_value_has_no_deviation_and_no_value_has_nothing():
    found = statistics(np.array([[5.0, np.nan]]))
    assert (found["median"][0], np.isnan(found["sd"][0])) == (5.0, True)
    assert all(np.isnan(column[1]) for column in found.values())


STATES = """\
unit,indicator,period,value,state,unit_of_measure
1,a,2023,0,,
2,a,2023,0,,
3,a,2023,60,,
1,b,2023,5,,
2,b,2023,,missing,
3,b,2023,,not_applicable,
1,c,2023,,not_measurable,
2,c,2023,70,,
3,c,2023,,missing,
"""


def figures(folder: Path, *args: object, **settings: object) -> dict[str, dict[str, object]]:
    frame = indicator_statistics(cg.assess(cg.open(folder)), *args, **settings)
    return {row["code"]: row for row in frame.to_dicts()}


def test_missing_not_applicable_and_not_measurable_are_counted_apart(workspace: Callable[..., Path]):
    rows = figures(workspace(observations__csv=STATES))
    counts = ("available", "missing", "not_measurable", "not_applicable", "imputed", "zeros", "same")
    assert [rows["a"][name] for name in counts] == [3, 0, 0, 0, 0, 2, 2]
    assert [rows["b"][name] for name in counts] == [1, 1, 0, 1, 0, 0, 1]
    assert [rows["c"][name] for name in counts] == [1, 1, 1, 0, 0, 0, 1]
    assert rows["c"]["max"] == 70
    shares = [rows[code]["share_available"] for code in "abc"]
    assert shares == [1.0, pytest.approx(1 / 2), pytest.approx(1 / 3)]
    assert (rows["a"]["share_zeros"], rows["a"]["share_unique"]) == (pytest.approx(2 / 3),) * 2


def test_flags_stand_where_a_threshold_is_passed_and_not_where_it_is_met(workspace: Callable[..., Path]):
    folder = workspace(observations__csv=STATES)
    rows = figures(folder)
    flags = ("few_available", "many_zeros", "few_unique", "outliers")
    assert [rows["a"][name] for name in flags] == [False, True, False, False]
    assert [rows["b"][name] for name in flags] == [True, False, False, False]
    met = figures(folder, thresholds=Thresholds(1 / 2, 2 / 3, 2 / 3))
    assert [met[code][name] for code in "ab" for name in flags[:3]] == [False] * 6
    few = figures(folder, thresholds=Thresholds(min_unique=0.7))
    assert few["a"]["few_unique"]


def test_outliers_are_flagged_by_both_moments(workspace: Callable[..., Path]):
    units = "unit,name_zh,name_en\n" + "".join(f"{i},城{i},City {i}\n" for i in range(1, 9))
    facts = "unit,indicator,value\n" + "".join(
        f"{i},a,{99 if i == 8 else i}\n{i},b,{i}\n{i},c,{i}\n" for i in range(1, 9)
    )
    folder = workspace(units__csv=units, observations__csv=facts)
    assert [row["outliers"] for row in figures(folder).values()] == [True, False, False]
    strict = Thresholds(outliers=Limits(skew=0.0, kurtosis=-9.0))
    assert all(row["outliers"] for row in figures(folder, thresholds=strict).values())


def test_an_imputed_value_is_there_and_an_imputed_zero_is_no_zero(workspace: Callable[..., Path]):
    facts = "unit,indicator,value\n1,a,0\n2,a,0\n1,b,2\n2,b,5\n3,b,10\n1,c,50\n2,c,70\n3,c,30\n"
    method = '[impute]\nhow = "median"\n[normalise]\nhow = "goalposts"\n'
    folder = workspace(observations__csv=facts, method__toml=method)
    rows, before = figures(folder, "imputed"), figures(folder)
    assert [rows["a"][name] for name in ("available", "imputed", "zeros")] == [3, 1, 2]
    assert [before["a"][name] for name in ("available", "imputed", "zeros")] == [2, 0, 2]


def test_an_indicator_without_any_value_has_counts_and_nothing_else(workspace: Callable[..., Path]):
    facts = "unit,indicator,value,state\n1,a,80,\n2,a,60,\n1,b,2,\n" + "".join(
        f"{i},c,,not_applicable\n" for i in (1, 2, 3)
    )
    row = figures(workspace(observations__csv=facts))["c"]
    assert (row["available"], row["not_applicable"], row["unique"], row["same"]) == (0, 3, 0, 0)
    empty = ("min", "mean", "sd", "share_available", "share_zeros", "few_available", "few_unique")
    assert [row[name] for name in empty] == [None] * len(empty)
    assert row["outliers"] is False


def test_statistics_of_scores_cover_any_node_and_carry_the_notice(workspace: Callable[..., Path]):
    rows = figures(workspace(assessment__toml=ILLUSTRATIVE), "aggregated", codes=["I", "P"])
    assert rows["I"]["max"] == pytest.approx(0.68)
    assert {row["notice"] for row in rows.values()} == {"illustrative data, not observed"}


def test_raw_values_stand_before_the_denominator(workspace: Callable[..., Path]):
    tree = (
        "code,parent,level,name_en,direction,denominator,low,high\nI,,0,Index,,,,\n"
        "a,I,1,A,1,size,0,9\nb,I,1,B,-1,,0,10\nc,I,1,C,1,,0,100\n"
    )
    folder = workspace(framework__csv=tree)
    assert figures(folder, "raw")["a"]["max"] == 80
    assert figures(folder, "derived")["a"]["max"] == pytest.approx(40 / 10)


def test_unknown_words_and_nodes_without_a_column_are_refused(workspace: Callable[..., Path]):
    result = cg.assess(cg.open(workspace()))
    with pytest.raises(InputError) as caught:
        step_table(result, "cooked")  # type: ignore[arg-type]
    assert [p.code for p in caught.value.problems] == ["analyse.unknown-choice"]
    with pytest.raises(InputError) as caught:
        indicator_statistics(result, "raw", codes=["I", "zz", "a"])
    assert [p.code for p in caught.value.problems] == ["compare.unknown-node", "analyse.not-at-step"]
    assert caught.value.problems[1].values["codes"] == ["I"]
