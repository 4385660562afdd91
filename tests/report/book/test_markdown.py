"""Markdown with marks as blocks: what it may hold, how things are counted, where references lead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from citygauge.report.book.document import (
    Bound,
    Box,
    Bullets,
    Card,
    Cards,
    Cell,
    Column,
    Figure,
    Grid,
    Heading,
    Paragraph,
    Reference,
    Text,
    plain,
)  # fmt: skip
from citygauge.report.book.markdown import UnknownMarkdownError, blocks_of, numbered, spans_of, words_in
from citygauge.report.book.numbers import Marks, Number

FIGURE = Figure("f", "", "", (Text("cap"),), {}, "alt", ())


def parsed(text: str) -> list[Any]:
    return blocks_of(text, Marks("en"), {})


def chapter(text: str = "A", level: int = 1, **more: Any) -> Heading:
    return Heading(level, (Text(text),), "#", **more)


def test_headings_paragraphs_and_lists() -> None:
    blocks = parsed("# A\n\nb *c* **d**\ne\n\n- f\n- g\n\n1. h\n2. i\n")
    assert [type(block) for block in blocks] == [Heading, Paragraph, Bullets, Bullets]
    assert blocks[0] == Heading(1, (Text("A"),), "#")
    assert blocks[1].spans[1] == Text("c", emphasis=True)
    assert Text("d", strong=True) in blocks[1].spans
    assert plain(blocks[1].spans) == "b c d e"
    assert not blocks[2].ordered
    assert blocks[3].ordered
    assert [plain(item) for item in blocks[3].items] == ["h", "i"]


def test_a_heading_without_a_number_and_one_of_an_annex() -> None:
    bare, annex = parsed("# A {-}\n\n# B {annex}\n")
    assert (bare.number, plain(bare.spans), bare.annex) == ("", "A", False)
    assert (annex.number, plain(annex.spans), annex.annex) == ("#", "B", True)


def test_a_heading_of_the_fourth_level_is_a_paragraph_in_bold() -> None:
    (block,) = parsed("#### (a) B\n")
    assert isinstance(block, Paragraph)
    assert all(span.strong for span in block.spans if isinstance(span, Text))


def test_bound_parts_keep_the_emphasis_around_them() -> None:
    marks = Marks("en")
    mark = marks.bound(Number(1.5, "s"))
    (block,) = blocks_of(f"a **{mark}** *{mark}* {mark}\n", marks, {})
    assert isinstance(block, Paragraph)
    found = [span for span in block.spans if isinstance(span, Bound)]
    assert [(b.strong, b.emphasis) for b in found] == [(True, False), (False, True), (False, False)]


def test_a_block_of_its_own_stands_where_its_mark_does() -> None:
    marks = Marks("en")
    text = f"a\n\n{marks.mark('f')}\n\nb\n"
    assert blocks_of(text, marks, {"f": FIGURE})[1] is FIGURE


def test_a_block_inside_a_sentence_is_refused() -> None:
    marks = Marks("en")
    with pytest.raises(ValueError, match="paragraph of its own"):
        blocks_of(f"a {marks.mark('f')} b\n", marks, {"f": FIGURE})


@pytest.mark.parametrize(
    "text", ["> quote\n", "```\ncode\n```\n", "    code\n", "---\n", "a\n\n***\n", "![a](b.png)\n"]
)
def test_what_a_report_has_no_place_for_is_refused(text: str) -> None:
    with pytest.raises(UnknownMarkdownError):
        parsed(text)


def test_html_is_text() -> None:
    (block,) = parsed("a <b>c</b> &amp; d\n")
    assert "<b>c</b>" in plain(block.spans)


def test_one_line_as_spans() -> None:
    assert spans_of("a *b*", Marks("en")) == (Text("a "), Text("b", emphasis=True))
    assert spans_of("", Marks("en")) == ()


def test_words_in_a_line_are_those_that_are_not_bound() -> None:
    assert words_in((Text("a"), Bound("1", "s"), Reference("f", "Figure 1"), Text("b"))) == "ab"


def test_headings_are_counted_by_level_and_annexes_by_letter() -> None:
    blocks = [
        Heading(1, (Text("F"),), ""), chapter(), chapter(level=2), chapter(level=3), chapter(level=3),
        chapter(level=2), chapter(level=3), chapter(), chapter(level=2), chapter(annex=True),
        chapter(level=2), chapter(annex=True), chapter(level=2),
    ]  # fmt: skip
    en = [block.number for block in numbered(blocks, "en")]
    assert en == [
        "", "1", "1.1", "1.1.1", "1.1.2", "1.2", "1.2.1", "2", "2.1", "Annex A", "A.1", "Annex B", "B.1",
    ]  # fmt: skip
    zh = [block.number for block in numbered(blocks, "zh")]
    assert zh[1] == "第1章"
    assert zh[7] == "第2章"
    assert zh[9] == "附录A"
    assert zh[10] == "A.1"


def test_figures_and_tables_share_one_count_that_starts_anew_in_each_chapter() -> None:
    grid = Grid("t", "", "", (), (Column("c"),), ((Cell(()),),), ())
    blocks = [chapter(), FIGURE, grid, chapter(level=2), replace(FIGURE, key="g"), chapter(),
              replace(FIGURE, key="h"),
              chapter(annex=True), replace(FIGURE, key="i")]  # fmt: skip
    shown = [b for b in numbered(blocks, "zh") if isinstance(b, Figure | Grid)]
    assert [b.number for b in shown] == ["1-1", "1-2", "1-3", "2-1", "A-1"]
    assert [b.label for b in shown] == ["图1-1", "表1-2", "图1-3", "图2-1", "图A-1"]
    assert numbered([FIGURE], "en")[0].label == "Figure 1"


def test_references_everywhere_get_the_label_of_what_they_point_at() -> None:
    line = (Text("see "), Reference("f", ""))
    grid = Grid("t", "", "", line, (Column("c"),), ((Cell(line), None),), line, line)
    blocks = [
        chapter(), FIGURE, Paragraph(line), Bullets((line,)), Box(line, (Paragraph(line), Bullets((line,)))),
        Cards((Card("l", line, line),)), Heading(2, line, "#"),
        replace(FIGURE, key="g", caption=line, source=line),
        grid,
    ]  # fmt: skip
    text = repr(numbered(blocks, "en"))
    assert text.count("Reference(to='f', text='Figure 1-1')") == 14
    assert "text='')" not in text


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(KeyError):
        numbered([Paragraph((Reference("nowhere", ""),))], "en")


def test_a_list_in_a_list_keeps_all_its_items() -> None:
    (block,) = parsed("- a\n  - b\n- c\n")
    assert sorted(plain(item) for item in block.items) == ["a", "b", "c"]
