"""Forms: what they hold, that they repeat byte for byte, and that a right one comes back exact."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from math import pi

import openpyxl
import polars as pl
import pytest
from citybooks import (
    EARLIER,
    LEAVES,
    assessment,
    codes,
    files_in,
    fill,
    form,
    read,
    recorded,
    row_of,
    sheet_of,
)

import citygauge as cg
from citygauge.problems import InputError
from citygauge.provenance import sha256_of_file
from citygauge.store.citybook import Issue, write_forms

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_a_form_has_a_row_for_each_leaf_under_the_headings_of_the_tree(tmp_path):
    sheet = sheet_of(openpyxl.load_workbook(form(assessment(tmp_path))), 1)
    found = [sheet.cell(row, 1).value for row in range(4, sheet.max_row + 1)]
    assert found == ["P", "share", "count", "days", "Q", "level", "open", "change", "proof"]


@pytest.mark.parametrize(
    ("language", "first", "second"), [("zh", "网办率", "Items online"), ("en", "Items online", "网办率")]
)
def test_a_form_is_in_one_language_with_the_other_languages_name_beside(tmp_path, language, first, second):
    book = openpyxl.load_workbook(form(assessment(tmp_path), language=language))
    sheet = sheet_of(book, 1)
    assert sheet.cell(row_of(sheet, "share"), 2).value == f"{first}\n{second}"
    front = " ".join(str(row[0].value or "") for row in book.worksheets[0].iter_rows())
    assert bool(CHINESE.search(front.replace("成都", "").replace("试评", ""))) == (language == "zh")


def test_the_last_value_is_that_of_the_latest_earlier_period_else_of_this_one(tmp_path):
    facts = EARLIER + "510100,share,2023,85,s\n510100,days,2023,12,s\n510100,share,2024,99,s\n"
    sheet = sheet_of(openpyxl.load_workbook(form(assessment(tmp_path, observations__csv=facts))), 1)
    told = {code: [sheet.cell(row_of(sheet, code), at).value for at in (5, 6)] for code in LEAVES[:3]}
    assert told == {"share": [80, "2022"], "count": [1200, "2022"], "days": [12, "2023（已记录）"]}


def test_the_same_input_gives_the_same_bytes(tmp_path):
    folder = assessment(tmp_path)
    first = form(folder, out=tmp_path / "a").read_bytes()
    assert form(folder, out=tmp_path / "b").read_bytes() == first


def test_all_but_the_entry_cells_is_protected_and_every_kind_of_entry_has_its_rule(tmp_path):
    book = openpyxl.load_workbook(form(assessment(tmp_path)))
    assert all(sheet.protection.sheet for sheet in book.worksheets)
    sheet = sheet_of(book, 1)
    for code in LEAVES:
        row = row_of(sheet, code)
        assert [sheet.cell(row, at).protection.locked for at in range(1, 11)] == [True] * 6 + [False] * 4
    assert all(sheet.cell(row_of(sheet, "P"), at).protection.locked for at in range(1, 11))
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    share, level = (rules[f"G{row_of(sheet, code)}"] for code in ("share", "level"))
    assert (share.type, float(share.formula1), float(share.formula2)) == ("decimal", 0, 100)
    assert CHINESE.search(share.error)
    assert level.type == "list"
    name, first, last = re.fullmatch(r"'(.+)'!\$E\$(\d+):\$E\$(\d+)", level.formula1).groups()
    offered = [book[name].cell(row, 5).value for row in range(int(first), int(last) + 1)]
    assert offered == ["0 无", "1 部分", "2 完整"]
    assert sheet.freeze_panes == "C4"
    assert not sheet.merged_cells.ranges


def test_on_illustrative_data_the_notice_is_on_every_sheet_and_no_last_value(tmp_path):
    settings = 'period = "2023"\nillustrative = true\n'
    book = openpyxl.load_workbook(form(assessment(tmp_path, assessment__toml=settings)))
    for sheet in book.worksheets:
        assert any("示意数据" in str(cell.value) for row in sheet.iter_rows(max_row=2) for cell in row), (
            sheet.title
        )
    sheet = sheet_of(book, 1)
    values = {cell.value for row in sheet.iter_rows(min_row=4, min_col=5, max_col=6) for cell in row}
    assert values <= {None, ""}


def test_names_of_files_are_safe_and_say_whose_they_are(tmp_path):
    units = 'unit,name_zh\n510100,"成/都:*?"\n'
    folder = assessment(tmp_path, units__csv=units)
    assert form(folder).name == "510100_成-都-.xlsx"


def test_the_guide_says_who_the_book_goes_back_to(tmp_path):
    book = openpyxl.load_workbook(form(assessment(tmp_path), contact="评估院 李老师"))
    assert any("评估院 李老师" in str(row[0].value) for row in book.worksheets[0].iter_rows())


def test_a_file_that_is_none_of_ours_or_holds_entries_is_never_written_over(tmp_path):
    folder = assessment(tmp_path)
    path = form(folder)
    assert form(folder) == path  # blank: written anew
    fill(path, {"share": {"G": 5}}, to=path)
    filled = path.read_bytes()
    for content, code in ((filled, "collect.filled-file"), (b"PK thesis", "collect.foreign-file")):
        path.write_bytes(content)
        other = path.with_name("320500_苏州.xlsx")
        with pytest.raises(InputError) as error:
            write_forms(folder, Issue(units=("510100", "320500")))
        assert [problem.code for problem in error.value.problems] == [code]
        assert (path.read_bytes(), other.exists()) == (content, False)


def test_unknown_units_a_missing_period_and_a_file_in_place_of_the_folder_are_named(tmp_path):
    folder = assessment(tmp_path, assessment__toml="", observations__csv="unit,indicator,value\n")
    with pytest.raises(InputError) as error:
        write_forms(folder, Issue(units=("成部",)))
    assert {p.code for p in error.value.problems} >= {"collect.no-period", "collect.unknown-unit"}
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError) as error:
        write_forms(folder, Issue(out=tmp_path / "file", period="2023"))
    assert [p.code for p in error.value.problems] == ["collect.out-is-a-file"]


RIGHT = {
    "share": {"G": 0, "I": "1；2", "J": "统计局，2023年末"},
    "count": {"G": 123456.789, "I": "1"},
    "days": {"G": 1e-7},
    "level": {"G": "1 部分", "I": 2},
    "open": {"G": "是"},
    "change": {"G": -12.5, "H": "数值"},
    "proof": {"H": "不适用"},
}
VALUES = {
    "share": 0.0,
    "count": 123456.789,
    "days": 1e-7,
    "level": 1.0,
    "open": 1.0,
    "change": -12.5,
    "proof": None,
}
PROOFS = {
    "1": ("统计年鉴2024", "统计年鉴或公报", "2024-06", "年鉴.pdf", "第3页"),
    "2": ("通知", "政府文件", "2023-05-01"),
}


def test_filled_right_the_round_trip_is_exact(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), RIGHT, PROOFS)
    outcome = read(folder, path)
    # count is 100 times the last value: that is said, and recorded all the same.
    assert codes(outcome) == ["collect.far-from-last"]
    (book,) = outcome.books
    assert (book.new, book.corrected, book.known, book.waiting, book.blank) == (7, 0, 0, 0, 0)
    found = recorded(folder)
    assert {code: row["value"] for code, row in found.items()} == VALUES
    assert {row["state"] for code, row in found.items() if code != "proof"} == {"value"}
    assert found["proof"]["state"] == "not_applicable"
    assert found["share"]["evidence"] == "1;2"
    assert found["share"]["note"] == "统计局，2023年末"
    assert found["share"]["cell"] == "数据填报!G5"
    assert {code: row["channel"] for code, row in found.items()} == dict.fromkeys(LEAVES, "statistics")
    source = cg.open(folder).sources[found["share"]["source"]]
    assert (source.producer, (folder / source.file).read_bytes()) == ("成都", path.read_bytes())
    listed = pl.read_csv(folder / "evidence.csv", infer_schema=False)
    assert listed.select("unit", "number", "title", "kind", "date", "place", "page").rows() == [
        ("510100", "1", "统计年鉴2024", "yearbook", "2024-06", "年鉴.pdf", "第3页"),
        ("510100", "2", "通知", "document", "2023-05-01", None, None),
    ]


TYPED = ("0.30000000000000004", "0.1234567890123456", "12345678.901234567", "1E-7", "2.5e3", " 7.5 ", "'7.5",
         "-0.5", "+3")  # fmt: skip


@pytest.mark.parametrize("text", TYPED)
def test_numbers_kept_as_text_come_back_bit_for_bit(tmp_path, text):
    folder = assessment(tmp_path)
    read(folder, fill(form(folder), {"change": {"G": text}}))
    assert recorded(folder)["change"]["value"] == float(text.strip(" '"))


def test_a_number_with_17_digits_in_the_file_comes_back_bit_for_bit(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"change": {"G": 41.4141414}})
    exact = tmp_path / "510100_成都.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(exact, "w") as new:
        for item in old.namelist():
            new.writestr(item, old.read(item).replace(b"41.4141414", repr(10 * pi).encode()))
    read(folder, exact)
    assert recorded(folder)["change"]["value"] == 10 * pi


@pytest.mark.parametrize("language", ["zh", "en"])
def test_states_are_understood_in_both_languages_and_a_true_zero_stays_one(tmp_path, language):
    folder = assessment(tmp_path)
    words = {
        "share": "Missing",
        "count": "缺失",
        "days": "无法测量",
        "level": "not applicable",
        "change": "Not measurable",
    }
    entries = {code: {"H": word} for code, word in words.items()} | {"open": {"G": "No"}}
    read(folder, fill(form(folder, language=language), entries))
    states = {code: row["state"] for code, row in recorded(folder).items()}
    assert states == {
        "share": "missing", "count": "missing", "days": "not_measurable", "level": "not_applicable",
        "change": "not_measurable", "open": "value",
    }  # fmt: skip
    assert recorded(folder)["open"]["value"] == 0


def test_reading_again_adds_nothing_and_a_corrected_book_supersedes(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 75}, "days": {"G": 9}, "level": {"G": "1 部分"}})
    read(folder, path)
    before = files_in(folder)
    again = read(folder, path)
    assert (again.books[0].recorded, again.books[0].known, files_in(folder)) == (0, 3, before)
    better = fill(
        path,
        {"share": {"G": 76}, "days": {"G": None, "H": "缺失"}, "open": {"G": "是"}},
        to=tmp_path / "b.xlsx",
    )
    book = read(folder, better).books[0]
    assert (book.new, book.corrected, book.known) == (1, 2, 1)
    facts = cg.assess(cg.open(folder)).facts
    at = [facts.codes.index(code) for code in ("share", "days", "level")]
    assert facts.values[0, at].tolist()[::2] == [76, 1]
    frame = cg.open(folder).observations.frame.filter(pl.col("period") == "2023")
    assert sorted(frame.filter(pl.col("indicator") == "share")["value"]) == [75, 76]
    # The first book once more: it is older than what is recorded and changes nothing.
    before = files_in(folder)
    assert read(folder, path).books[0].recorded == 0
    assert files_in(folder) == before


def test_a_saved_copy_without_changes_adds_nothing(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 75, "I": "1"}}, PROOFS)
    read(folder, path)
    kept = [folder / "observations.csv", folder / "evidence.csv"]
    before = [path.read_bytes() for path in kept]
    copy = fill(path, {}, to=tmp_path / "copy.xlsx")
    openpyxl.load_workbook(copy).save(copy)
    book = openpyxl.load_workbook(copy)
    book.properties.title = "saved again"
    book.save(copy)
    assert copy.read_bytes() != path.read_bytes()
    assert read(folder, copy).books[0].known == 1
    assert [path.read_bytes() for path in kept] == before
    hashes = {source.sha256 for source in cg.open(folder).sources.values()}
    assert hashes >= {sha256_of_file(path), sha256_of_file(copy)}  # so that it is known when it comes again


def test_what_others_recorded_is_not_overruled_but_a_gap_is_filled(tmp_path):
    facts = EARLIER.replace("value,source", "value,source,channel,state").replace(",s\n", ",s,,\n") + (
        "510100,share,2023,85,s,statistics,\n510100,change,2023,,s,statistics,missing\n"
        "510100,days,2023,7,s,field,\n510100,count,2023,5,s,web,\n"
    )
    folder = assessment(tmp_path, observations__csv=facts)
    outcome = read(
        folder,
        fill(form(folder), {"share": {"G": 84}, "change": {"G": 3}, "days": {"G": 7}, "count": {"G": 1100}}),
    )
    assert [
        (p.code, p.values["old"], p.values["new"]) for p in outcome.problems if p.severity == "error"
    ] == [("collect.differs-from-recorded", "85", "84")]
    book = outcome.books[0]
    assert (book.new, book.corrected, book.known, book.waiting) == (2, 1, 0, 1)
    assert recorded(folder)["change"]["value"] == 3


def test_books_of_several_cities_and_a_folder_are_read_at_once(tmp_path):
    folder = assessment(tmp_path)
    for unit in ("510100", "320500"):
        path = form(folder, unit, out=tmp_path / "in")
        fill(path, {"share": {"G": 50}}, to=path)
    outcome = read(folder, tmp_path / "in")
    assert [(book.unit, book.new) for book in outcome.books] == [("320500", 1), ("510100", 1)]
    (tmp_path / "none").mkdir()
    assert codes(read(folder, tmp_path / "none")) == ["collect.empty-folder"]


soffice = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")


@soffice
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_book_that_libreoffice_saved_reads_the_same_and_keeps_its_guards(tmp_path, language):
    folder = assessment(tmp_path)
    entries = RIGHT if language == "zh" else RIGHT | {"level": {"G": "1 partial"}, "open": {"G": "Yes"}}
    path = fill(form(folder, language=language), entries, PROOFS)
    out = tmp_path / "saved"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx",
         "--outdir", str(out), str(path)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    saved = out / path.name
    outcome = read(folder, saved)
    assert codes(outcome) == ["collect.far-from-last"]
    assert {code: row["value"] for code, row in recorded(folder).items()} == VALUES
    book = openpyxl.load_workbook(saved)
    assert all(sheet.protection.sheet for sheet in book.worksheets)
    kinds = {rule.type for rule in sheet_of(book, 1).data_validations.dataValidation}
    assert {"list", "decimal"} <= kinds


@pytest.mark.parametrize(
    ("language", "words"), [("zh", "除以分母（people）之前"), ("en", "before it is divided by people")]
)
def test_where_a_figure_will_be_divided_the_form_asks_for_it_undivided(tmp_path, language, words):
    framework = (
        "code,parent,name_zh,direction,unit,scale,denominator\nI,,,,,,\np,I,每人专利,1,items,ratio,people\n"
    )
    units = "unit,name_zh,people\n510100,成都,2000\n"
    folder = assessment(
        tmp_path, framework__csv=framework, units__csv=units, observations__csv="unit,indicator,value\n",
        method__toml="",
    )  # fmt: skip
    sheet = sheet_of(openpyxl.load_workbook(form(folder, language=language)), 1)
    assert words in sheet.cell(row_of(sheet, "p"), 3).value
