"""Statements in words: those of the 2021 report by hand, and comparisons against brute force."""

from __future__ import annotations

import csv
from decimal import Decimal
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.findings import Finding
from citygauge.audit.published import ROOT, Grade, Kind, Line, Node, Published, Statement, Unit
from citygauge.audit.spans import distance, quotient
from citygauge.audit.statements import check

# Table 3-13 of the 2021 report.
PLATFORM = {"open": "0.53", "unity": "0.80", "security": "0.82", "effect": "0.72"}
OTHERS = {
    "network": "0.82", "things": "0.89", "cloud": "0.50", "terminals": "0.38", "innovation": "0.77",
    "industry": "0.67", "standards": "0.45", "library": "0.48", "building": "0.74", "social": "0.83",
    "digital": "0.80", "experience": "0.63",
}  # fmt: skip
PILLARS = {"S": "0.73", "M": "0.79", "A": "0.80", "R": "0.47", "T": "0.67"}


def means(printed: dict[str, str], rule: str = "unknown") -> dict[str, Figure]:
    figures = {}
    for code, text in printed.items():
        value = Decimal(text)
        step = Decimal(1).scaleb(min(int(value.as_tuple().exponent), 0)) if "." in text else Decimal(0)
        figures[f"{code}.mean"] = Figure(
            f"{code}.mean", value, step, rule, name_zh=f"{code}平均", name_en=f"mean of {code}"
        )
    return figures


def smart(*statements: Statement, **more) -> Published:
    printed = {**PILLARS, **PLATFORM, **OTHERS, ROOT: "0.70"}
    nodes = {ROOT: Node(ROOT, None, "指数", "Index"), "A": Node("A", ROOT, "平台", "Platform")}
    nodes |= {code: Node(code, "A", code, code.title()) for code in PLATFORM}
    return Published("甲", "A", nodes, means(printed), statements=statements, **more)


def one(of: Published) -> Finding:
    (finding,) = check(of)
    assert finding.text_zh
    assert finding.text_en
    assert finding.claim_zh
    assert finding.claim_en
    assert "{" not in finding.text_zh + finding.text_en + finding.claim_zh + finding.claim_en
    return finding


def said(kind: Kind, of: str, against: str = "", **more) -> Finding:
    """Return the finding on a statement about means of the 2021 report."""
    ids = [tuple(f"{code}.mean" for code in names.split()) for names in (of, against)]
    return one(smart(Statement("s", kind, *ids, **more)))


def test_services_at_073_are_close_to_080_only_if_close_means_0075():
    found = said("close_to", "S", value=Decimal("0.80"))
    assert (found.id, found.verdict, found.severity) == ("statement.s", "only_if", "low")
    assert str(found.bounds[0].interval) == "[0.065, 0.075]"
    assert "up to 0.075" in found.text_en
    assert "可以相差 0.075" in found.text_zh
    assert "within 0.05" in found.text_en
    assert said("close_to", "M", value=Decimal("0.80")).verdict == "possible"
    assert said("close_to", "M S", value=Decimal("0.80")).verdict == "only_if"
    assert said("close_to", "S", value=Decimal("0.80"), tolerance=Decimal("0.075")).verdict == "possible"
    assert said("close_to", "R", value=Decimal("0.80")).severity == "medium"


def test_unity_is_above_its_pillar_only_if_it_is_so_before_rounding():
    found = said("above", "unity security", "A")
    assert (found.verdict, found.severity) == ("only_if", "low")
    assert "mean of unity 0.80 and mean of A 0.80" in found.text_en
    assert "印出来是一样的" in found.text_zh
    assert said("above", "security", "A").verdict == "possible"
    assert said("above", "unity security", "overall").verdict == "possible"


