"""Statements in words against the printed figures: the highest, above, close to, most and so on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from citygauge.audit import rising
from citygauge.audit.claims import (
    Outcome,
    Pair,
    between,
    finding,
    judge,
    named,
    node_named,
    rules_named,
    shown,
    touched,
)
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Bound, Certificate, Finding, Severity
from citygauge.audit.published import Kind, Published, Statement
from citygauge.audit.relations import whole_numbers
from citygauge.audit.rules import Judged, Status
from citygauge.audit.sequences import low_key
from citygauge.audit.spans import combined, distance
from citygauge.audit.wording import names, words

ONE, HALF = Fraction(1), Fraction(1, 2)
NOTHING = Interval(Fraction(0), Fraction(0))
CLOSE = Fraction(1, 20)  # of the scale's width, where a statement does not say how close is close
LEVEL: tuple[Kind, ...] = ("highest", "lowest", "order")  # kinds that a tie does not rule out
TOLD, CLOSEST = 3, 2  # comparisons that hold: told all up to so many, of more only the closest
DOWNWARDS: tuple[Kind, ...] = ("lowest", "below")
# Words are looser than figures: one that the figures contradict makes no figure impossible.
WRONG: Severity = "medium"


@dataclass(frozen=True, slots=True)
class Compared:
    """That one number is above another: the ids of their figures, or a number that is given."""

    upper: str | Fraction
    lower: str | Fraction
    level: bool

    def gap(self, published: Published) -> Interval:
        """Return the values of the upper minus the lower."""
        return combined([(ONE, _span(published, self.upper)), (-ONE, _span(published, self.lower))])

    def status(self, published: Published) -> Status:
        """Return whether it can be."""
        gap = self.gap(published)
        if gap.high is None or gap.high > 0 or (gap.high == 0 and self.level and not gap.high_open):
            return "holds"
        return "touches" if gap.high == 0 and gap.low != 0 else "cannot"

    def sure(self, published: Published) -> bool:
        """Return whether it must be, level ones allowed."""
        low = self.gap(published).low
        return low is not None and low >= 0 and not self.tied(published)

    def tied(self, published: Published) -> bool:
        """Return whether both are printed as the same number."""
        upper, lower = (_value(published, number) for number in (self.upper, self.lower))
        return upper is not None and upper == lower


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield a finding for each statement, judged by the exact intervals of the figures it speaks of.

    A comparison is possible where the intervals leave no doubt, ``only_if`` where it depends on what
    rounding hides, impossible where no numbers that print so obey it. ``close_to`` without a tolerance
    takes 0.05 of the scale's width, ``equal`` one and the same number before rounding.
    """
    for statement in published.statements:
        figures = tuple(key for key in (*statement.of, *statement.against) if key in published.figures)
        if touching is None or touched(figures, touching):
            outcome = KINDS[statement.kind](published, statement)
            yield finding(f"statement.{statement.id}", _claim(published, statement), outcome)


def _span(published: Published, number: str | Fraction) -> Interval:
    return published.figures[number].interval() if isinstance(number, str) else Interval(number, number)


def _value(published: Published, number: str | Fraction) -> Fraction | None:
    """Return a number as printed; None where only a limit is."""
    if not isinstance(number, str):
        return number
    figure = published.figures[number]
    return Fraction(figure.value) if figure.sign == "=" else None


def _printed(published: Published, number: str | Fraction) -> Fraction:
    return Fraction(published.figures[number].value) if isinstance(number, str) else number


def _label(published: Published, statement: Statement, number: str | Fraction) -> Pair:
    """Return a figure with its name, or the number that a statement gives as it is written there."""
    return shown(published, number) if isinstance(number, str) else (f"{statement.value}",) * 2


def _comparison(published: Published, statement: Statement) -> Outcome:
    """Return the verdict on a statement that some figures are above or below others."""
    of = [key for key in statement.of if key in published.figures]
    pairs: list[tuple[str | Fraction, str | Fraction]]
    if statement.kind == "order":
        # Neighbours first: they are told; the others matter where figures have different digits.
        pairs = [
            *pairwise(of),
            *(pair for gap in range(2, len(of)) for pair in zip(of, of[gap:], strict=False)),
        ]
        needed = of
    else:
        against: list[str | Fraction] = [key for key in statement.against if key in published.figures]
        if statement.value is not None:
            against.append(Fraction(statement.value))
        pairs = [(one, other) for one in of for other in against if other not in of]
        needed = [*of, *(key for key in against if isinstance(key, str))]
    if not pairs or len(of) < len(statement.of):
        return _unprinted(published, statement)
    downwards = statement.kind in DOWNWARDS
    level = statement.kind in LEVEL
    claims = [Compared(*(pair[::-1] if downwards else pair), level) for pair in pairs]
    return _compared(published, statement, claims, tuple(dict.fromkeys(needed)))


