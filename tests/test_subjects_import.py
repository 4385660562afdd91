"""Tables about things inside units come into a workspace whole or not at all; nothing recorded changes."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

import citygauge as cg
from citygauge.problems import InputError, Problem, Where
from citygauge.provenance import Source
from citygauge.store.subjects import ImportedSubjects, import_subjects

MAP = """\
kind = "page"
unit = "城市"
id = ["service", "no"]
[parent]
kind = "service"
id = ["service"]
attributes = ["level"]
[attributes]
level = "level"
[values]
"是" = 1
"否" = 0
"不适用" = "not_applicable"
"不详" = "not_measurable"
[indicators]
q = "可办理"
[where]
applies = ["yes"]
"""
HEADER = "城市,service,no,level,可办理,applies\n"
ROWS = (
    "苏州市,S,1,市,是,yes",
    "苏州,S,2,市,否,yes",
    "宿州市,S,1,县,是,yes",
    "成都,S,1,市,不适用,yes",
    "成都,T,1,市,,no",
)
TABLE = HEADER + "\n".join(ROWS) + "\n"
CITIES = "unit,name_zh,name_en\n320500,苏州,Suzhou\n341300,宿州,Suzhou\n510100,成都,Chengdu\n"
EXPECTED = {"320500:page:S:1": 1.0, "320500:page:S:2": 0.0, "341300:page:S:1": 1.0, "510100:page:S:1": None}


@pytest.fixture
def campaign(workspace: Callable[..., Path]) -> Path:
    """Write a workspace whose pages are counted by service: the share of pages that say yes."""
    return workspace(
        units__csv=CITIES,
        observations__csv="unit,indicator,period,value,unit_of_measure,state,origin,channel,source,subject\n",
        items__csv="code,kind,low,high\nq,page,0,1\n",
        rollups__csv="code,kind,to,how,of\na,page,service,share,q\na,service,unit,mean,\n",
        **{"imports/pages.toml": MAP},
    )


def write(folder: Path, text: str, name: str = "表.csv", encoding: str = "utf-8") -> Path:
    (folder.parent / name).write_bytes(text.encode(encoding))
    return folder.parent / name


def run(folder: Path, file: Path, how: str = "pages", told: Source | None = None) -> ImportedSubjects:
    return import_subjects(folder, file, how, told or Source(""))


def counts(done: ImportedSubjects) -> tuple[int, int, int, int]:
    return done.subjects, done.facts, done.known, done.left_out


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def recorded(folder: Path) -> dict[str, float | None]:
    return dict(cg.open(folder).observations.frame.select("subject", "value").iter_rows())


def refused(folder: Path, file: Path, code: str) -> Problem:
    """Import a table that has to be refused; return its one problem of a code. Nothing is written."""
    before = content(folder)
    with pytest.raises(InputError) as caught:
        run(folder, file)
    assert content(folder) == before
    (problem,) = [problem for problem in caught.value.problems if problem.code == code]
    assert problem.severity == "error"
    return problem


def says(problem: Problem, *named: str) -> None:
    for language in ("en", "zh"):
        text = problem.message(language) + problem.hint(language)
        assert [word for word in named if word not in text] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_in_any_encoding_becomes_things_and_facts_that_a_run_can_use(campaign, encoding):
    done = run(campaign, write(campaign, TABLE, encoding=encoding))
    assert counts(done) == (
        4 + 3,
        4,
        0,
        1,
    )  # pages and services, answers, known ones, the row that does not apply
    assert done.warnings == ()
    assert recorded(campaign) == EXPECTED
    result = cg.assess(cg.open(campaign))
    # one of two pages says yes; the only one does; nothing applies
    assert result.derived.column("a")[:2].tolist() == [50.0, 100.0]
    assert result.derived.applicable[:, result.derived.codes.index("a")].tolist() == [True, True, False]


def test_a_workbook_becomes_the_same_things_and_facts(campaign):
    book = openpyxl.Workbook()
    book.active.title = "网页"
    for line in TABLE.splitlines():
        book.active.append([int(text) if text.isdigit() else text or None for text in line.split(",")])
    book.save(campaign.parent / "pages.xlsx")
    assert counts(run(campaign, campaign.parent / "pages.xlsx")) == (7, 4, 0, 1)
    workspace = cg.open(campaign)
    assert recorded(campaign) == EXPECTED
    assert list(workspace.observations.frame["cell"]) == ["网页!E2", "网页!E3", "网页!E4", "网页!E5"]
    (source,) = workspace.sources.values()
    assert (source.sheet, source.cell_range) == ("网页", "A1:F6")


def test_every_fact_names_its_cell_and_the_original_is_kept_by_its_hash(campaign):
    file = write(campaign, TABLE, encoding="gb18030")
    run(campaign, file, told=Source("", producer="Institute", licence="CC BY 4.0"))
    workspace = cg.open(campaign)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (source,) = workspace.sources.values()
    assert (source.sha256, source.producer, source.licence) == (digest, "Institute", "CC BY 4.0")
    kept = campaign / source.file
    assert kept.read_bytes() == file.read_bytes()
    assert digest.startswith(kept.stem)
    cells = [line.split(",") for line in kept.read_text("gb18030").splitlines()]
    word = {1.0: "是", 0.0: "否", None: "不适用"}
    for row in workspace.observations.frame.iter_rows(named=True):
        letter, line = row["cell"][0], int(row["cell"][1:])
        assert cells[line - 1]["ABCDEF".index(letter)] == word[row["value"]]
        assert row["source"] == source.id
        assert row["origin"] == "observed"


def test_things_have_the_attributes_of_the_table_and_their_parents_those_they_agree_on(campaign):
    text = TABLE.replace("S,2,市", "S,2,县")
    (warning,) = run(campaign, write(campaign, text)).warnings
    assert (warning.code, warning.severity) == ("import.parts-disagree", "warning")
    says(warning, "level", "320500:service:S")
    with (campaign / "subjects.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["subject"]: row for row in csv.DictReader(stream)}
    place = ("unit", "kind", "parent", "level")
    assert [rows["320500:page:S:2"][name] for name in place] == ["320500", "page", "320500:service:S", "县"]
    assert [rows[f"{unit}:service:S"]["level"] for unit in ("320500", "341300", "510100")] == ["", "县", "市"]
    assert {row["parent"] for row in rows.values() if row["kind"] == "service"} == {""}


def test_reading_the_same_table_again_adds_nothing_and_says_so(campaign):
    run(campaign, write(campaign, TABLE))
    before = content(campaign)
    again = run(campaign, write(campaign, TABLE))
    assert counts(again) == (0, 0, 4, 1)
    assert [problem.code for problem in again.warnings] == ["import.nothing-new"]
    assert content(campaign) == before


def test_a_longer_table_adds_only_what_is_new(campaign):
    run(campaign, write(campaign, TABLE))
    before = recorded(campaign)
    done = run(campaign, write(campaign, TABLE + "成都,S,2,市,是,yes\n苏州,T,1,市,是,yes\n"))
    assert counts(done) == (1 + 2, 2, 4, 1)
    assert recorded(campaign) == {**before, "510100:page:S:2": 1.0, "320500:page:T:1": 1.0}
    assert len(cg.open(campaign).sources) == 2


@pytest.mark.parametrize(
    ("old", "new", "row", "named"),
    [
        ("S,2,市,否", "S,2,市,是", 3, ("320500:page:S:2", "q", "0", "1")),
        ("S,2,市,否", "S,2,市,不适用", 3, ("320500:page:S:2", "q", "0")),
        ("S,1,市,不适用", "S,1,市,否", 5, ("510100:page:S:1", "q", "0")),
        ("S,1,市,不适用", "S,1,市,不详", 5, ("510100:page:S:1", "q")),
    ],
)
def test_a_fact_that_differs_from_the_recorded_one_is_refused_and_nothing_is_written(
    campaign, old, new, row, named
):
    run(campaign, write(campaign, TABLE))
    text = TABLE.replace(old, new) + "成都,S,2,市,是,yes\n"
    problem = refused(campaign, write(campaign, text), "subjects.value-changed")
    assert problem.where == Where("表.csv", row=row, column=f"E{row}")
    says(problem, *named)


def test_a_thing_whose_attributes_differ_from_the_listed_ones_is_refused_and_nothing_is_written(campaign):
    run(campaign, write(campaign, TABLE))
    before = content(campaign)
    with pytest.raises(InputError) as caught:
        run(campaign, write(campaign, TABLE.replace("S,1,县", "S,1,区")))
    found = [problem for problem in caught.value.problems if problem.code == "subjects.changed"]
    assert len(found) == 1
    assert (found[0].where.file, found[0].where.column) == ("subjects.csv", "level")
    says(found[0], "341300:page:S:1", "341300:service:S", "level", "县", "区")
    assert content(campaign) == before


def test_an_id_that_stands_in_two_rows_is_refused_and_nothing_is_written(campaign):
    text = TABLE + "苏州,S,1,市,是,yes\n"
    problem = refused(campaign, write(campaign, text), "subjects.repeated")
    assert problem.where == Where("表.csv", row=7, column="no")
    says(problem, "320500:page:S:1", "2", "7")


def test_a_value_beyond_an_items_bounds_is_refused_and_nothing_is_written(campaign):
    problem = refused(campaign, write(campaign, TABLE.replace("否", "7")), "facts.beyond-bounds")
    assert problem.where.file == "表.csv"
    says(problem, "q", "7", "0", "1")


def test_a_city_that_is_not_assessed_is_left_out_and_named(campaign):
    done = run(campaign, write(campaign, TABLE + "北京,S,1,市,是,yes\n"))
    (warning,) = done.warnings
    assert (warning.code, warning.where.row) == ("units.not-assessed", 7)
    says(warning, "北京")
    assert (done.subjects, done.facts) == (7, 4)


def test_a_name_that_two_cities_share_is_refused_and_nothing_is_written(campaign):
    problem = refused(campaign, write(campaign, TABLE.replace("苏州市", "Suzhou")), "units.ambiguous")
    assert problem.where.file == "表.csv"
    says(problem, "Suzhou", "苏州", "宿州")


def test_a_map_is_found_in_the_workspace_by_path_and_in_a_built_in_framework(campaign, tmp_path):
    (tmp_path / "own.toml").write_text(MAP, encoding="utf-8")
    assert run(campaign, write(campaign, TABLE), str(tmp_path / "own.toml")).facts == 4
    folder = tmp_path / "benchmark"
    folder.mkdir()
    (folder / "assessment.toml").write_text('framework = "egov-benchmark-2023"\n', encoding="utf-8")
    (folder / "units.csv").write_text("unit,name_en\nAT,Austria\n", encoding="utf-8")
    (folder / "observations.csv").write_text("unit,indicator,value,state,subject\n", encoding="utf-8")
    header = "country,life_event,year_data_collection,H1,H2,H3\n"
    table = header + "AT,Career,2022,Yes,NR,no\nAT,Family,2022,Yes,Yes,no\n"
    assert counts(run(folder, write(folder, table), "cross_border_portals")) == (2, 6, 0, 0)


def test_things_that_say_nothing_are_listed_all_the_same(campaign):
    assert counts(run(campaign, write(campaign, HEADER + "成都,S,1,市,,yes\n"))) == (2, 0, 0, 0)
    assert set(cg.open(campaign).subjects.frame["subject"]) == {"510100:service:S", "510100:page:S:1"}
