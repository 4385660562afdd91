"""What is told of unpublished weights: sentences and bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from citygauge.audit.figures import SINGLE, Figure, Interval, Rule, told
from citygauge.audit.findings import Bound, Verdict
from citygauge.audit.implied import ONE, ZERO, implied
from citygauge.audit.parents import at_values, missed, rule_names, span
from citygauge.audit.rules import Judged
from citygauge.audit.weight_ranges import Parent, largest_smallest, nearest_to_equal, with_weights, worst_line
from citygauge.audit.wording import names, words

_TOLD = 3  # conditions told in a sentence; all of them stand in the bounds


def touched_by(parent: Parent) -> tuple[str, ...]:
    """Return the rounding rules under which the printed values give a figure on whose edge they lie."""
    line = parent.lines[0]
    figure = parent.published.figures[parent.figures[0]]
    for weights in parent.rules.values():
        point = at_values(parent.published, line, parent.code, weights)
        if point is not None and _on_edge(point, figure.interval()):
            return _closing(figure, point)
    return ()


def _on_edge(point: Fraction, interval: Interval) -> bool:
    return interval.low != interval.high and point in (interval.low, interval.high)


def rule_bounds(parent: Parent, rules: tuple[str, ...]) -> Iterator[Bound]:
    """Yield what a usual rule gives, allowing for rounding and at the values as printed."""
    weights, line = parent.rules[rules], worst_line(parent, parent.rules[rules])
    what = _rule_name(rules)
    allowed = with_weights(parent.published, line, parent.code, weights)
    if allowed is not None:
        yield Bound(*words("weights.bound_rule", rule=what), allowed)
    if (point := at_values(parent.published, line, parent.code, weights)) is not None:
        yield Bound(*words("weights.bound_values", rule=what), Interval(point, point))


def rule_text(parent: Parent, rules: tuple[str, ...]) -> tuple[str, str]:
    """Return what a usual rule gives, and whether that prints as published."""
    weights, found = parent.rules[rules], parent.by_rule[rules]
    line = worst_line(parent, weights)
    figure = parent.published.figures[line.id(parent.code)]
    allowed = with_weights(parent.published, line, parent.code, weights)
    point = at_values(parent.published, line, parent.code, weights)
    key = {"possible": "rule_holds", "only_if": "rule_only_if", "impossible": "rule_fails"}[found.verdict]
    kept: tuple[str, ...] = found.rules
    if found.edge:
        key = "rule_edge"
    elif found.verdict == "possible" and point is not None and _on_edge(point, figure.interval()):
        key, kept = "rule_touches", _closing(figure, point)
    return words(
        f"weights.{key}", rule=_rule_name(rules), printed=figure.printed(),
        value=words("weights.in_parts") if point is None else told(point),
        allowed="" if allowed is None else span(allowed), span=span(figure.interval()),
        rules=rule_names(kept) if kept else words("weights.no_rounding"),
    )  # fmt: skip


def _rule_name(rules: tuple[str, ...]) -> tuple[str, str]:
    zh, en = zip(*(words(f"weights.{rule}") for rule in rules), strict=True)
    return "或".join(zh), " or ".join(en)


def _closing(figure: Figure, point: Fraction) -> tuple[Rule, ...]:
    """Return the rules of rounding to the nearest by which a number prints as a figure."""
    rules = SINGLE[:3] if figure.rule == "unknown" else (figure.rule,)
    return tuple(rule for rule in rules if point in figure.interval(rule))


def main_text(
    parent: Parent, any_weights: Judged, verdict: Verdict, rounding: tuple[Rule, ...], *, unusual: bool
) -> tuple[str, str]:
    """Return the first sentence of a finding."""
    if verdict == "impossible":
        return _why_not(parent, any_weights)
    if verdict == "possible":
        key = "possible" if parent.by_rule else "possible_any"
    elif rounding:
        key = "rounding_and_unusual" if unusual else "rounding"
    else:
        key = "only_if"
    rules = rule_names(rounding) if rounding else ""
    return words(f"weights.{key}", name=parent.name, printed=parent.printed, rules=rules)


def _why_not(parent: Parent, any_weights: Judged) -> tuple[str, str]:
    line = worst_line(parent, None)
    figure = parent.published.figures[line.id(parent.code)]
    allowed = implied(parent.published, line, parent.code)
    gap = ZERO if allowed is None else missed(figure.interval(), allowed)[0]
    if len(parent.lines) > 1 and not gap and not any_weights.edge:
        return words("weights.impossible_jointly", n=len(parent.lines))
    return words(
        "weights.edge" if any_weights.edge else "weights.impossible", printed=figure.printed(),
        span=span(figure.interval()), allowed="" if allowed is None else span(allowed), gap=told(gap),
    )  # fmt: skip


def any_bounds(parent: Parent) -> list[Bound]:
    """Return what any weights give, and what prints as published."""
    line = worst_line(parent, None)
    allowed = implied(parent.published, line, parent.code)
    printed = parent.published.figures[line.id(parent.code)].interval()
    found = [Bound(*words("parents.bound_printed"), printed)]
    return found if allowed is None else [Bound(*words("weights.bound_any"), allowed), *found]


def range_bounds(parent: Parent, ranges: Mapping[str, Interval]) -> list[Bound]:
    """Return the ranges of the weights, the most telling first."""
    nodes = parent.published.nodes
    return [
        Bound(
            *words("weights.bound_share", name=(nodes[child].name_zh, nodes[child].name_en)),
            extent,
            "weight",
        )
        for child, extent in _telling(ranges)
    ]


def _telling(ranges: Mapping[str, Interval]) -> list[tuple[str, Interval]]:
    """Return ranges, those farthest from an equal share first, then the narrowest."""
    equal = Fraction(1, max(len(ranges), 1))

    def order(item: tuple[str, Interval]) -> tuple[Fraction, Fraction]:
        low, high = item[1].low or ZERO, ONE if item[1].high is None else item[1].high
        return -max(low - equal, equal - high, ZERO), high - low

    return sorted(ranges.items(), key=order)


def conditions(parent: Parent, ranges: Mapping[str, Interval]) -> tuple[str, str]:
    """Return the conditions on single weights that no equal share meets, the most telling first."""
    equal, nodes = Fraction(1, max(len(ranges), 1)), parent.published.nodes
    binding = [(child, extent) for child, extent in _telling(ranges) if equal not in extent]
    if len(parent.children) == 2:
        binding = binding[:1]  # the other weight is what is left
    shown = [
        words(f"weights.{key}", name=(nodes[child].name_zh, nodes[child].name_en), **values)
        for child, extent in binding[:_TOLD]
        for key, values in [_in_words(extent)]
    ]
    if not shown:
        return words("weights.jointly")
    each = ("；".join(zh for zh, _ in shown), "; ".join(en for _, en in shown))
    return words("weights.conditions", name=parent.name, each=each)


def _in_words(extent: Interval) -> tuple[str, dict[str, str]]:
    """Return the name of the sentence for the range of a share, and its numbers."""
    low, high = extent.low or ZERO, ONE if extent.high is None else extent.high
    values = {"low": _percent(low), "high": _percent(high)}
    if low > 0 and high < 1:
        return "between", values
    if high < 1:
        return ("less" if extent.high_open else "at_most"), values
    return ("more" if extent.low_open else "at_least"), values


def extremes(parent: Parent, bounds: list[Bound]) -> Iterator[tuple[str, str]]:
    """Yield the weights nearest to equal and the largest smallest weight, and add them to the bounds."""
    nodes = parent.published.nodes
    near = nearest_to_equal(parent)
    if near is not None:
        each = [
            (f"{nodes[c].name_zh} {_percent(w)}%", f"{nodes[c].name_en} {_percent(w)} %")
            for c, w in near.items()
        ]
        yield words("weights.nearest", each=names(each))
        off = max(abs(weight - Fraction(1, len(near))) for weight in near.values())
        bounds.append(Bound(*words("weights.bound_deviation"), Interval(low=off), "weight"))
    smallest = largest_smallest(parent)
    if smallest is not None and smallest.high is not None:
        yield words("weights.smallest", share=_percent(smallest.high))
        bounds.append(Bound(*words("weights.bound_smallest"), smallest, "weight"))


def _percent(share: Fraction) -> str:
    """Return a share in per cent with one decimal."""
    return told(Fraction(round(share * 1000), 10))
