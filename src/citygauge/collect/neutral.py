"""What was noted on the way, without the names of units: for illustrative data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from citygauge.collect.units import Units
from citygauge.problems import Problem

HIDDEN = "–"
# Numbers that count or limit, and are no figure of a unit. Every other number is hidden.
_COUNTS = frozenset(
    ("count", "total", "limit", "most", "least", "possible", "low", "high", "top", "largest",
     "orders", "all_orders", "distance", "cap")
)  # fmt: skip
# Names of framework, method and files, which may be spelt like the code of a unit.
_NAMES = frozenset(
    ("code", "codes", "parent", "parents", "name", "how", "denominator", "standard", "part", "scale",
     "scales", "channel", "channels", "kind", "to", "period", "periods", "reasons", "file", "files",
     "characters")
)  # fmt: skip
_OF_FACTS = frozenset(("rows", "row", "ids", "subjects", "cells"))  # they lead to the unit


class Neutral:
    """Puts neutral labels in the place of units in problems, and hides what leads to a unit otherwise.

    Parameters
    ----------
    units : Units
        All units of the workspace.
    label_of : mapping
        Code of a unit → its neutral label; units without one are a dash.
    """

    def __init__(self, units: Units, label_of: Mapping[str, str]) -> None:
        self._units, self._label_of = units, label_of

    def problems(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """Return problems as `problem` does, of one code by text, not in the order of units."""
        place = {code: i for i, code in reversed(list(enumerate(one.code for one in problems)))}
        return tuple(sorted(map(self.problem, problems), key=lambda one: (place[one.code], one.text())))

    def problem(self, problem: Problem) -> Problem:
        """Return a problem without codes and names of units, their figures, and the rows of their facts.

        Lists of what was told of units, such as ``U01/gdp 11 [44] ≠ 95 [5]``, become a dash whole: a figure
        and a row would tell the unit without its code.
        """
        values = {name: self._value(name, value) for name, value in problem.values.items()}
        return replace(problem, where=replace(problem.where, row=None), values=values)

    def _value(self, name: str, value: Any) -> Any:
        if name in _NAMES or (name in _COUNTS and isinstance(value, int | float)):
            return value
        if name in _OF_FACTS:
            return [HIDDEN] if isinstance(value, list | tuple) else HIDDEN
        if isinstance(value, str):
            return self._text(value, whole=name == "unit")
        if isinstance(value, Iterable):
            items = list(value)
            are_units = all(isinstance(item, str) and item in self._label_of for item in items)
            if name == "units" or (items and are_units):
                return sorted(self._text(str(item), whole=True) for item in items)
            is_open = any(not isinstance(item, str) or self._tells(item) for item in items)
            return [HIDDEN] if is_open else items
        return HIDDEN

    def _text(self, text: str, *, whole: bool) -> str:
        """Return a text, or the label of the unit that it is; `whole` where it can be nothing else."""
        if text in self._label_of:
            return self._label_of[text]
        return HIDDEN if whole or self._tells(text) else text

    def _tells(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Find codes and names of units; codes as words of their own, since U1 is no part of U10."""
        own = ("unit", "name_zh", "name_en", "name_zh_full", "aliases")
        frame = self._units.frame
        held = {text for name in own if name in frame.columns for text in frame[name] if text}
        names = {part.strip() for text in held for part in re.split("[;；]", text)} - {""}
        words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or "(?!)"
        return re.compile(rf"(?<![0-9A-Za-z])(?:{words})(?![0-9A-Za-z])", re.IGNORECASE)