def _compared(
    published: Published, statement: Statement, claims: Sequence[Compared], figures: tuple[str, ...]
) -> Outcome:
    def held(other: Published) -> Status:
        found = {claim.status(other) for claim in claims}
        return "cannot" if "cannot" in found else "touches" if "touches" in found else "holds"

    highs = [claim.gap(published).high for claim in claims]
    # With room to spare it does not matter which ends belong to what prints so: all that rules differ in.
    roomy = all(high is None or high > 0 for high in highs)
    judged = Judged("possible", "none") if roomy else judge(published, figures, held)
    wrong = [] if roomy else [claim for claim in claims if claim.status(published) != "holds"]
    wrong.sort(key=lambda claim: _miss(published, claim), reverse=True)
    open_ones = [claim for claim in claims if not claim.sure(published)]
    tied = [claim for claim in open_ones if claim.tied(published)]
    worst = max(wrong or open_ones or claims, key=lambda claim: _miss(published, claim))
    told_ones: Sequence[Compared] = wrong or tied or open_ones
    stem = "fails" if wrong and not judged.edge else "both"
    values: dict[str, Any] = {
        "n": len(claims), "wrong": len(wrong), "rules": rules_named(judged.rules),
        "pairs": _pairs(published, statement, told_ones, stem),
        "miss": told(_miss(published, worst)), "gap": between(worst.gap(published)),
    }  # fmt: skip
    bounds = (_gap_bound(published, worst),)
    if judged.verdict == "impossible":
        proof = _certificate(worst, judged.edge)
        same = worst.gap(published) == NOTHING
        stem = "order_fails" if statement.kind == "order" else "compared_fails"
        stem = "compared_same" if same else "edge" if judged.edge else stem
        return Outcome("impossible", WRONG, stem, values, figures, bounds, proof)
    if judged.verdict == "only_if":
        return Outcome("only_if", judged.severity, "only_rules", values, figures, bounds, touch=judged.rules)
    if open_ones:
        stem = "compared_tied" if tied else "compared_overlap"
        if any(claim.gap(published) == NOTHING for claim in tied):
            stem = "compared_level"
        return Outcome("only_if", "low", stem, values, figures, bounds)
    return Outcome("possible", "none", *_borne_out(published, statement, claims), figures, bounds)


def _borne_out(
    published: Published, statement: Statement, claims: Sequence[Compared]
) -> tuple[str, dict[str, Any]]:
    """Return the sentence where all comparisons hold and what stands in it: of many the closest alone."""
    worth = claims[: len(statement.of) - 1] if statement.kind == "order" else claims
    stem = "lower" if statement.kind in DOWNWARDS else "higher"
    few = len(worth) <= TOLD
    told_ones = worth if few else sorted(worth, key=lambda claim: low_key(claim.gap(published)))[:CLOSEST]
    values = {"n": len(worth), "pairs": _pairs(published, statement, told_ones, stem)}
    return "compared_holds" if few else "compared_more", values


def _certificate(claim: Compared, edge: bool) -> Certificate:
    return Certificate(tuple(key for key in (claim.upper, claim.lower) if isinstance(key, str)), touches=edge)


def _miss(published: Published, claim: Compared) -> Fraction:
    """Return how far the upper one stays below the lower one at least, 0 where it need not."""
    high = claim.gap(published).high
    return Fraction(0) if high is None else max(-high, Fraction(0))


def _pairs(published: Published, statement: Statement, claims: Sequence[Compared], stem: str) -> Pair:
    """Return comparisons in words, with `stem` between a figure that is said to be higher and the other."""
    pairs = []
    for claim in claims:
        upper, lower = (_label(published, statement, number) for number in (claim.upper, claim.lower))
        one, two = (lower, upper) if stem == "lower" else (upper, lower)
        pairs.append(words(f"statements.{stem}", one=one, two=two))
    return names(pairs)


