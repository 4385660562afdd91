"""Ranks of replications and what is counted of them, against the same written out plainly."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from citygauge.analyse.robust import kernel
from citygauge.analyse.robust.counts import EXACT, PAIRS, SCORE_BINS, bin_width
from citygauge.analyse.robust.ranking import Counter, padded, rank_type, ranks_of
from citygauge.score.rank import rank

CASES = 1000 if os.environ.get("CITYGAUGE_TEST_FULL") == "1" else 150
SIZES = (1, 2, 3, 7, 8, 9, 30, 50, 51, 200, 255, 256, 257, 400, 1000, 1023, 1024, 1025, 3000)
SPAN = (-20.0, 30.0)


def plain_ranks(row):
    """Rank one replication unit by unit, best first."""
    known = row[~np.isnan(row)]
    ranks = np.zeros(row.size, int)
    if not known.size:
        return ranks
    size = max(known.max() - known.min(), abs(known.max()), abs(known.min())) or 1.0
    steps = {
        unit: round(float(value / size * 2**40)) for unit, value in enumerate(row) if not np.isnan(value)
    }
    place, last = 1, None
    for before, unit in enumerate(sorted(steps, key=lambda unit: -steps[unit])):
        if last is not None and last - steps[unit] > 1:
            place = before + 1
        ranks[unit], last = place, steps[unit]
    return ranks


def plain_histogram(scores, n_units):
    counts = np.zeros((n_units, n_units), int)
    for row in scores:
        for unit, place in enumerate(plain_ranks(row[:n_units])):
            if place:
                counts[unit, place - 1] += 1
    return counts


def near_ties(random, shape):
    """Values that differ by about one step of the rounding, and by a little more."""
    return 1 - random.integers(0, 40, shape) * 2.0**-40 * random.choice([0.3, 0.5, 1.0, 1.5, 2.0])


KINDS = {
    "even": lambda random, shape: random.random(shape),
    "signed": lambda random, shape: random.normal(size=shape) * 10.0 ** random.integers(-200, 200),
    "few values": lambda random, shape: random.integers(-3, 4, shape) / 3.0,
    "heavy tails": lambda random, shape: np.exp(random.normal(size=shape) * 6),
    "heavy tails on both sides": lambda random, shape: random.standard_cauchy(shape) ** 3,
    "clusters": lambda random, shape: random.choice([1.0, 1.5, 7.0], shape) + random.normal(size=shape) / 1e8,
    "near ties": near_ties,
    "one far off": lambda random, shape: np.where(random.random(shape) < 0.01, 1e9, random.random(shape)),
    "constant": lambda random, shape: np.full(shape, random.choice([-7.0, -0.0, 0.0, 1e-300, 3.3])),
    "sums of the same": lambda random, shape: random.permuted(
        np.broadcast_to([0.1, 0.2, 0.3], (*shape, 3)), axis=2
    ).sum(axis=2),
    "rising": lambda random, shape: np.sort(random.random(shape), axis=1),
    "falling": lambda random, shape: -np.sort(random.random(shape), axis=1),
}


def with_gaps(random, values):
    """Leave gaps: none, some, in whole rows, or all."""
    kind = random.integers(4)
    if kind:
        values[random.random(values.shape) < random.choice([0.02, 0.3, 0.9])] = np.nan
    if kind > 1:
        values[random.random(len(values)) < 0.3] = np.nan
    return values


@pytest.mark.parametrize("part", range(10))
def test_rank_histograms_are_those_of_a_plain_ranking(part):
    random = np.random.default_rng(part)
    names = list(KINDS)
    for case in range(CASES // 10):
        n_units = int(random.choice(SIZES)) if random.random() < 0.7 else int(random.integers(1, 3001))
        rows = int(random.integers(1, max(2, min(60, 4000 // n_units))))
        name = names[(case + part) % len(names)]
        values = with_gaps(random, KINDS[name](random, (rows, n_units)))
        scores = np.full((rows, padded(n_units)), 5.0)
        scores[:, :n_units] = values
        size = max(1, rows // 3)
        counter = Counter(n_units, 0, SPAN, size)
        for start in range(0, rows, size):
            counter.add(scores[start : start + size])
        found = counter.finish()
        assert found.n == rows
        assert found.width == 1
        np.testing.assert_array_equal(found.ranks, plain_histogram(values, n_units), err_msg=f"{name} {case}")
        np.testing.assert_array_equal(ranks_of(scores, n_units), rank(values.T).T, err_msg=name)


cells = st.one_of(
    st.just(np.nan),
    st.integers(-3, 3).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 8).map(lambda steps: 1 - steps * 2.0**-41),
)


@settings(max_examples=300)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 12)).flatmap(lambda size: arrays(float, size, elements=cells))
)
def test_any_numbers_rank_as_the_scores_of_an_assessment_do(values):
    with np.errstate(over="ignore"):  # the range of numbers this large is infinite
        np.testing.assert_array_equal(ranks_of(values, values.shape[1]), rank(values.T).T)


@pytest.mark.parametrize("n_units", [1, 2, 256, 257, 3000])
def test_without_any_score_nobody_has_a_rank(n_units):
    assert (ranks_of(np.full((3, n_units), np.nan), n_units) == 0).all()


def test_no_replications_and_no_units_are_ranked_without_a_word():
    assert ranks_of(np.empty((0, 8)), 5).shape == (0, 5)
    assert ranks_of(np.empty((2, 0)), 0).shape == (2, 0)


def test_ranks_of_more_than_65_535_units_are_exact():
    n = 70_001
    values = np.random.default_rng(3).permutation(n).astype(float)[None]
    assert rank_type(n) is np.uint32
    np.testing.assert_array_equal(ranks_of(values, n)[0], n - values[0])


@pytest.mark.parametrize("n", [1, 2, 300, 1000])
@pytest.mark.parametrize("digits", [4, 256, 4096])
def test_ranks_by_a_digit_are_right_or_the_replication_is_handed_back(n, digits):
    random = np.random.default_rng(n + digits)
    rows = [
        random.random(n), random.normal(size=n) ** 9, random.integers(0, 3, n), np.full(n, np.nan),
        np.where(random.random(n) < 0.3, np.nan, random.random(n)), np.ones(n),
    ]  # fmt: skip
    scores, ranks = np.array(rows), np.full((len(rows), n), 7, np.uint16)
    room, bits, start, handed = np.empty((2, n), np.int64), n.bit_length(), 0, []
    while start < len(scores):
        start = kernel.rank_by_digit(scores, start, *room, np.empty(digits, np.uint16), bits, ranks)
        handed.append(start)
        start += 1
    right = [row for row in range(len(scores)) if row not in handed]
    np.testing.assert_array_equal(ranks[right], rank(scores.T).T[right])
    assert not {2, 3, 5} & set(handed)  # ties are in order as they are
    assert (1 in handed) == (n >= 300)


def plainly_counted(scores, edges, n_units):
    """Count scores, grades and pairs in plain loops."""
    bins, grades = np.zeros((n_units, SCORE_BINS), int), np.zeros((n_units, edges.shape[1]), int)
    ahead = np.zeros((n_units, n_units), int)
    for row, limits in zip(scores[:, :n_units], edges, strict=True):
        places = plain_ranks(row)
        for unit, score in enumerate(row):
            if np.isnan(score):
                continue
            at = np.floor((score - SPAN[0]) / (SPAN[1] - SPAN[0]) * SCORE_BINS)
            bins[unit, int(np.clip(at, 0, SCORE_BINS - 1))] += 1
            reached = [grade for grade, limit in enumerate(limits) if score >= limit]
            if reached:
                grades[unit, reached[0]] += 1
            ahead[unit] += (places > places[unit]) & (places > 0)
    return bins, grades, ahead


@pytest.mark.parametrize("n_units", [1, 2, 5, 40, PAIRS])
def test_scores_grades_and_pairs_are_counted_as_plain_loops_count_them(n_units):
    random, rows = np.random.default_rng(n_units), 23
    scores = np.full((rows, padded(n_units)), 1e9)
    scores[:, :n_units] = with_gaps(random, random.integers(-50, 90, (rows, n_units)) / 2.0)
    edges = -np.sort(-random.integers(-10, 20, (rows, 4)).astype(float), axis=1)
    edges[::2, -1] = -np.inf
    counter = Counter(n_units, 4, SPAN, 8)
    for start in range(0, rows, 8):
        counter.add(scores[start : start + 8], edges[start : start + 8])
    found = counter.finish()
    bins, grades, ahead = plainly_counted(scores, edges, n_units)
    np.testing.assert_array_equal(found.scores, bins)
    np.testing.assert_array_equal(found.grades, grades)
    np.testing.assert_array_equal(found.ahead, ahead)
    assert found.ranked.tolist() == (~np.isnan(scores[:, :n_units])).sum(axis=0).tolist()


def test_a_score_that_just_reaches_an_edge_has_the_class_and_one_below_all_has_none():
    counter = Counter(3, 2, SPAN, 1)
    counter.add(np.array([[70.0, np.nextafter(70, 0), 49.0, 0, 0, 0, 0, 0]]), np.array([[70.0, 50.0]]))
    assert counter.finish().grades.tolist() == [[1, 0], [0, 1], [0, 0]]


def test_above_256_units_pairs_are_not_counted():
    counter = Counter(PAIRS + 1, 0, SPAN, 4)
    counter.add(np.zeros((1, padded(PAIRS + 1))))
    assert counter.finish().ahead is None


def test_a_range_of_no_width_puts_every_score_into_one_bin():
    counter = Counter(2, 0, (1.0, 1.0), 1)
    counter.add(np.array([[1.0, 5.0, 0, 0, 0, 0, 0, 0]]))
    found = counter.finish().scores
    assert found.sum(axis=1).tolist() == [1, 1]
    assert (found[:, 0] == 1).all()


def test_with_more_units_than_bins_neighbouring_ranks_share_one(monkeypatch):
    assert [bin_width(n) for n in (EXACT, EXACT + 1, 2 * EXACT + 1)] == [1, 2, 4]
    monkeypatch.setattr("citygauge.analyse.robust.counts.EXACT", 16)
    n, rows, random = 37, 30, np.random.default_rng(5)
    scores = random.permuted(np.broadcast_to(np.arange(40.0), (rows, 40)), axis=1)
    counter = Counter(n, 0, (0.0, float(n)), 7)
    for start in range(0, rows, 7):
        counter.add(scores[start : start + 7])
    found, ranks = counter.finish(), rank(scores[:, :n].T).T
    assert found.width == 4
    for unit in range(n):
        own = np.bincount((ranks[:, unit] - 1) // 4, minlength=10)
        np.testing.assert_array_equal(found.ranks[unit], own)


def test_the_ranks_handed_back_are_those_of_the_block_that_was_added():
    random = np.random.default_rng(6)
    counter = Counter(40, 0, SPAN, 16)
    for _ in range(5):
        scores = random.random((16, 40))
        np.testing.assert_array_equal(counter.add(scores), rank(scores.T).T)
