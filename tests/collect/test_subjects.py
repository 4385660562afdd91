"""The list of things inside units: what is wrong with it and with facts about them is named at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import citygauge as cg
from citygauge.collect.subjects import Subjects
from citygauge.problems import InputError, Problem, Where

ITEMS = "code,kind,low,high\nq,page,0,1\nr,page,,5\n"
RULES = "code,kind,to,how,of\na,page,site,share,q\na,site,unit,mean,\n"
SUBJECTS = "subject,unit,kind,parent,type\ns1,1,site,,A\np1,1,page,s1,A\np2,1,page,s1,\ns2,2,site,,B\n"
FACTS = "unit,indicator,value,subject\n1,q,1,p1\n1,q,0,p2\n2,a,40,s2\n1,b,3,\n"
S, O, A = "subjects.csv", "observations.csv", "assessment.toml"  # noqa: E741 - one letter for each file


@pytest.fixture
def inside(workspace: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a workspace with sites and pages inside its units, any file replaced."""

    def write(**files: str | None) -> Path:
        written = {"items__csv": ITEMS, "rollups__csv": RULES, "subjects__csv": SUBJECTS}
        return workspace(**{**written, "observations__csv": FACTS, **files})

    return write


def subjects(*rows: str) -> dict[str, str]:
    return {"subjects__csv": SUBJECTS + "".join(f"{row}\n" for row in rows)}


def facts(*rows: str) -> dict[str, str]:
    return {"observations__csv": FACTS + "".join(f"{row}\n" for row in rows)}


def strata(name: str) -> dict[str, str]:
    return {"framework__toml": f'strata = "{name}"\n'}


def settings(text: str) -> dict[str, str]:
    return {"assessment__toml": f'framework = "framework.csv"\n[subjects]\n{text}\n'}


