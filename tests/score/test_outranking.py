"""Pairs of units against COINr's matrices, the example of Brans and others, pymcdm and plain Python."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import exp, isnan
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pymcdm.methods import PROMETHEE_II

from citygauge.score import outranking
from citygauge.score.outranking import copeland, outranking_matrix, promethee

NAN = float("nan")


def numbers(path: Path, columns: slice = slice(1, None)) -> np.ndarray:
    table = pl.read_csv(path)
    return table.select(table.columns[columns]).cast(float).fill_null(NAN).to_numpy()


def indicators(reference: Callable[[str], Path]) -> np.ndarray:
    return numbers(reference("asem/step6_normalised_minmax_0_100.csv"))


def pillars(reference: Callable[[str], Path]) -> np.ndarray:
    return numbers(reference("asem/step7_aggregated_amean.csv"), slice(50, 58))


@pytest.mark.parametrize(
    ("read", "matrix", "scores", "dominance"),
    [
        (indicators, "outranking_matrix_equal_weights", "copeland_flat_equal_weights", "49 indicators"),
        (pillars, "outranking_matrix_pillars_equal_weights", "copeland_pillars_equal_weights", "8 pillars"),
    ],
)
def test_pairs_of_countries_come_out_as_coinr_has_them(
    reference: Callable[[str], Path],
    read: Callable[..., np.ndarray],
    matrix: str,
    scores: str,
    dominance: str,
) -> None:
    """Becker et al. 2022, doi:10.21105/joss.04567; its matrix has 0 on the diagonal, this one 0.5.

    Greece ties with Bulgaria and with Czechia on TolMin but for the last digit of a double, which COINr
    counts: those two pairs differ by the half of one weight. And where its sum of 49 weights of 1/49 ends
    at 0.49999999999999994, its Copeland score has a defeat against a unit that has no victory.
    """
    values, expected = read(reference), numbers(reference(f"asem/{matrix}.csv"))
    weights = np.ones(values.shape[1])
    found = outranking_matrix(values, weights)
    others = ~np.eye(len(values), dtype=bool)
    units = pl.read_csv(reference(f"asem/{matrix}.csv"))["uCode"].to_list()
    apart = np.argwhere(others & (np.abs(found - expected) > 1e-9)).tolist()
    tied = [["BGR", "GRC"], ["CZE", "GRC"], ["GRC", "BGR"], ["GRC", "CZE"]]
    assert [[units[i], units[j]] for i, j in apart] == (tied if len(weights) == 49 else [])
    np.testing.assert_allclose(found[others], expected[others], rtol=0, atol=0.5 / 49 + 1e-9)
    assert (found[~others] == 0.5).all()
    defeats = ((expected < 0.5) & (expected > 0.5 - 1e-12)).sum(axis=1)
    assert defeats.sum() == (11 if len(weights) == 49 else 0)
    printed = numbers(reference(f"asem/{scores}.csv"))[:, 0]
    assert (copeland(values, weights) - defeats).tolist() == printed.tolist()
    pairs = pl.read_csv(reference("asem/outranking_dominance.csv")).filter(pl.col("set") == dominance)
    assert int((found == 1).sum()) == pairs["nDominant"].item()


def compared(values: list[list[float]], weights: list[int], i: int, j: int) -> Fraction:
    """Return entry (i, j) as the definition has it, in exact numbers."""
    won, common = Fraction(0), Fraction(0)
    for a, b, weight in zip(values[i], values[j], weights, strict=True):
        if isnan(a) or isnan(b):
            continue
        common += weight
        won += weight * (Fraction(1) if a > b else Fraction(1, 2) if a == b else Fraction(0))
    return won / common if common else Fraction(1, 2)


gappy = hnp.arrays(
    float, st.tuples(st.integers(1, 11), st.just(5)), elements=st.sampled_from([NAN, 0, 1, 2, 3])
)
counts = hnp.arrays(int, (5,), elements=st.integers(0, 3))


@given(gappy, counts, st.sampled_from([1, 1 / 7, 0.1, 3e5]))
def test_pairs_with_gaps_and_ties_are_what_the_definition_says(
    values: np.ndarray, weights: np.ndarray, scale: float
) -> None:
    n = len(values)
    exact = [[compared(values.tolist(), weights.tolist(), i, j) for j in range(n)] for i in range(n)]
    np.testing.assert_allclose(
        outranking_matrix(values / 3, weights * scale), np.array(exact, float), rtol=0, atol=1e-11
    )
    half = Fraction(1, 2)
    known = [not all(isnan(x) or not w for x, w in zip(row, weights, strict=True)) for row in values]
    wins = [sum(e > half for e in row) - sum(e < half for e in row) for row in exact]
    expected = [float(win) if has else NAN for win, has in zip(wins, known, strict=True)]
    np.testing.assert_array_equal(copeland(values / 3, weights * scale), expected)


@given(gappy, counts, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_the_order_of_units_and_children_does_not_matter_with_gaps(
    values: np.ndarray, weights: np.ndarray, children: list[int], random: object
) -> None:
    units = list(range(len(values)))
    random.shuffle(units)  # type: ignore[attr-defined]
    shuffled, weights_then = values[units][:, children], weights[children] / 7
    np.testing.assert_array_equal(copeland(shuffled, weights_then), copeland(values, weights / 7)[units])
    matrix = outranking_matrix(values, weights / 7)
    np.testing.assert_allclose(
        outranking_matrix(shuffled, weights_then), matrix[np.ix_(units, units)], rtol=0, atol=1e-15
    )


def test_the_halves_of_decimal_weights_are_equal() -> None:
    values = np.array([[1.0, 1, 0], [0, 0, 1]])
    assert outranking_matrix(values, np.array([0.1, 0.2, 0.3]))[0, 1] == 0.5
    assert copeland(values, np.array([0.1, 0.2, 0.3])).tolist() == [0, 0]
    assert copeland(values, np.array([0.1, 0.2, 0.299999])).tolist() == [1, -1]


def test_values_that_differ_in_their_last_bits_are_equal() -> None:
    values = np.array([[0.1 + 0.2, 5], [0.3, 5], [0.9, 5]])
    assert copeland(values, np.ones(2)).tolist() == [-1, -1, 2]
    assert promethee(values, np.ones(2)).tolist() == [-0.25, -0.25, 0.5]


def test_many_children_of_one_weight_and_many_units_are_counted_in_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than fit in one byte, and more units than rows and tiles."""
    monkeypatch.setattr(outranking, "TILE", 7)
    random = np.random.default_rng(3)
    values = random.integers(0, 3, (33, 300)).astype(float)
    values[0], values[1] = 4, -1
    sign = np.sign(values[:, None] - values[None])
    found = outranking_matrix(values, np.ones(300))
    np.testing.assert_allclose(found, 0.5 + sign.sum(axis=2) / 600, atol=1e-12)
    expected = np.sign(sign.sum(axis=2)).sum(axis=1)
    assert copeland(values, np.ones(300)).tolist() == expected.tolist()
    assert expected[0] == 32


