"""`citygauge weights experts`: a file of answers becomes a weight set, and what it says is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from click.testing import Result as Outcome
from typer.testing import CliRunner

import citygauge as cg
from citygauge.cli.experts import experts
from citygauge.cli.words import language

CHINESE = re.compile(r"[\u4e00-\u9fff]")
AHP = "expert,code_a,code_b,value\nw,P,Q,4\nv,P,Q,1\nw,a,b,3\n"
WITH_C = "code,parent,level,name_zh,name_en,weight,direction,unit,low,high\nI,,0,指数,Index,,,,,\n" + "".join(
    f"{code},I,1,指标{code},Indicator {code},,1,%,0,100\n" for code in "abc"
)


@pytest.fixture(params=["en", "zh"])
def lang(request, monkeypatch):
    """The language is found once in a process."""
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    language.cache_clear()
    yield request.param
    language.cache_clear()


def call(*words: object) -> Outcome:
    app = typer.Typer()
    app.command()(experts)
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_a_panel_weighs_a_workspace(workspace, lang, tmp_path: Path):
    folder, file = workspace(), tmp_path / "panel.csv"
    file.write_text(AHP, encoding="utf-8")
    done = call(folder, file, "--how", "ahp", "--name", "panel")
    assert (done.exit_code, bool(CHINESE.search(done.stdout.replace(str(folder), "")))) == (0, lang == "zh")
    assert "0.6667" in done.stdout  # P : Q = √(4·1) = 2
    assert re.search("肯德尔|Kendall", done.stdout)
    assert 'weights = "panel"' in done.stdout
    opened = cg.open(folder)
    assert opened.framework.weight_sets["panel"] == pytest.approx(
        {"P": 2 / 3, "Q": 1 / 3, "a": 0.75, "b": 0.25}
    )
    (folder / "method.toml").write_text(
        'weights = "panel"\n[normalise]\nhow = "goalposts"\n', encoding="utf-8"
    )
    # Unit 1: P = 0.75·0.8 + 0.25·0.8 = 0.8, Q = 0.5.
    result = cg.assess(cg.open(folder))
    assert result.scores.filter(unit_code="1", code="I")["value"].item() == pytest.approx((2 * 0.8 + 0.5) / 3)


def test_hints_are_told(workspace, lang, tmp_path: Path):
    folder, file = workspace(framework__csv=WITH_C), tmp_path / "panel.csv"
    file.write_text("expert,code_a,code_b,value\nw,a,b,3\nw,b,c,3\nw,a,c,1/9\n", encoding="utf-8")
    done = call(folder, file, "--how", "ahp")
    assert (done.exit_code, "w" in done.stdout) == (0, True)
    assert "a : c = 1/9 → 9" in done.stdout
    assert "experts.inconsistent" in done.stderr
    assert re.search("不一致|not consistent", done.stdout)


def test_groups_that_nobody_judged_are_told(workspace, lang, tmp_path: Path):
    folder, file = workspace(), tmp_path / "panel.csv"
    file.write_text("expert,code,points\nw,P,50\nw,Q,50\n", encoding="utf-8")
    assert re.search("(未评判|Not judged).*P", call(folder, file, "--how", "budget").stdout)


def test_the_outcome_as_json(workspace, tmp_path: Path):
    folder, file = workspace(), tmp_path / "panel.csv"
    file.write_text("expert,code,points\nw,P,7\nw,Q,3\n", encoding="utf-8")
    data = json.loads(call(folder, file, "--how", "budget", "--budget", "10", "--json").stdout)
    assert (data["ok"], data["weights"], data["unjudged"]) == (True, {"P": 0.7, "Q": 0.3}, ["P"])
    assert Path(data["written"]).is_file()


def test_faulty_answers_end_with_2_and_write_nothing(workspace, lang, tmp_path: Path):
    folder, file = workspace(), tmp_path / "panel.csv"
    file.write_text("expert,code,points\nw,P,70\nw,QQ,30\n", encoding="utf-8")
    done = call(folder, file, "--how", "budget")
    assert (done.exit_code, "experts.unknown-code" in done.stderr) == (2, True)
    assert not (folder / "weights").exists()
    data = json.loads(call(folder, file, "--how", "budget", "--json").stdout)
    assert (data["ok"], data["problems"][0]["code"]) == (False, "experts.unknown-code")


def test_a_set_is_not_written_over_unless_asked(workspace, tmp_path: Path):
    folder, file = workspace(), tmp_path / "panel.csv"
    file.write_text("expert,code,points\nw,P,70\nw,Q,30\n", encoding="utf-8")
    assert call(folder, file, "--how", "budget").exit_code == 0
    assert call(folder, file, "--how", "budget").exit_code == 2
    assert call(folder, file, "--how", "budget", "--replace").exit_code == 0
