"""`collect`: workbooks go out to the cities and come back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from citygauge.cli.output import BAD_INPUT, input_errors, now, print_json, print_problems, stdout
from citygauge.cli.words import language, say
from citygauge.text import visible

if TYPE_CHECKING:
    from citygauge.store.citybook import Issue
    from citygauge.store.received import BookOutcome, Correction
    from citygauge.store.returned import Outcome

app = typer.Typer(
    no_args_is_help=True,
    help=say("Collect facts from the cities by workbook.", "用工作簿向城市收集数据。"),
)
Folder = Annotated[Path, typer.Argument(help=say("The workspace.", "工作区。"))]
Json = Annotated[bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help=say("Where the workbooks go; DIR/workbooks by default.", "工作簿的位置；默认为 DIR/workbooks。"),
    ),
]
Unit = Annotated[
    list[str] | None,
    typer.Option(
        "--unit",
        help=say(
            "Code or name of a city, may be repeated; all that are assessed by default.",
            "城市的代码或名称，可重复；默认为全部评估城市。",
        ),
    ),
]
Period = Annotated[
    str | None,
    typer.Option(
        "--period",
        help=say(
            "The period; that of assessment.toml by default.", "时期；默认为 assessment.toml 中的时期。"
        ),
    ),
]


@app.command(
    "workbook",
    help=say("Write the form of each city as a workbook.", "为每个城市生成数据填报工作簿。"),
)
def workbook(
    folder: Folder,
    out: Out = None,
    unit: Unit = None,
    period: Period = None,
    contact: Annotated[
        str,
        typer.Option(
            "--contact",
            help=say("Who the workbooks go back to, for the guide.", "工作簿交回给谁，写在填报说明中。"),
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Write the forms that the cities fill."""
    from citygauge.store.citybook import write_forms

    with input_errors(as_json=as_json):
        paths = write_forms(folder, _issue(out, unit, period, contact))
    _print_paths(paths, as_json=as_json)


@app.command(
    "confirm",
    help=say(
        "Score, and write each city its recorded values to confirm or appeal.",
        "评分，并为每个城市生成数据确认函，供确认或申诉。",
    ),
)
def confirm(folder: Folder, out: Out = None, unit: Unit = None, as_json: Json = False) -> None:
    """Write the confirmations; the results themselves are not written."""
    from citygauge.collect.citybook.texts import say as text
    from citygauge.store.appeals import write_confirmations

    with input_errors(as_json=as_json):
        ending = text("words", "confirmation", language())
        paths = write_confirmations(folder, _issue(out, unit, None, ""), ending)
    _print_paths(paths, as_json=as_json)


@app.command(
    "read",
    help=say(
        "Read workbooks that came back, forms and confirmations; exit code 2 when anything waits for correction.",
        "读入交回的工作簿（填报表和确认函）；有内容待更正时退出码为 2。",
    ),
)
def read(
    folder: Folder,
    files: Annotated[
        list[Path],
        typer.Argument(help=say("Workbooks, or folders of workbooks.", "工作簿，或存放工作簿的文件夹。")),
    ],
    period: Period = None,
    reviewed: Annotated[
        bool,
        typer.Option(
            "--reviewed",
            help=say(
                "The decisions in the confirmations are the institute's own; without it a decision counts only about an appeal that was read without one before.",
                "确认函中的处理结果确由本机构填写；不加此项时，只有先以未处理状态读入过的申诉，其处理结果才生效。",
            ),
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Record the good rows of returned workbooks and say what is wrong with the others."""
    from citygauge.store.returned import Receipt, read_books

    with input_errors(as_json=as_json):
        outcome = read_books(folder, files, Receipt(now(), period, reviewed))
    failed = any(problem.severity == "error" for problem in outcome.problems)
    if as_json:
        print_json({"ok": not failed, **_counts(outcome)})
    else:
        # Each error names a cell that somebody must correct.
        print_problems(outcome.problems, all_errors=True)
        for book in outcome.books:
            _print_book(book)
    if failed:
        raise typer.Exit(BAD_INPUT)


def _issue(out: Path | None, units: list[str] | None, period: str | None, contact: str) -> Issue:
    from citygauge.store.citybook import Issue

    return Issue(language(), out, tuple(units or ()), period, contact)


def _print_paths(paths: list[Path], *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "workbooks": [str(path) for path in paths], "problems": []})
        return
    for path in paths:
        stdout.print(str(path), markup=False)
    stdout.print(say(f"{len(paths)} workbooks written.", f"已生成{len(paths)}份工作簿。"))


def _counts(outcome: Outcome) -> dict[str, Any]:
    """Return what became of the books as plain data."""
    names = ("file", "kind", "unit", "new", "corrected", "known", "waiting", "blank", "to_correct")
    return {
        "recorded": sum(book.recorded for book in outcome.books),
        "waiting": sum(book.waiting for book in outcome.books),
        "books": [
            {
                **{name: getattr(book, name) for name in names},
                "corrections": [asdict(correction) for correction in book.corrections],
            }
            for book in outcome.books
        ],
        "problems": [problem.as_dict() for problem in outcome.problems],
    }


def _print_book(book: BookOutcome) -> None:
    """Print one line about a book, and where its marked copy is."""
    if not book.kind:
        text = say(f"{book.file}: not read.", f"{book.file}：未读入。")
    elif book.kind == "form":
        text = say(
            f"{book.file}: {book.new} new facts, {book.corrected} corrections, {book.known} known already, {book.waiting} rows wait for correction, {book.blank} left blank.",
            f"{book.file}：新增{book.new}条，更正{book.corrected}条，已有{book.known}条，待更正{book.waiting}行，未填{book.blank}行。",
        )
    else:
        text = say(
            f"{book.file}: {book.recorded} answers logged, {book.corrected} of them accepted appeals, {book.known} known already, {book.waiting} rows wait for correction, {book.blank} left blank.",
            f"{book.file}：登记{book.recorded}条意见，其中采纳申诉{book.corrected}条，已有{book.known}条，待更正{book.waiting}行，未填{book.blank}行。",
        )
    stdout.print(visible(text), markup=False)
    for correction in book.corrections:
        stdout.print(visible(_corrected(correction)), markup=False)
    if book.to_correct:
        stdout.print(say("Marked copy: ", "标注副本：") + book.to_correct, markup=False)


def _corrected(correction: Correction) -> str:
    """Return one line about a fact that took the place of another."""
    from citygauge.collect.citybook.texts import meant
    from citygauge.collect.citybook.texts import say as text

    la = language()
    old, new = (
        text("states", fact, la) if meant("states", fact) else fact
        for fact in (correction.old, correction.new)
    )
    change = f"{old} → {new}" if old != new else say("evidence or remark changed", "佐证材料或说明有改动")
    return say(
        f"  corrected: {correction.unit}, {correction.indicator} ({correction.cell}): {change}",
        f"  更正：{correction.unit} {correction.indicator}（{correction.cell}）：{change}",
    )
