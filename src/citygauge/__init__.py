"""CityGauge: composite indices of cities, scored, graded and traced back to their facts.

>>> import citygauge as cg
>>> result = cg.assess(cg.open("demo/city-statistics-2023"))  # doctest: +SKIP
>>> result.ranking  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citygauge.analyse.describe import describe
    from citygauge.corridor import assess
    from citygauge.framework.builtin import builtin
    from citygauge.framework.model import Framework
    from citygauge.framework.read import read_framework
    from citygauge.problems import InputError, Problem
    from citygauge.result import Result
    from citygauge.score.method import Method
    from citygauge.workspace import Workspace, from_frames
    from citygauge.workspace import open_workspace as open

__all__ = [
    "Framework",
    "InputError",
    "Method",
    "Problem",
    "Result",
    "Workspace",
    "assess",
    "builtin",
    "describe",
    "from_frames",
    "open",
    "read_framework",
]

_HOMES = {
    "Framework": "framework.model",
    "InputError": "problems",
    "Method": "score.method",
    "Problem": "problems",
    "Result": "result",
    "Workspace": "workspace",
    "assess": "corridor",
    "builtin": "framework.builtin",
    "describe": "analyse.describe",
    "from_frames": "workspace",
    "open": "workspace",
    "read_framework": "framework.read",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name not in _HOMES:
        raise AttributeError(f"module 'citygauge' has no attribute {name!r}")
    module = import_module(f"citygauge.{_HOMES[name]}")
    value = getattr(module, "open_workspace" if name == "open" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
