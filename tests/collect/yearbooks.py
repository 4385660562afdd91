"""Yearbook tables in shapes that real ones have, each made out of one plain table of what is true.

A maker writes a file and returns what it holds: facts in the indicators' units (None = missing), and what
a reader should leave out, as (address, reason).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

FRAMEWORK = """\
code,parent,level,name_zh,name_en,weight,direction,unit,scale
I,,0,城市指数,City index,,,,
E,I,1,经济,Economy,,,,
L,I,1,民生,Life,,,,
gdp,E,2,地区生产总值,Gross regional product,,1,亿元,ratio
patents,E,2,专利授权数,Patents granted,,1,件,ratio
pop,L,2,年末常住人口,Resident population,,1,万人,ratio
area,L,2,行政区域土地面积,Land area,,1,平方公里,ratio
sewage,L,2,污水集中处理率,Sewage treatment rate,,1,%,share
power,L,2,全社会用电量,Electricity consumption,,1,万千瓦时,ratio
"""
UNITS = """\
unit,name_zh,name_zh_full,name_en,aliases
110000,北京,北京市,Beijing,
310000,上海,上海市,Shanghai,
440100,广州,广州市,Guangzhou,羊城
440300,深圳,深圳市,Shenzhen,
510100,成都,成都市,Chengdu,
320500,苏州,苏州市,Suzhou,
"""
EMPTY = "unit,indicator,period,value\n"
METHOD = '[normalise]\nhow = "minmax"\n'
NAMES = {
    "110000": "北京",
    "310000": "上海",
    "440100": "广州",
    "440300": "深圳",
    "510100": "成都",
    "320500": "苏州",
}
ENGLISH = {
    "110000": "Beijing",
    "310000": "Shanghai",
    "440100": "Guangzhou",
    "440300": "Shenzhen",
    "510100": "Chengdu",
}
CITIES = tuple(NAMES)
LHASA = Decimal(834)  # of a city that is not assessed

# What is true, in the indicators' units: growth of 4 % a year from 2021 on, rounded to what is printed.
_BASE = {
    "gdp": (41045, 44653, 28232, 30665, 19917, 22718),
    "patents": (198778, 179317, 189516, 279177, 88000, 185000),
    "pop": (2189, 2489, 1881, 1768, 2119, 1285),
    "area": (16411, 6341, 7434, 1997, 14335, 8657),
    "sewage": (96, 97, 98, 99, 95, 94),
    "power": (12332900, 17494000, 11200800, 11034000, 7900500, 16300700),
}
Facts = dict[tuple[str, str, str], Decimal | None]


def truth(code: str, year: int) -> dict[str, Decimal]:
    """Return the true values of an indicator in a year by city."""
    if code == "sewage":
        return {
            c: Decimal(v) + Decimal("0.3") * (year - 2021) for c, v in zip(CITIES, _BASE[code], strict=True)
        }
    return {c: Decimal(v + v * 4 * (year - 2021) // 100) for c, v in zip(CITIES, _BASE[code], strict=True)}


def facts(codes: Iterable[str], years: Iterable[int], cities: Sequence[str] = CITIES) -> Facts:
    """Return the true facts about cities."""
    return {(c, code, str(y)): truth(code, y)[c] for code in codes for y in years for c in cities}


@dataclass
class Made:
    """A file, what it says, and what is to be left out."""

    path: Path
    facts: Facts
    left_out: set[tuple[str, str]] = field(default_factory=set)
    period: str | None = None


Maker = Callable[[Path, int], Made]


def write_csv(path: Path, rows: Iterable[Sequence[object]], encoding: str, separator: str = ",") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def book(path: Path, sheets: dict[str, tuple[list[Sequence[object]], Sequence[str]]]) -> Path:
    """Write a workbook: for each sheet its rows and the ranges that are merged."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, (rows, merged) in sheets.items():
        sheet: Worksheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append([None if cell == "" else cell for cell in row])
        for area in merged:
            sheet.merge_cells(area)
    workbook.save(path)
    return path


def printed(value: Decimal, decimals: int = 0) -> str:
    return f"{value:,.{decimals}f}"


def wide(text: str) -> str:
    return text.translate({code: code + 0xFEE0 for code in range(0x30, 0x3A)})


