"""Confirmations: a city confirms or appeals, the institute decides, and nothing recorded is edited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from citybooks import (
    RECEIPT,
    UNITS,
    assessment,
    codes,
    files_in,
    fill,
    form,
    place_of,
    row_of,
    sheet_of,
)
from citybooks import read as read_books

import citygauge as cg
from citygauge.problems import InputError
from citygauge.store.appeals import write_confirmations
from citygauge.store.citybook import Issue
from citygauge.store.returned import Outcome, Receipt

FACTS = """\
unit,indicator,period,value,source,unit_of_measure,origin,state,channel
510100,share,2023,80,s,,,,statistics
510100,count,2023,400000,s,,,,
510100,days,2023,20,s,,derived,,
510100,level,2023,1,s,,,,
510100,open,2023,,s,,,missing,
510100,proof,2023,500000000,s,,,,
320500,share,2023,60,s,,,,
320500,count,2023,100000,s,,,,
320500,days,2023,40,s,,,,
320500,level,2023,2,s,,,,
320500,open,2023,1,s,,,,
320500,change,2023,10,s,,,,
320500,proof,2023,100000000,s,,,,
320100,share,2023,50,s,,,,
"""
METHOD = """\
[impute]
how = "group_mean"
group = "region"
[normalise]
how = "goalposts"
[normalise.by.level]
how = "rubric"
"""
REGIONS = UNITS.replace("\n", ",one\n").replace("name_en,one", "name_en,region")
REVIEWED = Receipt(RECEIPT.at, reviewed=True)
ANSWER, VALUE, STATE, REASON, PROOF, DECISION, REVIEWER, REMARK = "JKLMNOPQ"


@pytest.fixture
def folder(tmp_path) -> Path:
    return assessment(tmp_path, observations__csv=FACTS, units__csv=REGIONS, method__toml=METHOD)


def confirmation(folder: Path, unit: str = "510100", language: str = "zh") -> Path:
    (path,) = write_confirmations(folder, Issue(language, units=(unit,)), "确认函")
    return path


def answered(folder: Path, rows: dict[str, dict[str, Any]], to: str = "back.xlsx", **more: Any) -> Path:
    return fill(confirmation(folder), rows, to=folder.parent / to, **more)


def read(folder: Path, *files: Path, receipt: Receipt = REVIEWED) -> Outcome:
    """Read as the institute does that has entered the decisions itself."""
    return read_books(folder, *files, receipt=receipt)


def accepted(value: Any, **more: Any) -> dict[str, Any]:
    appeal = {ANSWER: "申诉", VALUE: value, REASON: "年鉴已更正", DECISION: "采纳", REVIEWER: "王五"}
    return appeal | more


def log_of(folder: Path) -> list[dict[str, Any]]:
    return pl.read_csv(folder / "confirmations.csv", infer_schema=False).to_dicts()


def test_a_confirmation_shows_value_state_origin_source_and_score_and_marks_what_was_imputed(folder):
    path = confirmation(folder)
    sheet = sheet_of(openpyxl.load_workbook(path), 1)
    shown = {
        code: [sheet.cell(row_of(sheet, code), at).value or None for at in (3, 5, 6, 7, 8)]
        for code in ("share", "days", "level", "open", "change")
    }
    # With goalposts: 80 of 0 to 100 is 0.8; 20 days of 0 to 100, fewer being better, 0.8; level 1 of 2, 0.5.
    # What nobody reported is imputed with the mean of the others, here Suzhou's alone: 1 and 10.
    assert shown == {
        "share": [80, "数值", "实测", "统计局, 年鉴", 0.8],
        "days": [20, "数值", "推算", "统计局, 年鉴", 0.8],
        "level": [1, "数值", "实测", "统计局, 年鉴", 0.5],
        "open": [1, "缺失", "插补", "统计局, 年鉴", 1],
        "change": [10, "缺失", "插补", None, 0.6],
    }
    assert path.name == "510100_成都_确认函.xlsx"
    assert not (folder / "results").exists()


def test_the_same_confirmation_has_the_same_bytes_and_its_letter_is_in_the_language(folder):
    first = confirmation(folder).read_bytes()
    assert confirmation(folder).read_bytes() == first
    for language, word in (("zh", "盖章"), ("en", "seal")):
        book = openpyxl.load_workbook(confirmation(folder, language=language))
        assert any(word in str(row[0].value) for row in book.worksheets[0].iter_rows())
        assert all(sheet.protection.sheet for sheet in book.worksheets)


def test_no_confirmation_of_illustrative_data_is_written(tmp_path):
    folder = assessment(
        tmp_path, observations__csv=FACTS, assessment__toml='period = "2023"\nillustrative = true\n'
    )
    with pytest.raises(InputError) as error:
        write_confirmations(folder, Issue(), "确认函")
    assert [problem.code for problem in error.value.problems] == ["collect.confirm-illustrative"]
    assert not (folder / "workbooks").exists()


def test_a_city_that_is_not_assessed_has_nothing_to_confirm(tmp_path):
    settings = 'period = "2023"\n[units]\nlist = ["320500"]\n'
    folder = assessment(tmp_path, observations__csv=FACTS, assessment__toml=settings)
    with pytest.raises(InputError) as error:
        confirmation(folder)
    assert [problem.code for problem in error.value.problems] == ["collect.not-assessed"]


def test_an_accepted_appeal_changes_the_fact_and_the_score_and_leaves_the_old_observation(folder):
    before = cg.assess(cg.open(folder))
    old = (folder / "observations.csv").read_text(encoding="utf-8").splitlines()
    path = answered(
        folder, {"share": accepted(90, **{PROOF: "1"})}, evidence={"1": ("更正公告", "政府文件", "2024-05")}
    )
    outcome = read(folder, path)
    assert (codes(outcome), outcome.books[0].corrected) == ([], 1)
    after = cg.assess(cg.open(folder))
    at = after.aggregated.codes.index("share")
    # goalposts 0 to 100: 0.8 becomes 0.9; of the three equal services the pillar gains a third of 0.1.
    assert before.aggregated.values[0, at] == pytest.approx(0.8)
    assert after.aggregated.values[0, at] == pytest.approx(0.9)
    pillar = after.aggregated.codes.index("P")
    assert after.aggregated.values[0, pillar] - before.aggregated.values[0, pillar] == pytest.approx(0.1 / 3)
    kept = (folder / "observations.csv").read_text(encoding="utf-8").splitlines()
    assert [line.rstrip(",") for line in kept[1 : len(old)]] == [line.rstrip(",") for line in old[1:]]
    fact = after.trace("510100", "share")["fact"]
    assert (fact["value"], fact["cell"], fact["note"], fact["evidence"]) == (
        90,
        "数据确认!K5",
        "年鉴已更正",
        "1",
    )
    assert fact["citation"].startswith("成都")
    assert (folder / cg.open(folder).sources[fact["source"]].file).read_bytes() == path.read_bytes()
    (row,) = log_of(folder)
    told = (
        "unit",
        "indicator",
        "period",
        "observation",
        "answer",
        "value",
        "decision",
        "reviewer",
        "read_at",
    )
    assert [row[name] for name in told] == [
        "510100", "share", "2023", fact["supersedes"], "appealed", "90", "accepted", "王五", RECEIPT.at,
    ]  # fmt: skip


def test_answers_are_logged_once_and_only_an_accepted_appeal_changes_anything(folder):
    facts = (folder / "observations.csv").read_bytes()
    rows = {
        "share": {ANSWER: "确认"},
        "count": accepted(1, **{DECISION: "不采纳"}),
        "level": accepted("2 完整", **{DECISION: "待定", REVIEWER: None}),
        "proof": {ANSWER: "Appealed", STATE: "不适用", REASON: "无此项"},
    }
    path = answered(folder, rows)
    outcome = read(folder, path)
    assert (codes(outcome), outcome.books[0].new, outcome.books[0].blank) == ([], 4, 3)
    assert (folder / "observations.csv").read_bytes() == facts
    assert [(row["indicator"], row["answer"], row["decision"]) for row in log_of(folder)] == [
        ("share", "confirmed", None), ("count", "appealed", "rejected"), ("level", "appealed", "pending"),
        ("proof", "appealed", None),
    ]  # fmt: skip
    before = files_in(folder)
    assert read(folder, path, receipt=Receipt("2025-01-01T00:00:00Z")).books[0].known == 4
    assert files_in(folder) == before
    # The institute decides later, in the same book.
    decided = fill(path, {"level": {DECISION: "采纳", REVIEWER: "王五"}}, to=folder.parent / "decided.xlsx")
    assert read(folder, decided, receipt=RECEIPT).books[0].corrected == 1
    assert [row["decision"] for row in log_of(folder) if row["indicator"] == "level"] == [
        "pending",
        "accepted",
    ]
    facts_now = cg.assess(cg.open(folder)).facts
    assert facts_now.values[0, facts_now.codes.index("level")] == 2
    before = files_in(folder)
    assert (codes(read(folder, decided)), files_in(folder)) == ([], before)


def test_a_gap_may_be_filled_by_appeal_where_it_was_not_imputed(tmp_path):
    folder = assessment(
        tmp_path,
        observations__csv=FACTS,
        units__csv=REGIONS,
        method__toml=METHOD.replace("group_mean", "none").replace('group = "region"\n', ""),
    )
    path = answered(
        folder, {"open": accepted("是"), "change": accepted(-5), "share": accepted(None, **{STATE: "缺失"})}
    )
    assert codes(read(folder, path)) == []
    facts = cg.assess(cg.open(folder)).facts
    told = {code: facts.values[0, facts.codes.index(code)] for code in ("open", "change", "share")}
    assert (told["open"], told["change"], str(told["share"])) == (1, -5, "nan")


MISTAKES = {
    "no answer": ("share", {VALUE: 5}, "collect.no-answer", ANSWER),
    "unknown answer": ("share", {ANSWER: "同意"}, "collect.unknown-choice", ANSWER),
    "confirmed and appealed": ("share", {ANSWER: "确认", VALUE: 5}, "collect.confirmed-with-appeal", VALUE),
    "no reason": ("share", accepted(5, **{REASON: None}), "collect.appeal-without-reason", REASON),
    "no value": ("share", accepted(None), "collect.no-value", VALUE),
    "no number": ("share", accepted("很高"), "collect.text-for-number", VALUE),
    "beyond": ("share", accepted(101), "collect.number-above", VALUE),
    "value despite state": ("share", accepted(5, **{STATE: "缺失"}), "collect.value-despite-state", STATE),
    "the recorded value": ("share", accepted(80), "collect.appeal-of-nothing", VALUE),
    "no reviewer": ("share", accepted(5, **{REVIEWER: None}), "collect.decision-without-reviewer", REVIEWER),
    "rejected without reviewer": (
        "share", accepted(5, **{DECISION: "不采纳", REVIEWER: None}), "collect.decision-without-reviewer",
        REVIEWER,
    ),
    "no appeal": ("share", {ANSWER: "确认", DECISION: "采纳"}, "collect.decision-without-appeal", DECISION),
    "unknown decision": ("share", accepted(5, **{DECISION: "好"}), "collect.unknown-choice", DECISION),
    "unknown evidence": ("share", accepted(5, **{PROOF: "9"}), "collect.unknown-evidence", PROOF),
    "derived": ("days", accepted(5), "collect.appeal-of-made-value", ANSWER),
    "imputed": ("change", accepted(5), "collect.appeal-of-made-value", ANSWER),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_confirmation_leaves_out_its_row_and_marks_the_cell(folder, name):
    code, cells, problem, column = MISTAKES[name]
    facts = (folder / "observations.csv").read_bytes()
    path = answered(folder, {code: cells, "level": {ANSWER: "确认"}})
    outcome = read(folder, path)
    address = f"{column}{row_of(sheet_of(openpyxl.load_workbook(path), 1), code)}"
    assert [(p.code, place_of(p)) for p in outcome.problems] == [(problem, address)]
    assert [row["indicator"] for row in log_of(folder)] == ["level"]
    assert (folder / "observations.csv").read_bytes() == facts
    marked = openpyxl.load_workbook(outcome.books[0].to_correct)
    assert sheet_of(marked, 1)[address].comment is not None


def test_an_appeal_of_what_was_superseded_meanwhile_names_what_counts_now(folder):
    path = answered(folder, {"share": accepted(90), "level": {ANSWER: "确认"}})
    newer = fill(confirmation(folder, "510100"), {"share": accepted(85)}, to=folder.parent / "first.xlsx")
    read(folder, newer)
    outcome = read(folder, path)
    (problem,) = outcome.problems
    assert problem.code == "collect.superseded-meanwhile"
    frame = cg.open(folder).observations.frame
    current = cg.assess(cg.open(folder)).trace("510100", "share")["fact"]
    assert current["value"] == 85
    assert problem.values["id"] == current["supersedes"]
    assert len(problem.values["current"]) == 1
    assert frame.filter(pl.col("indicator") == "share").height == 4
    assert outcome.books[0].waiting == 1


def test_an_appeal_of_an_observation_that_the_workspace_does_not_have_is_named(folder):
    path = answered(folder, {"share": accepted(90)})
    text = FACTS.replace("510100,share,2023,80", "510100,share,2023,81")
    (folder / "observations.csv").write_text(text, encoding="utf-8")
    assert codes(read(folder, path)) == ["collect.observation-unknown"]


def test_a_form_after_an_accepted_appeal_corrects_the_citys_own_fact(folder):
    read(folder, answered(folder, {"share": accepted(90)}))
    outcome = read(folder, fill(form(folder), {"share": {"G": 91}}))
    assert (codes(outcome), outcome.books[0].corrected) == ([], 1)
    assert cg.assess(cg.open(folder)).trace("510100", "share")["fact"]["value"] == 91


def test_a_score_that_was_handed_over_is_appealed_as_a_score(tmp_path):
    facts = "unit,indicator,period,value,source,unit_of_measure\n510100,level,2023,0.25,s,score\n"
    facts += "320500,level,2023,1,s,score\n320100,level,2023,0,s,score\n"
    method = '[normalise]\nhow = "goalposts"\n[normalise.by.level]\nhow = "goalposts"\nlow = 0\nhigh = 1\n'
    folder = assessment(tmp_path, observations__csv=facts, method__toml=method)
    outcome = read(folder, answered(folder, {"level": accepted(0.75)}))
    assert codes(outcome) == []
    fact = cg.assess(cg.open(folder)).trace("510100", "level")["fact"]
    assert (fact["value"], fact["unit_of_measure"]) == (0.75, "score")


def test_a_decision_counts_only_after_its_appeal_was_read_undecided_or_where_the_institute_vouches(folder):
    facts = (folder / "observations.csv").read_bytes()
    path = answered(folder, {"share": accepted(90), "level": {ANSWER: "确认"}})
    outcome = read(folder, path, receipt=RECEIPT)
    assert [(p.code, place_of(p)) for p in outcome.problems] == [("collect.decision-not-reviewed", "O5")]
    assert ((folder / "observations.csv").read_bytes(), len(log_of(folder))) == (facts, 1)
    # The city sends another value: the appeal that was read is not the one that is decided.
    undecided = {DECISION: None, REVIEWER: None}
    read(folder, fill(path, {"share": undecided}, to=folder.parent / "a.xlsx"), receipt=RECEIPT)
    other = fill(path, {"share": {VALUE: 95}}, to=folder.parent / "b.xlsx")
    assert codes(read(folder, other, receipt=RECEIPT)) == ["collect.decision-not-reviewed"]
    assert (folder / "observations.csv").read_bytes() == facts
    # The very first file, which was read before, vouched for now.
    (correction,) = read(folder, path).books[0].corrections
    assert (correction.unit, correction.indicator, correction.cell) == ("510100", "share", "数据确认!K5")
    assert (correction.old, correction.new) == ("80", "90")
    assert cg.assess(cg.open(folder)).trace("510100", "share")["fact"]["value"] == 90


@pytest.mark.parametrize(("first", "second"), [("采纳", "不采纳"), ("不采纳", "采纳"), ("不采纳", "待定")])
def test_a_decision_that_contradicts_an_earlier_one_is_named_and_changes_nothing(folder, first, second):
    path = answered(folder, {"share": accepted(90, **{DECISION: first})})
    read(folder, path)
    before = {name: (folder / name).read_bytes() for name in ("observations.csv", "confirmations.csv")}
    outcome = read(folder, fill(path, {"share": {DECISION: second}}, to=folder.parent / "b.xlsx"))
    (problem,) = outcome.problems
    assert (problem.code, problem.values["before"]) == ("collect.decision-changed", first)
    assert before == {name: (folder / name).read_bytes() for name in before}
    # An older copy without a decision is nothing new.
    blank = fill(path, {"share": {DECISION: None}}, to=folder.parent / "c.xlsx")
    assert (codes(read(folder, blank)), outcome.books[0].waiting) == ([], 1)
    assert before == {name: (folder / name).read_bytes() for name in before}
