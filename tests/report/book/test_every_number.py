"""Every number of a report comes from somewhere, and is what an own computation gives."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from own_figures import Own, expected, moran, neighbours
from report_samples import (
    CITIES,
    DEMOS,
    DIGIT,
    LANGUAGES,
    SMART,
    YEARBOOK,
    all_reports,
    bounds,
    evidence_for,
    lines_of,
    number,
    report,
    result_of,
    text_of,
    theme_of,
)  # fmt: skip

from citygauge.report.book.document import Bound, Cards, Figure, Grid, Heading, Reference, Text

RANDOM = ("spatial|p_permutation", "robust_indices|total_effect", "edge|grades|edge|grade=pioneering")
UNITS = {"zh": 1.0, "en": 0.1}  # 亿元 and billion yuan


@cache
def own(demo: str) -> Own:
    return Own(demo, result_of(demo), theme_of(demo))


@pytest.mark.parametrize("demo", DEMOS)
def test_outside_what_is_bound_a_report_has_no_digit(demo: str) -> None:
    count = 0
    for document in all_reports(demo):
        for where, spans in lines_of(document):
            for span in spans:
                assert isinstance(span, Bound | Reference | Text)
                count += isinstance(span, Bound)
                if isinstance(span, Text) and "审图号" not in span.text:
                    assert not DIGIT.search(span.text), (where, span.text)
        for block in document.blocks:
            plain = [card.label for card in block.cards] if isinstance(block, Cards) else []
            plain += [column.head for column in block.columns] if isinstance(block, Grid) else []
            assert not [text for text in plain if DIGIT.search(text)]
    assert count > 5000


@pytest.mark.parametrize("demo", DEMOS)
def test_every_number_and_every_name_is_what_an_own_computation_gives(demo: str) -> None:
    checked, wrong = Counter[str](), set[tuple[str, str, str, str]]()
    for document in all_reports(demo):
        for _, bound in bounds(document):
            kind = bound.source.split("|")[0]
            if bound.source.startswith(RANDOM):
                continue  # random numbers, and an edge of two grades; see below
            should = expected(own(demo), document, bound)  # KeyError: a figure that nothing here computes
            checked[kind.split(":")[0]] += 1
            if bound.text != should:
                wrong.add((document.language, bound.source, bound.text, should))
    assert not wrong, (len(wrong), sorted(wrong)[:10])
    main = {
        "describe",
        "groups",
        "ranking",
        "scores",
        "weights",
        "relation",
        "counts",
        "against",
        "standings",
        "robust_units",
        "robust_weights",
        "robust_run",
        "factor",
    }
    main |= {"grades", "layers", "paths", "fact", "next"} if demo == SMART else {"balance", "bin", "rows"}
    assert main <= checked.keys(), main - checked.keys()


@pytest.mark.parametrize("demo", DEMOS)
def test_every_source_is_a_cell_of_the_evidence_with_the_value_that_was_rounded(demo: str) -> None:
    evidence = evidence_for(demo)
    for document in all_reports(demo):
        if document.kind in ("city",):
            continue  # its tables hang on the city; their values are held against an own computation
        for where, bound in bounds(document):
            table, *rest = bound.source.split("|")
            if table not in evidence or len(rest) != 2:
                continue
            rows = [line for line in evidence.lines(table) if line.where == rest[1]]
            assert len(rows) == 1, (where, bound)
            value = rows[0].raw(rest[0])
            kept = [None if value is None else pytest.approx(value, rel=1e-12)]
            if value is not None and result_of(demo).illustrative:  # no more digits need be kept than printed
                kept.append(pytest.approx(0.0 if bound.text.startswith("<") else number(bound.text)))
            assert bound.value in kept, bound


def test_the_chance_of_a_spatial_pattern_is_near_that_of_another_permutation_test() -> None:
    """The share of other rearrangements that lie at least as far from the mean of all of them."""
    for demo in DEMOS:
        this, random = own(demo), np.random.default_rng(1)
        near, x = neighbours(this.numbers("lat"), this.numbers("lon")), this.scores(this.root)
        off = np.array([moran(random.permutation(x), near) for _ in range(4000)])
        chance = float((abs(off - off.mean()) >= abs(moran(x, near) - off.mean())).mean())
        told = [b for _, b in bounds(report(demo, "en")) if b.source.startswith("spatial|p_permutation")]
        assert told
        assert all(float(b.text.removeprefix("=")) == pytest.approx(chance, abs=0.04) for b in told)


@pytest.mark.parametrize("demo", DEMOS)
def test_the_influence_of_each_factor_is_near_that_of_another_estimate_on_other_random_numbers(
    demo: str,
) -> None:
    told = {
        b.source: float(b.text) for _, b in bounds(report(demo, "zh")) if b.source.startswith("robust_ind")
    }
    should = own(demo).robust.total_effects()
    assert len(told) >= len(should) >= 2
    for level, effect in should.items():
        source = f"robust_indices|total_effect|factor=weights.{level}"
        assert told[source] == pytest.approx(effect, abs=0.07)  # three standard errors of the difference


def test_the_edges_of_the_grades_are_printed_best_first() -> None:
    for language, wanted in (
        ("zh", ["0.85及以上", "0.70—0.85", "低于0.70"]), ("en", ["0.85 and above", "0.70–0.85", "below 0.70"])
    ):  # fmt: skip
        grid = next(g for g in report(SMART, language).grids if g.key == "grades")
        assert [row[1].spans[0].text for row in grid.rows if row[1]] == wanted


@pytest.mark.parametrize("demo", DEMOS)
def test_both_languages_tell_the_same_figures(demo: str) -> None:
    """All but amounts of money, which are counted in other units, and the count of a list's rows."""
    for kind in ("full", "executive", "city", "grade"):
        subjects = CITIES[demo] if kind == "city" else ("pioneering",) if kind == "grade" else ("",)
        if kind == "grade" and demo == YEARBOOK:
            continue
        for subject in subjects:
            told = [
                {b.source: b.text for _, b in bounds(report(demo, language, kind, subject))
                 if isinstance(b.value, int | float) and not b.source.startswith("fact")}
                for language in LANGUAGES
            ]  # fmt: skip
            one, other = told
            assert {k: v for k, v in one.items() if k in other} == {
                k: v for k, v in other.items() if k in one
            }
            assert len(one.keys() & other.keys()) > 0.95 * len(one.keys() | other.keys()), (kind, subject)


