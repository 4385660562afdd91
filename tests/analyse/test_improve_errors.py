"""What cannot be asked for: every problem at once, with what to do, in both languages."""

from __future__ import annotations

import polars as pl
import pytest
from test_improve import GRADED, POSTS, SCALE, flat, tree

import citygauge as cg
from citygauge.analyse.improve.propose import improve
from citygauge.problems import InputError

TOLD = "unit,indicator,period,value\n"
FACTS = TOLD + "1,a,2023,40\n1,b,2023,30\n2,a,2023,80\n2,b,2023,90\n3,a,2023,60\n"
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'


@pytest.fixture
def made(workspace):
    """Return a function that opens a workspace of three cities and two indicators, any file replaced."""

    def make(rows=None, method=GRADED, told=FACTS, **files):
        place = workspace(
            framework__csv=tree(rows or flat({"a": 1, "b": 1})), observations__csv=told, method__toml=method,
            **{"grades/two.toml": SCALE, **files},
        )  # fmt: skip
        return cg.open(place)

    return make


def refused(*asked, **more):
    """Return the problems of a call by code; each says in both languages what its values are."""
    with pytest.raises(InputError) as caught:
        improve(*asked, **more)
    problems = {problem.code: problem for problem in caught.value.problems}
    for problem in problems.values():
        assert problem.text("zh") != problem.text("en")
        assert "{" not in problem.text("zh") + problem.text("en")
    return problems


def test_all_that_is_wrong_with_a_call_is_told_at_once(made):
    costs = pl.DataFrame(
        {
            "code": ["a", "a", "zz", "b", "I"],
            "cost": ["1", "2", "1", "-3", "1"],
            "per": ["point", None, None, "mile", "raw"],
            "steps": [None, None, None, "1.5", None],
            "max": [None, None, None, "high", None],
        }
    )
    found = refused(made(), "成渝", "金奖", costs=costs, sure=1.5, plans=0)
    assert set(found) == {
        "units.unknown", "improve.unknown-code", "improve.cost-twice", "improve.bad-cost", "improve.bad-per",
        "improve.bad-sure", "improve.bad-count",
    }  # fmt: skip
    assert found["improve.unknown-code"].values["code"] == "zz"
    found = refused(made(), "1", "金奖")
    assert set(found) == {"improve.unknown-goal"}
    assert "领军城市 / Leading" in found["improve.unknown-goal"].text("zh")


