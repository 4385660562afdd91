"""Forms of a scheme in points: what each item is worth stands beside it, in words of both languages."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from citybooks import assessment, fill, form, read, recorded, row_of, sheet_of
from hypothesis import given
from hypothesis import strategies as st

from citygauge.collect.citybook.points import points_told, scheme_told
from citygauge.framework.model import Band, Framework, Node, Scheme
from citygauge.framework.scheme import parse_scheme

INSPECTION = """\
code,parent,name_zh,name_en,points,cap,role,direction,unit,rubric,scheme,definition_zh,definition_en
E,,检查,Inspection,100,105,,,,,,,
S,E,服务,Services,100,,,,,,,,
s,S,网办率,Online,60,,,1,%,,>=90: 60 ; >=60: 43.5 ; else: 0,可网上办理的占比。,Share online.
m,S,差错,Errors,30,,,-1,处,,each: -0.5,,
r,S,制度,Rules,10,,,1,级,0: 无 | none ; 1: 有 | there,,是否齐备。,
d,S,通报,Reprimands,3,,deduction,,次,,each: 1,,
B,E,加分,Extras,8,4,bonus,,,,,,
b,B,典型,Models,8,,,1,项,,>=1: 2 ; else: 0,,
V,E,事故,Accident,59,,veto,,起,,>=3: 1 ; >=2: 1 ; else: 0,,
W,E,造假,Fraud,,,veto,,起,,,,
"""
METHOD = '[normalise]\nhow = "points"\n'
TOLD = {
    "zh": {
        "S": "满分100分",
        "s": "可网上办理的占比。\n满分60分。计分规则：≥90：60分；≥60：43.5分；其他：0分",
        "m": "满分30分。计分规则：每处：−0.5分",
        "r": "是否齐备。\n等级：0 无；1 有\n满分10分",
        "d": "扣分项，最多扣3分。扣分规则：每次：1分",
        "B": "加分项，最多加8分，封顶4分",
        "b": "加分项，最多加8分。加分规则：≥1：2分；其他：0分",
        "V": "单项否决，触发后“检查”至多得59分。触发条件：≥2",
        "W": "单项否决，触发后“检查”得0分。触发条件：>0",
    },
    "en": {
        "S": "Full marks: 100",
        "s": "Share online.\nFull marks: 60. Scoring: ≥90: 60; ≥60: 43.5; else: 0",
        "m": "Full marks: 30. Scoring: each: −0.5",
        "d": "Deduction, takes off at most 3. Points taken off: each: 1",
        "B": "Bonus, adds at most 8, at most 4 in all",
        "b": "Bonus, adds at most 8. Points added: ≥1: 2; else: 0",
        "V": "Veto: when it fires, “Inspection” gets at most 59. Fires at: ≥2",
        "W": "Veto: when it fires, “Inspection” gets 0. Fires at: >0",
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "framework__csv": INSPECTION,
        "observations__csv": "unit,indicator,period,value\n",
        "method__toml": METHOD,
    }
    return assessment(tmp_path, **files)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_an_item_is_worth_stands_under_its_definition(folder: Path, language: str) -> None:
    sheet = sheet_of(openpyxl.load_workbook(form(folder, language=language)), 1)
    assert {code: sheet.cell(row_of(sheet, code), 3).value for code in TOLD[language]} == TOLD[language]


def test_a_form_with_points_comes_back_as_it_was_filled(folder: Path) -> None:
    typed = {"s": 75, "m": 4, "d": 2, "b": 1, "V": 0, "W": 0}
    outcome = read(folder, fill(form(folder), {code: {"G": value} for code, value in typed.items()}))
    assert [problem.code for problem in outcome.problems if problem.severity == "error"] == []
    assert {code: row["value"] for code, row in recorded(folder).items()} == typed


def test_a_form_without_points_says_nothing_of_them(tmp_path: Path) -> None:
    sheet = sheet_of(openpyxl.load_workbook(form(assessment(tmp_path))), 1)
    texts = [str(cell.value) for row in sheet.iter_rows(min_row=4, max_col=4) for cell in row]
    assert not any(word in text for text in texts for word in ("满分", "计分", "加分", "扣分", "否决"))


@pytest.mark.parametrize(
    ("scheme", "when"),
    [
        ("<=1: 0 ; else: 1", ">1"),
        ("<60: 2 ; else: 0", "<60"),
        (">=60: 0 ; else: 5", "<60"),
        (">=9: 1 ; >=5: 0 ; else: 1", "≥9: fires; ≥5: does not fire; else: fires"),
    ],
)
def test_a_veto_says_on_which_values_it_fires(scheme: str, when: str) -> None:
    veto = Node("V", "I", role="veto", scheme=parse_scheme(scheme))
    tree = Framework((Node("I", points=10), Node("a", "I", points=10), veto))
    assert points_told(veto, tree, "en")[1] == f"Fires at: {when}"


edges = st.lists(
    st.tuples(st.integers(-50, 50).map(lambda n: n / 4), st.booleans()),
    min_size=1, max_size=4, unique_by=lambda edge: edge[0],
)  # fmt: skip
marks = st.integers(0, 40).map(lambda n: n / 8)


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    """Draw counts of either sign, and bands that rise or fall."""
    if draw(st.booleans()):
        return Scheme(each=draw(marks.filter(bool)) * draw(st.sampled_from([1, -1])))
    upward = draw(st.booleans())
    bands = tuple(Band(edge, draw(marks), closed) for edge, closed in sorted(draw(edges), reverse=upward))
    return Scheme(bands=bands, upward=upward, otherwise=draw(marks))


@given(schemes(), st.sampled_from(["zh", "en"]), st.sampled_from(["", "%", "项", "处", "起", "item"]))
def test_a_scheme_in_words_reads_back_to_the_same_scheme(scheme: Scheme, language, unit: str) -> None:
    assert parse_scheme(scheme_told(scheme, language, unit)) == scheme
