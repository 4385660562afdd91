"""The tables of a real yearbook, set again as they are printed, read by the names in a map."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

import citygauge as cg
from citygauge.collect.yearbook.grid import read_grids
from citygauge.collect.yearbook.mapping import Column, Table, YearbookMap
from citygauge.collect.yearbook.measures import measure_of
from citygauge.collect.yearbook.read import Target, read_yearbook
from citygauge.problems import Problems

DEMO = Path(__file__).parents[2] / "demo" / "city-statistics-2023"
# Columns of the yearbook and the indicators that take them as they are, in the same unit.
TAKEN = {
    "invention_patents_granted": "invention_patents",
    "national_hightech_enterprises": "hightech_enterprises",
    "science_technology_expenditure": "science_expenditure",
    "technology_contract_turnover": "technology_contracts",
    "mobile_subscribers": "mobile_subscribers",
    "telecom_revenue": "telecom_revenue",
    "licensed_doctors": "licensed_doctors",
    "hospital_beds": "hospital_beds",
    "pm25_annual_mean": "pm25_annual_mean",
    "public_library_books": "library_books",
    "urban_employee_pension_insured": "pension_insured",
}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def folder(reference: Callable[[str], Path]) -> Path:
    return reference("china-statistics-2023")


def test_every_unit_of_the_yearbook_is_known(folder):
    units = {row["unit"] for row in rows_of(folder / "columns.csv")}
    assert {unit for unit in units if measure_of(unit) is None} == set()


def test_the_real_tables_set_as_they_are_printed_give_the_recorded_facts(folder, tmp_path):
    columns = {row["column"]: row for row in rows_of(folder / "columns.csv")}
    cities = rows_of(folder / "city_indicators_2023.csv")
    tables: dict[str, list[str]] = {}
    for column in TAKEN:
        tables.setdefault(columns[column]["yearbook_table"], []).append(column)
    with xlsxwriter.Workbook(tmp_path / "yearbook.xlsx") as book:
        for name, of_table in tables.items():
            sheet = book.add_worksheet(name[:31])
            sheet.write_row(0, 0, [name.replace("_", " "), "（2023年）"])
            sheet.write_row(1, 0, ["城  市", *of_table])
            sheet.write_row(2, 0, ["City", *(f"（{columns[column]['unit']}）" for column in of_table)])
            for row, city in enumerate(cities):
                texts = [city[column] for column in of_table]
                sheet.write_row(3 + row, 0, [" ".join(city["city_zh"].removesuffix("市")), *texts])
    how = YearbookMap(
        tables=tuple(
            Table(
                sheet=name[:31],
                columns=tuple(
                    Column(header=column, indicator=TAKEN[column], measure=columns[column]["unit"])
                    for column in of_table
                ),
            )
            for name, of_table in tables.items()
        )
    )
    demo = cg.open(DEMO)
    problems = Problems()
    grids = read_grids(tmp_path / "yearbook.xlsx", problems)
    reading = read_yearbook(grids, Target(demo.framework, demo.units, how), problems)
    assert problems.errors == ()
    recorded = {
        (row["unit"], row["indicator"]): row["value"]
        for row in demo.observations.frame.to_dicts()
        if row["indicator"] in TAKEN.values()
    }
    found = {(f.unit, f.indicator): None if f.value is None else float(f.value) for f in reading.facts}
    assert found.keys() == recorded.keys()
    assert found == recorded
    elsewhere = [item for item in reading.skipped if item.reason == "not_assessed"]
    assert len(elsewhere) == len(tables) * (len(cities) - len(demo.units))
