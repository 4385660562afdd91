"""`panel`: several periods of one assessment, and how far the cities have come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citygauge.cli.output import input_errors, report, stderr, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from citygauge.panel import Panel
    from citygauge.problems import InputError


def panel(
    folder: Annotated[
        Path,
        typer.Argument(
            help=say("The workspace: a folder with assessment.toml.", "工作区：含 assessment.toml 的文件夹。")
        ),
    ],
    method: Annotated[
        Path | None,
        typer.Option(
            "--method",
            help=say("A method file in place of the workspace's own.", "代替工作区自身方法的方法文件。"),
        ),
    ] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(
            "--period",
            help=say(
                "A period to take, e.g. 2023; may be given several times. By default those of the settings, else all.",
                "要采用的时期，例如 2023；可多次给出。默认采用设置中的时期，未设置则采用全部。",
            ),
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help=say(
                "Folder for the results; by default panel inside the workspace.",
                "结果文件夹；默认为工作区内的 panel。",
            ),
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))
    ] = False,
) -> None:
    """Assess several periods and write scores, trends and ranks over time, or problems and nothing else."""
    from citygauge.analyse.trends import movers
    from citygauge.corridor import assess_panel
    from citygauge.problems import Problems
    from citygauge.report.files import write_problems
    from citygauge.report.panel_files import panel_warnings, write_panel
    from citygauge.result import NOTICE
    from citygauge.workspace import load_workspace

    target = out or folder / "panel"

    def keep_problems(error: InputError) -> None:
        if folder.is_dir():
            write_problems([problem.as_dict() for problem in error.problems], target)

    with (
        input_errors(as_json=as_json, on_error=keep_problems),
        stderr.status(say("scoring the periods …", "正在对各时期评分……")),
    ):
        problems = Problems()
        workspace = load_workspace(folder, problems, method)
        problems.raise_errors()
        assert workspace is not None
        found = assess_panel(workspace, periods=period or None)
        write_panel(found, target)
    notice = {"notice": dict(NOTICE)} if found.illustrative else {}
    more = {**notice, "results": str(target), "periods": list(found.periods)}
    report(panel_warnings(found), as_json=as_json, more={**more, "movers": movers(found).to_dicts()})
    if not as_json:
        _print_movers(found)
        stdout.print(say("Results: ", "结果：") + str(target), markup=False)


def _print_movers(found: Panel) -> None:
    """Print the units whose rank moved most."""
    from rich.markup import escape
    from rich.table import Table

    from citygauge.analyse.trends import movers
    from citygauge.report.marks import Marks
    from citygauge.result import NOTICE
    from citygauge.text import visible

    title = say("largest moves in rank, ", "名次变动最大的城市，") + say(" – ", "—").join(
        (found.periods[0], found.periods[-1])
    )
    table = Table(
        title=title, title_justify="left", caption=NOTICE[language()] if found.illustrative else None
    )
    table.add_column(say("city", "城市"))
    for heading in (say("rank", "名次"), say("move", "升降"), say("score", "得分"), say("change", "变化")):
        table.add_column(heading, justify="right")
    names, marks, root = found.names(language()), Marks(found.last), found.framework.root.code
    rows = movers(found).to_dicts()
    for row in rows:
        mark = say("  (break)", "（有中断）") if row["broken"] else ""
        table.add_row(
            escape(visible(names[row["unit_code"]])) + mark,
            f"{row['rank_first_common']} → {row['rank_last_common']}",
            f"{row['rank_change_common']:+d}",
            f"{marks.number(root, row['first'])} → {marks.number(root, row['last'])}",
            marks.apart(root, row["change"]),
        )
    if rows:
        stdout.print(table)
        stdout.print(
            say(
                "Ranks among the units that have scores in both their periods.",
                "名次按在首末两个时期均有得分的城市计算。",
            ),
            markup=False,
        )
    else:
        stdout.print(say("No unit changed its rank.", "没有城市的名次发生变化。"), markup=False)