def test_one_unit_no_unit_and_no_weight() -> None:
    assert outranking_matrix(np.array([[1.0]]), np.ones(1)).tolist() == [[0.5]]
    assert outranking_matrix(np.ones((2, 1)), np.zeros(1)).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    for score in (copeland, promethee):
        assert score(np.array([[1.0]]), np.ones(1)).tolist() == [0]
        assert score(np.empty((0, 2)), np.ones(2)).shape == (0,)
        assert np.isnan(score(np.ones((2, 1)), np.zeros(1))).all()
        assert np.isnan(score(np.full((2, 1), NAN), np.ones(1))).all()
        assert score(np.full((3, 2), 7.0), np.ones(2)).tolist() == [0, 0, 0]


PLANTS = np.array(  # engineers -, power +, cost -, maintenance -, villages -, security +
    [
        [-80, 90, -600, -54, -8, 5],
        [-65, 58, -200, -97, -1, 1],
        [-83, 60, -400, -72, -4, 7],
        [-40, 80, -1000, -75, -7, 10],
        [-52, 72, -600, -20, -3, 8],
        [-94, 96, -700, -36, -5, 6],
    ],
    dtype=float,
)
CRITERIA = [
    {"preference": "u_shape", "indifference": 10},
    {"preference": "v_shape", "threshold": 30},
    {"preference": "linear", "indifference": 50, "threshold": 500},
    {"preference": "level", "indifference": 10, "threshold": 60},
    {"preference": "usual"},
    {"preference": "gaussian", "threshold": 5},
]


