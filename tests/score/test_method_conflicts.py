"""Settings that clash, do nothing, or hold changed figures against posts: each is named."""

from __future__ import annotations

import polars as pl
import pytest

import citygauge as cg
from citygauge import Method
from citygauge.framework.model import Framework, Node
from citygauge.problems import InputError, Problem, Problems
from citygauge.score.foresight import note_conflicts

TREE = Framework((
    Node("I"),
    Node("P", "I"),
    Node("a", "P", direction=1, scale="ratio", low=0.0, high=1000.0),
    Node("b", "P", direction=-1, scale="ratio", low=0.0, high=1000.0),
    Node("Q", "I"),
    Node("c", "Q", direction=1, scale="ratio", low=0.0, high=10.0),
    Node("d", "Q", direction=1, scale="ratio", low=0.0, high=10.0),
), code="small")  # fmt: skip
SKEWED = (1, 2, 4, 8, 16, 30, 60, 120, 250, 900)


def assembled(**method: object) -> cg.Workspace:
    rows = [
        {"unit": f"u{i}", "indicator": code, "period": "2023", "value": str(value)}
        for i, skewed in enumerate(SKEWED)
        for code, value in (("a", skewed), ("b", i + 1), ("c", i), ("d", 10 - i))
    ]
    units = [{"unit": f"u{i}", "name_en": f"U{i}"} for i in range(len(SKEWED))]

    return cg.from_frames(TREE, pl.DataFrame(units), pl.DataFrame(rows), Method(**method))


def told(**method: object) -> dict[str, Problem]:
    try:
        found = cg.assess(assembled(**method)).warnings
    except InputError as error:
        found = error.problems
    return {problem.code: problem for problem in found}


LOGGED = {"how": "winsorise_then", "max_points": 0}


@pytest.mark.parametrize("how", ["goalposts", "scaled"])
def test_transformed_figures_are_not_held_against_posts_in_the_unit_as_measured(how: str) -> None:
    problem = told(treat=LOGGED, normalise={"by": {"a": {"how": how}}})["treat.transformed-anchor"]
    assert problem.values["codes"] == ["a"]


def test_a_target_is_an_anchor_too_and_a_relative_scale_is_none() -> None:
    target = {"by": {"a": {"how": "distance_to_target", "target": 500}}}
    assert "treat.transformed-anchor" in told(treat=LOGGED, normalise=target)
    assert "treat.transformed-anchor" not in told(treat=LOGGED)
    untouched = told(treat=LOGGED | {"exclude": ["a"]}, normalise={"how": "goalposts"})
    assert "treat.transformed-anchor" not in untouched


def test_exceptions_of_a_level_and_a_code_that_do_not_fit_together_are_named() -> None:
    clash = told(aggregate={"how": "generalised", "power": 2, "by": {"1": {"how": "owa"}, "P": {"power": 3}}})
    assert clash["method.exceptions-clash"].values["code"] == "P"
    assert "owa takes no power" in clash["method.exceptions-clash"].values["reason"]
    fits = assembled(aggregate={"by": {"1": {"how": "owa"}, "P": {"orness": 0.7}}})
    rules = fits.method.aggregate.rules(TREE)
    assert rules["P"].parameters == (("orness", 0.7),)
    assert rules["Q"].parameters == ()


@pytest.mark.parametrize(
    ("key", "method"),
    [
        ("normalise.by", {"normalise": {"by": {"P": {"how": "zscore"}}}}),
        ("treat.by", {"treat": {"by": {"P": {"how": "log"}}}}),
        ("treat.exclude", {"treat": {"how": "log", "exclude": ["P"]}}),
        ("impute.exclude", {"impute": {"how": "mean", "exclude": ["P"]}}),
    ],
)
def test_a_setting_for_a_node_that_nobody_measures_is_refused(key: str, method: dict[str, object]) -> None:
    problem = told(**method)["method.no-effect"]
    assert (problem.values["key"], problem.values["codes"]) == (key, ["P"])


def test_a_level_of_leaves_has_no_parents_to_aggregate() -> None:
    assert told(aggregate={"by": {"2": {"how": "geometric"}}})["method.unknown-parent"].values["known"] == [
        "0", "1",
    ]  # fmt: skip


