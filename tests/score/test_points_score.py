"""Scores in points: a scheme of an inspection by hand, and what holds for every scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge import InputError, Method
from citygauge.framework.model import Band, Framework, Node, Scheme
from citygauge.framework.read import read_framework
from citygauge.score.normalise import points
from citygauge.score.rank import RESOLUTION

Make = Callable[..., Path]

SCHEME = """\
代码,上级代码,名称,满分,封顶分,角色,方向,单位,下限,上限,评分标准,计分规则
E,,政务服务检查,100,105,,,,,,,
S,E,服务,60,,,,,,,,
s1,S,网上可办率,20,,,1,%,,,,≥90：20分；≥80：15分；≥60：8分；其他：0分
s2,S,办事指南要素,10,,,1,项,,,,每项：2分
s3,S,错误信息,20,,,-1,处,,,,每处：-0.5分
s4,S,适老化,10,,,1,级,,,0: 无 | none ; 1=0.6: 部分 | partial ; 2: 完整 | complete,
M,E,管理,40,,,,,,,,
m1,M,答复天数,25,,,-1,天,1,11,,
m2,M,公开率,15,,,1,%,0,100,,
m3,M,通报批评,3,,扣分项,,次,,,,each: 1
W,M,未开展考核,,,单项否决,,次,,,,≥3：1；其他：0
B,E,加分,5,,加分项,,,,,,
b1,B,典型经验,3,,,1,项,,,,每项：1分
b2,B,试点,2,,,1,项,,,,≥1：2分；其他：0分
V,E,安全事故,59,,单项否决,,起,,,,
"""
UNITS = "unit,name_zh\n" + "".join(f"{unit},{unit}市\n" for unit in "ABCDEF")
RECORDED = {
    "A": {"s1": 95, "s2": 5, "s3": 0, "s4": 2, "m1": 1, "m2": 100, "m3": 0, "W": 0, "b1": 3, "b2": 1, "V": 0},
    "B": {"s1": 80, "s2": 3, "s3": 7, "s4": 1, "m1": 4, "m2": 62.4, "m3": 2, "W": 2, "b1": 1, "V": 0},
    "C": {"s1": 79.99, "s2": 9, "s3": 50, "s4": 0, "m1": 20, "m2": 10, "m3": 9, "W": 0, "V": 1},
    "D": {"s1": 95, "s3": 0, "s4": 2, "m1": 1, "m2": 100, "m3": 0, "W": 2, "V": 1},
    "E": {"s1": 95, "s2": 5, "s3": 0, "s4": 2, "m1": 1, "m2": 100, "W": 3},
    "F": {"V": 2},
}  # fmt: skip
METHOD = '[normalise]\nhow = "points"\nscale = 100\n'


def facts(recorded: dict[str, dict[str, float]]) -> str:
    rows = [f"{unit},{code},{value}" for unit, told in recorded.items() for code, value in told.items()]
    return "\n".join(["unit,indicator,value", *rows]) + "\n"


@pytest.fixture
def inspect(workspace: Make) -> Callable[..., cg.Result]:
    """Return a function that assesses the inspection above, any file replaced."""

    def run(**files: str) -> cg.Result:
        texts = {
            "framework__csv": SCHEME, "units__csv": UNITS, "observations__csv": facts(RECORDED),
            "method__toml": METHOD,
        }  # fmt: skip
        return cg.assess(cg.open(workspace(**{**texts, **files})))

    return run


def scores(result: cg.Result, code: str) -> dict[str, float]:
    return dict(zip(result.units.codes, result.aggregated.column(code), strict=True))


def refused(run: Callable[..., cg.Result], **files: str) -> set[str]:
    with pytest.raises(InputError) as caught:
        run(**files)
    return {p.code for p in caught.value.problems if p.severity == "error"}


def noted(result: cg.Result, code: str) -> list[dict[str, object]]:
    return [dict(problem.values) for problem in result.warnings if problem.code == code]


# --- by hand -------------------------------------------------------------------------------------------

# Points of each pillar and of the whole, worked out on paper; the scale of the method is the full marks.
S = {
    "A": Fraction(20 + 10 + 20 + 10),
    "B": Fraction(15)
    + Fraction(6)
    + (20 - Fraction("3.5"))
    + 10 * Fraction("0.6"),  # 80 reaches its band exactly
    "C": Fraction(8)
    + Fraction(10)
    + Fraction(0)
    + Fraction(0),  # 79.99 does not; five elements are enough; 50 faults take all 20
    "D": Fraction(20 + 20 + 10) * Fraction(60, 50),  # s2 is missing: the others stand for it
    "E": Fraction(60),
}
M = {
    "A": Fraction(40),
    "B": 25 * Fraction(7, 10) + 15 * Fraction("0.624") - 2,
    "C": Fraction(0),  # 1.5 points less 3 is cut at 0
    "D": Fraction(40),
    "E": Fraction(0),  # vetoed at three
}
TOTAL = {
    "A": Fraction(105),  # 100 and the full bonus, which is the cap
    "B": S["B"] + M["B"] + 1,  # b2 is missing and adds nothing
    "C": Fraction(18),  # vetoed, but below 59 anyway
    "D": Fraction(59),  # 100 but for the veto
    "E": Fraction(60),  # the veto hits its own pillar only
    "F": Fraction(59),  # scoring ends at the veto
}


@pytest.mark.parametrize(("code", "by_hand"), [("S", S), ("M", M), ("E", TOTAL)])
def test_the_inspection_by_hand(
    inspect: Callable[..., cg.Result], code: str, by_hand: dict[str, Fraction]
) -> None:
    found = scores(inspect(), code)
    full = {"S": 60, "M": 40, "E": 100}[code]
    expected = {unit: float(value * 100 / full) for unit, value in by_hand.items()}
    assert {unit: value for unit, value in found.items() if unit in expected} == pytest.approx(
        expected, abs=1e-9
    )
    assert all(np.isnan(value) for unit, value in found.items() if unit not in expected)


def test_another_range_gives_the_same_shares_of_it(inspect: Callable[..., cg.Result]) -> None:
    hundred, one = inspect(), inspect(method__toml='[normalise]\nhow = "points"\n')
    np.testing.assert_allclose(one.aggregated.values * 100, hundred.aggregated.values, atol=1e-9)


def test_every_veto_that_fired_is_named_with_its_units(inspect: Callable[..., cg.Result]) -> None:
    found = {v["code"]: (v["parent"], v["units"]) for v in noted(inspect(), "facts.veto-fired")}
    assert found == {"W": ("M", ["E"]), "V": ("E", ["C", "D", "F"])}


def test_vetoes_and_deductions_that_nobody_checked_are_named_and_not_taken_as_given(
    inspect: Callable[..., cg.Result],
) -> None:
    [gap] = noted(inspect(), "facts.not-checked")
    assert (gap["codes"], gap["count"]) == (["m3", "W", "V"], 2)  # units E and F
    complete = {
        unit: {**told, "m3": told.get("m3", 0), "W": told.get("W", 0)} for unit, told in RECORDED.items()
    }
    complete["E"]["V"] = 0
    assert noted(inspect(observations__csv=facts(complete)), "facts.not-checked") == []


def test_a_missing_bonus_is_no_gap_in_availability(inspect: Callable[..., cg.Result]) -> None:
    result = inspect()
    share = dict(zip(result.units.codes, result.availability[:, 0], strict=True))
    assert share == pytest.approx({"A": 1, "B": 1, "C": 1, "D": 5 / 6, "E": 1, "F": 0})


def test_missing_bonuses_and_deductions_stay_missing_in_the_tables(inspect: Callable[..., cg.Result]) -> None:
    result = inspect()
    assert np.isnan([scores(result, "b2")["B"], scores(result, "B")["E"], scores(result, "m3")["E"]]).all()
    assert scores(result, "B")["B"] == pytest.approx(20)  # one point of five


def test_bonuses_deductions_and_vetoes_are_never_imputed(inspect: Callable[..., cg.Result]) -> None:
    units = "unit,name_zh,circle\n" + "".join(f"{unit},{unit}市,east\n" for unit in "ABCDEF")
    result = inspect(
        units__csv=units, method__toml=f'{METHOD}[impute]\nhow = "group_mean"\ngroup = "circle"\n'
    )
    assert np.isnan(result.imputed.column("b1")[3:]).all()
    assert np.isnan(result.imputed.column("V")[4])
    assert result.imputed.column("s2")[3] == pytest.approx((5 + 3 + 9 + 5) / 4)


def test_a_trace_says_what_a_bonus_is_to_its_parent(inspect: Callable[..., cg.Result]) -> None:
    children = {child["code"]: child for child in inspect().trace("B", "E")["children"]}
    assert (children["B"]["role"], children["V"]["role"]) == ("bonus", "veto")
    assert children["B"]["weight"] == 0
    assert "role" not in children["S"]


def test_a_cap_below_all_bonuses_cuts_the_sum(inspect: Callable[..., cg.Result]) -> None:
    assert scores(inspect(framework__csv=SCHEME.replace("100,105", "100,103")), "E")["A"] == pytest.approx(
        103
    )


def test_without_a_cap_bonuses_never_exceed_the_full_marks(inspect: Callable[..., cg.Result]) -> None:
    assert scores(inspect(framework__csv=SCHEME.replace("100,105", "100,")), "E")["A"] == pytest.approx(100)


def test_a_group_of_bonuses_with_a_cap_counts_at_most_that(inspect: Callable[..., cg.Result]) -> None:
    result = inspect(framework__csv=SCHEME.replace("加分,5,,", "加分,5,4,"))
    assert scores(result, "E")["A"] == pytest.approx(104)
    assert scores(result, "E")["B"] == pytest.approx(float(TOTAL["B"]))


def test_a_veto_without_points_leaves_nothing_even_where_nothing_else_was_scored(
    inspect: Callable[..., cg.Result],
) -> None:
    found = scores(inspect(framework__csv=SCHEME.replace("安全事故,59", "安全事故,")), "E")
    assert {unit: found[unit] for unit in "CDF"} == {"C": 0, "D": 0, "F": 0}


def test_a_bonus_whose_parent_has_no_score_gives_none(inspect: Callable[..., cg.Result]) -> None:
    result = inspect(observations__csv=facts({**RECORDED, "F": {"b1": 3, "V": 0}}))
    assert np.isnan(scores(result, "E")["F"])


def test_points_awarded_to_a_whole_pillar_stand_for_its_items_and_take_no_bonus_of_them(
    inspect: Callable[..., cg.Result],
) -> None:
    tree = SCHEME.replace("S,E,服务,60,,,,,,,,", "S,E,服务,60,,,,分,,,,each: 1")
    tree = tree.replace("M,E,管理,40,,,,,,,,", "M,E,管理,40,,,,分,,,,each: 1")
    awarded = {**RECORDED, "B": {**RECORDED["B"], "S": 43.5, "M": 30}}
    result = inspect(framework__csv=tree, observations__csv=facts(awarded))
    assert scores(result, "S")["B"] == pytest.approx(100 * 43.5 / 60)  # as its items give
    assert scores(result, "M")["B"] == pytest.approx(75)  # the deduction below is in it already
    assert scores(result, "E")["B"] == pytest.approx(43.5 + 30 + 1)
    [told] = noted(result, "facts.own-score-differs")
    assert (told["code"], told["units"]) == ("M", ["B"])


def test_a_veto_below_a_geometric_mean_works_as_below_any_other(inspect: Callable[..., cg.Result]) -> None:
    result = inspect(method__toml=f'{METHOD}[aggregate.by."0"]\nhow = "geometric"\n')
    share = {unit: (float(S[unit] / 60), float(M[unit] / 40)) for unit in "ABE"}
    found = scores(result, "E")
    assert found["B"] == pytest.approx(100 * share["B"][0] ** 0.6 * share["B"][1] ** 0.4 + 1)
    assert (found["A"], found["D"], found["E"]) == pytest.approx((105, 59, 0))


def test_the_least_availability_of_a_parent_does_not_count_bonuses(inspect: Callable[..., cg.Result]) -> None:
    result = inspect(method__toml=f"{METHOD}[aggregate]\nmin_availability = 1.0\n")
    found = scores(result, "E")
    assert found["B"] == pytest.approx(float(TOTAL["B"]))
    assert np.isnan(scores(result, "S")["D"])


def test_bonuses_are_earned_and_not_compared_whatever_the_method_for_the_rest(
    inspect: Callable[..., cg.Result],
) -> None:
    method = '[normalise]\nhow = "minmax"\nlow = 1\nhigh = 101\n'
    result = inspect(method__toml=method)
    assert scores(result, "b1")["B"] == pytest.approx(1 + 100 / 3)
    assert noted(result, "method.scheme-unused") == [{"codes": ["s1", "s2", "s3"]}]
    with_it, without = (
        scores(result, "E")["B"],
        scores(result, "S")["B"] * 0.6 + scores(result, "M")["B"] * 0.4,
    )
    assert with_it - without == pytest.approx(1)  # one point of a hundred on a range of a hundred


# --- what does not fit together --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ('[normalise]\nhow = "zscore"\n', "method.roles-need-range"),
        (f'{METHOD}[normalise.by.s1]\nhow = "zscore"\n', "method.points-range"),
        (f'{METHOD}[normalise.by.s1]\nhow = "minmax"\nlow = 0\nhigh = 10\n', "method.points-range"),
        (f'{METHOD}[normalise.by.b1]\nhow = "minmax"\n', "method.relative-role"),
        (f'{METHOD}[treat]\nhow = "winsorise_then"\n', "method.treated-scheme"),
    ],
)
def test_a_method_that_does_not_fit_points_is_refused(
    inspect: Callable[..., cg.Result], method: str, code: str
) -> None:
    assert refused(inspect, method__toml=method) == {code}


def test_columns_left_alone_by_the_treatment_are_no_problem(inspect: Callable[..., cg.Result]) -> None:
    alone = '["s1", "s2", "s3", "m3", "W", "b1", "b2", "V"]'
    result = inspect(method__toml=f'{METHOD}[treat]\nhow = "winsorise_then"\nexclude = {alone}\n')
    assert not set(result.treatment) & {"s1", "s2", "s3", "m3", "W", "b1", "b2", "V"}


def test_an_indicator_without_a_rule_cannot_earn_points(inspect: Callable[..., cg.Result]) -> None:
    assert refused(inspect, framework__csv=SCHEME.replace("天,1,11", "天,,")) == {"method.no-points-rule"}


def test_scores_handed_over_are_not_read_as_counts(inspect: Callable[..., cg.Result]) -> None:
    told = "unit,indicator,value,unit_of_measure\nA,s2,0.5,score\nA,s1,90,\n"
    assert refused(inspect, observations__csv=told) == {"facts.score-needs-range"}


def test_points_without_roles_go_with_z_scores_as_weights(workspace: Make) -> None:
    tree = "code,parent,name_en,points,direction,unit\nI,,I,,,\na,I,a,30,1,%\nb,I,b,10,1,%\n"
    told = "unit,indicator,value\n1,a,1\n2,a,2\n3,a,3\n1,b,3\n2,b,1\n3,b,2\n"
    files = {"framework__csv": tree, "observations__csv": told}
    result = cg.assess(cg.open(workspace(**files, method__toml='[normalise]\nhow = "zscore"\n')))
    np.testing.assert_allclose(result.index, [0.75 * -1 + 0.25 * 1, 0.25 * -1, 0.75], atol=1e-15)


# --- what holds for every scheme -------------------------------------------------------------------------


def earned(scheme: Scheme, full: float, *values: float) -> list[float]:
    return list(points(np.array(values)[:, None], [scheme], np.array([full])).ravel() * full)


def test_bands_are_exact_at_their_edges() -> None:
    scheme = Scheme(bands=(Band(90, 5), Band(80, 3, closed=False), Band(60, 1)))
    assert earned(scheme, 5, 90, np.nextafter(90, 0) - 1e-9, 80.000001, 80, 60, 59.999) == [5, 3, 3, 1, 1, 0]
    falling = Scheme(bands=(Band(0, 5), Band(3, 2, closed=False)), upward=False, otherwise=1)
    assert earned(falling, 5, -1, 0, 1, 3, 99) == [5, 5, 2, 1, 1]


def test_a_quotient_that_is_an_edge_on_paper_reaches_it() -> None:
    scheme = Scheme(bands=(Band(0.3, 2, closed=False), Band(0.3, 1)))
    assert 0.1 + 0.2 != 0.3
    assert earned(scheme, 2, 0.1 + 0.2, 0.3, 0.3 * (1 + 4 * RESOLUTION), 0.3 * (1 - 4 * RESOLUTION)) == [
        1,
        1,
        2,
        0,
    ]


def test_counts_earn_at_most_the_full_marks_and_faults_cost_at_most_them() -> None:
    assert earned(Scheme(each=2), 5, 0, 1, 2, 3, -4) == [0, 2, 4, 5, 0]
    assert earned(Scheme(each=-2), 5, 0, 1, 2, 3, -4) == [5, 3, 1, 0, 5]


def test_what_is_missing_earns_neither_nothing_nor_anything() -> None:
    for scheme in (Scheme(each=2), Scheme(each=-1), Scheme(bands=(Band(1, 1),), otherwise=2)):
        assert np.isnan(earned(scheme, 2, np.nan)).all()


values = st.integers(-40, 140).map(float)
steps = st.lists(
    st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=5, unique_by=lambda x: x[0]
)


@settings(max_examples=100, deadline=None)
@given(
    steps, st.lists(st.integers(0, 20), min_size=6, max_size=6), st.booleans(), st.lists(values, min_size=2)
)
def test_a_better_value_never_scores_lower_under_monotone_bands(
    edges: list[tuple[int, bool]], marks: list[int], upward: bool, told: list[float]
) -> None:
    given_points = sorted(marks[: len(edges) + 1], reverse=True)
    bands = tuple(
        Band(float(edge), float(mark), closed)
        for (edge, closed), mark in zip(sorted(edges, reverse=upward), given_points, strict=False)
    )
    scheme = Scheme(bands=bands, upward=upward, otherwise=float(given_points[-1]))
    assert scheme.slope in {0, 1 if upward else -1}
    ordered = earned(scheme, 20, *sorted(told, reverse=not upward))
    assert ordered == sorted(ordered)


@settings(max_examples=50, deadline=None)
@given(st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3), st.lists(st.floats(0, 100), min_size=2, max_size=6))
def test_more_things_never_earn_less_and_more_faults_never_more(each: float, told: list[float]) -> None:
    ordered = earned(Scheme(each=each), 7, *sorted(told, reverse=each < 0))
    assert ordered == sorted(ordered)
    assert min(ordered) >= 0
    assert max(ordered) <= 7


CODES = tuple(RECORDED["A"])
cells = st.one_of(st.none(), st.integers(0, 12), st.integers(0, 100).map(lambda n: n / 2))
tables = st.lists(st.fixed_dictionaries(dict.fromkeys(CODES, cells)), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Framework:
    path = tmp_path_factory.mktemp("scheme") / "framework.csv"
    path.write_text(SCHEME, encoding="utf-8")
    return read_framework(path)


def assessed(tree: Framework, table: list[dict[str, float | None]]) -> cg.Result:
    """Return the assessment of a table; s4 takes levels, so its figures are brought to one."""
    rows = [
        (f"u{i}", code, None if value is None else float(value % 3 // 1 if code == "s4" else value))
        for i, row in enumerate(table)
        for code, value in row.items()
    ]
    rows += [("z", code, float(value)) for code, value in RECORDED["A"].items()]  # somebody has a score
    frame = pl.DataFrame(rows, schema=["unit", "indicator", "value"], orient="row")
    states = pl.when(pl.col("value").is_null()).then(pl.lit("missing")).otherwise(pl.lit("value"))
    units = pl.DataFrame({"unit": [*(f"u{i}" for i in range(len(table))), "z"]})
    method = Method.from_toml(METHOD)
    return cg.assess(cg.from_frames(tree, units, frame.with_columns(states.alias("state")), method))


@settings(max_examples=40, deadline=None)
@given(table=tables)
def test_every_score_stays_between_nothing_and_its_cap(tree: Framework, table) -> None:
    result = assessed(tree, table)
    known = np.where(np.isnan(result.aggregated.values), 0, result.aggregated.values)
    caps = np.array([105 if code == "E" else 100 for code in result.aggregated.codes])
    assert (known >= 0).all()
    assert (known <= caps + 1e-9).all()


@settings(max_examples=25, deadline=None)
@given(table=tables, order=st.randoms(use_true_random=False))
def test_the_order_of_the_units_changes_nothing(tree: Framework, table, order) -> None:
    before = assessed(tree, table).aggregated.values[:-1]
    places = list(range(len(table)))
    order.shuffle(places)
    after = assessed(tree, [table[i] for i in places]).aggregated.values[:-1]
    np.testing.assert_allclose(after, before[places], rtol=0, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(table=tables, factor=st.floats(0.01, 50))
def test_rescaling_all_points_leaves_all_scores(tree: Framework, table, factor: float) -> None:
    def scaled(node: Node) -> Node:
        scheme = node.scheme and replace(
            node.scheme,
            each=node.scheme.each * factor,
            bands=tuple(replace(band, points=band.points * factor) for band in node.scheme.bands),
            otherwise=node.scheme.otherwise * factor,
        )
        more = {
            name: mark and mark * factor
            for name in ("points", "cap")
            if (mark := getattr(node, name)) or True
        }
        return replace(node, scheme=scheme, **more)

    before = assessed(tree, table)
    after = assessed(replace(tree, nodes=tuple(scaled(node) for node in tree)), table)
    np.testing.assert_allclose(after.aggregated.values, before.aggregated.values, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(table=tables, code=st.sampled_from([c for c in CODES if c not in {"s4"}]), step=st.integers(1, 30))
def test_a_better_figure_never_lowers_any_score(tree: Framework, table, code: str, step: int) -> None:
    worse_when_more = {"s3", "m1", "m3", "W", "V"}
    told = table[0][code]
    assume(told is not None)
    better = told - step if code in worse_when_more else told + step
    assume(better >= 0)
    before, after = (assessed(tree, [{**table[0], code: value}]).aggregated for value in (told, better))
    up = [node for node in tree.codes if node in {"E", "S", "M"}]
    for node in up:
        old, new = before.column(node)[0], after.column(node)[0]
        if not np.isnan(old) and not np.isnan(new):
            assert new >= old - 1e-9
