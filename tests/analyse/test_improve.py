"""The least effort against brute force, closed forms and another optimiser; plans against a new run."""

from __future__ import annotations

from itertools import product
from math import exp, log, prod

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

import citygauge as cg
from citygauge.analyse.improve.program import tangent
from citygauge.analyse.improve.propose import improve
from citygauge.problems import InputError
from citygauge.score.aggregate import Rule
from citygauge.score.means import generalised, geometric, harmonic, owa

POSTS = '[normalise]\nhow = "goalposts"\n'
SCALE = """\
low = 0
high = 1
[[grade]]
id = "top"
name_zh = "领军城市"
name_en = "Leading"
from = 0.75
[[grade]]
id = "rest"
name_zh = "其余"
name_en = "Others"
"""
GRADED = POSTS + '[grades]\nscale = "two"\n'
HEAD = "code,parent,name_zh,name_en,weight,direction,unit,low,high,rubric,scale,role,points,scheme,cap\n"


def tree(rows):
    """Return a framework file of rows of the columns of `HEAD`, blanks at the end left out."""
    return HEAD + "".join(row + "," * (HEAD.count(",") - row.count(",")) + "\n" for row in rows)


def facts(values, unit="1"):
    return "".join(f"{unit},{code},2023,{value}\n" for code, value in values.items())


@pytest.fixture
def opened(workspace):
    """Return a function that opens a workspace of rows of a tree, values of city 1, and a method."""

    def make(rows, values, method=GRADED, others="", scale=SCALE):
        told = "unit,indicator,period,value\n" + facts(values) + others
        place = workspace(
            framework__csv=tree(rows), observations__csv=told, method__toml=method,
            **{"grades/two.toml": scale},
        )  # fmt: skip
        return cg.open(place)

    return make


def flat(weights, **more):
    return ["I,,指数,Index", *(f"{c},I,{c},{c},{w},1,%,0,100" for c, w in weights.items())]


def knapsack(weights, start, costs, need):
    """Return the least effort of a fractional knapsack: the cheapest rise of the index first."""
    total, effort = sum(weights.values()), 0.0
    for code in sorted(weights, key=lambda code: costs[code] / weights[code]):
        share = weights[code] / total
        gain = min(1 - start[code], need / share)
        effort += costs[code] * 100 * gain
        need -= gain * share
        if need <= 1e-12:
            return effort
    raise AssertionError("out of reach")


@pytest.mark.parametrize("seed", range(4))
def test_sums_take_the_effort_of_the_fractional_knapsack_and_it_is_proved(opened, seed):
    rng = np.random.default_rng(seed)
    codes = "abcdefgh"
    weights = dict(zip(codes, rng.uniform(0.5, 3, 8).round(2).tolist(), strict=True))
    values = dict(zip(codes, rng.uniform(5, 70, 8).round(1).tolist(), strict=True))
    costs = dict(zip(codes, rng.uniform(0.5, 4, 8).round(2).tolist(), strict=True))
    found = improve(opened(flat(weights), values), "苏州", "领军", costs=costs, plans=1)
    start = {code: value / 100 for code, value in values.items()}
    index = sum(weights[c] * start[c] for c in codes) / sum(weights.values())
    expected = knapsack(weights, start, costs, 0.75 - index)
    best = found.plans[0]
    assert best.effort == pytest.approx(expected, rel=1e-9)
    assert best.bound == pytest.approx(expected, rel=1e-6)
    assert best.gap == 0
    assert best.planned.index == pytest.approx(0.75, abs=1e-12)
    assert found.check.filter(stage="rerun", plan=1)["index"].item() == pytest.approx(0.75, abs=1e-12)


