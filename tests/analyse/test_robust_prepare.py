"""A specification meets a workspace: what is refused before the run, and how what varies is distributed."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from scipy import stats

import citygauge as cg
from citygauge import InputError, Method
from citygauge.analyse.robust.factors import varied_weights
from citygauge.analyse.robust.prepare import MOST_VARIANTS, model_of
from citygauge.analyse.robust.replay import replay
from citygauge.analyse.robust.robustness import robustness
from citygauge.analyse.robust.spec import Spec
from citygauge.files import frame_sheet
from citygauge.problems import Problems
from conftest import FRAMEWORK, METHOD, SOURCED

FACTS = SOURCED.replace(",s\n", ",\n")
GAPPY = FACTS.replace("3,c,2023,30,", "3,c,2023,,")
GRADED = METHOD + '[grades]\nscale = "smart-2021"\n'
MINMAX = '[normalise]\nhow = "minmax"\n'
N = 20_000
SHARE = {"weights": {"share": 0.25}}
SCREENS = {"key": "screen.min_availability", "values": [0.0, 0.9]}
HOWS = {"key": "normalise.how", "values": ["minmax", "zscore"]}
MEANS = {"key": "aggregate.how", "values": ["arithmetic", "geometric"]}
FLAT = "code,parent,name_zh,weight,direction,low,high\nI,,指数,,,,\n"
FOUR = FLAT + "w,I,w,0.1,1,0,1\nx,I,x,0.2,1,0,1\ny,I,y,0.3,1,0,1\nz,I,z,0.4,1,0,1\n"


@pytest.fixture
def assessed(workspace):
    """Return a function that assesses a small workspace, any file replaced."""

    def make(**files):
        return cg.assess(cg.open(workspace(**{"observations__csv": FACTS, **files})))

    return make


def refusals(result, *factors, **more):
    """Return the codes of what is refused, each told in two languages."""
    with pytest.raises(InputError) as caught:
        model_of(result, Spec(factor=factors, **more))
    errors = [problem for problem in caught.value.problems if problem.severity == "error"]
    for problem in errors:
        assert problem.text("en") != problem.text("zh")
    return [problem.code for problem in errors]


def model(result, *factors, **more):
    return model_of(result, Spec(factor=factors, **more))


def text_of(result, *factors, **more):
    with pytest.raises(InputError) as caught:
        model_of(result, Spec(factor=factors, **more))
    return " ".join(problem.text("en") + problem.text("zh") for problem in caught.value.problems)


# What is refused, and what comes near it and is not.


def test_a_framework_in_which_nothing_can_vary_is_said_to_be_so(assessed):
    chain = assessed(
        framework__csv=FLAT + "a,I,a,,1,0,100\n", observations__csv="unit,indicator,value\n1,a,9\n"
    )
    assert refusals(chain) == ["robust.no-factors"]
    with pytest.raises(InputError, match="Nothing varies"):
        robustness(chain)
    assert robustness(assessed(), Spec(n=5, samples=0)).counts.n == 5


@pytest.mark.parametrize("value", ["nonsense", 3, {"how": "minmax"}, ["minmax"]])
def test_a_value_that_is_no_setting_is_told_with_the_factor(assessed, value):
    wrong = {"key": "normalise.how", "values": ["minmax", value]}
    assert refusals(assessed(), wrong) == ["robust.unfit-value"]
    assert "normalise.how" in text_of(assessed(), wrong)


@pytest.mark.parametrize(
    "key", ["how", "normalise.hows", "weights.share", "treat.max_points.more", "aggregat.how"]
)
def test_a_key_that_no_method_has_is_told(assessed, key):
    assert set(refusals(assessed(), {"key": key, "values": ["a", "b"]})) == {"robust.unfit-value"}


def test_all_values_that_will_not_do_are_told_at_once(assessed):
    wrong = {"key": "normalise.how", "values": ["one", "two", "minmax"]}
    other = {"key": "treat.max_points", "values": [1, "many"]}
    codes = refusals(assessed(), wrong, other, {"leave_out": {"codes": ["PP"]}})
    assert codes == [*["robust.unfit-value"] * 3, "robust.unknown-code"]


def test_names_of_weights_that_do_not_exist_are_told(assessed):
    named = {"key": "weights", "values": ["equal", "nobody"]}
    assert refusals(assessed(), named) == ["method.unknown-weights"]
    assert model(assessed(), named | {"values": ["equal", "entropy"]})


def test_the_scale_of_the_grades_cannot_vary(assessed):
    scales = {"key": "grades.scale", "values": ["smart-2021", "smart-stages"]}
    assert refusals(assessed(method__toml=GRADED), scales) == ["robust.other-grades"]


def test_moving_edges_needs_grades(assessed):
    assert refusals(assessed(), {"edges": 0.05}) == ["robust.no-grades"]
    assert model(assessed(method__toml=GRADED), {"edges": 0.05}).factors[0].width == 2


@pytest.mark.parametrize("part", ["weights", "leave_out"])
def test_unknown_nodes_are_told_with_near_ones(assessed, part):
    rule = {"share": 0.1} if part == "weights" else {}
    wrong = {part: {**rule, "codes": ["P", "aa", "b2"]}}
    assert refusals(assessed(), wrong) == ["robust.unknown-code"] * 2
    assert "aa" in text_of(assessed(), wrong)


@pytest.mark.parametrize("level", [3, 9])
def test_levels_that_the_framework_does_not_have_are_told(assessed, level):
    assert refusals(assessed(), {"leave_out": {"level": level}}) == ["robust.unknown-level"]
    assert (
        refusals(assessed(), {"weights": {"share": 0.1, "levels": [1, level, 0]}})
        == ["robust.unknown-level"] * 2
    )
    assert model(assessed(), {"leave_out": {"level": 2}})


@pytest.mark.parametrize("codes", [["I"], ["c"], ["I", "c"]])
def test_nodes_without_siblings_have_nothing_to_vary(assessed, codes):
    assert refusals(assessed(), {"leave_out": {"codes": codes}}) == ["robust.nothing-varies"]
    assert refusals(assessed(), {"weights": {"share": 0.1, "codes": codes}}) == ["robust.nothing-varies"]
    assert refusals(assessed(), {"leave_out": {"codes": [*codes, "a"]}}) == ["robust.no-share"]


def test_more_combinations_than_can_be_prepared_are_refused(assessed):
    points = {"key": "treat.max_points", "values": list(range(1, 201))}
    posts = {"key": "normalise.low", "values": [float(i) for i in range(101)]}
    assert MOST_VARIANTS < 200 * 101
    assert refusals(assessed(method__toml=MINMAX + "high = 1000\n"), points, posts) == ["robust.too-many"]


def test_figures_without_any_spread_cannot_be_drawn(assessed):
    assert refusals(assessed(), {"data": {}}) == ["robust.nothing-uncertain"]
    assert refusals(assessed(), {"data": {"relative": 0.0}}) == ["robust.nothing-uncertain"]
    assert model(assessed(), {"data": {"relative": 0.1}}).factors[0].width == 9
    assert model(assessed(), {"data": {"by": {"a": 0.1}}}).factors[0].width == 3


def test_data_and_screening_vary_one_at_a_time(assessed):
    result = assessed(observations__csv=GAPPY)
    data = {"data": {"relative": 0.1}}
    assert refusals(result, SCREENS, data) == ["robust.data-with-screen"]
    assert model(result, SCREENS).variants
    assert model(result, HOWS, data).variants


def test_data_vary_under_a_screen_that_is_not_the_methods_own(assessed):
    """A screen that both values set alike is none that varies: the spread is of the units that it keeps."""
    result = assessed(observations__csv=GAPPY)
    same = {"key": "screen.min_availability", "values": [0.9, 0.9]}
    found = model(result, same, {"data": {"relative": 0.1}})
    assert found.factors[1].width == 6
    scores, _ = found.run(found.draws(0, 50))
    assert np.isnan(scores[:, 2]).all()
    assert not np.isnan(scores[:, :2]).any()


def test_faults_of_the_spread_are_told_with_those_of_other_factors(assessed):
    assert refusals(assessed(), {"data": {"by": {"zz": 0.1}}}) == ["noise.unknown-code"]


# Combinations that cannot run.


def test_combinations_that_cannot_run_are_found_before_the_run(assessed):
    """z-scores lie below 0, where the geometric mean is not defined."""
    assert refusals(assessed(), HOWS, MEANS) == ["robust.impossible"]
    said = text_of(assessed(), HOWS, MEANS)
    assert "1 of the 4" in said
    assert "normalise.how = zscore + aggregate.how = geometric" in said
    assert model(assessed(), {**HOWS, "values": ["minmax", "rank"]}, MEANS)


def test_nothing_is_left_out_where_no_combination_runs(assessed):
    draws = {"draws": 3}
    assert refusals(assessed(), draws, impossible="leave_out") == ["robust.impossible"]
    assert "3 of the 3" in text_of(assessed(), draws)


def test_what_is_left_out_is_told_and_never_drawn(assessed):
    noted = Problems()
    spec = Spec(factor=[HOWS, MEANS], impossible="leave_out")
    found = model_of(assessed(), spec, noted=noted)
    assert [(problem.code, problem.severity) for problem in noted] == [("robust.left-out", "warning")]
    assert found.number.tolist() == [[0, 1], [2, -1]]
    levels = found.draws(0, N).levels
    assert not ((levels["normalise.how"] == 1) & (levels["aggregate.how"] == 1)).any()


@pytest.mark.parametrize("matrix", ["A", "B"])
def test_combinations_that_run_keep_their_odds_among_each_other(assessed, matrix):
    hows = {"key": "normalise.how", "values": ["minmax", "zscore", "rank"], "odds": [3, 2, 1]}
    means = {**MEANS, "values": ["arithmetic", "geometric", "harmonic"], "odds": [1, 2, 3]}
    weights = {"key": "weights", "values": ["default", "equal"], "odds": [1, 4]}
    result = assessed(method__toml=MINMAX + "low = 1\n")
    found = model(result, hows, weights, means, impossible="leave_out")
    able = {(i, j) for i, j in product(range(3), range(3)) if i != 1 or j == 0}
    assert {tuple(place) for place in np.argwhere(found.number >= 0)} == able
    levels = found.draws(0, N, matrix).levels
    odds = {(i, j): [3, 2, 1][i] * [1, 2, 3][j] for i, j in able}
    seen = [((levels["normalise.how"] == i) & (levels["aggregate.how"] == j)).sum() for i, j in odds]
    assert sum(seen) == N
    expected = np.array(list(odds.values())) / sum(odds.values()) * N
    assert stats.chisquare(seen, expected).pvalue > 1e-4
    # The factor that has no part in it keeps its own odds, whatever the combination.
    table = [
        [
            ((found.variant_of(found.draws(0, N, matrix)) == v) & (levels["weights"] == w)).sum()
            for w in (0, 1)
        ]
        for v in range(len(able))
    ]
    assert stats.chi2_contingency(table).pvalue > 1e-4
    assert (levels["weights"] == 1).mean() == pytest.approx(0.8, abs=0.015)


def test_levels_are_drawn_by_their_odds(assessed):
    values = {"key": "treat.max_points", "values": [1, 2, 3, 4], "odds": [0.5, 1, 1.5, 7]}
    seen = np.bincount(model(assessed(), values).draws(0, N).levels["treat.max_points"])
    assert stats.chisquare(seen, np.array([0.05, 0.1, 0.15, 0.7]) * N).pvalue > 1e-4
    even = model(assessed(), {"leave_out": {"level": 2}}).draws(0, N).levels["leave_out"]
    assert stats.chisquare(np.bincount(even)).pvalue > 1e-4


def test_grades_of_a_scale_without_a_range_are_noted(assessed):
    found = robustness(assessed(method__toml=GRADED), Spec(n=10, samples=0, factor=[HOWS]))
    assert [problem.code for problem in found.warnings] == ["method.grades-without-range"]


# Weights.


def test_weights_by_a_share_fill_their_range_evenly(assessed):
    found = model(assessed(framework__csv=FOUR, observations__csv=ones()), {"weights": {"share": 0.3}})
    drawn = raw_weights(found, N)
    own = np.array([0.1, 0.2, 0.3, 0.4])
    assert (np.abs(drawn / own - 1) <= 0.3).all()
    for column in (drawn / own).T:
        assert stats.kstest(column, stats.uniform(0.7, 0.6).cdf).pvalue > 1e-4
    assert np.abs(np.corrcoef(drawn.T) - np.eye(4)).max() < 0.03


@pytest.mark.parametrize("concentration", [0.5, 4.0, 200.0])
def test_weights_from_a_dirichlet_distribution_have_its_moments(assessed, concentration):
    """Mean m, variance m (1 - m) / (c + 1), covariance - m m' / (c + 1)."""
    found = model(
        assessed(framework__csv=FOUR, observations__csv=ones()), {"weights": {"concentration": concentration}}
    )
    shares = found.shares(found.variants[0], found.draws(0, N))[:, 1:]
    own = np.array([0.1, 0.2, 0.3, 0.4])
    assert shares.sum(axis=1) == pytest.approx(np.ones(N))
    expected = (np.diag(own) - np.outer(own, own)) / (concentration + 1)
    error = 5 * np.sqrt(np.diag(expected) / N)
    assert (np.abs(shares.mean(axis=0) - own) < error).all()
    np.testing.assert_allclose(np.cov(shares.T), expected, atol=6 * expected.max() / np.sqrt(N))
    for column, mean in zip(shares.T, own, strict=True):
        beta = stats.beta(mean * concentration, (1 - mean) * concentration)
        assert stats.kstest(column, beta.cdf).pvalue > 1e-4


