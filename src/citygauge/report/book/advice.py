"""Recommendations: rules tied to nodes, given where the data fire them, with the figures that did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Line
from citygauge.report.book.theme import Advice, AdviceGroup


@dataclass(frozen=True)
class Given:
    """A recommendation that is given, the figures that fired it, and the cases told with it first."""

    advice: Advice
    evidence: tuple[Line, ...]
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A section of recommendations; those tied to the largest shortfall come first."""

    group: AdviceGroup
    given: tuple[Given, ...]


def sections(material: Material) -> list[Section]:
    """Return the recommendations that the means and spreads of a result give, by section.

    Of a grade report the means and spreads are those of the grade.

    A rule for what is weak is fired by a node whose mean lies below that of the index, one for what is
    uneven by a node whose spread the wording calls uneven; both as printed. A case is told once, with the
    first recommendation that names it.
    """
    found, told = [], set[str]()
    for group in material.theme.advice_groups:
        rules = [rule for rule in material.theme.advice if rule.group == group.id]
        fired = [(rule, lines) for rule in rules if (lines := _evidence(material, rule))]
        fired.sort(key=lambda pair: min(line.mean.printed for line in pair[1]))
        given = []
        for rule, lines in fired:
            cases = tuple(case for case in rule.cases if case not in told)
            told.update(cases)
            given.append(Given(rule, lines, cases))
        if given:
            found.append(Section(group, tuple(given)))
    return found


def _evidence(material: Material, rule: Advice) -> tuple[Line, ...]:
    lines = [line for line in _lines(material, rule.codes) if line.mean]
    if rule.when == "weak":
        mean = material.evidence.line("describe", code=material.result.framework.root.code).mean
        return tuple(line for line in lines if line.mean < mean)
    return tuple(line for line in lines if line.sd and material.words.spread_class(line.sd) == "uneven")


def _lines(material: Material, codes: Sequence[str]) -> list[Line]:
    known = [code for code in codes if code in material.result.framework]
    if not material.grade:
        return material.evidence.lines("describe", code=known)
    return material.evidence.lines("groups:grade", code=known, group=material.grade)
