"""`compare` on the command line, in both languages: tables, words, files, and all problems at once."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from click.testing import Result as Outcome
from typer.testing import CliRunner

from citygauge.cli.compare import compare
from citygauge.cli.words import language
from citygauge.problems import catalogue
from citygauge.report.charts.base import svg
from citygauge.report.comparison_page import slope_chart

POSTS = '[normalise]\nhow = "goalposts"\n'
SERVICE = 'weights = "service"\n' + POSTS
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
CITIES = ("苏州", "台州", "成都", "Suzhou", "Taizhou", "Chengdu")
SAID = {"en": ("up 1: +1 weights", "down 1: −1 weights"), "zh": ("上升1位：权重 +1", "下降1位：权重 −1")}
SCALE = """\
low = 0
high = 1
[[grade]]
id = "u"
name_zh = "上"
name_en = "upper"
from = 0.65
[[grade]]
id = "l"
name_zh = "下"
name_en = "lower"
"""
TABLES = {"comparison.csv", "summary.csv", "causes.csv", "leave_out.csv"}
PAGES = {"comparison.zh.html", "comparison.en.html"}


@pytest.fixture(params=["en", "zh"])
def tongue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    monkeypatch.setenv("COLUMNS", "300")
    language.cache_clear()
    yield request.param
    language.cache_clear()


@pytest.fixture
def folder(workspace: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes the workspace with a weight set and two method files.

    By hand: 0.68, 0.61 and 0.2 under a, 0.56, 0.67 and 0.2 under b, so that the first two change places.
    """
    sets = {"weights/service.csv": "code,weight\nP,0.2\nQ,0.8\n", "a.toml": POSTS, "b.toml": SERVICE}
    return lambda **files: workspace(**sets, **files)


def call(*words: object) -> Outcome:
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, [str(word) for word in words])


def codes(outcome: Outcome) -> list[str]:
    assert outcome.exit_code == 2, outcome.output
    return [p["code"] for p in json.loads(outcome.stdout)["problems"] if p["severity"] == "error"]


def test_ranks_shifts_and_causes_are_printed(folder, tongue):
    place = folder()
    done = call(place, place / "a.toml", place / "b.toml")
    assert done.exit_code == 0, done.output
    up, down = SAID[tongue]
    lines = [re.sub(r"[│\s]+", " ", line).strip() for line in done.stdout.splitlines()]
    names = ("Suzhou", "Taizhou", "Chengdu") if tongue == "en" else ("苏州", "台州", "成都")
    assert f"{names[0]} 1 2 {down}" in lines
    assert f"{names[1]} 2 1 {up}" in lines
    assert not any(line.startswith(names[2]) for line in lines)  # stays third
    assert (
        "Spearman 0.500, Kendall 0.333" if tongue == "en" else "斯皮尔曼 0.500，肯德尔 0.333"
    ) in done.stdout


def test_one_file_is_held_against_the_method_of_the_workspace(folder, tongue, monkeypatch):
    place = folder()
    data = json.loads(call(place, place / "b.toml", "--json").stdout)
    assert list(data["methods"]) == ["method", "b"]
    monkeypatch.chdir(place)
    assert json.loads(call("b.toml", "--json").stdout) == data
    assert json.loads(call(place / "b.toml", "--workspace", place, "--json").stdout) == data


def test_files_of_one_name_are_told_apart(folder, tongue):
    place = folder(**{"other/a.toml": SERVICE, "third/a.toml": SERVICE})
    paths = [place / name for name in ("a.toml", "other/a.toml", "third/a.toml")]
    done = call(place, *paths, "--json")
    assert list(json.loads(done.stdout)["methods"]) == ["a", "a-2", "a-3"]
    done = call(place, *paths)
    assert ("shift (a-2)" if tongue == "en" else "位次变化（a-2）") in done.stdout


def test_methods_that_agree_shift_nobody(folder, tongue):
    place = folder()
    done = call(place, place / "a.toml", place / "method.toml")
    assert done.exit_code == 0
    assert ("No city shifts." if tongue == "en" else "没有城市的位次变化。") in done.stdout


