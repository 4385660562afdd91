"""Self-audit: what a report of a result would print, as a published index that is checked like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.describe import describe
from citygauge.audit.audit import audit_published, in_order
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.findings import Audit, Finding
from citygauge.audit.own_run import against_run, rounded, snapped
from citygauge.audit.published import ROOT, Grade, How, Line, Node, Published, Unit
from citygauge.audit.wording import names, words
from citygauge.result import Result
from citygauge.score.aggregate import MEANS
from citygauge.score.ranges import ranges

TABLE = "1"
HOWS: Mapping[str, How] = {"arithmetic": "arithmetic", "geometric": "geometric", "harmonic": "harmonic"}
EXACT = Decimal(0)
WEIGHT = Decimal("0.000001")
SHARE = Decimal("0.0001")  # of 1: hundredths of a per cent
NEAR = 1e-9


def audit_result(result: Result, printed: Published | None = None) -> Audit:
    """Return the audit of a result's own report, before it is printed.

    Parameters
    ----------
    result : Result
    printed : Published, optional
        The report as it is to be printed: it is checked in itself and held against the run. Without it what
        a report of the result would print is checked (`published_of`).

    Returns
    -------
    Audit
        As of `audit_published`; with `printed` also the findings of `against_run`, without it ``own.gaps``
        for what is left out because of gaps.

    Examples
    --------
    >>> audit_result(result).impossible  # doctest: +SKIP
    ()
    """
    if printed is None:
        report, more = published_of(result), tuple(_gaps(_Report(result)))
    else:
        report = replace(printed, illustrative=printed.illustrative or result.illustrative)
        more = tuple(against_run(report, result))
    found = audit_published(report)
    return replace(found, findings=in_order((*found.findings, *more)))


def published_of(result: Result) -> Published:
    """Return what a report of a result would print, rounded half up to `Result.decimals`.

    Weights, the mean, standard deviation (sample), smallest and largest score of every node, the count, share
    and list of every grade, and a table of units × nodes with ranks; on illustrative data under neutral
    names. Units without an index are left out, gaps are blank, and nodes that some of the units lack have no
    mean, so that no figure is claimed to follow from others from which it does not.

    Parameters
    ----------
    result : Result

    Returns
    -------
    Published
        Weights that do not end within 6 decimals are rounded to 6. A parent has `how` ``other`` where its
        method is no weighted mean, where bonuses, deductions or vetoes stand below it, where it has scores of
        its own, and where it is missing though parts of it are there.

    Examples
    --------
    >>> published_of(result).figures["overall.mean"].printed()  # doctest: +SKIP
    '0.712'
    """
    report = _Report(result)
    framework = result.framework
    root = framework.root
    title = {language: root.name.get(language) or root.code for language in ("zh", "en")}
    figures = [*_weights(report), *_statistics(report), *_graded(report), *_cells(report)]
    return Published(
        title["zh"], title["en"],
        {report.code(code): _node(report, code) for code in report.codes},
        {figure.id: figure for figure in figures},
        year=result.period or "",
        scale=report.scale,
        sd_formula="sample",
        units={key: Unit(key, report.english[row]) for row, key in report.keys.items()},
        grades=tuple(_grades(report)),
        lines=(Line("mean"), *(report.line(row) for row in report.scored)),
        illustrative=result.illustrative,
    )  # fmt: skip


@dataclass(frozen=True)
class _Report:
    """What of a result is printed: which nodes and units, and under which names."""

    result: Result

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The nodes that count in the index, in tree order, down to the last that anybody has a score of."""
        framework = self.result.framework
        below = [framework.root.code]
        for code in below:
            below += self.parts(code)
        return tuple(code for code in framework.codes if code in below)

    def parts(self, code: str) -> tuple[str, ...]:
        """Return the children that count in the mean of a node; none where nobody has a score of any."""
        parts = self.result.framework.counted(code)
        return parts if any(~np.isnan(self.values(part)).all() for part in parts) else ()

    def code(self, code: str) -> str:
        """Return the code of a node in the publication."""
        if code == self.result.framework.root.code:
            return ROOT
        return f"{code}*" if code == ROOT else code

    def values(self, code: str) -> NDArray[np.float64]:
        """Return the scores of a node."""
        return self.result.aggregated.column(code)

    @cached_property
    def scored(self) -> list[int]:
        """The units with an index; by neutral name on illustrative data, whose order tells who is who."""
        rows = [int(row) for row in np.flatnonzero(~np.isnan(self.result.index))]
        labels = self.result.row_labels
        return sorted(rows, key=lambda row: labels[row]) if self.result.illustrative else rows

    @cached_property
    def gaps(self) -> int:
        """How many units have an index and lack another score."""
        scores = np.column_stack([self.values(code) for code in self.codes])
        return int(np.isnan(scores[self.scored]).any(axis=1).sum())

    @cached_property
    def keys(self) -> dict[int, str]:
        """Names of the units with an index: in Chinese, or their labels in tables where names repeat."""
        labels = self.result.labels("zh")
        shown = labels if len(set(labels)) == len(labels) else self.result.row_labels
        return {row: shown[row] for row in self.scored}

    @cached_property
    def english(self) -> tuple[str, ...]:
        return self.result.labels("en")

    def line(self, row: int) -> Line:
        """Return the row of a unit in the table."""
        return Line("unit", table=TABLE, unit=self.keys[row])

    def whole(self, code: str) -> bool:
        """Return whether just the units with an index have a score of a node."""
        return bool((np.isnan(self.values(code)) == np.isnan(self.result.index)).all())

    def number(self, value: float) -> Decimal:
        """Return a score as it is printed."""
        return rounded(snapped(value), self.step)

    @cached_property
    def step(self) -> Decimal:
        return Decimal(1).scaleb(-self.result.decimals)

    def name(self, code: str) -> tuple[str, str]:
        """Return the names of a node."""
        name = self.result.framework[code].name
        zh, en = name.get("zh"), name.get("en")
        return zh or en or code, en or zh or code

    def how(self, code: str) -> How:
        """Return how a node follows from its children, as far as a reader can tell."""
        framework, parts = self.result.framework, self.parts(code)
        if not parts:
            return "arithmetic"
        how = HOWS.get(self.result.method.aggregate.of(code, framework).how)
        if how is None or parts != framework.children(code):
            return "other"
        own, below = self.values(code), np.column_stack([self.values(part) for part in parts])
        there = ~np.isnan(below)
        if ((~np.isnan(own)) != there.any(axis=1)).any():
            return "other"
        complete = there.all(axis=1)
        weights = np.array([[self.result.shares[part]] for part in parts])
        if complete.any():
            made = MEANS[how](below[complete], weights)[:, 0]
            if not np.allclose(made, own[complete], rtol=NEAR, atol=NEAR):
                return "other"
        return how

    @cached_property
    def scale(self) -> Interval:
        """The range of all scores, that of the index where they share it; without ends for want of one."""
        spans = ranges(self.result.method, self.result.framework)
        ends = [span for code in self.codes if (span := spans[code])]
        for code in self.codes:
            if spans[code] is None and (not self.parts(code) or self.how(code) == "other"):
                return Interval()
        scores = np.column_stack([self.values(code) for code in self.codes])
        low, high = min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=0.0)
        slack = NEAR * max(1.0, abs(low), abs(high))
        if not ends or (scores < low - slack).any() or (scores > high + slack).any():
            return Interval()  # bonuses and deductions may leave it
        return Interval(snapped(low), snapped(high))


