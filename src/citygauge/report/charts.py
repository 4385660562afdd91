"""Charts: one Altair specification each, drawn as SVG without a browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import altair as alt
import polars as pl
import vl_convert

from citygauge.analyse.describe import describe
from citygauge.problems import Language
from citygauge.result import NOTICE, Result

Chart = alt.Chart | alt.LayerChart | alt.FacetChart

# Named families, because a default sans-serif gives serif CJK glyphs on some systems.
_CJK = "Noto Sans CJK SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, Hiragino Sans GB"
FONTS: Mapping[Language, str] = {
    "zh": f"{_CJK}, sans-serif",
    "en": f"Noto Sans, Segoe UI, Helvetica Neue, Arial, {_CJK}, sans-serif",
}
INK, BAR, GRADES = "#222222", "#5b8db8", ("#5b8db8", "#8fb4d4", "#c9dbea")
_SIZE, _WIDTH = 12, 560


def means_chart(result: Result, language: Language) -> Chart:
    """Return bars of the mean score of pillars and dimensions with whiskers of one standard deviation."""
    deepest = 2 if max(result.framework.levels.values()) > 2 else 1
    stats = describe(result).filter(pl.col("level").is_between(1, deepest) & pl.col("mean").is_not_null())
    rows = [
        {
            "key": row["code"],
            "label": ("　" if row["level"] > 1 else "") + result.framework[row["code"]].label(language),
            "mean": row["mean"],
            "described": f"{row['code']}: {row['mean']:.{result.decimals}f}",
            "from": row["mean"] - (row["sd"] or 0.0),
            "to": row["mean"] + (row["sd"] or 0.0),
            "level": str(row["level"]),
        }
        for row in stats.to_dicts()
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("key:N", sort=None, title=None, axis=_labels(rows)),
        description="described:N",
    )
    bars = base.mark_bar(height=12).encode(
        x=alt.X(
            "mean:Q", title={"zh": "平均得分 ± 标准差", "en": "mean score ± standard deviation"}[language]
        ),
        color=alt.Color(
            "level:N", legend=None, scale=alt.Scale(domain=["1", "2"], range=[GRADES[0], GRADES[1]])
        ),
    )
    whiskers = base.mark_rule(color=INK, strokeWidth=1.2).encode(x="from:Q", x2="to:Q")
    return _styled(alt.layer(bars, whiskers), result, language, _laid_out(rows, 19))


def ranking_chart(result: Result, language: Language) -> Chart:
    """Return a bar for each unit by its score, best first; neutral names on illustrative data."""
    name = f"name_{language}"
    rows = [
        {
            "key": row["unit_code"],
            "label": f"{row['rank']}  {row[name]}",
            "value": row["value"],
            "described": f"{row['rank']} {row[name]}: {row['value']:.{result.decimals}f}",
        }
        for row in result.ranking.to_dicts()
        if row["value"] is not None
    ]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(height=9, color=BAR)
        .encode(
            x=alt.X("value:Q", title={"zh": "得分", "en": "score"}[language]),
            y=alt.Y("key:N", sort=None, title=None, axis=_labels(rows)),
            description="described:N",
        )
    )
    return _styled(chart, result, language, _laid_out(rows, 15))


def grades_chart(result: Result, language: Language) -> Chart:
    """Return a bar for each grade: how many units it holds, and their share."""
    assert result.scale is not None
    total = sum(1 for grade in result.grades if grade)
    rows = []
    for grade in result.scale.grades:
        count = result.grades.count(grade.id)
        rows.append(
            {
                "key": grade.id,
                "label": grade.name.get(language, grade.id),
                "count": count,
                "described": f"{grade.name.get(language, grade.id)}: {count}",
                "text": f"{count}  ({count / max(total, 1):.0%})",
            }
        )
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
    return _styled(alt.layer(bars, text), result, language, _laid_out(rows, 38))


def _labels(rows: Sequence[Mapping[str, Any]]) -> alt.Axis:
    """Return an axis that shows the label of each key: two bars may have one name."""
    labels = json.dumps({row["key"]: row["label"] for row in rows}, ensure_ascii=False)
    return alt.Axis(labelLimit=0, labelPadding=6, labelExpr=f"{labels}[datum.value]")


def svg(chart: Chart) -> str:
    """Return a chart as SVG whose text stays text, so that the reader's own fonts draw it."""
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def _laid_out(rows: Sequence[Mapping[str, Any]], step: int) -> dict[str, Any]:
    """Return a layout that leaves room for the labels whatever fonts the drawing machine has.

    Without a CJK font the renderer measures Chinese text as nothing and would cut it off, so the widths are
    reckoned here: a full-width character is as wide as the font is high, others somewhat over half of it.
    """
    widths = (sum(1.0 if east_asian_width(c) in "WF" else 0.6 for c in row["label"]) for row in rows)
    left = int(max(widths, default=0.0) * _SIZE) + 16
    padding = {"left": left, "right": 80, "top": 26, "bottom": 44}
    return {"width": _WIDTH, "height": step * len(rows), "padding": padding, "autosize": {"type": "none"}}


def _styled(chart: Chart, result: Result, language: Language, layout: Mapping[str, Any]) -> Chart:
    styled: Any = chart.properties(**layout)
    if result.illustrative:
        title = alt.TitleParams(NOTICE[language], color="#aa3333", fontSize=_SIZE, anchor="start")
        styled = styled.properties(title=title)
    drawn: Chart = (
        styled.configure(font=FONTS[language], background="white")
        .configure_axis(
            labelColor=INK, titleColor=INK, labelFontSize=_SIZE, titleFontSize=_SIZE, gridColor="#e5e5e5"
        )
        .configure_view(stroke=None)
    )
    return drawn
