"""The report document as PDF, read back with poppler: contents, links, figures, tables, fonts and layout."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import time
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from citygauge.report import fonts as report_fonts
from citygauge.report.book import typeset
from citygauge.report.book.document import (
    Block,
    Bound,
    Box,
    Bullets,
    Card,
    Cards,
    Cell,
    Column,
    Document,
    Figure,
    Front,
    Grid,
    Heading,
    Kind,
    Look,
    Paragraph,
    Reference,
    Spans,
    Text,
    plain,
    spans_in,
)
from citygauge.report.book.sheets import TEXT_WIDTH, sheet
from citygauge.report.book.typeset import pdf_of_document
from citygauge.report.charts.base import FONTS

SYSTEM = typst.Fonts()
EMBEDDED_ONLY = typst.Fonts(include_system_fonts=False)
HAS_CJK = bool(set(report_fonts.CJK_FAMILIES) & set(SYSTEM.families()))
poppler = pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler's pdftotext is not installed")
chinese = pytest.mark.skipif(not HAS_CJK, reason="no font with Chinese characters is installed")
pytestmark = [poppler, chinese]
NOTICE = {"zh": "示意数据，非观测结果", "en": "illustrative data, not observed"}
HASHES = {"data": "ab" * 32, "method": "cd" * 32}


def said(text: str, **how: bool) -> Spans:
    return (Text(text, **how),)


def drawing(wide: int = 500, high: int = 240, top: str = "TOP", end: str = "END") -> str:
    """Return a picture with a word at its top and at its end."""
    words = (
        f'<text x="8" y="14">{top}</text><text x="{wide - 8}" y="{high - 3}" text-anchor="end">{end}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        f'font-family="Noto Sans CJK SC, Liberation Sans, sans-serif" font-size="12">'
        f'<rect width="{wide}" height="{high}" fill="#dde6ee"/>{words}</svg>'
    )


def figure(key: str, number: str, lang: str = "en", caption: str = "") -> Figure:
    label = f"图{number}" if lang == "zh" else f"Figure {number}"
    text = caption or (f"城市得分分布{key}" if lang == "zh" else f"Distribution of scores {key}")
    return Figure(
        key, number, label, said(text), {}, f"alt of {key}", said("年鉴" if lang == "zh" else "yearbook")
    )


def table(rows: int, merged: dict[int, int] | None = None, key: str = "t", label: str = "Table 1-1") -> Grid:
    """Return a table of three columns; `merged` says from which row on how many rows of the first are one."""
    merged = merged or {}
    inside = {i for start, down in merged.items() for i in range(start + 1, start + down)}
    cells = tuple(
        (
            None if i in inside else Cell(said(f"group{i}."), down=merged.get(i, 1), strong=True),
            Cell(said(f"row{i}."), indent=i % 3),
            Cell((Bound(f"{i * 37.31 % 100:.2f}", f"scores|value|unit={i}"),)),
        )
        for i in range(rows)
    )
    columns = (Column("Group"), Column("Item", width=2.0), Column("Value", "right", 0.5))
    return Grid(
        key, "1-1", label, said("scores of all"), columns, cells, said("the yearbook."), said("rounded.")
    )


def document(*blocks: Block, kind: Kind = "city", **more: object) -> Document:
    return replace(Document("en", kind, Front("Report of cities"), blocks), **more)


def sample(lang: str, kind: Kind = "full", figures: int = 30) -> Document:
    """Return a report with every kind of block."""
    zh = lang == "zh"

    def pick(chinese: str, english: str) -> str:
        return chinese if zh else english

    long = Paragraph((
        Text(pick("本报告评价", "This report measures ")), Bound("50", "summary|n|x=1", 50.0),
        Text(pick("个城市的发展水平（含“示范城市”），平均得分", " cities (pilots included), mean ")),
        Bound("56.32", "scores|value|x=1", 56.32, strong=True),
        Text(pick("，各城市之间的差距依然明显；结果见", "; the distance between them is considerable, see ")),
        Reference("f3", pick("图1-3", "Figure 1-3")), Text(pick("与", " and ")),
        Reference("t", pick("表2-1", "Table 2-1")), Text(pick("。", ".")),
    ))  # fmt: skip
    points = (said(pick("要点甲", "first point")), said(pick("要点乙", "second point")))
    parts = ["Services", "Management", "Resources"] if not zh else ["服务", "管理", "资源"]
    blocks: list[Block] = [Heading(1, said(pick("前言", "Foreword"))), long]
    each = -(-figures // 3)
    for c, part in enumerate(parts, 1):
        blocks += [
            Heading(1, said(pick(f"{part}的发展水平", f"{part} of the cities")), pick(f"第{c}章", str(c))),
            long, Heading(2, said(pick(f"{part}得分", f"Scores in {part}")), f"{c}.1"),
            Heading(3, said(pick(f"{part}得分的结构", f"How {part} is made up")), f"{c}.1.1"), long,
            Bullets(points, ordered=c == 2),
        ]  # fmt: skip
        if c == 1:
            texts = ("56.32", "50", "3.4:1", pick("苏州工业园区", "Suzhou Park"))
            label = pick("平均得分", "Mean score")
            blocks.append(Cards(tuple(Card(label, (Bound(t, "a|b|c"),), said("+2.1")) for t in texts)))
        if c == 2:
            cases = (long, Bullets((long.spans,)), long)
            blocks.append(
                replace(table(52, {0: 4, 4: 16, 20: 32}), number="2-1", label=pick("表2-1", "Table 2-1"))
            )
            blocks.append(Box(said(pick("案例：城市大脑", "Case: the city brain")), cases))
        names = range((c - 1) * each + 1, min(c * each, figures) + 1)
        blocks += [x for n in names for x in (figure(f"f{n}", f"{c}-{n}", lang), long)]
    number = pick("附录A", "Annex A")
    blocks += [Heading(1, said(pick("指标体系", "The framework")), number, annex=True), long]
    front = Front(
        pick("智慧城市发展水平评估报告", "How Smart Are the Cities?"), pick("50个城市的评估", "Fifty cities"),
        pick("某某评测中心", "Institute of Measures"), pick("2021年11月", "November 2021"),
        ((pick("时期", "Period"), "2020"),), ((pick("撰写", "Authors"), pick("张三", "A. One")),),
        pick("版权所有", "All rights reserved"),
    )  # fmt: skip
    meta = {"kind": kind, "language": lang, "date": "2021-11-05", "city": "", "hashes": HASHES}
    return Document("zh" if zh else "en", kind, front, tuple(blocks), Look(), NOTICE[lang], {}, meta)


def drawn(report: Document) -> dict[str, str]:
    """Return a picture for each figure; the seventh is 700 pixels by 1000."""
    sizes = {"f7": (700, 1000)}
    return {
        f.key: drawing(*sizes.get(f.key, (500, 150 + 20 * (i % 9))), f"top-{f.key}", f"end-{f.key}")
        for i, f in enumerate(report.figures)
    }


def tool(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def pages(path: Path) -> list[str]:
    return tool("pdftotext", "-layout", path, "-").split("\f")[:-1]


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b]", "", text)


def page_of(path: Path, text: str) -> list[int]:
    """Return the pages that a text stands on, from 1."""
    return [i for i, page in enumerate(pages(path), 1) if squeezed(text) in squeezed(page)]


def boxes(path: Path) -> list[tuple[float, float, list[tuple[float, float, float, float, str]]]]:
    """Return width, height and the boxes of the words of each page."""
    space = "{http://www.w3.org/1999/xhtml}"
    found = []
    for page in ET.fromstring(tool("pdftotext", "-bbox", path, "-")).iter(f"{space}page"):
        words = [
            (*(float(word.attrib[side]) for side in ("xMin", "yMin", "xMax", "yMax")), word.text or "")
            for word in page.iter(f"{space}word")
        ]
        found.append((float(page.attrib["width"]), float(page.attrib["height"]), words))
    return found


def check_margins(path: Path) -> None:
    """Fail where a word lies outside the margins of its page, or below the foot of the text."""
    for i, (width, height, words) in enumerate(boxes(path), 1):
        for x0, y0, x1, y1, word in words:
            assert 50 <= x0 < x1 <= width - 50, (i, word)
            assert 25 <= y0 < y1 <= height - 20, (i, word)
            assert y1 <= height - 46 or y0 >= height - 50 or i == 1, (i, word)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function that writes the PDF of a document, and writes each sample once."""
    folder = tmp_path_factory.mktemp("book")
    known: dict[str, Path] = {}

    def make(report: Document | str, svgs: dict[str, str] | None = None) -> Path:
        if isinstance(report, str):
            if report not in known:
                whole = sample(report)
                known[report] = make(whole, drawn(whole)).rename(folder / f"{report}.pdf")
            return known[report]
        path = folder / "made.pdf"
        path.write_bytes(pdf_of_document(report, SYSTEM, svgs if svgs is not None else drawn(report)).data)
        return path

    return make


