"""Mistakes that were once made, each held fast by the smallest input that showed it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import zipfile
from functools import partial

import pandas as pd
import polars as pl
import pytest

import citygauge as cg
from citygauge.collect.observations import ROW
from citygauge.problems import InputError
from citygauge.report.charts.base import svg
from citygauge.report.charts.scores import means_chart
from citygauge.report.files import write_results
from citygauge.report.page import page
from citygauge.report.record import run_record
from citygauge.store.create import import_coinr
from citygauge.store.table import TableImport, import_table
from conftest import FACTS, FRAMEWORK, METHOD, UNITS

CORRECTIONS = "id,unit,indicator,period,value,supersedes\n"
ILL = 'framework = "framework.csv"\nillustrative = true\n'


def frames(folder):
    return (pl.read_csv(folder / n) for n in ("units.csv", "observations.csv"))


def table(folder, text, name="t.csv"):
    (folder.parent / name).write_text(text, encoding="utf-8")
    return folder.parent / name


def made(folder, **kw):
    return cg.from_frames(folder / "framework.csv", *frames(folder), cg.open(folder).method, **kw)


def test_pandas_frames_with_text_columns(workspace):
    f = workspace()
    u, o = (pd.read_csv(f / n) for n in ("units.csv", "observations.csv"))
    w = cg.from_frames(f / "framework.csv", u, o, cg.open(f).method)
    assert cg.assess(w).index.tolist() == pytest.approx([0.68, 0.61, 0.2])


def test_first_row_of_frames_has_a_trace(workspace):
    assert cg.assess(made(workspace())).trace("1", "a")["fact"]["state"] == "value"


def test_own_score_in_the_first_row_of_frames_counts(workspace):
    f = workspace()
    o = pl.DataFrame({"unit": [1, 1, 2], "indicator": ["Q", "a", "a"], "value": [0.7, 50, 60]})
    m = '[normalise]\nhow="goalposts"\n[normalise.by.Q]\nhow="goalposts"\nlow=0\nhigh=1\n'
    (f / "method.toml").write_text(m)
    r = cg.assess(cg.from_frames(f / "framework.csv", pl.read_csv(f / "units.csv"), o, cg.open(f).method))
    assert r.trace("1", "Q")["value"] == pytest.approx(0.7)


def test_extra_column_named_row(workspace):
    w = cg.open(workspace(observations__csv="unit,indicator,period,value,row\n1,a,2023,5,9\n"))
    assert w.observations.frame.select("row", "value").row(0) == ("9", 5.0)


def test_frames_of_an_opened_workspace(workspace):
    w = cg.open(workspace())
    again = cg.from_frames(w.framework, w.units.frame, w.observations.frame, w.method)
    assert cg.assess(again).scores.equals(cg.assess(w).scores)


def test_import_into_chinese_headers_keeps_the_facts(workspace):
    f = workspace(observations__csv="城市,指标,年份,数值\n1,a,2023,5\n1,c,2023,50\n")
    import_table(f, table(f, "unit,b\n1,3\n"), TableImport(period="2023"))
    assert cg.open(f).observations.frame.height == 3


def test_import_into_gb18030(workspace):
    f = workspace()
    (f / "observations.csv").write_bytes(
        "unit,indicator,period,value,note\n1,a,2023,5,苏州\n".encode("gb18030")
    )
    import_table(f, table(f, "unit,b\n1,3\n"), TableImport(period="2023"))
    assert cg.open(f).observations.frame.height == 2


def test_there_and_back(workspace):
    f = workspace()
    for _i, v in enumerate((3, 4, 3)):
        import_table(f, table(f, f"unit,b\n1,{v}\n", f"{v}.csv"), TableImport(period="2023", correct=True))
    assert cg.assess(cg.open(f)).trace("1", "b")["fact"].get("value") == 3.0


def test_circle_of_corrections_is_a_problem(workspace):
    o = CORRECTIONS + "x,1,a,2023,5,y\ny,1,a,2023,6,x\nz,1,b,2023,6,\n,1,c,2023,6,\n"
    with pytest.raises(InputError):
        cg.assess(cg.open(workspace(observations__csv=o)))


def test_repeated_id_does_not_take_another_fact_away(workspace):
    o = CORRECTIONS + "1,2,a,2023,5,\n1,1,a,2023,5,\n,1,a,2023,6,1\nz,1,b,2023,6,\n,1,c,2023,6,\n"
    try:
        r = cg.assess(cg.open(workspace(observations__csv=o)))
    except InputError:
        return
    assert r.trace("2", "a")["fact"]["state"] == "value"


def test_code_and_shared_english_name_that_disagree(workspace):
    f = workspace(
        units__csv="unit,name_zh,name_en\n110000,北京,Beijing\n320500,苏州,Suzhou\n",
        observations__csv="unit,indicator,period,value\n",
    )
    with pytest.raises(InputError):
        import_table(f, table(f, "unit,name_en,a\n110000,Suzhou,5\n"), TableImport(period="2023"))


def test_equal_numbers_written_differently_are_one_fact(workspace):
    f = workspace()
    assert import_table(f, table(f, "unit,a\n1,80\n1,80.0\n"), TableImport(period="2023")).known == 1


def test_same_number_with_another_state_in_one_file_is_told(workspace):
    f = workspace(observations__csv="unit,indicator,period,value\n")
    t = table(f, "unit,indicator,value,state\n1,a,,missing\n1,a,,not_applicable\n")
    with pytest.raises(InputError):
        import_table(f, t, TableImport(period="2023"))


def test_settings_of_frames_raise_input_errors(workspace):
    with pytest.raises(InputError):
        made(workspace(), settings={"perod": "2023"})


def test_integer_period_of_frames(workspace):
    assert cg.assess(made(workspace(), settings={"period": 2023})).period == "2023"


def test_blank_first_line(workspace):
    assert cg.open(workspace(observations__csv="\n" + FACTS)).observations.frame[ROW][0] == 3


def test_a_file_of_mine_among_the_results_is_not_deleted(workspace):
    f = workspace()
    r = cg.assess(cg.open(f))
    write_results(r, f / "results")
    (f / "results/notes.txt").write_text("x")
    with contextlib.suppress(InputError):
        write_results(r, f / "results")
    assert (f / "results/notes.txt").exists()


def test_edges_move_with_the_range(workspace):
    f = workspace(method__toml='[normalise]\nhow="goalposts"\nscale=100\n[grades]\nscale="smart-2021"\n')
    assert "≥ 85" in page(cg.assess(cg.open(f)), "en")


def test_two_nodes_of_one_name_have_two_bars(workspace):
    f = workspace(framework__csv=FRAMEWORK.replace("Pillar Q", "Pillar P"))
    t = svg(means_chart(cg.assess(cg.open(f)), "en"))
    assert len(re.findall(r">Pillar P<", t)) == 2


def test_json_is_not_turned_into_emoji(workspace):
    f = workspace(
        framework__csv=FRAMEWORK.replace("\na,", "\nP:x:1,"),
        observations__csv=FACTS.replace(",a,", ",P:x:1,"),
    )
    out = subprocess.run(
        [sys.executable, "-m", "citygauge", "trace", str(f), "1", "P", "--json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert json.loads(out)["children"][0]["code"] == "P:x:1"


def test_period_that_was_found_is_recorded(workspace):
    assert run_record(cg.assess(cg.open(workspace())))["period"] == "2023"


def test_notebook_of_workspace_and_framework_escape(workspace):
    w = cg.open(
        workspace(
            assessment__toml='framework="framework.csv"\nname_en="<script>x</script>"\n',
            framework__csv=FRAMEWORK.replace("Pillar P", "<script>y</script>"),
        )
    )
    assert "<script" not in w._repr_html_()
    assert "<script" not in w.framework._repr_html_()


def test_trace_of_illustrative_gives_no_row(workspace):
    r = cg.assess(cg.open(workspace(assessment__toml=ILL)))
    assert "row" not in r.trace("示意城市 01", "a")["fact"]


def test_trace_of_illustrative_has_the_notice(workspace):
    f = workspace(assessment__toml=ILL)
    for j in ((), ("--json",)):
        out = subprocess.run(
            [sys.executable, "-m", "citygauge", "trace", str(f), "示意城市 01", *j],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert "illustrative" in out or "示意数据" in out


@pytest.mark.parametrize(
    "method", ["[screen]\nmin_availability=0.8\n", "[aggregate]\nmin_availability=1.0\n"]
)
def test_warnings_of_illustrative_runs_do_not_name_the_unit_without_a_score(workspace, method):
    f = workspace(
        assessment__toml=ILL,
        method__toml=METHOD + method,
        units__csv=UNITS.replace("\n3,", "\n510100,"),
        observations__csv=FACTS.replace("\n3,", "\n510100,"),
    )
    r = cg.assess(cg.open(f))
    write_results(r, f / "results")
    for p in (f / "results").rglob("*"):
        if p.is_file():
            assert "510100" not in p.read_text(encoding="utf-8"), p.name


def test_own_score_differs_does_not_name_the_unit(workspace):
    m = METHOD + '[normalise.by.Q]\nhow="goalposts"\nlow=0\nhigh=1\n'
    f = workspace(
        assessment__toml=ILL,
        method__toml=m,
        units__csv=UNITS.replace("\n1,", "\n320500,"),
        observations__csv=FACTS.replace("\n1,", "\n320500,").replace("value\n", "value\n320500,Q,2023,0.9\n"),
    )
    r = cg.assess(cg.open(f))
    assert "320500" not in page(r, "en")


def test_method_toml_has_the_notice(workspace):
    f = workspace(assessment__toml=ILL)
    write_results(cg.assess(cg.open(f)), f / "results")
    assert "illustrative" in (f / "results/method.toml").read_text()


def test_repr_of_an_illustrative_result_names_no_unit_beside_figures(workspace):
    assert "Suzhou" not in repr(cg.assess(cg.open(workspace(assessment__toml=ILL))))


IMETA = "Level,iCode,iName,Direction,Weight,Parent,Type\n1,a,A,1,1,I,Indicator\n2,I,Index,,1,,Aggregate\n"


def refused(job):
    with pytest.raises(InputError) as error:
        job()
    return {problem.code for problem in error.value.problems if problem.severity == "error"}


@pytest.mark.parametrize(
    ("meta", "data", "code"),
    [
        (IMETA + ",value,V,,,,Group\n", "uName,uCode,value,a\nX,x,g,1\n", "coinr.reserved-code"),
        (IMETA, "uName,uCode,a\n", "file.empty"),
        (IMETA, None, "file.not-found"),
    ],
)
def test_coinrs_tables_that_cannot_be_used_leave_nothing_behind(tmp_path, meta, data, code):
    (tmp_path / "iMeta.csv").write_text(meta)
    if data is not None:
        (tmp_path / "iData.csv").write_text(data)
    job = partial(import_coinr, tmp_path / "new", tmp_path / "iData.csv", tmp_path / "iMeta.csv")
    assert refused(job) == {code}
    assert {path.name for path in tmp_path.iterdir()} <= {"iMeta.csv", "iData.csv"}


@pytest.mark.parametrize("text", ["weights: 3", "weights: {s: [1, 2]}", "unit_names: [a]", "5: x"])
def test_yaml_of_another_shape_is_a_problem_and_no_crash(tmp_path, text):
    (tmp_path / "f.yaml").write_text(f"nodes:\n- {{code: I, 5: x}}\n- {{code: a, parent: I}}\n{text}\n")
    if text == "5: x":
        assert cg.read_framework(tmp_path / "f.yaml")["I"].extra == {"5": "x"}
    else:
        assert refused(partial(cg.read_framework, tmp_path / "f.yaml")) == {"file.not-yaml"}


def test_a_code_that_repeats_inside_a_circle_ends(tmp_path):
    (tmp_path / "f.csv").write_text("code,parent,level\nI,,0\na,I,1\nb,a,2\na,b,3\n")
    assert "framework.duplicate-code" in refused(partial(cg.read_framework, tmp_path / "f.csv"))


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="900000"><c><v>1</v></c></row><row><c r="ZZ1"/></row>',
        "<row><c r='ZZ900000'/></row>",
        '<x:row><x:c r="ZZ900000"/></x:row>',
        '<row><c\n r="ZZ900000"/></row>',
        '<dimension ref="A1:ZZ900000"/>',
    ],
)
def test_a_sheet_cannot_hide_how_many_cells_it_claims(tmp_path, cells):
    path = tmp_path / "f.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", f"<worksheet>{cells}</worksheet>")
    assert refused(partial(cg.read_framework, path)) == {"file.too-many-cells"}


@pytest.mark.parametrize("parts", [{}, {"xl/worksheets/sheet1.xml": "<worksheet/>"}, {"a": "b"}])
def test_a_zip_that_is_no_workbook_is_called_so(tmp_path, parts):
    path = tmp_path / "f.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    assert refused(partial(cg.read_framework, path)) == {"file.not-a-workbook"}


def test_names_that_no_file_can_have_are_not_found(workspace):
    settings = 'framework = "' + "x" * 300 + '"\n'
    assert refused(partial(cg.open, workspace(assessment__toml=settings))) == {"framework.not-found"}


def test_figures_at_the_edge_of_doubles_are_refused_and_do_not_overflow(workspace):
    facts = "unit,indicator,value\n1,a,1e308\n2,a,-1e308\n1,c,1\n2,c,2\n"
    for how in ("minmax", "zscore"):
        w = cg.open(workspace(observations__csv=facts, method__toml=f'[normalise]\nhow = "{how}"\n'))
        assert refused(partial(cg.assess, w)) == {"facts.too-large"}


def test_a_range_named_in_an_exception_is_the_range_of_its_results(workspace):
    exception = '[normalise.by.a]\nhow = "minmax"\nlow = 20\nhigh = 50\n'
    for base in ('how = "minmax"', 'how = "goalposts"', 'how = "zscore"'):
        w = cg.open(workspace(method__toml=f"[normalise]\n{base}\n{exception}"))
        assert cg.assess(w).normalised.column("a").tolist() == pytest.approx([50, 35, 20])


def test_imputation_invents_no_score_of_its_own_for_an_indicator_made_of_measures(workspace):
    tree = (
        "code,parent,name_en,direction,unit,scale,low,high\nI,,Index,,,,,\na,I,A,1,points,score,0,100\n"
        "m,a,M,1,%,share,0,100\nb,I,B,1,%,share,0,100\n"
    )
    facts = "unit,indicator,value\n1,a,10\n2,m,90\n1,b,50\n2,b,50\n3,b,50\n"
    method = METHOD + '[impute]\nhow = "group_mean"\ngroup = "circle"\n'
    w = cg.open(workspace(framework__csv=tree, observations__csv=facts, method__toml=method))
    assert cg.assess(w).trace("2", "a")["value"] == pytest.approx(0.9)


@pytest.mark.parametrize("code", ["unit_code", "notice"])
def test_an_indicator_cannot_be_called_like_a_column_of_the_results(workspace, code):
    tree = FRAMEWORK.replace("\na,", f"\n{code},")
    assert "framework.reserved-code" in refused(partial(cg.open, workspace(framework__csv=tree)))


def test_a_chain_of_a_thousand_levels_is_no_deeper_than_another(tmp_path):
    rows = [
        "code,parent,direction,unit,low,high",
        "n0,,,,,",
        *(f"n{i},n{i - 1},1,%,0,100" for i in range(1, 1200)),
    ]
    (tmp_path / "f.csv").write_text("\n".join(rows))
    tree = cg.read_framework(tmp_path / "f.csv")
    w = cg.from_frames(
        tree,
        pl.DataFrame({"unit": ["1"]}),
        pl.DataFrame({"unit": ["1"], "indicator": ["n1199"], "value": [40.0]}),
        cg.Method().replace(**{"normalise.how": "goalposts"}),
    )
    assert cg.assess(w).index[0] == pytest.approx(0.4)


def test_problems_of_settings_framework_method_and_facts_come_in_one_answer(workspace):
    folder = workspace(
        assessment__toml='framework = "framework.csv"\nperod = "2023"\n',
        framework__csv=FRAMEWORK.replace(",0.6,", ",-1,"),
        observations__csv=FACTS + "1,zz,2023,1\n",
    )
    assert {"settings.unknown-key", "framework.negative-weight"} <= refused(partial(cg.open, folder))
    folder = workspace(
        assessment__toml='framework = "framework.csv"\n',
        framework__csv=FRAMEWORK,
        observations__csv=FACTS + "1,zz,2023,1\n",
        method__toml=METHOD + '[normalise.by.qq]\nhow = "minmax"\n[screen]\nexclude = ["99"]\n',
    )
    found = refused(partial(cg.open, folder))
    assert {"facts.unknown-indicator", "method.unknown-code", "method.unknown-unit"} <= found


def test_a_method_that_is_a_folder_is_not_passed_over(workspace):
    folder = workspace(method__toml=None)
    (folder / "method.toml").mkdir()
    assert refused(partial(cg.open, folder)) == {"file.not-found"}


def test_a_place_that_cannot_be_written_is_a_problem_and_no_crash(workspace):
    words = [sys.executable, "-m", "citygauge", "assess", str(workspace()), "--out", "/dev/null/x", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    codes = {problem["code"] for problem in json.loads(done.stdout)["problems"]}
    assert codes & {"file.no-access", "out.foreign-folder"}


def test_full_width_digits_in_a_table_are_no_number(workspace):
    f = workspace()
    job = partial(import_table, f, table(f, "unit,a\n1,８\n"), TableImport(period="2024"))
    assert refused(job) == {"facts.not-a-number"}


def test_what_a_long_table_says_of_origin_and_subject_is_not_dropped(workspace):
    f = workspace()
    text = "unit,indicator,period,value,origin\n1,a,2024,5,imputed\n"
    import_table(f, table(f, text), TableImport())
    assert cg.open(f).observations.frame["origin"].to_list().count("imputed") == 1
    text = "unit,indicator,period,value,subject\n2,a,2024,5,school-7\n"
    assert refused(partial(import_table, f, table(f, text, "s.csv"), TableImport())) == {
        "facts.unknown-subject"
    }


def test_values_that_the_method_filled_in_are_marked_in_the_results(workspace):
    facts = "unit,indicator,value\n1,a,80\n1,b,2\n1,c,50\n2,a,60\n2,b,5\n3,a,40\n3,b,10\n3,c,10\n"
    method = METHOD + '[impute]\nhow = "group_mean"\ngroup = "circle"\n'
    f = workspace(observations__csv=facts, method__toml=method)
    result = cg.assess(cg.open(f))
    write_results(result, f / "results")
    assert (f / "results/imputed.csv").read_text() == (
        "unit_code,code,value,how,from_period,group,neighbours\n2,c,50.0,group_mean,,east,\n"
    )
    assert result.availability[1, 0] == 1.0  # contract: imputed values are available and marked
