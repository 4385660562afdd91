"""Clusters against scikit-learn's Ward and silhouettes, by hand, at the edges, and in a result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_samples

import citygauge as cg
from citygauge.analyse.clusters import cluster_profiles, clusters, silhouettes, standardised, ward
from citygauge.problems import InputError

BLOBS = np.vstack(
    [
        np.random.default_rng(i).normal(centre, 0.3, (8, 2))
        for i, centre in enumerate([(0, 0), (5, 0), (0, 6)])
    ]
)


def together(labels: np.ndarray) -> np.ndarray:
    """Return which rows are in one cluster, whatever it is called."""
    return np.equal.outer(labels, labels)


@pytest.mark.parametrize("k", [2, 3, 4, 6])
def test_clusters_are_those_of_scikit_learn(k):
    values = np.random.default_rng(k).normal(size=(40, 3))
    want = AgglomerativeClustering(k, linkage="ward").fit_predict(values)
    np.testing.assert_array_equal(together(ward(values, k)), together(want))


def test_three_heaps_are_found_without_asking_for_three():
    found = ward(BLOBS)
    np.testing.assert_array_equal(together(found), together(np.repeat([0, 1, 2], 8)))


@settings(max_examples=50)
@given(arrays(float, (9, 2), elements=st.integers(-5, 5).map(float)), st.data())
def test_silhouettes_are_those_of_scikit_learn(values, data):
    labels = np.array(data.draw(st.lists(st.integers(1, 4), min_size=9, max_size=9)))
    found = silhouettes(values, labels)
    assert ((found >= -1) & (found <= 1) | np.isnan(found)).all()
    if 2 <= len(set(labels)) <= 8:
        np.testing.assert_allclose(found, silhouette_samples(values, labels), atol=1e-7)


def test_silhouettes_by_hand():
    # Of 0: a = 1, b = mean(4, 6) = 5; of 1: b = 4; of 4: a = 2, b = 3.5; of 6: b = 5.5.
    found = silhouettes(np.array([[0.0], [1.0], [4.0], [6.0]]), np.array([7, 7, 3, 3]))
    np.testing.assert_allclose(found, [0.8, 0.75, 1.5 / 3.5, 3.5 / 5.5], rtol=1e-12)


def test_one_cluster_has_no_silhouette_and_equal_rows_are_one_cluster():
    assert np.isnan(silhouettes(np.arange(4.0)[:, None], np.ones(4, int))).all()
    assert set(ward(np.ones((5, 2)))) == {1}
    assert set(ward(np.ones((5, 2)), 3)) == {1}
    assert silhouettes(np.ones((4, 1)), np.array([1, 1, 2, 2])).tolist() == [0.0] * 4


def test_a_column_without_spread_counts_for_nothing():
    values = np.column_stack([np.arange(4.0), np.full(4, 0.1 + 0.2)])
    found = standardised(values)
    np.testing.assert_allclose(found[:, 0], (np.arange(4) - 1.5) / np.std(np.arange(4), ddof=1))
    assert found[:, 1].tolist() == [0.0] * 4


UNITS = "unit,name_en\n" + "".join(f"{i},City {i}\n" for i in range(1, 8))
# Units 1 to 3 are poor in both pillars, 4 to 6 rich in both; 7 has nothing in Q.
A, C = (10, 12, 11, 80, 82, 81, 50), (20, 21, 22, 90, 91, 92, "")
FACTS = "unit,indicator,value\n" + "".join(
    f"{i},a,{a}\n{i},b,5\n{i},c,{c}\n" for i, (a, c) in enumerate(zip(A, C, strict=True), 1)
)
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'


def assessed(workspace, **files):
    return cg.assess(cg.open(workspace(**({"units__csv": UNITS, "observations__csv": FACTS} | files))))


def test_clusters_are_numbered_from_the_best_and_gaps_have_none(workspace):
    rows = clusters(assessed(workspace))
    assert rows.columns == ["unit_code", "cluster", "silhouette"]
    assert rows["cluster"].to_list() == [2, 2, 2, 1, 1, 1, None]
    assert rows["silhouette"].null_count() == 1
    assert rows["silhouette"].min() > 0.9


def test_profiles_are_the_means_of_the_clusters(workspace):
    rows = cluster_profiles(assessed(workspace), k=2)
    assert rows["cluster", "n", "code"].rows() == [
        (1, 3, "I"), (1, 3, "P"), (1, 3, "Q"), (2, 3, "I"), (2, 3, "P"), (2, 3, "Q"),
    ]  # fmt: skip
    # P = (a + 0.5) / 2 with a = 0.81 and 0.11, Q = c; the index is 0.6 P + 0.4 Q.
    want = [0.6 * 0.655 + 0.4 * 0.91, 0.655, 0.91, 0.6 * 0.305 + 0.4 * 0.21, 0.305, 0.21]
    np.testing.assert_allclose(rows["mean"], want, rtol=1e-12)


def test_other_nodes_make_another_profile(workspace):
    rows = clusters(assessed(workspace), codes=["a"], k=3)
    assert rows["cluster"].to_list() == [3, 3, 3, 1, 1, 1, 2]


def test_one_cluster_may_be_asked_for(workspace):
    rows = clusters(assessed(workspace), k=1)
    assert rows["cluster"].to_list() == [1] * 6 + [None]
    assert rows["silhouette"].null_count() == 7


def test_too_few_units_and_a_wrong_number_are_refused_in_one_answer(workspace):
    result = assessed(workspace)
    for k, codes in ((0, ["analyse.bad-count"]), (7, ["analyse.too-few-units"])):
        with pytest.raises(InputError) as caught:
            clusters(result, k=k)
        assert [p.code for p in caught.value.problems] == codes
    with pytest.raises(InputError) as caught:
        clusters(cg.assess(cg.open(workspace())), k=-1)
    assert [p.code for p in caught.value.problems] == ["analyse.bad-count", "analyse.too-few-units"]
    assert caught.value.problems[1].values["rows"] == 2


def test_on_illustrative_data_small_clusters_tell_no_means_and_rows_no_order(workspace):
    facts = FACTS.replace("6,a,81", "6,a,10").replace("6,c,92", "6,c,20")  # two rich units are left
    result = assessed(workspace, observations__csv=facts, assessment__toml=ILLUSTRATIVE)
    rows = clusters(result, k=2)
    assert rows["unit_code"].to_list() == [f"示意城市 {i:02d}" for i in range(1, 8)]
    assert "notice" in rows.columns
    profiles = cluster_profiles(result, k=2)
    assert profiles.filter(cluster=1)["n"].to_list() == [2] * 3
    assert profiles.filter(cluster=1)["mean"].to_list() == [None] * 3
    assert profiles.filter(cluster=2)["mean"].null_count() == 0
