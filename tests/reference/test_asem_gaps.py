"""Screening and imputation by COINr (Becker et al. 2022, doi:10.21105/joss.04567): ASEM data and a panel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge.collect.units import Units
from citygauge.framework.model import Framework, Node
from citygauge.indicators.impute import group_mean, group_median, mean, median
from citygauge.indicators.screen import availability
from citygauge.indicators.table import IMPUTED, MISSING, OBSERVED, VALUE, Table
from citygauge.score.imputing import Impute, fill_gaps
from citygauge.score.screening import Screen, screen_units
from citygauge.store.create import import_coinr

Reference = Callable[[str], Path]
PANEL = ("LPI", "Flights", "ConSpeed", "Goods", "FDI", "Renew")


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def floats(frame: pl.DataFrame, codes: tuple[str, ...]) -> np.ndarray:
    return frame.select(pl.col(codes).cast(pl.Float64).fill_null(float("nan"))).to_numpy().astype(float)


def table_of(frame: pl.DataFrame, codes: tuple[str, ...]) -> Table:
    values = floats(frame, codes)
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    return Table(tuple(frame["uCode"]), codes, values, states, np.full(values.shape, OBSERVED, np.int8))


@pytest.fixture
def asem(reference: Reference, tmp_path: Path) -> tuple[cg.Workspace, Path]:
    folder = reference("asem")
    return import_coinr(tmp_path / "asem", folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv"), folder


def denominated(folder: Path, framework: Framework, name: str = "step2_denominated.csv") -> Table:
    return table_of(read(folder / name), framework.leaves)


def assert_equal(table: Table, path: Path) -> None:
    expected = read(path)
    assert table.units == tuple(expected["uCode"])
    np.testing.assert_allclose(table.values, floats(expected, table.codes), rtol=1e-9, atol=1e-9)


IMPUTATIONS = {
    "imputed_mean.csv": Impute(how="mean"),
    "imputed_median.csv": Impute(how="median"),
    "imputed_median_by_GDP_group.csv": Impute(how="group_median", group="GDP_group"),
    "imputed_rowmean_within_pillar.csv": Impute(how="row_mean"),
    "step3_imputed_mean_by_EurAsia_group.csv": Impute(how="group_mean", group="EurAsia_group"),
}


@pytest.mark.parametrize("name", IMPUTATIONS)
def test_gaps_are_filled_as_coinr_fills_them(asem: tuple[cg.Workspace, Path], name: str) -> None:
    workspace, folder = asem
    table = denominated(folder, workspace.framework)
    done = fill_gaps(table, IMPUTATIONS[name], workspace.units, workspace.framework)
    assert_equal(done.table, folder / name)
    gaps = np.isnan(table.values)
    assert done.details.height == gaps.sum() == 65
    assert (done.table.origins == np.where(gaps, IMPUTED, OBSERVED)).all()


def test_a_row_mean_within_pillars_is_that_within_level_one(asem: tuple[cg.Workspace, Path]) -> None:
    """COINr counts levels from the leaves: its group_level 2 of 4 is level 2 here, the pillar's own."""
    workspace, folder = asem
    framework = workspace.framework
    table = denominated(folder, framework)
    pillars = Impute(how="row_mean", within=framework.levels["ConEcFin"])
    done = fill_gaps(table, pillars, workspace.units, framework)
    assert_equal(done.table, folder / "imputed_rowmean_within_pillar.csv")


