"""COINr's pair of tables, iMeta and iData, as a framework."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from citygauge.files import Sheet, read_sheet
from citygauge.framework.model import Framework
from citygauge.framework.read import build_framework
from citygauge.problems import Problems

REQUIRED = ("iCode", "Level", "Parent", "Type")
INDICATOR, AGGREGATE, GROUP, DENOMINATOR = "Indicator", "Aggregate", "Group", "Denominator"
_TYPES = (INDICATOR, AGGREGATE, GROUP, DENOMINATOR, "Other")


@dataclass(frozen=True, slots=True)
class CoinrMeta:
    """An iMeta table taken apart: the tree, and the columns of iData that describe the units."""

    framework: Framework
    indicators: tuple[str, ...]
    groups: tuple[str, ...]
    denominators: tuple[str, ...]
    units_of_measure: dict[str, str]


def read_imeta(path: Path, problems: Problems) -> CoinrMeta | None:
    """Return the content of an iMeta file; None where it cannot be used.

    COINr counts levels from the indicators upwards; here the index is level 0, so the numbers are
    reversed. Direction and unit of aggregates mean nothing there and are dropped. ``Target`` becomes the
    upper target of a positive and the lower target of a negative indicator.
    """
    sheet = read_sheet(path, problems)
    if sheet is None:
        return None
    missing = [column for column in REQUIRED if column not in sheet.frame.columns]
    if missing:
        problems.add("coinr.missing-column", sheet.where(), file="iMeta", columns=missing)
        return None
    for index, kind in enumerate(sheet.frame["Type"]):
        if kind not in _TYPES:
            problems.add(
                "coinr.unknown-type", sheet.where(index, "Type"), value=kind or "", types=list(_TYPES)
            )
    _check_levels(sheet, problems)
    if problems.errors:
        return None
    tree = sheet.frame.with_row_index("_row").filter(pl.col("Type").is_in([INDICATOR, AGGREGATE]))
    framework = build_framework(_as_framework_sheet(tree, sheet), [], {"code": path.stem}, problems)
    if framework is None:
        return None
    kinds = sheet.frame.group_by("Type", maintain_order=True).agg("iCode")
    by_kind = {kind: tuple(codes) for kind, codes in kinds.iter_rows()}
    units = (
        sheet.frame.select("iCode", "Unit").drop_nulls() if "Unit" in sheet.frame.columns else pl.DataFrame()
    )
    return CoinrMeta(
        framework,
        tuple(code for code in by_kind.get(INDICATOR, ()) if code in framework),
        by_kind.get(GROUP, ()),
        by_kind.get(DENOMINATOR, ()),
        dict(units.iter_rows()) if units.width else {},
    )


def _check_levels(sheet: Sheet, problems: Problems) -> None:
    """Each parent must stand exactly one level above its children in COINr's own count."""
    level = dict(sheet.frame.select("iCode", "Level").iter_rows())
    for index, (code, own, parent) in enumerate(sheet.frame.select("iCode", "Level", "Parent").iter_rows()):
        if own is None or parent is None or level.get(parent) is None:
            continue
        try:
            skips = float(level[parent]) != float(own) + 1
        except ValueError:
            problems.add("framework.not-a-number", sheet.where(index, "Level"), value=own)
            continue
        if skips:
            problems.add("coinr.level-gap", sheet.where(index, "Level"), code=code, level=own, parent=parent)


def _as_framework_sheet(tree: pl.DataFrame, sheet: Sheet) -> Sheet:
    is_leaf = pl.col("Type") == INDICATOR
    optional = {c: pl.col(c) if c in tree.columns else pl.lit(None, pl.String) for c in
                ("iName", "Weight", "Direction", "Unit", "Denominator", "Target")}  # fmt: skip
    negative = pl.col("Direction").is_in(["-1", "-1.0"]) if "Direction" in tree.columns else pl.lit(False)
    frame = tree.select(
        pl.col("iCode").alias("code"),
        pl.col("Parent").alias("parent"),
        optional["iName"].alias("name_en"),
        optional["Weight"].alias("weight"),
        pl.when(is_leaf).then(optional["Direction"]).alias("direction"),
        pl.when(is_leaf).then(optional["Unit"]).alias("unit"),
        pl.when(is_leaf).then(optional["Denominator"]).alias("denominator"),
        pl.when(is_leaf & negative).then(optional["Target"]).alias("target_low"),
        pl.when(is_leaf & ~negative).then(optional["Target"]).alias("target_high"),
    )
    # Row numbers stay right only when the tree comes first in the file, as COINr writes it.
    return Sheet(frame, sheet.file, sheet.name, sheet.first_row)
