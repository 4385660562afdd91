"""Columns of a table of units against what is printed of them: mean, standard deviation and both ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from citygauge.audit.boxes import all_named
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.findings import Bound, Certificate, Finding, Term
from citygauge.audit.monotone import average, largest, smallest, spread
from citygauge.audit.published import ROOT, Line, Published
from citygauge.audit.rules import Judged, Status, judged
from citygauge.audit.table_rows import on_scale
from citygauge.audit.tables import (
    Pair,
    Table,
    joined,
    node_name,
    places,
    plainly,
    rules_named,
    told_ends,
    told_gap,
)
from citygauge.audit.wording import words

ZERO, ONE = Fraction(0), Fraction(1)
FROM_ZERO = Interval(low=ZERO)


@dataclass(frozen=True)
class _Column:
    """A printed statistic, the cells that it is of, and how many more units it covers without a row."""

    published: Published
    table: Table
    figure: Figure
    stat: str
    code: str
    part: Pair | None
    lines: tuple[Line, ...]
    missing: int | None

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(key for line in self.lines if (key := line.id(self.code)) in self.published.figures)

    @property
    def name(self) -> Pair:
        stat = words(f"cells.{self.stat}_of", node=node_name(self.published, self.code))
        return words("cells.of_part", part=self.part, stat=stat) if self.part else stat


def check(published: Published, table: Table, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield whether what is printed of a table's columns agrees with their cells.

    The mean, standard deviation, smallest and largest of each node over all units, and the mean and the
    standard deviation of the index over each group and grade whose members all have a row. Units without a
    row count as anything on the scale. The largest standard deviation is an enclosure (see
    `monotone.spread`): a figure just above it may be let pass, none is turned down wrongly.
    """
    for column in _columns(published, table):
        if touching is None or touching & {column.figure.id, *column.cells}:
            yield _finding(column, prove=touching is None)


def _columns(published: Published, table: Table) -> Iterator[_Column]:
    """Yield what is printed of the columns of a table."""
    prefix = f"{table.period}:" if table.period else ""
    known = published.units if all_named(published) else {}
    lines = tuple(line for line in table.lines if not known or line.unit in known)
    missing = _missing(published, table, len(lines))
    for code in published.nodes:
        for stat in ("mean", "sd", "min", "max"):
            figure = published.figures.get(f"{prefix}{code}.{stat}")
            if figure and any(published.at(line, code) for line in lines):
                yield _Column(published, table, figure, stat, code, None, lines, missing)
    by_unit = {line.unit: line for line in lines}
    for key, part, members in _parts(published):
        rows = tuple(by_unit[unit] for unit in members if unit in by_unit)
        if len(rows) == len(members) > 0 and any(published.at(line, ROOT) for line in rows):
            for stat in ("mean", "sd"):
                if figure := published.figures.get(f"{prefix}{key}.{stat}"):
                    yield _Column(published, table, figure, stat, ROOT, part, rows, 0)


def _parts(published: Published) -> Iterator[tuple[str, Pair, tuple[str, ...]]]:
    """Yield the groups and grades whose members are printed, in one reading only."""
    for group in published.groups:
        if group.members and not group.readings:
            yield f"group.{group.name}", (group.name_zh, group.name_en), group.members
    for grade in published.grades:
        if grade.members:
            yield f"grade.{grade.name}", (grade.name_zh, grade.name_en), grade.members


def _missing(published: Published, table: Table, rows: int) -> int | None:
    """How many units have no row; None where it is not known."""
    own = published.figures.get(f"{table.period}:units.n") if table.period else None
    figure = own or published.figures.get("units.n")
    total = int(figure.value) if figure else len(published.units) if all_named(published) else 0
    return total - rows if total >= max(rows, 1) else None


def _finding(column: _Column, *, prove: bool) -> Finding:
    """Return whether one printed statistic agrees with its cells."""
    figure, cells = column.figure, column.cells
    claim = words(
        "cells.column_claim",
        stat=column.name,
        printed=figure.printed(),
        place=column.table.place,
        n=len(cells),
    )
    key = f"cell.{column.table.id}.{column.stat}.{_subject(column)}"
    if (why := _unknown(column)) is not None:
        text = words("cells.column_unknown", why=why)
        return Finding(key, "cell", "not_checkable", "none", *claim, *text, figures=(figure.id,))
    only = replace(column.published, figures={k: column.published.figures[k] for k in (figure.id, *cells)})
    allowed = _allowed(column, only)
    found, below = _judged(column, only, allowed), _joint(allowed)
    texts = [_text(column, found, below)]
    if column.missing:
        texts.append(words("cells.column_missing", n=column.missing))
    if (
        column.stat == "sd"
        and found.verdict != "impossible"
        and (formula := _formula(_own(column, only), allowed))
    ):
        texts.append(words(f"cells.column_{formula}"))
        found = Judged("only_if", "low", found.rules) if found.verdict == "possible" else found
    certificate = _certificate(column, only) if prove and found.verdict == "impossible" else None
    return Finding(
        key,
        "cell",
        found.verdict,
        found.severity,
        *claim,
        *joined(*texts),
        figures=(figure.id,) if found.verdict == "possible" else (figure.id, *cells),
        bounds=(Bound(*words("cells.column_bound", stat=column.name), plainly(below)),),
        certificate=certificate,
        touch=found.rules,
    )


def _subject(column: _Column) -> str:
    name = column.figure.id.rpartition(":")[2] if column.table.period else column.figure.id
    return name.removesuffix(f".{column.stat}")


