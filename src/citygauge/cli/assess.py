"""`check`, `assess` and `trace`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from citygauge.cli.output import (
    NOT_ALL_MADE,
    SHOWN_PER_CODE,
    input_errors,
    print_json,
    print_problems,
    report,
    stderr,
    stdout,
)
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from rich.progress import Progress

    from citygauge.problems import InputError
    from citygauge.result import Result

Folder = Annotated[
    Path,
    typer.Argument(
        help=say("The workspace: a folder with assessment.toml.", "工作区：含 assessment.toml 的文件夹。")
    ),
]
MethodFile = Annotated[
    Path | None,
    typer.Option(
        "--method",
        help=say("A method file in place of the workspace's own.", "代替工作区自身方法的方法文件。"),
    ),
]
Json = Annotated[bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=say("Print errors only.", "只输出错误。"))]


def check(folder: Folder, method: MethodFile = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Run everything but the writing: what `check` passes, `assess` can score."""
    from citygauge.collect.plausible import check_plausible
    from citygauge.problems import Problems

    with input_errors(as_json=as_json):
        result, doubts = run(folder, method), Problems()
        workspace = result.workspace
        if not result.illustrative:  # names units beside their figures
            told_by = workspace.settings.sources
            check_plausible(workspace.observations, workspace.framework, doubts, told_by)
        report([*result.warnings, *doubts], as_json=as_json, quiet=quiet)
    if not as_json and not quiet:
        n, m = len(result.units), len(result.framework.indicators)
        stdout.print(say(f"{n} units, {m} indicators: no errors.", f"{n}个城市，{m}项指标：没有错误。"))


