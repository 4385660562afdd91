"""The facts of an assessment under the themes of a published standard: values and coverage, no score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.collect.observations import ORIGINS, STATES
from citygauge.framework.standards.counterpart import Reference, references
from citygauge.framework.standards.model import Band, Standard, Theme
from citygauge.framework.standards.read import WithBenchmarks, load_standard
from citygauge.indicators.table import MISSING, NOT_APPLICABLE, VALUE
from citygauge.problems import Language, Problem, Problems
from citygauge.result import NOTICE, Result
from citygauge.score.rank import RESOLUTION

MEASURES = "measures"  # no value of its own, but of some of its measures
NO_BENCHMARK, NOT_COMPARABLE = "no_benchmark", "not_comparable"

_TEXT = pl.String
_ROWS: dict[str, Any] = {
    "unit_code": _TEXT, "name_zh": _TEXT, "name_en": _TEXT, "edition": _TEXT, "theme": _TEXT,
    "theme_zh": _TEXT, "theme_en": _TEXT, "theme_checked": pl.Boolean, "counterpart": _TEXT,
    "counterpart_zh": _TEXT, "counterpart_en": _TEXT, "checked": pl.Boolean, "note": _TEXT,
    "indicator": _TEXT, "indicator_zh": _TEXT, "indicator_en": _TEXT, "period": _TEXT,
    "value": pl.Float64, "unit": _TEXT, "state": _TEXT, "origin": _TEXT,
}  # fmt: skip
_BANDS: dict[str, Any] = {
    "benchmark": pl.Float64, "benchmark_source": _TEXT, "percent": pl.Float64, "band": _TEXT,
}  # fmt: skip
_THEMES: dict[str, Any] = {
    "unit_code": _TEXT, "edition": _TEXT, "theme": _TEXT, "theme_zh": _TEXT, "theme_en": _TEXT,
    "theme_checked": pl.Boolean, "published": pl.Int64, "mapped": pl.Int64, "indicators": pl.Int64,
    "unchecked": pl.Int64, "applicable": pl.Int64, "available": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Scorecard:
    """The facts of an assessment under the themes of a standard.

    Attributes
    ----------
    standard : Standard
    rows : DataFrame
        One row for each unit and counterpart: ``unit_code, name_zh, name_en, edition, theme, theme_zh,
        theme_en, theme_checked, counterpart`` (the code in the standard, blank where none is known),
        ``counterpart_zh, counterpart_en, checked, note, indicator, indicator_zh, indicator_en, period,
        value, unit, state, origin``; where the standard has bands also ``benchmark, benchmark_source,
        percent, band``. `value` is the raw one, divided by its denominator; `state` is one of the states of
        a fact, or ``measures`` where only measures of the indicator have values. A score handed over in
        place of a measurement has the unit ``score``.
    themes : DataFrame
        One row for each unit and theme: ``unit_code, edition, theme, theme_zh, theme_en, theme_checked,
        published`` (indicators of the standard, null where they are not all listed), ``mapped`` (codes of
        the standard that the framework names), ``indicators`` (of the framework that stand there),
        ``unchecked`` (counterparts not checked), ``applicable, available`` (of these indicators, for the
        unit).
    unmapped : tuple of str
        Indicators of the framework without a counterpart in the standard.
    warnings : tuple of Problem
        What was noted about counterparts and benchmarks.
    """

    standard: Standard
    rows: pl.DataFrame
    themes: pl.DataFrame
    unmapped: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()


def percent_of_benchmark(
    values: NDArray[np.float64], benchmarks: NDArray[np.float64], direction: int = 1
) -> NDArray[np.float64]:
    """Return values in per cent of their benchmarks: 100 = reached.

    Parameters
    ----------
    values, benchmarks : (n,) float
        In the same unit; benchmarks are at least 0, above 0 where more is better.
    direction : {1, -1}
        1 where more is better: ``100 · value / benchmark``; -1 where less is better:
        ``100 · benchmark / value``.

    Returns
    -------
    (n,) float
        NaN where either is NaN, and at a benchmark of 0 where more is better. Where less is better, a value
        of 0 or below is 100 at a benchmark of the same value, else inf: no ratio says by how much it is
        better.

    Examples
    --------
    >>> percent_of_benchmark(np.array([30.0, 60.0]), np.array([40.0, 40.0])).tolist()
    [75.0, 150.0]
    >>> percent_of_benchmark(np.array([80.0, 0.0]), np.array([40.0, 40.0]), -1).tolist()
    [50.0, inf]
    """
    if direction == 1:
        return np.asarray(100.0 * values / np.where(benchmarks > 0, benchmarks, np.nan))
    positive = values > 0
    ratio = 100.0 * benchmarks / np.where(positive, values, 1.0)
    reached = np.where(values == benchmarks, 100.0, np.inf)
    found = np.where(positive, ratio, reached)
    return np.asarray(np.where(np.isnan(values) | np.isnan(benchmarks), np.nan, found))


def bands(percent: NDArray[np.float64], scale: Sequence[Band]) -> list[str]:
    """Return the id of the band of each percentage; empty text for NaN.

    Parameters
    ----------
    percent : (n,) float
        Per cent of the benchmark; inf lies in the best band.
    scale : sequence of Band
        From the best to the worst, each from its lower edge on, the edge included; a percentage at most
        2⁻⁴⁰ of 100 below an edge has reached it, so that rounding of the ratio decides nothing.

    Examples
    --------
    >>> scale = [Band(id="upper", **{"from": 95}), Band(id="lower")]
    >>> bands(np.array([95.0, 94.9, np.nan]), scale)
    ['upper', 'lower', '']
    """
    slack = 100 * RESOLUTION
    return [
        "" if np.isnan(one) else next((b.id for b in scale if b.edge is None or one >= b.edge - slack), "")
        for one in percent
    ]


def scorecard(result: Result, standard: str) -> Scorecard:
    """Return the facts of an assessment under the themes of a standard.

    The counterparts of the framework say where each indicator stands; one entry of data so serves several
    standards. Nothing is scored: where the standard has bands, each value is also shown in per cent of its
    benchmark, as far as ``standards/NAME.toml`` of the workspace gives one.

    Parameters
    ----------
    result : Result
        On illustrative data all units stand under neutral names, with the notice.
    standard : str
        ``gbt-33356``, ``iso-37122`` or ``u4ssc``.

    Raises
    ------
    InputError
        For an unknown standard and for benchmarks that cannot be used.

    Examples
    --------
    >>> scorecard(result, "u4ssc").themes  # doctest: +SKIP
    """
    problems = Problems()
    loaded = load_standard(standard, result.framework, result.workspace.folder, problems)
    problems.raise_errors()
    assert loaded is not None
    found = references(result.framework, loaded.standard, problems)
    unmapped = tuple(code for code in result.framework.indicators if code not in found)
    told = [one for several in found.values() for one in several]
    if not told:
        problems.add("standards.no-counterpart", standard=loaded.standard.short)
    if lost := list(dict.fromkeys(one.indicator for one in told if not one.theme)):
        problems.add("standards.no-theme", standard=loaded.standard.short, codes=lost)
    card = _Card(result, loaded, _ordered(told, loaded.standard))
    return Scorecard(loaded.standard, card.rows, card.themes, unmapped, problems.warnings)


def _ordered(told: Iterable[Reference], standard: Standard) -> list[Reference]:
    """Return references in the order of the standard's themes and codes, those without a theme last."""
    themes, codes = (
        {key: i for i, key in enumerate(keys)} for keys in (standard.themes, standard.indicators)
    )

    def place(one: Reference) -> tuple[int, str, int]:
        theme = themes.get((one.edition, one.theme), len(themes))
        return theme, one.edition, codes.get((one.edition, one.code), len(codes))

    return sorted(told, key=place)


