"""Facts out of somebody's table: long or wide, with names in place of codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from citygauge.collect.units import Match, UnitMatcher, Units, note_matches
from citygauge.files import Sheet, canonical_headers
from citygauge.framework.model import Framework
from citygauge.problems import Problems

_LONG = (
    "unit",
    "indicator",
    "period",
    "value",
    "unit_of_measure",
    "state",
    "se",
    "channel",
    "note",
    "origin",
    "subject",
    "supersedes",
)
_UNIT_HEADERS = ("unit", "name_zh", "name_en", "name_zh_full")


@dataclass(frozen=True, slots=True)
class Cell:
    """One fact of a table: whose, what, when, its text, and the cell it stands in."""

    row: int
    unit: str
    indicator: str
    period: str | None
    value: str | None
    cell: str
    extra: dict[str, str]


def read_table(
    sheet: Sheet, framework: Framework, units: Units, period: str | None, problems: Problems
) -> list[Cell]:
    """Return the facts of a table, long (unit, indicator, value) or wide (a column for each indicator).

    Units are found by code or name, indicators by code or name in any language. Columns that are no
    indicator are left out and named; rows of real cities that are not assessed are left out and named;
    every other row that cannot be placed is a problem.

    Parameters
    ----------
    period : str, optional
        The period of rows that state none.
    """
    unit_columns = _unit_columns(sheet)
    sheet = canonical_headers(sheet, _LONG)
    if "unit" in sheet.frame.columns and "unit" not in unit_columns:
        unit_columns = ["unit", *(column for column in unit_columns if column in sheet.frame.columns)]
    unit_columns = [column for column in unit_columns if column in sheet.frame.columns]
    if not unit_columns:
        problems.add("import.no-unit-column", sheet.where(), found=sheet.frame.columns)
        return []
    owners = _owners(sheet, unit_columns, units, problems)
    is_long = {"indicator", "value"} <= set(sheet.frame.columns)
    cells = (
        _long_cells(sheet, owners, framework, problems)
        if is_long
        else _wide_cells(sheet, owners, unit_columns, framework, problems)
    )
    without = [cell.row for cell in cells if cell.period is None and period is None]
    if without:
        problems.add("import.no-period", sheet.where(without[0] - sheet.first_row), rows=sorted(set(without)))
    return [
        cell
        if cell.period
        else Cell(cell.row, cell.unit, cell.indicator, period, cell.value, cell.cell, cell.extra)
        for cell in cells
    ]


def _unit_columns(sheet: Sheet) -> list[str]:
    """Return every column that names units, so that they can be held against each other."""
    renamed = [
        canonical_headers(Sheet(sheet.frame.select(c), sheet.file), _UNIT_HEADERS).frame.columns[0]
        for c in sheet.frame.columns
    ]
    return [
        column for column, name in zip(sheet.frame.columns, renamed, strict=True) if name in _UNIT_HEADERS
    ]


def _owners(sheet: Sheet, columns: list[str], units: Units, problems: Problems) -> list[str | None]:
    """Return the unit of each row; None for rows that have none or are left out."""
    columns = [column for column in columns if column in sheet.frame.columns]
    matcher = UnitMatcher(units)
    matches: dict[str, Match] = {}
    rows: dict[str, list[int]] = {}
    owners: list[str | None] = []
    for index, texts in enumerate(sheet.frame.select(columns).iter_rows()):
        given = [text for text in texts if text]
        for text in given:
            matches.setdefault(text, matcher.match(text))
            rows.setdefault(text, []).append(sheet.first_row + index)
        codes = {matches[text].code for text in given if matches[text].verdict == "found"}
        # A code or a Chinese name settles an English name that two cities share, if it is one of the two.
        settled = codes or {"elsewhere" for text in given if matches[text].verdict == "elsewhere"}
        strange = {text for text in given if codes and matches[text].verdict == "elsewhere"}
        for text in given if settled else ():
            if matches[text].verdict == "ambiguous":
                rows[text].pop()
                strange |= {text} if codes - matches[text].possible else set()
        if len(codes) > 1 or strange:
            problems.add(
                "import.units-disagree", sheet.where(index), values=given, rows=[sheet.first_row + index]
            )
        owners.append(next(iter(codes)) if len(codes) == 1 else None)
        if not given and any(sheet.frame.row(index)):
            problems.add("units.no-code", sheet.where(index, columns[0]))
    noted = {text: match for text, match in matches.items() if rows[text]}
    note_matches(noted, rows, sheet.where(), problems)
    return owners


def _long_cells(
    sheet: Sheet, owners: list[str | None], framework: Framework, problems: Problems
) -> list[Cell]:
    names = _indicator_names(framework)
    cells, unknown = [], dict[str, list[int]]()
    for index, row in enumerate(sheet.frame.iter_rows(named=True)):
        text = row["indicator"]
        if owners[index] is None or (text is None and row["value"] is None):
            continue
        code = names.get((text or "").casefold())
        if code is None:
            unknown.setdefault(text or "", []).append(sheet.first_row + index)
            continue
        extra = {name: row[name] for name in _LONG[4:] if row.get(name)}
        cells.append(
            Cell(
                sheet.first_row + index,
                owners[index] or "",
                code,
                row.get("period"),
                row["value"],
                sheet.cell(index, "value"),
                extra,
            )
        )
    for text, rows in unknown.items():
        near = get_close_matches(text.casefold(), names, 3)
        problems.add(
            "facts.unknown-indicator",
            sheet.where(rows[0] - sheet.first_row, "indicator"),
            value=text,
            rows=rows,
            near=near,
        )
    return cells


def _wide_cells(
    sheet: Sheet, owners: list[str | None], unit_columns: list[str], framework: Framework, problems: Problems
) -> list[Cell]:
    names = _indicator_names(framework)
    codes = {column: names[column.casefold()] for column in sheet.frame.columns if column.casefold() in names}
    if not codes:
        problems.add("import.no-indicator", sheet.where(), found=sheet.frame.columns)
        return []
    left = [c for c in sheet.frame.columns if c not in codes and c not in unit_columns and c != "period"]
    if left:
        near = sorted(
            {name for column in left for name in get_close_matches(column.casefold(), names, 1, 0.8)}
        )
        problems.add("import.columns-left-out", sheet.where(), columns=left, near=near)
    cells = []
    for index, row in enumerate(sheet.frame.iter_rows(named=True)):
        if (owner := owners[index]) is not None:
            cells += [
                Cell(
                    sheet.first_row + index,
                    owner,
                    code,
                    row.get("period"),
                    row[column],
                    sheet.cell(index, column),
                    {},
                )
                for column, code in codes.items()
            ]
    return cells


def _indicator_names(framework: Framework) -> dict[str, str]:
    """Return code and every unambiguous name of the nodes, in lower case, with the code they stand for."""
    names: dict[str, set[str]] = {}
    for node in framework.nodes[1:]:
        for text in node.name.values():
            names.setdefault(text.casefold(), set()).add(node.code)
    clear = {text: next(iter(codes)) for text, codes in names.items() if len(codes) == 1}
    return {**clear, **{node.code.casefold(): node.code for node in framework.nodes[1:]}}


def cells_frame(
    cells: Iterable[Cell], source: str, channel: str | None, collected_at: str | None
) -> pl.DataFrame:
    """Return facts as rows of ``observations.csv``, `cell` being the place in the original."""
    rows = [
        {
            "unit": cell.unit, "indicator": cell.indicator, "period": cell.period, "value": cell.value,
            "state": "value" if cell.value is not None else "missing",
            "origin": "observed", "channel": channel,
            "source": source, "collected_at": collected_at, "cell": cell.cell, **cell.extra,
        }
        for cell in cells
    ]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)
