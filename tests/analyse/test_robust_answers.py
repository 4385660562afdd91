"""What is read off counted replications, against numpy and scipy on the replications, and by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import comb
from time import perf_counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from citygauge.analyse.robust.answers import (
    at_most,
    by_rank,
    disputable,
    p_top,
    rank_stability,
    stable,
    summary,
)
from citygauge.analyse.robust.answers_change import Period, change
from citygauge.analyse.robust.answers_convergence import (
    convergence,
    order_statistics,
    quantile_intervals,
    rank_tolerance,
    wilson,
)
from citygauge.analyse.robust.answers_pairs import dominance, pairs, told_apart
from citygauge.analyse.robust.counts import Counts

SPAN = (0.0, 1.0)


def counted(ranks, grades=()):
    """Count replications (rows) of ranks, 0 = none, one by one; `grades` as they are."""
    ranks = np.asarray(ranks)
    empty = Counts.empty(ranks.shape[1], 0, SPAN)
    histogram, ahead = empty.ranks.copy(), empty.ahead.copy()
    for row in ranks:
        for unit, rank in enumerate(row):
            if rank:
                histogram[unit, rank - 1] += 1
                ahead[unit] += (row > rank).astype(np.uint32)
    cells = np.array(grades, np.uint32) if len(grades) else empty.grades
    return replace(empty, n=len(ranks), ranks=histogram, ahead=ahead, grades=cells)


def names(n):
    return [f"u{i}" for i in range(n)]


@st.composite
def replications(draw, least=0):
    n_units = draw(st.integers(1, 7))
    shape = (draw(st.integers(least, 20)), n_units)
    return draw(arrays(np.int64, shape, elements=st.integers(0, n_units)))


def same(found, wanted):
    """Null where the wanted figure is NaN, else equal to it."""
    wanted = [None if np.isnan(each) else each for each in wanted]
    assert [each is None for each in found] == [each is None for each in wanted]
    assert [each for each in found if each is not None] == pytest.approx(
        [each for each in wanted if each is not None], rel=1e-7
    )


# The summary of each unit


@given(replications(), st.data())
def test_the_summary_is_that_of_the_ranks_themselves(ranks, data):
    n_units = ranks.shape[1]
    published = data.draw(arrays(np.int32, n_units, elements=st.integers(0, n_units)))
    found = summary(counted(ranks), names(n_units), published, top=2)
    assert found["unit_code"].to_list() == [names(n_units)[i] for i in by_rank(names(n_units), published)]
    for row in found.iter_rows(named=True):
        unit = int(row["unit_code"][1:])
        place, known = int(published[unit]), ranks[:, unit][ranks[:, unit] > 0]
        assert row["rank_published"] == (place or None)
        assert row["n_ranked"] == known.size
        wanted = dict.fromkeys(
            ("rank_median", "rank_p05", "rank_p95", "rank_mean", "rank_min", "rank_max", "p_top"), None
        )
        if known.size:
            wanted = {
                "rank_median": np.median(known), "rank_p05": np.quantile(known, 0.05),
                "rank_p95": np.quantile(known, 0.95), "rank_mean": known.mean(),
                "rank_min": known.min(), "rank_max": known.max(), "p_top": (known <= 2).mean(),
            }  # fmt: skip
        wanted["rank_sd"] = known.std(ddof=1) if known.size > 1 else None
        both = known.size and place
        wanted["p_published_or_better"] = (known <= place).mean() if both else None
        wanted["mean_abs_shift"] = np.abs(known - place).mean() if both else None
        for name, value in wanted.items():
            assert row[name] == (None if value is None else pytest.approx(value, rel=1e-7)), name


def test_the_columns_of_the_summary_stand_in_the_order_of_the_contract():
    counts = counted([[1, 2]], [[1, 0, 0], [0, 0, 1]])
    found = summary(counts, ["b", "a"], np.array([1, 2]), ["leading", "pioneering", "exploring"])
    assert found.columns == [
        "unit_code", "rank_published", "rank_median", "rank_p05", "rank_p95",
        "p_grade_leading", "p_grade_pioneering", "p_grade_exploring",
        "rank_mean", "rank_sd", "rank_min", "rank_max", "p_top", "p_published_or_better",
        "mean_abs_shift", "n_ranked", "score_median", "score_p05", "score_p95",
    ]  # fmt: skip
    assert found.schema["rank_published"] == pl.Int64
    assert found.schema["rank_min"] == pl.Int64
    assert found.schema["rank_sd"] == pl.Float64


def test_grades_are_shares_of_the_replications_with_a_grade():
    counts = counted([[1, 0]] * 4, [[1, 3], [0, 0]])
    found = summary(counts, ["a", "b"], np.array([1, 0]), ["best", "rest"])
    assert found.select("p_grade_best", "p_grade_rest").rows() == [(0.25, 0.75), (None, None)]


def test_a_unit_that_never_had_a_rank_has_nulls_and_not_zeros():
    found = summary(counted([[1, 0], [1, 0]]), ["a", "b"], np.array([1, 2])).row(1, named=True)
    figures = {name: value for name, value in found.items() if value is not None}
    assert figures == {"unit_code": "b", "rank_published": 2, "n_ranked": 0}


def test_grades_that_are_not_named_or_not_counted_are_refused():
    with pytest.raises(ValueError, match="zip"):
        summary(counted([[1]], [[1, 0]]), ["a"], np.array([1]), ["best"])


def test_scores_are_read_off_their_bins():
    counts = counted([[1]] * 3)
    counts.scores[0, [256, 512, 768]] = 1
    row = summary(counts, ["a"], np.array([1])).row(0, named=True)
    assert row["score_median"] == pytest.approx(0.5, abs=1 / 1024)
    assert row["score_p05"] == pytest.approx(np.quantile([0.25, 0.5, 0.75], 0.05), abs=1 / 1024)


def test_a_rank_that_never_moves_has_no_spread_at_all():
    histogram = np.eye(700, dtype=np.uint32) * 999_983
    counts = replace(Counts.empty(700, 0, SPAN), n=999_983, ranks=histogram)
    assert summary(counts, names(700), np.arange(1, 701))["rank_sd"].to_list() == [0.0] * 700


@given(replications(1), st.integers(-1, 9))
def test_the_first_k_are_those_whose_rank_is_not_above_k(ranks, k):
    known = np.where(ranks > 0, 1.0, np.nan)
    with np.errstate(invalid="ignore"):
        wanted = np.where(ranks > 0, ranks <= k, False).sum(axis=0) / np.nansum(known, axis=0)
    same([None if np.isnan(each) else each for each in p_top(counted(ranks), k)], wanted)


def test_tied_units_are_all_among_the_first():
    assert p_top(counted([[1, 1, 3]]), 1).tolist() == [1.0, 1.0, 0.0]


def test_a_limit_within_a_bin_takes_its_share_of_it():
    # Seven units in bins of 4 ranks: 1–4 and 5–7.
    ranks = np.array([[8, 0], [0, 9], *([[4, 3]] * 5)], np.uint32)
    counts = replace(Counts.empty(7, 0, SPAN), n=9, width=4, ranks=ranks)
    assert at_most(counts, np.array([1, 5, 0, 4, 6, 7, 99])).tolist() == [2, 3, 0, 4, 6, 7, 7]
    row = summary(counts, names(7), np.arange(1, 8)).row(2, named=True)
    assert (row["rank_min"], row["rank_max"]) == (1, 7)


# Stable and disputable units


@given(replications(1))
def test_width_and_entropy_are_those_of_the_ranks_themselves(ranks):
    found = rank_stability(counted(ranks), names(ranks.shape[1]))
    often = [i for i, column in enumerate(ranks.T) if (column > 0).mean() >= 0.95]
    assert sorted(found["unit_code"]) == [f"u{i}" for i in often]
    for row in found.iter_rows(named=True):
        column = ranks[:, int(row["unit_code"][1:])]
        known = column[column > 0]
        ends = np.quantile(known, [0.05, 0.95])
        assert row["rank_width"] == pytest.approx(ends[1] - ends[0], abs=1e-8)
        assert row["rank_entropy"] == pytest.approx(stats.entropy(np.bincount(known), base=2), abs=1e-12)
        assert row["p_ranked"] == known.size / len(ranks)
    assert found["rank_width"].is_sorted()


def test_either_of_two_ranks_is_less_open_than_all_between():
    either, any_of = [3, 9] * 7, [3, 4, 5, 6, 7, 8, 9] * 2
    ranks = np.column_stack([any_of, either, [1] * 14, *([[2] * 14] * 6)])
    found = rank_stability(counted(ranks), names(9)).rows_by_key("unit_code", named=True, unique=True)
    assert found["u0"]["rank_width"] == found["u1"]["rank_width"] == 6
    assert found["u0"]["rank_entropy"] == pytest.approx(np.log2(7))
    assert found["u1"]["rank_entropy"] == pytest.approx(1)
    assert disputable(counted(ranks), names(9), 2)["unit_code"].to_list() == ["u0", "u1"]
    assert stable(counted(ranks), names(9), 2)["unit_code"].to_list() == ["u2", "u3"]


def test_units_that_seldom_have_a_rank_are_neither_stable_nor_disputable():
    counts = counted([[1, 0], [1, 1], [1, 0]])
    assert stable(counts, ["a", "b"])["unit_code"].to_list() == ["a"]
    assert disputable(counts, ["a", "b"])["unit_code"].to_list() == ["a"]


def test_a_unit_without_a_rank_in_more_than_a_twentieth_of_the_replications_is_in_no_list():
    counts = counted([[1, 2, 3]] * 94 + [[1, 2, 0]] + [[1, 0, 0]] * 5)
    assert sorted(rank_stability(counts, list("abc"))["unit_code"]) == ["a", "b"]


def test_units_that_are_as_open_as_each_other_stand_by_the_median_of_their_ranks():
    # z, y and x never move; c and b change places, as f and e do. The first of each have the last codes.
    ranks = [[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 5, 4, 7, 6]] * 10
    counts, codes = counted(ranks), ["z", "y", "x", "d", "c", "b", "a"]
    order = ["z", "y", "x", "c", "d", "a", "b"]
    assert rank_stability(counts, codes)["unit_code"].to_list() == order
    assert stable(counts, codes, 2)["unit_code"].to_list() == ["z", "y"]
    assert disputable(counts, codes, 7)["unit_code"].to_list() == ["c", "d", "a", "b", "z", "y", "x"]


def test_the_same_shares_in_another_order_are_a_tie():
    # Sums of entropies in another order differ in their last digit; the widths are the same.
    shares, places = [3, 5, 7, 11, 13, 17, 19, 25], 20
    one = [rank for rank, times in enumerate(shares, 11) for _ in range(times)]
    other = [rank for rank, times in enumerate(reversed(shares), 1) for _ in range(times)]
    ranks = np.zeros((100, places), int)
    ranks[:, 0], ranks[:, 1] = one, other
    found = rank_stability(counted(ranks), ["a", "b", *names(places - 2)])
    assert found["rank_width"].n_unique() == found["rank_entropy"].n_unique() == 1
    assert found["unit_code"].to_list() == ["b", "a"]


def test_a_rank_that_never_moves_has_a_plain_zero_of_entropy():
    assert str(rank_stability(counted([[1]]), ["a"])["rank_entropy"][0]) == "0.0"


# Pairs


@given(replications(1))
def test_dominance_counts_ties_and_absences_half(ranks):
    found = dominance(counted(ranks))
    for one, column in enumerate(ranks.T):
        for other, against in enumerate(ranks.T):
            if one == other or not column.any() or not against.any():
                assert np.isnan(found[one, other])
                continue
            votes = [
                (Fraction(1, 2) if a == b or not a or not b else Fraction(int(a < b)))
                for a, b in zip(column, against, strict=True)
            ]
            assert found[one, other] == float(sum(votes) / len(votes))
            assert found[one, other] + found[other, one] == 1


def test_pairs_that_were_not_counted_are_refused():
    with pytest.raises(ValueError, match="up to 256 units; here there are 2"):
        dominance(replace(counted([[1, 2]]), ahead=None))


def test_nothing_drawn_says_nothing_of_pairs():
    counts = Counts.empty(3, 0, SPAN)
    assert np.isnan(dominance(counts)).all()
    assert pairs(counts, names(3), np.arange(1, 4)).is_empty()
    assert told_apart(counts, names(3), np.arange(1, 4))["n_above"].to_list() == [None] * 3


# Ten replications of four units by hand: a is always first, b and c change places in five, d is last in nine
# and shares the third place with the last of b and c in one.
FOUR = [[1, 2, 3, 4]] * 5 + [[1, 3, 2, 4]] * 4 + [[1, 3, 2, 3]]
PLACES = np.array([1, 2, 3, 4])


def test_pairs_by_hand():
    found = pairs(counted(FOUR), list("abcd"), PLACES)
    assert found.columns == ["unit_code", "other_code", "rank_gap", "p_ahead"]
    assert found.rows() == [
        ("a", "b", 1, 1.0), ("a", "c", 2, 1.0), ("a", "d", 3, 1.0),
        ("b", "c", 1, 0.5), ("b", "d", 2, 0.95), ("c", "d", 1, 1.0),
    ]  # fmt: skip


def test_the_better_published_unit_comes_first_and_units_without_a_rank_last():
    found = pairs(counted(FOUR), list("abcd"), np.array([0, 3, 1, 0]))
    assert found.select("unit_code", "other_code", "rank_gap").rows() == [
        ("c", "b", 2), ("c", "a", None), ("c", "d", None), ("b", "a", None), ("b", "d", None),
        ("a", "d", None),
    ]  # fmt: skip
    assert found["p_ahead"][1] == 0.0
    neighbours = pairs(counted(FOUR), list("abcd"), np.array([0, 3, 1, 0]), "neighbours")
    assert neighbours.rows() == [("c", "b", 2, 0.5)]


def test_pairs_are_chosen_by_how_open_they_are():
    counts = counted(FOUR)
    neighbours = pairs(counts, list("abcd"), PLACES, "neighbours")
    assert neighbours.select("unit_code", "other_code").rows() == [("a", "b"), ("b", "c"), ("c", "d")]
    disputable_pairs = pairs(counts, list("abcd"), PLACES, "disputable", 3)
    assert disputable_pairs.select("unit_code", "other_code").rows() == [("b", "c"), ("b", "d"), ("a", "d")]
    surest = pairs(counts, list("abcd"), PLACES, "surest", 3)
    assert surest.select("unit_code", "other_code").rows() == [("a", "b"), ("c", "d"), ("a", "c")]


def test_units_told_apart_by_hand():
    found = told_apart(counted(FOUR), list("abcd"), PLACES)
    assert found.columns == [
        "unit_code", "rank_published", "n_above", "n_below", "n_unclear", "rank_best", "rank_worst", "group",
    ]  # fmt: skip
    assert found.rows() == [
        ("a", 1, 0, 3, 0, 1, 1, 1), ("b", 2, 1, 1, 1, 2, 3, 2), ("c", 3, 1, 1, 1, 2, 3, 2),
        ("d", 4, 3, 0, 0, 4, 4, 3),
    ]  # fmt: skip
    stricter = told_apart(counted(FOUR), list("abcd"), PLACES, 0.96)
    assert stricter.select("n_unclear", "group").rows() == [(0, 1), (2, 2), (1, 2), (1, 2)]


def test_a_published_order_that_replications_turn_round_has_one_group():
    found = told_apart(counted([[1, 2]] * 5), ["a", "b"], np.array([2, 1]))
    assert found.select("unit_code", "n_above", "n_below", "rank_best", "group").rows() == [
        ("b", 1, 0, 2, 1), ("a", 0, 1, 1, 1),
    ]  # fmt: skip


def test_units_without_a_published_rank_have_no_group_and_those_never_ranked_nothing():
    found = told_apart(counted([[1, 0, 2, 3]] * 5), list("abcd"), np.array([1, 2, 0, 3]))
    assert found.rows() == [
        ("a", 1, 0, 2, 0, 1, 1, 1), ("b", 2, None, None, None, None, None, None),
        ("d", 3, 2, 0, 0, 3, 3, 2), ("c", None, 1, 1, 0, 2, 2, None),
    ]  # fmt: skip


@given(replications(1))
def test_units_of_different_groups_are_told_apart(ranks):
    counts, places = counted(ranks), np.arange(1, ranks.shape[1] + 1)
    found = told_apart(counts, names(ranks.shape[1]), places).drop_nulls("group")
    chances = dominance(counts)
    rows = [(int(code[1:]), group) for code, group in found.select("unit_code", "group").rows()]
    for one, group in rows:
        for other, behind in rows:
            if group < behind:
                assert chances[one, other] >= 0.95
    assert (found["n_above"] + found["n_below"] + found["n_unclear"] == len(rows) - 1).all()


@pytest.mark.parametrize("level", [0.5, 0, 1.01, float("nan")])
def test_a_level_at_which_each_could_be_ahead_of_the_other_is_refused(level):
    with pytest.raises(ValueError, match="a level above"):
        told_apart(counted([[1]]), ["a"], np.array([1]), level)


# Convergence


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("n", [1, 5, 10, 35, 58, 59, 72, 73, 1000])
def test_order_statistics_are_the_narrowest_with_no_more_than_a_fortieth_beyond_each(n, probability):
    (low,), (high,) = order_statistics(np.array([n]), probability)
    p = Fraction(probability).limit_denominator(100)

    def up_to(k):
        return sum(comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k + 1))

    tail = Fraction(1, 40)
    assert up_to(low - 1) <= tail < up_to(low)
    assert 1 - up_to(high - 1) <= tail < 1 - up_to(high - 2)


def test_order_statistics_of_no_sample_are_open():
    low, high = order_statistics(np.array([0]), 0.5)
    assert (low.tolist(), high.tolist()) == ([0], [1])


def test_order_statistics_of_a_median_are_those_of_the_sign_test():
    # Of ten values, the second and the ninth: 1 - 2 (1 + 10) / 1024 = 0.979.
    assert [each.tolist() for each in order_statistics(np.array([10]), 0.5)] == [[2], [9]]


@given(replications(1))
def test_intervals_of_quantiles_are_order_statistics_of_the_ranks_themselves(ranks):
    probabilities = [0.05, 0.5, 0.95]
    low, high = quantile_intervals(counted(ranks), probabilities)
    for unit, column in enumerate(ranks.T):
        known = np.sort(column[column > 0])
        if not known.size:
            assert np.isnan(low[unit]).all()
            assert np.isnan(high[unit]).all()
            continue
        for at, p in enumerate(probabilities):
            below, above = (int(stats.binom.ppf(tail, known.size, p)) for tail in (0.025, 0.975))
            assert low[unit, at] == (known[below - 1] if below else 1)
            assert high[unit, at] == (known[above] if above < known.size else ranks.shape[1])


def test_intervals_of_quantiles_cover_the_true_ones():
    # Ranks 1 … 200, each as likely: the true quantile of p is 200 p, and 200 ranks are nearly continuous.
    rng, n, tries = np.random.default_rng(8), 400, 500
    probabilities = [0.05, 0.5, 0.95]
    drawn = rng.integers(0, 200, (tries, n))
    histogram = np.stack([np.bincount(row, minlength=200) for row in drawn]).astype(np.uint32)
    counts = replace(Counts.empty(200, 0, SPAN), n=n, ranks=histogram)
    low, high = quantile_intervals(counts, probabilities)
    covered = ((low <= 200 * np.array(probabilities)) & (high >= 200 * np.array(probabilities))).mean(axis=0)
    assert (covered >= 0.93).all()
    assert (covered <= 0.99).all()


def test_intervals_end_at_the_outer_ends_of_bins():
    ranks = np.array([[500, 500], [0, 1000], *([[0, 0]] * 5)], np.uint32)
    counts = replace(Counts.empty(7, 0, SPAN), n=1000, width=4, ranks=ranks)  # ranks 1–4 and 5–7
    low, high = quantile_intervals(counts, [0.5])
    assert low[:2, 0].tolist() == [1, 5]
    assert high[:2, 0].tolist() == [7, 7]


# Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, Table I, method 3.
@pytest.mark.parametrize(
    ("part", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_of_probabilities_are_those_of_newcombe_1998(part, of, low, high):
    found = wilson(np.array([float(part)]), np.array([of]))
    assert [each[0].round(4) for each in found] == [low, high]


@given(st.integers(1, 5000), st.data())
def test_intervals_of_probabilities_are_those_of_scipy(of, data):
    part = data.draw(st.integers(0, of))
    wanted = stats.binomtest(part, of).proportion_ci(method="wilson")
    found = [each[0] for each in wilson(np.array([float(part)]), np.array([of]))]
    assert found == pytest.approx([wanted.low, wanted.high], abs=1e-12)
    assert found[0] <= part / of <= found[1]


def test_no_case_has_no_interval():
    assert np.isnan(wilson(np.array([0.0]), np.array([0]))).all()


def uneven(n):
    """Two units that change places in every fourth of `n` replications."""
    ranks = np.array([[3 * n, n], [n, 3 * n]], np.uint32) // 4
    return replace(Counts.empty(2, 1, SPAN), n=n, ranks=ranks, grades=ranks[:, :1])


def test_few_replications_are_not_enough_and_as_many_as_asked_for_are():
    few = convergence(uneven(400), ["a", "b"], ["best"], top=1)
    assert (few.verdict, few.enough, few.n) == ("draw more", False, 400)
    # Two probabilities of 3/4 and 1/4 within 0.02 from end to end: 4 · 1.96² · (3/16) / 0.02².
    assert few.needed == pytest.approx(1.03 * 4 * 1.96**2 * 3 / 16 / 0.02**2, rel=0.02)
    many = convergence(uneven(few.needed), ["a", "b"], ["best"], top=1)
    assert (many.verdict, many.needed) == ("enough", many.n)


def test_the_table_of_convergence_holds_every_figure_of_every_unit():
    found = convergence(uneven(400), ["a", "b"], ["best"], top=1)
    assert found.table.columns == [
        "unit_code", "figure", "estimate", "low", "high", "width", "tolerance", "open", "judged",
        "enough", "n_ranked",
    ]  # fmt: skip
    figures = ["rank_p05", "rank_median", "rank_p95", "p_grade_best", "p_top"]
    assert found.table.select("unit_code", "figure").rows() == [(u, f) for f in figures for u in "ab"]
    assert found.table.filter(figure="p_top")["estimate"].to_list() == [0.75, 0.25]
    assert found.table.filter(figure="p_grade_best")["estimate"].to_list() == [1.0, 1.0]
    assert found.table.filter(figure="rank_median").select("low", "high", "enough").rows() == [
        (1.0, 1.0, True), (2.0, 2.0, True),
    ]  # fmt: skip
    assert found.widest["figure"].to_list() == figures
    widths = found.table.filter(figure="p_top")["width"]
    assert found.widest.filter(figure="p_top")["width"][0] == widths.max()


def test_wider_tolerances_need_fewer_replications():
    strict, lax = (
        convergence(uneven(400), ["a", "b"], ["best"], top=1, tolerance=(1, p)) for p in (0.02, 0.04)
    )
    assert strict.needed == pytest.approx(4 * lax.needed, rel=0.05)  # both rounded up
    assert convergence(uneven(400), ["a", "b"], ["best"], top=1, tolerance=(1, 0.2)).enough


def test_without_replications_a_probability_of_one_half_says_how_many_it_takes():
    found = convergence(Counts.empty(2, 0, SPAN), ["a", "b"])
    assert (found.verdict, found.needed) == ("draw more", 9900)  # (1.96 / 0.02)² = 9604, and 3 %
    assert found.table["width"].null_count() == found.table["enough"].null_count() == found.table.height
    assert found.widest.is_empty()


def test_no_units_make_empty_tables():
    counts, nothing = Counts.empty(0, 0, SPAN), np.zeros(0, int)
    period = Period(counts, [], nothing)
    for found in (
        summary(counts, [], nothing), rank_stability(counts, []), pairs(counts, [], nothing),
        told_apart(counts, [], nothing), convergence(counts, []).table, change(period, period),
    ):  # fmt: skip
        assert found.is_empty()


def test_tables_have_the_same_types_whatever_they_hold():
    full, empty = counted([[1, 2], [2, 1]], [[1], [1]]), replace(Counts.empty(2, 1, SPAN), n=2)
    units, places, none = ["a", "b"], np.array([1, 2]), np.array([0, 0])
    for one, other in (
        (summary(full, units, places, ["x"]), summary(empty, units, none, ["x"])),
        (rank_stability(full, units), rank_stability(empty, units)),
        (pairs(full, units, places), pairs(empty, units, none)),
        (told_apart(full, units, places), told_apart(empty, units, none)),
        (convergence(full, units, ["x"]).table, convergence(empty, units, ["x"], tolerance=(2, 1)).table),
        (
            change(Period(full, units, places), Period(full, units, places)),
            change(Period(empty, units, none), Period(empty, units, none)),
        ),
    ):
        assert one.schema == other.schema


def test_one_replication_leaves_every_rank_open():
    found = convergence(counted([[1, 2, 3]]), list("abc"))
    ends = found.table.filter(pl.col("figure").str.starts_with("rank")).select("low", "high").rows()
    assert ends == [(1.0, 3.0)] * 9
    assert not found.enough


def test_one_unit_is_first_and_that_is_soon_sure():
    found = convergence(counted([[1]] * 300), ["a"])
    assert found.table["estimate"].to_list() == [1.0] * 4
    assert found.enough


def test_units_that_seldom_have_a_rank_do_not_hold_up_the_verdict():
    ranks = np.array([[1000, 0, 0], [0, 1000, 0], [3, 2, 1]], np.uint32)
    found = convergence(replace(Counts.empty(3, 0, SPAN), n=1000, ranks=ranks), list("abc"), top=1)
    assert found.enough
    rare = found.table.filter(unit_code="c")
    assert not rare["judged"].any()
    assert not rare.filter(figure="rank_median")["enough"].any()
    assert found.widest["figure"].to_list() == ["rank_p05", "rank_median", "rank_p95", "p_top"]
    assert "c" not in found.widest["unit_code"]


def third_or_ninth(n, rng, share=0.5, between=0.0):
    """Count one unit of ten that is third or ninth, or seldom between; the others never have a rank."""
    ranks = np.zeros((10, 10), np.uint32)
    ranks[0, [2, 8, 5]] = rng.multinomial(n, [share * (1 - between), (1 - share) * (1 - between), between])
    return replace(Counts.empty(10, 0, SPAN), n=n, ranks=ranks)


@pytest.mark.parametrize("n", [100, 1000, 100_000, 10**6])
def test_a_median_on_a_gap_is_open_and_holds_up_no_verdict(n):
    rng, tries = np.random.default_rng(n), 40
    n_open = 0
    for _ in range(tries):
        found = convergence(third_or_ninth(n, rng, between=1e-9), names(10), tolerance=(1, 0.5))
        assert found.enough
        assert found.needed == n
        (row,) = found.table.filter(unit_code="u0", figure="rank_median").to_dicts()
        if row["open"]:
            assert (row["low"], row["high"], row["judged"], row["enough"]) == (3, 9, False, False)
            assert "rank_median" not in found.widest["figure"]
        n_open += row["open"]
    # The interval of 95 % holds both ranks in 19 runs of 20, however many are drawn.
    assert n_open >= 0.8 * tries


def test_a_median_that_more_replications_settle_is_not_open():
    counts = third_or_ninth(1000, np.random.default_rng(3), share=0.6)
    row = convergence(counts, names(10)).table.filter(unit_code="u0", figure="rank_median").to_dicts()[0]
    assert (row["open"], row["judged"], row["enough"], row["low"], row["high"]) == (False, True, True, 3, 3)


@pytest.mark.parametrize("n", [100, 1000, 100_000, 10**6])
def test_evenly_spread_ranks_are_open_nowhere(n):
    # At a million replications every interval spans less than a thousandth of them, and yet there is no gap.
    ranks = (
        np.tile(np.full(5000, n // 5000, np.uint32), (2, 1))
        if n >= 5000
        else np.eye(2, 5000, dtype=np.uint32)
    )
    if n < 5000:
        ranks[:, :n] = 1
        ranks[:, n:] = 0
    counts = replace(
        Counts.empty(5000, 0, SPAN), n=n, ranks=np.vstack([ranks, np.zeros((4998, 5000), np.uint32)])
    )
    found = convergence(counts, names(5000), tolerance=(1, 0.5)).table.filter(
        pl.col("unit_code").is_in(["u0", "u1"])
    )
    assert not found["open"].any()
    assert found["judged"].all()
    assert not found.filter(pl.col("figure") == "rank_median")["enough"].any()


def test_ends_that_nothing_was_drawn_for_are_no_gap():
    found = convergence(counted([[1, 2, 3]]), list("abc"))
    assert not found.table["open"].any()
    assert found.table["judged"].all()


def test_a_few_between_two_likely_ranks_do_not_hide_the_gap_and_many_do():
    rng = np.random.default_rng(5)
    for between, is_open in ((0.001, True), (0.1, False)):
        counts = third_or_ninth(1000, rng, between=between)
        counts.ranks[0, 2] = counts.ranks[0, 8] = (1000 - counts.ranks[0, 5]) // 2
        found = convergence(counts, names(10), tolerance=(1, 0.5)).table
        assert found.filter(unit_code="u0", figure="rank_median")["open"].to_list() == [is_open]


def test_the_longer_a_ranking_the_wider_its_intervals_may_be():
    for n_units, wanted in ((1, 1), (100, 1), (101, 1.01), (337, 3.37), (5000, 50)):
        assert rank_tolerance(n_units) == pytest.approx(wanted)
    found = convergence(Counts.empty(337, 0, SPAN), names(337)).table
    assert found.filter(figure="rank_p95")["tolerance"].unique().to_list() == [3.37]
    assert found.filter(figure="p_top")["tolerance"].unique().to_list() == [0.02]


def test_where_no_unit_can_be_judged_the_drawing_has_an_end():
    ranks = np.array([[9, 0], [0, 9]], np.uint32) * 1000
    for n, enough in ((9_890, False), (10_000, True)):
        found = convergence(replace(Counts.empty(2, 0, SPAN), n=n, ranks=ranks), ["a", "b"])
        assert found.enough is enough
        assert found.needed == (n if enough else 9_900)


@pytest.mark.parametrize("tolerance", [(0, 0.02), (1, -1), (1, float("nan"))])
def test_tolerances_that_nothing_meets_are_refused(tolerance):
    with pytest.raises(ValueError, match="above 0"):
        convergence(uneven(4), ["a", "b"], ["best"], tolerance=tolerance)


# Changes between two periods


@given(replications(), replications())
def test_independent_periods_are_held_against_each_other_replication_by_replication(old, new):
    before = Period(counted(old), names(old.shape[1]), np.arange(old.shape[1]))
    after = Period(counted(new), names(new.shape[1]), np.arange(new.shape[1]))
    found = change(before, after)
    assert sorted(found["unit_code"]) == names(max(old.shape[1], new.shape[1]))
    for row in found.iter_rows(named=True):
        unit = int(row["unit_code"][1:])
        first = [r for r in (old[:, unit] if unit < old.shape[1] else ()) if r]
        last = [r for r in (new[:, unit] if unit < new.shape[1] else ()) if r]
        moves = np.array([np.sign(b - a) for a in last for b in first])
        shares = [float((moves == s).mean()) if moves.size else None for s in (1, 0, -1)]
        assert [row["p_better"], row["p_same"], row["p_worse"]] == shares
        assert row["median_before"] == (np.median(first) if first else None)
        assert row["median_after"] == (np.median(last) if last else None)


def test_changes_of_rank_by_hand():
    before = Period(counted([[1, 2, 3, 4]] * 20), list("abcd"), np.array([1, 2, 3, 4]))
    after = Period(counted([[1, 4, 2, 2]] * 19 + [[1, 2, 2, 4]]), list("abcd"), np.array([1, 4, 2, 2]))
    found = change(before, after)
    assert found.columns == [
        "unit_code", "rank_before", "rank_after", "rank_change", "median_before", "median_after",
        "p_better", "p_same", "p_worse", "verdict",
    ]  # fmt: skip
    assert found.drop("median_before", "median_after").rows() == [
        ("a", 1, 1, 0, 0.0, 1.0, 0.0, "same"), ("c", 3, 2, 1, 1.0, 0.0, 0.0, "better"),
        ("d", 4, 2, 2, 0.95, 0.05, 0.0, "better"), ("b", 2, 4, -2, 0.0, 0.05, 0.95, "worse"),
    ]  # fmt: skip


def test_pairing_takes_out_what_both_periods_share():
    # Under one choice of method a is first and b second, under the other the reverse, in both periods alike.
    ranks = [[1, 2], [2, 1]] * 5
    period = Period(counted(ranks), ["a", "b"], np.array([1, 2]))
    apart = change(period, period)
    assert apart.select("p_better", "p_same", "verdict").rows() == [(0.25, 0.5, "unclear")] * 2
    together = change(period, period, np.array([[0, 10, 0], [0, 10, 0]], np.uint32))
    assert together.select("p_better", "p_same", "verdict").rows() == [(0.0, 1.0, "same")] * 2


def test_paired_differences_are_counted_from_the_middle():
    period = Period(counted([[1, 2, 3]]), list("abc"), np.array([1, 2, 3]))
    paired = np.array([[1, 2, 3, 4, 10], [0, 0, 0, 0, 0], [19, 0, 1, 0, 0]], np.uint32)
    found = change(period, period, paired).select("p_better", "p_same", "p_worse", "verdict")
    assert found.rows() == [
        (0.15, 0.15, 0.7, "unclear"), (None, None, None, None), (0.95, 0.05, 0.0, "better"),
    ]  # fmt: skip


def test_units_of_one_period_only_are_listed_and_not_compared():
    before = Period(counted([[1, 2]]), ["gone", "stays"], np.array([1, 2]))
    after = Period(counted([[2, 1]]), ["new", "stays"], np.array([2, 1]))
    paired = np.array([[0, 0, 0], [1, 0, 0]], np.uint32)
    for found in (change(before, after), change(before, after, paired)):
        assert found.drop("median_before", "median_after").rows() == [
            ("stays", 2, 1, 1, 1.0, 0.0, 0.0, "better"), ("new", None, 2, None, None, None, None, None),
            ("gone", 1, None, None, None, None, None, None),
        ]  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 3), (1, 2)])
def test_pairs_of_another_shape_are_refused(shape):
    period = Period(counted([[1]]), ["a"], np.array([1]))
    with pytest.raises(ValueError, match="middle column"):
        change(period, period, np.zeros(shape, np.uint32))


def test_bins_of_different_widths_are_brought_together():
    fine = replace(Counts.empty(4, 0, SPAN), n=4, ranks=np.eye(4, dtype=np.uint32) * 4)
    coarse = replace(fine, width=2, ranks=np.array([[4, 0], [4, 0], [4, 0], [0, 4]], np.uint32))
    found = change(*(Period(each, list("abcd"), np.arange(1, 5)) for each in (fine, coarse)))
    assert found["verdict"].to_list() == ["same", "same", "better", "same"]


# Size


def test_three_thousand_units_are_read_off_quickly():
    n_units, rng = 3000, np.random.default_rng(1)
    ranks = rng.integers(0, 100, (n_units, n_units)).astype(np.uint32)
    empty = Counts.empty(n_units, 1, SPAN)
    counts = replace(empty, n=int(ranks.sum(axis=1).max()), ranks=ranks, grades=empty.grades + 1)
    units, places = names(n_units), np.arange(1, n_units + 1)
    period = Period(counts, units, places)
    for ask in (
        lambda: summary(counts, units, places, ["best"]),
        lambda: rank_stability(counts, units),
        lambda: convergence(counts, units, ["best"]),
        lambda: change(period, period),
    ):
        start = perf_counter()
        ask()
        assert perf_counter() - start < 10  # a second or less on a machine of its own
