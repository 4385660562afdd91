"""Edges of subjects and roll-ups: names that collide, gaps, ties, weights, input without a meaning."""

from __future__ import annotations

import pytest

import citygauge as cg
from citygauge.framework.model import Framework, Node
from citygauge.framework.read import read_framework
from citygauge.framework.rollup import Lookup, Rollup
from citygauge.framework.write import write_framework
from citygauge.problems import InputError
from citygauge.provenance import Source
from citygauge.store.subjects import import_subjects

SUBJECTS = "subject,unit,kind,parent,g\nv1,1,site,,A\nv2,1,site,,A\nv3,1,site,,B\n"
RULES = "code,kind,to,how,of,where,by,weights,value,absent,decimals\n"
ITEMS = "code,kind,low,high\nq,site,0,1\nr,site,0,1\n"
FACTS = "unit,indicator,value,state,subject\n"
MAP = 'kind = "site"\nunit = "city"\nid = ["name"]\n[values]\nyes = 1\n[indicators]\na = "X"\n'


@pytest.fixture
def inside(workspace):
    def write(rules="a,site,unit,mean\n", facts="1,a,10,,v1\n1,a,20,,v2\n", **files):
        written = {"items__csv": ITEMS, "rollups__csv": RULES + rules, "subjects__csv": SUBJECTS}
        return workspace(**{**written, "observations__csv": FACTS + facts + "2,c,5,,\n", **files})

    return write


def made(folder):
    """Return value and state of a for unit 1."""
    frame = cg.assess(cg.open(folder)).rolled.of_units.filter(unit="1", code="a")
    return frame.select("value", "state").rows()


def codes(call):
    with pytest.raises(InputError) as caught:
        call()
    return {problem.code for problem in caught.value.problems if problem.severity == "error"}


@pytest.mark.parametrize("value", ["yes", ""])
def test_a_condition_on_an_answer_that_is_no_number_is_refused_and_no_crash(inside, value):
    folder = inside(f"a,site,site,mean,q;r,q={value}\na,site,unit,mean\n", "1,q,1,,v1\n")
    assert codes(lambda: cg.assess(cg.open(folder))) == {"rollup.bad-condition"}


@pytest.mark.parametrize("name", ["state", "code", "value"])
def test_attributes_may_be_called_as_the_columns_of_facts_are(inside, name):
    subjects = f"subject,unit,kind,parent,{name}\nv1,1,site,,1\nv2,1,site,,3\nv3,1,site,,3\n"
    facts = "1,a,10,,v1\n1,a,20,,v2\n1,a,60,,v3\n"
    assert made(inside(f"a,site,unit,mean,,,{name}\n", facts, subjects__csv=subjects)) == [(25.0, "value")]
    weighted = made(inside(f"a,site,unit,weighted,,,,{name}\n", facts, subjects__csv=subjects))
    assert weighted == [(pytest.approx(250 / 7), "value")]


@pytest.mark.parametrize(("other", "state"), [("missing", "missing"), ("not_applicable", "not_applicable")])
def test_a_count_over_nothing_known_is_no_zero(inside, other, state):
    assert made(inside("a,site,unit,count\n", f"1,a,,{other},v1\n1,a,,not_applicable,v2\n")) == [
        (None, state)
    ]


def test_results_are_rounded_half_away_from_zero(inside):
    assert made(inside("a,site,unit,mean,,,,,,,0\n", "1,a,2,,v1\n1,a,3,,v2\n")) == [(3.0, "value")]


def test_with_groups_the_result_is_rounded_and_not_the_groups(inside):
    assert made(inside("a,site,unit,mean,,,g,,,,0\n", "1,a,1.4,,v1\n1,a,2.4,,v3\n")) == [(2.0, "value")]


def test_weights_that_leave_a_code_out_or_name_another_are_refused(inside):
    folder = inside("a,site,site,sum,q;r,,,q=25; rr=75\na,site,unit,mean\n", "1,r,1,,v1\n")
    assert codes(lambda: cg.open(folder)) & {"rollup.no-weight", "rollup.unknown-code", "rollup.bad-weights"}


@pytest.mark.parametrize("size", ["nan", "inf", "many", "-2"])
def test_a_weight_of_a_thing_that_is_no_number_of_0_or_more_is_noted(inside, size):
    subjects = f"subject,unit,kind,parent,g\nv1,1,site,,{size}\nv2,1,site,,3\n"
    try:
        noted = cg.assess(cg.open(inside("a,site,unit,weighted,,,,g\n", subjects__csv=subjects))).warnings
    except InputError as error:
        noted = error.problems
    assert ["v1"] in [problem.values.get("subjects") for problem in noted]


