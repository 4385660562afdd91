"""Which word a figure earns: rules whose thresholds are a theme's data, on figures as they are printed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from citygauge.problems import Language
from citygauge.report.book.numbers import Number
from citygauge.report.book.thresholds import Wording


@cache
def _all_words() -> dict[str, Any]:
    text = resources.files("citygauge").joinpath("report", "book", "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def fixed_words(language: Language) -> Mapping[str, str]:
    """Return the fixed words of the writers in a language."""
    words: Mapping[str, str] = _all_words()[language]
    return words


def channel_name(channel: str, language: Language) -> str:
    """Return what a collection channel is called."""
    return str(_all_words()["channels"][language][channel or "none"])


def factor_name(key: str, language: Language, nodes: str) -> str:
    """Return what a factor of a robustness run is called; a part of the method without a name, its key."""
    words = _all_words()["factors"][language]
    return str(words.get(key, words["other"])).format(nodes=nodes, key=key)


@dataclass(frozen=True)
class Words:
    """The words of comparison in a language; `width` is the range of the index.

    Every rule looks at figures as they are printed, so that a sentence never tells more, or other, than the
    table beside it.
    """

    language: Language
    rules: Wording
    width: float

    def fixed(self, key: str) -> str:
        """Return one of the fixed words."""
        return fixed_words(self.language)[key]

    def compare(self, one: Number, other: Number) -> str:
        """Return how one figure lies against another: 明显高于, is slightly below and so on."""
        return str(_all_words()["compare"][self.language][self._place(one, other)])

    def _place(self, one: Number, other: Number) -> str:
        apart = round(one.printed - other.printed, 9)
        if not apart:
            return "equal"
        side, size = "above" if apart > 0 else "below", round(abs(apart) / self.width, 9)
        if size <= self.rules.near:
            return f"near_{side}"
        return f"far_{side}" if size >= self.rules.far else side

    def is_near(self, one: Number, other: Number) -> bool:
        """Tell whether two figures may be called close to each other."""
        return self._place(one, other) in ("equal", "near_above", "near_below")

    def spread(self, sd: Number) -> str:
        """Return how even a standard deviation is called: 较为均衡, uneven and so on."""
        return str(_all_words()["spread"][self.language][self.spread_class(sd)])

    def spread_class(self, sd: Number) -> str:
        """Return ``even``, ``middle`` or ``uneven``."""
        share = round(sd.printed / self.width, 9)
        return "even" if share <= self.rules.even else ("uneven" if share >= self.rules.uneven else "middle")

    def link(self, r: Number, p: Number) -> str:
        """Return what a correlation is called; none where it is small or may well be chance."""
        size = abs(r.printed)
        if not r or not p or size < self.rules.weak_link or p.printed > self.rules.significance:
            kind = "none"
        else:
            strength = "strong" if size >= self.rules.strong_link else "weak"
            kind = f"{strength}_{'positive' if r.printed > 0 else 'negative'}"
        return str(_all_words()["link"][self.language][kind])

    def is_linked(self, r: Number, p: Number) -> bool:
        """Tell whether a correlation is called one."""
        enough = abs(r.printed) >= self.rules.weak_link and p.printed <= self.rules.significance
        return bool(r) and bool(p) and enough

    def is_significant(self, p: Number) -> bool:
        """Tell whether a difference between groups may be called one."""
        return bool(p) and p.printed <= self.rules.significance

    def reliability(self, narrow: Number, units: Number) -> str:
        """Return how reliable a ranking is called in which so many of the units have a narrow interval."""
        share = round(narrow.printed / units.printed, 9) if units.value else 0.0
        kind = "firm" if share >= self.rules.firm else "loose" if share <= self.rules.loose else "partly"
        return str(_all_words()["ranking"][self.language][kind])
