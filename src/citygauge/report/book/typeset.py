"""A report document as PDF, set by Typst: cover, contents with page numbers, chapters, figures and tables."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from citygauge.problems import Language
from citygauge.report.book.document import (
    Block,
    Box,
    Bullets,
    Card,
    Cards,
    Document,
    Figure,
    Grid,
    Heading,
    Look,
    Paragraph,
    Reference,
    Span,
    Spans,
    plain,
)
from citygauge.report.book.sheets import TEXT_WIDTH, sheet
from citygauge.report.charts.base import svg_of
from citygauge.report.fonts import choose
from citygauge.report.typesetting import (
    Pdf,
    clean,
    compiled,
    one_line,
    shortened,
    strings,
    system_fonts,
    width,
)

if TYPE_CHECKING:
    import typst

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {
        "contents": "目录", "figures_and_tables": "图表目录", "source": "数据来源：", "note": "注：",
        "next_page": "（续）", "page": "第{page}页，共{total}页",
    },
    "en": {
        "contents": "Contents", "figures_and_tables": "Figures and tables", "source": "Source: ",
        "note": "Note: ", "next_page": "(continued)", "page": "Page {page} of {total}",
    },
}  # fmt: skip
_OWN = frozenset({"contents", "figures_and_tables"})  # what the template calls its own headings
_HEADER = 56  # width of a title in the header, in half-width characters
_CONTRAST = 4.5  # of text on its ground, as WCAG 2.2 asks for (level AA)
_INK = "#222222"
_TEXT = re.compile(r">([^<]+)<")


def pdf_of_document(
    document: Document, fonts: typst.Fonts | None = None, svgs: Mapping[str, str] | None = None
) -> Pdf:
    """Return a report document as PDF.

    A report of the kind ``full`` begins each chapter on a new page; one of the kind ``executive`` has no
    contents and no list of figures. Headings can be linked to from outside by their keys
    (``report.pdf#key``). The file is tagged for readers who listen, and says that it keeps to PDF/UA-1 where
    it does; it carries `document.meta` as its keywords and as the attached file ``citygauge.json``.

    Parameters
    ----------
    document : Document
        As a builder makes it. Of its words, ``contents``, ``figures_and_tables``, ``source``, ``note``,
        ``next_page`` and ``page`` (with ``{page}`` and ``{total}``) are used, and have a default. A
        reference to a key that the document does not have is set as its text.
    fonts : typst.Fonts, optional
        In place of the machine's own. Families of `document.look` come first where they are there.
    svgs : mapping of str to str, optional
        Charts that have been drawn, by the key of the figure; the others are drawn here.

    Returns
    -------
    Pdf
        The same input and fonts give the same bytes: no clock is read, and the date of the file is the ISO
        date ``document.meta["date"]`` at noon UTC, or none. Without the package typst, or without a font
        for Chinese where the text needs one, there is no data.

    Raises
    ------
    typst.TypstError
        Where a chart or the logo is no picture.
    """
    if find_spec("typst") is None:
        return Pdf(lacks="typst")
    import typst  # noqa: PLC0415 - an extra

    fonts = fonts or system_fonts()
    data = _typeset(document, svgs or {})
    choice = choose(_drawn(data), document.language, fonts)
    if choice.lacks_cjk:
        return Pdf(lacks="font")
    data["fonts"] = _families(document.look.fonts, choice.families, fonts)
    timestamp = _noon(document.meta.get("date"))
    data["dated"] = timestamp is not None
    try:
        made = compiled("book.typ", data, fonts, timestamp=timestamp or 0, standard="ua-1")
    except typst.TypstError:
        made = compiled("book.typ", data, fonts, timestamp=timestamp or 0)
    return Pdf(made, uncovered=choice.uncovered)


def _typeset(document: Document, svgs: Mapping[str, str]) -> dict[str, Any]:
    """Return what the template reads: plain blocks with ids, the front, the look, and the fixed words."""
    front, words = document.front, {**_WORDS[document.language], **document.words}
    ids = _ids(document.blocks)
    maker = _Maker(words, frozenset(ids), svgs)
    body = [{"id": name, **maker.block(block)} for name, block in zip(ids, document.blocks, strict=True)]
    shown = {key: value for key, value in words.items() if isinstance(value, str)}
    return {
        "language": document.language, "kind": document.kind, "words": shown, "body": body,
        "name": one_line(front.title), "title": clean(front.title), "subtitle": clean(front.subtitle),
        "date": clean(front.date), "organisation": clean(front.organisation),
        "rights": [clean(line) for line in front.rights.splitlines() if line.strip()],
        "cover": clean(front.cover), "imprint": clean(front.imprint), "notice": clean(document.notice),
        "running": shortened(clean(front.title), _HEADER), "look": _look(document.look),
        "running_notice": shortened(clean(document.notice), _HEADER), "logo": _logo(document.look.logo),
        "numbers": _number_widths(document.blocks), "keywords": _keywords(document.meta),
        "meta": json.dumps(document.meta, ensure_ascii=False, indent=1, sort_keys=True, default=str),
    }  # fmt: skip


def _ids(blocks: Sequence[Block]) -> list[str]:
    """Return what each block is called in the file: its key, or its place where that is taken or blank."""
    found: list[str] = []
    for i, block in enumerate(blocks):
        key = getattr(block, "key", "")
        free = key and key not in found and key not in _OWN and not re.fullmatch(r"block-\d+", key)
        found.append(key if free else f"block-{i}")
    return found


class _Maker:
    """Blocks as plain data; a reference that has no target is plain text."""

    def __init__(self, words: Mapping[str, str], targets: frozenset[str], svgs: Mapping[str, str]) -> None:
        self.words, self.targets, self.svgs = words, targets, svgs

    def block(self, block: Block) -> dict[str, Any]:
        """Return one block."""
        if isinstance(block, Heading):
            number = clean(block.number)
            short = shortened(f"{number}\u2002{clean(plain(block.spans))}".strip(), _HEADER)
            return {
                "is": "heading", "level": min(max(block.level, 1), 3), "number": number, "short": short,
                "spans": self.spans(block.spans), "group": _group(block),
            }  # fmt: skip
        if isinstance(block, Cards):
            return {
                "is": "cards",
                **_card_measures(block),
                "cards": [self.card(card) for card in block.cards],
            }
        if isinstance(block, Figure):
            return {"is": "figure", **self.captioned(block), **self.picture(block)}
        if isinstance(block, Grid):
            notes = [self.told("note", block.note), self.told("source", block.source)]
            return {
                "is": "grid", **self.captioned(block), **sheet(block, self.spans),
                "below": [line for line in notes if line],
            }  # fmt: skip
        return self.text(block)

    def card(self, card: Card) -> dict[str, Any]:
        """Return one key figure."""
        figure, note = self.spans(card.figure), self.spans(card.note)
        return {"label": clean(card.label), "figure": figure, "note": note}

    def text(self, block: Paragraph | Bullets | Box) -> dict[str, Any]:
        """Return a block that is words alone."""
        if isinstance(block, Paragraph):
            return {"is": "paragraph", "spans": self.spans(block.spans)}
        if isinstance(block, Bullets):
            items = [self.spans(item) for item in block.items]
            return {"is": "bullets", "ordered": block.ordered, "items": items}
        blocks = [self.text(inner) for inner in block.blocks]
        return {"is": "box", "title": self.spans(block.title), "blocks": blocks}

    def captioned(self, block: Figure | Grid) -> dict[str, Any]:
        """Return the label and the caption of a figure or table."""
        return {"label": clean(block.label), "caption": self.spans(block.caption)}

    def picture(self, figure: Figure) -> dict[str, Any]:
        """Return a chart, its size in points, and what stands below it."""
        svg = self.svgs.get(figure.key) or svg_of(figure.chart)
        wide, high = _size(svg)
        scale = min(0.75, TEXT_WIDTH / wide)
        source = self.told("source", figure.source)
        return {
            "svg": svg, "width": wide * scale, "height": high * scale, "below": [source] if source else [],
            "alt": clean(figure.alt or plain(figure.caption) or figure.label),
        }  # fmt: skip

    def told(self, word: str, spans: Spans) -> list[dict[str, Any]]:
        """Return a line below a figure, its word put before it where the line does not begin with it."""
        text = plain(spans).strip()
        lead = clean(self.words[word])
        named = text.casefold().startswith(lead.strip().casefold())
        return [*([] if named else [{"s": lead}]), *self.spans(spans)] if text else []

    def spans(self, spans: Spans) -> list[dict[str, Any]]:
        """Return a line of text."""
        return [self.span(span) for span in spans if span.text]

    def span(self, span: Span) -> dict[str, Any]:
        """Return a run of words."""
        found: dict[str, Any] = {"s": clean(span.text)}
        if isinstance(span, Reference):
            return found | ({"to": span.to} if span.to in self.targets else {})
        return found | ({"b": True} if span.strong else {}) | ({"i": True} if span.emphasis else {})


def _card_measures(cards: Cards) -> dict[str, Any]:
    """Return how many cards stand side by side, at most four, and the size of their figures in points.

    They are ``whole``, kept on one page, unless there are more words in them than a card is made for.
    """
    count = max(len(cards.cards), 1)
    across = -(-count // -(-count // 4))
    room = TEXT_WIDTH / across - 30
    longest = max((width(plain(card.figure)) for card in cards.cards), default=1)
    size = next((size for size in (20, 17, 14) if longest * size * 0.57 <= room), 12)
    texts = [text for card in cards.cards for text in (card.label, plain(card.figure), plain(card.note))]
    whole = count <= 12 and all(width(text) <= 100 for text in texts)
    return {"across": across, "size": size, "whole": whole}


def _group(heading: Heading) -> str:
    """Return whose numbers stand in one column of the contents: those of a level, annexes apart."""
    level = min(max(heading.level, 1), 3)
    return "annex" if heading.annex and level == 1 else str(level)


def _number_widths(blocks: Sequence[Block]) -> dict[str, float]:
    """Return how many ems the numbers of the headings take in the contents, by group."""
    found = dict.fromkeys(("1", "2", "3", "annex"), 0.0)
    for block in blocks:
        if isinstance(block, Heading) and block.number:
            group = _group(block)
            found[group] = max(found[group], min(width(block.number), 16) * 0.56 + 0.8)
    return found


def _size(svg: str) -> tuple[float, float]:
    """Return width and height of a picture in pixels."""
    tag = re.search(r"<svg\b[^>]*>", svg)
    head = tag[0] if tag else ""
    sides = [re.search(rf'\s{side}="([\d.]+)(?:px)?"', head) for side in ("width", "height")]
    if sides[0] and sides[1]:
        return max(float(sides[0][1]), 1.0), max(float(sides[1][1]), 1.0)
    view = re.search(r'\sviewBox="\s*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)', head)
    return (max(float(view[1]), 1.0), max(float(view[2]), 1.0)) if view else (640.0, 400.0)


def _drawn(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text that is printed, those inside the charts too, without their markup."""
    yield from strings({key: value for key, value in data.items() if key not in {"body", "logo", "meta"}})
    for block in data["body"]:
        yield from strings({key: value for key, value in block.items() if key != "svg"})
        yield from map(html.unescape, _TEXT.findall(block.get("svg", "")))


def _families(wanted: Sequence[str], chosen: Sequence[str], fonts: typst.Fonts) -> list[str]:
    """Return those of the wanted families that are there, then the chosen ones."""
    there = {name.casefold() for name in fonts.families()}
    return list(dict.fromkeys([*(name for name in wanted if name.casefold() in there), *chosen]))


def _keywords(meta: Mapping[str, Any]) -> list[str]:
    """Return the plain data of a document as ``name value``, those one level down too."""
    flat = [
        (name, inner)
        for key, value in meta.items()
        for name, inner in (value.items() if isinstance(value, Mapping) else [(key, value)])
    ]
    return [
        one_line(f"{name} {value}")
        for name, value in flat
        if isinstance(value, str | int | float) and value != ""
    ]


def _noon(date: object) -> int | None:
    """Return noon (UTC) of an ISO date in seconds, or None where it is none that a file can have."""
    try:
        day = datetime.fromisoformat(str(date)[:10])
    except ValueError:
        return None
    return int(day.replace(hour=12, tzinfo=UTC).timestamp())


def _logo(logo: bytes) -> dict[str, Any] | None:
    """Return a logo with its format, told by its first bytes; None where it is no picture."""
    for start, name in ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg")):
        if logo.startswith(start):
            return {"format": name, "data": list(logo)}
    if b"<svg" in logo[:4096]:
        return {"format": "svg", "data": logo.decode("utf-8", "replace")}
    return None


def _look(look: Look) -> dict[str, str]:
    """Return the colours: as they are for areas, dark enough for text, and what is read on the first."""
    return {
        "primary": look.primary, "accent": look.accent,
        "primary_ink": _dark(look.primary), "accent_ink": _dark(look.accent),
        "on_primary": "#ffffff" if 1.05 / (_luminance(look.primary) + 0.05) >= _CONTRAST else _INK,
    }  # fmt: skip


def _dark(colour: str) -> str:
    """Return a colour, darkened until it can be read on white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    while 1.05 / (_luminance(colour) + 0.05) < _CONTRAST:
        parts = [int(part * 0.92) for part in parts]
        colour = "#" + "".join(f"{part:02x}" for part in parts)
    return colour


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
