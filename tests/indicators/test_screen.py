"""Availability at single nodes and numbers of gaps and zeros, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from citygauge.framework.model import Framework, Node
from citygauge.indicators.screen import availability_of, count_indicators
from citygauge.indicators.table import (
    IMPUTED,
    MISSING,
    NOT_APPLICABLE,
    NOT_MEASURABLE,
    OBSERVED,
    VALUE,
    Table,
)

NAN = np.nan
FRAMEWORK = Framework(
    (
        Node("I"),
        Node("P", "I"),
        Node("a", "P", scale="ratio"),
        Node("m", "P", scale="score"),
        Node("m1", "m", scale="ratio"),
        Node("m2", "m", scale="ratio"),
        Node("b", "I", scale="ratio"),
        Node("plus", "I", role="bonus"),
    )
)
CODES = ("a", "m", "m1", "m2", "b", "plus")


def table(*rows: list[float]) -> Table:
    values = np.array(rows, float).reshape(len(rows), len(CODES))
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    units = tuple(f"u{i}" for i in range(len(rows)))
    return Table(units, CODES, values, states, np.full(values.shape, OBSERVED, np.int8))


@pytest.mark.parametrize(
    ("row", "missing", "known", "zeros"),
    [
        ([1, NAN, 1, 1, 1, 1], 0, 3, 0),
        ([NAN, NAN, NAN, NAN, NAN, NAN], 3, 0, 0),
        ([0, NAN, 0, 0, 0, 0], 0, 3, 3),  # the bonus is no indicator
        ([1, NAN, 0, NAN, 1, NAN], 0, 3, 1),  # all that is known of m is zero
        ([1, NAN, 0, 5, 1, NAN], 0, 3, 0),
        ([1, 5, 0, 0, NAN, NAN], 1, 2, 0),  # the own score stands
        ([1, 0, 3, 3, NAN, NAN], 1, 2, 1),
    ],
)
def test_an_indicator_made_of_measures_counts_once(row, missing, known, zeros):
    counts = count_indicators(table(row), FRAMEWORK)
    assert (counts.missing[0], counts.known[0], counts.zeros[0]) == (missing, known, zeros)


def test_not_applicable_is_neither_missing_nor_there_and_not_measurable_is_missing():
    one = table([NAN, NAN, 1, 1, NAN, NAN])
    one.states[0, [0, 4]] = NOT_APPLICABLE, NOT_MEASURABLE
    counts = count_indicators(one, FRAMEWORK)
    assert (counts.missing[0], counts.known[0]) == (1, 1)


def test_an_imputed_zero_is_there_but_is_no_zero():
    one = table([0, NAN, 1, 1, 0, NAN])
    one.origins[0, 0] = IMPUTED
    counts = count_indicators(one, FRAMEWORK)
    assert (counts.known[0], counts.zeros[0]) == (3, 1)
    assert counts.nonzero_share[0] == pytest.approx(2 / 3)


def test_where_nothing_is_there_the_share_of_zeros_is_unknown():
    assert np.isnan(count_indicators(table([NAN] * 6), FRAMEWORK).nonzero_share[0])


def test_a_node_may_be_an_aggregate_or_a_leaf():
    two = table([1, NAN, 1, NAN, NAN, 1], [NAN, NAN, NAN, NAN, NAN, NAN])
    two.states[1, 4] = NOT_APPLICABLE
    shares = availability_of(two, FRAMEWORK, ["P", "b", "m", "a"])
    np.testing.assert_allclose(shares, [[0.75, 0, 0.5, 1], [0, NAN, 0, 0]])
    assert availability_of(two, FRAMEWORK, []).shape == (2, 0)
