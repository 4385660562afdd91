"""The steps on tables: labels, exceptions and states above, the array functions of this room below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from citygauge.collect.units import Units
from citygauge.framework.model import Framework, Node
from citygauge.indicators.impute import group_mean, impute
from citygauge.indicators.table import DERIVED, MISSING, NOT_APPLICABLE, VALUE, Table, mean_table
from citygauge.problems import Problems
from citygauge.score.aggregate import AGGREGATORS, Rule, aggregate, plan
from citygauge.score.method import Impute, Method, Normalise, NormaliseColumn, Treat
from citygauge.score.normalise import goalposts, minmax, points, rubric, zscore
from citygauge.score.points import as_scored, note_vetoes, with_nothing_earned
from citygauge.score.treat import Limits, Treated, moments, transformed, winsorise_then

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """The tables from filled gaps to scores; see `Result` for each."""

    imputed: Table
    treated: Table
    normalised: Table
    aggregated: Table
    treatment: Mapping[str, Treated] = field(default_factory=dict)
    from_measures: Table | None = None

    @classmethod
    def mean(cls, strata: Sequence[Scored], framework: Framework) -> Scored:
        """Return the means over strata; what was done to single columns stays with its stratum."""
        if len(strata) == 1:
            return strata[0]
        imputed, treated, normalised, aggregated = (
            mean_table([getattr(each, name) for each in strata], framework.codes)
            for name in ("imputed", "treated", "normalised", "aggregated")
        )
        own = [each.from_measures for each in strata if each.from_measures is not None]
        from_measures = mean_table(own, framework.codes) if own else None
        return cls(imputed, treated, normalised, aggregated, from_measures=from_measures)


def score(
    table: Table,
    method: Method,
    framework: Framework,
    units: Units,
    shares: Mapping[str, float],
    problems: Problems,
) -> Scored:
    """Return what the method makes of a screened table of indicators."""
    imputed = impute_gaps(table, method.impute, units, framework)
    treated, treatment = treat_columns(imputed, method.treat)
    normalised = normalise_columns(treated, method.normalise, framework)
    aggregated, from_measures = aggregate_nodes(normalised, method, framework, shares, problems)
    return Scored(imputed, treated, normalised, aggregated, treatment, from_measures)


def impute_gaps(table: Table, settings: Impute, units: Units, framework: Framework) -> Table:
    """Return the table with gaps filled as the method says; groups are an attribute of the units.

    Scores of its own that an indicator made of measures lacks are no gaps: its measures stand for it.
    Bonuses, deductions and vetoes are not filled: nobody gets them for what others did.
    """
    if settings.how == "none" or settings.group is None:
        return table
    estimates = group_mean(table.values, units.texts(settings.group))
    closed = [bool(framework.children(code) or framework.roles[code]) for code in table.codes]
    estimates[:, closed] = np.nan
    return impute(table, estimates)


def treat_columns(table: Table, settings: Treat) -> tuple[Table, dict[str, Treated]]:
    """Return the table with outliers treated, and what was done to each column that failed its limits."""
    rules = [settings.of(c) if c in settings.by or c in settings.exclude else settings for c in table.codes]
    skewness, kurtosis = moments(table.values)
    details: dict[str, Treated] = {}
    values = table.values.copy()
    for column, (code, rule) in enumerate(zip(table.codes, rules, strict=True)):
        limits = Limits(rule.skew, rule.kurtosis)
        if rule.how == "none" or not limits.fail(skewness[column], kurtosis[column]):
            continue
        if rule.how == "winsorise_then":
            then = None if rule.then == "none" else rule.then
            details[code] = winsorise_then(values[:, column], rule.max_points, limits, then)
        else:
            details[code] = transformed(values[:, column], limits, rule.how)
        values[:, column] = details[code].values
    return table.with_values(values), details


def normalise_columns(table: Table, settings: Normalise, framework: Framework) -> Table:
    """Return every column on its scale; columns that share a method are computed together."""
    values = np.full(table.values.shape, np.nan)
    default = settings.of(""), settings.onto("")
    groups: dict[tuple[NormaliseColumn, tuple[float, float]], list[int]] = {}
    for column, code in enumerate(table.codes):
        role = framework.roles[code]
        rule = (settings.of(code, role), settings.onto(code)) if role or code in settings.by else default
        groups.setdefault(rule, []).append(column)
    for (chosen, onto), columns in groups.items():
        nodes = [as_scored(framework, table.codes[column]) for column in columns]
        values[:, columns] = _normalised(table.values[:, columns], chosen, onto, nodes)
    return table.with_values(values)


def _normalised(
    values: Array, rule: NormaliseColumn, onto: tuple[float, float], nodes: Sequence[Node]
) -> Array:
    direction = np.array([float(node.direction or 1) for node in nodes])
    if rule.how == "minmax":
        return minmax(values, direction, *onto)
    if rule.how == "zscore":
        return zscore(values, direction, rule.mean or 0.0, 1.0 if rule.sd is None else rule.sd)
    if rule.how == "rubric":
        return rubric(values, [node.rubric for node in nodes], onto)
    if rule.how == "points":
        return _by_own_rule(values, onto, nodes)
    low, high = (_posts(nodes, end, getattr(rule, end)) for end in ("low", "high"))
    if rule.log:
        # A value at or below 0 has no logarithm; cut to the low post it is simply the worst.
        values = np.log(
            np.where(
                values > 0,
                values,
                np.where(np.isnan(values), np.nan, low if rule.cut is not False else np.nan),
            )
        )
        low, high = np.log(low), np.log(high)
    return goalposts(values, direction, (low, high), onto, cut=rule.cut is not False)


def _by_own_rule(values: Array, onto: tuple[float, float], nodes: Sequence[Node]) -> Array:
    """Score each column by what the framework has for it: a scheme, a rubric or goalposts."""
    scores = np.full(values.shape, np.nan)
    for column, node in enumerate(nodes):
        given = values[:, [column]]
        if node.scheme is not None:
            score = points(given, [node.scheme], np.array([node.points]), onto)
        elif node.rubric:
            score = rubric(given, [node.rubric], onto)
        else:
            posts = _posts([node], "low", None), _posts([node], "high", None)
            score = goalposts(given, np.array([float(node.direction or 1)]), posts, onto)
        scores[:, [column]] = score
    return scores


def _posts(nodes: Sequence[Node], end: str, given: float | None) -> Array:
    posts = [getattr(node, end) if given is None else given for node in nodes]
    return np.array([np.nan if post is None else post for post in posts], dtype=float)


def aggregate_nodes(
    table: Table, method: Method, framework: Framework, shares: Mapping[str, float], problems: Problems
) -> tuple[Table, Table | None]:
    """Return the scores of all nodes, and what the measures say of indicators with scores of their own.

    Where a score of its own and the measures below differ, the own one stands and the difference is noted.
    """
    position = {code: i for i, code in enumerate(framework.codes)}
    columns = [position[code] for code in table.codes]
    shape = (len(table.units), len(framework))
    scores, applicable = np.full(shape, np.nan), np.ones(shape, bool)
    scores[:, columns], applicable[:, columns] = table.values, table.applicable
    rules, onto = method.aggregate.rules(framework), method.normalise.range or (0.0, 1.0)
    steps = plan(framework, shares, rules, onto)
    filled, unknown = with_nothing_earned(scores, framework, onto[0])
    values = np.where(unknown, np.nan, aggregate(filled, applicable, steps))
    _note_negative(values, framework, rules, problems)
    note_vetoes(table, framework, onto[0], problems)
    result = _node_table(table, framework, values)
    own = [code for code in table.codes if framework.children(code)]
    if not own:
        return result, None
    at = [position[code] for code in own]
    scores[:, at] = np.nan
    filled, unknown = with_nothing_earned(scores, framework, onto[0])
    below = _node_table(table, framework, np.where(unknown, np.nan, aggregate(filled, applicable, steps)))
    from_measures = Table(
        below.units, tuple(own), below.values[:, at], below.states[:, at], below.origins[:, at]
    )
    _note_differences(table, from_measures, problems)
    return result, from_measures


def _node_table(table: Table, framework: Framework, values: Array) -> Table:
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    origins = np.full(values.shape, DERIVED, np.int8)
    for column, code in enumerate(table.codes):
        at = framework.codes.index(code)
        gone = np.isnan(values[:, at]) & (table.states[:, column] == NOT_APPLICABLE)
        states[gone, at] = NOT_APPLICABLE
        origins[:, at] = np.where(np.isnan(table.values[:, column]), DERIVED, table.origins[:, column])
    return Table(table.units, framework.codes, values, states, origins)


def _note_negative(
    values: Array, framework: Framework, rules: Mapping[str, Rule], problems: Problems
) -> None:
    """A geometric mean of negative scores is not defined: refuse rather than leave silent gaps."""
    position = {code: i for i, code in enumerate(framework.codes)}
    for code, rule in rules.items():
        if AGGREGATORS[rule.how] is not AGGREGATORS["geometric"]:
            continue
        below = [child for child in framework.counted(code) if (values[:, position[child]] < 0).any()]
        if below:
            problems.add("method.geometric-of-negative", code=code, codes=below)


def _note_differences(table: Table, from_measures: Table, problems: Problems) -> None:
    for code in from_measures.codes:
        own, measured = table.column(code), from_measures.column(code)
        differ = np.abs(own - measured) > 1e-9 * np.maximum(1.0, np.abs(own))
        if differ.any():
            units = [unit for unit, differs in zip(table.units, differ, strict=True) if differs]
            largest = float(np.nanmax(np.abs(own - measured)))
            problems.add("facts.own-score-differs", code=code, units=units, largest=largest)
