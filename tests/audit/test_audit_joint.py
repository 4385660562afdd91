"""The linear system of all printed means: scales of weights, open ends, and parts of the same name."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.joint import class_of, class_rows, shares, system_of
from citygauge.audit.linear import Row, System
from citygauge.audit.published import ROOT, Grade, Group, Line, Node, Published, Unit
from citygauge.audit.wording import names

CENT = Decimal("0.01")


def index(means: dict[str, str], weights: dict[str, Figure], rule="half_up") -> Published:
    nodes = {ROOT: Node(ROOT, None, "总", "All")} | {c: Node(c, ROOT, c, c) for c in means if c != ROOT}
    figures = [Figure(f"{c}.mean", Decimal(value), CENT, rule) for c, value in means.items()]
    return Published("试", "trial", nodes, {f.id: f for f in (*figures, *weights.values())})


def about(code: str, text: str, tolerance: str = "0") -> Figure:
    return Figure(f"{code}.weight", Decimal(text), tolerance=Decimal(tolerance))


def status(overall: str, weights: dict[str, Figure], a: str = "0.40", b: str = "0.60") -> str:
    return system_of(index({ROOT: overall, "a": a, "b": b}, weights)).status()


@pytest.mark.parametrize("scale", [1, 10, 100, 1000])
def test_weights_with_a_tolerance_tie_alike_on_every_scale(scale):
    # 0.4 w + 0.6 (1 - w) with w within 0.02 of 0.3 is between 0.536 and 0.544, before rounding.
    near = {
        c: about(c, str(Decimal(w) * scale), str(Decimal("0.02") * scale))
        for c, w in [("a", "0.3"), ("b", "0.7")]
    }
    assert status("0.54", near) == "holds"
    assert status("0.56", near) == "cannot"
    assert shares(index({"a": "0", "b": "0"}, near), ROOT)["a"] == Interval(
        Fraction(28, 100), Fraction(32, 100)
    )


def test_a_percentage_beside_a_weight_that_is_not_printed_is_a_share_of_a_hundred():
    half = {"a": about("a", "50")}
    assert status("0.50", half) == "holds"
    assert status("0.45", half) == "cannot"


def test_a_part_without_weight_does_not_matter():
    # Figures of 0 stand for numbers short of both their ends; the second weight, not printed, can only be 1.
    assert status("0.00", {"a": about("a", "0")}, a="0.00", b="0.00") == "holds"


def test_an_open_end_of_a_part_that_counts_leaves_the_sum_open():
    # b is at most 0.605 and a below 0.405, with a weight of at least 0.4: the sum stays below 0.525.
    near = {"a": about("a", "0.5", "0.1"), "b": about("b", "0.5", "0.1")}
    published = index({"a": "0.40", "b": "0.60"}, near)
    b = Figure("b.mean", Decimal("0.60"), CENT, "unknown")
    published = Published("试", "t", published.nodes, {**published.figures, "b.mean": b})
    high = system_of(published).extent({"overall.mean": Fraction(1)})
    assert (high.high, high.high_open) == (Fraction("0.525"), True)


def test_a_grade_and_a_group_of_one_name_are_two_things():
    one, half = Fraction(1), Fraction(1, 2)
    units = {u: Unit(u, u) for u in "xyz"}
    grades = (
        Grade("east", "东", "East", Interval(half, one), ("x",)),
        Grade("rest", "余", "Rest", Interval(Fraction(0), half), ("y", "z")),
    )
    groups = (Group("east", "东", "East", "region", ("y",)),)
    figures = [
        Figure("group.east.mean", Decimal("0.20"), CENT),
        Figure("grade.east.mean", Decimal("0.90"), CENT),
    ]
    nodes = {ROOT: Node(ROOT, None, "总", "All")}
    of = Published(
        "试", "t", nodes, {f.id: f for f in figures}, units=units, grades=grades, groups=groups,
    )  # fmt: skip
    assert class_of(of, "x") == ("grade.east",)
    assert class_of(of, "y") == ("grade.rest", "group.east")
    rows: tuple[Row, ...] = tuple(class_rows(of, Line("mean")))
    assert System(rows).status() == "holds"


def test_a_long_list_is_counted_in_words_that_fit_units_and_figures():
    zh, en = names([(str(i), str(i)) for i in range(8)])
    assert zh.endswith("等 8 个")
    assert en.endswith("and 2 more")