def classic(folder: Path, year: int, extra_rows: int = 0) -> Made:
    """Print two header rows with merged cells and a title above, marks, notes, totals and a city too many."""
    gdp, pop, patents = truth("gdp", year), truth("pop", year), truth("patents", year)
    rows: list[Sequence[object]] = [
        [f"2-6 地区生产总值和人口（{year}年）"],
        *[[f"说明第{i}行：略"] for i in range(extra_rows)],
    ]
    rows += [
        ["", "", "", "", "", "", "", "单位：亿元"],
        ["城  市", "地区生产总值", "", "", "年末常住人口（万人）", "", "专利授权数(件)", "注记"],
        ["City", "全 市", "市辖区", "比上年增长(%)", "全市", "", "全市", ""],
        ["合  计", float(sum(gdp.values()) + LHASA), 99999, 5.0, float(sum(pop.values()) + 87), "", "", ""],
        ["东部地区", 100, 99, "", 200, "", "", ""],
        [
            "北 京",
            float(gdp["110000"]),
            40000,
            5.2,
            float(pop["110000"]),
            "",
            printed(patents["110000"]),
            "a",
        ],
        [
            "上  海①",
            wide(str(gdp["310000"])),
            41000,
            5.0,
            float(pop["310000"]),
            "",
            printed(patents["310000"]),
            "b",
        ],
        ["广州市", f"{gdp['440100']}①", 25000, 4.6, "…", "", printed(patents["440100"]), ""],
        ["其中：深圳", float(gdp["440300"]), 30000, 6.0, float(pop["440300"]), "", "-", ""],
        ["西部地区", 100, 99, "", 200, "", "", ""],
        ["成都", float(gdp["510100"]), 15000, 6.0, float(pop["510100"]), "", "x", ""],
        ["拉萨", float(LHASA), 500, 8.0, 87, "", "900", ""],
        ["苏州市（地级）", float(gdp["320500"]), 20000, 4.6, float(pop["320500"]), "", "", ""],
        ["注：①为快报数。"],
        ["资料来源：示例统计局"],
    ]
    top = 4 + extra_rows  # the second row of the header
    merged = ["A1:H1", f"B{top - 1}:D{top - 1}", f"E{top - 1}:E{top - 1}"]
    path = book(folder / f"yearbook-{year}.xlsx", {f"2-6 {year}": (rows, merged)})
    told = facts(["gdp", "pop", "patents"], [year])
    for key in (("440100", "pop"), ("440300", "patents"), ("510100", "patents"), ("320500", "patents")):
        told[(*key, str(year))] = None
    name = f"2-6 {year}"
    first = top + 1
    lines = {
        1: "title",
        2 + extra_rows: "unit_line",
        first: "totals",
        first + 1: "totals",
        first + 6: "totals",
        first + 8: "not_assessed",
        first + 10: "footnote",
        first + 11: "footnote",
    }
    left = {(f"{name}!{row}", why) for row, why in lines.items()}
    left |= {(f"{name}!{row + 2}", "footnote") for row in range(extra_rows)}
    left |= {(f"{name}!{column}", "narrowed_by_header") for column in "CD"}
    left |= {(f"{name}!F", "blank_column"), (f"{name}!H", "text_column")}
    cells = {
        f"E{first + 4}": "not_available",
        f"G{first + 5}": "not_available",
        f"G{first + 7}": "not_available",
        f"G{first + 9}": "blank_cell",
    }
    left |= {(f"{name}!{cell}", why) for cell, why in cells.items()}
    return Made(path, told, left)


def years_across(folder: Path, year: int) -> Made:
    """Print one indicator, named in the title, with the years as columns."""
    years = [year - 2, year - 1, year]
    rows: list[Sequence[object]] = [
        [f"表3-1 主要城市年末常住人口（{years[0]}—{years[-1]}年）"],
        ["", "", "", "计量单位：万人"],
        ["地区", *(f"{y}年" for y in years)],
        *([f"{NAMES[c]}市", *(float(truth("pop", y)[c]) for y in years)] for c in CITIES[:5]),
        ["总  计", *(float(sum(list(truth("pop", y).values())[:5])) for y in years)],
        ["注：常住人口为抽样调查推算数。"],
    ]
    path = book(folder / f"population-{year}.xlsx", {"人口": (rows, ["A1:D1"])})
    left = {
        (f"人口!{row}", why) for row, why in {1: "title", 2: "unit_line", 9: "totals", 10: "footnote"}.items()
    }
    return Made(path, facts(["pop"], years, CITIES[:5]), left)


