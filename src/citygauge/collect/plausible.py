"""Whether recorded facts are plausible: jumps between periods, values far from all others, signs, copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.collect.observations import ROW, Observations
from citygauge.collect.resolve import current
from citygauge.collect.rivals import SourceChoice, ordered
from citygauge.collect.yearbook.checks import FAR, likely_factor, modified_z
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

PLAUSIBLE_SCHEMA = {
    "kind": pl.String, "unit": pl.String, "indicator": pl.String, "period": pl.String, "before": pl.String,
    "row": pl.Int64, "value": pl.Float64, "value_before": pl.Float64, "ratio": pl.Float64,
    "factor": pl.Float64, "z": pl.Float64, "share": pl.Float64, "other": pl.String,
}  # fmt: skip
_LEAST_CHANGE = np.log(1.5)  # beside the change of the others; less is no jump, however steady they are
_LEAST_AWAY = np.log(3.0)  # from the median
_LEAST_GAP = np.log(2.5)  # to the next value: the largest city of a country is large, not wrong
_MOST = 0.05  # more beyond a gap are a group of their own
_FEWEST_CHANGES, _FEWEST_VALUES = 5, 10
_SMALL = 10.0  # of whole numbers: one museum is a small count, not a slip
_COPIED, _STATIC = 0.8, 0.5  # shares of units with the same value in two periods
_TELLING_DIGITS = 3  # 12 museums are 12 museums again in the next year
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Column:
    """All figures of an indicator: ``(n_units, n_periods)``, and the rows they stand in."""

    code: str
    units: tuple[str, ...]
    periods: tuple[str | None, ...]
    values: Array
    rows: NDArray[np.int64]


def check_plausible(
    observations: Observations,
    framework: Framework,
    problems: Problems,
    choice: SourceChoice | None = None,
) -> pl.DataFrame:
    """Return the recorded figures that look like slips; each kind is noted once, with its first offenders.

    Nothing is dropped or changed. Of the facts about units those are looked at that count, in all
    periods; indicators with a rubric or an ordinal or binary scale are left out.

    Parameters
    ----------
    observations : Observations
    framework : Framework
    problems : Problems
        Warnings ``facts.jump``, ``facts.outlier``, ``facts.negative-ratio``, ``facts.lone-zero`` and
        ``facts.copied-column``.
    choice : SourceChoice, optional
        Which source counts where several tell one fact.

    Returns
    -------
    DataFrame
        `kind`, then what is found; the other columns are null.

        - ``jump``: `value` of `unit` in `period` (in `row`) against `value_before` in the period `before`,
          `ratio` of the two, `z` of `jumps`, and `factor` where a power of ten explains it. Without `unit`
          it is the median of all units that changed by a factor. A value that jumps and comes back is
          told once.
        - ``outlier``: `value` with its `z` of `outliers`.
        - ``negative``: a `value` below 0 on a ratio scale, which has none.
        - ``zero``: a 0 on a ratio scale where at least 10 values are known, fewer than 5 % of them are 0, and
          all others are at least 5 % of their median, and at least 10 if they are whole numbers.
        - ``copied``: the `share` of units whose value in `period` is that of `before`, of values with three
          significant digits other than the most common one; at least 5 units and 0.8 of them, and no
          indicator half of whose values never change. Or the `share` of units whose value is that of the
          indicator `other` in the same period: at least 10 units and 0.8 of them.

    Notes
    -----
    The limits beside the z-score of 3.5 are this project's own; they keep sound data quiet.
    """
    found, looked, changes = [], 0, 0
    columns = list(_columns(observations, framework, choice or SourceChoice()))
    for column in columns:
        looked += int(np.isfinite(column.values).sum())
        dated = [j for j, period in enumerate(column.periods) if period is not None]
        changes += sum(int(np.isfinite(column.values[:, [i, j]]).all(axis=1).sum()) for i, j in _next(dated))
        found += [*_jumps(column, dated), *_outliers(column), *_copies(column, dated)]
        if framework[column.code].scale == "ratio":
            found += _signs(column)
    found += _twins(columns, framework)
    frame = pl.DataFrame(found, schema=PLAUSIBLE_SCHEMA)
    _note(frame, observations, {"jump": changes, "outlier": looked}, problems)
    return frame


def jumps(before: Array, after: Array) -> Array:
    """Return how far the change of each unit is from that of the others, 0 where it is no jump.

    The modified z-score of log(after / before). It is a jump where the score is beyond 3.5, the ratio
    differs from the median ratio by a factor of more than 1.5, and the difference after − before has a
    modified z-score beyond 3.5 too, so that a small value that triples is none.

    Parameters
    ----------
    before, after : (n_units,) float
        In the same unit; NaN = missing.

    Returns
    -------
    (n_units,) float
        NaN where either value is missing or not positive. All 0 where fewer than 5 changes are known.

    References
    ----------
    Iglewicz & Hoaglin (1993), How to Detect and Handle Outliers, ASQC Quality Press.

    Examples
    --------
    >>> before = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    >>> (jumps(before, before * [1.02, 1.03, 10.0, 1.01, 1.04, 1.05]) != 0).tolist()
    [False, False, True, False, False, False]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(np.where((before > 0) & (after > 0), after / before, np.nan))
    known = np.isfinite(change)
    if known.sum() < _FEWEST_CHANGES:
        return np.where(known, 0.0, np.nan)
    z, step = modified_z(change), modified_z(np.where(known, after - before, np.nan))
    with np.errstate(invalid="ignore"):
        is_jump = (np.abs(z) > FAR) & (np.abs(step) > FAR)
        is_jump &= np.abs(change - np.nanmedian(change)) > _LEAST_CHANGE
    return np.where(known, np.where(is_jump, z, 0.0), np.nan)


