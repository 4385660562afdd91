"""What the built-in themes say: complete in both languages, no figure without a source, codes that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import citygauge as cg
from citygauge.problems import Language, Problems
from citygauge.report.book.advice import sections
from citygauge.report.book.compose import Composer
from citygauge.report.book.document import Block, Box, Bullets, Figure, Heading, Paragraph, plain
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.figures import FIGURES
from citygauge.report.book.grids import GRIDS
from citygauge.report.book.markdown import numbered
from citygauge.report.book.material import Material
from citygauge.report.book.theme import Said, Theme, read_theme

ROOT = Path(__file__).resolve().parents[3]
THEMES = ("smart-2021", "city-statistics-2023")
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_FACT = re.compile(r"""\{\{\s*fact\(["']([^"']+)["']\)\s*\}\}""")
_CJK = r"[\u3400-\u9fff“”《》（）、，。：；]"

# What the 2021 report prints, typed by hand: section → fact → how it stands there.
PRINTED = {
    "3.1.1": {"report-cities": "50"},
    "1.2.1": {
        "gbt-36333": "GB/T 36333—2018", "gbt-36333-date": "2018年6月", "outline-date": "2021年3月",
        "tasks-date": "2021年4月",
        "outline-title": "中华人民共和国国民经济和社会发展第十四个五年规划和2035年远景目标纲要",
    },
    "1.2.3": {
        "ningbo-frame": "851", "ningbo-supports": "8", "ningbo-centres": "5",
        "haidian-kinds": "4", "haidian-streams": "14500", "haidian-sensor-kinds": "8",
        "haidian-sensors": "2万", "haidian-scenes": "10", "haidian-date": "2020年底",
        "haidian-departments": "18", "haidian-bureaus": "13", "haidian-systems": "35",
        "haidian-records": "6000多万", "haidian-daily": "16万", "haidian-shared": "30万",
        "suining-departments": "30", "suining-systems": "63", "suining-entries": "6000",
        "suining-records": "10亿",
        "wuxi-launch": "2020年5月7日", "wuxi-services": "500", "wuxi-users": "260万", "wuxi-peak": "20万",
        "wuxi-codes": "22", "wuxi-vouchers": "6000万元", "wuxi-citizens": "70万", "wuxi-spending": "5亿元",
        "wuxi-partners": "17", "wuxi-epidemic": "2020年7月", "wuxi-pushed": "1308万",
    },
}  # fmt: skip
ENGLISH = {
    "haidian-streams": "14,500", "haidian-sensors": "20,000", "haidian-records": "more than 60 million",
    "haidian-daily": "160,000", "haidian-shared": "300,000", "suining-entries": "6,000",
    "suining-records": "one billion", "wuxi-users": "2.6 million", "wuxi-peak": "200,000",
    "wuxi-vouchers": "60 million yuan", "wuxi-citizens": "700,000", "wuxi-spending": "500 million yuan",
    "wuxi-pushed": "13.08 million",
}  # fmt: skip


@cache
def theme(name: str) -> Theme:
    problems = Problems()
    found = read_theme(name, problems)
    problems.raise_errors()
    assert found is not None
    return found


@cache
def material(name: str, language: Language) -> Material:
    result = cg.assess(cg.open(ROOT / "demo" / name))
    return Material(result, theme(name), evidence_of(result, theme(name)), language)


def said(value: Any, where: str = "") -> Iterator[tuple[str, Said]]:
    """Yield every text of a theme in both languages, with where it stands."""
    if isinstance(value, Said):
        yield where, value
    elif isinstance(value, BaseModel):
        for key in type(value).model_fields:
            yield from said(getattr(value, key), f"{where}.{key}")
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from said(one, f"{where}.{key}")
    elif isinstance(value, tuple):
        for i, one in enumerate(value):
            yield from said(one, f"{where}[{i}]")


def texts(name: str) -> list[tuple[str, Language, str]]:
    """Return every text and template of a theme: where it stands, its language, what it says."""
    found = [(where, lang, both[lang]) for where, both in said(theme(name)) for lang in LANGUAGES]
    for key, template in theme(name).templates.items():
        found.append((key, "zh" if key.endswith(".zh") else "en", template))
    return found


def told(blocks: list[Block]) -> str:
    """Return the words of blocks, one paragraph a line."""
    lines = []
    for block in blocks:
        if isinstance(block, Heading | Paragraph):
            lines.append(plain(block.spans))
        elif isinstance(block, Bullets):
            lines += [plain(item) for item in block.items]
        elif isinstance(block, Figure):
            lines.append(plain(block.caption))
        elif isinstance(block, Box):
            lines += [plain(block.title), told(list(block.blocks))]
    return "\n".join(lines)


def chapter(language: Language) -> list[Block]:
    composer = Composer(material("smart-2021", language), FIGURES, GRIDS)
    return list(numbered(composer.chapter("background"), language))


@pytest.mark.parametrize("name", THEMES)
def test_no_text_holds_a_digit_that_is_not_a_declared_fact(name: str) -> None:
    wrong = [(where, lang) for where, lang, text in texts(name) if re.search(r"\d", _JINJA.sub("", text))]
    assert wrong == []
    assert len(texts(name)) > 100


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_facts_that_are_printed_and_facts_that_are_declared_are_the_same(
    name: str, language: Language
) -> None:
    used = {fact for _, lang, text in texts(name) if lang == language for fact in _FACT.findall(text)}
    assert used == set(theme(name).facts)


@pytest.mark.parametrize("name", THEMES)
def test_texts_of_the_theme_call_nothing_but_facts(name: str) -> None:
    for where, both in said(theme(name)):
        for language in LANGUAGES:
            assert "{" not in _FACT.sub("", both[language]), where


@pytest.mark.parametrize("name", THEMES)
def test_both_languages_of_a_text_print_the_same_facts(name: str) -> None:
    for where, both in said(theme(name)):
        assert sorted(_FACT.findall(both.zh)) == sorted(_FACT.findall(both.en)), where


def test_both_background_templates_have_the_same_sections_facts_figures_and_cases() -> None:
    def made_of(text: str) -> list[str]:
        figures = re.findall(r"""(?:figure|ref|case_box)\(["'][\w-]+["']\)""", text)
        return [*re.findall(r"^#+(?= )", text, re.MULTILINE), *sorted(_FACT.findall(text)), *figures]

    zh, en = (theme("smart-2021").templates[f"background.{language}"] for language in LANGUAGES)
    assert made_of(zh) == made_of(en)


@pytest.mark.parametrize("name", THEMES)
def test_chinese_texts_use_chinese_punctuation(name: str) -> None:
    for where, language, text in texts(name):
        if language == "zh":
            bare = _JINJA.sub("", text)
            assert not re.search(rf"{_CJK}\s*[,.;:?!]|[,;?!]\s*{_CJK}", bare), where
            assert not re.search(rf"\(\s*{_CJK}|{_CJK}\s*\(|{_CJK}\s*\)|\)\s*{_CJK}", bare), where
            assert not re.search(rf"\"\s*{_CJK}|{_CJK}\"", bare), where


@pytest.mark.parametrize("name", THEMES)
def test_english_texts_hold_no_chinese(name: str) -> None:
    chinese = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
    assert [where for where, lang, text in texts(name) if lang == "en" and chinese.search(text)] == []
    assert [key for key, fact in theme(name).facts.items() if chinese.search(fact.text("en"))] == []


@pytest.mark.parametrize("name", THEMES)
def test_every_code_of_a_theme_is_in_its_framework(name: str) -> None:
    framework, one = cg.builtin(name), theme(name)
    layers = [code for layer in one.layers.values() for code in layer.codes]
    outlined = [code for codes in one.outline.model_dump().values() for code in codes]
    cases = [code for case in one.cases for code in case.codes]
    advised = [code for advice in one.advice for code in advice.codes]
    assert [code for code in (*layers, *outlined, *cases, *advised) if code not in framework] == []
    assert not layers or sorted(layers) == sorted(framework.counted(framework.root.code))


@pytest.mark.parametrize(("name", "number"), [("smart-2021", 16), ("city-statistics-2023", 22)])
def test_every_dimension_has_advice_for_where_it_is_weak(name: str, number: int) -> None:
    framework = cg.builtin(name)
    dimensions = {code for code in framework.codes if framework.levels[code] == 2}
    weak = {code for advice in theme(name).advice if advice.when == "weak" for code in advice.codes}
    assert len(dimensions) == number
    assert dimensions - weak == set()


@pytest.mark.parametrize("name", THEMES)
def test_every_section_of_advice_has_rules_and_no_id_is_used_twice(name: str) -> None:
    one = theme(name)
    assert {advice.group for advice in one.advice} == {group.id for group in one.advice_groups}
    for ids in ([advice.id for advice in one.advice], [case.id for case in one.cases]):
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", THEMES)
def test_groups_and_peers_name_what_the_units_of_the_demonstration_have(name: str) -> None:
    result = material(name, "zh").result
    for key, rule in theme(name).groups.items():
        assert rule.attribute in result.units.attributes, key
        if rule.names:
            found = {line.raw("group") for line in material(name, "zh").evidence.lines(f"groups:{key}")}
            assert found == set(rule.names), key
            assert set(rule.order) in (set(), found), key
    assert set(theme(name).peers) <= set(result.units.attributes)


@pytest.mark.parametrize("name", THEMES)
def test_classes_of_size_hold_several_cities_each(name: str) -> None:
    shown = material(name, "zh")
    root = shown.result.framework.root.code
    sizes = [line.raw("n") for line in shown.evidence.lines("groups:size", code=root)]
    assert len(sizes) == 4
    assert sum(sizes) == 50
    assert min(sizes) >= 5


@pytest.mark.parametrize("section", PRINTED)
def test_facts_stand_as_the_report_prints_them(section: str) -> None:
    facts = theme("smart-2021").facts
    assert {key: facts[key].text("zh") for key in PRINTED[section]} == PRINTED[section]
    of_report = {k for k, fact in facts.items() if fact.source == "report-2021" and fact.place == section}
    assert of_report <= set(PRINTED[section])


def test_english_counts_in_its_own_units() -> None:
    facts = theme("smart-2021").facts
    assert {key: facts[key].text("en") for key in ENGLISH} == ENGLISH
    chinese = {key for key, fact in facts.items() if re.search("[万亿]", fact.text("zh"))}
    assert chinese <= set(ENGLISH)


def test_the_imprint_says_that_the_report_is_not_one_of_the_institution() -> None:
    imprint = " ".join(line.text.en for line in theme("smart-2021").cover.imprint)
    assert "illustrative" in imprint
    assert "not a publication of the China Software Testing Center" in imprint
    assert "不是中国软件评测中心的出版物" in " ".join(x.text.zh for x in theme("smart-2021").cover.imprint)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_background_chapter_places_its_four_figures_and_all_cases(language: Language) -> None:
    blocks = chapter(language)
    figures = [(block.key, block.number) for block in blocks if isinstance(block, Figure)]
    assert figures == [("stages", "1-1"), ("architecture", "1-2"), ("content", "1-3"), ("timeline", "1-4")]
    assert [b.number for b in blocks if isinstance(b, Heading) and b.level > 1] == [
        "1.1", "1.1.1", "1.1.2", "1.2", "1.2.1", "1.2.2", "1.2.3",
    ]  # fmt: skip
    assert sum(isinstance(block, Box) for block in blocks) == len(theme("smart-2021").cases) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_markup_is_left_in_the_background_chapter(language: Language) -> None:
    words = told(chapter(language))
    assert not re.search(r"\*\*|\{|\}|\s{2}", words.replace("\n", ""))
    if language == "zh":
        assert not re.search(rf"{_CJK} {_CJK}", words.replace("《智慧城市 顶层设计指南》", ""))


def test_the_published_means_fire_the_advice_of_the_reports_three_sections() -> None:
    """The report finds terminals, cloud, data resources, openness and experience weak (3.2.3 and 3.2.4)."""
    given = {s.group.id: {g.advice.id for g in s.given} for s in sections(material("smart-2021", "zh"))}
    assert {"terminals", "cloud"} <= given["balance"]
    assert {"catalogue", "stores", "openness"} <= given["data"]
    assert {"mobile", "accessibility", "feedback"} <= given["people"]
    assert "network" not in given["balance"]
    assert "services" not in given["people"]


def test_every_file_of_the_built_in_themes_is_text_in_utf_8() -> None:
    for file in sorted((ROOT / "src/citygauge/report/themes").rglob("*.*")):
        assert "\ufffd" not in file.read_text(encoding="utf-8")
