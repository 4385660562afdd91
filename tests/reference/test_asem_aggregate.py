"""COINr (Becker et al. 2022, doi:10.21105/joss.04567) on ASEM data: scores, weights and results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method, Result, Workspace
from citygauge.analyse.weights import optimised_weights
from citygauge.framework.model import Framework
from citygauge.problems import Problems
from citygauge.store.create import import_coinr

Find = Callable[[str], Path]
# Units are screened before gaps are filled here, after that in COINr's example, where nobody is dropped.
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
ONE_TO_HUNDRED = {"how": "minmax", "low": 1, "high": 100}
_WORKSPACES: dict[Path, Workspace] = {}


@pytest.fixture
def asem(reference: Find, tmp_path: Path) -> tuple[Workspace, Path]:
    """The imported workspace, read once, with COINr's arbitrary weights as the set ``custom``."""
    folder = reference("asem")
    if folder not in _WORKSPACES:
        made = import_coinr(tmp_path / "asem", folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv")
        custom = dict(read(folder / "weights_custom.csv").select("iCode", "Weight").iter_rows())
        assert len(custom) == 60
        sets = {**made.framework.weight_sets, "custom": custom}
        _WORKSPACES[folder] = replace(made, framework=replace(made.framework, weight_sets=sets))
    return _WORKSPACES[folder], folder


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def with_nodes(workspace: Workspace, framework: Framework) -> Workspace:
    return replace(workspace, framework=framework)


def as_raw(workspace: Workspace) -> Workspace:
    """Return the workspace with no denominator in the tree."""
    nodes = tuple(replace(node, denominator="") for node in workspace.framework)
    return with_nodes(workspace, replace(workspace.framework, nodes=nodes))


def own_and_theirs(result: Result, path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the figures of each node in the order of the reference file, gaps as NaN."""
    expected = read(path)
    place = {unit: row for row, unit in enumerate(result.aggregated.units)}
    assert set(place) == set(expected["uCode"])
    rows = [place[unit] for unit in expected["uCode"]]
    codes = [code for code in expected.columns if code in result.framework]
    theirs = {code: expected[code].cast(pl.Float64).fill_null(float("nan")).to_numpy() for code in codes}
    return {code: result.aggregated.column(code)[rows] for code in codes}, theirs


def assert_same(own: Any, theirs: Any, message: str = "") -> None:
    np.testing.assert_allclose(own, theirs, rtol=1e-9, atol=1e-9, err_msg=message)


def assert_equal(result: Result, path: Path) -> None:
    own, theirs = own_and_theirs(result, path)
    assert set(own) == set(result.framework.codes)
    for code in own:
        assert_same(own[code], theirs[code], code)


ARITHMETIC, GEOMETRIC, HARMONIC, COPELAND = (
    {"how": how} for how in ("arithmetic", "geometric", "harmonic", "copeland")
)
# File → weights, aggregation. COINr's functions run from the indicators up, our levels from the index down:
# its first one makes pillars, here the parents at level 2; its `dat_thresh` is turned the same way.
COMPLETE: dict[str, tuple[str, dict[str, Any]]] = {
    "aggregated_amean.csv": ("default", ARITHMETIC),
    "aggregated_gmean.csv": ("default", GEOMETRIC),
    "aggregated_hmean.csv": ("default", HARMONIC),
    "aggregated_genmean_p2.csv": ("default", {"how": "generalised", "power": 2}),
    "aggregated_genmean_pminus1.csv": ("default", {"how": "generalised", "power": -1}),
    "aggregated_copeland.csv": ("default", COPELAND),
    "aggregated_amean_custom_weights.csv": ("custom", ARITHMETIC),
    "aggregated_gmean_custom_weights.csv": ("custom", GEOMETRIC),
    "aggregated_hmean_custom_weights.csv": ("custom", HARMONIC),
    "aggregated_copeland_custom_weights.csv": ("custom", COPELAND),
    "aggregated_mixed_amean_gmean_amean_custom_weights.csv": ("custom", {"by": {"1": GEOMETRIC}}),
}
WITH_GAPS: dict[str, dict[str, Any]] = {
    "aggregated_missing_amean_no_limit.csv": ARITHMETIC,
    "aggregated_missing_gmean_no_limit.csv": GEOMETRIC,
    "aggregated_missing_amean_limit_090.csv": {"min_availability": 0.9},
    "aggregated_missing_gmean_limits_085_100_050.csv": {
        "by": {
            "2": {"how": "geometric", "min_availability": 0.85},
            "1": {"min_availability": 1},
            "0": {"min_availability": 0.5},
        }
    },
}
ON_THEIR_OWN = {
    "aggregated_amean_from_prank.csv",
    "aggregated_amean_without_LPI_Forest.csv",
    "aggregated_amean_no_imputation_screen_090.csv",
}


def test_no_aggregated_data_set_is_left_out(reference: Find) -> None:
    files = {path.name for path in reference("asem").glob("aggregated_*.csv")}
    assert files == set(COMPLETE) | set(WITH_GAPS) | ON_THEIR_OWN


@pytest.mark.parametrize("file", COMPLETE)
def test_scores_of_complete_data_equal_coinrs(asem: tuple[Workspace, Path], file: str) -> None:
    weights, aggregate = COMPLETE[file]
    method = DEFAULT.replace(weights=weights, aggregate=aggregate, normalise=ONE_TO_HUNDRED)
    assert_equal(cg.assess(asem[0], method), asem[1] / file)


@pytest.mark.parametrize("file", WITH_GAPS)
def test_scores_of_data_with_gaps_equal_coinrs(asem: tuple[Workspace, Path], file: str) -> None:
    method = Method(weights="custom").replace(aggregate=WITH_GAPS[file], normalise=ONE_TO_HUNDRED)
    assert_equal(cg.assess(as_raw(asem[0]), method), asem[1] / file)


def test_limits_given_by_code_are_those_of_their_level(asem: tuple[Workspace, Path]) -> None:
    """The same limits with the name of each parent in place of the number of its level."""
    file = "aggregated_missing_gmean_limits_085_100_050.csv"
    workspace, by = as_raw(asem[0]), WITH_GAPS[file]["by"]
    framework = workspace.framework
    named = {code: by[str(framework.levels[code])] for code in framework.aggregates}
    method = Method(weights="custom").replace(aggregate={"by": named}, normalise=ONE_TO_HUNDRED)
    assert_equal(cg.assess(workspace, method), asem[1] / file)


def test_screening_without_imputation_equals_coinrs(asem: tuple[Workspace, Path]) -> None:
    result = cg.assess(asem[0], DEFAULT.replace(impute={"how": "none"}, screen={"min_availability": 0.9}))
    assert len(result.units) == 46
    assert_equal(result, asem[1] / "aggregated_amean_no_imputation_screen_090.csv")


def test_an_index_without_two_indicators_equals_coinrs(asem: tuple[Workspace, Path]) -> None:
    framework = asem[0].framework
    nodes = tuple(node for node in framework if node.code not in {"LPI", "Forest"})
    workspace = with_nodes(asem[0], replace(framework, nodes=nodes))
    assert_equal(cg.assess(workspace, DEFAULT), asem[1] / "aggregated_amean_without_LPI_Forest.csv")


def test_scores_from_percentile_ranks_equal_coinrs_but_for_a_tie_that_rounding_hides(
    asem: tuple[Workspace, Path],
) -> None:
    """In TolMin 5.1000000000000005 is no tie of 5.1 there; what follows from that is followed upwards."""
    framework = asem[0].framework
    result = cg.assess(asem[0], DEFAULT.replace(normalise={"how": "percentile_rank"}))
    own, theirs = own_and_theirs(result, asem[1] / "aggregated_amean_from_prank.csv")
    assert set(own) == set(framework.codes)
    difference = own["TolMin"] - theirs["TolMin"]
    assert set(difference.round(9).tolist()) == {-0.02, 0.0}  # a place of 50
    above = {"TolMin": difference}
    code = "TolMin"
    while (parent := framework[code].parent) is not None:
        above[parent] = above[code] / len(framework.children(parent))
        code = parent
    assert list(above) == ["TolMin", "Social", "Sust", "Index"]
    for code in own:
        assert_same(own[code], theirs[code] + above.get(code, 0.0), code)


@pytest.mark.parametrize("name", ["original", "custom"])
def test_weights_and_effective_weights_equal_coinrs(asem: tuple[Workspace, Path], name: str) -> None:
    result = cg.assess(asem[0], DEFAULT.replace(weights="default" if name == "original" else "custom"))
    table = read(asem[1] / f"weights_{name}_effective.csv")
    assert set(table["iCode"]) == set(result.framework.codes)
    weight = dict(table.select("iCode", "Weight").iter_rows())
    for code, want in table.select("iCode", "EffWeight").iter_rows():
        assert result.effective_weights[code] == pytest.approx(want, rel=1e-9)
        if parent := result.framework[code].parent:
            total = sum(weight[sibling] for sibling in result.framework.children(parent))
            assert result.shares[code] == pytest.approx(weight[code] / total, rel=1e-12)


def test_weights_for_equal_importance_of_the_two_sub_indices_equal_coinrs(
    asem: tuple[Workspace, Path],
) -> None:
    """Two weights have one solution; the shares that are reached are printed too."""
    problems = Problems()
    found = optimised_weights(cg.assess(asem[0], DEFAULT), ["Index"], problems, target="equal")["Index"]
    printed = read(asem[1] / "optimised_weights_level3_balance_equal.csv")
    assert printed["iCode"].to_list() == list(asem[0].framework.children("Index"))
    np.testing.assert_allclose(found.weights, printed["OptWeight"], atol=1e-6)
    np.testing.assert_allclose(found.reached, printed["Obtained"], atol=1e-6)
    assert (found.converged, len(problems)) == (True, 0)


@pytest.fixture
def result(asem: tuple[Workspace, Path]) -> Result:
    return cg.assess(asem[0], DEFAULT)


@pytest.mark.parametrize("name", ["Summ", "Aggs", "Full"])
def test_the_tables_of_scores_equal_coinrs(asem: tuple[Workspace, Path], result: Result, name: str) -> None:
    own, theirs = own_and_theirs(result, asem[1] / f"results_scores_{name}.csv")
    assert len(own) == {"Summ": 1, "Aggs": 11, "Full": 60}[name]
    for code in own:
        assert_same(own[code], theirs[code], code)


@pytest.mark.parametrize("name", ["Summ", "Aggs", "Full"])
def test_the_tables_of_ranks_equal_coinrs(asem: tuple[Workspace, Path], result: Result, name: str) -> None:
    expected = read(asem[1] / f"results_ranks_{name}.csv")
    for code in expected.columns[1:]:
        own = dict(result.scores.filter(code=code).select("unit_code", "rank").iter_rows())
        theirs = dict(expected.select("uCode", code).iter_rows())
        if code == "TolMin":  # Greece's 5.1000000000000005 is a tie of two 5.1 here
            assert (own.pop("GRC"), theirs.pop("GRC")) == (24, 26)
        assert own == theirs, code


def test_the_ranking_has_the_order_the_ranks_and_at_two_decimals_the_figures_of_coinrs(
    asem: tuple[Workspace, Path], result: Result
) -> None:
    expected = read(asem[1] / "results_scores_Summ_rounded2.csv")
    assert result.ranking["unit_code"].to_list() == expected["uCode"].to_list()
    assert result.ranking["rank"].to_list() == expected["Rank"].to_list()
    assert result.decimals == 2
    assert result.ranking["value"].round(result.decimals).to_list() == expected["Index"].to_list()


def test_ranks_inside_groups_follow_from_the_scores_as_coinrs_do(
    asem: tuple[Workspace, Path], result: Result
) -> None:
    """There is no such table here: the scores of a group ranked among themselves."""
    expected = read(asem[1] / "results_groupranks_GDP_group_Aggs.csv")
    group = dict(zip(result.units.codes, result.units.texts("GDP_group"), strict=True))
    assert dict(expected.select("uCode", "GDP_group").iter_rows()) == group
    own, _ = own_and_theirs(result, asem[1] / "results_groupranks_GDP_group_Aggs.csv")
    for code, values in own.items():
        for name in set(group.values()):
            members = [row for row, unit in enumerate(expected["uCode"]) if group[unit] == name]
            ranks = [1 + sum(values[other] > values[row] for other in members) for row in members]
            assert ranks == [expected[code][row] for row in members]


def test_what_is_told_of_single_units_equals_coinrs(asem: tuple[Workspace, Path], result: Result) -> None:
    rows = read(asem[1] / "unit_summary_AUT_SGP_MMR.csv").select("uCode", "Code", "Score", "Rank").rows()
    assert len(rows) == 33
    for unit, code, score, rank in rows:
        told = result.trace(unit, code)
        assert told["value"] == pytest.approx(score, rel=1e-9)
        assert told["rank"] == rank


def test_index_ranks_under_two_normalisations_equal_coinrs(asem: tuple[Workspace, Path]) -> None:
    """Minimum and maximum against percentile ranks, which a tie in TolMin changes by less than a place."""
    table = read(asem[1] / "compare_minmax_vs_prank_index_ranks.csv")
    for column, how in (("coin.1", "minmax"), ("coin.2", "percentile_rank")):
        found = cg.assess(asem[0], DEFAULT.replace(normalise={"how": how}))
        own = dict(found.ranking.select("unit_code", "rank").iter_rows())
        assert own == dict(table.select("uCode", column).iter_rows())
