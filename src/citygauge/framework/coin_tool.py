"""The COIN Tool, the JRC's workbook for composite indicators, as a framework, units and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import polars as pl

from citygauge.files import Sheet, column_letter, finite_number
from citygauge.framework.model import Framework
from citygauge.framework.read import build_framework
from citygauge.problems import Problems, Where
from citygauge.xlsx import read_cells, sheet_names

DATABASE, FRAMEWORK = "Database", "Framework"
# Rows of the sheet Database, counted from 1 as the spreadsheet does; the lowest level first.
_WEIGHT, _DIRECTION, _LOW, _HIGH, _INDEX, _NAME, _CODE = 7, 8, 9, 10, 11, 15, 16
_LEVELS = (14, 13, 12)  # sub-pillar, pillar, sub-index
_FIRST_UNIT, _LAST_UNIT = 17, 315
_UNIT_NAME, _UNIT_CODE, _FIRST, _LAST = 1, 2, 4, 102  # columns B, C, E and CY, counted from 0
# The sheet Framework: its header stands in row 4, in workbooks from before the release in row 5.
_HEADER_ROWS, _LAST_NODE = (4, 5), 53
_NODE_CODE, _NODE_WEIGHT, _NODE_NAME = 2, 4, 7
_IN_USE = "Dimension/indicator"
_BLANK = {"", "--", "n/a"}


@dataclass(frozen=True, slots=True)
class CoinTool:
    """What a COIN Tool workbook holds.

    `units` has the columns ``unit`` and ``name_en``, `values` one row for each unit and indicator:
    ``unit, indicator, value, state, cell``, every cell text, the value null where it is missing.
    """

    framework: Framework
    units: pl.DataFrame
    values: pl.DataFrame


def read_coin_tool(path: Path, problems: Problems) -> CoinTool | None:
    """Return framework, units and values of a COIN Tool workbook; None where it cannot be used.

    Read is the layout of version 1 (November 2019), full and lite, and that of the workbooks from before
    the release, as COINr's ``import_coin_tool`` reads them [1]_. Sheet ``Database``: from column E to CY an
    indicator each, with weight (row 7), direction (8), lower and upper goalpost (9, 10), the codes of
    index, sub-index, pillar and sub-pillar it belongs to (11 to 14), name (15) and code (16); below, rows
    17 to 315, a unit each, its name in column B, its code in C. Sheet ``Framework``: below the header in
    row 4 (before the release 5) code, weight and name of every aggregate in the columns C, E and H. A blank
    cell, ``n/a`` and ``--`` say nothing. Anything else is the problem ``cointool.other-layout``.

    A level with one code for all indicators is not used and is left out, which changes no score; so are
    indicators and units without any value. Goalposts become ``low`` and ``high``. Denominators, groups,
    units of measure and the settings of the other sheets are not read.

    References
    ----------
    .. [1] W. Becker, G. Caperna, M. Del Sorbo, H. Norlén, E. Papadimitriou, M. Saisana (2022), COINr: An R
       package for developing composite indicators. Journal of Open Source Software 7(78), 4567,
       doi:10.21105/joss.04567. The workbook: W. Becker et al. (2019), COIN Tool User Guide, EUR 29899 EN,
       doi:10.2760/523877.
    """
    sheets = _sheets(path, problems)
    if sheets is None:
        return None
    data, nodes = sheets
    columns, rows = _used(data)
    if not _is_known_layout(data, nodes, columns, problems):
        return None
    before = len(problems.errors)
    _note_left_out(data, columns, rows, problems)
    _check(data, columns, rows, problems)
    tree = _tree(data, nodes, columns, problems)
    if len(problems.errors) > before:
        return None
    found = Problems()
    framework = build_framework(Sheet(tree, path.name, DATABASE), [], {"code": path.stem}, found)
    # The rows of the table made here are not those of the workbook; opening what is made of it warns again.
    problems.extend(replace(problem, where=Where(path.name, DATABASE)) for problem in found.errors)
    if framework is None:
        return None
    units = [(data.at(row, _UNIT_CODE), data.at(row, _UNIT_NAME) or data.at(row, _UNIT_CODE)) for row in rows]
    table = pl.DataFrame(units, schema={"unit": pl.String, "name_en": pl.String}, orient="row")
    return CoinTool(framework, table, _values(data, columns, rows))


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a sheet by the spreadsheet's row and a column counted from 0."""

    rows: list[tuple[str | None, ...]]
    file: str
    name: str

    def at(self, row: int, column: int) -> str | None:
        """Return the text of a cell; None where it says nothing."""
        if row > len(self.rows) or column >= len(self.rows[row - 1]):
            return None
        text = (self.rows[row - 1][column] or "").strip()
        return None if text.casefold() in _BLANK else text

    def where(self, row: int, column: int) -> Where:
        """Return the place of a cell."""
        return Where(self.file, self.name, row, column_letter(column))

    def address(self, row: int, column: int) -> str:
        """Return the address of a cell: ``Database!E17``."""
        return f"{self.name}!{column_letter(column)}{row}"


