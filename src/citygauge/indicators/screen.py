"""Which units have enough data to be assessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citygauge.framework.model import Framework
from citygauge.indicators.table import IMPUTED, Table


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


def availability_of(table: Table, framework: Framework, codes: Iterable[str]) -> NDArray[np.float64]:
    """Return the share of available indicators of every unit at some nodes, which may be leaves.

    Returns
    -------
    array (n_units, n_codes), 0..1
        At an aggregate as in `availability`; at a leaf 1 where it has a value, 0 where it has none, NaN where
        it is not applicable.
    """
    shares = availability(table, framework)
    aggregates = {code: i for i, code in enumerate(framework.aggregates)}
    columns = [
        shares[:, aggregates[code]]
        if code in aggregates
        else np.where(
            table.applicable[:, (at := table.codes.index(code))],
            (~np.isnan(table.values[:, at])).astype(float),
            np.nan,
        )
        for code in codes
    ]
    return np.column_stack(columns) if columns else np.empty((len(table.units), 0))


@dataclass(frozen=True)
class Counts:
    """How many indicators each unit lacks, how many are there, and how many of these are zero; (n_units,)."""

    missing: NDArray[np.int64]
    known: NDArray[np.int64]
    zeros: NDArray[np.int64]

    @property
    def nonzero_share(self) -> NDArray[np.float64]:
        """Share of what is there that is not zero, 0..1; NaN where nothing is there.

        Source: COINr, ``get_data_avail``, column ``Non_Zero``.
        """
        with np.errstate(invalid="ignore"):
            return np.where(self.known > 0, 1.0 - self.zeros / np.maximum(self.known, 1), np.nan)


def count_indicators(table: Table, framework: Framework) -> Counts:
    """Return how many indicators every unit lacks and has, and how many of them are zero.

    An indicator made of measures counts once: by its own score, else it is there where any measure is, and
    zero where all of these are. A zero that was imputed is there, but no zero that anybody found. Not
    applicable is neither missing nor there; bonuses, deductions and vetoes do not count.
    """
    position = {code: i for i, code in enumerate(table.codes)}
    available = ~np.isnan(table.values)
    zero = (table.values == 0) & (table.origins != IMPUTED)
    known, nought, applicable = [], [], []
    for code in framework.indicators:
        leaves = [position[leaf] for leaf in _measures(framework, code)]
        is_there = available[:, leaves].any(axis=1)
        is_zero = is_there & (zero[:, leaves] | ~available[:, leaves]).all(axis=1)
        applies = table.applicable[:, leaves].any(axis=1)
        if code in position:
            own = available[:, position[code]]
            is_zero = np.where(own, zero[:, position[code]], is_zero)
            is_there, applies = is_there | own, applies | own
        known.append(is_there)
        nought.append(is_zero)
        applicable.append(applies)
    there, count = np.array(known), np.array(applicable).sum(axis=0)
    return Counts(count - there.sum(axis=0), there.sum(axis=0), np.array(nought).sum(axis=0))


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