def test_siblings_that_do_not_vary_keep_their_part_of_the_whole(assessed):
    rule = {"weights": {"concentration": 5, "codes": ["w", "z"]}}
    found = model(assessed(framework__csv=FOUR, observations__csv=ones()), rule)
    shares = found.shares(found.variants[0], found.draws(0, N))[:, 1:]
    assert shares[:, 1:3] == pytest.approx(np.tile([0.2, 0.3], (N, 1)))
    beta = stats.beta(0.5, 2.0)  # of the half that the two share
    assert stats.kstest(shares[:, 0] / 0.5, beta.cdf).pvalue > 1e-4


def test_a_dirichlet_distribution_too_wide_for_doubles_still_leaves_weights(assessed):
    """With a concentration of 0.001 one of the siblings has practically everything."""
    rule = {"weights": {"concentration": 0.001}}
    found = model(assessed(framework__csv=FOUR, observations__csv=ones()), rule)
    shares = found.shares(found.variants[0], found.draws(0, N))[:, 1:]
    assert shares.sum(axis=1) == pytest.approx(np.ones(N))
    seen = np.bincount(shares.argmax(axis=1))
    assert stats.chisquare(seen, np.array([0.1, 0.2, 0.3, 0.4]) * N).pvalue > 1e-4


def test_a_weight_of_0_stays_0(assessed):
    tree = FOUR.replace("w,I,w,0.1", "w,I,w,0")
    for rule in ({"share": 1.0}, {"concentration": 2.0}):
        found = model(assessed(framework__csv=tree, observations__csv=ones()), {"weights": rule})
        shares = found.shares(found.variants[0], found.draws(0, 500))
        assert not shares[:, 1].any()
        assert shares[:, 2:].sum(axis=1) == pytest.approx(np.ones(500))


