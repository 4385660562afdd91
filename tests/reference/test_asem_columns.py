"""COINr (Becker et al. 2022, doi:10.21105/joss.04567) on ASEM data: columns treated and normalised."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from citygauge.framework.model import Framework, Node
from citygauge.indicators.table import MISSING, OBSERVED, VALUE, Table
from citygauge.problems import Problems
from citygauge.score import normalise
from citygauge.score.normalising import Normalise, normalise_columns
from citygauge.score.treat import TRANSFORMS, Limits, fails, moments, winsorise
from citygauge.score.treating import Treat, treat_columns, treatment_details

Find = Callable[[str], Path]
NAN = float("nan")


def assert_same(own: Any, theirs: Any, message: str = "") -> None:
    np.testing.assert_allclose(own, theirs, rtol=1e-9, atol=1e-12, err_msg=message)


def table_of(path: Path, key: str = "uCode") -> Table:
    frame = pl.read_csv(path, infer_schema_length=None)
    codes = tuple(name for name in frame.columns if name not in {key, "Time"})
    values = frame.select(pl.col(codes).cast(pl.Float64).fill_null(NAN)).to_numpy()
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    units = tuple(frame[key].to_list())
    return Table(units, codes, values, states, np.full(values.shape, OBSERVED, np.int8))


def assert_table(own: Table, theirs: Table, leave: frozenset[str] = frozenset()) -> None:
    assert own.units == theirs.units
    assert set(own.codes) == set(theirs.codes)
    assert leave < set(own.codes)
    for code in set(own.codes) - leave:
        assert_same(own.column(code), theirs.column(code), code)


def framework_of(folder: Path, direction: int | None = None) -> Framework:
    """Return a flat tree of the indicators, with the targets where COINr has them."""
    meta = pl.read_csv(folder / "ASEM_iMeta.csv").filter(pl.col("Type") == "Indicator")
    nodes = [Node("Index")]
    for row in meta.iter_rows(named=True):
        own = direction or row["Direction"]
        end = "target_low" if own == -1 else "target_high"
        nodes.append(Node(row["iCode"], "Index", direction=own, **{end: row["Target"]}))
    return Framework(tuple(nodes))


TREATED, RAW = "step5_treated_winsorise5_logCT.csv", "step1_raw.csv"
NORMALISED: dict[str, tuple[str, dict[str, Any]]] = {
    "step6_normalised_minmax_0_100.csv": (TREATED, {}),
    "normalised_minmax_0_100.csv": (TREATED, {"how": "minmax", "low": 0, "high": 100}),
    "normalised_minmax_1_100.csv": (TREATED, {"how": "minmax", "low": 1, "high": 100}),
    "normalised_minmax_0_100_from_raw_with_missing.csv": (RAW, {"how": "minmax"}),
    "normalised_minmax_1_100_from_raw_with_missing.csv": (RAW, {"how": "minmax", "low": 1}),
    "normalised_zscore_0_1.csv": (TREATED, {"how": "zscore"}),
    "normalised_zscore_10_2.csv": (TREATED, {"how": "zscore", "mean": 10, "sd": 2}),
    "normalised_rank_min.csv": (TREATED, {"how": "rank"}),
    "normalised_rank_average.csv": (TREATED, {"how": "rank", "ties": "average"}),
    "normalised_borda.csv": (TREATED, {"how": "borda"}),
    "normalised_prank.csv": (TREATED, {"how": "percentile_rank"}),
    "normalised_dist2max.csv": (TREATED, {"how": "distance_to_max"}),
    "normalised_dist2ref_DEU.csv": (TREATED, {"how": "distance_to_reference", "reference": "DEU"}),
    "normalised_dist2ref_DEU_capped.csv": (
        TREATED,
        {"how": "distance_to_reference", "reference": "DEU", "cut": True},
    ),
    "normalised_dist2targ_raw_capped.csv": (RAW, {"how": "distance_to_target"}),
    "normalised_dist2targ_raw_uncapped.csv": (RAW, {"how": "distance_to_target", "cut": False}),
    "normalised_fracmax_all_directions_positive.csv": (TREATED, {"how": "fraction_of_max"}),
    "normalised_scaled_0_50_x100.csv": (TREATED, {"how": "scaled", "low": 0, "high": 50, "scale": 100}),
    "normalised_goalposts_raw_truncated.csv": (RAW, {"how": "goalposts", "scale": 100}),
    "normalised_goalposts_raw_untruncated.csv": (RAW, {"how": "goalposts", "scale": 100, "cut": False}),
    "normalised_mixed_LPI_borda_Flights_zscore10_2.csv": (
        TREATED,
        {"by": {"LPI": {"how": "borda"}, "Flights": {"how": "zscore", "mean": 10, "sd": 2}}},
    ),
}
ALL_POSITIVE = {"normalised_fracmax_all_directions_positive.csv", "normalised_scaled_0_50_x100.csv"}
RANKS = {"normalised_rank_min.csv", "normalised_rank_average.csv"}
BY_RANK = {f"normalised_{name}.csv" for name in ("rank_min", "rank_average", "borda", "prank")}


def with_posts(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    posts = pl.read_csv(folder / "goalposts.csv").iter_rows(named=True)
    by = {row["iCode"]: {"low": row["goalpost_lower"], "high": row["goalpost_upper"]} for row in posts}
    return {**settings, "by": by}


@pytest.mark.parametrize("file", NORMALISED)
def test_every_normalised_data_set_equals_coinrs(reference: Find, file: str) -> None:
    folder = reference("asem")
    start, settings = NORMALISED[file]
    if settings.get("how") == "goalposts":
        settings = with_posts(settings, folder)
    framework = framework_of(folder, direction=1 if file in ALL_POSITIVE else None)
    problems = Problems()
    own = normalise_columns(table_of(folder / start), Normalise(**settings), framework, problems)
    # In TolMin a value of 5.1000000000000005 is no tie of 5.1 there.
    assert_table(own, table_of(folder / file), frozenset({"TolMin"} if file in BY_RANK else ()))
    negative = [("normalise.below-zero", ["GDPGrow"])] if "fracmax" in file else []
    assert [(problem.code, problem.values["codes"]) for problem in problems] == negative


def test_no_normalised_or_treated_data_set_is_left_out(reference: Find) -> None:
    files = {path.name for path in reference("asem").glob("normalised_*.csv")}
    assert files <= set(NORMALISED)
    files = {path.name for path in reference("asem").glob("treated_*.csv")}
    assert files == {name for stem in TREATMENTS for name in (f"{stem}.csv", f"{stem}_details.csv")} - {
        "step5_treated_winsorise5_logCT.csv",
        "step5_treated_winsorise5_logCT_details.csv",
    }


def test_ranks_differ_from_coinrs_only_at_ties_that_rounding_hides(reference: Find) -> None:
    """Greece's TolMin is stored as 5.1000000000000005, Bulgaria's as 5.1; Norway's is such a case too."""
    folder = reference("asem")
    table, framework = table_of(folder / TREATED), framework_of(folder)
    for file in BY_RANK:
        start, settings = NORMALISED[file]
        x, theirs = (table_of(folder / name).column("TolMin") for name in (start, file))
        own = normalise_columns(table, Normalise(**settings), framework).column("TolMin")
        assert (own != theirs).any()
        ties = "average" if "average" in file else "min"
        as_printed = rankdata(-np.round(x, 6), ties) - (file not in RANKS)
        exact = rankdata(-x, ties) - (file not in RANKS)
        share = 50 if "prank" in file else 1
        assert_same(own, as_printed / share, file)
        assert_same(theirs, exact / share, file)


