"""What must not change a score, what must not lower it, and which methods promise neither: by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from polars.testing import assert_frame_equal

import citygauge as cg
from citygauge import Method, Result
from citygauge.framework.model import Framework, Node
from conftest import FULL

some = settings(max_examples=150 if FULL else 12, deadline=None)
PQ = Framework(
    (
        Node("I"),
        Node("P", "I", weight=3.0), Node("a", "P", direction=1, low=0, high=10, weight=1.0),
        Node("b", "P", direction=-1, low=0, high=10, weight=4.0),
        Node("Q", "I", weight=1.0), Node("c", "Q", direction=1, low=0, high=10, weight=0.0),
        Node("d", "Q", direction=1, low=0, high=10, weight=2.0),
        Node("e", "Q", direction=1, low=0, high=10, weight=1.0),
    ),
    weight_sets={"own": {"P": 1, "Q": 7, "a": 3, "b": 1}},
)  # fmt: skip
RISING = replace(PQ, nodes=tuple(replace(node, weight=None, direction=node.direction and 1) for node in PQ))
LEAVES = PQ.leaves
MEANS: list[dict[str, Any]] = [
    *({"how": how} for how in ("arithmetic", "geometric", "harmonic", "median")),
    *({"how": "generalised", "power": power} for power in (-3, 0.5, 1, 2)),
    *({"how": "owa", "orness": orness} for orness in (0.2, 0.8)),
]
OTHERS: list[dict[str, Any]] = [
    *({"how": how} for how in ("coupling", "copeland", "topsis", "vikor", "promethee")),
    {"by": {"2": {"how": "mpi"}, "1": {"how": "mpi"}}},
    {
        "by": {
            "P": {"how": "topsis"},
            "Q": {"how": "geometric"},
            "I": {"how": "median", "min_availability": 0.6},
        }
    },
]
NORMALISATIONS: list[dict[str, Any]] = [
    {"how": "minmax", "low": 1, "high": 10},
    {"how": "zscore", "mean": 100, "sd": 10},
    {"how": "goalposts", "scale": 10},
    {"how": "percentile_rank", "ties": "average"},
    {"how": "distance_to_max"},
    {"how": "fraction_of_max"},
    {"how": "minmax", "low": 1, "by": {"a": {"how": "percentile_rank"}, "d": {"how": "goalposts"}}},
]
tables = hnp.arrays(float, (6, len(LEAVES)), elements=st.integers(0, 10).map(float))
gaps = hnp.arrays(bool, (6, len(LEAVES)), elements=st.integers(0, 9).map(lambda draw: draw == 0))
normalisations, means = st.sampled_from(NORMALISATIONS), st.sampled_from(MEANS)
aggregations = st.sampled_from(MEANS + OTHERS)


def run(
    values: Any,
    tree: Framework = PQ,
    order: Sequence[int] | None = None,
    **method: Any,
) -> Result:
    """Assess figures (n_units, n_leaves); the leaves stand in the order of `LEAVES`, not of the tree."""
    values = np.asarray(values, float)
    rows = range(len(values)) if order is None else order
    facts = [
        {"unit": f"u{row}", "indicator": code, "source": "s", "value": float(x)}
        for row in rows
        for code, x in zip(LEAVES, values[row], strict=False)
        if not np.isnan(x)
    ]
    units = pl.DataFrame({"unit": [f"u{row}" for row in rows], "name_zh": [f"城{row}" for row in rows]})
    frame = pl.DataFrame(facts, schema={"unit": pl.String, "indicator": pl.String, "source": pl.String,
                                        "value": pl.Float64})  # fmt: skip
    return cg.assess(cg.from_frames(tree, units, frame, Method().replace(**method)))


def outcome(
    *arguments: Any, **given: Any
) -> dict[tuple[str, str], tuple[float | None, int | None]] | set[str]:
    """Return value and rank of each unit and node, or what the run is refused for."""
    try:
        result = run(*arguments, **given)
    except cg.InputError as error:
        return {problem.code for problem in error.problems if problem.severity == "error"}
    rows = result.scores.select("unit_code", "code", "value", "rank").iter_rows()
    return {(unit, code): (value, rank) for unit, code, value, rank in rows}


def assert_same(own: Any, other: Any) -> None:
    assert type(own) is type(other)
    if isinstance(own, set):
        assert own == other
        return
    assert own.keys() == other.keys()
    for key, (value, rank) in own.items():
        assert rank == other[key][1], key
        assert (value is None) == (other[key][0] is None), key
        assert value is None or value == pytest.approx(other[key][0], rel=1e-9, abs=1e-9), key


def with_gaps(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where, np.nan, values)


def turned(tree: Framework, order: Callable[[Sequence[str]], list[str]]) -> Framework:
    """Return the tree with the children of each parent in another order."""

    def below(code: str) -> list[Node]:
        return [tree[code], *(node for child in order(tree.children(code)) for node in below(child))]

    return replace(tree, nodes=tuple(below(tree.root.code)))


# What changes nothing.


@some
@given(
    tables,
    gaps,
    normalisations,
    aggregations,
    st.sampled_from([0.001, 3, 1e7]),
    st.sampled_from(["default", "own"]),
)
def test_the_scale_of_the_weights_changes_nothing(
    values: np.ndarray, where: np.ndarray, normalise: Any, aggregate: Any, factor: float, name: str
) -> None:
    nodes = tuple(replace(node, weight=node.weight and node.weight * factor) for node in PQ)
    scaled = {"own": {code: weight * factor for code, weight in PQ.weight_sets["own"].items()}}
    method = {"normalise": normalise, "aggregate": aggregate, "weights": name}
    other = replace(PQ, nodes=nodes, weight_sets=scaled)
    given_values = with_gaps(values, where)
    assert_same(outcome(given_values, **method), outcome(given_values, other, **method))


@some
@given(tables, gaps, normalisations, aggregations, st.permutations(range(6)))
def test_the_order_of_units_changes_nothing(
    values: np.ndarray, where: np.ndarray, normalise: Any, aggregate: Any, order: list[int]
) -> None:
    method = {"normalise": normalise, "aggregate": aggregate}
    given_values = with_gaps(values, where)
    assert_same(outcome(given_values, **method), outcome(given_values, order=order, **method))


@some
@given(
    tables,
    gaps,
    normalisations,
    aggregations,
    st.randoms(use_true_random=False),
    st.sampled_from(["default", "by_count", "critic"]),
)
def test_the_order_of_siblings_changes_nothing(
    values: np.ndarray, where: np.ndarray, normalise: Any, aggregate: Any, random: Any, name: str
) -> None:
    method = {"normalise": normalise, "aggregate": aggregate, "weights": name}
    other = turned(PQ, lambda codes: random.sample(list(codes), len(codes)))
    given_values = with_gaps(values, where)
    assert_same(outcome(given_values, **method), outcome(given_values, other, **method))


def test_the_order_of_the_rows_of_every_file_changes_nothing(workspace: Callable[..., Path]) -> None:
    folder = workspace()
    first = cg.assess(cg.open(folder)).scores
    for name in ("framework.csv", "units.csv", "observations.csv"):
        head, *rows = (folder / name).read_text("utf-8").splitlines()
        (folder / name).write_text("\n".join([head, *rows[::-1]]) + "\n", encoding="utf-8")
    again = cg.assess(cg.open(folder)).scores
    assert_frame_equal(again, first, check_row_order=False, rel_tol=1e-9)


@some
@given(
    tables, gaps, means, st.sampled_from([(2, 3), (1000, 0), (0.25, -7), (-4, 1)]), st.sampled_from(LEAVES)
)
def test_minimum_and_maximum_do_not_know_the_unit_of_measure(
    values: np.ndarray, where: np.ndarray, aggregate: Any, change: tuple[float, float], code: str
) -> None:
    """A falling change turns the direction round."""
    factor, shift = change
    at = LEAVES.index(code)
    changed = with_gaps(values, where)
    changed[:, at] = changed[:, at] * factor + shift
    turn = -1 if factor < 0 else 1
    nodes = tuple(
        replace(n, direction=n.direction and n.direction * (turn if n.code == code else 1)) for n in PQ
    )
    method = {"normalise": NORMALISATIONS[0], "aggregate": aggregate}
    assert_same(
        outcome(with_gaps(values, where), **method), outcome(changed, replace(PQ, nodes=nodes), **method)
    )


@some
@given(
    tables,
    gaps,
    st.sampled_from(
        [n for n in NORMALISATIONS if "goalposts" not in str(n)] + [{"how": "vector"}, {"how": "ampi"}]
    ),
    st.sampled_from(
        [{}, {"how": "winsorise_then", "skew": 1.05, "kurtosis": 0.55}, {"how": "log", "skew": 1.05}]
    ),
    st.sampled_from([{}, {"how": "median"}, {"how": "row_mean"}, {"how": "knn", "neighbours": 2}]),
)
def test_a_column_in_thousands_changes_nothing(
    values: np.ndarray, where: np.ndarray, normalise: Any, treat: Any, impute: Any
) -> None:
    method = {"normalise": normalise, "treat": treat, "impute": impute}
    given_values = with_gaps(values, where)
    tree = replace(PQ, nodes=tuple(replace(node, low=None, high=None) for node in PQ))
    if normalise["how"] == "fraction_of_max" and treat:
        return  # a logarithm lies below 0
    for factor in (1000.0, 0.001):
        changed = given_values.copy()
        changed[:, [0, 3]] *= factor
        assert_same(outcome(given_values, tree, **method), outcome(changed, tree, **method))


@some
@given(tables, gaps, means, st.sampled_from([0.001, 1000]))
def test_goalposts_in_the_unit_of_the_column_change_nothing(
    values: np.ndarray, where: np.ndarray, aggregate: Any, factor: float
) -> None:
    nodes = tuple(
        replace(node, low=0 if node.direction else None, high=10 * factor if node.direction else None)
        for node in PQ
    )
    method = {"normalise": {"how": "goalposts"}, "aggregate": aggregate}
    given_values = with_gaps(values, where)
    assert_same(
        outcome(given_values, **method), outcome(given_values * factor, replace(PQ, nodes=nodes), **method)
    )


# What a better value does.


def index(values: Any, tree: Framework = RISING, **method: Any) -> np.ndarray:
    return run(values, tree, **method).index


@some
@given(
    tables,
    gaps,
    normalisations,
    means,
    st.integers(0, 5),
    st.sampled_from(LEAVES),
    st.sampled_from([0.5, 3, 30]),
)
def test_a_better_value_never_scores_lower_under_a_mean(
    values: np.ndarray, where: np.ndarray, normalise: Any, aggregate: Any, unit: int, code: str, gain: float
) -> None:
    at = LEAVES.index(code)
    before = with_gaps(values, where) + 40
    after = before.copy()
    after[unit, at] += gain * (PQ[code].direction or 1)
    method = {"normalise": normalise, "aggregate": aggregate}
    one, other = outcome(before, **method), outcome(after, **method)
    if isinstance(one, set) or isinstance(other, set):
        return
    for node in (code, PQ[code].parent, "I"):
        old, new = one[f"u{unit}", node][0], other[f"u{unit}", node][0]
        assert old is None or new is None or new >= old - 1e-9 * abs(old), node


POSTS, STANDARD = {"how": "goalposts"}, {"how": "zscore", "mean": 10, "sd": 2}
ABCD = Framework(tuple(node for node in RISING if node.code != "e"), code="four")
FLAT = Framework((Node("I"), *(Node(code, "I", direction=1, low=0, high=10) for code in "abcd")))
TWO_LEVELS = {"how": "vikor", "by": {"1": {"how": "arithmetic"}}}
# Name → method, figures (a, b, c, d; posts 0 and 10), the unit and the column of a value that rises, to what.
NOT_PROMISED: dict[str, tuple[dict[str, Any], list[list[float]], int, int, float]] = {
    "mpi": (
        {"normalise": {**POSTS, "scale": 10}, "aggregate": {"how": "mpi"}},
        [[1, 1, 1, 9]], 0, 3, 10,
    ),
    "coupling, with weights that differ": (
        {"normalise": POSTS, "aggregate": {"how": "coupling"}, "weights": "far"},
        [[9, 1, 5, 5]], 0, 0, 10,
    ),
    "topsis on standard scores": (
        {"normalise": STANDARD, "aggregate": {"how": "topsis"}},
        [[4, 3, 7, 9], [2, 9, 1, 7], [4, 5, 5, 2], [10, 5, 1, 10], [3, 2, 5, 2]], 1, 1, 39,
    ),
    "vikor at two levels": (
        {"normalise": POSTS, "aggregate": {"how": "vikor"}},
        [[3, 3, 1, 9], [7, 2, 8, 5], [8, 0, 5, 8]], 2, 3, 10,
    ),
    "vikor of means of minimum and maximum": (
        {"aggregate": TWO_LEVELS},
        [[6, 9, 8, 0], [7, 0, 7, 9], [7, 8, 7, 0], [7, 6, 0, 6]], 1, 3, 11,
    ),
    "topsis of vikor": (
        {"normalise": POSTS, "aggregate": {"how": "topsis", "by": {"1": {"how": "vikor"}}}},
        [[2, 6, 0, 10], [9, 2, 0, 6], [9, 1, 9, 5], [2, 0, 9, 2], [5, 5, 4, 7]], 3, 1, 1,
    ),
    "weights from the scores": (
        {"normalise": POSTS, "weights": "entropy"},
        [[6, 0, 7, 5], [10, 0, 4, 9], [3, 9, 8, 3], [2, 0, 3, 7], [0, 10, 2, 9]], 3, 3, 37,
    ),
    "treatment of outliers": (
        {"normalise": POSTS, "treat": {"how": "winsorise_then"}},
        [[5, 3, 6, 2], [5, 9, 10, 3], [10, 3, 9, 5], [4, 10, 3, 1], [3, 10, 2, 4]], 2, 0, 40,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_PROMISED)
def test_a_better_value_can_score_lower_without_the_promise(name: str) -> None:
    method, values, unit, column, better = NOT_PROMISED[name]
    tree = FLAT if name == "mpi" else replace(ABCD, weight_sets={"far": {"a": 1, "b": 99}})
    after = [list(row) for row in values]
    assert better > after[unit][column]
    after[unit][column] = better
    node = "P" if "coupling" in name else "I"
    old, new = (run(each, tree, **method).aggregated.column(node)[unit] for each in (values, after))
    assert new < old - 1e-6


@some
@given(tables, st.integers(0, 5), st.sampled_from(LEAVES), st.sampled_from([1, 4, 20]))
def test_copeland_and_promethee_by_order_alone_never_lower_the_unit_that_gains(
    values: np.ndarray, unit: int, code: str, gain: float
) -> None:
    after = values.copy()
    after[unit, LEAVES.index(code)] += gain
    for how in ("copeland", "promethee"):
        old, new = (index(each, normalise=STANDARD | {"mean": 100}, aggregate={"how": how})
                    if (np.ptp(each, axis=0) > 0).all() else None for each in (values, after))  # fmt: skip
        assert old is None or new is None or new[unit] >= old[unit] - 1e-9


# Name → method and figures: the first unit is ahead of the second, and behind it once the last one is gone.
PLACES_CHANGE: dict[str, tuple[dict[str, Any], list[list[float]]]] = {
    "minimum and maximum": (
        {"normalise": {"how": "minmax"}}, [[4, 4, 0, 1], [0, 2, 2, 4], [5, 3, 2, 4], [2, 3, 3, 5]],
    ),
    "standard scores": (
        {"normalise": {"how": "zscore"}}, [[4, 0, 4, 3], [0, 2, 4, 4], [2, 2, 0, 3], [2, 3, 3, 0]],
    ),
    "ranks": (
        {"normalise": {"how": "percentile_rank"}}, [[2, 5, 1, 2], [4, 0, 3, 0], [2, 2, 1, 4], [1, 4, 5, 1]],
    ),
    "fractions of the best": (
        {"normalise": {"how": "fraction_of_max"}}, [[3, 4, 0, 5], [2, 5, 1, 3], [2, 0, 0, 1], [4, 4, 5, 2]],
    ),
    "topsis": (
        {"normalise": POSTS, "aggregate": {"how": "topsis"}},
        [[1, 5, 1, 3], [4, 3, 0, 2], [3, 3, 2, 1], [4, 1, 0, 5]],
    ),
    "vikor": (
        {"normalise": POSTS, "aggregate": {"how": "vikor"}},
        [[0, 3, 2, 3], [0, 1, 3, 5], [1, 1, 1, 4], [0, 3, 5, 2]],
    ),
    "copeland": (
        {"normalise": POSTS, "aggregate": {"how": "copeland"}},
        [[3, 4, 2, 1], [4, 0, 1, 4], [3, 4, 2, 2], [4, 2, 2, 0]],
    ),
    "promethee": (
        {"normalise": POSTS, "aggregate": {"how": "promethee"}},
        [[1, 1, 4, 2], [3, 0, 1, 3], [2, 1, 0, 1], [0, 2, 2, 0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES_CHANGE)
def test_two_units_can_change_places_when_another_leaves_under_what_compares_units(name: str) -> None:
    method, values = PLACES_CHANGE[name]
    before, after = index(values, FLAT, **method), index(values[:-1], FLAT, **method)
    assert before[0] > before[1] + 1e-9
    assert after[0] < after[1] - 1e-9


@pytest.mark.parametrize("aggregate", [*MEANS, {"how": "coupling"}])
def test_scores_under_goalposts_stay_when_another_leaves(aggregate: dict[str, Any]) -> None:
    for _, values in PLACES_CHANGE.values():
        method = {"normalise": POSTS, "aggregate": aggregate}
        assert index(values, FLAT, **method)[:3] == pytest.approx(index(values[:-1], FLAT, **method))