def _gap_bound(published: Published, claim: Compared) -> Bound:
    one, two = (
        named(published, number) if isinstance(number, str) else (told(number), told(number))
        for number in (claim.upper, claim.lower)
    )
    return Bound(*words("statements.gap", one=one, two=two), claim.gap(published))


def _closeness(published: Published, statement: Statement) -> Outcome:
    """Return the verdict on a statement that figures are close or equal to something."""
    of = [key for key in statement.of if key in published.figures]
    goal: str | Fraction | None = next((key for key in statement.against if key in published.figures), None)
    if statement.value is not None:
        goal = Fraction(statement.value)
    if goal is None or len(of) < len(statement.of) or not of:
        return _unprinted(published, statement)
    limit = _tolerance(published, statement)
    figures = tuple(dict.fromkeys([*of, *([goal] if isinstance(goal, str) else [])]))

    def held(other: Published) -> Status:
        low = max((_away(other, key, goal) for key in of), key=lambda away: (away.low or 0, away.low_open))
        least = low.low or Fraction(0)
        if least < limit or (least == limit and not low.low_open):
            return "holds"
        return "touches" if least == limit else "cannot"

    judged = judge(published, figures, held)
    far = [key for key in of if not _within(_away(published, key, goal), limit)]
    worst = max(of, key=lambda key: _away(published, key, goal).high or Fraction(0))
    away = _away(published, worst, goal)
    values = {
        "goal": _label(published, statement, goal), "limit": told(limit), "worst": shown(published, worst),
        "names": names([shown(published, key) for key in far or of]),
        "printed": told(abs(_printed(published, worst) - _printed(published, goal))),
        "span": between(away), "most": "–" if away.high is None else told(away.high),
        "rules": rules_named(judged.rules),
    }  # fmt: skip
    bounds = (
        Bound(
            *words("statements.away", one=named(published, worst), two=_label(published, statement, goal)),
            away,
        ),
    )
    equal = statement.kind == "equal"
    if judged.verdict == "possible" and (not far or (equal and _same(published, of, goal))):
        stem = "equal_holds" if equal else "close_holds"
        return Outcome("possible", "none", stem, values, figures, bounds)
    if equal and judged.verdict == "impossible":
        proof = Certificate(figures if len(of) == 1 else (), touches=judged.edge)
        return Outcome("impossible", WRONG, "equal_fails", values, figures, bounds, proof)
    # How close is close is for the reader to say: no distance makes it impossible.
    severe: Severity = "low" if (away.low or 0) <= 2 * limit else "medium"
    stem = "equal_only_if" if equal else "close_only_if"
    return Outcome("only_if", severe, stem, values, figures, bounds)


def _tolerance(published: Published, statement: Statement) -> Fraction:
    if statement.tolerance is not None:
        return Fraction(statement.tolerance)
    low, high = published.scale.low, published.scale.high
    if statement.kind == "equal":
        return Fraction(0)
    return CLOSE * (ONE if low is None or high is None else high - low)


def _away(published: Published, key: str, goal: str | Fraction) -> Interval:
    return distance(_span(published, key), _span(published, goal))


def _within(away: Interval, limit: Fraction) -> bool:
    return away.high is not None and away.high <= limit


def _same(published: Published, of: Sequence[str], goal: str | Fraction) -> bool:
    value = _value(published, goal)
    return value is not None and all(_value(published, key) == value for key in of)


def _most(published: Published, statement: Statement) -> Outcome:
    """Return the verdict on a statement that a share, or a count of a whole, is more than half."""
    figures = tuple(key for key in (*statement.of, *statement.against) if key in published.figures)
    if len(figures) < len(statement.of) + len(statement.against) or not statement.of:
        return _unprinted(published, statement)
    share, whole = statement.of[0], statement.against[0] if statement.against else None
    least = Fraction(statement.value) if statement.value is not None else HALF
    if whole:
        lower = Fraction(published.figures[whole].value) * least
        span, figures = _span(published, share), (share, whole)
    else:
        lower = least
        span, figures = _possible_shares(published, share)
    values = {
        "share": shown(published, share), "least": told(lower), "span": between(span),
        "counts": names([shown(published, key) for key in figures[1:]]),
    }  # fmt: skip
    bounds = (Bound(*words("statements.share"), span),)
    if span.low is not None and (span.low > lower or (span.low == lower and span.low_open)):
        return Outcome("possible", "none", "most_holds", values, figures, bounds)
    if span.high is not None and span.high <= lower:
        half = span.low == span.high == lower
        severity: Severity = "low" if half else WRONG
        stem = "most_half" if half else "most_fails"
        proof = Certificate(figures)
        return Outcome("impossible", severity, stem, values, figures, bounds, proof)
    return Outcome("only_if", "low", "most_only_if", values, figures, bounds)


