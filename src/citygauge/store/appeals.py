"""Replies to confirmations: each is logged, and an appeal that is accepted becomes a new observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

import polars as pl

from citygauge.collect.citybook.confirmation import FINAL, Recorded, Reply, confirmation_book
from citygauge.collect.citybook.entries import Reading
from citygauge.collect.citybook.texts import say
from citygauge.collect.observations import ORIGINS, ROW, STATES, observation_ids
from citygauge.collect.resolve import current
from citygauge.corridor import assess
from citygauge.files import read_sheet
from citygauge.framework.model import Framework
from citygauge.indicators.table import IMPUTED, VALUE
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.result import Result
from citygauge.settings import SETTINGS
from citygauge.store.citybook import Issue, book_period, chosen_units, file_name, identity_of, write_books
from citygauge.store.received import Correction, ReceivedBook, told
from citygauge.workspace import Workspace, open_workspace

LOG = "confirmations.csv"
_LOGGED = ("observation", "answer", "value", "state", "reason", "evidence", "decision", "reviewer", "remark")
_APPEAL = ("observation", "answer", "value", "state", "reason")  # what makes two appeals the same
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
    """What is to be written of a confirmation: rows of the log, observations; and what is known or waits.

    `corrections` are the accepted appeals.
    """

    log: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    known: int = 0
    waiting: int = 0


def logged_replies(
    book: ReceivedBook, replies: Sequence[Reply], workspace: Workspace, at: str, *, is_reviewed: bool
) -> Taken:
    """Return what the replies of a book add to the log and to the observations.

    A reply that the log holds already is known, and so is one without a decision once its appeal is decided.
    A decision counts where the same appeal was logged undecided before, or where the institute vouches for it
    (`is_reviewed`); one that contradicts an earlier decision is a problem. So is an accepted appeal against a
    fact that has been superseded since the book was written: the problem names the fact that counts now.
    """
    reading, taken = book.reading, Taken()
    identity = reading.book.identity
    log = _logged(workspace, identity.unit, identity.period)
    frame = workspace.observations.frame
    frame = frame.with_columns(pl.Series("_id", observation_ids(frame), dtype=pl.String))
    by_id = {row["_id"]: row for row in frame.filter(pl.col("unit") == identity.unit).iter_rows(named=True)}
    counting = set(current(workspace.observations, Problems())[ROW])
    table = reading.book.tables[0]
    for reply in replies:
        entry = _entry(reply, identity.unit, identity.period)
        before = log.get(reply.code, [])
        if _is_known(entry, before, is_read=book.is_known):
            taken.known += 1
            continue
        column, problem = "decision", _unfit_decision(reading, reply, entry, before, is_reviewed=is_reviewed)
        accepted = reply.answer == "appealed" and reply.decision == "accepted"
        if problem is None and accepted:
            column, problem = "observation", _obstacle(reading, reply, by_id, counting)
        if problem is not None:
            reading.note(table, reply.row, column, problem)
            taken.waiting += 1
            continue
        taken.log.append({**entry, "source": book.source.id, "read_at": at})
        if accepted:
            old = by_id.get(reply.observation)
            taken.rows.append(_fact(reply, old, workspace, book.source, entry, at))
            replaced = told(old["value"], old["state"]) if old else "missing"
            fact = told(reply.value, reply.state)
            taken.corrections.append(Correction(identity.unit, reply.code, reply.cell, replaced, fact))
    return taken


def _is_known(entry: Mapping[str, Any], before: Sequence[Mapping[str, Any]], *, is_read: bool) -> bool:
    """Tell whether a reply says nothing that is not logged; of a file that was read only decisions count."""
    if before and _said(before[-1]) == _said(entry):
        return True
    is_decided = (entry["decision"] or "") in FINAL
    if is_read and (not is_decided or any(_said(row) == _said(entry) for row in before)):
        return True
    decided = _decided(entry, before)
    return decided is not None and (
        not entry["decision"] or entry["decision"] == decided["decision"] == "accepted"
    )


def _decided(entry: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the row of the log that decided the same appeal."""
    same = [row for row in before if _is_same_appeal(row, entry) and (row["decision"] or "") in FINAL]
    return same[-1] if same else None


def _is_same_appeal(row: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return all((row[key] or "") == (entry[key] or "") for key in _APPEAL)


def _unfit_decision(
    reading: Reading, reply: Reply, entry: Mapping[str, Any], before: Sequence[Mapping[str, Any]],
    *, is_reviewed: bool,
) -> Problem | None:  # fmt: skip
    """Return why the decision about an appeal does not count; None where it does, or there is none."""
    if not reply.decision:
        return None
    where = reading.where(reading.book.tables[0], reply.row, "decision")
    la = reading.language
    values = {"decision": say("decisions", reply.decision, la)}
    decided = _decided(entry, before)
    if decided is not None and decided["decision"] != reply.decision:
        values |= {"before": say("decisions", decided["decision"], la)}
        values |= {"reviewer": decided["reviewer"] or "–"}
        return Problem("collect.decision-changed", where, values)
    if reply.decision not in FINAL or is_reviewed or decided is not None:
        return None
    if any(_is_same_appeal(row, entry) and (row["decision"] or "") not in FINAL for row in before):
        return None
    return Problem("collect.decision-not-reviewed", where, values)


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
    said = {
        "observation": reply.observation, "answer": reply.answer, "value": reply.text, "state": reply.state,
        "reason": reply.reason, "evidence": ";".join(reply.evidence), "decision": reply.decision,
        "reviewer": reply.reviewer, "remark": reply.remark,
    }  # fmt: skip
    return {"unit": unit, "indicator": reply.code, "period": period,
            **{key: text or None for key, text in said.items()}}  # fmt: skip


def _logged(workspace: Workspace, unit: str, period: str) -> dict[str, list[dict[str, Any]]]:
    """Return what the log says of each indicator of a unit, the latest row last."""
    assert workspace.folder is not None
    path, problems = workspace.folder / LOG, Problems()
    sheet = read_sheet(path, problems) if path.exists() else None
    problems.raise_errors()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sheet.frame.to_dicts() if sheet else []:
        if (row["unit"], row["period"]) == (unit, period):
            found.setdefault(row["indicator"], []).append(row)
    return found


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
    return known.isdisjoint(framework.ancestors(code))


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
    facts_of = result.workspace.observations.frame
    fact = facts_of.row(by_predicate=pl.col(ROW) == row, named=True) if row else {}
    source = result.workspace.sources.get(fact.get("source") or "")
    short = source.citation()[:_SHORT] if source else ""
    return Recorded(value, state, origin, fact.get("unit_of_measure") or "", short, score, ids.get(row, ""))


def _number(value: float) -> float | None:
    return None if isnan(value) else float(value)
