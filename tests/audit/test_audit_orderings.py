"""Printed lists and ranks, by hand from the 2021 report and against brute force."""

from __future__ import annotations

import csv
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.orderings import check
from citygauge.audit.published import ROOT, Grade, Line, Node, Ordering, Published, Unit
from citygauge.audit.sequences import kept, longest

# Sub-provincial cities in the order in which they are customarily listed.
CUSTOM = (
    "广州", "武汉", "哈尔滨", "沈阳", "成都", "南京", "西安", "长春", "济南", "杭州", "大连", "青岛",
    "深圳", "厦门", "宁波",
)  # fmt: skip


def table(scores: dict[str, str], ranks: dict[str, str] | None = None, code: str = ROOT, **more) -> Published:
    """Return a table of printed scores, and of ranks where they are given."""
    rule = more.pop("rule", "unknown")
    figures = {}
    for unit, text in scores.items():
        value = Decimal(text)
        step = Decimal(1).scaleb(int(value.as_tuple().exponent))
        figures[f"t/{unit}/{code}"] = Figure(f"t/{unit}/{code}", value, step, rule)
    for unit, text in (ranks or {}).items():
        figures[f"t/{unit}/rank"] = Figure(f"t/{unit}/rank", Decimal(text))
    nodes = {ROOT: Node(ROOT, None, "指数", "Index"), "S": Node("S", ROOT, "服务", "Services")}
    units = {unit: Unit(unit, unit.upper()) for unit in scores}
    lines = tuple(Line("unit", "", "t", unit) for unit in scores)
    return Published("甲", "A", nodes, figures, units=units, lines=lines, **more)


def verdicts(of: Published) -> dict[str, str]:
    return {finding.id: finding.verdict for finding in check(of)}


def by_fact(facts: dict[str, Decimal | str | None]) -> Published:
    units = {n: Unit(n, n, facts={} if v is None else {"code": v}) for n, v in facts.items()}
    listed = Ordering("list", tuple(facts), ("code",))
    return Published("甲", "A", {}, {}, units=units, orderings=(listed,), lines=())


def smart(place) -> Published:
    """Return the three lists of the 2021 report with the facts that they are said to be sorted by."""
    with (place("smart-2021") / "cities.csv").open(encoding="utf-8") as file:
        cities = list(csv.DictReader(file))
    units = {}
    lists: dict[str, dict[int, str]] = {}
    for city in cities:
        name = city["city_zh"]
        rank = 0 if city["admin_level"] == "municipality" else 1 if name in CUSTOM else 2
        seat = 0 if rank == 2 and city["is_provincial_capital"] == "Y" else 1
        code = Decimal(CUSTOM.index(name)) if rank == 1 else Decimal(city["adcode"])
        facts = {"level": Decimal(rank), "seat": Decimal(seat), "code": code}
        units[name] = Unit(name, city["city_en"], facts=facts)
        lists.setdefault(city["report_tier"], {})[int(city["report_tier_order"])] = name
    orderings = tuple(
        Ordering(grade, tuple(names[i] for i in sorted(names)), ("level", "seat", "code"))
        for grade, names in lists.items()
    )
    return Published("甲", "A", {}, {}, units=units, orderings=orderings, lines=())


def test_the_lists_of_the_2021_report_break_their_rule_at_three_places(reference):
    found = {finding.id: finding for finding in check(smart(reference))}
    assert {name: f.verdict for name, f in found.items()} == {
        "ordering.领军城市": "impossible", "ordering.先锋城市": "possible", "ordering.探索城市": "impossible",
    }  # fmt: skip
    leading, exploring = found["ordering.领军城市"], found["ordering.探索城市"]
    assert "1 处前后颠倒：杭州在广州之前。" in leading.text_zh
    assert "2 处前后颠倒：洛阳在徐州之前、漳州在泉州之前。" in exploring.text_zh
    assert "Luoyang before Xuzhou, Zhangzhou before Quanzhou" in exploring.text_en
    assert [f.bounds[0].interval.low for f in (leading, exploring)] == [1, 2]
    assert {f.severity for f in (leading, exploring)} == {"low"}


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=7))
def test_the_fewest_to_move_are_those_outside_a_longest_sorted_part(keys):
    """By brute force over all subsets of the list."""
    found = next(check(by_fact({f"u{i}": Decimal(key) for i, key in enumerate(keys)})))
    best = max(
        size for size in range(len(keys) + 1)
        if any(list(part) == sorted(part) for part in combinations(keys, size))
    )  # fmt: skip
    assert found.bounds[0].interval.low == len(keys) - best
    assert (found.verdict == "possible") == (keys == sorted(keys))


