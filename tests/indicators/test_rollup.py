"""Roll-up rules run by the engine and by plain dictionaries and fractions, and what changes no result."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from citygauge.collect.subjects import Subjects
from citygauge.framework.model import Framework, Node
from citygauge.framework.rollup import Item, Lookup, Rollup
from citygauge.indicators.rollup import roll_up
from citygauge.problems import Problems
from conftest import FULL

UNITS = ("U", "V", "W")
ATTRIBUTES = ("g", "h", "w", "s")
KINDS = ("site", "page", "shot")  # each belongs to the one before it, the first to the unit
NODES = (Node("I"), Node("x", "I", direction=1), Node("y", "I", direction=-1))
ITEMS = (Item("q"), Item("r"))
SCHEMA = dict.fromkeys(("subject", "unit", "kind", "parent", *ATTRIBUTES), pl.String)

Known = tuple[Fraction | None, str]  # value, state
Found = tuple[Fraction | None, str, int]  # value, state, number of values
FILTERS = [HealthCheck.filter_too_much, HealthCheck.too_slow]
often = settings(max_examples=2000 if FULL else 60, deadline=None, suppress_health_check=FILTERS)
seldom = settings(often, max_examples=300 if FULL else 15)


@dataclass(frozen=True)
class World:
    """Things with their attributes, what is known of them, and the rules."""

    things: Mapping[str, Mapping[str, str | None]]
    facts: Mapping[tuple[str, str], Known]
    rules: tuple[Rollup, ...]
    lookups: tuple[Lookup, ...] = ()
    strata: str = ""


def by_engine(world: World, shuffled: random.Random | None = None) -> dict[tuple[Any, ...], Found]:
    """Run the engine; return value, state and number by unit, stratum, thing and code."""
    things = [{"subject": name, **thing} for name, thing in world.things.items()]
    facts = [
        {"subject": s, "indicator": c, "value": None if v is None else float(v), "state": state}
        for (s, c), (v, state) in world.facts.items()
    ]
    if shuffled is not None:
        shuffled.shuffle(things)
        shuffled.shuffle(facts)
    framework = Framework(NODES, items=ITEMS, rollups=world.rules, lookups=world.lookups)
    told = {"subject": pl.String, "indicator": pl.String, "value": pl.Float64, "state": pl.String}
    frame = roll_up(
        pl.DataFrame(facts, schema=told), Subjects(pl.DataFrame(things, schema=SCHEMA)), framework,
        world.strata, Problems(),
    ).frame  # fmt: skip
    rows = frame.iter_rows(named=True)
    found = {
        (r["unit"], r["stratum"], r["subject"], r["kind"], r["code"]): (r["value"], r["state"], r["subjects"])
        for r in rows
    }
    assert len(found) == frame.height
    return found


def by_hand(world: World) -> dict[tuple[Any, ...], Found]:
    """Do what `Rollup` and `roll_up` say of rules, one thing and one value at a time."""
    held, found = dict(world.facts), dict[tuple[Any, ...], Found]()
    steps: dict[tuple[str, str, str], list[Rollup]] = {}
    for rule in world.rules:
        steps.setdefault((rule.code, rule.kind, rule.to), []).append(rule)
    for (code, kind, to), rules in steps.items():
        things = [name for name, thing in world.things.items() if thing["kind"] == kind]
        if kind == to:
            made = {name: of_one_thing(name, rules, world, held) for name in things}
        else:
            groups: dict[Any, list[str]] = {}
            for name in things:
                if (key := owner(world, name, to)) is not None:
                    groups.setdefault(key, []).append(name)
            made = {key: of_several(names, rules, world, held) for key, names in groups.items()}
        for key, outcome in made.items():
            if outcome is None:
                continue
            if to == "unit":
                found[*key, None, to, code] = outcome
            elif (key, code) not in world.facts and (key, code) not in held:
                held[key, code] = outcome[:2]
                thing = world.things[key]
                stratum = thing[world.strata] if world.strata else ""
                found[thing["unit"], stratum, key, to, code] = outcome
    return found


def owner(world: World, name: str, to: str) -> Any:
    """Return what a thing's values are carried to: unit and stratum, or the thing above it; None for none."""
    thing = world.things[name]
    if to == "unit":
        stratum = thing[world.strata] if world.strata else ""
        return None if stratum is None else (thing["unit"], stratum)
    above = thing["parent"]
    return above if above is not None and world.things[above]["kind"] == to else None


