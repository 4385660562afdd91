"""Normalisation of tables: settings, exceptions by code, and what the framework says of each column."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest
import tomli_w
from pydantic import ValidationError

from citygauge.framework.model import Framework, Node
from citygauge.framework.rubric import parse_rubric
from citygauge.framework.scheme import parse_scheme
from citygauge.indicators.table import MISSING, VALUE, Table
from citygauge.problems import InputError, Problems
from citygauge.score.normalise import PARAMETERS, RELATIVE
from citygauge.score.normalising import METHODS, Normalise, normalise_columns

NAN = float("nan")
X = [10.0, 20, 30, 40]
NEEDED = {"distance_to_reference": {"reference": "s"}}


def table(*units: str, **columns: list[float]) -> Table:
    values = np.array(list(columns.values()), dtype=float).T
    states = np.where(np.isnan(values), MISSING, VALUE).astype(np.int8)
    return Table(units or tuple("stuv"[: len(values)]), tuple(columns), values, states, np.zeros_like(states))


def framework(**nodes: dict[str, Any]) -> Framework:
    return Framework((Node("I"), *(Node(code, "I", **{"direction": 1, **n}) for code, n in nodes.items())))


def run(given: Table, tree: Framework, **settings: Any) -> tuple[Table, Problems]:
    problems = Problems()
    return normalise_columns(given, Normalise(**settings), tree, problems), problems


def said(problems: Problems) -> list[tuple[str, list[str]]]:
    return [(problem.code, problem.values["codes"]) for problem in problems]


def test_every_method_has_its_parameters_and_runs_on_a_table() -> None:
    assert set(METHODS) == set(PARAMETERS)
    rubric = parse_rubric("10: 无 | none ; 20: 有 | some ; 30: 好 | good ; 40: 优 | best")
    node = {"low": 0, "high": 50, "target_high": 35}
    for how in METHODS:
        tree = framework(x={**node, "rubric": rubric} if how == "rubric" else node)
        own, problems = run(table("u", "t", "s", "v", x=X), tree, how=how, **NEEDED.get(how, {}))
        assert (np.diff(own.column("x")) >= 0).all(), how
        assert said(problems) == []
        bounds = Normalise(how=how, **NEEDED.get(how, {})).range
        if bounds is not None:
            assert bounds[0] <= own.values.min() < own.values.max() <= bounds[1], how


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"how": "vector", "scale": 1}, "vector takes no scale; it takes none"),
        ({"how": "rank", "scale": 10}, "rank takes no scale; it takes ties"),
        ({"how": "borda", "ties": "dense"}, "ties"),
        ({"how": "zscore", "divisor": "n-2"}, "divisor"),
        ({"how": "minmax", "divisor": "n"}, "minmax takes no divisor"),
        ({"how": "distance_to_reference"}, "needs `reference`"),
        ({"how": "distance_to_target", "reference": "s"}, "takes no reference"),
        ({"how": "distance_to_max", "cut": True}, "takes no cut"),
        ({"how": "ampi", "low": 1}, "together"),
        ({"how": "ampi", "low": 5, "high": 5}, "must be below"),
        ({"how": "scaled", "low": 100}, "must be below"),
        ({"how": "distance_to_max", "scale": 0}, "scale"),
        ({"by": {"x": {"how": "distance_to_reference"}}}, "needs `reference`"),
    ],
)
def test_a_setting_without_effect_or_out_of_range_is_refused(settings: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Normalise(**settings)


@pytest.mark.parametrize("how", PARAMETERS)
def test_settings_survive_a_file(how: str) -> None:
    some: dict[str, Any] = {"low": 1, "high": 9, "mean": 5, "sd": 2, "divisor": "n", "ties": "max"}
    some |= {"reference": "s", "target": 4, "scale": 10, "cut": False, "log": True}
    given = Normalise(how=how, **{name: some[name] for name in PARAMETERS[how]})
    assert (
        Normalise(**tomllib.loads(tomli_w.dumps(given.model_dump(mode="json", exclude_none=True)))) == given
    )


@pytest.mark.parametrize(
    ("settings", "bounds"),
    [
        ({"how": "zscore"}, None),
        ({"how": "scaled"}, None),
        ({"how": "rank"}, None),
        ({"how": "borda"}, None),
        ({"how": "vector"}, None),
        ({"how": "ampi"}, None),
        ({"how": "percentile_rank"}, (0, 1)),
        ({"how": "distance_to_max", "scale": 100}, (0, 100)),
        ({"how": "distance_to_reference", "reference": "s"}, None),
        ({"how": "distance_to_reference", "reference": "s", "cut": True, "scale": 10}, (0, 10)),
        ({"how": "distance_to_target", "scale": 10}, (0, 10)),
        ({"how": "distance_to_target", "cut": False}, None),
        ({"how": "fraction_of_max"}, (0, 1)),
    ],
)
def test_the_range_of_the_results_is_known_where_there_is_one(settings: Any, bounds: Any) -> None:
    assert Normalise(**settings).range == bounds


def test_an_exception_keeps_the_defaults_that_mean_the_same_to_its_method() -> None:
    settings = Normalise(
        how="distance_to_reference",
        reference="t",
        scale=10,
        cut=True,
        by={
            "a": {"cut": False},
            "b": {"how": "ampi"},
            "c": {"how": "distance_to_target", "target": 7},
            "d": {"how": "minmax"},
            "e": {"how": "rank", "ties": "max"},
        },
    )
    a, b, c, d, e = (settings.of(code) for code in "abcde")
    assert (a.reference, a.scale, a.cut) == ("t", 10, False)
    assert (b.reference, b.scale) == ("t", None)
    assert (c.target, c.scale, c.cut, c.reference) == (7, 10, True, None)
    assert (d.scale, settings.onto("d")) == (None, (0, 10))
    assert e.ties == "max"
    assert settings.onto("a") == settings.onto("c") == (0, 10)


def test_an_exception_lies_on_the_range_of_the_default() -> None:
    tree = framework(x={}, y={"target_high": 40}, z={})
    by = {"y": {"how": "distance_to_target", "cut": False}, "z": {"how": "percentile_rank", "scale": 1}}
    own, _ = run(table(x=X, y=X, z=X), tree, how="minmax", low=1, high=100, by=by)
    np.testing.assert_allclose(own.values, np.array(X)[:, None] / 30 @ [[99, 99, 1]] - [[32, 32, 1 / 3]])


def test_a_reference_is_a_unit_and_of_several_rows_the_first() -> None:
    given = table("s", "t", "t", "u", x=X, y=[4, 3, 2, 1])
    own, problems = run(
        given, framework(x={}, y={"direction": -1}), how="distance_to_reference", reference="t"
    )
    np.testing.assert_allclose(own.values.T, [[0, 1, 2, 3]] * 2)
    assert said(problems) == []
    own, _ = run(given, framework(x={}, y={"direction": -1}), how="ampi", reference="t")
    np.testing.assert_allclose(own.values.T, [[80, 100, 120, 140]] * 2)


def test_a_reference_without_a_value_is_an_error_that_names_the_columns() -> None:
    given = table(x=X, y=[1, NAN, 3, 4], z=[NAN] * 4)
    tree = framework(x={}, y={}, z={})
    own, problems = run(given, tree, how="distance_to_reference", reference="t")
    assert said(problems) == [("normalise.no-reference", ["y"])]
    assert np.isnan(own.column("y")).all()
    _, problems = run(given, tree, how="ampi", reference="nobody")
    assert said(problems) == [("normalise.no-reference", ["x", "y"])]
    assert "nobody" in problems.errors[0].message("zh")
    with pytest.raises(InputError, match="'nobody' has no value for x, y"):
        normalise_columns(given, Normalise(how="ampi", reference="nobody"), tree)


def test_a_reference_at_the_worst_value_is_an_error_unless_all_are_equal() -> None:
    tree = framework(x={}, y={"direction": -1}, z={})
    own, problems = run(table(x=X, y=X, z=[7] * 4), tree, how="distance_to_reference", reference="s")
    assert said(problems) == [("normalise.reference-at-worst", ["x"])]
    assert np.isnan(own.column("z")).all()
    np.testing.assert_allclose(own.column("y"), [1, 2 / 3, 1 / 3, 0])


def test_targets_come_from_the_framework_or_the_method() -> None:
    tree = framework(
        low={"target_low": 25}, high={"target_high": 25}, less={"target_low": 20, "direction": -1}, band={}
    )
    band = {"target_low": 20, "target_high": 30}
    tree = Framework((*tree.nodes[:-1], Node("band", "I", direction=1, **band)))
    given = table(low=X, high=X, less=X, band=X)
    own, problems = run(given, tree, how="distance_to_target", scale=100)
    one_way = [0, 200 / 3, 100, 100]
    np.testing.assert_allclose(own.values.T, [one_way, one_way, [100, 100, 50, 0], [0, 100, 100, 0]])
    assert said(problems) == []
    own, _ = run(given, tree, how="distance_to_target", target=30, cut=False)
    np.testing.assert_allclose(own.values.T, [[0, 0.5, 1, 1.5]] * 2 + [[3, 2, 1, 0]] + [[0, 0.5, 1, 1.5]])


def test_targets_that_are_missing_or_worse_than_the_worst_are_errors_each_said_once() -> None:
    tree = framework(a={}, b={"target_high": 10}, c={"target_high": 5}, d={}, e={"target_high": 35})
    given = table(a=X, b=X, c=X, d=X, e=X)
    own, problems = run(given, tree, how="distance_to_target", by={"c": {"cut": False}, "d": {"scale": 2}})
    assert said(problems) == [("normalise.no-target", ["a", "d"]), ("normalise.target-at-worst", ["b", "c"])]
    assert len(problems.errors) == 2
    assert np.isnan(own.values[:, :4]).all()
    assert not np.isnan(own.column("e")).any()


def test_targets_outside_the_data_are_warned_of() -> None:
    tree = framework(
        far={"target_high": 50},
        met={"target_high": 5},
        less={"direction": -1, "target_low": 45},
        above={"target_low": 50, "target_high": 60},
        around={"target_low": 0, "target_high": 60},
    )
    own, problems = run(table(far=X, met=X, less=X, above=X, around=X), tree, how="distance_to_target")
    assert said(problems) == [("normalise.target-outside", ["far", "met", "less", "above"])]
    assert problems.errors == ()
    quarters = [0, 0.25, 0.5, 0.75]
    np.testing.assert_allclose(own.values.T, [quarters, [1] * 4, [1] * 4, quarters, [1] * 4])


def test_a_fraction_of_negative_values_is_an_error_where_it_says_nothing() -> None:
    tree = framework(plus={}, mixed={}, minus={}, cost={"direction": -1}, free={"direction": -1})
    given = table(
        plus=X, mixed=[-5, 0, 5, 10], minus=[-4, -3, -2, -1], cost=[-5, 0, 5, 10], free=[0, 5, 5, 0]
    )
    own, problems = run(given, tree, how="fraction_of_max", scale=100)
    assert said(problems) == [
        ("normalise.negative-fraction", ["minus", "cost"]),
        ("normalise.below-zero", ["mixed"]),
    ]
    assert [problem.code for problem in problems.errors] == ["normalise.negative-fraction"]
    nothing = [NAN] * 4
    expected = [[25, 50, 75, 100], [-50, 0, 50, 100], nothing, nothing, [100, 0, 0, 100]]
    np.testing.assert_allclose(own.values.T, expected)
    assert (own.states[:, 2] == MISSING).all()


def test_a_direction_that_a_rubric_or_a_band_passes_over_is_warned_of() -> None:
    rubric = parse_rubric("10: 无 | none ; 20: 有 | some ; 30: 好 | good ; 40: 优 | best")
    less = {"direction": -1}
    tree = framework(
        a={**less, "rubric": rubric},
        b={"rubric": rubric},
        c={**less, "target_low": 20, "target_high": 30},
        d={**less, "rubric": rubric},
        e={**less, "scheme": parse_scheme("each: -0.1"), "points": 5.0},
        f={**less, "low": 0, "high": 40},
    )
    points = {code: {"how": "points"} for code in "def"}
    own, problems = run(
        table(a=X, b=X, c=X, d=X, e=X, f=X),
        tree,
        how="rubric",
        by={"c": {"how": "distance_to_target"}, **points},
    )
    assert {problem.code for problem in problems} == {"normalise.direction-ignored"}
    assert sorted(problems.warnings[0].values["codes"]) == ["a", "c", "d"]
    np.testing.assert_allclose(own.column("d"), own.column("b"))
    np.testing.assert_allclose(own.column("f"), [0.75, 0.5, 0.25, 0])


def test_the_goalposts_of_ampi_are_those_of_the_method_and_never_the_frameworks() -> None:
    tree = framework(x={"low": 0, "high": 60}, y={"direction": -1}, z={})
    given = table(x=X, y=X, z=[5] * 4)
    own, _ = run(given, tree, how="ampi")
    np.testing.assert_allclose(own.values.T, [[70, 90, 110, 130], [130, 110, 90, 70], [NAN] * 4])
    own, _ = run(given, tree, how="ampi", low=10, high=40)
    np.testing.assert_allclose(own.values.T, [[70, 90, 110, 130], [130, 110, 90, 70], [100] * 4])


def test_scaled_is_that_of_coinr_by_default() -> None:
    """``n_scaled(npara = c(0, 100), scale_factor = 100)``."""
    own, _ = run(table(x=X, y=X), framework(x={}, y={"direction": -1}), how="scaled")
    np.testing.assert_allclose(own.values.T, [X, [90, 80, 70, 60]])


def test_the_index_of_mazziotta_and_pareto_starts_from_population_deviations() -> None:
    own, _ = run(table(x=X), framework(x={}), how="zscore", mean=100, sd=10, divisor="n")
    assert own.values.std() == pytest.approx(10)
    assert own.values.mean() == pytest.approx(100)


@pytest.mark.parametrize("how", PARAMETERS)
def test_empty_columns_and_single_units_pass_through_every_method(how: str) -> None:
    tree = framework(x={"target_high": 8, "low": 0, "high": 10}, y={"target_low": 1, "direction": -1})
    for given in (table(x=[NAN] * 3, y=[NAN] * 3), table(x=[5], y=[NAN])):
        own, problems = run(given, tree, how=how, **NEEDED.get(how, {}))
        assert np.isnan(own.column("y")).all()
        assert problems.errors == ()


@pytest.mark.parametrize("how", sorted(set(PARAMETERS) - {"rubric", "points"}))
def test_the_scores_of_a_relative_method_change_with_the_other_units_and_no_others(how: str) -> None:
    tree = framework(x={"low": 0, "high": 50, "target_high": 100})
    settings = {"how": how, **({"reference": "u"} if how in NEEDED else {})}
    more = table("s", "t", "u", "v", "w", x=[10, 20, 30, 5, 60])
    own, other = (
        run(given, tree, **settings)[0].column("x") for given in (table("s", "t", "u", x=X[:3]), more)
    )
    assert np.allclose(own, other[:3]) == (how not in RELATIVE)
