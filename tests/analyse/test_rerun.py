"""Many replications at once: each as the steps of a run give it on its own."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygauge.analyse.robust.rerun import rerun
from citygauge.collect.units import Units
from citygauge.framework.model import Framework, Node, RubricLevel
from citygauge.indicators.table import MISSING, NOT_APPLICABLE, VALUE, Table
from citygauge.problems import InputError, Problems
from citygauge.score.method import Method
from citygauge.score.steps import Part, on_scale

LEVELS = tuple(RubricLevel(float(level), score) for level, score in ((0, 0.0), (1, 0.3), (2, 1.0)))
NODES = (
    Node("I"),
    Node("P", "I"),
    Node("a", "P", direction=1, scale="ratio", low=0.0, high=12.0, target_low=6.0),
    Node("b", "P", direction=-1, scale="ratio", low=1.0, high=9.0, target_low=2.0, target_high=3.0),
    Node("c", "P", direction=1, scale="ratio", low=0.0, high=40.0, target_low=8.0),
    Node("Q", "I"),
    Node("d", "Q", direction=1, scale="ordinal", rubric=LEVELS, target_low=2.0),
    Node("e", "Q", direction=-1, scale="ratio", low=2.0, high=8.0, target_low=3.0),
)
TREE = Framework(NODES)
CODES = ("a", "b", "c", "d", "e")
ROWS = 14
RUNS = 7


def table_of(values, states=None):
    if states is None:
        states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    units = tuple(f"u{i}" for i in range(len(values)))
    return Table(units, CODES, values, states, np.zeros(values.shape, np.int8))


def part_of(table, period=None):
    groups = [("east", "west", None)[i % 3] for i in range(len(table.units))]
    frame = pl.DataFrame({"unit": table.units, "side": groups}, schema={"unit": pl.String, "side": pl.String})
    return Part(period, table, Units(frame), Problems())


def figures(gaps=True, runs=RUNS, rows=ROWS, seed=3):
    """Return a table, one column of which has outliers, and replications of it."""
    rng = np.random.default_rng(seed)
    values = np.column_stack([
        rng.uniform(1, 11, rows), rng.uniform(1, 9, rows), np.exp(rng.normal(1, 1.4, rows)),
        rng.integers(0, 3, rows).astype(float), rng.uniform(2, 8, rows),
    ])  # fmt: skip
    states = np.full(values.shape, VALUE, np.int8)
    if gaps:
        cells = (np.array([0, 3, 4, 5, 8, 8]), np.array([0, 1, 2, 3, 3, 4]))
        values[cells], states[cells] = np.nan, [MISSING, MISSING, NOT_APPLICABLE, MISSING, MISSING, MISSING]
    drawn = values * np.exp(rng.normal(0, 0.3, (runs, *values.shape)))
    drawn[:, :, 3] = np.where(np.isnan(values[:, 3]), np.nan, rng.integers(0, 3, (runs, rows)))
    return table_of(values, states), drawn


def one_by_one(part, method, values, history=None):
    """Return scores and lost columns of each replication, run on its own."""
    scores, lost = [], []
    for one in values:
        own = replace(part, table=replace(part.table, values=one), problems=Problems())
        found = Problems()
        scores.append(on_scale([own], method, TREE, history or {}, found)[0].normalised.values)
        errors = [*found.errors, *own.problems.errors]
        lost.append([any(code in problem.values["codes"] for problem in errors) for code in CODES])
    return np.array(scores), np.array(lost)


def assert_same(part, method, values, history=None):
    got = rerun(part, method, TREE, values, history)
    scores, lost = one_by_one(part, method, values, history)
    np.testing.assert_array_equal(got.lost, lost)
    expected = np.where(lost[:, None, :], np.nan, scores)
    np.testing.assert_array_equal(got.values, expected)
    return got


POSTS = {"by": {"c": {"how": "minmax"}}}
MEAN, WINS = {"how": "mean"}, {"how": "winsorise_then", "max_points": 2}
METHODS = {
    "minmax": {"normalise": {"how": "minmax"}},
    "zscore of the population": {"normalise": {"how": "zscore", "divisor": "n"}},
    "goalposts": {"normalise": {"how": "goalposts", "by": {"d": {"how": "rubric"}}}},
    "rank": {"normalise": {"how": "rank", "ties": "average"}},
    "borda": {"normalise": {"how": "borda"}},
    "rubric, points and scaled": {
        "normalise": {
            "how": "scaled",
            "low": 0,
            "high": 20,
            "by": {"d": {"how": "rubric"}, "a": {"how": "points"}},
        }
    },
    "percentile_rank": {"normalise": {"how": "percentile_rank"}, "impute": MEAN},
    "distance_to_max": {"normalise": {"how": "distance_to_max"}, "impute": {"how": "median"}},
    "distance_to_target": {"normalise": {"how": "distance_to_target"}},
    "distance_to_reference": {"normalise": {"how": "distance_to_reference", "reference": "u6"}},
    "distance to a reference with gaps": {"normalise": {"how": "distance_to_reference", "reference": "u0"}},
    "fraction_of_max": {"normalise": {"how": "fraction_of_max"}},
    "vector": {"normalise": {"how": "vector"}},
    "ampi": {"normalise": {"how": "ampi"}, "impute": {"how": "group_median", "group": "side"}},
    "winsorised": {"treat": {**WINS, "then": "none"}},
    "winsorised, then log": {"treat": {**WINS, "skew": 0.4, "kurtosis": 0.1, "then": "log"}},
    "winsorised and log": {
        "treat": {**WINS, "skew": 0.4, "kurtosis": 0.1, "then": "log_by_skew", "combine": True}
    },
    "winsorised without end": {
        "treat": {"how": "winsorise_then", "max_points": "all", "skew": 0.2, "kurtosis": -1.0}
    },
    "always winsorised": {"treat": {**WINS, "always": True}},
    "winsorised, then Box-Cox": {
        "treat": {**WINS, "max_points": 0, "skew": 0.8, "kurtosis": 0.5, "then": "boxcox", "exclude": ["e"]}
    },
    "a transform of one column": {"treat": {"by": {"c": {"how": "log_plus_one", "always": True}}}},
    "group means and a constant": {
        "impute": {"how": "group_mean", "group": "side", "by": {"e": {"how": "constant", "value": 4.0}}}
    },
    "medians, winsorised": {"impute": {"how": "median", "exclude": ["b"]}, "treat": WINS},
    "row means": {"impute": {"how": "row_mean"}},
    "row means of the whole index as they are": {
        "impute": {"how": "row_mean", "within": 0, "normalise_first": False}
    },
    "nearest neighbours": {"impute": {"how": "knn", "neighbours": 3}, "treat": WINS},
    "neighbours and means": {"impute": {"how": "mean", "by": {"d": {"how": "knn"}}}},
}


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("name", METHODS)
def test_a_replication_is_scored_as_on_its_own(name, gaps):
    table, drawn = figures(gaps)
    got = assert_same(part_of(table), Method(**METHODS[name]), drawn)
    assert got.values.shape == drawn.shape
    assert not np.isnan(got.values).all()


def test_imputation_by_regressions_is_that_of_each_replication():
    pytest.importorskip("sklearn")
    table, drawn = figures(runs=2)
    assert_same(part_of(table), Method(impute={"how": "iterative"}), drawn)


def test_gaps_are_filled_from_other_periods():
    table, drawn = figures()
    before, _ = figures(gaps=False, seed=8)
    history = {"2020": before, "2021": table}
    for how in ("latest", "linear", "step"):
        got = assert_same(part_of(table, "2021"), Method(impute={"how": how}), drawn, history)
        assert not np.isnan(got.values[:, 0, 0]).any()


def test_the_table_itself_as_a_replication_gives_the_scores_of_the_run():
    table, _ = figures()
    method = Method(impute={"how": "mean"}, treat={"how": "winsorise_then"})
    got = rerun(part_of(table), method, TREE, table.values[None])
    run = on_scale([part_of(table)], method, TREE, {}, Problems())[0].normalised.values
    np.testing.assert_array_equal(got.values[0], run)


def test_the_order_and_number_of_replications_changes_no_digit():
    table, drawn = figures(runs=9)
    method = Method(impute={"how": "median"}, treat=WINS, normalise={"how": "zscore"})
    whole = rerun(part_of(table), method, TREE, drawn).values
    np.testing.assert_array_equal(rerun(part_of(table), method, TREE, drawn[::-1]).values[::-1], whole)
    parts = [rerun(part_of(table), method, TREE, drawn[at : at + 2]).values for at in range(0, 9, 2)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_gap_that_nothing_fills_stays_a_gap_and_a_cell_that_does_not_apply_too():
    table, drawn = figures()
    none = rerun(part_of(table), Method(), TREE, drawn).values
    np.testing.assert_array_equal(np.isnan(none).any(axis=0), np.isnan(table.values))
    filled = rerun(part_of(table), Method(impute=MEAN), TREE, drawn).values
    np.testing.assert_array_equal(np.isnan(filled).any(axis=0), table.states == NOT_APPLICABLE)


def test_a_column_that_a_replication_makes_constant_has_no_scores_in_that_one():
    table, drawn = figures(gaps=False)
    drawn[2, :, 0] = 5.0
    got = assert_same(part_of(table), Method(treat=WINS), drawn)
    assert np.isnan(got.values[2, :, 0]).all()
    assert not np.isnan(got.values[1, :, 0]).any()
    assert not got.lost.any()


def test_a_target_at_the_worst_value_loses_the_column_in_that_replication_alone():
    table, drawn = figures(gaps=False)
    method = Method(normalise={"how": "distance_to_target"})
    drawn[4, :, 0] = np.linspace(6, 9, ROWS)  # its target is 6
    got = assert_same(part_of(table), method, drawn)
    assert got.lost[4].tolist() == [True, False, False, False, False]
    assert not got.lost[3].any()
    assert np.isnan(got.values[4, :, 0]).all()


def test_a_transformed_column_that_is_held_against_posts_is_lost():
    table, drawn = figures(gaps=False)
    drawn[0] = np.linspace(2, 4, ROWS)[:, None]
    drawn[0, :, 3] = 1.0
    drawn[1, -1, 2] = 1e4
    method = Method(
        treat={"how": "log", "skew": 1.5, "kurtosis": 1.0, "exclude": ["d"]},
        normalise={"how": "goalposts", "by": {"d": {"how": "rubric"}}},
    )
    got = assert_same(part_of(table), method, drawn)
    assert not got.lost[0].any()
    assert got.lost[1, 2]


def test_a_treatment_beyond_the_range_of_doubles_loses_the_column():
    table, drawn = figures(gaps=False)
    drawn[1, :, 4] = np.linspace(0.0, 8.0, ROWS) ** 9
    settings = {"by": {"e": {"how": "boxcox", "power": 20, "always": True}}}
    drawn[1, -1, 4] = 1e30
    got = assert_same(part_of(table), Method(treat=settings), drawn)
    assert got.lost[1, 4]
    assert not got.lost[0].any()


def test_without_replications_units_or_gaps_there_is_nothing_to_do():
    table, drawn = figures()
    assert rerun(part_of(table), Method(), TREE, drawn[:0]).values.shape == (0, ROWS, 5)
    empty = table.of_units(np.zeros(ROWS, bool))
    assert rerun(part_of(empty), Method(), TREE, drawn[:, :0]).values.shape == (RUNS, 0, 5)


def test_one_unit_alone_is_scored_as_on_its_own():
    table, drawn = figures(gaps=False, rows=1)
    for how in ("minmax", "rank", "goalposts", "zscore"):
        normalise = {"how": how, "by": {"d": {"how": "rubric"}}}
        assert_same(part_of(table), Method(treat=WINS, impute=MEAN, normalise=normalise), drawn)


def test_a_column_without_any_value_stays_empty():
    table, drawn = figures(gaps=False)
    drawn[:, :, 1] = np.nan
    values = table.values.copy()
    values[:, 1] = np.nan
    for how in ("mean", "knn", "row_mean"):
        assert_same(part_of(table_of(values)), Method(impute={"how": how}, treat=WINS), drawn)


def test_ties_are_winsorised_together():
    table, drawn = figures(gaps=False)
    drawn[:, :, 0] = [1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 90, 90]
    for most in (1, 2, "all"):
        treat = {"how": "winsorise_then", "max_points": most, "skew": 1.0, "kurtosis": 0.5}
        assert_same(part_of(table), Method(treat=treat), drawn)


@given(st.data())
def test_any_columns_are_winsorised_as_one_by_one(data):
    rows, runs = data.draw(st.integers(1, 9)), 3
    whole = st.integers(-3, 3) | st.sampled_from([50, -80])
    size = runs * rows
    told = data.draw(st.lists(whole, min_size=size, max_size=size))
    drawn = np.ones((runs, rows, 5))
    drawn[:, :, 0] = np.reshape(told, (runs, rows))
    settings = {
        "how": "winsorise_then",
        "max_points": data.draw(st.sampled_from([0, 1, 2, 5, "all"])),
        "skew": data.draw(st.sampled_from([0.1, 1.0, 2.0])),
        "kurtosis": data.draw(st.sampled_from([-3.0, 0.0, 3.5])),
        "then": data.draw(st.sampled_from(["none", "log", "log_signed"])),
        "combine": False,
    }
    assert_same(part_of(table_of(drawn[0])), Method(treat=settings), drawn)


def test_gaps_that_cannot_be_filled_at_all_are_told():
    table, drawn = figures()
    history = {"then": table, "now": table}
    with pytest.raises(InputError) as caught:
        rerun(part_of(table, "now"), Method(impute={"how": "linear"}), TREE, drawn, history)
    assert caught.value.problems[0].code == "impute.period-not-a-year"


def test_a_thousand_replications_of_fifty_units_and_indicators_take_a_moment():
    rng = np.random.default_rng(0)
    codes = tuple(f"c{i}" for i in range(52))
    tree = Framework((Node("I"), *(Node(code, "I", direction=1, scale="ratio") for code in codes)))
    values = np.exp(rng.normal(size=(50, 52)) * np.linspace(0.1, 1.5, 52))
    states = np.zeros(values.shape, np.int8)
    table = Table(tuple(f"u{i}" for i in range(50)), codes, values, states, states)
    drawn = values * np.exp(rng.normal(0, 0.05, (128, 50, 52)))
    method = Method(treat={"how": "winsorise_then"})
    start = time.process_time()
    rerun(part_of(table), method, tree, drawn)
    assert time.process_time() - start < 1.0  # an eighth of them; about 0.03 s where nothing else runs