def holds(
    when: Mapping[str, Sequence[str]], name: str, world: World, held: Mapping[tuple[str, str], Known]
) -> bool:
    """Tell whether a thing meets a condition on attributes (text) and codes (numbers)."""
    for key, allowed in when.items():
        if key in ATTRIBUTES:
            if (world.things[name][key] or "") not in allowed:
                return False
        else:
            value = held.get((name, key), (None, ""))[0]
            if value is None or value not in [Fraction(text) for text in allowed]:
                return False
    return True


def of_one_thing(name: str, rules: Iterable[Rollup], world: World, held: Any) -> Found | None:
    rule = next((rule for rule in rules if holds(rule.where, name, world, held)), None)
    if rule is None:
        return None
    if rule.how == "constant":
        return Fraction(rule.value or 0), "value", 1
    if rule.how == "not_applicable":
        return None, "not_applicable", 0
    if rule.how == "lookup":
        rows = (row for row in world.lookups if row.code == rule.code)
        row = next((row for row in rows if holds(row.when, name, world, held)), None)
        if row is None:
            return None, "missing", 0
        return (None, "not_applicable", 0) if row.score is None else (Fraction(row.score), "value", 1)
    weights = rule.weights if isinstance(rule.weights, Mapping) else {}
    told = [(*held[name, c], Fraction(weights.get(c, 1))) for c in rule.sources if (name, c) in held]
    return reduced(rule, told) if told else None


def of_several(names: list[str], rules: Iterable[Rollup], world: World, held: Any) -> Found | None:
    """Take the first rule that any of the things meets of which the code is known in any state."""
    for rule in rules:
        groups: dict[str | None, list[tuple[Fraction | None, str, Fraction | None]]] = {}
        for name in names:
            thing, known = world.things[name], held.get((name, rule.sources[0]))
            if rule.sources == ("*",):
                known = (Fraction(1), "value")
            if known is None or not holds(rule.where, name, world, {}) or (rule.by and not thing[rule.by]):
                continue
            weight = Fraction(1)
            if rule.how == "weighted":
                weight = Fraction(thing[rule.weights]) if thing[rule.weights] else None
            groups.setdefault(thing[rule.by] if rule.by else None, []).append((*known, weight))
        if not groups:
            continue
        parts = {group: reduced(rule, told) for group, told in groups.items()}
        if not rule.by:
            return parts[None]
        number = sum(part[2] for part in parts.values())
        shares = {g: Fraction(rule.weights[g]) if rule.weights else Fraction(1) for g in parts}
        whole = sum(shares[g] for g, part in parts.items() if part[0] is not None)
        if whole:
            total = sum(shares[g] * part[0] for g, part in parts.items() if part[0] is not None)
            return Fraction(total, whole), "value", number
        gone = all(part[1] == "not_applicable" for part in parts.values())
        return None, "not_applicable" if gone else "missing", number
    return None


def reduced(rule: Rollup, told: Sequence[tuple[Fraction | None, str, Fraction | None]]) -> Found:
    """Make one value of several, each with its state and weight."""
    known = [(value, weight) for value, _, weight in told if value is not None]
    number = len(known)
    if not known:
        assume(rule.how != "count")
        gone = all(state == "not_applicable" for _, state, _ in told)
        return None, "not_applicable" if gone else "missing", 0
    if rule.absent is not None:
        gaps = [weight for value, state, weight in told if value is None and state != "not_applicable"]
        known += [(Fraction(rule.absent), weight) for weight in gaps]
    values = [value for value, _ in known]
    if rule.how in {"share", "count"}:  # at the limit itself the last bit of a mean below would decide
        assume(rule.value not in values)
    outcome: Fraction | None
    if rule.how == "best":
        outcome = min(values) if rule.code == "y" else max(values)
    elif rule.how == "share":
        part = [min(max(v, 0), 1) if rule.value is None else int(v >= rule.value) for v in values]
        outcome = Fraction(100 * sum(part), len(part))
    elif rule.how == "count":
        outcome = Fraction(sum(rule.value is None or v >= rule.value for v in values))
    elif rule.how == "sum":
        outcome = sum((v * (w or 0) for v, w in known), Fraction(0))
    else:
        usable = [(v, w) for v, w in known if w]
        whole = sum(w for _, w in usable)
        outcome = sum((v * w for v, w in usable), Fraction(0)) / whole if usable else None
    if outcome is None:
        return None, "missing", number
    if rule.decimals is not None:
        scaled = outcome * 10**rule.decimals
        assume((2 * scaled).denominator != 1 or scaled.denominator == 1)  # no tie
        outcome = Fraction(round(scaled), 10**rule.decimals)
    return outcome, "value", number