def test_promethee_ranks_the_power_stations_of_brans_vincke_and_mareschal() -> None:
    """Their example of 1986, doi:10.1016/0377-2217(86)90044-5, in its printed figures.

    There a preference for each criterion, equal weights, sums instead of means over the other stations, and
    preferences rounded to three digits before they are added up.
    """
    flows = [
        promethee(PLANTS[:, [column]], np.ones(1), **criterion)  # type: ignore[arg-type]
        for column, criterion in enumerate(CRITERIA)
    ]
    printed = [-0.728, 0.085, -0.447, -0.102, 1.466, -0.274]
    np.testing.assert_allclose(np.mean(flows, axis=0) * 5, printed, atol=0.0025)


def test_promethee_equals_pymcdms() -> None:
    random = np.random.default_rng(4)
    values, weights = random.integers(0, 30, (25, 6)).astype(float), random.dirichlet(np.ones(6))
    names = {
        "usual": "usual",
        "u_shape": "ushape",
        "v_shape": "vshape",
        "level": "level",
        "linear": "vshape_2",
    }
    for name, theirs in names.items():
        method = PROMETHEE_II(theirs, p=[12.0] * 6, q=[4.0] * 6)
        expected = method(values, weights, np.ones(6), validation=False)
        np.testing.assert_allclose(promethee(values, weights, name, 4, 12), expected, atol=1e-12)  # type: ignore[arg-type]


def worth(preference: str, lead: Fraction, q: Fraction, p: Fraction) -> float:
    if lead <= 0:
        return 0.0
    return {
        "usual": lambda: 1.0,
        "u_shape": lambda: float(lead > q),
        "v_shape": lambda: float(min(lead / p, Fraction(1))),
        "level": lambda: (float(lead > q) + float(lead > p)) / 2,
        "linear": lambda: float(min(max((lead - q) / (p - q), Fraction(0)), Fraction(1))),
        "gaussian": lambda: 1 - exp(-float(lead * lead / (2 * p * p))),
    }[preference]()


@given(gappy, counts, st.sampled_from(["usual", "u_shape", "v_shape", "level", "linear", "gaussian"]))
def test_net_flows_with_gaps_and_leads_at_the_thresholds_are_what_the_definition_says(
    values: np.ndarray, weights: np.ndarray, preference: str
) -> None:
    """In tenths, which no double holds: a lead of just 0.1 is not above 0.1."""
    q, p = Fraction(1, 10), Fraction(2, 10)
    found = promethee(values / 10, weights / 7, preference, 0.1, 0.2)  # type: ignore[arg-type]
    for i, row in enumerate(values):
        total, weight = 0.0, 0
        for child, own in enumerate(row):
            others = [int(x) for j, x in enumerate(values[:, child]) if j != i and not isnan(x)]
            if isnan(own):
                continue
            leads = [Fraction(int(own) - other, 10) for other in others]
            flow = sum(worth(preference, lead, q, p) - worth(preference, -lead, q, p) for lead in leads)
            total += weights[child] * flow / max(len(others), 1)
            weight += weights[child]
        expected = total / weight if weight else NAN
        assert found[i] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_a_gaussian_preference_over_many_units_equals_all_pairs_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outranking, "CELLS", 100)
    values = np.random.default_rng(6).random((31, 1))
    leads = values - values.T
    expected = (np.sign(leads) * (1 - np.exp(-((leads / 0.3) ** 2) / 2))).sum(axis=1) / 30
    np.testing.assert_allclose(promethee(values, np.ones(1), "gaussian", threshold=0.3), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("preference", "indifference", "threshold", "what"),
    [
        ("u_shape", None, 1, "an indifference of 0 or more, not None"),
        ("level", -1, 1, "an indifference of 0 or more, not -1"),
        ("gaussian", None, 0, "a threshold above 0, not 0"),
        ("v_shape", 1, None, "a threshold above 0, not None"),
        ("linear", 2, 2, "an indifference below its threshold 2, not 2"),
    ],
)
def test_a_preference_without_its_limits_is_refused(
    preference: str, indifference: float | None, threshold: float | None, what: str
) -> None:
    with pytest.raises(ValueError, match=f"the preference {preference} needs {what}"):
        promethee(np.ones((2, 1)), np.ones(1), preference, indifference, threshold)  # type: ignore[arg-type]
