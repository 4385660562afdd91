"""What a published index says about its unit × node table, as claims and as arrays for the compiled loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from citygauge.audit.boxes import all_named
from citygauge.audit.figures import Interval
from citygauge.audit.published import ROOT, Line, Published, dated

Array = NDArray[np.float64]
Kind = Literal["unit", "mean", "sd", "weight"]
ALL = "units"
EDGE = 1e-12  # of the scale: how far a draw stays inside, so that no rounding of the machine crosses an end
FIXED = 1e-10  # of the scale: how far a draw may be from a figure that is exact


@dataclass(frozen=True, slots=True)
class Claim:
    """One printed figure about the table.

    Attributes
    ----------
    figure : str
        Its id; blank for what always holds or is assumed.
    kind : str
        ``unit``: the score of one unit at a node; ``mean`` and ``sd``: over a set of units; ``weight``: share
        of a node in its parent.
    place : int
        Row of the unit, or of the set; 0 for a weight.
    node : int
        Number of the node.
    low, high : float
        Ends, infinite where there is none.
    step : float
        One unit of the last printed place, 0 for what is exact.
    """

    figure: str
    kind: Kind
    place: int
    node: int
    low: float
    high: float
    step: float = 0.0


@dataclass(frozen=True)
class Model:
    """A table of units × nodes and what is claimed of it.

    Attributes
    ----------
    codes, parents : tuple
        Nodes, each behind its parent, and the number of the parent (−1 for the root).
    units : tuple of str
        Names of the units, blank where the publication does not say who they are.
    grades : tuple of str
        Grade of each unit, blank where it is not known.
    sets : tuple of str
        Sets of units: all, grades and groups.
    member : (n_sets, n_units) bool
    claims : tuple of Claim
    scale : (float, float)
        Range of a score.
    """

    codes: tuple[str, ...]
    parents: tuple[int, ...]
    units: tuple[str, ...]
    grades: tuple[str, ...]
    sets: tuple[str, ...]
    member: NDArray[np.bool_]
    claims: tuple[Claim, ...]
    scale: tuple[float, float]

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Numbers of the children of each node."""
        return tuple(
            tuple(k for k, parent in enumerate(self.parents) if parent == node)
            for node in range(len(self.codes))
        )

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Numbers of the nodes without children, in the order of the publication."""
        return tuple(node for node, below in enumerate(self.children) if not below)

    @cached_property
    def unpublished(self) -> tuple[int, ...]:
        """Parents whose children's weights are not settled by what is claimed."""
        ends = self.ends("weight")[0]
        return tuple(
            node
            for node, below in enumerate(self.children)
            if len(below) > 1 and any(ends[k, 0] < ends[k, 1] for k in below)
        )

    def ends(self, kind: Kind) -> Array:
        """Return the ends of all claims of a kind, together, on ``(n_places, n_nodes, 2)``."""
        places = {"unit": len(self.units), "weight": 1}.get(kind, len(self.sets))
        ends = np.empty((places, len(self.codes), 2))
        ends[..., 0], ends[..., 1] = -np.inf, np.inf
        for claim in self.claims:
            if claim.kind == kind:
                cell = ends[claim.place, claim.node]
                cell[0], cell[1] = max(cell[0], claim.low), min(cell[1], claim.high)
        return ends

    def inside(self, kind: Kind) -> Array:
        """Return the ends a hair further in, so that a draw is inside whatever the machine rounds off.

        Of an exact figure, whose ends are one, they are a hair apart.
        """
        ends = self.ends(kind)
        span = self.scale[1] - self.scale[0]
        width = ends[..., 1] - ends[..., 0]
        hair = np.where(width > 4 * EDGE * span, EDGE * span, -FIXED * span)
        return np.stack([ends[..., 0] + hair, ends[..., 1] - hair], axis=-1)

    def without(self, figures: Iterable[str]) -> Model:
        """Return the model as if some figures were not printed."""
        gone = set(figures)
        return replace(self, claims=tuple(claim for claim in self.claims if claim.figure not in gone))

    def and_(self, claims: Iterable[Claim]) -> Model:
        """Return the model with further claims."""
        return replace(self, claims=(*self.claims, *claims))

    def values(self, scores: Array, weights: Array) -> Array:
        """Return the scores at all nodes ``(…, n_units, n_nodes)`` of scores of the leaves.

        `weights` are shares in the parent ``(…, n_nodes)``; sums run in the order of the nodes.
        """
        values = np.zeros((*scores.shape[:-1], len(self.codes)))
        values[..., list(self.leaves)] = scores
        for node in reversed(range(1, len(self.codes))):
            values[..., self.parents[node]] += weights[..., None, node] * values[..., node]
        return values


