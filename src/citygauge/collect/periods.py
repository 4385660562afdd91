"""How periods are written: with the year first, so that they sort and are found again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from citygauge.problems import Problems, Where

_USUAL = re.compile(r"[12][0-9]{3}(?:$|[-/ ]|[QSHMWT][0-9])")
_YEAR = re.compile(r"[12][0-9]{3}(?![0-9])")
_CHINESE = str.maketrans("〇零一二三四五六七八九", "00123456789")


def is_usual(period: str) -> bool:
    """Tell whether a period begins with its year: ``2023``, ``2023Q1``, ``2023-06``, ``2021-2023``.

    >>> [is_usual(period) for period in ("2023", "2023Q1", "2023-06", "2023年", "二〇二三", "20x")]
    [True, True, True, False, False, False]
    """
    return _USUAL.match(period) is not None


def usual_form(period: str) -> str | None:
    """Return the year that a period seems to mean; None where there is none.

    >>> usual_form("二〇二三年"), usual_form("２０２３"), usual_form("20x")
    ('2023', '2023', None)
    """
    found = _YEAR.search(unicodedata.normalize("NFKC", period).translate(_CHINESE))
    return found[0] if found else None


def note_unusual(periods: Iterable[str | None], where: Where, problems: Problems) -> None:
    """Note the periods that do not begin with a year, once."""
    odd = [period for period in dict.fromkeys(periods) if period and not is_usual(period)]
    if odd:
        near = list(dict.fromkeys(form for period in odd if (form := usual_form(period))))
        problems.add("import.unusual-period", where, periods=odd, near=near)
