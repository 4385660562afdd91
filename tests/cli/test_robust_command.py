"""`robust` on the command line: what it writes, prints and refuses, in both languages."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from click.testing import Result as Outcome
from typer.testing import CliRunner

import citygauge as cg
from citygauge.analyse.robust.spec import Spec, read_spec
from citygauge.cli.robust import robust
from citygauge.cli.robust_told import percent
from citygauge.cli.words import language
from citygauge.problems import Problems
from citygauge.report.files import write_results
from conftest import METHOD, ROOT, SOURCED

FILES = {
    "summary.csv", "stability.csv", "pairs.csv", "told_apart.csv", "convergence.csv", "indices.csv",
    "tornado.csv", "regional.csv", "weight_intervals.csv", "weight_intervals_nodes.csv", "leave_one_out.csv",
    "histogram.npz", "robust.toml", "run.json", "slider.zh.html", "slider.en.html",
}  # fmt: skip
FACTS = SOURCED.replace(",s\n", ",\n")
GRADED = METHOD + '[grades]\nscale = "smart-2021"\n'
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
QUICK = ("--n", "300", "--samples", "64")
SPEC = """\
n = 250
samples = 32
seed = 9
[[factor]]
key = "aggregate.how"
values = ["arithmetic", "harmonic"]
[[factor]]
weights = {share = 0.3}
[[factor]]
edges = 0.05
"""
RUNS = "run,weights,aggregate.how\n1,one,arithmetic\n2,two,geometric\n3,default,\n"
SETS = "set,code,weight\none,P,1\none,Q,3\ntwo,P,1\ntwo,Q,1\n"
NAMES = ("苏州", "台州", "成都", "Suzhou", "Taizhou", "Chengdu")

BOTH = pytest.mark.parametrize("tongue", ["en", "zh"], indirect=True)
app = typer.Typer()
app.command()(robust)


@pytest.fixture(autouse=True)
def tongue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    tag = getattr(request, "param", "en")
    monkeypatch.setenv("CITYGAUGE_LANG", tag)
    monkeypatch.setenv("COLUMNS", "300")
    language.cache_clear()
    yield tag
    language.cache_clear()


@pytest.fixture
def run(workspace: Callable[..., Path]) -> Callable[..., tuple[Outcome, Path]]:
    def call(*options: str | Path, **files: str) -> tuple[Outcome, Path]:
        folder = workspace(**{"observations__csv": FACTS, "method__toml": GRADED, **files})
        return CliRunner().invoke(app, [str(folder), *map(str, options)]), folder

    return call


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def columns(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()[0].split(",")


@BOTH
def test_all_files_are_written_and_the_ranks_printed(run, tongue):
    outcome, folder = run(*QUICK, robust__toml="[[factor]]\nweights = {share = 0.9}\n")
    assert outcome.exit_code == 0, outcome.output
    place = folder / "results" / "robust"
    assert {path.name for path in place.iterdir()} == FILES
    city, other = ("Suzhou", "苏州") if tongue == "en" else ("苏州", "Suzhou")
    line = next(line for line in outcome.output.splitlines() if city in line)
    assert other not in line
    said = (
        ("Surest ranks", "Most disputable", "Results: ")
        if tongue == "en"
        else ("名次最确定", "名次最易变", "结果：")
    )
    assert all(text in outcome.output for text in said)
    share = "Share of the mean rank shift" if tongue == "en" else "对平均名次变化的贡献"
    assert re.search(rf"{share}.*weights \d+%", outcome.output)
    assert str(place) in outcome.output
    if tongue == "zh":
        assert not re.search(r"\b(ranks|replications|median|probability)\b", outcome.output)


def test_files_have_the_columns_of_the_contract(run):
    _, folder = run(*QUICK)
    place = folder / "results" / "robust"
    grades = [f"p_grade_{grade.id}" for grade in cg.assess(cg.open(folder)).scale.grades]
    start = ["unit_code", "rank_published", "rank_median", "rank_p05", "rank_p95"]
    assert columns(place / "summary.csv")[: 5 + len(grades)] == [*start, *grades]
    assert columns(place / "indices.csv") == [
        "output", "factor", "S1", "S1_low", "S1_high", "ST", "ST_low", "ST_high",
    ]  # fmt: skip
    summary = {row["unit_code"]: row for row in rows(place / "summary.csv")}
    with np.load(place / "histogram.npz", allow_pickle=False) as data:
        assert int(data["n"]) == 300
        assert data["ranks"].sum(axis=1).tolist() == [300] * 3
        for unit, counts in zip(data["unit_code"].tolist(), data["ranks"], strict=True):
            drawn = np.repeat([1, 2, 3], counts)
            assert float(summary[unit]["rank_median"]) == np.median(drawn)
            assert float(summary[unit]["rank_p95"]) == pytest.approx(np.quantile(drawn, 0.95))
    record = json.loads((place / "run.json").read_text(encoding="utf-8"))
    assert (record["replications"], record["samples"], record["seed"]) == (300, 64, 1)
    assert record["factors"] == ["weights.1", "weights.2"]
    assert set(record["files"]) == FILES


def test_the_specification_that_is_written_is_the_one_that_ran(run):
    _, folder = run(*QUICK, "--seed", "5", robust__toml=SPEC)
    problems = Problems()
    place = folder / "results" / "robust"
    again = read_spec(place / "robust.toml", problems)
    assert not len(problems)
    assert isinstance(again, Spec)
    assert (again.n, again.samples, again.seed) == (300, 64, 5)
    assert [factor.name for factor in again.factor] == ["aggregate.how", "weights", "edges"]
    record = json.loads((place / "run.json").read_text(encoding="utf-8"))
    assert record["specification"] == again.hash
    assert f"# sha256 {again.hash}" in (place / "robust.toml").read_text(encoding="utf-8")
    first = (place / "summary.csv").read_bytes()
    run("--spec", place / "robust.toml", "--out", folder / "again")
    assert (folder / "again" / "summary.csv").read_bytes() == first


def test_the_specification_of_the_workspace_counts_unless_another_is_named(run, tmp_path):
    outcome, folder = run(robust__toml=SPEC)
    assert outcome.exit_code == 0, outcome.output
    record = folder / "results" / "robust" / "run.json"
    assert json.loads(record.read_text(encoding="utf-8"))["replications"] == 250
    other = tmp_path / "other.toml"
    other.write_text("n = 120\nsamples = 0\n", encoding="utf-8")
    outcome, folder = run("--spec", other)
    told = json.loads(record.read_text(encoding="utf-8"))
    assert (told["replications"], told["factors"]) == (120, ["weights.1", "weights.2"])
    assert not (folder / "results" / "robust" / "indices.csv").exists()


def test_json_holds_the_summary_and_nothing_else_is_printed(run):
    outcome, folder = run(*QUICK, "--json")
    told = json.loads(outcome.stdout)
    assert told["ok"] is True
    assert told["replications"] == 300
    assert told["factors"] == ["weights.1", "weights.2"]
    units = [row["unit_code"] for row in told["summary"]]
    assert units == [row["unit_code"] for row in rows(folder / "results" / "robust" / "summary.csv")]


def test_another_seed_gives_other_figures_and_the_same_seed_the_same(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(*QUICK, "--seed", seed, "--out", tmp_path / name)
    read = {name: (tmp_path / name / "histogram.npz").read_bytes() for name in "abc"}
    assert read["a"] == read["b"]
    assert read["a"] != read["c"]


@pytest.mark.parametrize(
    ("options", "files", "code"),
    [
        ((), {"robust__toml": "n = 0\n"}, "robust.bad-value"),
        ((), {"robust__toml": "nn = 5\n"}, "robust.unknown-key"),
        ((), {"robust__toml": "n = \n"}, "file.not-toml"),
        (("--spec", "nowhere.toml"), {}, "file.not-found"),
        (("--n", "2000000000"), {}, "robust.bad-value"),
        (("--seed", str(2**63)), {}, "robust.bad-value"),
        ((), {"robust__toml": '[[factor]]\nleave_out = {codes = ["zz"]}\n'}, "robust.unknown-code"),
        ((), {"robust__toml": '[[factor]]\nkey = "normalise.how"\nvalues = ["zscore", "rank"]\n'
                              '[[factor]]\nkey = "aggregate.how"\nvalues = ["geometric", "arithmetic"]\n'},
         "robust.impossible"),
        (("--against", "2020"), {}, "settings.unknown-period"),
        (("--method", "nowhere.toml"), {}, "file.not-found"),
        (("--runs", "nowhere.csv"), {}, "file.not-found"),
    ],
)  # fmt: skip
def test_bad_input_is_told_and_nothing_else_written(run, options, files, code):
    outcome, folder = run("--n", "50", "--samples", "0", *options, **files)
    assert outcome.exit_code == 2, outcome.output
    assert f"[{code}]" in outcome.output
    place = folder / "results" / "robust"
    assert [path.name for path in place.iterdir()] == ["problems.json"]
    told = json.loads((place / "problems.json").read_text(encoding="utf-8"))
    assert told["ok"] is False
    assert code in {problem["code"] for problem in told["problems"]}
    assert [path.name for path in (folder / "results").iterdir()] == ["robust"]


@BOTH
def test_faults_are_told_in_the_language_of_the_screen(run, tongue):
    outcome, _ = run(robust__toml='[[factor]]\nweights = {share = 0.1, sets = "s.csv"}\n')
    assert outcome.exit_code == 2
    said = {
        "en": "give one of share, concentration and sets",
        "zh": "应从 share、concentration、sets 中给出一项",
    }
    assert said.pop(tongue) in outcome.output
    assert said.popitem()[1] not in outcome.output


def test_a_run_that_fails_leaves_an_earlier_one_and_the_next_takes_its_problems_away(run):
    run(*QUICK)
    outcome, folder = run("--n", "50", robust__toml="n = 0\n")
    place = folder / "results" / "robust"
    assert outcome.exit_code == 2
    assert {path.name for path in place.iterdir()} == {*FILES, "problems.json"}
    (folder / "robust.toml").unlink()
    outcome, _ = run(*QUICK)
    assert outcome.exit_code == 0
    assert {path.name for path in place.iterdir()} == FILES


@pytest.mark.parametrize("option", [(), ("--runs", "runs")])
def test_a_folder_that_is_not_ours_is_refused(run, tmp_path, option):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine", encoding="utf-8")
    runs = tmp_path / "runs.csv"
    runs.write_text("run,weights\n1,equal\n", encoding="utf-8")
    options = ("--runs", runs) if option else QUICK
    outcome, folder = run(*options, "--out", mine)
    assert outcome.exit_code == 2, outcome.output
    assert "[out.foreign-folder]" in outcome.output
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    assert not (folder / "results").exists()


YEARS = "unit,indicator,period,value\n" + "".join(
    f"{unit},{code},{year},{value}\n"
    for year, figures in {
        "2020": {"1": (80, 2, 50), "2": (60, 5, 70), "3": (10, 9, 20)},
        "2023": {"1": (30, 8, 10), "2": (60, 5, 70), "3": (95, 1, 95)},
    }.items()
    for unit, own in figures.items()
    for code, value in zip("abc", own, strict=True)
)


@BOTH
def test_changes_since_an_earlier_period_are_written_and_told(run, tongue):
    """By hand 3 rises from last to first in every respect, and 1 falls from above it to last."""
    settings = 'framework = "framework.csv"\nperiod = "2023"\n'
    outcome, folder = run(*QUICK, "--against", "2020", observations__csv=YEARS, assessment__toml=settings)
    assert outcome.exit_code == 0, outcome.output
    changes = {row["unit_code"]: row for row in rows(folder / "results" / "robust" / "rank_changes.csv")}
    assert (changes["3"]["verdict"], changes["3"]["rank_change"]) == ("better", "2")
    assert changes["1"]["verdict"] == "worse"
    city = "Chengdu" if tongue == "en" else "成都"
    assert f"{city} +2" in outcome.output
    assert ("Surely up" if tongue == "en" else "确定上升") in outcome.output


@BOTH
def test_given_runs_are_done_again(run, tongue, tmp_path):
    for name, text in (("runs", RUNS), ("sets", SETS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    outcome, folder = run("--runs", tmp_path / "runs.csv", "--weights", tmp_path / "sets.csv")
    assert outcome.exit_code == 0, outcome.output
    place = folder / "results" / "robust"
    assert {path.name for path in place.iterdir()} == {
        "scores.csv", "ranks.csv", "summary.csv", "histogram.npz", "run.json",
    }  # fmt: skip
    assert columns(place / "scores.csv") == ["run", "unit_code", "value"]
    values = {(row["run"], row["unit_code"]): float(row["value"]) for row in rows(place / "scores.csv")}
    # Unit 1 has P = 0.8 and Q = 0.5; in the second run P = √(0.8 · 0.8).
    assert values["1", "1"] == pytest.approx(0.25 * 0.8 + 0.75 * 0.5)
    assert values["2", "1"] == pytest.approx((0.8 * 0.5) ** 0.5)
    assert values["3", "1"] == pytest.approx(0.6 * 0.8 + 0.4 * 0.5)
    assert ("3 runs done again" if tongue == "en" else "已重算3次运行") in outcome.output


def test_runs_that_cannot_be_done_leave_nothing(run, tmp_path):
    runs = tmp_path / "runs.csv"
    runs.write_text("run,weights,normalise.how\n1,nobody,\n2,equal,nonsense\n", encoding="utf-8")
    outcome, folder = run("--runs", runs)
    assert outcome.exit_code == 2
    assert "[method.unknown-weights]" in outcome.output
    assert [path.name for path in (folder / "results" / "robust").iterdir()] == ["problems.json"]


def text_of(path: Path) -> str:
    if path.suffix != ".npz":
        return path.read_text(encoding="utf-8")
    with np.load(path, allow_pickle=False) as data:
        return " ".join(data["unit_code"].tolist())


@BOTH
def test_on_illustrative_data_no_file_and_no_line_names_a_unit(run, tongue, tmp_path):
    """Codes are made that nothing else could hold."""
    swap = {"1": "uuA1", "2": "uuB2", "3": "uuC3"}
    facts = re.sub(r"(?m)^(\d),", lambda found: swap[found[1]] + ",", FACTS)
    units = "unit,name_zh,name_en,size,circle\n" + "".join(
        f"{swap[c]},{zh},{en},{size},x\n"
        for c, zh, en, size in (
            ("1", "苏州", "Suzhou", 30),
            ("2", "台州", "Taizhou", 20),
            ("3", "成都", "Chengdu", 10),
        )
    )
    runs = tmp_path / "runs.csv"
    runs.write_text("run,weights\n1,equal\n2,default\n", encoding="utf-8")
    given = {"observations__csv": facts, "units__csv": units, "assessment__toml": ILLUSTRATIVE}
    named = {*swap.values(), *NAMES}
    for options in ((*QUICK,), (*QUICK, "--json"), ("--runs", runs), ("--runs", runs, "--json")):
        outcome, folder = run(*options, **given)
        assert outcome.exit_code == 0, outcome.output
        assert [name for name in named if name in outcome.output] == []
        for path in (folder / "results" / "robust").iterdir():
            assert [name for name in named if name in text_of(path)] == [], path.name
            if path.suffix == ".csv":
                assert "illustrative data, not observed" in text_of(path)


def test_on_illustrative_data_no_factor_screens_units_by_name(run):
    spec = '[[factor]]\nkey = "screen.exclude"\nvalues = [["2"], []]\n'.replace('"2"', '"uuB2"')
    facts = FACTS.replace("\n2,", "\nuuB2,")
    units = "unit,name_zh,name_en\n1,苏州,Suzhou\nuuB2,台州,Taizhou\n3,成都,Chengdu\n"
    given = {"observations__csv": facts, "units__csv": units, "assessment__toml": ILLUSTRATIVE}
    outcome, folder = run(*QUICK, **given, robust__toml=spec)
    assert outcome.exit_code == 2
    assert "robust.names-units" in outcome.output
    assert not (folder / "results" / "robust" / "tornado.csv").exists()


def test_options_of_given_runs_and_of_draws_do_not_mix(run, tmp_path):
    (tmp_path / "runs.csv").write_text("run,weights\n1,default\n", encoding="utf-8")
    outcome, _ = run("--weights", tmp_path / "runs.csv")
    assert outcome.exit_code == 2
    assert "robust.only-for-runs" in outcome.output
    outcome, _ = run("--runs", tmp_path / "runs.csv", "--n", "5", "--seed", "2")
    assert outcome.exit_code == 0
    assert "robust.not-for-runs" in outcome.output
    assert "--n" in outcome.output


def test_two_processes_write_the_same_bytes(run, tmp_path):
    _, folder = run("--out", tmp_path / "here", robust__toml=SPEC)
    out = tmp_path / "there"
    command = [sys.executable, "-m", "citygauge", "robust", str(folder), "--out", str(out)]
    environment = {**os.environ, "CITYGAUGE_LANG": "zh", "PYTHONHASHSEED": "7"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    here, there = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.iterdir()}
        for place in (tmp_path / "here", out)
    )
    assert set(here) == FILES
    assert here == there


@pytest.mark.parametrize("name", ["city-statistics-2023", "smart-2021"])
def test_the_examples_of_the_repository_are_told_in_full(name, tmp_path):
    folder = ROOT / "demo" / name
    outcome = CliRunner().invoke(app, [str(folder), *QUICK, "--out", str(tmp_path / "out")])
    assert outcome.exit_code == 0, outcome.output
    result = cg.assess(cg.open(folder))
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == FILES
    summary = rows(tmp_path / "out" / "summary.csv")
    assert len(summary) == len(result.units) == 50
    if result.illustrative:
        names = {
            *result.units.codes,
            *result.workspace.units.frame["name_zh"],
            *result.workspace.units.frame["name_en"],
        }
        parts = "|".join(re.escape(each) for each in names if len(each) > 1)
        one = re.compile(rf"(?<![\w.])(?:{parts})(?![\w.])")
        for path in (tmp_path / "out").iterdir():
            assert one.findall(text_of(path)) == [], path.name


def test_shares_that_are_not_quite_all_or_nothing_are_not_rounded_to_it():
    assert [percent(share) for share in (0, 0.001, 0.005, 0.5, 0.994, 0.996, 1)] == [
        "0%", "<1%", "0%", "50%", "99%", ">99%", "100%",
    ]  # fmt: skip


def test_an_earlier_period_is_earlier(run):
    outcome, _ = run("--against", "2099")
    assert outcome.exit_code == 2
    assert "robust.not-earlier" in outcome.output or "settings.unknown-period" in outcome.output


def test_assess_may_come_after_robust(run):
    _, folder = run(*QUICK)
    write_results(cg.assess(cg.open(folder)), folder / "results")
    assert (folder / "results" / "scores.csv").exists()
    assert (folder / "results" / "robust" / "summary.csv").exists()


def test_on_illustrative_data_rows_stand_in_the_order_of_neutral_names(run):
    """The order of the units' file would tell which unit is which."""
    _, folder = run(*QUICK, assessment__toml=ILLUSTRATIVE)
    place = folder / "results" / "robust"
    for name in ("convergence", "regional"):
        labels = pl.read_csv(place / f"{name}.csv")["unit_code"].unique(maintain_order=True).to_list()
        assert labels == sorted(labels), name
    for name in ("indices", "tornado"):
        outputs = pl.read_csv(place / f"{name}.csv")["output"].unique(maintain_order=True).to_list()
        ranks = [output for output in outputs if output.startswith("rank:")]
        assert ranks == sorted(ranks), name
    with np.load(place / "histogram.npz") as data:
        labels = data["unit_code"].tolist()
        counts = data["ranks"]
    assert labels == sorted(labels)
    summary = {row["unit_code"]: row for row in pl.read_csv(place / "summary.csv").to_dicts()}
    for label, row in zip(labels, counts, strict=True):
        mean = (row * np.arange(1, row.size + 1)).sum() / row.sum()
        assert summary[label]["rank_mean"] == pytest.approx(mean)
