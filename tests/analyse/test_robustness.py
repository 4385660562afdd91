"""A robustness run against the public steps: every replication assessed alone, and counted by plain loops."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from math import ceil

import numpy as np
import polars as pl
import pytest
from scipy import stats

import citygauge as cg
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.robustness import robustness
from citygauge.analyse.robust.simulate import count, score_span
from citygauge.analyse.robust.spec import Spec

N = 20
UNITS = 9
PARENT = {"P": "I", "Q": "I", "R": "I", "a": "P", "b": "P", "c": "P", "d": "Q", "e": "Q", "f": "R"}
TREE = """\
code,parent,name_zh,weight,direction,low,high,denominator
I,,指数,,,,,
P,I,甲,0.5,,,,
Q,I,乙,0.3,,,,
R,I,丙,0.2,,,,
a,P,a,0.2,1,0,100,
b,P,b,0.45,-1,0,12,
c,P,c,0.35,1,0,80,
d,Q,d,0.6,1,0,9,size
e,Q,e,0.4,1,0,1,
f,R,f,1,-1,0,400,
"""
SETS = "set,code,weight\n" + "".join(
    f"{name},{code},{weight}\n"
    for name, own in {
        "one": {"P": 1, "Q": 1, "R": 1, "I": 1},
        "02": {"P": 5, "Q": 2, "R": 3, "a": 0, "b": 1, "c": 3},
        "drei": {"d": 1, "e": 3},
    }.items()
    for code, weight in own.items()
)
GRADED = '[grades]\nscale = "smart-2021"\n'
POSTS = '[normalise]\nhow = "goalposts"\n'


def figures(gaps=0.0, seed=5):
    """Return raw figures of all units and leaves; the outlier of `c` calls for treatment."""
    rng = np.random.default_rng(seed)
    top = {"a": 100, "b": 12, "c": 20, "d": 90, "e": 1, "f": 400}
    found = {code: rng.uniform(0.15, 0.9, UNITS) * most for code, most in top.items()}
    found["c"][3] = 79.5
    lost = rng.random((UNITS, len(top))) < gaps
    return {
        (f"u{i}", code): float(found[code][i])
        for i in range(UNITS)
        for j, code in enumerate(found)
        if not lost[i, j]
    }


def facts_of(cells):
    return "unit,indicator,value\n" + "".join(f"{u},{c},{v!r}\n" for (u, c), v in cells.items())


@pytest.fixture
def opened(workspace):
    """Return a function that opens a workspace of nine units, with gaps where asked for."""

    def make(method=POSTS, gaps=0.0, **files):
        side = ("east", "west", "north")
        units = "".join(f"u{i},城{i},{5 + i},{side[i % 3]}\n" for i in range(UNITS))
        given = {
            "framework__csv": TREE, "units__csv": f"unit,name_zh,size,side\n{units}", "method__toml": method,
            "observations__csv": facts_of(figures(gaps)), "sets__csv": SETS,
        }  # fmt: skip
        return cg.open(workspace(**{**given, **files}))

    return make


def numbers(seed, factor, width, first, n, matrix="A"):
    """Return the uniform numbers of a factor: Philox by the name, read from its beginning."""
    digest = hashlib.sha256(f"{matrix}\0{factor}".encode()).digest()[:8]
    stream = np.random.Generator(np.random.Philox(key=[seed, int.from_bytes(digest, "big")]))
    return stream.random((first + n, 4 * ceil(width / 4)))[first:, :width]


def level_of(u, odds):
    """Return on which of the levels a number falls, each as wide as its part of the odds."""
    reached = 0.0
    for level, part in enumerate(odds):
        reached += part / sum(odds)
        if u < reached:
            return level
    return len(odds) - 1


class Oracle:
    """What each replication should be, by the public steps alone."""

    def __init__(self, workspace, spec, first=0, n=N):
        self.workspace, self.spec, self.first, self.n = workspace, spec, first, n
        self.base = cg.assess(workspace)
        tree = workspace.framework
        self.nodes = [c for c in tree.codes[1:] if len(tree.counted(tree[c].parent)) > 1 and not tree[c].role]
        self.runs = [self.assessed(r) for r in range(n)]

    def drawn(self, factor, width):
        return numbers(self.spec.seed, factor.name, width, self.first, self.n)

    def assessed(self, r):
        workspace, method, tree = self.workspace, self.workspace.method, self.workspace.framework
        for factor in self.spec.factor:
            if factor.key:
                method = method.replace(**{factor.key: self.chosen(factor, r)})
            elif factor.draws:
                level = level_of(self.drawn(factor, 1)[r, 0], [1] * factor.draws)
                method = method.replace(**{"impute.draw": level + 1})
        has_settings = any(factor.key for factor in self.spec.factor)
        shares = (cg.assess(workspace, method) if has_settings else self.base).shares
        weights = {code: share for code, share in shares.items() if not tree[code].role}
        for factor in self.spec.factor:
            if factor.weights:
                weights = self.weighed(factor, r, weights)
            elif factor.leave_out:
                names = self.about(factor.leave_out)
                level = level_of(self.drawn(factor, 1)[r, 0], [1] * (len(names) + 1))
                weights = {
                    code: 0.0 if [code] == names[level - 1 : level] else w for code, w in weights.items()
                }
            elif factor.data:
                workspace = self.perturbed(factor, r, workspace)
        framework = replace(tree, weight_sets={**tree.weight_sets, "drawn": weights})
        return cg.assess(replace(workspace, framework=framework), method.replace(weights="drawn"))

    def chosen(self, factor, r):
        return factor.values[level_of(self.drawn(factor, 1)[r, 0], factor.odds or [1] * len(factor.values))]

    def about(self, rule):
        levels = [rule.level] if getattr(rule, "level", None) else getattr(rule, "levels", ())
        tree = self.workspace.framework
        return [
            c for c in self.nodes
            if (not levels or tree.levels[c] in levels) and (not rule.codes or c in rule.codes)
        ]  # fmt: skip

    def weighed(self, factor, r, weights):
        rule, tree = factor.weights, self.workspace.framework
        if rule.sets:
            names = ["one", "02", "drei"]
            wanted = names[level_of(self.drawn(factor, 1)[r, 0], [1, 1, 1])]
            rows = [line.split(",") for line in SETS.splitlines()[1:]]
            own = {code: float(weight) for name, code, weight in rows if name == wanted}
            default = {node.code: node.weight for node in tree if node.parent}
            return {code: own.get(code, default[code]) for code in weights}
        names = self.about(rule)
        u = dict(zip(names, self.drawn(factor, len(names))[r], strict=True))
        if rule.share:
            return {c: w * (1 + rule.share * (2 * u[c] - 1)) if c in u else w for c, w in weights.items()}
        found = dict(weights)
        for parent in {tree[code].parent for code in names}:
            own = [code for code in names if tree[code].parent == parent]
            gamma = {c: stats.gamma.ppf(u[c], weights[c] * rule.concentration) for c in own}
            part = sum(weights[c] for c in own) / sum(gamma.values())
            found |= {c: gamma[c] * part for c in own}
        return found

    def perturbed(self, factor, r, workspace):
        cells = figures(self.gaps)
        order = [(u, c) for u in self.base.derived.units for c in self.base.derived.codes if (u, c) in cells]
        order = [cell for cell in order if cell[0] in self.base.units.codes]
        sd = {cell: self.sd(factor, *cell, cells[cell]) for cell in order}
        order = [cell for cell in order if sd[cell] > 0]
        u = self.drawn(factor, len(order))[r]
        moved = {cell: cells[cell] + sd[cell] * stats.norm.ppf(p) for cell, p in zip(order, u, strict=True)}
        frame = workspace.observations.frame
        values = [moved.get((u, c), v) for u, c, v in frame.select("unit", "indicator", "value").iter_rows()]
        own = frame.with_columns(value=pl.Series(values, dtype=frame.schema["value"]))
        return replace(workspace, observations=replace(workspace.observations, frame=own))

    gaps = 0.0

    @staticmethod
    def sd(factor, unit, code, value):
        if factor.data.se:
            return 0.02 * (1 + int(unit[1:])) * value if code in "ad" else 0.0
        return factor.data.by.get(code, factor.data.relative or 0.0) * abs(value)

    @property
    def scores(self):
        """The index of every unit of the published ranking in every replication; NaN without one."""
        found = np.full((self.n, len(self.base.units)), np.nan)
        for row, run in zip(found, self.runs, strict=True):
            own = dict(zip(run.units.codes, run.aggregated.values[:, 0], strict=True))
            row[:] = [own.get(unit, np.nan) for unit in self.base.units.codes]
        return found

    @property
    def ranks(self):
        """The ranks among the units of the published ranking; 0 without one."""
        found = np.zeros((self.n, len(self.base.units)), int)
        for row, scores in zip(found, self.scores, strict=True):
            steps = np.nanmax(scores) - np.nanmin(scores)
            ties = np.round(scores / (steps * 2.0**-40)) if steps else np.zeros_like(scores)
            row[:] = [0 if np.isnan(own) else 1 + int((ties > own).sum()) for own in ties]
        return found

    @property
    def grades(self):
        ids = [grade.id for grade in self.base.scale.grades]
        found = np.full((self.n, len(self.base.units)), -1)
        for row, run in zip(found, self.runs, strict=True):
            own = dict(zip(run.units.codes, run.grades, strict=True))
            row[:] = [ids.index(own[u]) if own.get(u) else -1 for u in self.base.units.codes]
        return found


WEIGHTS = {"weights": {"share": 0.5}}
LEVELLED = [
    {"name": "pillars", "weights": {"share": 0.9, "levels": [1]}},
    {"name": "below", "weights": {"concentration": 8, "levels": [2]}},
]
HOW = {"key": "normalise.how", "values": ["goalposts", "minmax", "rank"], "odds": [1, 3, 2]}
SCREEN = '[screen]\nmin_availability = 0.6\n[impute]\nhow = "group_mean"\ngroup = "side"\n'
ITERATIVE = '[impute]\nhow = "iterative"\n'
CASES = {
    "one weight factor": (POSTS + GRADED, 0.0, [WEIGHTS]),
    "levels and Dirichlet": (POSTS + GRADED, 0.0, LEVELLED),
    "Dirichlet of some siblings": (
        POSTS,
        0.0,
        [{"weights": {"concentration": 3, "codes": ["P", "R", "a", "b"]}}],
    ),
    "Dirichlet, then shares, then left out": (
        POSTS,
        0.0,
        [{"name": "d", "weights": {"concentration": 20}}, WEIGHTS, {"leave_out": {"level": 2}}],
    ),
    "left out before shares": (POSTS, 0.0, [{"leave_out": {"codes": ["P", "a", "e"]}}, WEIGHTS]),
    "sets and shares": (
        POSTS,
        0.0,
        [{"weights": {"sets": "sets.csv"}}, {"name": "share", "weights": {"share": 0.2}}],
    ),
    "weights by name": (
        POSTS,
        0.0,
        [{"key": "weights", "values": ["default", "equal", "by_count"]}, LEVELLED[0]],
    ),
    "weights from the data": (
        POSTS,
        0.0,
        [{"key": "weights", "values": ["equal", "entropy", "critic"]}, HOW],
    ),
    "settings": (POSTS, 0.0, [HOW, {"key": "aggregate.how", "values": ["arithmetic", "harmonic"]}, WEIGHTS]),
    "tables of settings": (
        POSTS,
        0.0,
        [
            {
                "key": "normalise",
                "values": [{"how": "minmax", "low": 1.0, "high": 5.0}, {"how": "goalposts"}],
            },
            {"key": "aggregate.by.1", "values": [{"how": "geometric"}, {"how": "arithmetic"}]},
            {"key": "aggregate.by.0", "values": [{"how": "geometric"}, {"how": "arithmetic"}]},
            *LEVELLED,
        ],
    ),
    "gaps": (POSTS + GRADED, 0.25, [WEIGHTS, {"leave_out": {"level": 2}}]),
    "gaps under geometric means": (
        POSTS + '[aggregate]\nhow = "geometric"\n',
        0.25,
        [WEIGHTS, {"leave_out": {"level": 2}}],
    ),
    "gaps with a limit": (
        POSTS + "[aggregate]\nmin_availability = 0.6\n",
        0.3,
        [WEIGHTS, {"leave_out": {"level": 2}}],
    ),
    "screening and treatment": (
        SCREEN.replace("0.6", "0.0") + POSTS,
        0.25,
        [
            {"key": "screen.min_availability", "values": [0.0, 0.5, 0.67]},
            {"key": "treat.how", "values": ["none", "winsorise_then"]},
            {**HOW, "values": ["minmax", "zscore", "rank"]},
        ],
    ),
    "units that a looser screen keeps": (
        SCREEN.replace("0.6", "0.8") + POSTS,
        0.25,
        [
            {"key": "screen.min_availability", "values": [0.0, 0.8]},
            {**HOW, "values": ["minmax", "zscore", "rank"]},
        ],
    ),
    "imputation": (POSTS, 0.2, [{"key": "impute.how", "values": ["none", "mean", "median"]}, WEIGHTS]),
    "draws of imputations": (ITERATIVE + POSTS, 0.15, [{"draws": 4}, WEIGHTS]),
    "outranking": (POSTS, 0.0, [{"key": "aggregate.how", "values": ["copeland", "arithmetic"]}, WEIGHTS]),
    "data": (POSTS + GRADED, 0.0, [{"data": {"relative": 0.05, "by": {"b": 0.0, "c": 0.1}}}]),
    "data, weights and settings": (POSTS, 0.0, [{"data": {"relative": 0.05}}, {**HOW, "odds": []}, WEIGHTS]),
    "data with gaps": (SCREEN + POSTS, 0.2, [{"data": {"relative": 0.05}}, {**HOW, "odds": []}]),
    "data under geometric means": (
        POSTS.replace("goalposts", "minmax") + "low = 1\n" + '[aggregate]\nhow = "geometric"\n',
        0.2,
        [{"data": {"relative": 0.05}}, WEIGHTS],
    ),
}


class GappyOracle(Oracle):
    """An oracle of figures with a share of gaps."""

    def __init__(self, gaps, *given, **more):
        self.gaps = gaps
        super().__init__(*given, **more)


@pytest.fixture
def case(opened):
    def make(name, first=0, n=N, seed=7):
        method, gaps, factors = CASES[name]
        workspace = opened(method, gaps)
        spec = Spec(n=n, seed=seed, samples=0, top=3, factor=factors)
        return GappyOracle(gaps, workspace, spec, first, n), spec

    return make


@pytest.mark.parametrize("name", CASES)
def test_each_replication_is_what_the_public_steps_make_of_it(case, name):
    n = 8 if name == "draws of imputations" else N  # each takes an imputation by regressions
    oracle, spec = case(name, n=n)
    model = model_of(oracle.base, spec)
    scores, _ = model.run(model.draws(0, n))
    np.testing.assert_allclose(scores[:, : len(oracle.base.units)], oracle.scores, rtol=1e-9, atol=1e-9)
    assert len(np.unique(oracle.scores.round(9), axis=0)) > 1
    found = robustness(oracle.base, spec)
    expected = plain_counts(oracle)
    assert found.counts.n == n
    np.testing.assert_array_equal(found.counts.ranks, expected["ranks"])
    np.testing.assert_array_equal(found.counts.ahead, expected["ahead"])
    assert found.counts.ranked.tolist() == (oracle.ranks > 0).sum(axis=0).tolist()
    if oracle.base.scale:
        np.testing.assert_array_equal(found.counts.grades, expected["grades"])


def plain_counts(oracle):
    """Count by loops."""
    n_units = len(oracle.base.units)
    ranks, ahead = np.zeros((n_units, n_units), int), np.zeros((n_units, n_units), int)
    grades = np.zeros((n_units, 3), int)
    for own in oracle.ranks:
        for i in range(n_units):
            if own[i]:
                ranks[i, own[i] - 1] += 1
            for j in range(n_units):
                ahead[i, j] += bool(own[i] and own[j] and own[i] < own[j])
    for own in oracle.grades if oracle.base.scale else ():
        for i in range(n_units):
            if own[i] >= 0:
                grades[i, own[i]] += 1
    return {"ranks": ranks, "ahead": ahead, "grades": grades}


def test_replications_from_any_number_on_are_those_of_the_whole(case):
    oracle, spec = case("settings", first=1000, n=10)
    model = model_of(oracle.base, spec)
    scores, _ = model.run(model.draws(1000, 10))
    np.testing.assert_allclose(scores[:, :UNITS], oracle.scores, rtol=1e-9)


def test_numbers_of_a_factor_do_not_depend_on_the_factors_beside_it(opened):
    result = cg.assess(opened())
    alone = model_of(result, Spec(factor=[WEIGHTS])).draws(5, 9).uniforms["weights"]
    beside = model_of(result, Spec(factor=[HOW, WEIGHTS])).draws(5, 9).uniforms["weights"]
    assert (alone == beside).all()
    assert (alone == numbers(1, "weights", 8, 5, 9)).all()
    other = model_of(result, Spec(factor=[WEIGHTS])).draws(5, 9, "B").uniforms["weights"]
    assert (other == numbers(1, "weights", 8, 5, 9, "B")).all()
    assert (other != alone).all()


def test_standard_errors_of_the_observations_are_those_that_are_drawn(opened):
    cells = figures()
    lines = [
        f"{u},{c},{v!r},{0.02 * (1 + int(u[1:])) * v!r}\n" if c in "ad" else f"{u},{c},{v!r},\n"
        for (u, c), v in cells.items()
    ]
    workspace = opened(observations__csv="unit,indicator,value,se\n" + "".join(lines))
    spec = Spec(n=N, seed=3, factor=[{"data": {"se": True}}, LEVELLED[0]])
    oracle = GappyOracle(0.0, workspace, spec)
    model = model_of(oracle.base, spec)
    scores, _ = model.run(model.draws(0, N))
    np.testing.assert_allclose(scores[:, :UNITS], oracle.scores, rtol=1e-9)


def test_counts_are_the_same_bits_for_any_cut_and_any_number_of_threads(case):
    oracle, spec = case("data, weights and settings", n=1)
    model = model_of(oracle.base, spec)
    span = score_span(model)
    whole = count(model, 0, 500, span, 1)
    cut = count(model, 0, 37, span, 1) + count(model, 37, 400, span, 3) + count(model, 437, 63, span, 2)
    for name in ("n", "ranks", "scores", "grades", "ahead"):
        assert (getattr(whole, name) == getattr(cut, name)).all() if name != "n" else whole.n == cut.n


def test_scores_are_counted_in_the_bins_that_they_fall_into(case):
    oracle, spec = case("one weight factor")
    counts = robustness(oracle.base, spec).counts
    low, high = counts.span
    for unit, own in enumerate(oracle.scores.T):
        expected = np.histogram(own, bins=np.linspace(low, high, 1025))[0]
        # A score on the edge of a bin may fall to either side by rounding.
        assert np.abs(np.cumsum(counts.scores[unit].astype(int) - expected)).max() <= 1
        assert counts.scores[unit].sum() == N


def test_the_summary_is_what_the_replications_come_to(case):
    oracle, spec = case("one weight factor")
    found = robustness(oracle.base, spec)
    by_unit = {row["unit_code"]: row for row in found.summary.to_dicts()}
    for i, unit in enumerate(oracle.base.units.codes):
        row, ranks = by_unit[unit], oracle.ranks[:, i]
        assert row["rank_published"] == oracle.base.ranks[i, 0]
        assert row["rank_median"] == np.median(ranks)
        assert [row["rank_p05"], row["rank_p95"]] == pytest.approx(np.quantile(ranks, [0.05, 0.95]))
        assert row["p_top"] == pytest.approx((ranks <= 3).mean())
        grades = [row[f"p_grade_{grade.id}"] for grade in oracle.base.scale.grades]
        assert grades == pytest.approx([(oracle.grades[:, i] == g).mean() for g in range(3)])


def test_a_seed_fixes_every_figure_and_another_gives_others(opened):
    result = cg.assess(opened(POSTS + GRADED))
    spec = Spec(n=300, samples=128, factor=[WEIGHTS, HOW])
    one, same = (robustness(result, spec) for _ in range(2))
    other = robustness(result, spec.model_copy(update={"seed": 2}))
    for name in ("summary", "indices", "tornado", "regional", "pairs"):
        assert getattr(one, name).equals(getattr(same, name))
    assert not one.summary.equals(other.summary)
    assert not one.indices.equals(other.indices)


def test_counts_may_be_made_elsewhere(opened):
    result = cg.assess(opened())
    spec = Spec(n=50, samples=0, factor=[WEIGHTS])
    made, asked = robustness(result, spec), []

    def elsewhere(model, n, span):
        asked.append((n, span))
        return count(model, 0, 30, span, 1) + count(model, 30, n - 30, span, 1)

    again = robustness(result, spec, counting=elsewhere)
    assert asked == [(50, made.counts.span)]
    assert again.summary.equals(made.summary)


def test_what_is_kept_of_the_counts_reads_back(opened, tmp_path):
    found = robustness(cg.assess(opened(POSTS + GRADED)), Spec(n=50, samples=0, factor=[WEIGHTS]))
    found.counts.save(tmp_path / "h.npz", found.units, found.model.grades)
    again = Counts.load(tmp_path / "h.npz")
    assert again.n == 50
    for name in ("ranks", "scores", "grades", "ahead"):
        assert (getattr(again, name) == getattr(found.counts, name)).all()


def test_a_specification_without_factors_varies_what_the_default_does(opened):
    workspace = opened()
    told = robustness(workspace, Spec(n=40, samples=0))
    assert [factor.name for factor in told.spec.factor] == ["weights.1", "weights.2"]
    assert told.counts.n == 40
    assert told.counts.ranked.tolist() == [40] * UNITS
    named = robustness(workspace, Spec(n=40, samples=0, factor=told.spec.factor))
    assert told.summary.equals(named.summary)


def test_one_unit_and_units_that_are_alike_keep_their_ranks(opened):
    one = facts_of({cell: value for cell, value in figures().items() if cell[0] == "u0"})
    workspace = opened(units__csv="unit,name_zh,size\nu0,城,5\n", observations__csv=one)
    alone = robustness(workspace, Spec(n=20, samples=16))
    assert alone.summary["rank_p95"].to_list() == [1.0]
    assert alone.indices["ST"].null_count() == alone.indices.height
    same = {cell: figures()["u4", cell[1]] / 9 * (5 + int(cell[0][1:])) if cell[1] == "d"
            else figures()["u4", cell[1]] for cell in figures()}  # fmt: skip
    tied = robustness(opened(observations__csv=facts_of(same)), Spec(n=20, samples=16))
    assert tied.summary["rank_p95"].to_list() == [1.0] * UNITS
    assert not tied.counts.ahead.any()


# Tornado and regional sensitivity.


def test_the_tornado_starts_from_the_published_ranks_and_shows_every_level(opened):
    """The rarest level is drawn about once in a million replications, and shown all the same."""
    workspace = opened(POSTS + GRADED)
    factors = [{**HOW, "odds": [1, 1e-6, 1]}, {"key": "weights", "values": ["default", "equal"]},
               {"leave_out": {"level": 1}}, {"name": "share", "weights": {"share": 0.3}}]  # fmt: skip
    found = robustness(workspace, Spec(n=20, samples=0, factor=factors))
    frame, base = found.tornado, cg.assess(workspace)
    levels = {name: set(frame.filter(factor=name)["level"]) for name in frame["factor"].unique()}
    assert levels == {
        "normalise.how": {"goalposts", "minmax", "rank"}, "weights": {"default", "equal"},
        "leave_out": {"", "P", "Q", "R"}, "share": {"0.05", "0.95"},
    }  # fmt: skip
    as_it_is = frame.filter(
        pl.struct("factor", "level").is_in([
            {"factor": "normalise.how", "level": "goalposts"}, {"factor": "weights", "level": "default"},
            {"factor": "leave_out", "level": ""},
        ])
    )  # fmt: skip
    assert as_it_is["shift"].abs().max() == 0
    ranks = {f"rank:{unit}": float(base.ranks[i, 0]) for i, unit in enumerate(base.units.codes)}
    for output, value in (
        as_it_is.filter(pl.col("output").is_in(list(ranks))).select("output", "value").rows()
    ):
        assert value == ranks[output]


@pytest.mark.parametrize("how", ["minmax", "rank"])
def test_a_level_of_the_tornado_is_the_assessment_with_that_setting(opened, how):
    workspace = opened(POSTS + GRADED)
    found = robustness(workspace, Spec(n=20, samples=0, factor=[HOW]))
    base = cg.assess(workspace)
    other = cg.assess(workspace, workspace.method.replace(**{"normalise.how": how}))
    values = dict(found.tornado.filter(level=how).select("output", "value").rows())
    for i, unit in enumerate(base.units.codes):
        assert values[f"rank:{unit}"] == other.ranks[i, 0]
    shift = np.abs(other.ranks[:, 0].astype(int) - base.ranks[:, 0]).mean()
    assert values["mean_abs_rank_change"] == pytest.approx(shift)
    assert "grade_changes" not in values  # ranks have no range for grades to stand on


def test_a_factor_that_runs_only_beside_another_has_no_bar(opened):
    factors = [{"draws": 3}, {"key": "impute.how", "values": ["iterative", "mean"]}]
    found = robustness(opened(gaps=0.2), Spec(n=20, samples=16, impossible="leave_out", factor=factors))
    assert [problem.code for problem in found.warnings] == ["robust.left-out"]
    assert set(found.tornado["factor"]) == {"impute.how"}


FLIP = """\
code,parent,name_zh,weight,direction,low,high
I,,指数,,,,
x,I,甲,1,1,0,1
y,I,乙,1,1,0,1
"""
TWO = "unit,name_zh\nA,甲城\nB,乙城\n"


def flip(opened, d):
    """Open a workspace of two units: A is ahead where the weight of x is above d times that of y."""
    facts = f"unit,indicator,value\nA,x,0.5\nA,y,{0.9 - 0.2 * d}\nB,x,0.3\nB,y,0.9\n"
    return opened(framework__csv=FLIP, units__csv=TWO, observations__csv=facts)


def test_regional_sensitivity_finds_the_weight_at_which_ranks_flip(opened):
    """A scores 0.2 wₓ - 0.2 d w_y more than B; of y alone in the draw, A leads where u < threshold.

    With w_y = 1 + s (2u - 1) and wₓ = 1: A leads where u < (1/d - 1 + s) / 2 s. The distance between the
    distributions of u on both sides of a threshold is 1; the share inside is the threshold itself.
    """
    d, s = 1.1, 0.25
    threshold = (1 / d - 1 + s) / (2 * s)
    idle = {"key": "normalise.how", "values": ["goalposts"] * 3}
    factors = [{"weights": {"share": s, "codes": ["y"]}}, idle]
    spec = Spec(n=8000, samples=0, top=1, factor=factors)
    found = robustness(flip(opened, d), spec)
    row = found.regional.filter(unit_code="A", factor="weights").to_dicts()[0]
    assert row["node"] == "y"
    assert row["distance"] == pytest.approx(1)
    assert row["n_in"] / 8000 == pytest.approx(threshold, abs=4 * np.sqrt(0.25 / 8000))
    assert row["n_in"] + row["n_out"] == 8000
    u = numbers(1, "weights", 1, 0, 8000)[:, 0]
    assert row["n_in"] == (u < threshold).sum()
    idle = found.regional.filter(unit_code="A", factor="normalise.how").to_dicts()[0]
    assert idle["distance"] < 0.06
    assert idle["p_value"] > 0.001
    ends = found.tornado.filter(output="rank:A", factor="weights").select("level", "value").rows()
    assert dict(ends) == {"0.05": 1.0, "0.95": 2.0}
    # With weights 1 and 1 A scores 0.2 - 0.2 d < 0 more, so that B is published first.
    assert found.published.tolist() == [2, 1]
    assert found.mean_shifts(2000).tolist() == (u[:2000] < threshold).astype(float).tolist()
