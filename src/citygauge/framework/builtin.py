"""The frameworks that come with CityGauge, each a folder of data files."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from citygauge.framework.model import Framework
from citygauge.framework.read import read_framework


def builtin_folder() -> Path:
    """Return the folder of the built-in frameworks."""
    return Path(str(resources.files("citygauge").joinpath("framework", "builtin")))


@cache
def builtin_names() -> tuple[str, ...]:
    """Return the names of the built-in frameworks in alphabetical order."""
    return tuple(
        sorted(folder.name for folder in builtin_folder().iterdir() if (folder / "framework.csv").is_file())
    )


@cache
def builtin(name: str) -> Framework:
    """Return a built-in framework; KeyError for a name that is none."""
    if name not in builtin_names():
        raise KeyError(name)
    return read_framework(builtin_folder() / name)