both = pytest.mark.parametrize("lang", ["zh", "en"])


# The text.


@both
def test_every_text_of_the_document_stands_in_the_pdf(made, lang):
    report, path = sample(lang), made(lang)
    text = squeezed("".join(pages(path)))
    told = [plain(spans) for block in report.blocks for spans in spans_in(block)]
    front = report.front
    told += [front.title, front.subtitle, front.organisation, front.date, front.rights]
    told += [part for line in (*front.cover, *front.imprint) for part in line]
    told += [f"end-{f.key}" for f in report.figures]
    for line in told:
        # A word may be hyphenated, and a page may end within a paragraph.
        parts = re.split(r"[，；。;,.\s]+", line)
        assert all(squeezed(part) in text.replace("-", "") or squeezed(part) in text for part in parts), line


@both
def test_the_contents_and_the_list_of_figures_give_the_page_where_each_stands(made, lang):
    report, path = sample(lang), made(lang)
    texts = pages(path)
    listed = "\n".join(texts[2:4])
    for block in report.blocks:
        if not isinstance(block, Heading | Figure | Grid):
            continue
        label = block.number if isinstance(block, Heading) else block.label
        text = squeezed(label + plain(block.spans if isinstance(block, Heading) else block.caption))
        entries = [line for line in listed.splitlines() if squeezed(line).startswith(text)]
        assert len(entries) == 1, text
        number = int(re.findall(r"\d+", entries[0])[-1])
        assert number > 4
        assert text in squeezed(texts[number - 1])


