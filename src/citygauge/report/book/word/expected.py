"""The blocks of a report as text, each with where it stands and which of its words are bound to a source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from citygauge.report.book.document import (
    Block,
    Bound,
    Box,
    Bullets,
    Cards,
    Document,
    Figure,
    Grid,
    Heading,
    Paragraph,
    Spans,
    plain,
)

_SHOWN = 24  # characters of a paragraph that name it
_OF_HEADINGS = (
    r"第[0-9]+(?:\.[0-9]+)*[章节]",
    r"附录[A-Z](?:\.[0-9]+)*",
    r"\b(?:Chapter|Section|Annex) [0-9A-Z]+(?:\.[0-9]+)*",
)
# What comes before the word for a figure or table where it is a part of another one (代表, 列表).
_OTHER_WORDS = "(?<![代列])"


@dataclass(frozen=True, slots=True)
class Said:
    """A stretch of text: where it stands, what is bound in it (start, end, span), the list that it is in."""

    text: str
    where: str
    marks: tuple[tuple[int, int, Bound], ...] = ()
    list_of: int = -1
    chapter: str = ""

    def source_at(self, place: int) -> str:
        """Return the source of what stands at a place of the text; blank for the report's own words."""
        return next((span.source for start, end, span in self.marks if start <= place < end), "")


def joined(parts: Sequence[Said]) -> Said:
    """Return several stretches as one, for a text into which somebody drew them together."""
    text, marks = "", []
    for part in parts:
        text += " " if text else ""
        marks += [(start + len(text), end + len(text), span) for start, end, span in part.marks]
        text += part.text
    return Said(text, parts[0].where, tuple(marks), parts[0].list_of, parts[0].chapter)


def said(spans: Spans, where: str, *, before: str = "", list_of: int = -1, chapter: str = "") -> Said:
    """Return spans as one stretch; `before` is text that stands before them."""
    text, marks = before, []
    for span in spans:
        if isinstance(span, Bound):
            marks.append((len(text), len(text) + len(span.text), span))
        text += span.text
    return Said(text, where, tuple(marks), list_of, chapter)


def texts_of(document: Document) -> Iterator[Said]:
    """Yield what a Word file of a report says outside its tables, in order."""
    front, chinese = document.front, document.language == "zh"
    cover = "封面" if chinese else "cover"
    for line in (front.title, front.subtitle, document.notice, front.organisation, front.date, front.rights):
        if line:
            yield Said(line, cover)
    for line in (text for pair in (*front.cover, *front.imprint) for text in pair):
        yield Said(line, cover)
    chapter = ""
    for place, block in enumerate(document.blocks):
        if isinstance(block, Heading):
            if block.level == 1:
                chapter = " ".join(part for part in (block.number, plain(block.spans)) if part)
            yield said(block.spans, chapter, chapter=chapter)
        else:
            yield from _block(document, block, place, chapter)


def _block(document: Document, block: Block, place: int, chapter: str) -> Iterator[Said]:
    chinese = document.language == "zh"
    if isinstance(block, Paragraph):
        yield said(block.spans, named(plain(block.spans), chapter, chinese=chinese), chapter=chapter)
    elif isinstance(block, Bullets):
        for item in block.items:
            where = named(plain(item), chapter, chinese=chinese)
            yield said(item, where, list_of=place if block.ordered else -1, chapter=chapter)
    elif isinstance(block, Box):
        where = named(plain(block.title), chapter, chinese=chinese)
        yield said(block.title, where, chapter=chapter)
        for inner in block.blocks:
            yield from _block(document, inner, place, chapter)
    elif isinstance(block, Cards):
        for card in block.cards:
            where = named(card.label, chapter, chinese=chinese)
            yield Said(card.label, where, chapter=chapter)
            yield said(card.figure, where, chapter=chapter)
            if card.note:
                yield said(card.note, where, chapter=chapter)
    elif isinstance(block, Figure | Grid):
        yield said(block.caption, block.label, before=f"{block.label}  ", chapter=chapter)
        if document.notice:
            yield Said(document.notice, block.label, chapter=chapter)
        for key in ("note", "source"):
            line: Spans = getattr(block, key, ())
            word = document.words.get(key, "")
            if line:
                yield said(
                    line, block.label, before="" if plain(line).startswith(word) else word, chapter=chapter
                )


def named(text: str, chapter: str, *, chinese: bool) -> str:
    """Return a paragraph named by its chapter and its beginning.

    >>> named("All is well.", "1 Overview", chinese=False)
    '1 Overview, “All is well.”'
    """
    start = text if len(text) <= _SHOWN else text[:_SHOWN].rstrip() + "…"
    quoted = f"“{start}”"
    return (f"{chapter}，{quoted}" if chinese else f"{chapter}, {quoted}") if chapter else quoted


def label_words(document: Document) -> re.Pattern[str]:
    """Return what names figures, tables, chapters and sections: digits in it count nothing."""
    shown: list[Figure | Grid] = [*document.figures, *document.grids]
    kinds = {block.label.removesuffix(block.number).strip() for block in shown}
    kinds |= {"图", "表"} if document.language == "zh" else {"Figure", "Table"}
    whole = all(re.search(r"[-–.]", block.number) for block in shown)
    number = r"[0-9A-Z]+[-.][0-9]+" if whole else r"[0-9A-Z]+(?:[-.][0-9]+)?"
    words = "|".join(re.escape(kind) for kind in sorted(kinds) if kind)
    return re.compile("|".join((rf"{_OTHER_WORDS}(?:{words})\s*{number}(?![0-9])", *_OF_HEADINGS)))
