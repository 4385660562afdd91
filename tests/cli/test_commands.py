"""The command line: help, exit codes, what it prints, and what it prints as JSON."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
from click.testing import Result as Outcome
from typer.testing import CliRunner

import citygauge as cg
from citygauge.cli.main import app
from citygauge.cli.words import language
from citygauge.framework.builtin import builtin_names
from citygauge.framework.read import read_framework
from conftest import SOURCED

CHINESE = re.compile(r"[\u4e00-\u9fff]")
COMMANDS = {
    "": ("framework", "import", "collect", "weights", "new", "check", "assess", "trace", "compare", "panel",
         "robust", "audit", "reconstruct", "improve", "scorecard", "report", "--lang"),
    "framework": ("list", "show", "check", "export"),
    "framework list": ("--json",),
    "framework show": ("--weights", "--measures", "--json"),
    "framework check": ("--json",),
    "framework export": (),
    "import": ("coinr", "table", "yearbook", "subjects", "sdmx", "coin-tool"),
    "import yearbook": ("--map", "--save-map", "--sheet", "--period", "--channel", "--correct", "--dry-run",
                        "--source", "--json"),
    "import sdmx": ("--map", "--correct", "--source", "--producer", "--title", "--url", "--licence", "--date",
                    "--json"),
    "import coin-tool": ("--period", "--json"),
    "import coinr": ("--data", "--meta", "--json"),
    "import table": ("--sheet", "--period", "--channel", "--correct", "--corrects", "--source",
                     "--producer", "--title", "--url", "--licence", "--date", "--json"),
    "import subjects": ("--map", "--source", "--producer", "--title", "--url", "--licence", "--date",
                        "--json"),
    "weights": ("show", "experts", "optimise"),
    "weights show": ("--method", "--json"),
    "weights experts": ("--how", "--name", "--budget", "--replace", "--json"),
    "weights optimise": ("--name", "--parent", "--target", "--low", "--high", "--method", "--replace",
                         "--json"),
    "compare": ("--workspace", "--code", "--leave-out", "--out", "--json"),
    "panel": ("--method", "--period", "--out", "--json"),
    "robust": ("--spec", "--n", "--seed", "--samples", "--method", "--runs", "--weights", "--against",
               "--cluster", "--keep", "--out", "--json"),
    "audit": ("--report", "--out", "--method", "--json"),
    "reconstruct": ("--n", "--seed", "--weights", "--out", "--json"),
    "improve": ("--city", "--to", "--cost", "--sure", "--plans", "--method", "--out", "--json"),
    "scorecard": ("--standard", "--unit", "--out", "--json"),
    "report": ("make", "check"),
    "report make": ("--kind", "--city", "--grade", "--lang", "--format", "--theme", "--date", "--reference",
                    "--method", "--out", "--json"),
    "report check": ("--theme", "--method", "--json"),
    "collect": ("workbook", "read", "confirm"),
    "collect workbook": ("--out", "--unit", "--period", "--contact", "--json"),
    "collect read": ("--period", "--json"),
    "collect confirm": ("--out", "--unit", "--json"),
    "new": ("--framework", "--units"),
    "check": ("--method", "--json", "--quiet"),
    "assess": ("--method", "--out", "--pdf", "--workbook", "--json", "--quiet"),
    "trace": ("--method", "--json"),
}  # fmt: skip
SOURCES = "id,producer,title,date\ns,统计局,年鉴,2024\n"


@pytest.fixture(autouse=True)
def in_english(monkeypatch):
    """The language is found once in a process; without a variable it would be that of the machine."""
    monkeypatch.setenv("CITYGAUGE_LANG", "en")
    language.cache_clear()
    yield
    language.cache_clear()


@pytest.fixture
def clean(workspace) -> Path:
    """A workspace about which there is nothing to note."""
    folder = workspace(observations__csv=SOURCED)
    (folder / "sources.csv").write_text(SOURCES, encoding="utf-8")
    return folder


def call(*words: object) -> Outcome:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def program(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CITYGAUGE_LANG", "LC_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "citygauge", *map(str, words)],
        env={**kept, "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", **environment},
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


HELP = """
import sys
from typer.testing import CliRunner
from citygauge.cli.main import app
for command in sys.argv[1].split(","):
    print(chr(12) + command)
    print(CliRunner().invoke(app, [*command.split(), "--help"], prog_name="citygauge").output)
