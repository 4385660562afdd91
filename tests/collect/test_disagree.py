"""What other sources and channels told: kept beside the value that counts."""

from __future__ import annotations

import io

import polars as pl
import pytest

from citygauge.collect.disagree import DISAGREEMENT_SCHEMA, check_preferred, disagreements
from citygauge.collect.observations import Observations, observations_of
from citygauge.collect.rivals import SourceChoice
from citygauge.files import Sheet
from citygauge.framework.model import Framework, Node
from citygauge.problems import Problems

TREE = Framework(
    (Node("I"), Node("a", "I", direction=1, channels=("statistics", "web")), Node("b", "I", direction=1))
)
HEADER = "unit,indicator,period,value,state,channel,source,subject\n"
ROWS = """\
1,a,2022,80,,statistics,A,
1,a,2022,100,,statistics,B,
1,a,2023,90,,statistics,A,
1,a,2023,90,,statistics,B,
2,a,2023,43761,,statistics,A,
2,a,2023,43760.7,,statistics,B,
2,b,2023,1000,,,B,
2,b,2023,1002,,,A,
3,a,2023,7,,web,B,
3,a,2023,9,,statistics,A,
3,b,2023,0,,,A,
3,b,2023,,not_applicable,,B,
4,b,2023,5,,,A,
4,b,2023,,missing,,B,
"""


def facts_of(text: str) -> Observations:
    found = observations_of(
        Sheet(pl.read_csv(io.StringIO(HEADER + text), infer_schema=False), "f"), Problems()
    )
    assert found is not None
    return found


def test_every_other_telling_stands_beside_the_one_that_counts():
    found = disagreements(facts_of(ROWS), TREE, SourceChoice(prefer=("A", "B"), tolerance=0.003))
    assert dict(found.schema) == DISAGREEMENT_SCHEMA
    rows = {(r["unit"], r["indicator"], r["period"]): r for r in found.to_dicts()}
    assert {key: (r["kind"], r["verdict"]) for key, r in rows.items()} == {
        ("1", "a", "2022"): ("source", "differ"),
        ("2", "a", "2023"): ("source", "rounding"),
        ("2", "b", "2023"): ("source", "tolerance"),
        ("3", "a", "2023"): ("channel", "differ"),
        ("3", "b", "2023"): ("source", "differ"),
    }
    one = rows["1", "a", "2022"]
    assert (one["used_source"], one["used_row"], one["used_value"]) == ("A", 2, 80.0)
    assert (one["other_source"], one["other_row"], one["other_value"]) == ("B", 3, 100.0)
    assert one["difference"] == 20.0
    assert one["relative_difference"] == pytest.approx(0.2)
    assert one["subject"] is None
    assert rows["2", "b", "2023"]["used_source"] == "A"
    assert (rows["3", "a", "2023"]["used_channel"], rows["3", "a", "2023"]["other_channel"]) == (
        "statistics",
        "web",
    )
    state = rows["3", "b", "2023"]
    assert (state["used_state"], state["other_state"], state["difference"]) == (
        "value",
        "not_applicable",
        None,
    )


def test_swapping_the_order_swaps_the_sides_and_the_sign():
    facts = facts_of(ROWS.splitlines()[0] + "\n" + ROWS.splitlines()[1] + "\n")
    (ab,), (ba,) = (
        disagreements(facts, TREE, SourceChoice(prefer=p)).to_dicts() for p in (("A", "B"), ("B", "A"))
    )
    assert (ab["used_value"], ab["other_value"]) == (ba["other_value"], ba["used_value"])
    assert ab["difference"] == -ba["difference"]
    assert ab["relative_difference"] == ba["relative_difference"]


def test_periods_and_units_can_be_chosen_and_a_fact_without_period_holds_in_each():
    facts = facts_of(ROWS)
    assert disagreements(facts, TREE, periods=["2022"])["unit"].to_list() == ["1"]
    assert set(disagreements(facts, TREE, units=["3"])["unit"]) == {"3"}
    undated = facts_of("1,b,,5,,,A,\n1,b,2022,6,,,B,\n1,a,2023,1,,,A,\n")
    assert disagreements(undated, TREE)["period"].to_list() == ["2022"]
    assert disagreements(facts_of("1,b,,5,,,A,\n1,b,,6,,,B,\n"), TREE)["period"].to_list() == [None]


def test_things_inside_units_are_told_apart():
    found = disagreements(facts_of("1,b,2023,5,,,A,x\n1,b,2023,6,,,B,x\n1,b,2023,7,,,B,y\n"), TREE)
    assert found.select("subject", "used_value", "other_value").rows() == [("x", 5.0, 6.0)]


@pytest.mark.parametrize("rows", ["", "1,a,2023,5,,,A,\n", "1,a,2023,5,,,A,\n1,a,2023,5,,,B,\n"])
def test_where_nobody_disagrees_the_table_is_empty_and_has_its_columns(rows):
    found = disagreements(facts_of(rows), TREE)
    assert (found.height, dict(found.schema)) == (0, DISAGREEMENT_SCHEMA)


def test_a_preferred_source_that_no_fact_has_is_named_with_its_neighbours():
    problems = Problems()
    check_preferred(
        facts_of("1,a,2023,5,,,nbs-2023,\n"), SourceChoice(prefer=("nbs-2032", "nbs-2023")), "s", problems
    )
    (problem,) = problems
    assert (problem.code, problem.severity) == ("facts.preferred-unknown", "warning")
    assert (problem.values["value"], problem.values["near"]) == ("nbs-2032", ["nbs-2023"])
