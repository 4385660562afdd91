"""The styles of a Word file: built-in ones where Word has one, so that people find what they know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from citygauge.problems import Language
from citygauge.report.book.document import Look
from citygauge.report.book.word.xml import attribute

ANNEX = "Annex Heading"
LANGUAGE_TAGS: Mapping[Language, str] = {"zh": "zh-CN", "en": "en-GB"}
INK, GREY, RULE, ALARM = "222222", "5F6B76", "C9D1D8", "AA3333"
# What office programs have on every system; others replace them by their own of the same kind.
_CJK, _LATIN = "Microsoft YaHei", "Arial"

# Name, id, based on, next, and what it is called by Word's lists of styles (its place there).
_TREE: tuple[tuple[str, str, str, str], ...] = (
    ("Normal", "Normal", "", ""),
    ("Body Text", "BodyText", "Normal", ""),
    ("heading 1", "Heading1", "Normal", "Body Text"),
    ("heading 2", "Heading2", "Normal", "Body Text"),
    ("heading 3", "Heading3", "Normal", "Body Text"),
    (ANNEX, "AnnexHeading", "heading 1", "Body Text"),
    (f"{ANNEX} 2", "AnnexHeading2", "heading 2", "Body Text"),
    (f"{ANNEX} 3", "AnnexHeading3", "heading 3", "Body Text"),
    ("Front Heading", "FrontHeading", "heading 1", "Body Text"),
    ("TOC Heading", "TOCHeading", "Normal", "Body Text"),
    ("toc 1", "TOC1", "Normal", "Normal"),
    ("toc 2", "TOC2", "Normal", "Normal"),
    ("toc 3", "TOC3", "Normal", "Normal"),
    ("table of figures", "TableofFigures", "Normal", "Normal"),
    ("Title", "Title", "Normal", "Subtitle"),
    ("Subtitle", "Subtitle", "Normal", "Normal"),
    ("Cover Line", "CoverLine", "Normal", ""),
    ("List Bullet", "ListBullet", "Normal", ""),
    ("List Number", "ListNumber", "Normal", ""),
    ("caption", "Caption", "Normal", "Body Text"),
    ("Picture", "Picture", "Normal", "caption"),
    ("Source Line", "SourceLine", "Normal", "Body Text"),
    ("Notice", "Notice", "Normal", ""),
    ("Table Text", "TableText", "Normal", ""),
    ("Table Head", "TableHead", "Table Text", ""),
    ("Box Title", "BoxTitle", "Normal", "Box Text"),
    ("Box Text", "BoxText", "Normal", ""),
    ("Card Label", "CardLabel", "Normal", ""),
    ("Card Figure", "CardFigure", "Normal", ""),
    ("Card Note", "CardNote", "Normal", ""),
    ("header", "Header", "Normal", ""),
    ("footer", "Footer", "Normal", ""),
)
NAMES = tuple(name for name, *_ in _TREE)
IDS: Mapping[str, str] = {name: key for name, key, *_ in _TREE}
TABLE, TABLE_ID = "Report Table", "ReportTable"


@dataclass(frozen=True, slots=True)
class Faces:
    """The font of Latin and the font of Chinese writing."""

    latin: str
    cjk: str

    @property
    def xml(self) -> str:
        """The fonts as a property of a run."""
        latin, cjk = attribute(self.latin), attribute(self.cjk)
        return f"<w:rFonts w:ascii={latin} w:hAnsi={latin} w:eastAsia={cjk} w:cs={latin}/>"


def faces(look: Look, language: Language) -> Faces:
    """Return the fonts of a look: its families stand in order, that of the report's own writing first."""
    first, second = (*look.fonts, "", "")[:2]
    if language == "zh":
        return Faces(second or first or _LATIN, first or _CJK)
    return Faces(first or _LATIN, second or first or _CJK)


