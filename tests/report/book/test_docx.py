"""The report as a Word file, read back: structure, numbers, references, looks; and as LibreOffice sets it."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace

import docx
import pytest
from word_samples import figure, grid, pngs, sample

from citygauge.problems import InputError
from citygauge.report.book import docx as writer
from citygauge.report.book.document import Bullets, Heading, Look, Paragraph, Text, plain
from citygauge.report.book.docx import docx_of
from citygauge.report.book.edited import differences

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LANGUAGES = pytest.mark.parametrize("lang", ["zh", "en"])


def made(document, reference: bytes | None = None) -> bytes:
    return docx_of(document, reference, pngs())


def opened(data: bytes):
    return docx.Document(io.BytesIO(data))


def part(data: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name).decode("utf-8")


def style_of(paragraph) -> str:
    return paragraph.style.name


def fields(paragraph) -> list[tuple[str, str]]:
    """Return the instruction and the shown result of each field of a paragraph, by the rules of Word."""
    found, stack = [], []
    for node in paragraph._p.iter():
        if node.tag == f"{W}fldChar":
            kind = node.get(f"{W}fldCharType")
            if kind == "begin":
                stack.append(["", "", False])
            elif kind == "separate":
                stack[-1][2] = True
            else:
                instruction, result, _ = stack.pop() if stack else ("", "", True)
                found.append((instruction.strip(), result))
        elif node.tag == f"{W}instrText":
            stack[-1][0] += node.text
        elif node.tag == f"{W}t" and stack and stack[-1][2]:
            stack[-1][1] += node.text
    return found


def bookmarks(file) -> dict[str, str]:
    """Return the text between the ends of each bookmark."""
    found = {}
    for start in file.element.body.iter(f"{W}bookmarkStart"):
        text, node = "", start.getnext()
        while node.tag != f"{W}bookmarkEnd":
            text += "".join(one.text for one in node.iter(f"{W}t"))
            node = node.getnext()
        found[start.get(f"{W}name")] = text
    return found


def counted(file) -> Iterator[tuple[str, str]]:
    """Yield the number that Word's lists give each heading, and its text: counted here from numbering.xml."""
    root = file.part.numbering_part.element
    definitions = {one.get(f"{W}abstractNumId"): one for one in root.findall(f"{W}abstractNum")}
    uses = {
        one.get(f"{W}numId"): definitions[one.find(f"{W}abstractNumId").get(f"{W}val")]
        for one in root.num_lst
    }
    counts: dict[str, list[int]] = {}
    for element in file.element.body.iter(f"{W}p"):
        paragraph = docx.text.paragraph.Paragraph(element, file._body)
        name = style_of(paragraph)
        if not re.match(r"Heading|Annex Heading|Front Heading|TOC Heading", name):
            continue
        own = paragraph._p.pPr.find(f"{W}numPr")
        number = own if own is not None else paragraph.style.element.pPr.find(f"{W}numPr")
        use = number.find(f"{W}numId").get(f"{W}val")
        if use == "0":
            if name != "TOC Heading":
                yield "", paragraph.text
            continue
        level = int(number.find(f"{W}ilvl").get(f"{W}val"))
        count = counts.setdefault(use, [0, 0, 0])
        count[level:] = [count[level] + 1, *[0] * (2 - level)]
        levels = uses[use].findall(f"{W}lvl")
        text = levels[level].find(f"{W}lvlText").get(f"{W}val")
        for i, lvl in enumerate(levels):
            letter = lvl.find(f"{W}numFmt").get(f"{W}val") == "upperLetter"
            text = text.replace(f"%{i + 1}", chr(64 + count[i]) if letter else str(count[i]))
        yield text, paragraph.text


# Numbers and references.


@LANGUAGES
def test_word_counts_the_headings_as_the_report_does(lang):
    document = sample(lang)
    expected = [(b.number, plain(b.spans)) for b in document.blocks if isinstance(b, Heading)]
    assert list(counted(opened(made(document)))) == expected