@both
def test_a_reference_is_a_link_to_the_page_of_its_target(made, lang):
    path = made(lang)
    text = tool("pdftohtml", "-xml", "-i", "-stdout", path)
    pairs = {("图1-3", "图1-3城市得分分布f3"), ("表2-1", "表2-1scoresofall")}
    if lang == "en":
        pairs = {("Figure 1-3", "Figure1-3Distributionofscoresf3"), ("Table 2-1", "Table2-1scoresofall")}
    for label, caption in pairs:
        told = [
            int(page) for page, words in re.findall(r'<a href="[^"#]*#(\d+)">(.*?)</a>', text)
            if squeezed(re.sub("<.*?>", "", words)) == squeezed(label)
        ]  # fmt: skip
        assert len(told) >= 10
        assert {*told} == {page_of(path, caption)[-1]}


def test_a_reference_without_a_target_is_its_text_and_doubled_keys_lead_to_the_first(made):
    gone = Paragraph(
        (Text("see "), Reference("nowhere", "Figure 9-9"), Text(", "), Reference("f", "Figure 1-1"))
    )
    path = made(document(figure("f", "1-1"), gone, figure("f", "1-2")))
    assert page_of(path, "see Figure 9-9, Figure 1-1")


def test_headings_can_be_linked_to_by_their_keys_and_no_key_breaks_the_file(made):
    own = ("contents", "figures_and_tables", "block-0", '#x "y" 图', "here", "here", "")
    heads = tuple(Heading(1, said(f"Alpha{i}"), key=key) for i, key in enumerate(own))
    path = made(document(*heads, *(figure(key, "1-1") for key in own), kind="full"))
    told = tool("pdfinfo", "-dests", path)
    places = {key: int(page) for page, key in re.findall(r'^\s*(\d+) \[.*\] "(.*)"$', told, re.M)}
    assert places["here"] == page_of(path, "Alpha4")[-1]


