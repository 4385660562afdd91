"""Rubrics in a cell: ``0: 无 | none ; 1: 部分 | partial ; 2=0.9: 完整 | complete``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from citygauge.framework.model import RubricLevel

_LEVEL = re.compile(
    r"^(?P<value>-?[0-9]+(?:[.][0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(?:=\s*(?P<score>[0-9]+(?:[.][0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*)?(?:[:：]\s*(?P<label>.*))?$"
)


def parse_rubric(text: str) -> tuple[RubricLevel, ...]:
    """Return the levels of a rubric written in one cell.

    Levels are separated by ``;``, the Chinese and English label by ``|``. A level without an explicit
    score earns its share of the way from the lowest to the highest value.

    Raises
    ------
    ValueError
        When a level cannot be read, a value repeats, fewer than two levels are given, or a score leaves
        [0, 1]; the message quotes the offending part.

    Examples
    --------
    >>> [level.score for level in parse_rubric("0: 无 | none ; 1: 部分 | partial ; 4: 完整 | complete")]
    [0.0, 0.25, 1.0]
    """
    parts = [part.strip() for part in re.split("[;；]", text) if part.strip()]
    read: list[tuple[float, float | None, dict[str, str]]] = []
    for part in parts:
        match = _LEVEL.match(part)
        if match is None:
            raise ValueError(part)
        zh, _, en = (match["label"] or "").replace("｜", "|").partition("|")
        label = {language: words.strip() for language, words in (("zh", zh), ("en", en)) if words.strip()}
        score = None if match["score"] is None else float(match["score"])
        if score is not None and not 0 <= score <= 1:
            raise ValueError(part)
        read.append((float(match["value"]), score, label))
    values = [value for value, _, _ in read]
    if len(values) < 2 or len(set(values)) < len(values):
        raise ValueError(text)
    low, span = min(values), max(values) - min(values)
    return tuple(RubricLevel(v, (v - low) / span if s is None else s, label) for v, s, label in read)


def format_rubric(levels: Sequence[RubricLevel]) -> str:
    """Return the levels as one cell that `parse_rubric` reads back to the same levels."""
    if not levels:
        return ""
    low = min(level.value for level in levels)
    span = max(level.value for level in levels) - low
    parts = []
    for level in levels:
        score = "" if level.score == (level.value - low) / span else f"={level.score!r}"
        zh, en = level.label.get("zh", ""), level.label.get("en", "")
        label = f"{zh} | {en}".strip() if en else zh
        parts.append(f"{number_text(level.value)}{score}" + (f": {label}" if label else ""))
    return " ; ".join(parts)


def number_text(value: float | None) -> str:
    """Return a number as the shortest text that reads back to it; None as empty text."""
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