def _possible_shares(published: Published, share: str) -> tuple[Interval, tuple[str, ...]]:
    """Return the shares that print so: of whole numbers, where the number of units is printed."""
    own, _, name = share.rpartition(":")
    prefix = f"{own}:" if own else ""
    units = next((key for key in (f"{prefix}units.n", "units.n") if key in published.figures), None)
    if units is None or not name.startswith("grade.") or published.figures[units].value <= 0:
        return _span(published, share), (share,)
    total, count = Fraction(published.figures[units].value), share.removesuffix(".share") + ".n"
    if count in published.figures:
        exact = Fraction(published.figures[count].value) / total
        return Interval(exact, exact), (share, count, units)
    found = whole_numbers(_span(published, share), total)
    if found is None:
        return _span(published, share), (share,)
    return Interval(found[0] / total, found[1] / total), (share, units)


def _distinct(published: Published, statement: Statement) -> Outcome:
    """Return whether the names of a list differ, and stand below a node where one is given."""
    repeated = [name for name, times in Counter(statement.listed).items() if times > 1]
    code = statement.against[0].removesuffix(".mean") if statement.against else ""
    below = _below(published, code) if code in published.nodes else set()
    # Where none is found the index is not known down to the names that are listed.
    elsewhere = [name for name in dict.fromkeys(statement.listed) if name not in below]
    if len(elsewhere) == len(set(statement.listed)):
        elsewhere = []
    values = {
        "repeated": _listed(published, repeated), "n": len(statement.listed),
        "elsewhere": _listed(published, elsewhere), "node": node_named(published, code),
    }  # fmt: skip
    if not repeated and not elsewhere:
        return Outcome("possible", "none", "distinct_holds", values)
    stem = (
        "distinct_both" if repeated and elsewhere else "distinct_fails" if repeated else "distinct_elsewhere"
    )
    return Outcome("impossible", "low", stem, values)


def _listed(published: Published, listed: Sequence[str]) -> Pair:
    """Return names of a list in words, those of nodes in both languages."""
    nodes = {name: node for node in published.nodes.values() for name in (node.name_zh, node.name_en)}
    pairs = [
        (name, name) if name not in nodes else node_named(published, nodes[name].code) for name in listed
    ]
    return names(pairs)


def _below(published: Published, code: str) -> set[str]:
    """Return every name of the nodes below a node."""
    found: set[str] = set()
    for child in published.children(code):
        node = published.nodes[child]
        found |= {child, node.name_zh, node.name_en} | _below(published, child)
    return found


def _words(published: Published, statement: Statement) -> Outcome:
    return Outcome("not_checkable", "none", "words", {})


def _unprinted(published: Published, statement: Statement) -> Outcome:
    missing = [key for key in (*statement.of, *statement.against) if key not in published.figures]
    values = {"names": names([(key, key) for key in missing])}
    figures = (*statement.of, *statement.against)
    stem = "unprinted" if missing else "nothing"
    return Outcome("not_checkable", "none", stem, values, figures)


def _claim(published: Published, statement: Statement) -> Pair:
    claim = statement.text_zh, statement.text_en
    if not all(claim):
        known = names([named(published, key) for key in statement.of] or [(n, n) for n in statement.listed])
        claim = words(f"statements.claim_{statement.kind}", names=known, fact=statement.fact or "")
    return claim


KINDS: dict[Kind, Callable[[Published, Statement], Outcome]] = {
    "highest": _comparison, "lowest": _comparison, "above": _comparison, "below": _comparison,
    "order": _comparison, "close_to": _closeness, "equal": _closeness, "most": _most,
    "distinct": _distinct, "rises_with": rising.found, "words": _words,
}  # fmt: skip
