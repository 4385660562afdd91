"""One row of a table of units: what its printed parts allow for a printed parent, and the proof if not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.findings import Certificate, Term
from citygauge.audit.joint import fixed
from citygauge.audit.monotone import mean, score
from citygauge.audit.published import Line, Published
from citygauge.audit.rules import Judged, Status, judged

ZERO, ONE = Fraction(0), Fraction(1)
ANYTHING = Decimal(10) ** 12  # a tolerance that frees a figure: only the scale is left of it


@dataclass(frozen=True)
class Row:
    """A printed parent in a row, judged against its parts.

    `only` is the publication with no other figures than those of the row and their weights; `below` what
    the parts allow, None where one of them is not printed.
    """

    line: Line
    code: str
    only: Published
    own: Interval
    below: Interval | None
    judged: Judged

    @property
    def parent(self) -> Figure:
        """The printed parent."""
        return self.only.figures[self.line.id(self.code)]

    @property
    def figures(self) -> tuple[str, ...]:
        """The parent, its parts as far down as the first that is printed, and their weights."""
        return (self.parent.id, *parts_of(self.only, self.line, self.code))

    @property
    def miss(self) -> Fraction:
        """By how much the printed parent lies outside what its parts allow; 0 or less where it does not."""
        if self.below is None:
            return -ONE
        gaps = (
            (self.below.low, self.own.high),
            (self.own.low, self.below.high),
        )
        return max((a - b for a, b in gaps if a is not None and b is not None), default=-ONE)

    @property
    def off(self) -> Fraction:
        """How far the printed number itself lies from what its parts allow."""
        value, below = Fraction(self.parent.value), self.below or Interval()
        ends = (
            None if below.low is None else below.low - value,
            None if below.high is None else value - below.high,
        )
        return max((end for end in ends if end is not None), default=ZERO)


def row_of(published: Published, line: Line, code: str) -> Row:
    """Return a printed parent judged against the parts that its row prints."""
    keys = (*everything_below(published, line, code), *weights_below(published, code, line.period))
    only = replace(published, figures={key: published.figures[key] for key in (line.id(code), *keys)})
    own, below = _own(only, line, code), implied(only, line, code)
    if below is None:
        return Row(line, code, only, own, below, Judged("not_checkable", "none"))
    return Row(line, code, only, own, below, _against(only, line, code, below))


def status_of(published: Published, line: Line, code: str) -> Status:
    """Return whether a printed parent can be what its parts allow."""
    own, below = _own(published, line, code), implied(published, line, code)
    if below is None or not own.meet(below).empty:
        return "holds"
    return "touches" if own.touches(below) else "cannot"


def weights_of(published: Published, code: str, period: str = "") -> tuple[Interval, ...] | None:
    """Return what each weight below a parent can be, together 1; None where they cannot add up.

    Weights that are all one number each are divided by their sum. Else they are shares of 1, or of 100, and
    one that is not printed is anything from 0 up.
    """
    figures = [published.weight(child, period) for child in published.children(code)]
    known = [figure for figure in figures if figure is not None]
    if len(known) == len(figures) and all(fixed(figure) for figure in known):
        values = [Fraction(figure.value) for figure in known]
        total = sum(values, ZERO)
        if total <= 0 or min(values) < 0:
            return None
        return tuple(Interval(value / total, value / total) for value in values)
    for whole in (Fraction(1), Fraction(100)):
        free = Interval(ZERO, whole)
        boxes = [free if figure is None else figure.interval().closed.meet(free) for figure in figures]
        ends = [(box.low, box.high) for box in boxes if box.low is not None and box.high is not None]
        if any(box.empty for box in boxes):
            continue
        if sum((low for low, _ in ends), ZERO) <= whole <= sum((high for _, high in ends), ZERO):
            return tuple(Interval(low / whole, high / whole) for low, high in ends)
    return None


def weights_printed(published: Published, code: str, period: str = "") -> bool:
    """Return whether every weight below a parent is printed."""
    return all(published.weight(child, period) for child in published.children(code))


def implied(published: Published, line: Line, code: str) -> Interval | None:
    """Return what the parts of a node allow for it in a row; None where one of them is not known."""
    children = published.children(code)
    parts = [held(published, line, child) for child in children]
    weights = weights_of(published, code, line.period)
    how = published.nodes[code].how
    if not parts or weights is None or how == "other" or any(part is None for part in parts):
        return None
    return mean(how, [part for part in parts if part is not None], weights)


def held(published: Published, line: Line, code: str) -> Interval | None:
    """Return what a node can be by its own figure and by its parts, on the scale; None for neither."""
    below = implied(published, line, code) if published.children(code) else None
    if published.at(line, code) is None:
        return below
    own = _own(published, line, code)
    if below is None:
        return own
    both = own.meet(below)
    return own if both.empty else both  # where they disagree the fault is reported at that node itself


def parts_of(published: Published, line: Line, code: str) -> Iterator[str]:
    """Yield the figures that a parent rests on in a row: parts down to the first printed, then weights."""
    weights: list[str] = []
    for child in published.children(code):
        if weight := published.weight(child, line.period):
            weights.append(weight.id)
        if figure := published.at(line, child):
            yield figure.id
        else:
            yield from parts_of(published, line, child)
    yield from weights


def everything_below(published: Published, line: Line, code: str) -> Iterator[str]:
    """Yield every figure below a node in a row."""
    for child in published.children(code):
        if figure := published.at(line, child):
            yield figure.id
        yield from everything_below(published, line, child)


def weights_below(published: Published, code: str, period: str) -> Iterator[str]:
    """Yield every printed weight below a node."""
    for child in published.children(code):
        if weight := published.weight(child, period):
            yield weight.id
        yield from weights_below(published, child, period)


def on_scale(interval: Interval, scale: Interval) -> Interval:
    """Return the part of an interval on the scale; all of it where none is, a fault of its own."""
    both = interval.meet(scale)
    return interval if both.empty else both


def certificate_of(row: Row) -> Certificate:
    """Return the proof that a row cannot be: a smallest set of its figures, and for sums each inequality.

    Figures of the row are set free one by one, those far below first, and stay free where the rest still
    cannot hold; weights are set free together.
    """
    line, code, only = row.line, row.code, row.only
    weights = tuple(weights_below(only, code, line.period))
    cells = dict.fromkeys((*everything_below(only, line, code), *parts_of(only, line, code)))
    near = set(row.figures)
    kept: list[str] = []
    for key in sorted((key for key in cells if key not in weights), key=lambda key: key in near):
        figure = replace(only.figures[key], sign="=", tolerance=ANYTHING)
        freed = replace(only, figures={**only.figures, key: figure})
        if _judged(freed, line, code).verdict == "impossible":
            only = freed
        else:
            kept.append(key)
    if weights and _judged(only.without(*weights), line, code).verdict == "impossible":
        weights = ()
    figures = (row.parent.id, *(key for key in cells if key in kept), *weights)
    state = status_of(only, line, code)
    terms = (
        tuple(_proof(only, line, code)) if weights and state != "holds" and _sums(only, line, code) else ()
    )
    return Certificate(figures, terms, touches=state != "cannot")


def _own(published: Published, line: Line, code: str) -> Interval:
    figure = published.figures[line.id(code)]
    posts = published.nodes[code].goalposts
    own = figure.interval()
    return score(own, posts, published.scale) if posts else on_scale(own, published.scale)


def _judged(only: Published, line: Line, code: str) -> Judged:
    below = implied(only, line, code)
    return Judged("possible", "none") if below is None else _against(only, line, code, below)


def _against(only: Published, line: Line, code: str, below: Interval) -> Judged:
    """The verdict on a parent for what its parts allow as printed."""
    own = _own(only, line, code)
    shared = own.meet(below)
    if shared.low is not None and shared.high is not None and shared.low < shared.high:
        # Rules of rounding to the nearest differ in their ends alone, so under each some of it is left.
        return Judged("possible", "none")
    first: Status = "holds" if not shared.empty else "touches" if own.touches(below) else "cannot"

    def status(ruled: Published) -> Status:
        return first if ruled is only else status_of(ruled, line, code)

    return judged(only, status, next(only.unknown_rules(), None) is not None)


def _sums(published: Published, line: Line, code: str) -> bool:
    """Whether a parent is made of sums with known weights alone, so that its proof is linear."""
    node, children = published.nodes[code], published.children(code)
    if node.goalposts:
        return False
    weights = weights_of(published, code, line.period) if children else ()
    return (
        node.how == "arithmetic"
        and weights is not None
        and all(weight.low == weight.high for weight in weights)
        and all(_sums(published, line, child) for child in children)
    )


def _proof(published: Published, line: Line, code: str) -> Iterator[Term]:
    """Inequalities that add up to a contradiction: the printed parent, and its parts the other way."""
    own, below = _own(published, line, code), implied(published, line, code)
    low = below is not None and own.high is not None and below.low is not None and own.high <= below.low
    yield _limit(published, line, code, ONE, not low)
    yield from _summed(published, line, code, ONE, low)


def _summed(published: Published, line: Line, code: str, times: Fraction, low: bool) -> Iterator[Term]:
    """The sum that makes a parent, and a bound for each part."""
    sign = ONE if low else -ONE
    children = published.children(code)
    weights = [weight.low or ZERO for weight in weights_of(published, code, line.period) or ()]
    used = tuple(w.id for child in children if (w := published.weight(child, line.period)))
    terms = {line.id(child): sign * weight for child, weight in zip(children, weights, strict=True)}
    yield Term(times, {line.id(code): -sign, **terms}, ZERO, used)
    for child, weight in zip(children, weights, strict=True):
        if weight and _tighter_below(published, line, child, low):
            yield from _summed(published, line, child, times * weight, low)
        elif weight:
            yield _limit(published, line, child, times * weight, low)


def _tighter_below(published: Published, line: Line, code: str, low: bool) -> bool:
    below = implied(published, line, code) if published.children(code) else None
    if below is None or published.at(line, code) is None:
        return below is not None
    own = _own(published, line, code)
    ends: Sequence[Fraction | None] = (below.low, own.low) if low else (own.high, below.high)
    return not own.meet(below).empty and ends[0] is not None and (ends[1] is None or ends[0] > ends[1])


def _limit(published: Published, line: Line, code: str, times: Fraction, low: bool) -> Term:
    """A printed figure, or the scale where that says more, as a bound from below or from above."""
    figure, own = published.figures[line.id(code)], _own(published, line, code)
    end, is_open = (own.low, own.low_open) if low else (own.high, own.high_open)
    printed = figure.interval()
    rests = figure.tolerance != ANYTHING and end == (printed.low if low else printed.high)
    sign = -ONE if low else ONE
    return Term(times, {line.id(code): sign}, sign * (end or ZERO), (figure.id,) if rests else (), is_open)
