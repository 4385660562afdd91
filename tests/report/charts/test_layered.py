"""Charts placed by the pixel: drawn without measuring texts as they are with it, and valid Vega-Lite."""

from __future__ import annotations

import re

import altair as alt
import pytest
import vl_convert

from citygauge.report.charts import base
from citygauge.report.charts.bars import draw_bars
from citygauge.report.charts.base import FONTS, png_of, svg_of, width_of
from citygauge.report.charts.layered import layer, layered, text_layers
from citygauge.report.charts.shares import draw_donut

PADDING = {"left": 10, "right": 10, "top": 10, "bottom": 10}
TEXTS = [
    {"x": 20, "y": 20, "text": 'a < b & "c" > d'},
    {"x": 20, "y": 40, "text": "示意城市", "bold": True, "size": 14, "colour": "#aa3333", "halo": True},
    {"x": 90, "y": 60, "text": "  ", "align": "right"},
    {"x": 90, "y": 60, "text": "", "align": "right"},
    {"x": 90, "y": 80, "text": "upright", "align": "center", "angle": 270, "described": "said > aloud"},
]


def chart(rows, *, is_told=False, illustrative=False):
    boxes = [{"x": 1, "x2": 50, "y": 1, "y2": 20, "colour": "#5b8db8"}]
    box = layer("rect", boxes, {"x": "x", "x2": "x2", "y": "y", "y2": "y2", "color": "colour"}, {})
    texts = text_layers(rows, is_told=is_told)
    return layered([box, *texts], "zh", (200, 100), PADDING, illustrative=illustrative)


@pytest.mark.parametrize("is_told", [True, False])
def test_texts_put_in_afterwards_make_the_picture_that_the_renderer_makes(is_told):
    specification = chart(TEXTS, is_told=is_told, illustrative=True).to_dict()
    assert svg_of(specification) == vl_convert.vegalite_to_svg(specification)


def test_where_the_renderer_writes_blanks_another_way_it_writes_the_texts_itself(monkeypatch):
    specification = chart(TEXTS).to_dict()
    monkeypatch.setattr(base, "_BLANK", re.compile("(never)"))
    assert svg_of(specification) == vl_convert.vegalite_to_svg(specification)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_whole_charts_are_drawn_as_the_renderer_draws_them(language):
    rows = [
        {"key": str(i), "label": f"城市 {i} & Co", "value": i - 1.5, "described": str(i)} for i in range(4)
    ]
    drawn = [
        draw_bars(rows, language, title="得分", reference=(0.5, "mean <all>"), illustrative=True),
        draw_donut([{**row, "value": 1} for row in rows], language, middle="权重", illustrative=False),
    ]
    for one in drawn:
        assert svg_of(one.to_dict()) == vl_convert.vegalite_to_svg(one.to_dict())
        assert svg_of(one.to_dict()).count(FONTS[language]) == svg_of(one.to_dict()).count("<text")


def test_a_chart_of_layers_is_a_chart_of_altair_that_its_schema_accepts():
    made = chart(TEXTS)
    assert isinstance(made, alt.LayerChart)
    assert made.to_dict() == made.to_dict(validate=False)
    assert png_of(made.to_dict(), 1.0).startswith(b"\x89PNG")


def test_rows_that_are_drawn_are_not_changed_and_every_drawing_is_the_same():
    rows = [dict(row) for row in TEXTS]
    first = chart(rows).to_json()
    assert rows == TEXTS
    assert chart(rows).to_json() == first


def test_the_notice_stands_in_a_room_of_its_own_at_the_upper_left():
    plain, marked = chart(TEXTS).to_dict(), chart(TEXTS, illustrative=True).to_dict()
    assert marked["padding"]["top"] == plain["padding"]["top"] + 22
    assert "示意数据，非观测结果" in svg_of(marked)
    assert "示意数据，非观测结果" not in svg_of(plain)


def test_reckoned_widths_are_at_least_those_of_helvetica():
    # Adobe Core 14 AFM, Helvetica: advance widths in thousandths of the size.
    found = {"a": 556, "e": 556, "i": 222, "l": 222, "m": 833, "n": 556, "o": 556, "t": 278, "w": 722,
             "A": 667, "M": 833, "W": 944, "0": 556, " ": 278, ".": 278}  # fmt: skip
    for char, wide in found.items():
        assert width_of(char, 1000) >= wide, char
    assert width_of("城市（一）", 10) == 50
