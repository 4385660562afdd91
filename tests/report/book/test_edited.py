"""An edited Word file against the report it was made from: what differs, what does not, what is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from word_samples import SCORES, pngs, sample

from citygauge.problems import InputError
from citygauge.report.book.document import Bound, Cell, Document, Heading, Paragraph, Text
from citygauge.report.book.docx import docx_of
from citygauge.report.book.edited import Difference, differences
from citygauge.report.book.word import archive
from citygauge.report.book.word.numerals import pieces

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def made(document: Document) -> bytes:
    return docx_of(document, pngs=pngs())


def edited(document: Document, edit: Callable[[docx.Document], None]) -> list[Difference]:
    """Return the differences after somebody opened the file, edited it and saved it."""
    file = docx.Document(io.BytesIO(made(document)))
    edit(file)
    saved = io.BytesIO()
    file.save(saved)
    return differences(saved.getvalue(), document)


def replaced(document: Document, *words: tuple[str, str]) -> list[Difference]:
    """Return the differences after words were replaced in the text of the file."""
    data = made(document)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            for old, new in words if name == "word/document.xml" else ():
                assert old.encode() in text, old
                text = text.replace(old.encode(), new.encode(), 1)
            target.writestr(name, text)
    return differences(out.getvalue(), document)


def written(*blocks) -> Document:
    """Return a small report in Chinese."""
    return replace(sample("zh"), blocks=(Heading(1, (Text("总体情况"),), "第1章"), *blocks))


def told(found: list[Difference]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.expected, one.found) for one in found]


def para(file, start: str):
    return next(one for one in file.paragraphs if one.text.startswith(start))


def rewrite(paragraph, text: str) -> None:
    for child in list(paragraph._p):
        if not child.tag.endswith("}pPr"):
            paragraph._p.remove(child)
    paragraph.add_run(text)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("notice", [False, True])
def test_a_file_that_nobody_edited_has_no_difference(lang, notice):
    document = sample(lang, notice)
    assert differences(made(document), document) == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_number_that_was_changed_is_told_with_its_place_and_its_source(lang):
    found = replaced(sample(lang), (">68.25<", ">86.25<"))
    assert [(one.kind, one.expected, one.found, one.source) for one in found] == [
        ("changed", "68.25", "86.25", "scores|value|unit=1,code=I")
    ]
    assert (
        found[0].where
        == {
            "zh": "第1章 总体情况，“综合得分最高的城市是苏州，得分为68.25分，比…”",
            "en": "1 Overview, “The highest score is tha…”",
        }[lang]
    )


def test_a_changed_cell_is_told_by_table_row_and_column():
    document = sample("en")

    def edit(file):
        table = next(one for one in file.tables if len(one.columns) == 4)
        rewrite(table.cell(4, 2).paragraphs[0], "1.20")

    assert edited(document, edit) == [
        Difference(
            "Table 1-2, row 4 (Ningbo), column “Score”",
            "changed",
            "−1.20",
            "1.20",
            "scores|value|unit=4,code=I",
        )
    ]


def test_other_words_are_no_difference():
    def edit(file):
        rewrite(
            para(file, "综合得分最高"),
            "从总分看，居首的是苏州（68.25分），领先台州7.25分，见图1-1、表1-2和第2章。",
        )
        rewrite(para(file, "要点一"), "要点一改写为一整句话。")
        file.add_paragraph("新增一段没有数字的说明。")

    assert edited(sample("zh"), edit) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1200", "1,200"),
        ("1,234.5", "1234.50"),
        ("12.5%", "１２．５％"),
        ("12.5%", "12.5 per cent"),
        ("−3.20", "-3.2"),
        ("−3.20", "–3.2"),
        ("3.5万", "3.50万"),
    ],
)
def test_a_number_written_in_another_way_is_the_same_number(before, after):
    document = written(Paragraph((Text("数值为"), Bound(before, "t|c|k=1"), Text("，见下文。"))))
    assert edited(document, lambda file: rewrite(para(file, "数值"), f"数值为{after}，见下文。")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("3.2", "−3.2"),
        ("3.5万", "3.5亿"),
        ("12.5%", "12.5"),
        ("0.05", "0.5"),
        ("1,200", "1，200"),
        ("5%", "5‰"),
    ],
)
def test_another_sign_unit_or_digit_is_another_number(before, after):
    document = written(Paragraph((Text("数值为"), Bound(before, "t|c|k=1"), Text("，见下文。"))))
    found = edited(document, lambda file: rewrite(para(file, "数值"), f"数值为{after}，见下文。"))
    assert found
    assert (found[0].kind, found[0].expected, found[0].source) == ("changed", before, "t|c|k=1")


def test_a_number_that_is_not_in_the_results_is_told_even_in_a_new_paragraph():
    document = sample("zh")

    def edit(file):
        para(file, "排名第").insert_paragraph_before("另有37个项目正在建设。")
        para(file, "本报告采用").add_run("覆盖9省。")

    found = edited(document, edit)
    assert sorted(told(found)) == [("added", "", "37"), ("added", "", "9")]
    assert next(one for one in found if one.found == "37").where == "第2章 分项分析，“另有37个项目正在建设。”"


def test_numbers_of_a_paragraph_that_was_taken_out_are_gone():
    document = sample("zh")

    def edit(file):
        one = para(file, "综合得分最高")._p
        one.getparent().remove(one)

    found = edited(document, edit)
    assert told(found) == [("gone", "68.25", ""), ("gone", "7.25", "")]
    assert [one.source for one in found] == ["scores|value|unit=1,code=I", "scores|gap|unit=1"]


def test_a_paragraph_that_was_moved_is_found_and_its_changed_number_too():
    document = sample("zh")

    def edit(file):
        one, other = para(file, "综合得分最高")._p, para(file, "要点二")._p
        other.addnext(one)

    def both(file):
        edit(file)
        rewrite(
            para(file, "综合得分最高"),
            "综合得分最高的城市是苏州，得分为68.52分，比台州高7.25分，如图1-1和表1-2所示。",
        )

    assert edited(document, edit) == []
    assert told(edited(document, both)) == [("changed", "68.25", "68.52")]


def test_a_paragraph_that_was_split_and_two_that_were_drawn_together_are_found():
    one = Paragraph(
        (Text("东部城市的平均得分为"), Bound("61.2", "a|v|k=1"), Text("分，高于全国平均水平。其中苏州居首。"))
    )
    two = Paragraph(
        (Text("西部城市的平均得分为"), Bound("48.9", "a|v|k=2"), Text("分，低于全国平均水平，差距有所缩小。"))
    )
    document = written(one, two)

    def split(file):
        rewrite(para(file, "东部"), "东部城市的平均得分为61.2分，高于全国平均水平。")
        para(file, "西部").insert_paragraph_before("其中苏州居首。")

    def drawn(file):
        rewrite(
            para(file, "东部"), "".join(block.text for block in file.paragraphs if "部城市" in block.text)
        )
        para(file, "西部")._p.getparent().remove(para(file, "西部")._p)

    assert edited(document, split) == []
    assert edited(document, drawn) == []


def test_clauses_that_changed_places_are_no_difference_but_numbers_that_did_are():
    spans = (
        Text("Alpha scored "),
        Bound("5", "s|v|u=a"),
        Text(" and Beta scored "),
        Bound("7", "s|v|u=b"),
        Text("."),
    )
    document = replace(sample("en"), blocks=(Paragraph(spans),))
    clauses = edited(document, lambda file: rewrite(para(file, "Alpha"), "Beta scored 7 and Alpha scored 5."))
    assert clauses == []
    numbers = edited(document, lambda file: rewrite(para(file, "Alpha"), "Alpha scored 7 and Beta scored 5."))
    assert told(numbers) == [("changed", "5", "7"), ("changed", "7", "5")]


def test_another_name_and_names_in_another_order_are_told():
    names = [Bound(name, f"name|{i}") for i, name in enumerate(("苏州", "台州", "成都"))]
    document = written(
        Paragraph((Text("前三位依次为"), names[0], Text("、"), names[1], Text("和"), names[2], Text("。"))),
        Paragraph((Text("表现最好的是"), names[0], Text("。"))),
    )

    def edit(file):
        rewrite(para(file, "前三位"), "前三位依次为台州、苏州和成都。")
        rewrite(para(file, "表现"), "表现最好的是杭州。")

    assert told(edited(document, edit)) == [
        ("order", "苏州、台州、成都", "台州、苏州、成都"),
        ("name", "苏州", "杭州"),
    ]


def test_rows_in_another_order_and_an_item_that_was_moved_are_told():
    def edit(file):

        table = next(one for one in file.tables if len(one.columns) == 4)
        rows = table.rows
        rows[3]._tr.addprevious(rows[4]._tr)
        para(file, "再看")._p.addnext(para(file, "先看")._p)

    found = edited(sample("zh"), edit)
    assert ("order", "成都、宁波", "宁波、成都") in told(found)
    assert ("order", "先看苏州。；再看台州。", "再看台州。；先看苏州。") in told(found)
    assert len(found) == 2


def test_a_row_a_column_and_a_table_that_are_new_or_gone_are_told():
    document = sample("en")

    def edit(file):
        first, second = (one for one in file.tables if len(one.columns) == 4)
        first._tbl.remove(first.rows[4]._tr)
        second._tbl.getparent().remove(second._tbl)
        cells = first.add_row().cells
        for cell, text in zip(cells, ("Services", "Berlin", "50.5", "9"), strict=True):
            cell.text = text

    found = edited(document, edit)
    assert ("gone", "Table A-1  Ranking by score", "") in told(found)
    kinds = {(one.expected, one.found) for one in found if "Table 1-2" in one.where}
    assert {number for pair in kinds for number in pair} >= {"−1.20", "50.5", "4", "9"}


def test_tracked_changes_count_as_accepted():
    run = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'
    old = '<w:r><w:t xml:space="preserve">68.25</w:t></w:r>'
    deleted = '<w:del w:id="900" w:author="a"><w:r><w:delText>68.25</w:delText></w:r></w:del>'
    inserted = f'<w:ins w:id="901" w:author="a">{run.format("70.00")}</w:ins>'
    found = replaced(sample("zh"), (old, deleted + inserted))
    assert told(found) == [("changed", "68.25", "70.00")]
    assert replaced(sample("zh"), (old, deleted + f'<w:ins w:id="902" w:author="a">{old}</w:ins>')) == []


def test_a_paragraph_mark_that_was_deleted_joins_two_paragraphs():
    mark = '<w:rPr><w:del w:id="903" w:author="a"/></w:rPr></w:pPr><w:r><w:t xml:space="preserve">要点一'
    assert replaced(sample("zh"), ('</w:pPr><w:r><w:t xml:space="preserve">要点一', mark)) == []


def test_captions_that_were_counted_anew_and_words_with_digits_are_no_difference():
    def edit(file):
        rewrite(para(file, "图2-1"), "图2-2  各城市综合得分")
        rewrite(para(file, "本报告采用"), "本报告采用6G和PM2.5等有关数据。")

    assert edited(sample("zh"), edit) == []


@given(st.integers(0, 10**9), st.sampled_from(["", "-", "−"]), st.sampled_from(["", "%", "万"]))
def test_a_number_has_one_key_however_it_is_written(value, sign, unit):
    wide = str(value).translate({ord(str(d)): 0xFF10 + d for d in range(10)})
    forms = (
        f"{sign}{value}{unit}",
        f"{sign}{value:,}{unit}",
        f"{sign}{wide}{unit}",
        f"{sign}{value}.0{unit}",
    )
    keys = {piece.key for form in forms for piece in pieces(f"为{form}。") if piece.number}
    assert len(keys) == 1


def test_labels_dates_and_versions_are_read_as_people_read_them():
    assert [p.key for p in pieces("2024-05-06, 3.2.1, H1N1, 4K, 15GB, .05") if p.number] == [
        "2024", "5", "6", "3.2.1", "15", "5",
    ]  # fmt: skip
    assert [p.key for p in pieces("5%-7%，第3位") if p.number] == ["5%", "7%", "3"]


# Files that are refused.


def archived(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in parts.items():
            target.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return out.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        differences(data, sample("zh"), "b.docx")
    (problem,) = caught.value.problems
    assert problem.where.file == "b.docx"
    assert problem.text("zh").startswith("b.docx：")
    return problem.code


BODY = f'<w:document xmlns:w="{W}"><w:body>{{}}</w:body></w:document>'


def test_what_is_no_word_file_is_refused():
    assert refusal(b"") == "report.not-word"
    assert refusal(b"PK\x03\x04 and nothing more") == "report.not-word"
    assert refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600) == "report.not-word"
    assert refusal(archived(xl__workbook_xml=b"<a/>")) == "report.not-word"
    assert refusal(archived(word__document_xml=b"<a><b></a>")) == "report.not-word"
    assert refusal(made(sample("zh"))[:-200]) == "report.not-word"


def test_entities_and_bombs_are_refused(monkeypatch):
    entity = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>' + BODY.format("&b;").encode()
    assert refusal(archived(word__document_xml=entity)) == "report.word-suspicious"
    wide = BODY.format("").encode("utf-16")
    assert refusal(archived(word__document_xml=wide)) == "report.word-suspicious"
    bomb = archived(word__document_xml=BODY.format("").encode(), word__media__a=b"\0" * 50_000_000)
    assert refusal(bomb) == "report.word-suspicious"
    monkeypatch.setattr(archive, "MAX_PACKED_BYTES", 1000)
    assert refusal(made(sample("zh"))) == "report.word-too-large"


def test_a_text_nested_very_deep_is_read_or_refused_but_never_breaks_off():
    deep = BODY.format("<w:sdt>" * 20_000 + "<w:p/>" + "</w:sdt>" * 20_000).encode()
    tables = BODY.format("<w:tbl><w:tr><w:tc>" * 3000 + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * 3000).encode()
    for body in (deep, tables):
        assert any(one.kind == "gone" for one in differences(archived(word__document_xml=body), sample("zh")))


def test_elements_out_of_place_are_read_over():
    odd = BODY.format(
        "<w:tr/><w:tc/><w:gridSpan/><w:vMerge/><w:fldChar w:fldCharType='end'/><w:t>9</w:t><w:del/>"
        "<w:tbl><w:tc><w:p/></w:tc><w:tr><w:tc><w:tcPr>"
        "<w:gridSpan w:val='9999999999'/></w:tcPr></w:tc></w:tr></w:tbl>"
    )
    assert differences(archived(word__document_xml=odd.encode()), sample("zh"))


def test_a_table_whose_cells_are_empty_or_missing_is_compared():
    document = sample("zh")
    (first, *_) = document.grids
    blank = replace(
        first, rows=tuple(tuple(Cell(()) if cell else None for cell in row) for row in first.rows)
    )
    changed = replace(document, blocks=tuple(blank if block is first else block for block in document.blocks))
    found = differences(made(document), changed)
    assert {one.found for one in found if one.kind == "added"} >= set(SCORES)
