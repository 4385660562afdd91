"""The web page of a report: whole, linked, named, safe, and without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise

import altair as alt
import pytest

from citygauge.report.book.document import (
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
    Look,
    Paragraph,
    Reference,
    Text,
    plain,
    spans_in,
)
from citygauge.report.book.html import html_of
from citygauge.report.book.web.charts import data_script, picture
from citygauge.report.book.web.look import dark, quoted
from citygauge.report.book.web.rows import rows_of
from citygauge.report.charts.colours import ink_on

EMPTY = frozenset(["base", "br", "col", "hr", "img", "input", "link", "meta"])
NOTICE = {"zh": "示意数据，非观测结果", "en": "illustrative data, not observed"}


@dataclass
class Node:
    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    inside: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(one if isinstance(one, str) else one.text for one in self.inside)

    def all(self, *names: str, **attrs: str) -> list[Node]:
        """Return the elements inside that have one of the names and these attributes."""
        found = []
        for one in self.inside:
            if isinstance(one, Node):
                is_named = not names or one.name in names
                if is_named and all(one.attrs.get(key.rstrip("_")) == to for key, to in attrs.items()):
                    found.append(one)
                found += one.all(*names, **attrs)
        return found


class Tree(HTMLParser):
    def __init__(self, page: str):
        super().__init__()
        self.root = Node("")
        self.open = [self.root]
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        node = Node(tag, {key: value or "" for key, value in attrs})
        self.open[-1].inside.append(node)
        if tag not in EMPTY:
            self.open.append(node)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].inside.append(Node(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open[-1].name == tag, f"</{tag}> ends <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].inside.append(data)


def tree(page: str) -> Node:
    reader = Tree(page)
    assert [one.name for one in reader.open] == [""]  # every element is closed
    return reader.root


def chart(rows: int = 3) -> dict:
    values = [{"key": f"k{i}", "value": i + 1, "said": f"bar {i}"} for i in range(rows)]
    bars = alt.Chart(alt.InlineData(values=values)).mark_bar(clip=True)
    bars = bars.encode(x="value:Q", y=alt.Y("key:N", sort=None), tooltip="said:N")
    return bars.properties(width=300, height=20 * rows).to_dict()


CHART = chart()


def figure(number: str, key: str, words: str, rows: int = 3) -> Figure:
    data = tuple({"key": f"k{i}", "label": f"row {i}", "value": i + 1.5} for i in range(rows))
    return Figure(
        key, number, f"Figure {number}", (Text(words),), CHART, f"Bars: {words}", (Text("yearbook"),), data
    )


def number(text: str, value: float | None, source: str = "scores|value|code=I") -> Bound:
    return Bound(text, source, value)


def grid(number_: str, key: str) -> Grid:
    group = Cell((Text("Services"),), down=2, strong=True)
    rows = (
        (group, Cell((Bound("Suzhou", "name|1", "Suzhou"),)), Cell((number("68.3", 68.25),))),
        (None, Cell((Bound("Taizhou", "name|2", "Taizhou"),), indent=1), Cell((number("−1.2", -1.204),))),
        (Cell(()), Cell((Text("rest"),)), Cell((number("–", None),))),
    )
    columns = (Column("Group"), Column("City", width=2), Column("Score", "right"))
    caption, note = (Text("Scores of all"),), (Text("full marks are 100"),)
    return Grid(key, number_, f"Table {number_}", caption, columns, rows, (Text("yearbook"),), note)


def sample(language="en", **other) -> Document:
    """Return a report with every kind of block, and headings that skip a level."""
    blocks = (
        Heading(1, (Text("Foreword"),)),
        Paragraph((Text("Data on 5G & <other> "), Text("networks", strong=True), Text(".", emphasis=True))),
        Heading(1, (Text("Overview"),), "1", "overview"),
        Heading(3, (Text("Details at once"),), "1.1.1"),
        Paragraph(
            (
                Text("The mean is "), number("0.70", 0.697345), Text(" ("), Reference("bars", "Figure 1-1"),
                Text(", "), Reference("ranking", "Table 1-2"), Text(", chapter "), Reference("overview", "1"),
                Text(", "), Reference("nowhere", "Figure 9-9"), Text("), said by "),
                Bound("Suzhou", "name|1", "Suzhou"), Text("."),
            )
        ),
        figure("1-1", "bars", "first chart"),
        grid("1-2", "ranking"),
        Heading(1, (Text("More"),), "2", "bars"),
        Bullets(((Text("one"),), (Text("two "), number("2", 2.0))), ordered=True),
        Bullets(((Text("a point"),),)),
        Box((Text("A case"),), (Paragraph((Text("It went well."),)), Bullets(((Text("indeed"),),)))),
        Cards((Card("Cities", (number("4", 4.0, "fact|n"),)), Card("Mean", (Text("0.5"),), (Text("of 1"),)))),
        figure("2-1", "bars too", "second chart", rows=70),
        Heading(1, (Text("Annex"),), "Annex A", annex=True),
        grid("A-1", "weights"),
    )  # fmt: skip
    front = Front(
        "Assessment of cities", "The year 2023", "An institute", "2024-05-06",
        (("Objects", "4 cities"),), (("Authors", "A & B"),), "All rights reserved.",
    )  # fmt: skip
    fields = {
        "meta": {"kind": "full", "date": "2024-05-06", "illustrative": False, "unit": ""},
        "blocks": blocks,
    }
    fields = {"front": front, **fields, **other}
    return Document(language, fields.pop("kind", "full"), **fields)


@pytest.fixture(scope="module")
def page() -> str:
    return html_of(sample())


@pytest.fixture(scope="module")
def root(page) -> Node:
    return tree(page)


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_every_text_of_every_block_stands_in_the_report(root):
    document, main = sample(), root.all("main")[0]
    seen = squeezed(main.text)
    for block in document.blocks:
        for line in (squeezed(plain(spans)) for spans in spans_in(block)):
            assert line in seen, line
        if isinstance(block, Cards):
            assert all(card.label in seen for card in block.cards)
        if isinstance(block, Grid):
            assert all(column.head in seen for column in block.columns)
    assert "5G & <other> networks" in seen


def test_the_blocks_stand_in_their_order(root):
    seen = squeezed(root.all("main")[0].text)
    starts = [
        seen.index(squeezed(plain(next(iter(spans_in(block))))))
        for block in sample().blocks
        if isinstance(block, Heading | Figure)
    ]
    assert starts == sorted(starts)


def test_the_cover_and_the_imprint_tell_what_the_front_tells(root):
    cover, imprint = root.all("header")[0].text, root.all("footer")[0].text
    front = sample().front
    for text in (front.title, front.subtitle, front.organisation, front.date, "Objects", "4 cities"):
        assert text in cover
    for text in ("Authors", "A & B", front.rights):
        assert text in imprint


def test_a_date_that_a_line_of_the_cover_tells_is_not_told_twice():
    front = replace(sample().front, cover=(("Date", "2024-05-06"),))
    assert tree(html_of(sample(front=front))).all("header")[0].text.count("2024-05-06") == 1


def test_ids_are_unique_and_every_link_and_label_finds_its_target(root):
    ids = [node.attrs["id"] for node in root.all() if "id" in node.attrs]
    assert len(ids) == len(set(ids))
    links = [node.attrs["href"] for node in root.all("a")]
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    labels = [name for node in root.all() for name in node.attrs.get("aria-labelledby", "").split()]
    assert set(labels) <= set(ids)


def test_cross_references_are_links_and_one_to_nothing_is_text(root):
    by_id = {node.attrs.get("id"): node for node in root.all()}
    links = {node.text: by_id[node.attrs["href"][1:]] for node in root.all("main")[0].all("a")}
    assert "first chart" in links["Figure 1-1"].text
    assert "Scores of all" in links["Table 1-2"].text
    assert "Overview" in links["1"].text
    assert "Figure 9-9" not in links


def test_the_contents_lead_to_every_heading_figure_and_table(root):
    targets = [node.attrs["href"][1:] for node in root.all("nav")[0].all("a")]
    headings = [node.attrs["id"] for node in root.all("main")[0].all("h2", "h3", "h4")]
    assert [one for one in targets if one in headings] == headings
    assert {"figure-bars", "figure-bars-too", "table-ranking", "table-weights", "imprint"} <= set(targets)


def test_there_is_one_title_and_no_rank_of_headings_is_skipped(root):
    ranks = [int(node.name[1]) for node in root.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert ranks[0] == 1
    assert ranks.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(ranks))


def test_the_page_has_its_landmarks_and_a_way_to_skip_to_the_report(root):
    for name in ("header", "nav", "main", "footer"):
        assert len(root.all(name)) == 1, name
    first = root.all("body")[0].all("a")[0]
    assert first.attrs["href"] == "#" + root.all("main")[0].attrs["id"]


@pytest.mark.parametrize(("language", "tag"), [("zh", "zh-Hans"), ("en", "en")])
def test_the_page_says_which_language_it_is_in(language, tag):
    page = html_of(sample(language))
    assert tree(page).all("html")[0].attrs["lang"] == tag


def test_the_page_of_each_language_has_no_fixed_word_of_the_other():
    chinese = tree(html_of(sample("zh"))).all("body")[0]
    own = " ".join(node.text for node in chinese.all("summary", "button")) + chinese.all("a")[0].text
    assert re.sub(r"Figure \d-\d", "", own).isascii() is False
    assert re.findall("[A-Za-z]{3,}", re.sub(r"Figure \d-\d", "", own)) == []
    english = tree(html_of(sample())).all("body")[0]
    shown = re.sub(r"<(script|style).*?</\1>", "", html_of(sample()), flags=re.DOTALL)
    assert re.findall(r"[\u4e00-\u9fff]+", shown) == []
    assert english.attrs["data-from"] == "Source"


def test_numbers_carry_their_value_and_source_and_names_are_text(root):
    numbers = {
        (n.text, n.attrs["value"], n.attrs["data-source"])
        for n in root.all("data")
        if "data-source" in n.attrs
    }
    assert ("0.70", "0.697345", "scores|value|code=I") in numbers
    assert ("−1.2", "-1.204", "scores|value|code=I") in numbers
    assert ("–", "", "scores|value|code=I") in numbers  # missing is not zero
    assert ("4", "4.0", "fact|n") in numbers
    assert not any("Suzhou" in text for text, *_ in numbers)


def test_every_figure_has_a_name_a_picture_with_words_and_its_data(root):
    figures = root.all("figure")
    assert len(figures) == 2
    by_id = {node.attrs.get("id"): node.text for node in root.all()}
    for node, block in zip(figures, sample().figures, strict=True):
        assert squeezed(by_id[node.attrs["aria-labelledby"]]) == f"{block.label} {plain(block.caption)}"
        (svg,) = node.all("svg")
        assert svg.attrs["role"] == "img"
        assert svg.attrs["aria-label"] == block.alt
        assert node.inside[-2].name == "figcaption"
        assert "Source: yearbook" in node.all("figcaption")[0].text
    short, long = (one.all("details", class_="data")[0] for one in root.all("div", class_="chart"))
    assert [c.text for c in short.all("table")[0].all("tr")[1].all("th", "td")] == ["row 0", "1.50"]
    assert len(long.all("table")[0].all("tr")) == 61
    assert "The first 60 of 70 rows." in long.text


def test_the_specifications_of_the_charts_stand_in_the_page_once_each(root, page):
    specifications = [json.loads(node.text) for node in root.all("script", class_="specification")]
    assert [one["description"] for one in specifications] == ["Bars: first chart", "Bars: second chart"]
    assert all(
        {**one, "description": 0, "$schema": CHART["$schema"]} == {**CHART, "description": 0}
        for one in specifications
    )
    assert page.count("window.vegaEmbed=") == 1


def test_charts_that_have_been_drawn_are_not_drawn_again():
    svg = '<svg width="300" height="60"><text>drawn before</text></svg>'
    pictures = tree(html_of(sample(), {"bars": svg, "bars too": svg})).all("svg")
    assert [one.text for one in pictures] == ["drawn before"] * 2


def test_table_headers_name_columns_and_rows_and_merged_cells_reach_down(root):
    table = next(node for node in root.all("div", class_="grid") if node.attrs["id"] == "table-ranking")
    assert [(n.text, n.attrs["scope"]) for n in table.all("thead")[0].all("th")] == [
        ("Group", "col"), ("City", "col"), ("Score", "col"),
    ]  # fmt: skip
    rows = table.all("tbody")[0].all("tr")
    assert [[cell.text for cell in row.all("th", "td")] for row in rows] == [
        ["Services", "Suzhou", "68.3"], ["Taizhou", "−1.2"], ["", "rest", "–"],
    ]  # fmt: skip
    heads = [(cell.text, cell.attrs.get("rowspan")) for row in rows for cell in row.all("th", scope="row")]
    assert heads == [("Services", "2"), ("Suzhou", None), ("Taizhou", None), ("rest", None)]
    assert "right" in rows[0].all("td")[0].attrs["class"]
    assert "padding-left" in rows[1].all("th")[0].attrs["style"]
    assert squeezed(table.all("caption")[0].text) == "Table 1-2 Scores of all"
    region = table.all(role="region")[0]
    assert region.attrs["tabindex"] == "0"
    assert region.all("table")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_notice_stands_at_the_top_and_at_every_caption_of_illustrative_data(language):
    notice = NOTICE[language]
    root = tree(html_of(sample(language, notice=notice)))
    main = root.all("main")[0]
    first = next(node for node in main.inside if isinstance(node, Node))
    assert first.text.strip() == notice
    captions = main.all("caption") + main.all("figcaption")
    assert len(captions) == 2 + 2 + 2  # two tables, two charts, the data of the charts
    assert all(notice in one.text for one in captions)
    assert (
        f'content:"{notice}"'.replace("，", "\\00ff0c").replace(", ", "\\00002c ")
        in root.all("style")[0].text
    )
    assert notice not in html_of(sample(language))


def test_nothing_is_loaded_and_the_policy_lets_only_the_own_scripts_run(root, page):
    assert not root.all("link", "iframe", "object", "embed", "base", "form")
    for node in root.all():
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            assert re.match(r"#|data:|$", node.attrs.get(name, "")), (node.name, node.attrs)
        assert not any(name.startswith("on") for name in node.attrs)
    style = root.all("style")[0].text
    assert "@import" not in style
    assert "url(" not in style
    policy = root.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attrs["content"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    scripts = [node.text for node in root.all("script") if "type" not in node.attrs]
    digests = {base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts}
    assert digests == allowed
    assert "script-src 'sha256-" in policy
    assert "\r" not in page


def test_a_document_without_charts_carries_no_library():
    blocks = (Heading(1, (Text("Foreword"),)), Paragraph((Text("Only words."),)))
    page = html_of(sample(blocks=blocks))
    assert len(page) < 60_000
    assert "Only words." in tree(page).all("main")[0].text


def test_an_empty_document_is_a_page():
    root = tree(html_of(Document("en", "city", Front("Title"), ())))
    assert root.all("h1")[0].text == "Title"
    assert not root.all("footer")


EVIL = "</script></style><script>alert(1)</script> & <b onclick='x()'>\"Co\" {{ 7 * 7 }} \\"


def test_markup_in_any_text_is_shown_and_never_run():
    span = (Text(EVIL), Bound(EVIL, EVIL, 1.0), Reference("k", EVIL))
    rows = ({"label": EVIL, "value": 1.0, EVIL: EVIL},)
    spec = chart(1)
    spec["title"] = EVIL
    next(iter(spec["datasets"].values()))[0]["key"] = EVIL
    blocks = (
        Heading(1, span, EVIL, EVIL),
        Paragraph(span),
        Bullets((span,)),
        Box(span, (Paragraph(span),)),
        Cards((Card(EVIL, span, span),)),
        Figure("k", EVIL, EVIL, span, spec, EVIL, span, rows),
        Grid("k", EVIL, EVIL, span, (Column(EVIL),), ((Cell(span),),), span, span),
    )
    front = Front(EVIL, EVIL, EVIL, EVIL, ((EVIL, EVIL),), ((EVIL, EVIL),), EVIL)
    look = Look(fonts=(EVIL,), logo=b"<svg onload='x()'/>", logo_type="svg")
    words = {"contents": EVIL, "source": EVIL, "note": EVIL}
    document = sample(
        blocks=blocks,
        front=front,
        look=look,
        words=words,
        meta={"date": EVIL, "x": {EVIL: [EVIL]}},
        notice=EVIL,
    )
    root = tree(html_of(document))
    harmless = tree(html_of(sample(blocks=sample().blocks[:-8])))
    names = {node.name for node in root.all()}
    assert "b" not in names
    assert len(root.all("script")) == len(harmless.all("script"))
    assert len(root.all("style")) == 1
    assert not any(name.startswith("on") for node in root.all() for name in node.attrs)
    assert root.all("main")[0].text.count("<script>alert(1)</script>") > 20
    assert json.loads(root.all("script", id="citygauge-meta")[0].text)["x"] == {EVIL: [EVIL]}
    assert root.all("img")[0].attrs["src"].startswith("data:image/svg+xml;base64,")
    assert "{{ 7 * 7 }}" in root.all("h1")[0].text


def test_the_meta_of_the_document_can_be_read_by_machines(root):
    assert json.loads(root.all("script", id="citygauge-meta")[0].text) == sample().meta
    told = {n.attrs["name"]: n.attrs["content"] for n in root.all("meta") if "name" in n.attrs}
    assert told["citygauge:date"] == "2024-05-06"
    assert told["citygauge:illustrative"] == "false"
    assert "citygauge:unit" not in told


def test_the_same_document_gives_the_same_text(page):
    assert html_of(sample()) == page


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2.2, written out from its definition."""

    def luminance(colour: str) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "colour", ["#1f5582", "#ffffff", "#ffcc00", "#00ff00", "#808080", "#000000", "#ff00ff"]
)
def test_an_institutes_colours_are_darkened_until_they_can_be_read(colour):
    found = dark(colour)
    assert contrast(found, "#ffffff") >= 4.5
    assert contrast(found, "#f3f5f7") >= 4.5
    assert ink_on(found) == "#ffffff"
    assert (found == colour) == (contrast(colour, "#ffffff") > 5)
    style = tree(html_of(sample(look=Look(colour, colour), blocks=()))).all("style")[0].text
    assert f"--primary:{found};" in style
    assert f"--tint:{tint_of(style)};" in style
    assert contrast(found, tint_of(style)) >= 4.5