def test_openness_is_the_lowest_of_its_pillar_but_not_of_all_sixteen():
    assert said("lowest", "open", "unity security effect").verdict == "possible"
    found = said("lowest", "open", " ".join([*PLATFORM, *OTHERS]))
    assert found.verdict == "impossible"
    for lower in ("0.38", "0.45", "0.48", "0.50"):
        assert lower in found.text_en
    assert "4 fail" in found.text_en
    assert found.bounds[0].interval.high == Fraction(-14, 100)  # 0.385 − 0.525
    assert set(found.certificate.figures) == {"open.mean", "terminals.mean"}


def test_the_platform_pillar_is_the_highest_and_the_order_of_the_pillars_holds():
    assert said("highest", "A", "S M R T").verdict == "possible"
    assert said("order", "A M S T R").verdict == "possible"
    found = said("order", "A S M T R")
    assert found.verdict == "impossible"
    assert "mean of S 0.73 is below mean of M 0.79" in found.text_en


def test_limits_given_as_numbers_are_compared_exactly():
    assert said("below", "cloud terminals", value=Decimal("0.60")).verdict == "possible"
    assert said("above", "network things", value=Decimal("0.80")).verdict == "possible"
    assert said("below", "standards library", value=Decimal("0.5")).verdict == "possible"
    assert said("above", "digital", value=Decimal("0.80")).verdict == "only_if"
    assert said("above", "cloud", value=Decimal("0.60")).verdict == "impossible"


def compared(kind: Kind, a: str, b: str, rule: str = "unknown") -> Finding:
    return one(
        Published("甲", "A", {}, means({"a": a, "b": b}, rule),
                  statements=(Statement("s", kind, ("a.mean",), ("b.mean",)),))
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "a", "b", "verdict"),
    [
        ("above", "0.80", "0.79", "possible"),
        ("above", "0.79", "0.80", "impossible"),
        ("above", "0.8", "0.82", "only_if"),  # too few digits to tell
        ("above", "0.6", "0.68", "only_if"),  # only if cut off
        ("highest", "5", "5", "only_if"),  # counts: the first place shared
        ("above", "5", "5", "impossible"),
        ("below", "5", "6", "possible"),
        ("equal", "0.70", "0.70", "possible"),
        ("equal", "0.7", "0.72", "only_if"),
        ("equal", "0.70", "0.71", "impossible"),
        ("equal", "0.70", "0.75", "impossible"),
        ("lowest", "0.80", "0.80", "only_if"),
    ],
)
def test_a_comparison_of_two_figures(kind, a, b, verdict):
    assert compared(kind, a, b).verdict == verdict


def test_neighbours_that_print_differently_only_touch():
    found = compared("equal", "0.70", "0.71")
    assert found.certificate.touches
    assert compared("highest", "0.79", "0.80").certificate.touches
    assert compared("highest", "0.79", "0.80", "half_up").verdict == "impossible"


RULES = ["half_up", "half_even", "half_down", "truncated"]


def prints(number: Fraction, rule: str) -> Decimal:
    """Round to one digit by the definition of the rule."""
    whole, rest = divmod(number * 10, 1)
    up = {"half_up": rest >= Fraction(1, 2), "half_down": rest > Fraction(1, 2), "truncated": False,
          "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1)}  # fmt: skip
    return Decimal(int(whole + up[rule])).scaleb(-1)


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(RULES), st.sampled_from(["above", "highest"]))
def test_a_comparison_is_judged_as_trying_all_numbers_does(a, b, rule, kind):
    """All sixtieths between 0 and 1.4 that print as the two figures."""
    grid = [Fraction(k, 60) for k in range(85)]
    tops = [x for x in grid if prints(x, rule) == Decimal(a).scaleb(-1)]
    lows = [x for x in grid if prints(x, rule) == Decimal(b).scaleb(-1)]
    outcomes = {x > y if kind == "above" else x >= y for x in tops for y in lows}
    found = compared(kind, str(Decimal(a).scaleb(-1)), str(Decimal(b).scaleb(-1)), rule).verdict
    want = "impossible" if True not in outcomes else "only_if" if False in outcomes else "possible"
    assert found == want