@both
def test_headings_stand_as_bookmarks_with_their_numbers(made, lang):
    raw = made(lang).read_bytes()
    text = "第1章\u3000服务的发展水平" if lang == "zh" else "1\u2002Services of the cities"
    assert text.encode("utf-16-be").hex().upper().encode() in raw or text.encode("utf-16-be") in raw


# The kinds of report.


def test_chapters_begin_on_a_new_page_in_full_reports_alone(made):
    blocks = (Heading(1, said("Alpha"), "1"), Paragraph(said("a")), Heading(1, said("Beta"), "2"))
    full = made(document(*blocks, Paragraph(said("b")), kind="full"))
    assert page_of(full, "1Alpha")[-1] + 1 == page_of(full, "2Beta")[-1]
    city = made(document(*blocks, Paragraph(said("b")), kind="city"))
    assert page_of(city, "1Alpha")[-1] == page_of(city, "2Beta")[-1]
    short = made(document(*blocks, Paragraph(said("b")), kind="executive"))
    assert (len(pages(short)), page_of(short, "Contents")) == (2, [])


@pytest.mark.parametrize("kind", ["full", "city", "grade", "executive"])
def test_empty_parts_leave_no_empty_page(made, kind):
    hollow = (Paragraph(()), Bullets(()), Box((), ()), Cards(()), Heading(2, ()), table(0))
    for blocks in ((), (Paragraph(said("x")),), (*hollow, Paragraph(said("x")))):
        path = made(document(*blocks, kind=kind))
        assert all(page.strip() for page in pages(path))
        check_margins(path)


# Figures and tables.


@both
def test_no_text_lies_outside_the_page_and_pages_are_numbered(made, lang):
    path = made(lang)
    check_margins(path)
    texts = pages(path)
    for i, text in enumerate(texts[1:], 2):
        last = squeezed(text).removesuffix("页")
        assert last.endswith(f"第{i}页，共{len(texts)}" if lang == "zh" else f"Page{i}of{len(texts)}")


@pytest.mark.parametrize(
    ("size", "caption"),
    [
        ((700, 1000), ""),
        ((300, 5000), ""),
        ((9000, 90), ""),
        ((700, 1000), "a long caption, " * 90),
        ((1, 1), ""),
    ],
)
def test_a_figure_of_any_size_stays_on_its_page_with_its_caption(made, size, caption):
    chart = figure("f", "1-1", caption=caption)
    path = made(document(Heading(1, said("H"), "1"), chart, kind="full"), {"f": drawing(*size)})
    check_margins(path)
    words = {word: (page, y1) for page, (_, _, found) in enumerate(boxes(path)) for *_, y1, word in found}
    if size[0] > 100:
        assert words["TOP"][0] == words["END"][0] == words["yearbook"][0]
        assert words["TOP"][1] < words["END"][1] + 1 < words["yearbook"][1]


@pytest.mark.parametrize("lines", range(24, 40, 3))
def test_headings_stay_with_what_follows_and_figures_with_their_captions(made, lines):
    filler = tuple(Paragraph(said("one line of text")) for _ in range(lines))
    heads = (
        Heading(2, said("Second"), "1.1"),
        Heading(3, said("Third"), "1.1.1"),
        Paragraph(said("then text")),
    )
    path = made(document(*filler, *heads, *filler[:5], figure("f", "1-1")))
    last = page_of(path, "thentext")[-1]
    assert page_of(path, "1.1Second")[-1] == page_of(path, "1.1.1Third")[-1] == last
    assert page_of(path, "top-f") == page_of(path, "end-f") == page_of(path, "Source:yearbook")
    assert page_of(path, "Figure1-1Dist")[-1] == page_of(path, "top-f")[-1]


