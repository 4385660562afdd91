"""What `import citygauge` offers, and the few lines that most people will ever need."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import polars as pl
import pytest

import citygauge as cg
from citygauge.score.method import Method


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_every_public_name_can_be_imported_and_is_listed():
    assert len(set(cg.__all__)) == len(cg.__all__)
    for name in cg.__all__:
        assert callable(getattr(cg, name)), name
    assert set(dir(cg)) == set(cg.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        cg.nothing_of_the_kind  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'polars', 'numpy', 'pydantic', 'altair', 'pandas', 'jinja2'}"
    assert python(f"import citygauge, sys; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_assess_stays_a_function_whatever_was_imported_before():
    lines = "import citygauge.corridor, citygauge.result, citygauge.cli.main, citygauge as cg"
    assert python(f"{lines}; print(all(callable(getattr(cg, n)) for n in cg.__all__))") == "True"
    assert python(f"import citygauge as cg; cg.assess; {lines}; print(callable(cg.assess))") == "True"


def test_five_lines_are_enough(workspace):
    folder = workspace()
    result = cg.assess(cg.open(folder))
    scores = result.scores
    frame = result.to_pandas()
    assert scores.columns == ["unit_code", "code", "level", "value", "rank", "grade"]
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == scores.shape
    of_1 = frame[(frame["unit_code"] == "1") & (frame["code"] == "I")]
    assert of_1["value"].item() == pytest.approx(0.68)
    assert result.ranking["unit_code"].to_list() == ["1", "2", "3"]


@pytest.mark.parametrize("table", ["scores", "ranking", "grade_list"])
def test_each_table_is_handed_over_to_pandas_whole(workspace, table):
    result = cg.assess(cg.open(workspace()))
    own, theirs = getattr(result, table), result.to_pandas(table)
    assert list(theirs.columns) == own.columns
    assert len(theirs) == own.height


def test_a_missing_score_is_a_gap_in_pandas_and_not_a_zero(workspace):
    frame = cg.assess(cg.open(workspace())).to_pandas()
    gap = frame[(frame["unit_code"] == "3") & (frame["code"] == "c")]
    assert gap["value"].isna().item()
    assert gap["rank"].isna().item()


def test_the_workspace_and_the_result_show_themselves_in_a_notebook(workspace):
    opened = cg.open(workspace())
    result = cg.assess(opened)
    assert "Suzhou" in result._repr_html_()
    assert "0.68" in result._repr_html_()
    for shown in (opened._repr_html_(), result._repr_html_(), opened.framework._repr_html_()):
        assert "<table" in shown


def test_a_result_cannot_be_changed(workspace):
    result = cg.assess(cg.open(workspace()))
    for name, value in (("ranks", np.zeros(3)), ("grades", ("leading",)), ("method", Method())):
        with pytest.raises(FrozenInstanceError):
            setattr(result, name, value)
    for frozen in (
        result.workspace,
        result.aggregated,
        result.units,
        result.framework,
        result.framework.root,
    ):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            frozen.name = "other"


def test_a_method_is_changed_by_copy_and_run_again(workspace):
    opened = cg.open(workspace())
    first = cg.assess(opened)
    equal = opened.method.model_copy(update={"weights": "equal"})
    assert cg.assess(opened, equal).index[0] == pytest.approx((0.8 + 0.5) / 2)
    np.testing.assert_array_equal(cg.assess(opened).index, first.index)


def test_describe_gives_the_mean_and_the_sample_deviation(workspace):
    frame = cg.describe(cg.assess(cg.open(workspace())))
    row = frame.filter(pl.col("code") == "P").to_dicts()[0]
    scores = [0.8, 0.55, 0.2]
    assert (row["n"], row["level"]) == (3, 1)
    assert row["mean"] == pytest.approx(sum(scores) / 3)
    assert row["sd"] == pytest.approx(np.std(scores, ddof=1))
    assert (row["min"], row["max"]) == (pytest.approx(0.2), pytest.approx(0.8))
    assert frame.filter(pl.col("code") == "Q")["n"].item() == 2


def test_an_input_error_carries_its_problems(workspace):
    with pytest.raises(cg.InputError) as error:
        cg.open(workspace(observations__csv="unit,indicator,value\n1,zz,3\n"))
    problem = next(p for p in error.value.problems if p.severity == "error")
    assert isinstance(problem, cg.Problem)
    assert "observations.csv" in str(error.value)
    assert "zz" in str(error.value)


def test_a_trace_of_what_is_not_there_is_a_key_error(workspace):
    result = cg.assess(cg.open(workspace()))
    for words in (("9", "I"), ("1", "zz"), ("苏州", "I")):
        with pytest.raises(KeyError):
            result.trace(*words)
