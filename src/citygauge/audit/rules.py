"""A claim judged under every rounding rule that the publication leaves open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from citygauge.audit.figures import Rule
from citygauge.audit.findings import Severity, Verdict
from citygauge.audit.published import Published

Status = Literal["holds", "touches", "cannot"]
NEAREST: tuple[Rule, ...] = ("half_up", "half_even", "half_down")


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a claim, and the single rules under which it holds where it does not under all.

    `edge`: it fails under every single rule, and only by an end that the rule leaves out.
    """

    verdict: Verdict
    severity: Severity
    rules: tuple[Rule, ...] = ()
    edge: bool = False


def judged(published: Published, status: Callable[[Published], Status], open_rule: bool = True) -> Judged:
    """Return the verdict on a claim.

    Parameters
    ----------
    status : callable
        The status of the claim for figures as given: ``holds``, ``touches`` (only if open ends were closed)
        or ``cannot``. Under the rule ``unknown`` a figure has both its ends.
    open_rule : bool
        Whether a figure that the claim rests on has an unknown rule; without one it is judged once.

    Returns
    -------
    Judged
        ``possible`` where it holds however a tie is rounded; ``only_if`` where it holds under some rule of
        rounding to the nearest (low) or only if figures are cut off (medium); ``impossible`` otherwise.
    """
    first = status(published)
    if not open_rule:
        if first == "holds":
            return Judged("possible", "none")
        return Judged("impossible", "high", edge=first == "touches")
    if first == "holds":
        rules = tuple(rule for rule in NEAREST if status(published.under(rule)) == "holds")
        if len(rules) == len(NEAREST):
            return Judged("possible", "none")
        if rules:
            return Judged("only_if", "low", rules)
    if status(published.under("truncated")) == "holds":
        return Judged("only_if", "medium", ("truncated",))
    return Judged("impossible", "high", edge=first in ("holds", "touches"))
