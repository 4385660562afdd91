"""What an audit finds: verdicts with their bounds and proofs, and the corrections that would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.published import Published

Verdict = Literal["possible", "impossible", "only_if", "not_checkable"]
Severity = Literal["high", "medium", "low", "none"]
KINDS = (
    "parent", "weights", "rule", "spread", "group", "rest", "grade", "count", "ordering", "statement", "cell",
    "range", "run",
)  # fmt: skip
Kind = Literal[
    "parent", "weights", "rule", "spread", "group", "rest", "grade", "count", "ordering", "statement", "cell",
    "range", "run",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """An exact interval of something that was not printed, or that the others imply for a printed figure.

    `of` says on which scale it lies: that of the figure that is claimed, or that of a weight.
    """

    what_zh: str
    what_en: str
    interval: Interval
    of: Literal["score", "weight"] = "score"


@dataclass(frozen=True, slots=True)
class Term:
    """One inequality of a proof: ``multiplier × (Σ coefficient × unknown) ≤ multiplier × limit``.

    `figures` are the printed figures that it comes from, none where it always holds (weights add up to 1);
    `strict` where the limit itself is not allowed.
    """

    multiplier: Fraction
    coefficients: Mapping[str, Fraction]
    limit: Fraction
    figures: tuple[str, ...] = ()
    strict: bool = False


@dataclass(frozen=True)
class Certificate:
    """Why something cannot be, or a table that shows that it can.

    Attributes
    ----------
    figures : tuple of str
        Ids of a smallest set of printed figures that cannot all hold: without any one of them the rest can.
    terms : tuple of Term
        The inequalities whose sum is ``0 ≤ gap`` with a negative gap (or ``0 < 0``); empty for a proof that
        is an exact comparison of `bounds` alone.
    touches : bool
        The gap is zero: it fails only at an end that the rounding rule leaves out.
    witness : mapping or None
        Values of the unknowns that meet all figures.
    """

    figures: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    touches: bool = False
    witness: Mapping[str, Fraction] | None = None

    @property
    def gap(self) -> Fraction:
        """Return the sum of the right sides: negative, or zero with a strict term, proves it."""
        return sum((term.multiplier * term.limit for term in self.terms), Fraction(0))

    def holds(self) -> bool:
        """Return whether the proof adds up in exact fractions."""
        total: dict[str, Fraction] = {}
        for term in self.terms:
            for name, coefficient in term.coefficients.items():
                total[name] = total.get(name, Fraction(0)) + term.multiplier * coefficient
        if any(total.values()) or any(term.multiplier < 0 for term in self.terms):
            return False
        strict = any(term.strict and term.multiplier for term in self.terms)
        return self.gap < 0 or (self.gap == 0 and (strict or self.touches))


@dataclass(frozen=True)
class Finding:
    """One claim that was checked.

    Attributes
    ----------
    id : str
        Stable: ``parent.overall``, ``weights.A``, ``statement.close-to-080``.
    verdict : str
        ``possible``; ``impossible``; ``only_if``: possible on a condition that the texts name; or
        ``not_checkable`` with the reason.
    severity : str
        ``high``: a contradiction; ``medium``: only with weights or readings that are unusual; ``low``: at the
        edge of rounding, or loose words; ``none``.
    figures : tuple of str
        Ids of the figures that the claim is about, the one claimed first.
    bounds : tuple of Bound
        What the others allow, exact.
    claim_zh, claim_en, text_zh, text_en : str
        What is claimed; what was found, why, and on which condition.
    touch : str
        Rounding rules under which what is only touched would hold, blank without a touch.
    """

    id: str
    kind: Kind
    verdict: Verdict
    severity: Severity
    claim_zh: str
    claim_en: str
    text_zh: str
    text_en: str
    figures: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    certificate: Certificate | None = None
    touch: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Begin the English sentences with a capital, unless it is a code (``u0``)."""
        for name in ("claim_en", "text_en"):
            text = getattr(self, name)
            first = text.partition(" ")[0]
            if first.isalpha() and first.islower():
                object.__setattr__(self, name, text[0].upper() + text[1:])