@pytest.mark.parametrize("rows", [16, 47, 48, 49, 52])
@pytest.mark.parametrize("merged", [{}, {0: 4, 4: 6, 10: 6}, {0: 16}, {14: 2}])
def test_a_table_has_its_head_on_every_page_and_its_source_below_its_last_row(made, rows, merged):
    path = made(document(Heading(1, said("H"), "1"), table(rows, merged)))
    texts = [squeezed(page) for page in pages(path)][1:]
    on = [page for page in texts if re.search(r"row\d+\.", page)]
    assert all("GroupItemValue" in page for page in on)
    assert all("Table1-1(continued)" in page for page in on[1:])
    assert "(continued)" not in on[0]
    assert [f"row{i}." for i in range(rows)] == re.findall(r"row\d+\.", "".join(on))
    assert f"row{rows - 1}." in on[-1]
    assert on[-1].index("Note:rounded.Source:theyearbook.") > on[-1].index(f"row{rows - 1}.")
    for start, down in merged.items():
        if down <= 6:
            [page] = [text for text in on if f"row{start}." in text]
            assert all(f"row{i}." in page for i in range(start, start + down))


def test_a_cell_longer_than_a_page_goes_on_over_the_pages(made):
    long = Cell(said("word " * 3000 + "END."))
    grid = replace(table(3), rows=((Cell(said("a")), long, Cell(())), (None, Cell(said("b")), long)))
    path = made(document(grid))
    assert "".join(pages(path)).count("END.") == 2
    assert squeezed("".join(pages(path))).count("word") == 6000
    check_margins(path)


def test_a_table_too_wide_for_the_page_is_laid_on_its_side(made):
    heads = tuple(Column(f"Infrastructure{i}", "right") for i in range(11))
    row = tuple(Cell((Bound("123,456,789.10", "a|b|c"),)) for _ in heads)
    path = made(document(Paragraph(said("before")), replace(table(0), columns=heads, rows=(row,) * 5)))
    turned = [width > height for width, height, _ in boxes(path)]
    assert turned == [False, False, False, True]
    assert "".join(pages(path)).count("123,456,789.10") == 55
    check_margins(path)


words = st.text(st.sampled_from("iWm0129.,%城市指标 -"), max_size=40)


@given(st.lists(st.tuples(words, words, st.floats(0, 9)), min_size=1, max_size=24), st.booleans())
def test_columns_fill_the_text_and_each_has_room_for_its_words(columns, strong):
    heads = tuple(Column(head, width=share) for head, _, share in columns)
    cells = tuple(Cell(said(text), strong=strong) for _, text, _ in columns)
    found = sheet(replace(table(0), columns=heads, rows=(cells,)), lambda spans: [{"s": plain(spans)}])
    whole = 727.0 if found["wide"] else TEXT_WIDTH
    assert sum(found["widths"]) == pytest.approx(whole)
    assert all(width > 2 * found["inset"] for width in found["widths"])
    for width, cell in zip(found["widths"], found["rows"][0], strict=True):
        for part in re.findall(r"[\d.,]+", cell["spans"][0]["s"]):
            assert sum(0.28 if c in ".," else 0.55 for c in part) * found["size"] <= width - found["inset"]


# What words can do to it.


LONG = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 4


@both
def test_very_long_words_and_lines_stay_on_the_page(made, lang):
    path_like = "https://example.org/" + "a" * 200
    spans = said(LONG)
    blocks: Sequence[Block] = (
        Heading(1, spans, "1"), Paragraph(said(path_like)), Bullets((spans,)),
        Box(spans, (Paragraph(spans),)), Cards((Card(LONG, spans, spans),) * 7), Heading(3, spans, "1.1.1"),
        replace(table(3), caption=spans, source=spans, columns=tuple(map(Column, (LONG, path_like, "x")))),
        replace(figure("f", "1-1"), caption=spans, source=spans),
    )  # fmt: skip
    front = Front(LONG, LONG, LONG, "2021", ((LONG[:40], path_like),), ((LONG[:40], path_like),), path_like)
    path = made(replace(document(*blocks, kind="full", front=front), language=lang, notice=LONG))
    check_margins(path)


