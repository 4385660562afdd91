"""The lists of a Word file: chapters, annexes, bullets, and each numbered list with a count of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from citygauge.report.book.word.labels import Labels
from citygauge.report.book.word.styles import ANNEX
from citygauge.report.book.word.xml import attribute

CHAPTERS, ANNEXES, BULLETS, ORDERED = range(4)  # in the order of the lists that `lists` returns
HEADINGS = ("heading 1", "heading 2", "heading 3")
ANNEX_HEADINGS = (ANNEX, f"{ANNEX} 2", f"{ANNEX} 3")


def lists(labels: Labels, ids: Mapping[str, str], first: int) -> list[str]:
    """Return the four lists as definitions, numbered from `first`."""
    annex = ("upperLetter", "decimal", "decimal")
    texts = (
        _headings(labels.chapters, ("decimal",) * 3, [ids[name] for name in HEADINGS]),
        _headings(labels.annexes, annex, [ids[name] for name in ANNEX_HEADINGS]),
        _level(0, "bullet", "•", "", 'w:left="420" w:hanging="420"'),
        _level(0, "decimal", "%1.", "", 'w:left="420" w:hanging="420"'),
    )
    return [
        f'<w:abstractNum w:abstractNumId="{first + i}"><w:nsid w:val="{0x5C170000 + i:08X}"/>'
        f'<w:multiLevelType w:val="{"multilevel" if i < BULLETS else "singleLevel"}"/>{text}</w:abstractNum>'
        for i, text in enumerate(texts)
    ]


def used(number: int, definition: int, *, anew: bool = False) -> str:
    """Return the use of a list under a number; counted `anew` where it is not to go on."""
    start = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>' if anew else ""
    return f'<w:num w:numId="{number}"><w:abstractNumId w:val="{definition}"/>{start}</w:num>'


def _headings(patterns: Sequence[str], kinds: Sequence[str], styles: Sequence[str]) -> str:
    """Return three levels, each bound to its style."""
    return "".join(
        _level(i, kinds[i], patterns[i], f'<w:pStyle w:val="{styles[i]}"/>', 'w:left="0" w:firstLine="0"')
        for i in range(3)
    )


def _level(level: int, kind: str, text: str, style: str, indent: str) -> str:
    follows = '<w:suff w:val="space"/>' if style else ""
    return (
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>{style}{follows}'
        f'<w:lvlText w:val={attribute(text)}/><w:lvlJc w:val="left"/><w:pPr><w:ind {indent}/></w:pPr></w:lvl>'
    )
