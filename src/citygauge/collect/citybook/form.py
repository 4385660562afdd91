"""The form of a city: one row for each indicator or measure to be filled, with what was last recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from citygauge.collect.citybook.layout import (
    FORM_COLUMNS,
    Book,
    Given,
    Identity,
    Line,
    Table,
    evidence_table,
)
from citygauge.collect.citybook.points import points_told
from citygauge.collect.citybook.texts import choices, say
from citygauge.collect.observations import ROW, STATES, Observations
from citygauge.collect.resolve import resolve
from citygauge.collect.rivals import SourceChoice
from citygauge.collect.units import Units
from citygauge.framework.model import Framework, Node
from citygauge.framework.rollup import UNIT
from citygauge.framework.rubric import number_text
from citygauge.problems import Language, Problems
from citygauge.provenance import sha256_of

CITY = "statistics"  # the channel of what cities report
_PER_CENT = {"%", "percent"}


@dataclass(frozen=True, slots=True)
class Last:
    """The value last recorded for an indicator, and its period; it may be the one that is asked for."""

    value: float
    period: str
    is_present: bool = False


def form_book(framework: Framework, identity: Identity, last: Mapping[str, Last], notice: str = "") -> Book:
    """Return the form for one city.

    Parameters
    ----------
    framework : Framework
    identity : Identity
        Whose form it is; its language is that of the book.
    last : mapping
        Code → what was last recorded; empty on illustrative data.
    notice : str, optional
        Stands on every sheet.
    """
    language = identity.tongue
    wanted, elsewhere = asked(framework)
    lines = []
    for node in framework.nodes[1:]:
        if node.code in wanted:
            lines.append(_line(node, framework, last.get(node.code), language))
        elif wanted.intersection(framework.leaves_under(node.code)):
            name = bilingual(node.name, node.code, language).replace("\n", "  ")
            worth = _stop(language).join(points_told(node, framework, language)) or None
            lines.append(Line(node.code, (node.code, name, worth, None, None, None), is_heading=True))
    tables = (Table("form", FORM_COLUMNS, tuple(lines)), evidence_table())
    return Book(identity, tables, notice, elsewhere).signed()


def asked(framework: Framework) -> tuple[set[str], int]:
    """Return what a city is asked, by code, and how many more leaves are measured through other channels."""
    from_inside = {rule.code for rule in framework.rollups if rule.to == UNIT}
    leaves = set(framework.leaves) - from_inside
    wanted = {code for code in leaves if not framework[code].channels or CITY in framework[code].channels}
    return wanted, len(leaves - wanted)


def last_values(
    observations: Observations, framework: Framework, units: Units, period: str, told_by: SourceChoice
) -> dict[str, dict[str, Last]]:
    """Return what was last recorded: unit → code → value of the latest earlier period, else of this one."""
    frame = observations.frame
    periods = sorted({p for p in frame["period"].drop_nulls() if p < period}, reverse=True)
    period_of = dict(zip(frame[ROW], frame["period"], strict=True))
    found: dict[str, dict[str, Last]] = {unit: {} for unit in units.codes}
    for one in (*periods, period):
        facts = resolve(observations, framework, units.codes, one, Problems(), told_by)
        usable = (facts.states == STATES.index("value")) & ~facts.is_score & (facts.rows > 0)
        for i, j in zip(*usable.nonzero(), strict=True):
            told = period_of[int(facts.rows[i, j])] or ""
            last = Last(float(facts.values[i, j]), told, told == period)
            found[facts.units[i]].setdefault(facts.codes[j], last)
    return found


def form_hash(framework: Framework) -> str:
    """Return the hash of what a city is asked: another weight does not void a form, another question does."""
    asked = [
        [
            node.code, node.parent or "", dict(node.name), dict(node.definition), node.unit, node.scale,
            [[level.value, dict(level.label)] for level in node.rubric],
        ]
        for node in framework
    ]  # fmt: skip
    return sha256_of(asked)


def limits_of(node: Node) -> tuple[float | None, float | None]:
    """Return the smallest and largest value that a node's scale allows; None where it sets no limit."""
    below_zero = node.low is not None and node.low < 0
    if node.scale in {"share", "score"} and not node.denominator:
        if node.scale == "share" and node.unit in _PER_CENT:
            return 0.0, 100.0
        if node.low is not None and node.high is not None:
            return node.low, node.high
        if node.scale == "score":
            return 0.0, 100.0
    return (0.0 if node.scale in {"ratio", "share"} and not below_zero else None), None


def entry_line(node: Node, given: tuple[Given, ...], language: Language, *, is_heading: bool = False) -> Line:
    """Return the line of a node with what its entry may be; of a score handed over nothing is known."""
    if is_heading or say("words", "score", language) in given:
        return Line(node.code, given, is_heading)
    return Line(node.code, given, levels=tuple(level_texts(node, language)), limits=limits_of(node))


def level_texts(node: Node, language: Language) -> dict[str, float]:
    """Return what the drop-down of a rubric or of a yes-or-no item offers, with the value each stands for."""
    if node.rubric:
        return {
            f"{number_text(level.value)} {_label(level.label, language)}".strip(): level.value
            for level in node.rubric
        }
    if node.scale == "binary":
        return dict(zip(choices("yes_no", language), (1.0, 0.0), strict=True))
    return {}


def bilingual(texts: Mapping[str, str], otherwise: str, language: Language) -> str:
    """Return a text in the language with the other language's below; once where they do not differ."""
    other: Language = "en" if language == "zh" else "zh"
    both = dict.fromkeys(text for text in (texts.get(language), texts.get(other)) if text)
    return "\n".join(both) or otherwise


def measured_in(node: Node, framework: Framework, language: Language) -> str:
    """Return the unit of measure in words."""
    return framework.unit_names.get(node.unit, {}).get(language) or node.unit


def _line(node: Node, framework: Framework, last: Last | None, language: Language) -> Line:
    definition = node.definition.get(language) or next(iter(node.definition.values()), "")
    if node.rubric:
        colon = "：" if language == "zh" else ": "
        told = say("words", "level", language) + colon + _gap(language).join(level_texts(node, language))
        definition = f"{definition}\n{told}".strip()
    if node.denominator:
        told = say("words", "undivided", language, denominator=_denominator(node, framework, language))
        definition = f"{definition}\n{told}".strip()
    if told_points := points_told(node, framework, language):
        definition = f"{definition}\n{_stop(language).join(told_points)}".strip()
    value, period = (last.value, _period(last, language)) if last else (None, None)
    name = bilingual(node.name, node.code, language)
    given = (node.code, name, definition or None, measured_in(node, framework, language) or None)
    return entry_line(node, (*given, value, period), language)


def _period(last: Last, language: Language) -> str | None:
    """Return the period of the last value; one of the period itself is said to be recorded already."""
    if last.is_present:
        return say("words", "recorded_already", language, period=last.period)
    return last.period or None


def _gap(language: Language) -> str:
    return "；" if language == "zh" else "; "


def _stop(language: Language) -> str:
    return "。" if language == "zh" else ". "


def _denominator(node: Node, framework: Framework, language: Language) -> str:
    """Return what the figure is divided by: an indicator by name, an attribute of the cities as it is."""
    name = node.denominator
    return framework[name].label(language) if name in framework else name


def _label(label: Mapping[str, str], language: Language) -> str:
    return label.get(language) or next(iter(label.values()), "")
