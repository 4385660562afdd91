"""The figures of a report held against the run that it reports, at full precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from citygauge.audit.claims import named, rules_named
from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.findings import Bound, Finding
from citygauge.audit.plausible import grain
from citygauge.audit.published import ROOT, Grade, Published
from citygauge.audit.resting import judged_on, only
from citygauge.audit.rules import Status
from citygauge.audit.spans import apart
from citygauge.audit.wording import names, words
from citygauge.result import Result

Array = NDArray[np.float64]
WHOLES = (1, 10, 100, 1000)  # what printed weights may add up to
SLACK = Fraction(1, 10**9)  # of a weight: shares are quotients, which need not end
STATS: dict[str, Callable[[Array], float]] = {
    "mean": lambda values: float(values.mean()), "min": lambda values: float(values.min()),
    "max": lambda values: float(values.max()),
}  # fmt: skip


def snapped(value: float) -> Fraction:
    """Return a number of a run to 12 digits, so that 0.615 reached by a sum of decimals is 0.615.

    >>> snapped(0.1 + 0.2)
    Fraction(3, 10)
    """
    return Fraction(Decimal(f"{value:.11e}"))


def rounded(value: Fraction, step: Decimal) -> Decimal:
    """Return a number rounded half up (away from zero) to a multiple of a power of ten.

    >>> rounded(Fraction(123, 200), Decimal("0.01"))
    Decimal('0.62')
    """
    whole = int(abs(value) / Fraction(step) + Fraction(1, 2))
    found = Decimal(whole) * step
    return (-found if value < 0 and whole else found).quantize(step, ROUND_HALF_UP)


def against_run(printed: Published, result: Result) -> Iterator[Finding]:
    """Yield whether each printed figure is what a run gives, rounded.

    Means, standard deviations (`sd_formula`), smallest and largest scores, weights, counts and shares of
    grades and their lists, means of groups over their printed members, cells and ranks. Nodes are matched by
    code, else by name; units and grades by code or name, on illustrative data by neutral name alone.

    Parameters
    ----------
    printed : Published
    result : Result
        Of the period whose figures are compared; others count as unknown to it.

    Yields
    ------
    Finding
        Kind ``run``: ``run.FIGURE`` for each figure that differs or holds under some rule of rounding alone,
        ``run.grade.NAME.members`` for a list; ``run.all`` how many agree; ``run.unknown`` those that the run
        does not know.
    """
    run = _Run(printed, result)
    unknown: list[str] = []
    checked = bad = 0
    for key, figure in printed.figures.items():
        value = run.value(key)
        if value is None:
            unknown.append(key)
            continue
        checked += 1
        found = _finding(run, figure, value)
        bad += found.verdict == "impossible"
        if found.verdict != "possible":
            yield found
    for grade in printed.grades:
        members = run.members(grade)
        if members is None:
            unknown += [f"grade.{grade.name}.members"] if grade.members else []
            continue
        checked += 1
        if set(grade.members or ()) != set(members):
            bad += 1
            yield _list(run, grade, members)
    yield _all(checked, bad)
    if unknown:
        listed = names([_what(printed, key) for key in unknown])
        text = words("own.unknown", n=len(unknown), figures=listed)
        claim = words("own.unknown_claim")
        yield Finding("run.unknown", "run", "not_checkable", "none", *claim, *text, tuple(unknown))


def _what(printed: Published, key: str) -> tuple[str, str]:
    """Return what a figure or a list is."""
    for grade in printed.grades:
        if key == f"grade.{grade.name}.members":
            return words("own.list", grade=(grade.name_zh or grade.name, grade.name_en or grade.name))
    return named(printed, key)


def _all(checked: int, bad: int) -> Finding:
    claim = words("own.all_claim")
    if not checked:
        return Finding("run.all", "run", "not_checkable", "none", *claim, *words("own.nothing"))
    text = words("own.some" if bad else "own.all", n=checked, bad=bad, good=checked - bad)
    return Finding("run.all", "run", "possible", "none", *claim, *text)


@dataclass(frozen=True)
class _Run:
    """What a run gives for the ids of a publication."""

    printed: Published
    result: Result

    @cached_property
    def nodes(self) -> dict[str, str]:
        """Code of each printed node in the run; those that it does not have are left out."""
        framework = self.result.framework
        by_name: dict[str, list[str]] = {}
        for code in framework.codes:
            for name in set(framework[code].name.values()):
                by_name.setdefault(name, []).append(code)
        found = {}
        for code, node in self.printed.nodes.items():
            if code == ROOT:
                found[code] = framework.root.code
            elif code in framework:
                found[code] = code
            else:
                same = {c for name in (node.name_zh, node.name_en) for c in by_name.get(name, ())}
                if len(same) == 1:
                    found[code] = same.pop()
        return found

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of every name of a unit that means one unit alone."""
        result = self.result
        spellings: list[Sequence[str]] = [result.row_labels, result.labels("zh"), result.labels("en")]
        found: dict[str, set[int]] = {}
        for spelling in spellings:
            for row, name in enumerate(spelling):
                found.setdefault(name, set()).add(row)
        return {name: next(iter(rows)) for name, rows in found.items() if len(rows) == 1}

    @cached_property
    def cells(self) -> dict[str, tuple[str, str]]:
        """Unit and code (or ``rank``) of every id of a cell."""
        return {
            line.id(code): (line.unit, code)
            for line in self.printed.lines
            if line.kind == "unit"
            for code in (*self.printed.nodes, "rank")
        }

    def row(self, unit: str) -> int | None:
        """Return the row of a printed unit."""
        if unit in self.rows:
            return self.rows[unit]
        known = self.printed.units.get(unit)
        return self.rows.get(known.name, self.rows.get(known.name_en)) if known else None

    def value(self, key: str) -> Fraction | None:
        """Return what the run gives for a figure, None for what it does not know."""
        period = next((p for p in self.periods if key.startswith(f"{p}:")), "")
        if period and period != self.result.period:
            return None
        if key in self.cells:
            return self._cell(*self.cells[key])
        figure = self.printed.figures[key]
        what, _, stat = key.removeprefix(f"{period}:" if period else "").rpartition(".")
        kind, _, name = what.partition(".")
        if kind == "grade" and name:
            return self._grade(name, stat, figure)
        if kind == "group" and name:
            return self._group(name, stat, figure)
        return self._units(figure) if (what, stat) == ("units", "n") else self._node(what, stat, figure)

    def _units(self, figure: Figure) -> Fraction:
        """Return how many units there are, counted as is printed: with an index, assessed, or all."""
        result = self.result
        counts = int((~np.isnan(result.index)).sum()), len(result.units), len(result.derived.units)
        return Fraction(next((n for n in counts if n == figure.value), counts[0]))

    def _node(self, what: str, stat: str, figure: Figure) -> Fraction | None:
        code = self.nodes.get(what)
        if code is None:
            return None
        if stat == "weight":
            share = self.result.shares.get(code)
            return None if share is None else snapped(share)
        return self._statistic(self.result.aggregated.column(code), stat, figure)

    @cached_property
    def periods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.period for line in self.printed.lines if line.period))

    def members(self, grade: Grade) -> list[str] | None:
        """Return the units of a grade, by their printed names; None where list or units are not known."""
        own = self._grade_id(grade.name)
        listed = grade.members
        if listed is None or own is None or (listed and all(self.row(unit) is None for unit in listed)):
            return None
        printed = ((self.row(unit), unit) for unit in (*self.printed.units, *listed))
        told_as = {row: unit for row, unit in printed if row is not None}
        labels = self.result.labels("zh")
        return [told_as.get(i, labels[i]) for i, given in enumerate(self.result.grades) if given == own]

    def _cell(self, unit: str, code: str) -> Fraction | None:
        row = self.row(unit)
        if row is None:
            return None
        if code == "rank":
            return Fraction(int(self.result.ranks[row, 0])) or None
        own = self.nodes.get(code)
        value = float("nan") if own is None else float(self.result.aggregated.column(own)[row])
        return None if np.isnan(value) else snapped(value)

    def _statistic(self, values: Array, stat: str, figure: Figure) -> Fraction | None:
        there = values[~np.isnan(values)]
        if stat == "n":
            return Fraction(there.size)
        if stat == "sd":
            return self._spread(there, figure)
        return snapped(STATS[stat](there)) if stat in STATS and there.size else None

    def _spread(self, values: Array, figure: Figure) -> Fraction | None:
        """Return a standard deviation, by the formula that fits where it is not said which."""
        formulas = {"population": (0,), "sample": (1,)}.get(self.printed.sd_formula, (1, 0))
        found = [snapped(float(values.std(ddof=less))) for less in formulas if values.size > less]
        return next((value for value in found if value in figure.interval()), found[0] if found else None)

    def _grade_id(self, name: str) -> str | None:
        scale = self.result.scale
        printed = next((grade for grade in self.printed.grades if grade.name == name), None)
        called = {name, *((printed.name_zh, printed.name_en) if printed else ())} - {""}
        for grade in scale.grades if scale else ():
            if called & {grade.id, *grade.name.values()}:
                return grade.id
        return None

    def _grade(self, name: str, stat: str, figure: Figure) -> Fraction | None:
        own = self._grade_id(name)
        if own is None:
            return None
        inside = np.array([grade == own for grade in self.result.grades], bool)
        if stat == "share":
            total = sum(map(bool, self.result.grades))
            return Fraction(int(inside.sum()), total) if total else None
        return self._statistic(self.result.index[inside], stat, figure)

    def _group(self, name: str, stat: str, figure: Figure) -> Fraction | None:
        group = next((group for group in self.printed.groups if group.name == name), None)
        rows = [self.row(unit) for unit in (group.members or ())] if group else []
        known = [row for row in rows if row is not None]
        if not known or len(known) < len(rows):
            return None
        return self._statistic(self.result.index[known], stat, figure)


