"""The sampler against sets with known moments, rejection sampling, and simulation-based calibration."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.published import Grade, Node, Published, Unit
from citygauge.audit.reconstruct.chains import Sampler
from citygauge.audit.reconstruct.ess import bulk_ess, rank_rhat
from citygauge.audit.reconstruct.model import model_of
from citygauge.audit.reconstruct.verify import worst
from citygauge.audit.reconstruct.weights import Polytopes
from conftest import FULL

ONE_LEAF = {"overall": Node("overall", None, "综合", "Index")}
TWO_LEAVES = ONE_LEAF | {code: Node(code, "overall", code, code) for code in "ab"}
SIGMAS = 4.5


def published(nodes, figures, n=0, units=None, grades=()) -> Published:
    named = {u: Unit(u, u) for u in units or ()}
    every = [*figures, *([Figure("units.n", Decimal(n))] if n else [])]
    return Published("", "", nodes, {f.id: f for f in every}, units=named, grades=grades)


def figure(name, text, step=None, **more) -> Figure:
    value = Decimal(text)
    return Figure(name, value, Decimal(1).scaleb(value.as_tuple().exponent) if step is None else step, **more)


def drawn(index, n=2000, seed=1):
    model = model_of(index)
    found = Sampler(model, seed).draw(n)
    assert worst(model, found.scores, found.weights) <= 1e-9
    return model.values(found.scores, found.weights)


def near(sample, other, spread=1.0) -> None:
    """Assert that two samples of independent draws have means within what chance allows."""
    error = np.sqrt(np.var(sample) * spread / len(sample) + np.var(other) / len(other))
    assert abs(np.mean(sample) - np.mean(other)) < SIGMAS * error


def near_value(sample, value) -> None:
    assert abs(np.mean(sample) - value) < SIGMAS * np.std(sample) / np.sqrt(len(sample))


def test_scores_with_an_exact_sum_have_the_moments_of_the_flat_dirichlet():
    n = 5
    values = drawn(published(ONE_LEAF, [figure("overall.mean", "0.2", Decimal(0))], n))[..., 0]
    one, other = values[:, 0], values[:, 3]
    near_value(one, 1 / n)
    near_value((one - 1 / n) ** 2, (n - 1) / (n**2 * (n + 1)))
    near_value((one - 1 / n) * (other - 1 / n), -1 / (n**2 * (n + 1)))
    near_value(values.max(axis=1), sum(1 / k for k in range(1, n + 1)) / n)  # David & Nagaraja, spacings


def test_scores_without_any_figure_are_uniform_on_their_scale():
    even = [figure("a.weight", "0.5", Decimal(0)), figure("b.weight", "0.5", Decimal(0))]
    values = drawn(published(TWO_LEAVES, even, 3))
    assert stats.kstest(values[:, 0, 1], "uniform").pvalue > 1e-4
    assert stats.kstest(values[:, 2, 2], "uniform").pvalue > 1e-4
    near_value((values[:, 0, 1] - 0.5) * (values[:, 0, 2] - 0.5), 0.0)


def test_a_band_of_spreads_that_leaves_two_separate_strips_is_sampled_as_both():
    index = published(ONE_LEAF, [figure("overall.sd", "0.2")], units=["A", "B"])
    values = drawn(index)[..., 0]
    apart = np.abs(values[:, 0] - values[:, 1])  # twice the standard deviation, with density ∝ 1 − d
    low, high = 0.3, 0.5
    area = (high - low) - (high**2 - low**2) / 2
    assert stats.kstest(apart, lambda d: ((d - low) - (d**2 - low**2) / 2) / area).pvalue > 1e-4
    near_value(values[:, 0] > values[:, 1], 0.5)


@pytest.mark.parametrize(
    ("mean", "sd"), [("0.5", "0.3"), ("0.6", "0.4"), ("0.3", "0.2")], ids=["shell", "corners", "off centre"]
)
def test_a_shell_in_three_dimensions_matches_rejection_sampling(mean, sd):
    values = drawn(published(ONE_LEAF, [figure("overall.mean", mean), figure("overall.sd", sd)], 3))[..., 0]
    box = np.random.default_rng(5).random((600_000, 3))
    is_met = (abs(box.mean(axis=1) - float(mean)) <= 0.05) & (abs(box.std(axis=1) - float(sd)) <= 0.05)
    kept = box[is_met]
    assert len(kept) > 2000
    for quantity in (
        lambda x: x.mean(axis=1), lambda x: x.std(axis=1), lambda x: x.max(axis=1), lambda x: np.median(x, 1),
        lambda x: x[:, 0], lambda x: x[:, 0] * x[:, 1],
    ):  # fmt: skip
        near(quantity(values), quantity(kept))


def test_weights_grades_and_spreads_together_match_rejection_sampling():
    grades = (
        Grade("high", "高", "high", Interval(Fraction(1, 2)), ("A",)),
        Grade("low", "低", "low", Interval(None, Fraction(1, 2), high_open=True), ("B",)),
    )
    figures = [
        figure("a.weight", "0.7", Decimal(0)), figure("b.weight", "0.3", Decimal(0)),
        figure("a.mean", "0.4"), figure("b.sd", "0.3"), figure("overall.sd", "0.10", Decimal("0.1")),
    ]  # fmt: skip
    values = drawn(published(TWO_LEAVES, figures, units=["A", "B"], grades=grades))
    box = np.random.default_rng(6).random((1_000_000, 2, 2))
    index = box @ [0.7, 0.3]
    is_met = (index[:, 0] >= 0.5) & (index[:, 1] < 0.5) & (abs(index.std(axis=1) - 0.1) <= 0.05)
    is_met &= (abs(box[:, :, 0].mean(axis=1) - 0.4) <= 0.05) & (abs(box[:, :, 1].std(axis=1) - 0.3) <= 0.05)
    kept = box[is_met]
    assert len(kept) > 1500
    for unit in (0, 1):
        for leaf in (0, 1):
            near(values[:, unit, 1 + leaf], kept[:, unit, leaf])
            near(values[:, unit, 1 + leaf] ** 2, kept[:, unit, leaf] ** 2)
    near(values[:, 0, 1] * values[:, 0, 2], kept[:, 0, 0] * kept[:, 0, 1])


@pytest.mark.parametrize("children", [2, 3])
def test_unpublished_weights_are_drawn_evenly_from_those_that_the_means_allow(children):
    # 数字服务 0.80, 服务体验 0.63, together 0.73: the first weighs from 9/17 to 11/17.
    codes = "abc"[:children]
    nodes = ONE_LEAF | {code: Node(code, "overall", code, code) for code in codes}
    means = dict(zip(codes, ("0.80", "0.63", "0.70"), strict=False))
    figures = [figure("overall.mean", "0.73"), *(figure(f"{c}.mean", means[c]) for c in codes)]
    polytopes = Polytopes(model_of(published(nodes, figures, 4)))
    random = np.random.default_rng(2)
    weights = np.array([polytopes.draw(random) for _ in range(1500)])
    if children == 2:
        low, high = 9 / 17, 11 / 17
        assert weights[:, 1].min() >= low - 1e-9
        assert weights[:, 1].max() <= high + 1e-9
        assert stats.kstest(weights[:, 1], stats.uniform(low, high - low).cdf).pvalue > 1e-4
    else:
        flat = np.random.default_rng(3).dirichlet(np.ones(3), 400_000)
        reach = flat @ [0.795, 0.625, 0.695], flat @ [0.805, 0.635, 0.705]
        kept = flat[(reach[0] <= 0.735) & (reach[1] >= 0.725)]
        for k in range(3):
            near(weights[:, 1 + k], kept[:, k])
            near(weights[:, 1 + k] ** 2, kept[:, k] ** 2)


def test_ranks_of_true_tables_among_draws_from_their_printed_figures_are_uniform():
    """Simulation-based calibration: Talts et al. 2018, arXiv:1804.06788."""
    nodes = ONE_LEAF | {"P": Node("P", "overall", "甲", "P"), "c": Node("c", "overall", "丙", "c")}
    nodes |= {code: Node(code, "P", code, code) for code in "ab"}
    shares = [figure("P.weight", "0.6", Decimal(0)), figure("c.weight", "0.4", Decimal(0)),
              figure("a.weight", "0.5", Decimal(0)), figure("b.weight", "0.5", Decimal(0))]  # fmt: skip
    units, rounds, draws = list("ABCD"), 400 if FULL else 24, 19
    random = np.random.default_rng(4)
    ranks = []
    for seed in range(rounds):
        true = random.random((4, 3))
        pillar = true[:, :2].mean(axis=1)
        tree = np.column_stack([0.6 * pillar + 0.4 * true[:, 2], pillar, true[:, 2], true[:, :2]])
        codes = ["overall", "P", "c", "a", "b"]
        printed = [figure(f"{code}.mean", f"{tree[:, k].mean():.2f}") for k, code in enumerate(codes)]
        printed += [figure(f"{code}.sd", f"{tree[:, k].std():.2f}") for k, code in enumerate(codes)]
        values = drawn(published(nodes, [*shares, *printed], units=units), draws, seed)
        told = [
            (values[:, 0, 0], tree[0, 0]), (values[:, 1, 3], tree[1, 3]), (values[:, 2, 2], tree[2, 2]),
            (values[..., 0].std(axis=1), tree[:, 0].std()), (values[..., 1].mean(axis=1), pillar.mean()),
            (values[:, :, 3].max(axis=1), tree[:, 3].max()),
        ]  # fmt: skip
        ranks.append([(sample < value).sum() for sample, value in told])
    for column in np.array(ranks).T:
        counts = np.bincount(column // 4, minlength=5)
        assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_sample_size_of_an_autoregression_is_its_analytic_one(rho):
    random = np.random.default_rng(1)
    chains, n = 4, 20_000
    draws = np.empty((chains, n))
    draws[:, 0] = random.normal(size=chains)
    for i in range(1, n):
        draws[:, i] = rho * draws[:, i - 1] + np.sqrt(1 - rho**2) * random.normal(size=chains)
    assert bulk_ess(draws) == pytest.approx(chains * n * (1 - rho) / (1 + rho), rel=0.1)
    assert rank_rhat(draws) < 1.01


def test_chains_that_disagree_in_place_or_in_width_have_a_large_r_hat():
    draws = np.random.default_rng(1).normal(size=(4, 400))
    assert rank_rhat(draws + np.array([[0.0], [0.0], [0.0], [2.0]])) > 1.1
    assert rank_rhat(draws * np.array([[1.0], [1.0], [1.0], [9.0]])) > 1.1


@pytest.mark.parametrize("draws", [np.ones((4, 50)), np.random.default_rng(1).random((4, 3))])
def test_what_does_not_vary_or_is_too_short_has_no_effective_sample_size(draws):
    assert np.isnan(bulk_ess(draws))
    assert np.isnan(rank_rhat(draws))
