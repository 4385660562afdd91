"""What the texts of a table name: cities, indicators, years and units of measure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from citygauge.collect.units import Match, UnitMatcher, Units
from citygauge.collect.yearbook.mapping import Name, YearbookMap
from citygauge.collect.yearbook.measures import measure_of
from citygauge.collect.yearbook.words import (
    bracketed,
    chinese_part,
    is_chinese,
    is_province,
    is_stamp,
    key_of,
    narrowings,
    parted_from_year,
    title_words,
    without_brackets,
    without_marks,
    words,
    year_alone,
)
from citygauge.framework.model import Framework

_GAP = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")  # 全 市
_AND = re.compile(r"[、，,;；：:及和与]|以及|\band\b|&", re.IGNORECASE)
_UNKNOWN = Match("unknown")


@dataclass(frozen=True, slots=True)
class Header:
    """What the parts of a header say from the top down: names, the last year, the last unit of measure."""

    names: tuple[str, ...] = ()
    year: str = ""
    measure: str = ""

    @property
    def path(self) -> str:
        """The names as a map writes them."""
        return "/".join(self.names)


@dataclass(frozen=True, slots=True)
class Meant:
    """The indicator that names stand for; where it is none, what they are near to."""

    code: str = ""
    near: tuple[str, ...] = ()
    ambiguous: bool = False


@dataclass
class Lexicon:
    """The names of a framework's indicators and of an assessment's units, with those that a map adds."""

    framework: Framework
    units: Units
    how: YearbookMap | None = None
    numeric_codes: bool = False
    _codes: dict[str, set[str]] = field(init=False, default_factory=dict)
    _places: dict[str, Match] = field(init=False, default_factory=dict)
    _indicators: dict[str, bool] = field(init=False, default_factory=dict)
    _named: dict[str, list[Name]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._matcher = UnitMatcher(self.units)
        # No table of facts has a pillar's score in it, but groups of a header are called like pillars.
        told = [(code, self.framework[code].name) for code in self.framework.codes if self._is_recorded(code)]
        told += [(item.code, item.name) for item in self.framework.items]
        for code, names in told:
            for name in {code, *names.values()}:
                self._codes.setdefault(key_of(self.header([name]).path or name), set()).add(code)
                self._codes.setdefault(key_of(name), set()).add(code)
        for alias in self.how.names if self.how else ():
            self._named.setdefault(key_of(alias.text), []).append(alias)
        self._mapped = {
            key_of(part)
            for table in (self.how.tables if self.how else ())
            for column in table.columns
            for part in column.header.split("/")
            if part
        }

    def place(self, text: str) -> Match:
        """Return the unit that a label names; a label in two languages counts by its Chinese half."""
        if text not in self._places:
            self._places[text] = self._match(text)
        return self._places[text]

    def holds(self, text: str, code: str, period: str) -> tuple[str, bool]:
        """Return the unit that a label names in a period, and whether name and unit hold then.

        `code` is the unit that the label names when no year is asked for.
        """
        year = int(period[:4]) if period[:4].isdecimal() else None
        named = self._named.get(key_of(without_marks(text)), [])
        fitting = [name for name in named if _within(year, name.first, name.last)]
        if named:
            return (fitting[0].unit, True) if fitting else (named[0].unit, False)
        return code, _within(year, *self._years_of(code))

    def is_indicator(self, text: str) -> bool:
        """Tell whether a text names an indicator, or a header of the map does."""
        if text not in self._indicators:
            self._indicators[text] = self._names_indicator(text)
        return self._indicators[text]

    def _names_indicator(self, text: str) -> bool:
        header = self.header([text])
        known = bool(header.names) and key_of(header.names[-1]) in self._mapped
        return known or bool(self.meant(header.names).code)

    def meant(self, names: Sequence[str]) -> Meant:
        """Return the indicator that the parts of a header name.

        One part, or all together, must be its name; the others must be its ancestors' names, its name in
        the other language, or words that narrow nothing, such as 全市.
        """
        told = [name for name in names if not words().has("neutral", name)]
        if not told:
            return Meant()
        whole = self._known("".join(told))
        if whole:
            return _one(whole)
        hits = [(place, self._known(name)) for place, name in enumerate(told)]
        hits = [(place, found) for place, found in hits if found]
        if not hits:
            return Meant(near=self._near(told))
        codes = set.intersection(*(found for _, found in hits))
        if not codes:  # an indicator above its measure, else two that have nothing to do with each other
            codes, hits = hits[-1][1], hits[-1:]
        meant = _one(codes)
        rest = [told[place] for place in range(len(told)) if place not in {hit for hit, _ in hits}]
        foreign = any(is_chinese(told[place]) for place, _ in hits)
        if all(
            self._is_above(name, meant.code)
            or self._is_within(name, meant.code)
            or (foreign and not is_chinese(name) and not narrowings(name) and not self._known(name))
            for name in rest
        ):
            return meant
        return Meant(near=tuple(sorted(codes)))

    def narrowed_by(
        self, code: str, titles: Sequence[str], headers: Sequence[str], known: Sequence[str] = ()
    ) -> frozenset[str]:
        """Return the words of a table's titles that make an indicator in it mean something else.

        Words of its own name do not count, nor those that `known` texts hold, such as a map's title. In a
        title of several parts (主要指标及增长速度) a part that says nothing but such words does not count
        where another header of the table takes them up: there the growth has columns of its own.
        """
        own = [*known]
        if code in self.framework:
            own += self.framework[code].name.values()
        allowed = frozenset().union(*map(narrowings, own)) & words().sets["scopes"]
        allowed |= frozenset().union(*map(narrowings, known))
        taken_up = narrowings(" ".join(headers))
        found: set[str] = set()
        for title in titles:
            if is_stamp(title):
                continue
            told = "".join(title.split()) if is_chinese(title) else title
            for name in own:
                told = told.replace(name, " ")
            parts = [part for part in _AND.split(told) if part.strip()]
            heads = [part for part in parts if not narrowings(part)]
            for part in parts:
                words_of = narrowings(part) - allowed
                aside = bool(heads) and _is_headless(part) and words_of <= taken_up
                found |= set() if aside else words_of
            if any(key_of(part).endswith("全市") for part in heads):
                found.discard("市辖区")
        return frozenset(found)

    def in_title(self, texts: Sequence[str]) -> Meant:
        """Return the indicator that a title is about: what is left of it must be its name."""
        found: set[str] = set()
        for text in texts:
            other = narrowings(text) - narrowings(chinese_part(text))
            halves = (text, "" if other else chinese_part(text))
            found |= set().union(*(self._known(title_words(half)) for half in halves if half))
        return _one(found) if found else Meant()

    def places_in(self, texts: Sequence[str]) -> set[str]:
        """Return the units whose Chinese names stand in titles."""
        return {
            code
            for code, name in zip(self.units.codes, self.units.names("zh"), strict=True)
            if is_chinese(name)
            and any(key_of(name) in key_of(text).replace(f"{key_of(name)}省", "") for text in texts)
        } or {match.code for text in texts if (match := self.place(text)).verdict == "found"}

    def header(self, parts: Sequence[str]) -> Header:
        """Return names, year and unit of measure of the parts of a header."""
        names: list[str] = []
        year = measure = ""
        pieces = [piece for part in parts for piece in part.splitlines() if piece.strip()]
        for piece in pieces:
            name, own_year, own_measure = _taken_apart(piece)
            year, measure = own_year or year, own_measure or measure
            if name and (not names or key_of(names[-1]) != key_of(name)):
                names.append(name)
        return Header(tuple(names), year, measure)

    def _match(self, text: str) -> Match:
        label = without_marks(text)
        if label.isdecimal() and len(label) < 6 and not self.numeric_codes:
            return _UNKNOWN
        halves = [label, *(line for line in label.splitlines() if line != label), chinese_part(label)]
        halves += [without_brackets(label, inside) for inside in bracketed(label)]
        best = _UNKNOWN
        for half in filter(None, halves):
            named = self._named.get(key_of(half))
            match = Match("found", named[0].unit) if named else self._matcher.match(half)
            if match.verdict != "unknown":
                return match
            best = match if match.candidates else best
        return best

    def _is_recorded(self, code: str) -> bool:
        """Tell whether facts are recorded about a node: it is measured, or has nothing below it."""
        return self.framework[code].is_measurable or not self.framework.children(code)

    def _known(self, name: str) -> set[str]:
        chinese = chinese_part(name)
        if found := self._codes.get(key_of(name)):
            return found
        if narrowings(name) - narrowings(chinese):  # 地区生产总值 Growth rate
            return set()
        return self._codes.get(key_of(chinese), set())

    def _is_above(self, name: str, code: str) -> bool:
        """Tell whether a name is that of an ancestor of an indicator."""
        if code not in self.framework:
            return False
        parent = self.framework[code].parent
        while parent is not None:
            node = self.framework[parent]
            if key_of(name) in {key_of(known) for known in node.name.values()}:
                return True
            parent = node.parent
        return False

    def _is_within(self, name: str, code: str) -> bool:
        """Tell whether a name is only a piece of that of an indicator: 人口 above 年末常住人口."""
        names = self.framework[code].name.values() if code in self.framework else ()
        return not narrowings(name) and any(key_of(name) in key_of(whole) for whole in names)

    def _near(self, names: Sequence[str]) -> tuple[str, ...]:
        near = [match for name in names for match in get_close_matches(key_of(name), self._codes, 2, 0.6)]
        return tuple(dict.fromkeys(near))

    def _years_of(self, code: str) -> tuple[int | None, int | None]:
        """Return from when to when a unit is there, by the columns from and to of ``units.csv``."""
        if code not in self.units.position:
            return None, None
        told = (
            self.units.texts(name)[self.units.position[code]] if name in self.units.attributes else None
            for name in ("from", "to")
        )
        first, last = (int(text[:4]) if text and text[:4].isdecimal() else None for text in told)
        return first, last


def _is_headless(part: str) -> bool:
    """Tell whether a part of a title begins with words that narrow: 增长速度, but not 人口增长速度."""
    key = title_words(part)
    return any(key.startswith(key_of(word)) for word in narrowings(part))


def names_provinces(labels: Sequence[str]) -> bool:
    """Tell whether labels are names of provinces, so that 吉林 is one too and no city.

    They are where two are, or where a city stands beside what else would be its own short name.
    """
    found = {key_of(chinese_part(label) or label) for label in labels if is_province(label)}
    keys = {key_of(chinese_part(label) or label) for label in labels}
    return len(found) > 1 or any(f"{name}市" in keys for name in found)


def _within(year: int | None, first: int | None, last: int | None) -> bool:
    return year is None or ((first is None or year >= first) and (last is None or year <= last))


def _one(codes: set[str]) -> Meant:
    return Meant(next(iter(codes))) if len(codes) == 1 else Meant(near=tuple(sorted(codes)), ambiguous=True)


def _taken_apart(piece: str) -> tuple[str, str, str]:
    """Return name, year and unit of measure of a piece of a header."""
    name, year, measure = without_marks(piece), "", ""
    for inside in bracketed(name):
        told = inside.strip().removeprefix("单位：").removeprefix("单位:")
        if year_alone(told):
            year, name = year_alone(told), without_brackets(name, inside)
        elif measure_of(told) is not None and not told.isdecimal():
            measure, name = told.strip(), without_brackets(name, inside)
    name = _GAP.sub("", without_marks(name))
    for comma in ("，", ",", "、"):
        head, _, tail = name.rpartition(comma)
        if head and measure_of(tail) is not None and not tail.strip().isdecimal():
            name, measure = head.strip(), tail.strip()
    name, own = parted_from_year(name)
    if name and not name.isdecimal() and measure_of(name) is not None and not _is_header_word(name):
        name, measure = "", name
    return name, own or year, measure


def _is_header_word(name: str) -> bool:
    """Tell whether a word that could be a unit, such as 年 or unit, is what headers call their columns."""
    return any(words().has(kind, name) for kind in ("periods", "measures", "indicators", "values", "units"))