SCREENS = {
    "step4_screen_data_summary.csv": (
        "step3_imputed_mean_by_EurAsia_group.csv",
        Screen(min_availability=0.9),
    ),
    "screen_byNA_095_on_denominated_summary.csv": ("step2_denominated.csv", Screen(min_availability=0.95)),
    "screen_byNAandzeros_090_085_on_denominated_summary.csv": (
        "step2_denominated.csv",
        Screen(rule="missing_and_zeros", min_availability=0.9, min_nonzero=0.85),
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_units_are_screened_as_coinr_screens_them(asem: tuple[cg.Workspace, Path], name: str) -> None:
    workspace, folder = asem
    source, settings = SCREENS[name]
    expected = read(folder / name)
    screened = screen_units(denominated(folder, workspace.framework, source), workspace.framework, settings)
    own = screened.units
    assert own["unit_code"].to_list() == expected["uCode"].to_list()
    for ours, theirs in {"missing": "N_missing", "zeros": "N_zero"}.items():
        assert own[ours].to_list() == expected[theirs].to_list()
    for ours, theirs in {"available_share": "Dat_Avail", "nonzero_share": "Non_Zero"}.items():
        np.testing.assert_allclose(own[ours], expected[theirs], rtol=1e-12)
    flags = {"low_availability": "LowData", "low_nonzero": "LowNonZero", "included": "Included"}
    for ours, theirs in flags.items():
        assert own[ours].to_list() == [str(flag).upper() == "TRUE" for flag in expected[theirs]]
    assert screened.keep.tolist() == own["included"].to_list()


def test_the_screened_units_keep_their_figures(asem: tuple[cg.Workspace, Path]) -> None:
    workspace, folder = asem
    source, settings = SCREENS["step4_screen_data_summary.csv"]
    table = denominated(folder, workspace.framework, source)
    keep = screen_units(table, workspace.framework, settings).keep
    assert_equal(table.of_units(keep), folder / "step4_screened_byNA_090.csv")


def test_data_availability_equals_coinrs(asem: tuple[cg.Workspace, Path]) -> None:
    workspace, folder = asem
    framework = workspace.framework
    table = denominated(folder, framework)
    summary, groups = (read(folder / f"data_availability_units{part}.csv") for part in ("", "_by_group"))
    own = screen_units(table, framework, Screen()).units
    for ours, theirs in {"missing": "N_missing", "zeros": "N_zero"}.items():
        assert own[ours].to_list() == summary[theirs].to_list()
    for ours, theirs in {"available_share": "Dat_Avail", "nonzero_share": "Non_Zero"}.items():
        np.testing.assert_allclose(own[ours], summary[theirs], rtol=1e-12)
    shares = availability(table, framework)
    assert set(framework.aggregates) == set(groups.columns) - {"uCode"}
    for column, code in enumerate(framework.aggregates):
        np.testing.assert_allclose(shares[:, column], groups[code].cast(pl.Float64), rtol=1e-12)


def test_each_year_of_the_panel_is_screened_as_coinr_screens_it(reference: Reference) -> None:
    folder = reference("asem")
    raw, expected = read(folder / "ASEM_iData_p.csv"), read(folder / "panel_screened.csv")
    codes = tuple(code for code in expected.columns if code not in {"Time", "uCode"})
    framework = Framework((Node("I"), *(Node(code, "I") for code in codes)))
    for year in (2018, 2019, 2020, 2021, 2022):
        table = table_of(raw.filter(Time=year).sort("uCode"), codes)
        stays = table.of_units(screen_units(table, framework, Screen(min_availability=0.9)).keep)
        want = expected.filter(Time=year).sort("uCode")
        assert stays.units == tuple(want["uCode"])
        np.testing.assert_allclose(stays.values, floats(want, codes), rtol=1e-12)


PANELS = {
    "panel_impute_latest.csv": Impute(how="latest"),
    "panel_impute_latest_max1.csv": Impute(how="latest", max_years=1),
    "panel_impute_linear_constant.csv": Impute(how="linear"),
    "panel_impute_constant.csv": Impute(how="step"),
}


def panel(folder: Path) -> tuple[dict[str, Table], Units, Framework]:
    given = read(folder / "panel_impute_input.csv")
    tables = {str(year): table_of(part.sort("uCode"), PANEL) for (year,), part in given.group_by("Time")}
    units = Units(pl.DataFrame({"unit": tables["2018"].units}))
    return tables, units, Framework((Node("I"), *(Node(code, "I") for code in PANEL)))


@pytest.mark.parametrize("name", PANELS)
def test_gaps_are_filled_over_time_as_coinr_fills_them(reference: Reference, name: str) -> None:
    folder = reference("asem")
    tables, units, framework = panel(folder)
    expected = read(folder / name)
    for year, table in tables.items():
        done = fill_gaps(table, PANELS[name], units, framework, tables, year, cg.problems.Problems())
        want = expected.filter(Time=int(year)).sort("uCode")
        np.testing.assert_allclose(done.table.values, floats(want, PANEL), rtol=1e-9)


def test_the_source_years_are_coinrs(reference: Reference) -> None:
    folder = reference("asem")
    tables, units, framework = panel(folder)
    expected = read(folder / "panel_impute_latest_source_years.csv")
    for year, table in tables.items():
        done = fill_gaps(
            table, PANELS["panel_impute_latest.csv"], units, framework, tables, year, cg.problems.Problems()
        )
        from_period = {(unit, code): own for unit, code, *_, own, _, _ in done.details.iter_rows()}
        want = expected.filter(Time=int(year)).sort("uCode")
        for row, unit in enumerate(table.units):
            for column, code in enumerate(PANEL):
                own = from_period.get((unit, code))
                if not np.isnan(table.values[row, column]):
                    assert own is None
                    own = year
                theirs = want[code][row]
                assert own == (None if theirs is None else str(theirs))


CASES = {"c144": mean, "c145": median, "c146": group_mean, "c147": group_median}


@pytest.mark.parametrize("case", CASES)
def test_single_functions_equal_coinrs(reference: Reference, case: str) -> None:
    folder = reference("asem")
    given, wanted = (read(folder / f"function_cases_{part}.csv") for part in ("inputs", "outputs"))
    given, wanted = (
        frame.filter(pl.col(frame.columns[0]) == case).select(
            pl.nth(2).cast(pl.Float64).fill_null(float("nan")).alias("x"), pl.nth(3).alias("y")
        )
        for frame in (given, wanted)
    )
    values = given["x"].to_numpy()[:, None]
    groups = [None if group is None else str(group) for group in given["y"]]
    estimates = CASES[case](values, groups) if case in {"c146", "c147"} else CASES[case](values)
    filled = np.where(np.isnan(values), estimates, values)[:, 0]
    np.testing.assert_allclose(filled, wanted["x"], rtol=1e-9)
