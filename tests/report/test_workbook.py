"""The results workbook: every figure of the run, text as text, the limits of the format, nobody named."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import polars as pl
import pytest
import xlsxwriter
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet

import citygauge as cg
from citygauge.problems import InputError
from citygauge.report import workbook_layout
from citygauge.report.files import write_results
from citygauge.report.tables import STEPS, tables
from citygauge.report.workbook import write_workbook
from citygauge.report.workbook_layout import Book, Column, Sheet, shown_width

ROOT = Path(__file__).resolve().parents[2]
STATISTICS, SMART = ROOT / "demo" / "city-statistics-2023", ROOT / "demo" / "smart-2021"
TEXTS = tomllib.loads((Path(workbook_layout.__file__).parent / "workbook.toml").read_text(encoding="utf-8"))
NAMES = {key: words["name"] for key, words in TEXTS["sheets"].items()}
NOTICE = ("示意数据，非观测结果", "illustrative data, not observed")


class Read:
    """A workbook read back by another library, tables by the key of their sheet."""

    def __init__(self, path: Path) -> None:
        self.book = openpyxl.load_workbook(path)
        self.path = path

    def sheet(self, key: str) -> Worksheet:
        return self.book[NAMES[key]]

    def top(self, key: str) -> int:
        """Return the number of frozen rows; the last of them names the columns."""
        return int(re.sub(r"\D", "", str(self.sheet(key).freeze_panes))) - 1

    def rows(self, key: str) -> list[dict[str, Any]]:
        lines = list(self.sheet(key).iter_rows(min_row=self.top(key), values_only=True))
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]

    def cell(self, key: str, row: int, column: str) -> Any:
        """Return a cell by its row below the header and the name of its column."""
        sheet, top = self.sheet(key), self.top(key)
        names = [cell.value for cell in sheet[top]]
        return sheet.cell(top + 1 + row, names.index(column) + 1)

    def part(self, name: str) -> str:
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name).decode()


def run(folder: Path, out: Path) -> tuple[cg.Result, Read, Path]:
    """Assess a workspace; return the result, its workbook read back, and the folder of its CSV tables."""
    result = cg.assess(cg.open(folder))
    out.mkdir(exist_ok=True)
    write_results(result, out / "results")
    write_workbook(result, out / "book.xlsx")
    return result, Read(out / "book.xlsx"), out / "results"


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def same(cell: Any, text: str) -> bool:
    """Tell whether a cell holds what a field of a CSV table says: nothing, the same double, or the text."""
    if text == "":
        return cell is None
    return float(text) == cell if isinstance(cell, int | float) else bool(text == cell)


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, str]], *, without: set[str]) -> None:
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        for name in wanted.keys() - without:
            assert same(row[name], wanted[name]), (name, row, wanted)


IMPUTING = """\
[impute]
how = "group_mean"
group = "country"
[normalise]
how = "goalposts"
"""
STATES = """\
unit,indicator,period,value,state,origin,source
1,a,2023,80,value,observed,s
1,b,2023,2,value,imputed,s
1,c,2023,,not_applicable,,s
2,a,2023,60,value,observed,s
2,b,2023,,not_measurable,,s
2,c,2023,70,value,observed,s
3,a,2023,40,value,observed,s
3,b,2023,10,value,observed,s
3,c,2023,,missing,,s
"""


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> tuple[cg.Result, Read, Path]:
    return run(STATISTICS, tmp_path_factory.mktemp("statistics"))


@pytest.fixture(scope="module")
def smart(tmp_path_factory) -> tuple[cg.Result, Read, Path]:
    return run(SMART, tmp_path_factory.mktemp("smart"))


@pytest.fixture
def small(workspace, tmp_path):
    """Return a function that writes the workbook of a small workspace and reads it back."""

    def write(**files: str) -> tuple[cg.Result, Read, Path]:
        return run(workspace(**files), tmp_path / "out")

    return write


def drawn(path: Path, values: list[Any], notice: str = "", **column: Any) -> Read:
    """Write one column on the sheet of the units and read it back."""
    file = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    other = Column("k", ("甲", "k"), pl.Series(["x"] * len(values), dtype=pl.String))
    sheet = Sheet("units", (Column("v", ("乙", "v"), pl.Series(values), **column), other))
    Book(file, notice, "").add_sheet(sheet)
    file.close()
    return Read(path)


@pytest.mark.parametrize("which", ["statistics", "smart"])
def test_every_figure_of_every_step_is_the_double_of_the_csv_table(request, which):
    _, book, folder = request.getfixturevalue(which)
    for number, name in enumerate(STEPS, 1):
        assert_same(book.rows(name), csv_rows(folder / f"steps/{number}_{name}.csv"), without={"notice"})


@pytest.mark.parametrize("which", ["statistics", "smart"])
def test_scores_ranks_and_availability_are_those_of_the_csv_tables(request, which):
    result, book, folder = request.getfixturevalue(which)
    scores, ranks = ({row["unit_code"]: row for row in book.rows(key)} for key in ("aggregated", "ranks"))
    rows = [row for row in csv_rows(folder / "scores.csv") if row["value"]]
    assert len(rows) == np.count_nonzero(~np.isnan(result.aggregated.values))
    for row in rows:
        assert same(scores[row["unit_code"]][row["code"]], row["value"])
        assert same(ranks[row["unit_code"]][row["code"]], row["rank"])
    available = {row["unit_code"]: row for row in book.rows("availability")}
    for row in csv_rows(folder / "availability.csv"):
        assert same(available[row["unit_code"]][row["code"]], row["availability"])


@pytest.mark.parametrize("which", ["statistics", "smart"])
def test_long_tables_are_those_of_the_csv_tables(request, which):
    _, book, folder = request.getfixturevalue(which)
    sheets = {"facts": "facts", "treatment": "treatment", "imputed": "filled", "statistics": "statistics",
              "grades": "grades", "own_scores": "own_scores"}  # fmt: skip
    for name, key in sheets.items():
        path = folder / f"{name}.csv"
        assert path.exists() == (NAMES[key] in book.book.sheetnames), name
        if path.exists():
            assert_same(book.rows(key), csv_rows(path), without={"notice"})
    weights = [{**row, "share": row["weight"]} for row in csv_rows(folder / "effective_weights.csv")]
    assert_same(book.rows("framework"), weights, without={"notice", "weight"})


@pytest.mark.parametrize("which", ["statistics", "smart"])
def test_every_table_of_a_run_has_its_sheet(request, which):
    result, book, _ = request.getfixturevalue(which)
    renamed = {"scores": "aggregated", "imputed": "filled", "effective_weights": "framework"}
    for table in tables(result):
        key = renamed.get(table) or re.sub(r"steps/\d_", "", table)
        assert NAMES[key] in book.book.sheetnames, table


def test_the_ranking_has_index_pillars_and_grade_best_first(smart, statistics, small):
    _, book, folder = statistics
    scores = {(r["unit_code"], r["code"]): r for r in csv_rows(folder / "scores.csv")}
    rows = book.rows("ranking")
    assert [row["rank"] for row in rows] == sorted(row["rank"] for row in rows)
    for row in rows:
        for code in ("CITYSTAT", "INN", "CON", "ECO", "SRV", "SEC", "ENV"):
            assert same(row[code], scores[row["unit_code"], code]["value"])
    assert (rows[0]["name_zh"], rows[0]["name_en"]) == ("北京", "Beijing")
    # By hand (see the fixture): 0.68, 0.61 and 0.20.
    method = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "smart-2021"\n'
    graded = small(method__toml=method)[1].rows("ranking")
    assert [row["I"] for row in graded] == pytest.approx([0.68, 0.61, 0.2])
    assert {(row["grade"], row["grade_name"]) for row in graded} == {("exploring", "探索城市 Exploring")}
    assert "grade" not in smart[1].rows("ranking")[0]


def test_numbers_keep_the_last_of_their_digits(tmp_path):
    numbers = [0.1 + 0.2, 1 / 3, 100 / 3, 99.999999999999986, 1e-300, 123456789.12345679, 5e-324, -0.0, 0.0]
    found = [row["v"] for row in drawn(tmp_path / "a.xlsx", numbers, number="General").rows("units")]
    assert found == numbers


FORMULAE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x\")",
            "<r><t>x</t></r>", "<r></r>", "_x0041_", "a\x01b", "http://x.org", "mailto:a@x", "#N/A", "TRUE",
            "007", "1e5", "2024-01", "3.10", "12345678901234567890", " a ", "a\nb", "a&b<c>\"'", "𠮷😀",
            "internal:A1"]  # fmt: skip


def test_text_stays_text_whatever_it_looks_like(tmp_path):
    book = drawn(tmp_path / "a.xlsx", FORMULAE)
    found = [unescape(row["v"]) if "_x" in row["v"] else row["v"] for row in book.rows("units")]
    assert found == FORMULAE
    xml = book.part("xl/worksheets/sheet1.xml")
    assert "<f>" not in xml
    assert "hyperlink" not in xml
    cells = [book.cell("units", i, "v") for i in range(len(FORMULAE))]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}


def test_a_workspace_full_of_formulae_gives_a_workbook_without_any(small):
    evil = "=cmd|' /C calc'!A0"
    units = f'unit,name_zh,name_en,post\n1,"{evil}",+1,007\n2,@x,-2+3,2024-01\n3,=1+1,=A1,1e5\n'
    sources = f'id,producer,title,url\ns,"{evil}",=1,https://example.org/a?b=1#c\nt,,-1,file:///etc/passwd\n'
    result, book, _ = small(units__csv=units, sources__csv=sources)
    names = [name for name in zipfile.ZipFile(book.path).namelist() if "worksheets/sheet" in name]
    assert len(names) == len(book.book.sheetnames)
    assert not any("<f>" in book.part(name) for name in names)
    assert [row["name_zh"] for row in book.rows("ranking")] == [evil, "@x", "=1+1"]
    assert [row["post"] for row in book.rows("units")] == ["007", "2024-01", "1e5"]
    assert [row["producer"] for row in book.rows("sources")] == [evil, None]
    assert result.units.codes == tuple(row["unit_code"] for row in book.rows("units"))


def test_only_web_addresses_become_links_and_a_link_shows_where_it_leads(small):
    sources = (
        "id,url\n1,https://example.org/a?b=1#c\n2,file:///etc/passwd\n3,javascript:alert(1)\n"
        "4,http://例子.中国/表\n5,https://a b\n6,internal:A1\n"
    )
    book = small(sources__csv=sources)[1]
    cells = [book.cell("sources", i, "url") for i in range(6)]
    links = [
        cell.hyperlink
        and cell.hyperlink.target + ("#" + cell.hyperlink.location if cell.hyperlink.location else "")
        for cell in cells
    ]
    assert links == ["https://example.org/a?b=1#c", None, None, "http://例子.中国/表", None, None]
    assert [cell.value for cell in cells] == [line.split(",", 1)[1] for line in sources.splitlines()[1:]]


def test_attributes_are_numbers_only_where_no_digit_is_lost(small):
    units = (
        "unit,name_zh,gdp,code,year,long,mixed,zero\n"
        "1,甲,12.5,007,2024-01,123456789012345678,1,1.10\n"
        "2,乙,-3,100,2024-02,1,x,2\n"
        "3,丙,,200,2024-03,2,3,3\n"
    )
    rows = small(units__csv=units)[1].rows("units")
    assert [row["gdp"] for row in rows] == [12.5, -3, None]
    assert [row["unit_code"] for row in rows] == ["1", "2", "3"]
    for name in ("code", "year", "long", "mixed", "zero"):
        assert all(isinstance(row[name], str) for row in rows), name


def test_a_gap_is_blank_and_its_style_tells_missing_not_applicable_and_not_measurable_apart(small):
    book = small(observations__csv=STATES)[1]
    gaps = {"missing": (2, "c"), "not_applicable": (0, "c"), "not_measurable": (1, "b")}
    cells = {state: book.cell("derived", *at) for state, at in gaps.items()}
    assert {cell.value for cell in cells.values()} == {None}
    cells["imputed"] = book.cell("derived", 0, "b")
    assert cells["imputed"].value == 2
    plain = book.cell("derived", 0, "a")
    assert len({str(cell.fill) for cell in [*cells.values(), plain]}) == 5
    legend = {cell.value: cell for cell in book.sheet("derived")[book.top("derived") - 2] if cell.value}
    for state, cell in cells.items():
        words = f"{TEXTS['marks'][f'{state}_zh']}\n{TEXTS['marks'][f'{state}_en']}"
        assert str(legend[words].fill) == str(cell.fill), state
    states = {(row["unit_code"], row["code"]): row["state"] for row in book.rows("facts")}
    assert states["1", "c"] == "not_applicable"
    assert states["2", "b"] == "not_measurable"


def test_imputed_cells_have_their_own_style_from_the_step_that_filled_them(small):
    units = "unit,name_zh,country\n1,苏州,CN\n2,台州,CN\n3,成都,CN\n"
    book = small(method__toml=IMPUTING, units__csv=units)[1]
    assert [(row["unit_code"], row["code"], row["value"]) for row in book.rows("filled")] == [("3", "c", 60)]
    fill = {name: str(book.cell(name, 2, "c").fill) for name in STEPS}
    assert fill["imputed"] == fill["treated"] == fill["normalised"] == fill["aggregated"]
    assert fill["imputed"] != fill["screened"] == fill["derived"]
    assert book.cell("imputed", 2, "c").value == 60  # the mean of 50 and 70
    assert str(book.cell("imputed", 2, "b").fill) != fill["imputed"]


def test_treated_cells_are_marked_in_the_step_that_treated_them(statistics):
    _, book, _ = statistics
    units = [row["unit_code"] for row in book.rows("treated")]
    for row in book.rows("treatment"):
        at = units.index(row["unit_code"])
        assert book.cell("treated", at, row["code"]).value == row["after"]
        marked = book.cell("treated", at, row["code"]).fill.fgColor.rgb
        assert marked != book.cell("imputed", at, row["code"]).fill.fgColor.rgb


def test_scores_weights_and_shares_have_their_number_formats(statistics, smart):
    for (result, book, _), score in ((statistics, "0.00"), (smart, "0.000")):
        root = result.framework.root.code
        for key in ("ranking", "aggregated"):
            assert book.cell(key, 0, root).number_format == score
        assert book.cell("framework", 1, "share").number_format == "0.00%"
        assert book.cell("availability", 0, root).number_format == "0.0%"
        assert book.cell("ranks", 0, root).number_format == "0"
        assert book.cell("units", 0, "unit_code").number_format == "@"
    assert "#,##0" in {statistics[1].cell("derived", 0, "telecom_revenue").number_format}


def test_no_number_format_shows_a_value_as_zero(statistics, small):
    tiny = (
        "unit,indicator,period,value\n1,a,2023,0.000001\n2,a,2023,50\n3,a,2023,70\n1,b,2023,1\n1,c,2023,1\n"
    )
    for book in (statistics[1], small(observations__csv=tiny)[1]):
        sheet, top = book.sheet("derived"), book.top("derived")
        for cell in (cell for row in sheet.iter_rows(min_row=top + 1) for cell in row):
            decimals = len(cell.number_format.partition(".")[2])
            if isinstance(cell.value, float) and cell.value and cell.number_format != "General":
                assert round(cell.value, decimals) != 0, cell.coordinate


@pytest.mark.parametrize("which", ["statistics", "smart"])
def test_every_table_has_panes_filter_bilingual_header_and_print_set_up(request, which):
    _, book, _ = request.getfixturevalue(which)
    for name in book.book.sheetnames[1:]:
        sheet = book.book[name]
        key = next(key for key, told in NAMES.items() if told == name)
        top = book.top(key)
        assert sheet.auto_filter.ref.startswith(f"A{top}:"), name
        assert sheet.print_title_rows == f"$1:${top}"
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.page_setup.fitToHeight == 0
        titles = [row[0].value or "" for row in sheet.iter_rows(max_row=2)]
        assert any(TEXTS["sheets"][key]["zh"] in t and TEXTS["sheets"][key]["en"] in t for t in titles), name
        heads = [cell for cell in sheet[top - 1] if cell.value]
        assert len(heads) == sheet.max_column
        assert all(cell.font.bold and cell.fill.fgColor.rgb == "FFDCE6F0" for cell in heads)
        assert all(6 <= size.width <= 62 for size in sheet.column_dimensions.values())
    assert book.cell("aggregated", -2, "INN" if which == "statistics" else "S").value.count("\n") == 1


def test_a_chinese_character_is_as_wide_as_two_letters():
    assert (shown_width("ab"), shown_width("苏州"), shown_width("苏州 Suzhou")) == (2, 4, 11)
    wide = Column("k", ("甲", "k"), pl.Series(["中文名称很长的城市二十字以上的例子中文名称"]))
    narrow = Column("k", ("甲", "k"), pl.Series(["a" * len(wide.values[0])]))
    assert wide.width == pytest.approx(narrow.width + len(wide.values[0]))


def test_a_table_longer_than_a_sheet_goes_on_on_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook_layout, "MAX_ROWS", 14)
    book = drawn(tmp_path / "a.xlsx", [f"u{i}" for i in range(25)])
    room = 14 - book.book.worksheets[0].max_row + 10
    assert book.book.sheetnames == [f"{NAMES['units']} ({i})" for i in (1, 2, 3)]
    assert all(sheet.max_row <= 14 for sheet in book.book.worksheets)
    found = [row[0] for sheet in book.book.worksheets for row in sheet.iter_rows(min_row=5, values_only=True)]
    assert found == [f"u{i}" for i in range(25)]
    assert room == 10


@pytest.mark.parametrize("text", ["a" * 32_768, "😀" * 16_384])
def test_a_text_too_long_for_a_cell_is_refused_and_the_earlier_file_stays(workspace, tmp_path, text):
    folder = workspace(units__csv=f"unit,name_zh,note\n1,甲,x\n2,乙,{text}\n3,丙,y\n")
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"earlier")
    with pytest.raises(InputError) as error:
        write_workbook(cg.assess(cg.open(folder)), path)
    problem = error.value.problems[0]
    assert (problem.code, problem.where.file, problem.where.sheet) == (
        "out.text-too-long", "book.xlsx", NAMES["units"],
    )  # fmt: skip
    assert (problem.where.row, problem.where.column) == (6, "note")
    assert "32768" in problem.message("zh")
    assert path.read_bytes() == b"earlier"


def test_the_longest_text_that_a_cell_holds_is_kept_whole(small):
    longest = "b" * 32_767
    rows = small(units__csv=f"unit,name_zh,note\n1,甲,{longest}\n2,乙,\n3,丙,\n")[1].rows("units")
    assert rows[0]["note"] == longest


def test_all_that_is_too_large_is_told_at_once(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook_layout, "MAX_COLUMNS", 8)
    monkeypatch.setattr(workbook_layout, "MAX_TEXT", 400)
    framework = (workspace() / "framework.csv").read_text(encoding="utf-8").replace("Pillar P", "P" * 401)
    with pytest.raises(InputError) as error:
        write_workbook(cg.assess(cg.open(workspace(framework__csv=framework))), tmp_path / "a.xlsx")
    told = {(problem.code, problem.where.sheet) for problem in error.value.problems}
    assert ("out.too-many-columns", NAMES["framework"]) in told
    assert ("out.text-too-long", NAMES["aggregated"]) in told
    assert not (tmp_path / "a.xlsx").exists()


def test_names_of_sheets_are_allowed_different_and_in_both_languages():
    assert len({name.casefold() for name in NAMES.values()}) == len(NAMES)
    for name in NAMES.values():
        assert len(f"{name} (999)") <= 31
        assert not set("[]:*?/\\'") & set(name)
        assert re.search("[\u4e00-\u9fff]", name)
        assert re.search("[A-Za-z]", name)


def flat(data: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from flat(value, key)
    elif isinstance(data, list) and name in ("zh", "en"):
        yield from ((name, text) for text in data)
    elif isinstance(data, list):
        yield from zip(("zh", "en"), data, strict=True)
    else:
        yield name, data


def test_every_text_is_there_in_both_languages_with_the_punctuation_of_each():
    for group in (*TEXTS["sheets"].values(), *(TEXTS[k] for k in ("cover", "facts", "marks", "words"))):
        zh = {key for key in group if key.endswith("zh")}
        assert {key[:-2] + "en" for key in zh} == {key for key in group if key.endswith("en")}
    assert len(TEXTS["reading"]["zh"]) == len(TEXTS["reading"]["en"])
    for name, text in flat(TEXTS):
        if name.endswith("zh"):
            assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", text), text
        elif name.endswith("en"):
            assert not re.search(r"[\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]", text), text


@pytest.mark.parametrize("which", ["statistics", "smart"])
def test_every_column_but_nodes_and_attributes_of_others_has_words(request, which):
    result, book, _ = request.getfixturevalue(which)
    known = {*TEXTS["columns"], *result.framework.codes, *result.workspace.units.attributes}
    known |= {name for node in result.framework for name in node.extra}
    for key, name in NAMES.items():
        if key != "readme" and name in book.book.sheetnames:
            assert {cell.value for cell in book.sheet(key)[book.top(key)]} <= known, key


def test_the_cover_names_title_period_hashes_version_and_leads_to_every_sheet(statistics):
    result, book, folder = statistics
    cover = book.sheet("readme")
    cells = [cell.value for row in cover.iter_rows() for cell in row if cell.value]
    assert "五十城统计指数（2023年）" in cells
    assert "2023" in cells
    for pinned in (result.method.hash, result.framework.hash):
        assert pinned in cells
        assert pinned in (folder / "run.json").read_text(encoding="utf-8")
    links = {
        cell.value: cell.hyperlink.location
        for row in cover.iter_rows(max_col=1)
        for cell in row
        if cell.hyperlink
    }
    assert links == {name: f"'{name}'!A1" for name in book.book.sheetnames[1:]}
    assert set(NAMES) - {key for key in NAMES if NAMES[key] in book.book.sheetnames} == {
        "grades", "scale", "own_scores", "rolled_up", "strata", "points", "vetoes",
    }  # fmt: skip


def test_the_method_on_the_sheet_repeats_the_run(statistics):
    result, book, _ = statistics
    text = "\n".join(row["text"] or "" for row in book.rows("method"))
    assert cg.Method.from_toml(text).hash == result.method.hash


def test_what_was_noted_stands_in_both_languages(small):
    result, book, _ = small()
    assert result.warnings
    found = [(row["problem"], row["message_zh"], row["message_en"]) for row in book.rows("problems")]
    assert found == [(p.code, p.message("zh"), p.message("en")) for p in result.warnings]


def test_the_same_run_gives_the_same_bytes_with_fixed_dates(workspace, tmp_path):
    folder = workspace()
    paths = [tmp_path / "a.xlsx", tmp_path / "b.xlsx"]
    for path in paths:
        write_workbook(cg.assess(cg.open(folder)), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        assert {item.date_time[0] for item in archive.infolist()} == {1980}
    assert openpyxl.load_workbook(paths[0]).properties.created.year == 1980


@pytest.mark.parametrize("changed", [False, True])
def test_no_sheet_with_figures_of_illustrative_data_names_a_city(smart, tmp_path, changed):
    result, book = smart[:2]
    if changed:  # another method: grades that differ from the published ones, and a city screened out
        folder = tmp_path / "changed"
        shutil.copytree(SMART, folder, ignore=shutil.ignore_patterns("results"))
        text = (folder / "method.toml").read_text(encoding="utf-8").replace('"inferred"', '"equal"')
        (folder / "method.toml").write_text(f'{text}\n[screen]\nexclude = ["440300"]\n', encoding="utf-8")
        result, book, _ = run(folder, tmp_path / "out")
    frame = result.workspace.units.frame
    codes = set(frame["unit"])
    names = {name for c in ("name_zh", "name_zh_full", "name_en") for name in frame[c] if name}
    pattern = re.compile("|".join(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])" for name in names))
    naming = {"units", "grades"}
    assert NAMES["facts"] not in book.book.sheetnames
    for key, name in NAMES.items():
        if name not in book.book.sheetnames:
            continue
        cells = [cell for row in book.book[name].iter_rows() for cell in row if cell.value is not None]
        if key in naming:
            assert not [cell.value for cell in cells if not isinstance(cell.value, str)], key
        elif key != "method":  # the method itself may name a unit that it excludes
            assert not [c.value for c in cells if str(c.value) in codes or pattern.search(str(c.value))], key
    told = {(row["grade"], row["unit_code"]) for row in book.rows("grades")}
    published = dict(zip(frame["unit"], frame["report_grade"], strict=True))
    assert all(published[unit] == grade for grade, unit in told)
    labels = [row["unit_code"] for row in book.rows("derived")]
    assert labels == sorted(labels)
    assert len(labels) == 50


def test_the_notice_stands_on_top_and_in_the_print_header_of_every_sheet_of_illustrative_data(
    smart, statistics
):
    for sheet in smart[1].book.worksheets:
        assert all(words in sheet["A1"].value for words in NOTICE), sheet.title
        assert all(words in sheet.oddHeader.right.text for words in NOTICE), sheet.title
    for sheet in statistics[1].book.worksheets:
        assert NOTICE[0] not in str(sheet["A1"].value)


@pytest.mark.parametrize("which", ["statistics", "smart"])
def test_libreoffice_reads_the_same_figures_and_no_error(request, which, tmp_path):
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("LibreOffice (soffice) is not installed")
    _, book, _ = request.getfixturevalue(which)
    # Separator, quotation mark, UTF-8, from row 1, cells as they are stored, every sheet in a file.
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        soffice,
        profile,
        "--headless",
        "--convert-to",
        form,
        "--outdir",
        str(tmp_path),
        str(book.path),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    compared = 0
    for sheet in book.book.worksheets:
        text = (tmp_path / f"book-{sheet.title}.csv").read_text(encoding="utf-8")
        assert not re.search(r"#(NAME\?|REF!|VALUE!|DIV/0!|NUM!)|Err:\d", text), sheet.title
        lines = list(csv.reader(io.StringIO(text)))
        for i, row in enumerate(sheet.iter_rows(values_only=True)):
            for j, value in enumerate(row):
                if isinstance(value, int | float):
                    told = lines[i][j]
                    number = float(told.rstrip("%")) / (100 if told.endswith("%") else 1)
                    assert number == pytest.approx(value, rel=1e-14), (sheet.title, i, j)
                    compared += 1
                elif value is not None and "\n" not in value:
                    assert lines[i][j] == value, (sheet.title, i, j)
    assert compared > 5000