def tint_of(style: str) -> str:
    return re.search(r"--tint:(#[0-9a-f]{6})", style)[1]


def test_every_grey_and_red_of_the_style_sheet_can_be_read(root):
    style = root.all("style")[0].text
    texts = set(re.findall(r"[{; ]color: (#[0-9a-f]{6})", style)) | {"#1d2329"}
    assert len(texts) >= 4
    assert all(contrast(colour, "#f3f5f7") >= 4.5 for colour in texts)


def test_fonts_of_an_institute_come_first_and_stay_strings():
    style = (
        tree(html_of(sample(look=Look(fonts=("方正小标宋", 'a"; } body {')), blocks=()))).all("style")[0].text
    )
    fonts = re.search(r"--fonts:(.*?);", style)[1]
    assert fonts.startswith('"方正小标宋", "a\\000022\\00003b \\00007d body \\00007b", ')
    assert fonts.endswith("sans-serif")
    assert quoted("\n<") == '"\\00000a\\00003c"'


def test_the_ids_of_two_pictures_do_not_meet_and_texts_stay_as_they_are():
    svg = (
        '<svg width="9"><defs><clipPath id="c"><rect/></clipPath></defs>'
        '<g clip-path="url(#c)" fill="url(#c)"><use xlink:href="#c"/>'
        '<text aria-label="id=&quot;c&quot; url(#c) > 1">url(#c) id="c"</text></g></svg>'
    )
    one, other = (tree(str(picture(svg, prefix, "words <&>"))) for prefix in ("p", "q"))
    assert [n.attrs["id"] for n in one.all() if "id" in n.attrs] == ["p-1"]
    assert [n.attrs["id"] for n in other.all() if "id" in n.attrs] == ["q-1"]
    group = one.all("g")[0]
    assert group.attrs == {"clip-path": "url(#p-1)", "fill": "url(#p-1)"}
    assert one.all("use")[0].attrs["xlink:href"] == "#p-1"
    assert one.all("text")[0].text == 'url(#c) id="c"'
    assert one.all("text")[0].attrs["aria-label"] == 'id="c" url(#c) > 1'
    assert one.all("svg")[0].attrs["aria-label"] == "words <&>"


