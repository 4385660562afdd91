"""Untidy tables: every fact against the table that made them, everything left out with its reason."""

from __future__ import annotations

import pytest
from yearbooks import EMPTY, FRAMEWORK, MAKERS, METHOD, UNITS

import citygauge as cg
from citygauge.collect.yearbook.grid import read_grids
from citygauge.collect.yearbook.read import Reading, Target, read_yearbook
from citygauge.problems import Problems


@pytest.fixture
def target(workspace) -> Target:
    folder = workspace(
        framework__csv=FRAMEWORK, units__csv=UNITS, method__toml=METHOD, observations__csv=EMPTY
    )
    opened = cg.open(folder)
    return Target(opened.framework, opened.units)


def told(reading: Reading) -> dict[tuple[str, str, str], object]:
    return {(fact.unit, fact.indicator, fact.period): fact.value for fact in reading.facts}


@pytest.mark.parametrize("name", MAKERS)
def test_a_table_as_it_is_printed_loads_without_a_line_of_code(name, target, tmp_path):
    made = MAKERS[name](tmp_path, 2023)
    problems = Problems()
    reading = read_yearbook(read_grids(made.path, problems), target, problems)
    assert problems.errors == ()
    assert told(reading) == made.facts
    assert {(item.where, item.reason) for item in reading.skipped} == made.left_out
    assert {fact.state for fact in reading.facts if fact.value is None} <= {"missing"}
    assert len({fact.cell for fact in reading.facts}) == len(reading.facts)
