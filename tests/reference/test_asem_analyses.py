"""Statistics and profiles of COINr's default example (Becker et al. 2022, doi:10.21105/joss.04567)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method, Result
from citygauge.analyse.consistency import component_loadings, consistency, cronbach_alpha, explained_variance
from citygauge.analyse.correlation import (
    correlation_flags,
    correlation_matrix,
    correlations,
    correlations_with_denominators,
    correlations_with_parents,
)
from citygauge.analyse.pairwise import correlation, p_value
from citygauge.analyse.statistics import indicator_statistics
from citygauge.analyse.unit_profile import (
    group_ranks,
    indicator_places,
    strengths_and_weaknesses,
    unit_summary,
)
from citygauge.store.create import import_coinr

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
PILLARS = {"ConEcFin", "Instit", "P2P", "Physical", "Political", "Environ", "Social", "SusEcFin"}
UNITS = ("AUT", "SGP", "MMR")


@pytest.fixture
def asem(reference: Callable[[str], Path]) -> Path:
    return reference("asem")


@pytest.fixture
def result(asem: Path, tmp_path: Path) -> Result:
    workspace = import_coinr(tmp_path / "asem", asem / "ASEM_iData.csv", asem / "ASEM_iMeta.csv")
    return cg.assess(workspace, DEFAULT)


def read(path: Path) -> pl.DataFrame:
    """Read a reference file; only an empty field is missing, which polars knows by itself."""
    return pl.read_csv(path, infer_schema_length=None)


def numbers(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def assert_near(got: np.ndarray, want: np.ndarray, what: str = "") -> None:
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12, err_msg=what)


STATISTICS = {
    "Min": "min", "Max": "max", "Mean": "mean", "Median": "median", "Std": "sd", "Skew": "skew",
    "Kurt": "kurtosis", "N.Avail": "available", "N.Unique": "unique", "N.Same": "same",
    "Frc.Avail": "share_available", "Frc.Unique": "share_unique", "Frc.Same": "share_same",
}  # fmt: skip
FLAGS = {
    "Flag.Avail": "few_available", "Flag.NonZero": "many_zeros", "Flag.Unique": "few_unique",
    "Flag.SkewKurt": "outliers",
}  # fmt: skip


@pytest.mark.parametrize(("step", "file"), [("raw", "stats_raw.csv"), ("derived", "stats_denominated.csv")])
def test_statistics_and_flags_equal_coinrs(asem: Path, result: Result, step: str, file: str) -> None:
    both = read(asem / file).join(indicator_statistics(result, step), left_on="iCode", right_on="code")
    assert both.height == 49
    # Greece's TolMin is stored as 5.1000000000000005 where Bulgaria's and Czechia's is 5.1, and one more pair
    # is apart by as little: ties here.
    is_tolmin = both["iCode"] == "TolMin"
    for theirs, ours in STATISTICS.items():
        apart = is_tolmin & (theirs.endswith(("Unique", "Same")))
        kept = both.filter(~apart)
        assert_near(numbers(kept[ours]), numbers(kept[theirs]), theirs)
    as_printed = {f"{value:.9f}" for value in read(asem / "step1_raw.csv")["TolMin"]}
    assert both.filter(is_tolmin).select("N.Unique", "unique").row(0) == (42, len(as_printed))
    assert (both["available"] - both["zeros"]).to_list() == both["N.NonZero"].to_list()
    assert_near(1 - numbers(both["share_zeros"]), numbers(both["Frc.NonZero"]))
    for theirs, ours in FLAGS.items():
        assert both[ours].to_list() == both[theirs].ne("ok").to_list()
    assert both["outliers"].sum() > 0
    assert both["few_unique"].sum() > 0


FILES = {
    "Raw": ("raw", "step1_raw.csv"),
    "Treated": ("treated", "step5_treated_winsorise5_logCT.csv"),
    "Normalised": ("normalised", "step6_normalised_minmax_0_100.csv"),
}


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
@pytest.mark.parametrize("name", FILES)
def test_the_correlations_of_coinrs_tables_equal_its_own(asem: Path, name: str, method: str) -> None:
    expected = read(asem / f"corr_{name}_{method}.csv")
    table = read(asem / FILES[name][1]).select(expected["iCode"].to_list())
    found, _ = correlation(np.column_stack([numbers(column) for column in table]), None, method)
    assert_near(found, expected.drop("iCode").to_numpy().astype(float))


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
@pytest.mark.parametrize("name", FILES)
def test_the_correlations_of_our_tables_equal_coinrs(
    asem: Path, result: Result, name: str, method: str
) -> None:
    expected = read(asem / f"corr_{name}_{method}.csv")
    codes = expected["iCode"].to_list()
    own = correlation_matrix(result, codes=codes, step=FILES[name][0], method=method)
    assert own["code"].to_list() == codes
    got, want = (frame.to_numpy().astype(float) for frame in (own.drop("code"), expected.drop("iCode")))
    if method != "pearson":  # the tie in TolMin, see above
        at = codes.index("TolMin")
        assert np.abs(got - want).max() < 0.01
        got, want = (np.delete(np.delete(each, at, 0), at, 1) for each in (got, want))
    assert_near(got, want)


def test_p_values_equal_coinrs(asem: Path, result: Result) -> None:
    expected = read(asem / "corr_pvalues_raw_pearson.csv")
    codes = expected["iCode"].to_list()
    table = read(asem / "step1_raw.csv").select(codes)
    found, n = correlation(np.column_stack([numbers(column) for column in table]))
    want = expected.drop("iCode").to_numpy().astype(float)
    np.testing.assert_allclose(p_value(found, n), want, rtol=1e-9, atol=1e-12)
    rows = correlations(result, codes=codes, step="raw")
    place = {code: i for i, code in enumerate(codes)}
    at = [(place[one], place[other]) for one, other in rows.select("code", "other").iter_rows()]
    assert len(at) == 49 * 48 / 2
    np.testing.assert_allclose(numbers(rows["p_value"]), [want[i] for i in at], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "level"), [("level1", None), ("level1_significant_005", 0.05)])
def test_long_tables_equal_coinrs_with_and_without_significance(
    asem: Path, result: Result, name: str, level: float | None
) -> None:
    expected = read(asem / f"corr_get_corr_raw_{name}_long.csv")
    want = {(a, b): r for a, b, r in expected.iter_rows()}
    rows = correlations(result, step="raw", significance=level)
    assert len(want) == 49 * 49
    for one, other, found in rows.select("code", "other", "correlation").iter_rows():
        for pair in ((one, other), (other, one)):
            assert found == (None if want[pair] is None else pytest.approx(want[pair], rel=1e-9, abs=1e-12))
    assert (rows["correlation"].null_count() > 0) == (level is not None)


@pytest.mark.parametrize(
    ("file", "level"),
    [
        ("corr_indicator_vs_own_pillar.csv", 3),
        ("corr_pillar_vs_own_subindex.csv", 2),
        ("corr_subindex_vs_index.csv", 1),
    ],
)
def test_correlations_with_the_parent_equal_coinrs(asem: Path, result: Result, file: str, level: int) -> None:
    want = {(child, parent): r for parent, child, r in read(asem / file).iter_rows()}
    rows = correlations_with_parents(result, level=level)
    got = {(a, b): r for a, b, r in rows.select("code", "ancestor", "correlation").iter_rows()}
    assert got == {pair: pytest.approx(r, rel=1e-9) for pair, r in want.items()}


def test_correlations_with_the_family_equal_coinrs(asem: Path, result: Result) -> None:
    levels = {"Pillar": 2, "Sub-index": 1, "Index": 0}
    want = {(b, levels[a]): r for a, b, r in read(asem / "corr_indicator_vs_family.csv").iter_rows()}
    rows = correlations_with_parents(result, level=3, family=True)
    got = {(a, b): r for a, b, r in rows.select("code", "ancestor_level", "correlation").iter_rows()}
    assert len(got) == 147
    assert got == {pair: pytest.approx(r, rel=1e-9) for pair, r in want.items()}


@pytest.mark.parametrize(
    ("file", "flag", "limits"),
    [
        ("corr_flags_high_075_within_pillar.csv", "high", {"above": 0.75, "below": -1.0}),
        ("corr_flags_low_minus05_within_pillar.csv", "low", {"above": 1.0, "below": -0.5}),
    ],
)
def test_flags_within_pillars_equal_coinrs(
    asem: Path, result: Result, file: str, flag: str, limits: dict[str, float]
) -> None:
    want = {(g, frozenset((a, b))): r for g, a, b, r in read(asem / file).iter_rows()}
    rows = correlation_flags(result, within=2, **limits)
    assert set(rows["flag"]) == {flag}
    columns = rows.select("group", "code", "other", "correlation").iter_rows()
    got = {(group, frozenset((one, other))): r for group, one, other, r in columns}
    assert got == {pair: pytest.approx(r, rel=1e-9) for pair, r in want.items()}


def test_correlations_with_denominators_equal_coinrs(asem: Path, result: Result) -> None:
    want = {(a, b): r for a, b, r in read(asem / "corr_with_denominators_above_07.csv").iter_rows()}
    rows = correlations_with_denominators(result, above=0.7)
    got = {(a, b): r for a, b, r in rows.select("code", "denominator", "correlation").iter_rows()}
    assert got == {pair: pytest.approx(r, rel=1e-9) for pair, r in want.items()}
    # All of them are divided by the one or the other, but for student mobility: by the population.
    assert set(rows.filter("is_divided")["code"]) == set(rows["code"]) - {"StMob"}


def test_cronbachs_alpha_equals_coinrs(asem: Path, result: Result) -> None:
    pillars = [code for code in result.framework.codes if code in PILLARS]
    lists = {"ALL": result.framework.leaves, "all pillars": pillars}
    own = {row["group"]: row for row in consistency(result).to_dicts()}
    listed = {row["group"]: row for row in consistency(result, lists).to_dicts()}
    for dset, level, group, k, want in read(asem / "cronbach_alpha.csv").iter_rows():
        if dset == "Treated":  # columns as they are, not even turned: see the last line
            codes = result.framework.leaves if group == "ALL" else result.framework.children(group)
            at = [result.treated.codes.index(code) for code in codes]
            assert len(at) == k
            assert cronbach_alpha(result.treated.values[:, at]) == pytest.approx(want, rel=1e-9)
            continue
        if group == "ALL":
            row = listed["ALL"]
        else:
            row = listed["all pillars"] if (level, group) == (2, "Index") else own[group]
        assert (row["k"], row["n_complete"]) == (k, 51)
        assert row["alpha"] == pytest.approx(want, rel=1e-9), (dset, level, group)
    turned = consistency(result, {"Social": result.framework.children("Social")}, "treated")
    assert turned["alpha_standardised"][0] == pytest.approx(own["Social"]["alpha_standardised"], rel=1e-9)


@pytest.mark.parametrize("file", ["pca_variance_level1_by_pillar.csv", "pca_variance_level2_by_subindex.csv"])
def test_explained_variance_equals_coinrs(asem: Path, result: Result, file: str) -> None:
    for (group,), want in read(asem / file).group_by("group", maintain_order=True):
        own = explained_variance(result, group)
        assert own["component"].to_list() == want["PC"].to_list()
        for theirs, ours in (("sdev", "sd"), ("proportion", "explained"), ("cumulative", "cumulative")):
            if theirs in want.columns:
                assert_near(numbers(own[ours]), numbers(want[theirs]), f"{group} {theirs}")


def test_explained_variance_of_any_list_equals_coinrs(asem: Path, result: Result) -> None:
    want = read(asem / "pca_variance_all_indicators.csv")
    own = explained_variance(result, codes=result.framework.leaves, step="normalised")
    assert_near(numbers(own["sd"]), numbers(want["sdev"]))
    assert_near(numbers(own["explained"]), numbers(want["proportion"]))
    assert_near(numbers(own["cumulative"]), numbers(want["cumulative"]))


def test_first_loadings_equal_coinrs_but_for_the_sign(asem: Path, result: Result) -> None:
    want = dict(read(asem / "pca_weights_level2_by_subindex.csv").select("iCode", "Weight").iter_rows())
    for parent in ("Conn", "Sust"):
        rows = component_loadings(result, parent).filter(component=1)
        got, theirs = rows["loading"].to_numpy(), np.array([want[code] for code in rows["code"]])
        assert_near(got, theirs * np.sign(got @ theirs))


def test_unit_summaries_equal_coinrs(asem: Path, result: Result) -> None:
    expected = read(asem / "unit_summary_AUT_SGP_MMR.csv")
    for unit in UNITS:
        want = expected.filter(uCode=unit)
        own = unit_summary(result, unit, levels=[0, 1, 2])
        assert sorted(own["code"]) == sorted(want["Code"])
        both = want.join(own, left_on="Code", right_on="code")
        assert both["name_en"].to_list() == both["Name"].to_list()
        assert both["rank"].to_list() == both["Rank"].to_list()
        assert_near(numbers(both["value"]), numbers(both["Score"]))
        assert set(own["unit_code"]) == {unit}


def test_places_lead_to_coinrs_strengths_and_weaknesses(asem: Path, result: Result) -> None:
    """COINr's rule: ranks as they are, without the largest rank, pillars in alphabetical order at ties."""
    expected = read(asem / "unit_strengths_weaknesses_AUT_SGP_MMR.csv")
    largest = pl.concat(indicator_places(result, unit, "raw") for unit in result.units.codes)
    largest = largest.group_by("code").agg(last=pl.col("rank").max())
    for unit in UNITS:
        own = indicator_places(result, unit, "raw").join(largest, on="code", maintain_order="left")
        own = own.filter(pl.col("rank") < pl.col("last")).sort("rank", "parent", maintain_order=True)
        for kind, rows in (("strength", own.head(5)), ("weakness", own.tail(5))):
            want = expected.filter(uCode=unit, kind=kind)
            for theirs, ours in (
                ("Code", "code"),
                ("Name", "name_en"),
                ("Pillar", "parent"),
                ("Rank", "rank"),
            ):
                assert rows[ours].to_list() == want[theirs].to_list(), (unit, kind)
            assert rows["unit_of_measure"].to_list() == want["Unit"].to_list()
            assert_near(numbers(rows["value"]), numbers(want["Value"]))


