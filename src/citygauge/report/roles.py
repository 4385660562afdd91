"""What comes on top of the means, as plain data: bonuses, deductions and vetoes, in lines of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from citygauge.framework.model import BONUS, DEDUCTION, VETO, Framework
from citygauge.problems import Language
from citygauge.report.marks import Marks, short, signed
from citygauge.report.points import vetoes_fired
from citygauge.result import Result

Words = Mapping[str, str]

MANY_VETOES = 7


def role_heads(result: Result, words: Words) -> list[str]:
    """Return the heads of the columns that stand after the pillars in the ranking; none without roles."""
    return [words[role] for role in _told(result)]


def role_cells(marks: Marks, row: int) -> list[str]:
    """Return what a unit gets on top of its pillars: points of bonuses and deductions, number of vetoes."""
    result = marks.result
    cells = []
    for role in _told(result):
        if role == VETO:
            fired = sum(veto.row == row for veto in vetoes_fired(result))
            cells.append(str(fired) if fired else "")
            continue
        codes = [code for code in _on_top(result) if result.framework[code].role == role]
        told = [marks.points(code, float(result.aggregated.column(code)[row])) for code in codes]
        known = [points for points in told if not np.isnan(points)]
        cells.append(signed(short(sum(known), marks.decimals)) if known else "–")
    return cells


def _told(result: Result) -> list[str]:
    """Return the roles that have a column: bonuses and deductions of the index itself, vetoes of any node."""
    framework = result.framework
    there = {framework[code].role for code in _on_top(result)}
    vetoes = any(node.role == VETO for node in framework)
    return [role for role in (BONUS, DEDUCTION) if role in there] + ([VETO] if vetoes else [])


def _on_top(result: Result) -> list[str]:
    framework = result.framework
    return [code for code in framework.children(framework.root.code) if framework[code].role]


def role_rows(marks: Marks, language: Language, words: Words) -> list[dict[str, Any]]:
    """Return a row for each bonus, deduction and veto: what it can give or take, and how often it did."""
    result, low = marks.result, (marks.result.method.normalise.range or (0.0, 1.0))[0]
    rows = []
    for node in result.framework:
        role = result.framework.roles[node.code]
        if not role or node.parent is None:
            continue
        scores = result.aggregated.column(node.code)
        known = scores[~np.isnan(scores)]
        has_mean = known.size and role != VETO
        rows.append(
            {
                "kind": words[role],
                "code": node.code,
                "depth": 0 if node.role else 1,
                "name": node.label(language),
                "into": result.framework[node.parent].label(language),
                "stake": stake(marks, node.code, words),
                "n": int((known > low).sum()),
                "mean": signed(marks.number(node.code, float(known.mean()))) if has_mean else "–",
            }
        )
    return rows


def stake(marks: Marks, code: str, words: Words) -> str:
    """Write what a node can give or take, with its cap where it has one."""
    cap = marks.cap(code)
    return marks.at_stake(code) + (words["cap"].format(cap=cap) if cap else "")


def role_codes(framework: Framework) -> tuple[str, ...]:
    """Return the bonuses, deductions and vetoes that have a line in a profile: not their parts."""
    return tuple(node.code for node in framework if node.role)


def role_lines(marks: Marks, row: int, language: Language, words: Words) -> list[dict[str, str]]:
    """Return what each bonus, deduction and veto did to one unit; of many vetoes those that matter.

    From `MANY_VETOES` on, those that did not fire are only counted.
    """
    result, framework = marks.result, marks.result.framework
    fired = {veto.code for veto in vetoes_fired(result) if veto.row == row}
    lines, calm = [], 0
    many = sum(node.role == VETO for node in framework) >= MANY_VETOES
    for code in role_codes(framework):
        node, score = framework[code], float(result.aggregated.column(code)[row])
        if node.role != VETO:
            told = marks.out_of(code, score)
        elif code in fired:
            told = words["fired"]
        elif np.isnan(score):
            told = words["no_record"]
        elif many:
            calm += 1
            continue
        else:
            told = words["not_fired"]
        into = framework[node.parent or code].label(language)
        lines.append({"kind": words[node.role], "name": node.label(language), "into": into, "told": told})
    if calm:
        text = words["vetoes_not_fired"].format(n=calm)
        lines.append({"kind": words[VETO], "name": text, "into": "", "told": ""})
    return lines


def veto_rows(marks: Marks, language: Language, row: int | None = None) -> list[dict[str, str]]:
    """Return the vetoes that fired, for all units or for one.

    Units stand under the names that may stand beside figures; neutral names are in their own order.
    """
    result = marks.result
    names, framework = result.labels(language), result.framework
    fired = [veto for veto in vetoes_fired(result) if row is None or veto.row == row]
    fired.sort(key=lambda veto: names[veto.row] if result.illustrative else "")
    return [
        {
            "unit": names[veto.row],
            "veto": framework[veto.code].label(language),
            "node": framework[veto.parent].label(language),
            "limit": marks.limit(veto.parent, veto.limit),
        }
        for veto in fired
    ]
