"""How sure the results are: the chapter that tells it, when it is left out, and what it keeps to itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from report_samples import (
    DATE,
    GRADED,
    ILLUSTRATIVE,
    LANGUAGES,
    SMART,
    YEARBOOK,
    evidence_for,
    made,
    many_facts,
    many_units,
    own_theme,
    paragraph,
    report,
    result_of,
    text_of,
    theme_of,
    themed,
    twelve,
)

import citygauge as cg
from citygauge.problems import Language
from citygauge.report.book.document import Document, Heading, plain
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.files import write_reports
from citygauge.report.book.jobs import Order
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Number
from citygauge.report.book.sureness import Sureness
from citygauge.report.book.theme import builtin_themes
from citygauge.report.book.thresholds import Wording
from citygauge.report.book.wording import Words
from conftest import METHOD

TITLE = {"zh": "结果的可靠性", "en": "How sure the results are"}
CHARTS = ["rank-intervals", "rank-chances", "pairs", "grade-chances", "influence", "one-at-a-time"]
FLAT = """\
code,parent,level,name_zh,name_en,weight,direction,unit,low,high
I,,0,指数,Index,,,,,
a,I,1,指标甲,Indicator a,1,1,%,0,100
"""


def chapters(document: Document) -> list[str]:
    return [plain(b.spans) for b in document.blocks if isinstance(b, Heading) and b.level == 1]


def own_charts(document: Document) -> list[str]:
    return [figure.key for figure in document.figures if figure.key in CHARTS]


def assessed(workspace: Callable[..., Path], **files: str) -> cg.Result:
    return cg.assess(cg.open(workspace(**files)))


def codes(document: Document) -> list[str]:
    return [problem.code for problem in document.left_out]


# --- where it stands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chapter_follows_the_results_and_has_a_chart_for_each_question(language: Language) -> None:
    for demo, charts in ((SMART, CHARTS), (YEARBOOK, [key for key in CHARTS if key != "grade-chances"])):
        document = report(demo, language)
        heads = chapters(document)
        at = heads.index(TITLE[language])
        assert heads[at + 1] == {"zh": "发展建议", "en": "Recommendations"}[language]
        assert own_charts(document) == charts
        numbers = [f.number for f in document.figures if f.key in charts]
        assert numbers == [f"4-{i}" for i in range(1, len(charts) + 1)]
        assert "weight-stability" in {grid.key for grid in document.grids}
        assert codes(document) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("demo", [SMART, YEARBOOK])
def test_the_summary_and_the_report_of_a_city_tell_it_in_a_paragraph(demo: str, language: Language) -> None:
    head = {"zh": "随机变动", "en": "varied at random"}[language]
    stop = {"zh": "不是抽样误差", "en": "no sampling error"}[language]
    assert paragraph(report(demo, language, "executive"), head, stop)
    city = report(demo, language, "city", result_of(demo).row_labels[3])
    told = paragraph(city, head, stop)
    assert (("概率" if language == "zh" else "probability") in told) is (demo == SMART)


def test_every_built_in_theme_tells_it_and_a_theme_can_leave_it_out(tmp_path: Path) -> None:
    result = result_of(YEARBOOK)
    assert all(themed(result, name).robust.chapter for name in builtin_themes())
    quiet = own_theme(tmp_path / "t", f'base = "{YEARBOOK}"\n[robust]\nchapter = false\n')
    assert not [name for name in evidence_of(result, quiet).makers if name.startswith("robust")]
    for language in LANGUAGES:
        whole = made(result, language, theme=quiet)
        assert TITLE[language] not in chapters(whole)
        assert codes(whole) == []
        for kind, subject in (("executive", ""), ("city", "110000")):
            text = text_of(made(result, language, kind, subject, quiet))
            assert "抽样误差" not in text
            assert "sampling error" not in text


def test_a_theme_says_how_often_is_drawn_at_most(tmp_path: Path) -> None:
    theme = own_theme(tmp_path / "t", f'base = "{YEARBOOK}"\n[robust]\nreplications = 200\nsamples = 0\n')
    document = made(result_of(YEARBOOK), "zh", theme=theme)
    assert paragraph(document, "共模拟200次")
    assert paragraph(document, "模拟次数尚嫌不足")
    assert not {"influence", "one-at-a-time"} & set(own_charts(document))
    assert "名次取决于什么" not in text_of(document)


# --- when there is nothing to tell -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"units__csv": many_units(1), "observations__csv": many_facts(1)}, "chapter.few-ranked"),
        ({"framework__csv": FLAT, "observations__csv": many_facts(12, "a")}, "chapter.nothing-varies"),
        ({"robust__toml": "n = 0\n"}, "robust.bad-value"),
        ({"robust__toml": '[[factor]]\nweights = { share = 0.2, codes = ["X"] }\n'}, "robust.unknown-code"),
    ],
)
def test_what_stands_in_the_way_is_told_and_the_rest_of_the_report_is_written(
    workspace: Callable[..., Path], tmp_path: Path, files: dict[str, str], code: str
) -> None:
    result = assessed(workspace, **twelve(**files))
    for language in LANGUAGES:
        document = made(result, language)
        assert TITLE[language] not in chapters(document)
        assert codes(document) == [code]
        assert document.left_out[0].text(language) in text_of(document)  # in the annex
    assert made(result, "en", "executive")
    order = Order("executive", ("en",), ("html",), date=DATE)
    write_reports(order.jobs(result, themed(result)), tmp_path / "out")
    record = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["citygauge-report"]
    assert [reason["code"] for reason in record["executive.en.html"]["left_out"]] == [code]


def test_nothing_is_told_to_be_left_out_where_nothing_is(tmp_path: Path) -> None:
    order = Order("executive", ("en",), ("html",), date=DATE)
    write_reports(order.jobs(result_of(YEARBOOK), theme_of(YEARBOOK)), tmp_path / "out")
    record = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["citygauge-report"]
    assert "left_out" not in record["executive.en.html"]


# --- other data, other words -------------------------------------------------------------------------------

SURE = "unit,indicator,period,value\n" + "".join(
    f"{i},{code},2023,{value}\n"
    for i in range(1, 13)
    for code, value in (("a", 8 * i), ("b", 10 - i / 2), ("c", 8 * i))
)
SETTINGS = """\
n = 500
samples = 256
[[factor]]
key = "normalise.how"
values = ["goalposts", "minmax"]
[[factor]]
key = "aggregate.how"
values = ["arithmetic", "geometric"]
[[factor]]
weights = { concentration = 50.0, codes = ["P", "Q"] }
[[factor]]
leave_out = { level = 2 }
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_units_that_are_ahead_in_everything_have_one_rank_each(
    workspace: Callable[..., Path], language: Language
) -> None:
    """A unit that is best in every indicator is first whatever the weights."""
    result = assessed(workspace, **twelve(observations__csv=SURE))
    document = made(result, language)
    if language == "zh":
        assert paragraph(document, "12个的区间两端相差不超过3位，名次总体上较为可靠")
        assert paragraph(document, "各城市的区间一样宽，两端为同一名次")
        assert paragraph(document, "无论哪个一级指标的权重单独怎样变动，首位都不变")
    else:
        assert paragraph(document, "12 have an interval", "the ranking is reliable on the whole")
        assert paragraph(document, "All intervals are equally wide: a single rank each")
        assert paragraph(document, "The first place stays the same however the weight")
    assert not {"influence", "one-at-a-time"} & set(own_charts(document))  # nothing depends on anything


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_factor_is_told_in_words(workspace: Callable[..., Path], language: Language) -> None:
    document = made(assessed(workspace, **twelve(robust__toml=SETTINGS)), language)
    wanted = {
        "zh": (("归一化方法：", "goalposts和minmax"), ("合成方法：", "2种设置"), ("的权重：", "集中度为50"),
               ("二级指标的取舍：", "去掉其中一项")),
        "en": (("Method of normalisation: ", "goalposts and minmax"), ("Weights of ", "concentration 50"),
               ("Method of aggregation: ", "2 settings"), ("Leaving out of the ", "one of them is left out")),
    }  # fmt: skip
    for parts in wanted[language]:
        assert paragraph(document, *parts)
    rows = next(figure for figure in document.figures if figure.key == "one-at-a-time").rows
    assert any("geometric" in str(row["described"]) for row in rows)


