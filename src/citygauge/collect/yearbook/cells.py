"""What a cell of a printed table says: a number, a mark for a gap, or something that nobody can read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from citygauge.collect.citybook.numbers import plain_number, trimmed
from citygauge.collect.observations import STATES
from citygauge.collect.yearbook.measures import measure_of, multiple_of
from citygauge.collect.yearbook.words import key_of, words

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("−"): ord("-"), 0x3000: ord(" ")}
_GROUPED = re.compile(r"([-+]?[0-9]{1,3})((?:[,'’][0-9]{3})+|(?:[ \u00a0\u2009\u202f][0-9]{3})+)([.][0-9]+)?")
_MARKED = re.compile(
    r"(?P<number>.*[0-9.%])\s*(?P<mark>[①-⑳⑴-⒇⁰-⁹¹²³†‡*]+|\[[0-9a-z]{1,2}\]|\([0-9]{1,2}\)"
    r"|\s(?!p[cp])[bcdefinprsuz]{1,2})"  # the last: flags of Eurostat
)
_WITH_UNIT = re.compile(r"([-+]?[0-9][0-9,.\u00a0 ]*)\s*([^0-9.,\s][^0-9]*[23]?)")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Told:
    """What a cell says. `state` is blank where it cannot be read; `measure` is the unit that stands in it."""

    state: str
    number: Decimal | None = None
    mark: str = ""
    measure: str = ""

    @property
    def note(self) -> str:
        """What is kept of a mark beside the fact."""
        said = words().notes_of.get(key_of(self.mark), "")
        return f"{self.mark}：{said}" if said else self.mark


def read_cell(text: str, marks: Mapping[str, float | str], decimal: str = ".") -> Told:
    """Return what a cell says.

    Full-width digits, thousands separators in their right places, per cent signs, a unit behind the number
    and the marks of footnotes are read; every other text that is neither a number nor a mark has the state
    ``""``: what is not plainly a number is never guessed.

    Parameters
    ----------
    marks : mapping
        Key of a mark → the state or the number that it stands for.
    decimal : str
        ``.`` or ``,``.

    Examples
    --------
    >>> read_cell("1,234.5①", {}).number, read_cell("52.3%", {}).measure, read_cell("约5", {}).state
    (Decimal('1234.5'), '%', '')
    """
    told = trimmed(text)
    key = key_of(told)
    if key in marks:
        return _meaning(marks[key], told)
    if len(told) > _LONGEST:
        return Told("", mark=told)
    plain = trimmed(told.translate(_WIDE))
    mark = ""
    number = _number(plain, decimal)
    if number is None and (match := _MARKED.fullmatch(plain)):
        plain, mark = trimmed(match["number"]), match["mark"].strip()
        number = _number(plain, decimal)
    if number is not None:
        return Told("value", number, mark)
    return _with_unit(plain, mark, decimal) or _of_mark_alone(plain, marks) or Told("", mark=told)


def _meaning(meaning: float | str, mark: str) -> Told:
    """Return what a mark stands for by the map or by custom."""
    if isinstance(meaning, str):
        return Told(meaning, mark=mark)
    return Told("value", Decimal(str(meaning)), mark)


def is_state(meaning: float | str) -> bool:
    """Tell whether a mark may stand for this: a finite number, or a state without a value."""
    return meaning in STATES[1:] if isinstance(meaning, str) else plain_number(str(meaning)) is not None


@lru_cache(maxsize=1 << 16)
def is_figure(text: str) -> bool:
    """Tell whether a text looks like what stands in the body of a table: a number or a mark, not blank."""
    return bool(text) and bool(read_cell(text, words().marks).state)


def _number(text: str, decimal: str) -> Decimal | None:
    if decimal == ",":
        text = text.replace(".", "'").replace(",", ".")
    if (match := _GROUPED.fullmatch(text)) is not None:
        text = match[1] + re.sub("[^0-9]", "", match[2]) + (match[3] or "")
    return None if plain_number(text) is None else Decimal(text)


def _with_unit(text: str, mark: str, decimal: str) -> Told | None:
    """Read a number with a unit or a multiple behind it: 52.3%, 3.2万人, 1.5亿."""
    match = _WITH_UNIT.fullmatch(text)
    number = _number(trimmed(match[1]), decimal) if match else None
    if match is None or number is None:
        return None
    unit = match[2].strip()
    if measure_of(unit) is None and multiple_of(unit) is None:
        return None
    return Told("value", number, mark, unit)


def _of_mark_alone(text: str, marks: Mapping[str, float | str]) -> Told | None:
    """Read a mark for a gap that has the mark of a footnote behind it: …①."""
    bare = re.sub(r"[①-⑳*†]+$|\s*[\[(][0-9]{1,2}[\])]$|(?<=^:)\s*[a-z]{1,2}$", "", text)
    return _meaning(marks[key_of(bare)], text) if bare and bare != text and key_of(bare) in marks else None
