"""The confirmation of a city: what is recorded, what the city says to it, what the institute decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
from citygauge.collect.citybook.fill import read_state, read_value
from citygauge.collect.citybook.form import bilingual, entry_line, measured_in
from citygauge.collect.citybook.layout import (
    FACTS_COLUMNS,
    Book,
    Given,
    Identity,
    Line,
    Table,
    address,
    evidence_table,
)
from citygauge.collect.citybook.texts import meant, say
from citygauge.collect.observations import SCORE_UNIT
from citygauge.framework.model import Framework, Node
from citygauge.framework.rubric import number_text
from citygauge.problems import Language, Problem

FINAL = frozenset({"accepted", "rejected"})  # what decides an appeal
_ENTRIES = tuple(column.key for column in FACTS_COLUMNS if column.owner)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is recorded for one indicator; `observation` is the id of the fact, blank where there is none."""

    value: float | None
    state: str
    origin: str
    unit_of_measure: str = ""
    source: str = ""
    score: float | None = None
    observation: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a row of a returned confirmation says."""

    code: str
    observation: str
    answer: str
    value: float | None
    state: str
    reason: str
    evidence: tuple[str, ...]
    decision: str
    reviewer: str
    remark: str
    cell: str
    row: int

    @property
    def text(self) -> str | None:
        """The appealed value as text that reads back to the same number."""
        return None if self.value is None else number_text(self.value)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a confirmation holds: the rows that can be logged, the usable evidence, how many rows wait."""

    replies: tuple[Reply, ...]
    evidence: Mapping[str, Evidence]
    waiting: int
    blank: int


def confirmation_book(framework: Framework, identity: Identity, facts: Mapping[str, Recorded]) -> Book:
    """Return the confirmation of one city: a row for each code in `facts`, under headings of the tree."""
    language = identity.tongue
    lines = []
    blank = (None,) * (sum(not column.owner for column in FACTS_COLUMNS) - 2)
    for node in framework.nodes[1:]:
        if node.code in facts:
            lines.append(_line(node, framework, facts[node.code], language))
        elif any(code in facts for code in framework.subtree(node.code)):
            name = bilingual(node.name, node.code, language).replace("\n", "  ")
            lines.append(Line(node.code, (node.code, name, *blank), is_heading=True))
    return Book(identity, (Table("facts", FACTS_COLUMNS, tuple(lines)), evidence_table())).signed()


def read_confirmation(reading: Reading, framework: Framework, today: str) -> Confirmation:
    """Return what a returned confirmation says; what is wrong is noted in `reading`, each with its cell."""
    evidence, listed = read_evidence(reading, today)
    note_strays(reading)
    table = reading.book.tables[0]
    replies, used, waiting, blank = [], set[str](), reading.n_held(table), 0
    for row, line in reading.lines(table):
        numbers, known = read_numbers(reading, table, row, listed, evidence)
        used.update(numbers)
        if not any(reading.cell(table, row, key) for key in _ENTRIES):
            blank += 1
            continue
        reply = _reply(reading, table, row, line, framework[line.code], numbers)
        if reply is None or not known or is_merged(reading, table, row):
            waiting += 1
        else:
            replies.append(reply)
    note_unused(reading, evidence, used)
    return Confirmation(tuple(replies), evidence, waiting, blank)


def _line(node: Node, framework: Framework, fact: Recorded, language: Language) -> Line:
    is_score = fact.unit_of_measure == SCORE_UNIT
    unit = say("words", "score", language) if is_score else measured_in(node, framework, language)
    given: tuple[Given, ...] = (
        node.code, bilingual(node.name, node.code, language), fact.value, unit or None,
        say("states", fact.state, language), say("origins", fact.origin, language) if fact.origin else None,
        fact.source or None, fact.score, fact.observation or None,
    )  # fmt: skip
    return entry_line(node, given, language)


def _reply(
    reading: Reading, table: Table, row: int, line: Line, node: Node, numbers: tuple[str, ...]
) -> Reply | None:
    """Return what a row says; None where any of it is faulty, every fault named."""
    before = len(reading.problems.errors)
    answer, known = read_choice(reading, table, row, "answer")
    if known and not answer:
        where = reading.where(table, row, "answer")
        reading.note(table, row, "answer", Problem("collect.no-answer", where))
    value, state = None, ""
    if answer == "appealed":
        value, state = _appeal(reading, table, row, line, node)
    elif answer == "confirmed":
        _check_confirmed(reading, table, row)
    decision = _decision(reading, table, row, answer)
    if len(reading.problems.errors) > before:
        return None
    told = {key: reading.text(table, row, key) for key in ("reason", "reviewer", "remark")}
    cell = f"{reading.sheet_name(table.key)}!{address(row, table.at('appealed'))}"
    observation = str(line.given[table.at("observation")] or "")
    return Reply(node.code, observation, answer, value, state, told["reason"], numbers, decision,
                 told["reviewer"], told["remark"], cell, row)  # fmt: skip


def _appeal(reading: Reading, table: Table, row: int, line: Line, node: Node) -> tuple[float | None, str]:
    """Return the value and state that a city appeals for, noting what is missing or cannot be appealed."""
    origin = line.given[table.at("origin")]
    if meant("origins", str(origin or "")) in {"derived", "imputed"}:
        where = reading.where(table, row, "answer")
        values = {"code": node.code, "origin": origin}
        reading.note(table, row, "answer", Problem("collect.appeal-of-made-value", where, values))
        return None, ""
    has_value = reading.cell(table, row, "appealed") is not None
    value = read_value(reading, table, row, "appealed", node) if has_value else None
    state = read_state(reading, table, row, ("appealed", "appealed_state"), has_value=has_value)
    recorded = line.given[table.at("recorded")]
    recorded_state = meant("states", str(line.given[table.at("recorded_state")] or ""))
    if state == recorded_state and (state != "value" or (value is not None and value == recorded)):
        where = reading.where(table, row, "appealed")
        reading.note(table, row, "appealed", Problem("collect.appeal-of-nothing", where))
    if not reading.text(table, row, "reason"):
        where = reading.where(table, row, "reason")
        reading.note(table, row, "reason", Problem("collect.appeal-without-reason", where))
    return value, state or ""


def _check_confirmed(reading: Reading, table: Table, row: int) -> None:
    """Note a row that is confirmed and appealed at once."""
    for key in ("appealed", "appealed_state"):
        if reading.cell(table, row, key) is not None:
            where = reading.where(table, row, key)
            reading.note(table, row, key, Problem("collect.confirmed-with-appeal", where))


def _decision(reading: Reading, table: Table, row: int, answer: str) -> str:
    """Return the institute's decision; it needs an appeal, and a reviewer unless it is pending."""
    decision, _ = read_choice(reading, table, row, "decision")
    if decision and answer == "confirmed":
        where = reading.where(table, row, "decision")
        reading.note(table, row, "decision", Problem("collect.decision-without-appeal", where))
    elif decision in FINAL and not reading.text(table, row, "reviewer"):
        where = reading.where(table, row, "reviewer")
        reading.note(table, row, "reviewer", Problem("collect.decision-without-reviewer", where))
    return decision
