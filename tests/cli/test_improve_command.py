"""`improve` on the command line, in both languages: tables, sentences, files, JSON, and all problems."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from click.testing import Result as Outcome
from typer.testing import CliRunner

from citygauge.cli.improve import improve
from citygauge.cli.words import language

GRADED = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "two"\n'
SCALE = """\
low = 0
high = 1
[[grade]]
id = "top"
name_zh = "领军城市"
name_en = "Leading"
from = 0.75
[[grade]]
id = "rest"
name_zh = "其余"
name_en = "Others"
"""
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'


@pytest.fixture(params=["en", "zh"])
def tongue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    monkeypatch.setenv("COLUMNS", "300")
    language.cache_clear()
    yield request.param
    language.cache_clear()


@pytest.fixture
def folder(workspace: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes the shared workspace with two grades; city 2 has 0.61 and 0.75 is top."""
    files = {"method__toml": GRADED, "grades/two.toml": SCALE, "costs.csv": "code,cost\nc,9\n"}
    return lambda **more: workspace(**{**files, **more})


def call(*words: object) -> Outcome:
    app = typer.Typer()
    app.command()(improve)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_plans_steps_and_three_sentences_are_printed_and_written(folder, tongue):
    place = folder()
    done = call(place, "--city", "台州", "--to", "领军")
    assert done.exit_code == 0, done.output
    said = {
        "en": ("Plans to choose from", "least effort", "“Leading” takes 0.750", "is proved", "Page: "),
        "zh": ("可选方案", "最省力", "达到“领军城市”需要 0.750", "已证明", "网页："),
    }
    for text in said[tongue]:
        assert text in done.stdout
    other = said["zh" if tongue == "en" else "en"]
    assert not any(text in done.stdout for text in other)
    target = place / "results" / "improve" / "2"
    assert (target / "plans.csv").exists()
    assert (target.parent / "run.json").exists()


def test_json_is_json_with_both_languages_and_nothing_before_it(folder, tongue):
    place = folder()
    done = call(place, "--city", "2", "--to", "top", "--plans", 2, "--out", place / "way", "--json")
    data = json.loads(done.stdout)
    assert data["ok"]
    assert data["goal"] == {"grade": "top"}
    assert data["target"] == 0.75
    assert data["index"] == pytest.approx(0.61)
    assert len(data["plans"]) == 2
    assert len(data["sentences"]["zh"]) == len(data["sentences"]["en"]) == 3
    assert {row["stage"] for row in data["check"]} == {"before", "planned", "rerun"}
    assert (place / "way" / "plan.zh.html").exists()
    assert not (place / "results").exists()


def test_costs_change_the_plan(folder, tongue):
    place = folder()
    data = json.loads(
        call(
            place, "--city", "2", "--to", "top", "--plans", 1, "--cost", place / "costs.csv", "--json"
        ).stdout
    )
    assert data["plans"][0]["effort"] == pytest.approx(100 * 0.14 / 0.3)  # a and b; c is dear
    assert "c" not in {row["code"] for row in data["steps"]}


def test_a_city_that_is_there_is_told_so(folder, tongue):
    done = call(folder(), "--city", "台州", "--to", 3)
    assert done.exit_code == 0, done.output
    assert ("already" if tongue == "en" else "已经达到") in done.stdout


def test_problems_are_all_told_with_exit_code_2(folder, tongue):
    done = call(folder(), "--city", "nowhere", "--to", "金奖", "--sure", 2, "--plans", 0, "--json")
    assert done.exit_code == 2
    codes = {problem["code"] for problem in json.loads(done.stdout)["problems"]}
    assert codes == {"units.unknown", "improve.bad-sure", "improve.bad-count"}
    done = call(folder(), "--city", "2", "--to", "金奖")
    assert done.exit_code == 2
    assert ("is no grade" if tongue == "en" else "不是本次评估的等级") in done.stderr


def test_illustrative_data_know_neutral_names_alone(folder, tongue):
    place = folder(assessment__toml=ILLUSTRATIVE)
    done = call(place, "--city", "台州", "--to", "领军")
    assert done.exit_code == 2
    assert ("neutral" if tongue == "en" else "代称") in done.stderr
    done = call(place, "--city", "示意城市02", "--to", "领军")
    assert done.exit_code == 0, done.output
    assert "台州" not in done.output
    assert "Taizhou" not in done.output
    assert ("illustrative data" if tongue == "en" else "示意数据") in done.stdout
    assert (place / "results" / "improve" / "示意城市02" / "plans.csv").exists()
