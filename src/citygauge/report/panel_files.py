"""The tables and files of several periods: scores, trends, ranks over time, breaks, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from citygauge.analyse.panel_notes import panel_notes
from citygauge.analyse.trends import relevant_breaks, trends
from citygauge.files import write_csv
from citygauge.panel import Panel
from citygauge.problems import Problem
from citygauge.provenance import sha256_of
from citygauge.report.files import LANGUAGES, Written, method_text, put_in_place
from citygauge.report.panel_page import panel_page
from citygauge.report.record import run_record
from citygauge.result import NOTICE


def panel_tables(panel: Panel) -> dict[str, pl.DataFrame]:
    """Return every table of a panel by the name of its file, the notice on each where data are illustrative.

    ``scores``: all periods; ``trends``: of scores, ``value_trends``: of indicators as measured (see
    `trends`); ``ranks``: ``unit_code, code, level`` and a column for each period; ``breaks``: those between
    the periods that concern its units, see `relevant_breaks`.
    """
    breaks = relevant_breaks(panel)
    if panel.illustrative:
        breaks = breaks.with_columns(pl.lit(NOTICE["en"]).alias("notice"))
    return {
        "scores": panel.scores,
        "trends": trends(panel),
        "value_trends": trends(panel, of="values"),
        "ranks": _ranks(panel),
        "breaks": breaks,
    }


def panel_warnings(panel: Panel) -> tuple[Problem, ...]:
    """Return what a reader of a panel must know, and what was noted on the way."""
    return (*panel_notes(panel), *panel.warnings)


def panel_record(panel: Panel) -> dict[str, Any]:
    """Return what pins a panel: version, hashes of data, framework and method, and what was noted."""
    record, breaks = run_record(panel.last), panel.last.workspace.breaks
    del record["period"]
    if len(breaks):
        record["hashes"]["breaks"] = sha256_of({"breaks": breaks.frame.write_csv()})
    units = {period: len(result.units) for period, result in panel.results.items()}
    noted = [problem.as_dict() for problem in panel_warnings(panel)]
    return {**record, "periods": list(panel.periods), "units": units, "warnings": noted}


def write_panel(panel: Panel, folder: Path) -> Written:
    """Write everything that several periods told: tables, method, a page in each language, the record.

    Everything is written aside first and put in place together, as `write_results` does.

    Parameters
    ----------
    panel : Panel
    folder : Path

    Raises
    ------
    InputError
        When the folder holds files and no run of CityGauge.
    """
    record = panel_record(panel)

    def fill(draft: Path) -> list[str]:
        texts = {"method.toml": method_text(panel.last)}
        texts |= {f"panel.{language}.html": panel_page(panel, language, record) for language in LANGUAGES}
        for name, text in texts.items():
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        tables = {f"{name}.csv": frame for name, frame in panel_tables(panel).items()}
        for name, frame in tables.items():
            write_csv(frame, draft / name)
        return [*texts, *tables]

    return put_in_place(folder, record, fill)


def _ranks(panel: Panel) -> pl.DataFrame:
    """Return the ranks of all nodes over time, unit by unit."""
    framework = panel.framework
    scored = {code for result in panel.results.values() for code in result.aggregated.codes}
    frames = [
        panel.ranks_of(code).select(
            "unit_code",
            pl.lit(code).alias("code"),
            pl.lit(framework.levels[code], pl.Int64).alias("level"),
            pl.all().exclude("unit_code"),
        )
        for code in framework.codes
        if code in scored
    ]
    order = {unit: i for i, unit in enumerate(frames[0]["unit_code"])}
    place = pl.col("unit_code").replace_strict(order, return_dtype=pl.Int64)
    return pl.concat(frames).sort(place, maintain_order=True)