def model_of(published: Published, period: str = "") -> Model:
    """Return the model of the means, spreads, grades, groups and cells of a period."""
    codes = _in_order(published)
    parents = tuple(-1 if code == ROOT else codes.index(str(published.nodes[code].parent)) for code in codes)
    units, grades = _units(published, period)
    sets, member = _sets(published, units, grades)
    low, high = published.scale.low, published.scale.high
    ends = (float(low or 0), float(1 if high is None else high))
    bare = Model(codes, parents, units, grades, sets, member, (), ends)
    return bare.and_(
        [
            *_scale_claims(bare),
            *_weight_claims(published, bare, period),
            *_set_claims(published, bare, period),
            *_unit_claims(published, bare, period),
        ]
    )


def n_units(published: Published, period: str = "") -> int:
    """Return how many units there are: named, else as printed, else those of the grades; 0 if unsaid."""
    if published.units and all_named(published):
        return len(published.units)
    figure = published.figures.get(dated(period, "units.n"))
    return int(figure.value) if figure else sum(grade_sizes(published, period).values())


def grade_sizes(published: Published, period: str = "") -> dict[str, int]:
    """Return how many units each grade has, as far as the publication says."""
    sizes = {}
    for grade in published.grades:
        figure = published.figures.get(dated(period, f"grade.{grade.name}.n"))
        if grade.members is not None:
            sizes[grade.name] = len(grade.members)
        elif figure is not None:
            sizes[grade.name] = int(figure.value)
    return sizes


def _in_order(published: Published) -> tuple[str, ...]:
    """Return the codes with every parent before its children, brothers in their order."""
    codes = [ROOT]
    for code in codes:
        codes.extend(published.children(code))
    return tuple(codes)


