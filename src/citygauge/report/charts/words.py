"""Text broken into lines for boxes of a chart: Chinese between characters, Latin between words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from math import ceil
from unicodedata import east_asian_width

from citygauge.report.charts.base import SIZE, width_of

# What may not begin a line, and what may not end one (GB/T 15834-2011, 5.1).
_NOT_FIRST = frozenset("，。、；：！？）》】」』”’…—·％%,.;:!?)]}")
_NOT_LAST = frozenset("（《【「『“‘([{")
# What no line is broken inside: a word up to its hyphens if no digit follows, few characters in brackets.
_WORDS = re.compile(
    r"\s+|（[^（）\s]{1,4}）|[^\s\u2e80-\u9fff\uf900-\uffef–-]+(?:-\d[^\s\u2e80-\u9fff\uf900-\uffef–-]*)*[–-]*|.",
    re.DOTALL,
)
_AFTERWORD = re.compile(r"(.+?)\s*([（(][^（()）]*[）)])")


def wrap(text: str, width: float, size: float = SIZE, *, lines: int | None = None) -> list[str]:
    """Return a text in lines that are at most `width` pixels wide, whatever fonts draw it.

    A Latin word wider than that is broken inside; a line feed in the text begins a line. Where the text needs
    more than `lines` lines, the last one ends in an ellipsis.

    Examples
    --------
    >>> wrap("国家新型智慧城市评价指标", 72)
    ['国家新型智慧', '城市评价指标']
    >>> wrap("smart city indicators", 90, lines=1)
    ['smart city…']
    """
    found: list[str] = []
    for part in text.splitlines():
        found.append("")
        for piece in _pieces(part, width, size):
            if width_of((found[-1] + piece).strip(), size) <= width or not found[-1].strip():
                found[-1] += piece
            else:
                found.append(piece)
    kept = [line.strip() for line in found if line.strip()] or [""]
    if lines is None or len(kept) <= lines:
        return kept
    rest = "".join(kept[lines - 1 :]) if _is_wide(text) else " ".join(kept[lines - 1 :])
    return [*kept[: lines - 1], clipped(rest, width, size)]


def balanced(text: str, width: float, size: float = SIZE, *, lines: int | None = None) -> list[str]:
    """Return a text in as few lines as `wrap` makes of it, but in lines of about one length.

    What stands in brackets at its end has a line of its own where that takes no further one.

    Examples
    --------
    >>> balanced("新型智慧城市评价指标", 108), balanced("20000亿元及以上（6个）", 108)
    (['新型智慧城', '市评价指标'], ['20000亿元及以上', '（6个）'])
    """
    found = wrap(text, width, size, lines=lines)
    if len(found) == 1 or "\n" in text or found[-1].endswith("…"):
        return found
    if (parts := _AFTERWORD.fullmatch(text)) and width_of(parts[2], size) <= width:
        apart = [*balanced(parts[1], width, size), parts[2]]
        if len(apart) <= len(found):
            return apart
    least = max(width_of(piece.strip(), size) for piece in _pieces(text, width, size))
    for tried in range(ceil(max(least, width_of(text, size) / len(found))), int(width)):
        better = wrap(text, tried, size)
        if len(better) == len(found):
            return better
    return found


def keeps_words(text: str, width: float, size: float = SIZE) -> bool:
    """Tell whether no word of a text is wider than a line, so that `wrap` breaks none.

    Examples
    --------
    >>> keeps_words("top-level design", 60), keeps_words("management rules", 60)
    (True, False)
    """
    parts = (part for word in text.split() for part in _WORDS.findall(word))
    return all(width_of(part, size) <= width for part in parts)


def fitted(text: str, width: float, sizes: Sequence[float], *, lines: int) -> tuple[list[str], float]:
    """Return a text in balanced lines, and its size: the first of some in which no word is broken."""
    size = next((size for size in sizes if keeps_words(text, width, size)), sizes[-1])
    return balanced(text, width, size, lines=lines), size


def clipped(text: str, width: float, size: float = SIZE) -> str:
    """Return a text of one line at most `width` pixels wide, with an ellipsis where it was cut.

    Examples
    --------
    >>> clipped("数字服务", 48), clipped("数字服务", 40)
    ('数字服务', '数字…')
    """
    if width_of(text, size) <= width + 1e-6:
        return text
    kept = text
    while kept and width_of(kept + "…", size) > width:
        kept = kept[:-1]
    words = kept.rsplit(" ", 1)
    if len(words) == 2 and text[len(kept)].isalnum() and len(words[0]) > len(kept) / 2:
        kept = words[0]
    return kept.rstrip() + "…"


def _pieces(text: str, width: float, size: float) -> list[str]:
    """Return the parts of a text between which a line may be broken."""
    found: list[str] = []
    whole = _WORDS.findall(text)
    parts = ([*piece] if piece[0] == "（" and width_of(piece, size) > width else [piece] for piece in whole)
    for piece in chain.from_iterable(parts):
        stays = found and (piece[0] in _NOT_FIRST or found[-1][-1] in _NOT_LAST)
        if stays and width_of((found[-1] + piece).strip(), size) <= width:
            found[-1] += piece
        else:
            found += _broken(piece, width, size)
    return [" " if piece.isspace() else piece for piece in found]


def _broken(word: str, width: float, size: float) -> list[str]:
    """Return a word in parts no wider than the line."""
    cuts = [0]
    for end in range(1, len(word)):
        if width_of(word[cuts[-1] : end + 1], size) > width:
            cuts.append(end)
    return [word[a:b] for a, b in pairwise([*cuts, len(word)])]


def _is_wide(text: str) -> bool:
    """Tell whether most characters of a text are full-width."""
    return sum(east_asian_width(char) in "WF" for char in text) * 2 > len(text)
