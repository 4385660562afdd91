"""Characters that nobody sees never reach a table, and two writers never lose each other's facts."""

from __future__ import annotations

import subprocess
import sys

import openpyxl
import pytest
from filelock import FileLock

import citygauge as cg
from citygauge.problems import InputError, Problems
from citygauge.provenance import Source
from citygauge.store import record
from citygauge.store.record import LOCK, locked
from citygauge.store.table import TableImport, import_table
from citygauge.text import visible
from citygauge.xlsx import read_cells


@pytest.mark.parametrize("char", [0, 7, 8, 11, 27, 127, 0x85, 0x202E, 0x2066])
def test_a_character_that_nobody_sees_is_shown(char):
    assert visible(f"a{chr(char)}b") == "a\ufffdb"


def test_tabs_lines_and_chinese_stay():
    assert visible("城市\t评\n1\r") == "城市\t评\n1\r"


def test_a_workbook_with_a_nul_in_a_cell_cannot_break_the_table(tmp_path, workspace):
    folder = workspace()
    book = openpyxl.Workbook()
    book.active.append(["unit", "indicator", "period", "value", "note"])
    book.active.append(["1", "b", "2031", 7, "a_x0000_b"])
    book.save(tmp_path / "n.xlsx")
    cells = read_cells(tmp_path / "n.xlsx", Problems())
    assert cells is not None
    assert "\x00" not in "".join(cell or "" for row in next(iter(cells.values())).rows() for cell in row)
    import_table(folder, tmp_path / "n.xlsx", TableImport(source=Source("")))
    notes = cg.open(folder).observations.frame["note"].drop_nulls().to_list()
    assert notes == ["a\ufffdb"]


def test_a_table_with_an_escape_sequence_shows_it(tmp_path, workspace):
    folder, table = workspace(), tmp_path / "n.csv"
    table.write_text("unit,indicator,period,value,note\n1,b,2031,7,\x1b[31mred\n", encoding="utf-8")
    import_table(folder, table, TableImport())
    assert "\x1b" not in (folder / "observations.csv").read_text(encoding="utf-8")


def test_a_workspace_that_another_writer_keeps_is_busy(workspace, monkeypatch):
    monkeypatch.setattr(record, "PATIENCE", 0.1)
    folder = workspace()
    with FileLock(folder / LOCK), pytest.raises(InputError) as caught, locked(folder):
        raise AssertionError("two writers at once")
    assert [problem.code for problem in caught.value.problems] == ["file.busy"]
    assert str(folder) in caught.value.problems[0].message("zh")


def test_writers_at_the_same_time_lose_nothing(workspace, tmp_path):
    folder = workspace()
    before = cg.open(folder).observations.frame.height
    jobs = []
    for year in range(2040, 2046):
        table = tmp_path / f"{year}.csv"
        table.write_text(f"unit,indicator,period,value\n1,a,{year},5\n2,b,{year},6\n", encoding="utf-8")
        command = [sys.executable, "-m", "citygauge", "import", "table", str(folder), str(table)]
        jobs.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    ends = [(job.communicate(timeout=120)[1], job.returncode) for job in jobs]
    assert [code for _, code in ends] == [0] * 6, ends
    sheet = (folder / "observations.csv").read_text(encoding="utf-8")
    for year in range(2040, 2046):
        assert sheet.count(f",{year},") == 2
    assert len(sheet.splitlines()) - 1 == before + 12
