"""What weights do, and weights fitted to a target: by hand, by closed solutions, and used again in a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method, Result
from citygauge.analyse.weights import optimised_weights, weights_table
from citygauge.framework.model import Framework, Node
from citygauge.problems import Problems

POSTS = {"how": "goalposts", "low": 0, "high": 100}
TREE = Framework(
    (
        Node("I"),
        Node("P", "I", weight=3.0), Node("a", "P", direction=1, weight=0.5),
        Node("b", "P", direction=1, weight=0.3), Node("c", "P", direction=1, weight=0.2),
        Node("Q", "I", weight=1.0), Node("d", "Q", direction=1),
    )
)  # fmt: skip
LEAVES = TREE.leaves
CORRELATED = np.array([[1, 0.6, 0.3, 0.2], [0.6, 1, 0.1, 0.3], [0.3, 0.1, 1, 0.4], [0.2, 0.3, 0.4, 1]])
SPREADS = np.array([3.0, 9.0, 1.0, 4.0])


def scores_with(correlation: np.ndarray, spreads: np.ndarray, units: int = 30) -> np.ndarray:
    """Return figures that have exactly this correlation matrix and these standard deviations."""
    raw = np.random.default_rng(4).normal(size=(units, spreads.size))
    white = np.linalg.qr(raw - raw.mean(axis=0))[0] * np.sqrt(units - 1)
    return 50 + white @ np.linalg.cholesky(correlation).T * spreads


def run(
    values: np.ndarray, tree: Framework = TREE, settings: Mapping[str, Any] | None = None, **method: Any
) -> Result:
    units = [f"u{row:02}" for row in range(len(values))]
    rows = [
        {"unit": unit, "indicator": code, "source": "s", "value": float(x)}
        for unit, row in zip(units, values, strict=True)
        for code, x in zip(tree.leaves, row, strict=True)
        if not np.isnan(x)
    ]
    frame = pl.DataFrame({"unit": units, "name_zh": units})
    chosen = Method().replace(**{"normalise": POSTS, **method})
    return cg.assess(cg.from_frames(tree, frame, pl.DataFrame(rows), chosen, settings))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


VALUES = scores_with(CORRELATED, SPREADS)


def test_weights_stand_beside_correlations_importances_and_what_the_scores_imply() -> None:
    result = run(VALUES)
    rows = {row["code"]: row for row in weights_table(result).to_dicts()}
    assert list(rows) == ["P", "a", "b", "c", "Q", "d"]
    a, b, c, d = (VALUES / 100).T
    p = 0.5 * a + 0.3 * b + 0.2 * c
    index = 0.75 * p + 0.25 * d
    nominal = {"P": 0.75, "a": 0.5, "b": 0.3, "c": 0.2, "Q": 0.25, "d": 1.0}
    effective = {"P": 0.75, "a": 0.375, "b": 0.225, "c": 0.15, "Q": 0.25, "d": 0.25}
    with_parent = {"P": (p, index), "a": (a, p), "b": (b, p), "c": (c, p), "Q": (d, index), "d": (d, d)}
    for code, row in rows.items():
        assert (row["parent"], row["level"]) == (TREE[code].parent, TREE.levels[code])
        assert row["weight"] == pytest.approx(nominal[code])
        assert row["effective_weight"] == pytest.approx(effective[code])
        assert row["correlation"] == pytest.approx(correlation(*with_parent[code]))
        assert row["implied_weight"] == pytest.approx(nominal[code])  # the parent is their mean, exactly
        assert 0 < row["importance"] <= 1
    for parent in TREE.aggregates:
        group = [row for row in rows.values() if row["parent"] == parent]
        assert sum(row["importance_share"] for row in group) == pytest.approx(1)
        total = sum(row["importance"] for row in group)
        assert [row["importance_share"] for row in group] == pytest.approx(
            [row["importance"] / total for row in group]
        )


def test_children_on_a_grid_count_as_their_variances_do() -> None:
    """Of independent children the share of the variance is (w s)²: with s 3 : 1 it is 0.9 : 0.1."""
    tree = Framework((Node("I"), Node("a", "I", direction=1), Node("b", "I", direction=1)))
    grid = np.array([[3.0 * x, y] for x in range(9) for y in range(9)])
    rows = weights_table(run(grid, tree)).to_dicts()
    assert [row["importance"] for row in rows] == pytest.approx([0.9, 0.1], abs=0.02)
    assert [row["correlation"] ** 2 for row in rows] == pytest.approx([0.9, 0.1])
    assert [row["weight"] for row in rows] == [0.5, 0.5]


def test_what_is_not_defined_is_blank() -> None:
    flat = VALUES.copy()
    flat[:, 1] = 7
    rows = {row["code"]: row for row in weights_table(run(flat)).to_dicts()}
    assert (rows["b"]["correlation"], rows["b"]["importance"]) == (None, None)
    assert rows["a"]["importance_share"] + rows["c"]["importance_share"] == pytest.approx(1)
    two = weights_table(run(VALUES[:2]))
    assert two["correlation"].null_count() == two["importance"].null_count() == two.height
    assert two["weight"].null_count() == 0


def test_bonuses_have_no_weight_and_no_measure() -> None:
    bonus = Node("e", "I", role="bonus", points=5.0, direction=1, low=0, high=1)
    points = {"I": 100.0, "P": 75.0, "Q": 25.0}
    nodes = (*(replace(node, points=points.get(node.code), weight=None) for node in TREE), bonus)
    values = np.column_stack([VALUES, np.arange(len(VALUES)) % 2])
    row = weights_table(run(values, Framework(nodes))).to_dicts()[-1]
    assert (row["code"], row["weight"], row["effective_weight"]) == ("e", 0, 0)
    assert [row[name] for name in ("correlation", "importance", "importance_share", "implied_weight")] == [
        None
    ] * 4


def test_the_notice_stands_beside_illustrative_figures() -> None:
    assert set(weights_table(run(VALUES, settings={"illustrative": True}))["notice"]) == {
        "illustrative data, not observed"
    }
    assert "notice" not in weights_table(run(VALUES)).columns


def solution(target: list[float], count: int = 3) -> np.ndarray:
    """Return weights under which correlations with the mean are in proportion to the target: R (w s) = t."""
    raw = np.linalg.solve(CORRELATED[:count, :count], target) / SPREADS[:count]
    return raw / raw.sum()


@pytest.mark.parametrize(
    ("target", "amounts"),
    [("equal", [1, 1, 1]), ("nominal", [0.5, 0.3, 0.2]), ({"a": 4, "b": 5, "c": 4}, [4, 5, 4])],
)
def test_fitted_weights_are_the_closed_solution_and_do_in_a_run_what_they_say(
    target: Any, amounts: list[float]
) -> None:
    expected, problems = solution(amounts), Problems()
    assert (expected > 0).all()
    found = optimised_weights(run(VALUES), ["P"], problems, target)["P"]
    np.testing.assert_allclose(found.weights, expected, atol=1e-6)
    assert (found.converged, len(problems)) == (True, 0)
    fitted = {"fit": dict(zip("abc", found.weights.tolist(), strict=True))}
    table = weights_table(run(VALUES, replace(TREE, weight_sets=fitted), weights="fit"))
    reached = np.array(table.filter(parent="P")["correlation"])
    np.testing.assert_allclose(reached / reached.sum(), np.array(amounts) / sum(amounts), atol=1e-6)


def test_lower_groups_are_fitted_first_and_hold_for_those_above() -> None:
    problems = Problems()
    found = optimised_weights(run(VALUES), ["I", "P", "Q"], problems, "equal")
    assert set(found) == {"P", "I"}  # Q has a lone child
    np.testing.assert_allclose(found["P"].weights, solution([1, 1, 1]), atol=1e-6)
    p, q = VALUES[:, :3] @ found["P"].weights, VALUES[:, 3]
    alike = np.array([1 / p.std(), 1 / q.std()])
    np.testing.assert_allclose(found["I"].weights, alike / alike.sum(), atol=1e-6)
    assert len(problems) == 0


def test_the_most_informed_weights_are_one_over_the_spread() -> None:
    found = optimised_weights(run(VALUES), ["P"], Problems(), goal="infomax")["P"]
    np.testing.assert_allclose(found.weights, (1 / SPREADS[:3]) / (1 / SPREADS[:3]).sum(), atol=1e-6)


def test_bounds_hold_and_what_they_cost_is_said() -> None:
    problems = Problems()
    found = optimised_weights(run(VALUES), ["P"], problems, {"a": 1, "b": 9, "c": 1}, (0.1, 0.7))["P"]
    assert found.weights.min() >= 0.1 - 1e-9
    assert found.weights.max() <= 0.7 + 1e-9
    assert [(p.code, p.severity) for p in problems] == [("importance.not-reached-bounds", "warning")]
    assert not found.converged


@pytest.mark.parametrize(
    ("given", "code", "codes"),
    [
        ({"bounds": (0.5, 1)}, "importance.bad-bounds", None),
        ({"bounds": (0, 0.3)}, "importance.bad-bounds", None),
        ({"target": {"a": 1, "b": 0}}, "importance.bad-target", ["b", "c"]),
    ],
)
def test_targets_and_bounds_that_cannot_be_are_refused(
    given: Any, code: str, codes: list[str] | None
) -> None:
    problems = Problems()
    assert optimised_weights(run(VALUES), ["P"], problems, **given) == {}
    (problem,) = problems
    assert (problem.code, problem.values["parent"], problem.values.get("codes")) == (code, "P", codes)


def test_a_child_without_spread_cannot_be_fitted() -> None:
    flat, problems = VALUES.copy(), Problems()
    flat[:, 1] = 7
    optimised_weights(run(flat), ["P"], problems)
    assert [(p.code, p.values["codes"]) for p in problems] == [("importance.undefined", ["b"])]


INSIDE = """\
code,parent,level,name_zh,name_en,weight,direction,unit,low,high
I,,0,指数,Index,,,,,
a,I,1,甲,a,,1,%,0,100
b,I,1,乙,b,,1,%,0,100
"""


def test_with_strata_fitted_weights_reach_in_a_run_what_they_say(workspace: Callable[..., Path]) -> None:
    rng = np.random.default_rng(1)
    subjects, rows = ["subject,unit,kind,parent,event"], ["unit,indicator,value,subject"]
    for unit in "123":
        for event in ("Birth", "Work"):
            subjects.append(f"s{unit}{event},{unit},site,,{event}")
            rows += [f"{unit},{code},{rng.integers(1, 100)},s{unit}{event}" for code in "ab"]
    files = {
        "framework__csv": INSIDE,
        "framework__toml": 'strata = "event"\n',
        "rollups__csv": "code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\n",
        "subjects__csv": "\n".join(subjects) + "\n",
        "observations__csv": "\n".join(rows) + "\n",
        "method__toml": '[normalise]\nhow = "goalposts"\n[aggregate]\nhow = "geometric"\n',
    }
    result = cg.assess(cg.open(workspace(**files)))
    found = optimised_weights(result, ["I"], Problems(), {"a": 0.6, "b": 0.4})["I"]
    weights = "code,weight\n" + "".join(f"{c},{w}\n" for c, w in zip("ab", found.weights, strict=True))
    opened = cg.open(workspace(**files, **{"weights/fit__csv": weights}))
    table = weights_table(cg.assess(opened, opened.method.replace(weights="fit")))
    np.testing.assert_allclose(table["correlation"], found.correlations, atol=1e-6)