def test_factors_of_one_name_are_told_apart_by_their_keys(workspace: Callable[..., Path]) -> None:
    spec = "n = 200\nsamples = 64\n" + "".join(
        f'[[factor]]\nname = "{name}"\nweights = {{ share = {share} }}\n'
        for name, share in (("narrow", 0.1), ("wide", 0.5))
    )
    text = text_of(made(assessed(workspace, **twelve(robust__toml=spec)), "zh"))
    assert "全部节点的权重（narrow）" in text
    assert "全部节点的权重（wide）" in text


def test_factors_that_depend_on_each_other_share_their_influence(workspace: Callable[..., Path]) -> None:
    """Rubrics need tables of points that these indicators lack, so that one combination cannot run."""
    spec = """\
n = 500
samples = 256
impossible = "leave_out"
[[factor]]
key = "normalise.how"
values = ["minmax", "zscore"]
[[factor]]
key = "aggregate.how"
values = ["arithmetic", "geometric"]
"""
    result = assessed(workspace, **twelve(robust__toml=spec))
    document = made(result, "en")
    lines = evidence_of(result, themed(result)).lines("robust_effects")
    assert lines, "geometric means of z-scores cannot be"
    assert paragraph(document, "Shapley effects share out")
    figure = next(figure for figure in document.figures if figure.key == "influence")
    assert [row["value"] for row in figure.rows] == [line.raw("effect") for line in lines]


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_many_units_the_first_are_shown_and_that_is_said(
    workspace: Callable[..., Path], language: Language
) -> None:
    files = {"units__csv": many_units(75), "observations__csv": many_facts(75), "method__toml": METHOD}
    document = made(assessed(workspace, **files), language)
    figure = next(figure for figure in document.figures if figure.key == "rank-intervals")
    assert len(figure.rows) == 60
    ranks = [row["published"] for row in figure.rows]
    assert ranks == sorted(ranks)
    assert plain(figure.caption) == {
        "zh": "名次居前的60个城市的名次区间", "en": "Intervals of the ranks of the first 60 cities"
    }[language]  # fmt: skip
    assert "pairs" not in own_charts(document)