def test_data_for_scripts_read_back_as_they_were_and_hold_no_markup():
    data = {"</script>": "<!-- & \u2028 \u2029 中文 \\", "n": [1.5, None]}
    text = str(data_script(data))
    assert json.loads(text) == data
    assert re.findall("[<>&\u2028\u2029]", text) == []


def cells(found) -> list[list[str]]:
    return [[cell.text for cell in row] for row in found.rows]


def test_the_data_of_a_chart_put_texts_first_and_leave_out_what_only_the_drawing_needs():
    rows = [
        {
            "key": "a",
            "x": 43761.0,
            "y": 78.344,
            "label": "A",
            "colour": "#fff",
            "highlight": True,
            "described": "s",
        },
        {
            "key": "b",
            "x": 9.0,
            "y": None,
            "label": "B",
            "colour": "#000",
            "highlight": False,
            "described": "t",
        },
    ]
    found = rows_of(rows, {"label": "name"})
    assert found.heads == ("name", "x", "y")
    assert cells(found) == [["A", "43,761", "78.34"], ["B", "9", "–"]]
    assert found.rows[0][2].value == "78.344"


def test_rows_that_no_text_tells_apart_are_told_by_what_is_spoken():
    rows = [{"label": name, "value": value, "described": f"{name or 'x'}: {value}"} for name, value in
            (("A", 1), ("", 2), ("", -3))]  # fmt: skip
    assert cells(rows_of(rows, {})) == [["A: 1", "1"], ["x: 2", "2"], ["x: -3", "−3"]]


