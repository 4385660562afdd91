"""Facts out of an SDMX data message, as a map says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from math import isfinite

from citygauge.collect.periods import note_unusual
from citygauge.collect.sdmx_map import FLAG_STATES, FLAGS, STATUS_STATES, Condition, SdmxMap
from citygauge.collect.sdmx_message import SdmxMessage, SdmxObservation, is_aside
from citygauge.collect.table import Cell
from citygauge.collect.units import UnitMatcher, Units
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

_NORMAL, _IMPUTED = "A", "I"
_PERCENT = {"PT", "PC"}  # CL_UNIT_MEASURE, and the code lists of the ECB and Eurostat
_NUMBER = re.compile(r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?")
_MULTIPLIER = re.compile(r"[-+]?[0-9]{1,2}")
_FEWEST = 3  # units, to tell a dimension that names them from one that tells them apart
_YEAR = re.compile(r"([0-9]{4})(?:-A1|-01-01(?:T00:00:00)?/P1Y)")  # a year of SDMX 2.1 in other words
_EDGE = re.compile(r"([0-9]{4})-(?:01-01|12-31)(?:T00:00:00)?")


@dataclass(frozen=True, slots=True)
class SdmxFacts:
    """The facts of a message, each once, and how many of its observations are left out."""

    cells: list[Cell]
    left_out: int


@dataclass(slots=True)
class _Found:
    """What is met on the way, to be noted once."""

    units: dict[str, str | None] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)  # codes that are no unit → first observation
    measures: dict[tuple[str, str], SdmxObservation] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)  # values of the indicator's dimension
    undated: list[int] = field(default_factory=list)
    unmeasured: dict[str, None] = field(default_factory=dict)  # indicators whose unit nobody states


def sdmx_facts(
    message: SdmxMessage, how: SdmxMap, framework: Framework, units: Units, where: Where, problems: Problems
) -> SdmxFacts:
    """Return the facts of a message: unit, indicator, period, value or state, note, and the key as `cell`.

    The value is the message's times ten to the power of `multiplier` and times the factor of the indicator,
    reckoned in decimals. A status other than normal is kept as a note (``OBS_STATUS=B``); an imputed value
    (I) gets the origin ``imputed``. An observation without a value and without a status that says why is
    ``missing``. ``2023-A1`` and ``2023-01-01/P1Y`` become ``2023``, as do the first and the last day of a
    year where the frequency is A.

    Parameters
    ----------
    where : Where
        The message, for the places of problems.
    """
    before = len(problems.errors)
    how = _as_named(message, how)
    _check_map(message, how, framework, units, where, problems)
    if len(problems.errors) > before:
        return SdmxFacts([], 0)
    found = _Found(_table_of_units(message, how, units, where, problems))
    of_measure = {node.code: node.unit for node in framework}
    reader = _Reader(how, framework, where, problems, found, of_measure)
    taken: dict[tuple[str, str, str | None], tuple[SdmxObservation, Cell]] = {}
    used: set[int] = set()
    by_code: dict[str, list[tuple[str, SdmxObservation]]] = {}
    for one in message.observations:
        for code in reader.codes(one):
            unit = reader.unit(one)
            if unit is None:
                continue
            cell = reader.cell(one, unit, code)
            used.add(one.number)
            by_code.setdefault(code, []).append((unit, one))
            first, known = taken.setdefault((unit, code, cell.period), (one, cell))
            if (known.value, known.extra) != (cell.value, cell.extra):
                _note_twice(first, one, cell, where, problems)
    reader.note_gaps()
    for code, told in by_code.items():
        _note_mixed(code, told, message, how, where, problems)
    silent = [code for code in how.indicators if code not in {code for _, code, _ in taken}]
    if silent and taken:
        problems.add("sdmx.silent-indicators", where, codes=silent)
    if not taken and len(problems.errors) == before:
        kinds = [] if how.indicators else list(found.others)
        problems.add("sdmx.no-facts", where, count=len(message.observations), found=kinds)
    cells = [cell for _, cell in taken.values()]
    note_unusual((cell.period for cell in cells), where, problems)
    return SdmxFacts(cells, len(message.observations) - len(used))


def _as_named(message: SdmxMessage, how: SdmxMap) -> SdmxMap:
    """Return the map with Eurostat's names of status and unit of measure, where the message has no others."""
    names, found = message.names, {}
    if how.status not in names and FLAGS in names and "status" not in how.model_fields_set:
        found["status"] = FLAGS
    if how.measure not in names and "measure" not in how.model_fields_set:
        other = (name for name in names if name.upper() == "UNIT" and name != how.unit)
        found["measure"] = next(other, how.measure)
    return how.model_copy(update=found) if found else how


