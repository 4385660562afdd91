"""Whether each printed parent can be the weighted mean of its parts, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import lcm

from citygauge.audit import joint
from citygauge.audit.figures import SINGLE, Interval, told
from citygauge.audit.findings import Bound, Certificate, Finding
from citygauge.audit.implied import (
    ONE,
    ZERO,
    around,
    compared,
    implied,
    nearest,
    open_rule,
    parent_system,
    resting_on,
    shares,
    summed,
    tree_status,
)
from citygauge.audit.linear import Row, System
from citygauge.audit.published import ROOT, Grade, Group, Line, Published, dated
from citygauge.audit.resting import only
from citygauge.audit.rules import Judged, Status, judged
from citygauge.audit.wording import names, words


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield for every printed mean of a parent whether its parts allow it, and whether all can hold at once.

    A weighted mean of numbers in intervals lies in the interval of the weighted ends; so do means with
    weights that are printed with a tolerance, for the least and the greatest of them. Parents whose weights
    are not printed are left to `weights.check`, tables of units to `cells.check`. The mean of geometric or
    harmonic means is not that mean of the means; it is never more (both are concave: Jensen's inequality).

    Parameters
    ----------
    touching : frozenset of str, optional
        Only claims that rest on any of these figures.

    Yields
    ------
    Finding
        ``parent.CODE``; ``parent.CODE.most`` for the bound of a geometric or harmonic parent;
        ``parent.together`` for what each parent alone allows and the whole tree does not. With a period
        before it where there is one.
    """
    for line in published.lines:
        if line.kind != "mean":
            continue
        broken: list[str] = []
        alone: list[str] = []
        for code in published.nodes:
            figures = resting_on(published, line, code)
            if published.at(line, code) is None or not published.children(code):
                continue
            if summed(published, line, code):
                alone.append(code)
                if _alone(published, line, code, figures).verdict == "impossible":
                    broken.append(code)
            if touching is None or touching & set(figures):
                yield from _parent(published, line, code, figures, prove=touching is None)
        if len(alone) > 1 or (alone and any(joint.class_rows(published, line))):
            yield from _together(published, line, tuple(broken), touching)


def weights_printed(published: Published, code: str, period: str) -> bool:
    """Return whether the weights below a parent are printed, or there is nothing to weigh."""
    children = published.children(code)
    return len(children) == 1 or all(published.weight(child, period) for child in children)


def named(published: Published, line: Line, code: str) -> tuple[str, str]:
    """Return the name of a node in Chinese and English, with its period."""
    node = published.nodes[code]
    if not line.period:
        return node.name_zh, node.name_en
    return f"{node.name_zh}（{line.period}）", f"{node.name_en} ({line.period})"


def span(interval: Interval) -> tuple[str, str]:
    """Return an interval in words, Chinese and English.

    >>> span(Interval(Fraction(1, 2), Fraction(3, 5), high_open=True))
    ('0.5 至不足 0.6', '0.5 to just under 0.6')
    """
    low, high = interval.low, interval.high
    if low is None or high is None:
        end, key = (high, "parents.span_up_to") if low is None else (low, "parents.span_from")
        return words(key, end="∞" if end is None else told(end))
    if low == high:
        return told(low), told(low)
    key = ("", "_high", "_low", "_both")[interval.high_open + 2 * interval.low_open]
    return words(f"parents.span{key}", low=told(low), high=told(high))


def missed(printed: Interval, allowed: Interval) -> tuple[Fraction, tuple[str, str]]:
    """Return by how much one interval misses another, and in words on which side."""
    if printed.high is not None and allowed.low is not None and printed.high <= allowed.low:
        return allowed.low - printed.high, words("parents.too_low")
    if printed.low is not None and allowed.high is not None and printed.low >= allowed.high:
        return printed.low - allowed.high, words("parents.too_high")
    return ZERO, ("", "")


def rule_names(rules: tuple[str, ...]) -> tuple[str, str]:
    """Return rounding rules in Chinese and English."""
    return names([words(f"parents.{'truncated_rule' if rule == 'truncated' else rule}") for rule in rules])


def proof(published: Published, found: Judged, rows: Callable[[Published], System]) -> Certificate | None:
    """Return a certificate of the verdict under the first rounding rule that shows it."""
    given = [published.under(rule) for rule in found.rules or SINGLE]
    order = [*given, published] if found.rules else [published, *given]
    for figures in order:
        settled = rows(figures).settle()
        if (settled.status == "holds") == (found.verdict != "impossible"):
            return settled.certificate
    return None


def _alone(published: Published, line: Line, code: str, figures: tuple[str, ...]) -> Judged:
    """Return the verdict on a parent and its parts without the rest of the tree."""
    loose = open_rule(published, figures)
    return judged(only(published, figures), lambda given: _status(given, line, code), loose)


def _status(published: Published, line: Line, code: str) -> Status:
    allowed = implied(published, line, code)
    return "holds" if allowed is None else compared(around(published, line, code), allowed)


