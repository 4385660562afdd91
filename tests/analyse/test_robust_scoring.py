"""The index of many replications at once against the steps of an assessment, one after another."""

from __future__ import annotations

import os

import numpy as np
import pytest

from citygauge.analyse.robust import duels
from citygauge.analyse.robust.ranking import padded
from citygauge.analyse.robust.scoring import Scorer, Tree
from citygauge.framework.model import Framework, Node
from citygauge.indicators.table import DERIVED, MISSING, NOT_APPLICABLE, VALUE, Table
from citygauge.problems import Problems
from citygauge.score.aggregate import Rule, plan
from citygauge.score.aggregating import Plan, aggregate_nodes
from citygauge.score.outranking import copeland

FULL = os.environ.get("CITYGAUGE_TEST_FULL") == "1"
CASES = 200 if FULL else 20
POWERS = (-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)
BATCHED = ("arithmetic", "geometric", "harmonic", "generalised")
OTHERS = ("median", "owa", "copeland")


def framework_of(random, roles=False):
    """Grow a tree of one to four levels."""
    nodes, points = [Node("I", points=100.0 if roles else None)], {"I": 100.0}

    def grow(code, depth, last):
        n = int(random.integers(1, 5))
        for i in range(n):
            child = f"{code}{'abcdef'[i]}"
            points[child] = points[code] / n
            nodes.append(Node(child, code, points=points[child] if roles else None))
            if depth < last and random.random() < 0.7:
                grow(child, depth + 1, last)
        if roles and random.random() < 0.5:
            role = str(random.choice(["bonus", "deduction", "veto"]))
            nodes.append(Node(f"{code}x", code, points=points[code] / 10, role=role))
            if role != "veto" and random.random() < 0.5:
                nodes.extend(Node(f"{code}x{i}", f"{code}x", points=points[code] / 20) for i in range(2))

    grow("I", 1, int(random.integers(1, 5)))
    return Framework(tuple(nodes))


def rules_of(random, framework, names, limits):
    """Choose a method for each level, and sometimes another for a single parent."""

    def rule():
        how = str(random.choice(names))
        parameters = {"generalised": (("power", float(random.choice(POWERS))),), "owa": (("orness", 0.3),)}
        limit = float(random.choice(limits))
        return Rule(how, limit, parameters.get(how, ()))

    levels = {level: rule() for level in range(5)}
    return {
        code: rule() if random.random() < 0.2 else levels[framework.levels[code]]
        for code in framework.aggregates
    }


def table_of(random, framework, n_units, gaps, own):
    """Fill a table: gaps of both kinds, columns left out or empty, scores of inner nodes for some or all."""
    inner = [code for code in framework.aggregates if code != "I" and not framework.roles[code]]
    with_own = {code for code in inner if random.random() < own}
    codes = [c for c in framework.codes if c in with_own or not framework.children(c)]
    if gaps and len(codes) > 1 and random.random() < 0.2:
        dropped = codes[int(random.integers(len(codes)))]
        codes = [code for code in codes if code != dropped or framework.roles[code]]
    values = (
        random.choice([0.0, 1.0, 37.0], (n_units, len(codes))) + random.random((n_units, len(codes))) * 60
    )
    values[random.random(values.shape) < 0.03] = 0.0
    states = np.zeros(values.shape, np.int8)
    for column, code in enumerate(codes):
        share = gaps * random.random()
        if code in with_own and random.random() < 0.5:
            share = 0.5
        gone = random.random(n_units) < (1.0 if gaps and random.random() < 0.05 else share)
        if code in with_own and random.random() < 0.4:
            gone[:] = False
        states[gone, column] = random.choice([MISSING, NOT_APPLICABLE], int(gone.sum()))
    values[states != VALUE] = np.nan
    units = tuple(f"u{i}" for i in range(n_units))
    return Table(units, tuple(codes), values, states, np.full(values.shape, DERIVED, np.int8))


