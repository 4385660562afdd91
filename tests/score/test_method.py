"""A method is plain data: TOML round trip, exceptions, hash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from citygauge import Method

CONTRACT = """
weights = "default"
[screen]
rule = "missing"
min_availability = 0.8
include = []
exclude = []
[impute]
how = "group_mean"
group = "GDP_group"
[treat]
how = "winsorise_then"
max_points = 5
skew = 2.0
kurtosis = 3.5
then = "log"
exclude = []
[normalise]
how = "minmax"
low = 0
high = 100
[normalise.by.LPI]
how = "goalposts"
low = 2.5
high = 4.2
[aggregate]
how = "arithmetic"
min_availability = 0.0
[aggregate.by."2"]
how = "geometric"
min_availability = 0.6
[grades]
scale = "smart-2021"
[round]
ties = "min"
"""


def test_the_contracts_method_reads_and_comes_back_equal() -> None:
    method = Method.from_toml(CONTRACT)
    assert Method.from_toml(method.to_toml()) == method
    assert Method.from_toml(method.to_toml()).hash == method.hash
    assert method.treat.max_points == 5


def test_an_exception_with_another_method_lies_on_the_default_methods_range() -> None:
    normalise = Method.from_toml(CONTRACT).normalise
    assert normalise.of("LPI").how == "goalposts"
    assert normalise.onto("LPI") == (0, 100)
    assert normalise.onto("Flights") == (0, 100)


def test_an_exception_keeps_every_default_it_does_not_name() -> None:
    method = Method.from_toml(
        '[normalise]\nhow = "minmax"\nlow = 1\nhigh = 50\n[normalise.by.x]\nhigh = 60\n'
    )
    assert (method.normalise.of("x").low, method.normalise.of("x").high) == (1, 60)
    treat = Method.from_toml(
        '[treat]\nhow = "winsorise_then"\nskew = 1.5\n[treat.by.x]\nmax_points = 9\n'
    ).treat
    assert (treat.of("x").skew, treat.of("x").max_points) == (1.5, 9)


def test_the_hash_is_that_of_the_meaning_not_of_the_text() -> None:
    spelt_out = Method.from_toml('[aggregate]\nhow = "arithmetic"\nmin_availability = 0\n')
    assert spelt_out.hash == Method().hash
    assert spelt_out.replace(weights="equal").hash != Method().hash


def test_replace_leaves_the_original_alone() -> None:
    method = Method.from_toml(CONTRACT)
    other = method.replace(**{"treat.max_points": 2, "aggregate.by.2.how": "arithmetic"})
    assert other.treat.max_points == 2
    assert method.treat.max_points == 5
    assert other.aggregate.by["2"]["how"] == "arithmetic"
    assert method.aggregate.by["2"]["how"] == "geometric"


@given(st.sampled_from(["minmax", "zscore", "goalposts"]), st.floats(0, 0.99), st.integers(1, 100))
def test_every_method_survives_its_own_toml(how: str, share: float, high: int) -> None:
    normalise: dict[str, object] = {"how": how}
    if how != "zscore":
        normalise |= {"low": 0, "high": high}
    method = Method().replace(normalise=normalise, screen={"min_availability": share})
    assert Method.from_toml(method.to_toml()) == method


@pytest.mark.parametrize(
    "text",
    [
        '[normalise]\nhow = "zscore"\nlow = 1',
        "[normalise]\nlow = 5\nhigh = 5",
        '[normalise.by.x]\nhow = "goalposts"\nlow = 1',
        '[impute]\nhow = "group_mean"',
        "[screen]\nmin_availability = 1.5",
        "[aggregate]\nminimum = 1",
        '[aggregate.by.x]\nhow = "median-ish"',
        "[treat]\nskew = nan",
    ],
)
def test_a_setting_that_would_be_ignored_or_is_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Method.from_toml(text)
