"""Strata: the index is computed apart in each, then averaged. Choosing things equals removing the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge.framework.model import Node
from citygauge.framework.rollup import Rollup
from citygauge.problems import Problem
from conftest import FRAMEWORK, UNITS

# P is the mean of a and b where both are known; I weighs P 0.6 and Q 0.4.
RULES = "code,kind,to,how\na,page,site,mean\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,best\n"
HEADER = "subject,unit,kind,parent,event,level\n"
SUBJECTS = (
    HEADER + "s1,1,site,,Birth,city\ns2,1,site,,Work,city\ns3,1,site,,Work,county\n"
    "p1,1,page,s1,Birth,city\np2,1,page,s1,Birth,city\nt1,2,site,,Birth,city\n"
)
FACTS = """\
unit,indicator,value,state,subject
1,a,60,,p1
1,a,80,,p2
1,a,40,,s2
1,a,0,,s3
1,b,2,,s1
1,c,50,,s1
1,c,10,,s2
1,c,90,,s3
2,a,100,,t1
2,b,0,,t1
2,c,30,,t1
"""
STRATA = {"framework__toml": 'strata = "event"\n'}


@pytest.fixture
def inside(workspace: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a workspace of sites and pages in two events, any file replaced."""

    def write(**files: str | None) -> Path:
        written = {"rollups__csv": RULES, "subjects__csv": SUBJECTS, "observations__csv": FACTS, **STRATA}
        return workspace(**{**written, **files})

    return write


def chosen(text: str) -> dict[str, str]:
    return {"assessment__toml": f'framework = "framework.csv"\n[subjects]\n{text}\n'}


def scores(result: cg.Result) -> dict[tuple[str, str], float | None]:
    return {(u, c): v for u, c, v in result.scores.select("unit_code", "code", "value").iter_rows()}


def says(problem: Problem, *named: str) -> None:
    for language in ("en", "zh"):
        text = problem.message(language) + problem.hint(language)
        assert [word for word in named if word not in text] == []


def test_the_index_is_computed_in_each_stratum_and_then_averaged(inside):
    result = cg.assess(cg.open(inside()))
    # Birth: a 70, b 2 of 10 days, c 50: P = (0.7 + 0.8) / 2, Q = 0.5. Work: a (40 + 0) / 2, no b, c 90.
    birth, work = 0.6 * 0.75 + 0.4 * 0.5, 0.6 * 0.2 + 0.4 * 0.9
    found = scores(result)
    assert found["1", "I"] == pytest.approx((birth + work) / 2)
    assert found["1", "P"] == pytest.approx((0.75 + 0.2) / 2)
    assert found["1", "b"] == pytest.approx(0.8)
    assert found["2", "I"] == pytest.approx(0.6 * 1 + 0.4 * 0.3)  # there is nothing of unit 2 in Work
    assert result.derived.column("a")[:2].tolist() == [45.0, 100.0]
    assert list(result.strata) == ["Birth", "Work"]
    assert [scored.aggregated.column("I")[0] for scored in result.strata.values()] == pytest.approx(
        [birth, work]
    )


def test_the_settings_take_all_things_together_where_the_framework_keeps_them_apart(inside):
    result = cg.assess(cg.open(inside(**chosen('strata = ""'))))
    # a (70 + 40 + 0) / 3, b 2, c 90
    assert scores(result)["1", "I"] == pytest.approx(0.6 * (1.1 / 3 + 0.8) / 2 + 0.4 * 0.9)
    assert result.strata == {}
    without = cg.assess(cg.open(inside(framework__toml="")))
    assert without.scores.equals(result.scores)


def test_the_settings_choose_other_strata_than_the_framework(inside):
    result = cg.assess(cg.open(inside(**chosen('strata = "level"'))))
    # city: a (70 + 40) / 2, b 2, c 50; county: a 0, c 90
    city, county = 0.6 * (0.55 + 0.8) / 2 + 0.4 * 0.5, 0.6 * 0.0 + 0.4 * 0.9
    assert scores(result)["1", "I"] == pytest.approx((city + county) / 2)


def test_one_stratum_is_no_stratum(inside):
    apart = cg.assess(cg.open(inside(**chosen('where = {event = "Birth"}'))))
    together = cg.assess(cg.open(inside(**chosen('where = {event = "Birth"}\nstrata = ""'))))
    assert apart.scores.equals(together.scores)


def test_a_fact_about_the_unit_itself_holds_in_every_stratum(inside):
    facts = FACTS + "1,b,6,,\n"
    result = cg.assess(cg.open(inside(observations__csv=facts)))
    birth, work = 0.6 * (0.7 + 0.4) / 2 + 0.4 * 0.5, 0.6 * (0.2 + 0.4) / 2 + 0.4 * 0.9
    assert scores(result)["1", "I"] == pytest.approx((birth + work) / 2)
    noted = [problem for problem in result.warnings if problem.code == "facts.rollup-beside-fact"]
    assert len(noted) == 1
    says(noted[0], "b", "1")