@pytest.mark.parametrize("rows", [[], [{}], [{"key": "a", "label": "", "value": None}], [{"points": [1, 2]}]])
def test_a_chart_without_data_to_tell_has_no_table(rows):
    assert rows_of(rows, {}) is None


def test_numbers_of_a_chart_that_are_not_finite_are_dashes_and_constant_columns_stay():
    found = rows_of([{"value": float("nan"), "share": 0.5}, {"value": float("inf"), "share": 0.5}], {})
    assert cells(found) == [["–", "0.500"], ["–", "0.500"]]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_charts_answer_to_the_pointer_in_a_browser_that_keeps_to_the_policy(page, tmp_path):
    place = tmp_path / "report.html"
    place.write_text(page, encoding="utf-8", newline="")
    for budget in (6000, 30000):  # a busy machine needs more
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--window-size=1200,12000", f"--user-data-dir={tmp_path / str(budget)}",
            f"--virtual-time-budget={budget}", "--dump-dom", place.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, timeout=120, check=False, text=True, encoding="utf-8"
        )
        charts = tree(done.stdout).all("div")
        live = [node for node in charts if node.attrs.get("class", "").split()[:1] == ["chart"]]
        if all("is-live" in node.attrs["class"] for node in live):
            break
    assert [node.attrs["class"] for node in live] == ["chart is-live"] * 2
    for node in live:
        drawn = [one for one in node.all("div") if "vega-embed" in one.attrs.get("class", "")]
        assert drawn[0].all("svg")
        assert node.all("div", class_="static")[0].all("svg")  # stays for print
    button = tree(done.stdout).all("button", id="trace")[0]
    assert "hidden" not in button.attrs
