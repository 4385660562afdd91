"""The facts of a returned form: good rows come through, faulty ones wait with their cells named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import log10

from citygauge.collect.citybook.entries import (
    Evidence,
    Reading,
    is_merged,
    note_strays,
    note_unused,
    read_choice,
    read_evidence,
    read_numbers,
)
from citygauge.collect.citybook.form import level_texts
from citygauge.collect.citybook.layout import FIRST_ROW, Line, Table, address
from citygauge.collect.citybook.numbers import plain_number, read_number, trimmed
from citygauge.collect.citybook.texts import LANGUAGES, meant
from citygauge.framework.model import Framework, Node
from citygauge.framework.rubric import number_text
from citygauge.problems import Problem, Problems

_UNIT_NOTED = re.compile(
    r"(?:计量单位|单位|unit(?: of measure)?)\s*(?:[:：=]|为|是|is)\s*([^\s,，;；。]+)", re.IGNORECASE
)
_YES = {"1", "yes", "true", "required", "是", "必需", "必须", "必填"}
SLIP = 0.9  # powers of ten between a value and the last one from which a slip of the unit is likely

_WRITTEN_OUT = 15  # powers of ten that are written with all their zeros


@dataclass(frozen=True, slots=True)
class Answer:
    """What a row says: a value or why there is none, with its evidence and the cell it stands in."""

    code: str
    value: float | None
    state: str
    evidence: tuple[str, ...] = ()
    note: str = ""
    cell: str = ""

    @property
    def text(self) -> str | None:
        """The value as text that reads back to the same number."""
        return None if self.value is None else number_text(self.value)


@dataclass(frozen=True, slots=True)
class Form:
    """What a form holds: the rows that can be recorded, the usable evidence, and how many rows wait."""

    answers: tuple[Answer, ...]
    evidence: Mapping[str, Evidence]
    waiting: int
    blank: int


def read_form(reading: Reading, framework: Framework, today: str) -> Form:
    """Return the facts of a returned form.

    Parameters
    ----------
    reading : Reading
        The opened book; what is wrong with it is noted there, each problem with its cell.
    framework : Framework
    today : str
        ``2024-06-30``: evidence cannot be younger.
    """
    evidence, listed = read_evidence(reading, today)
    note_strays(reading)
    table = reading.book.tables[0]
    answers, used, waiting, blank = [], set[str](), reading.n_held(table), 0
    for row, line in reading.lines(table):
        numbers, known = read_numbers(reading, table, row, listed, evidence)
        used.update(numbers)
        if not any(reading.cell(table, row, key) for key in ("value", "state", "evidence", "note")):
            blank += 1
            continue
        answer = _answer(reading, table, row, line, framework[line.code])
        if answer is None or not known or is_merged(reading, table, row):
            waiting += 1
            continue
        if answer.state == "value" and not numbers and _needs_evidence(framework[line.code]):
            where = reading.where(table, row, "evidence")
            values = {"code": line.code}
            reading.note(table, row, "evidence", Problem("collect.evidence-needed", where, values))
            waiting += 1
            continue
        cell = f"{reading.sheet_name(table.key)}!{address(row, table.at('value'))}"
        note = reading.text(table, row, "note")
        answers.append(Answer(answer.code, answer.value, answer.state, numbers, note, cell))
    note_unused(reading, evidence, used)
    return Form(tuple(answers), evidence, waiting, blank)


def read_value(reading: Reading, table: Table, row: int, column: str, node: Node) -> float | None:
    """Return the value that an entry cell gives for a node; None, and a problem, where it gives none."""
    cell = reading.cell(table, row, column)
    assert cell is not None
    noted, where = Problems(), reading.where(table, row, column)
    line = table.lines[row - FIRST_ROW]
    if line.levels:
        value = _level(trimmed(cell.text), cell.kind == "boolean", node)
        if value is None:
            levels = list(level_texts(node, reading.language))
            noted.add("collect.not-a-level", where, value=trimmed(cell.text), levels=levels)
    else:
        value = read_number(cell, where, _unit_of(table, line), noted)
        low, high = line.limits
        if value is not None and high is not None and value > high:
            noted.add("collect.number-above", where, value=number_text(value), limit=number_text(high))
        elif value is not None and low is not None and value < low:
            noted.add("collect.number-below", where, value=number_text(value), limit=number_text(low))
    return None if reading.take(table, (row, table.at(column)), noted) else value


def read_state(
    reading: Reading, table: Table, row: int, columns: tuple[str, str], *, has_value: bool
) -> str | None:
    """Return the state of a row; None, and a problem, where value and state do not go together.

    Parameters
    ----------
    columns : (str, str)
        The columns of the value and of the state.
    """
    column, state_column = columns
    state, known = read_choice(reading, table, row, state_column)
    if not known:
        return None
    if has_value and state not in {"", "value"}:
        where = reading.where(table, row, state_column)
        told = {"state": reading.text(table, row, state_column), "value": reading.text(table, row, column)}
        reading.note(table, row, state_column, Problem("collect.value-despite-state", where, told))
        return None
    if not has_value and state in {"", "value"}:
        where = reading.where(table, row, column)
        reading.note(table, row, column, Problem("collect.no-value", where))
        return None
    return state or "value"


def _answer(reading: Reading, table: Table, row: int, line: Line, node: Node) -> Answer | None:
    """Return value and state of a row; None where either is faulty."""
    has_value = reading.cell(table, row, "value") is not None
    value = read_value(reading, table, row, "value", node) if has_value else None
    state = read_state(reading, table, row, ("value", "state"), has_value=has_value)
    is_other = _notes_another_unit(reading, table, row, line, node)
    if state is None or (has_value and value is None) or is_other:
        return None
    if value is not None:
        _note_slip(reading, table, row, value, node)
    return Answer(node.code, value, state)


def _level(text: str, is_boolean: bool, node: Node) -> float | None:
    """Return the value of a level: chosen from the list, or its value or label alone."""
    if node.scale == "binary" and not node.rubric:
        word = meant("yes_no", "1" if is_boolean and text == "1" else "0" if is_boolean else text)
        return None if word is None else float(word)
    if is_boolean:
        return None
    values = {level.value for level in node.rubric}
    number = plain_number(text)
    if number is not None:
        return number if number in values else None
    for language in LANGUAGES:
        offered = level_texts(node, language)
        if text in offered:
            return offered[text]
    meaning = {level.value for level in node.rubric if text in level.label.values()}
    return meaning.pop() if len(meaning) == 1 else None


def _notes_another_unit(reading: Reading, table: Table, row: int, line: Line, node: Node) -> bool:
    """Note a remark that names another unit of measure than the row's."""
    match = _UNIT_NOTED.search(reading.text(table, row, "note"))
    unit = _unit_of(table, line)
    words = {node.unit.casefold(), unit.casefold()}
    if match is None or not node.unit or match[1].casefold() in words:
        return False
    where, values = reading.where(table, row, "note"), {"noted": match[1], "unit": unit}
    reading.note(table, row, "note", Problem("collect.other-unit-of-measure", where, values))
    return True


