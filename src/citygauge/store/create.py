"""Workspaces are created whole or not at all: empty for a framework, or out of COINr's two tables."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import tomli_w

from citygauge.collect.coinr import read_idata
from citygauge.collect.observations import OBSERVATION_COLUMNS
from citygauge.collect.sources import source_frame
from citygauge.collect.units import units_of
from citygauge.files import is_file, read_sheet, write_csv
from citygauge.framework.coinr import read_imeta
from citygauge.framework.read import read_framework
from citygauge.framework.write import write_framework
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import SOURCE_COLUMNS
from citygauge.score.method import Method
from citygauge.settings import SETTINGS
from citygauge.store.record import keep, source_of
from citygauge.workspace import Workspace, find_framework, open_workspace

_EMPTY_UNITS = ("unit", "name_zh", "name_en", "aliases")


def new_workspace(folder: Path, framework: str, units: Path | None = None) -> None:
    """Create a workspace for a framework: its own copy of the tree, weight sets and method, and empty tables.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty.
    framework : str
        Name of a built-in framework, or a path that `read_framework` takes.
    units : Path, optional
        A table of units to start from, CSV or XLSX.

    Raises
    ------
    InputError
        With everything wrong; the folder is then not created.
    """
    problems = Problems()
    place = find_framework(framework, problems)
    problems.raise_errors()
    assert place is not None
    tree = read_framework(place)
    sheet = read_sheet(units, problems) if units else None
    listed = units_of(sheet, problems) if sheet else None
    problems.raise_errors()
    with new_folder(folder) as draft:
        write_framework(tree, draft / "framework.csv")
        shipped = (place if place.is_dir() else place.parent) / "method.toml"
        text = shipped.read_text(encoding="utf-8") if shipped.is_file() else Method().to_toml()
        (draft / "method.toml").write_text(text, encoding="utf-8", newline="\n")
        if (maps := shipped.with_name("imports")).is_dir():
            shutil.copytree(maps, draft / "imports")
        settings = {
            "name_zh": tree.title.get("zh", ""),
            "name_en": tree.title.get("en", "") or tree.root.label("en"),
        }
        write_settings(draft, settings)
        write_csv(listed.frame if listed else _empty(_EMPTY_UNITS), draft / "units.csv")
        write_csv(_empty(OBSERVATION_COLUMNS), draft / "observations.csv")
        write_csv(_empty(SOURCE_COLUMNS), draft / "sources.csv")


def import_coinr(folder: Path, data: Path, meta: Path) -> Workspace:
    """Create a workspace from COINr's pair of tables and return it.

    Both files are kept under ``originals/`` by their hash. The method is CityGauge's default (min-max 0 to
    100, arithmetic means); nothing of COINr's settings is in the two tables.

    Raises
    ------
    InputError
        With all problems of both files; the folder is then not created.
    """
    problems = Problems()
    content = read_imeta(meta, problems)
    if not is_file(data):
        problems.add("file.not-found", Where(str(data)), path=str(data))
    problems.raise_errors()
    source = replace(source_of(data, "iData"), title=f"COINr iData: {data.name}")
    tables = read_idata(data, content, source.id, problems) if content else None
    problems.raise_errors()
    assert content is not None
    assert tables is not None
    units, observations = tables
    meta_source = replace(source_of(meta, "iMeta"), title=f"COINr iMeta: {meta.name}")
    with new_folder(folder) as draft:
        write_framework(content.framework, draft / "framework.csv")
        (draft / "method.toml").write_text(Method().to_toml(), encoding="utf-8", newline="\n")
        periods = observations["period"].drop_nulls().unique()
        settings = {"name_en": content.framework.root.label("en")}
        write_settings(draft, settings | ({"period": periods[0]} if len(periods) == 1 else {}))
        write_csv(units, draft / "units.csv")
        write_csv(observations, draft / "observations.csv")
        write_csv(source_frame({s.id: s for s in (source, meta_source)}), draft / "sources.csv")
        for original, kept in ((data, source), (meta, meta_source)):
            keep(original, draft / kept.file)
    return open_workspace(folder)


def write_settings(folder: Path, settings: Mapping[str, str]) -> None:
    """Write ``assessment.toml`` with the settings that are not blank."""
    data = {"framework": "framework.csv", **{key: value for key, value in settings.items() if value}}
    (folder / SETTINGS).write_text(tomli_w.dumps(data), encoding="utf-8", newline="\n")


def _empty(columns: Iterable[str]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that takes its name only when everything in it is written."""
    values = {"folder": str(folder)}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError([Problem("new.folder-exists", Where(str(folder)), values)])
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError:  # something above it is a file
        raise InputError([Problem("new.folder-exists", Where(str(folder.parent)), values)]) from None
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        draft.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
