"""The figures of a result at one of its steps, chosen by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.indicators.table import Table
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result

Step = Literal["raw", "derived", "screened", "imputed", "treated", "normalised", "aggregated"]
STEPS: tuple[Step, ...] = get_args(Step)
SCORED: tuple[Step, ...] = ("normalised", "aggregated")  # higher is better from here on


def step_table(result: Result, step: Step) -> Table:
    """Return the table of a result at a step.

    Parameters
    ----------
    result : Result
    step : str
        ``raw``: the facts as recorded, before any denominator; or one of the tables of a result. ``raw`` and
        ``derived`` have all units, the later ones those that stayed.

    Returns
    -------
    Table
        Values as measured up to ``treated``; an indicator of which scores were handed over has those.

    Raises
    ------
    InputError
        ``analyse.unknown-choice``.
    """
    known_choice(step, STEPS)
    if step != "raw":
        table: Table = getattr(result, step)
        return table
    facts, codes = result.facts, result.derived.codes
    at = [facts.codes.index(code) for code in codes]
    return Table(facts.units, codes, facts.values[:, at], facts.states[:, at], facts.origins[:, at])


def handed_over(result: Result, codes: Sequence[str]) -> NDArray[np.bool_]:
    """Return which nodes have scores that were handed over in place of measurements, ``(n_codes,)``."""
    facts = result.facts
    return np.asarray(facts.is_score[:, [facts.codes.index(code) for code in codes]].any(axis=0))


def directions(result: Result, codes: Sequence[str], step: Step) -> NDArray[np.float64]:
    """Return what turns columns of a step so that higher is better: 1 or -1 each, ``(n_codes,)``."""
    if step in SCORED:
        return np.ones(len(codes))
    return np.array([result.framework[code].direction or 1 for code in codes], dtype=float)


def chosen_codes(
    table: Table, framework: Framework, step: Step, level: int | None, codes: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the nodes of a level, or these codes, or by default all leaves, that a table has; in its order.

    Raises
    ------
    InputError
        ``compare.unknown-level``, ``compare.unknown-node``; ``analyse.not-at-step`` for codes without a
        column.
    """
    problems = Problems()
    if codes is not None:
        unknown = [code for code in codes if code not in framework]
        for code in unknown:
            problems.add(
                "compare.unknown-node", Where(), code=code, near=get_close_matches(code, framework.codes, 3)
            )
        absent = [code for code in codes if code in framework and code not in table.codes]
        if absent:
            problems.add("analyse.not-at-step", Where(), codes=absent, step=step)
        problems.raise_errors()
        return tuple(dict.fromkeys(codes))
    if level is None:
        return _present(table, framework.leaves)
    deepest = max(framework.levels.values())
    if not 0 <= level <= deepest:
        problems.add("compare.unknown-level", Where(), level=level, last=deepest)
        problems.raise_errors()
    return _present(table, [code for code in framework.codes if framework.levels[code] == level])


def known_choice(value: str, known: Sequence[str]) -> None:
    """Refuse a word that is not among the known ones."""
    if value not in known:
        raise InputError([Problem("analyse.unknown-choice", Where(), {"value": value, "known": list(known)})])


def _present(table: Table, codes: Iterable[str]) -> tuple[str, ...]:
    there = set(table.codes)
    return tuple(code for code in codes if code in there)
