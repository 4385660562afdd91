"""Normalisation: how a method brings every column on its scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from citygauge.faults import RuleError
from citygauge.framework.model import Framework, Node
from citygauge.indicators.table import Table
from citygauge.problems import Problems
from citygauge.score import normalise as by
from citygauge.score.distances import is_at_worst
from citygauge.score.normalise import PARAMETERS, NormaliseName
from citygauge.score.plain import LARGEST, Plain, exception
from citygauge.score.points import as_scored
from citygauge.score.relative import Ties, extremes

Array = NDArray[np.float64]

# Shares of a way or of full marks: `scale` says what the share 1 becomes.
SHARES = frozenset(
    {"percentile_rank", "distance_to_max", "distance_to_reference", "distance_to_target", "fraction_of_max"}
    | {"goalposts", "rubric", "points"}
)
# What an exception that names another method keeps of the defaults, where that method takes it: the same is
# meant. `low` and `high` are a range here and posts there.
SAME_SENSE = frozenset({"scale", "cut", "log", "ties", "reference"})


class NormaliseColumn(Plain):
    """Normalisation of a column; see `score.normalise`.

    For ``minmax`` `low` and `high` are the range of the result. For ``goalposts`` they are the posts, in
    place of the framework's, and the result runs from 0 to `scale`; `cut` counts values beyond a post as
    the post, `log` compares on a logarithmic scale. ``points`` scores each column by what the framework has
    for it, a scheme, a rubric or goalposts, and runs from 0 to `scale` too. For ``scaled`` `low` and `high`
    are the values that become 0 and `scale`, for ``ampi`` the lowest and the highest value of all periods.
    `reference` is the code of a unit. `target` is a single target, in place of the framework's.
    """

    how: NormaliseName = "minmax"
    low: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    high: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    mean: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    sd: float | None = Field(None, gt=0, le=LARGEST)
    divisor: Literal["n-1", "n"] | None = None
    ties: Ties | None = None
    reference: str | None = None
    target: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    scale: float | None = Field(None, gt=0, le=LARGEST)
    cut: bool | None = None
    log: bool | None = None

    @model_validator(mode="after")
    def _parameters_fit(self) -> NormaliseColumn:
        named = {
            name
            for name in type(self).model_fields
            if name not in {"how", "by"} and getattr(self, name) is not None
        }
        taken = PARAMETERS[self.how]
        if strange := sorted(named - taken):
            takes = ", ".join(sorted(taken)) or "none"
            raise RuleError(
                f"{self.how} takes no {', '.join(strange)}; it takes {takes}",
                f"{self.how} 不接受 {'、'.join(strange)}；可用的有：{takes}",
            )
        if self.how == "distance_to_reference" and self.reference is None:
            raise RuleError(
                "distance_to_reference needs `reference`, the code of a unit",
                "distance_to_reference 需要 `reference`，即某个城市的代码",
            )
        if (self.low is None) != (self.high is None) and self.how in {"goalposts", "ampi"}:
            raise RuleError(
                f"{self.how} takes `low` and `high` together, or neither",
                f"{self.how} 的 `low` 与 `high` 须同时给出，或都不给出",
            )
        low, high = self.span
        if (self.how in {"minmax", "scaled"} or self.low is not None) and low >= high:
            raise RuleError(
                f"low ({low:g}) must be below high ({high:g})", f"low（{low:g}）应小于 high（{high:g}）"
            )
        return self

    @property
    def span(self) -> tuple[float, float]:
        """`low` and `high`, 0 and 100 where they are not named."""
        return self.low or 0.0, 100.0 if self.high is None else self.high

    @property
    def is_cut(self) -> bool:
        """Whether values beyond the best count as the best: by default all but beyond a reference."""
        return self.how != "distance_to_reference" if self.cut is None else self.cut

    @property
    def ends(self) -> tuple[float, float] | None:
        """What the worst and the best become; None where the method has neither."""
        if self.how == "minmax":
            return self.span
        return (0.0, 1.0 if self.scale is None else self.scale) if self.how in SHARES else None

    @property
    def has_anchor(self) -> bool:
        """Whether a column is held against figures in its own unit: posts, targets, levels, bands."""
        return self.how in {"goalposts", "scaled", "rubric", "points", "distance_to_target"} or (
            self.how == "ampi" and not (self.low is None and self.high is None)
        )

    @property
    def range(self) -> tuple[float, float] | None:
        """Where the results lie: a pair, or None where the method has no bounds.

        Goalposts that are not cut keep their ends: they are fixed, whatever the units have.
        """
        is_open = self.how in {"distance_to_reference", "distance_to_target"} and not self.is_cut
        return None if is_open else self.ends


class Normalise(NormaliseColumn):
    """Normalisation of all columns, with exceptions by code."""

    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def of(self, code: str, role: str = "") -> NormaliseColumn:
        """Return the normalisation of one column.

        Bonuses, deductions and vetoes (`role`) are scored by what the framework has for them, whatever the
        default: they are earned, not compared. An exception keeps every default it does not name; where it
        names another method, it keeps the defaults that this method takes in the same sense (not the posts).
        """
        default = self.model_dump(include=set(NormaliseColumn.model_fields), exclude_none=True)
        own = self.by.get(code, {"how": "points"} if role else {})
        if own.get("how", self.how) != self.how:
            default = {name: value for name, value in default.items() if name in SAME_SENSE}
            default = {n: v for n, v in default.items() if n in PARAMETERS.get(str(own["how"]), ())}
        return NormaliseColumn(**{**default, **own})

    def onto(self, code: str) -> tuple[float, float]:
        """Return what the worst and the best of a bounded method become for this column.

        An exception that names no range of its own (`low` and `high` of ``minmax``, else `scale`) lies on the
        range of the default method.
        """
        column = self.of(code)
        named = (column.low, column.high) if column.how == "minmax" else (column.scale,)
        is_named = any(value is not None for value in named)
        bounds = column.ends if is_named or self.ends is None else self.ends
        return bounds or (0.0, 1.0)

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Normalise:
        for code in self.by:
            with exception(code):
                self.of(code)
        return self


def normalise_columns(
    table: Table, settings: Normalise, framework: Framework, problems: Problems | None = None
) -> Table:
    """Return every column on its scale; columns that share a method are computed together.

    A column without the reference, target or sign that its method needs comes out empty, and is noted as an
    error in `problems`; without `problems` errors are raised.
    """
    values = np.full(table.values.shape, np.nan)
    default = settings.of(""), settings.onto("")
    groups: dict[tuple[NormaliseColumn, tuple[float, float]], list[int]] = {}
    for column, code in enumerate(table.codes):
        role = framework.roles[code]
        rule = (settings.of(code, role), settings.onto(code)) if role or code in settings.by else default
        groups.setdefault(rule, []).append(column)
    faults: Faults = defaultdict(list)
    for (chosen, onto), columns in groups.items():
        nodes = tuple(as_scored(framework, table.codes[column]) for column in columns)
        values[:, columns] = METHODS[chosen.how](_Group(table, columns, nodes, chosen, onto, faults))
    found = Problems() if problems is None else problems
    _note(faults, found)
    if problems is None:
        found.raise_errors()
    return table.with_values(values)


Faults = defaultdict[tuple[str, str], list[str]]


@dataclass(frozen=True)
class _Group:
    """Columns with one rule, and where to put what is wrong with them."""

    table: Table
    columns: list[int]
    nodes: Sequence[Node]
    rule: NormaliseColumn
    onto: tuple[float, float]
    faults: Faults = field(repr=False)

    @cached_property
    def values(self) -> Array:
        return self.table.values[:, self.columns]

    @cached_property
    def direction(self) -> Array:
        return np.array([float(node.direction or 1) for node in self.nodes])

    def fault(self, name: str, where: NDArray[np.bool_], what: str = "") -> None:
        codes = [self.table.codes[c] for c, is_so in zip(self.columns, where, strict=True) if is_so]
        if codes:
            self.faults[name, what] += codes

    def of_nodes(self, name: str, given: float | None = None) -> Array:
        """Return an attribute of the nodes, or what is given in its place; NaN where there is neither."""
        found = [getattr(node, name) if given is None else given for node in self.nodes]
        return np.array([np.nan if value is None else value for value in found], dtype=float)

    def reference(self) -> Array:
        """Return the values of the reference unit, of several rows the first, and note where it has none."""
        unit = str(self.rule.reference)
        row = self.table.units.index(unit) if unit in self.table.units else None
        found = np.full(len(self.columns), np.nan) if row is None else self.values[row]
        self.fault("no-reference", np.isnan(found) & ~np.isnan(self.values).all(axis=0), unit)
        return found


def _zscore(group: _Group) -> Array:
    rule = group.rule
    sd = 1.0 if rule.sd is None else rule.sd
    return by.zscore(group.values, group.direction, rule.mean or 0.0, sd, rule.divisor or "n-1")


def _scaled(group: _Group) -> Array:
    scale = 100.0 if group.rule.scale is None else group.rule.scale
    return by.scaled(group.values, group.direction, *group.rule.span, scale)


def _percentile_rank(group: _Group) -> Array:
    return by.percentile_rank(group.values, group.direction, group.rule.ties or "min", group.onto)


def _distance_to_reference(group: _Group) -> Array:
    values, direction, reference = group.values, group.direction, group.reference()
    least, most = extremes(values)
    group.fault("reference-at-worst", is_at_worst(values, direction, reference) & (most > least))
    return by.distance_to_reference(values, direction, reference, group.onto, cut=group.rule.is_cut)


def _distance_to_target(group: _Group) -> Array:
    values, direction, given = group.values, group.direction, group.rule.target
    low, high = group.of_nodes("target_low", given), group.of_nodes("target_high", given)
    if given is not None:
        low = np.full(low.shape, np.nan)
    least, most = extremes(values)
    single, band = np.isnan(low) ^ np.isnan(high), ~(np.isnan(low) | np.isnan(high))
    target = np.where(np.isnan(low), high, low)
    goal, worst, best = target * direction, *extremes(values * direction)
    at_worst = is_at_worst(values, direction, target)
    passed = (goal < worst) & ~at_worst
    group.fault("no-target", np.isnan(low) & np.isnan(high))
    group.fault("target-at-worst", single & (at_worst | (passed & (not group.rule.is_cut))))
    outside = single & ((goal > best) | (passed & group.rule.is_cut))
    group.fault("target-outside", outside | (band & ((low > most) | (high < least))))
    group.fault("direction-ignored", band & (direction < 0))
    return by.distance_to_target(values, direction, (low, high), group.onto, cut=group.rule.is_cut)


def _fraction_of_max(group: _Group) -> Array:
    rises, (least, most) = group.direction > 0, extremes(group.values)
    has_none = (least < 0) & ~(rises & (most > 0))
    group.fault("negative-fraction", has_none)
    group.fault("below-zero", (least < 0) & ~has_none)
    return by.fraction_of_max(group.values, group.direction, group.onto)


def _goalposts(group: _Group) -> Array:
    values, is_cut = group.values, group.rule.is_cut
    low, high = (group.of_nodes(end, getattr(group.rule, end)) for end in ("low", "high"))
    if group.rule.log:
        # A value at or below 0 has no logarithm; cut to the low post it is simply the worst.
        beyond = np.where(np.isnan(values), np.nan, low if is_cut else np.nan)
        values = np.log(np.where(values > 0, values, beyond))
        low, high = np.log(low), np.log(high)
    return by.goalposts(values, group.direction, (low, high), group.onto, cut=is_cut)


def _rubric(group: _Group) -> Array:
    group.fault("direction-ignored", group.direction < 0)
    return by.rubric(group.values, [node.rubric for node in group.nodes], group.onto)


def _points(group: _Group) -> Array:
    """Score each column by what the framework has for it: a scheme, a rubric or goalposts."""
    scores = np.full(group.values.shape, np.nan)
    has_rubric = np.array([bool(node.rubric) and node.scheme is None for node in group.nodes], bool)
    group.fault("direction-ignored", has_rubric & (group.direction < 0))
    posts = group.of_nodes("low"), group.of_nodes("high")
    for column, node in enumerate(group.nodes):
        at = [column]
        given = group.values[:, at]
        if node.scheme is not None:
            score = by.points(given, [node.scheme], group.of_nodes("points")[at], group.onto)
        elif node.rubric:
            score = by.rubric(given, [node.rubric], group.onto)
        else:
            ends = posts[0][at], posts[1][at]
            score = by.goalposts(given, group.direction[at], ends, group.onto)
        scores[:, at] = score
    return scores


def _ampi(group: _Group) -> Array:
    reference = None if group.rule.reference is None else group.reference()
    ends = [getattr(group.rule, end) for end in ("low", "high")]
    low, high = (np.full(group.values.shape[1], np.nan if end is None else end) for end in ends)
    return by.ampi(group.values, group.direction, reference, (low, high))


METHODS: dict[NormaliseName, Callable[[_Group], Array]] = {
    "minmax": lambda group: by.minmax(group.values, group.direction, *group.onto),
    "zscore": _zscore,
    "scaled": _scaled,
    "rank": lambda group: by.rank(group.values, group.direction, group.rule.ties or "min"),
    "borda": lambda group: by.borda(group.values, group.direction, group.rule.ties or "min"),
    "percentile_rank": _percentile_rank,
    "distance_to_max": lambda group: by.distance_to_max(group.values, group.direction, group.onto),
    "distance_to_reference": _distance_to_reference,
    "distance_to_target": _distance_to_target,
    "fraction_of_max": _fraction_of_max,
    "goalposts": _goalposts,
    "rubric": _rubric,
    "points": _points,
    "vector": lambda group: by.vector(group.values, group.direction),
    "ampi": _ampi,
}


def _note(faults: Faults, problems: Problems) -> None:
    """Note each kind of fault once, with all its columns."""
    for (name, what), codes in faults.items():
        if name == "no-reference":
            problems.add("normalise.no-reference", unit=what, codes=codes)
        elif name == "reference-at-worst":
            problems.add("normalise.reference-at-worst", codes=codes)
        elif name == "no-target":
            problems.add("normalise.no-target", codes=codes)
        elif name == "target-at-worst":
            problems.add("normalise.target-at-worst", codes=codes)
        elif name == "target-outside":
            problems.add("normalise.target-outside", codes=codes)
        elif name == "negative-fraction":
            problems.add("normalise.negative-fraction", codes=codes)
        elif name == "below-zero":
            problems.add("normalise.below-zero", codes=codes)
        else:
            problems.add("normalise.direction-ignored", codes=codes)
