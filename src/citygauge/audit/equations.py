"""A claim that printed figures add up: judged exactly, with its proof, or as a row for fault localisation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from citygauge.audit.claims import Pair, between, judge, named, rules_named, shown
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Bound, Certificate, Finding, Term
from citygauge.audit.linear import Row
from citygauge.audit.published import Published
from citygauge.audit.rules import Status
from citygauge.audit.spans import apart, combined, status
from citygauge.audit.wording import names, words

ONE, ZERO = Fraction(1), Fraction(0)


@dataclass(frozen=True)
class Equation:
    """``Σ coefficient × figure + constant = whole``, the whole a figure or a number.

    Attributes
    ----------
    stem : str
        Its sentences: ``STEM_claim``, ``STEM_holds`` and ``STEM_fails`` in ``texts/counts.toml``.
    rests_on : tuple of str
        Figures and lists that the coefficients or the constant come from.
    values : mapping
        What its sentences name beyond the figures.
    claim : pair or None
        The claim in words, where the publication has its own.
    """

    id: str
    stem: str
    parts: Mapping[str, Fraction]
    whole: str | Fraction
    constant: Fraction = ZERO
    rests_on: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    claim: Pair | None = None

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures of the claim, the one claimed first."""
        whole = (self.whole,) if isinstance(self.whole, str) else ()
        return (*whole, *self.parts, *self.rests_on)

    def implied(self, published: Published) -> Interval:
        """Return what the parts allow for the whole."""
        terms = [(c, published.figures[key].interval()) for key, c in self.parts.items()]
        return combined([*terms, (ONE, Interval(self.constant, self.constant))])

    def printed(self, published: Published) -> Interval:
        """Return the numbers that the whole is printed for."""
        if isinstance(self.whole, str):
            return published.figures[self.whole].interval()
        return Interval(self.whole, self.whole)

    def result(self, published: Published) -> Fraction:
        """Return what the parts give at their printed values."""
        terms = (c * Fraction(published.figures[key].value) for key, c in self.parts.items())
        return sum(terms, self.constant)

    def status(self, published: Published) -> Status:
        """Return whether it can hold."""
        return status(self.implied(published), self.printed(published))

    def row(self) -> Row:
        """Return it as a row; figures of which it is made are rows of their own."""
        coefficients = {key: -c for key, c in self.parts.items()}
        total = self.constant
        if isinstance(self.whole, str):
            coefficients[self.whole] = coefficients.get(self.whole, ZERO) + ONE
        else:
            total -= self.whole
        return Row(coefficients, Interval(total, total), self.rests_on)


def finding_of(published: Published, equation: Equation) -> Finding:
    """Return the verdict on an equation."""
    judged = judge(published, equation.figures, equation.status)
    implied, printed = equation.implied(published), equation.printed(published)
    whole = equation.whole
    values = {
        "parts": names([shown(published, key) for key in equation.parts]),
        "whole": named(published, whole) if isinstance(whole, str) else ("", ""),
        "printed": published.figures[whole].printed() if isinstance(whole, str) else told(whole),
        "result": told(equation.result(published)),
        "span": between(implied),
        "miss": told(apart(implied, printed)),
        "rules": rules_named(judged.rules),
        **equation.values,
    }
    claim = equation.claim or words(f"counts.{equation.stem}_claim", **values)
    outcome = "holds" if judged.verdict == "possible" else "fails"
    if judged.verdict == "only_if":
        text = words("counts.only_if", **values)
    elif judged.edge:
        text = words("counts.edge", **values)
    else:
        text = words(f"counts.{equation.stem}_{outcome}", **values)
    return Finding(
        equation.id, "count", judged.verdict, judged.severity, *claim, *text, equation.figures,
        (Bound(*words("counts.bound"), implied),),
        proof(published, equation) if judged.verdict == "impossible" else None,
        judged.rules,
    )  # fmt: skip


def proof(published: Published, equation: Equation) -> Certificate:
    """Return the inequalities that add up to a contradiction; none where it only touches."""
    implied, printed = equation.implied(published), equation.printed(published)
    touches = apart(implied, printed) == 0
    if touches:
        return Certificate(equation.figures, touches=True)
    side = ONE if _under(implied, printed) else -ONE
    row = equation.row()
    total = row.within.low or ZERO
    tie = {key: side * c for key, c in row.coefficients.items()}
    terms = [Term(ONE, tie, side * total, equation.rests_on)]
    for key, coefficient in tie.items():
        interval = published.figures[key].interval()
        up = coefficient < 0
        limit, strict = (interval.high, interval.high_open) if up else (interval.low, interval.low_open)
        assert limit is not None
        sign = ONE if up else -ONE
        terms.append(Term(abs(coefficient), {key: sign}, sign * limit, (key,), strict))
    return Certificate(equation.figures, tuple(term for term in terms if term.multiplier))


def rows_of(published: Published, equations: Iterable[Equation]) -> Iterator[Row]:
    """Yield equations as rows, and each of their figures in its interval."""
    seen = {line.id(code) for line in published.lines for code in published.nodes}
    for equation in equations:
        yield equation.row()
        for key in equation.figures:
            if key in published.figures and key not in seen:
                seen.add(key)
                yield Row({key: ONE}, published.figures[key].interval(), (key,))


def _under(one: Interval, other: Interval) -> bool:
    """Return whether an interval lies below another from which it is apart."""
    return one.high is not None and other.low is not None and one.high < other.low
