"""Totals, counts and shares, by hand and against brute force over whole numbers."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.audit.counts import check, rows
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.linear import Row
from citygauge.audit.published import ROOT, Grade, Group, Line, Node, Published, Relation, Unit

GRADES = {"leading": 8, "pioneering": 17, "exploring": 25}


def figure(name: str, text: str, **more) -> Figure:
    """Return a figure whose step is its last printed place; a whole number is exact."""
    value = Decimal(text)
    exponent = int(value.as_tuple().exponent)
    step = Decimal(1).scaleb(exponent) if exponent < 0 else Decimal(0)
    return Figure(name, value, **{"step": step, **more})


def exact(name: str, text: str) -> Figure:
    return figure(name, text, step=Decimal(0))


def published(*figures: Figure, **more) -> Published:
    nodes = {ROOT: Node(ROOT, None, "指数", "Index")}
    return Published("甲", "A", more.pop("nodes", nodes), {f.id: f for f in figures}, **more)


def smart(**changed: str) -> Published:
    """Return the weights, counts, shares and lists of the 2021 report, some of them printed otherwise."""
    printed = {
        "S.weight": "0.30", "M.weight": "0.20", "A.weight": "0.25", "R.weight": "0.15", "T.weight": "0.10",
        "S.count": "9", "M.count": "10", "A.count": "10", "R.count": "6", "T.count": "17",
        "overall.count": "52", "units.n": "50",
        **{f"grade.{name}.n": str(n) for name, n in GRADES.items()},
        "grade.leading.share": "0.16", "grade.pioneering.share": "0.34", "grade.exploring.share": "0.50",
        **{name.replace("__", "."): text for name, text in changed.items()},
    }  # fmt: skip
    figures = [exact(k, v) if k.endswith("weight") else figure(k, v) for k, v in printed.items() if v]
    nodes = {ROOT: Node(ROOT, None, "指数", "Index", indicators=52)}
    nodes |= {code: Node(code, ROOT, code, code) for code in "SMART"}
    names = iter(range(50))
    grades = tuple(
        Grade(name, name, name, Interval(), tuple(f"u{next(names)}" for _ in range(n)))
        for name, n in GRADES.items()
    )
    units = {f"u{i}": Unit(f"u{i}", f"u{i}") for i in range(50)}
    return published(*figures, nodes=nodes, grades=grades, units=units)


def found(of: Published) -> dict[str, str]:
    return {finding.id: finding.verdict for finding in check(of)}


def faults(of: Published) -> set[str]:
    return {name for name, verdict in found(of).items() if verdict != "possible"}


def test_the_totals_of_the_2021_report_hold():
    verdicts = found(smart())
    assert set(verdicts.values()) == {"possible"}
    assert verdicts.keys() >= {
        "count.weights.overall", "count.indicators.overall", "count.units.named", "count.units.grades",
        "count.grade.leading", "count.share.exploring", "count.shares", "count.listed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"S__weight": "0.03"}, {"count.weights.overall"}),
        ({"T__weight": "0.20"}, {"count.weights.overall"}),
        ({"T__count": "16"}, {"count.indicators.overall"}),
        ({"grade__leading__share": "0.61"}, {"count.share.leading", "count.shares"}),
        ({"grade__leading__share": "0.15"}, {"count.share.leading", "count.shares"}),
        ({"grade__leading__n": "9"}, {"count.units.grades", "count.grade.leading", "count.share.leading"}),
    ],
)
def test_a_wrong_figure_is_found_where_it_stands(changed, wrong):
    assert faults(smart(**changed)) == wrong


def test_the_proof_of_a_wrong_total_adds_up_in_fractions():
    for wrong in (smart(S__weight="0.03"), smart(T__count="18"), smart(grade__leading__n="9")):
        proofs = [f.certificate for f in check(wrong) if f.verdict == "impossible" and f.id != "count.shares"]
        assert proofs
        assert all(proof is not None and proof.terms and proof.holds() for proof in proofs)


def test_by_how_much_a_total_misses_is_said_in_both_languages():
    finding = next(f for f in check(smart(T__count="16")) if f.verdict == "impossible")
    assert "51" in finding.text_zh
    assert "差 1" in finding.text_zh
    assert "off by 1" in finding.text_en
    assert finding.figures[0] == "overall.count"
    assert finding.bounds[0].interval == Interval(Fraction(51), Fraction(51))


def weighted(*texts: str, kind=exact) -> Published:
    nodes = {ROOT: Node(ROOT, None, "指数", "Index")}
    nodes |= {f"P{i}": Node(f"P{i}", ROOT, "", "") for i in range(len(texts))}
    return published(*(kind(f"P{i}.weight", text) for i, text in enumerate(texts)), nodes=nodes)


@pytest.mark.parametrize(
    ("texts", "kind", "verdict"),
    [
        (("33.3", "33.3", "33.3"), exact, "only_if"),  # 99.9, only if rounded
        (("33.3", "33.3", "33.3"), figure, "possible"),
        (("0.33", "0.33", "0.33"), figure, "possible"),
        (("0.33", "0.33", "0.30"), figure, "impossible"),
        (("60", "40"), exact, "possible"),
        (("60", "45"), exact, "impossible"),
        (("3", "2", "1"), exact, None),  # proportions
        (("1", "1"), exact, None),
        (("1",), exact, "possible"),
        (("0", "0"), exact, None),
    ],
)
def test_weights_add_up_to_one_or_a_hundred_unless_they_are_proportions(texts, kind, verdict):
    assert found(weighted(*texts, kind=kind)).get("count.weights.overall") == verdict


def test_weights_may_add_up_to_that_of_their_parent():
    nodes = {
        ROOT: Node(ROOT, None, "", ""), "P": Node("P", ROOT, "", ""), "Q": Node("Q", ROOT, "", ""),
        "p1": Node("p1", "P", "", ""), "p2": Node("p2", "P", "", ""),
    }  # fmt: skip
    printed = {"P": "30", "Q": "70", "p1": "18", "p2": "12"}
    of = published(*(exact(f"{code}.weight", text) for code, text in printed.items()), nodes=nodes)
    assert found(of) == {"count.weights.overall": "possible", "count.weights.P": "possible"}
    assert faults(of.with_value("p2.weight", Decimal(13))) == {"count.weights.P"}


def tree(parents: dict[str, str], **weights: str) -> Published:
    nodes = {ROOT: Node(ROOT, None, "指数", "Index")} | {c: Node(c, p, c, c) for c, p in parents.items()}
    return published(*(exact(f"{code}.weight", text) for code, text in weights.items()), nodes=nodes)


def test_a_parents_own_weight_is_no_total_where_weights_may_be_proportions():
    of = tree({"p": ROOT, "q": "p"}, p="3", q="4")
    (only,) = [f for f in check(of) if f.id == "count.weights.p"]
    assert (only.verdict, only.severity) == ("only_if", "low")
    assert "比例" in only.text_zh
    assert "proportions" in only.text_en
    assert not [row for row in rows(of) if "q.weight" in row.coefficients]


def test_a_parents_own_weight_is_the_total_where_other_brothers_make_up_theirs():
    parents = {"p": ROOT, "q": ROOT, "a": "p", "b": "p", "c": "q", "d": "q"}
    wrong = tree(parents, p="30", q="70", a="20", b="10", c="41", d="39")
    (finding,) = [f for f in check(wrong) if f.id == "count.weights.q"]
    assert finding.verdict == "impossible"
    assert finding.figures[0] == "q.weight"
    assert finding.certificate.holds()


@pytest.mark.parametrize(
    ("parents", "level", "printed", "verdict"),
    [
        ({"a": ROOT, "b": ROOT, "c": "a", "d": "b"}, 1, "2", "possible"),
        ({"a": ROOT, "b": ROOT, "c": "a", "d": "b"}, 1, "3", "impossible"),
        ({"a": ROOT, "b": ROOT, "c": "a", "d": "b"}, 2, "3", "impossible"),
        ({"a": ROOT, "b": ROOT, "c": "a"}, 2, "3", None),  # those below b may not be listed
        ({"a": ROOT, "b": ROOT, "c": "a"}, 2, "0", "impossible"),
        ({"a": ROOT, "b": ROOT}, 2, "17", None),
    ],
)
def test_a_printed_number_of_pillars_is_held_against_the_tree(parents, level, printed, verdict):
    of = replace(tree(parents), figures={(name := f"level.{level}.count"): figure(name, printed)})
    assert found(of).get(f"count.level.{level}") == verdict


def test_each_period_has_its_own_weights():
    of = weighted("0.60", "0.40")
    figures = {**of.figures, "2019:P0.weight": exact("2019:P0.weight", "0.70")}
    of = replace(of, figures=figures, lines=(Line("mean"), Line("mean", "2019")))
    assert found(of) == {"count.weights.overall": "possible", "count.weights.2019:overall": "impossible"}


def test_a_count_is_held_against_the_indicators_that_are_known():
    nodes = {ROOT: Node(ROOT, None, "", "", indicators=52)}
    assert found(published(figure("overall.count", "52"), nodes=nodes)) == {
        "count.indicators.overall.known": "possible"
    }
    assert faults(published(figure("overall.count", "53"), nodes=nodes)) == {"count.indicators.overall.known"}


def shared(share: str, n: int, **more) -> Published:
    grades = (Grade("a", "a", "a", Interval()), Grade("b", "b", "b", Interval()))
    return published(figure("grade.a.share", share, **more), figure("units.n", str(n)), grades=grades)


@settings(deadline=None)
@given(st.integers(1, 120), st.integers(0, 100), st.sampled_from(["half_up", "half_even", "truncated"]))
def test_a_share_is_possible_just_where_some_whole_number_prints_so(n, percent, rule):
    share = Figure("x", Decimal(percent).scaleb(-2), Decimal("0.01"), rule)
    by_hand = any(Fraction(k, n) in share.interval() for k in range(n + 1))
    verdict = found(shared(str(share.value), n, step=Decimal("0.01"), rule=rule))["count.share.a"]
    assert verdict == ("possible" if by_hand else "impossible")


def test_a_share_that_no_whole_number_gives_names_its_neighbours():
    """A mean of 5.93 from 49 people cannot be (The Economist, 18 June 2016, "Come again?", of GRIM)."""
    finding = next(check(shared("0.93", 49, rule="half_up")))  # what is left of 5.93 without its five wholes
    assert finding.verdict == "impossible"
    assert "45 would be 0.9184 and 46 would be 0.9388" in finding.text_en
    assert finding.bounds[0].interval == Interval(Fraction(45), Fraction(46))
    cut = next(check(shared("0.93", 49)))  # 46 of 49 if digits are cut off
    assert (cut.verdict, cut.touch) == ("only_if", ("truncated",))
    assert "截去尾数" in cut.text_zh


def test_shares_together_need_whole_numbers_that_add_up():
    """Thirds of 4: each of 0.25, 0.25, 0.25 is one of four, but three ones are not four."""
    grades = tuple(Grade(name, name, name, Interval()) for name in "abc")
    figures = [figure(f"grade.{name}.share", "0.3") for name in "abc"]
    of = published(*figures, figure("units.n", "10"), grades=grades)
    assert faults(of) == {"count.shares"}  # three of ten each leave one out, though 0.3 is also one third
    assert not faults(replace(of, figures={f.id: f for f in figures}))  # 3 × 0.3 with no count may be 1
    finding = next(f for f in check(of) if f.id == "count.shares")
    assert "10" in finding.text_en
    assert "整数" in finding.text_zh


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ((("u", "v"), ("w",)), set()),
        ((("u", "u"), ("v", "w")), {"count.listed.u"}),
        ((("u", "v"), ("v", "w")), {"count.listed.v"}),
        ((("u",), ("w",)), {"count.listed.v"}),
        ((("u", "v"), ("w", "x")), {"count.listed.x"}),
    ],
)
def test_each_unit_stands_in_one_grade(members, wrong):
    grades = tuple(Grade(str(i), "", "", Interval(), names) for i, names in enumerate(members))
    of = published(grades=grades, units={name: Unit(name, name) for name in "uvw"})
    assert faults(of) == wrong


def test_lists_of_some_grades_only_name_no_other_units():
    """One of three grades prints its 8 members: the other 42 of 50 are not missing, nor are their circles."""
    top = Grade("a", "甲", "A", Interval(), tuple("stuvwxyz"))
    others = tuple(Grade(name, name, name, Interval()) for name in "bc")
    numbers = {"units.n": "50", "grade.a.n": "8", "grade.b.n": "17", "grade.c.n": "25"}
    figures = [figure(key, text) for key, text in numbers.items()]
    circle = Group("g", "g", "g", "circle", ("u", "elsewhere"))
    of = published(
        *figures,
        grades=(top, *others),
        groups=(circle,),
        units={name: Unit(name, name) for name in "stuvwxyz"},
    )
    assert set(found(of)) == {"count.units.grades", "count.grade.a"}
    assert not faults(of)
    assert not faults(of.without("units.n"))
    named = replace(of, units={f"u{i}": Unit(f"u{i}", "") for i in range(49)}, groups=())
    assert "count.units.named" in faults(named)


def test_a_unit_listed_twice_is_found_in_lists_of_some_grades():
    lists = (Grade("a", "", "", Interval(), ("u", "v")), Grade("b", "", "", Interval(), ("v",)))
    rest = Grade("c", "", "", Interval())
    of = published(grades=(*lists, rest), units={name: Unit(name, name) for name in "uv"})
    assert faults(of) == {"count.listed.v"}
    apart = published(grades=(lists[0], replace(lists[1], members=("w",)), rest), units=of.units)
    assert found(apart) == {"count.listed": "possible"}
    finding = next(check(apart))
    assert "in one only" not in finding.claim_en


def test_a_single_grade_leaves_the_other_units_open():
    units = {name: Unit(name, name) for name in "uvw"}
    only = Grade("a", "", "", Interval(), ("u",))
    assert found(published(grades=(only,), units=units)) == {}
    assert faults(published(grades=(replace(only, members=("u", "u")),), units=units)) == {"count.listed.u"}


def test_groups_of_one_kind_share_no_unit_but_need_not_hold_all():
    units = {name: Unit(name, name) for name in "uvw"}
    groups = [Group("a", "a", "a", "circle", ("u",)), Group("b", "b", "b", "circle", ("v",))]
    size = Group("c", "c", "c", "size", ("u", "v"))
    assert faults(published(groups=(*groups, size), units=units)) == set()
    twice = replace(groups[1], members=("u", "v"))
    wrong = faults(published(groups=(groups[0], twice, size), units=units))
    assert wrong == {"count.grouped.circle.u"}  # told once, at the unit


def test_shares_that_cannot_add_up_to_one_say_so_with_and_without_a_count():
    grades = tuple(Grade(name, name, name, Interval()) for name in "ab")
    figures = [figure("grade.a.share", "0.50"), figure("grade.b.share", "0.60")]
    assert faults(published(*figures, grades=grades)) == {"count.shares"}
    assert "count.shares" in faults(published(*figures, figure("units.n", "10"), grades=grades))


def test_numbers_in_grades_add_up_to_the_units_that_are_named():
    grades = tuple(Grade(name, name, name, Interval()) for name in "ab")
    units = {name: Unit(name, name) for name in "uvw"}
    of = published(figure("grade.a.n", "1"), figure("grade.b.n", "2"), grades=grades, units=units)
    assert found(of) == {"count.units.grades": "possible"}
    assert faults(of.with_value("grade.a.n", Decimal(2))) == {"count.units.grades"}


def related(kind: str, of: tuple[str, ...], **printed: str) -> Published:
    figures = [figure("relation.r" if key == "r" else key, text) for key, text in printed.items()]
    return published(*figures, relations=(Relation("r", kind, of),))


def test_the_largest_gap_of_the_technology_pillar_holds():
    """The 2021 report prints 0.51; 物联网 0.89 − 智慧终端 0.38."""
    of = related("difference", ("a", "b"), r="0.51", a="0.89", b="0.38")
    finding = next(check(of))
    assert (finding.id, finding.verdict) == ("count.relation.r", "possible")
    assert str(finding.bounds[0].interval) == "[0.5, 0.52]"
    assert faults(of.with_value("relation.r", Decimal("0.53"))) == {"count.relation.r"}
    assert faults(of.with_value("relation.r", Decimal("0.52"))) == set()


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [("sum", "1.0", "1.2"), ("mean", "0.5", "0.7"), ("ratio", "2.3", "3.2"), ("share", "1.9", "3.2")],
)
def test_each_kind_of_relation_is_checked(kind, right, wrong):
    """From 0.7 and 0.3: [0.65, 0.75] and [0.25, 0.35], so a ratio from 1.857 to 3."""
    for text, verdict in ((right, "possible"), (wrong, "impossible")):
        of = related(kind, ("a", "b"), r=text, a="0.7", b="0.3")
        assert found(of) == {"count.relation.r": verdict}, text


def test_growth_between_two_years_is_a_ratio_of_cells():
    cells = {"2018:t/u/overall": "0.640", "2019:t/u/overall": "0.672"}
    of = related("ratio", ("2019:t/u/overall", "2018:t/u/overall"), r="1.05", **cells)
    assert found(of) == {"count.relation.r": "possible"}
    assert faults(of.with_value("relation.r", Decimal("1.50"))) == {"count.relation.r"}


def test_a_ratio_whose_whole_is_one_of_its_parts_is_no_wider_than_it_is():
    """(a + b) / b is a / b + 1: with b alone it is 1, however b was rounded."""
    assert found(related("ratio", ("b", "b"), r="1.0", b="0.5")) == {"count.relation.r": "possible"}
    assert found(related("ratio", ("b", "b"), r="1.1", b="0.5")) == {"count.relation.r": "impossible"}
    assert found(related("share", ("a", "b", "b"), r="2.0", a="0.5", b="0.5")) == {
        "count.relation.r": "possible"
    }


def test_a_sum_that_only_touches_says_so():
    """0.2 rounded half up lies below 0.25, so with an exact 0.3 the sum lies below 0.55, where 0.6 begins."""
    of = related("sum", ("a", "b"), r="0.6", a="0.2", b="0.3")
    figures = {key: replace(f, rule="half_up") for key, f in of.figures.items()}
    figures["b"] = exact("b", "0.3")
    finding = next(check(replace(of, figures=figures)))
    assert (finding.verdict, finding.certificate.touches) == ("impossible", True)
    assert "edge" in finding.text_en
    assert "under the stated rounding rule" in finding.text_en
    assert "按所说明的舍入规则" in finding.text_zh


def test_a_share_of_a_count_is_exact_and_a_missing_part_must_be_whole():
    of = related("share", ("grade.a.n", "units.n"), r="0.33", **{"grade.a.n": "17", "units.n": "50"})
    assert found(of) == {"count.relation.r": "impossible"}
    assert found(of.with_value("grade.a.n", Decimal(16))) == {"count.relation.r": "impossible"}
    assert found(of.without("grade.a.n")) == {"count.relation.r": "impossible"}
    assert found(of.without("grade.a.n").with_value("relation.r", Decimal("0.34"))) == {
        "count.relation.r": "possible"
    }


def test_what_cannot_be_checked_says_why():
    missing = next(check(related("sum", ("a", "b"), r="1.0", a="0.7")))
    assert (missing.verdict, missing.severity) == ("not_checkable", "none")
    assert "b" in missing.text_en
    zero = next(check(related("ratio", ("a", "b"), r="1.0", a="0.7", b="0.0")))
    assert zero.verdict == "not_checkable"
    assert "zero" in zero.text_en
    assert "零" in zero.text_zh


def test_a_sum_that_only_one_rounding_rule_allows_says_which():
    """0.5 + 0.5 reaches 1.1 only at both upper ends, which halves rounded down alone include."""
    of = related("sum", ("a", "b"), r="1.1", a="0.5", b="0.5")
    of = replace(of, figures={**of.figures, "relation.r": exact("relation.r", "1.1")})
    finding = next(check(of))
    assert (finding.verdict, finding.severity) == ("only_if", "low")
    assert finding.touch == ("half_down",)
    assert "halves are rounded down" in finding.text_en
    assert "五舍六入" in finding.text_zh


@settings(deadline=None)
@given(st.data())
def test_relations_of_true_numbers_are_never_impossible(data):
    values = data.draw(
        st.lists(st.fractions(Fraction(1, 10), 2, max_denominator=999), min_size=2, max_size=4)
    )
    kind = data.draw(st.sampled_from(["sum", "mean", "difference", "ratio", "share"]))
    rest = sum(values[1:], Fraction(0))
    *parts, whole = values
    truth = {
        "sum": sum(values), "mean": sum(values) / len(values), "difference": values[0] - rest,
        "ratio": sum(parts) / whole, "share": sum(parts) / whole,
    }[kind]  # fmt: skip
    digits = data.draw(st.integers(1, 3))
    scale = 10**digits
    names = [f"f{i}" for i in range(len(values))]
    printed = {
        name: f"{Decimal(round(value * scale)).scaleb(-digits)}"  # Python rounds halves of a Fraction to even
        for name, value in zip([*names, "r"], [*values, truth], strict=True)
    }
    for finding in check(related(kind, tuple(names), **printed)):
        assert finding.verdict in ("possible", "only_if", "not_checkable")
        assert finding.verdict != "only_if" or "half_even" in finding.touch


def test_rows_hold_at_the_printed_figures_where_the_report_is_right():
    of = smart()
    found_rows = list(rows(of))
    values = {key: Fraction(f.value) for key, f in of.figures.items()}
    assert all(isinstance(row, Row) for row in found_rows)
    for row in found_rows:
        assert sum((c * values[key] for key, c in row.coefficients.items()), Fraction(0)) in row.within
    tagged = {key for row in found_rows for key in row.figures}
    assert tagged >= {
        "units.n",
        "grade.leading.n",
        "grade.leading.share",
        "S.weight",
        "grade.leading.members",
    }


def test_weights_that_only_rounding_explains_are_no_row():
    assert not list(rows(weighted("33.3", "33.3", "33.3")))
    assert list(rows(weighted("60", "45")))


def test_rows_fail_where_a_figure_is_wrong():
    of = smart(grade__leading__n="9")
    values = {key: Fraction(f.value) for key, f in of.figures.items()}
    broken = [
        row for row in rows(of)
        if sum((c * values[key] for key, c in row.coefficients.items()), Fraction(0)) not in row.within
    ]  # fmt: skip
    assert len(broken) == 3  # all units, the list, the share


def test_only_claims_on_what_is_touched_are_checked_again():
    of = smart(T__count="16")
    assert {f.id for f in check(of, frozenset({"S.weight"}))} == {"count.weights.overall"}
    assert {f.id for f in check(of, frozenset({"T.count"}))} == {"count.indicators.overall"}
    assert not list(check(of, frozenset({"S.mean"})))


def test_an_empty_publication_claims_nothing():
    assert not list(check(published()))
    assert not list(rows(published()))


@pytest.mark.parametrize("file", ["claims", "counts", "orderings", "statements"])
def test_both_languages_of_a_sentence_name_the_same_things(file):
    text = resources.files("citygauge.audit").joinpath("texts", f"{file}.toml").read_text("utf-8")
    entries = tomllib.loads(text)
    assert list(entries) == sorted(entries)
    for name, entry in entries.items():
        assert set(entry) == {"zh", "en"}, name
        fields = [{part[1] for part in Formatter().parse(text) if part[1]} for text in entry.values()]
        optional = {"n", "units", "node", "lists"}  # named by the claim or needless in one language
        assert fields[0] ^ fields[1] <= optional, name
