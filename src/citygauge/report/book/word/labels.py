"""How headings, figures and tables come by their numbers in Word, which counts as the report does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from citygauge.report.book.document import Document, Figure, Grid, Heading

SEQUENCE = "CityGauge"
_LEVELS = ("%1", "%1.%2", "%1.%2.%3")
_NUMBER = re.compile(r"(?:([0-9A-Z]+)([-–.]))?([0-9]+)")


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a block and where cross references to it lead.

    `counted` tells whether Word counts the number of a heading; `annex`, that it does so in the list of
    annexes. A caption begins with `word`, then come the number of the `chapter` (blank for none), which
    Word finds by `chapter_field` where that is not blank, `between`, and `count`, by `count_field`.
    """

    text: str
    bookmark: str
    place: int
    counted: bool = False
    annex: bool = False
    word: str = ""
    chapter: str = ""
    chapter_field: str = ""
    between: str = ""
    count: str = ""
    count_field: str = ""


@dataclass(frozen=True)
class Labels:
    """The labels of a document by the place of the block, and by key; the patterns of the two lists."""

    blocks: Mapping[int, Label]
    keys: Mapping[str, Label]
    chapters: tuple[str, ...]
    annexes: tuple[str, ...]


@dataclass
class _Count:
    """What Word would count so far."""

    chapters: tuple[str, ...]
    annexes: tuple[str, ...]
    body: list[int] = field(default_factory=lambda: [0, 0, 0])
    annex: list[int] = field(default_factory=lambda: [0, 0, 0])
    in_annex: bool = False
    chapter: str = ""
    shown: int = 0
    begun: bool = True

    def heading(self, block: Heading) -> bool:
        """Take a numbered heading; tell whether Word's count gives its number."""
        if block.level == 1:
            self.in_annex = block.annex
        counts = list(self.annex if self.in_annex else self.body)
        patterns = self.annexes if self.in_annex else self.chapters
        counts[block.level - 1 :] = [counts[block.level - 1] + 1, *[0] * (3 - block.level)]
        texts = [str(count) for count in counts]
        if self.in_annex:
            texts[0] = chr(ord("A") + counts[0] - 1) if 1 <= counts[0] <= 26 else ""
        number = patterns[block.level - 1]
        for level, text in enumerate(texts, 1):
            number = number.replace(f"%{level}", text)
        counted = number == block.number
        if counted and self.in_annex:
            self.annex = counts
        elif counted:
            self.body = counts
        if block.level == 1:
            self.chapter, self.shown, self.begun = (texts[0] if counted else ""), 0, False
        return counted

    def caption(self, block: Figure | Grid, annex_style: str) -> dict[str, str]:
        """Take a figure or table; return the parts of its label and the fields that give them."""
        found = _NUMBER.fullmatch(block.number)
        if not found or not block.label.endswith(block.number):
            return {"word": block.label}
        chapter, between, count = (part or "" for part in found.groups())
        parts = {"word": block.label.removesuffix(block.number), "chapter": chapter, "between": between}
        if chapter and chapter == self.chapter:
            parts["chapter_field"] = f'STYLEREF "{annex_style}" \\s' if self.in_annex else "STYLEREF 1 \\s"
        # Word alone knows how to restart at a heading; a count that is told to is right everywhere.
        restart = "" if self.begun and int(count) == self.shown + 1 else f" \\r {count}"
        self.shown, self.begun = int(count), True
        return {**parts, "count": count, "count_field": f"SEQ {SEQUENCE} \\* ARABIC{restart}"}


def labels_of(document: Document, annex_style: str) -> Labels:
    """Return the labels of headings, figures and tables, each with a bookmark of its own.

    The numbers of the document are the truth. Where counting as Word does gives the same, a number is
    counted in Word too, so that it follows when somebody adds a chapter or a figure; where it does not, it
    is written as text, and a count of figures is told where to begin.
    """
    chapters = _patterns(document, r"[0-9]+", annex=False)
    annexes = _patterns(document, r"[A-Z](?![A-Za-z])", annex=True)
    count = _Count(chapters, annexes)
    blocks: dict[int, Label] = {}
    keys: dict[str, Label] = {}
    for place, block in enumerate(document.blocks):
        if isinstance(block, Heading):
            counted = bool(block.number) and count.heading(block)
            label = Label(block.number, f"_Toc{1000 + place}", place, counted, count.in_annex)
        elif isinstance(block, Figure | Grid):
            label = Label(block.label, f"_Ref{1000 + place}", place, **count.caption(block, annex_style))  # type: ignore[arg-type]
        else:
            continue
        blocks[place] = label
        if block.key:
            keys[block.key] = label
    return Labels(blocks, keys, chapters, annexes)


def _patterns(document: Document, sign: str, *, annex: bool) -> tuple[str, ...]:
    """Return how the numbers of the three levels are put together, chapters as the first of them is."""
    first = next(
        (
            block.number
            for block in document.blocks
            if isinstance(block, Heading) and block.level == 1 and block.number and block.annex == annex
        ),
        "",
    )
    found = list(re.finditer(sign, first))
    if not found:
        return _LEVELS
    at = found[-1]
    return (f"{first[: at.start()]}%1{first[at.end() :]}", *_LEVELS[1:])