def test_each_node_is_left_out_as_often_as_none(assessed):
    found = model(
        assessed(framework__csv=FOUR, observations__csv=ones()), {"leave_out": {"codes": ["w", "y"]}}
    )
    draws = found.draws(0, 3000)
    shares = found.shares(found.variants[0], draws)[:, 1:]
    expected = np.array([[0.1, 0.2, 0.3, 0.4], [0, 2 / 9, 3 / 9, 4 / 9], [1 / 7, 2 / 7, 0, 4 / 7]])
    np.testing.assert_allclose(shares, expected[draws.levels["leave_out"]])
    assert stats.chisquare(np.bincount(draws.levels["leave_out"])).pvalue > 1e-4


def ones():
    """Facts of three units of a flat framework; which, weights do not depend on."""
    return "unit,indicator,value\n" + "".join(f"{u},{c},0.{u}\n" for u in (1, 2, 3) for c in "wxyz")


def raw_weights(found, n):
    """Return the weights before they are brought to a sum of 1, by the numbers drawn."""
    draws, given = found.draws(0, n), np.repeat(found.variants[0].weights, n, axis=0)
    return varied_weights(found.factors[0], draws.uniforms["weights"], given, found.tree)[:, 1:]


# Sets of weights.

GOOD = "set,code,weight\n一,P,1\n一,Q,3\n二,P,1\n二,Q,1\n二,I,1\n"
SETS = {"weights": {"sets": "sets.csv"}}


