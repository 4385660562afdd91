"""The page about several periods: ranks over time as a chart, moves, scores, and breaks in series."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any
from unicodedata import east_asian_width

import altair as alt
import jinja2
import polars as pl

from citygauge.analyse.panel_notes import panel_notes
from citygauge.analyse.trends import movers, relevant_breaks, trends
from citygauge.panel import Panel
from citygauge.problems import Language
from citygauge.report.charts.base import FONTS, INK, SIZE, WIDTH, Chart, styled, svg
from citygauge.report.content import texts
from citygauge.report.marks import Marks
from citygauge.result import NOTICE

Row = dict[str, Any]

_COLOURS: Mapping[str, str] = {"up": "#2166ac", "down": "#b2182b", "": "#c4c4c4"}
_STEP, _TALLEST, _READABLE = (
    18.0,
    900.0,
    12.0,
)  # of a rank on the chart, of the chart, of a rank with its label


def panel_page(panel: Panel, language: Language, record: Mapping[str, Any]) -> str:
    """Return several periods as one HTML page that needs no network.

    `record` is that of the run, with its hashes. The same panel gives the same bytes.
    """
    words = _words(language)
    comma, moved = words["label_comma"], movers(panel)
    names = panel.names(language)
    up, down = (
        comma.join(names[unit] for unit in some["unit_code"]) or words["nobody"]
        for some in (
            moved.filter(pl.col("rank_change_common") > 0),
            moved.filter(pl.col("rank_change_common") < 0).reverse(),
        )
    )
    title = panel.last.workspace.settings.name(language) or panel.framework.root.label(language)
    between = "：" if language == "zh" else ": "
    hashes = {key: value[:16] for key, value in record["hashes"].items()}
    return _template().render(
        language=language,
        illustrative=panel.illustrative,
        run=record,
        fonts=FONTS[language],
        heading=f"{title}{between}{words['heading']}",
        short_notice=NOTICE[language],
        t=words,
        summary=_summary(panel, language, words),
        alt=words["chart_alt"].format(periods=comma.join(panel.periods), up=up, down=down),
        chart=svg(ranks_chart(panel, language)),
        periods=panel.periods,
        rows=_rows(panel, language),
        breaks=_breaks(panel, language, words),
        warnings=[one.text(language) for one in (*panel_notes(panel), *panel.warnings)],
        colophon=words["colophon"].format(version=version("citygauge"), **hashes),
    )


def ranks_chart(panel: Panel, language: Language) -> Chart:
    """Return a line for each unit by its rank in the index over time; the largest moves in colour."""
    words = _words(language)
    rows = _points(panel, language, words)
    lowest = max((row["rank"] for row in rows if row["rank"]), default=1)
    step = min(_STEP, _TALLEST / lowest)
    shown = [row for row in rows if row["way"] or step >= _READABLE]
    labels = _end_labels(shown, panel, panel.names(language), words)
    scale = alt.Scale(domain=[0.5, lowest + 0.5], reverse=True, nice=False, zero=False)
    axis = alt.Axis(labelAngle=0, orient="top")
    place = {
        "x": alt.X("period:O", title=None, sort=list(panel.periods), axis=axis),
        "y": alt.Y("rank:Q", axis=None, scale=scale),
    }
    layers = [*_lines(rows, place), *_texts(labels, place)]
    room = {side: max((_width(one["text"]) for one in labels if one["side"] == side), default=0.0)
            for side in (-1, 1)}  # fmt: skip
    layout = {
        "width": max(WIDTH // 2, min(WIDTH, 130 * len(panel.periods))),
        "height": step * lowest,
        "padding": {"left": int(room[-1]) + 24, "right": int(room[1]) + 24, "top": 54, "bottom": 16},
        "autosize": {"type": "none"},
    }
    return styled(alt.layer(*layers), language, layout, illustrative=panel.illustrative)


def _points(panel: Panel, language: Language, words: Mapping[str, str]) -> list[Row]:
    """Return the rank of each unit in each period; of the largest moves also which way they went."""
    names = panel.names(language)
    way = {
        unit: "up" if move > 0 else "down"
        for unit, move in movers(panel).select("unit_code", "rank_change_common").iter_rows()
    }
    return [
        {
            "unit": unit,
            "period": period,
            "rank": rank,
            "way": way.get(unit, ""),
            "said": words["described"].format(unit=names[unit], period=period, rank=rank),
        }
        for unit, *ranks in panel.ranks.select("unit_code", *panel.periods).iter_rows()
        for period, rank in zip(panel.periods, ranks, strict=True)
    ]


def _lines(rows: Sequence[Row], place: Mapping[str, Any]) -> list[alt.Chart]:
    """Return lines with their points, those in colour on top."""
    layers = []
    for way, colour in reversed(list(_COLOURS.items())):
        own = [row for row in rows if row["way"] == way]
        base = alt.Chart(alt.InlineData(values=own)).encode(**place, detail="unit:N")
        width, dash = (2.2 if way else 1.2), ([5, 3] if way == "down" else [1, 0])
        points = [row for row in own if row["rank"]]
        dots = alt.Chart(alt.InlineData(values=points)).encode(**place, description="said:N")
        layers.append(base.mark_line(color=colour, strokeWidth=width, strokeDash=dash))
        layers.append(dots.mark_circle(color=colour, size=26, opacity=1))
    return layers


def _texts(labels: Sequence[Row], place: Mapping[str, Any]) -> list[alt.Chart]:
    layers = []
    for side in (-1, 1):
        own = alt.InlineData(values=[label for label in labels if label["side"] == side])
        mark = alt.MarkDef(
            type="text", align="right" if side < 0 else "left", dx=9 * side, color=INK, fontSize=SIZE
        )
        layers.append(alt.Chart(own, mark=mark).encode(**place, text="text:N"))
    return layers


def _end_labels(
    rows: Sequence[Row], panel: Panel, names: Mapping[str, str], words: Mapping[str, str]
) -> list[Row]:
    """Return what stands beside the first and the last period: rank and names, ties in one label."""
    found = []
    for side, period in ((-1, panel.periods[0]), (1, panel.periods[-1])):
        by_rank: dict[int, list[str]] = {}
        for row in rows:
            if row["period"] == period and row["rank"]:
                by_rank.setdefault(row["rank"], []).append(names[row["unit"]])
        for rank, units in by_rank.items():
            joined = words["label_comma"].join(units[:3]) + (" …" if len(units) > 3 else "")
            text = f"{joined}  {rank}" if side < 0 else f"{rank}  {joined}"
            found.append({"side": side, "period": period, "rank": rank, "text": text})
    return found


def _width(text: str) -> float:
    """Return about how wide a text is drawn; see `charts`."""
    return SIZE * sum(1.0 if east_asian_width(one) in "WF" else 0.6 for one in text)


def _rows(panel: Panel, language: Language) -> list[Row]:
    """Return a row for each unit: ranks, move, scores and their change, break; best at the end first."""
    marks, root, names = Marks(panel.last), panel.framework.root.code, panel.names(language)
    ranks = {unit: rest for unit, *rest in panel.ranks.select("unit_code", *panel.periods).iter_rows()}
    frame = trends(panel, root)
    found = []
    for row in frame.to_dicts():
        own = ranks[row["unit_code"]]
        move = row["rank_change_common"]
        change = marks.apart(root, row["change"])
        found.append(
            {
                "name": names[row["unit_code"]],
                "ranks": ["–" if rank is None else str(rank) for rank in own],
                "move": "–" if move is None else f"{move:+d}".replace("-", "−") if move else "0",
                "first": marks.number(root, None if row["change"] is None else row["first"]),
                "last": marks.number(root, row["last"]),
                "change": change.replace("-", "−"),
                "broken": row["broken"] or "",
                "order": (own[-1] is None, own[-1] or 0, row["unit_code"]),
            }
        )
    return sorted(found, key=lambda row: row["order"])


def _breaks(panel: Panel, language: Language, words: Mapping[str, str]) -> list[Row]:
    names = panel.names(language)
    return [
        {
            "indicator": row["indicator"] or words["all"],
            "unit": names[row["unit"]] if row["unit"] else words["all"],
            "from": row["from_period"],
            "kind": words[row["kind"]],
            "note": row[f"note_{language}"] or row["note_en"] or row["note_zh"] or "",
        }
        for row in relevant_breaks(panel).to_dicts()
    ]


def _summary(panel: Panel, language: Language, words: Mapping[str, str]) -> list[tuple[str, str]]:
    sizes = [len(result.units) for result in panel.results.values()]
    low, high = min(sizes), max(sizes)
    shown = words["objects_value"].format(n=low)
    if low != high:
        shown = words["objects_range"].format(low=low, high=high)
    return [
        (words["periods"], words["label_comma"].join(panel.periods)),
        (words["objects"], shown),
        (words["indicators"], words["indicators_value"].format(n=len(panel.framework.indicators))),
    ]


@cache
def _words(language: Language) -> Mapping[str, str]:
    """Return the texts of the page in a language: those of the report, and its own."""
    place = resources.files("citygauge").joinpath("report", "panel_texts.toml")
    own: dict[str, str] = tomllib.loads(place.read_text(encoding="utf-8"))[language]
    return {**texts(language), **own}


@cache
def _template() -> jinja2.Template:
    place = resources.files("citygauge").joinpath("report", "templates", "panel.html.jinja")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(place.read_text(encoding="utf-8"))
