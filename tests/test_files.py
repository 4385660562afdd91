"""Tables as they stand in files: what is refused, what is said about it, and where every cell is."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge import xlsx
from citygauge.files import (
    Sheet,
    canonical_headers,
    column_letter,
    frame_sheet,
    read_sheet,
    sheet_names,
    text_of,
    write_csv,
)
from citygauge.framework.model import FRAMEWORK_COLUMNS
from citygauge.problems import Problem, Problems


def read(folder: Path, content: str | bytes, name: str = "表 t.csv") -> tuple[Sheet | None, list[Problem]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = Problems()
    return read_sheet(path, problems), list(problems)


def good(folder: Path, content: str | bytes) -> Sheet:
    sheet, problems = read(folder, content)
    assert problems == []
    assert sheet is not None
    return sheet


def refused(folder: Path, content: str | bytes, name: str = "t.csv") -> Problem:
    sheet, (problem,) = read(folder, content, name)
    assert sheet is None
    assert problem.where.file == name
    assert problem.message("en")
    assert problem.message("zh")
    return problem


def book(path: Path, rows: list[list[object]], title: str = "Sheet1") -> Path:
    made = openpyxl.Workbook()
    made.active.title = title
    for row in rows:
        made.active.append(row)
    made.save(path)
    return path


def with_part(path: Path, part: str, content: str) -> Path:
    """Replace one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, old in parts.items():
            archive.writestr(name, content if name == part else old)
    return path


XML = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}'
    '<sheetData><row r="1"><c r="A1"><v>1</v></c></row>{}</sheetData></worksheet>'
)
FAR_CELL = XML.format("", '<row r="1000000"><c r="ALL1000000"><v>1</v></c></row>')
FAR_DIMENSION = XML.format('<dimension ref="A1:ALL1000000"/>', "")


# --- the guard ---------------------------------------------------------------------------------------


FAR_SINGLE_QUOTES = FAR_CELL.replace('r="ALL1000000"', "r='ALL1000000'")
FAR_LINE_BREAK = FAR_CELL.replace("<c r=", "<c\nr=")
FAR_PREFIX = re.sub(r"<(/?)(?=[a-z])", r"<\1x:", FAR_CELL).replace("xmlns=", "xmlns:x=")
# A cell may leave its address out: it then stands right of the one before.
FAR_WITHOUT_ADDRESS = XML.format("", f'<row r="1000000">{"<c><v>1</v></c>" * 1000}</row>')


@pytest.mark.parametrize(
    "content",
    [FAR_CELL, FAR_DIMENSION, FAR_SINGLE_QUOTES, FAR_LINE_BREAK, FAR_PREFIX, FAR_WITHOUT_ADDRESS],
    ids=["cell", "dimension", "single quotes", "line break", "prefix", "without address"],
)
def test_a_small_workbook_that_claims_a_billion_cells_is_refused(tmp_path, content):
    path = with_part(book(tmp_path / "b.xlsx", [["a"]]), "xl/worksheets/sheet1.xml", content)
    assert path.stat().st_size < 10_000
    problems = Problems()
    assert read_sheet(path, problems) is None
    assert sheet_names(path, problems) == []
    for problem in problems:
        assert problem.code == "file.too-many-cells"
        assert (problem.values["rows"], problem.values["columns"]) == (1_000_000, 1_000)
        assert problem.values["limit"] == xlsx.MAX_CELLS


