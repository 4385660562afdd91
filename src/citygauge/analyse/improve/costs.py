"""What it costs to raise an indicator: per point or per raw unit, how far, and by which steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import polars as pl

from citygauge.files import Sheet, canonical_headers, finite_number, frame_sheet, read_sheet
from citygauge.framework.model import Framework
from citygauge.problems import Problems

COST_COLUMNS = ("code", "cost", "per", "max", "steps")
Per = Literal["point", "raw"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of one indicator.

    `cost` is the effort for a point (a hundredth of the range of its score) or for a unit of the raw value,
    as `per` says; `most` is the highest score, or raw value, that may be planned; `steps` cuts the way into
    so many equal steps of which none can be done by half, 0 rules the indicator out.
    """

    cost: float = 1.0
    per: Per = "point"
    most: float | None = None
    steps: int | None = None


Costs = Mapping[str, Cost]


def costs_of(
    given: Path | str | pl.DataFrame | Mapping[str, float] | None, framework: Framework, problems: Problems
) -> dict[str, Cost]:
    """Return the price of each indicator that a table names; one of a node above holds for all below it.

    Parameters
    ----------
    given : path, DataFrame, mapping or None
        A table with the columns ``code, cost, per, max, steps``, of which all but `code` may be left out; or
        code → cost per point.
    framework : Framework
    problems : Problems
        Everything that is wrong with the table is noted.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        given = pl.DataFrame({"code": list(given), "cost": [str(cost) for cost in given.values()]})
    if isinstance(given, pl.DataFrame):
        sheet: Sheet | None = frame_sheet(given.with_columns(pl.all().cast(pl.String)), "costs")
    else:
        sheet = read_sheet(Path(given), problems)
    if sheet is None:
        return {}
    sheet = canonical_headers(sheet, COST_COLUMNS)
    if "code" not in sheet.frame.columns:
        problems.add("improve.no-code-column", sheet.where(), found=list(sheet.frame.columns))
        return {}
    found: dict[str, Cost] = {}
    for number, row in enumerate(sheet.frame.to_dicts()):
        code = row["code"]
        if code is None:
            continue
        if code not in framework:
            near = get_close_matches(code, framework.codes, 3)
            problems.add("improve.unknown-code", sheet.where(number, "code"), code=code, near=near)
        elif code in found:
            problems.add("improve.cost-twice", sheet.where(number, "code"), code=code)
        else:
            found[code] = _cost(row, sheet, number, problems)
    return _spread(found, framework)


def _cost(row: Mapping[str, Any], sheet: Sheet, number: int, problems: Problems) -> Cost:
    """Return the price of one row; cells that cannot be are noted."""
    numbers: dict[str, float | None] = {}
    for name in ("cost", "max", "steps"):
        text = row.get(name)
        value = numbers[name] = None if text is None else finite_number(text)
        is_wrong = text is not None and value is None
        if value is not None and name != "max":
            is_wrong = value < 0 or (name == "steps" and not value.is_integer())
        if is_wrong:
            where = sheet.where(number, name)
            problems.add("improve.bad-cost", where, code=row["code"], column=name, value=text)
    per = row.get("per") or "point"
    if per not in {"point", "raw"}:
        problems.add("improve.bad-per", sheet.where(number, "per"), code=row["code"], value=per)
        per = "point"
    cost, steps = numbers["cost"], numbers["steps"]
    return Cost(
        1.0 if cost is None else cost,
        "raw" if per == "raw" else "point",
        numbers["max"],
        None if steps is None else int(steps),
    )


def _spread(found: Mapping[str, Cost], framework: Framework) -> dict[str, Cost]:
    """Return the prices with those of nodes above handed down to what has none of its own."""
    spread: dict[str, Cost] = {}
    for code in framework.codes:
        own = (code, *framework.ancestors(code))
        price = next((found[each] for each in own if each in found), None)
        if price is not None:
            spread[code] = price
    return spread
