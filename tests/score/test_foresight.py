"""What a method will do, told before it runs: for each note an input that causes it and one that does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import citygauge as cg
from citygauge import Method
from citygauge.corridor import assess_panel
from citygauge.framework.builtin import builtin_names
from citygauge.framework.model import Framework, Node
from citygauge.problems import Problem, Problems
from citygauge.score.foresight import note_conflicts
from citygauge.score.method import read_method
from citygauge.workspace import Workspace
from conftest import ROOT

TREE = Framework(
    (
        Node("I"),
        Node("P", "I"), Node("a", "P", direction=1), Node("b", "P", direction=-1),
        Node("Q", "I"), Node("c", "Q", direction=1), Node("d", "Q", direction=1),
    )
)  # fmt: skip
FACTS = {
    "x": {"a": 10, "b": 2, "c": 30, "d": 4},
    "y": {"a": 20, "b": 5, "c": 20, "d": 9},
    "z": {"a": 40, "b": 8, "c": 10, "d": 1},
}
POSTS = {"how": "goalposts", "low": 0, "high": 50}
FORESEEN = {
    "method.mean-at-zero", "method.coupling-needs-range", "method.mixed-scales", "method.single-child",
    "method.nothing-to-weigh", "method.roles-need-mean", "method.grades-without-range",
    "method.cut-on-relative-scale", "method.bounds-leave-nothing",
}  # fmt: skip


def workspace(
    tree: Framework = TREE, facts: Mapping[str, Mapping[str, Any]] = FACTS, **method: Any
) -> Workspace:
    rows = [
        {"unit": unit, "indicator": code, "source": "s"}
        | ({"state": value, "value": None} if isinstance(value, str) else {"state": "value", "value": value})
        for unit, row in facts.items()
        for code, value in row.items()
    ]
    frame = pl.DataFrame(rows, schema_overrides={"value": pl.Float64})
    units = pl.DataFrame({"unit": list(facts), "name_zh": list(facts)})
    return cg.from_frames(tree, units, frame, Method().replace(**method))


def every(*given: Any, **method: Any) -> tuple[Problem, ...]:
    try:
        return cg.assess(workspace(*given, **method)).warnings
    except cg.InputError as error:
        return error.problems


def noted(*given: Any, **method: Any) -> dict[str, Problem]:
    """Return what a run notes, errors or not, by its code; of several alike the lowest in the tree."""
    return {problem.code: problem for problem in every(*given, **method)}


def foreseen(*given: Any, **method: Any) -> dict[str, Problem]:
    return {code: problem for code, problem in noted(*given, **method).items() if code in FORESEEN}


def says(problem: Problem, *named: str) -> None:
    for language in ("en", "zh"):
        text = problem.message(language) + problem.hint(language)
        assert [word for word in named if word not in text] == []


def test_a_plain_method_causes_no_note() -> None:
    assert foreseen() == foreseen(normalise=POSTS, grades={"scale": "smart-2021"}) == {}


@pytest.mark.parametrize(
    "aggregate",
    [{"how": "geometric"}, {"how": "harmonic"}, {"how": "generalised", "power": -2},
     {"how": "generalised", "power": 0}],
)  # fmt: skip
@pytest.mark.parametrize(
    "normalise",
    [{"how": "minmax"}, {"how": "percentile_rank"}, {"how": "distance_to_max"},
     {"how": "distance_to_reference", "reference": "y", "cut": True},
     {"how": "distance_to_target", "target": 45}],
)  # fmt: skip
def test_the_last_in_any_column_having_nothing_at_all_is_foretold(
    normalise: dict[str, Any], aggregate: dict[str, Any]
) -> None:
    tree = Framework(tuple(replace(node, direction=node.direction and 1) for node in TREE))
    given = {"normalise": normalise, "aggregate": {"by": {"P": aggregate}}}
    problem = foreseen(tree, **given)["method.mean-at-zero"]
    assert problem.values["codes"] == ["a", "b"]
    says(problem, "P", "a", "b", aggregate["how"])
    assert 0 in cg.assess(workspace(tree, **given)).aggregated.column("P")


@pytest.mark.parametrize(
    ("normalise", "aggregate"),
    [
        ({"how": "minmax", "low": 1}, {"how": "geometric"}),
        ({"how": "minmax"}, {"how": "arithmetic"}),
        ({"how": "minmax"}, {"how": "median"}),
        ({"how": "minmax"}, {"how": "generalised", "power": 0.5}),
        ({"how": "minmax"}, {"by": {"I": {"how": "geometric"}}}),
        (POSTS, {"how": "geometric"}),
        ({"how": "rank"}, {"how": "harmonic"}),
        ({"how": "scaled"}, {"how": "geometric"}),
    ],
)
def test_a_scale_that_begins_above_zero_a_mean_that_makes_up_for_it_or_a_higher_level_is_not(
    normalise: dict[str, Any], aggregate: dict[str, Any]
) -> None:
    assert "method.mean-at-zero" not in noted(normalise=normalise, aggregate=aggregate)


def test_an_exception_by_code_is_what_counts_for_the_zero() -> None:
    by = {"a": {"how": "minmax", "low": 1, "high": 100}}
    given = {"normalise": {"how": "minmax", "by": by}, "aggregate": {"by": {"P": {"how": "geometric"}}}}
    assert foreseen(**given)["method.mean-at-zero"].values["codes"] == ["b"]


def test_a_fraction_of_the_best_gives_nobody_a_zero() -> None:
    given = {"normalise": {"how": "fraction_of_max"}, "aggregate": {"how": "geometric"}}
    assert cg.assess(workspace(**given)).index.min() > 0.2
    assert "method.mean-at-zero" not in noted(**given)


@pytest.mark.parametrize(
    ("normalise", "aggregate"),
    [
        ({"how": "borda"}, {"how": "geometric"}),
        ({"how": "distance_to_reference", "reference": "y"}, {"how": "geometric"}),
        ({"how": "distance_to_target", "target": 45, "cut": False}, {"how": "geometric"}),
        ({"how": "minmax"}, {"how": "coupling"}),
    ],
)
def test_unbounded_scales_from_zero_and_the_coupling_leave_the_last_with_nothing_too(
    normalise: dict[str, Any], aggregate: dict[str, Any]
) -> None:
    tree = Framework(tuple(replace(node, direction=node.direction and 1) for node in TREE))
    given = {"normalise": normalise, "aggregate": {"by": {"P": aggregate}}}
    assert 0 in cg.assess(workspace(tree, **given)).aggregated.column("P")
    assert "method.mean-at-zero" in noted(tree, **given)


def test_a_coupling_of_scores_without_a_common_range_is_refused() -> None:
    coupled = {"by": {"P": {"how": "coupling"}}}
    problem = noted(normalise={"how": "zscore"}, aggregate=coupled)["method.coupling-needs-range"]
    assert (problem.severity, problem.values["codes"]) == ("error", ["a", "b"])
    says(problem, "P", "a", "b")
    by = {"a": {"how": "minmax", "low": 0, "high": 1}}
    assert "method.coupling-needs-range" in noted(normalise={"by": by}, aggregate=coupled)
    assert "method.coupling-needs-range" not in noted(aggregate=coupled)
    relative = {"by": {"P": {"how": "topsis"}, "Q": {"how": "vikor"}, "I": {"how": "coupling"}}}
    assert "method.coupling-needs-range" not in noted(normalise={"how": "zscore"}, aggregate=relative)


@pytest.mark.parametrize("how", ["arithmetic", "geometric", "harmonic", "median", "owa"])
def test_means_over_different_scales_are_foretold(how: str) -> None:
    given = {"normalise": {"low": 1, "by": {"a": {"low": 1, "high": 10}}}, "aggregate": {"how": how}}
    problem = foreseen(**given)["method.mixed-scales"]
    assert problem.values["codes"] == ["a (1..10)", "b (1..100)"]
    says(problem, "P", "a (1..10)", "b (1..100)")
    same = {**given, "normalise": {"low": 1, "by": {"a": {"how": "goalposts", "low": 0, "high": 50}}}}
    assert "method.mixed-scales" not in noted(**same)  # a range that is not named is the default's


def test_a_score_without_a_range_beside_one_that_has_it_is_foretold_at_every_level() -> None:
    above = noted(aggregate={"by": {"Q": {"how": "promethee"}}})["method.mixed-scales"]
    assert above.values["codes"] == ["P (0..100)", "Q (-1..1)"]
    without = noted(normalise={"by": {"a": {"how": "zscore"}}})["method.mixed-scales"]
    assert without.values["codes"] == ["a (–)", "b (0..100)"]
    assert "method.mixed-scales" not in noted(aggregate={"by": {"1": {"how": "topsis"}}})
    assert "method.mixed-scales" not in noted(normalise={"how": "zscore"})


@pytest.mark.parametrize("how", ["copeland", "vikor", "promethee"])
def test_methods_that_only_compare_take_any_scales(how: str) -> None:
    given = {"normalise": {"by": {"a": {"low": 0, "high": 1}}}, "aggregate": {"by": {"P": {"how": how}}}}
    plain = {"normalise": {}, "aggregate": given["aggregate"]}
    own, other = (cg.assess(workspace(**each)).aggregated.column("P") for each in (given, plain))
    assert own == pytest.approx(other)
    assert not mixes(**given)


def mixes(**given: Any) -> bool:
    """Tell whether a and b are named as on different scales."""
    return any(p.code == "method.mixed-scales" and "a (0..1)" in p.message() for p in every(**given))


@pytest.mark.parametrize("how", ["mpi", "topsis"])
def test_distances_and_penalties_over_different_scales_are_foretold(how: str) -> None:
    by = {"a": {"how": "minmax", "low": 0, "high": 1}}
    aggregate = {"by": {"P": {"how": how}}}
    same = cg.assess(workspace(normalise={"low": 0, "high": 1}, aggregate=aggregate)).aggregated
    wide = cg.assess(workspace(normalise={"by": by}, aggregate=aggregate)).aggregated
    assert wide.column("P") != pytest.approx(same.column("P"))
    assert mixes(normalise={"by": by}, aggregate=aggregate)


LONE = Framework(
    (Node("I"), Node("P", "I"), Node("a", "P", direction=1), Node("Q", "I"), Node("c", "Q", direction=1),
     Node("d", "Q", direction=1))
)  # fmt: skip


@pytest.mark.parametrize("how", ["topsis", "vikor", "copeland", "promethee", "mpi", "coupling"])
def test_a_lone_child_of_a_method_that_compares_is_foretold(how: str) -> None:
    facts = {unit: {c: v for c, v in row.items() if c != "b"} for unit, row in FACTS.items()}
    problem = foreseen(LONE, facts, aggregate={"how": how})["method.single-child"]
    assert problem.values["codes"] == ["P"]
    says(problem, "P", how)
    by = {"P": {"how": "arithmetic"}}
    assert "method.single-child" not in noted(LONE, facts, aggregate={"how": how, "by": by})
    assert "method.single-child" not in noted(aggregate={"how": how})


def test_weights_from_data_have_nothing_to_weigh_in_a_lone_child() -> None:
    facts = {unit: {c: v for c, v in row.items() if c != "b"} for unit, row in FACTS.items()}
    problem = foreseen(LONE, facts, weights="critic")["method.nothing-to-weigh"]
    assert problem.values["codes"] == ["P"]
    says(problem, "critic", "P")
    assert "method.nothing-to-weigh" not in noted(LONE, facts, weights="equal")
    assert "method.nothing-to-weigh" not in noted(weights="critic")


def test_bonuses_need_a_mean_to_come_on_top_of() -> None:
    bonus = Node("e", "P", direction=1, role="bonus", points=5.0, low=0.0, high=1.0)
    points = {"I": 100.0, "P": 60.0, "Q": 40.0}
    nodes = [replace(node, points=points.get(node.code)) for node in TREE]
    tree = Framework((*nodes[:4], bonus, *nodes[4:]))
    problem = noted(tree, FACTS, normalise=POSTS, aggregate={"by": {"P": {"how": "mpi"}}})[
        "method.roles-need-mean"
    ]
    assert (problem.severity, problem.values["codes"]) == ("error", ["P"])
    says(problem, "P")
    for by in ({"Q": {"how": "mpi"}}, {"P": {"how": "geometric"}}):
        assert "method.roles-need-mean" not in noted(tree, FACTS, normalise=POSTS, aggregate={"by": by})


def test_grades_of_an_index_without_a_range_are_foretold() -> None:
    graded = {"grades": {"scale": "smart-2021"}}
    problem = foreseen(normalise={"how": "zscore"}, **graded)["method.grades-without-range"]
    says(problem, "smart-2021")
    mixed = noted(normalise=POSTS, aggregate={"by": {"P": {"how": "topsis"}}}, **graded)
    assert "method.grades-without-range" not in mixed  # goalposts and TOPSIS both lie on 0..1
    assert "method.grades-without-range" in noted(normalise=POSTS, aggregate={"how": "mpi"}, **graded)
    assert "method.grades-without-range" in noted(
        normalise={"how": "zscore"}, grades={"stages": "smart-stages"}
    )
    for method in ({"normalise": POSTS, **graded}, {"normalise": {"how": "zscore"}}):
        assert "method.grades-without-range" not in noted(**method)


def test_grades_that_move_with_other_units_are_foretold() -> None:
    graded = {"grades": {"scale": "smart-2021"}}
    problem = foreseen(**graded)["method.cut-on-relative-scale"]
    assert problem.values["codes"] == ["a", "b", "c", "d"]
    says(problem, "a", "d")
    one = noted(normalise={**POSTS, "by": {"c": {"how": "minmax"}}}, **graded)
    assert one["method.cut-on-relative-scale"].values["codes"] == ["c"]
    vikor = noted(normalise=POSTS, aggregate={"by": {"Q": {"how": "vikor"}}}, **graded)
    assert vikor["method.cut-on-relative-scale"].values["codes"] == ["vikor"]
    coupled = {"normalise": POSTS, "aggregate": {"how": "coupling"}, **graded}
    for method in ({"normalise": POSTS, **graded}, {}, coupled):
        assert "method.cut-on-relative-scale" not in noted(**method)


def test_grades_of_a_penalised_mean_do_not_move_with_other_units() -> None:
    graded = {"normalise": POSTS, "aggregate": {"how": "mpi"}, "grades": {"scale": "smart-2021"}}
    alone = {"x": FACTS["x"]}
    now, then = (cg.assess(workspace(TREE, facts, **graded)).index[0] for facts in (FACTS, alone))
    assert now == pytest.approx(then)
    assert "method.cut-on-relative-scale" not in noted(**graded)


def test_grades_that_move_with_other_units_through_the_weights_are_foretold() -> None:
    graded = {"normalise": POSTS, "grades": {"scale": "smart-2021"}, "weights": "entropy"}
    fewer = {unit: FACTS[unit] for unit in "xy"} | {"w": {"a": 1, "b": 49, "c": 1, "d": 1}}
    now, then = (cg.assess(workspace(TREE, facts, **graded)).index[0] for facts in (FACTS, fewer))
    assert now != pytest.approx(then)  # nothing about unit x has changed
    assert noted(**graded)["method.cut-moved-by-others"].values["keys"] == ['weights = "entropy"']
    outliers = noted(**graded | {"weights": "equal", "treat": {"how": "winsorise_then", "then": "none"}})
    assert outliers["method.cut-moved-by-others"].values["keys"] == ['treat.how = "winsorise_then"']


GAPS = {
    "x": {**FACTS["x"], "b": "missing"},
    "y": {**FACTS["y"], "b": "missing"},
    "z": {**FACTS["z"], "a": "missing"},
}


def test_a_limit_that_nobody_meets_is_noted_with_the_most_that_anybody_has() -> None:
    def under(limit: float, facts: Mapping[str, Any] = GAPS) -> dict[str, Problem]:
        by = {"P": {"min_availability": limit}}
        return noted(TREE, facts, normalise=POSTS, aggregate={"by": by})

    problem = under(0.6)["method.availability-unmet"]
    assert (problem.values["code"], problem.values["codes"]) == ("P", ["a", "b"])
    says(problem, "P", "60%", "50%")
    assert "method.availability-unmet" not in under(0.5)
    assert "method.availability-unmet" not in under(1, {**GAPS, "z": FACTS["z"]})


def test_the_most_that_anybody_has_leaves_out_what_is_not_applicable() -> None:
    """Of P's children p does not apply to anybody, through its own; one of the two others is known: 50 %."""
    tree = Framework((Node("I"), Node("t", "I", direction=1), Node("P", "I"), Node("p", "P"),
                      Node("q", "p", direction=1), Node("a", "P", direction=1),
                      Node("b", "P", direction=1)))  # fmt: skip
    facts = {
        unit: {"t": number, "q": "not_applicable", "a": number, "b": "missing"}
        for number, unit in enumerate("xyz")
    }
    half = cg.assess(workspace(tree, facts, aggregate={"by": {"P": {"min_availability": 0.5}}}))
    assert half.aggregated.column("P") == pytest.approx([0, 50, 100])
    problem = noted(tree, facts, aggregate={"by": {"P": {"min_availability": 0.6}}})[
        "method.availability-unmet"
    ]
    says(problem, "60%", "50%")


