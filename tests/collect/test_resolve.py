"""Which fact counts: corrections, channels, periods, and no matter in what order they stand."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge.collect.observations import STATES, Observations, observation_ids, observations_of
from citygauge.collect.resolve import Facts, current, resolve
from citygauge.files import Sheet
from citygauge.framework.model import Framework, Node
from citygauge.problems import Problems

TREE = Framework(
    (
        Node("I"),
        Node("a", "I", direction=1, channels=("statistics", "web")),
        Node("b", "I", direction=1),
    )
)
HEADER = "id,unit,indicator,period,value,state,channel,supersedes\n"


def facts_of(text: str) -> Observations:
    frame = pl.read_csv(io.StringIO(text), infer_schema=False)
    found = observations_of(Sheet(frame, "facts"), Problems())
    assert found is not None
    return found


def settled(rows: str, period: str | None = "2023", header: str = HEADER) -> tuple[Facts, list]:
    problems = Problems()
    found = resolve(facts_of(header + rows), TREE, ("1", "2"), period, problems)
    return found, list(problems)


def value(facts: Facts, unit: str, code: str) -> float:
    return facts.values[facts.units.index(unit), facts.codes.index(code)]


def row(facts: Facts, unit: str, code: str) -> int:
    return int(facts.rows[facts.units.index(unit), facts.codes.index(code)])


def test_a_correction_by_id_counts_and_the_wrong_fact_stays_in_the_table():
    observations = facts_of(HEADER + "x,1,a,2023,5,,,\ny,1,a,2023,6,,,x\n")
    problems = Problems()
    facts = resolve(observations, TREE, ("1", "2"), "2023", problems)
    assert len(problems) == 0
    assert (value(facts, "1", "a"), row(facts, "1", "a")) == (6.0, 3)
    assert observations.frame["value"].to_list() == [5.0, 6.0]


def test_a_correction_may_name_the_hash_of_the_content_where_the_file_gives_no_id():
    first = "1,a,2023,5,,,\n"
    header = HEADER.removeprefix("id,")
    (name,) = observation_ids(facts_of(header + first).frame)
    facts, problems = settled(first + f"1,a,2023,6,,,{name}\n", header=header)
    assert problems == []
    assert value(facts, "1", "a") == 6.0


def test_the_hash_of_the_content_does_not_depend_on_the_place_in_the_file():
    header = HEADER.removeprefix("id,")
    alone = observation_ids(facts_of(header + "1,a,2023,5,,,\n").frame)[0]
    later = observation_ids(facts_of(header + "2,b,2023,9,,,\n1,a,2023,5,,,\n").frame)[1]
    assert alone == later
    assert alone != observation_ids(facts_of(header + "1,a,2023,5.5,,,\n").frame)[0]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_a_chain_of_corrections_the_last_counts_wherever_it_stands(order):
    rows = ["x,1,a,2023,5,,,\n", "y,1,a,2023,6,,,x\n", "z,1,a,2023,7,,,y\n"]
    facts, problems = settled("".join(rows[i] for i in order))
    assert problems == []
    assert value(facts, "1", "a") == 7.0


def test_two_different_corrections_of_one_fact_are_an_error():
    _, problems = settled("x,1,a,2023,5,,,\ny,1,a,2023,6,,,x\nz,1,a,2023,7,,,x\n")
    assert [problem.code for problem in problems] == ["facts.several-values"]
    assert problems[0].values["rows"] == [3, 4]


def test_a_correction_may_take_a_value_back():
    facts, problems = settled("x,1,a,2023,5,,,\ny,1,a,2023,,not_measurable,,x\n")
    assert problems == []
    assert np.isnan(value(facts, "1", "a"))
    assert STATES[facts.states[0, 1]] == "not_measurable"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("x,1,a,2023,5,,,\ny,1,a,2023,6,,,nobody\n", "facts.supersedes-unknown"),
        ("x,1,a,2023,5,,,\ny,2,a,2023,6,,,x\n", "facts.supersedes-other"),
        ("x,1,a,2023,5,,,\ny,1,b,2023,6,,,x\n", "facts.supersedes-other"),
        ("x,1,a,2022,5,,,\ny,1,a,2023,6,,,x\n", "facts.supersedes-other"),
        ("x,1,a,2023,5,,,x\n", "facts.supersedes-other"),
    ],
    ids=["unknown id", "another unit", "another indicator", "another period", "itself"],
)
def test_a_correction_that_names_something_else_is_an_error_and_replaces_nothing(rows, code):
    observations = facts_of(HEADER + rows)
    problems = Problems()
    kept = current(observations, problems)
    assert [problem.code for problem in problems] == [code]
    assert kept.height == observations.frame.height


def test_an_unknown_reference_is_answered_with_the_ids_of_the_same_fact():
    _, problems = settled("x,1,a,2023,5,,,\ny,1,a,2023,6,,,nobody\n")
    unknown = next(problem for problem in problems if problem.code == "facts.supersedes-unknown")
    assert unknown.values["near"] == ["x"]


def test_the_preferred_channel_wins_and_the_rows_of_the_other_are_noted():
    facts, problems = settled("p,1,a,2023,5,,web,\nq,1,a,2023,6,,statistics,\nr,1,a,2023,9,,interview,\n")
    assert value(facts, "1", "a") == 6.0
    (problem,) = problems
    assert (problem.code, problem.severity) == ("facts.channels-disagree", "warning")
    assert (problem.values["rows"], problem.values["used"]) == ([2, 4], 3)
    assert problem.values["channel"] == "statistics"


def test_channels_that_agree_are_no_news():
    facts, problems = settled("p,1,a,2023,6,,web,\nq,1,a,2023,6,,statistics,\n")
    assert problems == []
    assert value(facts, "1", "a") == 6.0


def test_two_values_of_one_channel_are_an_error_with_rows_and_ids():
    _, problems = settled("p,1,a,2023,5,,web,\nq,1,a,2023,6,,web,\n")
    (problem,) = problems
    assert (problem.code, problem.severity) == ("facts.several-values", "error")
    assert (problem.values["rows"], problem.values["ids"]) == ([2, 3], ["p", "q"])


def test_a_value_beside_a_gap_of_the_same_channel_is_an_error_too():
    _, problems = settled("p,1,a,2023,5,,web,\nq,1,a,2023,,missing,web,\n")
    assert [problem.code for problem in problems] == ["facts.several-values"]


def test_equal_duplicates_are_fine():
    facts, problems = settled("p,1,a,2023,5,,web,\nq,1,a,2023,5,,web,\nr,1,a,2023,5,,web,\n")
    assert problems == []
    assert value(facts, "1", "a") == 5.0


def test_only_the_chosen_period_counts_and_a_fact_without_period_holds_always():
    rows = "p,1,a,2022,5,,,\nq,1,a,2023,6,,,\nr,1,b,,7,,,\n"
    for period, expected in (("2022", 5.0), ("2023", 6.0)):
        facts, problems = settled(rows, period)
        assert problems == []
        assert (value(facts, "1", "a"), value(facts, "1", "b")) == (expected, 7.0)


def test_what_nobody_reported_is_missing_and_has_no_row():
    facts, _ = settled("p,1,a,2023,5,,,\n")
    assert np.isnan(value(facts, "2", "a"))
    assert (row(facts, "2", "a"), STATES[facts.states[1, 1]]) == (0, "missing")


def test_facts_of_units_that_are_not_assessed_are_not_looked_at():
    _, problems = settled("p,9,a,2023,5,,,\nq,9,a,2023,6,,,\n")
    assert problems == []


POOL = [
    "p,1,a,2023,5,,web,", "q,1,a,2023,6,,statistics,", "r,1,a,2023,6,,statistics,", "s,1,b,2023,1,,,",
    "t,1,b,2023,2,,,s", "u,1,b,2023,3,,,t", "v,2,a,,9,,,", "w,2,b,2023,,not_applicable,,",
    "x,2,b,2022,4,,,", "y,1,a,2023,7,,interview,",
]  # fmt: skip


@given(st.permutations(POOL))
@settings(max_examples=40, deadline=None)
def test_shuffled_rows_give_equal_facts(rows):
    expected, _ = settled("\n".join(POOL) + "\n")
    facts, problems = settled("\n".join(rows) + "\n")
    np.testing.assert_array_equal(facts.values, expected.values)
    np.testing.assert_array_equal(facts.states, expected.states)
    assert [problem.code for problem in problems] == ["facts.channels-disagree"]
    at = row(facts, "1", "b")
    assert rows[at - 2].startswith("u,")  # the row is the one in this file


def test_a_whole_run_uses_the_correction_and_traces_to_its_row(workspace):
    text = "id,unit,indicator,period,value,supersedes\n" + "".join(
        f"{n},{unit},{code},2023,{value},\n"
        for n, (unit, code, value) in enumerate(
            [(1, "a", 8), (1, "b", 2), (1, "c", 50), (2, "a", 60), (2, "b", 5), (2, "c", 70)]
        )
    )
    folder = workspace(observations__csv=text + "fix,1,a,2023,80,0\n")
    before = (folder / "observations.csv").read_bytes()
    result = cg.assess(cg.open(folder))
    assert result.trace("1", "a")["fact"]["row"] == 8
    assert result.trace("1", "I")["value"] == pytest.approx(0.6 * (0.8 + 0.8) / 2 + 0.4 * 0.5)
    assert (folder / "observations.csv").read_bytes() == before
