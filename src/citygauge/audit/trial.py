"""A correction on trial: whether everything is possible with it, and with which values of a figure."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from citygauge.audit import counts
from citygauge.audit.figures import RULES, Figure, Interval, Rule
from citygauge.audit.findings import Finding
from citygauge.audit.joint import system_of
from citygauge.audit.linear import Row, System
from citygauge.audit.plausible import moved, reach
from citygauge.audit.published import Line, Published
from citygauge.audit.rules import NEAREST, Status

Recheck = Callable[[Published, frozenset[str] | None], Iterator[Finding]]
IN_WORDS = ("statement", "ordering")
ANY = Decimal(10**6)  # either side of a figure that nothing bounds
BUDGET, EACH = 600, 80  # trials in all, and in the search for a value of one figure


def broken(finding: Finding, published: Published) -> bool:
    """Return whether figures contradict each other; words and lists are no evidence against a figure."""
    if finding.verdict != "impossible" or finding.kind in IN_WORDS:
        return False
    return any(key in published.figures for key in finding.figures)


@dataclass(frozen=True)
class Outcome:
    """What else a correction does.

    Attributes
    ----------
    eased, strained : int
        How many odd conditions it takes off, and adds.
    belied : tuple of Finding
        The statements and lists in words that it makes impossible.
    rules : tuple of Rule
        The rules of rounding under which alone it holds, none where it holds under any.
    stays : bool
        Whether a statement or a list stays impossible with it.
    """

    eased: int = 0
    strained: int = 0
    belied: tuple[Finding, ...] = ()
    rules: tuple[Rule, ...] = ()
    stays: bool = False


class Trial:
    """The figures as printed, what is wrong with them, and the checks to judge a correction by."""

    def __init__(self, published: Published, findings: tuple[Finding, ...], recheck: Recheck) -> None:
        self.published = published
        self.findings = findings
        self.recheck = recheck
        self.places = {line.id(code): (line, code) for line in published.lines for code in published.nodes}
        self.wrong = {finding.id for finding in findings if broken(finding, published)}
        self.left = BUDGET
        self.tied = False  # whether a trial of late passed under some rules of rounding only
        self.outside = {f.id for f in findings if f.verdict == "impossible"} - self.wrong

    def outcome(self, changes: dict[str, Decimal], mended: Collection[str]) -> Outcome | None:
        """Return what a correction does, None where it leaves or makes anything impossible.

        `mended`: ids of the findings that it has to resolve; others may stay as they are.
        """
        figures = self.published.figures
        return self._judged([replace(figures[key], value=value) for key, value in changes.items()], mended)

    def _judged(self, figures: list[Figure], mended: Collection[str]) -> Outcome | None:
        if not self.left:
            return None
        self.left -= 1
        changed = replace(self.published, figures={**self.published.figures, **{f.id: f for f in figures}})
        touched, stays = frozenset(figure.id for figure in figures), self.wrong - set(mended)
        tense: set[str] = set()
        belied, seen, tied = [], set[str](), list[Finding]()
        for finding in self.recheck(changed, touched):
            if broken(finding, changed) and finding.id not in stays:
                return None
            if finding.verdict == "impossible":
                seen.add(finding.id)
                if finding.kind in IN_WORDS and finding.id not in self.outside:
                    belied.append(finding)
            elif _is_tied(finding):
                tied.append(finding)
            if _is_tense(finding):
                tense.add(finding.id)
        about = [f for f in self.findings if touched & set(f.figures)]
        before = {f.id for f in about if _is_tense(f)}
        stays_out = bool(self.outside - ({f.id for f in about} - seen))
        rules = self._rules(tied)
        return Outcome(len(before - tense), len(tense - before), tuple(belied), rules, stays_out)

    def _rules(self, tied: list[Finding]) -> tuple[Rule, ...]:
        """Return the rules of rounding that claims newly depend on: those that serve all, or else any."""
        already = {f.id: set(f.touch) for f in self.findings if _is_tied(f)}
        new = [f.touch for f in tied if f.id not in already or not already[f.id] <= set(f.touch)]
        some = tuple(rule for rule in RULES if any(rule in touch for touch in new))
        return tuple(rule for rule in some if all(rule in touch for touch in new)) or some

    def nearest(self, figure: str, allowed: Interval, mended: Collection[str]) -> Decimal | None:
        """Return the value nearest to what is printed that passes, None without one.

        One that passes under some rules of rounding only is taken where no other does.
        Ranges are halved and put on trial as a whole: where a whole range fails, so does each number in it.
        """
        self.tied = False
        found = self._nearest(figure, allowed, mended, strict=True)
        return self._nearest(figure, allowed, mended, strict=False) if found is None and self.tied else found

    def _nearest(
        self, figure: str, allowed: Interval, mended: Collection[str], *, strict: bool
    ) -> Decimal | None:
        printed = self.published.figures[figure]
        steps = reach(printed, allowed)
        ranges = [(0, steps.start, steps.stop - 1)] if steps else []
        enough = self.left - EACH
        while ranges and self.left > max(enough, 0):
            _, low, high = heapq.heappop(ranges)
            if low == high:
                if low and self._passes(moved(printed, low), mended, strict):
                    return moved(printed, low).value
                continue
            wide = self._ranged(printed, low, high)
            if wide is not None and not self._passes(wide, mended, strict):
                continue
            middle = (low + high) // 2
            for one, other in ((low, middle), (middle + 1, high)):
                heapq.heappush(ranges, (0 if one <= 0 <= other else min(abs(one), abs(other)), one, other))
        return None

    def _passes(self, figure: Figure, mended: Collection[str], strict: bool) -> bool:
        """Return whether a figure passes; where strict, under any rule of rounding."""
        outcome = self._judged([figure], mended)
        self.tied = self.tied or bool(outcome and outcome.rules)
        return outcome is not None and not (strict and outcome.rules)

    def _ranged(self, printed: Figure, low: int, high: int) -> Figure | None:
        """Return a figure that may be any of a range; None for counts and weights, which checks list."""
        if printed.id.rpartition(".")[2] in ("n", "count", "weight", "share"):
            return None
        ends = moved(printed, low).interval().low, moved(printed, high).interval().high
        if ends[0] is None or ends[1] is None:
            return None
        return _between(printed, ends[0], ends[1])

    def linear(self, figure: str) -> Interval | None:
        """Return the exact values of a figure that all linear claims allow; None where there are none."""
        freed = _freed(self.published, figure)
        rows: list[Row] = list(counts.rows(freed))
        if not figure.endswith(".weight"):
            lines = self._lines(figure)
            rows += system_of(replace(freed, lines=lines)).rows
        within = self.within(figure)
        if not any(figure in row.coefficients for row in rows):
            return within
        rows = _joined(rows, figure)
        extent = System(tuple(rows)).extent({figure: Fraction(1)})
        return None if extent is None else extent.meet(within)

    def with_own_mean(self, figure: str, weights: dict[str, Fraction]) -> Status:
        """Return whether all means of a line hold with a parent at a mean of its parts, not at its figure.

        Its parts are anywhere in their rounding intervals. ``touches``: under no rule of rounding to the
        nearest, only with ends that each of them leaves out.
        """
        line, _ = self.places[figure]
        rest = replace(self.published.without(figure), lines=(line,))
        tie = {figure: Fraction(-1), **{line.id(child): weight for child, weight in weights.items()}}
        row = Row(tie, Interval(Fraction(0), Fraction(0)))
        given = [rest.under(rule) for rule in NEAREST] if any(rest.unknown_rules()) else [rest]
        found = {system_of(one).and_([row]).status() for one in given}
        return "holds" if "holds" in found else "touches" if "touches" in found else "cannot"

    def around(self, figure: str, value: Decimal, linear: Interval, mended: Collection[str]) -> Interval:
        """Return the values of a figure about a good one with which everything is possible."""
        given = replace(self.published.figures[figure], value=value)
        strict = self._passes(given, mended, True)
        ends = [self._end(given, linear, sign, mended, strict) for sign in (-1, 1)]
        return linear.meet(ends[0]).meet(ends[1])

    def _end(
        self, given: Figure, linear: Interval, sign: int, mended: Collection[str], strict: bool
    ) -> Interval:
        """Return the side of an interval up to the last value that passes, found by halving."""
        steps = reach(given, linear)
        good, bad = 0, max(sign * (steps[-1] if sign > 0 else steps[0]), 0)

        def passes(place: int) -> bool:
            return self._passes(moved(given, sign * place), mended, strict)

        if bad == 0 or passes(bad):
            return Interval()
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if passes(middle) else (good, middle)
        last = moved(given, sign * good).interval()
        if sign > 0:
            return Interval(high=last.high, high_open=last.high_open)
        return Interval(low=last.low, low_open=last.low_open)

    def _lines(self, figure: str) -> tuple[Line, ...]:
        if figure in self.places:
            return (self.places[figure][0],)
        return tuple(line for line in self.published.lines if line.kind == "mean")

    def within(self, figure: str) -> Interval:
        """Return the range of a figure by what it is."""
        scale = self.published.scale
        if figure in self.places:
            posts = self.published.nodes[self.places[figure][1]].goalposts
            return Interval(Fraction(posts.low), Fraction(posts.high)) if posts else scale
        if figure.rpartition(".")[2] in ("mean", "min", "max"):
            return scale
        return Interval(low=Fraction(0))


def _freed(published: Published, figure: str) -> Published:
    """Return the same with one figure that may be anything."""
    free = replace(published.figures[figure], tolerance=ANY, sign="=")
    return replace(published, figures={**published.figures, figure: free})


def _between(figure: Figure, low: Fraction, high: Fraction) -> Figure:
    """Return a figure that may be any number between two that end in the decimal system."""
    middle, half = (low + high) / 2, (high - low) / 2
    value, tolerance = (Decimal(x.numerator) / Decimal(x.denominator) for x in (middle, half))
    return replace(figure, value=value, tolerance=tolerance)


def _is_tense(finding: Finding) -> bool:
    """Return whether a claim holds on an unusual condition only."""
    return finding.verdict == "only_if" and finding.severity == "medium"


def _is_tied(finding: Finding) -> bool:
    """Return whether a claim on figures holds under some rules of rounding only."""
    return finding.verdict == "only_if" and bool(finding.touch) and finding.kind not in IN_WORDS


def _joined(rows: list[Row], name: str) -> list[Row]:
    """Return the rows that hang together with an unknown."""
    by_name: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        for key in row.coefficients:
            by_name.setdefault(key, []).append(place)
    names, kept = [name], set[int]()
    known = {name}
    for current in names:
        for place in by_name.get(current, ()):
            kept.add(place)
            new = set(rows[place].coefficients) - known
            known |= new
            names.extend(new)
    return [rows[place] for place in sorted(kept)]
