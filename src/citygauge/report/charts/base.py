"""What all charts share: fonts, colours, sizes, the notice, and drawing as SVG and PNG without a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

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
    "en": f"Noto Sans, Segoe UI, Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, {_CJK}, sans-serif",
}
INK, GREY, RULE, BAR = "#222222", "#5f6b76", "#e5e5e5", "#5b8db8"
GRADES = ("#5b8db8", "#8fb4d4", "#c9dbea")
SIZE, WIDTH = 12, 560
# Marks a specification in which every text has its place in pixels, so that none need be measured, which
# takes longer than all else.
PLACED: Mapping[str, Any] = {"isPlaced": True}
_BLANK = re.compile(r'(<text\b(?: [\w-]+="[^"]*")*)/>')
_WIDTHS = (
    ("ijlI.,:;'!| ", 0.32),
    ("ftr()[]/-", 0.42),
    ("0123456789", 0.6),
    ("mMW@%", 0.95),
    ("wDGHNOQU", 0.79),
)


def labels_axis(rows: Sequence[Row]) -> alt.Axis:
    """Return an axis that shows the label of each key: two bars may have one name."""
    labels = json.dumps({row["key"]: row["label"] for row in rows}, ensure_ascii=False)
    return alt.Axis(labelLimit=0, labelPadding=6, labelExpr=f"{labels}[datum.value]")


def width_of(text: str, size: float = SIZE) -> float:
    """Return about how many pixels a text takes, whatever fonts the drawing machine has.

    A full-width character is as wide as the font is high; others are about as in Noto Sans, rounded up.

    Examples
    --------
    >>> width_of("城市", 10), width_of("city", 10)
    (20.0, 19.8)
    """
    return round(sum(map(_wide, text)) * size, 6)


def laid_out(rows: Sequence[Row], step: int) -> dict[str, Any]:
    """Return a layout of bars that leaves room for the labels of the rows.

    Without a CJK font the renderer measures Chinese text as nothing and would cut it off, so the widths are
    reckoned here.
    """
    left = int(max((width_of(row["label"]) for row in rows), default=0.0)) + 16
    padding = {"left": left, "right": 80, "top": 26, "bottom": 44}
    return {"width": WIDTH, "height": step * len(rows), "padding": padding, "autosize": {"type": "none"}}


def config_of(language: Language) -> dict[str, Any]:
    """Return the configuration that all charts share."""
    axis = {"labelColor": INK, "titleColor": INK, "labelFontSize": SIZE, "titleFontSize": SIZE}
    look = {"axis": {**axis, "gridColor": RULE}, "view": {"stroke": None}}
    return {"font": FONTS[language], "background": "white", **look}


def styled(chart: Chart, language: Language, layout: Mapping[str, Any], *, illustrative: bool) -> Chart:
    """Return a chart with its size, its font, and the notice where data are illustrative."""
    whole = dict(layout)
    if illustrative:
        whole["title"] = alt.TitleParams(NOTICE[language], color="#aa3333", fontSize=SIZE, anchor="start")
    drawn: Chart = chart.properties(**whole, config=config_of(language))
    return drawn


def svg(chart: Chart) -> str:
    """Return a chart as SVG whose text stays text, so that the reader's own fonts draw it."""
    return svg_of(chart.to_dict())


def svg_of(specification: Mapping[str, Any]) -> str:
    """Return a Vega-Lite specification as SVG whose text stays text."""
    if specification.get("usermeta") == PLACED:
        return _svg_of_placed(specification)
    return str(vl_convert.vegalite_to_svg(dict(specification)))


def png_of(specification: Mapping[str, Any], scale: float = 2.0) -> bytes:
    """Return a Vega-Lite specification as PNG, drawn with the fonts of this machine.

    Its size is given in the specification in pixels; the picture has `scale` times as many.
    """
    return png_of_svg(svg_of(specification), scale)


def png_of_svg(drawn: str, scale: float = 2.0) -> bytes:
    """Return a chart that is drawn as SVG as PNG: the same picture as `png_of` gives, in half the time."""
    return bytes(vl_convert.svg_to_png(drawn, scale=scale))


def _svg_of_placed(specification: Mapping[str, Any]) -> str:
    """Return a chart as SVG, drawn with blanks in the place of its texts, which are put in afterwards."""
    layers, texts = [], []
    for part in specification["layer"]:
        layers.append(part)
        if part["mark"]["type"] == "text":
            texts += [row["text"] for row in specification["datasets"][part["data"]["name"]]]
            layers[-1] = {**part, "encoding": {**part["encoding"], "text": {"value": " "}}}
    blank = str(vl_convert.vegalite_to_svg({**specification, "layer": layers}))
    found = iter(texts)
    drawn, count = _BLANK.subn(lambda at: f"{at[1]}>{escape(next(found, ''))}</text>", blank)
    return drawn if count == len(texts) else str(vl_convert.vegalite_to_svg(dict(specification)))


@cache
def _wide(char: str) -> float:
    """Return how wide a character is, as a share of the height of the font."""
    if east_asian_width(char) in "WF" or char in "—…“”‘’":  # these are full-width in Chinese fonts
        return 1.0
    return next((wide for chars, wide in _WIDTHS if char in chars), 0.67 if char.isupper() else 0.62)
