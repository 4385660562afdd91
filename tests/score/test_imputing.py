"""Imputation on tables: settings, exceptions, what stays empty, and where each estimate comes from."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from citygauge import InputError, Method
from citygauge.collect.units import Units
from citygauge.framework.model import Framework, Node, RubricLevel
from citygauge.indicators import impute_learn
from citygauge.indicators.table import (
    IMPUTED,
    MISSING,
    NOT_APPLICABLE,
    NOT_MEASURABLE,
    OBSERVED,
    VALUE,
    Table,
)
from citygauge.problems import Problems
from citygauge.score import imputing
from citygauge.score.imputing import Impute, check_imputing, drawn, draws, fill_gaps

NAN = np.nan
FRAMEWORK = Framework(
    (
        Node("I"),
        Node("P", "I"),
        Node("a", "P", direction=1, unit="%"),
        Node("b", "P", direction=-1, unit="days"),
        Node("Q", "I"),
        Node("c", "Q", direction=1, unit="%"),
        Node("d", "Q", direction=1, unit="%"),
    )
)
CODES = ("a", "b", "c", "d")
UNITS = Units(pl.DataFrame({"unit": ["v", "w", "x", "y"], "side": ["east", "east", "west", None]}))
LEARN = pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")


def table(rows: dict[str, list[float]], codes: tuple[str, ...] = CODES) -> Table:
    values = np.array(list(rows.values()), float).reshape(len(rows), len(codes))
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    return Table(tuple(rows), codes, values, states, np.full(values.shape, OBSERVED, np.int8))


GAPPY = table(
    {"v": [1, 10, NAN, 5], "w": [3, NAN, 30, 7], "x": [NAN, 30, 60, 9], "y": [8, 40, 90, NAN]},
)


def filled(settings: Impute, given: Table = GAPPY, framework: Framework = FRAMEWORK) -> tuple:
    problems = Problems()
    done = fill_gaps(given, settings, UNITS, framework, problems=problems)
    return done.table.values, done.details, {problem.code for problem in problems}


def test_nothing_is_filled_by_default():
    values, details, told = filled(Impute())
    np.testing.assert_array_equal(values, GAPPY.values)
    assert (details.height, told) == (0, set())
    assert details.columns == ["unit_code", "code", "value", "how", "from_period", "group", "neighbours"]


@pytest.mark.parametrize(
    ("settings", "estimates"),
    [
        ({"how": "mean"}, {"x.a": 4, "w.b": 80 / 3, "v.c": 60, "y.d": 7}),
        ({"how": "median"}, {"x.a": 3, "w.b": 30, "v.c": 60, "y.d": 7}),
        ({"how": "constant", "value": 0.0}, {"x.a": 0, "w.b": 0, "v.c": 0, "y.d": 0}),
        ({"how": "group_mean", "group": "side"}, {"w.b": 10, "v.c": 30}),
        ({"how": "group_median", "group": "side"}, {"w.b": 10, "v.c": 30}),
        (
            {"how": "row_mean", "normalise_first": False},
            {"x.a": 30, "w.b": 3, "v.c": 5, "y.d": 90},
        ),
        # b turned round runs from 40 (0) to 10 (1): x is at 1/3, so a is at 1 + 7/3; w is at 2/7 of a.
        ({"how": "row_mean"}, {"x.a": 1 + 7 / 3, "w.b": 40 - 30 * 2 / 7, "v.c": 30, "y.d": 9}),
        ({"how": "knn", "neighbours": 100}, {"x.a": 4, "w.b": 80 / 3, "v.c": 60, "y.d": 7}),
    ],
)
def test_each_method_by_hand(settings, estimates):
    values, details, _ = filled(Impute(**settings))
    own = {f"{unit}.{code}": value for unit, code, value in details.select(details.columns[:3]).iter_rows()}
    assert own == pytest.approx(estimates)
    assert set(details["how"]) == {settings["how"]}
    known = ~np.isnan(GAPPY.values)
    np.testing.assert_array_equal(values[known], GAPPY.values[known])


def test_the_details_tell_the_group_and_the_neighbours():
    _, details, told = filled(Impute(how="group_mean", group="side"))
    assert details.select("unit_code", "code", "group").rows() == [("v", "c", "east"), ("w", "b", "east")]
    assert told == {"impute.gaps-left"}
    near = table({"v": [1, 10, 0, 0], "w": [1.1, NAN, 0, 0], "x": [9, 50, 0, 0], "y": [1.2, 12, 0, 0]})
    _, details, _ = filled(Impute(how="knn", neighbours=2), near)
    assert details.rows(named=True)[0]["neighbours"] == "v;y"
    assert details["value"][0] == 11


def test_gaps_that_nothing_fills_are_named_with_their_units():
    problems = Problems()
    fill_gaps(GAPPY, Impute(how="group_mean", group="side"), UNITS, FRAMEWORK, problems=problems)
    (noted,) = problems
    assert noted.code == "impute.gaps-left"
    assert (noted.values["codes"], noted.values["units"]) == (["a", "d"], ["x", "y"])


def test_a_row_mean_may_reach_over_all_indicators():
    values, *_ = filled(Impute(how="row_mean", within=0, normalise_first=False))
    assert values[0, 2] == pytest.approx((1 + 10 + 5) / 3)


def test_a_mean_over_indicators_in_different_units_as_they_are_is_told():
    _, _, told = filled(Impute(how="row_mean", normalise_first=False))
    assert "impute.row-mean-mixed-units" in told
    problems = Problems()
    fill_gaps(GAPPY, Impute(how="row_mean", normalise_first=False), UNITS, FRAMEWORK, problems=problems)
    assert [problem.values["codes"] for problem in problems] == [["a", "b"]]  # c and d are both in %
    assert "impute.row-mean-mixed-units" not in filled(Impute(how="row_mean"))[2]


def test_an_exception_keeps_the_defaults_it_does_not_name():
    settings = Impute(how="group_mean", group="side", by={"b": {"how": "group_median"}, "c": {"how": "mean"}})
    assert settings.of("b").group == "side"
    assert settings.of("c").group is None
    assert settings.of("a").how == "group_mean"
    learnt = Impute(how="knn", neighbours=3, by={"a": {"neighbours": 1}})
    assert (learnt.of("a").neighbours, learnt.of("b").neighbours) == (1, 3)
    timed = Impute(how="none", by={"a": {"how": "latest", "max_years": 2}})
    assert timed.of("a").max_years == 2


def test_excluded_codes_keep_their_gaps_and_exceptions_go_their_own_way():
    values, details, told = filled(Impute(how="mean", exclude=("a",), by={"d": {"how": "median"}}))
    assert np.isnan(values[2, 0])
    assert dict(details.select("code", "how").iter_rows()) == {"b": "mean", "c": "mean", "d": "median"}
    assert told == set()


def test_what_is_not_applicable_stays_empty_and_what_is_not_measurable_is_filled():
    given = table({"v": [1, NAN, 1, 1], "w": [1, NAN, 1, 1], "x": [1, 5, 1, 1]})
    given.states[0, 1], given.states[1, 1] = NOT_APPLICABLE, NOT_MEASURABLE
    done = fill_gaps(given, Impute(how="mean"), UNITS, FRAMEWORK)
    assert np.isnan(done.table.values[0, 1])
    assert done.table.states[:, 1].tolist() == [NOT_APPLICABLE, VALUE, VALUE]
    assert done.table.origins[:, 1].tolist() == [OBSERVED, IMPUTED, OBSERVED]
    assert done.details["unit_code"].to_list() == ["w"]


MEASURED = Framework(
    (
        Node("I"),
        Node("m", "I", scale="score"),
        Node("m1", "m", direction=1),
        Node("m2", "m", direction=1),
        Node("plus", "I", role="bonus", direction=1),
    )
)


@pytest.mark.parametrize("how", ["mean", "row_mean", "knn"])
def test_own_scores_and_bonuses_are_neither_filled_nor_evidence(how):
    codes = ("m", "m1", "m2", "plus")
    given = table({"v": [50, 1, NAN, NAN], "w": [NAN, 2, 4, 9], "x": [70, 3, 6, 1], "y": [NAN] * 4}, codes)
    values, details, _ = filled(Impute(how=how), given, MEASURED)
    assert np.isnan(values[:, [0, 3]]).sum() == np.isnan(given.values[:, [0, 3]]).sum()
    assert set(details["code"]) <= {"m1", "m2"}
    other = table({u: [NAN, *row[1:3], NAN] for u, row in zip(given.units, given.values, strict=True)}, codes)
    np.testing.assert_array_equal(values[:, 1:3], filled(Impute(how=how), other, MEASURED)[0][:, 1:3])


def test_a_column_filled_by_more_than_half_is_told():
    given = table({"v": [1, 1, NAN, NAN], "w": [1, 2, 3, NAN], "x": [1, 3, 5, NAN], "y": [1, 4, NAN, 5]})
    problems = Problems()
    fill_gaps(given, Impute(how="mean"), UNITS, FRAMEWORK, problems=problems)
    assert [(p.code, p.values["codes"]) for p in problems] == [("impute.mostly-imputed", ["d"])]


def test_a_column_of_which_nothing_is_known_stays_empty_but_for_a_constant():
    given = table({"v": [NAN, 1, 1, 1], "w": [NAN, 2, 2, 2]})
    for how in ("mean", "median", "row_mean", "knn"):
        values, _, told = filled(Impute(how=how), given)
        assert np.isnan(values[:, 0]).all()
        assert told == {"impute.gaps-left"}
    values, _, told = filled(Impute(how="constant", value=4), given)
    assert values[:, 0].tolist() == [4, 4]
    assert told == {"impute.mostly-imputed"}


def test_one_unit_and_no_units():
    one = table({"v": [NAN, 1, 1, 1]})
    assert filled(Impute(how="mean"), one)[2] == {"impute.gaps-left"}
    assert filled(Impute(how="knn"), one)[2] == {"impute.gaps-left"}
    assert filled(Impute(how="mean"), table({}))[1].height == 0


@pytest.mark.parametrize(
    "settings",
    [
        Impute(how="mean"),
        Impute(how="median"),
        Impute(how="group_mean", group="side"),
        Impute(how="row_mean"),
        Impute(how="knn"),
        pytest.param(Impute(how="iterative"), marks=LEARN),
    ],
)
def test_figures_at_the_end_of_what_doubles_hold_break_nothing(settings):
    huge = table({"v": [1e308, 1, 1e160, 1], "w": [-1e308, 2, -1e160, 2], "x": [1e308, NAN, NAN, NAN]})
    values, *_ = filled(settings, huge)
    known = ~np.isnan(huge.values)
    np.testing.assert_array_equal(values[known], huge.values[known])


def test_units_may_stand_in_another_order_than_the_table():
    turned = Units(UNITS.frame.reverse())
    settings = Impute(how="group_mean", group="side")
    first = fill_gaps(GAPPY, settings, UNITS, FRAMEWORK, problems=Problems())
    second = fill_gaps(GAPPY, settings, turned, FRAMEWORK, problems=Problems())
    assert first.details.equals(second.details)


# Levels


RUBRIC = tuple(RubricLevel(value, value / 3) for value in (0.0, 1.0, 2.0, 3.0))
LEVELS = Framework(
    (
        Node("I"),
        Node("a", "I", direction=1, scale="ratio"),
        Node("r", "I", direction=1, scale="ordinal", rubric=RUBRIC),
        Node("o", "I", direction=1, scale="ordinal"),
        Node("y", "I", direction=1, scale="binary"),
    )
)
LEVEL_CODES = ("a", "r", "o", "y")
GRADED = table(
    {"v": [1, 0, 10, 0], "w": [2, 3, 20, 1], "x": [3, 1, 20, 1], "y": [1.5, NAN, NAN, NAN]}, LEVEL_CODES
)


@pytest.mark.parametrize(
    "settings", [Impute(how="knn", neighbours=2), pytest.param(Impute(how="iterative"), marks=LEARN)]
)
def test_learnt_estimates_of_levels_are_levels(settings):
    values, *_ = filled(settings, GRADED, LEVELS)
    assert values[3, 1] in {0, 1, 2, 3}
    assert values[3, 2] in {10, 20}
    assert values[3, 3] in {0, 1}


def test_a_mean_is_a_level_where_only_levels_have_a_score():
    values, *_ = filled(Impute(how="mean"), GRADED, LEVELS)
    assert values[3, 1] == 1  # of 4/3; the scales without a rubric keep their means
    np.testing.assert_allclose(values[3, 2:], [50 / 3, 2 / 3])
    assert filled(Impute(how="constant", value=1.5), GRADED, LEVELS)[0][3, 1] == 1.5


def test_scores_handed_over_in_place_of_levels_are_not_rounded_to_levels():
    scores = table({"v": [1, 0.25, 1, 1], "w": [1, 0.5, 1, 1], "x": [1, NAN, 1, 1]}, LEVEL_CODES)
    assert filled(Impute(how="mean"), scores, LEVELS)[0][2, 1] == 0.375


# Over time


def over_time(settings: Impute, history: dict[str, Table], period: str | None) -> tuple:
    problems, given = Problems(), history.get(period or "", GAPPY)
    done = fill_gaps(given, settings, UNITS, FRAMEWORK, history, period, problems)
    sources = {
        f"{row['unit_code']}.{row['code']}": row["from_period"] for row in done.details.rows(named=True)
    }
    return done.table, sources, {problem.code for problem in problems}


HISTORY = {
    "2018": table({"v": [1, 1, 1, 1], "w": [NAN, NAN, NAN, NAN]}),
    "2019": table({"w": [5, NAN, NAN, NAN], "v": [3, 3, NAN, 3]}),  # another order
    "2020": table({"v": [NAN, NAN, NAN, 9], "w": [NAN, 2, NAN, NAN]}),
    "2022": table({"v": [9, 9, 9, 9], "w": [8, NAN, NAN, NAN]}),
}


@pytest.mark.parametrize(
    ("settings", "values", "sources"),
    [
        (
            {"how": "latest"},
            [[3, 3, 1, 9], [5, 2, NAN, NAN]],
            {"v.a": "2019", "v.b": "2019", "v.c": "2018", "w.a": "2019"},
        ),
        (
            {"how": "latest", "max_years": 1},
            [[3, 3, NAN, 9], [5, 2, NAN, NAN]],
            {"v.a": "2019", "v.b": "2019", "w.a": "2019"},
        ),
        (
            {"how": "linear"},
            [[5, 5, 5, 9], [6, 2, NAN, NAN]],
            {"v.a": "2019–2022", "v.b": "2019–2022", "v.c": "2018–2022", "w.a": "2019–2022"},
        ),
        (
            {"how": "step"},
            [[3, 3, 1, 9], [5, 2, NAN, NAN]],
            {"v.a": "2019", "v.b": "2019", "v.c": "2018", "w.a": "2019"},
        ),
    ],
)
def test_gaps_are_filled_from_the_units_other_years_which_are_told(settings, values, sources):
    done, own, told = over_time(Impute(**settings), HISTORY, "2020")
    np.testing.assert_allclose(done.values, values)
    assert own == sources
    assert "impute.gaps-left" in told


def test_before_the_first_year_the_step_and_the_line_take_the_nearest_and_the_latest_nothing():
    for how in ("step", "linear"):
        done, own, _ = over_time(Impute(how=how), HISTORY, "2018")
        assert (done.values[1, 0], own["w.a"]) == (5, "2019")
    assert np.isnan(over_time(Impute(how="latest"), HISTORY, "2018")[0].values[1, 0])


def test_an_imputed_value_is_not_carried_to_another_year():
    past = table({"v": [3, 4, 5, 6]})
    past.origins[0, 0] = IMPUTED
    history = {"2019": past, "2020": table({"v": [NAN, NAN, 1, 1]})}
    done, own, _ = over_time(Impute(how="latest"), history, "2020")
    assert np.isnan(done.values[0, 0])
    assert own == {"v.b": "2019"}


def test_not_applicable_now_stays_so_whatever_was_before():
    now = table({"v": [NAN, 1, 1, 1]})
    now.states[0, 0] = NOT_APPLICABLE
    done, own, told = over_time(Impute(how="latest"), {**HISTORY, "2020": now}, "2020")
    assert done.states[0, 0] == NOT_APPLICABLE
    assert (own, told) == ({}, set())


def test_other_periods_may_lack_units_and_codes():
    past = table({"y": [7.0], "v": [8.0]}, ("b",))
    now = table({"v": [NAN, NAN, 1, 1], "w": [1, NAN, 1, 1]})
    done, own, _ = over_time(Impute(how="latest"), {"2019": past, "2020": now}, "2020")
    np.testing.assert_allclose(done.values[:, :2], [[NAN, 8], [1, NAN]])
    assert own == {"v.b": "2019"}


@pytest.mark.parametrize("how", ["latest", "linear", "step"])
@pytest.mark.parametrize(("history", "period"), [({}, None), ({}, "2020"), ({"2020": GAPPY}, "2020")])
def test_without_other_periods_nothing_is_filled_and_it_is_told(how, history, period):
    done, own, told = over_time(Impute(how=how), history, period)
    np.testing.assert_array_equal(done.values, GAPPY.values)
    assert (own, told) == ({}, {"impute.no-history"})


QUARTERS = {"2020-Q4": HISTORY["2018"], "2021-Q1": HISTORY["2019"], "2021-Q2": HISTORY["2020"]}


def test_periods_that_are_no_years_stand_in_the_order_of_their_text():
    done, own, told = over_time(Impute(how="latest", max_years=1), QUARTERS, "2021-Q2")
    np.testing.assert_allclose(done.values[0], [3, 3, NAN, 9])
    assert own["v.a"] == "2021-Q1"
    assert "impute.periods-in-text-order" in told


def test_a_line_needs_years():
    done, _, told = over_time(Impute(how="linear"), QUARTERS, "2021-Q2")
    assert told == {"impute.period-not-a-year"}
    np.testing.assert_array_equal(done.values, QUARTERS["2021-Q2"].values)
    with pytest.raises(InputError) as caught:
        fill_gaps(QUARTERS["2021-Q2"], Impute(how="linear"), UNITS, FRAMEWORK, QUARTERS, "2021-Q2")
    assert caught.value.problems[0].code == "impute.period-not-a-year"


# Learnt


def large() -> tuple[Table, Units]:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(30, 1)) + rng.normal(scale=0.5, size=(30, 4))
    values[rng.random(values.shape) < 0.1] = NAN
    names = [f"u{i}" for i in range(30)]
    rows = dict(zip(names, values.tolist(), strict=True))
    return table(rows), Units(pl.DataFrame({"unit": names}))


@LEARN
def test_draws_are_those_of_the_method_and_the_first_ones_of_more():
    given, units = large()
    settings = Impute(how="iterative", seed=3, by={"b": {"how": "mean"}})
    three = draws(given, settings, units, FRAMEWORK, 3)
    assert three.shape == (3, 30, 4)
    np.testing.assert_array_equal(three[:2], draws(given, settings, units, FRAMEWORK, 2))
    as_method = Method(impute=settings).replace(**{"impute.draw": 2}).impute
    second = fill_gaps(given, as_method, units, FRAMEWORK)
    np.testing.assert_array_equal(three[1], second.table.values)
    differ = (three[0] != three[1]).any(axis=0)
    assert differ.tolist() == [True, False, True, True]  # b is filled with a mean
    other = draws(given, settings, units, FRAMEWORK, 1, seed=4)
    assert (other[0] != three[0]).any()


def test_a_draw_is_put_where_the_iterative_rule_stands():
    settings = drawn(Impute(how="mean", by={"a": {"how": "iterative"}}), 2, seed=5)
    assert (settings.draw, settings.of("a").draw, settings.of("a").seed) == (None, 2, 5)
    with pytest.raises(ValueError, match="iterative"):
        drawn(Impute(how="mean"), 1)


@LEARN
def test_rounds_that_do_not_settle_are_a_problem_and_no_python_warning(monkeypatch):
    monkeypatch.setattr(impute_learn, "_ROUNDS", 1)
    given, units = large()
    problems = Problems()
    fill_gaps(given, Impute(how="iterative"), units, FRAMEWORK, problems=problems)
    assert "impute.not-settled" in {problem.code for problem in problems}


# Settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('how = "mean"\nvalue = 3', "mean takes no value"),
        ('how = "group_mean"', "group_mean needs `group`"),
        ('how = "constant"', "constant needs `value`"),
        ('group = "side"', "none takes no group"),
        ('how = "linear"\nmax_years = 3', "linear takes no max_years"),
        ('how = "knn"\nseed = 3', "knn takes no seed"),
        ('how = "iterative"\ndraw = 0', "greater than or equal to 1"),
        ('how = "iterative"\nseed = -1', "greater than or equal to 0"),
        ('how = "knn"\nneighbours = 0', "greater than or equal to 1"),
        ('how = "latest"\nmax_years = 0', "greater than 0"),
        ('how = "constant"\nvalue = nan', "finite"),
        ('how = "magic"', "none"),
        ('how = "mean"\n[impute.by.a]\ngroup = "side"', "impute.by.a\n  Value error, mean takes no group"),
        ('how = "mean"\n[impute.by.a]\nhow = "group_median"', "Value error, group_median needs `group`"),
        ('how = "mean"\n[impute.by.a]\ncolour = 1', "impute.by.a.colour\n  Extra inputs"),
        ('how = "mean"\nexclude = ["a"]\n[impute.by.a]\nhow = "median"', "leaves the gaps of a"),
    ],
)
def test_a_setting_that_would_be_ignored_or_cannot_be_is_refused(text, says):
    with pytest.raises(ValidationError) as caught:
        Method.from_toml(f"[impute]\n{text}")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        Impute(how="row_mean", within=1, normalise_first=False, exclude=("a",)),
        Impute(how="latest", max_years=2, by={"x.y": {"how": "constant", "value": 0.0}}),
        Impute(how="iterative", seed=0, draw=3),
        Impute(how="knn", neighbours=2),
    ],
)
def test_the_settings_survive_their_toml(settings):
    method = Method(impute=settings)
    assert Method.from_toml(method.to_toml()) == method


def checked(settings: Impute) -> list[tuple[str, dict]]:
    problems = Problems()
    check_imputing(settings, FRAMEWORK, UNITS, problems)
    return [(problem.code, dict(problem.values)) for problem in problems]


def test_a_method_that_fits_is_not_remarked_on():
    assert checked(Impute(how="group_mean", group="side", exclude=("a",), by={"b": {"how": "mean"}})) == []
    assert checked(Impute(how="row_mean", within=1)) == []


def test_everything_that_the_method_names_and_nobody_knows_is_noted():
    told = checked(
        Impute(
            how="group_mean",
            group="region",
            exclude=("zz",),
            by={
                "yy": {"how": "mean"},
                "P": {"how": "mean"},
                "a": {"group": "colour"},
                "b": {"how": "row_mean", "within": 2},
            },
        )
    )
    assert [code for code, _ in told] == [
        "method.unknown-code",
        "method.unknown-code",
        "impute.never-filled",
        "method.unknown-attribute",
        "method.unknown-attribute",
        "impute.unknown-level",
    ]
    assert [values.get("key") for _, values in told] == [
        "impute.by", "impute.exclude", None, "impute.group", "impute.by.a.group", "impute.by.b.within",
    ]  # fmt: skip
    assert told[-1][1]["last"] == 1


def test_an_extra_that_is_missing_is_noted_before_the_run(monkeypatch):
    monkeypatch.setattr(imputing, "find_spec", lambda _: None)
    assert [code for code, _ in checked(Impute(by={"a": {"how": "iterative"}}))] == ["impute.no-learn"]
    assert checked(Impute(how="knn")) == []