LEVELS = (0.0, 0.3, 0.6, 1.0)
RUBRIC = "0=0 ; 1=0.3 ; 2=0.6 ; 3=1"
MEANS = {
    "arithmetic": lambda x, w: sum(a * b for a, b in zip(x, w, strict=True)),
    "geometric": lambda x, w: prod(a**b for a, b in zip(x, w, strict=True)),
    "harmonic": lambda x, w: 0.0 if 0 in x else 1 / sum(b / a for a, b in zip(x, w, strict=True)),
}


@pytest.mark.parametrize("how", MEANS)
@pytest.mark.parametrize(("above", "seed"), [("arithmetic", 1), ("geometric", 2)])
def test_steps_take_the_least_effort_of_all_their_combinations(opened, how, above, seed):
    rng = np.random.default_rng(seed)
    codes = ("a", "b", "c", "d", "e")
    costs = dict(zip(codes, rng.uniform(0.5, 3, 5).round(2).tolist(), strict=True))
    start = rng.integers(0, 3, 5) if how == "arithmetic" == above else rng.integers(1, 3, 5)
    rows = ["I,,指数,Index", "P,I,甲,P,0.6", "Q,I,乙,Q,0.4"]
    rows += [f"{c},{'P' if c < 'd' else 'Q'},{c},{c},,1,level,,,{RUBRIC}" for c in codes]
    method = f'[normalise]\nhow = "rubric"\n[aggregate]\nhow = "{how}"\n[aggregate.by."0"]\nhow = "{above}"\n'
    method += '[grades]\nscale = "two"\n'
    space = opened(rows, dict(zip(codes, start.tolist(), strict=True)), method)

    def index(levels):
        x = [LEVELS[level] for level in levels]
        below = [MEANS[how](x[:3], [1 / 3] * 3), MEANS[how](x[3:], [1 / 2] * 2)]
        return MEANS[above](below, [0.6, 0.4])

    ways = [range(first, 4) for first in start.tolist()]
    efforts = {
        levels: sum(
            costs[c] * 100 * (LEVELS[to] - LEVELS[at])
            for c, at, to in zip(codes, start.tolist(), levels, strict=True)
        )
        for levels in product(*ways)
    }
    reached = {levels: effort for levels, effort in efforts.items() if index(levels) >= 0.75 - 1e-12}
    found = improve(space, "1", "top", costs=costs, plans=2)
    best = found.plans[0]
    assert best.effort == pytest.approx(min(reached.values()), rel=1e-9)
    assert best.gap == 0
    fewest = min(sum(to > at for at, to in zip(start.tolist(), levels, strict=True)) for levels in reached)
    assert min(len(plan.moves) for plan in found.plans) == fewest
    levels = {move.lever.code: move.raw_to for move in best.moves}
    ended = tuple(int(levels.get(c, at)) for c, at in zip(codes, start.tolist(), strict=True))
    assert index(ended) == pytest.approx(best.planned.index, abs=1e-12)
    assert found.arrives(best)


def test_two_indicators_under_a_geometric_mean_meet_the_closed_form(opened):
    """Least 100 (p x + q y) with √(x y) = 0.75: by Lagrange p x = q y, within what is there and can be."""
    space = opened(flat({"a": 1, "b": 1}), {"a": 20, "b": 30}, GRADED + '[aggregate]\nhow = "geometric"\n')
    found = improve(space, "1", "领军城市", costs={"a": 2, "b": 1.6}).plans[0]
    x, y = 0.75 * (1.6 / 2) ** 0.5, 0.75 * (2 / 1.6) ** 0.5
    assert {move.lever.code: move.raw_to for move in found.moves} == pytest.approx(
        {"a": 100 * x, "b": 100 * y}, abs=0.1
    )
    assert found.effort == pytest.approx(100 * (2 * (x - 0.2) + 1.6 * (y - 0.3)), rel=2e-6)
    assert found.gap == 0