def continued(folder: Path, year: int) -> Made:
    """Print a table over three pages: the second repeats the header, the third has other columns."""
    head = ["城市", "地区生产总值（亿元）", "年末常住人口（万人）"]
    gdp, pop, power = truth("gdp", year), truth("pop", year), truth("power", year)
    rows: list[Sequence[object]] = [
        [f"主要指标（{year}年）"],
        head,
        *([NAMES[c], float(gdp[c]), float(pop[c])] for c in CITIES[:3]),
        [],
        ["续表1", "", ""],
        head,
        *([NAMES[c], float(gdp[c]), float(pop[c])] for c in CITIES[3:]),
        ["续表2  continued"],
        ["城市", "全社会用电量（亿千瓦时）", "行政区域土地面积（公顷）"],
        *([NAMES[c], float(power[c] / 10000), float(truth("area", year)[c] * 100)] for c in CITIES),
    ]
    path = book(folder / f"pages-{year}.xlsx", {"表": (rows, [])})
    left = {("表!1", "title"), ("表!7", "continued"), ("表!8", "repeated_header"), ("表!12", "continued")}
    return Made(path, facts(["gdp", "pop", "power", "area"], [year]), left)


def three_rows(folder: Path, year: int) -> Made:
    """Write a CSV file in GB18030 with three header rows, the units in one of them, and nothing merged."""
    gdp, pop, sewage = truth("gdp", year), truth("pop", year), truth("sewage", year)
    rows: list[Sequence[object]] = [
        [f"{year}年城市基本情况"],
        ["城市", "经济", "", "民生", "", ""],
        ["", "地区生产总值", "", "年末常住人口", "污水集中处理率", "公园"],
        ["", "(万元)", "位次", "（人）", "（%）", "（个）"],
        *(
            [NAMES[c], f"{gdp[c] * 10000}", i, f"{pop[c] * 10000}", f"{sewage[c]}%", i]
            for i, c in enumerate(CITIES)
        ),
    ]
    path = write_csv(folder / f"basic-{year}.csv", rows, "gb18030")
    left = {("1", "title"), ("C", "narrowed_by_header"), ("F", "no_indicator")}
    return Made(path, facts(["gdp", "pop", "sewage"], [year]), left)


def side_by_side(folder: Path, year: int) -> Made:
    """Print two columns of cities beside each other, one header over both."""
    gdp, area = truth("gdp", year), truth("area", year)
    head = ["城市", "地区生产总值(亿元)", "行政区域土地面积(平方公里)"]
    left_half, right_half = CITIES[:3], CITIES[3:]
    rows: list[Sequence[object]] = [
        [f"附表：{year}年主要指标"],
        [*head, "", *head],
        *(
            [NAMES[a], float(gdp[a]), float(area[a]), "", NAMES[b], float(gdp[b]), float(area[b])]
            for a, b in zip(left_half, right_half, strict=True)
        ),
        ["合计", float(sum(gdp.values())), float(sum(area.values())), "", "", "", ""],
    ]
    path = book(folder / f"beside-{year}.xlsx", {"附表": (rows, ["A1:G1"])})
    left = {("附表!1", "title"), ("附表!6", "totals"), ("附表!D", "blank_column")}
    return Made(path, facts(["gdp", "area"], [year]), left)


def across(folder: Path, year: int) -> Made:
    """Print the cities across the top, the indicators down the side, each with its unit."""
    lines = [
        ("地区生产总值", "亿元", "gdp", 1),
        ("专利授权数", "万件", "patents", Decimal("0.0001")),
        ("全社会用电量", "亿千瓦时", "power", Decimal("0.0001")),
        ("污水集中处理率", "%", "sewage", 1),
    ]
    rows: list[Sequence[object]] = [
        [f"城市对比（{year}年）"],
        ["指  标", "单位", *(NAMES[c] for c in CITIES), "合计"],
        ["一、综合"],
        *(
            [
                name,
                unit,
                *(
                    str((truth(code, year)[c] * times).normalize())
                    if times != 1
                    else float(truth(code, year)[c])
                    for c in CITIES
                ),
                1,
            ]
            for name, unit, code, times in lines[:2]
        ),
        ["二、民生"],
        *(
            [name, unit, *(f"{truth(code, year)[c] * times:f}" for c in CITIES), "—"]
            for name, unit, code, times in lines[2:]
        ),
        ["人均公园绿地面积", "平方米", *([15.1] * 6), ""],
        ["资料来源：各市统计公报。"],
    ]
    path = book(folder / f"across-{year}.xlsx", {"对比": (rows, ["A1:I1"])})
    lefts = {
        "1": "title",
        "3": "heading",
        "6": "heading",
        "9": "no_indicator",
        "10": "footnote",
        "I": "totals",
    }
    left = {(f"对比!{place}", why) for place, why in lefts.items()}
    return Made(path, facts(["gdp", "patents", "power", "sewage"], [year]), left)


