"""The mean over strata: cell by cell with fractions, and what becomes of states, origins and codes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.collect.observations import ORIGINS, STATES
from citygauge.indicators.table import (
    DERIVED,
    IMPUTED,
    MISSING,
    NOT_APPLICABLE,
    OBSERVED,
    VALUE,
    Table,
    mean_table,
)

ORDER = ("I", "a", "b", "c")
UNITS = ("U", "V")
cells = st.tuples(
    st.integers(-100, 100).map(lambda n: Fraction(n, 4)), st.just("value"), st.sampled_from(ORIGINS)
) | st.tuples(st.none(), st.sampled_from(STATES[1:]), st.sampled_from(ORIGINS))
layers = st.lists(st.sampled_from(ORDER), unique=True).flatmap(
    lambda codes: st.fixed_dictionaries({(unit, code): cells for code in codes for unit in UNITS})
)


def table(layer: dict) -> Table:
    """Return a table of cells (value, state, origin) by unit and code."""
    codes = tuple(dict.fromkeys(code for _, code in layer))
    at = [[layer[unit, code] for code in codes] for unit in UNITS]
    shape = (len(UNITS), len(codes))
    return Table(
        UNITS, codes,
        np.array([[np.nan if v is None else float(v) for v, _, _ in row] for row in at]).reshape(shape),
        np.array([[STATES.index(s) for _, s, _ in row] for row in at], np.int8).reshape(shape),
        np.array([[ORIGINS.index(o) for _, _, o in row] for row in at], np.int8).reshape(shape),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(told=st.lists(layers, min_size=2, max_size=4))
def test_every_cell_is_what_a_calculation_by_hand_makes_of_it(told):
    found = mean_table(map(table, told), ORDER)
    assert found.codes == tuple(code for code in ORDER if any((UNITS[0], code) in layer for layer in told))
    assert found.units == UNITS
    for column, code in enumerate(found.codes):
        for row, unit in enumerate(UNITS):
            several = [layer.get((unit, code), (None, "missing", "derived")) for layer in told]
            known = [value for value, _, _ in several if value is not None]
            states = {state for _, state, _ in several}
            state = "value" if known else states.pop() if len(states) == 1 else "missing"
            assert STATES[found.states[row, column]] == state
            if known:
                assert found.values[row, column] == pytest.approx(float(sum(known) / len(known)), abs=1e-12)
            else:
                assert np.isnan(found.values[row, column])
            imputed = any(value is not None and origin == "imputed" for value, _, origin in several)
            assert found.origins[row, column] == (IMPUTED if imputed else DERIVED)


@settings(max_examples=15, deadline=None)
@given(layer=layers)
def test_a_single_table_comes_back_as_it_is(layer):
    alone = table(layer)
    assert mean_table([alone], ORDER) is alone


@settings(max_examples=15, deadline=None)
@given(told=st.lists(layers, min_size=2, max_size=4), shuffled=st.randoms(use_true_random=False))
def test_the_order_of_the_tables_does_not_matter(told, shuffled):
    first = mean_table(map(table, told), ORDER)
    shuffled.shuffle(told)
    second = mean_table(map(table, told), ORDER)
    np.testing.assert_allclose(first.values, second.values, rtol=0, atol=1e-12)
    assert first.codes == second.codes
    np.testing.assert_array_equal(first.states, second.states)
    np.testing.assert_array_equal(first.origins, second.origins)


def test_states_and_origins_of_a_worked_example():
    one = {("U", "a"): (Fraction(10), "value", "observed"), ("V", "a"): (None, "not_applicable", "observed")}
    two = {("U", "a"): (None, "missing", "observed"), ("V", "a"): (None, "not_applicable", "observed")}
    three = {("U", "a"): (Fraction(40), "value", "imputed"), ("V", "a"): (None, "missing", "observed")}
    both = mean_table([table(one), table(two)], ORDER)
    assert both.values[0, 0] == 10.0
    assert both.states[:, 0].tolist() == [VALUE, NOT_APPLICABLE]
    assert both.origins[0, 0] == DERIVED != OBSERVED
    whole = mean_table([table(one), table(two), table(three)], ORDER)
    assert whole.values[0, 0] == 25.0
    assert whole.states[:, 0].tolist() == [VALUE, MISSING]
    assert whole.origins[0, 0] == IMPUTED