def weights_of(random, framework, rows, zeros):
    """Draw weights of every node, some of them 0, and in some replications a whole group left out."""
    weights = random.gamma(1.0, 1.0, (rows, len(framework))) + 1e-3
    weights[:, 0] = 1.0
    for r in range(rows):
        if random.random() < zeros:
            weights[r, random.random(len(framework)) < 0.25] = 0.0
        if random.random() < zeros:
            chosen = str(random.choice(framework.aggregates))
            weights[r, [framework.codes.index(child) for child in framework.children(chosen)]] = 0.0
    return weights


def one_by_one(framework, rules, table, units, shares, values=None, onto=(0.0, 100.0)):
    """Score each replication as `assess` does."""
    found = np.full((len(shares), len(units)), np.nan)
    rows = [units.index(unit) for unit in table.units]
    for r, own in enumerate(shares):
        steps = plan(framework, dict(zip(framework.codes, own.tolist(), strict=True)), rules, onto)
        drawn = table if values is None else table.with_values(values[r])
        scored, _ = aggregate_nodes(drawn, Plan(rules, steps, onto), framework, Problems())
        found[r, rows] = scored.values[:, 0]
    return found


def scorer_of(framework, rules, table, units, onto=(0.0, 100.0)):
    shares = dict.fromkeys(framework.codes, 1.0)
    return Scorer.of(
        Tree.of(framework), Plan(rules, plan(framework, shares, rules, onto), onto), table, units
    )


def compared(framework, rules, table, units, weights, values=None):
    """Compare the scores of all replications with those of one after another; return the way they took."""
    shares = Tree.of(framework).rescaled(weights)
    scorer = scorer_of(framework, rules, table, units)
    found = scorer.scores(shares, values)
    assert found.shape == (len(shares), padded(len(units)))
    wanted = one_by_one(framework, rules, table, units, shares, values)
    told = f"{scorer.way} {rules} {framework.codes} {table.codes}"
    np.testing.assert_allclose(found[:, : len(units)], wanted, rtol=1e-11, atol=1e-13, err_msg=told)
    return scorer.way