@settings(deadline=None)
@given(st.lists(st.integers(200, 900), min_size=2, max_size=6), st.sampled_from(RULES))
def test_what_is_true_of_the_numbers_is_never_impossible_of_the_figures(thousandths, rule):
    numbers = sorted((Fraction(k, 1000) for k in set(thousandths)), reverse=True)
    figures = {}
    for place, number in enumerate(numbers):
        name = f"n{place}.mean"
        figures[name] = Figure(name, prints(number, rule), Decimal("0.1"), rule)
    of = tuple(figures)
    true = [Statement("order", "order", of)]
    if len(of) > 1:
        true += [
            Statement("top", "highest", of[:1], of[1:]), Statement("least", "lowest", of[-1:], of[:-1]),
            Statement("above", "above", of[:1], of[1:]), Statement("below", "below", of[1:], of[:1]),
            Statement("close", "close_to", of[:1], of[1:2], tolerance=Decimal(1)),
        ]  # fmt: skip
    for finding in check(Published("甲", "A", {}, figures, statements=tuple(true))):
        assert finding.verdict in ("possible", "only_if") or len(of) == 1


def test_a_limit_that_is_printed_as_such_is_compared():
    figures = {
        "a.sd": Figure("a.sd", Decimal("0.30"), sign=">"),
        "b.sd": Figure("b.sd", Decimal("0.15"), sign="<"),
    }
    statements = (
        Statement("up", "above", ("a.sd",), ("b.sd",)), Statement("down", "above", ("b.sd",), ("a.sd",)),
        Statement("open", "above", ("a.sd",), value=Decimal("0.40")),
    )  # fmt: skip
    found = [f.verdict for f in check(Published("甲", "A", {}, figures, statements=statements))]
    assert found == ["possible", "impossible", "only_if"]


def most(share: str, n: str = "", whole: str = "") -> Finding:
    value = Decimal(share)
    figures = {"grade.low.share": Figure("grade.low.share", value, Decimal("0.01"))}
    figures |= {"grade.low.n": Figure("grade.low.n", Decimal(n))} if n else {}
    figures |= {"units.n": Figure("units.n", Decimal(whole))} if whole else {}
    return one(Published("甲", "A", {}, figures, statements=(Statement("s", "most", ("grade.low.share",)),)))


@pytest.mark.parametrize(
    ("share", "n", "whole", "verdict", "severity"),
    [
        ("0.50", "25", "50", "impossible", "low"),
        ("0.50", "", "50", "impossible", "low"),  # only 25 of 50 prints so
        ("0.50", "", "", "only_if", "low"),
        ("0.50", "", "401", "only_if", "low"),  # 199 to 202 of 401
        ("0.52", "26", "50", "possible", "none"),
        ("0.34", "17", "50", "impossible", "medium"),
        ("0.60", "", "", "possible", "none"),
        ("0.51", "", "3", "possible", "none"),  # no whole number prints so: the share alone counts
    ],
)
def test_half_is_not_most(share, n, whole, verdict, severity):
    found = most(share, n, whole)
    assert (found.verdict, found.severity) == (verdict, severity)


def test_half_of_the_cities_is_said_to_be_exactly_half():
    found = most("0.50", "25", "50")
    assert "exactly half" in found.text_en
    assert "正好是一半" in found.text_zh
    assert found.bounds[0].interval == Interval(Fraction(1, 2), Fraction(1, 2))


def test_a_count_is_most_of_a_whole():
    figures = {key: Figure(key, Decimal(n)) for key, n in (("a", 26), ("b", 25), ("units.n", 50))}
    statements = tuple(Statement(key, "most", (key,), ("units.n",)) for key in ("a", "b"))
    found = [f.verdict for f in check(Published("甲", "A", {}, figures, statements=statements))]
    assert found == ["possible", "impossible"]


