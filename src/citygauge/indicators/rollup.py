"""From things inside a unit to the unit: the roll-up rules of a framework, run in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from citygauge.collect.subjects import Subjects, kinds_above, meets, rows_of
from citygauge.framework.model import Framework
from citygauge.framework.rollup import SUBJECTS, UNIT, Condition, Rollup
from citygauge.problems import Problems

HELD = {"subject": pl.String, "code": pl.String, "value": pl.Float64, "state": pl.String}
ROLLED = {
    "unit": pl.String, "stratum": pl.String, "subject": pl.String, "kind": pl.String, "code": pl.String,
    "value": pl.Float64, "state": pl.String, "subjects": pl.Int64,
}  # fmt: skip
_GAP = pl.col("value").is_null() & (pl.col("state") != "not_applicable")
WITHOUT = ""  # the stratum of a framework that has none


@dataclass(frozen=True)
class RolledUp:
    """What the rules made: every value on the way and those of the units.

    `frame` has `unit`, `stratum` (blank where there are none), `subject` (null for the unit itself),
    `kind`, `code`, `value`, `state` and `subjects`, the number of known values that went into it.
    """

    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ROLLED))

    @property
    def of_units(self) -> pl.DataFrame:
        """The values of the units."""
        return self.frame.filter(pl.col("kind") == UNIT)

    def about(self, unit: str, code: str) -> pl.DataFrame:
        """What was made for one code in one unit, at every kind of thing."""
        return self.frame.filter((pl.col("unit") == unit) & (pl.col("code") == code))


def roll_up(
    facts: pl.DataFrame, subjects: Subjects, framework: Framework, strata: str, problems: Problems
) -> RolledUp:
    """Return what the framework's rules make of facts about things inside units.

    Parameters
    ----------
    facts : DataFrame
        ``subject, indicator, value, state``, one row for each thing and code.
    subjects : Subjects
        The things that count; facts about others are left out.
    strata : str
        Attribute by which values of the units are kept apart; blank for none.

    Returns
    -------
    RolledUp
        A value that was recorded, or recorded as not applicable, wins over one that a rule makes; where two
        values differ it is noted. A rule over nothing but *not applicable* gives *not applicable*; over
        nothing known, *missing*.
    """
    held = facts.select("subject", pl.col("indicator").alias("code"), "value", "state").cast(HELD)  # type: ignore[arg-type]
    held = recorded = held.join(subjects.frame.select("subject"), on="subject", how="semi")
    things = _things(subjects, framework, strata, problems)
    found: list[pl.DataFrame] = []
    for (code, kind, to), rules in _steps(framework).items():
        below = things.filter(pl.col("kind") == kind)
        if not below.height:
            continue
        if kind == to:
            made = _combined(rules, below, held, framework)
        else:
            keys = ["unit", "_stratum"] if to == UNIT else ["parent"]
            if to != UNIT:
                below = below.filter(pl.col("parent_kind") == to)
            made = _carried(rules, below, held, framework, keys)
        if to == UNIT:
            found.append(_labelled(made.rename({"_stratum": "stratum"}), to, code))
            continue
        made = made.rename({made.columns[0]: "subject"}).with_columns(pl.lit(code).alias("code"))
        _note_differences(made, recorded, problems)
        held, made = _taken_up(made, held)
        owners = things.select("subject", "unit", pl.col("_stratum").alias("stratum"))
        found.append(_labelled(made.join(owners, on="subject"), to, code))
    return RolledUp(_settled(pl.concat(found))) if found else RolledUp()


def _settled(made: pl.DataFrame) -> pl.DataFrame:
    """Return one value for each thing or unit and code: the first made, a gap only where there is none."""
    rows = made.with_row_index("_order").sort(_GAP, maintain_order=True)
    rows = rows.unique(["unit", "stratum", "subject", "kind", "code"], keep="first", maintain_order=True)
    return rows.sort("_order").drop("_order")


def _things(subjects: Subjects, framework: Framework, strata: str, problems: Problems) -> pl.DataFrame:
    """Return the things with the kind above each and its stratum; attributes under names of their own."""
    stratum = pl.col(strata) if strata in subjects.attributes else pl.lit(WITHOUT)
    things = subjects.frame.with_columns(stratum.alias("_stratum"))
    things = things.join(kinds_above(subjects).select("subject", "parent_kind"), on="subject")
    ending = [rule.kind for rule in framework.rollups if rule.to == UNIT]
    blank = things.filter(pl.col("_stratum").is_null() & pl.col("kind").is_in(ending))
    if strata and blank.height:
        problems.add("subjects.blank-stratum", name=strata, subjects=blank["subject"].to_list())
    # An attribute may be called as the columns of the facts are.
    return things.rename({name: _attribute(name) for name in subjects.attributes})


def _attribute(name: str) -> str:
    return f"@{name}"


def strata_of(rolled: RolledUp, strata: str) -> dict[str, pl.DataFrame]:
    """Return what was made of the units in each stratum, by name; one without a name where there are none."""
    frame = rolled.of_units
    if not strata:
        return {WITHOUT: frame}
    names = frame["stratum"].unique().sort().to_list()
    return {name: frame.filter(pl.col("stratum") == name) for name in names} or {WITHOUT: frame}


def _steps(framework: Framework) -> dict[tuple[str, str, str], list[Rollup]]:
    """Return the rules by what they make, in the order in which each is first named."""
    steps: dict[tuple[str, str, str], list[Rollup]] = {}
    for rule in framework.rollups:
        steps.setdefault((rule.code, rule.kind, rule.to), []).append(rule)
    return steps


def _combined(
    rules: Sequence[Rollup], things: pl.DataFrame, held: pl.DataFrame, framework: Framework
) -> pl.DataFrame:
    """Make a value of each thing from what is known of it; each takes the first rule it meets."""
    left, made = things, []
    for rule in rules:
        wide, asked = _with_answers(left, held, rule.where, framework)
        own = wide.filter(_holds(rule.where, asked)).select(things.columns)
        left = left.join(own.select("subject"), on="subject", how="anti")
        if rule.how == "not_applicable":
            made.append(own.select("subject", *_same(None, "not_applicable")))
        elif rule.how == "constant":
            made.append(own.select("subject", *_same(rule.value, "value")))
        elif rule.how == "lookup":
            made.append(_looked_up(rule, own, held, framework))
        else:
            told = held.filter(pl.col("code").is_in(rule.sources)).join(own, on="subject")
            made.append(_reduced(rule, told, ["subject"], framework))
    return pl.concat(made).sort("subject")


def _carried(
    rules: Sequence[Rollup],
    things: pl.DataFrame,
    held: pl.DataFrame,
    framework: Framework,
    keys: list[str],
) -> pl.DataFrame:
    """Carry values from things to what they belong to; each of these takes the first rule that gives any."""
    made: pl.DataFrame | None = None
    for rule in rules:
        own = things.filter(meets(rule.where, _attribute)).drop_nulls(keys)
        if rule.sources == (SUBJECTS,):
            told = own.with_columns(pl.lit(1.0).alias("value"), pl.lit("value").alias("state"))
        else:
            told = held.filter(pl.col("code") == rule.sources[0]).join(own, on="subject")
        if rule.by:
            told = told.drop_nulls(_attribute(rule.by))
        result = _grouped(rule, told, keys, framework) if rule.by else _reduced(rule, told, keys, framework)
        made = result if made is None else pl.concat([made, result.join(made, on=keys, how="anti")])
    assert made is not None
    return made.sort(keys)


def _grouped(rule: Rollup, told: pl.DataFrame, keys: list[str], framework: Framework) -> pl.DataFrame:
    """Reduce within each value of an attribute, then take the weighted mean over these."""
    within = _reduced(replace(rule, decimals=None), told, [*keys, _attribute(rule.by)], framework)
    weights = rule.weights if not isinstance(rule.weights, str) else {}
    weight = (
        pl.col(_attribute(rule.by)).replace_strict(dict(weights), default=None, return_dtype=pl.Float64)
        if weights
        else pl.lit(1.0)
    )
    known = pl.col("value").is_not_null()
    within = within.with_columns(weight.alias("_weight"))
    total = (pl.col("value") * pl.col("_weight")).filter(known).sum()
    whole = pl.col("_weight").filter(known).sum()
    value = _rounded(pl.when(whole > 0).then(total / whole), rule)
    return within.group_by(keys, maintain_order=True).agg(*_known(value, pl.col("subjects").sum()))


def _reduced(rule: Rollup, told: pl.DataFrame, keys: list[str], framework: Framework) -> pl.DataFrame:
    count = pl.col("value").is_not_null().sum().cast(pl.Int64)
    value = _result(rule, framework)
    if rule.absent is not None:  # a gap counts as this, unless nothing at all is known
        told = told.with_columns(pl.when(_GAP).then(pl.lit(rule.absent)).otherwise("value").alias("_filled"))
        value = pl.when(count > 0).then(_result(rule, framework, "_filled"))
    return told.group_by(keys, maintain_order=True).agg(*_known(_rounded(value, rule), count))


def _rounded(value: pl.Expr, rule: Rollup) -> pl.Expr:
    return value if rule.decimals is None else value.round(rule.decimals, mode="half_away_from_zero")


def _result(rule: Rollup, framework: Framework, column: str = "value") -> pl.Expr:
    """Return a rule as an expression on the values it is to make one of; null where none is known."""
    value, known = pl.col(column), pl.col(column).is_not_null()
    if rule.how == "share":
        reach = value.clip(0.0, 1.0) if rule.value is None else (value >= rule.value).cast(pl.Float64)
        return 100.0 * reach.mean()
    if rule.how == "count":
        reach = known if rule.value is None else value >= rule.value
        return pl.when(known.any()).then(reach.sum().cast(pl.Float64))
    if rule.how == "best":
        lower = rule.code in framework and framework[rule.code].direction == -1
        return value.min() if lower else value.max()
    weight = _weight(rule)
    if rule.how == "sum":
        return pl.when(known.sum() > 0).then((value * weight).sum())
    usable = known & (weight > 0)
    whole = (weight * usable).sum()
    return pl.when(whole > 0).then((value * weight).filter(usable).sum() / whole)


def _weight(rule: Rollup) -> pl.Expr:
    """Return what each value counts: an attribute of the thing, a number for each code, else 1."""
    if rule.how == "weighted":
        return pl.col(_attribute(str(rule.weights))).cast(pl.Float64, strict=False)
    if rule.kind == rule.to and not isinstance(rule.weights, str):
        return pl.col("code").replace_strict(dict(rule.weights), default=None, return_dtype=pl.Float64)
    return pl.lit(1.0)


def _known(value: pl.Expr, count: pl.Expr) -> list[pl.Expr]:
    """Return value, state and number of values of a result that is made of several."""
    none = pl.when((pl.col("state") == "not_applicable").all()).then(pl.lit("not_applicable"))
    state = pl.when(value.is_not_null()).then(pl.lit("value")).otherwise(none.otherwise(pl.lit("missing")))
    return [value.alias("value"), state.alias("state"), count.alias("subjects")]


def _same(value: float | None, state: str) -> list[pl.Expr]:
    """Return value, state and number of values of a result that is the same for all."""
    count = pl.lit(int(value is not None), pl.Int64)
    return [pl.lit(value, pl.Float64).alias("value"), pl.lit(state).alias("state"), count.alias("subjects")]


def _looked_up(rule: Rollup, things: pl.DataFrame, held: pl.DataFrame, framework: Framework) -> pl.DataFrame:
    """Find each thing in the rule's table; one that meets no row has no value."""
    score, state = pl.lit(None, pl.Float64), pl.lit("missing")
    rows = rows_of(rule, framework)
    wide, asked = _with_answers(things, held, [name for row in rows for name in row.when], framework)
    for row in reversed(rows):
        holds = _holds(row.when, asked)
        score = pl.when(holds).then(pl.lit(row.score, pl.Float64)).otherwise(score)
        word = "not_applicable" if row.score is None else "value"
        state = pl.when(holds).then(pl.lit(word)).otherwise(state)
    told = wide.select("subject", score.alias("value"), state.alias("state"))
    return told.with_columns(pl.col("value").is_not_null().cast(pl.Int64).alias("subjects"))


