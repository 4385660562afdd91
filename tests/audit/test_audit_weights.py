"""Unpublished weights: which are possible, exactly, and whether equal ones or counts would do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from citygauge.audit.figures import Figure, Interval, Rule
from citygauge.audit.findings import Finding
from citygauge.audit.published import Line, Node, Published
from citygauge.audit.weight_ranges import (
    Parent,
    largest_smallest,
    nearest_to_equal,
    parent_of,
    weight_ranges,
)
from citygauge.audit.weights import check

CENT = Decimal("0.01")
# Table 3-13 of 2021 年智慧城市发展水平调查评估报告, with the numbers of indicators in its appendix.
PILLARS = {"S": "0.73", "M": "0.79", "A": "0.80", "R": "0.47", "T": "0.67"}
DIMENSIONS = {
    "数字服务": ("S", "0.80", 6), "服务体验": ("S", "0.63", 3),
    "建设管理": ("M", "0.74", 5), "社会管理": ("M", "0.83", 5),
    "平台开放度": ("A", "0.53", 2), "平台统一度": ("A", "0.80", 2), "平台安全度": ("A", "0.82", 4),
    "平台效果": ("A", "0.72", 2),
    "标准规范": ("R", "0.45", 2), "资源库建设": ("R", "0.48", 4),
    "网络基础": ("T", "0.82", 4), "物联网": ("T", "0.89", 3), "云计算": ("T", "0.50", 2),
    "智慧终端": ("T", "0.38", 1), "创新能力建设": ("T", "0.77", 4), "产业生态": ("T", "0.67", 3),
}  # fmt: skip


def report(rule: Rule = "half_up") -> Published:
    nodes = {"overall": Node("overall", None, "智慧城市", "Index")}
    nodes |= {code: Node(code, "overall", code, code) for code in PILLARS}
    nodes |= {name: Node(name, over, name, name, indicators=n) for name, (over, _, n) in DIMENSIONS.items()}
    means = PILLARS | {name: mean for name, (_, mean, _) in DIMENSIONS.items()}
    figures = {f"{c}.mean": Figure(f"{c}.mean", Decimal(v), CENT, rule) for c, v in means.items()}
    return Published("报告", "report", nodes, figures)


def flat(parent: str, parts: list[str], rule: Rule = "half_up", **weights: str) -> Published:
    """Return one parent with parts a, b, c …"""
    codes = [chr(ord("a") + i) for i in range(len(parts))]
    nodes = {"overall": Node("overall", None, "指数", "Index")}
    nodes |= {code: Node(code, "overall", f"部分{code}", f"part {code}") for code in codes}
    values = {"overall": parent, **dict(zip(codes, parts, strict=True))}
    figures = {f"{c}.mean": Figure(f"{c}.mean", Decimal(v), CENT, rule) for c, v in values.items()}
    figures |= {f"{c}.weight": Figure(f"{c}.weight", Decimal(w)) for c, w in weights.items()}
    return Published("试", "trial", nodes, figures)


def found(published: Published, name: str = "weights.overall") -> Finding:
    return next(finding for finding in check(published) if finding.id == name)


def parent(published: Published, code: str = "overall") -> Parent:
    return next(p for p in [parent_of(published, code, "")] if p)


def bound(finding: Finding, what: str) -> Interval:
    return next(b.interval for b in finding.bounds if b.what_en == what)


def test_the_platform_pillar_of_2021_needs_openness_below_three_twenty_ninths() -> None:
    # (0.825 − 0.795) ÷ (0.825 − 0.535): all the rest on the highest part at its very top.
    finding = found(report(), "weights.A")
    assert (finding.verdict, finding.severity) == ("only_if", "medium")
    assert weight_ranges(parent(report(), "A"))["平台开放度"] == Interval(
        Fraction(0), Fraction(3, 29), high_open=True
    )
    assert "平台开放度所占权重低于 10.3%" in finding.text_zh
    assert "平台开放度 counts for less than 10.3 %" in finding.text_en
    assert weight_ranges(parent(report("unknown"), "A"))["平台开放度"].high == Fraction(3, 29)
    assert bound(finding, "the mean with equal weights") == Interval(
        Fraction("0.7125"), Fraction("0.7225"), high_open=True
    )
    assert str(bound(finding, "with weights by the number of indicators, at the values as printed")) == (
        "[0.738, 0.738]"
    )
    assert finding.bounds[0].what_en == "the weight of 平台开放度"


def test_the_service_pillar_of_2021_needs_digital_services_between_nine_and_eleven_seventeenths() -> None:
    assert weight_ranges(parent(report(), "S"))["数字服务"] == Interval(
        Fraction(9, 17), Fraction(11, 17), low_open=True, high_open=True
    )
    finding = found(report(), "weights.S")
    assert finding.verdict == "only_if"
    assert "数字服务 counts for 52.9 % to 64.7 %" in finding.text_en
    assert "52.9% 至 64.7%" in finding.text_zh


@pytest.mark.parametrize(("code", "value"), [("R", "0.465"), ("M", "0.785")])
def test_equal_weights_that_land_on_the_edge_are_said_to_touch_it(code: str, value: str) -> None:
    for rule in ("half_up", "unknown"):
        finding = found(report(rule), f"weights.{code}")
        assert (finding.verdict, finding.touch) == ("possible", ("half_up",))
        assert f"give exactly {value}, on the very edge" in finding.text_en
        assert f"恰得 {value}，正好落在印成" in finding.text_zh


def test_no_one_usual_rule_serves_the_whole_report_of_2021() -> None:
    finding = found(report(), "rule.common")
    assert (finding.verdict, finding.severity) == ("only_if", "medium")
    assert "equal weights: it fails at S, A." in finding.text_en
    # By count 服务完备度 is 6.69/9 = 0.743 and 技术支撑度 is 12.42/17 = 0.731.
    assert "number of indicators: it fails at S, A, T." in finding.text_en


def test_every_rule_of_rounding_leaves_the_same_two_pillars_in_need_of_unusual_weights() -> None:
    for rule in ("half_up", "half_even", "half_down", "unknown"):
        unusual = {f.id for f in check(report(rule)) if f.kind == "weights" and f.verdict != "possible"}
        assert unusual == {"weights.S", "weights.A"}


def test_the_weights_nearest_to_equal_and_the_largest_smallest_weight_are_exact() -> None:
    # With all tops: 0.7225 + d (0.805 + 0.825 − 0.535 − 0.725) = 0.795, so d = 0.0725/0.37 = 29/148;
    # t on three parts and the rest on the highest: 0.825 − 0.41 t = 0.795, so t = 3/41.
    platform = parent(report("unknown"), "A")
    d = Fraction(29, 148)
    quarter = Fraction(1, 4)
    assert nearest_to_equal(platform) == {
        "平台开放度": quarter - d, "平台效果": quarter - d,
        "平台统一度": quarter + d, "平台安全度": quarter + d,
    }  # fmt: skip
    smallest = largest_smallest(platform)
    assert smallest
    assert smallest.high == Fraction(3, 41)


def test_a_possible_parent_comes_with_a_table_that_shows_it() -> None:
    certificate = found(report(), "weights.A").certificate
    assert certificate
    witness = certificate.witness
    assert witness
    assert sum(value for name, value in witness.items() if name.startswith("weight:")) == 1
    assert all(witness[key] in f.interval() for key, f in report().figures.items() if key in witness)


def test_a_mean_outside_all_its_parts_is_impossible_with_any_weights_by_a_proof() -> None:
    finding = found(flat("0.90", ["0.50", "0.60", "0.70"]))
    assert (finding.verdict, finding.severity) == ("impossible", "high")
    assert bound(finding, "the mean with any weights") == Interval(
        Fraction("0.495"), Fraction("0.705"), high_open=True
    )
    assert "at least 0.19" in finding.text_en
    assert finding.certificate
    assert finding.certificate.holds()
    assert set(finding.certificate.figures) == {"overall.mean", "a.mean", "b.mean", "c.mean"}


def test_a_mean_that_touches_its_highest_part_depends_on_the_rule_of_rounding() -> None:
    # Up to 0.705 against 0.705 and more: half up leaves the first out, half down the second.
    pair = ["0.50", "0.70"]
    assert found(flat("0.71", pair, "half_up")).verdict == "impossible"
    assert "only at an edge" in found(flat("0.71", pair, "half_up")).text_en
    assert found(flat("0.71", pair, "half_down")).verdict == "impossible"
    # Half to even gives a tie to one of two neighbours, so what is out of reach by an end stays so.
    assert found(flat("0.71", pair, "half_even")).verdict == "impossible"
    assert found(flat("0.71", pair, "unknown")).verdict == "impossible"
    assert found(flat("0.70", ["0.50", "0.69"], "half_up")).verdict == "impossible"


def test_weights_that_may_be_equal_one_by_one_but_not_all_at_once_are_told_so() -> None:
    # Equal weights give 0.50; 0.60 is reached by much of a, much of b, or little of c and d.
    finding = found(flat("0.60", ["0.90", "0.60", "0.40", "0.10"]))
    assert finding.verdict == "only_if"
    ranges = weight_ranges(parent(flat("0.60", ["0.90", "0.60", "0.40", "0.10"])))
    assert all(Fraction(1, 4) in extent for extent in ranges.values())
    assert "not all of them at once" in finding.text_en


def test_a_constant_row_of_parts_allows_any_weights() -> None:
    finding = found(flat("0.50", ["0.50", "0.50"]))
    assert finding.verdict == "possible"
    assert all(
        str(extent) == "[0, 1]" for extent in weight_ranges(parent(flat("0.50", ["0.50"] * 3))).values()
    )


def test_counts_that_are_not_known_are_not_held_against_anything() -> None:
    finding = found(flat("0.55", ["0.50", "0.60"]))
    assert "number of indicators" not in finding.text_en
    assert [f.id for f in check(flat("0.55", ["0.50", "0.60"]))] == ["weights.overall"]


def test_printed_weights_and_single_parts_leave_nothing_to_ask() -> None:
    assert not list(check(flat("0.90", ["0.50", "0.60"], a="1", b="1")))
    assert not list(check(flat("0.90", ["0.50"])))
    bare = flat("0.90", ["0.50", "0.60"])
    assert not list(check(bare.without("a.mean", "b.mean")))
    assert not list(check(bare.without("overall.mean")))


def test_one_printed_weight_narrows_the_others() -> None:
    # 0.5·0.9 + w·0.5 + (0.5 − w)·0.1: the parent 0.60 needs w of about 0.25.
    some = flat("0.60", ["0.90", "0.50", "0.10"], "unknown", a="0.5")
    ranges = weight_ranges(parent(some))
    assert ranges["a"] == Interval(Fraction(1, 2), Fraction(1, 2))
    # Lows: 0.4475 + 0.495 w + 0.095 (0.5 − w) ≤ 0.605; highs: 0.4525 + 0.505 w + 0.105 (0.5 − w) ≥ 0.595
    assert ranges["b"] == Interval(Fraction("0.09") / Fraction("0.4"), Fraction("0.11") / Fraction("0.4"))
    in_per_cent = replace(some, figures={**some.figures, "a.weight": Figure("a.weight", Decimal(50))})
    assert weight_ranges(parent(in_per_cent)) == ranges


def test_only_parents_with_a_figure_that_is_touched_are_checked_again() -> None:
    again = list(check(report(), frozenset({"平台效果.mean"})))
    assert [finding.id for finding in again] == ["weights.A", "rule.common"]
    assert again[0].verdict == "only_if"
    assert again[0].certificate is None


def table(rows: dict[str, tuple[str, ...]], rule: Rule = "unknown") -> Published:
    """Return a table of units: the index and its parts a, b, c …"""
    base = flat("0.5", ["0.5"] * (len(next(iter(rows.values()))) - 1))
    lines = tuple(Line("unit", table="t", unit=unit) for unit in rows)
    figures = {}
    for line, cells in zip(lines, rows.values(), strict=True):
        for code, cell in zip(base.nodes, cells, strict=True):
            figures[line.id(code)] = Figure(line.id(code), Decimal(cell), CENT, rule)
    return replace(base, figures=figures, lines=lines)


def test_all_rows_of_a_table_share_their_weights() -> None:
    # 甲 needs a to count for 0.79 to 0.81 or so, 乙 the same of b: each row alone is possible, not both.
    both = table({"甲": ("0.80", "1.00", "0.00"), "乙": ("0.80", "0.00", "1.00")})
    finding = found(both)
    assert (finding.verdict, finding.severity) == ("impossible", "high")
    assert "all 2 rows" in finding.text_en
    assert finding.certificate
    assert finding.certificate.holds()
    alone = {key: f for key, f in both.figures.items() if "甲" in key}
    one = replace(both, figures=alone, lines=both.lines[:1])
    assert found(one).verdict == "only_if"
    agreeing = table({"甲": ("0.80", "1.00", "0.00"), "乙": ("0.20", "0.00", "1.00")})
    assert found(agreeing).verdict == "only_if"
    assert (
        found(table({"甲": ("0.50", "1.00", "0.00"), "乙": ("0.50", "0.00", "1.00")})).verdict == "possible"
    )


def test_a_table_of_two_hundred_rows_pins_the_weights_down() -> None:
    true = (Fraction(1, 2), Fraction(3, 10), Fraction(1, 5))
    rows = {}
    for i in range(200):
        parts = [Fraction((i * k) % 101, 100) for k in (7, 31, 57)]
        index = sum(w * p for w, p in zip(true, parts, strict=True))
        rows[str(i)] = tuple(f"{float(x):.2f}" for x in (index, *parts))
    published = table(rows)
    finding = found(published)
    assert finding.verdict == "only_if"
    for extent, weight in zip(weight_ranges(parent(published)).values(), true, strict=True):
        assert weight in extent
        assert extent.low is not None
        assert extent.high is not None
        assert extent.high - extent.low < Fraction(1, 20)


UNIT = st.integers(0, 100).map(lambda n: Fraction(n, 100))


@settings(max_examples=40, deadline=None)
@given(parts=st.lists(UNIT, min_size=3, max_size=3), own=UNIT)
def test_ranges_are_those_of_the_corners_of_all_possible_weights(
    parts: list[Fraction], own: Fraction
) -> None:
    published = flat(f"{float(own):.2f}", [f"{float(p):.2f}" for p in parts], "unknown")
    corners = _corners(parts, own)
    ranges = weight_ranges(parent(published))
    assert bool(ranges) == bool(corners)
    if not corners:
        assert found(published).verdict == "impossible"
    else:
        for i, extent in enumerate(ranges.values()):
            assert (extent.low, extent.high) == (min(c[i] for c in corners), max(c[i] for c in corners))
        smallest = largest_smallest(parent(published))
        assert smallest
        assert smallest.high is not None
        assert smallest.high >= max(min(c) for c in corners)


def _corners(parts: list[Fraction], own: Fraction) -> list[tuple[Fraction, ...]]:
    """Return where two limits cross inside all of them, on the plane of weights that add up to 1."""
    half = Fraction(1, 200)
    one, nought = Fraction(1), Fraction(0)
    lows = tuple(max(p - half, nought) for p in parts)
    highs = tuple(min(p + half, one) for p in parts)
    limits = [(tuple(-one if i == j else nought for j in range(3)), nought) for i in range(3)]
    limits += [(lows, min(own + half, one)), (tuple(-h for h in highs), -max(own - half, nought))]
    found_corners: list[tuple[Fraction, ...]] = []
    for (a, p), (b, q) in combinations(limits, 2):
        # w2 = 1 − w0 − w1 leaves two equations in two unknowns.
        a0, a1, b0, b1 = a[0] - a[2], a[1] - a[2], b[0] - b[2], b[1] - b[2]
        det = a0 * b1 - a1 * b0
        if det:
            x, y = ((p - a[2]) * b1 - (q - b[2]) * a1) / det, (a0 * (q - b[2]) - b0 * (p - a[2])) / det
            w = (x, y, 1 - x - y)
            if all(sum(c * v for c, v in zip(row, w, strict=True)) <= limit for row, limit in limits):
                found_corners.append(w)
    return found_corners


@settings(max_examples=40, deadline=None)
@given(
    units=st.lists(st.tuples(UNIT, UNIT, UNIT), min_size=1, max_size=4),
    weights=st.lists(st.integers(0, 9), min_size=3, max_size=3),
    rule=st.sampled_from(["half_up", "half_even", "half_down", "truncated", "unknown"]),
    as_table=st.booleans(),
)
def test_true_scores_with_any_weights_are_never_called_impossible(
    units: list[tuple[Fraction, ...]], weights: list[int], rule: Rule, as_table: bool
) -> None:
    assume(sum(weights))
    shares = [Fraction(w, sum(weights)) for w in weights]
    rows = [(sum(w * s for w, s in zip(shares, unit, strict=True)), *unit) for unit in units]
    if not as_table:
        rows = [tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))]
    cells = {str(i): tuple(_round(value, rule) for value in row) for i, row in enumerate(rows)}
    published = table(cells, rule) if as_table else flat(cells["0"][0], list(cells["0"][1:]), rule)
    finding = found(published)
    assert finding.verdict != "impossible"
    ranges = weight_ranges(parent(published))
    if finding.verdict == "possible" or rule != "unknown":
        assert all(share in extent for share, extent in zip(shares, ranges.values(), strict=True))


def _round(value: Fraction, rule: Rule) -> str:
    cents = value * 100
    down = cents.numerator // cents.denominator
    rest = cents - down
    half = Fraction(1, 2)
    up = rest > half or (
        rest == half and (rule in {"half_up", "unknown"} or (rule == "half_even" and down % 2))
    )
    return f"{Decimal(down + (up and rule != 'truncated')) / 100:.2f}"
