"""On which range the score of every node lies, as far as the method fixes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from citygauge.framework.model import Framework
from citygauge.score.aggregate import Rule
from citygauge.score.method import Method

Range = tuple[float, float]
_OWN: Mapping[str, Range] = {
    "topsis": (0.0, 1.0),
    "vikor": (0.0, 1.0),
    "benefit_of_the_doubt": (0.0, 1.0),
    "promethee": (-1.0, 1.0),
}
_UNBOUNDED = frozenset({"mpi", "copeland"})  # a penalty may leave the range; Copeland's depends on the units


def ranges(method: Method, framework: Framework) -> dict[str, Range | None]:
    """Return the range of every node's score: a pair, or None where nothing but the data bounds it.

    Means keep the range that their children share; where the children's ranges differ there is none.
    Bonuses, deductions and vetoes do not count.
    """
    rules = method.aggregate.rules(framework)
    found: dict[str, Range | None] = {}
    for node in reversed(framework.nodes):
        code = node.code
        below = {found[child] for child in framework.counted(code)} if framework.children(code) else set()
        if not framework.children(code):
            column = method.normalise.of(code, framework.roles[code])
            found[code] = None if column.range is None else method.normalise.onto(code)
        elif rules[code].how in _OWN:
            found[code] = _OWN[rules[code].how]
        else:
            found[code] = next(iter(below)) if len(below) == 1 and rules[code].how not in _UNBOUNDED else None
    return found


def rules_with_ranges(method: Method, framework: Framework) -> dict[str, Rule]:
    """Return the rule of every aggregate; the coupling degree is told the range of the scores it couples."""
    spans, rules = ranges(method, framework), method.aggregate.rules(framework)
    for code, rule in rules.items():
        if rule.how == "coupling" and (span := spans[code]) is not None:
            rules[code] = replace(rule, parameters=(("low", span[0]), ("high", span[1])))
    return rules
