"""How facts about things inside a unit become facts about the unit: items, roll-up rules, lookups.

``items.csv`` names what is recorded of a thing (a question, a check); ``rollups.csv`` says in order how
answers are combined and carried from things to what they belong to, and to the unit; ``lookups.csv`` holds
the tables that turn answers into scores. All three stand beside ``framework.csv``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, get_args

from citygauge.files import Sheet, canonical_headers, finite_number
from citygauge.problems import Problems, Where

How = Literal[
    "mean", "weighted", "sum", "best", "share", "count", "constant", "lookup", "not_applicable"
]  # fmt: skip
HOWS: tuple[str, ...] = get_args(How)
UNIT = "unit"  # as `to`: the rule ends at the unit itself
SUBJECTS = "*"  # as `of`: the subjects themselves are counted, whatever was recorded of them
ITEM_COLUMNS = ("code", "kind", "name_zh", "name_en", "unit", "low", "high", "definition_zh", "definition_en")
ROLLUP_COLUMNS = (
    "code", "kind", "to", "how", "of", "where", "by", "weights", "value", "absent", "decimals", "source",
)  # fmt: skip
LOOKUP_COLUMNS = ("code", "when", "score")
_OF_ONE_THING = ("constant", "lookup", "not_applicable")
NOT_APPLICABLE = "not_applicable"  # as the score of a lookup
_CONDITION = re.compile(r"^(?P<name>[^=]+?)\s*=\s*(?P<values>.*)$")

Condition = Mapping[str, tuple[str, ...]]  # name → the values that are meant; all names must hold


@dataclass(frozen=True, slots=True)
class Item:
    """What is recorded of a thing inside a unit and is no node of the tree.

    `low` and `high` bound its values where given.
    """

    code: str
    kind: str = ""
    name: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    low: float | None = None
    high: float | None = None
    definition: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rollup:
    """One rule: for which things of `kind` the value of `code` is made, from what, and how.

    Parameters
    ----------
    code : str
        A node of the tree or an item.
    kind, to : str
        From things of `kind` to things of `to`: the same kind combines several answers about one thing,
        the kind of their parents carries values up, ``unit`` ends at the unit.
    how : str
        ``mean``, ``sum``; ``best`` (the largest value, the smallest where a smaller one is better);
        ``share`` (per cent of yes: values between 0 and 1 are that part of a yes, larger ones a yes; with
        `value`, per cent of the known values that reach it); ``count`` (how many reach `value`; all known
        ones where it is blank); ``weighted`` (mean weighted by an attribute); ``constant`` (`value`);
        ``lookup``; ``not_applicable``.
    of : tuple of str
        The codes whose values are used; `code` itself where empty.
    where : mapping
        Things that do not meet it are left out. It names attributes and, where `kind` is `to`, codes.
    by : str
        Attribute: first the rule within each of its values, then the mean over these.
    weights : mapping or str
        With `by`: the weight of each group in that mean, equal where blank. With ``weighted``: the
        attribute that holds each thing's weight. Where `kind` is `to`, what each code counts in a ``sum``
        or ``mean``.
    absent : float or None
        What a missing or not measurable value counts as where any other is known; None leaves it out.
    decimals : int or None
        Decimals to which the result is rounded, half away from zero; None leaves it.

    Of several rules for the same `code`, `kind` and `to`, a thing takes the first whose `where` it meets
    (`kind` = `to`), and a parent or a unit the first for which any of its things has a record. Of rules that
    start from different kinds the first that gives a value counts.
    """

    code: str
    kind: str
    to: str
    how: How = "mean"
    of: tuple[str, ...] = ()
    where: Condition = field(default_factory=dict)
    by: str = ""
    weights: Mapping[str, float] | str = ""
    value: float | None = None
    absent: float | None = None
    decimals: int | None = None
    source: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The codes whose values the rule uses."""
        return self.of or (self.code,)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A row of a table from answers to a score: the first row whose `when` holds counts.

    `score` is None for *not applicable*. `when` names items and attributes.
    """

    code: str
    when: Condition
    score: float | None


def parse_condition(text: str) -> Condition:
    """Return a condition written as ``type=Transactional; level=Regional|Local``; ``level=`` means blank.

    Raises
    ------
    ValueError
        With the part that cannot be read.

    Examples
    --------
    >>> parse_condition("type=A; level=B|C")
    {'type': ('A',), 'level': ('B', 'C')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in _parts(text):
        match = _CONDITION.match(part)
        if match is None or match["name"] in found:
            raise ValueError(part)
        found[match["name"]] = tuple(value.strip() for value in match["values"].split("|"))
    return found


def format_condition(condition: Condition) -> str:
    """Return a condition as the text that `parse_condition` reads."""
    return "; ".join(f"{name}={'|'.join(values)}" for name, values in condition.items())


def read_items(sheet: Sheet | None, problems: Problems) -> tuple[Item, ...]:
    """Return the items of a table; what is wrong with it is noted."""
    if sheet is None:
        return ()
    sheet = canonical_headers(sheet, ITEM_COLUMNS)
    if not _has_columns(sheet, ("code",), problems):
        return ()
    items: dict[str, Item] = {}
    for index, row in enumerate(sheet.frame.iter_rows(named=True)):
        text = {name: value or "" for name, value in row.items()}
        if not any(text.values()):
            continue
        if not text["code"]:
            problems.add("rollup.no-code", sheet.where(index, "code"))
        elif text["code"] in items:
            problems.add("rollup.repeated-item", sheet.where(index, "code"), code=text["code"])
        else:
            bounds = [_number(text.get(end, ""), sheet, index, end, problems) for end in ("low", "high")]
            if None not in bounds and bounds[0] >= bounds[1]:  # type: ignore[operator]
                problems.add("rollup.bounds-order", sheet.where(index, "low"), code=text["code"])
            items[text["code"]] = Item(
                text["code"], text.get("kind", ""), _languages(text, "name"), text.get("unit", ""),
                bounds[0], bounds[1], _languages(text, "definition"),
            )  # fmt: skip
    return tuple(items.values())


def read_rollups(sheet: Sheet | None, problems: Problems) -> tuple[Rollup, ...]:
    """Return the rules of a table in its order; what is wrong with a row is noted."""
    if sheet is None:
        return ()
    sheet = canonical_headers(sheet, ROLLUP_COLUMNS)
    if not _has_columns(sheet, ("code", "kind", "to", "how"), problems):
        return ()
    found = (
        _rollup({name: value or "" for name, value in row.items()}, sheet, index, problems)
        for index, row in enumerate(sheet.frame.iter_rows(named=True))
        if any(row.values())
    )
    return tuple(rule for rule in found if rule is not None)


def _rollup(text: Mapping[str, str], sheet: Sheet, index: int, problems: Problems) -> Rollup | None:
    before = len(problems.errors)
    for column in ("code", "kind", "to"):
        if not text[column]:
            problems.add("rollup.blank-cell", sheet.where(index, column), column=column)
    how = text["how"]
    if how not in HOWS:
        near = get_close_matches(how, HOWS, 1) or list(HOWS)
        problems.add("rollup.unknown-how", sheet.where(index, "how"), value=how, near=near)
    where = _condition(text.get("where", ""), sheet, index, "where", problems)
    weights = _weights(text.get("weights", ""), how, sheet, index, problems)
    value, absent = (_number(text.get(c, ""), sheet, index, c, problems) for c in ("value", "absent"))
    by, decimals = text.get("by", ""), text.get("decimals", "")
    if decimals and not re.fullmatch("[0-9]", decimals):
        problems.add("rollup.not-a-number", sheet.where(index, "decimals"), value=decimals)
    needed = {"constant": "value", "weighted": "weights"}.get(how)
    if needed and not text.get(needed):
        problems.add("rollup.needs", sheet.where(index, needed), how=how, column=needed)
    if text["kind"] != text["to"] and (len(_parts(text.get("of", ""))) > 1 or how in _OF_ONE_THING):
        problems.add("rollup.one-code", sheet.where(index, "of"), code=text["code"], how=how)
    if text["kind"] == UNIT:
        problems.add("rollup.from-the-unit", sheet.where(index, "kind"), code=text["code"])
    if by and text["kind"] == text["to"]:
        problems.add("rollup.by-of-one-thing", sheet.where(index, "by"), code=text["code"])
    if len(problems.errors) > before:
        return None
    return Rollup(
        text["code"], text["kind"], text["to"], how, tuple(_parts(text.get("of", ""))),  # type: ignore[arg-type]
        where, by, weights, value, absent, int(decimals) if decimals else None, text.get("source", ""),
    )  # fmt: skip


def read_lookups(sheet: Sheet | None, problems: Problems) -> tuple[Lookup, ...]:
    """Return the rows of the lookup tables; a score is a number or ``not_applicable``."""
    if sheet is None:
        return ()
    sheet = canonical_headers(sheet, LOOKUP_COLUMNS)
    if not _has_columns(sheet, ("code", "score"), problems):
        return ()
    rows = []
    for index, row in enumerate(sheet.frame.iter_rows(named=True)):
        if not any(row.values()):
            continue
        when = _condition(row.get("when") or "", sheet, index, "when", problems)
        score = None
        if row["score"] is None:
            problems.add("rollup.blank-cell", sheet.where(index, "score"), column="score")
        elif row["score"] != NOT_APPLICABLE:
            score = _number(row["score"], sheet, index, "score", problems)
        rows.append(Lookup(row["code"] or "", when, score))
    return tuple(rows)


def check_rollups(
    codes: Sequence[str],
    items: Sequence[Item],
    rollups: Sequence[Rollup],
    lookups: Sequence[Lookup],
    problems: Problems,
) -> None:
    """Note rules and tables that name codes nobody knows, and items that hide a node of the tree."""
    tree, asked = set(codes), {item.code for item in items}
    for code in sorted(tree & asked):
        problems.add("rollup.item-is-node", Where("items.csv", column="code"), code=code)
    known = tree | asked
    tables = {row.code for row in lookups}
    for rule in rollups:
        combines = rule.kind == rule.to
        weighed = set(rule.weights) if combines and not isinstance(rule.weights, str) else set()
        allowed = known if combines else known | {SUBJECTS}
        for code in sorted({rule.code, *rule.sources, *weighed} - allowed):
            near = get_close_matches(code, sorted(known), 3)
            problems.add(
                "rollup.unknown-code",
                Where("rollups.csv", column="of"),
                code=rule.code,
                value=code,
                near=near,
            )
        if weighed and (without := sorted(set(rule.sources) - weighed)):
            where = Where("rollups.csv", column="weights")
            problems.add("rollup.no-weight", where, code=rule.code, by="of", values=without)
        if combines:
            _check_answers("rollups.csv", "where", rule.where, known, problems)
        if rule.how == "lookup" and rule.code not in tables:
            problems.add("rollup.no-table", Where("lookups.csv"), code=rule.code)
        if rule.to == UNIT and rule.code not in tree:
            problems.add("rollup.unit-needs-node", Where("rollups.csv", column="code"), code=rule.code)
    for row in lookups:
        _check_answers("lookups.csv", "when", row.when, known, problems)
    used = {rule.code for rule in rollups if rule.how == "lookup"}
    for code in sorted(tables - used):
        problems.add("rollup.unused-table", Where("lookups.csv"), code=code)


def _check_answers(
    file: str, column: str, condition: Condition, codes: Collection[str], problems: Problems
) -> None:
    """Note conditions on answers that name no number: what is recorded of a thing is one."""
    for name in (name for name in condition if name in codes):
        for value in condition[name]:
            try:
                float(value)
            except ValueError:
                problems.add("rollup.bad-condition", Where(file, column=column), part=f"{name}={value}")


def rollup_row(rule: Rollup) -> dict[str, str]:
    """Return a rule as a row of ``rollups.csv``, every cell text."""
    weights = rule.weights
    if not isinstance(weights, str):
        weights = "; ".join(f"{name}={weight!r}" for name, weight in weights.items())
    numbers = {name: getattr(rule, name) for name in ("value", "absent", "decimals")}
    return {
        "code": rule.code, "kind": rule.kind, "to": rule.to, "how": rule.how, "of": "; ".join(rule.of),
        "where": format_condition(rule.where), "by": rule.by, "weights": weights,
        **{name: "" if number is None else repr(number) for name, number in numbers.items()},
        "source": rule.source,
    }  # fmt: skip


def item_row(item: Item) -> dict[str, str]:
    """Return an item as a row of ``items.csv``, every cell text."""
    bounds = {name: getattr(item, name) for name in ("low", "high")}
    return {
        "code": item.code, "kind": item.kind, "unit": item.unit,
        **{name: "" if value is None else repr(value) for name, value in bounds.items()},
        **{f"name_{language}": text for language, text in item.name.items()},
        **{f"definition_{language}": text for language, text in item.definition.items()},
    }  # fmt: skip


def lookup_row(row: Lookup) -> dict[str, str]:
    """Return a row of ``lookups.csv``, every cell text."""
    score = NOT_APPLICABLE if row.score is None else repr(row.score)
    return {"code": row.code, "when": format_condition(row.when), "score": score}


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split("[;；]", text) if part.strip()]


