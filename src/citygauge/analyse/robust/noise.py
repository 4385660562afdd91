"""How uncertain the figures themselves are: what each cell of a derived table may be drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from citygauge.analyse.robust.noise_facts import GIVEN, NORMAL, UNIFORM, FoundNoise, Places
from citygauge.collect.observations import ROW
from citygauge.collect.spread import OBSERVATION, Kind, Spread, check_spread, read_spread
from citygauge.framework.model import Framework
from citygauge.gather import Year
from citygauge.indicators.impute import to_levels
from citygauge.indicators.table import IMPUTED, Table
from citygauge.problems import Problems, Where
from citygauge.score.plain import LARGEST, Plain
from citygauge.workspace import Workspace

Array = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=LARGEST)]
QUALITY = "quality"  # the column of the observations that grades their quality
_LEAST = 2.0**-54  # half a step of the uniforms: 0 itself has no normal quantile
_MOST = 1.0 - 2.0**-53
_WHERE = Where(column="data")


class NoiseSettings(Plain):
    """Where the uncertainty of the figures is read; of several for one cell the most specific counts.

    `file` names a table in the workspace with draws, intervals, standard errors or grades of single facts;
    `se` takes the standard errors of the observations that count; `grades` says for each grade of quality,
    from the file or the observations' column ``quality``, the standard deviation as a share of the value;
    `relative` is such a share for all that was measured, and `by` those of single codes in its place.
    """

    se: bool = False
    file: str | None = None
    grades: Mapping[str, Share] = Field(default_factory=dict)
    relative: Share | None = None
    by: Mapping[str, Share] = Field(default_factory=dict)


@dataclass(frozen=True)
class Noise:
    """What the uncertain cells of a table of ``(n_units, n_codes)`` may be drawn from.

    `rows` and `columns` ``(n_cells,)`` say which cells these are, row by row. `kinds` says of each whether
    it is ``NORMAL`` around the table's value with the standard deviation `first`, ``UNIFORM`` from `first`
    to `second`, or one of the draws ``GIVEN``: `second` of them, from place `first` of `draws` on. What is
    drawn is cut to `low` and `high`; in the columns of `levels` it becomes the nearest level. Cells of
    several strata that have the same of `keys` are one fact, which needs one uniform.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    kinds: NDArray[np.int8]
    first: Array
    second: Array
    low: Array
    high: Array
    draws: Array = field(default_factory=lambda: np.empty(0))
    levels: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def values(self, table_values: Array, uniforms: Array) -> Array:
        """Return what stands in the table in each replication.

        Parameters
        ----------
        table_values : (n_units, n_codes) float
            NaN stays NaN.
        uniforms : (n_replications, n_cells) float
            0..1; a replication depends on its own row alone.

        Returns
        -------
        array (n_replications, n_units, n_codes)
            Quantiles at the uniforms: ``value + sd Φ⁻¹(u)``, ``low + (high - low) u`` and the draw number
            ``⌊u n⌋`` of those given, in the order they are given in.

        Examples
        --------
        >>> at, free = np.array([0]), np.array([np.inf])
        >>> noise = Noise(at, at, np.array([NORMAL]), np.array([2.0]), free, -free, free)
        >>> noise.values(np.array([[10.0, 5.0]]), np.array([[0.5], [0.975]])).round(2)
        array([[[10.  ,  5.  ]],
        <BLANKLINE>
               [[13.92,  5.  ]]])
        """
        from scipy.special import ndtri  # noqa: PLC0415 - slow to import

        base = table_values[self.rows, self.columns]
        at = np.clip(uniforms, _LEAST, _MOST)
        drawn = np.empty(at.shape)
        is_normal, is_even, is_given = (self.kinds == kind for kind in (NORMAL, UNIFORM, GIVEN))
        drawn[:, is_normal] = base[is_normal] + self.first[is_normal] * ndtri(at[:, is_normal])
        least, most = self.first[is_even], self.second[is_even]
        drawn[:, is_even] = least + (most - least) * at[:, is_even]
        if is_given.any():
            number = np.floor(at[:, is_given] * self.second[is_given])
            drawn[:, is_given] = self.draws[(self.first[is_given] + number).astype(np.intp)]
        drawn = np.clip(drawn, self.low, self.high)
        for column, levels in self.levels.items():
            inside = self.columns == column
            drawn[:, inside] = to_levels(drawn[:, inside], levels)
        drawn[:, np.isnan(base)] = np.nan
        found = np.repeat(table_values[None], len(at), axis=0)
        found[:, self.rows, self.columns] = drawn
        return found


