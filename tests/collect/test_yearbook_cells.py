"""What stands in cells and headers: numbers as people print them, marks, units of measure, names."""

from __future__ import annotations

from decimal import Decimal

import pint
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.collect.yearbook.cells import read_cell
from citygauge.collect.yearbook.convert import same_measure
from citygauge.collect.yearbook.measures import factor, is_additive, measure_of
from citygauge.collect.yearbook.words import (
    chinese_part,
    is_grand_total,
    is_total,
    key_of,
    parted_from_year,
    title_words,
    without_marks,
    words,
    year_alone,
    years_in,
)
from citygauge.problems import Problems
from citygauge.xlsx import read_marked

MARKS = words().marks
PINT = pint.get_application_registry()
_WIDE = {code: code + 0xFEE0 for code in (*range(0x30, 0x3A), 0x2C, 0x2E)}
FORMS = {
    "plain": str,
    "thousands": lambda v: f"{v:,}",
    "spaces": lambda v: f"{v:,}".replace(",", " "),
    "hard spaces": lambda v: f"{v:,}".replace(",", "\u00a0"),
    "full width": lambda v: f"{v:,}".translate(_WIDE),
    "a circled note": lambda v: f"{v:,}①",
    "a star": lambda v: f"{v}*",
    "a raised note": lambda v: f"{v}¹",
    "a note in brackets": lambda v: f"{v} (2)",
    "a flag": lambda v: f"{v} p",
    "spaces around": lambda v: f"\u3000{v} ",
    "a sign of minus": lambda v: str(v).replace("-", "−"),
}


@pytest.mark.parametrize("form", FORMS)
@given(value=st.decimals(min_value=-(10**9), max_value=10**9, places=2))
@settings(max_examples=40, deadline=None)
def test_a_number_is_read_whatever_way_it_is_printed(form, value):
    told = read_cell(FORMS[form](value), MARKS)
    assert (told.state, told.number, told.measure) == ("value", value, "")


@given(value=st.decimals(min_value=0, max_value=10**9, places=2))
@settings(max_examples=40, deadline=None)
def test_a_decimal_comma_is_read_where_it_is_the_custom(value):
    german = f"{value:,}".translate({ord(","): ".", ord("."): ","})
    assert read_cell(german, MARKS, ",").number == value


@pytest.mark.parametrize(
    "text",
    ["约5", "1,2345", "12-15", "(12)", "5以上", "NaN", "inf", "1e", "１年级", "#DIV/0!", "12 34", "=1"],
)
def test_what_is_not_plainly_a_number_has_no_state(text):
    assert read_cell(text, MARKS).state == ""


@pytest.mark.parametrize(
    "text", ["…", "...", "……", "–", "-", "—", "——", "N/A", "n.a.", "#N/A", "#", "x", "X", ":", "…①", "无"]
)
def test_a_mark_is_a_gap_and_never_zero(text):
    told = read_cell(text, MARKS)
    assert (told.state, told.number) == ("missing", None)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("52.3%", "52.3", "%"),
        ("52.3％", "52.3", "%"),
        ("3.2万", "3.2", "万"),
        ("1,500亿元", "1500", "亿元"),
        ("4‰", "4", "‰"),
    ],
)
def test_a_unit_behind_a_number_is_kept_with_it(text, number, unit):
    told = read_cell(text, MARKS)
    assert (told.number, told.measure) == (Decimal(number), unit)


@pytest.mark.parametrize(
    ("given_in", "wanted", "expected"),
    [
        ("亿元", "万元", "10000"),
        ("万人", "人", "10000"),
        ("公顷", "平方公里", "0.01"),
        ("万吨", "千克", "10000000"),
        ("‰", "%", "0.1"),
        ("亿千瓦时", "万千瓦时", "10000"),
        ("件/万人", "件/百万人", "100"),
        ("元/人", "万元/人", "0.0001"),
        ("100 million yuan", "亿元", "1"),
        ("10,000 persons", "万人", "1"),
        ("10k_kwh", "千瓦时", "10000"),
        ("%", "1", "0.01"),
        ("微克/立方米", "毫克/立方米", "0.001"),
        ("千户", "万户", "0.1"),
        ("十万元", "元", "100000"),
        ("小时", "分钟", "60"),
        ("公顷", "亩", "15"),
    ],
)
def test_units_of_one_dimension_are_multiples_of_each_other(given_in, wanted, expected):
    assert factor(measure_of(given_in), measure_of(wanted)) == Decimal(expected)


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "their_base"),
    [
        ("公顷", "平方米", "hectare", "meter**2"),
        ("吨", "克", "metric_ton", "gram"),
        ("升", "立方米", "liter", "meter**3"),
        ("天", "秒", "day", "second"),
        ("平方公里", "公顷", "kilometer**2", "hectare"),
        ("年", "天", "year", "day"),
        ("吉比特/秒", "兆比特/秒", "gigabit/second", "megabit/second"),
        ("毫克/立方米", "微克/立方米", "mg/m**3", "ug/m**3"),
    ],
)
def test_our_units_are_as_large_as_those_of_pint_s_own_list(ours, base, theirs, their_base):
    expected = PINT.Quantity(1, theirs).to(their_base).magnitude
    assert float(factor(measure_of(ours), measure_of(base))) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("万元", "万人"),
        ("件", "人"),
        ("户", "人"),
        ("人次", "人"),
        ("公里", "平方公里"),
        ("元", "美元"),
        ("元/人", "元"),
    ],
)
def test_units_of_different_dimensions_are_never_converted(one, other):
    assert factor(measure_of(one), measure_of(other)) is None


