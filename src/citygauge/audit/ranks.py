"""Printed ranks against printed scores, table by table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import groupby

from citygauge.audit.claims import Outcome, Values, finding, judge, rules_named, touched, unit_named
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Bound, Finding
from citygauge.audit.published import ROOT, Published, dated
from citygauge.audit.rules import Judged, Status
from citygauge.audit.sequences import descends, high_key, kept, low_key
from citygauge.audit.spans import apart
from citygauge.audit.wording import names, words


@dataclass(frozen=True)
class Table:
    """The units of a table that have a printed rank and a printed index, from the first rank on."""

    name: str
    units: tuple[str, ...]
    ranks: dict[str, str]
    scores: dict[str, str]

    @property
    def figures(self) -> tuple[str, ...]:
        """The printed ranks and scores."""
        return (*self.ranks.values(), *self.scores.values())


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield whether ranks follow scores, table by table, each unit that does not, and missing ranks.

    1 is the highest. Equal printed scores may stand in any order; units that share a rank must be able to
    have one score, and may share the least, the mean or the greatest of their places, or be counted as one.
    """
    for table in _tables(published):
        if touched(table.figures, touching):
            yield from _follow(published, table)
            if touched(table.ranks.values(), touching) and (found := _numbers(published, table)):
                yield found


def _tables(published: Published) -> Iterator[Table]:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for line in published.lines:
        if line.kind == "unit" and (rank := line.id("rank")) in published.figures:
            score = line.id(ROOT)
            if score in published.figures:
                name = dated(line.period, line.table)
                found.setdefault(name, {})[line.unit] = (rank, score)
    for name, units in found.items():
        order = sorted(units, key=lambda unit: published.figures[units[unit][0]].value)
        ranks, scores = ({unit: units[unit][side] for unit in order} for side in (0, 1))
        yield Table(name, tuple(order), ranks, scores)


def _follow(published: Published, table: Table) -> Iterator[Finding]:
    """Yield whether the scores can go down with the ranks, and each unit that stands wrong."""

    def held(other: Published) -> Status:
        spans = {unit: other.figures[key].interval() for unit, key in table.scores.items()}
        if _descend(published, table, spans):
            return "holds"
        closed = {unit: span.closed for unit, span in spans.items()}
        return "touches" if _descend(published, table, closed) else "cannot"

    judged = judge(published, table.figures, held)
    spans = {unit: published.figures[key].interval() for unit, key in table.scores.items()}
    faults = _faults(published, table, spans)
    if not faults and judged.verdict == "impossible":
        ruled = {unit: published.figures[key].interval("half_up") for unit, key in table.scores.items()}
        faults = _faults(published, table, ruled)
    values = {
        "n": len(table.units), "faults": len(faults), "rules": rules_named(judged.rules),
        "units": names([unit_named(published, unit) for unit in faults]),
    }  # fmt: skip
    stem = {"possible": "holds", "only_if": "only_if"}.get(judged.verdict, "fails")
    key = "edge" if judged.edge and not faults else f"ranks_{stem}"
    yield _finding(f"ordering.rank.{table.name}", judged, key, values, table.figures)
    for unit, partner in faults.items():
        found = _fault(published, table, unit, partner)
        if found.verdict != "possible":
            yield found


def _tied(published: Published, table: Table) -> list[list[str]]:
    """Return the units by printed rank."""
    by_rank = groupby(table.units, key=lambda unit: published.figures[table.ranks[unit]].value)
    return [list(units) for _, units in by_rank]


def _descend(published: Published, table: Table, spans: dict[str, Interval]) -> bool:
    shared = [reduce(Interval.meet, (spans[unit] for unit in tied)) for tied in _tied(published, table)]
    return not any(span.empty for span in shared) and descends(shared)


def _faults(published: Published, table: Table, spans: dict[str, Interval]) -> dict[str, str]:
    """Return the fewest units that stand wrong, each with one that it contradicts."""
    faults: dict[str, str] = {}
    sound: list[str] = []
    for tied in _tied(published, table):
        usual = max(tied, key=lambda unit: sum(spans[unit] == spans[other] for other in tied))
        for unit in tied:
            if spans[unit].meet(spans[usual]).empty:
                faults[unit] = usual
            else:
                sound.append(unit)
    stays = {sound[place] for place in kept([spans[unit] for unit in sound])}
    place = {unit: number for number, unit in enumerate(table.units)}
    for unit in (unit for unit in sound if unit not in stays):
        wrong = [o for o in stays if _contradict(spans, *sorted((unit, o), key=place.__getitem__))]
        key = {other: (apart(spans[unit], spans[other]), -place[other]) for other in wrong}
        faults[unit] = max(wrong, key=key.__getitem__)
    return {unit: faults[unit] for unit in table.units if unit in faults}


