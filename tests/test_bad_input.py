"""Every kind of bad input ends with exit code 2, a problem at the right place, and nothing half-written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from click.testing import Result as Outcome
from typer.testing import CliRunner

from citygauge import xlsx
from citygauge.cli.main import app
from citygauge.problems import catalogue
from conftest import FACTS, FRAMEWORK, METHOD, UNITS

TESTS = Path(__file__).resolve().parent
RUBRIC_HEADER = "code,parent,direction,unit,rubric,low,high,weight,scale,channels\n"
GRADES = METHOD + '[grades]\nscale = "own"\n'

# Codes that no test names, with the reason.
UNTESTED: dict[str, str] = {}


def call(*words: object) -> Outcome:
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words: object) -> list[dict[str, Any]]:
    """Run a command with --json that has to be refused, and return its problems."""
    done = call(*words, "--json")
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code == 2, done.output
    data = json.loads(done.stdout)
    assert data["ok"] is False
    assert any(problem["severity"] == "error" for problem in data["problems"])
    return data["problems"]


def plain(place: Mapping[str, Any]) -> dict[str, Any]:
    """Return a place with the header alone where its column is given as ``B (parent)``."""
    header = re.sub(r"^[A-Z]+ \((.+)\)$", r"\1", place.get("column", ""))
    return {**place, "column": header} if header else dict(place)


def assert_holds(problems: list[dict[str, Any]], code: str, place: Mapping[str, object], named: str) -> None:
    """Hold the problems against the one expected: its code, its place, its sentences, its offender."""
    alike = [problem for problem in problems if problem["code"] == code]
    assert alike, [problem["code"] for problem in problems]
    found = [problem for problem in alike if plain(problem["where"]) == place]
    assert found, [problem["where"] for problem in alike]
    for problem in found:
        texts = [problem[name] for name in ("message", "hint", "message_zh", "hint_zh")]
        assert all(text.strip() for text in texts)
    word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(named)}(?![A-Za-z0-9])")
    spot = " ".join(map(str, place.values()))
    assert any(
        all(word.search(f"{problem[name]} {spot}") for name in ("message", "message_zh")) for problem in found
    ), [problem["message"] for problem in found]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return every file of a folder with its bytes, and every folder in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def at(file: str, row: int | None = None, column: str | None = None, sheet: str | None = None) -> dict:
    place = {"file": file, "sheet": sheet, "row": row, "column": column}
    return {name: value for name, value in place.items() if value is not None}


def kind(sentence: str, code: str, place: dict, named: str, **changed: str | None):
    return pytest.param(code, place, named, changed, id=sentence)


def tree(old: str, new: str) -> str:
    assert old in FRAMEWORK
    return FRAMEWORK.replace(old, new, 1)


def facts(old: str, new: str) -> str:
    assert old in FACTS
    return FACTS.replace(old, new, 1)


def more_facts(columns: str, *rows: str) -> str:
    """Return the facts with further columns in the header and further rows."""
    return FACTS.replace("value\n", f"value,{columns}\n", 1) + "".join(f"{row}\n" for row in rows)


def rubric(row: str) -> str:
    return f"{RUBRIC_HEADER}I,,,,,,,,,\n{row}\nb,I,1,%,,0,10,,,\nc,I,1,%,,0,10,,,\n"


def sets(text: str) -> dict[str, str]:
    return {"weights/own.csv": text}


def grades(text: str) -> dict[str, str]:
    return {"method__toml": GRADES, "grades/own.toml": text}


F, U, O, S, M, A, W, G = (  # noqa: E741 - one letter for each file of a workspace
    "framework.csv",
    "units.csv",
    "observations.csv",
    "sources.csv",
    "method.toml",
    "assessment.toml",
    "own.csv",
    "own.toml",
)

IN_FRAMEWORK = [
    kind(
        "a node without a code",
        "framework.no-code",
        at(F, 5, "code"),
        "code",
        framework__csv=tree("a,P,2", ",P,2"),
    ),
    kind(
        "two nodes with one code",
        "framework.duplicate-code",
        at(F, 6, "code"),
        "a",
        framework__csv=tree("b,P,2", "a,P,2"),
    ),
    kind(
        "a second node without a parent",
        "framework.several-roots",
        at(F, 4, "parent"),
        "Q",
        framework__csv=tree("Q,I,1", "Q,,0"),
    ),
    kind(
        "an index that has a parent",
        "framework.no-root",
        at(F, 2, "parent"),
        "parent",
        framework__csv=tree("I,,0", "I,P,0"),
    ),
    kind(
        "a parent that does not exist",
        "framework.unknown-parent",
        at(F, 5, "parent"),
        "Z9",
        framework__csv=tree("a,P,2", "a,Z9,2"),
    ),
    kind(
        "parents in a circle",
        "framework.cycle",
        at(F, 3, "parent"),
        "P",
        framework__csv=tree("P,I,1", "P,a,1"),
    ),
    kind(
        "a level that the parents contradict",
        "framework.wrong-level",
        at(F, 5, "level"),
        "7",
        framework__csv=tree("a,P,2", "a,P,7"),
    ),
    kind(
        "a negative weight",
        "framework.negative-weight",
        at(F, 4, "weight"),
        "-0.4",
        framework__csv=tree("0.4", "-0.4"),
    ),
    kind(
        "a weight with a percent sign",
        "framework.not-a-number",
        at(F, 3, "weight"),
        "60%",
        framework__csv=tree("0.6", "60%"),
    ),
    kind(
        "a goalpost that is infinite",
        "framework.not-a-number",
        at(F, 5, "high"),
        "inf",
        framework__csv=tree("%,0,100", "%,0,inf"),
    ),
    kind(
        "weights for some siblings only",
        "framework.mixed-weights",
        at(F, 4, "weight"),
        "Q",
        framework__csv=tree("0.4", ""),
    ),
    kind(
        "siblings that all weigh nothing",
        "framework.all-zero-weights",
        at(F, 3, "weight"),
        "I",
        framework__csv=tree("0.6", "0").replace("0.4", "0"),
    ),
    kind(
        "a direction in words that nobody knows",
        "framework.bad-direction",
        at(F, 5, "direction"),
        "upwards",
        framework__csv=tree("Indicator a,,1", "Indicator a,,upwards"),
    ),
    kind(
        "goalposts the wrong way round",
        "framework.goalposts-order",
        at(F, 6, "low"),
        "10",
        framework__csv=tree("days,0,10", "days,10,0"),
    ),
    kind(
        "a low goalpost without a high one",
        "framework.half-goalposts",
        at(F, 6, "high"),
        "b",
        framework__csv=tree("days,0,10", "days,0,"),
    ),
    kind(
        "a framework without the column parent",
        "framework.missing-column",
        at(F),
        "parent",
        framework__csv=tree("code,parent", "code,above"),
    ),
    kind(
        "a framework of a header alone",
        "framework.empty",
        at(F),
        F,
        framework__csv=FRAMEWORK.splitlines()[0] + "\n,,,,,,,,,\n",
    ),
    kind(
        "a rubric that cannot be read",
        "framework.bad-rubric",
        at(F, 3, "rubric"),
        "many",
        framework__csv=rubric("a,I,1,level,0: none ; many,,,,,"),
    ),
    kind(
        "a rubric of one level",
        "framework.bad-rubric",
        at(F, 3, "rubric"),
        "0: none",
        framework__csv=rubric("a,I,1,level,0: none,,,,,"),
    ),
    kind(
        "a rubric beside goalposts",
        "framework.rubric-and-goalposts",
        at(F, 3, "rubric"),
        "a",
        framework__csv=rubric("a,I,1,level,0: none ; 1: some,0,1,,,"),
    ),
    kind(
        "a rubric whose direction is negative",
        "framework.rubric-direction",
        at(F, 3, "direction"),
        "a",
        framework__csv=rubric("a,I,-1,level,0: none ; 1: some,,,,,"),
    ),
    kind(
        "a channel that is none",
        "framework.unknown-channel",
        at(F, 3, "channels"),
        "pigeon",
        framework__csv=rubric("a,I,1,%,,0,100,,,web;pigeon"),
    ),
    kind(
        "a denominator scale of zero",
        "framework.denominator-scale",
        at(F, 3, "denominator_scale"),
        "0",
        framework__csv="code,parent,direction,unit,low,high,denominator_scale\nI,,,,,,\na,I,1,%,0,1,0\n"
        "b,I,1,%,0,1,\nc,I,1,%,0,1,\n",
    ),
    kind(
        "an indicator divided by itself",
        "framework.own-denominator",
        at(F, 3, "denominator"),
        "a",
        framework__csv="code,parent,direction,unit,low,high,denominator\nI,,,,,,\na,I,1,%,0,1,a\n"
        "b,I,1,%,0,1,\nc,I,1,%,0,1,\n",
    ),
    kind(
        "a target range the wrong way round",
        "framework.targets-order",
        at(F, 3, "target_low"),
        "9",
        framework__csv="code,parent,direction,unit,low,high,target_low,target_high\nI,,,,,,,\n"
        "a,I,1,%,0,10,9,2\nb,I,1,%,0,1,,\nc,I,1,%,0,1,,\n",
    ),
    kind(
        "a framework.toml that is no TOML",
        "file.not-toml",
        at("framework.toml", row=1),
        "1",
        framework__toml="title = \n",
    ),
    kind(
        "a denominator that nobody knows",
        "units.unknown-denominator",
        {},
        "peoplee",
        framework__csv="code,parent,direction,unit,low,high,denominator\nI,,,,,,\na,I,1,%,0,1,peoplee\n"
        "b,I,1,%,0,1,\nc,I,1,%,0,1,\n",
    ),
]

IN_WEIGHTS = [
    kind(
        "a weight set without its columns", "weights.missing-column", at(W), "weight", **sets("code,w\nP,1\n")
    ),
    kind(
        "a weight for a code that is none",
        "weights.unknown-code",
        at(W, 4, "code"),
        "ZZ",
        **sets("code,weight\nP,1\nQ,2\nZZ,1\n"),
    ),
    kind(
        "a weight told twice",
        "weights.repeated-code",
        at(W, 4, "code"),
        "P",
        **sets("code,weight\nP,1\nQ,2\nP,3\n"),
    ),
    kind(
        "a weight in words",
        "weights.not-a-number",
        at(W, 3, "weight"),
        "heavy",
        **sets("code,weight\nP,1\nQ,heavy\n"),
    ),
    kind(
        "a negative weight in a set",
        "weights.negative",
        at(W, 2, "weight"),
        "-1",
        **sets("code,weight\nP,-1\nQ,2\n"),
    ),
    kind(
        "a weight set for one sibling of two",
        "weights.partial-group",
        at(W),
        "Q",
        **sets("code,weight\nP,1\n"),
    ),
    kind("a weight set of zeros", "weights.all-zero", at(W), "I", **sets("code,weight\nP,0\nQ,0\n")),
    kind("an empty weight set", "file.empty", at(W), W, **sets("\n")),
]

IN_UNITS = [
    kind(
        "units without a column of codes",
        "units.missing-column",
        at(U),
        "place",
        units__csv="place,size\n1,30\n",
    ),
    kind("a table of units without units", "units.empty", at(U), U, units__csv="unit,name_en\n,\n"),
    kind(
        "a unit without a code",
        "units.no-code",
        at(U, 3, "unit"),
        "unit",
        units__csv=UNITS.replace("2,台州", ",台州"),
    ),
    kind(
        "two units with one code",
        "units.duplicate-code",
        at(U, 4, "unit"),
        "1",
        units__csv=UNITS.replace("3,成都", "1,成都"),
    ),
    kind(
        "a row with too many cells",
        "file.ragged",
        at(U, 3),
        "3",
        units__csv=UNITS.replace("20,east", "20,east,far"),
    ),
    kind(
        "a header that stands twice",
        "file.repeated-header",
        at(U, 1),
        "size",
        units__csv=UNITS.replace("circle", "size"),
    ),
    kind(
        "a column without a header",
        "file.column-without-header",
        at(U, 1),
        "E",
        units__csv=UNITS.replace(",circle", ","),
    ),
    kind(
        "a quotation mark that never ends",
        "file.broken-quote",
        at(U),
        U,
        units__csv=UNITS.replace("Taizhou", '"Taizhou'),
    ),
    kind("a file of blank lines", "file.empty", at(U), U, units__csv="\n\n\n"),
    kind("a file of zero bytes inside text", "file.null", at(U, 2), U, units__csv="unit\n1\x00\n"),
]

IN_FACTS = [
    kind(
        "facts without the column value",
        "facts.missing-column",
        at(O),
        "value",
        observations__csv=facts("period,value", "period,wert"),
    ),
    kind(
        "a fact about a unit that is none",
        "facts.unknown-unit",
        at(O, 2, "unit"),
        "99",
        observations__csv=facts("1,a,2023", "99,a,2023"),
    ),
    kind(
        "a fact about an indicator that is none",
        "facts.unknown-indicator",
        at(O, 3, "indicator"),
        "bb",
        observations__csv=facts("1,b", "1,bb"),
    ),
    kind(
        "a fact about the index",
        "facts.about-the-index",
        at(O, 3, "indicator"),
        "I",
        observations__csv=facts("1,b", "1,I"),
    ),
    kind(
        "a value with a unit of measure in the cell",
        "facts.not-a-number",
        at(O, 2, "value"),
        "80 %",
        observations__csv=facts("2023,80", "2023,80 %"),
    ),
    kind(
        "a value that is not finite",
        "facts.not-a-number",
        at(O, 2, "value"),
        "nan",
        observations__csv=facts("2023,80", "2023,nan"),
    ),
    kind(
        "a fact without a unit",
        "facts.blank-key",
        at(O, 2, "unit"),
        "unit",
        observations__csv=facts("1,a,2023", ",a,2023"),
    ),
    kind(
        "a fact without an indicator",
        "facts.blank-key",
        at(O, 2, "indicator"),
        "indicator",
        observations__csv=facts("1,a,2023", "1,,2023"),
    ),
    kind(
        "a negative standard error",
        "facts.negative-se",
        at(O, 11, "se"),
        "se",
        observations__csv=more_facts("se", "3,c,2023,5,-1"),
    ),
    kind(
        "a standard error in words",
        "facts.not-a-number",
        at(O, 11, "se"),
        "small",
        observations__csv=more_facts("se", "3,c,2023,5,small"),
    ),
    kind(
        "a state that is none",
        "facts.unknown-state",
        at(O, 11, "state"),
        "mising",
        observations__csv=more_facts("state", "3,c,2023,,mising"),
    ),
    kind(
        "an origin that is none",
        "facts.unknown-origin",
        at(O, 11, "origin"),
        "dreamt",
        observations__csv=more_facts("origin", "3,c,2023,5,dreamt"),
    ),
    kind(
        "a channel of a fact that is none",
        "facts.unknown-channel",
        at(O, 11, "channel"),
        "wev",
        observations__csv=more_facts("channel", "3,c,2023,5,wev"),
    ),
    kind(
        "the state value without a value",
        "facts.state-without-value",
        at(O, 11, "value"),
        "value",
        observations__csv=more_facts("state", "3,c,2023,,value"),
    ),
    kind(
        "a value that is said to be missing",
        "facts.value-despite-state",
        at(O, 11, "state"),
        "missing",
        observations__csv=more_facts("state", "3,c,2023,5,missing"),
    ),
    kind(
        "another unit of measure than the framework's",
        "facts.wrong-unit-of-measure",
        at(O, 11, "unit_of_measure"),
        "km",
        observations__csv=more_facts("unit_of_measure", "3,c,2023,5,km"),
    ),
    kind(
        "one id for two facts",
        "facts.repeated-id",
        at(O, 12, "id"),
        "x1",
        observations__csv=more_facts("id", "3,c,2022,5,x1", "3,c,2021,6,x1"),
    ),
    kind(
        "a fact about a subject that nobody listed",
        "facts.unknown-subject",
        at(O, 11, "subject"),
        "line 1",
        observations__csv=more_facts("subject", "3,c,2023,5,line 1"),
    ),
    kind(
        "two values of one fact",
        "facts.several-values",
        at(O, 11, "value"),
        "a",
        observations__csv=FACTS + "1,a,2023,81\n",
    ),
    kind(
        "a correction of a fact that is none",
        "facts.supersedes-unknown",
        at(O, 11, "supersedes"),
        "o-none",
        observations__csv=more_facts("supersedes", "1,a,2023,81,o-none"),
    ),
    kind(
        "a correction of another unit's fact",
        "facts.supersedes-other",
        at(O, 12, "supersedes"),
        "x1",
        observations__csv=more_facts("id,supersedes", "2,a,2023,60,x1,", "1,a,2023,80,x2,x1"),
    ),
    kind(
        "corrections of each other",
        "facts.supersedes-circle",
        at(O, 11, "supersedes"),
        "x1",
        observations__csv=more_facts("id,supersedes", "3,c,2023,5,x1,x2", "3,c,2023,6,x2,x1"),
    ),
    kind(
        "a value that is no level of the rubric",
        "facts.not-a-level",
        at(O, 2, "value"),
        "80",
        framework__csv=rubric("a,I,1,level,0: none ; 1: some,,,,,"),
        method__toml='[normalise]\nhow = "minmax"\n',
    ),
    kind(
        "scores beside measurements",
        "facts.score-and-measurement",
        {},
        "c",
        observations__csv=more_facts("unit_of_measure").replace("3,c,2023,\n", "3,c,2023,5,score\n"),
    ),
    kind(
        "scores that the method would take for measurements",
        "facts.score-needs-range",
        {},
        "c",
        observations__csv="unit,indicator,value,unit_of_measure\n1,c,50,score\n2,c,60,score\n",
    ),
    kind("no fact at all", "facts.nothing-to-score", {}, "3", observations__csv="unit,indicator,value\n"),
    kind("no file of facts", "file.not-found", at("FOLDER/" + O), O, observations__csv=None),
]

IN_SOURCES = [
    kind("sources without ids", "sources.missing-column", at(S), "id", sources__csv="title\nYearbook\n"),
    kind(
        "two sources with one id",
        "sources.duplicate-id",
        at(S, 3, "id"),
        "y24",
        sources__csv="id,title\ny24,A\ny24,B\n",
    ),
    kind(
        "an original that was changed",
        "sources.file-changed",
        at(S, 2, "sha256"),
        "kept.csv",
        sources__csv="id,file,sha256\ny24,kept.csv,abc\n",
        **{"kept.csv": "changed\n"},
    ),
    kind("an empty list of sources", "file.empty", at(S), S, sources__csv=""),
]

IN_METHOD = [
    kind("a method that is no TOML", "file.not-toml", at(M, row=1), "1", method__toml="[normalise\n"),
    kind(
        "a setting of the method that is none",
        "method.unknown-key",
        at(M, column="normalise.hwo"),
        "hwo",
        method__toml='[normalise]\nhwo = "minmax"\n',
    ),
    kind(
        "a way to normalise that is none",
        "method.bad-value",
        at(M, column="normalise.how"),
        "magic",
        method__toml='[normalise]\nhow = "magic"\n',
    ),
    kind(
        "an availability above one",
        "method.bad-value",
        at(M, column="screen.min_availability"),
        "1.5",
        method__toml=METHOD + "[screen]\nmin_availability = 1.5\n",
    ),
    kind(
        "a group mean without a group",
        "method.bad-value",
        at(M, column="impute"),
        "group_mean",
        method__toml=METHOD + '[impute]\nhow = "group_mean"\n',
    ),
    kind(
        "a group that is no attribute",
        "method.unknown-attribute",
        {},
        "region",
        method__toml=METHOD + '[impute]\nhow = "group_mean"\ngroup = "region"\n',
    ),
    kind(
        "an order by what is no attribute",
        "method.unknown-attribute",
        {},
        "beauty",
        method__toml=METHOD + '[grades]\norder = ["beauty"]\n',
    ),
    kind(
        "an exception for a code that is none",
        "method.unknown-code",
        {},
        "zz",
        method__toml=METHOD + '[normalise.by.zz]\nhow = "minmax"\n',
    ),
    kind(
        "an exception for a parent that is none",
        "method.unknown-parent",
        {},
        "9",
        method__toml=METHOD + '[aggregate.by."9"]\nhow = "geometric"\n',
    ),
    kind(
        "weights that are none",
        "method.unknown-weights",
        {},
        "experts",
        method__toml='weights = "experts"\n' + METHOD,
    ),
    kind(
        "a grade scale that is none",
        "method.unknown-grades",
        {},
        "stars",
        method__toml=METHOD + '[grades]\nscale = "stars"\n',
    ),
    kind(
        "goalposts that the framework lacks",
        "method.no-goalposts",
        {},
        "b",
        framework__csv=tree("days,0,10", "days,,"),
    ),
    kind(
        "a rubric that the framework lacks",
        "method.no-rubric",
        {},
        "c",
        method__toml='[normalise]\nhow = "rubric"\n',
    ),
    kind(
        "logarithms of a goalpost of zero",
        "method.log-of-posts",
        {},
        "a",
        method__toml=METHOD + "log = true\n",
    ),
    kind(
        "a geometric mean of negative scores",
        "method.negative-under-mean",
        {},
        "P",
        method__toml='[normalise]\nhow = "zscore"\n[aggregate]\nhow = "geometric"\n',
    ),
    kind(
        "a method file that is not there",
        "file.not-found",
        at("FOLDER/other.toml"),
        "other.toml",
        assessment__toml='framework = "framework.csv"\nmethod = "other.toml"\n',
    ),
]

TWO_GRADES = '[[grade]]\nid = "x"\nfrom = {}\n[[grade]]\nid = "{}"\n'
IN_GRADES = [
    kind("a grade scale that is no TOML", "grades.unreadable", at(G), "line 1", **grades("[[grade\n")),
    kind("a grade scale without grades", "grades.unreadable", at(G), "grade", **grades("low = 0\n")),
    kind(
        "a grade edge in words",
        "grades.unreadable",
        at(G),
        "most",
        **grades(TWO_GRADES.format('"most"', "y")),
    ),
    kind(
        "grades from the worst to the best",
        "grades.order",
        at(G),
        G,
        **grades('[[grade]]\nid = "x"\nfrom = 0.1\n[[grade]]\nid = "y"\nfrom = 0.5\n[[grade]]\nid = "z"\n'),
    ),
    kind(
        "a grade scale whose low is its high",
        "grades.order",
        at(G),
        G,
        **grades("low = 1\nhigh = 1\n" + TWO_GRADES.format(1, "y")),
    ),
    kind("two grades with one id", "grades.repeated", at(G), "x", **grades(TWO_GRADES.format(0.5, "x"))),
    kind(
        "a last grade with an edge",
        "grades.open-end",
        at(G),
        G,
        **grades('[[grade]]\nid = "x"\nfrom = 0.5\n'),
    ),
]

HEAD = 'framework = "framework.csv"\n'
IN_SETTINGS = [
    kind(
        "settings that are no TOML",
        "file.not-toml",
        at(A, row=1),
        "1",
        assessment__toml="framework = framework\n",
    ),
    kind(
        "a setting that is none",
        "settings.unknown-key",
        at(A, column="peroid"),
        "peroid",
        assessment__toml=HEAD + 'peroid = "2023"\n',
    ),
    kind(
        "a setting of the wrong type",
        "settings.bad-value",
        at(A, column="illustrative"),
        "perhaps",
        assessment__toml=HEAD + 'illustrative = "perhaps"\n',
    ),
    kind(
        "the first minus one units",
        "settings.bad-value",
        at(A, column="units.top"),
        "-1",
        assessment__toml=HEAD + '[units]\ntop = -1\nby = "size"\n',
    ),
    kind(
        "a framework that is none",
        "framework.not-found",
        at(A, column="framework"),
        "hdii",
        assessment__toml='framework = "hdii"\n',
    ),
    kind(
        "a period without facts",
        "settings.unknown-period",
        at(A, column="period"),
        "1999",
        assessment__toml=HEAD + "period = 1999\n",
    ),
    kind(
        "facts of two periods and none chosen",
        "settings.several-periods",
        at(A),
        "2022",
        observations__csv=FACTS + "3,c,2022,5\n",
    ),
    kind(
        "a listed unit that is none",
        "settings.unknown-unit",
        at(A, column="units"),
        "Atlantis",
        assessment__toml=HEAD + '[units]\nlist = ["1", "Atlantis"]\n',
    ),
    kind(
        "units by an attribute that is none",
        "settings.unknown-attribute",
        at(A, column="units"),
        "colour",
        assessment__toml=HEAD + '[units]\ntop = 2\nby = "colour"\n',
    ),
    kind(
        "published grades in a column that is none",
        "settings.unknown-attribute",
        at(A, column="published_grades"),
        "gradez",
        assessment__toml=HEAD + 'published_grades = "gradez"\n',
    ),
    kind(
        "the first units by nothing",
        "settings.top-needs-by",
        at(A, column="units"),
        "top",
        assessment__toml=HEAD + "[units]\ntop = 2\n",
    ),
    kind(
        "a choice that leaves no unit",
        "settings.no-unit-left",
        at(A, column="units"),
        "units",
        assessment__toml=HEAD + '[units]\nwhere = {circle = "north"}\n',
    ),
]

KINDS = [
    *IN_FRAMEWORK,
    *IN_WEIGHTS,
    *IN_UNITS,
    *IN_FACTS,
    *IN_SOURCES,
    *IN_METHOD,
    *IN_GRADES,
    *IN_SETTINGS,
]


@pytest.mark.parametrize(("code", "place", "named", "changed"), KINDS)
def test_a_bad_workspace_is_refused_at_its_place_and_only_its_problems_are_written(
    workspace, code, place, named, changed
):
    folder = workspace(**changed)
    before = snapshot(folder)
    place = {
        name: value.replace("FOLDER", str(folder)) if name == "file" else value
        for name, value in place.items()
    }
    problems = refused("assess", folder)
    assert_holds(problems, code, place, named)
    after = snapshot(folder)
    assert json.loads((folder / "results" / "problems.json").read_text(encoding="utf-8")) == {
        "ok": False,
        "problems": problems,
    }
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"results", str(Path("results") / "problems.json")}
    assert refused("check", folder) == problems


def test_every_kind_of_bad_workspace_has_a_sentence_of_its_own():
    sentences = [param.id for param in KINDS]
    assert len(sentences) == len(set(sentences)) >= 60


def test_a_column_of_a_table_is_named_by_letter_and_header(workspace):
    problems = refused("check", workspace(framework__csv=tree("a,P,2", "a,Z9,2")))
    found = [problem["where"] for problem in problems if problem["code"] == "framework.unknown-parent"]
    assert found == [at(F, 5, "B (parent)")]


def test_a_text_in_neither_encoding_is_refused(workspace):
    folder = workspace()
    (folder / "units.csv").write_bytes(b"unit,name\n1,\xff\xff\xff\n")
    assert_holds(refused("assess", folder), "file.encoding", at(U), U)
    assert [path.name for path in (folder / "results").iterdir()] == ["problems.json"]


def test_settings_that_are_not_utf_8_are_refused(workspace):
    folder = workspace()
    (folder / "assessment.toml").write_bytes('name_zh = "苏州"\n'.encode("gb18030"))
    assert_holds(refused("assess", folder), "file.not-toml", at(A), "UTF-8")


def test_facts_in_two_files_are_refused(workspace):
    folder = workspace()
    pl.DataFrame({"unit": ["1"], "indicator": ["a"], "value": [1.0]}).write_parquet(
        folder / "observations.parquet"
    )
    assert_holds(refused("assess", folder), "facts.two-files", at("observations.parquet"), "observations.csv")


def test_a_parquet_file_that_is_none_is_refused(workspace):
    folder = workspace(observations__csv=None, observations__parquet="unit,indicator,value\n")
    assert_holds(
        refused("assess", folder), "file.not-parquet", at("observations.parquet"), "observations.parquet"
    )


def test_a_folder_without_settings_is_no_workspace(workspace):
    folder = workspace(assessment__toml=None)
    assert_holds(refused("assess", folder), "settings.no-workspace", at(str(folder)), A)


def test_a_folder_that_does_not_exist_is_not_created(tmp_path):
    folder = tmp_path / "nowhere"
    assert_holds(refused("assess", folder), "settings.no-workspace", at(str(folder)), "nowhere")
    assert not folder.exists()


def test_a_folder_of_somebody_else_is_not_written_into(workspace, tmp_path):
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.txt").write_text("cat", encoding="utf-8")
    folder = workspace()
    before = snapshot(tmp_path)
    assert_holds(refused("assess", folder, "--out", other), "out.foreign-folder", at(str(other)), "photos")
    assert snapshot(tmp_path) == before


def test_problems_are_not_written_into_a_folder_of_somebody_else_either(workspace, tmp_path):
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.txt").write_text("cat", encoding="utf-8")
    folder = workspace(units__csv="unit\n")
    before = snapshot(tmp_path)
    problems = refused("assess", folder, "--out", other)
    assert {"units.empty", "out.foreign-folder"} <= {problem["code"] for problem in problems}
    assert snapshot(tmp_path) == before


def test_a_file_in_the_place_of_the_results_is_left_alone(workspace):
    folder = workspace(results="mine")
    problems = refused("assess", folder)
    assert_holds(problems, "out.foreign-folder", at(str(folder / "results")), "results")
    assert (folder / "results").read_text(encoding="utf-8") == "mine"


# ---- frameworks in workbooks and YAML

NODES = [
    ["code", "parent", "weight", "direction", "unit", "low", "high"],
    ["I", None, None, None, None, None, None],
    ["P", "I", 0.6, None, None, None, None],
    ["Q", "I", 0.4, 1, "%", 0, 100],
    ["a", "P", None, 1, "%", 0, 100],
]


def cell(row: int, column: int, value: object) -> list[list[object]]:
    return [
        [value if (i, j) == (row, column) else old for j, old in enumerate(line)]
        for i, line in enumerate(NODES)
    ]


def book(path: Path, **sheets: list[list[object]]) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


X = "f.xlsx"
SETS = ["code", "own"]


@pytest.mark.parametrize(
    ("sheets", "code", "place", "named"),
    [
        pytest.param(
            {"framework": cell(2, 2, "60%")},
            "framework.not-a-number",
            at(X, 3, "weight", "framework"),
            "60%",
            id="a weight that is text in a cell",
        ),
        pytest.param(
            {"framework": cell(4, 1, "Z")},
            "framework.unknown-parent",
            at(X, 5, "parent", "framework"),
            "Z",
            id="an unknown parent in a cell",
        ),
        pytest.param(
            {"framework": cell(4, 0, "Q")},
            "framework.duplicate-code",
            at(X, 5, "code", "framework"),
            "Q",
            id="a code twice in a sheet",
        ),
        pytest.param(
            {"框架": cell(3, 3, "aside")},
            "framework.bad-direction",
            at(X, 4, "direction", "框架"),
            "aside",
            id="a bad direction in a sheet of another name",
        ),
        pytest.param(
            {"framework": [[], [], *cell(3, 6, -5)]},
            "framework.goalposts-order",
            at(X, 6, "low", "framework"),
            "-5",
            id="goalposts in disorder below two blank rows",
        ),
        pytest.param(
            {"notes": [["x"]], "framework": cell(0, 1, "above")},
            "framework.missing-column",
            at(X, sheet="framework"),
            "parent",
            id="a sheet without the column parent",
        ),
        pytest.param(
            {"framework": cell(0, 2, "unit")},
            "file.repeated-header",
            at(X, 1, None, "framework"),
            "unit",
            id="a header twice in a sheet",
        ),
        pytest.param(
            {"framework": cell(0, 4, None)},
            "file.column-without-header",
            at(X, 1, None, "framework"),
            "E",
            id="a column of a sheet without a header",
        ),
        pytest.param(
            {"framework": []}, "file.empty", at(X, sheet="framework"), "framework", id="an empty sheet"
        ),
        pytest.param(
            {"framework": NODES, "weights": [SETS, ["P", 1], ["Q", "two"]]},
            "weights.not-a-number",
            at(X, 3, "weight", "weights"),
            "two",
            id="a weight in words in the sheet of weights",
        ),
        pytest.param(
            {"framework": NODES, "weights": [SETS, ["P", 1], ["Q", 1], ["ZZ", 3]]},
            "weights.unknown-code",
            at(X, 4, "code", "weights"),
            "ZZ",
            id="an unknown code in the sheet of weights",
        ),
        pytest.param(
            {"framework": NODES, "weights": [SETS, ["P", 1]]},
            "weights.partial-group",
            at(X, sheet="weights"),
            "Q",
            id="a sibling that the sheet of weights leaves out",
        ),
    ],
)
def test_a_bad_workbook_is_refused_at_its_sheet_and_cell(tmp_path, sheets, code, place, named):
    path = book(tmp_path / X, **sheets)
    before = snapshot(tmp_path)
    assert_holds(refused("framework", "check", path), code, place, named)
    assert snapshot(tmp_path) == before


def test_a_text_file_called_xlsx_is_no_workbook(tmp_path):
    (tmp_path / X).write_text("code,parent\n", encoding="utf-8")
    assert_holds(refused("framework", "check", tmp_path / X), "file.not-a-workbook", at(X), X)


def test_a_workbook_cut_off_in_the_middle_is_refused(tmp_path):
    path = book(tmp_path / X, framework=NODES)
    path.write_bytes(path.read_bytes()[:-200])
    assert_holds(refused("framework", "check", path), "file.not-a-workbook", at(X), X)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MAX_UNPACKED_BYTES", 1000)
    path = book(tmp_path / X, framework=NODES)
    assert_holds(refused("framework", "check", path), "file.too-large", at(X), X)


def test_a_workbook_that_claims_too_many_cells_is_refused(tmp_path):
    path = tmp_path / X
    workbook = openpyxl.Workbook()
    workbook.active["A1"] = "code"
    workbook.active["XFD1048576"] = "far away"
    workbook.save(path)
    place = at(X, sheet="xl/worksheets/sheet1.xml")
    assert_holds(refused("framework", "check", path), "file.too-many-cells", place, "1048576")


@pytest.mark.parametrize(
    ("name", "text", "code", "place", "named"),
    [
        pytest.param(
            "f.yaml", "nodes: [", "file.not-yaml", at("f.yaml"), "line", id="a YAML file that is none"
        ),
        pytest.param(
            "f.yaml",
            "nodes: 3\n",
            "framework.no-nodes",
            at("f.yaml"),
            "f.yaml",
            id="a YAML file without a list of nodes",
        ),
        pytest.param(
            "f.yaml",
            "nodes:\n- {code: I}\n- {code: a, parent: Z}\n",
            "framework.unknown-parent",
            at("f.yaml", 2, "parent", "nodes"),
            "Z",
            id="an unknown parent in a YAML file",
        ),
        pytest.param(
            "f.ods",
            "code,parent\n",
            "file.unknown-kind",
            at("f.ods"),
            ".ods",
            id="a file of a kind that is not read",
        ),
    ],
)
def test_a_bad_framework_file_is_refused(tmp_path, name, text, code, place, named):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert_holds(refused("framework", "check", tmp_path / name), code, place, named)


def test_a_framework_nobody_knows_is_refused_with_the_names_of_those_there_are(tmp_path):
    problems = refused("framework", "check", tmp_path / "none.csv")
    assert_holds(problems, "framework.not-found", {}, "none.csv")
    assert "hdi" in problems[0]["hint"]


# ---- imports

META = """\
iCode,Level,Parent,Type,Direction,Weight
a,1,I,Indicator,1,1
b,1,I,Indicator,-1,1
I,2,,Aggregate,1,1
g,,,Group,,
d,,,Denominator,,
"""
DATA = """\
uCode,uName,Time,g,d,a,b
u1,One,2023,x,10,1,4
u2,Two,2023,y,20,2,5
"""


@pytest.mark.parametrize(
    ("meta", "data", "code", "place", "named"),
    [
        pytest.param(
            META.replace("Parent", "Above"),
            DATA,
            "coinr.missing-column",
            at("iMeta.csv"),
            "Parent",
            id="an iMeta without the column Parent",
        ),
        pytest.param(
            META.replace("1,I,Indicator,-1", "1,I,Indicater,-1"),
            DATA,
            "coinr.unknown-type",
            at("iMeta.csv", 3, "Type"),
            "Indicater",
            id="a Type that is none",
        ),
        pytest.param(
            META.replace("I,2,,", "I,3,,"),
            DATA,
            "coinr.level-gap",
            at("iMeta.csv", 2, "Level"),
            "a",
            id="a level that is left out",
        ),
        pytest.param(
            META.replace("b,1,I", "b,one,I"),
            DATA,
            "framework.not-a-number",
            at("iMeta.csv", 3, "Level"),
            "one",
            id="a level in words",
        ),
        pytest.param(
            META,
            DATA.replace(",b\n", ",bb\n"),
            "coinr.missing-data-column",
            at("iData.csv"),
            "b",
            id="an indicator that iData lacks",
        ),
        pytest.param(
            META,
            DATA.replace("u2,", "u1,"),
            "coinr.duplicate-unit",
            at("iData.csv", 3, "uCode"),
            "u1",
            id="a unit twice in one year",
        ),
        pytest.param(
            META,
            DATA + "u1,One,2024,z,10,1,4\n",
            "coinr.varying-attribute",
            at("iData.csv", column="g"),
            "u1",
            id="a group that changes over the years",
        ),
        pytest.param(
            META,
            DATA.replace("10,1,4", "10,1,four"),
            "facts.not-a-number",
            at("iData.csv", 2, "b"),
            "four",
            id="a value in words in iData",
        ),
        pytest.param(
            META,
            DATA.replace("u2,", ","),
            "units.no-code",
            at("iData.csv", 3, "uCode"),
            "uCode",
            id="a row of iData without a unit",
        ),
        pytest.param(META, "", "file.empty", at("iData.csv"), "iData.csv", id="an empty iData"),
    ],
)
def test_a_bad_coinr_pair_is_refused_and_no_folder_is_created(tmp_path, meta, data, code, place, named):
    (tmp_path / "iMeta.csv").write_text(meta, encoding="utf-8")
    (tmp_path / "iData.csv").write_text(data, encoding="utf-8")
    before = snapshot(tmp_path)
    pair = ("--data", tmp_path / "iData.csv", "--meta", tmp_path / "iMeta.csv")
    assert_holds(refused("import", "coinr", tmp_path / "new", *pair), code, place, named)
    assert snapshot(tmp_path) == before


def test_an_import_into_a_full_folder_is_refused_and_leaves_it_alone(tmp_path):
    (tmp_path / "iMeta.csv").write_text(META, encoding="utf-8")
    (tmp_path / "iData.csv").write_text(DATA, encoding="utf-8")
    before = snapshot(tmp_path)
    pair = ("--data", tmp_path / "iData.csv", "--meta", tmp_path / "iMeta.csv")
    assert_holds(
        refused("import", "coinr", tmp_path, *pair), "new.folder-exists", at(str(tmp_path)), str(tmp_path)
    )
    assert snapshot(tmp_path) == before


T = "table.csv"


@pytest.mark.parametrize(
    ("table", "words", "code", "place", "named"),
    [
        pytest.param(
            "place,a\n1,5\n", (), "import.no-unit-column", at(T), "place", id="no column of units in a table"
        ),
        pytest.param(
            "unit,period,zz\n1,2024,5\n",
            (),
            "import.no-indicator",
            at(T),
            "zz",
            id="no column of an indicator",
        ),
        pytest.param("unit,a\n1,5\n2,6\n", (), "import.no-period", at(T, 2), "2", id="no period"),
        pytest.param(
            "unit,period,a\n1,2024,5\n1,2024,6\n",
            (),
            "import.repeated-fact",
            at(T, 3, "C3"),
            "a",
            id="two values of one fact in a table",
        ),
        pytest.param(
            "unit,name_zh,period,a\n1,成都,2024,5\n",
            (),
            "import.units-disagree",
            at(T, 2),
            "成都",
            id="a code and a name of two units",
        ),
        pytest.param(
            "unit,period,a\n1,2023,5\n",
            (),
            "import.value-changed",
            at(T, 2, "C2"),
            "80",
            id="another value than the one recorded",
        ),
        pytest.param(
            "unit,period,a\nAtlantis,2024,5\n",
            (),
            "units.unknown",
            at(T, 2),
            "Atlantis",
            id="a unit that nobody knows",
        ),
        pytest.param(
            "unit,period,a\nSuzhou,2024,5\n",
            (),
            "units.ambiguous",
            at(T, 2),
            "Suzhou",
            id="a name that two cities share",
        ),
        pytest.param(
            "unit,period,a\n,2024,5\n",
            (),
            "units.no-code",
            at(T, 2, "unit"),
            "unit",
            id="a row without a unit",
        ),
        pytest.param(
            "unit,period,a\n1,2024,much\n",
            (),
            "facts.not-a-number",
            at(T, 2, "C2"),
            "much",
            id="a value in words in a table",
        ),
        pytest.param(
            "unit,indicator,period,value\n1,zz,2024,5\n",
            (),
            "facts.unknown-indicator",
            at(T, 2, "indicator"),
            "zz",
            id="an indicator that is none in a long table",
        ),
        pytest.param(
            "unit,period,a\n1,2024,5\n",
            ("--source", "taken"),
            "sources.duplicate-id",
            at(S, column="id"),
            "taken",
            id="the id of another source",
        ),
    ],
)
def test_a_bad_table_is_refused_and_the_workspace_stays_as_it_was(
    workspace, tmp_path, table, words, code, place, named
):
    folder = workspace(sources__csv="id,title\ntaken,Yearbook\n")
    (tmp_path / T).write_text(table, encoding="utf-8")
    before = snapshot(tmp_path)
    assert_holds(refused("import", "table", folder, tmp_path / T, *words), code, place, named)
    assert snapshot(tmp_path) == before


def test_a_sheet_that_the_workbook_lacks_is_refused_with_the_names_of_those_it_has(workspace, tmp_path):
    path = book(tmp_path / "table.xlsx", data=[["unit", "period", "a"], [1, 2024, 5]])
    folder = workspace()
    before = snapshot(tmp_path)
    problems = refused("import", "table", folder, path, "--sheet", "facts")
    assert_holds(problems, "file.no-sheet", at("table.xlsx"), "facts")
    assert "data" in problems[0]["hint"]
    assert snapshot(tmp_path) == before


def test_a_bad_cell_of_an_imported_workbook_is_named_by_its_address(workspace, tmp_path):
    path = book(tmp_path / "table.xlsx", data=[["unit", "period", "a"], [1, 2024, 5], [2, 2024, "n/a"]])
    problems = refused("import", "table", workspace(), path)
    assert_holds(problems, "facts.not-a-number", at("table.xlsx", 3, "data!C3", "data"), "n/a")


def test_a_table_that_is_not_there_is_refused(workspace, tmp_path):
    problems = refused("import", "table", workspace(), tmp_path / "gone.csv")
    assert_holds(problems, "file.not-found", at(str(tmp_path / "gone.csv")), "gone.csv")


# ---- new


def test_a_new_workspace_does_not_go_into_a_full_folder(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    before = snapshot(tmp_path)
    done = call("new", tmp_path, "--framework", "hdi")
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert "[new.folder-exists]" in done.stderr
    assert str(tmp_path) in done.stderr
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("framework", "units", "code", "named"),
    [
        pytest.param("hdi", "place\n1\n", "units.missing-column", "place", id="units without codes"),
        pytest.param("hdi", "unit\n1\n1\n", "units.duplicate-code", "units.csv", id="units with one code"),
        pytest.param("hdi", None, "file.not-found", "units.csv", id="a table of units that is not there"),
        pytest.param(
            "own.csv", "unit\n1\n", "framework.no-root", "own.csv", id="a framework without an index"
        ),
    ],
)
def test_a_new_workspace_of_bad_files_is_not_created(tmp_path, framework, units, code, named):
    (tmp_path / "own.csv").write_text("code,parent\na,b\nb,a\n", encoding="utf-8")
    if units is not None:
        (tmp_path / "units.csv").write_text(units, encoding="utf-8")
    before = snapshot(tmp_path)
    name = str(tmp_path / framework) if framework.endswith(".csv") else framework
    done = call("new", tmp_path / "w", "--framework", name, "--units", tmp_path / "units.csv")
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert f"[{code}]" in done.stderr
    assert named in done.stderr
    assert snapshot(tmp_path) == before


# ---- trace


def test_a_trace_of_a_unit_and_a_code_that_are_none_names_both(workspace):
    problems = refused("trace", workspace(), "Atlantis", "zz")
    assert_holds(problems, "units.unknown", {}, "Atlantis")
    assert_holds(problems, "method.unknown-code", {}, "zz")


# ---- several at once, warnings, and the catalogue


def test_problems_of_several_files_are_all_in_one_answer(workspace):
    folder = workspace(
        framework__csv=tree("Indicator a,,1", "Indicator a,,up"),
        units__csv=UNITS.replace("3,成都", "1,成都"),
        observations__csv=facts("2023,80", "2023,many"),
        sources__csv="title\nYearbook\n",
        method__toml='[normalise]\nhow = "magic"\nhwo = 1\n',
    )
    found = {(problem["code"], problem["where"]["file"]) for problem in refused("assess", folder)}
    assert {
        ("framework.bad-direction", F),
        ("units.duplicate-code", U),
        ("facts.not-a-number", O),
        ("sources.missing-column", S),
        ("method.bad-value", M),
        ("method.unknown-key", M),
    } <= found


def test_all_problems_of_one_file_are_in_one_answer(workspace):
    folder = workspace(observations__csv=FACTS + "9,a,2023,1\n1,zz,2023,1\n2,a,2023,x\n")
    codes = {problem["code"] for problem in refused("assess", folder)}
    assert {"facts.unknown-unit", "facts.unknown-indicator", "facts.not-a-number"} <= codes


def test_warnings_come_along_with_the_errors(workspace):
    problems = refused(
        "assess", workspace(framework__csv=tree("0.4", "-0.4").replace("支柱甲,Pillar P", ","))
    )
    assert {problem["severity"] for problem in problems} == {"error", "warning"}


def test_warnings_alone_do_not_stop_a_run(workspace):
    folder = workspace(framework__csv=tree("支柱甲,Pillar P", ","))
    for command in ("check", "assess"):
        done = call(command, folder, "--json")
        assert done.exit_code == 0
        data = json.loads(done.stdout)
        assert data["ok"] is True
        codes = {problem["code"] for problem in data["problems"]}
        assert {"framework.no-name", "facts.no-source"} <= codes
        assert {problem["severity"] for problem in data["problems"]} == {"warning"}
    assert (folder / "results" / "scores.csv").is_file()


def share_of_180() -> dict[str, str]:
    text = tree("low,high", "low,high,scale").replace("1,%,0,100", "1,%,0,100,share")
    return {"framework__csv": text, "observations__csv": facts("2023,80", "2023,180")}


@pytest.mark.parametrize(
    ("code", "place", "named", "changed"),
    [
        kind("a share of 180 %", "facts.share-beyond-100", at(O, 2, "value"), "180", **share_of_180()),
        kind(
            "a source that is not in the list",
            "sources.unknown",
            at(O, 2, "source"),
            "y25",
            observations__csv=facts("value\n1,a,2023,80", "value,source\n1,a,2023,80,y25"),
            sources__csv="id,title\ny24,Yearbook\n",
        ),
        kind(
            "an original that is gone",
            "sources.file-gone",
            at(S, 2, "file"),
            "gone.csv",
            sources__csv="id,file,sha256\ny24,originals/gone.csv,00\n",
        ),
        kind(
            "a unit without enough facts for a score",
            "units.no-score",
            {},
            "3",
            method__toml=METHOD + "[aggregate]\nmin_availability = 1.0\n",
        ),
    ],
)
def test_a_warning_names_its_place_and_its_offender_and_the_run_ends_well(
    workspace, code, place, named, changed
):
    folder = workspace(**changed)
    done = call("assess", folder, "--json")
    assert done.exit_code == 0
    assert_holds(json.loads(done.stdout)["problems"], code, place, named)
    assert (folder / "results" / "scores.csv").is_file()


def test_a_run_that_fails_leaves_the_results_of_the_run_before(workspace):
    folder = workspace()
    assert call("assess", folder, "--json").exit_code == 0
    before = snapshot(folder / "results")
    (folder / "units.csv").write_text("unit\n", encoding="utf-8")
    refused("assess", folder)
    after = snapshot(folder / "results")
    assert "problems.json" in after
    assert {name: content for name, content in after.items() if name != "problems.json"} == before


def test_every_code_of_the_catalogue_is_named_by_some_test():
    sources = [path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("*.py"))]
    named = set(re.findall(r"[a-z]+\.[a-z0-9-]+", "\n".join(sources)))
    assert set(catalogue()) - named == set(UNTESTED)
