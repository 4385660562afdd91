"""The page about a run: two whole languages, nothing from the network, every figure as it was computed."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge.report.charts.base import svg
from citygauge.report.charts.scores import means_chart, ranking_chart
from citygauge.report.page import page
from conftest import SOURCED

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
GRADED = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "smart-2021"\nstages = "smart-stages"\n'
# By hand: 0.68 and 0.61 as in the shared example; unit 3 has P = 0.2, Q = 0.3, index 0.24.
INDEX = {"1": 0.68, "2": 0.61, "3": 0.24}


class Reader(HTMLParser):
    """Collects the text a reader sees, the cells of the tables, the attributes and the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "path", "line", "rect"}:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" in self._open or "script" in self._open:
            return
        if data.strip():
            self.seen.append(data.strip())
        if self._open and self._open[-1] in {"td", "th"}:
            self.tables[-1][-1][-1] += data

    def table(self, heading: str) -> list[list[str]]:
        """Return the rows below the header row in which a heading stands."""
        return next(table[1:] for table in self.tables if heading in table[0])


@pytest.fixture
def scored(workspace):
    """Return a function that gives the result of a small workspace with a source and without warnings."""

    def run(sources: str = "id,producer,title,date\ns,Office,Yearbook,2024\n", **files: str) -> cg.Result:
        folder = workspace(**{"observations__csv": SOURCED, **files})
        (folder / "sources.csv").write_text(sources, encoding="utf-8")
        return cg.assess(cg.open(folder))

    return run


def texts() -> dict:
    return tomllib.loads(
        resources.files("citygauge").joinpath("report/texts.toml").read_text(encoding="utf-8")
    )


