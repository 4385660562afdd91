"""The facts behind a derived table, cell by cell, with what is known of their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.collect.observations import ROW
from citygauge.collect.resolve import Facts, with_rolled_up
from citygauge.gather import Year
from citygauge.indicators.rollup import strata_of
from citygauge.indicators.table import Table
from citygauge.problems import Problems
from citygauge.workspace import Workspace

Array = NDArray[np.float64]
Places = tuple[NDArray[np.intp], NDArray[np.intp]]
NORMAL, UNIFORM, GIVEN = range(3)


@dataclass(frozen=True)
class FoundNoise:
    """What is known so far of each cell of a table; filled from the least specific source on.

    `facts` stand as the table does, `factors` are what they are multiplied by on the way there. `kinds`,
    `first` and `second` are those of `Noise`, NaN in `first` where nothing is known, and `draws` too.
    """

    workspace: Workspace
    period: str | None
    stratum: str
    table: Table
    facts: Facts
    factors: Array
    kinds: NDArray[np.int8]
    first: Array
    second: Array
    draws: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, workspace: Workspace, year: Year, stratum: str) -> FoundNoise:
        """Line the facts up with the screened table of a stratum."""
        table = year.part(stratum).table
        part = strata_of(year.rolled, workspace.strata)[stratum]
        facts = with_rolled_up(year.facts, part, Problems())
        columns = np.array([facts.codes.index(code) for code in table.codes], int)
        cells = np.ix_(np.flatnonzero(year.keep), columns)
        kept = Facts(
            table.units, table.codes,
            *(getattr(facts, name)[cells]
              for name in ("values", "states", "origins", "rows", "is_score", "subjects")),
        )  # fmt: skip
        shape = table.values.shape
        blank = np.full(shape, np.nan)
        kinds = np.full(shape, NORMAL, np.int8)
        return cls(
            workspace,
            year.period,
            stratum,
            table,
            kept,
            _factors(facts, workspace)[cells],
            kinds,
            blank,
            blank.copy(),
        )

    def own(self, column: str) -> pl.Series:
        """Return what a column of the observations says of each cell whose fact is one; null elsewhere."""
        frame = self.workspace.observations.frame
        rows = np.where(self.facts.subjects < 0, self.facts.rows, 0).ravel()
        asked = pl.DataFrame({ROW: rows}).with_columns(pl.col(ROW).cast(frame.schema[ROW]))
        return asked.join(frame.select(ROW, column), on=ROW, how="left", maintain_order="left")[column]

    def places(self, told: pl.DataFrame) -> Places:
        """Return row and column of each fact that a file tells of; -1 of a unit or code not in the table."""
        names = (("unit", self.table.units), ("indicator", self.table.codes))
        rows, columns = (
            told[column]
            .replace_strict({name: i for i, name in enumerate(known)}, default=-1, return_dtype=pl.Int64)
            .to_numpy()
            .astype(np.intp)
            for column, known in names
        )
        return rows, columns

    def take(self, cells: NDArray[np.bool_], kind: int, first: Array, second: Array | float = np.nan) -> None:
        """Set what some cells may be drawn from, in place of what is known so far."""
        self.kinds[cells] = kind
        self.first[cells] = first[cells]
        self.second[cells] = second[cells] if isinstance(second, np.ndarray) else second

    def size(self) -> Array:
        """Return the size of each value, the mean size of its column where it is 0."""
        size = np.abs(self.table.values)
        known = ~np.isnan(size)
        mean = np.where(known, size, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return np.where(size == 0, mean, size)


def _factors(facts: Facts, workspace: Workspace) -> Array:
    """Return by what each fact is multiplied on its way to the derived table; see `indicators.derive`."""
    found = np.ones(facts.values.shape)
    units = workspace.units.select(facts.units)
    for column, code in enumerate(facts.codes):
        node = workspace.framework[code]
        if not node.denominator:
            continue
        if node.denominator in units.attributes:
            divisor = units.numbers(node.denominator)
        else:
            divisor = facts.values[:, facts.codes.index(node.denominator)]
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = 1.0 / (divisor / node.denominator_scale)
        found[:, column] = np.where(facts.is_score[:, column], 1.0, quotient)
    return found
