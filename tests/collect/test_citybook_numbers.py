"""Numbers as people type them: plain ones are read, others are named, and nothing is guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygauge.collect.citybook.entries import iso_date
from citygauge.collect.citybook.numbers import plain_number, read_number
from citygauge.collect.citybook.raw import RawCell
from citygauge.problems import Problems, Where


def number(text: str, kind: str = "text") -> tuple[float | None, list[str]]:
    problems = Problems()
    return read_number(RawCell(text, kind), Where("f", row=1), "km", problems), [p.code for p in problems]


@given(st.floats(-1e15, 1e15))
def test_every_number_that_python_writes_reads_back_to_itself(value):
    assert number(repr(value)) == (value, [])
    assert number(repr(value), "number") == (value, [])


@pytest.mark.parametrize("text", ["2023.5", "4900.0", "1999.12"])
def test_a_number_that_looks_like_year_and_month_is_a_number(text):
    assert number(text) == number(text, "number") == (float(text), [])


@given(st.decimals(-(10**9), 10**9, places=3))
def test_grouped_and_wide_digits_are_read_as_the_same_number_and_said(value):
    grouped = f"{value:,}"
    wide = str(value).translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789.-"})
    for text in (grouped, wide):
        found, codes = number(text)
        assert found == float(value)
        assert codes == ([] if text == str(value) else ["collect.number-read-as"])


@given(st.text(max_size=12))
def test_whatever_is_typed_gives_a_number_or_exactly_one_error_and_never_both(text):
    problems = Problems()
    found = read_number(RawCell(text), Where("f"), "km", problems)
    assert (found is None) == (len(problems.errors) == 1)
    for problem in problems:
        assert problem.text("zh")
        assert problem.text("en")


@given(st.text("0123456789.,+-eE", max_size=9))
def test_a_plain_number_is_what_decimal_arithmetic_says_it_is(text):
    found = plain_number(text)
    if found is not None and abs(found) < 1e300:
        assert found == pytest.approx(float(Decimal(text)), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "unit", "reading"),
    [
        ("5万", "元", "50000"), ("5万元", "万元", "5"), ("1.2亿", "万元", "12000"), ("0.1万", "元", "1000"),
        ("3 million", "CNY", "3000000"), ("12.3%", "%", "12.3"), ("百分之12", "%", "12"),
        ("5千米", "千米", "5"),
    ],
)  # fmt: skip
def test_the_reading_that_is_suggested_minds_ten_thousands(text, unit, reading):
    problems = Problems()
    assert read_number(RawCell(text), Where("f"), unit, problems) is None
    assert [p.values["reading"] for p in problems] == [reading]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-06-30", "2024-06-30"), ("2024/6/3", "2024-06-03"), ("2024年6月3日", "2024-06-03"),
        ("2024.6", "2024-06"), ("2024年", "2024"), ("20240630", "2024-06-30"), ("2024", "2024"),
        ("2024-06-30 00:00:00", "2024-06-30"), ("2024-13-01", None), ("2023-02-29", None),
        ("30.06.2024", None), ("去年", None), ("45047", None), ("2024-06-", None),
    ],
)  # fmt: skip
def test_dates_are_read_in_the_usual_ways_of_writing_and_nothing_else_is_one(text, date):
    assert iso_date(text) == date
