"""A printed standard deviation, what limits it, and the finding that says whether it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from citygauge.audit.claims import Pair, rules_named
from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.findings import Bound, Finding, Severity, Verdict
from citygauge.audit.published import Published
from citygauge.audit.resting import claimed, judged_on, missed, only, smallest
from citygauge.audit.rules import Judged, Status
from citygauge.audit.spans import status
from citygauge.audit.squares import ZERO, root_above, root_below
from citygauge.audit.wording import words

Formula = Literal["population", "sample"]
Best = Callable[[Published, tuple[Formula, ...]], Status]
FORMULAS: dict[str, tuple[Formula, ...]] = {
    "population": ("population",), "sample": ("sample",), "unknown": ("population", "sample"),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A printed standard deviation and the claim that other figures allow it.

    Attributes
    ----------
    figures : tuple of str
        Figures that limit it.
    limits : callable
        Ends of its square, for figures as given and a formula; None where they do not tell.
    about : callable
        What limits it, in words; asked for only where the claim is told.
    condition : pair, optional
        What must then hold besides, where it is not printed whether it does.
    bounds : tuple of Bound
        What follows for something else than the standard deviation.
    """

    id: str
    sd: Figure
    figures: tuple[str, ...]
    limits: Callable[[Published, Formula], Interval | None]
    about: Callable[[], tuple[Pair, ...]]
    condition: Pair | None = None
    bounds: tuple[Bound, ...] = ()


def squared(interval: Interval) -> Interval:
    """Return the squares of the numbers of an interval that are not negative.

    Without such a number it is its upper end, which no square meets.
    """
    if interval.high is not None and interval.high < 0:
        return Interval(interval.high, interval.high)
    high = None if interval.high is None else interval.high**2
    if interval.low is None or interval.low < 0:
        return Interval(ZERO, high, False, interval.high_open)
    return Interval(interval.low**2, high, interval.low_open, interval.high_open)


def divided(sums: Interval, n: int, formula: Formula) -> Interval | None:
    """Return the variances of n values whose sum of squares around the mean lies in an interval."""
    by = n if formula == "population" else n - 1
    if by == 0:
        return None
    return times(sums, Fraction(1, by))


def times(interval: Interval, factor: Fraction) -> Interval:
    """Return an interval times a positive number, its ends taken as allowed."""
    low, high = interval.low, interval.high
    return Interval(None if low is None else low * factor, None if high is None else high * factor)


def finding_of(published: Published, asked: Asked) -> Finding:
    """Return the finding on a printed standard deviation."""
    slim = only(published, (asked.sd.id, *asked.figures))
    formulas = FORMULAS[published.sd_formula]
    ranges = {f: limits for f in formulas if (limits := asked.limits(slim, f)) is not None}
    claim_zh, claim_en = claimed(published, asked.sd)
    if not ranges:
        zh, en = words("spreads.unclear", printed=asked.sd.printed())
        return Finding(
            asked.id, "spread", "not_checkable", "none", claim_zh, claim_en, zh, en, tuple(slim.figures)
        )
    best = _recalled(asked)
    judged, alone = _verdicts(slim, asked, ranges, best)
    fitting = tuple(f for f, one in alone.items() if one.verdict == judged.verdict)
    single = judged.verdict != "impossible" and 0 < len(fitting) < len(ranges)
    limits = _joined([ranges[f] for f in (fitting if single else ranges)])
    formula = fitting[0] if single else None
    verdict: Verdict = judged.verdict
    severity: Severity = judged.severity
    if verdict == "possible" and (formula or asked.condition):
        verdict, severity = "only_if", "low"
    zh, en = _told(asked, judged, limits, formula, squared(slim.figures[asked.sd.id].interval()))
    certificate = None
    if judged.verdict == "impossible":
        certificate = smallest(slim, lambda given: best(given, tuple(ranges)), asked.sd.id, judged.edge)
    return Finding(
        asked.id, "spread", verdict, severity, claim_zh, claim_en, zh, en,
        tuple(slim.figures), asked.bounds or _bounds(limits), certificate, judged.rules,
    )  # fmt: skip