def defaults(look: Look, language: Language) -> str:
    """Return what holds wherever no style says otherwise."""
    tag = LANGUAGE_TAGS[language]
    return (
        f"<w:docDefaults><w:rPrDefault><w:rPr>{faces(look, language).xml}"
        f'<w:sz w:val="21"/><w:szCs w:val="21"/><w:lang w:val="{tag}" w:eastAsia="zh-CN" w:bidi="ar-SA"/>'
        "</w:rPr></w:rPrDefault><w:pPrDefault/></w:docDefaults>"
    )


def definitions(look: Look, language: Language, ids: Mapping[str, str], width: int) -> dict[str, str]:
    """Return the definition of every style, by name.

    Parameters
    ----------
    ids : mapping
        The id of each style in the file that takes them.
    width : int
        Of the text, in twips.
    """
    looks = _looks(look, language, width)
    made = {}
    for name, _, base, following in _TREE:
        properties, characters = looks[name]
        default = ' w:default="1"' if name == "Normal" else ""
        custom = "" if name[0].islower() or name in _BUILT_IN else ' w:customStyle="1"'
        made[name] = (
            f'<w:style w:type="paragraph"{default}{custom} w:styleId="{ids[name]}"><w:name w:val="{name}"/>'
            + (f'<w:basedOn w:val="{ids[base]}"/>' if base else "")
            + (f'<w:next w:val="{ids[following]}"/>' if following else "")
            + '<w:uiPriority w:val="1"/><w:qFormat/>'
            + (f"<w:pPr>{properties}</w:pPr>" if properties else "")
            + (f"<w:rPr>{characters}</w:rPr>" if characters else "")
            + "</w:style>"
        )
    return made


_BUILT_IN = frozenset(
    {"Normal", "Body Text", "TOC Heading", "Title", "Subtitle", "List Bullet", "List Number"}
)


def table_style(look: Look, key: str) -> str:
    """Return the style of tables: rules above, below and under the head, none between columns."""
    primary = look.primary.removeprefix("#")
    return (
        f'<w:style w:type="table" w:customStyle="1" w:styleId="{key}"><w:name w:val="{TABLE}"/>'
        '<w:uiPriority w:val="1"/><w:qFormat/><w:tblPr><w:tblBorders>'
        f'<w:top w:val="single" w:sz="12" w:space="0" w:color="{primary}"/>'
        f'<w:bottom w:val="single" w:sz="12" w:space="0" w:color="{primary}"/>'
        f'<w:insideH w:val="single" w:sz="4" w:space="0" w:color="{RULE}"/></w:tblBorders>'
        '<w:tblCellMar><w:top w:w="40" w:type="dxa"/><w:left w:w="80" w:type="dxa"/>'
        '<w:bottom w:w="40" w:type="dxa"/><w:right w:w="80" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>'
    )