def test_a_number_that_word_would_not_count_stands_as_text():
    blocks = (
        Heading(1, (Text("甲"),), "第三章", "a"),
        figure("3-1", "scores", True),
        Heading(1, (Text("乙"),), "第7章", "b"),
        Heading(2, (Text("丙"),), "7.4"),
        figure("7-5", "second", True),
    )
    file = opened(made(sample("zh", blocks=blocks)))
    assert list(counted(file)) == [("", "第三章 甲"), ("", "第7章 乙"), ("", "7.4 丙")]
    captions = [one for one in file.paragraphs if style_of(one) == "Caption"]
    assert [one.text.split()[0] for one in captions] == ["图3-1", "图7-5"]
    assert [fields(one) for one in captions] == [
        [("SEQ CityGauge \\* ARABIC \\r 1", "1")],
        [("SEQ CityGauge \\* ARABIC \\r 5", "5")],
    ]


@LANGUAGES
def test_captions_are_fields_whose_results_are_the_numbers_of_the_report(lang):
    document = sample(lang)
    file = opened(made(document))
    captions = [one for one in file.paragraphs if style_of(one) == "Caption"]
    shown = [b for b in document.blocks if b in (*document.figures, *document.grids)]
    assert [one.text for one in captions] == [f"{b.label}  {plain(b.caption)}" for b in shown]
    for caption, block in zip(captions, shown, strict=True):
        (chapter, shown_chapter), (count, shown_count) = fields(caption)
        assert f"{shown_chapter}-{shown_count}" == block.number
        annex = block.number.startswith("A")
        assert chapter == ('STYLEREF "Annex Heading" \\s' if annex else "STYLEREF 1 \\s")
        assert count.startswith("SEQ CityGauge \\* ARABIC")


def test_the_sequence_gives_the_numbers_also_when_it_is_counted_anew():
    document = sample("zh")
    count, numbers = 0, []
    for paragraph in opened(made(document)).paragraphs:
        for instruction, _ in fields(paragraph):
            if instruction.startswith("SEQ"):
                restart = re.search(r"\\r (\d+)", instruction)
                count = int(restart[1]) if restart else count + 1
                numbers.append(str(count))
    shown = [b for b in document.blocks if b in (*document.figures, *document.grids)]
    assert numbers == [block.number.partition("-")[2] for block in shown]


@LANGUAGES
def test_cross_references_are_fields_to_the_bookmarks_of_what_they_point_at(lang):
    file = opened(made(sample(lang)))
    marks = bookmarks(file)
    paragraph = next(one for one in file.paragraphs if len(fields(one)) == 3 and "REF" in fields(one)[0][0])
    references = fields(paragraph)
    figure_label, table_label = ("图1-1", "表1-2") if lang == "zh" else ("Figure 1-1", "Table 1-2")
    assert [result for _, result in references] == [
        figure_label,
        table_label,
        "第2章" if lang == "zh" else "2",
    ]
    targets = [re.fullmatch(r"REF (\w+)((?: \\r)?) \\h", instruction) for instruction, _ in references]
    assert [target[2] for target in targets] == ["", "", " \\r"]
    texts = [marks[target[1]] for target in targets]
    assert texts == [figure_label, table_label, "分项分析" if lang == "zh" else "In detail"]


