"""Which fact counts: corrections, channels, periods, and no matter in what order they stand."""

from __future__ import annotations

import io
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge.collect.observations import STATES, Observations, observation_ids, observations_of
from citygauge.collect.resolve import Facts, current, resolve
from citygauge.collect.rivals import VOICES, SourceChoice, agreement, relative_difference
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


SOURCED = "id,unit,indicator,period,value,state,channel,source,supersedes\n"


def sourced(rows: str, *prefer: str, tolerance: float = 0.0) -> tuple[Facts, list]:
    problems, choice = Problems(), SourceChoice(prefer=prefer, tolerance=tolerance)
    found = resolve(facts_of(SOURCED + rows), TREE, ("1", "2"), "2023", problems, choice)
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


TWO = "p,1,a,2023,80,,statistics,A,\nq,1,a,2023,100,,statistics,B,\n"


def test_two_sources_that_differ_are_an_error_that_names_all_and_says_what_to_write():
    _, problems = sourced(TWO + "r,2,b,2023,50,,,A,\ns,2,b,2023,51,,,B,\n")
    (problem,) = problems
    assert (problem.code, problem.severity) == ("facts.sources-unsettled", "error")
    assert (problem.values["used"], problem.values["other"]) == ("A", "B")
    assert problem.values["rows"] == [[2, 3], [4, 5]]
    assert problem.values["told"] == ["1/a 80 [2] ≠ 100 [3] (20%)", "2/b 50 [4] ≠ 51 [5] (1.96%)"]
    for language in ("en", "zh"):
        assert 'prefer = ["A", "B"]' in problem.text(language)


@pytest.mark.parametrize(("prefer", "expected"), [(("A", "B"), 80.0), (("B", "A"), 100.0), (("B",), 100.0)])
def test_the_preferred_source_counts_and_the_disagreement_is_noted(prefer, expected):
    rows = TWO + "r,1,b,2023,7,,,A,\ns,1,b,2023,7,,,B,\n"
    facts, problems = sourced(rows, *prefer)
    assert (value(facts, "1", "a"), value(facts, "1", "b")) == (expected, 7.0)
    (problem,) = problems
    assert (problem.code, problem.severity) == ("facts.sources-disagree", "warning")
    assert (problem.values["count"], problem.values["total"]) == (1, 2)
    assert problem.values["used"] == prefer[0]


def test_a_third_source_outside_the_order_loses_to_those_in_it_and_two_outside_it_stay_unsettled():
    third = "r,1,a,2023,90,,statistics,C,\n"
    facts, problems = sourced(TWO + third, "B")
    assert value(facts, "1", "a") == 100.0
    assert {(p.code, p.values["other"]) for p in problems} == {
        ("facts.sources-disagree", "A"),
        ("facts.sources-disagree", "C"),
    }
    _, problems = sourced(TWO + third, "D")
    assert [problem.code for problem in problems] == ["facts.sources-unsettled"] * 2


def test_sources_within_the_tolerance_agree_and_the_first_counts():
    rows = "p,1,a,2023,1000,,,A,\nq,1,a,2023,1004.9,,,B,\n"
    facts, problems = sourced(rows, tolerance=0.005)
    assert (value(facts, "1", "a"), problems) == (1000.0, [])
    _, problems = sourced(rows, tolerance=0.004)
    assert [problem.code for problem in problems] == ["facts.sources-unsettled"]


@pytest.mark.parametrize(("first", "second"), [("43761", "43760.7"), ("43760.7", "43761")])
def test_a_source_that_prints_fewer_digits_agrees(first, second):
    facts, problems = sourced(f"p,1,a,2023,{first},,,A,\nq,1,a,2023,{second},,,B,\n")
    assert (value(facts, "1", "a"), problems) == (float(first), [])


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        (43761, 43760.7, "rounding"), (43800, 43760.7, "rounding"), (43762, 43760.7, "differ"),
        (-43761, -43760.7, "rounding"), (0.123, 0.12345, "rounding"), (0.124, 0.12345, "differ"),
        (125, 124.5, "rounding"), (124, 124.5, "rounding"), (1000, 999.96, "rounding"),
        (1000, 1000.4, "rounding"), (1200, 1200.3, "rounding"), (1000, 1003, "differ"),
        (5, 5.4, "differ"), (1, 0.6, "differ"), (0, 0.4, "differ"), (0, 0, "same"), (0.3, 0.1 + 0.2, "same"),
        (1.23e-30, 1.2345e-30, "rounding"), (1.23e300, 1.2345e300, "rounding"), (1.23, -1.2345, "differ"),
    ],
)  # fmt: skip
def test_figures_agree_by_rounding_to_the_last_digit_of_the_shorter_one(a, b, verdict):
    assert agreement(a, b) == agreement(b, a) == verdict