@pytest.mark.parametrize("how", ['"geometric"', '"harmonic"', '"generalised"\npower = 0.5'])
def test_a_nested_concave_index_takes_no_more_than_another_optimiser_finds(opened, how):
    rows = ["I,,指数,Index", "P,I,甲,P,2", "Q,I,乙,Q,1"]
    rows += [f"{c},{p},{c},{c},{w},1,%,0,100" for c, p, w in
             (("a", "P", 1), ("b", "P", 2), ("c", "P", 1), ("d", "Q", 1), ("e", "Q", 3))]  # fmt: skip
    values = {"a": 30, "b": 45, "c": 60, "d": 35, "e": 25}
    costs = {"a": 1, "b": 2.2, "c": 0.7, "d": 1.5, "e": 1.1}
    space = opened(rows, values, GRADED + f"[aggregate]\nhow = {how}\n")
    name = how.partition("\n")[0]
    power = {'"geometric"': 0.0, '"harmonic"': -1.0}.get(name, 0.5)

    def mean(x, w):
        x, w = np.asarray(x), np.asarray(w) / np.sum(w)
        return exp(w @ np.log(x)) if power == 0 else float(w @ x**power) ** (1 / power)

    def index(x):
        return mean([mean(x[:3], [1, 2, 1]), mean(x[3:], [1, 3])], [2, 1])

    start, price = np.array(list(values.values())) / 100, np.array(list(costs.values())) * 100
    other = minimize(
        lambda x: float(price @ (x - start)), np.minimum(start + 0.4, 1), method="SLSQP",
        bounds=[(at, 1) for at in start], constraints={"type": "ineq", "fun": lambda x: index(x) - 0.75},
        options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    best = improve(space, "1", "top", costs=costs, plans=1).plans[0]
    assert best.effort == pytest.approx(other.fun, rel=1e-5)
    assert best.effort <= other.fun * (1 + 1e-5)
    assert best.gap < 1e-5
    ended = start.copy()
    for move in best.moves:
        ended["abcde".index(move.lever.code)] = move.score_to
    assert index(ended) == pytest.approx(0.75, abs=1e-9)


def test_the_way_of_a_country_under_the_hdi_is_that_of_its_formula(reference):
    """Formula and goalposts: UNDP, HDR 2023/24, technical note 1; the effort against another optimiser."""
    frame = pl.read_csv(reference("undp-hdi/hdi.csv"), infer_schema_length=None).filter(year=2019)
    codes = ["life_expectancy", "expected_years_schooling", "mean_years_schooling", "gni_per_capita_ppp2017"]
    told = frame.select("iso3", *codes).unpivot(index="iso3", variable_name="indicator", value_name="value")
    told = told.rename({"iso3": "unit"}).drop_nulls()
    found = improve(cg.from_frames("hdi", frame.select(unit="iso3"), told), "CHN", 50, plans=2)

    def hdi(life, expected, mean, income):
        education = (min(expected / 18, 1) + min(mean / 15, 1)) / 2
        earned = (log(income) - log(100)) / (log(75000) - log(100))
        return ((life - 20) / 65 * education * earned) ** (1 / 3)

    china = frame.filter(iso3="CHN").select(codes).row(0)
    target = found.goal.value
    for plan in found.plans:
        raw = dict(zip(codes, china, strict=True)) | {m.lever.code: m.raw_to for m in plan.moves}
        assert hdi(*raw.values()) == pytest.approx(target, abs=1e-9)
        assert found.arrives(plan)
        assert found.checked(plan).rank == 50
    start = np.array([(china[0] - 20) / 65, china[1] / 18, china[2] / 15, log(china[3] / 100) / log(750)])
    other = minimize(
        lambda x: 100 * float((x - start).sum()), np.minimum(start + 0.1, 1), method="SLSQP",
        bounds=[(at, 1) for at in start],
        constraints={"type": "ineq", "fun": lambda x: x[0] * (x[1] + x[2]) / 2 * x[3] - target**3},
        options={"ftol": 1e-13, "maxiter": 500},
    )  # fmt: skip
    assert found.plans[0].effort == pytest.approx(other.fun, rel=1e-5)


@pytest.mark.parametrize(
    ("rule", "mean"),
    [
        (Rule("geometric"), lambda x, w: geometric(x, w[:, None])[:, 0]),
        (Rule("harmonic"), lambda x, w: harmonic(x, w[:, None])[:, 0]),
        (Rule("generalised", 0.0, (("power", 0.4),)), lambda x, w: generalised(x, w[:, None], 0.4)[:, 0]),
        (Rule("generalised", 0.0, (("power", -3.0),)), lambda x, w: generalised(x, w[:, None], -3.0)[:, 0]),
        (Rule("owa", 0.0, (("orness", 0.3),)), lambda x, w: owa(x, w, 0.3)),
    ],
)
def test_a_tangent_touches_its_mean_and_lies_nowhere_below_it(rule, mean):
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.1, 1, 4)
    weights /= weights.sum()
    anywhere = rng.uniform(0.01, 1, (300, 4))
    for point in anywhere[:40]:
        value, slopes = tangent(rule, point, weights)
        assert value == pytest.approx(mean(point[None], weights)[0], rel=1e-9)
        assert slopes @ point == pytest.approx(value, rel=1e-9)
        assert (anywhere @ slopes >= mean(anywhere, weights) - 1e-9).all()


