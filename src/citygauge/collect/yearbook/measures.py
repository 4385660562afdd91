"""Units of measure as statistics write them, and how many of one make another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from citygauge.collect.yearbook.words import data_of, key_of
from citygauge.framework.model import Framework

if TYPE_CHECKING:
    import pint

_NUMBERED = re.compile(r"(1[0,]*)(k_?)?_?(.+)")


@dataclass(frozen=True, slots=True)
class Measure:
    """A unit of measure: so many of what an expression says; `told` is how it was written."""

    scale: Decimal
    expression: str
    told: str


@cache
def measure_of(text: str) -> Measure | None:
    """Return the unit of measure that a text names; None where it names none.

    Parameters
    ----------
    text : str
        ``万元``, ``元/人``, ``100 million yuan``, ``‰``, ``件/万人`` …

    Examples
    --------
    >>> measure_of("亿元").scale, measure_of("10,000 persons").expression, measure_of("人口")
    (Decimal('100000000'), 'person', None)
    """
    key = key_of(text).strip(":：,，;；")
    found = _simple(key)
    if found is None and "/" in key:
        above, _, below = key.rpartition("/")
        parts = (_simple(above), _simple(below) or _power_alone(below))
        if parts[0] is not None and parts[1] is not None:
            scale = parts[0][0] / parts[1][0]
            found = scale, f"({parts[0][1]}) / ({parts[1][1]})"
    return None if found is None else Measure(found[0], found[1], text.strip())


def factor(given: Measure, wanted: Measure) -> Decimal | None:
    """Return by what a value in one unit is multiplied to be in another; None where they cannot be compared.

    Examples
    --------
    >>> factor(measure_of("亿元"), measure_of("万元")), factor(measure_of("亿元"), measure_of("万人"))
    (Decimal('10000'), None)
    """
    import pint  # noqa: PLC0415 - slow to import

    registry = _registry()
    try:
        ratio = Fraction(registry.Quantity(Fraction(1), given.expression).to(wanted.expression).magnitude)
    except pint.DimensionalityError:
        return None
    found = ratio * Fraction(given.scale) / Fraction(wanted.scale)
    return Decimal(found.numerator) / Decimal(found.denominator)


def is_additive(measure: Measure) -> bool:
    """Tell whether values in a unit may be added up over cities: counts and amounts, no shares or rates."""
    return "/" not in measure.expression and measure.expression not in {
        "percent", "permille", "point_of_hundred", "dimensionless", "year", "day", "hour", "minute",
    }  # fmt: skip


def names_of_unit(framework: Framework, unit: str) -> tuple[str, ...]:
    """Return how a unit of a framework is written: its code and its names."""
    return (unit, *framework.unit_names.get(unit, {}).values())


def measure_of_unit(framework: Framework, unit: str) -> Measure | None:
    """Return what a unit of a framework measures, by its code or one of its names."""
    return next((found for name in names_of_unit(framework, unit) if (found := measure_of(name))), None)


def multiple_of(text: str) -> Decimal | None:
    """Return the number that a word such as 万 stands for; None for all else."""
    power = _powers().get(key_of(text))
    return None if power is None else Decimal(10) ** power


def _simple(key: str) -> tuple[Decimal, str] | None:
    """Return scale and expression of a unit without a stroke, or of one that is known as a whole."""
    known = _words()
    if key in known:
        return Decimal(1), known[key]
    if (match := _NUMBERED.fullmatch(key)) and match[1].replace(",", "") != "1":
        rest = _simple(match[3])
        number = Decimal(match[1].replace(",", "")) * (1000 if match[2] else 1)
        return None if rest is None else (number * rest[0], rest[1])
    for word, power in _powers().items():
        if key.startswith(word) and key.removeprefix(word) in known:
            return Decimal(10) ** power, known[key.removeprefix(word)]
    return None


def _power_alone(key: str) -> tuple[Decimal, str] | None:
    multiple = multiple_of(key)
    return None if multiple is None else (multiple, "dimensionless")


@cache
def _words() -> dict[str, str]:
    told = data_of("measures.toml")["words"]
    return {key_of(word): expression for expression, found in told.items() for word in found}


@cache
def _powers() -> dict[str, int]:
    told: dict[str, Any] = data_of("measures.toml")["powers"]
    return dict(sorted(((key_of(word), power) for word, power in told.items()), key=lambda p: -len(p[0])))


@cache
def _registry() -> pint.UnitRegistry[Any]:
    """Return a registry that knows the units of ``measures.toml`` and no others, and reckons in fractions."""
    import pint  # noqa: PLC0415 - slow to import

    told = data_of("measures.toml")
    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(None, non_int_type=Fraction)
    for base, dimension in told["dimensions"].items():
        registry.define(f"{base} = [{dimension}]")
    for name, how_many in told["multiples"].items():
        registry.define(f"{name} = {how_many}")
    return registry
