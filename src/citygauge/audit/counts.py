"""Totals, counts and shares: whether what is printed adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import chain

from citygauge.audit import listed, relations
from citygauge.audit.boxes import all_named
from citygauge.audit.claims import (
    between,
    grade_named,
    judge,
    named,
    node_named,
    periods_of,
    rules_named,
    shown,
    touched,
)  # fmt: skip
from citygauge.audit.equations import Equation, finding_of, rows_of
from citygauge.audit.figures import Figure, Interval, told
from citygauge.audit.findings import Bound, Certificate, Finding
from citygauge.audit.linear import Row
from citygauge.audit.published import ROOT, Published, dated
from citygauge.audit.relations import whole_number, whole_numbers
from citygauge.audit.rules import Status
from citygauge.audit.spans import ZERO, combined, status
from citygauge.audit.wording import names, words

ONE, HUNDRED = Fraction(1), Fraction(100)


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield a finding for each total, count, share and relation that is printed.

    Weights of brothers add up to 1, 100 or what is printed for their parent; counts of indicators, units and
    members agree; a share is one that whole numbers can give (Brown and Heathers 2017,
    doi:10.1177/1948550616673876); every unit stands in one grade. All by exact interval arithmetic.
    """
    for equation in _equations(published):
        if touched(equation.figures, touching):
            yield _weights_or(published, equation)
    yield from _shares(published, touching)
    yield from listed.check(published, touching)
    yield from relations.check(published, touching)


def rows(published: Published) -> Iterator[Row]:
    """Yield the linear ones among these claims, for the search for a wrong figure."""
    own = (each for each in _equations(published) if each.stem != "weights_loose")
    own = (each for each in own if not _only_rounded(published, each))
    totals = (_share_total(published, period) for period in periods_of(published))
    found = (equation for equation in totals if equation)
    yield from rows_of(published, chain(own, found, relations.equations(published)))


def _equations(published: Published) -> Iterator[Equation]:
    for period in periods_of(published):
        own = f"{period}:" if period else ""
        for equation in chain(
            _weights(published, period), _indicators(published, own), _levels(published, own),
            _units(published, own),
        ):  # fmt: skip
            if not own or any(key.startswith(own) for key in equation.figures):
                yield equation


def _at(published: Published, own: str, name: str) -> str:
    """Return the id of a figure in a period, or of the one common to all where the period has none."""
    return own + name if own + name in published.figures else name


def _weights(published: Published, period: str) -> Iterator[Equation]:
    for code in published.nodes:
        weights = [published.weight(child, period) for child in published.children(code)]
        known = [weight for weight in weights if weight is not None]
        if known and len(known) == len(weights):
            target = _target(published, code, period, known)
            if target is not None:
                name = dated(period, code)
                parts = {weight.id: ONE for weight in known}
                stem = "weights" if _meant(published, code, period, target) else "weights_loose"
                above, values = published.weight(code, period), {"node": node_named(published, code)}
                whole = above.id if above and target not in (ONE, HUNDRED) else target
                yield Equation(f"count.weights.{name}", stem, parts, whole, values=values)


def _target(published: Published, code: str, period: str, weights: list[Figure]) -> Fraction | None:
    """Return what weights should add up to; None where they are mere proportions, such as 3 : 2 : 1."""
    total = sum((Fraction(weight.value) for weight in weights), ZERO)
    targets = [ONE, HUNDRED]
    if above := published.weight(code, period):
        targets.append(Fraction(above.value))
    if total <= 0:
        return None
    if total in targets:
        return total
    # A weight that fills the whole, or a sum far off, cannot be meant as a share of it.
    most = max(Fraction(weight.value) for weight in weights)
    near = [t for t in targets if t > 0 and t / 2 < total < 2 * t and (most < t or len(weights) == 1)]
    return min(near, key=lambda target: abs(target - total) / target, default=None)


def _meant(published: Published, code: str, period: str, target: Fraction) -> bool:
    """Return whether weights have to reach a total: 1, 100, or their parent's where all other brothers do.

    One other set alone may add up by chance, unless the weights of the first level add up to a whole.
    """
    if target in (ONE, HUNDRED):
        return True
    others = [_fills(published, other, period) for other in published.nodes if other != code]
    told = [fills for fills in others if fills is not None]
    first = [published.weight(child, period) for child in published.children(ROOT)]
    whole = sum((Fraction(weight.value) for weight in first if weight is not None), ZERO) in (ONE, HUNDRED)
    return len(told) + whole > 1 and bool(told) and all(told)


