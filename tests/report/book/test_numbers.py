"""A number on its way into a text: rounded as one would by hand, compared as printed, bound to its cell."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygauge.report.book.document import Bound, Reference
from citygauge.report.book.numbers import FORMS, Evidence, Form, Marks, Name, Number, listed

decimal = st.decimals(-10_000, 10_000, places=5, allow_nan=False, allow_infinity=False)
TABLE = pl.DataFrame(
    {"code": ["a", "b", "c"], "mean": [0.125, 1.0, None], "n": [3, 4, 0], "share": [0.155, 1 / 3, 1.0],
     "p": [0.0004, 0.0005, 0.05], "name": ["x", "y 2020", "z"]}
)  # fmt: skip


def evidence(decimals: int = 2) -> Evidence:
    return Evidence({"t": lambda: TABLE}, decimals)


@given(value=decimal, places=st.integers(0, 4))
def test_a_score_is_rounded_half_away_from_zero_as_its_decimals_stand(value: Decimal, places: int) -> None:
    exact = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    told = Number(float(value), "", "score", places).text
    assert told == f"{exact or abs(exact):f}".replace("-", "−")


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.155, "percent", "15.5%"), (0.16, "percent", "16%"), (1.0, "percent", "100%"),
        (1 / 3, "percent", "33.3%"), (0.0, "percent", "0%"), (0.99999, "percent", "100%"),
        (3.0, "count", "3"), (2.5, "count", "3"), (0.0, "count", "0"),
        (0.005, "ratio", "0.01"), (-0.005, "ratio", "−0.01"), (0.004, "ratio", "0.00"),
        (0.0004, "p", "<0.001"), (0.001, "p", "0.001"), (0.04951, "p", "0.050"), (0.0499, "p", "0.050"),
        (0.0004, "told_p", "<0.001"), (0.25, "told_p", "=0.250"),
        (12.34, "amount", "12.3"), (12.0, "amount", "12"), (123.4, "amount", "123"), (-0.04, "amount", "0"),
        (None, "score", "–"), (None, "p", "–"), (-1e-9, "score", "0.00"),
    ],
)  # fmt: skip
def test_each_form_is_written_in_its_own_way(value: float | None, form: Form, text: str) -> None:
    assert Number(value, "", form).text == text


@given(value=decimal, form=st.sampled_from(["score", "count", "ratio", "percent"]))
def test_what_is_printed_can_be_read_back(value: Decimal, form: Form) -> None:
    number = Number(float(value), "", form)
    plain = number.text.replace("−", "-")
    read = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    assert number.printed == pytest.approx(read)


@given(one=decimal, other=decimal)
def test_numbers_compare_as_they_are_printed(one: Decimal, other: Decimal) -> None:
    a, b = Number(float(one), ""), Number(float(other), "")
    assert (a < b) == (a.printed < b.printed)
    assert not (a < b and a > b)
    if a.text == b.text:
        assert a <= b <= a
        assert not a < b


def test_a_missing_number_is_false_and_neither_more_nor_less() -> None:
    none, one = Number(None, ""), Number(0.0, "")
    assert not none
    assert one  # a zero is a figure
    assert not none < one
    assert not none > one
    assert not none <= one


def test_signs_and_sizes() -> None:
    assert Number(1.234, "").signed().text == "+1.23"
    assert Number(-1.234, "").signed().text == "−1.23"
    assert Number(0.001, "").signed().text == "0.00"
    assert Number(-1.5, "s").size() == Number(1.5, "s")
    assert Number(None, "").size().text == "–"


def test_a_column_decides_how_its_figures_are_written() -> None:
    line = evidence().line("t", code="b")
    assert (line.mean.text, line.n.text, line.share.text, line.p.text) == ("1.00", "4", "33.3%", "<0.001")
    assert isinstance(line.name, Name)
    assert line.mean.source == "t|mean|code=b"
    assert not evidence().line("t", code="c").mean
    assert evidence(3).line("t", code="a").mean.text == "0.125"


def test_no_column_has_two_forms() -> None:
    assert len(FORMS) == len(set(FORMS))
    assert FORMS["rank"] == "count"
    assert "mean" not in FORMS
    assert "value" not in FORMS


def test_lines_are_chosen_by_their_columns_in_the_order_of_the_table() -> None:
    lines = evidence().lines("t", code=["c", "a"])
    assert [line.raw("code") for line in lines] == ["a", "c"]
    assert [line.raw("code") for line in evidence().lines("t", mean=None)] == ["c"]
    with pytest.raises(LookupError):
        evidence().line("t", code="nowhere")
    with pytest.raises(AttributeError):
        _ = lines[0].median


def test_a_table_is_computed_once_and_an_inner_evidence_is_asked_first() -> None:
    calls: list[str] = []

    def make() -> pl.DataFrame:
        calls.append("made")
        return TABLE

    outer = Evidence({"t": make, "u": lambda: TABLE}, 2)
    inner = Evidence({"u": lambda: TABLE.head(1)}, 2, parent=outer)
    assert not calls
    for source in (outer, inner, outer):
        source.table("t")
    assert calls == ["made"]
    assert inner.table("u").height == 1
    assert "t" in inner
    assert "v" not in inner


def test_marks_stand_for_bound_parts_and_give_them_back() -> None:
    marks = Marks("en")
    text = (
        f"a{marks.bound(Number(1.5, 's'))}b{marks.bound(Name('x 2', 'n'))}{marks.mark(Reference('f', 'r'))}"
    )
    assert marks.at(text[1]) == Bound("1.50", "s", 1.5)
    assert marks.at("a") is None
    assert marks.plain(text) == "a1.50bx 2r"
    assert marks.plain(marks.mark("block")) == ""


@pytest.mark.parametrize(
    ("parts", "zh", "en"),
    [
        ([], "", ""), (["A"], "A", "A"), (["A", "B"], "A和B", "A and B"),
        (["A", "B", "C"], "A、B和C", "A, B and C"),
    ],
)  # fmt: skip
def test_lists_in_words(parts: list[str], zh: str, en: str) -> None:
    assert listed(parts, "zh") == zh
    assert listed(parts, "en") == en
