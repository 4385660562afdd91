"""Sobol indices against functions whose indices are known, enumeration, SALib and a plain bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from citygauge.analyse.robust.sobol import Sums, exact_indices, indices
from conftest import FULL

G = np.array([0, 1, 4.5, 9, 99, 99, 99, 99])
PI = np.pi


def ishigami(x):
    one, two, three = np.moveaxis((2 * x - 1) * PI, -1, 0)
    return np.sin(one) + 7 * np.sin(two) ** 2 + 0.1 * three**4 * np.sin(one)


def ishigami_exact():
    """Ishigami and Homma 1990, doi:10.1109/ISUMA.1990.151285, by integration, for a = 7 and b = 0.1."""
    one, two, both = (1 + 0.1 * PI**4 / 5) ** 2 / 2, 7**2 / 8, 0.1**2 * PI**8 * 8 / 225
    whole = one + two + both
    return np.array([one, two, 0]) / whole, np.array([one + both, two, both]) / whole


def sobol_g(x):
    return ((np.abs(4 * x - 2) + G) / (1 + G)).prod(axis=-1)


def sobol_g_exact():
    """Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018: V_i = 1 / 3(1 + a_i)², V = Π(1 + V_i) - 1."""
    own = 1 / (3 * (1 + G) ** 2)
    whole = (1 + own).prod()
    return own / (whole - 1), own * whole / (1 + own) / (whole - 1)


def table_of(values):
    """A function of categorical factors, all settings equally likely, with its indices by enumeration."""

    def look_up(x):
        return values[tuple((x[..., i] * size).astype(int) for i, size in enumerate(values.shape))]

    axes = range(values.ndim)
    first = [values.mean(axis=tuple(set(axes) - {i})).var() / values.var() for i in axes]
    total = [1 - values.mean(axis=i).var() / values.var() for i in axes]
    return look_up, (np.array(first), np.array(total))


def skewed():
    values = np.random.default_rng(7).gamma(1.5, size=(3, 2, 4, 2))
    values[0, :, 1] += 3
    return values


def step(share):
    """1 for a share of the settings: how the rank of a unit that is nearly sure behaves."""
    x = np.stack(np.meshgrid(*[np.arange(20)] * 3, indexing="ij"))
    height = (x[0] + 1) * (x[1] + 1) + 3 * x[2]
    return np.where(height > np.quantile(height, 1 - share), 40.0, 39.0)


FUNCTIONS = {
    "Ishigami": (ishigami, ishigami_exact()),
    "Sobol's G": (sobol_g, sobol_g_exact()),
    "categories": table_of(skewed()),
}
STEPS = {share: table_of(step(share)) for share in (0.5, 0.05, 0.01, 0.005)}


def design(function, d, n, repetitions, rng):
    """Outputs of as many independent designs as there are repetitions, one in each column."""
    a, b = rng.random((2, n, repetitions, d))
    ab = np.stack([function(np.where(np.arange(d) == i, b, a)) for i in range(d)])
    return function(a), function(b), ab


def coverage(function, exact, n, repetitions):
    """The share of 95 % intervals that hold the truth, first and total, each (d,)."""
    rng, batch = np.random.default_rng(n), 50
    held = np.zeros((2, len(exact[0])))
    for _ in range(repetitions // batch):
        found = indices(*design(function, len(exact[0]), n, batch, rng), rng=rng, n_boot=250)
        for order, (low, high) in enumerate(
            [(found.first_low, found.first_high), (found.total_low, found.total_high)]
        ):
            truth = exact[order][:, None]
            held[order] += ((low <= truth * (1 + 1e-9)) & (truth * (1 - 1e-9) <= high)).sum(axis=1)
    return held / repetitions


@pytest.mark.parametrize("n", [1024, 4096] if FULL else [1024])
def test_95_per_cent_intervals_hold_the_truth_in_92_to_97_of_100_cases(n):
    measured = {
        name: coverage(function, exact, n, 2000 if FULL else 200)
        for name, (function, exact) in FUNCTIONS.items()
    }
    for name, held in measured.items():
        assert ((held.mean(axis=1) >= 0.92) & (held.mean(axis=1) <= 0.97)).all(), (name, held)
        assert (held >= 0.88).all(), (name, held)
    whole = np.concatenate([held.ravel() for held in measured.values()]).mean()
    assert 0.93 <= whole <= 0.965


@pytest.mark.parametrize("share", STEPS)
def test_intervals_are_not_too_sure_of_an_output_that_steps_in_few_samples_only(share):
    function, exact = STEPS[share]
    held = coverage(function, exact, 1024, 2000 if FULL else 200)
    assert (held >= 0.88).all(), held
    assert (held.mean(axis=1) >= 0.92).all(), held


@pytest.mark.parametrize("name", FUNCTIONS)
def test_estimates_meet_the_known_indices(name):
    function, exact = FUNCTIONS[name]
    found = indices(*design(function, len(exact[0]), 20_000, 4, np.random.default_rng(5)))
    assert found.first.mean(axis=1) == pytest.approx(exact[0], abs=0.02)
    assert found.total.mean(axis=1) == pytest.approx(exact[1], abs=0.02)


def test_indices_are_those_of_salib():
    salib = pytest.importorskip("SALib.analyze.sobol")
    function, _ = FUNCTIONS["Ishigami"]
    a, b, ab = design(function, 3, 200, 1, np.random.default_rng(2))
    rows = np.concatenate([a, *ab, b], axis=1)  # SALib: A, AB1 … ABd, B of a sample one after another
    problem = {"num_vars": 3, "names": ["x", "y", "z"], "bounds": [[0, 1]] * 3}
    theirs = salib.analyze(problem, rows.ravel(), calc_second_order=False, num_resamples=2, seed=1)
    # SALib takes the mean of all runs off, not of A and B alone, and divides by n, not n - 1.
    found = indices(a - rows.mean(), b - rows.mean(), ab - rows.mean(), centred=False)
    assert found.first[:, 0] * 400 / 399 == pytest.approx(theirs["S1"], rel=1e-10)
    assert found.total[:, 0] * 400 / 399 == pytest.approx(theirs["ST"], rel=1e-10)


def test_figures_by_hand():
    a, b, ab = np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]]), np.array([[[3.0], [2.0]]])
    found = indices(a, b, ab)  # mean 2, deviations -1, 0, -1, 2, V = 6/3 = 2
    assert found.variance.tolist() == [2.0]
    assert found.first.tolist() == [[-0.5]]  # (-1·2 + 2·0) / 2 / 2
    assert found.total.tolist() == [[0.5]]  # (4 + 0) / 2 / 4
    assert indices(a, b, ab, centred=False).first.tolist() == [[0.5]]  # (1·2 + 4·0) / 2 / 2
    assert np.isnan(found.first_low).all()  # no intervals were asked for


def test_intervals_are_those_of_a_plain_bootstrap():
    rng = np.random.default_rng(4)
    a, b, ab = (block[..., 0] for block in design(ishigami, 3, 300, 1, rng))
    found = indices(a[:, None], b[:, None], ab[:, :, None], rng=rng, n_boot=2000, level=0.9)
    drawn = []
    for _ in range(2000):
        i = rng.integers(0, 300, 300)
        once = indices(a[i, None], b[i, None], ab[:, i, None])
        drawn.append([once.first[:, 0], once.total[:, 0]])
    spread = np.std(drawn, axis=0)
    reach = 1.6448536
    assert found.first_high[:, 0] - found.first[:, 0] == pytest.approx(reach * spread[0], rel=0.1)
    assert np.log(found.total_high / found.total)[:, 0] == pytest.approx(
        reach * spread[1] / found.total[:, 0], rel=0.1
    )
    assert found.first - found.first_low == pytest.approx(found.first_high - found.first)
    assert found.total / found.total_low == pytest.approx(found.total_high / found.total)


def fed(a, b, ab, cuts, **how):
    sums = Sums(len(ab), a.shape[1], **how)
    for one, other in zip([0, *cuts], [*cuts, len(a)], strict=True):
        sums.add(a[one:other], b[one:other], ab[:, one:other])
    return sums


@settings(max_examples=40 if FULL else 10, deadline=None)
@given(st.lists(st.integers(0, 333), max_size=8).map(sorted))
def test_blocks_of_any_size_give_the_same_bits(cuts):
    a, b, ab = design(ishigami, 3, 333, 2, np.random.default_rng(6))
    one, other = fed(a, b, ab, [], groups=64), fed(a, b, ab, cuts, groups=64)
    found = [sums.indices(rng=np.random.default_rng(1), n_boot=20) for sums in (one, other)]
    for name, value in vars(found[0]).items():
        assert value.tobytes() == getattr(found[1], name).tobytes(), name


@pytest.mark.parametrize("centred", [True, False])
def test_any_offset_gives_the_indices_of_all_samples_at_once(centred):
    a, b, ab = design(ishigami, 3, 2500, 3, np.random.default_rng(7))
    whole = indices(a, b, ab, centred=centred, rng=np.random.default_rng(1), n_boot=50)
    for offset in (None, np.array([3.5, -20.0, 100.0])):
        sums = fed(a, b, ab, [1000, 1100], offset=offset)
        assert sums.n == 2500
        found = sums.indices(centred=centred, rng=np.random.default_rng(1), n_boot=50)
        for name, value in vars(whole).items():
            np.testing.assert_allclose(getattr(found, name), value, rtol=1e-9, atol=1e-9, err_msg=name)


def test_groups_keep_the_length_of_the_intervals():
    blocks = design(ishigami, 3, 4000, 4, np.random.default_rng(8))
    few, many = (
        fed(*blocks, [], groups=groups).indices(rng=np.random.default_rng(2)) for groups in (300, 4000)
    )
    assert few.first == pytest.approx(many.first)
    for low, high in (("first_low", "first_high"), ("total_low", "total_high")):
        length = [getattr(found, high) - getattr(found, low) for found in (few, many)]
        assert length[0] == pytest.approx(length[1], rel=0.25)


def test_a_shift_of_the_outputs_changes_nothing_but_the_uncentred_first_order():
    a, b, ab = design(ishigami, 3, 500, 1, np.random.default_rng(9))
    here, far = indices(a, b, ab), indices(a + 1e4, b + 1e4, ab + 1e4)
    assert far.first == pytest.approx(here.first, rel=1e-6, abs=1e-8)
    raw = indices(a + 1e4, b + 1e4, ab + 1e4, centred=False)
    assert raw.total == pytest.approx(here.total, rel=1e-6)
    assert np.abs(raw.first - here.first).max() > 10  # which is why outputs are centred


def test_ranks_as_unsigned_whole_numbers_are_not_wrapped():
    a, b, ab = (np.round(block * 3 + 50) for block in design(ishigami, 3, 100, 2, np.random.default_rng(3)))
    found = indices(*(block.astype(np.uint16) for block in (a, b, ab)))
    assert found.first.tolist() == indices(a, b, ab).first.tolist()


def test_a_constant_output_has_no_indices_and_a_missing_one_does_not_spread():
    a, b, ab = design(ishigami, 3, 60, 4, np.random.default_rng(1))
    clean = indices(a, b, ab, rng=np.random.default_rng(0))
    for block in (a, b, ab):
        block[..., 0], block[..., 1] = 7, 0.1
    b[::2, 1] += 1e-17
    ab[1, 5, 2] = np.nan
    found = indices(a, b, ab, rng=np.random.default_rng(0))
    assert found.variance[:2].tolist() == [0, 0]
    for name in ("first", "first_low", "first_high", "total", "total_low", "total_high"):
        assert np.isnan(getattr(found, name)[:, :2]).all(), name
        assert np.isnan(getattr(found, name)[1, 2]), name
        assert getattr(found, name)[:, 3].tolist() == getattr(clean, name)[:, 3].tolist(), name
    assert not np.isnan(found.variance[2])
    a[0, 3] = np.nan
    assert np.isnan(indices(a, b, ab, rng=np.random.default_rng(0)).total_high[:, 3]).all()


def test_a_factor_without_effect_has_zero_and_not_nan():
    a, b, ab = design(ishigami, 3, 50, 1, np.random.default_rng(1))
    found = indices(a, b, np.concatenate([ab, a[None]]), rng=np.random.default_rng(1))
    assert (found.first[3, 0], found.total[3, 0], found.total_low[3, 0], found.total_high[3, 0]) == (
        0,
        0,
        0,
        0,
    )
    assert found.first_low[3, 0] == found.first_high[3, 0] == 0


def test_an_output_that_one_sample_alone_changes_still_has_an_interval():
    a, b, ab = np.zeros((8, 1)), np.zeros((8, 1)), np.zeros((2, 8, 1))
    b[3] = ab[0, 3] = 1  # most resamples have a variance, some have none
    found = indices(a, b, ab, rng=np.random.default_rng(1), n_boot=50)
    assert found.total_low[0, 0] <= found.total[0, 0] <= found.total_high[0, 0]
    assert found.first_high[0, 0] - found.first_low[0, 0] > 0.5


def test_one_sample_has_no_intervals_and_none_no_indices():
    a, b, ab = np.array([[1.0]]), np.array([[3.0]]), np.array([[[2.0]]])
    found = indices(a, b, ab, rng=np.random.default_rng(1))
    assert (found.first.item(), found.total.item()) == (0.5, 0.25)
    assert np.isnan(found.total_high).all()
    with pytest.raises(ValueError, match="one sample or more"):
        indices(a[:0], b[:0], ab[:, :0])
    with pytest.raises(ValueError, match="one sample or more"):
        Sums(1, 1).indices()


def test_what_does_not_fit_is_turned_away():
    a, b, ab = design(ishigami, 3, 10, 2, np.random.default_rng(1))
    with pytest.raises(ValueError, match="do not fit together"):
        indices(a, b[:9], ab)
    with pytest.raises(ValueError, match="do not fit together"):
        indices(a, b, ab[:, :, :1])
    with pytest.raises(ValueError, match="do not fit together"):
        Sums(2, 2).add(a, b, ab)
    with pytest.raises(ValueError, match="one value for each output"):
        Sums(3, 2, offset=np.zeros(3))
    with pytest.raises(ValueError, match="n_boot"):
        indices(a, b, ab, rng=np.random.default_rng(1), n_boot=1)
    for level in (0, 1):
        with pytest.raises(ValueError, match="level"):
            indices(a, b, ab, rng=np.random.default_rng(1), level=level)


def full(values):
    """Levels and outputs of a full factorial, as a list of runs."""
    return np.array(list(np.ndindex(values.shape))), values.reshape(-1, 1)


def test_exact_indices_are_those_of_enumeration():
    values = skewed()
    levels, outputs = full(values)
    mixed = np.random.default_rng(1).permutation(len(levels))
    found = exact_indices(levels[mixed] * 10, outputs[mixed])
    _, (first, total) = table_of(values)
    assert found.first[:, 0] == pytest.approx(first, rel=1e-12)
    assert found.total[:, 0] == pytest.approx(total, rel=1e-12)
    assert found.variance.item() == pytest.approx(values.var(), rel=1e-12)
    assert found.first_low is found.first
    assert found.total_high is found.total


def test_exact_indices_of_known_tables():
    levels, _ = full(np.zeros((2, 2)))
    outputs = np.column_stack([levels @ [1, 2], levels[:, 0] ^ levels[:, 1], [3, 3, 3, 3]]).astype(float)
    found = exact_indices(levels, outputs)
    assert found.first[:, :2].tolist() == [[0.2, 0], [0.8, 0]]
    assert found.total[:, :2].tolist() == [[0.2, 1], [0.8, 1]]
    assert np.isnan(found.first[:, 2]).all()
    assert np.isnan(found.total[:, 2]).all()
    assert found.variance.tolist() == [1.25, 0.25, 0]


@pytest.mark.parametrize(
    "levels", [[[0, 0], [0, 1], [1, 0]], [[0, 0], [0, 1], [1, 0], [1, 0]], [[0, 0], [0, 1], [1, 0], [1, 2]]]
)
def test_runs_that_are_no_full_factorial_have_no_exact_indices(levels):
    with pytest.raises(ValueError, match="every combination"):
        exact_indices(np.array(levels), np.arange(len(levels), dtype=float)[:, None])


@settings(max_examples=100 if FULL else 20, deadline=None)
@given(arrays(np.int64, (2, 3, 2), elements=st.integers(-5, 5)).filter(lambda values: np.ptp(values) > 0))
def test_first_orders_come_to_one_at_most_and_totals_at_least(values):
    found = exact_indices(*full(values.astype(float)))
    assert (found.first >= 0).all()
    assert (found.first <= found.total + 1e-12).all()
    assert found.first.sum() <= 1 + 1e-12
    assert found.total.sum() >= 1 - 1e-12
