"""`scorecard` on the command line, in both languages."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from click.testing import Result as Outcome
from typer.testing import CliRunner

from citygauge.cli.output import stdout
from citygauge.cli.scorecard import scorecard
from citygauge.cli.words import language

FRAMEWORK = """\
code,parent,name_zh,name_en,direction,unit,low,high,counterpart
I,,指数,Index,,,,,
a,I,指标甲,Indicator a,1,%,0,100,U4SSC: EC:P:IN:2C | GB/T 33356-2022: innovation theme
b,I,指标乙,[b]Indicator b,-1,days,0,10,U4SSC: ~EC:P:IN:1C
c,I,指标丙,Indicator c,1,%,0,100,
"""
BENCHMARKS = '[[benchmark]]\nindicator = "a"\nvalue = 160\n'
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'


@pytest.fixture(params=["en", "zh"])
def tongue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(stdout, "width", 300)  # where another test has made the console already
    language.cache_clear()
    yield request.param
    language.cache_clear()


@pytest.fixture
def run(workspace: Callable[..., Path]) -> Callable[..., Outcome]:
    app = typer.Typer()
    app.command()(scorecard)

    def call(*options: str, standard: str = "u4ssc", **files: str) -> Outcome:
        folder = workspace(framework__csv=FRAMEWORK, **{"standards/u4ssc.toml": BENCHMARKS}, **files)
        return CliRunner().invoke(app, [str(folder), "--standard", standard, *options])

    return call


def test_all_units_are_shown_theme_by_theme_with_the_mark_of_what_is_unchecked(run, tongue):
    outcome = run(standard="gbt-33356")
    assert outcome.exit_code == 0, outcome.output
    assert ("~Innovation and development (2022)" if tongue == "en" else "~创新发展 (2022)") in outcome.output
    assert ("~ code or theme not checked" if tongue == "en" else "~ 代码或主题未与标准核对") in outcome.output
    assert (": 2" if tongue == "en" else "有2项") in outcome.output


def test_one_unit_is_shown_with_its_values_and_bands(run, tongue):
    outcome = run("--unit", "成都")
    assert outcome.exit_code == 0, outcome.output
    lines = outcome.output.splitlines()
    line = next(line for line in lines if "EC:P:IN:2C" in line)
    assert "40" in line  # 40 of 160
    assert ("25%  less than 33% of the benchmark" if tongue == "en" else "25%  不足目标值的33%") in line
    line = next(line for line in lines if "EC:P:IN:1C" in line)
    assert "~EC:P:IN:1C" in line
    assert ("no benchmark" if tongue == "en" else "无目标值") in line
    assert ("[b]Indicator b" if tongue == "en" else "指标乙") in line


def test_values_are_written_and_said_as_json(run, tongue, tmp_path):
    out = tmp_path / "card.csv"
    outcome = run("--out", str(out), "--json", "--unit", "1")
    assert outcome.exit_code == 0, outcome.output
    data = json.loads(outcome.output)
    assert data["ok"] is True
    assert (data["standard"]["id"], data["unmapped"], data["file"]) == ("u4ssc", ["c"], str(out))
    assert [band["from"] for band in data["standard"]["bands"]] == [95, 66, 33, None]
    assert [(row["unit_code"], row["value"], row["percent"]) for row in data["rows"]] == [
        ("1", 2, None), ("1", 80, 50)
    ]  # fmt: skip
    with out.open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [(row["counterpart"], row["checked"]) for row in written] == [
        ("EC:P:IN:1C", "false"), ("EC:P:IN:2C", "true")
    ]  # fmt: skip


def test_an_unknown_unit_and_an_unknown_standard_end_with_their_problems(run, tongue):
    outcome = run("--unit", "Atlantis", "--json")
    assert outcome.exit_code == 2
    assert [p["code"] for p in json.loads(outcome.output)["problems"]] == ["units.unknown"]
    outcome = run("--json", standard="iso-1")
    assert outcome.exit_code == 2
    assert [p["code"] for p in json.loads(outcome.output)["problems"]] == ["standards.unknown"]


def test_illustrative_data_are_asked_for_and_shown_under_neutral_names_with_the_notice(run, tongue):
    outcome = run("--unit", "成都", assessment__toml=ILLUSTRATIVE)
    assert outcome.exit_code == 2
    name = "Illustrative city 01" if tongue == "en" else "示意城市 01"
    outcome = run("--unit", name, assessment__toml=ILLUSTRATIVE)
    assert outcome.exit_code == 0, outcome.output
    assert name in outcome.output
    assert ("illustrative data, not observed" if tongue == "en" else "示意数据，非观测结果") in outcome.output
    assert not [city for city in ("苏州", "成都", "Suzhou", "Chengdu") if city in outcome.output]
    data = json.loads(run("--json", assessment__toml=ILLUSTRATIVE).output)
    assert data["notice"]["zh"] == "示意数据，非观测结果"
