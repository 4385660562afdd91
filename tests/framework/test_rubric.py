"""Rubrics written in one cell: what a level may look like, what is refused, and the way back to text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.framework.model import RubricLevel
from citygauge.framework.rubric import format_rubric, number_text, parse_rubric

LOW_EFFORT = settings(max_examples=50, deadline=None)


def scores(text: str) -> list[float]:
    return [level.score for level in parse_rubric(text)]


def test_levels_without_scores_are_spaced_by_their_values():
    assert scores("0;1;2;3;4") == [0, 0.25, 0.5, 0.75, 1]
    assert scores("0;1;4") == [0, 0.25, 1]
    assert scores("1;2;3") == [0, 0.5, 1]


def test_levels_may_stand_in_any_order_and_below_zero():
    assert [(level.value, level.score) for level in parse_rubric("2;-2;0")] == [(2, 1), (-2, 0), (0, 0.5)]


def test_an_explicit_score_replaces_the_even_one_and_only_there():
    assert scores("0;1=0.9;2") == [0, 0.9, 1]
    assert scores("0 = 0.1 : a ; 1 = 0.2 : b") == [0.1, 0.2]


def test_labels_are_chinese_before_the_bar_and_english_after_it():
    first, second, third, fourth = parse_rubric("0: 无 | none ; 1: 部分 ; 2: | whole ; 3")
    assert first.label == {"zh": "无", "en": "none"}
    assert second.label == {"zh": "部分"}
    assert third.label == {"en": "whole"}
    assert fourth.label == {}


def test_a_label_may_contain_colons_and_equals_signs():
    level = parse_rubric("0: 比例：a=b | ratio: a=b ; 1")[0]
    assert level.label == {"zh": "比例：a=b", "en": "ratio: a=b"}
    assert level.score == 0


def test_full_width_separators_mean_the_same_as_half_width_ones():
    assert parse_rubric("0：无 | none；1=0.9：有 | some；2：全") == parse_rubric(
        "0: 无 | none ; 1=0.9: 有 | some ; 2: 全"
    )


def test_empty_parts_and_line_breaks_between_levels_do_not_count():
    assert parse_rubric(" 0: 无 ;\n1: 有 ; ; ") == parse_rubric("0: 无; 1: 有")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0: none; some: 1", "some: 1"),
        ("0; 1=1.2: too much; 2", "1=1.2: too much"),
        ("0; 1=-0.5: below; 2", "1=-0.5: below"),
        ("0; 1 none; 2", "1 none"),
        ("0; =0.5; 2", "=0.5"),
    ],
)
def test_the_error_quotes_the_level_that_cannot_be_read(text, part):
    with pytest.raises(ValueError, match=r".") as error:
        parse_rubric(text)
    assert str(error.value) == part


@pytest.mark.parametrize("text", ["0: alone", "1: a; 1: b", "1: a; 2: b; 1.0: c", ";;"])
def test_the_error_quotes_the_whole_rubric_when_levels_are_missing_or_repeat(text):
    with pytest.raises(ValueError, match=r".") as error:
        parse_rubric(text)
    assert str(error.value) == text


def test_an_even_score_is_not_written_and_an_uneven_one_is():
    levels = parse_rubric("0: 无 | none ; 1=0.9: 有 | some ; 2")
    assert format_rubric(levels) == "0: 无 | none ; 1=0.9: 有 | some ; 2"


def test_no_levels_are_written_as_an_empty_cell():
    assert format_rubric(()) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.0, "0"), (-3.0, "-3"), (0.1, "0.1"), (1 / 3, "0.3333333333333333")]
)
def test_numbers_are_written_in_the_shortest_form(value, text):
    assert number_text(value) == text


@LOW_EFFORT
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_reads_back_to_the_same_double(value):
    assert float(number_text(value)) == value


words = st.text("abc 中文等级,.'\"=:+-(1)%", max_size=12).map(str.strip)
hundredths = st.integers(-900, 900).map(lambda n: n / 100)
score = st.none() | st.integers(0, 1000).map(lambda n: n / 1000)


@st.composite
def rubrics(draw: st.DrawFn) -> tuple[RubricLevel, ...]:
    values = draw(st.lists(hundredths, min_size=2, max_size=6, unique=True))
    low, span = min(values), max(values) - min(values)
    levels = []
    for value in values:
        own = draw(score)
        label = {language: draw(words) for language in ("zh", "en")}
        even = (value - low) / span
        # very small numbers are written with an exponent
        own = even if own is None or 0 < own < 0.001 else own
        levels.append(RubricLevel(value, own, {la: text for la, text in label.items() if text}))
    return tuple(levels)


@LOW_EFFORT
@given(rubrics())
def test_what_is_written_reads_back_to_the_same_levels(levels):
    assert parse_rubric(format_rubric(levels)) == levels
