"""Sensitivity indices: COINr's estimates (Becker et al. 2022, doi:10.21105/joss.04567) and the exact ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from citygauge.analyse.robust.designs import Factorial, Saltelli, recognise
from citygauge.analyse.robust.sobol import exact_indices, indices

FACTORS = ["winmax", "normalisation", "weight_set", "aggregation"]
OUTPUT = "mean_abs_rank_change"


@pytest.fixture
def read(reference: Callable[[str], Path]) -> Callable[[str], pl.DataFrame]:
    return lambda name: pl.read_csv(reference(f"asem/{name}.csv"), infer_schema_length=None)


def design_of(runs: pl.DataFrame) -> Saltelli | Factorial | None:
    return recognise({name: runs[name].cast(pl.String).to_list() for name in FACTORS})


def test_saltellis_design_is_found_in_the_runs_and_its_indices_are_coinrs(read):
    runs, expected = read("sa100_runs"), read("sa100_indices")
    design = design_of(runs)
    assert isinstance(design, Saltelli)
    assert (design.n, design.factors) == (100, tuple(FACTORS))
    outputs = runs[OUTPUT].to_numpy().reshape(6, 100, 1)
    found = indices(outputs[0], outputs[1], outputs[2:], centred=False)
    assert found.first[:, 0].tolist() == pytest.approx(expected["Si"].to_list(), rel=1e-12)
    assert found.total[:, 0].tolist() == pytest.approx(expected["STi"].to_list(), rel=1e-12)
    assert found.variance.item() == pytest.approx(expected["Variance"][0], rel=1e-12)


def test_intervals_have_about_the_length_of_coinrs(read):
    """COINr's are the 5 % and 95 % quantiles of 100 resamples drawn by itself: random, so only about."""
    runs, expected = read("sa100_runs"), read("sa100_indices_with_bootstrap")
    outputs = runs[OUTPUT].to_numpy().reshape(6, 100, 1)
    found = indices(
        outputs[0], outputs[1], outputs[2:], centred=False, rng=np.random.default_rng(1), level=0.9
    )
    for low, high, name in (("first_low", "first_high", "Si"), ("total_low", "total_high", "STi")):
        theirs = (expected[f"{name}_q95"] - expected[f"{name}_q5"]).to_numpy()
        assert getattr(found, high)[:, 0] - getattr(found, low)[:, 0] == pytest.approx(theirs, rel=0.4)


def test_the_full_factorial_is_found_and_its_indices_are_the_exact_ones(read):
    runs, expected = read("sa_full_factorial"), read("sa_exact_indices")
    for given in (runs, runs.sample(fraction=1.0, shuffle=True, seed=1)):
        design = design_of(given)
        assert isinstance(design, Factorial)
        assert (design.n, design.factors) == (2000, tuple(FACTORS))
        found = exact_indices(design.levels, given[OUTPUT].to_numpy()[:, None])
        assert found.first[:, 0].tolist() == pytest.approx(expected["Si_exact"].to_list(), rel=1e-12)
        assert found.total[:, 0].tolist() == pytest.approx(expected["STi_exact"].to_list(), rel=1e-12)
        assert found.variance.item() == pytest.approx(expected["Variance_exact"][0], rel=1e-12)


def test_runs_drawn_independently_and_shuffled_ones_follow_no_design(read):
    assert design_of(read("ua100_runs")) is None
    assert design_of(read("ua1000_runs")) is None
    assert design_of(read("sa100_runs").sample(fraction=1.0, shuffle=True, seed=1)) is None


def test_estimates_converge_to_the_exact_indices(read):
    """Saltelli designs drawn from the full factorial: the error falls as one over the root of n."""
    runs, expected = read("sa_full_factorial"), read("sa_exact_indices")
    design = design_of(runs)
    assert isinstance(design, Factorial)
    sizes = design.levels.max(axis=0) + 1
    table = np.empty(sizes)
    table[tuple(design.levels.T)] = runs[OUTPUT].to_numpy()
    rng, errors = np.random.default_rng(1), {}
    first, total = (expected[name].to_numpy()[:, None] for name in ("Si_exact", "STi_exact"))
    for n in (256, 4096):
        a, b = rng.integers(0, sizes, (2, n, 60, 4))
        ab = np.stack([np.where(np.arange(4) == factor, b, a) for factor in range(4)])
        outputs = [table[tuple(np.moveaxis(picks, -1, 0))] for picks in (a, b, ab)]
        found = indices(*outputs, rng=rng, n_boot=300)
        errors[n] = np.sqrt([((found.first - first) ** 2).mean(), ((found.total - total) ** 2).mean()])
    assert errors[256] / errors[4096] == pytest.approx([4, 4], rel=0.2)
    assert (errors[4096] < 0.02).all()
    held = (found.first_low <= first) & (first <= found.first_high)
    assert 0.9 <= held.mean() <= 0.99
    held = (found.total_low <= total) & (total <= found.total_high)
    assert 0.9 <= held.mean() <= 0.99
