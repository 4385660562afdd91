"""Printed lists against what they are said to be sorted by: facts, scores, or who leads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from citygauge.audit import ranks
from citygauge.audit.claims import (
    Outcome,
    Pair,
    Values,
    finding,
    grade_named,
    judge,
    node_named,
    rules_named,
    touched,
    unit_named,
)
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Bound, Finding, Severity, Verdict
from citygauge.audit.joint import fixed
from citygauge.audit.published import ROOT, Line, Ordering, Published, dated
from citygauge.audit.rules import Judged, Status
from citygauge.audit.sequences import dense, descends, high_key, kept, longest, low_key, neighbours
from citygauge.audit.wording import names, words

ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a node in one table of one period, by unit."""

    table: str
    figures: dict[str, str]


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield a finding for each printed list, and for the printed ranks of each table.

    A list by facts has its neighbours compared, and the fewest units that would have to move are those
    outside a longest part that is in order. Scores are compared as exact intervals, so that what rounding
    may hide is not held against a list.
    """
    for ordering in published.orderings:
        if ordering.by and touching is None:
            yield _by_facts(published, ordering)
        if ordering.of:
            yield from _by_scores(published, ordering, touching)
    yield from ranks.check(published, touching)


def _by_facts(published: Published, ordering: Ordering) -> Finding:
    known = [
        unit for unit in ordering.units if all(_fact(published, unit, f) is not None for f in ordering.by)
    ]
    if len(known) < 2:
        return _finding(
            published, ordering, Outcome("not_checkable", "none", "unknown", {"by": "、".join(ordering.by)})
        )
    order = dense([tuple(_key(published, unit, ordering.by)) for unit in known])
    wrong = [(known[i], known[i + 1]) for i in neighbours(order)]
    stays = set(longest([-rank for rank in order], [-rank for rank in order]))
    moved = [unit for place, unit in enumerate(known) if place not in stays]
    values = {
        "n": len(ordering.units), "left": len(ordering.units) - len(known),
        "pairs": _pairs(published, wrong), "places": len(wrong), "moved": len(moved),
        "units": names([unit_named(published, unit) for unit in moved]),
    }  # fmt: skip
    bounds = (_count(len(moved)),)
    if wrong:
        return _finding(
            published, ordering, Outcome("impossible", "low", "facts_fails", values, bounds=bounds)
        )
    stem = "facts_some" if len(known) < len(ordering.units) else "facts_holds"
    return _finding(published, ordering, Outcome("possible", "none", stem, values, bounds=bounds))


def _fact(published: Published, unit: str, fact: str) -> object:
    found = published.units.get(unit)
    value = found.facts.get(fact) if found else None
    return None if value == "" else value


def _key(published: Published, unit: str, facts: Sequence[str]) -> Iterator[tuple[int, Fraction | str]]:
    """Yield the facts of a unit, numbers before words, so that any two can be compared."""
    for fact in facts:
        value = published.units[unit].facts[fact]
        yield (1, value) if isinstance(value, str) else (0, Fraction(value))


def _by_scores(
    published: Published, ordering: Ordering, touching: frozenset[str] | None
) -> Iterator[Finding]:
    """Yield the verdicts by each table that holds scores of the node, or else by the grades."""
    tables = list(_cells(published, ordering.of or ROOT))
    tables = [cells for cells in tables if _covers(cells, ordering)]
    for cells in tables:
        if touched(cells.figures.values(), touching):
            name = "" if len(tables) == 1 else f".{cells.table}"
            yield (_leads if ordering.leading else _descends)(published, ordering, cells, name)
    if not tables and touched([f"grade.{g.name}.members" for g in published.grades], touching):
        yield _by_grades(published, ordering)


def _cells(published: Published, code: str) -> Iterator[Cells]:
    """Yield the scores of a node, table by table and period by period."""
    found: dict[str, dict[str, str]] = {}
    lines: Iterator[Line] = (line for line in published.lines if line.kind == "unit")
    for line in lines:
        figure = line.id(code)
        if figure in published.figures:
            table = dated(line.period, line.table)
            found.setdefault(table, {})[line.unit] = figure
    yield from (Cells(table, figures) for table, figures in found.items())


def _covers(cells: Cells, ordering: Ordering) -> bool:
    inside = sum(unit in cells.figures for unit in ordering.units)
    return inside > 0 if ordering.leading else inside > 1


def _descends(published: Published, ordering: Ordering, cells: Cells, name: str) -> Finding:
    """Return whether the scores of a list can go down."""
    units = [unit for unit in ordering.units if unit in cells.figures]
    figures = [cells.figures[unit] for unit in units]

    def held(other: Published) -> Status:
        spans = [other.figures[figure].interval() for figure in figures]
        if descends(spans):
            return "holds"
        return "touches" if descends([span.closed for span in spans]) else "cannot"

    judged = judge(published, figures, held)
    spans = [published.figures[figure].interval() for figure in figures]
    stays = set(kept(spans))
    moved = [unit for place, unit in enumerate(units) if place not in stays]
    values = {
        "n": len(units), "moved": len(moved), "units": names([unit_named(published, u) for u in moved]),
        "pairs": _pairs(published, _rising(spans, units), cells),
    }  # fmt: skip
    return _finding(
        published, ordering, _outcome(judged, "scores", values, tuple(figures), (_count(len(moved)),)), name
    )


def _rising(spans: Sequence[Interval], units: Sequence[str]) -> list[tuple[str, str]]:
    """Return each unit that is surely above an earlier one, with the lowest earlier one."""
    found, lowest = [], 0
    for place in range(1, len(spans)):
        if low_key(spans[place]) > high_key(spans[lowest]):
            found.append((units[lowest], units[place]))
        if high_key(spans[place]) < high_key(spans[lowest]):
            lowest = place
    return found


def _leads(published: Published, ordering: Ordering, cells: Cells, name: str) -> Finding:
    """Return whether the members of a list can have the highest scores."""
    members = [cells.figures[unit] for unit in ordering.units if unit in cells.figures]
    others = {figure: unit for unit, figure in cells.figures.items() if unit not in ordering.units}

    def above(spans: Sequence[Interval], rest: Sequence[Interval]) -> bool:
        return not rest or max(map(low_key, rest)) <= min(map(high_key, spans))

    def held(other: Published) -> Status:
        spans, rest = ([other.figures[f].interval() for f in part] for part in (members, others))
        if above(spans, rest):
            return "holds"
        ends = ([span.closed for span in part] for part in (spans, rest))
        return "touches" if above(*ends) else "cannot"

    figures = (*members, *others)
    judged = judge(published, figures, held)
    least = min(members, key=lambda figure: high_key(published.figures[figure].interval()))
    cap = high_key(published.figures[least].interval())
    ahead = [unit for f, unit in others.items() if low_key(published.figures[f].interval()) > cap]
    lowest = next(unit for unit, figure in cells.figures.items() if figure == least)
    values = {
        "n": len(members), "lowest": unit_named(published, lowest),
        "score": published.figures[least].printed(),
        "ahead": len(ahead), "units": names(_scored(published, ahead, cells)), "pairs": "",
    }  # fmt: skip
    return _finding(published, ordering, _outcome(judged, "leads", values, figures), name)


def _by_grades(published: Published, ordering: Ordering) -> Finding:
    """Return whether the grades of the units, where no score is printed, allow a list."""
    code = ordering.of or ROOT
    share = _share(published, code)
    ranges = {unit: grade.range for grade in published.grades for unit in grade.members or ()}
    listed = [unit for unit in ordering.units if unit in ranges]
    if share is None or not listed or published.scale.low is None or published.scale.high is None:
        why = "no_scores" if not listed else "no_weight"
        return _finding(
            published, ordering, Outcome("not_checkable", "none", why, {"node": node_named(published, code)})
        )
    reach = {unit: _reach(ranges[unit], share, published.scale) for unit in ranges}
    values = {"node": node_named(published, code), "n": len(listed), "share": f"{told(share * 100)} %"}
    if not ordering.leading:
        rising = _rising([reach[unit] for unit in listed], listed)
        stem = "grades_fails" if rising else "grades_holds"
        return _by_grade(published, ordering, stem, {**values, "pairs": _pairs(published, rising)})
    cap = min(high_key(reach[unit]) for unit in listed)
    ahead = [unit for unit in ranges if unit not in ordering.units and low_key(reach[unit]) > cap]
    values["units"] = names([unit_named(published, unit) for unit in ahead])
    lower = _lower(published, listed)
    values["lower"] = names(lower)
    stem = "grades_led" if ahead else "grades_lower" if lower else "grades_holds"
    return _by_grade(published, ordering, stem, values)


def _by_grade(published: Published, ordering: Ordering, stem: str, values: Values) -> Finding:
    fails = stem in ("grades_fails", "grades_led")
    places = tuple(f"grade.{grade.name}.members" for grade in published.grades if grade.members)
    verdict: Verdict = "impossible" if fails else "possible"
    severity: Severity = "medium" if fails else "none"
    return _finding(published, ordering, Outcome(verdict, severity, stem, values, places))


def _share(published: Published, code: str) -> Fraction | None:
    """Return what a node counts for in the index; None where a weight on the way is not one number."""
    share = ONE
    while (node := published.nodes.get(code)) and node.parent is not None:
        brothers = [published.weight(child) for child in published.children(node.parent)]
        known = [weight for weight in brothers if weight is not None and fixed(weight)]
        total = sum((Fraction(weight.value) for weight in known), Fraction(0))
        own = published.weight(code)
        if published.nodes[node.parent].how != "arithmetic" or len(known) < len(brothers) or not total:
            return None
        assert own is not None
        share *= Fraction(own.value) / total
        code = node.parent
    return share if code == ROOT and share else None


def _reach(index: Interval, share: Fraction, scale: Interval) -> Interval:
    """Return the scores at a node that an index in a range allows, the rest being anywhere on the scale."""
    assert scale.low is not None
    assert scale.high is not None
    rest = ONE - share
    low = None if index.low is None else (index.low - rest * scale.high) / share
    high = None if index.high is None else (index.high - rest * scale.low) / share
    return Interval(low, high, index.low_open, index.high_open).meet(scale)


def _lower(published: Published, listed: Sequence[str]) -> list[Pair]:
    """Return the members that stand in a lower grade than the best unit that is left out, with the grade."""
    grades = sorted(published.grades, key=lambda grade: low_key(grade.range), reverse=True)
    place = {unit: i for i, grade in enumerate(grades) for unit in grade.members or ()}
    best = min((i for unit, i in place.items() if unit not in listed), default=len(grades))
    found = []
    for unit in listed:
        if place[unit] > best:
            (zh, en), grade = unit_named(published, unit), grade_named(published, grades[place[unit]].name)
            found.append((f"{zh}（{grade[0]}）", f"{en} ({grade[1]})"))
    return found


def _scored(published: Published, units: Sequence[str], cells: Cells) -> list[Pair]:
    """Return units with their printed scores."""
    scores = {unit: published.figures[cells.figures[unit]].printed() for unit in units}
    pairs = {unit: unit_named(published, unit) for unit in units}
    return [(f"{zh} {scores[unit]}", f"{en} {scores[unit]}") for unit, (zh, en) in pairs.items()]


def _pairs(published: Published, pairs: Sequence[tuple[str, str]], cells: Cells | None = None) -> Pair:
    """Return pairs of units of which the first is printed before the second, in words."""
    told_pairs = []
    for pair in pairs:
        one, two = (
            _scored(published, pair, cells) if cells else [unit_named(published, unit) for unit in pair]
        )
        told_pairs.append(words("orderings.before", one=one, two=two))
    return names(told_pairs)


def _count(number: int) -> Bound:
    return Bound(*words("orderings.bound"), Interval(Fraction(number), Fraction(number)))


def _outcome(
    judged: Judged, stem: str, values: Values, figures: tuple[str, ...], bounds: tuple[Bound, ...] = ()
) -> Outcome:
    ends = {"possible": f"{stem}_holds", "only_if": "only_if"}
    key = "edge" if judged.edge else ends.get(judged.verdict, f"{stem}_fails")
    severity: Severity = "medium" if judged.verdict == "impossible" else judged.severity
    told_values = {**values, "rules": rules_named(judged.rules)}
    return Outcome(judged.verdict, severity, key, told_values, figures, bounds, touch=judged.rules)


def _finding(published: Published, ordering: Ordering, outcome: Outcome, name: str = "") -> Finding:
    return finding(f"ordering.{ordering.id}{name}", _claim(published, ordering), outcome)


def _claim(published: Published, ordering: Ordering) -> Pair:
    if ordering.text_zh and ordering.text_en:
        return ordering.text_zh, ordering.text_en
    stem = "claim_facts" if ordering.by else "claim_leads" if ordering.leading else "claim_scores"
    values = {
        "units": names([unit_named(published, unit) for unit in ordering.units]),
        "by": ("、".join(ordering.by), ", ".join(ordering.by)),
        "node": node_named(published, ordering.of or ROOT),
    }
    return words(f"orderings.{stem}", **values)
