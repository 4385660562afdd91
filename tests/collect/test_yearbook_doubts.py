"""What a table says beside its figures: each a trap in which figures of another kind looked like levels."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from yearbooks import EMPTY, METHOD, book

from citygauge.problems import InputError, Problem
from citygauge.store.yearbook import ImportedYearbook, YearbookImport, import_yearbook

FRAMEWORK = """\
code,parent,name_zh,name_en,direction,unit,scale
I,,指数,Index,,,
gdp,I,地区生产总值,Gross regional product,1,亿元,ratio
pop,I,年末常住人口,Resident population,1,万人,ratio
patents,I,专利授权数,Patents granted,1,件,ratio
green,I,建成区绿化覆盖率,Green coverage,1,%,share
unemp,I,城镇登记失业率,Registered unemployment rate,-1,%,share
"""
UNITS = """\
unit,name_zh,name_en
320100,南京市,Nanjing
320500,苏州市,Suzhou
341300,宿州市,Suzhou
321200,泰州市,Taizhou
331000,台州市,Taizhou
220200,吉林市,Jilin
360800,吉安市,Ji'an
350500,泉州市,Quanzhou
"""
NAMES = ("南京市", "苏州市", "宿州市", "泰州市", "台州市", "吉林市", "吉安市", "泉州市")
GDP, POP = "地区生产总值（亿元）", "年末常住人口（万人）"


@pytest.fixture
def folder(workspace) -> Path:
    return workspace(framework__csv=FRAMEWORK, units__csv=UNITS, method__toml=METHOD, observations__csv=EMPTY)


def load(folder: Path, text: str | Path, **how) -> ImportedYearbook:
    path = text if isinstance(text, Path) else folder.parent / "t.csv"
    if isinstance(text, str):
        path.write_text(text, encoding="utf-8")
    return import_yearbook(folder, path, YearbookImport(**how))


def refused(folder: Path, text: str | Path, **how) -> dict[str, Problem]:
    with pytest.raises(InputError) as error:
        load(folder, text, **how)
    assert all(problem.text("zh") and problem.text("en") for problem in error.value.problems)
    return {problem.code: problem for problem in error.value.problems if problem.severity == "error"}


def warned(done: ImportedYearbook) -> dict[str, Problem]:
    return {problem.code: problem for problem in done.warnings}


def told(done: ImportedYearbook) -> dict[tuple[str, str, str], Decimal | None]:
    return {(fact.unit, fact.indicator, fact.period): fact.value for fact in done.facts}


def reasons(done: ImportedYearbook) -> set[tuple[str, str]]:
    return {(item.where, item.reason) for item in done.skipped}


def rows(*columns: float, names: tuple[str, ...] = NAMES) -> str:
    return "".join(f"{name},{','.join(str(c + i) for c in columns)}\n" for i, name in enumerate(names))


def table(title: str, head: str = f"城市,{GDP},{POP}", *columns: float) -> str:
    return f"{title}\n{head}\n{rows(*(columns or (500, 100)))}"


# --- texts that begin with a figure ---------------------------------------------------------------------


def test_rows_and_titles_that_begin_with_one_are_no_footnotes(folder):
    years = f"年份,{GDP},{POP}\n1990,500.8,1086\n1995,1507.7,1251.1\n1996,1789.2,1259.4\n"
    done = load(folder, f"南京市主要指标\n{years}")
    assert {period for _, _, period in told(done)} == {"1990", "1995", "1996"}
    assert {f.period for f in load(folder, table("1-3 各市主要指标（2023年）")).facts} == {"2023"}
    done = load(folder, table("12-4 各市市辖区主要指标（2023年）"), save_map="m", period="2023")
    assert done.facts == ()


@pytest.mark.parametrize("below", ["1-6月", "12月", "1～9月"])
def test_a_header_of_some_months_is_not_dropped(folder, below):
    done = load(folder, table(f"各市主要指标（2023年）\n城市,{GDP},{POP}", f",{below},年末"))
    assert {code for _, code, _ in told(done)} <= {"pop"}


def test_a_unit_that_begins_with_one_is_no_footnote(folder):
    done = load(folder, f"主要指标（2023年）\n城市,地区生产总值\n,100亿元\n{rows(5)}")
    assert told(done)["320100", "gdp", "2023"] == 500


# --- titles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "2023年上半年各市主要指标", "2023年1—6月各市主要指标", "2023年一季度各市主要指标",
        "2023年前三季度各市主要指标", "各市主要指标比上年增加额（2023年）", "2023年各市主要指标增量",
        "2023年各市主要指标较上年变动", "2023年各市主要指标占比", "2023年各市主要指标全省占比",
        "各市主要指标目标值（2023年）", "2023年各市主要指标计划", "2023年各市主要指标预测",
        "各市开发区主要指标（2023年）", "2023年各市第二产业主要指标", "2023年各市建制镇主要指标",
        "各市农村主要指标（2023年）", "Main indicators of cities, first half of 2023",
        "Main indicators of cities, January-June 2023", "Main indicators of cities 2023 Q1",
    ],
)  # fmt: skip
def test_a_title_that_makes_the_figures_something_else_leaves_them_out_and_says_so(folder, title):
    done = load(folder, table(f'"{title}"'), save_map="m")
    assert done.facts == ()
    noted = warned(done)["yearbook.narrowed"]
    assert (noted.values["columns"], bool(noted.values["words"])) == (["B", "C"], True)


@pytest.mark.parametrize(
    "title",
    [
        "各市主要指标（截至2023年12月31日）", "计划单列市主要指标（2023年）",
        "主要城市区位和规模（2023年）",
        "2023年1-12月各市主要指标", "各市2023年统计公报（3月1日发布）",
        "2023年各市主要指标\n更新时间：2024年3月", "2023年年末各市主要指标",
        "Indicators of headquarters 2023",
    ],
)  # fmt: skip
def test_a_title_that_only_looks_like_one_of_those_narrows_nothing(folder, title):
    assert {period for _, _, period in told(load(folder, table(title)))} == {"2023"}


@pytest.mark.parametrize(
    ("title", "head"),
    [
        ("各市主要指标增长速度（2023年）", "城市,建成区绿化覆盖率（%）,人口自然增长率（‰）"),
        ("各市市辖区主要指标（2023年）", "城市,地区生产总值（亿元）,市辖区户数（户）"),
        ("各市农村主要指标（2023年）", "城市,地区生产总值（亿元）,农村用电量（万千瓦时）"),
        ("各市主要指标比上年增减2023年", "城市,城镇登记失业率（百分点）,年末常住人口（万人）"),
    ],
)
def test_another_header_with_the_word_does_not_forgive_the_title(folder, title, head):
    assert load(folder, table(title, head, 1, 2), save_map="m").facts == ()


def test_a_title_of_two_parts_narrows_the_part_alone(folder):
    title = "各市主要指标及增长速度（2023年）"
    done = load(folder, table(title, f"城市,{GDP},地区生产总值增长速度（%）"))
    assert {code for _, code, _ in told(done)} == {"gdp"}


def test_points_of_per_cent_are_no_level(folder):
    done = load(folder, table("主要指标（2023年）", f"城市,城镇登记失业率（百分点）,{POP}"))
    assert {code for _, code, _ in told(done)} == {"pop"}


# --- several tables on a sheet --------------------------------------------------------------------------


def two(first: str, second: str, head: str) -> str:
    return f"{first}\n{head}\n{rows(5, 6, names=NAMES[:4])}\n{second}\n{head}\n{rows(7, 8, names=NAMES[4:])}"


def test_a_second_table_with_the_same_header_keeps_its_title(folder):
    head = f"城市,{GDP},{POP}"
    done = load(folder, two("表1 2022年江苏各市主要指标", "表2 2023年外省各市主要指标", head))
    assert {(f.unit, f.period) for f in done.facts} == {
        *((unit, "2022") for unit in ("320100", "320500", "341300", "321200")),
        *((unit, "2023") for unit in ("331000", "220200", "360800", "350500")),
    }


@pytest.mark.parametrize("header_again", [True, False])
def test_a_second_table_of_the_city_proper_is_left_out(folder, header_again):
    head = f"城市,{GDP},{POP}\n"
    text = f"表1 2023年各市主要指标\n{head}{rows(5, 6, names=NAMES[:4])}\n市辖区\n"
    done = load(folder, f"{text}{head if header_again else ''}{rows(7, 8, names=NAMES[4:])}")
    assert {f.unit for f in done.facts} == {"320100", "320500", "341300", "321200"}
    assert "yearbook.narrowed" in warned(done)


def test_a_year_over_rows_is_theirs_and_the_title_and_unit_above_hold_on(folder):
    lines = f"{rows(5, 6, names=NAMES[:4])}2022年\n{rows(7, 8, names=NAMES[:4])}2022年调整区划\n"
    head = f"2-1 各市主要指标（2021年）\n单位：万元\n城市,地区生产总值,{POP}\n"
    text = f"{head}{lines}{rows(9, 9, names=NAMES[4:5])}"
    done = told(load(folder, text))
    assert (done["320100", "gdp", "2021"], done["320100", "gdp", "2022"]) == (
        Decimal("0.0005"), Decimal("0.0007"),
    )  # fmt: skip
    proper = text.replace("各市主要", "各市市辖区主要")
    assert load(folder, proper, save_map="m").facts == ()


def test_a_second_table_of_years_keeps_its_indicator(folder):
    head = "城市,2021,2022"
    text = two("表1 各市地区生产总值\n单位：亿元", "表2 各市年末常住人口\n单位：万人", head)
    assert {(f.unit, f.indicator) for f in load(folder, text).facts} == {
        *((unit, "gdp") for unit in ("320100", "320500", "341300", "321200")),
        *((unit, "pop") for unit in ("331000", "220200", "360800", "350500")),
    }


def test_a_continued_table_with_its_number_has_the_title_of_the_first(folder):
    text = table("3-5 各市基本情况（2023年）", f"城市,{GDP}", 5) + table("3-5 续表", f"城市,{POP}", 6)
    done = load(folder, text)
    assert {(code, period) for _, code, period in told(done)} == {("gdp", "2023"), ("pop", "2023")}
    assert ("11", "continued") in reasons(done)


def test_a_row_that_numbers_the_columns_is_no_city_and_no_header(folder):
    for text in (f"甲,1,2\n城市,{GDP},{POP}\n", f"城市,{GDP},{POP}\n甲,1,2\n"):
        done = load(folder, f"主要指标（2023年）\n{text}{rows(5, 6)}", dry_run=True)
        assert len(done.facts) == 16
        assert "yearbook.rows-unplaced" not in warned(done)


# --- periods --------------------------------------------------------------------------------------------


def test_half_a_year_in_the_column_of_years_is_no_year(folder):
    rows = "南京市,2022年,5\n南京市,2023年上半年,3\n苏州市,2022,6\n苏州市,2023Q1,2\n"
    text = f"城市,年份,{GDP}\n{rows}"
    done = load(folder, text)
    assert {(f.unit, f.period) for f in done.facts} == {
        ("320100", "2022"), ("320500", "2022"), ("320500", "2023Q1"),
    }  # fmt: skip
    assert warned(done)["yearbook.no-year"].values["value"] == "2023年上半年"


def test_the_last_days_of_years_in_a_header_are_years_and_those_of_quarters_none(folder):
    done = load(folder, f"地区生产总值（亿元）\n城市,2021-12-31,2022-12-31\n{rows(5, 6)}")
    assert {f.period for f in done.facts} == {"2021", "2022"}
    quarters = f"地区生产总值（亿元）\n城市,2023-09-30,2023-12-31\n{rows(5, 6)}"
    assert load(folder, quarters, save_map="m").facts == ()


def test_a_period_that_is_told_without_a_year_in_digits_is_doubted(folder):
    done = load(folder, table("各市主要指标"), period="二〇二三")
    assert warned(done)["import.unusual-period"].values["near"] == ["2023"]


# --- numbers --------------------------------------------------------------------------------------------


def test_a_decimal_comma_leaves_the_numbers_of_a_workbook_as_they_are(folder):
    data = [["主要指标（2023年）"], ["城市", GDP], ["南京市", 1.234], ["苏州市", "1.234,5"]]
    file = book(folder.parent / "t.xlsx", {"表": (data, [])})
    (folder / "imports").mkdir()
    column = '[[tables]]\ncolumns = [{ header = "地区生产总值", indicator = "gdp", measure = "亿元" }]\n'
    (folder / "imports" / "m.toml").write_text(f'decimal = ","\n{column}', encoding="utf-8")
    found = {fact.unit: fact.value for fact in load(folder, file, map="m").facts}
    assert found == {"320100": Decimal("1.234"), "320500": Decimal("1234.5")}


def test_a_decimal_comma_beside_points_that_may_part_thousands_stops_the_import(folder):
    head = "Main indicators 2023\nCity;Resident population (10000 persons)\n"
    text = f"{head}Nanjing;9,50\nJilin;3.620\nQuanzhou;880,1\n"
    found = refused(folder, text)
    assert found["yearbook.decimal-comma"].values["points"] == ["B4 3.620"]
    assert "decimal" in found["yearbook.decimal-comma"].hint("zh")


def test_truth_values_are_no_numbers(folder):
    data = [["主要指标（2023年）"], ["城市", "专利授权数（件）"], ["南京市", True], ["苏州市", 7]]
    done = load(folder, book(folder.parent / "t.xlsx", {"表": (data, [])}))
    assert told(done) == {("320500", "patents", "2023"): 7}
    assert warned(done)["yearbook.unreadable"].values["cells"] == ["表!B3 TRUE"]


def test_formulas_without_a_stored_result_are_no_gaps(folder):
    data = [["主要指标（2023年）"], ["城市", GDP, POP], ["南京市", 4, "=B3/2"], ["苏州市", 7, 9]]
    done = load(folder, book(folder.parent / "t.xlsx", {"表": (data, [])}))
    assert ("320100", "pop", "2023") not in told(done)
    assert warned(done)["yearbook.formulas"].values["cells"] == ["表!C3"]
    assert ("表!C3", "no_result") in reasons(done)


def test_what_is_hidden_is_left_out_and_named(folder):
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "一"
    data = [["主要指标（2023年）"], ["城市", GDP, POP], ["南京市", 4, 5], ["苏州市", 7, 9], ["泉州市", 1, 2]]
    for row in data:
        sheet.append(row)
    sheet.row_dimensions[4].hidden = True
    sheet.column_dimensions["C"].hidden = True
    other = made.create_sheet("二")
    for row in [["主要指标（2022年）"], ["城市", GDP], ["南京市", 4], ["苏州市", 5]]:
        other.append(row)
    other.sheet_state = "hidden"
    made.save(folder.parent / "t.xlsx")
    done = load(folder, folder.parent / "t.xlsx")
    assert told(done) == {("320100", "gdp", "2023"): 4, ("350500", "gdp", "2023"): 1}
    assert warned(done)["yearbook.hidden"].values["places"] == ["一!4", "一!C", "二"]
    assert {("一!4", "hidden"), ("一!C", "hidden"), ("二", "hidden")} <= reasons(done)
    assert len(load(folder, folder.parent / "t.xlsx", sheet="二").facts) == 2


def test_numbers_that_are_shown_divided_are_doubted(folder):
    data = [["主要指标（2023年）"], ["城市", GDP], ["南京市", 40000], ["苏州市", 50000]]
    path = book(folder.parent / "t.xlsx", {"表": (data, [])})
    made = openpyxl.load_workbook(path)
    made["表"]["B3"].number_format = "0!.0,"
    made["表"]["B4"].number_format = "#,##0.0"
    made.save(path)
    assert warned(load(folder, path))["yearbook.scaled-format"].values["cells"] == ["表!B3"]


# --- files ----------------------------------------------------------------------------------------------


def test_a_quotation_that_swallows_rows_is_broken(folder):
    text = (
        f'主要指标（2023年）,\n城市,{POP},备注\n南京市,5,\n苏州市,6,"见注\n宿州市,7,\n泰州市,8,"\n台州市,9,\n'
    )
    assert set(refused(folder, text)) == {"file.broken-quote"}
    whole = '主要指标（2023年）,,\n城市,"年末常住人口\n（万人）",备注\n南京市,5,"见注1，\n修订"\n苏州市,6,\n'
    assert len(load(folder, whole).facts) == 2
    assert set(refused(folder, f"{'x' * 200_000},1\n")) == {"yearbook.long-cell"}


def test_the_packed_labels_of_eurostat_are_said_to_be_so(folder):
    path = folder.parent / "e.tsv"
    path.write_text("freq,unit,cities\\TIME_PERIOD\t2021 \t2022\nA,NR,Nanjing\t1\t2\n", encoding="utf-8")
    assert set(refused(folder, path)) == {"yearbook.packed-labels"}


def test_a_csv_file_has_no_sheets(folder):
    assert set(refused(folder, table("主要指标（2023年）"), sheet="x")) == {"import.sheet-of-csv"}


# --- columns beside the figures -------------------------------------------------------------------------


def test_a_column_that_says_which_part_a_figure_is_of_leaves_it_out(folder):
    head = "城市,指标,口径,年份,数值,单位\n"
    text = f"{head}南京市,地区生产总值,市辖区,2023,500,亿元\n苏州市,地区生产总值,全市,2023,600,亿元\n"
    done = load(folder, text)
    assert told(done) == {("320500", "gdp", "2023"): 600}
    assert warned(done)["yearbook.rows-narrowed"].values["cells"] == ["E2"]
    head = "TIME_PERIOD,cities,indic_ur,sex,age,unit,OBS_VALUE\n"
    body = "2023,Nanjing,Resident population,{},{},10000 persons,5\n"
    assert told(load(folder, head + body.format("T", "TOTAL"))) == {("320100", "pop", "2023"): 5}
    assert set(refused(folder, head + body.format("F", "Y_LT5"))) == {"yearbook.no-facts"}


def test_texts_that_change_for_one_city_indicator_and_year_stop_the_import(folder):
    head = "城市,指标,类别,年份,数值,单位\n"
    lines = [f"{c},{i},{k},2023,{n},{u}\n" for n, (c, k) in enumerate([("南京市", "一"), ("苏州市", "二")])
             for i, u, k in [("地区生产总值", "亿元", k), ("年末常住人口", "万人", "三")]]  # fmt: skip
    assert refused(folder, head + "".join(lines))["yearbook.mixed"].values["header"] == "类别"
    same = [line.replace(",二,", ",一,") for line in lines]
    assert len(load(folder, head + "".join(same)).facts) == 4


def test_a_group_above_an_indicator_that_is_a_piece_of_its_name_narrows_nothing(folder):
    done = load(folder, f"主要指标（2023年）\n城市,人口\n,{POP}\n{rows(5)}")
    assert {code for _, code, _ in told(done)} == {"pop"}


def test_flags_belong_to_the_figures_on_their_left_and_are_kept_with_them(folder):
    head = [["各市主要指标（2023年）"], ["城市", "专利授权数（件）", "Flags", POP, "Flag codes"]]
    file = book(
        folder.parent / "t.xlsx", {"表": ([*head, ["南京市", 5, "E", 6, ""], ["泉州市", 7, "", 8, "P"]], [])}
    )
    notes = {(fact.unit, fact.indicator): fact.note for fact in load(folder, file, dry_run=True).facts}
    assert notes == {
        ("320100", "patents"): "E", ("320100", "pop"): "", ("350500", "patents"): "", ("350500", "pop"): "P",
    }  # fmt: skip
    years = [
        ["年末常住人口（万人）"],
        ["城市", "2021", "", "2022", ""],
        ["南京市", 5, "p", 6, "b"],
        ["泉州市", 7, "", 8, "c"],
    ]
    for merged in ([], ["B2:C2", "D2:E2"]):
        done = load(folder, book(folder.parent / "y.xlsx", {"表": (years, merged)}), dry_run=True)
        assert {(fact.unit, fact.period, fact.note[:1]) for fact in done.facts} == {
            ("320100", "2021", "p"), ("320100", "2022", "b"), ("350500", "2021", ""), ("350500", "2022", "c"),
        }  # fmt: skip
        assert ("表!C", "flags") in reasons(done)


# --- provinces ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ("辽  宁 Liaoning", "吉  林 Jilin", "黑龙江 Heilongjiang", "南京"),
        ("Liaoning", "Jilin", "Heilongjiang", "Nanjing"),
        ("江苏", "吉林", "南京", "苏州"),
        ("吉林", "吉林市", "南京", "泉州"),
    ],
)
def test_jilin_among_provinces_is_a_province(folder, labels):
    text = "\n".join(f"{label},{50000 + i}" for i, label in enumerate(labels))
    done = load(folder, f"主要指标（2023年）\n地区,{POP}\n{text}\n")
    assert done.facts
    city = {Decimal(50001)} if labels[1] == "吉林市" else set()
    assert {fact.value for fact in done.facts if fact.unit == "220200"} == city


def test_jilin_alone_among_cities_is_the_city_and_spellings_are_forgiven(folder):
    text = f"主要指标（2023年）\n城市,{POP}\n吉林,5\nJi’an,6\nNanjing City,7\n"
    assert {f.unit: f.value for f in load(folder, text).facts} == {"220200": 5, "360800": 6, "320100": 7}


# --- maps -----------------------------------------------------------------------------------------------

LEVELS = f"2-6 主要城市基本情况（2021年）\n单位：亿元\n城市,地区生产总值,{POP}\n{rows(500, 100)}"


@pytest.mark.parametrize(
    "text",
    [
        f"2-7 主要城市增长速度（2022年）\n单位：%\n城市,地区生产总值,年末常住人口\n{rows(7, 1)}",
        LEVELS.replace("主要城市", "主要城市市辖区").replace("2021", "2022"),
        LEVELS.replace("基本情况", "基本情况增长速度").replace("2021", "2022"),
        LEVELS.replace("2021年", "2022年上半年"),
    ],
)
def test_a_saved_map_stops_where_next_year_s_table_is_of_another_kind(folder, text):
    load(folder, LEVELS, save_map="m")
    assert set(refused(folder, text, map="m")) <= {"yearbook.table-gone", "yearbook.title-narrowed"}
    assert len(load(folder, LEVELS.replace("2021", "2022").replace("2-6", "3-1"), map="m").facts) == 16


def test_a_map_without_title_words_stops_at_a_title_that_narrows(folder):
    (folder / "imports").mkdir()
    column = 'columns = [{ header = "地区生产总值", indicator = "gdp", measure = "亿元" }]\n'
    (folder / "imports" / "m.toml").write_text(f"[[tables]]\n{column}", encoding="utf-8")
    found = refused(folder, LEVELS.replace("基本情况", "增长速度"), map="m")
    assert found["yearbook.title-narrowed"].values["words"] == ["增长"]
    told_so = f'[[tables]]\ntitle = "主要城市增长速度"\n{column}'
    (folder / "imports" / "n.toml").write_text(told_so, encoding="utf-8")
    assert len(load(folder, LEVELS.replace("基本情况", "增长速度"), map="n").facts) == 8


def test_a_sheet_of_another_kind_under_the_same_number_stops_the_map(folder):
    first = [["2-1 各市基本情况（2022年）"], ["城市", GDP], ["南京市", 5], ["苏州市", 6]]
    load(folder, book(folder.parent / "a.xlsx", {"2-1": (first, [])}), save_map="m")
    second = [["2-1 各市发展速度（2023年）"], ["城市", GDP], ["南京市", 105], ["苏州市", 106]]
    file = book(folder.parent / "b.xlsx", {"2-1": (second, [])})
    found = refused(folder, file, map="m")
    assert found["yearbook.table-gone"].values["titles"] == ["2-1 各市发展速度（2023年）"]


def test_a_map_reads_the_file_again_that_it_came_from(folder):
    growth = f"表2 地区生产总值增长速度（2023年）\n城市,地区生产总值（%）\n{rows(1)}"
    text = f"表1 地区生产总值（2023年）\n城市,{GDP}\n{rows(500)}\n{growth}"
    first = load(folder, text, save_map="m")
    again = load(folder, text, map="m")
    assert told(first) == told(again)
    assert (len(first.facts), again.known) == (8, 8)


def test_a_line_of_several_units_is_held_against_the_map_and_the_framework(folder):
    text = f"主要指标（2023年）\n单位：万元、万人、%\n城市,地区生产总值,年末常住人口\n{rows(50000, 100)}"
    done = load(folder, text, dry_run=True)
    assert told(done)["320100", "gdp", "2023"] == 5
    assert "yearbook.measure-not-stated" not in warned(done)
    (folder / "imports").mkdir()
    column = 'columns = [{ header = "地区生产总值", indicator = "gdp", measure = "亿元" }]\n'
    (folder / "imports" / "m.toml").write_text(f"[[tables]]\n{column}", encoding="utf-8")
    found = refused(folder, text, map="m")["yearbook.measure-changed"]
    assert (found.values["old"], found.values["new"]) == ("亿元", "万元")
    unclear = text.replace("万元、", "万元、亿元、")
    assert set(refused(folder, unclear)) == {"yearbook.measure-unknown"}


def test_a_line_of_per_cent_does_not_give_way_to_a_map_of_amounts(folder):
    (folder / "imports").mkdir()
    column = 'columns = [{ header = "地区生产总值", indicator = "gdp", measure = "亿元" }]\n'
    (folder / "imports" / "m.toml").write_text(f"[[tables]]\n{column}", encoding="utf-8")
    text = f"主要城市情况（2022年）\n单位：%\n城市,地区生产总值\n{rows(7)}"
    assert "yearbook.measure-changed" in refused(folder, text, map="m")
