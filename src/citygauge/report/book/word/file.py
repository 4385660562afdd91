"""The file around the text: an institute's own one emptied, or a plain one; its styles and lists."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from citygauge.problems import InputError, Problems
from citygauge.report.book.document import Document
from citygauge.report.book.word import numbering, record, styles
from citygauge.report.book.word.archive import looked_at, moment
from citygauge.report.book.word.front import word
from citygauge.report.book.word.labels import Labels
from citygauge.report.book.word.pages import Paper
from citygauge.report.book.word.styles import ALARM, LANGUAGE_TAGS
from citygauge.report.book.word.xml import NAMESPACES, TWIPS, field, paragraph, run, tab

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
# Of an institute's own file everything else belongs to the body, which is emptied.
_KEPT = frozenset(
    {"styles", "numbering", "settings", "fontTable", "theme", "webSettings", "header", "footer"}
    | {"footnotes", "endnotes"}
)
# In the order of the schema: what stands behind the mark that fields are refreshed.
_BEHIND_REFRESH = (
    "hdrShapeDefaults", "footnotePr", "endnotePr", "compat", "docVars", "rsids", "mathPr", "attachedSchema",
    "themeFontLang", "clrSchemeMapping", "doNotIncludeSubdocsInStats", "doNotAutoCompressPictures",
    "forceUpgrade", "captions", "readModeInkLockDown", "smartTagType", "schemaLibrary", "shapeDefaults",
    "doNotEmbedSmartTags", "decimalSymbol", "listSeparator",
)  # fmt: skip
_UNWANTED = ("attachedTemplate", "mailMerge", "documentProtection", "writeProtection", "trackRevisions")
_BEFORE_LIST = frozenset({"pStyle", "keepNext", "keepLines", "pageBreakBefore", "framePr", "widowControl"})
_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STOPS = (4153, 4320, 4513, 4680, 8306, 8640, 9026, 9360)  # of Word's own style of headers
_LETTER = 44  # characters of the title in the header


def opened(reference: bytes | None) -> Any:
    """Return an empty python-docx document: a plain one, or an institute's own with its body taken out."""
    import docx  # noqa: PLC0415 - an extra

    if reference is None:
        file = docx.Document()
    else:
        problems = Problems()
        looked_at(reference, problems)
        problems.raise_errors()
        try:
            file = docx.Document(io.BytesIO(reference))
        except Exception as error:  # whatever a broken part makes the parser raise
            problems.add("report.not-word")
            raise InputError(problems) from error
    _empty(file)
    kept = _KEPT if reference is not None else _KEPT - {"webSettings", "fontTable"}
    for key, relation in list(file.part.rels.items()):
        if relation.reltype.rpartition("/")[2] not in kept or relation.is_external:
            file.part.rels.pop(key)
    for key, relation in list(file.part.package.rels.items()):
        if relation.reltype.rpartition("/")[2] not in {"officeDocument", "core-properties"}:
            file.part.package.rels.pop(key)
    return file


def _empty(file: Any) -> None:
    """Take the body out; the last section keeps the headers and footers that it has from those before."""
    body = file.element.body
    last = body.get_or_add_sectPr()
    found: dict[tuple[str, str], Any] = {}
    for section in body.iter(f"{_W}sectPr"):
        for name in ("headerReference", "footerReference"):
            found |= {(name, one.get(f"{_W}type")): one for one in section.findall(f"{_W}{name}")}
    for at, one in enumerate(found.values()):
        last.insert(at, one)
    for child in [child for child in body if child is not last]:
        body.remove(child)
    for name in ("type", "pgNumType", "lnNumType"):
        for one in last.findall(f"{_W}{name}"):
            last.remove(one)


def parsed(text: str) -> Any:
    """Return one element from its text, its prefixes known."""
    from docx.oxml import parse_xml  # noqa: PLC0415 - an extra

    name = text[1:].partition(">")[0].split()[0].rstrip("/")
    return parse_xml(f"<{name} {NAMESPACES}{text[1 + len(name) :]}")


def elements(text: str) -> Iterator[Any]:
    """Yield the elements of a stretch of text."""
    yield from list(parsed(f"<w:body>{text}</w:body>"))


def set_page(file: Any) -> None:
    """Make the page of a plain file A4, its first one without header and footer."""
    section = file.sections[-1]
    twip = 635
    section.page_width, section.page_height = 11906 * twip, 16838 * twip
    section.left_margin = section.right_margin = 1418 * twip
    section.top_margin, section.bottom_margin = 1588 * twip, 1418 * twip
    section.header_distance = section.footer_distance = 794 * twip
    section.different_first_page_header_footer = True


