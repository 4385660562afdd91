"""Change over time: rates against hand calculation and least squares, ranks, breaks, and gaps."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import citygauge as cg
from citygauge.analyse.change import cagr, change, change_percent, ends, trend_percent
from citygauge.analyse.panel_notes import panel_notes
from citygauge.analyse.trends import REASONS, movers, relevant_breaks, trends
from citygauge.corridor import assess_panel

NAN = float("nan")
YEARS = np.array([2018.0, 2019.0, 2021.0, 2022.0])
KERNELS = (change, change_percent, cagr, trend_percent)
positive = arrays(float, (4, 3), elements=st.floats(0.01, 1e6))
# By hand, with the goalposts of the shared framework. Unit 1: index 0.6 · 0.45 + 0.4 · 0.5 = 0.47 in 2020 and
# 0.68 in 2022; unit 2: 0.61 in both, and in 2021; unit 3: 1.0 in 2022 alone.
FACTS = """\
unit,indicator,period,value
1,a,2020,40
1,b,2020,5
1,c,2020,50
2,a,2020,60
2,b,2020,5
2,c,2020,70
2,a,2021,60
2,b,2021,5
2,c,2021,70
1,a,2022,80
1,b,2022,2
1,c,2022,50
2,a,2022,60
2,b,2022,5
2,c,2022,70
3,a,2022,100
3,b,2022,0
3,c,2022,100
"""
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'


@pytest.fixture
def panel(workspace):
    def make(facts=FACTS, periods=None, **files):
        return assess_panel(cg.open(workspace(observations__csv=facts, **files)), periods=periods)

    return make


def row(frame, unit, code="I"):
    return frame.row(by_predicate=(pl.col("unit_code") == unit) & (pl.col("code") == code), named=True)


def codes(panel):
    return {problem.code for problem in panel_notes(panel)}


def test_first_and_last_known_periods_count_whatever_the_order_of_the_rows():
    values = np.array([[NAN, 1.0, NAN], [2.0, NAN, NAN], [3.0, 4.0, NAN], [NAN, NAN, NAN]])
    first, last = ends(values, YEARS)
    assert (first.tolist(), last.tolist()) == ([1, 0, -1], [2, 2, -1])
    first, last = ends(values[::-1], YEARS[::-1])
    assert (first.tolist(), last.tolist()) == ([2, 3, -1], [1, 1, -1])


def test_rates_by_hand():
    values = np.array([[100.0], [NAN], [150.0], [200.0]])
    assert change(values, YEARS).tolist() == [100.0]
    assert change_percent(values, YEARS).tolist() == [100.0]
    assert cagr(values, YEARS)[0] == pytest.approx(2**0.25 - 1)  # doubled in four years
    # Line through (0, 100), (3, 150), (4, 200): b = (Σxy − Σx Σy / 3) / (Σx² − (Σx)² / 3) = 200 / (26 / 3),
    # a = 150 − 7 b / 3.
    slope = 200 / (26 / 3)
    assert trend_percent(values, YEARS)[0] == pytest.approx(100 * slope / (150 - 7 * slope / 3))


@given(positive)
def test_growth_compounds_back_to_the_last_value(values):
    np.testing.assert_allclose(values[0] * (1 + cagr(values, YEARS)) ** 4, values[-1], rtol=1e-9)


@given(positive)
def test_the_trend_is_that_of_least_squares(values):
    slope, base = np.polyfit(YEARS - 2018, values, 1)
    clear = base > 1e-6 * values.max(axis=0)
    found = trend_percent(values, YEARS)
    np.testing.assert_allclose(found[clear], 100 * slope[clear] / base[clear], rtol=1e-6, atol=1e-6)
    assert np.isnan(found[base < -1e-6 * values.max(axis=0)]).all()


@given(positive, st.permutations(range(4)), st.floats(0.1, 1e3))
def test_rates_depend_neither_on_the_order_of_the_rows_nor_on_the_unit_of_measure(values, order, factor):
    base = np.polyfit(YEARS - 2018, values, 1)[1]
    clear = base > 1e-3 * values.max(axis=0)  # elsewhere the trend divides by next to nothing
    for kernel in KERNELS[1:]:
        moved, still = kernel(values[order], YEARS[order]), kernel(values, YEARS)
        np.testing.assert_allclose(moved[clear], still[clear], rtol=1e-6, atol=1e-9)
    for kernel in KERNELS[1:3]:
        scaled = kernel(factor * values, YEARS)
        np.testing.assert_allclose(scaled, kernel(values, YEARS), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
def test_fewer_than_two_known_periods_give_nothing(kernel):
    values = np.array([[NAN, NAN], [NAN, 5.0], [NAN, NAN], [NAN, NAN]])
    assert np.isnan(kernel(values, YEARS)).all()
    assert np.isnan(kernel(np.empty((0, 2)), np.empty(0))).all()
    assert np.isnan(kernel(np.array([[1.0], [2.0]]), np.array([2020.0, 2020.0]))).sum() in {0, 1}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_constant_series_has_no_change(kernel):
    assert kernel(np.full((4, 1), 5.0), YEARS).tolist() == [0.0]


def test_no_rate_is_given_from_zero_or_from_below_it():
    values = np.array([[0.0, -2.0, 4.0, 4.0], [1.0, 3.0, 0.0, -4.0]])
    assert change(values, YEARS[:2]).tolist() == [1.0, 5.0, -4.0, -8.0]
    np.testing.assert_array_equal(change_percent(values, YEARS[:2]), [NAN, NAN, -100.0, -200.0])
    np.testing.assert_array_equal(cagr(values, YEARS[:2]), [NAN, NAN, -1.0, NAN])
    np.testing.assert_array_equal(trend_percent(values, YEARS[:2]), [NAN, NAN, -100.0, -200.0])
    assert trend_percent(np.zeros((2, 1)), YEARS[:2]).tolist() == [0.0]


def test_a_trend_of_huge_values_does_not_overflow():
    values = np.array([[1e308], [1.5e308], [1e308], [1.5e308]])
    assert trend_percent(values, YEARS)[0] == pytest.approx(trend_percent(values / 1e308, YEARS)[0])


def test_the_trend_of_the_index_by_hand(panel):
    found = trends(panel(), "I")
    assert set(found["code"]) == {"I"}
    first = row(found, "1")
    assert (first["first_period"], first["last_period"]) == ("2020", "2022")
    assert (first["first"], first["last"]) == pytest.approx((0.47, 0.68))
    assert first["change"] == pytest.approx(0.21)
    assert first["change_percent"] == pytest.approx(100 * 0.21 / 0.47)
    assert first["cagr"] == pytest.approx((0.68 / 0.47) ** 0.5 - 1)
    assert first["trend_percent"] == pytest.approx(100 * 0.105 / 0.47)  # nothing is known of 2021
    assert (first["broken"], first["reason"]) == (None, None)
    second = row(found, "2")
    assert (second["change"], second["change_percent"], second["cagr"], second["trend_percent"]) == (
        0,
        0,
        0,
        0,
    )
    third = row(found, "3")
    assert (third["first"], third["change"], third["cagr"], third["reason"]) == (
        1.0,
        None,
        None,
        "one_period",
    )


def test_moves_in_rank_are_told_with_and_without_those_who_came_in_between(panel):
    ours = panel()
    names = ("rank_first", "rank_last", "rank_change")
    found = {unit: row(trends(ours), unit) for unit in "123"}
    shown = {unit: tuple(one[name] for name in names) for unit, one in found.items()}
    assert shown == {"1": (2, 2, 0), "2": (1, 3, -2), "3": (None, None, None)}
    common = {unit: tuple(one[f"{name}_common"] for name in names) for unit, one in found.items()}
    assert common == {"1": (2, 1, 1), "2": (1, 2, -1), "3": (None, None, None)}
    assert [found[unit]["n_common"] for unit in "123"] == [2, 2, None]
    assert movers(ours)["unit_code"].to_list() == ["1", "2"]
    assert codes(ours) == {"panel.units-differ"}
    assert next(iter(panel_notes(ours))).values["units"] == ["1", "3"]  # of 1 nothing is known in 2021


def test_of_many_moves_the_largest_are_named(panel):
    units = "unit,name_zh,name_en\n" + "".join(f"{i},城{i},City {i}\n" for i in range(8))
    facts = "unit,indicator,period,value\n" + "".join(
        f"{i},{code},{year},{value}\n"
        for i in range(8)
        for code in "abc"
        for year, value in (("2020", i), ("2022", (i + 4) % 8))
    )
    framework = "code,parent,direction,low,high\nI,,,,\na,I,1,0,10\nb,I,1,0,10\nc,I,1,0,10\n"
    found = movers(panel(facts, units__csv=units, framework__csv=framework), 2)
    assert found["rank_change_common"].to_list() == [4, 4, -4, -4]


def test_values_as_measured_have_changes_and_no_ranks(panel):
    found = trends(panel(), of="values")
    one = row(found, "1", "b")
    assert (one["first"], one["last"], one["change"], one["change_percent"]) == (5, 2, -3, -60)
    assert one["direction"] == -1
    assert not any(name.startswith("rank") for name in found.columns)
    assert set(found["code"]) == {"a", "b", "c"}


def test_values_are_divided_by_their_denominators_of_the_period(panel):
    framework = (
        "code,parent,direction,low,high,denominator\nI,,,,,\na,I,1,0,10,b\nb,I,1,0,100,\nc,I,1,0,100,\n"
    )
    one = row(trends(panel(framework__csv=framework), of="values"), "1", "a")
    assert (one["first"], one["last"]) == (40 / 5, 80 / 2)


def test_every_reason_is_told(panel):
    cells = {  # unit 1, indicators with goalposts: first, last, reason of the trend of values
        "zero": (0, 5, "first_zero"),
        "debt": (-3, 5, "first_negative"),
        "fell": (3, -5, "last_negative"),
        "once": ("", 5, "one_period"),
        "none": ("", "", "no_value"),
        "tiny": (5e-324, 1e10, "too_large"),
        "good": (5, 6, None),
    }
    framework = "code,parent,direction,low,high\nI,,,,\n" + "".join(f"{c},I,1,-10,10\n" for c in cells)
    framework += "bent,I,1,-10,10\nscore,I,1,-10,10\n"
    facts = "unit,indicator,period,value,unit_of_measure\n" + "".join(
        f"1,{code},{year},{value},\n"
        for code, ends in cells.items()
        for year, value in zip(("2020", "2022"), ends, strict=False)
    )
    method = '[normalise]\nhow = "goalposts"\n[normalise.by.score]\nhow = "goalposts"\nlow = 0\nhigh = 1\n'
    facts += "1,bent,2020,1,\n1,bent,2021,1,\n1,bent,2022,100,\n1,bent,2023,100,\n"
    facts += "1,bent,2024,100,\n1,bent,2018,0.001,\n1,bent,2017,0.001,\n"
    facts += "1,score,2020,0.5,score\n1,score,2022,3,\n"
    found = trends(
        panel(facts, framework__csv=framework, units__csv="unit\n1\n", method__toml=method), of="values"
    )
    reasons = dict(found.select("code", "reason").iter_rows())
    expected = {code: reason for code, (_, _, reason) in cells.items()}
    assert reasons == {**expected, "bent": "line_not_positive", "score": "score_and_value"}
    assert set(reasons.values()) | {"break"} == {*REASONS, None}
    by_code = {one["code"]: one for one in found.to_dicts()}
    rates = ("change_percent", "trend_percent", "cagr")
    for code in ("zero", "debt"):
        assert by_code[code]["change"] is not None
        assert all(by_code[code][rate] is None for rate in rates)
    assert by_code["fell"]["change_percent"] == pytest.approx(-800 / 3)
    assert by_code["fell"]["cagr"] is None
    assert by_code["bent"]["trend_percent"] is None
    assert by_code["bent"]["cagr"] is not None
    assert by_code["score"]["change"] is None
    assert by_code["tiny"]["change_percent"] is None


HEADER = "indicator,unit,from_period,kind,note_zh,note_en\n"


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("a,,2022,definition,,\n", {("1", "a"), ("2", "a")}),
        ("a,,2021,definition,,\n", {("1", "a"), ("2", "a")}),
        ("a,,2020,definition,,\n", set()),  # the series begins there
        ("a,,2023,definition,,\n", set()),  # after the last period
        ("a,1,2022,source,,\n", {("1", "a")}),
        (",2,2021,boundary,,\n", {("2", "a"), ("2", "b"), ("2", "c")}),
        ("P,1,2021,definition,,\n", {("1", "a"), ("1", "b")}),
    ],
)
def test_values_over_a_break_have_no_change_and_scores_above_are_marked(panel, line, broken):
    ours = panel(breaks__csv=HEADER + line)
    values = trends(ours, of="values")
    found = {(one["unit_code"], one["code"]) for one in values.drop_nulls("broken").to_dicts()}
    assert found == broken
    cut = values.filter(pl.col("broken").is_not_null())
    assert set(cut["reason"]) <= {"break"}
    assert cut.select(pl.col("change", "change_percent", "trend_percent", "cagr").null_count()).row(0) == (
        (len(broken),) * 4
    )
    scores = trends(ours)
    marked = scores.drop_nulls("broken")
    assert set(marked.filter(code="I")["unit_code"]) == {unit for unit, _ in broken}
    assert marked["change"].null_count() == 0
    assert ("panel.breaks" in codes(ours)) == bool(broken)


def test_the_first_of_several_breaks_is_named(panel):
    ours = panel(breaks__csv=HEADER + "b,,2022,source,,\na,,2021,definition,,\na,,2022,definition,,\n")
    assert row(trends(ours), "1")["broken"] == "2021"
    assert row(trends(ours), "1", "b")["broken"] == "2022"
    assert row(trends(ours), "1", "Q")["broken"] is None
    assert relevant_breaks(ours)["from_period"].to_list() == ["2022", "2021", "2022"]


def test_a_break_of_a_denominator_breaks_what_is_divided_by_it(panel):
    framework = (
        "code,parent,direction,low,high,denominator\nI,,,,,\na,I,1,0,10,b\nb,I,1,0,100,\nc,I,1,0,100,\n"
    )
    ours = panel(framework__csv=framework, breaks__csv=HEADER + "b,,2022,definition,,\n")
    values = trends(ours, of="values")
    assert [row(values, "1", code)["reason"] for code in "abc"] == ["break", "break", None]


def test_a_break_between_two_chosen_periods_counts_though_its_own_is_not_chosen(panel):
    ours = panel(periods=["2020", "2022"], breaks__csv=HEADER + "a,,2021,definition,,\n")
    assert row(trends(ours, of="values"), "1", "a")["broken"] == "2021"
    assert relevant_breaks(ours).height == 1
    later = panel(periods=["2021", "2022"], breaks__csv=HEADER + "a,,2021,definition,,\n")
    assert row(trends(later, of="values"), "2", "a")["broken"] is None
    assert relevant_breaks(later).height == 0


def test_periods_that_are_no_years_are_steps(panel):
    facts = FACTS.replace("2020", "2020-Q4").replace("2021", "2021-Q1").replace("2022", "2021-Q2")
    ours = panel(facts, breaks__csv=HEADER + "a,,2021-Q1,definition,,\n")
    assert row(trends(ours), "1")["cagr"] == pytest.approx((0.68 / 0.47) ** 0.5 - 1)
    assert row(trends(ours, of="values"), "1", "a")["broken"] == "2021-Q1"
    assert "panel.periods-in-text-order" in codes(ours)


def test_scales_of_their_own_are_noted(panel):
    method = '[normalise]\nhow = "minmax"\n[panel]\nnormalise = "each"\n'
    each = panel(method__toml=method, periods=["2020", "2022"])
    assert "panel.scales-of-their-own" in codes(each)
    fixed = panel(method__toml='[normalise]\nhow = "goalposts"\n[panel]\nnormalise = "each"\n')
    assert "panel.scales-of-their-own" not in codes(fixed)


CARRIED = '[normalise]\nhow = "goalposts"\n[impute]\nhow = "{how}"\n'


def test_what_nobody_observed_is_marked(panel):
    facts = FACTS.replace("1,a,2020,40", "1,a,2020,").replace("1,a,2022,80", "1,a,2022,70")
    facts = facts.replace("2,a,2021,60", "2,a,2021,60\n1,a,2021,70")
    ours = panel(facts, periods=["2020", "2022"], method__toml=CARRIED.format(how="linear"))
    assert row(trends(ours), "1", "a")["imputed"] == "first"
    assert row(trends(ours), "1", "b")["imputed"] is None
    assert row(trends(ours), "1", "a")["change"] == 0
    value = row(trends(ours, of="values"), "1", "a")  # as measured: nothing is filled
    assert (value["reason"], value["imputed"]) == ("one_period", None)
    told = FACTS.replace("value\n", "value,origin\n", 1).replace("1,a,2022,80", "1,a,2022,80,imputed")
    value = row(trends(panel(told), of="values"), "1", "a")
    assert (value["change"], value["imputed"]) == (40, "last")


@pytest.mark.parametrize(
    ("how", "line", "noted"),
    [
        ("latest", "a,,2022,definition,,\n", {"a"}),
        ("latest", "a,1,2021,definition,,\n", {"a"}),
        ("linear", "a,1,2021,definition,,\n", {"a"}),
        ("latest", "a,2,2021,definition,,\n", set()),
        ("latest", "b,1,2021,definition,,\n", set()),
        ("latest", "a,,2020,definition,,\n", set()),
        ("none", "a,,2022,definition,,\n", set()),
    ],
)
def test_a_gap_filled_from_beyond_a_break_is_noted(panel, how, line, noted):
    facts = FACTS.replace("1,a,2022,80", "1,a,2022,")
    ours = panel(facts, ["2020", "2022"], method__toml=CARRIED.format(how=how), breaks__csv=HEADER + line)
    told = [problem for problem in panel_notes(ours) if problem.code == "panel.imputed-over-break"]
    assert {code for problem in told for code in problem.values["codes"]} == noted


def test_a_gap_filled_from_both_sides_of_a_break_is_noted(panel):
    facts = FACTS.replace("2,a,2021,60", "2,a,2021,")
    ours = panel(facts, method__toml=CARRIED.format(how="linear"), breaks__csv=HEADER + "a,2,2022,source,,\n")
    assert "panel.imputed-over-break" in codes(ours)


def test_an_unknown_code_is_a_key_error(panel):
    with pytest.raises(KeyError, match="nothing"):
        trends(panel(), "nothing")
    with pytest.raises(KeyError, match="P"):
        trends(panel(), "P", of="values")


def test_illustrative_trends_stand_under_neutral_names_with_the_notice(panel):
    lines = "a,1,2022,boundary,苏州扩区,Suzhou grew\n,,2021,source,统计口径,a new yearbook\n"
    ours = panel(assessment__toml=ILLUSTRATIVE, breaks__csv=HEADER + lines)
    for frame in (trends(ours), trends(ours, of="values"), movers(ours)):
        assert set(frame["unit_code"]) <= {"示意城市 01", "示意城市 02", "示意城市 03"}
        assert frame["notice"].null_count() == 0
        assert frame["unit_code"].is_sorted() or frame.height == 2
    assert row(trends(ours), "示意城市 02")["last"] == pytest.approx(0.68)
    breaks = relevant_breaks(ours)
    assert breaks["unit"].to_list() == ["示意城市 02", None]
    assert breaks["note_en"].to_list() == [None, "a new yearbook"]
    said = " ".join(problem.text(language) for problem in panel_notes(ours) for language in ("zh", "en"))
    assert "示意城市" in said
    assert not any(unit in said for unit in ("苏州", "Suzhou"))


def test_one_unit_keeps_its_rank(panel):
    facts = "\n".join(line for line in FACTS.splitlines() if not line.startswith(("2,", "3,")))
    found = row(trends(panel(facts, units__csv="unit\n1\n")), "1")
    assert (found["rank_first"], found["rank_last"], found["rank_change"], found["n_common"]) == (1, 1, 0, 1)


def test_ties_share_the_rank_at_both_ends(panel):
    facts = FACTS + "3,a,2020,60\n3,b,2020,5\n3,c,2020,70\n"
    found = trends(panel(facts), "I")
    assert [row(found, unit)["rank_first"] for unit in "123"] == [3, 1, 1]
    assert [row(found, unit)["rank_change"] for unit in "123"] == [1, -2, 0]
