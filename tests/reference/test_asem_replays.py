"""COINr's uncertainty runs on ASEM done again (Becker et al. 2022, doi:10.21105/joss.04567)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method, Result
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.replay import Replay, replay
from citygauge.files import frame_sheet
from citygauge.report.robust_files import write_replay
from citygauge.store.create import import_coinr

TOLERANCE = 1e-9
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
MEANS = {"a_amean": "arithmetic", "a_gmean": "geometric"}


@pytest.fixture(scope="module")
def asem(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Result]:
    results: dict[Path, Result] = {}

    def assessed(folder: Path) -> Result:
        if folder not in results:
            place = tmp_path_factory.mktemp("replays") / "asem"
            workspace = import_coinr(place, folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv")
            results[folder] = cg.assess(workspace, METHOD)
        return results[folder]

    return assessed


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def runs_of(raw: pl.DataFrame) -> pl.DataFrame:
    """The settings of COINr's runs under the keys of a method."""
    if "run" not in raw.columns:
        raw = raw.with_row_index("run", offset=1)
    is_minmax = raw["normalisation"] == "n_minmax"

    def only(where: pl.Series, text: str) -> pl.Series:
        return pl.Series([text if there else None for there in where], dtype=pl.String)

    return pl.DataFrame(
        {
            "run": raw["run"].cast(pl.String),
            "treat.max_points": raw["winmax"].cast(pl.String),
            "normalise.how": ["minmax" if there else "zscore" for there in is_minmax],
            "normalise.low": only(is_minmax, "1"),
            "normalise.high": only(is_minmax, "100"),
            "normalise.mean": only(~is_minmax, "10"),
            "normalise.sd": only(~is_minmax, "2"),
            "weights": raw["weight_set"].cast(pl.String),
            "aggregate.how": [MEANS[name] for name in raw["aggregation"]],
        }
    )


def replayed(result: Result, folder: Path, raw: pl.DataFrame) -> Replay:
    sets = read(folder / "sa_noisy_weight_sets.csv").select(
        set=pl.col("set").cast(pl.String), code="iCode", weight=pl.col("Weight").cast(pl.String)
    )
    return replay(result, frame_sheet(runs_of(raw), "runs.csv"), frame_sheet(sets, "sets.csv"))


def places(found: Replay, units: pl.Series) -> list[int]:
    return [found.result.units.codes.index(unit) for unit in units]


def shifts(found: Replay) -> np.ndarray:
    """The mean over units of the distance from the published rank, written out."""
    return np.abs(found.ranks.astype(float) - found.result.ranks[:, 0]).mean(axis=1)


@pytest.mark.parametrize("name", ["ua100", "sa100"])
def test_each_of_the_given_runs_has_the_scores_of_coinr(
    name: str, reference: Callable[[str], Path], asem: Callable[[Path], Result]
) -> None:
    folder = reference("asem")
    found = replayed(asem(folder), folder, read(folder / f"{name}_runs.csv"))
    expected = read(folder / f"{name}_scores.csv")
    scores = expected[:, 2:].to_numpy().T
    own = found.scores[:, places(found, expected["uCode"])]
    np.testing.assert_allclose(own, scores, rtol=TOLERANCE, atol=TOLERANCE)


def test_each_of_the_given_runs_has_the_ranks_of_coinr(
    reference: Callable[[str], Path], asem: Callable[[Path], Result]
) -> None:
    folder = reference("asem")
    found = replayed(asem(folder), folder, read(folder / "ua100_runs.csv"))
    expected = read(folder / "ua100_ranks.csv")
    own = found.ranks[:, places(found, expected["uCode"])]
    assert (own == expected[:, 2:].to_numpy().T).all()


