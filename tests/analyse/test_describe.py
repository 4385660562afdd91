"""Statistics of scores against Python's own, and the children of a node that stand out."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import citygauge as cg
from citygauge.analyse.describe import child_gaps

COLUMNS = ["code", "level", "n", "mean", "sd", "cv", "gini", "min", "p25", "median", "p75", "max", "gap"]


def rows_of(result: cg.Result) -> dict[str, dict]:
    return {row["code"]: row for row in cg.describe(result).to_dicts()}


def test_mean_and_deviation_are_those_of_the_scores_that_are_there(workspace: Callable[..., Path]) -> None:
    result = cg.assess(cg.open(workspace()))
    rows = rows_of(result)
    index = [0.68, 0.61, 0.2]
    assert rows["I"]["mean"] == pytest.approx(statistics.mean(index))
    assert rows["I"]["sd"] == pytest.approx(statistics.stdev(index))
    assert (rows["c"]["n"], rows["c"]["min"], rows["c"]["max"]) == (2, 0.5, 0.7)


def test_one_value_has_a_mean_and_no_deviation_and_none_has_neither(workspace: Callable[..., Path]) -> None:
    facts = "unit,indicator,value\n1,a,80\n1,b,2\n2,b,3\n"
    rows = rows_of(cg.assess(cg.open(workspace(observations__csv=facts))))
    assert (rows["a"]["mean"], rows["a"]["sd"]) == (0.8, None)
    assert (rows["c"]["n"], rows["c"]["mean"], rows["c"]["sd"], rows["c"]["min"]) == (0, None, None, None)
    assert (rows["a"]["cv"], rows["a"]["gini"], rows["a"]["median"], rows["a"]["gap"]) == (None, None, 0.8, 0)
    assert set(list(rows["c"].values())[3:]) == {None}


def test_the_columns_stand_in_their_order_one_row_for_each_node(workspace):
    frame = cg.describe(cg.assess(cg.open(workspace())))
    assert frame.columns == COLUMNS
    assert frame["code"].to_list() == ["I", "P", "a", "b", "Q", "c"]
    assert frame["level"].to_list() == [0, 1, 2, 2, 1, 2]


def test_quartiles_lie_linearly_between_the_scores_and_spread_is_measured_against_the_mean(workspace):
    row = rows_of(cg.assess(cg.open(workspace())))["I"]
    index = [0.68, 0.61, 0.2]
    quartiles = statistics.quantiles(index, n=4, method="inclusive")  # Hyndman and Fan's type 7
    assert [row["p25"], row["median"], row["p75"]] == pytest.approx(quartiles)
    assert row["gap"] == pytest.approx(0.48)
    assert row["cv"] == pytest.approx(statistics.stdev(index) / statistics.mean(index))
    # 2 (0.48 + 0.07 + 0.41) / 9 pairs, half of it over the mean.
    assert row["gini"] == pytest.approx((2 * 0.96 / 9) / (2 * 1.49 / 3))


def test_scores_below_zero_have_no_gini_and_around_zero_no_variation(workspace):
    result = cg.assess(cg.open(workspace(method__toml='[normalise]\nhow = "zscore"\nmean = 0\nsd = 1\n')))
    row = rows_of(result)["a"]
    assert (row["cv"], row["gini"]) == (None, None)
    assert row["sd"] == pytest.approx(1.0)


def test_equal_scores_have_no_spread_at_all(workspace):
    facts = "unit,indicator,value\n" + "".join(f"{i},a,10\n{i},b,2\n{i},c,30\n" for i in (1, 2, 3))
    for row in rows_of(cg.assess(cg.open(workspace(observations__csv=facts)))).values():
        assert (row["sd"], row["cv"], row["gini"], row["gap"]) == (0.0, 0.0, 0.0, 0.0)


def test_the_best_and_the_worst_child_of_each_node_are_named_with_their_means(workspace):
    frame = child_gaps(cg.assess(cg.open(workspace())))
    # a: 0.8, 0.6, 0.4; b: 0.8, 0.5, 0; P: 0.8, 0.55, 0.2; Q: 0.5, 0.7.
    want = [
        ("I", 0, 2, "Q", 0.6, "P", 1.55 / 3, 0.6 - 1.55 / 3),
        ("P", 1, 2, "a", 0.6, "b", 1.3 / 3, 0.6 - 1.3 / 3),
        ("Q", 1, 1, "c", 0.6, "c", 0.6, 0.0),
    ]
    for row, expected in zip(frame.rows(), want, strict=True):
        assert row == tuple(pytest.approx(e) if isinstance(e, float) else e for e in expected)
    assert frame.columns == [
        "code", "level", "n_children", "highest", "highest_mean", "lowest", "lowest_mean", "gap",
    ]  # fmt: skip


def test_of_children_with_the_same_mean_the_first_is_named_whatever_the_last_bits_say(workspace):
    facts = "unit,indicator,value\n1,a,30\n1,b,7\n1,c,5\n2,a,10\n2,b,9\n2,c,5\n3,a,20\n3,b,8\n3,c,5\n"
    result = cg.assess(cg.open(workspace(observations__csv=facts)))
    means = {code: np.mean(result.aggregated.column(code)) for code in ("a", "b")}
    assert means["a"] == pytest.approx(means["b"], rel=1e-12)
    row = child_gaps(result).row(1, named=True)
    assert (row["highest"], row["lowest"], row["gap"]) == ("a", "a", 0.0)


def test_children_without_scores_and_bonuses_do_not_count(workspace):
    framework = """\
code,parent,name_zh,name_en,direction,low,high,role,points
I,,指数,Index,,,,,100
P,I,支柱甲,Pillar P,,,,,60
Q,I,支柱乙,Pillar Q,,,,,40
a,P,指标甲,Indicator a,1,0,100,,30
b,P,指标乙,Indicator b,-1,0,10,,30
c,Q,指标丙,Indicator c,1,0,100,,40
x,I,加分,Bonus,1,0,100,bonus,5
"""
    facts = "unit,indicator,value\n1,a,30\n1,b,2\n2,a,50\n2,b,6\n1,x,100\n2,x,100\n"
    result = cg.assess(cg.open(workspace(framework__csv=framework, observations__csv=facts)))
    rows = {row["code"]: row for row in child_gaps(result).to_dicts()}
    assert (rows["I"]["n_children"], rows["I"]["highest"], rows["I"]["lowest"]) == (1, "P", "P")
    assert (rows["P"]["highest"], rows["P"]["lowest"]) == ("b", "a")
    assert list(rows["Q"].values()) == ["Q", 1, 0, None, None, None, None, None]


def test_child_gaps_of_illustrative_data_carry_the_notice(workspace):
    settings = 'framework = "framework.csv"\nillustrative = true\n'
    frame = child_gaps(cg.assess(cg.open(workspace(assessment__toml=settings))))
    assert frame.columns[-1] == "notice"