def _looks(look: Look, language: Language, width: int) -> dict[str, tuple[str, str]]:
    """Return the properties of paragraph and characters of each style."""
    primary, accent = (colour.removeprefix("#") for colour in (look.primary, look.accent))
    chinese = language == "zh"
    first = '<w:ind w:firstLine="420" w:firstLineChars="200"/>' if chinese else ""
    body = f'{_spaced(0, 100, 340 if chinese else 300)}{first}<w:jc w:val="both"/>'
    keep = "<w:keepNext/><w:keepLines/>"
    leader = f'<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="{width}"/></w:tabs>'
    return {
        "Normal": (
            "<w:widowControl/><w:kinsoku/><w:overflowPunct/><w:autoSpaceDE/><w:autoSpaceDN/>",
            _font(21, INK),
        ),
        "Body Text": (body, ""),
        "heading 1": (f'{keep}{_spaced(360, 240)}<w:outlineLvl w:val="0"/>', _font(36, primary, bold=True)),
        "heading 2": (f'{keep}{_spaced(300, 140)}<w:outlineLvl w:val="1"/>', _font(28, primary, bold=True)),
        "heading 3": (f'{keep}{_spaced(220, 100)}<w:outlineLvl w:val="2"/>', _font(24, INK, bold=True)),
        ANNEX: ('<w:outlineLvl w:val="0"/>', ""),
        f"{ANNEX} 2": ('<w:outlineLvl w:val="1"/>', ""),
        f"{ANNEX} 3": ('<w:outlineLvl w:val="2"/>', ""),
        "Front Heading": ('<w:numPr><w:numId w:val="0"/></w:numPr><w:outlineLvl w:val="0"/>', ""),
        "TOC Heading": (f"{keep}{_spaced(240, 200)}", _font(32, primary, bold=True)),
        "toc 1": (f"{leader}{_spaced(120, 40)}", "<w:b/>"),
        "toc 2": (f'{leader}{_spaced(0, 20)}<w:ind w:left="420"/>', ""),
        "toc 3": (f'{leader}{_spaced(0, 20)}<w:ind w:left="840"/>', _font(19, GREY)),
        "table of figures": (f"{leader}{_spaced(0, 30)}", _font(19)),
        "Title": (_spaced(2400, 240), _font(60, primary, bold=True)),
        "Subtitle": (_spaced(0, 480), _font(32, GREY)),
        "Cover Line": (_spaced(0, 100), _font(24)),
        "List Bullet": (f'{_spaced(0, 60, 320)}<w:ind w:left="420" w:hanging="420"/>', ""),
        "List Number": (f'{_spaced(0, 60, 320)}<w:ind w:left="420" w:hanging="420"/>', ""),
        "caption": (f'{keep}{_spaced(160, 60)}<w:jc w:val="center"/>', _font(19, INK, bold=True)),
        "Picture": (f'<w:keepNext/>{_spaced(200, 0)}<w:jc w:val="center"/>', ""),
        "Source Line": (_spaced(20, 60), _font(17, GREY)),
        "Notice": (f'<w:keepNext/>{_spaced(0, 60)}<w:jc w:val="center"/>', _font(17, ALARM)),
        "Table Text": (_spaced(0, 0, 250), _font(18)),
        "Table Head": ("<w:keepNext/>", "<w:b/>" + f'<w:color w:val="{primary}"/>'),
        "Box Title": (f"{keep}{_spaced(60, 60)}", _font(22, accent, bold=True)),
        "Box Text": (f'{_spaced(0, 60, 300)}<w:jc w:val="both"/>', _font(20)),
        "Card Label": (f'<w:keepNext/>{_spaced(60, 0)}<w:jc w:val="center"/>', _font(18, GREY)),
        "Card Figure": (
            f'<w:keepNext/>{_spaced(40, 40)}<w:jc w:val="center"/>',
            _font(40, primary, bold=True),
        ),
        "Card Note": (f'{_spaced(0, 60)}<w:jc w:val="center"/>', _font(16, GREY)),
        "header": (_ruled("bottom", width), _font(17, GREY)),
        "footer": ('<w:jc w:val="center"/>', _font(17, GREY)),
    }


def _font(size: int, colour: str = "", *, bold: bool = False) -> str:
    """Return size (half points), colour and weight."""
    shade = f'<w:color w:val="{colour}"/>' if colour else ""
    return f'{"<w:b/>" * bold}{shade}<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'


def _spaced(before: int, after: int, line: int = 0) -> str:
    """Return the space around a paragraph, and that of a line, in twips; lines grow with what is in them."""
    height = f' w:line="{line}" w:lineRule="atLeast"' if line else ""
    return f'<w:spacing w:before="{before}" w:after="{after}"{height}/>'


def _ruled(side: str, width: int) -> str:
    """Return a rule on one side of a paragraph, and a tab stop at the right end."""
    rule = f'<w:{side} w:val="single" w:sz="4" w:space="4" w:color="{RULE}"/>'
    return f'<w:pBdr>{rule}</w:pBdr><w:tabs><w:tab w:val="right" w:pos="{width}"/></w:tabs>'