def with_sets(assessed, text):
    return assessed(sets__csv=text)


def test_sets_of_a_file_are_the_levels_and_rows_of_the_index_say_nothing(assessed):
    found = model(with_sets(assessed, GOOD), SETS)
    assert found.factors[0].labels == ("一", "二")
    codes = found.tree.framework.codes
    pillars = found.variants[0].weights[:, [codes.index("P"), codes.index("Q")]]
    np.testing.assert_allclose(pillars, [[0.25, 0.75], [0.5, 0.5]])


def test_budgets_of_experts_are_sets_too(assessed):
    found = model(with_sets(assessed, GOOD.replace("set,code,weight", "expert,code,points")), SETS)
    assert found.factors[0].labels == ("一", "二")


def test_rows_of_a_set_need_not_stand_together(assessed):
    """And what is wrong with one of them is told with its own row."""
    mixed = "set,code,weight\n一,P,1\n二,P,1\n一,I,1\n,,\n一,Q,3\n二,Q,1\n"
    found = model(with_sets(assessed, mixed), SETS)
    np.testing.assert_allclose(found.variants[0].weights[:, 1], [0.25, 0.5])
    assert "row 6" in text_of(with_sets(assessed, mixed.replace("一,Q,3", "一,Q,many")), SETS)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("set,codes,weight\n一,P,1\n", ["robust.missing-columns"]),
        ("code,weight\nP,1\n", ["robust.missing-columns"]),
        ("set,code,weight\n", ["robust.no-sets"]),
        ("set,code,weight\n一,I,1\n", ["robust.no-sets"]),
        (GOOD + ",P,1\n,Q,1\n", ["robust.nameless-set"]),
        (GOOD + "三,P,1\n三,,1\n三,Q,1\n", ["weights.unknown-code"]),
        (GOOD + "三,P,1\n三,Q,x\n三,PP,1\n", ["weights.not-a-number", "weights.unknown-code"]),
        (GOOD + "三,P,1\n三,Q,-1\n", ["weights.negative"]),
        (GOOD + "三,P,0\n三,Q,0\n", ["weights.all-zero"]),
        (GOOD + "三,P,1\n", ["weights.partial-group"]),
        (GOOD + "一,P,2\n", ["weights.repeated-code"]),
        (GOOD + "三,Q,\n三,P,1\n", ["weights.not-a-number"]),
    ],
)
def test_bad_rows_of_sets_are_refused(assessed, text, codes):
    assert refusals(with_sets(assessed, text), SETS) == codes


