"""The pipeline once more, in plain Python: loops over cells, exact weights, no arrays.

Written from the data contract and COINr's description (Becker et al. 2022, doi:10.21105/joss.04567). A cell
is a number, None (missing) or `NA` (not applicable).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

NA = "not applicable"
Column = dict[str, Any]
Cells = dict[str, Column]  # code → unit → cell
LEAST_DIFFERENCE = 2.0**-40  # of the range: nearer values are ties


class RefusedError(Exception):
    """What a run is refused for; without codes a case that is left to a test of its own."""

    def __init__(self, *codes: str) -> None:
        self.codes = set(codes)
        super().__init__(*codes)


@dataclass
class Tree:
    """Nodes by code, the index first, parents before children: each a mapping of its columns."""

    nodes: Mapping[str, Mapping[str, Any]]
    sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def children(self, code: str) -> list[str]:
        return [own for own, node in self.nodes.items() if node.get("parent") == code]

    @property
    def leaves(self) -> list[str]:
        return [code for code in self.nodes if not self.children(code)]

    @property
    def aggregates(self) -> list[str]:
        return [code for code in self.nodes if self.children(code)]

    def level(self, code: str) -> int:
        parent = self.nodes[code].get("parent")
        return 0 if parent is None else 1 + self.level(parent)

    def leaves_under(self, code: str) -> list[str]:
        below = [leaf for child in self.children(code) for leaf in self.leaves_under(child)]
        return below or [code]

    def shares(self, name: str) -> dict[str, Fraction]:
        """Return the weight of each node among its siblings."""
        found = {}
        for parent in self.aggregates:
            children = self.children(parent)
            given = [self._weight(child, name) for child in children]
            total = sum(given)
            found |= {c: w / total if total else Fraction(0) for c, w in zip(children, given, strict=True)}
        return found

    def _weight(self, code: str, name: str) -> Fraction:
        if name == "by_count":
            return Fraction(len(self.leaves_under(code)))
        own = self.sets.get(name, {}).get(code, self.nodes[code].get("weight"))
        return Fraction(1) if name == "equal" or own is None else Fraction(str(own))


def known(column: Column) -> dict[str, float]:
    return {unit: cell for unit, cell in column.items() if cell is not None and cell != NA}


def on_known(column: Column, values: Mapping[str, float | None]) -> Column:
    """Put new values in place of the known ones; gaps stay what they are."""
    return {unit: values[unit] if unit in known(column) else cell for unit, cell in column.items()}


def derive(facts: Cells, tree: Tree, size: Mapping[str, float | None]) -> Cells:
    """Divide by the denominator; where there is none the cell is missing."""
    found = {}
    for code, column in facts.items():
        scale = tree.nodes[code].get("denominator_scale")
        quotients = {
            unit: None if not size[unit] else value / (size[unit] / scale) if scale else value
            for unit, value in known(column).items()
        }
        found[code] = on_known(column, quotients) if scale else dict(column)
    return found


def share_of(cells: Cells, codes: Iterable[str], unit: str) -> float | None:
    """Return the share of what is there in what is applicable; None where nothing is."""
    row = [cells[code][unit] for code in codes if cells[code][unit] != NA]
    return sum(cell is not None for cell in row) / len(row) if row else None


def stays(cells: Cells, tree: Tree, rule: Mapping[str, Any], unit: str) -> bool:
    if unit in rule.get("exclude", ()):
        return False
    if unit in rule.get("include", ()):
        return True
    root = next(iter(tree.nodes))
    if (share_of(cells, tree.leaves, unit) or 0.0) < rule.get("min_availability", 0.0) - 1e-12:
        return False
    there = [cells[code][unit] for code in tree.leaves if unit in known(cells[code])]
    zeros = sum(cell == 0 for cell in there)
    if there and 1 - zeros / len(there) < rule.get("min_nonzero", 0.0) - 1e-12:
        return False
    for code in [root, *tree.nodes]:
        limit = rule.get("by", {}).get(code, rule.get("by", {}).get(str(tree.level(code)), 0.0))
        share = share_of(cells, tree.leaves_under(code), unit)
        if share is not None and share < limit - 1e-12:
            return False
    return True


def middle(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def average(values: Iterable[float]) -> float:
    values = list(values)
    return math.fsum(values) / len(values)


def impute(cells: Cells, tree: Tree, rule: Mapping[str, Any], groups: Mapping[str, str | None]) -> Cells:
    how = rule.get("how", "none")
    kernel = middle if how.endswith("median") else average
    found = {}
    for code, column in cells.items():
        found[code] = dict(column)
        for unit, cell in column.items():
            if cell is not None or how == "none" or code in rule.get("exclude", ()):
                continue
            if how == "row_mean":
                found[code][unit] = from_siblings(cells, tree, code, unit)
                continue
            alike = [
                value
                for other, value in known(column).items()
                if not how.startswith("group") or (groups[unit] is not None and groups[other] == groups[unit])
            ]
            found[code][unit] = kernel(alike) if alike else None
    return found


def from_siblings(cells: Cells, tree: Tree, code: str, unit: str) -> float | None:
    """Return the mean of a unit's other indicators of the family on 0..1, on the column's own scale."""

    def ends(one: str) -> tuple[float, float]:
        turned = [value * tree.nodes[one]["direction"] for value in known(cells[one]).values()]
        return min(turned), max(turned)

    family = [
        one
        for one in tree.children(tree.nodes[code]["parent"])
        if one != code and one in cells and unit in known(cells[one])
    ]
    if not known(cells[code]) or not family:
        return None
    low, high = ends(code)
    direction = tree.nodes[code]["direction"]
    if low == high:
        return low * direction
    spread = [(one, *ends(one)) for one in family if ends(one)[0] < ends(one)[1]]
    if not spread:
        return None
    shares = [(cells[one][unit] * tree.nodes[one]["direction"] - a) / (b - a) for one, a, b in spread]
    return (average(shares) * (high - low) + low) * direction


def fails(values: list[float], rule: Mapping[str, Any]) -> tuple[bool, float]:
    """Return whether skewness and kurtosis (those of SAS) both reach their limits, and the skewness."""
    n = len(values)
    if n < 3 or min(values) == max(values):
        return False, 0.0
    mean = average(values)
    sd = math.sqrt(math.fsum((x - mean) ** 2 for x in values) / (n - 1))
    skew = n / ((n - 1) * (n - 2)) * math.fsum(((x - mean) / sd) ** 3 for x in values)
    if n < 4:
        return False, skew
    fourth = math.fsum(((x - mean) / sd) ** 4 for x in values)
    kurt = n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * fourth - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    return abs(skew) >= rule.get("skew", 2.0) and kurt >= rule.get("kurtosis", 3.5), skew


def treat(column: Column, rule: Mapping[str, Any]) -> Column:
    start = known(column)
    if rule.get("how", "none") == "none" or not fails(list(start.values()), rule)[0]:
        return dict(column)
    low, high = (f(start.values()) for f in (min, max))
    logged = {unit: math.log(x - low + 0.01 * (high - low)) for unit, x in start.items()}
    if rule["how"] == "log":
        return on_known(column, logged)
    values, moved = dict(start), set()
    while len(moved) < rule.get("max_points", 5):
        bad, skew = fails(list(values.values()), rule)
        if not bad:
            break
        extreme = max(values.values()) if skew >= 0 else min(values.values())
        at = {unit for unit, value in values.items() if value == extreme}
        rest = [value for unit, value in values.items() if unit not in at]
        if min(rest) == max(rest):
            break
        moved |= at
        values |= dict.fromkeys(at, max(rest) if skew >= 0 else min(rest))
    if fails(list(values.values()), rule)[0] and rule.get("then", "log") == "log":
        return on_known(column, logged)
    return on_known(column, values)


def place(value: float, all_values: Iterable[float], ties: str) -> float:
    """Return the rank from below, 1 the worst."""
    values = list(all_values)
    near = LEAST_DIFFERENCE * max(max(values) - min(values), *(abs(v) for v in values))
    below = sum(other < value - near for other in values)
    alike = sum(abs(other - value) <= near for other in values)
    return below + {"min": 1, "average": (1 + alike) / 2, "max": alike}[ties]


def normalise(  # noqa: PLR0912 - one branch for each method
    column: Column, node: Mapping[str, Any], rule: Mapping[str, Any], onto: Any
) -> Column:
    """Return a column on its scale; `onto` is what the worst and the best become under a bounded method."""
    how, direction = rule.get("how", "minmax"), node["direction"]
    x = {unit: value * direction for unit, value in known(column).items()}
    if not x:
        return dict(column)
    low, high = min(x.values()), max(x.values())

    def stretched(worst: float, best: float, *, cut: bool = False) -> Callable[[float], float | None]:
        def score(v: float) -> float | None:
            if worst == best:
                return None
            share = (v - worst) / (best - worst)
            return onto[0] + (min(share, 1.0) if cut else share) * (onto[1] - onto[0])

        return score

    if how in {"minmax", "distance_to_max"}:
        score = stretched(low, high)
    elif how == "zscore":
        mean, n = average(x.values()), len(x) - (rule.get("divisor") != "n")
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in x.values()) / n) if low < high else 0.0
        score = lambda v: (v - mean) / sd * rule.get("sd", 1) + rule.get("mean", 0) if sd else None  # noqa: E731
    elif how in {"rank", "borda", "percentile_rank"}:
        ranks = {v: place(v, x.values(), rule.get("ties", "min")) - (how != "rank") for v in x.values()}
        last = len(x) - 1
        score = ranks.__getitem__
        if how == "percentile_rank":
            score = lambda v: onto[0] + ranks[v] / last * (onto[1] - onto[0]) if last else None  # noqa: E731
    elif how == "distance_to_reference":
        goal = x.get(rule["reference"])
        if goal is None:
            raise RefusedError("normalise.no-reference")
        if goal == low and low < high:
            raise RefusedError("normalise.reference-at-worst")
        score = stretched(low, goal, cut=rule.get("cut", False))
    elif how == "distance_to_target":
        goal = node["target_low" if direction < 0 else "target_high"] * direction
        score = stretched(low, goal, cut=rule.get("cut", True))
    elif how == "fraction_of_max":
        score = _fraction(high, low, direction, onto)
    else:  # goalposts, scaled
        own = {"low": rule.get("low", 0), "high": rule.get("high", 100)} if how == "scaled" else node
        ends = sorted((own["low"] * direction, own["high"] * direction))
        base = stretched(*ends)
        if how == "goalposts" and rule.get("cut", True):
            score = lambda v: base(min(max(v, ends[0]), ends[1]))  # noqa: E731
        else:
            score = base
    return on_known(column, {unit: score(v) for unit, v in x.items()})


def _fraction(high: float, low: float, direction: int, onto: Any) -> Callable[[float], float | None]:
    """Return x / max, and min / x where less is better: there values and extremes are negative."""

    def score(v: float) -> float | None:
        of_best = 1.0 if v == 0 else high / v
        share = of_best if direction < 0 else v / high if high > 0 else None
        return None if share is None else onto[0] + share * (onto[1] - onto[0])

    return score


def combine(  # noqa: PLR0911 - one for each method
    row: list[tuple[float, Fraction]], rule: Mapping[str, Any]
) -> float | None:
    """Return the mean of known values with their weights; None where it is not defined for them."""
    row = [(value, weight) for value, weight in row if weight > 0]
    if not row:
        return None
    how, total = rule.get("how", "arithmetic"), float(sum(weight for _, weight in row))
    values, weights = [value for value, _ in row], [float(weight) / total for _, weight in row]
    pairs = list(zip(values, weights, strict=True))
    power = {"geometric": 0, "harmonic": -1, "generalised": rule.get("power")}.get(how)
    if power not in {None, 1} and min(values) < 0:
        return None
    if power == 0 or (power is not None and power < 0 and 0 in values):
        return 0.0 if 0 in values else math.exp(math.fsum(w * math.log(x) for x, w in pairs))
    if power is not None:
        return math.fsum(w * x**power for x, w in pairs) ** (1 / power)
    if how == "median":
        return _median(sorted(row))
    if how == "owa":
        done, mean = 0.0, 0.0
        for value, weight in sorted(pairs, reverse=True):
            a, b = ((min(r, 1.0)) ** (1 / rule.get("orness", 0.5) - 1) for r in (done, done + weight))
            mean, done = mean + (b - a) * value, done + weight
        return mean
    mean = math.fsum(w * x for x, w in pairs)
    if how == "mpi":
        penalty = math.fsum(w * (x - mean) ** 2 for x, w in pairs)
        sign = 1 if rule.get("penalty") == "+" else -1
        return mean + sign * penalty / mean if mean > 0 else (0.0 if mean == penalty == 0 else None)
    return mean


def _median(row: list[tuple[float, Fraction]]) -> float:
    half, reached, lower = sum(weight for _, weight in row) / 2, Fraction(0), None
    for value, weight in row:
        reached += weight
        if reached >= half and lower is None:
            lower = value
        if reached > half:
            assert lower is not None
            return (lower + value) / 2
    raise AssertionError


def copeland(
    rows: Mapping[str, dict[str, float]], weights: Mapping[str, Fraction]
) -> dict[str, float | None]:
    """Count the units that each outranks on the children known for both, less those that outrank it."""
    rows = {unit: {c: v for c, v in row.items() if weights[c] > 0} for unit, row in rows.items()}
    near = {}
    for child in weights:
        values = [row[child] for row in rows.values() if child in row] or [0.0]
        near[child] = LEAST_DIFFERENCE * max(max(values) - min(values), *(abs(v) for v in values))
    scores: dict[str, float | None] = {}
    for unit, row in rows.items():
        score = 0
        for other, theirs in rows.items():
            lead = Fraction(0)
            for child in row.keys() & theirs.keys():
                gap = row[child] - theirs[child]
                lead += weights[child] * (0 if abs(gap) <= near[child] else (1 if gap > 0 else -1))
            score += 0 if other == unit else (lead > 0) - (lead < 0)
        scores[unit] = float(score) if row else None
    return scores


def aggregate(cells: Cells, tree: Tree, shares: Mapping[str, Fraction], rules: Mapping[str, Any]) -> Cells:
    """Return the scores of all nodes; None below the limit of availability."""
    found = {code: dict(cells[code]) if code in cells else {} for code in tree.nodes}
    for code in sorted(tree.aggregates, key=tree.level, reverse=True):
        rule, children = rules[code], tree.children(code)
        units = next(iter(cells.values()))
        rows = {unit: {c: found[c][unit] for c in children if unit in known(found[c])} for unit in units}
        weights = {child: shares[child] for child in children}
        if rule["how"] == "copeland":
            scores = copeland(rows, weights)
        else:
            scores = {u: combine([(v, weights[c]) for c, v in row.items()], rule) for u, row in rows.items()}
        for unit in units:
            share = share_of(found, children, unit)
            if share is None:
                found[code][unit] = NA
            else:
                enough = share >= rule.get("min_availability", 0.0) - 1e-12
                found[code][unit] = scores[unit] if enough else None
                if scores[unit] is None and any(weights[child] > 0 for child in rows[unit]):
                    raise RefusedError(*(["method.negative-under-mean"] if enough else []))
    return found


def ranked(column: Column) -> Column:
    """Return the ranks, 1 the highest, ties sharing the smallest."""
    values = known(column)
    if not values:
        return dict.fromkeys(column)
    near = LEAST_DIFFERENCE * max(max(values.values()) - min(values.values()), *map(abs, values.values()))
    return {
        unit: 1 + sum(other > values[unit] + near for other in values.values()) if unit in values else None
        for unit in column
    }
