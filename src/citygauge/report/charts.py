"""Charts: one Altair specification each, drawn as SVG without a browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import altair as alt
import vl_convert

from citygauge.analyse.describe import describe
from citygauge.problems import Language
from citygauge.report.content import grade_rows, means_rows, ranking_rows
from citygauge.report.marks import Marks
from citygauge.result import NOTICE, Result

Chart = alt.Chart | alt.LayerChart | alt.FacetChart
Row = dict[str, Any]

# Named families, because a default sans-serif gives serif CJK glyphs on some systems.
_CJK = "Noto Sans CJK SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, Hiragino Sans GB"
FONTS: Mapping[Language, str] = {
    "zh": f"{_CJK}, sans-serif",
    "en": f"Noto Sans, Segoe UI, Helvetica Neue, Arial, {_CJK}, sans-serif",
}
INK, BAR, GRADES = "#222222", "#5b8db8", ("#5b8db8", "#8fb4d4", "#c9dbea")
SIZE, WIDTH = 12, 560


def means_chart(result: Result, language: Language) -> Chart:
    """Return bars of the mean score of pillars and dimensions with whiskers of one standard deviation."""
    rows = means_rows(result, language, describe(result).to_dicts())
    return draw_means(rows, language, illustrative=result.illustrative, in_points=bool(Marks(result).full))


def ranking_chart(result: Result, language: Language) -> Chart:
    """Return a bar for each unit by its score, best first; neutral names on illustrative data."""
    full = Marks(result).whole(result.framework.root.code)
    rows = ranking_rows(result, language)
    return draw_ranking(rows, language, illustrative=result.illustrative, full=full)


def grades_chart(result: Result, language: Language) -> Chart:
    """Return a bar for each grade: how many units it holds, and their share."""
    return draw_grades(grade_rows(result, language), language, illustrative=result.illustrative)


def draw_means(
    rows: Sequence[Row], language: Language, *, illustrative: bool, in_points: bool = False
) -> Chart:
    """Return the chart of `content.means_rows`."""
    title = {"zh": "平均得分 ± 标准差", "en": "mean score ± standard deviation"}
    if in_points:
        title = {"zh": "平均得分率（%）± 标准差", "en": "mean share of full marks (%) ± standard deviation"}
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("key:N", sort=None, title=None, axis=_labels(rows)),
        description="described:N",
    )
    bars = base.mark_bar(height=12).encode(
        x=alt.X("mean:Q", title=title[language]),
        color=alt.Color(
            "level:N", legend=None, scale=alt.Scale(domain=["1", "2"], range=[GRADES[0], GRADES[1]])
        ),
    )
    whiskers = base.mark_rule(color=INK, strokeWidth=1.2).encode(x="from:Q", x2="to:Q")
    return styled(alt.layer(bars, whiskers), language, _laid_out(rows, 19), illustrative=illustrative)


def draw_ranking(rows: Sequence[Row], language: Language, *, illustrative: bool, full: str = "") -> Chart:
    """Return the chart of `content.ranking_rows`, in points out of `full` marks where these are given."""
    title = {"zh": "得分", "en": "score"}
    if full:
        title = {"zh": f"得分（满分{full}分）", "en": f"points (full marks {full})"}
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(height=9, color=BAR)
        .encode(
            x=alt.X("value:Q", title=title[language]),
            y=alt.Y("key:N", sort=None, title=None, axis=_labels(rows)),
            description="described:N",
        )
    )
    return styled(chart, language, _laid_out(rows, 15), illustrative=illustrative)


def draw_grades(rows: Sequence[Row], language: Language, *, illustrative: bool) -> Chart:
    """Return the chart of `content.grade_rows`."""
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("key:N", sort=None, title=None, axis=_labels(rows)),
        description="described:N",
        x=alt.X(
            "count:Q",
            title={"zh": "城市数", "en": "number of cities"}[language],
            axis=alt.Axis(tickMinStep=1),
        ),
    )
    bars = base.mark_bar(height=26).encode(
        color=alt.Color("key:N", sort=None, legend=None, scale=alt.Scale(range=list(GRADES)))
    )
    text = base.mark_text(align="left", dx=5, color=INK).encode(text="text:N")
    return styled(alt.layer(bars, text), language, _laid_out(rows, 38), illustrative=illustrative)


def _labels(rows: Sequence[Row]) -> alt.Axis:
    """Return an axis that shows the label of each key: two bars may have one name."""
    labels = json.dumps({row["key"]: row["label"] for row in rows}, ensure_ascii=False)
    return alt.Axis(labelLimit=0, labelPadding=6, labelExpr=f"{labels}[datum.value]")


def svg(chart: Chart) -> str:
    """Return a chart as SVG whose text stays text, so that the reader's own fonts draw it."""
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def _laid_out(rows: Sequence[Row], step: int) -> dict[str, Any]:
    """Return a layout that leaves room for the labels whatever fonts the drawing machine has.

    Without a CJK font the renderer measures Chinese text as nothing and would cut it off, so the widths are
    reckoned here: a full-width character is as wide as the font is high, others somewhat over half of it.
    """
    widths = (sum(1.0 if east_asian_width(c) in "WF" else 0.6 for c in row["label"]) for row in rows)
    left = int(max(widths, default=0.0) * SIZE) + 16
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
            labelColor=INK, titleColor=INK, labelFontSize=SIZE, titleFontSize=SIZE, gridColor="#e5e5e5"
        )
        .configure_view(stroke=None)
    )
    return drawn
