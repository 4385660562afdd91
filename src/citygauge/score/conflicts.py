"""What does not fit together: a method, a framework and the facts, before and after a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

import numpy as np
from pydantic import ValidationError

from citygauge.collect.resolve import Facts
from citygauge.collect.units import Units
from citygauge.framework.model import VETO, Framework
from citygauge.indicators.table import Table
from citygauge.problems import Problems
from citygauge.score.aggregate import Rule
from citygauge.score.imputing import check_imputing
from citygauge.score.method import Method
from citygauge.score.normalise import RELATIVE
from citygauge.score.screening import check_screening
from citygauge.score.steps import Scaled, Scored

LARGEST = 1e150  # squares of larger figures leave the range of doubles


def check_method(method: Method, framework: Framework, units: Units, problems: Problems) -> None:
    """Note what a method names that the framework or the units do not have."""
    attributes = units.attributes
    for part in ("include", "exclude"):
        for unit in getattr(method.screen, part):
            if unit not in units.position:
                near = get_close_matches(unit, units.codes, 3)
                problems.add("method.unknown-unit", key=f"screen.{part}", unit=unit, near=near)
    known = set(framework.codes)
    for part, codes in (
        ("normalise.by", method.normalise.by),
        ("treat.by", method.treat.by),
        ("treat.exclude", method.treat.exclude),
    ):
        for code in codes:
            if code not in known:
                problems.add(
                    "method.unknown-code",
                    key=part,
                    code=code,
                    near=get_close_matches(code, framework.codes, 3),
                )
    _check_parents(method, framework, problems)
    check_screening(method.screen, framework, problems)
    check_imputing(method.impute, framework, units, problems)
    for name in method.grades.order:
        if name not in {"score", "unit", *attributes}:
            problems.add(
                "method.unknown-attribute",
                key="grades.order",
                name=name,
                known=["score", "unit", *attributes],
            )
    _check_goalposts(method, framework, problems)
    _check_points(method, framework, problems)


def _check_parents(method: Method, framework: Framework, problems: Problems) -> None:
    """Exceptions of the aggregation name parents or levels that have any, and fit on top of each other."""
    above = {str(framework.levels[code]) for code in framework.aggregates}
    for key in method.aggregate.by:
        if key not in framework.aggregates and (key in framework or key not in above):
            problems.add("method.unknown-parent", key=key, known=sorted(above))
    for code in framework.aggregates:
        try:
            method.aggregate.of(code, framework)
        except ValidationError as error:
            for fault in error.errors():
                reason = fault["msg"].removeprefix("Value error, ")
                problems.add("method.exceptions-clash", code=code, reason=reason)


def check_effects(method: Method, framework: Framework, columns: Collection[str], problems: Problems) -> None:
    """Note settings that name nodes on which they can have no effect; `columns` are those with facts."""
    named = {
        "normalise.by": method.normalise.by,
        "treat.by": method.treat.by,
        "treat.exclude": method.treat.exclude,
        "impute.exclude": method.impute.exclude,
    }
    for key, codes in named.items():
        idle = [c for c in codes if c in framework and framework.children(c) and c not in columns]
        if idle:
            problems.add("method.no-effect", key=key, codes=idle)


def _check_goalposts(method: Method, framework: Framework, problems: Problems) -> None:
    """Columns normalised by goalposts need posts, those by rubric a rubric; logarithms positive posts."""
    without, unscored, not_positive = [], [], []
    for code in framework.leaves:
        column, node = method.normalise.of(code, framework.roles[code]), framework[code]
        low = node.low if column.low is None else column.low
        if column.how == "goalposts" and low is None:
            without.append(code)
        if column.how == "goalposts" and column.log and low is not None and low <= 0:
            not_positive.append(code)
        if column.how == "rubric" and not node.rubric:
            unscored.append(code)
    for name, codes in (("no-goalposts", without), ("no-rubric", unscored), ("log-of-posts", not_positive)):
        if codes:
            problems.add(f"method.{name}", codes=codes)


def _check_points(method: Method, framework: Framework, problems: Problems) -> None:
    """What is counted in points needs one bounded scale, figures as recorded, and a rule for each of them."""
    onto, roles = method.normalise.range, framework.roles
    adjusted = [node.code for node in framework if node.role or node.cap is not None]
    if adjusted and onto is None:
        problems.add("method.roles-need-range", codes=adjusted, how=method.normalise.how)
        return
    off, relative, ruleless, treated = [], [], [], []
    for code in framework.leaves:
        node, column = framework[code], method.normalise.of(code, roles[code])
        if roles[code] and column.how in RELATIVE:
            relative.append(code)
        elif (roles[code] or code in framework.points) and onto is not None:
            strays = column.range is None or method.normalise.onto(code) != onto
            off += [code] if strays else []
        if column.how != "points":
            continue
        if not (node.scheme or node.rubric or node.low is not None or roles[code] == VETO):
            ruleless.append(code)
        if (node.scheme or roles[code]) and method.treat.of(code).how != "none":
            treated.append(code)
    for name, codes in (
        ("points-range", off),
        ("relative-role", relative),
        ("no-points-rule", ruleless),
        ("treated-scheme", treated),
    ):
        if codes:
            problems.add(f"method.{name}", codes=codes)


def note_unused_schemes(method: Method, framework: Framework, problems: Problems) -> None:
    """Note schemes that the method passes over."""
    codes = [
        node.code
        for node in framework
        if node.scheme and method.normalise.of(node.code, framework.roles[node.code]).how != "points"
    ]
    if codes:
        problems.add("method.scheme-unused", codes=codes)


def check_scores_handed_over(facts: Facts, method: Method, framework: Framework, problems: Problems) -> None:
    """Note columns that mix scores with measurements, or whose scores would be read as measurements."""
    mixed, misread = [], []
    for column, code in enumerate(facts.codes):
        known = ~np.isnan(facts.values[:, column])
        scores = facts.is_score[:, column] & known
        if not scores.any():
            continue
        rule = method.normalise.of(code, framework.roles[code])
        if (known & ~scores).any():
            mixed.append(code)
        elif rule.how in {"rubric", "points", "scaled"} or (
            (rule.how == "goalposts" and rule.low is None)
            or (rule.how == "distance_to_target" and rule.target is None)
        ):
            misread.append(code)
    if mixed:
        problems.add("facts.score-and-measurement", codes=mixed)
    if misread:
        problems.add("facts.score-needs-range", codes=misread)


def note_losses(
    derived: Table, scored: Scored, framework: Framework, rules: Mapping[str, Rule], problems: Problems
) -> None:
    """Note what fell out on the way: units screened out, columns without spread, empty nodes and indices."""
    treated, aggregated = scored.treated, scored.aggregated
    with np.errstate(invalid="ignore"):
        huge = np.asarray((np.abs(derived.values) > LARGEST).any(axis=0))
    if huge.any():
        problems.add(
            "facts.too-large", codes=[c for c, is_huge in zip(derived.codes, huge, strict=True) if is_huge]
        )
    stayed = set(treated.units)
    dropped = [unit for unit in derived.units if unit not in stayed]
    if dropped:
        problems.add("units.screened-out", units=dropped)
    if codes := _lost_columns(scored):
        problems.add("facts.no-spread", codes=codes)
    _note_unmet(aggregated, framework, rules, problems)
    index = aggregated.values[:, 0]
    if np.isnan(index).all():
        problems.add("facts.nothing-to-score", units=len(aggregated.units))
    elif np.isnan(index).any():
        problems.add(
            "units.no-score",
            units=[u for u, gone in zip(aggregated.units, np.isnan(index), strict=True) if gone],
        )


def note_lost_in_stratum(stratum: str, scored: Scaled, problems: Problems) -> None:
    """Note columns that have no spread in one stratum, where they count for nothing."""
    if codes := _lost_columns(scored):
        problems.add("facts.no-spread-in-stratum", stratum=stratum, codes=codes)


def _lost_columns(scored: Scaled) -> list[str]:
    """Return the codes that had values and have no score."""
    had = ~np.isnan(scored.treated.values)
    lost = np.asarray(had.any(axis=0) & np.isnan(scored.normalised.values).all(axis=0))
    return [code for code, gone in zip(scored.normalised.codes, lost, strict=True) if gone]


def _note_unmet(
    aggregated: Table, framework: Framework, rules: Mapping[str, Rule], problems: Problems
) -> None:
    """Note limits of availability that no unit meets although there are values below."""
    for code, rule in rules.items():
        children = framework.counted(code)
        below = np.column_stack([aggregated.column(child) for child in children])
        known = ~np.isnan(below)
        if rule.min_availability == 0 or not known.any() or not np.isnan(aggregated.column(code)).all():
            continue
        applicable = np.column_stack(
            [aggregated.applicable[:, aggregated.codes.index(child)] for child in children]
        )
        share = float((known.sum(axis=1) / np.maximum(applicable.sum(axis=1), 1)).max())
        gaps = [child for child, column in zip(children, known.T, strict=True) if not column.all()]
        values = {"limit": f"{rule.min_availability:.0%}", "most": f"{share:.0%}", "codes": gaps}
        if share < rule.min_availability:
            problems.add("method.availability-unmet", code=code, **values)