@pytest.mark.parametrize(
    "aggregate",
    [{"how": "geometric"}, {"how": "harmonic"}, {"how": "generalised", "power": 0.5},
     {"how": "generalised", "power": 2}],
)  # fmt: skip
def test_negative_scores_under_a_mean_that_is_not_defined_for_them_are_refused(
    aggregate: dict[str, Any],
) -> None:
    given = {"normalise": {"how": "zscore"}, "aggregate": {"by": {"P": aggregate}}}
    problem = noted(**given)["method.negative-under-mean"]
    assert (problem.severity, problem.values["code"], problem.values["codes"]) == ("error", "P", ["a", "b"])
    says(problem, "P", aggregate["how"])
    assert "method.negative-under-mean" not in noted(**given | {"normalise": {"how": "zscore", "mean": 100}})
    assert "method.negative-under-mean" not in noted(normalise={"how": "zscore"})


def test_a_negative_score_of_a_child_without_weight_is_not_refused() -> None:
    weights = {"a": 0.0, "b": 1.0}
    tree = Framework(tuple(replace(node, weight=weights.get(node.code)) for node in TREE))
    by = {"a": {"how": "zscore"}}
    given = {"normalise": {"low": 1, "by": by}, "aggregate": {"by": {"P": {"how": "geometric"}}}}
    assert "method.negative-under-mean" not in noted(tree, **given)


