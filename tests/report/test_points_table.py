"""Scores printed in points: what each unit has of the full marks, and the vetoes that fired."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge import Method
from citygauge.framework.model import Framework, Node, Scheme
from citygauge.report.files import write_results
from citygauge.report.points import points_table, vetoes_table

Make = Callable[..., Path]

SCHEME = """\
code,parent,name_en,points,cap,role,direction,unit,scheme
I,,Total,100,110,,,,
P,I,Services,60,,,,,
a,P,Share,40,,,1,%,>=90: 40 ; >=60: 25 ; else: 0
b,P,Parts,20,,,1,item,each: 4
Q,I,Management,40,,,,,
c,Q,Errors,40,,,-1,item,each: -1
d,Q,Notices,5,,deduction,,item,each: 2
B,I,Extras,10,,bonus,,,
e,B,Models,6,,,1,item,each: 1.5
f,B,Pilots,4,,,1,item,each: 4
V,I,Accident,59,,veto,,item,
W,Q,Fraud,,,veto,,item,
"""
FACTS = """\
unit,indicator,value
1,a,75
1,b,3
1,c,4
1,d,1
1,e,2
1,f,1
1,V,0
1,W,0
2,a,95
2,b,5
2,c,0
2,d,0
2,e,
2,V,1
2,W,0
3,a,60
3,b,0
3,c,2
3,d,0
3,V,0
3,W,2
"""
METHOD = '[normalise]\nhow = "points"\n'
# By hand: P = 25 + 12; Q = 36 - 2; B = 3 + 4; in all 37 + 34 + 7.
FIRST = {"I": 78, "P": 37, "a": 25, "b": 12, "Q": 34, "c": 36, "d": -2, "B": 7, "e": 3, "f": 4}
FULL = {"I": 100, "P": 60, "a": 40, "b": 20, "Q": 40, "c": 40, "d": 5, "B": 10, "e": 6, "f": 4}


@pytest.fixture
def run(workspace: Make) -> Callable[..., cg.Result]:
    """Return a function that assesses the small scheme above, any file replaced."""

    def assess(**files: str) -> cg.Result:
        texts = {"framework__csv": SCHEME, "observations__csv": FACTS, "method__toml": METHOD}
        return cg.assess(cg.open(workspace(**{**texts, **files})))

    return assess


def of(frame: pl.DataFrame, unit: str, column: str = "points") -> dict[str, float | None]:
    rows = frame.filter(pl.col("unit_code") == unit)
    return dict(zip(rows["code"], rows[column], strict=True))


def test_the_points_of_a_unit_by_hand(run: Callable[..., cg.Result]) -> None:
    frame = points_table(run())
    assert frame.columns == ["unit_code", "code", "role", "points", "full_marks"]
    assert of(frame, "1") == pytest.approx(FIRST, abs=1e-9)
    assert of(frame, "1", "full_marks") == FULL
    assert {code: role for code, role in of(frame, "1", "role").items() if role} == {
        "d": "deduction", "B": "bonus", "e": "bonus", "f": "bonus",
    }  # fmt: skip


def test_points_are_the_same_on_every_range(run: Callable[..., cg.Result]) -> None:
    frames = [points_table(run(method__toml=f"{METHOD}scale = {scale}\n")) for scale in (1, 100, 7.3)]
    for frame in frames[1:]:
        np.testing.assert_allclose(
            frame["points"].fill_null(-99).to_numpy(),
            frames[0]["points"].fill_null(-99).to_numpy(),
            atol=1e-9,
        )


def test_what_is_missing_has_no_points_and_a_veto_leaves_what_it_leaves(
    run: Callable[..., cg.Result],
) -> None:
    frame = points_table(run())
    assert of(frame, "2")["I"] == pytest.approx(59)
    assert [of(frame, "2")[code] for code in "Be"] == [None, None]
    assert (of(frame, "3")["Q"], of(frame, "3")["I"]) == (0, pytest.approx(25))


def test_the_vetoes_that_fired_are_listed_with_what_they_leave(run: Callable[..., cg.Result]) -> None:
    frame = vetoes_table(run(method__toml=f"{METHOD}scale = 10\n"))
    assert frame.columns == ["unit_code", "code", "parent", "recorded", "limit"]
    assert frame.rows() == [("3", "W", "Q", 2, 0), ("2", "V", "I", 1, pytest.approx(5.9))]


def test_an_inspection_is_written_out_with_its_page_in_both_languages(
    run: Callable[..., cg.Result], tmp_path: Path
) -> None:
    write_results(run(), tmp_path / "results")
    for language, word in (("zh", "分值法"), ("en", "points")):
        assert word in (tmp_path / "results" / f"report.{language}.html").read_text(encoding="utf-8")


def test_no_veto_gives_an_empty_table_with_the_same_columns(run: Callable[..., cg.Result]) -> None:
    calm = FACTS.replace("2,V,1", "2,V,0").replace("3,W,2", "3,W,0")
    frame = vetoes_table(run(observations__csv=calm))
    assert (frame.height, frame.schema["recorded"]) == (0, pl.Float64)


def test_under_other_weights_the_full_marks_follow_them_and_still_add_up(
    run: Callable[..., cg.Result],
) -> None:
    frame = points_table(run(method__toml=f'weights = "equal"\n{METHOD}'))
    full, earned = of(frame, "1", "full_marks"), of(frame, "1")
    assert full == {"I": 100, "P": 50, "a": 25, "b": 25, "Q": 50, "c": 50, "d": 6.25, "B": 10, "e": 5, "f": 5}
    assert earned["P"] == pytest.approx(earned["a"] + earned["b"])
    assert earned["Q"] == pytest.approx(50 * 36 / 40 - 6.25 * 2 / 5)
    assert earned["I"] == pytest.approx(earned["P"] + earned["Q"] + earned["B"])


def test_pillars_marked_by_themselves_and_then_weighted_print_their_own_marks(workspace: Make) -> None:
    tree = (
        "code,parent,name_en,points,weight,direction,unit,scheme\nI,,I,100,,,,\nP,I,P,,0.3,,,\n"
        "a,P,a,100,,1,item,each: 10\nQ,I,Q,,0.7,,,\nb,Q,b,100,,1,item,each: 1\n"
    )
    facts = "unit,indicator,value\n1,a,8\n1,b,50\n"
    result = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=facts, method__toml=METHOD)))
    assert of(points_table(result), "1") == pytest.approx({"I": 59, "P": 80, "a": 80, "Q": 50, "b": 50})


def test_a_method_without_a_range_has_no_points(workspace: Make) -> None:
    tree = "code,parent,name_en,points,direction,unit\nI,,I,10,,\na,I,a,10,1,%\n"
    facts = "unit,indicator,value\n1,a,1\n2,a,2\n"
    files = {"framework__csv": tree, "observations__csv": facts}
    result = cg.assess(cg.open(workspace(**files, method__toml='[normalise]\nhow = "zscore"\n')))
    assert (points_table(result).height, points_table(result).columns[0]) == (0, "unit_code")


def test_a_framework_without_points_has_none(workspace: Make) -> None:
    assert points_table(cg.assess(cg.open(workspace()))).height == 0


def test_on_illustrative_data_no_name_and_no_code_stands_beside_a_figure(
    run: Callable[..., cg.Result],
) -> None:
    result = run(assessment__toml='framework = "framework.csv"\nillustrative = true\n')
    for frame in (points_table(result), vetoes_table(result)):
        assert set(frame["unit_code"]) <= set(result.row_labels)
        assert all(label.startswith("示意城市") for label in frame["unit_code"])
        assert frame["unit_code"].to_list() == sorted(frame["unit_code"])
        assert set(frame["notice"]) == {"illustrative data, not observed"}
    # Best first: unit 1 with 78 points, 2 with 59, 3 with 25.
    earned = points_table(result).filter(pl.col("code") == "I")["points"].to_list()
    assert earned == pytest.approx([78, 59, 25])
    assert [row[0] for row in vetoes_table(result).sort("limit").rows()] == ["示意城市 03", "示意城市 02"]


marks = st.integers(1, 40).map(lambda n: n / 4)


@st.composite
def schemes(draw: st.DrawFn) -> Framework:
    """Draw two levels of items under counts, a group of bonuses and a deduction, and a cap never met."""
    nodes = [Node("I", cap=1e4)]
    for pillar in range(draw(st.integers(1, 4))):
        nodes.append(Node(f"p{pillar}", "I"))
        nodes += [
            Node(
                f"p{pillar}.{i}",
                f"p{pillar}",
                points=draw(marks),
                scheme=Scheme(each=draw(marks)),
                direction=1,
            )
            for i in range(draw(st.integers(1, 4)))
        ]
    nodes.append(Node("B", "I", role="bonus"))
    nodes += [Node(f"B.{i}", "B", points=draw(marks), scheme=Scheme(each=draw(marks))) for i in range(2)]
    nodes.append(Node("D", "I", role="deduction", points=0.01, scheme=Scheme(each=0.002)))
    return Framework(tuple(nodes))


@settings(max_examples=50, deadline=None)
@given(tree=schemes(), data=st.data(), scale=st.sampled_from([1.0, 100.0, 130.0]))
def test_the_points_of_the_children_add_up_to_those_of_their_parent(
    tree: Framework, data, scale: float
) -> None:
    rows = [(unit, code, float(data.draw(st.integers(1, 12)))) for unit in ("u", "v") for code in tree.leaves]
    facts = pl.DataFrame(rows, schema=["unit", "indicator", "value"], orient="row")
    method = Method().replace(normalise={"how": "points", "scale": scale})
    result = cg.assess(cg.from_frames(tree, pl.DataFrame({"unit": ["u", "v"]}), facts, method))
    earned = of(points_table(result), "v")
    for parent in tree.aggregates:
        below = [earned[child] for child in tree.children(parent)]
        assert sum(below) == pytest.approx(earned[parent], abs=1e-9)