def _sheets(path: Path, problems: Problems) -> tuple[_Cells, _Cells] | None:
    """Return the sheets Database and Framework; None where the file has none."""
    before = len(problems.errors)
    names = sheet_names(path, problems)
    if len(problems.errors) > before:
        return None
    absent = [f"{name}!A1" for name in (DATABASE, FRAMEWORK) if name not in names]
    if absent:
        problems.add("cointool.other-layout", Where(path.name), cells=absent)
        return None
    sheets = read_cells(path, problems, [DATABASE, FRAMEWORK])
    if sheets is None:
        return None
    data, nodes = (_Cells(sheets[name].rows(), path.name, name) for name in (DATABASE, FRAMEWORK))
    return data, nodes


def _used(data: _Cells) -> tuple[list[int], list[int]]:
    """Return the columns of indicators and the rows of units that hold any value."""
    filled = [
        (row, column)
        for row in range(_FIRST_UNIT, _LAST_UNIT + 1)
        for column in range(_FIRST, _LAST + 1)
        if data.at(row, column)
    ]
    return sorted({column for _, column in filled}), sorted({row for row, _ in filled})


def _is_known_layout(data: _Cells, nodes: _Cells, columns: Sequence[int], problems: Problems) -> bool:
    """Tell whether what identifies the layout stands in its place, and note the cells where it does not."""
    first = columns[0] if columns else _FIRST
    wrong = [] if columns else [data.address(_FIRST_UNIT, first)]
    wrong += [data.address(row, first) for row in (_INDEX, _CODE) if not data.at(row, first)]
    directions = {finite_number(data.at(_DIRECTION, column) or "") for column in columns}
    if not directions & {1.0, -1.0}:
        wrong.append(data.address(_DIRECTION, first))
    if len({data.at(_INDEX, column) for column in columns}) > 1:
        wrong.append(f"{data.address(_INDEX, first)}:{column_letter(columns[-1])}{_INDEX}")
    if _header_row(nodes) is None:
        wrong.append(nodes.address(_HEADER_ROWS[0], _NODE_CODE))
    if wrong:
        problems.add("cointool.other-layout", Where(data.file), cells=wrong)
    return not wrong


def _header_row(nodes: _Cells) -> int | None:
    """Return the row of the sheet Framework in which the header stands."""
    held = (row for row in _HEADER_ROWS if _in_use_column(nodes, row) is not None)
    return next(held, None)


def _in_use_column(nodes: _Cells, row: int) -> int | None:
    columns = range(_NODE_CODE, _NODE_NAME + 1)
    return next((column for column in columns if nodes.at(row, column) == _IN_USE), None)


def _note_left_out(data: _Cells, columns: Sequence[int], rows: Sequence[int], problems: Problems) -> None:
    """Note indicators and units that are named and have no value."""
    indicators = [(_NAME, c, _CODE, c) for c in range(_FIRST, _LAST + 1) if c not in columns]
    units = [(r, _UNIT_NAME, r, _UNIT_CODE) for r in range(_FIRST_UNIT, _LAST_UNIT + 1) if r not in rows]
    named = [data.at(row, column) for *name, row, column in (*indicators, *units) if data.at(*name)]
    idle = [code for code in named if code]
    if idle:
        problems.add("cointool.no-data", Where(data.file, data.name), codes=idle)


