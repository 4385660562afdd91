"""What is wrong with a framework: every problem, in its cell, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from citygauge.framework.read import load_framework
from citygauge.problems import Problem, Problems

HEADER = "code,parent,name_en,level,weight,direction,unit,low,high"


def check(folder: Path, text: str, **sets: str) -> list[Problem]:
    (folder / "framework.csv").write_text(text, encoding="utf-8")
    for name, rows in sets.items():
        (folder / "weights").mkdir(exist_ok=True)
        (folder / "weights" / f"{name}.csv").write_text(rows, encoding="utf-8")
    problems = Problems()
    framework = load_framework(folder / "framework.csv", problems)
    assert (framework is None) == bool(problems.errors)
    return list(problems)


def seen(problems: list[Problem]) -> list[tuple[str, int | None, str | None]]:
    return [(problem.code, problem.where.row, problem.where.column) for problem in problems]


def only(problems: list[Problem], code: str) -> Problem:
    found = [problem for problem in problems if problem.code == code]
    assert len(found) == 1, [problem.code for problem in problems]
    return found[0]


def tree(*rows: str, header: str = "code,parent,name_en") -> str:
    return "\n".join([header, "I,,Index", *rows]) + "\n"


def leaf(**cells: Any) -> str:
    """Return a tree of an index in row 2 and one sound indicator in row 3 with the given cells."""
    row = {"code": "a", "parent": "I", "name_en": "A", "direction": 1, "unit": "%", **cells}
    values = ",".join(f'"{value}"' for value in row.values())
    return f"{','.join(row)}\nI,,Index\n{values}\n"


def test_a_sound_framework_has_no_problem(tmp_path):
    assert check(tmp_path, leaf()) == []


# --- structure ---------------------------------------------------------------------------------------


def test_missing_columns_are_named_with_what_is_there(tmp_path):
    problems = check(tmp_path, "cod,name_en\nI,Index\na,b\n")
    assert {(p.code, p.values["column"]) for p in problems} == {
        ("framework.missing-column", "code"),
        ("framework.missing-column", "parent"),
    }
    assert next(p for p in problems if p.values["column"] == "code").values["found"] == ["cod"]


def test_a_table_without_rows_is_empty(tmp_path):
    assert seen(check(tmp_path, "code,parent\n\n,\n")) == [("framework.empty", None, None)]


def test_two_cycles_are_reported_each_once(tmp_path):
    rows = ("a,b,A", "b,a,B", "c,e,C", "d,c,D", "e,d,E", "f,f,F", "g,c,G")
    problems = [p for p in check(tmp_path, tree(*rows)) if p.code == "framework.cycle"]
    assert [(p.values["codes"], p.where.row) for p in problems] == [
        (["a", "b", "a"], 3),
        (["c", "e", "d", "c"], 5),
        (["f", "f"], 8),
    ]
    assert {p.where.column for p in problems} == {"B (parent)"}


def test_a_framework_of_nothing_but_a_cycle_has_no_root_either(tmp_path):
    problems = check(tmp_path, "code,parent,name_en\na,b,A\nb,a,B\n")
    assert [p.code for p in problems if p.severity == "error"] == ["framework.no-root", "framework.cycle"]


def test_several_roots_are_named_at_the_second_one(tmp_path):
    problem = only(check(tmp_path, tree("J,,Other", "a,I,A", "K,,Third")), "framework.several-roots")
    assert (problem.where.row, problem.where.column) == (3, "B (parent)")
    assert problem.values["codes"] == ["I", "J", "K"]


def test_an_unknown_parent_is_named_with_codes_that_are_nearly_it(tmp_path):
    problems = check(tmp_path, tree("service,I,S", "a,servce,A", "b,zzz,B"))
    orphans = [p for p in problems if p.code == "framework.unknown-parent"]
    assert [(p.where.row, p.where.column, p.values["parent"], p.values["near"]) for p in orphans] == [
        (4, "B (parent)", "servce", ["service"]),
        (5, "B (parent)", "zzz", []),
    ]


def test_a_repeated_code_names_the_first_row_that_has_it(tmp_path):
    problems = check(tmp_path, tree("a,I,A", "b,I,B", "a,I,C", "a,I,D"))
    repeated = [p for p in problems if p.code == "framework.duplicate-code"]
    assert [(p.where.row, p.where.column, p.values["first"]) for p in repeated] == [
        (5, "A (code)", 3),
        (6, "A (code)", 3),
    ]


def test_a_row_without_code_is_an_error_and_one_without_name_a_warning(tmp_path):
    problems = check(tmp_path, tree(",I,A", "b,I,"))
    assert (only(problems, "framework.no-code").where.row, only(problems, "framework.no-code").severity) == (
        3,
        "error",
    )
    nameless = only(problems, "framework.no-name")
    assert (nameless.where.row, nameless.where.column, nameless.severity) == (4, "C (name_en)", "warning")


def test_a_wrong_level_is_named_with_the_depth_in_the_tree(tmp_path):
    text = "code,parent,level\nI,,0\nP,I,1\n\na,P,3\nb,P,2.0\nc,P,two\nd,P,\n"
    wrong = [p for p in check(tmp_path, text) if p.code == "framework.wrong-level"]
    assert [(p.where.row, p.where.column, p.values["level"], p.values["depth"]) for p in wrong] == [
        (5, "C (level)", "3", 2),
        (7, "C (level)", "two", 2),
    ]


def test_levels_counted_from_one_are_wrong_everywhere(tmp_path):
    problems = check(tmp_path, "code,parent,level\nI,,1\na,I,2\n")
    assert [p.where.row for p in problems if p.code == "framework.wrong-level"] == [2, 3]


# --- weights of the nodes ----------------------------------------------------------------------------


def weighted(*weights: Any) -> str:
    rows = "".join(f"n{i},I,N,1,%,{weight}\n" for i, weight in enumerate(weights))
    return f"code,parent,name_en,direction,unit,weight\nI,,Index,,,\n{rows}"


def test_a_negative_weight_is_refused_in_its_cell(tmp_path):
    problem = only(check(tmp_path, weighted(2, -0.5)), "framework.negative-weight")
    assert (problem.where.row, problem.where.column, problem.values["value"]) == (4, "F (weight)", -0.5)


def test_siblings_with_and_without_weights_are_refused(tmp_path):
    problem = only(check(tmp_path, weighted(1, "", 2, "")), "framework.mixed-weights")
    assert (problem.where.row, problem.values["parent"]) == (4, "I")
    assert problem.values["codes"] == ["n1", "n3"]


def test_siblings_whose_weights_are_all_zero_are_refused(tmp_path):
    problem = only(check(tmp_path, weighted(0, 0)), "framework.all-zero-weights")
    assert (problem.where.row, problem.values["parent"]) == (3, "I")
    assert check(tmp_path, weighted(0, 1)) == []


@pytest.mark.parametrize("text", ["much", "1;5", "nan", "inf", "1 000", "50%"])
@pytest.mark.parametrize(
    "column", ["weight", "low", "high", "target_low", "target_high", "denominator_scale"]
)
def test_what_is_no_finite_number_is_refused_in_its_cell(tmp_path, column, text):
    problem = only(check(tmp_path, leaf(**{column: text})), "framework.not-a-number")
    assert (problem.where.row, problem.where.column) == (3, f"F ({column})")
    assert problem.values["value"] == text


# --- measurement -------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["0", "2", "up", "-"])
def test_a_direction_that_is_none_is_refused(tmp_path, word):
    problem = only(check(tmp_path, leaf(direction=word)), "framework.bad-direction")
    assert (problem.where.row, problem.where.column) == (3, "D (direction)")
    assert (problem.values["value"], problem.values["code"]) == (word, "a")


RUBRIC = "0: none; 1: all"


@pytest.mark.parametrize(
    ("cells", "code", "column"),
    [
        ({"low": 1}, "framework.half-goalposts", "high"),
        ({"high": 1}, "framework.half-goalposts", "low"),
        ({"low": 10, "high": 0}, "framework.goalposts-order", "F (low)"),
        ({"low": 5, "high": 5}, "framework.goalposts-order", "F (low)"),
        ({"target_low": 3, "target_high": 2}, "framework.targets-order", "F (target_low)"),
        ({"rubric": RUBRIC, "direction": -1}, "framework.rubric-direction", "D (direction)"),
        ({"rubric": RUBRIC, "low": 0, "high": 1}, "framework.rubric-and-goalposts", "F (rubric)"),
        ({"rubric": "0: none"}, "framework.bad-rubric", "F (rubric)"),
        ({"rubric": "0; 1=7"}, "framework.bad-rubric", "F (rubric)"),
        ({"denominator_scale": 0}, "framework.denominator-scale", "F (denominator_scale)"),
        ({"denominator_scale": -10}, "framework.denominator-scale", "F (denominator_scale)"),
        ({"denominator": "a"}, "framework.own-denominator", "F (denominator)"),
        ({"channels": "web;radio"}, "framework.unknown-channel", "F (channels)"),
    ],
)
def test_a_measurement_that_cannot_be_is_an_error_in_its_cell(tmp_path, cells, code, column):
    problem = only(check(tmp_path, leaf(**cells)), code)
    assert problem.severity == "error"
    assert (problem.where.file, problem.where.row, problem.where.column) == ("framework.csv", 3, column)
    assert problem.values["code"] == "a"


@pytest.mark.parametrize(
    ("cells", "code", "column"),
    [
        ({"scale": "share", "low": -1, "high": 50}, "framework.share-beyond-100", "G (low)"),
        ({"scale": "share", "low": 0, "high": 101}, "framework.share-beyond-100", "H (high)"),
        ({"scale": "nominal"}, "framework.unknown-scale", "F (scale)"),
        ({"channels": "web;web;field"}, "framework.repeated-channel", "F (channels)"),
        ({"direction": ""}, "framework.no-direction", "D (direction)"),
        ({"unit": ""}, "framework.no-unit", "E (unit)"),
        ({"name_en": ""}, "framework.no-name", "C (name_en)"),
    ],
)
def test_a_doubtful_measurement_is_a_warning_in_its_cell(tmp_path, cells, code, column):
    (problem,) = check(tmp_path, leaf(**cells))
    assert (problem.code, problem.severity) == (code, "warning")
    assert (problem.where.row, problem.where.column) == (3, column)


@pytest.mark.parametrize(
    "cells",
    [
        {"low": 0, "high": 100, "scale": "share"},
        {"low": -10, "high": 200, "scale": "interval"},
        {"target_low": 2, "target_high": 2},
        {"target_high": 2},
        {"rubric": RUBRIC},
        {"rubric": RUBRIC, "direction": ""},
        {"denominator": "population", "denominator_scale": 0.01},
    ],
)
def test_a_measurement_that_can_be_is_no_problem(tmp_path, cells):
    assert check(tmp_path, leaf(**cells)) == []


def test_a_bad_rubric_is_quoted_in_the_message(tmp_path):
    problem = only(check(tmp_path, leaf(rubric="0: none; some: 1")), "framework.bad-rubric")
    assert problem.values["part"] == "some: 1"
    assert "some: 1" in problem.message("en")
    assert "some: 1" in problem.message("zh")


def test_aggregates_need_neither_direction_nor_unit(tmp_path):
    assert check(tmp_path, tree("P,I,P", "a,P,A,1,%", header="code,parent,name_en,direction,unit")) == []


# --- weight sets -------------------------------------------------------------------------------------

PLAIN = "code,parent,name_en,direction,unit\nI,,Index\nP,I,P,1,%\nQ,I,Q,1,%\n"


@pytest.mark.parametrize(
    ("rows", "code", "row", "column"),
    [
        ("code,share\nP,1\n", "weights.missing-column", None, None),
        ("code,weight\nP,1\nQ,1\nX,1\n", "weights.unknown-code", 4, "A (code)"),
        ("code,weight\nP,1\nQ,1\nP,2\n", "weights.repeated-code", 4, "A (code)"),
        ("code,weight\nP,1\nQ,some\n", "weights.not-a-number", 3, "B (weight)"),
        ("code,weight\nP,1\n\nQ,\n", "weights.not-a-number", 4, "B (weight)"),
        ("code,weight\nP,1\nQ,-2\n", "weights.negative", 3, "B (weight)"),
        ("code,weight\nP,1\n", "weights.partial-group", None, None),
        ("code,weight\nP,0\nQ,0\n", "weights.all-zero", None, None),
    ],
)
def test_a_set_of_weights_that_cannot_be_used_is_refused(tmp_path, rows, code, row, column):
    (problem,) = check(tmp_path, PLAIN, mine=rows)
    assert (problem.code, problem.severity, problem.values["set"]) == (code, "error", "mine")
    assert (problem.where.file, problem.where.row, problem.where.column) == ("mine.csv", row, column)


def test_an_unknown_code_in_a_set_is_named_with_codes_that_are_nearly_it(tmp_path):
    text = PLAIN.replace("\nP,", "\npillar,")
    rows = "code,weight\npillar,1\nQ,1\npilar,1\n"
    problem = only(check(tmp_path, text, mine=rows), "weights.unknown-code")
    assert (problem.values["value"], problem.values["near"]) == ("pilar", ["pillar"])


def test_a_partial_group_names_its_parent_and_the_codes_without_weight(tmp_path):
    problem = only(check(tmp_path, PLAIN, mine="code,weight\nQ,1\n"), "weights.partial-group")
    assert (problem.values["parent"], problem.values["codes"]) == ("I", ["P"])


def test_every_set_of_weights_is_checked(tmp_path):
    problems = check(tmp_path, PLAIN, one="code,weight\nP,1\nQ,-2\n", two="code,weight\nP,x\nQ,1\n")
    assert seen(problems) == [
        ("weights.negative", 3, "B (weight)"),
        ("weights.not-a-number", 2, "B (weight)"),
    ]
    assert [p.where.file for p in problems] == ["one.csv", "two.csv"]


# --- all at once -------------------------------------------------------------------------------------


def test_many_problems_are_reported_in_one_go(tmp_path):
    text = (
        HEADER + "\nI,,Index,0\nP,I,P,1,1\nQ,I,Q,1\n"
        "a,P,A,3,,up,%\n\n"
        "b,P,B,2,,1,%,9,1\n"
        "b,Q,B,2,,1,%,1\n"
        "c,R,C,2,,1,%\n"
        "d,e,D,2,,1,%\n"
        "e,d,E,3,,1,\n"
        "f,Q,F,2,-1,1,%,x,1\n"
    )
    problems = check(tmp_path, text)
    assert set(seen([p for p in problems if p.severity == "error"])) == {
        ("framework.mixed-weights", 4, "E (weight)"),
        ("framework.bad-direction", 5, "F (direction)"),
        ("framework.wrong-level", 5, "D (level)"),
        ("framework.goalposts-order", 7, "H (low)"),
        ("framework.duplicate-code", 8, "A (code)"),
        ("framework.half-goalposts", 8, "I (high)"),
        ("framework.unknown-parent", 9, "B (parent)"),
        ("framework.cycle", 10, "B (parent)"),
        ("framework.negative-weight", 12, "E (weight)"),
        ("framework.mixed-weights", 8, "E (weight)"),
        ("framework.not-a-number", 12, "H (low)"),
        ("framework.half-goalposts", 12, "H (low)"),
    }


def test_every_problem_has_a_sentence_and_a_hint_in_both_languages(tmp_path):
    for problem in check(tmp_path, tree("a,b,A", "b,a,B", "c,x,C", "c,I,C", ",I,D")):
        for language in ("en", "zh"):
            assert problem.message(language)
            assert problem.hint(language)
            assert "framework.csv" in problem.text(language)