def _note_mixed(
    code: str,
    told: Sequence[tuple[str, SdmxObservation]],
    message: SdmxMessage,
    how: SdmxMap,
    where: Where,
    problems: Problems,
) -> None:
    """Note dimensions that nobody chose a value of and in which the observations of an indicator differ.

    A dimension that names the units in other words has a value of its own for each unit.
    """
    chosen = {how.unit, how.period, how.status, how.measure, how.multiplier, *how.where, *how.may_differ}
    chosen |= set(how.indicators.get(code, {})) if how.indicators else {how.indicator}
    names = message.names
    if {how.unit, how.period} <= set(message.dimensions):
        names = [name for name in names if name in message.dimensions]
    for name in names:
        if name in chosen or is_aside(name):
            continue
        first: dict[str, SdmxObservation] = {}
        units: dict[str, set[str]] = {}
        for unit, one in told:
            value = one.fields.get(name, "")
            first.setdefault(value, one)
            units.setdefault(value, set()).add(unit)
        every = set().union(*units.values())
        names_units = len(units) == len(every) >= _FEWEST and all(len(held) == 1 for held in units.values())
        if len(first) > 1 and not names_units:
            rows = [one.number for one in first.values()]
            values = {"code": code, "name": name, "found": [value or "–" for value in first], "rows": rows}
            problems.add("sdmx.mixed-dimension", where, **values)


def _check_map(
    message: SdmxMessage, how: SdmxMap, framework: Framework, units: Units, where: Where, problems: Problems
) -> None:
    """Note what the map names and nobody knows."""
    absent = [name for name in how.needed if name not in message.names]
    if absent:
        problems.add("sdmx.no-dimension", where, names=absent, found=message.names)
    unknown = [
        code for code in dict.fromkeys([*how.indicators, *how.factors]) if code not in framework.recordable
    ]
    if unknown:
        problems.add("import.map-codes", where, codes=unknown)
    strange = sorted({unit for unit in how.units.values() if unit not in units.position})
    if strange:
        problems.add("sdmx.map-units", where, units=strange)
    if how.unit_attribute is not None and how.unit_attribute not in units.attributes:
        known = list(units.attributes)
        problems.add("sdmx.no-attribute", where, name=how.unit_attribute, known=known)