def test_facts_that_are_missing_are_said_and_the_others_checked():
    some = next(check(by_fact({"a": Decimal(1), "b": None, "c": Decimal(2)})))
    assert some.verdict == "possible"
    assert "1" in some.text_en
    none = next(check(by_fact({"a": Decimal(1), "b": None, "c": ""})))
    assert none.verdict == "not_checkable"
    assert next(check(by_fact({"a": "x", "b": "y", "c": Decimal(2)}))).verdict == "impossible"


def spans():
    ends = st.tuples(st.integers(0, 5), st.integers(0, 2), st.booleans(), st.booleans())
    made = ends.map(lambda e: Interval(Fraction(e[0]), Fraction(e[0] + e[1]), e[2], e[3]))
    return st.lists(made.filter(lambda span: not span.empty), min_size=1, max_size=6)


def goes_down(chosen: list[Interval]) -> bool:
    """Take the greatest number that is left each time, of quarters: ends are whole, so one fits inside."""
    cap = Fraction(99)
    for span in chosen:
        fitting = [Fraction(k, 4) for k in range(40) if Fraction(k, 4) in span and Fraction(k, 4) <= cap]
        if not fitting:
            return False
        cap = max(fitting)
    return True


@settings(deadline=None)
@given(spans())
def test_the_longest_part_that_can_go_down_is_that_of_brute_force(chosen):
    part = kept(chosen)
    assert goes_down([chosen[place] for place in part])
    assert not any(goes_down(list(more)) for more in combinations(chosen, len(part) + 1))


def test_a_list_without_members_has_no_part():
    assert longest([], []) == ()


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ("0.80 0.80 0.70", "possible"),  # ties in any order
        ("0.80 0.79 0.79", "possible"),
        ("0.79 0.80 0.70", "impossible"),  # touches at 0.795, which no one rule gives to both
        ("0.70 0.80 0.60", "impossible"),
        ("0.7 0.72 0.70", "possible"),  # 0.7 may be 0.74
        ("0.6 0.68 0.1", "only_if"),  # only if 0.6 was cut off from 0.68 or more
    ],
)
def test_a_list_from_the_highest_down_is_held_against_the_scores(scores, verdict):
    names = ("a", "b", "c")
    listed = Ordering("list", names, of=ROOT)
    of = table(dict(zip(names, scores.split(), strict=True)), orderings=(listed,))
    assert verdicts(of)["ordering.list"] == verdict


def test_a_list_out_of_order_names_who_would_have_to_move():
    listed = Ordering("list", tuple("abcd"), of=ROOT)
    of = table({"a": "0.9", "b": "0.2", "c": "0.8", "d": "0.7"}, orderings=(listed,))
    finding = next(check(of))
    assert finding.bounds[0].interval == Interval(Fraction(1), Fraction(1))
    assert "b 0.2在c 0.8之前" in finding.text_zh
    assert "B 0.2 before C 0.8" in finding.text_en


def test_members_lead_where_nobody_else_is_surely_higher():
    listed = Ordering("led", ("a", "b"), of="S", leading=True)
    scores = {"a": "0.90", "b": "0.80", "c": "0.80"}
    assert verdicts(table(scores, code="S", orderings=(listed,))) == {"ordering.led": "possible"}
    found = next(check(table({**scores, "c": "0.85"}, code="S", orderings=(listed,))))
    assert found.verdict == "impossible"
    assert "C 0.85" in found.text_en


