"""Made-up publications that are consistent, one fault planted in each, and an independent judge of repairs.

The judge works on whole numbers (half steps of the last place) and knows nothing of the audit's code: it
lists what must hold, and finds by brute force every figure and every swap with which it can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import numpy as np

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.published import Grade, Group, Line, Node, Published, Unit

STEP = Fraction(1, 100)
CUT = Fraction(6, 10)
CUT_HALVES = 120
Ends = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """The shape of a publication: what is printed, without the numbers."""

    pillars: tuple[str, ...]
    dimensions: dict[str, tuple[str, ...]]
    units: tuple[str, ...]
    members: dict[str, tuple[str, ...]]
    grades: dict[str, tuple[str, ...]]


def half_up(value: Fraction) -> int:
    """Return a number in steps, ties away from zero; none is negative."""
    return int((value / STEP + Fraction(1, 2)) // 1)


def consistent(rng: np.random.Generator) -> tuple[Plan, dict[str, int]]:
    """Return a publication that is rounded from scores, its figures in steps of the last place."""
    pillars = tuple("PQRS"[: rng.integers(3, 5)])
    dimensions = {p: tuple(f"{p}{i}" for i in range(rng.integers(2, 5))) for p in pillars}
    units = tuple(f"u{i}" for i in range(rng.integers(6, 11)))
    weights = _weights(rng, len(pillars))
    within = {p: [Fraction(int(w)) for w in rng.integers(1, 5, len(d))] for p, d in dimensions.items()}
    level = {d: int(rng.integers(300, 850)) for p in pillars for d in dimensions[p]}
    scores = {
        u: {d: Fraction(int(np.clip(v + rng.integers(-150, 151), 0, 1000)), 1000) for d, v in level.items()}
        for u in units
    }
    for u in units:
        for p, own in within.items():
            whole = zip(own, dimensions[p], strict=True)
            scores[u][p] = sum(w * scores[u][d] for w, d in whole) / sum(own)
        whole = zip(weights, pillars, strict=True)
        scores[u]["overall"] = sum(Fraction(w, 100) * scores[u][p] for w, p in whole)
    half = len(units) // 2
    members = {"north": units[:half], "south": units[half:]}
    grades = {
        "high": tuple(u for u in units if scores[u]["overall"] >= CUT),
        "low": tuple(u for u in units if scores[u]["overall"] < CUT),
    }
    plan = Plan(pillars, dimensions, units, members, grades)

    def mean(code: str, some: tuple[str, ...]) -> int:
        return half_up(sum(scores[u][code] for u in some) / len(some))

    values = {f"{p}.weight": int(w) for p, w in zip(pillars, weights, strict=True)}
    for code in ("overall", *pillars, *(d for p in pillars for d in dimensions[p])):
        values[f"{code}.mean"] = mean(code, units)
    for u in units:
        values |= {f"t/{u}/{code}": half_up(scores[u][code]) for code in ("overall", *pillars)}
    values |= {f"group.{name}.mean": mean("overall", some) for name, some in members.items()}
    for name, some in grades.items():
        share = half_up(Fraction(len(some), len(units)))
        values |= {f"grade.{name}.n": len(some), f"grade.{name}.share": share}
    return plan, values


def _weights(rng: np.random.Generator, count: int) -> list[int]:
    cuts = sorted(int(c) for c in rng.choice(np.arange(2, 19), count - 1, replace=False))
    return [5 * (b - a) for a, b in zip([0, *cuts], [*cuts, 20], strict=True)]


def published(plan: Plan, values: dict[str, int]) -> Published:
    """Return the publication with these figures."""
    nodes = {"overall": Node("overall", None, "总指数", "Index")}
    for p in plan.pillars:
        nodes[p] = Node(p, "overall", p, p)
        nodes |= {d: Node(d, p, d, d) for d in plan.dimensions[p]}
    figures = {"units.n": Figure("units.n", Decimal(len(plan.units)))}
    for key, value in values.items():
        exact = key.endswith((".weight", ".n"))
        shown = Decimal(value) if exact else Decimal(value).scaleb(-2)
        figures[key] = Figure(
            key, shown, Decimal(0 if exact else "0.01"), "half_up", name_zh=key, name_en=key
        )
    groups = tuple(Group(name, name, name, "side", some) for name, some in plan.members.items())
    ranges = {"high": Interval(CUT, Fraction(1)), "low": Interval(Fraction(0), CUT, high_open=True)}
    grades = tuple(Grade(name, name, name, ranges[name], some) for name, some in plan.grades.items())
    lines = (Line("mean"), *(Line("unit", table="t", unit=u) for u in plan.units))
    base = Published(
        "编造的指数", "A made-up index", nodes, figures, groups=groups, grades=grades, lines=lines
    )
    return replace(base, units={u: Unit(u, u) for u in plan.units}, illustrative=True)


def ends(steps: int) -> Ends:
    """Return the numbers that print so, in half steps: from the first end to just under the second."""
    return max(2 * steps - 1, 0), 2 * steps + 1


def meets(one: Ends, other: Ends, parts: int = 1) -> bool:
    """Return whether an interval meets the sum of so many parts; of both the lower end only belongs to it."""
    return one[0] * parts < other[1] and other[0] < one[1] * parts


def claims(plan: Plan) -> list[tuple[tuple[str, ...], str]]:
    """Return what must hold: the figures it is about, and its kind."""
    found = [(tuple(f"{p}.weight" for p in plan.pillars), "hundred")]
    weights = tuple(f"{p}.weight" for p in plan.pillars)
    dims = tuple(f"{d}.mean" for p in plan.pillars for d in plan.dimensions[p])
    found.append((("overall.mean", *(f"{p}.mean" for p in plan.pillars), *weights, *dims), "tree"))
    for u in plan.units:
        cells = tuple(f"t/{u}/{p}" for p in plan.pillars)
        found.append(((f"t/{u}/overall", *cells, *weights), "row"))
        found.append(((f"t/{u}/overall",), "high" if u in plan.grades["high"] else "low"))
    for code in ("overall", *plan.pillars):
        found.append(((f"{code}.mean", *(f"t/{u}/{code}" for u in plan.units)), "column"))
    for name, some in plan.members.items():
        found.append(((f"group.{name}.mean", *(f"t/{u}/overall" for u in some)), "column"))
    for name, some in plan.grades.items():
        found.append(((f"grade.{name}.n",), f"count {len(some)}"))
        found.append(((f"grade.{name}.share",), f"share {len(some)}"))
    return found


def holds(plan: Plan, figures: tuple[str, ...], kind: str, values: dict[str, int]) -> bool:
    """Return whether one claim can hold."""
    own = [values[key] for key in figures]
    if kind == "hundred":
        return sum(own) == 100 and min(own) >= 0
    if kind == "tree":
        return _tree(plan, values)
    if kind == "row":
        pillars = {p: ends(values[key]) for p, key in zip(plan.pillars, figures[1:], strict=False)}
        return _weighted(plan, values, ends(own[0]), pillars)
    if kind in ("high", "low"):
        return ends(own[0])[1] > CUT_HALVES if kind == "high" else ends(own[0])[0] < CUT_HALVES
    if kind == "column":
        cells = [ends(value) for value in own[1:]]
        return meets(ends(own[0]), (sum(c[0] for c in cells), sum(c[1] for c in cells)), len(cells))
    what, count = kind.split()
    return own[0] == (int(count) if what == "count" else half_up(Fraction(int(count), len(plan.units))))


def _tree(plan: Plan, values: dict[str, int]) -> bool:
    pillars = {}
    for p in plan.pillars:
        parts = [ends(values[f"{d}.mean"]) for d in plan.dimensions[p]]
        printed = ends(values[f"{p}.mean"])
        around = min(part[0] for part in parts), max(part[1] for part in parts)
        if not meets(printed, around):
            return False
        pillars[p] = max(printed[0], around[0]), min(printed[1], around[1])
    return _weighted(plan, values, ends(values["overall.mean"]), pillars)


def _weighted(plan: Plan, values: dict[str, int], printed: Ends, pillars: dict[str, Ends]) -> bool:
    total = sum(values[f"{p}.weight"] for p in plan.pillars)
    if total <= 0:
        return False
    low, high = (sum(values[f"{p}.weight"] * pillars[p][i] for p in plan.pillars) for i in (0, 1))
    return meets(printed, (low, high), total)


class Judge:
    """Every claim on a publication, and by brute force every repair of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.claims = claims(plan)
        self.on: dict[str, list[int]] = {}
        for place, (figures, _) in enumerate(self.claims):
            for key in figures:
                self.on.setdefault(key, []).append(place)

    def broken(self, values: dict[str, int], some: set[int] | None = None) -> set[int]:
        """Return the claims that cannot hold, of some or of all."""
        places = range(len(self.claims)) if some is None else some
        return {i for i in places if not holds(self.plan, *self.claims[i], values)}

    def repairs(self, values: dict[str, int]) -> set[frozenset[str]]:
        """Return the figures, and the pairs of swapped figures, with which every claim can hold."""
        wrong = self.broken(values)
        found = set()
        for key, printed in values.items():
            around = set(self.on.get(key, ()))
            others = (v for v in range(101) if v != printed)
            if wrong <= around and any(not self.broken({**values, key: v}, around) for v in others):
                found.add(frozenset((key,)))
        for one, other in self.pairs(values):
            around = {*self.on.get(one, ()), *self.on.get(other, ())}
            swapped = {**values, one: values[other], other: values[one]}
            if values[one] != values[other] and wrong <= around and not self.broken(swapped, around):
                found.add(frozenset((one, other)))
        return found

    def pairs(self, values: dict[str, int]) -> set[tuple[str, str]]:
        """Return the pairs that stand in one list: a row, a column, a level, weights, groups, grades."""
        plan = self.plan
        codes = ("overall", *plan.pillars)
        lists = [[f"t/{u}/{c}" for c in codes] for u in plan.units]
        lists += [[f"t/{u}/{c}" for u in plan.units] for c in codes]
        lists += [[f"{p}.mean" for p in plan.pillars], [f"{p}.weight" for p in plan.pillars]]
        lists += [[f"{d}.mean" for p in plan.pillars for d in plan.dimensions[p]]]
        lists += [[f"group.{g}.mean" for g in plan.members]]
        lists += [[f"grade.{g}.{what}" for g in plan.grades] for what in ("n", "share")]
        return {pair for one in lists for pair in combinations(sorted(one), 2)}