def test_a_panel_is_normalised_over_all_years_or_year_by_year(reference: Find) -> None:
    folder = reference("asem")
    framework, settings = framework_of(folder), Normalise()
    start = table_of(folder / "panel_treated.csv")
    over_all = normalise_columns(start, settings, framework)
    assert_table(over_all, table_of(folder / "panel_normalised.csv"))
    theirs = table_of(folder / "panel_normalised_each_year_separately.csv")
    years = pl.read_csv(folder / "panel_treated.csv")["Time"].to_numpy()
    for year in np.unique(years):
        own = normalise_columns(start.of_units(years == year), settings, framework)
        assert_table(own, theirs.of_units(years == year))


def test_a_reference_in_a_panel_is_that_of_the_first_year(reference: Find) -> None:
    folder = reference("asem")
    table = table_of(folder / "panel_treated.csv")
    settings = Normalise(how="distance_to_reference", reference="DEU")
    own = normalise_columns(table, settings, framework_of(folder)).values
    rows = [row for row, unit in enumerate(table.units) if unit == "DEU"]
    assert len(rows) == 5
    assert_same(own[rows[0]], np.ones(len(table.codes)))
    assert not np.allclose(own[rows[1]], 1)


TREATMENTS: dict[str, dict[str, Any]] = {
    "step5_treated_winsorise5_logCT": {"how": "winsorise_then"},
    "treated_winmax1": {"how": "winsorise_then", "max_points": 1},
    "treated_winmax10_skew1_kurt2": {"how": "winsorise_then", "max_points": 10, "skew": 1, "kurtosis": 2},
    "treated_logCT_only": {"how": "log"},
    "treated_winmax2_combine_logCTplus": {
        "how": "winsorise_then",
        "max_points": 2,
        "then": "log_by_skew",
        "combine": True,
    },
}