def graded(weight: str, members: tuple[str, ...], of: str = "S") -> Published:
    ranges = [Interval(Fraction(85, 100)), Interval(None, Fraction(7, 10), high_open=True)]
    grades = (
        Grade("top", "领军", "Top", ranges[0], ("a", "b")),
        Grade("low", "探索", "Low", ranges[1], ("c",)),
    )
    nodes = {ROOT: Node(ROOT, None, "指数", "Index")}
    nodes |= {code: Node(code, ROOT, code, code) for code in ("S", "Q")}
    rest = str(1 - Decimal(weight))
    figures = {f"{c}.weight": Figure(f"{c}.weight", Decimal(w)) for c, w in (("S", weight), ("Q", rest))}
    units = {name: Unit(name, name) for name in "abc"}
    listed = Ordering("led", members, of=of, leading=True)
    return Published("甲", "A", nodes, figures, units=units, grades=grades, orderings=(listed,), lines=())


def test_a_unit_of_a_lower_grade_may_lead_a_pillar_but_not_the_index():
    """With a weight w a score p at the pillar needs w p < 0.70, and one of 0.85 at least 1 − 0.15 / w."""
    finding = next(check(graded("0.25", ("a", "c"))))
    assert finding.verdict == "possible"
    assert "c (Low)" in finding.text_en
    assert "25 %" in finding.text_en
    assert verdicts(graded("0.25", ("a", "c"), ROOT)) == {"ordering.led": "impossible"}
    # At 0.9 the best that c can have is 0.7778 and the worst of b is 0.8333.
    assert verdicts(graded("0.9", ("a", "c"))) == {"ordering.led": "impossible"}
    # At 0.8 they are 0.875 and 0.8125.
    assert verdicts(graded("0.8", ("a", "c"))) == {"ordering.led": "possible"}
    assert "grades" in next(check(graded("0.25", ("a", "b")))).text_en


def test_without_scores_grades_or_weights_a_list_cannot_be_checked():
    of = graded("0.25", ("a", "c"))
    assert verdicts(of.without("S.weight")) == {"ordering.led": "not_checkable"}
    unknown = next(check(graded("0.25", ("x", "y"))))
    assert unknown.verdict == "not_checkable"
    assert "no scores" in unknown.text_en.lower()


def ranked(scores: str, ranks: str, **more) -> Published:
    values, places = scores.split(), ranks.split()
    names = [f"u{i}" for i in range(len(values))]
    return table(dict(zip(names, values, strict=True)), dict(zip(names, places, strict=True)), **more)


@pytest.mark.parametrize("ranks", ["1 2 2 4", "1 2.5 2.5 4", "1 3 3 4", "1 2 2 3", "1 2 3 4", "1 3 2 4"])
def test_ties_may_be_numbered_in_any_usual_way(ranks):
    assert set(verdicts(ranked("0.9 0.8 0.8 0.7", ranks)).values()) == {"possible"}


