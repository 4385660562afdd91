"""On which range every node's score lies: said before a run, and kept by every run."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method
from citygauge.framework.model import Framework, Node
from citygauge.score.ranges import ranges, rules_with_ranges

TREE = Framework(
    (
        Node("I"),
        Node("P", "I"), Node("a", "P", direction=1, low=0, high=10, target_high=11),
        Node("b", "P", direction=-1, low=0, high=9, target_low=0),
        Node("Q", "I"), Node("c", "Q", direction=1, low=2, high=8, target_high=9.5),
        Node("d", "Q", direction=1, low=0, high=10, target_high=12),
    )
)  # fmt: skip
LEAVES = "abcd"


def of(**method: Any) -> dict[str, tuple[float, float] | None]:
    return ranges(Method().replace(**method), TREE)


def run(values: np.ndarray, weights: str = "default", **method: Any) -> cg.Result:
    units = [f"u{row}" for row in range(len(values))]
    rows = [
        {"unit": unit, "indicator": code, "value": None if np.isnan(value) else float(value), "source": "s",
         "state": "missing" if np.isnan(value) else "value"}
        for unit, row in zip(units, values, strict=True)
        for code, value in zip(LEAVES, row, strict=True)
    ]  # fmt: skip
    frame = pl.DataFrame({"unit": units, "name_zh": units})
    facts = pl.DataFrame(rows, schema_overrides={"value": pl.Float64})
    return cg.assess(cg.from_frames(TREE, frame, facts, Method(weights=weights).replace(**method)))


@pytest.mark.parametrize(
    ("normalise", "leaf"),
    [
        ({"how": "minmax"}, (0, 100)),
        ({"how": "minmax", "low": -3, "high": 5}, (-3, 5)),
        ({"how": "goalposts"}, (0, 1)),
        ({"how": "goalposts", "scale": 10}, (0, 10)),
        ({"how": "percentile_rank"}, (0, 1)),
        ({"how": "distance_to_max", "scale": 100}, (0, 100)),
        ({"how": "distance_to_reference", "reference": "u0", "cut": True}, (0, 1)),
        ({"how": "distance_to_reference", "reference": "u0"}, None),
        ({"how": "distance_to_target", "scale": 10}, (0, 10)),
        ({"how": "distance_to_target", "cut": False}, None),
        ({"how": "fraction_of_max"}, (0, 1)),
        ({"how": "zscore"}, None),
        ({"how": "rank"}, None),
        ({"how": "borda"}, None),
        ({"how": "scaled"}, None),
        ({"how": "vector"}, None),
        ({"how": "ampi"}, None),
    ],
)
def test_a_column_and_the_means_above_it_lie_on_the_range_of_the_normalisation(
    normalise: dict[str, Any], leaf: tuple[float, float] | None
) -> None:
    for how in ("arithmetic", "geometric", "harmonic", "median", "owa"):
        assert of(normalise=normalise, aggregate={"how": how}) == dict.fromkeys(TREE.codes, leaf)


@pytest.mark.parametrize(
    ("how", "own"),
    [("topsis", (0, 1)), ("vikor", (0, 1)), ("benefit_of_the_doubt", (0, 1)), ("promethee", (-1, 1)),
     ("mpi", None), ("copeland", None), ("coupling", (0, 100))],
)  # fmt: skip
def test_other_methods_have_a_range_of_their_own_or_none(how: str, own: tuple[float, float] | None) -> None:
    found = of(aggregate={"by": {"P": {"how": how}}})
    assert (found["a"], found["P"], found["Q"]) == ((0, 100), own, (0, 100))
    assert found["I"] == (own if own == (0, 100) else None)
    assert of(aggregate={"how": how})["I"] == own


def test_children_on_different_ranges_give_none_and_exceptions_lie_on_the_range_of_the_others() -> None:
    apart = of(normalise={"how": "minmax", "by": {"a": {"how": "minmax", "low": 0, "high": 10}}})
    assert (apart["a"], apart["b"], apart["P"], apart["Q"], apart["I"]) == (
        (0, 10), (0, 100), None, (0, 100), None,
    )  # fmt: skip
    together = of(normalise={"how": "minmax", "low": 1, "by": {"a": {"how": "goalposts"}}})
    assert set(together.values()) == {(1, 100)}
    named = of(normalise={"how": "minmax", "by": {"a": {"how": "goalposts", "scale": 5}}})
    assert named["a"] == (0, 5)
    unbounded = of(normalise={"how": "zscore", "by": {"a": {"how": "goalposts"}, "b": {"how": "minmax"}}})
    assert (unbounded["a"], unbounded["b"], unbounded["c"]) == ((0, 1), (0, 100), None)


def test_the_coupling_is_told_the_range_of_its_children_and_no_other_method_is() -> None:
    method = Method().replace(
        normalise={"how": "minmax", "low": 1, "high": 10},
        aggregate={"by": {"P": {"how": "coupling"}, "Q": {"how": "generalised", "power": 2}}},
    )
    rules = rules_with_ranges(method, TREE)
    assert dict(rules["P"].parameters) == {"low": 1, "high": 10}
    assert dict(rules["Q"].parameters) == {"power": 2}
    assert rules["I"].parameters == ()


NORMALISATIONS = [
    {"how": "minmax"},
    {"how": "minmax", "low": 1, "high": 10},
    {"how": "goalposts", "scale": 10},
    {"how": "percentile_rank", "ties": "average"},
    {"how": "distance_to_max"},
    {"how": "distance_to_target", "scale": 100},
    {"how": "fraction_of_max", "scale": 3},
    {"how": "minmax", "by": {"a": {"how": "goalposts"}, "c": {"how": "percentile_rank"}}},
    {"how": "goalposts", "by": {"b": {"how": "minmax"}, "d": {"how": "fraction_of_max"}}},
]
AGGREGATIONS = [
    *({"how": how} for how in ("arithmetic", "geometric", "harmonic", "median", "coupling")),
    *({"how": how} for how in ("topsis", "vikor", "promethee", "copeland")),
    {"by": {"P": {"how": "mpi"}}},
    {"how": "generalised", "power": 3},
    {"how": "generalised", "power": -2},
    {"how": "owa", "orness": 0.8},
    {"how": "owa", "orness": 0.1},
    {"by": {"1": {"how": "coupling"}, "P": {"how": "topsis"}}},
    {"how": "mpi", "by": {"P": {"how": "median"}, "Q": {"how": "topsis"}}},
]


def test_every_score_lies_in_the_range_that_is_said() -> None:
    rng = np.random.default_rng(8)
    values = rng.uniform(0.1, 10, (9, 4)).round(1)
    values[0], values[1] = [0.1, 10, 0.1, 0.1], [10, 0.1, 10, 10]
    for normalise, aggregate in product(NORMALISATIONS, AGGREGATIONS):
        given = np.where(rng.random(values.shape) < 0.1, np.nan, values)
        given[:2] = values[:2]
        method = {"normalise": normalise, "aggregate": aggregate}
        found, said = run(given, **method), of(**method)
        for column, code in enumerate(found.aggregated.codes):
            scores, span = found.aggregated.values[:, column], said[code]
            if span is not None:
                outside = (scores < span[0] - 1e-9) | (scores > span[1] + 1e-9)
                assert not outside.any(), (method, code, span, scores)


@pytest.mark.parametrize("aggregate", AGGREGATIONS[:5] + AGGREGATIONS[10:14])
def test_the_range_is_no_wider_than_need_be(aggregate: dict[str, Any]) -> None:
    """Whoever is the worst, or the best, in everything stands at its ends."""
    values = np.array([[0, 9, 2, 0], [10, 0, 8, 10], [5.0, 4, 4, 4]])
    for normalise in ({"how": "goalposts", "scale": 10}, {"how": "minmax", "low": 1, "high": 10}):
        method = {"normalise": normalise, "aggregate": aggregate}
        found = run(values, **method)
        for column, code in enumerate(found.aggregated.codes):
            assert found.aggregated.values[:2, column] == pytest.approx(of(**method)[code])


def test_the_range_of_a_result_is_that_of_its_index() -> None:
    values = np.array([[0, 9, 2, 0], [10, 0, 8, 10], [5.0, 4, 4, 4]])
    assert run(values).range == (0, 100)
    assert run(values, normalise={"how": "zscore"}).range is None
    assert run(values, aggregate={"by": {"0": {"how": "promethee"}}}).range == (-1, 1)


def test_goalposts_that_are_not_cut_keep_their_ends_though_scores_pass_them() -> None:
    """They are fixed, whatever the units have."""
    method = {"normalise": {"how": "goalposts", "cut": False}}
    assert of(**method)["I"] == (0, 1)
    values = np.array([[20, 0, 8, 10], [5.0, 4, 4, 4]])
    assert run(values, **method).aggregated.column("a")[0] == pytest.approx(2)
