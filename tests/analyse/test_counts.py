"""Counts of replications against numpy on the replications themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from citygauge.analyse.robust.counts import (
    EXACT,
    PAIRS,
    SCORE_BINS,
    Counts,
    bin_width,
    histogram_quantiles,
)

PROBABILITIES = [0.0, 0.05, 0.25, 0.5, 0.9, 0.95, 1.0]
SPAN = (-1.0, 3.0)


def counted(ranks, scores=None):
    """Count replications (rows) of ranks, 0 = none, one by one."""
    empty = Counts.empty(ranks.shape[1], 0, SPAN)
    histogram, bins, ahead = empty.ranks.copy(), empty.scores.copy(), empty.ahead.copy()
    for row in ranks:
        for unit, rank in enumerate(row):
            if rank:
                histogram[unit, rank - 1] += 1
                ahead[unit] += (row > rank).astype(np.uint32)
    for row in scores if scores is not None else []:
        for unit, score in enumerate(row):
            place = int((score - SPAN[0]) / (SPAN[1] - SPAN[0]) * SCORE_BINS)
            bins[unit, min(max(place, 0), SCORE_BINS - 1)] += 1
    return replace(empty, n=len(ranks), ranks=histogram, scores=bins, ahead=ahead)


@st.composite
def replications(draw):
    n_units = draw(st.integers(1, 9))
    shape = (draw(st.integers(0, 25)), n_units)
    return draw(arrays(np.int64, shape, elements=st.integers(0, n_units)))


@given(replications())
def test_quantiles_and_means_are_those_of_the_ranks_themselves(ranks):
    counts = counted(ranks)
    found, means = counts.rank_quantiles(PROBABILITIES), counts.mean_ranks()
    for unit, column in enumerate(ranks.T):
        known = column[column > 0]
        assert counts.ranked[unit] == known.size
        if known.size:
            np.testing.assert_allclose(found[unit], np.quantile(known, PROBABILITIES), rtol=1e-7)
            assert means[unit] == pytest.approx(known.mean())
        else:
            assert np.isnan(found[unit]).all()
            assert np.isnan(means[unit])


@given(replications(), st.integers(0, 25))
def test_parts_add_up_to_the_whole_in_any_order(ranks, cut):
    whole, one, other = counted(ranks), counted(ranks[:cut]), counted(ranks[cut:])
    for found in (one + other, other + one, Counts.empty(ranks.shape[1], 0, SPAN) + one + other):
        assert found.n == whole.n
        for name in ("ranks", "scores", "grades", "ahead"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
            assert getattr(found, name).dtype == np.uint32


def test_score_quantiles_are_exact_to_the_width_of_a_bin():
    scores = np.random.default_rng(4).normal(1.0, 0.3, (501, 3))  # within the span
    found = counted(np.ones((501, 3), int), scores).score_quantiles(PROBABILITIES)
    wanted = np.quantile(scores, PROBABILITIES, axis=0).T
    assert np.abs(found - wanted).max() <= (SPAN[1] - SPAN[0]) / SCORE_BINS


def test_a_span_of_no_width_gives_its_one_score():
    counts = replace(Counts.empty(1, 0, (0.5, 0.5)), scores=np.eye(1, SCORE_BINS, dtype=np.uint32))
    assert counts.score_quantiles([0.05, 0.5, 0.95]).tolist() == [[0.5, 0.5, 0.5]]


def test_no_replication_gives_no_figure():
    counts = Counts.empty(3, 2, SPAN)
    assert counts.n == 0
    assert counts.ranked.tolist() == [0, 0, 0]
    for found in (counts.rank_quantiles([0.5]), counts.score_quantiles([0.5]), counts.mean_ranks()):
        assert np.isnan(found).all()


def test_without_units_everything_is_empty():
    counts = Counts.empty(0, 0, SPAN)
    assert counts.rank_quantiles([0.5]).shape == (0, 1)
    assert counts.mean_ranks().shape == (0,)
    assert histogram_quantiles(np.zeros((2, 0), np.uint32), np.zeros(0), [0.5]).shape == (2, 1)


def test_one_unit_is_first_whatever_comes():
    counts = counted(np.ones((7, 1), int))
    assert counts.rank_quantiles([0, 0.5, 1]).tolist() == [[1, 1, 1]]
    assert counts.ahead.tolist() == [[0]]


def test_a_place_that_rounding_puts_just_below_a_whole_one_is_that_one():
    # (101 - 1) · 0.29 is 28.999999999999996 in doubles; the place is the 30th value.
    counts = replace(Counts.empty(2, 0, SPAN), ranks=np.array([[29, 72], [30, 71]], np.uint32))
    assert counts.rank_quantiles([0.29]).tolist() == [[2.0], [1.0]]


def test_many_replications_lose_nothing_to_the_width_of_the_cells():
    cells = np.array([[2**31, 2**31 - 1, 2**31 - 1]], np.uint32)  # together more than 32 bits hold
    counts = replace(Counts.empty(3, 0, SPAN), ranks=cells)
    assert counts.ranked.tolist() == [3 * 2**31 - 2]
    assert counts.rank_quantiles([0.3, 0.5, 0.9]).tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("n_units", "width"), [(0, 1), (1, 1), (EXACT, 1), (EXACT + 1, 2), (2 * EXACT, 2), (100_000, 16)]
)
def test_bins_are_as_narrow_as_the_number_of_bins_allows(n_units, width):
    assert bin_width(n_units) == width
    assert -(-n_units // width) <= EXACT


def test_the_middle_of_a_bin_stands_for_its_ranks():
    counts = replace(Counts.empty(3, 0, SPAN), width=4, ranks=np.array([[1, 0, 1]], np.uint32))
    assert counts.rank_quantiles([0, 0.5, 1]).tolist() == [[2.5, 6.5, 10.5]]  # ranks 1–4 and 9–12
    assert counts.mean_ranks().tolist() == [6.5]


def test_pairs_are_counted_up_to_a_limit():
    assert Counts.empty(PAIRS, 0, SPAN).ahead.shape == (PAIRS, PAIRS)
    assert Counts.empty(PAIRS + 1, 0, SPAN).ahead is None


@pytest.mark.parametrize(
    "other", [Counts.empty(2, 0, (0.0, 1.0)), replace(Counts.empty(2, 0, SPAN), width=2)]
)
def test_counts_in_other_bins_are_not_added(other):
    with pytest.raises(ValueError, match="other bins"):
        Counts.empty(2, 0, SPAN) + other


@pytest.mark.parametrize("paired", [True, False])
def test_what_is_saved_is_loaded_again(tmp_path, paired):
    counts = counted(np.array([[1, 2], [2, 1], [1, 0]]), np.array([[0.1, 0.2], [0.3, 0.2]]))
    counts = replace(counts, grades=np.array([[1, 2], [3, 0]], np.uint32))
    if not paired:
        counts = replace(counts, ahead=None)
    path = tmp_path / "histogram.npz"
    counts.save(path, ["330100", "杭州"], ["leading", "exploring"])
    found = Counts.load(path)
    assert (found.n, found.width, found.span) == (3, 1, SPAN)
    for name in ("ranks", "scores", "grades"):
        np.testing.assert_array_equal(getattr(found, name), getattr(counts, name))
    assert (found.ahead is not None) is paired
    with np.load(path, allow_pickle=False) as data:
        assert data["unit_code"].tolist() == ["330100", "杭州"]
        assert data["grade"].tolist() == ["leading", "exploring"]