@pytest.mark.parametrize(
    ("listed", "against", "verdict", "named"),
    [
        ("open unity", "A", "possible", ""),
        ("open unity open", "A", "impossible", "open"),
        ("open cloud", "A.mean", "impossible", "cloud"),
        ("open cloud open", "A", "impossible", "cloud"),
        ("x y", "A", "possible", ""),  # names of a level that is not known
        ("x x", "", "impossible", "x"),
    ],
)
def test_the_names_of_a_list_differ_and_stand_below_their_node(listed, against, verdict, named):
    against_ids = (against,) if against else ()
    statement = Statement("s", "distinct", against=against_ids, listed=tuple(listed.split()))
    found = one(smart(statement))
    assert found.verdict == verdict
    assert found.severity == ("none" if verdict == "possible" else "low")
    assert named in found.text_zh  # of nodes the English has their own name


def graded(facts: dict[str, int | None]) -> Published:
    """Return units a, b of the lower grade and c, d of the upper one, with a fact."""
    units = {
        name: Unit(name, name, facts={} if fact is None else {"gdp": Decimal(fact)})
        for name, fact in facts.items()
    }
    grades = (
        Grade("up", "高", "Up", Interval(Fraction(7, 10)), ("c", "d")),
        Grade("low", "低", "Low", Interval(None, Fraction(7, 10), high_open=True), ("a", "b")),
    )
    statement = Statement("s", "rises_with", fact="gdp")
    return Published("甲", "A", {}, {}, units=units, grades=grades, statements=(statement,), lines=())


@pytest.mark.parametrize(
    ("facts", "verdict", "severity"),
    [
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "possible", "none"),
        ({"a": 1, "b": 5, "c": 3, "d": 9}, "only_if", "low"),
        ({"a": 1, "b": 9, "c": 3, "d": 4}, "impossible", "medium"),
        ({"a": None, "b": None, "c": None, "d": 4}, "not_checkable", "none"),
        ({"a": 3, "b": 3, "c": 3, "d": 3}, "possible", "none"),
    ],
)
def test_the_index_rises_city_by_city_or_only_on_average(facts, verdict, severity):
    found = one(graded(facts))
    assert (found.verdict, found.severity) == (verdict, severity)


def test_the_most_striking_pair_is_named():
    found = one(graded({"a": 1, "b": 5, "c": 3, "d": 9}))
    assert "b (gdp 5) is above c (gdp 3) and yet has a lower index" in found.text_en
    assert "mean gdp: Low 3, Up 6" in found.text_en
    assert "只有就各等级的平均而言" in found.text_zh


def test_the_2021_index_rises_with_the_economy_only_on_average(reference):
    with (reference("smart-2021") / "cities.csv").open(encoding="utf-8") as file:
        cities = list(csv.DictReader(file))
    units = {
        c["city_zh"]: Unit(c["city_zh"], c["city_en"], facts={"gdp": Decimal(c["gdp_2020_yi_yuan"])})
        for c in cities
    }
    bands = {
        "领军城市": Interval(Fraction(85, 100)),
        "先锋城市": Interval(Fraction(7, 10), Fraction(85, 100), high_open=True),
        "探索城市": Interval(high=Fraction(7, 10), high_open=True),
    }
    members = {name: tuple(c["city_zh"] for c in cities if c["report_tier"] == name) for name in bands}
    grades = tuple(Grade(name, name, name, band, members[name]) for name, band in bands.items())
    statement = Statement("gdp", "rises_with", fact="gdp")
    found = one(Published("甲", "A", {}, {}, units=units, grades=grades, statements=(statement,), lines=()))
    assert found.verdict == "only_if"
    # 重庆, fifth by GDP, is not among the leading cities; 无锡, fourteenth, is.
    assert "重庆（gdp 25002.79）高于无锡（gdp 12370.5）" in found.text_zh
    order = list(bands)
    by_hand = sum(
        Decimal(low["gdp_2020_yi_yuan"]) > Decimal(high["gdp_2020_yi_yuan"])
        and order.index(low["report_tier"]) > order.index(high["report_tier"])
        for low in cities for high in cities
    )  # fmt: skip
    assert f"{by_hand} pair" in found.text_en