def drawn(text: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", text)


def test_both_languages_have_the_same_texts_and_no_text_is_blank():
    found = texts()
    for zh, en in ((found["zh"], found["en"]), (found["methods"]["zh"], found["methods"]["en"])):
        assert set(zh) == set(en)
        assert all(zh.values())
        assert all(en.values())
        for key in zh:
            assert set(re.findall(r"{(\w+)", zh[key])) == set(re.findall(r"{(\w+)", en[key])), key


@pytest.mark.parametrize("method", ['[normalise]\nhow = "goalposts"\n', GRADED], ids=["ranked", "graded"])
def test_the_english_page_has_no_chinese_of_its_own(scored, method):
    seen = Reader(page(scored(method__toml=method), "en")).seen
    assert [text for text in seen if CHINESE.search(text)] == []


@pytest.mark.parametrize("method", ['[normalise]\nhow = "goalposts"\n', GRADED], ids=["ranked", "graded"])
def test_the_chinese_page_has_no_english_of_its_own(scored, method):
    sources = "id,producer,title,date\ns,统计局,年鉴,2024\n"
    units = "unit,name_zh\n1,苏州\n2,台州\n3,成都\n"
    settings = 'framework = "framework.csv"\nname_zh = "三城指数"\nperiod = "2023"\n'
    result = scored(sources, method__toml=method, units__csv=units, assessment__toml=settings)
    body = "\n".join(Reader(page(result, "zh")).seen)
    body = re.sub(r"CityGauge [\d.]+|SHA-256|run\.json|\b[0-9a-f]{16}\b", "", body)
    words = set(re.findall(r"[A-Za-z]+", body))
    assert words - {"I", "P", "Q", "a", "b", "c", "n"} == set()  # codes, and symbols of statistics


@pytest.mark.parametrize(("language", "tag"), [("zh", "zh-Hans"), ("en", "en")])
def test_the_page_says_which_language_it_is_in(scored, language, tag):
    reader = Reader(page(scored(), language))
    assert [attrs["lang"] for name, attrs in reader.tags if name == "html"] == [tag]
    assert ("meta", {"charset": "utf-8"}) in reader.tags


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_loads_nothing(scored, language):
    sources = "id,producer,title,date,url\ns,Office,Yearbook,2024,https://example.org/a.csv\n"
    text = page(scored(sources, method__toml=GRADED), language)
    reader = Reader(text)
    assert {name for name, _ in reader.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "image",
    } == set()
    for name, attrs in reader.tags:
        for key in ("src", "href", "xlink:href", "data", "srcset", "style"):
            assert "//" not in (attrs.get(key) or ""), (name, attrs)
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    assert "https://example.org/a.csv" in " ".join(reader.seen)


def test_names_full_of_markup_are_shown_and_never_run(scored):
    evil = "<script>alert(1)</script> & <b onclick='x()'>\"Co\""
    cell = '"' + evil.replace('"', '""') + '"'
    result = scored(
        f"id,producer,title,date\ns,{cell},{cell},2024\n",
        units__csv=f"unit,name_zh,name_en\n1,{cell},{cell}\n2,乙,B\n3,丙,C\n",
        framework__csv="code,parent,name_zh,name_en,weight,direction,low,high\nI,,指数,Index,,,,\n"
        f"P,I,{cell},{cell},0.6,,,\nQ,I,乙,Q,0.4,,,\na,P,甲,A,,1,0,100\nb,P,乙,B,,-1,0,10\nc,Q,丙,C,,1,0,100\n",
        assessment__toml=f"framework = 'framework.csv'\nname_en = '''{evil}'''\nname_zh = '''{evil}'''\n"
        f"description_en = '''{evil}'''\ndescription_zh = '''{evil}'''\n",
    )
    for language in ("zh", "en"):
        reader = Reader(page(result, language))
        assert {name for name, _ in reader.tags} & {"script", "b"} == set()
        assert not any("onclick" in attrs for _, attrs in reader.tags)
        seen = " ".join(reader.seen)
        for place in (reader.table("得分" if language == "zh" else "Score")[0], [seen]):
            assert any("<script>alert(1)</script> &" in text for text in place)
    assert "<script" not in result._repr_html_()


@pytest.mark.parametrize(
    ("language", "names"), [("zh", ["苏州", "台州", "成都"]), ("en", ["Suzhou", "Taizhou", "Chengdu"])]
)
def test_the_ranking_on_the_page_is_the_one_computed(scored, language, names):
    result = scored()
    table = Reader(page(result, language)).table("得分" if language == "zh" else "Score")
    assert [row[1] for row in table] == names
    assert [row[0] for row in table] == ["1", "2", "3"]
    assert [row[2] for row in table] == ["0.680", "0.610", "0.240"]
    assert [row[3:] for row in table] == [["0.800", "0.500"], ["0.550", "0.700"], ["0.200", "0.300"]]


def test_a_unit_without_a_score_stands_last_with_a_dash(scored):
    method = '[normalise]\nhow = "goalposts"\n[aggregate]\nmin_availability = 1.0\n'
    result = scored(observations__csv=SOURCED.replace("1,c,2023,50,s\n", ""), method__toml=method)
    table = Reader(page(result, "en")).table("Score")
    assert [row[1] for row in table] == ["Taizhou", "Chengdu", "Suzhou"]
    assert table[2][0] == table[2][2] == table[2][4] == "–"
    assert table[2][3] == "0.800"


def test_scores_on_0_to_100_have_two_decimals_and_a_true_minus_sign(scored):
    result = scored(method__toml='[normalise]\nhow = "zscore"\nmean = 0\nsd = 100\n')
    table = Reader(page(result, "en")).table("Score")
    for row, unit in zip(table, result.ranking["unit_code"], strict=True):
        value = result.index[result.units.codes.index(unit)]
        assert row[2] == f"{value:.2f}".replace("-", "−")
    assert any(row[2].startswith("−") for row in table)


def test_the_statistics_on_the_page_are_the_mean_and_deviation_of_the_scores(scored):
    table = {row[0]: row for row in Reader(page(scored(), "en")).table("Mean")}
    for code, scores in {"I": list(INDEX.values()), "P": [0.8, 0.55, 0.2], "Q": [0.5, 0.7, 0.3]}.items():
        figures = (np.mean(scores), np.std(scores, ddof=1), min(scores), max(scores))
        assert table[code][2:] == ["3", *(f"{x:.3f}" for x in figures)]


def test_the_weights_on_the_page_are_the_shares_of_the_framework(scored):
    table = {row[0]: row[2:] for row in Reader(page(scored(), "en")).table("Effective weight")}
    assert table["P"] == ["60.0%", "60.00%"]
    assert table["a"] == ["50.0%", "30.00%"]
    assert table["I"] == ["", "100.00%"]


def test_the_grades_on_the_page_list_their_cities(scored):
    reader = Reader(
        page(
            scored(
                method__toml=GRADED,
                observations__csv=SOURCED.replace("2,c,2023,70", "2,c,2023,95"),
            ),
            "en",
        )
    )
    # unit 2 now has Q = 0.95 and the index 0.6 * 0.55 + 0.4 * 0.95 = 0.71
    rows = reader.table("Cities")
    assert [(row[0], row[2], row[3], row[4]) for row in rows] == [
        ("Leading", "0", "0%", ""), ("Pioneering", "1", "33%", "Taizhou"),
        ("Exploring", "2", "67%", "Suzhou, Chengdu"),
    ]  # fmt: skip
    assert [row[1] for row in rows] == ["≥ 0.85", "≥ 0.70", "–"]


def test_assumed_thresholds_of_stages_are_called_assumed(scored):
    for language, words in texts().items():
        if language in {"zh", "en"}:
            assert words["assumed"] in page(scored(method__toml=GRADED), language)
    assert texts()["en"]["assumed"] not in page(scored(), "en")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_page_of_one_unit_without_sources_and_grades_is_whole(workspace, language):
    folder = workspace(
        units__csv="unit,name_zh\n1,苏州\n", observations__csv="\n".join(SOURCED.splitlines()[:4]) + "\n"
    )
    result = cg.assess(cg.open(folder))
    reader = Reader(page(result, language))
    assert reader.table("得分" if language == "zh" else "Score") == [["1", "苏州", "0.680", "0.800", "0.500"]]
    statistics = {row[0]: row for row in reader.table("平均" if language == "zh" else "Mean")}
    assert statistics["I"][2:] == ["1", "0.680", "–", "0.680", "0.680"]
    assert texts()[language]["sources"] not in reader.seen


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_flat_index_has_its_page_too(scored, language):
    flat = (
        "code,parent,name_zh,name_en,direction,low,high\nI,,指数,Index,,,\n"
        "a,I,甲,A,1,0,100\nb,I,乙,B,-1,0,10\nc,I,丙,C,1,0,100\n"
    )
    reader = Reader(page(scored(framework__csv=flat), language))
    row = reader.table("得分" if language == "zh" else "Score")[0]
    assert row[2:] == ["0.700", "0.800", "0.800", "0.500"]  # (0.8 + 0.8 + 0.5) / 3


def test_what_was_noted_stands_on_the_page(workspace):
    result = cg.assess(cg.open(workspace()))
    assert result.warnings
    for language in ("zh", "en"):
        seen = Reader(page(result, language)).seen
        for problem in result.warnings:
            assert problem.text(language) in seen


def test_the_page_carries_the_hashes_of_the_run(scored):
    result = scored()
    text = page(result, "en")
    for digest in (result.method.hash, result.framework.hash):
        assert f'content="{digest}"' in text
        assert digest[:16] in Reader(text).seen[-1]


def test_charts_carry_chinese_names_as_text(scored):
    result = scored()
    assert {"支柱甲", "支柱乙", "平均得分 ± 标准差"} <= set(drawn(svg(means_chart(result, "zh"))))
    assert {"1  苏州", "2  台州", "3  成都", "得分"} <= set(drawn(svg(ranking_chart(result, "zh"))))
    assert {"1  Suzhou", "score"} <= set(drawn(svg(ranking_chart(result, "en"))))


@pytest.mark.parametrize("length", [2, 12, 25])
def test_labels_of_full_width_characters_have_room_whatever_fonts_there_are(scored, length):
    name = "智慧城市数字化" * 4
    name = name[:length]
    tree = (
        f"code,parent,name_zh,weight,direction,low,high\nI,,指数,,,,\nP,I,{name},0.6,,,\nQ,I,乙,0.4,,,\n"
        "a,P,甲,,1,0,100\nb,P,乙,,-1,0,10\nc,Q,丙,,1,0,100\n"
    )
    result = scored(framework__csv=tree, units__csv=f"unit,name_zh\n1,{name}\n2,台州\n3,成都\n")
    for chart in (means_chart(result, "zh"), ranking_chart(result, "zh")):
        text = svg(chart)
        size = max(int(found) for found in re.findall(r'font-size="(\d+)px"', text))
        left = float(re.search(r"<svg[^>]*>.*?translate\(([\d.]+)", text, re.DOTALL)[1])
        assert any(name in label for label in drawn(text))
        assert left >= size * length


def test_bars_are_as_long_as_the_scores(scored):
    text = svg(ranking_chart(scored(), "en"))
    found = dict(re.findall(r'aria-label="\d (\w+): ([\d.]+)"', text))
    assert {name: float(value) for name, value in found.items()} == pytest.approx(
        {"Suzhou": 0.68, "Taizhou": 0.61, "Chengdu": 0.24}
    )


# Illustrative data: nobody is ranked by name.

DEMO = Path(__file__).resolve().parents[2] / "demo" / "smart-2021"


@pytest.fixture(scope="module")
def demo() -> cg.Result:
    return cg.assess(cg.open(DEMO))


def names_in(result: cg.Result, text: str) -> set[str]:
    """Return the codes and names of real units that stand in a text as words of their own."""
    units = result.workspace.units
    chinese = {name for column in ("name_zh", "name_zh_full") for name in units.frame[column] if name in text}
    latin = {
        name
        for name in (*units.names("en"), *units.codes)
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    }
    return chinese | latin


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_illustrative_page_names_cities_in_the_cells_of_published_grades_only(demo, language):
    reader = Reader(page(demo, language))
    words = texts()[language]
    grades = reader.table(words["members"])
    rest = list(reader.seen)
    for row in grades:
        rest.remove(row[4])
    assert names_in(demo, " ".join(rest)) == set()
    assert names_in(demo, str([attrs for _, attrs in reader.tags])) == set()
    published = demo.workspace.units.frame.group_by("report_grade").agg(f"name_{language}")
    told = [set(row[4].split(words["separator"])) for row in grades]
    assert sorted(map(sorted, told)) == sorted(sorted(names) for names in published[f"name_{language}"])


@pytest.mark.parametrize(
    ("language", "notice"), [("zh", "示意数据，非观测结果"), ("en", "illustrative data, not observed")]
)
def test_the_illustrative_page_says_so_at_the_top_in_every_table_and_in_every_chart(demo, language, notice):
    text = page(demo, language)
    reader = Reader(text)
    assert text.count("<table>") == len(re.findall(rf"<caption>[^\n]*?{notice}</span></caption>", text)) > 3
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) == 2
    assert all(notice in drawn(chart) for chart in charts)
    assert texts()[language]["notice"] in reader.seen


