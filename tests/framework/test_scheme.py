"""Schemes written in one cell: what a part may look like, what is refused, and the way back to text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.framework.model import Band, Scheme
from citygauge.framework.scheme import format_scheme, parse_scheme

LOW_EFFORT = settings(max_examples=100, deadline=None)


def refused(text: str) -> str:
    with pytest.raises(ValueError, match=r"^") as error:
        parse_scheme(text)
    return str(error.value)


def test_bands_are_read_in_order_with_what_is_left():
    scheme = parse_scheme(">=90: 5 ; >=80: 3 ; >60: 1.5 ; else: 0.5")
    assert scheme.bands == (Band(90, 5), Band(80, 3), Band(60, 1.5, closed=False))
    assert (scheme.upward, scheme.otherwise, scheme.each) == (True, 0.5, 0)


def test_bands_may_rise_where_less_is_better():
    scheme = parse_scheme("<=0: 5; <3: 2; else: 0")
    assert scheme.bands == (Band(0, 5), Band(3, 2, closed=False))
    assert not scheme.upward


def test_one_edge_may_have_a_band_beyond_it_and_then_one_with_it():
    assert parse_scheme(">90: 5 ; >=90: 4 ; else: 0").bands == (Band(90, 5, closed=False), Band(90, 4))


@pytest.mark.parametrize(
    ("text", "rest"),
    [(">=60: 5; <60: 1", 1), (">60: 5; <=60: 1", 1), ("<=3: 5; >3: 2", 2), ("<3: 5; >=3: 2", 2)],
)
def test_the_exact_rest_of_the_last_band_means_else(text, rest):
    scheme = parse_scheme(text)
    assert (len(scheme.bands), scheme.otherwise) == (1, rest)


@pytest.mark.parametrize(
    "text",
    [
        "≥90：5分；≥80：3分；其他：0分",
        "＞＝90:5;≧80:3;否则:0",
        ">= 90 : 5 ; >= 80 : 3 ; ELSE : 0",
        "≥90：5；≥80：3；＜80：0",
    ],
)
def test_chinese_punctuation_and_words_mean_the_same(text):
    assert parse_scheme(text) == parse_scheme(">=90: 5 ; >=80: 3 ; else: 0")


@pytest.mark.parametrize(
    ("text", "each"),
    [("each: 2", 2), ("each: -0.5", -0.5), ("每项：2分", 2), ("每处：－0.5分", -0.5), ("每次: −1", -1)],
)
def test_so_many_points_for_each_thing_or_off_for_each_fault(text, each):
    assert parse_scheme(text) == Scheme(each=each)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("≥80：3；≥90：5；其他：0", "≥90：5"),  # can never be reached
        (">=80: 3; >=80: 5; else: 0", ">=80: 5"),
        (">=80: 3; >80: 5; else: 0", ">80: 5"),
        ("<=3: 5; <=1: 2; else: 0", "<=1: 2"),
        (">=80: 3; <=10: 5; else: 0", "<=10: 5"),  # two orders
        (">=80: 3; >=60: 1", ">=60: 1"),  # says nothing below 60
        (">=80: 3; <=80: 1", "<=80: 1"),  # 80 twice
        (">80: 3; <80: 1", "<80: 1"),  # 80 not at all
        (">=80: 3; <70: 1", "<70: 1"),
        ("else: 0; >=80: 3", "else: 0"),
        (">=80: 3; else: 1; else: 0", "else: 1"),
        (">=80: -3; else: 0", ">=80: -3"),
        (">=80%: 3; else: 0", ">=80%: 3"),
        ("80: 3; else: 0", "80: 3"),
        (">=80: ; else: 0", ">=80:"),
        (">=1e999: 3; else: 0", ">=1e999: 3"),
        ("each: 2; else: 0", "each: 2"),
        ("each: 0", "each: 0"),
        ("each: 1e999", "each: 1e999"),
        (">=80: 3", ">=80: 3"),
        ("else: 3", "else: 3"),
        ("each", "each"),
        (" ; ", " ; "),
    ],
)
def test_the_error_quotes_the_part_that_is_wrong(text, part):
    assert refused(text) == part


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        (">=90: 5; >=80: 3; else: 0", 1),
        ("<=3: 5; <=10: 2; else: 0", -1),
        (">=90: 0; >=80: 3; else: 5", -1),
        ("<=3: 0; else: 4", 1),
        (">=90: 1; >=80: 3; else: 0", 0),  # best in the middle
        (">=90: 1; else: 1", 0),
        ("each: 2", 1),
        ("each: -2", -1),
    ],
)
def test_a_scheme_knows_which_way_is_better(text, slope):
    assert parse_scheme(text).slope == slope


numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: x + 0.0)
marks = st.floats(0, 1e6, allow_nan=False)


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    if draw(st.booleans()):
        return Scheme(each=draw(numbers.filter(bool)))
    upward = draw(st.booleans())
    edges = sorted(draw(st.lists(numbers, min_size=1, max_size=5, unique=True)), reverse=upward)
    bands = tuple(Band(edge, draw(marks), draw(st.booleans())) for edge in edges)
    return Scheme(0.0, bands, upward, draw(marks))


@LOW_EFFORT
@given(schemes())
def test_what_is_written_reads_back_to_the_same_scheme(scheme):
    assert parse_scheme(format_scheme(scheme)) == scheme


def test_no_scheme_is_an_empty_cell():
    assert format_scheme(None) == ""
    assert format_scheme(parse_scheme("≥90：5；＜90：0")) == ">=90: 5 ; else: 0"