def test_weight_sets_with_the_names_of_something_else_are_refused(workspace: Callable[..., Path]) -> None:
    folder = workspace(**{"weights/entropy__csv": "code,weight\nP,1\nQ,2\n"})
    with pytest.raises(cg.InputError) as caught:
        cg.assess(cg.open(folder))
    (problem,) = [p for p in caught.value.problems if p.code == "weights.reserved-name"]
    assert problem.values["names"] == ["entropy"]
    says(problem, "entropy", "weights/")
    (folder / "weights/entropy.csv").rename(folder / "weights/entropy2.csv")
    assert cg.assess(cg.open(folder), Method().replace(weights="entropy2", normalise={"how": "goalposts"}))


def test_a_panel_of_one_period_is_refused(workspace: Callable[..., Path]) -> None:
    year = "unit,indicator,period,value\n" + "".join(f"{u},{c},2022,{u}\n" for u in "123" for c in "abc")
    both = year + "".join(f"{u},{c},2023,{u}\n" for u in "123" for c in "abc")
    one = cg.open(workspace(observations__csv=year))
    two = cg.open(workspace(observations__csv=both))
    for opened, periods in ((one, None), (two, ["2023"]), (two, ["2023", "2023"])):
        with pytest.raises(cg.InputError) as caught:
            assess_panel(opened, periods=periods)
        assert [p.code for p in caught.value.problems if p.severity == "error"] == ["settings.one-period"]
        says(caught.value.problems[-1], *opened.observations.periods)
    assert assess_panel(two).periods == ("2022", "2023")


@pytest.mark.parametrize("name", builtin_names())
def test_no_built_in_framework_is_at_odds_with_its_own_method(name: str) -> None:
    framework, problems = cg.builtin(name), Problems()
    path = ROOT / "src/citygauge/framework/builtin" / name / "method.toml"
    method = read_method(path, problems)
    assert method is not None
    note_conflicts(method, framework, bool(method.grades.scale or method.grades.stages), problems)
    assert [problem.code for problem in problems] == []


@pytest.mark.parametrize("name", ["city-statistics-2023", "smart-2021"])
def test_no_demo_is_at_odds_with_its_method(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "demo" / name, tmp_path / name)
    codes = {problem.code for problem in cg.assess(cg.open(tmp_path / name)).warnings}
    assert not {code for code in codes if code.startswith(("method.", "weights."))}, codes
