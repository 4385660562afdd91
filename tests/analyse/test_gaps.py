"""Differences shared out by hand and by brute force; gains against weights and against a new run."""

from __future__ import annotations

from itertools import permutations, product
from math import factorial, fsum

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge.analyse.additive import Cells, Rescorer, nested_orders, order_shares, strata_of
from citygauge.analyse.causes import shapley
from citygauge.analyse.gaps import contributions, pillar_gaps, targets, to_next_grade
from citygauge.problems import InputError
from conftest import ROOT, SOURCED

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
HOWS = (
    "arithmetic", "geometric", "harmonic", "generalised\npower = 2", "median", "owa\norness = 0.3", "mpi",
    "coupling",
)  # fmt: skip
GRADED = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "smart-2021"\n'
# With the goalposts of the shared framework: unit 1 has the index 0.86, unit 2 0.76, unit 3 0.2 without Q.
GRADES = "unit,indicator,value\n1,a,90\n1,b,1\n1,c,80\n2,a,80\n2,b,2\n2,c,70\n3,a,40\n3,b,10\n"


def method(how):
    name, _, more = how.partition("\n")
    return f'[normalise]\nhow = "goalposts"\n[aggregate]\nhow = "{name}"\n{more}\n'


def added(frame):
    return dict(frame.select("code", "contribution").iter_rows())


def owen(value, tree, n):
    """Return the mean over all orders of n players in which those of a branch stand together."""

    def together(order, branch):
        places = sorted(order.index(player) for player in branch)
        return places[-1] - places[0] == len(branch) - 1

    orders = [order for order in permutations(range(n)) if all(together(order, branch) for branch in tree)]
    total = np.zeros(n)
    for order in orders:
        for at, player in enumerate(order):
            total[player] += value({*order[: at + 1]}) - value({*order[:at]})
    return total / len(orders)


def test_orders_keep_branches_together_and_come_with_their_reverse():
    tree = [[0, 1, 2], 3, [4, [5, 6]]]
    orders = {tuple(order) for order in nested_orders(tree).tolist()}
    assert len(orders) == 6 * 6 * 2 * 2
    assert all(order[::-1] in orders for order in orders)
    for order in orders:
        for branch in ((0, 1, 2), (4, 5, 6), (5, 6)):
            places = [order.index(player) for player in branch]
            assert max(places) - min(places) == len(branch) - 1


def test_drawn_orders_are_balanced_reversed_and_the_same_each_time():
    tree = [[0, 1, 2], [3, 4, 5, 6], list(range(7, 15))]
    orders = nested_orders(tree)
    assert orders.shape == (720, 15)
    assert (np.sort(orders, axis=1) == np.arange(15)).all()
    assert (orders == nested_orders(tree)).all()
    assert (orders[360:] == orders[:360, ::-1]).all()
    first = [order[np.isin(order, [0, 1, 2])].tolist() for order in orders]
    assert all(first.count(list(each)) == 120 for each in permutations(range(3)))


def test_shares_over_all_orders_are_shapley_values():
    values = np.random.default_rng(1).random(16)
    sizes = 2 ** np.arange(4)
    orders = np.array(list(permutations(range(4))))
    found = order_shares(lambda sets: values[sets @ sizes], orders)
    assert found == pytest.approx(shapley(values[:, None])[0][:, 0])


def test_an_order_over_a_set_without_a_score_is_left_out():
    def score(sets):  # the first player alone has no score
        return np.where(sets[:, 0] & ~sets[:, 1], np.nan, sets @ [3.0, 1.0])

    orders = np.array([[0, 1], [1, 0]])
    assert order_shares(score, orders).tolist() == [3.0, 1.0]
    assert np.isnan(order_shares(score, orders[:1])).all()


def test_means_without_gaps_give_weight_times_difference(workspace):
    result = cg.assess(cg.open(workspace()))
    found = contributions(result, "1", "2")
    assert found["code"].to_list() == ["a", "b", "c"]
    assert found["contribution"].to_list() == pytest.approx([0.3 * 0.2, 0.3 * 0.3, 0.4 * -0.2])
    assert found["share"].to_list() == pytest.approx([6 / 7, 9 / 7, -8 / 7])
    assert found["difference"].to_list() == pytest.approx([0.2, 0.3, -0.2])
    assert found["parent"].to_list() == ["P", "P", "Q"]