def test_a_file_of_sets_that_is_not_there_is_told(assessed):
    assert refusals(assessed(), SETS) == ["file.not-found"]


# Grades, imputation, strata.


def test_edges_move_evenly_and_stay_in_order(assessed):
    """The edges 0.85 and 0.70 of scores of 0 to 1, each by up to 0.2: they meet, and never cross."""
    found = model(assessed(method__toml=GRADED), {"edges": 0.2}, SHARE)
    draws = found.draws(0, N)
    scores, edges = found.run(draws)
    moved = np.array([0.85, 0.7]) + 0.2 * (2 * draws.uniforms["edges"] - 1)
    assert (moved[:, 0] < moved[:, 1]).any()
    np.testing.assert_allclose(edges[:, :2], -np.sort(-moved, axis=1), rtol=1e-9)
    assert np.isneginf(edges[:, 2]).all()
    assert (np.diff(edges[:, :2]) <= 0).all()
    assert np.isfinite(scores[:, :3]).all()


def test_grades_are_counted_by_the_edges_of_their_own_replication(assessed):
    found = robustness(assessed(method__toml=GRADED), Spec(n=3000, samples=0, factor=[{"edges": 0.2}, SHARE]))
    draws = found.model.draws(0, 3000)
    scores, _ = found.model.run(draws)
    moved = -np.sort(-(np.array([0.85, 0.7]) + 0.2 * (2 * draws.uniforms["edges"] - 1)), axis=1)
    expected = [
        [int((own >= moved[:, 0]).sum()), int(((own < moved[:, 0]) & (own >= moved[:, 1])).sum()),
         int((own < moved[:, 1]).sum())]
        for own in scores[:, :3].T
    ]  # fmt: skip
    assert found.counts.grades.tolist() == expected
    assert min(expected[0]) > 0