@pytest.mark.parametrize("demo", DEMOS)
def test_figures_and_tables_of_both_languages_are_the_same_in_the_same_order(demo: str) -> None:
    for kind in ("full", "executive"):
        keys = [
            [(b.key, b.number) for b in report(demo, language, kind).blocks if isinstance(b, Figure | Grid)]
            for language in LANGUAGES
        ]
        assert keys[0] == keys[1]
        heads = [
            [(b.level, re.sub("第|章|附录|Annex ", "", b.number)) for b in report(demo, language, kind).blocks
             if isinstance(b, Heading)]
            for language in LANGUAGES
        ]  # fmt: skip
        assert heads[0] == heads[1]


def test_the_largest_gain_is_told_as_the_figure_beside_it_shows_it() -> None:
    for subject in CITIES[SMART][1:]:
        document = report(SMART, "en", "city", subject)
        figure = next(figure for figure in document.figures if figure.key == "gains")
        shown = str(figure.rows[0]["described"]).split(": ")[-1]
        told = [b.text for _, b in bounds(document) if b.source.startswith("next|gain_to_next_mean")]
        assert told
        assert set(told) == {shown}


@pytest.mark.parametrize("demo", DEMOS)
def test_no_sign_of_a_template_is_left_in_a_report(demo: str) -> None:
    for document in all_reports(demo):
        text = text_of(document)
        found = re.findall(
            r"\{\{|\}\}|\{%|\bNone\b(?! of| lies)|Undefined|\bnan\b|Name\(|Number\(|&\w+;|&#|  ", text
        )
        assert not found, (document.kind, document.language, found)
        assert not [char for char in text if ord(char) >= 0xF0000]
