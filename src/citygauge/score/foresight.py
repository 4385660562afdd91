"""What a method will do to any data of a framework, told before it runs."""

from __future__ import annotations

from citygauge.framework.model import Framework
from citygauge.problems import Problems
from citygauge.score.aggregate import MEANS, Rule
from citygauge.score.estimating import OVER_TIME
from citygauge.score.method import Grades, Method
from citygauge.score.normalise import RELATIVE
from citygauge.score.ranges import Range, ranges
from citygauge.score.treating import Treat, TreatColumn
from citygauge.score.weight_data import WEIGHTERS

# Relative normalisations under which the last of a column has 0, and methods that then give 0 altogether.
_FROM_ZERO = frozenset(
    {"minmax", "borda", "percentile_rank", "distance_to_max", "distance_to_reference", "distance_to_target"}
)
_KEEP_ZERO = frozenset({"geometric", "harmonic", "coupling"})
_ALONE = frozenset({"coupling", "mpi"})  # beside means: methods that look at one unit at a time
_PLAIN = frozenset({"median", "owa", *MEANS})  # methods to which a lone child simply hands its score


def note_conflicts(method: Method, framework: Framework, graded: bool, problems: Problems) -> None:
    """Note where parts of a method, or a method and a framework, do not fit together.

    `graded` tells whether units get grades.
    """
    rules, spans = method.aggregate.rules(framework), ranges(method, framework)
    _note_steps_off(method, problems)
    levels = {str(framework.levels[code]) for code in framework.aggregates}
    if both := sorted(set(method.aggregate.by) & levels & set(framework.codes)):
        problems.add("method.code-like-level", keys=both)
    _note_zeros(method, framework, rules, problems)
    _note_scales(framework, rules, spans, problems)
    _note_lone(method, framework, rules, problems)
    for code, rule in rules.items():
        count, bounds = len(framework.counted(code)), dict(rule.parameters)
        if rule.how == "benefit_of_the_doubt" and not (
            bounds.get("low", 0.0) * count <= 1 <= bounds.get("high", 1.0) * count
        ):
            problems.add("method.bounds-leave-nothing", code=code, count=count)
    adjusted = [
        code
        for code, rule in rules.items()
        if rule.how not in _PLAIN and len(framework.counted(code)) < len(framework.children(code))
    ]
    if adjusted:
        problems.add("method.roles-need-mean", codes=adjusted)
    if graded:
        _note_cuts(method, framework, spans[framework.root.code], problems)


def _note_steps_off(method: Method, problems: Problems) -> None:
    """Settings of a step that is off do nothing."""
    now, default = method.treat.model_dump(), Treat().model_dump()
    idle = [name for name in TreatColumn.model_fields if now[name] != default[name]]
    if method.treat.how == "none" and not method.treat.by and idle:
        problems.add("method.step-is-off", step="treat", keys=idle)
    if method.grades.order != Grades().order and not (method.grades.scale or method.grades.stages):
        problems.add("method.step-is-off", step="grades", keys=["order"])


def _note_zeros(method: Method, framework: Framework, rules: dict[str, Rule], problems: Problems) -> None:
    """A relative scale that begins at 0 gives somebody a 0 in each column, and these means keep only that."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for code, rule in rules.items():
        power = dict(rule.parameters).get("power", 1.0)
        if not (rule.how in _KEEP_ZERO or (rule.how == "generalised" and power <= 0)):
            continue
        for child in framework.counted(code):
            column = method.normalise.of(child)
            begins = method.normalise.onto(child)[0] if column.how == "minmax" else 0.0
            if not framework.children(child) and column.how in _FROM_ZERO and begins == 0:
                parents, children = found.setdefault(rule.how, ([], []))
                children.append(child)
                parents += [] if code in parents else [code]
    for how, (parents, children) in found.items():
        problems.add("method.mean-at-zero", how=how, parents=parents, codes=children)


def _note_scales(
    framework: Framework, rules: dict[str, Rule], spans: dict[str, Range | None], problems: Problems
) -> None:
    """Scores on different scales do not add up, and some methods need a scale."""
    for code, rule in rules.items():
        children = framework.counted(code)
        if rule.how == "coupling" and spans[code] is None:
            problems.add("method.coupling-needs-range", code=code, codes=list(children))
        compares = rule.how not in _PLAIN | _ALONE | {"topsis"} and "threshold" not in dict(rule.parameters)
        # A child without a range because its own children differ has been told of already.
        told = [c for c in children if framework.children(c) and spans[c] is None and rules[c].how in _PLAIN]
        kinds = {spans[child] for child in children if child not in told}
        if not compares and len(kinds) > 1:
            shown = [f"{child} ({_said(spans[child])})" for child in children]
            problems.add("method.mixed-scales", code=code, codes=shown)


def _said(span: Range | None) -> str:
    return "–" if span is None else f"{span[0]:g}..{span[1]:g}"


def _note_lone(method: Method, framework: Framework, rules: dict[str, Rule], problems: Problems) -> None:
    """With one child there is nothing to compare or to weigh."""
    lone = {code for code in rules if len(framework.counted(code)) == 1}
    for how in sorted({rule.how for rule in rules.values()} - _PLAIN):
        codes = [code for code, rule in rules.items() if rule.how == how and code in lone]
        if codes:
            problems.add("method.single-child", how=how, codes=codes)
    if method.weights in WEIGHTERS and lone:
        problems.add("method.nothing-to-weigh", name=method.weights, codes=sorted(lone))


def _note_cuts(method: Method, framework: Framework, span: Range | None, problems: Problems) -> None:
    """Grades have fixed edges: they need a scale, and one that other units do not move."""
    if span is None:
        problems.add("method.grades-without-range", scale=method.grades.scale or method.grades.stages or "")
    moved = [
        code for code in framework.leaves if method.normalise.of(code, framework.roles[code]).how in RELATIVE
    ]
    others = {rule.how for rule in method.aggregate.rules(framework).values()} - _PLAIN - _ALONE
    parts = [
        ("weights", method.weights, method.weights in WEIGHTERS),
        ("impute.how", method.impute.how, method.impute.how not in OVER_TIME | {"none", "constant"}),
        ("treat.how", method.treat.how, method.treat.how != "none"),
    ]
    settings = [f'{key} = "{value}"' for key, value, compares in parts if compares]
    if moved or others:
        problems.add("method.cut-on-relative-scale", codes=[*sorted(others), *moved])
    if settings:
        problems.add("method.cut-moved-by-others", keys=settings)
