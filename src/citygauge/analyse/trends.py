"""How far units have come from one period to another: change, rates of growth, ranks, and breaks between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.change import cagr, change, change_percent, ends, picked, trend_percent
from citygauge.collect.breaks import Break, concerned
from citygauge.framework.model import Framework
from citygauge.indicators.impute_time import times
from citygauge.indicators.table import IMPUTED, Table
from citygauge.panel import Panel
from citygauge.result import NOTICE
from citygauge.score.rank import rank

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Of = Literal["scores", "values"]

# Why a figure is not given; of several reasons the first.
NO_VALUE, ONE_PERIOD, BREAK, SCORE_AND_VALUE = "no_value", "one_period", "break", "score_and_value"
FIRST_ZERO, FIRST_NEGATIVE, LAST_NEGATIVE = "first_zero", "first_negative", "last_negative"
LINE_NOT_POSITIVE, TOO_LARGE = "line_not_positive", "too_large"
REASONS = (
    NO_VALUE, ONE_PERIOD, BREAK, SCORE_AND_VALUE, FIRST_ZERO, FIRST_NEGATIVE, LAST_NEGATIVE,
    LINE_NOT_POSITIVE, TOO_LARGE,
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """Figures of units over time, ``values (n_periods, n_units, n_codes)``; NaN = none.

    `periods` stand in the order of time, `when` is their time. `ranks` are those of the results, 0 = none,
    and absent for values as measured; `is_score` marks scores handed over in place of measurements, and
    `imputed` what nobody observed.
    """

    periods: tuple[str, ...]
    units: tuple[str, ...]
    codes: tuple[str, ...]
    when: Array
    values: Array
    ranks: Ints | None
    is_score: NDArray[np.bool_]
    imputed: NDArray[np.bool_]

    @cached_property
    def ends(self) -> tuple[Ints, Ints]:
        """The positions of the first and the last known period of each unit and code; -1 = none."""
        return ends(self.values, self.when)


def trends(panel: Panel, code: str | None = None, of: Of = "scores") -> pl.DataFrame:
    """Return how each unit came from its first known period to its last, node by node.

    Parameters
    ----------
    panel : Panel
    code : str, optional
        One node; all by default.
    of : {"scores", "values"}
        Scores of all nodes, or indicators as measured (divided by their denominators).

    Returns
    -------
    DataFrame
        One row for each unit and code: ``unit_code, code, level, first_period, last_period, first, last``;
        ``change`` = last − first; ``change_percent`` = 100 · change / first; ``trend_percent``, the slope of
        the line through all known periods in per cent of its value at the first one (see `trend_percent`);
        ``cagr`` = (last / first)^(1/years) − 1, as a share.

        Of scores: ``rank_first, rank_last``, each among the units of its period, ``rank_change`` =
        rank_first − rank_last (positive = up); the same among the units that have scores in both periods,
        ``rank_first_common, rank_last_common, rank_change_common``, and their number, ``n_common``. Of
        values: ``direction`` (1 = more is better, -1 = less).

        ``imputed``: whether a value of an indicator at the ``first`` or ``last`` end, or at ``both``, was
        imputed; null elsewhere, and for nodes above indicators.

        ``broken``: where the first break of the series between the two periods begins, else null. A value
        over a break has no change and no rate, for what it compares is not the same thing; a score has
        them, and is marked. ``reason`` says why a figure is not given, one of `REASONS`: ``no_value`` in any
        period, ``one_period`` only, ``break``, ``score_and_value`` (one end is a score handed over),
        ``first_zero`` and ``first_negative`` (no rate), ``last_negative`` (no ``cagr``),
        ``line_not_positive`` (no ``trend_percent``), ``too_large`` for a double.

        On illustrative data under neutral names, with the column ``notice``.

    Raises
    ------
    KeyError
        When the panel has nothing of the code.

    Notes
    -----
    Periods that are not all numbers stand one step apart, and ``cagr`` and ``trend_percent`` are per step.
    """
    series = _series(panel, of)
    if code is not None:
        if code not in series.codes:
            raise KeyError(code)
        series = _only(series, series.codes.index(code))
    frame = _frame(panel, series, of)
    if panel.illustrative:
        notice = pl.lit(NOTICE["en"]).alias("notice")
        frame = frame.sort("unit_code", maintain_order=True).with_columns(notice)
    return frame


def _frame(panel: Panel, series: Series, of: Of) -> pl.DataFrame:
    start, names = _breaks(panel, series, of)
    given = _figures(series, start if of == "values" else np.full_like(start, len(series.periods)))
    first, last = series.ends
    columns = {
        "unit_code": _text([panel.label_of[unit] for unit in series.units for _ in series.codes]),
        "code": _text(list(series.codes) * len(series.units)),
        "level": pl.Series([panel.framework.levels[one] for one in series.codes] * len(series.units)),
        "first_period": _named(series.periods, first),
        "last_period": _named(series.periods, last),
        **{name: pl.Series(values.ravel()).fill_nan(None) for name, values in given.figures.items()},
    }
    if series.ranks is not None:
        columns |= _ranks(series)
    else:
        ways = [panel.framework[one].direction for one in series.codes]
        columns["direction"] = pl.Series(ways * len(series.units), dtype=pl.Int8)
    columns["imputed"] = _imputed(series)
    columns["broken"] = _text(names.ravel().tolist())
    columns["reason"] = _text([word or None for word in given.reasons.ravel().tolist()])
    return pl.DataFrame(columns)


def movers(panel: Panel, n: int = 5) -> pl.DataFrame:
    """Return the units whose rank in the index moved most, among those ranked in both their periods.

    Parameters
    ----------
    panel : Panel
    n : int
        At most so many up, and as many down.

    Returns
    -------
    DataFrame
        Rows of `trends` of the index, the largest rise first, the largest fall last; of equal moves the
        larger change of the score is the larger one. Units that stayed where they were are not in it.
    """
    frame = trends(panel, panel.framework.root.code).drop_nulls("rank_change_common")
    frame = frame.sort("rank_change_common", "change", descending=True, maintain_order=True)
    up, down = (frame.filter(condition) for condition in _MOVED)
    return pl.concat([up.head(n), down.tail(n)])


_MOVED = (pl.col("rank_change_common") > 0, pl.col("rank_change_common") < 0)


def relevant_breaks(panel: Panel) -> pl.DataFrame:
    """Return the breaks that lie between periods of a panel and concern its units.

    Returns
    -------
    DataFrame
        The columns of ``breaks.csv``. On illustrative data the unit stands under its neutral name, and
        without the notes, which may name it.
    """
    series = _series(panel, "scores")
    rows = [
        (one.indicator, panel.label_of[one.unit] if one.unit else "", one.from_period, one.kind,
         *(("", "") if one.unit and panel.illustrative else (one.note_zh, one.note_en)))
        for one, start in _starts(panel, series)
        if 0 < start < len(series.periods) and one.unit in {"", *series.units}
    ]  # fmt: skip
    names = ("indicator", "unit", "from_period", "kind", "note_zh", "note_en")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.all().replace("", None))


def _series(panel: Panel, of: Of) -> Series:
    """Return the figures of all periods in the order of time, units and codes aligned."""
    when, _ = times(panel.periods)
    order = np.argsort(when, kind="stable")
    results = [list(panel.results.values())[i] for i in order]
    tables = [result.aggregated if of == "scores" else result.derived for result in results]
    units = tuple(unit for unit in panel.last.derived.units if any(unit in table.units for table in tables))
    codes = tuple(code for code in panel.framework.codes if any(code in table.codes for table in tables))
    shape = (len(tables), len(units), len(codes))
    values, ranks = np.full(shape, np.nan), np.zeros(shape, np.int64)
    is_score, imputed = np.zeros(shape, bool), np.zeros(shape, bool)
    rows, columns = ({name: i for i, name in enumerate(names)} for names in (units, codes))
    for layer, (result, table) in enumerate(zip(results, tables, strict=True)):
        cells = _cells(table, rows, columns)
        values[layer][cells] = table.values
        filled = result.imputed if of == "scores" else table
        imputed[layer][_cells(filled, rows, columns)] = filled.origins == IMPUTED
        if of == "scores":
            ranks[layer][cells] = result.ranks
        else:
            own = [result.facts.codes.index(code) for code in table.codes]
            is_score[layer][cells] = result.facts.is_score[:, own]
    periods = tuple(panel.periods[i] for i in order)
    own_ranks = ranks if of == "scores" else None
    return Series(periods, units, codes, when[order], values, own_ranks, is_score, imputed)


def _cells(table: Table, rows: Mapping[str, int], columns: Mapping[str, int]) -> tuple[Any, ...]:
    """Return where the cells of a table stand in a layer of a series."""
    return np.ix_([rows[unit] for unit in table.units], [columns[code] for code in table.codes])


def _only(series: Series, column: int) -> Series:
    at = (slice(None), slice(None), [column])
    ranks = None if series.ranks is None else series.ranks[at]
    return Series(
        series.periods, series.units, (series.codes[column],), series.when, series.values[at], ranks,
        series.is_score[at], series.imputed[at],
    )  # fmt: skip


@dataclass(frozen=True)
class _Given:
    figures: dict[str, Array]
    reasons: NDArray[np.str_]


def _figures(series: Series, start: Ints) -> _Given:
    """Return the figures of a trend, and why one is not given; from `start` on a break forbids them."""
    first, last = series.ends
    values, when = series.values, series.when
    low, high = picked(values, first), picked(values, last)
    known = ~np.isnan(values)
    apart = (known & series.is_score).any(axis=0) & (known & ~series.is_score).any(axis=0)
    rates = {
        "change": change(values, when),
        "change_percent": change_percent(values, when),
        "trend_percent": trend_percent(values, when),
        "cagr": cagr(values, when),
    }
    checks = {
        NO_VALUE: first < 0,
        ONE_PERIOD: first == last,
        BREAK: start <= last,
        SCORE_AND_VALUE: apart,
        FIRST_ZERO: low == 0,
        FIRST_NEGATIVE: low < 0,
        LAST_NEGATIVE: high < 0,
        TOO_LARGE: np.any([np.isinf(rate) for rate in rates.values()], axis=0),
        LINE_NOT_POSITIVE: np.isnan(rates["trend_percent"]),
    }
    reasons = np.select(list(checks.values()), list(checks), default="")
    forbidden = np.isin(reasons, (BREAK, SCORE_AND_VALUE))
    rates = {name: np.where(forbidden | ~np.isfinite(rate), np.nan, rate) for name, rate in rates.items()}
    return _Given({"first": low, "last": high, **rates}, reasons)


def lie_before(periods: Sequence[str], start: str) -> NDArray[np.bool_]:
    """Return which periods lie before a period: as numbers where all are, else in the order of their text."""
    when, in_years = times([*periods, start])
    return when[:-1] < when[-1] if in_years else np.array([period < start for period in periods], bool)


def _starts(panel: Panel, series: Series) -> Iterator[tuple[Break, int]]:
    """Give each break with the position of the first period that lies at it or after."""
    for one in panel.last.workspace.breaks:
        yield one, int(lie_before(series.periods, one.from_period).sum())


def _breaks(panel: Panel, series: Series, of: Of) -> tuple[Ints, NDArray[np.object_]]:
    """Return the position and the name of the period where the first break inside each series begins."""
    first, last = series.ends
    start = np.full(first.shape, len(series.periods) + 1)
    names = np.full(first.shape, None, dtype=object)
    for one, begin in _starts(panel, series):
        codes = _touched(one.indicator, panel.framework, of)
        columns = np.array([code in codes for code in series.codes], bool)
        rows = np.array([one.unit in ("", unit) for unit in series.units], bool)
        inside = np.outer(rows, columns) & (first < begin) & (begin <= last) & (first >= 0) & (begin < start)
        start[inside], names[inside] = begin, one.from_period
    return start, names


def _touched(code: str, framework: Framework, of: Of) -> frozenset[str]:
    """Return the nodes whose series a break of a code cuts; of scores also all nodes above them."""
    found = set(concerned(code, framework))
    if of == "scores":
        for node in framework.nodes[::-1]:
            if node.code in found and node.parent is not None:
                found.add(node.parent)
    return frozenset(found)


def _ranks(series: Series) -> dict[str, pl.Series]:
    """Return the ranks at both ends: among all units of the period, and among those known in both periods."""
    assert series.ranks is not None
    first, last = series.ends
    names = ("rank_first", "rank_last", "rank_first_common", "rank_last_common", "n_common")
    found = {name: np.zeros(first.shape, np.int64) for name in names}
    whole = (first >= 0) & (first < last)
    for low, high in sorted(set(zip(first[whole].tolist(), last[whole].tolist(), strict=True))):
        cells = (first == low) & (last == high)
        both = ~np.isnan(series.values[low]) & ~np.isnan(series.values[high])
        for name, layer in (("rank_first", low), ("rank_last", high)):
            found[name][cells] = series.ranks[layer][cells]
            among = rank(np.where(both, series.values[layer], np.nan))
            found[f"{name}_common"][cells] = among[cells]
        found["n_common"][cells] = np.broadcast_to(both.sum(axis=0), first.shape)[cells]
    shown = {name: _filled(ranks) for name, ranks in found.items()}
    moved = {kind: shown[f"rank_first{kind}"] - shown[f"rank_last{kind}"] for kind in ("", "_common")}
    return {
        "rank_first": shown["rank_first"],
        "rank_last": shown["rank_last"],
        "rank_change": moved[""],
        "rank_first_common": shown["rank_first_common"],
        "rank_last_common": shown["rank_last_common"],
        "rank_change_common": moved["_common"],
        "n_common": shown["n_common"],
    }


def _filled(numbers: Ints) -> pl.Series:
    """Return numbers in a row, 0 as null."""
    flat = pl.Series(numbers.ravel(), dtype=pl.Int32)
    return flat.set(flat == 0, None)


def _imputed(series: Series) -> pl.Series:
    """Return which ends of each series nobody observed: first, last, both; null where both were observed."""
    first, last = (
        np.take_along_axis(series.imputed, np.maximum(at, 0)[None], 0)[0] & (at >= 0) for at in series.ends
    )
    words = np.select([first & last, first, last], ["both", "first", "last"], default="")
    return _text([word or None for word in words.ravel().tolist()])


def _named(periods: tuple[str, ...], positions: Ints) -> pl.Series:
    return _text([periods[i] if i >= 0 else None for i in positions.ravel().tolist()])


def _text(values: list[str | None] | list[str]) -> pl.Series:
    return pl.Series(cast(list[str | None], values), dtype=pl.String)