def _parent(
    published: Published, line: Line, code: str, figures: tuple[str, ...], *, prove: bool
) -> Iterator[Finding]:
    if summed(published, line, code):
        if weights_printed(published, code, line.period):
            yield _weighted(published, line, code, figures, prove=prove)
    elif any(True for child in published.children(code) for _ in nearest(published, line, child)):
        yield from _unlike(published, line, code, figures)


def _weighted(
    published: Published, line: Line, code: str, figures: tuple[str, ...], *, prove: bool
) -> Finding:
    """Return the finding on a parent whose weights are printed."""
    figure = published.figures[figures[0]]
    name, printed = named(published, line, code), figure.interval()
    allowed = implied(published, line, code)
    claim = words("parents.claim", name=name, printed=figure.printed())
    ident = dated(line.period, f"parent.{code}")
    if allowed is None:
        text = words("parents.weights_off", name=name)
        return Finding(ident, "parent", "not_checkable", "none", *claim, *text, figures)
    found = _alone(published, line, code, figures)
    point = at_values(published, line, code)
    gap, side = missed(printed, allowed)
    key = {"possible": "possible", "only_if": "only_if", "impossible": "impossible"}[found.verdict]
    if found.rules == ("truncated",):
        key = "truncated"
    if found.edge:
        key = "edge"
    value = words("parents.at_values", value=told(point)) if point is not None else words("parents.no_value")
    text = words(
        f"parents.{key}", name=name, printed=figure.printed(), span=span(printed), allowed=span(allowed),
        value=value, gap=told(gap), side=side, rules=rule_names(found.rules),
    )  # fmt: skip
    bounds = [Bound(*words("parents.bound_parts"), allowed), Bound(*words("parents.bound_printed"), printed)]
    if point is not None:
        bounds.append(Bound(*words("parents.bound_values"), Interval(point, point)))
    certificate = None
    if prove:
        certificate = proof(published, found, lambda given: parent_system(given, (line,), code))
    return Finding(
        ident, "parent", found.verdict, found.severity, *claim, *text, figures, tuple(bounds), certificate,
        found.rules,
    )  # fmt: skip


def at_values(
    published: Published, line: Line, code: str, weights: dict[str, Fraction] | None = None
) -> Fraction | None:
    """Return the weighted mean of the figures as printed; None unless every part and weight is one number."""
    weights = weights or _exact_weights(published, line, code)
    figures = {child: published.at(line, child) for child in published.children(code)}
    values = {c: Fraction(f.value) for c, f in figures.items() if f is not None and f.sign == "="}
    if weights is None or len(values) < len(figures):
        return None
    return sum((weights[child] * value for child, value in values.items()), ZERO)


def _unlike(published: Published, line: Line, code: str, figures: tuple[str, ...]) -> Iterator[Finding]:
    """Yield why a parent that is no weighted mean of its parts' means is not checked, and what bounds it."""
    node, figure = published.nodes[code], published.figures[figures[0]]
    name = named(published, line, code)
    claim = words("parents.claim_of", name=name, printed=figure.printed(), how=words(f"parents.{node.how}"))
    ident = dated(line.period, f"parent.{code}")
    key = {"arithmetic": "raw", "other": "other_way"}.get(node.how, "unlike")
    text = words(f"parents.{key}", name=name, how=words(f"parents.{node.how}"))
    yield Finding(ident, "parent", "not_checkable", "none", *claim, *text, figures)
    posts = any(published.nodes[child].goalposts for child in published.children(code))
    if node.how in ("arithmetic", "other") or posts:
        return
    loose = open_rule(published, figures)
    found = judged(only(published, figures), lambda given: _most_status(given, line, code), loose)
    most = _most(published, line, code)
    text = words(
        f"parents.most_{'possible' if found.verdict == 'possible' else 'impossible'}", name=name,
        printed=figure.printed(), how=words(f"parents.{node.how}"), rules=rule_names(found.rules),
        most=told(most) if most is not None else words("parents.that_mean"),
    )  # fmt: skip
    if found.verdict == "only_if":
        extra = words("parents.most_rules", rules=rule_names(found.rules))
        text = (text[0] + extra[0], f"{text[1]} {extra[1]}")
    bounds = () if most is None else (Bound(*words("parents.bound_most"), Interval(high=most)),)
    yield Finding(
        f"{ident}.most", "parent", found.verdict, found.severity, *claim, *text, figures, bounds, None,
        found.rules,
    )  # fmt: skip


def _highs(published: Published, line: Line, code: str) -> dict[str, Interval]:
    return {child: around(published, line, child) for child in published.children(code)}


def _exact_weights(published: Published, line: Line, code: str) -> dict[str, Fraction] | None:
    """Return the weights of a parent where each is printed as one number."""
    ends = shares(published, code, line.period) or {}
    weights = {child: end.low for child, end in ends.items() if end.low is not None and end.low == end.high}
    return weights if len(weights) == len(published.children(code)) else None


