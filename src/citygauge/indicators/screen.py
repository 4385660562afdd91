"""Which units have enough data to be assessed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.indicators.table import Table


def availability(table: Table, framework: Framework) -> NDArray[np.float64]:
    """Return the share of available indicators of every unit at every aggregate.

    Parameters
    ----------
    table : Table
        Of any step; imputed values are available. Bonuses, deductions and vetoes count only among themselves.

    Returns
    -------
    array (n_units, n_aggregates), 0..1
        For the nodes of ``framework.aggregates``. Not applicable leaves the denominator; missing and not
        measurable count against it. An indicator made of measures counts once: fully with a score of its
        own, else with the share of its measures. NaN where nothing is applicable. Equal to COINr's
        ``get_data_avail`` where every indicator is a leaf.
    """
    position = {code: i for i, code in enumerate(table.codes)}
    available = ~np.isnan(table.values)
    shares: dict[str, NDArray[np.float64]] = {}
    for code in framework.indicators:
        leaves = [position[leaf] for leaf in _measures(framework, code)]
        shares[code] = _share(available[:, leaves].astype(float), table.applicable[:, leaves])
        if code in position:
            own = position[code]
            shares[code] = np.where(available[:, own], 1.0, shares[code])
    columns = []
    for aggregate in framework.aggregates:
        below = _indicators_under(framework, aggregate) or ([aggregate] if aggregate in shares else [])
        if not below:  # inside an indicator: its measures are what counts
            leaves = [position[leaf] for leaf in _measures(framework, aggregate)]
            columns.append(_share(available[:, leaves].astype(float), table.applicable[:, leaves]))
            continue
        stacked = np.column_stack([shares[code] for code in below])
        columns.append(_share(np.nan_to_num(stacked), ~np.isnan(stacked)))
    return np.column_stack(columns)


def screen(
    table: Table,
    framework: Framework,
    min_availability: float,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> NDArray[np.bool_]:
    """Return which units stay: those whose share of available indicators reaches the limit.

    `include` keeps units whatever their availability, `exclude` drops them. Source: COINr, ``Screen`` with
    ``unit_screen = "byNA"``.
    """
    share = availability(table, framework)[:, framework.aggregates.index(framework.root.code)]
    keep = np.nan_to_num(share) >= min_availability - 1e-12
    include, exclude = set(include), set(exclude)
    forced_in = np.array([unit in include for unit in table.units])
    forced_out = np.array([unit in exclude for unit in table.units])
    return np.asarray((keep | forced_in) & ~forced_out)


def _indicators_under(framework: Framework, code: str) -> list[str]:
    indicators = set(framework.indicators)
    return [below for below in framework.subtree(code) if below in indicators]


def _measures(framework: Framework, code: str) -> list[str]:
    """Return the leaves below a node that count in it."""
    return [leaf for leaf in framework.leaves_under(code) if framework.roles[leaf] == framework.roles[code]]


def _share(available: NDArray[np.float64], applicable: NDArray[np.bool_]) -> NDArray[np.float64]:
    count = applicable.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, (available * applicable).sum(axis=1) / np.maximum(count, 1), np.nan)