def _finding(run: _Run, figure: Figure, value: Fraction) -> Finding:
    """Return whether a figure is what the run gives."""
    slack = Fraction(0)
    if figure.id.endswith(".weight"):
        figure, value, slack = _weight(run, figure, value)
    around = Interval(value - slack, value + slack)

    def status(given: Published) -> Status:
        own = given.figures[figure.id].interval()
        if not own.meet(around).empty:
            return "holds"
        return "touches" if not own.closed.meet(around).empty else "cannot"

    alone = replace(run.printed, figures={figure.id: figure})
    found = judged_on(only(alone, (figure.id,)), status)
    values = {
        "what": named(run.printed, figure.id), "printed": figure.printed(), "value": told(value, 6),
        "rounded": _as_printed(figure, value), "rules": rules_named(found.rules),
        "miss": told(apart(figure.interval(), around), 6),
    }  # fmt: skip
    differs = "differs" if figure.step else "differs_exact"
    key = {"possible": "agrees", "only_if": "only_if"}.get(found.verdict, differs)
    bound = Bound(*words("own.bound"), Interval(value, value))
    return Finding(
        f"run.{figure.id}", "run", found.verdict, found.severity, *words("own.claim", **values),
        *words(f"own.{key}", **values), (figure.id,), (bound,), None, found.rules,
    )  # fmt: skip