def outliers(values: Array) -> Array:
    """Return how far each value is from the others, 0 where it is no outlier.

    The modified z-score, of logarithms where hardly a value is negative (at most 1 in 20; these and zeros
    are then left out; where there are zeros, and among whole numbers below 10, nothing is too small). It is
    an outlier where the score is beyond 3.5, the value differs from the median by a factor of more than 3,
    and a gap lies between it and the values nearer to the median, with at most 5 % of the values beyond: a
    factor of 2.5, or 3.5 robust standard deviations where values are negative.

    Parameters
    ----------
    values : (n_units,) float
        NaN = missing.

    Returns
    -------
    (n_units,) float
        NaN where `values` is. All 0 where fewer than 10 values can be compared.

    References
    ----------
    Iglewicz & Hoaglin (1993), How to Detect and Handle Outliers, ASQC Quality Press.

    Examples
    --------
    >>> (outliers(np.append(np.arange(20.0, 40.0), 300_000.0)) != 0).nonzero()[0].tolist()
    [20]
    """
    is_log = (values < 0).sum() <= _MOST * np.isfinite(values).sum()
    usable = np.isfinite(values) & ((values > 0) if is_log else True)
    result = np.where(np.isfinite(values), 0.0, np.nan)
    if usable.sum() < _FEWEST_VALUES:
        return result
    scale = np.log(values[usable]) if is_log else values[usable]
    z, away = modified_z(scale), scale - np.median(scale)
    spread = np.max(np.abs(away)) / np.max(np.abs(z)) if z.any() else 1.0
    least, gap = (_LEAST_AWAY, _LEAST_GAP) if is_log else (0.0, FAR * spread)
    is_far = (np.abs(z) > FAR) & (np.abs(away) > least)
    if is_log:
        least_value = np.inf if (values == 0).any() else _SMALL if _is_count(values[usable]) else 0.0
        is_far &= (away > 0) | (values[usable] >= least_value)
    result[usable] = np.where(is_far & _beyond_gap(away, is_far, gap), z, 0.0)
    return result


def _beyond_gap(away: Array, is_far: NDArray[np.bool_], gap: float) -> NDArray[np.bool_]:
    """Tell of each value whether it lies beyond a gap, with few others."""
    result = np.zeros(away.shape, bool)
    for side in (1.0, -1.0):
        order = np.argsort(side * away, kind="stable")
        steps = np.diff(side * away[order])
        starts = np.flatnonzero((steps > gap) & is_far[order][1:] & (side * away[order][1:] > 0)) + 1
        starts = starts[len(away) - starts <= max(1, _MOST * len(away))]
        if len(starts):
            result[order[starts[0] :]] = True
    return result


