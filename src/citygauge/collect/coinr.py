"""COINr's iData table as units and observations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from citygauge.collect.observations import OBSERVATION_COLUMNS
from citygauge.files import Sheet, read_sheet
from citygauge.framework.coinr import CoinrMeta
from citygauge.problems import Problems

_NAME, _CODE, _TIME = "uName", "uCode", "Time"


def read_idata(
    path: Path, meta: CoinrMeta, source: str, problems: Problems
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Return units and observations of an iData file, every cell text; None where it cannot be used.

    Groups and denominators become attributes of the units; where they differ between periods of a panel,
    the file is refused, because an attribute holds for the unit as such. An empty cell becomes a fact with
    the state ``missing``.
    """
    sheet = read_sheet(path, problems)
    if sheet is None:
        return None
    attributes = [*meta.groups, *meta.denominators]
    wanted = [_CODE, *attributes, *meta.indicators]
    taken = {_CODE, _NAME, _TIME, "_row", "unit", "name_en", "source", "indicator", "value"}
    clashing = sorted(taken.intersection(wanted[1:]) | {c for c in wanted if wanted.count(c) > 1})
    if clashing:
        problems.add("coinr.reserved-code", sheet.where(), codes=clashing)
        return None
    absent = [column for column in wanted if column not in sheet.frame.columns]
    if absent:
        problems.add("coinr.missing-data-column", sheet.where(), columns=absent)
        return None
    frame = sheet.frame.with_row_index("_row", sheet.first_row).filter(
        pl.any_horizontal(pl.col(wanted).is_not_null())
    )
    if _TIME not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.String).alias(_TIME))
    before = len(problems.errors)
    _check_rows(frame, sheet, meta, attributes, problems)
    if not frame.height:
        problems.add("file.empty", sheet.where())
    if len(problems.errors) > before:
        return None
    units = frame.unique(_CODE, keep="last", maintain_order=True)
    names = pl.col(_NAME if _NAME in frame.columns else _CODE).alias("name_en")
    units = units.select(pl.col(_CODE).alias("unit"), names, *attributes, pl.lit(source).alias("source"))
    return units, _observations(frame, meta, source, sheet.letters or {})


def _check_rows(
    frame: pl.DataFrame, sheet: Sheet, meta: CoinrMeta, attributes: list[str], problems: Problems
) -> None:
    for row in frame.filter(pl.col(_CODE).is_null())["_row"]:
        problems.add("units.no-code", sheet.where(row - sheet.first_row, _CODE))
    repeated = (
        frame.group_by(_CODE, _TIME, maintain_order=True).agg("_row").filter(pl.col("_row").list.len() > 1)
    )
    for code, _, rows in repeated.iter_rows():
        problems.add(
            "coinr.duplicate-unit", sheet.where(rows[1] - sheet.first_row, _CODE), code=code, rows=rows
        )
    for name in attributes:
        varying = (
            frame.group_by(_CODE, maintain_order=True).agg(pl.col(name).n_unique()).filter(pl.col(name) > 1)
        )
        if varying.height:
            problems.add(
                "coinr.varying-attribute", sheet.where(None, name), name=name, units=varying[_CODE].to_list()
            )
    for code in (*meta.indicators, *meta.denominators):
        number = pl.col(code).cast(pl.Float64, strict=False)
        bad = frame.filter(pl.col(code).is_not_null() & (number.is_null() | ~number.is_finite()))
        for row, text in bad.select("_row", code).iter_rows():
            problems.add("facts.not-a-number", sheet.where(row - sheet.first_row, code), value=text)


def _observations(
    frame: pl.DataFrame, meta: CoinrMeta, source: str, letters: Mapping[str, str]
) -> pl.DataFrame:
    """Return one fact for each cell of an indicator, with the cell it stands in."""
    long = frame.unpivot(
        meta.indicators, index=[_CODE, _TIME, "_row"], variable_name="indicator", value_name="value"
    )
    units = pl.col("indicator").replace_strict(meta.units_of_measure, default=None, return_dtype=pl.String)
    states = pl.when(pl.col("value").is_null()).then(pl.lit("missing")).otherwise(pl.lit("value"))
    given = {
        "unit": pl.col(_CODE), "indicator": pl.col("indicator"), "period": pl.col(_TIME),
        "value": pl.col("value"),
        "unit_of_measure": units, "state": states, "origin": pl.lit("observed"), "source": pl.lit(source),
    }  # fmt: skip
    given["cell"] = pl.col("indicator").replace_strict(letters) + pl.col("_row").cast(pl.String)
    blank = pl.lit(None, pl.String)
    return long.select(given.get(column, blank).alias(column) for column in (*OBSERVATION_COLUMNS, "cell"))