def _verdicts(
    slim: Published, asked: Asked, ranges: dict[Formula, Interval], best: Best
) -> tuple[Judged, dict[Formula, Judged]]:
    """Return the verdict on a claim, and on it under each formula."""
    squares = squared(asked.sd.interval())
    roomy = {f for f, limits in ranges.items() if _roomy(squares, limits)}
    sure = Judged("possible", "none")
    alone = {
        f: sure if f in roomy else judged_on(slim, lambda given, f=f: best(given, (f,)))  # type: ignore[misc]
        for f in ranges
    }
    return sure if roomy else judged_on(slim, lambda given: best(given, tuple(ranges))), alone


def _roomy(squares: Interval, limits: Interval) -> bool:
    """Return whether more than one number is in both, so that it does not matter which ends belong to them.

    The rules of rounding to the nearest differ in nothing else.
    """
    met = squares.meet(limits)
    return met.low is None or met.high is None or met.low < met.high


def _recalled(asked: Asked) -> Best:
    """Return what gives the best status of any formula, each worked out once for the same figures."""
    known: dict[object, Status] = {}

    def best(given: Published, formulas: tuple[Formula, ...]) -> Status:
        sd = given.figures.get(asked.sd.id)
        rules = tuple((key, figure.rule) for key, figure in given.figures.items())
        found: set[Status] = set()
        for formula in formulas:
            key = formula, rules
            if key not in known:
                limits = asked.limits(given, formula)
                if limits is None or sd is None:
                    known[key] = "holds"
                else:
                    known[key] = status(squared(sd.interval()), limits)
            found.add(known[key])
        return "holds" if "holds" in found else "touches" if "touches" in found else "cannot"

    return best


def _joined(ranges: list[Interval]) -> Interval:
    lows, highs = [r.low for r in ranges], [r.high for r in ranges]
    low = min((end for end in lows if end is not None), default=ZERO)
    return Interval(low, None if None in highs else max(end for end in highs if end is not None))


def _bounds(limits: Interval) -> tuple[Bound, ...]:
    return (
        Bound(*words("spreads.square"), limits),
        Bound(*words("spreads.root"), _rooted(limits)),
    )


def _rooted(limits: Interval) -> Interval:
    """Return roots of the ends, rounded outwards to six places."""
    fine = 10**6
    low = None if limits.low is None else Fraction(int(root_below(limits.low) * fine), fine)
    high = None if limits.high is None else -Fraction(int(-root_above(limits.high) * fine // 1), fine)
    return Interval(low, high)


def _told(asked: Asked, judged: Judged, limits: Interval, formula: Formula | None, printed: Interval) -> Pair:
    """Return the outcome in words."""
    pairs = asked.about()
    about = "，".join(pair[0] for pair in pairs), ", ".join(pair[1] for pair in pairs)
    low, high = (None if end is None else told(root_above(end)) for end in (limits.low, limits.high))
    below = "at_least" if limits.low else "free"
    kind = below if high is None else "range" if limits.low else "at_most"
    allowed = words(f"spreads.{kind}", about=about, low=low, high=high)
    values: dict[str, Pair | str] = {"allowed": allowed, "printed": asked.sd.printed()}
    if judged.verdict == "impossible":
        return _refused(values, judged, limits, printed)
    if judged.verdict == "only_if":
        text = words("spreads.only_if", rules=rules_named(judged.rules), **values)
    elif asked.condition:
        text = words("spreads.on_condition", about=about, condition=asked.condition, **values)
    else:
        text = words("spreads.possible", **values)
    if formula:
        more = words("spreads.formula", formula=words(f"spreads.{formula}"))
        text = text[0] + more[0], f"{text[1]} {more[1]}"
    return text


def _refused(values: dict[str, Pair | str], judged: Judged, limits: Interval, printed: Interval) -> Pair:
    large = limits.high is not None and printed.low is not None and printed.low >= limits.high
    if judged.edge or (not large and limits.low is not None and printed.high == limits.low):
        return words("spreads.edge", **values)
    if large:
        assert limits.high is not None
        assert printed.low is not None
        miss = root_above(printed.low) - root_above(limits.high)
        return words("spreads.too_large", miss=missed(miss), **values)
    if printed.high is None or printed.high < 0 or limits.low is None or limits.low <= printed.high:
        return words("spreads.never", **values)
    miss = root_above(limits.low) - root_above(printed.high)
    return words("spreads.too_small", miss=missed(miss), **values)