def bulletin(folder: Path, year: int) -> Made:
    """Print a sheet for each city: indicators down the side, the level and the growth."""
    sheets: dict[str, tuple[list[Sequence[object]], Sequence[str]]] = {
        "目录": ([["目录"], ["1 北京"], ["2 上海"]], [])
    }
    left = {("目录", "no_table")}
    for c in CITIES[:2]:
        rows: list[Sequence[object]] = [
            [f"{NAMES[c]}市{year}年国民经济和社会发展统计公报附表"],
            ["指标名称", "计量单位", "绝对数", "比上年增长(%)"],
            ["地区生产总值", "亿元", float(truth("gdp", year)[c]), 5.2],
            ["年末常住人口", "万人", float(truth("pop", year)[c]), -0.1],
            ["# 专利授权数", "件", float(truth("patents", year)[c]), "…"],
            ["粮食产量", "万吨", 45.4, 0.1],
        ]
        sheets[f"{NAMES[c]}市"] = (rows, ["A1:D1"])
        name = f"{NAMES[c]}市"
        left |= {(f"{name}!1", "title"), (f"{name}!6", "no_indicator")}
        left |= {(f"{name}!{row}", "narrowed_by_header") for row in (3, 4, 5)}  # their growth
    path = book(folder / f"bulletin-{year}.xlsx", sheets)
    return Made(path, facts(["gdp", "pop", "patents"], [year], CITIES[:2]), left)


def export(folder: Path, year: int) -> Made:
    """Write a long export with a fact in each line, flags in a column and behind the numbers."""
    names = {
        "gdp": ("Gross regional product", "100 million yuan"),
        "pop": ("Resident population", "10,000 persons"),
    }
    rows: list[Sequence[object]] = [
        ["geo", "indicator", "Unit of measure", "TIME_PERIOD", "OBS_VALUE", "OBS_FLAG"]
    ]
    told = facts(names, [year - 1, year], tuple(ENGLISH)[:4])
    cells = {("110000", "gdp", str(year)): ":", ("310000", "pop", str(year)): ":c"}
    left = set()
    for (c, code, y), value in told.items():
        text = cells.get((c, code, y), f"{value}" + (" p" if c == "440100" else ""))
        rows.append([ENGLISH[c], *names[code], y, text, "e" if c == "440300" else ""])
        if (c, code, y) in cells:
            left.add((f"E{len(rows)}", "not_available"))
    rows.append(["Lhasa", *names["gdp"], year, LHASA, ""])
    left.add((str(len(rows)), "not_assessed"))
    rows.append(["Beijing", "Greenness", "%", year, 45, ""])
    left.add((str(len(rows)), "no_indicator"))
    path = write_csv(folder / f"export-{year}.csv", rows, "utf-8-sig", ";")
    return Made(path, {**told, **dict.fromkeys(cells)}, left)


def indicator_by_year(folder: Path, year: int) -> Made:
    """Print indicators over years, two years under each; amounts in another unit than the framework's."""
    years = [year - 1, year]
    gdp = {y: truth("gdp", y) for y in years}
    sewage = {y: truth("sewage", y) for y in years}
    rows: list[Sequence[object]] = [
        ["各市主要指标"],
        ["地 区", "地区生产总值（万元）", "", "", "污水集中处理率", ""],
        ["", *(f"{y} 年" for y in years), "增速", *(f"{y}年" for y in years)],
        *(
            [
                f"{NAMES[c]}市",
                *(printed(gdp[y][c] * 10000) for y in years),
                "4%",
                *(f"{sewage[y][c]}％" for y in years),
            ]
            for c in CITIES
        ),
        ["平均", 1, 2, "4%", "96%", "97%"],
    ]
    rows[4] = [rows[4][0], "#", *rows[4][2:]]
    rows[5] = [*rows[5][:5], "约98"]
    path = book(folder / f"twoyears-{year}.xlsx", {"Sheet1": (rows, ["A1:F1", "A2:A3", "B2:D2", "E2:F2"])})
    told = facts(["gdp", "sewage"], years)
    told[("310000", "gdp", str(year - 1))] = None
    del told[("440100", "sewage", str(year))]
    lefts = {"1": "title", "10": "totals", "D": "narrowed_by_header"}
    lefts |= {"B5": "not_available", "F6": "unreadable"}
    return Made(path, told, {(f"Sheet1!{place}", why) for place, why in lefts.items()})


