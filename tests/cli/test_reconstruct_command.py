"""`reconstruct` on the command line: what it writes, prints and refuses, in both languages."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from citygauge.audit import read
from citygauge.audit.published import Node, Published
from citygauge.cli import reconstruct as command
from citygauge.cli.words import language
from citygauge.problems import InputError, Problem, Where
from citygauge.report import reconstruction_files

sys.path.insert(0, str(Path(__file__).parent.parent / "audit"))
from reconstruct_cases import exact, printed

FILES = {"draws.parquet", "weights.csv", "envelopes.csv", "central.csv", "figures.csv", "run.json"}
NODES = {"overall": Node("overall", None, "总指数", "Index")}
NODES |= {code: Node(code, "overall", code, code) for code in "ab"}
FIGURES = [
    printed("overall.mean", "0.70"), printed("a.mean", "0.60"), printed("b.mean", "0.65"),
    printed("a.sd", "0.10"), exact("units.n", "6"),
    exact("a.weight", "0.5"), exact("b.weight", "0.5"),
]  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Return a function that calls the command on a small index whose overall mean is beyond its parts."""
    index = Published("小指数", "Small index", NODES, {figure.id: figure for figure in FIGURES})
    monkeypatch.setattr(read, "published_at", lambda file: index)
    monkeypatch.setattr(command, "_repairs", lambda published: ())
    app = typer.Typer()
    app.command()(command.reconstruct)

    def call(*words: object, lang: str = "en") -> object:
        monkeypatch.setenv("CITYGAUGE_LANG", lang)
        language.cache_clear()
        return CliRunner().invoke(app, ["small.toml", "--n", "24", *map(str, words)])

    yield call
    language.cache_clear()


def test_all_files_are_written_and_each_says_that_it_is_not_observed(run, tmp_path):
    outcome = run("--out", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    for name in FILES:
        path = tmp_path / "out" / name
        text = (
            str(pl.read_parquet(path)["notice"][0]) if name.endswith("parquet") else path.read_text("utf-8")
        )
        assert "非观测结果" in text
        assert "not observed" in text
    draws = pl.read_parquet(tmp_path / "out" / "draws.parquet")
    assert draws.columns == ["draw", "unit", "grade", "code", "value", "notice"]
    assert (draws["draw"].n_unique(), draws["unit"].n_unique(), draws["code"].n_unique()) == (24, 6, 3)


def test_the_same_seed_writes_the_same_bytes(run, tmp_path):
    for name in ("one", "two"):
        run("--out", tmp_path / name, "--seed", "4")
    for name in FILES:
        one, two = (hashlib.sha256((tmp_path / run_ / name).read_bytes()) for run_ in ("one", "two"))
        assert one.hexdigest() == two.hexdigest(), name


def test_json_tells_what_gave_way_and_how_good_the_draws_are(run, tmp_path):
    told = json.loads(run("--json", "--out", tmp_path / "out").stdout)
    assert told["ok"]
    assert told["relaxed"] == ["overall.mean"]
    assert told["draws"] == 24
    assert told["effective_min"] > 0
    assert told["notice"]["zh"].startswith("重构数据，非观测结果")
    assert [problem["code"] for problem in told["problems"]] == ["reconstruct.relaxed"]
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert record["seed"] == 1
    assert record["relaxed"] == ["overall.mean"]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("not observed", "all units", "independent ones", "Given up: overall.mean, printed 0.70")),
        ("zh", ("非观测结果", "全部城市", "相当于", "放弃：overall.mean，公布为 0.70")),
    ],
)
def test_the_screen_speaks_both_languages(run, tmp_path, lang, words):
    outcome = run("--out", tmp_path / "out", lang=lang)
    for word in words:
        assert word in outcome.output


def test_without_the_conic_extra_it_says_how_to_install_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(reconstruction_files, "has_conic", lambda: False)
    told = json.loads(run("--json", "--out", tmp_path / "out").stdout)
    problem = next(each for each in told["problems"] if each["code"] == "reconstruct.no-conic")
    assert 'pip install "citygauge[conic]"' in problem["hint"]


def test_too_few_independent_draws_are_told_of(run, tmp_path, monkeypatch):
    from citygauge.audit.reconstruct import reconstruct as room  # noqa: PLC0415 - the module, not the function

    monkeypatch.setattr(room, "SURE", 1)
    monkeypatch.setattr(room, "ENOUGH", 100.0)
    told = json.loads(run("--json", "--out", tmp_path / "out").stdout)
    assert "reconstruct.few-effective" in [problem["code"] for problem in told["problems"]]


def test_weights_that_are_never_found_are_a_problem(run, tmp_path, monkeypatch):
    from citygauge.audit.reconstruct import chains  # noqa: PLC0415 - beside the other

    monkeypatch.setattr(chains, "TRIES", 0)
    outcome = run("--json", "--out", tmp_path / "out")
    assert outcome.exit_code == 2
    assert "reconstruct.no-weights" in [p["code"] for p in json.loads(outcome.stdout)["problems"]]
    assert not (tmp_path / "out").exists()


def test_problems_of_the_file_end_with_exit_code_2(run, tmp_path, monkeypatch):
    def fail(file: str) -> Published:
        raise InputError([Problem("reconstruct.no-units", Where(file))])

    monkeypatch.setattr(read, "published_at", fail)
    outcome = run("--out", tmp_path / "out")
    assert outcome.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_left_alone(run, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    outcome = run("--json", "--out", tmp_path)
    assert outcome.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