def test_a_table_of_costs_is_read_from_a_file_and_its_places_are_named(made, tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text("code,cost\na,2\nx,1\n", encoding="utf-8")
    problem = refused(made(), "1", "top", costs=path)["improve.unknown-code"]
    assert (problem.where.file, problem.where.row, problem.where.column) == ("costs.csv", 3, "A (code)")
    path.write_text("cost\n2\n", encoding="utf-8")
    assert set(refused(made(), "1", "top", costs=path)) == {"improve.no-code-column"}
    path.write_text("code,cost\na,4\nI,1.5\n", encoding="utf-8")
    found = improve(made(), "1", "top", costs=path, plans=1).plans[0]
    assert found.effort == pytest.approx(70 * 1.5 + 10 * 4)  # b by the cost of the index above it, then a
    assert set(refused(made(), "1", "top", costs=tmp_path / "none.csv")) == {"file.not-found"}


def test_a_city_is_found_by_code_and_by_either_name_and_no_other(made):
    space = made()
    for name in ("1", "苏州", "苏州市"):
        assert improve(space, name, "top", plans=1).unit == "1"
    for name in ("3", "成都", "chengdu city"):
        assert improve(space, name, "top", plans=1).unit == "3"
    assert set(refused(space, "Suzhou", "top")) == {"units.ambiguous"}  # 宿州 is another
    assert "苏州" in refused(space, "苏州城", "top")["units.unknown"].text("zh")
    assert set(refused(space, "南京", "top")) == {"units.not-assessed"}


def test_a_city_that_is_screened_out_or_has_no_index_has_nothing_to_start_from(made):
    screen = GRADED + "[screen]\nmin_availability = 0.6\nrule = 'missing'\n"
    assert set(refused(made(method=screen), "成都", "top")) == {"improve.not-scored"}
    scarce = GRADED + "[aggregate]\nmin_availability = 0.6\n"
    assert set(refused(made(method=scarce), "成都", "top")) == {"improve.no-score"}


def test_a_grade_is_known_by_id_name_or_how_it_begins(made):
    space = made()
    goals = {improve(space, "1", to, plans=1).goal.grade for to in ("top", "TOP", "领军城市", "领军", "lead")}
    assert goals == {"top"}
    assert improve(space, "1", "其余").is_there  # the last class has no lower edge


def test_without_a_scale_there_is_no_grade_to_reach_and_ranks_have_ends(made):
    space = made(method=POSTS)
    assert set(refused(space, "1", "领军")) == {"improve.no-grades"}
    for rank in (0, 4, "-1"):
        problem = refused(space, "1", rank)["improve.bad-rank"]
        assert problem.values["most"] == 3
    assert improve(space, "1", "3").is_there


@pytest.mark.parametrize("how", ["copeland", "topsis", "vikor", "promethee", "benefit_of_the_doubt"])
def test_methods_that_score_a_city_by_all_others_are_refused_with_the_reason(made, how):
    more = 'preference = "usual"\n' if how == "promethee" else ""
    space = made(method=f'{POSTS}[aggregate]\nhow = "{how}"\n{more}')
    problem = refused(space, "1", 1)["improve.relative-method"]
    assert problem.values["codes"] == ["I"]
    assert how in problem.text("zh")


@pytest.mark.parametrize(
    "how", ["median", 'generalised"\npower = 2 #', 'owa"\norness = 0.7 #', "mpi", "coupling"]
)
def test_methods_under_which_nothing_could_be_proved_are_refused(made, how):
    space = made(method=f'{POSTS}[aggregate]\nhow = "{how}"\n')
    assert set(refused(space, "1", 1)) == {"improve.bent-method"}


def test_the_way_up_of_strata_is_refused(made):
    told = "unit,indicator,value,subject\n" + "".join(
        f"{unit},a,{value},{unit}{i}\n" for unit in "123" for i, value in enumerate((20, 40))
    )
    subjects = "subject,unit,kind,event\n" + "".join(f"{u}{i},{u},site,e{i}\n" for u in "123" for i in (0, 1))
    rollups = "code,kind,to,how,of\na,site,unit,mean,a\n"
    files = {"subjects.csv": subjects, "rollups.csv": rollups}
    settings = 'framework = "framework.csv"\n[subjects]\nstrata = "event"\n'
    space = made(told=told, assessment__toml=settings, **files)
    assert "improve.strata" in refused(space, "1", 1)


def test_on_illustrative_data_only_neutral_names_are_taken_and_the_reason_is_told(made):
    space = made(assessment__toml=ILLUSTRATIVE)
    for name in ("苏州", "1", "Suzhou", "示意城市 9"):
        problem = refused(space, name, "top")["improve.neutral-only"]
        assert problem.values["first"] == "示意城市 01"
        assert problem.values["last"] == "示意城市 03"
        assert "示意" in problem.text("zh")
        assert "illustrative" in problem.text("en")
    found = [
        improve(space, name, "top", plans=1) for name in ("示意城市 03", "示意城市03", "illustrative city 03")
    ]
    assert {each.unit for each in found} == {"示意城市 03"}
    for table in (found[0].table, found[0].steps, found[0].check, found[0].sensitivity):
        assert table.columns[-1] == "notice"
        assert "苏州" not in str(table.to_dicts())
    assert found[0].check["grade"].is_null().all()


def test_a_plan_that_scale_and_peers_undo_is_marked(made):
    told = TOLD + "1,a,2023,0\n1,b,2023,60\n2,a,2023,90\n2,b,2023,20\n3,a,2023,100\n3,b,2023,0\n"
    method = '[normalise]\nhow = "minmax"\n[normalise.by.b]\nhow = "goalposts"\nscale = 100\n'
    found = improve(made(method=method, told=told), "1", 1, costs={"a": 1, "b": 9}, plans=1)
    assert found.plans[0].planned.rank == 1  # a rises from 0 to 50, which then is the lowest of all
    assert found.checked(found.plans[0]).index == pytest.approx(30)
    assert found.arrives(found.plans[0]) is False
    assert [problem.code for problem in found.warnings] == ["improve.scale-moved"]
    assert found.check["reached"].to_list() == [False, True, False]


def test_a_plan_that_cannot_be_run_again_is_marked_and_judged_by_its_scores(made, monkeypatch):
    monkeypatch.setattr("citygauge.analyse.improve.propose.run_again", lambda *_: None)
    found = improve(made(), "1", "top", plans=2)
    assert "improve.not-rerun" in {problem.code for problem in found.warnings}
    assert found.arrives(found.plans[0]) is None
    assert found.check.filter(stage="rerun")["index"].is_null().all()
    assert found.sensitivity.height == 0
