from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gmean, hmean
from tables_of_units import (
    EGDI_NODES,
    EGDI_WEIGHTS,
    HDI_COLUMNS,
    HDI_NODES,
    HDI_WEIGHTS,
    Reference,
    egdi_cells,
    hdi_cells,
    hdi_digits,
    table,
)

from citygauge.audit.cells import check
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.findings import Finding
from citygauge.audit.joint import line_rows, parent_rows
from citygauge.audit.linear import System
from citygauge.audit.monotone import average, largest, mean, score, smallest, spread
from citygauge.audit.published import ROOT, Goalposts, Grade, Group, Line, Node, Published

F, D = Fraction, Decimal
AB = (Node(ROOT, None, "总指数", "Index"), Node("a", ROOT, "甲", "A"), Node("b", ROOT, "乙", "B"))
EQUAL = {"a": D(1), "b": D(1)}
HALVES = (Interval(F(1, 2), F(1, 2)),) * 2


def of(published: Published, touching: frozenset[str] | None = None) -> dict[str, Finding]:
    found = list(check(published, touching))
    assert len({finding.id for finding in found}) == len(found)
    for finding in found:
        assert all((finding.claim_zh, finding.claim_en, finding.text_zh, finding.text_en))
        assert "{" not in finding.text_zh + finding.text_en + finding.claim_zh + finding.claim_en
        assert finding.certificate is None or not finding.certificate.terms or finding.certificate.holds()
    return {finding.id: finding for finding in found}


def two_parts(
    *rows: tuple[str, str, str], nodes: tuple[Node, ...] = AB, digits: int = 2, **more: object
) -> Published:
    """Return a table of an index with two parts, a row for each unit u0, u1 …; blanks are not printed."""
    codes = [node.code for node in nodes]
    cells = {
        ("", f"u{i}", code): D(text)
        for i, row in enumerate(rows)
        for code, text in zip(codes, row, strict=True)
        if text
    }
    return table(nodes, cells, more.pop("weights", EQUAL), lambda *_: digits, **more)  # type: ignore[arg-type]


def only(**figures: str) -> tuple[Figure, ...]:
    """Return figures with as many decimals as are written, ``overall_mean`` for ``overall.mean``."""
    made = []
    for key, text in figures.items():
        value = D(text)
        made.append(Figure(key.replace("_", "."), value, D(1).scaleb(int(value.as_tuple().exponent))))
    return tuple(made)


# Means of intervals


values = st.fractions(min_value=0, max_value=1, max_denominator=200)


@st.composite
def boxes(draw: st.DrawFn, size: int = 3) -> list[Interval]:
    ends = [sorted((draw(values), draw(values))) for _ in range(size)]
    return [Interval(low, high) for low, high in ends]