def test_texts_that_look_like_typst_are_printed_as_they_are(made):
    evil = r"#panic() *x* $y$ \u{41} [z] `r` _e_ <l> @f //c /*"
    spans = said(evil)
    blocks = (
        Heading(1, spans, "1"), Paragraph(spans), Bullets((spans,)), Box(spans, (Paragraph(spans),)),
        Cards((Card(evil, said("1"), spans),)), replace(table(1), caption=spans, columns=(Column(evil),) * 3),
        replace(figure("f", "1-1"), caption=spans, source=spans),
    )  # fmt: skip
    front = Front(evil, evil, evil, "2021", ((evil, evil),), ((evil, evil),), evil)
    path = made(document(*blocks, kind="full", front=front))
    assert squeezed("".join(pages(path))).count(squeezed(evil)) >= 15
    assert f"Title:           {evil}" in tool("pdfinfo", path)


def test_control_characters_and_halves_of_characters_are_blanks(made):
    path = made(document(Heading(1, said("one\ntwo\x00three"), "1"), Paragraph(said("four\ud800five"))))
    assert page_of(path, "onetwothree")
    assert page_of(path, "four five")


def test_source_and_note_words_are_put_before_their_lines_once(made):
    told = replace(figure("f", "1-1"), source=said("Source: yearbook"))
    path = made(document(told, table(1), words={"source": "Source: ", "note": "Remark: "}))
    text = squeezed("".join(pages(path)))
    assert "Source:yearbook" in text
    assert "Source:Source:" not in text
    assert "Remark:rounded." in text


# Fonts, looks, and what a reader does not see.


@both
def test_all_fonts_are_embedded_and_tagged_for_readers_who_listen(made, lang):
    path = made(lang)
    listed = tool("pdffonts", path).splitlines()[2:]
    assert listed
    assert all(re.search(r"\syes\s+yes\s+yes\s+\d+\s+\d+$", line) for line in listed)
    raw = path.read_bytes()
    assert re.search(rb"pdfuaid:part[^0-9]{1,3}1", raw)
    assert re.search(rb"/Lang\s*\(" + {"zh": b"zh-CN", "en": b"en-GB"}[lang], raw)
    assert "Tagged:          yes" in tool("pdfinfo", path)


def inflated(path: Path) -> bytes:
    """Return a file with the contents of its compressed streams."""
    raw = path.read_bytes()
    parts = [raw]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", raw, re.S):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"".join(parts)


def test_every_figure_has_its_alternative_text(made):
    raw = inflated(made("en"))
    for f in sample("en").figures:
        assert re.search(rb"/Alt\s*\(" + f.alt.encode() + rb"\)", raw), f.alt


def test_the_file_has_its_language_title_keywords_and_readable_data(made, tmp_path):
    path = made("en")
    told = tool("pdfinfo", path)
    assert "How Smart Are the Cities?" in told
    assert "Institute of Measures" in told
    assert f"data {HASHES['data']}, method {HASHES['method']}" in told
    assert "city" not in told.split("Keywords:")[1].splitlines()[0]
    tool("pdfdetach", "-saveall", "-o", tmp_path, path)
    assert json.loads((tmp_path / "citygauge.json").read_text(encoding="utf-8")) == sample("en").meta


@both
def test_the_notice_stands_at_every_figure_and_table_and_on_every_page(made, lang):
    path, notice = made(lang), squeezed(NOTICE[lang])
    texts = [squeezed(page) for page in pages(path)]
    assert all(notice in page for page in texts)
    report = sample(lang)
    for block in (*report.figures, *report.grids):
        assert any(squeezed(block.label + plain(block.caption)) + notice in page for page in texts[4:])
    calm = made(replace(report, notice="", blocks=report.blocks[:6]))
    assert notice not in squeezed("".join(pages(calm)))


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_any_colour_of_an_institute_can_be_read(colour):
    look = typeset._look(Look(primary=colour, accent=colour))

    def contrast(one: str, two: str) -> float:
        low, high = sorted(map(typeset._luminance, (one, two)))
        return (high + 0.05) / (low + 0.05)

    assert look["primary"] == colour
    assert contrast(look["primary_ink"], "#ffffff") >= 4.5
    assert contrast(look["accent_ink"], "#ffffff") >= 4.5
    assert contrast(look["on_primary"], colour) >= 3.5