def _columns(observations: Observations, framework: Framework, choice: SourceChoice) -> Iterator[_Column]:
    """Yield the figures of each indicator that has a scale of numbers."""
    codes = [n.code for n in framework if not n.rubric and n.scale not in {"ordinal", "binary"}]
    frame = current(observations, Problems()).filter(
        pl.col("subject").is_null() & pl.col("value").is_not_null() & pl.col("indicator").is_in(codes)
    )
    frame = ordered(frame, framework, choice).unique(
        ["unit", "indicator", "period"], keep="first", maintain_order=True
    )
    for (code,), group in frame.sort(ROW).group_by("indicator", maintain_order=True):
        units = tuple(group["unit"].unique(maintain_order=True))
        periods = tuple(sorted(group["period"].unique(), key=lambda period: period or ""))
        at = (
            [{name: i for i, name in enumerate(units)}[name] for name in group["unit"]],
            [{name: i for i, name in enumerate(periods)}[name] for name in group["period"]],
        )
        values, rows = np.full((len(units), len(periods)), np.nan), np.zeros((len(units), len(periods)), int)
        values[at], rows[at] = group["value"].to_numpy(), group[ROW].to_numpy()
        yield _Column(str(code), units, periods, values, rows)


def _next(dated: Sequence[int]) -> list[tuple[int, int]]:
    return list(pairwise(dated))