def test_the_ranks_of_a_survey_of_193_countries_follow_its_scores(reference):
    """The E-Government Development Index of 2014 and 2016, printed to five digits."""
    with (reference("un-egdi") / "egdi.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["year"] in ("2014", "2016")]
    for year in ("2014", "2016"):
        own = [row for row in rows if row["year"] == year]
        scores = {row["iso3"]: row["egdi"] for row in own}
        of = table(scores, {row["iso3"]: row["egdi_rank"] for row in own})
        assert verdicts(of) == {"ordering.rank.t": "possible", "ordering.rank.t.numbers": "possible"}


def test_two_ranks_that_are_swapped_are_one_fault():
    findings = list(check(ranked("0.91 0.82 0.73 0.64", "1 3 2 4")))
    faults = [f for f in findings if f.verdict == "impossible"]
    assert faults[0].id == "ordering.rank.t"
    assert len(faults) == 2
    assert set(faults[1].figures) == {"t/u1/rank", "t/u2/rank", "t/u1/overall", "t/u2/overall"}
    low, high = faults[1].bounds[0].interval.low, faults[1].bounds[0].interval.high
    assert low == high  # the one rank that its score leaves


def test_a_score_that_is_far_off_is_the_one_fault():
    findings = list(check(ranked("0.91 0.28 0.73 0.64 0.5", "1 2 3 4 5")))
    faults = [f for f in findings if f.verdict == "impossible"]
    assert [f.id for f in faults] == ["ordering.rank.t", "ordering.rank.t/u1"]
    assert faults[1].bounds[0].interval == Interval(Fraction(5), Fraction(5))


def test_one_rank_for_different_scores_is_a_fault():
    found = verdicts(ranked("0.91 0.82 0.73 0.73", "1 1 3 3"))
    assert {name for name, verdict in found.items() if verdict == "impossible"} == {
        "ordering.rank.t", "ordering.rank.t/u1",
    }  # fmt: skip


def test_a_rank_beyond_the_number_of_units_does_not_fit():
    found = next(f for f in check(ranked("0.9 0.8 0.7 0.6", "1 2 3 41")) if f.id.endswith("numbers"))
    assert found.verdict == "impossible"
    assert "U3" in found.text_en
    gap = verdicts(ranked("0.9 0.8 0.7 0.6", "1 2 2 3"))
    assert "impossible" in gap.values()  # 0.8 and 0.7 cannot share a rank


def test_an_excerpt_of_a_longer_ranking_has_no_gaps():
    found = verdicts(ranked("0.9 0.8 0.7 0.6 0.5", "3 9 27 40 41"))
    assert found == {"ordering.rank.t": "possible"}


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=8), st.sampled_from(["half_up", "unknown"]), st.data()
)
def test_ranks_of_true_scores_are_never_a_fault(tenths, rule, data):
    """Scores to three digits, ranked by them, printed to two."""
    scores = [Fraction(500 + 7 * k, 1000) for k in tenths]
    scores.sort(reverse=True)
    method = data.draw(st.sampled_from(["min", "max", "mean", "dense", "ordinal"]))
    ranks = []
    for place, score in enumerate(scores):
        same = [i + 1 for i, other in enumerate(scores) if other == score]
        better = len({other for other in scores if other > score})
        ranks.append(
            {"min": same[0], "max": same[-1], "mean": sum(same) / len(same), "dense": better + 1,
             "ordinal": place + 1}[method]
        )  # fmt: skip
    printed = [Decimal(int(score * 100 + Fraction(1, 2))).scaleb(-2) for score in scores]
    of = ranked(" ".join(map(str, printed)), " ".join(map(str, ranks)), rule=rule)
    assert all(f.verdict != "impossible" for f in check(of))
    assert rule == "unknown" or set(verdicts(of).values()) == {"possible"}


@settings(deadline=None)
@given(st.permutations(range(1, 6)))
def test_any_wrong_permutation_of_ranks_is_found(order):
    found = verdicts(ranked("0.9 0.8 0.7 0.6 0.5", " ".join(map(str, order))))
    assert ("impossible" in found.values()) == (list(order) != [1, 2, 3, 4, 5])


def test_only_tables_that_are_touched_are_checked_again():
    of = ranked("0.9 0.8", "1 2", orderings=(Ordering("x", ("u0", "u1"), ("code",)),))
    assert {f.id for f in check(of, frozenset({"t/u0/rank"}))} == {
        "ordering.rank.t",
        "ordering.rank.t.numbers",
    }
    assert {f.id for f in check(of, frozenset({"t/u0/overall"}))} == {"ordering.rank.t"}
    assert not list(check(of, frozenset({"S.mean"})))


def test_one_unit_and_no_unit_are_in_order():
    assert set(verdicts(ranked("0.9", "1")).values()) == {"possible"}
    assert verdicts(Published("甲", "A", {}, {}, lines=())) == {}