@LANGUAGES
def test_the_contents_are_filled_and_lead_to_the_headings_and_captions(lang):
    document = sample(lang)
    file = opened(made(document))
    marks = bookmarks(file)
    entries: dict[str, list[tuple[str, str, str]]] = {"toc": [], "table of figures": []}
    for paragraph in file.element.body.iter(f"{W}p"):
        if not paragraph.style:
            continue
        name = file.styles.element.xpath(f"w:style[@w:styleId='{paragraph.style}']/w:name/@w:val")[0]
        kind = "toc" if name.startswith("toc ") else name
        if kind in entries:
            (link,) = paragraph.findall(f"{W}hyperlink")
            *text, page = [one.text for one in link.iter(f"{W}t")]
            assert f"PAGEREF {link.get(f'{W}anchor')} " in "".join(t.text for t in link.iter(f"{W}instrText"))
            entries[kind].append(("".join(text), marks[link.get(f"{W}anchor")], page))
    headings = [b for b in document.blocks if isinstance(b, Heading)]
    shown = [b for b in document.blocks if b in (*document.figures, *document.grids)]
    assert [entry[:2] for entry in entries["toc"]] == [
        (f"{b.number} {plain(b.spans)}".strip(), plain(b.spans)) for b in headings
    ]
    assert [entry[:2] for entry in entries["table of figures"]] == [
        (f"{b.label}  {plain(b.caption)}", b.label) for b in shown
    ]
    pages = [int(entry[2]) for entry in entries["toc"]]
    assert pages == sorted(pages)
    assert pages[0] > 2
    text = part(made(document), "word/document.xml")
    assert 'TOC \\o "1-3" \\h \\z \\u' in text.replace("&quot;", '"')
    assert "TOC \\h \\z \\c CityGauge" in text
    assert '<w:updateFields w:val="true"/>' in part(made(document), "word/settings.xml")


def test_every_field_is_closed_and_every_id_is_its_own():
    text = part(made(sample("zh")), "word/document.xml")
    begun, separate, ended = (text.count(f'w:fldCharType="{kind}"') for kind in ("begin", "separate", "end"))
    assert begun == separate == ended
    for pattern in (r'<w:bookmarkStart w:id="(\d+)"', r'w:name="(_\w+)"', r'<wp:docPr id="(\d+)"'):
        found = re.findall(pattern, text)
        assert found
        assert len(found) == len(set(found))


# Blocks.


@LANGUAGES
def test_the_blocks_stand_in_the_order_of_the_report(lang):
    document = sample(lang)
    text = "".join(t.text or "" for t in opened(made(document)).element.body.iter(f"{W}t"))
    at = text.rfind(plain(document.blocks[0].spans))
    for block in document.blocks:
        words = plain(getattr(block, "spans", ()) or getattr(block, "caption", ()))
        if words:
            assert text.find(words, at) >= at, words
            at = text.find(words, at)


@LANGUAGES
def test_tables_are_real_tables(lang):
    document = sample(lang)
    (first, *_) = document.grids
    table = next(one for one in opened(made(document)).tables if len(one.columns) == 4)
    head = [cell.text for cell in table.rows[0].cells]
    assert head == [column.head for column in first.columns]
    assert table.rows[0]._tr.trPr.find(f"{W}tblHeader") is not None
    assert all(row._tr.trPr.find(f"{W}cantSplit") is not None for row in table.rows)
    assert table.cell(1, 0)._tc is table.cell(2, 0)._tc
    assert table.cell(1, 0)._tc is not table.cell(3, 0)._tc
    assert table.cell(4, 2).text == "−1.20"
    assert [int(table.cell(1, j).paragraphs[0].alignment or 0) for j in range(4)] == [0, 0, 2, 2]
    assert table.cell(2, 1).paragraphs[0].paragraph_format.left_indent > 0
    assert table.cell(1, 0).paragraphs[0].runs[0].bold
    assert table.style.name == "Report Table"
    widths = [int(one.get(f"{W}w")) for one in table._tbl.tblGrid.iter(f"{W}gridCol")]
    assert widths == sorted(widths, reverse=True)


@LANGUAGES
def test_pictures_carry_their_alternative_text_and_never_exceed_the_page(lang):
    document = sample(lang)
    file = opened(made(document))
    pictures = file.inline_shapes
    assert [shape._inline.docPr.get("descr") for shape in pictures] == [
        block.alt for block in document.figures
    ]
    section = file.sections[0]
    for shape in pictures:
        assert shape.width <= section.page_width - section.left_margin - section.right_margin
        assert shape.height < section.page_height - section.top_margin - section.bottom_margin
        assert shape.width / 12_700 > 100


