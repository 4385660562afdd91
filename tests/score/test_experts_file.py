"""A panel's file: what it gives by hand, and everything that can be wrong with it, all at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from citygauge.framework.model import Framework
from citygauge.framework.read import read_framework
from citygauge.problems import Problem, Problems
from citygauge.score.experts.panel import Hint, PanelWeights
from citygauge.score.experts.read import COLUMNS, ratio_of
from citygauge.score.experts.weigh import weights_of_experts
from citygauge.score.weight import sibling_weights
from citygauge.store.weights import write_weight_set

TREE = """\
code,parent,name_en,weight,direction,unit,role,points
I,,Index,,,,,
P,I,Pillar P,3,,,,75
Q,I,Pillar Q,1,,,,25
a,P,a,,1,%,,
b,P,b,,1,%,,
c,P,c,,1,%,,
d,P,d,,1,%,,
x,P,bonus,,1,%,bonus,5
e,Q,e,,1,%,,
f,Q,f,,1,%,,
"""
BUDGET = "expert,code,points\n王,P,60\n王,Q,40\n李,P,80\n李,Q,20\n"
SWING = "expert,code,points\n王,e,100\n王,f,25\n李,e,100\n李,f,60\n"
AHP = """\
expert,code_a,code_b,value
w,a,b,2
w,a,c,4
w,d,a,1/8
w,b,c,2
w,b,d,4
w,c,d,2
"""
BWM = """\
expert,code,best_to_other,other_to_worst
w,a,2,4
w,b,1,8
w,c,4,2
w,d,8,1
"""


@pytest.fixture
def framework(tmp_path: Path) -> Framework:
    (tmp_path / "framework.csv").write_text(TREE, encoding="utf-8")
    return read_framework(tmp_path / "framework.csv")


@pytest.fixture
def weigh(framework: Framework, tmp_path: Path) -> Callable[..., tuple[PanelWeights | None, Problems]]:
    def run(how: str, text: str, **more: float) -> tuple[PanelWeights | None, Problems]:
        (tmp_path / "panel.csv").write_text(text, encoding="utf-8")
        problems = Problems()
        return weights_of_experts(how, tmp_path / "panel.csv", framework, problems, **more), problems

    return run


def codes(problems: Problems) -> list[str]:
    return [problem.code for problem in problems]


def only(problems: Problems, code: str) -> Problem:
    (found,) = [problem for problem in problems if problem.code == code]
    for language in ("en", "zh"):
        assert "{" not in found.text(language)
    return found


def test_a_budget_gives_the_mean_of_the_shares(weigh) -> None:
    panel, problems = weigh("budget", BUDGET)
    assert not len(problems)
    assert panel.weights == pytest.approx({"P": 0.7, "Q": 0.3})
    (group,) = panel.groups
    assert (group.parent, group.median, panel.unjudged) == ("I", pytest.approx((0.7, 0.3)), ("P", "Q"))
    assert group.spread[0] == pytest.approx(0.02**0.5)  # 0.6 and 0.8: deviations of 0.1, squared and added
    assert group.agreement.concordance == 1


def test_a_budget_may_be_other_than_100(weigh) -> None:
    panel, _ = weigh("budget", "expert,code,points\nw,e,7\nw,f,3\n", budget=10)
    assert panel.weights == pytest.approx({"e": 0.7, "f": 0.3})


def test_swings_are_shares_of_their_sum(weigh) -> None:
    panel, _ = weigh("swing", SWING)
    assert panel.weights == pytest.approx({"e": (0.8 + 0.625) / 2, "f": (0.2 + 0.375) / 2})


def test_judgements_of_ahp_may_stand_in_either_order(weigh) -> None:
    panel, problems = weigh("ahp", AHP)
    assert not len(problems)
    assert panel.weights == pytest.approx({"a": 8 / 15, "b": 4 / 15, "c": 2 / 15, "d": 1 / 15})
    assert panel.groups[0].judges[0].consistent
    assert panel.groups[0].ratio == pytest.approx(0, abs=1e-9)


def test_several_experts_are_joined_by_the_geometric_mean_of_their_judgements(weigh) -> None:
    panel, _ = weigh("ahp", "expert,code_a,code_b,value\nv,e,f,8\nw,e,f,2\n")
    assert panel.weights == pytest.approx({"e": 0.8, "f": 0.2})


def test_the_best_worst_method_reads_both_rows(weigh) -> None:
    panel, problems = weigh("best-worst", BWM)
    assert not len(problems)
    assert panel.weights == pytest.approx({"a": 4 / 15, "b": 8 / 15, "c": 2 / 15, "d": 1 / 15})


def test_a_workbook_with_fractions_as_text_is_read(framework: Framework, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (COLUMNS["ahp"], ("w", "e", "f", "1/4"), (None, None, None, None)):
        book.active.append(row)
    book.save(tmp_path / "panel.xlsx")
    panel = weights_of_experts("ahp", tmp_path / "panel.xlsx", framework, Problems())
    assert panel.weights == pytest.approx({"e": 0.2, "f": 0.8})


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        *(("3", 3), ("1/3", 1 / 3), ("1：3", 1 / 3), ("１／３", 1 / 3), ("0.33", 1 / 3), ("0.14", 1 / 7)),
        *(
            ("0.11", 1 / 9),
            ("0.5", 0.5),
            ("0.4", 0.4),
            ("2.5", 2.5),
            ("5/2", 2.5),
            ("-3", -3),
            ("1e-320", 1e-320),
        ),
        *(("1/0", None), ("1/2/3", None), ("much", None), ("2026-01-03", None), ("", None), ("nan", None)),
    ],
)
def test_a_ratio_is_read_as_people_write_it(text: str, ratio: float | None) -> None:
    assert ratio_of(text) == (None if ratio is None else pytest.approx(ratio))


def test_an_inconsistent_expert_is_told_the_change_that_helps(weigh) -> None:
    panel, problems = weigh("ahp", AHP.replace("w,d,a,1/8", "w,a,d,1/8"))
    judge = panel.groups[0].judges[0]
    assert judge.consistent is False
    assert judge.hints == (Hint("a", "d", 1 / 8, 8.0, pytest.approx(0, abs=1e-9)),)
    problem = only(problems, "experts.inconsistent")
    assert problem.severity == "warning"
    assert "a : d = 1/8 → 8" in problem.hint("en")


def test_an_inconsistent_best_worst_is_told_too(weigh) -> None:
    panel, problems = weigh("best-worst", BWM.replace("w,a,2,4", "w,a,7,7"))
    assert only(problems, "experts.inconsistent").values["ratio"] == pytest.approx((49 - 8) / 56)
    hints = panel.groups[0].judges[0].hints
    assert {hint.code_a for hint in hints} | {hint.code_b for hint in hints} <= {"a", "b", "d"}
    assert hints[-1].ratio <= 0.2521  # four things, the best 8 times the worst: Liang, Brunelli, Rezaei 2020


def test_an_expert_who_stands_apart_is_marked_and_counts(weigh) -> None:
    rows = [("u", 60), ("v", 65), ("w", 55), ("x", 60), ("y", 5)]
    text = "expert,code,points\n" + "".join(f"{who},P,{p}\n{who},Q,{100 - p}\n" for who, p in rows)
    panel, problems = weigh("budget", text)
    assert [judge.apart for judge in panel.groups[0].judges] == [False] * 4 + [True]
    assert panel.weights["P"] == pytest.approx(0.49)
    assert only(problems, "experts.apart").values["expert"] == "y"


def test_missing_pairs_are_a_warning_where_the_others_connect(weigh) -> None:
    panel, problems = weigh("ahp", "expert,code_a,code_b,value\nw,a,b,2\nw,b,c,2\nw,c,d,2\n")
    assert panel.weights == pytest.approx({"a": 8 / 15, "b": 4 / 15, "c": 2 / 15, "d": 1 / 15})
    assert only(problems, "experts.missing-pairs").values["pairs"] == ["a : c", "a : d", "b : d"]


def test_judgements_that_do_not_connect_are_an_error(weigh) -> None:
    panel, problems = weigh("ahp", "expert,code_a,code_b,value\nw,a,b,2\nw,c,d,2\n")
    assert panel is None
    assert codes(problems) == ["experts.not-connected"]
    assert only(problems, "experts.not-connected").values["rest"] == ["c", "d"]


def test_all_problems_of_pairs_are_told_at_once_with_their_rows(weigh) -> None:
    text = (
        "expert,code_a,code_b,value\n"
        "w,a,bb,3\n"  # 2
        "w,a,e,3\n"  # 3
        "w,a,a,1\n"  # 4
        "w,I,P,2\n"  # 5
        "w,a,x,2\n"  # 6
        "w,a,b,10\n"  # 7
        "w,a,b,2026-01-03\n"  # 8
        ",c,d,2\n"  # 9
        "w,a,c,3\n"  # 10
        "w,c,a,3\n"  # 11
        "w,c,a,1/3\n"  # 12
        ",,,\n"
    )
    panel, problems = weigh("ahp", text)
    assert panel is None
    assert [(problem.code, problem.where.row) for problem in problems] == [
        ("experts.unknown-code", 2),
        ("experts.not-siblings", 3),
        ("experts.with-itself", 4),
        ("experts.no-weight", 5),
        ("experts.no-weight", 6),
        ("experts.out-of-range", 7),
        ("experts.not-a-number", 8),
        ("experts.blank-cell", 9),
        ("experts.contradicting", 11),
        ("experts.repeated", 12),
    ]
    assert only(problems, "experts.unknown-code").values["near"] == ["b"]
    assert only(problems, "experts.contradicting").values["first"] == 10
    assert "1/3" in only(problems, "experts.not-a-number").hint("en")


def test_problems_of_points_are_told_at_once(weigh) -> None:
    text = (
        "expert,code,points\n"
        "u,e,60\nu,f,30\n"  # 2, 3: 90
        "v,a,50\nv,b,50\n"  # 4: c and d are missing
        "w,e,-5\nw,f,105\n"  # 6
        "y,e,50\ny,e,50\ny,f,50\n"  # 8 and 9 say the same
    )
    panel, problems = weigh("budget", text)
    assert panel is None
    assert [(problem.code, problem.where.row) for problem in problems] == [
        ("experts.out-of-range", 6),
        ("experts.repeated", 9),
        ("experts.wrong-budget", 2),
        ("experts.missing-codes", 4),
    ]
    assert only(problems, "experts.wrong-budget").values["total"] == 90
    assert only(problems, "experts.missing-codes").values["codes"] == ["c", "d"]


def test_a_swing_needs_a_hundred(weigh) -> None:
    _, problems = weigh("swing", SWING.replace("100", "90", 1))
    assert codes(problems) == ["experts.no-hundred"]
    assert only(problems, "experts.no-hundred").values["most"] == 90


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("w,b,1,8", "w,b,2,8", "experts.no-best"),
        ("w,d,8,1", "w,d,8,2", "experts.no-worst"),
        ("w,d,8,1", "w,d,7,1", "experts.two-answers"),
        ("w,c,4,2", "w,c,9,2", "experts.beyond-worst"),
        ("w,c,4,2", "w,c,0,2", "experts.out-of-range"),
        ("w,c,4,2\n", "", "experts.missing-codes"),
    ],
)
def test_rows_of_best_and_worst_must_fit_together(weigh, old: str, new: str, code: str) -> None:
    panel, problems = weigh("best-worst", BWM.replace(old, new))
    assert panel is None
    assert codes(problems) == [code]
    only(problems, code)


def test_a_table_without_its_columns_or_rows_and_an_unknown_method_are_told(
    weigh, framework: Framework, tmp_path: Path
) -> None:
    assert codes(weigh("budget", "expert,code\nw,P\n")[1]) == ["experts.missing-column"]
    assert codes(weigh("budget", "expert,code,points\n,,\n")[1]) == ["experts.no-answers"]
    assert codes(weigh("budget", "expert,code,points\n")[1]) == ["experts.no-answers"]
    assert codes(weigh("delphi", BUDGET)[1]) == ["experts.unknown-how"]
    problems = Problems()
    assert weights_of_experts("ahp", tmp_path / "none.csv", framework, problems) is None
    assert codes(problems) == ["file.not-found"]


def test_what_is_wrong_is_said_in_both_languages(weigh) -> None:
    for how, text in (
        ("delphi", BUDGET),
        ("budget", "expert,code\n"),
        ("swing", "expert,code,points\nw,e,90\n"),
    ):
        for problem in weigh(how, text)[1]:
            only(Problems([problem]), problem.code)


def test_a_weight_set_is_written_and_used_and_the_rest_keeps_its_weights(weigh, tmp_path: Path) -> None:
    panel, problems = weigh("best-worst", BWM)
    path = write_weight_set(panel.weights, tmp_path, "专家-2026", problems)
    assert path == tmp_path / "weights" / "专家-2026.csv"
    assert pl.read_csv(path).columns == ["code", "weight"]
    framework = read_framework(tmp_path)
    shares = sibling_weights(framework, "专家-2026", problems)
    assert [shares[code] for code in "PQabcdef"] == pytest.approx(
        [0.75, 0.25, 4 / 15, 8 / 15, 2 / 15, 1 / 15, 0.5, 0.5]
    )
    assert not len(problems)


def test_a_name_is_taken_once_and_replaced_when_asked(weigh, tmp_path: Path) -> None:
    panel, problems = weigh("budget", BUDGET)
    assert write_weight_set(panel.weights, tmp_path, "panel", problems)
    assert write_weight_set(panel.weights, tmp_path, "panel", problems) is None
    assert codes(problems) == ["weights.name-taken"]
    assert write_weight_set(panel.weights, tmp_path, "panel", problems, replace=True)


@pytest.mark.parametrize("name", ["default", "equal", "", "../x", "a/b", "a b", ".x", "x."])
def test_a_name_must_be_one_for_a_file(weigh, tmp_path: Path, name: str) -> None:
    panel, problems = weigh("budget", BUDGET)
    assert write_weight_set(panel.weights, tmp_path, name, problems) is None
    assert only(problems, "weights.bad-name").values["name"] == name
    assert not (tmp_path / "weights").exists()


def test_a_panel_is_plain_data(weigh) -> None:
    data = weigh("swing", SWING)[0].as_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["groups"][0]["judges"][0] == {
        "expert": "王", "weights": [0.8, 0.2], "ratio": None, "limit": None, "hints": [], "apart": False,
        "consistent": None,
    }  # fmt: skip
    assert (
        weigh("budget", "expert,code,points\nw,e,100\nw,f,0\n")[0].as_dict()["groups"][0]["spread"]
        == [None] * 2
    )