def test_what_many_units_share_is_no_strength_and_a_last_place_is_a_weakness(
    asem: Path, result: Result
) -> None:
    theirs = read(asem / "unit_strengths_weaknesses_AUT_SGP_MMR.csv")
    coinrs = {unit: set(theirs.filter(uCode=unit)["Code"]) for unit in UNITS}
    own = {unit: strengths_and_weaknesses(result, unit, step="raw") for unit in UNITS}
    # 18 countries have no cost to export or import, 38 have signed the TIR convention, 28 share the trade
    # agreements of the European Union.
    shared = {"CostImpEx", "TIRcon", "RTAs"}
    assert shared <= coinrs["AUT"]
    assert not shared & set(own["AUT"]["code"])
    places = indicator_places(result, "AUT", "raw").filter(pl.col("code").is_in(shared))
    assert dict(places.select("code", "tied").iter_rows()) == {"CostImpEx": 18, "TIRcon": 38, "RTAs": 28}
    shares = dict(places.select("code", "share_at_least_as_good").iter_rows())
    assert shares["RTAs"] == pytest.approx((3 + 28) / 51)
    everything = strengths_and_weaknesses(result, "AUT", step="raw", max_tied=1.0)
    assert {"CostImpEx", "TIRcon"} <= set(everything.filter(kind="strength")["code"])
    # Myanmar is 51st of 51 in three indicators, which COINr leaves out.
    last = {"UNVote", "Lang", "TolMin"}
    assert not last & coinrs["MMR"]
    worst = own["MMR"].filter(kind="weakness")
    assert set(worst["code"].head(3)) == last
    assert set(worst["rank"].head(3)) == {51}


def test_ranks_within_groups_equal_coinrs(asem: Path, result: Result) -> None:
    expected = read(asem / "results_groupranks_GDP_group_Aggs.csv")
    own = group_ranks(result, "GDP_group")
    wide = own.pivot("code", index=["unit_code", "group"], values="rank")
    both = expected.join(wide, left_on="uCode", right_on="unit_code", suffix="_own")
    assert both.height == 51
    assert both["group"].to_list() == both["GDP_group"].to_list()
    for code in expected.columns[2:]:
        assert both[f"{code}_own"].to_list() == both[code].to_list(), code
