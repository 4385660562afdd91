"""Items, roll-up rules and lookups: read, checked, written and read back; every fault of theirs is named."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge.framework.model import Framework, Node
from citygauge.framework.read import read_framework
from citygauge.framework.rollup import HOWS, Item, Lookup, Rollup, format_condition, parse_condition
from citygauge.framework.write import framework_files, write_framework
from citygauge.problems import InputError, Problem, Where
from conftest import FULL

FORMS = (".csv", ".xlsx", ".yaml")
TREE = (
    Node("I", name={"zh": "指数", "en": "Index"}),
    Node("a", "I", weight=2.0, direction=1, unit="%", low=0.0, high=100.0),
    Node("b", "I", weight=1.0, direction=-1),
)
ITEMS = (
    "code,kind,name_zh,name_en,unit,low,high\nq,page,问,Question,yes_no,0,1\nr,page,答,Answer,yes_no,0,1\n"
)
RULES = "code,kind,to,how,of,where,by,weights,value,absent,decimals,source\n"
LOOKUPS = "code,when,score\n"
SUBJECTS = "subject,unit,kind,parent,type,size\ns1,1,site,,A,3\np1,1,page,s1,A,1\np2,1,page,s1,B,1\n"
FACTS = "unit,indicator,value,subject\n1,q,1,p1\n1,q,0,p2\n"

# Conditions.

names = (
    st.text("ab中 _0", min_size=1, max_size=4).map(str.strip).filter(lambda name: name not in {"", "a", "b"})
)
texts = st.text("ab中=:, _0", max_size=4).map(str.strip)
conditions = st.dictionaries(names, st.lists(texts, min_size=1, max_size=3).map(tuple), max_size=3)


@given(condition=conditions)
def test_a_condition_that_is_written_reads_back(condition):
    assert parse_condition(format_condition(condition)) == condition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" ; ;", {}),
        ("a=1", {"a": ("1",)}),
        (" a = 1 ;b=x y|z", {"a": ("1",), "b": ("x y", "z")}),
        (
            "层级=区｜县；a=",
            {"层级": ("区｜县",), "a": ("",)},
        ),  # a full-width bar is text, a semicolon is none
        ("a=b=c", {"a": ("b=c",)}),
        ("a=|x", {"a": ("", "x")}),
    ],
)
def test_a_condition_is_read_as_the_documentation_says(text, expected):
    assert parse_condition(text) == expected


@pytest.mark.parametrize(
    ("text", "part"), [("a", "a"), ("a=1;=2", "=2"), ("a=1; b ;c=2", "b"), ("a=1;a=2", "a=2")]
)
def test_what_is_no_condition_is_refused_with_the_part_that_is_none(text, part):
    with pytest.raises(ValueError, match=f"^{part}$"):
        parse_condition(text)


# Reading.


@pytest.fixture
def inside(workspace: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a workspace with things inside its units, any file replaced."""

    def write(rules: str = "a,page,unit,mean,q\n", lookups: str = "", **files: str | None) -> Path:
        written = {"items__csv": ITEMS, "rollups__csv": RULES + rules, "subjects__csv": SUBJECTS}
        written |= {"lookups__csv": LOOKUPS + lookups} if lookups else {}
        return workspace(**{**written, "observations__csv": FACTS, **files})

    return write


def test_the_columns_of_a_rule_are_read_as_what_they_mean(inside):
    rules = 'a,page,site,share,q; r,type=A|B; q=1,,,1,0,2,annex\nb,site,unit,mean,,,type,"A=0.8; B=2",,,,\n'
    rules = (
        rules.replace("share,q; r,", "share,q,").replace("type=A|B; q=1", "type=A|B")
        + "a,site,unit,weighted,,,,size,,,,\n"
    )
    framework = cg.open(inside(rules, subjects__csv=SUBJECTS)).framework
    assert framework.rollups == (
        Rollup("a", "page", "site", "share", ("q",), {"type": ("A", "B")}, "", "", 1.0, 0.0, 2, "annex"),
        Rollup("b", "site", "unit", "mean", by="type", weights={"A": 0.8, "B": 2.0}),
        Rollup("a", "site", "unit", "weighted", weights="size"),
    )
    assert [rule.sources for rule in framework.rollups] == [("q",), ("b",), ("a",)]
    assert framework.items[0] == Item("q", "page", {"zh": "问", "en": "Question"}, "yes_no", 0.0, 1.0)
    assert framework.recordable == (*framework.codes, "q", "r")
    assert "q" not in framework.codes


def test_a_lookup_keeps_the_order_of_its_rows_and_says_not_applicable(inside):
    lookups = "a,q=0,not_applicable\na,r=1; type=A,100\na,,0\n"
    framework = cg.open(inside("a,page,page,lookup\na,page,unit,mean\n", lookups)).framework
    assert framework.lookups == (
        Lookup("a", {"q": ("0",)}, None),
        Lookup("a", {"r": ("1",), "type": ("A",)}, 100.0),
        Lookup("a", {}, 0.0),
    )


