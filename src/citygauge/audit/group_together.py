"""All printed means of groups and grades at once, with the overall mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from citygauge.audit.boxes import all_named, figure_of, part_of
from citygauge.audit.claims import rules_named, touched
from citygauge.audit.findings import Bound, Finding
from citygauge.audit.group_parts import Known
from citygauge.audit.joint import class_of, class_rows
from citygauge.audit.linear import Row, System
from citygauge.audit.published import ROOT, Published, dated
from citygauge.audit.resting import judged_on, only
from citygauge.audit.wording import names, words

ONE = Fraction(1)


def together(published: Published, known: Known, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield whether the means of all groups and grades of known members can hold with the overall mean."""
    line = known.line
    parts = [*map(part_of, published.groups), *map(part_of, published.grades)]
    means = [
        (part, figure)
        for part in parts
        if part.members and (figure := figure_of(published, line, f"{part.key}.mean"))
    ]
    whole = figure_of(published, line, f"{ROOT}.mean")
    ids = (*([whole.id] if whole else []), *(figure.id for _, figure in means))
    if len(ids) < 2 or not all_named(published) or not touched(ids, touching):
        return
    slim = only(published, ids)
    if not list(class_rows(slim, line)):
        return
    judged = judged_on(slim, lambda given: _system(given, known).status())
    settled = _system(slim, known).settle() if touching is None else None
    if settled and judged.verdict == "impossible" and settled.status == "holds":
        settled = _system(slim.under("half_up"), known).settle()  # each end alone can be, not all at once
    parted = names([part.names for part, _ in means])
    outcome = "edge" if judged.edge else judged.verdict
    text = words(f"groups.together_{outcome}", parts=parted, rules=rules_named(judged.rules))
    bounds = _bounds(slim, known) if settled and settled.status == "holds" else ()
    yield Finding(
        dated(line.period, "group.together"), "group", judged.verdict, judged.severity,
        *words("groups.together_claim", parts=parted), *text, ids, tuple(bounds),
        settled.certificate if settled else None, judged.rules,
    )  # fmt: skip


def _system(given: Published, known: Known) -> System:
    line = known.line
    rows = list(class_rows(given, line))
    if whole := figure_of(given, line, f"{ROOT}.mean"):
        rows.append(Row({line.id(ROOT): ONE}, whole.interval(), (whole.id,)))
    return System(tuple(rows))


def _bounds(given: Published, known: Known) -> Iterator[Bound]:
    """Yield what all of it leaves for the mean of each grade and of the units in no group of a kind."""
    system = _system(given, known)
    wanted = [(grade.name, part_of(grade).names, set(grade.members or ())) for grade in given.grades]
    for kind in dict.fromkeys(group.kind for group in given.groups):
        groups = [group for group in given.groups if group.kind == kind and group.members]
        inside = {unit for group in groups for unit in group.members or ()}
        about = words("groups.outside", parts=names([part_of(group).names for group in groups]))
        wanted.append((kind, about, set(given.units) - inside))
    for _, about, units in wanted:
        if not units or units == set(given.units):
            continue
        found = system.extent(_mean_of(given, known, units))
        if found is not None:
            yield Bound(*words("groups.left", what=about, n=len(units)), found)


def _mean_of(given: Published, known: Known, units: set[str]) -> dict[str, Fraction]:
    """Return the mean of some units as a sum over their classes, all of which lie inside or outside."""
    sizes = Counter(class_of(given, unit) for unit in units)
    period = known.line.period
    return {f"class:{period}:{'|'.join(key)}": Fraction(n, len(units)) for key, n in sizes.items()}
