"""`panel` on the command line: what it writes, prints and refuses, in both languages."""

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

from citygauge.cli.panel import panel
from citygauge.cli.words import language
from citygauge.score.method import Method

# By hand, with the goalposts of the shared framework: unit 1 has the index 0.47 in 2020 and 0.68 in 2022,
# unit 2 has 0.61 in both, unit 3 has 1.0 in 2022 alone.
FACTS = """\
unit,indicator,period,value
1,a,2020,40
1,b,2020,5
1,c,2020,50
2,a,2020,60
2,b,2020,5
2,c,2020,70
1,a,2022,80
1,b,2022,2
1,c,2022,50
2,a,2022,60
2,b,2022,5
2,c,2022,70
3,a,2022,100
3,b,2022,0
3,c,2022,100
"""
UNITS = "unit,name_zh,name_en\n1,苏州,[b]Suzhou\n2,台州,Taizhou\n3,成都,Chengdu\n"
BREAKS = "indicator,unit,from_period,kind,note_zh,note_en\na,1,2021,definition,口径变化,new <definition>\n"
FILES = {"scores.csv", "trends.csv", "value_trends.csv", "ranks.csv", "breaks.csv", "method.toml", "run.json",
         "panel.zh.html", "panel.en.html"}  # fmt: skip
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
NAMES = ("苏州", "台州", "成都", "Suzhou", "Taizhou", "Chengdu")


BOTH = pytest.mark.parametrize("tongue", ["en", "zh"], indirect=True)


@pytest.fixture
def tongue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    tag = getattr(request, "param", "en")
    monkeypatch.setenv("CITYGAUGE_LANG", tag)
    monkeypatch.setenv("COLUMNS", "300")
    language.cache_clear()
    yield tag
    language.cache_clear()


@pytest.fixture
def run(workspace: Callable[..., Path]) -> Callable[..., tuple[Outcome, Path]]:
    app = typer.Typer()
    app.command()(panel)

    def call(*options: str, **files: str) -> tuple[Outcome, Path]:
        folder = workspace(
            **{"observations__csv": FACTS, "units__csv": UNITS, "breaks__csv": BREAKS, **files}
        )
        return CliRunner().invoke(app, [str(folder), *options]), folder

    return call


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@BOTH
def test_all_files_are_written_and_the_largest_moves_printed(run, tongue):
    outcome, folder = run()
    assert outcome.exit_code == 0, outcome.output
    place = folder / "panel"
    assert {path.name for path in place.iterdir()} == FILES
    lines = outcome.output.splitlines()
    line = next(line for line in lines if ("[b]Suzhou" if tongue == "en" else "苏州") in line)
    assert "2 → 1" in line
    assert "+1" in line
    assert "0.470 → 0.680" in line
    assert "0.210" in line
    assert ("(break)" if tongue == "en" else "（有中断）") in line
    assert any("1 → 2" in line and "-1" in line for line in lines)
    assert str(place) in outcome.output
    assert "[panel.breaks]" in outcome.output
    assert "[panel.units-differ]" in outcome.output


def test_the_files_hold_every_period(run, tongue):
    _, folder = run()
    place = folder / "panel"
    scores = rows(place / "scores.csv")
    assert list(scores[0]) == ["period", "unit_code", "code", "level", "value", "rank", "grade"]
    assert {row["period"] for row in scores} == {"2020", "2022"}
    one = next(row for row in scores if (row["period"], row["unit_code"], row["code"]) == ("2022", "1", "I"))
    assert float(one["value"]) == pytest.approx(0.68)
    assert rows(place / "ranks.csv")[0] == {
        "unit_code": "1", "code": "I", "level": "0", "2020": "2", "2022": "2"}  # fmt: skip
    trend = next(row for row in rows(place / "trends.csv") if (row["unit_code"], row["code"]) == ("1", "I"))
    assert float(trend["change"]) == pytest.approx(0.21)
    assert (trend["broken"], trend["reason"], trend["rank_change_common"]) == ("2021", "", "1")
    values = {(row["unit_code"], row["code"]): row for row in rows(place / "value_trends.csv")}
    assert (values["1", "a"]["change"], values["1", "a"]["reason"]) == ("", "break")
    assert (values["1", "b"]["change"], values["1", "b"]["direction"]) == ("-3.0", "-1")
    assert rows(place / "breaks.csv") == [dict(zip(*map(_cells, BREAKS.splitlines()), strict=True))]
    record = json.loads((place / "run.json").read_text(encoding="utf-8"))
    assert (record["periods"], record["units"]) == (["2020", "2022"], {"2020": 3, "2022": 3})
    assert set(record["files"]) == FILES
    assert set(record["hashes"]) == {"data", "framework", "method", "breaks"}
    method = Method.from_toml((place / "method.toml").read_text(encoding="utf-8"))
    assert method.hash == record["hashes"]["method"]


def _cells(line: str) -> list[str]:
    return line.split(",")