# Faults: what is written → code, place, what is named in both languages.

R, I, L = "rollups.csv", "items.csv", "lookups.csv"  # noqa: E741 - one letter for each file
FAULTS = {
    "rules without a column": (
        "rollup.missing-column",
        Where(R),
        ["how"],
        {"rollups__csv": "code,kind,to\na,page,unit\n"},
    ),
    "items without codes": ("rollup.missing-column", Where(I), ["code"], {"items__csv": "kind\npage\n"}),
    "lookups without scores": (
        "rollup.missing-column",
        Where(L),
        ["score"],
        {"lookups__csv": "code,when\na,q=1\n"},
    ),
    "an item without a code": (
        "rollup.no-code",
        Where(I, None, 4, "A (code)"),
        [],
        {"items__csv": ITEMS + ",page,,x,,,\n"},
    ),
    "an item given twice": (
        "rollup.repeated-item",
        Where(I, None, 4, "A (code)"),
        ["q"],
        {"items__csv": ITEMS + "q,,,,,,\n"},
    ),
    "bounds the wrong way round": (
        "rollup.bounds-order",
        Where(I, None, 4, "F (low)"),
        ["z"],
        {"items__csv": ITEMS + "z,,,,,1,1\n"},
    ),
    "an item that is a node": (
        "rollup.item-is-node",
        Where(I, column="code"),
        ["b"],
        {"items__csv": ITEMS + "b,,,,,,\n"},
    ),
    "a bound in words": (
        "rollup.not-a-number",
        Where(I, None, 4, "G (high)"),
        ["many"],
        {"items__csv": ITEMS + "z,,,,,0,many\n"},
    ),
    "a rule without a kind": (
        "rollup.blank-cell",
        Where(R, None, 2, "B (kind)"),
        ["kind"],
        "a,,unit,mean,q\n",
    ),
    "a rule without an end": (
        "rollup.blank-cell",
        Where(R, None, 3, "C (to)"),
        ["to"],
        "a,page,unit,mean,q\na,page,,mean,q\n",
    ),
    "a lookup without a score": (
        "rollup.blank-cell",
        Where(L, None, 2, "C (score)"),
        ["score"],
        "a,page,page,lookup\n",
        "a,q=1,\n",
    ),
    "a way that is none": (
        "rollup.unknown-how",
        Where(R, None, 2, "D (how)"),
        ["maen", "mean"],
        "a,page,unit,maen,q\n",
    ),
    "a constant without a value": (
        "rollup.needs",
        Where(R, None, 2, "I (value)"),
        ["constant", "value"],
        "a,page,page,constant\n",
    ),
    "weighted by nothing": (
        "rollup.needs",
        Where(R, None, 2, "H (weights)"),
        ["weighted", "weights"],
        "a,page,unit,weighted,q\n",
    ),
    "several codes carried up": (
        "rollup.one-code",
        Where(R, None, 2, "E (of)"),
        ["a", "mean"],
        "a,page,unit,mean,q;r\n",
    ),
    "a lookup carried up": (
        "rollup.one-code",
        Where(R, None, 2, "E (of)"),
        ["a", "lookup"],
        "a,page,unit,lookup\n",
    ),
    "one thing grouped": (
        "rollup.by-of-one-thing",
        Where(R, None, 2, "G (by)"),
        ["a"],
        "a,page,page,mean,q,,type\n",
    ),
    "a value in words": (
        "rollup.not-a-number",
        Where(R, None, 2, "I (value)"),
        ["half"],
        "a,page,unit,share,q,,,,half\n",
    ),
    "an infinite stand-in": (
        "rollup.not-a-number",
        Where(R, None, 2, "J (absent)"),
        ["inf"],
        "a,page,unit,mean,q,,,,,inf\n",
    ),
    "decimals below nothing": (
        "rollup.not-a-number",
        Where(R, None, 2, "K (decimals)"),
        ["-1"],
        "a,page,unit,mean,q,,,,,,-1\n",
    ),
    "a score in words": (
        "rollup.not-a-number",
        Where(L, None, 2, "C (score)"),
        ["full"],
        "a,page,page,lookup\n",
        "a,q=1,full\n",
    ),
    "a condition without a value": (
        "rollup.bad-condition",
        Where(R, None, 2, "F (where)"),
        ["central"],
        "a,page,unit,mean,q,central\n",
    ),
    "a table's condition twice": (
        "rollup.bad-condition",
        Where(L, None, 2, "B (when)"),
        ["q=2"],
        "a,page,page,lookup\n",
        "a,q=1;q=2,5\n",
    ),
    "a negative weight": (
        "rollup.bad-weights",
        Where(R, None, 2, "H (weights)"),
        ["B=-1"],
        "a,page,unit,mean,q,,type,A=1;B=-1\n",
    ),
    "a weight without a number": (
        "rollup.bad-weights",
        Where(R, None, 2, "H (weights)"),
        ["A"],
        "a,page,unit,mean,q,,type,A\n",
    ),
    "a code that nobody knows": (
        "rollup.unknown-code",
        Where(R, column="of"),
        ["a", "qq"],
        "a,page,unit,mean,qq\n",
    ),
    "a table that is not there": ("rollup.no-table", Where(L), ["a"], "a,page,page,lookup\n"),
    "a table that no rule uses": (
        "rollup.unused-table",
        Where(L),
        ["b"],
        "a,page,unit,mean,q\n",
        "b,q=1,5\n",
    ),
    "an item that ends at the unit": (
        "rollup.unit-needs-node",
        Where(R, column="code"),
        ["q"],
        "q,page,unit,mean\n",
    ),
    "an attribute that nobody has": (
        "rollup.unknown-attribute",
        Where(R),
        ["a", "tipe", "type"],
        "a,page,unit,mean,q,tipe=A\n",
    ),
    "a group that nobody has": (
        "rollup.unknown-attribute",
        Where(R),
        ["a", "level"],
        "a,page,unit,mean,q,,level\n",
    ),
    "a weight that nobody has": (
        "rollup.unknown-attribute",
        Where(R),
        ["a", "mass"],
        "a,page,unit,weighted,q,,,mass\n",
    ),
    "a table's name that is none": (
        "rollup.unknown-attribute",
        Where(R),
        ["a", "z"],
        "a,page,page,lookup\n",
        "a,z=1,5\n",
    ),
    "an answer as a condition above": (
        "rollup.unknown-attribute",
        Where(R),
        ["a", "r"],
        "a,page,unit,mean,q,r=1\n",
    ),
    "a group without a weight": (
        "rollup.no-weight",
        Where(R, column="weights"),
        ["a", "type", "B"],
        "a,page,unit,mean,q,,type,A=1\n",
    ),
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_a_fault_is_named_with_its_place_in_both_languages(inside, sentence):
    code, place, named, *told = FAULTS[sentence]
    files = told[0] if isinstance(told[0], dict) else {}
    folder = inside(**files) if files else inside(*told)
    problem = only(code, place, folder)
    for language in ("en", "zh"):
        text = problem.text(language)
        assert [word for word in named if word not in text] == []


def only(code: str, place: Where, folder: Path) -> Problem:
    """Return the one problem of a code and place for which a workspace is refused."""
    with pytest.raises(InputError) as caught:
        cg.open(folder)
    found = [problem for problem in caught.value.problems if problem.code == code]
    assert [problem.where for problem in found] == [place], [p.code for p in caught.value.problems]
    assert found[0].severity == "error"
    return found[0]


def test_all_faults_of_all_tables_are_named_at_once(inside):
    folder = inside("a,,unit,mean,q\na,page,unit,maen,q\n", "a,q=1,full\n", items__csv=ITEMS + "q,,,,,,\n")
    with pytest.raises(InputError) as caught:
        cg.open(folder)
    codes = {problem.code for problem in caught.value.problems if problem.severity == "error"}
    assert {"rollup.blank-cell", "rollup.unknown-how", "rollup.not-a-number", "rollup.repeated-item"} <= codes


def test_a_group_without_a_weight_is_no_fault_where_its_things_have_none(inside):
    only_a = SUBJECTS.replace("p2,1,page,s1,B", "p2,1,page,s1,")
    assert cg.open(inside("a,page,unit,mean,q,,type,A=1\n", subjects__csv=only_a)).framework.rollups


# Written and read back.

words = st.text("ab 中文=,'\"+-#", max_size=6).map(str.strip)
languages = st.dictionaries(st.sampled_from(["zh", "en", "fr"]), words.filter(bool), max_size=2)
numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: x + 0.0)
maybe = st.none() | numbers
codes = st.sampled_from(["a", "b", "q", "r"])