def _most(published: Published, line: Line, code: str) -> Fraction | None:
    """Return what a geometric or harmonic parent cannot exceed; None for a geometric one: it is a root."""
    weights, parts = _exact_weights(published, line, code), _highs(published, line, code)
    highs = {child: part.high for child, part in parts.items() if part.high is not None}
    if len(highs) < len(parts):
        return None
    if weights is None:
        return max(highs.values())
    if published.nodes[code].how == "geometric":
        return None
    if any(high <= 0 for child, high in highs.items() if weights[child]):
        return ZERO
    return ONE / sum((weight / highs[child] for child, weight in weights.items() if weight), ZERO)


def _most_status(published: Published, line: Line, code: str) -> Status:
    low = published.figures[line.id(code)].interval()
    if low.low is None or low.low <= 0:
        return "holds"
    weights, parts = _exact_weights(published, line, code), _highs(published, line, code)
    most = _most(published, line, code)
    used = [part for child, part in parts.items() if weights is None or weights[child]]
    strict = low.low_open or any(part.high_open for part in used)
    if most is None:
        ends = {child: part.high for child, part in parts.items() if part.high is not None}
        if weights is None or len(ends) < len(parts):
            return "holds"
        power = lcm(*(weight.denominator for weight in weights.values()))
        reached = ONE
        for child, weight in weights.items():
            reached *= max(ends[child], ZERO) ** int(weight * power)
        most, least = reached, low.low**power
    else:
        least = low.low
    if least == most:
        return "touches" if strict else "holds"
    return "holds" if least < most else "cannot"


def _together(
    published: Published, line: Line, broken: tuple[str, ...], touching: frozenset[str] | None
) -> Iterator[Finding]:
    """Yield whether all parents of a line can hold at once, and with the grades and groups of the units."""
    figures = tuple(key for code in published.nodes for key in resting_on(published, line, code))
    figures = tuple(dict.fromkeys(figures))
    if touching is not None and not touching & set(figures):
        return
    left = tuple(line.id(code) for code in broken)
    rest = published.without(*left)
    figures = tuple(key for key in figures if key not in left)
    loose = open_rule(published, figures)
    found = judged(only(rest, figures), lambda given: tree_status(given, line), loose)
    rows = _tree
    if touching is None and found.verdict == "possible" and _classes_hold(rest, line):
        with_classes = judged(rest, lambda given: _classed(given, line).status(), loose)
        if with_classes.verdict != "possible":
            found, rows = with_classes, _classed
    certificate = None
    if touching is None:
        certificate = proof(rest, found, lambda given: rows(given, line))
    if certificate and certificate.figures:
        figures = certificate.figures
    yield _told_together(published, line, broken, found, figures, certificate)


def _told_together(
    published: Published, line: Line, broken: tuple[str, ...], found: Judged, figures: tuple[str, ...],
    certificate: Certificate | None,
) -> Finding:  # fmt: skip
    if found.verdict == "impossible":
        each = [_printed(published, key) for key in figures]
        key = "together_edge" if found.edge else "together_impossible"
        text = words(f"parents.{key}", each=names(each))
    elif found.verdict == "only_if":
        text = words("parents.together_only_if", rules=rule_names(found.rules))
    elif broken:
        text = words("parents.together_rest", names=names([named(published, line, code) for code in broken]))
    else:
        text = words("parents.together_possible")
    period = (f"（{line.period}）", f" ({line.period})") if line.period else ""
    claim = words("parents.together_claim", period=period)
    return Finding(
        dated(line.period, "parent.together"), "parent", found.verdict, found.severity, *claim, *text,
        figures, certificate=certificate, touch=found.rules,
    )  # fmt: skip


def _printed(published: Published, key: str) -> tuple[str, str]:
    """Return what is printed, in words: a figure with its value, the range of a grade or a list of units."""
    if figure := published.figures.get(key):
        shown = figure.printed()
        return f"{figure.name_zh or key} {shown}", f"{figure.name_en or key} {shown}"
    kind, _, rest = key.partition(".")
    name = rest.rpartition(".")[0]
    known: tuple[Grade | Group, ...] = (*published.grades, *published.groups)
    what = next(((item.name_zh, item.name_en) for item in known if item.name == name), (name, name))
    end = "range" if rest.endswith(".range") else "members"
    return words("parents.units") if kind == "units" else words(f"parents.{end}", name=what)


def _tree(published: Published, line: Line) -> System:
    return System(tuple(joint.line_rows(published, line)))


def _classed(published: Published, line: Line) -> System:
    return _tree(published, line).and_(joint.class_rows(published, line))


def _classes_hold(published: Published, line: Line) -> bool:
    """Return whether there are grades or groups to add, and they can hold by themselves."""
    rows = list(joint.class_rows(published, line))
    if not rows or _tree(published, line).status() != "holds":
        return False
    rows.append(Row({line.id(ROOT): ONE}, published.scale))
    if figure := published.at(line, ROOT):
        rows.append(Row({figure.id: ONE}, figure.interval(), (figure.id,)))
    return System(tuple(rows)).status() == "holds"
