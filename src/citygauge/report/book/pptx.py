"""The report as slides for a briefing: a title, each chart, the short tables, and who made it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from citygauge.problems import InputError, Problems
from citygauge.report.book.document import (
    Align,
    Bound,
    Document,
    Figure,
    Grid,
    Paragraph,
    Reference,
    Spans,
    Text,
    plain,
)
from citygauge.report.book.docx import SCALE, fitted, logo_png, size_of
from citygauge.report.book.word import record
from citygauge.report.book.word.archive import moment, steady
from citygauge.report.book.word.styles import ALARM, GREY, INK, LANGUAGE_TAGS, faces
from citygauge.report.book.word.xml import attribute, clean
from citygauge.report.charts.base import png_of

ROWS = 12  # of a table that a slide can hold
_WIDE, _HIGH = 960.0, 540.0  # a slide in points, 16:9
_LEFT, _TEXT = 48.0, 864.0
_TOP, _BOTTOM = 92.0, 480.0
_EMU = 12_700
_CUSTOM = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"
_A, _P = (
    f"{{http://schemas.openxmlformats.org/{part}/2006/main}}" for part in ("drawingml", "presentationml")
)
_LARGEST = 1.3  # points for a pixel of a chart: its labels are not to outgrow the title
_TITLE_ONLY = 5  # of the layouts that every plain file has
_SENTENCE = re.compile(r".+?(?:[。！？!?]|\.(?=\s|$)|$)")
_SIDES: Mapping[Align, int] = {"left": 1, "center": 2, "right": 3}
_PLAIN_TABLE = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # no style, no grid


def pptx_of(document: Document, pngs: Mapping[str, bytes] | None = None, *, scale: float = SCALE) -> bytes:
    """Return a briefing of a report as slides; the same input gives the same bytes.

    A slide with the title, one for each chart and for each table of at most 12 rows, in the order of the
    report, and one with the imprint and the rights. The notes of a slide hold the first two sentences of the
    paragraph that refers to its chart or table.

    Parameters
    ----------
    document : Document
        Whose numbers are the truth.
    pngs : mapping, optional
        Charts that are drawn already, by the key of the figure.
    scale : float
        With which they were drawn, and others are.

    Returns
    -------
    bytes
        A ``.pptx`` file of 16:9, the alternative text of every chart and table with it.

    Raises
    ------
    InputError
        Without the package python-pptx.
    """
    if find_spec("pptx") is None:
        problems = Problems()
        problems.add("report.no-pptx")
        raise InputError(problems)
    import pptx  # noqa: PLC0415 - an extra

    file = pptx.Presentation()
    slides = _Slides(file, document)
    slides.prepare()
    slides.title()
    for block in document.blocks:
        if isinstance(block, Figure):
            slides.figure(block, (pngs or {}).get(block.key) or png_of(block.chart, scale), scale)
        elif isinstance(block, Grid) and len(block.rows) <= ROWS:
            slides.grid(block)
    slides.closing()
    made = io.BytesIO()
    file.save(made)
    return steady(made.getvalue())


def said_of(document: Document, key: str) -> str:
    """Return the first two sentences of the paragraph that refers to a figure or table; blank for none."""
    for block in document.blocks:
        if not isinstance(block, Paragraph):
            continue
        if any(isinstance(span, Reference) and span.to == key for span in block.spans):
            return "".join(_SENTENCE.findall(plain(block.spans))[:2]).strip()
    return ""


@dataclass(frozen=True, slots=True)
class _Type:
    """How text looks: size in points, colour as six digits, weight, side."""

    size: float
    colour: str = INK
    bold: bool = False
    align: Align = "left"


class _Slides:
    """Puts slides into a file."""

    def __init__(self, file: Any, document: Document) -> None:
        self._file, self._document = file, document
        self._primary = document.look.primary.removeprefix("#")
        self._faces = faces(document.look, document.language)
        self._tag = LANGUAGE_TAGS[document.language]

    def prepare(self) -> None:
        """Make the slides 16:9, give the theme colours and fonts, and say what the file is."""
        from pptx.opc.constants import RELATIONSHIP_TYPE  # noqa: PLC0415 - an extra
        from pptx.opc.package import Part  # noqa: PLC0415 - an extra
        from pptx.opc.packuri import PackURI  # noqa: PLC0415 - an extra

        file, front = self._file, self._document.front
        old = file.slide_width
        file.slide_width, file.slide_height = int(_WIDE * _EMU), int(_HIGH * _EMU)
        master = file.slide_master
        for shape in [*master.shapes, *(shape for layout in master.slide_layouts for shape in layout.shapes)]:
            for offset in shape._element.iter(f"{_A}off"):
                offset.set("x", str(int(offset.get("x")) * file.slide_width // old))
            for extent in shape._element.iter(f"{_A}ext"):
                if extent.get("cx"):
                    extent.set("cx", str(int(extent.get("cx")) * file.slide_width // old))
        theme = master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
        theme._blob = self._themed(theme.blob)
        core, meta = file.core_properties, self._document.meta
        core.title, core.subject = front.title[:255], front.subtitle[:255]
        core.author = core.last_modified_by = (front.organisation or "CityGauge")[:255]
        core.language, core.revision, core.comments = self._tag, 1, self._document.notice[:255]
        core.created = core.modified = moment(str(meta.get("date", "")))
        kind = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
        package = file.part.package
        own = Part(PackURI("/docProps/custom.xml"), kind, package, record.custom_properties(meta))
        package.relate_to(own, _CUSTOM)

    def _themed(self, theme: bytes) -> bytes:
        """Return a theme with the report's colours and fonts."""
        text = theme.decode("utf-8")
        look = self._document.look
        for name, colour in (("dk2", look.primary), ("accent1", look.primary), ("accent2", look.accent)):
            shade = f'<a:{name}><a:srgbClr val="{colour.removeprefix("#")}"/></a:{name}>'
            text = re.sub(rf"<a:{name}>.*?</a:{name}>", shade, text, flags=re.DOTALL)
        latin = f"<a:latin typeface={attribute(self._faces.latin)}/>"
        cjk = f"<a:ea typeface={attribute(self._faces.cjk)}/>"
        for kind in ("majorFont", "minorFont"):
            pattern = rf"(<a:{kind}>\s*)<a:latin [^>]*/>\s*<a:ea [^>]*/>"
            text = re.sub(pattern, lambda found: f"{found[1]}{latin}{cjk}", text)
        return text.encode("utf-8")

    def title(self) -> None:
        """Add the first slide."""
        front = self._document.front
        slide = self._slide(front.title, _Type(40, self._primary, bold=True), at=150.0, high=110.0)
        if png := logo_png(self._document):
            size = fitted(size_of(png), (160.0, 60.0))
            shown = self._picture(slide, png, (_LEFT, 48.0), size)
            self._tell(shown, "logo", front.organisation or front.title)
        lines = [
            front.subtitle,
            *(f"{name}  {text}" for name, text in front.cover),
            front.organisation,
            front.date,
        ]
        at = 268.0
        for i, line in enumerate(line for line in lines if line):
            high = 36.0 if i == 0 else 28.0
            self._text(slide, line, (_LEFT, at, _TEXT, high), _Type(22 if i == 0 else 16, GREY))
            at += high
        self._notice(slide)

    def figure(self, block: Figure, png: bytes, drawn: float) -> None:
        """Add a slide with a chart under its caption, its source below."""
        slide = self._slide(f"{block.label}  {plain(block.caption)}", _Type(24, self._primary, bold=True))
        width, height = size_of(png)
        room = (_TEXT, _BOTTOM - _TOP)
        scale = min(room[0] / width, room[1] / height, _LARGEST / drawn)
        size = (width * scale, height * scale)
        shown = self._picture(
            slide, png, (_LEFT + (_TEXT - size[0]) / 2, _TOP + (room[1] - size[1]) / 2), size
        )
        self._tell(shown, block.label, block.alt)
        self._below(slide, block)

    def grid(self, block: Grid) -> None:
        """Add a slide with a table under its caption, its note and source below."""
        slide = self._slide(f"{block.label}  {plain(block.caption)}", _Type(24, self._primary, bold=True))
        count, total = len(block.rows) + 1, sum(column.width for column in block.columns) or 1.0
        high = min(32.0, (_BOTTOM - _TOP) / count)
        box = [int(value * _EMU) for value in (_LEFT, _TOP, _TEXT, high * count)]
        shape = slide.shapes.add_table(count, len(block.columns), *box)
        table = shape.table
        shape._element.find(f".//{_A}tableStyleId").text = _PLAIN_TABLE
        self._tell(shape, block.label, plain(block.caption))
        small = min(15.0, high * 0.48)
        for j, column in enumerate(block.columns):
            table.columns[j].width = int(_TEXT * column.width / total * _EMU)
            ink = _Type(small, "FFFFFF", bold=True, align=column.align)
            self._fill(table.cell(0, j), (Text(column.head),), ink, self._primary)
            for i, row in enumerate(block.rows, 1):
                cell = row[j]
                if cell is None:
                    continue
                ink = _Type(small, INK, bold=cell.strong, align=column.align)
                spans = (Text("\u2003" * cell.indent), *cell.spans) if cell.indent else cell.spans
                self._fill(table.cell(i, j), spans, ink, "F2F5F8" if i % 2 == 0 else "FFFFFF")
                if cell.down > 1:
                    table.cell(i, j).merge(table.cell(min(i + cell.down - 1, count - 1), j))
        for row in table.rows:
            row.height = int(high * _EMU)
        self._below(slide, block)

    def closing(self) -> None:
        """Add the last slide: who made the report, and what may be done with it."""
        front, words = self._document.front, self._document.words
        head = words.get("imprint") or {"zh": "出版说明", "en": "Imprint"}[self._document.language]
        slide = self._slide(head, _Type(24, self._primary, bold=True))
        lines = [f"{name}  {text}" for name, text in front.imprint]
        lines += [line for line in (front.rights, front.organisation, front.date) if line]
        self._text(slide, "\n".join(lines), (_LEFT, _TOP, _TEXT, _BOTTOM - _TOP), _Type(16))
        self._notice(slide)

    def _slide(self, title: str, ink: _Type, *, at: float = 28.0, high: float = 52.0) -> Any:
        """Return a new slide with a title, which is what programs list and read aloud first."""
        slide = self._file.slides.add_slide(self._file.slide_layouts[_TITLE_ONLY])
        shape = slide.shapes.title
        shape.left, shape.top, shape.width, shape.height = (
            int(value * _EMU) for value in (_LEFT, at, _TEXT, high)
        )
        self._write(shape.text_frame, (Text(title),), ink)
        return slide

    def _below(self, slide: Any, block: Figure | Grid) -> None:
        """Write note, source and notice below, and what the report says of it into the notes."""
        parts = []
        for key in ("note", "source"):
            line: Spans = getattr(block, key, ())
            if line:
                word = self._document.words.get(key, "")
                parts.append(plain(line) if plain(line).startswith(word) else word + plain(line))
        self._text(slide, "  ".join(parts), (_LEFT, 488.0, _TEXT - 280.0, 36.0), _Type(11, GREY))
        self._notice(slide)
        if said := said_of(self._document, block.key):
            slide.notes_slide.notes_text_frame.text = clean(said)

    def _notice(self, slide: Any) -> None:
        if self._document.notice:
            ink = _Type(11, ALARM, align="right")
            self._text(slide, self._document.notice, (_LEFT + _TEXT - 270.0, 488.0, 270.0, 24.0), ink)

    def _text(self, slide: Any, text: str, box: tuple[float, float, float, float], ink: _Type) -> None:
        if text:
            shape = slide.shapes.add_textbox(*(int(value * _EMU) for value in box))
            shape.text_frame.word_wrap = True
            for i, line in enumerate(text.split("\n")):
                self._write(shape.text_frame, (Text(line),), ink, further=i > 0)

    def _write(self, frame: Any, spans: Spans, ink: _Type, *, further: bool = False) -> None:
        """Write spans as one paragraph, the first or one `further` one."""
        from pptx.util import Pt  # noqa: PLC0415 - an extra

        line = frame.add_paragraph() if further else frame.paragraphs[0]
        line.alignment = _SIDES[ink.align]
        for span in spans:
            run = line.add_run()
            run.text = clean(span.text)
            strong = isinstance(span, Text | Bound) and span.strong
            run.font.size, run.font.bold = Pt(ink.size), ink.bold or strong
            run.font.color.rgb = _colour(ink.colour)
            run._r.get_or_add_rPr().set("lang", self._tag)

    def _fill(self, cell: Any, spans: Spans, ink: _Type, ground: str) -> None:
        from pptx.enum.text import MSO_ANCHOR  # noqa: PLC0415 - an extra

        self._write(cell.text_frame, spans, ink)
        cell.fill.solid()
        cell.fill.fore_color.rgb = _colour(ground)
        cell.vertical_anchor = MSO_ANCHOR.MIDDLE
        cell.margin_top = cell.margin_bottom = int(2 * _EMU)

    def _picture(self, slide: Any, png: bytes, at: tuple[float, float], size: tuple[float, float]) -> Any:
        return slide.shapes.add_picture(io.BytesIO(png), *(int(value * _EMU) for value in (*at, *size)))

    @staticmethod
    def _tell(shape: Any, name: str, alt: str) -> None:
        """Name a shape, and say what it shows for those who do not see it."""
        properties = next(shape._element.iter(f"{_P}cNvPr"))
        properties.set("name", clean(name))
        properties.set("descr", clean(alt))


def _colour(digits: str) -> Any:
    """Return a colour from its six digits."""
    from pptx.dml.color import RGBColor  # noqa: PLC0415 - an extra

    colour: Any = RGBColor
    return colour(*bytes.fromhex(digits))
