"""One table of units and indicators in which missing, not applicable and imputed stay apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.collect.observations import ORIGINS, STATES

VALUE, MISSING, NOT_APPLICABLE, NOT_MEASURABLE = range(len(STATES))
OBSERVED, DERIVED, IMPUTED = range(len(ORIGINS))


@dataclass(frozen=True)
class Table:
    """Values with their states and origins, each ``(n_units, n_codes)``.

    `values` is NaN exactly where `states` is not ``VALUE``. `states` and `origins` index
    `collect.observations.STATES` and ``ORIGINS``.
    """

    units: tuple[str, ...]
    codes: tuple[str, ...]
    values: NDArray[np.float64]
    states: NDArray[np.int8]
    origins: NDArray[np.int8]

    @cached_property
    def applicable(self) -> NDArray[np.bool_]:
        """Cells that count in the denominator of availability."""
        return np.asarray(self.states != NOT_APPLICABLE)

    def with_values(self, values: NDArray[np.float64]) -> Table:
        """Return the table with other values; a value that was lost on the way becomes missing."""
        lost = np.isnan(values) & (self.states == VALUE)
        return replace(self, values=values, states=np.where(lost, MISSING, self.states).astype(np.int8))

    def of_units(self, keep: NDArray[np.bool_]) -> Table:
        """Return the rows of some units."""
        units = tuple(unit for unit, kept in zip(self.units, keep, strict=True) if kept)
        return Table(units, self.codes, self.values[keep], self.states[keep], self.origins[keep])

    def between(self, low: int, high: int) -> Table:
        """Return the rows from `low` up to, not including, `high`."""
        rows = slice(low, high)
        return Table(self.units[rows], self.codes, self.values[rows], self.states[rows], self.origins[rows])

    def column(self, code: str) -> NDArray[np.float64]:
        """Return the values of one code."""
        return self.values[:, self.codes.index(code)]

    def frame(self, labels: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the values as a wide frame: ``unit_code`` and one column for each code, gaps null."""
        wide = pl.DataFrame(np.where(np.isnan(self.values), 0.0, self.values), schema=list(self.codes))
        gaps = pl.DataFrame(np.isnan(self.values), schema=list(self.codes))
        columns = [wide[code].set(gaps[code], None) for code in self.codes]
        return pl.DataFrame([pl.Series("unit_code", list(labels or self.units), dtype=pl.String), *columns])


def stacked(tables: Sequence[Table], order: Sequence[str]) -> Table:
    """Return the rows of several tables below each other; a code that one of them lacks is missing there.

    Parameters
    ----------
    tables : sequence of Table
        A unit may stand in several of them.
    order : sequence of str
        All codes, in the order of the result's columns.
    """
    if len(tables) == 1:
        return tables[0]
    found = {code for table in tables for code in table.codes}
    codes = tuple(code for code in order if code in found)
    shape = (sum(len(table.units) for table in tables), len(codes))
    values, states = np.full(shape, np.nan), np.full(shape, MISSING, np.int8)
    origins = np.zeros(shape, np.int8)
    top = 0
    for table in tables:
        rows, at = slice(top, top + len(table.units)), [codes.index(code) for code in table.codes]
        values[rows, at], states[rows, at], origins[rows, at] = table.values, table.states, table.origins
        top = rows.stop
    return Table(tuple(unit for table in tables for unit in table.units), codes, values, states, origins)


def unstacked(table: Table, parts: Sequence[Table]) -> list[Table]:
    """Return the rows of a stacked table that belong to each of its parts."""
    edges = np.cumsum([0, *(len(part.units) for part in parts)])
    return [table.between(low, high) for low, high in pairwise(edges.tolist())]


def mean_table(tables: Iterable[Table], order: Sequence[str]) -> Table:
    """Return the mean of tables of the same units, gaps left out; a single table comes back as it is.

    A cell has a value where any of them has one, and is not applicable (or not measurable) where it is so
    in all of them. The mean of several is derived, and imputed where any of them is.

    Parameters
    ----------
    tables : iterable of Table
        With the same units; their codes may differ.
    order : sequence of str
        All codes, in the order of the result's columns.
    """
    tables = list(tables)
    if len(tables) == 1:
        return tables[0]
    units = tables[0].units
    found = {code for table in tables for code in table.codes}
    codes = tuple(code for code in order if code in found)
    shape = (len(tables), len(units), len(codes))
    values, origins = np.full(shape, np.nan), np.full(shape, DERIVED, np.int8)
    states = np.full(shape, MISSING, np.int8)
    for layer, table in enumerate(tables):
        at = [codes.index(code) for code in table.codes]
        values[layer][:, at], states[layer][:, at] = table.values, table.states
        origins[layer][:, at] = table.origins
    known = states == VALUE
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    same = (states == states[0]).all(axis=0)
    state = np.where(count > 0, VALUE, np.where(same, states[0], MISSING)).astype(np.int8)
    imputed = (known & (origins == IMPUTED)).any(axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Table(units, codes, mean, state, np.where(imputed, IMPUTED, DERIVED).astype(np.int8))
