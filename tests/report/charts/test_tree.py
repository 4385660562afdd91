"""An index tree: every node once, parents beside the middle of their children, lines from box to box."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import Drawn

from citygauge.report.charts.tree import draw_tree


def node(code: str, parent: str, depth: int, weight: float | None = 0.5, label: str = "") -> dict[str, Any]:
    return {
        "code": code, "parent": parent, "depth": depth, "weight": weight, "label": label or f"node {code}",
        "described": f"about {code}",
    }  # fmt: skip


def wide(children: int, leaves: int, label: str = "") -> list[dict[str, Any]]:
    rows = [node("I", "", 0, None)]
    for i in range(children):
        rows.append(node(f"P{i}", "I", 1, 1 / children, label))
        rows += [node(f"P{i}.{j}", f"P{i}", 2, 1 / leaves, label and f"{j} {label}") for j in range(leaves)]
    return rows


def test_columns_go_right_with_depth_and_a_parent_stands_in_the_middle_of_its_children() -> None:
    drawn = Drawn(draw_tree(wide(3, 4), "en", illustrative=False), png=True)
    drawn.check()
    at = {text.text: text for text in drawn.texts}
    assert at["node I"].right < at["node P0"].left < at["node P0"].right < at["node P0.0"].left
    boxes = {code: drawn.told(f"about {code}")[0] for code in ("I", "P0", "P2")}
    middle = {code: sum(y for _, y in box.points[:1]) for code, box in boxes.items()}
    assert middle["P0"] < middle["I"] < middle["P2"]
    for i in range(3):
        first, last = at[f"node P{i}.0"], at[f"node P{i}.3"]
        assert first.top < at[f"node P{i}"].top < last.top


def test_there_is_one_elbow_for_each_node_below_another() -> None:
    drawn = Drawn(draw_tree(wide(2, 3), "en", illustrative=False))
    elbows = [shape for shape in drawn.shapes if shape.fill == "" and not shape.told]
    assert len(elbows) == 2 + 6
    for elbow in elbows:
        (x1, y1), (x2, y2), (x3, y3), (x4, y4) = elbow.points
        assert x1 < x2 == x3 < x4
        assert (y1, y3) == (y2, y4)


def test_weights_are_in_per_cent_with_no_more_decimals_than_asked_for() -> None:
    words = Drawn(draw_tree(wide(2, 3), "zh", illustrative=False)).words
    assert words.count("50%") == 2
    assert words.count("33.3%") == 6
    assert "33%" in Drawn(draw_tree(wide(2, 3), "zh", decimals=0, illustrative=False)).words


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 12), (7, 3)])
@pytest.mark.parametrize(
    "label", ["", "信息（数据）资源标准规范与跨部门共享交换体系建设水平" * 2, "Interoperability " * 5]
)
def test_trees_of_any_width_fit_and_grow_in_height(shape: tuple[int, int], label: str) -> None:
    drawn = Drawn(draw_tree(wide(*shape, label), "zh", illustrative=True))
    drawn.check()
    assert len([s for s in drawn.shapes if s.told.startswith("about")]) == 1 + shape[0]


def test_sixteen_children_of_ten_leaves_each_fit() -> None:
    drawn = Drawn(draw_tree(wide(16, 10), "en", illustrative=True))
    drawn.check()
    assert drawn.height > 160 * 16
    assert len([word for word in drawn.words if word.startswith("node")]) == 177


def test_a_missing_weight_is_left_out_and_roots_without_parent_are_drawn() -> None:
    rows = [node("a", "gone", 1, None), node("b", "a", 2, None), node("c", "a", 2, 0.0), node("d", "gone", 1)]
    drawn = Drawn(draw_tree(rows, "en", illustrative=False))
    drawn.check()
    assert sorted(drawn.words) == ["0%", "50%", "node a", "node b", "node c", "node d"]


@pytest.mark.parametrize("rows", [[], [node("I", "", 0, None)], [node("I", "", 0), node("J", "I", 1)]])
def test_trees_of_no_one_and_two_nodes_are_drawn(rows: list[dict[str, Any]]) -> None:
    drawn = Drawn(draw_tree(rows, "zh", illustrative=False))
    drawn.check()
    assert set(drawn.words) >= ({row["label"] for row in rows} or {"没有可显示的数据"})


def test_four_levels_and_branches_of_different_length_are_drawn() -> None:
    rows = [node("I", "", 0), node("P", "I", 1), node("Q", "I", 1), node("d", "P", 2), node("m", "d", 3)]
    drawn = Drawn(draw_tree(rows, "en", illustrative=False))
    drawn.check()
    assert {f"node {code}" for code in "IPQdm"} <= set(drawn.words)


def test_a_tree_of_few_short_names_is_no_wider_than_they_need() -> None:
    rows = [node("I", "", 0, None), node("a", "I", 1), node("b", "I", 1)]
    drawn = Drawn(draw_tree(rows, "en", illustrative=False))
    drawn.check()
    assert drawn.width < 300
    weights = [text for text in drawn.texts if text.text == "50%"]
    assert all(weight.left - name.right < 60 for weight, name in zip(weights, drawn.texts[1:], strict=False))
