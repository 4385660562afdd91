"""The raw value of a score is that of the unit that has it; steps are those that the scale knows."""

from __future__ import annotations

import numpy as np
import pytest

import citygauge as cg
from citygauge.analyse.improve.costs import Cost
from citygauge.analyse.improve.frozen import frozen_of
from citygauge.analyse.improve.scale import ColumnScale
from citygauge.problems import Problems

HEAD = (
    "code,parent,name_zh,name_en,weight,direction,unit,denominator,low,high,target_high,rubric,scale,points,"
    "scheme\n"
)
VALUES = {"a": (3, 8, 21, 55, 90), "b": (900, 40, 15, 7, 2)}
UNITS = "unit,name_zh,name_en,people\n" + "".join(f"{i},城{i},City {i},{10 * i}\n" for i in range(1, 6))


def tree(*rows):
    return HEAD + "".join(row + "," * (HEAD.count(",") - row.count(",")) + "\n" for row in rows)


TWO = tree("I,,指数,Index", "a,I,a,a,1,1,km,,0,100,95", "b,I,b,b,1,-1,days,,1,1000,1")


@pytest.fixture
def assessed(workspace):
    """Return a function that assesses values ``code → one of each unit`` by a method."""

    def run(framework, values, method):
        told = "unit,indicator,value\n" + "".join(
            f"{unit},{code},{value}\n" for code, own in values.items() for unit, value in enumerate(own, 1)
        )
        place = workspace(
            framework__csv=framework, units__csv=UNITS, observations__csv=told, method__toml=method
        )
        return cg.assess(cg.open(place))

    return run


METHODS = (
    "minmax", "zscore", "scaled", "rank", "borda", "percentile_rank", "distance_to_max", "distance_to_target",
    "distance_to_reference\nreference = '4'", "fraction_of_max", "goalposts", "goalposts\nlog = true",
    "vector", "ampi",
)  # fmt: skip


TREATED = tuple(("minmax", treat) for treat in ("log", "log_plus_one", "log_signed", "yeojohnson"))
TREATED += tuple((how, treat) for how in ("zscore", "rank") for treat in ("boxcox", "log_by_skew"))


@pytest.mark.parametrize(("how", "treat"), [*((how, "none") for how in METHODS), *TREATED])
def test_the_raw_value_of_a_score_is_that_of_the_unit_that_has_it(assessed, how, treat):
    name, _, more = how.partition("\n")
    framework = TWO.replace(",0,100,95", ",1,100,95")
    method = f'[normalise]\nhow = "{name}"\n{more}\n'
    method += "" if treat == "none" else f'[treat]\nhow = "{treat}"\nalways = true\n'
    result = assessed(framework, VALUES, method)
    for code, values in VALUES.items():
        scores = result.normalised.column(code)
        scale = ColumnScale(result, code, 2)
        for unit in range(5):
            better = scores[unit] > scores[2]
            if unit != 2 and (scores[unit] == scores[2] or (scale.is_stepped and not better)):
                continue  # several values have the score; only what is better is a step
            assert scale.raw_of(float(scores[unit])) == pytest.approx(values[unit], rel=2e-6), (code, unit)


def test_the_recorded_value_is_the_derived_one_times_what_it_is_divided_by(assessed):
    framework = tree("I,,指数,Index", "a,I,a,a,1,1,km,people,0,10")
    result = assessed(framework, {"a": (10, 40, 90, 160, 250)}, '[normalise]\nhow = "goalposts"\n')
    frozen = frozen_of(result, 2, {}, Problems())  # 90 km by 30 people: 3 of 10
    (lever,) = frozen.levers
    assert (lever.now, lever.best) == (pytest.approx(0.3), 1.0)
    assert lever.scale.raw_of(0.3) == pytest.approx(90)
    assert lever.scale.raw_of(0.5) == pytest.approx(150)


def test_a_target_band_is_approached_from_the_side_on_which_the_city_stands(assessed):
    framework = tree("I,,指数,Index", "a,I,a,a,1,1,km,,,,40").replace("target_high", "target_low,target_high")
    framework = framework.replace(",km,,,,40", ",km,,,,30,40")
    result = assessed(framework, {"a": (10, 20, 35, 60, 80)}, '[normalise]\nhow = "distance_to_target"\n')
    below, above = (ColumnScale(result, "a", row) for row in (1, 3))
    assert below.raw_of(1.0) == pytest.approx(30)
    assert above.raw_of(1.0) == pytest.approx(40)
    assert above.raw_of(0.75) == pytest.approx(50)


def test_a_rubric_knows_no_score_between_its_levels(assessed):
    framework = tree("I,,指数,Index", "a,I,a,a,1,1,level,,,,,0: n | n ; 1=0.4: p | p ; 2: c | c")
    result = assessed(framework, {"a": (0, 1, 2, 0, 1)}, '[normalise]\nhow = "rubric"\n')
    (lever,) = frozen_of(result, 0, {}, Problems()).levers
    assert lever.steps == (0.4, 1.0)
    assert lever.efforts == (pytest.approx(40), pytest.approx(100))
    assert [lever.scale.raw_of(step) for step in lever.steps] == [1, 2]
    assert frozen_of(result, 2, {}, Problems()).levers == ()  # the best level has nothing above it