@dataclass(frozen=True)
class Repair:
    """A correction of one figure (of two where cells were swapped) with which everything is possible.

    Attributes
    ----------
    figures : tuple of str
        What is corrected.
    values : tuple of Decimal
        To what, the most plausible first form.
    allowed : Interval or None
        All values of a single figure with which everything is possible.
    forms : tuple of str
        Why it is plausible: ``copied``, ``transposed``, ``digit``, ``shifted``, ``equal_weights``,
        ``count_weights``, ``swapped``, ``recomputed``.
    touches : bool
        It repairs only at the edge of rounding.
    score : float
        For the order: higher is more plausible.
    """

    figures: tuple[str, ...]
    values: tuple[Decimal, ...]
    score: float
    forms: tuple[str, ...] = ()
    allowed: Interval | None = None
    touches: bool = False
    repairs_all: bool = True
    text_zh: str = ""
    text_en: str = ""


@dataclass(frozen=True)
class Audit:
    """The outcome of `audit`."""

    published: Published
    findings: tuple[Finding, ...]
    repairs: tuple[Repair, ...] = ()
    notes: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def impossible(self) -> tuple[Finding, ...]:
        """The claims that cannot hold."""
        return tuple(finding for finding in self.findings if finding.verdict == "impossible")

    def as_dict(self) -> dict[str, Any]:
        """Return the findings and repairs as plain data, exact numbers as text."""
        figures = self.published.figures
        return {
            "title_zh": self.published.title_zh,
            "title_en": self.published.title_en,
            "illustrative": self.published.illustrative,
            "counts": {v: sum(f.verdict == v for f in self.findings) for v in Verdict.__args__},  # type: ignore[attr-defined]
            "findings": [_plain(finding, figures) for finding in self.findings],
            "repairs": [_plain_repair(repair, figures, rank) for rank, repair in enumerate(self.repairs, 1)],
            "notes": [dict(note) for note in self.notes],
        }


def plain_figure(figure: Figure) -> dict[str, str]:
    """Return a figure as plain data."""
    return {
        "id": figure.id, "name_zh": figure.name_zh, "name_en": figure.name_en, "printed": figure.printed(),
        "interval": str(figure.interval()), "rounding": figure.rule, "where": figure.where,
    }  # fmt: skip


def _plain(finding: Finding, figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {
        "id": finding.id, "kind": finding.kind,
        "claim": finding.claim_en, "claim_zh": finding.claim_zh, "claim_en": finding.claim_en,
        "verdict": finding.verdict,
        "bounds": [
            {"what_zh": b.what_zh, "what_en": b.what_en, "interval": str(b.interval), **_ends(b.interval)}
            for b in finding.bounds
        ],
        "figures": [plain_figure(figures[key]) if key in figures else {"id": key} for key in finding.figures],
        "certificate": _plain_certificate(finding.certificate),
        "severity": finding.severity, "touches_under": list(finding.touch),
        "text_zh": finding.text_zh, "text_en": finding.text_en,
    }  # fmt: skip


def _ends(interval: Interval) -> dict[str, Any]:
    return {
        "low": None if interval.low is None else str(interval.low),
        "high": None if interval.high is None else str(interval.high),
        "low_open": interval.low_open,
        "high_open": interval.high_open,
    }


def _plain_certificate(certificate: Certificate | None) -> dict[str, Any] | None:
    if certificate is None:
        return None
    witness = certificate.witness
    return {
        "figures": list(certificate.figures),
        "touches": certificate.touches,
        "gap": str(certificate.gap) if certificate.terms else None,
        "terms": [
            {
                "multiplier": str(term.multiplier), "figures": list(term.figures), "limit": str(term.limit),
                "strict": term.strict,
                "coefficients": {name: str(value) for name, value in term.coefficients.items()},
            }
            for term in certificate.terms
        ],
        "witness": None if witness is None else {name: told(value, 6) for name, value in witness.items()},
    }  # fmt: skip


def _plain_repair(repair: Repair, figures: Mapping[str, Figure], rank: int) -> dict[str, Any]:
    return {
        "rank": rank,
        "figures": [plain_figure(figures[key]) for key in repair.figures],
        "values": [str(value) for value in repair.values],
        "allowed": None if repair.allowed is None else str(repair.allowed),
        "forms": list(repair.forms), "touches": repair.touches, "repairs_all": repair.repairs_all,
        "score": round(repair.score, 4), "text_zh": repair.text_zh, "text_en": repair.text_en,
    }  # fmt: skip