def _as_printed(figure: Figure, value: Fraction) -> str:
    """Return what would be printed for a number in place of a figure."""
    return str(rounded(value, grain(figure)))


def _weight(run: _Run, figure: Figure, share: Fraction) -> tuple[Figure, Fraction, Fraction]:
    """Return a printed weight as rounded to its last place, and the run's on the scale of its brothers."""
    period, _, own = figure.id.removesuffix(".weight").rpartition(":")
    printed = run.printed
    parent = printed.nodes[own].parent
    brothers = [printed.weight(code, period) for code in printed.children(parent)] if parent else [figure]
    known = [weight for weight in brothers if weight is not None]
    total = sum((Fraction(weight.value) for weight in known), Fraction(0))
    loose = sum((Fraction(grain(weight)) / 2 for weight in known), Fraction(0))
    near = (Fraction(whole) for whole in WHOLES if abs(total - whole) <= loose)
    whole = next(near, total if len(known) == len(brothers) else Fraction(1))
    return (figure if figure.step else replace(figure, step=grain(figure))), share * whole, SLACK * whole


def _list(run: _Run, grade: Grade, members: Sequence[str]) -> Finding:
    """Return how a printed list of a grade differs from the run's."""
    listed = grade.members or ()
    shown = [[unit for unit in listed if unit not in members], [u for u in members if u not in listed]]
    texts = [
        words(f"own.list_{key}", n=len(units), units=names([_unit(run, unit) for unit in units]))
        for key, units in zip(("more", "less"), shown, strict=True)
        if units
    ]
    key = f"grade.{grade.name}.members"
    name = grade.name_zh or grade.name, grade.name_en or grade.name
    return Finding(
        f"run.{key}", "run", "impossible", "high", *words("own.list_claim", grade=name, n=len(listed)),
        "".join(zh for zh, _ in texts), " ".join(en for _, en in texts), (key,),
    )  # fmt: skip


def _unit(run: _Run, unit: str) -> tuple[str, str]:
    row = run.row(unit)
    if row is None:
        return unit, unit
    return run.result.labels("zh")[row], run.result.labels("en")[row]
