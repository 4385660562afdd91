"""The report as PDF, read back with poppler: the figures, the profiles, the fonts, and the layout."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import typst
from typer.testing import CliRunner

import citygauge as cg
from citygauge.cli.main import app
from citygauge.cli.words import language
from citygauge.report import fonts as report_fonts
from citygauge.report import pdf as report_pdf
from citygauge.report.content import axis, report_content
from citygauge.report.files import write_results
from citygauge.report.pdf import pdf_of
from citygauge.report.profile import plain_number, profiles
from conftest import SOURCED

DEMOS = Path(__file__).resolve().parents[2] / "demo"
GRADED = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "smart-2021"\nstages = "smart-stages"\n'
SOURCES = "id,producer,title,date\ns,Office,Yearbook,2024\n"
CHINESE = re.compile(r"[\u4e00-\u9fff\U00020000-\U0003ffff]")
EMBEDDED_ONLY = typst.Fonts(include_system_fonts=False)
HAS_CJK = bool(set(report_fonts.CJK_FAMILIES) & set(typst.Fonts().families()))
poppler = pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler's pdftotext is not installed")
chinese = pytest.mark.skipif(not HAS_CJK, reason="no font with Chinese characters is installed")
pytestmark = [poppler, chinese]


def tool(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def pages(path: Path) -> list[str]:
    """Return the text of each page, laid out as it stands."""
    return tool("pdftotext", "-layout", path, "-").split("\f")[:-1]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b]", "", text)


def lines_of(page: str) -> list[str]:
    return [line.strip() for line in page.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> tuple[cg.Result, Path]:
    """The results of the observed demo, both PDFs among them."""
    result = cg.assess(cg.open(DEMOS / "city-statistics-2023"))
    folder = tmp_path_factory.mktemp("statistics") / "results"
    write_results(result, folder, ["pdf"])
    return result, folder


@pytest.fixture(scope="module")
def illustrative(tmp_path_factory) -> tuple[cg.Result, Path]:
    """The results of the illustrative demo, both PDFs among them."""
    result = cg.assess(cg.open(DEMOS / "smart-2021"))
    folder = tmp_path_factory.mktemp("illustrative") / "results"
    write_results(result, folder, ["pdf"])
    return result, folder


@pytest.fixture
def made(workspace, tmp_path):
    """Return a function that writes the PDF of a small workspace and returns its path."""

    def make(lang: str = "en", sources: str = SOURCES, **files: str) -> Path:
        folder = workspace(**{"observations__csv": SOURCED, **files})
        (folder / "sources.csv").write_text(sources, encoding="utf-8")
        result = cg.assess(cg.open(folder))
        path = tmp_path / f"report.{lang}.pdf"
        path.write_bytes(pdf_of(report_content(result, lang), profiles(result, lang)).data)
        return path

    return make


@pytest.fixture
def in_english(monkeypatch):
    monkeypatch.setenv("CITYGAUGE_LANG", "en")
    language.cache_clear()
    yield
    language.cache_clear()


def profile_pages(result: cg.Result, path: Path, lang: str) -> dict[str, str]:
    """Return the page whose heading is the label of a unit, for each unit; each must have exactly one."""
    found: dict[str, str] = {}
    texts = pages(path)
    for label in result.labels(lang):
        own = [text for text in texts if squeezed(label) in map(squeezed, lines_of(text)[:2])]
        assert len(own) == 1, label
        found[label] = own[0]
    return found


# The figures.


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_city_has_one_profile_page_with_the_scores_and_ranks_of_the_tables(statistics, lang):
    result, folder = statistics
    scores = {(row["unit_code"], row["code"]): row for row in rows(folder / "scores.csv")}
    means = {row["code"]: float(row["mean"]) for row in rows(folder / "statistics.csv")}
    shown = profile_pages(result, folder / f"report.{lang}.pdf", lang)
    assert len(shown) == 50
    for unit, label in zip(result.units.codes, result.labels(lang), strict=True):
        lines = lines_of(shown[label])
        root = scores[unit, "CITYSTAT"]
        assert any(f"{float(root['value']):.2f}" in line for line in lines)
        for code in result.framework.children("CITYSTAT"):
            name = result.framework[code].label(lang)
            cells = next(line for line in lines if squeezed(line).startswith(squeezed(name))).split()[-4:]
            row = scores[unit, code]
            assert number(cells[0]) == pytest.approx(float(row["value"]), abs=0.0051)
            assert number(cells[1]) == pytest.approx(means[code], abs=0.0051)
            assert number(cells[2]) == pytest.approx(float(row["value"]) - means[code], abs=0.0051)
            assert cells[3] == row["rank"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_ranking_of_the_pdf_is_that_of_the_scores_and_names_the_page_of_each_profile(statistics, lang):
    result, folder = statistics
    texts = pages(folder / f"report.{lang}.pdf")
    label = dict(zip(result.units.codes, result.labels(lang), strict=True))
    for row in rows(folder / "scores.csv"):
        if row["level"] != "0":
            continue
        name, value = label[row["unit_code"]], f"{float(row['value']):.2f}"
        line = re.compile(rf"^\s*{row['rank']}\s+{re.escape(name)}\s+{re.escape(value)}\s.*?(\d+)\s*$", re.M)
        found = [match for text in texts for match in line.finditer(text)]
        assert len(found) == 1, name
        page = texts[int(found[0][1]) - 1]
        assert name in lines_of(page)[:2]


def test_strong_and_weak_indicators_are_those_farthest_from_the_mean(made, workspace):
    # a: 0.8, 0.6, 0.4, mean 0.6; b: 0.8, 0.5, 0, mean 0.4333; c: 0.5, 0.7, 0.3, mean 0.5.
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED)))
    units = {unit["name"]: unit for unit in profiles(result, "en")["units"]}
    told = {
        name: ([(r["name"], r["difference"]) for r in unit["strong"]], [r["name"] for r in unit["weak"]])
        for name, unit in units.items()
    }
    assert told["Suzhou"] == ([("Indicator b", "+0.367"), ("Indicator a", "+0.200")], [])
    assert told["Taizhou"] == ([("Indicator c", "+0.200"), ("Indicator b", "+0.067")], [])
    assert told["Chengdu"] == ([], ["Indicator b", "Indicator a", "Indicator c"])
    assert [row["raw"] for row in units["Suzhou"]["strong"]] == ["2 days", "80 %"]


def test_missing_and_imputed_indicators_are_named_and_imputed_ones_are_no_strength(workspace):
    facts = SOURCED.replace("3,c,2023,30,s\n", "").replace("2,b,2023,5,s\n", "2,b,2023,,s\n")
    method = '[normalise]\nhow = "goalposts"\n'
    result = cg.assess(cg.open(workspace(observations__csv=facts, method__toml=method)))
    notes = {unit["name"]: dict(unit["notes"]) for unit in profiles(result, "en")["units"]}
    assert notes["Chengdu"]["Missing indicators"] == "Indicator c"
    assert notes["Taizhou"]["Missing indicators"] == "Indicator b"
    assert notes["Suzhou"]["Missing indicators"] == "none"
    filled = method + '[impute]\nhow = "group_mean"\ngroup = "circle"\n'
    result = cg.assess(cg.open(workspace(observations__csv=facts, method__toml=filled)))
    units = {unit["name"]: unit for unit in profiles(result, "en")["units"]}
    assert dict(units["Taizhou"]["notes"])["Imputed indicators"] == "Indicator b"
    extremes = [row["name"] for part in ("strong", "weak") for row in units["Taizhou"][part]]
    assert "Indicator b" not in extremes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (107875.0, "107,875"),
        (49.369812, "49.3698"),
        (-2.5, "−2.5"),
        (0.0, "0"),
        (1.5e-7, "1.5 × 10⁻⁷"),
        (2e300, "2 × 10³⁰⁰"),
    ],
)
def test_raw_values_are_written_short_and_with_a_true_minus(value, text):
    assert plain_number(value) == text


@pytest.mark.parametrize(
    "values", [[0.2, 0.9], [-1.4, 2.2], [12.0, 78.3], [-3.0, -1.0], [0.0], [np.nan], [1e-9], [-1e12, 5.0]]
)
def test_an_axis_holds_zero_and_every_value_and_its_ticks_are_evenly_spaced(values):
    drawn = axis(values)
    known = [v for v in values if not np.isnan(v)]
    hair = 1e-8 * (drawn["high"] - drawn["low"])
    assert drawn["low"] <= min([0.0, *known]) + hair
    assert drawn["high"] >= max([0.0, *known]) - hair
    at = [tick["at"] for tick in drawn["ticks"]]
    assert 2 <= len(at) <= 8
    assert np.diff(at) == pytest.approx(np.diff(at)[0])
    assert 0.0 in at


# The text and its fonts.


@pytest.mark.parametrize("demo", ["statistics", "illustrative"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_fonts_are_embedded_and_every_chinese_character_can_be_read_back(request, demo, lang):
    result, folder = request.getfixturevalue(demo)
    path = folder / f"report.{lang}.pdf"
    listed = tool("pdffonts", path).splitlines()[2:]
    assert listed
    assert all(re.search(r"\syes\s+yes\s+yes\s+\d+\s+\d+$", line) for line in listed)
    content = report_content(result, lang)
    told = [content["heading"], content["description"], *content["pillars"], *content["warnings"]]
    told += [row["name"] for key in ("ranking", "tree", "statistics") for row in content[key]]
    assert set(CHINESE.findall("".join(told))) <= set("".join(pages(path)))


@pytest.mark.skipif(not shutil.which("fc-list"), reason="fontconfig is not installed")
@pytest.mark.parametrize("char", ["城", "𠮷", "㐀", "€", "ё", "ก", "\ue000"])
def test_fonts_cover_a_character_where_fontconfig_says_so(char):
    told = tool("fc-list", f":charset={ord(char):x}", "file", "index")
    having = set()
    for path, index in re.findall(r"^(.+?): :index=(\d+)$", told, re.M):
        having.add((path, int(index) & 0xFFFF))
    for info in typst.Fonts(include_embedded_fonts=False).fonts():
        found = report_fonts.covered(info.path, info.index, char) == {char}
        assert found == ((info.path, info.index) in having), (info.family, char)


def test_a_character_that_no_font_has_is_named_in_a_warning_and_the_pdf_is_made(workspace, tmp_path):
    units = "unit,name_zh,name_en\n1,苏\U0010fffd州,A\n2,台州,B\n3,成都,C\n"
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED, units__csv=units)))
    written = write_results(result, tmp_path / "out", ["pdf"])
    assert written.not_made == ()
    [problem] = written.problems
    assert (problem.code, problem.where.file) == ("report.missing-glyphs", "report.zh.pdf")
    assert "U+10FFFD" in problem.text("zh")


def test_a_file_that_is_no_font_covers_nothing(tmp_path):
    for data in (b"", b"ttcf", b"\0\1\0\0" + b"\xff" * 40):
        path = tmp_path / f"{len(data)}.ttf"
        path.write_bytes(data)
        assert report_fonts.covered(str(path), 0, "城a") == frozenset()


def test_names_that_look_like_typst_are_printed_as_they_are(made):
    evil = r"#panic() *x* $y$ \u{41} [z] `r` _e_ <l> @f //c /*"
    cell = f'"{evil}"'
    tree = (
        f"code,parent,name_zh,name_en,weight,direction,low,high\nI,,指数,{cell},,,,\n"
        f"P,I,甲,{cell},0.6,,,\nQ,I,乙,Q,0.4,,,\na,P,甲,{cell},,1,0,100\nb,P,乙,B,,-1,0,10\nc,Q,丙,C,,1,0,100\n"
    )
    path = made(
        sources=f"id,producer,title,date\ns,{cell},{cell},2024\n",
        framework__csv=tree,
        units__csv=f"unit,name_zh,name_en\n1,甲,{cell}\n2,乙,B\n3,丙,C\n",
        assessment__toml=f"framework = 'framework.csv'\nname_en = '{evil}'\ndescription_en = '{evil}'\n",
    )
    text = squeezed("".join(pages(path)))
    # title, headers, contents, description, statistics, ranking, framework, profile, source
    assert text.count(squeezed(evil)) >= 12
    assert f"Title:           {evil}" in tool("pdfinfo", path)


# The layout.


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


def overlapping(words: list[tuple[float, float, float, float, str]]) -> list[tuple[str, str]]:
    """Return pairs of words that share more than a fifth of the smaller box."""
    sides = np.array([word[:4] for word in words])
    left, top, right, bottom = sides.T
    wide = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    high = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    area = (right - left) * (bottom - top)
    shared = np.clip(wide, 0, None) * np.clip(high, 0, None) / np.minimum.outer(area, area)
    return [(words[i][4], words[j][4]) for i, j in np.argwhere(np.triu(shared > 0.2, 1))]


LONG_NAMES = (
    "unit,name_zh,name_en\n1,新疆维吾尔自治区博尔塔拉蒙古自治州阿拉山口市高新技术产业开发区,"
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch\n2,台州,Taizhou\n3,成都,Chengdu\n"
)


def big_tree(pillars: int, dimensions: int) -> tuple[str, str]:
    """Return a framework with long names and codes, and facts of three units for it."""
    lines = ["code,parent,name_zh,name_en,weight,direction,low,high", "I,,总指数,Index,,,,"]
    facts = ["unit,indicator,period,value,source"]
    for p in range(pillars):
        name = f"经济社会高质量发展与创新驱动能力{p},Infrastructure and environmental sustainability {p}"
        lines.append(f"pillar_{p},I,{name},,,,")
        for k in range(dimensions):
            lines.append(f"p{p}_dimension_{k},pillar_{p},二级指标{k},Dimension {k},,,,")
            code = f"a_very_long_code_of_an_indicator_{p}_{k}"
            lines.append(f"{code},p{p}_dimension_{k},指标{p}{k},Indicator {p} {k},,1,0,100")
            facts += [f"{unit},{code},2023,{(7 * p + 13 * k + 29 * unit) % 100},s" for unit in (1, 2, 3)]
    return "\n".join(lines) + "\n", "\n".join(facts) + "\n"


def check_layout(path: Path) -> None:
    for i, (width, height, words) in enumerate(boxes(path), 1):
        assert words, i
        assert overlapping(words) == [], i
        for x0, y0, x1, y1, word in words:
            assert 30 <= x0 < x1 <= width - 30, (i, word)
            assert 20 <= y0 < y1 <= height - 20, (i, word)


@pytest.mark.parametrize("demo", ["statistics", "illustrative"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_in_the_demos_no_text_lies_on_another_or_outside_the_page(request, demo, lang):
    check_layout(request.getfixturevalue(demo)[1] / f"report.{lang}.pdf")


FLAT = (
    "code,parent,name_zh,name_en,direction,low,high\nI,,指数,Index,,,\n"
    "a,I,甲,A,1,0,100\nb,I,乙,B,-1,0,10\nc,I,丙,C,1,0,100\n"
)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("case", ["three units", "long names", "ten pillars", "flat", "negative", "one unit"])
def test_nothing_overlaps_in_unusual_reports_either(made, lang, case):
    files: dict[str, dict[str, str]] = {
        "three units": {},
        "long names": {"units__csv": LONG_NAMES, "method__toml": GRADED},
        "ten pillars": dict(zip(("framework__csv", "observations__csv"), big_tree(10, 4), strict=True)),
        "flat": {"framework__csv": FLAT},
        "negative": {"method__toml": '[normalise]\nhow = "zscore"\nmean = 0\nsd = 10\n'},
        "one unit": {
            "units__csv": "unit,name_zh\n1,苏州\n",
            "observations__csv": "\n".join(SOURCED.splitlines()[:4]) + "\n",
        },
    }
    check_layout(made(lang, **files[case]))


def test_negative_scores_have_a_true_minus_sign(made):
    text = "".join(pages(made(method__toml='[normalise]\nhow = "zscore"\nmean = 0\nsd = 1\n')))
    assert re.search(r"−\d", text)
    assert not re.search(r"(?<![\w-])-\d", text)


def test_pages_are_numbered_through_to_the_last(statistics):
    texts = pages(statistics[1] / "report.en.pdf")
    for i, text in enumerate(texts[1:], 2):
        assert lines_of(text)[-1] == f"{i} / {len(texts)}"
    assert "1 / " not in texts[0]


# The files.


def test_the_same_run_gives_the_same_bytes_and_no_clock_is_read(workspace, tmp_path):
    for name in ("one", "two"):
        result = cg.assess(cg.open(workspace(observations__csv=SOURCED, method__toml=GRADED)))
        write_results(result, tmp_path / name, ["pdf"])
    for lang in ("zh", "en"):
        first, second = ((tmp_path / name / f"report.{lang}.pdf").read_bytes() for name in ("one", "two"))
        assert first == second
        assert b"CreationDate" not in first
        assert b"ModDate" not in first


def test_pdfs_are_listed_in_the_record_and_go_with_the_run(workspace, tmp_path):
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED)))
    written = write_results(result, tmp_path / "out", ["pdf"])
    pdfs = {"report.zh.pdf", "report.en.pdf"}
    assert pdfs <= {path.name for path in written.paths if path.is_file()}
    assert pdfs <= set(json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["files"])
    write_results(result, tmp_path / "out")
    assert not pdfs & {path.name for path in (tmp_path / "out").iterdir()}


def test_the_colophon_has_the_whole_hashes(statistics):
    result, folder = statistics
    text = squeezed(pages(folder / "report.zh.pdf")[-1])
    hashes = json.loads((folder / "run.json").read_text(encoding="utf-8"))["hashes"]
    assert all(digest in text for digest in hashes.values())
    assert result.method.hash == hashes["method"]


# What a machine lacks.


def call(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.usefixtures("in_english")
def test_without_a_chinese_font_everything_else_is_written_and_the_package_is_named(workspace, monkeypatch):
    monkeypatch.setattr(report_pdf, "system_fonts", lambda: EMBEDDED_ONLY)
    folder = workspace(observations__csv=SOURCED)
    code, _, told = call("assess", folder, "--pdf")
    assert code == 3
    assert "fonts-noto-cjk" in told
    assert "report.no-cjk-font" in told
    names = {path.name for path in (folder / "results").iterdir()}
    assert {"report.zh.html", "report.en.html", "scores.csv", "run.json"} <= names
    assert "report.zh.pdf" not in names
    assert call("assess", folder, "--pdf", "--quiet")[0] == 3
    code, out, _ = call("assess", folder, "--pdf", "--json")
    found = json.loads(out)
    assert (code, found["ok"], "report.zh.pdf" in found["not_made"]) == (3, True, True)
    assert "report.no-cjk-font" in [problem["code"] for problem in found["problems"]]


def test_an_english_report_without_chinese_needs_no_chinese_font(workspace, monkeypatch, tmp_path):
    monkeypatch.setattr(report_pdf, "system_fonts", lambda: EMBEDDED_ONLY)
    tree = (
        "code,parent,name_en,weight,direction,unit,low,high\nI,,Index,,,,,\nP,I,Pillar P,0.6,,,,\n"
        "Q,I,Pillar Q,0.4,,,,\na,P,A,,1,%,0,100\nb,P,B,,-1,days,0,10\nc,Q,C,,1,%,0,100\n"
    )
    units = "unit,name_en\n1,Suzhou\n2,Taizhou\n3,Chengdu\n"
    result = cg.assess(cg.open(workspace(observations__csv=SOURCED, framework__csv=tree, units__csv=units)))
    written = write_results(result, tmp_path / "out", ["pdf"])
    assert written.not_made == ("report.zh.pdf",)
    assert "Suzhou" in "".join(pages(tmp_path / "out" / "report.en.pdf"))


@pytest.mark.usefixtures("in_english")
def test_without_typst_the_command_says_how_to_install_it(workspace, monkeypatch):
    monkeypatch.setattr(report_pdf, "find_spec", lambda _: None)
    folder = workspace(observations__csv=SOURCED)
    code, _, told = call("assess", folder, "--pdf")
    assert code == 3
    assert "report.no-typst" in told
    assert 'pip install "citygauge[pdf]"' in told
    assert (folder / "results" / "report.zh.html").is_file()


@pytest.mark.usefixtures("in_english")
def test_the_command_says_where_the_pdf_is(workspace):
    folder = workspace(observations__csv=SOURCED)
    code, out, _ = call("assess", folder, "--pdf")
    assert code == 0
    assert str(folder / "results" / "report.en.pdf") in out


# Illustrative data: nobody is ranked by name.


@pytest.mark.parametrize(
    ("lang", "notice"), [("zh", "示意数据，非观测结果"), ("en", "illustrative data, not observed")]
)
def test_every_page_of_illustrative_data_carries_the_notice(illustrative, lang, notice):
    for text in pages(illustrative[1] / f"report.{lang}.pdf"):
        assert squeezed(notice) in squeezed(lines_of(text)[0])


@pytest.mark.parametrize(("lang", "word"), [("zh", "示意城市"), ("en", "Illustrative city")])
def test_no_city_of_illustrative_data_is_named_beside_a_figure_or_in_what_a_reader_does_not_see(
    illustrative, lang, word
):
    result, folder = illustrative
    path = folder / f"report.{lang}.pdf"
    names = [*result.units.names("zh"), *result.units.names("en")]
    naming = [text for text in pages(path) if any(re.search(rf"(?<!\w){n}(?!\w)", text) for n in names)]
    assert len(naming) == 1  # the page of the published grades
    assert word + " 0" not in naming[0]
    assert profile_pages(result, path, lang)
    raw = path.read_bytes()
    # Bookmarks and titles are not compressed, so the neutral names can be found there and no others.
    neutral = f"{word} 01".encode("utf-16-be")
    assert neutral in raw or neutral.hex().upper().encode() in raw or f"{word} 01".encode() in raw
    for name in names:
        for form in (
            name.encode("utf-16-be"),
            name.encode(),
            name.encode("utf-16-be").hex().upper().encode(),
        ):
            if len(form) > 4:
                assert form not in raw, name


def test_profiles_of_illustrative_data_stand_in_the_order_of_the_neutral_names_without_grade_or_source(
    illustrative,
):
    result = illustrative[0]
    found = profiles(result, "zh")["units"]
    assert [unit["name"] for unit in found] == [f"示意城市 {i:02d}" for i in range(1, 51)]
    for unit in found:
        assert "等级" not in [card["label"] for card in unit["cards"]]
        assert "数据来源" not in dict(unit["notes"])
