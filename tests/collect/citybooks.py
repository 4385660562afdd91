"""A small assessment whose cities fill workbooks, and the hands that fill them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl

import citygauge as cg
from citygauge.problems import Problem
from citygauge.store.citybook import Issue, write_forms
from citygauge.store.returned import Outcome, Receipt, read_books

FRAMEWORK = """\
code,parent,level,name_zh,name_en,weight,direction,unit,scale,low,high,rubric,channels,definition_zh,definition_en,evidence_required
I,,0,指数,Index,,,,,,,,,,,
P,I,1,服务,Services,,,,,,,,,,,
Q,I,1,治理,Governance,,,,,,,,,,,
share,P,2,网办率,Items online,,1,%,share,0,100,,,可网上办理的事项占比。,Share of items online.,
count,P,2,站点数,Stations,,1,stations,ratio,0,1000000,,web;statistics,站点个数。,Number of stations.,
days,P,2,办结天数,Days to decide,,-1,days,ratio,0,100,,field;statistics,平均天数。,Mean number of days.,
level,Q,2,制度,Rules,,1,level,ordinal,,,0: 无 | none ; 1: 部分 | partial ; 2: 完整 | complete,,是否齐备。,"",
open,Q,2,公开,Published,,1,,binary,0,1,,,是否公开。,Whether it is published.,
change,Q,2,变化,Change,,1,points,interval,-50,50,,,与上年相比。,Against the year before.,
proof,Q,2,投资,Investment,,1,CNY,ratio,0,1000000000,,,当年投资。,Investment of the year.,yes
"""
UNITS = "unit,name_zh,name_en\n510100,成都,Chengdu\n320500,苏州,Suzhou\n320100,南京,Nanjing\n"
EARLIER = """\
unit,indicator,period,value,source
510100,share,2022,80,s
510100,count,2022,1200,s
510100,proof,2022,50000,s
510100,share,2021,70,s
"""
LEAVES = ("share", "count", "days", "level", "open", "change", "proof")
RECEIPT = Receipt("2024-07-01T08:00:00Z")


def assessment(place: Path, **files: str) -> Path:
    """Write the workspace and return its folder."""
    folder = place / "评估 一"
    folder.mkdir()
    texts = {
        "assessment.toml": 'name_zh = "试评"\nname_en = "Trial"\nperiod = "2023"\n',
        "framework.csv": FRAMEWORK,
        "units.csv": UNITS,
        "observations.csv": EARLIER,
        "sources.csv": "id,producer,title\ns,统计局,年鉴\n",
        "method.toml": '[normalise]\nhow = "goalposts"\n[normalise.by.level]\nhow = "rubric"\n',
    } | {name.replace("__", "."): text for name, text in files.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def form(folder: Path, unit: str = "510100", language: str = "zh", **how: Any) -> Path:
    """Write the form of one city and return its path."""
    (path,) = write_forms(folder, Issue(language, units=(unit,), **how))
    return path


def sheet_of(book: openpyxl.Workbook, number: int) -> Any:
    """Return the data sheet (1) or the evidence sheet (2)."""
    return book.worksheets[number]


def row_of(sheet: Any, code: str) -> int:
    """Return the row of a code, as a spreadsheet counts."""
    return next(row for row in range(4, sheet.max_row + 1) if sheet.cell(row, 1).value == code)


def fill(
    path: Path,
    entries: Mapping[str, Mapping[str, Any]],
    evidence: Mapping[str, tuple[Any, ...]] | None = None,
    to: Path | None = None,
) -> Path:
    """Fill a form: code → letter of a column → what is typed; evidence: number → title, kind, date, …."""
    book = openpyxl.load_workbook(path)
    sheet = sheet_of(book, 1)
    for code, cells in entries.items():
        for letter, typed in cells.items():
            sheet[f"{letter}{row_of(sheet, code)}"] = typed
    listed = sheet_of(book, 2)
    for number, item in (evidence or {}).items():
        for column, typed in enumerate(item, 2):
            listed.cell(3 + int(number), column).value = typed
    target = to or path.with_name(f"{path.stem.removesuffix('.filled')}.filled.xlsx")
    book.save(target)
    return target


def read(folder: Path, *files: Path, receipt: Receipt = RECEIPT) -> Outcome:
    return read_books(folder, files, receipt)


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def place_of(problem: Problem) -> str:
    """Return the address that a problem names."""
    return (problem.where.column or "").split(" ")[0]


def recorded(folder: Path, period: str = "2023") -> dict[str, dict[str, Any]]:
    """Return what the file of observations holds for Chengdu and a period, the last row of a code wins."""
    frame = cg.open(folder).observations.frame.filter(pl.col("period") == period)
    return {row["indicator"]: row for row in frame.iter_rows(named=True) if row["unit"] == "510100"}


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
