"""`compare`: one workspace under several methods, and why units stand elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from citygauge.cli.output import SHOWN_PER_CODE, input_errors, report, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from citygauge.analyse.leave_out import LeftOut
    from citygauge.problems import Problems
    from citygauge.report.comparison import Told
    from citygauge.result import Result
    from citygauge.score.method import Method
    from citygauge.workspace import Workspace


def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="METHOD...",
            help=say(
                "Method files, the first of which the others are held against; with one only, it is held against the method of the workspace. A folder with assessment.toml is taken as the workspace.",
                "方法文件，其余均与第一个比较；只给一个时，与工作区自身的方法比较。含 assessment.toml 的文件夹视为工作区。",
            ),
        ),
    ],
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            help=say("The workspace; by default the current folder.", "工作区；默认为当前文件夹。"),
        ),
    ] = None,
    code: Annotated[
        str | None,
        typer.Option(
            "--code", help=say("The node to compare; by default the index.", "要比较的节点；默认为总指数。")
        ),
    ] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            "--leave-out",
            help=say(
                "Also leave out one node at a time: all of a level (1 = pillars), or one by its code.",
                "另逐一去除单个节点：某一层的全部节点（1 为一级指标），或以代码指定的一个。",
            ),
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help=say(
                "Write tables and a page with a chart to this folder.", "将各表和含图的网页写入此文件夹。"
            ),
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help=say("Print the outcome as JSON.", "以 JSON 输出结果。"))
    ] = False,
) -> None:
    """Compare the ranks of one workspace under several methods."""
    from citygauge.analyse.causes import causes
    from citygauge.analyse.compare import compare as run
    from citygauge.report.comparison import Told, write_comparison

    with input_errors(as_json=as_json):
        opened, methods = _read(paths, workspace)
        found = run(opened, methods)
        node = found.node(code)
        first, *others = methods
        why = {name: causes(opened, methods[first], methods[name], node) for name in others}
        left = {} if leave_out is None else {n: _left_out(r, leave_out) for n, r in found.results.items()}
        told = Told(found, node, why, left)
        written = write_comparison(told, out) if out else ()
        report(told.warnings, as_json=as_json, more=_plain(told, written) if as_json else None)
    if as_json:
        return
    _print_ranks(told)
    _print_agreement(told)
    _print_left_out(told)
    if written:
        page = next(path for path in written if path.name == f"comparison.{language()}.html")
        stdout.print(say("Page: ", "网页：") + str(page), markup=False)


def _read(paths: Sequence[Path], folder: Path | None) -> tuple[Workspace, dict[str, Method]]:
    """Return the workspace and the methods by name, the workspace's own first where only one is named."""
    from citygauge.problems import Problems
    from citygauge.settings import SETTINGS

    problems = Problems()
    files = [path for path in paths if not path.is_dir()]
    folders = [path for path in paths if path.is_dir()] + ([folder] if folder else [])
    if len({path.resolve() for path in folders}) > 1:
        problems.add("compare.two-workspaces", folders=[str(path) for path in folders])
    if not files:
        problems.add(
            "compare.too-few", count=int(any((path / SETTINGS).is_file() for path in folders or [Path()]))
        )
    methods = _methods(files, problems)
    place = folders[0] if folders else Path()
    opened = _open(place, files if len(files) > 1 else [], problems)
    problems.raise_errors()
    assert opened is not None
    if len(files) == 1:
        own = Path(opened.settings.method).stem
        methods = dict(zip(_unique([own, *methods]), [opened.method, *methods.values()], strict=True))
    return opened, methods


def _methods(files: Sequence[Path], problems: Problems) -> dict[str, Method]:
    """Read the method files; what is wrong with each is noted under its path."""
    from citygauge.problems import Problems
    from citygauge.score.method import read_method

    found = {}
    for name, path in zip(_unique([path.stem for path in files]), files, strict=True):
        noted = Problems()
        method = read_method(path, noted)
        problems.extend(replace(each, where=replace(each.where, file=str(path))) for each in noted)
        if method is not None:
            found[name] = method
    return found


