"""`improve`: the least that a city must improve to reach a grade or a rank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from citygauge.cli.assess import Folder, Json, MethodFile, run
from citygauge.cli.output import input_errors, report, stderr, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from citygauge.analyse.improve.propose import Plans

HELP = say("Find a city's way to a grade or a rank.", "为一个城市寻找达到某等级或名次的路径。")
_City = Annotated[
    str,
    typer.Option(
        "--city",
        help=say(
            "Code or name of the city; on illustrative data a neutral name.",
            "城市的代码或名称；示意数据用代称。",
        ),
    ),
]
_To = Annotated[
    str,
    typer.Option(
        "--to",
        help=say("A grade by its id or name, or a rank such as 10.", "等级的代码或名称，或名次，例如 10。"),
    ),
]
_Costs = Annotated[
    Path | None,
    typer.Option(
        "--cost",
        help=say(
            "A table of costs: code, cost, per (point or raw), max, steps. By default each point of a score takes an effort of 1.",
            "成本表：code、cost、per（point 或 raw）、max、steps。默认得分每一分的工作量为 1。",
        ),
    ),
]
_Sure = Annotated[
    float | None,
    typer.Option(
        "--sure",
        metavar="P",
        help=say(
            "The probability with which the goal is to be reached where figures are uncertain, e.g. 0.9.",
            "数值不确定时，达到目标的概率，例如 0.9。",
        ),
    ),
]
_Plans = Annotated[
    int,
    typer.Option("--plans", metavar="N", help=say("How many plans at most.", "至多给出的方案个数。")),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help=say(
            "Where the files go; DIR/results/improve/CODE by default.",
            "文件的位置；默认为 DIR/results/improve/代码。",
        ),
    ),
]


_WIDE = ("planned", "rank", "rerun_rank")  # in plans.csv and on the page; a screen has 80 columns


def improve(
    folder: Folder,
    city: _City,
    to: _To,
    cost: _Costs = None,
    sure: _Sure = None,
    plans: _Plans = 5,
    method: MethodFile = None,
    out: _Out = None,
    as_json: Json = False,
) -> None:
    """Find the least that a city must improve to reach a grade or a rank, and other ways to it."""
    from citygauge.analyse.improve.propose import improve as planned
    from citygauge.report.improve_files import FOLDER, folder_name, mark_as_own, write_improve

    with input_errors(as_json=as_json):
        with stderr.status(say("looking for the least effort …", "正在寻找最省力的方案……")):
            result = run(folder, method)
            found = planned(result, city, to, costs=cost, sure=sure, plans=plans)
            target = out or folder / "results" / FOLDER / folder_name(found)
            written = write_improve(found, target)
            if out is None:
                mark_as_own(target.parent)
        report([*result.warnings, *found.warnings], as_json=as_json, more=_plain(found, target))
    if as_json:
        return
    _print(found)
    stdout.print(say("Results: ", "结果：") + str(target), markup=False)
    page = next(path for path in written.paths if path.name == f"plan.{language()}.html")
    stdout.print(say("Page: ", "网页：") + str(page), markup=False)


def _plain(found: Plans, target: Path) -> dict[str, Any]:
    """Return the plans as plain data."""
    from citygauge.report.improve_files import sentences
    from citygauge.result import NOTICE

    goal = found.goal
    return {
        **({"notice": dict(NOTICE)} if found.result.illustrative else {}),
        "results": str(target),
        "unit": found.unit,
        "goal": {"rank": goal.rank} if goal.rank is not None else {"grade": goal.grade},
        "target": goal.value,
        "index": found.now.index,
        "rank": found.now.rank,
        "reached": found.is_there,
        "sentences": {"zh": sentences(found, "zh"), "en": sentences(found, "en")},
        "plans": found.table.to_dicts(),
        "steps": found.steps.to_dicts(),
        "check": found.check.to_dicts(),
        "sensitivity": found.sensitivity.to_dicts(),
    }


def _print(found: Plans) -> None:
    """Print the plans, the improvements of the first, and what is to be known in three sentences."""
    from rich.markup import escape
    from rich.table import Table

    from citygauge.report.improve_files import columns, plan_rows, sentences, step_rows, texts
    from citygauge.result import NOTICE

    words = texts(language())
    notice = NOTICE[language()] if found.result.illustrative else None
    if found.plans:
        table = Table(title=words["plans"], title_justify="left", caption=notice)
        shown = [name for name in columns(found) if name not in _WIDE]
        table.add_column(words["plan"], justify="right", no_wrap=True)
        table.add_column(words["kind"], overflow="fold")
        for name in shown:
            table.add_column(words[name], justify="right", overflow="fold", min_width=6)
        for row in plan_rows(found, language()):
            table.add_row(row["plan"], row["kind"], *(row[name] for name in shown))
        stdout.print(table)
        first = found.plans[0]
        title = words["steps"].format(n=first.number, kind=words[f"kind_{first.kind}"])
        table = Table(title=title, title_justify="left", caption=notice)
        for name in ("indicator", "score", "raw", "unit", "effort", "gain"):
            is_text = name in {"indicator", "unit"}
            table.add_column(words[name], justify="left" if is_text else "right", overflow="fold")
        for row in step_rows(found, first, language()):
            table.add_row(*(escape(row[name]) for name in ("name", "score", "raw", "unit", "effort", "gain")))
        stdout.print(table)
    elif notice:
        stdout.print(notice, markup=False)
    for sentence in sentences(found, language()):
        stdout.print(sentence, markup=False)
