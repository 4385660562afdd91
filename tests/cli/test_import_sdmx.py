"""`import sdmx` and `import coin-tool` on the command line: what they print, and how they end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import typer
from click.testing import Result as Outcome
from typer.testing import CliRunner

import citygauge as cg
from citygauge.cli import sdmx
from citygauge.cli.words import language

CHINESE = re.compile(r"[\u4e00-\u9fff]")
MESSAGE = "DATAFLOW,REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE\nN:C(1.0),1,a,2023,80\nN:C(1.0),2,a,2023,60\n"
NO_FACTS = "unit,indicator,period,value,supersedes\n"


@pytest.fixture(params=["en", "zh"])
def lang(request, monkeypatch):
    """The language is found once in a process."""
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    language.cache_clear()
    yield request.param
    language.cache_clear()


@pytest.fixture
def folder(workspace: Callable[..., Path]) -> Path:
    return workspace(observations__csv=NO_FACTS)


def call(*words: object) -> Outcome:
    app = typer.Typer()
    app.command("sdmx", help=sdmx.SDMX_HELP)(sdmx.sdmx)
    app.command("coin-tool", help=sdmx.COIN_TOOL_HELP)(sdmx.coin_tool)
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def write(folder: Path, text: str) -> Path:
    file = folder.parent / "cities.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_message_is_recorded_and_counted_in_the_language_of_the_call(folder, lang):
    file = write(folder, MESSAGE)
    done = call("sdmx", folder, file, "--producer", "NSO", "--licence", "CC0", "--date", "2024")
    assert done.exit_code == 0
    assert bool(CHINESE.search(done.stdout)) == (lang == "zh")
    assert re.search(r"新增2条|2 new facts", done.stdout)
    (source,) = cg.open(folder).sources.values()
    assert (source.producer, source.licence, source.date) == ("NSO", "CC0", "2024")
    assert cg.open(folder).observations.frame["collected_at"].null_count() == 0


def test_the_counts_are_there_as_json_and_corrections_are_made_on_demand(folder):
    assert json.loads(call("sdmx", folder, write(folder, MESSAGE), "--json").stdout)["new"] == 2
    changed = write(folder, MESSAGE.replace("80", "81"))
    refused = call("sdmx", folder, changed, "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["ok"]) == (2, False)
    done = json.loads(call("sdmx", folder, changed, "--correct", "--json").stdout)
    counts = [done[name] for name in ("ok", "new", "corrected", "known", "left_out")]
    assert counts == [True, 0, 1, 1, 0]


def test_a_map_is_named(folder):
    (folder / "imports").mkdir()
    (folder / "imports" / "office.toml").write_text('unit = "CITY"\n', encoding="utf-8")
    file = write(folder, MESSAGE.replace("REF_AREA", "CITY"))
    assert call("sdmx", folder, file).exit_code == 2
    assert call("sdmx", folder, file, "--map", "office").exit_code == 0


def test_what_is_no_message_ends_with_2_and_says_so(folder, lang):
    done = call("sdmx", folder, write(folder, "a,b\n1,2\n"))
    assert (done.exit_code, "sdmx.not-data" in done.stderr) == (2, True)
    assert bool(CHINESE.search(done.stderr)) == (lang == "zh")


def test_a_coin_tool_workbook_becomes_a_workspace(tmp_path, lang):
    book = openpyxl.Workbook()
    data, tree = book.active, book.create_sheet("Framework")
    data.title = "Database"
    for row, text in enumerate((1, 1, 0, 100, "Index", "--", "--", "--", "Lines", "Ind.01", 80, 60), 7):
        data.cell(row, 5, text)
    for row, name in ((17, "Suzhou"), (18, "Taizhou")):
        data.cell(row, 2, name)
        data.cell(row, 3, name[:2])
    for column, text in ((3, "Code"), (4, "Dimension/indicator"), (5, "Weight"), (8, "Name")):
        tree.cell(4, column, text)
    book.save(tmp_path / "tool.xlsx")
    done = call("coin-tool", tmp_path / "made", tmp_path / "tool.xlsx", "--period", "2023")
    assert (done.exit_code, bool(re.search("2 units, 1 indicators|2个评估对象，1项指标", done.stdout))) == (
        0,
        True,
    )
    assert cg.open(tmp_path / "made").settings.period == "2023"
    again = call("coin-tool", tmp_path / "made", tmp_path / "tool.xlsx", "--json")
    assert (again.exit_code, json.loads(again.stdout)["problems"][0]["code"]) == (2, "new.folder-exists")


def test_the_help_names_every_option():
    options = call("sdmx", "--help").stdout
    for option in ("--map", "--correct", "--source", "--producer", "--title", "--url", "--licence", "--date"):
        assert option in options
    assert "--period" in call("coin-tool", "--help").stdout
