"""Weights of a method through the whole corridor: by count, from the scores, one set for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method, Result
from citygauge.corridor import assess_panel
from citygauge.framework.model import Framework, Node
from citygauge.report.files import write_results
from citygauge.score.weight_data import WEIGHTERS

# Leaves at levels 1 to 3, a lone child, and an indicator made of measures.
TREE = Framework(
    (
        Node("I"),
        Node("A", "I", weight=3.0),
        Node("AA", "A"), Node("aa1", "AA", direction=1), Node("aa2", "AA", direction=1),
        Node("aa3", "AA", direction=-1),
        Node("ab", "A", direction=1),
        Node("B", "I", weight=2.0), Node("b", "B", direction=1),
        Node("M", "I", weight=4.0, scale="ratio"), Node("m1", "M", direction=1), Node("m2", "M", direction=1),
        Node("c", "I", weight=1.0, direction=1),
    ),
    weight_sets={"own": {"aa1": 2, "aa2": 1, "aa3": 1}},
)  # fmt: skip
LEAVES = TREE.leaves
Weighter = Callable[[np.ndarray], np.ndarray]


def table(seed: int, units: int = 12, shift: float = 0.0) -> np.ndarray:
    """Return figures with something in common, so that there is a first component."""
    rng = np.random.default_rng(seed)
    common = rng.uniform(5, 15, units)
    turn = np.array([TREE[code].direction or 1 for code in LEAVES])
    return (20 + turn * (common[:, None] + rng.uniform(0, 6, (units, len(LEAVES))) + shift)).round(2)


def facts(values: np.ndarray, units: Sequence[str], **columns: str) -> list[dict[str, Any]]:
    return [
        {"unit": unit, "indicator": code, "source": "s", **columns}
        | (
            {"state": "missing", "value": None}
            if np.isnan(value)
            else {"state": "value", "value": float(value)}
        )
        for unit, row in zip(units, values, strict=True)
        for code, value in zip(LEAVES, row, strict=True)
    ]


def workspace(
    rows: Sequence[Mapping[str, Any]], method: Method, tree: Framework = TREE, **more: Any
) -> cg.Workspace:
    frame = pl.DataFrame(rows, schema_overrides={"value": pl.Float64})
    units = list(dict.fromkeys(frame["unit"]))
    named = pl.DataFrame({"unit": units, "name_zh": units})
    return cg.from_frames(tree, named, frame, method, **more)


def names(count: int) -> list[str]:
    return [f"u{number}" for number in range(count)]


def run(values: np.ndarray, tree: Framework = TREE, **method: Any) -> Result:
    return cg.assess(workspace(facts(values, names(len(values))), Method().replace(**method), tree))


def weighted_mean(row: Sequence[float], weights: Sequence[float]) -> float:
    known = [(x, w) for x, w in zip(row, weights, strict=True) if not np.isnan(x) and w > 0]
    return sum(x * w for x, w in known) / sum(w for _, w in known) if known else float("nan")


def level_by_level(
    normalised: Mapping[str, Sequence[float]], kernel: Weighter
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return shares and scores: each parent weighed by the scores below it, the deepest first."""
    shares, scores = {}, {code: list(column) for code, column in normalised.items()}
    for parent in sorted(TREE.aggregates, key=lambda code: -TREE.levels[code]):
        children = [node.code for node in TREE if node.parent == parent]
        rows = list(zip(*(scores[child] for child in children), strict=True))
        weights = [1.0] if len(children) == 1 else kernel(np.array(rows)).tolist()
        shares |= dict(zip(children, weights, strict=True))
        scores[parent] = [weighted_mean(row, weights) for row in rows]
    return shares, scores


def of_normalised(*results: Result) -> dict[str, list[float]]:
    return {code: [x for r in results for x in r.normalised.column(code)] for code in LEAVES}


def test_every_indicator_counts_the_same_by_count() -> None:
    """By hand: A holds aa1, aa2, aa3 and ab, B one, M is one whatever its measures, c one: 4 : 1 : 1 : 1."""
    result = run(table(1), weights="by_count")
    wanted = {"A": Fraction(4, 7), "B": Fraction(1, 7), "M": Fraction(1, 7), "c": Fraction(1, 7), "b": 1,
              "AA": Fraction(3, 4), "ab": Fraction(1, 4), "aa1": Fraction(1, 3), "aa2": Fraction(1, 3),
              "aa3": Fraction(1, 3), "m1": Fraction(1, 2), "m2": Fraction(1, 2)}  # fmt: skip
    assert result.shares == pytest.approx({code: float(share) for code, share in wanted.items()})
    assert [result.effective_weights[code] for code in TREE.indicators] == pytest.approx([1 / 7] * 7)