# What is written → code, place, and what both languages name.
FAULTS = {
    "subjects without kinds": (
        "subjects.missing-column",
        Where(S),
        ["kind", "thing"],
        {"subjects__csv": "thing,subject,unit\nx,s1,1\n"},
    ),
    "a subject without an id": (
        "subjects.blank-cell",
        Where(S, None, 6, "subject"),
        ["subject"],
        subjects(",1,site,,"),
    ),
    "a subject without a unit": (
        "subjects.blank-cell",
        Where(S, None, 6, "unit"),
        ["unit"],
        subjects("s3,,site,,"),
    ),
    "a subject without a kind": (
        "subjects.blank-cell",
        Where(S, None, 7, "kind"),
        ["kind"],
        subjects("", "s3,1,,,"),
    ),
    "two subjects with one id": (
        "subjects.repeated",
        Where(S, None, 6, "subject"),
        ["s1", "2", "6"],
        subjects("s1,1,site,,"),
    ),
    "a unit that is none": (
        "subjects.unknown-unit",
        Where(S, None, 6, "unit"),
        ["9", "6", "7"],
        subjects("s3,9,site,,", "s4,9,site,,"),
    ),
    "a parent that is none": (
        "subjects.unknown-parent",
        Where(S, None, 6, "parent"),
        ["s11", "6", "s1"],
        subjects("p3,1,page,s11,"),
    ),
    "a parent in another unit": (
        "subjects.parent-elsewhere",
        Where(S, None, 6, "parent"),
        ["s1", "6"],
        subjects("p3,2,page,s1,"),
    ),
    "parents in a circle": (
        "subjects.circle",
        Where(S, None, None, "parent"),
        ["c1", "c2"],
        subjects("c1,1,site,c2,", "c2,1,site,c1,"),
    ),
    "a subject that is its own parent": (
        "subjects.circle",
        Where(S, None, None, "parent"),
        ["c1"],
        subjects("c1,1,site,c1,"),
    ),
    "strata that nobody has": ("subjects.no-strata", Where(S), ["life_event"], strata("life_event")),
    "a fact about nothing listed": (
        "facts.unknown-subject",
        Where(O, None, 6, "subject"),
        ["p9", "6", "7"],
        facts("1,q,1,p9", "1,r,1,p9"),
    ),
    "a fact under another unit": (
        "facts.subject-of-other-unit",
        Where(O, None, 6, "unit"),
        ["p1", "6"],
        facts("2,r,1,p1"),
    ),
    "an item of no thing": (
        "facts.item-without-subject",
        Where(O, None, 6, "subject"),
        ["q", "6"],
        facts("1,q,1,"),
    ),
    "a fact that no rule takes up": (
        "facts.subject-without-rule",
        Where(O, None, 6, "subject"),
        ["b", "site", "6"],
        facts("1,b,1,s1"),
    ),
    "a value above the bounds": (
        "facts.beyond-bounds",
        Where(O, None, 6, "value"),
        ["r", "6", "5"],
        facts("1,r,6,p1"),
    ),
    "a value below the bounds": (
        "facts.beyond-bounds",
        Where(O, None, 2, "value"),
        ["q", "-0.5", "0", "1"],
        {"observations__csv": FACTS.replace("1,q,1,p1", "1,q,-0.5,p1")},
    ),
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_a_fault_is_named_with_its_place_in_both_languages(inside, sentence):
    code, place, named, files = FAULTS[sentence]
    with pytest.raises(InputError) as caught:
        cg.assess(cg.open(inside(**files)))
    found = [problem for problem in caught.value.problems if problem.code == code]
    assert [problem.where for problem in found] == [place], [p.code for p in caught.value.problems]
    says(found[0], *named)
    assert found[0].severity == "error"


def says(problem: Problem, *named: str) -> None:
    for language in ("en", "zh"):
        text = problem.message(language) + problem.hint(language)
        assert [word for word in named if word not in text] == []


def test_a_list_without_faults_is_taken_as_it_is(inside):
    workspace = cg.open(inside())
    assert len(workspace.subjects) == 4
    assert workspace.subjects.attributes == ("type",)
    assert not [problem for problem in workspace.check() if problem.code.partition(".")[0] == "subjects"]
    result = cg.assess(workspace)
    # unit 1: a yes and a no; unit 2: recorded
    assert result.derived.column("a")[:2].tolist() == [50.0, 40.0]
    assert result.facts.subjects[:, result.facts.codes.index("a")].tolist() == [-1, -1, -1]


def test_a_workspace_without_the_list_has_no_subjects(inside):
    workspace = cg.open(inside(subjects__csv=None, observations__csv="unit,indicator,value\n1,b,3\n"))
    assert len(workspace.subjects) == 0


def test_items_may_be_recorded_without_a_rule_that_takes_them_up(inside):
    codes = [problem.code for problem in cg.open(inside(**facts("1,r,2,s1", "1,r,2,p1"))).check()]
    assert [code for code in codes if code.startswith("facts.subject")] == []


@pytest.mark.parametrize(
    "headers", ["subject,unit,kind,parent", "Subject,城市,KIND,Parent", "对象,unit,kind,parent"]
)
def test_headers_are_found_in_any_case_and_in_chinese(inside, headers):
    text = SUBJECTS.replace("subject,unit,kind,parent", headers)
    assert set(cg.open(inside(subjects__csv=text)).subjects.frame["subject"]) == {"s1", "p1", "p2", "s2"}


def test_blank_lines_are_no_subjects(inside):
    assert len(cg.open(inside(**subjects(",,,,", "s3,1,site,,"))).subjects) == 5


def test_a_condition_keeps_the_things_that_have_one_of_the_values_of_every_attribute():
    frame = pl.DataFrame(
        {"subject": ["1", "2", "3", "4"], "g": ["A", "B", None, "A"], "h": ["x", "x", "x", None]}
    )
    things = Subjects(frame)
    assert list(things.meeting({}).frame["subject"]) == ["1", "2", "3", "4"]
    assert list(things.meeting({"g": ("A",)}).frame["subject"]) == ["1", "4"]
    assert list(things.meeting({"g": ("A", "")}).frame["subject"]) == ["1", "3", "4"]
    assert list(things.meeting({"g": ("A", "B"), "h": ("x",)}).frame["subject"]) == ["1", "2"]


def test_frames_in_memory_are_subjects_too(inside):
    folder = inside()
    units, told = (
        pl.read_csv(folder / name, infer_schema=False) for name in ("units.csv", "observations.csv")
    )
    things = pl.read_csv(folder / "subjects.csv", infer_schema=False)
    here = cg.from_frames(cg.read_framework(folder), units, told, cg.open(folder).method, subjects=things)
    of_files, of_frames = cg.assess(cg.open(folder)), cg.assess(here)
    assert of_files.scores.equals(of_frames.scores)
    with pytest.raises(InputError) as caught:
        cg.from_frames(cg.read_framework(folder), units, told, subjects=things.drop("kind"))
    assert "subjects.missing-column" in {problem.code for problem in caught.value.problems}


def test_a_value_reported_of_the_unit_wins_over_what_is_rolled_up_and_the_difference_is_noted(inside):
    result = cg.assess(cg.open(inside(**facts("1,a,70,"))))
    assert result.derived.column("a")[0] == 70.0
    (problem,) = [problem for problem in result.warnings if problem.code == "facts.rollup-beside-fact"]
    says(problem, "a", "1")
    assert "facts.rollup-beside-fact" not in {
        p.code for p in cg.assess(cg.open(inside(**facts("1,a,50,")))).warnings
    }


def test_a_recorded_value_of_a_thing_wins_over_what_is_rolled_up_and_the_difference_is_noted(inside):
    result = cg.assess(cg.open(inside(**facts("1,a,80,s1"))))
    assert result.derived.column("a")[0] == 80.0
    (problem,) = [problem for problem in result.warnings if problem.code == "facts.rollup-differs"]
    says(problem, "a", "s1")


def test_a_correction_of_a_fact_about_a_thing_counts(inside):
    header = "id,unit,indicator,value,subject,supersedes\n"
    told = header + "x1,1,q,1,p1,\nx2,1,q,0,p2,\nx3,1,q,1,p2,x2\n2,2,a,40,s2,\n"
    assert cg.assess(cg.open(inside(observations__csv=told))).derived.column("a")[0] == 100.0


def test_two_values_of_one_thing_are_refused_where_nothing_says_which_counts(inside):
    with pytest.raises(InputError) as caught:
        cg.assess(cg.open(inside(**facts("1,q,0,p1"))))
    (problem,) = [problem for problem in caught.value.problems if problem.code == "facts.several-values"]
    assert problem.where == Where(O, None, 6, "value")


def test_the_period_that_is_assessed_chooses_facts_about_things(inside):
    told = "unit,indicator,value,subject,period\n1,q,1,p1,2023\n1,q,0,p1,2022\n1,b,3,,2023\n"
    period = 'framework = "framework.csv"\nperiod = "2023"\n'
    assert (
        cg.assess(cg.open(inside(observations__csv=told, assessment__toml=period))).derived.column("a")[0]
        == 100.0
    )


def test_choosing_by_an_attribute_that_nobody_has_is_refused(inside):
    for text in ('where = {colour = "red"}', 'strata = "colour"'):
        with pytest.raises(InputError) as caught:
            cg.assess(cg.open(inside(**settings(text))))
        (problem,) = [problem for problem in caught.value.problems if problem.severity == "error"]
        assert (problem.code, problem.where) == ("settings.unknown-attribute", Where(A, column="subjects"))
        says(problem, "colour", "type")


def test_choosing_no_thing_at_all_is_refused_by_check_and_by_a_run(inside):
    workspace = cg.open(inside(**settings('where = {type = ["X", "Y"]}')))
    (noted,) = [problem for problem in workspace.check() if problem.severity == "error"]
    assert (noted.code, noted.where) == ("settings.no-subject-left", Where(A, column="subjects"))
    with pytest.raises(InputError) as caught:
        cg.assess(workspace)
    assert "settings.no-subject-left" in {problem.code for problem in caught.value.problems}