def test_luminance_is_that_of_the_standard():
    assert typeset._luminance("#ffffff") == pytest.approx(1.0)
    assert typeset._luminance("#000000") == 0.0
    assert typeset._luminance("#ff0000") == pytest.approx(0.2126)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0\0\0\xff"))
    + chunk(b"IEND", b"")
)


@pytest.mark.parametrize(
    "logo", [PNG, drawing(80, 20).encode(), b"", b"no picture"], ids=["png", "svg", "none", "no picture"]
)
def test_a_logo_is_put_on_the_cover_and_what_is_no_picture_is_left_out(made, logo):
    look = Look(logo=logo)
    path = made(document(front=Front("Title", organisation="The Institute"), look=look))
    assert "The Institute" in pages(path)[0]
    assert ("TOP" in pages(path)[0]) == (b"<svg" in logo)
    assert (len(tool("pdfimages", "-list", path).splitlines()) > 2) == (logo == PNG)


def test_the_families_of_an_institute_come_first_where_they_are_there(made):
    wanted = next((f for f in SYSTEM.families() if f.startswith(("DejaVu Serif", "Liberation Mono"))), None)
    if wanted is None:
        pytest.skip("no font with a name that is known here is installed")
    path = made(document(Paragraph(said("words")), look=Look(fonts=("No Such Family", wanted.upper()))))
    assert wanted.replace(" ", "") in tool("pdffonts", path).replace("-", "")


# The same bytes, and what a machine lacks.


def test_the_same_document_gives_the_same_bytes_wherever_the_clock_stands(made, monkeypatch):
    report = sample("zh", figures=3)
    first = made(report).read_bytes()
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert made(report).read_bytes() == first
    finally:
        monkeypatch.undo()
        time.tzset()
    assert b"D:20211105120000Z" in first


@pytest.mark.parametrize("date", ["", "2021", "no date", None])
def test_without_a_date_the_file_has_none(made, date):
    raw = made(document(Paragraph(said("x")), meta={"date": date})).read_bytes()
    assert b"CreationDate" not in raw
    assert b"ModDate" not in raw


def test_a_chart_that_was_not_drawn_before_is_drawn(made):
    chart = {
        "data": {"values": [{"a": "苏州", "b": 3}, {"a": "台州", "b": 5}]},
        "mark": "bar", "width": 300, "height": 60, "config": {"font": FONTS["zh"]},
        "encoding": {"y": {"field": "a", "type": "nominal"}, "x": {"field": "b", "type": "quantitative"}},
    }  # fmt: skip
    path = made(document(replace(figure("f", "1-1"), chart=chart)), {})
    assert len(page_of(path, "苏州")) == 1


def test_a_character_that_no_font_has_is_told_and_the_pdf_is_made():
    made = pdf_of_document(document(Heading(1, said("x\U0010fffd"), "1")), SYSTEM)
    assert (made.uncovered, made.lacks) == ("\U0010fffd", "")
    assert made.data.startswith(b"%PDF")


def test_without_a_chinese_font_or_typst_there_is_no_data_and_the_reason(monkeypatch):
    assert pdf_of_document(document(Paragraph(said("城市"))), EMBEDDED_ONLY).lacks == "font"
    inside = {"f": drawing(end="城市")}
    assert pdf_of_document(document(figure("f", "1-1")), EMBEDDED_ONLY, inside).lacks == "font"
    assert pdf_of_document(document(Paragraph(said("city"))), EMBEDDED_ONLY).data
    monkeypatch.setattr(typeset, "find_spec", lambda _: None)
    assert pdf_of_document(document()).lacks == "typst"


def test_a_chart_that_is_no_picture_is_an_error():
    with pytest.raises(typst.TypstError, match="SVG"):
        pdf_of_document(document(figure("f", "1-1")), SYSTEM, {"f": "no picture"})