def test_the_plans_differ_and_stand_by_their_effort(opened):
    weights = {"a": 3, "b": 2.5, "c": 2, "d": 1.5, "e": 1, "f": 1}
    values = {"a": 40, "b": 30, "c": 50, "d": 20, "e": 35, "f": 45}
    found = improve(opened(flat(weights), values), "1", "领军")
    used = [{move.lever.code for move in plan.moves} for plan in found.plans]
    assert len(found.plans) == 5
    assert [plan.effort for plan in found.plans] == sorted(plan.effort for plan in found.plans)
    assert len({frozenset(one) for one in used}) == 5
    assert all(found.arrives(plan) and plan.planned.index >= 0.75 - 1e-12 for plan in found.plans)
    spread = next(plan for plan in found.plans if plan.kind == "spread")
    shares = [(m.score_to - m.score_from) / (1 - m.score_from) for m in spread.moves]
    assert shares == pytest.approx([max(shares)] * 6, abs=1e-4)
    others = [one for one, plan in zip(used, found.plans, strict=True) if plan.kind == "other"]
    best = next(one for one, plan in zip(used, found.plans, strict=True) if plan.kind == "best")
    assert all(len(best - one) >= 1 for one in others)


def test_fewer_plans_are_given_where_there_are_no_more_that_differ(opened):
    found = improve(opened(flat({"a": 1}), {"a": 40}), "1", "领军")
    assert [(plan.kind, plan.effort) for plan in found.plans] == [("best", pytest.approx(35))]


def test_what_the_moves_add_to_the_index_adds_up_to_its_rise(opened):
    method = GRADED + '[aggregate]\nhow = "geometric"\n'
    found = improve(opened(flat({"a": 1, "b": 2, "c": 1}), {"a": 30, "b": 40, "c": 50}, method), "1", "top")
    for plan in found.plans:
        rise = plan.planned.index - found.now.index
        assert sum(move.share for move in plan.moves) == pytest.approx(rise, abs=1e-9)


def test_a_city_that_is_there_already_is_told_so(opened):
    found = improve(opened(flat({"a": 1, "b": 1}), {"a": 80, "b": 70}), "1", "领军")  # 0.75, the edge itself
    assert found.is_there
    assert found.plans == ()
    assert found.table.height == found.steps.height == found.check.height == 0


