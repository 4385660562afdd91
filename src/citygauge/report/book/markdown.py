"""From Markdown with marks to the blocks of a document, numbered and with their cross references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from citygauge.problems import Language
from citygauge.report.book.document import (
    Block,
    Bound,
    Box,
    Bullets,
    Card,
    Cards,
    Cell,
    Figure,
    Grid,
    Heading,
    Paragraph,
    Reference,
    Span,
    Spans,
    Text,
)
from citygauge.report.book.numbers import Marks

_PLAIN, _ANNEX = " {-}", " {annex}"
_DEEPEST = 3
WORDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {"figure": "图", "table": "表", "chapter": "第{}章", "annex": "附录{}"},
    "en": {"figure": "Figure ", "table": "Table ", "chapter": "{}", "annex": "Annex {}"},
}


class UnknownMarkdownError(ValueError):
    """A template uses what a report has no place for, such as a quotation or a picture."""


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def blocks_of(text: str, marks: Marks, placed: Mapping[str, Block]) -> list[Block]:
    """Return the blocks of a Markdown text.

    Parameters
    ----------
    text : str
        Headings, paragraphs, lists and emphasis. A heading that ends in ``{-}`` has no number, one in
        ``{annex}`` is counted as an annex; a fourth level is a paragraph in bold.
    marks : Marks
        What the private characters in it stand for.
    placed : mapping
        Key → the figure, table, box or cards that a paragraph of one private character stands for.
    """
    return list(_blocks(_parser().parse(text), marks, placed))


def spans_of(text: str, marks: Marks) -> Spans:
    """Return one line of Markdown as spans."""
    tokens = _parser().parseInline(text)
    return tuple(_spans(tokens[0].children or (), marks)) if tokens else ()


def _blocks(tokens: Sequence[Token], marks: Marks, placed: Mapping[str, Block]) -> Iterator[Block]:
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "heading_open":
            yield _heading(tokens[at + 1], int(token.tag[1:]), marks)
            at += 3
        elif token.type == "paragraph_open":
            yield from _paragraph(tokens[at + 1], marks, placed)
            at += 3
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            end = next(i for i in range(at, len(tokens)) if _closes(tokens[i], token))
            items = [t for t in tokens[at:end] if t.type == "inline"]
            spans = tuple(tuple(_spans(item.children or (), marks)) for item in items)
            yield Bullets(spans, ordered=token.type.startswith("ordered"))
            at = end + 1
        else:
            raise UnknownMarkdownError(f"{token.type}: {token.content!r}")


def _closes(token: Token, opened: Token) -> bool:
    return token.type == opened.type.replace("_open", "_close") and token.level == opened.level


def _heading(inline: Token, level: int, marks: Marks) -> Heading | Paragraph:
    spans = list(_spans(inline.children or (), marks))
    if level > _DEEPEST:
        return Paragraph(tuple(_with(span, strong=True) for span in spans))
    tail = spans[-1] if spans else Text("")
    number, annex = "#", False
    if isinstance(tail, Text):
        if tail.text.endswith(_PLAIN):
            spans[-1], number = Text(tail.text.removesuffix(_PLAIN)), ""
        elif tail.text.endswith(_ANNEX):
            spans[-1], annex = Text(tail.text.removesuffix(_ANNEX)), True
    return Heading(level, tuple(span for span in spans if span.text), number, annex=annex)


def _paragraph(inline: Token, marks: Marks, placed: Mapping[str, Block]) -> Iterator[Block]:
    part = marks.at(inline.content) if len(inline.content) == 1 else None
    if isinstance(part, str):
        yield placed[part]
        return
    if spans := tuple(_spans(inline.children or (), marks)):
        yield Paragraph(spans)


def _spans(tokens: Sequence[Token], marks: Marks) -> Iterator[Span]:
    strong = emphasis = 0
    for token in tokens:
        if token.type in ("strong_open", "strong_close"):
            strong += token.nesting
        elif token.type in ("em_open", "em_close"):
            emphasis += token.nesting
        elif token.type in ("softbreak", "hardbreak"):
            yield Text(" ")
        elif token.type in ("text", "code_inline"):
            yield from (_with(span, strong > 0, emphasis > 0) for span in _parts(token.content, marks))
        else:
            raise UnknownMarkdownError(token.type)


def _parts(text: str, marks: Marks) -> Iterator[Span]:
    """Yield a text and the bound parts that stand in it."""
    words = ""
    for char in text:
        part = marks.at(char)
        if part is None:
            words += char
            continue
        if isinstance(part, str):
            raise UnknownMarkdownError(f"{part} must stand in a paragraph of its own")
        if words:
            yield Text(words)
            words = ""
        yield part
    if words:
        yield Text(words)


def _with(span: Span, strong: bool = False, emphasis: bool = False) -> Span:
    if isinstance(span, Reference) or not (strong or emphasis):
        return span
    return replace(span, strong=strong or span.strong, emphasis=emphasis or span.emphasis)


def numbered(blocks: Sequence[Block], language: Language) -> tuple[Block, ...]:
    """Return blocks with their numbers: headings by level, figures and tables in one count by chapter.

    Cross references get the labels of what they point at.

    Raises
    ------
    KeyError
        When a cross reference points at nothing.
    """
    words, labels = WORDS[language], dict[str, str]()
    chapters, annexes, inside, shown = 0, 0, [0, 0], 0
    chapter = ""
    counted: list[Block] = []
    for block in blocks:
        if isinstance(block, Heading) and block.number:
            if block.level == 1:
                annexes, chapters = annexes + block.annex, chapters + (not block.annex)
                chapter = chr(ord("A") + annexes - 1) if block.annex else str(chapters)
                inside, shown = [0, 0], 0
                number = words["annex" if block.annex else "chapter"].format(chapter)
            else:
                inside = [inside[0] + 1, 0] if block.level == 2 else [inside[0], inside[1] + 1]
                number = ".".join([chapter, *map(str, inside[: block.level - 1])])
            counted.append(replace(block, number=number))
        elif isinstance(block, Figure | Grid):
            shown += 1
            number = f"{chapter}-{shown}" if chapter else str(shown)
            label = words["figure" if isinstance(block, Figure) else "table"] + number
            labels[block.key] = label
            counted.append(replace(block, number=number, label=label))
        else:
            counted.append(block)
    return tuple(_resolved(block, labels) for block in counted)


def _resolved(block: Any, labels: Mapping[str, str]) -> Any:
    """Return a block whose cross references say what they point at."""

    def spans(line: Spans) -> Spans:
        return tuple(
            replace(span, text=labels[span.to]) if isinstance(span, Reference) else span for span in line
        )

    if isinstance(block, Heading | Paragraph):
        return replace(block, spans=spans(block.spans))
    if isinstance(block, Bullets):
        return replace(block, items=tuple(map(spans, block.items)))
    if isinstance(block, Box):
        inner = tuple(_resolved(one, labels) for one in block.blocks)
        return replace(block, title=spans(block.title), blocks=inner)
    if isinstance(block, Cards):
        cards = (Card(card.label, spans(card.figure), spans(card.note)) for card in block.cards)
        return replace(block, cards=tuple(cards))
    if isinstance(block, Figure):
        return replace(block, caption=spans(block.caption), source=spans(block.source))
    rows = tuple(
        tuple(replace(cell, spans=spans(cell.spans)) if isinstance(cell, Cell) else None for cell in row)
        for row in block.rows
    )
    return replace(
        block, rows=rows, caption=spans(block.caption), note=spans(block.note), source=spans(block.source)
    )


def words_in(spans: Spans) -> str:
    """Return the words of spans that are the report's own: neither bound nor a cross reference."""
    return "".join("" if isinstance(span, Bound | Reference) else span.text for span in spans)
