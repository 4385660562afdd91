"""Stretches of WordprocessingML as text: runs, paragraphs, fields, bookmarks, links and pictures."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from citygauge.text import SHOWN, visible

NAMESPACES = " ".join(
    f'xmlns:{prefix}="http://schemas.openxmlformats.org/{place}"'
    for prefix, place in {
        "w": "wordprocessingml/2006/main",
        "r": "officeDocument/2006/relationships",
        "wp": "drawingml/2006/wordprocessingDrawing",
        "a": "drawingml/2006/main",
        "pic": "drawingml/2006/picture",
    }.items()
)
_NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_PICTURE = "http://schemas.openxmlformats.org/drawingml/2006/picture"
TWIPS, EMU = 20, 12_700  # in a point


def clean(text: str) -> str:
    """Return a text on one line, with every character that XML or a reader cannot have as ``�``."""
    return _NO_XML.sub(SHOWN, visible(re.sub(r"[\t\n\r\x0b\x0c]+", " ", text)))


def said(text: str) -> str:
    """Return a text as it stands between tags."""
    return escape(clean(text))


def attribute(text: str) -> str:
    """Return a text as the value of an attribute, its quotes included."""
    return quoteattr(clean(text))


def run(text: str, *, strong: bool = False, emphasis: bool = False, look: str = "") -> str:
    """Return a run of text; `look` is what else its properties hold, in the order of the schema."""
    properties = "<w:b/>" * strong + "<w:i/>" * emphasis + look
    lead = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{lead}<w:t xml:space="preserve">{said(text)}</w:t></w:r>' if text else ""


def tab() -> str:
    """Return the step to the next tab stop."""
    return "<w:r><w:tab/></w:r>"


def paragraph(style: str, content: str, properties: str = "") -> str:
    """Return a paragraph; `properties` follow its style in the order of the schema."""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{properties}</w:pPr>{content}</w:p>'


def opened(instruction: str) -> str:
    """Return the beginning of a field, up to where its result stands."""
    code = f'<w:r><w:instrText xml:space="preserve"> {said(instruction)} </w:instrText></w:r>'
    return f"{_mark('begin')}{code}{_mark('separate')}"


def closed() -> str:
    """Return the end of a field."""
    return _mark("end")


def field(instruction: str, result: str, *, strong: bool = False, emphasis: bool = False) -> str:
    """Return a field with the result that is shown until it is refreshed."""
    return opened(instruction) + run(result, strong=strong, emphasis=emphasis) + closed()


def _mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def bookmarked(name: str, number: int, content: str) -> str:
    """Return content between the ends of a bookmark."""
    start = f'<w:bookmarkStart w:id="{number}" w:name="{name}"/>'
    return f'{start}{content}<w:bookmarkEnd w:id="{number}"/>'


def linked(bookmark: str, content: str) -> str:
    """Return content that leads to a bookmark."""
    return f'<w:hyperlink w:anchor="{bookmark}" w:history="1">{content}</w:hyperlink>'


def picture(relation: str, size: tuple[float, float], number: int, name: str, alt: str) -> str:
    """Return a run with a picture of a size in points; `relation` leads to its file."""
    extent = 'cx="{:.0f}" cy="{:.0f}"'.format(*(side * EMU for side in size))
    told = f'id="{number}" name={attribute(name)} descr={attribute(alt)}'
    return (
        f'<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent {extent}/>'
        f'<wp:docPr {told}/><wp:cNvGraphicFramePr><a:graphicFrameLocks noChangeAspect="1"/>'
        f'</wp:cNvGraphicFramePr><a:graphic><a:graphicData uri="{_PICTURE}"><pic:pic><pic:nvPicPr>'
        f'<pic:cNvPr {told}/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="{relation}"/>'
        f"<a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm>"
        f'<a:off x="0" y="0"/><a:ext {extent}/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
        f"</pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )
