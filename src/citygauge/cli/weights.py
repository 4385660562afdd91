"""`citygauge weights`: what weights do, and weights from experts or from a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from citygauge.cli.assess import Folder, Json, MethodFile
from citygauge.cli.experts import experts
from citygauge.cli.output import input_errors, print_json, print_problems, report, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from citygauge.framework.model import Framework
    from citygauge.problems import Problems
    from citygauge.result import Result
    from citygauge.score.optimise import Optimised

app = typer.Typer(
    no_args_is_help=True, help=say("See what weights do, and find weights.", "查看权重的作用，求取权重。")
)
app.command("experts", help=say("Weights from a panel of experts.", "由专家评判得出权重。"))(experts)


@app.command(
    "show",
    help=say(
        "What each node counts in its parent, beside its weight.",
        "各节点在上级节点中的实际作用与其权重的对照。",
    ),
)
def show(folder: Folder, method: MethodFile = None, as_json: Json = False) -> None:
    """Print weights, effective weights, importance and implied weights."""
    from citygauge.analyse.weights import weights_table
    from citygauge.cli.assess import run

    with input_errors(as_json=as_json):
        result = run(folder, method)
        frame = weights_table(result)
    if as_json:
        print_json(
            {"ok": True, "weights": frame.to_dicts(), "problems": [p.as_dict() for p in result.warnings]}
        )
        return
    print_problems(result.warnings)
    # Names of indicators are long; those of the nodes above tell where one is.
    framework = result.framework
    _print_weights(frame, {code: framework[code].label(language()) for code in framework.aggregates})


def _print_weights(frame: pl.DataFrame, names: Mapping[str, str]) -> None:
    from rich.table import Table
    from rich.text import Text

    from citygauge.result import NOTICE

    table = Table(box=None, caption=NOTICE[language()] if "notice" in frame.columns else None)
    table.add_column(say("node", "节点"), overflow="fold")
    headings = (
        say("weight", "权重"), say("in index", "占总指数"), say("r", "相关"),
        say("importance", "重要性"), say("share", "占比"), say("implied", "隐含"),
    )  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in frame.drop("notice", strict=False).iter_rows(named=True):
        lead = "  " * (row["level"] - 1)
        figures = list(row.values())[3:]
        shown = ["–" if value is None else f"{value:.3f}" for value in figures]
        table.add_row(Text(f"{lead}{row['code']} {names.get(row['code'], '')}"), *shown)
    stdout.print(table)


@app.command(
    "optimise",
    help=say(
        "Weights under which each child counts as much as it is meant to.",
        "求使各下级节点的实际作用符合目标的权重。",
    ),
)
def optimise(
    folder: Folder,
    name: Annotated[str, typer.Option("--name", help=say("Name of the weight set.", "权重方案的名称。"))],
    parent: Annotated[
        list[str] | None,
        typer.Option(
            "--parent", help=say("Parents to fit; all by default.", "要拟合的上级节点；默认为全部。")
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            help=say(
                "nominal (as the weights say), equal, or a weight set.",
                "nominal（按名义权重）、equal，或某个权重方案。",
            ),
        ),
    ] = "nominal",
    low: Annotated[
        float, typer.Option("--low", min=0, max=1, help=say("The least share.", "最小权重。"))
    ] = 0.0,
    high: Annotated[
        float, typer.Option("--high", min=0, max=1, help=say("The largest share.", "最大权重。"))
    ] = 1.0,
    method: MethodFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help=say("Write over a set of that name.", "替换同名的权重方案。"))
    ] = False,
    as_json: Json = False,
) -> None:
    """Fit weights to a target and write them as a weight set; say plainly where the target is out of reach."""
    from citygauge.analyse.weights import optimised_weights
    from citygauge.cli.assess import run
    from citygauge.problems import Problems
    from citygauge.store.weights import free_place, write_weight_set

    with input_errors(as_json=as_json):
        result, problems = run(folder, method), Problems()
        framework = result.framework
        free_place(folder, name, problems, replace=replace)
        chosen = _parents(result, parent or [], problems)
        wanted = _wanted(target, framework, problems)
        problems.raise_errors()
        found = optimised_weights(result, chosen, problems, wanted, (low, high))
        weights = {c: share for c, share in result.shares.items() if not framework[c].role}
        for node, fitted in found.items():
            weights |= dict(zip(framework.counted(node), fitted.weights.tolist(), strict=True))
        path = None if problems.errors else write_weight_set(weights, folder, name, problems, replace=replace)
        problems.raise_errors()
        fits = {node: _as_dict(fitted, framework.counted(node)) for node, fitted in found.items()}
        report([*result.warnings, *problems], as_json=as_json, more={"written": str(path), "fits": fits})
    if not as_json:
        for node, fitted in found.items():
            _print_fit(node, fitted, framework.counted(node))
        text = say(
            f'{path}: to use it, write weights = "{name}" in the method.',
            f'{path}：在方法文件中写 weights = "{name}" 即可使用。',
        )
        stdout.print(text, markup=False)


def _parents(result: Result, named: list[str], problems: Problems) -> list[str]:
    """Return the nodes whose children are fitted; what cannot be is noted."""
    from difflib import get_close_matches

    from citygauge.problems import Where

    framework = result.framework
    for code in named:
        if code not in framework.aggregates:
            near = get_close_matches(code, framework.aggregates, 3)
            problems.add("importance.unknown-parent", Where(column="--parent"), code=code, near=near)
        elif len(framework.counted(code)) < 2:
            problems.add("importance.one-child", Where(column="--parent"), code=code)
    chosen = named or [code for code in framework.aggregates if len(framework.counted(code)) > 1]
    rules = result.method.aggregate.rules(framework)
    free = [code for code in chosen if code in rules and rules[code].how == "benefit_of_the_doubt"]
    if free:
        problems.add("importance.weights-do-not-count", codes=free)
    return chosen


def _wanted(
    target: str, framework: Framework, problems: Problems
) -> Literal["equal", "nominal"] | dict[str, float]:
    """Return what each child is to count: as its weight says, all the same, or by a weight set."""
    from citygauge.score.weight import sibling_weights

    if target == "nominal":
        return "nominal"
    return "equal" if target == "equal" else sibling_weights(framework, target, problems)


def _as_dict(fitted: Optimised, codes: tuple[str, ...]) -> dict[str, object]:
    return {
        "weights": dict(zip(codes, fitted.weights.tolist(), strict=True)),
        "reached": dict(zip(codes, fitted.reached.tolist(), strict=True)),
        "target": dict(zip(codes, fitted.target.tolist(), strict=True)),
        "residual": fitted.residual,
        "converged": fitted.converged,
        "why": fitted.why,
    }


def _print_fit(parent: str, fitted: Optimised, codes: tuple[str, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    word = say("reached", "已达到目标") if fitted.converged else say("not reached", "未达到目标")
    table = Table(box=None, title=Text(f"{parent}: {word}"), title_justify="left")
    table.add_column(say("code", "代码"))
    for heading in (say("weight", "权重"), say("importance", "重要性"), say("wanted", "目标")):
        table.add_column(heading, justify="right")
    for code, *figures in zip(codes, fitted.weights, fitted.reached, fitted.target, strict=True):
        table.add_row(Text(code), *(f"{figure:.4f}" for figure in figures))
    stdout.print(table)
