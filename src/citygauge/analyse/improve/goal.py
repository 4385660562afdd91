"""Which city, and what it is to reach: a grade by its id or name, or a rank, as a score of the index."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from citygauge.collect.units import UnitMatcher, note_matches
from citygauge.problems import Problems, Where
from citygauge.result import Result
from citygauge.score.grade import GradeScale
from citygauge.score.rank import RESOLUTION


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached.

    `value` is the score of the index that does it, with the other units as they are; `rank` is the place, or
    `grade` the id of the class and `number` its place on the scale, best first; `is_stage` tells that it is
    of the second scale.
    """

    value: float
    rank: int | None = None
    grade: str = ""
    number: int = 0
    name_zh: str = ""
    name_en: str = ""
    is_stage: bool = False
    slack: float = 0.0

    def reached(self, index: float) -> bool:
        """Tell whether a score is enough; a score 2⁻⁴⁰ of the range below is."""
        return index >= self.value - self.slack


def row_of(result: Result, city: str, problems: Problems) -> int | None:
    """Return the row of a city by code, Chinese or English name; on illustrative data by its neutral name."""
    if result.illustrative:
        wanted = _key(city)
        for language in ("zh", "en"):
            keys = [_key(label) for label in result.labels("zh" if language == "zh" else "en")]
            if wanted in keys:
                return keys.index(wanted)
        names = [*result.labels("zh"), *result.labels("en")]
        near = get_close_matches(city, names, 3) or list(sorted(result.labels("zh"))[:3])
        known = sorted(result.labels("zh"))
        first, last = (known[0], known[-1]) if known else ("–", "–")
        problems.add("improve.neutral-only", value=city, first=first, last=last, near=near)
        return None
    if city in result.units.codes:
        return result.units.codes.index(city)
    match = UnitMatcher(result.workspace.units).match(city)
    if match.verdict != "found":
        note_matches({city: match}, {city: []}, Where(), problems)
        return None
    if match.code not in result.units.codes:
        problems.add("improve.not-scored", unit=city)
        return None
    return result.units.codes.index(match.code)


def goal_of(result: Result, row: int, to: str | int, problems: Problems) -> Goal | None:
    """Return what is to be reached; what cannot be meant is noted."""
    text = str(to).strip()
    if text.removeprefix("-").isdecimal():
        return _place(result, row, int(text), problems)
    scales = [(result.scale, False), (result.stage_scale, True)]
    known = [(scale, is_stage) for scale, is_stage in scales if scale is not None]
    if not known:
        problems.add("improve.no-grades", to=text)
        return None
    for scale, is_stage in known:
        found = _grades_named(scale, text)
        if len(found) == 1:
            return _grade(result, scale, found[0], is_stage=is_stage)
    names = [
        f"{g.name.get('zh', g.id)} / {g.name.get('en', g.id)}" for scale, _ in known for g in scale.grades
    ]
    problems.add("improve.unknown-goal", to=text, known=names)
    return None


def _grades_named(scale: GradeScale, text: str) -> list[int]:
    """Return the grades of that id or name, else those whose names begin with the text."""
    key = _key(text)
    names = [[_key(grade.id), *map(_key, grade.name.values())] for grade in scale.grades]
    exact = [i for i, own in enumerate(names) if key in own]
    return exact or [i for i, own in enumerate(names) if any(name.startswith(key) for name in own)]


def _grade(result: Result, scale: GradeScale, number: int, *, is_stage: bool) -> Goal:
    low, high = result.range or (scale.low, scale.high)
    edge, grade = scale.edges(result.range)[number], scale.grades[number]
    names = grade.name.get("zh", grade.id), grade.name.get("en", grade.id)
    value = -np.inf if edge is None else edge
    slack = abs(high - low) * RESOLUTION
    return Goal(value, None, grade.id, number, *names, is_stage=is_stage, slack=slack)


def _place(result: Result, row: int, rank: int, problems: Problems) -> Goal | None:
    scores = result.index
    others = np.sort(np.delete(scores, row))[::-1]
    others = others[~np.isnan(others)]
    if not 1 <= rank <= others.size + 1:
        problems.add("improve.bad-rank", value=rank, most=int(others.size) + 1)
        return None
    value = float(others[rank - 1]) if rank <= others.size else -np.inf
    size = float(np.nanmax(np.abs(scores), initial=0.0))
    names = f"第{rank}名", f"rank {rank}"
    return Goal(value, rank, "", 0, *names, slack=size * RESOLUTION)


def _key(text: str) -> str:
    return "".join(text.casefold().split())
