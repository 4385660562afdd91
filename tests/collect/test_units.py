"""How a piece of text finds its unit, and when it must not."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from importlib import resources

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.collect.units import UnitMatcher, Units, units_of
from citygauge.files import frame_sheet
from citygauge.problems import Problems

CITIES = """\
unit,name_zh,name_zh_full,name_en,aliases
110000,北京,北京市,Beijing,首都;Peking
320500,苏州,苏州市,Suzhou,
510100,成都,成都市,Chengdu,
"""
HOMONYMS = {
    "Suzhou": {"320500": "苏州", "341300": "宿州"},
    "Taizhou": {"321200": "泰州", "331000": "台州"},
    "Fuzhou": {"350100": "福州", "361000": "抚州"},
    "Yichun": {"230700": "伊春", "360900": "宜春"},
    "Yulin": {"450900": "玉林", "610800": "榆林"},
}


def table(text: str) -> Units:
    units = units_of(frame_sheet(pl.read_csv(io.StringIO(text), infer_schema=False), "units"), Problems())
    assert units is not None
    return units


def matcher(text: str = CITIES) -> UnitMatcher:
    return UnitMatcher(table(text))


def listed(cities: dict[str, str], english: str, aliases: str = "") -> str:
    rows = [f"{code},{name},{name}市,{english},{aliases}" for code, name in cities.items()]
    return "unit,name_zh,name_zh_full,name_en,aliases\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    "text",
    ["510100", "成都市", "成都", "Chengdu", "CHENGDU", " chengdu ", "Cheng du", "Ｃｈｅｎｇｄｕ",
     "５１０１００", "成 都", "\t成都市\n", "成\u3000都"],
)  # fmt: skip
def test_code_names_width_case_and_spaces_all_find_the_unit(text):
    match = matcher().match(text)
    assert (match.verdict, match.code) == ("found", "510100")


@pytest.mark.parametrize("alias", ["首都", "Peking", "peking", "ＰＥＫＩＮＧ"])
def test_every_alias_of_the_list_finds_the_unit(alias):
    assert matcher().match(alias).code == "110000"


def test_aliases_may_be_separated_by_a_full_width_semicolon():
    found = matcher("unit,name_zh,aliases\n110000,北京,首都；京城\n")
    assert [found.match(name).code for name in ("首都", "京城")] == ["110000", "110000"]


@pytest.mark.parametrize("english", HOMONYMS)
def test_an_english_name_of_two_cities_is_ambiguous_where_both_are_assessed(english):
    match = matcher(listed(HOMONYMS[english], english)).match(english)
    assert (match.verdict, match.code) == ("ambiguous", "")
    assert {text.split()[-1] for text in match.candidates} == set(HOMONYMS[english])


@pytest.mark.parametrize(
    ("english", "code"), [(name, code) for name, cities in HOMONYMS.items() for code in cities]
)
def test_an_english_name_of_two_cities_is_ambiguous_where_only_one_is_assessed(english, code):
    found = matcher(listed({code: HOMONYMS[english][code]}, english))
    match = found.match(f" {english.upper()} ")
    assert (match.verdict, match.code) == ("ambiguous", "")
    assert {text.split()[-1] for text in match.candidates} == set(HOMONYMS[english])


@pytest.mark.parametrize(
    ("english", "code"), [(name, code) for name, cities in HOMONYMS.items() for code in cities]
)
def test_code_and_chinese_name_tell_the_two_cities_apart(english, code):
    here = matcher(listed({code: HOMONYMS[english][code]}, english))
    both = matcher(listed(HOMONYMS[english], english))
    for other, name in HOMONYMS[english].items():
        for text in (other, name, f"{name}市"):
            assert both.match(text).code == other
            match = here.match(text)
            assert (match.verdict, match.code) == (("found", code) if other == code else ("elsewhere", ""))


@pytest.mark.parametrize(
    ("english", "code"), [(name, code) for name, cities in HOMONYMS.items() for code in cities]
)
def test_an_alias_settles_a_shared_english_name(english, code):
    cities = HOMONYMS[english]
    other = next(c for c in cities if c != code)
    alone = matcher(listed({code: cities[code]}, english, aliases=english))
    assert alone.match(english).code == code
    text = listed({code: cities[code]}, english, aliases=english) + f"{other},{cities[other]},,{english},\n"
    assert matcher(text).match(english).code == code


def test_an_alias_that_two_units_claim_stays_ambiguous():
    match = matcher(listed(HOMONYMS["Suzhou"], "Suzhou", aliases="Su")).match("Su")
    assert match.verdict == "ambiguous"
    assert len(match.candidates) == 2


def test_every_english_name_that_the_list_of_cities_gives_twice_is_ambiguous():
    text = resources.files("citygauge").joinpath("collect/data/cities.csv").read_text(encoding="utf-8")
    names = defaultdict(list)
    for row in csv.DictReader(io.StringIO(text)):
        names[row["name_en"]].append(row)
    shared = {name: rows for name, rows in names.items() if len(rows) > 1}
    assert set(shared) >= set(HOMONYMS)
    for name, rows in shared.items():
        only = f"unit,name_zh_full,name_en\n{rows[0]['code']},{rows[0]['name_zh_full']},{name}\n"
        assert matcher(only).match(name).verdict == "ambiguous", name


@pytest.mark.parametrize(("text", "near"), [("苏洲", "320500"), ("Chengdo", "510100"), ("Bejing", "110000")])
def test_a_misspelt_name_is_unknown_and_the_near_miss_is_suggested(text, near):
    match = matcher().match(text)
    assert (match.verdict, match.code) == ("unknown", "")
    assert match.candidates[0].endswith(near)


@pytest.mark.parametrize("text", ["武汉", "武汉市", "Wuhan", "420100"])
def test_a_real_city_that_is_not_assessed_is_told_apart_from_an_unknown_name(text):
    assert matcher().match(text).verdict == "elsewhere"
    assert matcher().match("亚特兰蒂斯").verdict == "unknown"


def test_units_whose_codes_are_no_city_codes_are_found_by_name():
    found = matcher("unit,name_zh,name_en\n1,成都,Chengdu\n2,台州,Taizhou\n")
    assert found.match("Chengdu").code == "1"
    assert found.match("台州市").code == "2"
    assert found.match("Taizhou").verdict == "ambiguous"


@given(st.text(max_size=12))
@settings(max_examples=60, deadline=None)
def test_whatever_the_text_only_a_name_or_code_of_the_list_is_found(text):
    match = matcher().match(text)
    assert match.verdict in {"found", "ambiguous", "elsewhere", "unknown"}
    assert (match.verdict == "found") == (match.code in {"110000", "320500", "510100"})


def test_chinese_headers_of_the_unit_table_are_understood():
    units = table("城市代码,名称,英文名称,全称,别名,圈\n320500,苏州,Suzhou,苏州市,姑苏,长三角\n")
    assert units.codes == ("320500",)
    assert (units.names("zh"), units.names("en")) == (("苏州",), ("Suzhou",))
    assert UnitMatcher(units).match("姑苏").code == "320500"
    assert units.texts("圈") == ("长三角",)


def test_repeated_and_blank_codes_are_named_together_with_their_rows():
    problems = Problems()
    sheet = frame_sheet(pl.DataFrame({"unit": ["1", None, "1"], "name_zh": ["甲", "乙", "丙"]}), "units")
    assert units_of(sheet, problems) is None
    assert {problem.code for problem in problems} == {"units.no-code", "units.duplicate-code"}


def test_a_name_falls_back_to_the_other_language_and_then_to_the_code():
    units = table("unit,name_zh,name_en\n1,甲,\n2,,B\n3,,\n")
    assert units.names("en") == ("甲", "B", "3")
    assert units.names("zh") == ("甲", "B", "3")


def test_numbers_of_an_attribute_are_nan_where_blank_or_no_number():
    units = table("unit,size\n1,10.5\n2,\n3,large\n")
    assert units.numbers("size")[0] == 10.5
    assert np.isnan(units.numbers("size")).tolist() == [False, True, True]
