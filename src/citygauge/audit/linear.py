"""Whether linear inequalities over printed figures can all hold, and if not, which few cannot.

Figures stay exact fractions throughout. HiGHS works in floating point and only proposes: each answer is
re-checked in fractions, as a witness that meets every row or as multipliers that add up to a contradiction
(Farkas). Where a proposal does not stand, the exact simplex goes on by itself, so that there is always an
answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from citygauge.audit import propose
from citygauge.audit.exact import Pull, Simplex
from citygauge.audit.figures import Interval
from citygauge.audit.findings import Certificate, Term


@dataclass(frozen=True)
class Row:
    """``Σ coefficient × unknown`` lies in an interval, because some figures are printed so.

    `figures` empty: it always holds (weights add up to 1, scores stay in their range). Unknowns are free
    numbers: their ranges are rows too.
    """

    coefficients: Mapping[str, Fraction]
    within: Interval
    figures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settled:
    """Whether a system can hold: ``holds``, ``touches`` (only if open ends were closed) or ``cannot``."""

    status: Literal["holds", "touches", "cannot"]
    certificate: Certificate


@dataclass(frozen=True)
class System:
    """Rows that are asked to hold together."""

    rows: tuple[Row, ...]

    def without(self, figures: Collection[str]) -> System:
        """Return the system without the rows that rest on any of some figures."""
        return System(tuple(row for row in self.rows if not set(row.figures) & set(figures)))

    def and_(self, rows: Iterable[Row]) -> System:
        """Return the system with further rows."""
        return System((*self.rows, *rows))

    def settle(self) -> Settled:
        """Return whether all rows can hold, with a witness or a smallest set of figures that cannot.

        Returns
        -------
        Settled
            ``holds`` with a witness; ``touches`` where only the rows with their open ends closed can hold;
            ``cannot`` where not even these can. Without any one of the figures of the certificate the rest
            can hold (of ``cannot``: with its open ends closed). No figures: rows that always hold
            contradict each other.

        Examples
        --------
        >>> one, mean = Fraction(1), Interval(Fraction(139, 200), Fraction(141, 200), high_open=True)
        >>> parts = Interval(low=Fraction(141, 200))
        >>> rows = (Row({"a": one}, mean, ("mean",)), Row({"a": one}, parts, ("parts",)))
        >>> System(rows).settle().status
        'touches'
        """
        status, found = self._judged()
        if isinstance(found, dict):
            return Settled(status, Certificate(witness=found))
        rows = self.rows if status == "touches" else _closed(self.rows)
        figures, terms = _smallest(rows, found)
        return Settled(status, Certificate(figures, terms, touches=status == "touches"))

    def status(self) -> Literal["holds", "touches", "cannot"]:
        """Return whether all rows can hold, as `settle` does, without looking for a smallest proof."""
        return self._judged()[0]

    def _judged(self) -> tuple[Literal["holds", "touches", "cannot"], dict[str, Fraction] | tuple[Term, ...]]:
        found = _decided(self.rows)
        if isinstance(found, dict):
            return "holds", found
        if sum(term.multiplier * term.limit for term in found) < 0:
            return "cannot", found
        shut = _decided(_closed(self.rows))
        return ("touches", found) if isinstance(shut, dict) else ("cannot", shut)

    def extent(self, objective: Mapping[str, Fraction]) -> Interval | None:
        """Return the exact range of a sum over all that meets the rows; None where nothing meets them.

        An end is open where no point reaches it, None where there is none.

        Examples
        --------
        >>> rows = (Row({"w": Fraction(2)}, Interval(Fraction(1), Fraction(3), high_open=True)),)
        >>> str(System(rows).extent({"w": Fraction(1)}))
        '[0.5, 1.5)'
        """
        pairs = _pairs(self.rows)
        ends = []
        for sign in (1, -1):
            signed = {name: sign * Fraction(value) for name, value in objective.items()}
            guess = propose.highest(pairs, signed)
            simplex = Simplex(pairs, guess.near)
            if simplex.contradiction(guess.rows) is not None:
                return None
            ends.append(simplex.highest(signed))
        high, low = ends
        return Interval(
            low=None if low is None else -low[0],
            high=None if high is None else high[0],
            low_open=low is not None and low[1] != 0,
            high_open=high is not None and high[1] != 0,
        )


def _decided(rows: Sequence[Row]) -> dict[str, Fraction] | tuple[Term, ...]:
    """Return a point that meets all rows, or the terms of a contradiction."""
    pairs = _pairs(rows)
    guess = propose.feasible(pairs)
    simplex = Simplex(pairs, guess.near)
    pulls = simplex.contradiction(guess.rows)
    return simplex.point() if pulls is None else _terms(rows, pulls)


def _closed(rows: Iterable[Row]) -> list[Row]:
    return [replace(row, within=row.within.closed) for row in rows]


def _smallest(rows: Sequence[Row], terms: tuple[Term, ...]) -> tuple[tuple[str, ...], tuple[Term, ...]]:
    """Leave out one figure after the other while the rest still contradicts itself."""
    for figure in _figures(rows, terms):
        kept = set(_figures(rows, terms)) - {figure}
        if figure in _figures(rows, terms):
            found = _decided([row for row in rows if kept.issuperset(row.figures)])
            if not isinstance(found, dict):
                terms = found
    return _figures(rows, terms), terms


def _figures(rows: Iterable[Row], terms: Iterable[Term]) -> tuple[str, ...]:
    """Return the figures behind a contradiction, in the order of the rows."""
    used = {figure for term in terms for figure in term.figures}
    return tuple(dict.fromkeys(figure for row in rows for figure in row.figures if figure in used))


def _pairs(rows: Iterable[Row]) -> list[tuple[Mapping[str, Fraction], Interval]]:
    return [(row.coefficients, row.within) for row in rows]


def _terms(rows: Sequence[Row], pulls: Iterable[Pull]) -> tuple[Term, ...]:
    return tuple(_term(rows[pull.row], pull) for pull in pulls)


def _term(row: Row, pull: Pull) -> Term:
    end, is_open = (
        (row.within.high, row.within.high_open) if pull.side > 0 else (row.within.low, row.within.low_open)
    )
    assert end is not None
    coefficients = {name: pull.side * value for name, value in row.coefficients.items()}
    return Term(pull.multiplier, coefficients, pull.side * end, row.figures, is_open)
