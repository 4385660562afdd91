"""Lists of units: each unit in one grade, and in no more than one group of a kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from citygauge.audit.boxes import all_named
from citygauge.audit.claims import Pair, grade_named, touched, unit_named
from citygauge.audit.findings import Finding
from citygauge.audit.published import Published
from citygauge.audit.wording import names, words

Lists = Mapping[str, tuple[str, ...]]


def check(published: Published, touching: frozenset[str] | None = None) -> Iterator[Finding]:
    """Yield a finding for each unit that stands wrong, or one that no unit of several lists does."""
    grades = {grade.name: grade.members for grade in published.grades if grade.members is not None}
    # A single list names those in it and leaves the others open.
    whole = len(grades) == len(published.grades) > 1
    if grades:
        labels = {name: grade_named(published, name) for name in grades}
        places = [f"grade.{name}.members" for name in grades]
        if touched(places, touching):
            yield from _of_lists(published, "listed", grades, labels, whole)
    for kind in dict.fromkeys(group.kind for group in published.groups):
        groups = [g for g in published.groups if g.kind == kind and g.members is not None]
        lists = {group.name: group.members or () for group in groups}
        if lists and touched([f"group.{name}.members" for name in lists], touching):
            labels = {g.name: (g.name_zh or g.name, g.name_en or g.name) for g in groups}
            yield from _of_lists(published, f"grouped.{kind}", lists, labels, False)


def _of_lists(
    published: Published, name: str, lists: Lists, labels: Mapping[str, Pair], whole: bool
) -> Iterator[Finding]:
    """Yield a finding for each fault of some lists; without any, one on all of several."""
    stem = name.partition(".")[0]
    what = "grade" if stem == "listed" else "group"
    figures = tuple(f"{what}.{key}.members" for key in lists)
    faults = _faults(published, lists, whole)
    values = {
        "lists": names(list(labels.values())),
        "n": len({unit for members in lists.values() for unit in members}),
    }
    told = f"counts.{stem}" if whole or what == "group" else "counts.listed_some"
    claim = words(f"{told}_claim", **values)
    if not faults and len(lists) > 1:
        text = words(f"{told}_holds", **values)
        yield Finding(f"count.{name}", "count", "possible", "none", *claim, *text, figures)
    for unit, (fault, where) in faults.items():
        text = words(
            f"counts.{fault}", unit=unit_named(published, unit), lists=names([labels[key] for key in where])
        )
        places = tuple(f"{what}.{key}.members" for key in where) or figures
        yield Finding(f"count.{name}.{unit}", "count", "impossible", "high", *claim, *text, places)


def _faults(published: Published, lists: Lists, whole: bool) -> dict[str, tuple[str, Sequence[str]]]:
    """Return the units that stand wrong: how, and in which lists."""
    known = all_named(published)
    faults: dict[str, tuple[str, Sequence[str]]] = {}
    found: dict[str, list[str]] = {}
    for key, members in lists.items():
        for unit, times in Counter(members).items():
            found.setdefault(unit, []).append(key)
            if times > 1:
                faults[unit] = ("twice", [key])
    for unit, where in found.items():
        if len(where) > 1:
            faults[unit] = ("several", where)
        elif known and unit not in published.units:
            faults.setdefault(unit, ("stranger", where))
    if whole:
        faults |= {unit: ("nowhere", []) for unit in published.units if unit not in found}
    return faults
