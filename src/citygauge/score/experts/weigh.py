"""From the answers of a panel to weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from citygauge.files import Sheet, read_sheet
from citygauge.framework.model import Framework
from citygauge.problems import Problems
from citygauge.score.experts import ahp
from citygauge.score.experts.allocation import agreement, shares, standing_apart
from citygauge.score.experts.best_worst import best_worst, changes, ends
from citygauge.score.experts.panel import GroupWeights, Hint, How, Judge, PanelWeights, ratio_text
from citygauge.score.experts.read import read_answers

Array = NDArray[np.float64]


def weights_of_experts(
    how: str, answers: Path | Sheet, framework: Framework, problems: Problems, *, budget: float = 100.0
) -> PanelWeights | None:
    """Return the weights that a panel gives the children of each parent it judged.

    Parameters
    ----------
    how : {"ahp", "best-worst", "budget", "swing"}
        ``ahp``: principal eigenvector of the geometric means of the judgements; the others: arithmetic mean
        over the experts of the weights of each, which are those of the linear best-worst model, or points as
        shares.
    answers : Path or Sheet
        CSV or XLSX; the columns are told in `citygauge.score.experts.read`.
    framework : Framework
        Whose nodes are judged.
    problems : Problems
        Takes every problem of the table. Inconsistent and dissenting experts are warnings: they count like
        the others.
    budget : float
        What the points of a group add to, for ``budget``.

    Returns
    -------
    PanelWeights or None
        None where the table has errors. Groups that nobody judged are not in it.
    """
    if how not in get_args(How):
        problems.add("experts.unknown-how", name=how, known=list(get_args(How)))
        return None
    method: How = next(name for name in get_args(How) if name == how)
    sheet = read_sheet(answers, problems) if isinstance(answers, Path) else answers
    if sheet is None:
        return None
    before = len(problems.errors)
    judged = read_answers(method, sheet, framework, problems, budget)
    if len(problems.errors) > before:
        return None
    groups = []
    for parent, given in judged.items():
        group = _group(method, parent, framework.counted(parent), given)
        _note(group, sheet, problems)
        groups.append(group)
    unjudged = tuple(p for p in framework.aggregates if p not in judged and len(framework.counted(p)) > 1)
    return PanelWeights(method, tuple(groups), unjudged)


def _group(how: How, parent: str, codes: tuple[str, ...], given: Mapping[str, Array]) -> GroupWeights:
    judges = [_judge(how, expert, codes, array) for expert, array in given.items()]
    table = np.array([judge.weights for judge in judges])
    apart = standing_apart(table)
    ratio = None
    weights = table.mean(axis=0)
    if how == "ahp":
        panel = ahp.priorities(ahp.group_judgements(np.array(list(given.values()))))
        weights, ratio = panel.weights, panel.ratio
    spread = table.std(axis=0, ddof=1) if len(table) > 1 else np.full(len(codes), np.nan)
    marked = tuple(
        Judge(judge.expert, judge.weights, judge.ratio, judge.limit, judge.hints, bool(far))
        for judge, far in zip(judges, apart, strict=True)
    )
    return GroupWeights(
        parent=parent,
        codes=codes,
        weights=_floats(weights),
        median=_floats(np.median(table, axis=0)),
        spread=_floats(spread),
        judges=marked,
        agreement=agreement(table),
        ratio=ratio,
    )


def _judge(how: How, expert: str, codes: tuple[str, ...], array: Array) -> Judge:
    if how == "ahp":
        own = ahp.priorities(array)
        hints = tuple(
            Hint(codes[fix.row], codes[fix.column], fix.said, fix.better, fix.ratio)
            for fix in ahp.repairs(array)
        )
        return Judge(expert, _floats(own.weights), own.ratio, ahp.LIMIT, hints)
    if how == "best-worst":
        found = best_worst(array[0], array[1])
        best, worst = (codes[place] for place in ends(array[0], array[1]))
        fixes = () if found.limit is None else changes(array[0], array[1], found.limit)
        hints = tuple(
            Hint(
                codes[fix.item] if fix.to_worst else best,
                worst if fix.to_worst else codes[fix.item],
                *(fix.said, fix.better, fix.ratio),
            )
            for fix in fixes
        )
        return Judge(expert, _floats(found.weights), found.ratio, found.limit, hints)
    return Judge(expert, _floats(shares(array[None])[0]))


def _note(group: GroupWeights, sheet: Sheet, problems: Problems) -> None:
    """Warn of experts who contradict themselves or stand apart."""
    where = sheet.where()
    for judge in group.judges:
        told = {"expert": judge.expert, "parent": group.parent}
        if judge.consistent is False:
            hint = judge.hints[0].text() if judge.hints else "–"
            problems.add(
                "experts.inconsistent", where, **told, ratio=judge.ratio, limit=judge.limit, change=hint
            )
        if judge.apart:
            own = [
                f"{code} {ratio_text(weight)} ({ratio_text(middle)})"
                for code, weight, middle in zip(group.codes, judge.weights, group.median, strict=True)
            ]
            problems.add("experts.apart", where, **told, weights=own)


def _floats(array: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in array)