@dataclass(frozen=True)
class _Cell:
    """What is known of an indicator in a unit."""

    value: float | None
    state: str
    origin: str | None
    is_score: bool


@dataclass(frozen=True)
class _Card:
    """The tables of a scorecard, made from a result and the references of its framework."""

    result: Result
    loaded: WithBenchmarks
    told: Sequence[Reference]

    @cached_property
    def order(self) -> list[int]:
        """Rows of the units as they are shown; on illustrative data by their neutral names."""
        units = self.result.derived.units
        if not self.result.illustrative:
            return list(range(len(units)))
        return sorted(range(len(units)), key=lambda row: self.result.label_of[units[row]])

    @cached_property
    def names(self) -> Mapping[str, tuple[str, str, str]]:
        """Code, Chinese and English name under which each unit is shown."""
        units, labels = self.result.workspace.units, self.result.label_of
        if self.result.illustrative:
            english = {unit: label.replace("示意城市", "Illustrative city") for unit, label in labels.items()}
            return {unit: (labels[unit], labels[unit], english[unit]) for unit in labels}
        return {
            unit: (unit, zh, en)
            for unit, zh, en in zip(units.codes, units.names("zh"), units.names("en"), strict=True)
        }

    @cached_property
    def cells(self) -> Mapping[tuple[int, str], _Cell]:
        """What is known of every indicator that has a counterpart, by row and code."""
        codes = dict.fromkeys(one.indicator for one in self.told)
        return {(row, code): self._cell(row, code) for row in self.order for code in codes}

    def _cell(self, row: int, code: str) -> _Cell:
        table = self.result.derived
        own = table.codes.index(code) if code in table.codes else None
        if own is not None and table.states[row, own] == VALUE:
            value, origin = float(table.values[row, own]), ORIGINS[table.origins[row, own]]
            facts = self.result.facts
            is_score = facts.is_score[facts.units.index(table.units[row]), facts.codes.index(code)]
            return _Cell(value, STATES[VALUE], origin, bool(is_score))
        roles = self.result.framework.roles
        below = [leaf for leaf in self.result.framework.leaves_under(code) if roles[leaf] == roles[code]]
        states = {int(table.states[row, table.codes.index(leaf)]) for leaf in below if leaf != code}
        if VALUE in states:
            return _Cell(None, MEASURES, None, is_score=False)
        if own is not None and (not states or table.states[row, own] != MISSING):
            return _Cell(None, STATES[table.states[row, own]], None, is_score=False)
        same = states.pop() if len(states) == 1 else MISSING
        return _Cell(None, STATES[same], None, is_score=False)

    @cached_property
    def rows(self) -> pl.DataFrame:
        """One row for each unit and reference."""
        has_bands = bool(self.loaded.standard.band)
        data = [
            self._row(row, one) + (self._band(row, one) if has_bands else ())
            for row in self.order
            for one in self.told
        ]
        return self._noticed(data, _ROWS | (_BANDS if has_bands else {}))

    def _row(self, row: int, one: Reference) -> tuple[Any, ...]:
        node, cell = self.result.framework[one.indicator], self.cells[row, one.indicator]
        return (
            *self.names[self.result.derived.units[row]], one.edition, *self._theme(one.edition, one.theme),
            one.code, one.name_zh, one.name_en, one.checked, one.note,
            one.indicator, node.label("zh"), node.label("en"), self.result.period,
            cell.value, "score" if cell.is_score else node.unit, cell.state, cell.origin,
        )  # fmt: skip

    def _theme(self, edition: str, theme: str) -> tuple[str, str, str, bool]:
        found = self.loaded.standard.themes.get((edition, theme))
        if found is None:
            return "", "", "", False
        return theme, _title(found, "zh"), _title(found, "en"), found.checked

    def _band(self, row: int, one: Reference) -> tuple[float | None, str | None, float | None, str]:
        """Benchmark, its source, percentage and band; a percentage without limit stays blank."""
        cell = self.cells[row, one.indicator]
        benchmark = self.loaded.benchmark(one.indicator, one.code)
        if benchmark is None:
            return None, None, None, NO_BENCHMARK
        if cell.value is None or cell.is_score:
            word = NOT_COMPARABLE if cell.is_score or cell.state == MEASURES else ""
            return benchmark.value, benchmark.source, None, word
        direction = self.result.framework[one.indicator].direction or 1
        percent = percent_of_benchmark(np.array([cell.value]), np.array([benchmark.value]), direction)
        shown = float(percent[0]) if np.isfinite(percent[0]) else None
        return benchmark.value, benchmark.source, shown, bands(percent, self.loaded.standard.band)[0]

    @cached_property
    def themes(self) -> pl.DataFrame:
        """One row for each unit and theme of the editions that the framework refers to."""
        editions = {one.edition for one in self.told} | {self.loaded.standard.only_edition}
        keys = [key for key in self.loaded.standard.themes if key[0] in editions]
        keys += dict.fromkeys((one.edition, "") for one in self.told if not one.theme)
        inside: dict[tuple[str, str], list[Reference]] = {key: [] for key in keys}
        for one in self.told:
            inside[one.edition, one.theme].append(one)
        data = [self._summary(row, key, several) for row in self.order for key, several in inside.items()]
        return self._noticed(data, _THEMES)

    def _summary(self, row: int, key: tuple[str, str], inside: Sequence[Reference]) -> tuple[Any, ...]:
        indicators = dict.fromkeys(one.indicator for one in inside)
        states = [self.cells[row, code].state for code in indicators]
        return (
            self.names[self.result.derived.units[row]][0], key[0], *self._theme(*key),
            self.published.get(key), len({one.code for one in inside if one.code}), len(indicators),
            sum(not one.checked for one in inside),
            sum(state != STATES[NOT_APPLICABLE] for state in states),
            sum(state in {STATES[VALUE], MEASURES} for state in states),
        )  # fmt: skip

    @cached_property
    def published(self) -> Mapping[tuple[str, str], int]:
        """How many indicators the standard has in each theme, where they are all listed."""
        complete = {one.id for one in self.loaded.standard.edition if one.complete}
        counts = {key: 0 for key in self.loaded.standard.themes if key[0] in complete}
        for one in self.loaded.standard.indicator:
            theme = self.loaded.standard.theme_of(one)
            if (one.edition, theme) in counts:
                counts[one.edition, theme] += 1
        return counts

    def _noticed(self, data: Sequence[tuple[Any, ...]], schema: Mapping[str, Any]) -> pl.DataFrame:
        frame = pl.DataFrame(data, schema=schema, orient="row")
        return frame.with_columns(pl.lit(NOTICE["en"]).alias("notice")) if self.result.illustrative else frame


def _title(theme: Theme, language: Language) -> str:
    """Return the name of a theme after what stands above it."""
    group = theme.group(language)
    dot = "·" if language == "zh" else " · "
    return f"{group}{dot}{theme.name(language)}" if group else theme.name(language)