def test_by_count_leaves_bonuses_and_what_is_inside_them_out() -> None:
    bonus = (Node("d", "B", role="bonus", points=2.0), Node("d1", "d", direction=1, low=0, high=1))
    nodes = (
        Node("I", points=10.0), Node("A", "I", points=6.0), Node("a1", "A", direction=1),
        Node("a2", "A", direction=1), Node("B", "I", points=4.0), Node("b", "B", direction=1), *bonus,
    )  # fmt: skip
    tree = Framework(nodes)
    rows = [
        {"unit": unit, "indicator": code, "value": 1.0, "source": "s"}
        for unit in "xy"
        for code in ("a1", "a2", "b", "d1")
    ]
    method = Method(weights="by_count").replace(normalise={"how": "goalposts", "low": 0, "high": 1})
    shares = cg.assess(workspace(rows, method, tree)).shares
    assert shares == pytest.approx({"A": 2 / 3, "B": 1 / 3, "a1": 0.5, "a2": 0.5, "b": 1, "d": 0, "d1": 1})


def test_a_set_that_names_some_groups_leaves_the_others_their_default() -> None:
    shares = run(table(1), weights="own").shares
    assert [shares[code] for code in ("aa1", "aa2", "aa3")] == [0.5, 0.25, 0.25]
    assert [shares[code] for code in ("A", "B", "M", "c", "AA", "ab")] == pytest.approx(
        [0.3, 0.2, 0.4, 0.1, 0.5, 0.5]
    )
    equal = run(table(1), weights="equal").shares
    assert [equal[code] for code in ("A", "B", "M", "c")] == [0.25] * 4


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("name", WEIGHTERS)
def test_weights_from_the_scores_are_the_kernels_level_by_level(name: str, gaps: bool) -> None:
    values = table(2, 20)
    if gaps:
        values[np.random.default_rng(3).random(values.shape) < 0.05] = np.nan
    result = run(values, weights=name)
    shares, scores = level_by_level(of_normalised(result), WEIGHTERS[name])
    assert result.shares == pytest.approx(shares, abs=1e-12)
    for code in TREE.aggregates:
        np.testing.assert_allclose(result.aggregated.column(code), scores[code], rtol=1e-9)
    assert result.shares["b"] == 1
    groups = [
        [child for child in TREE.codes[1:] if TREE[child].parent == parent] for parent in TREE.aggregates
    ]
    assert [sum(result.shares[child] for child in group) for group in groups] == pytest.approx([1] * 5)


@pytest.mark.parametrize("name", ["default", "by_count", "own", "critic"])
def test_the_weights_in_the_results_add_to_1_and_give_the_index(name: str, tmp_path: Path) -> None:
    result = run(table(4), weights=name)
    write_results(result, tmp_path / "results", [])
    written = pl.read_csv(tmp_path / "results/effective_weights.csv")
    effective = dict(written.select("code", "effective_weight").iter_rows())
    leaves = [effective[code] for code in LEAVES]
    assert sum(leaves) == pytest.approx(1)
    normalised = np.column_stack([result.normalised.column(code) for code in LEAVES])
    np.testing.assert_allclose(normalised @ np.array(leaves), result.index, rtol=1e-9)
    assert effective == pytest.approx(result.effective_weights)


PANEL = {"2021": table(5), "2022": table(6, shift=2.0), "2023": table(7, shift=4.0)}


def panel_of(**method: Any) -> cg.Workspace:
    rows = [row for year, values in PANEL.items() for row in facts(values, names(12), period=year)]
    return workspace(rows, Method().replace(**method))


@pytest.mark.parametrize("name", ["entropy", "critic", "pca"])
def test_all_periods_share_one_set_of_weights(name: str) -> None:
    panel = assess_panel(panel_of(weights=name))
    shares, scores = level_by_level(of_normalised(*panel.results.values()), WEIGHTERS[name])
    for number, result in enumerate(panel.results.values()):
        assert result.shares == pytest.approx(shares, abs=1e-12)
        np.testing.assert_allclose(result.index, scores["I"][12 * number : 12 * (number + 1)], rtol=1e-9)
    assert run(PANEL["2021"], weights=name).shares != pytest.approx(shares, abs=1e-3)


