"""Treatment of tables: settings, exceptions by code, and what is told about each column."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest
import tomli_w
from pydantic import ValidationError

from citygauge.indicators.table import Table
from citygauge.problems import InputError, Problems
from citygauge.score.treat import Limits, winsorise
from citygauge.score.treating import Treat, treat_columns, treatment_details

SKEWED = [*map(float, range(1, 20)), 99.0]
LONG = [*np.linspace(1, 2, 17), 1e3, 1e6, 1e9]
EVEN = list(np.arange(20.0))


def table(**columns: list[float]) -> Table:
    values = np.array(list(columns.values())).T
    zeros = np.zeros(values.shape, np.int8)
    return Table(tuple("abcdefghijklmnopqrst"[: len(values)]), tuple(columns), values, zeros, zeros)


def treat(given: Table, **settings: Any) -> tuple[Table, dict[str, Any]]:
    return treat_columns(given, Treat(**settings), Problems())


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"how": "log", "max_points": 3}, "log takes no max_points"),
        ({"how": "log", "then": "boxcox"}, "log takes no then"),
        ({"how": "log_signed", "combine": True, "power": 1}, "log_signed takes no combine, power"),
        ({"how": "winsorise_then", "power": 0.5}, "winsorise_then, then log, takes no power"),
        ({"how": "winsorise_then", "then": "none", "combine": True}, "takes no combine"),
        ({"how": "winsorise_then", "max_points": "all", "always": True}, "always needs the number"),
        ({"how": "winsorise_then", "max_points": -1}, "at least 0"),
        ({"how": "winsorise_then", "max_points": "many"}, "max_points"),
        ({"how": "boxcox", "power": 50}, "less than or equal to 20"),
        ({"how": "winsorise_then", "then": "winsorise_then"}, "then"),
        ({"how": "magic"}, "how"),
        ({"by": {"x": {"how": "log", "power": 2}}}, "log takes no power"),
        ({"by": {"x": {"then": ["log"]}}}, "then"),
        ({"by": {"x": {"how": {"log": 1}}}}, "how"),
    ],
)
def test_a_setting_without_effect_or_out_of_range_is_refused(settings: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Treat(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_points": 3, "power": 1.0},  # switched off, they wait
        {"how": "boxcox", "power": 0.5, "always": True},
        {"how": "yeojohnson", "skew": 1},
        {"how": "winsorise_then", "max_points": "all", "then": "boxcox", "power": 0, "combine": True},
        {"how": "winsorise_then", "then": "none", "always": True},
        {"how": "winsorise_then", "by": {"x": {"how": "log_by_skew"}}, "exclude": ["y"]},
    ],
)
def test_settings_survive_a_file(settings: Any) -> None:
    given = Treat(**settings)
    assert Treat(**tomllib.loads(tomli_w.dumps(given.model_dump(mode="json", exclude_none=True)))) == given


def test_an_exception_keeps_the_defaults_that_still_have_an_effect() -> None:
    settings = Treat(
        how="winsorise_then",
        max_points=3,
        skew=1,
        then="boxcox",
        power=0.5,
        by={
            "a": {"how": "log"},
            "b": {"then": "log_signed"},
            "c": {"how": "yeojohnson"},
            "d": {"max_points": 9},
            "e": {"how": "none"},
        },
    )
    a, b, c, d, e = (settings.of(code) for code in "abcde")
    assert (a.how, a.skew, a.power, a.max_points) == ("log", 1, None, 5)
    assert (b.then, b.max_points, b.power) == ("log_signed", 3, None)
    assert (c.how, c.power, c.skew) == ("yeojohnson", 0.5, 1)
    assert (d.max_points, d.then, d.power) == (9, "boxcox", 0.5)
    assert e.how == "none"


def test_columns_that_pass_are_left_alone_and_limits_are_those_of_the_column() -> None:
    given = table(x=SKEWED, y=SKEWED, z=EVEN)
    own, details = treat(given, how="winsorise_then", by={"y": {"kurtosis": 100}})
    assert own.column("x")[-1] == 19
    np.testing.assert_array_equal(own.column("y"), SKEWED)
    np.testing.assert_array_equal(own.column("z"), EVEN)
    assert set(details) == {"x"}
    own, details = treat(given, how="log", always=True, exclude=["x"])
    assert set(details) == {"y", "z"}
    np.testing.assert_allclose(own.column("z"), np.log(np.array(EVEN) + 0.19))


def test_all_points_may_be_winsorised() -> None:
    own, details = treat(table(x=LONG), how="winsorise_then", max_points="all")
    expected, moved = winsorise(np.array(LONG), None, Limits())
    np.testing.assert_array_equal(own.column("x"), expected)
    assert details["x"].points == np.count_nonzero(moved) > 1


def test_empty_and_constant_columns_pass_through_every_treatment() -> None:
    given = table(x=[float("nan")] * 5, y=[3.0] * 5, z=[1.0, *[float("nan")] * 4])
    for how in ("log", "log_plus_one", "log_by_skew", "log_signed", "boxcox", "yeojohnson", "winsorise_then"):
        own, _ = treat(given, how=how, always=True)
        np.testing.assert_array_equal(own.values, given.values)


def test_a_column_that_still_fails_is_said() -> None:
    problems = Problems()
    settings = Treat(how="winsorise_then", max_points=1, then="none")
    own, details = treat_columns(table(x=LONG, y=SKEWED), settings, problems)
    assert [(p.code, p.values["codes"], p.severity) for p in problems] == [
        ("treat.still-fails", ["x"], "warning")
    ]
    assert not details["x"].passes
    assert own.column("x").max() == 1e6


def test_a_power_that_leaves_the_range_of_numbers_is_an_error_and_changes_nothing() -> None:
    given = table(x=[*LONG[:-1], 1e30], y=SKEWED)
    problems = Problems()
    own, details = treat_columns(given, Treat(how="boxcox", power=20), problems)
    assert [(p.code, p.values["codes"]) for p in problems.errors] == [("treat.overflow", ["x"])]
    np.testing.assert_array_equal(own.column("x"), given.column("x"))
    assert set(details) == {"y"}
    with pytest.raises(InputError, match="beyond the range"):
        treat_columns(given, Treat(how="boxcox", power=20))


def test_the_table_of_details_has_a_row_for_each_treated_column() -> None:
    given = table(x=SKEWED, y=LONG, z=EVEN)
    _, details = treat(
        given, how="winsorise_then", max_points=1, by={"y": {"then": "boxcox", "power": 0, "combine": True}}
    )
    frame = treatment_details(details)
    assert frame.columns == [
        *("code", "how", "skew_before", "kurtosis_before", "fails_before", "points_winsorised"),
        *("transform", "power", "skew_after", "kurtosis_after", "passes_after"),
    ]
    x, y = frame.to_dicts()
    assert (x["code"], x["how"], x["points_winsorised"], x["transform"]) == ("x", "winsorise", 1, "")
    assert x["power"] is None
    assert (y["code"], y["how"], y["points_winsorised"], y["power"]) == ("y", "winsorise+boxcox", 1, 0.0)
    assert x["fails_before"]
    assert x["passes_after"]
    assert x["skew_before"] > 2 > x["skew_after"]


def test_the_table_of_details_of_nothing_has_its_columns() -> None:
    assert treatment_details({}).shape == (0, 11)