def test_the_page_is_whole_in_each_language_and_needs_no_network(run, tongue):
    _, folder = run()
    for tag, title, kind in (("zh", "历期比较", "定义变化"), ("en", "Periods compared", "definition")):
        page = (folder / "panel" / f"panel.{tag}.html").read_text(encoding="utf-8")
        assert title in page
        assert kind in page
        assert "0.680" in page
        assert ("new &lt;definition&gt;" if tag == "en" else "口径变化") in page
        assert not re.search(r'(src|href)="https?:', page.replace('xmlns:xlink="http', ""))
        assert "<svg" in page
    english = (folder / "panel" / "panel.en.html").read_text(encoding="utf-8")
    body = english[english.index("<body>") :]
    assert not re.search("[\u4e00-\u9fff]", body)


def test_the_same_workspace_gives_the_same_bytes(run, tongue):
    _, folder = run()
    first = {path.name: path.read_bytes() for path in (folder / "panel").iterdir()}
    run("--out", str(folder / "again"))
    assert {path.name: path.read_bytes() for path in (folder / "again").iterdir()} == first


def test_periods_can_be_chosen_and_json_tells_the_outcome(run, tongue, tmp_path):
    facts = FACTS + "1,a,2021,50\n1,b,2021,5\n1,c,2021,50\n"
    out = tmp_path / "out"
    outcome, _ = run(
        "--period", "2021", "--period", "2022", "--out", str(out), "--json", observations__csv=facts
    )
    assert outcome.exit_code == 0, outcome.output
    data = json.loads(outcome.stdout)
    assert (data["ok"], data["periods"], data["results"]) == (True, ["2021", "2022"], str(out))
    assert data["movers"] == []
    assert (out / "run.json").is_file()


@BOTH
def test_nothing_moved_is_said(run, tongue):
    facts = "\n".join(line for line in FACTS.splitlines() if not line.startswith("1,")) + "\n"
    outcome, _ = run(observations__csv=facts, breaks__csv="from_period,kind\n")
    assert ("No unit changed its rank." if tongue == "en" else "没有城市的名次发生变化。") in outcome.output


@pytest.mark.parametrize(
    ("options", "files", "code"),
    [
        (("--period", "1999"), {}, "settings.unknown-period"),
        (("--period", "2022"), {}, "settings.one-period"),
        ((), {"breaks__csv": "indicator,from_period,kind\nx,2022,source\n"}, "breaks.unknown-indicator"),
    ],
)
def test_problems_are_written_and_nothing_else(run, tongue, options, files, code):
    outcome, folder = run(*options, **files)
    assert outcome.exit_code == 2
    assert f"[{code}]" in outcome.output
    assert [path.name for path in (folder / "panel").iterdir()] == ["problems.json"]
    told = json.loads((folder / "panel" / "problems.json").read_text(encoding="utf-8"))
    assert code in {problem["code"] for problem in told["problems"]}


def test_a_good_run_takes_the_place_of_a_failed_one_and_a_foreign_folder_is_refused(run, tongue):
    run("--period", "1999")
    outcome, folder = run()
    assert outcome.exit_code == 0
    assert {path.name for path in (folder / "panel").iterdir()} == FILES
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    outcome, _ = run("--out", str(folder / "mine"))
    assert outcome.exit_code == 2
    assert "[out.foreign-folder]" in outcome.output
    assert [path.name for path in (folder / "mine").iterdir()] == ["notes.txt"]


@BOTH
def test_illustrative_data_name_nobody_in_any_file_or_line(run, tongue):
    outcome, folder = run(assessment__toml=ILLUSTRATIVE)
    assert outcome.exit_code == 0, outcome.output
    assert ("Illustrative city 02" if tongue == "en" else "示意城市 02") in outcome.output
    assert ("illustrative data" if tongue == "en" else "示意数据") in outcome.output
    texts = [path.read_text(encoding="utf-8") for path in (folder / "panel").iterdir()]
    for text in (outcome.output, *texts):
        assert not [name for name in NAMES if name in text]
    for name in ("scores", "trends", "value_trends", "ranks", "breaks"):
        assert "illustrative data, not observed" in (folder / "panel" / f"{name}.csv").read_text("utf-8")
    (told,) = rows(folder / "panel" / "breaks.csv")
    assert (told["unit"], told["note_zh"], told["note_en"]) == ("示意城市 02", "", "")


def test_a_large_panel_names_only_the_largest_moves_on_its_chart(run, tongue):
    many = range(120)
    units = "unit,name_zh,name_en\n" + "".join(f"{i},城{i},City {i}.\n" for i in many)
    facts = "unit,indicator,period,value\n" + "".join(
        f"{i},{code},{year},{value}\n"
        for i in many
        for code in "ac"
        for year, value in (("2020", i / 2), ("2022", 100 - i / 2 if i in {0, 119} else i / 2))
    )
    outcome, folder = run(units__csv=units, observations__csv=facts, breaks__csv="from_period,kind\n")
    assert outcome.exit_code == 0, outcome.output
    page = (folder / "panel" / "panel.en.html").read_text(encoding="utf-8")
    chart = page[page.index("<svg") : page.index("</svg>")]
    drawn = set(re.findall(r">[0-9 ]*(City \d+)\.[0-9 ]*</text>", chart))
    assert {"City 0", "City 119"} <= drawn
    assert len(drawn) <= 10
