"""Tables of units: each printed parent against its parts, cells against the scale, rows that repeat.

Every step from parts to a parent rises with its parts, so exact intervals decide (see `monotone`). Parents
that are sums with weights not printed are left to `weights`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from math import comb, prod

from citygauge.audit import columns
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.findings import Bound, Certificate, Finding, Verdict
from citygauge.audit.published import Line, Published
from citygauge.audit.rules import NEAREST, Judged, Status, judged
from citygauge.audit.table_rows import Row, certificate_of, row_of, status_of, weights_of, weights_printed
from citygauge.audit.tables import (
    Pair,
    Table,
    coarser,
    joined,
    node_name,
    places,
    plainly,
    rules_named,
    tables,
    told_ends,
    told_gap,
    unit_name,
)
from citygauge.audit.wording import names, words

CHANCE = Fraction(1, 100)  # of any two rows alike by chance, below which alike rows are pointed out


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield what the tables of units say about themselves.

    Parameters
    ----------
    touching : frozenset of str or None
        Only claims that concern one of these figures; None for all.

    Yields
    ------
    Finding
        Kind ``cell``. ``cell.TABLE.CODE`` (``cell.PERIOD:TABLE.CODE``) sums up a parent over the rows of a
        table, ``cell.TABLE/UNIT/CODE`` is one fault; ``cell.TABLE.range`` and ``cell.TABLE/UNIT/CODE.range``
        the same for the scale; ``cell.TABLE.rows`` rows that repeat; ``cell.TABLE.mean.CODE`` a column.
    """
    for table in tables(published):
        lines = table.touched(published, touching)
        if lines:
            for code in published.nodes:
                if published.children(code):
                    yield from _parent(published, table, code, lines, prove=touching is None)
            yield from _scale(published, table, lines)
        if touching is None:
            yield _rows(published, table)
        yield from columns.check(published, table, touching)


def _parent(
    published: Published, table: Table, code: str, lines: Sequence[Line], *, prove: bool
) -> Iterator[Finding]:
    """Yield the findings on one parent over rows of a table."""
    printed = [line for line in lines if published.at(line, code)]
    weighted = weights_printed(published, code, table.period)
    if not printed or (not weighted and published.nodes[code].how == "arithmetic"):
        return
    claim = _Parent(published, table, code, weighted, prove)
    if published.nodes[code].how == "other":
        yield claim.finding("", "not_checkable", words("cells.parent_other", parent=claim.name))
        return
    if weights_of(published, code, table.period) is None:
        yield claim.finding("", "not_checkable", words("cells.parent_no_weights"))
        return
    rows, faults = [], []
    for line in printed:  # a fault at once: who only asks whether there is one need not wait for the rest
        rows.append(row := row_of(published, line, code))
        if row.judged.verdict == "impossible":
            faults.append(row)
            yield claim.row(row, "fault_edge" if row.judged.edge else "fault")
    cut = [row for row in rows if row.judged.rules == ("truncated",)]
    ties = [row for row in rows if row.judged.severity == "low"]
    yield claim.summary(rows, faults)
    if cut and all(_truncated(row) for row in rows):
        yield claim.reading("cut", cut, ("truncated",))
    else:
        yield from (claim.row(row, "fault_cut") for row in cut)
    if ties:
        common = [rule for rule in NEAREST if all(rule in row.judged.rules for row in ties)]
        yield claim.reading("ties", ties, common)


def _truncated(row: Row) -> bool:
    """Whether a row holds with its figures cut off."""
    return row.below is None or status_of(row.only.under("truncated"), row.line, row.code) == "holds"