def test_yes_and_no_is_one_step(assessed):
    framework = tree("I,,指数,Index", "a,I,a,a,1,1,,,0,1,,,binary")
    result = assessed(framework, {"a": (0, 1, 1, 0, 1)}, '[normalise]\nhow = "goalposts"\n')
    (lever,) = frozen_of(result, 0, {}, Problems()).levers
    assert (lever.steps, lever.scale.raw_of(1.0)) == ((1.0,), 1.0)


def test_ranks_go_up_to_the_values_of_the_units_above(assessed):
    result = assessed(TWO, VALUES, '[normalise]\nhow = "rank"\n')
    lever = frozen_of(result, 2, {}, Problems()).levers[0]
    assert lever.steps == (4.0, 5.0)
    assert [lever.scale.raw_of(step) for step in lever.steps] == [55, 90]


def test_bands_and_counts_of_a_scheme_are_its_steps(assessed):
    framework = tree(
        "I,,指数,Index", "a,I,a,a,,1,%,,,,,,,40,>=90: 40 ; >=60: 27.5 ; else: 0",
        "b,I,b,b,,-1,item,,,,,,,10,each: -4", "c,I,c,c,,1,item,,,,,,,20,each: 6",
    )  # fmt: skip
    values = {"a": (50, 75, 95, 0, 10), "b": (2, 1, 0, 5, 3), "c": (1, 0, 2, 3, 4)}
    result = assessed(framework, values, '[normalise]\nhow = "points"\n')
    a, b, c = frozen_of(result, 0, {}, Problems()).levers
    assert a.steps == pytest.approx((27.5 / 40, 1.0))
    assert [a.scale.raw_of(step) for step in a.steps] == [60, 90]
    assert b.steps == pytest.approx((0.6, 1.0))
    assert [b.scale.raw_of(step) for step in b.steps] == [1, 0]
    assert c.steps == pytest.approx((0.6, 0.9, 1.0))
    assert [c.scale.raw_of(step) for step in c.steps] == [2, 3, 4]


def test_costs_count_points_or_raw_units_up_to_a_limit_or_in_equal_steps(assessed):
    framework = tree("I,,指数,Index", "P,I,P,P", "a,P,a,a,1,1,km,people,0,10", "b,P,b,b,1,1,km,,0,10")
    result = assessed(
        framework, {"a": (10, 40, 90, 160, 250), "b": (2, 4, 3, 8, 9)}, '[normalise]\nhow = "goalposts"\n'
    )

    def levers(**costs):
        return {lever.code: lever for lever in frozen_of(result, 2, costs, Problems()).levers}

    assert levers()["a"].rate == pytest.approx(100)  # 1 for each hundredth of the range
    raw = levers(a=Cost(0.5, "raw"))["a"]
    assert raw.effort(0.7) == pytest.approx(0.5 * 210)  # 3 to 10 km a head, times 30
    limited = levers(a=Cost(1, "raw", most=150), b=Cost(1, "point", most=0.65))
    assert limited["a"].best == pytest.approx(0.5)
    assert limited["b"].best == pytest.approx(0.65)
    assert levers(b=Cost(2, steps=7))["b"].steps == pytest.approx(np.linspace(0.4, 1, 7))
    assert levers(b=Cost(2, steps=7))["b"].efforts == pytest.approx(20 * np.arange(1, 8))
    assert "b" not in levers(b=Cost(steps=0))
    assert "b" not in levers(b=Cost(most=0.2))  # it has more already


def test_raw_costs_on_a_curved_scale_are_counted_on_a_grid(assessed):
    framework = tree("I,,指数,Index", "a,I,a,a,1,1,yuan,,1,10000")
    result = assessed(
        framework, {"a": (10, 40, 90, 160, 250)}, '[normalise]\nhow = "goalposts"\nlog = true\n'
    )
    (lever,) = frozen_of(result, 0, {"a": Cost(2, "raw")}, Problems()).levers
    assert len(lever.steps) == 50
    for step, effort in zip(lever.steps, lever.efforts, strict=True):
        assert effort == pytest.approx(2 * (10 ** (4 * step) - 10))


def test_as_a_fraction_of_a_least_value_of_0_only_0_scores_anything(assessed):
    result = assessed(TWO, {"a": VALUES["a"], "b": (9, 4, 3, 2, 0)}, '[normalise]\nhow = "fraction_of_max"\n')
    lever = frozen_of(result, 1, {}, Problems()).levers[1]
    assert (lever.steps, lever.scale.raw_of(1.0)) == ((1.0,), 0.0)


@pytest.mark.parametrize("values", [(5, 5, 5, 5, 5), (5, "", "", "", "")])
def test_a_column_without_spread_has_no_lever(assessed, values):
    result = assessed(TWO, {"a": values, "b": VALUES["b"]}, '[impute]\nhow = "none"\n')
    assert [lever.code for lever in frozen_of(result, 0, {}, Problems()).levers] == ["b"]
