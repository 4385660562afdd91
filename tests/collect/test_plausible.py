"""Slips among recorded facts: planted ones are found, and sound data stay quiet."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.collect.observations import Observations, observations_of
from citygauge.collect.plausible import PLAUSIBLE_SCHEMA, check_plausible, jumps, outliers
from citygauge.collect.rivals import SourceChoice
from citygauge.files import frame_sheet
from citygauge.framework.model import Framework, Node, RubricLevel
from citygauge.problems import Problem, Problems

YEARS = ("2019", "2020", "2021", "2022", "2023")


def checked(
    facts: pl.DataFrame, nodes: Mapping[str, dict] | None = None, choice: SourceChoice | None = None
) -> tuple[pl.DataFrame, dict[str, Problem]]:
    found = observations_of(frame_sheet(facts, "facts"), Problems())
    assert found is not None
    told: Observations = found
    codes = nodes or {code: {} for code in facts["indicator"].unique().sort()}
    tree = Framework((Node("I"), *[Node(code, "I", direction=1, **more) for code, more in codes.items()]))
    problems = Problems()
    frame = check_plausible(told, tree, problems, choice)
    assert dict(frame.schema) == PLAUSIBLE_SCHEMA
    for problem in problems:
        assert problem.severity == "warning"
        assert problem.text("en") != problem.text("zh")
    codes_noted = [problem.code for problem in problems]
    assert len(codes_noted) == len(set(codes_noted))  # each kind once
    return frame, {problem.code: problem for problem in problems}


def long(table: Mapping[tuple[str, str], np.ndarray]) -> pl.DataFrame:
    """Return values by (indicator, period) as observations."""
    rows = [
        (f"u{n:02}", code, period, float(value))
        for (code, period), column in table.items()
        for n, value in enumerate(column)
        if not math.isnan(value)
    ]
    return pl.DataFrame(rows, schema=["unit", "indicator", "period", "value"], orient="row")


def steady(n: int = 40, seed: int = 0) -> dict[tuple[str, str], np.ndarray]:
    """Return cities of very different size that grow by 5 % a year, give or take 3 %."""
    rng = np.random.default_rng(seed)
    values = {("a", YEARS[0]): rng.lognormal(5, 1, n)}
    for before, year in pairwise(YEARS):
        values["a", year] = values["a", before] * rng.normal(1.05, 0.03, n)
    return values


def panel(
    reference: Callable[[str], Path], name: str, unit: str, period: str | None, skip: int
) -> pl.DataFrame:
    wide = pl.read_csv(reference(name), infer_schema=False)
    wide = wide.with_columns(pl.lit("2023").alias("_p") if period is None else pl.col(period).alias("_p"))
    codes = [c for c in wide.columns[skip:] if c != "_p"]
    return (
        wide.select(pl.col(unit).alias("unit"), pl.col("_p").alias("period"), *codes)
        .unpivot(index=["unit", "period"], on=codes, variable_name="indicator")
        .with_columns(pl.col("value").cast(pl.Float64, strict=False))
        .drop_nulls("value")
    )


def planted(
    facts: pl.DataFrame, unit: str, code: str, period: str, make: Callable[[float], float]
) -> pl.DataFrame:
    here = (pl.col("unit") == unit) & (pl.col("indicator") == code) & (pl.col("period") == period)
    (old,) = facts.filter(here)["value"]
    return facts.with_columns(pl.when(here).then(make(old)).otherwise("value").alias("value"))


def test_steady_growth_is_quiet():
    frame, noted = checked(long(steady()))
    assert (frame.height, noted) == (0, {})


@pytest.mark.parametrize("year", range(5))
@pytest.mark.parametrize("factor", [10_000, 1000, 100, 10, 0.1, 0.01, 1e-4])
def test_a_value_in_another_unit_of_measure_is_found_once_and_named(factor, year):
    table = steady()
    table["a", YEARS[year]][7] *= factor
    frame, noted = checked(long(table))
    found = frame.filter(pl.col("kind") == "jump")
    assert found["unit"].to_list() == ["u07"]
    assert found["period"].to_list() == [YEARS[max(year, 1)]]
    expected = factor if year else 1 / factor
    assert found["factor"].to_list() == [pytest.approx(expected)]
    assert f"«10^{math.log10(expected):.0f}»" in noted["facts.jump"].text("zh")
    assert noted["facts.jump"].values["total"] == 160


def test_swapped_digits_are_found_where_growth_is_steady():
    table = steady()
    table["a", "2020"][3], table["a", "2021"][3], table["a", "2022"][3] = 190.0, 920.0, 210.0
    table["a", "2019"][3], table["a", "2023"][3] = 180.0, 220.0
    frame, _ = checked(long(table))
    (row,) = frame.to_dicts()
    assert (row["kind"], row["unit"], row["period"], row["before"]) == ("jump", "u03", "2021", "2020")
    assert (row["value"], row["value_before"], row["factor"]) == (920.0, 190.0, None)
    assert row["ratio"] == pytest.approx(920 / 190)


def test_a_year_whose_unit_of_measure_changed_throughout_is_told_as_one():
    table = steady()
    table["a", "2022"] = table["a", "2022"] * 10_000
    table["a", "2023"] = table["a", "2023"] * 10_000
    frame, noted = checked(long(table))
    (row,) = frame.to_dicts()
    assert (row["unit"], row["period"], row["factor"]) == (None, "2022", pytest.approx(10_000))
    assert "*/a 2021→2022" in noted["facts.jump"].text("en")


def test_a_copied_year_is_found_whichever_year_it_comes_from():
    for source in ("2022", "2020"):
        table = steady()
        table["a", "2023"] = table["a", source].copy()
        frame, noted = checked(long(table))
        (row,) = frame.filter(pl.col("kind") == "copied").to_dicts()
        assert (row["before"], row["period"], row["share"]) == (source, "2023", 1.0)
        assert noted["facts.copied-column"].values["count"] == 1
        assert f"a {source}=2023 (100%)" in noted["facts.copied-column"].text("zh")


def test_what_never_changes_and_what_is_alike_everywhere_is_no_copy():
    area = np.geomspace(101.5, 9999, 40)
    museums, full = np.arange(40) % 20 + 1.0, np.full(40, 99.95)
    table = {("area", year): area for year in YEARS}
    table |= {("museums", year): museums for year in YEARS[:2]} | {("full", year): full for year in YEARS[:2]}
    assert checked(long(table))[1] == {}


def test_a_value_far_from_all_others_is_found_with_its_score():
    values = np.random.default_rng(2).lognormal(5, 1, 60)
    values[11] *= 10_000
    frame, noted = checked(long({("a", "2023"): values}))
    (row,) = frame.to_dicts()
    logs = [math.log(value) for value in values]
    middle = statistics.median(logs)
    mad = statistics.median(abs(x - middle) for x in logs)
    assert (row["kind"], row["unit"], row["row"]) == ("outlier", "u11", 12)
    assert row["z"] == pytest.approx(0.6745 * (logs[11] - middle) / mad)
    assert noted["facts.outlier"].values["total"] == 60


def test_two_cities_with_the_same_slip_do_not_hide_each_other():
    values = np.random.default_rng(3).lognormal(5, 1, 60)
    values[[4, 9]] *= 10_000
    assert np.flatnonzero(outliers(values)).tolist() == [4, 9]


def test_large_cities_are_no_outliers_without_a_gap():
    assert not outliers(np.geomspace(1, 1e6, 60)).any()
    assert not outliers(np.concatenate([np.full(30, 100.0), np.geomspace(100, 2000, 20)])).any()


def test_values_below_zero_are_compared_as_they_are():
    values = np.append(np.random.default_rng(4).normal(0, 5, 50), [900.0, -900.0])
    assert np.flatnonzero(outliers(values)).tolist() == [50, 51]


@given(st.lists(st.integers(0, 40), min_size=30, max_size=160))
@settings(max_examples=50, deadline=None)
def test_a_small_count_among_small_counts_is_no_outlier(counts):
    values = np.array(counts, float)
    assert not (np.nan_to_num(outliers(values)) < 0).any()


def test_a_value_10_000_times_too_small_is_still_found():
    values = np.append(np.arange(200.0, 240.0), 0.0215)
    assert np.flatnonzero(outliers(values)).tolist() == [40]


def test_values_below_zero_on_a_ratio_scale_are_named_and_on_others_not():
    values = steady()
    values["a", "2023"][3] = -900.0
    values["b", "2023"] = -values["a", "2021"]
    nodes = {"a": {"scale": "ratio"}, "b": {"scale": "interval"}}
    frame, noted = checked(long(values), nodes)
    found = frame.filter(pl.col("kind") == "negative")
    assert found.select("unit", "indicator", "period", "value").rows() == [("u03", "a", "2023", -900.0)]
    assert noted["facts.negative-ratio"].values["negatives"] == ["u03/a 2023 -900"]
    assert noted["facts.negative-ratio"].where.row == found["row"].item()


@pytest.mark.parametrize(
    ("rest", "n_zeros", "n_found"),
    [
        (np.linspace(900.0, 20_000.0, 39), 1, 1),  # a gap that was typed as zero
        (np.linspace(900.0, 20_000.0, 39), 3, 0),  # more than 5 %: zero may be usual
        (np.linspace(1.0, 20_000.0, 39), 1, 0),  # others come near it
        (np.arange(1.0, 40.0), 1, 0),  # small counts
        (np.full(5, 500.0), 1, 0),  # too few to tell
    ],
)
def test_a_zero_is_noted_only_where_it_is_rare_and_all_others_are_far_from_it(rest, n_zeros, n_found):
    values = {("a", "2023"): np.append(rest, np.zeros(n_zeros))}
    frame, noted = checked(long(values), {"a": {"scale": "ratio"}})
    assert frame.filter(pl.col("kind") == "zero").height == n_found
    assert ("facts.lone-zero" in noted) == bool(n_found)


def test_a_column_of_another_indicator_is_found_once():
    values = steady(12)
    values["b", "2022"] = values["a", "2022"].copy()
    values["b", "2022"][0] *= 1.1
    frame, noted = checked(long(values))
    (found,) = frame.filter(pl.col("kind") == "copied").to_dicts()
    assert (found["indicator"], found["other"], found["period"]) == ("a", "b", "2022")
    assert found["share"] == pytest.approx(11 / 12)
    assert noted["facts.copied-column"].values["columns"] == ["a=b 2022 (92%)"]


def test_one_figure_divided_by_two_things_is_no_copy():
    values = steady(12)
    values["b", "2022"] = values["a", "2022"].copy()
    frame, _ = checked(long(values), {"a": {"denominator": "people"}, "b": {"denominator": "patents"}})
    assert "copied" not in set(frame["kind"])


@pytest.mark.parametrize("column", [np.arange(1.0, 13.0), np.array([123.0] * 12), np.full(12, np.nan)])
def test_short_figures_and_constants_are_no_copies_of_each_other(column):
    frame, _ = checked(long({("a", "2022"): column, ("b", "2022"): column.copy()}), {"a": {}, "b": {}})
    assert "copied" not in set(frame["kind"])


@pytest.mark.parametrize(
    "values", [[], [1.0], [np.nan] * 20, [5.0] * 20, [0.0] * 20, [0.0] * 10 + [1.0] * 10, [1, 1e9]]
)
def test_constant_few_and_missing_values_are_no_outliers(values):
    found = outliers(np.array(values, float))
    assert not np.nan_to_num(found).any()
    assert np.isnan(found).tolist() == np.isnan(np.array(values, float)).tolist()


@pytest.mark.parametrize("n", [0, 1, 4, 5, 20])
def test_equal_changes_are_no_jumps(n):
    before = np.arange(1.0, n + 1)
    assert not jumps(before, before * 3).any()
    assert not jumps(before, before).any()
    assert np.isnan(jumps(before, np.zeros(n))).all()


def test_of_few_units_only_a_power_of_ten_is_told():
    table = {("a", "2022"): np.array([10.0, 20.0, 30.0]), ("a", "2023"): np.array([10.5, 61.0, 30_000.0])}
    frame, _ = checked(long(table))
    (row,) = frame.to_dicts()
    assert (row["unit"], row["factor"], row["z"]) == ("u02", pytest.approx(1000), None)


@given(
    st.lists(st.floats(1, 1e6), min_size=12, max_size=30),
    st.floats(1e-3, 1e3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_neither_the_unit_of_measure_nor_the_order_of_units_matters(values, factor, random):
    table = np.array(values)
    places = list(range(len(values)))
    random.shuffle(places)
    found = np.nan_to_num(outliers(table))
    np.testing.assert_allclose(outliers(table[places]), found[places], rtol=1e-6)
    after = table * np.linspace(0.9, 40, len(values))
    np.testing.assert_allclose(jumps(table[places], after[places]), jumps(table, after)[places], rtol=1e-6)
    scaled = outliers(table * factor) != 0
    edge = np.isclose(np.abs(found), 3.5, rtol=1e-3) | (found != 0) | scaled
    assert (scaled == (found != 0))[~edge].all()


def test_ordinal_scales_scores_by_rubric_and_things_inside_units_are_left_out():
    values = np.append(np.random.default_rng(5).lognormal(5, 1, 40), 1e9)
    facts = long({("a", "2023"): values, ("b", "2023"): values, ("c", "2023"): values})
    levels = (RubricLevel(0, 0), RubricLevel(1, 1))
    nodes = {"a": {"scale": "ordinal"}, "b": {"rubric": levels}, "c": {}}
    assert set(checked(facts, nodes)[0]["indicator"]) == {"c"}
    inside = facts.with_columns(pl.lit("thing").alias("subject"))
    assert checked(inside)[0].height == 0


def test_only_what_counts_is_looked_at():
    values = np.random.default_rng(6).lognormal(5, 1, 40)
    good = long({("a", "2023"): values}).with_columns(pl.lit("A").alias("source"))
    bad = good.head(1).with_columns(pl.lit(1e9).alias("value"), pl.lit("B").alias("source"))
    both = pl.concat([good, bad])
    assert checked(both, choice=SourceChoice(prefer=("A",)))[0].height == 0
    assert checked(both, choice=SourceChoice(prefer=("B",)))[0]["row"].to_list() == [41]


def test_no_facts_and_facts_without_a_period_are_looked_at_too():
    assert checked(long(steady()).head(0), {"a": {}})[1] == {}
    values = np.append(np.random.default_rng(5).lognormal(5, 1, 40), 1e9)
    undated = long({("a", "2023"): values}).with_columns(pl.lit(None, pl.String).alias("period"))
    assert checked(undated)[0]["unit"].to_list() == ["u40"]


def test_the_yearbook_of_297_cities_is_quiet_but_for_its_misprints(reference):
    facts = panel(reference, "china-statistics-2023/city_indicators_2023.csv", "adcode", None, 4)
    frame, noted = checked(facts)
    assert set(noted) == {"facts.outlier"}
    assert frame.height < 0.002 * facts.height
    found = set(frame.select("unit", "indicator", "value").rows())
    # Shares in per cent that stand as 8 030, 6 239 and 0.97 in the tables: points lost or a fraction.
    assert {
        ("640200", "good_air_days_share", 8030.0),
        ("530800", "good_air_days_share", 0.97),
        ("430600", "urbanisation_rate", 6239.0),
    } <= found
    large = {"110000", "310000", "440100", "440300", "500000"}  # and not wrong: 34 figures each
    assert len([unit for unit, *_ in found if unit in large]) <= 1


def test_a_figure_of_the_yearbook_times_10_000_is_found(reference):
    facts = panel(reference, "china-statistics-2023/city_indicators_2023.csv", "adcode", None, 4)
    for code in ("gdp", "resident_population", "hospital_beds", "mobile_subscribers"):
        wrong = planted(facts, "320500", code, "2023", lambda value: value * 10_000)
        frame, _ = checked(wrong)
        assert ("320500", code) in set(frame.select("unit", "indicator").rows())


def test_the_panel_of_51_countries_is_quiet(reference):
    frame, noted = checked(panel(reference, "asem/ASEM_iData_p.csv", "uCode", "Time", 7))
    assert frame.filter(pl.col("kind") == "jump").height <= 2
    assert frame.height < 0.01 * 13_195
    assert "facts.copied-column" not in noted


def test_slips_planted_in_the_panel_of_51_countries_are_found(reference):
    facts = panel(reference, "asem/ASEM_iData_p.csv", "uCode", "Time", 7)
    wrong = planted(facts, "AUT", "Area", "2020", lambda value: value * 10_000)
    wrong = planted(wrong, "SGP", "GDP", "2021", lambda value: value * 10)
    last = pl.col("period") == "2022"
    copied = facts.filter((pl.col("indicator") == "LPI") & (pl.col("period") == "2021"))
    wrong = pl.concat(
        [
            wrong.filter(~(last & (pl.col("indicator") == "LPI"))),
            copied.with_columns(pl.lit("2022").alias("period")),
        ]
    )
    frame, noted = checked(wrong)
    rows = {(r["kind"], r["unit"], r["indicator"], r["period"]) for r in frame.to_dicts()}
    assert ("jump", "AUT", "Area", "2020") in rows
    assert ("jump", "SGP", "GDP", "2021") in rows
    assert ("copied", None, "LPI", "2022") in rows
    assert "LPI 2021=2022" in noted["facts.copied-column"].text("en")
