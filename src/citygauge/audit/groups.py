"""Whether printed means of groups and grades fit their units, one another, and the overall mean."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from citygauge.audit.boxes import counted, figure_of, grade_figures, graded, part_of, ranged, size_of
from citygauge.audit.claims import named, touched
from citygauge.audit.figures import Figure, Interval
from citygauge.audit.findings import Bound, Finding
from citygauge.audit.grade_lists import list_findings
from citygauge.audit.group_claims import About, Read, finding_of
from citygauge.audit.group_parts import Known, mean_within, read_as, readings_of, rest_of
from citygauge.audit.group_together import together
from citygauge.audit.published import ROOT, Grade, Group, Line, Published, dated
from citygauge.audit.resting import claimed
from citygauge.audit.rules import Status
from citygauge.audit.spans import combined, status
from citygauge.audit.wording import names, words

Touching = frozenset[str] | None


def check(published: Published, touching: Touching = None) -> Iterator[Finding]:
    """Yield for every printed mean of a group or grade whether its units allow it, and what is left of all.

    The mean of a group lies within the mean of its units' ranges: their grades and, where they are printed,
    their scores. All units' mean and those of the groups of a kind leave one range for the mean of the units
    in none of them. Where it is left open who belongs to a group, each reading is tried.

    Parameters
    ----------
    touching : frozenset of str, optional
        Only claims that rest on any of these figures.

    Yields
    ------
    Finding
        ``group.NAME``, ``rest.KIND``, ``grade.mean``, ``grade.NAME``, ``group.together`` (what each alone
        allows and all together do not), and where scores are printed ``grade.NAME.list``, a finding for each
        unit that does not fit ``grade.NAME.list/UNIT``, and ``grade.lists`` for units in no list. With a
        period before it where there is one.
    """
    for line in published.lines:
        if line.kind != "mean" or not (published.groups or published.grades):
            continue
        known = Known.of(published, line)
        found = list(_each(published, known, touching))
        yield from found
        if not any(finding.verdict == "impossible" for finding in found):
            yield from together(published, known, touching)
        yield from list_findings(published, known, touching)


def _each(published: Published, known: Known, touching: Touching) -> Iterator[Finding]:
    for group in published.groups:
        yield from _group(published, known, group, touching)
    for kind in dict.fromkeys(group.kind for group in published.groups):
        yield from _rest(published, known, kind, touching)
    if published.grades:
        yield from _grades(published, known, touching)
    for grade in published.grades:
        yield from _grade(published, known, grade, touching)


def _group(published: Published, known: Known, group: Group, touching: Touching) -> Iterator[Finding]:
    line, key = known.line, part_of(group).key
    mean = figure_of(published, line, f"{key}.mean")
    if mean is None:
        return
    readings = {
        reading: group.readings.get(reading, group.members) if reading else group.members
        for reading in ("", *group.readings)
        if reading or group.members or not group.readings
    }
    n = size_of(published, line, part_of(group))
    size = figure_of(published, line, f"{key}.n")
    counts = [*grade_figures(published, line), counted(published, line)]
    cells = known.cells_in({unit for members in readings.values() for unit in members or published.units})
    ids = (mean.id, *(f.id for f in (size, *counts) if f), *cells)
    if not touched(ids, touching):
        return

    def read(reading: str, members: tuple[str, ...] | None) -> Read:
        def claim(given: Published) -> Status:
            own = given.figures.get(mean.id)
            return status(own.interval(), mean_within(given, known, members, n)) if own else "holds"

        within = mean_within(published, known, members, n)
        return Read(reading, claim, within, len(members or ()) or n, mean.interval())

    yield finding_of(
        published, _about(published, line, key, mean), ids, [read(*item) for item in readings.items()]
    )


def _rest(published: Published, known: Known, kind: str, touching: Touching) -> Iterator[Finding]:
    line = known.line
    groups = tuple(group for group in published.groups if group.kind == kind)
    means = [figure_of(published, line, f"group.{group.name}.mean") for group in groups]
    sizes = [figure_of(published, line, f"group.{group.name}.n") for group in groups]
    whole = figure_of(published, line, f"{ROOT}.mean")
    if whole is None or not any(means):
        return
    others = [*means, *sizes, counted(published, line), *grade_figures(published, line)]
    ids = (whole.id, *(f.id for f in others if f), *known.cells_in(published.units))
    if not touched(ids, touching):
        return
    reads = []
    for reading in readings_of(published, kind):
        chosen = tuple(g for g in read_as(published, kind, reading).groups if g.kind == kind)
        left = rest_of(published, known, chosen)
        if left is None:
            continue

        def claim(given: Published, chosen: tuple[Group, ...] = chosen) -> Status:
            found = rest_of(given, known, chosen)
            return status(found.implied, found.within) if found else "holds"

        reads.append(Read(reading, claim, left.implied, left.n, left.within))
    if not reads:
        return
    parts = names([part_of(group).names for group in groups])
    stem = "rest" if reads[0].n else "cover"
    claim_words = words(f"groups.{stem}_claim", parts=parts, printed=whole.printed(), n=reads[0].n)
    about = About(dated(line.period, f"rest.{kind}"), stem, claim_words, parts, whole.printed())
    yield finding_of(published, about, ids, reads)


def _grades(published: Published, known: Known, touching: Touching) -> Iterator[Finding]:
    line = known.line
    whole = figure_of(published, line, f"{ROOT}.mean")
    sizes = graded(published, line)
    if whole is None or sizes is None:
        return
    means = [figure_of(published, line, f"grade.{grade.name}.mean") for grade, _ in sizes]
    others = [*means, counted(published, line), *grade_figures(published, line)]
    ids = (whole.id, *(figure.id for figure in others if figure))
    if not touched(ids, touching):
        return

    def implied(given: Published) -> Interval | None:
        left = graded(given, line)
        total = sum(n for _, n in left or ())
        terms = [(Fraction(n, total), _graded_mean(given, line, grade)) for grade, n in left or ()]
        return combined(terms) if terms else None

    def claim(given: Published) -> Status:
        own, found = given.figures.get(whole.id), implied(given)
        return status(own.interval(), found) if own and found else "holds"

    total = sum(n for _, n in sizes)
    reads = [Read("", claim, implied(published) or published.scale, total, whole.interval())]
    about = _about(published, line, "grade.mean", whole)
    yield finding_of(published, about, ids, reads, tuple(_left_for_grades(published, line, sizes)))


def _left_for_grades(published: Published, line: Line, sizes: list[tuple[Grade, int]]) -> Iterator[Bound]:
    """Yield what the overall mean and the other grades leave for the mean of each grade."""
    whole = figure_of(published, line, f"{ROOT}.mean")
    total = sum(n for _, n in sizes)
    for grade, n in sizes:
        if whole is None or figure_of(published, line, f"grade.{grade.name}.mean"):
            continue
        others = [
            (Fraction(-k, n), _graded_mean(published, line, other)) for other, k in sizes if other != grade
        ]
        left = combined([(Fraction(total, n), whole.interval()), *others]).meet(ranged(published, grade))
        if not left.empty:
            yield Bound(*words("groups.grade_left", name=part_of(grade).names, n=n), left)


def _graded_mean(given: Published, line: Line, grade: Grade) -> Interval:
    figure = figure_of(given, line, f"grade.{grade.name}.mean")
    within = ranged(given, grade)
    met = figure.interval().meet(within) if figure else within
    return within if met.empty else met


def _grade(published: Published, known: Known, grade: Grade, touching: Touching) -> Iterator[Finding]:
    line, key = known.line, part_of(grade).key
    mean = figure_of(published, line, f"{key}.mean")
    if mean is None:
        return
    ids = (mean.id, *known.cells_in(grade.members or ()))
    if not touched(ids, touching):
        return

    def implied(given: Published) -> Interval:
        return mean_within(given, known, grade.members, None) if grade.members else ranged(given, grade)

    def claim(given: Published) -> Status:
        own = given.figures.get(mean.id)
        return status(own.interval(), implied(given)) if own else "holds"

    n = size_of(published, line, part_of(grade))
    reads = [Read("", claim, implied(published), n, mean.interval())]
    yield finding_of(published, _about(published, line, key, mean), ids, reads)


def _about(published: Published, line: Line, name: str, mean: Figure) -> About:
    stem = "group" if name.startswith("group.") else "grade"
    what = named(published, mean.id)
    return About(dated(line.period, name), stem, claimed(published, mean), what, mean.printed())