@given(st.floats(-1e12, 1e12).filter(lambda x: abs(x) > 1e-6), st.integers(3, 14))
@settings(max_examples=100, deadline=None)
def test_a_figure_printed_with_three_digits_or_more_agrees_with_itself(figure, digits):
    told = float(f"{figure:.{digits - 1}e}")
    assume(len(Decimal(repr(told)).normalize().as_tuple().digits) >= 3)  # 1.00 is 1: too short to tell
    assert agreement(figure, told) in {"same", "rounding"}
    assert relative_difference(figure, told) <= 0.005


def test_two_values_of_one_source_are_an_error_whatever_is_preferred_or_tolerated():
    rows = "p,1,a,2023,80,,,A,\nq,1,a,2023,80.1,,,A,\n"
    _, problems = sourced(rows, "A", tolerance=0.1)
    (problem,) = problems
    assert (problem.code, problem.values["ids"]) == ("facts.several-values", ["p", "q"])


def test_the_channel_comes_before_the_source():
    facts, problems = sourced("p,1,a,2023,80,,web,A,\nq,1,a,2023,90,,statistics,B,\n", "A")
    assert value(facts, "1", "a") == 90.0
    assert [problem.code for problem in problems] == ["facts.channels-disagree"]


def test_a_gap_gives_way_to_a_figure_of_another_source_even_of_the_preferred_one():
    facts, problems = sourced("p,1,a,2023,,missing,,A,\nq,1,a,2023,90,,,B,\n", "A")
    assert (value(facts, "1", "a"), problems) == (90.0, [])


def test_not_applicable_beside_a_figure_is_a_disagreement():
    rows = "p,1,a,2023,,not_applicable,,A,\nq,1,a,2023,90,,,B,\n"
    _, problems = sourced(rows)
    assert [problem.code for problem in problems] == ["facts.sources-unsettled"]
    assert "1/a not_applicable [2] ≠ 90 [3]" in problems[0].text("zh")
    facts, _ = sourced(rows, "A")
    assert STATES[facts.states[0, 1]] == "not_applicable"


def test_a_fact_without_a_source_loses_to_a_preferred_one_and_else_is_told_so():
    rows = "p,1,a,2023,80,,,,\nq,1,a,2023,90,,,B,\n"
    facts, _ = sourced(rows, "B")
    assert value(facts, "1", "a") == 90.0
    _, problems = sourced(rows)
    assert (problems[0].code, problems[0].values["used"]) == ("facts.sources-unsettled", "–")


@pytest.mark.parametrize("prefer", [("A",), ("A2",), ("A3",)])
def test_a_correction_speaks_for_the_source_that_it_corrects(prefer):
    rows = TWO + "r,1,a,2023,81,,statistics,A2,p\ns,1,a,2023,82,,statistics,A3,r\n"
    facts, problems = sourced(rows, *prefer)
    assert value(facts, "1", "a") == 82.0
    assert [problem.code for problem in problems] == ["facts.sources-disagree"]
    voices = dict(current(facts_of(SOURCED + rows), Problems()).select("id", VOICES).iter_rows())
    assert voices == {"q": ["B"], "s": ["A3", "A2", "A"]}


def test_two_corrections_of_one_fact_by_two_sources_are_still_an_error_of_one_source():
    rows = "x,1,a,2023,5,,,A,\ny,1,a,2023,6,,,B,x\nz,1,a,2023,7,,,C,x\n"
    _, problems = sourced(rows, "B", "C")
    assert [problem.code for problem in problems] == ["facts.several-values"]


@given(
    st.permutations([*TWO.splitlines(), "r,2,a,2023,3,,,B,", "s,2,a,2023,,missing,,A,", "t,1,b,2023,4,,,C,"])
)
@settings(max_examples=30, deadline=None)
def test_with_an_order_of_sources_the_order_of_rows_does_not_matter(rows):
    facts, problems = sourced("\n".join(rows) + "\n", "B", "A")
    assert (value(facts, "1", "a"), value(facts, "2", "a"), value(facts, "1", "b")) == (100.0, 3.0, 4.0)
    assert [problem.code for problem in problems] == ["facts.sources-disagree"]
