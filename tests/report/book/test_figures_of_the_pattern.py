"""Each figure and table of the report of 2021, the pattern of the SMART report, has its counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from report_samples import DEMOS, LANGUAGES, SMART, YEARBOOK, column, lines_of, number, report, result_of

from citygauge.problems import Language
from citygauge.report.book.document import Document, Figure, Grid, Heading, Reference, plain
from citygauge.report.book.figures import FIGURES, model, scores, units
from citygauge.report.book.grids import GRIDS

# Number in the report of 2021 → key in ours and what makes it. Table 3-2 and 3-13 are tables in both.
PATTERN: Mapping[str, tuple[str, Any]] = {
    "1-1": ("stages", model.stages),
    "1-2": ("architecture", model.architecture),
    "1-3": ("content", model.content),
    "2-1": ("layers", model.layers),
    "2-2": ("tree", model.tree),
    "2-3": ("weights", model.weights),
    "2-4": ("tree-T", model.tree),
    "2-5": ("tree-R", model.tree),
    "2-6": ("tree-A", model.tree),
    "2-7": ("tree-M", model.tree),
    "2-8": ("tree-S", model.tree),
    "3-1": ("objects", units.objects),
    "3-2": ("grades", "table"),
    "3-3": ("grade-shares", scores.grade_shares),
    "3-4": ("node-columns-M", scores.node_columns),
    "3-5": ("node-columns-T", scores.node_columns),
    "3-6": ("node-columns-A", scores.node_columns),
    "3-7": ("group-bars-size", scores.group_bars),
    "3-8": ("group-pillars-size", scores.group_pillars),
    "3-9": ("group-pillars-region", scores.group_pillars),
    "3-10": ("pillars", scores.pillars),
    "3-11": ("node-strip-T", scores.node_strip),
    "3-12": ("node-columns-S", scores.node_columns),
    "3-13": ("means", "table"),
    "3-14": ("node-columns-R", scores.node_columns),
    "3-15": ("leaf-bars-A", scores.leaf_bars),
    "A-1": ("index", "table"),
}
# What stands in the figures that show scores: the nodes, as rows of one label each.
SHOWN = {
    "3-4": ("M1", "M2"), "3-5": ("T1", "T2", "T3", "T4", "T5", "T6"), "3-6": ("A1", "A2", "A3", "A4"),
    "3-12": ("S1", "S2"), "3-14": ("R1", "R2"),
}  # fmt: skip
WORDS = {"zh": {"figure": "图", "table": "表"}, "en": {"figure": "Figure ", "table": "Table "}}
# Table 3-13 of the report: the mean of each dimension over its 50 cities, as printed there.
PRINTED = {
    "T1": 0.82, "T2": 0.89, "T3": 0.50, "T4": 0.38, "T5": 0.77, "T6": 0.67, "R1": 0.45, "R2": 0.48,
    "A1": 0.53, "A2": 0.80, "A3": 0.82, "A4": 0.72, "M1": 0.74, "M2": 0.83, "S1": 0.80, "S2": 0.63,
}  # fmt: skip
# Table 3-2: the cities of each grade in the printed order.
LISTED = {
    "leading": "北京、上海、杭州、广州、青岛、深圳、宁波、无锡",
    "pioneering": (
        "天津、重庆、武汉、成都、南京、济南、厦门、合肥、福州、苏州、温州、绍兴、金华、台州、烟台、临沂、东莞"
    ),
    "exploring": (
        "哈尔滨、沈阳、西安、长春、大连、石家庄、南昌、郑州、长沙、南宁、昆明、唐山、洛阳、徐州、常州、南通、"
        "盐城、扬州、泰州、嘉兴、漳州、泉州、潍坊、襄阳、佛山"
    ),
}


def placed(language: Language) -> dict[str, Figure | Grid]:
    document = report(SMART, language)
    return {block.number: block for block in document.blocks if isinstance(block, Figure | Grid)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", PATTERN)
def test_each_figure_and_table_of_the_pattern_has_its_counterpart(language: Language, place: str) -> None:
    key, maker = PATTERN[place]
    block = placed(language)[place]
    assert block.key == key
    name = next(name for name in (*FIGURES, *GRIDS) if key == name or key.startswith(f"{name}-"))
    if maker == "table":
        assert isinstance(block, Grid)
        assert name in GRIDS
        assert block.rows
    else:
        assert isinstance(block, Figure)
        name = max((name for name in FIGURES if key == name or key.startswith(f"{name}-")), key=len)
        assert FIGURES[name] is maker
        assert block.rows
    assert block.label == WORDS[language]["table" if maker == "table" else "figure"] + place
    assert plain(block.caption)
    assert plain(block.source)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chapters_are_those_of_the_pattern(language: Language) -> None:
    heads = [b for b in report(SMART, language).blocks if isinstance(b, Heading) and b.level < 3 and b.number]
    told = [block.number.strip("第章") for block in heads if not block.annex][:12]
    assert told[:5] == ["1", "1.1", "1.2", "2", "2.1"]
    numbers = [block.number for block in heads]
    assert ("附录A" if language == "zh" else "Annex A") in numbers
    assert {"3.1", "3.2", "3.3"} <= set(numbers)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", SHOWN)
def test_figures_of_scores_show_the_nodes_of_the_pattern_with_their_means(
    language: Language, place: str
) -> None:
    rows = placed(language)[place].rows
    result = result_of(SMART)
    told = {row["key"]: row["value"] for row in rows}
    assert set(told) == set(SHOWN[place])
    for code, value in told.items():
        assert value == pytest.approx(column(result, code).mean(), abs=0.005 + 1e-9)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_figure_of_indicators_shows_those_of_the_application_platforms_from_the_highest_down(
    language: Language,
) -> None:
    result = result_of(SMART)
    leaves = {c for c in result.framework.indicators if c[0] == "A"}
    rows = placed(language)["3-15"].rows
    assert {row["key"] for row in rows} == leaves
    means = [row["value"] for row in rows]
    printed = [round(mean, 2) for mean in means]
    assert printed == sorted(printed, reverse=True)
    assert means == pytest.approx([column(result, row["key"]).mean() for row in rows], abs=0.005 + 1e-9)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_means_shows_what_the_report_of_2021_printed(language: Language) -> None:
    grid = placed(language)["3-13"]
    assert isinstance(grid, Grid)
    framework = result_of(SMART).framework
    names = {framework[code].name[language]: code for code in PRINTED}
    told = {names[plain(row[1].spans)]: number(plain(row[2].spans)) for row in grid.rows if row[1] and row[2]}
    assert set(told) == set(PRINTED)
    for code, printed in PRINTED.items():
        assert told[code] == pytest.approx(printed, abs=0.005 + 1e-9), code


def test_the_table_of_grades_lists_the_cities_in_the_printed_order() -> None:
    grid = placed("zh")["3-2"]
    assert isinstance(grid, Grid)
    assert [plain(row[3].spans) for row in grid.rows if row[3]] == list(LISTED.values())
    assert [plain(row[2].spans) for row in grid.rows if row[2]] == ["8", "17", "25"]


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_and_table_is_referred_to_and_every_reference_leads_to_one(
    demo: str, language: Language
) -> None:
    for kind, subject in (("full", ""), ("city", result_of(demo).row_labels[3])):
        document: Document = report(demo, language, kind, subject)
        references = [s for _, spans in lines_of(document) for s in spans if isinstance(s, Reference)]
        labels = {block.key: block.label for block in (*document.figures, *document.grids)}
        assert all(labels[reference.to] == reference.text for reference in references)
        unseen = set(labels) - {reference.to for reference in references}
        # The leaders stand right below the sentence that is about them.
        assert not unseen - {"leaders", *({"ranking"} if demo == SMART else ())}, (kind, unseen)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_all_ranks_is_referred_to_on_illustrative_data_too(language: Language) -> None:
    lines = [spans for _, spans in lines_of(report(SMART, language))]
    assert "ranking" in {s.to for spans in lines for s in spans if isinstance(s, Reference)}


@pytest.mark.parametrize("demo", [SMART, YEARBOOK])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_figures_show_the_same_data_and_no_two_captions_are_alike(
    demo: str, language: Language
) -> None:
    """Two views of the same nodes are told apart by what they show: a spread, or a mean."""
    document = report(demo, language)
    captions = [plain(block.caption) for block in document.blocks if isinstance(block, Figure | Grid)]
    assert len(set(captions)) == len(captions)
    data = [repr([sorted(row.items()) for row in figure.rows]) for figure in document.figures if figure.rows]
    assert len(set(data)) == len(data)
    numbers = [b.number for b in document.blocks if isinstance(b, Figure | Grid)]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_without_rows_are_only_diagrams(language: Language) -> None:
    for demo in DEMOS:
        assert all(figure.rows for figure in report(demo, language).figures)


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_told_in_words_with_the_figures_that_it_shows(demo: str, language: Language) -> None:
    """For those who do not see it: the caption, then the rows; a figure that is cut off says how many."""
    for figure in report(demo, language).figures:
        caption = plain(figure.caption)
        assert caption in figure.alt
        for row in figure.rows[:12]:
            assert str(row.get("described", "")) in figure.alt, figure.key
        if len([row for row in figure.rows if row.get("described")]) > 12:
            assert str(len([row for row in figure.rows if row.get("described")])) in figure.alt
