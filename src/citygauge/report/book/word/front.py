"""What stands before the first chapter: the cover, the imprint, the contents, the list of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citygauge.problems import Language
from citygauge.report.book.document import Document, Figure, Grid, Heading, plain
from citygauge.report.book.word.labels import SEQUENCE, Labels
from citygauge.report.book.word.styles import ALARM
from citygauge.report.book.word.tables import lines_table
from citygauge.report.book.word.xml import closed, field, linked, opened, paragraph, run, tab

WORDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {"contents": "目录", "figures_and_tables": "图表目录", "page": "{page} / {total}"},
    "en": {"contents": "Contents", "figures_and_tables": "Figures and tables", "page": "{page} / {total}"},
}
_BREAK = "<w:pageBreakBefore/>"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents: its style, what it says, where it leads, and the page shown for now."""

    style: str
    text: str
    bookmark: str
    page: int


def word(document: Document, key: str) -> str:
    """Return a fixed word of the report."""
    return document.words.get(key) or WORDS[document.language][key]


def cover(document: Document, ids: Mapping[str, str], width: int, logo: str) -> str:
    """Return the cover and, on a page of its own, the imprint; `logo` is a run with a picture, or blank."""
    front = document.front
    made = paragraph(ids["Normal"], logo) if logo else ""
    made += paragraph(ids["Title"], run(front.title))
    made += paragraph(ids["Subtitle"], run(front.subtitle)) if front.subtitle else ""
    if document.notice:
        alarm = f'<w:color w:val="{ALARM}"/>'
        made += paragraph(ids["Cover Line"], run(document.notice, strong=True, look=alarm))
    if front.cover:
        made += lines_table(front.cover, ids["Cover Line"], width)
    lead = '<w:spacing w:before="1200" w:after="100"/>'
    for text in (front.organisation, front.date):
        if text:
            made += paragraph(ids["Cover Line"], run(text, strong=lead != ""), lead)
            lead = ""
    if front.imprint or front.rights:
        made += paragraph(ids["Normal"], "", _BREAK)
        made += lines_table(front.imprint, ids["Normal"], width) if front.imprint else ""
        made += (
            paragraph(ids["Normal"], run(front.rights), '<w:spacing w:before="360"/>') if front.rights else ""
        )
    return made


def contents(document: Document, labels: Labels, pages: Sequence[int]) -> list[Entry]:
    """Return the lines of the contents: headings to level 3."""
    return [
        Entry(
            f"toc {block.level}",
            " ".join(part for part in (block.number, plain(block.spans)) if part),
            labels.blocks[place].bookmark,
            pages[place],
        )
        for place, block in enumerate(document.blocks)
        if isinstance(block, Heading)
    ]


def captions(document: Document, labels: Labels, pages: Sequence[int]) -> list[Entry]:
    """Return the lines of the list of figures and tables."""
    return [
        Entry(
            "table of figures",
            f"{block.label}  {plain(block.caption)}",
            labels.blocks[place].bookmark,
            pages[place],
        )
        for place, block in enumerate(document.blocks)
        if isinstance(block, Figure | Grid)
    ]


def listed(
    document: Document, key: str, entries: Sequence[Entry], ids: Mapping[str, str], new_page: bool
) -> str:
    """Return a heading and a field of contents below it that holds its lines already."""
    if not entries:
        return ""
    # An institute's own style may be that of a chapter, which is counted and listed.
    apart = '<w:numPr><w:numId w:val="0"/></w:numPr><w:outlineLvl w:val="9"/>'
    head = paragraph(ids["TOC Heading"], run(word(document, key)), (_BREAK if new_page else "") + apart)
    chosen = 'TOC \\o "1-3" \\h \\z \\u' if key == "contents" else f"TOC \\h \\z \\c {SEQUENCE}"
    lines = ""
    for i, entry in enumerate(entries):
        page = field(f"PAGEREF {entry.bookmark} \\h", str(entry.page))
        line = linked(entry.bookmark, run(entry.text) + tab() + page)
        line = (opened(chosen) if i == 0 else "") + line + (closed() if i == len(entries) - 1 else "")
        lines += paragraph(ids[entry.style], line)
    if key != "contents":
        return head + lines
    kind = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/><w:docPartUnique/></w:docPartObj>'
    return f"<w:sdt><w:sdtPr>{kind}</w:sdtPr><w:sdtContent>{head}{lines}</w:sdtContent></w:sdt>"


def contents_pages(entries: Sequence[int], in_page: int = 36) -> int:
    """Return how many pages the lists of contents take together, each of so many lines.

    >>> contents_pages([10, 40])
    2
    """
    return -(-sum(count + 3 for count in entries if count) // in_page)
