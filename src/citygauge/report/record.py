"""What pins a run, so that a stranger can repeat it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from citygauge.provenance import sha256_of
from citygauge.result import NOTICE, Result


def run_record(result: Result) -> dict[str, Any]:
    """Return what pins a run: version, hashes of data, framework and method, and what was noted."""
    workspace = result.workspace
    data = {
        "units": workspace.units.frame.write_csv(),
        "observations": workspace.observations.frame.write_csv(),
        "settings": workspace.settings.model_dump(mode="json", by_alias=True, exclude={"theme"}),
        **({"subjects": workspace.subjects.frame.write_csv()} if len(workspace.subjects) else {}),
    }
    return {
        "citygauge": version("citygauge"),
        "hashes": {"data": sha256_of(data), "framework": result.framework.hash, "method": result.method.hash},
        "framework": result.framework.code or workspace.settings.framework,
        "period": result.period,
        "units": len(result.units),
        "indicators": len(result.framework.indicators),
        "illustrative": result.illustrative,
        **({"notice": dict(NOTICE)} if result.illustrative else {}),
        "warnings": [problem.as_dict() for problem in result.warnings],
    }
