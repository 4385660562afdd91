"""Exact verdicts beside the floating-point solver alone, and draws of a reconstruction, timed together."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

import citygauge as cg
from citygauge.audit.joint import system_of
from citygauge.audit.linear import Row
from citygauge.audit.read import builtin_published


def solved(rows: tuple[Row, ...]) -> bool:
    """Return whether HiGHS finds the rows feasible, within its tolerance and with every end closed."""
    names = {name: place for place, name in enumerate(dict.fromkeys(n for r in rows for n in r.coefficients))}
    left: list[NDArray[np.float64]] = []
    right: list[float] = []
    for row in rows:
        line = np.zeros(len(names))
        for name, value in row.coefficients.items():
            line[names[name]] = float(value)
        if row.within.high is not None:
            left.append(line)
            right.append(float(row.within.high))
        if row.within.low is not None:
            left.append(-line)
            right.append(-float(row.within.low))
    found = linprog(np.zeros(len(names)), np.array(left), np.array(right), bounds=(None, None))
    return bool(found.status == 0)


def compare(timed: Callable[[Callable[[], object], int], float]) -> None:
    """Print how long an exact verdict takes beside a rounded one, a whole audit, and an effective draw."""
    published = builtin_published("smart-2021")
    system = system_of(published)
    whole = timed(lambda: cg.audit_published(published), 1)
    exact, rounded = timed(system.settle, 3), timed(lambda: solved(system.rows), 3)
    start = perf_counter()
    drawn = cg.reconstruct(published, n=100)
    each = (perf_counter() - start) / len(drawn.values)
    print(f"\n{'audit of the 2021 report':34} {whole:9.2f} s   all checks and corrections")
    print(f"{'  one verdict with proof':34} {exact * 1e3:9.1f} ms  {rounded * 1e3:9.1f} ms HiGHS alone")
    print(f"{'reconstruction, 50 x 16':34} {each * 1e3:9.1f} ms a draw, start included")
