"""A claim on a few figures: judged alone, with a smallest set of figures that contradict one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

from citygauge.audit.claims import Pair, judge, named
from citygauge.audit.figures import Figure, told
from citygauge.audit.findings import Certificate
from citygauge.audit.published import Published
from citygauge.audit.rules import Judged, Status
from citygauge.audit.wording import words

Claim = Callable[[Published], Status]


def only(published: Published, ids: Iterable[str]) -> Published:
    """Return the same as if no other figures were printed, so that trying rounding rules is quick."""
    figures = {key: published.figures[key] for key in ids if key in published.figures}
    return replace(published, figures=figures)


def judged_on(published: Published, claim: Claim) -> Judged:
    """Return the verdict on a claim that may rest on every figure of a publication."""
    return judge(published, published.figures, claim)


def smallest(published: Published, claim: Claim, first: str, touches: bool) -> Certificate:
    """Return the figures of a claim that fails, without those that it fails without."""
    left = published
    for key in published.figures:
        fewer = left.without(key)
        if key != first and judged_on(fewer, claim).verdict == "impossible":
            left = fewer
    return Certificate(tuple(left.figures), touches=touches)


def claimed(published: Published, figure: Figure) -> Pair:
    """Return the claim that a figure is what is printed."""
    return words("spreads.claim", what=named(published, figure.id), printed=figure.printed())


def missed(value: Fraction) -> str:
    """Return a distance with as many decimals as show that it is not zero.

    >>> missed(Fraction(1, 300_000))
    '0.000003'
    """
    digits = 4
    while value and digits < 12 and round(float(value), digits) == 0:
        digits += 1
    return told(value, digits)
