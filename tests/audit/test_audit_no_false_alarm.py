"""A publication whose figures are all true, only rounded, is never called impossible."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction

import pytest
from tables_of_units import EGDI_NODES, HDI_NODES, Reference, egdi_cells, hdi_cells

from citygauge.audit.audit import recheck
from citygauge.audit.figures import SINGLE, Figure, Interval, Rule
from citygauge.audit.published import (
    ROOT,
    Goalposts,
    Grade,
    Group,
    How,
    Line,
    Node,
    Ordering,
    Published,
    Relation,
    Statement,
    Unit,
)
from conftest import FULL

F = Fraction
MANY = Context(prec=60)
RUNS = 340 if FULL else 10  # of each of the three kinds
Scores = Mapping[str, Mapping[str, Fraction]]  # unit → node → true score


def rounded(value: Fraction, digits: int, rule: Rule) -> Decimal:
    """Round by whole numbers: what is left over decides, and a tie goes where the rule says."""
    sign, scaled = (-1 if value < 0 else 1), abs(value) * 10**digits
    whole, left = divmod(scaled, 1)
    tie = {"half_up": 1, "half_even": int(whole) % 2, "half_down": 0, "truncated": 0}[rule]
    up = 0 if rule == "truncated" else int(left > F(1, 2)) or (tie if left == F(1, 2) else 0)
    return Decimal(sign * (int(whole) + up)).scaleb(-digits)


def root(value: Fraction, k: int) -> Fraction:
    """Return the k-th root, to 55 digits."""
    if value == 0:
        return F(0)
    exact = MANY.divide(Decimal(value.numerator), Decimal(value.denominator))
    power = MANY.divide(Decimal(1), Decimal(k))
    return F(MANY.power(exact, power))


@dataclass
class Printer:
    """Prints figures: each kind with its own decimals, all by one rule that may be left unsaid."""

    rng: random.Random
    rule: Rule
    said: bool
    figures: dict[str, Figure] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def digits(self, kind: str) -> int:
        return self.places.setdefault(kind, self.rng.randint(2, 5))

    def show(self, key: str, value: Fraction, kind: str = "", digits: int | None = None) -> None:
        places = self.digits(kind) if digits is None else digits
        step = Decimal(1).scaleb(-places)
        rule: Rule = self.rule if self.said else "unknown"
        self.figures[key] = Figure(key, rounded(value, places, self.rule), step, rule)

    def exact(self, key: str, value: Decimal | int) -> None:
        self.figures[key] = Figure(key, Decimal(value))


def printer(seed: int) -> Printer:
    rng = random.Random(seed)
    return Printer(rng, rng.choice(SINGLE), rng.random() < 0.5)


def mean(numbers: Iterable[Fraction]) -> Fraction:
    listed = list(numbers)
    return sum(listed, F(0)) / len(listed)


def deviation(numbers: Sequence[Fraction], formula: str) -> Fraction:
    centre, divisor = mean(numbers), len(numbers) - (formula == "sample")
    return root(sum(((x - centre) ** 2 for x in numbers), F(0)) / divisor, 2)


def of_parts(how: How, parts: Sequence[Fraction], weights: Sequence[Fraction]) -> Fraction:
    total = sum(weights, F(0))
    if how == "arithmetic":
        return sum((w * x for w, x in zip(weights, parts, strict=True)), F(0)) / total
    if min(parts) == 0:
        return F(0)
    if how == "harmonic":
        return total / sum((w / x for w, x in zip(weights, parts, strict=True)), F(0))
    product = F(1)
    for weight, part in zip(weights, parts, strict=True):
        product *= part ** int(weight)
    return root(product, int(total))


def statistics(to: Printer, codes: Iterable[str], scores: Scores, formula: str, prefix: str = "") -> None:
    """Print the mean, the standard deviation and both ends of nodes over all units."""
    for code in codes:
        column = [row[code] for row in scores.values()]
        values = {
            "mean": mean(column), "sd": deviation(column, formula), "min": min(column), "max": max(column),
        }  # fmt: skip
        for stat, value in values.items():
            if to.rng.random() < 0.8:
                to.show(f"{prefix}{code}.{stat}", value, stat)


def cells(to: Printer, codes: Iterable[str], scores: Scores, period: str = "") -> list[Line]:
    lines = [Line("unit", period, "t", unit) for unit in scores]
    for line in lines:
        for code in codes:
            to.show(line.id(code), scores[line.unit][code], f"{period}{code}")
    return lines


def ranks(to: Printer, lines: Iterable[Line], scores: Scores) -> None:
    for line in lines:
        own = scores[line.unit][ROOT]
        to.exact(line.id("rank"), 1 + sum(row[ROOT] > own for row in scores.values()))


def posted(value: Fraction, posts: Goalposts) -> Fraction:
    """Return a raw value as a score, logarithms to 50 digits."""
    low, high = F(posts.low), F(posts.high)
    value = min(max(value, low), high)
    if posts.scaling == "linear":
        return (value - low) / (high - low)
    ln = [MANY.ln(MANY.divide(Decimal(x.numerator), Decimal(x.denominator))) for x in (value, low, high)]
    return F(MANY.divide(ln[0] - ln[1], ln[2] - ln[1]))


def human_development(seed: int, reference: Reference) -> Published:
    """Return the index of some countries, worked out from their raw values and printed anew."""
    to, nodes = printer(seed), {node.code: node for node in HDI_NODES}
    raw = hdi_cells(reference)
    period = to.rng.choice(["1990", "2000", "2010", "2019"])
    countries = sorted({unit for year, unit, _ in raw if year == period})
    scores: dict[str, dict[str, Fraction]] = {}
    for unit in to.rng.sample(countries, 25):
        row = {code: F(raw[period, unit, code]) for code in ("health", "eys", "mys", "income")}
        score = {code: posted(value, nodes[code].goalposts) for code, value in row.items()}  # type: ignore[arg-type]
        row["education"] = (score["eys"] + score["mys"]) / 2
        row[ROOT] = root(score["health"] * row["education"] * score["income"], 3)
        scores[unit] = row
    codes = [code for code in nodes if code != "education" or to.rng.random() < 0.5]
    lines = cells(to, codes, scores, period)
    for code in nodes:
        if code != ROOT:
            to.exact(f"{code}.weight", 1)
    formula = to.rng.choice(["population", "sample"])
    statistics(to, [ROOT], scores, formula, f"{period}:")
    to.exact("units.n", len(scores))
    return Published(
        "人类发展指数", "HDI", nodes, to.figures, units={unit: Unit(unit, unit) for unit in scores},
        lines=(Line("mean", period), *lines), sd_formula=to.rng.choice([formula, "unknown"]),
    )  # fmt: skip


def e_government(seed: int, reference: Reference) -> Published:
    """Return the index of some countries, worked out from its parts and printed anew."""
    to, raw = printer(seed), egdi_cells(reference)
    period = to.rng.choice(["2010", "2014", "2016"])
    weights = (
        {"osi": F(34), "tii": F(33), "hci": F(33)}
        if period == "2010"
        else dict.fromkeys(("osi", "tii", "hci"), F(1))
    )
    whole = [unit for year, unit, code in raw if year == period and code == ROOT]
    full = [unit for unit in whole if all((period, unit, code) in raw for code in weights)]
    scores: dict[str, dict[str, Fraction]] = {}
    for unit in to.rng.sample(full, 40):
        row = {code: F(raw[period, unit, code]) for code in weights}
        scores[unit] = {**row, ROOT: of_parts("arithmetic", list(row.values()), list(weights.values()))}
    lines = cells(to, [ROOT, *weights], scores, period)
    if to.rng.random() < 0.7:
        for code, weight in weights.items():
            to.exact(f"{period}:{code}.weight", int(weight))
    formula = to.rng.choice(["population", "sample"])
    statistics(to, [ROOT, *weights], scores, formula, f"{period}:")
    if to.rng.random() < 0.5:
        ranks(to, lines, scores)
    nodes = {node.code: node for node in EGDI_NODES}
    return Published(
        "电子政务", "EGDI", nodes, to.figures, units={unit: Unit(unit, unit) for unit in scores},
        lines=(Line("mean", period), *lines), sd_formula=to.rng.choice([formula, "unknown"]),
    )  # fmt: skip


def tree(rng: random.Random) -> tuple[dict[str, Node], dict[str, Fraction]]:
    """Return a tree of three levels, and the weight of each node in whole numbers."""
    how: How = rng.choice(["arithmetic", "arithmetic", "arithmetic", "geometric", "harmonic"])
    nodes = {ROOT: Node(ROOT, None, "总指数", "Index", how)}
    weights: dict[str, Fraction] = {}
    for i in range(rng.randint(2, 4)):
        nodes[f"p{i}"] = Node(f"p{i}", ROOT, f"支柱{i}", f"Pillar {i}")
        weights[f"p{i}"] = F(rng.randint(1, 9))
        for j in range(rng.randint(1, 3)):
            nodes[f"p{i}d{j}"] = Node(f"p{i}d{j}", f"p{i}", f"维度{i}{j}", f"Dimension {i}{j}")
            weights[f"p{i}d{j}"] = F(rng.randint(1, 4))
    return nodes, weights


def true_scores(rng: random.Random, nodes: Mapping[str, Node], weights: Mapping[str, Fraction]) -> Scores:
    """Return the scores of 20 to 40 units; leaves have three decimals at most, so that ties come up."""
    scores: dict[str, dict[str, Fraction]] = {}
    fineness = rng.choice([10, 100, 1000])
    for i in range(rng.randint(20, 40)):
        row: dict[str, Fraction] = {}
        for code in reversed(nodes):
            children = [child for child, node in nodes.items() if node.parent == code]
            row[code] = (
                of_parts(nodes[code].how, [row[c] for c in children], [weights[c] for c in children])
                if children
                else F(rng.randint(0, fineness), fineness)
            )
        scores[f"城{i}"] = row
    return scores


def published_weights(to: Printer, nodes: Mapping[str, Node], weights: Mapping[str, Fraction]) -> None:
    """Print weights: of the pillars mostly, of dimensions now and then; exact, rounded, or about so much."""
    for parent in nodes:
        children = [code for code, node in nodes.items() if node.parent == parent]
        way = to.rng.choice(["exact", "exact", "rounded", "about", "none"])
        total = sum((weights[child] for child in children), F(0))
        for child in children:
            share, key = weights[child] / total, f"{child}.weight"
            if way == "exact":
                to.exact(key, int(weights[child]))
            elif way == "rounded":
                to.show(key, share, "weight")
            elif way == "about":
                value = rounded(share, 2, "half_up")
                to.figures[key] = Figure(key, value, Decimal("0.01"), tolerance=Decimal("0.02"))


def grades_of(to: Printer, scores: Scores) -> tuple[Grade, ...]:
    """Return three grades and print of each how many, which share, and its mean."""
    cuts = sorted(F(to.rng.randint(20, 80), 100) for _ in range(2))
    ranges = {
        "low": Interval(high=cuts[0], high_open=True),
        "middle": Interval(cuts[0], cuts[1], high_open=True),
        "high": Interval(low=cuts[1]),
    }
    grades = []
    for name, span in ranges.items():
        members = tuple(unit for unit, row in scores.items() if row[ROOT] in span)
        to.exact(f"grade.{name}.n", len(members))
        to.show(f"grade.{name}.share", F(len(members), len(scores)), "share")
        if members and to.rng.random() < 0.5:
            to.show(f"grade.{name}.mean", mean(scores[unit][ROOT] for unit in members), "mean")
        listed = members if to.rng.random() < 0.9 else None
        grades.append(Grade(name, name, name, span, listed))
    return tuple(grades)


def groups_of(to: Printer, scores: Scores, formula: str) -> tuple[Group, ...]:
    """Return two groups of one kind, not all units in them, and print of each its mean, SD and size."""
    units = list(scores)
    to.rng.shuffle(units)
    first = to.rng.randint(2, 8)
    groups = []
    for name, members in (("east", units[:first]), ("west", units[first : first + to.rng.randint(2, 8)])):
        column = [scores[unit][ROOT] for unit in members]
        to.show(f"group.{name}.mean", mean(column), "mean")
        to.show(f"group.{name}.sd", deviation(column, formula), "sd")
        to.exact(f"group.{name}.n", len(members))
        groups.append(Group(name, name, name, "area", tuple(members)))
    return tuple(groups)


def said(
    to: Printer, scores: Scores, codes: Sequence[str]
) -> tuple[tuple[Statement, ...], tuple[Relation, ...]]:
    """Return true statements about the means, and a printed difference of two of them."""
    means = {code: mean(row[code] for row in scores.values()) for code in codes}
    printed = [code for code in codes if f"{code}.mean" in to.figures]
    if len(printed) < 2:
        return (), ()
    down = sorted(printed, key=lambda code: means[code], reverse=True)
    keys = tuple(f"{code}.mean" for code in down)
    to.show("relation.gap", means[down[0]] - means[down[-1]], "mean")
    return (
        Statement("top", "highest", keys[:1], keys[1:]),
        Statement("bottom", "lowest", keys[-1:], keys[:-1]),
        Statement("above", "above", keys[:1], keys[-1:]) if means[down[0]] > means[down[-1]] else
        Statement("words", "words", text_zh="很好", text_en="well"),
        Statement("down", "order", keys),
    ), (Relation("gap", "difference", (keys[0], keys[-1])),)  # fmt: skip


def made_up(seed: int, _: Reference | None = None) -> Published:
    """Return a consistent publication of everything: a tree, a table, statistics, grades, groups, words."""
    to = printer(seed)
    nodes, weights = tree(to.rng)
    scores = true_scores(to.rng, nodes, weights)
    formula = to.rng.choice(["population", "sample"])
    shown = (
        list(nodes) if to.rng.random() < 0.5 else [c for c, n in nodes.items() if n.parent in (None, ROOT)]
    )
    lines = cells(to, shown, scores) if to.rng.random() < 0.7 else []
    statistics(to, list(nodes), scores, formula)
    published_weights(to, nodes, weights)
    to.exact("units.n", len(scores))
    grades = grades_of(to, scores) if to.rng.random() < 0.7 else ()
    groups = groups_of(to, scores, formula) if to.rng.random() < 0.7 else ()
    pillars = [code for code, node in nodes.items() if node.parent == ROOT]
    statements, relations = said(to, scores, pillars)
    orderings: tuple[Ordering, ...] = ()
    if lines and to.rng.random() < 0.5:
        ranks(to, lines, scores)
        down = sorted(scores, key=lambda unit: scores[unit][ROOT], reverse=True)
        orderings = (Ordering("down", tuple(down), of=ROOT),)
    return Published(
        "虚构", "Made up", nodes, to.figures, units={unit: Unit(unit, unit) for unit in scores},
        grades=grades, groups=groups, orderings=orderings, statements=statements, relations=relations,
        lines=(Line("mean"), *lines), sd_formula=to.rng.choice([formula, "unknown"]),
    )  # fmt: skip


MAKERS: dict[str, Callable[[int, Reference], Published]] = {
    "human development": human_development,
    "e-government": e_government,
    "made up": made_up,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_true_figures_that_are_only_rounded_are_never_called_impossible(kind: str, reference: Reference):
    for seed in range(RUNS):
        published = MAKERS[kind](seed, reference)
        alarms = [f"{f.id}: {f.text_en}" for f in recheck(published) if f.verdict == "impossible"]
        assert not alarms, f"{kind}, seed {seed}: {alarms}"


@pytest.mark.parametrize("kind", MAKERS)
def test_many_of_the_same_figures_can_be_told_wrong_by_one_digit(kind: str, reference: Reference):
    """Else the absence of alarms would say nothing."""
    found = 0
    for seed in range(5):
        published = MAKERS[kind](seed, reference)
        cells = [key for key in published.figures if key.endswith(f"/{ROOT}")]
        key = cells[0] if cells else f"{ROOT}.mean"
        if figure := published.figures.get(key):
            way = -1 if figure.value > Decimal("0.5") else 1
            wrong = published.with_value(key, figure.value + way * Decimal("0.3"))
            found += any(f.verdict == "impossible" for f in recheck(wrong, frozenset({key})))
    assert found >= 2
