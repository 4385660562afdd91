"""A figure in the unit of its indicator: converted where the dimensions agree, else a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from citygauge.collect.yearbook.cells import Told
from citygauge.collect.yearbook.figures import Figure
from citygauge.collect.yearbook.measures import (
    factor,
    measure_of,
    measure_of_unit,
    multiple_of,
    names_of_unit,
)
from citygauge.collect.yearbook.words import key_of
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where


@dataclass
class Converter:
    """Converts figures, and notes each disagreement once with the cells that it concerns."""

    framework: Framework
    _strange: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _apart: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _silent: dict[str, list[str]] = field(default_factory=dict)

    def convert(self, told: Told, figure: Figure, code: str, measure: str) -> tuple[Decimal, str] | None:
        """Return a number in the indicator's unit, and the unit in which it was told where that is another.

        None where it cannot be read: a multiple such as 万 behind the number and in the header too.
        """
        assert told.number is not None
        number, given = told.number, measure
        multiple = multiple_of(told.measure)
        if multiple is not None:
            header = measure_of(measure) if measure else None
            if header is not None and header.scale != 1:
                return None
            number *= multiple
        elif told.measure:
            given = told.measure
        unit = self._unit(code)
        times = self._factor(given, unit, code, figure.cell)
        shown = f"{told.number} {told.measure or given}".strip()
        return number * times, "" if times == 1 and multiple is None else shown

    def note(self, file: str, problems: Problems) -> None:
        """Note what could not be converted, and what was taken as it is."""
        for (text, code), cells in self._strange.items():
            unit = " ".join(names_of_unit(self.framework, self._unit(code)))
            problems.add(
                "yearbook.measure-unknown", Where(file), value=text, code=code, unit=unit, cells=cells
            )
        for (text, code), cells in self._apart.items():
            unit = " ".join(names_of_unit(self.framework, self._unit(code)))
            problems.add(
                "yearbook.measure-disagrees", Where(file), value=text, code=code, unit=unit, cells=cells
            )
        if self._silent:
            problems.add("yearbook.measure-not-stated", Where(file), codes=sorted(self._silent))

    def _unit(self, code: str) -> str:
        return _unit_of(self.framework, code)

    def _factor(self, given: str, unit: str, code: str, cell: str) -> Decimal:
        """Return by what a number is multiplied; 1 where the units cannot be compared, which is noted."""
        wanted = measure_of_unit(self.framework, unit) if unit else None
        if not given:
            if wanted is not None:
                self._silent.setdefault(code, []).append(cell)
            return Decimal(1)
        if not unit or key_of(given) in map(key_of, names_of_unit(self.framework, unit)):
            return Decimal(1)
        stated = measure_of(given)
        if stated is None:
            self._strange.setdefault((given, code), []).append(cell)
            return Decimal(1)
        times = None if wanted is None else factor(stated, wanted)
        if times is None:
            self._apart.setdefault((given, code), []).append(cell)
            return Decimal(1)
        return times


def _unit_of(framework: Framework, code: str) -> str:
    if code in framework:
        return framework[code].unit
    return next((item.unit for item in framework.items if item.code == code), "")


def fitting(stated: Sequence[str], framework: Framework, code: str) -> str:
    """Return which of the units of a line above a table is that of an indicator.

    The one that can be converted into the indicator's; all of several, which is no unit, and blank for none.
    """
    unit = _unit_of(framework, code)
    wanted = measure_of_unit(framework, unit) if unit else None
    if wanted is None:
        return ""
    found = [told for told in stated if (one := measure_of(told)) and factor(one, wanted) is not None]
    return found[0] if len({measure_of(told) for told in found}) == 1 else "、".join(found)


def same_measure(first: str, second: str) -> bool:
    """Tell whether two texts name the same unit of measure.

    >>> same_measure("亿元", "100 million yuan"), same_measure("万元", "亿元")
    (True, False)
    """
    one, other = measure_of(first), measure_of(second)
    if one is None or other is None:
        return key_of(first) == key_of(second)
    return factor(one, other) == 1
