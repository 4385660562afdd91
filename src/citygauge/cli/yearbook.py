"""`import yearbook`: the tables of a statistical yearbook as they are printed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from citygauge.cli.intake import Date, Folder, Json, Licence, Producer, SourceId, Title, Url
from citygauge.cli.output import SHOWN_PER_CODE, input_errors, now, report, stdout
from citygauge.cli.words import language, say
from citygauge.text import visible

if TYPE_CHECKING:
    from citygauge.store.yearbook import ImportedYearbook

HELP = say(
    "Add the facts of a statistical yearbook's tables, as they are printed.",
    "导入统计年鉴的表格，按印刷原样读取。",
)


def yearbook(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help=say("The workbook or CSV file.", "工作簿或 CSV 文件。"))],
    how: Annotated[
        str | None,
        typer.Option(
            "--map",
            help=say(
                "Read by a map: its name in imports/ of the workspace or framework, or its path.",
                "按对照文件读取：工作区或指标体系 imports/ 中的名称，或其路径。",
            ),
        ),
    ] = None,
    save_map: Annotated[
        str | None,
        typer.Option(
            "--save-map",
            help=say("Keep the map that was found under this name.", "把识别出的对照文件以此名称保存。"),
        ),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option("--sheet", help=say("Read one sheet; all by default.", "只读一张工作表；默认全部。")),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            "--period", help=say("Period of figures that state none.", "未写明时期的数字所属的时期。")
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            "--channel",
            help=say("Channel; statistics by default.", "采集渠道；默认为 statistics。"),
        ),
    ] = None,
    correct: Annotated[
        bool,
        typer.Option(
            "--correct", help=say("Record differing values as corrections.", "把不同的数值记为更正。")
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=say("Read and check, write nothing.", "只读取和核对，不写入。"))
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
    from citygauge.store.yearbook import YearbookImport, import_yearbook

    told = Source(source, producer=producer, title=title, url=url, licence=licence, date=date)
    wanted = YearbookImport(how, save_map, sheet, period, channel, correct, now(), told, dry_run)
    with input_errors(as_json=as_json):
        done = import_yearbook(folder, file, wanted)
        report(done.warnings, as_json=as_json, more=_outcome(done) if as_json else None)
    if not as_json:
        _print(done, dry_run=dry_run)


def _outcome(done: ImportedYearbook) -> dict[str, Any]:
    """Return what came of it as plain data."""
    from citygauge.collect.yearbook.words import reason

    return {
        "new": done.new,
        "corrected": done.corrected,
        "known": done.known,
        "saved": done.saved,
        "map": done.found.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True),
        "skipped": [
            {
                "what": item.what,
                "where": item.where,
                "text": item.text,
                "reason": item.reason,
                "said": reason(item.reason, "en"),
                "said_zh": reason(item.reason, "zh"),
                "near": list(item.near),
            }
            for item in done.skipped
        ],
    }


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _print(done: ImportedYearbook, *, dry_run: bool) -> None:
    """Print the counts, and what was left out by reason: of many alike the first ten and a count."""
    from citygauge.collect.yearbook.words import reason

    shown: Counter[tuple[str, str]] = Counter()
    kinds = {"sheet": say("sheet", "工作表"), "row": say("row", "行")}
    kinds |= {"column": say("column", "列"), "cell": say("cell", "单元格")}
    for item in sorted(done.skipped, key=lambda item: (item.reason, item.what)):
        key = (item.what, item.reason)
        shown[key] += 1
        if shown[key] > SHOWN_PER_CODE:
            continue
        text = escape(visible(" ".join(item.text.split())))[:60]
        said = escape(reason(item.reason, language()))
        near = say("; near: ", "；相近：") + say(", ", "、").join(item.near[:3]) if item.near else ""
        place = f"{kinds[item.what]} {escape(item.where)}"
        left = say("left out", "略去")
        line = f"[dim]{left}[/] {place} {text} — {said}{escape(near)}".rstrip()
        stdout.print(line)
    for (what, why), count in shown.items():
        if count > SHOWN_PER_CODE:
            rest, said = count - SHOWN_PER_CODE, escape(reason(why, language()))
            stdout.print(
                say(f"… and {rest} more: {kinds[what]}, {said}", f"…… 另有{rest}项：{kinds[what]}，{said}")
            )
    for table in done.found.tables:
        for column in table.columns:
            header = escape("/".join(filter(None, (table.sheet, column.header or table.title))))
            stdout.print(f"{header} → {escape(column.indicator)} {escape(column.measure)}".rstrip())
    stdout.print(
        say(
            f"{_count(done.new, 'new fact')}, {_count(done.corrected, 'correction')}, "
            f"{done.known} known already, {len(done.skipped)} left out.",
            f"新增{done.new}条，更正{done.corrected}条，已有{done.known}条，略去{len(done.skipped)}处。",
        )
    )
    if done.saved:
        stdout.print(say(f"Map saved: {done.saved}", f"已保存对照文件：{done.saved}"), markup=False)
    if dry_run:
        stdout.print(say("Nothing was written.", "未写入任何内容。"))
