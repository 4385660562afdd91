"""The report as a Word file to go on working with: real headings, captions, references and tables."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import vl_convert

from citygauge.problems import InputError, Problems
from citygauge.report.book.document import Document, Figure, Heading
from citygauge.report.book.word import file as files
from citygauge.report.book.word import front
from citygauge.report.book.word.archive import steady
from citygauge.report.book.word.body import Body, Drawn
from citygauge.report.book.word.labels import labels_of
from citygauge.report.book.word.pages import Paper, pages_of
from citygauge.report.book.word.styles import ANNEX
from citygauge.report.book.word.xml import paragraph, picture
from citygauge.report.charts.base import png_of

SCALE = 3.0
_POINTS = 0.75  # in a pixel of a chart
_CAPTIONED = 90.0  # points of a page that a picture leaves to its caption and source
_LOGO = (160.0, 60.0)  # points, at most


def docx_of(
    document: Document,
    reference: bytes | None = None,
    pngs: Mapping[str, bytes] | None = None,
    *,
    scale: float = SCALE,
) -> bytes:
    """Return a report as a Word file; the same input gives the same bytes.

    Headings, captions and references are counted by Word wherever its count gives the numbers of the
    document; their results stand in the file as the document has them. The contents and the list of figures
    and tables are filled; their page numbers are reckoned from the lengths of texts and the sizes of
    pictures, and may be off by some pages until the fields are refreshed. Word offers that when the file is
    opened; in other programs it is a command (in LibreOffice, Tools > Update > Indexes and Tables).

    Parameters
    ----------
    document : Document
        Whose numbers are the truth.
    reference : bytes, optional
        An institute's own Word file: styles, page, margins, headers and footers are taken from it, its text
        is not. Styles that it lacks are added; the numbers of headings are those of the report.
    pngs : mapping, optional
        Charts that are drawn already, by the key of the figure.
    scale : float
        With which they were drawn, as of `charts.base.png_of`, and others are.

    Returns
    -------
    bytes
        A ``.docx`` file. Charts are pictures with their alternative text; `document.meta` stands in the
        custom properties, and as JSON in the part ``customXml/item1.xml``.

    Raises
    ------
    InputError
        Without the package python-docx, or when `reference` is no Word file that may be read.
    """
    problems = Problems()
    if find_spec("docx") is None:
        problems.add("report.no-docx")
        raise InputError(problems)
    file = files.opened(reference)
    plain = reference is None
    if plain:
        files.set_page(file)
    paper = files.paper_of(file)
    labels = labels_of(document, ANNEX)
    ids = files.placed_styles(file, document, paper, plain=plain)
    numbers = files.placed_lists(file, labels, ids)
    files.set_settings(file, document, plain=plain)
    files.set_margins(file, document, ids)
    files.set_record(file, document)
    pictures = _Pictures(file, paper, pngs or {}, scale)
    body = Body(document, labels, ids, numbers, paper.width, pictures.draw)
    breaks = _breaks(document)
    logo = pictures.logo(document)
    sizes = {block.key: pictures.size(block) for block in document.figures}
    counts = (sum(isinstance(block, Heading) for block in document.blocks), len(sizes) + len(document.grids))
    first = 2 + bool(document.front.imprint or document.front.rights) + front.contents_pages(counts)
    pages = pages_of(document.blocks, paper, lambda block: sizes[block.key], breaks, first)
    entries = front.contents(document, labels, pages)
    shown = front.captions(document, labels, pages)
    text = front.cover(document, ids, body.twips, logo)
    text += front.listed(document, "contents", entries, ids, new_page=True)
    text += front.listed(document, "figures_and_tables", shown, ids, new_page=not entries)
    for place, block in enumerate(document.blocks):
        text += body.block(place, block, on_new_page=breaks[place])
    files.add_ordered(file, numbers, body.ordered)
    text += paragraph(ids["Normal"], "") if text.endswith("</w:tbl>") else ""
    section = file.element.body.sectPr
    for element in files.elements(text):
        section.addprevious(element)
    made = io.BytesIO()
    file.save(made)
    return steady(made.getvalue())


def _breaks(document: Document) -> list[bool]:
    """Tell of each block whether it begins a page: the first one, and in a full report every chapter."""
    return [
        place == 0 or (document.kind == "full" and isinstance(block, Heading) and block.level == 1)
        for place, block in enumerate(document.blocks)
    ]


def size_of(png: bytes) -> tuple[int, int]:
    """Return the width and height of a PNG picture in pixels."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def fitted(size: tuple[float, float], most: tuple[float, float]) -> tuple[float, float]:
    """Return a size made smaller, not larger, so that it fits.

    >>> fitted((200.0, 100.0), (100.0, 100.0))
    (100.0, 50.0)
    """
    scale = min(1.0, most[0] / size[0], most[1] / size[1])
    return size[0] * scale, size[1] * scale


def logo_png(document: Document) -> bytes:
    """Return the logo of a report as PNG; nothing where there is none."""
    look = document.look
    if not look.logo:
        return b""
    if "svg" in look.logo_type.lower():
        return bytes(vl_convert.svg_to_png(look.logo.decode("utf-8"), scale=4.0))
    return look.logo


class _Pictures:
    """Draws the charts, once each, and puts them into the file."""

    def __init__(self, file: Any, paper: Paper, pngs: Mapping[str, bytes], scale: float) -> None:
        self._file, self._paper, self._pngs, self._scale = file, paper, dict(pngs), scale

    def png(self, block: Figure) -> bytes:
        """Return the chart of a figure."""
        if block.key not in self._pngs:
            self._pngs[block.key] = png_of(block.chart, self._scale)
        return self._pngs[block.key]

    def size(self, block: Figure) -> tuple[float, float]:
        """Return the size of a figure on the page in points."""
        width, height = (side / self._scale * _POINTS for side in size_of(self.png(block)))
        return fitted((width, height), (self._paper.width, self._paper.height - _CAPTIONED))

    def draw(self, block: Figure) -> Drawn:
        """Put a figure into the file."""
        return Drawn(self._relation(self.png(block)), self.size(block))

    def logo(self, document: Document) -> str:
        """Return the logo as a run; blank where there is none."""
        png = logo_png(document)
        if not png:
            return ""
        size = fitted(tuple(float(side) * _POINTS for side in size_of(png)), _LOGO)  # type: ignore[arg-type]
        alt = document.front.organisation or document.front.title
        return picture(self._relation(png), size, 999, "logo", alt)

    def _relation(self, png: bytes) -> str:
        relation, _ = self._file.part.get_or_add_image(io.BytesIO(png))
        return str(relation)
