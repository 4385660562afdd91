"""One profile a unit: its scores against the mean of all, what it does well and badly, and on which facts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.describe import describe
from citygauge.collect.observations import ROW
from citygauge.indicators.table import IMPUTED, NOT_APPLICABLE, NOT_MEASURABLE, VALUE
from citygauge.problems import Language
from citygauge.report.content import share_of, shares_axis, shown_nodes, words_of
from citygauge.report.marks import Marks, signed
from citygauge.report.roles import role_codes, role_lines, veto_rows
from citygauge.result import Result

NAMED = 20  # indicators named in one line before it counts the rest
ROOM = 28  # rows of scores on one page
MANY = 15  # from so many indicators on, five strong and five weak ones are shown in place of three


def profiles(result: Result, language: Language) -> dict[str, Any]:
    """Return the profiles of all units as plain data, best first, and the axis that they share.

    On illustrative data units stand under neutral names, and neither grades nor sources are told: a grade
    held by one city alone, or a source about one city, would name it.
    """
    facts = _Facts(result, language)
    columns = [facts.column[code] for code in facts.nodes]
    scores = result.aggregated.values[:, columns].ravel()
    row_of = {label: i for i, label in enumerate(result.row_labels)}
    order = [row_of[code] for code in result.ranking["unit_code"]]
    return {
        "units": [_profile(facts, row) for row in order],
        "axis": shares_axis(facts.marks, (share_of(facts.marks, float(score)) for score in scores)),
    }


@dataclass(frozen=True)
class _Facts:
    """A result with what all profiles need from it."""

    result: Result
    language: Language

    @cached_property
    def marks(self) -> Marks:
        return Marks(self.result)

    @cached_property
    def words(self) -> dict[str, str]:
        return words_of(self.marks, self.language)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return self.result.labels(self.language)

    @cached_property
    def stats(self) -> dict[str, dict[str, Any]]:
        return {row["code"]: row for row in describe(self.result).to_dicts()}

    @cached_property
    def column(self) -> dict[str, int]:
        return {code: i for i, code in enumerate(self.result.aggregated.codes)}

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Pillars and dimensions in tree order, and the indicators where one page has room for them."""
        framework = self.result.framework
        shown = shown_nodes(framework)
        everything = [c for c in framework.codes[1:] if c in shown or c in framework.indicators]
        if len(everything) + len(role_codes(framework)) <= ROOM:
            return tuple(everything)
        return tuple(c for c in framework.codes if c in shown and 1 <= framework.levels[c] <= 2)

    @cached_property
    def observed(self) -> Mapping[int, tuple[str, str]]:
        """Row of the file → unit of measure and source of the observation."""
        frame = self.result.workspace.observations.frame.select(
            pl.col(ROW), pl.col("unit_of_measure").fill_null(""), pl.col("source").fill_null("")
        )
        return {row: (unit, source) for row, unit, source in frame.iter_rows()}

    @cached_property
    def filled(self) -> NDArray[np.bool_]:
        """Cells of the imputed table that nobody observed and the method filled in."""
        table = self.result.imputed
        return np.asarray((table.origins == IMPUTED) & ~np.isnan(table.values))

    def value(self, row: int, code: str) -> float:
        return float(self.result.aggregated.values[row, self.column[code]])

    def label(self, code: str) -> str:
        return self.result.framework[code].label(self.language)

    def is_imputed(self, row: int, code: str) -> bool:
        """Tell whether a value of the indicator, or of one of its measures, was filled in."""
        table = self.result.imputed
        places = {code, *self.result.framework.leaves_under(code)} & set(table.codes)
        return any(self.filled[row, table.codes.index(place)] for place in places)

    def raw(self, row: int, code: str) -> str:
        """Return the value before scoring with its unit of measure: as reported, else as it was derived."""
        facts, framework = self.result.facts, self.result.framework
        i, j = facts.units.index(self.result.aggregated.units[row]), facts.codes.index(code)
        value, unit = float(facts.values[i, j]), framework[code].unit
        if facts.states[i, j] == VALUE:
            unit = self.observed.get(int(facts.rows[i, j]), ("", ""))[0] or unit
        elif code in self.result.screened.codes:
            value = float(self.result.screened.values[row, self.result.screened.codes.index(code)])
        if math.isnan(value):
            return "–"
        if facts.is_score[i, j]:
            unit = self.words["score_unit"]
        else:
            unit = framework.unit_names.get(unit, {}).get(self.language) or unit
        times = "× " if unit[:1].isdigit() else ""
        return f"{plain_number(value)} {times}{unit}".strip()

    @cached_property
    def inside(self) -> Mapping[str, set[str]]:
        """Unit → sources of what was observed about things inside it."""
        frame = self.result.workspace.observations.frame.filter(pl.col("subject").is_not_null())
        told: dict[str, set[str]] = {}
        for unit, source in frame.select("unit", "source").drop_nulls().iter_rows():
            told.setdefault(unit, set()).add(source)
        return told

    def sources(self, row: int) -> list[str]:
        """Return the numbers of the sources behind a unit's facts, as the list of sources counts them."""
        facts, known = self.result.facts, list(self.result.workspace.sources)
        unit = self.result.aggregated.units[row]
        told = {self.observed[int(line)][1] for line in facts.rows[facts.units.index(unit)] if line}
        told |= self.inside.get(unit, set())
        return [f"[{number}]" for number, source in enumerate(known, 1) if source in told]


