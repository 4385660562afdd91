"""Where the gap between two units comes from, and what one of them lacks to the next grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.additive import Cells, Rescorer, columns, scored_codes, strata_of, unless_rounding
from citygauge.analyse.compare import noticed, number
from citygauge.analyse.peers import LEAST_SHOWN
from citygauge.analyse.unit_profile import _row
from citygauge.framework.model import DEDUCTION, VETO
from citygauge.result import Result
from citygauge.score.rank import RESOLUTION, rank

Array = NDArray[np.float64]

_PARTS: dict[str, Any] = {
    "code": pl.String, "parent": pl.String, "value": pl.Float64, "other": pl.Float64,
    "difference": pl.Float64, "contribution": pl.Float64, "share": pl.Float64,
}  # fmt: skip
_NEXT: dict[str, Any] = {
    "unit_code": pl.String, "next_grade": pl.String, "shortfall": pl.Float64, "code": pl.String,
    "parent": pl.String, "value": pl.Float64, "best_in_next": pl.Float64, "best": pl.Float64,
    "weight": pl.Float64, "gain_to_next_mean": pl.Float64, "gain_to_best": pl.Float64,
    "cumulative": pl.Float64, "reaches": pl.Boolean,
}  # fmt: skip


def contributions(result: Result, unit: str, other: str) -> pl.DataFrame:
    """Return what each indicator contributes to the difference between the indices of two units.

    Parameters
    ----------
    result : Result
    unit, other : str
        Codes; on illustrative data neutral names.

    Returns
    -------
    DataFrame
        ``code, parent, value, other, difference, contribution, share``, one row for each node with a score
        of its own, in tree order: leaves, and indicators above measures; not those that nobody has. `value`
        and `other` are the normalised scores, null where there is none; `difference` = value − other. The
        `contribution` of all rows adds up to the index of `unit` less that of `other`; `share` is that of
        the whole difference, null where this is 0. Contributions are null where either unit has no index,
        and where every way from one to the other leads over a state without an index. With a `notice` on
        illustrative data.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, ``analyse.not-decomposable``.

    Notes
    -----
    Starting from the other unit, its indicators are switched one after the other to those of the unit, and
    the index is computed anew after each; an indicator contributes the mean of the steps that its own switch
    makes, over orders of switching. What the two have of an indicator is switched as a whole: its score, that
    it is missing, and that it does not apply, so that weights are spread over what is there as in the
    aggregation. Orders keep the indicators of a node together (Owen's value over the levels of the tree), so
    that the contributions below a pillar add up to what the pillar as a whole contributes, whatever is
    inside the others. Every single order adds up, hence so does any mean of them: the decomposition is
    exact, needs no remainder, and treats units alike (``contributions(b, a)`` is the negative). Where all
    orders are more than 720, and the index is no weighted sum of the same indicators for both, 720 stand for
    them (`nested_orders`), and single contributions are estimates, the same in each run.

    In a tree of arithmetic means without gaps this is effective weight × difference.

    Source: Shapley 1953, doi:10.1515/9781400881970-018; Shorrocks 2013, Decomposition procedures for
    distributional analysis, doi:10.1007/s10888-011-9214-z (also on nested orders, after Owen 1977,
    doi:10.1007/978-3-642-45494-3_7).

    Examples
    --------
    >>> contributions(result, "330100", "320500").sort("contribution")  # doctest: +SKIP
    """
    rows, strata = [_row(result, name) for name in (unit, other)], strata_of(result)
    ours, theirs = (Cells.of(result, row, strata) for row in rows)
    shares = Rescorer.of(result).shares(theirs, ours)
    total = float(result.index[rows[0]] - result.index[rows[1]])
    codes = scored_codes([result], shares)
    added = shares[columns(result.framework, codes)].tolist()
    at = [result.normalised.codes.index(code) for code in codes]
    values, others = (result.normalised.values[row, at] for row in rows)
    parents = {code: result.framework[code].parent for code in codes}
    size = float(np.abs(result.index[rows]).max())
    frame = _parts(parents, (values, others), added, unless_rounding(total, size))
    return noticed(frame, result)


def pillar_gaps(result: Result, unit: str, other: str) -> pl.DataFrame:
    """Return what each pillar contributes to the difference between the indices of two units.

    Parameters
    ----------
    result : Result
    unit, other : str
        Codes; on illustrative data neutral names.

    Returns
    -------
    DataFrame
        The columns of `contributions`, summed over what lies below each child of the index; `value` and
        `other` are the scores of that node.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, ``analyse.not-decomposable``.

    Examples
    --------
    >>> pillar_gaps(result, "330100", "320500")  # doctest: +SKIP
    """
    framework, table = result.framework, result.aggregated
    below = contributions(result, unit, other)
    added = dict(below.select("code", "contribution").iter_rows())
    rows = [_row(result, name) for name in (unit, other)]
    root = framework.root.code
    branches = {child: (child, *framework.subtree(child)) for child in framework.children(root)}
    if root in added:  # an index with a score of its own
        branches = {root: (root,), **branches}
    at = columns(framework, tuple(branches))
    sums = [
        sum((_nan_if_none(added[code]) for code in codes if code in added), 0.0)
        for codes in branches.values()
    ]
    values, others = (table.values[row, at] for row in rows)
    total = float(result.index[rows[0]] - result.index[rows[1]])
    size = float(np.abs(result.index[rows]).max())
    parents = {code: framework[code].parent for code in branches}
    return noticed(_parts(parents, (values, others), sums, unless_rounding(total, size)), result)


def to_next_grade(result: Result, unit: str) -> pl.DataFrame:
    """Return what one unit lacks to the next grade, and how far each indicator would bring it.

    Parameters
    ----------
    result : Result
    unit : str
        Its code; on illustrative data its neutral name.

    Returns
    -------
    DataFrame
        ``unit_code, next_grade, shortfall, code, parent, value, best_in_next, best, weight,
        gain_to_next_mean, gain_to_best, cumulative, reaches``; the largest `gain_to_next_mean` first, ties in
        tree order. `shortfall` is the lower edge of the next grade less the unit's index, on every row.
        `value` is the normalised score of an indicator, null where there is none; `best_in_next` the mean of
        the units of the next grade, `best` the highest of all units (of deductions and vetoes the lowest);
        `weight` the effective weight in the index. The gains are what the index would rise if the indicator
        alone came up to either: the index is computed anew, so that they hold for any aggregation and for
        gaps, where a score that was missing takes weight from the others and the gain may be negative. They
        are 0 where the unit is there already, and null where nobody of the next grade has a score, or the
        indicator does not apply to the unit. `cumulative` is the gain if all indicators down to the row come
        up to `best_in_next`, those without a gain of their own left as they are; `reaches` says whether that
        is the shortfall. Empty at the highest grade, without a scale, and for a unit without a score.

        On illustrative data with a `notice`, without `next_grade` (a grade stands beside no figure), and
        without `best_in_next` or `best` and what follows from them where it rests on fewer than 3 scores.

    Raises
    ------
    InputError
        ``analyse.unknown-unit``, ``analyse.not-decomposable``.

    Notes
    -----
    In a tree of arithmetic means without gaps a gain is effective weight × difference. What a step costs is
    not known here, nor whether the next grade's mean is within reach. With strata each of them is brought up
    to its own mean and best.

    Examples
    --------
    >>> to_next_grade(result, "330100").head(10)  # doctest: +SKIP
    """
    row, rescorer = _row(result, unit), Rescorer.of(result)
    missing = _missing(result, row)
    if missing is None:
        return noticed(pl.DataFrame(schema=_NEXT), result)
    next_grade, shortfall = missing
    codes, strata = scored_codes([result]), strata_of(result)
    at = columns(result.framework, codes)
    cells = [Cells.of(result, each, strata) for each in range(len(result.units))]
    scores = np.stack([each.values for each in cells])[:, :, at]
    members = np.array([grade == next_grade for grade in result.grades], bool)
    turned = np.array([_sign(result, code) for code in codes])
    mean, best = targets(scores * turned, members, LEAST_SHOWN if result.illustrative else 1)
    mean, best = mean * turned, best * turned
    own = cells[row]
    gains = [_gains(rescorer, own, at, goal, turned) for goal in (mean, best)]
    places = rank(gains[0][:, None])[:, 0]  # sums that differ in their last bits are ties
    order = sorted(range(len(codes)), key=lambda i: (places[i] == 0, places[i]))
    steps = [i for i in order if gains[0][i] > 0]
    together = _cumulative(rescorer, own, at, mean, turned, steps)
    slack = RESOLUTION * _width(result)
    told = None if result.illustrative else next_grade
    rows, reached = [], 0.0
    table = result.normalised.values[:, [result.normalised.codes.index(code) for code in codes]]
    shown_mean, shown_best = targets(
        table[:, None] * turned, members, LEAST_SHOWN if result.illustrative else 1
    )
    for place, i in enumerate(order):
        reached = together[place] if place < len(steps) else reached
        known = not np.isnan(gains[0][i])
        figures = table[row, i], shown_mean[0, i] * turned[i], shown_best[0, i] * turned[i]
        rows.append(
            (unit, told, shortfall, codes[i], result.framework[codes[i]].parent, *map(number, figures),
             result.effective_weights[codes[i]], number(gains[0][i]), number(gains[1][i]),
             float(reached) if known else None, bool(reached >= shortfall - slack) if known else None)
        )  # fmt: skip
    return noticed(pl.DataFrame(rows, _NEXT, orient="row"), result)


def targets(scores: Array, members: NDArray[np.bool_], least: int = 1) -> tuple[Array, Array]:
    """Return the mean of some units, and the highest score of all.

    Parameters
    ----------
    scores : (n_units, n_strata, n_codes) float
        NaN is left out.
    members : (n_units,) bool
        Of whom the mean is taken.
    least : int
        A mean of fewer scores is NaN, and so is the highest of fewer.

    Returns
    -------
    mean, best : arrays (n_strata, n_codes)

    Examples
    --------
    >>> mean, best = targets(np.array([[[1.0]], [[3.0]], [[8.0]]]), np.array([True, True, False]))
    >>> mean.tolist(), best.tolist()
    ([[2.0]], [[8.0]])
    """
    own, known = scores[members], ~np.isnan(scores)
    n = known[members].sum(axis=0)
    mean = np.where(n >= max(least, 1), np.nansum(own, axis=0) / np.maximum(n, 1), np.nan)
    best = np.fmax.reduce(scores, axis=0, initial=np.nan)
    return mean, np.where(known.sum(axis=0) >= least, best, np.nan)


def _missing(result: Result, row: int) -> tuple[str, float] | None:
    """Return the next better grade of a row and what lacks to it; None where there is none."""
    if result.scale is None or not result.grades[row]:
        return None
    ids = [grade.id for grade in result.scale.grades]
    above = ids.index(result.grades[row]) - 1
    if above < 0:
        return None
    edge = result.scale.edges(result.range)[above]
    assert edge is not None  # only the last class has no edge
    return ids[above], edge - float(result.index[row])


def _width(result: Result) -> float:
    """Return the width of the range on which grades are cut."""
    assert result.scale is not None
    low, high = result.range or (result.scale.low, result.scale.high)
    return high - low


def _sign(result: Result, code: str) -> float:
    """Return -1 where a higher score lowers the index."""
    return -1.0 if result.framework.roles[code] in {DEDUCTION, VETO} else 1.0


def _raised(own: Array, goal: Array, turned: Array) -> Array:
    """Return scores brought up to a goal; where they are there already, or it is unknown, as they are."""
    short = (np.isnan(own) & (turned > 0)) | ((goal - own) * turned > 0)
    return np.where(short & ~np.isnan(goal), goal, own)


def _gains(rescorer: Rescorer, own: Cells, at: Sequence[int], goal: Array, turned: Array) -> Array:
    """Return what the index rises when each column alone comes up to a goal ``(n_strata, n_codes)``."""
    applies = own.applicable[:, at]
    raised = np.where(applies, _raised(own.values[:, at], goal, turned), own.values[:, at])
    n = len(at)
    values = np.repeat(own.values[:, None], n + 1, axis=1)
    values[:, np.arange(n), at] = raised
    applicable = np.repeat(own.applicable[:, None], n + 1, axis=1)
    found = rescorer.index(values, applicable)
    is_known = (applies & ~np.isnan(goal)).any(axis=0)
    return np.where(is_known, found[:-1] - found[-1], np.nan)


def _cumulative(
    rescorer: Rescorer, own: Cells, at: Sequence[int], goal: Array, turned: Array, steps: Sequence[int]
) -> Array:
    """Return what the index rises when columns come up to a goal one after the other, after each step."""
    applies = own.applicable[:, at]
    raised = np.where(applies, _raised(own.values[:, at], goal, turned), own.values[:, at])
    values = np.repeat(own.values[:, None], len(steps) + 1, axis=1)
    for done, i in enumerate(steps, 1):
        values[:, done:, at[i]] = raised[:, None, i]
    applicable = np.repeat(own.applicable[:, None], len(steps) + 1, axis=1)
    found = rescorer.index(values, applicable)
    return np.asarray(found[1:] - found[0])


def _parts(
    parents: Mapping[str, str | None], values: tuple[Array, Array], added: Sequence[float], total: float
) -> pl.DataFrame:
    """Return the table of contributions that come to a total."""
    rows = [
        (code, parent, number(ours), number(theirs), number(ours - theirs), number(part),
         None if total == 0 else number(part / total))
        for (code, parent), ours, theirs, part in zip(parents.items(), *values, added, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows, _PARTS, orient="row")


def _nan_if_none(value: float | None) -> float:
    return float("nan") if value is None else value
