"""Whatever is on a sheet: it is read without a mishap, and every fact is what stands in its cell."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yearbooks import EMPTY, ENGLISH, FRAMEWORK, METHOD, NAMES, UNITS, truth

import citygauge as cg
from citygauge.collect.yearbook.grid import Grid
from citygauge.collect.yearbook.read import Target, read_yearbook
from citygauge.collect.yearbook.words import words
from citygauge.problems import Problems

_WORDS = """\
城市|北京|上 海|Beijing|苏州①|合计|东部地区|吉林|地区生产总值|地区生产总值（万元）|年末常住人口/万人
专利授权数|单位：万元|单位|亿元|2022年|2023|5|1,234|…|—|x|12%|3.2万|注：略|续表|全市|市辖区|增长（%）|指标|年份|Total|约5|#
:|(1)|（|）(|/|Dataset|c|GEO|年末常住人口"""
TEXTS = ["", "", "\n", *_WORDS.replace("\n", "|").split("|")]
LEFT = {"narrowed", "narrowed_by_header", "no_indicator"}
CELLS = st.sampled_from(TEXTS) | st.text(max_size=4)
GRIDS = st.lists(st.lists(CELLS, max_size=6).map(tuple), max_size=9).map(tuple)
RANGES = st.lists(
    st.tuples(*[st.integers(0, 9)] * 4).map(
        lambda r: (min(r[0], r[2]), min(r[1], r[3]), max(r[0], r[2]), max(r[1], r[3]))
    ),
    max_size=3,
).map(tuple)


@pytest.fixture
def target(workspace) -> Target:
    place = workspace(
        framework__csv=FRAMEWORK, units__csv=UNITS, method__toml=METHOD, observations__csv=EMPTY
    )
    opened = cg.open(place)
    return Target(opened.framework, opened.units, None, "2023")


def address(row: int, column: int) -> str:
    return f"s!{chr(65 + column)}{row + 1}"


def test_any_sheet_is_read_and_every_fact_stands_in_its_cell(target):
    @given(rows=GRIDS, merged=RANGES)
    @settings(max_examples=250, deadline=None)
    def holds(rows, merged):
        problems = Problems()
        reading = read_yearbook([Grid("f", "s", rows, merged)], target, problems)
        texts = {address(i, j): text for i, row in enumerate(rows) for j, text in enumerate(row)}
        for fact in reading.facts:
            assert texts.get(fact.cell, "") == fact.text
            assert (fact.value is None) == (fact.state != "value")
            assert fact.unit in target.units.codes
            assert fact.text or fact.state == "missing"
        assert {item.reason for item in reading.skipped} <= set(words().reasons)
        assert len({(f.unit, f.indicator, f.period) for f in reading.facts}) == len(reading.facts)
        for problem in problems:
            assert problem.text("en")
            assert problem.text("zh")

    holds()


def test_the_order_of_rows_and_columns_and_the_side_on_which_a_table_lies_change_nothing(target):
    codes = {"gdp": "地区生产总值（亿元）", "pop": "年末常住人口（万人）", "area": "行政区域土地面积（公顷）"}
    times = {"gdp": 1, "pop": 1, "area": 100}
    expected = {(c, code): truth(code, 2023)[c] for c in NAMES for code in codes}

    @given(
        cities=st.permutations(list(NAMES)),
        order=st.permutations(list(codes)),
        turned=st.booleans(),
        above=st.integers(0, 2),
        tongue=st.sampled_from(["zh", "both"]),
    )
    @settings(max_examples=60, deadline=None)
    def holds(cities, order, turned, above, tongue):
        def label(c: str) -> str:
            return NAMES[c] if tongue == "zh" else f"{NAMES[c]} {ENGLISH.get(c, 'Suzhou')}"

        rows = [["城市", *(codes[code] for code in order)]]
        rows += [[label(c), *(str(truth(code, 2023)[c] * times[code]) for code in order)] for c in cities]
        rows = [list(row) for row in zip(*rows, strict=True)] if turned else rows
        rows = [["2023年主要指标"]] * above + rows
        reading = read_yearbook([Grid("f", None, tuple(map(tuple, rows)))], target, Problems())
        assert {(f.unit, f.indicator): f.value for f in reading.facts} == expected

    holds()


def test_a_figure_that_looks_like_a_code_is_a_figure(target):
    rows = (("城市", "全社会用电量（万千瓦时）", "年末常住人口（万人）"), ("北京", "310000", "5"))
    reading = read_yearbook([Grid("f", None, rows)], target, Problems())
    assert {(f.unit, f.indicator): f.value for f in reading.facts} == {
        ("110000", "power"): 310000,
        ("110000", "pop"): 5,
    }


def test_codes_under_a_header_that_says_so_are_cities(target):
    rows = (("代码", "年末常住人口（万人）"), ("110000", "5"), ("310000", "6"))
    for table in (rows, tuple(zip(*rows, strict=True))):
        reading = read_yearbook([Grid("f", None, table)], target, Problems())
        assert {fact.unit: fact.value for fact in reading.facts} == {"110000": 5, "310000": 6}


def test_a_table_of_one_city_and_one_indicator_is_read(target):
    grid = Grid("f", None, (("城市", "地区生产总值（亿元）"), ("北京", "5")))
    [fact] = read_yearbook([grid], target, Problems()).facts
    assert (fact.unit, fact.indicator, fact.value) == ("110000", "gdp", Decimal(5))


@pytest.mark.parametrize("rows", [(), (("",),), (("北京",),), (("城市", "北京"),), (("地区生产总值",),)])
def test_a_sheet_without_figures_has_no_facts(target, rows):
    reading = read_yearbook([Grid("f", "s", rows)], target, Problems())
    assert reading.facts == []
    assert reading.skipped


def test_a_column_of_blanks_under_a_known_header_is_missing_for_all(target):
    rows = (("城市", "地区生产总值（亿元）", "年末常住人口（万人）"), ("北京", "", "5"), ("上海", "", "6"))
    reading = read_yearbook([Grid("f", None, rows)], target, Problems())
    told = {(fact.unit, fact.indicator): fact.state for fact in reading.facts}
    assert told == {
        ("110000", "gdp"): "missing", ("310000", "gdp"): "missing",
        ("110000", "pop"): "value", ("310000", "pop"): "value",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("title", "header", "code"),
    [
        ("各市主要指标（市辖区）", "地区生产总值", ""),
        ("主要指标增长速度", "地区生产总值", ""),
        ("主要指标（全市、市辖区）", "地区生产总值", "gdp"),
        ("主要指标", "地区生产总值 Growth rate", ""),
        ("主要指标", "地区生产总值 Gross regional product", "gdp"),
        ("主要指标", "人均地区生产总值", ""),
        ("主要指标", "经济", ""),
        ("主要指标", "经济\n地区生产总值", "gdp"),
        ("主要指标", "年末常住人口\n地区生产总值", ""),
    ],
)
def test_what_narrows_an_indicator_keeps_it_from_being_taken(target, title, header, code):
    rows = ((title,), ("城市", header), ("北京", "5"), ("上海", "6"))
    reading = read_yearbook([Grid("f", None, rows)], target, Problems())
    assert {fact.indicator for fact in reading.facts} == ({code} if code else set())
    if not code:
        assert {item.where for item in reading.skipped if item.reason in LEFT} == {"B"}


CITY_YEARS = {("110000", "2022"): 5, ("110000", "2023"): 6, ("310000", "2022"): 7, ("310000", "2023"): 8}


SIDES: dict[str, tuple[str, tuple[tuple[int, int, int, int], ...]]] = {
    "years under cities": (
        "地区生产总值||||\n指标|单位|北京||上海|\n||2022|2023|2022|2023\n地区生产总值|亿元|5|6|7|8",
        (),
    ),
    "years under merged cities": (
        "指标|单位|北京||上海|\n||2022年|2023年|2022年|2023年\n地区生产总值|亿元|5|6|7|8",
        ((0, 0, 1, 0), (0, 1, 1, 1), (0, 2, 0, 3), (0, 4, 0, 5)),
    ),
    "cities printed once": (
        "城市|年份|地区生产总值(亿元)\n北京|2022|5\n|2023|6\n上海|2022|7\n|2023|8",
        (),
    ),
    "an indicator in each row": (
        "城市|指标|2022年|2023年\n北京|地区生产总值（亿元）|5|6\n上海|地区生产总值（亿元）|7|8",
        (),
    ),
    "the unit in the corner": ("地区生产总值\n城市（单位：亿元）|2022|2023\n北京|5|6\n上海|7|8", ()),
    "years down": ("地区生产总值(亿元)\n年份|北京|上海\n2022|5|7\n2023|6|8", ()),
}


@pytest.mark.parametrize("name", SIDES)
def test_cities_years_and_indicators_may_stand_on_either_side(target, name):
    text, merged = SIDES[name]
    rows = tuple(tuple(line.split("|")) for line in text.split("\n"))
    problems = Problems()
    reading = read_yearbook([Grid("f", "s", rows, merged)], target, problems)
    assert problems.errors == ()
    assert {(f.unit, f.period): f.value for f in reading.facts} == CITY_YEARS
    assert {fact.indicator for fact in reading.facts} == {"gdp"}
    assert {fact.measure for fact in reading.facts} == {"亿元"}
