"""Wide tables read by a map: the things, what is said of them, the cell of each fact, and every fault."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.collect.subject_table import SubjectFacts, SubjectMap, read_subject_map, read_subject_table
from citygauge.collect.units import Units
from citygauge.files import Sheet, frame_sheet, read_sheet
from citygauge.framework.model import Framework, Node
from citygauge.framework.rollup import Item
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.subjects import import_subjects

TREE = Framework((Node("I"), Node("a", "I", direction=1)), items=(Item("q"), Item("r")))
CITIES = Units(
    pl.DataFrame({"unit": ["320500", "510100"], "name_zh": ["苏州", "成都"], "aliases": ["姑苏", None]})
)
MAP = """\
kind = "page"
unit = "city"
id = ["event", "no"]
channel = "web"
period = "2023"
[parent]
kind = "service"
id = ["event"]
attributes = ["level", "type"]
[attributes]
level = "lvl"
type = "type"
[attribute_values.level]
national = "Central"
"0" = ""
[values]
yes = 1
NO = 0
nr = "not_measurable"
"n/a" = "not_applicable"
[indicators]
q = "Q"
r = "R"
[where]
use = ["x", "X"]
"""
HEADER = "city,event,no,lvl,type,Q,R,use\n"
TABLE = (
    HEADER
    + "苏州,E,1,Central,A,yes,2.5,x\n姑苏,E,2,national,B,No,NR,X\n成都,E,1,0,A,n/a,,x\n成都,F,1,,A,1,,no\n"
)


def read(tmp_path: Path, table: str = TABLE, how: str = MAP) -> tuple[SubjectFacts | None, Problems]:
    problems = Problems()
    (tmp_path / "map.toml").write_text(how, encoding="utf-8")
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    rules, sheet = read_subject_map(tmp_path / "map.toml", problems), read_sheet(tmp_path / "t.csv", problems)
    assert rules is not None
    assert sheet is not None
    return read_subject_table(sheet, rules, TREE, CITIES, problems), problems


def told(found: SubjectFacts) -> dict[tuple[str, str], tuple[float | None, str, str]]:
    rows = found.facts.iter_rows(named=True)
    return {(row["subject"], row["indicator"]): (row["value"], row["state"], row["cell"]) for row in rows}


def test_each_cell_that_says_something_is_a_fact_with_its_place(tmp_path):
    found, _ = read(tmp_path)
    assert told(found) == {
        ("320500:page:E:1", "q"): (1.0, "value", "F2"),
        ("320500:page:E:1", "r"): (2.5, "value", "G2"),
        ("320500:page:E:2", "q"): (0.0, "value", "F3"),
        ("320500:page:E:2", "r"): (None, "not_measurable", "G3"),
        ("510100:page:E:1", "q"): (None, "not_applicable", "F4"),
    }
    assert found.facts["unit"].to_list() == [s.partition(":")[0] for s in found.facts["subject"]]
    assert set(found.facts["channel"]) == {"web"}
    assert set(found.facts["period"]) == {"2023"}
    assert found.left_out == 1


def test_things_stand_below_parents_that_have_the_attributes_their_parts_agree_on(tmp_path):
    found, problems = read(tmp_path)
    rows = {row["subject"]: row for row in found.subjects.iter_rows(named=True)}
    assert set(rows) == {*(s for s, _ in told(found)), "320500:service:E", "510100:service:E"}
    place = ("unit", "kind", "parent", "level", "type")
    assert [rows["320500:page:E:2"][name] for name in place] == [
        "320500",
        "page",
        "320500:service:E",
        "Central",
        "B",
    ]
    assert [rows["320500:service:E"][name] for name in place] == ["320500", "service", None, "Central", None]
    # a text that is replaced by blank is no attribute
    assert [rows["510100:service:E"][name] for name in place] == ["510100", "service", None, None, "A"]
    (warning,) = problems
    assert (warning.code, warning.severity) == ("import.parts-disagree", "warning")
    says(warning, "type", "320500:service:E")


def test_the_number_of_the_row_tells_things_apart_that_nothing_else_does(tmp_path):
    how = MAP.replace('id = ["event", "no"]', 'id = ["event", "#"]')
    found, _ = read(tmp_path, TABLE.replace("E,2", "E,1"), how)
    pages = found.subjects.filter(pl.col("kind") == "page")
    assert list(pages["subject"]) == ["320500:page:E:2", "320500:page:E:3", "510100:page:E:4"]


def test_a_table_without_a_parent_has_things_of_the_unit_itself(tmp_path):
    how = MAP[: MAP.index("[parent]")] + MAP[MAP.index("[attributes]") :]
    found, _ = read(tmp_path, how=how)
    assert found.subjects["parent"].to_list() == [None, None, None]
    assert set(found.subjects["kind"]) == {"page"}


@settings(max_examples=40, deadline=None)
@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from(["苏州", "成都市", "510100", "姑苏"]),
            st.sampled_from(["yes", "YES", "no", "Nr", "N/A", None, "3", "-0.25", "1e3"]),
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_every_answer_is_read_as_the_map_says(cells):
    frame = pl.DataFrame(
        {"city": [unit for unit, _ in cells], "Q": [text for _, text in cells]},
        schema_overrides={"Q": pl.String},
    )
    how = read_map(
        'kind = "page"\nunit = "city"\nid = ["#"]\n', MAP[MAP.index("[values]") : MAP.index('r = "R"')]
    )
    problems = Problems()
    found = read_subject_table(frame_sheet(frame, "t"), how, TREE, CITIES, problems)
    assert not list(problems)
    unit_of = {"苏州": "320500", "姑苏": "320500", "成都市": "510100", "510100": "510100"}
    said = {
        "yes": (1.0, "value"),
        "no": (0.0, "value"),
        "nr": (None, "not_measurable"),
        "n/a": (None, "not_applicable"),
    }
    expected = {
        (f"{unit_of[unit]}:page:{row}", "q"): said.get(text.lower()) or (float(text), "value")
        for row, (unit, text) in enumerate(cells, 1)
        if text is not None
    }
    assert {key: fact[:2] for key, fact in told(found).items()} == expected
    assert found.subjects.height == len(cells)


def read_map(*parts: str) -> SubjectMap | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.toml"
        path.write_text("".join(parts), encoding="utf-8")
        return read_subject_map(path, Problems())


def says(problem: Problem, *named: str) -> None:
    for language in ("en", "zh"):
        text = problem.message(language) + problem.hint(language)
        assert [word for word in named if word not in text] == []


@pytest.fixture
def campaign(workspace: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a workspace with a map and an empty list of facts."""

    def write(how: str = MAP, **files: str) -> Path:
        return workspace(
            units__csv="unit,name_zh,aliases\n320500,苏州,姑苏\n510100,成都,\n",
            observations__csv="unit,indicator,period,value,subject,source\n",
            items__csv="code,kind,low,high\nq,page,0,1\nr,page,,\n",
            rollups__csv="code,kind,to,how,of\na,page,unit,mean,q\n",
            **{"imports/pages.toml": how},
            **files,
        )

    return write


