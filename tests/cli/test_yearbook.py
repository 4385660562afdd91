"""`citygauge import yearbook`: what is imported and what is left out is said, in both languages."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pytest
import typer
from click.testing import Result as Outcome
from typer.testing import CliRunner

import citygauge as cg
from citygauge.cli import yearbook
from citygauge.cli.words import language

sys.path.insert(0, str(Path(__file__).parents[1] / "collect"))
from yearbooks import EMPTY, FRAMEWORK, METHOD, UNITS, bulletin, classic

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(params=["en", "zh"])
def lang(request, monkeypatch):
    """The language is found once in a process, and the texts of options when the module is loaded."""
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    language.cache_clear()
    importlib.reload(yearbook)
    yield request.param
    language.cache_clear()


@pytest.fixture
def folder(workspace) -> Path:
    return workspace(framework__csv=FRAMEWORK, units__csv=UNITS, method__toml=METHOD, observations__csv=EMPTY)


def call(*words: object) -> Outcome:
    app = typer.Typer()
    app.command("yearbook")(yearbook.yearbook)
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_counts_and_everything_left_out_are_printed(folder, lang):
    made = classic(folder.parent, 2023)
    done = call(folder, made.path, "--save-map", "annual")
    assert done.exit_code == 0
    new, left = len(made.facts), len(made.left_out)
    counts = (
        f"新增{new}条，更正0条，已有0条，略去{left}处"
        if lang == "zh"
        else f"{new} new facts, 0 corrections, 0 known already, {left} left out"
    )
    assert counts in done.stdout
    assert "imports/annual.toml" in done.stdout
    for where, _ in made.left_out:
        assert where in done.stdout
    said = "表示“无数据”的标记" if lang == "zh" else "mark for “not available”"
    assert said in done.stdout
    assert "地区生产总值/全市 → gdp 亿元" in done.stdout
    assert cg.open(folder).observations.frame.height == new


def test_the_outcome_as_json_says_the_same_in_both_languages(folder, lang):
    made = classic(folder.parent, 2023)
    done = json.loads(call(folder, made.path, "--json", "--dry-run").stdout)
    assert (done["ok"], done["new"], done["saved"]) == (True, len(made.facts), None)
    assert {(item["where"], item["reason"]) for item in done["skipped"]} == made.left_out
    assert all(
        CHINESE.search(item["said_zh"]) and not CHINESE.search(item["said"]) for item in done["skipped"]
    )
    columns = done["map"]["tables"][0]["columns"]
    assert {"header": "年末常住人口/全市", "indicator": "pop", "measure": "万人"} in columns
    assert not (folder / "originals").exists()


def test_a_dry_run_says_that_nothing_was_written_and_a_long_list_is_cut(folder, lang):
    done = call(folder, bulletin(folder.parent, 2023).path, "--dry-run")
    assert ("未写入任何内容" if lang == "zh" else "Nothing was written") in done.stdout
    many = folder.parent / "many.csv"
    rows = "\n".join(f"城{'市' * i},{i}" for i in range(2, 20))
    many.write_text(f"2023年\n城市,年末常住人口（万人）\n北京,5\n{rows}\n", encoding="utf-8")
    cut = call(folder, many)
    assert ("另有8项" if lang == "zh" else "and 8 more") in cut.stdout


def test_what_a_name_is_near_to_stands_apart_and_one_fact_is_one_fact(folder, lang):
    one = folder.parent / "one.csv"
    one.write_text("2023年\n城市,年末常住人口（万人）,用电量\n北京,5,6\n", encoding="utf-8")
    said = call(folder, one).stdout
    assert ("；相近：" if lang == "zh" else "; near: ") in said
    assert ("新增1条" if lang == "zh" else "1 new fact, 0 corrections") in said


def test_what_is_wrong_ends_with_code_two_and_writes_nothing(folder, lang):
    wrong = call(folder, classic(folder.parent, 2023).path, "--map", "none")
    assert wrong.exit_code == 2
    as_json = json.loads(call(folder, folder / "units.csv", "--json").stdout)
    assert (as_json["ok"], as_json["problems"][0]["code"]) == (False, "yearbook.no-facts")
    assert cg.open(folder).observations.frame.height == 0


def test_the_help_speaks_the_language_of_the_call(lang):
    text = call("--help").stdout
    assert bool(re.search("对照文件", text)) == (lang == "zh")
    assert "--save-map" in text
