"""Each way to aggregate in a whole run, against formulas written out; which rule a parent gets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

import citygauge as cg
from citygauge import Method
from citygauge.framework.model import Framework, Node
from citygauge.score.aggregate import AGGREGATORS, PARAMETERS
from citygauge.score.aggregating import Aggregate

Rows = Sequence[Sequence[float]]
TREE = Framework(
    (
        Node("I"),
        Node("P", "I", weight=1.0),
        Node("a", "P", direction=1, weight=3.0), Node("b", "P", direction=1, weight=1.0),
        Node("c", "P", direction=1, weight=2.0), Node("zero", "P", direction=1, weight=0.0),
        Node("Q", "I", weight=3.0), Node("d", "Q", direction=1),
    )
)  # fmt: skip
CODES = ("a", "b", "c", "zero", "d")
WEIGHTS = (3 / 6, 1 / 6, 2 / 6)
# Scores of 0..10, read by goalposts as they are; the child without a weight is far ahead and behind.
ROWS: Rows = [[8, 2, 5, 0, 4], [6, 9, 5, 10, 1], [1, 7, 9, 10, 9], [4, 4, 4, 0, 6]]
POSTS = {"how": "goalposts", "low": 0, "high": 10, "scale": 10}


def run(rows: Sequence[Sequence[float | None]] = ROWS, **aggregate: Any) -> cg.Result:
    units = [f"u{number}" for number in range(len(rows))]
    facts = [
        {"unit": unit, "indicator": code, "source": "s", "value": float(x)}
        for unit, row in zip(units, rows, strict=True)
        for code, x in zip(CODES, row, strict=True)
        if x is not None
    ]
    method = Method().replace(normalise=POSTS, aggregate=aggregate)
    return cg.assess(
        cg.from_frames(TREE, pl.DataFrame({"unit": units, "name_zh": units}), pl.DataFrame(facts), method)
    )


def pillar(**rule: Any) -> list[float]:
    return [float(score) for score in run(by={"P": rule}).aggregated.column("P")]


def weighted(row: Sequence[float], f: Callable[[float], float] = lambda x: x) -> float:
    return sum(w * f(x) for w, x in zip(WEIGHTS, row, strict=False))


def columns() -> list[list[float]]:
    return [[row[at] for row in ROWS] for at in range(3)]


def of_mpi(sign: int) -> list[float]:
    means = [weighted(row) for row in ROWS]
    return [
        m + sign * weighted(row, lambda x, m=m: (x - m) ** 2) / m for row, m in zip(ROWS, means, strict=True)
    ]


def of_owa(orness: float) -> list[float]:
    scores = []
    for row in ROWS:
        ordered = sorted(zip(row, WEIGHTS, strict=False), reverse=True)
        reached = [sum(w for _, w in ordered[:count]) for count in range(4)]
        steps = [b ** (1 / orness - 1) - a ** (1 / orness - 1) for a, b in pairwise(reached)]
        scores.append(sum(step * x for step, (x, _) in zip(steps, ordered, strict=True)))
    return scores


def of_coupling() -> list[float]:
    scores = []
    for row in ROWS:
        shares = [x / 10 for x in row[:3]]
        alike = math.prod(shares) ** (1 / 3) / (sum(shares) / 3)
        scores.append(10 * math.sqrt(alike * weighted(shares)))
    return scores


def of_topsis() -> list[float]:
    ends = [(max(column), min(column)) for column in columns()]
    scores = []
    for row in ROWS:
        best, worst = (
            math.sqrt(sum((w * (x - end[side])) ** 2 for w, x, end in zip(WEIGHTS, row, ends, strict=False)))
            for side in (0, 1)
        )
        scores.append(worst / (best + worst))
    return scores


def of_vikor(v: float) -> list[float]:
    regrets = [
        [w * (max(c) - x) / (max(c) - min(c)) for w, x, c in zip(WEIGHTS, row, columns(), strict=False)]
        for row in ROWS
    ]
    sums, most = [sum(each) for each in regrets], [max(each) for each in regrets]

    def placed(parts: list[float], at: int) -> float:
        return (parts[at] - min(parts)) / (max(parts) - min(parts))

    return [1 - v * placed(sums, at) - (1 - v) * placed(most, at) for at in range(len(ROWS))]


def of_pairs(
    worth: Callable[[float], float], share: Callable[[float], float] = lambda lead: lead
) -> list[float]:
    """Add up over the other units what the leads are worth, by child, less what theirs are."""
    return [
        sum(share(weighted([worth(x - y) - worth(y - x) for x, y in zip(row[:3], other[:3], strict=True)]))
            for other in ROWS if other is not row)
        for row in ROWS
    ]  # fmt: skip


def sign(lead: float) -> float:
    return float((lead > 1e-12) - (lead < -1e-12))


def flow(worth: Callable[[float], float]) -> list[float]:
    return [score / (len(ROWS) - 1) for score in of_pairs(worth)]


METHODS: list[tuple[dict[str, Any], list[float]]] = [
    ({"how": "arithmetic"}, [weighted(row) for row in ROWS]),
    ({"how": "geometric"}, [math.exp(weighted(row, math.log)) for row in ROWS]),
    ({"how": "harmonic"}, [1 / weighted(row, lambda x: 1 / x) for row in ROWS]),
    ({"how": "generalised", "power": 3}, [weighted(row, lambda x: x**3) ** (1 / 3) for row in ROWS]),
    ({"how": "generalised", "power": -0.5}, [weighted(row, lambda x: x**-0.5) ** -2 for row in ROWS]),
    # Half the weight is on a alone: midway to the next child where a is the least or the best.
    ({"how": "median"}, [6.5, 6.0, 4.0, 4.0]),
    ({"how": "owa"}, [weighted(row) for row in ROWS]),
    ({"how": "owa", "orness": 0.3}, of_owa(0.3)),
    ({"how": "mpi"}, of_mpi(-1)),
    ({"how": "mpi", "penalty": "+"}, of_mpi(1)),
    ({"how": "coupling"}, of_coupling()),
    ({"how": "topsis"}, of_topsis()),
    ({"how": "vikor"}, of_vikor(0.5)),
    ({"how": "vikor", "v": 0.9}, of_vikor(0.9)),
    ({"how": "copeland"}, of_pairs(lambda lead: float(lead > 0), sign)),
    ({"how": "promethee"}, flow(lambda lead: float(lead > 0))),
    ({"how": "promethee", "preference": "u_shape", "indifference": 2}, flow(lambda lead: float(lead > 2))),
    ({"how": "promethee", "preference": "v_shape", "threshold": 4},
     flow(lambda lead: min(max(lead, 0) / 4, 1))),
    ({"how": "promethee", "preference": "level", "indifference": 1, "threshold": 4},
     flow(lambda lead: (float(lead > 1) + float(lead > 4)) / 2)),
    ({"how": "promethee", "preference": "linear", "indifference": 1, "threshold": 4},
     flow(lambda lead: min(max(lead - 1, 0) / 3, 1))),
    ({"how": "promethee", "preference": "gaussian", "threshold": 2},
     flow(lambda lead: 1 - math.exp(-(lead**2) / 8) if lead > 0 else 0.0)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "wanted"), METHODS)
def test_a_run_gives_what_the_formula_gives(rule: dict[str, Any], wanted: list[float]) -> None:
    """With unequal weights, and a child without a weight that must not matter."""
    assert pillar(**rule) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_every_method_and_every_parameter_is_in_these_tests() -> None:
    tried = {rule["how"] for rule, _ in METHODS} | {"benefit_of_the_doubt"}
    assert tried == set(AGGREGATORS)
    named = {name for rule, _ in METHODS for name in rule} - {"how"} | {"low", "high"}
    assert named == set().union(*PARAMETERS.values())


def test_the_benefit_of_the_doubt_is_the_best_corner_of_all_weights_that_lift_nobody_above_1() -> None:
    """By trying all corners: three of the conditions of units and of the weights themselves as equations."""
    rows = np.array([row[:3] for row in ROWS], float)
    conditions, most = np.vstack([rows, -np.eye(3)]), np.array([1.0] * len(rows) + [0.0] * 3)
    corners = []
    for chosen in map(list, combinations(range(len(most)), 3)):
        if abs(np.linalg.det(conditions[chosen])) > 1e-9:
            corner = np.linalg.solve(conditions[chosen], most[chosen])
            corners += [corner] if (conditions @ corner <= most + 1e-9).all() else []
    found = pillar(how="benefit_of_the_doubt")
    assert found == pytest.approx(np.max(rows @ np.array(corners).T, axis=1))
    assert found[3] < 1
    bound = pillar(how="benefit_of_the_doubt", low=0.2, high=0.5)
    assert all(one <= other + 1e-9 for one, other in zip(bound, found, strict=True))
    assert bound[3] < found[3]


def test_a_parent_gets_the_rule_of_its_code_then_of_its_level_then_the_default() -> None:
    rules = Aggregate(
        how="generalised", power=2, min_availability=0.5,
        by={"1": {"how": "owa", "orness": 0.2}, "P": {"min_availability": 0.9}, "I": {"power": 3}},
    ).rules(TREE)  # fmt: skip
    assert (rules["I"].how, dict(rules["I"].parameters), rules["I"].min_availability) == (
        "generalised",
        {"power": 3},
        0.5,
    )
    assert (rules["P"].how, dict(rules["P"].parameters), rules["P"].min_availability) == (
        "owa",
        {"orness": 0.2},
        0.9,
    )
    assert (rules["Q"].how, dict(rules["Q"].parameters), rules["Q"].min_availability) == (
        "owa",
        {"orness": 0.2},
        0.5,
    )


def test_levels_and_codes_take_different_methods_in_one_run() -> None:
    found = run(how="geometric", by={"1": {"how": "median"}, "Q": {"how": "arithmetic"}}).aggregated
    p, q = [6.5, 6.0, 4.0, 4.0], [row[4] for row in ROWS]
    assert found.column("P") == pytest.approx(p)
    assert found.column("Q") == pytest.approx(q)
    assert found.column("I") == pytest.approx([x**0.25 * y**0.75 for x, y in zip(p, q, strict=True)])


def test_availability_counts_children_not_weights() -> None:
    """Of P's four children u0 lacks b and c, u1 the one without a weight, u2 the one with the most."""
    rows = [[8, None, None, 5, 4], [6, 9, 5, None, 1], [None, 7, 9, 10, 9], [4, 4, 4, 4, 6]]
    found = run(rows, by={"P": {"min_availability": 0.75}}).aggregated.column("P")
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx([weighted(rows[1]), (7 + 2 * 9) / 3, 4])
    half = run(rows, by={"P": {"min_availability": 0.5}}).aggregated.column("P")
    assert half[0] == pytest.approx(8)


