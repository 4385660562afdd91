"""A printed parent against its parts: in exact intervals, under each rule of rounding, and all at once."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.audit.figures import Figure, Interval, Rule
from citygauge.audit.findings import Finding
from citygauge.audit.implied import mixed
from citygauge.audit.parents import check
from citygauge.audit.published import Goalposts, Grade, Line, Node, Published, Unit

CENT = Decimal("0.01")
ROUNDING = {
    "half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "half_down": ROUND_HALF_DOWN,
    "truncated": ROUND_DOWN,
}  # fmt: skip


def index(
    parents: dict[str, list[str]], means: dict[str, str], weights: dict[str, str], rule: Rule = "half_up"
) -> Published:
    """Return a publication of means, with weights that are exact numbers."""
    over = {child: parent for parent, children in parents.items() for child in children}
    codes = ["overall", *over]
    figures = {
        f"{code}.mean": Figure(f"{code}.mean", Decimal(value), _step(value), rule)
        for code, value in means.items()
    }
    figures |= {f"{code}.weight": Figure(f"{code}.weight", Decimal(w)) for code, w in weights.items()}
    nodes = {code: Node(code, over.get(code), f"节点{code}", f"node {code}") for code in codes}
    return Published("试", "trial", nodes, figures)


def _step(value: str) -> Decimal:
    return Decimal(1).scaleb(int(Decimal(value).as_tuple().exponent))


def found(published: Published, name: str) -> Finding:
    return next(finding for finding in check(published) if finding.id == name)


REPORT = index(
    {"overall": ["S", "M", "A", "R", "T"]},
    {"overall": "0.70", "S": "0.73", "M": "0.79", "A": "0.80", "R": "0.47", "T": "0.67"},
    {"S": "0.30", "M": "0.20", "A": "0.25", "R": "0.15", "T": "0.10"},
)


def test_the_overall_mean_of_the_2021_report_is_impossible_by_a_proof_that_adds_up() -> None:
    finding = found(REPORT, "parent.overall")
    assert (finding.verdict, finding.severity) == ("impossible", "high")
    assert [str(bound.interval) for bound in finding.bounds] == [
        "[0.7095, 0.7195)", "[0.695, 0.705)", "[0.7145, 0.7145]",
    ]  # fmt: skip
    assert finding.figures[0] == "overall.mean"
    assert finding.certificate
    assert finding.certificate.holds()
    assert finding.certificate.gap == Fraction(7050 - 7095, 10000)
    assert "0.0045" in finding.text_en
    assert "0.0045" in finding.text_zh
    assert "too low" in finding.text_en


@pytest.mark.parametrize("rule", ["half_up", "half_even", "half_down", "truncated", "unknown"])
def test_no_rule_of_rounding_saves_that_mean(rule: Rule) -> None:
    figures = {key: replace(f, rule=rule) if f.step else f for key, f in REPORT.figures.items()}
    assert found(replace(REPORT, figures=figures), "parent.overall").verdict == "impossible"


@pytest.mark.parametrize(("platform", "verdict"), [("0.79", "impossible"), ("0.78", "possible")])
def test_a_lower_platform_mean_makes_it_possible_from_where_the_intervals_meet(
    platform: str, verdict: str
) -> None:
    # The parts give at least 0.7095 − 0.25 (0.80 − x): 0.707 and 0.7045 against less than 0.705.
    assert found(REPORT.with_value("A.mean", Decimal(platform)), "parent.overall").verdict == verdict


def test_a_parent_that_agrees_is_told_to_be_possible_with_a_table_that_shows_it() -> None:
    finding = found(REPORT.with_value("overall.mean", Decimal("0.71")), "parent.overall")
    assert (finding.verdict, finding.severity) == ("possible", "none")
    assert finding.certificate
    witness = finding.certificate.witness
    assert witness
    weights = {"S": 30, "M": 20, "A": 25, "R": 15, "T": 10}
    total = sum(weight * witness[f"{code}.mean"] for code, weight in weights.items())
    assert witness["overall.mean"] == total / 100
    assert all(
        witness[key] in REPORT.with_value("overall.mean", Decimal("0.71")).figures[key].interval()
        for key in witness
    )


# Two equal halves at 0.10 and 0.20 give [0.145, 0.155); the parent 0.16 is [0.155, 0.165) under half up,
# (0.155, 0.165] under half down, [0.155, 0.165] under half even (its digit is even, so are those below).
HALVES = {"P": "0.5", "Q": "0.5"}


def edge(rule: Rule) -> Finding:
    pair = index({"overall": ["P", "Q"]}, {"overall": "0.16", "P": "0.10", "Q": "0.20"}, HALVES, rule)
    return found(pair, "parent.overall")


def test_two_ends_that_touch_hold_only_under_the_rule_that_keeps_both() -> None:
    assert edge("half_up").verdict == "impossible"
    assert edge("half_down").verdict == "impossible"
    assert edge("half_even").verdict == "possible"
    open_rule = edge("unknown")
    assert (open_rule.verdict, open_rule.severity) == ("only_if", "low")
    assert open_rule.touch == ("half_even",)
    assert "half to the even digit" in open_rule.text_en
    assert "逢五取偶" in open_rule.text_zh


def test_a_touch_that_is_left_out_is_said_to_be_at_an_edge_and_its_gap_is_nought() -> None:
    finding = edge("half_up")
    assert "edge" in finding.text_en
    assert "边界" in finding.text_zh
    assert finding.certificate
    assert finding.certificate.gap == 0
    assert finding.certificate.holds()


def test_figures_that_agree_only_when_cut_off_are_told_so() -> None:
    # Cut off: 0.10 and 0.20 are [0.10, 0.11) and [0.20, 0.21), their mean [0.15, 0.16); nearest never 0.14.
    pair = index({"overall": ["P", "Q"]}, {"overall": "0.1", "P": "0.19", "Q": "0.19"}, HALVES, "unknown")
    finding = found(pair, "parent.overall")
    assert (finding.verdict, finding.severity, finding.touch) == ("only_if", "medium", ("truncated",))
    assert "cut off" in finding.text_en


def test_a_part_that_is_not_printed_counts_with_what_its_own_parts_allow() -> None:
    tree = {"overall": ["P", "Q"], "P": ["a", "b"]}
    means = {"overall": "0.90", "Q": "0.50", "a": "0.20", "b": "0.60"}
    free = found(index(tree, means, HALVES), "parent.overall")
    # With any weights P lies in [0.195, 0.605), and so the parent in [0.345, 0.555).
    assert str(free.bounds[0].interval) == "[0.345, 0.555)"
    assert free.verdict == "impossible"
    known = index(tree, means, {**HALVES, "a": "1", "b": "3"})
    assert str(found(known, "parent.overall").bounds[0].interval) == "[0.495, 0.505)"


def test_a_part_without_any_figure_may_lie_anywhere_on_the_scale() -> None:
    half = index({"overall": ["P", "Q"]}, {"overall": "0.75", "P": "0.50"}, HALVES)
    finding = found(half, "parent.overall")
    assert finding.verdict == "possible"
    assert str(finding.bounds[0].interval) == "[0.2475, 0.7525)"
    assert found(half.with_value("overall.mean", Decimal("0.76")), "parent.overall").verdict == "impossible"


def test_a_parent_of_parts_of_which_nothing_is_printed_is_no_claim() -> None:
    assert not list(check(index({"overall": ["P", "Q"]}, {"overall": "0.90"}, HALVES)))


def test_weights_that_are_not_printed_are_left_to_another_check() -> None:
    means = {"overall": "0.90", "P": "0.50", "Q": "0.20"}
    assert not [f for f in check(index({"overall": ["P", "Q"]}, means, {})) if f.id == "parent.overall"]


def test_a_single_part_needs_no_weight() -> None:
    finding = found(index({"overall": ["P"]}, {"overall": "0.51", "P": "0.50"}, {}), "parent.overall")
    assert finding.verdict == "impossible"


def test_weights_with_a_tolerance_widen_what_the_parts_give() -> None:
    means = {"overall": "0.55", "P": "0.80", "Q": "0.20"}
    exact = index({"overall": ["P", "Q"]}, means, HALVES)
    loose = {
        key: replace(f, tolerance=Decimal("0.1")) if key.endswith("weight") else f
        for key, f in exact.figures.items()
    }
    assert found(exact, "parent.overall").verdict == "impossible"
    finding = found(replace(exact, figures=loose), "parent.overall")
    # 0.4·0.795 + 0.6·0.195 = 0.435 and 0.6·0.805 + 0.4·0.205 = 0.565
    assert str(finding.bounds[0].interval) == "[0.435, 0.565)"
    assert finding.verdict == "possible"


def test_weights_in_per_cent_are_the_same_as_shares() -> None:
    weights = {"S": "30", "M": "20", "A": "25", "R": "15", "T": "10"}
    figures = REPORT.figures | {f"{c}.weight": Figure(f"{c}.weight", Decimal(w)) for c, w in weights.items()}
    finding = found(replace(REPORT, figures=figures), "parent.overall")
    assert finding.bounds == found(REPORT, "parent.overall").bounds


def test_weights_in_per_cent_with_a_tolerance_are_the_same_as_shares() -> None:
    tree, means = {"overall": ["P", "Q"]}, {"overall": "0.55", "P": "0.80", "Q": "0.20"}
    base = index(tree, means, {"P": "50", "Q": "50"})
    loose = {k: replace(f, tolerance=Decimal(10)) if f.step == 0 else f for k, f in base.figures.items()}
    assert str(found(replace(base, figures=loose), "parent.overall").bounds[0].interval) == "[0.435, 0.565)"


def test_printed_weights_that_cannot_add_up_hold_nothing_against_a_parent() -> None:
    figures = dict(REPORT.figures)
    for code, tolerance in (("S", "0.01"), ("M", "0.001")):
        key = f"{code}.weight"
        figures[key] = replace(figures[key], value=Decimal("0.1"), tolerance=Decimal(tolerance))
    finding = found(replace(REPORT, figures=figures), "parent.overall")
    assert finding.verdict == "not_checkable"
    assert "cannot add up" in finding.text_en


def deep(overall: str) -> Published:
    """Return a tree in which the two pillars may each be what is printed, only not both as low as needed."""
    tree = {"overall": ["P", "Q"], "P": ["a", "b"], "Q": ["c", "d"]}
    means = {"overall": overall, "P": "0.5", "Q": "0.5", "a": "0.54", "b": "0.54", "c": "0.54", "d": "0.54"}
    return index(tree, means, {**HALVES, "a": "0.5", "b": "0.5", "c": "0.5", "d": "0.5"})


def test_a_tree_that_fails_only_as_a_whole_is_found_with_the_few_figures_that_clash() -> None:
    # The pillars lie in [0.45, 0.55), with their parts in [0.535, 0.545): 0.50 overall is out of reach.
    published = deep("0.50")
    verdicts = {finding.id: finding.verdict for finding in check(published)}
    assert verdicts["parent.overall"] == verdicts["parent.P"] == verdicts["parent.Q"] == "possible"
    finding = found(published, "parent.together")
    assert (finding.verdict, finding.severity) == ("impossible", "high")
    assert finding.certificate
    assert finding.certificate.holds()
    printed = {key for key in finding.certificate.figures if key.endswith(".mean")}
    assert printed == {"overall.mean", "a.mean", "b.mean", "c.mean", "d.mean"}
    assert found(deep("0.54"), "parent.together").verdict == "possible"


def graded(overall: str, parts: str) -> Published:
    """Return three cities, two of them printed to be at 0.85 or more and one between 0.3 and 0.5."""
    pair = index({"overall": ["P", "Q"]}, {"overall": overall, "P": parts, "Q": parts}, HALVES)
    grades = (
        Grade("top", "领军", "top", Interval(Fraction("0.85"), Fraction(1)), ("甲", "乙")),
        Grade("low", "探索", "low", Interval(Fraction("0.3"), Fraction("0.5"), high_open=True), ("丙",)),
    )
    return replace(pair, grades=grades, units={name: Unit(name, name) for name in ("甲", "乙", "丙")})


def test_grades_and_parts_that_each_allow_the_mean_may_not_do_so_together() -> None:
    # The parts give less than 0.665, the grades at least (2 · 0.85 + 0.3) / 3 = 0.6667; 0.7 is either.
    assert {f.id: f.verdict for f in check(graded("0.7", "0.66"))} == {
        "parent.overall": "possible", "parent.together": "impossible",
    }  # fmt: skip
    finding = found(graded("0.7", "0.66"), "parent.together")
    assert finding.certificate
    assert finding.certificate.holds()
    assert {"grade.top.range", "grade.low.range", "P.mean", "Q.mean"} <= set(finding.certificate.figures)
    assert "P.mean 0.66" in finding.text_en
    assert "the range of scores of top" in finding.text_en
    assert "领军的分数范围" in finding.text_zh


def test_what_the_grades_rule_out_by_themselves_is_left_to_the_check_of_groups() -> None:
    assert found(graded("0.6", "0.60"), "parent.together").verdict == "possible"


def test_what_fails_by_itself_is_set_aside_before_the_rest_is_tried_together() -> None:
    finding = found(deep("0.90"), "parent.together")
    assert finding.verdict == "possible"
    assert "node overall" in finding.text_en
    assert "节点overall" in finding.text_zh


def test_only_claims_that_rest_on_a_figure_are_checked_again() -> None:
    ids = {finding.id for finding in check(deep("0.50"), frozenset({"c.mean"}))}
    assert ids == {"parent.Q", "parent.together"}
    assert not list(check(REPORT, frozenset({"overall.sd"})))


def test_each_period_is_held_against_its_own_figures() -> None:
    figures = dict(REPORT.figures)
    for code in REPORT.nodes:
        name, own = f"2020:{code}.mean", figures[f"{code}.mean"]
        figures[name] = replace(own, id=name, value=Decimal("0.71") if code == "overall" else own.value)
    both = replace(REPORT, figures=figures, lines=(Line("mean"), Line("mean", "2020")))
    verdicts = {finding.id: finding.verdict for finding in check(both)}
    assert verdicts == {"parent.overall": "impossible", "2020:parent.overall": "possible"}


def curved(how: str, overall: str, weights: dict[str, str] | None = None) -> Published:
    means = {"overall": overall, "P": "0.16", "Q": "0.36"}
    published = index({"overall": ["P", "Q"]}, means, HALVES if weights is None else weights)
    root = replace(published.nodes["overall"], how=how)
    return replace(published, nodes={**published.nodes, "overall": root})


def test_a_mean_of_geometric_means_is_not_checked_but_never_exceeds_that_of_the_means() -> None:
    # √(0.165 · 0.365) = 0.24541 is the most that the parts allow.
    assert found(curved("geometric", "0.24"), "parent.overall").verdict == "not_checkable"
    assert found(curved("geometric", "0.24"), "parent.overall.most").verdict == "possible"
    assert found(curved("geometric", "0.25"), "parent.overall.most").verdict == "possible"
    assert found(curved("geometric", "0.26"), "parent.overall.most").verdict == "impossible"
    assert found(curved("geometric", "0.36", {}), "parent.overall.most").verdict == "possible"
    assert found(curved("geometric", "0.38", {}), "parent.overall.most").verdict == "impossible"


def test_a_mean_of_harmonic_means_never_exceeds_that_of_the_means() -> None:
    # 2 ÷ (1/0.165 + 1/0.365) = 0.22726…
    most = found(curved("harmonic", "0.23"), "parent.overall.most")
    assert most.verdict == "possible"
    assert most.bounds[0].interval.high == 2 / (1 / Fraction("0.165") + 1 / Fraction("0.365"))
    assert found(curved("harmonic", "0.24"), "parent.overall.most").verdict == "impossible"
    assert found(curved("harmonic", "0.24"), "parent.overall").verdict == "not_checkable"


def test_parts_that_are_printed_raw_are_not_checked_and_the_reason_is_told() -> None:
    raw = replace(REPORT.nodes["S"], goalposts=Goalposts(Decimal(0), Decimal(10)))
    finding = found(replace(REPORT, nodes={**REPORT.nodes, "S": raw}), "parent.overall")
    assert finding.verdict == "not_checkable"
    assert "goalposts" in finding.text_en


UNIT = st.integers(0, 1000).map(lambda n: Fraction(n, 1000))


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.tuples(UNIT, UNIT, UNIT), min_size=1, max_size=4),
    weights=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    rule=st.sampled_from(sorted(ROUNDING)),
    told=st.booleans(),
)
def test_means_of_true_scores_are_never_called_impossible(
    scores: list[tuple[Fraction, ...]], weights: tuple[int, ...], rule: str, told: bool
) -> None:
    means = [sum(column, Fraction(0)) / len(scores) for column in zip(*scores, strict=True)]
    low = (means[0] * weights[0] + means[1] * weights[1]) / (weights[0] + weights[1])
    top = (low + weights[2] * means[2]) / (1 + weights[2])
    values = {"a": means[0], "b": means[1], "P": low, "Q": means[2], "overall": top}
    # A quotient in 28 digits rounds as the fraction does: denominators are small, ties at cents are exact.
    printed = {
        code: str((Decimal(v.numerator) / Decimal(v.denominator)).quantize(CENT, ROUNDING[rule]))
        for code, v in values.items()
    }
    given_weights = {"a": str(weights[0]), "b": str(weights[1]), "P": "1", "Q": str(weights[2])}
    published = index(
        {"overall": ["P", "Q"], "P": ["a", "b"]}, printed, given_weights, rule if told else "unknown"
    )
    verdicts = [finding.verdict for finding in check(published)]
    assert len(verdicts) == 3
    assert "impossible" not in verdicts


@settings(max_examples=60, deadline=None)
@given(
    ends=st.lists(st.tuples(UNIT, UNIT), min_size=2, max_size=3),
    boxes=st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=3, max_size=3),
)
def test_the_range_of_a_mean_is_what_a_grid_of_all_weights_gives(
    ends: list[tuple[Fraction, Fraction]], boxes: list[tuple[int, int]]
) -> None:
    parts = {str(i): Interval(min(pair), max(pair)) for i, pair in enumerate(ends)}
    limits = [(min(box), max(box)) for box in boxes[: len(ends)]]
    grid = _grid(limits, 10)
    if not grid:
        return
    weights = {
        str(i): Interval(Fraction(low, 10), Fraction(high, 10)) for i, (low, high) in enumerate(limits)
    }
    reached = mixed(weights, parts)
    lows = [sum(Fraction(w, 10) * p.low for w, p in zip(ws, parts.values(), strict=True)) for ws in grid]
    highs = [sum(Fraction(w, 10) * p.high for w, p in zip(ws, parts.values(), strict=True)) for ws in grid]
    # Boxes with ends in tenths have their vertices in tenths, so the grid reaches both ends.
    assert (reached.low, reached.high) == (min(lows), max(highs))


def _grid(limits: list[tuple[int, int]], total: int) -> list[tuple[int, ...]]:
    if len(limits) == 1:
        return [(total,)] if limits[0][0] <= total <= limits[0][1] else []
    first, rest = limits[0], limits[1:]
    return [(n, *more) for n in range(first[0], first[1] + 1) for more in _grid(rest, total - n)]


def test_a_geometric_limit_is_compared_in_whole_powers() -> None:
    # Parts of at most 0.25 and 0.64 have a geometric mean of at most 0.4; of less than 0.25, of less.
    assert prod((Fraction("0.25"), Fraction("0.64"))) == Fraction("0.4") ** 2
    figures = {
        "overall.mean": Figure("overall.mean", Decimal("0.4"), Decimal(0), sign=">="),
        "P.mean": Figure("P.mean", Decimal("0.25"), Decimal(0), sign="<="),
        "Q.mean": Figure("Q.mean", Decimal("0.64"), Decimal(0), sign="<="),
    }
    base = curved("geometric", "0.24")
    at_most = replace(base, figures={**base.figures, **figures})
    assert found(at_most, "parent.overall.most").verdict == "possible"
    figures["P.mean"] = replace(figures["P.mean"], sign="<")
    below = replace(base, figures={**base.figures, **figures})
    assert found(below, "parent.overall.most").verdict == "impossible"
