"""Importing an SDMX data message: what is recorded already never changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from citygauge.collect.sdmx import sdmx_facts
from citygauge.collect.sdmx_fetch import fetch_sdmx, is_address
from citygauge.collect.sdmx_map import SdmxMap, read_sdmx_map
from citygauge.collect.sdmx_message import SdmxMessage, read_sdmx_message
from citygauge.files import Sheet, is_file
from citygauge.problems import Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.record import described, locked, note_taken_id, record
from citygauge.store.subjects import map_place
from citygauge.store.table import TableImport, against_known
from citygauge.workspace import Workspace, open_workspace


@dataclass(frozen=True, slots=True)
class SdmxImport:
    """What is said about a message that is imported: the map it is read by, and its source.

    `map` is the name of a map in ``imports/`` of the workspace or its framework, or the path of one; by
    default the built-in map reads ``REF_AREA``, ``TIME_PERIOD`` and an ``INDICATOR`` whose codes are the
    framework's.
    """

    map: str | None = None
    correct: bool = False
    collected_at: str | None = None
    source: Source = field(default_factory=lambda: Source(""))


@dataclass(frozen=True, slots=True)
class ImportedSdmx:
    """How many facts were new, corrections or there already, how many observations were left out."""

    new: int
    corrected: int
    known: int
    left_out: int
    warnings: tuple[Problem, ...]


def import_sdmx(folder: Path, message: str | Path, how: SdmxImport | None = None) -> ImportedSdmx:
    """Add the facts of an SDMX data message to a workspace.

    The message is kept under ``originals/`` by its hash, every fact names its key, and nothing that is
    already recorded changes: a differing value is a problem, or with ``how.correct`` a new observation
    that supersedes the old one. A figure where ``missing`` was recorded supersedes it in any case.

    Parameters
    ----------
    message : path or str
        A file, or an address beginning with ``http://`` or ``https://``.
    how : SdmxImport, optional

    Raises
    ------
    InputError
        With all problems of map and message; the workspace is then as it was.
    """
    how = how or SdmxImport()
    problems = Problems()
    with TemporaryDirectory() as aside:
        file: Path | None = Path(message)
        if isinstance(message, str) and is_address(message):
            file = fetch_sdmx(message, Path(aside), problems)
            how = replace(how, source=replace(how.source, url=how.source.url or message))
        problems.raise_errors()
        assert file is not None
        with locked(folder):
            return _import_sdmx(open_workspace(folder), file, how, problems)


def _import_sdmx(workspace: Workspace, file: Path, how: SdmxImport, problems: Problems) -> ImportedSdmx:
    rules = SdmxMap() if how.map is None else read_sdmx_map(map_place(workspace, how.map), problems)
    if not is_file(file):
        problems.add("file.not-found", Where(str(file)), path=str(file))
    problems.raise_errors()
    message = read_sdmx_message(file, problems)
    problems.raise_errors()
    assert rules is not None
    assert message is not None
    facts = sdmx_facts(message, rules, workspace.framework, workspace.units, Where(file.name), problems)
    problems.raise_errors()
    source = _source(how.source, file, message)
    note_taken_id(source, workspace, problems)
    told = TableImport(channel=rules.channel, correct=how.correct, collected_at=how.collected_at)
    added, known, corrected = against_known(facts.cells, workspace, told, source, file.name, problems)
    problems.raise_errors()
    if not added.height:
        problems.add("import.nothing-new", Where(file.name), count=known)
        return ImportedSdmx(0, 0, known, facts.left_out, problems.warnings)
    record(workspace, added, [source], {source.file: file}, problems)
    return ImportedSdmx(added.height - corrected, corrected, known, facts.left_out, problems.warnings)


def _source(told: Source, file: Path, message: SdmxMessage) -> Source:
    """Return the source, with what the message says of itself where nothing else is told."""
    source = described(told, file, Sheet(pl.DataFrame(), file.name))
    producer, date = source.producer or message.sender, source.date or message.prepared
    return replace(source, producer=producer, date=date)
