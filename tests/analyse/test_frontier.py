"""Envelopment against a textbook, pencil and paper, the dual programs, and what must hold for any figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

import citygauge as cg
from citygauge.analyse.frontier import RETURNS, efficiency, envelopment, scale_efficiency
from citygauge.problems import InputError

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
LAYERS = {"input": ["R", "T"], "output": ["A"], "effect": ["S"]}
FIGURES = st.integers(1, 9).map(float)
SIZES = st.tuples(st.integers(1, 7), st.integers(1, 2), st.integers(1, 2))


@st.composite
def activities(draw):
    n, m, s = draw(SIZES)
    return draw(arrays(float, (n, m), elements=FIGURES)), draw(arrays(float, (n, s), elements=FIGURES))


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_the_eight_stores_of_the_textbook_have_their_printed_efficiencies():
    """Cooper, Seiford and Tone, Data Envelopment Analysis, tables 1.1 and 1.2: sales per employee."""
    found = envelopment(column(2, 3, 3, 4, 5, 5, 6, 8), column(1, 3, 2, 3, 4, 2, 3, 5))
    assert found.efficiency.round(3).tolist() == [0.5, 1, 0.667, 0.75, 0.8, 0.4, 0.5, 0.625]
    assert found.efficient.tolist() == [False, True, *[False] * 6]
    assert (found.lambdas[:, 1] > 0).all()


def test_two_inputs_by_hand_with_a_unit_that_wastes_one_of_them():
    """A is behind the line x₁ + x₂ = 6 of D and E, B behind x₁ + 4 x₂ = 12 of C and D, F behind C alone."""
    # Cooper, Seiford and Tone, example 2.2, prints 0.8571 and 0.6316.
    x = np.array([[4.0, 3], [7, 3], [8, 1], [4, 2], [2, 4], [10, 1]])
    found = envelopment(x, np.ones((6, 1)))
    assert found.efficiency == pytest.approx([6 / 7, 12 / 19, 1, 1, 1, 1])
    assert found.efficient.tolist() == [False, False, True, True, True, False]
    # The mix for A uses 4 λD + 2 λE = 4 and 2 λD + 4 λE = 3.
    assert found.lambdas[0] == pytest.approx([0, 0, 0, 5 / 6, 1 / 3, 0])
    assert found.lambdas[5] == pytest.approx([0, 0, 1, 0, 0, 0])


def test_variable_returns_by_hand():
    """The frontier runs through (1, 1), (2, 4) and (4, 5): 5 at x = 4, and 4.5 at x = 3."""
    x, y = column(1, 2, 4, 4, 3), column(1, 4, 5, 3, 2)
    found = envelopment(x, y, "variable")
    assert found.efficiency == pytest.approx([1, 1, 1, 3 / 5, 2 / 4.5])
    assert found.lambdas[4] == pytest.approx([0, 0.5, 0.5, 0, 0])
    constant = envelopment(x, y).efficiency
    assert constant == pytest.approx([1 / 2, 1, 5 / 8, 3 / 8, 1 / 3])
    want = [1 / 2, 1, 5 / 8, 5 / 8, 3 / 4]
    assert scale_efficiency(constant, found.efficiency) == pytest.approx(want)


@given(activities())
@settings(max_examples=30, deadline=None)
def test_one_input_and_one_output_under_constant_returns_are_a_ratio(pair):
    x, y = pair[0][:, :1], pair[1][:, :1]
    ratio = (y / x).ravel()
    assert envelopment(x, y).efficiency == pytest.approx(ratio / ratio.max(), abs=1e-7)


def test_a_very_small_unit_is_measured_as_well_as_a_large_one():
    x, y = column(1e-7, 3e-7, 1.0, 1e5), column(1e-7, 1e-7, 0.25, 7e4)
    assert envelopment(x, y).efficiency == pytest.approx([1, 1 / 3, 0.25, 0.7], rel=1e-9)


def dual(x: np.ndarray, y: np.ndarray, unit: int, returns: str) -> float:
    """The multiplier form: the least v·x + w of a unit with u·y = 1 where no unit has u·y > v·x + w."""
    m, s = x.shape[1], y.shape[1]
    free = (None, None) if returns == "variable" else (0, 0)
    solution = linprog(
        [*x[unit], *np.zeros(s), 1.0],
        A_ub=np.column_stack([-x, y, -np.ones(len(x))]), b_ub=np.zeros(len(x)),
        A_eq=[[*np.zeros(m), *y[unit], 0.0]], b_eq=[1.0],
        bounds=[(0, None)] * (m + s) + [free],
    )  # fmt: skip
    assert solution.status == 0
    return 1 / solution.fun


@given(activities(), st.sampled_from(RETURNS))
@settings(max_examples=40, deadline=None)
def test_the_dual_programs_find_the_same(pair, returns):
    want = [dual(*pair, unit, returns) for unit in range(len(pair[0]))]
    assert envelopment(*pair, returns).efficiency == pytest.approx(want, abs=1e-6)


@given(activities(), st.sampled_from(RETURNS))
@settings(max_examples=40, deadline=None)
def test_the_mix_reaches_what_the_efficiency_promises(pair, returns):
    x, y = pair
    found = envelopment(x, y, returns)
    assert ((found.efficiency > 0) & (found.efficiency <= 1)).all()
    assert (found.lambdas >= 0).all()
    assert (found.lambdas @ x <= x + 1e-6).all()
    assert (found.lambdas @ y >= y / found.efficiency[:, None] - 1e-6).all()
    if returns == "variable":
        assert found.lambdas.sum(axis=1) == pytest.approx(np.ones(len(x)))
    assert found.efficient.any()
    used = (found.lambdas > 0).any(axis=0)
    assert (found.efficiency[used] == 1).all()
    assert (found.efficiency[found.efficient] == 1).all()


@given(activities())
@settings(max_examples=30, deadline=None)
def test_variable_returns_are_kinder_and_units_of_measure_do_not_matter(pair):
    x, y = pair
    constant, variable = (envelopment(x, y, returns) for returns in RETURNS)
    assert (variable.efficiency >= constant.efficiency - 1e-9).all()
    scales = np.array([1e-3, 1e4])
    for returns, found in zip(RETURNS, (constant, variable), strict=True):
        other = envelopment(x * scales[: x.shape[1]], y * scales[::-1][: y.shape[1]], returns)
        assert other.efficiency == pytest.approx(found.efficiency, abs=1e-7)
        assert other.efficient.tolist() == found.efficient.tolist()
    # Ali and Seiford 1990: under variable returns the inputs may be moved as well.
    moved = envelopment(x + 5, y, "variable")
    assert moved.efficiency == pytest.approx(variable.efficiency, abs=1e-7)


@given(activities(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_order_does_not_matter_and_another_unit_makes_nobody_better(pair, random):
    x, y = pair
    order = list(range(len(x)))
    random.shuffle(order)
    found = envelopment(x, y).efficiency
    assert envelopment(x[order], y[order]).efficiency == pytest.approx(found[order], abs=1e-7)
    if len(x) > 1:
        assert (envelopment(x[1:], y[1:]).efficiency >= found[1:] - 1e-7).all()


def test_a_unit_with_a_gap_is_left_out_of_everything():
    x = np.array([[1.0], [2.0], [np.nan], [4.0]])
    y = np.array([[1.0], [np.nan], [100.0], [2.0]])
    found = envelopment(x, y)
    assert np.isnan(found.efficiency).tolist() == [False, True, True, False]
    assert found.efficiency[[0, 3]] == pytest.approx([1, 0.5])
    assert np.isnan(found.lambdas[[1, 2]]).all()
    assert (found.lambdas[[0, 3]][:, [1, 2]] == 0).all()
    assert found.efficient.tolist() == [True, False, False, False]
    nothing = envelopment(np.full((3, 1), np.nan), y[:3])
    assert np.isnan(nothing.efficiency).all()
    assert envelopment(np.empty((0, 1)), np.empty((0, 2))).efficiency.size == 0


@pytest.mark.parametrize("returns", RETURNS)
def test_one_unit_and_equal_units_are_on_the_frontier(returns):
    alone = envelopment(column(3), column(2), returns)
    assert (alone.efficiency.tolist(), alone.lambdas.tolist()) == ([1.0], [[1.0]])
    equal = envelopment(np.full((4, 2), 0.1), np.full((4, 1), 0.3), returns)
    assert equal.efficiency.tolist() == [1.0] * 4
    assert equal.lambdas.tolist() == np.eye(4).tolist()


@pytest.mark.parametrize("returns", RETURNS)
def test_a_unit_without_outputs_has_efficiency_0_and_no_mix(returns):
    found = envelopment(column(1, 2, 3), np.array([[0.0, 0], [1, 0], [3, 0]]), returns)
    assert found.efficiency[0] == 0
    assert (found.lambdas[0] == 0).all()
    assert found.efficiency[2] == 1
    none = envelopment(column(1, 2), np.zeros((2, 1)), returns)
    assert none.efficiency.tolist() == [0, 0]
    assert np.isnan(scale_efficiency(none.efficiency, none.efficiency)).all()


@pytest.mark.parametrize(
    ("x", "y", "returns", "said"),
    [
        (column(1, 0), column(1, 1), "constant", r"inputs are above 0: rows \[1\]"),
        (column(1, 1), column(-1, 1), "constant", r"outputs are not below 0: rows \[0\]"),
        (column(1, np.inf), column(1, 1), "constant", "finite"),
        (column(1, 1), column(1), "constant", "a row for each unit"),
        (np.empty((2, 0)), column(1, 1), "constant", "at least one input"),
        (column(1, 1), column(1, 1), "rising", "returns to scale"),
    ],
)
def test_figures_that_are_none_are_refused(x, y, returns, said):
    with pytest.raises(ValueError, match=said):
        envelopment(x, y, returns)


TREE = (
    "code,parent,level,name_en,direction,low,high\nI,,0,Index,,,\n"
    "R,I,1,R,1,0,100\nT,I,1,T,1,0,100\nA,I,1,A,1,0,100\nS,I,1,S,1,0,100\n"
)
# R = T, so that the efficiencies are those of one input, and A against it is the case by hand.
VALUES = {
    "u1": (10, 10, 10, 50), "u2": (20, 20, 40, 20), "u3": (40, 40, 50, 10), "u4": (40, 40, 30, 30),
    "u5": (30, 30, 20, None),
}  # fmt: skip


@pytest.fixture
def assessed(workspace: Callable[..., Path]) -> Callable[..., cg.Result]:
    def make(values: dict[str, tuple[float | None, ...]] = VALUES, **files: str) -> cg.Result:
        units = "unit,name_zh,name_en\n" + "".join(f"{u},{u}市,{u}\n" for u in values)
        facts = "unit,indicator,value\n" + "".join(
            f"{u},{code},{'' if x is None else x}\n"
            for u, row in values.items()
            for code, x in zip("RTAS", row, strict=True)
        )
        texts = {"framework__csv": TREE, "units__csv": units, "observations__csv": facts} | files
        return cg.assess(cg.open(workspace(**texts)))

    return make


def test_each_unit_has_its_efficiency_and_peers_at_each_step(assessed):
    frame = efficiency(assessed(), LAYERS)
    assert frame.columns == [
        "unit_code", "step", "efficiency_constant", "efficiency_variable", "scale_efficiency", "on_frontier",
        "n_peers", "peers",
    ]  # fmt: skip
    assert frame["step"].unique(maintain_order=True).to_list() == [
        "input→output",
        "output→effect",
        "input→effect",
    ]
    first = frame.filter(step="input→output")
    assert first["unit_code"].to_list() == list(VALUES)
    assert first["efficiency_constant"].to_list() == [
        pytest.approx(x) for x in (1 / 2, 1, 5 / 8, 3 / 8, 1 / 3)
    ]
    assert first["efficiency_variable"].to_list() == [pytest.approx(x) for x in (1, 1, 1, 3 / 5, 2 / 4.5)]
    assert first["scale_efficiency"].to_list() == [pytest.approx(x) for x in (1 / 2, 1, 5 / 8, 5 / 8, 3 / 4)]
    assert first["on_frontier"].to_list() == [True, True, True, False, False]
    assert first.select("n_peers", "peers").rows() == [(0, None)] * 3 + [(1, "u3"), (2, "u2;u3")]
    # The effect of u1 is the largest and its input and output the smallest: u1 is the peer of all others.
    last = frame.filter(step="input→effect")
    assert last["peers"].to_list() == [None, "u1", "u1", "u1", None]
    assert last.row(4)[2:] == (None,) * 6


def test_steps_are_chosen_by_their_ends(assessed):
    result = assessed()
    only = efficiency(result, LAYERS, source="input", target="effect")
    assert only["step"].unique().to_list() == ["input→effect"]
    assert only.equals(efficiency(result, LAYERS).filter(step="input→effect"))
    assert efficiency(result, LAYERS, target="effect").height == 10
    for source, target in (("effect", None), ("output", "output"), ("money", "effect")):
        with pytest.raises(InputError) as caught:
            efficiency(result, LAYERS, source, target)
        assert [problem.code for problem in caught.value.problems] == ["analyse.unknown-choice"]


def test_scores_that_no_ratio_can_be_taken_of_are_refused_with_the_units(assessed):
    result = assessed(VALUES | {"u2": (0, 20, 40, 20), "u3": (40, 0, 0, 10), "u4": (0, 40, 30, 0)})
    with pytest.raises(InputError) as caught:
        efficiency(result, LAYERS)
    told = [(p.code, p.values["code"], p.values["units"]) for p in caught.value.problems]
    assert told == [
        ("analyse.not-positive", "R", ["u2", "u4"]),
        ("analyse.not-positive", "T", ["u3"]),
        ("analyse.not-positive", "A", ["u3"]),
    ]
    # A is no input of the step that is left, and 0 may come out.
    fine = assessed(VALUES | {"u3": (40, 40, 0, 0)})
    assert efficiency(fine, LAYERS, target="output")["efficiency_constant"][2] == 0
    turned = '[normalise]\nhow = "zscore"\n'
    with pytest.raises(InputError) as caught:
        efficiency(assessed(method__toml=turned), LAYERS, "input", "effect")
    assert [p.code for p in caught.value.problems] == ["analyse.not-positive"] * 2 + [
        "analyse.negative-output"
    ]


def test_illustrative_peers_bear_neutral_names_too(assessed):
    frame = efficiency(assessed(assessment__toml=ILLUSTRATIVE), LAYERS, "input", "output")
    assert frame["unit_code"].to_list() == [f"示意城市 {i:02d}" for i in range(1, 6)]
    assert frame["notice"].null_count() == 0
    names = {name for row in frame["peers"].drop_nulls() for name in row.split(";")}
    assert names <= set(frame["unit_code"])
    with pytest.raises(InputError) as caught:
        efficiency(assessed(VALUES | {"u2": (0, 20, 40, 20)}, assessment__toml=ILLUSTRATIVE), LAYERS)
    assert all(unit.startswith("示意城市") for p in caught.value.problems for unit in p.values["units"])