def _profile(facts: _Facts, row: int) -> dict[str, Any]:
    strong, weak = _extremes(facts, row)
    return {
        "name": facts.labels[row],
        "cards": _cards(facts, row),
        "nodes": [_node(facts, row, code) for code in facts.nodes],
        "roles": role_lines(facts.marks, row, facts.language, facts.words),
        "vetoes": [
            facts.words["vetoed"].format(**told) for told in veto_rows(facts.marks, facts.language, row)
        ],
        "strong": strong,
        "weak": weak,
        "notes": _notes(facts, row),
    }


def _cards(facts: _Facts, row: int) -> list[dict[str, str]]:
    """Return the figures at the head of a profile: score, rank, grade, stage, availability."""
    result, words = facts.result, facts.words
    root = result.framework.root.code
    stats, rank = facts.stats[root], int(result.ranks[row, 0])
    cards = [
        {
            "label": words["index_score"],
            "value": facts.marks.out_of(root, facts.value(row, root)),
            "note": words["mean_is"].format(mean=facts.marks.number(root, stats["mean"])),
        },
        {
            "label": words["rank"],
            "value": str(rank or "–"),
            "note": words["out_of"].format(n=stats["n"]),
        },
    ]
    if result.scale is not None and not result.illustrative:
        grade = next((g.name for g in result.scale.grades if g.id == result.grades[row]), {})
        name = grade.get(facts.language, result.grades[row]) or "–"
        cards.append({"label": words["grade"], "value": name, "note": ""})
    if result.stage_scale is not None:
        stage = next((g.name for g in result.stage_scale.grades if g.id == result.stages[row]), {})
        name = stage.get(facts.language, result.stages[row]) or "–"
        note = words["assumed_short"] if result.stage_scale.assumed else ""
        cards.append({"label": words["stage"], "value": name, "note": note})
    share = float(result.availability[row, 0])
    cards.append(
        {
            "label": words["availability_short"],
            "value": "–" if math.isnan(share) else f"{share:.1%}",
            "note": words["of_indicators"].format(n=len(result.framework.indicators)),
        }
    )
    return cards


def _node(facts: _Facts, row: int, code: str) -> dict[str, Any]:
    result, stats, marks = facts.result, facts.stats[code], facts.marks
    score, rank, mean = facts.value(row, code), int(result.ranks[row, facts.column[code]]), stats["mean"]
    return {
        "code": code,
        "level": result.framework.levels[code],
        "name": facts.label(code),
        "score": marks.out_of(code, score),
        "mean": marks.number(code, mean),
        "difference": _difference(marks, code, score, mean),
        "rank": str(rank or "–"),
        "bar": {
            "value": None if math.isnan(score) else share_of(marks, score),
            "mean": None if mean is None else share_of(marks, mean),
        },
    }