def _fills(published: Published, code: str, period: str) -> bool | None:
    """Return whether several brothers add up to what is printed for their parent; None where none is told."""
    above = published.weight(code, period)
    weights = [published.weight(child, period) for child in published.children(code)]
    known = [Fraction(weight.value) for weight in weights if weight is not None]
    if above is None or above.value in (1, 100) or len(known) < 2 or len(known) < len(weights):
        return None
    return sum(known) == Fraction(above.value)


def _weights_or(published: Published, equation: Equation) -> Finding:
    """Return the verdict; weights that would add up if rounded, or may be proportions, get that condition."""
    found = finding_of(published, equation)
    loose = equation.stem == "weights_loose"
    if found.verdict != "impossible" or not (loose or _only_rounded(published, equation)):
        return found
    whole = equation.whole
    values = {
        **equation.values, "result": told(equation.result(published)),
        "printed": told(whole) if isinstance(whole, Fraction) else published.figures[whole].printed(),
    }  # fmt: skip
    zh, en = words("counts.weights_proportions" if loose else "counts.weights_rounded", **values)
    return replace(found, verdict="only_if", severity="low", text_zh=zh, text_en=en, certificate=None)


def _only_rounded(published: Published, equation: Equation) -> bool:
    """Return whether weights that are taken as exact miss their total, and would not if rounded."""
    if equation.stem != "weights" or equation.status(published) == "holds":
        return False
    figures = dict(published.figures)
    for key in equation.figures:
        figure = figures[key]
        figures[key] = replace(figure, step=figure.step or _last_place(figure.value), rule="unknown")
    return equation.status(replace(published, figures=figures)) == "holds"