T, M = "t.csv", "pages.toml"
FAULTS = {
    "a map that is no TOML": ("file.not-toml", Where(M), [], MAP + "[", TABLE),
    "a map without a kind": (
        "import.bad-map",
        Where(M, column="kind"),
        ["kind"],
        MAP.replace('kind = "page"', ""),
        TABLE,
    ),
    "a map with a key that is none": (
        "import.bad-map",
        Where(M, column="knid"),
        ["knid"],
        'knid = "page"\n' + MAP,
        TABLE,
    ),
    "a map without an id": (
        "import.bad-map",
        Where(M, column="id"),
        ["id"],
        MAP.replace('id = ["event", "no"]', "id = []"),
        TABLE,
    ),
    "a parent without an id": (
        "import.bad-map",
        Where(M, column="parent.id"),
        ["parent.id"],
        MAP.replace('id = ["event"]\n', ""),
        TABLE,
    ),
    "columns that the table lacks": (
        "import.map-columns",
        Where(T),
        ["Q", "use", "city"],
        MAP,
        "city,event,no,lvl,type,R\n苏州,E,1,,,1\n",
    ),
    "codes that are none": ("import.map-codes", Where(T), ["qq"], MAP.replace('q = "Q"', 'qq = "Q"'), TABLE),
    "a state that is none": (
        "import.map-state",
        Where(T),
        ["unsure", "not_measurable"],
        MAP.replace('"not_measurable"', '"unsure"'),
        TABLE,
    ),
    "answers that the map does not know": (
        "import.unknown-answer",
        Where(T, None, 2),
        ["maybe", "F2", "F4", "yes"],
        MAP,
        TABLE.replace("yes", "maybe").replace("n/a", "maybe"),
    ),
    "a number that is none": (
        "import.unknown-answer",
        Where(T, None, 2),
        ["inf", "G2"],
        MAP,
        TABLE.replace("2.5", "inf"),
    ),
    "a blank part of an id": (
        "subjects.blank-cell",
        Where(T, None, 3, "no"),
        ["no"],
        MAP,
        TABLE.replace("E,2", "E,"),
    ),
    "an id that is repeated": (
        "subjects.repeated",
        Where(T, None, 3, "no"),
        ["320500:page:E:1", "2", "3"],
        MAP,
        TABLE.replace("E,2", "E,1"),
    ),
    "a row without a unit": (
        "units.no-code",
        Where(T, None, 2, "city"),
        [],
        MAP,
        TABLE.replace("苏州,E,1", ",E,1"),
    ),
    "a unit that nobody knows": (
        "units.unknown",
        Where(T, None, 2),
        ["苏洲"],
        MAP,
        TABLE.replace("苏州,E,1", "苏洲,E,1"),
    ),
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_a_fault_is_named_with_its_place_in_both_languages_and_nothing_is_written(campaign, sentence):
    code, place, named, how, table = FAULTS[sentence]
    folder = campaign(how)
    file = folder.parent / "t.csv"
    file.write_text(table, encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError) as caught:
        import_subjects(folder, file, "pages", Source(""))
    found = [problem for problem in caught.value.problems if problem.code == code]
    assert [problem.where for problem in found] == [place], [p.code for p in caught.value.problems]
    says(found[0], *named)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_map_that_is_not_there_is_named_with_its_place(campaign):
    folder = campaign()
    (folder.parent / "t.csv").write_text(TABLE, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        import_subjects(folder, folder.parent / "t.csv", "portals", Source(""))
    (problem,) = caught.value.problems
    assert problem.code == "file.not-found"
    assert problem.where.file == str(folder / "imports" / "portals.toml")


def test_the_places_of_cells_in_a_workbook_name_its_sheet(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "网页"
    for i, row in enumerate([line.split(",") for line in TABLE.splitlines()]):
        for j, text in enumerate(row):
            sheet.cell(3 + i, 2 + j, float(text) if text == "2.5" else text or None)
    book.save(tmp_path / "t.xlsx")
    problems = Problems()
    table = read_sheet(tmp_path / "t.xlsx", problems)
    assert isinstance(table, Sheet)
    found = read_subject_table(table, read_map(MAP), TREE, CITIES, problems)
    assert {fact[2] for fact in told(found).values()} == {
        "网页!G4",
        "网页!H4",
        "网页!G5",
        "网页!H5",
        "网页!G6",
    }
    values = {key: fact[:2] for key, fact in told(found).items()}
    assert values == {key: fact[:2] for key, fact in told(read(tmp_path)[0]).items()}
