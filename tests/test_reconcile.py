"""Two sources of one fact, from import to the value that counts: both stay, and the settings decide."""

from __future__ import annotations

from pathlib import Path

import pytest

import citygauge as cg
from citygauge.collect.disagree import disagreements
from citygauge.collect.resolve import resolve
from citygauge.problems import InputError, Problem, Problems
from citygauge.provenance import Source
from citygauge.settings import settings_of
from citygauge.store.table import Imported, TableImport, import_table

EMPTY = "unit,indicator,period,value,unit_of_measure,state,origin,source,supersedes\n"
YEARBOOK = "unit,a,b\n1,80,2\n2,60,5\n3,40,10\n"
BULLETIN = "unit,a,b\n1,80,3\n2,61,5\n3,40,\n"


@pytest.fixture
def empty(workspace) -> Path:
    return workspace(observations__csv=EMPTY)


def run(folder: Path, text: str, source: str = "", **how) -> Imported:
    file = folder.parent / f"{source or 'table'}.csv"
    file.write_text(text, encoding="utf-8")
    return import_table(folder, file, TableImport(**{"period": "2023", "source": Source(source), **how}))


def refused(folder: Path, text: str, source: str = "", **how) -> list[Problem]:
    before = (folder / "observations.csv").read_bytes()
    with pytest.raises(InputError) as caught:
        run(folder, text, source, **how)
    assert (folder / "observations.csv").read_bytes() == before
    return [problem for problem in caught.value.problems if problem.severity == "error"]


def say(folder: Path, text: str) -> None:
    (folder / "assessment.toml").write_text(f'framework = "framework.csv"\n{text}', encoding="utf-8")


def counted(folder: Path) -> tuple[dict[tuple[str, str], float], list[Problem]]:
    """Return the values that count by unit and indicator, and what was noted."""
    found, problems = cg.open(folder), Problems()
    units, tree = found.units.codes, found.framework
    facts = resolve(found.observations, tree, units, "2023", problems, found.settings.sources)
    values = {
        (unit, code): float(facts.values[i, facts.codes.index(code)])
        for i, unit in enumerate(units)
        for code in ("a", "b")
    }
    return values, list(problems)


def test_both_sources_are_recorded_and_a_gap_of_the_second_is_not(empty):
    assert run(empty, YEARBOOK, "yearbook").new == 6
    done = run(empty, BULLETIN, "bulletin")
    assert (done.new, done.corrected, done.known) == (5, 0, 1)
    (warning,) = [problem for problem in done.warnings if problem.code == "import.told-otherwise"]
    assert (warning.values["count"], warning.values["total"]) == (2, 5)
    assert warning.values["told"] == ["1/b 2 [3] ≠ 3", "2/a 60 [4] ≠ 61"]
    for language in ("en", "zh"):
        assert 'prefer = ["bulletin", "yearbook"]' in warning.text(language)


def test_without_an_order_the_run_is_refused_and_says_what_to_write_and_that_then_works(empty):
    run(empty, YEARBOOK, "yearbook")
    run(empty, BULLETIN, "bulletin")
    _, problems = counted(empty)
    assert [problem.code for problem in problems] == ["facts.sources-unsettled"]
    advice = 'prefer = ["yearbook", "bulletin"]'
    assert advice in problems[0].text("en")
    assert advice in problems[0].text("zh")
    say(empty, f"[sources]\n{advice}\n")
    values, problems = counted(empty)
    assert (values["1", "b"], values["2", "a"]) == (2.0, 60.0)
    assert [problem.code for problem in problems] == ["facts.sources-disagree"]
    say(empty, '[sources]\nprefer = ["bulletin"]\n')
    values, _ = counted(empty)
    assert (values["1", "b"], values["2", "a"], values["3", "b"]) == (3.0, 61.0, 10.0)


def test_what_lost_stays_in_the_file_and_in_the_table_of_disagreements(empty):
    run(empty, YEARBOOK, "yearbook")
    run(empty, BULLETIN, "bulletin")
    say(empty, '[sources]\nprefer = ["bulletin", "yearbook"]\n')
    found = cg.open(empty)
    table = disagreements(found.observations, found.framework, found.settings.sources)
    shown = table.select("unit", "indicator", "used_source", "used_value", "other_source", "other_value")
    assert shown.rows() == [
        ("1", "b", "bulletin", 3.0, "yearbook", 2.0),
        ("2", "a", "bulletin", 61.0, "yearbook", 60.0),
    ]
    assert found.observations.frame.height == 11


def test_a_tolerance_lets_close_sources_stand(empty):
    run(empty, "unit,a\n1,1000\n", "yearbook")
    say(empty, "[sources]\ntolerance = 0.005\n")
    done = run(empty, "unit,a\n1,1004\n", "bulletin")
    assert "import.told-otherwise" not in [problem.code for problem in done.warnings]
    values, problems = counted(empty)
    assert (values["1", "a"], problems) == (1000.0, [])


