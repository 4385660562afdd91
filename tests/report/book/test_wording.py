"""Words agree with the figures beside them: comparison, evenness, relation, highest and lowest, order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_figures import Own, half_up
from report_samples import (
    CITIES,
    DEMOS,
    LANGUAGES,
    SMART,
    YEARBOOK,
    all_reports,
    column_of,
    line_with,
    lines_of,
    number,
    report,
    result_of,
    theme_of,
    told_means,
    words_of,
)  # fmt: skip
from scipy import stats

from citygauge.problems import Language
from citygauge.report.book.document import Bound, Document, Spans, Text
from citygauge.report.book.numbers import Number
from citygauge.report.book.thresholds import Wording
from citygauge.report.book.wording import Words

WIDTH = {SMART: 1.0, YEARBOOK: 100.0}
# From which part of the range on a word is used; both themes keep what the guide to themes tells.
NEAR, FAR, EVEN, UNEVEN, WEAK, STRONG, CHANCE = 0.03, 0.10, 0.15, 0.20, 0.3, 0.7, 0.05
COMPARED = {
    "zh": {"明显高于": 3, "高于": 2, "略高于": 1, "等于": 0, "略低于": -1, "低于": -2, "明显低于": -3},
    "en": {
        "is clearly above": 3, "is above": 2, "is slightly above": 1, "equals": 0, "is slightly below": -1,
        "is below": -2, "is clearly below": -3,
    },
}  # fmt: skip
SPREAD = {
    "zh": {"较为均衡": "even", "存在一定差异": "middle", "差异较大": "uneven"},
    "en": {"fairly even": "even", "somewhat uneven": "middle", "uneven": "uneven"},
}
LINKS = {
    "zh": {"未见明显的线性相关": 0, "呈正相关": 1, "呈负相关": -1, "呈较强的正相关": 2, "呈较强的负相关": -2},
    "en": {
        "no clear correlation": 0, "a positive correlation": 1, "a negative correlation": -1,
        "a strong positive correlation": 2, "a strong negative correlation": -2,
    },
}  # fmt: skip
STOP = re.compile(r"[。；;]|\. ")
OVERALL = {"zh": "总体", "en": ("the overall mean", "it")}


def own(demo: str) -> Own:
    return Own(demo, result_of(demo), theme_of(demo))


def pattern(words: Any) -> re.Pattern[str]:
    longest = sorted(words, key=len, reverse=True)
    return re.compile(
        "(?<!不)(?<![\\w“])(" + "|".join(longest) + ")"
        if longest[0].isascii()
        else f"(?<!不)({'|'.join(longest)})"
    )


def scored(span: object) -> bool:
    return column_of(span) in ("mean", "value", "mean_all", "mean_peers", "mean_region")


def place(one: float, other: float, width: float) -> int:
    """Return how one printed figure lies to another: 3 far above … -3 far below."""
    apart = Decimal(str(one)) - Decimal(str(other))
    size = abs(apart) / Decimal(str(width))
    step = 0 if not apart else 1 if size <= Decimal(str(NEAR)) else 3 if size >= Decimal(str(FAR)) else 2
    return step if apart >= 0 else -step


def mean_of(demo: str, code: str) -> float:
    this = own(demo)
    return float(half_up(this.mean(code), this.theme.decimals or 0))


def claims(demo: str, document: Document) -> Iterator[tuple[str, str, float, float]]:
    """Yield the comparisons of a report: where, the word, and the two figures as a reader has them."""
    this, language = own(demo), document.language
    for where, spans in lines_of(document):
        for i, span in enumerate(spans):
            if not isinstance(span, Text):
                continue
            for found in pattern(COMPARED[language]).finditer(span.text):
                before = [s for s in spans[:i] if scored(s)]
                after = span.text[found.end() :].strip()
                one, other = (number(before[-1].text) if before else None), None
                following = spans[i + 1] if i + 1 < len(spans) and not STOP.search(after) else None
                if after.startswith(("这一水平", "this level")):
                    key = f"against|value|unit_code={document.meta['subject']},code={this.root}"
                    other = one
                    one = next(number(s.text) for _, line in lines_of(document) for s in line
                               if isinstance(s, Bound) and s.source == key)  # fmt: skip
                elif scored(following):
                    other = number(following.text)
                elif after.startswith(OVERALL[language]):
                    other = mean_of(demo, this.root)
                elif isinstance(following, Bound) and following.source.removeprefix("name|") in this.codes:
                    other = mean_of(demo, following.source.removeprefix("name|"))
                if one is not None and other is not None:
                    yield where, found[1], one, other


@pytest.mark.parametrize("demo", DEMOS)
def test_words_of_comparison_agree_with_the_figures_that_they_compare(demo: str) -> None:
    for document in all_reports(demo):
        told = list(claims(demo, document))
        for where, word, one, other in told:
            assert COMPARED[document.language][word] == place(one, other, WIDTH[demo]), (
                where,
                word,
                one,
                other,
            )
        least = {"full": 8, "city": 1, "grade": 1, "executive": 0}[document.kind]
        assert len(told) >= least, (document.kind, document.language, document.meta["subject"])


def spreads(spans: Spans, language: Language, this: Own) -> Iterator[tuple[str, float]]:
    """Yield what is called even or uneven in a line, with its standard deviation as a share of nothing."""
    for i, span in enumerate(spans):
        if not isinstance(span, Text):
            continue
        for found in pattern(SPREAD[language]).finditer(span.text):
            after = span.text[found.end() :]
            following = spans[i + 1] if i + 1 < len(spans) and not STOP.search(after) else None
            before = [s for s in spans[:i] if column_of(s) == "sd"]
            head = span.text[: found.start()]
            if column_of(following) == "sd" and isinstance(following, Bound):
                yield found[1], number(following.text)
            elif "得分在" in head or "scores of the pillar" in head:
                name = next(s for s in spans if isinstance(s, Bound) and s.source.startswith("name|"))
                sd = float(np.nanstd(this.scores(name.source.removeprefix("name|")), ddof=1))
                yield found[1], float(half_up(sd, this.theme.decimals or 0))
            elif before:
                yield found[1], number(before[-1].text)


@pytest.mark.parametrize("demo", DEMOS)
def test_words_of_evenness_agree_with_the_standard_deviation(demo: str) -> None:
    this = own(demo)
    for document in all_reports(demo):
        told = [each for _, spans in lines_of(document) for each in spreads(spans, document.language, this)]
        for word, sd in told:
            share = Decimal(str(sd)) / Decimal(str(WIDTH[demo]))
            is_even, is_uneven = share <= Decimal(str(EVEN)), share >= Decimal(str(UNEVEN))
            wanted = "even" if is_even else "uneven" if is_uneven else "middle"
            assert SPREAD[document.language][word] == wanted, (word, sd)
        assert len(told) >= (8 if document.kind == "full" else document.kind == "executive")


@pytest.mark.parametrize("demo", DEMOS)
def test_words_of_relation_agree_with_the_coefficient_and_its_chance(demo: str) -> None:
    this = own(demo)
    sizes = np.log(this.numbers(this.theme.groups["size"].attribute))
    for document in all_reports(demo):
        told = 0
        for _, spans in lines_of(document):
            for i, span in enumerate(spans):
                for found in pattern(LINKS[document.language]).finditer(span.text):
                    figure = next((s for s in spans[i:] if column_of(s) == "pearson"), None)
                    if not isinstance(figure, Bound):
                        continue
                    key = dict(part.split("=") for part in figure.source.split("|")[2].split(","))
                    x, y = (
                        (this.layer(key["start"]), this.layer(key["end"]))
                        if "start" in key
                        else (sizes, this.scores(key["code"]))
                    )
                    r, p = number(figure.text), stats.pearsonr(x, y).pvalue
                    size = 0 if abs(r) < WEAK or round(p, 3) > CHANCE else 2 if abs(r) >= STRONG else 1
                    assert LINKS[document.language][found[1]] == size * np.sign(r)
                    told += 1
        assert told == {"full": 4 if demo == SMART else 1, "executive": 1}.get(document.kind, 0)


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_called_significant_has_a_small_chance(demo: str, language: Language) -> None:
    told = 0
    for _, spans in lines_of(report(demo, language)):
        for i, span in enumerate(spans):
            if column_of(span) != "welch_p":
                continue
            words = "".join(s.text for s in spans[max(0, i - 1) : i])
            is_significant = "不显著" not in words and "not statistically" not in words
            assert is_significant == (span.text.startswith("<") or number(span.text) <= CHANCE)
            told += 1
    assert told == 2


def names_in(spans: Spans, known: Any) -> list[str]:
    codes = [s.source.removeprefix("name|") for s in spans if isinstance(s, Bound)]
    return [code for code in codes if code in known]


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_pillars_are_told_from_the_highest_to_the_lowest(demo: str, language: Language) -> None:
    this = own(demo)
    spans = line_with(report(demo, language), "pillars", "mean")
    told = told_means(spans)
    assert set(told) == set(this.pillars)
    assert list(told.values()) == sorted(told.values(), reverse=True)
    names = names_in(spans, this.pillars)
    best, last = (pick(this.pillars, key=this.mean) for pick in (max, min))
    assert names[0] == best
    assert last in names[-2:]
    high = re.search("最高|highest", words_of(spans))
    low = re.search("最低|lowest", words_of(spans))
    assert high
    assert low
    assert high.start() < low.start()


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_parts_of_a_pillar_are_told_from_the_highest_down_with_the_evenest_or_the_unevenest(
    demo: str, language: Language
) -> None:
    this, seen = own(demo), 0
    document = report(demo, language)
    for figure in document.figures:
        if not figure.key.startswith("node-columns-"):
            continue
        pillar = figure.key.removeprefix("node-columns-")
        spans = line_with(document, figure.key, "mean")
        children = this.children(pillar)
        told = {code: mean for code, mean in told_means(spans).items() if code in children}
        best = sorted((mean_of(demo, child) for child in children), reverse=True)
        assert list(told.values()) == best[: len(told)]
        sds = {s.source.split("code=")[1]: number(s.text) for s in spans if column_of(s) == "sd"}
        text = words_of(spans)
        printed = {c: float(half_up(this.value("describe", "sd", {"code": c}) or 0, this.theme.decimals or 0))
                   for c in children}  # fmt: skip
        for sign, pick in (("最大|largest", max), ("最小|最为均衡|smallest", min)):
            if re.search(sign, text):
                (child,) = sds.keys() & set(children)
                assert sds[child] == pick(printed.values())
                seen += 1
    assert seen


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_widest_gap_is_between_the_children_with_the_highest_and_the_lowest_mean(
    demo: str, language: Language
) -> None:
    this = own(demo)
    spans = next(s for _, s in lines_of(report(demo, language)) if "highest_mean" in map(column_of, s))
    pillar = next(s.source for s in spans if column_of(s) == "highest_mean").split("code=")[1]
    children = this.children(pillar)
    ends = [pick(children, key=this.mean) for pick in (max, min)]
    assert set(ends) <= set(names_in(spans, children))
    if demo == YEARBOOK:  # which pillar it is, the theme does not say
        assert pillar == max(
            this.pillars, key=lambda code: np.ptp([this.mean(c) for c in this.children(code)])
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_leaders_are_told_in_the_order_of_their_scores(language: Language) -> None:
    this = own(YEARBOOK)
    labels = result_of(YEARBOOK).row_labels
    document, seen = report(YEARBOOK, language), 0
    for _, spans in lines_of(document):
        names = names_in(spans, labels)
        if len(names) < 6 or not isinstance(spans[0], Bound | Text) or "grade" in words_of(spans):
            continue
        pillar = names_in(spans, this.pillars)
        code = pillar[0] if pillar else this.root
        order = sorted(labels, key=lambda unit: (this.rank(unit, code), unit))
        told = list(dict.fromkeys(names))
        assert told == order[: len(told)], (code, words_of(spans))
        seen += 1
    assert seen >= 3  # of the index and of the pillars above the mean


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_weakest_nodes_are_told_from_the_lowest_up(demo: str, language: Language) -> None:
    this = own(demo)
    nodes = [child for pillar in this.pillars for child in this.children(pillar)]
    limit = mean_of(demo, this.root)
    below = sorted(mean_of(demo, c) for c in nodes if mean_of(demo, c) < limit)
    spans = line_with(report(demo, language), "means")
    told = [mean_of(demo, code) for code in names_in(spans, nodes)]
    assert told == below[: len(told)]
    assert len(told) == (len(below) if len(below) <= 8 else 8)


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_recommendations_are_those_that_the_figures_fire(demo: str, language: Language) -> None:
    this, theme = own(demo), theme_of(demo)
    limit, places = mean_of(demo, this.root), theme.decimals or 0
    wanted = set()
    for rule in theme.advice:
        for code in rule.codes:
            sd = float(half_up(float(np.nanstd(this.scores(code), ddof=1)), places)) / WIDTH[demo]
            if mean_of(demo, code) < limit if rule.when == "weak" else sd >= UNEVEN:
                wanted.add(rule.text[language])
    told = {words_of(spans) for _, spans in lines_of(report(demo, language))}
    assert {rule.text[language] for rule in theme.advice if rule.text[language] in told} == wanted


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_city_is_told_its_strengths_and_weaknesses_in_order(demo: str, language: Language) -> None:
    this = own(demo)
    nodes = [child for pillar in this.pillars for child in this.children(pillar)]
    for unit in CITIES[demo]:
        z = {c: (this.of(unit, c) - this.mean(c)) / np.nanstd(this.scores(c), ddof=1) for c in nodes}
        known = {c: value for c, value in z.items() if not np.isnan(value)}
        lists = [
            names_in(spans, nodes)
            for where, spans in lines_of(report(demo, language, "city", unit))
            if len([s for s in spans if s and column_of(s) == "rank"]) > 2 and "caption" not in where
        ]
        order = sorted(known, key=lambda c: -known[c])
        up = [c for c in order if self_print(demo, known[c], this, unit, c) > 0][:5]
        down = [c for c in reversed(order) if self_print(demo, known[c], this, unit, c) < 0][:5]
        assert lists == [each for each in (up, down) if len(each) > 2], unit


def self_print(demo: str, z: float, this: Own, unit: str, code: str) -> float:
    """Return the difference from the mean as the table of the city prints it."""
    return float(half_up(this.of(unit, code) - this.mean(code), this.theme.decimals or 0).replace("−", "-"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_widest_gap_of_a_city_to_the_first_is_named(language: Language) -> None:
    for demo in DEMOS:
        this = own(demo)
        for unit in CITIES[demo][1:]:
            parts = this.leader_parts(unit)
            spans = line_with(report(demo, language, "city", unit), "leader")
            assert names_in(spans, this.pillars) == [min(parts, key=parts.__getitem__)]


# --- the rules themselves ----------------------------------------------------------------------------------

RULES = Wording()
figures = st.integers(-2000, 2000).map(lambda n: Number(n / 1000, "", "score", 2))
widths = st.sampled_from([1.0, 0.5, 3.7, 100.0])
OPPOSITE = {
    "zh": {"明显高于": "明显低于", "高于": "低于", "略高于": "略低于", "等于": "等于"},
    "en": {
        "is clearly above": "is clearly below", "is above": "is below",
        "is slightly above": "is slightly below", "equals": "equals",
    },
}  # fmt: skip


@given(one=figures, other=figures, width=widths, language=st.sampled_from(LANGUAGES))
def test_turning_a_comparison_round_gives_the_opposite_word(
    one: Number, other: Number, width: float, language: Language
) -> None:
    words, opposite = Words(language, RULES, width), OPPOSITE[language]
    there, back = words.compare(one, other), words.compare(other, one)
    assert (opposite | {b: a for a, b in opposite.items()})[there] == back


@given(one=figures, other=figures, width=widths, language=st.sampled_from(LANGUAGES))
def test_the_word_is_the_one_that_the_prints_and_the_thresholds_give(
    one: Number, other: Number, width: float, language: Language
) -> None:
    words = Words(language, RULES, width)
    apart = abs(Decimal(str(one.printed)) - Decimal(str(other.printed))) / Decimal(str(width))
    edges = (Decimal(str(NEAR)), Decimal(str(FAR)))
    if not any(abs(apart - edge) < Decimal("1e-9") and apart != edge for edge in edges):
        assert COMPARED[language][words.compare(one, other)] == place(one.printed, other.printed, width)


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [
        (0.53, 0.50, "略高于"), (0.54, 0.50, "高于"), (0.59, 0.50, "高于"), (0.60, 0.50, "明显高于"),
        (0.47, 0.50, "略低于"), (0.46, 0.50, "低于"), (0.40, 0.50, "明显低于"), (0.504, 0.496, "等于"),
        (0.8, 0.7, "明显高于"), (0.33, 0.3, "略高于"), (0.73, 0.70, "略高于"), (0.70, 0.60, "明显高于"),
    ],
)  # fmt: skip
def test_an_edge_belongs_to_the_word_that_the_guide_says(one: float, other: float, word: str) -> None:
    """No further apart than 3 % is slightly, 10 % and more is clearly; binary fractions do not matter."""
    words = Words("zh", RULES, 1.0)
    assert words.compare(Number(one, "", "score", 2), Number(other, "", "score", 2)) == word


def at_edge(width: float, share: float) -> Number:
    """Return a figure that lies at a share of a range, in decimals exactly."""
    return Number(float(Decimal(str(width)) * Decimal(str(share))), "", "score", 6)


@pytest.mark.parametrize("width", [1.0, 10.0, 100.0])
def test_an_edge_is_the_same_on_the_usual_ranges(width: float) -> None:
    words, zero = Words("zh", RULES, width), Number(0.0, "", "score", 6)
    assert words.compare(at_edge(width, NEAR), zero) == "略高于"
    assert words.compare(at_edge(width, FAR), zero) == "明显高于"
    assert words.spread_class(at_edge(width, EVEN)) == "even"
    assert words.spread_class(at_edge(width, UNEVEN)) == "uneven"


@pytest.mark.parametrize(
    ("width", "share", "wanted"),
    [
        (0.7, NEAR, "略高于"), (9.0, NEAR, "略高于"), (3.0, FAR, "明显高于"), (7.0, FAR, "明显高于"),
        (9.0, EVEN, "even"), (3.0, UNEVEN, "uneven"), (7.0, UNEVEN, "uneven"),
    ],
)  # fmt: skip
def test_an_edge_is_the_same_whatever_the_range(width: float, share: float, wanted: str) -> None:
    words, at = Words("zh", RULES, width), at_edge(width, share)
    told = (
        words.spread_class(at) if share in (EVEN, UNEVEN) else words.compare(at, Number(0.0, "", "score", 6))
    )
    assert told == wanted


@given(value=st.floats(-1, 1), shift=st.floats(0, 0.0049))
def test_figures_that_print_alike_are_called_equal(value: float, shift: float) -> None:
    one, other = Number(value, "", "score", 2), Number(value + shift, "", "score", 2)
    if one.text == other.text:
        assert Words("en", RULES, 1.0).compare(one, other) == "equals"
        assert not one < other
        assert not one > other
    else:
        assert one < other


@given(sd=st.floats(0, 1), more=st.floats(0, 1))
def test_a_larger_spread_is_never_called_more_even(sd: float, more: float) -> None:
    order = ("even", "middle", "uneven")
    one, other = (Words("zh", RULES, 1.0).spread_class(Number(x, "", "score", 2)) for x in (sd, sd + more))
    assert order.index(one) <= order.index(other)


@given(r=st.floats(-1, 1), p=st.floats(0, 1))
def test_a_relation_has_the_sign_of_its_coefficient_and_none_where_chance_may_do(r: float, p: float) -> None:
    words = Words("en", RULES, 1.0)
    said = words.link(Number(r, "", "ratio"), Number(p, "", "p"))
    printed = float(f"{Number(r, '', 'ratio').printed:.2f}")
    if abs(printed) < WEAK or Number(p, "", "p").printed > CHANCE:
        assert said == "no clear correlation"
    else:
        assert ("negative" in said) == (printed < 0)
        assert ("strong" in said) == (abs(printed) >= STRONG)


def test_a_missing_figure_is_never_called_related_or_significant() -> None:
    words, none = Words("en", RULES, 1.0), Number(None, "", "p")
    assert words.link(Number(0.9, "", "ratio"), none) == "no clear correlation"
    assert words.link(Number(None, "", "ratio"), Number(0.0, "", "p")) == "no clear correlation"
    assert not words.is_significant(none)
