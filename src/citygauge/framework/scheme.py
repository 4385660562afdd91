"""Schemes in a cell, how a value earns points: ``>=90: 5 ; >=80: 3 ; else: 0`` or ``each: 2``."""

from __future__ import annotations

import re
from math import isfinite

from citygauge.framework.model import Band, Scheme
from citygauge.framework.rubric import number_text

_SIGNS = {"≥": ">=", "≧": ">=", "≤": "<=", "≦": "<="}
_HALF_WIDTH = str.maketrans(dict(zip("：；＞＜＝－−", ":;><=--", strict=True)) | _SIGNS)
_NUMBER = r"[0-9]+(?:[.][0-9]+)?(?:[eE][-+]?[0-9]+)?"
_BAND = re.compile(rf"(?P<sign>[<>]=?)\s*(?P<edge>-?{_NUMBER})\s*:\s*(?P<points>{_NUMBER})\s*分?")
_ELSE = re.compile(rf"(?i:else|otherwise|其他|其它|其余|否则)\s*:\s*(?P<points>{_NUMBER})\s*分?")
_EACH = re.compile(rf"(?i:each|每项|每个|每处|每次|每条|每例)\s*:\s*(?P<points>[-+]?{_NUMBER})\s*分?")
_COMPLEMENT = {">=": "<", ">": "<=", "<=": ">", "<": ">="}


def parse_scheme(text: str) -> Scheme:
    """Return the scheme written in one cell.

    Parts are separated by ``;``. Bands are ``>=`` or ``>`` with falling edges, or ``<=`` or ``<`` with
    rising ones, and end with ``else`` or with the exact rest (``<60`` after ``>=60``), so that every value
    falls into one band and into one only. ``each`` stands alone.

    Raises
    ------
    ValueError
        When a part cannot be read, is out of order, can never be reached, or the rest is not said; the
        message quotes the offending part.

    Examples
    --------
    >>> [band.points for band in parse_scheme("≥90：5分；≥80：3分；其他：0分").bands]
    [5.0, 3.0]
    >>> parse_scheme("each: -0.5").each
    -0.5
    """
    parts = [part.strip() for part in re.split("[;；]", text) if part.strip()]
    plain = [part.translate(_HALF_WIDTH) for part in parts]
    if len(parts) == 1 and (match := _EACH.fullmatch(plain[0])):
        if not float(match["points"]) or not isfinite(float(match["points"])):
            raise ValueError(parts[0])
        return Scheme(each=float(match["points"]))
    if len(parts) < 2:
        raise ValueError(text)
    bands: list[Band] = []
    signs: list[str] = []
    for part, read in zip(parts[:-1], plain[:-1], strict=True):
        match = _BAND.fullmatch(read)
        if match is None or (signs and match["sign"][0] != signs[0][0]):
            raise ValueError(part)
        band = Band(float(match["edge"]) + 0.0, float(match["points"]), match["sign"].endswith("="))
        if not isfinite(band.edge + band.points):
            raise ValueError(part)
        if bands and not _widens(bands[-1], band, upward=match["sign"][0] == ">"):
            raise ValueError(part)
        bands.append(band)
        signs.append(match["sign"])
    return Scheme(0.0, tuple(bands), signs[0][0] == ">", _rest(parts[-1], plain[-1], bands[-1], signs[-1]))


def _widens(before: Band, band: Band, *, upward: bool) -> bool:
    """Tell whether a band holds values that the one before it leaves."""
    if before.edge == band.edge:
        return band.closed and not before.closed
    return (band.edge < before.edge) == upward


def _rest(part: str, read: str, last: Band, sign: str) -> float:
    """Return the points of all other values: those of ``else``, or of the exact rest of the last band."""
    if match := _ELSE.fullmatch(read):
        return float(match["points"])
    match = _BAND.fullmatch(read)
    if match is None or match["sign"] != _COMPLEMENT[sign] or float(match["edge"]) != last.edge:
        raise ValueError(part)
    return float(match["points"])


def format_scheme(scheme: Scheme | None) -> str:
    """Return the scheme as one cell that `parse_scheme` reads back to the same scheme."""
    if scheme is None:
        return ""
    if not scheme.bands:
        return f"each: {number_text(scheme.each)}"
    sign = ">" if scheme.upward else "<"
    parts = [
        f"{sign}{'=' if band.closed else ''}{number_text(band.edge)}: {number_text(band.points)}"
        for band in scheme.bands
    ]
    return " ; ".join([*parts, f"else: {number_text(scheme.otherwise)}"])