@pytest.mark.parametrize(("language", "word"), [("zh", "示意城市"), ("en", "Illustrative city")])
def test_neutral_names_are_numbered_by_the_score(demo, language, word):
    table = Reader(page(demo, language)).table(texts()[language]["score"])
    assert [row[1] for row in table] == [f"{word} {i:02d}" for i in range(1, 51)]
    scores = [float(row[2]) for row in table]
    assert scores == sorted(scores, reverse=True)


def test_a_chart_of_the_ranking_of_illustrative_data_has_neutral_names(demo):
    text = svg(ranking_chart(demo, "zh"))
    assert "1  示意城市 01" in drawn(text)
    assert names_in(demo, text) == set()


def test_the_notebook_shows_the_notice_and_no_city_beside_a_figure(demo):
    shown = demo._repr_html_()
    assert "示意数据，非观测结果" in shown
    assert "illustrative data, not observed" in shown
    assert names_in(demo, shown) == set()
    for table in (demo.scores.filter(pl.col("value").is_not_null()), demo.ranking):
        assert names_in(demo, table.write_csv()) == set()


def test_without_published_grades_no_city_is_named_at_all(workspace):
    settings = 'framework = "framework.csv"\nillustrative = true\n'
    result = cg.assess(cg.open(workspace(assessment__toml=settings, method__toml=GRADED)))
    for language, names in (("zh", "苏州|台州|成都"), ("en", "Suzhou|Taizhou|Chengdu")):
        text = page(result, language)
        assert not re.search(names, text)
        counts = [row[2] for row in Reader(text).table(texts()[language]["members"])]
        assert counts == ["0", "0", "3"]