def noise_of(
    workspace: Workspace, year: Year, stratum: str, settings: NoiseSettings, problems: Problems
) -> Noise:
    """Return how uncertain the screened table of a stratum is; what the settings lack is noted.

    Parameters
    ----------
    workspace : Workspace
    year : Year
        What is known of the period.
    stratum : str
        One of ``year.derived``.
    settings : NoiseSettings
    problems : Problems

    Returns
    -------
    Noise
        Of the cells that have a value. Figures about an observation become those of the derived value by the
        same division; a denominator is taken as exact. Draws come before intervals, standard errors, grades
        and shares, the file before the observations; a standard deviation of 0 says that a value is exact.
        What is made by roll-up rules has no standard error of its own. Shares are of the value's size, and
        where it is 0 of the mean size of its column.

    Notes
    -----
    Nothing is drawn below 0 on a scale of ratios or shares of which no value is below 0, nor above 100 where
    the unit is per cent; a value that lies beyond such a bound is its own bound. Columns with a rubric are
    drawn among its levels, other ordinal and binary ones that hold whole numbers among those recorded.
    """
    found, noted = FoundNoise.of(workspace, year, stratum), Problems()
    _check_codes(settings, workspace.framework, noted)
    _take_shares(found, settings)
    spread = _spread(workspace, settings, noted)
    _take_grades(found, settings, spread, noted)
    if settings.se:
        _take_own(found, noted)
    if spread is not None and not noted.errors:
        _take_file(found, spread, noted)
    problems.add_once(noted)  # most are the same in each stratum
    return _noise(found)


def _check_codes(settings: NoiseSettings, framework: Framework, problems: Problems) -> None:
    for code in (code for code in settings.by if code not in framework):
        near = get_close_matches(code, framework.codes, 3)
        problems.add("noise.unknown-code", _WHERE, code=code, near=near)


def _spread(workspace: Workspace, settings: NoiseSettings, problems: Problems) -> Spread | None:
    if settings.file is None:
        return None
    spread = read_spread((workspace.folder or Path()) / settings.file, problems)
    if spread is not None:
        periods = workspace.observations.periods
        check_spread(spread, workspace.framework, workspace.units, periods, problems)
    return spread


def _take_shares(found: FoundNoise, settings: NoiseSettings) -> None:
    """Take the shares of what was measured."""
    default = np.nan if settings.relative is None else settings.relative
    shares = np.array([settings.by.get(code, default) for code in found.table.codes])
    measured = ~np.isnan(found.table.values) & (found.table.origins != IMPUTED) & ~np.isnan(shares)
    found.take(measured, NORMAL, found.size() * shares)


def _take_grades(
    found: FoundNoise, settings: NoiseSettings, spread: Spread | None, problems: Problems
) -> None:
    """Take the shares of the grades of quality, those of the file before those of the observations."""
    frame, shape = found.workspace.observations.frame, found.table.values.shape
    in_file = pl.DataFrame() if spread is None else spread.told("grade", found.period)
    shares = np.full(shape, np.nan)
    if settings.grades and QUALITY in frame.columns:
        told = found.own(QUALITY)
        place = Where(found.workspace.observations.file, column=QUALITY)
        _note_unknown_grades(told, settings, place, problems)
        shares = _shares_of(told, settings).reshape(shape)
    if spread is not None and in_file.height:
        _note_unknown_grades(in_file["grade"], settings, spread.where(column="grade"), problems)
        rows, columns = found.places(in_file)
        known = (rows >= 0) & (columns >= 0)
        shares[rows[known], columns[known]] = _shares_of(in_file["grade"], settings)[known]
    elif settings.grades and QUALITY not in frame.columns and not problems.errors:
        problems.add("noise.no-grades", _WHERE, grades=list(settings.grades))
    found.take(~np.isnan(shares), NORMAL, found.size() * shares)


def _shares_of(grades: pl.Series, settings: NoiseSettings) -> Array:
    numbers = grades.replace_strict(dict(settings.grades), default=None, return_dtype=pl.Float64)
    return np.array(numbers.fill_null(float("nan")).to_numpy(), float)  # polars' own is read-only


def _note_unknown_grades(told: pl.Series, settings: NoiseSettings, where: Where, problems: Problems) -> None:
    strange = [grade for grade in told.drop_nulls().unique().sort() if grade not in settings.grades]
    if strange:
        problems.add("noise.unknown-grade", where, values=strange, known=list(settings.grades))


def _take_own(found: FoundNoise, problems: Problems) -> None:
    """Take the standard errors of the observations that count."""
    errors = found.own("se").fill_null(float("nan")).to_numpy().reshape(found.table.values.shape)
    told = ~np.isnan(errors)
    if not told.any():
        problems.add("noise.no-se", Where(found.workspace.observations.file, column="se"))
    found.take(told, NORMAL, errors * np.abs(found.factors))
    frame = found.workspace.observations.frame
    made = np.asarray((found.facts.subjects >= 0).any(axis=0))
    if made.any() and frame.filter(pl.col("subject").is_not_null() & pl.col("se").is_not_null()).height:
        codes = [code for code, is_made in zip(found.table.codes, made, strict=True) if is_made]
        problems.add("noise.se-of-things", Where(found.workspace.observations.file, column="se"), codes=codes)


