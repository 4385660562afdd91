"""`citygauge weights experts`: the answers of a panel become a weight set."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citygauge.cli.output import input_errors, report, stdout
from citygauge.cli.words import say

if TYPE_CHECKING:
    from rich.table import Table

    from citygauge.score.experts.panel import GroupWeights


def experts(
    folder: Annotated[Path, typer.Argument(help=say("The workspace.", "工作区。"))],
    file: Annotated[
        Path,
        typer.Argument(help=say("The answers of the panel, CSV or XLSX.", "专家评判表，CSV 或 XLSX。")),
    ],
    how: Annotated[str, typer.Option("--how", help="ahp | best-worst | budget | swing")],
    name: Annotated[
        str, typer.Option("--name", help=say("Name of the weight set.", "权重方案的名称。"))
    ] = "experts",
    budget: Annotated[
        float,
        typer.Option(
            "--budget",
            min=1e-6,
            help=say("What the points of a group add to (budget).", "每组分数的合计（budget）。"),
        ),
    ] = 100.0,
    replace: Annotated[
        bool,
        typer.Option("--replace", help=say("Write over a set of that name.", "替换同名的权重方案。")),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))
    ] = False,
) -> None:
    """Write the weights of a panel as a weight set, and tell how consistent and how much at one it is."""
    from citygauge.problems import Problems
    from citygauge.score.experts.weigh import weights_of_experts
    from citygauge.store.weights import write_weight_set
    from citygauge.workspace import open_workspace

    with input_errors(as_json=as_json):
        framework = open_workspace(folder).framework
        problems = Problems()
        panel = weights_of_experts(how, file, framework, problems, budget=budget)
        path = (
            None
            if panel is None
            else write_weight_set(panel.weights, folder, name, problems, replace=replace)
        )
        problems.raise_errors()
        assert panel is not None
        report(problems, as_json=as_json, more={"written": str(path), **panel.as_dict()})
    if as_json:
        return
    for group in panel.groups:
        _print_group(group)
    if panel.unjudged:
        codes = panel.unjudged
        stdout.print(
            say(
                f"Not judged, their children keep the framework's weights: {', '.join(codes)}",
                f"未评判，其下级节点沿用指标体系的权重：{'、'.join(codes)}",
            ),
            markup=False,
        )
    stdout.print(
        say(
            f'{path}: to use it, write weights = "{name}" in the method.',
            f'{path}：在方法文件中写 weights = "{name}" 即可使用。',
        ),
        markup=False,
    )


def _print_group(group: GroupWeights) -> None:
    """Print the weights of the children of a parent, then the experts."""
    stdout.print(_weights(group))
    stdout.print(_judges(group))
    colon, stop = say(": ", "："), say("; ", "；")
    told = [
        say("Kendall's W", "肯德尔和谐系数 W") + f" {_figure(group.agreement.concordance)}",
        say("intraclass correlation", "组内相关系数") + f" {_figure(group.agreement.intraclass)}",
        say("mean correlation", "平均相关系数") + f" {_figure(group.agreement.correlation)}",
    ]
    stdout.print(say("agreement", "一致程度") + colon + stop.join(told), markup=False)
    if group.ratio is not None:
        stdout.print(
            say("consistency ratio of the panel", "群体判断的一致性比率") + f"{colon}{_figure(group.ratio)}",
            markup=False,
        )
    for judge in group.judges:
        for hint in judge.hints:
            after = say(f"ratio then {_figure(hint.ratio)}", f"调整后比率 {_figure(hint.ratio)}")
            stdout.print(f"{judge.expert}{colon}{hint.text()}{stop}{after}", markup=False)
    stdout.print()


def _weights(group: GroupWeights) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, title=Text(group.parent), title_justify="left")
    table.add_column(say("code", "代码"))
    for title in (say("weight", "权重"), say("median", "中位数"), say("spread", "标准差")):
        table.add_column(title, justify="right")
    for row in zip(group.codes, group.weights, group.median, group.spread, strict=True):
        table.add_row(Text(row[0]), *map(_figure, row[1:]))
    return table


def _judges(group: GroupWeights) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    table.add_column(say("expert", "专家"))
    for code in group.codes:
        table.add_column(Text(code), justify="right")
    table.add_column(say("ratio", "比率"), justify="right")
    table.add_column("")
    words = {True: say("consistent", "一致"), False: say("not consistent", "不一致"), None: ""}
    for judge in group.judges:
        marks = [words[judge.consistent], say("stands apart", "偏离较大") if judge.apart else ""]
        ratio = "" if judge.ratio is None else _figure(judge.ratio)
        remark = say(", ", "，").join(filter(None, marks))
        table.add_row(Text(judge.expert), *map(_figure, judge.weights), ratio, remark)
    return table


def _figure(value: float) -> str:
    return "–" if isnan(value) else f"{value:.4f}"
