"""What all charts share: fonts, colours, sizes, the notice, and drawing as SVG and PNG without a browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import altair as alt
import vl_convert

from citygauge.problems import Language
from citygauge.result import NOTICE

Chart = alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart
Row = dict[str, Any]

# Named families, because a default sans-serif gives serif CJK glyphs on some systems.
_CJK = "Noto Sans CJK SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, Hiragino Sans GB"
FONTS: Mapping[Language, str] = {
    "zh": f"{_CJK}, sans-serif",
    "en": f"Noto Sans, Segoe UI, Helvetica Neue, Arial, {_CJK}, sans-serif",
}
INK, GREY, RULE, BAR = "#222222", "#5f6b76", "#e5e5e5", "#5b8db8"
GRADES = ("#5b8db8", "#8fb4d4", "#c9dbea")
SIZE, WIDTH = 12, 560


def labels_axis(rows: Sequence[Row]) -> alt.Axis:
    """Return an axis that shows the label of each key: two bars may have one name."""
    labels = json.dumps({row["key"]: row["label"] for row in rows}, ensure_ascii=False)
    return alt.Axis(labelLimit=0, labelPadding=6, labelExpr=f"{labels}[datum.value]")


def width_of(text: str, size: float = SIZE) -> float:
    """Return about how many pixels a text takes, whatever fonts the drawing machine has.

    A full-width character is as wide as the font is high, others somewhat over half of it.
    """
    return sum(1.0 if east_asian_width(char) in "WF" else 0.6 for char in text) * size


def laid_out(rows: Sequence[Row], step: int) -> dict[str, Any]:
    """Return a layout of bars that leaves room for the labels of the rows.

    Without a CJK font the renderer measures Chinese text as nothing and would cut it off, so the widths are
    reckoned here.
    """
    left = int(max((width_of(row["label"]) for row in rows), default=0.0)) + 16
    padding = {"left": left, "right": 80, "top": 26, "bottom": 44}
    return {"width": WIDTH, "height": step * len(rows), "padding": padding, "autosize": {"type": "none"}}


def styled(chart: Chart, language: Language, layout: Mapping[str, Any], *, illustrative: bool) -> Chart:
    """Return a chart with its size, its font, and the notice where data are illustrative."""
    styled: Any = chart.properties(**layout)
    if illustrative:
        title = alt.TitleParams(NOTICE[language], color="#aa3333", fontSize=SIZE, anchor="start")
        styled = styled.properties(title=title)
    drawn: Chart = (
        styled.configure(font=FONTS[language], background="white")
        .configure_axis(
            labelColor=INK, titleColor=INK, labelFontSize=SIZE, titleFontSize=SIZE, gridColor=RULE
        )
        .configure_view(stroke=None)
    )
    return drawn


def svg(chart: Chart) -> str:
    """Return a chart as SVG whose text stays text, so that the reader's own fonts draw it."""
    return svg_of(chart.to_dict())


def svg_of(specification: Mapping[str, Any]) -> str:
    """Return a Vega-Lite specification as SVG whose text stays text."""
    return str(vl_convert.vegalite_to_svg(dict(specification)))


def png_of(specification: Mapping[str, Any], scale: float = 2.0) -> bytes:
    """Return a Vega-Lite specification as PNG, drawn with the fonts of this machine.

    Its size is given in the specification in pixels; the picture has `scale` times as many.
    """
    return bytes(vl_convert.vegalite_to_png(dict(specification), scale=scale))
