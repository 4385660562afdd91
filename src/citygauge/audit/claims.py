"""What several checks share: how figures, units and ranges are named, and a claim judged on its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from citygauge.audit.figures import Interval, Rule, told
from citygauge.audit.findings import Bound, Certificate, Finding, Severity, Verdict
from citygauge.audit.published import Published
from citygauge.audit.rules import Judged, Status, judged
from citygauge.audit.wording import words

Pair = tuple[str, str]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found on a claim: `stem` names the sentence, `values` what stands in it."""

    verdict: Verdict
    severity: Severity
    stem: str
    values: Values
    figures: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    certificate: Certificate | None = None
    touch: tuple[str, ...] = ()


def finding(name: str, claim: Pair, outcome: Outcome) -> Finding:
    """Return a finding; its id begins with its kind, whose sentences are in ``texts/KINDs.toml``."""
    kind = name.partition(".")[0]
    text = words(f"{kind}s.{outcome.stem}", **outcome.values)
    return Finding(
        name, kind, outcome.verdict, outcome.severity, *claim, *text, outcome.figures, outcome.bounds,  # type: ignore[arg-type]
        outcome.certificate, outcome.touch,
    )  # fmt: skip


def named(published: Published, figure: str) -> Pair:
    """Return what a figure is, in Chinese and English; its id where it has no name."""
    found = published.figures.get(figure)
    if found is None:
        return figure, figure
    return found.name_zh or found.name_en or figure, found.name_en or found.name_zh or figure


def shown(published: Published, figure: str) -> Pair:
    """Return what a figure is and how it is printed."""
    (zh, en), printed = named(published, figure), published.figures[figure].printed()
    return f"{zh} {printed}", f"{en} {printed}"


def unit_named(published: Published, unit: str) -> Pair:
    """Return the name of a unit in Chinese and English."""
    found = published.units.get(unit)
    return unit, (found.name_en if found else "") or unit


def node_named(published: Published, code: str) -> Pair:
    """Return the name of a node in Chinese and English."""
    node = published.nodes.get(code)
    return (node.name_zh or code, node.name_en or code) if node else (code, code)


def grade_named(published: Published, grade: str) -> Pair:
    """Return the name of a grade in Chinese and English."""
    found = next((g for g in published.grades if g.name == grade), None)
    return (found.name_zh or grade, found.name_en or grade) if found else (grade, grade)


def between(interval: Interval) -> Pair:
    """Return a range in words: ``0.71``, ``a number between 0.7095 and 0.7195``."""
    low, high = interval.low, interval.high
    if low is not None and low == high:
        return told(low), told(low)
    if low is not None and high is not None:
        return words("claims.between", low=told(low), high=told(high))
    if low is not None:
        return words("claims.over" if interval.low_open else "claims.from", low=told(low))
    if high is not None:
        return words("claims.under" if interval.high_open else "claims.to", high=told(high))
    return words("claims.anything")


def rules_named(rules: Iterable[Rule]) -> Pair:
    """Return rounding rules in words."""
    pairs = [words(f"claims.{rule}") for rule in rules]
    return "或".join(pair[0] for pair in pairs), " or ".join(pair[1] for pair in pairs)


def touched(figures: Iterable[str], touching: frozenset[str] | None) -> bool:
    """Return whether a claim concerns any of the figures that are asked about."""
    return touching is None or not touching.isdisjoint(figures)


def periods_of(published: Published) -> tuple[str, ...]:
    """Return the periods of a publication, the one without a name first."""
    return tuple(dict.fromkeys(["", *(line.period for line in published.lines)]))


def judge(published: Published, figures: Iterable[str], status: Callable[[Published], Status]) -> Judged:
    """Return the verdict on a claim that rests on these figures alone."""
    # A copy of the whole under every rule would cost more than all the checks of a large table.
    own = {key: published.figures[key] for key in figures if key in published.figures}
    small = replace(published, figures=own)
    return judged(small, status, any(True for _ in small.unknown_rules()))