def fault(rng: np.random.Generator, judge: Judge, values: dict[str, int]) -> tuple[str, dict[str, int]]:
    """Return one kind of fault and what it changes: a wrong digit, swapped cells, or a stale mean."""
    kind = str(rng.choice(["digit", "swapped", "stale"]))
    if kind == "swapped":
        unlike = sorted(pair for pair in judge.pairs(values) if values[pair[0]] != values[pair[1]])
        one, other = unlike[rng.integers(len(unlike))]
        return kind, {one: values[other], other: values[one]}
    if kind == "stale":
        bottom = leaves(judge.plan)
        means = sorted(key for key in values if key.endswith((".mean", "/overall")) and key not in bottom)
        key = means[rng.integers(len(means))]
        moved = int(rng.integers(1, 12)) * int(rng.choice([-1, 1]))
        return kind, {key: min(max(values[key] + moved, 0), 100)}
    key = sorted(values)[rng.integers(len(values))]
    tens, ones = divmod(values[key], 10)
    digit = int(rng.integers(10))
    return kind, {key: min(10 * digit + ones if rng.integers(2) else 10 * tens + digit, 100)}


def leaves(plan: Plan) -> set[str]:
    """Return the means at the bottom of the tree."""
    return {f"{d}.mean" for p in plan.pillars for d in plan.dimensions[p]}
