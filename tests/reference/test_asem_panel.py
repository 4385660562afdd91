"""The example panel of COINr (Becker et al. 2022, doi:10.21105/joss.04567): five years, step by step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from citygauge import Method
from citygauge.analyse.change import cagr, trend_percent
from citygauge.analyse.trends import trends
from citygauge.corridor import assess_panel
from citygauge.panel import Panel
from citygauge.store.create import import_coinr
from citygauge.workspace import Workspace

TOLERANCE = 1e-9
METHOD = """
[screen]
min_availability = 0.9
[treat]
how = "winsorise_then"
max_points = 5
[normalise]
how = "minmax"
low = 0
high = 100
[panel]
normalise = "{scale}"
"""
STEPS = ("screened", "treated", "normalised", "aggregated")


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


@pytest.fixture(scope="module")
def workspaces() -> dict[Path, Workspace]:
    return {}


@pytest.fixture
def raw(
    reference: Callable[[str], Path], tmp_path: Path, workspaces: dict[Path, Workspace]
) -> tuple[Workspace, Path]:
    """COINr's panel starts from the raw data: nothing is divided by a denominator."""
    folder = reference("asem")
    if folder not in workspaces:
        meta = read(folder / "ASEM_iMeta.csv").with_columns(pl.lit(None, pl.String).alias("Denominator"))
        meta.write_csv(tmp_path / "iMeta.csv")
        data = folder / "ASEM_iData_p.csv"
        workspaces[folder] = import_coinr(tmp_path / "asem", data, tmp_path / "iMeta.csv")
    return workspaces[folder], folder


@pytest.fixture(scope="module")
def panels() -> dict[str, Panel]:
    return {}


@pytest.fixture
def panel_of(raw: tuple[Workspace, Path], panels: dict[str, Panel]) -> Callable[[str], Panel]:
    def assessed(scale: str) -> Panel:
        if scale not in panels:
            panels[scale] = assess_panel(raw[0], Method.from_toml(METHOD.format(scale=scale)))
        return panels[scale]

    return assessed


def assert_equal(panel: Panel, step: str, path: Path) -> None:
    """Every figure of the reference file equals the panel's, gaps included, and there is none besides."""
    expected = read(path)
    tables = {period: getattr(result, step) for period, result in panel.results.items()}
    assert expected.height == sum(len(table.units) for table in tables.values())
    codes = [column for column in expected.columns if column not in {"Time", "uCode"}]
    for period, table in tables.items():
        rows = expected.filter(pl.col("Time") == int(period))
        order = [table.units.index(unit) for unit in rows["uCode"]]
        for code in codes:
            want = rows[code].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            got = table.column(code)[order]
            np.testing.assert_allclose(got, want, TOLERANCE, TOLERANCE, err_msg=f"{period} {code}")


def test_each_step_equals_coinrs_on_one_scale_for_all_years(
    raw: tuple[Workspace, Path], panel_of: Callable[[str], Panel]
) -> None:
    panel = panel_of("all")
    assert panel.periods == ("2018", "2019", "2020", "2021", "2022")
    for step in STEPS:
        assert_equal(panel, step, raw[1] / f"panel_{step}.csv")


def test_scores_equal_coinrs_where_each_year_has_its_own_scale(
    raw: tuple[Workspace, Path], panel_of: Callable[[str], Panel]
) -> None:
    panel = panel_of("each")
    for step in STEPS[2:]:
        assert_equal(panel, step, raw[1] / f"panel_{step}_each_year_separately.csv")


def test_growth_of_scores_equals_coinrs_and_is_no_number_where_theirs_is_infinite(
    raw: tuple[Workspace, Path], panel_of: Callable[[str], Panel]
) -> None:
    expected = read(raw[1] / "panel_trends_CAGR_aggregated.csv")
    expected = expected.rename({"uCode": "unit_code", "iCode": "code"})
    expected = expected.with_columns(pl.col("CAGR").cast(pl.Float64))
    joined = expected.join(trends(panel_of("all")), on=["unit_code", "code"], validate="1:1")
    assert joined.height == expected.height == 2760
    infinite = joined.filter(pl.col("CAGR").is_infinite())
    assert infinite.height == 55
    assert infinite["cagr"].null_count() == 55
    assert set(infinite["reason"]) == {"first_zero"}
    without = joined.filter(pl.col("CAGR").is_null())
    assert without["cagr"].null_count() == without.height > 0
    assert set(without["reason"]) <= {"no_value", "first_zero"}  # they skip 0 / 0
    given = joined.filter(pl.col("CAGR").is_finite())
    np.testing.assert_allclose(given["cagr"].to_numpy(), given["CAGR"].to_numpy(), TOLERANCE, TOLERANCE)
    assert given.select((pl.col("first_period").cast(pl.Int64) == pl.col("t_first")).all()).item()
    assert given.select((pl.col("last_period").cast(pl.Int64) == pl.col("t_latest")).all()).item()


def test_trends_of_raw_values_equal_coinrs_where_the_line_is_positive(
    raw: tuple[Workspace, Path], panel_of: Callable[[str], Panel]
) -> None:
    expected = read(raw[1] / "panel_trends_prc_change_raw_AUT_SGP_VNM.csv")
    expected = expected.rename({"uCode": "unit_code", "iCode": "code"})
    found = trends(panel_of("all"), of="values")
    joined = expected.join(found, on=["unit_code", "code"], validate="1:1")
    assert joined.height == expected.height == 147
    given = joined.drop_nulls("trend_percent")
    assert given.height > 120
    np.testing.assert_allclose(
        given["trend_percent"].to_numpy(), given["prc_change"].to_numpy(), TOLERANCE, TOLERANCE
    )
    for row in joined.filter(pl.col("trend_percent").is_null()).to_dicts():
        facts = raw[0].observations.frame.filter(unit=row["unit_code"], indicator=row["code"])
        facts = facts.drop_nulls("value")
        if facts.height < 2:
            assert row["prc_change"] is None
            assert row["reason"] in {"no_value", "one_period"}
            continue
        years, values = facts["period"].cast(pl.Float64).to_numpy(), facts["value"].to_numpy()
        slope, base = np.polyfit(years - years.min(), values, 1)
        assert base <= 1e-9
        assert row["prc_change"] == pytest.approx(100 * slope / base) or row["prc_change"] is None
        assert row["reason"] in {"line_not_positive", "first_zero", "first_negative"}


@pytest.mark.parametrize("number", range(148, 163))
def test_single_cases_equal_coinrs(reference: Callable[[str], Path], number: int) -> None:
    folder, case = reference("asem"), f"c{number}"
    about = read(folder / "function_cases_index.csv").row(by_predicate=pl.col("case") == case, named=True)
    inputs = read(folder / "function_cases_inputs.csv").filter(case=case)
    outputs = read(folder / "function_cases_outputs.csv").filter(case=case)
    values = inputs["x"].cast(pl.Float64).fill_null(float("nan")).to_numpy()[:, None]
    when = inputs["second"].cast(pl.Float64).to_numpy()
    want = outputs["y"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if about["fn"] == "CAGR":
        got = cagr(values, when)
    else:
        got = trend_percent(values, when, float(about["params"].removeprefix("per=")))
    np.testing.assert_allclose(got, want, TOLERANCE, TOLERANCE)