def test_open_ends_of_edges_do_not_move(assessed):
    found = model(assessed(method__toml=GRADED), {"edges": 1.0})
    assert found.factors[0].width == 2
    _, edges = found.run(found.draws(0, 100))
    assert edges.shape == (100, 3)


def test_draws_of_imputations_are_those_of_the_method(assessed):
    method = METHOD + '[impute]\nhow = "iterative"\n'
    result = assessed(method__toml=method, observations__csv=FACTS.replace("3,b,2023,10,", "3,b,2023,,"))
    found = model(result, {"draws": 4})
    assert len(found.variants) == 4
    for number, variant in enumerate(found.variants, 1):
        own = cg.assess(result.workspace, result.method.replace(**{"impute.draw": number}))
        shares = found.shares(variant, found.draws(0, 1))
        np.testing.assert_allclose(
            variant.strata[0].scorer.scores(shares)[0, :3], own.aggregated.values[:, 0], rtol=1e-12
        )


def test_draws_reach_exceptions_that_impute_by_drawing(assessed):
    method = METHOD + '[impute]\nhow = "mean"\n[impute.by.b]\nhow = "iterative"\n'
    facts = FACTS.replace("3,b,2023,10,", "3,b,2023,,").replace("2,a,2023,60,", "2,a,2023,,")
    found = model(assessed(method__toml=method, observations__csv=facts), {"draws": 5})
    assert {variant.method.impute.of("b").draw for variant in found.variants} == {1, 2, 3, 4, 5}
    assert {variant.method.impute.of("a").how for variant in found.variants} == {"mean"}


RULES = "code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,best\n"
SUBJECTS = "subject,unit,kind,parent,event\n" + "".join(
    f"{e[0]}{u},{u},site,,{e}\n" for u in (1, 2, 3) for e in ("Birth", "Work", "Move")
)


def strata(seed=4):
    rng = np.random.default_rng(seed)
    lines = []
    for unit in (1, 2, 3):
        for event in "BWM":
            values = {"a": rng.uniform(10, 90), "b": rng.uniform(1, 9), "c": rng.uniform(5, 95)}
            for code, value in values.items():
                if not (unit == 2 and event == "W") and not (unit == 3 and event == "M" and code == "c"):
                    lines.append(f"{unit},{code},{value!r},{event}{unit}\n")
    return {
        "rollups__csv": RULES, "subjects__csv": SUBJECTS, "framework__toml": 'strata = "event"\n',
        "observations__csv": "unit,indicator,value,subject\n" + "".join(lines),
    }  # fmt: skip


def test_in_strata_each_replication_is_the_mean_over_those_with_a_score(assessed):
    result = assessed(**strata())
    sets = {"key": "weights", "values": ["default", "equal", "by_count"]}
    found = model(result, {**HOWS, "values": ["minmax", "goalposts", "rank"]}, sets)
    draws = found.draws(0, 30)
    scores, _ = found.run(draws)
    for r in range(30):
        how = ["minmax", "goalposts", "rank"][draws.levels["normalise.how"][r]]
        weights = sets["values"][draws.levels["weights"][r]]
        own = cg.assess(result.workspace, result.method.replace(**{"normalise.how": how, "weights": weights}))
        np.testing.assert_allclose(scores[r, :3], own.aggregated.values[:, 0], rtol=1e-9)
    assert len(found.variants[0].strata) == 3


def test_in_strata_facts_of_each_thing_are_drawn_on_their_own(assessed):
    """Twenty-seven facts less four gaps: nobody's errors are shared between strata."""
    found = model(assessed(**strata()), {"data": {"relative": 0.01}})
    assert found.factors[0].width == 23
    assert sorted(np.concatenate([each.places for each in found.variants[0].strata])) == list(range(23))
    scores, _ = found.run(found.draws(0, 400))
    assert (scores[:, :3].std(axis=0) > 0).all()


