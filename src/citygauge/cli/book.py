"""`report`: the whole report as PDF, Word, web page and slides; and the check of an edited Word file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from citygauge.cli.assess import Folder, Json, MethodFile, run
from citygauge.cli.output import NOT_ALL_MADE, input_errors, print_json, report, stderr, stdout
from citygauge.cli.words import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from citygauge.problems import Problems
    from citygauge.report.book.edited import Difference
    from citygauge.report.book.jobs import Order
    from citygauge.report.book.theme import Theme as BookTheme
    from citygauge.result import Result


class _MakeByDefault(TyperGroup):
    """Take ``report DIR`` for ``report make DIR``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_MakeByDefault,
    no_args_is_help=True,
    help=say(
        "Write the whole report: `citygauge report DIR`; compare an edited one: `citygauge report check FILE`.",
        "写出完整报告：`citygauge report DIR`；核对改过的报告：`citygauge report check FILE`。",
    ),
)
Theme = Annotated[
    str,
    typer.Option(
        "--theme",
        help=say(
            "A built-in theme, or the file or folder of one's own; by default the workspace's.",
            "内置主题，或自有主题的文件或文件夹；默认为工作区的主题。",
        ),
    ),
]


@app.command(
    "make", help=say("Write a report (the command's name may be left out).", "写出报告（命令名可省略）。")
)
def make(
    folder: Folder,
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help=say("full, city, grade or executive.", "full、city、grade 或 executive。")
        ),
    ] = "full",
    city: Annotated[
        list[str] | None,
        typer.Option(
            "--city",
            help=say(
                "Code or name of a city, of city reports; may be given several times, all by default.",
                "城市的代码或名称，用于城市报告；可多次给出，默认全部。",
            ),
        ),
    ] = None,
    grade: Annotated[
        list[str] | None,
        typer.Option(
            "--grade",
            help=say("A grade, of grade reports; all by default.", "等级，用于等级报告；默认全部。"),
        ),
    ] = None,
    lang: Annotated[
        str,
        typer.Option(
            "--lang", help=say("Language of the report: zh, en or both.", "报告的语言：zh、en 或 both。")
        ),
    ] = "both",
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            help=say(
                "Any of pdf, docx, html, pptx, charts, with commas between.",
                "pdf、docx、html、pptx、charts 中的若干种，用逗号分隔。",
            ),
        ),
    ] = "pdf,docx,html",
    theme: Theme = "",
    date: Annotated[
        str,
        typer.Option(
            "--date",
            help=say(
                "Date on the report, as 2026-07-31; none by default, no clock is read.",
                "报告上的日期，如 2026-07-31；默认不写，也不读取时钟。",
            ),
        ),
    ] = "",
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help=say("A Word file whose styles are taken.", "其样式被采用的 Word 文件。"),
        ),
    ] = None,
    method: MethodFile = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help=say("Where the files go; DIR/report by default.", "文件的位置；默认为 DIR/report。")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write reports of an assessment."""
    from citygauge.problems import Problems
    from citygauge.report.book.files import Printed, write_reports
    from citygauge.report.book.theme import note_unused, theme_for

    with input_errors(as_json=as_json):
        problems = Problems()
        wanted = _order(kind, lang, formats, date, problems)
        problems.raise_errors()
        with stderr.status(say("scoring …", "正在评分……")):
            result = run(folder, method)
        chosen = theme_for(result.workspace, problems, theme)
        problems.raise_errors()
        assert chosen is not None
        note_unused(chosen, result, problems)
        order = _with_subjects(wanted, result, chosen, (city or [], grade or []), problems)
        order = _with_reference(order, reference, problems)
        problems.raise_errors()
        _note_map(problems)
        target = out or folder / "report"
        with _bar(order.count, silent=as_json) as step:
            written: Printed = write_reports(order.jobs(result, chosen), target, told=lambda _: step())
        told = [*result.warnings, *problems, *written.problems]
        more = {"report": str(target), "files": [str(path.relative_to(target)) for path in written.paths]}
        report(told, as_json=as_json, more={**more, "not_made": list(written.not_made)})
    if not as_json:
        stdout.print(say("Report: ", "报告：") + str(target), markup=False)
        _name(more["files"])
    if written.not_made:
        raise typer.Exit(NOT_ALL_MADE)


@app.command(
    "check",
    help=say(
        "Compare the numbers of an edited Word file with the results.",
        "将改过的 Word 文件中的数字与结果核对。",
    ),
)
def check(
    file: Annotated[Path, typer.Argument(help=say("The edited Word file.", "改过的 Word 文件。"))],
    folder: Annotated[
        Path | None,
        typer.Argument(
            help=say(
                "The workspace; by default the one whose folder the file lies in.",
                "工作区；默认为该文件所在的工作区。",
            )
        ),
    ] = None,
    theme: Theme = "",
    method: MethodFile = None,
    as_json: Json = False,
) -> None:
    """List each number of an edited Word file that is not as the results have it."""
    from citygauge.problems import Problems, Where
    from citygauge.report.book.compared import compared

    with input_errors(as_json=as_json):
        problems = Problems()
        if not file.is_file():
            problems.add("file.not-found", Where(str(file)), file=str(file))
        problems.raise_errors()
        home = folder or _workspace_of(file, problems)
        problems.raise_errors()
        assert home is not None
        found, notes = compared(file, run(home, method), theme)
        if as_json:
            rows = [{name: getattr(one, name) for name in one.__slots__} for one in found]
            print_json({"ok": not found, "differences": rows, "problems": [one.as_dict() for one in notes]})
        else:
            report(notes, as_json=False)
            _list(found)
    if found:
        raise typer.Exit(2)


def _order(kind: str, lang: str, formats: str, date: str, problems: Problems) -> Order:
    """Return what is wanted; note every word that is none of those known."""
    from citygauge.problems import Where
    from citygauge.report.book.document import KINDS
    from citygauge.report.book.files import FORMATS
    from citygauge.report.book.jobs import Order

    languages = {"both": ("zh", "en"), "zh": ("zh",), "en": ("en",)}
    asked = tuple(dict.fromkeys(part.strip().lower() for part in formats.split(",") if part.strip()))
    choices = [("--kind", kind, KINDS), ("--lang", lang, tuple(languages))]
    choices += [("--format", one, FORMATS) for one in (asked or ("",))]
    for option, given, known in choices:
        if given not in known:
            problems.add("report.unknown-choice", Where(), option=option, given=given, known=list(known))
    if date and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", date):
        problems.add("report.bad-date", Where(), given=date)
    return Order(kind, languages.get(lang, ()), asked, date=date)  # type: ignore[arg-type]


def _with_subjects(
    order: Order, result: Result, theme: BookTheme, named: tuple[list[str], list[str]], problems: Problems
) -> Order:
    """Return what is wanted with the cities or grades it is about; refuse some that it is not about."""
    from dataclasses import replace

    from citygauge.problems import Where
    from citygauge.report.book.jobs import grades_wanted, units_wanted

    for given, kind in zip(named, ("city", "grade"), strict=True):
        if given and order.kind != kind:
            problems.add("report.unused-option", Where(), option=f"--{kind}", kind=kind)
    if order.kind == "city":
        return replace(order, units=units_wanted(result, theme, named[0], problems))
    if order.kind == "grade":
        return replace(order, grades=grades_wanted(result, named[1], problems))
    return order


def _with_reference(order: Order, reference: Path | None, problems: Problems) -> Order:
    from dataclasses import replace

    from citygauge.problems import Where

    if reference is None:
        return order
    if not reference.is_file():
        problems.add("file.not-found", Where(str(reference)), file=str(reference))
        return order
    return replace(order, reference=reference.read_bytes())


def _note_map(problems: Problems) -> None:
    from citygauge.report.charts.outlines import has_outlines

    has_outlines(problems)


def _workspace_of(file: Path, problems: Problems) -> Path | None:
    """Return the nearest folder above a file that is a workspace."""
    from citygauge.problems import Where
    from citygauge.settings import SETTINGS

    for parent in file.resolve().parents:
        if (parent / SETTINGS).is_file():
            return parent
    problems.add("report.no-workspace-above", Where(str(file)), file=str(file))
    return None


def _bar(count: int, *, silent: bool) -> Any:
    """Return a progress bar over the documents; entering it gives what moves it on."""
    from contextlib import contextmanager

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    @contextmanager
    def shown() -> Any:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        hidden = silent or not stderr.is_terminal
        with Progress(*columns, console=stderr, transient=True, disable=hidden) as progress:
            task = progress.add_task(say("writing reports …", "正在写报告……"), total=count)
            yield lambda: progress.advance(task)

    return shown()


def _name(files: Sequence[str]) -> None:
    """Print the files, those of the charts as one line a folder."""
    shown: dict[str, int] = {}
    for name in files:
        key = name.split("/")[0] + "/" if "/" in name else name
        shown[key] = shown.get(key, 0) + 1
    for name, count in list(shown.items())[:12]:
        more = say(f"  ({count} files)", f"（{count}个文件）") if name.endswith("/") else ""
        stdout.print(f"  {name}{more}", markup=False)
    if len(shown) > 12:
        rest = len(shown) - 12
        stdout.print(say(f"  … and {rest} more", f"  ……另有{rest}个"), markup=False)


def _list(found: Sequence[Difference]) -> None:
    """Print the differences, one a line."""
    from citygauge.text import visible

    words = {
        "changed": say("changed", "数字不同"), "added": say("not in the results", "结果中没有"),
        "gone": say("gone", "已删去"), "name": say("name", "名称不同"), "order": say("order", "次序不同"),
    }  # fmt: skip
    for one in found:
        arrow = f"{one.expected or '–'} → {one.found or '–'}"
        colon = say(": ", "：")
        stdout.print(visible(f"{one.where}{colon}{words[one.kind]}{colon}{arrow}"), markup=False)
    count = len(found)
    done = say("every number is as in the results.", "所有数字均与结果一致。")
    told = f"{count} difference{'s' * (count != 1)}."
    stdout.print(say(told, f"共{count}处差异。") if found else done, markup=False)