@dataclass(frozen=True)
class _Parent:
    """The wording of what is found about one parent of one table."""

    published: Published
    table: Table
    code: str
    weighted: bool
    prove: bool

    @property
    def name(self) -> Pair:
        return node_name(self.published, self.code)

    def finding(self, end: str, verdict: Verdict, text: Pair, bounds: tuple[Bound, ...] = ()) -> Finding:
        parts = names([node_name(self.published, child) for child in self.published.children(self.code)])
        claim = words("cells.parent_claim", place=self.table.place, parent=self.name, parts=parts)
        key = f"cell.{self.table.id}.{self.code}{end}"
        return Finding(key, "cell", verdict, "none", *claim, *text, bounds=bounds)

    def summary(self, rows: Sequence[Row], faults: Sequence[Row]) -> Finding:
        blank = sum(row.below is None for row in rows)
        n, bad, parent = len(rows) - blank, len(faults), self.name
        more = words("cells.parent_blank", n=blank) if blank else ("", "")
        if not n:
            return self.finding("", "not_checkable", words("cells.parent_nothing"))
        if not self.weighted:
            text = words("cells.parent_unweighted", parent=parent, n=n, bad=bad)
            return self.finding("", "not_checkable", joined(text, more))
        if not bad:
            return self.finding("", "possible", joined(words("cells.parent_all", parent=parent, n=n), more))
        largest = plainly(Interval(high=max(row.off for row in faults))).high or Fraction(0)
        tolerance = told_gap(largest, places(faults[0].parent), up=True)
        text = words("cells.parent_some", parent=parent, n=n, good=n - bad, bad=bad, tolerance=tolerance)
        bound = Bound(*words("cells.tolerance", parent=parent), Interval(low=largest))
        return self.finding("", "possible", joined(text, self.coarse(faults), more), (bound,))

    def coarse(self, faults: Sequence[Row]) -> Pair:
        """What becomes of the faults if columns are printed to as few decimals as they use."""
        read, used = coarser(self.published, self.table)
        below = {key for row in faults for key in row.only.figures}
        used = {code: n for code, n in used.items() if any(r.line.id(code) in below for r in faults)}
        mended = sum(row_of(read, row.line, self.code).judged.verdict != "impossible" for row in faults)
        if not used or not mended:
            return "", ""
        pairs = [words("cells.column", node=node_name(self.published, code), n=n) for code, n in used.items()]
        return words("cells.parent_coarse", columns=names(pairs), n=mended)

    def reading(self, kind: str, rows: Sequence[Row], rules: Sequence[str]) -> Finding:
        units = names([unit_name(self.published, row.line.unit) for row in rows])
        found = self.finding(
            f".{kind}",
            "only_if",
            words(f"cells.{kind}", n=len(rows), units=units, rules=rules_named(rules)),
        )
        claim = words(f"cells.{kind}_claim", place=self.table.place, parent=self.name)
        severity = rows[0].judged.severity
        figures = tuple(dict.fromkeys(key for row in rows for key in row.figures))
        return replace(
            found,
            claim_zh=claim[0],
            claim_en=claim[1],
            severity=severity,
            figures=figures,
            touch=tuple(rules),
        )

    def row(self, row: Row, text: str) -> Finding:
        figure, below, verdict = row.parent, row.below or Interval(), row.judged.verdict
        what = _cell(self.published, self.table, row.line, self.code)
        low, high = told_ends(below, figure)
        certificate: Certificate | None = None
        if self.prove and verdict == "impossible":
            certificate = certificate_of(row)
        extra = [key for key in (certificate.figures if certificate else ()) if key not in row.figures]
        claim = words("cells.fault_claim", what=what, printed=figure.printed(), parts=_parts(row))
        told = words(
            f"cells.{text}",
            low=low,
            high=high,
            printed=figure.printed(),
            own=str(plainly(row.own)),
            miss=told_gap(max(row.miss, Fraction(0)), places(figure)),
        )
        return Finding(
            f"cell.{figure.id}",
            "cell",
            verdict,
            row.judged.severity,
            *claim,
            *told,
            figures=(*row.figures, *extra),
            bounds=(Bound(*words("cells.allowed", what=what), plainly(below)),),
            certificate=certificate,
            touch=row.judged.rules,
        )


def _cell(published: Published, table: Table, line: Line, code: str) -> Pair:
    unit = unit_name(published, line.unit)
    return words("cells.unit", place=table.place, unit=unit, node=node_name(published, code))


def _parts(row: Row) -> Pair:
    """The printed parts of a row with their values."""
    pairs = []
    codes = {row.line.id(code): code for code in row.only.nodes}
    for key in row.figures[1:]:
        if key in codes:
            zh, en = node_name(row.only, codes[key])
            value = row.only.figures[key].printed()
            pairs.append((f"{zh} {value}", f"{en} {value}"))
    return names(pairs)


