"""Nodes left out and methods compared as in COINr (Becker et al. 2022, doi:10.21105/joss.04567)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method
from citygauge.analyse.causes import causes
from citygauge.analyse.compare import compare
from citygauge.analyse.leave_out import leave_one_out
from citygauge.store.create import import_coinr

TOLERANCE = 1e-9
DEFAULT = Method.from_toml("""
[impute]
how = "group_mean"
group = "EurAsia_group"
[treat]
how = "winsorise_then"
max_points = 5
[normalise]
how = "minmax"
""")
BY_RANK = DEFAULT.replace(normalise={"how": "percentile_rank"})


@pytest.fixture
def asem(reference: Callable[[str], Path], tmp_path: Path) -> tuple[cg.Workspace, Path]:
    folder = reference("asem")
    return import_coinr(tmp_path / "asem", folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv"), folder


# COINr counts levels from the indicators up: its level 1 is level 3 here.
@pytest.mark.parametrize(("theirs", "level"), [(1, 3), (2, 2), (3, 1)])
def test_leaving_out_each_node_of_a_level_equals_remove_elements(
    asem: tuple[cg.Workspace, Path], theirs: int, level: int
) -> None:
    found = leave_one_out(cg.assess(asem[0], DEFAULT), level=level)
    scores, ranks, means = (
        pl.read_csv(asem[1] / f"remove_level{theirs}_{name}.csv", infer_schema_length=None)
        for name in ("scores", "ranks", "mean_abs_rank_change")
    )
    assert set(scores.columns) == {"uCode", "Nominal", *found.codes}
    order = [found.result.units.codes.index(unit) for unit in scores["uCode"]]
    for column, code in enumerate(found.codes):
        np.testing.assert_allclose(found.scores[order, column], scores[code], rtol=TOLERANCE)
        assert found.ranks[order, column].tolist() == ranks[code].to_list(), code
    own = dict(found.summary.select("removed", "mean_abs_shift").iter_rows())
    want = dict(means.filter(pl.col("removed") != "Nominal").iter_rows())
    assert own == pytest.approx(want, abs=TOLERANCE)


def test_ranks_under_two_normalisations_equal_compare_coins(asem: tuple[cg.Workspace, Path]) -> None:
    expected = pl.read_csv(asem[1] / "compare_minmax_vs_prank_index_ranks.csv")
    found = compare(asem[0], {"coin.1": DEFAULT, "coin.2": BY_RANK})
    wide = found.table().pivot("method", index="unit_code", values=["rank", "shift"])
    joined = expected.join(wide, left_on="uCode", right_on="unit_code")
    assert joined.height == 51
    for own, theirs in (("rank_coin.1", "coin.1"), ("rank_coin.2", "coin.2"), ("shift_coin.2", "Diff")):
        assert joined[own].to_list() == joined[theirs].to_list()
    row = found.summary().row(0, named=True)
    assert row["mean_abs_shift"] == pytest.approx(expected["Abs.diff"].mean())
    assert row["max_abs_shift"] == expected["Abs.diff"].max()


def test_the_only_difference_is_the_whole_cause(asem: tuple[cg.Workspace, Path]) -> None:
    expected = dict(
        pl.read_csv(asem[1] / "compare_minmax_vs_prank_index_ranks.csv").select("uCode", "Diff").iter_rows()
    )
    found = causes(asem[0], DEFAULT, BY_RANK.replace(weights="equal"))
    assert (found.parts, found.idle) == (("normalise",), ("weights",))  # the weights there are equal
    assert dict(zip(found.units, found.rank_shifts[0], strict=True)) == expected
