"""What can be wrong with an input, said once and in one shape for the shell, the page and the program.

A `Problem` carries a stable code, the place and the offending values; its sentences in English and Chinese
are data (`catalogue/`, a file for each room). Readers collect every problem of an input in `Problems` and
raise once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

Language = Literal["en", "zh"]
Severity = Literal["error", "warning"]

SHOWN_ITEMS = 10  # offenders named in a sentence before it counts the rest


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a problem: a file, and inside it as far down as is known; the period, of several."""

    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    period: str | None = None

    def text(self, language: Language = "en") -> str:
        """Return the place as a phrase; empty when nothing is known."""
        words = {"sheet": "sheet", "row": "row", "column": "column", "period": "period"}
        if language == "zh":
            words = {"sheet": "工作表", "row": "行", "column": "列", "period": "时期"}
        parts = [self.file or ""]
        parts += [f"{words[name]} {value}" for name in words if (value := getattr(self, name)) is not None]
        return ("，" if language == "zh" else ", ").join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what to do about it.

    Parameters
    ----------
    code : str
        Key of the catalogue, stable across versions, e.g. ``framework.cycle``.
    where : Where
        The place in the input.
    values : mapping
        What the sentences of the catalogue name: offenders, limits, suggestions.
    """

    code: str
    where: Where = field(default_factory=Where)
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """``error`` stops a run, ``warning`` is reported and the run goes on."""
        return _entry(self.code)["severity"]  # type: ignore[return-value]

    def message(self, language: Language = "en") -> str:
        """Return what is wrong, as a sentence."""
        return self._fill("", language)

    def hint(self, language: Language = "en") -> str:
        """Return what to do, as a sentence."""
        return self._fill("hint_", language)

    def text(self, language: Language = "en") -> str:
        """Return place, message and hint in one line."""
        place = self.where.text(language)
        colon, gap = ("：", "") if language == "zh" else (": ", " ")
        lead = f"{place}{colon}" if place else ""
        return f"{lead}{self.message(language)}{gap}{self.hint(language)}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as plain data for JSON; both languages are in it."""
        place = {name: getattr(self.where, name) for name in Where.__slots__}
        return {
            "code": self.code,
            "severity": self.severity,
            "where": {name: value for name, value in place.items() if value is not None},
            "values": {name: _plain(value) for name, value in self.values.items()},
            "message": self.message("en"),
            "hint": self.hint("en"),
            "message_zh": self.message("zh"),
            "hint_zh": self.hint("zh"),
        }

    def _fill(self, prefix: str, language: Language) -> str:
        template = _entry(self.code)[prefix + language]
        return template.format_map({name: _said(value, language) for name, value in self.values.items()})


class InputError(Exception):
    """Input that cannot be used, with all its problems (`problems`), warnings included."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(p.text() for p in self.problems if p.severity == "error"))


class Problems:
    """A list of problems that is filled while an input is read and raised once."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._items = list(problems)

    def add(self, code: str, where: Where | None = None, /, **values: Any) -> None:
        """Note a problem; `values` fill the sentences of the catalogue."""
        self._items.append(Problem(code, where or Where(), values))

    def add_once(self, problems: Iterable[Problem]) -> None:
        """Take over problems found elsewhere that are not noted yet, such as the same one in each stratum."""
        for problem in problems:
            if problem not in self._items:
                self._items.append(problem)

    def in_period(self, period: str | None) -> Problems:
        """Return the same problems, each with the period it belongs to."""
        return Problems(replace(p, where=replace(p.where, period=period)) for p in self._items)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over problems found elsewhere."""
        self._items.extend(problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop a run."""
        return tuple(p for p in self._items if p.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that are only reported."""
        return tuple(p for p in self._items if p.severity == "warning")

    def raise_errors(self) -> None:
        """Raise `InputError` with everything noted so far if any of it is an error."""
        if self.errors:
            raise InputError(self._items)


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Return every known problem: code → severity and sentences (``en, zh, hint_en, hint_zh``)."""
    files = resources.files("citygauge").joinpath("catalogue").iterdir()
    return {
        f"{room}.{name}": {"severity": "error", **entry}
        for file in sorted(files, key=lambda path: path.name)
        for room, entries in tomllib.loads(file.read_text(encoding="utf-8")).items()
        for name, entry in entries.items()
    }


def _entry(code: str) -> Mapping[str, str]:
    return catalogue()[code]


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    return str(value)


def _said(value: Any, language: Language) -> str:
    """Write a value for a sentence; of a long list the first ten and a count."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    comma = "、" if language == "zh" else ", "
    shown = comma.join(_said(item, language) for item in value[:SHOWN_ITEMS])
    rest = len(value) - SHOWN_ITEMS
    if rest <= 0:
        return shown or ("无" if language == "zh" else "none")
    return f"{shown} 等 {len(value)} 项" if language == "zh" else f"{shown} and {rest} more"
