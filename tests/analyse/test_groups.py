"""Groups of units: how they are made, their figures by other means, and what illustrative data keep back."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import citygauge as cg
from citygauge.analyse.groups import Grouping, group_scores, group_tests, members
from citygauge.collect.units import Units
from citygauge.problems import InputError

A = [80.0, 60.0, 40.0, 50.0, 70.0, 20.0, 90.0, 35.0]
B = [2.0, 5.0, 10.0, 6.0, 1.0, 8.0, 3.0, 7.0]
C: list[float | str] = [50, 70, "", 20, 60, 10, 40, 80]
PEOPLE = ["50", "100", "500", "499.5", "1000", "", "99", "2000"]
AREA = ["east", "east", "west", "west", "east", "", "west", "east"]
SETTINGS = 'framework = "framework.csv"\nillustrative = {}\n'


def units_of(**columns: list[str | None]) -> Units:
    n = len(next(iter(columns.values())))
    return Units(pl.DataFrame({"unit": [str(i) for i in range(n)], **columns}))


def refused(units: Units, grouping: Grouping) -> set[str]:
    with pytest.raises(InputError) as caught:
        members(units, grouping)
    return {problem.code for problem in caught.value.problems}


@pytest.fixture
def assessed(workspace: Callable[..., Path]) -> Callable[..., cg.Result]:
    """Return a function that assesses eight units in groups."""

    def run(area: list[str] = AREA, illustrative: str = "false") -> cg.Result:
        places = zip(range(1, 9), PEOPLE, area, strict=True)
        told = "".join(f"{i},城{i},City {i},{people},{where}\n" for i, people, where in places)
        facts = zip(range(1, 9), A, B, C, strict=True)
        rows = "".join(f"{i},a,{a}\n{i},b,{b}\n{i},c,{c}\n" for i, a, b, c in facts)
        folder = workspace(
            assessment__toml=SETTINGS.format(illustrative),
            units__csv="unit,name_zh,name_en,people,area\n" + told,
            observations__csv="unit,indicator,value\n" + rows,
        )
        return cg.assess(cg.open(folder))

    return run


def test_texts_are_groups_in_the_order_of_the_units_and_a_blank_is_none():
    found = members(units_of(area=["west", None, "east", "west", " "]), Grouping("area"))
    assert found.names == ("west", "east")
    assert found.index.tolist() == [0, -1, 1, 0, -1]
    assert (found.ungrouped, found.low, found.high) == (2, (None, None), (None, None))


def test_labels_join_texts_and_an_order_holds_also_for_groups_without_units():
    units = units_of(circle=["jjj", "yrd", "prd", "yrd", None])
    grouping = Grouping("circle", labels={"jjj": "north", "prd": "south"}, order=("south", "centre"))
    found = members(units, grouping)
    assert found.names == ("south", "centre", "north", "yrd")
    assert found.index.tolist() == [2, 3, 0, 3, -1]
    joined = members(units, Grouping("circle", labels={"prd": "delta", "yrd": "delta"}))
    assert (joined.names, joined.index.tolist()) == (("jjj", "delta"), [0, 1, 1, 1, -1])


def test_a_unit_at_a_limit_is_in_the_bin_above_it():
    # The classes of Chinese cities are of this kind: 500 (10,000 people) is in the class "500 and more".
    found = members(units_of(people=PEOPLE), Grouping("people", edges=(100, 500, 1000)))
    assert found.index.tolist() == [0, 1, 2, 1, 3, -1, 0, 3]
    assert found.low == (None, 100.0, 500.0, 1000.0)
    assert found.high == (100.0, 500.0, 1000.0, None)
    assert (found.names, found.ungrouped) == (("1", "2", "3", "4"), 1)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40), st.integers(2, 7))
def test_quantile_bins_are_cut_at_quantiles_of_type_7_and_keep_equal_values_together(values, bins):
    found = members(units_of(x=[str(v) for v in values]), Grouping("x", quantiles=bins))
    cuts = np.quantile(values, np.arange(1, bins) / bins)
    for edge in found.high[:-1]:
        assert np.isclose(cuts, edge, rtol=0, atol=1e-9).any()
    assert set(found.index) == set(range(len(found.names)))
    for value, place in zip(values, found.index, strict=True):
        low, high = found.low[place], found.high[place]
        assert low is None or low <= value
        assert high is None or value < high


@pytest.mark.parametrize(("n", "bins"), [(10, 2), (11, 4), (12, 5), (50, 4), (31, 10)])
def test_quantile_bins_of_different_values_hold_about_as_many_units_each(n, bins):
    found = members(units_of(x=[str(i * i / 7) for i in range(n)]), Grouping("x", quantiles=bins))
    sizes = np.bincount(found.index)
    assert (len(sizes), sizes.sum()) == (bins, n)
    assert sizes.max() - sizes.min() <= 1


def test_a_quantile_that_is_the_value_of_a_unit_puts_it_above():
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
    found = members(units_of(x=[str(v) for v in values]), Grouping("x", quantiles=10))
    assert found.high[:-1] == tuple(values[1:-1])
    assert found.index.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]


def test_units_that_are_all_alike_are_one_open_bin():
    found = members(units_of(x=["7", "7", "7"]), Grouping("x", quantiles=4))
    assert (found.names, found.low, found.high) == (("1",), (None,), (None,))


def test_a_grouping_that_cannot_be_made_is_refused_with_all_that_is_wrong():
    units = units_of(people=["1", "many", "2", "inf"], area=["e", "w", "e", "w"], blank=[None] * 4)
    assert refused(units, Grouping("region")) == {"analyse.unknown-attribute"}
    assert refused(units, Grouping("name_zh")) == {"analyse.unknown-attribute"}
    assert refused(units, Grouping("blank", quantiles=2)) == {"analyse.no-numbers"}
    assert refused(units, Grouping("area", edges=(1, 2))) == {"analyse.not-numeric"}
    assert refused(units, Grouping("region", edges=(2, 1), quantiles=1)) == {
        "analyse.unknown-attribute", "analyse.grouping-conflict", "analyse.edges-not-rising",
        "analyse.too-few-bins",
    }  # fmt: skip
    for words in ({"labels": {"1": "one"}}, {"order": ("1",)}):
        assert "analyse.grouping-conflict" in refused(units, Grouping("people", quantiles=2, **words))
    for edges in ((), (1, 1), (2, 1), (1, float("nan")), (1, float("inf"))):
        assert "analyse.edges-not-rising" in refused(units, Grouping("people", edges=edges))


def test_values_that_are_no_numbers_are_named_once_each():
    units = units_of(people=["1", "many", None, "many", "inf"])
    with pytest.raises(InputError) as caught:
        members(units, Grouping("people", edges=(1,)))
    (problem,) = caught.value.problems
    assert problem.values["values"] == ["many", "inf"]
    assert "many" in problem.message("zh")


def test_scores_of_a_group_are_those_of_its_units(assessed):
    frame = group_scores(assessed(), Grouping("area"), ["a", "c"])
    assert frame.columns == [
        "group", "low", "high", "code", "level", "n", "mean", "sd", "cv", "min", "median", "max",
    ]  # fmt: skip
    assert frame.select("group", "code").rows() == [
        ("east", "a"), ("east", "c"), ("west", "a"), ("west", "c"),
    ]  # fmt: skip
    east, _, west, green = frame.to_dicts()
    scores = [0.8, 0.6, 0.7, 0.35]
    assert (east["n"], east["level"], east["low"], east["high"]) == (4, 2, None, None)
    mean, sd = statistics.mean(scores), statistics.stdev(scores)
    assert (east["mean"], east["sd"], east["cv"]) == (
        pytest.approx(mean), pytest.approx(sd), pytest.approx(sd / mean),
    )  # fmt: skip
    assert (east["min"], east["median"], east["max"]) == pytest.approx((0.35, 0.65, 0.8))
    assert (west["n"], west["median"]) == (3, pytest.approx(0.5))
    assert (green["n"], green["mean"]) == (2, pytest.approx(0.3))  # unit 3 has no score


def test_by_default_the_index_and_the_pillars_are_told_for_each_bin_with_its_limits(assessed):
    frame = group_scores(assessed(), Grouping("people", edges=(100, 5000)))
    assert frame.select("group", "low", "high", "code", "n").rows() == [
        ("1", None, 100.0, "I", 2), ("1", None, 100.0, "P", 2), ("1", None, 100.0, "Q", 2),
        ("2", 100.0, 5000.0, "I", 5), ("2", 100.0, 5000.0, "P", 5), ("2", 100.0, 5000.0, "Q", 4),
        ("3", 5000.0, None, "I", 0), ("3", 5000.0, None, "P", 0), ("3", 5000.0, None, "Q", 0),
    ]  # fmt: skip
    empty = frame.filter(group="3").select("mean", "sd", "cv", "min", "median", "max")
    assert {value for row in empty.rows() for value in row} == {None}


def test_a_group_of_one_unit_has_a_mean_and_no_spread(assessed):
    area = ["x", *["y"] * 7]
    row = group_scores(assessed(area), Grouping("area"), ["a"]).row(0, named=True)
    assert (row["n"], row["mean"], row["min"], row["max"]) == (1, 0.8, 0.8, 0.8)
    assert (row["sd"], row["cv"]) == (None, None)


def test_tests_of_groups_are_those_of_scipy(assessed):
    frame = group_tests(assessed(), Grouping("area"), ["a", "c"])
    east, west = [0.8, 0.6, 0.7, 0.35], [0.4, 0.5, 0.9]
    row, green = frame.to_dicts()
    assert (row["n_groups"], row["n"], row["ungrouped"], row["level"]) == (2, 7, 1, 2)
    assert (green["n_groups"], green["n"], green["ungrouped"]) == (2, 6, 1)
    f, (k, n) = stats.f_oneway(east, west).statistic, (2, 7)
    eta = f * (k - 1) / (f * (k - 1) + n - k)
    assert row["eta_squared"] == pytest.approx(eta)
    assert row["ss_between"] + row["ss_within"] == pytest.approx(np.var(east + west) * 7)
    assert row["omega_squared"] == pytest.approx((k - 1) * (f - 1) / ((k - 1) * (f - 1) + n))
    t = stats.ttest_ind(east, west, equal_var=False)
    assert (row["welch_f"], row["welch_df1"], row["welch_df2"], row["welch_p"]) == pytest.approx(
        (t.statistic**2, 1.0, t.df, t.pvalue)
    )
    h = stats.kruskal(east, west)
    assert (row["kruskal_h"], row["kruskal_p"], row["epsilon_squared"]) == pytest.approx(
        (h.statistic, h.pvalue, h.statistic / 6)
    )


def test_one_group_and_a_group_of_one_have_the_tests_that_can_be_made(assessed):
    one = group_tests(assessed(["x"] * 8), Grouping("area"), ["a"]).row(0, named=True)
    assert (one["n_groups"], one["ungrouped"], one["ss_between"]) == (1, 0, pytest.approx(0.0, abs=1e-12))
    assert {one[name] for name in ("eta_squared", "omega_squared", "welch_f", "kruskal_p")} == {None}
    two = group_tests(assessed(["x", *["y"] * 7]), Grouping("area"), ["a"]).row(0, named=True)
    assert (two["welch_f"], two["welch_df2"]) == (None, None)
    assert None not in (two["eta_squared"], two["kruskal_h"], two["epsilon_squared"])


def test_a_node_without_scores_has_counts_of_nothing(workspace):
    facts = "unit,indicator,value\n1,a,80\n2,a,30\n3,a,20\n"
    result = cg.assess(cg.open(workspace(observations__csv=facts)))
    scores = group_scores(result, Grouping("circle"), ["Q"])
    assert scores.select("group", "n", "mean").rows() == [("east", 0, None), ("west", 0, None)]
    row = group_tests(result, Grouping("circle"), ["Q"]).rows()[0]
    assert row == ("Q", 1, 0, 0, 0, *[None] * 11)


def test_unknown_nodes_are_refused(assessed):
    for table in (group_scores, group_tests):
        with pytest.raises(InputError) as caught:
            table(assessed(), Grouping("area"), ["zz"])
        assert [p.code for p in caught.value.problems] == ["compare.unknown-node"]


FIGURES = ("mean", "sd", "cv", "min", "median", "max")


def shown_groups(result: cg.Result, area: str = "area") -> dict[str, int]:
    """Return the groups that have any figure at the indicator a, with their numbers of units."""
    frame = group_scores(result, Grouping(area), ["a"])
    assert frame.columns[-1] == "notice"
    assert set(frame.select("min", "median", "max").row(0)) == {None}
    return {row["group"]: row["n"] for row in frame.to_dicts() if any(row[f] is not None for f in FIGURES)}


@pytest.mark.parametrize(("area", "shown"), [
    ("eeeewwww", {"e": 4, "w": 4}),
    ("eeeeewww", {"e": 5, "w": 3}),
    ("eeeeewwx", {"e": 5}),  # w 2 and x 1 are three together
    ("eeeewwwx", {"e": 4}),  # x alone would follow from the mean of all
    ("eeeewww ", {"e": 4}),  # so would a unit without a group
    ("eeeew   ", {"e": 4}),  # w and three without a group are four together
    ("eeeeww  ", {"e": 4}),
    ("eeeeeeew", {}),
    ("abcdefgh", {}),
])  # fmt: skip
def test_on_illustrative_data_no_figure_of_a_group_tells_that_of_a_unit(assessed, area, shown):
    area = [letter.strip() for letter in area]
    result = assessed(area, "true")
    assert shown_groups(result) == shown
    # The numbers of units stay.
    counts = dict(group_scores(result, Grouping("area"), ["a"]).select("group", "n").iter_rows())
    assert counts == {letter: area.count(letter) for letter in dict.fromkeys(area) if letter}


@pytest.mark.parametrize(("area", "shown"), [
    ("eeeewwww", True), ("eeeeewww", True), ("eeeee   ", True), ("eeeewwwx", False), ("eeeewww ", False),
    ("eeeeww  ", False),
])  # fmt: skip
def test_on_illustrative_data_tests_keep_back_what_would_tell_of_a_small_group(assessed, area, shown):
    row = group_tests(assessed([x.strip() for x in area], "true"), Grouping("area"), ["a"]).to_dicts()[0]
    assert (row["ss_within"] is not None) == shown
    assert row["n"] + row["ungrouped"] == 8
    assert row["notice"]


def test_on_real_data_all_figures_are_shown(assessed):
    frame = group_scores(assessed([*"eeeewwwx"]), Grouping("area"), ["a"])
    assert frame["mean"].null_count() == 0
    assert "notice" not in frame.columns