@pytest.mark.parametrize(
    ("runs", "statistics"),
    [
        ("ua100_runs", "ua100_rank_stats"),
        ("ua1000_runs", "ua1000_rank_stats"),
        ("sa100_runs", "sa100_rank_stats"),
        ("sa_full_factorial", "sa_full_factorial_rank_stats"),
    ],
)
def test_rank_statistics_and_mean_rank_changes_are_those_of_coinr(
    runs: str, statistics: str, reference: Callable[[str], Path], asem: Callable[[Path], Result]
) -> None:
    folder = reference("asem")
    raw, expected = read(folder / f"{runs}.csv"), read(folder / f"{statistics}.csv")
    found = replayed(asem(folder), folder, raw)
    np.testing.assert_allclose(shifts(found), raw["mean_abs_rank_change"].to_numpy(), rtol=1e-12)
    rows = places(found, expected["uCode"])
    quantiles = found.counts.rank_quantiles([0.5, 0.05, 0.95])[rows]
    np.testing.assert_allclose(quantiles, expected.select("Median", "Q5", "Q95").to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.counts.mean_ranks()[rows], expected["Mean"].to_numpy(), rtol=1e-12)
    assert (found.result.ranks[rows, 0] == expected["Nominal"].to_numpy()).all()


@pytest.mark.parametrize(
    ("runs", "indices", "columns"),
    [
        ("sa100_runs", "sa100_indices", ("Si", "STi")),
        ("sa_full_factorial", "sa_exact_indices", ("Si_exact", "STi_exact")),
    ],
)
def test_indices_are_those_of_coinr_given_the_runs(
    runs: str,
    indices: str,
    columns: tuple[str, str],
    reference: Callable[[str], Path],
    asem: Callable[[Path], Result],
) -> None:
    folder = reference("asem")
    found = replayed(asem(folder), folder, read(folder / f"{runs}.csv"))
    expected = read(folder / f"{indices}.csv")
    assert found.design is not None
    assert found.indices is not None
    assert found.outputs.names[0] == "mean_abs_rank_change"
    assert [name.split(".")[0] for name in found.design.factors] == [
        "treat", "normalise", "weights", "aggregate",
    ]  # fmt: skip
    np.testing.assert_allclose(found.indices.first[:, 0], expected[columns[0]].to_numpy(), atol=1e-12)
    np.testing.assert_allclose(found.indices.total[:, 0], expected[columns[1]].to_numpy(), atol=1e-12)


def test_the_files_of_a_replay_hold_what_was_computed(
    reference: Callable[[str], Path], asem: Callable[[Path], Result], tmp_path: Path
) -> None:
    folder = reference("asem")
    found = replayed(asem(folder), folder, read(folder / "sa100_runs.csv"))
    write_replay(found, tmp_path / "robust")
    scores, ranks = (pl.read_csv(tmp_path / "robust" / f"{name}.csv") for name in ("scores", "ranks"))
    assert scores.columns == ["run", "unit_code", "value"]
    assert ranks.columns == ["run", "unit_code", "rank"]
    assert scores.height == ranks.height == 600 * 51
    expected = read(folder / "sa100_scores.csv")
    austria = scores.filter(pl.col("unit_code") == "AUT")["value"].to_numpy()
    np.testing.assert_allclose(austria, expected.filter(pl.col("uCode") == "AUT")[:, 2:].to_numpy()[0])
    summary = pl.read_csv(tmp_path / "robust" / "summary.csv")
    assert summary.columns[:5] == ["unit_code", "rank_published", "rank_median", "rank_p05", "rank_p95"]
    assert summary["score_median"].is_null().all()  # min-max and z-scores are no one scale
    indices = pl.read_csv(tmp_path / "robust" / "indices.csv")
    assert indices.columns == ["output", "factor", "S1", "S1_low", "S1_high", "ST", "ST_low", "ST_high"]
    counts = Counts.load(tmp_path / "robust" / "histogram.npz")
    assert counts.n == 200  # A and B alone: the other runs are drawn again from these
    assert (counts.ranks == found.counts.ranks).all()