"""


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_command_explains_itself_in_both_languages(lang):
    done = subprocess.run(
        [sys.executable, "-c", HELP, ",".join(COMMANDS)],
        env={**os.environ, "CITYGAUGE_LANG": lang, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"},
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    pages = dict(page.split("\n", 1) for page in done.stdout.split("\f")[1:])
    assert set(pages) == set(COMMANDS)
    for command, words in COMMANDS.items():
        for word in words:
            assert word in pages[command], (command, word)
        assert bool(CHINESE.search(pages[command])) == (lang == "zh"), command


def test_the_module_runs_as_a_program(clean):
    done = program("assess", clean)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert "0.68" in done.stdout
    assert (clean / "results" / "scores.csv").is_file()


def test_the_language_comes_from_the_option_then_the_variable_then_the_locale(clean):
    assert CHINESE.search(program("--lang", "zh", "check", clean, CITYGAUGE_LANG="en").stdout)
    assert CHINESE.search(program("--lang=zh", "check", clean).stdout)
    assert CHINESE.search(program("check", clean, CITYGAUGE_LANG="zh", LANG="en_GB.UTF-8").stdout)
    assert "no errors" in program("--lang", "en", "check", clean, LANG="zh_CN.UTF-8").stdout


def test_an_unknown_language_is_refused(clean):
    assert call("--lang", "fr", "check", clean).exit_code == 2


def test_without_a_command_the_help_is_shown():
    assert "assess" in call().output


def test_the_builtin_frameworks_are_listed():
    text = call("framework", "list").output
    data = json.loads(call("framework", "list", "--json").output)
    assert [row["name"] for row in data] == list(builtin_names())
    for row in data:
        assert row["indicators"] == len(cg.builtin(row["name"]).indicators)
        assert {"zh", "en"} <= set(row["title"])
        assert row["name"] in text


def test_a_framework_is_shown_with_the_share_of_each_node(clean):
    text = call("framework", "show", clean / "framework.csv").output
    assert re.search(r"P Pillar P\s+60\.0% · 60\.00%", text)
    assert re.search(r"a Indicator a\s+50\.0% · 30\.00%", text)
    data = json.loads(call("framework", "show", clean / "framework.csv", "--json").output)
    assert [node["code"] for node in data] == ["I", "P", "a", "b", "Q", "c"]
    assert data[3] == {
        "code": "b", "parent": "P", "direction": -1, "unit": "days", "low": 0.0, "high": 10.0,
        "name_zh": "指标乙", "name_en": "Indicator b",
    }  # fmt: skip


INSPECTION = """\
code,parent,name_zh,name_en,points,cap,role,direction,unit,scheme
E,,检查,Inspection,100,105,,,,
s,E,网办率,Online,60,,,1,%,>=90: 60 ; >=60: 43.5 ; else: 0
m,E,差错,Errors,40,,,-1,item,each: -0.5
d,E,通报,Reprimands,3,,deduction,,item,each: 1
b,E,典型,Models,5,,bonus,1,item,each: 1
V,E,事故,Accident,59,,veto,,item,>=2: 1 ; else: 0
W,E,造假,Fraud,,,veto,,item,
"""
# In points: Suzhou 43.5 + 38 - 1 + 2 = 82.5, Taizhou 100 + 5 = 105, Chengdu 100 less the veto = 59.
RECORDED = {
    "1": {"s": 75, "m": 4, "d": 1, "b": 2, "V": 1, "W": 0},
    "2": {"s": 95, "m": 0, "d": 0, "b": 9, "V": 0, "W": 0},
    "3": {"s": 95, "m": 0, "d": 0, "b": 0, "V": 2, "W": 0},
}


@pytest.fixture
def inspection(workspace) -> Path:
    rows = (f"{unit},{code},2024,{n}\n" for unit, told in RECORDED.items() for code, n in told.items())
    files = {
        "framework__csv": INSPECTION,
        "observations__csv": "unit,indicator,period,value\n" + "".join(rows),
        "method__toml": '[normalise]\nhow = "points"\n',
    }
    return workspace(**files)


def unfolded(text: str) -> str:
    """Return a tree with the lines of each node, which wrap, on one."""
    return re.sub(r"\s+", " ", re.sub(r"[│├└─]", " ", text))


def test_full_marks_role_and_scheme_are_shown_where_a_node_has_them(inspection):
    text = unfolded(call("framework", "show", inspection / "framework.csv").output)
    for shown in (
        "E Inspection Full marks: 100, at most 105 in all",
        "s Online Full marks: 60 · 60.0% · 60.00% · Scoring: ≥90: 60; ≥60: 43.5; else: 0",
        "m Errors Full marks: 40 · 40.0% · 40.00% · Scoring: each: −0.5",
        "d Reprimands Deduction, takes off at most 3 · Points taken off: each: 1",
        "b Models Bonus, adds at most 5 · Points added: each: 1",
        "V Accident Veto: when it fires, “Inspection” gets at most 59 · Fires at: ≥2",
        "W Fraud Veto: when it fires, “Inspection” gets 0 · Fires at: >0",
        "full marks · share among siblings",
    ):
        assert shown in text, shown
    assert "0.0%" not in text.replace("60.0%", "").replace("40.0%", "")


def test_full_marks_follow_the_weights_that_are_asked_for(inspection):
    text = unfolded(call("framework", "show", inspection / "framework.csv", "--weights", "equal").output)
    assert "s Online Full marks: 50 · 50.0%" in text
    assert "m Errors Full marks: 50 · 50.0%" in text


def test_a_run_in_points_says_so_and_who_was_vetoed(inspection):
    text = call("assess", inspection).output
    for city, points in (("Taizhou", "105.0"), ("Suzhou", "82.5"), ("Chengdu", "59.0")):
        assert re.search(rf"{city}\s+│\s+{points} / 100", text), city
    assert "Vetoes: 1 of 3 units: Chengdu\n" in text
    traced = call("trace", inspection, "3").output
    assert re.search(r"V Accident = 1\s+\(veto\)", traced)
    assert "× 0\n" not in traced


def test_on_illustrative_data_vetoed_units_are_counted_and_not_named(inspection):
    settings = 'framework = "framework.csv"\nillustrative = true\n'
    (inspection / "assessment.toml").write_text(settings, encoding="utf-8")
    text = call("assess", inspection).output
    assert "Vetoes: 1 of 3 units\n" in text
    assert "Chengdu" not in text


def test_vetoes_are_said_in_chinese_too_and_none_where_none_fired(inspection, monkeypatch):
    monkeypatch.setenv("CITYGAUGE_LANG", "zh")
    language.cache_clear()
    assert "单项否决：3个城市中有1个被否决：成都\n" in call("assess", inspection).output
    facts = inspection / "observations.csv"
    facts.write_text(facts.read_text(encoding="utf-8").replace("3,V,2024,2", "3,V,2024,0"), encoding="utf-8")
    assert "单项否决：没有触发。" in call("assess", inspection).output
    shown = unfolded(call("framework", "show", inspection / "framework.csv").output)
    assert "s 网办率 满分60分 · 60.0% · 60.00% · 计分规则：≥90：60分；≥60：43.5分；其他：0分" in shown
    assert "V 事故 单项否决，触发后“检查”至多得59分 · 触发条件：≥2" in shown


def test_an_unknown_weight_set_or_framework_ends_with_2(clean):
    assert call("framework", "show", clean / "framework.csv", "--weights", "mine").exit_code == 2
    assert call("framework", "show", "nowhere").exit_code == 2
    assert call("framework", "check", "nowhere.csv").exit_code == 2


def test_checking_a_framework_lists_all_its_problems(tmp_path):
    bad = tmp_path / "framework.csv"
    bad.write_text("code,parent,direction\nI,,\na,X,1\nb,I,up\nb,I,1\n", encoding="utf-8")
    done = call("framework", "check", bad, "--json")
    data = json.loads(done.stdout)
    assert (done.exit_code, data["ok"]) == (2, False)
    codes = {problem["code"] for problem in data["problems"] if problem["severity"] == "error"}
    assert {"framework.unknown-parent", "framework.bad-direction", "framework.duplicate-code"} <= codes
    assert call("framework", "check", "hdi").exit_code == 0


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "yaml"])
def test_an_exported_framework_reads_back_and_is_never_overwritten(tmp_path, suffix):
    target = tmp_path / f"f.{suffix}"
    assert call("framework", "export", "egdi", target).exit_code == 0
    before = target.read_bytes()
    assert read_framework(target).codes == cg.builtin("egdi").codes
    assert call("framework", "export", "egdi", target).exit_code == 2
    assert target.read_bytes() == before


def test_an_export_to_an_unknown_kind_of_file_is_refused(tmp_path):
    assert call("framework", "export", "hdi", tmp_path / "f.docx").exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_check_changes_nothing(clean):
    before = {path: path.read_bytes() for path in clean.rglob("*") if path.is_file()}
    done = call("check", clean)
    assert done.exit_code == 0
    assert "3 units, 3 indicators" in done.output
    assert {path: path.read_bytes() for path in clean.rglob("*") if path.is_file()} == before


def test_json_of_a_run_that_ended_well_says_ok_where_the_results_are_and_what_was_noted(workspace):
    folder = workspace()
    data = json.loads(call("assess", folder, "--json").stdout)
    assert data["ok"] is True
    assert data["results"] == str(folder / "results")
    (problem,) = data["problems"]
    assert (problem["code"], problem["severity"]) == ("facts.no-source", "warning")
    assert set(problem) == {
        "code", "severity", "where", "values", "message", "hint", "message_zh", "hint_zh",
    }  # fmt: skip
    assert CHINESE.search(problem["message_zh"])
    assert not CHINESE.search(problem["message"])


def test_quiet_prints_nothing_when_all_went_well(workspace):
    for command in ("check", "assess"):
        done = call(command, workspace(), "--quiet")  # a workspace with a warning
        assert (done.exit_code, done.output, done.stderr) == (0, "", "")


def test_quiet_still_prints_errors(workspace):
    done = call("check", workspace(observations__csv="unit,indicator,value\n1,zz,3\n"), "--quiet")
    assert done.exit_code == 2
    assert "facts.unknown-indicator" in done.stderr


def test_warnings_go_to_the_error_stream_and_leave_0(workspace):
    done = call("check", workspace())
    assert done.exit_code == 0
    assert "facts.no-source" in done.stderr
    assert "facts.no-source" not in done.stdout


MANY = "unit,indicator,period,value\n" + "".join(f"1,a,2023,x{i}\n" for i in range(13))


def test_ten_problems_of_a_code_are_shown_and_the_rest_counted(workspace):
    done = call("check", workspace(observations__csv=MANY + "9,a,2023,1\n"))
    assert done.exit_code == 2
    assert done.stderr.count("is not a finite number") == 10
    assert "… and 3 more" in done.stderr
    assert done.stderr.count("facts.unknown-unit") == 1
    assert "14 errors" in done.stderr


def test_json_has_every_problem(workspace):
    done = call("check", workspace(observations__csv=MANY), "--json")
    problems = json.loads(done.stdout)["problems"]
    rows = [p["where"]["row"] for p in problems if p["code"] == "facts.not-a-number"]
    assert (done.exit_code, rows) == (2, list(range(2, 15)))


def test_a_folder_that_is_no_workspace_ends_with_2(tmp_path):
    for command in (("check", tmp_path), ("trace", tmp_path, "1"), ("assess", tmp_path / "gone")):
        assert call(*command).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_results_go_where_out_says(clean, tmp_path):
    target = tmp_path / "deep" / "out"
    assert call("assess", clean, "--out", target, "--quiet").exit_code == 0
    assert (target / "run.json").is_file()
    assert not (clean / "results").exists()


def test_another_method_may_be_given_and_its_problems_are_told_with_the_others(clean, tmp_path):
    method = tmp_path / "equal.toml"
    method.write_text('weights = "equal"\n[normalise]\nhow = "goalposts"\n', encoding="utf-8")
    data = json.loads(call("trace", clean, "1", "--method", method, "--json").stdout)
    assert data["value"] == pytest.approx((0.8 + 0.5) / 2)
    method.write_text("wieghts = 3\n", encoding="utf-8")
    (clean / "units.csv").write_text("unit\n1\n1\n", encoding="utf-8")
    done = call("check", clean, "--method", method, "--json")
    codes = {problem["code"] for problem in json.loads(done.stdout)["problems"]}
    assert (done.exit_code, {"method.unknown-key", "units.duplicate-code"} <= codes) == (2, True)


def test_the_ranking_is_printed_best_first(clean):
    lines = call("assess", clean).stdout.splitlines()
    found = [line for line in lines if re.search("Suzhou|Taizhou|Chengdu", line)]
    assert [re.findall(r"[A-Z]\w+|\d+\.\d\d", line) for line in found] == [
        ["Suzhou", "0.68"], ["Taizhou", "0.61"], ["Chengdu", "0.24"],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["1", "苏州", "苏州市"])
def test_a_figure_is_traced_to_the_row_of_its_observation(clean, name):
    data = json.loads(call("trace", clean, name, "--json").stdout)
    assert data["value"] == pytest.approx(0.68)
    assert [(child["code"], child["weight"]) for child in data["children"]] == [("P", 0.6), ("Q", 0.4)]
    leaf = data["children"][0]["children"][1]
    assert (leaf["code"], leaf["steps"]["normalised"]) == ("b", pytest.approx(0.8))
    with (clean / "observations.csv").open(encoding="utf-8", newline="") as stream:
        row = list(csv.reader(stream))[leaf["fact"]["row"] - 1]
    assert row == ["1", "b", "2023", "2", "s"]
    assert "统计局" in leaf["fact"]["citation"]


def test_a_trace_on_the_screen_names_file_row_and_source(clean):
    text = call("trace", clean, "2", "Q").stdout
    assert "Q Pillar Q = 0.7" in text
    assert "row 7" in text
    assert "observations.csv" in text
    assert "年鉴" in text
    assert "Pillar P" not in text


def test_a_trace_of_what_is_not_there_ends_with_2_and_suggests(clean):
    assert "苏州 1" in call("trace", clean, "苏洲").stderr
    assert call("trace", clean, "苏洲").exit_code == 2
    assert call("trace", clean, "1", "zz").exit_code == 2
    assert call("trace", clean, "Suzhou").exit_code == 2  # may be 苏州 or 宿州


def test_new_import_and_trace_lead_to_the_cell_of_the_original(tmp_path, clean):
    folder = tmp_path / "made"
    done = call("new", folder, "--framework", clean / "framework.csv", "--units", clean / "units.csv")
    assert done.exit_code == 0
    (folder / "method.toml").write_text('[normalise]\nhow = "goalposts"\n', encoding="utf-8")
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "数据"
    for place, cell in {"B3": "城市", "C3": "指标甲", "D3": "指标乙", "E3": "指标丙", "B4": "苏州",
                        "C4": 80, "D4": 2, "E4": 50}.items():  # fmt: skip
        sheet[place] = cell
    workbook.save(tmp_path / "t.xlsx")
    words = ("import", "table", folder, tmp_path / "t.xlsx", "--period", "2023")
    data = json.loads(call(*words, "--producer", "统计局", "--json").stdout)
    assert {name: data[name] for name in ("ok", "new", "corrected", "known")} == {
        "ok": True, "new": 3, "corrected": 0, "known": 0,
    }  # fmt: skip
    assert json.loads(call(*words, "--json").stdout)["known"] == 3
    leaf = json.loads(call("trace", folder, "苏州", "b", "--json").stdout)
    sheet_name, cell = leaf["fact"]["cell"].split("!")
    (kept,) = (folder / "originals").iterdir()
    assert openpyxl.load_workbook(kept)[sheet_name][cell].value == leaf["fact"]["value"] == 2
    assert "数据!D4" in call("trace", folder, "苏州", "b").stdout


def test_a_differing_table_ends_with_2_and_is_taken_with_correct(clean, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("unit,a\n1,90\n", encoding="utf-8")
    words = ("import", "table", clean, file, "--period", "2023")
    done = call(*words)
    assert (done.exit_code, "import.value-changed" in done.stderr) == (2, True)
    assert "1 corrections" in call(*words, "--correct").stdout
    assert json.loads(call("trace", clean, "1", "a", "--json").stdout)["value"] == pytest.approx(0.9)


def test_tables_of_coinr_make_a_workspace(tmp_path):
    (tmp_path / "m.csv").write_text(
        "Level,iCode,iName,Direction,Weight,Parent,Type\n1,x,X,1,1,Index,Indicator\n"
        "1,y,Y,1,1,Index,Indicator\n2,Index,The index,1,1,,Aggregate\n",
        encoding="utf-8",
    )
    (tmp_path / "d.csv").write_text("uName,uCode,x,y\nA,AA,1,3\nB,BB,2,4\n", encoding="utf-8")
    words = ("import", "coinr", tmp_path / "w", "--data", tmp_path / "d.csv", "--meta", tmp_path / "m.csv")
    assert "2 units, 2 indicators" in call(*words).stdout
    assert call("assess", tmp_path / "w", "--quiet").exit_code == 0
    assert call(*words).exit_code == 2


def test_a_failed_run_writes_its_problems_and_nothing_else(workspace):
    folder = workspace(observations__csv=MANY)
    assert call("assess", folder).exit_code == 2
    assert [path.name for path in (folder / "results").iterdir()] == ["problems.json"]
    written = json.loads((folder / "results" / "problems.json").read_text(encoding="utf-8"))
    assert written["ok"] is False
    assert len(written["problems"]) >= 13


def test_a_failed_run_after_a_good_one_leaves_the_old_results_and_adds_its_problems(clean):
    assert call("assess", clean, "--quiet").exit_code == 0
    good = {path: path.read_bytes() for path in (clean / "results").rglob("*") if path.is_file()}
    facts = (clean / "observations.csv").read_text(encoding="utf-8")
    (clean / "observations.csv").write_text(facts.replace("80", "eighty"), encoding="utf-8")
    assert call("assess", clean, "--quiet").exit_code == 2
    after = {path: path.read_bytes() for path in (clean / "results").rglob("*") if path.is_file()}
    assert {path.name for path in after.keys() - good.keys()} == {"problems.json"}
    assert {path: after[path] for path in good} == good
    (clean / "observations.csv").write_text(facts, encoding="utf-8")
    assert call("assess", clean, "--quiet").exit_code == 0
    assert not (clean / "results" / "problems.json").exists()


def test_a_folder_with_other_peoples_files_is_refused_and_untouched(clean, tmp_path):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "thesis.doc").write_text("mine")
    done = call("assess", clean, "--out", target)
    assert (done.exit_code, "out.foreign-folder" in done.stderr) == (2, True)
    assert [path.name for path in target.iterdir()] == ["thesis.doc"]


# Illustrative data: nobody is ranked by name.

DEMO = Path(__file__).resolve().parents[2] / "demo" / "smart-2021"


def cities() -> list[dict[str, str]]:
    with (DEMO / "units.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_on_the_screen_illustrative_results_have_the_notice_and_names_in_published_grades_only(tmp_path):
    done = program("assess", DEMO, "--out", tmp_path / "out", COLUMNS="2000")
    assert done.returncode == 0
    assert "illustrative data, not observed" in done.stdout
    grades = {"leading": "Leading", "pioneering": "Pioneering", "exploring": "Exploring"}
    lines = {name: line for line in done.stdout.splitlines() for name in grades.values() if name in line}
    for city in cities():
        (only,) = [
            line
            for line in done.stdout.splitlines()
            if re.search(rf"[ ,│]{re.escape(city['name_en'])}[, ]", line)
        ]
        assert only == lines[grades[city["report_grade"]]]
    assert not re.search(r"0\.\d{2,}", done.stdout)


def test_a_trace_of_illustrative_data_takes_neutral_names_and_refuses_the_cities(tmp_path):
    done = call("trace", DEMO, "示意城市 01", "T1", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["unit"] == "示意城市 01"
    for city in cities():
        for name in (city["unit"], city["name_zh"], city["name_en"]):
            assert not re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", done.stdout), name
    for name in ("苏州", "320500", "苏洲"):
        refused = call("trace", DEMO, name)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "320500" not in refused.stderr.replace(f"'{name}'", "")
