"""One table of units and indicators in which missing, not applicable and imputed stay apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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

    def column(self, code: str) -> NDArray[np.float64]:
        """Return the values of one code."""
        return self.values[:, self.codes.index(code)]

    def frame(self, labels: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the values as a wide frame: ``unit_code`` and one column for each code, gaps null."""
        wide = pl.DataFrame(np.where(np.isnan(self.values), 0.0, self.values), schema=list(self.codes))
        gaps = pl.DataFrame(np.isnan(self.values), schema=list(self.codes))
        columns = [wide[code].set(gaps[code], None) for code in self.codes]
        return pl.DataFrame([pl.Series("unit_code", list(labels or self.units), dtype=pl.String), *columns])