def english(folder: Path, year: int) -> Made:
    """Print an English table with spaces between the thousands and marks of notes, Chinese names beside."""
    gdp, pop = truth("gdp", year), truth("pop", year)
    rows: list[Sequence[object]] = [
        [f"Table 2.1  Main indicators by city, {year}"],
        ["Region", "地区", "Gross regional product", "", "Resident population"],
        ["", "", "(100 million yuan)", "Rank", "(persons)"],
        ["National total", "全国", "999 999", "", "1 400 000 000"],
        *(
            [
                ENGLISH[c],
                NAMES[c],
                f"{gdp[c]:,.1f}".replace(",", " "),
                i,
                f"{pop[c] * 10000:,.0f}".replace(",", " "),
            ]
            for i, c in enumerate(tuple(ENGLISH))
        ),
        ["Suzhou", "苏州", "n.a.", "", f"{pop['320500'] * 10000:,.0f} (1)".replace(",", " ")],
        ["Note: (1) Provisional."],
        ["Source: example bureau."],
    ]
    path = book(folder / f"english-{year}.xlsx", {"2.1": (rows, ["A1:E1", "A2:A3", "B2:B3", "C2:D2"])})
    told = facts(["gdp", "pop"], [year])
    told[("320500", "gdp", str(year))] = None
    lefts = {
        "1": "title",
        "4": "totals",
        "11": "footnote",
        "12": "footnote",
        "D": "narrowed_by_header",
        "B": "text_column",
        "C10": "not_available",
    }
    return Made(path, told, {(f"2.1!{place}", why) for place, why in lefts.items()})


def eurostat(folder: Path, year: int) -> Made:
    """Print what Eurostat's browser exports: lines about the data above, flags beside, a legend below."""
    cities = tuple(ENGLISH)
    old, new = truth("pop", year - 1), truth("pop", year)
    rows: list[Sequence[object]] = [
        ["Resident population"],
        ["Last updated:", "12/05/2024 23:00"],
        [],
        ["Time frequency", "Annual"],
        ["Unit of measure", "Thousand persons"],
        [],
        ["TIME", str(year - 1), "", str(year), ""],
        ["GEO (Labels)", "", "", "", ""],
        *(
            [ENGLISH[c], float(old[c] * 10), "b" if c == "310000" else "", float(new[c] * 10), "p"]
            for c in cities
        ),
        [],
        ["Special value"],
        [":", "not available"],
    ]
    rows[9] = [*rows[9][:3], ":", "c"]
    path = book(folder / f"estat-{year}.xlsx", {"Sheet 1": (rows, [])})
    told = facts(["pop"], [year - 1, year], cities)
    told[(cities[1], "pop", str(year))] = None
    lefts = {
        "1": "title",
        "2": "title",
        "4": "title",
        "5": "unit_line",
        "8": "title",
        "15": "footnote",
        "16": "footnote",
        "C": "flags",
        "E": "flags",
        "D10": "not_available",
    }
    return Made(path, told, {(f"Sheet 1!{place}", why) for place, why in lefts.items()})


def national_data(folder: Path, year: int) -> Made:
    """Print what the national bureau's data site exports: one indicator, named above, years back."""
    years = [year, year - 1, year - 2]
    rows: list[Sequence[object]] = [
        ["数据库：主要城市年度数据"],
        ["指标：地区生产总值（亿元）"],
        ["时间：最近3年"],
        ["地区", *(f"{y}年" for y in years)],
        *([NAMES[c], *(str(truth("gdp", y)[c]) for y in years)] for c in CITIES),
        ["数据来源：国家统计局"],
    ]
    path = write_csv(folder / f"national-{year}.csv", rows, "gb18030")
    left = {("1", "title"), ("2", "title"), ("3", "title"), ("11", "footnote")}
    return Made(path, facts(["gdp"], years), left)


MAKERS: dict[str, Maker] = {
    "a two-row header with marks and totals": classic,
    "years across": years_across,
    "pages with the header repeated": continued,
    "three header rows in GB18030": three_rows,
    "two columns of print": side_by_side,
    "cities across": across,
    "a sheet for each city": bulletin,
    "a long export": export,
    "years under indicators": indicator_by_year,
    "an English table": english,
    "an export of Eurostat's": eurostat,
    "an export of the national bureau's": national_data,
}
