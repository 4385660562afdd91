"""Published indices recomputed from their components: UNDP's HDI and the UN's EGDI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import citygauge as cg

Reference = Callable[[str], Path]


def long(frame: pl.DataFrame, codes: list[str], year: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Turn a wide table of countries into units and observations of one year."""
    chosen = frame.filter(year=year)
    units = chosen.select(unit="iso3", name_en="country")
    facts = chosen.unpivot(codes, index=["iso3", "year"], variable_name="indicator", value_name="value")
    return units, facts.rename({"iso3": "unit", "year": "period"})


@pytest.mark.parametrize("year", [1990, 2000, 2010, 2019])
def test_every_published_hdi_is_equal_at_three_decimals(reference: Reference, year: int) -> None:
    """Source: UNDP, HDR 2023/24, composite indices time series; formula: technical note 1."""
    frame = pl.read_csv(reference("undp-hdi/hdi.csv"), infer_schema_length=None)
    codes = ["life_expectancy", "expected_years_schooling", "mean_years_schooling", "gni_per_capita_ppp2017"]
    units, facts = long(frame, codes, year)
    result = cg.assess(cg.from_frames("hdi", units, facts))
    own = dict(result.ranking.select("unit_code", "value").iter_rows())
    published = frame.filter(year=year).select("iso3", "hdi").drop_nulls()
    assert published.height > 140
    for code, hdi in published.iter_rows():
        assert f"{own[code]:.3f}" == f"{hdi:.3f}", code


def test_the_hdi_of_afghanistan_typed_in_from_the_publication() -> None:
    """Facts as in UNDP's HDR 2023/24 time series, Afghanistan 2019: HDI 0.492."""
    facts = pl.DataFrame(
        {
            "unit": ["AFG"] * 4,
            "indicator": [
                "life_expectancy",
                "expected_years_schooling",
                "mean_years_schooling",
                "gni_per_capita_ppp2017",
            ],
            "value": [63.565, 10.62129205, 2.698149999, 2112.986381],
        }
    )
    result = cg.assess(cg.from_frames("hdi", pl.DataFrame({"unit": ["AFG"]}), facts))
    assert result.index[0] == pytest.approx(0.492, abs=5e-4)


@pytest.mark.parametrize(("year", "weights"), [(2010, "2010"), (2014, "default"), (2016, "default")])
def test_the_egdi_is_the_published_one_within_rounding(reference: Reference, year: int, weights: str) -> None:
    """Source: UN E-Government Knowledgebase; 2010 weighs 0.34, 0.33, 0.33."""
    frame = pl.read_csv(reference("un-egdi/egdi.csv"), infer_schema_length=None)
    codes = ["osi", "tii", "hci"]
    units, facts = long(frame, codes, year)
    workspace = cg.from_frames("egdi", units, facts)
    result = cg.assess(workspace, workspace.method.replace(weights=weights))
    own = dict(result.ranking.select("unit_code", "value").iter_rows())
    compared = 0
    for row in frame.filter(year=year).to_dicts():
        if any(row[code] is None for code in codes):
            assert own[row["iso3"]] is None, "a country without components has no index"
        else:
            assert own[row["iso3"]] == pytest.approx(row["egdi"], abs=3e-5), row["iso3"]
            compared += 1
    assert compared > 150
