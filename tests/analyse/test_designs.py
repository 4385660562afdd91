"""Designs are found again in the runs that were drawn by them, and not where there is none."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.analyse.robust.designs import Factorial, Saltelli, recognise
from conftest import FULL

NORMALISE = [("minmax", "0", "100"), ("minmax", "1", "100"), ("zscore", "0", "1"), ("rank", "", "")]
FACTORS = {
    ("normalise.low", "normalise.how", "normalise.high"): [(low, how, high) for how, low, high in NORMALISE],
    ("weights",): [(str(number),) for number in range(30)],
    ("aggregate.by.2.how",): [("arithmetic",), ("geometric",)],
}


def runs_of(factors, picks):
    """Columns of text: each factor's setting spread over its columns, one that never varies last."""
    columns = {}
    for (names, options), numbers in zip(factors.items(), np.transpose(picks), strict=True):
        for place, name in enumerate(names):
            columns[name] = [options[number][place] for number in numbers]
    return columns | {"treat.how": ["none"] * len(picks)}


def saltelli(factors, n, seed=1):
    rng = np.random.default_rng(seed)
    sizes = [len(options) for options in factors.values()]
    a, b = rng.integers(0, sizes, (2, n, len(sizes)))
    mixed = [np.where(np.arange(len(sizes)) == factor, b, a) for factor in range(len(sizes))]
    return np.concatenate([a, b, *mixed])


def shuffled(columns, seed=1):
    order = np.random.default_rng(seed).permutation(len(next(iter(columns.values()))))
    return {name: [column[place] for place in order] for name, column in columns.items()}


@settings(max_examples=60 if FULL else 10, deadline=None)
@given(st.permutations(list(FACTORS)), st.integers(12, 200), st.integers(0, 10**6))
def test_saltellis_design_is_found_with_its_factors(order, n, seed):
    factors = {names: FACTORS[names] for names in order}
    picks = saltelli(factors, n, seed)
    found = recognise(runs_of(factors, picks))
    assert isinstance(found, Saltelli)
    assert found.n == n
    assert found.columns == tuple(order)
    assert set(found.factors) == {"normalise.how", "weights", "aggregate.by.2.how"}
    assert found.factors[order.index(("weights",))] == "weights"
    for own, drawn in zip(found.levels.T, picks.T, strict=True):
        assert len(set(zip(own, drawn, strict=True))) == len(set(own)) == len(set(drawn))


@settings(max_examples=60 if FULL else 10, deadline=None)
@given(st.permutations(list(FACTORS)), st.integers(0, 10**6))
def test_a_full_factorial_is_found_in_any_order_of_its_runs(order, seed):
    factors = {names: FACTORS[names] for names in order}
    picks = np.array(list(product(*(range(len(options)) for options in factors.values()))))
    columns = runs_of(factors, picks)
    for given_ in (columns, shuffled(columns, seed)):
        found = recognise(given_)
        assert isinstance(found, Factorial)
        assert found.n == 240
        assert set(found.columns) == set(order)
        assert set(found.factors) == {"normalise.how", "weights", "aggregate.by.2.how"}
        sizes = dict(zip(found.factors, found.levels.max(axis=0) + 1, strict=True))
        assert sizes == {"normalise.how": 4, "weights": 30, "aggregate.by.2.how": 2}
        assert len(set(map(tuple, found.levels.tolist()))) == 240


def test_two_columns_with_the_same_partition_of_the_runs_are_one_factor():
    found = recognise({"how": list("aabb"), "x": list("mnmn"), "bound": list("1122")})
    assert isinstance(found, Factorial)
    assert found.columns == (("how", "bound"), ("x",))
    assert found.levels.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_shuffled_runs_are_not_saltellis():
    assert recognise(shuffled(runs_of(FACTORS, saltelli(FACTORS, 100)))) is None


def test_runs_drawn_at_random_follow_no_design():
    rng = np.random.default_rng(3)
    for n in (1, 2, 3, 5, 6, 100, 500):
        picks = rng.integers(0, [len(options) for options in FACTORS.values()], (n, 3))
        assert recognise(runs_of(FACTORS, picks)) is None


def test_runs_that_each_have_their_own_setting_are_no_factorial_of_one_factor():
    assert recognise({"weights": [str(number) for number in range(60)]}) is None
    assert recognise({"weights": ["a", "b", "c"], "x": ["1", "2", "3"]}) is None


@pytest.mark.parametrize("change", ["one run short", "one run twice", "one run other"])
def test_a_factorial_that_is_not_whole_is_none(change):
    runs = list(product("abc", "mn"))
    runs = {
        "one run short": runs[:-1], "one run twice": [*runs, runs[0]], "one run other": [*runs[:-1], runs[0]]
    }[change]  # fmt: skip
    assert recognise({"one": [run[0] for run in runs], "other": [run[1] for run in runs]}) is None


def test_one_setting_off_is_not_saltellis():
    columns = runs_of(FACTORS, saltelli(FACTORS, 100))
    columns["weights"][450] = "another"
    assert recognise(columns) is None


def test_a_factor_that_two_blocks_or_none_would_change_is_not_saltellis():
    picks = saltelli(FACTORS, 50)
    picks[200:250] = picks[150:200]  # AB3 is AB2 again
    assert recognise(runs_of(FACTORS, picks)) is None
    picks = saltelli(FACTORS, 50)
    picks[50:100, 2] = picks[:50, 2]  # A and B agree in a factor by chance
    picks[200:250] = picks[:50]
    assert recognise(runs_of(FACTORS, picks)) is None


def test_a_sample_too_small_to_be_sure_is_none():
    """Of yes-or-no factors n d runs agree by chance with 2^-(n d): 2^(-19) is above 10⁻⁶, 2^(-20) below."""
    one = {("yes",): [("y",), ("n",)]}
    for n, sure in ((4, False), (19, False), (20, True), (40, True)):
        picks = np.concatenate([np.arange(n) % 2, (np.arange(n) + 1) % 2, (np.arange(n) + 1) % 2])[:, None]
        picks[n : 2 * n] = picks[2 * n :]
        balanced = picks.mean() == 0.5
        found = recognise(runs_of(one, picks))
        assert (found is not None) == (sure and (balanced or n > 20)), n


def test_three_runs_of_which_two_are_equal_are_no_design():
    assert recognise({"x": ["a", "b", "b"]}) is None


def test_without_runs_columns_or_variation_there_is_no_design():
    assert recognise({}) is None
    assert recognise({"x": []}) is None
    assert recognise({"x": ["a"], "y": ["b"]}) is None
    assert recognise({"x": ["a"] * 12, "y": ["b"] * 12}) is None
    with pytest.raises(ValueError, match="one length"):
        recognise({"x": ["a", "b"], "y": ["b"]})