@st.composite
def rollups(draw: st.DrawFn) -> Rollup:
    how: Any = draw(st.sampled_from([how for how in HOWS if how != "lookup"]))
    to = "page" if how in {"constant", "not_applicable"} else draw(st.sampled_from(["page", "site", "unit"]))
    code = draw(st.sampled_from(["a", "b"])) if to == "unit" else draw(codes)
    of = draw(st.lists(codes, unique=True, max_size=3 if to == "page" else 1))
    group = st.dictionaries(names.filter(lambda name: "=" not in name), st.floats(0, 1e6), max_size=3)
    if to == "page":  # what each answer counts
        group = st.fixed_dictionaries(dict.fromkeys(of or [code], st.floats(0, 1e6))) | st.just({})
    return Rollup(
        code, "page", to, how, tuple(of), draw(conditions),
        by="" if to == "page" else draw(st.sampled_from(["", "type", "层级"])),
        weights=draw(names) if how == "weighted" else draw(group.map(lambda found: found or "")),
        value=draw(numbers) if how == "constant" else draw(maybe),
        absent=draw(maybe), decimals=draw(st.none() | st.integers(0, 9)), source=draw(words),
    )  # fmt: skip


@st.composite
def frameworks(draw: st.DrawFn) -> Framework:
    items = []
    for code in ("q", "r"):
        low, high = sorted((draw(numbers), draw(numbers)))
        bounds = (low, high) if low < high and draw(st.booleans()) else (draw(maybe), None)
        items.append(Item(code, draw(words), draw(languages), draw(words), *bounds, draw(languages)))
    rules = draw(st.lists(rollups(), max_size=4))
    tables = []
    if draw(st.booleans()):
        rules.append(Rollup("b", "page", "page", "lookup"))
        tables = draw(st.lists(st.builds(Lookup, st.just("b"), conditions, maybe), max_size=3))
        tables.append(Lookup("b", draw(conditions.filter(bool)), draw(maybe)))
    return Framework(
        TREE, items=tuple(items), rollups=tuple(rules), lookups=tuple(tables), strata=draw(words)
    )