def _take_file(found: FoundNoise, spread: Spread, problems: Problems) -> None:
    """Take standard errors, then intervals, then draws of a file."""
    idle: dict[str, None] = {}
    kinds: tuple[Kind, ...] = ("grade", "se", "low", "value")
    for kind in kinds:
        told = spread.told(kind, found.period)
        told = told.filter(pl.col("unit").is_in(found.table.units))
        rows, columns = found.places(told)
        there = columns >= 0
        there[there] = ~np.isnan(found.table.values[rows[there], columns[there]])
        idle |= dict.fromkeys(
            f"{row[0]}/{row[1]}" for row in told.filter(~there).select("unit", "indicator").rows()
        )
        if kind == "grade" or not there.any():
            continue
        told, at = told.filter(there), (rows[there], columns[there])
        factor = np.where((told["of"] == OBSERVATION).to_numpy(), found.factors[at], 1.0)
        if kind == "se":
            found.kinds[at], found.first[at] = NORMAL, told["se"].to_numpy() * np.abs(factor)
        elif kind == "low":
            _take_intervals(found, spread, told, (at, factor), problems)
        else:
            _take_draws(found, told["value"].to_numpy() * factor, at)
    if idle:
        problems.add("noise.no-value", spread.where(), cells=list(idle))


def _take_intervals(
    found: FoundNoise, spread: Spread, told: pl.DataFrame, places: tuple[Places, Array], problems: Problems
) -> None:
    at, factor = places
    ends = np.sort(told.select("low", "high").to_numpy() * factor[:, None], axis=1)
    found.kinds[at], found.first[at], found.second[at] = UNIFORM, ends[:, 0], ends[:, 1]
    value = found.table.values[at]
    slack = 1e-9 * np.abs(value)  # the division may round past an end
    outside = told.filter((value < ends[:, 0] - slack) | (value > ends[:, 1] + slack))
    if outside.height:
        problems.add("noise.value-outside", spread.where(outside[ROW][0], "low"), cells=_named(outside))


def _named(told: pl.DataFrame) -> list[str]:
    return [f"{unit}/{code}" for unit, code in told.select("unit", "indicator").iter_rows()]


def _take_draws(found: FoundNoise, values: Array, at: Places) -> None:
    """Take the draws, those of one cell side by side in the order of the file."""
    cell = np.ravel_multi_index(at, found.table.values.shape)
    order = np.argsort(cell, kind="stable")
    which, start, count = np.unique(cell[order], return_index=True, return_counts=True)
    places = np.unravel_index(which, found.table.values.shape)
    found.kinds[places], found.first[places], found.second[places] = GIVEN, start, count
    found.draws.extend(values[order].tolist())


def _noise(found: FoundNoise) -> Noise:
    """Return the cells that have any spread."""
    told = ~np.isnan(found.first) & ~np.isnan(found.table.values)
    told &= (found.kinds != NORMAL) | (found.first > 0)
    rows, columns = np.nonzero(told)
    levels = _levels(found.table, found.workspace.framework)
    low, high = _bounds(found)
    made = np.where(found.facts.subjects[told] >= 0, found.stratum, "")
    named = zip(made.tolist(), rows.tolist(), columns.tolist(), strict=True)
    return Noise(
        rows, columns, found.kinds[told], found.first[told], found.second[told], low[told], high[told],
        np.array(found.draws), {column: levels[column] for column in np.unique(columns) if column in levels},
        tuple(f"{stratum}/{found.table.units[i]}/{found.table.codes[j]}" for stratum, i, j in named),
    )  # fmt: skip


def _bounds(found: FoundNoise) -> tuple[Array, Array]:
    """Return between what each cell lies by the nature of its scale; infinite where it has no bound."""
    values = found.table.values
    low, high = np.full(values.shape, -np.inf), np.full(values.shape, np.inf)
    for column, code in enumerate(found.table.codes):
        node = found.workspace.framework[code]
        known = values[:, column][~np.isnan(values[:, column])]
        if node.scale in {"ratio", "share"} and (known >= 0).all():
            low[:, column] = 0.0
        if node.scale == "share" and node.unit == "%" and not node.denominator:
            high[:, column] = 100.0
    low[found.facts.is_score], high[found.facts.is_score] = -np.inf, np.inf
    return np.fmin(low, values), np.fmax(high, values)


def _levels(table: Table, framework: Framework) -> dict[int, tuple[float, ...]]:
    """Return the levels of the columns that hold nothing else."""
    found: dict[int, tuple[float, ...]] = {}
    for column, code in enumerate(table.codes):
        node = framework[code]
        recorded = set(table.values[:, column][~np.isnan(table.values[:, column])].tolist())
        levels = {level.value for level in node.rubric}
        if levels and recorded <= levels:
            found[column] = tuple(sorted(levels))
        elif not levels and node.scale in {"ordinal", "binary"} and all(v.is_integer() for v in recorded):
            found[column] = tuple(sorted(recorded))
    return found