def paper_of(file: Any) -> Paper:
    """Return the size of the text on a page."""
    section = file.sections[-1]
    point = 12_700
    wide = (section.page_width or 11906 * 635) - (section.left_margin or 0) - (section.right_margin or 0)
    high = (section.page_height or 16838 * 635) - (section.top_margin or 0) - (section.bottom_margin or 0)
    return Paper(max(144.0, wide / point), max(144.0, high / point))


def placed_styles(file: Any, document: Document, paper: Paper, *, plain: bool) -> dict[str, str]:
    """Put the styles into a file and return their ids; an institute's own stay as they are."""
    root = file.styles.element
    if plain:
        for one in [*root.findall(f"{_W}style"), *root.findall(f"{_W}docDefaults")]:
            root.remove(one)
        root.insert(0, parsed(styles.defaults(document.look, document.language)))
        for kind, key, name in (
            ("character", "DefaultParagraphFont", "Default Paragraph Font"),
            ("numbering", "NoList", "No List"),
        ):
            told = f'w:type="{kind}" w:default="1" w:styleId="{key}"'
            root.append(parsed(f'<w:style {told}><w:name w:val="{name}"/></w:style>'))
    present = {_name(one).casefold(): str(one.get(f"{_W}styleId")) for one in root.findall(f"{_W}style")}
    taken = set(present.values())
    ids = {}
    for name, key in {**styles.IDS, styles.TABLE: styles.TABLE_ID}.items():
        found = present.get(name.casefold())
        if found is None and name == "Body Text" and not plain:
            found = present.get("normal")
        ids[name] = found or (key if key not in taken else f"CityGauge{key}")
    made = styles.definitions(document.look, document.language, ids, round(paper.width * TWIPS))
    for name, text in made.items():
        if name.casefold() not in present and not (name == "Body Text" and ids[name] == ids["Normal"]):
            root.append(parsed(text))
    if styles.TABLE.casefold() not in present:
        root.append(parsed(styles.table_style(document.look, ids[styles.TABLE])))
    return ids


def _name(style: Any) -> str:
    found = style.find(f"{_W}name")
    return "" if found is None else str(found.get(f"{_W}val"))


def placed_lists(file: Any, labels: Labels, ids: Mapping[str, str]) -> dict[int, int]:
    """Put the lists into a file, bind the headings to theirs, and return the numbers of the lists."""
    root = _numbering(file)
    definitions, uses = root.findall(f"{_W}abstractNum"), root.findall(f"{_W}num")
    first = 1 + max((int(one.get(f"{_W}abstractNumId")) for one in definitions), default=0)
    number = 1 + max((int(one.get(f"{_W}numId")) for one in uses), default=0)
    at = root.index(definitions[-1]) + 1 if definitions else len(root.findall(f"{_W}numPicBullet"))
    for step, text in enumerate(numbering.lists(labels, ids, first)):
        root.insert(at + step, parsed(text))
    numbers = {kind: number + kind for kind in range(4)}
    behind = len(root) if not uses else root.index(uses[-1]) + 1
    if not uses:
        behind = at + 4
    for kind in reversed(range(4)):
        root.insert(behind, parsed(numbering.used(numbers[kind], first + kind)))
    bound = {name: (numbering.CHAPTERS, i) for i, name in enumerate(numbering.HEADINGS)}
    bound |= {name: (numbering.ANNEXES, i) for i, name in enumerate(numbering.ANNEX_HEADINGS)}
    bound |= {"List Bullet": (numbering.BULLETS, 0)}
    by_id = {one.get(f"{_W}styleId"): one for one in file.styles.element.findall(f"{_W}style")}
    for name, (kind, level) in bound.items():
        _bind(by_id[ids[name]], numbers[kind], level)
    return numbers


def add_ordered(file: Any, numbers: Mapping[int, int], ordered: list[int]) -> None:
    """Put the uses of the numbered lists into a file, each of which counts from 1."""
    root = _numbering(file)
    uses = root.findall(f"{_W}num")
    by_number = {int(one.get(f"{_W}numId")): one for one in uses}
    definition = int(by_number[numbers[numbering.ORDERED]].find(f"{_W}abstractNumId").get(f"{_W}val"))
    at = root.index(uses[-1]) + 1
    for step, number in enumerate(ordered):
        root.insert(at + step, parsed(numbering.used(number, definition, anew=True)))