def _units(published: Published, period: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the units and their grades; units that are not named are dealt out to the grades.

    Named units whose grades are only counted are dealt out too where nothing else tells them apart.
    """
    whole = all_named(published)
    units = (tuple(published.units) if whole else ()) or ("",) * n_units(published, period)
    named = (
        {} if not whole else {unit: grade.name for grade in published.grades for unit in grade.members or ()}
    )
    alike = not any(group.members for group in published.groups) and all(
        line.kind == "mean" for line in published.lines
    )
    if named or not alike:
        return units, tuple(named.get(unit, "") for unit in units)
    dealt = [name for name, size in grade_sizes(published, period).items() for _ in range(size)]
    return units, tuple((dealt + [""] * len(units))[: len(units)])


def _sets(
    published: Published, units: tuple[str, ...], grades: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    sets: dict[str, list[bool]] = {ALL: [True] * len(units)}
    for grade in published.grades:
        sets[f"grade.{grade.name}"] = [own == grade.name for own in grades]
    for group in published.groups:
        sets[f"group.{group.name}"] = [unit in (group.members or ()) for unit in units]
    kept = {name: row for name, row in sets.items() if any(row)}
    return tuple(kept), np.array(list(kept.values()), bool).reshape(len(kept), len(units))


def _scale_claims(model: Model) -> Iterator[Claim]:
    for unit in range(len(model.units)):
        for leaf in model.leaves:
            yield Claim("", "unit", unit, leaf, *model.scale)
    for node, parent in enumerate(model.parents):
        if parent >= 0:
            yield Claim("", "weight", 0, node, 0.0, 1.0)


def _weight_claims(published: Published, model: Model, period: str) -> Iterator[Claim]:
    """Yield the weights that are printed; where all brothers' are exact, each as its part of their sum."""
    for below in model.children:
        figures = [published.weight(model.codes[k], period) for k in below]
        exact = [f.interval() for f in figures if f is not None]
        fixed = len(exact) == len(below) and all(ends.low == ends.high for ends in exact)
        values = [Fraction(f.value) for f in figures if f is not None]
        total = sum(values, Fraction(0)) if fixed else Fraction(1)
        for node, figure in zip(below, figures, strict=True):
            if figure is not None:
                ends = figure.interval()
                scaled = _times(ends, 1 / total)
                yield _claim(figure.id, "weight", 0, node, scaled)
        if len(below) == 1:
            yield Claim("", "weight", 0, below[0], 1.0, 1.0)


def _set_claims(published: Published, model: Model, period: str) -> Iterator[Claim]:
    for row, name in enumerate(model.sets):
        for node, code in enumerate(model.codes):
            if name != ALL and code != ROOT:
                continue
            for kind in ("mean", "sd"):
                figure = published.figures.get(dated(period, f"{code if name == ALL else name}.{kind}"))
                if figure is not None:
                    ends = figure.interval()
                    if kind == "sd" and published.sd_formula == "sample":
                        ends = _as_population(ends, int(model.member[row].sum()))
                    yield _claim(figure.id, kind, row, node, ends, float(figure.step))


def _unit_claims(published: Published, model: Model, period: str) -> Iterator[Claim]:
    """Yield the ranges of the grades, the cells of tables, and printed extremes as what bounds all units."""
    ranges = {grade.name: grade.range for grade in published.grades}
    listed = [(grade.name, unit) for grade in published.grades for unit in grade.members or ()]
    dealt = [] if listed else [(grade, row) for row, grade in enumerate(model.grades) if grade]
    rows = {unit: row for row, unit in enumerate(model.units) if unit}
    for grade, row in [*((grade, rows[unit]) for grade, unit in listed if unit in rows), *dealt]:
        yield _claim(f"grade.{grade}.range", "unit", row, 0, ranges[grade])
    for line in published.lines:
        if line.kind == "unit" and line.period in ("", period) and line.unit in rows:
            yield from _cells(published, model, line, rows[line.unit])
    for node, code in enumerate(model.codes):
        for name in ("min", "max"):
            if figure := published.figures.get(dated(period, f"{code}.{name}")):
                ends = figure.interval()
                bound = Interval(low=ends.low) if name == "min" else Interval(high=ends.high)
                for row in range(len(model.units)):
                    yield _claim(figure.id, "unit", row, node, bound)


def _cells(published: Published, model: Model, line: Line, row: int) -> Iterator[Claim]:
    for node, code in enumerate(model.codes):
        if figure := published.at(line, code):
            yield _claim(figure.id, "unit", row, node, figure.interval(), float(figure.step))


def _as_population(ends: Interval, n: int) -> Interval:
    """Return the interval of the spread ÷ n of one that is printed ÷ (n − 1)."""
    factor = Fraction(float(np.sqrt((n - 1) / n)))
    return _times(ends, factor)


def _times(ends: Interval, factor: Fraction) -> Interval:
    low, high = (None if end is None else end * factor for end in (ends.low, ends.high))
    return Interval(low, high)


def _claim(figure: str, kind: Kind, place: int, node: int, ends: Interval, step: float = 0.0) -> Claim:
    low = -np.inf if ends.low is None else float(ends.low)
    high = np.inf if ends.high is None else float(ends.high)
    return Claim(figure, kind, place, node, low, high, step)
