"""Every mistake that a city can make is told apart, each with its cell, and nothing that is good is lost."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from citybooks import (
    EARLIER,
    UNITS,
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

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SHARE, COUNT, RUBRIC, YES = (
    "%,share,",
    "stations,ratio,",
    "level,ordinal,0: 无 | none ; 1: 有 | some",
    ",binary,",
)


@dataclass(frozen=True)
class Mistake:
    """What is typed into a row, and what must be said about which of its cells."""

    code: str
    cells: dict[str, Any]
    at: str = "G"
    kind: str = COUNT
    form: str = ""  # number format of the value's cell
    named: tuple[str, ...] = ()  # what the message must name
    extra: str = ""
    last: float | None = None
    also: tuple[str, ...] = field(default=())


MISTAKES = {
    "text": Mistake("collect.text-for-number", {"G": "已统计"}, named=("已统计",)),
    "chinese digits": Mistake("collect.text-for-number", {"G": "十二"}),
    "a word for nothing": Mistake("collect.state-for-number", {"G": "暂无"}),
    "a dash": Mistake("collect.state-for-number", {"G": "—"}),
    "a slash": Mistake("collect.state-for-number", {"G": "/"}),
    "per cent sign": Mistake("collect.number-with-unit", {"G": "12.3%"}, kind=SHARE, named=("12.3",)),
    "wide per cent sign": Mistake("collect.number-with-unit", {"G": "12.3％"}, kind=SHARE, named=("12.3",)),
    "per cent format": Mistake(
        "collect.percent-for-number", {"G": 0.123}, kind=SHARE, form="0.0%", named=("12.3",)
    ),
    "ten thousands": Mistake("collect.number-with-unit", {"G": "5万"}, named=("5万", "stations", "50000")),
    "kilometres": Mistake("collect.number-with-unit", {"G": "12 km"}, named=("km",)),
    "currency": Mistake("collect.number-with-unit", {"G": "￥300"}),
    "roughly": Mistake("collect.number-not-exact", {"G": "约300"}),
    "at least": Mistake("collect.number-not-exact", {"G": "90以上"}),
    "above sign": Mistake("collect.number-not-exact", {"G": ">90"}),
    "thousands apart": Mistake("collect.thousands-separator", {"G": "12,34,567"}, named=("1234567",)),
    "accountants' minus": Mistake("collect.accountants-minus", {"G": "(5)"}, named=("-5",)),
    "wide brackets": Mistake("collect.accountants-minus", {"G": "（1,500）"}, named=("-1,500",)),
    "minus behind": Mistake("collect.accountants-minus", {"G": "5-"}, named=("-5",)),
    "decimal comma": Mistake("collect.decimal-comma", {"G": "12,5"}, named=("12.5",)),
    "a fraction": Mistake("collect.two-numbers", {"G": "12/15"}),
    "a range": Mistake("collect.two-numbers", {"G": "12-15"}),
    "two in one": Mistake("collect.two-numbers", {"G": "12；15"}),
    "division by zero": Mistake("collect.formula-error", {"G": "#DIV/0!"}, named=("#DIV/0!",)),
    "no such value": Mistake("collect.formula-error", {"G": "#N/A"}),
    "formula never computed": Mistake("collect.formula-without-value", {"G": "=SUM(A1:A2)"}),
    "true": Mistake("collect.boolean-for-number", {"G": True}),
    "the word false": Mistake("collect.boolean-for-number", {"G": "FALSE"}),
    "date": Mistake("collect.date-for-number", {"G": datetime.date(2023, 1, 2)}, named=("2023-01-02",)),
    "date as text": Mistake("collect.date-for-number", {"G": "2023年5月1日"}),
    "infinite": Mistake("collect.number-not-finite", {"G": "inf"}),
    "not a number": Mistake("collect.number-not-finite", {"G": "NaN"}),
    "infinity sign": Mistake("collect.number-not-finite", {"G": "∞"}),
    "huge": Mistake("collect.number-too-large", {"G": "1e300"}),
    "beyond double": Mistake("collect.number-too-large", {"G": "1e999"}),
    "share beyond 100": Mistake("collect.number-above", {"G": 100.5}, kind=SHARE, named=("100",)),
    "negative share": Mistake("collect.number-below", {"G": -1}, kind=SHARE),
    "negative count": Mistake("collect.number-below", {"G": -3}),
    "no level": Mistake("collect.not-a-level", {"G": "3 好"}, kind=RUBRIC, named=("0 无", "1 有")),
    "value between levels": Mistake("collect.not-a-level", {"G": 0.5}, kind=RUBRIC),
    "neither yes nor no": Mistake("collect.not-a-level", {"G": "也许"}, kind=YES, named=("是", "否")),
    "value and missing": Mistake(
        "collect.value-despite-state", {"G": 5, "H": "缺失"}, at="H", named=("缺失",)
    ),
    "value and not applicable": Mistake("collect.value-despite-state", {"G": 5, "H": "不适用"}, at="H"),
    "unknown state": Mistake("collect.unknown-choice", {"H": "不适合"}, at="H", named=("不适用",)),
    "state of a value without one": Mistake("collect.no-value", {"H": "数值"}),
    "a remark alone": Mistake("collect.no-value", {"J": "下月补报"}),
    "unknown evidence": Mistake("collect.unknown-evidence", {"G": 5, "I": "1；77"}, at="I", named=("77",)),
    "evidence needed": Mistake("collect.evidence-needed", {"G": 5}, at="I", extra="yes"),
    "another unit noted": Mistake(
        "collect.other-unit-of-measure", {"G": 5, "J": "单位：万元"}, at="J", named=("万元",)
    ),
}
ACCEPTED = {
    "wide digits": Mistake("collect.number-read-as", {"G": "１２．５"}, named=("12.5",)),
    "thousands": Mistake("collect.number-read-as", {"G": "1,234,567.5"}, named=("1234567.5",)),
    "evidence twice": Mistake("collect.evidence-named-twice", {"G": 7, "I": "1,1"}, at="I"),
    "factor 10000": Mistake("collect.far-from-last", {"G": 2.0}, last=20000.0, named=("20000", "10000")),
    "factor 10": Mistake("collect.far-from-last", {"G": 50.0}, last=5.0, named=("10",)),
    "factor 1000": Mistake("collect.far-from-last", {"G": 4900}, last=5.0, named=("1000",)),
    "fraction": Mistake("collect.share-as-fraction", {"G": 0.5}, kind=SHARE, named=("50",)),
}
READ_AS = dict(zip(ACCEPTED, (12.5, 1234567.5, 7, 2, 50, 4900, 0.5), strict=True))
GOOD = {"space": ("  8 ", 8), "apostrophe": ("'9", 9), "scientific": ("1.5e3", 1500), "zero": (0, 0)}
EVIDENCE = {
    "1": ("年鉴", "统计年鉴或公报", "2024"),
    "2": (None, "其他", "2024-01"),  # no title
    "3": ("通知", "其他", "31.12.23"),
    "4": ("公告", "其他", "2030-01-01"),
    "5": ("报告", "杂志"),
    "6": ("没人引用", "其他"),
    "7": ("年鉴", "统计年鉴或公报", "2024"),  # number 1 once more
}
LISTED = {
    ("collect.evidence-without-title", "B5"), ("collect.bad-date", "D6"), ("collect.future-date", "D7"),
    ("collect.unknown-choice", "C8"), ("collect.evidence-unused", "A9"), ("collect.evidence-twice", "B10"),
    ("collect.evidence-unused", "A10"), ("collect.evidence-number-repeated", "A12"),
    ("collect.evidence-without-number", "A13"),
}  # fmt: skip


def everything(place: Path) -> tuple[Path, Path, dict[str, str]]:
    """Return a workspace, its form with every mistake at once, and the code of each row."""
    rows, facts, code_of = [], [EARLIER.splitlines()[0]], {}
    for number, (name, mistake) in enumerate((MISTAKES | ACCEPTED).items()):
        code_of[name] = f"m{number:02d}"
        rows.append(f"{code_of[name]},P,{mistake.kind}{',' * (mistake.kind.count(',') < 3)}{mistake.extra}")
        if mistake.last is not None:
            facts.append(f"510100,{code_of[name]},2022,{mistake.last},s")
    for number, name in enumerate(GOOD):
        code_of[name] = f"g{number}"
        rows.append(f"g{number},P,stations,ratio,,")
    head = "code,parent,unit,scale,rubric,evidence_required,direction\nI,,,,,,\nP,I,,,,,\n"
    framework = head + "\n".join(f"{row},1" for row in rows) + "\n"
    folder = assessment(
        place, framework__csv=framework, observations__csv="\n".join(facts) + "\n", method__toml=""
    )
    path = form(folder)
    entries = {code_of[name]: mistake.cells for name, mistake in (MISTAKES | ACCEPTED).items()}
    entries |= {code_of[name]: {"G": typed} for name, (typed, _) in GOOD.items()}
    fill(path, entries, EVIDENCE, to=path)
    book = openpyxl.load_workbook(path)
    sheet, listed = sheet_of(book, 1), sheet_of(book, 2)
    for name, mistake in MISTAKES.items():
        if mistake.form:
            sheet[f"G{row_of(sheet, code_of[name])}"].number_format = mistake.form
    listed["B11"], listed["B12"], listed["A12"] = "第一", "第二", "8"
    listed["B13"], listed["A13"] = "无编号", None
    sheet["G5"].value, sheet["L4"].value = sheet["G5"].value, "越界"
    sheet[f"B{sheet.max_row + 3}"] = "也越界"
    book.save(path)
    return folder, path, code_of


@pytest.fixture(scope="module")
def read_once(tmp_path_factory):
    """Everything wrong in one book, read once; the tests look at what came of it."""
    folder, path, code_of = everything(tmp_path_factory.mktemp("mistakes"))
    sheet = sheet_of(openpyxl.load_workbook(path), 1)
    rows = {name: row_of(sheet, code) for name, code in code_of.items()}
    return folder, path, code_of, rows, read(folder, path)


@pytest.mark.parametrize("name", [*MISTAKES, *ACCEPTED])
def test_a_mistake_is_named_with_its_cell_in_both_languages(read_once, name):
    mistake, (_, path, _, rows, outcome) = (MISTAKES | ACCEPTED)[name], read_once
    address = f"{mistake.at}{rows[name]}"
    here = [p for p in outcome.problems if p.where.row == rows[name] and p.where.sheet == "数据填报"]
    (problem,) = [p for p in here if p.code == mistake.code]
    assert here == [problem]
    assert (place_of(problem), problem.where.file) == (address, path.name)
    assert problem.severity == ("warning" if name in ACCEPTED else "error")
    for language in ("en", "zh"):
        text = problem.text(language)
        assert address in text
        assert all(word in text for word in mistake.named), text


def test_there_are_more_than_thirty_kinds_of_mistakes(read_once):
    assert len({problem.code for problem in read_once[-1].problems}) >= 30


def test_rows_with_mistakes_are_left_out_and_all_others_recorded(read_once):
    folder, _, code_of, _, outcome = read_once
    values = {code: row["value"] for code, row in recorded(folder).items()}
    expected = {code_of[name]: value for name, (_, value) in GOOD.items()}
    assert values == expected | {code_of[name]: value for name, value in READ_AS.items()}
    (book,) = outcome.books
    assert (book.new, book.waiting) == (len(GOOD) + len(ACCEPTED), len(MISTAKES))


def test_mistakes_in_the_list_of_evidence_are_named_and_the_good_items_recorded(read_once):
    folder, *_, outcome = read_once
    found = {(p.code, place_of(p)) for p in outcome.problems if p.where.sheet == "佐证材料"}
    assert found == LISTED
    lines = (folder / "evidence.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == ["1", "6", "7"]


def test_what_stands_outside_the_form_is_named(read_once):
    outside = [p for p in read_once[-1].problems if p.code == "collect.outside-the-form"]
    assert [(place_of(p)[0], p.values["value"]) for p in outside] == [("L", "越界"), ("B", "也越界")]


def test_the_faulty_book_comes_back_marked_and_otherwise_as_it_was_filled(read_once):
    _, path, _, rows, outcome = read_once
    marked = Path(outcome.books[0].to_correct)
    assert marked.name == f"{path.stem}_待更正.xlsx"
    assert (marked.parent.name, marked.parent.parent.name) == ("returned", "workbooks")
    before, after = openpyxl.load_workbook(path, data_only=True), openpyxl.load_workbook(marked)
    for number in (1, 2):
        old, new = sheet_of(before, number), sheet_of(after, number)
        for row in old.iter_rows(min_row=4):
            for cell in row:
                kept = new[cell.coordinate].value
                if isinstance(cell.value, datetime.datetime):
                    assert str(kept) == str(cell.value.date())
                elif cell.row == rows["formula never computed"] and cell.column == 7:
                    assert kept == "=SUM(A1:A2)"
                else:
                    assert (kept or None) == (cell.value or None) or kept == cell.value, cell.coordinate
    sheet = sheet_of(after, 1)
    for name, mistake in MISTAKES.items():
        cell = sheet[f"{mistake.at}{rows[name]}"]
        assert cell.comment is not None, name
        assert CHINESE.search(cell.comment.text)
        assert cell.fill.fgColor.rgb == "FFFFC7CE"
    for name in (*GOOD, *ACCEPTED):
        assert sheet[f"G{rows[name]}"].comment is None


def test_a_marked_copy_that_nobody_corrected_has_the_same_faults_again(read_once):
    folder, *_, outcome = read_once
    before = (folder / "observations.csv").read_bytes()
    again = read(folder, Path(outcome.books[0].to_correct))
    faults = [
        [(p.where.sheet, place_of(p)) for p in found.problems if p.severity == "error"]
        for found in (outcome, again)
    ]
    assert faults[0] == faults[1]
    assert (folder / "observations.csv").read_bytes() == before


def test_a_marked_copy_that_is_corrected_reads_without_a_fault(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": "80%"}, "days": {"G": 3}, "level": {"G": "1 部分"}})
    first = read(folder, path)
    marked = Path(first.books[0].to_correct)
    again = read(folder, marked)
    assert (again.books[0].new, again.books[0].known, again.books[0].waiting) == (0, 2, 1)
    assert Path(again.books[0].to_correct) == marked  # the same faults again: no second copy
    second = read(folder, fill(marked, {"share": {"G": 80}}, to=tmp_path / "corrected.xlsx"))
    assert (codes(second), second.books[0].new, second.books[0].known) == ([], 1, 2)
    assert recorded(folder)["share"]["value"] == 80


def test_merged_cells_leave_out_the_rows_that_they_cover(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 80}, "days": {"G": 3}})
    book = openpyxl.load_workbook(path)
    sheet = sheet_of(book, 1)
    top = row_of(sheet, "share")
    sheet.merge_cells(f"G{top}:G{top + 1}")
    book.save(path)
    outcome = read(folder, path)
    assert [(p.code, place_of(p)) for p in outcome.problems] == [("collect.merged-cells", f"G{top}")]
    assert set(recorded(folder)) == {"days"}


# What is wrong with protected cells holds back the rows that it touches; what is wrong with a book as a whole
# refuses it, and nothing of it is recorded.


def rebuilt(path: Path, change: Any) -> Path:
    book = openpyxl.load_workbook(path)
    change(book, sheet_of(book, 1))
    book.save(path)
    return path


def move_row(sheet: Any, source: int, target: int) -> None:
    for at in range(1, 11):
        a, b = sheet.cell(source, at), sheet.cell(target, at)
        a.value, b.value = b.value, a.value


def rename(number: int, title: str) -> Any:
    return lambda book, _: setattr(book.worksheets[number], "title", title)


def put(address: str, value: Any) -> Any:
    return lambda _, sheet: sheet.__setitem__(address, value)


def copy_row(_: Any, sheet: Any) -> None:
    sheet.insert_rows(6)
    for at in range(1, 11):
        sheet.cell(6, at).value = sheet.cell(5, at).value


TOUCHED = {  # what is done, the problem, its cell, and whether the row that is filled waits
    "code": (put("A5", "shore"), "collect.code-changed", "A5", True),
    "name": (put("B5", "其他"), "collect.protected-changed", "B5", True),
    "definition": (put("C6", "别的"), "collect.protected-changed", "C6", False),
    "unit of measure": (put("D5", "万"), "collect.protected-changed", "D5", True),
    "last value": (put("E5", 8), "collect.protected-changed", "E5", True),
    "heading": (put("B4", "其他"), "collect.protected-changed", "B4", False),
    "inserted row": (lambda _, sheet: sheet.insert_rows(6), "collect.row-inserted", "A6", False),
    "inserted row with a code": (
        lambda b, s: (s.insert_rows(6), put("A6", "new")(b, s)), "collect.row-inserted", "A6", False,
    ),
    "deleted row": (lambda _, sheet: sheet.delete_rows(6), "collect.row-deleted", "A6", False),
    "last row deleted": (lambda _, sheet: sheet.delete_rows(12), "collect.row-deleted", "A12", False),
    "repeated row": (copy_row, "collect.row-repeated", "A5", True),
}  # fmt: skip
REBUILT = {
    "head": (put("G3", "数据"), "collect.protected-changed", "G3"),
    "row above the head": (lambda _, sheet: sheet.insert_rows(2), "collect.row-inserted", ""),
    "title deleted": (lambda _, sheet: sheet.delete_rows(1), "collect.row-deleted", ""),
    "data sheet renamed": (rename(1, "Sheet1"), "collect.sheet-renamed", ""),
    "identification renamed": (rename(3, "Sheet4"), "collect.sheet-renamed", ""),
    "evidence missing": (lambda book, _: book.remove(book.worksheets[2]), "collect.sheet-missing", ""),
    "identification missing": (lambda book, _: book.remove(book.worksheets[3]), "collect.not-ours", ""),
    "other city": (
        lambda book, _: put("B8", "320500")(book, book.worksheets[3]), "collect.identification-changed", "",
    ),
    "other layout": (lambda book, _: put("B3", "9")(book, book.worksheets[3]), "collect.unknown-layout", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REBUILT)
def test_a_book_that_was_rebuilt_is_refused_and_the_place_is_named(tmp_path, name):
    change, code, address = REBUILT[name]
    folder = assessment(tmp_path)
    path = rebuilt(fill(form(folder), {"share": {"G": 80}}), change)
    before = files_in(folder)
    outcome = read(folder, path)
    found = [p for p in outcome.problems if p.severity == "error"]
    assert code in {p.code for p in found}
    assert all(p.where.file == path.name for p in found)
    if address:
        assert [place_of(p) for p in found] == [address]
    assert (files_in(folder), outcome.books[0].kind) == (before, "")


@pytest.mark.parametrize("name", TOUCHED)
def test_a_change_of_protected_cells_holds_back_its_row_alone_and_everything_is_said_at_once(tmp_path, name):
    change, code, address, waits = TOUCHED[name]
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 80}, "level": {"G": "1 部分"}, "open": {"G": "也许"}})
    outcome = read(folder, rebuilt(path, change))
    found = {p.code: place_of(p) for p in reversed(outcome.problems) if p.severity == "error"}
    assert found.keys() == {code, "collect.not-a-level"}
    assert found[code] == address
    expected = {"level": 1} if waits else {"level": 1, "share": 80}
    assert {key: row["value"] for key, row in recorded(folder).items()} == expected
    marked = Path(outcome.books[0].to_correct)
    assert sheet_of(openpyxl.load_workbook(marked), 1)[address].comment is not None
    # Uncorrected, the copy has the same faults: it still knows what was sent out.
    again = {p.code: place_of(p) for p in reversed(read(folder, marked).problems) if p.severity == "error"}
    assert again == found


def test_moved_rows_are_found_by_their_codes_and_an_added_sheet_is_named(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 80}, "days": {"G": "三天"}})

    def change(book: Any, sheet: Any) -> None:
        move_row(sheet, 5, 7)
        book.create_sheet("草稿")["A1"] = "x"

    outcome = read(folder, rebuilt(path, change))
    assert sorted(codes(outcome)) == [
        "collect.extra-sheet",
        "collect.rows-reordered",
        "collect.text-for-number",
    ]
    assert recorded(folder)["share"]["value"] == 80
    # The marked copy keeps the new order and is a whole book again.
    again = read(folder, Path(outcome.books[0].to_correct))
    assert codes(again) == ["collect.text-for-number"]


def test_a_book_of_another_framework_period_or_city_is_refused(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 80}})
    text = (folder / "framework.csv").read_text(encoding="utf-8")
    cases = {
        "framework.csv": (text.replace("可网上办理", "可以办理"), "collect.other-framework"),
        "assessment.toml": ('period = "2024"\n', "collect.other-period"),
        "units.csv": (UNITS.replace("510100", "510101"), "collect.unknown-city"),
    }
    for name, (changed, code) in cases.items():
        kept = (folder / name).read_bytes()
        (folder / name).write_text(changed, encoding="utf-8")
        if name == "units.csv":
            (folder / "observations.csv").write_text("unit,indicator,value\n", encoding="utf-8")
        assert codes(read(folder, path)) == [code]
        (folder / name).write_bytes(kept)
    for given in ("Items online,", "Stations,", "Days to decide,"):
        text = text.replace(given, given + "2")
    (folder / "framework.csv").write_text(text, encoding="utf-8")
    assert codes(read(folder, path)) == []  # other weights ask the city nothing else


def test_a_book_in_a_file_named_after_another_city_is_refused(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 80}}, to=tmp_path / "320500_苏州.xlsx")
    outcome = read(folder, path)
    assert codes(outcome) == ["collect.another-citys-book"]
    assert "510100" in outcome.problems[0].message("zh")


def test_two_books_of_a_city_that_differ_are_both_refused_and_equal_ones_are_one(tmp_path):
    folder = assessment(tmp_path)
    path = fill(form(folder), {"share": {"G": 80}})
    other = fill(path, {"share": {"G": 81}}, to=tmp_path / "b.xlsx")
    outcome = read(folder, path, other)
    assert codes(outcome) == ["collect.two-books"] * 2
    assert recorded(folder) == {}
    same = fill(path, {}, to=tmp_path / "c.xlsx")
    assert codes(read(folder, path, same)) == []
    assert recorded(folder)["share"]["value"] == 80


def test_a_file_that_is_no_workbook_of_ours_or_none_at_all_is_refused_and_the_others_are_read(tmp_path):
    folder = assessment(tmp_path)
    good = fill(form(folder), {"share": {"G": 80}})
    foreign = tmp_path / "foreign.xlsx"
    openpyxl.Workbook().save(foreign)
    (tmp_path / "broken.xlsx").write_bytes(b"PK nonsense")
    outcome = read(folder, foreign, tmp_path / "broken.xlsx", tmp_path / "gone.xlsx", good)
    assert codes(outcome) == ["collect.not-ours", "file.not-a-workbook", "file.not-found"]
    assert recorded(folder)["share"]["value"] == 80
    assert len(outcome.books) == 4


def test_a_workspace_with_what_was_read_still_opens(read_once):
    assert cg.open(read_once[0]).check().errors == ()


def test_on_illustrative_data_the_marked_copy_has_the_notice_too(tmp_path):
    settings = 'period = "2023"\nillustrative = true\n'
    folder = assessment(tmp_path, assessment__toml=settings)
    outcome = read(folder, fill(form(folder, language="en"), {"share": {"G": "x"}}))
    marked = Path(outcome.books[0].to_correct)
    assert marked.stem.endswith("_to-correct")
    for sheet in openpyxl.load_workbook(marked).worksheets:
        assert any("illustrative" in str(c.value) for row in sheet.iter_rows(max_row=2) for c in row), (
            sheet.title
        )