def _text(column: _Column, found: Judged, below: Interval) -> Pair:
    low, high = told_ends(below, column.figure)
    own, printed = column.figure.interval(), column.figure.printed()
    if found.verdict == "possible":
        return words("cells.column_holds", low=low, high=high)
    if found.verdict == "only_if":
        rules = rules_named(found.rules)
        return words("cells.column_rules", low=low, high=high, printed=printed, rules=rules)
    gaps = ((below.low, own.high), (own.low, below.high))
    miss = max((a - b for a, b in gaps if a is not None and b is not None), default=ZERO)
    values = {"low": low, "high": high, "printed": printed, "own": str(own)}
    miss_told = told_gap(max(miss, ZERO), places(column.figure))
    return words("cells.column_edge" if found.edge else "cells.column_fault", **values, miss=miss_told)


def _unknown(column: _Column) -> Pair | None:
    """Why a column cannot be checked; None where it can."""
    blank = len(column.lines) - len(column.cells)
    raw = column.published.nodes[column.code].goalposts is not None
    bounded = column.published.scale.low is not None and column.published.scale.high is not None
    if blank:
        return words("cells.why_blank", n=blank)
    if column.missing is None:
        return words("cells.why_count")
    if any(end is None for part in _values(column, column.published) for end in (part.low, part.high)):
        return words("cells.why_scale")
    return words("cells.why_scale") if column.missing and (raw or not bounded) else None


def _values(column: _Column, only: Published) -> list[Interval]:
    """What each unit's figure can be, those without a row last."""
    raw = only.nodes[column.code].goalposts is not None
    values = [only.figures[key].interval() for key in column.cells]
    if not raw:
        values = [on_scale(value, only.scale) for value in values]
    return values + [only.scale] * (column.missing or 0)


def _allowed(column: _Column, only: Published) -> tuple[Interval, ...]:
    """What the cells allow for the statistic, by each formula that it may have."""
    return _of(column, _values(column, only))


def _of(column: _Column, values: Sequence[Interval]) -> tuple[Interval, ...]:
    if column.stat == "sd":
        formula = column.published.sd_formula
        samples = {"population": (False,), "sample": (True,), "unknown": (False, True)}[formula]
        return tuple(spread(values, sample) for sample in samples if len(values) > sample)
    plain: dict[str, Callable[[Sequence[Interval]], Interval]] = {
        "mean": average,
        "min": smallest,
        "max": largest,
    }
    return (plain[column.stat](values),)


def _joint(allowed: Sequence[Interval]) -> Interval:
    """The range that covers all formulas."""
    lows = [each.low for each in allowed if each.low is not None]
    highs = [each.high for each in allowed if each.high is not None]
    if len(allowed) == 1:
        return allowed[0]
    return Interval(min(lows, default=None), max(highs, default=None))


def _own(column: _Column, only: Published) -> Interval:
    own = only.figures[column.figure.id].interval()
    return own.meet(FROM_ZERO) if column.stat == "sd" and not own.meet(FROM_ZERO).empty else own


def _status(own: Interval, allowed: Sequence[Interval]) -> Status:
    if not allowed or any(not own.meet(each).empty for each in allowed):
        return "holds"
    return "touches" if any(own.touches(each) for each in allowed) else "cannot"


def _judged(column: _Column, only: Published, allowed: Sequence[Interval]) -> Judged:
    def status(ruled: Published) -> Status:
        return _status(_own(column, ruled), _allowed(column, ruled))

    shared = [_own(column, only).meet(each) for each in allowed]
    if any(both.low is not None and both.high is not None and both.low < both.high for both in shared):
        # Rules of rounding to the nearest differ in their ends alone, so under each some of it is left.
        return Judged("possible", "none")
    return judged(only, status, next(only.unknown_rules(), None) is not None)


def _formula(own: Interval, allowed: Sequence[Interval]) -> str | None:
    """The one formula under which a printed standard deviation can be, where there are two to choose from."""
    fits = [not own.meet(each).empty for each in allowed]
    return None if len(fits) < 2 or all(fits) else ("population" if fits[0] else "sample")


def _certificate(column: _Column, only: Published) -> Certificate:
    """Return the cells without any one of which the rest could hold, and for a mean each inequality."""
    own, values, scale = _own(column, only), _values(column, only), only.scale
    first = _status(own, _of(column, values))
    kept = list(column.cells)
    raw = only.nodes[column.code].goalposts is not None
    for i, key in enumerate(column.cells):
        freed = [*values[:i], scale, *values[i + 1 :]]
        bounded = not raw and scale.low is not None and scale.high is not None
        if bounded and first != "holds" and _status(own, _of(column, freed)) == "cannot":
            values = freed
            kept.remove(key)
    figures = (column.figure.id, *kept)
    terms = tuple(_proof(column, own, values, kept)) if column.stat == "mean" and first != "holds" else ()
    return Certificate(figures, terms, touches=first != "cannot")


def _proof(column: _Column, own: Interval, values: Sequence[Interval], kept: Sequence[str]) -> Iterator[Term]:
    """Inequalities that add up to a contradiction: the mean one way, and each cell the other."""
    n = len(values)
    allowed = average(values)
    low = own.high is not None and allowed.low is not None and own.high <= allowed.low
    sign = ONE if low else -ONE
    end, is_open = (own.high, own.high_open) if low else (own.low, own.low_open)
    names = [*column.cells, *(f"{column.table.id}:{i}" for i in range(column.missing or 0))]
    name = column.figure.id
    yield Term(Fraction(n), {name: sign}, sign * (end or ZERO), (name,), is_open)
    yield Term(ONE, {name: -sign * n, **dict.fromkeys(names, sign)}, ZERO)
    for key, value in zip(names, values, strict=True):
        end, is_open = (value.low, value.low_open) if low else (value.high, value.high_open)
        yield Term(ONE, {key: -sign}, -sign * (end or ZERO), (key,) if key in kept else (), is_open)