def assess(
    folder: Folder,
    method: MethodFile = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help=say("Where the results go; DIR/results by default.", "结果的位置；默认为 DIR/results。"),
        ),
    ] = None,
    pdf: Annotated[
        bool,
        typer.Option(
            "--pdf",
            help=say(
                "Also write the report as PDF, with one profile page a city. Where this machine lacks Typst or a "
                "Chinese font, all else is written and the exit code is 3.",
                "另将报告写成 PDF，每个城市一页画像。本机缺少 Typst 或中文字体时，其余文件照常写出，退出码为 3。",
            ),
        ),
    ] = False,
    workbook: Annotated[
        bool,
        typer.Option(
            "--workbook",
            help=say("Also write all tables as one workbook (XLSX).", "另将全部表格写成一个工作簿（XLSX）。"),
        ),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Assess a workspace and write its results, or its problems and nothing else."""
    from citygauge.report.files import Extra, write_problems, write_results

    target = out or folder / "results"

    def keep_problems(error: InputError) -> None:
        if folder.is_dir():
            write_problems([problem.as_dict() for problem in error.problems], target)

    silent = as_json or quiet
    with _progress(silent) as progress, input_errors(as_json=as_json, on_error=keep_problems):
        progress.add_task(say("scoring …", "正在评分……"))
        result = run(folder, method)
        progress.add_task(say("writing results and reports …", "正在写结果和报告……"))
        wanted: dict[Extra, bool] = {"pdf": pdf, "workbook": workbook}
        written = write_results(result, target, [name for name, chosen in wanted.items() if chosen])
        more = {"results": str(target), **({"not_made": list(written.not_made)} if written.not_made else {})}
        report([*result.warnings, *written.problems], as_json=as_json, quiet=quiet, more=more)
        if quiet and not as_json and written.not_made:
            print_problems(written.problems)
    if not silent:
        _summarise(result)
        stdout.print(say("Results: ", "结果：") + str(target), markup=False)
        _name_files(written.paths)
    if written.not_made:
        raise typer.Exit(NOT_ALL_MADE)


def _progress(silent: bool) -> Progress:
    """Return what shows on a terminal that the run goes on."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=stderr, transient=True, disable=silent or not stderr.is_terminal)


def trace(
    folder: Folder,
    unit: Annotated[str, typer.Argument(help=say("Code or name of a unit.", "城市的代码或名称。"))],
    code: Annotated[
        str, typer.Argument(help=say("Code of a node; the index by default.", "节点的代码；默认为总指数。"))
    ] = "",
    method: MethodFile = None,
    as_json: Json = False,
) -> None:
    """Print the way from a figure down to the observations behind it."""
    from citygauge.collect.units import UnitMatcher, note_matches
    from citygauge.problems import InputError, Problems, Where

    with input_errors(as_json=as_json):
        result = run(folder, method)
        if result.illustrative and unit in result.labels("en"):
            unit = result.row_labels[result.labels("en").index(unit)]
        match = UnitMatcher(result.units).match(unit)
        found = unit if unit in result.row_labels else match.code
        problems = Problems()
        if found not in result.row_labels:
            hidden = replace(match, verdict="unknown", candidates=()) if result.illustrative else match
            note_matches({unit: hidden}, {unit: []}, Where(), problems)
        if code and code not in result.framework:
            near = get_close_matches(code, result.framework.codes, 3)
            problems.add("method.unknown-code", Where(), key="CODE", code=code, near=near)
        if len(problems):
            raise InputError(problems)
        data = result.trace(found, code or result.framework.root.code)
    if as_json:
        print_json(data)
    else:
        _print_trace(data, 0)


def run(folder: Path, method: Path | None) -> Result:
    """Open and assess, with the problems of the method file among the others."""
    from citygauge.corridor import assess as scored
    from citygauge.problems import Problems
    from citygauge.workspace import load_workspace

    problems = Problems()
    workspace = load_workspace(folder, problems, method)
    problems.raise_errors()
    assert workspace is not None
    return scored(workspace)


def _name_files(paths: Iterable[Path]) -> None:
    """Print where the page, the PDF and the workbook are."""
    words = {
        f"report.{language()}.html": say("Page:    ", "网页："),
        f"report.{language()}.pdf": say("PDF:     ", "PDF："),
        "results.xlsx": say("Tables:  ", "工作簿："),
    }
    for path in paths:
        if path.name in words:
            stdout.print(words[path.name] + str(path), markup=False)


def _summarise(result: Result) -> None:
    """Print the grades or the first of the ranking as a small table."""
    from rich.table import Table

    from citygauge.report.marks import Marks
    from citygauge.result import NOTICE

    title = result.workspace.settings.name(language())
    table = Table(
        title=title, title_justify="left", caption=NOTICE[language()] if result.illustrative else None
    )
    name, marks, root = f"name_{language()}", Marks(result), result.framework.root.code
    if result.scale is not None:
        for heading in (say("grade", "等级"), say("number", "个数"), say("cities", "城市")):
            table.add_column(heading)
        rows = result.grade_list.to_dicts()
        for grade in result.scale.grades:
            members = [row[name] for row in rows if row["grade"] == grade.id]
            joined = say(", ", "、").join(members)
            table.add_row(grade.name.get(language(), grade.id), str(result.grades.count(grade.id)), joined)
    else:
        table.add_column(say("rank", "名次"), justify="right")
        table.add_column(say("city", "城市"))
        table.add_column(say("score", "得分"), justify="right")
        for row in result.ranking.head(10).to_dicts():
            if row["value"] is not None:
                table.add_row(str(row["rank"]), row[name], marks.out_of(root, row["value"]))
        if len(result.units) > 10:
            more = say(f"the first 10 of {len(result.units)}", f"共{len(result.units)}个，列出前10个")
            table.caption = f"{table.caption}\n{more}" if table.caption else more
    stdout.print(table)
    _count_vetoed(result)


def _count_vetoed(result: Result) -> None:
    """Print how many units were vetoed, and which, where they may be named beside it."""
    from citygauge.framework.model import VETO
    from citygauge.report.points import vetoes_fired

    if not any(node.role == VETO for node in result.framework):
        return
    rows = sorted({veto.row for veto in vetoes_fired(result)})
    if not rows:
        stdout.print(say("Vetoes: none fired.", "单项否决：没有触发。"))
        return
    n, m = len(rows), len(result.units)
    text = say(f"Vetoes: {n} of {m} units", f"单项否决：{m}个城市中有{n}个被否决")
    if not result.illustrative:
        names = result.labels(language())
        text += say(": ", "：") + say(", ", "、").join(names[row] for row in rows[:SHOWN_PER_CODE])
        if n > SHOWN_PER_CODE:
            text += say(f" and {n - SHOWN_PER_CODE} more", "等")
    stdout.print(text, markup=False)


def _print_trace(node: dict[str, Any], depth: int) -> None:
    """Print one node of a trace and what lies below it, indented."""
    if "notice" in node:
        stdout.print(node["notice"][language()], markup=False)
    weight = f"  × {node['weight']:.4g}" if "weight" in node else ""
    if role := node.get("role"):
        weight = (
            "  "
            + {
                "bonus": say("(bonus)", "（加分）"),
                "deduction": say("(deduction)", "（扣分）"),
                "veto": say("(veto)", "（否决）"),
            }[role]
        )
    value = "–" if node["value"] is None else f"{node['value']:.6g}"
    name = node["name"].get(language()) or next(iter(node["name"].values()), "")
    stdout.print(f"{'  ' * depth}{node['code']} {name} = {value}{weight}", markup=False)
    colon, comma = say(": ", "："), say(", ", "，")
    lead = "  " * (depth + 2)
    for step, figure in node.get("steps", {}).items():
        words = {
            "imputed": say("value", "数值"),
            "treated": say("treated", "处理后"),
            "normalised": say("score", "标准化得分"),
        }
        stdout.print(f"{lead}{words[step]}{colon}{'–' if figure is None else f'{figure:.6g}'}", markup=False)
    if fact := node.get("fact"):
        shown = [f"{word} {fact[key]}" for key, word in _fact_words().items() if fact.get(key)]
        stdout.print(lead + say("fact", "事实") + colon + comma.join(shown), markup=False)
    if inside := node.get("rolled_up"):
        _print_inside(inside, lead)
    for child in node.get("children", ()):
        _print_trace(child, depth + 1)


def _print_inside(inside: dict[str, Any], lead: str) -> None:
    """Print what a rolled-up value is made of: the rules, the strata, and the first of the things."""
    colon = say(": ", "：")
    for rule in inside["rules"]:
        shown = "  ".join(f"{key}={text}" for key, text in rule.items() if key not in {"code", "source"})
        stdout.print(lead + say("rule", "规则") + colon + shown, markup=False)
    for told in inside["strata"]:
        value = "–" if told["value"] is None else f"{told['value']:.6g}"
        name = f" {told['stratum']}" if told["stratum"] else ""
        counted = say(f" (from {told['subjects']} values)", f"（由{told['subjects']}个数值汇总）")
        stdout.print(f"{lead}{say('rolled up', '汇总')}{name}{colon}{value}{counted}", markup=False)
    things = [*inside.get("made", ()), *inside.get("recorded", ())]
    for thing in things[:SHOWN_PER_CODE]:
        value = thing["state"] if thing["value"] is None else f"{thing['value']:.6g}"
        stdout.print(f"{lead}  {thing['subject']} = {value}", markup=False)
    if len(things) > SHOWN_PER_CODE:
        rest = len(things) - SHOWN_PER_CODE
        stdout.print(
            lead + say(f"  … and {rest} more; --json shows all", f"  …… 另有{rest}个，--json 列出全部")
        )


def _fact_words() -> dict[str, str]:
    """Return what of a fact is printed, and under which word."""
    return {
        "file": say("file", "文件"),
        "row": say("row", "行"),
        "state": say("state", "状态"),
        "value": say("value", "值"),
        "unit_of_measure": say("unit", "计量单位"),
        "denominator": say("divided by", "分母"),
        "cell": say("cell of the original", "原件单元格"),
        "citation": say("source", "来源"),
    }
