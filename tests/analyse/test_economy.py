"""How scores go with an attribute: against scipy on the same columns, and lines worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, linregress, pearsonr, spearmanr

import citygauge as cg
from citygauge.analyse.economy import line, relation
from citygauge.problems import InputError

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
COLUMNS = [
    "code", "level", "n", "left_out", "log", "pearson", "pearson_low", "pearson_high", "pearson_p",
    "spearman", "spearman_low", "spearman_high", "spearman_p", "kendall", "kendall_low", "kendall_high",
    "kendall_p", "slope", "intercept", "r_squared",
]  # fmt: skip
TREE = (
    "code,parent,level,name_en,direction,low,high\nI,,0,Index,,,\n"
    "a,I,1,A,1,0,100\nb,I,1,B,1,0,100\nc,I,1,C,1,0,100\n"
)
# c is the same for all; b has a gap and a tie; the attribute has a gap, a tie, a zero and a negative number.
GDP = ["10", "20", "40", "80", "80", "", "0", "-5", "160", "15"]
A = [10, 30, 25, 40, 55, 60, 70, 80, 65, 12]
B = [50, 20, None, 20, 90, 10, 40, 30, 60, 35]


@pytest.fixture
def assessed(workspace: Callable[..., Path]) -> Callable[..., cg.Result]:
    def make(gdp: list[str] = GDP, a: list[float] = A, b: list[float | None] = B, **files: str) -> cg.Result:
        units = "unit,name_zh,name_en,gdp,note\n" + "".join(
            f"{i},市{i},C{i},{x},x\n" for i, x in enumerate(gdp)
        )
        facts = "unit,indicator,value\n" + "".join(
            f"{i},{code},{'' if x is None else x}\n"
            for code, column in (("a", a), ("b", b), ("c", [7] * len(gdp)))
            for i, x in enumerate(column)
        )
        return cg.assess(
            cg.open(workspace(framework__csv=TREE, units__csv=units, observations__csv=facts, **files))
        )

    return make


def test_figures_are_those_of_scipy_on_the_units_that_have_both(assessed):
    rows = {row["code"]: row for row in relation(assessed(), "gdp").iter_rows(named=True)}
    assert list(rows) == ["I", "a", "b", "c"]
    for code, column in (("a", A), ("b", B)):
        pairs = [
            (float(g), y) for g, y in zip(GDP, column, strict=True) if g and float(g) > 0 and y is not None
        ]
        x, y = np.log2([g for g, _ in pairs]), np.array([y for _, y in pairs]) / 100
        row = rows[code]
        assert (row["n"], row["left_out"], row["log"], row["level"]) == (len(pairs), 2, True, 1)
        r, rho, tau, fit = pearsonr(x, y), spearmanr(x, y), kendalltau(x, y), linregress(x, y)
        assert [row["pearson"], row["pearson_p"]] == [pytest.approx(r.statistic), pytest.approx(r.pvalue)]
        assert [row["spearman"], row["spearman_p"]] == [
            pytest.approx(rho.statistic),
            pytest.approx(rho.pvalue),
        ]
        assert [row["kendall"], row["kendall_p"]] == [pytest.approx(tau.statistic), pytest.approx(tau.pvalue)]
        limits = r.confidence_interval()
        assert [row["pearson_low"], row["pearson_high"]] == [pytest.approx(e) for e in limits]
        assert row["slope"] == pytest.approx(fit.slope)
        assert row["intercept"] == pytest.approx(fit.intercept)
        assert row["r_squared"] == pytest.approx(fit.rvalue**2)
        assert row["spearman_low"] < row["spearman"] < row["spearman_high"]
        assert row["kendall_low"] < row["kendall"] < row["kendall_high"]


def test_the_slope_is_per_doubling_or_per_unit(assessed):
    """0.1 more with each doubling: of 1 the score is 0.1; and on the attribute itself 0.02 for each of it."""
    doubling = assessed(["1", "2", "4", "8", "16"], [10, 20, 30, 40, 50], [1] * 5)
    row = relation(doubling, "gdp", ["a"]).row(0, named=True)
    assert row["slope"] == pytest.approx(0.1)
    assert row["intercept"] == pytest.approx(0.1)
    assert row["r_squared"] == pytest.approx(1.0)
    straight = assessed(["-5", "0", "5", "10", "15"], [10, 20, 30, 40, 50], [1] * 5)
    row = relation(straight, "gdp", ["a"], log=False).row(0, named=True)
    assert (row["n"], row["left_out"], row["log"]) == (5, 0, False)
    assert row["slope"] == pytest.approx(0.02)
    assert row["intercept"] == pytest.approx(0.2)


def test_a_unit_of_the_attribute_changes_nothing_but_the_intercept(assessed):
    one = relation(assessed(), "gdp")
    other = relation(assessed([str(float(g) * 1000) if g else g for g in GDP]), "gdp")
    for name in COLUMNS[5:]:
        if name != "intercept":
            assert other[name].to_list() == [pytest.approx(x) for x in one[name]]


def test_a_score_without_spread_has_no_correlation_and_slope_0(assessed):
    row = relation(assessed(), "gdp", ["c"]).row(0, named=True)
    assert (row["n"], row["slope"]) == (7, 0.0)
    assert row["intercept"] == pytest.approx(0.07)
    assert [row[name] for name in COLUMNS[5:17]] == [None] * 12
    assert row["r_squared"] is None


def test_an_attribute_without_spread_goes_with_nothing(assessed):
    frame = relation(assessed(["3"] * 10), "gdp")
    assert frame["n"].to_list() == [10, 10, 9, 10]
    for name in COLUMNS[5:]:
        assert frame[name].to_list() == [None] * 4


@pytest.mark.parametrize("gdp", [["5"], ["5", "6"]])
def test_one_or_two_units_give_counts_alone(assessed, gdp):
    n = len(gdp)
    for illustrative in ({}, {"assessment__toml": ILLUSTRATIVE}):
        frame = relation(assessed(gdp, [10, 20][:n], [30, 5][:n], **illustrative), "gdp")
        assert frame["n"].to_list() == [n] * 4
        for name in COLUMNS[5:]:
            assert frame[name].to_list() == [None] * 4


def test_numbers_none_of_which_has_a_logarithm_are_counted(assessed):
    row = relation(assessed(["0", "-1", "0"], [1, 2, 3], [1, 2, 3]), "gdp").row(0, named=True)
    assert (row["n"], row["left_out"], row["pearson"], row["slope"]) == (0, 3, None, None)


def test_rows_stand_in_tree_order_with_fixed_columns(assessed):
    frame = relation(assessed(), "gdp", ["c", "I", "a"])
    assert frame["code"].to_list() == ["I", "a", "c"]
    assert frame.columns == COLUMNS


def test_an_attribute_that_is_none_or_no_number_is_refused(assessed):
    result = assessed()
    for name, code in (("gpd", "analyse.unknown-attribute"), ("note", "analyse.no-numbers")):
        with pytest.raises(InputError) as caught:
            relation(result, name)
        assert [problem.code for problem in caught.value.problems] == [code]
    with pytest.raises(InputError) as caught:
        relation(result, "gdp", ["z"])
    assert [problem.code for problem in caught.value.problems] == ["compare.unknown-node"]


def test_illustrative_data_carry_the_notice(assessed):
    frame = relation(assessed(assessment__toml=ILLUSTRATIVE), "gdp")
    assert frame.columns == [*COLUMNS, "notice"]
    assert frame["pearson"].null_count() == 1


def test_a_line_needs_three_points_and_a_spread():
    nan = float("nan")
    assert np.isnan(line(np.array([1.0, 2.0, nan]), np.array([1.0, 2.0, 3.0]))).all()
    assert np.isnan(line(np.full(4, 0.1 + 0.2), np.arange(4.0))).all()
    assert np.isnan(line(np.full(3, nan), np.full(3, nan))).all()
    slope, intercept = line(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    assert (slope, intercept) == (pytest.approx(0.8), pytest.approx(1.3))  # Sxy = 4, Sxx = 5, means 1.5, 2.5
