"""Replies to confirmations: each is logged, and an appeal that is accepted becomes a new observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

import polars as pl

from citygauge.collect.citybook.confirmation import Recorded, Reply, confirmation_book
from citygauge.collect.citybook.entries import Reading
from citygauge.collect.observations import ORIGINS, ROW, STATES, observation_ids
from citygauge.collect.resolve import current
from citygauge.corridor import assess
from citygauge.files import read_sheet
from citygauge.framework.model import Framework
from citygauge.indicators.table import IMPUTED, VALUE
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.result import Result
from citygauge.store.citybook import Issue, book_period, chosen_units, file_name, identity_of, write_books
from citygauge.workspace import SETTINGS, Workspace, open_workspace

LOG = "confirmations.csv"
_LOGGED = ("observation", "answer", "value", "state", "reason", "evidence", "decision", "reviewer", "remark")
_SHORT = 60  # characters of a source's citation


def write_confirmations(folder: Path, how: Issue, ending: str) -> list[Path]:
    """Score a workspace and write the confirmation of each city; return the paths.

    Parameters
    ----------
    folder : Path
        The workspace; no results are written.
    how : Issue
    ending : str
        The last part of the files' names.

    Raises
    ------
    InputError
        On illustrative data, where no figure stands beside a name; with what `assess` and `write_books`
        refuse.
    """
    workspace, problems = open_workspace(folder), Problems()
    if workspace.settings.illustrative:
        raise InputError([Problem("collect.confirm-illustrative", Where(SETTINGS, column="illustrative"))])
    codes = chosen_units(workspace, how.units, problems)
    problems.raise_errors()
    result = assess(workspace)
    period = book_period(workspace, result.period, problems)
    missing = [code for code in codes if code not in result.facts.units]
    if missing:
        problems.add("collect.not-assessed", Where(column="--unit"), units=missing)
    problems.raise_errors()
    ids = _ids_by_row(workspace)
    books = {}
    for code in codes:
        identity = identity_of(workspace, "confirmation", code, period, how)
        facts = _recorded(result, code, ids)
        books[file_name(identity, ending)] = confirmation_book(workspace.framework, identity, facts)
    return write_books(books, folder, how)


@dataclass(slots=True)
class Taken:
    """What is to be written of a confirmation: rows of the log, observations; and what is known or waits."""

    log: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    known: int = 0
    waiting: int = 0


def logged_replies(
    reading: Reading, replies: Sequence[Reply], source: Source, workspace: Workspace, at: str
) -> Taken:
    """Return what the replies of a book add to the log and to the observations.

    A reply that the log holds already is known. An accepted appeal against a fact that has been superseded
    since the book was written is a problem that names the fact that counts now.
    """
    identity, taken = reading.book.identity, Taken()
    last = _last_logged(workspace, identity.unit, identity.period)
    frame = workspace.observations.frame
    frame = frame.with_columns(pl.Series("_id", observation_ids(frame), dtype=pl.String))
    by_id = {row["_id"]: row for row in frame.filter(pl.col("unit") == identity.unit).iter_rows(named=True)}
    counting = set(current(workspace.observations, Problems())[ROW])
    table = reading.book.tables[0]
    for reply in replies:
        entry = _entry(reply, identity.unit, identity.period)
        if last.get(reply.code) == _said(entry):
            taken.known += 1
            continue
        accepted = reply.answer == "appealed" and reply.decision == "accepted"
        problem = _obstacle(reading, reply, by_id, counting) if accepted else None
        if problem is not None:
            reading.note(table, reply.row, "observation", problem)
            taken.waiting += 1
            continue
        taken.log.append({**entry, "source": source.id, "read_at": at})
        if accepted:
            taken.rows.append(_fact(reply, by_id.get(reply.observation), workspace, source, entry, at))
    return taken


def _obstacle(
    reading: Reading, reply: Reply, by_id: Mapping[str, Mapping[str, Any]], counting: set[int]
) -> Problem | None:
    """Return why an appeal cannot take the place of the fact that it names."""
    table = reading.book.tables[0]
    where = reading.where(table, reply.row, "observation")
    counts_now = [
        key for key, row in by_id.items()
        if row["indicator"] == reply.code and row["subject"] is None and row[ROW] in counting
        and row["period"] in {None, reading.book.identity.period}
    ]  # fmt: skip
    if not reply.observation:
        if counts_now:
            return Problem("collect.superseded-meanwhile", where, {"id": "–", "current": counts_now})
        return None
    old = by_id.get(reply.observation)
    if old is None or old["indicator"] != reply.code:
        return Problem("collect.observation-unknown", where, {"id": reply.observation, "current": counts_now})
    if old[ROW] not in counting:
        values = {"id": reply.observation, "current": counts_now}
        return Problem("collect.superseded-meanwhile", where, values)
    return None


def _fact(
    reply: Reply, old: Mapping[str, Any] | None, workspace: Workspace, source: Source,
    entry: Mapping[str, Any], at: str,
) -> dict[str, Any]:  # fmt: skip
    """Return an accepted appeal as an observation that supersedes the fact it names."""
    node = workspace.framework[reply.code]
    kept = old or {"period": entry["period"], "unit_of_measure": node.unit or None, "channel": "statistics"}
    return {
        "unit": entry["unit"], "indicator": reply.code, "period": kept["period"], "value": reply.text,
        "unit_of_measure": kept["unit_of_measure"], "state": reply.state, "origin": "observed",
        "channel": kept["channel"], "source": source.id, "collected_by": source.producer,
        "collected_at": at, "supersedes": reply.observation or None, "note": reply.reason or None,
        "cell": reply.cell, "evidence": entry["evidence"],
    }  # fmt: skip


def _entry(reply: Reply, unit: str, period: str) -> dict[str, Any]:
    """Return a reply as a row of the log."""
    told = {
        "observation": reply.observation, "answer": reply.answer, "value": reply.text, "state": reply.state,
        "reason": reply.reason, "evidence": ";".join(reply.evidence), "decision": reply.decision,
        "reviewer": reply.reviewer, "remark": reply.remark,
    }  # fmt: skip
    return {"unit": unit, "indicator": reply.code, "period": period,
            **{key: text or None for key, text in told.items()}}  # fmt: skip


def _last_logged(workspace: Workspace, unit: str, period: str) -> dict[str, tuple[str, ...]]:
    """Return what the log last says of each indicator of a unit."""
    assert workspace.folder is not None
    path, problems = workspace.folder / LOG, Problems()
    sheet = read_sheet(path, problems) if path.exists() else None
    problems.raise_errors()
    rows = sheet.frame.to_dicts() if sheet else []
    return {row["indicator"]: _said(row) for row in rows if (row["unit"], row["period"]) == (unit, period)}


def _said(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[key] or "" for key in _LOGGED)


def _ids_by_row(workspace: Workspace) -> dict[int, str]:
    """Return the id of the observation in each row of its file."""
    frame = workspace.observations.frame
    return dict(zip(frame[ROW], observation_ids(frame), strict=True))


def _recorded(result: Result, unit: str, ids: Mapping[int, str]) -> dict[str, Recorded]:
    """Return what is recorded for a unit: every fact, and the leaves for which nobody reported any."""
    facts, framework = result.facts, result.framework
    i = facts.units.index(unit)
    reported = facts.reported[i]
    known = {code for code, told in zip(facts.codes, reported, strict=True) if told}
    shown = {code for code in facts.codes if code in known or _is_gap(code, framework, known)}
    return {code: _one(result, unit, code, ids) for code in framework.codes[1:] if code in shown}


def _is_gap(code: str, framework: Framework, known: set[str]) -> bool:
    """Tell whether a code is a leaf that nobody reported, with no fact about the nodes above it either."""
    if framework.children(code):
        return False
    above = framework[code].parent
    while above is not None:
        if above in known:
            return False
        above = framework[above].parent
    return True


def _one(result: Result, unit: str, code: str, ids: Mapping[int, str]) -> Recorded:
    """Return what is recorded for one code of a unit, its score beside it."""
    facts = result.facts
    i, j = facts.units.index(unit), facts.codes.index(code)
    value = _number(facts.values[i, j])
    state, origin = STATES[facts.states[i, j]], ORIGINS[facts.origins[i, j]] if value is not None else ""
    row = int(facts.rows[i, j])
    score = None
    if unit in result.units.codes and code in result.normalised.codes:
        at = (result.units.codes.index(unit), result.normalised.codes.index(code))
        score = _number(round(float(result.normalised.values[at]), 6))
        if result.imputed.origins[at] == IMPUTED and result.imputed.states[at] == VALUE:
            value, origin = float(result.imputed.values[at]), "imputed"
    told = result.workspace.observations.frame.row(by_predicate=pl.col(ROW) == row, named=True) if row else {}
    source = result.workspace.sources.get(told.get("source") or "")
    short = source.citation()[:_SHORT] if source else ""
    return Recorded(value, state, origin, told.get("unit_of_measure") or "", short, score, ids.get(row, ""))


def _number(value: float) -> float | None:
    return None if isnan(value) else float(value)