def test_a_missing_score_is_switched_with_its_absence(workspace):
    # From unit 3 (P alone, index 0.2) to unit 1. P first: a adds (0.8 − 0.4) / 2, b 0.8 / 2, then c
    # 0.68 − 0.8. Q first: c adds 0.6 · 0.2 + 0.4 · 0.5 − 0.2, then a and b with P's weight of 0.6.
    found = contributions(cg.assess(cg.open(workspace())), "1", "3")
    expected = [(0.2 + 0.12) / 2, (0.4 + 0.24) / 2, (-0.12 + 0.12) / 2]
    assert found["contribution"].to_list() == pytest.approx(expected, abs=1e-12)
    assert found.row(2, named=True)["other"] is None
    assert found.row(2, named=True)["difference"] is None


@pytest.mark.parametrize("how", ["geometric", "harmonic"])
def test_contributions_are_owen_values_of_the_tree(workspace, how):
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED, method__toml=method(how))))
    ends = {"1": (0.8, 0.8, 0.5), "2": (0.6, 0.5, 0.7)}

    def mean(values, weights):
        if how == "geometric":
            return np.prod([v**w for v, w in zip(values, weights, strict=True)])
        return 1 / fsum(w / v for v, w in zip(values, weights, strict=True))

    def index(players):
        a, b, c = (ends["1" if i in players else "2"][i] for i in range(3))
        return mean([mean([a, b], [0.5, 0.5]), c], [0.6, 0.4])

    found = contributions(result, "1", "2")["contribution"].to_list()
    assert found == pytest.approx(owen(index, [(0, 1)], 3), abs=1e-12)


def wide(n_leaves, rng, gaps=False):
    """Return a tree of two pillars and figures of three units, all above 0; unit 3 lacks some with gaps."""
    half = n_leaves // 2
    lines = ["code,parent,weight,direction,low,high", "I,,,,,", "P,I,2,,,", "Q,I,1,,,"]
    lines += [f"x{i},{'P' if i < half else 'Q'},{1 + i % 3},1,0,100" for i in range(n_leaves)]
    facts = ["unit,indicator,value"]
    facts += [
        f"{unit},x{i},{rng.uniform(5, 95)}"
        for unit, i in product((1, 2, 3), range(n_leaves))
        if not (gaps and unit == 3 and i % 4 == 1)
    ]
    return {"framework__csv": "\n".join(lines) + "\n", "observations__csv": "\n".join(facts) + "\n"}


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("how", HOWS)
def test_contributions_add_up_under_any_aggregation_and_change_sign_with_the_units(workspace, how, gaps):
    files = wide(16, np.random.default_rng(3), gaps)
    result = cg.assess(cg.open(workspace(method__toml=method(how), **files)))
    one, other = contributions(result, "1", "3"), contributions(result, "3", "1")
    total = result.index[0] - result.index[2]
    assert one["contribution"].sum() == pytest.approx(total, abs=1e-9)
    assert one["share"].sum() == pytest.approx(1)
    assert other["contribution"].to_list() == pytest.approx((-one["contribution"]).to_list(), abs=1e-12)
    assert pillar_gaps(result, "1", "3")["contribution"].sum() == pytest.approx(total, abs=1e-9)


def test_drawn_orders_come_near_all_orders(workspace):
    # Seven leaves of one product: 5040 orders against the 720 drawn; the tolerance is four standard errors.
    rng = np.random.default_rng(5)
    values = rng.uniform(0.1, 1, (2, 7))
    sizes = 2 ** np.arange(7)
    sets = (np.arange(128)[:, None] // sizes) % 2 == 1
    index = np.prod(np.where(sets, values[1], values[0]), axis=1) ** (1 / 7)
    exact = shapley(index[:, None])[0][:, 0]
    orders = nested_orders(list(range(7)))
    assert len(orders) == 720 < factorial(7)
    drawn = order_shares(lambda rows: index[rows @ sizes], orders)
    assert drawn.sum() == pytest.approx(exact.sum(), abs=1e-12)
    assert drawn == pytest.approx(exact, abs=4 * np.ptp(index) / 720**0.5)


def test_a_pillar_contributes_the_same_whatever_is_told_apart_inside(workspace):
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED, method__toml=method("geometric"))))
    found = pillar_gaps(result, "1", "2")
    p, q = [(0.8 * 0.8) ** 0.5, (0.6 * 0.5) ** 0.5], [0.5, 0.7]

    def index(i, j):
        return p[i] ** 0.6 * q[j] ** 0.4

    of_p = (index(0, 1) - index(1, 1) + index(0, 0) - index(1, 0)) / 2
    assert found["code"].to_list() == ["P", "Q"]
    assert found["contribution"][0] == pytest.approx(of_p)
    assert found["value"].to_list() == pytest.approx([p[0], q[0]])


