"""Printed figures that are said to be a sum, mean, difference, ratio or share of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor

from citygauge.audit.claims import between, judge, named, rules_named, shown, touched
from citygauge.audit.equations import Equation, finding_of
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Bound, Certificate, Finding
from citygauge.audit.published import Published, Relation
from citygauge.audit.rules import Status
from citygauge.audit.spans import ZERO, combined, quotient, status
from citygauge.audit.wording import names, words

ONE = Fraction(1)
COUNTED = (".n", ".count")


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield a finding for each relation."""
    for relation in published.relations:
        if touched((figure_of(relation), *relation.of), touching):
            yield _finding(published, relation)


def equations(published: Published) -> Iterator[Equation]:
    """Yield the relations that are sums of figures, or ratios to an exact figure."""
    for relation in published.relations:
        if not absent(published, relation) and (found := _equation(published, relation)):
            yield found


def figure_of(relation: Relation) -> str:
    """Return the id of the figure that a relation explains; its own id may be written with the prefix."""
    return relation.id if relation.id.startswith("relation.") else f"relation.{relation.id}"


def absent(published: Published, relation: Relation) -> tuple[str, ...]:
    """Return the figures of a relation that are not printed."""
    return tuple(key for key in (figure_of(relation), *relation.of) if key not in published.figures)


def _finding(published: Published, relation: Relation) -> Finding:
    missing = absent(published, relation)
    if missing == relation.of[:1] and _is_part_of_count(published, relation):
        return _whole_number(published, relation)
    if missing or not relation.of or (relation.kind in ("ratio", "share") and len(relation.of) < 2):
        return _open(published, relation, "unprinted", missing)
    if equation := _equation(published, relation):
        return finding_of(published, equation)
    if _implied(published, relation) is None:
        return _open(published, relation, "denominator", relation.of[-1:])
    return _ratio(published, relation)


def _equation(published: Published, relation: Relation) -> Equation | None:
    """Return a relation as a sum of figures; None for a ratio of two that are rounded."""
    of, parts = relation.of, Counter[str]()
    rests_on: tuple[str, ...] = ()
    if relation.kind in ("sum", "mean"):
        for key in of:
            parts[key] += 1
        scale = ONE / len(of) if relation.kind == "mean" and of else ONE
        terms = {key: scale * count for key, count in parts.items()}
    elif relation.kind == "difference":
        for place, key in enumerate(of):
            parts[key] += -1 if place else 1
        terms = {key: Fraction(count) for key, count in parts.items()}
    else:
        # A fixed whole that is none of the parts: what remains is a sum.
        ends = published.figures[of[-1]].interval()
        if len(of) < 2 or of[-1] in of[:-1] or ends.low is None or ends.low != ends.high or ends.low <= 0:
            return None
        for key in of[:-1]:
            parts[key] += 1
        terms, rests_on = {key: count / ends.low for key, count in parts.items()}, of[-1:]
    claim = (relation.text_zh, relation.text_en)
    shown_parts = names([shown(published, key) for key in of])
    return Equation(
        f"count.{figure_of(relation)}", relation.kind, terms, figure_of(relation), ZERO, rests_on,
        {"parts": shown_parts}, claim if all(claim) else None,
    )  # fmt: skip


def _implied(published: Published, relation: Relation) -> Interval | None:
    """Return what a ratio or share may be; None where its denominator may be zero."""
    *over, under = relation.of
    if under in over:
        over.remove(under)
        rest = _implied(published, _of(relation, (*over, under))) if over else Interval(ZERO, ZERO)
        return rest and combined([(ONE, rest), (ONE, Interval(ONE, ONE))])
    parts = combined([(ONE, published.figures[key].interval()) for key in over])
    return quotient(parts, published.figures[under].interval())


def _of(relation: Relation, of: tuple[str, ...]) -> Relation:
    return Relation(relation.id, relation.kind, of)