def test_a_difference_without_effect_and_changed_grades_are_told(folder, tongue):
    graded = '[grades]\nscale = "g"\n'
    place = folder(**{
        "grades/g.toml": SCALE, "c.toml": POSTS + graded,
        "d.toml": SERVICE + "[treat]\nthen = 'none'\n" + graded
    })  # fmt: skip
    out = call(place, place / "c.toml", place / "d.toml").stdout
    assert ("changes no rank or score: treat." if tongue == "en" else "不影响得分与名次：异常值处理。") in out
    grades = "Grades: Suzhou upper → lower (d), Taizhou lower → upper (d)"
    assert (grades if tongue == "en" else "等级：苏州 上 → 下 (d)，台州 下 → 上 (d)") in out


def test_nodes_are_left_out_by_level_and_by_code(folder, tongue):
    place = folder()
    data = json.loads(call(place, place / "a.toml", place / "b.toml", "--leave-out", 1, "--json").stdout)
    left = data["leave_out"]["a"]["summary"]
    assert [(row["removed"], round(row["mean_abs_shift"], 3)) for row in left] == [("P", 1), ("Q", 0)]
    out = call(place, place / "a.toml", place / "b.toml", "--leave-out", "P").stdout
    line = next(line for line in out.splitlines() if re.search(r"P (Pillar P|支柱乙|支柱甲)", line))
    assert re.findall(r"\d\.\d\d", line) == ["1.00", "0.00"]  # under b Q decides already