def test_bonuses_and_deductions_contribute_as_well(workspace):
    tree = (
        "code,parent,weight,points,role,direction,low,high\nI,,,100,,,,\nP,I,,100,,,,\n"
        "a,P,,60,,1,0,100\nb,P,,40,,1,0,100\nplus,P,,10,bonus,1,0,10\nminus,P,,20,deduction,1,0,10\n"
    )
    facts = "unit,indicator,value\n1,a,50\n1,b,50\n1,plus,10\n1,minus,0\n2,a,60\n2,b,50\n2,minus,5\n"
    result = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=facts)))
    found = added(contributions(result, "1", "2"))
    # 50 + 10 points against 36 + 20 − 10: nothing is cut, so that every step is worth its points.
    assert found == pytest.approx({"a": -0.06, "b": 0, "plus": 0.1, "minus": 0.1}, abs=1e-12)


def test_the_same_unit_twice_has_no_difference_and_no_shares(workspace):
    found = contributions(cg.assess(cg.open(workspace())), "3", "3")
    assert found["contribution"].to_list() == [0, 0, 0]
    assert found["share"].null_count() == 3


def test_a_unit_without_an_index_has_no_contributions(workspace):
    files = {"method__toml": '[normalise]\nhow = "goalposts"\n[aggregate]\nmin_availability = 1\n'}
    result = cg.assess(cg.open(workspace(**files)))
    assert contributions(result, "1", "3")["contribution"].null_count() == 3
    assert pillar_gaps(result, "1", "3")["contribution"].null_count() == 2


def test_an_index_that_depends_on_all_units_is_not_taken_apart(workspace):
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED, method__toml=method("topsis"))))
    for ask in (contributions, pillar_gaps):
        with pytest.raises(InputError) as refused:
            ask(result, "1", "2")
        assert refused.value.problems[0].code == "analyse.not-decomposable"
    with pytest.raises(InputError) as refused:
        contributions(cg.assess(cg.open(workspace())), "1", "9")
    assert refused.value.problems[0].code == "analyse.unknown-unit"


def test_strata_are_switched_together(workspace):
    rules = "code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,best\n"
    things = "subject,unit,kind,event\ns1,1,site,Birth\ns2,1,site,Work\nt1,2,site,Birth\n"
    facts = (
        "unit,indicator,value,subject\n1,a,60,s1\n1,a,40,s2\n1,b,2,s1\n1,c,50,s1\n1,c,90,s2\n"
        "2,a,100,t1\n2,b,1,t1\n2,c,30,t1\n"
    )
    files = {"framework__toml": 'strata = "event"\n', "rollups__csv": rules, "subjects__csv": things}
    result = cg.assess(cg.open(workspace(observations__csv=facts, **files)))
    assert len(result.strata) == 2
    found = contributions(result, "1", "2")
    assert found["contribution"].sum() == pytest.approx(result.index[0] - result.index[1], abs=1e-12)


@pytest.mark.parametrize("name", ["city-statistics-2023", "smart-2021"])
def test_the_index_is_found_again_from_the_scores_of_its_leaves(name):
    result = cg.assess(cg.open(ROOT / "demo" / name))
    rescorer, strata = Rescorer.of(result), strata_of(result)
    for row, index in enumerate(result.index):
        cells = Cells.of(result, row, strata)
        found = rescorer.index(cells.values[:, None], cells.applicable[:, None])
        assert found[0] == pytest.approx(index, rel=1e-12)


def test_targets_leave_gaps_out_and_rest_on_enough_units():
    scores = np.array([[[1.0, np.nan]], [[3.0, 2.0]], [[8.0, np.nan]]])
    mean, best = targets(scores, np.array([True, True, False]))
    assert (mean.tolist(), best.tolist()) == ([[2.0, 2.0]], [[8.0, 2.0]])
    mean, best = targets(scores, np.array([True, True, False]), least=2)
    assert mean == pytest.approx(np.array([[2, np.nan]]), nan_ok=True)
    assert best == pytest.approx(np.array([[8, np.nan]]), nan_ok=True)