def test_things_without_a_stratum_are_left_out_and_named(inside):
    subjects = SUBJECTS.replace("s3,1,site,,Work,county", "s3,1,site,,,county")
    result = cg.assess(cg.open(inside(subjects__csv=subjects)))
    assert result.derived.column("a")[0] == pytest.approx((70 + 40) / 2)
    (problem,) = [problem for problem in result.warnings if problem.code == "subjects.blank-stratum"]
    says(problem, "event", "s3")
    assert problem.values["subjects"] == ["s3"]


def test_a_problem_that_every_stratum_has_is_noted_once(inside):
    tree = FRAMEWORK.replace("high\n", "high,denominator\n").replace("days,0,10", "days,0,10,size")
    facts = FACTS.replace("1,c,10,,s2", "1,b,4,,s2")
    units = UNITS.replace("Suzhou,30", "Suzhou,")
    result = cg.assess(cg.open(inside(framework__csv=tree, units__csv=units, observations__csv=facts)))
    noted = [problem.code for problem in result.warnings if problem.code == "units.no-denominator-value"]
    assert noted == ["units.no-denominator-value"]


@pytest.mark.parametrize(
    "where", [{"event": "Work"}, {"level": "city"}, {"event": ["Work", "Birth"], "level": "county"}]
)
def test_choosing_things_equals_removing_the_others(inside, where):
    text = ", ".join(f"{name} = {values!r}" for name, values in where.items())
    by_choice = cg.assess(cg.open(inside(**chosen(f"where = {{{text}}}"))))
    allowed = {name: [values] if isinstance(values, str) else values for name, values in where.items()}
    rows = [
        dict(zip(HEADER.strip().split(","), line.split(","), strict=True))
        for line in SUBJECTS.splitlines()[1:]
    ]
    kept = [row for row in rows if all(row[name] in values for name, values in allowed.items())]
    names = {row["subject"] for row in kept}
    facts = [line for line in FACTS.splitlines() if line.split(",")[-1] in {"subject", *names}]
    subjects = HEADER + "".join(",".join(row.values()) + "\n" for row in kept)
    removed = inside(
        subjects__csv=subjects,
        observations__csv="\n".join(facts) + "\n",
        assessment__toml='framework = "framework.csv"\n',
    )
    by_removal = cg.assess(cg.open(removed))
    assert by_choice.scores.equals(by_removal.scores)


@settings(max_examples=20, deadline=None)
@given(
    values=st.dictionaries(
        st.tuples(st.sampled_from("12"), st.sampled_from(["Birth", "Work", "Age"]), st.sampled_from("abc")),
        st.lists(st.integers(0, 10), min_size=1, max_size=3), min_size=1,
    )
)  # fmt: skip
def test_the_index_is_the_mean_of_the_strata_that_have_one(values):
    found = scores(cg.assess(in_memory(values)))
    for unit in "12":
        events: dict[str, dict[str, float]] = {}
        for (owner, event, code), told in values.items():
            if owner == unit:
                value = max(told) if code == "c" else fmean(told)
                events.setdefault(event, {})[code] = (10 - value) / 10 if code == "b" else value / 100
        indices = []
        for known in events.values():
            parts = [(0.6, fmean(below))] if (below := [known[c] for c in "ab" if c in known]) else []
            parts += [(0.4, known["c"])] if "c" in known else []
            indices.append(sum(w * v for w, v in parts) / sum(w for w, _ in parts))
        assert found[unit, "I"] == (pytest.approx(fmean(indices)) if indices else None)


def in_memory(values: Mapping[tuple[str, str, str], list[int]]) -> cg.Workspace:
    """Return a workspace in which every value is told of a site of its own."""
    nodes = (
        Node("I"), Node("P", "I", weight=0.6), Node("a", "P", direction=1, low=0.0, high=100.0),
        Node("b", "P", direction=-1, low=0.0, high=10.0), Node("Q", "I", weight=0.4),
        Node("c", "Q", direction=1, low=0.0, high=100.0),
    )  # fmt: skip
    hows: dict[str, Any] = {"a": "mean", "b": "mean", "c": "best"}
    rules = tuple(Rollup(code, "site", "unit", how) for code, how in hows.items())
    rows = [(unit, event, code, value) for (unit, event, code), told in values.items() for value in told]
    things = {"subject": [f"s{i}" for i in range(len(rows))], "unit": [row[0] for row in rows]}
    facts = {**things, "indicator": [row[2] for row in rows], "value": [float(row[3]) for row in rows]}
    subjects = pl.DataFrame({**things, "kind": ["site"] * len(rows), "event": [row[1] for row in rows]})
    method = cg.Method.from_toml('[normalise]\nhow = "goalposts"\n')
    tree = cg.Framework(nodes, rollups=rules, strata="event")
    return cg.from_frames(
        tree, pl.DataFrame({"unit": ["1", "2"]}), pl.DataFrame(facts), method, subjects=subjects
    )


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", ("rolled up Birth: 70 (from 1 values)", "rolled up Work: 20 (from 2 values)", "s1 = 70")),
     ("zh", ("汇总 Birth：70（", "由1个数值汇总", "s1 = 70"))],
)  # fmt: skip
def test_trace_prints_what_a_rolled_up_value_is_made_of(inside, lang, words):
    command = [sys.executable, "-m", "citygauge", "--lang", lang, "trace", str(inside()), "1", "a"]
    shown = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    for word in words:
        assert word in shown
