"""How sure a plan is: against the normal distribution, plain simulation, and weights worked out by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm
from test_improve import GRADED, SCALE, tree

import citygauge as cg
from citygauge.analyse.improve.propose import improve
from citygauge.analyse.improve.sure import data_spec, shares_reached, weight_specs
from citygauge.problems import InputError

ROWS = ["I,,指数,Index", *(f"{c},I,{c},{c},{w},1,pts,0,100" for c, w in (("a", 3), ("b", 2), ("c", 1)))]
WEIGHTS = np.array([3, 2, 1]) / 6
SE = {"a": 4.0, "b": 6.0, "c": 9.0}


@pytest.fixture
def uncertain(workspace):
    """Return a function that opens a workspace in which city 1 has standard errors, and any other files."""

    def make(values=(40, 35, 30), errors=SE, rows=ROWS, method=GRADED, **files):
        told = "unit,indicator,period,value,se\n" + "".join(
            f"1,{code},2023,{value},{errors.get(code, '')}\n"
            for code, value in zip("abc", values, strict=True)
        )
        told += "".join(f"2,{code},2023,{value},\n" for code, value in zip("abc", (80, 70, 60), strict=True))
        place = workspace(
            framework__csv=tree(rows), observations__csv=told, method__toml=method,
            **{"grades/two.toml": SCALE, **files},
        )  # fmt: skip
        return cg.open(place)

    return make


def test_the_least_sure_effort_raises_the_target_by_a_quantile_of_the_noise(uncertain):
    """The index is a sum with noise of its own: P = Φ((index − target) / σ), whatever the plan."""
    space = uncertain(method=GRADED.replace('posts"', 'posts"\ncut = false'))  # no noise is cut off
    found = improve(space, "1", "领军", sure=0.9, plans=1)
    sd = float(np.sqrt(((WEIGHTS * np.array(list(SE.values()))) ** 2).sum())) / 100
    raised = 0.75 + norm.ppf(0.9) * sd
    plan = found.plans[0]
    # 2,000 draws tell 0.9 to about 0.007, and so the target to about 0.04 σ; three of that on either side.
    assert plan.planned.index == pytest.approx(raised, abs=0.13 * sd)
    assert found.aimed == pytest.approx(plan.planned.index, abs=1e-9)
    share = found.shares[1, "facts"]
    assert share.value >= 0.9 - 3 * share.se
    plain = improve(space, "1", "领军", plans=1)
    assert plain.plans[0].effort < plan.effort
    assert plain.shares[1, "facts"].value == pytest.approx(0.5, abs=0.04)


def test_the_probability_is_that_of_a_plain_simulation(uncertain):
    found = improve(uncertain(), "1", "top", sure=0.8, plans=3)
    rng = np.random.default_rng(11)
    for plan in found.plans:
        values = dict(zip("abc", (40.0, 35.0, 30.0), strict=True))
        values |= {move.lever.code: move.raw_to for move in plan.moves}
        drawn = rng.normal(list(values.values()), list(SE.values()), (40_000, 3))
        index = np.clip(drawn / 100, 0, 1) @ WEIGHTS
        share = found.shares[plan.number, "facts"]
        assert share.value == pytest.approx((index >= 0.75).mean(), abs=4 * share.se + 0.005)
    best = next(plan for plan in found.plans if plan.kind == "best")
    assert found.shares[best.number, "facts"].value >= 0.8


def test_a_city_that_is_there_on_average_alone_is_not_surely_there(uncertain):
    space = uncertain(values=(76, 75, 75))
    assert improve(space, "1", "top").is_there
    sure = improve(space, "1", "top", sure=0.95, plans=1)
    assert not sure.is_there
    assert sure.plans[0].planned.index > 0.78
    assert improve(uncertain(values=(99, 95, 95)), "1", "top", sure=0.9).is_there


def test_a_goal_that_nothing_makes_sure_is_refused_with_the_best_probability(uncertain):
    with pytest.raises(InputError) as caught:
        improve(uncertain(errors={"a": 60.0, "b": 60.0, "c": 60.0}), "1", "top", sure=0.999)
    (problem,) = caught.value.problems
    assert problem.code == "improve.not-sure"
    assert 0.3 < problem.values["most"] < 0.999


def test_without_any_spread_there_is_no_probability(uncertain):
    with pytest.raises(InputError) as caught:
        improve(uncertain(errors={}), "1", "top", sure=0.9)
    assert [problem.code for problem in caught.value.problems] == ["improve.no-spread"]


def test_what_varies_in_the_workspace_is_taken_with_the_standard_errors(uncertain):
    spec = 'seed = 7\n[[factor]]\nname = "w"\nweights = {share = 0.5}\n'
    space = uncertain(**{"robust.toml": spec})
    found = data_spec(cg.assess(space))
    assert [factor.kind for factor in found.factor] == ["weights", "data"]
    assert found.seed == 7


def test_stated_weights_vary_by_a_quarter_and_unstated_ones_freely(uncertain):
    rows = ["I,,指数,Index", "P,I,P,P,0.6", "Q,I,Q,Q,0.4"]
    rows += ["a,P,a,a,,1,pts,0,100", "b,P,b,b,,1,pts,0,100", "c,Q,c,c,,1,pts,0,100"]
    space = uncertain(rows=rows)
    result = cg.assess(space)
    specs = weight_specs(result)
    assert list(specs) == ["weights_25", "weights_unstated"]
    free = specs["weights_unstated"].factor
    assert [(f.name, f.weights.codes) for f in free] == [("weights", ("P", "Q")), ("unstated.2", ("a", "b"))]
    stated = weight_specs(cg.assess(uncertain()))
    assert list(stated) == ["weights_25"]


def test_the_share_of_free_weights_is_the_part_of_the_simplex_that_reaches_the_goal(uncertain):
    """P is 90 w + 60 (1 - w) with any w, and Q has no weight: at least 75 where w is one half or more."""
    rows = ["I,,指数,Index", "P,I,P,P,1", "Q,I,Q,Q,0"]
    rows += ["a,P,a,a,,1,pts,0,100", "b,P,b,b,,1,pts,0,100", "c,Q,c,c,,1,pts,0,100"]
    space = uncertain(values=(90, 60, 10), rows=rows, errors={})
    result = cg.assess(space)
    found = improve(result, "1", "top", plans=1)
    assert found.is_there  # (90 + 60) / 2
    share = shares_reached(result, "1", found.goal, weight_specs(result))["weights_unstated"]
    assert share.value == pytest.approx(0.5, abs=4 * share.se)  # 60 + 30 w ≥ 75: w ≥ one half


def test_a_rank_is_held_against_the_others_as_they_come_out_in_the_same_draw(uncertain):
    """Both cities are the same multiple of one row: whatever the weights, the first stays the first."""
    space = uncertain(values=(88, 77, 66), errors={})
    result = cg.assess(space)
    found = improve(result, "1", 1)
    share = shares_reached(result, "1", found.goal, weight_specs(result))["weights_25"]
    assert share.value == 1.0


def test_the_table_of_shares_has_a_row_for_each_plan_and_kind(uncertain):
    found = improve(uncertain(), "1", "top", plans=2)
    assert found.sensitivity.columns == ["plan", "what", "share", "se", "draws"]
    assert found.sensitivity.select("plan", "what").rows() == [
        (plan, what) for plan in (1, 2) for what in ("weights_25", "facts")
    ]
    assert isinstance(found.sensitivity, pl.DataFrame)
