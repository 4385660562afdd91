"""Whether any weights, and whether usual ones, make a parent possible whose weights are not printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from citygauge.audit.figures import Rule
from citygauge.audit.findings import Certificate, Finding, Severity, Verdict
from citygauge.audit.implied import parent_system
from citygauge.audit.parents import proof
from citygauge.audit.published import Published, dated
from citygauge.audit.rules import Judged
from citygauge.audit.weight_ranges import Parent, parent_of, usable, weight_ranges, weight_system
from citygauge.audit.weights_told import (
    any_bounds,
    conditions,
    extremes,
    main_text,
    range_bounds,
    rule_bounds,
    rule_text,
    touched_by,
)
from citygauge.audit.wording import names, words


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield for every parent whose weights are not printed which weights make its figure possible.

    Weights w ≥ 0 that add up to 1 make a parent in [P, Q] of parts in [a, b] possible where Σ w·a ≤ Q and
    Σ w·b ≥ P, in every line that prints the parent: the means and the rows of a table of units share them.
    Ranges, the weights nearest to equal (least greatest deviation) and the largest smallest weight are
    linear programmes over these, exact in fractions.

    Parameters
    ----------
    touching : frozenset of str, optional
        Only claims that rest on any of these figures; verdicts alone, without ranges and certificates.

    Yields
    ------
    Finding
        ``weights.CODE``: possible where a rule in `Published.usual_weights` gives the printed figure;
        only_if where other weights do, with their ranges; impossible where none do.
        ``rule.common``: whether one usual rule does for all such parents.
    """
    for period in dict.fromkeys(line.period for line in published.lines):
        parents = [parent for code in published.nodes if (parent := parent_of(published, code, period))]
        for parent in parents:
            if touching is None or touching & set(parent.figures):
                yield _finding(parent, full=touching is None)
        touched = touching is None or any(touching & set(parent.figures) for parent in parents)
        if touched and len(parents) > 1 and published.usual_weights:
            yield _common(parents)


def _finding(parent: Parent, *, full: bool) -> Finding:
    any_weights = parent.judged()
    verdict, severity, rounding = _verdict(any_weights, parent.by_rule)
    unusual = bool(parent.by_rule) and not any(map(usable, parent.by_rule.values()))
    texts = [main_text(parent, any_weights, verdict, rounding, unusual=unusual)]
    ruled = parent if not any_weights.rules else _under(parent, any_weights.rules[0])
    bounds = any_bounds(parent)
    if full and verdict != "impossible":
        ranges = weight_ranges(ruled)
        bounds[:0] = range_bounds(ruled, ranges)
        if unusual:
            texts.append(conditions(ruled, ranges))
            texts += extremes(ruled, bounds)
    bounds += [bound for rules in parent.rules for bound in rule_bounds(parent, rules)]
    texts += [rule_text(parent, rules) for rules in parent.rules]
    claim = words("weights.claim", name=parent.name, printed=parent.printed)
    return Finding(
        dated(parent.lines[0].period, f"weights.{parent.code}"), "weights", verdict, severity, *claim,
        "".join(zh for zh, _ in texts), " ".join(en for _, en in texts), parent.figures, tuple(bounds),
        _proof(parent, any_weights) if full else None, rounding or touched_by(parent),
    )  # fmt: skip


def _verdict(
    any_weights: Judged, by_rule: Mapping[tuple[str, ...], Judged]
) -> tuple[Verdict, Severity, tuple[Rule, ...]]:
    """Return verdict, severity and the rounding rules that it needs."""
    if any_weights.verdict == "impossible":
        return "impossible", any_weights.severity, ()
    good = [found for found in by_rule.values() if usable(found)]
    if by_rule and not good:
        return "only_if", "medium", any_weights.rules
    if any_weights.verdict == "only_if":
        return "only_if", any_weights.severity, any_weights.rules
    if not by_rule or any(found.verdict == "possible" for found in good):
        return "possible", "none", ()
    return "only_if", "low", good[0].rules


def _under(parent: Parent, rule: Rule) -> Parent:
    return Parent(parent.published.under(rule), parent.code, parent.lines, parent.figures)


def _proof(parent: Parent, found: Judged) -> Certificate | None:
    """Return the certificate of a parent with any weights; of a table on the few rows that clash."""
    lines = parent.lines
    if len(lines) > 1 and found.verdict == "impossible":
        clash = weight_system(parent).settle().certificate.figures
        lines = tuple(line for line in lines if line.id(parent.code) in clash) or lines
    return proof(parent.published, found, lambda given: parent_system(given, lines, parent.code))


def _common(parents: list[Parent]) -> Finding:
    """Return whether one usual rule does for all parents whose weights are not printed."""
    told_rules: list[tuple[str, str]] = []
    good = False
    for rule in parents[0].published.usual_weights:
        tried = {parent.name: fits for parent in parents if (fits := parent.fits(rule)) is not None}
        failing = [name for name, fits in tried.items() if not fits]
        good = good or (len(tried) == len(parents) and not failing)
        key = "unknown" if not tried else "fails" if failing else "holds"
        told_rules.append(
            words(f"weights.common_{key}", rule=words(f"weights.{rule}"), where=names(failing or [("", "")]))
        )
    texts = [words("weights.common_possible" if good else "weights.common_none"), *told_rules]
    figures = tuple(dict.fromkeys(key for parent in parents for key in parent.figures))
    return Finding(
        dated(parents[0].lines[0].period, "rule.common"), "rule", "possible" if good else "only_if",
        "none" if good else "medium", *words("weights.common_claim"), "".join(zh for zh, _ in texts),
        " ".join(en for _, en in texts), figures,
    )  # fmt: skip
