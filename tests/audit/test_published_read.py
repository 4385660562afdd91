"""A published index is read as it is printed, and what is wrong with a file is said at once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygauge.audit.given import Given, figure_of, range_of
from citygauge.audit.published import Line
from citygauge.audit.read import builtin_published, published_at, read_published
from citygauge.faults import RuleError
from citygauge.problems import InputError

SMALL = """
title = "小指数"
rounding = {step = "0.01", rule = "half_up"}
[overall]
mean = 0.70
n_units = 4
[[pillar]]
code = "A"
name_zh = "甲"
name_en = "First"
weight = 0.6
mean = 0.8
[[pillar]]
code = "B"
name_zh = "乙"
name_en = "Second"
weight = 0.4
mean = {value = 0.550, rounding = "truncated", digits = 3, where = "p. 3"}
[[node]]
code = "A1"
name_zh = "甲一"
parent = "甲"
sd = "> 0.30"
"""


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "index.toml").write_text(text, encoding="utf-8")
    return tmp_path / "index.toml"


def codes_of(tmp_path: Path, text: str) -> set[str]:
    with pytest.raises(InputError) as caught:
        read_published(written(tmp_path, text))
    for problem in caught.value.problems:
        assert problem.text("zh")
        assert problem.text("en")
    return {problem.code for problem in caught.value.problems}


def test_zeros_at_the_end_count_as_printed_places(tmp_path):
    figures = read_published(written(tmp_path, 'title = "x"\n[overall]\nmean = 0.70\nsd = 0.110')).figures
    assert figures["overall.mean"].step == Decimal("0.01")
    assert figures["overall.sd"].step == Decimal("0.001")


def test_the_common_step_holds_where_a_figure_is_written_with_fewer_places(tmp_path):
    figures = read_published(written(tmp_path, SMALL)).figures
    assert figures["A.mean"].step == Decimal("0.01")
    assert figures["A.mean"].rule == "half_up"
    assert figures["A.mean"].interval().high == Fraction(805, 1000)
    assert figures["B.mean"].step == Decimal("0.001")
    assert str(figures["B.mean"].interval()) == "[0.55, 0.551)"
    assert figures["B.mean"].where == "p. 3"
    assert figures["A.weight"].step == 0
    assert figures["units.n"].value == 4
    assert str(figures["A1.sd"].interval()) == "(0.3, ∞)"


def test_names_in_either_language_find_their_node(tmp_path):
    more = '\n[[statement]]\nid = "s"\nkind = "above"\nof = ["甲"]\nagainst = ["Second", "overall"]\n'
    found = read_published(written(tmp_path, SMALL + more))
    assert found.statements[0].of == ("A.mean",)
    assert found.statements[0].against == ("B.mean", "overall.mean")
    assert found.nodes["A1"].parent == "A"


def test_the_short_form_finds_the_parents_of_its_dimensions(reference):
    found = read_published(reference("smart-2021") / "published.toml")
    assert {found.nodes[code].name_zh for code in found.children("A")} == {
        "平台开放度", "平台统一度", "平台安全度", "平台效果",
    }  # fmt: skip
    assert len(found.nodes) == 1 + 5 + 16
    assert found.figures["overall.mean"].value.as_tuple().exponent == -2
    assert [grade.name for grade in found.grades] == ["领军城市", "先锋城市", "探索城市"]
    # indicators as the report's annex counts them
    assert sum(found.nodes[code].indicators for code in found.children("overall")) == 52
    assert found.nodes[next(c for c in found.children("S"))].indicators == 6


@pytest.mark.parametrize(
    ("text", "low", "high", "open_ends"),
    [
        ("0.70-0.85", "0.70", "0.85", (False, True)), (">= 0.85", "0.85", None, (False, False)),
        ("0.85以上", "0.85", None, (False, False)), ("< 0.70", None, "0.70", (False, True)),
        ("0.70以下", None, "0.70", (False, True)), ("(60%, 80%]", "0.6", "0.8", (True, False)),
        ("＞0.3", "0.3", None, (True, False)), ("≤ 60", None, "60", (False, False)),
    ],
)  # fmt: skip
def test_ranges_are_read_as_they_are_written(text, low, high, open_ends):
    found = range_of(text)
    assert found.low == (None if low is None else Fraction(low))
    assert found.high == (None if high is None else Fraction(high))
    assert (found.low_open, found.high_open) == open_ends


@pytest.mark.parametrize("text", ["about 0.8", "0.9-0.7", ""])
def test_a_text_that_is_no_range_is_refused(text):
    with pytest.raises(RuleError):
        range_of(text)


@given(st.decimals(0, 100, places=3), st.sampled_from(["", "%", " %"]))
def test_a_figure_keeps_its_places_and_a_per_cent_has_two_more(value, sign):
    found = Given(**figure_of(f"{value}{sign}"))
    assert found.value == (value / 100 if sign else value)
    assert found.own_step == Decimal("0.00001" if sign else "0.001")


def test_tables_give_a_figure_for_each_cell(tmp_path):
    rows = "country,year,a,b,index,rank\nX,2014,0.5,0.25,0.38,1\nY,2014,0.1,,0.1,2\nX,2016,0.5,0.25,0.38,1\n"
    (tmp_path / "cells.csv").write_text(rows, encoding="utf-8")
    text = """
    title = "t"
    [[pillar]]
    code = "a"
    weight = 0.5
    [[pillar]]
    code = "b"
    weight = 0.5
    [[table]]
    name = "t1"
    file = "cells.csv"
    unit = "country"
    period = "year"
    columns = {a = "a", b = "b", index = "overall", rank = "rank"}
    digits = {a = {"2014" = 4}, index = 2}
    """
    found = read_published(written(tmp_path, text))
    assert found.figures["2014:t1/X/a"].step == Decimal("0.0001")
    assert found.figures["2016:t1/X/a"].step == Decimal("0.1")
    assert found.figures["2016:t1/X/overall"].step == Decimal("0.01")
    assert "2014:t1/Y/b" not in found.figures
    assert found.figures["2014:t1/X/rank"].step == 0
    assert Line("unit", "2014", "t1", "Y") in found.lines


def test_editions_have_their_own_figures(tmp_path):
    more = '\n[[edition]]\nperiod = "2020"\n[edition.overall]\nmean = 0.66\n'
    found = read_published(written(tmp_path, SMALL + more))
    assert found.figures["2020:overall.mean"].value == Decimal("0.66")
    assert [line.period for line in found.lines] == ["", "2020"]


def test_units_may_stand_in_a_table_with_groups_and_facts(tmp_path):
    (tmp_path / "u.csv").write_text("unit,name_en,group:coast,gdp\n甲市,Jia,东,12.5\n乙市,Yi,西,3\n", "utf-8")
    grade = '\n[[grade]]\nname = "g"\nrange = "0-1"\nmembers = ["甲市", "丙市"]\n'
    text = 'title = "t"\nunits = "u.csv"\n[overall]\nmean = 0.5\n'
    found = read_published(written(tmp_path, text))
    assert found.units["甲市"].groups == {"coast": "东"}
    assert found.units["甲市"].facts["gdp"] == Decimal("12.5")
    assert codes_of(tmp_path, text + grade) == {"published.unknown-units"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('title = "x"', "published.no-figures"),
        ('[overall]\nmeen = 0.7', "published.unknown-key"),
        ('[overall]\nmean = "much"', "published.bad-value"),
        ('[overall]\nmean = 0.7\n[[grade]]\nname_zh = "g"\nrange = "high"', "published.bad-value"),
        ('[overall]\nmean = 0.7\n[dimension_means]\n"数字服务" = 0.8\n"不存在" = 0.1', "published.no-parent"),
        ('framework = "none"\n[overall]\nmean = 0.7', "published.no-framework"),
        ('[overall]\nmean = 0.7\n[[pillar]]\nmean = 0.5', "published.no-name"),
        ('[overall]\nmean = 0.7\n[[pillar]]\ncode = "A"\n[[pillar]]\ncode = "A"', "published.twice"),
        ('[overall]\nmean = 0.7\n[[node]]\ncode = "A"\nparent = "Z"', "published.unknown-name"),
        ('[[statement]]\nid = "s"\nkind = "above"\nof = ["Q.mean"]\nvalue = 0.1', "published.unknown-figure"),
        ('[[pillar]]\ncode = "A"\n[[weights]]\nperiod = "1"\nA = "x"', "published.bad-value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, text, code):
    assert code in codes_of(tmp_path, text)


def test_tables_without_their_columns_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    base = "[overall]\nmean = 0.7\n"
    table = '[[table]]\nname = "t"\nfile = "t.csv"\nunit = "country"\ncolumns = {a = "overall"}\n'
    assert codes_of(tmp_path, base + table) == {"published.missing-columns"}
    assert codes_of(tmp_path, f'units = "t.csv"\n{base}') == {"published.no-unit-column"}


def test_a_name_that_is_neither_file_nor_built_in_is_told():
    with pytest.raises(InputError) as caught:
        published_at("no-such-index.toml")
    assert caught.value.problems[0].code == "published.no-file"
    with pytest.raises(InputError) as caught:
        builtin_published("no-such-index")
    assert caught.value.problems[0].code == "published.unknown-builtin"


def test_a_file_that_is_no_toml_is_told(tmp_path):
    assert codes_of(tmp_path, "title = ") == {"file.not-toml"}