def test_a_workbook_that_unpacks_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    path = book(tmp_path / "b.xlsx", [["a"], ["x" * 10]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/blank.bin", bytes(5_000_000))
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(xlsx, "MAX_UNPACKED_BYTES", 2_000_000)
    problem = refused(tmp_path, path.read_bytes(), "b.xlsx")
    assert problem.code == "file.too-large"
    assert (problem.values["size"], problem.values["limit"]) == (5, 2)
    monkeypatch.undo()
    sheet, problems = read(tmp_path, path.read_bytes(), "b.xlsx")
    assert problems == []
    assert sheet is not None


def test_a_workbook_just_within_the_limit_of_cells_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MAX_CELLS", 6)
    content = book(tmp_path / "b.xlsx", [["a", "b"], [1, 2], [3, 4]]).read_bytes()
    assert read(tmp_path, content, "b.xlsx")[1] == []
    monkeypatch.setattr(xlsx, "MAX_CELLS", 5)
    assert refused(tmp_path, content, "b.xlsx").code == "file.too-many-cells"


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04 and no more", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_that_is_none_is_refused(tmp_path, content):
    assert refused(tmp_path, content, "b.xlsx").code == "file.not-a-workbook"
    problems = Problems()
    assert sheet_names(tmp_path / "b.xlsx", problems) == []
    assert [problem.code for problem in problems] == ["file.not-a-workbook"]


@pytest.mark.parametrize("content", ["hello", XML.format("", "<row")], ids=["text", "cut off"])
def test_a_workbook_with_a_damaged_sheet_is_no_workbook(tmp_path, content):
    path = with_part(book(tmp_path / "b.xlsx", [["a"]]), "xl/worksheets/sheet1.xml", content)
    assert refused(tmp_path, path.read_bytes(), "b.xlsx").code == "file.not-a-workbook"


def test_a_workbook_with_damaged_compression_is_no_workbook(tmp_path):
    path = book(tmp_path / "b.xlsx", [["a"]])
    with zipfile.ZipFile(path) as archive:
        item = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(path.read_bytes())
    start = item.header_offset + 30 + len(item.filename) + 5
    content[start : start + 20] = bytes(255 - byte for byte in content[start : start + 20])
    assert refused(tmp_path, bytes(content), "b.xlsx").code == "file.not-a-workbook"


def test_an_archive_without_sheets_is_no_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("read me.txt", "nothing")
    assert refused(tmp_path, (tmp_path / "b.xlsx").read_bytes(), "b.xlsx").code == "file.not-a-workbook"


@pytest.mark.parametrize("name", ["no.csv", "no.xlsx", "folder.csv", "folder.xlsx"])
def test_a_missing_file_and_a_folder_are_not_found(tmp_path, name):
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    problems = Problems()
    assert read_sheet(tmp_path / name, problems) is None
    assert [problem.code for problem in problems] == ["file.not-found"]


def test_a_file_of_another_kind_is_refused_by_its_suffix(tmp_path):
    problem = refused(tmp_path, "a,b\n1,2\n", "t.ods")
    assert (problem.code, problem.values["kind"]) == ("file.unknown-kind", ".ods")


# --- what a file must not be -------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", ",,,\n", ",,\n\n,,\n", " , ,\n"])
def test_a_file_with_nothing_in_it_is_empty(tmp_path, content):
    assert refused(tmp_path, content).code == "file.empty"


def test_a_workbook_with_nothing_in_it_is_empty_and_names_the_sheet(tmp_path):
    problem = refused(tmp_path, book(tmp_path / "b.xlsx", []).read_bytes(), "b.xlsx")
    assert (problem.code, problem.where.sheet) == ("file.empty", "Sheet1")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a,b\n\x001,2\n", "file.null"),
        (b"\x00\x00", "file.null"),
        ("a,b\n1,2\n".encode("utf-16"), "file.utf-16"),
        ("城市,数值\n1,2\n3,4\n".encode("utf-16-le"), "file.utf-16"),
        (b"PK\x03\x04\x14\x00\x00\x00", "file.workbook-named-csv"),
        (b"a\xff\xff\n", "file.encoding"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_the_reason(tmp_path, content, code):
    assert refused(tmp_path, content).code == code


def test_a_null_character_is_named_with_its_line(tmp_path):
    assert refused(tmp_path, "城市,数值\n1,2\n3,\0\n".encode()).where.row == 3


def test_rows_with_too_many_cells_are_named(tmp_path):
    problem = refused(tmp_path, "a,b\n1,2,3\n4,5\n\n6,7,8\n")
    assert (problem.code, problem.where.row) == ("file.ragged", 2)
    assert (problem.values["rows"], problem.values["width"]) == ([2, 5], 2)


def test_rows_with_too_few_cells_end_in_empty_ones(tmp_path):
    assert good(tmp_path, "a,b,c\n1\n2,3\n").frame.rows() == [("1", None, None), ("2", "3", None)]


def test_a_repeated_header_is_refused_in_its_row(tmp_path):
    problem = refused(tmp_path, "\na,b, a,c,b,,\n1,2,3,4,5,,\n")
    assert (problem.code, problem.where.row) == ("file.repeated-header", 2)
    assert problem.values["headers"] == ["a", "b"]


def test_a_column_with_data_and_no_header_is_named_by_its_letter(tmp_path):
    _, (problem,) = read(tmp_path, "a,,b,,\n1,x,2,,\n3,,4,,y\n")
    assert (problem.code, problem.where.row) == ("file.column-without-header", 1)
    assert problem.values["columns"] == ["B", "E"]


def test_an_empty_column_without_header_is_left_out(tmp_path):
    sheet = good(tmp_path, "a,,b,\n1,,2,\n")
    assert sheet.frame.columns == ["a", "b"]
    assert sheet.cell(0, "b") == "C2"


@pytest.mark.parametrize(
    "content",
    ['a,b\n1,"2\n3,4\n', 'a,"b\n1,2\n', 'a,b\n1,"2\n' + "3,4\n" * 40_000],
    ids=["in a cell", "in the header", "before 160 kB"],
)
def test_a_quotation_mark_that_is_never_closed_is_said_to_be_so(tmp_path, content):
    assert refused(tmp_path, content).code == "file.broken-quote"


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(tmp_path):
    path = book(tmp_path / "b.xlsx", [["a"]], "数据")
    problems = Problems()
    assert read_sheet(path, problems, "data") is None
    (problem,) = problems
    assert problem.code == "file.no-sheet"
    assert (problem.values["sheet"], problem.values["sheets"]) == ("data", ["数据"])
    assert sheet_names(path, Problems()) == ["数据"]


# --- text and numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends_are_recognised(tmp_path, encoding, end):
    sheet = good(tmp_path, end.join(["城市,数值", "苏州,1", '"a""b",", "', ""]).encode(encoding))
    assert sheet.frame.rows() == [("苏州", "1"), ('a"b', ",")]
    assert sheet.frame.columns == ["城市", "数值"]


def test_cells_are_stripped_and_kept_as_text(tmp_path):
    sheet = good(tmp_path, 'a,b\n 007 ,1e3\n"x\ny",  \nnan,NULL\n')
    assert sheet.frame.rows() == [("007", "1e3"), ("x\ny", None), ("nan", "NULL")]
    assert set(sheet.frame.dtypes) == {pl.String}


@pytest.mark.parametrize("number", [1 / 3, 2 / 7, 1e-9, 123456789.123, -2.5])
def test_a_number_comes_exactly_through_a_workbook(tmp_path, number):
    path = book(tmp_path / "b.xlsx", [["a"], [number]])
    sheet = read_sheet(path, Problems())
    assert sheet is not None
    assert float(sheet.frame["a"][0]) == number


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None), ("", None), (3.0, "3"), (-3.0, "-3"), (2.5, "2.5"), (1 / 3, "0.3333333333333333"),
        (True, "1"), (False, "0"), (7, "7"), ("007", "007"), (1e300, "1e+300"),
    ],
)  # fmt: skip
def test_cells_of_a_workbook_become_text(cell, text):
    assert text_of(cell) == text


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_written_to_csv_read_back_to_the_same_doubles(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write_csv(pl.DataFrame({"a": range(len(values)), "b": values}), path)
    sheet = read_sheet(path, Problems())
    assert sheet is not None
    assert [float(text) for text in sheet.frame["b"]] == values


def test_a_data_frame_becomes_text_with_nan_as_nothing():
    frame = pl.DataFrame({"a": [1, None], "b": [0.1, float("nan")], "c": ["x", None]})
    sheet = frame_sheet(frame, "facts")
    assert sheet.frame.rows() == [("1", "0.1", "x"), (None, None, None)]
    assert (sheet.file, sheet.where(0, "b").row) == ("facts", 1)


# --- places ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", ["", "\n", "\n\n\n", "\r\n\r\n", ",\n", "\n,\n"])
def test_rows_are_numbered_as_in_the_file_below_blank_lines(tmp_path, lead):
    sheet = good(tmp_path, lead + "a,b\n1,2\n\n,\n3,4\n")
    row = dict(zip(sheet.frame["a"], range(sheet.frame.height), strict=True))
    blank = lead.count("\n")
    assert sheet.where(row["1"]).row == blank + 2
    assert sheet.where(row["3"]).row == blank + 5
    assert sheet.first_row == blank + 2


def test_a_cell_over_several_lines_is_one_row(tmp_path):
    sheet = good(tmp_path, 'a,b\n"1\n2\n3",x\n4,y\n')
    assert sheet.where(1, "b").row == 3


def test_an_offset_table_in_csv_keeps_its_addresses(tmp_path):
    sheet = good(tmp_path, ",,,\n,,a,b\n,,1,2\n")
    assert (sheet.cell(0, "a"), sheet.cell(0, "b")) == ("C3", "D3")
    assert sheet.cell_range() == "C2:D3"
    assert sheet.where(0, "b").column == "D (b)"


def test_an_offset_table_in_a_workbook_keeps_its_addresses(tmp_path):
    made = openpyxl.Workbook()
    made.active.title = "数据"
    for row, cells in {4: ("a", None, "b"), 5: (1, None, 2), 7: (3, None, 4)}.items():
        for column, cell in enumerate(cells, 3):
            made.active.cell(row, column, cell)
    made.save(tmp_path / "b.xlsx")
    sheet = read_sheet(tmp_path / "b.xlsx", Problems())
    assert sheet is not None
    assert sheet.frame.rows() == [("1", "2"), (None, None), ("3", "4")]
    assert (sheet.cell(0, "a"), sheet.cell(2, "b")) == ("数据!C5", "数据!E7")
    assert sheet.cell_range() == "C4:E7"
    assert sheet.where(2, "b").text("en") == "b.xlsx, sheet 数据, row 7, column E (b)"
    assert sheet.where(2, "b").text("zh") == "b.xlsx，工作表 数据，行 7，列 E (b)"


def test_a_place_without_row_or_column_is_the_file(tmp_path):
    sheet = good(tmp_path, "a,b\n1,2\n")
    assert sheet.where().text() == "表 t.csv"
    assert sheet.where(0, "other").column == "other"
    assert sheet.cell_range() == "A1:B2"


@pytest.mark.parametrize(
    ("index", "letters"),
    [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")],
)
def test_columns_have_the_letters_of_a_spreadsheet(index, letters):
    assert column_letter(index) == letters


@given(st.integers(0, 16383))
def test_column_letters_are_those_of_a_spreadsheet_everywhere(index):
    assert column_letter(index) == openpyxl.utils.get_column_letter(index + 1)


# --- headers -----------------------------------------------------------------------------------------


def test_headers_are_replaced_and_keep_their_letters(tmp_path):
    sheet = canonical_headers(good(tmp_path, "名称,代码,上级代码,x\n甲,a,I,1\n"), FRAMEWORK_COLUMNS)
    assert sheet.frame.columns == ["name_zh", "code", "parent", "x"]
    assert sheet.where(0, "code").column == "B (code)"
    assert sheet.cell(0, "name_zh") == "A2"


def test_a_header_that_is_known_is_left_as_it_is(tmp_path):
    sheet = good(tmp_path, "code,parent,代码\na,I,b\n")
    assert canonical_headers(sheet, FRAMEWORK_COLUMNS).frame.columns == ["code", "parent", "代码"]


def test_of_two_headers_for_one_column_the_first_is_replaced(tmp_path):
    sheet = good(tmp_path, "编码,代码,Parent,PARENT\na,b,I,J\n")
    assert canonical_headers(sheet, FRAMEWORK_COLUMNS).frame.columns == ["code", "代码", "parent", "PARENT"]


HEADERS = [
    "code",
    "代码",
    "编码",
    "指标代码",
    "parent",
    "上级",
    "Parent",
    "unit",
    "单位",
    "城市",
    "地区",
    "x",
]
WANTED = ["code", "parent", "unit", "indicator", "unit_of_measure", "name_zh"]


@settings(max_examples=100, deadline=None)
@given(
    headers=st.lists(st.sampled_from(HEADERS), min_size=1, unique=True),
    wanted=st.lists(st.sampled_from(WANTED), unique=True),
)
def test_no_name_is_ever_introduced_twice_or_without_being_wanted(headers, wanted):
    frame = pl.DataFrame({header: [str(i)] for i, header in enumerate(headers)})
    renamed = canonical_headers(Sheet(frame, "t"), wanted).frame
    assert len(set(renamed.columns)) == len(headers)
    assert set(renamed.columns) - set(headers) <= set(wanted)
    assert renamed.row(0) == frame.row(0)
