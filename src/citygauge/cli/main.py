"""`citygauge`: the commands of the rooms under one name."""

from __future__ import annotations

import typer

from citygauge.cli import (
    assess,
    audit,
    book,
    collect,
    compare,
    framework,
    improve,
    intake,
    panel,
    reconstruct,
    robust,
    scorecard,
    sdmx,
    weights,
    yearbook,
)
from citygauge.cli.words import say

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help=say(
        "Composite indices of cities: check, score, grade, and trace every number to its facts.\n\n"
        "Exit codes: 0 done; 1 unexpected failure; 2 the input has problems (all of them are listed); 3 done, except a part that this machine cannot make.",
        "城市综合指数：检查、评分、定级，每个数都能追溯到事实。\n\n退出码：0 完成；1 意外失败；2 输入有问题（会全部列出）；3 已完成，但有本机无法生成的部分。",
    ),
)
intake.app.command("yearbook", help=yearbook.HELP)(yearbook.yearbook)
intake.app.command("sdmx", help=sdmx.SDMX_HELP)(sdmx.sdmx)
intake.app.command("coin-tool", help=sdmx.COIN_TOOL_HELP)(sdmx.coin_tool)
app.add_typer(framework.app, name="framework")
app.add_typer(intake.app, name="import")
app.add_typer(collect.app, name="collect")
app.add_typer(weights.app, name="weights")
app.add_typer(book.app, name="report")
app.command("new", help=say("Create a workspace for a framework.", "为一个指标体系新建工作区。"))(intake.new)
app.command(
    "check",
    help=say("Check everything in a workspace and change nothing.", "检查工作区中的一切，不作任何改动。"),
)(assess.check)
app.command(
    "assess",
    help=say("Score, rank and grade the units of a workspace.", "对工作区中的城市评分、排名、定级。"),
)(assess.assess)
app.command("trace", help=say("Walk a figure back to its facts.", "把一个数追溯到它的事实。"))(assess.trace)
app.command(
    "compare", help=say("Compare one workspace under several methods.", "用多种方法比较同一工作区。")
)(compare.compare)
app.command(
    "panel",
    help=say(
        "Compare several periods: change, ranks over time, breaks.",
        "比较多个时期：变化、历期名次与序列中断。",
    ),
)(panel.panel)
app.command(
    "robust",
    help=say("Tell how sure the ranks are, and what they depend on.", "说明名次有多可靠，以及取决于什么。"),
)(robust.robust)
app.command("audit", help=audit.HELP)(audit.audit)
app.command("reconstruct", help=reconstruct.HELP)(reconstruct.reconstruct)
app.command("improve", help=improve.HELP)(improve.improve)
app.command("scorecard", help=say("Show the facts under a published standard.", "按公布的标准列出事实。"))(
    scorecard.scorecard
)


@app.callback()
def options(
    lang: str = typer.Option(
        "", "--lang", help=say("Language of messages: en or zh.", "信息的语言：en 或 zh。")
    ),
) -> None:
    """Take the option that all commands share; `words.language` has read it already."""
    if lang not in {"", "en", "zh"}:
        raise typer.BadParameter("en | zh", param_hint="--lang")


def main() -> None:
    """Run the command line."""
    app()
