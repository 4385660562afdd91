"""What holds for every robustness run: nothing hangs on order, scale, cutting, or what is drawn beside."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from operator import add
from pathlib import Path

import numpy as np
import pytest

import citygauge as cg
from citygauge.analyse.robust import simulate
from citygauge.analyse.robust.model import Model
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.simulate import count, score_span
from citygauge.analyse.robust.spec import Factor, LeaveOut, Spec, WeightDraws

Make = Callable[..., Path]

TREE = """\
code,parent,level,name_zh,name_en,weight,direction,unit,low,high
I,,0,指数,Index,,,,,
P,I,1,支柱甲,Pillar P,{P},,,,
Q,I,1,支柱乙,Pillar Q,{Q},,,,
R,I,1,支柱丙,Pillar R,{R},,,,
a,P,2,指标甲,Indicator a,{a},1,%,0,100
b,P,2,指标乙,Indicator b,{b},1,%,0,100
c,P,2,指标丙,Indicator c,{c},1,%,0,100
d,Q,2,指标丁,Indicator d,{d},1,%,0,100
e,Q,2,指标戊,Indicator e,{e},1,%,0,100
f,R,2,指标己,Indicator f,{f},1,%,0,100
"""
WEIGHTS = {"P": 0.5, "Q": 0.3, "R": 0.2, "a": 3, "b": 2, "c": 1, "d": 1, "e": 4, "f": 1}
METHOD = '[normalise]\nhow = "goalposts"\n'
N_UNITS = 12
DRAWS = Factor(name="weights", weights=WeightDraws(share=0.6))
METHODS = Factor(key="aggregate.by.1.how", values=("arithmetic", "geometric", "harmonic"))
SPECS = {
    "weights": Spec(factor=(DRAWS,)),
    "dirichlet": Spec(factor=(Factor(weights=WeightDraws(concentration=20)),)),
    "methods": Spec(factor=(DRAWS, METHODS)),
    "indicators in or out": Spec(factor=(DRAWS, Factor(leave_out=LeaveOut(level=2)))),
    "slow methods": Spec(
        factor=(DRAWS, Factor(key="aggregate.by.0", values=({"how": "arithmetic"}, {"how": "median"})))
    ),
}


def facts_of(gaps=False, seed=1):
    """Draw facts of the units: unit → figures from 5 to 95."""
    random = np.random.default_rng(seed)
    values = random.uniform(5, 95, (N_UNITS, 6)).round(2)
    if gaps:
        values[random.random(values.shape) < 0.15] = np.nan
    return {f"u{i:02d}": row.tolist() for i, row in enumerate(values)}


def model(workspace: Make, facts, spec, weights=WEIGHTS, method=METHOD) -> Model:
    rows = [
        f"{unit},{code},2023,{value}"
        for unit, own in facts.items()
        for code, value in zip("abcdef", own, strict=True)
        if not np.isnan(value)
    ]
    folder = workspace(
        framework__csv=TREE.format(**weights),
        units__csv="unit,name_en\n" + "".join(f"{unit},{unit}\n" for unit in facts),
        observations__csv="\n".join(["unit,indicator,period,value", *rows]) + "\n",
        method__toml=method,
    )
    return model_of(cg.assess(cg.open(folder)), spec)


def counted(of: Model, n=400, first=0, threads=1):
    return count(of, first, n, (0.0, 1.0), threads)


def same(one, other):
    assert one.n == other.n
    for part in ("ranks", "scores", "grades", "ahead"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part), err_msg=part)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("gaps", [False, True])
def test_rescaling_all_weights_changes_no_rank(workspace, name, gaps):
    found = counted(model(workspace, facts_of(gaps), SPECS[name]))
    larger = {code: weight * 7 for code, weight in WEIGHTS.items()}
    again = counted(model(workspace, facts_of(gaps), SPECS[name], larger))
    np.testing.assert_array_equal(again.ranks, found.ranks)
    np.testing.assert_array_equal(again.ahead, found.ahead)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("gaps", [False, True])
def test_permuting_units_permutes_the_rows(workspace, name, gaps):
    facts = facts_of(gaps)
    before = model(workspace, facts, SPECS[name])
    order = np.random.default_rng(9).permutation(list(facts)).tolist()
    after = model(workspace, {unit: facts[unit] for unit in order}, SPECS[name])
    rows = [before.units.index(unit) for unit in after.units]
    assert rows != sorted(rows)
    found, again = counted(before), counted(after)
    assert (found.ranks > 0).sum() > 2 * N_UNITS
    np.testing.assert_array_equal(again.ranks, found.ranks[rows])
    np.testing.assert_array_equal(again.scores, found.scores[rows])
    np.testing.assert_array_equal(again.ahead, found.ahead[np.ix_(rows, rows)])


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("limit", [0.0, 0.5])
def test_cutting_threads_and_blocks_change_no_bit(workspace, monkeypatch, name, limit):
    spec, method = SPECS[name], f"{METHOD}[aggregate]\nmin_availability = {limit}\n"
    of = model(workspace, facts_of(gaps=True), spec, method=method)
    whole = counted(of, 301)
    for edges in ([0, 1, 3, 301], [0, 256, 299, 301]):
        parts = [counted(of, high - low, low) for low, high in pairwise(edges)]
        same(reduce(add, reversed(parts)), whole)
    for size, threads in ((7, 1), (64, 2), (50, 3)):
        monkeypatch.setattr(simulate, "block_size", lambda _, size=size: size)
        same(counted(of, 301, threads=threads), whole)


@pytest.mark.parametrize("name", SPECS)
def test_scores_of_a_replication_do_not_hang_on_its_neighbours(workspace, name):
    of = model(workspace, facts_of(gaps=True), SPECS[name])
    draws = of.draws(0, 60)
    whole = of.run(draws)[0][:, :N_UNITS]
    order = np.random.default_rng(3).permutation(60)
    for row in order[:20]:
        alone = of.run(draws.part(slice(row, row + 1)))[0][:, :N_UNITS]
        np.testing.assert_array_equal(alone[0], whole[row])


@pytest.mark.parametrize("name", SPECS)
def test_a_unit_that_is_worse_in_everything_is_always_last_and_moves_nobody(workspace, name):
    facts = facts_of()
    found = counted(model(workspace, facts, SPECS[name]))
    worst = (np.min(list(facts.values()), axis=0) - 2).tolist()
    more = counted(model(workspace, {**facts, "worst": worst}, SPECS[name]))
    np.testing.assert_array_equal(more.ranks[:N_UNITS, :N_UNITS], found.ranks)
    assert more.ranks[N_UNITS].tolist() == [0] * N_UNITS + [400]
    assert (more.ahead[:N_UNITS, N_UNITS] == 400).all()


@pytest.mark.parametrize("name", SPECS)
def test_a_unit_dominated_by_one_other_is_never_ahead_of_it(workspace, name):
    facts = facts_of()
    facts["below"] = [value - 1 for value in facts["u03"]]
    found = counted(model(workspace, facts, SPECS[name]))
    assert found.ahead[3, N_UNITS] == 400
    assert found.ahead[N_UNITS, 3] == 0


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("gaps", [False, True])
def test_units_with_the_same_figures_always_tie(workspace, name, gaps):
    facts = facts_of(gaps)
    facts = {"twin": facts["u04"], **facts}
    of = model(workspace, facts, SPECS[name])
    found, one, other = counted(of), of.units.index("twin"), of.units.index("u04")
    np.testing.assert_array_equal(found.ranks[one], found.ranks[other])
    np.testing.assert_array_equal(found.scores[one], found.scores[other])
    assert found.ahead[one, other] == found.ahead[other, one] == 0


def test_the_draws_of_a_factor_do_not_hang_on_the_others(workspace):
    facts = facts_of()
    alone = model(workspace, facts, Spec(factor=(METHODS,))).draws(5, 50)
    leave = Factor(leave_out=LeaveOut(level=1))
    for others in ((DRAWS,), (leave, DRAWS)):
        for factors in ((METHODS, *others), (*others, METHODS)):
            draws = model(workspace, facts, Spec(factor=factors)).draws(5, 50)
            np.testing.assert_array_equal(draws.uniforms[METHODS.name], alone.uniforms[METHODS.name])
            np.testing.assert_array_equal(draws.levels[METHODS.name], alone.levels[METHODS.name])


def test_seeds_differ_and_zero_is_one_of_them(workspace):
    spec, facts = SPECS["methods"], facts_of()
    models = [model(workspace, facts, spec.model_copy(update={"seed": seed})) for seed in (0, 0, 1, 2)]
    drawn = [of.draws(0, 40).uniforms["weights"] for of in models]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    for i, one in enumerate(drawn[1:], 1):
        assert not any((one == other).any() for other in drawn[i + 1 :])
    same(counted(models[0]), counted(models[1]))
    assert (counted(models[1]).ranks != counted(models[2]).ranks).any()


def test_samples_of_one_factor_and_factors_of_one_sample_share_no_number(workspace):
    spec = Spec(factor=(DRAWS, Factor(name="more", weights=WeightDraws(share=0.1))))
    of = model(workspace, facts_of(), spec)
    a, b = of.draws(0, 200), of.draws(0, 200, "B")
    numbers = [each.ravel() for each in (*a.uniforms.values(), *b.uniforms.values())]
    joined = np.concatenate(numbers)
    assert np.unique(joined).size == joined.size
    assert joined.min() >= 0
    assert joined.max() < 1


def test_every_replication_of_every_unit_is_in_one_bin_of_each_histogram(workspace):
    of = model(workspace, facts_of(gaps=True), SPECS["indicators in or out"])
    found = count(of, 0, 500, score_span(of), 2)
    assert found.n == 500
    np.testing.assert_array_equal(found.scores.sum(axis=1), found.ranked)
    assert (found.ranked <= 500).all()
    total = found.ahead + found.ahead.T
    assert (total <= np.minimum.outer(found.ranked, found.ranked)).all()


def test_one_unit_is_first_in_every_replication(workspace):
    found = counted(model(workspace, {"u00": [50.0] * 6}, SPECS["weights"]))
    assert found.ranks.tolist() == [[400]]


def test_units_alike_in_everything_are_all_first(workspace):
    found = counted(model(workspace, {f"u{i:02d}": [40.0] * 6 for i in range(9)}, SPECS["weights"]))
    assert found.ranks[:, 0].tolist() == [400] * 9
    assert not found.ahead.any()
