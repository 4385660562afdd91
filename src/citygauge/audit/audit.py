"""Every check on a published index, and the corrections that would make it possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

from citygauge.audit import cells, counts, groups, orderings, parents, ranges, spreads, statements, weights
from citygauge.audit.findings import Audit, Finding, Severity
from citygauge.audit.localise import localise
from citygauge.audit.published import Published

Check = Callable[[Published, frozenset[str] | None], Iterator[Finding]]
# In the order in which a reader meets them: sums and counts, the tree, spread, groups, words, tables.
CHECKS: tuple[Check, ...] = (
    parents.check, ranges.check, weights.check, counts.check, spreads.check, groups.check, orderings.check,
    statements.check, cells.check,
)  # fmt: skip


def audit_published(published: Published) -> Audit:
    """Return whether a published index is arithmetically possible, with proofs and corrections.

    Every claim is judged on exact intervals of the numbers that round to what is printed.

    Parameters
    ----------
    published : Published
        See `read_published` and `builtin_published`.

    Returns
    -------
    Audit
        Findings, the gravest first; corrections of one figure that make everything possible, the most
        plausible first, none where nothing is impossible.

    Examples
    --------
    >>> from citygauge.audit.read import builtin_published
    >>> found = audit_published(builtin_published("smart-2021"))
    >>> next(f.verdict for f in found.findings if f.id == "parent.overall")
    'impossible'
    """
    findings = tuple(recheck(published))
    return Audit(published, in_order(findings), localise(published, findings, recheck))


def recheck(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield the findings of every check, where `touching` is given of claims on any of these figures."""
    for check in CHECKS:
        yield from check(published, touching)


def in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return findings from the gravest on, those alike in the order of the checks."""
    order = {severity: place for place, severity in enumerate(get_args(Severity))}
    return tuple(sorted(findings, key=lambda finding: order[finding.severity]))