def test_units_without_a_rank_are_neither_counted_nor_told(workspace: Callable[..., Path]) -> None:
    facts = "".join(line for line in many_facts(12).splitlines(True) if not line.startswith("12,"))
    result = assessed(workspace, **twelve(observations__csv=facts))
    document = made(result, "zh")
    assert result.ranks[:, 0].tolist().count(0) == 1
    assert paragraph(document, "在11个城市中")
    city = made(result, "zh", "city", "1")
    assert paragraph(city, "名次有多确定")


def test_two_reports_are_alike(workspace: Callable[..., Path]) -> None:
    files = twelve(robust__toml="seed = 5\nn = 300\nsamples = 128\n")
    result = assessed(workspace, **files)
    assert made(result, "zh").blocks == made(result, "zh").blocks


# --- words as data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("narrow", "word"),
    [(0, "loose"), (3, "loose"), (4, "partly"), (8, "partly"), (9, "firm"), (12, "firm")],
)
def test_the_verdict_goes_by_the_share_of_narrow_intervals(narrow: int, word: str) -> None:
    told = {
        "zh": {"firm": "较为可靠", "partly": "可靠程度不一", "loose": "不宜作精确解读"},
        "en": {"firm": "reliable on the whole", "partly": "others are not", "loose": "should not be read"},
    }
    for language in LANGUAGES:
        words = Words(language, Wording(), 1.0)
        found = words.reliability(Number(narrow, "", "count"), Number(12, "", "count"))
        assert told[language][word] in found


