"""From facts to indicators: raw values divided by their denominators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from citygauge.collect.resolve import Facts
from citygauge.collect.units import Units
from citygauge.framework.model import Framework
from citygauge.indicators.table import DERIVED, MISSING, VALUE, Table
from citygauge.problems import Problems


def derive(facts: Facts, framework: Framework, units: Units, problems: Problems) -> Table:
    """Return the table of indicators: leaves, and inner nodes for which somebody reported a value of its own.

    A raw value is divided by ``denominator / denominator_scale``; a missing or zero denominator leaves the
    cell missing and is noted. Scores handed over in place of measurements are not divided.

    Raises
    ------
    Nothing; a denominator that is neither an attribute of the units nor a code is noted in `problems`.
    """
    leaves = set(framework.leaves)
    reported = np.asarray(facts.reported.any(axis=0))
    columns = [i for i, code in enumerate(facts.codes) if code in leaves or reported[i]]
    codes = tuple(facts.codes[i] for i in columns)
    values, states = facts.values[:, columns].copy(), facts.states[:, columns].copy()
    origins, is_score = facts.origins[:, columns].copy(), facts.is_score[:, columns]
    for column, code in enumerate(codes):
        node = framework[code]
        if not node.denominator:
            continue
        divisor = _denominator(node.denominator, facts, units)
        if divisor is None:
            problems.add(
                "units.unknown-denominator",
                code=code,
                denominator=node.denominator,
                known=list(units.attributes),
            )
            continue
        raw = (states[:, column] == VALUE) & ~is_score[:, column]
        usable = np.isfinite(divisor) & (divisor != 0)
        if (without := raw & ~usable).any():
            names = [units.codes[i] for i in np.flatnonzero(without)]
            problems.add("units.no-denominator-value", code=code, denominator=node.denominator, units=names)
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = values[:, column] / (divisor / node.denominator_scale)
        values[raw, column] = np.where(usable, quotient, np.nan)[raw]
        states[without, column] = MISSING
        origins[raw & usable, column] = DERIVED
    return Table(facts.units, codes, values, states, origins)


def _denominator(name: str, facts: Facts, units: Units) -> NDArray[np.float64] | None:
    if name in units.attributes:
        return units.numbers(name)
    return facts.values[:, facts.codes.index(name)] if name in facts.codes else None


def note_silence(table: Table, framework: Framework, problems: Problems) -> None:
    """Note the indicators for which no unit has any value, a measured indicator counting as one."""
    heard = {c for c, column in zip(table.codes, table.values.T, strict=True) if not np.isnan(column).all()}
    silent = [
        code
        for code in framework.indicators
        if code not in heard and not heard.intersection(framework.leaves_under(code))
    ]
    if silent:
        problems.add(
            "facts.silent-indicators", codes=silent, count=len(silent), total=len(framework.indicators)
        )
