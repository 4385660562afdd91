"""A number out of a cell that somebody typed; what is not plainly a number is named, never guessed."""

from __future__ import annotations

import re
from math import isfinite

from citygauge.collect.citybook.layout import LARGEST
from citygauge.collect.citybook.raw import RawCell
from citygauge.framework.rubric import number_text
from citygauge.problems import Problems, Where

_NUMBER = r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?"
_PLAIN = re.compile(_NUMBER)
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]*)?")
_COMMA = re.compile(r"([-+]?[0-9]+),([0-9]+)")
_WITH_UNIT = re.compile(
    rf"(?P<before>[^0-9+\-.]*)(?P<number>{_NUMBER})\s*(?P<after>[^0-9]*(?:[A-Za-z][23])?)"
)
_ACCOUNTANTS = re.compile(r"\(([0-9][0-9,.]*)\)|([0-9][0-9,.]*)-")
_ROUGH = re.compile(
    r"约|近|超|逾|大约|[≈~<>≤≥]|余|多|左右|以上|以下|about|over|under|nearly|approx", re.IGNORECASE
)
_DATE = re.compile(r"[0-9]{4}([-/.年])[0-9]{1,2}(?:([-/.月])[0-9]{1,2}日?|月)?(?:[ T][0-9:.]+)?")
_ERRORS = re.compile(
    r"#(?:DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!|SPILL!|CALC!|GETTING_DATA)", re.IGNORECASE
)
_MULTIPLES = {"万亿": 12, "亿": 8, "百万": 6, "万": 4, "千": 3, "billion": 9, "million": 6, "thousand": 3}
_INFINITE = re.compile(r"[-+]?(?:inf|infinity|nan|∞|无穷大?)", re.IGNORECASE)
_NOTHING = re.compile(
    r"[-—–/\\]+|无|暂无|没有|缺失?|缺|不详|未统计|不适用|无法测量|n/?a\.?|none|missing|null|not applicable",
    re.IGNORECASE,
)
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("−"): ord("-"), 0x3000: ord(" ")}
_EDGES = " \t\r\n'’‘\u00a0\u200b\ufeff\u3000"


def trimmed(text: str) -> str:
    """Return a cell without the spaces and apostrophes around it."""
    return text.strip(_EDGES)


def plain_number(text: str) -> float | None:
    """Return a number that is plainly written, scientific notation included; None for everything else.

    >>> plain_number("1.5e3"), plain_number("1,500")
    (1500.0, None)
    """
    return float(text) if _PLAIN.fullmatch(text) else None


def read_number(cell: RawCell, where: Where, unit: str, problems: Problems) -> float | None:
    """Return the number that a cell holds; None, and a problem, where it holds none.

    Spaces and an apostrophe around a number are dropped. Full-width digits and thousands separators in
    their right places are accepted and said; every other reading is only suggested.

    Parameters
    ----------
    cell : RawCell
    where : Where
        The cell's place.
    unit : str
        The unit of measure that the figure should have, for the message.
    """
    told = trimmed(cell.text)
    text = trimmed(told.translate(_WIDE))
    if _note_kind(cell, text, where, problems):
        return None
    value = plain_number(text)
    if value is None and _GROUPED.fullmatch(text):
        value = float(text.replace(",", ""))
    if value is None:
        _note_text(told, text, where, unit, problems)
        return None
    if not isfinite(value) or abs(value) > LARGEST:
        problems.add("collect.number-too-large", where, value=told, limit=f"{LARGEST:g}")
        return None
    if text != told or "," in text:
        problems.add("collect.number-read-as", where, value=told, reading=number_text(value))
    return value


def _note_kind(cell: RawCell, text: str, where: Where, problems: Problems) -> bool:
    """Note a cell that holds something else than text or a number."""
    if cell.kind == "uncomputed":
        problems.add("collect.formula-without-value", where)
    elif cell.kind == "error" or _ERRORS.fullmatch(text):
        problems.add("collect.formula-error", where, value=text)
    elif cell.kind == "boolean" or text.casefold() in {"true", "false"}:
        problems.add("collect.boolean-for-number", where)
    elif cell.kind == "date" or (_DATE.fullmatch(text) and plain_number(text) is None):
        problems.add("collect.date-for-number", where, value=text.removesuffix(" 00:00:00"))
    elif cell.kind == "percent":
        reading = f"{float(text) * 100:.12g}"
        problems.add("collect.percent-for-number", where, value=f"{reading}%", reading=reading)
    else:
        return False
    return True


def _note_text(told: str, text: str, where: Where, unit: str, problems: Problems) -> None:
    """Say what a text that is no plain number looks like, and which reading it suggests."""
    numbers = re.findall(r"[0-9]+(?:[.,][0-9]+)*", text)
    if _INFINITE.fullmatch(text):
        problems.add("collect.number-not-finite", where, value=told)
    elif _NOTHING.fullmatch(text):
        problems.add("collect.state-for-number", where, value=told)
    elif match := _ACCOUNTANTS.fullmatch(text):
        reading = f"-{match[1] or match[2]}"
        problems.add("collect.accountants-minus", where, value=told, reading=reading)
    elif match := _COMMA.fullmatch(text):
        problems.add("collect.decimal-comma", where, value=told, reading=f"{match[1]}.{match[2]}")
    elif re.fullmatch(r"[-+]?[0-9,]+(?:[.][0-9]*)?", text):
        problems.add("collect.thousands-separator", where, value=told, reading=text.replace(",", ""))
    elif numbers and _ROUGH.search(text):
        problems.add("collect.number-not-exact", where, value=told)
    elif (match := _WITH_UNIT.fullmatch(text)) and (match["before"] or match["after"]):
        rest = f"{match['before']}{match['after']}".strip()
        reading = _multiplied(match["number"], rest, unit)
        problems.add("collect.number-with-unit", where, value=told, reading=reading, rest=rest, unit=unit)
    elif len(numbers) > 1:
        problems.add("collect.two-numbers", where, value=told)
    else:
        problems.add("collect.text-for-number", where, value=told)


def _multiplied(number: str, rest: str, unit: str) -> str:
    """Return a number in the row's unit of measure where a multiple such as 万 stands in one or both."""
    power = _power(rest)
    return f"{float(number) * 10.0 ** (power - _power(unit)):.15g}" if power else number


def _power(text: str) -> int:
    """Return the power of ten that a text begins with."""
    return next((power for word, power in _MULTIPLES.items() if text.casefold().startswith(word)), 0)