@pytest.mark.parametrize("name", sorted(set().union(*PARAMETERS.values())))
@pytest.mark.parametrize("how", AGGREGATORS)
def test_a_parameter_that_a_method_does_not_take_is_refused_with_those_it_takes(how: str, name: str) -> None:
    if name in PARAMETERS[how]:
        return
    value = {"penalty": "-", "preference": "usual"}.get(name, 0.5)
    needed = {"power": 2} if how == "generalised" else {}
    with pytest.raises(ValidationError, match=f"{how} takes no {name}"):
        Aggregate(how=how, **needed, **{name: value})
    with pytest.raises(ValidationError, match=f"{how} takes no {name}"):
        Aggregate(by={"1": {"how": how, **needed, name: value}})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"how": "generalised"}, "needs `power`"),
        ({"how": "generalised", "power": 101}, "100"),
        ({"how": "owa", "orness": 1}, "less than 1"),
        ({"how": "vikor", "v": 1.1}, "less than or equal to 1"),
        (
            {"how": "promethee", "preference": "linear", "indifference": 4, "threshold": 2},
            "below its threshold",
        ),
        ({"how": "promethee", "preference": "v_shape"}, "threshold above 0"),
        ({"how": "benefit_of_the_doubt", "low": 0.6, "high": 0.4}, "must not be above"),
        ({"min_availability": 1.5}, "less than or equal to 1"),
        ({"how": "mean"}, "arithmetic"),
        ({"by": {"P": {"how": "generalised"}}}, "needs `power`"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_reason(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Aggregate(**given)


def test_an_exception_that_names_no_parent_is_refused() -> None:
    for key in ("a", "7", "X"):
        with pytest.raises(cg.InputError) as caught:
            run(by={key: {"how": "median"}})
        (problem,) = [problem for problem in caught.value.problems if problem.severity == "error"]
        assert problem.code == "method.unknown-parent"
        assert key in problem.message("en")
        assert key in problem.message("zh")