def test_what_is_out_of_reach_says_how_far_the_city_can_come_and_what_holds_it(opened):
    space = opened(flat({"a": 1, "b": 1}), {"a": 10, "b": 20})
    costs = pl.DataFrame({"code": ["a", "b"], "max": ["0.3", None], "steps": [None, "0"]})
    with pytest.raises(InputError) as caught:
        improve(space, "1", "领军", costs=costs)
    (problem,) = caught.value.problems
    assert problem.code == "improve.out-of-reach"
    assert problem.values["best"] == pytest.approx(0.25)
    assert problem.values["need"] == 0.75
    assert problem.values["codes"] == ["a", "b"]
    for language in ("zh", "en"):
        assert "0.25" in problem.text(language)


def test_a_rank_is_reached_with_the_score_that_holds_it_now(opened):
    rest = facts({"a": 60, "b": 60}, "2") + facts({"a": 90, "b": 80}, "3")
    space = opened(flat({"a": 3, "b": 1}), {"a": 20, "b": 40}, POSTS, rest)
    found = improve(space, "1", 2, plans=1)
    assert found.now.rank == 3
    assert found.goal.value == pytest.approx(0.6)
    assert found.plans[0].effort == pytest.approx((0.6 - 0.25) / 0.75 * 100)
    assert found.plans[0].planned.rank == found.checked(found.plans[0]).rank == 2  # a tie shares the place
    assert improve(space, "1", "1", plans=1).plans[0].planned.rank == 1
    assert improve(space, "1", "3").is_there


def test_peers_are_frozen_in_the_plan_and_move_in_the_new_run(opened):
    """City 1 is the lowest in a: when it rises, the least of the column does, and the others fall."""
    rest = facts({"a": 60, "b": 60}, "2") + facts({"a": 100, "b": 0}, "3")
    space = opened(flat({"a": 1, "b": 1}), {"a": 20, "b": 30}, "", rest)
    found = improve(space, "1", 1, plans=1)
    before = {"1": 25.0, "2": 75.0, "3": 50.0}
    assert dict(zip("123", found.result.index.tolist(), strict=True)) == pytest.approx(before)
    plan = found.plans[0]
    assert plan.planned.index == pytest.approx(75)
    raw = {"a": 20.0, "b": 30.0} | {move.lever.code: move.raw_to for move in plan.moves}
    low, high = min(raw["a"], 60), max(raw["a"], 100)
    tall = max(raw["b"], 60)
    again = 50 * (raw["a"] - low) / (high - low) + 50 * raw["b"] / tall
    assert found.checked(plan).index == pytest.approx(again)
    assert found.check.filter(stage="planned")["index"].item() == pytest.approx(75)
    assert found.arrives(plan) == (found.checked(plan).rank == 1)


def test_bonus_deduction_veto_and_floor_take_the_least_effort_of_all_combinations(opened):
    """Points: a, b of 50 each; bonus and deduction up to 10; a veto that fired leaves at most 40 of 100."""
    rows = [
        "I,,指数,Index,,,,,,,,,,,105", "a,I,a,a,,1,%,0,100,,,,50", "b,I,b,b,,1,%,0,100,,,,50",
        "B,I,加分,Bonus,,1,item,,,,,bonus,10,each: 5", "D,I,扣分,Fault,,-1,item,,,,,deduction,10,each: 2",
        "V,I,否决,Veto,,-1,item,,,,,veto,40",
    ]  # fmt: skip
    method = '[normalise]\nhow = "points"\nscale = 100\n[grades]\nscale = "two"\n'
    scale = SCALE.replace("high = 1", "high = 100").replace("0.75", "75")
    values = {"a": 50, "b": 62, "B": 0, "D": 4, "V": 1}
    costs = {"a": 1.0, "b": 1.5, "B": 0.2, "D": 0.3, "V": 0.1}
    space = opened(rows, values, method, scale=scale)
    best = improve(space, "1", "top", costs=costs, plans=1).plans[0]
    least = np.inf
    for bonus, faults, veto in product(range(3), range(5), (0, 1)):
        for a in np.arange(50, 101, 0.5):
            extra = 5 * bonus - 2 * faults
            need = 75 - extra - a / 2  # points that b must earn
            b = max(62.0, 2 * need)
            if veto or b > 100:
                continue
            effort = (a - 50) * costs["a"] + (b - 62) * costs["b"] + costs["B"] * 50 * bonus
            effort += costs["D"] * 20 * (4 - faults) + costs["V"] * 100
            least = min(least, effort)
    assert best.effort == pytest.approx(least, abs=1e-6)
    assert "V" in {move.lever.code for move in best.moves}
    assert best.gap == 0