def _node(report: _Report, code: str) -> Node:
    parent = report.result.framework[code].parent
    above = report.code(parent) if parent is not None else None
    return Node(report.code(code), above, *report.name(code), report.how(code))


def _figure(key: str, value: Decimal, step: Decimal, name: tuple[str, str]) -> Figure:
    return Figure(key, value, step, "half_up", name_zh=name[0], name_en=name[1])


def _weights(report: _Report) -> Iterator[Figure]:
    for code in report.codes[1:]:
        share = snapped(report.result.shares[code])
        value = rounded(share, WEIGHT)
        step = EXACT if Fraction(value) == share else WEIGHT
        value = value if step else Decimal(f"{value.normalize():f}")
        name = words("own.weight", node=report.name(code))
        yield _figure(f"{report.code(code)}.weight", value, step, name)


def _statistics(report: _Report) -> Iterator[Figure]:
    for row in describe(report.result).iter_rows(named=True):
        code = row["code"]
        if code not in report.codes or not report.whole(code):
            continue
        for stat in ("mean", "sd", "min", "max"):
            if row[stat] is not None:
                name = words(f"own.{stat}", node=report.name(code))
                value = report.number(row[stat])
                yield _figure(f"{report.code(code)}.{stat}", value, report.step, name)


def _graded(report: _Report) -> Iterator[Figure]:
    """Yield how many units there are, in all and by grade."""
    total = len(report.scored)
    yield _figure("units.n", Decimal(total), EXACT, words("own.units"))
    scale = report.result.scale
    if scale is None or not total:
        return
    sizes = Counter(report.result.grades)
    for grade in scale.grades:
        name = grade.name.get("zh") or grade.id, grade.name.get("en") or grade.id
        key, n = f"grade.{grade.id}", sizes[grade.id]
        yield _figure(f"{key}.n", Decimal(n), EXACT, words("own.grade_n", grade=name))
        share = rounded(Fraction(n, total), SHARE)
        told = words("own.grade_share", grade=name)
        yield _figure(f"{key}.share", share, SHARE, told)


