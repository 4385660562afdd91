"""`scorecard`: the facts of an assessment under the themes of a published standard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from citygauge.cli.output import input_errors, report, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from citygauge.analyse.scorecard import Scorecard
    from citygauge.result import Result


def scorecard(
    folder: Annotated[Path, typer.Argument(help=say("The workspace.", "工作区。"))],
    standard: Annotated[
        str,
        typer.Option(
            "--standard",
            help=say("The standard: gbt-33356, iso-37122 or u4ssc.", "标准：gbt-33356、iso-37122 或 u4ssc。"),
        ),
    ],
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            help=say(
                "Code or name of a city, to show its values; by default all cities, theme by theme.",
                "城市的代码或名称，列出其数值；默认按主题列出全部城市。",
            ),
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help=say("Also write the values as CSV to this file.", "另将数值写成此 CSV 文件。"),
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))
    ] = False,
) -> None:
    """Show values and coverage under a standard; nothing is scored."""
    from citygauge.analyse.scorecard import scorecard as make
    from citygauge.corridor import assess
    from citygauge.files import write_csv
    from citygauge.workspace import open_workspace

    with input_errors(as_json=as_json):
        result = assess(open_workspace(folder))
        card = _of_unit(make(result, standard), result, unit)
        if out is not None:
            write_csv(card.rows, out)
        more = _plain(card, result) | ({"file": str(out)} if out else {})
        report(card.warnings, as_json=as_json, more=more)
    if as_json:
        return
    _head(card, result)
    if unit is None:
        _print_themes(card)
    else:
        _print_values(card, result)
    _foot(card)
    if out is not None:
        stdout.print(say("Values: ", "数值：") + str(out), markup=False)


def _of_unit(card: Scorecard, result: Result, unit: str | None) -> Scorecard:
    """Return the scorecard of one unit; on illustrative data it is known by its neutral name alone."""
    import polars as pl

    from citygauge.collect.units import UnitMatcher, note_matches
    from citygauge.problems import InputError, Problems, Where

    if unit is None:
        return card
    labels = set(result.label_of.values())
    english = dict(card.rows.select("name_en", "unit_code").rows()) if result.illustrative else {}
    match = UnitMatcher(result.workspace.units.select(result.derived.units)).match(unit)
    found = english.get(unit, unit) if {unit, english.get(unit)} & labels else match.code
    if found not in labels:
        problems = Problems()
        hidden = replace(match, verdict="unknown", candidates=()) if result.illustrative else match
        note_matches({unit: hidden}, {unit: []}, Where(), problems)
        raise InputError(problems)
    only = pl.col("unit_code") == found
    return replace(card, rows=card.rows.filter(only), themes=card.themes.filter(only))


def _plain(card: Scorecard, result: Result) -> dict[str, Any]:
    """Return a scorecard as plain data."""
    from citygauge.result import NOTICE

    known = card.standard
    head = {"id": known.id, "title_zh": known.title_zh, "title_en": known.title_en, "source": known.source}
    return {
        **({"notice": dict(NOTICE)} if result.illustrative else {}),
        "standard": head | {"bands": [one.model_dump(by_alias=True) for one in known.band]},
        "rows": card.rows.to_dicts(),
        "themes": card.themes.to_dicts(),
        "unmapped": list(card.unmapped),
    }


def _head(card: Scorecard, result: Result) -> None:
    from citygauge.result import NOTICE

    stdout.print(card.standard.title(language()), markup=False)
    if result.illustrative:
        stdout.print(NOTICE[language()], markup=False)


def _print_themes(card: Scorecard) -> None:
    """Print the coverage of each theme, and over all units the share of values that are there."""
    import polars as pl
    from rich.table import Table

    keys = ["edition", "theme", f"theme_{language()}", "theme_checked"]
    same = ("published", "mapped", "indicators", "unchecked")
    sums = card.themes.group_by(keys, maintain_order=True).agg(
        *(pl.col(name).first() for name in same), pl.col("applicable").sum(), pl.col("available").sum()
    )
    table = Table()
    table.add_column(say("theme", "主题"))
    for heading in (
        say("codes named", "已对应代码"), say("of published", "标准共有"), say("indicators", "指标"),
        say("unchecked", "未核对"), say("values", "有值"),
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for row in sums.to_dicts():
        share = f"{row['available'] / row['applicable']:.0%}" if row["applicable"] else "–"
        published = "–" if row["published"] is None else str(row["published"])
        numbers = [row["mapped"], published, row["indicators"], row["unchecked"], share]
        table.add_row(_safe(_theme(row, card)), *map(str, numbers))
    stdout.print(table)


def _print_values(card: Scorecard, result: Result) -> None:
    """Print the values of one unit, theme by theme."""
    from rich.table import Table

    table = Table(title=card.rows[f"name_{language()}"][0] if card.rows.height else None)
    headings = [say("theme", "主题"), say("counterpart", "对应指标"), say("indicator", "指标")]
    headings += [say("value", "数值"), say("unit", "单位")]
    if card.standard.band:
        headings += [say("benchmark", "目标值"), say("band", "分档")]
    for heading in headings:
        table.add_column(heading)
    for row in card.rows.to_dicts():
        name = row[f"counterpart_{language()}"]
        mark = "" if row["checked"] else "~"
        cells = [
            _theme(row, card),
            f"{mark}{row['counterpart']} {name}".strip(),
            row[f"indicator_{language()}"],
        ]
        cells += [_value(row), _unit(row["unit"], result)]
        if card.standard.band:
            benchmark = "–" if row["benchmark"] is None else f"{row['benchmark']:g}"
            cells += [benchmark, _band(row, card)]
        table.add_row(*map(_safe, cells))
    stdout.print(table)


def _safe(text: str) -> str:
    """Return a text as a terminal may print it."""
    from rich.markup import escape

    from citygauge.text import visible

    return escape(visible(text))


def _unit(unit: str, result: Result) -> str:
    if unit == "score":
        return say("score", "得分")
    return result.framework.unit_names.get(unit, {}).get(language()) or unit


def _theme(row: dict[str, Any], card: Scorecard) -> str:
    name = row[f"theme_{language()}"] or say("no theme named", "未写明主题")
    mark = "" if row["theme_checked"] or not row["theme"] else "~"
    is_said = row["edition"] and not card.standard.only_edition
    return f"{mark}{name} ({row['edition']})" if is_said else f"{mark}{name}"


def _value(row: dict[str, Any]) -> str:
    words = {
        "missing": say("missing", "缺失"),
        "not_applicable": say("not applicable", "不适用"),
        "not_measurable": say("not measurable", "无法测量"),
        "measures": say("by its measures", "由分项构成"),
    }
    if row["value"] is None:
        return words[row["state"]]
    imputed = say(" (imputed)", "（插补）") if row["origin"] == "imputed" else ""
    return f"{row['value']:.6g}{imputed}"


def _band(row: dict[str, Any], card: Scorecard) -> str:
    from citygauge.analyse.scorecard import NO_BENCHMARK, NOT_COMPARABLE

    words = {band.id: band.name(language()) for band in card.standard.band}
    words |= {
        NO_BENCHMARK: say("no benchmark", "无目标值"),
        NOT_COMPARABLE: say("not comparable", "不可比"),
        "": "–",
    }
    percent = "" if row["percent"] is None else f"{row['percent']:.5g}%  "
    return percent + words[row["band"]]


def _foot(card: Scorecard) -> None:
    """Print what the marks mean, and how many indicators stand nowhere."""
    stdout.print(
        say("~ code or theme not checked against the standard", "~ 代码或主题未与标准核对"),
        markup=False,
    )
    count = len(card.unmapped)
    stdout.print(
        say(
            f"Indicators of the framework without a counterpart in {card.standard.short}: {count}",
            f"指标体系中在 {card.standard.short} 中没有对应指标的有{count}项",
        ),
        markup=False,
    )
