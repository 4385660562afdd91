"""Numbers in running text, Chinese and English, and texts in which they do not count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

# Full-width forms are one thing with the others, but the Chinese comma never stands between thousands.
_NARROW: dict[int, int | str] = {
    code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，；"
}
_NARROW |= {ord(sign): "-" for sign in "\u2212\u2010\u2011\u2013\ufe63"} | {ord("\u3000"): " "}
_UNITS = {
    "per cent": "%", "percent": "%", "万亿": "万亿", "万": "万", "亿": "亿", "‰": "‰", "%": "%",
    "thousand": "thousand", "million": "million", "billion": "billion",
}  # fmt: skip
_NUMBER = re.compile(
    r"(?P<sign>(?<![0-9A-Za-z%)\]])[-+])?"
    r"(?<![0-9A-Za-z_])(?<![0-9]\.)"
    r"(?P<digits>[0-9]{1,3}(?:[,\u2009\u202f][0-9]{3})++(?![0-9])|[0-9]++)(?P<rest>(?:\.[0-9]++)*+)"
    r"(?![GDK](?![A-Za-z]))"  # 5G, 3D and 4K are words
    r"(?P<unit>%|‰|万亿|万|亿|\s?(?:per cent|percent|thousand|million|billion)\b|\s%)?"
)
_PIECE = re.compile(r"[A-Za-z_]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text: a number, a word of letters, or one other character.

    `key` is what it is compared by; numbers that are the same number have the same one.
    """

    text: str
    key: str
    start: int
    number: bool = False


def narrowed(text: str) -> str:
    """Return a text of the same length whose full-width digits and signs are the plain ones.

    >>> narrowed("６８．２５％，−１")
    '68.25%，-1'
    """
    return text.translate(_NARROW)


def pieces(text: str, words: re.Pattern[str] | None = None) -> list[Piece]:
    """Return the pieces of a text, blanks left out.

    A number has its thousands separators taken out, zeros at its end too, and holds the sign, and the unit
    that belongs to it (per cent, 万, 亿, million …). Digits that belong to a word (5G, PM2.5) are no numbers.

    Parameters
    ----------
    words : pattern, optional
        What else is a word although there are digits in it, such as the labels of figures.

    Examples
    --------
    >>> [piece.key for piece in pieces("−1,200.50 m, 12 per cent of 5G") if piece.number]
    ['-1200.5', '12%']
    """
    plain = narrowed(text)
    found: list[Piece] = []
    at = 0
    for start, end, key in _marks(plain, words):
        found += _others(text, plain, at, start)
        found.append(Piece(text[start:end], key or plain[start:end], start, number=bool(key)))
        at = end
    return found + _others(text, plain, at, len(plain))


def _marks(plain: str, words: re.Pattern[str] | None) -> Iterator[tuple[int, int, str]]:
    """Yield where labels and numbers stand, with the key of a number and none of a label."""
    labels = [found.span() for found in words.finditer(plain)] if words else []
    at = 0
    for start, end in [*labels, (len(plain), len(plain))]:
        for found in _NUMBER.finditer(plain, at, start):
            yield (*found.span(), _key(found))
        if end > start:
            yield start, end, ""
        at = end


def _others(text: str, plain: str, start: int, end: int) -> list[Piece]:
    return [
        Piece(text[found.start() : found.end()], found[0].casefold(), found.start())
        for found in _PIECE.finditer(plain, start, end)
        if not found[0].isspace()
    ]


def _key(found: re.Match[str]) -> str:
    """Return what a number is compared by; more than one point makes it a name, such as a date or version."""
    digits = re.sub(r"[^0-9]", "", found["digits"])
    unit = _UNITS[(found["unit"] or "").strip()] if found["unit"] else ""
    sign = "-" if found["sign"] == "-" else ""
    if found["rest"].count(".") > 1:
        return digits + found["rest"]
    value = Decimal(f"{sign}{digits}{found['rest']}")
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return ("0" if text == "-0" else text) + unit


def masked(found: Iterable[Piece]) -> str:
    """Return pieces as one text with every number the same.

    >>> masked(pieces("A 5, B 7"))
    'a#,b#'
    """
    return "".join("#" if piece.number else piece.key for piece in found)


def key_of(text: str, words: re.Pattern[str] | None = None) -> tuple[str, str]:
    """Return what a text says in full, each number in one way of writing, and what it says beside them."""
    found = pieces(text, words)
    return "\0".join(piece.key for piece in found), masked(found)
