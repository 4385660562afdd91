"""`citygauge weights`: what weights do, and sets that are written and then used, on the demo of 50 cities."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import Result as Outcome
from typer.testing import CliRunner

import citygauge as cg
from citygauge.analyse.weights import weights_table
from citygauge.cli.main import app
from citygauge.cli.words import language
from conftest import ROOT, UNITS

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PILLARS = ("INN", "CON", "ECO", "SRV", "SEC", "ENV")


@pytest.fixture(autouse=True, params=["en"])
def lang(request, monkeypatch):
    """The language is found once in a process."""
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    language.cache_clear()
    yield request.param
    language.cache_clear()


both = pytest.mark.parametrize("lang", ["en", "zh"], indirect=True)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "demo/city-statistics-2023", tmp_path / "demo", ignore=shutil.ignore_patterns("results")
    )
    return tmp_path / "demo"


def call(*words: object) -> Outcome:
    return CliRunner().invoke(app, ["weights", *map(str, words)], catch_exceptions=False)


def told(*words: object) -> dict[str, Any]:
    done = call(*words, "--json")
    data: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (0 if data["ok"] else 2)
    return data


def codes(data: Mapping[str, Any]) -> list[str]:
    return [problem["code"] for problem in data["problems"] if problem["severity"] == "error"]


def written(folder: Path, name: str) -> dict[str, float]:
    return dict(pl.read_csv(folder / "weights" / f"{name}.csv").select("code", "weight").iter_rows())


def run(folder: Path, weights: str) -> cg.Result:
    opened = cg.open(folder)
    return cg.assess(opened, opened.method.replace(weights=weights))


@both
def test_show_prints_a_row_for_each_node_in_the_language(demo: Path, lang: str) -> None:
    done = call("show", demo)
    assert done.exit_code == 0
    rows = [line for line in done.stdout.splitlines() if re.search(r"0\.\d{3}", line)]
    framework = cg.open(demo).framework
    shown = [row.split()[0].rstrip("…") for row in rows]  # cut off where the screen is narrow
    assert len(shown) == len(framework) - 1
    assert all(code.startswith(own) for own, code in zip(shown, framework.codes[1:], strict=True))
    name = framework["INN"].label("zh" if lang == "zh" else "en")
    assert name in rows[0]
    assert "0.167" in rows[0]
    assert bool(CHINESE.search(done.stdout)) == (lang == "zh")


def test_show_as_json_is_the_table(demo: Path) -> None:
    data = told("show", demo)
    assert data["weights"] == weights_table(cg.assess(cg.open(demo))).to_dicts()
    assert {row["parent"] for row in data["weights"]} == {"CITYSTAT", *PILLARS}
    for parent in ("CITYSTAT", *PILLARS):
        group = [row for row in data["weights"] if row["parent"] == parent]
        for share in ("weight", "importance_share"):
            assert sum(row[share] for row in group) == pytest.approx(1)


def test_show_takes_another_method(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(
        'weights = "by_count"\n[normalise]\nhow = "percentile_rank"\n', "utf-8"
    )
    rows = {row["code"]: row for row in told("show", demo, "--method", tmp_path / "other.toml")["weights"]}
    counts = {"INN": 5, "CON": 3, "ECO": 3, "SRV": 4, "SEC": 3, "ENV": 4}
    assert {code: rows[code]["weight"] for code in PILLARS} == pytest.approx(
        {c: n / 22 for c, n in counts.items()}
    )


def test_illustrative_weights_carry_the_notice() -> None:
    demo = ROOT / "demo/smart-2021"
    assert "illustrative data, not observed" in call("show", demo).stdout
    assert {row["notice"] for row in told("show", demo)["weights"]} == {"illustrative data, not observed"}


@both
def test_a_fitted_set_is_written_used_and_does_what_was_said(demo: Path, lang: str) -> None:
    done = call("optimise", demo, "--name", "fit", "--parent", "CON", "--target", "equal")
    assert done.exit_code == 0
    assert 'weights = "fit"' in done.stdout
    assert re.search("已达到目标" if lang == "zh" else "reached", done.stdout)
    weights, framework = written(demo, "fit"), cg.open(demo).framework
    assert set(weights) == set(framework.codes[1:])
    assert sum(weights[code] for code in framework.children("CON")) == pytest.approx(1)
    result = run(demo, "fit")
    assert {code: result.shares[code] for code in weights} == pytest.approx(weights)
    assert result.shares["INN"] == pytest.approx(1 / 6)
    r = weights_table(result).filter(parent="CON")["correlation"].to_numpy()
    np.testing.assert_allclose(r / r.sum(), [1 / 3] * 3, atol=1e-6)
    (demo / "method.toml").write_text(result.method.to_toml(), "utf-8")
    assert cg.assess(cg.open(demo)).shares == pytest.approx(result.shares)


def test_all_parents_are_fitted_by_default_and_the_outcome_is_told_as_json(demo: Path) -> None:
    data = told("optimise", demo, "--name", "fit", "--low", "0.05")
    assert Path(data["written"]) == demo / "weights/fit.csv"
    assert set(data["fits"]) == {"CITYSTAT", *PILLARS}
    found, weights = run(demo, "fit"), written(demo, "fit")
    table = weights_table(found)
    for parent, fit in data["fits"].items():
        assert {code: weights[code] for code in fit["weights"]} == pytest.approx(fit["weights"])
        assert sum(fit["weights"].values()) == pytest.approx(1)
        assert min(fit["weights"].values()) >= 0.05 - 1e-9
        group = table.filter(parent=parent)
        r = group["correlation"].to_numpy()
        np.testing.assert_allclose([fit["reached"][code] for code in group["code"]], r / r.sum(), atol=1e-6)
        gap = max(abs(fit["reached"][code] - fit["target"][code]) for code in fit["weights"])
        assert fit["residual"] == pytest.approx(gap, abs=1e-9)
        assert fit["converged"] == (gap <= 1e-6)
    unreached = {parent for parent, fit in data["fits"].items() if not fit["converged"]}
    assert {problem["values"]["parent"] for problem in data["problems"]} == unreached


def test_a_weight_set_can_be_the_target(demo: Path) -> None:
    rows = "code,weight\nmobile_subscribers,33\ntelecom_revenue,33\npublic_transport_trips,34\n"
    (demo / "weights").mkdir()
    (demo / "weights/wanted.csv").write_text(rows, "utf-8")
    fit = told("optimise", demo, "--name", "fit", "--parent", "CON", "--target", "wanted")["fits"]["CON"]
    assert list(fit["target"].values()) == pytest.approx([0.33, 0.33, 0.34])
    assert list(fit["reached"].values()) == pytest.approx([0.33, 0.33, 0.34], abs=1e-6)


def test_a_set_is_not_written_over_unless_asked(demo: Path) -> None:
    first = ("optimise", demo, "--name", "fit", "--parent", "CON")
    assert told(*first, "--target", "equal")["ok"]
    before = written(demo, "fit")
    refused = told(*first)
    assert codes(refused) == ["weights.name-taken"]
    assert written(demo, "fit") == before
    assert told(*first, "--replace", "--low", "0.3")["ok"]
    assert written(demo, "fit") != before


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--name", "entropy", "--parent", "CON"), ["weights.bad-name"]),
        (("--name", "../fit", "--parent", "CON"), ["weights.bad-name"]),
        (("--name", "fit", "--parent", "KON"), ["importance.unknown-parent"]),
        (("--name", "fit", "--parent", "pm25_annual_mean"), ["importance.unknown-parent"]),
        (("--name", "fit", "--target", "nobody"), ["method.unknown-weights"]),
        (
            ("--name", "fit", "--parent", "KON", "--target", "no"),
            ["importance.unknown-parent", "method.unknown-weights"],
        ),
        (("--name", "fit", "--parent", "CON", "--low", "0.4"), ["importance.bad-bounds"]),
        (("--name", "fit", "--parent", "CON", "--low", "0.9", "--high", "0.2"), ["importance.bad-bounds"]),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    demo: Path, words: tuple[str, ...], wanted: list[str]
) -> None:
    assert codes(told("optimise", demo, *words)) == wanted
    assert not (demo / "weights").exists()


@both
def test_a_refusal_is_printed_with_its_code(demo: Path, lang: str) -> None:
    done = call("optimise", demo, "--name", "fit", "--target", "nobody")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nobody" in done.stderr
    assert "method.unknown-weights" in done.stderr
    assert bool(CHINESE.search(done.stderr)) == (lang == "zh")


def test_a_bound_beyond_0_and_1_and_a_missing_name_are_refused(demo: Path) -> None:
    assert call("optimise", demo, "--name", "fit", "--low", "-0.1").exit_code == 2
    assert call("optimise", demo, "--name", "fit", "--high", "1.1").exit_code == 2
    assert call("optimise", demo).exit_code == 2
    assert not (demo / "weights").exists()


@pytest.mark.parametrize("command", [("show",), ("optimise", "--name", "fit")])
def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    name, *words = command
    assert codes(told(name, tmp_path / "nothing", *words)) == ["settings.no-workspace"]


def test_the_groups_that_are_not_fitted_keep_the_weights_of_the_method(demo: Path) -> None:
    (demo / "method.toml").write_text('weights = "by_count"\n[normalise]\nhow = "minmax"\n', "utf-8")
    before = cg.assess(cg.open(demo)).shares
    assert told("optimise", demo, "--name", "fit", "--parent", "CON", "--target", "equal")["ok"]
    after = run(demo, "fit").shares
    assert {code: after[code] for code in PILLARS} == pytest.approx({code: before[code] for code in PILLARS})


LONE = """\
code,parent,level,name_zh,name_en,weight,direction,unit,low,high
I,,0,指数,Index,,,,,
P,I,1,支柱甲,Pillar P,0.6,,,,
Q,I,1,支柱乙,Pillar Q,0.4,,,,
a,P,2,指标甲,Indicator a,,1,%,0,100
b,Q,2,指标乙,Indicator b,,-1,days,0,10
"""


def test_a_parent_with_a_lone_child_is_said_to_have_nothing_to_fit(workspace: Callable[..., Path]) -> None:
    facts = "unit,indicator,period,value\n" + "".join(
        f"{unit},{code},2023,{value}\n"
        for unit, a, b in ((1, 80, 2), (2, 60, 5), (3, 40, 9))
        for code, value in (("a", a), ("b", b))
    )
    folder = workspace(framework__csv=LONE, observations__csv=facts, units__csv=UNITS)
    data = told("optimise", folder, "--name", "fit", "--parent", "P")
    assert codes(data) == ["importance.one-child"]
    assert not (folder / "weights/fit.csv").exists()


def test_weights_that_do_not_count_are_not_fitted(demo: Path) -> None:
    (demo / "method.toml").write_text('[aggregate.by."0"]\nhow = "benefit_of_the_doubt"\n', "utf-8")
    refused = told("optimise", demo, "--name", "fit")
    assert codes(refused) == ["importance.weights-do-not-count"]
    assert refused["problems"][0]["values"]["codes"] == ["CITYSTAT"]
    assert told("optimise", demo, "--name", "fit", "--parent", "CON")["ok"]


@both
def test_a_panel_of_experts_weighs_the_demo(demo: Path, tmp_path: Path, lang: str) -> None:
    """By hand: the mean of 30, 20, 20, 10, 10, 10 and 10, 20, 20, 10, 10, 30 of 100."""
    rows = ["expert,code,points"]
    for expert, points in (("w", (30, 20, 20, 10, 10, 10)), ("v", (10, 20, 20, 10, 10, 30))):
        rows += [f"{expert},{code},{each}" for code, each in zip(PILLARS, points, strict=True)]
    (tmp_path / "panel.csv").write_text("\n".join(rows) + "\n", "utf-8")
    done = call("experts", demo, tmp_path / "panel.csv", "--how", "budget", "--name", "panel")
    assert (done.exit_code, bool(CHINESE.search(done.stdout))) == (0, lang == "zh")
    wanted = dict(zip(PILLARS, (0.2, 0.2, 0.2, 0.1, 0.1, 0.2), strict=True))
    assert written(demo, "panel") == pytest.approx(wanted)
    result = run(demo, "panel")
    assert {code: result.shares[code] for code in PILLARS} == pytest.approx(wanted)
    pillars = np.column_stack([result.aggregated.column(code) for code in PILLARS])
    np.testing.assert_allclose(result.index, pillars @ np.array(list(wanted.values())), rtol=1e-9)
