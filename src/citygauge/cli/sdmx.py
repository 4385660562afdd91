"""`import sdmx` and `import coin-tool`: what other statistical software hands over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from citygauge.cli.intake import Date, Folder, Json, Licence, Producer, SourceId, Title, Url
from citygauge.cli.output import input_errors, now, report, stdout
from citygauge.cli.words import say

SDMX_HELP = say(
    "Add the facts of an SDMX data message (XML, JSON or CSV), from a file or the web.",
    "导入 SDMX 数据报文（XML、JSON 或 CSV）中的事实，来自文件或网址。",
)
COIN_TOOL_HELP = say(
    "Create a workspace from a workbook of the JRC's COIN Tool.",
    "由欧盟联合研究中心（JRC）的 COIN Tool 工作簿新建工作区。",
)


def sdmx(
    folder: Folder,
    message: Annotated[
        str, typer.Argument(metavar="FILE_OR_URL", help=say("The message.", "要导入的报文。"))
    ],
    how: Annotated[
        str | None,
        typer.Option(
            "--map",
            help=say(
                "How the message is read: a map's name in imports/ of the workspace or framework, or its path; by default REF_AREA, TIME_PERIOD and INDICATOR.",
                "读取方式：工作区或指标体系 imports/ 中对照文件的名称，或其路径；默认读取 REF_AREA、TIME_PERIOD 和 INDICATOR。",
            ),
        ),
    ] = None,
    correct: Annotated[
        bool,
        typer.Option(
            "--correct", help=say("Record differing values as corrections.", "把不同的数值记为更正。")
        ),
    ] = False,
    source: SourceId = "",
    producer: Producer = "",
    title: Title = "",
    url: Url = "",
    licence: Licence = "",
    date: Date = "",
    as_json: Json = False,
) -> None:
    """Add facts; what is already recorded is never changed."""
    from citygauge.provenance import Source
    from citygauge.store.sdmx import SdmxImport, import_sdmx

    told = Source(source, producer=producer, title=title, url=url, licence=licence, date=date)
    with input_errors(as_json=as_json):
        done = import_sdmx(folder, message, SdmxImport(how, correct, now(), told))
        counts = {
            "new": done.new,
            "corrected": done.corrected,
            "known": done.known,
            "left_out": done.left_out,
        }
        report(done.warnings, as_json=as_json, more=counts)
    if not as_json:
        stdout.print(
            say(
                f"{done.new} new facts, {done.corrected} corrections, {done.known} known already, {done.left_out} observations left out.",
                f"新增{done.new}条，更正{done.corrected}条，已有{done.known}条，略去{done.left_out}个观测值。",
            )
        )


def coin_tool(
    folder: Annotated[Path, typer.Argument(help=say("The folder to create.", "要新建的文件夹。"))],
    file: Annotated[Path, typer.Argument(help=say("The workbook.", "工作簿。"))],
    period: Annotated[
        str | None,
        typer.Option("--period", help=say("Period of all values.", "所有数值的时期。")),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a workspace from a COIN Tool workbook."""
    from citygauge.store.coin_tool import import_coin_tool

    with input_errors(as_json=as_json):
        workspace = import_coin_tool(folder, file, period)
        report(workspace.warnings, as_json=as_json, more={"workspace": str(folder)})
    if not as_json:
        n, m = len(workspace.units), len(workspace.framework.indicators)
        stdout.print(
            say(f"{folder}: {n} units, {m} indicators.", f"{folder}：{n}个评估对象，{m}项指标。"),
            markup=False,
        )
