"""`new` and `import`: what comes into a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from citygauge.cli.output import input_errors, now, report, stdout
from citygauge.cli.words import say

app = typer.Typer(no_args_is_help=True, help=say("Bring data into a workspace.", "把数据导入工作区。"))
Folder = Annotated[Path, typer.Argument(help=say("The workspace.", "工作区。"))]
Json = Annotated[bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))]
SourceId = Annotated[
    str,
    typer.Option(
        "--source", help=say("Id of the source; made from the file by default.", "来源代号；默认由文件生成。")
    ),
]
Producer = Annotated[str, typer.Option("--producer", help=say("Who made the table.", "表的编制者。"))]
Title = Annotated[str, typer.Option("--title", help=say("Title of the source.", "来源的标题。"))]
Url = Annotated[str, typer.Option("--url", help=say("Address of the source.", "来源的网址。"))]
Licence = Annotated[str, typer.Option("--licence", help=say("Licence of the source.", "来源的许可。"))]
Date = Annotated[str, typer.Option("--date", help=say("Date of the source.", "来源的日期。"))]


def new(
    folder: Annotated[Path, typer.Argument(help=say("The folder to create.", "要新建的文件夹。"))],
    framework: Annotated[
        str,
        typer.Option(
            "--framework", help=say("A built-in framework's name, or a path.", "内置指标体系的名称，或路径。")
        ),
    ],
    units: Annotated[
        Path | None,
        typer.Option("--units", help=say("A table of units to start from.", "作为起点的城市表。")),
    ] = None,
) -> None:
    """Create the files of a workspace; the tables of facts are empty."""
    from citygauge.store.create import new_workspace

    with input_errors(as_json=False):
        new_workspace(folder, framework, units)
    stdout.print(
        say(
            f"{folder}: fill units.csv, then `citygauge import table {folder} FILE` or observations.csv, then `citygauge assess {folder}`.",
            f"{folder}：先填 units.csv，再用 `citygauge import table {folder} FILE` 导入或直接填 observations.csv，最后 `citygauge assess {folder}`。",
        ),
        markup=False,
    )


@app.command(
    "coinr",
    help=say("Create a workspace from COINr's iData and iMeta.", "由 COINr 的 iData 和 iMeta 新建工作区。"),
)
def coinr(
    folder: Annotated[Path, typer.Argument(help=say("The folder to create.", "要新建的文件夹。"))],
    data: Annotated[Path, typer.Option("--data", help="iData.csv")],
    meta: Annotated[Path, typer.Option("--meta", help="iMeta.csv")],
    as_json: Json = False,
) -> None:
    """Create a workspace from the two tables that COINr reads."""
    from citygauge.store.create import import_coinr

    with input_errors(as_json=as_json):
        workspace = import_coinr(folder, data, meta)
        report(workspace.warnings, as_json=as_json, more={"workspace": str(folder)})
    if not as_json:
        n, m = len(workspace.units), len(workspace.framework.indicators)
        stdout.print(
            say(f"{folder}: {n} units, {m} indicators.", f"{folder}：{n}个评估对象，{m}项指标。"),
            markup=False,
        )


@app.command(
    "table",
    help=say(
        "Add the facts of a CSV or XLSX table, long or wide.", "导入 CSV 或 XLSX 表中的事实，长表或宽表。"
    ),
)
def table(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help=say("The table.", "要导入的表。"))],
    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet", help=say("Sheet of a workbook; the first by default.", "工作表；默认为第一张。")
        ),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option("--period", help=say("Period of rows that state none.", "未写明时期的行的时期。")),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option("--channel", help="field | interview | web | statistics | questionnaire"),
    ] = None,
    correct: Annotated[
        bool,
        typer.Option(
            "--correct", help=say("Record differing values as corrections.", "把不同的数值记为更正。")
        ),
    ] = False,
    corrects: Annotated[
        str,
        typer.Option(
            "--corrects",
            help=say(
                "The source whose facts the table corrects, of several.", "有多个来源时，该表更正的是哪一个。"
            ),
        ),
    ] = "",
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
    from citygauge.store.table import TableImport, import_table

    told = Source(source, producer=producer, title=title, url=url, licence=licence, date=date)
    with input_errors(as_json=as_json):
        done = import_table(folder, file, TableImport(sheet, period, channel, correct, now(), told, corrects))
        counts = {"new": done.new, "corrected": done.corrected, "known": done.known}
        report(done.warnings, as_json=as_json, more=counts)
    if not as_json:
        stdout.print(
            say(
                f"{done.new} new facts, {done.corrected} corrections, {done.known} known already.",
                f"新增{done.new}条，更正{done.corrected}条，已有{done.known}条。",
            )
        )


@app.command(
    "subjects",
    help=say(
        "Add facts about things inside units (sites, services, venues), a row for each thing.",
        "导入城市内部对象（网站、服务、场所等）的事实，每个对象一行。",
    ),
)
def subjects(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help=say("The table.", "要导入的表。"))],
    how: Annotated[
        str,
        typer.Option(
            "--map",
            help=say(
                "How the table is read: a map's name in imports/ of the workspace or framework, or its path.",
                "读表方式：工作区或指标体系 imports/ 中对照文件的名称，或其路径。",
            ),
        ),
    ],
    source: SourceId = "",
    producer: Producer = "",
    title: Title = "",
    url: Url = "",
    licence: Licence = "",
    date: Date = "",
    as_json: Json = False,
) -> None:
    """Add subjects and facts; what is already recorded is never changed."""
    from citygauge.provenance import Source
    from citygauge.store.subjects import import_subjects

    told = Source(source, producer=producer, title=title, url=url, licence=licence, date=date)
    with input_errors(as_json=as_json):
        done = import_subjects(folder, file, how, told, now())
        counts = {
            "subjects": done.subjects,
            "facts": done.facts,
            "known": done.known,
            "left_out": done.left_out,
        }
        report(done.warnings, as_json=as_json, more=counts)
    if not as_json:
        stdout.print(
            say(
                f"{done.subjects} new subjects, {done.facts} new facts, {done.known} known already, {done.left_out} rows left out.",
                f"新增对象{done.subjects}个、事实{done.facts}条，已有{done.known}条，略去{done.left_out}行。",
            )
        )
