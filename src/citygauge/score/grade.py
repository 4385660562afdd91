"""Grades: classes on the score, with explicit lower edges."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citygauge.files import is_file
from citygauge.problems import Problems, Where
from citygauge.score.rank import RESOLUTION


@dataclass(frozen=True, slots=True)
class Grade:
    """One class: from its lower edge (inclusive) to the next edge; None = no lower edge."""

    id: str
    edge: float | None
    name: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GradeScale:
    """Classes from the best to the worst, on scores between `low` and `high`.

    `assumed` marks thresholds that nobody published.
    """

    id: str
    title: Mapping[str, str]
    low: float
    high: float
    grades: tuple[Grade, ...]
    assumed: bool = False
    source: str = ""

    def edges(self, onto: tuple[float, float] | None = None) -> list[float | None]:
        """Return the lower edges on the range of the scores, where it is not the scale's own."""
        low, high = onto or (self.low, self.high)
        stretch = (high - low) / (self.high - self.low)
        return [None if g.edge is None else low + (g.edge - self.low) * stretch for g in self.grades]


def grade(
    scores: NDArray[np.float64], scale: GradeScale, onto: tuple[float, float] | None = None
) -> list[str]:
    """Return the id of the class of each score; empty text for NaN.

    Parameters
    ----------
    scores : (n_units,) float
    scale : GradeScale
    onto : pair of float, optional
        The range on which the scores stand, where it is not the scale's own: edges move with it.

    Notes
    -----
    A score counts as reaching an edge when it is at most 2⁻⁴⁰ of the range below it, so that 0.85 reached
    by a sum of decimals is 0.85.
    """
    low, high = onto or (scale.low, scale.high)
    edges = scale.edges(onto)
    slack = abs(high - low) * RESOLUTION
    found = []
    for score in scores:
        reached = (
            g.id for g, edge in zip(scale.grades, edges, strict=True) if edge is None or score >= edge - slack
        )
        found.append("" if np.isnan(score) else next(reached, ""))
    return found


def grade_scale(name: str, folder: Path | None, problems: Problems) -> GradeScale | None:
    """Return a grade scale: ``grades/NAME.toml`` of the workspace, else a built-in one; else a problem."""
    shipped = resources.files("citygauge").joinpath("score", "scales")
    places = [folder / "grades" / f"{name}.toml"] if folder else []
    for place in (*places, Path(str(shipped)) / f"{name}.toml"):
        if is_file(place):
            return _read(place, name, problems)
    known = sorted(path.stem for path in Path(str(shipped)).glob("*.toml"))
    problems.add("method.unknown-grades", name=name, known=known)
    return None


def _read(path: Path, name: str, problems: Problems) -> GradeScale | None:
    where = Where(path.name)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        grades = tuple(
            Grade(str(g["id"]), None if g.get("from") is None else float(g["from"]), _texts(g, "name"))
            for g in data["grade"]
        )
        low, high = float(data.get("low", 0)), float(data.get("high", 1))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        problems.add("grades.unreadable", where, reason=f"{type(error).__name__}: {error}")
        return None
    edges = [g.edge for g in grades if g.edge is not None]
    ids = [g.id for g in grades]
    if not all(map(isfinite, (low, high, *edges))):
        problems.add("grades.unreadable", where, reason="from, low and high must be finite numbers")
    if not grades or edges != sorted(edges, reverse=True) or len(set(edges)) < len(edges) or low >= high:
        problems.add("grades.order", where)
    if len(set(ids)) < len(ids):
        problems.add("grades.repeated", where, ids=sorted({i for i in ids if ids.count(i) > 1}))
    if any(g.edge is None for g in grades[:-1]) or (grades and grades[-1].edge is not None):
        problems.add("grades.open-end", where)
    return GradeScale(
        name, _texts(data, "title"), low, high, grades, bool(data.get("assumed")), str(data.get("source", ""))
    )


def _texts(data: Mapping[str, object], name: str) -> dict[str, str]:
    return {
        key.removeprefix(f"{name}_"): str(text) for key, text in data.items() if key.startswith(f"{name}_")
    }