def test_a_gap_recorded_of_a_thing_does_not_hide_what_is_made_of_its_parts(inside):
    subjects = "subject,unit,kind,parent\ns,1,site,\np,1,page,s\n"
    folder = inside(
        "a,page,site,mean\na,site,unit,mean\n", "1,a,,missing,s\n1,a,50,,p\n", subjects__csv=subjects
    )
    assert made(folder) == [(50.0, "value")]


def test_a_gap_recorded_of_the_unit_does_not_hide_what_is_rolled_up(inside):
    result = cg.assess(cg.open(inside(facts="1,a,,missing,\n1,a,50,,v1\n")))
    assert result.derived.column("a")[0] == 50.0


def test_strata_may_be_switched_off_as_the_hint_of_no_strata_says(inside):
    off = 'framework = "framework.csv"\n[subjects]\nstrata = ""\n'
    folder = inside(framework__toml='strata = "event"\n', assessment__toml=off)
    assert made(folder) == [(15.0, "value")]


def test_a_kind_that_things_never_belong_to_is_named(inside):
    subjects = "subject,unit,kind,parent\ns,1,site,\np,1,page,s\n"
    folder = inside("a,page,stie,mean\na,site,unit,mean\n", "1,a,50,,p\n2,a,5,,\n", subjects__csv=subjects)
    assert any("stie" in problem.message() for problem in cg.open(folder).check())


def test_counting_things_within_one_thing_is_refused(inside):
    assert codes(lambda: cg.open(inside("a,site,site,count,*\na,site,unit,mean\n")))


def test_rules_in_yaml_that_are_no_list_are_refused(tmp_path):
    path = tmp_path / "f.yaml"
    nodes = "nodes:\n- {code: I}\n- {code: a, parent: I, direction: 1, scale: score}\n"
    path.write_text(nodes + "rollups: {code: a, kind: site, to: unit, how: mean}\n", encoding="utf-8")
    assert codes(lambda: read_framework(path))


def test_a_table_whose_only_row_has_no_condition_reads_back_from_yaml(tmp_path):
    tree = Node("I"), Node("a", "I", direction=1)
    rule = Rollup("a", "site", "site", "lookup")
    framework = Framework(tree, rollups=(rule,), lookups=(Lookup("a", {}, 1.0),))
    write_framework(framework, tmp_path / "f.yaml")
    assert read_framework(tmp_path / "f.yaml").lookups == framework.lookups


def test_blank_lines_of_items_and_lookups_are_passed_over_as_those_of_rules_are(inside):
    rules = "a,site,site,lookup\na,site,unit,mean\n"
    folder = inside(rules, items__csv=ITEMS + ",,,\n", lookups__csv="code,when,score\na,q=1,5\n,,\n")
    framework = cg.open(folder).framework
    assert [item.code for item in framework.items] == ["q", "r"]
    assert len(framework.lookups) == 1


def test_things_may_not_be_of_the_kind_unit(inside):
    subjects = "subject,unit,kind,parent\nv1,1,unit,\nv2,1,site,v1\n"
    assert codes(
        lambda: cg.assess(cg.open(inside("a,unit,unit,mean\na,site,unit,mean\n", subjects__csv=subjects)))
    )


def test_a_conflict_in_a_unit_that_is_not_assessed_stops_no_run(inside):
    only = 'framework = "framework.csv"\n[units]\nlist = ["2"]\n'
    result = cg.assess(cg.open(inside(facts="1,a,10,,v1\n1,a,20,,v1\n", assessment__toml=only)))
    assert result.units.codes == ("2",)


def test_only_what_was_recorded_is_called_recorded(inside):
    subjects = "subject,unit,kind,parent\ns,1,site,\np,1,page,s\nh,1,shot,s\n"
    rules = "a,page,site,mean\na,shot,site,mean\na,site,unit,mean\n"
    result = cg.assess(cg.open(inside(rules, "1,a,50,,p\n1,a,30,,h\n", subjects__csv=subjects)))
    assert "facts.rollup-differs" not in {problem.code for problem in result.warnings}


def test_parts_of_things_that_have_a_stratum_are_not_said_to_be_left_out(inside):
    subjects = "subject,unit,kind,parent,event\ns,1,site,,Birth\np,1,page,s,\n"
    strata = {"framework__toml": 'strata = "event"\n', "subjects__csv": subjects}
    result = cg.assess(cg.open(inside("a,page,site,mean\na,site,unit,mean\n", "1,a,50,,p\n", **strata)))
    assert "subjects.blank-stratum" not in {problem.code for problem in result.warnings}