@pytest.mark.parametrize("suffix", FORMS)
@settings(max_examples=60 if FULL else 3, deadline=None)
@given(framework=frameworks())
def test_what_is_said_of_things_inside_units_reads_back_the_same(framework, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"framework{suffix}"
        write_framework(framework, path)
        written = {file for file in Path(folder).rglob("*") if file.is_file()}
        again = read_framework(path)
        listed = set(framework_files(framework, path))
    for part in ("items", "rollups", "lookups", "strata"):
        assert getattr(again, part) == getattr(framework, part)
    assert again.hash == framework.hash
    assert listed == written


def test_the_hash_of_a_framework_that_says_nothing_of_things_inside_units_is_what_it_was():
    framework = Framework(TREE, weight_sets={"even": {"a": 1.0, "b": 1.0}})
    # The hash of this tree before there were roll-ups.
    assert framework.hash == "75f6b7e4fec1a92e3f6e02c4386df805e14e1a4d6382834b079d7b74317a30a6"


def test_the_hash_tells_every_part_that_can_change_a_result():
    rule = Rollup("a", "page", "unit", of=("q",))
    whole = Framework(
        TREE, items=(Item("q"),), rollups=(rule,), lookups=(Lookup("b", {}, 1.0),), strata="event"
    )
    others = [
        replace(whole, items=(Item("q", high=1.0),)),
        replace(whole, rollups=(replace(rule, how="best"),)),
        replace(whole, rollups=(replace(rule, absent=0.0),)),
        replace(whole, rollups=(rule, replace(rule, where={"type": ("A",)}))),
        replace(whole, lookups=(Lookup("b", {}, None),)),
        replace(whole, strata=""),
    ]
    assert len({framework.hash for framework in (whole, *others)}) == 1 + len(others)


def test_a_rule_written_by_hand_in_yaml_is_the_rule_of_the_table(tmp_path):
    path = tmp_path / "framework.yaml"
    path.write_text(
        "nodes:\n- {code: I, name_en: I}\n- {code: a, parent: I, name_en: a, direction: 1, scale: score}\n"
        "items:\n- {code: q, low: 0, high: 1}\n- {code: r}\nstrata: event\n"
        "rollups:\n- {code: a, kind: page, to: page, how: mean, of: [q, r], where: q=1, absent: 0}\n"
        "lookups: []\n",
        encoding="utf-8",
    )
    framework = read_framework(path)
    expected = Rollup("a", "page", "page", "mean", ("q", "r"), {"q": ("1",)}, absent=0.0)
    assert (framework.rollups, framework.strata) == ((expected,), "event")
    assert [(item.low, item.high) for item in framework.items] == [(0.0, 1.0), (None, None)]


def test_every_built_in_rule_leads_to_its_unit():
    framework = cg.builtin("egov-benchmark-2023")
    frame = pl.DataFrame([(rule.code, rule.kind, rule.to) for rule in framework.rollups], orient="row")
    ends = {(code, kind) for code, kind, to in frame.iter_rows() if to == "unit"}
    starts = {(code, kind) for code, kind, _ in frame.iter_rows()}
    for code, kind, to in frame.iter_rows():
        assert to == "unit" or (code, to) in starts or any((c, to) in ends for c in framework.codes), (
            code,
            kind,
        )