def _ratio(published: Published, relation: Relation) -> Finding:
    figure, figures = figure_of(relation), (figure_of(relation), *dict.fromkeys(relation.of))

    def held(other: Published) -> Status:
        implied = _implied(other, relation)
        return "holds" if implied is None else status(implied, other.figures[figure].interval())

    judged = judge(published, figures, held)
    implied = _implied(published, relation) or Interval()
    under = published.figures[relation.of[-1]].value
    over = sum((Fraction(published.figures[key].value) for key in relation.of[:-1]), ZERO)
    values = {
        "parts": names([shown(published, key) for key in relation.of]), "whole": named(published, figure),
        "printed": published.figures[figure].printed(), "result": told(over / Fraction(under or 1)),
        "span": between(implied), "rules": rules_named(judged.rules), "miss": "",
    }  # fmt: skip
    outcome = {"possible": f"{relation.kind}_holds", "only_if": "only_if"}
    stem = "edge" if judged.edge else outcome.get(judged.verdict, f"{relation.kind}_fails")
    return Finding(
        f"count.{figure}", "count", judged.verdict, judged.severity, *_claim(published, relation),
        *words(f"counts.{stem}", **values), figures, (Bound(*words("counts.bound"), implied),),
        Certificate(figures, touches=judged.edge) if judged.verdict == "impossible" else None, judged.rules,
    )  # fmt: skip


def _claim(published: Published, relation: Relation) -> tuple[str, str]:
    if relation.text_zh and relation.text_en:
        return relation.text_zh, relation.text_en
    figure = published.figures.get(figure_of(relation))
    values = {
        "parts": names([named(published, key) for key in relation.of]),
        "whole": named(published, figure_of(relation)),
        "printed": figure.printed() if figure else "–",
    }
    return words(f"counts.{relation.kind}_claim", **values)


def _open(published: Published, relation: Relation, why: str, which: Sequence[str]) -> Finding:
    text = words(f"counts.{why}", names=names([named(published, key) for key in which]))
    figures = (figure_of(relation), *relation.of)
    claim = _claim(published, relation)
    return Finding(f"count.{figures[0]}", "count", "not_checkable", "none", *claim, *text, figures)


def _is_part_of_count(published: Published, relation: Relation) -> bool:
    """Return whether a share is one of something counted: a whole number must print so."""
    if relation.kind != "share" or len(relation.of) != 2 or not relation.of[0].endswith(COUNTED):
        return False
    total = published.figures.get(relation.of[1])
    return total is not None and relation.of[1].endswith(COUNTED) and total.value > 0


def _whole_number(published: Published, relation: Relation) -> Finding:
    share, total = figure_of(relation), relation.of[1]
    return whole_number(published, share, total, f"count.{share}", _claim(published, relation))


def whole_number(published: Published, share: str, total: str, name: str, claim: tuple[str, str]) -> Finding:
    """Return whether a whole number out of a printed count can give a printed share.

    The test of means of whole numbers (GRIM) by Brown and Heathers 2017, doi:10.1177/1948550616673876.
    """
    count = Fraction(published.figures[total].value)

    def held(other: Published) -> Status:
        interval = other.figures[share].interval()
        if whole_numbers(interval, count) is not None:
            return "holds"
        return "touches" if whole_numbers(interval.closed, count) is not None else "cannot"

    judged = judge(published, (share, total), held)
    value = Fraction(published.figures[share].value) * count
    found = whole_numbers(published.figures[share].interval(), count)
    values = {
        "share": named(published, share), "printed": published.figures[share].printed(),
        "total": named(published, total), "count": told(count), "rules": rules_named(judged.rules),
        "below": floor(value), "above": floor(value) + 1,
        "low": told(floor(value) / count), "high": told((floor(value) + 1) / count),
        "whole": _told_range(found or (0, 0)),
    }  # fmt: skip
    stem = {"possible": "grim_holds", "only_if": "grim_only_if"}.get(judged.verdict, "grim_fails")
    bounds = (
        Bound(*words("counts.grim_bound"), Interval(Fraction(floor(value)), Fraction(floor(value) + 1))),
    )
    return Finding(
        name, "count", judged.verdict, judged.severity, *claim, *words(f"counts.{stem}", **values),
        (share, total), bounds,
        Certificate((share, total), touches=judged.edge) if judged.verdict == "impossible" else None,
        judged.rules,
    )  # fmt: skip


def whole_numbers(interval: Interval, count: Fraction) -> tuple[int, int] | None:
    """Return the least and greatest whole number whose share of a count lies in an interval; None without.

    Examples
    --------
    >>> whole_numbers(Interval(Fraction(31, 200), Fraction(33, 200)), Fraction(50))
    (8, 8)
    """
    low, high = 0, floor(count)
    if interval.low is not None:
        low = max(low, ceil(interval.low * count))
        low += interval.low_open and low == interval.low * count
    if interval.high is not None:
        high = min(high, floor(interval.high * count))
        high -= interval.high_open and high == interval.high * count
    return (low, high) if low <= high else None


def _told_range(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"
