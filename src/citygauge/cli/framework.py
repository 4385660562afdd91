"""`citygauge framework`: look at frameworks, check them, write them out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citygauge.cli.output import input_errors, print_json, report, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from citygauge.framework.model import Framework

app = typer.Typer(
    no_args_is_help=True,
    help=say("Look at frameworks, check them, write them out.", "查看、检查、导出指标体系。"),
)
Name = Annotated[
    str, typer.Argument(help=say("A built-in framework's name, or a path.", "内置指标体系的名称，或路径。"))
]
Json = Annotated[bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))]


@app.command("list", help=say("List the built-in frameworks.", "列出内置的指标体系。"))
def list_(as_json: Json = False) -> None:
    """Print name, size and title of each built-in framework."""
    from rich.table import Table

    from citygauge.framework.builtin import builtin, builtin_names

    found = {name: builtin(name) for name in builtin_names()}
    if as_json:
        print_json(
            [{"name": n, "indicators": len(f.indicators), "title": dict(f.title)} for n, f in found.items()]
        )
        return
    table = Table(box=None)
    table.add_column(say("name", "名称"))
    table.add_column(say("indicators", "指标数"), justify="right")
    table.add_column(say("title", "标题"))
    for name, framework in found.items():
        table.add_row(name, str(len(framework.indicators)), framework.title.get(language(), ""))
    stdout.print(table)


@app.command("show", help=say("Show the tree of a framework with its weights.", "显示指标体系的树和权重。"))
def show(
    name: Name,
    weights: Annotated[str, typer.Option("--weights", help=say("A weight set.", "权重方案。"))] = "default",
    measures: Annotated[
        bool, typer.Option("--measures", help=say("Show the measures too.", "同时显示测量项。"))
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the tree; with --json every field of every node."""
    from rich.markup import escape
    from rich.tree import Tree

    from citygauge.collect.citybook.points import points_told
    from citygauge.framework.model import plain_node
    from citygauge.problems import Problems
    from citygauge.score.points import marks_under
    from citygauge.score.weight import effective_weights, sibling_weights

    with input_errors(as_json=as_json):
        framework = _read(name)
        problems = Problems()
        shares = sibling_weights(framework, weights, problems)
        problems.raise_errors()
    if as_json:
        print_json([plain_node(node) for node in framework])
        return
    effective, marks = effective_weights(framework, shares), marks_under(framework, shares)
    indicators = set(framework.indicators)
    branches: dict[str, Tree] = {}
    for node in framework:
        parts = [escape(part) for part in points_told(node, framework, language(), marks)]
        if node.parent and not framework.roles[node.code]:
            parts.insert(1, f"{shares[node.code]:.1%} · {effective[node.code]:.2%}")
        told = f"  [dim]{' · '.join(parts)}[/]" if parts else ""
        text = f"{node.code} {node.label(language())}{told}"
        if node.parent is None:
            branches[node.code] = Tree(text)
        elif node.parent in branches and (measures or node.parent not in indicators):
            branches[node.code] = branches[node.parent].add(text)
    stdout.print(branches[framework.root.code], soft_wrap=False)  # a tree would be cut, not wrapped
    lead = say("full marks · ", "满分 · ") if marks else ""
    stdout.print(
        say(
            f"{len(framework.indicators)} indicators; {lead}share among siblings · share in the index; "
            "weight sets: ",
            f"{len(framework.indicators)}项指标；{lead}同级占比 · 总指数占比；权重方案：",
        )
        + ", ".join(["default", "equal", *framework.weight_sets])
    )


@app.command(
    "check", help=say("Check a framework and list all its problems.", "检查指标体系并列出全部问题。")
)
def check(name: Name, as_json: Json = False) -> None:
    """Report every problem of a framework file at once."""
    from citygauge.framework.read import load_framework
    from citygauge.problems import Problems

    problems = Problems()
    with input_errors(as_json=as_json):
        framework = load_framework(_place(name), problems)
        problems.raise_errors()
        report(problems, as_json=as_json)
    if framework is not None and not as_json:
        n, m = len(framework), len(framework.indicators)
        stdout.print(say(f"{n} nodes, {m} indicators: no errors.", f"{n}个节点，{m}项指标：没有错误。"))


@app.command(
    "export", help=say("Write a framework as .csv, .xlsx or .yaml.", "把指标体系写成 .csv、.xlsx 或 .yaml。")
)
def export(
    name: Name,
    path: Annotated[
        Path,
        typer.Argument(
            help=say("The file to write; its suffix chooses the form.", "要写的文件；后缀决定格式。")
        ),
    ],
) -> None:
    """Write a framework to a file that reads back to the same framework."""
    from citygauge.framework.write import framework_files, write_framework

    with input_errors(as_json=False):
        framework = _read(name)
    if path.suffix.lower() not in {".csv", ".xlsx", ".yaml", ".yml"}:
        raise typer.BadParameter(".csv | .xlsx | .yaml", param_hint="PATH")
    taken = [file for file in framework_files(framework, path) if file.exists()]
    if taken:
        names = ", ".join(str(file) for file in taken)
        raise typer.BadParameter(say(f"{names}: exists already", f"{names}：已经存在"), param_hint="PATH")
    write_framework(framework, path)
    stdout.print(str(path), markup=False)


def _place(name: str) -> Path:
    """Return where a framework stands, or raise with the names of the built-in ones."""
    from citygauge.problems import Problems
    from citygauge.workspace import find_framework

    problems = Problems()
    place = find_framework(name, problems)
    problems.raise_errors()
    assert place is not None
    return place


def _read(name: str) -> Framework:
    from citygauge.framework.read import read_framework

    return read_framework(_place(name))