def assert_equal(found: Mapping[Any, Found], expected: Mapping[Any, Found]) -> None:
    assert set(found) == set(expected)
    for key, (value, state, number) in expected.items():
        assert found[key][1:] == (state, number), key
        wanted = None if value is None else pytest.approx(float(value), abs=1e-9)
        assert found[key][0] == wanted, key


values = st.integers(-8, 24).map(lambda n: Fraction(n, 8))
blank_or = lambda *texts: st.sampled_from([None, *texts])  # noqa: E731 - a strategy with a name
known = st.tuples(values, st.just("value")) | st.tuples(
    st.none(), st.sampled_from(["missing", "not_applicable", "not_measurable"])
)
of_attributes = st.dictionaries(
    st.sampled_from(["g", "h"]), st.lists(st.sampled_from(["A", "B", ""]), min_size=1, max_size=2).map(tuple),
    max_size=2,
)  # fmt: skip
of_answers = st.dictionaries(
    st.sampled_from(["q", "r"]),
    st.lists(st.sampled_from(["0", "1", "0.5"]), min_size=1).map(tuple),
    max_size=1,
)


@st.composite
def in_one_thing(draw: st.DrawFn, kind: str) -> Rollup:
    how = draw(
        st.sampled_from(["mean", "sum", "best", "share", "count", "constant", "lookup", "not_applicable"])
    )
    weights = {c: draw(st.sampled_from([0.0, 1.0, 25.0])) for c in ("q", "r")}
    return Rollup(
        "x", kind, kind, how, of=("q", "r"), where={**draw(of_attributes), **draw(of_answers)},
        weights=weights if how in {"mean", "sum"} and draw(st.booleans()) else "",
        value=draw(st.sampled_from([0.5, 1.0])) if how in {"constant", "count"} else None,
        absent=draw(blank_or(0.0, 1.0)),
    )  # fmt: skip