def test_the_notice_stands_by_every_caption_on_the_cover_and_on_every_page():
    document = sample("zh", notice=True)
    file = opened(made(document))
    texts = [(style_of(one), one.text) for one in file.paragraphs]
    for i, (style, _) in enumerate(texts):
        if style == "Caption":
            assert texts[i + 1] == ("Notice", document.notice)
    assert ("Cover Line", document.notice) in texts
    assert document.notice in "".join(one.text for one in file.sections[0].header.paragraphs)
    assert document.notice not in part(made(sample("zh")), "word/document.xml")


def test_a_numbered_list_counts_from_one_each_time():
    steps = Bullets(((Text("a"),), (Text("b"),)), ordered=True)
    file = opened(made(sample("en", blocks=(steps, Paragraph((Text("then"),)), steps))))
    used = [one._p.pPr.numPr.numId.val for one in file.paragraphs if style_of(one) == "List Number"]
    assert used[0] == used[1] != used[2] == used[3]
    uses = {one.numId: one for one in file.part.numbering_part.element.num_lst}
    for number in used:
        assert uses[number].find(f"{W}lvlOverride").find(f"{W}startOverride").get(f"{W}val") == "1"


def test_strong_and_emphasised_spans_are_so_and_hidden_characters_are_shown():
    paragraph = Paragraph(
        (Text("a\x00b\ud800", strong=True), Text(" c\n\td ", emphasis=True), Text("<&>\"'"))
    )
    file = opened(made(sample("en", blocks=(paragraph,))))
    one = next(one for one in file.paragraphs if one.text.startswith("a"))
    assert [(run.text, bool(run.bold), bool(run.italic)) for run in one.runs] == [
        ("a\ufffdb\ufffd", True, False),
        (" c d ", False, True),
        ("<&>\"'", False, False),
    ]


def test_only_a_full_report_begins_a_page_with_each_chapter():
    def breaks(kind):
        file = opened(made(sample("zh", kind=kind)))
        return [
            one.paragraph_format.page_break_before for one in file.paragraphs if "Heading" in style_of(one)
        ]

    assert breaks("full").count(True) > breaks("city").count(True)


def test_a_report_without_blocks_is_a_file_with_a_cover():
    file = opened(made(sample("zh", blocks=())))
    assert file.paragraphs[0].text == "城市评价报告"


# Looks.


def test_chinese_text_has_chinese_fonts_indents_and_language():
    data = made(sample("zh"))
    styles = part(data, "word/styles.xml")
    assert 'w:eastAsia="Microsoft YaHei"' in styles
    assert '<w:lang w:val="zh-CN" w:eastAsia="zh-CN"' in styles
    assert 'w:firstLineChars="200"' in styles
    assert "compressPunctuation" in part(data, "word/settings.xml")
    english = part(made(sample("en")), "word/styles.xml")
    assert '<w:lang w:val="en-GB" w:eastAsia="zh-CN"' in english
    assert "firstLineChars" not in english


def test_colours_fonts_and_logo_are_those_of_the_look():
    logo = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"><rect width="80" height="20"/></svg>'
    )
    look = Look("#123456", "#abcdef", ("Source Han Serif SC", "Georgia"), logo, "image/svg+xml")
    data = made(sample("zh", look=look))
    styles = part(data, "word/styles.xml")
    assert 'w:ascii="Georgia"' in styles
    assert 'w:eastAsia="Source Han Serif SC"' in styles
    assert '<w:color w:val="123456"/>' in styles
    assert "abcdef" in part(data, "word/document.xml")
    shapes = opened(data).inline_shapes
    assert shapes[0]._inline.docPr.get("descr") == "某研究院"
    assert shapes[0].width / shapes[0].height == pytest.approx(4, rel=0.01)


