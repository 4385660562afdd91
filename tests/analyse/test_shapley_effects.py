"""Shapley effects against closed forms, enumeration over all orders of the factors, and Sobol indices."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.analyse.robust.shapley import ShapleySums, shapley_effects, shapley_weights
from citygauge.analyse.robust.sobol import exact_indices
from conftest import FULL

SLOPES, DEVIATIONS, RHO = (1.0, -0.5), (1.0, 3.0), 0.6


def two_gaussians(rng, n, repetitions=1, rho=RHO):
    """Runs of y = b1 x1 + b2 x2 with correlated x1 and x2."""

    def draw():
        return rng.normal(size=(n, repetitions))

    def output(x, z):
        return SLOPES[0] * DEVIATIONS[0] * x + SLOPES[1] * DEVIATIONS[1] * z

    def given(x):
        return rho * x + (1 - rho**2) ** 0.5 * draw()

    x = draw()
    z = given(x)
    other = draw()
    return output(x, z), np.stack([output(given(z), z), output(x, given(x)), output(other, given(other))])


def two_gaussians_exact(rho=RHO):
    """Owen and Prieur 2017, doi:10.1137/16M1097717: the closed form for two correlated normal factors."""
    one, other = np.multiply(SLOPES, DEVIATIONS)
    variance = one**2 + 2 * rho * one * other + other**2
    first = one**2 * (1 - rho**2 / 2) + rho * one * other + other**2 * rho**2 / 2
    return np.array([first, variance - first]) / variance


@pytest.mark.parametrize("rho", [-0.8, 0, 0.6])
def test_effects_of_two_correlated_normal_factors_are_those_of_the_closed_form(rho):
    found = shapley_effects(*two_gaussians(np.random.default_rng(1), 40_000, rho=rho))
    assert found.effect[:, 0] == pytest.approx(two_gaussians_exact(rho), abs=0.02)


def test_two_factors_that_are_one_share_its_effect_evenly():
    found = shapley_effects(*two_gaussians(np.random.default_rng(1), 500, rho=1.0))
    assert found.effect[:, 0] == pytest.approx([0.5, 0.5])


def independent(values, rng, n):
    """Runs of a table whose factors are independent, all settings equally likely."""
    d = values.ndim
    a, b = rng.integers(0, values.shape, (2, n, d))
    inside = [[subset >> i & 1 for i in range(d)] for subset in range(1, 2**d)]
    redrawn = [np.where(chosen, b, a) for chosen in inside]
    return values[tuple(a.T)][:, None], np.stack([values[tuple(x.T)][:, None] for x in redrawn])


def test_effects_of_independent_factors_lie_between_their_sobol_indices():
    values = np.random.default_rng(2).gamma(1.0, size=(2, 3, 4))
    sobol = exact_indices(np.array(list(np.ndindex(values.shape))), values.reshape(-1, 1))
    found = shapley_effects(*independent(values, np.random.default_rng(3), 40_000)).effect
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert (found > sobol.first).all()
    assert (found < sobol.total).all()
    assert found[:, 0] == pytest.approx(by_orders(values, np.full(values.shape, 1 / 24)), abs=0.02)


def test_effects_of_a_sum_are_the_shares_of_its_terms():
    x, z = np.ix_([0.0, 1.0], [0.0, 0.0, 3.0])
    found = shapley_effects(*independent(x + z, np.random.default_rng(3), 40_000)).effect
    assert found[:, 0] == pytest.approx([0.25 / 2.25, 2 / 2.25], abs=0.02)  # variances 1/4 and 9 · 2/9


def by_orders(values, chances):
    """The effects by their definition: what a factor explains beyond those before it, over all orders."""

    def explained(known):
        axes = tuple(i for i in range(values.ndim) if i not in known)
        weight = chances.sum(axis=axes, keepdims=True)
        mean = (values * chances).sum(axis=axes, keepdims=True) / np.where(weight > 0, weight, 1)
        return float((weight * (mean - (values * chances).sum()) ** 2).sum())

    orders = list(permutations(range(values.ndim)))
    effects = np.zeros(values.ndim)
    for order in orders:
        for place, factor in enumerate(order):
            effects[factor] += explained(order[: place + 1]) - explained(order[:place])
    return effects / len(orders) / explained(range(values.ndim))


def dependent_table():
    """Values and chances of 2 × 3 × 2 settings, some of which never come together."""
    rng = np.random.default_rng(5)
    chances = rng.gamma(0.7, size=(2, 3, 2))
    chances[0, 2] = chances[1, 0, 1] = 0
    return rng.gamma(1.0, size=(2, 3, 2)), chances / chances.sum()


def drawn_from(values, chances, rng, n):
    """Runs of a table whose factors depend on each other, drawn setting by setting from the chances."""
    settings_ = np.array(list(np.ndindex(values.shape)))
    base = rng.choice(len(settings_), n, p=chances.ravel())
    redrawn = []
    for subset in range(1, 2**values.ndim):
        kept = [i for i in range(values.ndim) if not subset >> i & 1]
        same = (settings_[:, None, kept] == settings_[None, :, kept]).all(axis=2)
        reach = np.cumsum(same * chances.ravel(), axis=1)
        redrawn.append(((rng.random(n) * reach[base, -1])[:, None] >= reach[base]).sum(axis=1))
    return values.ravel()[base][:, None], values.ravel()[np.stack(redrawn)][..., None]


def test_effects_of_dependent_categories_are_those_of_enumeration():
    values, chances = dependent_table()
    found = shapley_effects(*drawn_from(values, chances, np.random.default_rng(6), 60_000))
    assert found.effect[:, 0] == pytest.approx(by_orders(values, chances), abs=0.01)
    spread = (values**2 * chances).sum() - (values * chances).sum() ** 2
    assert found.variance.item() == pytest.approx(spread, rel=0.03)


def test_95_per_cent_intervals_hold_the_truth_in_92_to_97_of_100_cases():
    rng, repetitions = np.random.default_rng(8), 2000 if FULL else 300
    values, chances = dependent_table()
    tables = [drawn_from(values, chances, rng, 1024) for _ in range(repetitions)]
    of_tables = [np.concatenate(runs, axis=-1) for runs in zip(*tables, strict=True)]
    for runs, exact in (
        (two_gaussians(rng, 1024, 1000), two_gaussians_exact()),
        (of_tables, by_orders(values, chances)),
    ):
        found = shapley_effects(*runs, rng=rng)
        held = ((found.low <= exact[:, None]) & (exact[:, None] <= found.high)).mean(axis=1)
        assert ((held >= 0.91) & (held <= 0.98)).all(), held
        assert 0.92 <= held.mean() <= 0.97, held


def test_intervals_are_those_of_a_plain_bootstrap():
    rng = np.random.default_rng(4)
    y, redrawn = two_gaussians(rng, 200)
    found = shapley_effects(y, redrawn, rng=rng, n_boot=2000, level=0.9)
    drawn = [
        shapley_effects(y[i], redrawn[:, i]).effect[:, 0]
        for i in (rng.integers(0, 200, 200) for _ in range(2000))
    ]
    assert (found.high - found.effect)[:, 0] == pytest.approx(1.6448536 * np.std(drawn, axis=0), rel=0.1)
    assert found.effect - found.low == pytest.approx(found.high - found.effect)


@settings(max_examples=40 if FULL else 10, deadline=None)
@given(st.lists(st.integers(0, 333), max_size=8).map(sorted))
def test_blocks_of_any_size_give_the_same_bits(cuts):
    y, redrawn = two_gaussians(np.random.default_rng(6), 333, 2)
    found = []
    for ends in ([], cuts):
        sums = ShapleySums(2, 2, groups=64)
        for one, other in zip([0, *ends], [*ends, 333], strict=True):
            sums.add(y[one:other], redrawn[:, one:other])
        found.append(sums.effects(rng=np.random.default_rng(1), n_boot=20))
    for name, value in vars(found[0]).items():
        assert value.tobytes() == getattr(found[1], name).tobytes(), name
    assert found[0].effect == pytest.approx(shapley_effects(y, redrawn).effect)


def test_figures_by_hand():
    """Costs 1/2, 2 and 9/2: factor 1 has (1/2 + 9/2 - 2) / 2 = 3/2 of 9/2."""
    found = shapley_effects(np.array([[1.0]]), np.array([[[2.0]], [[3.0]], [[4.0]]]))
    assert found.effect[:, 0] == pytest.approx([1 / 3, 2 / 3])
    assert found.variance.tolist() == [4.5]
    assert np.isnan(found.low).all()  # no intervals were asked for


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_the_weights_of_every_subset_but_the_whole_come_to_zero(d):
    weights = shapley_weights(d)
    assert weights.sum(axis=0)[:-1] == pytest.approx(np.zeros(2**d - 2))
    assert weights.sum(axis=0)[-1] == pytest.approx(1)


def test_a_constant_output_has_no_effects_and_a_missing_one_does_not_spread():
    y, redrawn = two_gaussians(np.random.default_rng(1), 60, 3)
    clean = shapley_effects(y, redrawn, rng=np.random.default_rng(0))
    y[:, 0] = redrawn[..., 0] = 0.1
    redrawn[1, 4, 1] = np.nan
    found = shapley_effects(y, redrawn, rng=np.random.default_rng(0))
    assert found.variance[0] == 0
    for name in ("effect", "low", "high"):
        assert np.isnan(getattr(found, name)[:, :2]).all(), name
        assert getattr(found, name)[:, 2].tolist() == getattr(clean, name)[:, 2].tolist(), name


def test_ranks_as_unsigned_whole_numbers_are_not_wrapped():
    y, redrawn = (np.round(block + 20) for block in two_gaussians(np.random.default_rng(1), 60, 3))
    found = shapley_effects(y.astype(np.uint16), redrawn.astype(np.uint16))
    assert found.effect.tolist() == shapley_effects(y, redrawn).effect.tolist()


def test_one_sample_has_no_intervals_and_what_does_not_fit_is_turned_away():
    y, redrawn = two_gaussians(np.random.default_rng(1), 5)
    assert np.isnan(shapley_effects(y[:1], redrawn[:, :1], rng=np.random.default_rng(1)).low).all()
    for bad in (redrawn[:2], redrawn[:, :4], redrawn[..., :0]):
        with pytest.raises(ValueError, match="do not fit together"):
            shapley_effects(y, bad)
    with pytest.raises(ValueError, match="one sample or more"):
        shapley_effects(y[:0], redrawn[:, :0])
    with pytest.raises(ValueError, match="one sample or more"):
        ShapleySums(2, 1).effects()