@pytest.mark.parametrize(("price", "expected"), [(1.0, 90.0), (0.1, 80.0)])
def test_a_score_on_its_floor_rises_once_what_is_earned_passes_it(opened, price, expected):
    """5 points earned and 20 taken off is 0, not -15: 75 takes 95 with all five faults, 75 with none."""
    rows = ["I,,指数,Index", "a,I,a,a,,1,%,0,100,,,,100", "D,I,扣分,Fault,,-1,item,,,,,deduction,20,each: 4"]
    method = '[normalise]\nhow = "points"\nscale = 100\n[grades]\nscale = "two"\n'
    scale = SCALE.replace("high = 1", "high = 100").replace("0.75", "75")
    space = opened(rows, {"a": 5, "D": 5}, method, scale=scale)
    found = improve(space, "1", "top", costs={"a": 1.0, "D": price}, plans=1)
    assert found.now.index == 0
    assert found.plans[0].effort == pytest.approx(expected)
    assert found.plans[0].gap == 0
    assert found.arrives(found.plans[0])


def test_an_ordered_mean_that_leans_to_the_worst_is_raised_from_below(opened):
    """orness 0.3 of two: the worse counts 1 - (1/2)^(7/3) = 0.8016; raising it alone is cheapest."""
    method = GRADED + '[aggregate]\nhow = "owa"\norness = 0.3\n'
    found = improve(opened(flat({"a": 1, "b": 1}), {"a": 20, "b": 90}, method), "1", "top", plans=1)
    best = 0.5 ** (7 / 3)
    assert found.plans[0].effort == pytest.approx(100 * ((0.75 - 0.9 * best) / (1 - best) - 0.2), rel=1e-6)


def test_gaps_stay_gaps_and_are_told(opened):
    space = opened(flat({"a": 1, "b": 1, "c": 1}), {"a": 40, "b": 50})
    found = improve(space, "1", "top")
    assert found.gaps == ("c",)
    assert [problem.code for problem in found.warnings] == ["improve.gaps"]
    assert {move.lever.code for plan in found.plans for move in plan.moves} <= {"a", "b"}
    assert found.plans[0].effort == pytest.approx(60)
    assert found.arrives(found.plans[0])


def test_an_imputed_value_is_improved_and_marked(opened):
    rest = facts({"a": 60, "b": 60}, "2") + facts({"a": 90, "b": 20}, "3")
    method = GRADED + '[impute]\nhow = "mean"\n'
    found = improve(opened(flat({"a": 1, "b": 1}), {"a": 100}, method, rest), "1", "top", plans=1)
    (row,) = found.steps.to_dicts()
    assert (row["code"], row["imputed"], row["raw_from"]) == ("b", True, pytest.approx(40))
    assert row["raw_to"] == pytest.approx(50)
    assert found.arrives(found.plans[0])


def test_weights_that_are_0_and_measures_below_an_own_score_are_left_alone(opened):
    rows = ["I,,指数,Index", "a,I,a,a,1,1,%,0,100", "b,I,b,b,0,1,%,0,100", "c,I,c,c,1,1,%,0,100",
            "m,c,m,m,1,1,%,0,100"]  # fmt: skip
    found = improve(opened(rows, {"a": 20, "b": 10, "c": 60, "m": 60}), "1", "top", plans=2)
    assert {lever.code for lever in found.frozen.levers} == {"a", "c"}
    assert all(found.arrives(plan) for plan in found.plans)