def test_the_same_source_again_is_known_and_adds_nothing(empty):
    run(empty, YEARBOOK, "yearbook")
    run(empty, BULLETIN, "bulletin")
    for text, source in ((YEARBOOK, "yearbook"), (BULLETIN, "bulletin")):
        before = (empty / "observations.csv").read_bytes()
        done = run(empty, text, source)
        assert (done.new, done.corrected, done.known) == (0, 0, 6)
        assert (empty / "observations.csv").read_bytes() == before


def test_a_file_that_nobody_named_is_held_against_all_sources(empty):
    run(empty, YEARBOOK, "yearbook")
    run(empty, BULLETIN, "bulletin")
    assert run(empty, "unit,a,b\n1,80,2\n2,61,5\n").known == 4
    (problem,) = refused(empty, "unit,a\n2,62\n")
    assert (problem.code, problem.values["old"]) == ("import.value-changed", "60")
    assert "--source" in problem.text("en")
    assert "--source" in problem.text("zh")


def test_a_fact_without_a_source_may_be_of_any(workspace):
    folder = workspace()
    assert run(folder, "unit,a\n1,80\n", "bulletin").known == 1
    (problem,) = refused(folder, "unit,a\n1,81\n", "bulletin")
    assert problem.code == "import.value-changed"
    assert run(folder, "unit,a\n1,81\n", "bulletin", correct=True).corrected == 1


def test_a_correction_stays_within_the_source_it_names(empty):
    run(empty, YEARBOOK, "yearbook")
    run(empty, BULLETIN, "bulletin")
    say(empty, '[sources]\nprefer = ["yearbook", "bulletin"]\n')
    revised = "unit,a\n2,60.5\n"
    (problem,) = refused(empty, revised, "yearbook-revised", correct=True)
    assert problem.code == "import.which-corrected"
    assert problem.values["sources"] == ["yearbook", "bulletin"]
    done = run(empty, revised, "yearbook-revised", corrects="yearbook")
    assert (done.new, done.corrected, done.known) == (0, 1, 0)
    values, problems = counted(empty)
    assert values["2", "a"] == 60.5  # preferred still, under the name of the source it corrects
    assert [problem.code for problem in problems] == ["facts.sources-disagree"] * 2
    assert {problem.values["used"] for problem in problems} == {"yearbook", "yearbook-revised"}
    # The first edition again says what the second has taken back: no third telling comes of it.
    assert [p.code for p in refused(empty, YEARBOOK, "yearbook")] == ["import.value-changed"]


def test_the_observation_to_correct_can_be_named_in_the_file(empty):
    run(empty, YEARBOOK, "yearbook")
    run(empty, BULLETIN, "bulletin")
    (problem,) = refused(empty, "unit,a\n2,62\n", correct=True)
    text = "unit,indicator,value,supersedes\n2,a,62,{}\n"
    done = run(empty, text.format(problem.values["ids"][1]), correct=True)
    assert done.corrected == 1
    say(empty, '[sources]\nprefer = ["bulletin", "yearbook"]\n')
    assert counted(empty)[0]["2", "a"] == 62.0


def test_a_source_to_correct_that_nobody_knows_is_an_error_with_its_neighbours(empty):
    run(empty, YEARBOOK, "yearbook")
    problems = refused(empty, "unit,a\n2,62\n", "new", corrects="yearbok")
    assert [problem.code for problem in problems] == ["import.corrects-unknown"]
    assert problems[0].values["near"] == ["yearbook"]


def test_a_figure_where_another_source_had_a_gap_is_a_fact_of_its_own(empty):
    run(empty, "unit,a\n1,\n2,60\n", "yearbook")
    done = run(empty, "unit,a\n1,80\n", "bulletin")
    assert (done.new, done.corrected) == (1, 0)
    assert run(empty, "unit,a\n1,81\n", "yearbook-2", corrects="yearbook").corrected == 1
    say(empty, '[sources]\nprefer = ["yearbook"]\n')
    assert counted(empty)[0]["1", "a"] == 81.0


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"tolerance": -0.1}, "sources.tolerance"),
        ({"tolerance": 1}, "sources.tolerance"),
        ({"tolerance": float("nan")}, "sources.tolerance"),
        ({"prefer": "yearbook"}, "sources.prefer"),
    ],
)
def test_settings_of_sources_that_make_no_sense_are_refused(given, key):
    problems = Problems()
    assert settings_of({"sources": given}, "assessment.toml", problems) is None
    assert [(p.code, p.where.column) for p in problems] == [("settings.bad-value", key)]


def test_there_is_no_mean_of_sources():
    problems = Problems()
    assert settings_of({"sources": {"combine": "mean"}}, "assessment.toml", problems) is None
    assert [(p.code, p.values["near"]) for p in problems] == [
        ("settings.unknown-key", ["prefer", "tolerance"])
    ]
