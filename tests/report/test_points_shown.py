"""Points wherever results are shown: full marks, bonuses, deductions and vetoes on page, PDF and workbook."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import openpyxl
import pytest
import typst
from inspection import FACTS, FILES, ILLUSTRATIVE, METHOD, SCHEME
from test_page import Reader

import citygauge as cg
from citygauge.report import fonts as report_fonts
from citygauge.report.charts.base import svg
from citygauge.report.charts.scores import means_chart, ranking_chart
from citygauge.report.content import report_content
from citygauge.report.files import write_results
from citygauge.report.marks import Marks, rounded, short, signed
from citygauge.report.page import page
from citygauge.report.pdf import pdf_of
from citygauge.report.profile import profiles
from citygauge.report.tables import tables
from conftest import SOURCED

Make = Callable[..., Path]
HAS_CJK = bool(set(report_fonts.CJK_FAMILIES) & set(typst.Fonts().families()))
printed = pytest.mark.skipif(
    not (shutil.which("pdftotext") and HAS_CJK), reason="no pdftotext of poppler, or no Chinese font"
)
VETOED = """\
unit,indicator,period,value
1,a,2023,80
1,b,2023,2
1,c,2023,50
2,a,2023,60
2,b,2023,5
2,c,2023,70
2,V,2023,1
"""


@pytest.fixture
def inspected(workspace: Make) -> Callable[..., cg.Result]:
    """Return a function that assesses the small inspection, any file replaced."""
    return lambda **files: cg.assess(cg.open(workspace(**{**FILES, **files})))


@pytest.fixture
def illustrated(workspace: Make) -> cg.Result:
    return cg.assess(cg.open(workspace(**ILLUSTRATIVE)))


def drawn(text: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", text)


# --- how points are written ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (2.675, 2, "2.68"),  # a binary fraction just below the half
        (0.125, 2, "0.13"),
        (-0.125, 2, "−0.13"),
        (59.999999999999, 2, "60.00"),
        (-1e-12, 2, "0.00"),
        (105.0, 0, "105"),
    ],
)
def test_points_are_rounded_half_up_with_a_true_minus(value: float, decimals: int, text: str) -> None:
    assert rounded(value, decimals) == text


def test_points_have_no_more_decimals_than_they_need() -> None:
    assert [short(v, 2) for v in (43.5, 60.0, 100.0, 1 / 3, -3.0, 0.0)] == [
        "43.5", "60", "100", "0.33", "−3", "0",
    ]  # fmt: skip
    assert [signed(text) for text in ("2", "−2", "0", "−0.00", "–")] == ["+2", "−2", "0", "0.00", "–"]


def test_where_there_are_few_points_to_earn_they_have_a_third_decimal(
    inspected: Callable[..., cg.Result],
) -> None:
    tree = "code,parent,name_en,points,direction,unit,low,high\nI,,I,10,,,,\na,I,a,10,1,%,0,100\n"
    told = "unit,indicator,value\n1,a,12.345\n2,a,50\n"
    ten = Marks(inspected(framework__csv=tree, observations__csv=told))
    assert [ten.out_of("a", score) for score in (0.12345, 0.5)] == ["1.235 / 10", "5.000 / 10"]


# --- page ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 100, 7])
def test_the_ranking_shows_points_out_of_full_marks_and_what_comes_on_top_apart(
    inspected: Callable[..., cg.Result], scale: int
) -> None:
    reader = Reader(page(inspected(method__toml=f"{METHOD}scale = {scale}\n"), "en"))
    ranking = next(table for table in reader.tables if "Rank" in table[0])
    assert ranking == [
        ["Rank", "City", "Score", "Services", "Management", "Bonus", "Veto"],
        ["1", "Taizhou", "105.0 / 100", "60.0 / 60", "40 / 40", "+5", ""],
        ["2", "Suzhou", "78.5 / 100", "43.5 / 60", "34 / 40", "+1", ""],
        ["3", "Chengdu", "59.0 / 100", "60.0 / 60", "40 / 40", "0", "1"],
        ["4", "Nanjing", "27.5 / 100", "27.5 / 60", "0 / 40", "–", "1"],
    ]


def test_statistics_are_in_points_and_only_over_what_counts_in_means(
    inspected: Callable[..., cg.Result],
) -> None:
    rows = Reader(page(inspected(), "en")).table("SD")
    found = {row[0]: row[2:] for row in rows}
    assert set(found) == {"E", "S", "M"}
    assert found["S"] == ["60", "4", "47.75", "15.58", "27.50", "60.00"]  # the root of 728.25 / 3
    assert found["M"][:3] == ["40", "4", "28.50"]
    assert found["E"][:3] == ["100", "4", "67.50"]


@pytest.mark.parametrize(
    ("language", "kinds"),
    [("zh", ("加分", "扣分", "否决")), ("en", ("Bonus", "Deduction", "Veto"))],
)
def test_bonuses_deductions_and_vetoes_have_marked_lines_of_their_own(
    inspected: Callable[..., cg.Result], language: str, kinds: tuple[str, str, str]
) -> None:
    bonus, deduction, veto = kinds
    content = report_content(inspected(), language)
    rows = Reader(page(inspected(), language)).table(content["t"]["into"])
    label = {node["code"]: node["name"] for node in content["tree"]}
    assert rows == [
        [deduction, "m2", label["m2"], label["M"], "−3", "2", "−1.25"],
        [veto, "W", label["W"], label["M"], "≤ 0", "1", "–"],
        [bonus, "B", label["B"], label["E"], "+5", "2", "+2.00"],
        [veto, "V", label["V"], label["E"], "≤ 59", "1", "–"],
    ]


def test_the_box_names_city_veto_node_and_the_most_points(inspected: Callable[..., cg.Result]) -> None:
    assert Reader(page(inspected(), "zh")).table("受限指标") == [
        ["南京", "造假", "管理", "0 / 40"],
        ["成都", "事故", "检查", "59 / 100"],
    ]
    calm = FACTS.replace("3,V,2024,1", "3,V,2024,0").replace("4,W,2024,2", "4,W,2024,0")
    assert "没有触发单项否决。" in Reader(page(inspected(observations__csv=calm), "zh")).seen


def test_the_tree_shows_full_marks_and_no_weight_for_what_has_none(
    inspected: Callable[..., cg.Result],
) -> None:
    rows = {row[0]: row[1:] for row in Reader(page(inspected(), "en")).table("Effective weight")}
    assert rows["E"] == ["Inspection", "", "100 (cap 105)", "", "100.00%"]
    assert rows["S"] == ["Services", "", "60", "60.0%", "60.00%"]
    assert rows["s1"] == ["Online", "", "40", "66.7%", "40.00%"]
    assert rows["m2"] == ["Reprimands", "Deduction", "−3", "–", "–"]
    assert rows["V"] == ["Accident", "Veto", "≤ 59", "–", "–"]


def test_charts_have_the_pillars_only_and_are_open_beyond_the_full_marks(
    inspected: Callable[..., cg.Result],
) -> None:
    result = inspected()
    means, ranking = svg(means_chart(result, "en")), svg(ranking_chart(result, "en"))
    assert {"Services", "Management"} <= set(drawn(means))
    assert not {"Models", "Accident", "Fraud", "Reprimands"} & set(drawn(means))
    assert "M: 28.5" not in means  # what is read aloud is out of full marks too
    assert {"points (full marks 100)", "mean share of full marks (%) ± standard deviation"} <= {
        *drawn(means), *drawn(ranking),
    }  # fmt: skip
    ticks = [float(text) for text in drawn(ranking) if re.fullmatch(r"\d+", text)]
    assert max(ticks) >= 105
    content = report_content(result, "en")
    assert content["ranking_axis"]["high"] >= 105
    assert {row["key"]: row["value"] for row in content["ranking_bars"]} == pytest.approx(
        {"1": 78.5, "2": 105, "3": 59, "4": 27.5}
    )


def test_the_edges_of_grades_are_in_points_as_the_scores_beside_them(
    inspected: Callable[..., cg.Result],
) -> None:
    # The scale smart-2021 has edges at 85 and 70 per cent of the range.
    method = f'{METHOD}[grades]\nscale = "smart-2021"\n'
    edges = [row["edge"] for row in report_content(inspected(method__toml=method), "en")["grades"]]
    assert edges == ["≥ 85", "≥ 70", "–"]


def test_on_illustrative_data_nobody_is_named_beside_points_or_vetoes(illustrated: cg.Result) -> None:
    text = page(illustrated, "en")
    assert not re.search("Suzhou|Taizhou|Chengdu|Nanjing", text)
    # Best first: Taizhou 105, Suzhou 78.5, Chengdu 59, Nanjing 27.5.
    assert Reader(text).table("Limits") == [
        ["Illustrative city 03", "Accident", "Inspection", "59 / 100"],
        ["Illustrative city 04", "Fraud", "Management", "0 / 40"],
    ]


def test_a_framework_without_points_says_nothing_of_them(workspace: Make) -> None:
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED)))
    content = report_content(result, "zh")
    assert not any(content[key] for key in ("marked", "role_heads", "has_vetoes", "vetoes", "roles"))
    text = page(result, "zh")
    assert not re.search("满分|加分|扣分|否决|vetoes|kind", text)
    assert not {"points", "vetoes"} & set(tables(result))


def test_where_a_veto_is_all_that_is_known_there_is_a_page_and_a_profile(
    inspected: Callable[..., cg.Result],
) -> None:
    result = inspected(observations__csv="unit,indicator,value\n1,V,1\n2,V,1\n")
    rows = Reader(page(result, "en")).table("Rank")
    assert [row[2:5] for row in rows[:2]] == [["59 / 100", "–", "–"]] * 2
    assert profiles(result, "en")["units"][0]["vetoes"] == ["Accident: Inspection gets at most 59 / 100"]


def test_a_veto_without_any_points_still_has_its_box(workspace: Make) -> None:
    tree = """\