def test_units_that_a_variant_screens_out_have_no_rank_there(assessed):
    result = assessed(observations__csv=GAPPY)
    found = robustness(result, Spec(n=400, samples=0, factor=[SCREENS, SHARE]))
    strict = found.model.draws(0, 400).levels["screen.min_availability"] == 1
    assert found.counts.ranked.tolist() == [400, 400, 400 - strict.sum()]
    strict_alone = cg.assess(result.workspace, result.method.replace(**{"screen.min_availability": 0.9}))
    assert strict_alone.units.codes == ("1", "2")


# Given runs.


def sheet(name, **columns):
    return frame_sheet(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), name)


def replays(result, sets=None, **columns):
    return replay(result, sheet("runs.csv", **columns), None if sets is None else sheet("sets.csv", **sets))


def refused_runs(result, sets=None, **columns):
    with pytest.raises(InputError) as caught:
        replays(result, sets, **columns)
    return [problem.code for problem in caught.value.problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("columns", "codes"),
    [
        ({"weights": ["equal"]}, ["robust.missing-columns"]),
        ({"run": []}, ["robust.no-runs"]),
        ({"run": ["1", "1"]}, ["robust.repeated-run"]),
        ({"run": ["1", None]}, ["robust.nameless-run"]),
        ({"run": ["1", "2"], "how": ["a", "b"]}, ["robust.bad-run"]),
        ({"run": ["1", "2"], "treat.max_points.x": ["1", "2"]}, ["robust.bad-run"]),
        ({"run": ["1", "2"], "treat.max_points": ["nan", "2"]}, ["robust.bad-run"]),
        ({"run": ["1"], "weights": ["nobody"]}, ["method.unknown-weights"]),
        ({"run": ["1", "1", None, "4"], "weights": ["nobody", "equal", "equal", "equal"],
          "normalise.hw": ["1", None, None, None], "aggregate.how": [None, None, None, "geometrc"]},
         ["robust.repeated-run", "robust.nameless-run", "method.unknown-weights", "robust.bad-run",
          "robust.bad-run"]),
        ({"run": ["1"], "grades.scale": ["smart-stages"]}, ["robust.other-grades"]),
        ({"run": ["1", "2", "3"], "normalise.how": ["zscore", "minmax", "zscore"],
          "aggregate.how": ["geometric"] * 3}, ["robust.bad-run"]),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_done_are_refused_together(assessed, columns, codes):
    assert refused_runs(assessed(), **columns) == codes


def test_runs_that_fail_alike_are_told_once_with_their_names(assessed):
    with pytest.raises(InputError) as caught:
        replays(assessed(), run=["a", "b", "c", "d"], **{
            "normalise.how": ["zscore", "minmax", "nonsense", "zscore"], "aggregate.how": ["geometric"] * 4,
        })  # fmt: skip
    told = [problem.values["runs"] for problem in caught.value.problems if problem.code == "robust.bad-run"]
    assert sorted(told) == [["a", "d"], ["c"]]


def test_names_of_sets_are_texts_even_where_they_look_like_numbers(assessed):
    sets = {"set": ["01"] * 2 + ["1e3"] * 2, "code": ["P", "Q"] * 2, "weight": ["1", "3", "1", "1"]}
    found = replays(assessed(), sets, run=["x", "y"], weights=["01", "1e3"])
    scores = {unit: 0.25 * p + 0.75 * q for unit, p, q in ((0, 0.8, 0.5), (1, 0.55, 0.7), (2, 0.2, 0.3))}
    np.testing.assert_allclose(found.scores[0], list(scores.values()))


def test_a_blank_cell_leaves_the_setting_as_it_is(assessed):
    found = replays(assessed(), run=["x", "y"], **{"normalise.how": ["", "rank"], "weights": [None, "equal"]})
    result = assessed()
    np.testing.assert_allclose(found.scores[0], result.aggregated.values[:, 0])
    other = cg.assess(result.workspace, Method.from_toml('weights = "equal"\n[normalise]\nhow = "rank"\n'))
    np.testing.assert_allclose(found.scores[1], other.aggregated.values[:, 0])


def test_the_framework_of_the_workspace_is_left_as_it_is(assessed):
    result = with_sets(assessed, GOOD)
    model(result, SETS)
    assert not result.framework.weight_sets
    assert FRAMEWORK in (result.workspace.folder / "framework.csv").read_text(encoding="utf-8")
