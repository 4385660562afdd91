"""What the templates ask of the evidence: which node is highest, who leads, what rises, what lies below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl

from citygauge.problems import Language
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Form, Line, Name, Number
from citygauge.report.book.theme import GroupKey
from citygauge.report.book.wording import channel_name

LEADERS = 10
_LEVELS: Mapping[str, tuple[str, ...]] = {
    "zh": ("总指数", "一级指标", "二级指标", "三级指标", "四级指标"),
    "en": ("index", "pillars", "dimensions", "indicators", "measures"),
}


@dataclass(frozen=True)
class Reading:
    """Questions to the evidence of one report; every number it answers with is bound to its cell."""

    material: Material

    def vocabulary(self) -> dict[str, Callable[..., Any] | str]:
        """Return the questions by the names that templates use."""
        return {
            "root": self.material.result.framework.root.code, "describe": self.describe,
            "children": self.children, "by_mean": self.by_mean, "by": self.by, "is_level": self.is_level,
            "names": self.names, "leaders": self.leaders, "evenest": self.evenest,
            "unevenest": self.unevenest, "level_word": self.level_word, "definition": self.definition,
            "group_name": self.group_name, "channel": self.channel, "threshold": self.threshold,
            "count_word": self.count, "as_percent": self.as_percent, "rises": self.rises,
            "falls": self.falls, "all_below": self.all_below, "summary": self.summary,
            "efficient": self.efficient, "members": self.members, "own_grade": self.own_grade,
            "above_zero": self.above_zero, "below_zero": self.below_zero, "peer_names": self.peer_names,
            "peers_by": self.peers_by, "leader_score": self.leader_score, "is_of_region": self.is_of_region,
            "widest_gap": self.widest_gap,
            "gainers": self.gainers, "city_advice": self.city_advice, "finer": self.finer,
            "own_data": self.own_data, "below_count": self.below_count, "grade_gaps": self.grade_gaps,
            "told_p": self.told_p, "apart": self.apart, "parts_word": self.parts_word,
        }  # fmt: skip

    def describe(self, code: str) -> Line:
        """Return the statistics of a node's scores."""
        return self.material.evidence.line("describe", code=code)

    def children(self, code: str) -> tuple[str, ...]:
        """Return the codes of the children that count in the mean of a node and have scores."""
        counted = self.material.result.framework.counted(code)
        return tuple(child for child in counted if self.describe(child).mean)

    def by_mean(self, codes: Sequence[str]) -> list[str]:
        """Return codes by their mean, the highest first; those that print alike stay in order."""
        known = [code for code in codes if self.describe(code).mean]
        return sorted(known, key=lambda code: -self.describe(code).mean.printed)

    def by(self, codes: Sequence[str], table: str, column: str) -> list[str]:
        """Return codes by a column of a table, the highest first."""
        lines = {line.raw("code"): line for line in self.material.evidence.lines(table, code=list(codes))}
        return sorted(lines, key=lambda code: -getattr(lines[code], column).printed)

    def is_level(self, codes: Sequence[str], table: str, column: str) -> bool:
        """Tell whether a column prints alike for all codes."""
        lines = self.material.evidence.lines(table, code=list(codes))
        return len({getattr(line, column).text for line in lines}) == 1

    def names(self, codes: Sequence[str]) -> list[Name]:
        """Return the names of nodes."""
        return [self.material.name(code) for code in codes]

    def leaders(self, code: str) -> list[Name]:
        """Return how the units that lead in a node are shown, best first, equals in their order."""
        result = self.material.result
        at = result.aggregated.codes.index(code)
        ranks = enumerate(result.ranks[:, at].tolist())
        known = [result.row_labels[row] for rank, row in sorted((rank, row) for row, rank in ranks if rank)]
        best = known[: max(1, min(LEADERS, len(known) // 2))]
        return [self.material.unit_name(label) for label in best]

    def evenest(self, codes: Sequence[str]) -> str:
        """Return the node whose scores differ least; blank where no spread is known."""
        return min((code for code in codes if self.describe(code).sd), key=self._sd, default="")

    def unevenest(self, codes: Sequence[str]) -> str:
        """Return the node whose scores differ most; blank where no spread is known."""
        return max((code for code in codes if self.describe(code).sd), key=self._sd, default="")

    def members(self, grade: str) -> list[Name]:
        """Return the units of a grade by name, where their grade may stand beside their names."""
        frame = self.material.grade_members.filter(pl.col("grade") == grade)
        return self.material.named(tuple(frame["unit_code"]))

    def own_grade(self) -> Name | None:
        """Return the grade of the city; none beside a neutral name."""
        result = self.material.result
        if result.scale is None or result.illustrative:
            return None
        grade = result.grades[result.row_labels.index(self.material.unit)]
        return self.material.grade_name(grade) if grade else None

    def above_zero(self, lines: Sequence[Line]) -> list[Line]:
        """Return the rows above the mean as printed, the furthest first."""
        return sorted((line for line in lines if line.value > line.mean), key=lambda line: -line.raw("z"))

    def below_zero(self, lines: Sequence[Line]) -> list[Line]:
        """Return the rows below the mean as printed, the furthest first."""
        return sorted((line for line in lines if line.value < line.mean), key=lambda line: line.raw("z"))

    def peer_names(self) -> list[Name]:
        """Return the nearest units, the nearest first."""
        lines = self.material.evidence.lines("peers")
        return [self.material.unit_name(line.raw("peer_code")) for line in lines]

    def peers_by(self) -> str:
        """Return by what peers are near, in words."""
        return self.material.theme.peers_by[self.material.language]

    def is_of_region(self) -> bool:
        """Tell whether the city is in a region that is one: not among what is left over."""
        rule = self.material.theme.groups.get("region")
        units = self.material.result.units
        if rule is None or self.material.illustrative or rule.attribute not in units.attributes:
            return False
        region = units.texts(rule.attribute)[self.material.result.row_labels.index(self.material.unit)]
        return bool(region) and region not in rule.rest

    def leader_score(self) -> Number:
        """Return the highest index."""
        lines = self.material.evidence.lines("ranking")
        value: Number = lines[0].value
        return value

    def widest_gap(self) -> Line:
        """Return the pillar in which the city loses most to the first."""
        return min(self.material.evidence.lines("leader"), key=lambda line: line.raw("contribution") or 0.0)

    def gainers(self) -> list[Line]:
        """Return the indicators that would win something at the mean of the next grade, the most first."""
        lines = [line for line in self.material.evidence.lines("next") if line.gain_to_next_mean]
        found = [line for line in lines if line.raw("gain_to_next_mean") > 0]
        return sorted(found, key=lambda line: -line.raw("gain_to_next_mean"))

    def city_advice(self) -> list[SimpleNamespace]:
        """Return the recommendations that the city's scores fire, in order, each case told once."""
        rules = {rule.id: rule for rule in self.material.theme.advice}
        told: set[str] = set()
        found: dict[str, list[Line]] = {}
        for line in self.material.evidence.lines("advice"):
            found.setdefault(line.raw("advice"), []).append(line)
        given = []
        for key, lines in found.items():
            cases = [case for case in rules[key].cases if case not in told]
            told.update(cases)
            given.append(SimpleNamespace(advice=rules[key], evidence=lines, cases=cases))
        return given

    def finer(self, number: Number) -> Number:
        """Return a score with one decimal more, for what is small beside scores."""
        return replace(number, decimals=number.decimals + 1)

    def own_data(self) -> SimpleNamespace:
        """Return in how many indicators the city has a score, of how many, and how many are imputed."""
        result, unit = self.material.result, self.material.unit
        row, source = result.row_labels.index(unit), f"over|data|{unit}|"
        wanted = [code for code in result.framework.indicators if not result.framework.roles[code]]
        values = result.aggregated.values[row, [result.aggregated.codes.index(code) for code in wanted]]
        filled = [name for name in result.imputation.columns if name in ("unit", "unit_code")]
        own = result.imputation.filter(pl.col(filled[0]) == result.units.codes[row]) if filled else None
        return SimpleNamespace(
            expected=Number(len(wanted), source + "expected", "count"),
            known=Number(int((~np.isnan(values)).sum()), source + "known", "count"),
            imputed=Number(0 if own is None else own.height, source + "imputed", "count"),
        )

    def below_count(self) -> Number:
        """Return how many children of the pillars lie below the mean of the index."""
        root = self.material.result.framework.root.code
        below = self.material.below(self.describe(root).mean)
        return Number(len(below), "over|describe|below|n", "count")

    def grade_gaps(self) -> list[SimpleNamespace]:
        """Return the nodes in which a grade lies furthest below the next better one."""
        grades = [line.raw("grade") for line in self.material.evidence.lines("grades")]
        at = grades.index(self.material.grade)
        if not at:
            return []
        level = [code for pillar in self.material.pillars for code in self.children(pillar)]
        own = {line.raw("code"): line for line in self._graded(grades[at], level)}
        above = {line.raw("code"): line for line in self._graded(grades[at - 1], level)}
        pairs = [(own[code], above[code]) for code in level if own[code].mean and above[code].mean]
        pairs = [pair for pair in pairs if pair[0].mean < pair[1].mean]
        pairs.sort(key=lambda pair: pair[0].mean.printed - pair[1].mean.printed)
        return [SimpleNamespace(raw=a.raw, mean=a.mean, next_mean=b.mean) for a, b in pairs]

    def _graded(self, grade: str, codes: Sequence[str]) -> list[Line]:
        return self.material.evidence.lines("groups:grade", group=grade, code=list(codes))

    def apart(self, one: Number, other: Number) -> Number:
        """Return how far two figures lie apart as they are printed, so that a reader finds the same."""
        source = f"apart|{one.source}|{other.source}"
        return replace(one, value=round(one.printed - other.printed, 9), source=source)

    def told_p(self, number: Number) -> Number:
        """Return a p-value as it stands behind the letter: =0.012, <0.001."""
        return replace(number, form="told_p")

    def _sd(self, code: str) -> float:
        return float(self.describe(code).sd.printed)

    def level_word(self, code: str) -> str:
        """Return what the children of a node are called: 二级指标, dimensions."""
        level = self.material.result.framework.levels[code] + 1
        return level_name(level, self.material.depth, self.material.language)

    def parts_word(self) -> str:
        """Return what the nodes are called whose means are told one by one: those below the pillars."""
        root = self.material.result.framework.root.code
        return self.level_word(self.material.pillars[0] if self.material.depth > 1 else root)

    def definition(self, code: str) -> Name | None:
        """Return the definition of a node, where the framework gives one in the language."""
        text = self.material.result.framework[code].definition.get(self.material.language, "")
        return Name(text, f"name|{code}") if text else None

    def group_name(self, key: GroupKey, line: Line) -> Name:
        """Return the name of a group: the theme's, the attribute's text, or the bounds of a bin."""
        rule, language = self.material.theme.groups[key], self.material.language
        group, low, high = line.raw("group"), line.raw("low"), line.raw("high")
        if group in rule.names:
            return Name(rule.names[group][language], f"name|{group}")
        if low is None and high is None:
            return Name(group, f"name|{group}")
        unit = rule.unit[language] if rule.unit else ""
        scale = rule.scale_en if language == "en" else 1.0
        low, high = (None if edge is None else edge * scale for edge in (low, high))
        return Name(_bin(low, high, unit, zh=language == "zh"), f"bin|{low}|{high}")

    def channel(self, channel: str) -> str:
        """Return what a channel is called."""
        return channel_name(channel or "", self.material.language)

    def threshold(self, name: str) -> Number:
        """Return a threshold of the wording, as a share of the range."""
        value = getattr(self.material.theme.wording, name)
        form: Form = "ratio" if name in ("balanced", "weak_link", "strong_link") else "percent"
        form = "amount" if name == "narrow" else form
        return Number(value, f"theme|wording.{name}", form)

    def count(self, lines: Sequence[Line]) -> Number:
        """Return how many rows there are."""
        return Number(len(lines), f"rows|{lines[0].table if lines else ''}", "count")

    def as_percent(self, number: Number) -> Number:
        """Return a share as per cent."""
        return Number(number.value, number.source, "percent")

    def rises(self, lines: Sequence[Line]) -> bool:
        """Tell whether the means rise from row to row, as printed."""
        means = [line.mean.printed for line in lines]
        return len(means) > 1 and all(a < b for a, b in pairwise(means))

    def falls(self, lines: Sequence[Line]) -> bool:
        """Tell whether the means fall from row to row, as printed."""
        means = [line.mean.printed for line in lines]
        return len(means) > 1 and all(a > b for a, b in pairwise(means))

    def all_below(self, lines: Sequence[Line], column: str, limit: Number) -> bool:
        """Tell whether a column lies below a figure in all rows, as printed."""
        return all(getattr(line, column) < limit for line in lines)

    def summary(self, table: str, column: str) -> SimpleNamespace:
        """Return mean, least, most and number of a column over the units, and how many are balanced."""
        values = self.material.evidence.table(table)[column].drop_nulls().to_list()
        limit = self.material.theme.wording.balanced
        source = f"over|{table}|{column}|"
        told = [Number(float(value), "", "ratio").printed for value in values]
        return SimpleNamespace(
            n=Number(len(values) or None, source + "n", "count"),
            mean=Number(fmean(values) if values else None, source + "mean", "ratio"),
            min=Number(min(values, default=None), source + "min", "ratio"),
            max=Number(max(values, default=None), source + "max", "ratio"),
            above=Number(sum(value >= limit for value in told), source + "above", "count"),
        )

    def efficient(self, step: str) -> SimpleNamespace:
        """Return how many units lie on the frontier of a step, of how many, and their mean efficiency."""
        frame = self.material.evidence.table("efficiency").filter(
            (pl.col("step") == step) & pl.col("efficiency_variable").is_not_null()
        )
        source = f"over|efficiency|{step}|"
        return SimpleNamespace(
            scored=Number(frame.height, source + "n", "count"),
            on_frontier=Number(int(frame["on_frontier"].sum()), source + "on_frontier", "count"),
            mean=Number(_mean(frame["efficiency_variable"]), source + "mean", "ratio"),
        )


def level_name(level: int, depth: int, language: Language) -> str:
    """Return what the nodes of a level are called, of an index that is so deep."""
    words = _LEVELS[language]
    return "indicators" if language == "en" and level == depth else words[min(level, len(words) - 1)]


def _mean(values: pl.Series) -> float | None:
    return fmean(values.to_list()) if len(values) else None


def _bin(low: float | None, high: float | None, unit: str, *, zh: bool) -> str:
    """Return the bounds of a bin in words; a unit at the lower bound is in it."""
    first, last = (
        None if edge is None else f"{edge:,.6g}" if not zh else f"{edge:.6g}" for edge in (low, high)
    )
    space = "" if zh else " "
    if first is None:
        return f"{last}{unit}以下" if zh else f"below {last}{space}{unit}".rstrip()
    if last is None:
        return f"{first}{unit}及以上" if zh else f"{first}{space}{unit} and above".replace("  ", " ")
    return f"{first}—{last}{unit}" if zh else f"{first}–{last}{space}{unit}".rstrip()
