"""Which units stay, and the verdict on each, by hand; the figures of COINr are in tests/reference."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from citygauge import InputError, Method
from citygauge.framework.model import Framework, Node
from citygauge.indicators.table import MISSING, NOT_APPLICABLE, OBSERVED, VALUE, Table
from citygauge.problems import Problems
from citygauge.score.screening import Screen, check_screening, screen_units

NAN = np.nan
FRAMEWORK = Framework(
    (
        Node("I"),
        Node("P", "I"),
        Node("a", "P"),
        Node("b", "P"),
        Node("Q", "I"),
        Node("c", "Q"),
        Node("d", "Q"),
        Node("plus", "I", role="bonus"),
    )
)
CODES = ("a", "b", "c", "d", "plus")


def table(*rows: list[float]) -> Table:
    values = np.array(rows, float).reshape(len(rows), len(CODES))
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    units = tuple(f"u{i}" for i in range(len(rows)))
    return Table(units, CODES, values, states, np.full(values.shape, OBSERVED, np.int8))


FULL, HALF, ONE_SIDED = [1, 2, 3, 4, NAN], [1, NAN, 3, NAN, NAN], [1, 2, 3, NAN, NAN]
ZEROS, EMPTY = [0, 0, 0, 5, NAN], [NAN] * 5


def reasons(settings: Screen, *rows: list[float]) -> list[str]:
    return screen_units(table(*rows), FRAMEWORK, settings).units["reason"].to_list()


def test_the_default_keeps_everybody_even_who_has_nothing():
    screened = screen_units(table(FULL, EMPTY), FRAMEWORK, Screen())
    assert screened.keep.tolist() == [True, True]
    assert screened.units["available_share"].to_list() == [1, 0]
    assert screened.units["nonzero_share"].to_list() == [1, None]


def test_the_rule_on_gaps_looks_at_nothing_else():
    assert reasons(Screen(min_availability=0.6), FULL, HALF, ZEROS) == ["", "low_availability", ""]


def test_the_rule_on_zeros_does_not_take_a_gap_for_a_zero():
    settings = Screen(rule="zeros", min_nonzero=0.5)
    assert reasons(settings, FULL, HALF, ZEROS, EMPTY) == ["", "", "too_many_zeros", ""]


def test_both_rules_together_name_both_reasons():
    settings = Screen(rule="missing_and_zeros", min_availability=0.8, min_nonzero=0.6)
    row = [0, NAN, 5, NAN, NAN]
    assert reasons(settings, row, FULL) == ["low_availability;too_many_zeros", ""]
    assert screen_units(table(row, FULL), FRAMEWORK, settings).keep.tolist() == [False, True]


def test_a_share_equal_to_its_limit_passes():
    assert reasons(Screen(min_availability=0.5), HALF) == [""]
    assert reasons(Screen(rule="zeros", min_nonzero=0.25), ZEROS) == [""]
    assert reasons(Screen(by={"1": 0.5}), HALF) == [""]


def test_a_limit_at_a_level_holds_in_every_node_of_it_but_bonuses():
    settings = Screen(by={"1": 0.6})
    assert reasons(settings, FULL, HALF, ONE_SIDED) == ["", "low_in:P,Q", "low_in:Q"]
    assert screen_units(table(FULL, ONE_SIDED), FRAMEWORK, settings).units["low_nodes"].to_list() == ["", "Q"]


def test_the_limit_of_a_node_goes_before_that_of_its_level_and_may_be_at_an_indicator():
    settings = Screen(by={"1": 0.6, "Q": 0.5, "d": 1.0})
    assert reasons(settings, ONE_SIDED, FULL) == ["low_in:d", ""]
    assert reasons(Screen(by={"1": 0.6, "Q": 0.5}), ONE_SIDED) == [""]
    assert reasons(Screen(by={"2": 1}), ONE_SIDED) == ["low_in:d"]


def test_a_code_that_looks_like_a_level_is_a_code():
    tree = Framework((Node("I"), Node("1", "I"), Node("2", "I")))
    values = np.array([[1.0, NAN]])
    states = np.array([[VALUE, MISSING]], np.int8)
    one = Table(("u",), ("1", "2"), values, states, np.zeros((1, 2), np.int8))
    assert screen_units(one, tree, Screen(by={"1": 1.0})).keep.tolist() == [True]


def test_a_node_of_which_nothing_applies_is_not_held_against_a_unit():
    one = table([1, 2, NAN, NAN, NAN])
    one.states[0, 2:4] = NOT_APPLICABLE
    assert screen_units(one, FRAMEWORK, Screen(min_availability=1.0, by={"1": 1.0})).keep.tolist() == [True]


def test_a_unit_to_which_nothing_applies_has_too_little():
    one = table(EMPTY)
    one.states[:] = NOT_APPLICABLE
    screened = screen_units(one, FRAMEWORK, Screen(min_availability=0.1))
    assert screened.units["available_share"].to_list() == [None]
    assert screened.keep.tolist() == [False]


def test_units_are_forced_in_and_out_and_the_verdict_still_tells_why():
    settings = Screen(min_availability=0.9, include=("u1", "u2"), exclude=("u0", "u2"))
    frame = screen_units(table(FULL, HALF, FULL, HALF), FRAMEWORK, settings).units
    assert frame["forced"].to_list() == ["out", "in", "out", None]
    assert frame["included"].to_list() == [False, True, False, False]
    assert frame["reason"].to_list() == [
        "forced_out",
        "low_availability;forced_in",
        "forced_out",
        "low_availability",
    ]


def test_the_frame_has_its_columns_for_no_unit_and_for_many():
    names = [
        "unit_code", "missing", "zeros", "available_share", "nonzero_share", "low_availability",
        "low_nonzero", "low_nodes", "forced", "included", "reason",
    ]  # fmt: skip
    many = screen_units(table(FULL, HALF), FRAMEWORK, Screen()).units
    none = screen_units(table(), FRAMEWORK, Screen()).units
    assert many.columns == none.columns == names
    assert none.height == 0
    assert many.schema["forced"] == pl.String


def test_the_mask_of_units_is_the_column_of_those_included():
    settings = Screen(min_availability=0.7, include=("u1",), exclude=("u0",))
    screened = screen_units(table(FULL, HALF, ONE_SIDED, EMPTY), FRAMEWORK, settings)
    assert screened.keep.tolist() == screened.units["included"].to_list() == [False, True, True, False]


def test_an_unknown_node_is_named_with_near_ones():
    with pytest.raises(InputError) as caught:
        screen_units(table(FULL), FRAMEWORK, Screen(by={"plu": 0.5, "9": 0.5, "P": 0.5}))
    assert [problem.code for problem in caught.value.problems] == ["screen.unknown-node"] * 2
    assert [problem.values["key"] for problem in caught.value.problems] == ["plu", "9"]
    assert "plus" in caught.value.problems[0].values["near"]
    noted = Problems()
    check_screening(Screen(by={"9": 0.5}), FRAMEWORK, noted)
    assert [problem.code for problem in noted] == ["screen.unknown-node"]


@pytest.mark.parametrize(
    "text",
    [
        "[screen]\nmin_nonzero = 0.5",
        '[screen]\nrule = "zeros"\nmin_availability = 0.5',
        '[screen]\nrule = "zeros"\n[screen.by]\n"1" = 0.5',
        '[screen]\n[screen.by]\n"1" = 1.5',
        '[screen]\nrule = "gaps"',
        '[screen]\nrule = "zeros"\nmin_nonzero = -0.1',
    ],
)
def test_a_limit_that_would_be_ignored_or_is_out_of_range_is_refused(text):
    with pytest.raises(ValidationError):
        Method.from_toml(text)


def test_the_settings_survive_their_toml():
    settings = Screen(rule="missing_and_zeros", min_nonzero=0.5, by={"1": 0.6, "a.b": 1}, include=("u",))
    method = Method(screen=settings)
    assert Method.from_toml(method.to_toml()) == method
