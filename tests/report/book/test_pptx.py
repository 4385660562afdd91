"""The report as slides, read back: order, alternative texts, tables, notes, looks."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pptx
import pytest
from word_samples import pngs, sample

from citygauge.problems import InputError
from citygauge.report.book import pptx as writer
from citygauge.report.book.document import Look, plain
from citygauge.report.book.pptx import ROWS, pptx_of, said_of

LANGUAGES = pytest.mark.parametrize("lang", ["zh", "en"])
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def opened(document):
    return pptx.Presentation(io.BytesIO(pptx_of(document, pngs())))


def descriptions(slide) -> list[str]:
    return [
        one._element._nvXxPr.cNvPr.get("descr")
        for one in slide.shapes
        if one.has_table or hasattr(one, "image")
    ]


def words(slide) -> str:
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


@LANGUAGES
def test_there_is_a_slide_for_the_title_each_figure_each_short_table_and_the_end(lang):
    document = sample(lang)
    slides = opened(document).slides
    shown = [b for b in document.blocks if b in (*document.figures, *document.grids)]
    titles = [slide.shapes.title.text for slide in slides]
    assert titles[0] == document.front.title
    assert titles[1:-1] == [f"{b.label}  {plain(b.caption)}" for b in shown]
    assert titles[-1] == ("出版说明" if lang == "zh" else "Imprint")
    assert document.front.rights in words(slides[-1])
    assert document.front.imprint[0][1] in words(slides[-1])


@LANGUAGES
def test_charts_and_tables_are_described_and_have_their_source(lang):
    document = sample(lang)
    slides = list(opened(document).slides)[1:-1]
    figures = {f"{b.label}  {plain(b.caption)}": b for b in document.figures}
    for slide in slides:
        block = figures.get(slide.shapes.title.text)
        if block:
            assert descriptions(slide) == [block.alt]
        assert ("数据来源：2023年统计年鉴" if lang == "zh" else "Source: yearbook 2023") in words(slide)


def test_a_table_is_a_real_one_with_merged_cells():
    document = sample("zh")
    slide = opened(document).slides[2]
    table = next(shape.table for shape in slide.shapes if shape.has_table)
    texts = [[cell.text for cell in row.cells] for row in table.rows]
    assert texts[0] == ["维度", "城市", "得分", "名次"]
    assert [row[2] for row in texts[1:]] == ["68.25", "61.00", "54.37", "−1.20"]
    assert table.cell(1, 0).is_merge_origin
    assert table.cell(2, 0).is_spanned
    assert not table.cell(2, 1).is_spanned


def test_a_table_too_long_for_a_slide_is_left_to_the_report():
    document = sample("zh")
    (first, *_) = document.grids
    long = replace(first, rows=first.rows * 4, label="表9-9")
    assert len(long.rows) > ROWS
    slides = opened(replace(document, blocks=(long,))).slides
    assert len(slides) == 2


def test_the_notes_hold_what_the_report_says_of_a_figure():
    document = sample("zh")
    slides = opened(document).slides
    expected = "综合得分最高的城市是苏州，得分为68.25分，比台州高7.25分，如图1-1和表1-2所示；详见第2章。"
    assert said_of(document, "scores") == expected
    assert slides[1].notes_slide.notes_text_frame.text == expected
    assert not slides[3].has_notes_slide


def test_a_point_within_a_number_ends_no_sentence():
    said = said_of(sample("en"), "ranking")
    assert said.startswith("The highest score is that of Suzhou with 68.25 points, 7.25 more than Taizhou")
    assert said.endswith("(see Figure 1-1, Table 1-2 and Chapter 2).")


def test_everything_lies_on_the_slide_and_pictures_keep_their_shape():
    file = opened(sample("en", True))
    assert file.slide_width / file.slide_height == pytest.approx(16 / 9)
    for slide in file.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.top >= 0
            assert shape.left + shape.width <= file.slide_width
            assert shape.top + shape.height <= file.slide_height
            if hasattr(shape, "image"):
                width, height = shape.image.size
                assert shape.width / shape.height == pytest.approx(width / height, rel=0.01)


def test_the_notice_stands_on_every_slide():
    document = sample("zh", notice=True)
    assert all(document.notice in words(slide) for slide in opened(document).slides)


def test_colours_fonts_language_and_logo_are_those_of_the_report():
    logo = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"><rect width="80" height="20"/></svg>'
    )
    look = Look("#123456", "#abcdef", ("Source Han Sans SC",), logo, "svg")
    data = pptx_of(sample("zh", look=look), pngs())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        theme = archive.read("ppt/theme/theme1.xml").decode()
        first = archive.read("ppt/slides/slide1.xml").decode()
    assert '<a:accent1><a:srgbClr val="123456"/></a:accent1>' in theme
    assert '<a:accent2><a:srgbClr val="abcdef"/></a:accent2>' in theme
    assert theme.count('<a:ea typeface="Source Han Sans SC"/>') == 2
    assert 'lang="zh-CN"' in first
    assert descriptions(pptx.Presentation(io.BytesIO(data)).slides[0]) == ["某研究院"]


@LANGUAGES
def test_the_same_report_gives_the_same_bytes(lang):
    data = pptx_of(sample(lang), pngs())
    assert pptx_of(sample(lang), pngs()) == data
    core = pptx.Presentation(io.BytesIO(data)).core_properties
    assert core.created.isoformat().startswith("2024-05-06")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_without_the_package_the_answer_names_the_command(monkeypatch):
    monkeypatch.setattr(writer, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        pptx_of(sample("en"))
    (problem,) = caught.value.problems
    assert problem.code == "report.no-pptx"
    assert 'pip install "citygauge[pptx]"' in problem.hint("en")