def details_file(stem: str) -> str:
    return "step5_treatment_details.csv" if stem.startswith("step5") else f"{stem}_details.csv"


@pytest.mark.parametrize("stem", TREATMENTS)
def test_every_treated_data_set_equals_coinrs(reference: Find, stem: str) -> None:
    folder = reference("asem")
    own, _ = treat_columns(table_of(folder / "step4_screened_byNA_090.csv"), Treat(**TREATMENTS[stem]))
    assert_table(own, table_of(folder / f"{stem}.csv"))


@pytest.mark.parametrize("stem", TREATMENTS)
def test_the_details_of_every_treatment_equal_coinrs(reference: Find, stem: str) -> None:
    folder = reference("asem")
    settings = Treat(**TREATMENTS[stem])
    _, treatment = treat_columns(table_of(folder / "step4_screened_byNA_090.csv"), settings)
    own = {row["code"]: row for row in treatment_details(treatment).iter_rows(named=True)}
    theirs = pl.read_csv(folder / details_file(stem), infer_schema_length=None).to_dicts()
    assert len(theirs) == 49
    for row in theirs:
        code, before = row["iCode"], row["check_SkewKurt0.Pass"]
        assert (code not in own) == before
        if before:
            continue
        mine = own[code]
        assert mine["fails_before"]
        last = 1 if row.get("check_SkewKurt2.Pass") is None else 2
        assert mine["passes_after"] == row[f"check_SkewKurt{last}.Pass"]
        for name, moment in (("skew", "Skew"), ("kurtosis", "Kurt")):
            assert_same(mine[f"{name}_before"], row[f"check_SkewKurt0.{moment}"], code)
            assert_same(mine[f"{name}_after"], row[f"check_SkewKurt{last}.{moment}"], code)
        replaced = mine["transform"] and not settings.combine
        # Points that a transform of the untreated column undid are counted there, not here.
        assert mine["points_winsorised"] == (0 if replaced else row.get("winsorise.nwin"))


