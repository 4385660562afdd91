"""Intervals of weights by pencil and paper, against a dense grid, and against runs under other weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest

import citygauge as cg
from citygauge import InputError, Method
from citygauge.analyse.leave_out import leave_one_out
from citygauge.analyse.robust.stability import weight_stability
from citygauge.analyse.robust.stability_path import Ground
from conftest import SOURCED

FACTS = SOURCED.replace(",s\n", ",\n")
POSTS = Method(normalise={"how": "goalposts"})
GRADED = POSTS.replace(grades={"scale": "smart-2021"})
GRID = np.linspace(0, 1, 10_001)
SHARES = {"P": 0.5, "Q": 0.3, "R": 0.2, "a": 0.2, "b": 0.45, "c": 0.35, "d": 0.6, "e": 0.4, "f": 1.0}
PARENT = {"P": "I", "Q": "I", "R": "I", "a": "P", "b": "P", "c": "P", "d": "Q", "e": "Q", "f": "R"}
LEAVES = "abcdef"
TREE = "code,parent,name_zh,weight,direction,low,high\nI,,指数,,,,\n" + "".join(
    f"{code},{above},{code},{SHARES[code]},{'1,0,1' if code in LEAVES else ',,'}\n"
    for code, above in PARENT.items()
)


@pytest.fixture
def opened(workspace: Callable[..., Path]) -> Callable[..., cg.Workspace]:
    return lambda **files: cg.open(workspace(**{"observations__csv": FACTS, **files}))


@pytest.fixture
def of_figures(opened):
    """Return a function that opens a workspace of the tree above with the given figures, NaN left out."""

    def make(figures, **files):
        rows = [
            f"{unit},{code},{float(value)!r}\n"
            for unit, row in enumerate(figures)
            for code, value in zip(LEAVES, row, strict=True)
            if not np.isnan(value)
        ]
        units = "".join(f"{unit},城{unit}\n" for unit in range(len(figures)))
        texts = {
            "framework__csv": TREE,
            "units__csv": f"unit,name_zh\n{units}",
            "observations__csv": "unit,indicator,value\n" + "".join(rows),
        }
        return opened(**{**texts, **files})

    return make


def moved(code, weight, shares=SHARES, parent=PARENT):
    """Return shares with one changed, the siblings in proportion."""
    siblings = [other for other in shares if other != code and parent[other] == parent[code]]
    rest = sum(shares[other] for other in siblings)
    return shares | {code: weight} | {other: (1 - weight) * shares[other] / rest for other in siblings}


def under(result, code, weight):
    """Assess again with the weight of one node changed, as anybody would: through a set of weights."""
    framework = result.framework
    parent = {node.code: node.parent for node in framework if node.parent and not node.role}
    shares = {node: share for node, share in result.shares.items() if node in parent}
    sets = {**framework.weight_sets, "moved": moved(code, weight, shares, parent)}
    workspace = replace(result.workspace, framework=replace(framework, weight_sets=sets))
    return cg.assess(workspace, result.method.replace(weights="moved"))


def plain_mean(how, columns, weights):
    """Return the mean of columns ``(n, 1 or more)``, written out; gaps go with their weights."""
    total, parts = 0.0, 0.0
    for column, weight in zip(columns, weights, strict=True):
        known = ~np.isnan(column)
        filled = np.where(known, column, 1.0)
        term = {"arithmetic": filled, "geometric": np.log(filled), "harmonic": 1 / filled}[how]
        total, parts = total + weight * known * term, parts + weight * known
    mean = np.where(parts > 0, total / np.where(parts > 0, parts, 1), np.nan)
    return {"arithmetic": mean, "geometric": np.exp(mean), "harmonic": 1 / mean}[how]


def plain_index(figures, shares, lower="arithmetic", upper="arithmetic"):
    """Return the index of the tree above, written out; a share may be an array of weights."""
    pillars = []
    for pillar in "PQR":
        own = [code for code in LEAVES if PARENT[code] == pillar]
        columns = [figures[:, [LEAVES.index(code)]] for code in own]
        pillars.append(plain_mean(lower, columns, [shares[code] for code in own]))
    return plain_mean(upper, pillars, [shares[code] for code in "PQR"])


def plain_ends(states, at):
    """Return the ends of the stretch of the grid around column `at` in which a row is as it is there."""
    ends = []
    for row in states:
        other = np.flatnonzero(row != row[at])
        below, above = other[other < at], other[other > at]
        ends.append((GRID[below[-1]] if below.size else 0.0, GRID[above[0]] if above.size else 1.0))
    return np.array(ends)


def expected(figures, code, top, **how):
    """Return the ends for rank, grade and place in the top on a grid of 10,001 weights."""
    scores = plain_index(figures, moved(code, GRID[1:-1]), **how)
    scores = np.column_stack([scores[:, 0], scores, scores[:, -1]])
    ranks = 1 + (scores[None, :, :] > scores[:, None, :] + 1e-12).sum(axis=1)
    grades = (scores >= 0.85).astype(int) + (scores >= 0.7)
    at = int(np.rint(SHARES[code] * 10_000))
    is_first = ranks[:, at] <= top
    found = [plain_ends(states, at) for states in (ranks, grades, ranks <= top)]
    found[2] = np.where(is_first[:, None], found[2], np.nan)
    return np.stack(found)


def holds(result, found, unit, kind, at):
    """Tell whether a unit is as it was in a run under another weight."""
    if kind == "rank":
        return at.ranks[unit, 0] == result.ranks[unit, 0]
    return at.ranks[unit, 0] <= found.top if kind == "top" else at.grades[unit] == result.grades[unit]


def check_ends(result, found, step=2e-6):
    """Run again just inside and just outside of every end."""
    for column, code in enumerate(found.codes):
        runs = {}
        for k, kind in enumerate(("rank", "grade", "top")):
            for unit, (low, high) in enumerate(found.intervals[k, :, column]):
                if np.isnan(low):
                    continue
                # Where an interval is shorter than a step there is nothing inside.
                sides = [(low, -1.0, 0.0), (high, 1.0, 1.0)]
                for end, out, limit in sides:
                    for weight, inside in ((end - out * step, True), (end + out * step, False)):
                        if not inside and abs(end - limit) < 1e-12:
                            continue
                        if inside and high - low < 2 * step:
                            continue
                        if not 0 < weight < 1:
                            continue
                        if weight not in runs:
                            runs[weight] = under(result, code, weight)
                        told = holds(result, found, unit, kind, runs[weight])
                        assert told == inside, (code, kind, unit, weight)


def test_two_pillars_by_hand(opened):
    """With weight w of P: 0.5 + 0.3 w, 0.7 - 0.15 w and 0.3 - 0.1 w; the first two cross at 4/9."""
    found = weight_stability(opened(), codes=["P", "Q"], top=1)
    assert found.weights.tolist() == pytest.approx([0.6, 0.4])
    assert found.exact.all()
    ranks = found.intervals[0]
    np.testing.assert_allclose(ranks[:, 0], [[4 / 9, 1], [4 / 9, 1], [0, 1]], rtol=1e-13)
    np.testing.assert_allclose(ranks[:, 1], [[0, 5 / 9], [0, 5 / 9], [0, 1]], rtol=1e-13)
    assert found.intervals[2, 0, 0].tolist() == pytest.approx([4 / 9, 1])
    assert np.isnan(found.intervals[2, 1:]).all()  # one place, and unit 1 has it
    shown = found.table.filter(code="P").select("unit_code", "kind", "value", "weight", "low", "high")
    assert shown.rows() == [
        ("1", "rank", "1", 0.6, pytest.approx(4 / 9), 1.0), ("1", "top", "1", 0.6, pytest.approx(4 / 9), 1.0),
        ("2", "rank", "2", 0.6, pytest.approx(4 / 9), 1.0), ("3", "rank", "3", 0.6, 0.0, 1.0),
    ]  # fmt: skip
    row = found.nodes.row(0, named=True)
    assert (row["ranks_low"], row["ranks_high"]) == (pytest.approx(4 / 9), 1.0)
    assert (row["first_low"], row["first_high"]) == (pytest.approx(4 / 9), 1.0)
    assert (row["grades_low"], row["grades_high"]) == (None, None)


def test_a_grade_by_hand(opened):
    """Unit 1 is pioneering from 0.7 = 0.5 + 0.3 w, that is 2/3; unit 2 comes to 0.7 at 0 alone."""
    found = weight_stability(cg.assess(opened(), GRADED), codes=["P"])
    np.testing.assert_allclose(found.intervals[1, :, 0], [[0, 2 / 3], [0, 1], [0, 1]], atol=1e-12)
    assert found.table.filter(kind="grade")["value"].to_list() == ["exploring"] * 3
    row = found.nodes.row(0, named=True)
    assert (row["grades_low"], row["grades_high"]) == (0.0, pytest.approx(2 / 3))


def test_below_a_pillar_by_hand(opened):
    """Unit 2 has 0.58 + 0.06 w and unit 3 has 0.12 + 0.24 w of a in P: nothing comes near the 0.68 of 1."""
    found = weight_stability(opened(), codes=["a"])
    assert found.intervals[0, :, 0].tolist() == [[0, 1]] * 3
    assert found.table["weight"].unique().to_list() == [0.5]


@pytest.mark.parametrize("seed", range(3))
def test_straight_lines_end_where_a_dense_grid_does(of_figures, seed):
    figures = np.random.default_rng(seed).uniform(0.4, 1, (9, 6))
    found = weight_stability(cg.assess(of_figures(figures), GRADED), top=3)
    assert found.codes == ("P", "a", "b", "c", "Q", "d", "e", "R")  # f is all that R is made of
    assert found.exact.all()
    for column, code in enumerate(found.codes):
        want = expected(figures, code, 3)
        np.testing.assert_allclose(found.intervals[:, :, column], want, atol=1.01e-4)
    check_ends(found.result, weight_stability(found.result, codes=["Q", "b"], top=3), step=1e-9)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [("geometric", "geometric"), ("harmonic", "arithmetic"), ("arithmetic", "geometric")],
)
def test_curves_end_where_a_dense_grid_does(of_figures, lower, upper):
    figures = np.random.default_rng(7).uniform(0.4, 1, (9, 6))
    method = GRADED.replace(aggregate={"how": lower, "by": {"0": {"how": upper}}})
    found = weight_stability(cg.assess(of_figures(figures), method), top=3)
    curved = [code for code in found.codes if not found.exact[found.codes.index(code)]]
    assert curved == [code for code in found.codes if upper != "arithmetic" or code in LEAVES]
    for column, code in enumerate(found.codes):
        want = expected(figures, code, 3, lower=lower, upper=upper)
        np.testing.assert_allclose(found.intervals[:, :, column], want, atol=1.02e-4)
    check_ends(found.result, weight_stability(found.result, codes=["P", "d"], top=3))


def test_who_leaves_the_first_for_a_moment_is_seen_to_leave(opened):
    """Logarithms are straight lines: 2 passes 1 at 0.503, and at 0.506 1 passes 3 and is second again."""
    scores = {"1": (0.5, 0.5), "2": (0.5 * exp(0.497), 0.5 * exp(-0.503))}
    scores["3"] = 0.5 * exp(-0.494), 0.5 * exp(0.506)
    facts = "unit,indicator,value\n" + "".join(
        f"{unit},a,{100 * own[0]!r}\n{unit},b,{10 - 10 * own[0]!r}\n{unit},c,{100 * own[1]!r}\n"
        for unit, own in scores.items()
    )
    even = "code,weight\nP,1\nQ,1\na,1\nb,1\nc,1\n"
    workspace = opened(observations__csv=facts, **{"weights/even.csv": even})
    result = cg.assess(workspace, POSTS.replace(weights="even", aggregate={"how": "geometric"}))
    found = weight_stability(result, codes=["P"], top=2)
    assert result.ranks[:, 0].tolist() == [2, 3, 1]
    np.testing.assert_allclose(found.intervals[2, 0, 0], [0, 0.503], atol=1e-6)
    np.testing.assert_allclose(found.intervals[0, :, 0], [[0, 0.503], [0, 0.503], [0, 0.5045]], atol=1e-6)


def test_gaps_that_shift_weights_end_where_a_dense_grid_does(of_figures):
    figures = np.random.default_rng(3).uniform(0.4, 1, (9, 6))
    figures[[0, 2, 5], [0, 1, 5]] = np.nan
    found = weight_stability(cg.assess(of_figures(figures), GRADED), top=3)
    exact = dict(zip(found.codes, found.exact.tolist(), strict=True))
    assert [code for code in found.codes if not exact[code]] == ["P", "a", "b", "c", "Q"]
    for column, code in enumerate(found.codes):
        np.testing.assert_allclose(found.intervals[:, :, column], expected(figures, code, 3), atol=1.02e-4)


@pytest.mark.parametrize(
    "aggregate",
    [
        {"how": "median"}, {"how": "owa", "orness": 0.4}, {"how": "topsis"}, {"how": "copeland"},
        {"how": "generalised", "power": 2}, {"how": "arithmetic", "by": {"0": {"how": "mpi"}}},
    ],
    ids=lambda each: f"{each['how']}{len(each)}",
)  # fmt: skip
def test_whatever_the_mean_runs_under_other_weights_agree_with_the_ends(of_figures, aggregate):
    figures = np.random.default_rng(11).uniform(0.4, 1, (6, 6))
    result = cg.assess(of_figures(figures), GRADED.replace(aggregate=aggregate))
    found = weight_stability(result, codes=["P", "c"], top=2)
    assert not found.exact.any()
    check_ends(result, found)


@pytest.mark.parametrize("how", ["arithmetic", "geometric", "harmonic", "median", "topsis"])
def test_the_index_under_another_weight_is_that_of_a_run(of_figures, how):
    figures = np.random.default_rng(5).uniform(0, 1, (7, 6))
    figures[[0, 3, 3], [1, 3, 4]] = np.nan
    figures[1, 2] = 0.0
    method = POSTS.replace(aggregate={"how": how, "min_availability": 0.6})
    result = cg.assess(of_figures(figures), method)
    for code in ("P", "b", "d"):
        path = Ground.of(result).path(code)
        weights = np.array([0.1, 0.5, 0.93, path.weight])
        want = np.column_stack([under(result, code, weight).index for weight in weights])
        np.testing.assert_allclose(path.under(weights), want, rtol=1e-12)
        np.testing.assert_allclose(path.under(weights)[:, -1], result.index, rtol=1e-12)


def test_a_bonus_and_the_limit_of_full_marks_bend_the_line(opened):
    tree = (
        "code,parent,name_zh,direction,low,high,points,role\nI,,指数,,,,,\na,I,甲,1,0,100,60,\n"
        "c,I,丙,1,0,100,40,\nb,I,乙,1,0,10,30,bonus\n"
    )
    result = cg.assess(opened(framework__csv=tree), GRADED)
    found = weight_stability(result)
    assert found.codes == ("a", "c")
    assert not found.exact.any()
    check_ends(result, found)
    # Unit 1 has 0.5 + 0.3 w + 0.06, unit 2 has 0.7 - 0.1 w + 0.15, unit 3 0.3 + 0.1 w + 0.3: 0.6 at present.
    np.testing.assert_allclose(found.intervals[0, :, 0], [[0.2, 0.725], [0, 0.725], [0.2, 1]], atol=1e-6)
    np.testing.assert_allclose(found.intervals[1, 0, 0], [0.14 / 0.3, 0.29 / 0.3], atol=1e-6)


def test_a_weight_of_0_is_the_node_left_out(of_figures):
    result = cg.assess(of_figures(np.random.default_rng(6).uniform(0.2, 1, (5, 6))))
    for how in ("arithmetic", "geometric", "median"):
        result = cg.assess(result.workspace, POSTS.replace(aggregate={"how": how}))
        want = leave_one_out(result, codes=["P", "b"]).scores
        for column, code in enumerate(("P", "b")):
            found = Ground.of(result).path(code).under(np.zeros(1))
            np.testing.assert_allclose(found[:, 0], want[:, column], rtol=1e-12)


def test_a_veto_ends_where_runs_do(opened):
    tree = (
        "code,parent,name_zh,direction,low,high,points,role\nI,,指数,,,,100,\na,I,甲,1,0,100,60,\n"
        "c,I,丙,1,0,100,40,\nb,I,乙,1,0,10,60,veto\n"
    )
    facts = FACTS.replace("1,b,2023,2", "1,b,2023,0").replace("3,b,2023,10", "3,b,2023,0")
    result = cg.assess(opened(framework__csv=tree, observations__csv=facts), GRADED)
    assert result.index.tolist() == pytest.approx([0.68, 0.6, 0.36])  # a veto on unit 2, which had 0.64
    found = weight_stability(result, codes=["a"])
    # Unit 1 has 0.5 + 0.3 w, unit 2 0.7 - 0.1 w and at most 0.6.
    np.testing.assert_allclose(found.intervals[0, :2, 0], [[1 / 3, 1]] * 2, atol=1e-6)
    check_ends(result, found)


def test_a_unit_alone_stays_what_it_is(of_figures):
    found = weight_stability(of_figures(np.full((1, 6), 0.5)))
    assert (found.intervals[[0, 2]] == [0.0, 1.0]).all()
    assert np.isnan(found.intervals[1]).all()
    assert found.nodes.select("ranks_low", "ranks_high", "first_low", "first_high").unique().rows() == [
        (0.0, 1.0, 0.0, 1.0)
    ]


@pytest.mark.parametrize("how", ["arithmetic", "geometric"])
def test_units_alike_share_their_rank_all_along(of_figures, how):
    figures = np.array([[0.3, 0.1, 0.7, 0.9, 0.2, 0.6]] * 3 + [[0.1] * 6])
    result = cg.assess(of_figures(figures), POSTS.replace(aggregate={"how": how}))
    assert result.ranks[:, 0].tolist() == [1, 1, 1, 4]
    found = weight_stability(result)
    np.testing.assert_array_equal(found.intervals[0, :, :, 0], 0)
    np.testing.assert_array_equal(found.intervals[0, :, :, 1], 1)


@pytest.mark.parametrize("how", ["arithmetic", "geometric"])
def test_a_tie_at_the_present_weight_alone_ends_there_for_who_falls(opened, how):
    facts = "unit,indicator,value\n" + "".join(
        f"{unit},{code},{value}\n"
        for unit, values in (("1", (80, 2, 20)), ("2", (20, 8, 80)))
        for code, value in zip("abc", values, strict=True)
    )
    even = "code,weight\nP,1\nQ,1\na,1\nb,1\nc,1\n"
    workspace = opened(observations__csv=facts, **{"weights/even.csv": even})
    result = cg.assess(workspace, POSTS.replace(weights="even", aggregate={"how": how}))
    found = weight_stability(result, codes=["P"])
    np.testing.assert_allclose(found.intervals[0, :2, 0], [[0.5, 1], [0, 0.5]], atol=1e-6)
    row = found.nodes.row(0, named=True)
    assert (row["first_low"], row["first_high"]) == (pytest.approx(0.5), pytest.approx(0.5))


def test_a_weight_of_0_moves_up_alone(opened):
    """Without Q unit 1 has 0.8 - 0.3 w, unit 2 has 0.55 + 0.15 w: they cross at 5/9."""
    sets = {"weights/one.csv": "code,weight\nP,1\nQ,0\na,1\nb,1\nc,1\n"}
    result = cg.assess(opened(**sets), POSTS.replace(weights="one"))
    found = weight_stability(result, codes=["P", "Q"])
    assert found.codes == ("Q",)
    assert found.weights.tolist() == [0.0]
    np.testing.assert_allclose(found.intervals[0, :, 0], [[0, 5 / 9], [0, 5 / 9], [0, 1]])
    assert [(p.code, p.values["codes"]) for p in found.warnings] == [("stability.alone", ["P"])]
    assert weight_stability(result).warnings == ()


def test_a_weight_of_0_under_which_a_unit_had_no_score_keeps_no_rank_it_pushes_down(opened):
    facts = "unit,indicator,value\n1,a,40\n1,b,6\n1,c,40\n2,a,60\n2,b,4\n2,c,60\n3,c,90\n"
    sets = {"weights/one.csv": "code,weight\nP,1\nQ,0\na,1\nb,1\nc,1\n"}
    result = cg.assess(opened(observations__csv=facts, **sets), POSTS.replace(weights="one"))
    assert result.ranks[:, 0].tolist() == [2, 1, 0]
    found = weight_stability(result, codes=["Q"])
    assert found.intervals[0, :2, 0].tolist() == [[0, 0], [0, 0]]
    assert found.table.filter(unit_code="3").select("value", "low", "high").rows() == [(None, None, None)]


def test_a_unit_without_the_node_does_not_move_with_it(opened):
    facts = FACTS.replace("3,c,2023,30", "3,c,2023,")
    found = weight_stability(opened(observations__csv=facts), codes=["P"])
    assert found.exact.all()  # 0.2 all along
    np.testing.assert_allclose(found.intervals[0, :, 0], [[4 / 9, 1], [4 / 9, 1], [0, 1]])


def test_scores_that_are_all_0_keep_every_rank(of_figures):
    for how in ("arithmetic", "geometric"):
        result = cg.assess(of_figures(np.zeros((3, 6))), POSTS.replace(aggregate={"how": how}))
        assert (weight_stability(result).intervals[0] == [0.0, 1.0]).all()


def test_the_first_may_change_places_among_themselves(of_figures):
    figures = np.random.default_rng(2).uniform(0.4, 1, (12, 6))
    found = weight_stability(of_figures(figures), top=4)
    first = found.result.ranks[:, 0] <= 4
    rank, _, top = found.intervals[:, first]
    assert (top[..., 0] <= rank[..., 0]).all()
    assert (top[..., 1] >= rank[..., 1]).all()
    assert (top != rank).any()
    assert np.isnan(found.intervals[2, ~first]).all()


def test_with_strata_the_mean_over_them_is_held_against_runs(opened):
    inside = {
        "framework__toml": 'strata = "event"\n',
        "rollups__csv": "code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,best\n",
        "subjects__csv": "subject,unit,kind,event\ns,1,site,Birth\nt,1,site,Work\nu,2,site,Birth\n",
        "observations__csv": (
            "unit,indicator,value,subject\n1,a,80,s\n1,c,50,s\n1,a,20,t\n1,c,90,t\n2,a,70,u\n2,b,7,u\n"
        ),
    }
    result = cg.assess(opened(**inside), GRADED)
    found = weight_stability(result, codes=["P", "a"])
    path = Ground.of(result).path("a")
    want = under(result, "a", 0.3).index
    np.testing.assert_allclose(path.under(np.array([0.3]))[:, 0], want, rtol=1e-12)
    check_ends(result, found)


def test_on_illustrative_data_names_are_neutral_and_grades_are_not_told(opened):
    workspace = opened(assessment__toml='framework = "framework.csv"\nillustrative = true\n')
    found = weight_stability(cg.assess(workspace, GRADED), codes=["P"])
    assert set(found.table["unit_code"]) == {f"示意城市 0{i}" for i in (1, 2, 3)}
    assert found.table.filter(kind="grade")["value"].to_list() == [None] * 3
    assert "notice" in found.table.columns
    assert "notice" in found.nodes.columns
    assert "苏州" not in repr(found)


def test_all_that_is_wrong_is_told_at_once(opened):
    with pytest.raises(InputError) as caught:
        weight_stability(opened(), codes=["x", "I", "P"], top=0)
    codes = [problem.code for problem in caught.value.problems]
    assert codes == ["analyse.bad-count", "compare.unknown-node", "stability.no-weight"]


def test_nothing_to_move_leaves_empty_tables(opened):
    tree = "code,parent,name_zh,direction,low,high\nI,,指数,,,\na,I,甲,1,0,100\n"
    facts = "unit,indicator,value\n1,a,80\n2,a,60\n"
    found = weight_stability(opened(framework__csv=tree, observations__csv=facts), codes=["a"])
    assert (found.codes, found.table.height, found.nodes.height) == ((), 0, 0)
    assert [problem.code for problem in found.warnings] == ["stability.alone"]
