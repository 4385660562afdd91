"""The list of sources of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from citygauge.collect.observations import Observations, grouped
from citygauge.collect.units import Units
from citygauge.files import is_file, read_sheet
from citygauge.problems import Problems, Where
from citygauge.provenance import SOURCE_COLUMNS, Source, sha256_of_file


def read_sources(folder: Path, problems: Problems) -> dict[str, Source]:
    """Read ``sources.csv``: source id → source; empty where the workspace has none.

    A repeated id is noted, and so is an original file that is gone or no longer has the hash it was
    received with.
    """
    path = folder / "sources.csv"
    if not path.exists() and not path.is_symlink():
        return {}
    sheet = read_sheet(path, problems)
    if sheet is None:
        return {}
    if "id" not in sheet.frame.columns:
        problems.add("sources.missing-column", sheet.where())
        return {}
    found: dict[str, Source] = {}
    for index, row in enumerate(sheet.frame.iter_rows(named=True)):
        if row["id"] is None:
            continue
        if row["id"] in found:
            problems.add("sources.duplicate-id", sheet.where(index, "id"), id=row["id"])
        source = Source(**{name: row.get(name) or "" for name in SOURCE_COLUMNS})
        found[source.id] = source
        if source.file and source.sha256:
            original = folder / source.file
            if not is_file(original):
                problems.add("sources.file-gone", sheet.where(index, "file"), id=source.id, file=source.file)
            elif sha256_of_file(original) != source.sha256:
                problems.add(
                    "sources.file-changed", sheet.where(index, "sha256"), id=source.id, file=source.file
                )
    return found


def check_sources(
    observations: Observations, units: Units, sources: Mapping[str, Source], problems: Problems
) -> None:
    """Note facts and units that name a source that is not in the list."""
    unknown = observations.frame.filter(
        pl.col("source").is_not_null() & ~pl.col("source").is_in(list(sources))
    )
    for (name,), rows in grouped(unknown, "source"):
        problems.add(
            "sources.unknown",
            observations.where(rows[0], "source"),
            value=name,
            rows=rows,
            known=list(sources),
        )
    if "source" in units.attributes:
        for name in sorted({name for name in units.texts("source") if name and name not in sources}):
            problems.add(
                "sources.unknown",
                Where("units.csv", column="source"),
                value=name,
                rows=[],
                known=list(sources),
            )


def source_frame(sources: Mapping[str, Source]) -> pl.DataFrame:
    """Return sources as a table with the contract's columns."""
    return pl.DataFrame(
        {
            c: pl.Series([getattr(s, c) or None for s in sources.values()], dtype=pl.String)
            for c in SOURCE_COLUMNS
        }
    )
