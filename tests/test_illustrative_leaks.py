"""On illustrative data no unit stands beside a figure, wherever a run writes or prints."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

import citygauge as cg
from citygauge.cli.main import app
from citygauge.cli.words import language
from citygauge.collect.neutral import Neutral
from citygauge.collect.units import Units
from citygauge.problems import Problem, Where

FRAMEWORK = """\
code,parent,name_zh,name_en,direction,unit,low,high,role,denominator,channels,counterpart,scale
I,,指数,Index,,,,,,,,,
P,I,支柱甲,Pillar P,,,,,,,,,
Q,I,支柱乙,Pillar Q,,,0,1,,,,,
net,P,指标甲,Indicator net,1,%,0,100,,,,U4SSC: EC:P:IN:2C,share
roads,P,指标乙,Indicator roads,1,km,0,9,,size,,,
green,Q,指标丙,Indicator green,1,%,0,100,,,statistics;field,,
sites,Q,指标丁,Indicator sites,1,,0,100,,,,,
V,I,否决,Veto,,,,,veto,,,,
"""
CODES = [f"U{i:02d}" for i in range(14)]
NAMES = [f"测{a}市" for a in "甲乙丙丁戊己庚辛壬癸子丑寅卯"]
ENGLISH = [f"Testville-{a}" for a in "ABCDEFGHIJKLMN"]
UNITS = "unit,name_zh,name_en,size\n" + "".join(
    f"{code},{zh},{en},{'' if i == 3 else 100 + i}\n"
    for i, (code, zh, en) in enumerate(zip(CODES, NAMES, ENGLISH, strict=True))
)
SETTINGS = """\
framework = "framework.csv"
illustrative = true
period = "2023"
[units]
list = [{units}]
[sources]
prefer = ["b", "unheard-of"]
"""
METHOD = """\
[screen]
min_availability = 0.7
[normalise]
how = "goalposts"
"""
KINDS = {  # warnings that name units, rows or figures, each of which the workspace must really set off
    "facts.channels-disagree", "facts.own-score-differs", "facts.preferred-unknown",
    "facts.rollup-beside-fact", "facts.rollup-differs", "facts.share-beyond-100", "facts.sources-disagree",
    "facts.veto-fired", "sources.unknown", "units.no-denominator-value", "units.screened-out",
}  # fmt: skip


def facts() -> str:
    """Return facts of two periods that set off every kind of warning of `KINDS`."""
    lines = ["unit,indicator,period,value,channel,source,subject"]
    for year in ("2022", "2023"):
        for i, code in enumerate(CODES):
            if code == "U05" and year == "2023":  # too little to stay
                lines.append(f"{code},net,{year},37,,a,")
                continue
            lines += [f"{code},net,{year},{40 + 3 * i}.5,,a,", f"{code},roads,{year},{50 + i},,a,"]
            lines.append(f"{code},net,{year},{777 if code == 'U10' else 43 + 5 * i},,b,")
            lines += [f"{code},green,{year},{31 + i},statistics,a,", f"{code},green,{year},{61 + i},field,a,"]
            lines.append(f"{code},sites,{year},{11 + i},,a,s-{code}")
        lines += [f"U07,V,{year},1,,a,", f"U08,Q,{year},0.937,,a,", f"U09,sites,{year},93,,unlisted,"]
        lines.append(f"U10,portals,{year},71,,a,p-U10")
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(workspace: Callable[..., Path]) -> Path:
    units = ", ".join(f'"{code}"' for code in CODES)
    things = [f"s-{code},{code},site,p-{code}" for code in CODES]
    things += [f"p-{code},{code},portal," for code in CODES]
    return workspace(
        assessment__toml=SETTINGS.format(units=units),
        framework__csv=FRAMEWORK,
        units__csv=UNITS,
        items__csv="code,kind\nportals,portal\n",
        subjects__csv="subject,unit,kind,parent\n" + "\n".join(things) + "\n",
        rollups__csv="code,kind,to,how,of\nportals,site,portal,mean,sites\nsites,portal,unit,mean,portals\n",
        observations__csv=facts(),
        method__toml=METHOD,
        sources__csv="id,title\na,A\nb,B\n",
    )


@pytest.fixture(params=["en", "zh"])
def tongue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CITYGAUGE_LANG", request.param)
    monkeypatch.setenv("COLUMNS", "300")
    language.cache_clear()
    yield request.param
    language.cache_clear()


def told(text: str) -> list[str]:
    """Return what of a text names a unit by code or name."""
    return re.findall("|".join(map(re.escape, [*CODES, *NAMES, *ENGLISH])), text)


def units_beside_figures(file: Path) -> list[str]:
    """Return the lines, cells, sentences or rows of a file that name a unit and hold a figure too."""
    if file.suffix == ".xlsx":
        rows = [row for sheet in load_workbook(file, read_only=True) for row in sheet.values]
        parts = [" ".join(str(cell) for cell in row if cell is not None) for row in rows]
    elif file.suffix == ".csv":
        parts = [" ".join(row) for row in csv.reader(io.StringIO(file.read_text(encoding="utf-8")))]
    else:
        parts = re.split(r"</tr>|</p>|</li>|[{}\n]", file.read_text(encoding="utf-8"))
    return [part for part in parts if (names := told(part)) and has_figure(part, names)]


def has_figure(text: str, names: list[str]) -> bool:
    """Tell whether there is a figure in a text beside these names."""
    for name in names:
        text = text.replace(name, "")
    return re.search("[0-9]", text) is not None


def test_every_kind_of_warning_about_units_is_set_off_and_none_tells_a_unit_a_row_or_a_figure(folder):
    result = cg.assess(cg.open(folder))
    assert {problem.code for problem in result.noted} >= KINDS
    for problem in result.warnings:
        said = json.dumps(problem.as_dict(), ensure_ascii=False)
        assert not told(said), said
        assert "row" not in problem.as_dict()["where"], said
        assert not re.search(r"\b(37|777|93|71|90\.9)\b", said), said


def test_the_warnings_do_not_stand_in_the_order_of_the_units(folder):
    shown = [p.values["unit"] for p in cg.assess(cg.open(folder)).warnings if "unit" in p.values]
    assert len(shown) == 13
    assert shown == sorted(shown)


def test_no_file_of_a_run_names_a_unit_beside_a_figure(folder, tongue):
    run = CliRunner()
    one, other = folder / "method.toml", folder / "other.toml"
    other.write_text(METHOD.replace("0.7", "0.5"), encoding="utf-8")
    commands = {
        "assess": ["assess", str(folder)],
        "assess --json": ["assess", str(folder), "--json", "--workbook"],
        "check": ["check", str(folder)],
        "check --json": ["check", str(folder), "--json"],
        "panel": ["panel", str(folder)],
        "panel --json": ["panel", str(folder), "--json"],
        "compare": ["compare", str(one), str(other), "--workspace", str(folder), "--out", str(folder / "c")],
        "compare --json": ["compare", str(one), str(other), "--workspace", str(folder), "--json"],
        "weights": ["weights", "show", str(folder)],
        "weights --json": ["weights", "show", str(folder), "--json"],
        "scorecard": ["scorecard", str(folder), "--standard", "u4ssc", "--out", str(folder / "s" / "s.csv")],
        "scorecard --unit": ["scorecard", str(folder), "--standard", "u4ssc", "--unit", "示意城市 01"],
        "scorecard --json": ["scorecard", str(folder), "--standard", "u4ssc", "--json"],
        "trace": ["trace", str(folder), "示意城市 01"],
        "trace --json": ["trace", str(folder), "示意城市 02", "--json"],
    }
    (folder / "s").mkdir()
    for name, command in commands.items():
        outcome = run.invoke(app, command)
        assert outcome.exit_code == 0, f"{name}: {outcome.output}"
        assert not told(outcome.output), f"{name}: {outcome.output}"
    places = [folder / name for name in ("results", "panel", "c", "s")]
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    assert {".csv", ".html", ".json", ".xlsx"} <= {file.suffix for file in files}
    for file in files:
        assert not (found := units_beside_figures(file)), f"{file.name}: {found[:3]}"


def neutral(values: dict[str, object]) -> dict[str, object]:
    """Return the values of a problem of any kind as they are shown on illustrative data."""
    rows = [
        ("U1", "甲市", "A City", None),
        ("U10", "乙市", "B City", "Old B;Bee"),
        ("net", "丙市", None, None),
    ]
    frame = pl.DataFrame(rows, schema=["unit", "name_zh", "name_en", "aliases"], orient="row")
    hide = Neutral(Units(frame), {"U1": "示意城市 02", "U10": "示意城市 01"})
    problem = Problem("facts.no-source", Where("o.csv", row=7, column="value"), values)
    shown = hide.problem(problem)
    assert (shown.where.file, shown.where.column, shown.where.row) == ("o.csv", "value", None)
    return dict(shown.values)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"unit": "U1"}, {"unit": "示意城市 02"}),
        ({"unit": "gone"}, {"unit": "–"}),
        ({"units": ["U1", "U10", "gone"]}, {"units": ["–", "示意城市 01", "示意城市 02"]}),
        ({"unheard": ["U1", "U10"]}, {"unheard": ["示意城市 01", "示意城市 02"]}),
        ({"told": ["U1/net 11 [44] ≠ 95 [5] (88.4%)"]}, {"told": ["–"]}),
        ({"anything": "Bee has 95"}, {"anything": "–"}),
        ({"anything": "乙市 95"}, {"anything": "–"}),
        ({"anything": "u10 95"}, {"anything": "–"}),
        ({"anything": "U100, AU1, statistics"}, {"anything": "U100, AU1, statistics"}),
        ({"value": 95.5, "z": 4.2}, {"value": "–", "z": "–"}),
        ({"count": 3, "total": 9, "largest": 0.5}, {"count": 3, "total": 9, "largest": 0.5}),
        ({"rows": [4, 5], "ids": ["o1"]}, {"rows": ["–"], "ids": ["–"]}),
        ({"subjects": ["s1"], "cells": ["B4"]}, {"subjects": ["–"], "cells": ["–"]}),
        ({"row": 4, "used": 5}, {"row": "–", "used": "–"}),
        ({"pairs": [["a", "b"]], "moved": [1.5]}, {"pairs": ["–"], "moved": ["–"]}),
        ({"code": "net", "codes": ["net", "roads"]}, {"code": "net", "codes": ["net", "roads"]}),
        ({"used": "yearbook", "known": ["a", "b"]}, {"used": "yearbook", "known": ["a", "b"]}),
        ({"near": []}, {"near": []}),
    ],
)  # fmt: skip
def test_whatever_a_problem_names_no_unit_row_or_figure_is_left(values, shown):
    assert neutral(values) == shown
