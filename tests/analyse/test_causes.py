"""What caused a shift: Shapley values by axioms and by brute force, and methods swapped part by part."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from math import factorial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import citygauge as cg
from citygauge import InputError, Method
from citygauge.analyse.causes import causes, parts_of, shapley
from citygauge.analyse.stages import Stages
from conftest import SOURCED

POSTS = Method(normalise={"how": "goalposts"})
NAN = float("nan")


def by_orders(values):
    """Shares as the mean over all orders, one by one, that pass only through sets with a value."""
    n_parts = len(values).bit_length() - 1
    sums, count = np.zeros(n_parts), 0
    for order in permutations(range(n_parts)):
        way = np.cumsum([0, *(1 << part for part in order)])
        steps = values[way]
        if not np.isnan(steps).any():
            count += 1
            sums[list(order)] += np.diff(steps)
    return (sums / count if count else np.full(n_parts, np.nan)), count


FIGURES = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.integers(0, 4).flatmap(lambda k: arrays(float, (2**k, 2), elements=FIGURES | st.just(NAN))))
@settings(max_examples=60)
def test_shares_are_the_means_over_all_orders_that_can_run(values):
    shares, orders = shapley(values)
    for column in range(2):
        want, count = by_orders(values[:, column])
        assert orders[column] == count
        np.testing.assert_allclose(shares[:, column], want, rtol=1e-9, atol=1e-5)


@given(st.integers(0, 5).flatmap(lambda k: arrays(float, (2**k, 3), elements=st.integers(-99, 99))))
@settings(max_examples=40)
def test_shares_add_up_to_the_whole_shift(values):
    shares, orders = shapley(values)
    np.testing.assert_allclose(shares.sum(axis=0), values[-1] - values[0], atol=1e-10)
    assert set(orders) == {factorial(len(shares))}


def test_parts_that_do_the_same_share_alike_and_one_that_does_nothing_has_none():
    size = {0: 0.0, 1: 3.0, 2: 10.0}
    values = np.array([[size[(row & 1) + (row >> 1 & 1)]] for row in range(8)])  # the third part does nothing
    assert shapley(values)[0].ravel().tolist() == [5.0, 5.0, 0.0]


def test_of_two_factors_each_counts_at_the_mean_of_the_other():
    # v = w · x: the share of w is (w₂ - w₁)(x₁ + x₂) / 2.
    w, x = (2.0, 5.0), (3.0, 7.0)
    values = np.array([[w[row & 1] * x[row >> 1 & 1]] for row in range(4)])
    assert shapley(values)[0].ravel().tolist() == [(5 - 2) * (3 + 7) / 2, (7 - 3) * (2 + 5) / 2]


def test_without_parts_there_is_nothing_to_share_out():
    shares, orders = shapley(np.array([[1.0, NAN]]))
    assert (shares.shape, orders.tolist()) == ((0, 2), [1, 0])


@pytest.fixture
def opened(workspace: Callable[..., Path]) -> Callable[..., cg.Workspace]:
    sets = {"weights/even.csv": "code,weight\nP,1\nQ,1\n", "weights/same.csv": "code,weight\nP,6\nQ,4\n"}
    return lambda **files: cg.open(workspace(**sets, **files))


def test_parts_that_add_up_on_scores_have_their_own_effects(opened):
    by = {"a": {"low": 0, "high": 80}, "c": {"low": 0, "high": 70}}
    found = causes(opened(), POSTS, POSTS.replace(**{"normalise.by": by}))
    assert found.parts == ("normalise.by.a", "normalise.by.c")
    assert found.units == ("1", "2", "3")
    # Weight 0.3 of a: from 0.8, 0.6, 0.4 to 1, 0.75, 0.5; unit 3 lacks c, so that a has weight 0.5 in it.
    np.testing.assert_allclose(found.score_shifts[0], [0.3 * 0.2, 0.3 * 0.15, 0.5 * 0.1])
    np.testing.assert_allclose(found.score_shifts[1], [0.4 * (5 / 7 - 0.5), 0.4 * (1 - 0.7), 0.0], atol=1e-15)
    np.testing.assert_allclose(found.rank_shifts.sum(axis=0), [0, 0, 0])  # 1, 2, 3 under both


def test_weights_and_scores_share_their_product_evenly(opened):
    other = POSTS.replace(**{"weights": "even", "normalise.by": {"c": {"low": 0, "high": 70}}})
    found = causes(opened(observations__csv=SOURCED.replace(",s\n", ",\n")), POSTS, other)
    assert found.parts == ("weights", "normalise.by.c")
    p, q, high = np.array([0.8, 0.55, 0.2]), np.array([0.5, 0.7, 0.3]), np.array([5 / 7, 1, 3 / 7])
    by_weights = -0.1 * p + 0.1 * (q + high) / 2  # the weight of Q goes from 0.4 to 0.5, that of P down
    np.testing.assert_allclose(found.score_shifts, [by_weights, (high - q) * (0.4 + 0.5) / 2])
    assert found.warnings == ()
    assert found.orders.tolist() == [2, 2, 2]


def test_causes_of_ranks_add_up_to_the_shifts_between_the_two_methods(opened):
    workspace = opened(observations__csv=SOURCED.replace(",s\n", ",\n"))
    other = Method(weights="even", normalise={"how": "zscore"}, aggregate={"how": "median"})
    found = causes(workspace, POSTS, other)
    ranks = [cg.assess(workspace, method).ranks[:, 0].astype(float) for method in (POSTS, other)]
    np.testing.assert_allclose(found.rank_shifts.sum(axis=0), ranks[0] - ranks[1], atol=1e-12)
    assert np.isnan(found.score_shifts).all()  # shares and z-scores are not on one scale


def test_parts_that_differ_and_change_nothing_drop_out(opened):
    other = POSTS.replace(
        **{"weights": "same", "impute.how": "none", "panel.treat": "all", "grades.scale": "smart-2021"}
    )
    found = causes(opened(), POSTS, other)
    assert found.parts == ()
    assert set(found.idle) == {"weights", "grades", "panel"}
    assert found.table.height == 0
    same = causes(opened(), POSTS, POSTS)
    assert (same.parts, same.idle, same.orders.tolist()) == ((), (), [1, 1, 1])


def test_the_causes_at_a_node_below_are_its_own(opened):
    other = POSTS.replace(**{"weights": "even", "normalise.by": {"c": {"low": 0, "high": 70}}})
    found = causes(opened(), POSTS, other, "Q")
    assert (found.parts, found.idle, found.units) == (("normalise.by.c",), ("weights",), ("1", "2"))
    np.testing.assert_allclose(found.score_shifts, [[5 / 7 - 0.5, 0.3]])
    with pytest.raises(InputError) as caught:
        causes(opened(), POSTS, other, "Z")
    assert [p.code for p in caught.value.problems] == ["compare.unknown-node"]


def test_combinations_that_cannot_run_leave_the_orders_that_can(opened):
    workspace = opened(observations__csv=SOURCED.replace(",s\n", ",\n"))
    one = Method(normalise={"how": "zscore"})
    between = Method(normalise={"how": "minmax", "low": 1, "high": 100})
    other = between.replace(**{"aggregate.how": "geometric"})  # not defined for z-scores
    found = causes(workspace, one, other)
    (told,) = (p for p in found.warnings if p.code == "compare.cannot-run")
    assert (told.values["count"], told.values["total"], told.values["combinations"]) == (1, 4, ["aggregate"])
    assert told.values["reasons"] == ["method.negative-under-mean"]
    assert (told.values["orders"], told.values["all_orders"]) == (1, 2)
    a, m, b = (cg.assess(workspace, each).ranks[:, 0].astype(float) for each in (one, between, other))
    full = dict(zip(found.parts, found.rank_shifts, strict=True))
    np.testing.assert_array_equal(full.get("normalise", 0 * a), a - m)
    np.testing.assert_array_equal(full.get("aggregate", 0 * a), m - b)
    assert (found.orders.tolist(), found.n_orders) == ([1, 1, 1], 2)


def test_a_unit_without_a_score_on_some_ways_is_explained_by_the_others_and_named(opened):
    one = POSTS.replace(**{"impute": {"how": "constant", "value": 90}, "aggregate.min_availability": 1.0})
    found = causes(opened(), one, POSTS)
    # With the imputation gone and the limit still there, unit 3 has no index: the limit must go first.
    assert dict(zip(found.units, found.orders.tolist(), strict=True)) == {"1": 2, "2": 2, "3": 1}
    (told,) = (p for p in found.warnings if p.code == "compare.fewer-orders")
    assert (told.values["units"], told.values["least"], told.values["possible"]) == (["3"], 1, 2)
    full = dict(zip(found.parts, found.score_shifts, strict=True))
    np.testing.assert_allclose(full["impute"], [0, 0, 0.2 - (0.12 + 0.36)], atol=1e-12)
    np.testing.assert_allclose(full["aggregate"], [0, 0, 0], atol=1e-12)


def test_where_no_order_can_run_no_cause_is_named(opened):
    facts = SOURCED.replace(",s\n", ",\n")
    for code, own, better in (("a", 40, 90), ("b", 10, 1), ("c", 30, 90)):
        facts = facts.replace(f"3,{code},2023,{own},", f"3,{code},2023,{better},")

    def method(without, reference):
        how = {"how": "distance_to_reference", "reference": reference}
        posts = {"by": {"c": {"how": "goalposts"}}}
        return Method(screen={"exclude": [without]}, normalise={**how, **posts})

    # Each swap alone leaves a reference that is screened out.
    found = causes(opened(observations__csv=facts), method("3", "1"), method("1", "3"))
    assert (found.parts, found.units, found.orders.tolist()) == (("screen", "normalise"), ("2",), [0])
    assert np.isnan(found.rank_shifts).all()
    assert found.table["rank_shift"].to_list() == [None, None]
    told = {p.code: p.values for p in found.warnings}
    assert told["compare.cannot-run"]["combinations"] == ["screen", "normalise"]
    assert told["compare.no-order"]["units"] == ["2"]


def test_a_method_that_cannot_run_is_refused(opened):
    bad = POSTS.replace(weights="nothing")
    for pair in ((POSTS, bad), (bad, POSTS)):
        with pytest.raises(InputError) as caught:
            causes(opened(), *pair)
        assert "method.unknown-weights" in [p.code for p in caught.value.problems]


def test_exceptions_are_parts_of_their_own_where_each_can_stand_alone():
    one = Method(normalise={"how": "minmax", "by": {"a": {"low": 1, "high": 10}}})
    assert list(parts_of(one, one.replace(**{"normalise.low": 5}))) == ["normalise"]
    both = parts_of(one, Method(normalise={"how": "minmax", "low": 5}))
    assert list(both) == ["normalise", "normalise.by.a"]
    # A z-score takes no low and high: the exception cannot stay without its default.
    apart = parts_of(one, Method(normalise={"how": "zscore"}))
    assert apart == {"normalise": (("normalise", None), ("normalise", "a"))}


def test_there_are_at_most_eight_parts():
    def with_exceptions(n):
        return Method(
            weights="equal",
            normalise={"by": {f"c{i}": {"how": "rank"} for i in range(n)}},
            screen={"by": {"1": 0.5}},
            aggregate={"how": "median", "by": {"1": {"how": "owa"}, "0": {"how": "harmonic"}}},
        )

    assert len(parts_of(Method(), with_exceptions(3))) == 8
    assert list(parts_of(Method(), with_exceptions(9))) == [
        "weights", "screen.by.1", "normalise", "aggregate", "aggregate.by.1", "aggregate.by.0"
    ]  # fmt: skip


def test_each_stage_done_once_gives_what_a_run_of_its_own_gives(opened):
    workspace = opened()
    stages = Stages(workspace)
    choices = {
        "weights": ["default", "even", "critic"],
        "screen": [{}, {"min_availability": 0.9}],
        "impute": [{"how": "none"}, {"how": "constant", "value": 3}],
        "normalise": [{"how": "goalposts"}, {"how": "minmax", "low": 1}],
        "aggregate": [{}, {"how": "geometric"}],
    }
    for chosen in product(*choices.values()):
        method = Method(**dict(zip(choices, chosen, strict=True)))
        try:
            want = cg.assess(workspace, method).aggregated
        except InputError as error:
            with pytest.raises(InputError) as caught:
                stages.nodes(method)
            codes = ({p.code for p in e.problems if p.severity == "error"} for e in (caught.value, error))
            assert len(set(map(frozenset, codes))) == 1
            continue
        got = stages.nodes(method)
        assert got.units == want.units
        np.testing.assert_array_equal(got.values, want.values)


def test_a_value_from_another_period_and_scores_handed_over_are_the_same_as_in_a_run_of_its_own(opened):
    facts = (
        SOURCED.replace(",s\n", ",\n")
        .replace("3,c,2023,30", "3,c,2022,30")
        .replace("value,source", "value,unit_of_measure")
    )
    workspace = opened(
        assessment__toml='framework = "framework.csv"\nperiod = "2023"\n',
        observations__csv=facts.replace("1,c,2023,50,", "1,c,2023,0.5,score").replace(
            "2,c,2023,70,", "2,c,2023,0.7,score"
        ),
    )
    stages = Stages(workspace)
    latest = Method(
        impute={"how": "latest"}, normalise={"how": "goalposts", "by": {"c": {"low": 0, "high": 1}}}
    )
    want = cg.assess(workspace, latest).aggregated
    np.testing.assert_array_equal(stages.nodes(latest).values, want.values)
    assert not np.isnan(want.values).any()
    with pytest.raises(InputError) as caught:  # the posts of the framework are not those of a score
        stages.nodes(latest.replace(**{"normalise.by": {}}))
    assert "facts.score-needs-range" in [p.code for p in caught.value.problems]


def test_on_illustrative_data_causes_stand_under_neutral_names(opened):
    toml = 'framework = "framework.csv"\nillustrative = true\n'
    one = POSTS.replace(**{"impute": {"how": "constant", "value": 90}, "aggregate.min_availability": 1.0})
    found = causes(opened(assessment__toml=toml), one, POSTS)
    assert set(found.table["unit_code"]) == {f"示意城市 0{i}" for i in (1, 2, 3)}
    assert "notice" in found.table.columns
    (told,) = (p for p in found.warnings if p.code == "compare.fewer-orders")
    assert told.values["units"] == ["示意城市 03"]


def test_with_strata_each_stage_is_done_in_each_of_them(opened):
    inside = {
        "framework__toml": 'strata = "event"\n',
        "rollups__csv": "code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,best\n",
        "subjects__csv": "subject,unit,kind,event\ns,1,site,Birth\nt,1,site,Work\nu,2,site,Birth\n",
        "observations__csv": (
            "unit,indicator,value,subject\n1,a,80,s\n1,c,50,s\n1,a,20,t\n1,c,90,t\n2,a,70,u\n2,b,5,u\n"
        ),
    }
    workspace = opened(**inside)
    found = causes(workspace, POSTS, POSTS.replace(weights="even"))
    # In Birth unit 1 has 0.8 and 0.5, in Work 0.2 and 0.9; unit 2 has P alone.
    np.testing.assert_allclose(found.score_shifts, [[0.1 * ((0.5 - 0.8) + (0.9 - 0.2)) / 2, 0]], atol=1e-15)
    want = cg.assess(workspace, POSTS).aggregated.values
    np.testing.assert_array_equal(Stages(workspace).nodes(POSTS).values, want)
