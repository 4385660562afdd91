"""CityGauge: composite indices of cities, scored, graded and traced back to their facts.

>>> import citygauge as cg
>>> result = cg.assess(cg.open("demo/city-statistics-2023"))  # doctest: +SKIP
>>> result.ranking  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citygauge.analyse.causes import causes
    from citygauge.analyse.compare import compare
    from citygauge.analyse.describe import describe
    from citygauge.analyse.improve.propose import improve
    from citygauge.analyse.leave_out import leave_one_out
    from citygauge.analyse.robust.replay import replay
    from citygauge.analyse.robust.robustness import robustness
    from citygauge.analyse.scorecard import scorecard
    from citygauge.analyse.trends import trends
    from citygauge.audit.audit import audit_published
    from citygauge.audit.read import read_published
    from citygauge.audit.reconstruct.reconstruct import reconstruct
    from citygauge.corridor import assess, assess_panel
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
    "assess_panel",
    "audit_published",
    "builtin",
    "causes",
    "compare",
    "describe",
    "from_frames",
    "improve",
    "leave_one_out",
    "open",
    "read_framework",
    "read_published",
    "reconstruct",
    "replay",
    "robustness",
    "scorecard",
    "trends",
]

_HOMES = {
    "Framework": "framework.model",
    "InputError": "problems",
    "Method": "score.method",
    "Problem": "problems",
    "Result": "result",
    "Workspace": "workspace",
    "assess": "corridor",
    "assess_panel": "corridor",
    "audit_published": "audit.audit",
    "builtin": "framework.builtin",
    "causes": "analyse.causes",
    "compare": "analyse.compare",
    "describe": "analyse.describe",
    "from_frames": "workspace",
    "improve": "analyse.improve.propose",
    "leave_one_out": "analyse.leave_out",
    "open": "workspace",
    "read_framework": "framework.read",
    "read_published": "audit.read",
    "reconstruct": "audit.reconstruct.reconstruct",
    "replay": "analyse.robust.replay",
    "robustness": "analyse.robust.robustness",
    "scorecard": "analyse.scorecard",
    "trends": "analyse.trends",
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