@pytest.mark.parametrize("start", ["raw", "denominated"])
def test_skewness_and_kurtosis_equal_those_of_get_stats(reference: Find, start: str) -> None:
    folder = reference("asem")
    table = table_of(folder / {"raw": RAW, "denominated": "step2_denominated.csv"}[start])
    skewness, kurtosis = moments(table.values)
    stats = pl.read_csv(folder / f"stats_{start}.csv")
    for code, skew, kurt, flag in stats.select("iCode", "Skew", "Kurt", "Flag.SkewKurt").iter_rows():
        at = table.codes.index(code)
        assert_same((skewness[at], kurtosis[at]), (skew, kurt), code)
        assert fails(table.column(code), Limits()) == (flag == "OUT")


def test_every_transform_of_every_indicator_equals_coinrs(reference: Find) -> None:
    frame = pl.read_csv(reference("asem") / "transformations_all_indicators.csv")
    columns = frame.partition_by("iCode")
    assert len(columns) == 49
    for column in columns:
        x = column["x"].cast(pl.Float64).fill_null(NAN).to_numpy()
        code = column["iCode"][0]
        for name, own in (
            ("log_CT", TRANSFORMS["log"](x)),
            ("log_CT_orig", TRANSFORMS["log_plus_one"](x)),
            ("log_CT_plus", TRANSFORMS["log_by_skew"](x)),
            *((f"boxcox_lambda{power:g}", TRANSFORMS["boxcox"](x, power)) for power in (0, 0.5, 2)),
        ):
            assert_same(own, column[name].cast(pl.Float64).fill_null(NAN).to_numpy(), f"{name} {code}")


def parameters(text: str) -> dict[str, Any]:
    """Return the parameters of a case: numbers, lists of them, words."""
    found: dict[str, Any] = {}
    for part in filter(None, text.split(";")):
        name, _, value = part.partition("=")
        try:
            numbers = [float(number) for number in value.split("|")]
            found[name] = numbers if len(numbers) > 1 else numbers[0]
        except ValueError:
            found[name] = {"TRUE": True, "FALSE": False, "NULL": None}.get(value, value)
    return found


Kernel = Callable[[np.ndarray, np.ndarray, dict[str, Any]], np.ndarray]
KERNELS: dict[str, Kernel] = {
    "n_minmax": lambda x, d, p: normalise.minmax(x, d, *p["l_u"]),
    "n_zscore": lambda x, d, p: normalise.zscore(x, d, *p["m_sd"]),
    "n_rank": lambda x, d, p: normalise.rank(x, d, p["ties.method"]),
    "n_borda": lambda x, d, p: normalise.borda(x, d, p["ties.method"]),
    "n_prank": lambda x, d, p: normalise.percentile_rank(x, d, p["ties.method"]),
    "n_dist2max": lambda x, d, p: normalise.distance_to_max(x, d),
    "n_dist2ref": lambda x, d, p: normalise.distance_to_reference(
        x, d, x[int(p["iref"]) - 1], cut=p["cap_max"]
    ),
    "n_dist2targ": lambda x, d, p: normalise.distance_to_target(
        x, d, (np.array([NAN]), np.array([p["targ"]])), cut=p["cap_max"]
    ),
    "n_fracmax": lambda x, d, p: normalise.fraction_of_max(x, d),
    "n_scaled": lambda x, d, p: normalise.scaled(x, d, *p["npara"], p["scale_factor"]),
    "n_goalposts": lambda x, d, p: normalise.goalposts(
        x,
        d,
        (np.array(p["gposts"][:1]), np.array(p["gposts"][1:2])),
        (0, p["gposts"][2]),
        cut=p["trunc2posts"],
    ),
}
OF_ONE: dict[str, Callable[[np.ndarray, dict[str, Any]], Any]] = {
    "skew": lambda x, p: moments(x[:, None])[0],
    "kurt": lambda x, p: moments(x[:, None])[1],
    "check_SkewKurt": lambda x, p: [not fails(x, Limits(p["skew_thresh"], p["kurt_thresh"]))],
    "log_CT": lambda x, p: TRANSFORMS["log"](x),
    "log_CT_orig": lambda x, p: TRANSFORMS["log_plus_one"](x),
    "log_CT_plus": lambda x, p: TRANSFORMS["log_by_skew"](x),
    "boxcox": lambda x, p: TRANSFORMS["boxcox"](x, p["lambda"]),
}


