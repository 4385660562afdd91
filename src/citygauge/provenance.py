"""Where numbers come from: sources of facts and the hashes that pin files and settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """One source of facts, as a row of ``sources.csv`` (every field text, blank when unknown).

    `sha256` is the hash of the original file as received; `file` its path inside the workspace.
    """

    id: str
    producer: str = ""
    title: str = ""
    url: str = ""
    licence: str = ""
    date: str = ""
    sha256: str = ""
    file: str = ""
    sheet: str = ""
    cell_range: str = ""

    def citation(self) -> str:
        """Return producer, title and date as one line; the id where nothing else is known."""
        parts = [part for part in (self.producer, self.title, self.date) if part]
        return ", ".join(parts) or self.id


SOURCE_COLUMNS = tuple(f.name for f in fields(Source))


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of(value: Mapping[str, Any] | list[Any]) -> str:
    """Return the SHA-256 of plain data, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
