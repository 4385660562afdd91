"""Weight sets of a workspace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from citygauge.files import write_csv
from citygauge.problems import Problems, Where
from citygauge.score.weight import GIVEN
from citygauge.score.weight_data import WEIGHTERS

_NAME = re.compile(r"\w[\w.-]*(?<!\.)")


def write_weight_set(
    weights: Mapping[str, float], folder: Path, name: str, problems: Problems, *, replace: bool = False
) -> Path | None:
    """Write weights as ``weights/NAME.csv`` of a folder; None where the name cannot be taken.

    Parameters
    ----------
    weights : mapping
        code → weight.
    folder : Path
        A workspace, or a framework's folder.
    name : str
        Letters, digits, ``_``, ``-`` and ``.``; none of the names that stand for something else in a method.
    replace : bool
        Write over a set of that name.
    """
    path = free_place(folder, name, problems, replace=replace)
    if path is None:
        return None
    path.parent.mkdir(exist_ok=True)
    frame = pl.DataFrame(
        {"code": list(weights), "weight": list(weights.values())},
        schema={"code": pl.String, "weight": pl.Float64},
    )
    write_csv(frame, path)
    return path


def free_place(folder: Path, name: str, problems: Problems, *, replace: bool = False) -> Path | None:
    """Return where a weight set would stand; None, and why, where the name cannot be taken."""
    path, reserved = folder / "weights" / f"{name}.csv", sorted({*GIVEN, *WEIGHTERS})
    if not _NAME.fullmatch(name) or name in reserved:
        problems.add("weights.bad-name", name=name, reserved=reserved)
        return None
    if path.exists() and not replace:
        problems.add("weights.name-taken", Where(str(path)), name=name)
        return None
    return path
