"""Whether facts are plausible: jumps from year to year, outliers, totals. Nothing is dropped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from citygauge.collect.yearbook.measures import is_additive, measure_of, names_of_unit
from citygauge.collect.yearbook.read import Fact, Sum
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

FACTORS = (10.0, 100.0, 1_000.0, 10_000.0, 1e8)
FAR = 3.5  # of the modified z-score
_NEAR = 0.15  # of a power of ten, in powers of ten: 7 to 14 for 10
_LEAST_CHANGE = np.log(1.5)  # smaller changes are no jump, however steady the others are
_FEWEST = 5
Series = Mapping[tuple[str, str], Mapping[str, float]]  # (unit, indicator) → period → value


def modified_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each value is from the median, in robust standard deviations.

    M = 0.6745 (x − median) / MAD; where more than half of the values are equal and the MAD is 0,
    (x − median) / (1.253314 · mean absolute deviation), and 0 where all are equal.

    Parameters
    ----------
    values : (n,) float
        Any unit; NaN = missing.

    Returns
    -------
    (n,) float
        NaN where `values` is.

    References
    ----------
    Iglewicz & Hoaglin (1993), How to Detect and Handle Outliers, ASQC Quality Press: 3.5 as the limit.

    Examples
    --------
    >>> modified_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(4).tolist()
    [-1.349, -0.6745, 0.0, 0.6745, 65.4265]
    """
    if not np.isfinite(values).any():
        return np.full_like(values, np.nan)
    away = values - np.nanmedian(values)
    spread = np.nanmedian(np.abs(away)) / 0.6745
    if spread == 0:
        spread = 1.253314 * np.nanmean(np.abs(away))
    return away / spread if spread > 0 else away


def likely_factor(ratio: float) -> float | None:
    """Return the power of ten by which a changed unit of measure explains a ratio; None where none does.

    Ten to the power of 1, 2, 3, 4 or 8 or its inverse, met within 0.15 powers of ten.

    >>> likely_factor(9_700.0), likely_factor(0.0104), likely_factor(3.0)
    (10000.0, 0.01, None)
    """
    if ratio <= 0:
        return None
    power = np.log10(ratio)
    for limit in FACTORS:
        for known in (np.log10(limit), -np.log10(limit)):
            if abs(power - known) <= _NEAR:
                return float(10.0**known)
    return None


def check_facts(
    facts: Sequence[Fact], recorded: Series, framework: Framework, file: str, problems: Problems
) -> None:
    """Note jumps against the year before, outliers among the units, and shares told as fractions.

    Parameters
    ----------
    facts : sequence of Fact
    recorded : mapping
        What is known already: (unit, indicator) → period → value.
    """
    known = {key: dict(values) for key, values in recorded.items()}
    for fact in facts:
        if fact.value is not None:
            known.setdefault((fact.unit, fact.indicator), {})[fact.period] = float(fact.value)
    grouped: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        if fact.value is not None:
            grouped.setdefault((fact.indicator, fact.period), []).append(fact)
    for (code, period), group in grouped.items():
        _check_jumps(group, code, period, known, file, problems)
        _check_outliers(group, code, period, file, problems)
        _check_fractions(group, code, framework, file, problems)


def check_sums(sums: Sequence[Sum], file: str, problems: Problems) -> None:
    """Note rows of totals that differ from the sum of their rows by more than rounding explains.

    Only amounts are added up, no shares or rates, and only where no row has a gap. Rows without a known
    name, and rows “of which”, may be parts of others: a total that agrees with or without them is right.
    """
    for told in sums:
        measure = measure_of(told.measure) if told.measure else None
        rows = [value for value in (*told.assessed, *told.others, *told.parts) if value is not None]
        has_gaps = len(rows) < len(told.assessed) + len(told.others) + len(told.parts)
        if measure is None or not is_additive(measure) or has_gaps or not told.assessed:
            continue
        slack = _rounding([*rows, told.total])
        assessed, others, parts = map(_total, (told.assessed, told.others, told.parts))
        possible = [assessed, assessed + others, assessed + parts, assessed + others + parts]
        if any(abs(found - told.total) <= slack for found in possible):
            continue
        values = {"total": f"{told.total:f}", "sum": f"{assessed + others:f}", "code": told.indicator}
        problems.add("yearbook.total-differs", Where(file, column=told.cell), **values, period=told.period)


