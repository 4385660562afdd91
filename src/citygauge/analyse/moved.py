"""Why the scores of units changed between two periods: what each indicator contributes."""

from __future__ import annotations

from difflib import get_close_matches
from math import fsum
from typing import Any

import numpy as np
import polars as pl

from citygauge.analyse.additive import Cells, Rescorer, columns, scored_codes, strata_of
from citygauge.analyse.compare import noticed, number
from citygauge.analyse.step_table import known_choice
from citygauge.indicators.impute_time import times
from citygauge.panel import Panel
from citygauge.problems import InputError, Problem, Where
from citygauge.result import Result

_MOVED: dict[str, Any] = {
    "unit_code": pl.String, "first_period": pl.String, "last_period": pl.String, "rank_change": pl.Int64,
    "score_change": pl.Float64, "method": pl.Float64, "code": pl.String, "parent": pl.String,
    "first": pl.Float64, "last": pl.Float64, "contribution": pl.Float64,
}  # fmt: skip


def moved(
    panel: Panel, unit: str | None = None, first: str | None = None, last: str | None = None
) -> pl.DataFrame:
    """Return what each indicator contributes to the change of each unit's index between two periods.

    Parameters
    ----------
    panel : Panel
    unit : str, optional
        Its code, on illustrative data its neutral name; all units by default.
    first, last : str, optional
        Periods; by default the first and the last in time.

    Returns
    -------
    DataFrame
        One row for each unit and column of scores, in tree order: ``unit_code, first_period, last_period,
        rank_change, score_change, method, code, parent, first, last, contribution``. `rank_change` is the
        rank in the first period less that in the last, each among the units of its period (positive = up);
        `score_change` the index of the last period less that of the first. `first` and `last` are the
        normalised scores of the indicator, null where there is none. The contributions of a unit add up to
        its `score_change`; what is left, `method`, is 0 but for rounding, because all periods of a panel have
        one framework, one method and one set of weights. Units without an index in either period are left
        out; contributions are null where every way between the two leads over a state without an index. On
        illustrative data under neutral names, those of the last period of the panel, with a `notice`.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, ``analyse.unknown-choice`` for a period, ``analyse.not-decomposable``.

    Notes
    -----
    The rule is that of `gaps.contributions`, with the same unit in the earlier period in place of the other
    unit. Scores are compared, not values as measured. With ``[panel] normalise = "all"`` both periods stand
    on one scale, and a contribution is what the indicator itself has changed. With ``normalise = "each"``
    (and ``treat = "each"``) every period has a scale of its own: a contribution then is what the indicator's
    place *relative to the units of its period* has changed, and a unit whose figures stood still moves when
    the others do; with goalposts, rubrics and targets the two are the same. Imputed values move scores as
    well. Where a series breaks between the periods, what is compared is not the same thing; see `trends`.

    Source: Shorrocks 2013, doi:10.1007/s10888-011-9214-z.

    Examples
    --------
    >>> moved(panel, "330100").sort("contribution")  # doctest: +SKIP
    """
    order = np.argsort(times(panel.periods)[0], kind="stable")
    periods = [panel.periods[i] for i in order]
    chosen = [periods[0] if first is None else first, periods[-1] if last is None else last]
    for period in chosen:
        known_choice(period, periods)
    labels = panel.label_of
    if unit is not None and unit not in labels.values():
        near = get_close_matches(unit, list(labels.values()), 3)
        raise InputError([Problem("analyse.unknown-unit", Where(), {"unit": unit, "near": near})])
    before, after = (panel.results[period] for period in chosen)
    rescorer = Rescorer.of(after)
    there = set(before.units.codes)
    units = [code for code in after.units.codes if code in there and unit in {None, labels[code]}]
    if panel.illustrative:
        units.sort(key=lambda code: labels[code])
    rows = [(labels[code], *chosen, *row) for code in units for row in _rows(rescorer, before, after, code)]
    return noticed(pl.DataFrame(rows, _MOVED, orient="row"), panel.last)


def _rows(rescorer: Rescorer, before: Result, after: Result, unit: str) -> list[tuple[Any, ...]]:
    """Return the rows of a unit; none where it lacks an index in either period."""
    results, framework = (before, after), after.framework
    rows = [result.units.position[unit] for result in results]
    low, high = (float(result.index[row]) for result, row in zip(results, rows, strict=True))
    if np.isnan(high - low):
        return []
    strata = strata_of(*results)
    ends = [Cells.of(result, row, strata) for result, row in zip(results, rows, strict=True)]
    shares = rescorer.shares(*ends)
    ranks = [int(result.ranks[row, 0]) for result, row in zip(results, rows, strict=True)]
    scores = [
        dict(zip(result.normalised.codes, result.normalised.values[row].tolist(), strict=True))
        for result, row in zip(results, rows, strict=True)
    ]
    codes = scored_codes(results, shares)
    added = dict(zip(codes, shares[columns(framework, codes)].tolist(), strict=True))
    method = high - low - fsum(added.values())
    nothing = float("nan")
    return [
        (ranks[0] - ranks[1], high - low, number(method), code, framework[code].parent,
         *(number(each.get(code, nothing)) for each in scores), number(added[code]))
        for code in codes
    ]  # fmt: skip
