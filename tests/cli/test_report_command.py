"""`citygauge report`: what it writes, what it refuses, and the check of an edited Word file."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

import citygauge as cg
from citygauge.cli.main import app

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["citygauge"])
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()
    return lambda *args: runner.invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """The workspace of the fifty cities, reduced to eight cities, without results."""
    folder = tmp_path_factory.mktemp("small") / "城市 index"
    shutil.copytree(DEMO / "city-statistics-2023", folder, ignore=shutil.ignore_patterns("results", "report"))
    settings = (folder / "assessment.toml").read_text(encoding="utf-8")
    (folder / "assessment.toml").write_text(settings + '\n[units]\ntop = 8\nby = "gdp"\n', encoding="utf-8")
    return folder


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_report_is_written_in_both_languages_and_every_format(run, small, tmp_path):
    out = tmp_path / "out"
    done = run("report", small, "--format", "pdf,docx,html,pptx,charts", "--out", out, "--date", "2026-07-31")
    assert done.exit_code == 0, done.output
    wanted = {
        f"full.{lang}.{end}" for lang in ("zh", "en") for end in ("pdf", "docx", "html", "pptx", "charts")
    }
    assert files_in(out) == wanted | {"report.json"}
    charts = {path.suffix for path in (out / "full.zh.charts").iterdir()}
    assert charts == {".svg", ".png", ".json", ".csv"}


def test_the_record_has_the_hash_of_each_file_and_of_what_it_was_made_from(run, small, tmp_path):
    out = tmp_path / "out"
    assert (
        run(
            "report", small, "--kind", "executive", "--lang", "en", "--format", "html", "--out", out
        ).exit_code
        == 0
    )
    kept = json.loads((out / "report.json").read_text(encoding="utf-8"))["citygauge-report"]
    entry = kept["executive.en.html"]
    assert entry["sha256"] == hashlib.sha256((out / "executive.en.html").read_bytes()).hexdigest()
    result = cg.assess(cg.open(small))
    assert (entry["framework"], entry["method"]) == (result.framework.hash, result.method.hash)
    assert entry["kind"] == "executive"


def test_reports_of_several_kinds_live_in_one_folder(run, small, tmp_path):
    out = tmp_path / "out"
    run("report", small, "--kind", "executive", "--lang", "zh", "--format", "html", "--out", out)
    run("report", small, "--kind", "city", "--city", "上海", "--lang", "zh", "--format", "html", "--out", out)
    assert files_in(out) == {"executive.zh.html", "city-310000.zh.html", "report.json"}


def test_all_cities_are_written_where_none_is_named(run, small, tmp_path):
    out = tmp_path / "out"
    assert (
        run("report", small, "--kind", "city", "--lang", "zh", "--format", "html", "--out", out).exit_code
        == 0
    )
    codes = {name.removeprefix("city-").removesuffix(".zh.html") for name in files_in(out)} - {"report.json"}
    assert codes == set(cg.assess(cg.open(small)).units.codes)


def test_every_wrong_choice_is_told_at_once(run, small):
    done = run("report", small, "--kind", "whole", "--format", "pdf,odt", "--date", "31.7.2026", "--json")
    told = [problem["code"] for problem in json.loads(done.output)["problems"]]
    assert done.exit_code == 2
    assert told == ["report.unknown-choice", "report.unknown-choice", "report.bad-date"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--kind", "city", "--city", "Atlantis"), "report.unknown-city"),
        (("--kind", "grade"), "report.no-grades"),
        (("--theme", "no-such-theme"), "theme.unknown"),
        (("--reference", "no-such.docx"), "file.not-found"),
    ],
)
def test_what_is_not_there_is_named(run, small, options, code):
    done = run("report", small, *options, "--format", "html", "--json")
    assert done.exit_code == 2
    assert code in [problem["code"] for problem in json.loads(done.output)["problems"]]


def test_an_unknown_grade_is_named(run, tmp_path):
    done = run(
        "report", DEMO / "smart-2021", "--kind", "grade", "--grade", "best", "--json", "--out", tmp_path / "o"
    )
    assert done.exit_code == 2
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == ["report.unknown-grade"]


def test_a_folder_of_others_is_left_alone(run, small, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = run("report", small, "--format", "html", "--out", tmp_path, "--json")
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == ["out.foreign-folder"]
    assert files_in(tmp_path) == {"mine.txt"}


def test_without_the_packages_all_else_is_written_and_the_exit_code_is_3(run, small, tmp_path, monkeypatch):
    from citygauge.report.book import files  # noqa: PLC0415

    monkeypatch.setattr(files, "find_spec", lambda _: None)
    out = tmp_path / "out"
    done = run(
        "report",
        small,
        "--kind",
        "executive",
        "--lang",
        "en",
        "--format",
        "docx,pptx,html",
        "--out",
        out,
        "--json",
    )
    told = json.loads(done.output)
    assert done.exit_code == 3
    assert told["not_made"] == ["executive.en.docx", "executive.en.pptx"]
    assert {problem["code"] for problem in told["problems"]} >= {"report.no-docx", "report.no-pptx"}
    assert files_in(out) == {"executive.en.html", "report.json"}


def test_a_theme_that_is_wrong_is_told_with_all_its_faults(run, small, tmp_path):
    (tmp_path / "theme.toml").write_text(
        'name = { zh = "甲", en = "A" }\nlogo_of = 1\n[look]\nprimary = "blue"\nlogo = "none.png"\n',
        encoding="utf-8",
    )
    done = run("report", small, "--theme", tmp_path, "--json")
    codes = {problem["code"] for problem in json.loads(done.output)["problems"]}
    assert codes == {"theme.unknown-key", "theme.bad-value", "theme.no-logo"}


@pytest.fixture(scope="module")
def word(small, tmp_path_factory) -> bytes:
    """The executive summary of the eight cities as a Word file."""
    out = tmp_path_factory.mktemp("word") / "out"
    argv = [
        "report",
        str(small),
        "--kind",
        "executive",
        "--lang",
        "en",
        "--format",
        "docx",
        "--out",
        str(out),
    ]
    assert CliRunner().invoke(app, argv).exit_code == 0
    return (out / "executive.en.docx").read_bytes()


def edited(word: bytes, change) -> bytes:
    """Return a Word file with the text of its body changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            new.writestr(
                part, change(data.decode()).encode() if part.filename == "word/document.xml" else data
            )
    return target.getvalue()