def run(inside, text, how=MAP, **files):
    folder = inside(**{"facts": "", "imports/m.toml": how, **files})
    (folder.parent / "t.csv").write_text(text, encoding="utf-8")
    return folder, lambda: import_subjects(folder, folder.parent / "t.csv", "m", Source(""))


@pytest.mark.parametrize("attributes", ['attributes = ["tpye"]', ""])
def test_a_map_with_attributes_that_cannot_be_is_refused_and_no_crash(inside, attributes):
    parent = f'[parent]\nkind = "park"\nid = ["p"]\n{attributes}\n'
    how = MAP.replace("[values]", parent + ("" if attributes else '[attributes]\nkind = "p"\n') + "[values]")
    _, call = run(inside, "city,name,X,p\n1,n,5,P\n", how)
    assert codes(call) == {"import.bad-map"}


def test_a_blank_part_of_a_parents_id_is_named_in_the_table(inside):
    how = MAP.replace("[values]", '[parent]\nkind = "park"\nid = ["p"]\n[values]')
    _, call = run(inside, "city,name,X,p\n1,n,5,\n", how)
    with pytest.raises(InputError) as caught:
        call()
    (problem,) = [p for p in caught.value.problems if p.code == "subjects.blank-cell"]
    assert (problem.where.file, problem.where.row, problem.where.column) == ("t.csv", 2, "p")


def test_the_case_of_an_answer_does_not_matter_in_any_language(inside):
    _, call = run(inside, "city,name,X\n1,n,groß\n", MAP.replace("yes", '"groß"'))
    assert call().facts == 1


def test_subjects_under_chinese_headers_are_added_to(inside):
    folder, call = run(inside, "city,name,X\n1,n,5\n", subjects__csv="对象,评估对象,kind\nold,1,site\n")
    call()
    assert set(cg.open(folder).subjects.frame["subject"]) == {"old", "1:site:n"}


def test_of_two_codes_out_of_one_column_the_new_one_is_recorded(inside):
    subjects, facts = "subject,unit,kind\n1:site:n,1,site\n", "1,a,5,,1:site:n\n"
    rules = "a,site,unit,mean\nc,site,unit,mean\n"
    files = {"subjects__csv": subjects, "facts": facts, "rules": rules}
    _, call = run(inside, "city,name,X\n1,n,5\n", MAP + 'c = "X"\n', **files)
    done = call()
    assert (done.facts, done.known) == (1, 1)


def test_blank_lines_of_a_table_are_passed_over(inside):
    _, call = run(inside, "city,name,X\n1,n,5\n,,\n2,n,6\n")
    assert (call().facts, call().left_out) == (2, 0)


def test_rows_of_cities_that_are_not_assessed_count_as_left_out(inside):
    _, call = run(inside, "city,name,X\n1,n,5\n北京,n,6\n")
    assert call().left_out == 1


def test_a_bad_value_is_named_at_its_cell_in_the_table_that_is_imported(inside):
    _, call = run(inside, "city,name,X\n1,n,5\n", MAP.replace('a = "X"', 'q = "X"'))
    with pytest.raises(InputError) as caught:
        call()
    (problem,) = [p for p in caught.value.problems if p.code == "facts.beyond-bounds"]
    assert (problem.where.file, problem.where.row) == ("t.csv", 2)


def test_a_group_that_is_weighed_twice_is_refused(inside):
    assert codes(lambda: cg.open(inside("a,site,unit,mean,,,g,A=1; A=9; B=1\n"))) >= {"rollup.bad-weights"}


@pytest.mark.parametrize(
    ("code", "named", "files"),
    [
        ("rollup.from-the-unit", "a", {"rules": "a,unit,unit,mean\n"}),
        ("subjects.kind-of-unit", "unit", {"subjects__csv": "subject,unit,kind\nv1,1,unit\nv2,1,site\n"}),
        (
            "subjects.bad-weight", "v1",
            {"rules": "a,site,unit,weighted,,,,g\n", "subjects__csv": SUBJECTS.replace("site,,B", "site,,3")},
        ),
    ],
)  # fmt: skip
def test_what_cannot_mean_anything_is_named_in_both_languages(inside, code, named, files):
    with pytest.raises(InputError) as caught:
        cg.open(inside(**files))
    found = [problem for problem in caught.value.problems if problem.code == code]
    assert len(found) == 1
    assert named in found[0].text("en")
    assert named in found[0].text("zh")


def test_things_without_a_parent_of_the_kind_that_values_are_carried_to_are_named(inside):
    rules = "a,site,street,mean\na,street,unit,mean\n"
    noted = {problem.code: problem for problem in cg.open(inside(rules)).warnings}
    assert noted["subjects.no-way-up"].values["subjects"] == ["v1", "v2", "v3"]