def test_of_a_handful_of_units_no_verdict_is_given(workspace: Callable[..., Path]) -> None:
    """An interval of three ranks among five says nothing."""
    for count, is_told in ((7, False), (8, True)):
        files = {"units__csv": many_units(count), "observations__csv": many_facts(count)}
        text = text_of(made(assessed(workspace, **twelve(**files)), "zh", "executive"))
        assert f"{count}个城市中，" in text
        assert ("名次总体上较为可靠" in text) is is_told


def test_thresholds_of_the_verdict_must_rise() -> None:
    with pytest.raises(ValueError, match="loose < firm"):
        Wording(loose=0.8)


def test_a_theme_moves_the_thresholds(tmp_path: Path) -> None:
    strict = 'base = "smart-2021"\n[wording]\nnarrow = 0.5\nunsteady = 0.35\n'
    theme = own_theme(tmp_path / "t", strict)
    document = made(result_of(SMART), "zh", theme=theme, evidence=evidence_for(SMART))
    assert paragraph(document, "0个的区间两端相差不超过0.5位", "多数名次不宜作精确解读")
    rows = evidence_for(SMART).table("robust_units")
    open_grades = rows.filter(rows["p_other"].round(3) > 0.35).height
    assert open_grades == 1
    assert paragraph(document, "有1个改变等级的概率超过35%")


def test_the_surest_and_the_most_open_are_those_whose_printed_widths_are_least_and_largest() -> None:
    for demo in (SMART, YEARBOOK):
        sure = Sureness(Material(result_of(demo), theme_of(demo), evidence_for(demo), "en"))
        widths = {line.raw("unit_code"): line.rank_width.text for line in sure.units}
        least, most = (str(f(map(float, widths.values()))).removesuffix(".0") for f in (min, max))
        assert {line.raw("unit_code") for line in sure.surest} == {u for u, w in widths.items() if w == least}
        assert {line.raw("unit_code") for line in sure.openest} == {u for u, w in widths.items() if w == most}


# --- what is not told --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_grades_alone_the_chapter_counts_and_names_nobody(
    workspace: Callable[..., Path], tmp_path: Path, language: Language
) -> None:
    theme = own_theme(tmp_path / "t", 'name = { zh = "甲", en = "A" }\n[disclose]\nunits = "grades"\n')
    result = assessed(workspace, **twelve(method__toml=METHOD + GRADED))
    document = made(result, language, theme=theme)
    assert own_charts(document) == ["influence", "one-at-a-time"]
    text = text_of(document)
    part = text[text.index(TITLE[language], 1) :].split(
        {"zh": "发展建议", "en": "Recommendations"}[language]
    )[0]
    assert not [name for name in result.units.names(language) if f"{name}（" in part or f"{name} (" in part]
    grid = next(grid for grid in document.grids if grid.key == "weight-stability")
    assert not {"首位不变", "First place stays"} & {column.head for column in grid.columns}


def test_on_illustrative_data_units_have_neutral_names_and_the_notice(workspace: Callable[..., Path]) -> None:
    result = assessed(workspace, **twelve(assessment__toml=ILLUSTRATIVE, method__toml=METHOD + GRADED))
    document = made(result, "en")
    assert document.notice
    for figure in document.figures:
        if figure.key in CHARTS[:4]:
            assert all(str(row["label"]).startswith("Illustrative city") for row in figure.rows)
            shares = [v for row in figure.rows for v in row.values() if isinstance(v, float)]
            assert all(value == round(value, result.decimals) for value in shares)