@pytest.mark.parametrize("how", ["arithmetic", "geometric", "harmonic"])
@given(parts=boxes(), counts=st.lists(st.integers(1, 9), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_the_ends_of_a_mean_are_those_that_scipy_finds_at_the_ends_of_its_parts(how, parts, counts):
    weights = [Interval(F(n, sum(counts)), F(n, sum(counts))) for n in counts]
    found = mean(how, parts, weights)
    known = {"arithmetic": np.average, "geometric": gmean, "harmonic": hmean}[how]
    for end, ours in (("low", found.low), ("high", found.high)):
        at = [float(getattr(part, end)) for part in parts]
        with np.errstate(divide="ignore"):
            expected = 0.0 if how != "arithmetic" and min(at) == 0 else float(known(at, weights=counts))
        assert float(ours) == pytest.approx(expected, abs=1e-12)


@given(x=values, y=values, n=st.integers(1, 5), m=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_a_geometric_mean_is_enclosed_exactly_as_powers_of_whole_numbers_tell(x, y, n, m):
    weights = [Interval(F(n, n + m), F(n, n + m)), Interval(F(m, n + m), F(m, n + m))]
    found = mean("geometric", [Interval(x, x), Interval(y, y)], weights)
    product = x**n * y**m
    assert found.low ** (n + m) <= product <= found.high ** (n + m)
    assert found.high - found.low <= F(3, 10**50)


def test_a_geometric_mean_that_is_a_fraction_is_found_exactly():
    parts = [Interval(F(8, 27), F(8, 27)), Interval(F(1), F(1)), Interval(F(1, 8), F(1, 8))]
    third = (Interval(F(1, 3), F(1, 3)),) * 3
    assert mean("geometric", parts, third) == Interval(F(1, 3), F(1, 3))
    # 0.34, 0.33, 0.33: the hundredth root of a number of two hundred digits.
    uneven = tuple(Interval(F(n, 100), F(n, 100)) for n in (34, 33, 33))
    assert mean("geometric", [Interval(F(7, 9), F(7, 9))] * 3, uneven) == Interval(F(7, 9), F(7, 9))


@pytest.mark.parametrize("how", ["arithmetic", "geometric", "harmonic"])
@given(parts=boxes(), spans=boxes())
@settings(max_examples=25, deadline=None)
def test_weights_in_ranges_give_the_extremes_of_a_fine_grid_of_weights(how, parts, spans):
    grid = [(i, j, 20 - i - j) for i in range(21) for j in range(21 - i)]
    inside = [g for g in grid if all(F(n, 20) in span for n, span in zip(g, spans, strict=True))]
    if not inside:
        return
    found = mean(how, parts, spans)
    for g in inside:
        fixed = mean(how, parts, [Interval(F(n, 20), F(n, 20)) for n in g])
        assert found.low - F(1, 10**40) <= fixed.low <= fixed.high <= found.high + F(1, 10**40)
    corner = {F(0), F(1)}
    if all({span.low, span.high} <= corner for span in spans) and how == "arithmetic":
        used = [part for part, span in zip(parts, spans, strict=True) if span.high]
        assert found.high == max(part.high for part in used)


@pytest.mark.parametrize(
    ("how", "parts", "text"),
    [
        ("arithmetic", (Interval(F(0), F(1), True), Interval(F(0), F(1))), "(0, 1]"),
        ("geometric", (Interval(F(0), F(1), True), Interval(F(0), F(1))), "[0, 1]"),  # the other may be 0
        ("geometric", (Interval(F(0), F(1), True), Interval(F(0), F(1), True)), "(0, 1]"),
        ("geometric", (Interval(F(0), F(0)), Interval(F(0), F(1), True, True)), "[0, 0]"),
        ("harmonic", (Interval(F(1, 2), F(1), False, True), Interval(F(1, 2), F(1))), "[0.5, 1)"),
        ("arithmetic", (Interval(F(1), None), Interval(F(0), F(1))), "[0.5, ∞)"),
        ("geometric", (Interval(F(-2), F(-1)), Interval(F(0), F(1))), "(-∞, ∞)"),
    ],
)
def test_an_end_is_open_only_where_it_is_not_attained(how, parts, text):
    assert str(mean(how, parts, HALVES)) == text


@pytest.mark.parametrize(
    ("raw", "posts", "text"),
    [
        (Interval(F(15), F(20), True, True), (0, 15, "linear"), "[1, 1]"),  # all beyond the cap
        (Interval(F(14), F(15), True, True), (0, 15, "linear"), "(0.9333, 1)"),
        (Interval(F(14), F(16), True, True), (0, 15, "linear"), "(0.9333, 1]"),  # 15 itself is inside
        (Interval(F(-1), F(3), True, True), (0, 15, "linear"), "[0, 0.2)"),
        (Interval(F(3), F(6), True), (15, 0, "linear"), "[0.6, 0.8)"),  # less is better
        (Interval(F(100), F(75000)), (100, 75000, "log"), "[0, 1]"),
        (Interval(F(1000), F(1000)), (100, 10000, "log"), "[0.5000, 0.5000]"),
        (Interval(None, None), (0, 15, "linear"), "[0, 1]"),
        (Interval(F(1), F(2)), (5, 5, "linear"), "[0, 1]"),
        (Interval(F(1), F(2)), (0, 5, "log"), "[0, 1]"),
    ],
)
def test_raw_values_become_scores_between_their_goalposts(raw, posts, text):
    goalposts = Goalposts(D(posts[0]), D(posts[1]), posts[2])
    assert str(score(raw, goalposts, Interval(F(0), F(1)))) == text


@given(st.fractions(min_value=101, max_value=74999, max_denominator=100))
@settings(max_examples=30, deadline=None)
def test_a_logarithm_is_enclosed_and_no_wider_than_it_need_be(value):
    found = score(Interval(value, value), Goalposts(D(100), D(75000), "log"), Interval(F(0), F(100)))
    expected = 100 * math.log(value / 100) / math.log(750)
    assert float(found.low) == pytest.approx(expected, abs=1e-11)
    assert 0 < found.high - found.low < F(1, 10**46)


@given(boxes(5), st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_range_of_a_standard_deviation_holds_every_corner_and_its_lower_end_is_attained(parts, sample):
    found = spread(parts, sample)
    corners = itertools.product(*((float(part.low), float(part.high)) for part in parts))
    deviations = [np.std(corner, ddof=int(sample)) for corner in corners]
    assert float(found.low) - 1e-12 <= min(deviations)
    assert max(deviations) <= float(found.high) + 1e-12
    # By another way: pull all numbers to one point, and move the point to their mean until it rests.
    lows, highs = (np.array([float(getattr(p, end)) for p in parts]) for end in ("low", "high"))
    point = 0.5
    for _ in range(400):
        point = np.clip(point, lows, highs).mean()
    least = np.std(np.clip(point, lows, highs), ddof=int(sample))
    assert float(found.low) == pytest.approx(least, abs=1e-3)


def test_the_smallest_the_largest_and_the_average_of_intervals_keep_open_ends():
    parts = [Interval(F(0), F(2), True, True), Interval(F(0), F(3)), Interval(F(1), F(3), False, True)]
    assert str(smallest(parts)) == "[0, 2)"
    assert str(largest(parts)) == "[1, 3]"
    assert str(average(parts)) == "(0.3333, 2.6667)"
    assert str(largest([*parts, Interval(F(4), None)])) == "[4, ∞)"


# Rows


def test_every_row_of_the_human_development_index_agrees_with_its_parts(reference: Reference):
    found = of(table(HDI_NODES, hdi_cells(reference), HDI_WEIGHTS, hdi_digits))
    assert Counter(finding.verdict for finding in found.values()) == {"possible": 12}
    assert found["cell.2019:t.overall"].text_en.startswith("192 rows were checked")


def test_a_wrong_last_digit_of_the_human_development_index_is_found_wherever_it_shows(reference: Reference):
    cells = hdi_cells(reference)
    cells = {key: value for key, value in cells.items() if key[0] == "2019"}
    wrong = {key: value + D("0.001") * (key[2] == ROOT) for key, value in cells.items()}
    found = of(table(HDI_NODES, wrong, HDI_WEIGHTS, hdi_digits, "half_up"))
    faults = {key for key, finding in found.items() if finding.verdict == "impossible"}
    expected = set()
    for period, unit in {key[:2] for key in cells}:
        raw = {code: float(cells[period, unit, code]) for code in HDI_COLUMNS}
        health = (min(raw["health"], 85) - 20) / 65
        education = (min(raw["eys"], 18) / 18 + min(raw["mys"], 15) / 15) / 2
        income = math.log(min(raw["income"], 75000) / 100) / math.log(750)
        exact = (health * education * income) ** (1 / 3)
        # Life expectancy is printed to three places, which is worth 0.000003 of the index.
        off = float(wrong[period, unit, ROOT]) - exact
        if abs(off) > 0.00051:
            expected.add(f"cell.{period}:t/{unit}/overall")
        elif abs(off) > 0.00049:
            faults.discard(f"cell.{period}:t/{unit}/overall")
    assert faults == expected
    assert len(expected) > 160


def test_the_e_government_index_of_2014_agrees_only_with_human_capital_at_four_decimals(reference: Reference):
    cells = egdi_cells(reference)
    five = of(table(EGDI_NODES, cells, EGDI_WEIGHTS, lambda *_: 5))
    impossible = [key for key, finding in five.items() if finding.verdict == "impossible"]
    assert len(impossible) == 99
    assert {key.partition("/")[0] for key in impossible} == {"cell.2014:t"}
    for unit in {unit for period, unit, _ in cells if period == "2014"}:
        whole, *parts = (int(cells["2014", unit, code] * 100000) for code in (ROOT, "osi", "tii", "hci"))
        # Three times the index against the sum of its parts, each within half a unit, none above 1.
        high = sum(min(2 * part + 1, 200000) for part in parts)
        nearest = 6 * whole - 3 < high and sum(2 * part - 1 for part in parts) < 6 * whole + 3
        assert (f"cell.2014:t/{unit}/overall" in impossible) == (not nearest)
    summary = five["cell.2014:t.overall"]
    assert "99 of these rows hold" in summary.text_en
    assert "Human capital to 4 decimals" in summary.text_en
    assert summary.bounds[0].interval.low == F(11, 600000)
    four = of(table(EGDI_NODES, cells, EGDI_WEIGHTS, lambda p, c: 4 if (p, c) == ("2014", "hci") else 5))
    assert {finding.verdict for finding in four.values()} == {"possible"}
    assert "9 further rows have blank cells" in four["cell.2010:t.overall"].text_en


def test_a_row_that_cannot_be_is_proved_and_told_with_its_miss():
    found = of(two_parts(("0.60", "0.40", "0.80"), ("0.70", "0.40", "0.80")))
    fault = found["cell.t/u1/overall"]
    assert (fault.verdict, fault.severity) == ("impossible", "high")
    assert fault.figures == ("t/u1/overall", "t/u1/a", "t/u1/b", "a.weight", "b.weight")
    assert fault.bounds[0].interval == Interval(F("0.595"), F("0.605"))
    assert fault.certificate is not None
    assert fault.certificate.gap == F("0.605") - F("0.695")
    assert "at least 0.09 away" in fault.text_en
    assert "至少相差 0.09" in fault.text_zh
    assert found["cell.t.overall"].text_en.startswith("2 rows were checked: 1 hold and 1 do not")


def test_the_proof_leaves_out_what_it_does_not_need():
    # Above 0.5 + 0.305 whatever B is.
    fault = of(two_parts(("0.90", "0.60", "0.90")))["cell.t/u0/overall"]
    assert fault.certificate is not None
    assert fault.certificate.figures == ("t/u0/overall", "t/u0/a", "a.weight", "b.weight")
    assert fault.certificate.holds()


def test_a_printed_intermediate_node_is_held_to_its_own_parts_too():
    nodes = (
        *AB[:2],
        Node("b", ROOT, "乙", "B"),
        Node("c", "b", "丙", "C"),
        Node("d", "b", "丁", "D"),
    )
    weights = {**EQUAL, "c": D(1), "d": D(1)}
    # B may print as 0.60 from 0.6045 + 0.6045 at most; the index 0.80 needs B above 0.600.
    exact = {("", "u", ROOT): D("0.8025"), ("", "u", "a"): D("1.000"), ("", "u", "b"): D("0.60"),
             ("", "u", "c"): D("0.600"), ("", "u", "d"): D("0.600")}  # fmt: skip
    digits = {ROOT: 4, "a": 3, "b": 2}
    found = of(table(nodes, exact, weights, lambda _, code: digits.get(code, 3), scale=Interval(F(0), F(1))))
    fault = found["cell.t/u/overall"]
    assert fault.verdict == "impossible"
    assert {"t/u/c", "t/u/d"} <= set(fault.figures)
    assert fault.certificate is not None
    assert fault.certificate.terms
    assert found["cell.t.b"].verdict == "possible"


def test_a_geometric_parent_is_checked_in_rows_where_a_sum_would_be_wrong():
    nodes = (replace(AB[0], how="geometric"), *AB[1:])
    found = of(
        two_parts(("0.30", "0.10", "0.90"), ("0.50", "0.10", "0.90"), ("0.00", "0.00", "0.90"), nodes=nodes)
    )
    assert [key for key in found if "/" in key] == ["cell.t/u1/overall"]
    assert found["cell.t/u1/overall"].certificate is not None
    assert found["cell.t/u1/overall"].certificate.terms == ()


def test_a_harmonic_parent_is_checked_in_rows():
    nodes = (replace(AB[0], how="harmonic"), *AB[1:])
    found = of(two_parts(("0.18", "0.10", "0.90"), ("0.30", "0.10", "0.90"), nodes=nodes))
    assert [key for key in found if "/" in key] == ["cell.t/u1/overall"]


def test_without_weights_a_geometric_parent_must_still_lie_between_its_parts_and_a_sum_is_left_alone():
    rows = (("0.30", "0.10", "0.90"), ("0.95", "0.10", "0.90"))
    nodes = (replace(AB[0], how="geometric"), *AB[1:])
    found = of(two_parts(*rows, nodes=nodes, weights={}))
    assert found["cell.t.overall"].verdict == "not_checkable"
    assert found["cell.t/u1/overall"].verdict == "impossible"
    assert not any("overall" in key for key in of(two_parts(*rows, weights={})))


def test_weights_with_a_tolerance_widen_what_a_row_allows():
    rows = (("0.60", "0.10", "0.90"), ("0.70", "0.10", "0.90"))
    made = two_parts(*rows, weights={})
    weights = {
        f"{code}.weight": Figure(f"{code}.weight", D("0.5"), tolerance=D("0.12")) for code in ("a", "b")
    }
    found = of(replace(made, figures={**made.figures, **weights}))
    assert [key for key in found if "/" in key] == ["cell.t/u1/overall"]
    # 0.38 · 0.105 + 0.62 · 0.905
    assert found["cell.t/u1/overall"].bounds[0].interval.high == F("0.601")
    none = {**made.figures, **{key: replace(f, value=D("0.2")) for key, f in weights.items()}}
    assert of(replace(made, figures=none))["cell.t.overall"].verdict == "not_checkable"


def test_printed_percentages_rounded_to_whole_ones_are_weights_too():
    made = two_parts(("0.50", "0.10", "0.90"), ("0.60", "0.10", "0.90"), weights={})
    weights = {f"{c}.weight": Figure(f"{c}.weight", D(50), D(1)) for c in ("a", "b")}
    found = of(replace(made, figures={**made.figures, **weights}))
    assert [key for key in found if "/" in key] == ["cell.t/u1/overall"]


def test_rows_with_a_blank_cell_are_counted_and_not_judged():
    found = of(two_parts(("0.99", "0.10", ""), ("0.50", "0.10", "0.90")))
    assert "1 further rows have blank cells" in found["cell.t.overall"].text_en
    assert not [key for key in found if "/" in key]
    alone = of(two_parts(("0.99", "0.10", "")))["cell.t.overall"]
    assert alone.verdict == "not_checkable"


def test_rows_that_need_figures_cut_off_are_one_finding_where_all_can_be_so():
    # 0.59 is cut off to 0.5, and rounds to 0.6.
    made = two_parts(("0.5", "0.59", "0.59"), ("0.3", "0.39", "0.39"))
    coarse = {k: replace(f, step=D("0.1")) if k.endswith("overall") else f for k, f in made.figures.items()}
    found = of(replace(made, figures=coarse))
    finding = found["cell.t.overall.cut"]
    assert (finding.verdict, finding.severity, finding.touch) == ("only_if", "medium", ("truncated",))
    assert not [key for key in found if "/" in key]
    mixed = two_parts(("0.5", "0.59", "0.59"), ("0.4", "0.39", "0.39"))
    coarse = {k: replace(f, step=D("0.1")) if k.endswith("overall") else f for k, f in mixed.figures.items()}
    found = of(replace(mixed, figures=coarse))
    assert found["cell.t/u0/overall"].verdict == "only_if"
    assert "cell.t.overall.cut" not in found


def test_rows_just_half_way_are_one_finding_with_the_rules_under_which_they_hold():
    made = two_parts(("0.5", "0.4", "0.5"), ("0.7", "0.6", "0.7"))
    figures = {
        k: replace(f, step=D("0.1") if k.endswith("overall") else D(0)) for k, f in made.figures.items()
    }
    tied = of(replace(made, figures=figures))["cell.t.overall.ties"]
    assert (tied.verdict, tied.severity, tied.touch) == ("only_if", "low", ("half_up",))  # 0.45 and 0.65
    uneven = of(replace(made, figures=figures).with_value("t/u1/overall", D("0.6")))["cell.t.overall.ties"]
    assert uneven.touch == ()
    assert "none makes all rows hold at once" in uneven.text_en


@given(
    st.lists(st.integers(0, 20), min_size=3, max_size=3),
    st.sampled_from(["half_up", "half_even", "half_down", "truncated"]),
    st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_a_row_is_judged_as_the_linear_system_of_its_figures_is(cells, rule, weight):
    whole, a, b = (D(n) / 20 for n in cells)
    published = two_parts(
        (str(whole), str(a), str(b)), rule=rule, weights={"a": D(weight), "b": D(1)}, digits=1
    )
    line = published.lines[0]
    rows = tuple(line_rows(published, line))
    assert set(parent_rows(published, line, ROOT).__next__().figures) == {"a.weight", "b.weight"}
    settled = System(rows).settle()
    scale = [key for key in of(published) if key.endswith(".range") and "/" in key]
    if not scale:
        assert ("cell.t/u0/overall" in of(published)) == (settled.status != "holds")


@given(st.lists(st.integers(0, 100), min_size=3, max_size=3), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_no_figure_of_a_proof_can_be_spared_and_none_outside_it_is_needed(cells, weight):
    whole, a, b = (str(D(n) / 100) for n in cells)
    published = two_parts((whole, a, b), rule="half_up", weights={"a": D(weight), "b": D(1)})
    fault = of(published).get("cell.t/u0/overall")
    if fault is None or fault.certificate is None or not fault.certificate.terms:
        return
    proof = set(fault.certificate.figures)
    system = System(tuple(line_rows(published, published.lines[0])))
    system = system.without(set(published.figures) - proof)
    assert system.settle().status != "holds"
    for key in proof - {"a.weight", "b.weight"}:
        assert system.without({key}).settle().status == "holds"


def test_only_what_a_figure_touches_is_checked_again():
    published = two_parts(
        ("0.70", "0.40", "0.60"), ("0.70", "0.40", "0.60"), figures=only(overall_mean="0.70")
    )
    assert "cell.t/u0/overall" in of(published, frozenset({"t/u0/a"}))
    assert "cell.t/u1/overall" not in of(published, frozenset({"t/u0/a"}))
    assert set(of(published, frozenset({"overall.mean"}))) == {"cell.t.mean.overall"}
    assert {"cell.t/u0/overall", "cell.t/u1/overall"} <= set(of(published, frozenset({"a.weight"})))
    assert of(published, frozenset({"units.n"})) == {}


# Scale and rows that repeat


def test_a_cell_beyond_the_scale_is_a_fault_and_one_that_only_rounds_to_its_end_is_not():
    found = of(two_parts(("0.55", "1.10", "0.00"), ("1.00", "1.00", "1.00")))
    fault = found["cell.t/u0/a.range"]
    assert fault.verdict == "impossible"
    assert fault.bounds[0].interval == Interval(F(0), F(1))
    assert "6 figures were checked; 1 do not" in found["cell.t.range"].text_en
    assert "cell.t/u0/overall" not in found  # 0.55 is the mean of 1.10 and 0.00 all the same
    free = of(two_parts(("0.55", "1.10", "0.00"), scale=Interval()))
    assert not [key for key in free if key.endswith("range")]


def test_a_unit_with_two_rows_and_rows_that_are_alike_throughout_are_pointed_out():
    made = two_parts(*((f"0.{n}", f"0.{n}", f"0.{n}") for n in range(10, 40)))
    assert of(made)["cell.t.rows"].verdict == "possible"
    repeated = list(check(replace(made, lines=(*made.lines, Line("unit", "", "t", "u3")))))
    assert next(f for f in repeated if f.id == "cell.t.rows").severity == "medium"
    wide = {("", f"u{i}", code): D(i % 61) / 100 for i in range(62) for code in (ROOT, "a", "b", "c")}
    finding = of(table((*AB, Node("c", ROOT, "丙", "C")), wide, {}, lambda *_: 2))["cell.t.rows"]
    assert (finding.verdict, finding.severity) == ("only_if", "low")
    assert "u0 and u61" in finding.text_en
    # With few different figures rows are alike by chance.
    few = two_parts(("0.5", "0.5", "0.5"), ("0.5", "0.5", "0.5"), digits=1)
    assert of(few)["cell.t.rows"].verdict == "possible"


# Columns


COLUMN = (("0.10", "0.10", "0.10"), ("0.20", "0.20", "0.20"), ("0.60", "0.60", "0.60"))


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("overall_mean", "0.30", "0.31"),
        ("overall_min", "0.10", "0.12"),
        ("overall_max", "0.60", "0.58"),
        ("overall_sd", "0.22", "0.30"),
    ],
)
def test_a_printed_statistic_is_held_to_its_column(key, good, bad):
    # By hand: mean 0.30 ± 0.005; population SD √(0.14 / 3) = 0.2160, sample SD √0.07 = 0.2646.
    name = f"cell.t.{key.partition('_')[2]}.overall"
    assert of(two_parts(*COLUMN, figures=only(**{key: good})))[name].verdict in ("possible", "only_if")
    fault = of(two_parts(*COLUMN, figures=only(**{key: bad})))[name]
    assert fault.verdict == "impossible"
    assert fault.certificate is not None
    assert fault.figures[0] == key.replace("_", ".")


def test_a_mean_is_proved_wrong_by_all_cells_and_a_minimum_by_one():
    fault = of(two_parts(*COLUMN, figures=only(overall_mean="0.31")))["cell.t.mean.overall"]
    assert fault.certificate is not None
    assert fault.certificate.figures == ("overall.mean", "t/u0/overall", "t/u1/overall", "t/u2/overall")
    assert fault.certificate.touches  # 0.315 or less against 0.305 or more: they share the end alone
    fault = of(two_parts(*COLUMN, figures=only(overall_min="0.12")))["cell.t.min.overall"]
    assert fault.certificate is not None
    assert fault.certificate.figures == ("overall.min", "t/u0/overall")


@pytest.mark.parametrize(("sd", "word"), [("0.216", "n, not by n − 1"), ("0.265", "n − 1, not by")])
def test_a_standard_deviation_tells_by_which_number_it_was_divided(sd, word):
    exact = two_parts(*COLUMN, figures=only(overall_sd=sd))
    finding = of(exact)["cell.t.sd.overall"]
    assert (finding.verdict, finding.severity) == ("only_if", "low")
    assert word in finding.text_en
    formula = "population" if sd == "0.265" else "sample"
    assert of(replace(exact, sd_formula=formula))["cell.t.sd.overall"].verdict == "impossible"


def test_units_without_a_row_count_as_anything_on_the_scale():
    low, high = only(overall_mean="0.80"), only(overall_mean="0.85")
    count = (Figure("units.n", D(10)),)
    # 0.9 is the sum of three; the other seven are at most 1 each: 0.79 + 0.0015.
    assert of(two_parts(*COLUMN, figures=(*low, *count)))["cell.t.mean.overall"].verdict == "impossible"
    fits = of(two_parts(*COLUMN, figures=(*only(overall_mean="0.79"), *count)))["cell.t.mean.overall"]
    assert fits.verdict == "possible"
    assert "7 units have no row" in fits.text_en
    assert of(two_parts(*COLUMN, figures=(*high, *count)))["cell.t.mean.overall"].verdict == "impossible"


def test_a_column_with_a_blank_cell_or_with_too_many_rows_is_not_judged():
    blank = of(two_parts(*COLUMN, ("", "0.10", "0.90"), figures=only(overall_mean="0.90")))
    assert blank["cell.t.mean.overall"].verdict == "not_checkable"
    many = of(two_parts(*COLUMN, figures=(*only(overall_mean="0.90"), Figure("units.n", D(2)))))
    assert many["cell.t.mean.overall"].verdict == "not_checkable"
    one = of(two_parts(COLUMN[0], figures=only(overall_sd="0.00"), sd_formula="sample"))
    assert one["cell.t.sd.overall"].verdict == "possible"


def test_printed_means_of_groups_and_grades_are_held_to_their_members():
    groups = (
        Group("north", "北部", "North", "area", ("u0", "u1")),
        Group("far", "远", "Far", "area", ("u9",)),
    )
    grades = (Grade("top", "领先", "Top", Interval(F(1, 2)), ("u2",)),)
    figures = tuple(
        Figure(key, D(value), D("0.01"))
        for key, value in (
            ("group.north.mean", "0.15"),
            ("group.far.mean", "0.9"),
            ("grade.top.mean", "0.50"),
        )
    )
    found = of(two_parts(*COLUMN, groups=groups, grades=grades, figures=figures))
    assert found["cell.t.mean.group.north"].verdict == "possible"
    assert found["cell.t.mean.grade.top"].verdict == "impossible"
    assert "cell.t.mean.group.far" not in found


def test_a_statistic_of_one_period_is_held_to_the_rows_of_that_period():
    cells = {
        (p, u, c): D(v)
        for p, v in (("2019", "0.20"), ("2020", "0.40"))
        for u in "xy"
        for c in (ROOT, "a", "b")
    }
    figures = (
        Figure("2019:overall.mean", D("0.40"), D("0.01")),
        Figure("2020:overall.mean", D("0.40"), D("0.01")),
    )
    found = of(table(AB, cells, EQUAL, lambda *_: 2, figures=figures))
    assert found["cell.2019:t.mean.overall"].verdict == "impossible"
    assert found["cell.2020:t.mean.overall"].verdict == "possible"


def test_one_unit_all_zero_and_no_table_at_all_are_no_faults():
    assert {f.verdict for f in of(two_parts(("0.00", "0.00", "0.00"))).values()} == {"possible"}
    assert of(replace(two_parts(COLUMN[0]), lines=(Line("mean"),))) == {}


def test_a_table_of_four_thousand_cells_is_checked_in_a_moment():
    rng = random.Random(1)
    rows = [(rng.randrange(100), rng.randrange(100)) for _ in range(1300)]
    printed = [(str(D(a + b) / 200), str(D(a) / 100), str(D(b) / 100)) for a, b in rows]
    found = of(two_parts(*printed, digits=3))
    assert found["cell.t.overall"].verdict == "possible"
    assert len(found) == 3
