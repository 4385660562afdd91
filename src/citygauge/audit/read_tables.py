"""The tables of a published index: its units with their facts, and scores cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from citygauge.audit.given import Given
from citygauge.audit.published import Line, Node, Unit
from citygauge.audit.read_tree import RANK, Tree
from citygauge.audit.spec import PublishedSpec, TableSpec
from citygauge.files import read_sheet
from citygauge.problems import Problems, Where

_RANK_WORDS = ("{}的名次", "rank of {}")
_CELL_WORDS = ("{}的{}", "{} of {}")
_NAMES = ("unit", "name", "name_en")

Row = tuple[int, Mapping[str, str]]  # its place in the file, and its cells by column


class Put(Protocol):
    """Keeps one figure under an id."""

    def __call__(self, key: str, given: Given, told: tuple[str, str], *, exact: bool = False) -> None:
        """Keep it."""


def read_units(spec: PublishedSpec, path: Path, problems: Problems) -> dict[str, Unit]:
    """Return the units by name, of the file's table and entries; without either those that grades list."""
    found = list(_units_of(spec, path, problems))
    for given in spec.unit:
        facts = {key: _fact(value) for key, value in given.facts.items()}
        found.append(Unit(given.name, given.name_en or given.name, given.groups, facts))
    units: dict[str, Unit] = {}
    for unit in found:
        if unit.name in units:
            problems.add("published.twice", Where(spec.units or path.name, column="unit"), name=unit.name)
        units[unit.name] = unit
    lists = [grade.members or () for grade in spec.grade]
    lists += [group.members or () for group in spec.group]
    lists += [reading for group in spec.group for reading in group.readings.values()]
    lists += [ordering.units for ordering in spec.ordering]
    if found:
        _only_known([name for names in lists for name in names], units, path.name, problems)
        return units
    listed = [name for grade in spec.grade for name in grade.members or ()]
    return {name: Unit(name, name) for name in listed}


def read_tables(
    spec: PublishedSpec, path: Path, tree: Tree, put: Put, units: Mapping[str, Unit], problems: Problems
) -> list[Line]:
    """Keep every cell of every table as a figure, and return a line for each row."""
    lines: dict[Line, None] = {}
    for table in spec.table:
        codes = {
            column: RANK if name == RANK else tree.code(name, f"table {table.name}")
            for column, name in table.columns.items()
        }
        bad: dict[str, list[tuple[int, str]]] = {}
        rows = [row for row in _table_rows(table, path, problems) if row[1].get(table.unit)]
        for place, row in rows:
            line = Line("unit", row.get(table.period) or "", table.name, row[table.unit])
            lines[line] = None
            for column, node in codes.items():
                written = row.get(column)
                if not node or not written or written in table.missing:
                    continue
                if given := _cell(table, line.period, column, written):
                    put(line.id(node), given, _told(line, tree.nodes.get(node)), exact=node == RANK)
                else:
                    bad.setdefault(column, []).append((place, f"{line.unit}: {written}"[:60]))
        for column, cells in bad.items():
            where = Where(table.file or path.name, row=cells[0][0], column=column)
            problems.add("published.bad-cell", where, value=[text for _, text in cells])
        if spec.units or spec.unit:
            named = [row[table.unit] for _, row in rows]
            _only_known(named, units, table.file or table.name, problems)
    return list(lines)


def _only_known(names: list[str], units: Mapping[str, Unit], file: str, problems: Problems) -> None:
    if strange := [name for name in dict.fromkeys(names) if name not in units]:
        problems.add("published.unknown-units", Where(file), units=strange)


def _cell(table: TableSpec, period: str, column: str, written: str) -> Given | None:
    """Return a cell as a figure with the digits of its column; None where it is none."""
    digits = table.digits.get(column)
    if isinstance(digits, Mapping):
        digits = digits.get(period)
    said = {"digits": digits, "tolerance": table.tolerance.get(column, Decimal(0))}
    try:
        given = Given.model_validate({"value": written, **said})
    except ValidationError:
        return None
    whole = given.value.to_integral_value()
    is_rank = table.columns[column] == RANK and whole == given.value
    return given.model_copy(update={"value": whole}) if is_rank else given


def _told(line: Line, node: Node | None) -> tuple[str, str]:
    zh, en = _RANK_WORDS[0].format(line.unit), _RANK_WORDS[1].format(line.unit)
    if node is not None:
        zh, en = (
            _CELL_WORDS[0].format(line.unit, node.name_zh),
            _CELL_WORDS[1].format(node.name_en, line.unit),
        )
    return (f"{zh}（{line.period}）", f"{en} ({line.period})") if line.period else (zh, en)


def _table_rows(table: TableSpec, path: Path, problems: Problems) -> list[Row]:
    """Return the rows that count, none where columns are missing."""
    wanted = [table.unit, *table.columns, *table.where, *([table.period] if table.period else [])]
    if table.file:
        rows = list(_rows(path.parent / table.file, problems))
        has = set(rows[0][1]) if rows else set(wanted)
    else:
        rows = [
            (place, dict(zip(table.head, map(_plain, row), strict=False)))
            for place, row in enumerate(table.rows, 1)
        ]
        has = set(table.head)
    if lacking := [name for name in wanted if name not in has]:
        problems.add("published.missing-columns", Where(table.file or path.name), columns=lacking)
        return []
    return [(place, row) for place, row in rows if all(row.get(name) == v for name, v in table.where.items())]


def _rows(path: Path, problems: Problems) -> Iterator[Row]:
    """Yield the rows of a table as texts; a problem is noted where it cannot be read."""
    sheet = read_sheet(path, problems)
    if sheet is not None:
        for index, row in enumerate(sheet.frame.iter_rows(named=True)):
            yield sheet.first_row + index, {str(key): _plain(value) for key, value in row.items()}


def _units_of(spec: PublishedSpec, path: Path, problems: Problems) -> Iterator[Unit]:
    """Yield the units of the table that is named; a row without a name is passed over."""
    for _, row in _rows(path.parent / spec.units, problems) if spec.units else ():
        if "unit" not in row and "name" not in row:
            problems.add("published.no-unit-column", Where(spec.units), columns=list(row))
            return
        if name := row.get("unit") or row.get("name"):
            groups = {
                key.removeprefix("group:"): v for key, v in row.items() if key.startswith("group:") and v
            }
            facts = {
                key: _fact(value)
                for key, value in row.items()
                if value and key not in _NAMES and not key.startswith("group:")
            }
            yield Unit(name, row.get("name_en") or name, groups, facts)


def _fact(value: Any) -> Decimal | str:
    """Return a fact as a number; as text where it is none, or begins with a zero as codes do."""
    text = str(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    is_code = len(text) > 1 and text.isdigit() and text.startswith("0")
    return number if number.is_finite() and not is_code else text


def _plain(value: Any) -> str:
    return "" if value is None else str(value).strip()