def test_an_unedited_report_has_no_differences(run, small, word, tmp_path):
    (tmp_path / "r.docx").write_bytes(word)
    done = run("report", "check", tmp_path / "r.docx", small)
    assert done.exit_code == 0, done.output


def test_a_changed_number_is_listed_with_what_the_results_have(run, small, word, tmp_path):
    mean = f"{float(cg.assess(cg.open(small)).index.mean()):.1f}"
    assert f">{mean}<" in zipfile.ZipFile(io.BytesIO(word)).read("word/document.xml").decode()
    changed = edited(word, lambda text: text.replace(f">{mean}<", ">99.9<", 1))
    (tmp_path / "r.docx").write_bytes(changed)
    done = run("report", "check", tmp_path / "r.docx", small, "--json")
    found = json.loads(done.output)["differences"]
    assert done.exit_code == 2
    assert [(one["kind"], one["expected"], one["found"]) for one in found] == [("changed", mean, "99.9")]


def test_a_report_of_other_data_is_told_to_be_one(run, small, word, tmp_path):
    other = tmp_path / "w"
    shutil.copytree(small, other)
    lines = (other / "observations.csv").read_text(encoding="utf-8").replace(",107875,", ",107000,")
    (other / "observations.csv").write_text(lines, encoding="utf-8")
    (other / "r.docx").write_bytes(word)
    done = run("report", "check", other / "r.docx", "--json")
    assert "report.changed-since" in [problem["code"] for problem in json.loads(done.output)["problems"]]


def test_a_word_file_of_another_origin_is_refused(run, small, tmp_path):
    import docx  # noqa: PLC0415

    docx.Document().save(str(tmp_path / "letter.docx"))
    done = run("report", "check", tmp_path / "letter.docx", small, "--json")
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == ["report.not-our-word"]


def test_a_word_file_outside_any_workspace_needs_one_named(run, word, tmp_path):
    (tmp_path / "r.docx").write_bytes(word)
    done = run("report", "check", tmp_path / "r.docx", "--json")
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == [
        "report.no-workspace-above"
    ]


def test_a_word_file_that_somebody_has_edited_is_not_written_over(run, small, word, tmp_path):
    out = tmp_path / "out"
    options = (
        "report",
        small,
        "--kind",
        "executive",
        "--lang",
        "en",
        "--format",
        "docx",
        "--out",
        out,
        "--json",
    )
    assert run(*options).exit_code == 0
    assert run(*options).exit_code == 0  # nobody has touched it
    changed = edited(word, lambda text: text.replace("mean", "average", 1))
    (out / "executive.en.docx").write_bytes(changed)
    done = run(*options)
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == ["report.edited-since"]
    assert (out / "executive.en.docx").read_bytes() == changed


def test_an_option_of_another_kind_is_refused(run, small):
    done = run("report", small, "--city", "上海", "--json")
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == ["report.unused-option"]


def test_a_logo_that_is_no_picture_is_refused(run, small, tmp_path):
    (tmp_path / "logo.png").write_bytes(b"no picture")
    (tmp_path / "theme.toml").write_text(
        'name = { zh = "甲", en = "A" }\n[look]\nlogo = "logo.png"\n', encoding="utf-8"
    )
    done = run("report", small, "--theme", tmp_path, "--json")
    assert [problem["code"] for problem in json.loads(done.output)["problems"]] == ["theme.bad-logo"]


def test_what_of_a_theme_is_not_used_is_told(run, small, tmp_path):
    theme = tmp_path / "theme"
    theme.mkdir()
    (theme / "theme.toml").write_text('name = { zh = "甲", en = "A" }\npeers = ["moons"]\n', encoding="utf-8")
    (theme / "forward.en.md.jinja").write_text("# Forward {-}\n", encoding="utf-8")
    out = tmp_path / "out"
    options = ("--kind", "executive", "--lang", "en", "--format", "html", "--out", out, "--json")
    done = run("report", small, "--theme", theme, *options)
    assert done.exit_code == 0
    told = {problem["code"] for problem in json.loads(done.output)["problems"]}
    assert told >= {"theme.unknown-attribute", "theme.unknown-template"}
