"""Methods side by side: by hand, agreement by brute force, neutral names, all problems at once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import citygauge as cg
from citygauge import InputError, Method
from citygauge.analyse.compare import agreement, compare
from citygauge.result import NOTICE
from conftest import FACTS

POSTS = Method(normalise={"how": "goalposts"})
# P 0.2 and Q 0.8: unit 1 has 0.16 + 0.40 = 0.56, unit 2 0.11 + 0.56 = 0.67, unit 3 its P alone, 0.2.
SERVICE = {"weights/service.csv": "code,weight\nP,0.2\nQ,0.8\n"}
OTHER = POSTS.replace(weights="service")
SCALE = """\
low = 0
high = 1
[[grade]]
id = "upper"
from = {edge}
[[grade]]
id = "lower"
"""
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'


@pytest.fixture
def opened(workspace: Callable[..., Path]) -> Callable[..., cg.Workspace]:
    return lambda **files: cg.open(workspace(**SERVICE, **files))


def rows(frame, *columns):
    return frame.select(columns).rows()


def test_values_ranks_and_shifts_stand_side_by_side(opened):
    found = compare(opened(), {"a": POSTS, "b": OTHER})
    assert found.names == ("a", "b")
    assert rows(found.table(), "unit_code", "method", "rank", "shift", "state") == [
        ("1", "a", 1, 0, "ranked"), ("1", "b", 2, -1, "ranked"),
        ("2", "a", 2, 0, "ranked"), ("2", "b", 1, 1, "ranked"),
        ("3", "a", 3, 0, "ranked"), ("3", "b", 3, 0, "ranked"),
    ]  # fmt: skip
    assert found.table()["value"].to_list() == pytest.approx([0.68, 0.56, 0.61, 0.67, 0.2, 0.2])
    assert rows(found.table(["Q"]), "unit_code", "method", "rank", "shift")[:2] == [
        ("2", "a", 1, 0), ("2", "b", 1, 0)
    ]  # fmt: skip


def test_agreement_is_that_of_the_two_rankings(opened):
    row = compare(opened(), {"a": POSTS, "b": OTHER}).summary().row(0, named=True)
    assert (row["method"], row["against"], row["code"], row["n"]) == ("b", "a", "I", 3)
    assert row["mean_abs_shift"] == pytest.approx(2 / 3)
    assert row["max_abs_shift"] == 1
    assert row["spearman"] == pytest.approx(1 - 6 * 2 / (3 * 8))  # 1 - 6 Σd² / n(n² - 1)
    assert row["kendall"] == pytest.approx(1 / 3)  # two pairs agree, one does not
    assert (row["top_first"], row["top_shared"]) == (3, 3)
    assert (row["only_first"], row["only_other"], row["grade_changes"]) == (0, 0, None)


def test_units_that_are_screened_out_or_without_a_score_are_kept_apart(opened):
    screened = POSTS.replace(**{"screen.min_availability": 0.9})
    strict = POSTS.replace(**{"aggregate.min_availability": 1.0})
    found = compare(opened(), {"a": POSTS, "screened": screened, "strict": strict})
    third = [row for row in rows(found.table(), "unit_code", "rank", "shift", "state") if row[0] == "3"]
    assert third == [("3", 3, 0, "ranked"), ("3", None, None, "screened_out"), ("3", None, None, "no_score")]
    assert rows(found.summary(), "n", "only_first", "only_other", "max_abs_shift") == [(2, 1, 0, 0)] * 2
    turned = compare(opened(), {"screened": screened, "a": POSTS})
    assert rows(turned.summary(), "n", "only_first", "only_other") == [(2, 0, 1)]
    assert rows(turned.table(), "unit_code", "shift")[-2:] == [("3", None), ("3", None)]


def test_units_whose_grade_changes_are_named(opened):
    files = {f"grades/{name}.toml": SCALE.format(edge=edge) for name, edge in (("g", 0.65), ("h", 0.3))}
    workspace = opened(**files)
    one, other = POSTS.replace(**{"grades.scale": "g"}), OTHER.replace(**{"grades.scale": "g"})
    found = compare(workspace, {"a": one, "b": other, "easy": one.replace(**{"grades.scale": "h"})})
    assert rows(found.grade_changes, "unit_code", "method", "before", "after") == [
        ("1", "b", "upper", "lower"), ("2", "b", "lower", "upper"), ("2", "easy", "lower", "upper"),
    ]  # fmt: skip
    assert found.summary()["grade_changes"].to_list() == [2, 1]
    assert found.summary(["Q"])["grade_changes"].to_list() == [None, None]
    assert found.table().filter(method="a")["grade"].to_list() == ["upper", "lower", "lower"]
    assert set(found.table(["Q"])["grade"]) == {None}


def test_the_head_of_the_rankings_may_be_longer_at_a_tie(opened):
    units = "unit,name_zh,name_en\n" + "".join(f"{i},城{i},City {i}\n" for i in range(1, 13))
    facts = "unit,indicator,period,value\n" + "".join(
        f"{i},{code},2023,{value}\n"
        for i in range(1, 13)
        for code, value in (("a", max(20, 100 - 8 * i)), ("b", 5), ("c", 8 * i))
    )
    found = compare(opened(units__csv=units, observations__csv=facts), {"a": POSTS, "b": OTHER})
    assert found.summary(["a"]).select("top_first", "top_shared").row(0) == (
        12,
        12,
    )  # units 10 to 12 tie at a
    assert found.summary(["c"]).select("top_first", "top_shared").row(0) == (10, 10)


def test_on_illustrative_data_nobody_is_compared_by_name(opened):
    files = {"grades/g.toml": SCALE.format(edge=0.65)}
    one, other = (each.replace(**{"grades.scale": "g"}) for each in (POSTS, OTHER))
    strict = one.replace(**{"screen.min_availability": 0.9})
    workspace = opened(assessment__toml=ILLUSTRATIVE, **files)
    found = compare(workspace, {"a": one, "b": other, "strict": strict})
    table = found.table(found.framework.codes)
    # Numbered by the first method, under every method.
    first = [
        row
        for row in rows(table, "unit_code", "code", "method", "rank")
        if row[1] == "I" and row[2] != "strict"
    ]
    assert first == [
        ("示意城市 01", "I", "a", 1), ("示意城市 01", "I", "b", 2),
        ("示意城市 02", "I", "a", 2), ("示意城市 02", "I", "b", 1),
        ("示意城市 03", "I", "a", 3), ("示意城市 03", "I", "b", 3),
    ]  # fmt: skip
    assert set(table["name_en"]) == {f"Illustrative city 0{i}" for i in (1, 2, 3)}
    for frame in (table, found.summary(), found.grade_changes):
        assert "notice" in frame.columns
    assert set(table["notice"]) == {NOTICE["en"]}
    assert set(table["grade"]) == {None}
    assert found.grade_changes.height == 0
    assert found.summary()["grade_changes"].to_list() == [2, 0]
    assert NOTICE["en"] in repr(found)
    told = [problem for problem in found.warnings if problem.code == "units.screened-out"]
    assert [(p.where.file, p.values["units"]) for p in told] == [("strict", ["示意城市 03"])]


def test_what_every_method_notes_is_said_once_and_the_rest_under_its_method(opened):
    strict = POSTS.replace(**{"screen.min_availability": 0.9})
    found = compare(opened(), {"a": POSTS, "strict": strict})
    told = [(p.code, p.where.file) for p in found.warnings]
    assert told.count(("units.screened-out", "strict")) == 1
    with pytest.raises(InputError) as caught:
        compare(opened(observations__csv=FACTS.replace("3,a,2023", "3,a,2022")), {"a": POSTS, "b": OTHER})
    assert [p.code for p in caught.value.problems].count("settings.several-periods") == 1


def test_the_problems_of_all_methods_are_told_at_once(opened):
    with pytest.raises(InputError) as caught:
        compare(opened(), {"a": POSTS.replace(weights="x"), "b": POSTS, "c": POSTS.replace(weights="y")})
    told = [
        (p.where.file, p.values["name"]) for p in caught.value.problems if p.code == "method.unknown-weights"
    ]
    assert told == [("a", "x"), ("c", "y")]


@pytest.mark.parametrize("methods", [{}, {"a": POSTS}])
def test_fewer_than_two_methods_are_refused(opened, methods):
    with pytest.raises(InputError) as caught:
        compare(opened(), methods)
    assert [(p.code, p.values["count"]) for p in caught.value.problems] == [("compare.too-few", len(methods))]


def test_an_unknown_node_is_refused_with_near_ones(opened):
    found = compare(opened(), {"a": POSTS, "b": OTHER})
    for ask in (found.table, found.summary):
        with pytest.raises(InputError) as caught:
            ask(["p"])
        assert [p.code for p in caught.value.problems] == ["compare.unknown-node"]


def test_one_unit_has_no_correlation(opened):
    facts = "unit,indicator,period,value\n1,a,2023,80\n"
    found = compare(
        opened(units__csv="unit,name_zh\n1,苏州\n", observations__csv=facts), {"a": POSTS, "b": OTHER}
    )
    row = found.summary().row(0, named=True)
    assert (row["n"], row["spearman"], row["kendall"], row["mean_abs_shift"]) == (1, None, None, 0.0)


def test_a_node_that_nobody_has_is_compared_without_figures(opened):
    facts = "\n".join(line for line in FACTS.splitlines() if ",c," not in line) + "\n"
    found = compare(opened(observations__csv=facts), {"a": POSTS, "b": OTHER})
    row = found.summary(["Q"]).row(0, named=True)
    assert (row["n"], row["mean_abs_shift"], row["max_abs_shift"], row["spearman"]) == (0, None, None, None)
    assert set(found.table(["Q"])["state"]) == {"no_score"}


def by_pairs(x, y):
    """Tau-b by its definition, over all pairs; None where a ranking ties them all."""
    signs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in combinations(range(len(x)), 2)]
    n_x, n_y = sum(s != 0 for s, _ in signs), sum(t != 0 for _, t in signs)
    return sum(s * t for s, t in signs) / sqrt(n_x * n_y) if n_x and n_y else None


def by_mean_ranks(x, y):
    """Spearman's as the correlation of mean ranks, counted one by one."""
    ranks = [[sum(v < u for v in z) + (sum(v == u for v in z) + 1) / 2 for u in z] for z in (x, y)]
    if any(len(set(each)) < 2 for each in ranks):
        return None
    return np.corrcoef(ranks)[0, 1]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=8))
def test_correlations_equal_their_definitions_with_ties(pairs):
    x, y = (np.array([pair[i] for pair in pairs], float) for i in (0, 1))
    spearman, kendall = agreement(x, y)
    assert kendall == (None if (want := by_pairs(x, y)) is None else pytest.approx(want))
    assert spearman == (None if (want := by_mean_ranks(x, y)) is None else pytest.approx(want))
