"""Colours: told apart in a grey print and by eyes that lack a kind of cone."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from citygauge.report.charts.base import GREY, INK
from citygauge.report.charts.colours import (
    CATEGORIES,
    DASHES,
    DIVERGING,
    SEQUENTIAL,
    SHAPES,
    ink_on,
    lightness,
    mixed,
)

# Machado, Oliveira & Fernandes (2009), doi:10.1109/TVCG.2009.113: matrices at severity 1, on linear RGB.
VISION = {
    "no red cones": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]
    ],
    "all cones": np.eye(3),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(values: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(values, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_any_two_categories_differ_for_every_kind_of_eye(vision: str) -> None:
    seen = [lab(np.array(VISION[vision]) @ linear(colour)) for colour in CATEGORIES]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 20


def test_categories_differ_in_a_grey_print_and_neighbours_differ_much() -> None:
    light = [lab(linear(colour))[0] for colour in CATEGORIES]
    assert min(abs(a - b) for a, b in combinations(light, 2)) > 8
    assert min(abs(a - b) for a, b in pairwise(light)) > 16


def test_every_category_has_a_shape_and_a_dash_of_its_own() -> None:
    assert len(set(CATEGORIES)) == len(set(SHAPES)) == len(set(DASHES)) == len(CATEGORIES) == 8


@pytest.mark.parametrize("n", [2, 3, 5, 7, 9])
def test_a_sequence_gets_darker_in_steps_that_can_be_seen(n: int) -> None:
    light = [lab(linear(colour))[0] for colour in SEQUENTIAL(n)]
    assert len(light) == n
    assert min(a - b for a, b in pairwise(light)) > 55 / n


def test_sequences_of_none_and_one_are_no_special_case() -> None:
    assert SEQUENTIAL(0) == ()
    assert len(SEQUENTIAL(1)) == 1


def test_the_diverging_palette_is_lightest_in_the_middle_and_falls_to_both_sides() -> None:
    light = [lab(linear(colour))[0] for colour in DIVERGING]
    middle = len(light) // 2
    assert all(a < b for a, b in pairwise(light[: middle + 1]))
    assert all(a > b for a, b in pairwise(light[middle:]))


def test_the_ends_of_the_diverging_palette_differ_for_every_kind_of_eye() -> None:
    for matrix in VISION.values():
        low, high = (lab(np.array(matrix) @ linear(colour)) for colour in (DIVERGING[0], DIVERGING[-1]))
        assert np.linalg.norm(low - high) > 30


def test_lightness_is_that_of_the_cie() -> None:
    # L* of middle grey #777777 is 50.03 (Y = 0.1845), by the formula of CIE 15.
    for colour in (*CATEGORIES, "#777777", "#010101"):
        assert lightness(colour) == pytest.approx(lab(linear(colour))[0], abs=0.01)


def test_text_on_any_colour_has_the_contrast_of_large_text_at_least() -> None:
    for colour in (*CATEGORIES, *SEQUENTIAL(9), *DIVERGING):
        light, dark = sorted(float(TO_XYZ[1] @ linear(c)) for c in (colour, ink_on(colour)))[::-1]
        assert (light + 0.05) / (dark + 0.05) >= 3.0  # WCAG 2.2, 1.4.3
    assert {ink_on(colour) for colour in CATEGORIES} == {"#ffffff", INK}


def test_small_text_in_grey_can_be_read_on_white() -> None:
    assert 1.05 / (float(TO_XYZ[1] @ linear(GREY)) + 0.05) >= 4.5


def test_a_mixture_goes_from_one_colour_to_the_other() -> None:
    assert mixed("#102030", "#ffffff", 0) == "#102030"
    assert mixed("#102030", "#ffffff", 1) == "#ffffff"
