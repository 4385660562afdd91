"""Scorecards: bands at their edges, values and coverage by hand, neutral names on illustrative data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import citygauge as cg
from citygauge.analyse.scorecard import Scorecard, bands, percent_of_benchmark, scorecard
from citygauge.framework.standards.read import builtin_standard
from citygauge.result import NOTICE
from conftest import UNITS

SCALE = builtin_standard("u4ssc").band
# a: one code; b: the same code and, unchecked, another of the same theme; c: words without a theme.
FRAMEWORK = """\
code,parent,name_zh,name_en,direction,unit,low,high,counterpart
I,,指数,Index,,,,,
a,I,指标甲,Indicator a,1,%,0,100,"U4SSC: EC:P:IN:2C Patents | ISO 37122: economy theme, patents"
b,I,指标乙,Indicator b,-1,days,0,10,U4SSC: EC:P:IN:2C; ~EC:P:IN:1C (loose) | ISO 37122: none
c,I,指标丙,Indicator c,1,%,0,100,U4SSC: taking part
"""
FACTS = """\
unit,indicator,period,value,state
1,a,2023,80,
1,b,2023,2,
1,c,2023,50,
2,a,2023,38,
2,b,2023,,not_applicable
2,c,2023,70,
3,a,2023,0,
3,b,2023,0,
3,c,2023,,not_measurable
"""
BENCHMARKS = """\
[[benchmark]]
indicator = "a"
value = 40
source = "plan"
[[benchmark]]
indicator = "b"
value = 1
code = "EC:P:IN:2C"
"""


@pytest.fixture
def card(workspace: Callable[..., Path]) -> Callable[..., Scorecard]:
    def make(standard: str = "u4ssc", **files: str) -> Scorecard:
        files = {"framework__csv": FRAMEWORK, "observations__csv": FACTS, **files}
        return scorecard(cg.assess(cg.open(workspace(**files))), standard)

    return make


def rows_of(card: Scorecard, unit: str) -> list[dict]:
    return [row for row in card.rows.to_dicts() if row["unit_code"] == unit]


@pytest.mark.parametrize(
    ("percent", "band"),
    [
        (-5.0, "0-33"), (0.0, "0-33"), (32.999, "0-33"), (33.0, "33-66"), (65.999, "33-66"), (66.0, "66-95"),
        (94.999, "66-95"), (95.0, "95+"), (100.0, "95+"), (250.0, "95+"), (np.inf, "95+"), (np.nan, ""),
    ],
)  # fmt: skip
def test_a_band_begins_at_its_lower_edge(percent, band):
    assert bands(np.array([percent]), SCALE) == [band]


@pytest.mark.parametrize(("percent", "band"), [(33, "33-66"), (66, "66-95"), (95, "95+")])
@pytest.mark.parametrize("benchmark", [0.1, 0.3, 0.7, 1.1, 3, 7, 1e9, 1e-9])
def test_rounding_of_the_ratio_takes_no_value_from_its_band(percent, band, benchmark):
    found = percent_of_benchmark(np.array([percent * benchmark / 100]), np.array([benchmark]))
    assert bands(found, SCALE) == [band]


def test_where_less_is_better_the_ratio_is_turned_round():
    values, goal = np.array([5.0, 10.0, 20.0, np.nan]), np.full(4, 10.0)
    np.testing.assert_allclose(percent_of_benchmark(values, goal), [50, 100, 200, np.nan])
    np.testing.assert_allclose(percent_of_benchmark(values, goal, -1), [200, 100, 50, np.nan])


def test_where_less_is_better_zero_reaches_every_benchmark_and_only_zero_reaches_zero():
    values, goal = np.array([0.0, 0.0, 3.0, -1.0]), np.array([0.0, 2.0, 0.0, 2.0])
    found = percent_of_benchmark(values, goal, -1)
    np.testing.assert_array_equal(found, [100, np.inf, 0, np.inf])
    assert bands(found, SCALE) == ["95+", "95+", "0-33", "95+"]


def test_nothing_is_a_share_of_zero_where_more_is_better():
    assert np.isnan(percent_of_benchmark(np.array([1.0, 0.0]), np.zeros(2))).all()


@given(
    low=st.floats(0.001, 1e6),
    step=st.floats(0, 1e6),
    goal=st.floats(0.001, 1e6),
    sign=st.sampled_from([1, -1]),
)
def test_a_better_value_is_never_in_a_lower_band(low, step, goal, sign):
    order = [band.id for band in SCALE][::-1]
    found = bands(percent_of_benchmark(np.array([low, low + step]), np.array([goal, goal]), sign), SCALE)
    places = [order.index(band) for band in found]
    assert (places[1] - places[0]) * sign >= 0


def test_one_entry_of_data_stands_under_every_code_it_serves(card):
    found = card(**{"standards/u4ssc.toml": BENCHMARKS})
    told = [(r["counterpart"], r["theme"], r["checked"], r["indicator"]) for r in rows_of(found, "1")]
    assert told == [
        ("EC:P:IN:1C", "EC:P:IN", False, "b"),
        ("EC:P:IN:2C", "EC:P:IN", True, "a"),
        ("EC:P:IN:2C", "EC:P:IN", True, "b"),
        ("", "", False, "c"),
    ]
    first = rows_of(found, "1")[1]
    assert (first["theme_zh"], first["theme_en"]) == (
        "经济·生产力·创新",
        "Economy · Productivity · Innovation",
    )
    assert (first["counterpart_zh"], first["indicator_en"], first["period"]) == (
        "专利",
        "Indicator a",
        "2023",
    )
    assert (first["value"], first["unit"], first["state"], first["origin"]) == (80, "%", "value", "observed")


def test_percentages_and_bands_are_those_by_hand(card):
    found = card(**{"standards/u4ssc.toml": BENCHMARKS})
    shown = {
        unit: [(row["benchmark"], row["percent"], row["band"]) for row in rows_of(found, unit)]
        for unit in ("1", "2", "3")
    }
    # a: 80, 38 and 0 of 40; b, where less is better: 1 of 2, not applicable, and 0.
    assert shown["1"] == [
        (None, None, "no_benchmark"), (40, 200, "95+"), (1, 50, "33-66"), (None, None, "no_benchmark")
    ]  # fmt: skip
    assert shown["2"][1:3] == [(40, 95, "95+"), (1, None, "")]
    assert shown["3"][1:3] == [(40, 0, "0-33"), (1, None, "95+")]
    assert rows_of(found, "1")[1]["benchmark_source"] == "plan"


def test_without_benchmarks_no_band_is_invented(card):
    assert set(card().rows["band"]) == {"no_benchmark"}
    assert card().rows["percent"].null_count() == card().rows.height


def test_states_stay_apart_and_zero_is_a_value(card):
    found = card()
    assert [row["state"] for row in rows_of(found, "2")] == [
        "not_applicable", "value", "not_applicable", "value"
    ]  # fmt: skip
    assert [(row["value"], row["state"]) for row in rows_of(found, "3")] == [
        (0, "value"), (0, "value"), (0, "value"), (None, "not_measurable")
    ]  # fmt: skip


def test_the_summary_counts_codes_indicators_and_values_of_each_unit(card):
    rows = {(row["unit_code"], row["theme"]): row for row in card().themes.to_dicts()}
    assert len(rows) == 3 * 28  # 27 themes, and one for what names none
    names = ("published", "mapped", "indicators", "unchecked", "applicable", "available")
    counts = {key: tuple(rows[key][name] for name in names) for key in rows}
    assert counts["1", "EC:P:IN"] == (3, 2, 2, 1, 2, 2)
    assert counts["2", "EC:P:IN"] == (3, 2, 2, 1, 1, 1)  # b is not applicable
    assert counts["3", ""] == (None, 0, 1, 1, 1, 0)  # c is not measurable
    assert counts["1", "EC:ICT:ICT"] == (5, 0, 0, 0, 0, 0)
    assert sum(row["published"] or 0 for key, row in rows.items() if key[0] == "1") == 91


def test_a_standard_without_bands_shows_values_and_its_unmapped_indicators(card):
    found = card("iso-37122")
    assert "band" not in found.rows.columns
    assert found.unmapped == ("b", "c")
    assert [(row["theme"], row["value"], row["checked"]) for row in found.rows.to_dicts()] == [
        ("5", 80, False), ("5", 38, False), ("5", 0, False)
    ]  # fmt: skip
    assert set(found.themes["published"]) == {None}
    assert found.themes.height == 3 * 19


def test_counterparts_without_a_theme_and_frameworks_without_counterparts_are_warned_of(card):
    assert [p.code for p in card().warnings] == ["standards.no-theme"]
    assert card().warnings[0].values["codes"] == ["c"]
    empty = card("gbt-33356")
    assert [p.code for p in empty.warnings] == ["standards.no-counterpart"]
    assert empty.rows.height == empty.themes.height == 0
    assert empty.unmapped == ("a", "b", "c")


def test_one_unit_and_a_unit_with_nothing_at_all_have_their_rows(card):
    one = card(units__csv="unit,name_zh\n1,苏州\n", observations__csv="unit,indicator,value\n1,a,1\n")
    assert one.rows["state"].to_list() == ["missing", "value", "missing", "missing"]
    none = card(observations__csv="unit,indicator,value\n1,a,1\n2,a,1\n")
    assert {row["state"] for row in rows_of(none, "3")} == {"missing"}


MEASURED = """\
code,parent,name_zh,name_en,direction,unit,low,high,counterpart
I,,指数,Index,,,,,
a,I,指标甲,Indicator a,1,%,0,100,U4SSC: EC:P:IN:2C
a1,a,测量一,Measure 1,1,%,0,100,
a2,a,测量二,Measure 2,1,%,0,100,
"""


def test_an_indicator_with_measures_alone_has_no_value_of_its_own_but_is_there(card):
    facts = (
        "unit,indicator,value,state\n1,a1,5,\n2,a1,,not_applicable\n2,a2,,not_applicable\n3,a,7,\n3,a1,9,\n"
    )
    benchmark = '[[benchmark]]\nindicator = "a"\nvalue = 10\n'
    files = {"framework__csv": MEASURED, "observations__csv": facts, "standards/u4ssc.toml": benchmark}
    found = card(**files)
    shown = [(row["value"], row["state"], row["band"]) for row in found.rows.to_dicts()]
    assert shown == [
        (None, "measures", "not_comparable"),
        (None, "not_applicable", ""),
        (7, "value", "66-95"),
    ]
    there = [row["available"] for row in found.themes.to_dicts() if row["indicators"]]
    assert there == [1, 0, 1]


def test_a_score_in_place_of_a_measurement_has_no_percentage(card):
    facts = "unit,indicator,value,unit_of_measure\n1,a,0.5,score\n2,a,0.4,score\n3,a,0.3,score\n"
    method = '[normalise]\nhow = "goalposts"\n[normalise.by.a]\nhow = "goalposts"\nlow = 0\nhigh = 1\n'
    found = card(observations__csv=facts, method__toml=method, **{"standards/u4ssc.toml": BENCHMARKS})
    first = rows_of(found, "1")[1]
    assert (first["value"], first["unit"], first["percent"], first["band"]) == (
        0.5, "score", None, "not_comparable"
    )  # fmt: skip


def test_on_illustrative_data_no_unit_stands_under_its_name(card):
    settings = 'framework = "framework.csv"\nillustrative = true\n'
    found = card(assessment__toml=settings)
    assert set(found.rows["unit_code"]) == {"示意城市 01", "示意城市 02", "示意城市 03"}
    assert found.rows["name_en"][0] == "Illustrative city 01"
    assert set(found.rows["notice"]) == set(found.themes["notice"]) == {NOTICE["en"]}
    assert found.rows["unit_code"].is_sorted()
    written = found.rows.write_csv() + found.themes.write_csv()
    for line in UNITS.splitlines()[1:]:
        assert not [name for name in line.split(",")[1:3] if name in written]


@pytest.mark.parametrize(
    ("standard", "files", "code"),
    [
        ("iso-1", {}, "standards.unknown"),
        ("u4ssc", {"standards/u4ssc.toml": "[[benchmark]]\nvalue = 1\n"}, "standards.unreadable"),
    ],
)
def test_what_cannot_be_used_is_an_error(card, standard, files, code):
    with pytest.raises(cg.InputError) as error:
        card(standard, **files)
    assert [problem.code for problem in error.value.problems] == [code]
