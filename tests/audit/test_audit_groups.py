"""Printed means of groups and grades against their units, one another and the overall mean."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.audit import groups
from citygauge.audit.figures import Figure, Interval, Rule
from citygauge.audit.findings import Finding
from citygauge.audit.published import ROOT, Grade, Group, Line, Node, Published, Unit

F = Fraction
ROUNDINGS = {
    "half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "half_down": ROUND_HALF_DOWN,
    "truncated": ROUND_DOWN,
}  # fmt: skip
TREE = {ROOT: Node(ROOT, None, "指数", "Index")}
TOP, MID, LOW = (
    Grade("top", "领军", "Leading", Interval(F(85, 100), None)),
    Grade("mid", "先锋", "Pioneering", Interval(F(7, 10), F(85, 100), False, True)),
    Grade("low", "探索", "Exploring", Interval(None, F(7, 10), False, True)),
)
UNITS = {name: Unit(name, name.upper()) for name in "abcd"}


def figure(name: str, text: str, rule: Rule = "unknown") -> Figure:
    value = Decimal(text)
    step = Decimal(0) if name.endswith(".n") else Decimal(1).scaleb(int(value.as_tuple().exponent))
    return Figure(name, value, step, rule)


def publication(figures: Mapping[str, str], rule: Rule = "unknown", **others: Any) -> Published:
    known = {name: figure(name, text, rule) for name, text in figures.items()}
    return Published("指数", "Index", TREE, known, **others)


def found(published: Published) -> dict[str, Finding]:
    return {finding.id: finding for finding in groups.check(published)}


def listed(top: str = "", mid: str = "", low: str = "") -> tuple[Grade, ...]:
    return tuple(
        replace(grade, members=tuple(names)) for grade, names in ((TOP, top), (MID, mid), (LOW, low)) if names
    )


def ends(finding: Finding, at: int = 0) -> str:
    return str(finding.bounds[at].interval)


# --- the 2021 report


@pytest.fixture
def report(reference: Callable[[str], Path]) -> Published:
    with (reference("smart-2021") / "cities.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    circles = {"长三角": "0.74", "珠三角": "0.79", "京津冀": "0.70"}
    members = {name: tuple(r["city_zh"] for r in rows if r["economic_circle"] == name) for name in circles}
    core = {name: tuple(r["city_zh"] for r in rows if r["economic_circle_core"] == name) for name in circles}
    tiers = {"领军城市": TOP, "先锋城市": MID, "探索城市": LOW}
    return publication(
        {"overall.mean": "0.70", **{f"group.{name}.mean": text for name, text in circles.items()}},
        units={r["city_zh"]: Unit(r["city_zh"], r["city_en"]) for r in rows},
        groups=tuple(Group(n, n, n, "circle", members[n], {"core": core[n]}) for n in circles),
        grades=tuple(
            replace(grade, members=tuple(r["city_zh"] for r in rows if r["report_tier"] == name))
            for name, grade in tiers.items()
        ),
    )


def test_grades_circles_and_mean_of_the_2021_report_are_possible_together(report: Published) -> None:
    findings = found(report)
    assert {finding.verdict for finding in findings.values()} == {"possible"}
    # 8 × 0.85 + 17 × 0.70 over 50; 8 + 17 × 0.85 + 25 × 0.70 over 50, which is not reached.
    assert ends(findings["grade.mean"]) == "[0.374, 0.799)"
    # At most (50 × 0.705 − 8 × 0.85 − 17 × 0.70) ÷ 25.
    assert findings["grade.mean"].bounds[3].interval.high == F(662, 1000)


def test_the_circles_imply_the_mean_of_the_cities_in_none_of_them(report: Published) -> None:
    rest = found(report)["rest.circle"]
    assert rest.bounds[0].interval == Interval(
        (50 * F(695, 1000) - 18 * F(745, 1000) - 4 * F(795, 1000) - 4 * F(705, 1000)) / 24,
        (50 * F(705, 1000) - 18 * F(735, 1000) - 4 * F(785, 1000) - 4 * F(695, 1000)) / 24,
    )
    assert "24" in rest.text_zh
    assert "0.6392" in rest.text_en
    assert "core" in rest.bounds[1].what_en


# --- groups


def test_a_mean_of_a_group_lies_within_those_of_the_grades_of_its_units() -> None:
    group = Group("g", "组", "Group", "k", ("a", "b"))
    published = publication(
        {"group.g.mean": "0.90"}, "half_up", units=UNITS, groups=(group,), grades=listed("a", "b", "cd")
    )
    assert ends(found(published)["group.g"]) == "[0.775, 0.925)"
    assert found(published)["group.g"].verdict == "possible"
    high = found(published.with_value("group.g.mean", Decimal("0.94")))["group.g"]
    assert (high.verdict, high.severity) == ("impossible", "high")
    assert high.certificate is not None
    assert high.certificate.figures == ("group.g.mean",)
    assert "0.01" in high.text_en  # 0.935 against 0.925
    low = found(published.with_value("group.g.mean", Decimal("0.77")))["group.g"]
    assert low.verdict == "impossible"
    assert low.certificate is not None
    assert low.certificate.touches  # 0.775 itself rounds up to 0.78


def test_a_rounding_rule_that_decides_is_named() -> None:
    group = Group("g", "组", "Group", "k", ("a", "b"))
    published = publication(
        {"group.g.mean": "0.77"}, units=UNITS, groups=(group,), grades=listed("a", "b", "cd")
    )
    finding = found(published)["group.g"]
    assert (finding.verdict, finding.severity) == ("only_if", "low")
    assert finding.touch == ("half_down",)


def test_readings_of_the_members_that_differ_are_a_condition() -> None:
    group = Group("g", "组", "Group", "k", None, {"wide": ("a", "b"), "core": ("a",)})
    raw = {"group.g.mean": "0.80"}
    finding = found(publication(raw, units=UNITS, groups=(group,), grades=listed("a", "b", "cd")))["group.g"]
    assert (finding.verdict, finding.severity) == ("only_if", "medium")
    assert len(finding.bounds) == 2
    assert "core" in finding.text_zh
    both = found(publication({"group.g.mean": "0.90"}, units=UNITS, groups=(group,), grades=listed("a", "b")))
    assert both["group.g"].verdict == "possible"


def test_a_group_of_unknown_members_can_be_any_units_of_that_number() -> None:
    group = Group("g", "组", "Group", "k")
    raw = {"group.g.mean": "0.90", "group.g.n": "3", "units.n": "4"}
    published = publication(raw, units=UNITS, groups=(group,), grades=listed("a", "b", "cd"))
    # at most one leading, one pioneering and one exploring: (1 + 0.85 + 0.70) ÷ 3
    assert ends(found(published)["group.g"]) == "[0.2333, 0.85)"
    assert found(published)["group.g"].verdict == "impossible"
    assert found(published.without("group.g.n"))["group.g"].verdict == "possible"


@pytest.mark.parametrize("times", [1, 20_000_000])
def test_a_list_of_one_grade_limits_no_group_whose_units_are_not_named(times: int) -> None:
    """The 2021 report, if it had named its 8 leading cities only, and any multiple of its 50 cities."""
    circles = {"长三角": "0.74", "珠三角": "0.79", "京津冀": "0.70"}
    tops = tuple("stuvwxyz")
    numbers = {"grade.mid.n": 17 * times, "grade.low.n": 50 * times - 17 * times - 8, "units.n": 50 * times}
    published = publication(
        {
            "overall.mean": "0.59", "grade.top.mean": "0.90", "group.珠三角.n": "9",
            **{f"group.{name}.mean": text for name, text in circles.items()},
            **{key: str(n) for key, n in numbers.items()},
        },
        units={name: Unit(name, name) for name in tops},
        groups=tuple(Group(name, name, name, "circle") for name in circles),
        grades=(replace(TOP, members=tops), MID, LOW),
    )  # fmt: skip
    findings = found(published)
    assert {finding.verdict for finding in findings.values()} == {"possible"}
    assert "group.together" not in findings  # nothing is known of the class of most units
    assert ends(findings["group.长三角"]) == "[0, 1]"
    # No more than the 8 leading cities at 1 and one below 0.85; at the least nine that explore.
    assert ends(findings["group.珠三角"]) == "[0, 0.9833)"
    assert (
        found(published.with_value("group.珠三角.mean", Decimal("0.99")))["group.珠三角"].verdict
        == "impossible"
    )
    blind = published.without("units.n", "grade.low.n")
    assert ends(found(blind)["group.珠三角"]) == "[0, 1]"
    assert "grade.mean" not in found(blind)


def test_scores_outside_the_only_printed_list_are_no_oddity() -> None:
    lines = (Line("mean"), *(Line("unit", table="t", unit=name) for name in "ab"))
    raw = {"overall.mean": "0.80", "t/a/overall": "0.90", "t/b/overall": "0.75"}
    grades = (replace(TOP, members=("a",)), MID)
    findings = found(publication(raw, "half_up", units=UNITS, grades=grades, lines=lines))
    assert "grade.top.list" in findings
    assert "grade.lists" not in findings


def test_printed_scores_narrow_what_a_group_can_have() -> None:
    group = Group("g", "组", "Group", "k", ("a", "b"))
    raw = {"group.g.mean": "0.75", "t/a/overall": "0.90", "t/b/overall": "0.80"}
    lines = (Line("mean"), Line("unit", table="t", unit="a"), Line("unit", table="t", unit="b"))
    finding = found(publication(raw, "half_up", units=UNITS, groups=(group,), lines=lines))["group.g"]
    assert ends(finding) == "[0.845, 0.855)"
    assert finding.verdict == "impossible"
    assert finding.certificate is not None
    assert set(finding.certificate.figures) == set(raw)


def test_what_is_left_for_the_rest_must_fit_its_grades() -> None:
    group = Group("g", "组", "Group", "k", ("a", "b"))
    raw = {"overall.mean": "0.80", "group.g.mean": "0.80"}
    published = publication(raw, "half_up", units=UNITS, groups=(group,), grades=listed("a", "b", "cd"))
    finding = found(published)["rest.k"]
    # 2 × [0.795, 0.805) − [0.795, 0.805) for two units below 0.70
    assert (finding.verdict, finding.severity) == ("impossible", "high")
    assert "0.785" in finding.text_en
    assert finding.certificate is not None
    assert finding.certificate.figures == ("overall.mean", "group.g.mean")
    assert found(published.with_value("overall.mean", Decimal("0.70")))["rest.k"].verdict == "possible"


def test_groups_that_cover_all_units_give_the_overall_mean() -> None:
    halves = (Group("g", "甲", "First", "k", ("a", "b")), Group("h", "乙", "Second", "k", ("c", "d")))
    raw = {"overall.mean": "0.60", "group.g.mean": "0.80", "group.h.mean": "0.44"}
    finding = found(publication(raw, units=UNITS, groups=halves))["rest.k"]
    assert finding.verdict == "impossible"  # 0.62 ± 0.005 against 0.60 ± 0.005
    assert ends(finding) == "[0.615, 0.625]"
    near = found(publication({**raw, "overall.mean": "0.62"}, units=UNITS, groups=halves))
    assert near["rest.k"].verdict == "possible"


# --- grades


def test_an_overall_mean_lies_within_what_the_grades_allow() -> None:
    raw = {"overall.mean": "0.40", "units.n": "4", "grade.top.n": "1", "grade.mid.n": "2", "grade.low.n": "1"}
    finding = found(publication(raw, grades=(TOP, MID, LOW)))["grade.mean"]
    assert ends(finding) == "[0.5625, 0.85)"  # (0.85 + 2 × 0.70) ÷ 4 and (1 + 2 × 0.85 + 0.70) ÷ 4
    assert finding.verdict == "impossible"
    assert finding.certificate is not None
    assert set(finding.certificate.figures) == set(raw)
    fine = publication({**raw, "overall.mean": "0.70"}, grades=(TOP, MID, LOW))
    assert found(fine)["grade.mean"].verdict == "possible"
    uneven = publication({**raw, "grade.low.n": "2"}, grades=(TOP, MID, LOW))
    assert "grade.mean" not in found(uneven)


def test_a_mean_of_a_grade_lies_in_its_range() -> None:
    raw = {"grade.mid.mean": "0.86"}
    finding = found(publication(raw, "half_up", grades=(MID,)))["grade.mid"]
    assert finding.verdict == "impossible"
    # 0.85 may have been 0.845, and is none of the grade where figures are cut off.
    assert found(publication({"grade.mid.mean": "0.85"}, grades=(MID,)))["grade.mid"].verdict == "possible"
    cut = found(publication({"grade.mid.mean": "0.85"}, "truncated", grades=(MID,)))["grade.mid"]
    assert cut.verdict == "impossible"
    assert cut.certificate is not None
    assert cut.certificate.touches
    assert found(publication({"grade.mid.mean": "0.80"}, grades=(MID,)))["grade.mid"].verdict == "possible"


def test_means_of_grades_and_their_numbers_give_the_overall_mean() -> None:
    raw = {
        "overall.mean": "0.70", "units.n": "2", "grade.mid.n": "1", "grade.low.n": "1",
        "grade.mid.mean": "0.80", "grade.low.mean": "0.50",
    }  # fmt: skip
    finding = found(publication(raw, grades=(MID, LOW)))["grade.mean"]
    assert ends(finding) == "[0.645, 0.655]"
    assert finding.verdict == "impossible"


def test_groups_of_several_kinds_that_cannot_hold_together_are_found() -> None:
    kinds = (
        Group("ab", "甲", "First", "one", ("a", "b")), Group("ac", "乙", "Second", "two", ("a", "c")),
        Group("bc", "丙", "Third", "three", ("b", "c")),
    )  # fmt: skip
    # a + b and a + c are about 1.8 each, so that c is at least 0.79 and the three 2.58; all four have 2.0.
    raw = {"overall.mean": "0.50", **{f"group.{g.name}.mean": "0.90" for g in kinds}}
    findings = found(publication(raw, units=UNITS, groups=kinds))
    assert findings["rest.one"].verdict == "possible"
    finding = findings["group.together"]
    assert (finding.verdict, finding.severity) == ("impossible", "high")
    assert finding.certificate is not None
    assert finding.certificate.holds()
    assert "overall.mean" in finding.certificate.figures
    assert len(set(raw) & set(finding.certificate.figures)) == 3
    fine = found(publication({**raw, "overall.mean": "0.70"}, units=UNITS, groups=kinds))["group.together"]
    assert fine.verdict == "possible"


def test_all_means_together_bound_what_is_not_printed() -> None:
    kinds = (Group("ab", "甲", "First", "one", ("a", "b")),)
    raw = {"overall.mean": "0.50", "group.ab.mean": "0.30"}
    finding = found(publication(raw, "half_up", units=UNITS, groups=kinds))["group.together"]
    assert ends(finding) == "(0.685, 0.715)"
    assert "First" in finding.bounds[0].what_en


# --- lists of grades against printed scores


def test_a_score_outside_the_grade_of_its_unit_is_impossible() -> None:
    raw = {"t/a/overall": "0.90", "t/b/overall": "0.84", "t/c/overall": "0.70", "t/d/overall": "0.31"}
    lines = (Line("mean"), *(Line("unit", table="t", unit=unit) for unit in "abcd"))
    published = publication(raw, "half_up", units=UNITS, grades=listed("ab", "", "c"), lines=lines)
    findings = found(published)
    wrong = findings["grade.top.list/b"]
    assert (wrong.verdict, wrong.severity) == ("impossible", "high")
    assert wrong.certificate is not None
    assert wrong.certificate.touches is False
    assert "0.005" in wrong.text_en
    # 0.70 in the grade below 0.70: right if it was 0.695 … 0.70 before rounding.
    assert (findings["grade.low.list/c"].verdict, findings["grade.low.list/c"].severity) == ("only_if", "low")
    assert findings["grade.lists"].verdict == "only_if"
    assert "D (0.31)" in findings["grade.lists"].text_en


def test_scores_that_fit_their_lists_give_one_finding_that_names_the_edges() -> None:
    raw = {"t/a/overall": "0.90", "t/b/overall": "0.85"}
    lines = (Line("mean"), *(Line("unit", table="t", unit=unit) for unit in "ab"))
    findings = found(publication(raw, units=UNITS, grades=listed("ab"), lines=lines))
    assert [key for key in findings if ".list" in key] == ["grade.top.list"]
    assert "B (0.85)" in findings["grade.top.list"].text_en
    assert "A (0.90)" not in findings["grade.top.list"].text_en


def test_only_claims_on_the_figures_asked_for_are_checked() -> None:
    pair = (Group("g", "甲", "First", "k", ("a",)), Group("h", "乙", "Second", "k", ("b",)))
    raw = {"overall.mean": "0.50", "group.g.mean": "0.30", "group.h.mean": "0.30"}
    published = publication(raw, units=UNITS, groups=pair)
    asked = [finding.id for finding in groups.check(published, frozenset({"group.g.mean"}))]
    assert asked == ["group.g", "rest.k", "group.together"]
    assert not list(groups.check(published, frozenset({"else"})))


def test_periods_are_held_apart() -> None:
    raw = {
        "2019:overall.mean": "0.20",
        "2020:overall.mean": "0.80",
        "2019:grade.top.n": "2",
        "2020:grade.top.n": "2",
    }
    lines = (Line("mean", "2019"), Line("mean", "2020"))
    findings = found(publication({**raw, "units.n": "2"}, grades=(TOP,), lines=lines))
    assert findings["2019:grade.mean"].verdict == "impossible"
    assert findings["2020:grade.mean"].verdict == "impossible"
    assert "grade.mean" not in findings


# --- no false alarm


def printed(value: Fraction, rule: str, digits: int) -> str:
    step = Decimal(1).scaleb(-digits)
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return str(exact.quantize(step, ROUNDINGS[rule]))


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, F(0)) / len(values)


@given(st.integers(0, 10**6), st.sampled_from(sorted(ROUNDINGS)), st.integers(1, 3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_figures_of_real_scores_are_never_impossible(
    seed: int, rule: str, digits: int, declared: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    names = [f"u{i}" for i in range(n)]
    scores = {name: F(int(v), 200) for name, v in zip(names, rng.integers(0, 201, n), strict=True)}
    raw = {"overall.mean": printed(mean(list(scores.values())), rule, digits), "units.n": str(n)}
    parts = []
    for kind in ("one", "two"):
        cut = sorted(int(v) for v in rng.integers(0, n + 1, 2))
        order = [names[i] for i in rng.permutation(n)]
        for name, members in ((f"{kind}1", order[: cut[0]]), (f"{kind}2", order[cut[0] : cut[1]])):
            if members:
                parts.append(Group(name, name, name, kind, tuple(members)))
                raw[f"group.{name}.mean"] = printed(mean([scores[u] for u in members]), rule, digits)
    grades = []
    for grade in (TOP, MID, LOW):
        members = [u for u in names if scores[u] in grade.range]
        if members:
            grades.append(replace(grade, members=tuple(members)))
            raw[f"grade.{grade.name}.n"] = str(len(members))
            if seed % 3 == 0:
                raw[f"grade.{grade.name}.mean"] = printed(mean([scores[u] for u in members]), rule, digits)
    lines = [Line("mean")]
    if seed % 2:
        lines += [Line("unit", table="t", unit=name) for name in names]
        raw |= {f"t/{name}/overall": printed(score, rule, digits) for name, score in scores.items()}
    published = publication(
        raw, rule if declared else "unknown", units={name: Unit(name, name) for name in names},  # type: ignore[arg-type]
        groups=tuple(parts), grades=tuple(grades), lines=tuple(lines),
    )  # fmt: skip
    assert [finding.id for finding in groups.check(published) if finding.verdict == "impossible"] == []


@pytest.mark.parametrize("seed", range(12))
def test_the_rest_has_the_range_of_every_table_on_a_grid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tenths = [F(i, 10) for i in range(11)]
    raw = {"overall.mean": f"0.{rng.integers(3, 8)}", "group.g.mean": f"0.{rng.integers(2, 9)}"}
    published = publication(
        raw, "half_up", units={name: Unit(name, name) for name in "abc"},
        groups=(Group("g", "组", "Group", "k", ("a",)),),
    )  # fmt: skip
    finding = found(published)["rest.k"]
    whole, own = (published.figures[key].interval() for key in raw)
    fits = [(b + c) / 2 for a, b, c in product(tenths, repeat=3) if a in own and (a + b + c) / 3 in whole]
    assert all(value in finding.bounds[0].interval for value in fits)
    if fits:
        assert finding.verdict == "possible"