def _languages(text: Mapping[str, str], name: str) -> dict[str, str]:
    return {k.removeprefix(f"{name}_"): v for k, v in text.items() if k.startswith(f"{name}_") and v}


def _has_columns(sheet: Sheet, needed: Sequence[str], problems: Problems) -> bool:
    missing = [column for column in needed if column not in sheet.frame.columns]
    if missing:
        problems.add("rollup.missing-column", sheet.where(), columns=missing)
    return not missing


def _number(text: str, sheet: Sheet, index: int, column: str, problems: Problems) -> float | None:
    if not text:
        return None
    value = finite_number(text)
    if value is None:
        problems.add("rollup.not-a-number", sheet.where(index, column), value=text)
    return value


def _condition(text: str, sheet: Sheet, index: int, column: str, problems: Problems) -> Condition:
    try:
        return parse_condition(text)
    except ValueError as error:
        problems.add("rollup.bad-condition", sheet.where(index, column), part=str(error))
        return {}


def _weights(text: str, how: str, sheet: Sheet, index: int, problems: Problems) -> Mapping[str, float] | str:
    """Return the weight of each group; for ``weighted`` the attribute that holds the weights."""
    if how == "weighted" or not text:
        return text
    weights: dict[str, float] = {}
    for part in _parts(text):
        name, _, number = (piece.strip() for piece in part.partition("="))
        weight = _number(number, sheet, index, "weights", problems)
        if weight is None or weight < 0 or name in weights:
            problems.add("rollup.bad-weights", sheet.where(index, "weights"), part=part)
        else:
            weights[name] = weight
    return weights
