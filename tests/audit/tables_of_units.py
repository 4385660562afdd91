"""Publications with a table of units, built from rows: the Human Development and e-government indices."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from citygauge.audit.figures import Figure, Rule
from citygauge.audit.published import ROOT, UNIT_SCALE, Goalposts, Line, Node, Published, Unit

Cells = Mapping[tuple[str, str, str], Decimal]  # (period, unit, code) → printed
Reference = Callable[[str], Path]

HDI_NODES = (
    Node(ROOT, None, "人类发展指数", "HDI", "geometric"),
    Node("health", ROOT, "健康", "Health", goalposts=Goalposts(Decimal(20), Decimal(85))),
    Node("education", ROOT, "教育", "Education"),
    Node("income", ROOT, "收入", "Income", goalposts=Goalposts(Decimal(100), Decimal(75000), "log")),
    Node("eys", "education", "预期受教育年限", "Expected", goalposts=Goalposts(Decimal(0), Decimal(18))),
    Node("mys", "education", "平均受教育年限", "Mean years", goalposts=Goalposts(Decimal(0), Decimal(15))),
)
HDI_COLUMNS = {
    ROOT: "hdi",
    "health": "life_expectancy",
    "eys": "expected_years_schooling",
    "mys": "mean_years_schooling",
    "income": "gni_per_capita_ppp2017",
}
HDI_WEIGHTS = dict.fromkeys(("health", "education", "income", "eys", "mys"), Decimal(1))
EGDI_NODES = (
    Node(ROOT, None, "电子政务发展指数", "EGDI"),
    Node("osi", ROOT, "在线服务", "Online services"),
    Node("tii", ROOT, "通信基础设施", "Telecommunications"),
    Node("hci", ROOT, "人力资本", "Human capital"),
)
EGDI_WEIGHTS = {
    "2010:osi": Decimal("0.34"),
    "2010:tii": Decimal("0.33"),
    "2010:hci": Decimal("0.33"),
    "osi": Decimal(1),
    "tii": Decimal(1),
    "hci": Decimal(1),
}


def table(
    nodes: Iterable[Node],
    cells: Cells,
    weights: Mapping[str, Decimal],
    digits: Callable[[str, str], int],
    rule: Rule = "unknown",
    name: str = "t",
    **more: Any,
) -> Published:
    """Return a publication of one table; `digits` by period and code, `more` further fields."""
    figures = [Figure(f"{key}.weight", weight) for key, weight in weights.items()]
    lines: dict[tuple[str, str], Line] = {}
    for (period, unit, code), value in cells.items():
        line = lines.setdefault((period, unit), Line("unit", period, name, unit))
        step = Decimal(1).scaleb(-digits(period, code))
        figures.append(Figure(line.id(code), value, step, rule))
    figures += more.pop("figures", ())
    units = {unit: Unit(unit, unit) for _, unit in lines}
    return Published(
        "表", "Table", {n.code: n for n in nodes}, {f.id: f for f in figures},
        units=units, lines=tuple(lines.values()), scale=more.pop("scale", UNIT_SCALE), **more,
    )  # fmt: skip


def hdi_cells(reference: Reference) -> dict[tuple[str, str, str], Decimal]:
    """Return the cells of the HDI table as they stand in the file, countries only."""
    with (reference("undp-hdi") / "hdi.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["year"], row["iso3"], code): Decimal(row[column])
            for row in csv.DictReader(file)
            if row["is_aggregate"] == "N"
            for code, column in HDI_COLUMNS.items()
        }


def egdi_cells(reference: Reference) -> dict[tuple[str, str, str], Decimal]:
    """Return the cells of the EGDI table as they stand in the file, blank ones left out."""
    codes = {ROOT: "egdi", "osi": "osi", "tii": "tii", "hci": "hci"}
    with (reference("un-egdi") / "egdi.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["year"], row["iso3"], code): Decimal(row[column])
            for row in csv.DictReader(file)
            for code, column in codes.items()
            if row[column]
        }


def hdi_digits(_period: str, code: str) -> int:
    """Decimals of the HDI table: the index has three, its parts are given far beyond."""
    return {ROOT: 3, "health": 3, "income": 4}.get(code, 9)