def test_what_lacks_to_the_next_grade_by_hand(workspace):
    found = to_next_grade(cg.assess(cg.open(workspace(observations__csv=GRADES, method__toml=GRADED))), "3")
    assert found["code"].to_list() == ["b", "a", "c"]  # a and c gain the same
    assert set(found["next_grade"]) == {"pioneering"}
    assert found["shortfall"].to_list() == pytest.approx([0.5] * 3)
    # P alone: 0.2 → 0.6 with b, → 0.4 with a; with c the index is 0.6 · 0.2 + 0.4 · 0.7.
    assert found["gain_to_next_mean"].to_list() == pytest.approx([0.4, 0.2, 0.2])
    assert found["gain_to_best"].to_list() == pytest.approx([0.45, 0.25, 0.12 + 0.32 - 0.2])
    assert found["cumulative"].to_list() == pytest.approx([0.4, 0.6, 0.6 * 0.8 + 0.4 * 0.7 - 0.2])
    assert found["reaches"].to_list() == [False, True, True]
    assert found["best_in_next"].to_list() == pytest.approx([0.8, 0.8, 0.7])
    assert found["best"].to_list() == pytest.approx([0.9, 0.9, 0.8])
    assert found["weight"].to_list() == pytest.approx([0.3, 0.3, 0.4])
    assert found["value"].null_count() == 1


def test_gains_are_weight_times_difference_without_gaps_and_those_of_a_new_run(workspace):
    facts = GRADES + "3,c,60\n"
    result = cg.assess(cg.open(workspace(observations__csv=facts, method__toml=GRADED)))
    for row in to_next_grade(result, "3").iter_rows(named=True):
        assert row["gain_to_best"] == pytest.approx(row["weight"] * (row["best"] - row["value"]))
    geometric = GRADED + '[aggregate]\nhow = "geometric"\n'
    facts = facts.replace("3,b,10", "3,b,8")
    before = cg.assess(cg.open(workspace(observations__csv=facts, method__toml=geometric)))
    gain = {row["code"]: row for row in to_next_grade(before, "3").iter_rows(named=True)}["b"]
    after = cg.assess(
        cg.open(workspace(observations__csv=facts.replace("3,b,8", "3,b,1"), method__toml=geometric))
    )
    assert gain["gain_to_best"] == pytest.approx(after.index[2] - before.index[2])


def test_nothing_lacks_at_the_top_without_a_scale_or_a_score(workspace):
    graded = cg.assess(cg.open(workspace(observations__csv=GRADES, method__toml=GRADED)))
    assert to_next_grade(graded, "1").is_empty()
    assert to_next_grade(cg.assess(cg.open(workspace())), "1").is_empty()
    facts = GRADES.replace("3,a,40\n3,b,10\n", "")
    assert to_next_grade(
        cg.assess(cg.open(workspace(observations__csv=facts, method__toml=GRADED))), "3"
    ).is_empty()


def test_a_unit_ahead_of_the_next_grade_gains_nothing_there(workspace):
    facts = GRADES.replace("3,a,40", "3,a,100")
    found = to_next_grade(cg.assess(cg.open(workspace(observations__csv=facts, method__toml=GRADED))), "3")
    row = found.row(by_predicate=pl.col("code") == "a", named=True)
    assert (row["gain_to_next_mean"], row["gain_to_best"]) == (0, 0)


def test_a_deduction_gains_by_falling(workspace):
    tree = (
        "code,parent,points,role,direction,low,high\nI,,100,,,,\n"
        "a,I,100,,1,0,100\nminus,I,20,deduction,1,0,10\n"
    )
    facts = "unit,indicator,value\n1,a,90\n1,minus,0\n2,a,80\n2,minus,1\n3,a,70\n3,minus,10\n"
    result = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=facts, method__toml=GRADED)))
    row = to_next_grade(result, "3").row(0, named=True)  # 0.5; unit 2 has 0.78
    assert (row["code"], row["best"], row["best_in_next"]) == ("minus", 0, pytest.approx(0.1))
    assert (row["gain_to_next_mean"], row["gain_to_best"]) == (pytest.approx(0.18), pytest.approx(0.2))


def test_illustrative_data_tell_no_grade_beside_a_figure_and_no_mean_of_one(workspace):
    files = {"assessment__toml": ILLUSTRATIVE, "observations__csv": GRADES, "method__toml": GRADED}
    result = cg.assess(cg.open(workspace(**files)))
    names = sorted(result.row_labels)
    found = to_next_grade(result, names[2])
    assert found["notice"].null_count() == 0
    assert found["next_grade"].null_count() == found.height
    assert found["best_in_next"].null_count() == found.height
    assert found["gain_to_next_mean"].null_count() == found.height
    parts = contributions(result, names[0], names[1])
    assert parts["notice"].null_count() == 0
    assert parts["contribution"].sum() == pytest.approx(0.1)
