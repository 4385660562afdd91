"""Workbooks of unknown origin: each ends in cells or in a clear problem, and the caller lives on."""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import xlsxwriter

from citygauge import xlsx, xlsx_child
from citygauge.files import read_sheet
from citygauge.problems import Problem, Problems
from citygauge.xlsx import read_cells, sheet_names

DEMO = Path(__file__).parents[1] / "demo" / "city-statistics-2023"
SECONDS = 5  # of the processor, within which a hostile workbook must be refused, start of Python included
PATIENCE = 60  # seconds to wait on a machine that has other things to do
GROWTH_MB = 40  # of the memory of the process that asks
SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TAB = '<worksheet xmlns="{}">{}<sheetData><row r="1"><c r="A1"><v>1</v></c></row>{}</sheetData></worksheet>'
LIMITS = {"unpacked": 10**7, "parts": 100, "ratio": 200, "cells": 10**6}
needs_memory_limit = pytest.mark.skipif(
    importlib.util.find_spec("resource") is None or sys.platform == "darwin",
    reason="this platform does not limit the address space of a process",
)


def sheet_xml(rows: str = "", lead: str = "") -> bytes:
    return TAB.format(NAMESPACE, lead, rows).encode()


def book(path: Path, sheet: bytes | None = None, **parts: bytes) -> Path:
    """Write a small workbook; `sheet` and `parts` (``sharedStrings`` …) replace what is in it."""
    plain = io.BytesIO()
    with xlsxwriter.Workbook(plain) as made:
        made.add_worksheet("Sheet").write("A1", "x")
    new = {f"xl/{name}.xml": content for name, content in parts.items()}
    new |= {} if sheet is None else {SHEET: sheet}
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in old.namelist():
            archive.writestr(name, new.get(name, old.read(name)))
    return path


def with_entries(path: Path, change: Callable[[zipfile.ZipFile], None]) -> Path:
    """Change the directory of a small workbook just before it is written."""
    book(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        change(archive)
    return path


# --- hostile workbooks -------------------------------------------------------------------------------


def overlapping(archive: zipfile.ZipFile) -> None:
    twin = copy.copy(archive.getinfo(SHEET))
    twin.filename = "xl/worksheets/sheet2.xml"
    archive.filelist.append(twin)
    archive.writestr("end.xml", "")


def lying(archive: zipfile.ZipFile) -> None:
    archive.writestr("xl/more.xml", b"<a/>" * 1_000_000)
    archive.getinfo("xl/more.xml").file_size = 100


def encrypted(archive: zipfile.ZipFile) -> None:
    archive.writestr("end.xml", "")
    archive.getinfo(SHEET).flag_bits |= 1


def crowded(entries: int, name: str) -> Callable[[zipfile.ZipFile], None]:
    def add(archive: zipfile.ZipFile) -> None:
        for number in range(entries):
            archive.writestr(f"{name}{number}", b"")

    return add


def blanks(path: Path, size: int, **parts: bytes) -> Path:
    """Write a workbook with a sheet of `size` bytes of rows that say nothing."""
    book(path, **parts)
    step = b"<row/>" * 100_000 + bytes(random.Random(7).choices(b" \n\t", k=400))
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet2.xml", "w") as part,
    ):
        for _ in range(size // len(step)):
            part.write(step)
    return path


def laughs(path: Path) -> Path:
    names = [f"l{i}" for i in range(10)]
    entities = "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in pairwise(names))
    head = f'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY l0 "ha">{entities}]>'
    return book(path, head.encode() + sheet_xml('<row r="2"><c r="A2" t="str"><v>&l9;</v></c></row>'))


def old_container(path: Path) -> Path:
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5000) + "EncryptedPackage".encode("utf-16-le"))
    return path


