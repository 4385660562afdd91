"""Profiles of one unit by hand: scores and ranks, strengths and weaknesses with ties, ranks in groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

import citygauge as cg
from citygauge.analyse.unit_profile import (
    group_ranks,
    indicator_places,
    places,
    ranks_within,
    strengths_and_weaknesses,
    unit_summary,
)
from citygauge.problems import InputError

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
VALUES = st.one_of(st.integers(-3, 3).map(float), st.just(float("nan")))


@given(arrays(float, st.tuples(st.integers(1, 10), st.integers(1, 3)), elements=VALUES))
def test_places_are_counted_as_one_would_by_hand(values):
    n, higher, equal = places(values)
    for i, j in np.ndindex(values.shape):
        x, column = values[i, j], values[:, j]
        assert n[i, j] == (~np.isnan(column)).sum()
        assert higher[i, j] == (column > x).sum()
        assert equal[i, j] == (column == x).sum()


@given(arrays(float, st.integers(1, 12), elements=VALUES), st.data())
def test_ranks_in_a_group_are_those_of_the_group_alone(column, data):
    groups = data.draw(
        st.lists(st.sampled_from(["a", "b", None]), min_size=len(column), max_size=len(column))
    )
    ranks, n = ranks_within(column[:, None], groups)
    for i, name in enumerate(groups):
        own = [x for x, other in zip(column, groups, strict=True) if other == name and not np.isnan(x)]
        if name is None:
            assert (ranks[i, 0], n[i, 0]) == (0, 0)
        elif np.isnan(column[i]):
            assert ranks[i, 0] == 0
        else:
            want = rankdata([-x for x in own], method="min")[own.index(column[i])]
            assert (ranks[i, 0], n[i, 0]) == (want, len(own))


@pytest.fixture
def result(workspace: Callable[..., Path]) -> cg.Result:
    return cg.assess(cg.open(workspace()))


def test_a_summary_has_scores_and_ranks_level_by_level(result):
    rows = unit_summary(result, "2")
    assert rows.select("code", "level", "rank", "n").rows() == [
        ("I", 0, 2, 3),
        ("P", 1, 2, 3),
        ("Q", 1, 1, 2),
    ]
    assert rows["value"].to_list() == [pytest.approx(x) for x in (0.61, 0.55, 0.7)]
    assert rows.select("unit_code", "name_zh", "name_en").row(1) == ("2", "支柱甲", "Pillar P")
    assert unit_summary(result, "2", levels=[2, 0])["code"].to_list() == ["a", "b", "c", "I"]


def test_a_node_without_a_score_has_no_rank(result):
    row = unit_summary(result, "3").filter(code="Q").row(0, named=True)
    assert (row["value"], row["rank"], row["n"]) == (None, None, 2)


def test_places_turn_indicators_where_less_is_better(result):
    rows = {row["code"]: row for row in indicator_places(result, "1").to_dicts()}
    assert [rows[code]["rank"] for code in "abc"] == [1, 1, 2]
    assert [rows["b"][name] for name in ("value", "unit_of_measure", "n", "better", "tied", "worse")] == [
        2.0, "days", 3, 0, 1, 2,
    ]  # fmt: skip
    assert rows["c"]["share_at_least_as_good"] == 1.0
    scored = indicator_places(result, "1", "normalised")
    assert scored["rank"].to_list() == [1, 1, 2]
    assert scored["value"].to_list() == [pytest.approx(0.8), pytest.approx(0.8), 0.5]
    assert scored["unit_of_measure"].to_list() == ["score"] * 3
    gap = indicator_places(result, "3").filter(code="c").row(0, named=True)
    assert [gap[name] for name in ("value", "rank", "n", "tied", "share_at_least_as_good")] == [None] * 5


def test_an_imputed_value_has_no_place_and_counts_for_no_other(workspace):
    method = '[impute]\nhow = "median"\n[normalise]\nhow = "goalposts"\n'
    filled = cg.assess(cg.open(workspace(method__toml=method)))
    assert indicator_places(filled, "3", "imputed").filter(code="c")["rank"][0] is None
    assert indicator_places(filled, "1", "imputed").filter(code="c")["n"][0] == 2


def test_places_say_what_a_value_has_been_divided_by(workspace):
    tree = (
        "code,parent,level,name_en,direction,unit,denominator,low,high\nI,,0,Index,,,,,\n"
        "a,I,1,A,1,m²,size,0,9\nb,I,1,B,-1,days,,0,10\nc,I,1,C,1,%,,0,100\n"
    )
    result = cg.assess(cg.open(workspace(framework__csv=tree)))
    per_head = indicator_places(result, "3").row(0, named=True)
    assert [per_head[name] for name in ("value", "denominator", "rank")] == [4.0, "size", 1]
    raw = indicator_places(result, "3", "raw").row(0, named=True)
    assert [raw[name] for name in ("value", "denominator", "rank")] == [40.0, None, 3]


def test_a_score_that_was_handed_over_has_the_unit_of_a_score(workspace):
    facts = "unit,indicator,value,unit_of_measure\n" + "".join(
        f"{i},a,{i / 10},score\n{i},b,{i},\n{i},c,{i},\n" for i in (1, 2, 3)
    )
    method = '[normalise]\nhow = "goalposts"\n[normalise.by.a]\nhow = "goalposts"\nlow = 0\nhigh = 1\n'
    result = cg.assess(cg.open(workspace(observations__csv=facts, method__toml=method)))
    rows = indicator_places(result, "3")
    assert rows["unit_of_measure"].to_list() == ["score", "days", "%"]
    assert rows["rank"].to_list() == [1, 3, 1]


def test_deductions_are_neither_strengths_nor_weaknesses(workspace):
    tree = (
        "code,parent,level,name_en,points,role,direction,low,high\nI,,0,Index,20,,,,\n"
        "a,I,1,A,10,,1,0,100\nb,I,1,B,10,,-1,0,10\nc,I,1,C,5,deduction,-1,0,100\n"
    )
    result = cg.assess(cg.open(workspace(framework__csv=tree)))
    assert indicator_places(result, "1")["code"].to_list() == ["a", "b"]


# Ten cities: unit 1 is best in a, shares a yes with seven others in yes, is 9th and last but for one in c,
# last in d, in the middle of e; f is the same for all.
COLUMNS = {
    "a": [10, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    "yes": [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
    "c": [2, 1, 9, 9, 5, 6, 7, 8, 9, 9],
    "d": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    "e": [5, 1, 2, 3, 4, 6, 7, 8, 9, 5],
    "f": [7] * 10,
}


@pytest.fixture
def ten(workspace: Callable[..., Path]) -> cg.Result:
    tree = "code,parent,level,name_en,direction,low,high\nI,,0,Index,,,\n" + "".join(
        f"{code},I,1,{code},1,0,10\n" for code in COLUMNS
    )
    units = "unit,name_en\n" + "".join(f"{i},City {i}\n" for i in range(1, 11))
    facts = "unit,indicator,value\n" + "".join(
        f"{i},{code},{x}\n" for code, column in COLUMNS.items() for i, x in enumerate(column, 1)
    )
    return cg.assess(cg.open(workspace(framework__csv=tree, units__csv=units, observations__csv=facts)))


def kinds(frame: pl.DataFrame) -> dict[str, list[str]]:
    return {kind: frame.filter(kind=kind)["code"].to_list() for kind in ("strength", "weakness")}


def test_a_strength_has_more_units_behind_than_ahead_and_few_that_share_it(ten):
    frame = strengths_and_weaknesses(ten, "1")
    assert kinds(frame) == {"strength": ["a"], "weakness": ["d", "c"]}
    assert frame["share_at_least_as_good"].to_list() == [0.1, 1.0, 0.9]
    assert kinds(strengths_and_weaknesses(ten, "1", n=1)) == {"strength": ["a"], "weakness": ["d"]}


def test_what_many_share_is_a_strength_only_where_it_is_asked_for(ten):
    assert kinds(strengths_and_weaknesses(ten, "1", max_tied=0.8))["strength"] == ["a", "yes"]
    assert kinds(strengths_and_weaknesses(ten, "1", max_tied=0.79))["strength"] == ["a"]
    # f is the same for all, and neither even then; e has as many units behind as ahead.
    assert kinds(strengths_and_weaknesses(ten, "1", max_tied=1.0)) == {
        "strength": ["a", "yes"],
        "weakness": ["d", "c"],
    }
    # A no that only one other city shares is a weakness.
    assert "yes" in kinds(strengths_and_weaknesses(ten, "10"))["weakness"]


def test_one_unit_alone_has_neither(workspace):
    units = "unit,name_zh,name_en\n1,苏州,Suzhou\n"
    facts = "unit,indicator,value\n1,a,80\n1,b,2\n1,c,50\n"
    alone = cg.assess(cg.open(workspace(units__csv=units, observations__csv=facts)))
    assert strengths_and_weaknesses(alone, "1", max_tied=1.0).height == 0
    assert unit_summary(alone, "1")["rank"].to_list() == [1, 1, 1]


def test_ranks_in_groups_are_those_among_its_own(result):
    rows = group_ranks(result, "circle")
    index = rows.filter(code="I").select("unit_code", "group", "rank", "n").rows()
    assert index == [("1", "east", 1, 2), ("2", "east", 2, 2), ("3", "west", 1, 1)]
    assert rows.filter(unit_code="3", code="Q").select("value", "rank", "n").row(0) == (None, None, 0)
    assert group_ranks(result, "circle", ["a"])["rank"].to_list() == [1, 2, 1]


def test_a_unit_without_a_group_has_no_rank_in_one(workspace):
    units = "unit,name_zh,name_en,circle\n1,苏州,Suzhou,\n2,台州,Taizhou,east\n3,成都,Chengdu,east\n"
    rows = group_ranks(cg.assess(cg.open(workspace(units__csv=units))), "circle", ["I"])
    assert rows.select("group", "rank", "n").rows() == [(None, None, None), ("east", 1, 2), ("east", 2, 2)]


def test_unknown_units_attributes_and_levels_are_refused(result):
    for code, call in (
        ("analyse.unknown-unit", lambda: unit_summary(result, "苏州")),
        ("analyse.unknown-unit", lambda: strengths_and_weaknesses(result, "9")),
        ("analyse.unknown-attribute", lambda: group_ranks(result, "cirkle")),
        ("compare.unknown-level", lambda: unit_summary(result, "1", levels=[9])),
        ("compare.unknown-node", lambda: group_ranks(result, "circle", ["zz"])),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert [p.code for p in caught.value.problems] == [code]


def test_on_illustrative_data_a_profile_stands_under_a_neutral_name(workspace):
    result = cg.assess(cg.open(workspace(assessment__toml=ILLUSTRATIVE)))
    label = result.row_labels[1]
    frames = [
        unit_summary(result, label), indicator_places(result, label),
        strengths_and_weaknesses(result, label, max_tied=1.0), group_ranks(result, "circle"),
    ]  # fmt: skip
    assert frames[0]["value"][0] == pytest.approx(0.61)
    names = {"苏州", "台州", "成都", "Suzhou", "Taizhou", "Chengdu", "1", "2", "3", "east", "west"}
    for frame in frames:
        assert frame.height
        assert set(frame["notice"]) == {"illustrative data, not observed"}
        told = {str(x) for column in frame.select(pl.selectors.string()) for x in column.unique()}
        assert not told & names
    assert not {"group", "n"} & set(frames[3].columns)
    assert frames[3]["unit_code"].is_sorted()
    with pytest.raises(InputError) as caught:
        unit_summary(result, "2")
    assert "台州" not in str(caught.value)
