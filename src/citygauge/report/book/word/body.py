"""The blocks of a report as the body of a Word file, in reading order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from citygauge.report.book.document import (
    Block,
    Bullets,
    Cards,
    Document,
    Figure,
    Grid,
    Heading,
    Paragraph,
    Reference,
    Spans,
    plain,
)
from citygauge.report.book.word.labels import Label, Labels
from citygauge.report.book.word.numbering import ANNEX_HEADINGS, BULLETS, HEADINGS, ORDERED
from citygauge.report.book.word.tables import box_table, cards_table, grid_table
from citygauge.report.book.word.xml import (
    TWIPS,
    bookmarked,
    linked,
    paragraph,
    picture,
    run,
)
from citygauge.report.book.word.xml import (
    field as field_of,
)

_BREAK = "<w:pageBreakBefore/>"
_FIRST_PICTURE = 1000  # above what headers of an institute's own file may number
_GAP = '<w:p><w:pPr><w:spacing w:before="0" w:after="0" w:line="160" w:lineRule="exact"/></w:pPr></w:p>'


@dataclass(frozen=True)
class Drawn:
    """A picture in the file: what leads to it, and its width and height in points."""

    relation: str
    size: tuple[float, float]


@dataclass
class Body:
    """Writes blocks; `numbers` are those of the lists for bullets and steps, `ordered` what it used itself.

    `width` is that of the text in points, `draw` puts the chart of a figure into the file.
    """

    document: Document
    labels: Labels
    ids: Mapping[str, str]
    numbers: Mapping[int, int]
    width: float
    draw: Callable[[Figure], Drawn]
    ordered: list[int] = field(default_factory=list)

    @property
    def twips(self) -> int:
        """The width of the text in twips."""
        return round(self.width * TWIPS)

    def block(self, place: int, block: Block, *, on_new_page: bool = False) -> str:
        """Return one block; what stands around a table keeps it off from its neighbours."""
        if isinstance(block, Heading):
            return self._heading(block, self.labels.blocks[place], on_new_page)
        lead = paragraph(self.ids["Normal"], "", _BREAK) if on_new_page else ""
        if isinstance(block, Paragraph):
            return lead + paragraph(self.ids["Body Text"], self.words(block.spans))
        if isinstance(block, Bullets):
            return lead + self.bullets(block)
        if isinstance(block, Figure | Grid):
            write = self._figure if isinstance(block, Figure) else self._grid
            return lead + write(block, self.labels.blocks[place])  # type: ignore[arg-type]
        if isinstance(block, Cards):
            return lead + cards_table(block, self.words, self.ids, self.twips) + _GAP
        look = (self.twips, self.document.look.accent.removeprefix("#"))
        return lead + _GAP + box_table(block, self.words, self.bullets, self.ids, look) + _GAP

    def words(self, spans: Spans) -> str:
        """Return spans as runs; a cross reference as a field that leads to what it points at."""
        return "".join(
            self._reference(span)
            if isinstance(span, Reference)
            else run(span.text, strong=span.strong, emphasis=span.emphasis)
            for span in spans
        )

    def bullets(self, block: Bullets, style: str = "") -> str:
        """Return a list; a numbered one counts from 1."""
        if block.ordered:
            number = max([*self.numbers.values(), *self.ordered]) + 1
            self.ordered.append(number)
        else:
            number = self.numbers[BULLETS]
        own = style or ("List Number" if block.ordered else "List Bullet")
        count = f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>'
        hung = '<w:ind w:left="420" w:hanging="420"/>' if style else ""
        return "".join(paragraph(self.ids[own], self.words(item), count + hung) for item in block.items)

    def _reference(self, span: Reference) -> str:
        """Return a field where Word finds the words of the reference itself, else a link."""
        label = self.labels.keys.get(span.to)
        if label is None:
            return run(span.text)
        if span.text == label.text and label.count_field:
            return field_of(f"REF {label.bookmark} \\h", span.text)
        if label.counted and label.text and span.text.endswith(label.text):
            lead = run(span.text.removesuffix(label.text))
            return lead + field_of(f"REF {label.bookmark} \\r \\h", label.text)
        return linked(label.bookmark, run(span.text))

    def _heading(self, block: Heading, label: Label, on_new_page: bool) -> str:
        styles = ANNEX_HEADINGS if label.annex else HEADINGS
        style = styles[block.level - 1]
        number = ""
        if not label.counted:
            style = "Front Heading" if block.level == 1 else HEADINGS[block.level - 1]
            number = '<w:numPr><w:numId w:val="0"/></w:numPr>'
        text = run(f"{block.number} ") if block.number and not label.counted else ""
        content = bookmarked(label.bookmark, label.place, text + self.words(block.spans))
        return paragraph(self.ids[style], content, (_BREAK if on_new_page else "") + number)

    def _figure(self, block: Figure, label: Label) -> str:
        drawn = self.draw(block)
        shape = picture(drawn.relation, drawn.size, _FIRST_PICTURE + label.place, block.key, block.alt)
        last = self._lines(block.source)
        return paragraph(self.ids["Picture"], shape) + self._caption(block, label, last=not last) + last

    def _grid(self, block: Grid, label: Label) -> str:
        tint = tinted(self.document.look.primary)
        table = grid_table(block, self.words, self.ids, self.twips, tint)
        return self._caption(block, label) + table + (self._lines(block.source, block.note) or _GAP)

    def _caption(self, block: Figure | Grid, label: Label, *, last: bool = False) -> str:
        """Return the caption, the notice below it; the `last` line of a figure need not keep to the next."""
        loose = '<w:keepNext w:val="0"/>' if last else ""
        notice = self.document.notice
        text = bookmarked(label.bookmark, label.place, _label(label)) + run("  ") + self.words(block.caption)
        above = paragraph(self.ids["caption"], text, "" if notice else loose)
        return above + (paragraph(self.ids["Notice"], run(notice), loose) if notice else "")

    def _lines(self, source: Spans, note: Spans = ()) -> str:
        """Return the lines below a figure or table: the note, then the source."""
        made = ""
        for key, spans in (("note", note), ("source", source)):
            if spans:
                word = self.document.words.get(key, "")
                lead = "" if not word or plain(spans).startswith(word) else run(word)
                made += paragraph(self.ids["Source Line"], lead + self.words(spans))
        return made


def _label(label: Label) -> str:
    """Return the label of a caption: its word, the chapter as Word finds it, and the count."""
    if not label.count_field:
        return run(label.word)
    chapter = field_of(label.chapter_field, label.chapter) if label.chapter_field else run(label.chapter)
    return run(label.word) + chapter + run(label.between) + field_of(label.count_field, label.count)


def numbers_of(first: int) -> dict[int, int]:
    """Return the numbers under which the four lists are used."""
    return {kind: first + kind for kind in range(ORDERED + 1)}


def tinted(colour: str) -> str:
    """Return a light ground of a colour ``#rrggbb``, as six digits.

    >>> tinted("#000000")
    'E6E6E6'
    """
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "".join(f"{round(255 - (255 - part) * 0.1):02X}" for part in parts)
