"""The things that are assessed: their codes, names and attributes, and how a name finds its unit."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.files import Sheet, canonical_headers
from citygauge.problems import Language, Problems, Where

_UNIT_COLUMNS = ("unit", "name_zh", "name_en", "name_zh_full", "aliases")
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼʹ′`´"), "'")
Verdict = Literal["found", "ambiguous", "elsewhere", "unknown"]


@dataclass(frozen=True)
class Units:
    """The units of an assessment, in order.

    `frame` is ``units.csv`` as text: ``unit`` (code), ``name_zh``, ``name_en``, optional ``name_zh_full``
    and ``aliases`` (separated by ``;``), and any attribute.
    """

    frame: pl.DataFrame

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The codes of the units."""
        return tuple(self.frame["unit"])

    def __len__(self) -> int:
        return self.frame.height

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Row of each code."""
        return {code: i for i, code in enumerate(self.codes)}

    def names(self, language: Language = "en") -> tuple[str, ...]:
        """Return each unit's name in the language, else in the other, else its code."""
        order = ("name_zh", "name_zh_full", "name_en") if language == "zh" else ("name_en", "name_zh")
        columns = [name for name in order if name in self.frame.columns]
        return tuple(self.frame.select(pl.coalesce(*columns, "unit"))[:, 0])

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns that describe the units beyond their names."""
        return tuple(name for name in self.frame.columns if name not in _UNIT_COLUMNS)

    def texts(self, attribute: str) -> tuple[str | None, ...]:
        """Return an attribute as text; None where blank."""
        return tuple(self.frame[attribute])

    def numbers(self, attribute: str) -> NDArray[np.float64]:
        """Return an attribute as numbers, NaN where it is blank or no number."""
        return (
            self.frame[attribute]
            .cast(pl.Float64, strict=False)
            .fill_null(float("nan"))
            .to_numpy()
            .astype(float)
        )

    def select(self, codes: Iterable[str]) -> Units:
        """Return the units of these codes, in this order."""
        return replace(self, frame=self.frame[[self.position[code] for code in codes]])


def units_of(sheet: Sheet, problems: Problems) -> Units | None:
    """Return the units of a table; None where codes are missing or repeated."""
    sheet = canonical_headers(sheet, _UNIT_COLUMNS)
    if "unit" not in sheet.frame.columns:
        problems.add("units.missing-column", sheet.where(), found=sheet.frame.columns)
        return None
    frame = (
        sheet.frame.drop("_row", strict=False)
        .with_row_index("_row")
        .filter(pl.any_horizontal(pl.all().exclude("_row").is_not_null()))
    )
    if not frame.height:
        problems.add("units.empty", sheet.where())
        return None
    before = len(problems.errors)
    first: dict[str, int] = {}
    for row, code in frame.select("_row", "unit").iter_rows():
        if code is None:
            problems.add("units.no-code", sheet.where(row, "unit"))
        elif code in first:
            problems.add("units.duplicate-code", sheet.where(row, "unit"), code=code, first=first[code])
        else:
            first[code] = sheet.first_row + row
    return None if len(problems.errors) > before else Units(frame.drop("_row"))


@dataclass(frozen=True, slots=True)
class Match:
    """What a piece of text says about a unit.

    ``found``: `code` is it. ``ambiguous``: it may be any of `candidates`. ``elsewhere``: a real city that
    is not among the units. ``unknown``: nothing; `candidates` are near misses.
    """

    verdict: Verdict
    code: str = ""
    candidates: tuple[str, ...] = ()
    possible: frozenset[str] = frozenset()  # the units that an ambiguous text may mean


class UnitMatcher:
    """Finds units by code, full, short or English name and alias, and never guesses between two.

    Names that two real Chinese cities share (Suzhou: 苏州 and 宿州; Taizhou: 泰州 and 台州) are ambiguous
    even where only one of them is among the units; an alias in ``units.csv`` settles it.
    """

    def __init__(self, units: Units) -> None:
        self._names = dict(zip(units.codes, units.names("zh"), strict=True))
        self._exact: dict[str, set[str]] = {}
        self._aliases: dict[str, set[str]] = {}
        for row in units.frame.iter_rows(named=True):
            for name in (row["unit"], row.get("name_zh"), row.get("name_zh_full"), row.get("name_en")):
                if name:
                    self._exact.setdefault(_key(name), set()).add(row["unit"])
            for alias in (row.get("aliases") or "").replace("；", ";").split(";"):
                if alias.strip():
                    self._aliases.setdefault(_key(alias), set()).add(row["unit"])
        self._codes = {_key(code): code for code in units.codes}

    def match(self, text: str) -> Match:
        """Return what a name or code stands for; “City” behind a name counts only where it finds nothing."""
        key = _key(text)
        found = self._match(key)
        if found.verdict == "unknown" and len(key) > 6 and key.endswith("city"):
            bare = self._match(key.removesuffix("city"))
            return found if bare.verdict == "unknown" else bare
        return found

    def _match(self, key: str) -> Match:
        if key in self._codes:
            return Match("found", self._codes[key])
        if key in self._aliases:
            return self._verdict(self._aliases[key])
        known = self._exact.get(key, set())
        homonyms = _gazetteer().get(key, ())
        elsewhere = [f"{name} {code}" for code, name in homonyms if not self._is_unit(code, name)]
        if len(homonyms) > 1 and (elsewhere or len(known) > 1):
            candidates = tuple(sorted(f"{name} {code}" for code, name in homonyms))
            return Match("ambiguous", "", candidates, frozenset(known))
        if known:
            return self._verdict(known)
        if homonyms:
            return Match("elsewhere", candidates=tuple(elsewhere))
        return Match("unknown", candidates=self._near(key))

    def _is_unit(self, code: str, name: str) -> bool:
        return code in self._names and _key(self._names[code]) == _key(name)

    def _verdict(self, codes: set[str]) -> Match:
        if len(codes) == 1:
            return Match("found", next(iter(codes)))
        candidates = tuple(sorted(f"{self._names[code]} {code}" for code in codes))
        return Match("ambiguous", "", candidates, frozenset(codes))

    def _near(self, key: str) -> tuple[str, ...]:
        near = get_close_matches(key, [*self._exact, *self._aliases], 3, cutoff=0.5)
        codes = dict.fromkeys(
            code for name in near for code in self._exact.get(name, self._aliases.get(name, ()))
        )
        return tuple(f"{self._names[code]} {code}" for code in codes)


def note_matches(
    matches: Mapping[str, Match], rows: Mapping[str, Sequence[int]], where: Where, problems: Problems
) -> None:
    """Note each text that is no unit once, with all the rows it stands in."""
    codes = {"ambiguous": "units.ambiguous", "elsewhere": "units.not-assessed", "unknown": "units.unknown"}
    for text, match in matches.items():
        if match.verdict in codes:
            place = replace(where, row=rows[text][0] if rows[text] else None)
            problems.add(codes[match.verdict], place, value=text, rows=rows[text], near=match.candidates)


def _key(text: str) -> str:
    """Return a name as names are compared: width, case, spaces, kinds of apostrophes and 市 do not matter."""
    key = "".join(unicodedata.normalize("NFKC", text).casefold().split()).translate(_APOSTROPHES)
    return key[:-1] if len(key) > 2 and key.endswith("市") else key


@cache
def _gazetteer() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return code and Chinese name of every prefecture-level city under each of its names."""
    text = resources.files("citygauge").joinpath("collect", "data", "cities.csv").read_text(encoding="utf-8")
    cities: dict[str, list[tuple[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        for name in (row["code"], row["name_zh_full"], row["name_en"]):
            cities.setdefault(_key(name), []).append((row["code"], row["name_zh_full"].removesuffix("市")))
    return {key: tuple(found) for key, found in cities.items()}
