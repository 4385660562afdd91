"""The data themselves are uncertain: where it is read, and what the figures are drawn from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from citygauge.analyse.robust.noise import GIVEN, NORMAL, UNIFORM, Noise, NoiseSettings, noise_of
from citygauge.gather import Run, gather
from citygauge.problems import Problems
from citygauge.workspace import open_workspace

N = 40_000

FRAMEWORK = """\
code,parent,level,name_zh,name_en,weight,direction,unit,denominator,denominator_scale,scale,rubric
I,,0,指数,Index,,,,,,,
P,I,1,支柱,Pillar,,,,,,,
share,P,2,占比,Share,,1,%,,,share,
rate,P,2,比率,Rate,,1,beds,population,10,ratio,
change,P,2,增速,Change,,1,points,,,interval,
level,P,2,等级,Level,,1,level,,,ordinal,0: 无|none ; 1: 有|some ; 2: 全|full
open,P,2,开放,Open,,1,yes_no,,,binary,
"""
UNITS = "unit,name_zh,name_en,population\n1,苏州,Suzhou,20\n2,台州,Taizhou,50\n3,成都,Chengdu,40\n"
FACTS = """\
unit,indicator,period,value,se,quality
1,share,2023,80,2,A
1,rate,2023,6,0.5,B
1,change,2023,-3,,A
1,level,2023,1,,
1,open,2023,0,,
2,share,2023,99,4,
2,rate,2023,0,,C
2,change,2023,0,,C
2,level,2023,2,,
2,open,2023,1,,
3,share,2023,,,
3,rate,2023,12,,
3,change,2023,5,,
3,level,2023,0,,
3,open,2023,1,,
"""


@pytest.fixture
def noise(workspace):
    """Return a function that reads the noise of a small workspace, and what was noted."""

    def read(settings, uncertainty=None, facts=FACTS, **files):
        given = {"framework__csv": FRAMEWORK, "units__csv": UNITS, "observations__csv": facts, **files}
        given["method__toml"] = None
        given["uncertainty__csv"] = uncertainty
        opened = open_workspace(workspace(**given))
        run_problems, problems = Problems(), Problems()
        run = Run.of(opened, None, run_problems)
        run_problems.raise_errors()
        year = gather(run, opened.chosen_period(run_problems))
        year.problems.raise_errors()
        if uncertainty is not None:
            settings = {"file": "uncertainty.csv", **settings}
        stratum = next(iter(year.derived))
        found = noise_of(opened, year, stratum, NoiseSettings(**settings), problems)
        return found, year.part(stratum).table, problems

    return read


def cells(found, table):
    """Return unit and code → kind, first, second."""
    return {
        (table.units[row], table.codes[column]): (int(kind), float(first), float(second))
        for row, column, kind, first, second in zip(
            found.rows, found.columns, found.kinds, found.first, found.second, strict=True
        )
    }


def codes_of(problems):
    return [problem.code for problem in problems]


def drawn(found, table, unit, code, n=N, seed=5):
    """Return the draws of one cell."""
    uniforms = np.random.default_rng(seed).random((n, len(found)))
    return found.values(table.values, uniforms)[:, table.units.index(unit), table.codes.index(code)]


def one(kind, first, second=np.nan, low=-np.inf, high=np.inf, draws=(), levels=None):
    at = np.zeros(1, int)
    ends = np.array([low]), np.array([high])
    return Noise(at, at, np.array([kind], np.int8), np.array([first]), np.array([second]), *ends,
                 np.array(draws), levels or {})  # fmt: skip


# What is drawn.


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.floats(1e-6, 1 - 1e-6))
def test_a_normal_figure_is_the_quantile_of_its_uniform(value, sd, u):
    got = one(NORMAL, sd).values(np.array([[value]]), np.array([[u]]))[0, 0, 0]
    assert got == pytest.approx(stats.norm.ppf(u, value, sd), rel=1e-9, abs=1e-9)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(1e-6, 1 - 1e-6))
def test_an_even_figure_is_the_quantile_of_its_uniform(low, width, u):
    got = one(UNIFORM, low, low + width).values(np.array([[0.0]]), np.array([[u]]))[0, 0, 0]
    assert got == pytest.approx(low + u * width, rel=1e-9, abs=1e-9)


def test_a_given_draw_is_the_one_that_its_uniform_falls_on():
    noise = one(GIVEN, 0, 4, draws=[5.0, 1.0, 9.0, 2.0])
    uniforms = np.array([[0.0], [0.2499], [0.25], [0.5], [0.7499], [0.75], [1.0]])
    got = noise.values(np.array([[3.0]]), uniforms)[:, 0, 0]
    assert got.tolist() == [5, 5, 1, 9, 9, 2, 2]


def test_the_ends_of_the_uniforms_give_finite_figures():
    got = one(NORMAL, 2.0).values(np.array([[1.0]]), np.array([[0.0], [1.0]]))
    assert np.isfinite(got).all()
    assert got[0, 0, 0] < -15 < 17 < got[1, 0, 0]


def test_moments_of_the_draws_are_those_stated():
    uniforms = np.random.default_rng(1).random((N, 1))
    normal = one(NORMAL, 3.0).values(np.array([[10.0]]), uniforms).ravel()
    even = one(UNIFORM, 2.0, 8.0).values(np.array([[10.0]]), uniforms).ravel()
    for values, mean, sd, fourth in ((normal, 10.0, 3.0, 3.0), (even, 5.0, np.sqrt(3.0), 1.8)):
        assert abs(values.mean() - mean) < 4 * sd / np.sqrt(N)
        assert abs(values.std() - sd) < 4 * sd * np.sqrt((fourth - 1) / 4 / N)
    assert stats.kstest(normal, "norm", (10, 3)).pvalue > 1e-4
    assert stats.kstest(even, "uniform", (2, 6)).pvalue > 1e-4


def test_figures_are_cut_to_the_bounds_of_their_scale():
    got = one(NORMAL, 10.0, low=0.0, high=100.0).values(np.array([[98.0]]), np.array([[0.01], [0.5], [0.99]]))
    assert got.ravel() == pytest.approx([stats.norm.ppf(0.01, 98, 10), 98.0, 100.0])


def test_figures_of_a_rubric_become_the_nearest_level():
    noise = one(NORMAL, 1.0, levels={0: (0.0, 1.0, 4.0)})
    got = noise.values(np.array([[1.0]]), stats.norm.cdf([[-5.0], [-0.4], [0.0], [1.4], [1.6]]))
    assert got.ravel().tolist() == [0, 1, 1, 1, 4]


def test_a_gap_stays_a_gap_whatever_its_noise():
    for noise in (one(NORMAL, 1.0), one(UNIFORM, 1.0, 2.0), one(GIVEN, 0, 1, draws=[1.0])):
        assert np.isnan(noise.values(np.array([[np.nan]]), np.array([[0.3]]))).all()


def test_a_replication_depends_on_its_own_uniforms_alone():
    noise, table = one(NORMAL, 1.0), np.array([[5.0, 7.0]])
    uniforms = np.random.default_rng(0).random((6, 1))
    whole = noise.values(table, uniforms)
    np.testing.assert_array_equal(noise.values(table, uniforms[4:5])[0], whole[4])
    np.testing.assert_array_equal(noise.values(table, uniforms[::-1]), whole[::-1])
    np.testing.assert_array_equal(whole[:, 0, 1], 7.0)


def test_no_replications_and_no_cells_are_no_trouble(noise):
    found, table, _ = noise({})
    assert len(found) == 0
    assert found.values(table.values, np.empty((0, 0))).shape == (0, *table.values.shape)
    np.testing.assert_array_equal(found.values(table.values, np.empty((2, 0)))[1], table.values)


# Where it is read.


def test_a_share_is_the_spread_of_all_that_was_measured(noise):
    found, table, problems = noise({"relative": 0.1, "by": {"share": 0.5}})
    told = cells(found, table)
    assert told["1", "share"] == (NORMAL, 40.0, pytest.approx(np.nan, nan_ok=True))
    assert told["1", "rate"][1] == pytest.approx(0.3)  # 6 beds for 2 x 10 residents, a tenth of 3
    assert told["2", "rate"][1] == pytest.approx(0.1 * (3 + 0 + 3) / 3)  # of 0: of the column's mean size
    assert told["2", "change"][1] == pytest.approx(0.1 * 8 / 3)
    assert ("3", "share") not in told  # a gap
    assert not codes_of(problems)


def test_an_imputed_figure_takes_no_share(noise):
    facts = FACTS.replace("unit,indicator,period,value,se,quality", "unit,indicator,period,value,se,origin")
    facts = "\n".join(line.rsplit(",", 1)[0] + "," if i else line for i, line in enumerate(facts.split("\n")))
    facts = facts.replace("1,change,2023,-3,,", "1,change,2023,-3,,imputed").rstrip(",\n") + "\n"
    found, table, _ = noise({"relative": 0.1}, facts=facts)
    told = cells(found, table)
    assert ("1", "change") not in told
    assert ("3", "change") in told


def test_standard_errors_of_the_observations_are_divided_as_their_values_are(noise):
    found, table, problems = noise({"se": True})
    told = cells(found, table)
    assert set(told) == {("1", "share"), ("1", "rate"), ("2", "share")}
    assert told["1", "share"][1] == 2.0
    assert told["1", "rate"][1] == pytest.approx(0.5 / (20 / 10))
    assert not codes_of(problems)


def test_an_error_is_divided_by_an_indicator_where_the_value_is(noise):
    tree = FRAMEWORK.replace("beds,population,10", "beds,change,1")
    found, table, _ = noise(
        {"se": True}, framework__csv=tree, facts=FACTS.replace("1,rate,2023,6", "1,rate,2023,0")
    )
    assert table.column("rate")[0] == 0
    assert cells(found, table)["1", "rate"][1] == pytest.approx(0.5 / 3)  # the change is -3


def test_an_assessment_without_periods_reads_them_too(noise):
    facts = FACTS.replace("2023", "")
    text = "unit,indicator,se,low,high\n1,share,1,70,90\n1,rate,1,,\n"
    found, table, problems = noise({}, text, facts=facts)
    assert set(cells(found, table)) == {("1", "share"), ("1", "rate")}
    assert not codes_of(problems)


def test_a_row_told_twice_in_all_it_says_is_named_once(noise):
    _, _, problems = noise({}, "unit,indicator,se,low,high\n1,share,1,70,90\n1,share,1,70,90\n")
    assert codes_of(problems) == ["noise.repeated"]
    assert next(iter(problems)).values["rows"] == [2, 3]


def test_grades_of_the_observations_are_shares_of_the_value(noise):
    found, table, problems = noise({"grades": {"A": 0.01, "B": 0.05, "C": 0.15}})
    told = cells(found, table)
    assert {place: pytest.approx(first) for place, (_, first, _) in told.items()} == {
        ("1", "share"): 0.8, ("1", "rate"): 0.05 * 3, ("1", "change"): 0.03,
        ("2", "rate"): 0.15 * 2, ("2", "change"): 0.15 * 8 / 3,
    }  # fmt: skip
    assert not codes_of(problems)


FILE = """\
unit,indicator,period,of,se,low,high,draw,value,grade
1,rate,2023,,2,,,,,
2,rate,,derived,0.25,,,,,
3,rate,,,,8,16,,,
1,share,,,,70,85,,,
2,share,,,,,,1,97,
2,share,,,,,,2,98,
2,share,,,,,,3,99,
1,change,,,,,,,,B
"""


def test_a_file_tells_errors_intervals_draws_and_grades_of_single_figures(noise):
    found, table, problems = noise({"grades": {"B": 0.05, "A": 0.01, "C": 1}}, FILE)
    told = cells(found, table)
    assert not codes_of(problems)
    assert told["1", "rate"][:2] == (NORMAL, pytest.approx(1.0))  # 2 divided by 20 / 10
    assert told["2", "rate"][:2] == (NORMAL, 0.25)
    assert told["3", "rate"] == (UNIFORM, pytest.approx(2.0), pytest.approx(4.0))
    assert told["1", "share"] == (UNIFORM, 70.0, 85.0)
    assert told["1", "change"][:2] == (NORMAL, pytest.approx(0.15))
    values = drawn(found, table, "2", "share")
    counts = [np.count_nonzero(values == level) for level in (97, 98, 99)]
    assert sum(counts) == N
    assert stats.chisquare(counts).pvalue > 1e-4


def test_the_most_specific_of_several_statements_counts(noise):
    settings = {"se": True, "relative": 0.5, "grades": {"A": 0.01, "B": 0.05, "C": 0.15, "D": 0.3}}
    rows = ["1,share,,,9,70,85,,81,D", "2,share,,,9,98,99,,,D", "1,rate,,,9,,,,,D", "1,change,,,,,,,,D"]
    expected = [("1", "share", GIVEN), ("2", "share", UNIFORM), ("1", "rate", NORMAL)]
    header = FILE.partition("\n")[0]
    found, table, _ = noise(settings, "\n".join([header, *rows]) + "\n")
    told = cells(found, table)
    assert [told[unit, code][0] for unit, code, _ in expected] == [kind for *_, kind in expected]
    assert told["1", "rate"][1] == pytest.approx(4.5)  # the file's error, not the observation's
    assert told["1", "change"][1] == pytest.approx(0.9)  # the file's grade, not the observation's
    assert told["2", "change"][1] == pytest.approx(0.15 * 8 / 3)  # the observation's grade, not the share
    assert told["3", "rate"][1] == pytest.approx(1.5)  # nothing but the share


def test_a_statement_about_the_period_counts_before_one_about_all(noise):
    text = "unit,indicator,period,se\n1,share,,5\n1,share,2023,3\n2,share,,7\n"
    found, table, problems = noise({}, text)
    told = cells(found, table)
    assert (told["1", "share"][1], told["2", "share"][1]) == (3.0, 7.0)
    assert not codes_of(problems)


def test_an_error_of_zero_says_that_a_figure_is_exact(noise):
    found, table, _ = noise({"relative": 0.1}, "unit,indicator,se\n1,share,0\n")
    assert ("1", "share") not in cells(found, table)
    assert ("2", "share") in cells(found, table)


def test_headers_in_chinese_are_understood(noise):
    found, table, _ = noise({}, "城市,指标,标准误\n1,share,4\n")
    assert cells(found, table)["1", "share"][1] == 4.0


def test_without_spread_every_replication_is_the_table_itself(noise):
    settings = {"relative": 0.0, "grades": {"A": 0, "B": 0, "C": 0}}
    text = "unit,indicator,low,high,value\n1,share,80,80,\n1,rate,6,6,\n1,level,1,1,\n2,share,,,99\n"
    found, table, _ = noise(settings, text)
    uniforms = np.random.default_rng(2).random((5, len(found)))
    for values in found.values(table.values, uniforms):
        np.testing.assert_array_equal(values, table.values)


def test_draws_have_the_spread_of_the_derived_value_and_stay_within_its_bounds(noise):
    found, table, _ = noise({"se": True})
    rates = drawn(found, table, "1", "rate")
    assert abs(rates.mean() - 3) < 4 * 0.25 / np.sqrt(N)
    assert abs(rates.std() - 0.25) < 4 * 0.25 / np.sqrt(2 * N)
    shares = drawn(found, table, "2", "share")
    assert shares.max() == 100.0
    at_the_end = np.mean(shares == 100.0)
    expected = stats.norm.sf(100, 99, 4)
    assert abs(at_the_end - expected) < 4 * np.sqrt(expected / N)


def test_a_ratio_is_never_below_zero_and_a_change_may_be(noise):
    found, table, _ = noise({"relative": 2.0})
    assert drawn(found, table, "1", "rate").min() == 0.0
    assert drawn(found, table, "1", "share").min() == 0.0
    assert drawn(found, table, "1", "change").max() > 0 > drawn(found, table, "3", "change").min()


def test_a_figure_beyond_the_bounds_of_its_scale_is_its_own_bound(noise):
    found, table, _ = noise({"relative": 0.01}, facts=FACTS.replace("2,rate,2023,0", "2,rate,2023,-5"))
    assert drawn(found, table, "2", "rate").min() < -1.0  # the column has no zero
    uniforms = np.full((1, len(found)), 0.5)
    np.testing.assert_allclose(found.values(table.values, uniforms)[0], table.values)


def test_levels_and_yes_or_no_are_drawn_among_their_levels(noise):
    found, table, _ = noise({"relative": 0.8})
    assert set(np.unique(drawn(found, table, "1", "level"))) == {0.0, 1.0, 2.0}
    assert set(np.unique(drawn(found, table, "2", "open"))) == {0.0, 1.0}


def test_scores_handed_over_in_place_of_levels_keep_their_decimals(noise):
    head, *lines = FACTS.splitlines()
    lines = [line + ("," if ",level," not in line else ",score") for line in lines]
    facts = "\n".join([head + ",unit_of_measure", *lines]) + "\n"
    facts = facts.replace("1,level,2023,1,", "1,level,2023,0.7,").replace(
        "2,level,2023,2", "2,level,2023,0.9"
    )
    found, table, _ = noise({"relative": 0.1}, facts=facts)
    assert drawn(found, table, "1", "level").std() == pytest.approx(0.07, rel=0.05)


THINGS = {
    "framework__csv": FRAMEWORK,
    "subjects__csv": "subject,unit,kind\nx,1,venue\ny,1,venue\n",
    "rollups__csv": "code,kind,to,how\nrate,venue,unit,mean\n",
}


def test_what_is_made_of_things_inside_a_unit_has_no_error_of_its_own(noise):
    head, *lines = FACTS.splitlines()
    lines = [line + "," for line in lines if not line.startswith("1,rate")]
    lines += ["1,rate,2023,5,1,,x", "1,rate,2023,7,1,,y"]
    facts = "\n".join([head + ",subject", *lines]) + "\n"
    found, table, problems = noise({"se": True}, facts=facts, **THINGS)
    assert table.column("rate")[0] == pytest.approx(6 / 2)
    assert ("1", "rate") not in cells(found, table)
    assert codes_of(problems) == ["noise.se-of-things"]
    assert next(iter(problems)).values["codes"] == ["rate"]
    text = "unit,indicator,low,high\n1,rate,5,7\n"
    found, table, _ = noise({"se": True}, text, facts=facts, **THINGS)
    assert cells(found, table)["1", "rate"] == (UNIFORM, 2.5, 3.5)


def test_a_fact_of_the_unit_is_one_fact_in_every_stratum_and_what_is_made_of_things_is_not(workspace):
    facts = (
        "unit,indicator,period,value,subject\n1,share,2023,80,\n2,share,2023,70,\n"
        "1,change,2023,4,x\n1,change,2023,2,y\n2,change,2023,3,z\n2,change,2023,3,w\n"
    )
    subjects = "subject,unit,kind,ring\nx,1,venue,in\ny,1,venue,out\nz,2,venue,in\nw,2,venue,out\n"
    opened = open_workspace(
        workspace(
            framework__csv=FRAMEWORK, units__csv=UNITS, observations__csv=facts, method__toml=None,
            subjects__csv=subjects, rollups__csv="code,kind,to,how\nchange,venue,unit,mean\n",
            assessment__toml='framework = "framework.csv"\n[subjects]\nstrata = "ring"\n',
        )
    )  # fmt: skip
    year = gather(Run.of(opened, None, Problems()), "2023")
    problems, settings = Problems(), NoiseSettings(relative=0.1, by={"chang": 1})
    inside, outside = (set(noise_of(opened, year, name, settings, problems).keys) for name in ("in", "out"))
    assert inside & outside == {"/1/share", "/2/share"}
    assert inside - outside == {"in/1/change", "in/2/change"}
    assert codes_of(problems) == ["noise.unknown-code"]  # once, not in each stratum


# What is wrong.


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"by": {"shares": 0.1}}, "noise.unknown-code"),
        ({"grades": {"A": 0.1}}, "noise.unknown-grade"),
    ],
)
def test_settings_that_fit_nothing_are_refused(noise, settings, code):
    _, _, problems = noise(settings)
    assert codes_of(problems) == [code]
    assert problems.errors


def test_the_nearest_code_and_the_known_grades_are_named(noise):
    _, _, problems = noise({"by": {"shar": 0.1}, "grades": {"A": 0.1}})
    near, grades = problems
    assert near.values["near"][0] == "share"
    assert (grades.values["values"], grades.values["known"]) == (["B", "C"], ["A"])


def test_standard_errors_and_grades_that_nobody_recorded_are_refused(noise):
    head, *lines = FACTS.splitlines()
    bare = "\n".join(line.rsplit(",", 2)[0] for line in [head, *lines]) + "\n"
    _, _, problems = noise({"se": True, "grades": {"A": 0.1}}, facts=bare)
    assert codes_of(problems) == ["noise.no-grades", "noise.no-se"]


@pytest.mark.parametrize(
    "wrong", [{"relative": -0.1}, {"grades": {"A": -1}}, {"by": {"a": float("inf")}}, {"n": 1}]
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        NoiseSettings(**wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unit,se\n1,2\n", ["noise.missing-column"]),
        ("unit,indicator\n1,share\n", ["noise.missing-column"]),
        ("unit,indicator,se\n,share,2\n", ["noise.blank-key"]),
        ("unit,indicator,se\n9,share,2\n", ["noise.unknown-unit"]),
        ("unit,indicator,se\n1,shar,2\n", ["noise.unknown-indicator"]),
        ("unit,indicator,period,se\n1,share,2031,2\n", ["noise.unknown-period"]),
        ("unit,indicator,of,se\n1,share,result,2\n", ["noise.unknown-of"]),
        ("unit,indicator,se\n1,share,two\n", ["noise.not-a-number"]),
        ("unit,indicator,se\n1,share,inf\n", ["noise.not-a-number"]),
        ("unit,indicator,se\n1,share,-2\n", ["noise.negative-se"]),
        ("unit,indicator,low,high\n1,share,70,\n", ["noise.half-interval"]),
        ("unit,indicator,low,high\n1,share,,70\n", ["noise.half-interval"]),
        ("unit,indicator,low,high\n1,share,90,70\n", ["noise.low-above-high"]),
        ("unit,indicator,se\n1,share,\n", ["noise.nothing-said"]),
        ("unit,indicator,se\n1,share,1\n1,share,2\n", ["noise.repeated"]),
        ("unit,indicator,draw,value\n1,share,1,80\n1,share,1,81\n", ["noise.repeated"]),
        ("unit,indicator,grade\n1,share,E\n", ["noise.unknown-grade"]),
        ("unit,indicator,low,high\n1,share,81,82\n", ["noise.value-outside"]),
        ("unit,indicator,se\n3,share,2\n", ["noise.no-value"]),
        ("unit,indicator,se\n1,P,2\n", ["noise.no-value"]),
    ],
)
def test_what_is_wrong_in_a_file_is_named(noise, text, expected):
    _, _, problems = noise({}, text)
    assert codes_of(problems) == expected
    warned = {"noise.value-outside", "noise.no-value"}
    assert bool(problems.errors) == (not warned.intersection(expected))
    for problem in problems:
        assert problem.text("en")
        assert problem.text("zh")


def test_a_file_that_is_not_there_is_named(noise):
    _, _, problems = noise({"file": "spread.csv"})
    assert codes_of(problems) == ["file.not-found"]


def test_everything_wrong_in_a_file_is_told_at_once(noise):
    rows = ["9,share,x,,", "1,shares,-1,,", "1,rate,,5,", "2,rate,,7,5", ",rate,1,,", "1,open,,,"]
    text = "\n".join(["unit,indicator,se,low,high", *rows]) + "\n"
    _, _, problems = noise({"by": {"none": 1}}, text)
    assert sorted(codes_of(problems)) == [
        "noise.blank-key", "noise.half-interval", "noise.low-above-high", "noise.negative-se",
        "noise.not-a-number", "noise.nothing-said", "noise.unknown-code", "noise.unknown-indicator",
        "noise.unknown-unit",
    ]  # fmt: skip
    assert list(problems)[-1].where.file == "uncertainty.csv"


def test_a_unit_is_found_by_its_name_only_to_suggest_its_code(noise):
    _, _, problems = noise({}, "unit,indicator,se\n成都,share,2\n")
    assert next(iter(problems)).values["near"] == ["3"]


def test_several_draws_without_numbers_are_several_draws(noise):
    found, table, problems = noise({}, "unit,indicator,value\n1,share,80\n1,share,80\n1,share,70\n")
    assert not codes_of(problems)
    values = drawn(found, table, "1", "share")
    assert abs(np.mean(values == 80) - 2 / 3) < 4 * np.sqrt(2 / 9 / N)
