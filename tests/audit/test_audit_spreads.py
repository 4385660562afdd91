"""Printed standard deviations against range and mean, grades, parts and groups."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.audit import spread_claims, spreads
from citygauge.audit.figures import Figure, Interval, Rule
from citygauge.audit.findings import Finding
from citygauge.audit.published import ROOT, Grade, Group, Node, Published, Unit
from citygauge.audit.squares import Box, bhatia_davis, root_above, root_below, squares

F = Fraction
HUNDREDTH = Decimal("0.01")
ROUNDINGS = {
    "half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "half_down": ROUND_HALF_DOWN,
    "truncated": ROUND_DOWN,
}  # fmt: skip
TREE = {ROOT: Node(ROOT, None, "指数", "Index")}
GRADES = (
    Grade("top", "领军", "Leading", Interval(F(85, 100), None)),
    Grade("mid", "先锋", "Pioneering", Interval(F(7, 10), F(85, 100), False, True)),
    Grade("low", "探索", "Exploring", Interval(None, F(7, 10), False, True)),
)


def figure(name: str, text: str, rule: Rule = "unknown") -> Figure:
    sign, _, number = text.rpartition(" ")
    value = Decimal(number)
    exact = name.endswith((".n", ".weight"))
    step = Decimal(0) if exact else Decimal(1).scaleb(int(value.as_tuple().exponent))
    return Figure(name, value, step, rule, sign or "=")  # type: ignore[arg-type]


def publication(figures: Mapping[str, str], rule: Rule = "unknown", **others: Any) -> Published:
    known = {name: figure(name, text, rule) for name, text in figures.items()}
    return Published("指数", "Index", others.pop("nodes", TREE), known, **others)


def found(published: Published) -> dict[str, Finding]:
    return {finding.id: finding for finding in spreads.check(published)}


def span(finding: Finding) -> tuple[Fraction | None, Fraction | None]:
    """Return the ends of the square of the standard deviation."""
    return finding.bounds[0].interval.low, finding.bounds[0].interval.high


# --- the kernel


def test_values_with_one_range_spread_least_when_alike_and_most_at_its_ends() -> None:
    some = squares([Box(5, F(0), F(1))], Interval(F(1, 2), F(1, 2)))
    assert some is not None
    # 2.5 of 5: two at each end and one half way.
    assert (some.least, some.greatest, some.exact) == (0, 1, True)


def test_a_mean_out_of_reach_has_no_values() -> None:
    assert squares([Box(3, F(0), F(1, 2))], Interval(F(3, 5), F(7, 10))) is None
    assert squares([Box(3, F(0), F(1), "a")], means={"a": Interval(F(2), F(3))}) is None


def test_values_fixed_to_points_have_one_sum() -> None:
    some = squares([Box(1, F(0), F(0)), Box(1, F(3), F(3))])
    assert some is not None
    assert some.least == some.greatest == F(9, 2)
    alone = squares([Box(1, F(1, 3), F(1, 3))])
    assert alone is not None
    assert alone.least == alone.greatest == 0


def test_a_thousand_million_units_take_no_longer_than_a_few() -> None:
    half = 500_000_000
    some = squares([Box(half, F(0), F(1, 2)), Box(half, F(1, 2), F(1))], Interval(F(1, 2), F(1, 2)))
    assert some is not None
    assert (some.least, some.greatest) == (0, F(2 * half, 4))  # alike, or half of them at 0 and half at 1
    published = publication({"overall.mean": "0.50", "overall.sd": "0.51", "units.n": str(2 * half)})
    assert {f.id: f.verdict for f in spreads.check(published)} == {"spread.overall": "impossible"}


@pytest.mark.parametrize("seed", range(40))
def test_the_ends_are_those_of_every_table_on_a_grid(seed: int) -> None:
    rng = random.Random(seed)
    boxes = []
    for _ in range(rng.randint(1, 3)):
        low, high = sorted((rng.randint(0, 4), rng.randint(0, 4)))
        boxes.append(Box(rng.randint(1, 2), F(low), F(high), rng.choice("gh")))
    first = F(rng.randint(0, 8), 2)
    mean = Interval(first, first + F(rng.randint(0, 2), 2))
    group = Interval(first, first + 1) if seed % 2 else Interval()
    ranges = [box for box in boxes for _ in range(box.n)]
    sums = []
    for values in product(*([F(v, 2) for v in range(int(2 * b.low), int(2 * b.high) + 1)] for b in ranges)):
        inside = [v for v, box in zip(values, ranges, strict=True) if box.group == "g"]
        middle = sum(values, F(0)) / len(values)
        if middle in mean and (not inside or sum(inside, F(0)) / len(inside) in group):
            sums.append(sum(((v - middle) ** 2 for v in values), F(0)))
    some = squares(boxes, mean, {"g": group} if seed % 2 else None)
    if sums:
        assert some is not None
        assert some.least <= min(sums)
        assert some.greatest >= max(sums)
        if some.exact:
            # With whole ends and means of halves an extreme table lies on the grid of halves.
            assert some.greatest == max(sums)


def test_the_least_spread_of_a_constrained_table_is_that_of_a_numerical_optimiser() -> None:
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import

    boxes = [
        Box(1, F(0), F(3, 10), "a"),
        Box(1, F(2, 10), F(1), "a"),
        Box(1, F(7, 10), F(1)),
        Box(1, F(0), F(1)),
    ]
    some = squares(boxes, Interval(F(1, 2), F(11, 20)), {"a": Interval(F(1, 5), F(1, 4))})
    assert some is not None
    limits = [
        {"type": "ineq", "fun": lambda x: np.mean(x) - 0.5},
        {"type": "ineq", "fun": lambda x: 0.55 - np.mean(x)},
        {"type": "ineq", "fun": lambda x: np.mean(x[:2]) - 0.2},
        {"type": "ineq", "fun": lambda x: 0.25 - np.mean(x[:2])},
    ]  # fmt: skip
    ends = [(float(box.low), float(box.high)) for box in boxes]
    best = minimize(
        lambda x: np.sum((x - x.mean()) ** 2), [0.2, 0.3, 0.8, 0.6], bounds=ends, constraints=limits
    )
    assert best.success
    assert float(some.least) == pytest.approx(best.fun, abs=1e-6)


@given(st.lists(st.fractions(0, 1, max_denominator=50), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_no_values_vary_more_than_bhatia_and_davis_allow(values: list[Fraction]) -> None:
    mean = sum(values, F(0)) / len(values)
    variance = sum(((v - mean) ** 2 for v in values), F(0)) / len(values)
    assert variance <= bhatia_davis(min(values), max(values), Interval(mean, mean))
    some = squares([Box(len(values), min(values), max(values))], Interval(mean, mean))
    assert some is not None
    assert some.least <= variance * len(values) <= some.greatest


@given(st.fractions(0, 100, max_denominator=10**6))
@settings(max_examples=60, deadline=None)
def test_roots_are_enclosed(value: Fraction) -> None:
    assert root_below(value) ** 2 <= value <= root_above(value) ** 2
    assert root_above(value) - root_below(value) <= F(1, 10**12)


# --- against range and mean


def test_a_deviation_above_that_of_all_scores_at_the_ends_is_impossible() -> None:
    # Ten scores from 0 to 1 with a mean of about 0.90 lie farthest apart as nine at 1 and one at 0.
    raw = {"overall.mean": "0.90", "overall.sd": "0.35", "units.n": "10"}
    finding = found(publication(raw))["spread.overall"]
    assert (finding.verdict, finding.severity) == ("impossible", "high")
    assert finding.certificate is not None
    assert set(finding.certificate.figures) == {"overall.sd", "overall.mean", "units.n"}
    assert "大" in finding.text_zh
    assert "too large" in finding.text_en
    assert span(finding) == (0, F(9, 10) / 9)


def test_it_is_said_when_only_one_formula_works() -> None:
    raw = {"overall.mean": "0.50", "overall.sd": "0.70", "units.n": "2"}
    # 0 and 1 have 0.5 (÷ n) and 0.7071 (÷ n − 1).
    finding = found(publication(raw))["spread.overall"]
    assert (finding.verdict, finding.severity) == ("only_if", "low")
    assert "n − 1" in finding.text_en
    assert found(publication(raw, sd_formula="population"))["spread.overall"].verdict == "impossible"
    assert found(publication(raw, sd_formula="sample"))["spread.overall"].verdict == "possible"


def test_printed_ends_limit_a_deviation_from_both_sides() -> None:
    raw = {
        "overall.mean": "0.50", "overall.min": "0.40", "overall.max": "0.60", "units.n": "4",
        "overall.sd": "0.02",
    }  # fmt: skip
    # (max − min)² ÷ 2n = 0.04 ÷ 8 at the printed ends: at least 0.0707, with rounding at least 0.19 ÷ √8.
    low = found(publication(raw, sd_formula="population"))["spread.overall"]
    assert low.verdict == "impossible"
    assert "too small" in low.text_en
    assert span(low)[0] == F(19, 100) ** 2 / 8
    high = found(publication({**raw, "overall.sd": "0.12"}, sd_formula="population"))["spread.overall"]
    assert high.verdict == "impossible"
    assert found(publication({**raw, "overall.sd": "0.08"}))["spread.overall"].verdict == "possible"


def test_limits_in_words_are_held_against_mean_and_range() -> None:
    raw = {"overall.mean": "0.98", "overall.sd": "> 0.30", "units.n": "50"}
    assert found(publication(raw))["spread.overall"].verdict == "impossible"
    assert found(publication({**raw, "overall.mean": "0.60"}))["spread.overall"].verdict == "possible"
    half = {"overall.mean": "0.5", "overall.sd": "> 0.5", "units.n": "50"}
    edge = found(publication(half, sd_formula="population"))["spread.overall"]
    assert edge.verdict == "impossible"
    assert edge.certificate is not None
    assert edge.certificate.touches
    assert "edge" in edge.text_en


def test_a_constant_or_single_score_deviates_by_nothing() -> None:
    raw = {"overall.mean": "0.40", "overall.sd": "0.00", "units.n": "1"}
    assert found(publication(raw))["spread.overall"].verdict == "possible"
    assert found(publication({**raw, "overall.sd": "0.10"}))["spread.overall"].verdict == "impossible"
    same = {"overall.min": "0.40", "overall.max": "0.40", "overall.sd": "0.00", "units.n": "7"}
    assert found(publication(same))["spread.overall"].verdict == "possible"


def test_an_unknown_number_of_units_leaves_the_weaker_bound() -> None:
    raw = {"overall.mean": "0.90", "overall.sd": "0.33"}
    assert found(publication(raw, sd_formula="population"))["spread.overall"].verdict == "impossible"
    assert found(publication(raw))["spread.overall"].verdict == "only_if"


def test_a_deviation_without_a_known_range_cannot_be_checked() -> None:
    raw = {"overall.sd": "0.31", "units.n": "4"}
    finding = found(publication(raw, scale=Interval(F(0), None)))["spread.overall"]
    assert finding.verdict == "not_checkable"


def test_a_negative_deviation_is_impossible() -> None:
    finding = found(publication({"overall.sd": "-0.20", "units.n": "4"}))["spread.overall"]
    assert finding.verdict == "impossible"


# --- grades, parts, groups


def test_grades_give_a_least_deviation() -> None:
    # Eight at 0.85 or more, 25 below 0.70: they cannot be alike.
    raw = {
        "overall.mean": "0.70", "overall.sd": "0.05", "units.n": "50", "grade.top.n": "8",
        "grade.mid.n": "17", "grade.low.n": "25",
    }  # fmt: skip
    finding = found(publication(raw, grades=GRADES))["spread.overall"]
    assert finding.verdict == "impossible"
    assert found(publication(raw))["spread.overall"].verdict == "possible"
    # With the mean at 0.705: 8 at 0.85, 17 at 0.70, and the others all at (35.25 − 6.8 − 11.9) ÷ 25 = 0.662.
    mean = F(705, 1000)
    least = 8 * (F(85, 100) - mean) ** 2 + 17 * (F(7, 10) - mean) ** 2 + 25 * (F(662, 1000) - mean) ** 2
    assert span(finding)[0] == least / 50


def test_a_parent_varies_no_more_than_its_parts_and_no_less_than_one_leaves_over() -> None:
    nodes = {**TREE, "A": Node("A", ROOT, "甲", "A"), "B": Node("B", ROOT, "乙", "B")}
    raw = {"A.weight": "80", "B.weight": "20", "A.sd": "0.20", "B.sd": "0.10", "overall.sd": "0.19"}
    published = publication(raw, "half_up", nodes=nodes)
    # at most 0.8 × 0.205 + 0.2 × 0.105 = 0.185 (open); at least 0.8 × 0.195 − 0.2 × 0.105 = 0.135.
    finding = found(published)["spread.overall.parts"]
    assert span(finding) == (F(135, 1000) ** 2, F(185, 1000) ** 2)
    assert finding.verdict == "impossible"  # 0.185 itself would need both parts at ends that round up
    assert (
        found(published.with_value("overall.sd", Decimal("0.18")))["spread.overall.parts"].verdict
        == "possible"
    )
    assert (
        found(published.with_value("overall.sd", Decimal("0.12")))["spread.overall.parts"].verdict
        == "impossible"
    )
    free = published.without("A.weight", "B.weight")
    assert found(free)["spread.overall.parts"].verdict == "possible"
    wide = found(free.with_value("overall.sd", Decimal("0.22")))["spread.overall.parts"]
    assert wide.verdict == "impossible"
    assert wide.certificate is not None
    assert wide.certificate.figures == ("overall.sd", "A.sd", "B.sd")


GROUPS = (Group("east", "东", "East", "side", ("a", "b")), Group("west", "西", "West", "side", ("c", "d")))
FOUR = {name: Unit(name, name) for name in "abcd"}


def test_means_of_groups_alone_already_make_a_deviation() -> None:
    raw = {
        "overall.mean": "0.50", "overall.sd": "0.10", "group.east.mean": "0.30", "group.west.mean": "0.70",
    }  # fmt: skip
    # between the groups alone: means 0.305 and 0.695, so ÷ n at least 0.195.
    published = publication(raw, units=FOUR, groups=GROUPS, sd_formula="population")
    finding = found(published)["spread.groups.side"]
    assert finding.verdict == "impossible"
    assert span(finding)[0] == F(195, 1000) ** 2
    assert found(published)["spread.overall"].verdict == "possible"
    assert (
        found(published.with_value("overall.sd", Decimal("0.20")))["spread.groups.side"].verdict == "possible"
    )


def test_deviations_of_groups_limit_that_of_all() -> None:
    raw = {
        "overall.mean": "0.50", "overall.sd": "0.30", "group.east.mean": "0.50", "group.west.mean": "0.50",
        "group.east.sd": "0.10", "group.west.sd": "< 0.2",
    }  # fmt: skip
    published = publication(raw, "half_up", units=FOUR, groups=GROUPS, sd_formula="population")
    finding = found(published)["spread.groups.side"]
    assert finding.verdict == "impossible"
    # within: (0.105² + 0.2²) ÷ 2; between: means that differ by 0.01.
    assert span(finding)[1] == (F(105, 1000) ** 2 + F(2, 10) ** 2) / 2 + F(5, 1000) ** 2
    assert found(published)["spread.group.east"].verdict == "possible"


def test_groups_that_all_vary_little_must_differ_from_one_another() -> None:
    groups = (Group("big", "大", "Big", "gdp"), Group("small", "小", "Small", "gdp"))
    raw = {"overall.sd": "0.11", "group.big.sd": "< 0.1", "group.small.sd": "< 0.1", "units.n": "50"}
    finding = found(publication(raw, groups=groups))["spread.groups.gdp"]
    assert (finding.verdict, finding.severity) == ("only_if", "low")
    assert finding.bounds[0].interval.low == F(105, 1000) ** 2 - F(1, 10) ** 2
    assert "0.0320" in finding.text_en
    assert "0.0320" in finding.text_zh
    loose = found(publication({**raw, "overall.sd": "0.09"}, groups=groups))["spread.groups.gdp"]
    assert loose.verdict == "possible"


def test_periods_have_their_own_deviations() -> None:
    published = publication({"2019:overall.mean": "0.98", "2019:overall.sd": "0.40", "units.n": "9"})
    lines = tuple(replace(line, period="2019") for line in published.lines)
    assert found(replace(published, lines=lines))["2019:spread.overall"].verdict == "impossible"


def test_only_claims_on_the_figures_asked_for_are_checked() -> None:
    raw = {"overall.mean": "0.50", "overall.sd": "0.10", "A.mean": "0.50", "A.sd": "0.90"}
    published = publication(raw, nodes={**TREE, "A": Node("A", ROOT, "甲", "A")})
    assert [f.id for f in spreads.check(published, frozenset({"A.mean"}))] == ["spread.A"]
    assert not list(spreads.check(published, frozenset({"B.mean"})))


# --- no false alarm


def printed(value: float, rule: str, digits: int) -> str:
    step = Decimal(1).scaleb(-digits)
    return str(Decimal(repr(round(float(value), 12))).quantize(step, ROUNDINGS[rule]))


@given(st.integers(0, 10**6), st.sampled_from(sorted(ROUNDINGS)), st.integers(1, 3), st.booleans())
@settings(max_examples=50, deadline=None)
def test_figures_of_real_scores_are_never_impossible(
    seed: int, rule: str, digits: int, declared: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    parts = rng.beta(0.5, 0.5, (n, 2)).round(6)
    weights = np.array([0.25, 0.75])
    index = parts @ weights
    ddof = int(rng.integers(2))
    names = [f"u{i}" for i in range(n)]
    side = rng.permutation(n)[: max(n // 2, 1)]
    raw = {"units.n": str(n), "A.weight": "25", "B.weight": "75"}
    for code, values in (
        ("overall", index),
        ("A", parts[:, 0]),
        ("B", parts[:, 1]),
        ("group.g", index[side]),
    ):
        raw[f"{code}.mean"] = printed(values.mean(), rule, digits)
        if len(values) > ddof:
            raw[f"{code}.sd"] = printed(values.std(ddof=ddof), rule, digits)
        if code in "AB":
            raw[f"{code}.min"], raw[f"{code}.max"] = (
                printed(f(values), rule, digits) for f in (np.min, np.max)
            )
    grades = [
        replace(
            grade, members=tuple(u for u, v in zip(names, index, strict=True) if F(float(v)) in grade.range)
        )
        for grade in GRADES
    ]
    nodes = {**TREE, "A": Node("A", ROOT, "甲", "A"), "B": Node("B", ROOT, "乙", "B")}
    published = publication(
        raw, rule if declared else "unknown", nodes=nodes, units={name: Unit(name, name) for name in names},  # type: ignore[arg-type]
        grades=tuple(grade for grade in grades if grade.members),
        groups=(Group("g", "组", "Group", "side", tuple(names[i] for i in side)),),
        sd_formula=("population", "sample")[ddof] if seed % 2 else "unknown",
    )  # fmt: skip
    assert [finding.id for finding in spreads.check(published) if finding.verdict == "impossible"] == []


def test_the_spread_of_the_2021_report_is_possible() -> None:
    raw = {
        "overall.mean": "0.70", "overall.sd": "0.11", "units.n": "50", "grade.top.n": "8",
        "grade.mid.n": "17", "grade.low.n": "25",
    }  # fmt: skip
    assert found(publication(raw, grades=GRADES))["spread.overall"].verdict == "possible"


@given(
    st.integers(0, 100), st.integers(0, 60), st.lists(st.integers(0, 60), min_size=2, max_size=2),
    st.integers(2, 5), st.sampled_from(["unknown", "population", "sample"]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_where_there_is_room_every_rounding_rule_gives_the_same_verdict(
    mean: int, sd: int, parts: list[int], units: int, formula: str
) -> None:
    nodes = {ROOT: Node(ROOT, None, "", ""), "a": Node("a", ROOT, "", ""), "b": Node("b", ROOT, "", "")}
    figures = {f"{ROOT}.mean": f"{mean / 100:.2f}", f"{ROOT}.sd": f"{sd / 100:.2f}", "units.n": str(units)}
    figures |= {f"{code}.weight": "0.5" for code in "ab"}
    figures |= {f"{code}.sd": f"{part / 100:.2f}" for code, part in zip("ab", parts, strict=True)}
    published = publication(figures, nodes=nodes, sd_formula=formula)
    short = found(published)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spread_claims, "_roomy", lambda *_: False)
        assert found(published) == short