code,parent,name_en,weight,role,direction,unit,low,high
I,,Index,,,,,,
a,I,a,,,1,%,0,100
b,I,b,,,-1,days,0,10
c,I,c,,,1,%,0,100
V,I,Accident,,veto,,item,,
"""
    reader = Reader(page(cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=VETOED))), "en"))
    assert reader.table("Limits") == [["Taizhou", "Accident", "Index", "0.000"]]
    # Unit 1: (0.8 + 0.8 + 0.5) / 3 = 0.7.
    assert [row[2] for row in reader.table("Rank")] == ["0.700", "0.000", "–"]


# --- profiles --------------------------------------------------------------------------------------------


def test_profiles_show_points_against_the_mean_and_lines_for_what_comes_on_top(
    inspected: Callable[..., cg.Result],
) -> None:
    units = {unit["name"]: unit for unit in profiles(inspected(), "en")["units"]}
    one = {row["name"]: row for row in units["Suzhou"]["nodes"]}
    assert set(one) == {"Services", "Online", "Elements", "Management", "Errors"}
    told = {name: (row["score"], row["mean"], row["difference"], row["rank"]) for name, row in one.items()}
    assert told["Services"] == ("43.5 / 60", "47.75", "−4.25", "3")
    assert told["Online"] == ("27.5 / 40", "33.75", "−6.25", "3")
    assert told["Errors"] == ("36 / 40", "38.50", "−2.50", "4")
    assert one["Services"]["bar"] == pytest.approx({"value": 72.5, "mean": 100 * 47.75 / 60})
    assert [(row["kind"], row["name"], row["told"]) for row in units["Nanjing"]["roles"]] == [
        ("Deduction", "Reprimands", "−3 / 3"),
        ("Veto", "Fraud", "fired"),
        ("Bonus", "Models", "–"),
        ("Veto", "Accident", "no record"),
    ]
    assert units["Nanjing"]["vetoes"] == ["Fraud: Management gets at most 0 / 40"]
    assert units["Suzhou"]["cards"][0] == {
        "label": "Index score", "value": "78.5 / 100", "note": "mean 67.50",
    }  # fmt: skip


def test_strong_and_weak_are_told_in_points_and_leave_out_bonuses_and_deductions(
    inspected: Callable[..., cg.Result],
) -> None:
    units = {unit["name"]: unit for unit in profiles(inspected(), "en")["units"]}
    told = {part: [(r["name"], r["score"], r["difference"]) for r in units["Suzhou"][part]]
            for part in ("strong", "weak")}  # fmt: skip
    assert told == {
        "strong": [("Elements", "16 / 20", "+2.00")],
        "weak": [("Online", "27.5 / 40", "−6.25"), ("Errors", "36 / 40", "−2.50")],
    }


def test_of_many_vetoes_a_profile_names_those_that_fired_and_counts_the_rest(
    inspected: Callable[..., cg.Result],
) -> None:
    more = "".join(f"V{i},E,另{i},Other {i},50,,veto,,item,\n" for i in range(6))
    calm = "".join(f"{unit},V{i},2024,0\n" for unit in "1234" for i in range(6))
    result = inspected(framework__csv=SCHEME + more, observations__csv=FACTS + calm)
    chengdu = next(unit for unit in profiles(result, "zh")["units"] if unit["name"] == "成都")
    told = [(row["name"], row["told"]) for row in chengdu["roles"] if row["kind"] == "否决"]
    assert told == [("事故", "触发"), ("7项否决未触发", "")]


@printed
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pdf_prints_points_the_box_of_vetoes_and_the_lines_on_top(
    inspected: Callable[..., cg.Result], tmp_path: Path, language: str
) -> None:
    result = inspected()
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_of(report_content(result, language), profiles(result, language)).data)
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
    pages = done.stdout.decode("utf-8").split("\f")
    names = result.labels(language)
    own = [next(page for page in pages if name in page.split()[:5]) for name in names]
    suzhou, _, chengdu, nanjing = (re.sub(r"\s", "", page) for page in own)
    for text in ("78.5/100", "43.5/60", "34/40", "−2/3", "1/5", "−4.25"):
        assert text in suzhou, text
    assert "59/100" in chengdu
    assert "0/40" in nanjing
    lines = [re.sub(r"\s", "", line) for page in pages for line in page.splitlines()]
    veto = {"zh": "成都事故检查59/100", "en": "ChengduAccidentInspection59/100"}[language]
    assert veto in lines
    assert any(line.endswith("−32−1.25") and "m2" in line for line in lines)


# --- files and workbook ----------------------------------------------------------------------------------


def test_the_workbook_has_the_points_and_the_vetoes_of_the_csv_tables(
    inspected: Callable[..., cg.Result], tmp_path: Path
) -> None:
    write_results(inspected(), tmp_path / "results", ["workbook"])
    book = openpyxl.load_workbook(tmp_path / "results" / "results.xlsx")
    words = tomllib.loads(
        resources.files("citygauge").joinpath("report/workbook.toml").read_text(encoding="utf-8")
    )["roles"]
    assert {"分值 Points", "否决 Vetoes"} <= set(book.sheetnames)
    for name, sheet in (("points", "分值 Points"), ("vetoes", "否决 Vetoes")):
        lines = list(book[sheet].iter_rows(values_only=True))
        at = next(i for i, line in enumerate(lines) if line[0] == "unit_code")
        found = [dict(zip(lines[at], line, strict=True)) for line in lines[at + 1 :]]
        with (tmp_path / "results" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            told = list(csv.DictReader(stream))
        assert len(found) == len(told)
        for row, wanted in zip(found, told, strict=True):
            for key, text in wanted.items():
                cell = row[key]
                if key == "role":
                    assert cell == words.get(text)
                elif isinstance(cell, int | float):
                    assert cell == float(text)
                else:
                    assert (cell or "") == text
    heads = {cell.value for row in book["分值 Points"].iter_rows(max_row=4) for cell in row}
    assert {"得分\nPoints", "满分\nFull marks"} <= heads


def test_the_sheets_have_words_for_points_no_vetoes_among_pillars_and_no_rank_for_them(
    inspected: Callable[..., cg.Result], tmp_path: Path
) -> None:
    write_results(inspected(), tmp_path / "results", ["workbook"])
    book = openpyxl.load_workbook(tmp_path / "results" / "results.xlsx")
    lines = {
        name: list(book[name].iter_rows(values_only=True))
        for name in ("指标体系 Framework", "得分与名次 Ranking", "各级名次 Ranks")
    }
    heads = dict(zip(lines["指标体系 Framework"][3], lines["指标体系 Framework"][2], strict=True))
    assert [heads[key] for key in ("points", "cap", "role", "scheme")] == [
        "满分\nFull marks", "封顶分\nCap", "角色\nRole", "计分规则\nScheme",
    ]  # fmt: skip
    nodes = {line[0]: dict(zip(lines["指标体系 Framework"][3], line, strict=True))
             for line in lines["指标体系 Framework"][4:]}  # fmt: skip
    assert (nodes["E"]["points"], nodes["E"]["cap"], nodes["m2"]["role"]) == (100, 105, "扣分 deduction")
    keys = lines["得分与名次 Ranking"][3]
    best = dict(zip(keys, lines["得分与名次 Ranking"][4], strict=True))
    assert [key for key in keys if key in SCHEME.split()] == []
    assert {"E", "S", "M"} <= set(keys)
    assert not {"B", "V"} & set(keys)
    assert (best["unit_code"], best["points"], best["full_marks"]) == ("2", pytest.approx(105), 100)
    assert set("SM") | {"s1", "s2", "m1", "B"} <= set(lines["各级名次 Ranks"][3])
    assert not {"m2", "W", "V"} & set(lines["各级名次 Ranks"][3])


def test_texts_about_points_stand_in_for_texts_that_are_there_in_both_languages() -> None:
    found = tomllib.loads(
        resources.files("citygauge").joinpath("report/texts.toml").read_text(encoding="utf-8")
    )
    assert set(found["points"]["zh"]) == set(found["points"]["en"])
    for language in ("zh", "en"):
        for key, text in found["points"][language].items():
            plain = found[language][key]
            assert set(re.findall(r"{(\w+)", text)) == set(re.findall(r"{(\w+)", plain)), key
