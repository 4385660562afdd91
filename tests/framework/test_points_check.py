"""Full marks, roles, caps and schemes in a framework: what is read, what adds up, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.framework.model import Band, Framework, Node, Scheme
from citygauge.framework.read import load_framework, read_framework
from citygauge.framework.write import framework_frame, write_framework
from citygauge.problems import InputError, Problem, Problems
from citygauge.score.weight import effective_weights, sibling_weights

SCHEME = """\
代码,上级代码,名称,满分,封顶分,角色,方向,单位,计分规则
I,,总分,100,110,,,,
P,I,服务,60,,,,,
a,P,网办率,40,,,1,%,≥90：40分；≥60：20分；其他：0分
b,P,指南要素,20,,,1,项,每项：4分
Q,I,管理,40,,,,,
c,Q,错误,40,,,-1,处,每处：-0.5分
d,Q,通报,3,,扣分项,,次,each: 1
B,I,加分,10,,加分项,,,
e,B,经验,10,,,1,项,each: 5
V,I,事故,59,,单项否决,,起,
"""


def read(folder: Path, text: str = SCHEME) -> Framework:
    (folder / "framework.csv").write_text(text, encoding="utf-8")
    return read_framework(folder)


def check(
    folder: Path, *rows: str, header: str = "code,parent,points,role,weight,scheme,cap,direction"
) -> list[Problem]:
    """Return what is wrong with rows below an index I; direction, unit and name are of no interest here."""
    (folder / "framework.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    problems = Problems()
    framework = load_framework(folder / "framework.csv", problems)
    assert (framework is None) == bool(problems.errors)
    dull = {"framework.no-name", "framework.no-unit", "framework.no-direction"}
    return [problem for problem in problems if problem.code not in dull]


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, [problem.code for problem in problems]
    return problems[0]


def shares(framework: Framework, weights: str = "default") -> dict[str, float]:
    problems = Problems()
    found = sibling_weights(framework, weights, problems)
    assert not problems.errors
    return found


# --- what is read --------------------------------------------------------------------------------------


def test_a_chinese_scheme_is_read_with_points_roles_and_rules(tmp_path):
    tree = read(tmp_path)
    assert [tree[code].points for code in "IPaB"] == [100, 60, 40, 10]
    assert tree["I"].cap == 110
    assert {code: tree[code].role for code in tree.codes if tree[code].role} == {
        "d": "deduction", "B": "bonus", "V": "veto",
    }  # fmt: skip
    assert tree["a"].scheme == Scheme(bands=(Band(90, 40), Band(60, 20)))
    assert tree["c"].scheme == Scheme(each=-0.5)


def test_inside_a_bonus_everything_is_a_bonus(tmp_path):
    assert read(tmp_path).roles["e"] == "bonus"


def test_bonuses_deductions_and_vetoes_are_no_indicators_whose_availability_counts(tmp_path):
    assert read(tmp_path).indicators == ("a", "b", "c")


@pytest.mark.parametrize("word", ["veto", "Veto", "否决", "否决项", "单项否决", "一票否决"])
def test_a_role_may_be_said_in_english_or_chinese(tmp_path, word):
    assert read(tmp_path, SCHEME.replace("单项否决", word))["V"].role == "veto"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".yaml"])
def test_points_and_schemes_read_back_the_same_from_every_form(tmp_path, suffix):
    tree = read(tmp_path)
    write_framework(tree, tmp_path / "again" / f"framework{suffix}")
    again = read_framework(tmp_path / "again" / f"framework{suffix}")
    assert again.nodes == tree.nodes
    assert again.hash == tree.hash


def test_each_of_the_four_columns_changes_the_hash_and_blank_ones_do_not(tmp_path):
    plain = Node("I", name={"en": "I"}), Node("a", "I", points=5.0)
    hashes = {Framework(plain).hash}
    for change in ({"points": 6.0}, {"cap": 7.0}, {"role": "bonus"}, {"scheme": Scheme(each=1.0)}):
        hashes.add(Framework((plain[0], replace(plain[1], **change))).hash)
    assert len(hashes) == 5


def test_the_hash_of_a_framework_without_points_is_what_it_was_before_there_were_any():
    tree = Framework((Node("I"), Node("a", "I", weight=0.5, direction=-1, unit="%")))
    assert tree.hash == "405bf63c4d0f233072b5e6aef1b9bec70f3742698f14f144be48a2f97026f160"


def test_the_columns_stand_in_the_written_table(tmp_path):
    frame = framework_frame(read(tmp_path))
    row = dict(zip(frame.columns, frame.row(2), strict=True))
    assert (row["points"], row["role"], row["cap"]) == ("40", None, None)
    assert row["scheme"] == ">=90: 40 ; >=60: 20 ; else: 0"


# --- what adds up ---------------------------------------------------------------------------------------


def test_points_are_the_weights_where_there_are_no_weights(tmp_path):
    found = shares(read(tmp_path))
    assert found == {"P": 0.6, "a": 40 / 60, "b": 20 / 60, "Q": 0.4, "c": 1, "d": 0, "B": 0, "e": 1, "V": 0}


def test_what_is_no_part_of_a_mean_has_no_effective_weight(tmp_path):
    tree = read(tmp_path)
    effective = effective_weights(tree, shares(tree))
    assert [effective[code] for code in "dBeV"] == [0, 0, 0, 0]
    assert sum(effective[code] for code in "abc") == pytest.approx(1)


def test_equal_weights_leave_the_roles_out_too(tmp_path):
    assert shares(read(tmp_path), "equal") == {
        "P": 0.5, "a": 0.5, "b": 0.5, "Q": 0.5, "c": 1, "d": 0, "B": 0, "e": 1, "V": 0,
    }  # fmt: skip


def test_a_parent_that_states_none_has_the_sum_of_its_children_that_count(tmp_path):
    tree = read(
        tmp_path,
        SCHEME.replace("总分,100,110", "总分,,").replace("管理,40", "管理,").replace("加分,10", "加分,"),
    )
    assert {code: tree.points[code] for code in "IQB"} == {"I": 100, "Q": 40, "B": 10}
    assert "V" not in tree.points


def test_decimal_points_add_up_as_on_paper(tmp_path):
    rows = [f"x{i},I,0.1,,,,," for i in range(10)]
    assert check(tmp_path, "I,,1,,,,,", *rows) == []


def test_pillars_marked_by_themselves_and_then_weighted_keep_their_weights(tmp_path):
    rows = ("I,,100,,,,,", "P,I,,,0.3,,,", "a,P,100,,,,,", "Q,I,,,0.7,,,", "b,Q,60,,,,,", "c,Q,40,,,,,")
    assert check(tmp_path, *rows) == []
    tree = read_framework(tmp_path)
    assert {code: shares(tree)[code] for code in "PQbc"} == {"P": 0.3, "Q": 0.7, "b": 0.6, "c": 0.4}
    assert {code: tree.points[code] for code in "IPQ"} == {"I": 100, "P": 100, "Q": 100}


def test_weights_in_proportion_to_the_points_are_no_contradiction(tmp_path):
    assert check(tmp_path, "I,,,,,,,", "a,I,60,,0.6,,,", "b,I,40,,0.4,,,") == []


@settings(max_examples=40, deadline=None)
@given(marks=st.lists(st.integers(1, 1000), min_size=1, max_size=6), factor=st.floats(0.001, 1000))
def test_rescaling_all_points_leaves_the_shares(marks, factor):
    nodes = [Node("I"), *(Node(f"n{i}", "I", points=float(m)) for i, m in enumerate(marks))]
    scaled = [replace(node, points=node.points and node.points * factor) for node in nodes]
    before, after = (shares(Framework(tuple(tree))) for tree in (nodes, scaled))
    assert after == pytest.approx(before, rel=1e-12)


# --- what is refused ------------------------------------------------------------------------------------


def test_a_sound_scheme_has_no_problem(tmp_path):
    (tmp_path / "framework.csv").write_text(SCHEME, encoding="utf-8")
    problems = Problems()
    load_framework(tmp_path / "framework.csv", problems)
    assert list(problems) == []


def test_points_that_do_not_add_up_name_parent_and_children(tmp_path):
    problem = only(check(tmp_path, "I,,100,,,,,", "a,I,60,,,,,", "b,I,30,,,,,", "c,I,10,bonus,,,,"))
    assert (problem.code, problem.where.row, problem.where.column) == (
        "framework.points-sum",
        2,
        "C (points)",
    )
    assert (problem.values["points"], problem.values["total"]) == (100, 90)
    assert problem.values["codes"] == ["a", "b"]


def test_some_siblings_with_points_and_some_without_are_refused(tmp_path):
    problem = only(check(tmp_path, "I,,,,,,,", "a,I,60,,,,,", "b,I,,,,,,"))
    assert (problem.code, problem.where.row, problem.values["codes"]) == ("framework.mixed-points", 4, ["b"])


def test_a_pillar_without_points_beside_one_whose_items_have_some_needs_weights(tmp_path):
    rows = ("I,,,,{0},,,", "P,I,,,{0},,,", "a,P,5,,,,,", "Q,I,,,{0},,,", "b,Q,,,,,,")
    assert only(check(tmp_path, *(row.format("") for row in rows))).code == "framework.mixed-points"
    assert check(tmp_path, *(row.format(1) for row in rows)) == []


def test_weights_that_contradict_the_points_are_refused(tmp_path):
    problem = only(check(tmp_path, "I,,,,,,,", "a,I,60,,1,,,", "b,I,40,,1,,,"))
    assert (problem.code, problem.values["codes"]) == ("framework.weights-against-points", ["a", "b"])


@pytest.mark.parametrize(
    ("row", "column"), [("a,I,0,,,,,", "points"), ("a,I,-5,,,,,", "points"), ("a,I,,,,,-1,", "cap")]
)
def test_points_and_caps_are_positive(tmp_path, row, column):
    found = [p for p in check(tmp_path, "I,,,,,,,", row) if p.code == "framework.not-positive"]
    assert [p.values["column"] for p in found] == [column]


def test_points_that_are_no_number_are_refused_in_their_cell(tmp_path):
    problem = only(check(tmp_path, "I,,,,,,,", "a,I,5分,,,,,"))
    assert (problem.code, problem.where.column) == ("framework.not-a-number", "C (points)")


def test_an_unknown_role_is_named_with_the_known_ones(tmp_path):
    problem = only(check(tmp_path, "I,,,,,,,", "a,I,,bonuss,,,,"))
    assert (problem.code, problem.where.column) == ("framework.unknown-role", "D (role)")
    assert problem.values["roles"] == ["bonus", "deduction", "veto"]


def test_the_index_has_no_role(tmp_path):
    assert only(check(tmp_path, "I,,5,bonus,,,,", "a,I,5,,,,,")).code == "framework.role-of-root"


def test_a_role_inside_a_bonus_or_a_deduction_is_refused(tmp_path):
    rows = ("I,,100,,,,,", "a,I,100,,,,,", "B,I,5,bonus,,,,", "x,B,5,,,,,", "y,B,,veto,,,,")
    problem = only(check(tmp_path, *rows))
    assert (problem.code, problem.values["above"]) == ("framework.nested-role", "bonus")


def test_a_role_takes_no_weight(tmp_path):
    problem = only(check(tmp_path, "I,,100,,,,,", "a,I,100,,,,,", "b,I,5,bonus,0.1,,,"))
    assert (problem.code, problem.where.row) == ("framework.weight-of-role", 4)


def test_a_veto_has_no_children(tmp_path):
    rows = ("I,,100,,,,,", "a,I,100,,,,,", "v,I,,veto,,,,", "x,v,,,,,,")
    assert only(check(tmp_path, *rows)).code == "framework.veto-with-children"


def test_a_parent_of_nothing_but_roles_is_refused(tmp_path):
    problem = only(check(tmp_path, "I,,100,,,,,", "a,I,5,bonus,,,,", "v,I,,veto,,,,"))
    assert (problem.code, problem.values["code"]) == ("framework.nothing-counts", "I")


@pytest.mark.parametrize(
    ("rows", "lacking"),
    [
        (("I,,100,,,,,", "a,I,100,,,,,", "b,I,,bonus,,,,"), ["b"]),
        (("I,,,,,,,", "a,I,,,,,,", "b,I,5,deduction,,,,"), ["I"]),
        (("I,,,,,,,", "a,I,,,,,,", "b,I,,deduction,,,,"), ["b", "I"]),
        (("I,,,,,,,", "a,I,,,,,,", "v,I,59,veto,,,,"), ["I"]),
    ],
)
def test_a_role_that_is_counted_in_points_needs_them_here_and_above(tmp_path, rows, lacking):
    problem = only(check(tmp_path, *rows))
    assert (problem.code, problem.values["codes"]) == ("framework.role-without-points", lacking)


def test_a_veto_that_leaves_nothing_needs_no_points_anywhere(tmp_path):
    assert check(tmp_path, "I,,,,,,,", "a,I,,,,,,", "v,I,,veto,,,,") == []


def test_a_veto_that_leaves_all_is_refused(tmp_path):
    problem = only(check(tmp_path, "I,,100,,,,,", "a,I,100,,,,,", "v,I,100,veto,,,,"))
    assert (problem.code, problem.values["whole"]) == ("framework.idle-veto", 100)


def test_a_cap_lies_above_the_full_marks(tmp_path):
    problem = only(check(tmp_path, "I,,100,,,,99,", "a,I,100,,,,,", "b,I,5,bonus,,,,"))
    assert (problem.code, problem.values["cap"]) == ("framework.cap-below-points", 99)


def test_a_group_of_bonuses_may_count_less_than_its_parts(tmp_path):
    assert check(tmp_path, "I,,100,,,,,", "a,I,100,,,,,", "B,I,,bonus,,,5,", "x,B,4,,,,,", "y,B,4,,,,,") == []


def test_a_cap_without_full_marks_is_refused(tmp_path):
    assert only(check(tmp_path, "I,,,,,,110,", "a,I,,,,,,")).code == "framework.cap-without-points"


def test_a_cap_that_nothing_can_reach_is_noted(tmp_path):
    problem = only(check(tmp_path, "I,,,,,,110,", "a,I,100,,,,,"))
    assert (problem.code, problem.severity) == ("framework.idle-cap", "warning")


def test_a_cap_above_one_below_is_not_idle(tmp_path):
    rows = ("I,,,,,,105,", "P,I,100,,,,105,", "a,P,100,,,,,", "b,P,5,bonus,,,,")
    assert check(tmp_path, *rows) == []


def test_a_scheme_that_cannot_be_read_is_quoted(tmp_path):
    problem = only(check(tmp_path, "I,,,,,,,", 'a,I,5,,,">=90: 5 ; >=95: 6 ; else: 0",,'))
    assert (problem.code, problem.values["part"]) == ("framework.bad-scheme", ">=95: 6")
    assert problem.where.column == "F (scheme)"


def test_a_scheme_needs_full_marks_and_stays_within_them(tmp_path):
    assert only(check(tmp_path, "I,,,,,,,", "a,I,,,,each: 1,,")).code == "framework.scheme-without-points"
    problem = only(check(tmp_path, "I,,,,,,,", 'a,I,5,,,">=90: 6 ; else: 0",,'))
    assert (problem.code, problem.values["most"]) == ("framework.scheme-beyond-points", 6)
    assert check(tmp_path, "I,,,,,,,", "a,I,5,,,each: 6,,") == []  # cut at the full marks


def test_a_scheme_stands_beside_no_rubric_and_no_goalposts(tmp_path):
    header = "code,parent,points,scheme,rubric,low,high"
    for cells in ("0: a; 1: b,,", ",0,9"):
        problems = check(tmp_path, "I,,,,,,", f"a,I,5,each: 1,{cells}", header=header)
        assert only(problems).code == "framework.scheme-and-rubric"


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ("v,I,,veto,,each: 1,,", False),
        ('v,I,,veto,,">=3: 1 ; else: 0",,', True),
        ("d,I,5,deduction,,each: -1,,", False),
        ("d,I,5,deduction,,each: 1,,", True),
        ("b,I,5,bonus,,each: -1,,", True),
    ],
)
def test_a_scheme_fits_its_role(tmp_path, row, fits):
    problems = check(tmp_path, "I,,100,,,,,", "a,I,100,,,,,", row)
    assert [p.code for p in problems] == ([] if fits else ["framework.scheme-of-role"])


@pytest.mark.parametrize(
    ("scheme", "direction", "noted"),
    [
        ("each: 1", -1, True),
        ("each: -1", 1, True),
        ("each: 1", 1, False),
        ("each: -1", -1, False),
        ("each: 1", "", False),
    ],
)
def test_a_direction_that_contradicts_its_scheme_is_noted(tmp_path, scheme, direction, noted):
    problems = check(tmp_path, "I,,,,,,,", f"a,I,5,,,{scheme},,{direction}")
    assert [p.code for p in problems] == (["framework.scheme-direction"] if noted else [])


def test_a_weight_set_gives_no_weight_to_a_bonus(tmp_path):
    read(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.csv").write_text("code,weight\nP,1\nQ,1\nB,1\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_framework(tmp_path)
    assert [(p.code, p.where.row) for p in caught.value.problems] == [("weights.of-role", 4)]


def test_a_weight_set_without_the_bonuses_names_a_whole_group(tmp_path):
    read(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.csv").write_text("code,weight\nP,1\nQ,3\n", encoding="utf-8")
    assert {code: shares(read_framework(tmp_path), "w")[code] for code in "PQB"} == {
        "P": 0.25,
        "Q": 0.75,
        "B": 0,
    }


def test_a_broken_tree_with_points_is_still_reported_and_never_hangs(tmp_path):
    rows = ("I,,100,,,,,", "a,I,5,bonus,,,,", "I,a,5,veto,,,,", "x,y,5,,,,,", "y,x,5,,,,,")
    assert {"framework.duplicate-code", "framework.cycle"} <= {p.code for p in check(tmp_path, *rows)}