def _check(data: _Cells, columns: Sequence[int], rows: Sequence[int], problems: Problems) -> None:
    """Note what is no number, and codes that are blank or stand twice."""
    for column in columns:
        if not data.at(_CODE, column):
            problems.add("cointool.no-code", data.where(_CODE, column))
        for row in (_WEIGHT, _LOW, _HIGH):
            if (text := data.at(row, column)) and finite_number(text) is None:
                problems.add("framework.not-a-number", data.where(row, column), value=text)
        direction = data.at(_DIRECTION, column) or ""
        if finite_number(direction) not in {1.0, -1.0}:
            code = data.at(_CODE, column) or ""
            where = data.where(_DIRECTION, column)
            problems.add("framework.bad-direction", where, value=direction, code=code)
        for row in rows:
            if (text := data.at(row, column)) and finite_number(text) is None:
                problems.add("facts.not-a-number", data.where(row, column), value=text)
    first: dict[str, int] = {}
    for row in rows:
        unit = data.at(row, _UNIT_CODE)
        where = data.where(row, _UNIT_CODE)
        if unit is None:
            problems.add("units.no-code", where)
        elif first.setdefault(unit, row) != row:
            problems.add("units.duplicate-code", where, code=unit, first=first[unit])


def _tree(data: _Cells, nodes: _Cells, columns: Sequence[int], problems: Problems) -> pl.DataFrame:
    """Return the nodes as a table of text: the index, the aggregates, the indicators."""
    told = _aggregates(nodes, problems)
    levels = []
    for row in _LEVELS:
        codes = {data.at(row, column) for column in columns}
        if len(codes) > 1:
            levels.append(row)
        elif left := codes & set(told):
            problems.add("cointool.level-left-out", Where(data.file, data.name, row), code=left.pop())
    root = data.at(_INDEX, columns[0]) or ""
    parents: dict[str, dict[str, None]] = {}
    for column in columns:
        chain = [data.at(row, column) for row in (*levels, _INDEX)]
        for child, parent in pairwise(code for code in chain if code):
            parents.setdefault(child, {})[parent] = None
    for code, above in parents.items():
        if len(above) > 1:
            problems.add("cointool.two-parents", Where(data.file, data.name), code=code, parents=list(above))
    unknown = [code for code in parents if code not in told]
    if unknown:
        problems.add("cointool.not-in-framework", Where(nodes.file, nodes.name), codes=unknown)
    table = [{"code": root, "name_en": told.get(root, {}).get("name_en")}]
    table += [{"code": code, "parent": next(iter(up)), **told.get(code, {})} for code, up in parents.items()]
    table += [_indicator(data, column, levels) for column in columns]
    order = ("code", "parent", "name_en", "weight", "direction", "low", "high")
    return pl.DataFrame({key: pl.Series([row.get(key) for row in table], dtype=pl.String) for key in order})


def _aggregates(nodes: _Cells, problems: Problems) -> dict[str, Mapping[str, str | None]]:
    """Return weight and name of every aggregate that is in use."""
    start = _header_row(nodes)
    assert start is not None
    in_use = _in_use_column(nodes, start)
    assert in_use is not None
    told: dict[str, Mapping[str, str | None]] = {}
    for row in range(start + 1, _LAST_NODE + 1):
        code, weight = nodes.at(row, _NODE_CODE), nodes.at(row, _NODE_WEIGHT)
        if code is None or nodes.at(row, in_use) is None:
            continue
        if weight and finite_number(weight) is None:
            problems.add("framework.not-a-number", nodes.where(row, _NODE_WEIGHT), value=weight)
        told.setdefault(code, {"weight": weight, "name_en": nodes.at(row, _NODE_NAME)})
    return told


def _indicator(data: _Cells, column: int, levels: Sequence[int]) -> dict[str, str | None]:
    above = [data.at(row, column) for row in (*levels, _INDEX)]
    direction = finite_number(data.at(_DIRECTION, column) or "")
    return {
        "code": data.at(_CODE, column),
        "parent": next(code for code in above if code),
        "name_en": data.at(_NAME, column),
        "weight": data.at(_WEIGHT, column),
        "direction": "1" if direction == 1 else "-1",
        "low": data.at(_LOW, column),
        "high": data.at(_HIGH, column),
    }


def _values(data: _Cells, columns: Sequence[int], rows: Sequence[int]) -> pl.DataFrame:
    """Return one row for each unit and indicator, with the cell it stands in."""
    table = []
    for column in columns:
        for row in rows:
            value = data.at(row, column)
            state = "missing" if value is None else "value"
            unit, code = data.at(row, _UNIT_CODE), data.at(_CODE, column)
            table.append((unit, code, value, state, data.address(row, column)))
    names = ("unit", "indicator", "value", "state", "cell")
    return pl.DataFrame(table, schema=dict.fromkeys(names, pl.String), orient="row")
