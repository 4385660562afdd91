"""Weights from data against published figures, other implementations, hand calculation and invariants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pymcdm.weights
import pytest
import scipy.optimize
import skcriteria
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skcriteria.preprocessing.weighters import CRITIC, EntropyWeighter

from citygauge.problems import Problems
from citygauge.score.weight_data import (
    WEIGHTERS,
    NegativeLoadingsError,
    NegativeValuesError,
    NoFirstComponentError,
    NoWeightsError,
    TooFewRowsError,
    components,
    critic,
    entropy,
    factor,
    factors,
    from_data,
    pca,
)

nan = np.nan
RNG = np.random.default_rng(5)
COMMON = RNG.normal(size=(40, 1)) + 0.8 * RNG.normal(size=(40, 5)) + 10

# Diakoulaki, Mavrotas and Papayannakis 1995, doi:10.1016/0305-0548(94)00059-H: eight firms, three criteria.
FIRMS = np.array(
    [
        [61, 1.08, 4.33],
        [20.7, 0.26, 4.34],
        [16.3, 1.98, 2.53],
        [9, 3.29, 1.65],
        [5.4, 2.77, 2.33],
        [4, 4.12, 1.21],
        [-6.1, 3.52, 2.10],
        [-34.6, 3.31, 0.98],
    ]
)

# OECD/JRC Handbook 2008, p. 152-153: the first 23 countries of the Technology Achievement Index (patents,
# royalties, internet hosts, exports, log telephones, log electricity, schooling, university).
TAI = np.array(
    [
        [187, 125.6, 200.2, 50.7, 3.08, 4.15, 10, 27.4],
        [289, 130, 179.1, 66.2, 3, 4.07, 12, 13.9],
        [271, 156.6, 125.8, 59.7, 3.1, 4.14, 11.4, 15.3],
        [994, 64.6, 49, 80.8, 3, 3.86, 9.5, 10],
        [779, 9.8, 4.8, 66.7, 2.97, 3.65, 10.8, 23.2],
        [189, 151.2, 136, 50.9, 3.02, 3.77, 9.4, 9.5],
        [82, 134, 57.4, 61.9, 3.02, 3.73, 9.4, 14.9],
        [31, 38.6, 108, 48.7, 2.94, 4.18, 11.6, 14.2],
        [75, 18.2, 125.9, 16.2, 2.94, 3.94, 10.9, 25.3],
        [8, 25.5, 72.3, 74.9, 2.95, 3.83, 7.1, 24.2],
        [235, 36.8, 41.2, 64.2, 2.94, 3.75, 10.2, 14.4],
        [103, 20.2, 193.6, 19, 3.12, 4.39, 11.9, 11.2],
        [106, 110.3, 48.6, 53.6, 2.97, 3.68, 9.4, 12.3],
        [72, 73.9, 58.9, 47.6, 2.91, 3.86, 9.3, 13.6],
        [103, 13, 146.7, 15.4, 2.86, 3.91, 11.7, 13.1],
        [165, 14.8, 84.2, 50.3, 2.99, 3.79, 8.4, 13.6],
        [205, 33.6, 36.4, 58.9, 2.97, 3.8, 7.9, 12.6],
        [74, 43.6, 43.2, 45, 2.96, 3.74, 9.6, 11],
        [42, 8.6, 21, 53.4, 2.86, 3.62, 7.3, 15.6],
        [13, 9.8, 30.4, 51, 3, 3.65, 7.2, 13],
        [28, 4.2, 25, 51.7, 2.75, 3.68, 9.5, 8.2],
        [26, 6.2, 21.6, 63.5, 2.73, 3.46, 9.1, 7.7],
        [105, 4, 20.3, 49.5, 2.84, 3.71, 7.1, 10.6],
    ]
)

tables = hnp.arrays(
    float,
    st.tuples(st.integers(1, 10), st.integers(1, 4)),
    elements=st.integers(0, 20).map(float) | st.just(nan),
)


def criteria(values: np.ndarray) -> object:
    return skcriteria.mkdm(values, objectives=[max] * values.shape[1])


def test_critic_by_the_data_of_diakoulaki_1995_as_scikit_criteria_gives_it() -> None:
    """Figures of the tests of scikit-criteria for the table of the paper."""
    np.testing.assert_allclose(critic(FIRMS), [0.20222554, 0.48090173, 0.31687273], atol=1e-8)


@pytest.mark.parametrize("values", [FIRMS, TAI, COMMON])
def test_critic_is_that_of_pymcdm_and_of_scikit_criteria(values: np.ndarray) -> None:
    np.testing.assert_allclose(critic(values), pymcdm.weights.critic_weights(values), rtol=1e-10)
    np.testing.assert_allclose(critic(values), CRITIC().transform(criteria(values)).weights, rtol=1e-10)


@pytest.mark.parametrize("values", [TAI, COMMON])
def test_entropy_is_that_of_pymcdm_and_of_scikit_criteria(values: np.ndarray) -> None:
    np.testing.assert_allclose(entropy(values), pymcdm.weights.entropy_weights(values), rtol=1e-9)
    np.testing.assert_allclose(
        entropy(values), EntropyWeighter().transform(criteria(values)).weights, rtol=1e-9
    )


def test_entropy_by_hand() -> None:
    """Shares 1/4, 3/4: d = 1 - 0.8112781 = 0.1887219; shares 0, 1: d = 1; of 1.1887219 together."""
    values = np.array([[1.0, 0.0], [3.0, 7.0]])
    np.testing.assert_allclose(entropy(values), [0.1887219 / 1.1887219, 1 / 1.1887219], atol=1e-7)


def test_entropy_judges_each_column_by_its_own_values() -> None:
    full = entropy(np.array([[1.0, 2.0], [3.0, 5.0]]))
    gaps = entropy(np.array([[1.0, nan], [3.0, 2.0], [nan, 5.0], [nan, nan]]))
    np.testing.assert_allclose(gaps, full)


def test_entropy_refuses_negative_values_and_names_the_columns() -> None:
    with pytest.raises(NegativeValuesError) as caught:
        entropy(np.array([[1.0, -2.0, 3.0], [2.0, 2.0, -1.0]]))
    assert caught.value.columns == (1, 2)


def test_critic_by_hand() -> None:
    """Stretched: (0, ½, 1) twice and (1, 0, 1); s = ½, ½, 1/√3; r = 1, 0, 0: C = ½, ½, 2/√3."""
    values = np.array([[0.0, 0.0, 9.0], [1.0, 2.0, 0.0], [2.0, 4.0, 9.0]])
    raw = np.array([0.5, 0.5, 2 / np.sqrt(3)])
    np.testing.assert_allclose(critic(values), raw / raw.sum())


def test_critic_takes_correlations_of_the_units_known_in_both() -> None:
    values = np.vstack([FIRMS, [[nan, 2.0, nan]]])
    spread = [np.std((c - c.min()) / np.ptp(c), ddof=1) for c in (FIRMS[:, 0], values[:, 1], FIRMS[:, 2])]
    raw = spread * (1 - np.corrcoef(FIRMS, rowvar=False)).sum(axis=0)
    np.testing.assert_allclose(critic(values), raw / raw.sum())


def test_a_child_without_spread_gets_nothing_from_critic_and_leaves_the_others_alone() -> None:
    values = np.column_stack([FIRMS, np.full(8, 0.1 + 0.2)])
    np.testing.assert_allclose(critic(values), [*critic(FIRMS), 0])


def test_children_that_say_the_same_share_equally() -> None:
    line = np.arange(6.0)[:, None] * [1.0, 3.0, 0.1]
    for how in ("critic", "pca", "pca_squared", "factor"):
        np.testing.assert_allclose(WEIGHTERS[how](line), np.full(3, 1 / 3), atol=1e-9)


@pytest.mark.parametrize("how", WEIGHTERS)
def test_a_child_without_spread_gets_0_and_only_such_children_share_equally(how: str) -> None:
    values = np.column_stack([COMMON[:, :3], np.full(40, 7.0)])
    shares = WEIGHTERS[how](values)
    assert shares[3] == 0
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(WEIGHTERS[how](np.full((5, 4), 3.0)), np.full(4, 0.25))
    np.testing.assert_allclose(WEIGHTERS[how](COMMON[:, :1]), [1.0])


@pytest.mark.parametrize("how", ["entropy", "critic"])
@pytest.mark.parametrize("values", [np.full((4, 2), nan), np.array([[1.0, 2.0]]), np.full((0, 2), 0.0)])
def test_entropy_and_critic_of_nothing_are_equal_shares(how: str, values: np.ndarray) -> None:
    np.testing.assert_allclose(WEIGHTERS[how](values), [0.5, 0.5])


@pytest.mark.parametrize("how", ["pca", "pca_squared", "factor"])
def test_components_need_three_complete_rows(how: str) -> None:
    with pytest.raises(TooFewRowsError) as caught:
        WEIGHTERS[how](np.array([[1.0, nan], [2.0, 1.0], [3.0, 4.0]]))
    assert caught.value.rows == 2


def test_units_with_a_gap_are_no_part_of_the_components() -> None:
    gaps = np.vstack([COMMON, [[nan, 1e6, 0, 0, 0]]])
    np.testing.assert_allclose(pca(gaps), pca(COMMON))
    np.testing.assert_allclose(factor(gaps), factor(COMMON))


def test_eigenvalues_are_those_of_the_handbook() -> None:
    """OECD/JRC Handbook 2008, table 16: shares of the variance of the eight TAI indicators, per cent.

    The countries' data are printed rounded, which moves the shares by up to 0.13.
    """
    printed = [41.9, 21.8, 12.3, 11.1, 6.0, 3.7, 2.2, 0.9]
    found = components(TAI)
    np.testing.assert_allclose(100 * found.explained, printed, atol=0.15)
    np.testing.assert_allclose(found.eigenvalues[:4], [3.3, 1.7, 1.0, 0.9], atol=0.06)
    assert found.cumulative[-1] == pytest.approx(1)


def test_rotated_loadings_of_patents_are_those_of_the_handbook() -> None:
    """OECD/JRC Handbook 2008, table 17: 0.07, 0.97, 0.06, 0.06, and 0.00, 0.67, 0.00, 0.00 of the squares."""
    loadings = np.abs(factors(TAI, 4).loadings)
    squares = loadings**2 / (loadings**2).sum(axis=0)
    np.testing.assert_allclose(sorted(loadings[0]), [0.06, 0.06, 0.07, 0.97], atol=0.015)
    np.testing.assert_allclose(sorted(squares[0]), [0, 0, 0, 0.67], atol=0.01)


def test_the_rotation_is_the_best_of_all_angles() -> None:
    found = factors(TAI, 2).loadings
    plain = components(TAI)
    start = plain.loadings[:, :2] * np.sqrt(plain.eigenvalues[:2])

    def spread_of_squares(loadings: np.ndarray) -> float:
        rows = loadings / np.sqrt((loadings**2).sum(axis=1, keepdims=True))
        return float((rows**2).var(axis=0).sum())

    def turned(angle: float) -> np.ndarray:
        return start @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    best = scipy.optimize.brute(lambda a: -spread_of_squares(turned(a[0])), [(0, np.pi / 2)], Ns=90)
    assert spread_of_squares(found) == pytest.approx(spread_of_squares(turned(best[0])), abs=1e-8)
    np.testing.assert_allclose((found**2).sum(axis=1), (start**2).sum(axis=1))


def test_two_separate_groups_are_two_factors_that_share_by_size() -> None:
    """Three copies of one, two of another, uncorrelated: they explain 3/5 and 2/5, so 1/5 for each."""
    one, other = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    values = np.column_stack([one, one, one, other, other]) @ np.diag([1, 2, -3, 4, 5.0])
    found = factors(values)
    np.testing.assert_allclose(found.explained, [0.6, 0.4])
    np.testing.assert_allclose(np.abs(found.loadings), [[1, 0]] * 3 + [[0, 1]] * 2, atol=1e-9)
    np.testing.assert_allclose(factor(values), np.full(5, 0.2))


def test_the_handbooks_rule_keeps_more_factors_until_sixty_per_cent_is_explained() -> None:
    assert factors(TAI).loadings.shape[1] == 2
    assert factors(TAI, 99).loadings.shape[1] == 8


def test_factors_are_not_cut_between_equals() -> None:
    """Six columns of the identity correlate by -1/8: five eigenvalues are 9/8, of which four explain 3/4."""
    found = factors(np.eye(9)[:, :6])
    assert found.loadings.shape[1] == 5
    np.testing.assert_allclose(found.explained, np.full(5, 0.2))


def test_a_child_that_runs_against_the_others_is_refused_by_name_or_squared() -> None:
    values = COMMON @ np.diag([1, 1, -1, 1, 1.0])
    with pytest.raises(NegativeLoadingsError) as caught:
        pca(values)
    assert caught.value.columns == (2,)
    np.testing.assert_allclose(pca(values, "square"), pca(COMMON, "square"))
    np.testing.assert_allclose(factor(values), factor(COMMON))


def test_children_with_nothing_in_common_have_no_first_component() -> None:
    values = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    with pytest.raises(NoFirstComponentError):
        pca(values)
    with pytest.raises(NoFirstComponentError):
        pca(values, "square")


@pytest.mark.parametrize(
    ("table", "weights"),
    [
        ("step6_normalised_minmax_0_100", "pca_weights_level1_by_pillar_from_normalised"),
        ("step7_aggregated_amean", "pca_weights_level2_by_subindex"),
    ],
)
def test_loadings_and_variances_are_those_of_coinr(
    reference: Callable[[str], Path], table: str, weights: str
) -> None:
    scores = pl.read_csv(reference(f"asem/{table}.csv"))
    level = 1 if "level1" in weights else 2
    lineage = pl.read_csv(reference("asem/structure_lineage.csv"))
    child, parent = ("Indicator", "Pillar") if level == 1 else ("Pillar", "Sub-index")
    printed = dict(pl.read_csv(reference(f"asem/{weights}.csv")).select("iCode", "Weight").iter_rows())
    name = "pca_variance_level1_by_pillar" if level == 1 else "pca_variance_level2_by_subindex"
    variance = pl.read_csv(reference(f"asem/{name}.csv"))
    groups = lineage.select(child, parent).unique(maintain_order=True).group_by(parent, maintain_order=True)
    refused = 0
    for (group,), members in groups:
        codes = members[child].to_list()
        values = scores.select(codes).to_numpy().astype(float)
        found = components(values)
        expected = np.array([printed[code] for code in codes])
        first = found.loadings[:, 0]
        np.testing.assert_allclose(first * np.sign(first @ expected), expected, atol=1e-9)
        rows = variance.filter(group=group)
        np.testing.assert_allclose(np.sqrt(found.eigenvalues), rows["sdev"], atol=1e-9)
        np.testing.assert_allclose(found.explained, rows["proportion"], atol=1e-9)
        assert (found.loadings.sum(axis=0) >= 0).all()
        if (expected * np.sign(expected.sum()) < 0).any():
            refused += 1
            with pytest.raises(NegativeLoadingsError):
                pca(values)
        else:
            np.testing.assert_allclose(pca(values), expected / expected.sum(), atol=1e-9)
    assert refused == (3 if level == 1 else 1)  # Instit, Environ, SusEcFin; Sust


def test_all_loadings_are_those_of_coinr(reference: Callable[[str], Path]) -> None:
    scores = pl.read_csv(reference("asem/step6_normalised_minmax_0_100.csv"))
    printed = pl.read_csv(reference("asem/pca_loadings_level1_by_pillar.csv"))
    for (_,), rows in printed.group_by("group"):
        codes = rows.filter(PC=1)["iCode"].to_list()
        found = components(scores.select(codes).to_numpy().astype(float)).loadings
        for number, column in enumerate(found.T, start=1):
            expected = rows.filter(PC=number)["loading"].to_numpy()
            np.testing.assert_allclose(column * np.sign(column @ expected), expected, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(list(WEIGHTERS)))
def test_shares_are_not_negative_add_to_1_and_follow_the_children(values: np.ndarray, how: str) -> None:
    try:
        shares = WEIGHTERS[how](values)
    except NoWeightsError:
        return
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1)
    if how in {"entropy", "critic"}:
        np.testing.assert_allclose(WEIGHTERS[how](values[:, ::-1]), shares[::-1], atol=1e-9)
        np.testing.assert_allclose(WEIGHTERS[how](values[::-1] * 4), shares, atol=1e-9)


def test_shares_come_with_their_codes() -> None:
    problems = Problems()
    assert from_data(np.array([[1.0, 5.0], [3.0, 5.0]]), ["a", "b"], "P", "entropy", problems) == {
        "a": 1.0,
        "b": 0.0,
    }
    assert not len(problems)


@pytest.mark.parametrize(
    ("how", "values", "code", "named"),
    [
        ("pca", [[1.0, 3], [2, 2], [3, 1.5]], "importance.negative-loadings", ["b"]),
        ("entropy", [[1.0, -1], [2, 2]], "importance.negative-values", ["b"]),
        ("pca", [[1.0, 1], [1, -1], [-1, 1], [-1, -1]], "importance.no-first-component", ["a", "b"]),
        ("factor", [[1.0, nan], [2, 2], [3, 1]], "importance.too-few-units", None),
    ],
)
def test_values_that_give_no_weights_are_a_problem_that_names_the_children(
    how: str, values: list[list[float]], code: str, named: list[str] | None
) -> None:
    problems = Problems()
    assert from_data(np.array(values), ["a", "b"], "P", how, problems) == {}
    (problem,) = problems.errors
    assert problem.code == code
    assert "P" in problem.message("zh")
    assert problem.values.get("codes") == named