@pytest.mark.parametrize(
    ("facts", "verdict"), [((1, 2, 3), "possible"), ((2, 1, 3), "only_if"), ((3, 2, 1), "impossible")]
)
def test_printed_scores_stand_before_grades(facts, verdict):
    names, scores = ("a", "b", "c"), ("0.61", "0.72", "0.83")
    figures = {
        f"t/{n}/overall": Figure(f"t/{n}/overall", Decimal(s), Decimal("0.01"))
        for n, s in zip(names, scores, strict=True)
    }
    units = {n: Unit(n, n, facts={"gdp": Decimal(f)}) for n, f in zip(names, facts, strict=True)}
    lines = tuple(Line("unit", "", "t", n) for n in names)
    statement = Statement("s", "rises_with", fact="gdp")
    found = one(Published("甲", "A", {}, figures, units=units, statements=(statement,), lines=lines))
    assert found.verdict == verdict


def test_words_and_figures_that_are_not_printed_cannot_be_checked():
    found = said("words", "", text_zh="各组标准差低于 0.1", text_en="every group has an SD below 0.1")
    assert (found.verdict, found.severity, found.claim_zh) == ("not_checkable", "none", "各组标准差低于 0.1")
    for kind in ("above", "close_to", "most"):
        found = said(kind, "nothing", "A")
        assert found.verdict == "not_checkable"
        assert "nothing.mean" in found.text_en
    assert said("above", "A").verdict == "not_checkable"
    assert said("order", "A").verdict == "not_checkable"
    assert said("most", "").verdict == "not_checkable"


def test_each_kind_of_statement_has_words_of_its_own_where_none_are_given():
    for kind in get_args(Kind):
        assert one(smart(Statement("s", kind, ("A.mean",), ("S.mean",), listed=("x",), fact="gdp"))).claim_en


def test_only_statements_on_what_is_touched_are_checked_again():
    of = smart(
        Statement("a", "above", ("A.mean",), ("S.mean",)), Statement("m", "above", ("M.mean",), ("T.mean",)),
        Statement("w", "words"),
    )  # fmt: skip
    assert [f.id for f in check(of, frozenset({"S.mean"}))] == ["statement.a"]
    assert len(list(check(of))) == 3


@settings(deadline=None)
@given(*[st.fractions(-3, 3, max_denominator=8) for _ in range(4)])
def test_ratios_and_distances_of_intervals_hold_those_of_their_numbers(a, b, c, d):
    one_, other = Interval(min(a, b), max(a, b)), Interval(min(c, d), max(c, d))
    away = distance(one_, other)
    points = [(x, y) for x in (a, b, (a + b) / 2) for y in (c, d, (c + d) / 2)]
    assert all(abs(x - y) in away for x, y in points)
    ends = {abs(x - y) for x, y in points}
    assert away.high == max(ends)
    assert away.low in ends or away.low == 0
    ratio = quotient(one_, other)
    assert (ratio is None) == (min(c, d) <= 0)
    if ratio is not None:
        ratios = [x / y for x, y in points]
        assert all(value in ratio for value in ratios)
        assert (ratio.low, ratio.high) == (min(ratios), max(ratios))


def test_of_many_comparisons_that_hold_only_the_closest_are_told():
    found = said("highest", "things", "network cloud terminals innovation industry")
    assert found.verdict == "possible"
    assert "all 5 comparisons hold" in found.text_en
    assert "mean of things 0.89 is above mean of network 0.82" in found.text_en
    assert "5 处比较都成立" in found.text_zh
    assert "terminals" not in found.text_en


def test_a_repeated_name_of_a_node_is_told_in_both_languages():
    found = one(smart(Statement("s", "distinct", listed=("平台", "指数", "平台"))))
    assert "repeats Platform" in found.text_en
    assert "平台" in found.text_zh


def test_english_sentences_begin_with_a_capital():
    found = said("close_to", "M", value=Decimal("0.80"))
    assert found.text_en.startswith("Mean of M 0.79")
    assert said("words", "", text_zh="各组差异小", text_en="groups differ little").claim_en.startswith(
        "Groups"
    )