def _extremes(facts: _Facts, row: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the indicators farthest above and farthest below the mean of all; imputed ones do not count.

    They are ordered by points where all of them have full marks: what a city lost most points with.
    """
    result, marks, indicators = facts.result, facts.marks, facts.result.framework.indicators
    in_points = all(code in marks.full for code in indicators)
    gaps: list[tuple[float, str]] = []
    for code in indicators:
        value, mean = facts.value(row, code), facts.stats[code]["mean"]
        if not math.isnan(value) and mean is not None and not facts.is_imputed(row, code):
            gap = marks.points(code, value) - marks.points(code, mean) if in_points else value - mean
            gaps.append((round(gap, 9), code))  # so that equal differences keep the order of the tree
    most = 5 if len(indicators) >= MANY and len(facts.nodes) <= ROOM else 3
    decimals = marks.decimals if in_points else result.decimals
    seen = 0.5 * 10.0**-decimals  # a difference that prints as 0 is neither strong nor weak
    strong = sorted(((gap, code) for gap, code in gaps if gap > seen), key=lambda pair: -pair[0])
    weak = sorted(((gap, code) for gap, code in gaps if gap < -seen), key=lambda pair: pair[0])
    return tuple(  # type: ignore[return-value]
        [
            {
                "name": facts.label(code),
                "raw": facts.raw(row, code),
                "score": marks.out_of(code, facts.value(row, code)),
                "difference": _difference(marks, code, facts.value(row, code), facts.stats[code]["mean"]),
            }
            for _, code in chosen[:most]
        ]
        for chosen in (strong, weak)
    )


def _notes(facts: _Facts, row: int) -> list[tuple[str, str]]:
    """Return what is to be known of the data: imputed and missing indicators by name, and the sources."""
    result, words = facts.result, facts.words
    imputed = [code for code in result.framework.indicators if facts.is_imputed(row, code)]
    gaps = [code for code in result.framework.indicators if math.isnan(facts.value(row, code))]
    states = {code: _state(result, row, code) for code in gaps}
    unknown = {NOT_APPLICABLE: "not_applicable_indicators", NOT_MEASURABLE: "not_measurable_indicators"}
    notes = [
        (words["imputed_indicators"], _listed(facts, imputed)),
        (
            words["missing_indicators"],
            _listed(facts, [code for code in gaps if states[code] not in unknown]),
        ),
    ]
    for state, word in unknown.items():
        chosen = [code for code in gaps if states[code] == state]
        if chosen:
            notes.append((words[word], _listed(facts, chosen)))
    sources = [] if result.illustrative else facts.sources(row)
    if sources:
        notes.append((words["sources"], words["sources_at"].format(numbers=" ".join(sources))))
    return notes


def _state(result: Result, row: int, code: str) -> int | None:
    """Return the state of an indicator that somebody could have reported; None for one made of measures."""
    table = result.screened
    return int(table.states[row, table.codes.index(code)]) if code in table.codes else None


def _listed(facts: _Facts, codes: Sequence[str]) -> str:
    words = facts.words
    if not codes:
        return words["none"]
    shown = words["separator"].join(facts.label(code) for code in codes[:NAMED])
    return words["and_more"].format(shown=shown, n=len(codes)) if len(codes) > NAMED else shown


def _difference(marks: Marks, code: str, value: float, mean: float | None) -> str:
    """Write a difference from the mean with its sign; a dash where there is none."""
    return "–" if mean is None or math.isnan(value) else signed(marks.apart(code, value - mean))


def plain_number(value: float) -> str:
    """Write a raw value: six significant digits, whole from 100,000 on, extreme ones by powers of ten."""
    size = abs(value)
    if size and not 1e-4 <= size < 1e15:
        digits, power = f"{value:.3e}".split("e")
        digits = digits.rstrip("0").rstrip(".")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{digits} × 10{raised}".replace("-", "−")
    text = f"{value:,.0f}" if size >= 1e5 else f"{value:,.6g}"
    return text.replace("-", "−")
