"""Coverage counted by hand: channels, states, corrections, things inside units, and node by node."""

from __future__ import annotations

import numpy as np
import pytest

import citygauge as cg
from citygauge.analyse.coverage import availability_by_node, coverage, known_share, planned
from citygauge.framework.model import CHANNELS, Framework, Node

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
# A correction, a channel that loses, a year before, a gap, and something that does not apply.
FACTS = """\
unit,indicator,period,value,state,channel,supersedes,id
1,a,2023,70,,statistics,,old
1,a,2023,80,,statistics,old,
1,b,2023,2,,statistics,,
1,b,2023,2,,web,,
1,c,2023,50,,,,
2,a,2023,60,,statistics,,
2,b,2023,5,,web,,
2,c,2023,,not_applicable,field,,
3,a,2023,,missing,statistics,,
3,b,2023,,not_measurable,web,,
3,c,2023,30,,field,,
3,a,2022,40,,interview,,
"""
TREE = """\
code,parent,level,name_en,direction,low,high,channels
I,,0,Index,,,,
P,I,1,P,,,,
Q,I,1,Q,,,,
a,P,2,A,1,0,100,statistics
b,P,2,B,-1,0,10,web;statistics
c,Q,2,C,1,0,100,
"""
THIS_YEAR = 'framework = "framework.csv"\nperiod = "2023"\n'


def assessed(workspace, **files):
    return cg.assess(cg.open(workspace(**({"framework__csv": TREE, "assessment__toml": THIS_YEAR} | files))))


def test_each_fact_that_counts_is_counted_once_at_its_channel(workspace):
    rows = coverage(assessed(workspace, observations__csv=FACTS))
    assert rows["channel"].to_list() == [*CHANNELS, ""]
    found = {row[0]: row[1:] for row in rows.rows()}
    # indicators, units, observations; value, missing, not applicable, not measurable; share known
    assert found["statistics"] == (1, 3, 3, 2, 1, 0, 0, pytest.approx(2 / 3))
    assert found["web"] == (1, 3, 3, 2, 0, 0, 1, pytest.approx(2 / 3))
    assert found["field"] == (1, 2, 2, 1, 0, 1, 0, 1.0)
    assert found["interview"] == (0, 0, 0, 0, 0, 0, 0, None)
    assert found[""] == (1, 1, 1, 1, 0, 0, 0, 1.0)


def test_only_assessed_units_count_and_a_blank_channel_is_left_out_where_all_tell_one(workspace):
    chosen = THIS_YEAR + '[units]\nlist = ["2", "3"]\n'
    rows = coverage(assessed(workspace, observations__csv=FACTS, assessment__toml=chosen))
    assert rows["channel"].to_list() == list(CHANNELS)
    assert rows["observations"].sum() == 6


def test_units_that_were_screened_out_count_too(workspace):
    method = '[screen]\nrule = "missing"\nmin_availability = 0.9\n[normalise]\nhow = "goalposts"\n'
    result = assessed(workspace, observations__csv=FACTS, method__toml=method)
    assert len(result.units) < 3
    assert coverage(result)["observations"].sum() == 9


def test_things_inside_units_count_one_by_one(workspace):
    result = assessed(
        workspace,
        rollups__csv="code,kind,to,how\na,site,unit,mean\n",
        subjects__csv="subject,unit,kind\ns,1,site\nt,1,site\nu,2,site\n",
        observations__csv=(
            "unit,indicator,value,subject,channel,state\n1,a,80,s,web,\n1,a,,t,web,not_measurable\n"
            "2,a,20,u,web,\n1,b,2,,field,\n3,b,2,,field,\n"
        ),
        assessment__toml='framework = "framework.csv"\n',
    )
    found = {row[0]: row[1:] for row in coverage(result).rows()}
    assert found["web"] == (1, 2, 3, 2, 0, 0, 1, pytest.approx(2 / 3))
    assert found["field"] == (1, 2, 2, 2, 0, 0, 0, 1.0)