def _last_place(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    return Decimal(1).scaleb(int(exponent))


def _indicators(published: Published, own: str) -> Iterator[Equation]:
    """Yield for each printed count of indicators: against those below it, and those that are known."""
    for code, node in published.nodes.items():
        figure = f"{own}{code}.count"
        if figure not in published.figures:
            continue
        values = {"node": node_named(published, code)}
        name = f"count.indicators.{own}{code}"
        children = published.children(code)
        below = [_at(published, own, f"{child}.count") for child in children]
        if children and all(key in published.figures for key in below):
            yield Equation(name, "indicators", dict.fromkeys(below, ONE), figure, values=values)
        elif node.indicators is not None:
            known = Fraction(node.indicators)
            yield Equation(f"{name}.known", "known", {}, figure, known, (f"{code}.indicators",), values)


def _levels(published: Published, own: str) -> Iterator[Equation]:
    """Yield for each printed number of nodes on a level of the tree: against those that are there.

    Where a node above has no children, others of its level may not be listed: the tree has at least these.
    """
    above, level = [code for code, node in published.nodes.items() if node.parent is None], 1
    while nodes := [child for code in above for child in published.children(code)]:
        figure = f"{own}level.{level}.count"
        if figure in published.figures:
            listed = Fraction(len(nodes))
            whole = all(published.children(code) for code in above)
            if whole or Fraction(published.figures[figure].value) <= listed:
                name = f"count.{own}level.{level}"
                yield Equation(name, "level", {}, figure, listed, ("nodes",), {"level": level})
        above, level = nodes, level + 1


def _units(published: Published, own: str) -> Iterator[Equation]:
    """Yield the counts of units: the named ones, by grade, by list; and shares against counts."""
    units, grades = _at(published, own, "units.n"), [grade.name for grade in published.grades]
    counts = [_at(published, own, f"grade.{name}.n") for name in grades]
    if units in published.figures and all_named(published):
        yield Equation(
            f"count.{own}units.named", "named", {}, units, Fraction(len(published.units)), ("units",)
        )
    if grades and all(key in published.figures for key in counts):
        parts = dict.fromkeys(counts, ONE)
        if units in published.figures:
            yield Equation(f"count.{own}units.grades", "grades", parts, units)
        elif all_named(published):
            total = Fraction(len(published.units))
            yield Equation(f"count.{own}units.grades", "grades_named", parts, total, rests_on=("units",))
    yield from _lists(published, own)
    total_units = published.figures.get(units)
    if total_units is None or not total_units.value:
        return
    for name, count in zip(grades, counts, strict=True):
        share = _at(published, own, f"grade.{name}.share")
        if share in published.figures and count in published.figures:
            parts = {count: ONE / Fraction(total_units.value)}
            values = {"grade": grade_named(published, name), "count": told(Fraction(total_units.value))}
            yield Equation(f"count.{own}share.{name}", "share_of", parts, share, ZERO, (units,), values)


def _lists(published: Published, own: str) -> Iterator[Equation]:
    """Yield the printed numbers of members against the printed lists."""
    for what, part in [("grade", g) for g in published.grades] + [("group", g) for g in published.groups]:
        figure = f"{own}{what}.{part.name}.n"
        if part.members is not None and figure in published.figures:
            place = f"{what}.{part.name}.members"
            values = {"list": (part.name_zh or part.name, part.name_en or part.name)}
            size = Fraction(len(part.members))
            yield Equation(f"count.{own}{what}.{part.name}", "members", {}, figure, size, (place,), values)


def _share_total(published: Published, period: str) -> Equation | None:
    """Return that the shares of all grades add up to 1; None unless all are printed."""
    own = f"{period}:" if period else ""
    shares = [_at(published, own, f"grade.{grade.name}.share") for grade in published.grades]
    if not shares or any(key not in published.figures for key in shares):
        return None
    if own and not any(key.startswith(own) for key in shares):
        return None
    return Equation(f"count.{own}shares", "shares", dict.fromkeys(shares, ONE), ONE)


def _shares(published: Published, touching: frozenset[str] | None) -> Iterator[Finding]:
    """Yield whether the shares of grades add up to 1, and each that no whole number gives."""
    for period in periods_of(published):
        own = f"{period}:" if period else ""
        units = _at(published, own, "units.n")
        total = published.figures.get(units)
        whole = total is not None and total.value > 0 and total.value % 1 == 0
        for grade in published.grades:
            share = f"{own}grade.{grade.name}.share"
            counted = _at(published, own, f"grade.{grade.name}.n") in published.figures
            if whole and not counted and share in published.figures and touched((share, units), touching):
                claim = words(
                    "counts.grim_claim", share=named(published, share), total=named(published, units)
                )
                yield whole_number(published, share, units, f"count.{own}share.{grade.name}", claim)
        if equation := _share_total(published, period):
            figures = (*equation.parts, units) if whole else tuple(equation.parts)
            if touched(figures, touching):
                yield _together(published, equation, units) if whole else finding_of(published, equation)


def _together(published: Published, equation: Equation, units: str) -> Finding:
    """Return whether whole numbers of units that add up to all of them can give the printed shares."""
    figures = (*equation.parts, units)
    count = Fraction(published.figures[units].value)

    def held(other: Published) -> Status:
        spans = [other.figures[key].interval() for key in equation.parts]
        if _adds_up(spans, count):
            return "holds"
        return "touches" if _adds_up([span.closed for span in spans], count) else "cannot"

    judged = judge(published, figures, held)
    implied = combined([(ONE, published.figures[key].interval()) for key in equation.parts])
    values = {
        "parts": names([shown(published, key) for key in equation.parts]),
        "result": told(equation.result(published)), "count": told(count), "printed": 1,
        "span": between(implied), "rules": rules_named(judged.rules),
    }  # fmt: skip
    whole = status(implied, Interval(ONE, ONE)) == "holds"
    fails = "shares_fails_whole" if whole else "shares_fails"
    stem = {"possible": "shares_holds", "only_if": "only_if"}.get(judged.verdict, fails)
    return Finding(
        equation.id, "count", judged.verdict, judged.severity, *words("counts.shares_claim"),
        *words(f"counts.{stem}", **values), figures, (Bound(*words("counts.bound"), implied),),
        Certificate(figures, touches=judged.edge) if judged.verdict == "impossible" else None, judged.rules,
    )  # fmt: skip


def _adds_up(spans: list[Interval], count: Fraction) -> bool:
    ends = [whole_numbers(span, count) for span in spans]
    found = [end for end in ends if end is not None]
    low, high = (sum(end[side] for end in found) for side in (0, 1))
    return len(found) == len(ends) and low <= count <= high
