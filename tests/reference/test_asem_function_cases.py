"""Single functions of COINr (Becker et al. 2022, doi:10.21105/joss.04567), case by case, and where we differ.

Growth over time (cases 148 to 162) stands with the methods over time.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method
from citygauge.framework.model import Framework, Node
from citygauge.indicators import impute
from citygauge.indicators.table import MISSING, OBSERVED, VALUE, Table
from citygauge.problems import Problems
from citygauge.score import means, normalise, treat
from citygauge.score.normalising import Normalise, normalise_columns
from citygauge.score.outranking import copeland

Find = Callable[[str], Path]
NAN = float("nan")
LAST = 147


@dataclass(frozen=True)
class Case:
    """A case as it is printed: the name of the function without its package's prefix for directions."""

    function: str
    parameters: dict[str, Any]
    x: np.ndarray
    second: list[str]
    y: np.ndarray
    notes: list[str]

    @property
    def weights(self) -> np.ndarray:
        return np.array([float(weight) for weight in self.second])

    @property
    def direction(self) -> np.ndarray:
        return np.array([-1.0 if "direction=-1" in self.function else self.parameters.get("direction", 1.0)])


def number(text: str) -> float:
    return float(text) if text else NAN


def parameters(text: str) -> dict[str, Any]:
    words = {"TRUE": True, "FALSE": False, "NULL": None}
    found: dict[str, Any] = {}
    for part in filter(None, text.split(";")):
        name, _, value = part.partition("=")
        if value in words or value.isalpha():
            found[name] = words.get(value, value)
        else:
            numbers = [float(each) for each in value.split("|")]
            found[name] = numbers if len(numbers) > 1 else numbers[0]
    return found


@cache
def cases(folder: Path) -> dict[str, Case]:
    def rows(name: str) -> list[dict[str, str]]:
        with (folder / f"function_cases_{name}.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    given: dict[str, list[dict[str, str]]] = defaultdict(list)
    wanted: dict[str, list[dict[str, str]]] = defaultdict(list)
    for name, kept in (("inputs", given), ("outputs", wanted)):
        for row in rows(name):
            kept[row["case"]].append(row)
            assert int(row["i"]) == len(kept[row["case"]])
    return {
        row["case"]: Case(
            row["fn"],
            parameters(row["params"]),
            np.array([number(each["x"]) for each in given[row["case"]]]),
            [each["second"] for each in given[row["case"]]],
            np.array([number(each["y"]) for each in wanted[row["case"]]]),
            [each["note"] for each in wanted[row["case"]]],
        )
        for row in rows("index")
    }


def mean(kernel: Callable[..., np.ndarray], case: Case, **options: float) -> np.ndarray:
    return kernel(case.x[None, :], case.weights[:, None], **options).ravel()


def column(kernel: Callable[..., np.ndarray], case: Case, *options: Any, **named: Any) -> np.ndarray:
    return kernel(case.x[:, None], case.direction, *options, **named).ravel()


def filled(estimates: np.ndarray, case: Case) -> np.ndarray:
    return np.where(np.isnan(case.x), estimates.ravel(), case.x)


def limits(case: Case) -> treat.Limits:
    return treat.Limits(case.parameters["skew_thresh"], case.parameters["kurt_thresh"])


def groups(case: Case) -> list[str | None]:
    return [group or None for group in case.second]


def to_target(case: Case) -> np.ndarray:
    targets = np.array([NAN]), np.array([case.parameters["targ"]])
    return column(normalise.distance_to_target, case, targets, cut=case.parameters["cap_max"])


def to_reference(case: Case) -> np.ndarray:
    unit = int(case.parameters["iref"]) - 1
    return column(normalise.distance_to_reference, case, case.x[[unit]], cut=case.parameters["cap_max"])


def by_posts(case: Case) -> np.ndarray:
    low, high, scale = case.parameters["gposts"]
    posts = np.array([low]), np.array([high])
    return column(normalise.goalposts, case, posts, (0, scale), cut=case.parameters["trunc2posts"])


FUNCTIONS: dict[str, Callable[[Case], Any]] = {
    "a_amean": lambda c: mean(means.arithmetic, c),
    "a_gmean": lambda c: mean(means.geometric, c),
    "a_hmean": lambda c: mean(means.harmonic, c),
    "a_genmean": lambda c: mean(means.generalised, c, power=c.parameters["p"]),
    "n_minmax": lambda c: column(normalise.minmax, c, *c.parameters["l_u"]),
    "n_zscore": lambda c: column(normalise.zscore, c, *c.parameters["m_sd"]),
    "n_rank": lambda c: column(normalise.rank, c, c.parameters["ties.method"]),
    "n_borda": lambda c: column(normalise.borda, c, c.parameters["ties.method"]),
    "n_prank": lambda c: column(normalise.percentile_rank, c, c.parameters["ties.method"]),
    "n_dist2max": lambda c: column(normalise.distance_to_max, c),
    "n_dist2ref": to_reference,
    "n_dist2targ": to_target,
    "n_fracmax": lambda c: column(normalise.fraction_of_max, c),
    "n_scaled": lambda c: column(normalise.scaled, c, *c.parameters["npara"], c.parameters["scale_factor"]),
    "n_goalposts": by_posts,
    "skew": lambda c: treat.moments(c.x[:, None])[0],
    "kurt": lambda c: treat.moments(c.x[:, None])[1],
    "check_SkewKurt": lambda c: [not treat.fails(c.x, limits(c))],
    "log_CT": lambda c: treat.log(c.x),
    "log_CT_orig": lambda c: treat.log_plus_one(c.x),
    "log_CT_plus": lambda c: treat.log_by_skew(c.x),
    "boxcox": lambda c: treat.boxcox(c.x, c.parameters["lambda"]),
    "i_mean": lambda c: filled(impute.mean(c.x[:, None]), c),
    "i_median": lambda c: filled(impute.median(c.x[:, None]), c),
    "i_mean_grp": lambda c: filled(impute.group_mean(c.x[:, None], groups(c)), c),
    "i_median_grp": lambda c: filled(impute.group_median(c.x[:, None], groups(c)), c),
}


def skips_a_gap(case: Case) -> bool:
    """Peculiarity 2: the generalised mean alone gives up there as soon as one value is missing."""
    return case.function == "a_genmean" and bool(np.isnan(case.x).any())


@pytest.mark.parametrize("name", [f"c{number:03d}" for number in range(1, LAST + 1)])
def test_a_single_function_equals_coinrs(reference: Find, name: str) -> None:
    case = cases(reference("asem"))[name]
    if case.function == "winsorise":
        most = case.parameters["winmax"]
        own, moved = treat.winsorise(
            case.x,
            None if most is None else int(most),
            limits(case),
            always=case.parameters.get("force_win", False),
        )
        assert [{1: "winhi", -1: "winlo", 0: ""}[int(move)] for move in moved] == case.notes
    else:
        own = FUNCTIONS[case.function.rpartition("/")[2]](case)
    if skips_a_gap(case):
        assert np.isnan(case.y).all()
        known, power = ~np.isnan(case.x), case.parameters["p"]
        raised = sum(w * x**power for w, x in zip(case.weights[known], case.x[known], strict=True))
        case = Case(**{**vars(case), "y": np.array([(raised / case.weights[known].sum()) ** (1 / power)])})
    np.testing.assert_allclose(own, case.y, rtol=1e-9, atol=1e-12)


def test_no_case_is_left_out_but_growth_over_time(reference: Find) -> None:
    found = cases(reference("asem"))
    assert len(found) == 162
    assert {case.function for name, case in found.items() if int(name[1:]) > LAST} == {"CAGR", "prc_change"}


def table_of(values: list[list[float]], units: str = "xyz") -> Table:
    array = np.array(values, float)
    states = np.where(np.isnan(array), MISSING, VALUE).astype(np.int8)
    codes = tuple("abcdef"[: array.shape[1]])
    return Table(tuple(units[: len(array)]), codes, array, states, np.full(array.shape, OBSERVED, np.int8))


FLAT = Framework((Node("I"), Node("a", "I", direction=1), Node("b", "I", direction=-1)))


def test_a_fraction_of_the_maximum_is_turned_round_where_less_is_better(reference: Find) -> None:
    """Peculiarity 1: there x / min, which grows with x, and is infinite for a minimum of 0."""
    x = next(case.x for case in cases(reference("asem")).values() if case.function == "n_fracmax")
    positive = np.abs(x) + 1.0
    own = normalise.fraction_of_max(positive[:, None], np.array([-1.0])).ravel()
    np.testing.assert_allclose(own, np.nanmin(positive) / positive)
    with_zero = normalise.fraction_of_max(np.array([[0.0], [2.0], [NAN]]), np.array([-1.0])).ravel()
    np.testing.assert_array_equal(with_zero, [1, 0, NAN])


def test_there_is_no_transform_that_does_nothing() -> None:
    """Peculiarity 2: `log_GII` returns its input there; here every transform moves a skewed column."""
    column = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 99])
    for name, transform in treat.TRANSFORMS.items():
        assert not np.allclose(np.diff(transform(column)), np.diff(column)), name