def test_on_illustrative_data_the_states_of_one_or_two_units_are_not_told(workspace):
    toml = ILLUSTRATIVE + 'period = "2023"\n'
    rows = coverage(assessed(workspace, observations__csv=FACTS, assessment__toml=toml))
    field = rows.filter(channel="field").row(0, named=True)
    assert (field["units"], field["value"], field["missing"], field["share_known"]) == (2, None, None, None)
    assert rows.filter(channel="web")["value"][0] == 2
    assert rows.filter(channel="interview")["value"][0] == 0
    assert rows["notice"].null_count() == 0


def test_planned_channels_are_counted_at_the_leaves(workspace):
    rows = planned(cg.open(workspace(framework__csv=TREE)).framework)
    found = {row[0]: row[1:] for row in rows.rows()}
    assert found == {
        "field": (0, 0), "interview": (0, 0), "web": (1, 1), "statistics": (2, 1), "questionnaire": (0, 0),
        "": (1, 1),
    }  # fmt: skip
    alone = planned(Framework((Node("I"), Node("a", "I", channels=("web",)))))
    assert alone["channel"].to_list() == list(CHANNELS)
    assert alone["first_choice"].sum() == 1


def test_availability_is_counted_node_by_node_and_states_stay_apart(workspace):
    rows = availability_by_node(assessed(workspace, observations__csv=FACTS))
    assert rows.columns == [
        "code", "level", "expected", "known", "imputed", "missing", "not_measurable", "not_applicable",
        "share_known",
    ]  # fmt: skip
    found = {row[0]: row[1:] for row in rows.rows()}
    assert list(found) == ["I", "P", "a", "b", "Q", "c"]
    assert found["a"] == (2, 3, 2, 0, 1, 0, 0, pytest.approx(2 / 3))
    assert found["b"] == (2, 3, 2, 0, 0, 1, 0, pytest.approx(2 / 3))
    assert found["c"] == (2, 2, 2, 0, 0, 0, 1, 1.0)
    assert found["P"] == (1, 6, 4, 0, 1, 1, 0, pytest.approx(4 / 6))
    assert found["I"] == (0, 8, 6, 0, 1, 1, 1, pytest.approx(6 / 8))


def test_an_imputed_value_is_neither_known_nor_missing(workspace):
    method = '[impute]\nhow = "median"\n[normalise]\nhow = "goalposts"\n'
    rows = availability_by_node(assessed(workspace, method__toml=method))
    assert rows.filter(code="c").row(0)[2:] == (3, 2, 1, 0, 0, 0, pytest.approx(2 / 3))


def test_an_indicator_of_measures_counts_once_and_its_own_score_is_enough(workspace):
    tree = (
        "code,parent,level,name_en,direction,scale,low,high\nI,,0,Index,,,,\na,I,1,A,1,ratio,0,100\n"
        "m,a,2,M,1,ratio,0,100\nn,a,2,N,1,ratio,0,100\n"
    )
    facts = "unit,indicator,value,state\n1,a,50,\n2,m,20,\n3,m,,not_applicable\n3,n,,not_applicable\n"
    found = {
        row[0]: row[2:]
        for row in availability_by_node(
            assessed(
                workspace,
                framework__csv=tree,
                observations__csv=facts,
                assessment__toml='framework = "framework.csv"\n',
            )
        ).rows()
    }
    assert found["a"] == found["I"] == (2, 2, 0, 0, 0, 1, 1.0)
    assert found["m"] == (2, 1, 0, 1, 0, 1, 0.5)
    assert found["n"] == (2, 0, 0, 2, 0, 1, 0.0)


def test_on_illustrative_data_two_units_have_no_figures(workspace):
    toml = ILLUSTRATIVE + 'period = "2023"\n[units]\ntop = 2\nby = "size"\n'
    rows = availability_by_node(assessed(workspace, assessment__toml=toml))
    assert rows.drop("code", "level", "notice").null_count().row(0) == (6,) * 7


def test_a_share_of_nothing_is_no_share():
    assert np.isnan(known_share(0, 0, 0))
    assert known_share(0, 2) == 0.0
    assert known_share(2) == 1.0
