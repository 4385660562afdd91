"""Layers of a model: bands from the bottom upwards, every box told, nothing cut off."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import Drawn

from citygauge.problems import Language
from citygauge.report.charts.layers import draw_layers

LONG = "信息（数据）资源标准规范与跨部门共享交换体系建设水平和应用平台成熟度综合评价"


def row(layer: str, code: str, weight: float | None = 0.25, value: float | None = 0.5) -> dict[str, Any]:
    return {
        "layer": layer, "layer_label": f"layer {layer}", "code": code, "label": f"pillar {code}",
        "weight": weight, "value": value, "described": f"about {code}",
    }  # fmt: skip


SMART = [
    row("in", "R", 0.15),
    row("in", "T", 0.1),
    row("out", "M", 0.2),
    row("out", "A"),
    row("to", "S", 0.3),
]


def test_the_first_layer_lies_at_the_bottom_and_arrows_point_up_between() -> None:
    drawn = Drawn(draw_layers(SMART, "en", illustrative=False), png=True)
    drawn.check()
    heights = {text.text: text.top for text in drawn.texts}
    assert heights["layer to"] < heights["layer out"] < heights["layer in"]
    assert heights["pillar S"] < heights["pillar M"] == heights["pillar A"] < heights["pillar R"]
    arrows = [shape for shape in drawn.shapes if shape.fill == "#b7c3cf"]
    assert len(arrows) == 2 * 3
    for arrow in arrows:  # the point on top is the one that stands alone
        ys = [y for _, y in arrow.points]
        assert ys.count(min(ys)) == 1


def test_weights_are_in_per_cent_and_every_box_is_read_aloud() -> None:
    drawn = Drawn(draw_layers(SMART, "zh", value_title="平均得分", illustrative=True))
    assert {"权重 15%", "权重 10%", "权重 20%", "权重 25%", "权重 30%"} < set(drawn.words)
    assert drawn.words.count("平均得分 0.50") == 5
    assert all(len(drawn.told(f"about {code}")) == 1 for code in "RTMAS")
    assert "示意数据，非观测结果" in drawn.words


def test_a_missing_score_is_a_dash_and_never_zero() -> None:
    rows = [row("in", "R", None, None), row("in", "T", 0.125, float("nan")), row("in", "Z", 0.0, 0.0)]
    drawn = Drawn(draw_layers(rows, "en", value_title="mean", decimals=1, illustrative=False))
    assert drawn.words.count("mean –") == 2
    assert "mean 0.0" in drawn.words
    assert [word for word in drawn.words if word.startswith("weight")] == ["weight 12.5%", "weight 0%"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("count", [0, 1, 2, 9, 16])
def test_any_number_of_boxes_with_long_names_fits(count: int, language: Language) -> None:
    rows = [
        {**row("ab"[i % 2], str(i)), "label": LONG if i % 3 else "Interoperability of registers " * 4}
        for i in range(count)
    ]
    drawn = Drawn(draw_layers(rows, language, value_title="得分", illustrative=True))
    drawn.check()
    assert count or {"zh": "没有可显示的数据", "en": "no data to show"}[language] in drawn.words