def test_tables_and_pages_are_written_and_written_over(folder, tongue, tmp_path):
    place, out = folder(), tmp_path / "new/out"
    words = (place, place / "a.toml", place / "b.toml", "--out", out)
    done = call(*words, "--leave-out", 1)
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} == TABLES | PAGES | {"comparison.json"}
    assert f"comparison.{tongue}.html" in done.stdout.replace("\n", "")
    with (out / "comparison.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["code"] == "I" and row["method"] == "b"]
    assert [(row["unit_code"], row["rank"], row["shift"]) for row in rows] == [
        ("1", "2", "-1"), ("2", "1", "1"), ("3", "3", "0")
    ]  # fmt: skip
    with (out / "causes.csv").open(encoding="utf-8") as file:
        causes = [(row["unit_code"], row["part"], float(row["rank_shift"])) for row in csv.DictReader(file)]
    assert causes == [("1", "weights", -1), ("2", "weights", 1), ("3", "weights", 0)]
    page = (out / f"comparison.{tongue}.html").read_text(encoding="utf-8")
    for text in ("苏州" if tongue == "zh" else "Suzhou", "<svg", *SAID[tongue]):
        assert text in page
    assert not re.search(r'(?:src|href)="http', page)
    assert call(*words).exit_code == 0  # without nodes left out
    assert {path.name for path in out.iterdir()} == (TABLES | PAGES | {"comparison.json"}) - {"leave_out.csv"}


def test_a_folder_with_other_files_is_left_alone(folder, tongue, tmp_path):
    place = folder()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("x", encoding="utf-8")
    words = (place, place / "a.toml", place / "b.toml", "--json", "--out")
    assert codes(call(*words, tmp_path / "out")) == ["out.foreign-folder"]
    assert codes(call(*words, tmp_path / "out/mine.txt")) == ["out.foreign-folder"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_on_illustrative_data_no_city_is_named_and_the_notice_is_everywhere(folder, tongue, tmp_path):
    place, out = folder(assessment__toml=ILLUSTRATIVE), tmp_path / "out"
    words = (place, place / "a.toml", place / "b.toml", "--leave-out", 1)
    done = call(*words, "--out", out)
    assert done.exit_code == 0, done.output
    notice = {"en": "illustrative data, not observed", "zh": "示意数据，非观测结果"}
    assert notice[tongue] in done.stdout
    assert ("Illustrative city 01" if tongue == "en" else "示意城市 01") in done.stdout
    shown = done.stdout + call(*words, "--json").stdout
    for path in out.iterdir():
        text = path.read_text(encoding="utf-8")
        assert notice["zh"] in text or notice["en"] in text, path.name
        shown += text
    assert not [city for city in CITIES if city in shown]
    with (out / "comparison.csv").open(encoding="utf-8") as file:
        assert {row["unit_code"] for row in csv.DictReader(file)} == {f"示意城市 0{i}" for i in (1, 2, 3)}
    page = (out / "comparison.en.html").read_text(encoding="utf-8")
    assert page.count(notice["en"]) >= 4  # under the title, in the chart, over the tables
    same = call(place, place / "a.toml", place / "method.toml")
    assert notice[tongue] in same.stdout


def test_all_unreadable_methods_are_told_at_once_with_the_workspace(folder, tongue):
    place = folder(**{
        "bad.toml": "weights = \n", "worse.toml": "[normalise]\nhow = 'magic'\nhwo = 1\n",
        "units__csv": "unit,name_zh\n1,苏州\n1,台州\n",
    })  # fmt: skip
    done = call(place, place / "bad.toml", place / "worse.toml", place / "gone.toml", "--json")
    found = json.loads(done.stdout)["problems"]
    assert done.exit_code == 2
    places = {(p["code"], Path(p["where"].get("file", "")).name) for p in found}
    assert {
        ("file.not-toml", "bad.toml"), ("method.bad-value", "worse.toml"),
        ("method.unknown-key", "worse.toml"), ("file.not-found", "gone.toml"),
    } <= places  # fmt: skip
    assert any(code.startswith("units.") for code, _ in places)


def test_a_broken_method_of_the_workspace_matters_only_where_it_is_compared(folder, tongue):
    place = folder(method__toml="weights = \n")
    assert call(place, place / "a.toml", place / "b.toml").exit_code == 0
    assert "file.not-toml" in codes(call(place, place / "a.toml", "--json"))


def test_too_few_methods_two_workspaces_and_wrong_nodes_are_refused(folder, tongue, tmp_path):
    place = folder()
    pair = (place / "a.toml", place / "b.toml", "--json")
    assert codes(call(place, "--json")) == ["compare.too-few"]
    (tmp_path / "other").mkdir()
    assert "compare.two-workspaces" in codes(call(place, tmp_path / "other", *pair))
    assert codes(call(tmp_path / "other", *pair)) == ["settings.no-workspace"]
    assert codes(call(place, *pair, "--code", "p")) == ["compare.unknown-node"]
    assert codes(call(place, *pair, "--leave-out", 7)) == ["compare.unknown-level"]
    assert codes(call(place, *pair, "--leave-out", "I")) == ["compare.no-weight"]
    assert codes(call(place, *pair, "--leave-out", "x")) == ["compare.unknown-node"]


def test_the_node_that_is_asked_for_is_compared(folder, tongue):
    place = folder()
    done = call(place, place / "a.toml", place / "b.toml", "--code", "Q", "--json")
    data = json.loads(done.stdout)
    assert (data["code"], {row["code"] for row in data["comparison"]}) == ("Q", {"Q"})
    assert (data["causes"]["b"]["parts"], data["causes"]["b"]["idle"]) == ([], ["weights"])


def test_units_at_one_rank_share_a_label_and_in_a_crowd_only_those_that_shift_are_named():
    def texts(*units):
        rows = [
            {"unit": str(i), "label": f"City {i}", "kind": kind, "method": method, "rank": rank}
            for i, (kind, *ranks) in enumerate(units)
            for method, rank in zip("ab", ranks, strict=True)
        ]
        drawn = svg(slope_chart(rows, ["a", "b"], "en", illustrative=False))
        return re.findall(r">([^<>]* · [^<>]*)<", drawn)

    few = texts(("up", 2, 1), ("rest", 1, 2), ("rest", 2, 2))
    assert few == ["City 1 · 1", "City 0, City 2 · 2", "1 · City 0", "2 · City 1, City 2"]
    crowd = texts(("up", 2, 1), *(("rest", i, i) for i in range(3, 200)))
    assert crowd == ["City 0 · 2", "1 · City 0"]


def test_every_problem_of_comparing_is_in_the_catalogue():
    assert {code for code in catalogue() if code.startswith("compare.")} == {
        "compare.cannot-run", "compare.fewer-orders", "compare.no-order", "compare.no-weight",
        "compare.nothing-left", "compare.too-few", "compare.two-workspaces", "compare.unknown-level",
        "compare.unknown-node",
    }  # fmt: skip