@pytest.mark.parametrize(
    "text", ["", "城市", "年末常住人口", "斗", "万", "2023年", "元人", "/", "元/", "abc"]
)
def test_what_is_no_unit_is_none(text):
    assert measure_of(text) is None


def test_only_amounts_may_be_added_up():
    assert [
        is_additive(measure_of(u)) for u in ("万元", "人", "件", "公顷", "%", "‰", "元/人", "天", "比值")
    ] == [True] * 4 + [False] * 5
    assert same_measure("斗", " 斗") and not same_measure("斗", "万元")  # noqa: PT018


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("重庆①", "重庆"),
        ("#深圳市(1)", "深圳市"),
        ("其中：广州", "广州"),
        ("人口1)", "人口"),
        ("浓度（ug/m3）", "浓度（ug/m3）"),
        ("北 京*", "北 京"),
        ("成都[a]", "成都"),
        ("3", "3"),
        ("①", "①"),
    ],
)
def test_a_label_is_read_without_what_is_hung_on_it(text, label):
    assert without_marks(text) == label


@pytest.mark.parametrize(
    "label",
    [
        "合 计",
        "总计",
        "Total",
        "全国",
        "东部地区",
        "平均",
        "广东省",
        "内蒙古自治区",
        "National total",
        "合计 Total",
        "长三角城市群",
    ],
)
def test_sums_and_means_are_told_from_cities(label):
    assert is_total(label)


@pytest.mark.parametrize("label", ["北京", "上海市", "Beijing", "吉林市", "海口"])
def test_cities_are_told_from_sums(label):
    assert not is_total(label)
    assert not is_grand_total(label)


@pytest.mark.parametrize(
    ("text", "rest", "year"),
    [
        ("2023年末常住人口", "年末常住人口", "2023"),
        ("2023 年", "", "2023"),
        ("2023年度", "", "2023"),
        ("2023年末", "", "2023"),
        ("2023年比2022年增长", "2023年比2022年增长", ""),
        ("人口", "人口", ""),
        ("12023", "12023", ""),
    ],
)
def test_a_year_is_parted_from_a_header(text, rest, year):
    assert parted_from_year(text) == (rest, year)


def test_years_of_titles_are_those_of_the_figures():
    assert years_in("中国城市统计年鉴（2024）") == ()
    assert years_in("2024年中国城市统计年鉴") == ()
    assert years_in("China City Statistical Yearbook 2024, data of 2023") == ("2023",)
    assert (year_alone("FY2023"), year_alone("2023年末"), year_alone("20231")) == ("2023", "2023", "")


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("表2-6 各市地区生产总值（2019—2023年）", "地区生产总值"),
        ("2.3 Resident population by city, 2023", "residentpopulation"),
        ("一、年末常住人口（万人）", "年末常住人口"),
        ("地区生产总值构成", "地区生产总值构成"),
        ("指标名称：专利授权数 单位：件", "专利授权数"),
    ],
)
def test_a_title_is_read_without_what_surrounds_the_name(title, key):
    assert title_words(title) == key


def test_a_label_of_two_languages_counts_by_its_chinese_half():
    assert chinese_part("地区生产总值\nGross Regional Product") == "地区生产总值"
    assert (chinese_part("110000 北京"), chinese_part("R&D经费"), chinese_part("北 京")) == ("北京", "", "")
    assert key_of(" Ｇdp ") == "gdp"


def test_merged_ranges_are_handed_out_with_the_cells(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "m.xlsx") as made:
        first = made.add_worksheet("一")
        first.merge_range("B2:D3", "甲")
        made.add_worksheet("二").write("A1", 1)
    read = read_marked(tmp_path / "m.xlsx", Problems())
    assert {name: marks.merged for name, (_, marks) in read.items()} == {"一": ((1, 1, 2, 3),), "二": ()}
    assert read["一"][0].rows()[1] == (None, "甲")
    noted = Problems()
    assert read_marked(tmp_path / "none.xlsx", noted) is None
    assert [problem.code for problem in noted] == ["file.not-found"]


def test_what_a_workbook_says_beside_its_cells_is_handed_out_by_place(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "m.xlsx") as made:
        sheet = made.add_worksheet("一")
        sheet.write_row("A1", [True, 1.5, 2, "1.5"])
        sheet.write("B2", 4000, made.add_format({"num_format": "#,##0.0,"}))
        sheet.write("C2", 4000, made.add_format({"num_format": "#,##0"}))
        sheet.write_formula("D2", "=1/3", None, 1 / 3)
        sheet.set_column("C:D", None, None, {"hidden": True})
        sheet.set_row(1, None, None, {"hidden": True})
        made.add_worksheet("二").hide()
    read = {name: marks for name, (_, marks) in (read_marked(tmp_path / "m.xlsx", Problems()) or {}).items()}
    one = read["一"]
    assert (one.booleans, one.fractions, one.scaled) == ({(0, 0)}, {(0, 1), (1, 3)}, {(1, 1)})
    assert (one.rows, one.columns, one.formulas, one.hidden) == ({1}, ((2, 3),), set(), False)
    assert read["二"].hidden
