"""Breaks in series: reading ``breaks.csv``, every mistake at once, and what a break concerns."""

from __future__ import annotations

import polars as pl
import pytest

import citygauge as cg
from citygauge import InputError
from citygauge.collect.breaks import Break, breaks_of, concerned
from citygauge.framework.model import Framework, Node
from citygauge.framework.rollup import Lookup, Rollup
from citygauge.problems import Problems

HEADER = "indicator,unit,from_period,kind,note_zh,note_en\n"


def refused(folder):
    with pytest.raises(InputError) as caught:
        cg.open(folder)
    return [problem for problem in caught.value.problems if problem.severity == "error"]


def test_a_workspace_without_the_file_has_no_breaks(workspace):
    assert len(cg.open(workspace()).breaks) == 0


def test_breaks_are_read_blank_cells_standing_for_all(workspace):
    text = HEADER + "a,1,2023,definition,口径变化,new definition\n,2,2023,boundary,,\n\n,,2023,source,,\n"
    breaks = cg.open(workspace(breaks__csv=text)).breaks
    assert list(breaks) == [
        Break("a", "1", "2023", "definition", "口径变化", "new definition"),
        Break("", "2", "2023", "boundary"),
        Break("", "", "2023", "source"),
    ]
    assert not {one.code for one in cg.open(workspace(breaks__csv=text)).warnings if "breaks" in one.code}


def test_columns_that_nobody_needs_may_be_absent_and_a_frame_will_do():
    problems = Problems()
    breaks = breaks_of(pl.DataFrame({"from_period": [2023], "kind": ["source"]}), problems)
    assert list(breaks) == [Break("", "", "2023", "source")]
    assert len(problems) == 0


def test_all_mistakes_are_told_at_once_with_their_rows_and_near_misses(workspace):
    rows = ["aa,1,2023,definition,,", "a,苏州,2023,definition,,", "a,1,2023,definitions,,", "a,1,,source,,",
            "a,1,2023,,,", "aa,成者,2023,source,,"]  # fmt: skip
    problems = refused(workspace(breaks__csv=HEADER + "\n".join(rows) + "\n"))
    told = {problem.code: problem for problem in problems if problem.code != "breaks.blank-cell"}
    assert set(told) == {"breaks.unknown-indicator", "breaks.unknown-unit", "breaks.unknown-kind"}
    assert told["breaks.unknown-indicator"].values["rows"] == [2, 7]
    assert "a" in told["breaks.unknown-indicator"].values["near"]
    assert told["breaks.unknown-kind"].values["near"] == ["definition"]
    units = {one.values["value"]: one.values["near"] for one in problems if one.code == "breaks.unknown-unit"}
    assert units["苏州"] == ["1"]
    assert "成都 3" in units["成者"]
    blank = [(one.where.row, one.where.column) for one in problems if one.code == "breaks.blank-cell"]
    assert blank == [(5, "from_period"), (6, "kind")]
    assert all(problem.where.file == "breaks.csv" for problem in problems)


def test_a_table_without_period_or_kind_cannot_be_used(workspace):
    (problem,) = refused(workspace(breaks__csv="indicator,unit,since\na,1,2023\n"))
    assert problem.code == "breaks.missing-column"
    assert problem.values["columns"] == ["from_period", "kind"]


def test_other_files_are_checked_too_where_breaks_cannot_be_read(workspace):
    codes = {problem.code for problem in refused(workspace(breaks__csv="a,b\n1,2\n", method__toml="["))}
    assert codes == {"breaks.missing-column", "file.not-toml"}


@pytest.mark.parametrize(("told", "near"), [("abc", []), ("2022年", ["2022"]), ("二〇二二", ["2022"])])
def test_a_break_from_what_is_no_period_is_refused(workspace, told, near):
    (problem,) = refused(workspace(breaks__csv=HEADER + f"a,1,{told},source,,\n"))
    assert (problem.code, problem.values["near"]) == ("breaks.bad-period", near)


def test_a_period_without_facts_is_a_warning(workspace):
    opened = cg.open(workspace(breaks__csv=HEADER + "a,1,2202,source,,\n"))
    (problem,) = [one for one in opened.warnings if one.code == "breaks.unknown-period"]
    assert problem.values["value"] == "2202"
    assert problem.values["known"] == ("2023",)


def test_a_break_concerns_what_is_below_divided_by_it_or_rolled_up_from_it():
    nodes = (
        Node("I"), Node("P", "I"), Node("m", "P"), Node("n", "P"), Node("d", "I", denominator="n"),
        Node("r", "I"), Node("s", "I"), Node("z", "I"),
    )  # fmt: skip
    rollups = (Rollup("r", "site", "unit", of=("item",)), Rollup("half", "answer", "site", of=("q",)))
    framework = Framework(nodes, rollups=rollups, lookups=(Lookup("s", {"half": ("1",)}, 1.0),))
    assert concerned("", framework) == set(framework.codes)
    assert concerned("P", framework) == {"P", "m", "n", "d"}
    assert concerned("m", framework) == {"m"}
    assert concerned("item", framework) == {"r"}
    assert concerned("q", framework) == {"s"}
    assert concerned("z", framework) == {"z"}
