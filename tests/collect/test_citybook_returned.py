"""Books that come back wrong: another city's sheets, older copies, broken files, folders of everything."""

from __future__ import annotations

import re
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from citybooks import (
    EARLIER,
    FRAMEWORK,
    assessment,
    codes,
    files_in,
    fill,
    form,
    place_of,
    read,
    recorded,
    row_of,
    sheet_of,
)

import citygauge as cg
from citygauge.problems import InputError
from citygauge.store import returned
from citygauge.store.citybook import Issue, write_forms

BLANK = "unit,indicator,period,value,source\n"
PROOF = {"1": ("年鉴", "统计年鉴或公报", "2024")}


def packed_anew(path: Path, to: Path, change: Mapping[str, Callable[[str], str]]) -> Path:
    """Write a workbook with parts of it changed, as no spreadsheet program would."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change[name](content.decode()).encode() if name in change else content)
    return to


def values(folder: Path) -> dict[str, Any]:
    return {code: row["value"] for code, row in recorded(folder).items()}


@pytest.mark.parametrize("sheets", [(1, 2), (1,), (2,)])
@pytest.mark.parametrize("other", ["city", "period"])
def test_sheets_copied_from_the_book_of_another_city_or_period_are_refused(tmp_path, sheets, other):
    folder = assessment(tmp_path, observations__csv=BLANK)  # no last values: the rows are the same
    more = {"unit": "320500"} if other == "city" else {"period": "2022"}
    source = openpyxl.load_workbook(
        fill(form(folder, out=tmp_path / "other", **more), {"share": {"G": 80, "I": "1"}}, PROOF)
    )
    path = form(folder)
    book = openpyxl.load_workbook(path)
    for number in sheets:
        for row in source.worksheets[number].iter_rows():
            for cell in row:
                book.worksheets[number][cell.coordinate].value = cell.value
    book.save(path)
    before = files_in(folder)
    outcome = read(folder, path)
    assert [(p.code, place_of(p)) for p in outcome.problems] == [
        ("collect.sheet-of-another-book", "A1")
    ] * len(sheets)
    assert ("苏州" if other == "city" else "2022") in outcome.problems[0].message("zh")
    assert files_in(folder) == before


def test_an_older_book_read_once_more_does_not_revert_a_newer_correction(tmp_path):
    folder = assessment(tmp_path)
    a = fill(form(folder), {"share": {"G": 75}, "change": {"G": 1}}, to=tmp_path / "a.xlsx")
    b = fill(a, {"share": {"G": 76}}, to=tmp_path / "b.xlsx")
    c = fill(b, {"change": {"G": 2}}, to=tmp_path / "c.xlsx")
    outcomes = [read(folder, path) for path in (a, b, c)]
    told = [
        [(x.unit, x.indicator, x.cell, x.old, x.new) for x in outcome.books[0].corrections]
        for outcome in outcomes
    ]
    assert told == [
        [],
        [("510100", "share", "数据填报!G5", "75", "76")],
        [("510100", "change", "数据填报!G11", "1", "2")],
    ]
    before = files_in(folder)
    outcome = read(folder, b)
    assert [(p.code, p.values["cells"]) for p in outcome.problems] == [
        ("collect.read-before", ["G11 (change)"])
    ]
    assert (outcome.books[0].known, outcome.books[0].recorded) == (2, 0)
    assert (files_in(folder), values(folder)) == (before, {"share": 76, "change": 2})


def test_a_book_that_brought_nothing_new_is_known_too_when_it_comes_again(tmp_path):
    folder = assessment(tmp_path)
    a = fill(form(folder), {"share": {"G": 75}}, to=tmp_path / "a.xlsx")
    same = fill(a, {}, to=tmp_path / "same.xlsx")
    twin = fill(a, {"share": {"G": 75.0}}, to=tmp_path / "twin.xlsx")
    book = openpyxl.load_workbook(twin)
    book.properties.title = "twin"
    book.save(twin)
    read(folder, a, twin)
    read(folder, same)
    read(folder, fill(a, {"share": {"G": 76}}, to=tmp_path / "new.xlsx"))
    for old in (a, same, twin):
        assert (codes(read(folder, old)), values(folder)) == (["collect.read-before"], {"share": 76})


@pytest.mark.parametrize("tiny", [5e-324, 1e-320, 1e-310])
def test_a_value_far_below_the_last_one_is_a_warning_and_no_crash(tmp_path, tiny):
    folder = assessment(tmp_path)
    outcome = read(folder, fill(form(folder), {"count": {"G": tiny}}))
    assert (codes(outcome), values(folder)) == (["collect.far-from-last"], {"count": tiny})
    assert len(outcome.problems[0].text("zh")) < 300


@pytest.mark.parametrize("figure", ["INF", "NaN", "1e999", "-1e999"])
def test_a_figure_that_is_none_is_named_and_stands_as_text_in_the_marked_copy(tmp_path, figure):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"count": {"G": 41.25}, "change": {"G": 1}})
    sheet = {"xl/worksheets/sheet2.xml": lambda text: text.replace("41.25", figure)}
    outcome = read(folder, packed_anew(path, tmp_path / "x.xlsx", sheet))
    errors = [p for p in outcome.problems if p.severity == "error"]
    assert "collect.book-failed" not in codes(outcome)
    assert [(p.where.row, outcome.books[0].waiting) for p in errors] == [(6, 1)]
    marked = openpyxl.load_workbook(outcome.books[0].to_correct)
    assert isinstance(sheet_of(marked, 1)["G6"].value, str)
    assert values(folder) == {"change": 1}


def test_a_book_of_thousands_of_sheets_is_refused_at_once(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 80}})
    sheets = "".join(f'<sheet name="s{i}" sheetId="{i}" r:id="rId2"/>' for i in range(100, 20_100))
    change = {"xl/workbook.xml": lambda text: text.replace("</sheets>", f"{sheets}</sheets>")}
    start = time.perf_counter()
    assert codes(read(folder, packed_anew(path, tmp_path / "x.xlsx", change))) == ["collect.too-many-sheets"]
    assert time.perf_counter() - start < 10


def test_two_cells_of_one_address_and_two_sheets_of_one_name_are_refused(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"count": {"G": 41.25}})
    row = '<row r="6"><c r="G6"><v>77</v></c></row></sheetData>'
    twice = {
        "xl/worksheets/sheet2.xml": lambda text: text.replace("</sheetData>", row),
    }
    outcome = read(folder, packed_anew(path, tmp_path / "x.xlsx", twice))
    assert [(p.code, place_of(p)) for p in outcome.problems] == [("collect.cell-repeated", "G6")]
    again = {
        "xl/workbook.xml": lambda text: re.sub(r'(<sheet [^>]*name="数据填报"[^>]*>)', r"\1\1", text, count=1)
    }
    outcome = read(folder, packed_anew(path, tmp_path / "y.xlsx", again))
    assert (set(codes(outcome)), recorded(folder)) == ({"collect.sheet-repeated"}, {})


def test_cells_without_addresses_keep_their_kind(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 0.123}})
    book = openpyxl.load_workbook(path)
    sheet_of(book, 1)["G5"].number_format = "0.0%"
    book.save(path)

    def bare(text: str) -> str:
        cells = re.sub(r'<c r="[A-Z]+[0-9]+"', "<c", text)
        return re.sub(r'<row r="[0-9]+"', "<row", cells)

    sheet = {"xl/worksheets/sheet2.xml": bare}
    outcome = read(folder, packed_anew(path, tmp_path / "x.xlsx", sheet))
    assert recorded(folder) == {}  # 12.3 per cent is never taken for 0.123
    assert outcome.problems[0].severity == "error"


@pytest.mark.parametrize("stage", ["open_book", "read_form", "write_marked"])
def test_a_book_that_breaks_the_reading_stops_none_of_the_others(tmp_path, monkeypatch, stage):
    folder = assessment(tmp_path)
    good = fill(form(folder), {"share": {"G": 80}, "open": {"G": "?"}})
    bad = fill(form(folder, "320500"), {"share": {"G": 81}, "open": {"G": "?"}})
    kept = getattr(returned, stage)

    def breaks(first: Any, *rest: Any) -> Any:
        if "320500" in str(getattr(first, "path", getattr(first, "file", first))):
            raise ZeroDivisionError("far away")
        return kept(first, *rest)

    monkeypatch.setattr(returned, stage, breaks)
    outcome = read(folder, bad, good)
    expected = "collect.no-marked-copy" if stage == "write_marked" else "collect.book-failed"
    (problem,) = [p for p in outcome.problems if p.code == expected]
    assert "far away" in problem.text("zh")
    assert values(folder) == {"share": 80}
    facts = cg.open(folder).observations.frame
    assert ("320500" in set(facts["unit"])) == (stage == "write_marked")


def test_a_book_whose_facts_cannot_be_recorded_stops_none_of_the_others(tmp_path, monkeypatch):
    folder = assessment(tmp_path)
    good, bad = (fill(form(folder, unit), {"share": {"G": 80}}) for unit in ("510100", "320500"))
    kept = returned.fact_row

    def broken(unit: str, *rest: Any) -> dict[str, Any]:
        return kept(unit, *rest) | ({"state": "no such state"} if unit == "320500" else {})

    monkeypatch.setattr(returned, "fact_row", broken)
    outcome = read(folder, bad, good)
    assert {book.unit: book.recorded for book in outcome.books} == {"510100": 1, "320500": 0}
    assert (values(folder), any(p.severity == "error" for p in outcome.problems)) == ({"share": 80}, True)


def test_in_a_folder_every_workbook_is_read_and_every_other_thing_named(tmp_path):
    folder, place = assessment(tmp_path), tmp_path / "in"
    (place / "more").mkdir(parents=True)
    for unit, name in (("510100", "510100.XLSX"), ("320500", "320500.xlsm"), ("320100", "320100.xlsx")):
        shutil.copy(fill(form(folder, unit), {"share": {"G": 50}}), place / name)
    for name in ("a.ods", "b.xls", "c.csv", "~$320100.xlsx", ".hidden.xlsx"):
        (place / name).write_bytes(b"x")
    outcome = read(folder, place)
    assert {book.unit: book.new for book in outcome.books} == {"510100": 1, "320500": 1, "320100": 1}
    assert [(p.code, p.severity, p.values["files"]) for p in outcome.problems] == [
        ("collect.passed-over", "warning", ["a.ods", "b.xls", "c.csv", "more"])
    ]


def test_what_is_no_xlsx_inside_is_refused_by_name_and_by_content(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 50}})
    shutil.copy(path, tmp_path / "510100.ods")
    assert codes(read(folder, tmp_path / "510100.ods")) == ["collect.not-xlsx"]
    hidden = {  # what the kinds of cells are read from is gone
        "xl/workbook.xml": lambda text: text.replace('r:id="rId2"', 'r:id="rId99"'),
    }
    outcome = read(folder, packed_anew(path, tmp_path / "x.xlsx", hidden))
    assert (outcome.books[0].kind, recorded(folder)) == ("", {})


def test_a_city_is_asked_only_for_what_it_reports_and_the_guide_counts_the_rest(tmp_path):
    text = FRAMEWORK.replace("ratio,0,100,,field;statistics", "ratio,0,100,,field;web")
    folder = assessment(tmp_path, framework__csv=text)
    for language, words in (("zh", "另有 1 项"), ("en", "1 more items")):
        book = openpyxl.load_workbook(form(folder, language=language))
        sheet = sheet_of(book, 1)
        shown = {sheet.cell(row, 1).value for row in range(4, sheet.max_row + 1)}
        assert ("days" in shown, "count" in shown, "level" in shown) == (False, True, True)
        assert any(words in str(row[0].value) for row in book.worksheets[0].iter_rows())
    outcome = read(folder, fill(form(folder), {"count": {"G": 1200}, "open": {"G": "?"}}))
    assert recorded(folder)["count"]["channel"] == "statistics"  # though the web comes first for it
    marked = openpyxl.load_workbook(outcome.books[0].to_correct)
    assert any("另有 1 项" in str(row[0].value) for row in marked.worksheets[0].iter_rows())


def test_where_nothing_is_asked_of_the_cities_no_form_is_written(tmp_path):
    framework = "code,parent,name_zh,direction,channels\nI,,,,\na,I,甲,1,web\n"
    folder = assessment(tmp_path, framework__csv=framework, observations__csv=BLANK, method__toml="")
    with pytest.raises(InputError) as error:
        write_forms(folder, Issue(period="2023"))
    assert [p.code for p in error.value.problems] == ["collect.nothing-to-ask"]


@pytest.mark.parametrize(
    ("scale", "typed", "code"),
    [
        ("stars,score,1,5", 5.5, "collect.number-above"), ("stars,score,1,5", 0.5, "collect.number-below"),
        ("stars,score,1,5", 5, ""), ("points,score,,", 101, "collect.number-above"),
        ("index,share,0,1", 1.5, "collect.number-above"), ("percent,share,,", 101, "collect.number-above"),
        ("%,share,0,30", 45, ""), ("km,ratio,0,5", 9, ""),
    ],
)  # fmt: skip
def test_shares_and_scores_beyond_their_range_are_errors_and_goalposts_of_other_scales_are_none(
    tmp_path, scale, typed, code
):
    framework = f"code,parent,unit,scale,low,high,direction\nI,,,,,,\na,I,{scale},1\n"
    folder = assessment(tmp_path, framework__csv=framework, observations__csv=BLANK, method__toml="")
    assert codes(read(folder, fill(form(folder), {"a": {"G": typed}}))) == [code] * bool(code)


def test_a_row_waits_as_long_as_its_evidence_is_faulty_in_the_list(tmp_path):
    folder = assessment(tmp_path)
    evidence = {"1": (None, "其他"), "2": ("年鉴", "其他"), "3": ("年鉴二", "其他"), "4": ("函", "其他")}
    path = fill(
        form(folder),
        {"share": {"G": 5, "I": "1"}, "change": {"G": 6, "I": "2；4"}, "open": {"G": "是", "I": "4"}},
        evidence,
    )
    book = openpyxl.load_workbook(path)
    sheet_of(book, 2)["A6"] = "2"  # the number of the row above, once more
    book.save(path)
    outcome = read(folder, path)
    waiting = [
        (p.where.row, p.values["numbers"]) for p in outcome.problems if p.code == "collect.faulty-evidence"
    ]
    rows = [row_of(sheet_of(book, 1), code) for code in ("share", "change")]
    assert waiting == list(zip(rows, [["1"], ["2"]], strict=True))
    assert (values(folder), outcome.books[0].waiting) == ({"open": 1}, 2)


def test_a_value_of_the_period_itself_is_shown_as_recorded_already(tmp_path):
    facts = EARLIER + "510100,days,2023,12,s\n"
    folder = assessment(tmp_path, observations__csv=facts)
    sheet = sheet_of(openpyxl.load_workbook(form(folder, language="en")), 1)
    told = {code: sheet.cell(row_of(sheet, code), 6).value for code in ("share", "days")}
    assert told == {"share": "2022", "days": "2023 (already recorded)"}


def test_an_equal_marked_copy_is_not_written_twice_and_another_one_beside_it(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": "x"}})
    marked = [read(folder, path).books[0].to_correct for _ in range(3)]
    assert len(set(marked)) == 1
    fill(path, {"share": {"G": "y"}}, to=path)
    assert Path(read(folder, path).books[0].to_correct).stem == f"{Path(marked[0]).stem}-2"
    assert len(list(Path(marked[0]).parent.iterdir())) == 2


def test_no_hint_speaks_of_the_nearest_word_where_none_is_near(tmp_path):
    folder = assessment(tmp_path)
    outcome = read(folder, fill(form(folder), {"share": {"H": "@@@"}, "change": {"H": "不适合"}}))
    far, near = outcome.problems
    assert all(word not in far.hint("en") + far.hint("zh") for word in ("none", "无，", "：无"))
    assert near.values["allowed"][0] == "不适用"