def _scale(published: Published, table: Table, lines: Sequence[Line]) -> Iterator[Finding]:
    """Yield which cells lie outside the range of the index."""
    if published.scale == Interval():
        return
    n, faults = 0, []
    for line in lines:
        for code, node in published.nodes.items():
            if node.goalposts is None and (figure := published.at(line, code)):
                n += 1
                found = _outside(published, figure)
                if found.verdict == "impossible":
                    faults.append((line, code, figure, found))
    if not n:
        return
    scale = str(published.scale)
    text = words("cells.scale_some" if faults else "cells.scale_all", n=n, bad=len(faults))
    claim = words("cells.scale_claim", place=table.place, scale=scale)
    yield Finding(f"cell.{table.id}.range", "cell", "possible", "none", *claim, *text)
    for line, code, figure, found in faults:
        values = {"printed": figure.printed(), "scale": scale, "own": str(figure.interval())}
        yield Finding(
            f"cell.{figure.id}.range",
            "cell",
            "impossible",
            found.severity,
            *words("cells.scale_fault_claim", what=_cell(published, table, line, code), **values),
            *words("cells.scale_fault", **values),
            figures=(figure.id,),
            bounds=(Bound(*words("cells.scale_bound"), published.scale),),
            certificate=Certificate((figure.id,), touches=found.edge),
        )


def _outside(published: Published, figure: Figure) -> Judged:
    """Whether a figure can lie on the scale; what is printed inside it always can."""
    if figure.sign == "=" and Fraction(figure.value) in published.scale:
        return Judged("possible", "none")
    only = replace(published, figures={figure.id: figure})

    def status(ruled: Published) -> Status:
        own = ruled.figures[figure.id].interval()
        if not own.meet(published.scale).empty:
            return "holds"
        return "touches" if own.touches(published.scale) else "cannot"

    return judged(only, status, figure.rule == "unknown" and bool(figure.step))


def _rows(published: Published, table: Table) -> Finding:
    """Return whether a unit has two rows, or two units the same figures throughout."""
    claim = words("cells.rows_claim", place=table.place)
    key = f"cell.{table.id}.rows"
    twice = [unit for unit, n in Counter(line.unit for line in table.lines).items() if n > 1]
    if twice:
        text = words("cells.rows_repeated", units=names([unit_name(published, unit) for unit in twice]))
        return Finding(key, "cell", "only_if", "medium", *claim, *text)
    pairs = _copies(published, table)
    if not pairs:
        text = words("cells.rows_fine", n=len(table.lines))
        return Finding(key, "cell", "possible", "none", *claim, *text)
    named = [
        words("cells.pair", a=unit_name(published, a.unit), b=unit_name(published, b.unit)) for a, b in pairs
    ]
    figures = [line.id(code) for pair in pairs for line in pair for code in published.nodes]
    return Finding(
        key,
        "cell",
        "only_if",
        "low",
        *claim,
        *words("cells.rows_copied", pairs=names(named)),
        figures=tuple(dict.fromkeys(figure for figure in figures if figure in published.figures)),
    )


def _copies(published: Published, table: Table) -> list[tuple[Line, Line]]:
    """Pairs of rows with the same figures in every column, where chance would hardly make any."""
    leaves = [code for code in published.nodes if not published.children(code)]
    alike: dict[tuple[str, ...], list[Line]] = {}
    values: list[set[str]] = [set() for _ in leaves]
    for line in table.lines:
        cells = [published.at(line, code) for code in leaves]
        row = tuple("" if cell is None else cell.printed() for cell in cells)
        if all(row):
            alike.setdefault(row, []).append(line)
            for seen, value in zip(values, row, strict=True):
                seen.add(value)
    expected = Fraction(comb(sum(map(len, alike.values())), 2), prod(len(seen) or 1 for seen in values))
    if len(leaves) < 2 or expected > CHANCE:
        return []
    return [pair for lines in alike.values() for pair in combinations(lines, 2)]
