"""What an item can earn or cost, in words: full marks, bonuses, deductions, vetoes, and the scheme."""

from __future__ import annotations

from collections.abc import Mapping

from citygauge.collect.citybook.texts import say
from citygauge.framework.model import VETO, Band, Framework, Node, Scheme
from citygauge.framework.rubric import number_text
from citygauge.problems import Language

_COUNTED = "项个处次条例"  # units of measure of which Chinese says 每项, 每个 … as schemes are written
_COMPLEMENT = {"≥": "<", ">": "≤", "≤": ">", "<": "≥"}


def points_told(
    node: Node, framework: Framework, language: Language, marks: Mapping[str, float] | None = None
) -> list[str]:
    """Return what a node is worth, and by which rule; nothing where it has neither marks nor a role.

    Parameters
    ----------
    node : Node
    framework : Framework
    language : {"zh", "en"}
    marks : mapping, optional
        Full marks by code in place of the framework's own, as they follow other weights.
    """
    marks = framework.points if marks is None else marks
    if framework.roles[node.code] == VETO:
        return [_limit(node, framework, language, marks), _trigger(node, language)]
    return [
        part for part in (_worth(node, framework, language, marks), _rule(node, framework, language)) if part
    ]


def scheme_told(scheme: Scheme, language: Language, unit: str = "") -> str:
    """Return a scheme in words that `parse_scheme` reads back to the same scheme.

    >>> from citygauge.framework.scheme import parse_scheme
    >>> scheme_told(parse_scheme(">=90: 5 ; >=80: 3 ; else: 0"), "zh")
    '≥90：5分；≥80：3分；其他：0分'
    >>> scheme_told(parse_scheme("each: -0.5"), "en")
    'each: −0.5'
    """
    colon, point = ("：", "分") if language == "zh" else (": ", "")
    if not scheme.bands:
        counted = unit if unit and unit in _COUNTED else "项"
        each = f"每{counted}" if language == "zh" else "each"
        return f"{each}{colon}{_number(scheme.each)}{point}"
    worth = [f"{_number(band.points)}{point}" for band in scheme.bands]
    return _bands(scheme, worth, f"{_number(scheme.otherwise)}{point}", language)


def _bands(scheme: Scheme, words: list[str], otherwise: str, language: Language) -> str:
    """Return the bands of a scheme with a word for each, and one for all other values."""
    colon, gap, rest = ("：", "；", "其他") if language == "zh" else (": ", "; ", "else")
    parts = [
        f"{_sign(band, scheme)}{_number(band.edge)}{colon}{word}"
        for band, word in zip(scheme.bands, words, strict=True)
    ]
    return gap.join([*parts, f"{rest}{colon}{otherwise}"])


def _sign(band: Band, scheme: Scheme) -> str:
    return {(True, True): "≥", (True, False): ">", (False, True): "≤", (False, False): "<"}[
        scheme.upward, band.closed
    ]


def _worth(node: Node, framework: Framework, language: Language, marks: Mapping[str, float]) -> str:
    """Return the full marks of a node with its cap, or what it adds or takes off at most."""
    if node.code not in marks:
        return ""
    told = say("points", framework.roles[node.code] or "full", language, points=_number(marks[node.code]))
    if node.cap is not None:
        cap = node.cap * marks[node.code] / framework.points[node.code]
        told += say("points", "cap", language, cap=_number(cap))
    return told


def _rule(node: Node, framework: Framework, language: Language) -> str:
    if node.scheme is None:
        return ""
    scheme = scheme_told(node.scheme, language, node.unit)
    return say("points", f"{framework.roles[node.code] or 'full'}_rule", language, scheme=scheme)


def _limit(node: Node, framework: Framework, language: Language, marks: Mapping[str, float]) -> str:
    """Return what a veto leaves to its parent."""
    above = node.parent or ""
    parent = framework[above].label(language)
    if node.points is None:
        return say("points", "veto_none", language, parent=parent)
    most = node.points * marks[above] / framework.points[above]
    return say("points", "veto", language, parent=parent, points=_number(most))


def _trigger(node: Node, language: Language) -> str:
    """Return on which values a veto fires."""
    if node.scheme is not None:
        when = _fires(node.scheme, language)
    elif node.rubric:
        when = say("points", "any_score", language)
    else:
        when = f">{_number(node.low or 0.0)}"
    return say("points", "veto_rule", language, when=when)


def _fires(scheme: Scheme, language: Language) -> str:
    """Return on which values the scheme of a veto gives points: beyond its widest edge, else band by band."""
    fires, last = [band.points > 0 for band in scheme.bands], scheme.bands[-1]
    if all(fires) and not scheme.otherwise:
        return f"{_sign(last, scheme)}{_number(last.edge)}"
    if not any(fires) and scheme.otherwise:
        return f"{_COMPLEMENT[_sign(last, scheme)]}{_number(last.edge)}"
    words = [say("points", key, language) for key in ("is_calm", "fires")]
    return _bands(scheme, [words[is_hit] for is_hit in fires], words[scheme.otherwise > 0], language)


def _number(value: float) -> str:
    """Write a number as schemes do, with a true minus sign."""
    return number_text(float(f"{value:.9g}")).replace("-", "−")