def test_settings_of_a_step_that_is_off_are_told() -> None:
    assert told(treat={"max_points": 3})["method.step-is-off"].values["keys"] == ["max_points"]
    assert told(grades={"order": ["unit"]})["method.step-is-off"].values["step"] == "grades"
    assert "method.step-is-off" not in told(treat={"max_points": 3, "by": {"a": {"how": "winsorise_then"}}})
    assert "method.step-is-off" not in told()


def test_a_code_that_reads_like_a_level_is_told() -> None:
    tree = Framework((Node("0"), Node("1", "0"), Node("x", "1", direction=1), Node("2", "0"),
                      Node("y", "2", direction=1)), code="digits")  # fmt: skip
    problems = Problems()
    method = Method(aggregate={"by": {"1": {"how": "median"}}})
    note_conflicts(method, tree, graded=False, problems=problems)
    assert [p.values["keys"] for p in problems if p.code == "method.code-like-level"] == [["1"]]


def test_a_method_that_only_compares_says_where_nothing_differs() -> None:
    flat = assembled(normalise={"by": {"c": {"how": "goalposts", "low": -9, "high": -8}, "d": {
        "how": "goalposts", "low": -9, "high": -8}}}, aggregate={"by": {"Q": {"how": "topsis"}}})  # fmt: skip
    problem = {p.code: p for p in cg.assess(flat).warnings}["facts.alike-below"]
    assert (problem.values["code"], problem.values["how"]) == ("Q", "topsis")


def test_regressions_in_turns_do_not_depend_on_the_order_of_rows_or_indicators() -> None:
    pytest.importorskip("sklearn")

    facts = {"U0": {"a": 1, "b": 4}, "U1": {"b": 9, "c": 3}, "U2": {"a": 1, "c": 5, "d": 1},
             "U3": {"a": 4, "b": 5, "c": 3, "d": 9}, "U4": {"a": 3, "c": 6},
             "U5": {"a": 7, "b": 8, "d": 2}}  # fmt: skip
    found = []
    for codes, names in (("abcd", sorted(facts)), ("dcba", sorted(facts, reverse=True))):
        tree = Framework((Node("I"), *(Node(code, "I", direction=1) for code in codes)), code="flat")
        rows = [
            {"unit": unit, "indicator": code, "period": "1", "value": str(value)}
            for unit in names
            for code, value in facts[unit].items()
        ]
        units = pl.DataFrame({"unit": names, "name_en": names})
        for impute in ({"how": "iterative"}, {"how": "iterative", "draw": 1, "seed": 3}):
            result = cg.assess(cg.from_frames(tree, units, pl.DataFrame(rows), Method(impute=impute)))
            found.append(dict(zip(result.units.codes, result.index.tolist(), strict=True)))
    assert found[0] == pytest.approx(found[2])
    assert found[1] == pytest.approx(found[3])


def test_a_column_without_spread_in_one_stratum_is_named_with_the_stratum(workspace) -> None:
    facts = "unit,indicator,value,subject\n" + "".join(
        f"{unit},a,{a},{event}{unit}\n{unit},c,{c},{event}{unit}\n"
        for event, values in (("x", ((0, 7), (1, 7), (2, 7))), ("y", ((0, 3), (1, 2), (2, 1))))
        for unit, (a, c) in enumerate(values, 1)
    )
    things = "subject,unit,kind,event\n" + "".join(
        f"{event}{unit},{unit},site,{event}\n" for event in "xy" for unit in (1, 2, 3)
    )
    folder = workspace(
        observations__csv=facts, subjects__csv=things,
        rollups__csv="code,kind,to,how\na,site,unit,mean\nc,site,unit,mean\n",
        method__toml='[normalise]\nhow = "minmax"\n',
        assessment__toml='framework = "framework.csv"\n[subjects]\nstrata = "event"\n',
    )  # fmt: skip
    found = {p.code: p for p in cg.assess(cg.open(folder)).warnings}["facts.no-spread-in-stratum"]
    assert (found.values["stratum"], found.values["codes"]) == ("x", ["c"])
