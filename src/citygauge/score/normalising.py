"""Normalisation: how a method brings every column on its scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from citygauge.framework.model import Framework, Node
from citygauge.indicators.table import Table
from citygauge.score.normalise import PARAMETERS, NormaliseName, goalposts, minmax, points, rubric, zscore
from citygauge.score.plain import LARGEST, Plain
from citygauge.score.points import as_scored

Array = NDArray[np.float64]


class NormaliseColumn(Plain):
    """Normalisation of a column; see `score.normalise`.

    For ``minmax`` `low` and `high` are the range of the result. For ``goalposts`` they are the posts, in
    place of the framework's, and the result runs from 0 to `scale`; `cut` counts values beyond a post as
    the post, `log` compares on a logarithmic scale. ``points`` scores each column by what the framework has
    for it, a scheme, a rubric or goalposts, and runs from 0 to `scale` too.
    """

    how: NormaliseName = "minmax"
    low: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    high: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    mean: float | None = Field(None, ge=-LARGEST, le=LARGEST)
    sd: float | None = Field(None, gt=0)
    scale: float | None = Field(None, gt=0)
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
            raise ValueError(f"{self.how} takes no {', '.join(strange)}; it takes {', '.join(sorted(taken))}")
        if (self.low is None) != (self.high is None) and self.how == "goalposts":
            raise ValueError("goalposts takes `low` and `high` together, or neither")
        low, high = self.low or 0.0, 100.0 if self.high is None else self.high
        if (self.how == "minmax" or self.low is not None) and low >= high:
            raise ValueError(f"low ({low:g}) must be below high ({high:g})")
        return self

    @property
    def range(self) -> tuple[float, float] | None:
        """Where the results lie: a pair, or None where the method has no bounds."""
        if self.how == "minmax":
            return self.low or 0.0, 100.0 if self.high is None else self.high
        return None if self.how == "zscore" else (0.0, 1.0 if self.scale is None else self.scale)


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
            default = {name: value for name, value in default.items() if name in {"scale", "cut", "log"}}
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
        bounds = column.range if is_named or self.range is None else self.range
        return bounds or (0.0, 1.0)

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Normalise:
        for code in self.by:
            self.of(code)
        return self


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
