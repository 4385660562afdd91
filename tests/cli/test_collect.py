"""`citygauge collect`: workbooks go out, come back, and what is wrong with them is said."""

from __future__ import annotations

import json
import re
from pathlib import Path

import openpyxl
import pytest
from click.testing import Result as Outcome
from typer.testing import CliRunner

from citygauge.cli.main import app
from citygauge.cli.words import language
from conftest import SOURCED

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SETTINGS = 'framework = "framework.csv"\nperiod = "2023"\nname_zh = "试评"\nname_en = "Trial"\n'


@pytest.fixture(params=["en", "zh"])
def lang(request, monkeypatch):
    """The language is found once in a process."""
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    language.cache_clear()
    yield request.param
    language.cache_clear()


@pytest.fixture
def folder(workspace) -> Path:
    place = workspace(observations__csv=SOURCED.replace("2023", "2022"), assessment__toml=SETTINGS)
    (place / "sources.csv").write_text("id,producer,title\ns,统计局,年鉴\n", encoding="utf-8")
    return place


def call(*words: object) -> Outcome:
    return CliRunner().invoke(app, ["collect", *(str(word) for word in words)], catch_exceptions=False)


def fill(path: Path, number: int, cells: dict[str, object]) -> Path:
    book = openpyxl.load_workbook(path)
    for address, typed in cells.items():
        book.worksheets[number][address] = typed
    book.save(path)
    return path


def test_workbooks_are_written_filled_and_read(folder, lang):
    done = call("workbook", folder, "--json")
    paths = [Path(path) for path in json.loads(done.stdout)["workbooks"]]
    assert (done.exit_code, len(paths)) == (0, 3)
    assert paths[0].name == ("1_苏州.xlsx" if lang == "zh" else "1_Suzhou.xlsx")
    fill(paths[0], 1, {"G5": 81, "G6": 3})
    read = call("read", folder, paths[0])
    assert (read.exit_code, bool(CHINESE.search(read.stdout.replace("苏州", "")))) == (0, lang == "zh")
    assert re.search(r"新增2条|2 new facts", read.stdout)
    assert json.loads(call("read", folder, paths[0], "--json").stdout)["books"][0]["known"] == 2


def test_faulty_cells_end_with_2_say_their_address_and_the_good_rows_are_recorded(folder, lang):
    path = fill(Path(json.loads(call("workbook", folder, "--unit", "1", "--json").stdout)["workbooks"][0]), 1,
                {"G5": 81, "G6": "三天"})  # fmt: skip
    data = json.loads((done := call("read", folder, path, "--json")).stdout)
    assert (done.exit_code, data["ok"], data["recorded"], data["waiting"]) == (2, False, 1, 1)
    (problem,) = data["problems"]
    assert (problem["code"], problem["where"]["row"]) == ("collect.text-for-number", 6)
    assert problem["where"]["column"].startswith("G6 ")
    assert Path(data["books"][0]["to_correct"]).is_file()
    printed = call("read", folder, path)
    assert (printed.exit_code, "G6" in printed.stderr) == (2, True)
    assert re.search("标注副本：|Marked copy: ", printed.stdout)


def test_a_refused_book_and_an_unknown_city_end_with_2(folder, lang, tmp_path):
    openpyxl.Workbook().save(tmp_path / "foreign.xlsx")
    done = call("read", folder, tmp_path / "foreign.xlsx")
    assert (done.exit_code, "collect.not-ours" in done.stderr) == (2, True)
    assert re.search("未读入|not read", done.stdout)
    assert call("workbook", folder, "--unit", "杭州").exit_code == 2


def test_confirmations_are_written_answered_and_read(folder, lang):
    settings = (folder / "assessment.toml").read_text(encoding="utf-8").replace("2023", "2022")
    (folder / "assessment.toml").write_text(settings, encoding="utf-8")
    done = call("confirm", folder, "--unit", "1")
    assert done.exit_code == 0
    path = Path(done.stdout.splitlines()[0])
    assert path.name == ("1_苏州_确认函.xlsx" if lang == "zh" else "1_Suzhou_confirmation.xlsx")
    answer = {"J5": "确认", "J6": "申诉", "K6": 4, "M6": "笔误", "O6": "采纳", "P6": "王五"}
    path = fill(path, 1, answer)
    refused = call("read", folder, path)  # nobody says that the institute entered the decision
    assert (refused.exit_code, "collect.decision-not-reviewed" in refused.stderr) == (2, True)
    read = call("read", folder, path, "--reviewed")
    assert read.exit_code == 0
    assert re.search("登记1条意见，其中采纳申诉1条|1 answers logged, 1 of them accepted appeals", read.stdout)
    assert re.search("(更正：1 |corrected: 1, ).+K6.+ → 4", read.stdout)
    assert (folder / "confirmations.csv").read_text(encoding="utf-8").count("\n") == 3


def test_another_period_may_be_named_for_writing_and_for_reading(folder, lang):
    written = call("workbook", folder, "--unit", "1", "--period", "2024", "--contact", "评估院", "--json")
    path = fill(Path(json.loads(written.stdout)["workbooks"][0]), 1, {"G5": 90})
    assert "collect.other-period" in call("read", folder, path).stderr
    assert call("read", folder, path, "--period", "2024").exit_code == 0


def test_every_error_is_printed_however_many_there_are_of_a_kind(folder, lang):
    path = Path(json.loads(call("workbook", folder, "--unit", "1", "--json").stdout)["workbooks"][0])
    strays = {f"L{row}": f"外{row}" for row in range(5, 30)}
    read = call("read", folder, fill(path, 1, strays))
    assert read.exit_code == 2
    assert all(f"L{row}" in read.stderr for row in range(5, 30))
    assert re.search("25个错误|25 errors", read.stderr)