def _open(folder: Path, files: Sequence[Path], problems: Problems) -> Workspace | None:
    """Open the workspace; one whose own method is broken is opened with one of the files, if it is not needed."""
    from citygauge.problems import Problems
    from citygauge.workspace import load_workspace

    noted = Problems()
    opened = load_workspace(folder, noted)
    for path in files:
        if opened is None:
            again = Problems()
            opened = load_workspace(folder, again, path)
            noted = noted if opened is None else again
    problems.add_once(noted)
    return opened


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names, those that stand before already with a number."""
    found: list[str] = []
    for name in names:
        number, own = 2, name
        while own in found:
            own, number = f"{name}-{number}", number + 1
        found.append(own)
    return found


def _left_out(result: Result, given: str) -> LeftOut:
    """Leave out a node by its code, or those of a level."""
    from citygauge.analyse.leave_out import leave_one_out

    if given not in result.framework and given.isdecimal():
        return leave_one_out(result, level=int(given))
    return leave_one_out(result, codes=[given])


def _plain(told: Told, written: Sequence[Path]) -> dict[str, Any]:
    """Return a comparison as plain data."""
    from citygauge.result import NOTICE

    found = told.comparison
    return {
        **({"notice": dict(NOTICE)} if found.illustrative else {}),
        "code": told.code,
        "methods": {name: result.method.hash for name, result in found.results.items()},
        "comparison": found.table([told.code]).to_dicts(),
        "summary": found.summary([told.code]).to_dicts(),
        "grade_changes": found.grade_changes.to_dicts(),
        "causes": {
            name: {
                "parts": each.parts,
                "idle": each.idle,
                "orders": each.n_orders,
                "rows": each.table.to_dicts(),
            }
            for name, each in told.causes.items()
        },
        **(
            {
                "leave_out": {
                    name: {"summary": each.summary.to_dicts(), "rows": each.table.to_dicts()}
                    for name, each in told.left_out.items()
                }
            }
            if told.left_out
            else {}
        ),
        "files": [str(path) for path in written],
    }


def _print_ranks(told: Told) -> None:
    """Print the ranks of the units with the largest shifts, and what caused these."""
    from rich.markup import escape
    from rich.table import Table

    from citygauge.report.comparison import shift_text
    from citygauge.report.marks import figure
    from citygauge.result import NOTICE

    found, names = told.comparison, told.comparison.names
    node = found.framework[told.code]
    table = Table(
        title=escape(f"{told.code} {node.label(language())}".strip()),
        title_justify="left",
        caption=NOTICE[language()] if found.illustrative else None,
    )
    table.add_column(say("city", "城市"))
    for name in names:
        table.add_column(escape(name), justify="right")
    for name in names[1:]:
        more = "" if len(names) == 2 else say(f" ({name})", f"（{name}）")
        table.add_column(escape(say("shift", "位次变化") + more), overflow="fold")
    at = {unit: row for row, unit in enumerate(found.first.derived.units)}
    ranks = {name: found.ranks(name, told.code) for name in names}
    for unit in told.largest:
        said = [
            told.said(unit, name, language()) or shift_text(shifts[unit])
            for name, shifts in told.shifts.items()
        ]
        cells = [found.shown[unit][1 if language() == "zh" else 2]]
        cells += [figure(float(ranks[name][at[unit]]), 0) for name in names] + said
        table.add_row(*map(escape, cells))
    if told.largest:
        stdout.print(table)
        stdout.print(say("The largest shifts; --out writes all.", "仅列变化最大的城市；--out 写出全部。"))
    else:
        if found.illustrative:
            stdout.print(NOTICE[language()], markup=False)
        stdout.print(say("No city shifts.", "没有城市的位次变化。"))


def _print_agreement(told: Told) -> None:
    """Print how far each other method agrees with the first, a line each."""
    from citygauge.report.comparison import part_name
    from citygauge.report.marks import figure

    for row in told.comparison.summary([told.code]).to_dicts():
        mean, most = figure(row["mean_abs_shift"], 2), row["max_abs_shift"]
        rho, tau = figure(row["spearman"], 3), figure(row["kendall"], 3)
        most = "–" if most is None else most
        en = f"{row['method']} against {row['against']}: mean shift {mean}, largest {most}; Spearman {rho}, Kendall {tau}; {row['top_shared']} of the first {row['top_first']} shared"
        zh = f"{row['method']} 与 {row['against']}：平均位次变化 {mean}，最大 {most}；斯皮尔曼 {rho}，肯德尔 {tau}；前 {row['top_first']} 名中 {row['top_shared']} 个相同"
        if row["grade_changes"] is not None:
            en += f"; {row['grade_changes']} change grade"
            zh += f"；{row['grade_changes']} 个城市等级变化"
        if row["only_first"] or row["only_other"]:
            en += f"; ranked under one alone: {row['only_first']} and {row['only_other']}"
            zh += f"；仅在一种方法下有名次：{row['only_first']} 个与 {row['only_other']} 个"
        stdout.print(say(en + ".", zh + "。"), markup=False)
        if idle := told.causes[row["method"]].idle:
            names = [part_name(part, language()) for part in idle]
            text = say("Differs and changes no rank or score: ", "虽有不同但不影响得分与名次：")
            stdout.print(text + say(", ", "、").join(names) + say(".", "。"), markup=False)
    _print_grades(told)


def _print_grades(told: Told) -> None:
    changes, scale = told.comparison.grade_changes, told.comparison.first.scale
    if scale is None or not changes.height or told.code != told.comparison.framework.root.code:
        return
    title = {grade.id: grade.name.get(language(), grade.id) for grade in scale.grades}
    rows = changes.head(SHOWN_PER_CODE).to_dicts()
    shown = [
        f"{row[f'name_{language()}']} {title[row['before']]} → {title[row['after']]} ({row['method']})"
        for row in rows
    ]
    rest = changes.height - len(rows)
    more = say(f" and {rest} more", f"等{changes.height}项") if rest else ""
    stdout.print(say("Grades: ", "等级：") + say(", ", "，").join(shown) + more, markup=False)


def _print_left_out(told: Told) -> None:
    """Print what leaving out each node does to the ranks under each method."""
    from rich.markup import escape
    from rich.table import Table

    from citygauge.report.comparison import comparison_content, texts

    if not told.left_out:
        return
    rows = comparison_content(told, language())["left_out"]
    table = Table(title=texts(language())["leave_out"], title_justify="left")
    table.add_column(texts(language())["removed"])
    for name in told.left_out:
        table.add_column(escape(name), justify="right")
    for row in rows:
        table.add_row(escape(row["node"]), *row["means"])
    stdout.print(table)
