"""COINr's sensitivity analysis of ASEM drawn anew (Becker et al. 2022, doi:10.21105/joss.04567).

The exact indices are those of all 2,000 runs of the four factors.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method, Result
from citygauge.analyse.robust.robustness import Robustness, robustness
from citygauge.analyse.robust.spec import Spec
from citygauge.store.create import import_coinr
from conftest import FULL

METHOD = Method.from_toml("""
[impute]
how = "group_mean"
group = "EurAsia_group"
[treat]
how = "winsorise_then"
max_points = 5
[normalise]
how = "minmax"
""")
FACTORS = [
    {"key": "treat.max_points", "values": [1, 2, 3, 4, 5]},
    {
        "key": "normalise",
        "values": [
            {"how": "minmax", "low": 1.0, "high": 100.0},
            {"how": "zscore", "mean": 10.0, "sd": 2.0},
        ],
    },
    {"weights": {"sets": "sets.csv"}},
    {"key": "aggregate.how", "values": ["arithmetic", "geometric"]},
]
OUTPUT = "mean_abs_rank_change"


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Result]:
    results: dict[Path, Result] = {}

    def make(folder: Path) -> Result:
        if folder not in results:
            place = tmp_path_factory.mktemp("sensitivity") / "asem"
            workspace = import_coinr(place, folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv")
            sets = read(folder / "sa_noisy_weight_sets.csv").select("set", code="iCode", weight="Weight")
            sets.write_csv(place / "sets.csv")
            results[folder] = cg.assess(workspace, METHOD)
        return results[folder]

    return make


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def drawn(result: Result, **more: int) -> Robustness:
    return robustness(result, Spec(factor=FACTORS, **more))


def test_each_combination_that_is_drawn_shifts_the_ranks_as_in_coinrs_run_of_it(
    reference: Callable[[str], Path], assessed: Callable[[Path], Result]
) -> None:
    folder = reference("asem")
    found = drawn(assessed(folder), n=100, samples=0)
    model, n = found.model, 1000
    levels = model.draws(0, n).levels
    rows = {
        (row["winmax"], row["normalisation"], str(row["weight_set"]), row["aggregation"]): row[OUTPUT]
        for row in read(folder / "sa_full_factorial.csv").to_dicts()
    }
    sets = next(each.labels for each in model.factors if each.name == "weights")
    names = zip(
        *(levels[name] for name in ("treat.max_points", "normalise", "weights", "aggregate.how")), strict=True
    )
    expected = [
        rows[points + 1, ("n_minmax", "n_zscore")[how], sets[which], ("a_amean", "a_gmean")[mean]]
        for points, how, which, mean in names
    ]
    np.testing.assert_allclose(found.mean_shifts(n), expected, rtol=1e-12)


def test_all_combinations_are_drawn_alike(
    reference: Callable[[str], Path], assessed: Callable[[Path], Result]
) -> None:
    """The distribution of ranks is that of COINr's 2,000 runs."""
    folder = reference("asem")
    found = drawn(assessed(folder), n=40_000, samples=0)
    expected = read(folder / "sa_full_factorial_rank_stats.csv")
    rows = [found.units.index(unit) for unit in expected["uCode"]]
    sd = found.summary.select("unit_code", "rank_sd").rows()
    error = np.array([dict(sd)[unit] for unit in expected["uCode"]]) / 200
    assert (np.abs(found.counts.mean_ranks()[rows] - expected["Mean"].to_numpy()) <= 4 * error + 1e-12).all()
    off = np.abs(
        found.counts.rank_quantiles([0.5, 0.05, 0.95])[rows] - expected["Median", "Q5", "Q95"].to_numpy()
    )
    assert (off <= 1).all()
    assert (off == 0).mean() > 0.9


def test_the_estimator_converges_to_the_exact_indices(
    reference: Callable[[str], Path], assessed: Callable[[Path], Result]
) -> None:
    folder = reference("asem")
    exact = read(folder / "sa_exact_indices.csv")
    held, result = [], assessed(folder)
    for seed in range(1, 11 if FULL else 5):
        table = drawn(result, n=10, seed=seed, samples=4096).indices
        assert table is not None
        own = table.filter(output=OUTPUT)
        for row, first, total in zip(own.to_dicts(), exact["Si_exact"], exact["STi_exact"], strict=True):
            assert row["S1"] == pytest.approx(first, abs=0.06)
            assert row["ST"] == pytest.approx(total, abs=0.04)
            held += [row["S1_low"] <= first <= row["S1_high"], row["ST_low"] <= total <= row["ST_high"]]
    assert np.mean(held) >= 0.85


def test_16384_samples_bring_the_intervals_of_the_total_indices_below_3_hundredths(
    reference: Callable[[str], Path], assessed: Callable[[Path], Result]
) -> None:
    folder = reference("asem")
    exact = read(folder / "sa_exact_indices.csv")
    table = drawn(assessed(folder), n=10).indices
    assert table is not None
    own = table.filter(output=OUTPUT)
    half = ((own["ST_high"] - own["ST_low"]) / 2).to_numpy()
    assert (half < 0.03).all()
    assert (np.abs(own["ST"].to_numpy() - exact["STi_exact"].to_numpy()) < 2 * half).all()
    assert (np.abs(own["S1"].to_numpy() - exact["Si_exact"].to_numpy()) < 0.03).all()
