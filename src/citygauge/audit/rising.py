"""Whether the index rises with a fact about the units: city by city, or only on the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from citygauge.audit.claims import Outcome, Pair, grade_named, unit_named
from citygauge.audit.figures import Interval, told
from citygauge.audit.published import ROOT, Published, Statement
from citygauge.audit.sequences import high_key, low_key
from citygauge.audit.wording import names, words

STRIKING = 3


def found(published: Published, statement: Statement) -> Outcome:
    """Return whether it can hold of each pair of units, or else on the whole.

    By a table of the index if one is printed, else by the grades. It fails city by city where a unit
    surely has a higher index than another with more of the fact. On the whole it holds where the mean fact
    rises from grade to grade, or where printed index and fact vary together (a positive covariance).
    """
    facts = _facts(published, statement.fact or "")
    scores = _scores(published)
    figures = tuple(scores.values())
    spans = {unit: published.figures[figure].interval() for unit, figure in scores.items()}
    ranges = {unit: grade.range for grade in published.grades for unit in grade.members or ()}
    index = {unit: span for unit, span in (spans or ranges).items() if unit in facts}
    if len(index) < 2:
        return Outcome("not_checkable", "none", "rises_unknown", {"fact": statement.fact or "–"})
    against = _against(index, facts)
    values: dict[str, Any] = {"n": len(index), "pairs": len(against), "fact": statement.fact}
    if not against:
        return Outcome("possible", "none", "rises_holds", values, figures)
    values["striking"] = _told(published, statement.fact or "", against, facts)
    if spans:
        whole = _covaries(published, scores, index, facts)
        stem = "rises_table" if whole else "rises_table_fails"
    else:
        means = _means(published, index, facts)
        values["means"] = names([_label(published, grade, mean) for grade, mean in means])
        whole = len(means) > 1 and all(one < two for (_, one), (_, two) in pairwise(means))
        stem = "rises_grades" if whole else "rises_grades_fail"
        figures = tuple(f"grade.{grade}.members" for grade, _ in means)
    if whole:
        return Outcome("only_if", "low", stem, values, figures)
    return Outcome("impossible", "medium", stem, values, figures)


def _facts(published: Published, fact: str) -> dict[str, Fraction]:
    """Return a fact of the units of which it is known as a number."""
    known = {name: unit.facts.get(fact) for name, unit in published.units.items()}
    return {name: Fraction(value) for name, value in known.items() if value is not None and value != ""
            and not isinstance(value, str)}  # fmt: skip


def _scores(published: Published) -> dict[str, str]:
    """Return the figure of each unit's index in the last table and period that print it."""
    tables: dict[tuple[str, str], dict[str, str]] = {}
    for line in published.lines:
        if line.kind == "unit" and (figure := line.id(ROOT)) in published.figures:
            tables.setdefault((line.period, line.table), {})[line.unit] = figure
    return list(tables.values())[-1] if tables else {}


def _against(index: Mapping[str, Interval], facts: Mapping[str, Fraction]) -> list[tuple[str, str]]:
    """Return the pairs of which the first has more of the fact and surely a lower index."""
    pairs = [
        (one, two)
        for one in index
        for two in index
        if facts[one] > facts[two] and low_key(index[two]) > high_key(index[one])
    ]
    return sorted(pairs, key=lambda pair: facts[pair[1]] - facts[pair[0]])


def _told(
    published: Published, fact: str, pairs: Sequence[tuple[str, str]], facts: Mapping[str, Fraction]
) -> Pair:
    """Return the most striking pairs in words, each unit once."""
    shown: list[Pair] = []
    seen: set[str] = set()
    for pair in pairs:
        if len(shown) < STRIKING and not seen & set(pair):
            seen |= set(pair)
            one, two = (unit_named(published, unit) for unit in pair)
            more, less = (told(facts[unit]) for unit in pair)
            shown.append(words("statements.rises_pair", one=one, two=two, more=more, less=less, fact=fact))
    return "；".join(pair[0] for pair in shown), "; ".join(pair[1] for pair in shown)


def _means(
    published: Published, index: Mapping[str, Interval], facts: Mapping[str, Fraction]
) -> list[tuple[str, Fraction]]:
    """Return the mean fact of each grade, the lowest grade first."""
    means = []
    for grade in sorted(published.grades, key=lambda grade: low_key(grade.range)):
        own = [facts[unit] for unit in grade.members or () if unit in index]
        if own:
            means.append((grade.name, sum(own, Fraction(0)) / len(own)))
    return means


def _label(published: Published, grade: str, mean: Fraction) -> Pair:
    zh, en = grade_named(published, grade)
    return f"{zh} {told(round(mean, 2))}", f"{en} {told(round(mean, 2))}"


def _covaries(
    published: Published,
    scores: Mapping[str, str],
    index: Mapping[str, Interval],
    facts: Mapping[str, Fraction],
) -> bool:
    """Return whether the covariance of the printed index and the fact is positive."""
    values = {unit: Fraction(published.figures[scores[unit]].value) for unit in index}
    mean = sum(values.values(), Fraction(0)) / len(values)
    return sum(((value - mean) * facts[unit] for unit, value in values.items()), Fraction(0)) > 0