def test_copeland_with_gaps_does_not_depend_on_the_order_of_rows() -> None:
    """Peculiarity 3: there a missing comparison counts against the unit that comes first."""
    values = np.array([[1.0, 2.0, NAN], [2.0, NAN, 1.0], [NAN, 1.0, 2.0]])
    # Each pair has one child in common: x loses to y on a, y to z on c, z to x on b.
    assert copeland(values, np.ones(3)).tolist() == [0, 0, 0]
    assert copeland(values[::-1], np.ones(3)).tolist() == [0, 0, 0]
    one_gap = np.array([[3.0, NAN], [2.0, 5.0], [1.0, 4.0]])
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        assert copeland(one_gap[order], np.ones(2)).tolist() == [[2, 0, -2][row] for row in order]


def test_a_column_without_spread_drops_out_and_is_named() -> None:
    """Peculiarity 4: it leaves the means silently there."""
    units = pl.DataFrame({"unit": ["x", "y", "z"], "name_zh": ["甲", "乙", "丙"]})
    facts = pl.DataFrame(
        {"unit": list("xyz") * 2, "indicator": ["a"] * 3 + ["b"] * 3, "value": [5.0, 5, 5, 1, 2, 3]}
    )
    result = cg.assess(cg.from_frames(FLAT, units, facts, Method()))
    assert result.index.tolist() == [100, 50, 0]
    lost = [problem for problem in result.warnings if problem.code == "facts.no-spread"]
    assert [problem.values["codes"] for problem in lost] == [["a"]]


def test_a_reference_that_is_the_worst_is_refused() -> None:
    """Peculiarity 4: infinite or not a number there."""
    problems = Problems()
    settings = Normalise(how="distance_to_reference", reference="x")
    own = normalise_columns(table_of([[1, 9], [2, 5], [3, 1]]), settings, FLAT, problems)
    assert np.isnan(own.values).all()
    assert [(p.code, p.values["codes"]) for p in problems] == [("normalise.reference-at-worst", ["a", "b"])]