def written(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def cut(path: Path) -> Path:
    content = book(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def of_sheet(content: bytes) -> Callable[[Path], Path]:
    return lambda path: book(path, content)


ROW = '<row r="{0}"><c r="A{0}"><v>1</v></c></row>'
BILLION = 10**9
CLAIMS = {
    "dimension": sheet_xml(lead=f'<dimension ref="A1:A{BILLION}"/>'),
    "dimension of one cell": sheet_xml(lead=f'<dimension ref="A{BILLION}"/>'),
    "row number": sheet_xml(f'<row r="{BILLION}"/>'),
    "row and cell": sheet_xml(ROW.format(BILLION)),
    "cell alone": sheet_xml(f'<row r="2"><c r="A{BILLION}"><v>1</v></c></row>'),
    "cell in single quotes": sheet_xml(f"<row r='2'><c r='A{BILLION}'><v>1</v></c></row>"),
    "cell after other attributes": sheet_xml(f'<row r="2"><c s="0"\n r = "A{BILLION}"><v>1</v></c></row>'),
    "cell with a prefix": sheet_xml(f'<x:row r="2"><x:c r="A{BILLION}"/></x:row>'),
    "cell far down and right": sheet_xml('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
    "cell after another row's end": sheet_xml(ROW.format(2) + f'<row><c r="B{BILLION}"/></row>'),
}
HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    **{name: (of_sheet(content), "file.too-many-cells") for name, content in CLAIMS.items()},
    "234 MB of blank rows": (lambda path: blanks(path, 234_000_000), "file.too-large"),
    "190 MB of blank rows": (lambda path: blanks(path, 190_000_000), "file.too-compressed"),
    "6,000 parts": (lambda path: with_entries(path, crowded(6_000, "p")), "file.too-many-parts"),
    "a directory of 5 MB": (
        lambda path: with_entries(path, crowded(90, "p" * 60_000)), "file.too-many-parts",
    ),
    "overlapping parts": (lambda path: with_entries(path, overlapping), "file.not-a-workbook"),
    "a part larger than declared": (lambda path: with_entries(path, lying), "file.not-a-workbook"),
    "an encrypted zip": (lambda path: with_entries(path, encrypted), "file.encrypted"),
    "a workbook with a password": (old_container, "file.encrypted"),
    "half a file": (cut, "file.not-a-workbook"),
    "text": (written(b"city,value\n" * 1000), "file.not-a-workbook"),
    "nothing": (written(b""), "file.not-a-workbook"),
    "an entity in an entity": (laughs, "file.document-type"),
    "a sheet in UTF-16": (of_sheet(CLAIMS["cell alone"].decode().encode("utf-16")), "file.not-a-workbook"),
    "a million levels": (
        of_sheet(sheet_xml("<a>" * 1_000_000 + "</a>" * 1_000_000).replace(b"<v>1</v>", b"")), "file.empty",
    ),
}  # fmt: skip

READ = """
import os, sys
from pathlib import Path
from citygauge import xlsx
from citygauge.files import read_sheet
from citygauge.problems import Problems
problems = Problems()
def peak():  # of this process, in MB
    status = Path("/proc/self/status")
    return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024 if status.exists() else 0
before = peak()
xlsx.MAX_MEMORY_BYTES = int(sys.argv[2])
sheet = read_sheet(Path(sys.argv[1]), problems)
print(sheet is None, *(problem.code for problem in problems), peak() - before, sum(os.times()[:4]))
"""


def refusal(path: Path, memory: int = xlsx.MAX_MEMORY_BYTES) -> str:
    """Return the code with which a process of its own refuses a workbook, in time and without growing."""
    command = [sys.executable, "-c", READ, path, str(memory)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    refused, code, growth, seconds = told.stdout.split()
    assert refused == "True"
    assert int(growth) < GROWTH_MB
    assert float(seconds) < SECONDS
    assert told.stderr == ""
    return code


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_is_refused_at_once_and_costs_the_caller_no_memory(tmp_path, name):
    build, code = HOSTILE[name]
    path = build(tmp_path / "b.xlsx")
    assert refusal(path) == code


def test_the_hostile_workbooks_are_small(tmp_path):
    for name, content in CLAIMS.items():
        assert book(tmp_path / "b.xlsx", content).stat().st_size < 6_000, name
    assert blanks(tmp_path / "b.xlsx", 234_000_000).stat().st_size < 3_000_000


@pytest.mark.parametrize("name", ["row and cell", "6,000 parts", "an entity in an entity"])
def test_the_command_line_says_what_is_wrong_with_a_hostile_workbook(tmp_path, name):
    path = HOSTILE[name][0](tmp_path / "b.xlsx")
    workspace = tmp_path / "workspace"
    shutil.copytree(DEMO, workspace)
    command = [sys.executable, "-m", "citygauge", "import", "table", workspace, path]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert told.returncode != 0
    assert "Traceback" not in told.stderr + told.stdout
    assert f"[{HOSTILE[name][1]}]" in told.stderr


@needs_memory_limit
@pytest.mark.parametrize("how", ["one string in 2,000 cells", "a far cell in a part that is not looked at"])
def test_what_no_look_beforehand_finds_ends_at_the_limit_of_memory(tmp_path, how):
    path = tmp_path / "b.xlsx"
    if how == "one string in 2,000 cells":
        strings = f'<sst xmlns="{NAMESPACE}"><si><t>{"x" * 15_000_000}</t></si></sst>'.encode()
        cells = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(2, 2002))
        book(path, sheet_xml(cells), sharedStrings=strings)
    else:
        hidden = "worksheets/sheet1.dat"
        book(path)
        with zipfile.ZipFile(path) as old:
            parts = {name: old.read(name) for name in old.namelist()}
        rels = "xl/_rels/workbook.xml.rels"
        parts[rels] = parts[rels].replace(b"worksheets/sheet1.xml", hidden.encode())
        parts[f"xl/{hidden}"] = CLAIMS["row and cell"]
        del parts[SHEET]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
    assert path.stat().st_size < 40_000
    assert refusal(path, memory=500_000_000) == "file.too-large-to-read"


@pytest.mark.parametrize("content", CLAIMS.values(), ids=CLAIMS)
def test_claims_are_refused_before_parsing_where_nothing_limits_memory(tmp_path, content):
    path = book(tmp_path / "b.xlsx", content)
    with pytest.raises(xlsx_child.WorkbookProblem) as caught:
        list(xlsx_child.serve(str(path), None, False, LIMITS))
    assert caught.value.code == "file.too-many-cells"


def test_overlapping_parts_are_seen_in_the_directory_alone(tmp_path):
    path = with_entries(tmp_path / "b.xlsx", overlapping)
    with zipfile.ZipFile(path) as archive, pytest.raises(xlsx_child.WorkbookProblem) as caught:
        xlsx_child.check_directory(archive, path.stat().st_size, LIMITS)
    assert caught.value.code == "file.not-a-workbook"
    with zipfile.ZipFile(book(path)) as archive:
        xlsx_child.check_directory(archive, path.stat().st_size, LIMITS)


# --- a child that ends badly -------------------------------------------------------------------------


def problem_of(path: Path) -> Problem:
    problems = Problems()
    assert read_cells(path, problems) is None
    (problem,) = problems
    assert problem.where.file == path.name
    assert problem.text("en")
    assert problem.text("zh")
    return problem


FRAME = "import json, struct, sys\nbody = json.dumps(['cells', 'a', [['x' * 1000]]]).encode()\n"
ENDS = {
    "sleeps": ("import time; time.sleep(60)", "file.took-too-long"),
    "never stops": ("while True: pass", "file.took-too-long"),
    "is refused memory by the system": ("import os; os.abort()", "file.too-large-to-read"),
    "is killed by the system": ("import os; os.kill(os.getpid(), 9)", "file.too-large-to-read"),
    "is stopped by somebody": (
        f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})",
        "file.reader-failed",
    ),
    "stops with an error": ("raise ValueError", "file.reader-failed"),
    "stops without a word": ("", "file.reader-failed"),
    "breaks off": (
        FRAME + "sys.stdout.buffer.write(struct.pack('>I', 10 ** 6) + body)",
        "file.reader-failed",
    ),
    "says too much": (
        FRAME + "while True: sys.stdout.buffer.write(struct.pack('>I', len(body)) + body)",
        "file.too-large-to-read",
    ),
    "claims to say too much": (
        FRAME
        + "sys.stdout.buffer.write(struct.pack('>I', 4 * 10 ** 9)); sys.stdout.flush()\nwhile True: pass",
        "file.too-large-to-read",
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_reader_that_ends_badly_ends_in_a_problem(tmp_path, monkeypatch, how):
    program, code = ENDS[how]
    child = tmp_path / "child.py"
    child.write_text(program)
    monkeypatch.setattr(xlsx_child, "__file__", str(child))
    monkeypatch.setattr(xlsx, "MAX_TEXT_BYTES", 1_000_000)
    monkeypatch.setattr(xlsx, "MAX_SECONDS", 1 if code == "file.took-too-long" else 60)
    assert problem_of(book(tmp_path / "b.xlsx")).code == code


def test_a_reader_that_cannot_be_started_ends_in_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    assert problem_of(book(tmp_path / "b.xlsx")).code == "file.reader-failed"


def test_a_reader_that_does_not_find_the_parser_says_so(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("python_calamine", tmp_path / "x" / "y.py")
    monkeypatch.setattr(xlsx, "find_spec", lambda name: spec)
    problem = problem_of(book(tmp_path / "b.xlsx"))
    assert (problem.code, problem.values["reason"]) == ("file.reader-failed", "ModuleNotFoundError")


@needs_memory_limit
def test_a_workbook_that_needs_more_memory_than_is_allowed_is_refused(tmp_path, monkeypatch):
    path = book(tmp_path / "b.xlsx", sheet_xml("".join(map(ROW.format, range(2, 200_000)))))
    monkeypatch.setattr(xlsx, "MAX_MEMORY_BYTES", 60_000_000)
    assert problem_of(path).code == "file.too-large-to-read"
    monkeypatch.undo()
    assert read_cells(path, Problems()) is not None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_workbook_that_may_not_be_read_is_said_to_be_so(tmp_path):
    path = book(tmp_path / "b.xlsx")
    path.chmod(0)
    assert problem_of(path).code == "file.no-access"


def test_many_sheets_may_not_claim_more_cells_together_than_one(tmp_path, monkeypatch):
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as made:
        for name in "abc":
            made.add_worksheet(name).write("J800", 1)
    monkeypatch.setattr(xlsx, "MAX_CELLS", 20_000)
    problem = problem_of(tmp_path / "b.xlsx")
    assert problem.code == "file.too-many-cells-together"
    assert (problem.values["cells"], problem.values["limit"]) == (24_000, 20_000)
    assert sheet_names(tmp_path / "b.xlsx", Problems()) == ["a", "b", "c"]
    assert read_cells(tmp_path / "b.xlsx", Problems(), ["b"])["b"].shape == (800, 10)


def test_a_file_that_is_larger_than_any_workbook_may_be_is_not_opened(tmp_path, monkeypatch):
    path = book(tmp_path / "b.xlsx")
    monkeypatch.setattr(xlsx, "MAX_UNPACKED_BYTES", 1000)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    assert problem_of(path).code == "file.too-large"


# --- the cells ---------------------------------------------------------------------------------------


def cells(path: Path, *sheets: str) -> dict[str, pl.DataFrame]:
    problems = Problems()
    read = read_cells(path, problems, sheets or None)
    assert list(problems) == []
    assert read is not None
    return read


def test_cells_keep_their_address_wherever_the_used_area_begins(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as made:
        sheet = made.add_worksheet("数据")
        for address, value in {"C4": "x", "E6": 2.5, "D5": True}.items():
            sheet.write(address, value)
    frame = cells(tmp_path / "b.xlsx")["数据"]
    assert frame.shape == (6, 5)
    filled = {(i, j): cell for i, row in enumerate(frame.rows()) for j, cell in enumerate(row) if cell}
    assert filled == {(3, 2): "x", (5, 4): "2.5", (4, 3): "1"}
    assert set(frame.dtypes) == {pl.String}


def test_a_cell_with_an_error_comes_as_the_name_of_the_error(tmp_path):
    rows = (
        '<row r="2"><c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c><c t="e"><v>#N/A</v></c></row>'
        "<row><c r='A3' s='0' t='e'><v>#SPILL!</v></c><c r=\"C3\" t='e' s='0'><v>Err:502</v></c></row>"
        '<row r="4"><c r="A4" t="str"><v>t="e"</v></c><c r="B4"><v>5</v></c></row>'
    )
    frame = cells(book(tmp_path / "b.xlsx", sheet_xml(rows)))["Sheet"]
    assert frame.rows() == [
        ("1", None, None),
        (None, "#DIV/0!", "#N/A"),
        ("#SPILL!", None, "Err:502"),
        ('t="e"', "5", None),
    ]


def test_an_error_in_one_sheet_changes_nothing_in_the_others(tmp_path):
    paths = tmp_path / "with.xlsx", tmp_path / "without.xlsx"
    for path, error in zip(paths, ("#REF!", ""), strict=True):
        with xlsxwriter.Workbook(path) as made:
            made.add_worksheet("a").write_formula("A1", "=B1", None, error)
            sheet = made.add_worksheet("b")
            sheet.write_row("A1", ["<&>", 0.1, True, "  x ", "苏州"])
            sheet.write_rich_string("A2", "one", made.add_format({"bold": True}), "two")
    assert cells(paths[0])["a"].rows() == [("#REF!",)]
    assert cells(paths[0])["b"].equals(cells(paths[1])["b"])
    assert cells(paths[0])["b"].rows() == [
        ("<&>", "0.1", "1", "  x ", "苏州"),
        ("onetwo", None, None, None, None),
    ]


def test_merged_cells_hidden_sheets_and_charts_are_just_cells(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as made:
        made.add_worksheet("first").merge_range("A1:B2", "both")
        hidden = made.add_worksheet("hidden")
        hidden.hide()
        hidden.write("A1", 1)
        made.add_worksheet("empty")
        chart = made.add_chart({"type": "bar"})
        chart.add_series({"values": "=hidden!$A$1"})
        made.add_chartsheet("chart").set_chart(chart)
    read = cells(tmp_path / "b.xlsx")
    assert list(read) == sheet_names(tmp_path / "b.xlsx", Problems())
    assert read["first"].rows() == [("both",)]
    assert read["hidden"].rows() == [("1",)]
    assert (read["empty"].shape, read["chart"].shape) == ((0, 0), (0, 0))


def test_a_long_sheet_comes_whole_and_in_order(tmp_path):
    height, width = 50_000, 3  # more cells than one frame holds
    with xlsxwriter.Workbook(tmp_path / "b.xlsx", {"constant_memory": True}) as made:
        sheet = made.add_worksheet()
        for i in range(height):
            sheet.write_row(i, 0, [i * 10 + j for j in range(width)])
    frame = cells(tmp_path / "b.xlsx")["Sheet1"]
    assert height * width > xlsx_child.CELLS_PER_FRAME
    expected = pl.int_range(height, eager=True) * 10
    for j in range(width):
        assert frame[str(j)].cast(pl.Int64).equals(expected + j, check_names=False)


def test_chosen_sheets_come_in_the_order_they_are_asked_for(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as made:
        for name in ("a", "b", "c"):
            made.add_worksheet(name).write("A1", name * 2)
    path = tmp_path / "b.xlsx"
    assert {name: frame.item() for name, frame in cells(path).items()} == {"a": "aa", "b": "bb", "c": "cc"}
    assert list(cells(path, "c", "a", "c")) == ["c", "a"]
    problems = Problems()
    assert read_cells(path, problems, ["a", "d"]) is None
    (problem,) = problems
    assert (problem.code, problem.values["sheet"]) == ("file.no-sheet", "d")
    assert problem.values["sheets"] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["no.xlsx", "folder.xlsx", "n" * 5000 + ".xlsx", "a\0b.xlsx"])
def test_a_workbook_that_is_not_there_is_not_found(tmp_path, name):
    (tmp_path / "folder.xlsx").mkdir()
    problems = Problems()
    assert read_cells(tmp_path / name, problems) is None
    assert [problem.code for problem in problems] == ["file.not-found"]


def test_a_sheet_may_merge_whole_columns(tmp_path):
    made = openpyxl.Workbook()
    made.active["A1"] = "city"
    made.active.auto_filter.ref = "A1:Z1048576"
    made.save(tmp_path / "b.xlsx")
    assert cells(tmp_path / "b.xlsx")["Sheet"].rows() == [("city",)]


def test_the_reader_is_independent_of_folder_and_search_path(tmp_path, monkeypatch):
    book(tmp_path / "b.xlsx")
    for module in ("json", "zipfile", "python_calamine", "sitecustomize"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert cells(Path("b.xlsx"))["Sheet"].rows() == [("x",)]


# --- the programs that write workbooks ---------------------------------------------------------------

HEADER = ["城市", "value", "share", "yes", "note"]
ROWS = [
    ["苏州", 1275, 0.1, True, "a, b"],
    ["无锡", -3, 0.015625, False, None],
    ["南京", 10**9, 2.5e-7, True, '"q"\nx'],
]
TEXT = [
    ("苏州", "1275", "0.1", "1", "a, b"),
    ("无锡", "-3", "0.015625", "0", None),
    ("南京", "1000000000", "2.5e-07", "1", '"q"\nx'),
]


def by_openpyxl(path: Path) -> None:
    made = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        made.active.append(row)
    made.create_sheet("second")["B2"] = "=1/0"
    made.save(path)


def by_xlsxwriter(path: Path) -> None:
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet("Sheet")
        for i, row in enumerate([HEADER, *ROWS]):
            sheet.write_row(i, 0, row)
        made.add_worksheet("second").write_formula("B2", "=1/0", None, "#DIV/0!")


def by_libreoffice(path: Path) -> None:
    """Let LibreOffice open, calculate and write the workbook that openpyxl makes."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed")
    source = path.parent / "source"
    source.mkdir()
    by_openpyxl(source / path.name)
    profile = f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"
    command = [program, profile, "--headless", "--convert-to", "xlsx", "--outdir", path.parent]
    subprocess.run([*command, source / path.name], check=True, capture_output=True, timeout=120)


@pytest.mark.parametrize("write", [by_openpyxl, by_xlsxwriter, by_libreoffice])
def test_the_same_table_reads_the_same_whatever_program_wrote_it(tmp_path, write):
    path = tmp_path / "b.xlsx"
    write(path)
    sheet = read_sheet(path, Problems())
    assert sheet is not None
    assert (sheet.frame.columns, sheet.frame.rows()) == (HEADER, TEXT)
    read = cells(path)
    assert read["Sheet"].rows() == [tuple(HEADER), *TEXT]
    calculated = None if write is by_openpyxl else "#DIV/0!"  # openpyxl writes formulas without their results
    assert list(read) == ["Sheet", "second"]
    assert (read["second"].rows() or [(), (None, None)])[-1] == (None, calculated)


def test_what_the_reader_sends_is_json_after_its_length():
    out = io.BytesIO()
    xlsx_child._send(out, ["cells", "苏州", [["1", None]]])
    (length,) = xlsx_child.LENGTH.unpack(out.getvalue()[:4])
    assert json.loads(out.getvalue()[4:]) == ["cells", "苏州", [["1", None]]]
    assert length == len(out.getvalue()) - 4


def test_the_texts_of_limits_name_them(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MAX_PARTS", 3)
    problem = problem_of(book(tmp_path / "b.xlsx"))
    assert problem.code == "file.too-many-parts"
    assert problem.message("zh") == "组成工作簿的部分多于 3 个。"
