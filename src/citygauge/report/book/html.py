"""A report as one web page that needs no network: charts that answer, numbers with sources."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from citygauge.problems import Language
from citygauge.report.book.document import Document, Figure, Grid, Spans, plain
from citygauge.report.book.web.blocks import (
    Placed,
    chapters,
    columns_of,
    contents,
    ids_of,
    markup,
    placed_blocks,
    told,
)
from citygauge.report.book.web.charts import (
    allowed,
    data_script,
    least_width,
    library,
    picture,
    specification,
)
from citygauge.report.book.web.look import logo_of, style_of
from citygauge.report.book.web.rows import rows_of
from citygauge.report.book.wording import fixed_words
from citygauge.report.charts.base import svg_of


def html_of(document: Document, svgs: Mapping[str, str] | None = None) -> str:
    """Return a report document as one HTML page.

    It loads nothing: charts, scripts, styles and the logo stand in it, and its content security policy
    forbids everything else. Charts are pictures (SVG) that stay in print and where no scripts run; where
    they run, each becomes interactive as it comes into view. A number is ``<data value="…"
    data-source="…">``: what was rounded for it, and where it comes from. `document.meta` stands in the
    page as JSON (``#citygauge-meta``) and as ``<meta name="citygauge:…">``. Headings, figures and tables
    can be linked to: ``#section-KEY``, ``#figure-KEY`` and ``#table-KEY``, with the number of a heading
    that has no key.

    Parameters
    ----------
    document : Document
    svgs : mapping of str to str, optional
        Charts that have been drawn, by the key of the figure; the others are drawn here.

    Returns
    -------
    str
        The same document gives the same text, which must be written with its line ends unchanged.
    """
    drawn, blocks = svgs or {}, placed_blocks(document)
    ids = ids_of(blocks)
    words = _words(document.language)
    scripts = [_part("book.first.js"), *([library()] if document.figures else []), _part("book.js")]

    def inline(spans: Spans) -> Markup:
        return markup(spans, ids)

    def figure(placed: Placed) -> dict[str, Any]:
        return _figure(placed, drawn, words["fields"])

    return _template().render(
        document=document,
        front=document.front,
        language=document.language,
        chapters=chapters(blocks),
        contents=contents(blocks),
        shown=[one for one in blocks if isinstance(one.block, Figure | Grid)],
        words={**words, **fixed_words(document.language), **document.words},
        inline=inline,
        plain=plain,
        figure=figure,
        columns_of=columns_of,
        policy=_policy(scripts),
        style=Markup("\n").join([Markup(style_of(document)), _part("book.css")]),
        logo=logo_of(document.look),
        first=scripts[0],
        scripts=scripts[1:],
        meta=data_script(dict(document.meta)),
        told=list(told(document.meta)),
        dated=_dated(document),
    )


def _figure(placed: Placed, svgs: Mapping[str, str], fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the picture, the specification and the rows of a figure."""
    figure = placed.block
    assert isinstance(figure, Figure)
    svg = svgs.get(figure.key) or svg_of(figure.chart)
    return {
        "picture": picture(svg, placed.id, figure.alt),
        "least": least_width(svg),
        "specification": specification(figure.chart, figure.alt),
        "rows": rows_of(figure.rows, fields),
    }


def _policy(scripts: list[Markup]) -> str:
    """Return a content security policy: no network, and no script but these."""
    return (
        f"default-src 'none'; script-src {allowed(*scripts)}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _dated(document: Document) -> str:
    """Return the date of the report, where no line of the cover tells it."""
    date = document.front.date
    return "" if any(date in text for _, text in document.front.cover) else date


@cache
def _part(name: str) -> Markup:
    """Return a file beside the template."""
    place = resources.files("citygauge").joinpath("report", "templates", name)
    return Markup(place.read_text(encoding="utf-8").strip())


@cache
def _words(language: Language) -> Mapping[str, Any]:
    words: Mapping[str, Any] = tomllib.loads(_part("book.words.toml"))[language]
    return words


@cache
def _template() -> jinja2.Template:
    rules = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return rules.from_string(_part("book.html.jinja"))