def _note_slip(reading: Reading, table: Table, row: int, value: float, node: Node) -> None:
    """Note a value that is a power of ten away from the last one, or a share that looks like a fraction."""
    last = table.lines[row - FIRST_ROW].given[table.at("last")]
    where = reading.where(table, row, "value")
    if isinstance(last, float) and last and value and (last > 0) == (value > 0):
        distance = log10(abs(value)) - log10(abs(last))  # a quotient of tiny numbers may be 0 or infinite
        if abs(distance) >= SLIP:
            power = max(1, round(abs(distance)))
            factor = 10**power if power <= _WRITTEN_OUT else f"1e{power}"
            values = {
                "value": number_text(value),
                "last": number_text(last),
                "factor": factor,
                "unit": _unit_of(table, table.lines[row - FIRST_ROW]),
            }
            reading.note(table, row, "value", Problem("collect.far-from-last", where, values))
    elif last is None and node.scale == "share" and node.unit == "%" and 0 < value < 1:
        values = {"value": number_text(value), "reading": f"{value * 100:.12g}"}
        reading.note(table, row, "value", Problem("collect.share-as-fraction", where, values))


def _unit_of(table: Table, line: Line) -> str:
    """Return the unit of measure as the row says it."""
    return str(line.given[table.at("unit_of_measure")] or "–")


def _needs_evidence(node: Node) -> bool:
    return node.extra.get("evidence_required", "").strip().casefold() in _YES
