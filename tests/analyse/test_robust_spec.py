"""What may vary, as plain data: every rule, all faults of a file at once, and the way back from TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import citygauge as cg
from citygauge.analyse.robust.noise import NoiseSettings
from citygauge.analyse.robust.robustness import own_spec
from citygauge.analyse.robust.spec import (
    Factor,
    LeaveOut,
    Spec,
    WeightDraws,
    default_spec,
    read_spec,
    with_factors,
)
from citygauge.framework.model import Framework, Node
from citygauge.problems import Problems
from citygauge.report.robust_files import spec_text

SHARE = {"weights": {"share": 0.2}}
KINDS = {
    "key": {"key": "normalise.how", "values": ["minmax", "zscore"]},
    "weights": SHARE,
    "leave_out": {"leave_out": {"level": 1}},
    "edges": {"edges": 0.05},
    "draws": {"draws": 5},
    "data": {"data": {"relative": 0.1}},
}
FAULTY = """\
n = 0
seeds = 3
top = 2.5
impossible = "skip"
[[factor]]
weights = {share = 2}
[[factor]]
weights = {share = 0.1, sets = "s.csv"}
[[factor]]
leave_out = {}
[[factor]]
key = "normalise.how"
valus = ["a", "b"]
"""


def told(call):
    """Return what pydantic finds wrong, as text."""
    with pytest.raises(ValidationError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_factor_stands_alone_and_is_named_by_itself(kind):
    factor = Factor(**KINDS[kind])
    assert factor.kind == kind
    assert factor.name == (factor.key or kind)


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_two_kinds_in_one_factor_are_refused(one, other):
    if one != other:
        assert "a factor is one of" in told(lambda: Factor(**{**KINDS[one], **KINDS[other]}))


def test_a_factor_of_no_kind_is_refused():
    assert "a factor is one of" in told(Factor)
    assert "a factor is one of" in told(lambda: Factor(name="x", values=(1, 2)))


@pytest.mark.parametrize("values", [(), (1,)])
def test_a_key_needs_two_values(values):
    assert "at least two" in told(lambda: Factor(key="treat.max_points", values=values))


def test_values_beside_another_kind_need_a_key():
    assert "values needs a key" in told(lambda: Factor(**SHARE, values=(1, 2)))


@pytest.mark.parametrize("odds", [(1,), (1, 2, 3), (1, 0), (1, -1)])
def test_odds_are_a_share_above_0_for_each_of_the_values(odds):
    assert "odds needs" in told(lambda: Factor(**KINDS["key"], odds=odds))


def test_odds_without_values_are_refused():
    assert "odds needs" in told(lambda: Factor(**SHARE, odds=(1, 2)))


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"share": 0.1, "concentration": 9},
        {"share": 0.1, "sets": "s.csv"},
        {"concentration": 9, "sets": "s"},
    ],
)
def test_weights_are_drawn_in_one_way(rule):
    assert "give one of" in told(lambda: WeightDraws(**rule))


@pytest.mark.parametrize("more", [{"levels": (1,)}, {"codes": ("P",)}])
def test_sets_hold_the_weights_of_all_nodes(more):
    assert "all nodes" in told(lambda: WeightDraws(sets="s.csv", **more))
    assert WeightDraws(share=0.1, **more)


def test_levels_and_codes_exclude_each_other():
    assert "not both" in told(lambda: WeightDraws(share=0.1, levels=(1,), codes=("P",)))


@pytest.mark.parametrize("rule", [{"share": 0}, {"share": 1.01}, {"concentration": 0}, {"sets": ""},
                                  {"share": float("nan")}])  # fmt: skip
def test_draws_of_weights_stay_inside_their_limits(rule):
    told(lambda: WeightDraws(**rule))


@pytest.mark.parametrize("rule", [{}, {"level": 1, "codes": ("P",)}, {"level": 0}])
def test_what_is_left_out_is_a_level_or_codes(rule):
    told(lambda: LeaveOut(**rule))


@pytest.mark.parametrize("kind", ["leave_out", "edges", "draws", "data"])
def test_there_is_one_factor_of_these_kinds(kind):
    two = [{"name": "one", **KINDS[kind]}, {"name": "two", **KINDS[kind]}]
    assert f"one factor of {kind}" in told(lambda: Spec(factor=two))


def test_several_factors_on_weights_need_names_of_their_own():
    assert "names of their own: weights" in told(lambda: Spec(factor=[SHARE, SHARE]))
    assert Spec(factor=[SHARE, {"name": "other", **SHARE}])


def test_a_setting_varied_by_two_factors_is_refused():
    """The second would take the place of the first, which would then have no effect, unseen."""
    two = [{"name": name, **KINDS["key"]} for name in ("one", "two")]
    assert "a setting can be one factor: normalise.how" in told(lambda: Spec(factor=two))


def test_sets_of_weights_are_one_factor():
    sets = {"weights": {"sets": "s.csv"}}
    named = {"name": "other", "key": "weights", "values": ["default", "equal"]}
    assert "sets of weights can be one" in told(lambda: Spec(factor=[sets, named]))
    assert Spec(factor=[named, SHARE])


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 10**9 + 1}, {"seed": -1}, {"seed": 2**63}, {"samples": -1},
                                   {"top": 0}, {"impossible": "skip"}])  # fmt: skip
def test_numbers_of_a_specification_stay_inside_their_limits(wrong):
    told(lambda: Spec(**wrong))


def test_a_file_has_all_its_faults_told_at_once_in_both_languages(tmp_path: Path) -> None:
    path, problems = tmp_path / "robust.toml", Problems()
    path.write_text(FAULTY, encoding="utf-8")
    assert read_spec(path, problems) is None
    where = {problem.where.column: problem for problem in problems.errors}
    assert {name: problem.code for name, problem in where.items()} == {
        "n": "robust.bad-value",
        "seeds": "robust.unknown-key",
        "top": "robust.bad-value",
        "impossible": "robust.bad-value",
        "factor[1].weights.share": "robust.bad-value",
        "factor[2].weights": "robust.bad-value",
        "factor[3].leave_out": "robust.bad-value",
        "factor[4].valus": "robust.unknown-key",
    }
    assert all(problem.where.file == "robust.toml" for problem in problems.errors)
    said = where["factor[2].weights"]
    assert "give one of share, concentration and sets" in said.text("en")
    assert "应从 share、concentration、sets 中给出一项" in said.text("zh")
    assert "give one of" not in said.text("zh")
    assert "seed" in where["seeds"].text("zh")
    assert "values" in where["factor[4].valus"].text("en")


def test_rules_across_factors_are_told_in_both_languages(tmp_path: Path) -> None:
    path, problems = tmp_path / "robust.toml", Problems()
    path.write_text("[[factor]]\nweights = {share = 0.1}\n" * 2, encoding="utf-8")
    assert read_spec(path, problems) is None
    (problem,) = problems.errors
    assert problem.code == "robust.bad-value"
    assert "names of their own: weights" in problem.text("en")
    assert "因素的名称重复：weights" in problem.text("zh")


def test_a_file_that_is_no_toml_or_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    path, problems = tmp_path / "robust.toml", Problems()
    assert read_spec(path, problems) is None
    path.write_text("n = \n", encoding="utf-8")
    assert read_spec(path, problems) is None
    path.write_bytes(b"\xff")
    assert read_spec(path, problems) is None
    assert [problem.code for problem in problems] == ["file.not-found", "file.not-toml", "file.not-toml"]


FACTORS = st.lists(st.sampled_from(list(KINDS)), unique=True, min_size=1)


@given(
    FACTORS, st.integers(1, 10**9), st.integers(0, 2**63 - 1), st.integers(0, 10**6), st.integers(1, 99),
    st.sampled_from(["refuse", "leave_out"]),
)  # fmt: skip
def test_what_is_written_reads_back_to_the_same_hash(kinds, n, seed, samples, top, impossible):
    spec = Spec(
        n=n,
        seed=seed,
        samples=samples,
        top=top,
        impossible=impossible,
        factor=[KINDS[kind] for kind in kinds],
    )
    assert round_trip(spec).hash == spec.hash


@pytest.mark.parametrize(
    "factor",
    [
        {"key": "normalise", "values": [{"how": "minmax", "low": 1.0}, {"how": "zscore"}], "odds": [1, 2.5]},
        {"key": "treat.exclude", "values": [["a"], []]},
        {"name": "名称 “x”", "weights": {"concentration": 12.5, "codes": ["P", "Q"]}},
        {"weights": {"share": 0.25, "levels": [1, 2]}},
        {"weights": {"sets": "sets of 专家.csv"}},
        {"leave_out": {"codes": ["a"]}},
        {"data": {}},
        {"data": {"se": True, "by": {"a": 0.0}, "grades": {"A": 0.1}}},
        {"key": "screen.min_availability", "values": [0, 0.5]},
    ],
)
def test_every_shape_of_factor_survives_the_way_through_toml(factor):
    spec = Spec(factor=[factor])
    again = round_trip(spec)
    assert again.hash == spec.hash
    assert again.factor[0].model_dump(mode="json") == spec.factor[0].model_dump(mode="json")


def test_the_hash_is_of_what_is_said_and_not_of_how():
    assert Spec().hash == Spec(n=10_000, seed=1).hash
    assert Spec(seed=2).hash != Spec().hash
    assert Spec(factor=[SHARE]).hash != Spec().hash
    assert Spec(factor=[{"data": NoiseSettings()}]).hash == Spec(factor=[{"data": {}}]).hash


class _Told:
    illustrative = False


def round_trip(spec: Spec) -> Spec:
    text = spec_text(spec, _Told())  # type: ignore[arg-type]
    assert text.startswith(f"# sha256 {spec.hash}\n")
    return Spec(**tomllib.loads(text))


def tree(**parents: str | None) -> Framework:
    return Framework(tuple(Node(code, parent) for code, parent in parents.items()))


def test_by_default_each_weight_varies_by_a_quarter_and_each_level_is_a_factor():
    framework = tree(I=None, P="I", a="P", b="P", Q="I", c="Q")
    spec = default_spec(framework, n=5)
    assert spec.n == 5
    assert [factor.name for factor in spec.factor] == ["weights.1", "weights.2"]
    assert [factor.weights.levels for factor in spec.factor] == [(1,), (2,)]
    assert {factor.weights.share for factor in spec.factor} == {0.25}


@pytest.mark.parametrize(
    ("framework", "names"),
    [
        (tree(I=None, a="I"), []),
        (tree(I=None, P="I", a="P"), []),
        (tree(I=None, P="I", a="P", b="P"), ["weights.2"]),
        (tree(I=None, P="I", Q="I", a="P", b="Q"), ["weights.1"]),
        (tree(I=None, P="I", X="P", a="X", b="X", Q="I", c="Q"), ["weights.1", "weights.3"]),
    ],
)
def test_levels_of_lone_children_are_no_factor(framework, names):
    assert [factor.name for factor in default_spec(framework).factor] == names


def test_a_bonus_has_no_weight_to_vary():
    nodes = (Node("I"), Node("a", "I"), Node("b", "I", role="bonus", points=5))
    assert default_spec(Framework(nodes)).factor == ()


def test_a_specification_without_factors_takes_those_of_the_default():
    framework = tree(I=None, a="I", b="I")
    found = with_factors(Spec(n=7, seed=3), framework)
    assert (found.n, found.seed) == (7, 3)
    assert found.factor == default_spec(framework).factor
    own = Spec(factor=[SHARE])
    assert with_factors(own, framework) is own


def test_the_specification_of_a_workspace_is_its_file_else_the_default(workspace):
    opened = cg.open(workspace())
    assert own_spec(opened) == default_spec(opened.framework)
    (opened.folder / "robust.toml").write_text("n = 12\n", encoding="utf-8")
    assert own_spec(opened).n == 12
    assert own_spec(opened).factor == default_spec(opened.framework).factor
    (opened.folder / "robust.toml").write_text("n = -12\n", encoding="utf-8")
    with pytest.raises(cg.InputError, match="at least 1"):
        own_spec(opened)
