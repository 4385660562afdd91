"""The first report: one self-contained page about one run."""

from __future__ import annotations

from functools import cache
from importlib import resources

import jinja2

from citygauge.problems import Language
from citygauge.report.charts.base import FONTS, svg
from citygauge.report.charts.scores import draw_grades, draw_means, draw_ranking
from citygauge.report.content import Content, report_content
from citygauge.result import Result


def page(result: Result, language: Language) -> str:
    """Return the report of a run as one HTML page that needs no network.

    It shows the framework with its weights, grades, means with standard deviations, scores and ranks, two
    charts, what was noted, the sources and the hashes. The same run gives the same bytes.
    """
    return page_of(report_content(result, language))


def page_of(content: Content) -> str:
    """Return the page that shows the content of a report."""
    language, illustrative = content["language"], content["illustrative"]
    means = draw_means(content["means"], language, illustrative=illustrative, in_points=content["marked"])
    if content["grade_bars"]:
        second = draw_grades(content["grade_bars"], language, illustrative=illustrative)
    else:
        rows, full = content["ranking_bars"], content["full_marks"]
        second = draw_ranking(rows, language, illustrative=illustrative, full=full)
    return _template().render(
        **content, fonts=FONTS[language], chart_means=svg(means), chart_second=svg(second)
    )


@cache
def _template() -> jinja2.Template:
    source = (
        resources.files("citygauge")
        .joinpath("report", "templates", "page.html.jinja")
        .read_text(encoding="utf-8")
    )
    return jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string(source)