def _grades(report: _Report) -> Iterator[Grade]:
    """Yield the grades with the scores that they cover and their members."""
    scale = report.result.scale
    if scale is None:
        return
    low, high = report.scale.low, report.scale.high
    above: Fraction | None = None
    for grade, edge in zip(scale.grades, scale.edges(report.result.range), strict=True):
        least = low if edge is None else snapped(edge)
        covered = Interval(least, high if above is None else above, high_open=above is not None)
        members = tuple(report.keys[row] for row in report.scored if report.result.grades[row] == grade.id)
        names_of = grade.name.get("zh") or grade.id, grade.name.get("en") or grade.id
        yield Grade(grade.id, *names_of, covered, members)
        above = least


def _cells(report: _Report) -> Iterator[Figure]:
    ranks = report.result.ranks[:, 0]
    for row in report.scored:
        line, unit = report.line(row), (report.keys[row], report.english[row])
        for code in (code for code in report.codes if not np.isnan(report.values(code)[row])):
            name = words("own.cell", unit=unit, node=report.name(code))
            value = report.number(float(report.values(code)[row]))
            yield _figure(line.id(report.code(code)), value, report.step, name)
        name = words("own.rank", unit=unit)
        yield _figure(line.id("rank"), Decimal(int(ranks[row])), EXACT, name)


def _gaps(report: _Report) -> Iterator[Finding]:
    """Yield what is not printed because of gaps."""
    total = len(report.result.index)
    gone = total - len(report.scored)
    nodes = [report.name(code) for code in report.codes if not report.whole(code)]
    if not gone and not report.gaps:
        return
    texts = [words("own.gaps_text", rows=report.gaps, total=total)]
    if gone:
        texts.append(words("own.gaps_units", n=gone))
    if nodes:
        texts.append(words("own.gaps_nodes", nodes=names(nodes)))
    yield Finding(
        "own.gaps", "run", "not_checkable", "none", *words("own.gaps_claim"),
        "".join(zh for zh, _ in texts), " ".join(en for _, en in texts),
    )  # fmt: skip
