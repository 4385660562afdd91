"""Layers of an index by hand: their means, spread and ranks, and how they go together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr

import citygauge as cg
from citygauge.analyse.layers import layer_means, layer_paths, layer_scores, layer_statistics
from citygauge.problems import InputError

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
LAYERS = {"input": ["R", "T"], "output": ["A", "M"], "effect": ["S"]}
TREE = (
    "code,parent,level,name_en,weight,role,direction,low,high,points\nI,,0,Index,,,,,,\n"
    "S,I,1,S,0.30,,1,0,100,\nM,I,1,M,0.20,,1,0,100,\nA,I,1,A,0.25,,1,0,100,\n"
    "R,I,1,R,0.15,,,,,\nr,R,2,r,,,1,0,100,\nT,I,1,T,0.10,,1,0,100,\n"
)
VALUES = {  # S, M, A, r, T of five cities; the last one lacks T
    "u1": (90, 50, 80, 60, 10),
    "u2": (40, 60, 30, 20, 40),
    "u3": (70, 80, 40, 60, 10),
    "u4": (20, 10, 10, 30, 5),
    "u5": (55, 45, 35, 25, None),
}


@pytest.fixture
def assessed(workspace: Callable[..., Path]) -> Callable[..., cg.Result]:
    def make(values: dict[str, tuple[float | None, ...]] = VALUES, **files: str) -> cg.Result:
        units = "unit,name_zh,name_en\n" + "".join(f"{u},{u}市,{u}\n" for u in values)
        facts = "unit,indicator,value\n" + "".join(
            f"{u},{code},{'' if x is None else x}\n"
            for u, row in values.items()
            for code, x in zip("SMArT", row, strict=True)
        )
        texts = {"framework__csv": TREE, "units__csv": units, "observations__csv": facts} | files
        return cg.assess(cg.open(workspace(**texts)))

    return make


def test_a_layer_is_the_mean_of_its_pillars_by_their_weights_in_the_index(assessed):
    frame = layer_scores(assessed(), LAYERS)
    assert frame.columns == ["unit_code", "layer", "value", "rank"]
    assert frame["layer"].to_list() == ["input", "output", "effect"] * 5
    assert frame["unit_code"].to_list() == [u for u in VALUES for _ in range(3)]
    # input = 0.6 R + 0.4 T, output = (0.25 A + 0.20 M) / 0.45
    assert frame.filter(layer="input")["value"].to_list() == [
        pytest.approx(0.40), pytest.approx(0.28), pytest.approx(0.40), pytest.approx(0.20), None,
    ]  # fmt: skip
    assert frame.filter(layer="output")["value"][0] == pytest.approx((0.25 * 0.8 + 0.2 * 0.5) / 0.45)
    assert frame.filter(layer="input")["rank"].to_list() == [1, 3, 1, 4, None]
    assert frame.filter(layer="effect")["rank"].to_list() == [1, 4, 2, 5, 3]


def test_a_layer_of_all_pillars_but_the_rest_is_the_index(assessed):
    """The three layers, weighted by what their pillars weigh together, are the index again."""
    result = assessed()
    frame = layer_scores(result, LAYERS)
    parts = [frame.filter(layer=name)["value"].to_numpy() for name in ("input", "output", "effect")]
    assert (0.25 * parts[0] + 0.45 * parts[1] + 0.30 * parts[2])[:4] == pytest.approx(result.index[:4])


def test_statistics_of_layers_are_those_of_the_known_values(assessed):
    row = layer_statistics(assessed(), LAYERS).row(0, named=True)
    assert (row["layer"], row["n"]) == ("input", 4)
    assert row["mean"] == pytest.approx(0.32)
    assert row["sd"] == pytest.approx((0.0288 / 3) ** 0.5)  # 2 · 0.08² + 0.04² + 0.12²
    assert (row["min"], row["max"]) == (pytest.approx(0.2), pytest.approx(0.4))


def test_one_unit_has_a_mean_and_no_spread(assessed):
    row = layer_statistics(assessed({"u1": VALUES["u1"]}), LAYERS).row(0)
    assert row == ("input", 1, pytest.approx(0.4), None, pytest.approx(0.4), pytest.approx(0.4))
    assert layer_paths(assessed({"u1": VALUES["u1"]}), LAYERS)["pearson"].to_list() == [None] * 3


def test_a_layer_that_nobody_has_is_empty(assessed):
    gone = {u: (*row[:4], None) for u, row in VALUES.items()}
    result = assessed(gone)
    assert layer_statistics(result, LAYERS).row(0) == ("input", 0, None, None, None, None)
    assert layer_scores(result, LAYERS).filter(layer="input")["rank"].to_list() == [None] * 5
    paths = layer_paths(result, LAYERS)
    assert paths["n"].to_list() == [0, 5, 0]
    assert paths["pearson"].is_null().to_list() == [True, False, True]
    assert paths["partial"].to_list() == [None] * 3


def test_paths_are_the_correlations_of_the_layers(assessed):
    result = assessed()
    frame, paths = layer_scores(result, LAYERS), layer_paths(result, LAYERS)
    x, m, y = (frame.filter(layer=name)["value"].to_numpy() for name in ("input", "output", "effect"))
    assert paths.select("start", "end", "n").rows() == [
        ("input", "output", 4), ("output", "effect", 5), ("input", "effect", 4),
    ]  # fmt: skip
    for row, (one, other) in zip(paths.to_dicts(), ((x[:4], m[:4]), (m, y), (x[:4], y[:4])), strict=True):
        want = pearsonr(one, other)
        assert (row["pearson"], row["p"]) == (pytest.approx(want.statistic), pytest.approx(want.pvalue))
        assert (row["pearson_low"], row["pearson_high"]) == tuple(
            map(pytest.approx, want.confidence_interval())
        )
    assert paths["partial_of"].to_list() == [None, None, "output"]
    left = [v[:4] - np.polyval(np.polyfit(m[:4], v[:4], 1), m[:4]) for v in (x, y)]
    assert paths["partial"].to_list() == [None, None, pytest.approx(pearsonr(*left).statistic)]


def test_a_layer_without_spread_goes_with_nothing(assessed):
    same = {u: (50, *row[1:]) for u, row in VALUES.items()}
    paths = layer_paths(assessed(same), LAYERS)
    assert paths["pearson"].is_null().to_list() == [False, True, True]
    assert paths["partial"].to_list() == [None] * 3


def test_all_that_is_wrong_with_layers_is_said_at_once(assessed):
    wrong = {"input": ["R", "T", "R"], "output": ["r", "Q", "T"], "outcome": ["S"]}
    with pytest.raises(InputError) as caught:
        layer_scores(assessed(), wrong)
    told = [(problem.code, problem.values) for problem in caught.value.problems]
    assert [code for code, _ in told] == [
        "analyse.unknown-choice", "analyse.layer-empty", "analyse.layer-twice", "analyse.layer-twice",
        "analyse.not-a-pillar", "compare.unknown-node",
    ]  # fmt: skip
    assert told[0][1]["value"] == "outcome"
    assert told[1][1]["layer"] == "effect"
    assert told[2][1] == {"code": "R", "layers": ["input", "input"]}
    assert told[3][1] == {"code": "T", "layers": ["input", "output"]}
    assert told[4][1]["code"] == "r"
    assert told[5][1]["code"] == "Q"


def test_the_index_and_a_deduction_are_no_pillars(assessed):
    result = assessed(
        framework__csv=TREE.replace("Index,,,,,,", "Index,,,,,,100") + "X,I,1,X,,deduction,-1,0,100,5\n"
    )
    with pytest.raises(InputError) as caught:
        layer_scores(result, LAYERS | {"effect": ["S", "X", "I"]})
    assert [(p.code, p.values["code"]) for p in caught.value.problems] == [
        ("analyse.not-a-pillar", "X"), ("analyse.not-a-pillar", "I"),
    ]  # fmt: skip


def test_illustrative_units_stand_under_neutral_names_in_their_order(assessed):
    frame = layer_scores(assessed(assessment__toml=ILLUSTRATIVE), LAYERS)
    assert frame["unit_code"].to_list() == [f"示意城市 {i:02d}" for i in range(1, 6) for _ in range(3)]
    assert frame["notice"].null_count() == 0
    # The best city of the index is u1 and the last one u4, whatever their rows in the file.
    assert frame.filter(layer="effect")["value"].to_list()[::4] == [pytest.approx(0.9), pytest.approx(0.2)]


def test_statistics_of_two_illustrative_units_are_hidden(assessed):
    two = dict(list(VALUES.items())[:2])
    hidden = layer_statistics(assessed(two, assessment__toml=ILLUSTRATIVE), LAYERS)
    assert hidden["n"].to_list() == [2, 2, 2]
    for name in ("mean", "sd", "min", "max"):
        assert hidden[name].to_list() == [None] * 3
    three = dict(list(VALUES.items())[:3])
    assert layer_statistics(assessed(three, assessment__toml=ILLUSTRATIVE), LAYERS)["mean"].null_count() == 0
    assert layer_statistics(assessed(two), LAYERS)["mean"].null_count() == 0


def test_a_pillar_without_weight_has_no_influence():
    values = np.array([[1.0, np.nan], [3.0, 9.0]])
    assert layer_means(values, np.array([2.0, 0.0])).tolist() == [1.0, 3.0]
    assert np.isnan(layer_means(values, np.zeros(2))).all()
    assert np.isnan(layer_means(values, np.ones(2))).tolist() == [True, False]
