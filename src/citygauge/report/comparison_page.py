"""The page of a comparison of methods, with a chart of the ranks as slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any
from unicodedata import east_asian_width

import altair as alt
import jinja2

from citygauge.problems import Language
from citygauge.report.charts.base import FONTS, INK, Chart, svg
from citygauge.result import NOTICE

Row = dict[str, Any]

_COLOURS = {"up": "#2b6ca3", "down": "#aa3333", "rest": "#c8c8c8"}
_SIZE, _STEP, _BETWEEN, _TALLEST = 12, 15, 260, 1200
_LONGEST = 40  # characters of the names at one rank


def comparison_page(content: Mapping[str, Any]) -> str:
    """Return the content of a comparison as one HTML page that needs no network."""
    language: Language = content["language"]
    chart = slope_chart(content["slopes"], content["methods"], language, illustrative=content["illustrative"])
    return _template().render(**content, fonts=FONTS[language], chart=svg(chart))


def slope_chart(
    rows: Sequence[Row], methods: Sequence[str], language: Language, *, illustrative: bool
) -> Chart:
    """Return a line for each unit through its ranks under the methods, in their order.

    Parameters
    ----------
    rows : sequence of dict
        ``unit, label, kind, method, rank``; `kind` is ``up``, ``down`` or ``rest`` and gives the colour. A
        unit without a rank under a method has no row there.
    methods : sequence of str
    """
    lowest = max((row["rank"] for row in rows), default=1)
    top = alt.Axis(orient="top", labelAngle=0, labelLimit=0)
    place = alt.X("method:N", sort=list(methods), title=None, axis=top)
    height = alt.Y("rank:Q", scale=alt.Scale(domain=[lowest + 0.5, 0.5], nice=False), axis=None)
    palette = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    drawn = [{**row, "at": methods.index(row["method"])} for row in rows]
    drawn.sort(key=lambda row: row["kind"] != "rest")  # the coloured lines on top
    lines = (
        alt.Chart(alt.InlineData(values=drawn))
        .mark_line(point=True, strokeWidth=1.6)
        .encode(
            x=place,
            y=height,
            color=alt.Color("kind:N", legend=None, scale=palette),
            detail="unit:N",
            order=alt.Order("at:Q"),
        )
    )
    comma = "、" if language == "zh" else ", "
    ends = _names(rows, methods[0], comma, left=True), _names(rows, methods[-1], comma, left=False)
    texts = [
        alt.Chart(alt.InlineData(values=ends[0])).mark_text(align="right", dx=-8, color=INK),
        alt.Chart(alt.InlineData(values=ends[1])).mark_text(align="left", dx=8, color=INK),
    ]
    layers = [lines, *(text.encode(x=place, y=height, text="text:N") for text in texts)]
    widths = [max((_width(row["text"]) for row in names), default=0) for names in ends]
    chart: Any = alt.layer(*layers).properties(
        width=_BETWEEN * max(len(methods) - 1, 1),
        height=min(max(_STEP * lowest, 120), _TALLEST),
        padding={"left": widths[0] + 20, "right": widths[1] + 20, "top": 40, "bottom": 10},
        autosize={"type": "none"},
    )
    if illustrative:
        title = alt.TitleParams(NOTICE[language], color="#aa3333", fontSize=_SIZE, anchor="start")
        chart = chart.properties(title=title)
    styled: Chart = (
        chart.configure(font=FONTS[language], background="white")
        .configure_axis(labelColor=INK, labelFontSize=_SIZE, domain=False, ticks=False)
        .configure_view(stroke=None)
    )
    return styled


def _names(rows: Sequence[Row], method: str, comma: str, *, left: bool) -> list[Row]:
    """Return one text for each rank under a method: the rank and the names of the units that share it.

    Where there are more ranks than lines of text, only units in colour are named.
    """
    is_crowded = _STEP * max((row["rank"] for row in rows), default=1) > _TALLEST
    at: dict[int, list[str]] = {}
    for row in rows:
        if row["method"] == method and not (is_crowded and row["kind"] == "rest"):
            at.setdefault(row["rank"], []).append(row["label"])
    found = []
    for rank, labels in sorted(at.items()):
        joined = comma.join(labels)
        shown = joined if len(joined) <= _LONGEST else f"{labels[0]} … (+{len(labels) - 1})"
        text = f"{shown} · {rank}" if left else f"{rank} · {shown}"
        found.append({"method": method, "rank": rank, "text": text})
    return found


def _width(text: str) -> int:
    """Return about how wide a text is drawn, whatever fonts the machine has."""
    return int(sum(_SIZE if east_asian_width(c) in "WF" else 0.6 * _SIZE for c in text))


@cache
def _template() -> jinja2.Template:
    place = resources.files("citygauge").joinpath("report", "templates", "comparison.html.jinja")
    rules = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return rules.from_string(place.read_text(encoding="utf-8"))
