"""Printed lists of grades against printed scores of their units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from citygauge.audit.boxes import part_of
from citygauge.audit.claims import Pair, rules_named, touched, unit_named
from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.findings import Certificate, Finding
from citygauge.audit.group_parts import Known
from citygauge.audit.published import Grade, Published, dated
from citygauge.audit.resting import judged_on, missed, only
from citygauge.audit.spans import apart, status
from citygauge.audit.wording import names, words

Touching = frozenset[str] | None


def list_findings(published: Published, known: Known, touching: Touching = None) -> Iterator[Finding]:
    """Yield for each list of a grade whether its units' printed scores lie in it, and for each outside."""
    if not known.cells:
        return
    for grade in published.grades:
        ids = tuple(known.cells_in(grade.members or ()))
        if ids and touched(ids, touching):
            yield from _list(published, known, grade, ids)
    if any(grade.members is None for grade in published.grades):
        return
    listed = {unit for grade in published.grades for unit in grade.members or ()}
    left = [unit for unit in known.cells if unit not in listed]
    ids = tuple(known.cells_in(left))
    if listed and left and touched(ids, touching):
        pairs = [_scored(published, known, unit) for unit in left]
        yield Finding(
            dated(known.line.period, "grade.lists"), "grade", "only_if", "low", *words("groups.lists_claim"),
            *words("groups.lists_left", n=len(left), units=names(pairs)), ids,
        )  # fmt: skip


def _scored(published: Published, known: Known, unit: str) -> Pair:
    zh, en = unit_named(published, unit)
    printed = published.figures[known.cells[unit][0]].printed()
    return f"{zh}（{printed}）", f"{en} ({printed})"


@dataclass
class _Seen:
    edges: list[str] = field(default_factory=list)
    faults: int = 0


def _list(published: Published, known: Known, grade: Grade, ids: tuple[str, ...]) -> Iterator[Finding]:
    seen = _Seen()
    key = f"{part_of(grade).key}.list"
    for unit in grade.members or ():
        for cell in known.cells.get(unit, ()):
            figure = published.figures[cell]
            if _inside(figure, grade.range):
                continue
            finding = _cell(published, dated(known.line.period, f"{key}/{unit}"), (unit, grade), figure)
            if finding is None:
                seen.edges.append(unit)
            else:
                seen.faults += 1
                yield finding
    values = {"name": part_of(grade).names, "n": len(ids), "range": _range(grade)}
    claim = words("groups.list_claim", **values)
    if seen.faults:
        return
    text = words("groups.list_possible", **values)
    if seen.edges:
        shown = names([_scored(published, known, unit) for unit in seen.edges])
        more = words("groups.list_edges", units=shown)
        text = text[0] + more[0], f"{text[1]} {more[1]}"
    yield Finding(dated(known.line.period, key), "grade", "possible", "none", *claim, *text, ids)


def _inside(figure: Figure, within: Interval) -> bool:
    """Return whether every number that prints so lies in a range, and so under any rule of rounding."""
    own = figure.interval()
    return own.meet(within) == own


def _cell(published: Published, key: str, listed: tuple[str, Grade], figure: Figure) -> Finding | None:
    """Return the finding on a score that is not surely in its grade; None where it may be as printed."""
    unit, grade = listed
    slim = only(published, (figure.id,))
    judged = judged_on(slim, lambda given: status(given.figures[figure.id].interval(), grade.range))
    shown = figure.sign != "=" or Fraction(figure.value) in grade.range
    if judged.verdict == "possible" and shown:
        return None
    verdict, severity = judged.verdict, judged.severity
    values = {
        "name": part_of(grade).names, "unit": unit_named(published, unit), "range": _range(grade),
        "printed": figure.printed(), "rules": rules_named(judged.rules),
        "miss": missed(apart(figure.interval(), grade.range)),
    }  # fmt: skip
    if verdict == "possible":
        verdict, severity = "only_if", "low"
        text = words("groups.cell_rounded", **values)
    else:
        text = words(f"groups.cell_{'edge' if judged.edge else verdict}", **values)
    claim = words("groups.cell_claim", **values)
    proof = Certificate((figure.id,), touches=judged.edge) if verdict == "impossible" else None
    return Finding(key, "grade", verdict, severity, *claim, *text, (figure.id,), (), proof, judged.rules)


def _range(grade: Grade) -> Pair:
    """Return the range of a grade in words."""
    low, high = grade.range.low, grade.range.high
    if low is not None and high is not None:
        return words("groups.range_between", low=told(low), high=told(high))
    if low is not None:
        return words("groups.range_over" if grade.range.low_open else "groups.range_from", low=told(low))
    if high is not None:
        return words("groups.range_under" if grade.range.high_open else "groups.range_to", high=told(high))
    return words("claims.anything")