SETTINGS = {
    # names of methods, limits, share of gaps, of own scores, of replications with zero weights, roles
    "sums": (("arithmetic",), (0.0,), 0.0, 0.0, 0.0, False),
    "sums with zero weights": (("arithmetic",), (0.0,), 0.0, 0.0, 0.8, False),
    "sums with limits and zero weights": (("arithmetic",), (0.0, 0.5, 0.8, 1.0), 0.0, 0.0, 0.8, False),
    "arithmetic with gaps": (("arithmetic",), (0.0,), 0.6, 0.0, 0.5, False),
    "arithmetic with gaps and limits": (("arithmetic",), (0.0, 0.3, 0.6, 1.0), 0.6, 0.0, 0.0, False),
    "all means": (BATCHED, (0.0,), 0.0, 0.0, 0.0, False),
    "all means with gaps": (BATCHED, (0.0,), 0.6, 0.0, 0.5, False),
    "all means with gaps and limits": (BATCHED, (0.0, 0.3, 0.6, 1.0), 0.6, 0.0, 0.5, False),
    "scores of inner nodes": (BATCHED, (0.0, 0.5), 0.4, 0.5, 0.4, False),
    "others among them": ((*BATCHED, *OTHERS), (0.0, 0.5), 0.4, 0.3, 0.4, False),
    "bonuses, deductions, vetoes": (BATCHED, (0.0, 0.5), 0.3, 0.2, 0.4, True),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_scores_of_a_batch_are_those_of_one_assessment_after_another(name):
    names, limits, gaps, own, zeros, roles = SETTINGS[name]
    random, ways = np.random.default_rng(len(name)), set()
    for _ in range(CASES):
        framework = framework_of(random, roles)
        rules = rules_of(random, framework, names, limits)
        table = table_of(random, framework, int(random.integers(1, 13)), gaps, own)
        units = [f"u{i}" for i in range(len(table.units))]
        if random.random() < 0.3:  # the method of this variant screens some units out
            units = [*units, "more"][:: int(random.choice([1, -1]))]
        weights = weights_of(random, framework, int(random.integers(1, 8)), zeros)
        ways.add(compared(framework, rules, table, units, weights))
    assert ways & {"sum", "means"} or roles or set(names) - set(BATCHED)


@pytest.mark.parametrize(
    "name", ["sums", "all means with gaps", "scores of inner nodes", "others among them"]
)
def test_so_are_those_of_data_that_differ_in_each_replication(name):
    names, limits, gaps, own, zeros, roles = SETTINGS[name]
    random = np.random.default_rng(len(name) + 100)
    for _ in range(CASES):
        framework = framework_of(random, roles)
        rules = rules_of(random, framework, names, limits)
        table = table_of(random, framework, int(random.integers(1, 9)), gaps, own)
        units = [f"u{i}" for i in range(len(table.units))]
        weights = weights_of(random, framework, int(random.integers(1, 8)), zeros)
        values = table.values * random.uniform(0.8, 1.2, (len(weights), *table.values.shape))
        kind = random.integers(4)
        if kind == 1:  # a draw may fall below what a mean is defined for
            values -= 20 * random.random(values.shape)
        if kind == 2:  # or give a gap where the table has a value
            values[random.random(values.shape) < 0.1] = np.nan
        compared(framework, rules, table, units, weights, values)


def test_compiled_duels_give_the_scores_of_copeland_to_the_last_digit():
    random = np.random.default_rng(8)
    for case in range(1000 if FULL else 150):
        shape = int(random.integers(1, 40)), int(random.integers(1, 9))
        values = random.integers(0, 4, shape) / 3 if case % 2 else random.random(shape)
        values[random.random(shape) < random.choice([0.0, 0.3, 1.0], p=[0.5, 0.4, 0.1])] = np.nan
        weights = random.choice([0.0, 1.0, 1.0, 2.0, 3e-9, 1 + 1e-8], shape[1])
        np.testing.assert_array_equal(duels.copeland(values, weights), copeland(values, weights))


def test_halves_that_coarse_weights_cannot_tell_from_more_are_told_by_the_exact_ones():
    values = np.array([[1.0, 0, 0, 1], [0, 1, 1, 0]])
    for more in (0.0, 2.0**-35, -(2.0**-35)):
        weights = np.array([0.3 + more, 0.3, 0.2, 0.2])
        np.testing.assert_array_equal(duels.copeland(values, weights), copeland(values, weights))
    assert duels.copeland(values, np.array([0.3 + 2.0**-35, 0.3, 0.2, 0.2])).tolist() == [1, -1]


def flat(n):
    return Framework((Node("I"), *(Node(f"c{i}", "I") for i in range(n))))


def two_pillars():
    """Two pillars of two indicators each."""
    below = [Node(f"{p}{i}", p) for p in "PQ" for i in (1, 2)]
    return Framework((Node("I"), Node("P", "I"), *below[:2], Node("Q", "I"), *below[2:]))


def full(codes, values):
    values = np.asarray(values, float)
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    units = tuple(f"u{i}" for i in range(len(values)))
    return Table(units, tuple(codes), values, states, np.full(values.shape, DERIVED, np.int8))


@pytest.mark.parametrize("how", ["harmonic", "geometric", -3.0, -1.0, -0.5, 0.0, 0.5, 3.0])
def test_zeros_of_either_sign_are_zeros(how):
    rule = Rule(how) if isinstance(how, str) else Rule("generalised", 0.0, (("power", how),))
    table = full(["c0", "c1", "c2"], [[0.0, -0.0, 3.0], [-0.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
    compared(flat(3), {"I": rule}, table, list(table.units), np.array([[1, 0.2, 0.3, 0.5], [1, 0.5, 0.5, 0]]))


@pytest.mark.parametrize("power", [-100.0, -30.0, -1e-9, 1e-9, 1e-3, 30.0, 100.0])
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e5])
def test_powers_of_any_size_neither_overflow_nor_lose_digits(power, size):
    random = np.random.default_rng(4)
    table = full(["P1", "P2", "Q1", "Q2"], size * random.random((6, 4)) ** 3)
    rule = Rule("generalised", 0.0, (("power", power),))
    framework, rules = two_pillars(), {"I": rule, "P": rule, "Q": Rule("arithmetic")}
    weights = random.random((5, 7)) + 0.1
    shares = Tree.of(framework).rescaled(weights)
    found = scorer_of(framework, rules, table, list(table.units)).scores(shares)[:, :6]
    np.testing.assert_allclose(
        found, one_by_one(framework, rules, table, list(table.units), shares), rtol=1e-11, atol=0
    )


@pytest.mark.parametrize("how", ["geometric", "harmonic", "arithmetic"])
def test_scores_below_zero_leave_a_gap_where_a_mean_is_not_defined(how):
    table = full(["P1", "P2", "Q1", "Q2"], [[-1.0, 2, 3, 4], [1, 2, 3, 4], [1, np.nan, -3, 4]])
    rules = {"I": Rule("arithmetic"), "P": Rule(how), "Q": Rule("arithmetic")}
    compared(two_pillars(), rules, table, list(table.units), np.random.default_rng(1).random((9, 7)))


@pytest.mark.parametrize("how", ["arithmetic", "geometric"])
@pytest.mark.parametrize("limit", [0.0, 0.6])
def test_what_is_left_without_any_weight_has_no_score_and_may_take_its_parent_along(how, limit):
    framework = two_pillars()
    rules = {"I": Rule("arithmetic", limit), "P": Rule(how), "Q": Rule(how)}
    table = full(["P1", "P2", "Q1", "Q2"], [[np.nan, 2, 3, 4], [np.nan, 5, 1, 4]])
    shares = np.ones((6, 7))
    shares[1, framework.codes.index("P2")] = 0.0  # P1 has no value, so that P is left without
    shares[2, [framework.codes.index(code) for code in ("Q1", "Q2")]] = 0.0
    shares[3, framework.codes.index("Q")] = 0.0
    shares[4, [framework.codes.index(code) for code in ("P2", "Q")]] = 0.0
    shares[5, 1:] = 0.0
    compared(framework, rules, table, list(table.units), shares)


def test_a_table_without_units_or_values_gives_no_score():
    framework, rules = flat(2), {"I": Rule("arithmetic")}
    none = full(["c0", "c1"], np.empty((0, 2)))
    found = scorer_of(framework, rules, none, ["u0"]).scores(np.ones((2, 3)))
    assert found.shape == (2, 8)
    assert np.isnan(found[:, 0]).all()
    compared(framework, rules, full(["c0", "c1"], [[np.nan, np.nan]]), ["u0"], np.ones((3, 3)))


def test_how_replications_are_grouped_changes_no_bit():
    random = np.random.default_rng(2)
    for name in (
        "sums with limits and zero weights",
        "all means with gaps",
        "all means with gaps and limits",
    ):
        for _ in range(10):
            framework = framework_of(random)
            rules = rules_of(random, framework, *SETTINGS[name][:2])
            table = table_of(random, framework, 11, SETTINGS[name][2], 0.0)
            scorer = scorer_of(framework, rules, table, list(table.units))
            shares = Tree.of(framework).rescaled(weights_of(random, framework, 11, 0.2))
            whole = scorer.scores(shares)[:, :11]
            for size in (1, 2, 3, 4, 5, 8):
                parts = [scorer.scores(shares[start : start + size]) for start in range(0, 11, size)]
                np.testing.assert_array_equal(np.concatenate(parts)[:, :11], whole)


def test_effective_weights_are_the_products_of_the_shares():
    framework = two_pillars()
    shares = Tree.of(framework).rescaled(np.array([[1.0, 3, 1, 1, 1, 3, 1]]))
    assert shares.tolist() == [[1.0, 0.75, 0.5, 0.5, 0.25, 0.75, 0.25]]
    found = Tree.of(framework).effective(shares)[0].tolist()
    assert found == [1.0, 0.75, 0.375, 0.375, 0.25, 0.1875, 0.0625]