def cases(folder: Path) -> list[tuple[str, str, dict[str, Any], np.ndarray, np.ndarray, list[str]]]:
    given: dict[str, list[float]] = defaultdict(list)
    wanted: dict[str, list[tuple[float, str]]] = defaultdict(list)

    def rows(name: str) -> list[dict[str, str]]:
        with (folder / f"function_cases_{name}.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    for row in rows("inputs"):
        given[row["case"]].append(float(row["x"] or "nan"))
    for row in rows("outputs"):
        wanted[row["case"]].append((float(row["y"] or "nan"), row["note"]))
    return [
        (
            row["case"],
            row["fn"],
            parameters(row["params"]),
            np.array(given[row["case"]]),
            np.array([value for value, _ in wanted[row["case"]]]),
            [note for _, note in wanted[row["case"]]],
        )
        for row in rows("index")
        if "c036" <= row["case"] <= "c143"
    ]


def test_every_single_function_case_equals_coinrs(reference: Find) -> None:
    found = cases(reference("asem"))
    assert len(found) == 108
    for case, name, given, x, wanted, notes in found:
        if name in OF_ONE:
            assert_same(OF_ONE[name](x, given), wanted, case)
        elif name == "winsorise":
            most = None if given["winmax"] is None else int(given["winmax"])
            limits = Limits(given["skew_thresh"], given["kurt_thresh"])
            values, moved = winsorise(x, most, limits, always=given.get("force_win", False))
            assert_same(values, wanted, case)
            assert [{1: "winhi", -1: "winlo", 0: ""}[move] for move in moved] == notes, case
        else:
            turned = -1.0 if name.startswith("Normalise") else float(given.get("direction", 1))
            kernel = KERNELS[name.rpartition("/")[2]]
            assert_same(kernel(x[:, None], np.array([turned]), given).ravel(), wanted, case)


def test_a_fraction_of_the_maximum_knows_the_direction_where_coinrs_does_not(reference: Find) -> None:
    """Peculiarity 1: x / min there for less is better, which is infinite for a minimum of 0."""
    table = table_of(reference("asem") / TREATED)
    x = table.values[:, (table.values >= 0).all(axis=0)]
    own = normalise.fraction_of_max(x, -np.ones(x.shape[1]))
    assert own.min() >= 0
    assert (own.max(axis=0) == 1).all()
    above = (x > 0).all(axis=0)
    assert_same(own[:, above], x[:, above].min(axis=0) / x[:, above])
    assert_same(own[:, ~above], np.where(x[:, ~above] == 0, 1, 0))


def test_a_column_without_spread_stays_empty_where_coinrs_divides_by_zero() -> None:
    """Peculiarity 4: empty here as there, and said; a reference at the minimum is an error."""
    framework = Framework((Node("I"), Node("a", "I", direction=1), Node("b", "I", direction=1)))
    values = np.array([[5.0, 1], [5, 2], [5, 3]])
    shape = values.shape
    table = Table(("x", "y", "z"), ("a", "b"), values, np.zeros(shape, np.int8), np.zeros(shape, np.int8))
    assert_same(normalise_columns(table, Normalise(), framework).values, [[NAN, 0], [NAN, 50], [NAN, 100]])
    problems = Problems()
    settings = Normalise(how="distance_to_reference", reference="x")
    own = normalise_columns(table, settings, framework, problems)
    assert np.isnan(own.values).all()
    assert [problem.code for problem in problems.errors] == ["normalise.reference-at-worst"]