def _contradict(spans: dict[str, Interval], first: str, second: str) -> bool:
    return low_key(spans[second]) > high_key(spans[first])


def _fault(published: Published, table: Table, unit: str, partner: str) -> Finding:
    """Return the finding on one unit, with the ranks that its score allows."""
    figures = (table.ranks[unit], table.scores[unit], table.ranks[partner], table.scores[partner])
    pair = [other for other in table.units if other in (unit, partner)]
    small = Table(table.name, tuple(pair), table.ranks, table.scores)

    def held(other: Published) -> Status:
        spans = {name: other.figures[table.scores[name]].interval() for name in pair}
        if _descend(other, small, spans):
            return "holds"
        closed = {name: span.closed for name, span in spans.items()}
        return "touches" if _descend(other, small, closed) else "cannot"

    judged = judge(published, figures, held)
    ends = {name: published.figures[key].interval() for name, key in table.scores.items()}
    above = sum(low_key(ends[other]) > high_key(ends[unit]) for other in table.units)
    below = sum(low_key(ends[unit]) > high_key(ends[other]) for other in table.units)
    allowed = Interval(Fraction(above + 1), Fraction(len(table.units) - below))
    rank, score, rank_of, score_of = (published.figures[key].printed() for key in figures)
    values = {
        "unit": unit_named(published, unit), "rank": rank, "score": score, "low": above + 1,
        "high": len(table.units) - below, "partner": unit_named(published, partner), "rank_of": rank_of,
        "score_of": score_of, "n": len(table.units),
    }  # fmt: skip
    stem = "rank_one" if allowed.low == allowed.high else "rank_fails"
    bounds = (Bound(*words("orderings.rank_bound", **values), allowed),)
    name = f"ordering.rank.{table.name}/{unit}"
    return _finding(name, judged, stem, values, figures, bounds)


def _numbers(published: Published, table: Table) -> Finding | None:
    """Return whether the ranks count from 1 on without a gap; None where not all are listed."""
    if published.units and set(table.units) != set(published.units):
        return None
    ranks = [Fraction(published.figures[key].value) for key in table.ranks.values()]
    count = len(ranks)
    gaps, odd = min((_gaps(ranks, how) for how in ("least", "mean", "greatest", "dense")), key=_size)
    # Units may be ranked among others that are not listed; only a few oddities speak of a fault.
    if len(gaps) + len(odd) > max(2, count // 10):
        return None
    units = [unit for unit, rank in zip(table.units, ranks, strict=True) if rank in odd]
    values = {
        "n": count, "gaps": names([(told(rank),) * 2 for rank in gaps]), "missing": len(gaps),
        "units": names([unit_named(published, unit) for unit in units]), "odd": len(units),
    }  # fmt: skip
    figures = tuple(table.ranks[unit] for unit in units) or tuple(table.ranks.values())
    judged = Judged("impossible", "high") if gaps or odd else Judged("possible", "none")
    stem = "numbers_odd" if odd else "numbers_gaps" if gaps else "numbers_hold"
    return _finding(f"ordering.rank.{table.name}.numbers", judged, stem, values, figures)


def _gaps(ranks: Sequence[Fraction], how: str) -> tuple[list[Fraction], list[Fraction]]:
    """Return the ranks that are missing, and those that cannot be, when ties are numbered in one way."""
    times = Counter(ranks)
    top = len(times) if how == "dense" else len(ranks)
    held: set[Fraction] = set()
    odd = []
    for rank, number in sorted(times.items()):
        back = {"least": Fraction(0), "mean": Fraction(number - 1, 2), "greatest": Fraction(number - 1)}
        start = rank - back.get(how, Fraction(0))
        places = {start + step for step in range(1 if how == "dense" else number)}
        if start.denominator != 1 or start < 1 or max(places) > top or held & places:
            odd.append(rank)
        else:
            held |= places
    return [Fraction(place) for place in range(1, top + 1) if place not in held], odd


def _size(found: tuple[list[Fraction], list[Fraction]]) -> int:
    return len(found[0]) + len(found[1])


def _finding(
    name: str,
    judged: Judged,
    stem: str,
    values: Values,
    figures: tuple[str, ...],
    bounds: tuple[Bound, ...] = (),
) -> Finding:
    claim = words("orderings.claim_numbers" if name.endswith(".numbers") else "orderings.claim_ranks")
    outcome = Outcome(judged.verdict, judged.severity, stem, values, figures, bounds, touch=judged.rules)
    return finding(name, claim, outcome)