@st.composite
def upwards(draw: st.DrawFn, code: str, kind: str, to: str) -> Rollup:
    how = draw(st.sampled_from(["mean", "weighted", "sum", "best", "share", "count"]))
    of = ("*",) if how == "count" and draw(st.booleans()) else draw(st.sampled_from([(), ("q",)]))
    by = draw(st.sampled_from(["", "", "g"]))
    weights: Any = "w" if how == "weighted" else ""
    if by and how != "weighted" and draw(st.booleans()):
        weights = {group: draw(st.sampled_from([0.0, 1.0, 0.25])) for group in ("A", "B")}
    has_value = how in {"share", "count"} and draw(st.booleans())
    return Rollup(
        code, kind, to, how, of=of, where=draw(of_attributes), by="" if how == "weighted" else by,
        weights=weights, value=draw(st.sampled_from([0.5, 1.0, 30.0])) if has_value else None,
        absent=draw(blank_or(0.0, 1.0)) if how != "count" or has_value else None,
        decimals=None if by and how != "weighted" else draw(blank_or(0, 1, 2)),
    )  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw things of one to three kinds in up to three units, facts about them, and rules up to the unit."""
    kinds = KINDS[: draw(st.integers(1, 3))]
    things: dict[str, dict[str, str | None]] = {}
    for number in range(draw(st.integers(1, 12))):
        level = draw(st.integers(0, len(kinds) - 1))
        unit = draw(st.sampled_from(UNITS))
        above = [n for n, t in things.items() if t["unit"] == unit and t["kind"] in kinds[:level]]
        things[f"t{number}"] = {
            "unit": unit, "kind": kinds[level], "parent": draw(st.sampled_from([*above, None])),
            "g": draw(blank_or("A", "B")), "h": draw(blank_or("A", "B")),
            "w": draw(blank_or("0", "1", "2.5")), "s": draw(blank_or("S", "T")),
        }  # fmt: skip
    rules: list[Rollup] = []
    for level in reversed(range(len(kinds))):
        if draw(st.booleans()):
            rules += draw(st.lists(in_one_thing(kinds[level]), min_size=1, max_size=3))
        for code in ("x", "y"):
            to = kinds[level - 1] if level else "unit"
            rules += draw(st.lists(upwards(code, kinds[level], to), min_size=1, max_size=2))
    made = {(rule.code, rule.to) for rule in rules}
    facts: dict[tuple[str, str], Known] = {}
    for name, thing in things.items():
        for code in draw(st.sets(st.sampled_from(["q", "r", "x", "y"]))):
            told = draw(known)
            if told[1] == "value" or (code, thing["kind"]) not in made:
                facts[name, code] = told
    when = st.tuples(of_attributes, of_answers).map(lambda parts: {**parts[0], **parts[1]})
    rows = st.builds(Lookup, st.just("x"), when, st.sampled_from([None, 0.0, 100.0]))
    lookups = draw(st.lists(rows, min_size=1, max_size=4))
    return World(things, facts, tuple(rules), tuple(lookups), draw(st.sampled_from(["", "s"])))


@often
@given(world=worlds())
def test_the_engine_makes_what_a_calculation_by_hand_makes(world):
    assert_equal(by_engine(world), by_hand(world))


@seldom
@given(world=worlds(), shuffled=st.randoms(use_true_random=False))
def test_the_order_of_things_and_facts_does_not_matter(world, shuffled):
    first, second = by_engine(world), by_engine(world, shuffled)
    assert_equal(second, first)


@seldom
@given(world=worlds(), numbers=st.permutations(range(12)))
def test_the_names_of_things_do_not_matter(world, numbers):
    name_of = {f"t{i}": f"thing:{number}" for i, number in enumerate(numbers)} | {None: None}
    things = {name_of[n]: {**t, "parent": name_of[t["parent"]]} for n, t in world.things.items()}
    renamed = replace(world, things=things, facts={(name_of[s], c): k for (s, c), k in world.facts.items()})
    expected = {(u, s, name_of[n], kind, c): v for (u, s, n, kind, c), v in by_engine(world).items()}
    assert_equal(by_engine(renamed), expected)


@seldom
@given(world=worlds(), unit=st.sampled_from(UNITS))
def test_what_is_inside_one_unit_does_not_touch_another(world, unit):
    things = {n: t for n, t in world.things.items() if t["unit"] == unit}
    alone = replace(world, things=things, facts={k: v for k, v in world.facts.items() if k[0] in things})
    assert_equal(by_engine(alone), {k: v for k, v in by_engine(world).items() if k[0] == unit})


@seldom
@given(
    hows=st.lists(st.sampled_from(["mean", "best", "share", "weighted"]), min_size=2, max_size=2),
    told=st.lists(st.tuples(st.sampled_from("ab"), known), min_size=1, max_size=6),
    rise=values.filter(lambda rise: rise > 0), which=st.integers(0, 5), absent=blank_or(0.0, 1.0),
)  # fmt: skip
def test_a_better_value_never_lowers_what_is_made_of_it(hows, told, rise, which, absent):
    site = {"unit": "U", "kind": "site", "parent": None, "g": "A", "h": None, "w": "2", "s": None}
    things = dict.fromkeys("ab", site)
    facts = {}
    for i, (above, fact) in enumerate(told):
        things[f"p{i}"] = {**site, "kind": "page", "parent": above, "w": str(i)}
        facts[f"p{i}", "x"] = fact
    ways = zip(("page", "site"), ("site", "unit"), hows, strict=True)
    rules = [
        Rollup("x", k, to, how, weights="w" if how == "weighted" else "", absent=absent)
        for k, to, how in ways
    ]
    world = World(things, facts, tuple(rules))
    name = f"p{which % len(told)}"
    value, state = facts[name, "x"]
    assume(state == "value")
    better = replace(world, facts={**facts, (name, "x"): (value + rise, "value")})
    for key, (before, *_) in by_engine(world).items():
        after = by_engine(better)[key][0]
        assert (before is None) == (after is None)
        assert before is None or after >= before - 1e-9


def venues(facts: Mapping[str, Known | float], *rules: Rollup, **attributes: Mapping[str, str]) -> Any:
    """Return what the rules make of x for unit U out of venues that belong to it."""
    blank = {"unit": "U", "kind": "site", "parent": None, **dict.fromkeys(ATTRIBUTES)}
    things = {name: {**blank, **attributes.get(name, {})} for name in facts}
    told = {(n, "x"): k if isinstance(k, tuple) else (Fraction(k), "value") for n, k in facts.items()}
    return by_engine(World(things, told, rules)).get(("U", "", None, "unit", "x"))


GAP, NONE = (None, "missing"), (None, "not_applicable")
UNREAD = (None, "not_measurable")


@pytest.mark.parametrize(
    ("how", "more", "facts", "expected"),
    [
        ("mean", {}, {"a": 10, "b": 20, "c": 60, "d": GAP}, (30.0, "value", 3)),
        ("mean", {"absent": 0.0}, {"a": 10, "b": 20, "c": 60, "d": GAP, "e": NONE}, (22.5, "value", 3)),
        ("mean", {"absent": 0.0}, {"a": GAP, "b": UNREAD}, (None, "missing", 0)),
        ("mean", {"absent": 0.0}, {"a": 8, "b": UNREAD}, (4.0, "value", 1)),
        ("mean", {}, {"a": NONE, "b": NONE}, (None, "not_applicable", 0)),
        ("mean", {}, {"a": NONE, "b": UNREAD}, (None, "missing", 0)),
        ("mean", {"decimals": 1}, {"a": 1, "b": 1, "c": 2}, (1.3, "value", 3)),
        ("sum", {}, {"a": 10, "b": 20, "d": GAP}, (30.0, "value", 2)),
        ("sum", {}, {"d": GAP}, (None, "missing", 0)),
        ("best", {}, {"a": 10, "b": -20}, (10.0, "value", 2)),
        ("best", {"absent": 0.0}, {"a": -10, "b": GAP}, (0.0, "value", 1)),
        # yes, no, half a yes, more than a yes: (1 + 0 + 0.5 + 1) / 4
        ("share", {}, {"a": 1, "b": 0, "c": 0.5, "d": 3, "e": NONE}, (62.5, "value", 4)),
        ("share", {"absent": 0.0}, {"a": 1, "b": 1, "c": GAP, "d": UNREAD}, (50.0, "value", 2)),
        ("share", {"value": 20.0}, {"a": 19, "b": 20, "c": 21, "d": GAP}, (200 / 3, "value", 3)),
        ("count", {}, {"a": 0, "b": 5, "c": GAP}, (2.0, "value", 2)),
        ("count", {"value": 5.0}, {"a": 4, "b": 5, "c": 6, "d": GAP}, (2.0, "value", 3)),
        ("count", {"of": ("*",)}, {"a": GAP, "b": NONE, "c": 1}, (3.0, "value", 3)),
    ],
)  # fmt: skip
def test_one_rule_gives_what_a_calculation_by_hand_gives(how, more, facts, expected):
    found = venues(facts, Rollup("x", "site", "unit", how, **more))
    assert found[1:] == expected[1:]
    assert found[0] == (None if expected[0] is None else pytest.approx(expected[0], abs=1e-12))


def test_the_best_of_what_should_be_small_is_the_smallest():
    blank = {"unit": "U", "kind": "site", "parent": None, **dict.fromkeys(ATTRIBUTES)}
    facts = {("a", "y"): (Fraction(3), "value"), ("b", "y"): (Fraction(7), "value")}
    world = World(dict.fromkeys("ab", blank), facts, (Rollup("y", "site", "unit", "best"),))
    assert by_engine(world)["U", "", None, "unit", "y"] == (3.0, "value", 2)


def test_weights_of_things_and_of_groups_are_those_worked_out_by_hand():
    size = {"a": {"w": "3", "g": "A"}, "b": {"w": "1", "g": "A"}, "c": {"g": "B"}, "d": {"w": "0"}}
    facts = {"a": 10, "b": 50, "c": 90, "d": 70}
    # (3 x 10 + 1 x 50) / 4, those without weight or with weight 0 left out
    assert venues(facts, Rollup("x", "site", "unit", "weighted", weights="w"), **size)[0] == pytest.approx(20)
    # means of the groups 30 and 90; d is in no group
    grouped = Rollup("x", "site", "unit", "mean", by="g")
    assert venues(facts, grouped, **size)[0] == pytest.approx(60)
    uneven = replace(grouped, weights={"A": 0.8, "B": 0.2})
    assert venues(facts, uneven, **size)[0] == pytest.approx(0.8 * 30 + 0.2 * 90)
    assert venues({**facts, "c": GAP}, uneven, **size)[0] == pytest.approx(30)
    assert venues(facts, replace(uneven, weights={"A": 0.0, "B": 1.0}), **size)[0] == pytest.approx(90)


def test_of_several_rules_the_first_that_any_of_the_things_meets_is_used_for_all_of_them():
    rules = Rollup("x", "site", "unit", "best", where={"g": ("A",)}), Rollup("x", "site", "unit", "mean")
    facts = {"a": 10, "b": 20, "c": 90}
    assert venues(facts, *rules, a={"g": "A"}, b={"g": "A"}, c={"g": "B"})[0] == 20
    assert venues(facts, *rules, a={"g": "B"})[0] == 40


def test_units_without_things_and_kinds_without_rules_give_nothing():
    assert venues({}, Rollup("x", "site", "unit")) is None
    assert venues({"a": 10}, Rollup("x", "page", "unit")) is None
    assert venues({"a": 10}) is None


def test_a_recorded_value_wins_over_what_is_made_and_the_difference_is_noted():
    blank = {"unit": "U", "kind": "site", "parent": None, **dict.fromkeys(ATTRIBUTES)}
    things = [{"subject": "s", **blank}, {"subject": "p", **blank, "kind": "page", "parent": "s"}]
    facts = {"subject": ["s", "p"], "indicator": ["x", "x"], "value": [30.0, 50.0], "state": ["value"] * 2}
    rules = Rollup("x", "page", "site"), Rollup("x", "site", "unit")
    problems = Problems()
    subjects = Subjects(pl.DataFrame(things, schema=SCHEMA))
    rolled = roll_up(pl.DataFrame(facts), subjects, Framework(NODES, rollups=rules), "", problems)
    assert rolled.of_units["value"].to_list() == [30.0]
    (noted,) = problems
    assert (noted.code, noted.values["subjects"]) == ("facts.rollup-differs", ["s"])
    assert all("x" in noted.message(la) and "s" in noted.message(la) for la in ("en", "zh"))


def test_values_are_carried_only_to_things_of_the_kind_that_the_rule_names():
    blank = {"unit": "U", "parent": None, **dict.fromkeys(ATTRIBUTES)}
    things = {
        "s": {**blank, "kind": "site"},
        "p": {**blank, "kind": "page", "parent": "s"},
        "of the page": {**blank, "kind": "shot", "parent": "p"},
        "of the site": {**blank, "kind": "shot", "parent": "s"},
    }
    facts = {(name, "x"): (Fraction(i), "value") for i, name in enumerate(["of the page", "of the site"])}
    rules = Rollup("x", "shot", "page"), Rollup("x", "page", "site"), Rollup("x", "site", "unit")
    found = by_engine(World(things, facts, rules))
    assert {key[2]: value for key, (value, *_) in found.items()} == {"p": 0.0, "s": 0.0, None: 0.0}
    both = by_engine(World(things, facts, (Rollup("x", "shot", "site"), *rules)))
    assert both["U", "", "s", "site", "x"] == (1.0, "value", 1)
    ending = by_engine(World(things, facts, (Rollup("x", "shot", "unit"),)))
    assert ending["U", "", None, "unit", "x"] == (0.5, "value", 2)