def _jumps(column: _Column, dated: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the changes between neighbouring periods that stand out; a return to the old value is none."""
    last = np.zeros(len(column.units))  # which way each unit jumped just before
    for i, j in _next(dated):
        old, new = column.values[:, i], column.values[:, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where((old > 0) & (new > 0), new / old, np.nan)
        known = np.isfinite(ratio)
        usual = float(np.median(ratio[known])) if known.any() else 1.0
        whole = likely_factor(usual) if known.sum() > 1 else None
        periods = {"period": column.periods[j], "before": column.periods[i]}
        about: dict[str, Any] = {"kind": "jump", "indicator": column.code, **periods}
        if whole is not None:
            yield {**about, "ratio": usual, "factor": whole}
        usual = whole or 1.0
        z = np.nan_to_num(jumps(old, new))
        if known.sum() < _FEWEST_CHANGES and whole is None:  # too few to say what is usual
            is_jump = np.array([bool(k and likely_factor(r)) for k, r in zip(known, ratio, strict=True)])
        else:
            is_jump = z != 0
        way = np.where(is_jump, np.sign(np.nan_to_num(ratio, nan=usual) - usual), 0.0)
        for n in np.flatnonzero(is_jump & (last * way >= 0)):
            yield {
                **about, "unit": column.units[n], "row": int(column.rows[n, j]), "value": float(new[n]),
                "value_before": float(old[n]), "ratio": float(ratio[n]),
                "factor": likely_factor(float(ratio[n]) / usual), "z": float(z[n]) or None,
            }  # fmt: skip
        last = way


def _outliers(column: _Column) -> Iterator[dict[str, Any]]:
    for j, period in enumerate(column.periods):
        z = outliers(column.values[:, j])
        for n in np.flatnonzero(np.nan_to_num(z) != 0):
            yield {
                "kind": "outlier", "unit": column.units[n], "indicator": column.code, "period": period,
                "row": int(column.rows[n, j]), "value": float(column.values[n, j]), "z": float(z[n]),
            }  # fmt: skip


def _copies(column: _Column, dated: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the pairs of periods with the same values for most units, unless that is usual here."""
    shares: dict[tuple[int, int], float] = {}
    for place, j in enumerate(dated):
        telling = _is_telling(column.values[:, j])
        for i in dated[:place]:
            both = telling & np.isfinite(column.values[:, i])
            if both.sum() >= _FEWEST_CHANGES:
                shares[i, j] = float((column.values[both, i] == column.values[both, j]).mean())
    is_static = len(shares) > 1 and float(np.median(list(shares.values()))) >= _STATIC
    for (i, j), share in shares.items():
        if share >= _COPIED and not is_static:
            periods = {"period": column.periods[j], "before": column.periods[i]}
            yield {"kind": "copied", "indicator": column.code, **periods, "share": share}


def _is_count(values: Array) -> bool:
    """Tell whether all are whole numbers."""
    return bool((values == np.rint(values)).all())


def _signs(column: _Column) -> Iterator[dict[str, Any]]:
    """Yield the values below 0, and the few zeros among values that are all far from it."""
    for j, period in enumerate(column.periods):
        values = column.values[:, j]
        rest, n_known = values[values != 0], np.isfinite(values).sum()
        rest = rest[np.isfinite(rest)]
        is_lone = 0 < n_known - len(rest) < _MOST * n_known and n_known >= _FEWEST_VALUES
        if is_lone:
            least = _SMALL if _is_count(rest) else 0.0
            is_lone = rest.min() >= max(least, _MOST * np.median(rest))
        for n in np.flatnonzero((values < 0) | ((values == 0) & is_lone)):
            yield {
                "kind": "negative" if values[n] < 0 else "zero", "unit": column.units[n],
                "indicator": column.code, "period": period, "row": int(column.rows[n, j]),
                "value": float(values[n]),
            }  # fmt: skip


def _twins(columns: Sequence[_Column], framework: Framework) -> Iterator[dict[str, Any]]:
    """Yield the pairs of indicators with the same values for most units in a period.

    One figure may be divided by two things: patents per head and as a share of all are no copies.
    """
    by_period: dict[str | None, list[tuple[str, dict[str, float]]]] = {}
    for column in columns:
        for j, period in enumerate(column.periods):
            values = column.values[:, j]
            telling = np.isfinite(values) & _is_telling(values)
            held = {column.units[n]: float(values[n]) for n in np.flatnonzero(telling)}
            if len(held) >= _FEWEST_VALUES:
                by_period.setdefault(period, []).append((column.code, held))
    for period, table in by_period.items():
        for (code, own), (other, theirs) in combinations(table, 2):
            if framework[code].denominator != framework[other].denominator:
                continue
            both = own.keys() & theirs.keys()
            alike = sum(own[unit] == theirs[unit] for unit in both)
            if len(both) >= _FEWEST_VALUES and alike >= _COPIED * len(both):
                about = {"indicator": code, "other": other, "period": period}
                yield {"kind": "copied", **about, "share": alike / len(both)}


def _is_telling(values: Array) -> NDArray[np.bool_]:
    """Tell of each value whether it is unlikely to come again by chance."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(values.shape, bool)
    different, counts = np.unique(known, return_counts=True)
    common = different[counts.argmax()] if counts.max() > 1 else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        two_digits = values / 10 ** (np.floor(np.log10(np.abs(values))) - (_TELLING_DIGITS - 2))
        is_long = np.abs(two_digits - np.rint(two_digits)) > 1e-9
    return np.asarray(is_long & (values != common))


def _note(frame: pl.DataFrame, observations: Observations, total: dict[str, int], problems: Problems) -> None:
    """Note each kind once, the largest first."""
    of = {kind: group.to_dicts() for (kind,), group in frame.group_by("kind", maintain_order=True)}
    if found := sorted(of.get("jump", []), key=lambda r: (r["unit"] is not None, -abs(np.log(r["ratio"])))):
        told = [
            f"{r['unit'] or '*'}/{r['indicator']} {r['before']}→{r['period']} ×{r['ratio']:.3g}"
            + (f" «{_power(r['factor'])}»" if r["factor"] else "")
            for r in found
        ]
        where = observations.where(found[0]["row"], "value") if found[0]["row"] else Where(observations.file)
        problems.add("facts.jump", where, count=len(found), total=total["jump"], jumps=told)
    if found := sorted(of.get("outlier", []), key=lambda r: -abs(r["z"])):
        told = [
            f"{r['unit']}/{r['indicator']} {r['period'] or '–'} {r['value']:.6g} ({r['z']:.1f})"
            for r in found
        ]
        where = observations.where(found[0]["row"], "value")
        problems.add("facts.outlier", where, count=len(found), total=total["outlier"], outliers=told)
    if found := sorted(of.get("negative", []), key=lambda r: r["value"]):
        told = [f"{r['unit']}/{r['indicator']} {r['period'] or '–'} {r['value']:.6g}" for r in found]
        where = observations.where(found[0]["row"], "value")
        problems.add("facts.negative-ratio", where, count=len(found), negatives=told)
    if found := of.get("zero", []):
        told = [f"{r['unit']}/{r['indicator']} {r['period'] or '–'}" for r in found]
        where = observations.where(found[0]["row"], "value")
        problems.add("facts.lone-zero", where, count=len(found), zeros=told)
    if found := sorted(of.get("copied", []), key=lambda r: -r["share"]):
        told = [f"{_copy(r)} ({100 * r['share']:.0f}%)" for r in found]
        problems.add("facts.copied-column", Where(observations.file), count=len(found), columns=told)


def _copy(found: Mapping[str, Any]) -> str:
    """Write without words which column is like which."""
    if found["other"]:
        return f"{found['indicator']}={found['other']} {found['period'] or '–'}"
    return f"{found['indicator']} {found['before']}={found['period']}"


def _power(factor: float) -> str:
    return f"10^{np.log10(factor):.0f}"
