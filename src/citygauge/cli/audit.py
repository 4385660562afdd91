"""`audit`: whether a published index is arithmetically possible, and which figure is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citygauge.cli.assess import Json, MethodFile, run
from citygauge.cli.output import NOT_ALL_MADE, input_errors, report, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from citygauge.audit.findings import Audit, Finding
    from citygauge.problems import Problem
    from citygauge.report.book.files import Printed

HELP = say(
    "Check whether a published index is arithmetically possible, and which figure is most likely wrong.",
    "检查已发布的指数在算术上是否可能成立，以及哪个数字最可能有误。",
)
OWN = "published.toml"  # in a workspace: what is about to be printed
SHOWN = 3  # corrections told on the screen


def audit(
    target: Annotated[
        Path,
        typer.Argument(
            help=say(
                "A published index as TOML, the name of a built-in one (smart-2021), or a workspace folder whose own rounded report is checked.",
                "以 TOML 写成的已发布指数，或内置出版物的名称（smart-2021），或待查自身报告的工作区文件夹。",
            )
        ),
    ],
    with_report: Annotated[
        bool,
        typer.Option(
            "--report",
            help=say("Also write the report as PDF, Word and web page.", "另写出 PDF、Word 与网页版报告。"),
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help=say(
                "Where the report goes; audit-NAME here, or DIR/audit of a workspace, by default.",
                "报告的位置；默认为当前文件夹下的 audit-名称，工作区则为 DIR/audit。",
            ),
        ),
    ] = None,
    method: MethodFile = None,
    as_json: Json = False,
) -> None:
    """Check whether a published index is arithmetically possible."""
    with input_errors(as_json=as_json):
        found, noted = _audited(target, method)
        printed: Printed | None = None
        if with_report:
            from citygauge.report.audit_files import write_audit

            is_workspace = target.is_dir()
            folder = out or (target / "audit" if is_workspace else Path(f"audit-{target.stem}"))
            printed = write_audit(found, folder)
            noted += list(printed.problems)
    more = found.as_dict()
    if printed is not None:
        more["files"] = [str(path) for path in printed.paths]
    if not as_json:
        _print(found)
        for path in printed.paths if printed else ():
            stdout.print(say(f"written: {path}", f"已写出：{path}"), markup=False)
    report(noted, as_json=as_json, more=more)
    if printed is not None and printed.not_made:
        raise typer.Exit(NOT_ALL_MADE)


def _audited(target: Path, method: Path | None) -> tuple[Audit, list[Problem]]:
    """Return the audit of a file, a built-in publication, or a workspace."""
    from citygauge.audit.audit import audit_published
    from citygauge.audit.read import published_at, read_published

    if not target.is_dir():
        return audit_published(published_at(target)), []
    from citygauge.audit.own import audit_result

    result = run(target, method)
    own = target / OWN
    return audit_result(result, read_published(own) if own.is_file() else None), list(result.warnings)


def _print(found: Audit) -> None:
    """Print what cannot be, what is so on a condition, and the most likely corrections."""
    from rich.markup import escape

    counts = found.as_dict()["counts"]
    figures, claims = len(found.published.figures), len(found.findings)
    stdout.print(
        say(
            f"{found.published.title_en}: {figures} figures, {claims} claims: {counts['impossible']} cannot be, "
            f"{counts['only_if']} only on a condition, {counts['possible']} can hold, "
            f"{counts['not_checkable']} cannot be checked",
            f"《{found.published.title_zh}》：{figures}个数字，{claims}项说法：{counts['impossible']}项不可能成立，"
            f"{counts['only_if']}项有条件成立，{counts['possible']}项可以成立，{counts['not_checkable']}项无法核查",
        ),
        markup=False,
    )
    for verdict, colour in (("impossible", "red"), ("only_if", "yellow")):
        for finding in found.findings:
            if finding.verdict == verdict:
                stdout.print(f"[{colour}]{escape(_line(finding))}[/] [dim]\\[{escape(finding.id)}][/]")
    if found.repairs:
        stdout.print(say("Most likely corrections:", "最可能的更正："))
    for place, repair in enumerate(found.repairs[:SHOWN], 1):
        text = repair.text_zh if language() == "zh" else repair.text_en
        stdout.print(f"  {place}. {text}", markup=False)


def _line(finding: Finding) -> str:
    if language() == "zh":
        return f"{finding.claim_zh}：{finding.text_zh}"
    return f"{finding.claim_en}: {finding.text_en}"