def _total(values: Sequence[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), Decimal(0))


def _rounding(values: Sequence[Decimal]) -> Decimal:
    """Return by how much a sum of rounded values may be off: half of the usual last digit for each.

    The usual one is the median, because a last digit may be 0, and a spreadsheet adds binary dust.
    """
    exponents = [value.normalize().as_tuple().exponent for value in values if value]
    digits = sorted(min(exponent, 0) for exponent in exponents if isinstance(exponent, int))
    usual = digits[len(digits) // 2] if digits else 0
    return max(Decimal(10) ** usual / 2 * len(values), abs(values[-1]) * Decimal("1e-9"))


def _check_jumps(
    group: Sequence[Fact], code: str, period: str, known: Series, file: str, problems: Problems
) -> None:
    """Note changes that a changed unit explains, and those far from the changes of the other units."""
    pairs = []
    for fact in group:
        before = max((p for p in known[fact.unit, code] if p < period), default=None)
        old = 0.0 if before is None else known[fact.unit, code][before]
        if before is not None and old > 0 and fact.value is not None and fact.value > 0:
            pairs.append((fact, before, float(fact.value) / old))
    if not pairs:
        return
    logs = np.log([ratio for *_, ratio in pairs])
    whole = likely_factor(float(np.exp(np.median(logs))))
    if whole is not None and len(pairs) > 1:
        cells = [fact.cell for fact, *_ in pairs]
        values = {"code": code, "period": period, "factor": whole, "before": pairs[0][1]}
        problems.add("yearbook.changed-unit", Where(file), **values, cells=cells)
        return
    far = modified_z(logs) if len(pairs) >= _FEWEST else np.zeros(len(pairs))
    for (fact, before, ratio), away, change in zip(pairs, far, logs - np.median(logs), strict=True):
        values = {"unit": fact.unit, "code": code, "period": period, "before": before, "ratio": ratio}
        where = Where(file, column=fact.cell)
        if (found := likely_factor(ratio)) is not None:
            problems.add("yearbook.changed-unit-of-one", where, **values, factor=found)
        elif abs(away) > FAR and abs(change) > _LEAST_CHANGE:
            problems.add("yearbook.jump", where, **values)


def _check_outliers(group: Sequence[Fact], code: str, period: str, file: str, problems: Problems) -> None:
    """Note values far from those of the other units, on the scale of logarithms where all are positive."""
    values = np.array([float(fact.value) for fact in group if fact.value is not None])
    if len(values) < _FEWEST:
        return
    scale = np.log(values) if (values > 0).all() else values
    for fact, away in zip(group, modified_z(scale), strict=True):
        if abs(away) > FAR:
            told = {
                "unit": fact.unit,
                "code": code,
                "period": period,
                "value": fact.text,
                "z": round(away, 1),
            }
            problems.add("yearbook.outlier", Where(file, column=fact.cell), **told)


def _check_fractions(
    group: Sequence[Fact], code: str, framework: Framework, file: str, problems: Problems
) -> None:
    """Note an indicator in per cent whose values are all between 0 and 1."""
    if code not in framework or len(group) < 2:
        return
    measures = [measure_of(name) for name in names_of_unit(framework, framework[code].unit)]
    values = [fact.value for fact in group if fact.value is not None and fact.measure in {"", "%"}]
    in_percent = any(measure is not None and measure.expression == "percent" for measure in measures)
    if in_percent and len(values) > 1 and all(0 <= value <= 1 for value in values) and any(values):
        cells = [fact.cell for fact in group]
        problems.add("yearbook.fractions", Where(file), code=code, cells=cells)
