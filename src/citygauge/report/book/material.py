"""What a report is made of: a result, a theme, the evidence, and what of single units it may tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.problems import InputError, Language, Problem, Where
from citygauge.report.book.numbers import Evidence, Name, Number
from citygauge.report.book.theme import Case, Fact, Outline, Said, Theme
from citygauge.report.book.wording import Words
from citygauge.report.record import run_record
from citygauge.result import Result

_TITLE = 60
_FACT = re.compile(r"""\{\{\s*fact\(["']([^"']+)["']\)\s*\}\}""")


@dataclass(frozen=True)
class Material:
    """What one report in one language is made of.

    Attributes
    ----------
    evidence : Evidence
        Shared by the languages: tables hold codes, names are looked up here.
    date : str
        ISO date of the report; blank for none.
    unit : str
        Row label of the city of a city report.
    grade : str
        Id of the class of a grade report.
    """

    result: Result
    theme: Theme
    evidence: Evidence
    language: Language
    date: str = ""
    unit: str = ""
    grade: str = ""

    @cached_property
    def units_shown(self) -> Literal["named", "neutral", "grades"]:
        """What stands beside the figures of single units: names, neutral names, or no figures at all."""
        if self.theme.disclose.units == "grades":
            return "grades"
        return "neutral" if self.result.illustrative else "named"

    @cached_property
    def labels(self) -> dict[str, str]:
        """How each unit is shown beside its figures, by its row label."""
        return dict(zip(self.result.row_labels, self.result.labels(self.language), strict=True))

    @cached_property
    def shown_rows(self) -> tuple[int, ...]:
        """The rows of the units in the order in which they may be shown.

        On illustrative data that of their neutral names: the order of the file would tell who they are.
        """
        labels = self.result.row_labels
        rows = range(len(labels))
        return tuple(sorted(rows, key=lambda row: labels[row]) if self.result.illustrative else rows)

    @cached_property
    def width(self) -> float:
        """The range of the index; where nothing bounds it, what the scores take up."""
        bounds = self.result.range
        low, high = bounds or (float(np.nanmin(self.result.index)), float(np.nanmax(self.result.index)))
        return (high - low) or 1.0

    @cached_property
    def words(self) -> Words:
        """The rules of wording."""
        return Words(self.language, self.theme.wording, self.width)

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """The size of each unit in the unit of the language; 1 without a rule for sizes."""
        size = self.theme.groups.get("size")
        if size is None or size.attribute not in self.result.units.attributes:
            return np.ones(len(self.result.units))
        scale = size.scale_en if self.language == "en" else 1.0
        return self.result.units.numbers(size.attribute) * scale

    @property
    def size_title(self) -> str:
        """What sizes are, with their unit."""
        size = self.theme.groups.get("size")
        if size is None or size.attribute not in self.result.units.attributes:
            return ""
        unit = size.unit[self.language] if size.unit else ""
        bracket = f"（{unit}）" if self.language == "zh" else f" ({unit})"
        return size.name[self.language] + (bracket if unit else "")

    @property
    def decimals(self) -> int:
        """Decimals of scores."""
        return self.evidence.decimals

    @cached_property
    def pillars(self) -> tuple[str, ...]:
        """The codes of the pillars: from input to effect where there are layers, else in tree order."""
        counted = self.result.framework.counted(self.result.framework.root.code)
        layered = [code for layer in self.theme.layers.values() for code in layer.codes]
        return tuple(layered) if set(layered) == set(counted) else counted

    @cached_property
    def depth(self) -> int:
        """The deepest level that has scores."""
        framework, table = self.result.framework, self.result.aggregated
        known = ~np.isnan(table.values)
        return max(framework.levels[code] for i, code in enumerate(table.codes) if known[:, i].any())

    @property
    def title(self) -> Name:
        """The title of the assessment."""
        own = self.theme.cover.title
        given = self.result.workspace.settings.name(self.language)
        return Name(own[self.language] if own else given or self.framework_title.text, "name|title")

    @property
    def framework_title(self) -> Name:
        """The title of the framework, else the name of the index."""
        framework = self.result.framework
        return Name(
            framework.title.get(self.language) or framework.root.label(self.language), "name|framework"
        )

    @property
    def description(self) -> Name | None:
        """What the workspace says of itself."""
        text = getattr(self.result.workspace.settings, f"description_{self.language}")
        return Name(text, "name|description") if text else None

    @property
    def period(self) -> Name | None:
        """The period that was assessed."""
        return Name(self.result.period, "name|period") if self.result.period else None

    @property
    def is_year(self) -> bool:
        """Whether the period is a year."""
        return bool(self.result.period and re.fullmatch(r"\d{4}", self.result.period))

    @property
    def illustrative(self) -> bool:
        """Whether the data are illustrative."""
        return self.result.illustrative

    @property
    def warnings(self) -> list[Name]:
        """What was noted on the way."""
        return [Name(problem.text(self.language), f"name|{problem.code}") for problem in self.result.warnings]

    @property
    def left_out(self) -> list[Name]:
        """Why analyses that a chapter asked for are not there."""
        told = self.evidence.reasons
        return [Name(problem.text(self.language), f"name|{problem.code}") for problem in told]

    def short_title(self, source: str) -> str:
        """Return what a source is called in a line: its title up to the first mark, else its producer."""
        told = self.result.workspace.sources[source]
        title = re.split(r"[,;:(，；：（]", told.title)[0].strip()
        return title if 0 < len(title) <= _TITLE else told.producer or told.id

    @property
    def citations(self) -> list[Name]:
        """The sources, by their numbers."""
        sources = self.result.workspace.sources
        cited = {key: f"{source.citation()} {source.url}".rstrip() for key, source in sources.items()}
        return [Name(f"[{i}] {cited[key]}", f"source|{key}") for key, i in self.source_numbers.items()]

    @cached_property
    def record(self) -> dict[str, str]:
        """The version and the hashes that pin the report."""
        run = run_record(self.result)
        return {"version": run["citygauge"], **run["hashes"], "theme": self.theme.hash}

    @property
    def colophon(self) -> Name:
        """What made the report, and the hashes of what it was made from."""
        record = {key: text if key == "version" else text[:16] for key, text in self.record.items()}
        return Name(self.words.fixed("colophon").format(**record), "name|colophon")

    def outline(self, section: str) -> tuple[str, ...]:
        """Return the pillars that a section shows: the theme's, else by their means as printed."""
        given: tuple[str, ...] = getattr(self.theme.outline, section, ())
        if given or self.theme.outline != Outline():
            return tuple(code for code in given if code in self.pillars)
        mean = {code: self._mean(code) for code in (*self.pillars, self.result.framework.root.code)}
        known = [code for code in self.pillars if mean[code]]
        high = tuple(code for code in known if mean[code] >= mean[self.result.framework.root.code])
        if section == "firm":
            return high
        if section == "spread":
            gaps = self.evidence.lines("child_gaps", code=known)
            known_gaps = [line for line in gaps if line.gap > 0]
            widest = max(known_gaps, key=lambda line: line.gap.printed, default=None)
            return (widest.raw("code"),) if widest else ()
        return tuple(code for code in known if code not in high) if section == "flow" else ()

    def _mean(self, code: str) -> Number:
        mean = self.evidence.line("describe", code=code).mean
        assert isinstance(mean, Number)
        return mean

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The nodes whose means are told one by one: those below the pillars, else the pillars."""
        framework = self.result.framework
        if self.depth < 2:
            return self.pillars
        return tuple(code for pillar in self.pillars for code in framework.counted(pillar))

    def below(self, limit: Number) -> list[str]:
        """Return the children of the pillars whose mean lies below a figure, the lowest first."""
        codes = self.parts
        found = [code for code in codes if self._mean(code) and self._mean(code) < limit]
        return sorted(found, key=lambda code: self._mean(code).printed)

    def name(self, code: str) -> Name:
        """Return the name of a node."""
        return Name(self.result.framework[code].label(self.language), f"name|{code}")

    def unit_name(self, label: str) -> Name:
        """Return how a unit is shown, of its row label."""
        return Name(self.labels[label], f"name|{label}")

    def told(self, text: Said) -> str:
        """Return a text of the theme that stands in a chart, its facts filled in."""
        return _FACT.sub(lambda found: self.fact(found[1]).text(self.language), text[self.language])

    def fact(self, name: str) -> Fact:
        """Return a declared fact of the theme."""
        facts = self.theme.facts
        if name not in facts:
            near = get_close_matches(name, facts, 3)
            raise InputError([Problem("theme.unknown-fact", Where(), {"fact": name, "near": near})])
        return facts[name]

    def named(self, codes: tuple[str, ...]) -> list[Name]:
        """Return the names of units told by their codes, where a published fact stands beside them."""
        names = dict(zip(self.result.units.codes, self.result.units.names(self.language), strict=True))
        return [Name(names[code], f"name|{code}") for code in codes]

    @cached_property
    def grade_members(self) -> pl.DataFrame:
        """Grade and code of the units whose grade is told; by code where their order would tell more."""
        frame = self.result.grade_list.select("grade", "unit_code")
        return frame.sort("unit_code") if self.units_shown == "grades" else frame

    def grade_name(self, grade: str) -> Name:
        """Return the name of a grade."""
        assert self.result.scale is not None
        found = next(one for one in self.result.scale.grades if one.id == grade)
        return Name(found.name.get(self.language, grade), f"name|{grade}")

    def case(self, key: str) -> Case:
        """Return a case of the theme."""
        return next(case for case in self.theme.cases if case.id == key)

    def score(self, unit: str, code: str) -> Number:
        """Return the score of one unit at a node."""
        row = self.result.row_labels.index(unit)
        value = float(self.result.aggregated.values[row, self.result.aggregated.codes.index(code)])
        source = f"scores|value|unit_code={unit},code={code}"
        return Number(None if np.isnan(value) else value, source, "score", self.decimals)

    @cached_property
    def source_numbers(self) -> dict[str, int]:
        """The number of each source in the list at the end of a report."""
        return {key: i for i, key in enumerate(self.result.workspace.sources, 1)}

    @cached_property
    def data_sources(self) -> tuple[str, ...]:
        """The sources of the facts and of the units' attributes."""
        workspace = self.result.workspace
        frames = (workspace.observations.frame, workspace.units.frame)
        used = {
            key
            for frame in frames
            if "source" in frame.columns
            for key in frame.get_column("source").drop_nulls().unique().cast(pl.String)
        }
        return tuple(key for key in workspace.sources if key in used)