def _table_of_units(
    message: SdmxMessage, how: SdmxMap, units: Units, where: Where, problems: Problems
) -> dict[str, str | None]:
    """Return the unit of every area of the message; None for those that are no unit."""
    areas = list(dict.fromkeys(one.fields.get(how.unit, "") for one in message.observations))
    table: dict[str, str | None] = {}
    if how.unit_attribute is None:
        matcher = UnitMatcher(units)
        for area in areas:
            match = matcher.match(area)
            table[area] = match.code if match.verdict == "found" else None
    else:
        holders: dict[str, list[str]] = {}
        for code, text in zip(units.codes, units.texts(how.unit_attribute), strict=True):
            holders.setdefault(text or "", []).append(code)
        for area in (area for area in areas if area and area not in how.units):
            held = holders.get(area, [])
            if len(held) > 1:
                values = {"name": how.unit_attribute, "value": area, "units": held}
                problems.add("sdmx.attribute-not-unique", where, **values)
            table[area] = held[0] if held else None
    return {**table, **how.units}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one observation after the other."""

    how: SdmxMap
    framework: Framework
    where: Where
    problems: Problems
    found: _Found
    of_measure: Mapping[str, str]

    def codes(self, one: SdmxObservation) -> Iterator[str]:
        """Yield the codes of the framework that an observation is about."""
        if not _meets(one, self.how.where):
            return
        if self.how.indicators:
            yield from (code for code, wanted in self.how.indicators.items() if _meets(one, wanted))
        elif (code := one.fields.get(self.how.indicator, "")) in self.framework.recordable:
            yield code
        else:
            self.found.others[code] = None

    def unit(self, one: SdmxObservation) -> str | None:
        """Return the unit that an observation is about; None where it is none of ours."""
        area = one.fields.get(self.how.unit, "")
        unit = self.found.units.get(area)
        if unit is None:
            self.found.left.setdefault(area, one.number)
        return unit

    def cell(self, one: SdmxObservation, unit: str, code: str) -> Cell:
        """Return the fact that an observation states, and note what is wrong with it."""
        status = one.fields.get(self.how.status, "").strip()
        value = self._value(one, code)
        stated = self.how.states.get(status) or self._stated(status, is_known=value is not None)
        if value is not None and stated != "value":
            values = {"code": code, "status": f"{self.how.status}={status}", "value": value, "state": stated}
            self.problems.add("sdmx.value-despite-status", self._at(one), unit=unit, **values)
        state = "missing" if value is None and stated == "value" else stated
        extra = {"state": state}
        if status and (status.upper() != _NORMAL or self.how.status == FLAGS):
            extra["note"] = f"{self.how.status}={status}"
        if status.upper() == _IMPUTED and state == "value" and self.how.status != FLAGS:
            extra["origin"] = "imputed"
        if measure := self._measure(one, code):
            extra["unit_of_measure"] = measure
        period = _period(one.fields.get(self.how.period, ""), one) or None
        if period is None:
            self.found.undated.append(one.number)
        value = value if state == "value" else None
        return Cell(one.number, unit, code, period, value, one.key, extra)

    def _stated(self, status: str, *, is_known: bool) -> str:
        """Return the state that a status stands for; of Eurostat's flags, which come together, the first."""
        if self.how.status != FLAGS:
            return STATUS_STATES.get(status.upper(), "value")
        states = [FLAG_STATES[flag] for flag in status.upper() if flag in FLAG_STATES]
        return states[0] if states and not is_known else "value"

    def _value(self, one: SdmxObservation, code: str) -> str | None:
        """Return the value in the framework's unit, as text in full."""
        if one.value is None:
            return None
        if not _NUMBER.fullmatch(one.value) or not isfinite(float(one.value)):
            self.problems.add("facts.not-a-number", self._at(one), value=one.value)
            return None
        power = one.fields.get(self.how.multiplier, "0").strip()
        if not _MULTIPLIER.fullmatch(power):
            values = {"name": self.how.multiplier, "value": power}
            self.problems.add("sdmx.bad-multiplier", self._at(one), **values)
            return None
        factor = self.how.factors.get(code, 1.0)
        if int(power) == 0 and factor == 1:
            return one.value
        number = Decimal(one.value).scaleb(int(power)) * Decimal(repr(factor))
        return repr(float(number)) if number.adjusted() > 300 else f"{number:f}"

    def _measure(self, one: SdmxObservation, code: str) -> str:
        """Return the unit of measure that an observation states, in the framework's words."""
        told = one.fields.get(self.how.measure, "")
        own = self.of_measure.get(code, "")
        if told in self.how.measures:
            return self.how.measures[told]
        if not told and own:
            self.found.unmeasured[code] = None
        if not told or not own or told == own:
            return told
        if own == "%" and told.upper() in _PERCENT:
            return own
        if (code, told) not in self.found.measures:
            self.found.measures[code, told] = one
            values = {"value": told, "code": code, "unit": own, "name": self.how.measure}
            self.problems.add("sdmx.unknown-measure", self._at(one), **values)
        return ""

    def note_gaps(self) -> None:
        """Note what has no period, areas that are no unit, and indicators that nobody knows."""
        if self.found.undated:
            rows = self.found.undated
            self.problems.add("sdmx.no-period", self.where, name=self.how.period, rows=rows)
        if codes := list(self.found.unmeasured):
            self.problems.add("sdmx.measure-not-stated", self.where, codes=codes)
        if self.found.left:
            values = {"name": self.how.unit, "units": sorted(self.found.left)}
            if self.how.other_units == "refuse":
                self.problems.add("sdmx.unknown-units", self.where, **values)
            else:
                self.problems.add("sdmx.units-left-out", self.where, **values)
        if self.found.others:
            codes = list(self.found.others)
            near = sorted({n for c in codes for n in get_close_matches(c, self.framework.recordable, 1, 0.8)})
            values = {"name": self.how.indicator, "codes": codes, "near": near}
            self.problems.add("sdmx.indicators-left-out", self.where, **values)

    def _at(self, one: SdmxObservation) -> Where:
        return Where(self.where.file, row=one.number, column=one.key)


def _period(told: str, one: SdmxObservation) -> str:
    """Return a period; a year as such, also where yearly data are dated by its first or last day."""
    if (found := _YEAR.fullmatch(told)) is not None:
        return found[1]
    is_yearly = any(one.fields.get(name) == "A" for name in ("FREQ", "freq"))
    found = _EDGE.fullmatch(told) if is_yearly else None
    return told if found is None else found[1]


def _meets(one: SdmxObservation, wanted: Condition) -> bool:
    """Tell whether an observation has the wanted values."""
    pairs = ((one.fields.get(name), texts) for name, texts in wanted.items())
    return all(text == texts if isinstance(texts, str) else text in texts for text, texts in pairs)


def _note_twice(
    first: SdmxObservation, second: SdmxObservation, cell: Cell, where: Where, problems: Problems
) -> None:
    """Note two observations that say different things of one fact, and in what else they differ."""
    names: Sequence[str] = list(dict.fromkeys([*first.fields, *second.fields]))
    differing = [name for name in names if first.fields.get(name) != second.fields.get(name)]
    place = Where(where.file, row=second.number, column=second.key)
    about = {"unit": cell.unit, "code": cell.indicator}
    if differing:
        keys = [first.key, second.key]
        problems.add("sdmx.several-facts", place, **about, keys=keys, names=differing)
    else:
        rows, told = [first.number, second.number], [one.value or "–" for one in (first, second)]
        problems.add("sdmx.key-twice", place, **about, key=first.key, rows=rows, told=told)