def _with_answers(
    things: pl.DataFrame, held: pl.DataFrame, names: Iterable[str], framework: Framework
) -> tuple[pl.DataFrame, list[str]]:
    """Add a column for each of the names that is a code, with what is known of each thing."""
    asked = [name for name in dict.fromkeys(names) if name in framework.recordable]
    for code in asked:
        told = held.filter(pl.col("code") == code).select("subject", pl.col("value").alias(f"_{code}"))
        things = things.join(told, on="subject", how="left", maintain_order="left")
    return things, asked


def _holds(when: Condition, asked: Sequence[str]) -> pl.Expr:
    """Return a condition on answers (as numbers) and attributes (as text)."""
    of_things = {name: values for name, values in when.items() if name not in asked}
    found = meets(of_things, _attribute)
    for name in (name for name in asked if name in when):
        numbers = [float(value) for value in when[name]]
        found = found & pl.col(f"_{name}").is_in(numbers).fill_null(False)
    return found


def _note_differences(made: pl.DataFrame, recorded: pl.DataFrame, problems: Problems) -> None:
    """Note values that were recorded and differ from what a rule makes."""
    both = made.join(recorded, on=["subject", "code"], suffix="_recorded")
    apart = both.filter((pl.col("value") - pl.col("value_recorded")).abs() > 1e-9)
    if apart.height:
        values = {"code": apart["code"][0], "count": apart.height, "subjects": apart["subject"].to_list()}
        problems.add("facts.rollup-differs", **values)


def _taken_up(made: pl.DataFrame, held: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add what is made to what is held, and return both; a gap that was recorded gives way to it."""
    key = ["subject", "code"]
    made = made.join(held.filter(~_GAP), on=key, how="anti", maintain_order="left")
    held = held.join(made.select(key), on=key, how="anti", maintain_order="left")
    return pl.concat([held, made.select(*HELD)]), made


def _labelled(made: pl.DataFrame, to: str, code: str) -> pl.DataFrame:
    subject = pl.col("subject") if "subject" in made.columns else pl.lit(None, pl.String).alias("subject")
    made = made.with_columns(subject, pl.lit(to).alias("kind"), pl.lit(code).alias("code"))
    return made.select(*ROLLED).cast(ROLLED)  # type: ignore[arg-type]
