"""A COIN Tool workbook becomes a workspace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from citygauge.collect.observations import OBSERVATION_COLUMNS
from citygauge.collect.sources import source_frame
from citygauge.files import write_csv
from citygauge.framework.coin_tool import DATABASE, read_coin_tool
from citygauge.framework.write import write_framework
from citygauge.problems import Problems, Where
from citygauge.provenance import Source
from citygauge.score.method import Method
from citygauge.store.create import new_folder, write_settings
from citygauge.store.record import keep, source_of
from citygauge.workspace import Workspace, open_workspace


def import_coin_tool(folder: Path, file: Path, period: str | None = None) -> Workspace:
    """Create a workspace from a COIN Tool workbook and return it.

    The file is kept under ``originals/`` by its hash, and every fact names its cell. The method is
    CityGauge's default (min-max 0 to 100, arithmetic means); what the workbook's other sheets set is not
    read. What is left out is among the workspace's warnings.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty.
    file : Path
        The workbook; `read_coin_tool` says which layout is read.
    period : str, optional
        The period of all values, of which the workbook says nothing.

    Raises
    ------
    InputError
        With all problems of the workbook; the folder is then not created.
    """
    problems = Problems()
    content = read_coin_tool(file, problems)
    problems.raise_errors()
    assert content is not None
    source = replace(source_of(file, ""), title=f"COIN Tool: {file.name}", sheet=DATABASE)
    with new_folder(folder) as draft:
        write_framework(content.framework, draft / "framework.csv")
        (draft / "method.toml").write_text(Method().to_toml(), encoding="utf-8", newline="\n")
        settings = {"name_en": content.framework.root.label("en")}
        write_settings(draft, settings | ({"period": period} if period else {}))
        write_csv(content.units.with_columns(pl.lit(source.id).alias("source")), draft / "units.csv")
        write_csv(_observations(content.values, source, period), draft / "observations.csv")
        write_csv(source_frame({source.id: source}), draft / "sources.csv")
        keep(file, draft / source.file)
    workspace = open_workspace(folder)
    # That no unit of measure is read holds of all indicators and is said once.
    told = [one for one in workspace.warnings if one.code != "framework.no-unit"]
    if len(told) < len(workspace.warnings):
        problems.add("cointool.no-units", Where(file.name), count=len(workspace.warnings) - len(told))
    noted = Problems(told)
    noted.add_once(problems.warnings)
    return replace(workspace, warnings=noted)


def _observations(values: pl.DataFrame, source: Source, period: str | None) -> pl.DataFrame:
    given = {name: pl.col(name) for name in values.columns}
    given["period"] = pl.lit(period, pl.String)
    given |= {"origin": pl.lit("observed"), "source": pl.lit(source.id)}
    blank = pl.lit(None, pl.String)
    return values.select(given.get(name, blank).alias(name) for name in (*OBSERVATION_COLUMNS, "cell"))
