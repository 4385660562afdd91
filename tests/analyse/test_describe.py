"""Statistics of scores against Python's own."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

import citygauge as cg


def test_mean_and_deviation_are_those_of_the_scores_that_are_there(workspace: Callable[..., Path]) -> None:
    result = cg.assess(cg.open(workspace()))
    rows = {row["code"]: row for row in cg.describe(result).to_dicts()}
    index = [0.68, 0.61, 0.2]
    assert rows["I"]["mean"] == pytest.approx(statistics.mean(index))
    assert rows["I"]["sd"] == pytest.approx(statistics.stdev(index))
    assert (rows["c"]["n"], rows["c"]["min"], rows["c"]["max"]) == (2, 0.5, 0.7)


def test_one_value_has_a_mean_and_no_deviation_and_none_has_neither(workspace: Callable[..., Path]) -> None:
    facts = "unit,indicator,value\n1,a,80\n1,b,2\n2,b,3\n"
    rows = {
        r["code"]: r for r in cg.describe(cg.assess(cg.open(workspace(observations__csv=facts)))).to_dicts()
    }
    assert (rows["a"]["mean"], rows["a"]["sd"]) == (0.8, None)
    assert (rows["c"]["n"], rows["c"]["mean"], rows["c"]["sd"], rows["c"]["min"]) == (0, None, None, None)