def test_weights_of_a_panel_come_from_the_scores_of_each_period_that_compares_its_units() -> None:
    """Pillars by TOPSIS are relative to the units of a period; the weights above them should be theirs."""
    aggregate = {"by": {code: {"how": "topsis"} for code in ("AA", "A", "M")}}
    panel = assess_panel(panel_of(weights="critic", aggregate=aggregate))
    pillars = np.concatenate(
        [
            np.column_stack([result.aggregated.column(code) for code in ("A", "B", "M", "c")])
            for result in panel.results.values()
        ]
    )
    own = [panel.last.shares[code] for code in ("A", "B", "M", "c")]
    np.testing.assert_allclose(own, WEIGHTERS["critic"](pillars), rtol=1e-9)


INSIDE = """\
code,parent,level,name_zh,name_en,weight,direction,unit,low,high
I,,0,指数,Index,,,,,
P,I,1,甲,P,,,,,
Q,I,1,乙,Q,,,,,
a,P,2,甲一,a,,1,%,0,100
b,P,2,甲二,b,,1,%,0,100
c,Q,2,乙一,c,,1,%,0,100
"""


def test_all_strata_share_one_set_of_weights(workspace: Callable[..., Path]) -> None:
    rng = np.random.default_rng(1)
    subjects, rows = ["subject,unit,kind,parent,event"], ["unit,indicator,value,subject"]
    for unit in "123":
        for event in ("Birth", "Work"):
            subjects.append(f"s{unit}{event},{unit},site,,{event}")
            rows += [f"{unit},{code},{rng.integers(1, 100)},s{unit}{event}" for code in "abc"]
    folder = workspace(
        framework__csv=INSIDE,
        framework__toml='strata = "event"\n',
        rollups__csv="code,kind,to,how\n" + "".join(f"{code},site,unit,mean\n" for code in "abc"),
        subjects__csv="\n".join(subjects) + "\n",
        observations__csv="\n".join(rows) + "\n",
        method__toml='weights = "entropy"\n[normalise]\nhow = "goalposts"\n',
    )
    result = cg.assess(cg.open(folder))
    assert list(result.strata) == ["Birth", "Work"]
    tables = [stratum.normalised for stratum in result.strata.values()]
    stacked = {code: np.concatenate([table.column(code) for table in tables]) for code in "abc"}
    ab = WEIGHTERS["entropy"](np.column_stack([stacked["a"], stacked["b"]]))
    p = np.column_stack([stacked["a"], stacked["b"]]) @ ab
    pq = WEIGHTERS["entropy"](np.column_stack([p, stacked["c"]]))
    wanted = {"a": ab[0], "b": ab[1], "c": 1.0, "P": pq[0], "Q": pq[1]}
    assert result.shares == pytest.approx(wanted, rel=1e-9)
    index = p * pq[0] + stacked["c"] * pq[1]
    np.testing.assert_allclose(result.index, (index[:3] + index[3:]) / 2, rtol=1e-9)


def errors(**given: Any) -> list[Any]:
    with pytest.raises(cg.InputError) as caught:
        run(given.pop("values", table(1)), given.pop("tree", TREE), **given)
    return [problem for problem in caught.value.problems if problem.severity == "error"]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    (problem,) = errors(weights="entropie")
    assert problem.code == "method.unknown-weights"
    assert set(problem.values["known"]) == {"default", "equal", "by_count", "own", *WEIGHTERS}
    for language in ("en", "zh"):
        assert "entropie" in problem.message(language)


def test_scores_that_give_no_weights_are_refused_with_the_parent_and_the_children() -> None:
    (negative,) = [
        p for p in errors(weights="entropy", normalise={"how": "zscore"}) if p.values["parent"] == "AA"
    ]
    assert (negative.code, negative.values["codes"]) == ("importance.negative-values", ["aa1", "aa2", "aa3"])
    against = table(2, 20)
    against[:, LEAVES.index("aa1")] = 60 - against[:, LEAVES.index("aa1")]
    found = [(p.code, p.values["parent"], p.values["codes"]) for p in errors(values=against, weights="pca")]
    assert ("importance.negative-loadings", "AA", ["aa1"]) in found
    few = {p.code for p in errors(values=table(1, 2), weights="pca")}
    assert few == {"importance.too-few-units"}


def test_a_column_without_spread_has_no_weight_by_entropy_and_drops_out() -> None:
    values = table(9)
    values[:, LEAVES.index("aa2")] = 7.0
    result = run(values, weights="entropy", normalise={"how": "goalposts", "low": 0, "high": 60})
    assert result.shares["aa2"] == 0
    assert result.shares["aa1"] + result.shares["aa3"] == pytest.approx(1)
