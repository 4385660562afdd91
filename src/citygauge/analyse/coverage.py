"""Where the facts come from and where they are lacking: by channel, and node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.collect.observations import ROW, STATES
from citygauge.collect.resolve import subject_facts
from citygauge.framework.model import CHANNELS, Framework
from citygauge.indicators.table import IMPUTED, NOT_APPLICABLE, NOT_MEASURABLE, VALUE, Table
from citygauge.problems import Problems
from citygauge.result import Result

LEAST_SHOWN = 3  # on illustrative data figures of fewer units would be those of one
NO_CHANNEL = ""

_APPLICABLE = ("value", "missing", "not_measurable")
_KNOWN, _FILLED, _GAP, _UNMEASURABLE, _NONE = range(5)  # the best first
_COVERAGE: dict[str, Any] = {
    "channel": pl.String, "indicators": pl.Int64, "units": pl.Int64, "observations": pl.Int64,
    "value": pl.Int64, "missing": pl.Int64, "not_applicable": pl.Int64, "not_measurable": pl.Int64,
    "share_known": pl.Float64,
}  # fmt: skip
_PLANNED: dict[str, Any] = {"channel": pl.String, "indicators": pl.Int64, "first_choice": pl.Int64}
_NODES: dict[str, Any] = {
    "code": pl.String, "level": pl.Int64, "expected": pl.Int64, "known": pl.Int64, "imputed": pl.Int64,
    "missing": pl.Int64, "not_measurable": pl.Int64, "not_applicable": pl.Int64, "share_known": pl.Float64,
}  # fmt: skip


def coverage(result: Result) -> pl.DataFrame:
    """Return what each channel of collection contributed to the assessed period.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        ``channel, indicators, units, observations, value, missing, not_applicable, not_measurable,
        share_known``, one row for each of ``field, interview, web, statistics, questionnaire``, and a last
        one with a blank channel where some facts tell none. Counted are the observations that the result
        rests on, about all assessed units and the things inside them, also of units that were screened out:
        one for each unit (or thing) and code, after corrections and after the choice between channels and
        sources. `indicators` and `units` are the numbers of different ones among them; items that rules roll
        up count as indicators here. ``share_known = value / (value + missing + not_measurable)``, 0 to 1,
        null where nothing is applicable. What nobody reported at all belongs to no channel: see
        `availability_by_node`. On illustrative data with a `notice`, and the states are null where they are
        those of fewer than 3 units.

    Examples
    --------
    >>> coverage(result)  # doctest: +SKIP
    """
    used = _used(result)
    rows = []
    for channel in (*CHANNELS, NO_CHANNEL):
        own = used.filter(pl.col("channel") == channel)
        if channel == NO_CHANNEL and not own.height:
            continue
        units = own["unit"].n_unique()
        counts: list[int | None] = [own.filter(pl.col("state") == state).height for state in STATES]
        share = number(known_share(*(own.filter(pl.col("state") == state).height for state in _APPLICABLE)))
        if result.illustrative and 0 < units < LEAST_SHOWN:
            counts, share = [None] * len(STATES), None
        rows.append((channel, own["indicator"].n_unique(), units, own.height, *counts, share))
    return noticed(pl.DataFrame(rows, _COVERAGE, orient="row"), result)


def planned(framework: Framework) -> pl.DataFrame:
    """Return how many indicators each channel of collection is meant for.

    Parameters
    ----------
    framework : Framework

    Returns
    -------
    DataFrame
        ``channel, indicators, first_choice``: of the leaves of the tree, how many allow the channel, and how
        many prefer it. One row for each of ``field, interview, web, statistics, questionnaire``, and a last
        one with a blank channel where some leaves name none. A leaf with several channels counts at each of
        them in `indicators` and once in `first_choice`.

    Examples
    --------
    >>> from citygauge.framework.model import Framework, Node
    >>> leaf = Node("a", "I", channels=("web", "field"))
    >>> planned(Framework((Node("I"), leaf))).filter(channel="field").row(0)
    ('field', 1, 0)
    """
    allowed = [framework[code].channels or (NO_CHANNEL,) for code in framework.leaves]
    rows = []
    for channel in (*CHANNELS, NO_CHANNEL):
        first = sum(channels[0] == channel for channels in allowed)
        if channel != NO_CHANNEL or first:
            rows.append((channel, sum(channel in channels for channels in allowed), first))
    return pl.DataFrame(rows, _PLANNED, orient="row")


def availability_by_node(result: Result) -> pl.DataFrame:
    """Return how many of the figures that a node needs are known, imputed or lacking.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        ``code, level, expected, known, imputed, missing, not_measurable, not_applicable, share_known``, one
        row for each node in tree order. Counted are cells of unit × indicator below the node, at an indicator
        its own, over the units that stayed. An indicator made of measures counts once: it is known where it
        or any measure is known, and imputed where nothing is known but something was imputed. Bonuses,
        deductions and vetoes count among themselves alone. ``expected = known + imputed + missing +
        not_measurable``; what is not applicable is not expected. ``share_known = known / expected``, 0 to 1,
        null where nothing is expected; imputed values are not known. On illustrative data with a `notice`,
        and the figures are null where fewer than 3 units stayed.

    Examples
    --------
    >>> availability_by_node(result).filter(level=1)  # doctest: +SKIP
    """
    framework, table = result.framework, result.imputed
    hidden = result.illustrative and len(table.units) < LEAST_SHOWN
    rows: list[tuple[Any, ...]] = []
    for code in framework.codes:
        kinds = [_kinds(table, framework, each) for each in _counted(framework, code)]
        counts = [int((np.array(kinds) == kind).sum()) for kind in range(5)]
        share = number(known_share(counts[0], counts[1], counts[2] + counts[3]))
        figures = (None,) * 7 if hidden else (sum(counts[:4]), *counts, share)
        rows.append((code, framework.levels[code], *figures))
    return noticed(pl.DataFrame(rows, _NODES, orient="row"), result)


def known_share(known: int, *lacking: int) -> float:
    """Return the share of what is known in what could be.

    Parameters
    ----------
    known : int
    *lacking : int
        Numbers of what is not known though it applies.

    Returns
    -------
    float
        0 to 1, ``known / (known + Σ lacking)``; NaN where nothing applies.

    Examples
    --------
    >>> known_share(3, 1, 0)
    0.75
    """
    total = known + sum(lacking)
    return float(known) / float(total) if total else float("nan")


def _used(result: Result) -> pl.DataFrame:
    """Return unit, indicator, channel and state of the observations that a result rests on."""
    workspace, facts = result.workspace, result.facts
    channel = pl.col("channel").fill_null(NO_CHANNEL)
    of_units = workspace.observations.frame.filter(pl.col(ROW).is_in(facts.rows[facts.rows > 0].tolist()))
    parts = [of_units.select("unit", "indicator", channel, "state").cast(pl.String)]
    subjects = workspace.chosen_subjects(Problems()).of_units(result.derived.units)
    inside = subject_facts(
        workspace.observations,
        subjects,
        result.framework,
        result.period,
        Problems(),
        workspace.settings.sources,
    )
    if inside.height:
        parts.append(inside.select("unit", "indicator", channel, "state").cast(pl.String))
    return pl.concat(parts)


def _counted(framework: Framework, code: str) -> list[str]:
    """Return the indicators whose cells count at a node, else its leaves with the same role."""
    indicators = set(framework.indicators)
    below = [each for each in (code, *framework.subtree(code)) if each in indicators]
    if below:
        return below
    role = framework.roles[code]
    return [leaf for leaf in framework.leaves_under(code) if framework.roles[leaf] == role]


def _kinds(table: Table, framework: Framework, code: str) -> NDArray[np.int8]:
    """Return what is known of an indicator in each unit: its own value, else the best of its measures."""
    role, own = framework.roles[code], np.full(len(table.units), _GAP, np.int8)
    if code in table.codes:
        own = _kinds_of(table, [code])[:, 0]
    measures = [leaf for leaf in framework.subtree(code) if leaf in framework.leaves]
    measures = [leaf for leaf in measures if framework.roles[leaf] == role and leaf in table.codes]
    if not measures:
        return own
    best: NDArray[np.int8] = _kinds_of(table, measures).min(axis=1)
    return np.asarray(np.where(own <= _FILLED, np.minimum(own, best), best), np.int8)


def _kinds_of(table: Table, codes: list[str]) -> NDArray[np.int8]:
    at = [table.codes.index(code) for code in codes]
    states, filled = table.states[:, at], table.origins[:, at] == IMPUTED
    kinds = np.full(states.shape, _GAP, np.int8)
    kinds[states == VALUE] = _KNOWN
    kinds[(states == VALUE) & filled] = _FILLED
    kinds[states == NOT_MEASURABLE] = _UNMEASURABLE
    kinds[states == NOT_APPLICABLE] = _NONE
    return kinds
