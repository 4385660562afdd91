"""Charts of the first page: mean scores, the ranking, and how many units each grade holds."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from citygauge.analyse.describe import describe
from citygauge.problems import Language
from citygauge.report.charts.base import BAR, GRADES, INK, Chart, Row, labels_axis, laid_out, styled
from citygauge.report.content import grade_rows, means_rows, ranking_rows
from citygauge.report.marks import Marks
from citygauge.result import Result


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
        y=alt.Y("key:N", sort=None, title=None, axis=labels_axis(rows)),
        description="described:N",
    )
    bars = base.mark_bar(height=12).encode(
        x=alt.X("mean:Q", title=title[language]),
        color=alt.Color(
            "level:N", legend=None, scale=alt.Scale(domain=["1", "2"], range=[GRADES[0], GRADES[1]])
        ),
    )
    whiskers = base.mark_rule(color=INK, strokeWidth=1.2).encode(x="from:Q", x2="to:Q")
    return styled(alt.layer(bars, whiskers), language, laid_out(rows, 19), illustrative=illustrative)


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
            y=alt.Y("key:N", sort=None, title=None, axis=labels_axis(rows)),
            description="described:N",
        )
    )
    return styled(chart, language, laid_out(rows, 15), illustrative=illustrative)


def draw_grades(rows: Sequence[Row], language: Language, *, illustrative: bool) -> Chart:
    """Return the chart of `content.grade_rows`."""
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("key:N", sort=None, title=None, axis=labels_axis(rows)),
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
    return styled(alt.layer(bars, text), language, laid_out(rows, 38), illustrative=illustrative)