@LANGUAGES
def test_the_data_of_the_report_can_be_read_from_the_file(lang):
    document = sample(lang)
    data = made(document)
    item = part(data, "customXml/item1.xml")
    assert json.loads(re.search(r">(\{.*\})<", item)[1]) == document.meta
    assert f"<vt:lpwstr>{lang}</vt:lpwstr>" in part(data, "docProps/custom.xml")
    core = opened(data).core_properties
    assert (core.title, core.author) == (document.front.title, document.front.organisation)
    assert core.created.isoformat().startswith("2024-05-06T12:00")
    assert core.language == {"zh": "zh-CN", "en": "en-GB"}[lang]


@LANGUAGES
def test_the_same_report_gives_the_same_bytes(lang):
    data = made(sample(lang))
    assert made(sample(lang)) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not any("thumbnail" in name or "stylesWithEffects" in name for name in archive.namelist())
        assert archive.namelist()[0] == "[Content_Types].xml"


def test_a_picture_has_the_same_size_however_finely_it_is_drawn():
    block = figure("1", "scores", False)
    files = [opened(docx_of(sample("en", blocks=(block,)), scale=scale)) for scale in (1.0, 2.0, 3.0)]
    widths = {round(file.inline_shapes[0].width / 12_700) for file in files}
    assert len(widths) == 1
    assert files[0].inline_shapes[0].width / 12_700 == pytest.approx(439 * 0.75, abs=10)


def test_charts_that_are_not_handed_over_are_drawn():
    block = figure("1", "scores", False)
    data = docx_of(sample("en", blocks=(block,)))
    assert docx_of(sample("en", blocks=(block,)), pngs=pngs()) == data


# An institute's own file.


def institute() -> bytes:
    """Return a file with a look, a header and a text of its own."""
    file = docx.Document()
    file.styles["Heading 1"].font.size = docx.shared.Pt(33)
    file.styles["Caption"].font.name = "Courier New"
    section = file.sections[0]
    section.page_width, section.left_margin = docx.shared.Cm(25), docx.shared.Cm(4)
    section.header.paragraphs[0].text = "Institute"
    file.add_heading("A secret of before", 1)
    file.add_picture(io.BytesIO(pngs()["scores"]))
    file.add_section()
    file.add_paragraph("Last")
    saved = io.BytesIO()
    file.save(saved)
    return saved.getvalue()


def test_an_institutes_own_file_gives_styles_page_and_header_but_no_text():
    document = sample("zh")
    data = made(document, institute())
    file = opened(data)
    assert file.styles["Heading 1"].font.size.pt == 33
    assert file.styles["Caption"].font.name == "Courier New"
    assert len(file.sections) == 1
    assert file.sections[0].page_width.cm == pytest.approx(25, abs=0.01)
    assert file.sections[0].header.paragraphs[0].text == "Institute"
    assert "secret" not in part(data, "word/document.xml")
    assert len(file.inline_shapes) == len(document.figures)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        images = [name for name in archive.namelist() if name.endswith(".png")]
    assert len(images) == len(set(pngs().values()))
    expected = [(b.number, plain(b.spans)) for b in document.blocks if isinstance(b, Heading)]
    assert list(counted(file)) == expected
    assert made(document, institute()) == made(document, institute())
    assert file.styles["Annex Heading"].base_style.name == "Heading 1"


def test_a_reference_that_is_no_word_file_is_refused():
    for data in (b"", b"text", made(sample("zh"))[:-100]):
        with pytest.raises(InputError) as caught:
            docx_of(sample("zh"), data, pngs())
        assert [problem.code for problem in caught.value.problems] == ["report.not-word"]


