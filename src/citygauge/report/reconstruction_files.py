"""The files of a reconstruction: draws, weights, envelopes, one central table, figures, and the record."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from citygauge.audit.reconstruct.chains import CHAINS
from citygauge.audit.reconstruct.envelope import envelopes, has_conic
from citygauge.audit.reconstruct.reconstruct import NOTICE, Reconstruction
from citygauge.audit.reconstruct.told import (
    central_table,
    draws_table,
    figures_table,
    noticed,
    weights_table,
)
from citygauge.files import write_csv
from citygauge.problems import Problem, Where
from citygauge.provenance import sha256_of
from citygauge.report.files import Written, put_in_place

DRAWS = "draws.parquet"


def reconstruction_record(found: Reconstruction) -> dict[str, Any]:
    """Return what pins a reconstruction, so that a stranger draws the same, and how good the draws are."""
    published, draws = found.published, found.draws
    known = draws.ess[np.isfinite(draws.ess)]
    figures = {name: [figure.printed(), figure.rule] for name, figure in published.figures.items()}
    return {
        "citygauge": version("citygauge"),
        "notice": dict(NOTICE),
        "title_zh": published.title_zh,
        "title_en": published.title_en,
        "period": found.period or None,
        "figures_sha256": sha256_of(figures),
        "seed": found.seed,
        "draws": len(draws.scores),
        "chains": CHAINS,
        "sweeps_between_draws": draws.sweeps,
        "effective_min": round(draws.effective, 1) if known.size else None,
        "effective_median": round(float(np.median(known)), 1) if known.size else None,
        "least_effective": draws.watched[int(np.nanargmin(draws.ess))] if known.size else None,
        "rhat_max": round(float(np.nanmax(draws.rhat)), 4) if known.size else None,
        "weights": found.weights,
        "weights_by_rule": dict(found.rules),
        "sd_formula": "sample" if published.sd_formula == "sample" else "population",
        "relaxed": list(found.relaxed),
        "versions": {name: _version(name) for name in ("numpy", "numba", "scipy", "clarabel")},
        "warnings": [problem.as_dict() for problem in found.warnings],
    }


def write_reconstruction(found: Reconstruction, folder: Path) -> tuple[Written, pl.DataFrame]:
    """Write everything about a reconstruction; return what was written, and the envelopes.

    Parameters
    ----------
    found : Reconstruction
    folder : Path

    Raises
    ------
    InputError
        When the folder holds files and no run of CityGauge.
    """
    ends = envelopes(found.model, found.values)
    tables = {
        "weights": weights_table(found),
        "envelopes": ends,
        "central": central_table(found),
        "figures": figures_table(found),
    }

    def fill(draft: Path) -> list[str]:
        noticed(draws_table(found)).write_parquet(draft / DRAWS)
        for name, frame in tables.items():
            write_csv(noticed(frame), draft / f"{name}.csv")
        return [DRAWS, *(f"{name}.csv" for name in tables)]

    written = put_in_place(folder, reconstruction_record(found), fill)
    problems = () if has_conic() else (Problem("reconstruct.no-conic", Where()),)
    return Written(written.paths, problems=problems), ends


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