def _numbering(file: Any) -> Any:
    """Return the root of the lists; a file may come without."""
    from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE  # noqa: PLC0415 - an extra
    from docx.opc.packuri import PackURI  # noqa: PLC0415 - an extra
    from docx.parts.numbering import NumberingPart  # noqa: PLC0415 - an extra

    for relation in file.part.rels.values():
        if relation.reltype == RELATIONSHIP_TYPE.NUMBERING:
            return relation.target_part.element
    part = NumberingPart(
        PackURI("/word/numbering.xml"),
        CONTENT_TYPE.WML_NUMBERING,
        parsed("<w:numbering></w:numbering>"),
        file.part.package,
    )
    file.part.relate_to(part, RELATIONSHIP_TYPE.NUMBERING)
    return part.element


def _bind(style: Any, number: int, level: int) -> None:
    """Let a style count in a list, in place of any other."""
    properties = style.get_or_add_pPr()
    for old in properties.findall(f"{_W}numPr"):
        properties.remove(old)
    at = sum(child.tag.removeprefix(_W) in _BEFORE_LIST for child in properties)
    text = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    properties.insert(at, parsed(text))


def set_settings(file: Any, document: Document, *, plain: bool) -> None:
    """Have fields refreshed when the file is opened; drop what would lead from it to other files."""
    root = file.settings.element
    if plain:
        for child in list(root):
            root.remove(child)
        for child in elements(record.settings(LANGUAGE_TAGS[document.language])):
            root.append(child)
        return
    for name in (*_UNWANTED, "updateFields"):
        for one in root.findall(f"{_W}{name}"):
            root.remove(one)
    kind = f"{_RELATIONSHIPS}/settings"
    part = next(one.target_part for one in file.part.rels.values() if one.reltype == kind)
    for key in [key for key, relation in part.rels.items() if relation.is_external]:
        part.rels.pop(key)
    behind = (i for i, child in enumerate(root) if child.tag.rpartition("}")[2] in _BEHIND_REFRESH)
    root.insert(next(behind, len(root)), parsed('<w:updateFields w:val="true"/>'))


def set_margins(file: Any, document: Document, ids: Mapping[str, str]) -> None:
    """Write header and footer where the file has none: title and notice; page and number of pages."""
    section = file.sections[-1]
    title = document.front.title
    title = title if len(title) <= _LETTER else title[: _LETTER - 1] + "…"
    notice = run(document.notice, look=f'<w:color w:val="{ALARM}"/>')
    above = run(title) + (tab() + notice if notice else "")
    fields = {"{page}": field("PAGE", "1"), "{total}": field("NUMPAGES", "1")}
    words = re.split(r"(\{page\}|\{total\})", word(document, "page"))
    below = "".join(fields.get(part) or run(part) for part in words)
    if section._sectPr.find(f"{_W}headerReference") is not None:
        return
    if section._sectPr.find(f"{_W}footerReference") is not None:
        return
    stops = "".join(f'<w:tab w:val="clear" w:pos="{at}"/>' for at in _STOPS)
    right = round(paper_of(file).width * TWIPS)
    tabs = f'<w:tabs>{stops}<w:tab w:val="right" w:pos="{right}"/></w:tabs>'
    lines = (
        (section.header, "header", tabs, above),
        (section.footer, "footer", '<w:jc w:val="center"/>', below),
    )
    for part, style, properties, text in lines:
        part.is_linked_to_previous = False
        for one in list(part._element):
            part._element.remove(one)
        part._element.append(parsed(paragraph(ids[style], text, properties)))


def set_record(file: Any, document: Document) -> None:
    """Write who made the file and when, and the plain data of the report, into its properties."""
    from docx.opc.packuri import PackURI  # noqa: PLC0415 - an extra
    from docx.opc.part import Part  # noqa: PLC0415 - an extra

    front, meta, core = document.front, document.meta, file.core_properties
    core.title, core.subject = front.title[:255], front.subtitle[:255]
    core.author = core.last_modified_by = (front.organisation or "CityGauge")[:255]
    core.language = LANGUAGE_TAGS[document.language]
    core.comments = document.notice[:255]
    core.keywords, core.category, core.revision = "", "", 1
    core.created = core.modified = moment(str(meta.get("date", "")))
    package = file.part.package
    kind = "application/vnd.openxmlformats-officedocument."
    own = Part(
        PackURI("/docProps/custom.xml"),
        f"{kind}custom-properties+xml",
        record.custom_properties(meta),
        package,
    )
    package.relate_to(own, f"{_RELATIONSHIPS}/custom-properties")
    data = Part(PackURI("/customXml/item1.xml"), "application/xml", record.data_part(meta), package)
    file.part.relate_to(data, f"{_RELATIONSHIPS}/customXml")
    told = Part(
        PackURI("/customXml/itemProps1.xml"),
        f"{kind}customXmlProperties+xml",
        record.data_properties(),
        package,
    )
    data.relate_to(told, f"{_RELATIONSHIPS}/customXmlProps")