def test_a_reference_without_lists_and_most_styles_will_do_too():
    own = docx.Document()
    for name in ("Body Text", "List Bullet", "Caption", "Heading 3"):
        own.styles[name].delete()
    for style in own.styles.element.iter(f"{W}style"):
        for one in list(style.iter(f"{W}numPr")):
            one.getparent().remove(one)
    for key in [key for key, one in own.part.rels.items() if one.reltype.endswith("/numbering")]:
        own.part.rels.pop(key)
    saved = io.BytesIO()
    own.save(saved)
    document = sample("en", notice=True)
    file = opened(made(document, saved.getvalue()))
    expected = [(b.number, plain(b.spans)) for b in document.blocks if isinstance(b, Heading)]
    assert list(counted(file)) == expected
    assert next(one for one in file.paragraphs if "highest" in one.text).style.name == "Normal"
    assert document.notice in file.sections[0].header.paragraphs[0].text


def test_a_file_that_this_writer_made_serves_as_a_reference():
    document = sample("zh")
    again = opened(made(document, made(document)))
    expected = [(b.number, plain(b.spans)) for b in document.blocks if isinstance(b, Heading)]
    assert list(counted(again)) == expected


def test_without_the_package_the_answer_names_the_command(monkeypatch):
    monkeypatch.setattr(writer, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        docx_of(sample("zh"))
    (problem,) = caught.value.problems
    assert problem.code == "report.no-docx"
    assert 'pip install "citygauge[docx]"' in problem.hint("zh")


# As LibreOffice sets it.


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """Return a function that sets a Word file as PDF and gives the text of its pages, or saves it anew."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if not program or not shutil.which("pdftotext"):
        pytest.skip("LibreOffice and poppler's pdftotext are not both installed")
    folder = tmp_path_factory.mktemp("office")

    def converted(data: bytes, kind: str = "pdf"):
        source, made = folder / "report.docx", folder / "made" / f"report.{kind}"
        source.write_bytes(data)
        made.unlink(missing_ok=True)
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        words = [program, profile, "--headless", "--convert-to", kind, "--outdir", made.parent, source]
        subprocess.run(list(map(str, words)), capture_output=True, check=False, timeout=120)
        if not made.exists():
            pytest.skip("LibreOffice is installed without Writer")
        if kind != "pdf":
            return made.read_bytes()
        text = subprocess.run(["pdftotext", "-layout", made, "-"], capture_output=True, check=True)
        return text.stdout.decode("utf-8").split("\f")[:-1]

    return converted


@LANGUAGES
def test_contents_captions_and_references_are_in_place_on_the_pages(office, lang):
    document = sample(lang, notice=True)
    texts = office(made(document))
    lines = [re.sub(r"\s", "", line) for text in texts for line in text.splitlines()]
    pages = [re.sub(r"\s", "", text) for text in texts]
    whole = "".join(pages)
    squeezed = [
        re.sub(r"\s", "", f"{b.label}{plain(b.caption)}") for b in (*document.figures, *document.grids)
    ]
    for caption in squeezed:
        assert whole.count(caption) == 2, caption  # in the list, and by the figure
    assert (
        "如图1-1和表1-2所示；详见第2章" if lang == "zh" else "(seeFigure1-1,Table1-2andChapter2)"
    ) in whole
    for block in document.blocks:
        if isinstance(block, Heading):
            words = re.sub(r"\s", "", block.number + plain(block.spans))
            places = [i for i, page in enumerate(pages, 1) if words in page]
            found = (re.fullmatch(re.escape(words) + r"\.+(\d+)", line) for line in lines)
            assert [int(one[1]) for one in found if one] == places[-1:], words
    assert f"{len(pages)}" in pages[-1]


@LANGUAGES
def test_a_file_that_was_opened_and_saved_elsewhere_has_no_difference(office, lang):
    document = sample(lang, notice=True)
    assert differences(office(made(document), "docx"), document) == []


def test_a_long_table_repeats_its_head_on_every_page(office):
    short = grid("1-1", "long", "en")
    long = replace(short, rows=short.rows * 30)
    pages = office(made(sample("en", blocks=(Heading(1, (Text("One"),), "1"), long))))
    holding = [text for text in pages if "Ningbo" in text]
    assert len(holding) >= 3
    assert all("Dimension" in text for text in holding)
